/* dC/dt = M C + C M^T + D of a symmetric C with a sparse M, whose elements are constants and parts
   of polynomials. */
#ifndef QSYNCPLUG_COVARIANCE_H
#define QSYNCPLUG_COVARIANCE_H

#include "polynomials.h"

/* doubles of a register, and registers that hold a part of a row of MC */
#define COV_WIDTH 4
#define COV_VECTORS 6
typedef double cov_vector __attribute__((vector_size(8 * COV_WIDTH), aligned(8), may_alias));
#define COV_AT(p) (*(cov_vector *)(p))
#define COV_IN(p) (*(const cov_vector *)(p))

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

/* IN four rows of four numbers; OUT columns */
static inline __attribute__((always_inline)) void cov_columns(cov_vector a, cov_vector b,
                                                              cov_vector c, cov_vector d,
                                                              cov_vector *column)
{
    const cov_vector p = __builtin_shufflevector(a, b, 0, 4, 2, 6);
    const cov_vector q = __builtin_shufflevector(a, b, 1, 5, 3, 7);
    const cov_vector r = __builtin_shufflevector(c, d, 0, 4, 2, 6);
    const cov_vector s = __builtin_shufflevector(c, d, 1, 5, 3, 7);
    column[0] = __builtin_shufflevector(p, r, 0, 1, 4, 5);
    column[1] = __builtin_shufflevector(q, s, 0, 1, 4, 5);
    column[2] = __builtin_shufflevector(p, r, 2, 3, 6, 7);
    column[3] = __builtin_shufflevector(q, s, 2, 3, 6, 7);
}

/* IN d, i; place of row i in an upper triangle, less its i first numbers, which are not there */
static inline long cov_row(long d, long i) { return i * d - i * (i + 1) / 2; }

/* IN d, upper triangle of C row by row, shift taken off its diagonal; OUT C padded rows, what is
   beyond d of them as it was. In squares of four by four, then the last columns. */
POLY_CLONES static void cov_unpack(long d, const double *upper, double shift, double *C)
{
    const long width = cov_padded(d), whole = d - d % COV_WIDTH;
    double *x = C;
    for (long i = 0; i < whole; i += COV_WIDTH) {
        /* element (i, i + j) is number j of the first row, (i + 1, i + j) of the second ... */
        const double *a = upper + cov_row(d, i) + i, *b = a + d - i - 1, *c = b + d - i - 2;
        const double *e = c + d - i - 3;
        double *y = x;
        cov_vector p = COV_IN(a), q = COV_IN(b), r = COV_IN(c), s = COV_IN(e), t[COV_WIDTH];
        cov_columns(p, q, r, s, t);
        COV_AT(x) = p - (cov_vector){ shift, 0, 0, 0 };
        COV_AT(x + width) = __builtin_shufflevector(t[1], q, 0, 5, 6, 7)
                            - (cov_vector){ 0, shift, 0, 0 };
        COV_AT(x + 2 * width) = __builtin_shufflevector(t[2], r, 0, 1, 6, 7)
                                - (cov_vector){ 0, 0, shift, 0 };
        COV_AT(x + 3 * width) = __builtin_shufflevector(t[3], s, 0, 1, 2, 7)
                                - (cov_vector){ 0, 0, 0, shift };
        for (long j = COV_WIDTH; j < whole - i; j += COV_WIDTH) {
            p = COV_IN(a + j), q = COV_IN(b + j), r = COV_IN(c + j), s = COV_IN(e + j);
            cov_columns(p, q, r, s, t);
            y += COV_WIDTH * width;
            COV_AT(x + j) = p;
            COV_AT(x + width + j) = q;
            COV_AT(x + 2 * width + j) = r;
            COV_AT(x + 3 * width + j) = s;
            COV_AT(y) = t[0];
            COV_AT(y + width) = t[1];
            COV_AT(y + 2 * width) = t[2];
            COV_AT(y + 3 * width) = t[3];
        }
        x += COV_WIDTH * width + COV_WIDTH;
    }
    for (long j = whole; j < d; j++) {
        for (long i = 0; i < j; i++)
            C[i * width + j] = C[j * width + i] = upper[cov_row(d, i) + j];
        C[j * width + j] = upper[cov_row(d, j) + j] - shift;
    }
}

/* a part of every row of MC: `vectors` is a constant where this is called, so that the sums stay in
   registers. IN vectors, d, M (start, column, element), C padded rows from a column on; OUT A */
static inline __attribute__((always_inline)) void cov_part(const int vectors, long d,
                                                           const int *start, const int *column,
                                                           const double *element, const double *C,
                                                           double *A)
{
    const long width = cov_padded(d);
    for (long i = 0; i < d; i++, A += width) {
        cov_vector sum[COV_VECTORS];
        for (int v = 0; v < vectors; v++)
            sum[v] = (cov_vector){ 0 };
        for (int e = start[i]; e < start[i + 1]; e++) {
            const double *row = C + column[e] * width, m = element[e];
            for (int v = 0; v < vectors; v++)
                sum[v] += m * COV_IN(row + v * COV_WIDTH);
        }
        for (int v = 0; v < vectors; v++)
            COV_AT(A + v * COV_WIDTH) = sum[v];
    }
}

/* IN d, A padded rows, D upper triangle; OUT rate, the upper triangle of A + A^T + D, in squares as
   they are unpacked */
POLY_CLONES static void cov_add(long d, const double *A, const double *D, double *restrict rate)
{
    const long width = cov_padded(d), whole = d - d % COV_WIDTH;
    const double *x = A;
    for (long i = 0; i < whole; i += COV_WIDTH) {
        double *a = rate + cov_row(d, i) + i, *b = a + d - i - 1, *c = b + d - i - 2;
        double *e = c + d - i - 3;
        const double *u = D + (a - rate), *v = D + (b - rate), *w = D + (c - rate);
        const double *z = D + (e - rate), *y = x;
        cov_vector p = COV_IN(x), q = COV_IN(x + width), r = COV_IN(x + 2 * width);
        cov_vector s = COV_IN(x + 3 * width), t[COV_WIDTH];
        cov_columns(p, q, r, s, t);
        q += t[1], r += t[2], s += t[3];
        COV_AT(a) = p + t[0] + COV_IN(u);
        b[1] = q[1] + v[1], b[2] = q[2] + v[2], b[3] = q[3] + v[3];
        c[2] = r[2] + w[2], c[3] = r[3] + w[3];
        e[3] = s[3] + z[3];
        for (long j = COV_WIDTH; j < whole - i; j += COV_WIDTH) {
            y += COV_WIDTH * width;
            cov_columns(COV_IN(y), COV_IN(y + width), COV_IN(y + 2 * width),
                        COV_IN(y + 3 * width), t);
            COV_AT(a + j) = COV_IN(x + j) + t[0] + COV_IN(u + j);
            COV_AT(b + j) = COV_IN(x + width + j) + t[1] + COV_IN(v + j);
            COV_AT(c + j) = COV_IN(x + 2 * width + j) + t[2] + COV_IN(w + j);
            COV_AT(e + j) = COV_IN(x + 3 * width + j) + t[3] + COV_IN(z + j);
        }
        x += COV_WIDTH * width + COV_WIDTH;
    }
    for (long j = whole; j < d; j++)
        for (long i = 0; i <= j; i++) {
            const long at = cov_row(d, i) + j;
            rate[at] = A[i * width + j] + A[j * width + i] + D[at];
        }
}

/* IN d, M (start, column, element) by rows, C padded rows, D upper triangle;
   OUT A scratch, padded rows; rate upper triangle */
POLY_CLONES static void cov_rate(long d, const int *start, const int *column,
                                 const double *element, const double *C, const double *D,
                                 double *A, double *rate)
{
    const int all = cov_padded(d) / COV_WIDTH, parts = (all + COV_VECTORS - 1) / COV_VECTORS;
    for (int part = 0, at = 0; part < parts; part++) {
        const int vectors = (all * (part + 1)) / parts - at;
        const double *from = C + at * COV_WIDTH;
        double *to = A + at * COV_WIDTH;
        switch (vectors) {
        case 1: cov_part(1, d, start, column, element, from, to); break;
        case 2: cov_part(2, d, start, column, element, from, to); break;
        case 3: cov_part(3, d, start, column, element, from, to); break;
        case 4: cov_part(4, d, start, column, element, from, to); break;
        case 5: cov_part(5, d, start, column, element, from, to); break;
        case 6: cov_part(6, d, start, column, element, from, to); break;
        }
        at += vectors;
    }
    cov_add(d, A, D, rate);
}
#undef COV_AT
#undef COV_IN
#endif
