/* dC/dt = M C + C M^T + D of a symmetric C with a sparse M, whose elements are constants and parts
   of polynomials. */
#ifndef QSYNCPLUG_COVARIANCE_H
#define QSYNCPLUG_COVARIANCE_H

#include "polynomials.h"

/* doubles of a register, and registers that hold a part of a row of MC */
#define COV_WIDTH 4
#define COV_VECTORS 6
typedef double cov_vector __attribute__((vector_size(8 * COV_WIDTH), aligned(8), may_alias));

/* IN d; the length of a padded row of C */
static inline long cov_padded(long d) { return (d + COV_WIDTH - 1) / COV_WIDTH * COV_WIDTH; }

/* out[target[k]] += weight[k] * in[source[k]], after out = base.
   IN size of out, base, count, target, source, weight, in; OUT out */
POLY_CLONES static void cov_affine(long size, const double *base, long count, const int *target,
                                   const int *source, const double *weight, const double *in,
                                   double *restrict out)
{
    for (long k = 0; k < size; k++)
        out[k] = base[k];
    for (long k = 0; k < count; k++)
        out[target[k]] += weight[k] * in[source[k]];
}

/* IN d, upper triangle of C row by row, shift taken off its diagonal; OUT C padded rows */
POLY_CLONES static void cov_unpack(long d, const double *restrict upper, double shift,
                                   double *restrict C)
{
    const long width = cov_padded(d);
    for (long i = 0; i < d; i++) {
        for (long j = i; j < d; j++)
            C[i * width + j] = upper[j - i];
        for (long j = i + 1; j < d; j++)
            C[j * width + i] = upper[j - i];
        C[i * width + i] -= shift;
        upper += d - i;
    }
}

/* one part of one row of MC: `vectors` is a constant where this is called, so that the sums stay in
   registers. IN vectors, entries, column, element, C, width; OUT sum */
static inline __attribute__((always_inline)) void cov_part(int vectors, int entries,
                                                           const int *column,
                                                           const double *element, const double *C,
                                                           long width, double *out)
{
    cov_vector sum[COV_VECTORS];
    for (int v = 0; v < vectors; v++)
        sum[v] = (cov_vector){ 0 };
    for (int e = 0; e < entries; e++) {
        const cov_vector *row = (const cov_vector *)(C + column[e] * width);
        for (int v = 0; v < vectors; v++)
            sum[v] += element[e] * row[v];
    }
    for (int v = 0; v < vectors; v++)
        ((cov_vector *)out)[v] = sum[v];
}

/* IN d, M (start, column, element) by rows, C padded rows, D upper triangle; OUT A scratch, padded
   rows; rate upper triangle */
POLY_CLONES static void cov_rate(long d, const int *start, const int *column,
                                 const double *element, const double *C, const double *D,
                                 double *A, double *restrict rate)
{
    const long width = cov_padded(d), whole = COV_VECTORS * COV_WIDTH;
    for (long i = 0; i < d; i++) {
        const int entries = start[i + 1] - start[i], *k = column + start[i];
        const double *m = element + start[i];
        double *out = A + i * width;
        long at = 0;
        for (; at + whole <= width; at += whole)
            cov_part(COV_VECTORS, entries, k, m, C + at, width, out + at);
        switch ((width - at) / COV_WIDTH) {
        case 1: cov_part(1, entries, k, m, C + at, width, out + at); break;
        case 2: cov_part(2, entries, k, m, C + at, width, out + at); break;
        case 3: cov_part(3, entries, k, m, C + at, width, out + at); break;
        case 4: cov_part(4, entries, k, m, C + at, width, out + at); break;
        case 5: cov_part(5, entries, k, m, C + at, width, out + at); break;
        }
    }
    for (long i = 0; i < d; i++) {
        const double *row = A + i * width, *across = A + i;
        for (long j = i; j < d; j++)
            rate[j - i] = row[j] + across[j * width] + D[j - i];
        rate += d - i;
        D += d - i;
    }
}
#endif
