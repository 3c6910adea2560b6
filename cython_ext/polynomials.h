/* Sparse polynomials at one point: a list of products, then rows over them. Complex numbers are
   pairs of doubles. */
#ifndef QSYNCPLUG_POLYNOMIALS_H
#define QSYNCPLUG_POLYNOMIALS_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define POLY_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define POLY_CLONES
#endif

/* Products of two numbers each, which may be products before them.
   IN count, first, second: places in `number`; number; OUT product, behind what is not a product */
POLY_CLONES static void poly_products(long count, const int *first, const int *second,
                                      const double *number, double *product)
{
    for (long k = 0; k < count; k++) {
        const double *a = number + 2 * (long)first[k], *b = number + 2 * (long)second[k];
        const double x = a[0], y = a[1], u = b[0], v = b[1];
        product[2 * k] = x * u - y * v;
        product[2 * k + 1] = x * v + y * u;
    }
}

/* IN rows: entries start[r] ... middle[r]-1 have real coefficients re; those up to start[r+1]-1
   complex ones (re, im) and, where factor is given and factor[e] > 0, a factor of time; column,
   coefficient (factors), number.
   OUT out (rows). */
POLY_CLONES static void poly_rows(long rows, const int *start, const int *middle,
                                  const int *column, const int *factor, const double *re,
                                  const double *im, const double *restrict coefficient,
                                  const double *restrict number, double *restrict out)
{
    for (long r = 0; r < rows; r++) {
        double s = 0, t = 0;
        int e = start[r];
        for (; e < middle[r]; e++) {
            const double *x = number + 2 * (long)column[e];
            s += re[e] * x[0];
            t += re[e] * x[1];
        }
        for (; e < start[r + 1]; e++) {
            const double *x = number + 2 * (long)column[e];
            double u = re[e], v = im[e];
            if (factor && factor[e]) {
                const double *c = coefficient + 2 * (long)factor[e];
                u = re[e] * c[0] - im[e] * c[1];
                v = re[e] * c[1] + im[e] * c[0];
            }
            s += u * x[0] - v * x[1];
            t += u * x[1] + v * x[0];
        }
        out[2 * r] = s;
        out[2 * r + 1] = t;
    }
}

/* The same in runs (see find_runs in qsyncplug/operators/polynomial.py): real and imaginary parts
   apart, so that what repeats from node to node is one loop over contiguous numbers. Runs are done
   by four numbers: arrays are three numbers longer than they need be. */
#define POLY_WIDTH 4
typedef double poly_vector __attribute__((vector_size(8 * POLY_WIDTH), aligned(8), may_alias));
#define POLY_AT(array) (*(poly_vector *)((array) + i))
#define POLY_IN(array) (*(const poly_vector *)((array) + i))

/* IN n, z (n) pairs; OUT re, im: after the first number their conjugates, then themselves */
POLY_CLONES static void poly_run_letters(long n, const double *restrict z, double *restrict re,
                                         double *restrict im)
{
    double *x = re + 1, *y = im + 1, *u = re + 1 + n, *v = im + 1 + n;
    for (long k = 0; k < n; k++) {
        x[k] = z[2 * k];
        y[k] = -z[2 * k + 1];
    }
    for (long k = 0; k < n; k++) {
        u[k] = z[2 * k];
        v[k] = z[2 * k + 1];
    }
}

/* Products grow in number, each of smaller ones: what a run writes beyond its end is written again.
   IN count, run (count, 4): dst, a, b, length; INOUT re, im: one, letters, products */
POLY_CLONES static void poly_run_products(long count, const int *run, double *re, double *im)
{
    for (long k = 0; k < count; k++, run += 4) {
        double *x = re + run[0], *y = im + run[0];
        const double *a = re + run[1], *b = im + run[1], *u = re + run[2], *v = im + run[2];
        const int length = run[3];
        for (int i = 0; i < length; i += POLY_WIDTH) {
            const poly_vector p = POLY_IN(a), q = POLY_IN(b), r = POLY_IN(u), s = POLY_IN(v);
            POLY_AT(x) = p * r - q * s;
            POLY_AT(y) = p * s + q * r;
        }
    }
}

/* Coefficients beyond the end of a run are 0.
   IN rows, count, run (count, 5): row, number, coefficient, length, whether complex; cre, cim, re,
   im; OUT x, y scratch (rows), out (rows) pairs */
POLY_CLONES static void poly_run_sums(long rows, long count, const int *run, const double *cre,
                                      const double *cim, const double *re, const double *im,
                                      double *x, double *y, double *restrict out)
{
    for (long r = 0; r < rows; r++)
        x[r] = y[r] = 0;
    for (long k = 0; k < count; k++, run += 5) {
        double *s = x + run[0], *t = y + run[0];
        const double *a = re + run[1], *b = im + run[1], *c = cre + run[2], *d = cim + run[2];
        const int length = run[3];
        if (run[4]) {
            for (int i = 0; i < length; i += POLY_WIDTH) {
                POLY_AT(s) += POLY_IN(c) * POLY_IN(a) - POLY_IN(d) * POLY_IN(b);
                POLY_AT(t) += POLY_IN(c) * POLY_IN(b) + POLY_IN(d) * POLY_IN(a);
            }
        } else {
            for (int i = 0; i < length; i += POLY_WIDTH) {
                POLY_AT(s) += POLY_IN(c) * POLY_IN(a);
                POLY_AT(t) += POLY_IN(c) * POLY_IN(b);
            }
        }
    }
    for (long r = 0; r < rows; r++) {
        out[2 * r] = x[r];
        out[2 * r + 1] = y[r];
    }
}
#undef POLY_AT
#undef POLY_IN
#endif
