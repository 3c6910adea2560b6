/* Fourier transforms of cell tables, and the way between tables and modes. A part of circle_simd.h,
   included once for each instruction set; no include guard.

   A row of a table is QC_WIDTH complex numbers: their real parts, then their imaginary parts. */

/* part of a row */
#define QC_ROW(p, re, im) vec re = NAME(load)(p), im = NAME(load)((p) + QC_WIDTH)

/* OUT p: part of a row; IN re, im. */
QC_INLINE void NAME(store_row)(double *p, vec re, vec im)
{
    NAME(store)(p, re);
    NAME(store)(p + QC_WIDTH, im);
}

/* OUT p: part of a row; IN re, im, cr, ci. Part of a row times the complex number (cr, ci). */
QC_INLINE void NAME(twist)(double *p, vec re, vec im, double cr, double ci)
{
    NAME(times)(&re, &im, ALL(cr), ALL(ci));
    NAME(store_row)(p, re, im);
}

/* see qc_kernels; Stockham's algorithm with radices 4, 3 and 2 */
TARGET static double *NAME(fft)(double *data, double *work, qc_size n, const double *twiddle,
                                int sign)
{
    double *x = data, *y = work, *swap;
    qc_size length = n, stride = 1;
    double flip = sign < 0 ? 1.0 : -1.0; /* the table is that of the forward transform */
    while (length > 1) {
        int radix = length % 4 == 0 ? 4 : length % 2 == 0 ? 2 : 3;
        qc_size m = length / radix, step = QC_TERMS * stride, jump = step * m;
        for (qc_size p = 0; p < m; p++) {
            double tr[4], ti[4];
            for (int j = 1; j < radix; j++) {
                qc_size k = p * j * stride;
                tr[j] = twiddle[2 * k];
                ti[j] = flip * twiddle[2 * k + 1];
            }
            /* rows, and the parts of each: those of the imaginary parts are taken along */
            for (qc_size q = 0; q < step;
                 q += (q + QC_LANES) % QC_WIDTH ? QC_LANES : QC_LANES + QC_WIDTH) {
                const double *in = x + step * p + q;
                double *out = y + step * radix * p + q;
                QC_ROW(in, ar, ai);
                QC_ROW(in + jump, br, bi);
                if (radix == 4) {
                    QC_ROW(in + 2 * jump, cr, ci);
                    QC_ROW(in + 3 * jump, dr, di);
                    vec sr = ar + cr, si = ai + ci, er = ar - cr, ei = ai - ci;
                    vec ur = br + dr, ui = bi + di;
                    vec vr = flip * (bi - di), vi = flip * (dr - br);
                    NAME(store_row)(out, sr + ur, si + ui);
                    NAME(twist)(out + step, er + vr, ei + vi, tr[1], ti[1]);
                    NAME(twist)(out + 2 * step, sr - ur, si - ui, tr[2], ti[2]);
                    NAME(twist)(out + 3 * step, er - vr, ei - vi, tr[3], ti[3]);
                } else if (radix == 2) {
                    NAME(store_row)(out, ar + br, ai + bi);
                    NAME(twist)(out + step, ar - br, ai - bi, tr[1], ti[1]);
                } else {
                    QC_ROW(in + 2 * jump, cr, ci);
                    double half = 0.86602540378443864676 * flip;
                    vec sr = br + cr, si = bi + ci, er = ar - 0.5 * sr, ei = ai - 0.5 * si;
                    vec vr = half * (bi - ci), vi = half * (cr - br);
                    NAME(store_row)(out, ar + sr, ai + si);
                    NAME(twist)(out + step, er + vr, ei + vi, tr[1], ti[1]);
                    NAME(twist)(out + 2 * step, er - vr, ei - vi, tr[2], ti[2]);
                }
            }
        }
        swap = x;
        x = y;
        y = swap;
        length = m;
        stride *= radix;
    }
    return x;
}

/* see qc_kernels; on the centres k may be folded into 0 .. cells-1: there may be more modes than
   cells */
TARGET static void NAME(table_to_modes)(const double *table, qc_size cells, qc_size modes,
                                        const double *powers, double *z)
{
    for (qc_size first = 0; first <= modes; first += QC_LANES / 2) {
        vec part[QC_LANES];
        qc_size left = modes + 1 - first, count = left < QC_LANES / 2 ? left : QC_LANES / 2;
        for (qc_size l = 0; l < QC_LANES / 2; l++) {
            qc_size k = l < count ? first + l : first;
            qc_size folded = k % cells;
            const double *forward = table + QC_TERMS * folded;
            const double *back = table + QC_TERMS * (folded ? cells - folded : 0);
            for (int r = 0; r < QC_WIDTH; r += QC_LANES) {
                vec even = NAME(load)(qc_even + r), odd = NAME(load)(qc_odd + r);
                QC_ROW(forward + r, ar, ai);
                QC_ROW(back + r, br, bi);
                QC_ROW(powers + QC_TERMS * k + r, low, high);
                /* rows hold the moments r (real) and r + QC_WIDTH (imaginary); separate the two
                   transforms */
                vec wr = low * (ar + br) + high * (ai + bi);
                vec wi = low * (ai - bi) - high * (ar - br);
                vec re = even * wr + odd * wi, im = even * wi - odd * wr;
                if (r > 0) {
                    re += part[2 * l];
                    im += part[2 * l + 1];
                }
                part[2 * l] = re;
                part[2 * l + 1] = im;
            }
        }
        vec pairs = 0.5 * NAME(totals)(part);
        if (count == QC_LANES / 2) NAME(store)(z + 2 * first, pairs);
        else NAME(store_some)(z + 2 * first, 2 * count, pairs);
    }
}

/* see qc_kernels */
TARGET static void NAME(modes_to_table)(const double *g, qc_size cells, qc_size modes, double g0,
                                        const double *powers, double *table)
{
    memset(table, 0, (size_t)(QC_TERMS * cells) * sizeof(double));
    table[0] = g0;
    for (qc_size k = 1, folded = 1 % cells; k <= modes;
         k++, folded = folded + 1 == cells ? 0 : folded + 1) {
        double gr = 0.5 * g[2 * k - 2], gi = 0.5 * g[2 * k - 1];
        for (int r = 0; r < QC_WIDTH; r += QC_LANES) {
            vec even = NAME(load)(qc_even + r), odd = NAME(load)(qc_odd + r);
            QC_ROW(powers + QC_TERMS * k + r, low, high);
            vec qr = gr * even - gi * odd, qi = gi * even + gr * odd;
            double *forward = table + QC_TERMS * folded + r;
            double *back = table + QC_TERMS * (folded ? cells - folded : 0) + r;
            QC_ROW(forward, fr, fi);
            NAME(store_row)(forward, fr + (low * qr - high * qi), fi + (low * qi + high * qr));
            QC_ROW(back, br, bi);
            NAME(store_row)(back, br + (low * qr + high * qi), bi + (high * qr - low * qi));
        }
    }
}

/* see qc_kernels: the nodes first .. first+count-1, count up to QC_LANES */
QC_INLINE void NAME(some_maps)(const double *u, const double *v, const double *zr,
                               const double *zi, qc_size n, int terms, qc_size first,
                               qc_size count, double *re, double *im)
{
#define QC_SOME(p)                                                                              \
    (count == QC_LANES ? NAME(load)((p) + first) : NAME(load_some)((p) + first, count, 0.0))
    vec a = QC_SOME(u), b = QC_SOME(v), p = ALL(0.0), q = ALL(0.0);
    for (int k = terms; k > 0; k--) {
        vec next = QC_SOME(zr + k * n) - (p * a + q * b);
        q = QC_SOME(zi + k * n) + (p * b - q * a);
        p = next;
    }
    vec room = 1.0 - a * a - b * b, r = QC_SOME(zr), i = QC_SOME(zi);
    p = room * p + (a * r - b * i);
    q = room * q + (a * i + b * r);
#undef QC_SOME
    if (count == QC_LANES) {
        NAME(store)(re + first, p);
        NAME(store)(im + first, q);
    } else {
        NAME(store_some)(re + first, count, p);
        NAME(store_some)(im + first, count, q);
    }
}

/* see qc_kernels */
TARGET static void NAME(maps)(const double *u, const double *v, const double *zr, const double *zi,
                              qc_size n, const int *terms, double *re, double *im)
{
    qc_size i = 0;
    for (; i + QC_LANES <= n; i += QC_LANES)
        NAME(some_maps)(u, v, zr, zi, n, terms[i], i, QC_LANES, re, im);
    if (i < n) NAME(some_maps)(u, v, zr, zi, n, terms[i], i, n - i, re, im);
}
