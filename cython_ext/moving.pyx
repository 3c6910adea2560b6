"""Chebyshev expansions of a generator that is a polynomial of time on each window.

With f and R of the ellipse, x=ft, and s=t/τ within a window of length τ, the solution of
dv/dx = [A_0 + Σ_l p_l(s) A_l] v is v = Σ_n ε_n J_n(x) R^n F_n (ε_0=1, else 2; I_n for ellipses that
are wider than high). Since 2J_n' = J_{n−1} − J_{n+1}, the F_n follow one another as for constant
generators:

    R F_{n+1} = 2 × (the F_n part of the right-hand side) + F_{n−1}/R

Since 2n J_n(x)/x = J_{n−1} + J_{n+1}, the coefficients of s v are those of v summed up: the n-th is
n/(fτ) D_n with D_{n+1} = (2/R) F_n − D_{n−1}/R². Powers of s nest. So p_l(s)v costs two vectors a
power, and no product.
"""

from libc.math cimport sqrt
from libc.string cimport memset

import numpy as np

from qsyncplug._ext.liouvillian cimport QL_FUNCTIONS, QL_RING, Generator


cdef class MovingExpansion:
    """Sums of scaled polynomials of a generator A_0 + Σ_l p_l(s) A_l, applied to a row.

    Parameters
    ----------
    constant : Generator
        A_0.
    parts : sequence of Generator
        A_l, on the same elements; at most QL_FUNCTIONS of them.
    degree : int
        Highest power of s.
    """

    cdef Generator constant
    cdef list parts
    cdef double[:, ::1] work            # of the running sums, two rows a power
    cdef readonly Py_ssize_t degree

    def __init__(self, Generator constant, parts, Py_ssize_t degree):
        cdef Generator part
        self.constant, self.parts, self.degree = constant, list(parts), degree
        if not 0 < len(self.parts) <= QL_FUNCTIONS:
            raise ValueError(f"between 1 and {QL_FUNCTIONS} parts are needed")
        for part in self.parts:
            if part.size != constant.size or part.pad != constant.pad:
                raise ValueError("the parts must act on the same elements")
        self.work = np.zeros((2 * max(degree, 1), 2 * constant.size))

    def expand(
        self,
        const double[::1] x,                    # IN (2·size,)
        recurrence,                             # IN alpha, shift, beta, 1/R, f·τ
        const double[:, ::1] polynomials,       # IN (parts, degree + 1), of s, degree ≤ self.degree
        const double[:, ::1] coefficients,      # IN (w, K)
        double[:, :] out,                       # OUT (w, 2·size), each row contiguous
        functionals,                            # IN read_start, read_place, read_value
        double complex[:, ::1] moments,         # OUT (K, functionals)
        double[::1] norms,                      # OUT (K,)
    ):
        """out_j = Σ_k coefficients[j, k] F_k; `moments` and `norms` are those of the F_k."""
        cdef Generator g = self.constant
        cdef double alpha, shift, beta, inverse, stretch
        alpha, shift, beta, inverse, stretch = recurrence
        cdef const Py_ssize_t[::1] start = functionals[0], place = functionals[1]
        cdef const double complex[::1] value = functionals[2]
        cdef Py_ssize_t K = coefficients.shape[1], w = coefficients.shape[0], k, first = 0
        cdef Py_ssize_t size = 2 * g.size
        cdef bint read = start.shape[0] > 1 and moments.shape[0] > 0
        if out.shape[0] != w or out.shape[1] != size or norms.shape[0] != K or x.shape[0] != size:
            raise ValueError("shapes of x, coefficients, out and norms do not fit")
        if polynomials.shape[0] != len(self.parts) or polynomials.shape[1] > self.degree + 1:
            raise ValueError(f"{len(self.parts)} polynomials up to {self.degree} are needed")
        if read and (moments.shape[0] != K or moments.shape[1] != start.shape[0] - 1):
            raise ValueError("moments must be of shape (terms, functionals)")
        if out.strides[1] != sizeof(double):
            raise ValueError("the rows of out must be contiguous")
        for k in range(w):
            memset(&out[k, 0], 0, size * sizeof(double))
        memset(&self.work[0, 0], 0, self.work.shape[0] * size * sizeof(double))
        g.load(0, &x[0])
        norms[0] = sqrt(g.squared(g.real(0), g.imaginary(0)))
        if read:
            g.read(0, start, place, value, &moments[0, 0])
        for k in range(1, K):
            if k % QL_RING == 0:
                g.collect(QL_RING, first, coefficients, out)
                first = k
            self.sums(k - 1, inverse, beta, stretch, polynomials)
            norms[k] = sqrt(self.next(k, alpha if k == 1 else 2 * alpha, shift, beta))
            if read:
                g.read(k % QL_RING, start, place, value, &moments[k, 0])
        g.collect(<int>(K - first), first, coefficients, out)
        g.products += K - 1

    cdef void sums(
        self,
        Py_ssize_t m,                           # IN
        double inverse,                         # IN
        double beta,                            # IN
        double stretch,                         # IN
        const double[:, ::1] polynomials,       # IN (parts, degree + 1)
    ):
        """p_l(s)v to the first row of each part; the running sums one step on."""
        cdef Generator g = self.constant, part
        cdef double* here[64]
        cdef double* before[64]
        cdef double* out[QL_FUNCTIONS]
        cdef Py_ssize_t p = polynomials.shape[1] - 1, q, half, e, count = len(self.parts)
        for half in range(2):
            for q in range(p):
                # the two rows of a power change places in every step
                here[q] = &self.work[2 * q + m % 2, half * g.size]
                before[q] = &self.work[2 * q + 1 - m % 2, half * g.size]
            for e in range(count):
                part = self.parts[e]
                out[e] = part.real(0) if half == 0 else part.imaginary(0)
            g.kernels.running(
                g.size, <int>p, m / stretch, (1.0 if m == 0 else 2.0) * inverse, -beta,
                g.real(m % QL_RING) if half == 0 else g.imaginary(m % QL_RING), before, here,
                <int>count, &polynomials[0, 0], out,
            )

    cdef double next(
        self,
        Py_ssize_t k,           # IN
        double alpha,           # IN
        double shift,           # IN
        double beta,            # IN
    ):
        """F_k to its place in the ring; returns its squared norm."""
        cdef Generator g = self.constant, part
        cdef Py_ssize_t last = (k - 2) % QL_RING
        cdef double* re = g.real(k % QL_RING)
        cdef double* im = g.imaginary(k % QL_RING)
        cdef double* add_re = g.real(last) if k > 1 else NULL
        cdef double* add_im = g.imaginary(last) if k > 1 else NULL
        cdef double factor = beta if k > 1 else 0.0
        for part in self.parts:
            part.kernels.product(&part.table, alpha, 0.0, factor, part.real(0),
                                 part.imaginary(0), add_re, add_im, re, im)
            add_re, add_im, factor = re, im, 1.0
        return g.kernels.product(&g.table, alpha, shift, factor, g.real((k - 1) % QL_RING),
                                 g.imaginary((k - 1) % QL_RING), add_re, add_im, re, im)
