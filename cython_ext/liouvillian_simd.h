/* Included several times by liouvillian_kernels.c, once for each instruction set; no include guard.
   QL_LANES is the number of doubles in a register. Sums over all terms stay in registers for a
   chunk of QL_LANES * (1, 2 or 4) elements. */

#define QL_INLINE TARGET static inline __attribute__((always_inline))
#define vec NAME(doubles)
typedef double vec __attribute__((vector_size(8 * QL_LANES), aligned(8), may_alias));

/* IN p (QL_LANES) */
QL_INLINE vec NAME(load)(const double *p) { return *(const vec *)p; }

/* OUT p (QL_LANES); IN v */
QL_INLINE void NAME(store)(double *p, vec v) { *(vec *)p = v; }

#define QL_EACH for (int l = 0; l < V; l++)
#define QL_SKIP(e) if ((e)->low >= at + V * QL_LANES || (e)->high <= at) continue

/* elements at .. at + V QL_LANES - 1 of segment j; those from `left` on are not stored. As product
   of ql_kernels: IN V (a constant), t, j, at, left, alpha, shift, beta, x, previous; OUT out */
QL_INLINE double NAME(chunk)(const int V, const ql_table *t, ptrdiff_t j, ptrdiff_t at,
                             ptrdiff_t left, double alpha, double shift, double beta,
                             const double *x_re, const double *x_im, const double *previous_re,
                             const double *previous_im, double *out_re, double *out_im)
{
    vec re[4], im[4];
    const ptrdiff_t place = t->start[j] + at;
    {
        const double *lr = t->left_re + t->left[j] + at, *li = t->left_im + t->left[j] + at;
        const double *rr = t->right_re + t->right[j] + at, *ri = t->right_im + t->right[j] + at;
        QL_EACH {
            vec p = NAME(load)(lr + l * QL_LANES) + NAME(load)(rr + l * QL_LANES) - shift;
            vec q = NAME(load)(li + l * QL_LANES) - NAME(load)(ri + l * QL_LANES);
            vec a = NAME(load)(x_re + place + l * QL_LANES);
            vec b = NAME(load)(x_im + place + l * QL_LANES);
            re[l] = p * a - q * b;
            im[l] = p * b + q * a;
        }
    }
    const ptrdiff_t *first = t->first + QL_KINDS * j;
    const ql_term *e = t->terms + first[0], *end;
    /* terms of a kind with real coefficients */
#define QL_BY_REAL(kind, coefficient, sign)                                             \
    for (end = t->terms + first[kind + 1]; e < end; e++) {                              \
        QL_SKIP(e);                                                                     \
        const double *v = t->re + e->v + at, *w = t->re + e->w + at;                    \
        const double *a = x_re + e->source + at, *b = x_im + e->source + at;            \
        (void)w;                                                                        \
        QL_EACH {                                                                       \
            vec c = coefficient;                                                        \
            re[l] += c * NAME(load)(a + l * QL_LANES);                                  \
            im[l] sign c * NAME(load)(b + l * QL_LANES);                                \
        }                                                                               \
    }
#define QL_V NAME(load)(v + l * QL_LANES)
#define QL_V_W NAME(load)(v + l * QL_LANES) * NAME(load)(w + l * QL_LANES)
    QL_BY_REAL(QL_ALONE, QL_V, +=)
    QL_BY_REAL(QL_ALONE_CONJUGATE, QL_V, -=)
    QL_BY_REAL(QL_REAL, QL_V_W, +=)
    QL_BY_REAL(QL_REAL_CONJUGATE, QL_V_W, -=)
#undef QL_BY_REAL
#undef QL_V
#undef QL_V_W
    for (end = t->terms + first[QL_KINDS]; e < end; e++) {
        QL_SKIP(e);
        const double sign = e < t->terms + first[QL_COMPLEX_CONJUGATE] ? 1.0 : -1.0;
        const double *v = t->re + e->v + at, *w = t->re + e->w + at;
        const double *vi = t->im + e->v + at, *wi = t->im + e->w + at;
        const double *a = x_re + e->source + at, *b = x_im + e->source + at;
        QL_EACH {
            vec v_re = NAME(load)(v + l * QL_LANES), v_im = NAME(load)(vi + l * QL_LANES);
            vec w_re = NAME(load)(w + l * QL_LANES), w_im = NAME(load)(wi + l * QL_LANES);
            vec p = v_re * w_re + v_im * w_im, q = v_im * w_re - v_re * w_im;
            vec x = NAME(load)(a + l * QL_LANES), y = sign * NAME(load)(b + l * QL_LANES);
            re[l] += p * x - q * y;
            im[l] += p * y + q * x;
        }
    }
    if (left >= V * QL_LANES) {
        vec norm = {0};
        QL_EACH {
            const ptrdiff_t i = place + l * QL_LANES;
            vec a = alpha * re[l], b = alpha * im[l];
            if (beta != 0.0) {
                a += beta * NAME(load)(previous_re + i);
                b += beta * NAME(load)(previous_im + i);
            }
            NAME(store)(out_re + i, a);
            NAME(store)(out_im + i, b);
            norm += a * a + b * b;
        }
        double sum = 0.0, part[QL_LANES];
        NAME(store)(part, norm);
        for (int l = 0; l < QL_LANES; l++) sum += part[l];
        return sum;
    }
    double sum = 0.0, a[4 * QL_LANES], b[4 * QL_LANES];
    QL_EACH {
        NAME(store)(a + l * QL_LANES, re[l]);
        NAME(store)(b + l * QL_LANES, im[l]);
    }
    for (ptrdiff_t i = 0; i < left; i++) {
        double p = alpha * a[i], q = alpha * b[i];
        if (beta != 0.0) {
            p += beta * previous_re[place + i];
            q += beta * previous_im[place + i];
        }
        out_re[place + i] = p;
        out_im[place + i] = q;
        sum += p * p + q * q;
    }
    return sum;
}

/* see ql_kernels */
TARGET static double NAME(product)(const ql_table *t, double alpha, double shift, double beta,
                                   const double *x_re, const double *x_im,
                                   const double *previous_re, const double *previous_im,
                                   double *out_re, double *out_im)
{
    double norm = 0.0;
    for (ptrdiff_t j = 0; j < t->segments; j++) {
        const ptrdiff_t length = t->length[j];
        double sum = 0.0;
        for (ptrdiff_t at = 0; at < length;) {
            const ptrdiff_t left = length - at;
#define QL_CALL(V)                                                                              \
    NAME(chunk)(V, t, j, at, left, alpha, shift, beta, x_re, x_im, previous_re, previous_im,    \
                out_re, out_im)
            if (left > 2 * QL_LANES) { sum += QL_CALL(4); at += 4 * QL_LANES; }
            else if (left > QL_LANES) { sum += QL_CALL(2); at += 2 * QL_LANES; }
            else { sum += QL_CALL(1); at += QL_LANES; }
#undef QL_CALL
        }
        norm += t->weight[j] * sum;
    }
    return norm;
}

/* blocks of i that stay in the first-level cache for all rows */
#define QL_BLOCK 256

/* rows j (and j + 1 where R is 2) of a block; coefficients that are all zero have been dealt with.
   As combine of ql_kernels: IN R (a constant), block, end, count, f, c, c_stride, stride;
   INOUT out */
QL_INLINE void NAME(combine_rows)(const int R, ptrdiff_t block, ptrdiff_t end, int count,
                                  const double *const *f, const double *c, ptrdiff_t c_stride,
                                  double *out, ptrdiff_t stride)
{
    ptrdiff_t i = block;
    for (; i + 4 * QL_LANES <= end; i += 4 * QL_LANES) {
        vec s[2][4];
        for (int r = 0; r < R; r++)
            for (int l = 0; l < 4; l++) s[r][l] = NAME(load)(out + r * stride + i + l * QL_LANES);
        for (int k = 0; k < count; k++) {
            vec x[4];
            for (int l = 0; l < 4; l++) x[l] = NAME(load)(f[k] + i + l * QL_LANES);
            for (int r = 0; r < R; r++)
                for (int l = 0; l < 4; l++) s[r][l] += c[r * c_stride + k] * x[l];
        }
        for (int r = 0; r < R; r++)
            for (int l = 0; l < 4; l++) NAME(store)(out + r * stride + i + l * QL_LANES, s[r][l]);
    }
    for (; i < end; i++)
        for (int r = 0; r < R; r++) {
            double s = out[r * stride + i];
            for (int k = 0; k < count; k++) s += c[r * c_stride + k] * f[k][i];
            out[r * stride + i] = s;
        }
}

/* IN c (count) */
QL_INLINE int NAME(any)(const double *c, int count)
{
    for (int k = 0; k < count; k++)
        if (c[k] != 0.0) return 1;
    return 0;
}

/* see ql_kernels */
TARGET static void NAME(combine)(ptrdiff_t rows, ptrdiff_t n, int count, const double *const *f,
                                 const double *c, ptrdiff_t c_stride, double *out,
                                 ptrdiff_t stride)
{
    for (ptrdiff_t block = 0; block < n; block += QL_BLOCK) {
        const ptrdiff_t end = block + QL_BLOCK < n ? block + QL_BLOCK : n;
        for (ptrdiff_t j = 0; j < rows; j++) {
            /* early outputs need fewer polynomials */
            if (!NAME(any)(c + j * c_stride, count)) continue;
            const double *d = c + j * c_stride;
            double *row = out + j * stride;
            if (j + 1 < rows) {
                NAME(combine_rows)(2, block, end, count, f, d, c_stride, row, stride);
                j++;
            } else
                NAME(combine_rows)(1, block, end, count, f, d, c_stride, row, stride);
        }
    }
}

/* as running of ql_kernels, with a constant number of functions: IN x, before, g; OUT here;
   INOUT out */
QL_INLINE void NAME(sums)(const int functions, ptrdiff_t n, int powers, double place, double two,
                          double back, const double *x, double *const *before,
                          double *const *here, const double *g, double *const *out)
{
    ptrdiff_t i = 0;
    for (; i + QL_LANES <= n; i += QL_LANES) {
        vec c = NAME(load)(x + i), s[QL_FUNCTIONS];
        for (int l = 0; l < functions; l++) s[l] = g[l * (powers + 1)] * c;
        for (int q = 0; q < powers; q++) {
            vec next = two * c + back * NAME(load)(before[q] + i);
            c = place * NAME(load)(here[q] + i);
            NAME(store)(before[q] + i, next);
            for (int l = 0; l < functions; l++) s[l] += g[l * (powers + 1) + q + 1] * c;
        }
        for (int l = 0; l < functions; l++) NAME(store)(out[l] + i, s[l]);
    }
    for (; i < n; i++) {
        double c = x[i], s[QL_FUNCTIONS];
        for (int l = 0; l < functions; l++) s[l] = g[l * (powers + 1)] * c;
        for (int q = 0; q < powers; q++) {
            double next = two * c + back * before[q][i];
            c = place * here[q][i];
            before[q][i] = next;
            for (int l = 0; l < functions; l++) s[l] += g[l * (powers + 1) + q + 1] * c;
        }
        for (int l = 0; l < functions; l++) out[l][i] = s[l];
    }
}

/* see ql_kernels */
TARGET static void NAME(running)(ptrdiff_t n, int powers, double place, double two, double back,
                                 const double *x, double *const *before, double *const *here,
                                 int functions, const double *g, double *const *out)
{
    if (functions == 1)
        NAME(sums)(1, n, powers, place, two, back, x, before, here, g, out);
    else
        NAME(sums)(functions, n, powers, place, two, back, x, before, here, g, out);
}

static const ql_kernels NAME(kernels) = {
    LEVEL_NAME, NAME(product), NAME(combine), NAME(running)
};

#undef QL_INLINE
#undef QL_EACH
#undef QL_SKIP
#undef QL_BLOCK
#undef vec
