"""Quantum jumps: kets under −iH−½ΣA†A until their norm falls below a random number, then a jump.

Between jumps a ket is a polynomial of time, ψ(t+θh)=Σ θ^k (hM)^k ψ/k!, k ≤ ORDER: outputs and the
moment of a jump are read off it without further products. Steps are as long as its last terms
allow.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport exp, fabs, isfinite, pow, sqrt, INFINITY
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

import time

import numpy as np

from qsyncplug._ext.kets cimport add_dyad, apply, normalise, sandwich, squared_norm
from qsyncplug._ext.liouvillian cimport QL_FUNCTIONS, QL_RING, Generator, ql_table
from qsyncplug._ext.status cimport INTERRUPTED, NON_FINITE, RUNNING, STEP_LIMIT

cdef extern from "random.h" nogil:
    uint64_t qs_mix(uint64_t z)         # IN z

cdef enum:
    ORDER = 24
    POWERS = 12             # of time, in a window
    KEPT = 8                # jumps whose memory a trajectory takes that keeps none


cdef struct Work:
    # of one thread; real and imaginary parts of kets are apart, as in the generator's kernels
    double* rows            # ORDER + 2 rows as the generator's, padded with zeros
    double* ket             # (2 d): a ket at an output or behind a jump
    double* other           # (2 d)
    double* kets            # (T, 2 d) where states are wanted, else (1, 2 d): at the last time
    double* values          # (T, 2 functionals)
    double* jump_time
    int* jump_channel
    Py_ssize_t jumps, room
    double[ORDER + 1] norm  # of the terms
    int order               # of the terms in use
    uint64_t random
    long long steps, rejected
    double next_step
    Py_ssize_t window       # of the coefficients that depend on time
    double[QL_FUNCTIONS * (POWERS + 1)] g   # their Taylor coefficients in the present step


cdef inline double uniform(Work* w) noexcept nogil:
    """INOUT w.  In (0, 1)."""
    w.random += <uint64_t>0x9E3779B97F4A7C15
    return (<double>(qs_mix(w.random) >> 11) + 0.5) / 9007199254740992.0


cdef class Unravelling:
    """Trajectories of a master equation; runs of it may overlap in threads.

    Parameters
    ----------
    generator : Generator
        M on kets, in its phases.
    jumps : tuple (start (n (d+1),), column, value)
        The jump operators in the same phases, row by row, one after the other.
    kets : array (m, 2 d)
        Initial kets: real, then imaginary parts.
    weights : array (m,)
        Their probabilities, added up.
    functionals : tuple (start, row, column, value)
        Expectation values Σ value ψ̄[row] ψ[column], in the same phases.
    times : array (T,)
    shift : double
        Taken out of M: half of a typical rate, negative.
    step : double
        The first step to be tried.
    tolerance : double
        Of the last terms, and of the moment of a jump (times the step).
    nsteps : int
        Steps of one trajectory.
    seed : int
    states : bool
        Whether density matrices are summed at every time, not at the last alone; −1: not at all.
    moving : tuple, optional
        What depends on time: generators M_l, edges (W+1,) of windows, polynomials f_l
        (W, parts, POWERS+1) of the time in a window in units of its length, and those by which the
        rates of the channels are multiplied (W, channels, POWERS+1); M + Σ f_l M_l on kets.
    """

    cdef Generator generator
    cdef const Py_ssize_t[::1] start, column, read_start, read_row, read_column
    cdef const double complex[::1] value, read_value
    cdef const double[:, ::1] kets
    cdef const double[::1] weights, times
    cdef double shift, step, tolerance
    cdef long long nsteps
    cdef uint64_t seed
    cdef int states
    cdef Py_ssize_t channels, d, functionals
    cdef public bint cancelled
    cdef object raised
    cdef public dict record
    cdef public Py_ssize_t room
    cdef list parts
    cdef Py_ssize_t moving
    cdef const ql_table* tables[QL_FUNCTIONS]
    cdef const double[::1] edges
    cdef const double[:, :, ::1] polynomials, rates

    # everything IN
    def __init__(self, Generator generator, jumps, const double[:, ::1] kets, weights, functionals,
                 times, double shift, double step, double tolerance, long long nsteps, seed,
                 int states, moving=None):
        cdef Generator part
        self.generator = generator
        self.d = generator.dimension
        self.start, self.column, self.value = jumps
        self.channels = self.start.shape[0] // (self.d + 1)
        self.kets = kets
        self.weights, self.times = weights, times
        self.read_start, self.read_row, self.read_column, self.read_value = functionals
        self.functionals = self.read_start.shape[0] - 1
        self.shift, self.step, self.tolerance, self.nsteps = shift, step, tolerance, nsteps
        self.seed = <uint64_t>(int(seed) & 0xFFFFFFFFFFFFFFFF)
        self.states, self.cancelled = states, False
        # (times, channels) of the jumps of each trajectory, up to so many jumps and KEPT for each
        self.record, self.room = {}, 2_000_000
        self.parts, self.moving = [], 0
        if moving is None:
            return
        self.parts, self.edges, self.polynomials, self.rates = moving
        self.moving = len(self.parts)
        if not 0 < self.moving <= QL_FUNCTIONS or self.rates.shape[1] != self.channels:
            raise ValueError("moving: parts or rates do not fit")
        for k, part in enumerate(self.parts):
            if part.size != generator.size or part.pad != generator.pad:
                raise ValueError("the parts must act on the same kets")
            self.tables[<Py_ssize_t>k] = &part.table

    @property
    def width(self):
        """Numbers summed for one trajectory, without density matrices."""
        return self.times.shape[0] * 2 * self.functionals

    @property
    def held(self):
        """Density matrices summed."""
        return self.times.shape[0] if self.states > 0 else 1 if self.states == 0 else 0

    def run(self, Py_ssize_t first, Py_ssize_t count, double deadline=INFINITY):
        """Trajectories `first` to `first + count`.

        Returns
        -------
        sums : array
            Of the functionals (T, 2 F: real, imaginary, …), then of the density matrices ψψ†, in
            the generator's phases.
        squares : array (T 2 F,)
        steps, rejected, done : int
        error : exception or None
            Why they are not all: OverflowError (more than `nsteps` steps), TimeoutError,
            FloatingPointError, MemoryError, KeyboardInterrupt.
        """
        cdef Py_ssize_t width = self.width, held = self.held, k, i, done = 0
        cdef double[::1] sums = np.zeros(width + 2 * held * self.d * self.d)
        cdef double[::1] squares = np.zeros(width)
        cdef Work w
        cdef int code = RUNNING
        stop = None
        try:
            self.begin(&w)
            while code == RUNNING and done < count:
                with nogil:
                    code = self.trajectory(&w, first + done, deadline)
                    if code == RUNNING:
                        for i in range(width):
                            sums[i] += w.values[i]
                            squares[i] += w.values[i] * w.values[i]
                        for k in range(held):
                            i = width + 2 * self.d * self.d * k
                            add_dyad(self.d, w.kets + 2 * self.d * k, &sums[i])
                if code == RUNNING:
                    self.keep(&w, first + done)
                    done += 1
                    if done < count and done % 64 == 0 and self.must_stop(deadline):  # no steps
                        code = INTERRUPTED
        except MemoryError as error:
            stop = error
        finally:
            self.end(&w)
        if code == INTERRUPTED:
            stop = self.why(deadline)
        elif code == STEP_LIMIT:
            stop = OverflowError("too many steps in one trajectory")
        elif code == NON_FINITE:
            stop = FloatingPointError("a ket is not finite")
        return np.asarray(sums), np.asarray(squares), w.steps, w.rejected, done, stop

    # ------------------------------------------------------------ memory

    cdef int begin(self, Work* w) except -1:
        """OUT w: its memory."""
        cdef Py_ssize_t d = self.d
        cdef Py_ssize_t row = self.generator.row * (ORDER + 2)
        memset(w, 0, sizeof(Work))
        w.rows = <double*>malloc(row * sizeof(double))
        w.ket = <double*>malloc(2 * d * sizeof(double))
        w.other = <double*>malloc(2 * d * sizeof(double))
        w.kets = <double*>malloc(2 * d * max(self.held, 1) * sizeof(double))
        w.values = <double*>malloc(max(self.width, 1) * sizeof(double))
        w.room = 256
        w.jump_time = <double*>malloc(w.room * sizeof(double))
        w.jump_channel = <int*>malloc(w.room * sizeof(int))
        if not (w.rows and w.ket and w.other and w.kets and w.values and w.jump_time
                and w.jump_channel):
            raise MemoryError("no memory for a trajectory")
        memset(w.rows, 0, row * sizeof(double))
        return 0

    # INOUT w
    cdef void end(self, Work* w):
        free(w.rows)
        free(w.ket)
        free(w.other)
        free(w.kets)
        free(w.values)
        free(w.jump_time)
        free(w.jump_channel)

    # IN w, number
    cdef keep(self, Work* w, Py_ssize_t number):
        """Keep when and where the trajectory jumped."""
        if self.room < w.jumps + KEPT:
            self.room = -1
            return
        cdef Py_ssize_t k
        self.put(number, np.array([w.jump_time[k] for k in range(w.jumps)]),
                 np.array([w.jump_channel[k] for k in range(w.jumps)], dtype=np.intp))

    def put(self, Py_ssize_t number, times, channels):
        """Keep the jumps of a trajectory, of this run or of one that is resumed."""
        self.room -= len(times) + KEPT
        self.record[number] = times, channels

    def why(self, double deadline):
        """The reason to stop, as an exception."""
        try:
            PyErr_CheckSignals()
        except BaseException as error:
            return error
        if self.raised is not None:
            return self.raised
        if self.cancelled:
            return KeyboardInterrupt()
        return TimeoutError("the deadline has passed")

    cdef bint must_stop(self, double deadline) noexcept nogil:
        with gil:
            try:
                PyErr_CheckSignals()
            except BaseException as error:
                self.raised = error     # that of a handler: another one than KeyboardInterrupt too
                self.cancelled = True
            return self.cancelled or time.perf_counter() > deadline

    # ------------------------------------------------------------ one trajectory

    # IN w, k
    cdef double* real(self, Work* w, int k) noexcept nogil:
        return w.rows + k * self.generator.row + self.generator.pad

    # IN w, k
    cdef double* imaginary(self, Work* w, int k) noexcept nogil:
        return w.rows + k * self.generator.row + 2 * self.generator.pad + self.d

    cdef int trajectory(self, Work* w, Py_ssize_t number, double deadline) except -1 nogil:
        """OUT w.values, w.kets and the jumps of one trajectory; returns a ``Status``."""
        cdef Py_ssize_t at = 0, T = self.times.shape[0], k = 0
        cdef double t = self.times[0], end = self.times[T - 1], h, theta, left, norm, where
        cdef long long taken = 0
        w.random = qs_mix(self.seed + <uint64_t>0x9E3779B97F4A7C15 * <uint64_t>(2 * number + 1))
        w.jumps = 0
        w.next_step = self.step
        w.window = 0
        norm = uniform(w)
        while k < self.kets.shape[0] - 1 and norm > self.weights[k]:
            k += 1
        self.load(w, &self.kets[k, 0])
        left = uniform(w)
        self.output(w, 0, &self.kets[k, 0])
        at = 1
        while at < T:
            # counted over all trajectories: a short one alone never comes to a look
            if w.steps % 64 == 63 and self.must_stop(deadline):
                return INTERRUPTED
            taken += 1
            w.steps += 1
            if taken > self.nsteps:
                return STEP_LIMIT
            h = w.next_step
            if h > end - t:
                h = end - t
            if self.moving:
                h = self.into_window(w, t, h)
            theta = self.expand(w, h)
            if theta < 0:
                return NON_FINITE
            norm = self.squared(w, theta, h)
            if norm > left:
                at = self.outputs(w, at, t, theta, h)
                self.evaluate(w, theta, h, w.ket)
                t = end if theta == 1.0 and h == end - t else t + theta * h
                # rounding must not leave a sliver of a window
                if self.moving and fabs(t - self.edges[w.window + 1]) <= 1e-14 * h:
                    t = self.edges[w.window + 1]
                left /= norm
                normalise(self.d, w.ket, norm)
            else:
                where = self.locate(w, theta, h, left)
                at = self.outputs(w, at, t, where, h)
                self.evaluate(w, where, h, w.ket)
                t += where * h
                self.jump(w, t)
                left = uniform(w)
            self.load(w, w.ket)
        return RUNNING

    cdef double into_window(self, Work* w, double t, double h) noexcept nogil:
        """OUT w.window, w.g: of a step h (IN) from t (IN); returns what of it lies in there."""
        cdef Py_ssize_t part, i, j, last = self.edges.shape[0] - 2
        cdef double length, s, power
        cdef double* g
        while w.window < last and t >= self.edges[w.window + 1]:
            w.window += 1
        length = self.edges[w.window + 1] - self.edges[w.window]
        if w.window < last and h > self.edges[w.window + 1] - t:
            h = self.edges[w.window + 1] - t
        s = (t - self.edges[w.window]) / length
        for part in range(self.moving):
            g = &w.g[part * (POWERS + 1)]
            for i in range(POWERS + 1):
                g[i] = self.polynomials[w.window, part, i]
            # about s, by repeated division
            for i in range(POWERS):
                for j in range(POWERS - 1, i - 1, -1):
                    g[j] += s * g[j + 1]
            power = 1
            for i in range(POWERS + 1):
                g[i] *= power
                power *= h / length
        return h

    cdef double rate(self, Work* w, Py_ssize_t channel, double t) noexcept nogil:
        """By what the rate of a channel (IN) is multiplied at t (IN), in w.window (IN)."""
        cdef Py_ssize_t i
        cdef double s, out = 0
        if not self.moving:
            return 1
        s = (t - self.edges[w.window]) / (self.edges[w.window + 1] - self.edges[w.window])
        for i in range(POWERS, -1, -1):
            out = out * s + self.rates[w.window, channel, i]
        return out if out > 0 else 0

    # INOUT w; IN k, h
    cdef double add_moving(self, Work* w, int k, double h) noexcept nogil:
        """What depends on time, to the term k; returns its squared norm."""
        cdef double* re = self.real(w, ORDER + 1)
        cdef double* im = self.imaginary(w, ORDER + 1)
        cdef const double* a = self.real(w, 0)
        cdef const double* b = self.imaginary(w, 0)
        cdef double norm = 0, g
        cdef Py_ssize_t part, i, j, row = self.generator.row
        for part in range(self.moving):
            memset(re, 0, (2 * self.d + self.generator.pad) * sizeof(double))
            for j in range(min(k, POWERS + 1)):
                g = w.g[part * (POWERS + 1) + j]
                for i in range((k - 1 - j) * row, (k - 1 - j) * row + self.d):
                    re[i - (k - 1 - j) * row] += g * a[i]
                    im[i - (k - 1 - j) * row] += g * b[i]
            norm = self.generator.kernels.product(
                self.tables[part], h / k, 0.0, 1.0, re, im, self.real(w, k), self.imaginary(w, k),
                self.real(w, k), self.imaginary(w, k))
        return norm

    # IN ket (2 d,); OUT w.rows
    cdef void load(self, Work* w, const double* ket) noexcept nogil:
        memcpy(self.real(w, 0), ket, self.d * sizeof(double))
        memcpy(self.imaginary(w, 0), ket + self.d, self.d * sizeof(double))

    cdef double expand(
        self,
        Work* w,            # INOUT rows, norm, order, next_step
        double h,           # IN
    ) noexcept nogil:
        """The terms (h(M−shift))^k ψ/k!; returns the part of h that they are good for, −1: none."""
        cdef int k, quiet = 0, looked = POWERS + 2 if self.moving else 2
        cdef double theta, bound, norm
        cdef double small = 0.1 * self.tolerance
        w.norm[0] = 1
        w.order = ORDER
        for k in range(1, ORDER + 1):
            norm = self.generator.kernels.product(
                &self.generator.table, h / k, self.shift, 0.0, self.real(w, k - 1),
                self.imaginary(w, k - 1), NULL, NULL, self.real(w, k), self.imaginary(w, k))
            if self.moving:
                norm = self.add_moving(w, k, h)
            w.norm[k] = sqrt(norm)
            if not isfinite(w.norm[k]) or w.norm[k] > 1e250:
                # so long a step says nothing: shorter from here on, with the terms there are
                w.order = k - 1
                w.rejected += 1
                break
            # a coefficient that begins as a power of time leaves out as many terms
            quiet = quiet + 1 if w.norm[k] < 1e-2 * small else 0
            if quiet >= looked:
                w.order = k
                w.next_step = h * (4.0 if k < 8 else 1.5)
                return 1.0
        if w.order < 2:
            return -1
        theta = 1.0
        for k in range(1, w.order + 1):
            # terms so large would leave their rounding behind
            if w.norm[k] > 1e3:
                bound = pow(1e3 / w.norm[k], 1.0 / k)
                theta = bound if bound < theta else theta
        bound = INFINITY
        for k in range(max(w.order + 1 - looked, 1), w.order + 1):
            if w.norm[k] > 0:
                bound = min(bound, pow(small / w.norm[k], 1.0 / k))
        w.next_step = h * min(min(bound, 3.0 * theta), 3.0)
        if w.next_step < 1e-2 * h:
            w.next_step = 1e-2 * h
        return bound if bound < theta else theta

    cdef void evaluate(self, Work* w, double theta, double h, double* out) noexcept nogil:
        """OUT out (2 d): the ket at t+θh."""
        cdef double[ORDER + 1] c
        cdef const double* f[QL_RING]
        cdef int k, first, count
        cdef double power = exp(self.shift * theta * h)
        for k in range(w.order + 1):
            c[k] = power
            power *= theta
        memset(out, 0, 2 * self.d * sizeof(double))
        first = 0
        while first <= w.order:
            count = QL_RING if w.order + 1 - first > QL_RING else w.order + 1 - first
            for k in range(count):
                f[k] = self.real(w, first + k)
            self.generator.kernels.combine(1, self.d, count, f, &c[first], ORDER + 1, out,
                                           2 * self.d)
            for k in range(count):
                f[k] = self.imaginary(w, first + k)
            self.generator.kernels.combine(1, self.d, count, f, &c[first], ORDER + 1,
                                           out + self.d, 2 * self.d)
            first += count

    # IN theta, h; INOUT w
    cdef double squared(self, Work* w, double theta, double h) noexcept nogil:
        """Squared norm at t+θh; the ket there is in w.ket."""
        self.evaluate(w, theta, h, w.ket)
        return squared_norm(self.d, w.ket)

    # INOUT w; IN high, h, left
    cdef double locate(self, Work* w, double high, double h, double left) noexcept nogil:
        """θ at which the squared norm is `left`: false position with halving (Illinois)."""
        cdef double low = 0, above = 1 - left, below = self.squared(w, high, h) - left
        cdef double theta = high, value
        cdef int side = 0
        for _ in range(100):
            if below == 0 or high - low <= 1e-15 * high:
                return high
            theta = (low * below - high * above) / (below - above)
            if not (low < theta < high):
                theta = 0.5 * (low + high)
            value = self.squared(w, theta, h) - left
            if fabs(value) <= self.tolerance * left:
                return theta
            if value > 0:
                low = theta
                above = value
                below = 0.5 * below if side > 0 else below
                side = 1
            else:
                high = theta
                below = value
                above = 0.5 * above if side < 0 else above
                side = -1
        return theta

    # INOUT w; IN at, t, theta, h
    cdef Py_ssize_t outputs(self, Work* w, Py_ssize_t at, double t, double theta,
                            double h) noexcept nogil:
        """Deliver the outputs up to t+θh; returns the first of those that are left."""
        cdef double here
        cdef bint end = theta == 1.0 and h == self.times[self.times.shape[0] - 1] - t
        while at < self.times.shape[0]:
            here = (self.times[at] - t) / h
            if here > theta:
                if not end:
                    break
                # rounding of the last step
                here = theta
            normalise(self.d, w.other, self.into(w, here, h))
            self.output(w, at, w.other)
            at += 1
        return at

    # OUT w.other; IN theta, h
    cdef double into(self, Work* w, double theta, double h) noexcept nogil:
        self.evaluate(w, theta, h, w.other)
        return squared_norm(self.d, w.other)

    cdef void output(self, Work* w, Py_ssize_t at, const double* ket) noexcept nogil:
        """OUT the functionals of a normalised ket, and the ket where it is wanted."""
        cdef Py_ssize_t f, first, d = self.d
        cdef double complex* out = <double complex*>w.values + at * self.functionals
        for f in range(self.functionals):
            first = self.read_start[f]
            out[f] = sandwich(self.read_start[f + 1] - first, &self.read_row[first],
                              &self.read_column[first], &self.read_value[first], d, ket)
        if self.states > 0:
            memcpy(w.kets + 2 * d * at, ket, 2 * d * sizeof(double))
        elif self.states == 0 and at == self.times.shape[0] - 1:
            memcpy(w.kets, ket, 2 * d * sizeof(double))

    cdef double apply_jump(self, Py_ssize_t channel, const double* x, double* out) noexcept nogil:
        """OUT out: A x; returns its squared norm."""
        apply(&self.start[channel * (self.d + 1)], &self.column[0], &self.value[0], self.d, x, out)
        return squared_norm(self.d, out)

    cdef int jump(self, Work* w, double t) except -1 nogil:
        """INOUT w.ket: the ket behind a jump, normalised; the jump is kept."""
        cdef Py_ssize_t k, chosen = -1
        cdef double total = 0, so_far = 0, size = 0, bound
        cdef void* more
        for k in range(self.channels):
            total += self.rate(w, k, t) * self.apply_jump(k, w.ket, w.other)
        bound = uniform(w) * total
        for k in range(self.channels):
            size = self.apply_jump(k, w.ket, w.other)
            so_far += self.rate(w, k, t) * size
            if so_far >= bound and size > 0 and self.rate(w, k, t) > 0:
                chosen = k
                break
        if chosen < 0:
            # nothing to jump with: rounding took the norm
            normalise(self.d, w.ket, squared_norm(self.d, w.ket))
            return 0
        memcpy(w.ket, w.other, 2 * self.d * sizeof(double))
        normalise(self.d, w.ket, size)
        if w.jumps == w.room:
            more = realloc(w.jump_time, 2 * w.room * sizeof(double))
            if more != NULL:
                w.jump_time = <double*>more
                more = realloc(w.jump_channel, 2 * w.room * sizeof(int))
            if more == NULL:
                with gil:
                    raise MemoryError("no memory for the jumps of a trajectory")
            w.jump_channel = <int*>more
            w.room *= 2
        w.jump_time[w.jumps] = t
        w.jump_channel[w.jumps] = <int>chosen
        w.jumps += 1
        return 0
