/* Sums over the neighbours in a graph, by the addition theorem. A part of circle_simd.h, included
   once for each instruction set; no include guard. */

/* IN c, s: cos k x_i and sin k x_i, re, im: sums of a_ij cos k x_j and a_ij sin k x_j, g: the pair
   g_k. Re(g_k exp(i k x_i) sum_j a_ij exp(-i k x_j)). */
QC_INLINE double NAME(mode_of)(double c, double s, double re, double im, const double *g)
{
    double er = c * re + s * im, ei = s * re - c * im;
    return g[0] * er - g[1] * ei;
}

/* see qc_kernels */
TARGET static void NAME(split_dense)(const double *a, qc_size n, qc_size first, qc_size last,
                                     qc_size modes, const double *trig, const double *g,
                                     double *out)
{
    for (qc_size i = first; i < last; i++) {
        const double *row = a + i * n;
        double result = 0.0;
        for (qc_size k = 0; k < modes; k++) {
            const double *c = trig + 2 * k * n, *s = c + n;
            vec re0 = ALL(0.0), im0 = ALL(0.0), re1 = ALL(0.0), im1 = ALL(0.0);
            double re, im;
            qc_size j;
            for (j = 0; j + 2 * QC_LANES <= n; j += 2 * QC_LANES) {
                vec w0 = NAME(load)(row + j), w1 = NAME(load)(row + j + QC_LANES);
                re0 += w0 * NAME(load)(c + j);
                im0 += w0 * NAME(load)(s + j);
                re1 += w1 * NAME(load)(c + j + QC_LANES);
                im1 += w1 * NAME(load)(s + j + QC_LANES);
            }
            re = NAME(total)(re0 + re1);
            im = NAME(total)(im0 + im1);
            for (; j < n; j++) {
                re += row[j] * c[j];
                im += row[j] * s[j];
            }
            result += NAME(mode_of)(c[i], s[i], re, im, g + 2 * k);
        }
        out[i] += result;
    }
}

/* see qc_kernels */
TARGET static void NAME(split_csr)(const double *a, const int *columns, const long long *starts,
                                   qc_size n, qc_size first, qc_size last, qc_size modes,
                                   const double *trig, const double *g, double *out)
{
    for (qc_size i = first; i < last; i++) {
        double result = 0.0;
        for (qc_size k = 0; k < modes; k++) {
            const double *t = trig + 2 * k * n;
            double re0 = 0.0, im0 = 0.0, re1 = 0.0, im1 = 0.0;
            long long e = starts[i];
            for (; e + 1 < starts[i + 1]; e += 2) {
                const double *u = t + 2 * (qc_size)columns[e];
                const double *v = t + 2 * (qc_size)columns[e + 1];
                re0 += a[e] * u[0];
                im0 += a[e] * u[1];
                re1 += a[e + 1] * v[0];
                im1 += a[e + 1] * v[1];
            }
            if (e < starts[i + 1]) {
                const double *u = t + 2 * (qc_size)columns[e];
                re0 += a[e] * u[0];
                im0 += a[e] * u[1];
            }
            result += NAME(mode_of)(t[2 * i], t[2 * i + 1], re0 + re1, im0 + im1, g + 2 * k);
        }
        out[i] += result;
    }
}
