"""Stratonovich equations dz = F dt + sum of noises, polynomials throughout, over blocks of samples (Heun)."""

from libc.math cimport isfinite, sqrt
from libc.stdint cimport uint64_t

import numpy as np

cdef extern from "stochastic.h" nogil:
    const int LANES
    void monomials(int count, const int* parent, const int* letter, const double* re, const double* im,
                   double* pr, double* pi)
    void row_sum(int first, int last, const int* column, const double* vr, const double* vi,
                 const double* pr, const double* pi, double* r, double* s)
    void add_noise(const double* ar, const double* ai, const double* zr, const double* zi, double sign,
                   double scale, double* r, double* s)
    void axpy(long n, const double* base, const double* a, double h, double* r)
    void random_bits(uint64_t* s, uint64_t* bits)
    void signs(const uint64_t* bits, int shift, double size, double* z)
    void on_sphere(double* wr, double* wi, double* z, const double* length)

BLOCK = LANES


cdef class Stochastic:
    """One block of LANES samples of dz = F dt + 1/2 sum_L ({z,L} zeta* + {z,L*} zeta).

    Rows of the polynomials: F of every variable, then the noise rows: row r acts on `target[r]` with the noise
    `jump[r]`, conjugated where `starred[r]`. zeta has independent real and imaginary parts of variance dt,
    drawn as two signs: right for averages to the first order of the step.
    """

    cdef readonly Py_ssize_t variables, rows, jumps
    cdef int[::1] parent, letter, start, column, factor, target, jump, starred, lower, upper
    cdef double[::1] vr, vi, ur, ui
    cdef double[:, ::1] re, im, pr, pi, fr, fi, gr, gi, sr, si, zr, zi, length, or_, oi
    cdef uint64_t[:, ::1] state
    cdef uint64_t[::1] bits
    cdef object factors
    cdef bint timed

    def __init__(self, arrays, factors, Py_ssize_t variables, target, jump, starred, spheres):
        """IN compiled polynomials; target, jump, starred of every noise row; (w, z) variables of the spins."""
        cdef Py_ssize_t v = variables
        self.variables = v
        self.parent, self.letter = arrays["parent"], arrays["variable"]
        self.start, self.column, self.factor = arrays["start"], arrays["column"], arrays["factor"]
        value = np.asarray(arrays["value"])
        self.vr, self.vi = np.ascontiguousarray(value.real), np.ascontiguousarray(value.imag)
        self.ur, self.ui = np.array(self.vr), np.array(self.vi)
        self.rows = self.start.shape[0] - 1
        self.target = np.array(target, dtype=np.intc)
        self.jump = np.array(jump, dtype=np.intc)
        self.starred = np.array(starred, dtype=np.intc)
        self.jumps = max(list(jump), default=-1) + 1
        self.lower = np.array([s[0] for s in spheres], dtype=np.intc)
        self.upper = np.array([s[1] for s in spheres], dtype=np.intc)
        self.factors = [tuple(f) for f in factors]
        self.timed = len(self.factors) > 1
        count = self.parent.shape[0] + 1

        def block(n):
            return np.zeros((max(n, 1), LANES))

        self.re, self.im, self.sr, self.si = block(v), block(v), block(v), block(v)
        self.fr, self.fi, self.gr, self.gi = block(v), block(v), block(v), block(v)
        self.pr, self.pi = block(count), block(count)
        self.pr[0, :] = 1.0
        self.or_, self.oi = block(1), block(1)
        self.zr, self.zi = block(self.jumps), block(self.jumps)
        self.length = block(len(spheres))
        self.state = np.zeros((4, LANES), dtype=np.uint64)
        self.bits = np.zeros(LANES, dtype=np.uint64)

    def begin(self, z, seeds):
        """IN z (variables, LANES) complex; seeds (4, LANES) of the random numbers."""
        cdef Py_ssize_t k, lane
        values = np.asarray(z)
        np.asarray(self.re)[:] = values.real
        np.asarray(self.im)[:] = values.imag
        np.asarray(self.state)[:] = np.asarray(seeds, dtype=np.uint64)
        for k in range(self.lower.shape[0]):
            for lane in range(LANES):
                self.length[k, lane] = sqrt(self.re[self.lower[k], lane] ** 2 + self.im[self.lower[k], lane] ** 2
                                            + self.re[self.upper[k], lane] ** 2)

    def values(self):
        """The samples (variables, LANES)."""
        return np.asarray(self.re) + 1j * np.asarray(self.im)

    cdef int coefficients(self, double t) except -1:
        """Coefficients at time t."""
        cdef Py_ssize_t e
        cdef double complex c
        products = []
        for factors in self.factors:
            c = 1.0
            for f in factors:
                c = c * <double complex>f(t)
            products.append(c)
        for e in range(self.vr.shape[0]):
            c = <double complex>products[self.factor[e]]
            self.ur[e] = (self.vr[e] * c.real - self.vi[e] * c.imag)
            self.ui[e] = (self.vr[e] * c.imag + self.vi[e] * c.real)
        return 0

    cdef void rate(self, double[:, ::1] xr, double[:, ::1] xi, double dt, double[:, ::1] outr,
                   double[:, ::1] outi) noexcept nogil:
        """OUT F dt + noise at x."""
        cdef Py_ssize_t k, r, v = self.variables
        cdef int lane
        monomials(<int>self.parent.shape[0], &self.parent[0] if self.parent.shape[0] else NULL,
                  &self.letter[0] if self.letter.shape[0] else NULL, &xr[0, 0], &xi[0, 0],
                  &self.pr[0, 0], &self.pi[0, 0])
        for k in range(v):
            row_sum(self.start[k], self.start[k + 1], &self.column[0], &self.ur[0], &self.ui[0],
                    &self.pr[0, 0], &self.pi[0, 0], &outr[k, 0], &outi[k, 0])
            for lane in range(LANES):
                outr[k, lane] *= dt
                outi[k, lane] *= dt
        for r in range(self.rows - v):
            row_sum(self.start[v + r], self.start[v + r + 1], &self.column[0], &self.ur[0], &self.ui[0],
                    &self.pr[0, 0], &self.pi[0, 0], &self.or_[0, 0], &self.oi[0, 0])
            k = self.target[r]
            add_noise(&self.or_[0, 0], &self.oi[0, 0], &self.zr[self.jump[r], 0], &self.zi[self.jump[r], 0],
                      1.0 if self.starred[r] else -1.0, 0.5, &outr[k, 0], &outi[k, 0])

    def advance(self, double t, double t_end, long steps):
        """Go from t to t_end in equal Heun steps; False where a sample is no longer finite."""
        cdef double dt = (t_end - t) / steps, size = sqrt(dt)
        cdef Py_ssize_t k, v = self.variables
        cdef long step
        cdef int lane, used
        if self.vr.shape[0] == 0:
            return True
        self.coefficients(t)
        for step in range(steps):
            with nogil:
                used = 64
                for k in range(self.jumps):
                    if used > 62:
                        random_bits(&self.state[0, 0], &self.bits[0])
                        used = 0
                    # the low bits are no worse than the others for this generator
                    signs(&self.bits[0], used, size, &self.zr[k, 0])
                    signs(&self.bits[0], used + 1, size, &self.zi[k, 0])
                    used += 2
                self.rate(self.re, self.im, dt, self.fr, self.fi)
                axpy(v * LANES, &self.re[0, 0], &self.fr[0, 0], 1.0, &self.sr[0, 0])
                axpy(v * LANES, &self.im[0, 0], &self.fi[0, 0], 1.0, &self.si[0, 0])
            if self.timed:
                self.coefficients(t + (step + 1) * dt)
            with nogil:
                self.rate(self.sr, self.si, dt, self.gr, self.gi)
                axpy(v * LANES, &self.re[0, 0], &self.fr[0, 0], 0.5, &self.re[0, 0])
                axpy(v * LANES, &self.im[0, 0], &self.fi[0, 0], 0.5, &self.im[0, 0])
                axpy(v * LANES, &self.re[0, 0], &self.gr[0, 0], 0.5, &self.re[0, 0])
                axpy(v * LANES, &self.im[0, 0], &self.gi[0, 0], 0.5, &self.im[0, 0])
                for k in range(self.lower.shape[0]):
                    on_sphere(&self.re[self.lower[k], 0], &self.im[self.lower[k], 0],
                              &self.re[self.upper[k], 0], &self.length[k, 0])
        for k in range(v):
            for lane in range(LANES):
                if not isfinite(self.re[k, lane]) or not isfinite(self.im[k, lane]):
                    return False
        return True
