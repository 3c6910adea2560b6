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

/* read once: without this GCC reads what is in memory as often as it is used */
#ifdef LEVELS_X86
#define QW_READ(name, value) vec name = value; __asm__("" : "+v"(name))
#else
#define QW_READ(name, value) const vec name = value
#endif
/* the rows of a term, some registers of each */
#define QW_PART(r) ((const vec *)(rows + (long)(r) * QW_LANES) + at)
#define QW_EACH _Pragma("GCC unroll 8") for (int l = 0; l < QW_VECTORS; l++)
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
/* the same with the coefficients 1 and i */
#define QW_UNITS(source, TAKE, ONE_RE, ONE_IM, I_RE)                                           \
    case QW_KIND(source, QW_ONE):                                                              \
        QW_EACH { TAKE; re[l] = re[l] ONE_RE; im[l] = im[l] ONE_IM; }                          \
        break;                                                                                 \
    case QW_KIND(source, QW_I):                                                                \
        QW_EACH { TAKE; re[l] = re[l] I_RE; im[l] = im[l] ONE_RE; }                            \
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

/* z, or z + z of the second stage, and QW_OWN: what is read once is used four times.
   IN z (x, y), of the second stage (u, v), a noise (d, e), coefficients of two terms, second and
   turned, which are constants where this is called; OUT re, im */
QW_INLINE void NAME(begin)(vec *re, vec *im, const vec *x, const vec *y, const vec *u, const vec *v,
                           const vec *d, const vec *e, const double *c, int second, int turned)
{
    QW_EACH
    {
        QW_READ(a, second ? u[l] : x[l]); QW_READ(b, second ? v[l] : y[l]);
        QW_READ(f, d[l]); QW_READ(g, e[l]);
        const vec p = c[0] + c[4] * (a * a + b * b);
        vec r = a, i = b;
        if (second) {
            r += x[l];
            i += y[l];
        }
        r = r + p * a - c[2] * b;
        i = i + p * b + c[2] * a;
        if (turned) {
            re[l] = r - a * g + b * f;
            im[l] = i + a * f + b * g;
        } else {
            re[l] = r + a * f + b * g;
            im[l] = i + a * g - b * f;
        }
    }
}

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
            const double *c = coefficient + 4 * (long)p->start[k];
            const qw_term *t = s->term + p->start[k];
            const int kind = t < end ? t->kind : -1;
            const vec *x = QW_PART(own), *y = QW_PART(beside);
            const vec *u = QW_PART(own + p->sums), *v = QW_PART(beside + p->sums);
            if (kind == QW_KIND(QW_OWN, QW_ONE) || kind == QW_KIND(QW_OWN, QW_I)) {
                const vec *d = QW_PART(t[2].c), *e = QW_PART(t[2].d);
                if (kind == QW_KIND(QW_OWN, QW_ONE))
                    NAME(begin)(re, im, x, y, u, v, d, e, c, second, 0);
                else
                    NAME(begin)(re, im, x, y, u, v, d, e, c, second, 1);
                t += 3;
                c += 12;
            } else if (second)
                QW_EACH { re[l] = x[l] + u[l]; im[l] = y[l] + v[l]; }
            else
                QW_EACH { re[l] = x[l]; im[l] = y[l]; }
            for (; t < end; t++, c += 4) {
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
                QW_UNITS(QW_COMPLEX, , + a[l], + b[l], - b[l])
                QW_UNITS(QW_REAL_COMPLEX, , + a[l] * b[l], + a[l] * d[l], - a[l] * d[l])
                QW_UNITS(QW_COMPLEX_COMPLEX, QW_FOUR, + f * h - g * i, + f * i + g * h,
                         - f * i - g * h)
                QW_UNITS(QW_CONJUGATE_COMPLEX, QW_FOUR, + f * h + g * i, + f * i - g * h,
                         - f * i + g * h)
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
            if (second)
                QW_EACH { re[l] *= 0.5; im[l] *= 0.5; }
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
#undef QW_UNITS
#undef QW_CUBIC

/* OUT c: four numbers a term: what x and y of it add to Re dz, and to Im dz.
   IN p, factor (2 factors), dt */
QW_INLINE void NAME(coefficients)(const qw_program *p, const double *factor, double dt, double *c)
{
    for (int e = 0; e < p->stage[0].terms; e++) {
        const double *f = factor + 2 * p->factor[e], by = p->noisy[e] ? 1 : dt;
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

/* INOUT rows of the noises: +-size (2 jumps), by one bit of every sample, q, from the highest bit
   of a word on; what is left of a word that has too few is not used */
QW_INLINE void NAME(noises)(const qw_program *p, const double *size, double *rows, qw_random *q)
{
    int left = 2 * p->jumps, done = 0;
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
                uint64_t own;
                memcpy(&own, size + (done + k) / 2, sizeof own);
                QW_EACH
                {
                    z[l] = (bits[l] & 0x8000000000000000u) ^ own;
                    bits[l] += bits[l];
                }
            }
        }
        q->used += count;
        to += (long)count * QW_LANES;
        done += count;
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
    double *second = timed ? c + 4 * p->stage[0].terms : c, *size = c + 8 * p->stage[0].terms;
    for (int k = 0; k < p->jumps; k++)
        size[k] = p->noise[k] * sqrt(dt);
    if (!timed)
        NAME(coefficients)(p, factors, dt, c);
    for (long step = 0; step < steps; step++) {
        if (timed) {
            NAME(coefficients)(p, factors + 2 * p->factors * step, dt, c);
            NAME(coefficients)(p, factors + 2 * p->factors * (step + 1), dt, second);
        }
        NAME(noises)(p, size, rows, random);
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
