"""Particles with inertia, noise or a delay, on any compiled velocity field of the circle."""

from libc.math cimport cos, exp, isfinite, sin, sqrt
from libc.string cimport memcpy

import numpy as np

from qsyncplug._ext.integrator cimport RightHandSide

cdef enum Scheme:
    EULER = 0
    HEUN = 1
    MIDPOINT_NOISE = 2   # Leimkuhler and Matthews
    INERTIAL = 3         # BAOAB

SCHEMES = {"euler": EULER, "heun": HEUN, "leimkuhler-matthews": MIDPOINT_NOISE, "baoab": INERTIAL}


cdef class Inertial(RightHandSide):
    """m dv/dt = u(x) - v, dx/dt = v, with u the velocity field without inertia; state (x, v).

    Parameters
    ----------
    field : RightHandSide
        u, of n real numbers.
    mass : (n,) array
    """

    cdef RightHandSide field
    cdef double[::1] mass
    cdef Py_ssize_t count

    def __init__(self, RightHandSide field, mass):
        self.field = field
        self.count = field.size
        self.size = 2 * field.size
        self.complex_pairs = False
        self.mass = np.array(np.broadcast_to(mass, (field.size,)), dtype=np.float64)

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i, n = self.count
        cdef int code = self.field.evaluate(t, y, dy + n)
        if code != 0:
            with gil:
                self.error = self.field.error
            return code
        for i in range(n):
            dy[i] = y[n + i]
            dy[n + i] = (dy[n + i] - y[n + i]) / self.mass[i]
        return 0


cdef class Langevin:
    """Steps of fixed length of dx = u(x) dt + sqrt(2 D) dW, or of the same with inertia.

    Parameters
    ----------
    field : RightHandSide
        u, of n real numbers.
    noise : (n,) array
        D of each particle.
    scheme : str
        One of ``SCHEMES``.
    mass : (n,) array or None
        For "baoab".
    """

    cdef RightHandSide field
    cdef int scheme
    cdef Py_ssize_t n
    cdef double[::1] noise, mass, u, v, trial, last
    cdef readonly long long evaluations

    def __init__(self, RightHandSide field, noise, str scheme="heun", mass=None):
        self.field = field
        self.n = field.size
        self.scheme = SCHEMES[scheme]
        self.noise = np.array(np.broadcast_to(noise, (self.n,)), dtype=np.float64)
        self.mass = np.array(np.broadcast_to(1.0 if mass is None else mass, (self.n,)), dtype=np.float64)
        self.u, self.v, self.trial = np.empty(self.n), np.empty(self.n), np.empty(self.n)
        self.last = np.zeros(self.n)

    @property
    def error(self):
        """What the field raised."""
        return self.field.error

    def start(self, normals):
        """Take the first random numbers, which Leimkuhler's scheme needs one set more of."""
        self.last = np.array(normals, dtype=np.float64)

    def snapshot(self):
        """Everything that going on needs beside the state."""
        return {"evaluations": self.evaluations, "slope": np.array(self.u), "last": np.array(self.last)}

    def restore(self, saved):
        """Go on from what :meth:`snapshot` gave."""
        u, last = (np.array(saved[name], dtype=np.float64) for name in ("slope", "last"))
        if u.shape != (self.n,) or last.shape != (self.n,):
            raise ValueError(f"the snapshot is of another problem: {u.size} particles, not {self.n}")
        self.u, self.last, self.evaluations = u, last, saved["evaluations"]

    def steps(self, double[::1] y, double t, double h, const double[:, ::1] normals):
        """Go on by ``len(normals)`` steps of length h; returns how many were taken.

        Parameters
        ----------
        y : (n,) or (2n,) array, INOUT
        t, h : float
        normals : (steps, n) array, IN
        """
        cdef Py_ssize_t k, done = 0
        cdef int code = 0
        if normals.shape[1] != self.n or y.shape[0] != (2 * self.n if self.scheme == INERTIAL else self.n):
            raise ValueError("y and normals must be for the particles of the field")
        with nogil:
            for k in range(normals.shape[0]):
                if self.scheme == INERTIAL:
                    code = self.baoab(&y[0], t + k * h, h, &normals[k, 0])
                else:
                    code = self.overdamped(&y[0], t + k * h, h, &normals[k, 0])
                if code != 0:
                    break
                done += 1
        return done

    # INOUT y; IN xi
    cdef int overdamped(self, double* y, double t, double h, const double* xi) noexcept nogil:
        cdef Py_ssize_t i
        cdef double bad = 0
        self.evaluations += 1
        if self.field.evaluate(t, y, &self.u[0]) != 0:
            return -1
        if self.scheme == MIDPOINT_NOISE:
            for i in range(self.n):
                y[i] += h * self.u[i] + 0.5 * sqrt(2 * self.noise[i] * h) * (self.last[i] + xi[i])
                self.last[i] = xi[i]
                bad += y[i]
        elif self.scheme == EULER:
            for i in range(self.n):
                y[i] += h * self.u[i] + sqrt(2 * self.noise[i] * h) * xi[i]
                bad += y[i]
        else:
            for i in range(self.n):
                self.trial[i] = y[i] + h * self.u[i] + sqrt(2 * self.noise[i] * h) * xi[i]
            self.evaluations += 1
            if self.field.evaluate(t + h, &self.trial[0], &self.v[0]) != 0:
                return -1
            for i in range(self.n):
                # the predictor holds the noise already
                y[i] = self.trial[i] + 0.5 * h * (self.v[i] - self.u[i])
                bad += y[i]
        return 0 if isfinite(bad) else 1

    # INOUT y; IN xi
    cdef int baoab(self, double* y, double t, double h, const double* xi) noexcept nogil:
        """Half a kick, half a drift, friction and noise exactly, half a drift, half a kick."""
        cdef Py_ssize_t i, n = self.n
        cdef double c, bad = 0
        cdef double* x = y
        cdef double* v = y + n
        if self.evaluations == 0:
            self.evaluations = 1
            if self.field.evaluate(t, x, &self.u[0]) != 0:
                return -1
        for i in range(n):
            v[i] += 0.5 * h * self.u[i] / self.mass[i]
            x[i] += 0.5 * h * v[i]
            c = exp(-h / self.mass[i])
            v[i] = c * v[i] + sqrt(self.noise[i] / self.mass[i] * (1 - c * c)) * xi[i]
            x[i] += 0.5 * h * v[i]
        self.evaluations += 1
        if self.field.evaluate(t + h, x, &self.u[0]) != 0:
            return -1
        for i in range(n):
            v[i] += 0.5 * h * self.u[i] / self.mass[i]
            bad += x[i] + v[i]
        return 0 if isfinite(bad) else 1


cdef class Delayed:
    """Classical Runge-Kutta steps of dx_i/dt = omega_i + Im(exp(-i (x_i + lag)) K z(t - tau)).

    z(t) = sum_j c_j exp(i x_j) / C is all that the past is needed for. tau is a whole number of
    steps, so that the stages meet what was stored at the steps and, by cubic interpolation of
    every particle, half-way between.

    Parameters
    ----------
    omega, weights : (n,) array
    coupling, lag : float
    past : (2 m + 1,) complex array
        z at t0 - tau, t0 - tau + h/2, ..., t0 with h = tau / m.
    """

    cdef double[::1] omega, weights, k1, k2, k3, k4, trial, before
    cdef double[:, ::1] past
    cdef double coupling, lag
    cdef Py_ssize_t n, m
    cdef readonly long long taken

    def __init__(self, omega, weights, double coupling, double lag, past):
        self.omega = np.array(omega, dtype=np.float64)
        self.weights = np.array(weights, dtype=np.float64) / np.sum(weights)
        self.n = self.omega.shape[0]
        self.coupling, self.lag = coupling, lag
        z = np.array(past, dtype=np.complex128)
        self.m = (z.shape[0] - 1) // 2
        if z.shape[0] != 2 * self.m + 1 or self.m < 1 or self.weights.shape[0] != self.n:
            raise ValueError("past must hold 2 m + 1 numbers, omega and weights n each")
        self.past = np.stack([z.real, z.imag], axis=1).copy()
        self.k1, self.k2, self.k3 = np.empty(self.n), np.empty(self.n), np.empty(self.n)
        self.k4, self.trial, self.before = np.empty(self.n), np.empty(self.n), np.empty(self.n)

    def snapshot(self):
        """Everything that going on needs beside the state."""
        return {"taken": self.taken, "past": np.array(self.past), "slopes": np.array([self.k1, self.k4])}

    def restore(self, saved):
        """Go on from what :meth:`snapshot` gave."""
        past, slopes = (np.array(saved[name], dtype=np.float64) for name in ("past", "slopes"))
        if past.shape != (2 * self.m + 1, 2) or slopes.shape != (2, self.n) or saved["taken"] < 0:
            raise ValueError("the snapshot is of another problem, with another past")
        self.past, self.taken = past, saved["taken"]
        self.k1, self.k4 = slopes[0].copy(), slopes[1].copy()

    def slopes(self):
        """Velocities at both ends of the last step."""
        return np.array(self.k1), np.array(self.k4)

    # IN y; OUT dy
    cdef void slope(self, const double* y, Py_ssize_t at, double* dy) noexcept nogil:
        cdef Py_ssize_t i
        cdef double re = self.coupling * self.past[at, 0], im = self.coupling * self.past[at, 1]
        cdef double s, c
        for i in range(self.n):
            s = sin(y[i] + self.lag)
            c = cos(y[i] + self.lag)
            dy[i] = self.omega[i] + im * c - re * s

    # IN y; OUT z
    cdef void mean(self, const double* y, double* z) noexcept nogil:
        cdef Py_ssize_t i
        cdef double re = 0, im = 0
        for i in range(self.n):
            re += self.weights[i] * cos(y[i])
            im += self.weights[i] * sin(y[i])
        z[0] = re
        z[1] = im

    def steps(self, double[::1] y, double h, Py_ssize_t count):
        """Go on by `count` steps of length h (which is tau / m); y is INOUT."""
        cdef Py_ssize_t _
        if y.shape[0] != self.n:
            raise ValueError(f"y must hold {self.n} numbers, not {y.shape[0]}")
        with nogil:
            for _ in range(count):
                self.one(&y[0], h)

    # INOUT y
    cdef void one(self, double* y, double h) noexcept nogil:
        # the ring holds 2 m + 1 places: those of this step are the oldest three
        cdef Py_ssize_t size = 2 * self.m + 1, i
        cdef Py_ssize_t a = (2 * self.taken) % size
        cdef Py_ssize_t b = (a + 1) % size, c = (a + 2) % size
        cdef double half[2]
        cdef double full[2]
        memcpy(&self.before[0], y, self.n * sizeof(double))
        self.slope(y, a, &self.k1[0])
        for i in range(self.n):
            self.trial[i] = y[i] + 0.5 * h * self.k1[i]
        self.slope(&self.trial[0], b, &self.k2[0])
        for i in range(self.n):
            self.trial[i] = y[i] + 0.5 * h * self.k2[i]
        self.slope(&self.trial[0], b, &self.k3[0])
        for i in range(self.n):
            self.trial[i] = y[i] + h * self.k3[i]
        self.slope(&self.trial[0], c, &self.k4[0])
        for i in range(self.n):
            y[i] += h / 6 * (self.k1[i] + 2 * self.k2[i] + 2 * self.k3[i] + self.k4[i])
        # half-way: Hermite's cubic, with the slope at the new end
        self.slope(y, c, &self.k4[0])
        for i in range(self.n):
            self.trial[i] = 0.5 * (self.before[i] + y[i]) + 0.125 * h * (self.k1[i] - self.k4[i])
        self.mean(&self.trial[0], half)
        self.mean(y, full)
        # places a and b are free now: they become t + h/2 and t + h of the next turn
        self.past[a, 0] = half[0]
        self.past[a, 1] = half[1]
        self.past[b, 0] = full[0]
        self.past[b, 1] = full[1]
        self.taken += 1
