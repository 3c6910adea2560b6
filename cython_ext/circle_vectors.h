/* Vectors of QC_LANES doubles and their elementary functions. Included once for each instruction
   set, first of the parts of circle_simd.h; no include guard. */

#define vec NAME(doubles)
#define ivec NAME(integers)
typedef double vec __attribute__((vector_size(8 * QC_LANES), aligned(8), may_alias));
typedef long long ivec __attribute__((vector_size(8 * QC_LANES), aligned(8), may_alias));

#ifndef QC_CONSTANTS
#define QC_CONSTANTS
#define ALL(value) ((vec)((vec){0} + (value)))
/* adding and subtracting it rounds to the nearest integer, which is then in the low bits */
#define MAGIC 6755399441055744.0
/* 2^52, and the bits below it: the low bits of a sum with it are an integer */
#define INTEGER_BIT 4503599627370496.0
#define INTEGER_MASK 0xfffffffffffffLL
/* rows of QC_WIDTH doubles, of which vectors are loaded */
static const long long qc_lane[QC_WIDTH] = {0, 1, 2, 3, 4, 5, 6, 7};
static const double qc_ones[QC_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1};
static const double qc_even[QC_WIDTH] = {1, 0, -1, 0, 1, 0, -1, 0};
static const double qc_odd[QC_WIDTH] = {0, 1, 0, -1, 0, 1, 0, -1};
static const double qc_bit[3][QC_WIDTH] = {
    {0, 1, 0, 1, 0, 1, 0, 1}, {0, 0, 1, 1, 0, 0, 1, 1}, {0, 0, 0, 0, 1, 1, 1, 1}};
static const double qc_no_bit[3][QC_WIDTH] = {
    {1, 0, 1, 0, 1, 0, 1, 0}, {1, 1, 0, 0, 1, 1, 0, 0}, {1, 1, 1, 1, 0, 0, 0, 0}};
#endif

/* IN p (QC_LANES). */
QC_INLINE vec NAME(load)(const double *p) { return *(const vec *)p; }

/* OUT p (QC_LANES); IN v. */
QC_INLINE void NAME(store)(double *p, vec v) { *(vec *)p = v; }

/* IN v. Sum of its lanes. */
QC_INLINE double NAME(total)(vec v)
{
    double part[QC_LANES];
    NAME(store)(part, v);
    for (int half = QC_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) part[l] += part[l + half];
    return part[0];
}

/* IN mask, a, b. a where the mask is set, b elsewhere. */
QC_INLINE vec NAME(choose)(ivec mask, vec a, vec b)
{
    return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}

/* IN v. */
QC_INLINE vec NAME(magnitude)(vec v) { return (vec)((ivec)v & 0x7fffffffffffffffLL); }

/* IN p (count); count up to QC_LANES; fill: what the other lanes hold. */
QC_INLINE vec NAME(load_some)(const double *p, qc_size count, double fill)
{
    double buffer[QC_LANES];
    NAME(store)(buffer, ALL(fill));
    for (qc_size l = 0; l < count; l++) buffer[l] = p[l];
    return NAME(load)(buffer);
}

/* OUT p (count); IN count, v. */
QC_INLINE void NAME(store_some)(double *p, qc_size count, vec v)
{
    double buffer[QC_LANES];
    NAME(store)(buffer, v);
    for (qc_size l = 0; l < count; l++) p[l] = buffer[l];
}

/* The one idiom of complex numbers here: real and imaginary parts in registers of their own.
   INOUT re, im; IN cr, ci. (re + i im) (cr + i ci). */
QC_INLINE void NAME(times)(vec *re, vec *im, vec cr, vec ci)
{
    vec product = *re * cr - *im * ci;
    *im = *re * ci + *im * cr;
    *re = product;
}

/* IN v (QC_LANES vectors). Lane l of what is returned is the sum of the lanes of v[l]. */
QC_INLINE vec NAME(totals)(const vec *v)
{
#define QC_LIST(...) __VA_ARGS__
#define QC_SUM(a, b, even, odd)                                                                 \
    (__builtin_shufflevector(a, b, QC_LIST even) + __builtin_shufflevector(a, b, QC_LIST odd))
#if QC_LANES == 8
#define QC_PAIRS(a, b) QC_SUM(a, b, (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15))
#define QC_FOURS(a, b) QC_SUM(a, b, (0, 1, 4, 5, 8, 9, 12, 13), (2, 3, 6, 7, 10, 11, 14, 15))
    /* lanes of a: v0 v1 v0 v1 ..., sums of pairs */
    vec a = QC_PAIRS(v[0], v[1]), b = QC_PAIRS(v[2], v[3]);
    vec c = QC_PAIRS(v[4], v[5]), d = QC_PAIRS(v[6], v[7]);
    /* sums of pairs of 128 bits: totals of v0 v1, halves, then those of v2 v3 */
    vec ab = QC_FOURS(a, b), cd = QC_FOURS(c, d);
    return QC_FOURS(ab, cd);
#elif QC_LANES == 4
#define QC_PAIRS(a, b) QC_SUM(a, b, (0, 4, 2, 6), (1, 5, 3, 7))
#define QC_FOURS(a, b) QC_SUM(a, b, (0, 1, 4, 5), (2, 3, 6, 7))
    vec a = QC_PAIRS(v[0], v[1]), b = QC_PAIRS(v[2], v[3]);
    return QC_FOURS(a, b);
#else
#define QC_PAIRS(a, b) QC_SUM(a, b, (0, 2), (1, 3))
#define QC_FOURS
    return QC_PAIRS(v[0], v[1]);
#endif
#undef QC_SUM
#undef QC_LIST
#undef QC_PAIRS
#undef QC_FOURS
}

/* ------------------------------------------------------------ elementary functions */

/* IN y, c (count). sum c[r] y^r, r = 0 .. count-1; in two halves where additions are separate from
   products, which otherwise wait for each other. */
QC_INLINE vec NAME(polynomial)(vec y, const double *c, int count)
{
    vec p = ALL(c[count - 1]);
    if (QC_LANES > 2) {
        for (int r = count - 2; r >= 0; r--) p = p * y + c[r];
        return p;
    }
    vec q = ALL(c[count - 2]), y2 = y * y;
    int r = count - 3;
    for (; r > 0; r -= 2) {
        p = p * y2 + c[r];
        q = q * y2 + c[r - 1];
    }
    return r == 0 ? (p * y2 + c[0]) + q * y : p * y + q;
}

/* IN x; OUT s, c. Sine and cosine of x/2, up to a common sign; |x| < QC_LARGEST. */
QC_INLINE void NAME(half_angle)(vec x, vec *s, vec *c)
{
    static const double sine[11] = {
        -1.0 / 6.0,
        1.0 / 120.0,
        -1.0 / 5040.0,
        1.0 / 362880.0,
        -1.0 / 39916800.0,
        1.0 / 6227020800.0,
        -1.0 / 1307674368000.0,
        1.0 / 355687428096000.0,
        -1.0 / 121645100408832000.0,
        1.0 / 51090942171709440000.0,
        -1.0 / 25852016738884976640000.0};
    static const double cosine[10] = {
        1.0 / 24.0,
        -1.0 / 720.0,
        1.0 / 40320.0,
        -1.0 / 3628800.0,
        1.0 / 479001600.0,
        -1.0 / 87178291200.0,
        1.0 / 20922789888000.0,
        -1.0 / 6402373705728000.0,
        1.0 / 2432902008176640000.0,
        -1.0 / 1124000727777607680000.0};
    vec q = (x * 0.15915494309189535 + MAGIC) - MAGIC;
    vec u = 0.5 * (((x - q * QC_TWO_PI_1) - q * QC_TWO_PI_2) - q * QC_TWO_PI_3);
    vec y = u * u;
    *s = u + u * (y * NAME(polynomial)(y, sine, 11));
    *c = (1.0 - 0.5 * y) + (y * y) * NAME(polynomial)(y, cosine, 10);
}

/* IN x; OUT s, c. Sine and cosine; |x| < QC_LARGEST. */
QC_INLINE void NAME(full_angle)(vec x, vec *s, vec *c)
{
    vec sh, ch;
    NAME(half_angle)(x, &sh, &ch);
    *s = 2.0 * sh * ch;
    *c = (ch - sh) * (ch + sh);
}

/* IN x. exp(x), of 600 where x is larger; 0 where it would fall below 1e-307. */
QC_INLINE vec NAME(exponential)(vec x)
{
    static const double series[12] = {
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5040.0,
        1.0 / 40320.0,
        1.0 / 362880.0,
        1.0 / 3628800.0,
        1.0 / 39916800.0,
        1.0 / 479001600.0,
        1.0 / 6227020800.0};
    ivec tiny = x < -707.0;
    x = NAME(choose)(tiny, ALL(-707.0), x);
    x = NAME(choose)(x > 600.0, ALL(600.0), x);
    vec shifted = x * 1.4426950408889634 + MAGIC;
    vec q = shifted - MAGIC;
    vec r = (x - q * 0x1.62e42fee00000p-1) - q * 0x1.a39ef35793c76p-33;
    vec p = 1.0 + (r + (r * r) * NAME(polynomial)(r, series, 12));
    p = (vec)((ivec)p + ((ivec)shifted << 52));
    return NAME(choose)(tiny, ALL(0.0), p);
}

/* see qc_kernels */
TARGET static void NAME(sincos)(const double *x, qc_size n, double *s, double *c)
{
    vec vs, vc;
    qc_size i;
    for (i = 0; i + QC_LANES <= n; i += QC_LANES) {
        NAME(full_angle)(NAME(load)(x + i), &vs, &vc);
        NAME(store)(s + i, vs);
        NAME(store)(c + i, vc);
    }
    if (i < n) {
        NAME(full_angle)(NAME(load_some)(x + i, n - i, 0.0), &vs, &vc);
        NAME(store_some)(s + i, n - i, vs);
        NAME(store_some)(c + i, n - i, vc);
    }
}

/* see qc_kernels */
TARGET static double NAME(max_abs)(const double *v, qc_size n)
{
    vec top = ALL(0.0);
    double buffer[QC_LANES], result = 0.0;
    qc_size i;
    for (i = 0; i + QC_LANES <= n; i += QC_LANES) {
        vec a = NAME(magnitude)(NAME(load)(v + i));
        top = NAME(choose)(a > top, a, top);
    }
    NAME(store)(buffer, top);
    for (int l = 0; l < QC_LANES; l++)
        if (buffer[l] > result) result = buffer[l];
    for (; i < n; i++) {
        double a = v[i] < 0 ? -v[i] : v[i];
        if (a > result) result = a;
    }
    return result;
}
