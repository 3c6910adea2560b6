"""Right-hand sides of the Schrödinger–Lohe models in coefficient form.

Row j of X holds oscillator j in a basis of r vectors with metric M (the identity unless given):

    dX_j/dt = -i w_j X_j + (k/2) (theta_j zeta_j - c_j X_j),   zeta_j = sum_l C_jl X_l,
    s_j = <zeta_j, X_j>_M,   c_j = s_j/<X_j, X_j>_M  or  s_j

for H=0, or in the frame that moves with a common Hamiltonian.  theta follows the Cucker–Smale
equation (alignment.pyx).
"""

from libc.math cimport cos, sin, INFINITY
from libc.string cimport memcpy, memset

import numpy as np

from qsyncplug._ext.alignment cimport Centres, Theta
from qsyncplug._ext.complexes cimport conj, of_parts, scaled
from qsyncplug._ext.complexes cimport square as modulus_squared
from qsyncplug._ext.integrator cimport RightHandSide
from qsyncplug._ext.rows cimport add_row, bracket, quadratic, row_times, square

from qsyncplug._ext.alignment import (
    AlignedTheta, CallableInfluence, ChebyshevCentres, FormulaInfluence, ModeCentres, RelaxingTheta,
    doubles)


# ---------------------------------------------------------------------- what drives an oscillator

cdef class Mixing:
    """zeta_j = factor * sum_l C_jl e^{-i frame_l s} X_l; this base class is the mean of all."""

    cdef Py_ssize_t n, r
    cdef bint common            # the same for every oscillator
    cdef double complex factor

    def __init__(self, Py_ssize_t n, Py_ssize_t r, factor=1.0):
        self.n, self.r = n, r
        self.common = True
        self.factor = factor

    # IN j, y (n rows), phase (n pairs) or NULL; OUT zeta (r pairs), without the factor
    cdef void gather(self, Py_ssize_t j, const double* y, const double* phase,
                     double* zeta) noexcept nogil:
        cdef Py_ssize_t m
        memset(zeta, 0, 2 * self.r * sizeof(double))
        for m in range(self.n):
            add_turned(zeta, y + 2 * self.r * m, 1.0 / self.n,
                       phase + 2 * m if phase != NULL else NULL, self.r)


cdef class GraphMixing(Mixing):
    """C in compressed rows, which are indexed unchecked: the model has checked them."""

    cdef int[::1] indptr, indices
    cdef double[::1] data

    def __init__(self, Py_ssize_t n, Py_ssize_t r, indptr, indices, data):
        super().__init__(n, r)
        self.common = False
        self.indptr = np.array(indptr, dtype=np.intc)
        self.indices = np.array(indices, dtype=np.intc) if len(indices) else np.zeros(1, np.intc)
        self.data = doubles(data)

    # IN j, y (n rows), phase (n pairs) or NULL; OUT zeta (r pairs)
    cdef void gather(self, Py_ssize_t j, const double* y, const double* phase,
                     double* zeta) noexcept nogil:
        cdef Py_ssize_t p, m
        memset(zeta, 0, 2 * self.r * sizeof(double))
        for p in range(self.indptr[j], self.indptr[j + 1]):
            m = self.indices[p]
            add_turned(zeta, y + 2 * self.r * m, of_parts(self.data[2 * p], self.data[2 * p + 1]),
                       phase + 2 * m if phase != NULL else NULL, self.r)


# IN row (r pairs), weight, phase (a pair) or NULL; INOUT total: total += weight phase row
cdef void add_turned(double* total, const double* row, double complex weight, const double* phase,
                     Py_ssize_t r) noexcept nogil:
    cdef Py_ssize_t i
    if phase != NULL:
        weight = weight * of_parts(phase[0], phase[1])
    if weight.imag == 0:
        for i in range(2 * r):
            total[i] += weight.real * row[i]
    else:
        add_row(total, row, weight, r)


# ---------------------------------------------------------------------- what must not happen

cdef class NormWatch:
    """Events of a run: a row turns back or nearly vanishes, or grows without bound.

    A row that passes through zero turns by two right angles within a step; its direction at the
    step's beginning tells.

    Parameters
    ----------
    n, r : int
    rows : (n, r) array or None
        At the start.
    vanishing : float
        Event 1 when a norm falls below this times its start; 0: not watched.
    cap : float
        Event 2 when the square of a norm passes this.
    """

    cdef Py_ssize_t n, r
    cdef double vanishing, cap
    cdef double[::1] reference, last, start

    def __init__(self, Py_ssize_t n, Py_ssize_t r, rows=None, double vanishing=0.0,
                 double cap=INFINITY):
        self.n, self.r, self.vanishing, self.cap = n, r, vanishing, cap
        self.start = np.ones(n)
        if rows is None:
            self.reference, self.last = np.zeros(1), np.zeros(1)
        else:
            self.start = np.sum(np.abs(np.asarray(rows))**2, axis=1)
            self.compare_with(rows)

    def snapshot(self):
        """What the events compare with, for a checkpoint."""
        return [np.array(self.reference), np.array(self.last)]

    def restore(self, saved):
        """Go on from what :meth:`snapshot` gave."""
        reference, last = (np.array(a, dtype=np.float64) for a in saved)
        if reference.shape[0] != self.reference.shape[0] or last.shape[0] != self.last.shape[0]:
            raise ValueError("the snapshot is of another problem, with other rows")
        self.reference, self.last = reference, last

    cdef compare_with(self, rows):
        """Compare the directions of the next step with those of `rows`."""
        self.reference = doubles(rows)
        self.last = self.reference.copy()

    # IN y; OUT g (3,)
    cdef void events(self, const double* y, double* g) noexcept nogil:
        cdef Py_ssize_t j
        cdef double turn = INFINITY, low = INFINITY, high = 0, x
        cdef bint watched = self.vanishing > 0
        for j in range(self.n):
            x = square(y + 2 * self.r * j, self.r)
            high = max(high, x)
            if watched:
                low = min(low, x / self.start[j])
                x = bracket(&self.reference[2 * self.r * j], y + 2 * self.r * j, self.r).real
                turn = min(turn, x / square(&self.reference[2 * self.r * j], self.r))
        g[0] = turn if watched else 1.0
        g[1] = low - self.vanishing * self.vanishing if watched else 1.0
        g[2] = self.cap - high

    # IN y: at the end of a step
    cdef void step_done(self, const double* y) noexcept nogil:
        cdef double[::1] swap
        if self.vanishing > 0:
            # the events of this step compare with its beginning
            swap = self.reference
            self.reference = self.last
            self.last = swap
            memcpy(&self.last[0], y, 2 * self.n * self.r * sizeof(double))


# ---------------------------------------------------------------------- the equations

cdef class LoheRightHandSide(RightHandSide):
    """X, followed by theta where it is dynamic (as complex numbers with imaginary part 0).

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
        Matrices of the centres.
    vanishing, cap, initial
        Of :class:`NormWatch`; `initial` are the rows at the start.
    dynamic : bool
        Keep theta in the state although its influence is constant.
    """

    cdef Py_ssize_t n, r
    cdef double half_k, t0
    cdef public double direction      # -1: backwards in time
    cdef bint normalised, rotating, has_metric
    cdef Mixing mixing
    cdef Theta alignment
    cdef Centres centres
    cdef NormWatch watch
    cdef double[::1] theta, omega, frame, phase, zeta, dual, metric, norm

    def __init__(self, Py_ssize_t n, Py_ssize_t r, double coupling, bint normalised, theta, *,
                 frequencies=None, frame=None, factor=1.0, graph=None, metric=None, influence=None,
                 double alignment=0.0, positions=None, double t0=0.0, double vanishing=0.0,
                 double cap=INFINITY, initial=None, bint dynamic=False):
        self.n, self.r, self.t0 = n, r, t0
        self.half_k = 0.5 * coupling
        self.normalised = normalised
        self.direction = 1.0
        self.complex_pairs = True
        rest = np.zeros(n) if frequencies is None else np.array(frequencies, dtype=np.float64)
        moving = np.zeros(n) if frame is None else np.array(frame, dtype=np.float64)
        self.omega = rest - moving
        self.frame = moving
        # a frame common to all is a phase of the whole system, which the coupling does not see
        self.rotating = bool(np.ptp(moving) > 0) if n else False
        self.phase, self.norm, self.theta = np.zeros(2 * n), np.zeros(n), np.zeros(n)
        self.zeta, self.dual = np.zeros(2 * r), np.zeros(2 * r)
        self.mixing = Mixing(n, r, factor) if graph is None else GraphMixing(n, r, *graph)
        self.has_metric = metric is not None
        self.metric = doubles(metric) if self.has_metric else np.zeros(2)
        self.alignment = self.new_theta(theta, influence, alignment, positions, dynamic)
        self.watch = NormWatch(n, r, initial, vanishing, cap)
        self.size = 2 * n * r + (2 * n if self.alignment.dynamic else 0)

    cdef Theta new_theta(self, theta, influence, double mu, positions, bint dynamic):
        if influence is None or mu == 0:
            return Theta(theta)
        distant = callable(influence) or influence[1] != 0
        if not distant and not dynamic:
            return RelaxingTheta(theta, mu * influence[0], self.t0)
        if distant:
            if positions is None:
                raise ValueError("an influence that depends on the distance needs positions")
            if positions[0] == "modes":
                self.centres = ModeCentres(self.n, *positions[1:], self.t0)
            else:
                self.centres = ChebyshevCentres(self.n, *positions[1:])
        h = CallableInfluence(influence) if callable(influence) else FormulaInfluence(*influence)
        return AlignedTheta(theta, mu, h, self.centres)

    def __reduce__(self):
        raise TypeError("a compiled right-hand side is made anew from its model, and not pickled")

    # ------------------------------------------------------------------ what a caller may change

    def set_theta_values(self, theta):
        """Replace theta where it is not part of the state."""
        self.alignment.replace(theta)

    def set_mode_matrices(self, u):
        """Replace the matrices of x at the start, in mode coordinates."""
        self.centres.replace(u)

    def set_metric(self, metric):
        """Replace the metric."""
        self.metric = doubles(metric)
        self.has_metric = True

    def set_reference(self, y):
        """Compare the directions of the next step with those of `y`."""
        rows = np.ascontiguousarray(y, dtype=np.complex128).ravel()
        self.watch.compare_with(rows[:self.n * self.r])

    def save_reference(self):
        """What the events compare with, for a checkpoint."""
        return self.watch.snapshot()

    def restore_reference(self, saved):
        """Go on from what :meth:`save_reference` gave."""
        self.watch.restore(saved)

    @property
    def initial_norms(self):
        """Norms of the rows at the start."""
        return np.sqrt(np.asarray(self.watch.start))

    @property
    def dynamic_theta(self):
        """Is theta part of the state?"""
        return self.alignment.dynamic

    def theta_at(self, double t):
        """theta at time `t` where it is not part of the state."""
        return self.alignment.values(t)

    # ------------------------------------------------------------------ the right-hand side

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t j, r = self.r, n = self.n
        cdef double* zeta = &self.zeta[0]
        cdef const double* phase = &self.phase[0] if self.rotating else NULL
        cdef bint norms = self.normalised or self.alignment.distant
        self.alignment.at(t, y + 2 * n * r, &self.theta[0])
        if self.rotating:
            for j in range(n):
                self.phase[2 * j] = cos(self.frame[j] * (t - self.t0))
                self.phase[2 * j + 1] = -sin(self.frame[j] * (t - self.t0))
        if norms:
            for j in range(n):
                self.norm[j] = self.norm_squared(y + 2 * r * j)
                if not self.norm[j] > 0:
                    return 1
        if self.mixing.common:
            self.mixing.gather(0, y, phase, zeta)
            self.lower(zeta)
        for j in range(n):
            if not self.mixing.common:
                self.mixing.gather(j, y, phase, zeta)
                self.lower(zeta)
            self.drive(j, y + 2 * r * j, dy + 2 * r * j)
        if self.alignment.dynamic:
            if self.alignment.rates(t, y, &self.norm[0], &self.theta[0], dy + 2 * n * r) != 0:
                with gil:
                    self.error = self.alignment.error
                return -1
            for j in range(2 * n):
                dy[2 * n * r + j] *= self.direction
        return 0

    # IN row j; OUT its derivative
    cdef void drive(self, Py_ssize_t j, const double* row, double* out) noexcept nogil:
        cdef Py_ssize_t i, r = self.r
        cdef double complex f = self.mixing.factor, s, g
        # apart, so that the compiler makes vectors of the loop
        cdef double gr, gi, er, ei, cr, ci
        cdef const double* zeta = &self.zeta[0]
        cdef const double* dual = &self.dual[0] if self.has_metric else zeta
        if self.rotating:
            # back into the frame of row j
            f = f * of_parts(self.phase[2 * j], -self.phase[2 * j + 1])
        s = conj(f) * bracket(dual, row, r)
        if self.normalised:
            s = of_parts(s.real / self.norm[j], s.imag / self.norm[j])
        g = scaled(self.half_k * self.theta[j], f)
        gr = g.real * self.direction
        gi = g.imag * self.direction
        er = self.half_k * s.real * self.direction
        ei = (self.half_k * s.imag + self.omega[j]) * self.direction
        for i in range(0, 2 * r, 2):
            cr = row[i]
            ci = row[i + 1]
            out[i] = gr * zeta[i] - gi * zeta[i + 1] - (er * cr - ei * ci)
            out[i + 1] = gr * zeta[i + 1] + gi * zeta[i] - (er * ci + ei * cr)

    # IN row (r pairs)
    cdef double norm_squared(self, const double* row) noexcept nogil:
        if self.has_metric:
            return quadratic(row, &self.metric[0], self.r)
        return square(row, self.r)

    # IN zeta (r pairs); sets dual
    cdef void lower(self, const double* zeta) noexcept nogil:
        """dual = M zeta, so that <zeta, X>_M = <dual, X>."""
        cdef double complex* dual = <double complex*>&self.dual[0]
        cdef Py_ssize_t a
        if self.has_metric:
            for a in range(self.r):
                dual[a] = row_times(&self.metric[2 * a * self.r], zeta, self.r)

    # IN t, y; OUT g (3,)
    cdef void events(self, double t, const double* y, double* g) noexcept nogil:
        self.watch.events(y, g)

    # IN t, y
    cdef int accepted(self, double t, double* y) noexcept nogil:
        self.watch.step_done(y)
        return 0


cdef class MobiusRightHandSide(RightHandSide):
    """dw_j/dtau = -(k/2n) f sum_l B_lj/conj(w_l) with B = 1 - conj(X) X^T and f of modulus 1.

    Parameters
    ----------
    rows : (n, r) complex array
        X: coefficients of the states, divided by the norm they tend to.
    coupling : float
    factor : complex
    """

    cdef Py_ssize_t n, r
    cdef double[::1] rows, total
    cdef double complex rate

    def __init__(self, rows, double coupling, factor=1.0):
        self.n, self.r = np.shape(rows)
        self.rows = doubles(rows)
        self.total = np.zeros(2 * self.r)
        self.rate = -0.5 * coupling / self.n * complex(factor)
        self.complex_pairs = True
        self.size = 2 * self.n

    def __reduce__(self):
        raise TypeError("a compiled right-hand side is made anew from its model, and not pickled")

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t j, i, r = self.r
        cdef double norm
        cdef double complex inverse, sum = 0
        cdef const double complex* w = <const double complex*>y
        cdef double complex* change = <double complex*>dy
        cdef const double* x
        cdef double* total = &self.total[0]
        memset(total, 0, 2 * r * sizeof(double))
        for j in range(self.n):
            norm = modulus_squared(w[j])
            if not norm > 0:
                return 1
            # 1/conj(w) = w/|w|^2
            inverse = of_parts(w[j].real / norm, w[j].imag / norm)
            sum = sum + inverse
            x = &self.rows[2 * r * j]
            # apart, so that the compiler makes vectors of the loop
            for i in range(0, 2 * r, 2):
                total[i] += x[i] * inverse.real + x[i + 1] * inverse.imag
                total[i + 1] += x[i] * inverse.imag - x[i + 1] * inverse.real
        for j in range(self.n):
            change[j] = self.rate * (
                sum - row_times(&self.rows[2 * r * j], total, r))
        return 0


def phases(
    const double[::1] values,   # IN (n,)
    double factor,              # IN
):
    """exp(-i factor values), (n,)."""
    cdef Py_ssize_t i, n = values.shape[0]
    cdef double x
    cdef double complex[::1] out = np.empty(n, complex)
    with nogil:
        for i in range(n):
            x = factor * values[i]
            out[i] = of_parts(cos(x), -sin(x))
    return np.asarray(out)
