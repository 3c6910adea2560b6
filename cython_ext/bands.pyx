"""Kuramoto's oscillators in bands of frequencies: each band is moved by a few Moebius maps.

In a given field H(t) an oscillator of frequency omega follows a Moebius map of the circle,
exp(i x) = exp(i phi) (u + s)/(1 + conj(s) u), u = exp(i x) at the beginning, whatever its phase.
The map depends on omega like an entire function, so that those of a few frequencies (nodes) tell
those of a whole band. What the band adds to the field is a power series in conj(s), whose
coefficients are sums over its oscillators, done once.
"""

from libc.math cimport cos, sin

from qsyncplug._ext.circle_kernels cimport qc_kernels, qc_select
from qsyncplug._ext.complexes cimport conj, of_parts, scaled, square
from qsyncplug._ext.integrator cimport RightHandSide

import numpy as np


cdef class Bands(RightHandSide):
    """Equations of the maps of all nodes, and of oscillators that are alone.

    State: psi of all nodes, then Re s, then Im s, then y of those alone. At local time t a node has
    phi = omega (t + offset) + psi, an oscillator alone x = start + omega t + y.

    d psi/dt = Im(conj(s) F), ds/dt = (1 - abs(s)**2) F/2, F = H exp(-i phi), and dy/dt = Im(H
    exp(-i x)), H = strength exp(-i lag) sum_j w_j exp(i x_j).

    Outliers turn so fast that their motion is averaged (``outliers.py`` says how well): they are no
    part of the sum, their mean adds to the field

    H = S + a S + b D,

    S the sum over the others and D its derivative, from two low passes of rate mu, which are the
    last four numbers of the state. Before them are the outliers' y of x = start + omega t + y,

    dy/dt = Im(sum of pulls of those near, itself too) - abs(S)**2/2 omega
            + Im(S conj(D))/2 omega**2 - abs(S)**4/8 omega**3

    Parameters
    ----------
    nodes : (Q,) array
        Frequencies.
    terms : (Q,) array of int
        Powers of s that each node's series has, at least 1, not increasing.
    omega, weights : (M,) array
        Frequencies and weights of those alone.
    strength, lag : float
    outliers : tuple, optional
        Frequencies (F,), complex pulls (F, F) of the column on the row, 0 of those far from each
        other, a, b and mu.
    level : int
        Instruction set; -1 for the best.
    """

    cdef const qc_kernels* kernels
    cdef Py_ssize_t nodes, alone
    cdef int[::1] terms
    # sums of the bands apart, as the kernel of the maps gives them
    cdef double[::1] frequency, omega, weights, phase, s, c, re, im
    cdef double complex strength                  # strength exp(-i lag)
    # what the run writes: times since the maps were the identity (Q,); phases of those alone at the
    # beginning (M,); sums of a band for every power (terms + 1, Q), apart, as the kernel takes them
    cdef readonly object sums_re, sums_im, offsets, starts, far_starts
    cdef double[:, ::1] zr, zi
    cdef double[::1] offset, start
    # of the outliers
    cdef Py_ssize_t far
    cdef double[::1] far_omega, far_start
    cdef double complex[:, ::1] near
    cdef double complex static_part, moving_part  # a and b
    cdef double low_pass, drag                    # drag: on all others, in this evaluation

    def __init__(self, nodes, terms, omega, weights, double strength, double lag, outliers=None,
                 int level=-1):
        self.kernels = qc_select(level)
        self.frequency = np.array(nodes, dtype=np.float64)
        self.omega, self.weights = np.array(omega, float), np.array(weights, float)
        self.nodes, self.alone = self.frequency.shape[0], self.omega.shape[0]
        self.terms = np.array(terms, np.intc)
        if self.weights.shape[0] != self.alone or self.terms.shape[0] != self.nodes:
            raise ValueError("frequencies, weights and numbers of powers do not fit each other")
        if np.any(np.diff(terms) > 0) or np.any(np.less(terms, 1)):
            raise ValueError("terms must be positive, and must not increase")
        most = self.terms[0] if self.nodes else 1
        self.size, self.complex_pairs, self.worst = 3 * self.nodes + self.alone, False, True
        self.take(outliers)
        self.strength = of_parts(strength * cos(lag), -strength * sin(lag))
        self.sums_re = np.zeros((most + 1, self.nodes))
        self.sums_im = np.zeros((most + 1, self.nodes))
        self.offsets, self.starts = np.zeros(self.nodes), np.zeros(self.alone)
        self.zr, self.zi = self.sums_re, self.sums_im
        self.offset, self.start = self.offsets, self.starts
        both = self.nodes + self.alone
        self.phase, self.s, self.c = np.empty(both), np.empty(both), np.empty(both)
        self.re, self.im = np.empty(self.nodes), np.empty(self.nodes)

    cdef take(
        self,
        outliers,           # IN see the class
    ):
        self.far_starts = np.zeros(0 if outliers is None else len(outliers[0]))
        self.far_start, self.far, self.drag = self.far_starts, self.far_starts.size, 0.0
        if self.far:
            self.far_omega = np.array(outliers[0], dtype=np.float64)
            self.near = np.array(outliers[1], dtype=np.complex128, order="C")
            self.static_part, self.moving_part, self.low_pass = outliers[2:]
            if self.near.shape[0] != self.far or self.near.shape[1] != self.far:
                raise ValueError("pulls of the outliers do not fit their frequencies")
            self.size += self.far + 4

    cdef double complex averaged(
        self,
        double complex field,   # IN sum over all but the outliers
        double t,               # IN
        const double* y,        # IN (F + 4,) outliers and low passes
        double* dy,             # OUT (F + 4,)
    ) noexcept nogil:
        """What the outliers feel, and how they drag; returns the field with their mean."""
        cdef Py_ssize_t f, g, n = self.far
        cdef const double* q = y + n
        cdef double* dq = dy + n
        cdef double complex first, second, change, pull, mine
        cdef double power = square(field), cross, w, here, angle
        first = scaled(self.low_pass, field - of_parts(q[0], q[1]))
        second = scaled(self.low_pass, of_parts(q[0] - q[2], q[1] - q[3]))
        dq[0], dq[1], dq[2], dq[3] = first.real, first.imag, second.real, second.imag
        # each low pass is late by 1/mu: without that of the first order
        change = scaled(2.0, first) - second
        cross = (field * conj(change)).imag
        self.drag = 0
        for f in range(n):
            w, mine = self.far_omega[f], conj(self.near[f, f])
            dy[f] = (-power + (cross - 0.25 * power * power / w) / w) / (2 * w)
            here = self.far_start[f] + (w * t + y[f])
            for g in range(n):
                pull = self.near[f, g]
                if pull != 0:
                    angle = self.far_start[g] + (self.far_omega[g] * t + y[g]) - here
                    pull = pull * of_parts(cos(angle), sin(angle))
                    dy[f] += pull.imag
                    # forces that beat slowly drag the others by the square of their sum
                    self.drag += (mine * pull).real / (2 * w)
        return field + self.static_part * field + self.moving_part * change

    # IN t, y (size,); OUT dy (size,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i, q, n = self.nodes, m = self.alone
        cdef const double* u = y + n
        cdef const double* v = y + 2 * n
        cdef const double* z = y + 3 * n
        cdef double complex force = 0
        # apart, so that the compiler makes vectors of the loops
        cdef double hr, hi, fr, fi, room
        cdef double* c = &self.c[0]
        cdef double* s = &self.s[0]
        cdef double* phase = &self.phase[0]
        for q in range(n):
            phase[q] = self.frequency[q] * (t + self.offset[q]) + y[q]
        for i in range(m):
            phase[n + i] = self.start[i] + (self.omega[i] * t + z[i])
        self.kernels.sincos(phase, n + m, s, c)
        if n:
            self.kernels.maps(u, v, &self.zr[0, 0], &self.zi[0, 0], n, &self.terms[0], &self.re[0],
                              &self.im[0])
        for q in range(n):
            force = force + of_parts(self.re[q], self.im[q]) * of_parts(c[q], s[q])
        for i in range(m):
            force = force + scaled(self.weights[i], of_parts(c[n + i], s[n + i]))
        force = force * self.strength
        if self.far:
            force = self.averaged(force, t, z + m, dy + 3 * n + m)
        hr, hi = force.real, force.imag
        for q in range(n):
            fr, fi = hr * c[q] + hi * s[q], hi * c[q] - hr * s[q]
            room = 0.5 * (1 - u[q] * u[q] - v[q] * v[q])
            dy[q] = u[q] * fi - v[q] * fr + self.drag
            dy[n + q] = room * fr
            dy[2 * n + q] = room * fi
        for i in range(m):
            dy[3 * n + i] = hi * c[n + i] - hr * s[n + i] + self.drag
        return 0
