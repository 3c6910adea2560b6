/* Included several times by samples_kernels.c, once for each instruction set; no include guard.
   QW_WIDTH is the number of doubles in a register, QW_VECTORS the number of registers that a sum is
   kept in. */

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
        if (p->kind == 0)
            QW_ALL d[l] = a[l] * b[l];
        else if (p->kind == 1)
            QW_ALL d[l] = a[l] * b[l] + c[l] * e[l];
        else
            QW_ALL d[l] = a[l] * b[l] - c[l] * e[l];
    }
}

/* INOUT rows: z of the second stage = z + dz, or z = (z + z of the second stage + dz) / 2.
   IN s, c (entries), second. Sums stay in registers. */
QW_INLINE void NAME(add)(const qw_stage *s, double *rows, const double *c, int second)
{
    for (int k = 0; k < s->sums; k++) {
        vec *x = QW_ROW(k), *y = QW_ROW(s->sums + k);
        for (int at = 0; at < QW_LANES / QW_WIDTH; at += QW_VECTORS) {
            vec sum[QW_VECTORS];
            for (int l = 0; l < QW_VECTORS; l++)
                sum[l] = x[at + l];
            if (second)
                for (int l = 0; l < QW_VECTORS; l++)
                    sum[l] = 0.5 * (sum[l] + y[at + l]);
            for (int e = s->start[k]; e < s->start[k + 1]; e++) {
                const vec *r = QW_ROW(s->column[e]) + at;
                const double f = c[e];
                for (int l = 0; l < QW_VECTORS; l++)
                    sum[l] += f * r[l];
            }
            for (int l = 0; l < QW_VECTORS; l++)
                (second ? x : y)[at + l] = sum[l];
        }
    }
}

/* OUT c: coefficients of one stage, with the step or its root; halved in the second stage.
   IN p, factor (2 factors), dt, weight. */
QW_INLINE void NAME(coefficients)(const qw_program *p, const double *factor, double dt,
                                  double weight, double *c)
{
    const double root = weight * sqrt(dt), whole = weight * dt;
    for (int e = 0; e < p->stage[0].entries; e++) {
        const double *f = factor + 2 * p->factor[e];
        c[e] = (p->re[e] * f[0] + p->im[e] * f[1]) * (p->noisy[e] ? root : whole);
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

/* INOUT rows of the noises: +-1, by one bit of every sample, q; the low bits are no worse than the
   others for this generator */
QW_INLINE void NAME(noises)(const qw_program *p, double *rows, qw_random *q)
{
    for (int k = 0; k < 2 * p->jumps; k++) {
        if (q->used == 64) {
            NAME(draw)(q);
            q->used = 0;
        }
        const int shift = 63 - q->used++;
        const bitvec *bits = (const bitvec *)q->bits;
        bitvec *z = (bitvec *)QW_ROW(2 * p->sums + k);
        QW_ALL z[l] = ((bits[l] << shift) & 0x8000000000000000u) | 0x3ff0000000000000u;
    }
}

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
    double *second = c + p->stage[0].entries;
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
        NAME(add)(&p->stage[0], rows, c, 0);
        NAME(multiply)(&p->stage[1], rows);
        NAME(add)(&p->stage[1], rows, second, 1);
        NAME(spheres)(p, rows);
    }
}

static const qw_kernels NAME(kernels) = { QW_TEXT(QW_SUFFIX) + 1, NAME(steps) };

#undef vec
#undef bitvec
#undef QW_INLINE
#undef QW_ROW
#undef QW_ALL
