"""Right-hand sides of the Schrödinger–Lohe models in coefficient form.

Row j of X holds oscillator j in a basis of r vectors with metric M (the identity unless given):

    dX_j/dt = -i w_j X_j + (k/2) (theta_j zeta_j - c_j X_j),   zeta_j = sum_l C_jl X_l,   s_j = <zeta_j, X_j>_M,
    c_j = s_j/<X_j, X_j>_M  or  s_j

for H=0, or in the frame that moves with a common Hamiltonian.  theta follows the Cucker–Smale equation.
"""

from libc.math cimport cos, cosh, exp, isfinite, pow, sin, sinh, sqrt, INFINITY
from libc.string cimport memcpy, memset

import numpy as np

from qsyncplug._ext.integrator cimport RightHandSide

cdef enum Theta:
    FROZEN = 0
    EXPONENTIAL = 1    # constant influence: theta relaxes to its mean
    DYNAMIC = 2        # part of the state

cdef enum Positions:
    NOWHERE = 0
    MODES = 1          # quadratic potential: x and p of the normal modes at the start
    CHEBYSHEV = 2      # matrices of x(t), interpolated in time

cdef enum Influence:
    FORMULA = 0
    CALLABLE = 1


cdef double bracket(const double* a, const double* b, Py_ssize_t r, double* imag) noexcept nogil:
    """<a, b> of two rows of r complex numbers: returns the real part."""
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
    imag[0] = q0 + q1
    return p0 + p1


cdef double square(const double* a, Py_ssize_t r) noexcept nogil:
    cdef double p0 = 0, p1 = 0
    cdef Py_ssize_t i
    for i in range(0, 2 * r, 2):
        p0 += a[i] * a[i]
        p1 += a[i + 1] * a[i + 1]
    return p0 + p1


cdef double quadratic(const double* y, const double* m, Py_ssize_t r) noexcept nogil:
    """<y, m y> of a Hermitian matrix m (r, r)."""
    cdef double total = 0, re, im
    cdef Py_ssize_t a
    for a in range(r):
        re = im = 0
        hermitian_row(m + 2 * r * a, y, r, &re, &im)
        total += y[2 * a] * re + y[2 * a + 1] * im
    return total


cdef void hermitian_row(const double* row, const double* y, Py_ssize_t r, double* re, double* im) noexcept nogil:
    """sum_b row_b y_b, without conjugation."""
    cdef double p = 0, q = 0
    cdef Py_ssize_t i
    for i in range(0, 2 * r, 2):
        p += row[i] * y[i] - row[i + 1] * y[i + 1]
        q += row[i] * y[i + 1] + row[i + 1] * y[i]
    re[0] = p
    im[0] = q


cdef double[::1] doubles(value):
    """A contiguous copy of a complex array, seen as doubles (at least one pair, so that it has an address)."""
    flat = np.array(value, dtype=np.complex128).ravel()
    return (flat if flat.size else np.zeros(1, complex)).view(np.float64)


cdef class LoheRightHandSide(RightHandSide):
    """X, followed by theta where it is dynamic (each theta as a complex number with imaginary part 0).

    Parameters
    ----------
    n, r : int
        Oscillators and basis vectors.
    coupling : float
    normalised : bool
        Divide s_j by the norm squared (standard and Model 1)?
    theta : (n,) array
        At time `t0`.
    frequencies, frame : (n,) arrays
        Row j is multiplied by exp(i frame_j (t-t0)); w_j = frequencies_j - frame_j.
    factor : complex
        C_jl = factor/n for every pair, unless `graph` is given.
    graph : (indptr, indices, data), optional
        C in compressed rows.
    metric : (r, r) complex array, optional
        Hermitian.
    influence : None, (floor, height, scale, exponent), or callable
        h(d); None: theta does not change.
    alignment : float
        mu
    positions : None, ("modes", U, W, kappa, force) or ("chebyshev", edges, coefficients)
        Matrices of the centres: U, W (d, r, r), kappa and force (d,); or, for S pieces, edges (S+1,) and
        coefficients (S, degree+1, d, r, r).
    vanishing : float
        Event 1 when a norm falls below this times its start; 0: not watched.
    cap : float
        Event 2 when the square of a norm passes this.
    """

    cdef Py_ssize_t n, r, d, degree, pieces
    cdef double half_k, t0, mu, floor, height, scale, exponent, mean_theta, cap, vanishing
    cdef public double direction
    cdef bint normalised, rotating, has_metric, has_graph, distant
    cdef int theta_mode, position_kind, influence_kind
    cdef double factor_re, factor_im
    cdef object function
    cdef double[::1] theta0, theta, omega, frame, phase, zeta, dual, metric, centre, distance, influence
    cdef double[::1] u, w, kappa, force, edges, cheb, px, scratch, data, reference, last, norm0
    cdef int[::1] indptr, indices

    def __init__(self, Py_ssize_t n, Py_ssize_t r, double coupling, bint normalised, theta, *, frequencies=None,
                 frame=None, factor=1.0, graph=None, metric=None, influence=None, double alignment=0.0,
                 positions=None, double t0=0.0, double vanishing=0.0, double cap=INFINITY, initial=None,
                 bint dynamic=False):
        self.n = n
        self.r = r
        self.d = 1
        self.half_k = 0.5 * coupling
        self.normalised = normalised
        self.t0 = t0
        self.direction = 1.0
        self.mu = alignment
        self.vanishing = vanishing
        self.cap = cap
        self.complex_pairs = True
        self.theta0 = np.array(theta, dtype=np.float64)
        self.theta = self.theta0.copy()
        self.mean_theta = np.mean(theta)
        rest = np.zeros(n) if frequencies is None else np.array(frequencies, dtype=np.float64)
        moving = np.zeros(n) if frame is None else np.array(frame, dtype=np.float64)
        self.omega = rest - moving
        self.frame = moving
        # a frame common to all is a phase of the whole system, which the coupling does not see
        self.rotating = bool(np.ptp(moving) > 0) if n else False
        self.phase = np.zeros(2 * n)
        self.factor_re = complex(factor).real
        self.factor_im = complex(factor).imag
        self.has_graph = graph is not None
        if self.has_graph:
            self.indptr = np.array(graph[0], dtype=np.intc)
            self.indices = np.array(graph[1], dtype=np.intc) if len(graph[1]) else np.zeros(1, np.intc)
            self.data = doubles(graph[2])
        self.zeta = np.zeros(2 * r)
        self.dual = np.zeros(2 * r)
        self.has_metric = metric is not None
        self.metric = doubles(metric) if self.has_metric else np.zeros(2)
        self.position_kind = NOWHERE
        self.theta_mode = FROZEN
        self.influence_kind = FORMULA
        self.floor = 1.0
        self.scale = 1.0
        if influence is not None and alignment != 0:
            if callable(influence):
                self.influence_kind = CALLABLE
                self.function = influence
            else:
                self.floor, self.height, self.scale, self.exponent = influence
            self.distant = callable(influence) or self.height != 0
            if self.distant and positions is None:
                raise ValueError("an influence that depends on the distance needs positions")
            self.theta_mode = DYNAMIC if self.distant or dynamic else EXPONENTIAL
        if self.distant:
            self.set_positions(positions)
        self.centre = np.zeros(max(n * self.d, 1))
        pairs = max(n * (n - 1) // 2, 1) if self.theta_mode == DYNAMIC else 1
        self.distance = np.zeros(pairs)
        self.influence = np.zeros(pairs)
        self.size = 2 * n * r + (2 * n if self.theta_mode == DYNAMIC else 0)
        self.norm0 = np.ones(n)
        if initial is not None:
            self.reference = doubles(initial)
            self.last = self.reference.copy()
            self.norm0 = np.sum(np.abs(np.asarray(initial))**2, axis=1)
        else:
            self.reference = np.zeros(1)
            self.last = np.zeros(1)

    def set_positions(self, positions):
        """Replace the matrices of the centres."""
        kind = positions[0]
        if kind == "modes":
            self.position_kind = MODES
            self.d = len(positions[3])
            self.u = doubles(positions[1])
            self.w = doubles(positions[2])
            self.kappa = np.array(positions[3], dtype=np.float64)
            self.force = np.array(positions[4], dtype=np.float64)
        else:
            self.position_kind = CHEBYSHEV
            self.edges = np.array(positions[1], dtype=np.float64)
            shape = np.shape(positions[2])
            self.pieces = shape[0]
            self.degree = shape[1] - 1
            self.d = shape[2]
            self.cheb = doubles(positions[2])
            self.px = np.zeros(2 * self.d * self.r * self.r)
            self.scratch = np.zeros(4 * self.d * self.r * self.r)

    def set_theta_values(self, theta):
        """Replace theta where it is not part of the state."""
        self.theta0 = np.array(theta, dtype=np.float64)
        self.theta = np.array(theta, dtype=np.float64)

    def set_mode_matrices(self, u):
        """Replace the matrices of x at the start, in mode coordinates."""
        self.u = doubles(u)

    def set_metric(self, metric):
        """Replace the metric."""
        self.metric = doubles(metric)
        self.has_metric = True

    def set_reference(self, y):
        """Compare the directions of the next step with those of `y`."""
        rows = np.ascontiguousarray(y, dtype=np.complex128).ravel()[:self.n * self.r]
        self.reference = doubles(rows)
        self.last = self.reference.copy()

    def __reduce__(self):
        raise TypeError("a compiled right-hand side is made anew from its model, and not pickled")

    @property
    def initial_norms(self):
        """Norms of the rows at the start."""
        return np.sqrt(np.asarray(self.norm0))

    @property
    def dynamic_theta(self):
        """Is theta part of the state?"""
        return self.theta_mode == DYNAMIC

    def theta_at(self, double t):
        """theta at time `t` where it is not part of the state."""
        if self.theta_mode == EXPONENTIAL:
            decay = np.exp(-self.mu * self.floor * (t - self.t0))
            return self.mean_theta + (np.asarray(self.theta0) - self.mean_theta) * decay
        return np.array(self.theta0)

    # ------------------------------------------------------------------ pieces of the right-hand side

    cdef int set_theta(self, double t, const double* y) noexcept nogil:
        cdef Py_ssize_t j
        cdef double decay
        if self.theta_mode == DYNAMIC:
            for j in range(self.n):
                self.theta[j] = y[2 * self.n * self.r + 2 * j]
        elif self.theta_mode == EXPONENTIAL:
            decay = exp(-self.mu * self.floor * (t - self.t0))
            for j in range(self.n):
                self.theta[j] = self.mean_theta + (self.theta0[j] - self.mean_theta) * decay
        return 0

    cdef void set_position_matrices(self, double t) noexcept nogil:
        """x(t) of the Chebyshev pieces, by Clenshaw's recurrence."""
        cdef Py_ssize_t size = 2 * self.d * self.r * self.r, i, piece = 0
        cdef int m
        cdef double z, b
        cdef const double* c
        while piece + 1 < self.pieces and t > self.edges[piece + 1]:
            piece += 1
        z = (2 * t - self.edges[piece] - self.edges[piece + 1]) / (self.edges[piece + 1] - self.edges[piece])
        memset(&self.scratch[0], 0, 2 * size * sizeof(double))
        c = &self.cheb[piece * (self.degree + 1) * size]
        for m in range(self.degree, 0, -1):
            for i in range(size):
                b = 2 * z * self.scratch[i] - self.scratch[size + i] + c[m * size + i]
                self.scratch[size + i] = self.scratch[i]
                self.scratch[i] = b
        for i in range(size):
            self.px[i] = z * self.scratch[i] - self.scratch[size + i] + c[i]

    cdef int set_centres(self, double t, const double* y) noexcept nogil:
        """Centres in the coordinates of the modes (distances do not depend on the choice)."""
        cdef Py_ssize_t j, a, r = self.r
        cdef double s = t - self.t0, norm, c, sn, shift, v
        if self.position_kind == CHEBYSHEV:
            self.set_position_matrices(t)
        for j in range(self.n):
            norm = self.norm_squared(y + 2 * r * j)
            if not norm > 0:
                return 1
            for a in range(self.d):
                if self.position_kind == CHEBYSHEV:
                    self.centre[j * self.d + a] = quadratic(y + 2 * r * j, &self.px[2 * a * r * r], r) / norm
                    continue
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
                v = c * quadratic(y + 2 * r * j, &self.u[2 * a * r * r], r)
                if sn != 0:
                    v += sn * quadratic(y + 2 * r * j, &self.w[2 * a * r * r], r)
                self.centre[j * self.d + a] = v / norm + shift
        return 0

    cdef double norm_squared(self, const double* row) noexcept nogil:
        if self.has_metric:
            return quadratic(row, &self.metric[0], self.r)
        return square(row, self.r)

    cdef int align(self, double* dtheta) noexcept nogil:
        cdef Py_ssize_t j, m, a, p = 0
        cdef double dist, diff, q
        for j in range(self.n):
            for m in range(j):
                dist = 0
                for a in range(self.d):
                    diff = self.centre[j * self.d + a] - self.centre[m * self.d + a]
                    dist += diff * diff
                self.distance[p] = sqrt(dist)
                p += 1
        if self.influence_kind == CALLABLE:
            with gil:
                try:
                    self.call_influence(p)
                except BaseException as error:
                    self.error = error
                    return -1
        else:
            for j in range(p):
                q = self.distance[j] / self.scale
                self.influence[j] = self.floor + (
                    self.height * pow(1 + q * q, -0.5 * self.exponent) if self.height != 0 else 0.0)
        for j in range(self.n):
            dtheta[2 * j] = 0
            dtheta[2 * j + 1] = 0
        p = 0
        for j in range(self.n):
            for m in range(j):
                q = self.mu / self.n * self.influence[p] * (self.theta[m] - self.theta[j])
                dtheta[2 * j] += q
                dtheta[2 * m] -= q
                p += 1
        return 0

    cdef int call_influence(self, Py_ssize_t pairs) except -1:
        cdef double[::1] value
        cdef Py_ssize_t p
        if pairs == 0:
            return 0
        distance = np.array(self.distance[:pairs])
        value = np.array(np.broadcast_to(self.function(distance), (pairs,)), dtype=np.float64)
        for p in range(pairs):
            if not (isfinite(value[p]) and value[p] >= 0):
                raise ValueError(f"kernel must be finite and at least 0; kernel({self.distance[p]:g}) = {value[p]:g}")
            self.influence[p] = value[p]
        return 0

    # ------------------------------------------------------------------ the right-hand side

    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t j, i, p, r = self.r, n = self.n
        cdef double s = t - self.t0, pr, pi, fr, fi, sr, si, im, norm, gr, gi, er, ei, cr, ci
        cdef const double* row
        cdef double* out
        cdef double* zeta = &self.zeta[0]
        cdef const double* dual
        cdef int code
        self.set_theta(t, y)
        if self.rotating:
            for j in range(n):
                self.phase[2 * j] = cos(self.frame[j] * s)
                self.phase[2 * j + 1] = -sin(self.frame[j] * s)
        if not self.has_graph:
            memset(zeta, 0, 2 * r * sizeof(double))
            for j in range(n):
                self.add_row(zeta, y + 2 * r * j, 1.0 / n, 0.0, j)
            self.lower(zeta)
        dual = &self.dual[0] if self.has_metric else zeta
        for j in range(n):
            row = y + 2 * r * j
            out = dy + 2 * r * j
            fr = self.factor_re
            fi = self.factor_im
            if self.has_graph:
                memset(zeta, 0, 2 * r * sizeof(double))
                for p in range(self.indptr[j], self.indptr[j + 1]):
                    self.add_row(zeta, y + 2 * r * self.indices[p], self.data[2 * p], self.data[2 * p + 1],
                                 self.indices[p])
                self.lower(zeta)
                fr = 1
                fi = 0
            if self.rotating:
                pr = self.phase[2 * j]
                pi = -self.phase[2 * j + 1]
                im = fr * pi + fi * pr
                fr = fr * pr - fi * pi
                fi = im
            sr = bracket(dual, row, r, &im)
            # s = conj(f) <zeta, X_j>
            si = fr * im - fi * sr
            sr = fr * sr + fi * im
            if self.normalised:
                norm = self.norm_squared(row)
                if not norm > 0:
                    return 1
                sr /= norm
                si /= norm
            gr = self.half_k * self.theta[j] * fr * self.direction
            gi = self.half_k * self.theta[j] * fi * self.direction
            er = self.half_k * sr * self.direction
            ei = (self.half_k * si + self.omega[j]) * self.direction
            for i in range(0, 2 * r, 2):
                cr = row[i]
                ci = row[i + 1]
                out[i] = gr * zeta[i] - gi * zeta[i + 1] - (er * cr - ei * ci)
                out[i + 1] = gr * zeta[i + 1] + gi * zeta[i] - (er * ci + ei * cr)
        if self.theta_mode == DYNAMIC:
            if self.distant:
                code = self.set_centres(t, y)
                if code != 0:
                    return code
            code = self.align(dy + 2 * n * r)
            if code != 0:
                return code
            for j in range(2 * n):
                dy[2 * n * r + j] *= self.direction
        return 0

    cdef void add_row(self, double* total, const double* row, double re, double im, Py_ssize_t j) noexcept nogil:
        """total += (re + i im) exp(-i frame_j s) row."""
        cdef Py_ssize_t i
        cdef double x
        if self.rotating:
            x = re * self.phase[2 * j] - im * self.phase[2 * j + 1]
            im = re * self.phase[2 * j + 1] + im * self.phase[2 * j]
            re = x
        if im == 0:
            for i in range(2 * self.r):
                total[i] += re * row[i]
        else:
            for i in range(0, 2 * self.r, 2):
                total[i] += re * row[i] - im * row[i + 1]
                total[i + 1] += re * row[i + 1] + im * row[i]

    cdef void lower(self, const double* zeta) noexcept nogil:
        """dual = M zeta, so that <zeta, X>_M = <dual, X>."""
        cdef Py_ssize_t a
        if self.has_metric:
            for a in range(self.r):
                hermitian_row(&self.metric[2 * a * self.r], zeta, self.r, &self.dual[2 * a], &self.dual[2 * a + 1])

    # ------------------------------------------------------------------ what must not happen

    cdef void events(self, double t, const double* y, double* g) noexcept nogil:
        cdef Py_ssize_t j
        cdef double turn = INFINITY, low = INFINITY, high = 0, x, im
        for j in range(self.n):
            x = square(y + 2 * self.r * j, self.r)
            high = max(high, x)
            if self.vanishing > 0:
                low = min(low, x / self.norm0[j])
                x = bracket(&self.reference[2 * self.r * j], y + 2 * self.r * j, self.r, &im)
                turn = min(turn, x / square(&self.reference[2 * self.r * j], self.r))
        g[0] = turn if self.vanishing > 0 else 1.0
        g[1] = low - self.vanishing * self.vanishing if self.vanishing > 0 else 1.0
        g[2] = self.cap - high

    cdef int accepted(self, double t, double* y) noexcept nogil:
        cdef double[::1] swap
        if self.vanishing > 0:
            # the events of this step compare with its beginning
            swap = self.reference
            self.reference = self.last
            self.last = swap
            memcpy(&self.last[0], y, 2 * self.n * self.r * sizeof(double))
        return 0


cdef class MobiusRightHandSide(RightHandSide):
    """dw_j/dtau = -(k/2n) f sum_l B_lj/conj(w_l) with B = 1 - conj(X) X^T (n, n) and f of modulus 1.

    Parameters
    ----------
    rows : (n, r) complex array
        X: coefficients of the states, divided by the norm they tend to.
    coupling : float
    factor : complex
    """

    cdef Py_ssize_t n, r
    cdef double[::1] rows, total
    cdef double re, im

    def __init__(self, rows, double coupling, factor=1.0):
        self.n, self.r = np.shape(rows)
        self.rows = doubles(rows)
        self.total = np.zeros(2 * self.r)
        self.re = -0.5 * coupling / self.n * complex(factor).real
        self.im = -0.5 * coupling / self.n * complex(factor).imag
        self.complex_pairs = True
        self.size = 2 * self.n

    def __reduce__(self):
        raise TypeError("a compiled right-hand side is made anew from its model, and not pickled")

    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t j, i, r = self.r
        cdef double a = 0, b = 0, p, q, norm, re, im
        cdef const double* x
        cdef double* total = &self.total[0]
        memset(total, 0, 2 * r * sizeof(double))
        for j in range(self.n):
            norm = y[2 * j] * y[2 * j] + y[2 * j + 1] * y[2 * j + 1]
            if not norm > 0:
                return 1
            # 1/conj(w) = w/|w|^2
            p = y[2 * j] / norm
            q = y[2 * j + 1] / norm
            a += p
            b += q
            x = &self.rows[2 * r * j]
            for i in range(0, 2 * r, 2):
                total[i] += x[i] * p + x[i + 1] * q
                total[i + 1] += x[i] * q - x[i + 1] * p
        for j in range(self.n):
            x = &self.rows[2 * r * j]
            hermitian_row(x, total, r, &re, &im)
            re = a - re
            im = b - im
            dy[2 * j] = self.re * re - self.im * im
            dy[2 * j + 1] = self.re * im + self.im * re
        return 0


def phases(const double[::1] values, double factor):
    """exp(-i factor values), (n,)."""
    cdef Py_ssize_t i, n = values.shape[0]
    cdef double x
    cdef double[::1] out = np.empty(2 * n)
    with nogil:
        for i in range(n):
            x = factor * values[i]
            out[2 * i] = cos(x)
            out[2 * i + 1] = -sin(x)
    return np.asarray(out).view(complex)
