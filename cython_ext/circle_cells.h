/* Sums over particles by Taylor expansions in cells around the circle. A part of circle_simd.h,
   included once for each instruction set; no include guard.

   A cell m has its centre at 2 pi m / count; delta is the distance to it in units of half a cell.
   Rows of a table hold QC_TERMS doubles and are gone through in parts of QC_LANES. */

/* powers of a distance whose sums fit into the registers */
#define QC_POWERS (QC_LANES == 8 ? QC_TERMS : QC_WIDTH)

/* IN cells, x; OUT index: cell numbers, delta: distances to the centres. */
QC_INLINE void NAME(locate)(const qc_cells *cells, vec x, ivec *index, vec *delta)
{
    vec m = (x * cells->per_width + MAGIC) - MAGIC;
    *delta = (((x - m * cells->width[0]) - m * cells->width[1]) - m * cells->width[2])
             * cells->to_unit;
    vec turns = (m * cells->per_count + MAGIC) - MAGIC;
    m = m - turns * (double)cells->count;
    m = NAME(choose)(m < 0.0, m + (double)cells->count, m);
    /* a trial step may leave the range of the rounding trick, or be NaN: no index may leave the
       table */
    m = NAME(choose)((m >= 0.0) & (m < (double)cells->count), m, ALL(0.0));
    *index = (ivec)(m + INTEGER_BIT) & INTEGER_MASK;
}

/* IN d: the d, d^2, d^4 and d^8 of some particles, l: which of them; OUT next: d^QC_LANES.
   1, d, ..., d^(QC_LANES - 1). */
QC_INLINE vec NAME(powers)(double (*d)[QC_LANES], int l, double *next)
{
    vec p = d[0][l] * NAME(load)(qc_bit[0]) + NAME(load)(qc_no_bit[0]);
    if (QC_LANES > 2) p *= d[1][l] * NAME(load)(qc_bit[1]) + NAME(load)(qc_no_bit[1]);
    if (QC_LANES > 4) p *= d[2][l] * NAME(load)(qc_bit[2]) + NAME(load)(qc_no_bit[2]);
    *next = d[QC_LANES == 8 ? 3 : QC_LANES / 2][l];
    return p;
}

/* IN cells, x (count up to QC_LANES); OUT cell (QC_LANES): numbers, d: the d, d^2, d^4, d^8 of
   their distances. */
QC_INLINE void NAME(locate_some)(const qc_cells *cells, const double *x, qc_size count,
                                 long long *cell, double (*d)[QC_LANES])
{
    ivec index;
    vec power, at = count == QC_LANES ? NAME(load)(x) : NAME(load_some)(x, count, 0.0);
    NAME(locate)(cells, at, &index, &power);
    *(ivec *)cell = index;
    for (int b = 0; b < 4; b++) {
        NAME(store)(d[b], power);
        power *= power;
    }
}

/* ------------------------------------------------------------ particles in any order */

/* see qc_kernels */
TARGET static void NAME(scatter)(const qc_cells *cells, const double *x, const double *w, qc_size n,
                                 double *table)
{
    for (qc_size i = 0; i < n; i += QC_LANES) {
        qc_size left = n - i < QC_LANES ? n - i : QC_LANES;
        long long cell[QC_LANES];
        double d[4][QC_LANES], next;
        NAME(locate_some)(cells, x + i, left, cell, d);
        for (qc_size l = 0; l < left; l++) {
            double *row = table + QC_TERMS * cell[l];
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

/* see qc_kernels */
TARGET static void NAME(gather)(const qc_cells *cells, const double *x, qc_size n,
                                const double *table, double *out)
{
    for (qc_size i = 0; i < n; i += QC_LANES) {
        qc_size left = n - i < QC_LANES ? n - i : QC_LANES;
        vec term[QC_LANES];
        long long cell[QC_LANES];
        double d[4][QC_LANES], next;
        NAME(locate_some)(cells, x + i, left, cell, d);
        for (int l = 0; l < QC_LANES; l++) {
            const double *row = table + QC_TERMS * cell[l];
            vec p = NAME(powers)(d, l, &next), sum = NAME(load)(row + QC_TERMS - QC_LANES);
            for (int r = QC_TERMS - 2 * QC_LANES; r >= 0; r -= QC_LANES)
                sum = sum * next + NAME(load)(row + r);
            term[l] = p * sum;
        }
        if (left == QC_LANES)
            NAME(store)(out + i, NAME(totals)(term));
        else
            NAME(store_some)(out + i, left, NAME(totals)(term));
    }
}

/* ------------------------------------------------------------ sorted particles */

/* IN x (n), start, guess: where it was the last time, bound. First index from `start` on of a
   particle at or beyond `bound`. */
QC_INLINE qc_size NAME(find_end)(const double *x, qc_size start, qc_size guess, qc_size n,
                                 double bound)
{
    /* particles before low are below the bound, the one at high is not */
    qc_size low = start, high = n, step = 1;
    if (guess < start) guess = start;
    if (guess > n) guess = n;
    if (guess < n && x[guess] < bound) {
        for (low = guess + 1; low + step <= n && x[low + step - 1] < bound; step *= 2) low += step;
        if (low + step <= n) high = low + step - 1;
    } else {
        for (high = guess; high - step >= start && !(x[high - step] < bound); step *= 2)
            high -= step;
        if (high - step >= start) low = high - step + 1;
    }
    while (low < high) {
        qc_size middle = low + (high - low) / 2;
        if (x[middle] < bound) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* see qc_kernels */
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

/* Loop over the runs that meet the particles from .. to-1: numbers m and rows of their cells,
   particles first .. last-1. */
#define QC_RUNS(m, cell, first, last)                                                           \
    double m = runs->first;                                                                     \
    qc_size cell = runs->row, first = from, last;                                               \
    for (qc_size run_ = 0; run_ < runs->count && first < to; run_++, m += 1.0,                  \
                 cell = cell + 1 == cells->count ? 0 : cell + 1,                                \
                 first = last > first ? last : first)                                           \
        if (last = run_ + 1 == runs->count || runs->ends[cell] > to ? to : runs->ends[cell],    \
            first < last)

/* IN cells, m; OUT centre, rest: the centre of cell m in two parts. Distances are
   (x - centre) * to_unit - rest. */
QC_INLINE void NAME(centre)(const qc_cells *cells, double m, double *centre, double *rest)
{
    *centre = m * cells->width[0];
    *rest = ((__builtin_fma(m, cells->width[0], -*centre) + m * cells->width[1])
             + m * cells->width[2])
            * cells->to_unit;
}

/* out[r] += sum w delta^(power + r), r = 0 .. QC_POWERS-1, of the particles first .. last-1.
   IN cells, centre, rest, x (n), w (n) or NULL, first, last, power;
   INOUT seen: its top bits say whether a particle was outside of its cell, out (QC_POWERS). */
QC_INLINE void NAME(run_moments)(const qc_cells *cells, double centre, double rest,
                                 const double *x, const double *w, qc_size n, qc_size first,
                                 qc_size last, int power, ivec *seen, double *out)
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
            d = (left >= QC_LANES ? NAME(load)(x + i) : NAME(load_some)(x + i, left, centre))
                - centre;
            d = d * cells->to_unit - rest;
            p = !w                 ? ALL(1.0)
                : left >= QC_LANES ? NAME(load)(w + i)
                                   : NAME(load_some)(w + i, left, 0.0);
            p = (vec)(inside & (ivec)p);
            d = (vec)(inside & (ivec)d);
        }
        vec d2 = d * d;
        if (power == QC_WIDTH) p *= (d2 * d2) * (d2 * d2);
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
    for (int r = 0; r < QC_POWERS; r += QC_LANES)
        NAME(store)(out + r, NAME(load)(out + r) + NAME(totals)(sum + r));
}

/* see qc_kernels */
TARGET static int NAME(moments)(const qc_cells *cells, const qc_runs *runs, const double *x,
                                const double *w, qc_size n, qc_size from, qc_size to, double *table)
{
    ivec seen = {0};
    QC_RUNS(m, cell, first, last) {
        double centre, rest, *out = table + QC_TERMS * cell;
        NAME(centre)(cells, m, &centre, &rest);
        NAME(run_moments)(cells, centre, rest, x, w, n, first, last, 0, &seen, out);
        if (QC_POWERS < QC_TERMS)
            NAME(run_moments)(cells, centre, rest, x, w, n, first, last, QC_WIDTH, &seen,
                              out + QC_WIDTH);
    }
    /* a particle outside its cell, by more than rounding: they are not in order */
    long long all = 0;
    for (int l = 0; l < QC_LANES; l++) all |= seen[l];
    return (all >> 62) & 1;
}

/* see qc_kernels */
TARGET static void NAME(evaluate)(const qc_cells *cells, const qc_runs *runs, const double *x,
                                  qc_size n, qc_size from, qc_size to, const double *table,
                                  double *out)
{
    QC_RUNS(m, cell, first, last) {
        double centre, rest;
        /* a copy: as far as the compiler knows, stores to `out` could change the table */
        vec c[QC_TERMS];
        for (int r = 0; r < QC_TERMS; r++) c[r] = ALL(table[QC_TERMS * cell + r]);
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
