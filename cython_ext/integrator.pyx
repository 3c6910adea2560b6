"""Adaptive Dormand-Prince 8(5,3) with dense output and events.

E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, II.4 to II.6.
The state is an array of doubles; complex states are pairs, whose error is measured by modulus.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport fabs, fmax, fmin, isfinite, nextafter, pow, INFINITY
from libc.string cimport memcpy

import numpy as np

from qsyncplug._ext.step cimport SPARE, STAGES, Step

cdef extern from "dop853.h" nogil:
    const double NODE[16]
    # dop853.h says what is IN and OUT
    void dop853_combine(int stage, ptrdiff_t n, double h, double** K, const double* base,
                        double* out)
    double dop853_error(ptrdiff_t n, int width, double h, double** K, const double* y0, const
                        double* y1, const double* atol, ptrdiff_t stride, double rtol, int worst)

cdef extern from "time.h" nogil:
    cdef struct timespec:
        long long tv_sec
        long tv_nsec
    int timespec_get(timespec* ts, int base)
    int TIME_UTC

#: the numbers of ``Status`` by name, for Python
STATUS = dict(
    RUNNING=RUNNING, STEP_LIMIT=STEP_LIMIT, TIME_LIMIT=TIME_LIMIT, STEP_SIZE=STEP_SIZE,
    NON_FINITE=NON_FINITE, RHS_FAILED=RHS_FAILED, INTERRUPTED=INTERRUPTED, EVENT=EVENT, UNTIL=UNTIL,
)

cdef double SIGNAL_INTERVAL = 0.05   # seconds between looks for Ctrl-C


cdef double now() noexcept nogil:
    cdef timespec ts
    timespec_get(&ts, TIME_UTC)
    return <double>ts.tv_sec + 1e-9 * ts.tv_nsec


cdef class RightHandSide:
    """Base class of the compiled right-hand sides; ``rhs(t, y)`` evaluates one from Python."""

    # IN t, y; OUT dy, see integrator.pxd
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        return -1

    # IN t, y; OUT g
    cdef void events(self, double t, const double* y, double* g) noexcept nogil:
        pass

    # IN t; INOUT y
    cdef int accepted(self, double t, double* y) noexcept nogil:
        return 0

    def __call__(self, double t, y):
        cdef const double[::1] state = as_doubles(y, self.complex_pairs, copy=None)
        if state.shape[0] != self.size:
            raise ValueError(f"y must hold {self.size} doubles, not {state.shape[0]}")
        result = np.empty(self.size)
        cdef double[::1] out = result
        cdef int code
        with nogil:
            code = self.evaluate(t, &state[0], &out[0])
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if code != 0:
            raise ArithmeticError(f"the right-hand side refused the state (code {code})")
        return result.view(complex) if self.complex_pairs else result


def as_doubles(y, bint complex_pairs, copy=True):
    """A contiguous copy of `y` seen as doubles; with copy=None `y` itself where it is that."""
    dtype = np.complex128 if complex_pairs else np.float64
    flat = np.array(y, dtype=dtype, order="C", copy=copy).ravel()
    return flat.view(np.float64) if complex_pairs else flat


cdef class Integrator(Step):
    """One run of the method: ``set_state`` once, then ``advance`` as often as wanted.

    Parameters
    ----------
    rhs : RightHandSide
    rtol : float
    atol : float or array
        One number, or one a double of the state.
    max_step, first_step : float
        ``first_step=0`` lets the method choose.
    nsteps : int
        Largest number of steps, accepted and rejected.
    time_limit : float
        Seconds of wall clock.
    directions : sequence of int, optional
        For each event: +1, -1 or 0 (rising, falling, both) zeros count.
    terminal : sequence of bool, optional
        For each event: does it stop the run?
    """

    cdef readonly RightHandSide rhs
    cdef readonly double h, max_step, t_event
    cdef readonly long long accepted, rejected, evaluations
    cdef readonly list event_log
    cdef readonly Py_ssize_t event_index
    cdef public long long nsteps
    cdef public double time_limit
    cdef public object interruption
    cdef double first_step, started, looked, bound, horizon
    cdef double[::1] breaks           # times that no step passes over
    cdef Py_ssize_t next_break
    cdef bint rejected_last
    cdef int lost                     # what evaluating inside an accepted step ended with
    cdef readonly Py_ssize_t n_events
    cdef double[:, ::1] work          # rows: 16 stages, y, y_old, y_new, 7 dense, scratch, SPARE
    cdef double* y_new
    cdef double[::1] g_old, g_new, g_mid
    cdef int[::1] directions
    cdef int[::1] terminal

    def __init__(self, RightHandSide rhs, double rtol=1e-10, atol=1e-12, double max_step=INFINITY,
                 double first_step=0.0, long long nsteps=1_000_000, double time_limit=INFINITY,
                 Py_ssize_t n_events=0, directions=None, terminal=None):
        cdef Py_ssize_t s
        self.rhs = rhs
        self.n = rhs.size
        self.width, self.worst = 2 if rhs.complex_pairs else 1, rhs.worst
        self.breaks = np.empty(0)
        self.rtol = rtol
        self.atol = np.atleast_1d(np.array(atol, dtype=np.float64))
        if self.atol.shape[0] not in (1, self.n):
            raise ValueError(f"atol must be one number or {self.n}, not {self.atol.shape[0]}")
        self.atol_stride = 0 if self.atol.shape[0] == 1 else 1
        self.max_step = max_step
        self.first_step = first_step
        self.nsteps = nsteps
        self.time_limit = time_limit
        self.n_events = n_events
        self.directions = np.array([0] * n_events if directions is None else directions, np.intc)
        self.terminal = np.array([1] * n_events if terminal is None else terminal, np.intc)
        if self.directions.shape[0] != n_events or self.terminal.shape[0] != n_events:
            raise ValueError(f"directions and terminal must have {n_events} entries, as events")
        self.g_old = np.zeros(max(n_events, 1))
        self.g_new = np.zeros(max(n_events, 1))
        self.g_mid = np.zeros(max(n_events, 1))
        self.event_log = []
        self.work = np.zeros((STAGES + 11 + SPARE, max(self.n, 1)))
        for s in range(STAGES):
            self.K[s] = &self.work[s, 0]
        self.y = &self.work[STAGES, 0]
        self.y_old = &self.work[STAGES + 1, 0]
        self.y_new = &self.work[STAGES + 2, 0]
        for s in range(7):
            self.F[s] = &self.work[STAGES + 3 + s, 0]
        self.scratch = &self.work[STAGES + 10, 0]
        for s in range(4):
            self.ends[s] = &self.work[STAGES + 11 + s, 0]
        self.direction = &self.work[STAGES + 15, 0]

    # ------------------------------------------------------------------ state

    def set_state(self, double t, y, double bound=INFINITY):
        """Start at `t` from `y`; no step passes `bound`."""
        cdef double[::1] state = as_doubles(y, self.rhs.complex_pairs)
        if state.shape[0] != self.n:
            raise ValueError(f"y must hold {self.n} doubles, not {state.shape[0]}")
        self.t = self.t_old = t
        self.bound = self.horizon = bound
        self.next_break = 0
        memcpy(self.y, &state[0], self.n * sizeof(double))
        memcpy(self.y_old, self.y, self.n * sizeof(double))
        self.accepted = self.rejected = self.evaluations = 0
        self.has_step = self.dense_ready = self.rejected_last = False
        self.h = 0.0
        self.parts = 1
        self.part = -1
        self.lost = self.looks = self.unlooked = 0
        self.longest = INFINITY
        self.rate = 0.0
        self.event_index = -1
        self.event_log = []
        self.started = self.looked = now()
        self.interruption = None
        self.rhs.error = None

    def set_breaks(
        self,
        times,              # IN (B,) increasing
    ):
        """No step passes over `times`; what is there is not missed."""
        self.breaks = np.array(times, dtype=np.float64)
        self.next_break = 0

    cdef double limit(self) noexcept nogil:
        """The next time that a step must not pass over."""
        while self.next_break < self.breaks.shape[0] and self.breaks[self.next_break] <= self.t:
            self.next_break += 1
        if self.next_break < self.breaks.shape[0]:
            return fmin(self.bound, self.breaks[self.next_break])
        return self.bound

    def get_state(self):
        """Time that the run has reached, and a copy of the state there."""
        cdef double[::1] out = np.empty(self.n)
        memcpy(&out[0], self.y, self.n * sizeof(double))
        state = np.asarray(out)
        return self.t, (state.view(complex) if self.rhs.complex_pairs else state)

    def set_bound(self, double bound):
        """From now on no step passes `bound`: the solution there is no interpolation."""
        self.bound = bound

    def snapshot(self):
        """Everything that going on bit for bit needs: numbers, and arrays by what they hold."""
        cdef double[:, ::1] rows = np.empty((STAGES + 10 + SPARE, self.n))
        for k in range(STAGES + 10 + SPARE):
            memcpy(&rows[k, 0], self.row(k), self.n * sizeof(double))
        numbers = [self.t, self.t_old, self.h, self.bound, self.horizon, self.longest, self.rate]
        counts = [
            self.accepted, self.rejected, self.evaluations, self.dense_ready, self.has_step,
            self.rejected_last, self.next_break, self.parts, self.part, self.looks, self.unlooked,
        ]
        return {"numbers": np.array(numbers), "counts": np.array(counts), "rows": np.asarray(rows),
                "breaks": np.array(self.breaks), "events": np.array(self.g_new)}

    def restore(self, saved):
        """Go on from what :meth:`snapshot` gave."""
        cdef double[:, ::1] rows = np.array(saved["rows"], dtype=np.float64, order="C")
        cdef Py_ssize_t k
        if rows.shape[0] != STAGES + 10 + SPARE or rows.shape[1] != self.n:
            raise ValueError(f"the snapshot has {rows.shape[1]} numbers, the problem {self.n}")
        self.t, self.t_old, self.h, self.bound, self.horizon, self.longest, self.rate = map(
            float, saved["numbers"])
        (self.accepted, self.rejected, self.evaluations, self.dense_ready, self.has_step,
         self.rejected_last, self.next_break, self.parts, self.part, self.looks,
         self.unlooked) = map(int, saved["counts"])
        self.breaks = np.array(saved["breaks"], dtype=np.float64)
        self.g_new = np.array(saved["events"], dtype=np.float64)
        if (self.g_new.shape[0] != self.g_old.shape[0]
                or not 0 <= self.next_break <= self.breaks.shape[0]
                or not -1 <= self.part < self.parts):
            raise ValueError("the snapshot is damaged")
        for k in range(STAGES + 10 + SPARE):
            memcpy(self.row(k), &rows[k, 0], self.n * sizeof(double))

    cdef double* row(self, Py_ssize_t k) noexcept nogil:
        """Array `k` of a snapshot."""
        if k < STAGES:
            return self.K[k]
        if k < STAGES + 7:
            return self.F[k - STAGES]
        if k >= STAGES + 10:
            return self.ends[k - STAGES - 10] if k < STAGES + 14 else self.direction
        return self.y if k == STAGES + 7 else self.y_old if k == STAGES + 8 else self.y_new

    # ------------------------------------------------------------------ running

    def advance(
        self,
        const double[::1] times,    # IN (T,) increasing
        double[:, ::1] out,         # OUT (≥T, n)
    ):
        """Deliver the state at each of `times` into the rows of `out` (doubles).

        Returns
        -------
        status : int
            ``Status``; 0 when every time was delivered.
        delivered : int
            Number of rows written.
        """
        cdef Py_ssize_t delivered = 0, total = times.shape[0]
        cdef int status = RUNNING
        if out.shape[0] < total or (total and out.shape[1] != self.n):
            raise ValueError(f"out must have shape ({total}, {self.n}), not {np.shape(out)}")
        if total and not self.bound < INFINITY:
            self.horizon = times[total - 1]
        with nogil:
            while delivered < total:
                if times[delivered] <= (self.t if self.event_index < 0 else self.t_event):
                    if self.look_inside(times[delivered], &out[delivered, 0]) != 0:
                        status = self.failure(self.lost)
                        break
                    delivered += 1
                    continue
                if self.event_index >= 0:
                    status = EVENT
                    break
                status = self.one_step()
                if status != RUNNING and status != EVENT:
                    break
        if status == EVENT and delivered == total:
            status = RUNNING
        return status, delivered

    def step(self):
        """Take one accepted step; returns the status."""
        cdef int status
        with nogil:
            status = self.one_step()
        return status

    def dense(self, double t):
        """The solution at `t` within the last step."""
        cdef double[::1] out = np.empty(self.n)
        if not (self.t_old <= t <= self.t):
            raise ValueError(f"t must lie in the last step [{self.t_old}, {self.t}], not {t}")
        if self.look_inside(t, &out[0]) != 0:
            raise self.rhs.error or ArithmeticError(f"the equations refused a state near t={t}")
        state = np.asarray(out)
        return state.view(complex) if self.rhs.complex_pairs else state

    cdef int one_step(self) noexcept nogil:
        """One accepted step (as many tries as it takes), then the events in it."""
        cdef double error, factor, h, t_new, smallest, limit = self.limit()
        cdef int code
        cdef double* swap
        if not self.has_step:
            code = self.evaluate(self.t, self.y, self.K[0])
            if code != 0:
                return self.failure(code)
            self.h = self.first_step if self.first_step > 0 else self.choose_first_step()
            if self.n_events:
                self.rhs.events(self.t, self.y, &self.g_new[0])
        else:
            swap = self.K[0]
            self.K[0] = self.K[12]
            self.K[12] = swap
            code = self.look_for_rate(self.t - self.t_old)
            if code != 0:
                self.undo_swap()
                return self.failure(code)
        while True:
            code = self.limits()
            if code != RUNNING:
                self.undo_swap()
                return code
            smallest = 10 * fabs(nextafter(self.t, INFINITY) - self.t)
            h = fmin(fmin(self.h, self.max_step), self.longest)
            if not (h >= smallest):
                # a limit of the user or the end of the run may be shorter than the time resolves
                if self.h >= smallest:
                    h = smallest
                else:
                    self.undo_swap()
                    return NON_FINITE if not self.finite(self.y_new) else STEP_SIZE
            t_new = self.t + h
            if t_new > limit:
                t_new = limit
            h = t_new - self.t
            if h <= 0:
                self.undo_swap()
                return STEP_SIZE
            code = self.try_step(h, t_new, &error)
            if code < 0:
                self.undo_swap()
                return self.failure(code)
            if code > 0 or not (error < INFINITY):
                # outside the domain, or not a number: a much shorter step
                self.rejected += 1
                self.rejected_last = True
                self.h = 0.2 * h
                continue
            if error < 1:
                factor = 10.0 if error == 0 else fmin(10.0, 0.9 * pow(error, -0.125))
                if self.rejected_last:
                    factor = fmin(1.0, factor)
                self.rejected_last = False
                # a step cut short by a break says nothing against the longer one
                self.h = fmax(h * factor, self.h) if t_new == limit else h * factor
                break
            self.rejected += 1
            self.rejected_last = True
            self.h = h * fmax(0.2, 0.9 * pow(error, -0.125))
        self.accepted += 1
        self.t_old = self.t
        self.t = t_new
        swap = self.y_old
        self.y_old = self.y
        self.y = self.y_new
        self.y_new = swap
        self.has_step = True
        self.dense_ready = False
        self.lost = 0
        code = self.rhs.accepted(self.t, self.y)
        if code < 0:
            return self.failure(code)
        if code > 0:
            # the state was changed: the derivative at its end, and nothing to interpolate across
            code = self.evaluate(self.t, self.y, self.K[12])
            if code != 0:
                return self.failure(code)
        if self.n_events:
            return self.find_events()
        return RUNNING

    cdef int look_inside(
        self,
        double t,           # IN within the last step
        double* out,        # OUT (n,)
    ) noexcept nogil:
        cdef int code = self.interpolate(t, out)
        if code != 0:
            self.lost = code
        return code

    cdef void undo_swap(self) noexcept nogil:
        # so that the last step can still be interpolated after a stop
        cdef double* swap
        if self.has_step:
            swap = self.K[0]
            self.K[0] = self.K[12]
            self.K[12] = swap

    cdef int failure(self, int code) noexcept nogil:
        if code > 0:
            return NON_FINITE
        return RHS_FAILED

    cdef int evaluate(
        self,
        double t,           # IN
        const double* y,    # IN (n,)
        double* dy,         # OUT (n,)
    ) noexcept nogil:
        self.evaluations += 1
        return self.rhs.evaluate(t, y, dy)

    cdef int limits(self) noexcept nogil:
        cdef double clock
        if self.accepted + self.rejected >= self.nsteps:
            return STEP_LIMIT
        clock = now()
        if clock - self.started > self.time_limit:
            return TIME_LIMIT
        if clock - self.looked > SIGNAL_INTERVAL or clock < self.looked:
            self.looked = clock
            with gil:
                try:
                    PyErr_CheckSignals()
                except BaseException as error:
                    self.interruption = error
                    return INTERRUPTED
        return RUNNING

    cdef bint finite(
        self,
        const double* y,    # IN (n,)
    ) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n):
            if not isfinite(y[i]):
                return False
        return True

    # ------------------------------------------------------------------ the method

    cdef int try_step(
        self,
        double h,           # IN
        double t_new,       # IN
        double* error,      # OUT one number: the error in units of the tolerance
    ) noexcept nogil:
        """Stages and new state in ``K`` and ``y_new``; 0, or what the right-hand side returned."""
        cdef int s, code
        for s in range(1, 12):
            dop853_combine(s, self.n, h, self.K, self.y, self.y_new)
            code = self.evaluate(self.t + NODE[s] * h, self.y_new, self.K[s])
            if code != 0:
                return code
        dop853_combine(12, self.n, h, self.K, self.y, self.y_new)
        code = self.evaluate(t_new, self.y_new, self.K[12])
        if code != 0:
            return code
        error[0] = dop853_error(self.n, self.width, h, self.K, self.y, self.y_new, &self.atol[0],
                                self.atol_stride, self.rtol, self.worst)
        return 0

    cdef double choose_first_step(self) noexcept nogil:
        """Hairer, Norsett, Wanner, section II.4, in a form that knows no unit of time.

        d0/d1 is how long the state takes to change by itself. Where it starts from nothing, or
        nothing moves, the length of the run is what there is to go by, then how fast the derivative
        changes.
        """
        cdef double d0, d1, d2, h0, h1, unit, room = self.limit() - self.t
        cdef double length = room if room < INFINITY else self.horizon - self.t
        cdef Py_ssize_t i
        cdef bint moving
        d0 = self.norm(self.y, self.y)
        d1 = self.norm(self.K[0], self.y)
        if not (length > 0 and length < INFINITY):
            # stepping by hand: nothing is known but how fast the state moves
            length = fmax(d0, 1.0) / d1 if d1 > 0 else fmax(fabs(self.t), 1e-6)
            moving = d0 > 1e-5 and d1 > 0
        else:
            # less than a tolerance over the whole run is rest, whose derivative is rounding
            moving = d0 > 1e-5 and d1 * length > 1
        unit = d0 / d1 if moving else 1e-4 * length
        h0 = fmin(fmin(0.01 * unit, room), self.max_step)
        for i in range(self.n):
            self.y_new[i] = self.y[i] + h0 * self.K[0][i]
        if h0 <= 0 or self.evaluate(self.t + h0, self.y_new, self.K[1]) != 0:
            return 1e-3 * h0
        for i in range(self.n):
            self.y_new[i] = self.K[1][i] - self.K[0][i]
        d2 = self.norm(self.y_new, self.y) / h0
        if not moving:
            unit = fmin(length, d1 / d2) if d2 > 0 and d1 > 0 else length
        # the change in one unit, by the first and by the second derivative
        d1 *= unit
        d2 *= unit * unit
        h1 = h0 if not moving and d1 <= 1 else unit * pow(0.01 / fmax(d1, d2), 0.125)
        return fmin(fmin(fmin(100 * h0, h1), room), self.max_step)

    # ------------------------------------------------------------------ events

    cdef int find_events(self) noexcept nogil:
        """Zeros of the event functions in the last step, in order, to the first terminal one."""
        cdef Py_ssize_t k, first = -1
        cdef double root, earliest = INFINITY
        cdef double[::1] swap = self.g_old
        self.g_old = self.g_new
        self.g_new = swap
        self.rhs.events(self.t, self.y, &self.g_new[0])
        for k in range(self.n_events):
            if self.crosses(k) and self.terminal[k]:
                root = self.locate(k)
                if root < earliest:
                    earliest = root
                    first = k
        for k in range(self.n_events):
            if self.crosses(k) and not self.terminal[k]:
                root = self.locate(k)
                if root <= earliest:
                    self.look_inside(root, self.scratch)
                    with gil:
                        self.log_event(k, root)
        if first >= 0:
            self.look_inside(earliest, self.scratch)
        if self.lost != 0:
            return self.failure(self.lost)
        if first >= 0:
            with gil:
                self.log_event(first, earliest)
            # the run ends here; the part of the step before the event can still be interpolated
            self.event_index = first
            self.t_event = earliest
            return EVENT
        return RUNNING

    cdef bint crosses(self, Py_ssize_t k) noexcept nogil:
        cdef double a = self.g_old[k], b = self.g_new[k]
        if a == 0 or not ((a < 0) != (b < 0) or b == 0):
            return False
        return self.directions[k] == 0 or (self.directions[k] > 0) == (a < 0)

    cdef double locate(self, Py_ssize_t k) noexcept nogil:
        """Illinois method on the dense output, to the resolution of the time variable."""
        cdef double a = self.t_old, b = self.t, fa = self.g_old[k], fb = self.g_new[k], c, fc
        cdef int side = 0, i
        for i in range(200):
            if fb == 0:
                return b
            if b - a <= 4 * fabs(nextafter(b, INFINITY) - b):
                break
            c = (fa * b - fb * a) / (fa - fb) if i % 4 != 3 else 0.5 * (a + b)
            if not (a < c < b):
                c = 0.5 * (a + b)
            self.look_inside(c, self.scratch)
            self.rhs.events(c, self.scratch, &self.g_mid[0])
            fc = self.g_mid[k]
            if (fc < 0) == (fa < 0) and fc != 0:
                a = c
                fa = fc
                if side == -1:
                    fb *= 0.5
                side = -1
            else:
                b = c
                fb = fc
                if side == 1:
                    fa *= 0.5
                side = 1
        return b

    cdef void log_event(self, Py_ssize_t k, double t):
        cdef double[::1] state = np.empty(self.n)
        memcpy(&state[0], self.scratch, self.n * sizeof(double))
        y = np.asarray(state)
        self.event_log.append((k, t, y.view(complex) if self.rhs.complex_pairs else y))

    @property
    def event_state(self):
        """State at the terminal event, or None."""
        return self.event_log[len(self.event_log) - 1][2] if self.event_index >= 0 else None
