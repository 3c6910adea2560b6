"""Right-hand sides that are not of one family: written in Python, and linear ones. What rows of
states say: covariances, moments, whether they are physical.
"""

from libc.math cimport fmax, sqrt
from libc.string cimport memcpy

import numpy as np

from qsyncplug._ext.complexes cimport conj, square
from qsyncplug._ext.integrator cimport RightHandSide

from qsyncplug._ext.integrator import as_doubles


cdef class PythonRightHandSide(RightHandSide):
    """A right-hand side written in Python: ``function(t, y) -> dy``."""

    cdef object function
    cdef object event_functions

    def __init__(self, function, Py_ssize_t size, bint complex_pairs=False, events=()):
        self.function = function
        self.event_functions = tuple(events)
        self.complex_pairs = complex_pairs
        self.size = 2 * size if complex_pairs else size

    # IN y (size,)
    cdef object view(self, const double* y):
        cdef double[::1] array = np.empty(self.size)
        memcpy(&array[0], y, self.size * sizeof(double))
        state = np.asarray(array)
        return state.view(complex) if self.complex_pairs else state

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef double[::1] value
        with gil:
            try:
                value = as_doubles(self.function(t, self.view(y)), self.complex_pairs)
                if value.shape[0] != self.size:
                    raise ValueError(
                        f"the right-hand side returned {value.shape[0]} doubles, not {self.size}"
                    )
                memcpy(dy, &value[0], self.size * sizeof(double))
            except BaseException as error:
                self.error = error
                return -1
        return 0

    # IN t, y; OUT g
    cdef void events(self, double t, const double* y, double* g) noexcept nogil:
        cdef Py_ssize_t k = 0
        with gil:
            try:
                state = self.view(y)
                for k, function in enumerate(self.event_functions):
                    g[k] = function(t, state)
            except BaseException as error:
                self.error = error


cdef class LinearRightHandSide(RightHandSide):
    """dy/dt = A y + b with constant real A (n, n) and b (n,)."""

    cdef double[:, ::1] matrix
    cdef double[::1] offset

    def __init__(self, matrix, offset=None):
        self.matrix = np.array(matrix, dtype=np.float64, order="C")
        self.size = self.matrix.shape[0]
        self.offset = np.zeros(self.size) if offset is None else np.array(offset, dtype=np.float64)

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i, j
        cdef double s
        cdef const double* row
        for i in range(self.size):
            row = &self.matrix[i, 0]
            s = self.offset[i]
            for j in range(self.size):
                s += row[j] * y[j]
            dy[i] = s
        return 0


def unpack_linear(
    const double[:, ::1] rows,          # IN of a LinearisedFlow
    double[:, ::1] mean,                # OUT (T, 2n)
    double[:, :, ::1] covariance,       # OUT (T, 2n, 2n)
):
    """Quadratures and full covariances."""
    cdef Py_ssize_t T = rows.shape[0], d = mean.shape[1], t, i, j, at
    cdef double root = sqrt(2.0)
    for t in range(T):
        at = d
        for i in range(d):
            mean[t, i] = root * rows[t, i]
            for j in range(i, d):
                covariance[t, i, j] = rows[t, at]
                covariance[t, j, i] = rows[t, at]
                at += 1


cdef inline double of_upper(
    const double* upper,    # IN
    Py_ssize_t d,           # IN
    Py_ssize_t a,           # IN
    Py_ssize_t b,           # IN at least a
) noexcept nogil:
    """Element of a symmetric matrix."""
    return upper[a * d - a * (a - 1) // 2 + b - a]


def gaussian_moments(
    const double[:, ::1] rows,          # IN of a LinearisedFlow of n modes
    const int[::1] first,               # IN (V,) letters: 2j for b_j†, 2j+1 for b_j
    const int[::1] second,              # IN (V,) likewise, not before the first; -1 without one
    double complex[:, ::1] out,         # OUT (T, V): ⟨xy⟩ in normal order, or ⟨x⟩
):
    """Moments of first and second order of means and covariances."""
    cdef Py_ssize_t T = rows.shape[0], V = first.shape[0], t, v, a, b, d = 0
    # real and imaginary parts apart: they are sums of different elements
    cdef double x, y, u, w, qq, pp, qp, pq, re, im
    cdef const double* z
    while d * (d + 3) // 2 < rows.shape[1]:
        d += 2
    if out.shape[0] < T or out.shape[1] != V or second.shape[0] != V:
        raise ValueError("words and moments do not fit")
    with nogil:
        for t in range(T):
            z = &rows[t, 0]
            for v in range(V):
                a = first[v] & ~1
                x, y = z[a], z[a + 1] if first[v] & 1 else -z[a + 1]
                if second[v] < 0:
                    out[t, v] = x + 1j * y
                    continue
                b = second[v] & ~1
                u, w = z[b], z[b + 1] if second[v] & 1 else -z[b + 1]
                qq, pp = of_upper(z + d, d, a, b), of_upper(z + d, d, a + 1, b + 1)
                qp = of_upper(z + d, d, a, b + 1)
                pq = qp if a == b else of_upper(z + d, d, a + 1, b)
                if (first[v] ^ second[v]) & 1:
                    re, im = 0.5 * (qq + pp) - (0.5 if a == b else 0.0), 0.5 * (qp - pq)
                else:
                    re, im = 0.5 * (qq - pp), 0.5 * (qp + pq)
                # b_j b_k† is the conjugate of b_j† b_k, b† b† that of b b
                if (first[v] ^ second[v]) & 1 == first[v] & 1:
                    im = -im
                out[t, v] = re + x * u - y * w + 1j * (im + x * w + y * u)


def unpack_upper(
    const double[:, ::1] rows,          # IN
    Py_ssize_t first,                   # IN where the upper triangles begin
    double[:, :, ::1] full,             # OUT (T, d, d)
):
    """Symmetric matrices from their upper triangles, row by row."""
    cdef Py_ssize_t T = rows.shape[0], d = full.shape[1], t, i, j, at
    if rows.shape[1] != first + d * (d + 1) // 2:
        raise ValueError("rows do not hold upper triangles of this size")
    for t in range(T):
        at = first
        for i in range(d):
            for j in range(i, d):
                full[t, i, j] = rows[t, at]
                full[t, j, i] = rows[t, at]
                at += 1


def sphere_to_bosons(
    const double[:, ::1] rows,      # IN (x, -y, z, 0) of each spin; the upper triangle of C
    Py_ssize_t first,               # IN where that begins
    const double[::1] sizes,        # IN N of each spin, two at the most
    double[:, ::1] out,             # OUT b of each as a pair; the upper triangle of (q1, p1, ...)
):
    """Holstein-Primakoff modes b = S-/sqrt(N/2 - Sz) of spins and their covariance W C W^T."""
    cdef Py_ssize_t G = sizes.shape[0], t, j, a, b, i, k, p, q, at
    cdef double W[4][3]
    cdef double own, room, sum
    if G > 2 or out.shape[1] != 2 * G + G * (2 * G + 1) or rows.shape[1] < first:
        raise ValueError("rows do not hold one or two spins")
    if rows.shape[1] != first + 3 * G * (3 * G + 1) // 2 or out.shape[0] != rows.shape[0]:
        raise ValueError("rows do not hold upper triangles of this size")
    for t in range(rows.shape[0]):
        for j in range(G):
            # the north pole has no such boson
            room = fmax(0.5 * sizes[j] - rows[t, 4 * j + 2], 1e-12 * sizes[j])
            own = sqrt(1 / room)
            out[t, 2 * j], out[t, 2 * j + 1] = own * rows[t, 4 * j], own * rows[t, 4 * j + 1]
            W[2 * j][0], W[2 * j][1], W[2 * j + 1][0] = sqrt(2.0) * own, 0, 0
            W[2 * j + 1][1] = -sqrt(2.0) * own
            for k in range(2):
                W[2 * j + k][2] = sqrt(0.5) * out[t, 2 * j + k] / room
        at = 2 * G
        for a in range(2 * G):
            for b in range(a, 2 * G):
                sum = 0
                for i in range(3):
                    for k in range(3):
                        p, q = 3 * (a // 2) + i, 3 * (b // 2) + k
                        sum += W[a][i] * W[b][k] * of_upper(&rows[t, first], 3 * G, min(p, q),
                                                            max(p, q))
                out[t, at] = sum
                at += 1


def first_unphysical(
    const double[:, :, ::1] covariance,     # IN (T, d, d)
    double tolerance,                       # IN
):
    """Index of the first matrix for which C + iΩ/2 + tolerance·max(1, |C|) is not positive
    definite, or -1.

    A Hermitian LDL† without pivoting: a pivot that is not positive shows a negative eigenvalue.
    """
    cdef Py_ssize_t T = covariance.shape[0], d = covariance.shape[1], t, i, j, k
    cdef double complex[:, ::1] L = np.empty((d, d), dtype=complex)
    cdef double[::1] pivot = np.empty(d)
    cdef double complex s
    cdef double p, shift
    for t in range(T):
        shift = 0
        for i in range(d):
            shift = max(shift, covariance[t, i, i])
        shift = tolerance * max(1.0, shift)
        for j in range(d):
            p = covariance[t, j, j] + shift
            for k in range(j):
                p -= square(L[j, k]) * pivot[k]
            if not p > 0:
                return t
            pivot[j] = p
            for i in range(j + 1, d):
                s = covariance[t, i, j]
                if i == j + 1 and j % 2 == 0:
                    s = s - 0.5j
                for k in range(j):
                    s = s - L[i, k] * conj(L[j, k]) * pivot[k]
                L[i, j] = s / p
    return -1
