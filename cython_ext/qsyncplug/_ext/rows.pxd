# Products of rows of complex numbers, seen as pairs of doubles (real, imaginary), so that the
# compiler makes vectors of the loops; single numbers are of complexes.pxd.

from qsyncplug._ext.complexes cimport of_parts


cdef inline void add_row(double* total, const double* row, double complex weight,
                         Py_ssize_t r) noexcept nogil:
    """IN row (r pairs), weight; INOUT total (r pairs).  total += weight row."""
    cdef double re = weight.real, im = weight.imag
    cdef Py_ssize_t i
    for i in range(0, 2 * r, 2):
        total[i] += re * row[i] - im * row[i + 1]
        total[i + 1] += re * row[i + 1] + im * row[i]


cdef inline double complex bracket(const double* a, const double* b,
                                   Py_ssize_t r) noexcept nogil:
    """IN a, b (r pairs).  <a, b>."""
    # two sums, so that additions do not wait for each other
    cdef double p0 = 0, p1 = 0, q0 = 0, q1 = 0
    cdef Py_ssize_t i, even = r - r % 2
    for i in range(0, 2 * even, 4):
        p0 += a[i] * b[i] + a[i + 1] * b[i + 1]
        q0 += a[i] * b[i + 1] - a[i + 1] * b[i]
        p1 += a[i + 2] * b[i + 2] + a[i + 3] * b[i + 3]
        q1 += a[i + 2] * b[i + 3] - a[i + 3] * b[i + 2]
    for i in range(2 * even, 2 * r, 2):
        p0 += a[i] * b[i] + a[i + 1] * b[i + 1]
        q0 += a[i] * b[i + 1] - a[i + 1] * b[i]
    return of_parts(p0 + p1, q0 + q1)


cdef inline double square(const double* a, Py_ssize_t r) noexcept nogil:
    """IN a.  <a, a>."""
    cdef double p0 = 0, p1 = 0
    cdef Py_ssize_t i
    for i in range(0, 2 * r, 2):
        p0 += a[i] * a[i]
        p1 += a[i + 1] * a[i + 1]
    return p0 + p1


cdef inline double complex row_times(const double* row, const double* y,
                                     Py_ssize_t r) noexcept nogil:
    """IN row, y (r pairs).  sum_b row_b y_b, without conjugation."""
    cdef double p = 0, q = 0
    cdef Py_ssize_t i
    for i in range(0, 2 * r, 2):
        p += row[i] * y[i] - row[i + 1] * y[i + 1]
        q += row[i] * y[i + 1] + row[i + 1] * y[i]
    return of_parts(p, q)


cdef inline double quadratic(const double* y, const double* m, Py_ssize_t r) noexcept nogil:
    """IN y, m.  <y, m y> of a Hermitian matrix m (r, r)."""
    cdef double total = 0
    cdef double complex row
    cdef Py_ssize_t a
    for a in range(r):
        row = row_times(m + 2 * r * a, y, r)
        total += y[2 * a] * row.real + y[2 * a + 1] * row.imag
    return total
