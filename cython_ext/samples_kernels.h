/* Heun steps of stochastic polynomial equations on blocks of samples that lie side by side; see
   samples_simd.h. */
#ifndef QSYNCPLUG_SAMPLES_KERNELS_H
#define QSYNCPLUG_SAMPLES_KERNELS_H

#include <stdint.h>

/* Samples in a block: a row holds one real number of each. */
#define QW_LANES 64

/* row d = row a * row b; the same + row c * row e; - row c * row e */
typedef enum qw_way { QW_TIMES, QW_PLUS, QW_MINUS } qw_way;
typedef struct { int kind, d, a, b, c, e; } qw_product;

/* What a term of dz multiplies by its coefficient: real row a; complex (a, b); real a times complex
   (b, c); complex (a, b) times complex (c, d); conjugate of (a, b) times (c, d); square of the
   modulus of (a, b) times (c, d).
   QW_BENT: complex (a, b), and the coefficient is its own plus that of the next term, which is not
   looked at by itself, times the square of the modulus of (a, b).
   QW_PAIR: this term and the next one, both QW_COMPLEX with real coefficients.
   QW_OWN: QW_BENT with real coefficients, or with an imaginary part of its own, of the variable
   whose sum it begins, and the term after that too: QW_CONJUGATE_COMPLEX of the same (a, b) with
   the coefficient 1 or i, as is its shape. */
typedef enum qw_source {
    QW_REAL,
    QW_COMPLEX,
    QW_REAL_COMPLEX,
    QW_COMPLEX_COMPLEX,
    QW_CONJUGATE_COMPLEX,
    QW_MODULUS_COMPLEX,
    QW_BENT,
    QW_PAIR,
    QW_OWN
} qw_source;
/* Coefficients: real, imaginary, both, 1, i; the last two with noises alone, not with conjugates of
   them. Of QW_BENT: both of them real, that of the next term real, neither. Of QW_PAIR: the
   first alone. */
typedef enum qw_shape { QW_RE, QW_IM, QW_BOTH, QW_ONE, QW_I, QW_SHAPES } qw_shape;
#define QW_KIND(source, shape) (QW_SHAPES * (source) + (shape))
typedef struct { int kind, a, b, c, d; } qw_term; /* kind: QW_KIND */

/* One evaluation: products that are kept, then every complex dz as a sum of terms. */
typedef struct {
    int products, terms;
    const qw_product *product;
    const qw_term *term;
} qw_stage;

/* The rows are z (sums), z of the second stage (sums), the noises (2 jumps), products. */
typedef struct {
    qw_stage stage[2];
    int variables, sums, jumps, factors;
    const int *start;  /* (variables + 1): terms of each variable */
    const int *target; /* (2 variables): rows of its real and imaginary part, -1 without one */
    const int *factor; /* (terms): number of the time factor; 0 is 1 */
    const int *noisy;  /* (terms): 1 where there is a noise, 0 where the step multiplies it */
    const double *re, *im, *sign; /* (terms): coefficient, and -1 where a conjugate is meant */
    const double *noise; /* (jumps): size of each noise, in roots of the step */
    int spheres;
    const int *sphere; /* (4 spheres): rows of Re w, Im w, z, and of the length that a spin keeps */
} qw_program;

/* xoshiro256++ of every sample (D. Blackman, S. Vigna, ACM Trans. Math. Softw. 47, 36, 2021), and
   bits not yet used. */
typedef struct { uint64_t s[4][QW_LANES], bits[QW_LANES]; int used; } qw_random;

typedef struct {
    const char *name;
    /* IN p, dt, steps, timed, factors (steps + 1, 2 factors) or (1, 2 factors);
       INOUT rows, random; OUT c scratch (8 terms + jumps) */
    void (*steps)(const qw_program *p, double *rows, qw_random *random, double dt, long steps,
                  int timed, const double *factors, double *c);
} qw_kernels;

/* The kernels for this processor, or those of a given level: 0 portable, 1 AVX2, 2 AVX-512 (NULL:
   it cannot run here). */
const qw_kernels *qw_select(int level);

/* OUT the generator of samples first ... first + QW_LANES - 1 of a run. */
void qw_seed(qw_random *random, uint64_t seed, uint64_t first);

#endif
