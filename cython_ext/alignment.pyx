"""Theta of the Schrödinger–Lohe models: at rest, relaxing, or aligned by distances of centres.

    dtheta_j/dt = (mu/n) sum_l h(|x_j - x_l|) (theta_l - theta_j),   x_j = <X_j, x X_j>/<X_j, X_j>
"""

from libc.math cimport cos, cosh, exp, isfinite, pow, sin, sinh, sqrt
from libc.string cimport memset

import numpy as np

from qsyncplug._ext.rows cimport quadratic


def doubles(value):
    """A contiguous copy of a complex array as doubles (at least one pair, to have an address)."""
    flat = np.array(value, dtype=np.complex128).ravel()
    return (flat if flat.size else np.zeros(1, complex)).view(np.float64)


# ---------------------------------------------------------------------- h(d)

cdef class Influence:
    """Base class of h."""

    # as in alignment.pxd
    cdef int fill(self, const double* distance, double* value, Py_ssize_t count) noexcept nogil:
        return -1


cdef class FormulaInfluence(Influence):
    """h(d) = floor + height (1 + d²/scale²)^(-exponent/2)."""

    cdef double floor, height, scale, exponent

    def __init__(self, double floor, double height, double scale, double exponent):
        self.floor, self.height, self.scale, self.exponent = floor, height, scale, exponent

    # as in alignment.pxd
    cdef int fill(self, const double* distance, double* value, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t p
        cdef double q
        for p in range(count):
            q = distance[p] / self.scale
            value[p] = self.floor
            if self.height != 0:
                value[p] += self.height * pow(1 + q * q, -0.5 * self.exponent)
        return 0


cdef class CallableInfluence(Influence):
    """h as a function of arrays of distances."""

    cdef object function

    def __init__(self, function):
        self.function = function

    # as in alignment.pxd
    cdef int fill(self, const double* distance, double* value, Py_ssize_t count) noexcept nogil:
        with gil:
            try:
                self.call(distance, value, count)
            except BaseException as error:
                self.error = error
                return -1
        return 0

    cdef int call(
        self,
        const double* distance,     # IN (count,)
        double* value,              # OUT (count,)
        Py_ssize_t count,           # IN
    ) except -1:
        cdef double[::1] d = np.empty(count), h
        cdef Py_ssize_t p
        if count == 0:
            return 0
        for p in range(count):
            d[p] = distance[p]
        h = np.array(np.broadcast_to(self.function(np.asarray(d)), (count,)), dtype=np.float64)
        for p in range(count):
            if not (isfinite(h[p]) and h[p] >= 0):
                raise ValueError(
                    f"kernel must be finite and at least 0; kernel({distance[p]:g}) = {h[p]:g}")
            value[p] = h[p]
        return 0


# ---------------------------------------------------------------------- x_j

cdef class Centres:
    """Base class of the centres of n rows."""

    # as in alignment.pxd
    cdef void locate(self, double t, const double* y, const double* norm,
                     double* centre) noexcept nogil:
        pass


cdef class ModeCentres(Centres):
    """In a quadratic potential: x and p of the normal modes at the start turn in closed form.

    Distances do not depend on the choice of coordinates, so that the modes serve.

    Parameters
    ----------
    n : int
    u, w : (d, r, r) complex arrays
        x and p of the modes at `t0`.
    kappa, force : (d,) arrays
    t0 : float
    """

    cdef double t0
    cdef double[::1] u, w, kappa, force

    def __init__(self, Py_ssize_t n, u, w, kappa, force, double t0=0.0):
        self.n, self.d, self.r = n, len(kappa), np.shape(u)[1]
        self.t0 = t0
        self.u, self.w = doubles(u), doubles(w)
        self.kappa = np.array(kappa, dtype=np.float64)
        self.force = np.array(force, dtype=np.float64)

    def replace(self, u):
        """Take other matrices of x at the start."""
        self.u = doubles(u)

    # as in alignment.pxd
    cdef void locate(self, double t, const double* y, const double* norm,
                     double* centre) noexcept nogil:
        cdef Py_ssize_t j, a, r = self.r
        cdef double s = t - self.t0, c, sn, shift, v
        for a in range(self.d):
            if self.kappa[a] > 0:
                v = sqrt(self.kappa[a])
                c = cos(v * s)
                sn = sin(v * s) / v
                shift = self.force[a] * (c - 1) / self.kappa[a]
            elif self.kappa[a] < 0:
                v = sqrt(-self.kappa[a])
                c = cosh(v * s)
                sn = sinh(v * s) / v
                shift = self.force[a] * (c - 1) / self.kappa[a]
            else:
                c = 1
                sn = s
                shift = -0.5 * self.force[a] * s * s
            for j in range(self.n):
                v = c * quadratic(y + 2 * r * j, &self.u[2 * a * r * r], r)
                if sn != 0:
                    v += sn * quadratic(y + 2 * r * j, &self.w[2 * a * r * r], r)
                centre[j * self.d + a] = v / norm[j] + shift


cdef class ChebyshevCentres(Centres):
    """Matrices of x(t) as Chebyshev series on pieces of time.

    Parameters
    ----------
    n : int
    edges : (S+1,) array
    coefficients : (S, degree+1, d, r, r) complex array
    """

    cdef Py_ssize_t pieces, degree
    cdef double[::1] edges, series, matrix, scratch

    def __init__(self, Py_ssize_t n, edges, coefficients):
        shape = np.shape(coefficients)
        self.n, self.pieces, self.degree = n, shape[0], shape[1] - 1
        self.d, self.r = shape[2], shape[3]
        self.edges = np.array(edges, dtype=np.float64)
        self.series = doubles(coefficients)
        self.matrix = np.zeros(2 * self.d * self.r * self.r)
        self.scratch = np.zeros(4 * self.d * self.r * self.r)

    # as in alignment.pxd
    cdef void locate(self, double t, const double* y, const double* norm,
                     double* centre) noexcept nogil:
        cdef Py_ssize_t j, a, r = self.r
        self.interpolate(t)
        for j in range(self.n):
            for a in range(self.d):
                centre[j * self.d + a] = quadratic(
                    y + 2 * r * j, &self.matrix[2 * a * r * r], r) / norm[j]

    cdef void interpolate(self, double t) noexcept nogil:
        """x(t), by Clenshaw's recurrence."""
        cdef Py_ssize_t size = 2 * self.d * self.r * self.r, i, piece = 0
        cdef int m
        cdef double z, b
        cdef const double* c
        while piece + 1 < self.pieces and t > self.edges[piece + 1]:
            piece += 1
        z = (2 * t - self.edges[piece] - self.edges[piece + 1]) / (
            self.edges[piece + 1] - self.edges[piece])
        memset(&self.scratch[0], 0, 2 * size * sizeof(double))
        c = &self.series[piece * (self.degree + 1) * size]
        for m in range(self.degree, 0, -1):
            for i in range(size):
                b = 2 * z * self.scratch[i] - self.scratch[size + i] + c[m * size + i]
                self.scratch[size + i] = self.scratch[i]
                self.scratch[i] = b
        for i in range(size):
            self.matrix[i] = z * self.scratch[i] - self.scratch[size + i] + c[i]


# ---------------------------------------------------------------------- theta

cdef class Theta:
    """θ at rest.

    Parameters
    ----------
    theta : (n,) array
    """

    def __init__(self, theta):
        self.start = np.array(theta, dtype=np.float64)
        self.n = self.start.shape[0]

    def replace(self, theta):
        """Take other values."""
        self.start = np.array(theta, dtype=np.float64)

    def values(self, double t):
        """θ at time `t`, where it is not part of the state."""
        cdef double[::1] out = np.array(self.start)
        if self.n:
            self.at(t, NULL, &out[0])
        return np.asarray(out)

    # as in alignment.pxd
    cdef void at(self, double t, const double* state, double* theta) noexcept nogil:
        cdef Py_ssize_t j
        for j in range(self.n):
            theta[j] = self.start[j]

    # as in alignment.pxd
    cdef int rates(self, double t, const double* y, const double* norm, const double* theta,
                   double* change) noexcept nogil:
        return 0


cdef class RelaxingTheta(Theta):
    """A constant influence: θ tends to its mean as e^{-rate (t-t0)}."""

    cdef double rate, t0, mean

    def __init__(self, theta, double rate, double t0=0.0):
        super().__init__(theta)
        self.rate, self.t0 = rate, t0
        self.mean = np.mean(theta)

    # as in alignment.pxd
    cdef void at(self, double t, const double* state, double* theta) noexcept nogil:
        cdef double decay = exp(-self.rate * (t - self.t0))
        cdef Py_ssize_t j
        for j in range(self.n):
            theta[j] = self.mean + (self.start[j] - self.mean) * decay


cdef class AlignedTheta(Theta):
    """Part of the state, as complex numbers with imaginary part 0.

    Parameters
    ----------
    theta : (n,) array
    mu : float
    influence : Influence
    centres : Centres or None
        None: all distances are zero.
    """

    def __init__(self, theta, double mu, Influence influence, Centres centres=None):
        super().__init__(theta)
        self.dynamic = True
        self.mu, self.influence, self.centres = mu, influence, centres
        self.distant = centres is not None
        pairs = max(self.n * (self.n - 1) // 2, 1)
        self.distance = np.zeros(pairs)
        self.value = np.zeros(pairs)
        self.centre = np.zeros(max(self.n * (centres.d if self.distant else 1), 1))

    # as in alignment.pxd
    cdef void at(self, double t, const double* state, double* theta) noexcept nogil:
        cdef Py_ssize_t j
        for j in range(self.n):
            theta[j] = state[2 * j] if state != NULL else self.start[j]

    # as in alignment.pxd
    cdef int rates(self, double t, const double* y, const double* norm, const double* theta,
                   double* change) noexcept nogil:
        cdef Py_ssize_t j, m, pairs = self.n * (self.n - 1) // 2, p = 0
        cdef double q
        if self.distant:
            self.centres.locate(t, y, norm, &self.centre[0])
            self.set_distances()
        if self.influence.fill(&self.distance[0], &self.value[0], pairs) != 0:
            with gil:
                self.error = self.influence.error
            return -1
        memset(change, 0, 2 * self.n * sizeof(double))
        for j in range(self.n):
            for m in range(j):
                q = self.mu / self.n * self.value[p] * (theta[m] - theta[j])
                change[2 * j] += q
                change[2 * m] -= q
                p += 1
        return 0

    cdef void set_distances(self) noexcept nogil:
        """Of every pair m<j, in the order of a lower triangle."""
        cdef Py_ssize_t j, m, a, d = self.centres.d, p = 0
        cdef double total, gap
        for j in range(self.n):
            for m in range(j):
                total = 0
                for a in range(d):
                    gap = self.centre[j * d + a] - self.centre[m * d + a]
                    total += gap * gap
                self.distance[p] = sqrt(total)
                p += 1
