"""Which neighbours have come together, and when: the joining of clusters within a run of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .tree import TreeBuilder

__all__ = ["Groups", "Moment"]


@dataclass(frozen=True)
class Moment:
    """Particles in order at one end of a step.

    `below` and `above` say how far what each stands for extends from its position, `rate` is that
    at which the field contracts there, and ``margin(k)`` says for particles k by how much it
    contracts more than is asked for.
    """

    time: float
    x: np.ndarray
    below: np.ndarray
    above: np.ndarray
    rate: np.ndarray
    margin: Callable[[np.ndarray], np.ndarray]

    def extent(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Length from the lower end of particles a to the upper end of particles b."""
        return np.asarray((self.x[b] - self.x[a]) + self.below[a] + self.above[b])


class Groups:
    """Runs of neighbouring particles that have joined while the particles are still followed one by
    one.

    Two groups join as soon as both together extend over no more than `gap` in a field that
    contracts at their common edge. The joins of a step are found in their order in time, by cubic
    Hermite interpolation of the logarithm of each extent, whose slope is minus the rate of
    contraction.
    """

    def __init__(self, nodes: np.ndarray, gap: float):
        self.gap = gap
        self.first = np.arange(nodes.size)
        self.nodes = nodes
        self.inner = np.zeros(max(nodes.size - 1, 0), bool)  # pairs of neighbours within one group

    @property
    def count(self) -> int:
        """Number of groups, of one particle or several, that are left."""
        return self.first.size

    @property
    def last(self) -> np.ndarray:
        """Last particle of each group."""
        return np.append(self.first[1:], self.inner.size + 1) - 1

    def advance(
        self,
        begin: Moment,
        end: Moment,
        tree: TreeBuilder,
        log_time: Callable[[np.ndarray], np.ndarray],
    ) -> int:
        """Find what joins between two moments; write it into `tree` at ``log_time(time)``, and
        return how many joins.
        """
        pairs = np.flatnonzero((np.diff(end.x) <= self.gap) & ~self.inner)
        if pairs.size == 0:
            return 0
        left = np.searchsorted(self.first, pairs, side="right") - 1
        some = np.unique(np.concatenate([left, left + 1]))  # the groups that may take part
        ends = np.append(self.first[1:], self.inner.size + 1) - 1
        joins = _Joins(self.gap, begin, end, self.first[some], ends[some], self.nodes[some], tree)
        joins.link(np.searchsorted(some, left))
        while joins.round():
            pass
        if not joins.found:
            return 0
        gone = some[joins.gone]
        self.nodes = self.nodes.copy()
        self.nodes[np.delete(some, joins.gone)] = joins.write(tree, log_time)
        self.inner[self.first[gone] - 1] = True
        self.first, self.nodes = np.delete(self.first, gone), np.delete(self.nodes, gone)
        return int(gone.size)


class _Joins:
    """The joins of one step among some of the groups."""

    def __init__(
        self,
        gap: float,
        begin: Moment,
        end: Moment,
        first: np.ndarray,
        last: np.ndarray,
        nodes: np.ndarray,
        tree: TreeBuilder,
    ):
        self.gap, self.begin, self.end, self.new = gap, begin, end, tree.n + tree.count
        self.first, self.last, self.nodes = first, last, nodes
        self.size, self.mass = tree.sizes_of(nodes), tree.masses_of(nodes)
        self.born = np.zeros(first.size)
        self.index = np.arange(first.size)  # of each group among those at the beginning
        self.when = np.full(max(first.size - 1, 0), np.inf)
        self.found: list[tuple[np.ndarray, ...]] = []
        self.joined: list[np.ndarray] = []

    def link(self, pairs: np.ndarray) -> None:
        """Find when the groups `pairs` join the ones behind them, as a part of the step; infinite:
        not within it.
        """
        if pairs.size == 0:
            return
        a, b = self.first[pairs], self.last[pairs + 1]
        edge, other = self.last[pairs], self.first[pairs + 1]
        extent = self.end.extent(a, b)
        margin = np.minimum(self.end.margin(edge), self.end.margin(other))
        able = (extent <= self.gap) & (margin >= 0)
        when = np.full(pairs.size, np.inf)
        if np.any(able):
            a, b, edge, other = a[able], b[able], edge[able], other[able]
            before = np.minimum(self.begin.margin(edge), self.begin.margin(other))
            allowed = np.where(
                before < 0, before / np.where(before < 0, before - margin[able], 1.0), 0.0
            )
            parts = np.maximum(self.born[pairs[able]], self.born[pairs[able] + 1])
            when[able] = np.maximum(np.maximum(self.crossing(a, b, extent[able]), allowed), parts)
        self.when[pairs] = when

    def crossing(self, a: np.ndarray, b: np.ndarray, extent: np.ndarray) -> np.ndarray:
        """Part of the step at which the extent from particle a to particle b falls to the gap."""
        step = self.end.time - self.begin.time
        start = self.begin.extent(a, b)
        if step <= 0:
            return np.zeros(a.size)
        s0 = -0.5 * step * (self.begin.rate[a] + self.begin.rate[b])
        s1 = -0.5 * step * (self.end.rate[a] + self.end.rate[b])
        high = np.log(np.maximum(start / self.gap, 1.0))
        # positions are known to 1e-15: what has come closer is extrapolated from the rates
        least = max(2e-15 / self.gap, 1e-3)
        low = np.log(np.maximum(extent / self.gap, least))
        low = np.where(extent > least * self.gap, low, np.minimum(low, high + 0.5 * (s0 + s1)))
        change = low - high
        theta = np.where(change < 0, -high / np.where(change < 0, change, -1.0), 0.0)
        for _ in range(6):  # Newton's method; the logarithm is nearly linear
            value = high + theta * (
                s0 + theta * ((3 * change - 2 * s0 - s1) + theta * (s0 + s1 - 2 * change))
            )
            slope = s0 + theta * (
                2 * (3 * change - 2 * s0 - s1) + 3 * theta * (s0 + s1 - 2 * change)
            )
            theta = np.clip(theta - value / np.where(slope < 0, slope, -np.inf), 0.0, 1.0)
        return np.where(start <= self.gap, 0.0, theta)

    def round(self) -> bool:
        """Join all pairs that join before both their neighbours; a pair only gets later as its
        groups grow.
        """
        if not np.any(np.isfinite(self.when)):
            return False
        # ties in any order, but not one after the other along the circle
        order = np.lexsort((np.arange(self.when.size) * 2654435761 % 2**32, self.when))
        rank = np.empty(order.size + 2, np.intp)
        rank[0] = rank[-1] = order.size
        rank[1:-1][order] = np.arange(order.size)
        earliest = (rank[1:-1] < rank[:-2]) & (rank[1:-1] < rank[2:]) & np.isfinite(self.when)
        k = np.flatnonzero(earliest)
        self.size[k] += self.size[k + 1]
        self.mass[k] += self.mass[k + 1]
        self.found.append(
            (self.nodes[k], self.nodes[k + 1], self.size[k], self.mass[k], self.when[k])
        )
        self.joined.append(self.index[k + 1])
        linked = np.isfinite(self.when)
        self.nodes[k] = self.new + np.arange(k.size)
        self.new += k.size
        self.born[k] = self.when[k]
        self.last[k] = self.last[k + 1]
        for name in ("first", "last", "nodes", "size", "mass", "born", "index"):
            setattr(self, name, np.delete(getattr(self, name), k + 1))
        self.when, linked = np.delete(self.when, k), np.delete(linked, k)
        # pairs with a group that has grown
        grown = k - np.arange(k.size)
        pairs = np.unique(np.concatenate([grown - 1, grown]))
        pairs = pairs[(pairs >= 0) & (pairs < self.when.size)]
        self.link(pairs[linked[pairs]])
        return True

    @property
    def gone(self) -> np.ndarray:
        """Which of the groups have joined the one before them."""
        return np.sort(np.concatenate(self.joined))

    def write(self, tree: TreeBuilder, log_time: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Write all joins into the tree in the order of time; return the nodes of the groups that
        are left.
        """
        left, right, sizes, masses, when = (
            np.concatenate(parts) for parts in zip(*self.found, strict=True)
        )
        order = np.argsort(when, kind="stable")  # a group is made before it joins another
        made = tree.n + tree.count
        name = np.empty(order.size, np.intp)
        name[order] = made + np.arange(order.size)

        def renamed(nodes: np.ndarray) -> np.ndarray:
            out = nodes.copy()
            inside = nodes >= made
            out[inside] = name[nodes[inside] - made]
            return out

        times = self.begin.time + when[order] * (self.end.time - self.begin.time)
        tree.join(
            renamed(left[order]),
            renamed(right[order]),
            sizes[order],
            masses[order],
            log_time(times),
        )
        return renamed(self.nodes)
