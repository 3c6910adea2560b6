/* Arithmetic of the Dormand-Prince 8(5,3) method on arrays of doubles; no policy.
   E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, II.4 to II.6.
   A complex state is an array of pairs of doubles (width 2), whose error is measured by modulus. */
#ifndef QSYNCPLUG_DOP853_ARITHMETIC_H
#define QSYNCPLUG_DOP853_ARITHMETIC_H

#include <math.h>
#include <stddef.h>

#include "dop853_tableau.h"

/* compiled for wide registers too; chosen when the program runs */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define DOP853_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define DOP853_CLONES
#endif

/* doubles combined at a time: the block of every stage stays in the first-level cache */
#define DOP853_BLOCK 256

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
    const int first = ROW_START[stage], last = ROW_START[stage + 1];
    double sum[DOP853_BLOCK];
    for (ptrdiff_t b = 0; b < n; b += DOP853_BLOCK) {
        const ptrdiff_t m = dop853_least(n - b, DOP853_BLOCK);
        const double c0 = ROW_VALUE[first];
        const double *k0 = K[ROW_COLUMN[first]] + b;
        for (ptrdiff_t i = 0; i < m; i++)
            sum[i] = c0 * k0[i];
        int j = first + 1;
        /* four stages a pass: the sum is read and written less often */
        for (; j + 4 <= last; j += 4) {
            const double c1 = ROW_VALUE[j], c2 = ROW_VALUE[j + 1];
            const double c3 = ROW_VALUE[j + 2], c4 = ROW_VALUE[j + 3];
            const double *k1 = K[ROW_COLUMN[j]] + b, *k2 = K[ROW_COLUMN[j + 1]] + b;
            const double *k3 = K[ROW_COLUMN[j + 2]] + b, *k4 = K[ROW_COLUMN[j + 3]] + b;
            for (ptrdiff_t i = 0; i < m; i++)
                sum[i] = sum[i] + c1 * k1[i] + c2 * k2[i] + c3 * k3[i] + c4 * k4[i];
        }
        for (; j < last; j++) {
            const double c = ROW_VALUE[j];
            const double *k = K[ROW_COLUMN[j]] + b;
            for (ptrdiff_t i = 0; i < m; i++)
                sum[i] += c * k[i];
        }
        for (ptrdiff_t i = 0; i < m; i++)
            out[b + i] = base[b + i] + h * sum[i];
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

/* coefficients of the dense output from the 16 stages of a step */
DOP853_CLONES static void dop853_dense(
    ptrdiff_t n,            /* IN */
    double h,               /* IN */
    double *const *K,       /* IN stages, each (n,) */
    const double *y0,       /* IN (n,) */
    const double *y1,       /* IN (n,) */
    double *const *F)       /* OUT 7 arrays (n,) */
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const double delta = y1[i] - y0[i];
        F[0][i] = delta;
        F[1][i] = h * K[0][i] - delta;
        F[2][i] = 2 * delta - h * (K[12][i] + K[0][i]);
    }
    for (int r = 0; r < 4; r++) {
        for (ptrdiff_t i = 0; i < n; i++)
            F[3 + r][i] = 0;
        for (int s = 0; s < 16; s++) {
            const double c = DENSE[16 * r + s] * h;
            if (c != 0)
                for (ptrdiff_t i = 0; i < n; i++)
                    F[3 + r][i] += c * K[s][i];
        }
    }
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
    for (ptrdiff_t i = 0; i < n; i++)
        out[i] = y0[i] + x * (F[0][i] + w * (F[1][i] + x * (F[2][i] + w * (
            F[3][i] + x * (F[4][i] + w * (F[5][i] + x * F[6][i]))))));
}

#endif
