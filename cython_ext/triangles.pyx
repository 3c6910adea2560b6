"""Three clusters at rest under the self-attention: all of them, by one equation in one angle."""

from libc.math cimport INFINITY, M_PI, acos, cos, exp, fabs, fmax, fmin, log, sin, sqrt

import numpy as np

#: clusters closer than this are one
cdef double _APART = 1e-6
#: an interval of log x is not cut below this
cdef double _FINEST = 1e-6
#: places are found to this while states are separated, relative to themselves
cdef double _ROUGH = 1e-9
cdef enum:
    _DEPTH = 64
    _MOST = 32


cdef struct Side:
    # an arc d of a cluster: x = d, or x = π − d with sign −1 and β reversed; f rises in x up to top
    double beta, sign, top, share, peak


cdef struct Cell:
    # an interval of s = log x_0, and the others at its ends
    double a, b
    double[3] low
    double[3] high


cdef double height(double x, double beta) noexcept nogil:
    """log f, for 0 < x < π."""
    return log(sin(x)) + beta * cos(x)


cdef double slope(double x, double beta) noexcept nogil:
    """Its derivative."""
    cdef double s = sin(x)
    return cos(x) / s - beta * s


cdef double invert(
    double y,           # IN
    const Side* side,   # IN
    double low,         # IN height is below y here
    double high,        # IN and above it here, up to the top
    double rough,       # IN relative error that is allowed
) noexcept nogil:
    """Where `height` is y: Newton's method for √(peak − height), which is smooth at both ends."""
    cdef double x = exp(y - side.beta), goal, q, s, c, step, before = INFINITY
    cdef int k
    if y >= side.peak:
        return side.top
    goal = sqrt(side.peak - y)
    # x is what it is near 0
    if not low < x < high:
        x = sqrt(low * high) if 8 * low > high else 0.5 * high
    for k in range(60):
        s, c = sin(x), cos(x)
        q = sqrt(fmax(0, side.peak - log(s) - side.beta * c))
        if q < goal:
            high = x
        else:
            low = x
        # of log x
        step = 2 * q * (q - goal) / (x * (c / s - side.beta * s))
        if fabs(step) <= rough or (k > 4 and fabs(step) >= fabs(before)):
            return x * (1 + step) if low <= x * (1 + step) <= high else x
        before = step
        step = x * exp(step)
        x = step if low < step < high else sqrt(low * high)
    return x


cdef void steepness(
    double low, double high,        # IN an interval of x, up to the top
    double beta,                    # IN
    double* least, double* most,    # OUT
) noexcept nogil:
    """Bounds of `slope`, which is positive, over it."""
    cdef double s = sin(low), e = sin(high)
    cdef double small = fmin(s, e), large = 1 if low < 0.5 * M_PI < high else fmax(s, e)
    least[0] = fmax(0, cos(high) / e - beta * (large if beta > 0 else small))
    most[0] = cos(low) / s - beta * (small if beta > 0 else large)


cdef int direction(
    const Cell* c,          # IN
    const Side* side,       # IN (3,)
) noexcept nogil:
    """Whether the sum rises all over the cell (1), falls (-1), or neither is sure (0)."""
    cdef double least, most, first, last, low, high, p, q
    cdef int k
    steepness(c.low[0], c.high[0], side[0].beta, &first, &last)
    low, high = c.low[0], c.high[0]
    if side[0].sign < 0:
        low, high = -high, -low
    first, last = first * c.low[0], last * c.high[0]
    for k in range(1, 3):
        steepness(c.low[k], c.high[k], side[k].beta, &least, &most)
        if least <= 0:
            return 0
        p, q = first / most, last / least
        low += p if side[k].sign > 0 else -q
        high += q if side[k].sign > 0 else -p
    return 1 if low > 0 else -1 if high < 0 else 0


cdef class Arcs:
    """Arcs d_i opposite to clusters of weights 1 ≥ w_1, w_2 with f(d_i)/w_i all equal, Σd_i = 2π.

    f = sin x exp(β cos x) rises up to τ and falls from there: each arc is on one side of τ or the
    other. For one place of d_0 the others follow, and their sum is 2π at the states.

    Parameters
    ----------
    beta : float
    first, second : float
        w_1, w_2, in (0, 1].
    """

    cdef Side[3] side
    cdef double goal
    cdef double[_MOST][3] found
    cdef int count
    #: intervals at the finest width that may hold two states, or none
    cdef readonly int unsure

    def __init__(self, double beta, double first, double second):
        cdef int sides
        self.side[0].share, self.side[1].share, self.side[2].share = 0, log(first), log(second)
        with nogil:
            for sides in range(8):
                self.choose(beta, sides)
                self.search(beta, sides)

    cdef void choose(self, double beta, int sides) noexcept nogil:
        cdef Side* p
        cdef int k
        self.goal = 2 * M_PI
        for k in range(3):
            p = &self.side[k]
            p.sign = -1 if sides >> k & 1 else 1
            p.beta = p.sign * beta
            p.top = acos(2 * p.beta / (1 + sqrt(1 + 4 * beta * beta)))
            p.peak = height(p.top, p.beta)
            if p.sign < 0:
                self.goal -= M_PI

    cdef double start(self, double beta, int sides) noexcept nogil:
        """Below it x_0, the largest on its side, cannot be."""
        if sides == 0:
            return 2 * M_PI / 3
        if sides == 7:
            return M_PI / 3
        if not sides & 1:
            return M_PI / 2 if self.goal > 3 else _APART
        # an arc on the other side is at least _APART
        return exp(log(_APART) + 2 * beta)

    cdef double excess(
        self,
        double s,           # IN
        const Cell* c,      # IN the others are between its ends
        double rough,       # IN
        double* x,          # OUT (3,)
    ) noexcept nogil:
        cdef double y, total
        cdef int k
        x[0] = exp(s)
        y = height(x[0], self.side[0].beta)
        total = self.side[0].sign * x[0] - self.goal
        for k in range(1, 3):
            x[k] = invert(y + self.side[k].share, &self.side[k], c.low[k], c.high[k], rough)
            total += self.side[k].sign * x[k]
        return total

    cdef double total(
        self,
        const double* x,        # IN (3,)
    ) noexcept nogil:
        return (
            self.side[0].sign * x[0] + self.side[1].sign * x[1] + self.side[2].sign * x[2]
            - self.goal
        )

    cdef void search(self, double beta, int sides) noexcept nogil:
        cdef Cell[_DEPTH] stack
        cdef Cell c
        cdef double s, low, high, at_a, at_b, bottom = self.start(beta, sides)
        cdef double[3] x
        cdef int size = 1, sure, k
        if bottom >= self.side[0].top:
            return
        c.a, c.b = log(bottom), log(self.side[0].top)
        for k in range(3):
            c.low[k], c.high[k] = 1e-320, self.side[k].top
        self.excess(c.a, &c, _ROUGH, &stack[0].low[0])
        self.excess(c.b, &c, _ROUGH, &stack[0].high[0])
        stack[0].high[0], stack[0].a, stack[0].b = self.side[0].top, c.a, c.b
        while size > 0:
            size -= 1
            c = stack[size]
            at_a, at_b = self.total(&c.low[0]), self.total(&c.high[0])
            low = high = -self.goal
            for k in range(3):
                low += c.low[k] if self.side[k].sign > 0 else -c.high[k]
                high += c.high[k] if self.side[k].sign > 0 else -c.low[k]
            s = 4 * _ROUGH * (c.high[0] + c.high[1] + c.high[2])
            if low > s or high < -s:
                continue
            sure = direction(&c, &self.side[0])
            if sure != 0 or c.b - c.a < _FINEST or size + 2 > _DEPTH:
                if sure == 0 and (at_a <= 0) == (at_b <= 0):
                    self.unsure += 1  # and more of these cells would say no more
                    return
                if sure == 0:
                    sure = 1 if at_a <= 0 else -1
                # what the ends are is known roughly
                if sure * at_a <= s and sure * at_b >= -s:
                    self.settle(&c, sure)
                continue
            s = 0.5 * (c.a + c.b)
            self.excess(s, &c, _ROUGH, x)
            stack[size] = stack[size + 1] = c
            stack[size].b = stack[size + 1].a = s
            for k in range(3):
                stack[size].high[k] = stack[size + 1].low[k] = x[k]
            size += 2

    cdef void settle(
        self,
        const Cell* cell,   # IN
        int rising,         # IN 1, or -1 where the sum falls
    ) noexcept nogil:
        """The one place within a cell where the sum is right, if there is one."""
        cdef Cell c = cell[0]
        cdef double[3] x
        cdef int k
        # the places at the ends are rough
        for k in range(3):
            c.low[k] *= 1 - 4 * _ROUGH
            c.high[k] = fmin(self.side[k].top, c.high[k] * (1 + 4 * _ROUGH))
        for k in range(3):
            x[k] = sqrt(cell.low[k] * cell.high[k])
        if self.polish(&c, x) or self.bracket(&c, rising, x):
            self.keep(x)

    cdef bint polish(
        self,
        const Cell* c,      # IN where the place must be
        double* x,          # INOUT (3,)
    ) noexcept nogil:
        """Newton's method for all three places; whether it has ended within the cell."""
        cdef double[3] e, off
        cdef double num, den, step, worst
        cdef int _, i
        for _ in range(12):
            num, den, worst = -self.total(x), self.side[0].sign * x[0], 0
            for i in range(3):
                e[i] = x[i] * slope(x[i], self.side[i].beta)
                off[i] = height(x[i], self.side[i].beta)
            for i in range(1, 3):
                off[i] -= off[0] + self.side[i].share
                num += self.side[i].sign * x[i] * off[i] / e[i]
                den += self.side[i].sign * x[i] * e[0] / e[i]
            step = num / den
            for i in range(3):
                num = step if i == 0 else (e[0] * step - off[i]) / e[i]
                worst = fmax(worst, fabs(num))
                x[i] = fmax(c.low[i], fmin(c.high[i], x[i] * exp(num)))
            if worst < 1e-14:
                return True
        return False

    cdef bint bracket(
        self,
        const Cell* c,      # IN
        int rising,         # IN 1, or -1 where the sum falls
        double* x,          # OUT (3,)
    ) noexcept nogil:
        """The same by halving, where Newton's method has left the cell; False if there is none."""
        cdef double low = c.a, high = c.b, s
        cdef int _
        if (rising * self.excess(low, c, 1e-15, x) > 0
                or rising * self.excess(high, c, 1e-15, x) <= 0):
            return False
        for _ in range(200):
            s = 0.5 * (low + high)
            if not low < s < high:
                break
            if rising * self.excess(s, c, 1e-15, x) > 0:
                high = s
            else:
                low = s
        return True

    cdef void keep(
        self,
        double* x,          # INOUT (3,): arcs afterwards
    ) noexcept nogil:
        cdef int k
        for k in range(3):
            x[k] = x[k] if self.side[k].sign > 0 else M_PI - x[k]
        if fmin(x[0], fmin(x[1], x[2])) > _APART and self.count < _MOST:
            for k in range(3):
                self.found[self.count][k] = x[k]
            self.count += 1

    @property
    def arcs(self):
        """(states, 3) array of d_0, d_1, d_2."""
        cdef double[:, ::1] out = np.empty((self.count, 3))
        cdef int k, i
        for k in range(self.count):
            for i in range(3):
                out[k, i] = self.found[k][i]
        return np.asarray(out)
