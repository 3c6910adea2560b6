/* Included several times by circle_kernels.c, once for each instruction set; no include guard.

   Notation: z_k = sum_j w_j exp(-i k x_j); a field is g0 + Re sum_k g_k exp(i k x).
   A cell m has its centre at 2 pi m / count; delta is the distance to it in units of half a cell. */

#define QC_INLINE TARGET static inline __attribute__((always_inline))

#ifndef QC_TYPES
#define QC_TYPES
typedef double v8 __attribute__((vector_size(64), aligned(8), may_alias));
typedef long long v8l __attribute__((vector_size(64), aligned(8), may_alias));
#define ALL(value) ((v8)((v8){0} + (value)))
/* adding and subtracting it rounds to the nearest integer, which is then in the low bits */
#define MAGIC 6755399441055744.0
#define TWO_PI_1 0x1.921fb54000000p+2
#define TWO_PI_2 0x1.10b4610000000p-28
#define TWO_PI_3 0x1.a62633145c06ep-56
#endif

QC_INLINE v8 NAME(load)(const double *p) { return *(const v8 *)p; }
QC_INLINE void NAME(store)(double *p, v8 v) { *(v8 *)p = v; }
QC_INLINE double NAME(total)(v8 v)
{
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
QC_INLINE v8 NAME(choose)(v8l mask, v8 a, v8 b) { return (v8)((mask & (v8l)a) | (~mask & (v8l)b)); }
QC_INLINE v8 NAME(magnitude)(v8 v) { return (v8)((v8l)v & 0x7fffffffffffffffLL); }

/* up to 8 doubles, the rest filled with `fill` */
QC_INLINE v8 NAME(load_some)(const double *p, qc_size count, double fill)
{
    double buffer[8] = {fill, fill, fill, fill, fill, fill, fill, fill};
    for (qc_size l = 0; l < count; l++) buffer[l] = p[l];
    return NAME(load)(buffer);
}
QC_INLINE void NAME(store_some)(double *p, qc_size count, v8 v)
{
    double buffer[8];
    NAME(store)(buffer, v);
    for (qc_size l = 0; l < count; l++) p[l] = buffer[l];
}

/* ------------------------------------------------------------ elementary functions */

/* sine and cosine of x/2, up to a common sign; |x| < 1e8 */
QC_INLINE void NAME(half_angle)(v8 x, v8 *s, v8 *c)
{
    v8 q = (x * 0.15915494309189535 + MAGIC) - MAGIC;
    v8 u = 0.5 * (((x - q * TWO_PI_1) - q * TWO_PI_2) - q * TWO_PI_3);
    v8 y = u * u;
    v8 p = ALL(-1.0 / 25852016738884976640000.0);
    p = p * y + 1.0 / 51090942171709440000.0;
    p = p * y - 1.0 / 121645100408832000.0;
    p = p * y + 1.0 / 355687428096000.0;
    p = p * y - 1.0 / 1307674368000.0;
    p = p * y + 1.0 / 6227020800.0;
    p = p * y - 1.0 / 39916800.0;
    p = p * y + 1.0 / 362880.0;
    p = p * y - 1.0 / 5040.0;
    p = p * y + 1.0 / 120.0;
    p = p * y - 1.0 / 6.0;
    *s = u + u * (y * p);
    p = ALL(-1.0 / 1124000727777607680000.0);
    p = p * y + 1.0 / 2432902008176640000.0;
    p = p * y - 1.0 / 6402373705728000.0;
    p = p * y + 1.0 / 20922789888000.0;
    p = p * y - 1.0 / 87178291200.0;
    p = p * y + 1.0 / 479001600.0;
    p = p * y - 1.0 / 3628800.0;
    p = p * y + 1.0 / 40320.0;
    p = p * y - 1.0 / 720.0;
    p = p * y + 1.0 / 24.0;
    *c = (1.0 - 0.5 * y) + (y * y) * p;
}

QC_INLINE void NAME(full_angle)(v8 x, v8 *s, v8 *c)
{
    v8 sh, ch;
    NAME(half_angle)(x, &sh, &ch);
    *s = 2.0 * sh * ch;
    *c = (ch - sh) * (ch + sh);
}

/* exp(x), of 600 where x is larger; 0 where it would fall below 1e-307 */
QC_INLINE v8 NAME(exponential)(v8 x)
{
    v8l tiny = x < -707.0;
    x = NAME(choose)(tiny, ALL(-707.0), x);
    x = NAME(choose)(x > 600.0, ALL(600.0), x);
    v8 shifted = x * 1.4426950408889634 + MAGIC;
    v8 q = shifted - MAGIC;
    v8 r = (x - q * 0x1.62e42fee00000p-1) - q * 0x1.a39ef35793c76p-33;
    v8 p = ALL(1.0 / 6227020800.0);
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = 1.0 + (r + (r * r) * p);
    p = (v8)((v8l)p + ((v8l)shifted << 52));
    return NAME(choose)(tiny, ALL(0.0), p);
}

TARGET static void NAME(sincos)(const double *x, qc_size n, double *s, double *c)
{
    v8 vs, vc;
    qc_size i;
    for (i = 0; i + 8 <= n; i += 8) {
        NAME(full_angle)(NAME(load)(x + i), &vs, &vc);
        NAME(store)(s + i, vs);
        NAME(store)(c + i, vc);
    }
    if (i < n) {
        NAME(full_angle)(NAME(load_some)(x + i, n - i, 0.0), &vs, &vc);
        NAME(store_some)(s + i, n - i, vs);
        NAME(store_some)(c + i, n - i, vc);
    }
}

TARGET static double NAME(max_abs)(const double *v, qc_size n)
{
    v8 top = ALL(0.0);
    double buffer[8], result = 0.0;
    qc_size i;
    for (i = 0; i + 8 <= n; i += 8) {
        v8 a = NAME(magnitude)(NAME(load)(v + i));
        top = NAME(choose)(a > top, a, top);
    }
    NAME(store)(buffer, top);
    for (int l = 0; l < 8; l++)
        if (buffer[l] > result) result = buffer[l];
    for (; i < n; i++) {
        double a = v[i] < 0 ? -v[i] : v[i];
        if (a > result) result = a;
    }
    return result;
}

/* ------------------------------------------------------------ direct sums */

/* force, slope and attention weight of distances d; `kind` is a constant wherever this is inlined */
QC_INLINE void NAME(pair)(const qc_pair *pair, int kind, v8 d, v8 *force, v8 *slope, v8 *norm)
{
    v8 s, c;
    NAME(half_angle)(d, &s, &c);
    v8 sine = 2.0 * s * c;
    v8 cosine = (c - s) * (c + s);
    if (kind == 0) {
        *force = sine;
        *slope = cosine;
        *norm = ALL(1.0);
    } else if (kind == 1) {
        v8 q = pair->beta >= 0 ? s : c;
        v8 e = NAME(exponential)((pair->beta >= 0 ? -2.0 : 2.0) * pair->beta * (q * q) - pair->shift);
        *force = sine * e;
        *slope = (cosine - pair->beta * (sine * sine)) * e;
        *norm = e;
    } else {
        v8 fr = ALL(0.0), fi = ALL(0.0), dr = ALL(0.0), di = ALL(0.0), t;
        for (qc_size k = pair->modes; k >= 1; k--) {
            double b = pair->b[k - 1];
            t = fr + b;
            fr = t * cosine - fi * sine;
            fi = t * sine + fi * cosine;
            t = dr + (double)k * b;
            dr = t * cosine - di * sine;
            di = t * sine + di * cosine;
        }
        *force = fi;
        *slope = dr;
        *norm = ALL(1.0);
    }
}

QC_INLINE void NAME(direct_kind)(const qc_pair *pair, int kind, const double *x, const double *w, qc_size n,
                                 qc_size first, qc_size last, double *force, double *slope, double *norm)
{
    for (qc_size i = first; i < last; i++) {
        v8 xi = ALL(x[i]), sf = ALL(0.0), ss = ALL(0.0), sn = ALL(0.0), f, p, g;
        qc_size j;
        /* the difference first, then the lag: small distances stay exact */
        for (j = 0; j + 8 <= n; j += 8) {
            v8 weight = w ? NAME(load)(w + j) : ALL(1.0);
            NAME(pair)(pair, kind, (xi - NAME(load)(x + j)) + pair->lag, &f, &p, &g);
            sf += weight * f;
            ss += weight * p;
            sn += weight * g;
        }
        if (j < n) {
            v8 weight = w ? NAME(load_some)(w + j, n - j, 0.0) : ALL(1.0);
            if (!w)
                for (int l = (int)(n - j); l < 8; l++) weight[l] = 0.0;
            NAME(pair)(pair, kind, (xi - NAME(load_some)(x + j, n - j, x[i])) + pair->lag, &f, &p, &g);
            sf += weight * f;
            ss += weight * p;
            sn += weight * g;
        }
        if (force) force[i] = NAME(total)(sf);
        if (slope) slope[i] = NAME(total)(ss);
        if (norm) norm[i] = NAME(total)(sn);
    }
}

TARGET static void NAME(direct)(const qc_pair *pair, const double *x, const double *w, qc_size n, qc_size first,
                                qc_size last, double *force, double *slope, double *norm)
{
    if (pair->kind == 0)
        NAME(direct_kind)(pair, 0, x, w, n, first, last, force, slope, norm);
    else if (pair->kind == 1)
        NAME(direct_kind)(pair, 1, x, w, n, first, last, force, slope, norm);
    else
        NAME(direct_kind)(pair, 2, x, w, n, first, last, force, slope, norm);
}

TARGET static void NAME(direct_csr)(const qc_pair *pair, const double *x, const double *a, const int *columns,
                                    const long long *starts, qc_size first, qc_size last, double *force, double *norm)
{
    for (qc_size i = first; i < last; i++) {
        v8 sf = ALL(0.0), sn = ALL(0.0), f, p, g;
        for (long long e = starts[i]; e < starts[i + 1]; e += 8) {
            double distance[8], weight[8];
            long long left = starts[i + 1] - e;
            for (int l = 0; l < 8; l++) {
                distance[l] = l < left ? x[i] - x[columns[e + l]] : 0.0;
                weight[l] = l < left ? a[e + l] : 0.0;
            }
            NAME(pair)(pair, pair->kind, NAME(load)(distance) + pair->lag, &f, &p, &g);
            sf += NAME(load)(weight) * f;
            sn += NAME(load)(weight) * g;
        }
        force[i] = NAME(total)(sf);
        if (norm) norm[i] = NAME(total)(sn);
    }
}

TARGET static void NAME(direct_dense)(const qc_pair *pair, const double *x, const double *a, qc_size n, qc_size first,
                                      qc_size last, double *force, double *norm)
{
    /* a row of the matrix is a set of weights */
    for (qc_size i = first; i < last; i++)
        NAME(direct)(pair, x, a + i * n, n, i, i + 1, force, NULL, norm);
}

/* ------------------------------------------------------------ rotation and Horner */

TARGET static void NAME(rotate)(const double *x, const double *w, qc_size n, qc_size modes, double *sums)
{
    for (qc_size i = 0; i < n; i += 32) {
        v8 ur[4], ui[4], wr[4], wi[4];
        for (int v = 0; v < 4; v++) {
            qc_size from = i + 8 * v, left = n - from;
            v8 s, c;
            if (left >= 8) {
                NAME(full_angle)(NAME(load)(x + from), &s, &c);
                wr[v] = w ? NAME(load)(w + from) : ALL(1.0);
            } else {
                left = left < 0 ? 0 : left;
                NAME(full_angle)(NAME(load_some)(x + from, left, 0.0), &s, &c);
                wr[v] = w ? NAME(load_some)(w + from, left, 0.0) : ALL(1.0);
                for (qc_size l = left; l < 8; l++) wr[v][l] = 0.0;
            }
            ur[v] = c;
            ui[v] = -s;
            wi[v] = ALL(0.0);
        }
        for (qc_size k = 0; k <= modes; k++) {
            v8 re = NAME(load)(sums + 16 * k), im = NAME(load)(sums + 16 * k + 8);
            re += (wr[0] + wr[1]) + (wr[2] + wr[3]);
            im += (wi[0] + wi[1]) + (wi[2] + wi[3]);
            NAME(store)(sums + 16 * k, re);
            NAME(store)(sums + 16 * k + 8, im);
            for (int v = 0; v < 4; v++) {
                v8 t = wr[v] * ur[v] - wi[v] * ui[v];
                wi[v] = wr[v] * ui[v] + wi[v] * ur[v];
                wr[v] = t;
            }
        }
    }
}

TARGET static void NAME(horner)(const double *x, qc_size n, qc_size modes, double g0, const double *g, double *out)
{
    for (qc_size i = 0; i < n; i += 32) {
        v8 ur[4], ui[4], ar[4], ai[4];
        for (int v = 0; v < 4; v++) {
            qc_size from = i + 8 * v, left = n - from;
            if (left >= 8)
                NAME(full_angle)(NAME(load)(x + from), &ui[v], &ur[v]);
            else
                NAME(full_angle)(NAME(load_some)(x + from, left < 0 ? 0 : left, 0.0), &ui[v], &ur[v]);
            ar[v] = ai[v] = ALL(0.0);
        }
        for (qc_size k = modes; k >= 1; k--) {
            double gr = g[2 * k - 2], gi = g[2 * k - 1];
            for (int v = 0; v < 4; v++) {
                v8 tr = ar[v] + gr, ti = ai[v] + gi;
                ar[v] = tr * ur[v] - ti * ui[v];
                ai[v] = tr * ui[v] + ti * ur[v];
            }
        }
        for (int v = 0; v < 4; v++) {
            qc_size from = i + 8 * v, left = n - from;
            if (left >= 8)
                NAME(store)(out + from, ar[v] + g0);
            else if (left > 0)
                NAME(store_some)(out + from, left, ar[v] + g0);
        }
    }
}

/* ------------------------------------------------------------ Taylor cells */

/* cell numbers and distances to the centres */
QC_INLINE void NAME(locate)(const qc_cells *cells, v8 x, v8l *index, v8 *delta)
{
    v8 m = (x * cells->per_width + MAGIC) - MAGIC;
    *delta = (((x - m * cells->width[0]) - m * cells->width[1]) - m * cells->width[2]) * cells->to_unit;
    v8 turns = (m * cells->per_count + MAGIC) - MAGIC;
    m = m - turns * (double)cells->count;
    m = NAME(choose)(m < 0.0, m + (double)cells->count, m);
    /* a trial step may leave the range of the rounding trick, or be NaN: no index may leave the table */
    m = NAME(choose)((m >= 0.0) & (m < (double)cells->count), m, ALL(0.0));
    *index = (v8l)(m + 4503599627370496.0) & 0xfffffffffffffLL;
}

/* 1, d, ..., d^7 */
QC_INLINE v8 NAME(powers)(double d, double d2, double d4)
{
    const v8 e1 = {1, 0, 1, 0, 1, 0, 1, 0}, o1 = {0, 1, 0, 1, 0, 1, 0, 1};
    const v8 e2 = {1, 1, 0, 0, 1, 1, 0, 0}, o2 = {0, 0, 1, 1, 0, 0, 1, 1};
    const v8 e4 = {1, 1, 1, 1, 0, 0, 0, 0}, o4 = {0, 0, 0, 0, 1, 1, 1, 1};
    return (d * o1 + e1) * (d2 * o2 + e2) * (d4 * o4 + e4);
}

TARGET static void NAME(scatter)(const qc_cells *cells, const double *x, const double *w, qc_size n, double *table)
{
    for (qc_size i = 0; i < n; i += 8) {
        qc_size left = n - i < 8 ? n - i : 8;
        v8l index;
        v8 delta, d2, d4, d8;
        long long cell[8];
        double d[8], dd[8], dddd[8], d8s[8];
        NAME(locate)(cells, left == 8 ? NAME(load)(x + i) : NAME(load_some)(x + i, left, 0.0), &index, &delta);
        d2 = delta * delta;
        d4 = d2 * d2;
        d8 = d4 * d4;
        *(v8l *)cell = index;
        NAME(store)(d, delta);
        NAME(store)(dd, d2);
        NAME(store)(dddd, d4);
        NAME(store)(d8s, d8);
        for (qc_size l = 0; l < left; l++) {
            double *row = table + 16 * cell[l];
            v8 p = NAME(powers)(d[l], dd[l], dddd[l]);
            if (w) p *= w[i + l];
            NAME(store)(row, NAME(load)(row) + p);
            NAME(store)(row + 8, NAME(load)(row + 8) + d8s[l] * p);
        }
    }
}

QC_INLINE v8 NAME(pairwise)(v8 a, v8 b)
{
    return __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) + __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
}

/* totals of 8 vectors */
QC_INLINE v8 NAME(totals)(const v8 *v)
{
    /* lanes of a: v0 v1 v0 v1 ..., sums of pairs */
    v8 a = NAME(pairwise)(v[0], v[1]), b = NAME(pairwise)(v[2], v[3]);
    v8 c = NAME(pairwise)(v[4], v[5]), d = NAME(pairwise)(v[6], v[7]);
    /* sums of pairs of 128 bits: totals of v0 v1, halves, then those of v2 v3 */
    v8 ab = __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13) + __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15);
    v8 cd = __builtin_shufflevector(c, d, 0, 1, 4, 5, 8, 9, 12, 13) + __builtin_shufflevector(c, d, 2, 3, 6, 7, 10, 11, 14, 15);
    return __builtin_shufflevector(ab, cd, 0, 1, 4, 5, 8, 9, 12, 13) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7, 10, 11, 14, 15);
}

TARGET static void NAME(gather)(const qc_cells *cells, const double *x, qc_size n, const double *table, double *out)
{
    for (qc_size i = 0; i < n; i += 8) {
        qc_size left = n - i < 8 ? n - i : 8;
        v8l index;
        v8 delta, d2, d4, term[8];
        long long cell[8];
        double d[8], dd[8], dddd[8], d8[8];
        NAME(locate)(cells, left == 8 ? NAME(load)(x + i) : NAME(load_some)(x + i, left, 0.0), &index, &delta);
        d2 = delta * delta;
        d4 = d2 * d2;
        *(v8l *)cell = index;
        NAME(store)(d, delta);
        NAME(store)(dd, d2);
        NAME(store)(dddd, d4);
        NAME(store)(d8, d4 * d4);
        for (int l = 0; l < 8; l++) {
            const double *row = table + 16 * cell[l];
            term[l] = NAME(powers)(d[l], dd[l], dddd[l]) * (NAME(load)(row) + d8[l] * NAME(load)(row + 8));
        }
        if (left == 8)
            NAME(store)(out + i, NAME(totals)(term));
        else
            NAME(store_some)(out + i, left, NAME(totals)(term));
    }
}

/* ------------------------------------------------------------ sorted particles */

/* First index from `start` on of a particle at or beyond `bound`; `guess` is where it was the last time. */
QC_INLINE qc_size NAME(find_end)(const double *x, qc_size start, qc_size guess, qc_size n, double bound)
{
    qc_size low = start, high = n, step = 1;   /* particles before low are below the bound, the one at high is not */
    if (guess < start) guess = start;
    if (guess > n) guess = n;
    if (guess < n && x[guess] < bound) {
        for (low = guess + 1; low + step <= n && x[low + step - 1] < bound; step *= 2) low += step;
        if (low + step <= n) high = low + step - 1;
    } else {
        for (high = guess; high - step >= start && !(x[high - step] < bound); step *= 2) high -= step;
        if (high - step >= start) low = high - step + 1;
    }
    while (low < high) {
        qc_size middle = low + (high - low) / 2;
        if (x[middle] < bound) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Where the particles of each cell end, from where they ended the last time. Nonzero if they are more than a turn apart,
   or not finite. */
TARGET static int NAME(find_runs)(const qc_cells *cells, const double *x, qc_size n, qc_runs *runs)
{
    double count = (double)cells->count, m = (x[0] * cells->per_width + MAGIC) - MAGIC;
    if (!(x[0] < 1e9 && x[0] > -1e9)) return 1;
    double folded = m - ((m * cells->per_count + MAGIC) - MAGIC) * count;
    if (folded < 0) folded += count;
    qc_size row = folded < count ? (qc_size)folded : 0, start = 0, k;
    runs->first = m;
    runs->row = row;
    for (k = 0; start < n; k++, m += 1.0, row = row + 1 == cells->count ? 0 : row + 1) {
        if (k > cells->count) return 1;
        double bound = ((m + 0.5) * cells->width[0] + m * cells->width[1]) + 0.5 * cells->width[1];
        start = NAME(find_end)(x, start, runs->ends[row], n, bound);
        if (k < cells->count) runs->ends[row] = start;
        else if (start < n) return 1;
    }
    runs->count = k;
    return 0;
}

/* Loop over the runs that meet the particles from .. to-1: numbers m and rows of their cells, particles first .. last-1. */
#define QC_RUNS(m, cell, first, last)                                                                        \
    double m = runs->first;                                                                                  \
    qc_size cell = runs->row, first = from, last;                                                            \
    for (qc_size run_ = 0; run_ < runs->count && first < to;                                                 \
         run_++, m += 1.0, cell = cell + 1 == cells->count ? 0 : cell + 1, first = last > first ? last : first) \
        if (last = run_ + 1 == runs->count || runs->ends[cell] > to ? to : runs->ends[cell], first < last)

/* The centre of cell m, in two parts: distances are (x - centre) * to_unit - rest. */
QC_INLINE void NAME(centre)(const qc_cells *cells, double m, double *centre, double *rest)
{
    *centre = m * cells->width[0];
    *rest = ((__builtin_fma(m, cells->width[0], -*centre) + m * cells->width[1]) + m * cells->width[2]) * cells->to_unit;
}

TARGET static int NAME(moments)(const qc_cells *cells, const qc_runs *runs, const double *x, const double *w, qc_size n,
                                qc_size from, qc_size to, double *table)
{
    const v8l lane = {0, 1, 2, 3, 4, 5, 6, 7};
    v8l seen = {0};
    QC_RUNS(m, cell, first, last) {
        double centre, rest;
        NAME(centre)(cells, m, &centre, &rest);
        v8 sum[QC_TERMS];
        for (int r = 0; r < QC_TERMS; r++) sum[r] = ALL(0.0);
        for (qc_size i = first; i < last; i += 8) {
            v8 d, p;
            if (i + 8 <= last) {
                d = (NAME(load)(x + i) - centre) * cells->to_unit - rest;
                p = w ? NAME(load)(w + i) : ALL(1.0);
            } else {
                v8l inside = lane < (long long)(last - i);
                qc_size left = n - i;
                d = ((left >= 8 ? NAME(load)(x + i) : NAME(load_some)(x + i, left, centre)) - centre) * cells->to_unit - rest;
                p = !w ? ALL(1.0) : left >= 8 ? NAME(load)(w + i) : NAME(load_some)(w + i, left, 0.0);
                p = (v8)(inside & (v8l)p);
                d = (v8)(inside & (v8l)d);
            }
            v8 d2 = d * d, q = p * d;
            /* the upper bit of the exponent is set from 2 on, and for what is not a number */
            seen |= (v8l)(d2 * 1.96);
            sum[0] += p;
            sum[1] += q;
            for (int r = 2; r < QC_TERMS; r += 2) {
                p *= d2;
                q *= d2;
                sum[r] += p;
                sum[r + 1] += q;
            }
        }
        double *out = table + 16 * cell;
        NAME(store)(out, NAME(load)(out) + NAME(totals)(sum));
        NAME(store)(out + 8, NAME(load)(out + 8) + NAME(totals)(sum + 8));
    }
    /* a particle outside its cell, by more than rounding: they are not in order */
    long long all = 0;
    for (int l = 0; l < 8; l++) all |= seen[l];
    return (all >> 62) & 1;
}

TARGET static void NAME(evaluate)(const qc_cells *cells, const qc_runs *runs, const double *x, qc_size n, qc_size from,
                                  qc_size to, const double *table, double *out)
{
    QC_RUNS(m, cell, first, last) {
        const double *c = table + 16 * cell;
        double centre, rest;
        NAME(centre)(cells, m, &centre, &rest);
        qc_size i = first;
        for (; i + 32 <= last; i += 32) {
            v8 d[4], p[4];
            for (int v = 0; v < 4; v++) {
                d[v] = (NAME(load)(x + i + 8 * v) - centre) * cells->to_unit - rest;
                p[v] = ALL(c[QC_TERMS - 1]);
            }
            for (int r = QC_TERMS - 2; r >= 0; r--)
                for (int v = 0; v < 4; v++) p[v] = p[v] * d[v] + c[r];
            for (int v = 0; v < 4; v++) NAME(store)(out + i + 8 * v, p[v]);
        }
        for (; i < last; i += 8) {
            qc_size left = to - i;
            v8 at = left >= 8 ? NAME(load)(x + i) : NAME(load_some)(x + i, left, centre);
            v8 d = (at - centre) * cells->to_unit - rest;
            v8 d2 = d * d, p = ALL(c[QC_TERMS - 2]), q = ALL(c[QC_TERMS - 1]);
            for (int r = QC_TERMS - 4; r >= 0; r -= 2) {
                p = p * d2 + c[r];
                q = q * d2 + c[r + 1];
            }
            p += q * d;
            /* what is stored beyond the run is stored again by the next one */
            if (left >= 8) NAME(store)(out + i, p);
            else NAME(store_some)(out + i, left, p);
        }
    }
}

/* ------------------------------------------------------------ Fourier transform of tables */

/* y += complex number (cr, ci) times row, helper of the passes */
#define QC_ROW(p, re, im) v8 re = NAME(load)(p), im = NAME(load)((p) + 8)
#define QC_TWIST(p, re, im, cr, ci)                      \
    do {                                                 \
        NAME(store)((p), (re) * (cr) - (im) * (ci));     \
        NAME(store)((p) + 8, (re) * (ci) + (im) * (cr)); \
    } while (0)

/* Stockham's algorithm with radices 4, 3 and 2; twiddle[2 k], twiddle[2 k + 1] = exp(-2 pi i k / n). Returns the
   array that holds the result: data or work. */
TARGET static double *NAME(fft)(double *data, double *work, qc_size n, const double *twiddle, int sign)
{
    double *x = data, *y = work, *swap;
    qc_size length = n, stride = 1;
    double flip = sign < 0 ? 1.0 : -1.0;   /* the table is that of the forward transform */
    while (length > 1) {
        int radix = length % 4 == 0 ? 4 : length % 2 == 0 ? 2 : 3;
        qc_size m = length / radix;
        for (qc_size p = 0; p < m; p++) {
            double tr[4], ti[4];
            for (int j = 1; j < radix; j++) {
                qc_size k = p * j * stride;
                tr[j] = twiddle[2 * k];
                ti[j] = flip * twiddle[2 * k + 1];
            }
            for (qc_size q = 0; q < stride; q++) {
                const double *in = x + 16 * (q + stride * p);
                double *out = y + 16 * (q + stride * radix * p);
                qc_size jump = 16 * stride * m, step = 16 * stride;
                QC_ROW(in, ar, ai);
                QC_ROW(in + jump, br, bi);
                if (radix == 4) {
                    QC_ROW(in + 2 * jump, cr, ci);
                    QC_ROW(in + 3 * jump, dr, di);
                    v8 sr = ar + cr, si = ai + ci, er = ar - cr, ei = ai - ci;
                    v8 ur = br + dr, ui = bi + di, vr = flip * (bi - di), vi = flip * (dr - br);
                    NAME(store)(out, sr + ur);
                    NAME(store)(out + 8, si + ui);
                    v8 r1 = er + vr, i1 = ei + vi, r2 = sr - ur, i2 = si - ui, r3 = er - vr, i3 = ei - vi;
                    QC_TWIST(out + step, r1, i1, tr[1], ti[1]);
                    QC_TWIST(out + 2 * step, r2, i2, tr[2], ti[2]);
                    QC_TWIST(out + 3 * step, r3, i3, tr[3], ti[3]);
                } else if (radix == 2) {
                    NAME(store)(out, ar + br);
                    NAME(store)(out + 8, ai + bi);
                    v8 r1 = ar - br, i1 = ai - bi;
                    QC_TWIST(out + step, r1, i1, tr[1], ti[1]);
                } else {
                    QC_ROW(in + 2 * jump, cr, ci);
                    double half = 0.86602540378443864676 * flip;
                    v8 sr = br + cr, si = bi + ci, er = ar - 0.5 * sr, ei = ai - 0.5 * si;
                    v8 vr = half * (bi - ci), vi = half * (cr - br);
                    NAME(store)(out, ar + sr);
                    NAME(store)(out + 8, ai + si);
                    v8 r1 = er + vr, i1 = ei + vi, r2 = er - vr, i2 = ei - vi;
                    QC_TWIST(out + step, r1, i1, tr[1], ti[1]);
                    QC_TWIST(out + 2 * step, r2, i2, tr[2], ti[2]);
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

/* z_k, k = 0..modes (pairs), from the transformed moments; powers[16 k + r] is the coefficient of (i delta)^r in
   exp(i k pi delta / cells). On the centres k may be folded into 0 .. cells-1: there may be more modes than cells. */
TARGET static void NAME(table_to_modes)(const double *table, qc_size cells, qc_size modes, const double *powers, double *z)
{
    const v8 even = {1, 0, -1, 0, 1, 0, -1, 0}, odd = {0, 1, 0, -1, 0, 1, 0, -1};
    for (qc_size first = 0; first <= modes; first += 4) {
        v8 part[8];
        qc_size count = modes + 1 - first < 4 ? modes + 1 - first : 4;
        for (qc_size l = 0; l < 4; l++) {
            qc_size k = l < count ? first + l : first;
            qc_size folded = k % cells;
            const double *forward = table + 16 * folded, *back = table + 16 * (folded ? cells - folded : 0);
            QC_ROW(forward, ar, ai);
            QC_ROW(back, br, bi);
            v8 low = NAME(load)(powers + 16 * k), high = NAME(load)(powers + 16 * k + 8);
            /* rows hold the moments r (real) and r + 8 (imaginary); separate the two transforms */
            v8 wr = low * (ar + br) + high * (ai + bi);
            v8 wi = low * (ai - bi) - high * (ar - br);
            part[2 * l] = even * wr + odd * wi;
            part[2 * l + 1] = even * wi - odd * wr;
        }
        v8 pairs = 0.5 * NAME(totals)(part);
        if (count == 4) NAME(store)(z + 2 * first, pairs);
        else NAME(store_some)(z + 2 * first, 2 * count, pairs);
    }
}

/* The spectrum whose inverse transform is the table of coefficients of g0 + Re sum g_k exp(i k x). */
TARGET static void NAME(modes_to_table)(const double *g, qc_size cells, qc_size modes, double g0, const double *powers, double *table)
{
    const v8 even = {1, 0, -1, 0, 1, 0, -1, 0}, odd = {0, 1, 0, -1, 0, 1, 0, -1};
    memset(table, 0, (size_t)(16 * cells) * sizeof(double));
    table[0] = g0;
    for (qc_size k = 1, folded = 1 % cells; k <= modes; k++, folded = folded + 1 == cells ? 0 : folded + 1) {
        double gr = 0.5 * g[2 * k - 2], gi = 0.5 * g[2 * k - 1];
        v8 low = NAME(load)(powers + 16 * k), high = NAME(load)(powers + 16 * k + 8);
        v8 qr = gr * even - gi * odd, qi = gi * even + gr * odd;
        double *forward = table + 16 * folded, *back = table + 16 * (folded ? cells - folded : 0);
        NAME(store)(forward, NAME(load)(forward) + (low * qr - high * qi));
        NAME(store)(forward + 8, NAME(load)(forward + 8) + (low * qi + high * qr));
        NAME(store)(back, NAME(load)(back) + (low * qr + high * qi));
        NAME(store)(back + 8, NAME(load)(back + 8) + (high * qr - low * qi));
    }
}

/* ------------------------------------------------------------ graphs */

/* out_i += sum_k Re(g_k exp(i k x_i) sum_j a_ij exp(-i k x_j)) with g_k = coefficient[2 k], coefficient[2 k + 1] */
TARGET static void NAME(split_dense)(const double *a, qc_size n, qc_size first, qc_size last, qc_size modes,
                                     const double *trig, const double *coefficient, double *out)
{
    for (qc_size i = first; i < last; i++) {
        const double *row = a + i * n;
        double result = 0.0;
        for (qc_size k = 0; k < modes; k++) {
            const double *c = trig + 2 * k * n, *s = c + n;
            v8 re0 = ALL(0.0), im0 = ALL(0.0), re1 = ALL(0.0), im1 = ALL(0.0);
            double re, im;
            qc_size j;
            for (j = 0; j + 16 <= n; j += 16) {
                v8 w0 = NAME(load)(row + j), w1 = NAME(load)(row + j + 8);
                re0 += w0 * NAME(load)(c + j);
                im0 += w0 * NAME(load)(s + j);
                re1 += w1 * NAME(load)(c + j + 8);
                im1 += w1 * NAME(load)(s + j + 8);
            }
            re = NAME(total)(re0 + re1);
            im = NAME(total)(im0 + im1);
            for (; j < n; j++) {
                re += row[j] * c[j];
                im += row[j] * s[j];
            }
            double er = c[i] * re + s[i] * im, ei = s[i] * re - c[i] * im;
            result += coefficient[2 * k] * er - coefficient[2 * k + 1] * ei;
        }
        out[i] += result;
    }
}

/* trig is interleaved here: trig[2 (k n + j)] = cos k x_j, trig[2 (k n + j) + 1] = sin k x_j */
TARGET static void NAME(split_csr)(const double *a, const int *columns, const long long *starts, qc_size n,
                                   qc_size first, qc_size last, qc_size modes, const double *trig,
                                   const double *coefficient, double *out)
{
    for (qc_size i = first; i < last; i++) {
        double result = 0.0;
        for (qc_size k = 0; k < modes; k++) {
            const double *t = trig + 2 * k * n;
            double re0 = 0.0, im0 = 0.0, re1 = 0.0, im1 = 0.0;
            long long e = starts[i];
            for (; e + 1 < starts[i + 1]; e += 2) {
                const double *u = t + 2 * (qc_size)columns[e], *v = t + 2 * (qc_size)columns[e + 1];
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
            double re = re0 + re1, im = im0 + im1, c = t[2 * i], s = t[2 * i + 1];
            double er = c * re + s * im, ei = s * re - c * im;
            result += coefficient[2 * k] * er - coefficient[2 * k + 1] * ei;
        }
        out[i] += result;
    }
}

static const qc_kernels NAME(kernels) = {
    .name = QC_TEXT(QC_SUFFIX),
    .sincos = NAME(sincos),
    .direct = NAME(direct),
    .direct_csr = NAME(direct_csr),
    .direct_dense = NAME(direct_dense),
    .rotate = NAME(rotate),
    .horner = NAME(horner),
    .scatter = NAME(scatter),
    .gather = NAME(gather),
    .find_runs = NAME(find_runs),
    .moments = NAME(moments),
    .evaluate = NAME(evaluate),
    .fft = NAME(fft),
    .table_to_modes = NAME(table_to_modes),
    .modes_to_table = NAME(modes_to_table),
    .split_dense = NAME(split_dense),
    .split_csr = NAME(split_csr),
    .max_abs = NAME(max_abs),
};

#undef QC_INLINE
#undef QC_ROW
#undef QC_RUNS
#undef QC_TWIST
