/* Included several times by circle_kernels.c, once for each instruction set; no include guard. QC_LANES is the number of
   doubles in a register: wider vectors are correct, but GCC takes them through memory. Rows of 8 or 16 doubles are the
   same for all instruction sets, and are gone through in parts of QC_LANES.

   Notation: z_k = sum_j w_j exp(-i k x_j); a field is g0 + Re sum_k g_k exp(i k x).
   A cell m has its centre at 2 pi m / count; delta is the distance to it in units of half a cell. */

#define QC_INLINE TARGET static inline __attribute__((always_inline))

/* powers of a distance whose sums fit into the registers */
#define QC_POWERS (QC_LANES == 8 ? 16 : 8)

#define vec NAME(doubles)
#define ivec NAME(integers)
typedef double vec __attribute__((vector_size(8 * QC_LANES), aligned(8), may_alias));
typedef long long ivec __attribute__((vector_size(8 * QC_LANES), aligned(8), may_alias));

#ifndef QC_CONSTANTS
#define QC_CONSTANTS
#define ALL(value) ((vec)((vec){0} + (value)))
/* adding and subtracting it rounds to the nearest integer, which is then in the low bits */
#define MAGIC 6755399441055744.0
#define TWO_PI_1 0x1.921fb54000000p+2
#define TWO_PI_2 0x1.10b4610000000p-28
#define TWO_PI_3 0x1.a62633145c06ep-56
/* vectors in a block of a direct sum */
#define QC_BLOCK 16
/* rows of 8, of which vectors are loaded */
static const long long qc_lane[8] = {0, 1, 2, 3, 4, 5, 6, 7};
static const double qc_ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
static const double qc_even[8] = {1, 0, -1, 0, 1, 0, -1, 0}, qc_odd[8] = {0, 1, 0, -1, 0, 1, 0, -1};
static const double qc_bit[3][8] = {{0, 1, 0, 1, 0, 1, 0, 1}, {0, 0, 1, 1, 0, 0, 1, 1}, {0, 0, 0, 0, 1, 1, 1, 1}};
static const double qc_no_bit[3][8] = {{1, 0, 1, 0, 1, 0, 1, 0}, {1, 1, 0, 0, 1, 1, 0, 0}, {1, 1, 1, 1, 0, 0, 0, 0}};
#endif

QC_INLINE vec NAME(load)(const double *p) { return *(const vec *)p; }
QC_INLINE void NAME(store)(double *p, vec v) { *(vec *)p = v; }
QC_INLINE double NAME(total)(vec v)
{
    double part[QC_LANES];
    NAME(store)(part, v);
    for (int half = QC_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) part[l] += part[l + half];
    return part[0];
}
QC_INLINE vec NAME(choose)(ivec mask, vec a, vec b) { return (vec)((mask & (ivec)a) | (~mask & (ivec)b)); }
QC_INLINE vec NAME(magnitude)(vec v) { return (vec)((ivec)v & 0x7fffffffffffffffLL); }

/* up to QC_LANES doubles, the rest filled with `fill` */
QC_INLINE vec NAME(load_some)(const double *p, qc_size count, double fill)
{
    double buffer[QC_LANES];
    NAME(store)(buffer, ALL(fill));
    for (qc_size l = 0; l < count; l++) buffer[l] = p[l];
    return NAME(load)(buffer);
}
QC_INLINE void NAME(store_some)(double *p, qc_size count, vec v)
{
    double buffer[QC_LANES];
    NAME(store)(buffer, v);
    for (qc_size l = 0; l < count; l++) p[l] = buffer[l];
}

/* ------------------------------------------------------------ elementary functions */

/* sum c[r] y^r, r = 0 .. count-1; in two halves where additions are separate from products, which otherwise wait for
   each other */
QC_INLINE vec NAME(polynomial)(vec y, const double *c, int count)
{
    vec p = ALL(c[count - 1]);
    if (QC_LANES > 2) {
        for (int r = count - 2; r >= 0; r--) p = p * y + c[r];
        return p;
    }
    vec q = ALL(c[count - 2]), y2 = y * y;
    int r = count - 3;
    for (; r > 0; r -= 2) {
        p = p * y2 + c[r];
        q = q * y2 + c[r - 1];
    }
    return r == 0 ? (p * y2 + c[0]) + q * y : p * y + q;
}

/* sine and cosine of x/2, up to a common sign; |x| < 1e8 */
QC_INLINE void NAME(half_angle)(vec x, vec *s, vec *c)
{
    static const double sine[11] = {
        -1.0 / 6.0, 1.0 / 120.0, -1.0 / 5040.0, 1.0 / 362880.0, -1.0 / 39916800.0, 1.0 / 6227020800.0,
        -1.0 / 1307674368000.0, 1.0 / 355687428096000.0, -1.0 / 121645100408832000.0, 1.0 / 51090942171709440000.0,
        -1.0 / 25852016738884976640000.0};
    static const double cosine[10] = {
        1.0 / 24.0, -1.0 / 720.0, 1.0 / 40320.0, -1.0 / 3628800.0, 1.0 / 479001600.0, -1.0 / 87178291200.0,
        1.0 / 20922789888000.0, -1.0 / 6402373705728000.0, 1.0 / 2432902008176640000.0, -1.0 / 1124000727777607680000.0};
    vec q = (x * 0.15915494309189535 + MAGIC) - MAGIC;
    vec u = 0.5 * (((x - q * TWO_PI_1) - q * TWO_PI_2) - q * TWO_PI_3);
    vec y = u * u;
    *s = u + u * (y * NAME(polynomial)(y, sine, 11));
    *c = (1.0 - 0.5 * y) + (y * y) * NAME(polynomial)(y, cosine, 10);
}

QC_INLINE void NAME(full_angle)(vec x, vec *s, vec *c)
{
    vec sh, ch;
    NAME(half_angle)(x, &sh, &ch);
    *s = 2.0 * sh * ch;
    *c = (ch - sh) * (ch + sh);
}

/* exp(x), of 600 where x is larger; 0 where it would fall below 1e-307 */
QC_INLINE vec NAME(exponential)(vec x)
{
    static const double series[12] = {
        1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0, 1.0 / 362880.0,
        1.0 / 3628800.0, 1.0 / 39916800.0, 1.0 / 479001600.0, 1.0 / 6227020800.0};
    ivec tiny = x < -707.0;
    x = NAME(choose)(tiny, ALL(-707.0), x);
    x = NAME(choose)(x > 600.0, ALL(600.0), x);
    vec shifted = x * 1.4426950408889634 + MAGIC;
    vec q = shifted - MAGIC;
    vec r = (x - q * 0x1.62e42fee00000p-1) - q * 0x1.a39ef35793c76p-33;
    vec p = 1.0 + (r + (r * r) * NAME(polynomial)(r, series, 12));
    p = (vec)((ivec)p + ((ivec)shifted << 52));
    return NAME(choose)(tiny, ALL(0.0), p);
}

TARGET static void NAME(sincos)(const double *x, qc_size n, double *s, double *c)
{
    vec vs, vc;
    qc_size i;
    for (i = 0; i + QC_LANES <= n; i += QC_LANES) {
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
    vec top = ALL(0.0);
    double buffer[QC_LANES], result = 0.0;
    qc_size i;
    for (i = 0; i + QC_LANES <= n; i += QC_LANES) {
        vec a = NAME(magnitude)(NAME(load)(v + i));
        top = NAME(choose)(a > top, a, top);
    }
    NAME(store)(buffer, top);
    for (int l = 0; l < QC_LANES; l++)
        if (buffer[l] > result) result = buffer[l];
    for (; i < n; i++) {
        double a = v[i] < 0 ? -v[i] : v[i];
        if (a > result) result = a;
    }
    return result;
}

/* ------------------------------------------------------------ direct sums */

/* force, slope and attention weight of distances, from sines and cosines of half of them; `kind` is a constant wherever
   this is inlined */
QC_INLINE void NAME(pair)(const qc_pair *pair, int kind, vec s, vec c, vec *force, vec *slope, vec *norm)
{
    vec sine = 2.0 * s * c;
    vec cosine = (c - s) * (c + s);
    if (kind == 0) {
        *force = sine;
        *slope = cosine;
        *norm = ALL(1.0);
    } else if (kind == 1) {
        vec q = pair->beta >= 0 ? s : c;
        vec e = NAME(exponential)((pair->beta >= 0 ? -2.0 : 2.0) * pair->beta * (q * q) - pair->shift);
        *force = sine * e;
        *slope = (cosine - pair->beta * (sine * sine)) * e;
        *norm = e;
    } else {
        vec fr = ALL(0.0), fi = ALL(0.0), dr = ALL(0.0), di = ALL(0.0), t;
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
        vec xi = ALL(x[i]), sf = ALL(0.0), ss = ALL(0.0), sn = ALL(0.0), f, p, g;
        /* some vectors at a time: one alone is a long chain of operations, most of which wait for others */
        for (qc_size j = 0; j < n; j += QC_BLOCK * QC_LANES) {
            qc_size end = n - j < QC_BLOCK * QC_LANES ? n : j + QC_BLOCK * QC_LANES;
            vec s[QC_BLOCK], c[QC_BLOCK];
            for (qc_size at = j, v = 0; at < end; at += QC_LANES, v++) {
                /* the difference first, then the lag: small distances stay exact */
                vec other = at + QC_LANES <= n ? NAME(load)(x + at) : NAME(load_some)(x + at, n - at, x[i]);
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
            vec re = NAME(load)(sums + 16 * k), im = NAME(load)(sums + 16 * k + 8);
            re += (wr[0] + wr[1]) + (wr[2] + wr[3]);
            im += (wi[0] + wi[1]) + (wi[2] + wi[3]);
            NAME(store)(sums + 16 * k, re);
            NAME(store)(sums + 16 * k + 8, im);
            for (int v = 0; v < 4; v++) {
                vec t = wr[v] * ur[v] - wi[v] * ui[v];
                wi[v] = wr[v] * ui[v] + wi[v] * ur[v];
                wr[v] = t;
            }
        }
    }
}

TARGET static void NAME(horner)(const double *x, qc_size n, qc_size modes, double g0, const double *g, double *out)
{
    for (qc_size i = 0; i < n; i += 4 * QC_LANES) {
        vec ur[4], ui[4], ar[4], ai[4];
        for (int v = 0; v < 4; v++) {
            qc_size from = i + QC_LANES * v, left = n - from;
            if (left >= QC_LANES)
                NAME(full_angle)(NAME(load)(x + from), &ui[v], &ur[v]);
            else
                NAME(full_angle)(NAME(load_some)(x + from, left < 0 ? 0 : left, 0.0), &ui[v], &ur[v]);
            ar[v] = ai[v] = ALL(0.0);
        }
        for (qc_size k = modes; k >= 1; k--) {
            double gr = g[2 * k - 2], gi = g[2 * k - 1];
            for (int v = 0; v < 4; v++) {
                vec tr = ar[v] + gr, ti = ai[v] + gi;
                ar[v] = tr * ur[v] - ti * ui[v];
                ai[v] = tr * ui[v] + ti * ur[v];
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

/* ------------------------------------------------------------ Taylor cells */

/* cell numbers and distances to the centres */
QC_INLINE void NAME(locate)(const qc_cells *cells, vec x, ivec *index, vec *delta)
{
    vec m = (x * cells->per_width + MAGIC) - MAGIC;
    *delta = (((x - m * cells->width[0]) - m * cells->width[1]) - m * cells->width[2]) * cells->to_unit;
    vec turns = (m * cells->per_count + MAGIC) - MAGIC;
    m = m - turns * (double)cells->count;
    m = NAME(choose)(m < 0.0, m + (double)cells->count, m);
    /* a trial step may leave the range of the rounding trick, or be NaN: no index may leave the table */
    m = NAME(choose)((m >= 0.0) & (m < (double)cells->count), m, ALL(0.0));
    *index = (ivec)(m + 4503599627370496.0) & 0xfffffffffffffLL;
}

/* lane l of the d, d^2, d^4 and d^8 of some particles: 1, d, ..., d^(QC_LANES - 1), and d^QC_LANES */
QC_INLINE vec NAME(powers)(double (*d)[QC_LANES], int l, double *next)
{
    vec p = d[0][l] * NAME(load)(qc_bit[0]) + NAME(load)(qc_no_bit[0]);
    if (QC_LANES > 2) p *= d[1][l] * NAME(load)(qc_bit[1]) + NAME(load)(qc_no_bit[1]);
    if (QC_LANES > 4) p *= d[2][l] * NAME(load)(qc_bit[2]) + NAME(load)(qc_no_bit[2]);
    *next = d[QC_LANES == 8 ? 3 : QC_LANES / 2][l];
    return p;
}

/* cell numbers of up to QC_LANES particles, and d, d^2, d^4, d^8 of their distances */
QC_INLINE void NAME(locate_some)(const qc_cells *cells, const double *x, qc_size count, long long *cell,
                                 double (*d)[QC_LANES])
{
    ivec index;
    vec power;
    NAME(locate)(cells, count == QC_LANES ? NAME(load)(x) : NAME(load_some)(x, count, 0.0), &index, &power);
    *(ivec *)cell = index;
    for (int b = 0; b < 4; b++) {
        NAME(store)(d[b], power);
        power *= power;
    }
}

TARGET static void NAME(scatter)(const qc_cells *cells, const double *x, const double *w, qc_size n, double *table)
{
    for (qc_size i = 0; i < n; i += QC_LANES) {
        qc_size left = n - i < QC_LANES ? n - i : QC_LANES;
        long long cell[QC_LANES];
        double d[4][QC_LANES], next;
        NAME(locate_some)(cells, x + i, left, cell, d);
        for (qc_size l = 0; l < left; l++) {
            double *row = table + 16 * cell[l];
            vec p = NAME(powers)(d, (int)l, &next);
            if (w) p *= w[i + l];
            NAME(store)(row, NAME(load)(row) + p);
            for (int r = QC_LANES; r < QC_TERMS; r += QC_LANES) {
                p *= next;
                NAME(store)(row + r, NAME(load)(row + r) + p);
            }
        }
    }
}

/* totals of QC_LANES vectors */
QC_INLINE vec NAME(totals)(const vec *v)
{
#define QC_SUM(a, b, even, odd) (__builtin_shufflevector(a, b, QC_LIST even) + __builtin_shufflevector(a, b, QC_LIST odd))
#define QC_LIST(...) __VA_ARGS__
#if QC_LANES == 8
#define QC_PAIRS(a, b) QC_SUM(a, b, (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15))
#define QC_FOURS(a, b) QC_SUM(a, b, (0, 1, 4, 5, 8, 9, 12, 13), (2, 3, 6, 7, 10, 11, 14, 15))
    /* lanes of a: v0 v1 v0 v1 ..., sums of pairs */
    vec a = QC_PAIRS(v[0], v[1]), b = QC_PAIRS(v[2], v[3]), c = QC_PAIRS(v[4], v[5]), d = QC_PAIRS(v[6], v[7]);
    /* sums of pairs of 128 bits: totals of v0 v1, halves, then those of v2 v3 */
    vec ab = QC_FOURS(a, b), cd = QC_FOURS(c, d);
    return QC_FOURS(ab, cd);
#elif QC_LANES == 4
#define QC_PAIRS(a, b) QC_SUM(a, b, (0, 4, 2, 6), (1, 5, 3, 7))
#define QC_FOURS(a, b) QC_SUM(a, b, (0, 1, 4, 5), (2, 3, 6, 7))
    vec a = QC_PAIRS(v[0], v[1]), b = QC_PAIRS(v[2], v[3]);
    return QC_FOURS(a, b);
#else
#define QC_PAIRS(a, b) QC_SUM(a, b, (0, 2), (1, 3))
#define QC_FOURS
    return QC_PAIRS(v[0], v[1]);
#endif
#undef QC_SUM
#undef QC_LIST
#undef QC_PAIRS
#undef QC_FOURS
}

TARGET static void NAME(gather)(const qc_cells *cells, const double *x, qc_size n, const double *table, double *out)
{
    for (qc_size i = 0; i < n; i += QC_LANES) {
        qc_size left = n - i < QC_LANES ? n - i : QC_LANES;
        vec term[QC_LANES];
        long long cell[QC_LANES];
        double d[4][QC_LANES], next;
        NAME(locate_some)(cells, x + i, left, cell, d);
        for (int l = 0; l < QC_LANES; l++) {
            const double *row = table + 16 * cell[l];
            vec p = NAME(powers)(d, l, &next), sum = NAME(load)(row + QC_TERMS - QC_LANES);
            for (int r = QC_TERMS - 2 * QC_LANES; r >= 0; r -= QC_LANES) sum = sum * next + NAME(load)(row + r);
            term[l] = p * sum;
        }
        if (left == QC_LANES)
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

/* out[r] += sum w delta^(power + r), r = 0 .. QC_POWERS-1, of the particles first .. last-1 */
QC_INLINE void NAME(run_moments)(const qc_cells *cells, double centre, double rest, const double *x, const double *w,
                                 qc_size n, qc_size first, qc_size last, int power, ivec *seen, double *out)
{
    vec sum[QC_POWERS];
    for (int r = 0; r < QC_POWERS; r++) sum[r] = ALL(0.0);
    for (qc_size i = first; i < last; i += QC_LANES) {
        vec d, p;
        if (i + QC_LANES <= last) {
            d = (NAME(load)(x + i) - centre) * cells->to_unit - rest;
            p = w ? NAME(load)(w + i) : ALL(1.0);
        } else {
            ivec inside = *(const ivec *)qc_lane < (long long)(last - i);
            qc_size left = n - i;
            d = (left >= QC_LANES ? NAME(load)(x + i) : NAME(load_some)(x + i, left, centre)) - centre;
            d = d * cells->to_unit - rest;
            p = !w ? ALL(1.0) : left >= QC_LANES ? NAME(load)(w + i) : NAME(load_some)(w + i, left, 0.0);
            p = (vec)(inside & (ivec)p);
            d = (vec)(inside & (ivec)d);
        }
        vec d2 = d * d;
        if (power == 8) p *= (d2 * d2) * (d2 * d2);
        vec q = p * d;
        /* the upper bit of the exponent is set from 2 on, and for what is not a number */
        if (power == 0) *seen |= (ivec)(d2 * 1.96);
        sum[0] += p;
        sum[1] += q;
        for (int r = 2; r < QC_POWERS; r += 2) {
            p *= d2;
            q *= d2;
            sum[r] += p;
            sum[r + 1] += q;
        }
    }
    for (int r = 0; r < QC_POWERS; r += QC_LANES) NAME(store)(out + r, NAME(load)(out + r) + NAME(totals)(sum + r));
}

TARGET static int NAME(moments)(const qc_cells *cells, const qc_runs *runs, const double *x, const double *w, qc_size n,
                                qc_size from, qc_size to, double *table)
{
    ivec seen = {0};
    QC_RUNS(m, cell, first, last) {
        double centre, rest, *out = table + 16 * cell;
        NAME(centre)(cells, m, &centre, &rest);
        NAME(run_moments)(cells, centre, rest, x, w, n, first, last, 0, &seen, out);
        if (QC_POWERS == 8) NAME(run_moments)(cells, centre, rest, x, w, n, first, last, 8, &seen, out + 8);
    }
    /* a particle outside its cell, by more than rounding: they are not in order */
    long long all = 0;
    for (int l = 0; l < QC_LANES; l++) all |= seen[l];
    return (all >> 62) & 1;
}

TARGET static void NAME(evaluate)(const qc_cells *cells, const qc_runs *runs, const double *x, qc_size n, qc_size from,
                                  qc_size to, const double *table, double *out)
{
    QC_RUNS(m, cell, first, last) {
        double centre, rest;
        vec c[QC_TERMS];   /* a copy: as far as the compiler knows, stores to `out` could change the table */
        for (int r = 0; r < QC_TERMS; r++) c[r] = ALL(table[16 * cell + r]);
        NAME(centre)(cells, m, &centre, &rest);
        qc_size i = first;
        for (; QC_LANES > 2 && i + 4 * QC_LANES <= last; i += 4 * QC_LANES) {
            vec d[4], p[4];
            for (int v = 0; v < 4; v++) {
                d[v] = (NAME(load)(x + i + QC_LANES * v) - centre) * cells->to_unit - rest;
                p[v] = c[QC_TERMS - 1];
            }
            for (int r = QC_TERMS - 2; r >= 0; r--)
                for (int v = 0; v < 4; v++) p[v] = p[v] * d[v] + c[r];
            for (int v = 0; v < 4; v++) NAME(store)(out + i + QC_LANES * v, p[v]);
        }
        for (; i < last; i += QC_LANES) {
            qc_size left = to - i;
            vec at = left >= QC_LANES ? NAME(load)(x + i) : NAME(load_some)(x + i, left, centre);
            vec d = (at - centre) * cells->to_unit - rest;
            vec d2 = d * d, p = c[QC_TERMS - 2], q = c[QC_TERMS - 1];
            for (int r = QC_TERMS - 4; r >= 0; r -= 2) {
                p = p * d2 + c[r];
                q = q * d2 + c[r + 1];
            }
            p += q * d;
            /* what is stored beyond the run is stored again by the next one */
            if (left >= QC_LANES) NAME(store)(out + i, p);
            else NAME(store_some)(out + i, left, p);
        }
    }
}

/* ------------------------------------------------------------ Fourier transform of tables */

/* part of a row, and part of a row times the complex number (cr, ci) */
#define QC_ROW(p, re, im) vec re = NAME(load)(p), im = NAME(load)((p) + 8)
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
            /* rows, and the parts of each */
            for (qc_size q = 0; q < 16 * stride; q += (q + QC_LANES) % 8 ? QC_LANES : QC_LANES + 8) {
                const double *in = x + 16 * stride * p + q;
                double *out = y + 16 * stride * radix * p + q;
                qc_size jump = 16 * stride * m, step = 16 * stride;
                QC_ROW(in, ar, ai);
                QC_ROW(in + jump, br, bi);
                if (radix == 4) {
                    QC_ROW(in + 2 * jump, cr, ci);
                    QC_ROW(in + 3 * jump, dr, di);
                    vec sr = ar + cr, si = ai + ci, er = ar - cr, ei = ai - ci;
                    vec ur = br + dr, ui = bi + di, vr = flip * (bi - di), vi = flip * (dr - br);
                    NAME(store)(out, sr + ur);
                    NAME(store)(out + 8, si + ui);
                    vec r1 = er + vr, i1 = ei + vi, r2 = sr - ur, i2 = si - ui, r3 = er - vr, i3 = ei - vi;
                    QC_TWIST(out + step, r1, i1, tr[1], ti[1]);
                    QC_TWIST(out + 2 * step, r2, i2, tr[2], ti[2]);
                    QC_TWIST(out + 3 * step, r3, i3, tr[3], ti[3]);
                } else if (radix == 2) {
                    NAME(store)(out, ar + br);
                    NAME(store)(out + 8, ai + bi);
                    vec r1 = ar - br, i1 = ai - bi;
                    QC_TWIST(out + step, r1, i1, tr[1], ti[1]);
                } else {
                    QC_ROW(in + 2 * jump, cr, ci);
                    double half = 0.86602540378443864676 * flip;
                    vec sr = br + cr, si = bi + ci, er = ar - 0.5 * sr, ei = ai - 0.5 * si;
                    vec vr = half * (bi - ci), vi = half * (cr - br);
                    NAME(store)(out, ar + sr);
                    NAME(store)(out + 8, ai + si);
                    vec r1 = er + vr, i1 = ei + vi, r2 = er - vr, i2 = ei - vi;
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
    for (qc_size first = 0; first <= modes; first += QC_LANES / 2) {
        vec part[QC_LANES];
        qc_size count = modes + 1 - first < QC_LANES / 2 ? modes + 1 - first : QC_LANES / 2;
        for (qc_size l = 0; l < QC_LANES / 2; l++) {
            qc_size k = l < count ? first + l : first;
            qc_size folded = k % cells;
            const double *forward = table + 16 * folded, *back = table + 16 * (folded ? cells - folded : 0);
            for (int r = 0; r < 8; r += QC_LANES) {
                vec even = NAME(load)(qc_even + r), odd = NAME(load)(qc_odd + r);
                QC_ROW(forward + r, ar, ai);
                QC_ROW(back + r, br, bi);
                QC_ROW(powers + 16 * k + r, low, high);
                /* rows hold the moments r (real) and r + 8 (imaginary); separate the two transforms */
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

/* The spectrum whose inverse transform is the table of coefficients of g0 + Re sum g_k exp(i k x). */
TARGET static void NAME(modes_to_table)(const double *g, qc_size cells, qc_size modes, double g0, const double *powers, double *table)
{
    memset(table, 0, (size_t)(16 * cells) * sizeof(double));
    table[0] = g0;
    for (qc_size k = 1, folded = 1 % cells; k <= modes; k++, folded = folded + 1 == cells ? 0 : folded + 1) {
        double gr = 0.5 * g[2 * k - 2], gi = 0.5 * g[2 * k - 1];
        for (int r = 0; r < 8; r += QC_LANES) {
            vec even = NAME(load)(qc_even + r), odd = NAME(load)(qc_odd + r);
            QC_ROW(powers + 16 * k + r, low, high);
            vec qr = gr * even - gi * odd, qi = gi * even + gr * odd;
            double *forward = table + 16 * folded + r, *back = table + 16 * (folded ? cells - folded : 0) + r;
            NAME(store)(forward, NAME(load)(forward) + (low * qr - high * qi));
            NAME(store)(forward + 8, NAME(load)(forward + 8) + (low * qi + high * qr));
            NAME(store)(back, NAME(load)(back) + (low * qr + high * qi));
            NAME(store)(back + 8, NAME(load)(back + 8) + (high * qr - low * qi));
        }
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
#undef QC_POWERS
#undef QC_ROW
#undef QC_RUNS
#undef QC_TWIST
#undef vec
#undef ivec
