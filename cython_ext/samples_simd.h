/* Included several times by samples_kernels.c, once for each instruction set; no include guard.
   QW_WIDTH is the number of doubles in a register, QW_VECTORS the number of registers that each
   part of a complex sum is kept in. */

#define QW_INLINE TARGET static inline __attribute__((always_inline))
#define vec NAME(doubles)
#define bitvec NAME(words)
typedef double vec __attribute__((vector_size(8 * QW_WIDTH), may_alias));
typedef uint64_t bitvec __attribute__((vector_size(8 * QW_WIDTH), may_alias));

#define QW_ROW(r) ((vec *)(rows + (long)(r) * QW_LANES))
#define QW_ALL for (int l = 0; l < QW_LANES / QW_WIDTH; l++)

/* INOUT rows: the products of one stage */
QW_INLINE void NAME(multiply)(const qw_stage *s, double *rows)
{
    for (int k = 0; k < s->products; k++) {
        const qw_product *p = s->product + k;
        vec *d = QW_ROW(p->d);
        const vec *a = QW_ROW(p->a), *b = QW_ROW(p->b), *c = QW_ROW(p->c), *e = QW_ROW(p->e);
        if (p->kind == QW_TIMES)
            QW_ALL d[l] = a[l] * b[l];
        else if (p->kind == QW_PLUS)
            QW_ALL d[l] = a[l] * b[l] + c[l] * e[l];
        else
            QW_ALL d[l] = a[l] * b[l] - c[l] * e[l];
    }
}

/* the rows of a term, some registers of each */
#define QW_PART(r) ((const vec *)(rows + (long)(r) * QW_LANES) + at)
#define QW_EACH _Pragma("GCC unroll 8") for (int l = 0; l < QW_VECTORS; l++)
/* read once: without this GCC reads what is in memory as often as it is used */
#ifdef LEVELS_X86
#define QW_READ(name, value) vec name = value; __asm__("" : "+v"(name))
#else
#define QW_READ(name, value) const vec name = value
#endif
#define QW_FOUR QW_READ(f, a[l]); QW_READ(g, b[l]); QW_READ(h, d[l]); QW_READ(i, e[l])
/* re + i im += coefficient * (x + i y), where TAKE gives x and y. Sums from the left: each product
   is fused with what is there. */
#define QW_CASES(source, TAKE)                                                                 \
    case QW_KIND(source, QW_RE):                                                               \
        QW_EACH { TAKE; re[l] += c[0] * x; im[l] += c[3] * y; }                                \
        break;                                                                                 \
    case QW_KIND(source, QW_IM):                                                               \
        QW_EACH { TAKE; re[l] += c[1] * y; im[l] += c[2] * x; }                                \
        break;                                                                                 \
    case QW_KIND(source, QW_BOTH):                                                             \
        QW_EACH                                                                                \
        {                                                                                      \
            TAKE;                                                                              \
            re[l] = re[l] + c[0] * x + c[1] * y;                                               \
            im[l] = im[l] + c[2] * x + c[3] * y;                                               \
        }                                                                                      \
        break;

/* re + i im += (x + i y) * (coefficient + that of the next term * (x^2 + y^2)): two terms */
#define QW_CUBIC(shape, P, RE, IM)                                                             \
    case QW_KIND(QW_BENT, shape):                                                              \
        QW_EACH                                                                                \
        {                                                                                      \
            QW_READ(x, a[l]);                                                                  \
            QW_READ(y, b[l]);                                                                  \
            const vec z = x * x + y * y, p = P;                                                \
            re[l] = re[l] + RE;                                                                \
            im[l] = im[l] + IM;                                                                \
        }                                                                                      \
        t++;                                                                                   \
        c += 4;                                                                                \
        break;

/* INOUT rows: z of the second stage = z + dz, or z = (z + z of the second stage + dz) / 2.
   IN p, s, coefficient (4 terms), second. Sums stay in registers. */
QW_INLINE void NAME(add)(const qw_program *p, const qw_stage *s, double *rows,
                         const double *coefficient, int second)
{
    for (int k = 0; k < p->variables; k++) {
        const int own = p->target[2 * k], other = p->target[2 * k + 1];
        const qw_term *const end = s->term + p->start[k + 1];
        for (int at = 0; at < QW_LANES / QW_WIDTH; at += QW_VECTORS) {
            /* a real variable has a sum of imaginary parts too, which nobody reads */
            const int beside = other < 0 ? own : other;
            vec re[QW_VECTORS], im[QW_VECTORS];
            QW_EACH { re[l] = QW_PART(own)[l]; im[l] = QW_PART(beside)[l]; }
            if (second)
                QW_EACH
                {
                    re[l] = 0.5 * (re[l] + QW_PART(own + p->sums)[l]);
                    im[l] = 0.5 * (im[l] + QW_PART(beside + p->sums)[l]);
                }
            const double *c = coefficient + 4 * (long)p->start[k];
            for (const qw_term *t = s->term + p->start[k]; t < end; t++, c += 4) {
                const vec *a = QW_PART(t->a), *b = QW_PART(t->b);
                const vec *d = QW_PART(t->c), *e = QW_PART(t->d);
                switch (t->kind) {
                case QW_KIND(QW_REAL, QW_RE): QW_EACH re[l] += c[0] * a[l]; break;
                case QW_KIND(QW_REAL, QW_IM): QW_EACH im[l] += c[2] * a[l]; break;
                case QW_KIND(QW_REAL, QW_BOTH):
                    QW_EACH { re[l] += c[0] * a[l]; im[l] += c[2] * a[l]; }
                    break;
                QW_CASES(QW_COMPLEX, const vec x = a[l]; const vec y = b[l])
                QW_CASES(QW_REAL_COMPLEX, const vec x = a[l] * b[l]; const vec y = a[l] * d[l])
                QW_CASES(QW_COMPLEX_COMPLEX, QW_FOUR; const vec x = f * h - g * i;
                         const vec y = f * i + g * h)
                QW_CASES(QW_CONJUGATE_COMPLEX, QW_FOUR; const vec x = f * h + g * i;
                         const vec y = f * i - g * h)
                QW_CASES(QW_MODULUS_COMPLEX, const vec z = a[l] * a[l] + b[l] * b[l];
                         const vec x = z * d[l]; const vec y = z * e[l])
                QW_CUBIC(QW_RE, c[0] + c[4] * z, p * x, p * y)
                QW_CUBIC(QW_IM, c[0] + c[4] * z, p * x - c[2] * y, p * y + c[2] * x)
                QW_CUBIC(QW_BOTH, c[0] + c[4] * z, p * x - (c[2] + c[6] * z) * y,
                        p * y + (c[2] + c[6] * z) * x)
                case QW_KIND(QW_PAIR, QW_RE): {
                    const vec *x = QW_PART(t[1].a), *y = QW_PART(t[1].b);
                    QW_EACH
                    {
                        re[l] = re[l] + c[0] * a[l] + c[4] * x[l];
                        im[l] = im[l] + c[3] * b[l] + c[7] * y[l];
                    }
                    t++;
                    c += 4;
                    break;
                }
                }
            }
            const int to = second ? 0 : p->sums;
            QW_EACH ((vec *)QW_PART(own + to))[l] = re[l];
            if (other >= 0)
                QW_EACH ((vec *)QW_PART(other + to))[l] = im[l];
        }
    }
}
#undef QW_PART
#undef QW_CASES
#undef QW_READ
#undef QW_FOUR
#undef QW_CUBIC

/* OUT c: four numbers a term: what x and y of it add to Re dz, and to Im dz; with the step or its
   root, halved in the second stage. IN p, factor (2 factors), dt, weight. */
QW_INLINE void NAME(coefficients)(const qw_program *p, const double *factor, double dt,
                                  double weight, double *c)
{
    const double root = weight * sqrt(dt), whole = weight * dt;
    for (int e = 0; e < p->stage[0].terms; e++) {
        const double *f = factor + 2 * p->factor[e], by = p->noisy[e] ? root : whole;
        const double re = by * (p->re[e] * f[0] - p->im[e] * f[1]);
        const double im = by * (p->re[e] * f[1] + p->im[e] * f[0]);
        c[4 * e] = re;
        c[4 * e + 1] = -im * p->sign[e];
        c[4 * e + 2] = im;
        c[4 * e + 3] = re * p->sign[e];
    }
}

/* INOUT q: 64 new bits of every sample */
QW_INLINE void NAME(draw)(qw_random *q)
{
    bitvec *a = (bitvec *)q->s[0], *b = (bitvec *)q->s[1];
    bitvec *c = (bitvec *)q->s[2], *d = (bitvec *)q->s[3];
    bitvec *out = (bitvec *)q->bits;
    QW_ALL {
        const bitvec sum = a[l] + d[l], t = b[l] << 17;
        out[l] = ((sum << 23) | (sum >> 41)) + a[l];
        c[l] ^= a[l];
        d[l] ^= b[l];
        b[l] ^= c[l];
        a[l] ^= d[l];
        c[l] ^= t;
        d[l] = (d[l] << 45) | (d[l] >> 19);
    }
}

/* INOUT rows of the noises: +-1, by one bit of every sample, q, from the highest bit of a word on;
   what is left of a word that has too few is not used */
QW_INLINE void NAME(noises)(const qw_program *p, double *rows, qw_random *q)
{
    int left = 2 * p->jumps;
    double *to = (double *)QW_ROW(2 * p->sums);
    while (left > 0) {
        const int count = left < 64 ? left : 64;
        if (q->used + count > 64) {
            NAME(draw)(q);
            q->used = 0;
        }
        for (int at = 0; at < QW_LANES / QW_WIDTH; at += QW_VECTORS) {
            bitvec bits[QW_VECTORS];
            QW_EACH bits[l] = ((const bitvec *)q->bits)[at + l] << q->used;
            for (int k = 0; k < count; k++) {
                bitvec *z = (bitvec *)(to + (long)k * QW_LANES) + at;
                QW_EACH
                {
                    z[l] = (bits[l] & 0x8000000000000000u) | 0x3ff0000000000000u;
                    bits[l] += bits[l];
                }
            }
        }
        q->used += count;
        to += (long)count * QW_LANES;
        left -= count;
    }
}

#undef QW_EACH

/* INOUT every spin (w = Sx - i Sy, z): its length back to what it was */
QW_INLINE void NAME(spheres)(const qw_program *p, double *rows)
{
    for (int k = 0; k < p->spheres; k++) {
        double *x = (double *)QW_ROW(p->sphere[4 * k]), *y = (double *)QW_ROW(p->sphere[4 * k + 1]);
        double *z = (double *)QW_ROW(p->sphere[4 * k + 2]);
        const double *length = (const double *)QW_ROW(p->sphere[4 * k + 3]);
        for (int l = 0; l < QW_LANES; l++) {
            const double f = length[l] / sqrt(x[l] * x[l] + y[l] * y[l] + z[l] * z[l]);
            x[l] *= f;
            y[l] *= f;
            z[l] *= f;
        }
    }
}

/* see qw_kernels */
TARGET static void NAME(steps)(const qw_program *p, double *rows, qw_random *random, double dt,
                               long steps, int timed, const double *factors, double *c)
{
    double *second = c + 4 * p->stage[0].terms;
    if (!timed) {
        NAME(coefficients)(p, factors, dt, 1.0, c);
        NAME(coefficients)(p, factors, dt, 0.5, second);
    }
    for (long step = 0; step < steps; step++) {
        if (timed) {
            NAME(coefficients)(p, factors + 2 * p->factors * step, dt, 1.0, c);
            NAME(coefficients)(p, factors + 2 * p->factors * (step + 1), dt, 0.5, second);
        }
        NAME(noises)(p, rows, random);
        NAME(multiply)(&p->stage[0], rows);
        NAME(add)(p, &p->stage[0], rows, c, 0);
        NAME(multiply)(&p->stage[1], rows);
        NAME(add)(p, &p->stage[1], rows, second, 1);
        NAME(spheres)(p, rows);
    }
}

static const qw_kernels NAME(kernels) = { LEVEL_NAME, NAME(steps) };

#undef vec
#undef bitvec
#undef QW_INLINE
#undef QW_ROW
#undef QW_ALL
