/* Polynomials and Heun steps over blocks of samples; every array is [row][LANES]. */
#ifndef QSYNCPLUG_STOCHASTIC_H
#define QSYNCPLUG_STOCHASTIC_H
#include <math.h>
#include <stdint.h>

#define LANES 64

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDE
#endif

/* IN parent, letter: the chain of monomials; re, im: variables. OUT pr, pi: monomials, row 0 is 1. */
WIDE static void monomials(int count, const int *parent, const int *letter, const double *re, const double *im,
                           double *restrict pr, double *restrict pi)
{
    for (int k = 0; k < count; k++) {
        const double *ar = pr + (long)parent[k] * LANES, *ai = pi + (long)parent[k] * LANES;
        const double *br = re + (long)(letter[k] >> 1) * LANES, *bi = im + (long)(letter[k] >> 1) * LANES;
        const double sign = (letter[k] & 1) ? 1.0 : -1.0;
        double *restrict cr = pr + (long)(k + 1) * LANES, *restrict ci = pi + (long)(k + 1) * LANES;
        for (int l = 0; l < LANES; l++) {
            const double b = sign * bi[l];
            cr[l] = ar[l] * br[l] - ai[l] * b;
            ci[l] = ar[l] * b + ai[l] * br[l];
        }
    }
}

/* IN one row of coefficients (vr + i vi) and its monomials. OUT r + i s. */
WIDE static void row_sum(int first, int last, const int *column, const double *vr, const double *vi,
                         const double *pr, const double *pi, double *restrict r, double *restrict s)
{
    for (int l = 0; l < LANES; l++)
        r[l] = s[l] = 0.0;
    for (int e = first; e < last; e++) {
        const double *xr = pr + (long)column[e] * LANES, *xi = pi + (long)column[e] * LANES;
        const double a = vr[e], b = vi[e];
        for (int l = 0; l < LANES; l++) {
            r[l] += a * xr[l] - b * xi[l];
            s[l] += a * xi[l] + b * xr[l];
        }
    }
}

/* INOUT (r, s) += scale * row * (zr +- i zi): one noise on one variable. */
WIDE static void add_noise(const double *ar, const double *ai, const double *zr, const double *zi, double sign,
                           double scale, double *restrict r, double *restrict s)
{
    for (int l = 0; l < LANES; l++) {
        const double x = scale * zr[l], y = sign * scale * zi[l];
        r[l] += ar[l] * x - ai[l] * y;
        s[l] += ar[l] * y + ai[l] * x;
    }
}

/* OUT r = base + h * a (and the same for the imaginary parts). */
WIDE static void axpy(long n, const double *base, const double *a, double h, double *r)
{
    for (long l = 0; l < n; l++)
        r[l] = base[l] + h * a[l];
}

/* INOUT state: xoshiro256++ of every lane, [4][LANES]. OUT bits. */
WIDE static void random_bits(uint64_t *restrict s, uint64_t *restrict bits)
{
    uint64_t *restrict a = s, *restrict b = s + LANES, *restrict c = s + 2 * LANES, *restrict d = s + 3 * LANES;
    for (int l = 0; l < LANES; l++) {
        const uint64_t sum = a[l] + d[l];
        bits[l] = ((sum << 23) | (sum >> 41)) + a[l];
        const uint64_t t = b[l] << 17;
        c[l] ^= a[l];
        d[l] ^= b[l];
        b[l] ^= c[l];
        a[l] ^= d[l];
        c[l] ^= t;
        d[l] = (d[l] << 45) | (d[l] >> 19);
    }
}

/* OUT z = +-size, by one bit of every lane. */
WIDE static void signs(const uint64_t *bits, int shift, double size, double *restrict z)
{
    for (int l = 0; l < LANES; l++)
        z[l] = size * (double)(2 * (int64_t)((bits[l] >> shift) & 1) - 1);
}

/* INOUT a spin (w = Sx - i Sy, z): its length back to `length`. */
WIDE static void on_sphere(double *restrict wr, double *restrict wi, double *restrict z, const double *length)
{
    for (int l = 0; l < LANES; l++) {
        const double f = length[l] / sqrt(wr[l] * wr[l] + wi[l] * wi[l] + z[l] * z[l]);
        wr[l] *= f;
        wi[l] *= f;
        z[l] *= f;
    }
}
#endif
