# Kets of d levels as 2 d doubles, the real parts before the imaginary ones.

from libc.math cimport sqrt

from qsyncplug._ext.complexes cimport conj, of_parts


cdef inline double squared_norm(
    Py_ssize_t d,               # IN
    const double* x,            # IN (2 d,)
) noexcept nogil:
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(2 * d):
        total += x[i] * x[i]
    return total


cdef inline void normalise(
    Py_ssize_t d,               # IN
    double* x,                  # INOUT (2 d,)
    double squared,             # IN its squared norm
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double factor = 1 / sqrt(squared)
    for i in range(2 * d):
        x[i] *= factor


cdef inline double complex sandwich(
    Py_ssize_t count,           # IN
    const Py_ssize_t* row,      # IN (count,)
    const Py_ssize_t* column,   # IN (count,)
    const double complex* value,    # IN (count,)
    Py_ssize_t d,               # IN
    const double* x,            # IN (2 d,)
) noexcept nogil:
    # sum of value conj(x[row]) x[column]
    cdef double complex sum = 0
    cdef Py_ssize_t e, r, c
    for e in range(count):
        r = row[e]
        c = column[e]
        sum = sum + value[e] * conj(of_parts(x[r], x[d + r])) * of_parts(x[c], x[d + c])
    return sum


cdef inline void apply(
    const Py_ssize_t* start,    # IN (d + 1,) rows of a sparse matrix
    const Py_ssize_t* column,   # IN
    const double complex* value,    # IN
    Py_ssize_t d,               # IN
    const double* x,            # IN (2 d,)
    double* out,                # OUT (2 d,) the matrix times x
) noexcept nogil:
    cdef Py_ssize_t i, e, c
    cdef double complex sum
    for i in range(d):
        sum = 0
        for e in range(start[i], start[i + 1]):
            c = column[e]
            sum = sum + value[e] * of_parts(x[c], x[d + c])
        out[i], out[d + i] = sum.real, sum.imag


cdef inline void add_dyad(
    Py_ssize_t d,               # IN
    const double* x,            # IN (2 d,)
    double* out,                # INOUT (d, d, 2), to which x x^dagger is added
) noexcept nogil:
    cdef Py_ssize_t a, b
    cdef double complex* rho = <double complex*>out
    for a in range(d):
        for b in range(d):
            rho[a * d + b] = (rho[a * d + b] + of_parts(x[a], x[d + a])
                              * of_parts(x[b], -x[d + b]))
