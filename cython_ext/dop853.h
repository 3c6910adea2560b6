/* Arithmetic of the Dormand-Prince 8(5,3) method on arrays of doubles; no policy.
   E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, II.4 to II.6.
   A complex state is an array of pairs of doubles (width 2), whose error is measured by modulus. */
#ifndef QSYNCPLUG_DOP853_ARITHMETIC_H
#define QSYNCPLUG_DOP853_ARITHMETIC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "dop853_tableau.h"

/* Registers as wide as the processor's. No products that are fused with sums: the clones differ in
   speed, not in a single bit. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define DOP853_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define DOP853_CLONES
#endif

typedef double dop853_four __attribute__((vector_size(32), aligned(8), may_alias));
typedef long long dop853_mask __attribute__((vector_size(32)));

/* the larger of two numbers, four times; the second where one is not a number */
static inline __attribute__((always_inline)) dop853_four dop853_larger(dop853_four a, dop853_four b)
{
    const dop853_mask first = (dop853_mask)(a > b);
    return (dop853_four)((first & (dop853_mask)a) | (~first & (dop853_mask)b));
}

/* out = base + h * sum of the stages that row `stage` of the tableau names */
DOP853_CLONES static void dop853_combine(
    int stage,              /* IN */
    ptrdiff_t n,            /* IN */
    double h,               /* IN */
    double *const *K,       /* IN stages, each (n,) */
    const double *base,     /* IN (n,) */
    double *out)            /* OUT (n,) */
{
    const int count = ROW_START[stage + 1] - ROW_START[stage];
    const double *c = ROW_VALUE + ROW_START[stage];
    const double *k[12];
    ptrdiff_t i = 0;
    for (int j = 0; j < count; j++)
        k[j] = K[ROW_COLUMN[ROW_START[stage] + j]];
    /* sums in registers go through the stages: nothing is stored on the way, and sixteen of them
       hide how long one takes */
    for (; i + 16 <= n; i += 16) {
        dop853_four a = c[0] * *(const dop853_four *)(k[0] + i);
        dop853_four b = c[0] * *(const dop853_four *)(k[0] + i + 4);
        dop853_four d = c[0] * *(const dop853_four *)(k[0] + i + 8);
        dop853_four e = c[0] * *(const dop853_four *)(k[0] + i + 12);
        for (int j = 1; j < count; j++) {
            a += c[j] * *(const dop853_four *)(k[j] + i);
            b += c[j] * *(const dop853_four *)(k[j] + i + 4);
            d += c[j] * *(const dop853_four *)(k[j] + i + 8);
            e += c[j] * *(const dop853_four *)(k[j] + i + 12);
        }
        *(dop853_four *)(out + i) = *(const dop853_four *)(base + i) + h * a;
        *(dop853_four *)(out + i + 4) = *(const dop853_four *)(base + i + 4) + h * b;
        *(dop853_four *)(out + i + 8) = *(const dop853_four *)(base + i + 8) + h * d;
        *(dop853_four *)(out + i + 12) = *(const dop853_four *)(base + i + 12) + h * e;
    }
    for (; i + 8 <= n; i += 8) {
        dop853_four a = c[0] * *(const dop853_four *)(k[0] + i);
        dop853_four b = c[0] * *(const dop853_four *)(k[0] + i + 4);
        for (int j = 1; j < count; j++) {
            a += c[j] * *(const dop853_four *)(k[j] + i);
            b += c[j] * *(const dop853_four *)(k[j] + i + 4);
        }
        *(dop853_four *)(out + i) = *(const dop853_four *)(base + i) + h * a;
        *(dop853_four *)(out + i + 4) = *(const dop853_four *)(base + i + 4) + h * b;
    }
    for (; i < n; i++) {
        double a = c[0] * k[0][i];
        for (int j = 1; j < count; j++)
            a += c[j] * k[j][i];
        out[i] = base[i] + h * a;
    }
}

/* modulus of entry i of a real or complex array */
static inline double dop853_modulus(
    const double *v,        /* IN */
    ptrdiff_t i,            /* IN */
    int width)              /* IN 1 or 2 */
{
    return width == 1 ? fabs(v[i]) : sqrt(v[i] * v[i] + v[i + 1] * v[i + 1]);
}

/* what `count` entries of a step add to the squares of its two error estimates, in units of the
   tolerance: s[0] += and s[1] +=; the worst of them in s[2] where that is asked for */
static inline __attribute__((always_inline)) void dop853_squares(
    ptrdiff_t i,            /* IN the first entry */
    ptrdiff_t count,        /* IN doubles */
    int width,              /* IN 1 or 2 */
    double *const *K,       /* IN stages, each (n,) */
    const double *y0,       /* IN (n,) */
    const double *y1,       /* IN (n,) */
    const double *atol,     /* IN (n,), or one number with stride 0 */
    ptrdiff_t stride,       /* IN 0 or 1 */
    double rtol,            /* IN */
    int worst,              /* IN 0 or 1 */
    double *s)              /* INOUT (3,) */
{
    for (const ptrdiff_t end = i + count; i < end; i += width) {
        double f5[2] = {0, 0}, f3[2] = {0, 0}, scale, s5, s3;
        for (int k = 0; k < 13; k++)
            for (int part = 0; part < width; part++) {
                f5[part] += ERROR5[k] * K[k][i + part];
                f3[part] += ERROR3[k] * K[k][i + part];
            }
        scale = atol[i * stride]
            + rtol * fmax(dop853_modulus(y0, i, width), dop853_modulus(y1, i, width));
        for (int part = 0; part < width; part++) {
            f5[part] /= scale;
            f3[part] /= scale;
        }
        s5 = f5[0] * f5[0] + f5[1] * f5[1];
        s3 = f3[0] * f3[0] + f3[1] * f3[1];
        /* a size beyond all numbers makes no error small: 0 times it is none */
        s[0] += s5 + 0.0 * scale;
        s[1] += s3;
        if (worst && s5 * s5 > s[2] * (s5 + 0.01 * s3))
            s[2] = s5 * s5 / (s5 + 0.01 * s3);
    }
}

/* |v| of four numbers, or of two pairs, each of them twice */
static inline __attribute__((always_inline)) dop853_four dop853_four_moduli(
    int width,              /* IN 1 or 2 */
    dop853_four v)          /* IN */
{
    const dop853_mask positive = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    if (width == 1)
        return (dop853_four)((dop853_mask)v & positive);
    v *= v;
    v += __builtin_shufflevector(v, v, 1, 0, 3, 2);
    for (int j = 0; j < 4; j++)
        v[j] = sqrt(v[j]);
    return v;
}

/* tolerances of four doubles of this size, or of two pairs, each of them twice */
static inline __attribute__((always_inline)) dop853_four dop853_scale(
    ptrdiff_t i,            /* IN the first entry */
    int width,              /* IN 1 or 2 */
    dop853_four size,       /* IN */
    const double *atol,     /* IN (n,), or one number with stride 0 */
    int stride,             /* IN 0 or 1 */
    double rtol)            /* IN */
{
    dop853_four least = {atol[0], atol[0], atol[0], atol[0]};
    if (stride)
        least = *(const dop853_four *)(atol + i);
    if (stride && width == 2)
        least = __builtin_shufflevector(least, least, 0, 0, 2, 2);
    return least + rtol * size;
}

/* the same of four doubles at a time, side by side in registers, as long as there are four */
static inline __attribute__((always_inline)) ptrdiff_t dop853_four_squares(
    ptrdiff_t n,            /* IN */
    int width,              /* IN 1 or 2 */
    double *const *K,       /* IN stages, each (n,) */
    const double *y0,       /* IN (n,) */
    const double *y1,       /* IN (n,) */
    const double *atol,     /* IN (n,), or one number with stride 0 */
    int stride,             /* IN 0 or 1 */
    double rtol,            /* IN */
    int worst,              /* IN 0 or 1 */
    double *s)              /* INOUT (3,) */
{
    const double *k[13];
    double c5[13], c3[13];
    int count = 0;
    ptrdiff_t i = 0;
    dop853_four total5 = {0}, total3 = {0}, top = {0};
    for (int j = 0; j < 13; j++)
        if (ERROR5[j] != 0 || ERROR3[j] != 0) {
            k[count] = K[j];
            c5[count] = ERROR5[j];
            c3[count++] = ERROR3[j];
        }
    for (; i + 4 <= n; i += 4) {
        dop853_four f5 = {0}, f3 = {0};
        for (int j = 0; j < count; j++) {
            const dop853_four v = *(const dop853_four *)(k[j] + i);
            f5 += c5[j] * v;
            f3 += c3[j] * v;
        }
        const dop853_four a = dop853_four_moduli(width, *(const dop853_four *)(y0 + i));
        const dop853_four z = dop853_four_moduli(width, *(const dop853_four *)(y1 + i));
        const dop853_four size = dop853_larger(a, z);
        const dop853_four scale = dop853_scale(i, width, size, atol, stride, rtol);
        const dop853_four unit = 1.0 / scale;
        f5 *= unit;
        f3 *= unit;
        total5 += 0.0 * scale;
        f5 *= f5;
        f3 *= f3;
        total5 += f5;
        total3 += f3;
        if (worst) {
            if (width == 2) {
                f5 += __builtin_shufflevector(f5, f5, 1, 0, 3, 2);
                f3 += __builtin_shufflevector(f3, f3, 1, 0, 3, 2);
            }
            /* 0/0, where nothing moves, is not larger */
            top = dop853_larger(f5 * f5 / (f5 + 0.01 * f3), top);
        }
    }
    for (int j = 0; worst && j < 4; j++)
        s[2] = top[j] > s[2] ? top[j] : s[2];
    s[0] += (total5[0] + total5[1]) + (total5[2] + total5[3]);
    s[1] += (total3[0] + total3[1]) + (total3[2] + total3[3]);
    return i;
}

/* the error of a step in units of the tolerance: root mean square, or that of the worst entry,
   where others at rest would dilute it */
DOP853_CLONES static double dop853_error(
    ptrdiff_t n,            /* IN */
    int width,              /* IN 1 or 2 */
    double h,               /* IN */
    double *const *K,       /* IN stages, each (n,) */
    const double *y0,       /* IN (n,) */
    const double *y1,       /* IN (n,) */
    const double *atol,     /* IN (n,), or one number with stride 0 */
    ptrdiff_t stride,       /* IN 0 or 1 */
    double rtol,            /* IN */
    int worst)              /* IN 0 or 1 */
{
    double s[3] = {0, 0, 0};
    ptrdiff_t done;
    /* constants where these are called leave what they need of them */
#define DOP853_SQUARES(width, worst) \
    done = stride ? dop853_four_squares(n, width, K, y0, y1, atol, 1, rtol, worst, s) \
                  : dop853_four_squares(n, width, K, y0, y1, atol, 0, rtol, worst, s); \
    dop853_squares(done, n - done, width, K, y0, y1, atol, stride, rtol, worst, s);
    if (width == 1 && worst) {
        DOP853_SQUARES(1, 1)
    } else if (width == 1) {
        DOP853_SQUARES(1, 0)
    } else if (worst) {
        DOP853_SQUARES(2, 1)
    } else {
        DOP853_SQUARES(2, 0)
    }
#undef DOP853_SQUARES
    if (s[0] == 0 && s[1] == 0)
        return 0.0;
    if (worst && s[0] < INFINITY)
        return h * sqrt(s[2]);
    return h * s[0] / sqrt((s[0] + 0.01 * s[1]) * (double)(n / width));
}

/* the norm for a width and a stride that are constants where this is called */
static inline __attribute__((always_inline)) double dop853_norm_of(
    ptrdiff_t n,            /* IN */
    int width,              /* IN 1 or 2 */
    const double *v,        /* IN (n,) */
    const double *y,        /* IN (n,) */
    const double *atol,     /* IN (n,), or one number with stride 0 */
    int stride,             /* IN 0 or 1 */
    double rtol,            /* IN */
    int worst)              /* IN 0 or 1 */
{
    double total, most = 0;
    ptrdiff_t i = 0;
    dop853_four sum = {0}, top = {0};
    for (; i + 4 <= n; i += 4) {
        const dop853_four size = dop853_four_moduli(width, *(const dop853_four *)(y + i));
        const dop853_four scale = dop853_scale(i, width, size, atol, stride, rtol);
        dop853_four part = *(const dop853_four *)(v + i) / scale;
        part *= part;
        if (width == 2)
            part += __builtin_shufflevector(part, part, 1, 0, 3, 2);
        sum += part;
        top = dop853_larger(part, top);
    }
    total = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / width;
    for (int j = 0; j < 4; j++)
        most = top[j] > most ? top[j] : most;
    for (; i < n; i += width) {
        const double scale = atol[i * stride] + rtol * dop853_modulus(y, i, width);
        const double part = dop853_modulus(v, i, width) / scale;
        total += part * part;
        most = part * part > most ? part * part : most;
    }
    return sqrt(worst && total < INFINITY ? most : total / (double)(n / width));
}

/* v in units of the tolerance at y: root mean square, or the largest */
DOP853_CLONES static double dop853_norm(
    ptrdiff_t n,            /* IN */
    int width,              /* IN 1 or 2 */
    const double *v,        /* IN (n,) */
    const double *y,        /* IN (n,) */
    const double *atol,     /* IN (n,), or one number with stride 0 */
    ptrdiff_t stride,       /* IN 0 or 1 */
    double rtol,            /* IN */
    int worst)              /* IN 0 or 1 */
{
    if (stride)
        return width == 1 ? dop853_norm_of(n, 1, v, y, atol, 1, rtol, worst)
                          : dop853_norm_of(n, 2, v, y, atol, 1, rtol, worst);
    return width == 1 ? dop853_norm_of(n, 1, v, y, atol, 0, rtol, worst)
                      : dop853_norm_of(n, 2, v, y, atol, 0, rtol, worst);
}

/* the coefficients 3 to 6 of the dense output as sums over arrays */
DOP853_CLONES static void dop853_sums(
    ptrdiff_t n,            /* IN */
    int count,              /* IN */
    const double *const *v, /* IN arrays (n,) */
    const double (*c)[4],   /* IN (count, 4) */
    double *const *F)       /* OUT [3] to [6] of 7 arrays (n,) */
{
    double *f3 = F[3], *f4 = F[4], *f5 = F[5], *f6 = F[6];
    ptrdiff_t i = 0;
    for (; i + 4 <= n; i += 4) {
        dop853_four a = {0}, b = {0}, d = {0}, e = {0};
        for (int j = 0; j < count; j++) {
            const dop853_four k = *(const dop853_four *)(v[j] + i);
            a += c[j][0] * k;
            b += c[j][1] * k;
            d += c[j][2] * k;
            e += c[j][3] * k;
        }
        *(dop853_four *)(f3 + i) = a;
        *(dop853_four *)(f4 + i) = b;
        *(dop853_four *)(f5 + i) = d;
        *(dop853_four *)(f6 + i) = e;
    }
    for (; i < n; i++) {
        double a = 0, b = 0, d = 0, e = 0;
        for (int j = 0; j < count; j++) {
            const double k = v[j][i];
            a += c[j][0] * k;
            b += c[j][1] * k;
            d += c[j][2] * k;
            e += c[j][3] * k;
        }
        f3[i] = a;
        f4[i] = b;
        f5[i] = d;
        f6[i] = e;
    }
}

/* the coefficients 0 to 2 of the dense output: those of the cubic between the ends */
DOP853_CLONES static void dop853_cubic(
    ptrdiff_t n,            /* IN */
    double h,               /* IN */
    double *const *K,       /* IN derivatives at the ends: K[0], K[12], each (n,) */
    const double *y0,       /* IN (n,) */
    const double *y1,       /* IN (n,) */
    double *const *F)       /* OUT [0] to [2] of 7 arrays (n,) */
{
    const double *k0 = K[0], *k1 = K[12];
    double *f0 = F[0], *f1 = F[1], *f2 = F[2];
    for (ptrdiff_t i = 0; i < n; i++) {
        const double delta = y1[i] - y0[i], begin = h * k0[i], both = h * (k1[i] + k0[i]);
        f0[i] = delta;
        f1[i] = begin - delta;
        f2[i] = 2 * delta - both;
    }
}

/* the coefficients 3 to 6 of the dense output from the 16 stages of a step */
static void dop853_dense(
    ptrdiff_t n,            /* IN */
    double h,               /* IN */
    double *const *K,       /* IN stages, each (n,) */
    double *const *F)       /* OUT [3] to [6] of 7 arrays (n,) */
{
    const double *v[12];
    double c[12][4];
    int count = 0;
    for (int s = 0; s < 16; s++) {
        if (s > 0 && s < 5)     /* no part of it */
            continue;
        v[count] = K[s];
        for (int r = 0; r < 4; r++)
            c[count][r] = DENSE[16 * r + s] * h;
        count++;
    }
    dop853_sums(n, count, v, c, F);
}

/* coefficients of the polynomial that has the right values and derivatives at the ends, and the
   derivatives K[1] to K[4] at the nodes REFINED */
static void dop853_refine(
    ptrdiff_t n,            /* IN */
    double h,               /* IN */
    double *const *K,       /* IN 5 arrays (n,) */
    double *const *F)       /* INOUT 7 arrays (n,): [0] to [2] stay */
{
    const double *v[7];
    double c[7][4];
    for (int j = 0; j < 7; j++) {
        v[j] = j < 4 ? K[1 + j] : F[j - 4];
        for (int r = 0; r < 4; r++)
            c[j][r] = REFINE[7 * r + j] * (j < 4 ? h : 1.0);
    }
    dop853_sums(n, 7, v, c, F);
}

/* the dense output at the part x of the step */
DOP853_CLONES static void dop853_interpolate(
    ptrdiff_t n,            /* IN */
    double x,               /* IN 0 to 1 */
    const double *y0,       /* IN (n,) */
    double *const *F,       /* IN 7 arrays (n,) */
    double *out)            /* OUT (n,) */
{
    const double w = 1 - x;
    const double *a = F[0], *b = F[1], *c = F[2], *d = F[3], *e = F[4], *f = F[5], *g = F[6];
#define DOP853_HORNER(type, i) \
    *(type *)(out + (i)) = AT(type, y0, i) + x * (AT(type, a, i) + w * (AT(type, b, i) \
        + x * (AT(type, c, i) + w * (AT(type, d, i) + x * (AT(type, e, i) \
        + w * (AT(type, f, i) + x * AT(type, g, i)))))))
#define AT(type, v, i) *(const type *)(v + (i))
    ptrdiff_t i = 0;
    for (; i + 4 <= n; i += 4)
        DOP853_HORNER(dop853_four, i);
    for (; i < n; i++)
        DOP853_HORNER(double, i);
#undef AT
#undef DOP853_HORNER
}

#endif
