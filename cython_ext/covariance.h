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

/* A sparse affine map of doubles whose rows are sorted by how many entries they have: a number is
   written once. IN groups, group (groups, 2): entries of each row, rows; target (rows);
   source, weight: first entries of a group's rows, then second ones ...; base (rows), in;
   OUT out[target] */
POLY_CLONES static void cov_affine(long groups, const int *group, const int *target,
                                   const double *restrict base, const int *source,
                                   const double *weight, const double *in, double *restrict out)
{
    for (long g = 0; g < groups; g++) {
        const int entries = group[2 * g], rows = group[2 * g + 1];
        if (entries == 1)
            for (int k = 0; k < rows; k++)
                out[target[k]] = base[k] + weight[k] * in[source[k]];
        else if (entries == 2)
            for (int k = 0; k < rows; k++)
                out[target[k]] = base[k] + weight[k] * in[source[k]]
                                 + weight[rows + k] * in[source[rows + k]];
        else
            for (int k = 0; k < rows; k++) {
                double sum = base[k];
                for (int e = 0; e < entries; e++)
                    sum += weight[e * rows + k] * in[source[e * rows + k]];
                out[target[k]] = sum;
            }
        target += rows;
        base += rows;
        source += entries * rows;
        weight += entries * rows;
    }
}

/* The whole rate of a small C, whose size is a constant where this is called: what is written is
   read again number by number, or in the registers that wrote it, which takes no wait.
   IN d, M (start, column, element) by rows, C and D upper triangles, shift taken off the diagonal
   of C; OUT rate upper triangle */
static inline __attribute__((always_inline)) void cov_whole(const int d, const int *start,
                                                            const int *column,
                                                            const double *element,
                                                            const double *upper, double shift,
                                                            const double *D, double *rate)
{
    enum { LONGEST = 2 * COV_WIDTH };
    const int width = d > COV_WIDTH ? LONGEST : COV_WIDTH;
    double C[LONGEST * LONGEST], A[LONGEST * LONGEST];
    for (int i = 0, k = 0; i < d; i++)
        for (int j = i; j < d; j++, k++)
            C[i * width + j] = C[j * width + i] = upper[k] - (i == j ? shift : 0.0);
    for (int i = 0; i < d; i++)
        for (int j = d; j < width; j++)
            C[i * width + j] = 0;
    for (int i = 0; i < d; i++) {
        cov_vector first = { 0 }, second = { 0 };
        for (int e = start[i]; e < start[i + 1]; e++) {
            const double *row = C + column[e] * width;
            first += element[e] * *(const cov_vector *)row;
            if (width > COV_WIDTH)
                second += element[e] * *(const cov_vector *)(row + COV_WIDTH);
        }
        *(cov_vector *)(A + i * width) = first;
        if (width > COV_WIDTH)
            *(cov_vector *)(A + i * width + COV_WIDTH) = second;
    }
    for (int i = 0, k = 0; i < d; i++)
        for (int j = i; j < d; j++, k++)
            rate[k] = A[i * width + j] + A[j * width + i] + D[k];
}

/* The same for one or two modes or spins; returns 0 where d is another size, and nothing was done.
   IN d, start, column, element, upper, shift, D; OUT rate */
POLY_CLONES static int cov_small(long d, const int *start, const int *column,
                                 const double *element, const double *upper, double shift,
                                 const double *D, double *rate)
{
    switch (d) {
    case 2: cov_whole(2, start, column, element, upper, shift, D, rate); return 1;
    case 3: cov_whole(3, start, column, element, upper, shift, D, rate); return 1;
    case 4: cov_whole(4, start, column, element, upper, shift, D, rate); return 1;
    case 6: cov_whole(6, start, column, element, upper, shift, D, rate); return 1;
    default: return 0;
    }
}

/* IN four rows of four numbers, `stride` apart; OUT columns */
static inline __attribute__((always_inline)) void cov_columns(const double *in, long stride,
                                                              cov_vector *column)
{
    const cov_vector a = *(const cov_vector *)in, b = *(const cov_vector *)(in + stride);
    const cov_vector c = *(const cov_vector *)(in + 2 * stride);
    const cov_vector d = *(const cov_vector *)(in + 3 * stride);
    const cov_vector p = __builtin_shufflevector(a, b, 0, 4, 2, 6);
    const cov_vector q = __builtin_shufflevector(a, b, 1, 5, 3, 7);
    const cov_vector r = __builtin_shufflevector(c, d, 0, 4, 2, 6);
    const cov_vector s = __builtin_shufflevector(c, d, 1, 5, 3, 7);
    column[0] = __builtin_shufflevector(p, r, 0, 1, 4, 5);
    column[1] = __builtin_shufflevector(q, s, 0, 1, 4, 5);
    column[2] = __builtin_shufflevector(p, r, 2, 3, 6, 7);
    column[3] = __builtin_shufflevector(q, s, 2, 3, 6, 7);
}

/* IN d, upper triangle of C row by row, shift taken off its diagonal; OUT C padded rows, as many as
   a row is long. Rows are read and written by four numbers, a few of the next row with them, which
   come right with that row; the last rows one by one. */
POLY_CLONES static void cov_unpack(long d, const double *upper, double shift, double *C)
{
    const long width = cov_padded(d);
    for (long i = 0; i < d; i++) {
        double *row = C + i * width;
        if (i + COV_WIDTH <= d)
            for (long j = i; j < d; j += COV_WIDTH)
                *(cov_vector *)(row + j) = *(const cov_vector *)(upper + j - i);
        else
            for (long j = i; j < d; j++)
                row[j] = upper[j - i];
        upper += d - i;
    }
    for (long i = 0; i < d; i++)
        C[i * width + i] -= shift;
    for (long i = 0; i < width; i += COV_WIDTH) {
        for (long k = i; k < i + COV_WIDTH; k++)
            for (long j = i; j < k; j++)
                C[k * width + j] = C[j * width + k];
        for (long j = i + COV_WIDTH; j < width; j += COV_WIDTH) {
            cov_vector column[COV_WIDTH];
            cov_columns(C + i * width + j, width, column);
            for (int k = 0; k < COV_WIDTH; k++)
                *(cov_vector *)(C + (j + k) * width + i) = column[k];
        }
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

/* IN d, M (start, column, element) by rows, C padded rows, D upper triangle and three numbers more;
   OUT A scratch, padded rows, as many as a row is long; rate upper triangle */
POLY_CLONES static void cov_rate(long d, const int *start, const int *column,
                                 const double *element, const double *C, const double *D,
                                 double *A, double *rate)
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
    /* A + A^T, above the diagonal and in the blocks on it */
    for (long i = 0; i < width; i += COV_WIDTH)
        for (long j = i; j < width; j += COV_WIDTH) {
            cov_vector column[COV_WIDTH];
            cov_columns(A + j * width + i, width, column);
            for (int k = 0; k < COV_WIDTH; k++)
                *(cov_vector *)(A + (i + k) * width + j) += column[k];
        }
    for (long i = 0; i < d; i++) {
        const double *row = A + i * width + i;
        const long length = d - i;
        if (length >= COV_WIDTH)
            for (long j = 0; j < length; j += COV_WIDTH)
                *(cov_vector *)(rate + j) = *(const cov_vector *)(row + j)
                                            + *(const cov_vector *)(D + j);
        else
            for (long j = 0; j < length; j++)
                rate[j] = row[j] + D[j];
        rate += length;
        D += length;
    }
}
#endif
