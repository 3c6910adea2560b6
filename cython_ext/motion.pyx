"""Particles with inertia, noise or a coupling that changes, on any compiled velocity field of the
circle.
"""

from libc.math cimport cos, exp, isfinite, sin, sqrt

import numpy as np

from qsyncplug._ext.complexes cimport conj, of_parts, scaled, square
from qsyncplug._ext.integrator cimport RightHandSide
from qsyncplug._ext.noise cimport QN_AVERAGED, QN_EULER, Normals, qn_rule

from qsyncplug._ext.noise import SCHEMES


cdef class Modulated(RightHandSide):
    """omega + factor(t) u(x), with u a velocity field.

    Parameters
    ----------
    field : RightHandSide
        u.
    omega : (n,) array or None
    factor : callable
        A number of the time.
    """

    cdef readonly RightHandSide field
    cdef double[::1] omega
    cdef object factor

    def __init__(self, RightHandSide field, omega, factor):
        self.field, self.factor = field, factor
        self.size, self.complex_pairs = field.size, False
        self.omega = None if omega is None else np.array(omega, dtype=np.float64)
        if omega is not None and self.omega.shape[0] != self.size:
            raise ValueError(f"omega must hold {self.size} numbers")

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i
        cdef double f = 0
        cdef int code = self.field.evaluate(t, y, dy)
        with gil:
            try:
                if code != 0:
                    self.error = self.field.error
                else:
                    f = self.factor(t)
            except BaseException as error:
                self.error = error
                code = -1
        for i in range(self.size):
            dy[i] = f * dy[i]
        if self.omega is not None:
            for i in range(self.size):
                dy[i] += self.omega[i]
        return code

    # IN t; INOUT y
    cdef int accepted(self, double t, double* y) noexcept nogil:
        cdef int code = self.field.accepted(t, y)
        if code < 0:
            with gil:
                self.error = self.field.error
        return code

    def __getattr__(self, name):
        return getattr(self.field, name)


cdef class LaggedPairs(RightHandSide):
    """omega_i + gain_i Im(exp(-i x_i) sum_j a_ij exp(i x_j)), a complex matrix in compressed rows.

    Parameters
    ----------
    starts, columns : arrays
    data : complex array
        a_ij: of a lag alpha, a weight times exp(-i alpha).
    gain : (n,) array
    omega : (n,) array or None
    """

    cdef double complex[::1] data, z
    cdef double[::1] gain, omega
    cdef Py_ssize_t[::1] starts, columns

    def __init__(self, starts, columns, data, gain, omega=None):
        self.starts, self.columns = np.array(starts, np.intp), np.array(columns, np.intp)
        self.data = np.array(data, complex)
        self.gain = np.array(gain, float)
        self.size, self.complex_pairs = self.gain.shape[0], False
        self.omega = np.zeros(self.size) if omega is None else np.array(omega, float)
        self.z = np.zeros(self.size, complex)
        if (self.starts.shape[0] != self.size + 1 or self.omega.shape[0] != self.size
                or np.any(np.diff(starts) < 0)
                or self.starts[self.size] != self.columns.shape[0]
                or self.columns.shape[0] != self.data.shape[0]):
            raise ValueError("rows, gain and omega do not fit each other")
        if len(columns) and not 0 <= np.min(columns) <= np.max(columns) < self.size:
            raise ValueError(f"columns must lie between 0 and {self.size - 1}")

    @property
    def method_name(self):
        """Method in use."""
        return "pairs with lags"

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i, e
        cdef double complex sum
        for i in range(self.size):
            self.z[i] = of_parts(cos(y[i]), sin(y[i]))
        for i in range(self.size):
            sum = 0
            for e in range(self.starts[i], self.starts[i + 1]):
                sum = sum + self.data[e] * self.z[self.columns[e]]
            sum = sum * conj(self.z[i])
            dy[i] = self.omega[i] + self.gain[i] * sum.imag
        return 0


cdef class Moebius(RightHandSide):
    """Populations of identical oscillators, each moved by one Moebius map of the circle (Watanabe
    and Strogatz).

    exp(i x_j) = exp(i phi) (u_j + s)/(1 + conj(s) u_j) with
    dphi/dt = omega + Im(conj(s) F), ds/dt = (1 - abs(s)**2) F/2, F = H exp(-i phi), H_m = sum_l
    a_ml Z_l, Z_l = sum_j c_j exp(i x_j) of population l. State: for each population phi, Re s, Im
    s.

    Parameters
    ----------
    u : (n,) complex array
        Constants of the motion: exp(i x_j) at the start.
    weights : (n,) array
    starts : (M + 1,) array
        Where each population begins.
    matrix : (M, M) complex array
        a_ml: couplings times exp(-i lag).
    omega : (M,) array
    factor : callable or None
        Of H, of the time.
    """

    cdef double complex[::1] u, z
    cdef double[::1] weights, omega
    cdef Py_ssize_t[::1] starts
    cdef double complex[:, ::1] matrix
    cdef Py_ssize_t count
    cdef object factor

    def __init__(self, u, weights, starts, matrix, omega, factor=None):
        self.u = np.array(u, complex)
        self.weights, self.omega = np.array(weights, float), np.array(omega, float)
        self.starts = np.array(starts, np.intp)
        self.matrix = np.array(matrix, complex, order="C")
        self.count = self.omega.shape[0]
        self.size, self.complex_pairs, self.factor = 3 * self.count, False, factor
        self.z = np.zeros(self.count, complex)
        n = self.u.shape[0]
        if (self.starts.shape[0] != self.count + 1 or self.starts[0] != 0
                or self.starts[self.count] != n or np.any(np.diff(starts) < 0)
                or self.weights.shape[0] != n or np.shape(matrix) != (self.count,) * 2):
            raise ValueError("populations, weights and couplings do not fit each other")

    # IN y
    cdef void sums(self, const double* y) noexcept nogil:
        """Z of every population, by Smith's quotients of (u + s)/(1 + conj(s) u), whose modulus is
        1.
        """
        cdef Py_ssize_t m, j
        # apart, as the quotients take a seventh more time otherwise
        cdef double p, q, sr, si, re, im, c, d, w
        for m in range(self.count):
            sr, si = y[3 * m + 1], y[3 * m + 2]
            re = im = 0
            for j in range(self.starts[m], self.starts[m + 1]):
                # both have the same modulus: the quotient is numerator times conj(denominator) over
                # its square
                p, q = self.u[j].real + sr, self.u[j].imag + si
                c = 1 + sr * self.u[j].real + si * self.u[j].imag
                d = sr * self.u[j].imag - si * self.u[j].real
                w = self.weights[j] / (c * c + d * d)
                re = re + w * (p * c + q * d)
                im = im + w * (q * c - p * d)
            self.z[m] = of_parts(cos(y[3 * m]), sin(y[3 * m])) * of_parts(re, im)

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t m, k
        cdef double f = 1
        cdef double complex s, force
        if self.factor is not None:
            with gil:
                try:
                    f = self.factor(t)
                except BaseException as error:
                    self.error = error
                    return -1
        for m in range(self.count):
            # outside of the disc the map is none of the circle
            if not (square(of_parts(y[3 * m + 1], y[3 * m + 2])) < 1 + 1e-9):
                return 1
        self.sums(y)
        for m in range(self.count):
            force = 0
            for k in range(self.count):
                force = force + self.matrix[m, k] * self.z[k]
            force = scaled(f, force * of_parts(cos(y[3 * m]), -sin(y[3 * m])))
            s = of_parts(y[3 * m + 1], y[3 * m + 2])
            dy[3 * m] = self.omega[m] + (conj(s) * force).imag
            force = scaled(0.5 * (1 - square(s)), force)
            dy[3 * m + 1], dy[3 * m + 2] = force.real, force.imag
        return 0


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
        self.size, self.worst = 2 * field.size, field.worst
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
        One of ``SCHEMES``; not looked at where there are masses.
    mass : (n,) array or None
        Of particles with inertia: they are moved by BAOAB.
    normals : Normals or None
        Of n, for ``go``.
    """

    cdef RightHandSide field
    cdef Normals normals
    cdef qn_rule scheme
    cdef bint inertial
    cdef Py_ssize_t n
    cdef double[::1] noise, mass, u, v, trial, last, kick
    cdef readonly long long evaluations

    def __init__(self, RightHandSide field, noise, str scheme="heun", mass=None,
                 Normals normals=None):
        self.field = field
        self.n = field.size
        self.scheme, self.inertial = SCHEMES[scheme], mass is not None
        self.noise = np.array(np.broadcast_to(noise, (self.n,)), dtype=np.float64)
        mass = np.broadcast_to(1.0 if mass is None else mass, (self.n,))
        self.mass = np.array(mass, dtype=np.float64)
        self.u, self.v, self.trial = np.empty(self.n), np.empty(self.n), np.empty(self.n)
        self.last, self.kick = np.zeros(self.n), np.zeros(self.n)
        self.normals = normals
        if normals is not None:
            if normals.size != self.n:
                raise ValueError(f"normals must be for {self.n} particles, not {normals.size}")
            if self.scheme == QN_AVERAGED:
                normals.fill(&self.last[0])

    @property
    def error(self):
        """What the field raised."""
        return self.field.error

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
        if normals.shape[1] != self.n or y.shape[0] != self.n * (1 + self.inertial):
            raise ValueError("y and normals must be for the particles of the field")
        with nogil:
            for k in range(normals.shape[0]):
                code = self.one(&y[0], t + k * h, h, &normals[k, 0])
                if code != 0:
                    break
                done += 1
        return done

    # INOUT y; IN t, h, count
    def go(self, double[::1] y, double t, double h, Py_ssize_t count):
        """The same with `count` sets of its own normals."""
        cdef Py_ssize_t k, done = 0
        if self.normals is None or y.shape[0] != self.n * (1 + self.inertial):
            raise ValueError("y must be for the particles of the field, and normals given")
        with nogil:
            for k in range(count):
                self.normals.fill(&self.kick[0])
                if self.one(&y[0], t + k * h, h, &self.kick[0]) != 0:
                    break
                done += 1
        return done

    def snapshot(self):
        """What continuing bit for bit needs."""
        return {"kicks": np.array(self.last), "force": np.array(self.u),
                "words": self.normals.state, "evaluations": int(self.evaluations)}

    def restore(self, saved):
        """Go on from a snapshot."""
        if np.shape(saved["kicks"]) != (self.n,) or np.shape(saved["force"]) != (self.n,):
            raise ValueError(f"the snapshot is of another problem, not of {self.n} particles")
        np.asarray(self.last)[...] = saved["kicks"]
        np.asarray(self.u)[...] = saved["force"]
        self.normals.state = saved["words"]
        self.evaluations = saved["evaluations"]

    # INOUT y; IN t, h, xi
    cdef int one(self, double* y, double t, double h, const double* xi) noexcept nogil:
        if self.inertial:
            return self.baoab(y, t, h, xi)
        return self.overdamped(y, t, h, xi)

    # INOUT y; IN xi
    cdef int overdamped(self, double* y, double t, double h, const double* xi) noexcept nogil:
        cdef Py_ssize_t i
        cdef double bad = 0
        self.evaluations += 1
        if self.field.evaluate(t, y, &self.u[0]) != 0:
            return -1
        if self.scheme == QN_AVERAGED:
            for i in range(self.n):
                y[i] += h * self.u[i] + 0.5 * sqrt(2 * self.noise[i] * h) * (self.last[i] + xi[i])
                self.last[i] = xi[i]
                bad += y[i]
        elif self.scheme == QN_EULER:
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
