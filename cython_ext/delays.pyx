"""Kuramoto's model with delays: Dormand and Prince's method, which reads the past from its own
dense output.

dx_i/dt = omega_i + gain_i factor(t) sum_e w_e sin(x_j(t - tau_e) - x_i - lag), e the edges into i,
j their sources; with inertia, m_i dv_i/dt is that less v_i and dx_i/dt = v_i.
"""

from libc.math cimport INFINITY, cos, fabs, fmax, fmin, sin
from libc.string cimport memcpy, memset

import numpy as np

from qsyncplug._ext.circle_kernels cimport qc_kernels, qc_select
from qsyncplug._ext.complexes cimport of_parts, scaled
from qsyncplug._ext.integrator cimport RightHandSide
from qsyncplug._ext.status cimport RHS_FAILED, RUNNING, STEP_LIMIT
from qsyncplug._ext.step cimport Step

cdef extern from "dop853.h" nogil:
    # dop853.h says what is IN and OUT
    void dop853_interpolate(ptrdiff_t n, double x, const double* y0, double** F, double* out)

cdef enum:
    TERMS = 16     # of the Chebyshev series of the mean in a piece
    PARTS = 8      # numbers a particle and piece: position at its beginning and the dense output


def chebyshev_points():
    """Points of [0, 1] at which the mean is looked at in every piece."""
    return 0.5 + 0.5 * np.cos((2 * np.arange(TERMS) + 1) * np.pi / (2 * TERMS))


def chebyshev_matrix():
    """From values at those points to the coefficients of the series."""
    angle = (2 * np.arange(TERMS) + 1) * np.pi / (2 * TERMS)
    matrix = 2.0 / TERMS * np.cos(np.outer(np.arange(TERMS), angle))
    matrix[0] /= 2
    return matrix


cdef class History:
    """Pieces of the past, one behind the other; the oldest are forgotten.

    Parameters
    ----------
    width : int
        Numbers of a piece.
    """

    cdef double[::1] begin, length
    cdef double[:, ::1] data
    cdef Py_ssize_t first, count, width

    def __init__(self, Py_ssize_t width):
        self.width = width
        self.begin, self.length, self.data = np.zeros(64), np.zeros(64), np.zeros((64, width))

    cdef double* add(self, double begin, double length, double oldest):
        """Room for the next piece; those that end before `oldest` go."""
        cdef Py_ssize_t size = self.begin.shape[0], at
        while self.count > 1 and self.begin[self.first] + self.length[self.first] < oldest:
            self.first += 1
            self.count -= 1
        if self.first + self.count == size:
            keep = slice(self.first, self.first + self.count)
            # half of the room free, so that moving is rare
            room = max(64, 2 * self.count)
            for name in ("begin", "length"):
                old = np.asarray(getattr(self, "_" + name)())
                new = np.zeros(room)
                new[:self.count] = old[keep]
                if name == "begin":
                    self.begin = new
                else:
                    self.length = new
            old = np.asarray(self.data)
            new = np.zeros((room, self.width))
            new[:self.count] = old[keep]
            self.data = new
            self.first = 0
        at = self.first + self.count
        self.begin[at], self.length[at] = begin, length
        self.count += 1
        return &self.data[at, 0]

    def _begin(self):
        return self.begin

    def _length(self):
        return self.length

    cdef double* newest(self) noexcept nogil:
        """The latest piece, emptied."""
        cdef double* room = &self.data[self.first + self.count - 1, 0]
        memset(room, 0, self.width * sizeof(double))
        return room

    cdef Py_ssize_t find(self, double t, Py_ssize_t guess) noexcept nogil:
        """The piece that holds t, looked for from a guess on; the latest that begins there."""
        cdef Py_ssize_t last = self.first + self.count - 1
        if guess < self.first or guess > last:
            guess = last
        while guess < last and t >= self.begin[guess + 1]:
            guess += 1
        while guess > self.first and t < self.begin[guess]:
            guess -= 1
        return guess

    def snapshot(self):
        """The pieces, as arrays."""
        keep = slice(self.first, self.first + self.count)
        return {"begin": np.asarray(self.begin)[keep].copy(),
                "length": np.asarray(self.length)[keep].copy(),
                "data": np.asarray(self.data)[keep].copy()}

    def restore(self, saved):
        """Take the pieces of a snapshot."""
        self.begin, self.length = np.array(saved["begin"], float), np.array(saved["length"], float)
        self.data = np.array(saved["data"], float, order="C")
        self.first, self.count = 0, self.begin.shape[0]


cdef class Delayed(Step):
    """Particles that see each other as they were.

    Parameters
    ----------
    omega, gain : (n,) array
    lag : float
    mass : (n,) array or None
    factor : callable or None
        Of the force, of the time.
    rtol, atol : float
    max_step : float
        Not above the shortest delay.
    """

    cdef const qc_kernels* kernels
    cdef Py_ssize_t count, slots, groups          # particles, ...
    cdef double[::1] omega, gain, mass, weights, breaks
    cdef double[::1] taus
    cdef double complex[::1] turn, edge_weight
    # sines and cosines apart, as their kernel gives them
    cdef double[::1] past_x, past_s, past_c, here_s, here_c
    cdef double complex[::1] past                 # of every slot
    cdef double[:, ::1] transform
    cdef double[::1] points
    cdef Py_ssize_t[::1] group_start, source, edge_start, edge_slot, guesses
    cdef readonly double tau_max
    cdef double complex lag                       # exp(-i lag)
    # the past is read this much later: behind a jump, or before it
    cdef double side, slack
    cdef readonly History history
    cdef bint mean_field, at_break
    cdef Py_ssize_t next_break
    cdef object factor
    cdef public object raised

    def __init__(self, omega, gain, double lag, mass=None, factor=None, double rtol=1e-10,
                 double atol=1e-12, double max_step=INFINITY):
        self.kernels = qc_select(-1)
        self.omega, self.gain = np.array(omega, float), np.array(gain, float)
        self.count = self.omega.shape[0]
        if self.gain.shape[0] != self.count or (mass is not None and len(mass) != self.count):
            raise ValueError(f"gain and mass must hold {self.count} numbers")
        self.mass = None if mass is None else np.array(mass, float)
        self.allocate(self.count if mass is None else 2 * self.count, 1, np.full(1, atol))
        self.worst = True
        self.lag = of_parts(cos(lag), -sin(lag))
        self.factor, self.rtol, self.max_step = factor, rtol, max_step
        self.here_s, self.here_c = np.zeros(self.count), np.zeros(self.count)

    def everybody(self, weights, double tau, double turn):
        """All act on all, with one delay; `turn` is by how much the frame has turned in that time.
        """
        self.mean_field = True
        self.weights = np.array(weights, float)
        if self.weights.shape[0] != self.count:
            raise ValueError(f"weights must hold {self.count} numbers")
        self.taus, self.tau_max = np.full(1, tau), tau
        self.turn = np.full(1, np.exp(-1j * turn))
        self.points, self.transform = chebyshev_points(), chebyshev_matrix()
        self.past_x = np.zeros(self.count)
        self.past_s, self.past_c = np.zeros(self.count), np.zeros(self.count)
        self.guesses = np.zeros(1, np.intp)
        self.history = History(2 * TERMS)

    def edges(self, taus, turns, group_start, source, edge_start, edge_slot, edge_weight):
        """Who acts on whom: slots (a source at a delay) by groups of one delay, edges by rows of
        targets, of complex weights: with a lag of its own, an edge has the weight w exp(-i lag).
        """
        self.mean_field = False
        self.taus = np.array(taus, float)
        self.groups = self.taus.shape[0]
        self.tau_max = float(np.max(taus, initial=0.0))
        self.turn = np.exp(-1j * np.asarray(turns, float))
        self.group_start, self.source = np.array(group_start, np.intp), np.array(source, np.intp)
        self.edge_start = np.array(edge_start, np.intp)
        self.edge_slot = np.array(edge_slot, np.intp)
        self.edge_weight = np.array(edge_weight, complex)
        self.slots = self.source.shape[0]
        if (self.group_start.shape[0] != self.groups + 1
                or self.edge_start.shape[0] != self.count + 1
                or self.edge_slot.shape[0] != self.edge_weight.shape[0]
                or self.edge_start[self.count] != self.edge_slot.shape[0]
                or self.group_start[self.groups] != self.slots
                or np.any(np.diff(edge_start) < 0) or np.any(np.diff(group_start) < 0)):
            raise ValueError("groups, slots and edges do not fit each other")
        for values, top in ((source, self.count), (edge_slot, self.slots)):
            if len(values) and not 0 <= np.min(values) <= np.max(values) < top:
                raise ValueError(f"numbers of sources and slots must be below {top}")
        self.past_x = np.zeros(self.slots + 1)
        self.past_s, self.past_c = np.zeros(self.slots + 1), np.zeros(self.slots + 1)
        self.past = np.zeros(self.slots + 1, complex)
        self.guesses = np.zeros(self.groups, np.intp)
        self.history = History(PARTS * self.count)

    # ------------------------------------------------------------------ the past

    def remember(self, double begin, double length, values):
        """A piece of the given past: its Chebyshev series, or positions and dense output."""
        cdef const double[::1] numbers = np.ascontiguousarray(values, dtype=np.float64).ravel()
        if numbers.shape[0] != self.history.width:
            raise ValueError(f"a piece must hold {self.history.width} numbers")
        cdef double* room = self.history.add(begin, length, -INFINITY)
        memcpy(room, &numbers[0], self.history.width * sizeof(double))

    cdef double complex mean_at(self, double t) noexcept nogil:
        """Clenshaw's sum of the series of the piece that holds t."""
        cdef Py_ssize_t p = self.history.find(t + self.side, self.guesses[0]), k
        cdef double x = 2 * (t - self.history.begin[p]) / self.history.length[p] - 1
        cdef const double complex* c = <const double complex*>&self.history.data[p, 0]
        cdef double complex a = 0, b = 0, keep
        self.guesses[0] = p
        for k in range(TERMS - 1, 0, -1):
            keep = a
            a = scaled(2 * x, a) - b + c[k]
            b = keep
        return scaled(x, a) - b + c[0]

    # IN t, y (n,)
    cdef void slots_at(self, double t, const double* y) noexcept nogil:
        """Positions of the sources as they were."""
        cdef Py_ssize_t g, p, k, j, n = self.count
        cdef double s, x, w
        cdef const double* d
        for g in range(self.groups):
            if self.taus[g] == 0:
                for k in range(self.group_start[g], self.group_start[g + 1]):
                    self.past_x[k] = y[self.source[k]]
                continue
            s = t - self.taus[g]
            p = self.history.find(s + self.side, self.guesses[g])
            self.guesses[g] = p
            x = (s - self.history.begin[p]) / self.history.length[p]
            w = 1 - x
            d = &self.history.data[p, 0]
            for k in range(self.group_start[g], self.group_start[g + 1]):
                j = self.source[k]
                self.past_x[k] = d[j] + x * (d[n + j] + w * (d[2 * n + j] + x * (
                    d[3 * n + j] + w * (d[4 * n + j] + x * (
                        d[5 * n + j] + w * (d[6 * n + j] + x * d[7 * n + j]))))))

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef Py_ssize_t i, e, g, k, n = self.count
        cdef double f = 1
        cdef double complex z
        cdef double* force = dy if self.mass is None else dy + n
        self.evaluations += 1
        if self.factor is not None:
            with gil:
                try:
                    f = self.factor(t)
                except BaseException as error:
                    self.raised = error
                    return -1
        self.kernels.sincos(y, n, &self.here_s[0], &self.here_c[0])
        if self.mean_field:
            z = scaled(f, self.mean_at(t - self.taus[0]) * self.turn[0] * self.lag)
            for i in range(n):
                # Im(z exp(-i x))
                force[i] = self.omega[i] + self.gain[i] * (
                    z.imag * self.here_c[i] - z.real * self.here_s[i])
        else:
            self.slots_at(t, y)
            self.kernels.sincos(&self.past_x[0], self.slots, &self.past_s[0], &self.past_c[0])
            for g in range(self.groups):
                z = self.turn[g] * self.lag
                for k in range(self.group_start[g], self.group_start[g + 1]):
                    self.past[k] = z * of_parts(self.past_c[k], self.past_s[k])
            for i in range(n):
                z = 0
                for e in range(self.edge_start[i], self.edge_start[i + 1]):
                    z = z + self.edge_weight[e] * self.past[self.edge_slot[e]]
                z = z * of_parts(self.here_c[i], -self.here_s[i])
                force[i] = self.omega[i] + f * self.gain[i] * z.imag
        if self.mass is not None:
            for i in range(n):
                dy[i] = y[n + i]
                force[i] = (force[i] - y[n + i]) / self.mass[i]
        return 0

    # ------------------------------------------------------------------ steps

    def start(self, double t0, y0, breaks):
        """Where the run begins, and the times at which the past is not smooth, increasing."""
        cdef const double[::1] state = np.ascontiguousarray(y0, dtype=np.float64)
        if state.shape[0] != self.n:
            raise ValueError(f"y0 must hold {self.n} numbers")
        self.begin(t0, &state[0])
        self.at_break = False
        self.breaks = np.append(np.asarray(breaks, float), INFINITY)
        self.next_break = 0

    def avoid(self, times):
        """Let no step pass over `times` either."""
        self.breaks = np.union1d(np.asarray(self.breaks), times)
        self.next_break = 0

    cdef double choose_first_step(
        self,
        double limit,       # IN
    ) noexcept nogil:
        """A hundredth of the time in which the state changes by a radian, refined by what the error
        says.
        """
        cdef Py_ssize_t i
        cdef double top = 0
        for i in range(self.n):
            top = fmax(top, fabs(self.K[0][i]))
        return fmin(self.max_step, 0.01 / top if top > 0 else self.max_step)

    cdef int look_for_rate(self) noexcept nogil:
        # a step is no longer than the shortest delay
        return 0

    cdef void aim(
        self,
        double t_new,       # IN
        bint last,          # IN
    ) noexcept nogil:
        # a jump of the past at the end belongs to the next step
        self.side = -self.slack if last else self.slack

    def go(self, double until, Py_ssize_t most):
        """Steps until `until` is reached or passed, at most so many; returns a status."""
        cdef int status = RUNNING
        for _ in range(most):
            if self.t >= until:
                return RUNNING
            with nogil:
                status = self.one_step()
            if status != RUNNING:
                return status
            self.keep()
        return RUNNING if self.t >= until else STEP_LIMIT

    cdef int one_step(self) noexcept nogil:
        cdef double limit
        cdef int code
        while self.breaks[self.next_break] <= self.t:
            self.next_break += 1
        limit = self.breaks[self.next_break]
        self.side = self.slack = 1e-14 * fmax(fabs(self.t), self.tau_max)
        if self.at_break and self.evaluate(self.t, self.y, self.K[12]) != 0:
            # the derivative behind the jump
            return RHS_FAILED
        code = self.take(limit)
        if code != RUNNING:
            return code
        self.at_break = self.t == limit
        code = self.prepare_dense()
        return RUNNING if code == 0 else self.failure(code)

    cdef void keep(self):
        """The step just taken becomes a piece of the past."""
        cdef double* room = self.history.add(self.t_old, self.t - self.t_old, self.t - self.tau_max)
        cdef Py_ssize_t k, m, i, n = self.count
        cdef double complex sum
        cdef double complex[TERMS] z
        cdef double complex* series = <double complex*>room
        with nogil:
            if not self.mean_field:
                memcpy(room, self.y_old, n * sizeof(double))
                for k in range(7):
                    memcpy(room + (k + 1) * n, self.F[k], n * sizeof(double))
            else:
                for m in range(TERMS):
                    dop853_interpolate(n, self.points[m], self.y_old, self.F, &self.past_x[0])
                    self.kernels.sincos(&self.past_x[0], n, &self.past_s[0], &self.past_c[0])
                    sum = 0
                    for i in range(n):
                        sum = sum + scaled(self.weights[i],
                                           of_parts(self.past_c[i], self.past_s[i]))
                    z[m] = sum
                for k in range(TERMS):
                    sum = 0
                    for m in range(TERMS):
                        sum = sum + scaled(self.transform[k, m], z[m])
                    series[k] = sum

    def at(self, double t, double[::1] out):
        """The state at a time of the last step; OUT out."""
        self.interpolate(t, &out[0])

    @property
    def state(self):
        """The state at ``t``."""
        out = np.empty(self.n)
        self.at(self.t, out)
        return out

    def snapshot(self):
        """What continuing bit for bit needs."""
        cdef double[:, ::1] rows = np.empty((11, self.n))
        cdef Py_ssize_t k
        for k in range(7):
            memcpy(&rows[k, 0], self.F[k], self.n * sizeof(double))
        memcpy(&rows[7, 0], self.y, self.n * sizeof(double))
        memcpy(&rows[8, 0], self.y_old, self.n * sizeof(double))
        memcpy(&rows[9, 0], self.K[12], self.n * sizeof(double))
        memcpy(&rows[10, 0], self.K[0], self.n * sizeof(double))
        numbers = [self.t, self.t_old, self.h, float(self.has_step), float(self.rejected_last),
                   float(self.at_break)]
        counts = [int(self.accepted), int(self.rejected), int(self.evaluations)]
        return {"rows": np.asarray(rows), "numbers": np.array(numbers), "counts": counts,
                "pieces": self.history.snapshot()}

    def restore(self, saved):
        """Go on from a snapshot."""
        cdef const double[:, ::1] rows = np.ascontiguousarray(saved["rows"], dtype=np.float64)
        cdef Py_ssize_t k
        if rows.shape[0] != 11 or rows.shape[1] != self.n:
            raise ValueError("the snapshot is of another run")
        for k in range(7):
            memcpy(self.F[k], &rows[k, 0], self.n * sizeof(double))
        memcpy(self.y, &rows[7, 0], self.n * sizeof(double))
        memcpy(self.y_old, &rows[8, 0], self.n * sizeof(double))
        memcpy(self.K[12], &rows[9, 0], self.n * sizeof(double))
        memcpy(self.K[0], &rows[10, 0], self.n * sizeof(double))
        self.t, self.t_old, self.h = saved["numbers"][:3]
        self.has_step, self.rejected_last, self.at_break = (bool(v) for v in saved["numbers"][3:])
        self.accepted, self.rejected, self.evaluations = saved["counts"]
        self.dense_ready = self.has_step
        self.next_break = 0
        self.history.restore(saved["pieces"])


cdef class Recalled(RightHandSide):
    """The velocities of a :class:`Delayed` for steps of given lengths: it remembers every state it
    is asked for, with straight lines between them.

    A state at the time of the one before replaces it: that was a predictor. Kicks of steps h leave
    an error of the order h in the past, as they do in the present.

    Parameters
    ----------
    law : Delayed
        Without inertia, and with the past before `t0`.
    t0 : float
    x0 : (n,) array
    """

    cdef Delayed law
    cdef double begun, now
    cdef bint moved
    cdef double[::1] before, here

    def __init__(self, Delayed law, double t0, x0):
        cdef const double[::1] x = np.ascontiguousarray(x0, dtype=np.float64)
        if law.mass is not None or x.shape[0] != law.count:
            raise ValueError(f"law must be without inertia and x0 hold {law.count} numbers")
        self.law, self.size, self.now = law, law.count, t0
        law.side = 0
        width = 2 if law.mean_field else law.count
        self.before, self.here = np.zeros(width), np.zeros(width)
        self.look(&x[0])

    cdef void look(
        self,
        const double* x,     # IN (n,)
    ) noexcept nogil:
        """What later times see of the state x: its mean, or all of it."""
        cdef Py_ssize_t i
        cdef double complex mean = 0
        if not self.law.mean_field:
            memcpy(&self.here[0], x, self.size * sizeof(double))
            return
        self.law.kernels.sincos(x, self.size, &self.law.here_s[0], &self.law.here_c[0])
        for i in range(self.size):
            mean = mean + scaled(self.law.weights[i],
                                 of_parts(self.law.here_c[i], self.law.here_s[i]))
        self.here[0], self.here[1] = mean.real, mean.imag

    # IN t, y; OUT dy
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef int code
        cdef double reach = fmax(fabs(t), self.law.tau_max)
        if t > self.now + 1e-13 * reach:
            self.begun, self.now, self.moved = self.now, t, True
            memcpy(&self.before[0], &self.here[0], self.here.shape[0] * sizeof(double))
            with gil:
                self.law.history.add(self.begun, t - self.begun, t - self.law.tau_max)
        self.look(y)
        if self.moved:
            self.draw()
        code = self.law.evaluate(t, y, dy)
        if code != 0:
            with gil:
                self.error = self.law.raised
        return code

    cdef void draw(self) noexcept nogil:
        """The last piece is the line from the state before to this one."""
        cdef Py_ssize_t k, n = self.size
        cdef double* room = self.law.history.newest()
        if self.law.mean_field:
            # two terms of a Chebyshev series
            for k in range(2):
                room[k] = 0.5 * (self.before[k] + self.here[k])
                room[2 + k] = 0.5 * (self.here[k] - self.before[k])
        else:
            for k in range(n):
                room[k], room[n + k] = self.before[k], self.here[k] - self.before[k]

    def snapshot(self):
        """What continuing bit for bit needs."""
        return {"past": self.law.history.snapshot(), "lines": np.array([self.before, self.here]),
                "when": np.array([self.begun, self.now, self.moved], dtype=float)}

    def restore(self, saved):
        """Go on from a snapshot."""
        if np.shape(saved["lines"]) != (2, self.before.shape[0]):
            raise ValueError("the snapshot is of another problem")
        self.before, self.here = np.array(saved["lines"][0]), np.array(saved["lines"][1])
        self.begun, self.now = saved["when"][:2]
        self.moved = bool(saved["when"][2])
        self.law.history.restore(saved["past"])
