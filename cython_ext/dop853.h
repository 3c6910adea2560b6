/* Arithmetic of the Dormand-Prince 8(5,3) method on arrays of doubles; no policy.
   E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, II.4 to II.6.
   A complex state is an array of pairs of doubles (width 2), whose error is measured by modulus. */
#ifndef QSYNCPLUG_DOP853_ARITHMETIC_H
#define QSYNCPLUG_DOP853_ARITHMETIC_H

#include <math.h>
#include <stddef.h>

#include "dop853_tableau.h"

/* Registers as wide as the processor's. No products that are fused with sums: the clones differ in
   speed, not in a single bit. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define DOP853_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define DOP853_CLONES
#endif

/* doubles whose error is looked at together: they stay in the first-level cache */
#define DOP853_BLOCK 256

typedef double dop853_four __attribute__((vector_size(32), aligned(8), may_alias));

static inline ptrdiff_t dop853_least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

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
    /* eight sums in registers go through the stages: nothing is stored on the way */
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
    double e5[DOP853_BLOCK], e3[DOP853_BLOCK], total5 = 0, total3 = 0, top = 0;
    for (ptrdiff_t b = 0; b < n; b += DOP853_BLOCK) {
        const ptrdiff_t m = dop853_least(n - b, DOP853_BLOCK);
        for (ptrdiff_t i = 0; i < m; i++)
            e5[i] = e3[i] = 0;
        for (int s = 0; s < 13; s++) {
            const double c5 = ERROR5[s], c3 = ERROR3[s];
            const double *k = K[s] + b;
            if (c5 == 0 && c3 == 0)
                continue;
            for (ptrdiff_t i = 0; i < m; i++) {
                e5[i] += c5 * k[i];
                e3[i] += c3 * k[i];
            }
        }
        for (ptrdiff_t i = 0; i < m; i += width) {
            const double *a = y0 + b + i, *z = y1 + b + i;
            double scale, s5, s3;
            if (width == 1) {
                scale = atol[(b + i) * stride] + rtol * fmax(fabs(a[0]), fabs(z[0]));
                s5 = e5[i] / scale, s3 = e3[i] / scale;
                s5 *= s5, s3 *= s3;
            } else {
                scale = atol[(b + i) * stride]
                    + rtol * sqrt(fmax(a[0] * a[0] + a[1] * a[1], z[0] * z[0] + z[1] * z[1]));
                scale = 1.0 / (scale * scale);
                s5 = (e5[i] * e5[i] + e5[i + 1] * e5[i + 1]) * scale;
                s3 = (e3[i] * e3[i] + e3[i + 1] * e3[i + 1]) * scale;
            }
            total5 += s5;
            total3 += s3;
            if (worst && s5 * s5 > top * (s5 + 0.01 * s3))
                top = s5 * s5 / (s5 + 0.01 * s3);
        }
    }
    if (total5 == 0 && total3 == 0)
        return 0.0;
    if (worst && total5 < INFINITY)
        return h * sqrt(top);
    return h * total5 / sqrt((total5 + 0.01 * total3) * (double)(n / width));
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
    double total = 0, top = 0;
    for (ptrdiff_t i = 0; i < n; i += width) {
        const double scale = atol[i * stride] + rtol * dop853_modulus(y, i, width);
        const double part = dop853_modulus(v, i, width) / scale;
        total += part * part;
        if (part > top)
            top = part;
    }
    return worst && total < INFINITY ? top : sqrt(total / (double)(n / width));
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
