/* Products of a Lindblad generator (or of -iH) with a vector of elements, without a matrix; see
   liouvillian_simd.h. */
#ifndef QSYNCPLUG_LIOUVILLIAN_KERNELS_H
#define QSYNCPLUG_LIOUVILLIAN_KERNELS_H

#include <stddef.h>

/* Chebyshev polynomials that are kept before they are added to the outputs. */
#define QL_RING 8
/* Elements behind the end of a segment that a product may read. */
#define QL_OVERRUN 32

/* Polynomials of time that a generator may have. */
#define QL_FUNCTIONS 8

/* Kinds of terms: a real v alone; v and w, both real; complex ones. Of each first those that
   multiply x, then, one more, those that multiply the conjugate of x. */
typedef enum ql_kind {
    QL_ALONE,
    QL_ALONE_CONJUGATE,
    QL_REAL,
    QL_REAL_CONJUGATE,
    QL_COMPLEX,
    QL_COMPLEX_CONJUGATE,
    QL_KINDS
} ql_kind;

/* The vectors that every generator begins with: ones, zeros, the diagonal. */
typedef enum ql_slot { QL_ONES, QL_ZEROS, QL_DIAGONAL } ql_slot;

/* coefficient[i] = v[i] conj(w[i]) (or v[i] alone, by kind) of one term on one segment,
   i = 0 .. length-1; zero outside low .. high-1. */
typedef struct {
    ptrdiff_t source; /* where x[i] begins */
    ptrdiff_t v, w;   /* where v[i] and w[i] begin in `vectors` */
    int low, high;
} ql_term;

/* A segment is a run of elements that are next to each other: a diagonal of a matrix, or a whole
   vector. Its terms are sorted by kind. */
typedef struct {
    ptrdiff_t segments;
    const ptrdiff_t *start, *length; /* in x */
    const ptrdiff_t *left, *right;   /* row and column of the first element */
    const double *weight;   /* of an element in the norm: 2 where its conjugate is left out */
    const ptrdiff_t *first; /* (QL_KINDS segments + 1): first term of each */
    const ql_term *terms;
    const double *re, *im; /* vectors */
    /* diagonal: left[row] + conj(right[column]) */
    const double *left_re, *left_im, *right_re, *right_im;
} ql_table;

typedef struct {
    const char *name;
    /* out = alpha (L - shift) x + beta previous; returns the squared norm of out.
       IN t, alpha, shift, beta, x, previous; OUT out (may be previous) */
    double (*product)(const ql_table *t, double alpha, double shift, double beta,
                      const double *x_re, const double *x_im, const double *previous_re,
                      const double *previous_im, double *out_re, double *out_im);
    /* out[j * stride + i] += sum_k c[j * c_stride + k] f[k][i],
       j < rows, k < count <= QL_RING, i < n.
       IN rows, n, count, f, c, c_stride, stride; INOUT out */
    void (*combine)(ptrdiff_t rows, ptrdiff_t n, int count, const double *const *f,
                    const double *c, ptrdiff_t c_stride, double *out, ptrdiff_t stride);
    /* the polynomials p_l(s) = sum_q g[l * (powers + 1) + q] s^q of a running expansion, see
       moving.pyx: for each i < n, with c_0 = x[i] and c_q = place here[q][i],
       out[l][i] = sum_q g c_q and before[q][i] = two c_(q-1) + back before[q][i].
       IN n, powers, place, two, back, x, here, functions (1 .. QL_FUNCTIONS), g;
       INOUT before; OUT out */
    void (*running)(ptrdiff_t n, int powers, double place, double two, double back,
                    const double *x, double *const *before, double *const *here, int functions,
                    const double *g, double *const *out);
} ql_kernels;

/* The kernels for this processor, or those of a given level: 0 portable, 1 AVX2, 2 AVX-512 (NULL:
   it cannot run here). */
const ql_kernels *ql_select(int level);

#endif
