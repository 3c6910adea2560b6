"""One step of Dormand-Prince 8(5,3): how long it may be, and what lies inside it.

E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, sections II.4 to
II.6.

Where accuracy limits the steps, the polynomial of 7th order that 16 stages give is about three
times less accurate than a step may be. Towards the limit of stability (hλ≈6 for a decay at rate λ)
it is up to 80 times less accurate: what is left of the decay, less than the tolerance at both ends,
is amplified between them. Its last coefficient tells the two apart, without any further evaluation.
Then the polynomial is made once more, from its own derivatives at four places instead of the
stages. Their error is that of the polynomial there, which the places make small: what is left of it
after one pass is a tenth for hλ=2, after two a seventh for 4.5, where the error of the step itself
is as large. A step whose fastest rate is not known may be longer: there six passes leave a tenth.
At rest nothing but rounding is amplified, and more passes amplify it more: a last term beyond all
that ends and slopes tell of is left out, with all terms above the cubic.

The ends suffer too where something slow goes on beside the decay, a rotation for instance: the
estimate of the error is e5²/√(e5²+.01 e3²), and the slow motion's e3 hides the e5 of the decay, a
thousand tolerances of it. Power iteration, an evaluation every few steps, finds the fastest rate,
and no step passes the range where it is damped well.
"""

from libc.math cimport fabs, fmax, fmin, isfinite, nextafter, pow, sqrt, INFINITY
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset

import numpy as np

from qsyncplug._ext.status cimport NON_FINITE, RHS_FAILED, RUNNING, STEP_SIZE

cdef extern from "dop853.h" nogil:
    const double NODE[16]
    const double REFINED[4]
    # dop853.h says what is IN and OUT
    void dop853_combine(int stage, ptrdiff_t n, double h, double** K, const double* base,
                        double* out)
    double dop853_error(ptrdiff_t n, int width, double h, double** K, const double* y0,
                        const double* y1, const double* atol, ptrdiff_t stride, double rtol,
                        int worst)
    double dop853_norm(ptrdiff_t n, int width, const double* v, const double* y, const double* atol,
                       ptrdiff_t stride, double rtol, int worst)
    void dop853_cubic(ptrdiff_t n, double h, double** K, const double* y0, const double* y1,
                      double** F)
    void dop853_dense(ptrdiff_t n, double h, double** K, double** F)
    void dop853_refine(ptrdiff_t n, double h, double** K, double** F)
    void dop853_interpolate(ptrdiff_t n, double x, const double* y0, double** F, double* out)

# The last term of the polynomial, at most (4/7)^4 (3/7)^3 of its coefficient, in tolerances. For
# y'=λy with the longest step that the error control accepts it is 17 to 31 where 0.2 < |hλ| < 4,
# and 80 to 880 at the edge of stability; it is six to ten times the error of the polynomial.
# Shorter steps, of tight tolerances, make it larger without making the error so: there it is a
# small part of the term before it.
cdef double LAST_TERM = 0.00839
cdef double ROUGH = 30.0
cdef double SHRINKING = 0.5
cdef int MOST_PASSES = 6
cdef int ONLY_CUBIC = -2
# from a cubic: one order a pass
cdef int FROM_CUBIC = 4

# the longest step in units of the fastest rate: |R(-4.5)|=.008
cdef double DAMPED = 4.5
cdef int FIRST_LOOKS = 4        # one a step, then one every few steps
cdef int LOOK_EVERY = 8
# steps that end at a limit and may be wrong, in units of the shortest
cdef double JUMP = 10.0
# of the state: more than rounding, less than where the equations bend
cdef double NUDGE = 1e-7


cdef class Step:
    """The last step, the search for the next one, and the solution within it; a base class."""

    # IN t, y (n,); OUT dy (n,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        return -1

    cdef int may_go_on(self) noexcept nogil:
        return RUNNING

    cdef void aim(
        self,
        double t_new,       # IN
        bint last,          # IN
    ) noexcept nogil:
        pass

    cdef int allocate(
        self,
        Py_ssize_t n,       # IN
        int width,          # IN
        double[::1] atol,   # IN (1,) or (n,)
    ) except -1:
        """Arrays for a state of `n` doubles."""
        cdef Py_ssize_t k
        cdef double* first
        if atol.shape[0] not in (1, n):
            raise ValueError(f"atol must be one number or {n}, not {atol.shape[0]}")
        self.n, self.width = n, width
        self.atol = atol
        self.atol_stride = 0 if atol.shape[0] == 1 else 1
        self.room = LINE * ((max(n, 1) + LINE - 1) // LINE)
        # every array begins where a line of the cache does: what crosses lines is read twice
        self.work = np.zeros((KEPT + 1) * self.room + LINE)
        first = &self.work[0]
        while <uintptr_t>first % (LINE * sizeof(double)) != 0:
            first += 1
        for k in range(STAGES):
            self.K[k] = first + k * self.room
        for k in range(7):
            self.F[k] = first + (STAGES + k) * self.room
        first += (STAGES + 7) * self.room
        self.y, self.y_old = first, first + self.room
        self.y_new, self.direction = first + 2 * self.room, first + 3 * self.room
        self.scratch = first + 4 * self.room
        return 0

    cdef double* kept(
        self,
        Py_ssize_t k,       # IN
    ) noexcept nogil:
        """Array `k` of those that going on needs."""
        if k < STAGES:
            return self.K[k]
        if k < STAGES + 7:
            return self.F[k - STAGES]
        if k == STAGES + 7:
            return self.y
        if k == STAGES + 8:
            return self.y_old
        return self.y_new if k == STAGES + 9 else self.direction

    cdef void begin(
        self,
        double t,           # IN
        const double* y,    # IN (n,)
    ) noexcept nogil:
        self.t = self.t_old = t
        memcpy(self.y, y, self.n * sizeof(double))
        memcpy(self.y_old, y, self.n * sizeof(double))
        self.accepted = self.rejected = self.evaluations = 0
        self.has_step = self.dense_ready = self.rejected_last = self.stages_kept = False
        self.h = 0.0
        self.looks = self.unlooked = 0
        self.longest = INFINITY
        self.rate = 0.0

    # ------------------------------------------------------------------ the step

    cdef int take(
        self,
        double limit,       # IN
    ) noexcept nogil:
        """One accepted step, not beyond `limit`: as many tries as it takes."""
        cdef bint first = not self.has_step
        cdef double* swap
        cdef int code
        if first:
            code = self.evaluate(self.t, self.y, self.K[0])
            if code != 0:
                return self.failure(code)
            self.h = self.first_step if self.first_step > 0 else self.choose_first_step(limit)
        else:
            self.swap_ends()
            code = self.look_for_rate()
            if code != 0:
                self.swap_ends()
                return self.failure(code)
        code = self.tries(limit)
        if code != RUNNING:
            if not first:
                # the last step can still be looked into
                self.swap_ends()
            return code
        swap = self.y_old
        self.y_old = self.y
        self.y = self.y_new
        self.y_new = swap
        self.has_step = self.stages_kept = True
        self.dense_ready = False
        return RUNNING

    cdef int tries(
        self,
        double limit,       # IN
    ) noexcept nogil:
        cdef double error, factor, h, t_new, smallest
        cdef int code
        while True:
            code = self.may_go_on()
            if code != RUNNING:
                return code
            smallest = 10 * fabs(nextafter(self.t, INFINITY) - self.t)
            h = fmin(fmin(self.h, self.max_step), self.longest)
            if limit - self.t <= smallest:
                # nothing but roundings of the time before a break; what follows begins anew
                h = self.h = fmax(self.h, 4 * smallest)
            elif not (h >= smallest):
                # a limit of the user or the end of the run may be shorter than the time resolves
                if not (self.h >= smallest):
                    return NON_FINITE if not self.finite(self.y_new) else STEP_SIZE
                h = smallest
            t_new = self.t + h
            if t_new > limit - smallest:
                t_new = limit
            h = t_new - self.t
            if h <= 0:
                return STEP_SIZE
            self.aim(t_new, t_new == limit)
            code = self.try_step(h, t_new, &error)
            if code < 0:
                return self.failure(code)
            if code > 0 or not (error < INFINITY):
                # outside the domain, or not a number: a much shorter step
                self.rejected += 1
                self.rejected_last = True
                self.h = 0.2 * h
                continue
            # where a coefficient jumps at the limit no step is short enough: what some roundings of
            # the time do is what is known of the time of the jump
            if error < 1 or (t_new == limit and h <= JUMP * smallest):
                factor = 10.0 if error == 0 else fmin(10.0, 0.9 * pow(error, -0.125))
                if self.rejected_last:
                    factor = fmin(1.0, factor)
                self.rejected_last = False
                # a step cut short by a break says nothing against the longer one
                self.h = fmax(h * factor, self.h) if t_new == limit else h * factor
                self.accepted += 1
                self.t_old = self.t
                self.t = t_new
                return RUNNING
            self.rejected += 1
            self.rejected_last = True
            # not from what was tried: it may have been stretched to the limit
            self.h = fmin(h, self.h) * fmax(0.2, 0.9 * pow(error, -0.125))

    cdef int try_step(
        self,
        double h,           # IN
        double t_new,       # IN
        double* error,      # OUT (1,) in units of the tolerance
    ) noexcept nogil:
        """Stages and new state in ``K`` and ``y_new``; 0, or what the right-hand side returned."""
        cdef int s, code
        self.stages_kept = False
        for s in range(1, 13):
            dop853_combine(s, self.room, h, self.K, self.y, self.y_new)
            code = self.evaluate(t_new if s == 12 else self.t + NODE[s] * h, self.y_new, self.K[s])
            if code != 0:
                return code
        error[0] = self.error(h)
        return 0

    cdef double choose_first_step(
        self,
        double limit,       # IN
    ) noexcept nogil:
        """Hairer, Norsett, Wanner, section II.4, in a form that knows no unit of time.

        d0/d1 is how long the state takes to change by itself. Where it starts from nothing, or
        nothing moves, the length of the run is what there is to go by, then how fast the derivative
        changes.
        """
        cdef double d0, d1, d2, h0, h1, unit, room = limit - self.t
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

    cdef void swap_ends(self) noexcept nogil:
        """The derivative at the end of the last step is that at the beginning of the next."""
        cdef double* swap = self.K[0]
        self.K[0] = self.K[12]
        self.K[12] = swap

    cdef int failure(
        self,
        int code,           # IN of evaluate
    ) noexcept nogil:
        return NON_FINITE if code > 0 else RHS_FAILED

    cdef bint finite(
        self,
        const double* y,    # IN (n,)
    ) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n):
            if not isfinite(y[i]):
                return False
        return True

    cdef double norm(
        self,
        const double* v,    # IN (n,)
        const double* y,    # IN (n,)
    ) noexcept nogil:
        """Size of `v` in units of the tolerance at `y`."""
        return dop853_norm(self.n, self.width, v, y, &self.atol[0], self.atol_stride, self.rtol,
                           self.worst)

    cdef double error(
        self,
        double h,           # IN
    ) noexcept nogil:
        return dop853_error(self.n, self.width, h, self.K, self.y, self.y_new, &self.atol[0],
                            self.atol_stride, self.rtol, self.worst)

    cdef int look_for_rate(self) noexcept nogil:
        """One power iteration for the fastest rate, from where the run is; needs the derivative in
        ``K[0]``.
        """
        cdef double size, rate, nudge = fmax(NUDGE / self.rtol, 1.0) if self.rtol > 0 else 1.0
        cdef Py_ssize_t i
        cdef int code
        cdef const double* v = self.direction
        self.unlooked += 1
        if self.looks >= FIRST_LOOKS and self.unlooked < LOOK_EVERY:
            return 0
        if self.looks == 0:
            # how the derivative changed over the step: what moves fastest has the largest part in
            # it
            for i in range(self.n):
                self.direction[i] = self.K[0][i] - self.K[12][i]
        size = self.norm(v, self.y)
        if not (size > 0 and isfinite(size)):
            return 0
        self.looks += 1
        self.unlooked = 0
        for i in range(self.n):
            self.scratch[i] = self.y[i] + nudge / size * v[i]
        code = self.evaluate(self.t, self.scratch, self.K[1])
        if code != 0:
            return code if code < 0 else 0
        for i in range(self.n):
            self.K[1][i] -= self.K[0][i]
        rate = self.norm(self.K[1], self.y) / nudge
        if rate > 0 and isfinite(rate):
            for i in range(self.n):
                self.direction[i] = self.K[1][i]
            # of two looks together: where entries differ in size, a rotation looks fast and slow by
            # turns
            if self.looks > 1:
                # a kink looks infinitely fast
                self.longest = fmax(DAMPED / sqrt(rate * self.rate), 0.5 * (self.t - self.t_old))
            self.rate = rate
        return 0

    # ------------------------------------------------------------------ inside the step

    cdef int interpolate(
        self,
        double t,           # IN within the last step
        double* out,        # OUT (n,)
    ) noexcept nogil:
        cdef int code
        if t == self.t or not self.has_step:
            memcpy(out, self.y, self.n * sizeof(double))
            return 0
        if not self.dense_ready:
            code = self.prepare_dense()
            if code != 0:
                return code
        dop853_interpolate(self.n, fmin((t - self.t_old) / (self.t - self.t_old), 1.0), self.y_old,
                           self.F, out)
        return 0

    cdef int prepare_dense(self) noexcept nogil:
        """The polynomial of the last step, as good as it has to be."""
        cdef double h = self.t - self.t_old
        cdef int code, k, passes = -1
        dop853_cubic(self.room, h, self.K, self.y_old, self.y, self.F)
        code = self.last_stages(h) if self.stages_kept else 1
        if code < 0:
            return code
        if code == 0:
            dop853_dense(self.room, h, self.K, self.F)
            passes = self.refinements()
        if passes == ONLY_CUBIC:
            passes = 0
            for k in range(3, 7):
                memset(self.F[k], 0, self.room * sizeof(double))
        if passes < 0:
            # a stage outside the domain, or none left: the ends are all that is known
            for k in range(3, 7):
                memset(self.F[k], 0, self.room * sizeof(double))
            passes = FROM_CUBIC
        for _ in range(passes):
            code = self.refine(h)
            if code != 0:
                return code
        self.dense_ready = True
        return 0

    cdef int last_stages(
        self,
        double h,           # IN
    ) noexcept nogil:
        cdef int s, code
        for s in range(13, 16):
            dop853_combine(s, self.room, h, self.K, self.y_old, self.scratch)
            code = self.evaluate(self.t_old + NODE[s] * h, self.scratch, self.K[s])
            if code != 0:
                return code
        return 0

    cdef int refinements(self) noexcept nogil:
        """How often: is the last term too large for the steps to be limited by accuracy?  -1: the
        polynomial is no number.
        """
        cdef double last = self.norm(self.F[6], self.y_old)
        cdef double before = self.norm(self.F[5], self.y_old)
        if not isfinite(last):
            return -1
        if LAST_TERM * last <= ROUGH or last <= SHRINKING * before:
            return 0
        if LAST_TERM * last > fmax(self.norm(self.F[0], self.y_old), fmax(
            self.norm(self.F[1], self.y_old), self.norm(self.F[2], self.y_old)
        )):
            # more than ends and slopes tell of: amplified rounding of a state that is at rest
            return ONLY_CUBIC
        # the last terms of a decay grow with hλ: by 3 at 2, by 9 at 4.7, by 11 at 9
        return 1 if last <= 3 * before else 2 if last <= 9 * before else MOST_PASSES

    cdef int refine(
        self,
        double h,           # IN
    ) noexcept nogil:
        """The polynomial once more, from the derivatives that it has itself at four places."""
        cdef int k, code
        for k in range(4):
            dop853_interpolate(self.room, REFINED[k], self.y_old, self.F, self.scratch)
            code = self.evaluate(self.t_old + REFINED[k] * h, self.scratch, self.K[1 + k])
            if code != 0:
                return code
        dop853_refine(self.room, h, self.K, self.F)
        return 0
