"""One step of Dormand-Prince 8(5,3): what lies inside it, and how long it may be.

E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, sections II.5 and
II.6.

Where accuracy limits the steps, the polynomial of 7th order that 16 stages give is about three
times less accurate than a step may be. Where stability does (hλ≈6 for a decay at rate λ), it is up
to 80 times less accurate: what is left of the decay, less than the tolerance at both ends, is
amplified between them. Its last coefficient tells the two apart, without any further evaluation. A
step whose polynomial is not good enough is gone through once more in parts, each with a polynomial
of its own; the steps themselves stay what they are, so that they do not depend on the outputs.

The ends suffer too where something slow goes on beside the decay, a rotation for instance: the
estimate of the error is e5²/√(e5²+.01 e3²), and the slow motion's e3 hides the e5 of the decay, a
thousand tolerances of it. Power iteration, an evaluation every few steps, finds the fastest rate,
and no step passes the range where it is damped well.
"""

from libc.math cimport fmax, fmin, isfinite, sqrt

cdef extern from "dop853.h" nogil:
    const double NODE[16]
    # dop853.h says what is IN and OUT
    void dop853_combine(int stage, ptrdiff_t n, double h, double** K, const double* base,
                        double* out)
    double dop853_norm(ptrdiff_t n, int width, const double* v, const double* y, const double* atol,
                       ptrdiff_t stride, double rtol, int worst)
    void dop853_dense(ptrdiff_t n, double h, double** K, const double* y0, const double* y1,
                      double** F)
    void dop853_interpolate(ptrdiff_t n, double x, const double* y0, double** F, double* out)

# The last term of the polynomial, at most (4/7)^4 (3/7)^3 of its coefficient, in tolerances. For
# y'=λy with the longest step that the error control accepts it is 17 to 31 where 0.2 < |hλ| < 4,
# and 80 to 880 at the edge of stability; it is six to ten times the error of the polynomial.
# Shorter steps, of tight tolerances, make it larger without making the error so: there it is a
# small part of the term before it.
cdef double LAST_TERM = 0.00839
cdef double ROUGH = 30.0
cdef double SHRINKING = 0.5
cdef int MOST_PARTS = 8

# the longest step in units of the fastest rate: |R(-4.5)|=.008, and one polynomial is enough
cdef double DAMPED = 4.5
cdef int FIRST_LOOKS = 4        # one a step, then one every few steps
cdef int LOOK_EVERY = 8
# of the state: more than rounding, less than where the equations bend
cdef double NUDGE = 1e-7


cdef class Step:
    """The last step, and the solution within it; base class of the integrator."""

    # IN t, y; OUT dy, see dense.pxd
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        return -1

    cdef int interpolate(
        self,
        double t,           # IN within the last step
        double* out,        # OUT (n,)
    ) noexcept nogil:
        cdef double start = self.t_old, length = self.t - self.t_old
        cdef const double* base = self.y_old
        cdef Py_ssize_t i
        cdef int code
        if t == self.t or not self.has_step:
            for i in range(self.n):
                out[i] = self.y[i]
            return 0
        if not self.dense_ready:
            code = self.prepare_dense()
            if code != 0:
                return code
        if self.parts > 1:
            code = self.find_part(t)
            if code != 0:
                return code
            length /= self.parts
            start += self.part * length
            base = self.ends[0]
        dop853_interpolate(self.n, fmin((t - start) / length, 1.0), base, self.F, out)
        return 0

    cdef int prepare_dense(self) noexcept nogil:
        """One polynomial for the step, or the decision that it takes several."""
        cdef int code = self.polynomial(self.t_old, self.t - self.t_old, self.K, self.y_old, self.y)
        if code < 0:
            return code
        self.parts = 2 if code > 0 or self.rough() else 1
        self.part = -1
        self.dense_ready = True
        return 0

    cdef int find_part(
        self,
        double t,           # IN within the last step
    ) noexcept nogil:
        """Go to the part of the step that holds `t`, or back to the first and from there."""
        cdef int code
        while True:
            wanted = <int>fmin((t - self.t_old) / (self.t - self.t_old) * self.parts,
                               self.parts - 1)
            if self.part == wanted:
                return 0
            if self.part > wanted:
                self.part = -1
            code = self.next_part()
            if code < 0:
                return code
            if (code > 0 or self.rough()) and self.parts < MOST_PARTS:
                self.parts *= 2
                self.part = -1
            elif code > 0:
                return code

    cdef int next_part(self) noexcept nogil:
        """Step over one more part; its ends are ``ends``: state, derivative, state, derivative."""
        cdef double* K[STAGES]
        cdef double h = (self.t - self.t_old) / self.parts, t
        cdef Py_ssize_t i
        cdef int s, code
        for i in range(self.n):
            self.ends[0][i] = self.y_old[i] if self.part < 0 else self.ends[2][i]
            self.ends[1][i] = self.K[0][i] if self.part < 0 else self.ends[3][i]
        self.part += 1
        t = self.t_old + self.part * h
        # the stages of the step itself are not needed any more, but for the derivatives at its ends
        for s in range(STAGES):
            K[s] = self.K[s]
        K[0] = self.ends[1]
        K[12] = self.ends[3]
        for s in range(1, 12):
            dop853_combine(s, self.n, h, K, self.ends[0], self.scratch)
            code = self.evaluate(t + NODE[s] * h, self.scratch, K[s])
            if code != 0:
                return code
        dop853_combine(12, self.n, h, K, self.ends[0], self.ends[2])
        code = self.evaluate(t + h, self.ends[2], K[12])
        if code != 0:
            return code
        return self.polynomial(t, h, K, self.ends[0], self.ends[2])

    cdef int polynomial(
        self,
        double t,           # IN start
        double h,           # IN length
        double** K,         # INOUT stages, each (n,): 13 are known
        const double* y0,   # IN (n,)
        const double* y1,   # IN (n,)
    ) noexcept nogil:
        cdef int s, code
        for s in range(13, 16):
            dop853_combine(s, self.n, h, K, y0, self.scratch)
            code = self.evaluate(t + NODE[s] * h, self.scratch, K[s])
            if code != 0:
                return code
        dop853_dense(self.n, h, K, y0, y1, self.F)
        return 0

    cdef bint rough(self) noexcept nogil:
        """Is the last term of the polynomial too large for its steps to be limited by accuracy?"""
        cdef double last = self.norm(self.F[6], self.y_old)
        return not (LAST_TERM * last <= ROUGH
                    or last <= SHRINKING * self.norm(self.F[5], self.y_old))

    cdef int look_for_rate(
        self,
        double h,           # IN the last step
    ) noexcept nogil:
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
                self.longest = fmax(DAMPED / sqrt(rate * self.rate), 0.5 * h)
            self.rate = rate
        return 0

    cdef double norm(
        self,
        const double* v,    # IN (n,)
        const double* y,    # IN (n,)
    ) noexcept nogil:
        """Size of `v` in units of the tolerance at `y`."""
        return dop853_norm(self.n, self.width, v, y, &self.atol[0], self.atol_stride, self.rtol,
                           self.worst)
