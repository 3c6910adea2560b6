/* Inner loops of the mean-field models on the circle: what they take and give. The parts of
   circle_simd.h say how. */
#ifndef QSYNCPLUG_CIRCLE_KERNELS_H
#define QSYNCPLUG_CIRCLE_KERNELS_H

#include <stddef.h>

/* ---- What C, Cython and Python share; circle_kernels.pxd and circle.pyx hand it on. */

enum {
    QC_WIDTH = 8,  /* doubles in a row of numbers that are gone through in vectors */
    QC_TERMS = 16, /* powers of a cell, and doubles in a row of a cell table: 2 QC_WIDTH */
};

/* kinds of pair interactions */
enum { QC_SINE = 0, QC_ATTENTION = 1, QC_SERIES = 2, QC_KINDS };

#include "levels.h"

/* 2 pi in three parts: turns times each of the first two is exact up to 2^25 turns */
#define QC_TWO_PI_1 0x1.921fb54000000p+2
#define QC_TWO_PI_2 0x1.10b4610000000p-28
#define QC_TWO_PI_3 0x1.a62633145c06ep-56

/* positions beyond which the reduction modulo 2 pi loses digits */
#define QC_LARGEST 1e8

/* sums of attention weights below which they have lost digits, or have underflown */
#define QC_SMALL_NORM 1e-280

/* ---- Types */

typedef ptrdiff_t qc_size;

/* Cells of width 2 pi / count; the width is kept in three parts, so that count * width is exact to
   1e-32. */
typedef struct {
    qc_size count;
    double width[3];
    double per_width; /* 1 / width */
    double to_unit;   /* 2 / width: distances to the centre in units of half a cell */
    double per_count; /* 1 / count */
} qc_cells;

/* Sorted particles, cell by cell: those of a cell end where those of the next one begin. */
typedef struct {
    double first;  /* number of the cell of the first particle, counted from 0 without folding */
    qc_size row;   /* the same, folded into 0 .. cells-1 */
    qc_size count; /* cells from there to that of the last particle, with the empty ones between */
    qc_size *ends; /* for each folded cell; kept from call to call as a guess */
} qc_runs;

/* A pair interaction for direct sums. */
typedef struct {
    int kind; /* QC_SINE, QC_ATTENTION or QC_SERIES */
    double beta;
    double shift; /* the exponent of attention is reduced by this */
    double lag;   /* phase lag */
    qc_size modes;
    const double *b; /* sine series, modes entries */
} qc_pair;

/* ---- Kernels. Particles first .. last-1 (from .. to-1) of n are done; w and the outputs force,
   slope and norm may be NULL. Complex numbers in memory are pairs, in rows of tables QC_WIDTH real
   parts and QC_WIDTH imaginary parts. */

typedef struct {
    const char *name;

    /* IN x (n); OUT s (n), c (n): sines and cosines. */
    void (*sincos)(const double *x, qc_size n, double *s, double *c);

    /* Sums over j of the force, its slope and the attention weight at x[i].
       IN pair, x (n), w (n); OUT force, slope, norm (n): entries first .. last-1. */
    void (*direct)(const qc_pair *pair, const double *x, const double *w, qc_size n, qc_size first,
                   qc_size last, double *force, double *slope, double *norm);

    /* The same over the entries of rows first .. last-1 of a sparse matrix.
       IN pair, x (n), a, columns (entries), starts (n+1); OUT force, norm (n). */
    void (*direct_csr)(const qc_pair *pair, const double *x, const double *a, const int *columns,
                       const long long *starts, qc_size first, qc_size last, double *force,
                       double *norm);

    /* The same for a dense matrix. IN pair, x (n), a (n, n); OUT force, norm (n). */
    void (*direct_dense)(const qc_pair *pair, const double *x, const double *a, qc_size n,
                         qc_size first, qc_size last, double *force, double *norm);

    /* Adds sum_j w_j exp(-i k x_j), in QC_WIDTH lanes that are to be added up.
       IN x (n), w (n); INOUT sums (modes+1 rows). */
    void (*rotate)(const double *x, const double *w, qc_size n, qc_size modes, double *sums);

    /* out_i = g0 + Re sum_k g_k exp(i k x_i).
       IN x (n), g0, g (pairs k = 1 .. modes); OUT out (n). */
    void (*horner)(const double *x, qc_size n, qc_size modes, double g0, const double *g,
                   double *out);

    /* Moments of particles in any order: table[m, r] += sum w delta^r.
       IN cells, x (n), w (n); INOUT table (count rows). */
    void (*scatter)(const qc_cells *cells, const double *x, const double *w, qc_size n,
                    double *table);

    /* out_i = sum_r table[m, r] delta^r. IN cells, x (n), table (count rows); OUT out (n). */
    void (*gather)(const qc_cells *cells, const double *x, qc_size n, const double *table,
                   double *out);

    /* Where the sorted particles of each cell end. IN cells, x (n); INOUT runs, `ends` from where
       they ended the last time. Nonzero: they are more than a turn apart, or not finite. */
    int (*find_runs)(const qc_cells *cells, const double *x, qc_size n, qc_runs *runs);

    /* As scatter, for sorted particles. IN cells, runs, x (n), w (n); INOUT table (count rows).
       Nonzero: they are not sorted. */
    int (*moments)(const qc_cells *cells, const qc_runs *runs, const double *x, const double *w,
                   qc_size n, qc_size from, qc_size to, double *table);

    /* As gather, for sorted particles. IN cells, runs, x (n), table (count rows); OUT out (n). */
    void (*evaluate)(const qc_cells *cells, const qc_runs *runs, const double *x, qc_size n,
                     qc_size from, qc_size to, const double *table, double *out);

    /* Fourier transform over the n rows of a table; returns data or work, whichever holds it.
       INOUT data (n rows); OUT work (n rows); IN twiddle (n pairs): exp(-2 pi i k / n), sign. */
    double *(*fft)(double *data, double *work, qc_size n, const double *twiddle, int sign);

    /* z_k from the transformed moments; powers[k, r] is the coefficient of (i delta)^r in
       exp(i k pi delta / cells). IN table (cells rows), powers (modes+1 rows); OUT z (modes+1
       pairs). */
    void (*table_to_modes)(const double *table, qc_size cells, qc_size modes, const double *powers,
                           double *z);

    /* The spectrum whose inverse transform is the table of g0 + Re sum g_k exp(i k x).
       IN g (modes pairs from k = 1), g0, powers (modes+1 rows); OUT table (cells rows). */
    void (*modes_to_table)(const double *g, qc_size cells, qc_size modes, double g0,
                           const double *powers, double *table);

    /* out_i += sum_k Re(g_k exp(i k x_i) sum_j a_ij exp(-i k x_j)).
       IN a (n, n), trig: columns cos k x_j, sin k x_j (2 modes, n), g (modes pairs);
       INOUT out (n). */
    void (*split_dense)(const double *a, qc_size n, qc_size first, qc_size last, qc_size modes,
                        const double *trig, const double *g, double *out);

    /* The same for a sparse matrix. IN a, columns (entries), starts (n+1), trig: pairs (modes, n),
       g (modes pairs); INOUT out (n). */
    void (*split_csr)(const double *a, const int *columns, const long long *starts, qc_size n,
                      qc_size first, qc_size last, qc_size modes, const double *trig,
                      const double *g, double *out);

    /* re + i im = s Z_0 + (1 - abs(s)^2) sum_{k >= 1} (-conj(s))^(k-1) Z_k for each of n nodes, s =
       u + i v: what the oscillators that a Moebius map moves add to the field.
       IN u (n), v (n), zr, zi (rows of n, one a power), terms (n, not increasing): powers of each
       node; OUT re (n), im (n). */
    void (*maps)(const double *u, const double *v, const double *zr, const double *zi, qc_size n,
                 const int *terms, double *re, double *im);

    /* IN v (n). Largest modulus; what is not a number does not count. */
    double (*max_abs)(const double *v, qc_size n);
} qc_kernels;

/* IN level: LEVEL_PORTABLE, LEVEL_AVX2 or LEVEL_AVX512, -1 for the best of this processor.
   NULL: it cannot run here. */
const qc_kernels *qc_select(int level);

#endif
