/* Inner loops of the discrete truncated Wigner approximation.
   A block holds LANES samples side by side: component mu of item i of lane l is
   y[(3 i + mu) LANES + l]. Only additions, multiplications and divisions, lane by lane: the clones
   differ in speed, not in a single bit. */
#ifndef QSYNCPLUG_DTWA_H
#define QSYNCPLUG_DTWA_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "dop853_tableau.h"
#include "random.h"

#define LANES 8
#define MAX_GROUPS 8

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif

typedef struct {
    int groups, items;
    int group[4 * MAX_GROUPS]; /* of each item */
    double field[MAX_GROUPS][3];
    double coupling[MAX_GROUPS][MAX_GROUPS][3]; /* the field on a is coupling[a][b] * J_b */
    double own[MAX_GROUPS][3];                  /* what each spin must not feel of itself */
    double decay[MAX_GROUPS][MAX_GROUPS];
    int has_decay;
    double spins[MAX_GROUPS];
} dtwa_model;

/* IN p, weight (items, LANES), y; OUT J (groups, 3, LANES) */
CLONES static void dtwa_sums(const dtwa_model *p, const double *restrict weight,
                             const double *restrict y, double *restrict J)
{
    for (int k = 0; k < 3 * p->groups * LANES; k++)
        J[k] = 0;
    for (int i = 0; i < p->items; i++) {
        double *target = J + 3 * LANES * p->group[i];
        for (int mu = 0; mu < 3; mu++)
            for (int l = 0; l < LANES; l++)
                target[mu * LANES + l] += 0.5 * weight[i * LANES + l] * y[(3 * i + mu) * LANES + l];
    }
}

/* IN p, weight, y, noise (groups, 2, LANES) or NULL; OUT dy */
CLONES static void dtwa_rhs(const dtwa_model *p, const double *restrict weight,
                            const double *restrict y, const double *restrict noise,
                            double *restrict dy)
{
    double J[3 * MAX_GROUPS * LANES], B[3 * MAX_GROUPS * LANES];
    dtwa_sums(p, weight, y, J);
    for (int a = 0; a < p->groups; a++) {
        double *f = B + 3 * LANES * a;
        for (int mu = 0; mu < 3; mu++)
            for (int l = 0; l < LANES; l++)
                f[mu * LANES + l] = p->field[a][mu];
        for (int b = 0; b < p->groups; b++) {
            const double *s = J + 3 * LANES * b;
            for (int mu = 0; mu < 3; mu++) {
                double c = p->coupling[a][b][mu];
                if (c != 0)
                    for (int l = 0; l < LANES; l++)
                        f[mu * LANES + l] += c * s[mu * LANES + l];
            }
            if (p->has_decay && p->decay[a][b] != 0) {
                double c = p->decay[a][b];
                for (int l = 0; l < LANES; l++) {
                    f[l] -= c * s[LANES + l];
                    f[LANES + l] += c * s[l];
                }
            }
        }
        if (noise)
            for (int k = 0; k < 2 * LANES; k++)
                f[k] += noise[2 * LANES * a + k];
    }
    for (int i = 0; i < p->items; i++) {
        const double *f = B + 3 * LANES * p->group[i], *own = p->own[p->group[i]];
        const double *s = y + 3 * LANES * i;
        double *d = dy + 3 * LANES * i;
        for (int l = 0; l < LANES; l++) {
            double x = s[l], v = s[LANES + l], z = s[2 * LANES + l];
            double bx = f[l] - own[0] * x, by = f[LANES + l] - own[1] * v;
            double bz = f[2 * LANES + l] - own[2] * z;
            d[l] = by * z - bz * v;
            d[LANES + l] = bz * x - bx * z;
            d[2 * LANES + l] = bx * v - by * x;
        }
    }
}

/* error of the step, the largest over the lanes; the scale is the length sqrt(3) of a spin.
   IN n, h, K (stages of n), tolerance */
CLONES static double dtwa_error(int n, double h, double *const *K, double tolerance)
{
    double total5[LANES], total3[LANES], worst = 0;
    for (int l = 0; l < LANES; l++)
        total5[l] = total3[l] = 0;
    for (int k = 0; k < n; k += LANES) {
        double e5[LANES], e3[LANES];
        for (int l = 0; l < LANES; l++)
            e5[l] = e3[l] = 0;
        for (int s = 0; s < 12; s++) {
            const double *v = K[s] + k;
            double c5 = ERROR5[s], c3 = ERROR3[s];
            if (c5 != 0 || c3 != 0)
                for (int l = 0; l < LANES; l++) {
                    e5[l] += c5 * v[l];
                    e3[l] += c3 * v[l];
                }
        }
        for (int l = 0; l < LANES; l++) {
            total5[l] += e5[l] * e5[l];
            total3[l] += e3[l] * e3[l];
        }
    }
    for (int l = 0; l < LANES; l++) {
        double d = total5[l] + 0.01 * total3[l];
        double e = d > 0 ? fabs(h) * total5[l] / sqrt(d * (n / LANES)) : 0;
        if (!(e <= worst))
            worst = e;
    }
    return worst / tolerance;
}

/* v in units of the tolerance: the largest root mean square of a lane. IN n, v (n), tolerance */
CLONES static double dtwa_norm(int n, const double *restrict v, double tolerance)
{
    double total[LANES], worst = 0;
    for (int l = 0; l < LANES; l++)
        total[l] = 0;
    for (int k = 0; k < n; k += LANES)
        for (int l = 0; l < LANES; l++)
            total[l] += v[k + l] * v[k + l];
    for (int l = 0; l < LANES; l++)
        if (!(total[l] <= worst))
            worst = total[l];
    return sqrt(worst / (n / LANES)) / tolerance;
}

/* out = base + h * K. IN n, h, K (n), base (n); OUT out (n) */
CLONES static void dtwa_shift(int n, double h, const double *restrict K,
                              const double *restrict base, double *restrict out)
{
    for (int k = 0; k < n; k++)
        out[k] = base[k] + h * K[k];
}

/* y += h/6 (K0 + 2 K1 + 2 K2 + K3). IN n, h, K (4 stages of n); INOUT y (n) */
CLONES static void dtwa_rk4(int n, double h, double *const *K, double *restrict y)
{
    for (int k = 0; k < n; k++)
        y[k] += h / 6 * (K[0][k] + 2 * (K[1][k] + K[2][k]) + K[3][k]);
}

/* Add the first `active` lanes to the sums of the 3G means and 3G(3G+1)/2 second moments and of
   their squares; then the same of the 2G quadratures of J_-/sqrt(N/2 - J_z), and the means of those
   of J_-/sqrt((N+1)/2 - J_z). Within a group a product of two spins is that of different spins; a
   spin with itself gives delta/4.
   IN p, weight (items, LANES), y, active; INOUT sums, squares (one number an observable) */
CLONES static void dtwa_observe(const dtwa_model *p, const double *restrict weight,
                                const double *restrict y, int active, double *restrict sums,
                                double *restrict squares)
{
    double J[3 * MAX_GROUPS * LANES];
    int d = 3 * p->groups, at = d;
    dtwa_sums(p, weight, y, J);
    for (int u = 0; u < d; u++)
        for (int l = 0; l < active; l++) {
            sums[u] += J[u * LANES + l];
            squares[u] += J[u * LANES + l] * J[u * LANES + l];
        }
    for (int u = 0; u < d; u++)
        for (int v = u; v < d; v++, at++) {
            double q[LANES];
            for (int l = 0; l < LANES; l++)
                q[l] = J[u * LANES + l] * J[v * LANES + l];
            if (u / 3 == v / 3) {
                double same = u == v ? 0.25 * p->spins[u / 3] : 0.0;
                for (int l = 0; l < LANES; l++)
                    q[l] += same;
                for (int i = 0; i < p->items; i++)
                    if (p->group[i] == u / 3)
                        for (int l = 0; l < LANES; l++)
                            q[l] -= 0.25 * weight[i * LANES + l] * y[(3 * i + u % 3) * LANES + l]
                                    * y[(3 * i + v % 3) * LANES + l];
            }
            for (int l = 0; l < active; l++) {
                sums[at] += q[l];
                squares[at] += q[l] * q[l];
            }
        }
    int w = 2 * p->groups, first = at;
    double Y[2 * MAX_GROUPS * LANES];
    for (int a = 0; a < p->groups; a++)
        for (int l = 0; l < LANES; l++) {
            const double *s = J + 3 * a * LANES + l;
            /* the square root ends at the fully excited state */
            double room = 0.5 * p->spins[a] - s[2 * LANES];
            double scale = sqrt(2 / (room > 0.5 ? room : 0.5));
            Y[2 * a * LANES + l] = scale * s[0];
            Y[(2 * a + 1) * LANES + l] = -scale * s[LANES];
            if (l < active) {
                int last = at + w + w * (w + 1) / 2 + 2 * a;
                double u, v;
                scale = sqrt(2 / (room > 0 ? room + 0.5 : 0.5));
                u = scale * s[0];
                v = -scale * s[LANES];
                sums[last] += u;
                squares[last] += u * u;
                sums[last + 1] += v;
                squares[last + 1] += v * v;
            }
        }
    at += w;
    for (int u = 0; u < w; u++) {
        for (int l = 0; l < active; l++) {
            double v = Y[u * LANES + l];
            sums[first + u] += v;
            squares[first + u] += v * v;
        }
        for (int v = u; v < w; v++, at++)
            for (int l = 0; l < active; l++) {
                double q = Y[u * LANES + l] * Y[v * LANES + l];
                sums[at] += q;
                squares[at] += q * q;
            }
    }
}

/* ------------------------------------------------------------------ random numbers */

typedef struct { uint64_t s[4]; double spare; int has_spare; } dtwa_stream;

/* OUT r; IN seed, sample */
static void dtwa_seed(dtwa_stream *r, uint64_t seed, uint64_t sample)
{
    qs_seed(r->s, seed, sample);
    r->has_spare = 0;
}

/* INOUT r. 64 random bits. */
static uint64_t dtwa_next(dtwa_stream *r) { return qs_next(r->s); }

/* INOUT r. In [0, 1). */
static double dtwa_uniform(dtwa_stream *r)
{
    return (double)(dtwa_next(r) >> 11) * 0x1p-53;
}

/* INOUT r. Of variance 1. */
static double dtwa_normal(dtwa_stream *r)
{
    double u, v, q;
    if (r->has_spare) {
        r->has_spare = 0;
        return r->spare;
    }
    do {
        u = 2 * dtwa_uniform(r) - 1;
        v = 2 * dtwa_uniform(r) - 1;
        q = u * u + v * v;
    } while (q >= 1 || q == 0);
    q = sqrt(-2 * log(q) / q);
    r->spare = v * q;
    r->has_spare = 1;
    return u * q;
}

/* IN x. Number of its bits that are set. */
static int dtwa_ones(uint64_t x)
{
    int n = 0;
    for (; x; x &= x - 1)
        n++;
    return n;
}

#endif
