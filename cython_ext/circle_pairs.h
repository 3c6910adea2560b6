/* Sums over pairs of particles, and rotation and Horner's rule for series. A part of circle_simd.h,
   included once for each instruction set; no include guard. */

#ifndef QC_BLOCK
/* vectors in a block of a direct sum */
#define QC_BLOCK 16
#endif

/* ------------------------------------------------------------ direct sums */

/* IN pair, kind (a constant wherever this is inlined), s, c: sines and cosines of half of the
   distances; OUT force, slope, norm: attention weights. */
QC_INLINE void NAME(pair)(const qc_pair *pair, int kind, vec s, vec c, vec *force, vec *slope,
                          vec *norm)
{
    vec sine = 2.0 * s * c;
    vec cosine = (c - s) * (c + s);
    if (kind == QC_SINE) {
        *force = sine;
        *slope = cosine;
        *norm = ALL(1.0);
    } else if (kind == QC_ATTENTION) {
        vec q = pair->beta >= 0 ? s : c;
        vec e = NAME(exponential)((pair->beta >= 0 ? -2.0 : 2.0) * pair->beta * (q * q)
                                  - pair->shift);
        *force = sine * e;
        *slope = (cosine - pair->beta * (sine * sine)) * e;
        *norm = e;
    } else {
        vec fr = ALL(0.0), fi = ALL(0.0), dr = ALL(0.0), di = ALL(0.0);
        for (qc_size k = pair->modes; k >= 1; k--) {
            double b = pair->b[k - 1];
            fr += b;
            NAME(times)(&fr, &fi, cosine, sine);
            dr += (double)k * b;
            NAME(times)(&dr, &di, cosine, sine);
        }
        *force = fi;
        *slope = dr;
        *norm = ALL(1.0);
    }
}

/* as direct of qc_kernels; IN kind, a constant wherever this is inlined */
QC_INLINE void NAME(direct_kind)(const qc_pair *pair, int kind, const double *x, const double *w,
                                 qc_size n, qc_size first, qc_size last, double *force,
                                 double *slope, double *norm)
{
    for (qc_size i = first; i < last; i++) {
        vec xi = ALL(x[i]), sf = ALL(0.0), ss = ALL(0.0), sn = ALL(0.0), f, p, g;
        /* some vectors at a time: one alone is a long chain of operations, most of which wait */
        for (qc_size j = 0; j < n; j += QC_BLOCK * QC_LANES) {
            qc_size end = n - j < QC_BLOCK * QC_LANES ? n : j + QC_BLOCK * QC_LANES;
            vec s[QC_BLOCK], c[QC_BLOCK];
            for (qc_size at = j, v = 0; at < end; at += QC_LANES, v++) {
                /* the difference first, then the lag: small distances stay exact */
                vec other = at + QC_LANES <= n ? NAME(load)(x + at)
                                               : NAME(load_some)(x + at, n - at, x[i]);
                NAME(half_angle)((xi - other) + pair->lag, &s[v], &c[v]);
            }
            for (qc_size at = j, v = 0; at < end; at += QC_LANES, v++) {
                vec weight;
                if (at + QC_LANES <= n) weight = w ? NAME(load)(w + at) : ALL(1.0);
                else weight = NAME(load_some)(w ? w + at : qc_ones, n - at, 0.0);
                NAME(pair)(pair, kind, s[v], c[v], &f, &p, &g);
                sf += weight * f;
                ss += weight * p;
                sn += weight * g;
            }
        }
        if (force) force[i] = NAME(total)(sf);
        if (slope) slope[i] = NAME(total)(ss);
        if (norm) norm[i] = NAME(total)(sn);
    }
}

/* see qc_kernels */
TARGET static void NAME(direct)(const qc_pair *pair, const double *x, const double *w, qc_size n,
                                qc_size first, qc_size last, double *force, double *slope,
                                double *norm)
{
    if (pair->kind == QC_SINE)
        NAME(direct_kind)(pair, QC_SINE, x, w, n, first, last, force, slope, norm);
    else if (pair->kind == QC_ATTENTION)
        NAME(direct_kind)(pair, QC_ATTENTION, x, w, n, first, last, force, slope, norm);
    else
        NAME(direct_kind)(pair, QC_SERIES, x, w, n, first, last, force, slope, norm);
}

/* see qc_kernels */
TARGET static void NAME(direct_csr)(const qc_pair *pair, const double *x, const double *a,
                                    const int *columns, const long long *starts, qc_size first,
                                    qc_size last, double *force, double *norm)
{
    for (qc_size i = first; i < last; i++) {
        vec sf = ALL(0.0), sn = ALL(0.0), s, c, f, p, g;
        for (long long e = starts[i]; e < starts[i + 1]; e += QC_LANES) {
            double distance[QC_LANES], weight[QC_LANES];
            long long left = starts[i + 1] - e;
            for (int l = 0; l < QC_LANES; l++) {
                distance[l] = l < left ? x[i] - x[columns[e + l]] : 0.0;
                weight[l] = l < left ? a[e + l] : 0.0;
            }
            NAME(half_angle)(NAME(load)(distance) + pair->lag, &s, &c);
            NAME(pair)(pair, pair->kind, s, c, &f, &p, &g);
            sf += NAME(load)(weight) * f;
            sn += NAME(load)(weight) * g;
        }
        force[i] = NAME(total)(sf);
        if (norm) norm[i] = NAME(total)(sn);
    }
}

/* see qc_kernels */
TARGET static void NAME(direct_dense)(const qc_pair *pair, const double *x, const double *a,
                                      qc_size n, qc_size first, qc_size last, double *force,
                                      double *norm)
{
    /* a row of the matrix is a set of weights */
    for (qc_size i = first; i < last; i++)
        NAME(direct)(pair, x, a + i * n, n, i, i + 1, force, NULL, norm);
}

/* ------------------------------------------------------------ rotation and Horner */

/* see qc_kernels */
TARGET static void NAME(rotate)(const double *x, const double *w, qc_size n, qc_size modes,
                                double *sums)
{
    for (qc_size i = 0; i < n; i += 4 * QC_LANES) {
        vec ur[4], ui[4], wr[4], wi[4];
        for (int v = 0; v < 4; v++) {
            qc_size from = i + QC_LANES * v, left = n - from;
            vec s, c;
            if (left >= QC_LANES) {
                NAME(full_angle)(NAME(load)(x + from), &s, &c);
                wr[v] = w ? NAME(load)(w + from) : ALL(1.0);
            } else {
                left = left < 0 ? 0 : left;
                NAME(full_angle)(NAME(load_some)(x + from, left, 0.0), &s, &c);
                wr[v] = NAME(load_some)(w ? w + from : qc_ones, left, 0.0);
            }
            ur[v] = c;
            ui[v] = -s;
            wi[v] = ALL(0.0);
        }
        for (qc_size k = 0; k <= modes; k++) {
            double *row = sums + QC_TERMS * k;
            vec re = NAME(load)(row), im = NAME(load)(row + QC_WIDTH);
            re += (wr[0] + wr[1]) + (wr[2] + wr[3]);
            im += (wi[0] + wi[1]) + (wi[2] + wi[3]);
            NAME(store)(row, re);
            NAME(store)(row + QC_WIDTH, im);
            for (int v = 0; v < 4; v++) NAME(times)(&wr[v], &wi[v], ur[v], ui[v]);
        }
    }
}

/* see qc_kernels */
TARGET static void NAME(horner)(const double *x, qc_size n, qc_size modes, double g0,
                                const double *g, double *out)
{
    for (qc_size i = 0; i < n; i += 4 * QC_LANES) {
        vec ur[4], ui[4], ar[4], ai[4];
        for (int v = 0; v < 4; v++) {
            qc_size from = i + QC_LANES * v, left = n - from;
            if (left >= QC_LANES)
                NAME(full_angle)(NAME(load)(x + from), &ui[v], &ur[v]);
            else
                NAME(full_angle)(NAME(load_some)(x + from, left < 0 ? 0 : left, 0.0), &ui[v],
                                 &ur[v]);
            ar[v] = ai[v] = ALL(0.0);
        }
        for (qc_size k = modes; k >= 1; k--) {
            double gr = g[2 * k - 2], gi = g[2 * k - 1];
            for (int v = 0; v < 4; v++) {
                ar[v] += gr;
                ai[v] += gi;
                NAME(times)(&ar[v], &ai[v], ur[v], ui[v]);
            }
        }
        for (int v = 0; v < 4; v++) {
            qc_size from = i + QC_LANES * v, left = n - from;
            if (left >= QC_LANES)
                NAME(store)(out + from, ar[v] + g0);
            else if (left > 0)
                NAME(store_some)(out + from, left, ar[v] + g0);
        }
    }
}
