/* Inner loops of the mean-field models on the circle; see circle_simd.h for what they compute. */
#ifndef QSYNCPLUG_CIRCLE_KERNELS_H
#define QSYNCPLUG_CIRCLE_KERNELS_H

#include <stddef.h>

/* Number of powers of a cell, and doubles in a row of a cell table. */
#define QC_TERMS 16

typedef ptrdiff_t qc_size;

/* Cells of width 2 pi / count; the width is kept in three parts, so that count * width is exact to 1e-32. */
typedef struct {
    qc_size count;
    double width[3];
    double per_width;   /* 1 / width */
    double to_unit;     /* 2 / width: distances to the centre in units of half a cell */
    double per_count;   /* 1 / count */
} qc_cells;

/* Sorted particles, cell by cell: those of a cell end where those of the next one begin. */
typedef struct {
    double first;       /* number of the cell of the first particle, counted from position 0 without folding */
    qc_size row;        /* the same, folded into 0 .. cells-1 */
    qc_size count;      /* cells from there to that of the last particle, with the empty ones between */
    qc_size *ends;      /* for each folded cell; kept from call to call as a guess */
} qc_runs;

/* A pair interaction for direct sums. */
typedef struct {
    int kind;           /* 0 sine, 1 attention, 2 sine series */
    double beta;
    double shift;       /* the exponent of attention is reduced by this */
    double lag;         /* phase lag */
    qc_size modes;
    const double *b;    /* sine series, modes entries */
} qc_pair;

typedef struct {
    const char *name;
    void (*sincos)(const double *x, qc_size n, double *s, double *c);
    /* sums over j of the force, its slope and the attention weight (each may be NULL) at x[i], i = first .. last-1 */
    void (*direct)(const qc_pair *pair, const double *x, const double *w, qc_size n, qc_size first, qc_size last,
                   double *force, double *slope, double *norm);
    /* the same over the entries of rows first .. last-1 of a sparse matrix */
    void (*direct_csr)(const qc_pair *pair, const double *x, const double *a, const int *columns,
                       const long long *starts, qc_size first, qc_size last, double *force, double *norm);
    /* the same for a dense matrix of n columns */
    void (*direct_dense)(const qc_pair *pair, const double *x, const double *a, qc_size n, qc_size first,
                         qc_size last, double *force, double *norm);
    /* adds sum_j w_j exp(-i k x_j) to sums[16 k .. 16 k + 15] (8 lanes of real, 8 of imaginary parts), k = 0 .. modes */
    void (*rotate)(const double *x, const double *w, qc_size n, qc_size modes, double *sums);
    /* out_i = g0 + Re sum_{k=1}^{modes} g_k exp(i k x_i); g: pairs from k = 1 */
    void (*horner)(const double *x, qc_size n, qc_size modes, double g0, const double *g, double *out);
    /* moments of any particles: table[16 m + r] += sum w delta^r */
    void (*scatter)(const qc_cells *cells, const double *x, const double *w, qc_size n, double *table);
    /* out_i = sum_r table[16 m + r] delta^r */
    void (*gather)(const qc_cells *cells, const double *x, qc_size n, const double *table, double *out);
    /* the same for sorted particles, those from .. to-1 of n; nonzero if they are not sorted */
    int (*find_runs)(const qc_cells *cells, const double *x, qc_size n, qc_runs *runs);
    int (*moments)(const qc_cells *cells, const qc_runs *runs, const double *x, const double *w, qc_size n, qc_size from,
                   qc_size to, double *table);
    void (*evaluate)(const qc_cells *cells, const qc_runs *runs, const double *x, qc_size n, qc_size from, qc_size to,
                     const double *table, double *out);
    /* Fourier transform over the rows of a table, a row being 8 complex numbers: 8 real, 8 imaginary parts */
    double *(*fft)(double *data, double *work, qc_size n, const double *twiddle, int sign);
    void (*table_to_modes)(const double *table, qc_size cells, qc_size modes, const double *powers, double *z);
    void (*modes_to_table)(const double *g, qc_size cells, qc_size modes, double g0, const double *powers, double *table);
    /* split trigonometry: real and imaginary parts of sum_j a_ij exp(-i k x_j), `modes` of them from cos/sin columns
       trig[(2 k) n + j], trig[(2 k + 1) n + j]; adds -Re(sum conj..) see the source */
    void (*split_dense)(const double *a, qc_size n, qc_size first, qc_size last, qc_size modes, const double *trig,
                        const double *coefficient, double *out);
    void (*split_csr)(const double *a, const int *columns, const long long *starts, qc_size n, qc_size first,
                      qc_size last, qc_size modes, const double *trig, const double *coefficient, double *out);
    double (*max_abs)(const double *v, qc_size n);
} qc_kernels;

/* The kernels for this processor, or those of a given level: 0 portable, 1 AVX2, 2 AVX-512 (NULL: it cannot run here). */
const qc_kernels *qc_select(int level);

#endif
