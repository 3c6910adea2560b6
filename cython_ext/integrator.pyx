"""Adaptive Dormand-Prince 8(5,3) with dense output and events.

E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, II.4 to II.6.
The state is an array of doubles; complex states are pairs, whose error is measured by modulus.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport fabs, fmin, nextafter, INFINITY
from libc.string cimport memcpy

import numpy as np

from qsyncplug._ext.status cimport (
    EVENT, INTERRUPTED, NON_FINITE, RHS_FAILED, RUNNING, STEP_LIMIT, STEP_SIZE, TIME_LIMIT, UNTIL,
)
from qsyncplug._ext.step cimport KEPT, Step

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
    cdef readonly double t_event
    cdef readonly list event_log
    cdef readonly Py_ssize_t event_index
    cdef public long long nsteps
    cdef public double time_limit
    cdef public Py_ssize_t delivered  # rows that the last advance wrote, also one left by Ctrl-C
    cdef public object interruption
    cdef double started, looked, bound
    cdef double[::1] breaks           # times that no step passes over
    cdef Py_ssize_t next_break
    cdef int lost                     # what evaluating inside an accepted step ended with
    cdef readonly Py_ssize_t n_events
    cdef double[::1] g_old, g_new, g_mid
    cdef int[::1] directions
    cdef int[::1] terminal

    def __init__(self, RightHandSide rhs, double rtol=1e-10, atol=1e-12, double max_step=INFINITY,
                 double first_step=0.0, long long nsteps=1_000_000, double time_limit=INFINITY,
                 Py_ssize_t n_events=0, directions=None, terminal=None):
        self.rhs = rhs
        self.worst = rhs.worst
        self.allocate(rhs.size, 2 if rhs.complex_pairs else 1,
                      np.atleast_1d(np.array(atol, dtype=np.float64)))
        self.breaks = np.empty(0)
        self.rtol = rtol
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

    # ------------------------------------------------------------------ state

    def set_state(self, double t, y, double bound=INFINITY):
        """Start at `t` from `y`; no step passes `bound`."""
        cdef double[::1] state = as_doubles(y, self.rhs.complex_pairs)
        if state.shape[0] != self.n:
            raise ValueError(f"y must hold {self.n} doubles, not {state.shape[0]}")
        self.begin(t, &state[0])
        self.bound = self.horizon = bound
        self.next_break = 0
        self.lost = 0
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
        cdef double[:, ::1] rows = np.empty((KEPT, self.n))
        for k in range(KEPT):
            memcpy(&rows[k, 0], self.kept(k), self.n * sizeof(double))
        numbers = [self.t, self.t_old, self.h, self.bound, self.horizon, self.longest, self.rate]
        counts = [
            self.accepted, self.rejected, self.evaluations, self.dense_ready, self.has_step,
            self.rejected_last, self.stages_kept, self.next_break, self.looks, self.unlooked,
        ]
        return {"numbers": np.array(numbers), "counts": np.array(counts), "rows": np.asarray(rows),
                "breaks": np.array(self.breaks), "events": np.array(self.g_new)}

    def restore(self, saved):
        """Go on from what :meth:`snapshot` gave."""
        cdef double[:, ::1] rows = np.array(saved["rows"], dtype=np.float64, order="C")
        cdef Py_ssize_t k
        if rows.shape[0] != KEPT or rows.shape[1] != self.n:
            raise ValueError(f"the snapshot has {rows.shape[1]} numbers, the problem {self.n}")
        self.t, self.t_old, self.h, self.bound, self.horizon, self.longest, self.rate = map(
            float, saved["numbers"])
        (self.accepted, self.rejected, self.evaluations, self.dense_ready, self.has_step,
         self.rejected_last, self.stages_kept, self.next_break, self.looks,
         self.unlooked) = map(int, saved["counts"])
        self.breaks = np.array(saved["breaks"], dtype=np.float64)
        self.g_new = np.array(saved["events"], dtype=np.float64)
        if (self.g_new.shape[0] != self.g_old.shape[0]
                or not 0 <= self.next_break <= self.breaks.shape[0]):
            raise ValueError("the snapshot is damaged")
        for k in range(KEPT):
            memcpy(self.kept(k), &rows[k, 0], self.n * sizeof(double))

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
        cdef Py_ssize_t total = times.shape[0]
        cdef int status = RUNNING
        cdef double at
        self.delivered = 0
        if out.shape[0] < total or (total and out.shape[1] != self.n):
            raise ValueError(f"out must have shape ({total}, {self.n}), not {np.shape(out)}")
        if total and not self.bound < INFINITY:
            self.horizon = times[total - 1]
        with nogil:
            while self.delivered < total:
                at = times[self.delivered]
                if at <= (self.t if self.event_index < 0 else self.t_event):
                    if self.look_inside(at, &out[self.delivered, 0]) != 0:
                        status = self.failure(self.lost)
                        break
                    self.delivered += 1
                    continue
                if self.event_index >= 0:
                    status = EVENT
                    break
                status = self.one_step()
                if status != RUNNING and status != EVENT:
                    break
        if status == EVENT and self.delivered == total:
            status = RUNNING
        return status, self.delivered

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
        cdef int code
        if self.n_events and not self.has_step:
            self.rhs.events(self.t, self.y, &self.g_new[0])
        code = self.take(self.limit())
        if code != RUNNING:
            return code
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

    # IN t, y (n,); OUT dy (n,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        self.evaluations += 1
        return self.rhs.evaluate(t, y, dy)

    cdef int may_go_on(self) noexcept nogil:
        # limits, and Ctrl-C
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
