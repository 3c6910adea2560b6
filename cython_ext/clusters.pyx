"""Clusters on the circle that come together, and the tree of what has merged."""

from libc.math cimport INFINITY, exp

import numpy as np

from qsyncplug._ext.circle cimport MeanField
from qsyncplug._ext.integrator cimport RightHandSide


cdef class Clusters(RightHandSide):
    """Clusters in order, and how far the field has drawn each together; an event where two meet.

    The state holds n positions and n integrals of the rate at which the field contracts there: what
    extended over w when the run began extends over w exp(-integral). The event is where two
    neighbours, from the lower end of one to the upper end of the other, first extend over no more
    than `gap`.

    Parameters
    ----------
    field : MeanField
        Of n clusters, by direct sums, without lag, frequencies and gains.
    below, above : (n,) array
        How far each cluster reaches at the start.
    watched : (n-1,) array of bool
        The pairs of neighbours that the event is about.
    gap : float
    """

    cdef MeanField field
    cdef Py_ssize_t count
    cdef double[::1] below, above, slope
    cdef unsigned char[::1] watched
    cdef double gap, stretch

    def __init__(self, MeanField field, below, above, watched, double gap):
        self.field = field
        self.count = field.size
        self.size = 2 * field.size
        self.complex_pairs = False
        if field.method_name != "direct":
            raise ValueError(f"field must use direct sums, not {field.method_name}")
        self.below = np.array(below, dtype=np.float64)
        self.above = np.array(above, dtype=np.float64)
        self.watched = np.array(watched, dtype=np.uint8)
        if self.below.shape[0] != self.count or self.above.shape[0] != self.count \
                or self.watched.shape[0] != self.count - 1:
            raise ValueError(
                f"below and above must hold {self.count} numbers, watched one less"
            )
        self.slope = np.empty(self.count)
        self.gap = gap
        self.stretch = exp(field.pair.shift)

    # IN t, y (2n,); OUT dy (2n,)
    cdef int evaluate(self, double t, const double* y, double* dy) noexcept nogil:
        cdef bint divided = self.field.a is not None
        cdef double* norm = &self.field.norm[0] if divided else NULL
        cdef double* slope = &self.slope[0]
        cdef Py_ssize_t i, n = self.count
        self.field.shifted_pairs(y, dy, slope, norm)
        for i in range(n):
            dy[i] *= -self.field.scale
            dy[n + i] = slope[i] * self.field.scale
            if divided:
                # -V' of V = -chi/g, where g' = -beta chi
                dy[i] /= norm[i]
                dy[n + i] = (
                    dy[n + i] / norm[i] + self.field.pair.beta * dy[i] * dy[i] * self.stretch
                )
        return 0

    cdef void events(
        self,
        double t,           # IN
        const double* y,    # IN (2n,)
        double* g,          # OUT one number
    ) noexcept nogil:
        cdef Py_ssize_t i, n = self.count
        cdef double smallest = INFINITY, extent
        for i in range(n - 1):
            if self.watched[i]:
                extent = y[i + 1] - y[i]
                if self.below[i] > 0:
                    extent += self.below[i] * exp(-y[n + i])
                if self.above[i + 1] > 0:
                    extent += self.above[i + 1] * exp(-y[n + i + 1])
                if extent < smallest:
                    smallest = extent
        g[0] = smallest / self.gap - 1


def check_merges(
    const Py_ssize_t[::1] left,     # IN (merges,)
    const Py_ssize_t[::1] right,    # IN (merges,)
    Py_ssize_t merges,              # IN
    Py_ssize_t n,                   # IN leaves
):
    """Refuse merges of nodes that do not exist yet."""
    cdef Py_ssize_t k
    if merges < 0 or left.shape[0] < merges or right.shape[0] < merges:
        raise ValueError(f"left and right must hold {merges} nodes")
    for k in range(merges):
        if not (0 <= left[k] < n + k and 0 <= right[k] < n + k):
            raise ValueError(
                f"merge {k} must join two of the nodes 0 to {n + k - 1}, not {left[k]} and "
                f"{right[k]}"
            )


def roots(
    const Py_ssize_t[::1] left,     # IN (merges,)
    const Py_ssize_t[::1] right,    # IN (merges,)
    Py_ssize_t merges,              # IN
    Py_ssize_t n,                   # IN leaves
):
    """For each of n leaves the node that holds it after the first `merges` merges; merge k makes
    node n + k.
    """
    cdef Py_ssize_t[::1] top = np.arange(n + merges)
    cdef Py_ssize_t k
    check_merges(left, right, merges, n)
    with nogil:
        for k in range(merges - 1, -1, -1):
            top[left[k]] = top[n + k]
            top[right[k]] = top[n + k]
    return np.asarray(top)[:n].copy()


def leaf_order(
    const Py_ssize_t[::1] left,     # IN (n-1,)
    const Py_ssize_t[::1] right,    # IN (n-1,)
    const Py_ssize_t[::1] size,     # IN (n-1,) leaves of each node
    Py_ssize_t n,                   # IN leaves
):
    """Order of n leaves in which no branches of a complete tree cross, left before right."""
    cdef Py_ssize_t[::1] at = np.zeros(2 * n - 1, np.intp)
    cdef Py_ssize_t[::1] out = np.empty(n, np.intp)
    cdef Py_ssize_t k, a
    check_merges(left, right, n - 1, n)
    if size.shape[0] < n - 1:
        raise ValueError(f"size must hold {n - 1} numbers, not {size.shape[0]}")
    with nogil:
        for k in range(n - 2, -1, -1):
            a = left[k]
            at[a] = at[n + k]
            at[right[k]] = at[n + k] + (1 if a < n else size[a - n])
        for k in range(n):
            # sizes that are not those of the nodes must not reach beyond the array
            if 0 <= at[k] < n:
                out[at[k]] = k
    return np.asarray(out)
