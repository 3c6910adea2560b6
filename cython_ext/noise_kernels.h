/* Random numbers and noisy Kuramoto steps; see noise_simd.h for what is computed. */
#ifndef QSYNCPLUG_NOISE_KERNELS_H
#define QSYNCPLUG_NOISE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

typedef ptrdiff_t qn_size;

/* Sweeps: places alone, a step of Euler, one of Leimkuhler and Matthews, both halves of Heun's */
typedef enum { QN_START, QN_EULER, QN_AVERAGED, QN_PREDICT, QN_CORRECT } qn_rule;

/* Particles of one chunk: `count` of them, a multiple of 16. Positions y are in turns; s, c are
   their sine and cosine. omega, gain, sigma and weight are all there, or all NULL: then every
   particle is the same, of gain, sigma and weight 1. */
typedef struct {
    qn_size count;
    uint64_t *state;     /* INOUT xoroshiro128++ of 8 lanes, [2][8] */
    double *y, *s, *c;   /* INOUT */
    double *u;           /* INOUT force of the predictor, or kick of the step before */
    const double *omega, *gain, *sigma, *weight;
} qn_chunk;

/* One sweep: coefficients of the force, in turns a step, and the sums over the particles. */
typedef struct {
    double h;            /* multiplies omega */
    double drift;        /* the same for every particle, where there is no omega */
    double re, im;       /* force: gain (im c - re s) */
    double root;         /* multiplies sigma and the normals */
    double sum_c, sum_s; /* OUT sums of weight cos, weight sin after the sweep */
} qn_sweep;

typedef struct {
    const char *name;
    /* OUT normals: `count` of them, a multiple of 16; INOUT state */
    void (*normals)(uint64_t *state, qn_size count, double *out);
    /* INOUT chunk, sweep: one pass, see the types */
    void (*start)(qn_chunk *chunk, qn_sweep *sweep);
    void (*euler)(qn_chunk *chunk, qn_sweep *sweep);
    void (*averaged)(qn_chunk *chunk, qn_sweep *sweep);
    void (*predict)(qn_chunk *chunk, qn_sweep *sweep);
    void (*correct)(qn_chunk *chunk, qn_sweep *sweep);
} qn_kernels;

/* IN level: 0 portable, 1 AVX2, 2 AVX-512, -1 the best. NULL: it cannot run here. */
const qn_kernels *qn_select(int level);
#endif
