r"""The search for gap-functional proofs, in floating point; the checker decides their worth.

γ is found by linear programming with cutting planes: each longest path around the circle (the
worst configuration for the γ at hand) is one linear inequality. The potentials are the values of
the longest paths, which dynamic programming gives, plus a share of the margin for every edge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.optimize

from .._ext.paths import longest_paths
from .gapcheck import GapBox

__all__ = ["Edges", "best_gamma", "cover", "longest", "make_box"]

Values = tuple[np.ndarray, np.ndarray, np.ndarray]

#: slopes of γ are kept below this, so that boxes need not be small
_STEEPEST = 3.0
#: γ stays above this
_LEAST = 0.3
#: shares of the margin: of the first edge, of all others together; the rest is for the last one
_SHARES = (0.1, 0.7)
#: cells, relative to all of them, up to which gaps are short, for each unit of β above −0.68
_SHORT = 0.6
_STEP = 1e-4  # of β, for derivatives


def attention_values(beta: float, x: np.ndarray) -> Values:
    """f, f' and f″ of the attention, divided by f'(0)."""
    s, c = np.sin(x), np.cos(x)
    e = np.exp(beta * (c - 1))
    s2 = s * s
    return s * e, (c - beta * s2) * e, s * (beta * beta * s2 - 3 * beta * c - 1) * e


class Edges:
    """A(a, b)/(b−a) between the nodes of a grid, and for gaps from the particle itself.

    Parameters
    ----------
    values : tuple of (N+1,) arrays
        f, f', f″ at 2πi/N, with f'(0)=1.
    tau : float
        f' is negative beyond.
    """

    def __init__(self, values: Values, tau: float):
        self.f, self.slope, self.f2 = f, f1, _ = [np.ascontiguousarray(v, float) for v in values]
        n = self.n = f.size - 1
        h = self.h = 2 * np.pi / n
        self.x = np.arange(n + 1) * h
        self.most, self.least = int(np.ceil(tau / h)), int(np.floor(tau / h))
        top = self.top = n // 2
        self.gaps = np.arange(1, top + 1) * h
        self.outer = (0.5 * f1[1 : top + 1] - f[1 : top + 1] / self.gaps) / self.gaps

    def inner(self, k: int, b: int) -> float:
        """A/Δ of the gap of k cells that ends at the node b."""
        gap = self.gaps[k - 1]
        rise = self.f[b] - self.f[b - k]
        return float((0.5 * (self.slope[b - k] + self.slope[b]) - rise / gap) / gap)

    def hats(self, knots: int, constant: int) -> np.ndarray:
        """γ − 1 for a slope of 1 at one knot, falling linearly to 0 at its neighbours."""
        width = np.pi / knots
        rows = []
        for k in range(constant + 1, knots + 1):
            t = np.clip(self.gaps / width - k, -1, 1)
            rows.append(width * np.where(t < 0, 0.5 * (1 + t) ** 2, 1 - 0.5 * (1 - t) ** 2))
        return np.array(rows)


@dataclass
class Longest:
    """Longest paths to every node, before and after the one long gap, and around the circle."""

    end: float
    last: tuple[int, int]  # cells of the last gap, and the layer it starts from
    before: np.ndarray
    after: np.ndarray
    came: tuple[np.ndarray, np.ndarray, np.ndarray] = field(repr=False)


def longest(
    edges: Edges,
    gamma: np.ndarray,
    floors: tuple[float, float] = (-np.inf, -np.inf),
    first: bool = True,
) -> Longest:
    """Dynamic programming; a path may also begin anywhere, at a value of `floors`."""
    n, top, most = edges.n, edges.top, edges.most
    before, after = np.full(n + 1, floors[0]), np.full(n + 1, floors[1])
    from_before, from_after = np.full(n + 1, -1, np.int64), np.full(n + 1, -1, np.int64)
    stayed = np.zeros(n + 1, np.uint8)  # reached within the layer of `after`
    longest_paths(
        edges.f,
        edges.slope,
        gamma / edges.gaps,
        1 / edges.gaps,
        most,
        edges.least,
        first,
        before,
        after,
        from_before,
        from_after,
        stayed,
    )
    ends = gamma * edges.outer
    q0 = before[n - top : n][::-1] + ends
    q1 = after[n - top : n][::-1][:most] + ends[:most]
    j0, j1 = int(np.argmax(q0)), int(np.argmax(q1))
    end, last = (q0[j0], (j0 + 1, 0)) if q0[j0] >= q1[j1] else (q1[j1], (j1 + 1, 1))
    return Longest(float(end), last, before, after, (from_before, from_after, stayed))


def path_row(edges: Edges, found: Longest, hats: np.ndarray) -> tuple[float, np.ndarray]:
    """Value of the longest path as a function of γ: constant part, coefficients of the slopes."""
    gap, layer = found.last
    from_before, from_after, stayed = found.came
    pairs = [(gap, edges.outer[gap - 1])]
    b = edges.n - gap
    while True:
        k = int(from_after[b] if layer else from_before[b])
        if k < 0:
            pairs.append((b, edges.outer[b - 1]))
            break
        layer = int(stayed[b]) if layer else 0
        pairs.append((k, edges.inner(k, b)))
        b -= k
    weights = np.array([w for _, w in pairs])
    return float(np.sum(weights)), hats[:, [k - 1 for k, _ in pairs]] @ weights


def best_gamma(
    edges: Edges,
    knots: int = 24,
    constant: int = 1,
    *,
    start: np.ndarray | None = None,
    rounds: int = 120,
    tolerance: float = 3e-3,
) -> tuple[float, np.ndarray]:
    """Slopes of γ for which the longest path is as negative as it gets, and its value."""
    hats = edges.hats(knots, constant)
    size = len(hats)
    slopes = np.zeros(size) if start is None else start
    best, chosen = np.inf, slopes
    positive = np.c_[-hats[:, ::2].T, np.zeros(hats[:, ::2].shape[1])]
    rows: list[np.ndarray] = []
    limits: list[float] = []
    bounds = [(-_STEEPEST, _STEEPEST)] * size + [(-10, 10)]
    for k in range(rounds):
        found = longest(edges, 1 + slopes @ hats)
        if found.end < best:
            best, chosen = found.end, slopes
        value, row = path_row(edges, found, hats)
        rows.append(np.append(row, -1.0))
        limits.append(-value)
        answer = scipy.optimize.linprog(
            np.append(np.zeros(size), 1.0),
            A_ub=np.vstack([rows, positive]),
            b_ub=np.append(limits, np.full(len(positive), 1 - _LEAST)),
            bounds=bounds,
            method="highs",
        )
        if answer.x is None or best - answer.x[-1] < tolerance * abs(answer.x[-1]):
            break
        # half-way to the best so far: corners of the program are far from its solution
        new = answer.x[:-1]
        slopes = 0.5 * (chosen + new) if k % 4 else new
    return best, chosen


def _edges_of(beta: float, cells: int) -> Edges:
    tau = float(np.arccos(2 * beta / (1 + np.sqrt(1 + 4 * beta * beta))))
    return Edges(attention_values(beta, 2 * np.pi * np.arange(cells + 1) / cells), tau)


def _fifth(beta: float, x: np.ndarray) -> np.ndarray:
    """−f⁽⁵⁾ of the attention, where positive."""
    b, s, c = beta, np.sin(x), np.cos(x)
    s2 = s * s
    p = c + 3 * b * c * c - 4 * b * s2 - 6 * b * b * c * s2 + b**3 * s2 * s2
    q = -1 - 14 * b * c - 12 * b * b * c * c + 6 * b * b * s2 + 4 * b**3 * c * s2
    slope = 14 * b + 36 * b * b * c - 4 * b**3 * s2 + 8 * b**3 * c * c
    value = c * (q - b * p) + s2 * (slope - b * q) - b * s2 * (q - b * p)
    return np.asarray(np.maximum(value * np.exp(b * (c - 1)), 0.0))


def make_box(
    lo: float, hi: float, cells: int, slopes: np.ndarray, knots: int, constant: int
) -> GapBox | None:
    """Potentials for one box of β, or None if γ leaves no margin there."""
    beta = 0.5 * (lo + hi)
    edges = _edges_of(beta, cells)
    gamma = 1 + slopes @ edges.hats(knots, constant)
    end = longest(edges, gamma).end
    if end >= 0:
        return None
    # beginning anywhere, but so low that no path gains by it: the potentials stay bounded near 0
    floors = tuple(
        end - longest(edges, gamma, start, first=False).end
        for start in ((0.0, -np.inf), (-np.inf, 0.0))
    )
    middle = longest(edges, gamma, floors)  # type: ignore[arg-type]
    sides = [_edges_of(beta + d, cells) for d in (_STEP, -_STEP)]
    up, down = (longest(e, gamma, floors) for e in sides)  # type: ignore[arg-type]
    slack = -end * (_SHARES[0] + _SHARES[1] * edges.x / (2 * np.pi))
    # near −2/3 the share of the margin is too small for the remainder of long "short" gaps
    reach = min(constant * cells // (2 * knots), max(4, int(_SHORT * (beta + 0.68) * cells)))
    least = _least_rise(beta, cells, reach)
    parts = []
    for name in ("before", "after"):
        value = getattr(middle, name) + slack - edges.f2 / 12
        change = getattr(up, name) - getattr(down, name) - (sides[0].f2 - sides[1].f2) / 12
        parts.append(_with_slope(value, change / (2 * _STEP), least, 0.5 * (hi - lo)))
    shares = np.concatenate([np.zeros(constant + 1), slopes])
    return GapBox(lo, hi, shares, constant, reach, parts[0], parts[1], end * (1 - sum(_SHARES)))


def _least_rise(beta: float, cells: int, reach: int) -> np.ndarray:
    """What ψ must rise by in a cell, for the short gaps; with a little more."""
    h = 2 * np.pi / cells
    fifth = _fifth(beta, (np.arange(cells) + 0.5) * h) * 1.05 + 0.05
    fifth = np.pad(fifth, reach + 1)
    window = np.lib.stride_tricks.sliding_window_view(fifth, 2 * reach + 3)
    return np.asarray(window.max(axis=1) * (reach * h) ** 2 / 720 * h)


def _with_slope(psi: np.ndarray, by: np.ndarray, least: np.ndarray, half: float) -> np.ndarray:
    """ψ and its derivative by β, which must not undo the rise of any cell within the box."""
    room = 0.999 * np.maximum(np.diff(psi) - least, 0.0) / max(half, 1e-12)
    steps = np.clip(np.diff(by), -room, room)
    return np.stack([psi, np.concatenate([by[:1], by[0] + np.cumsum(steps)])])


@dataclass(frozen=True)
class Plan:
    """How finely to work: cells, and how far one γ serves."""

    cells: int
    reach: float


#: β from where on: cells of the circle, and range of β for one γ
PLANS = (
    (-0.56, Plan(288, 0.04)),
    (-0.61, Plan(384, 0.02)),
    (-0.64, Plan(768, 0.01)),
    (-0.659, Plan(1152, 0.003)),
    (-0.6645, Plan(1536, 0.001)),
    (-0.6658, Plan(2304, 0.0003)),
    (-1.0, Plan(3072, 0.0001)),
)


def plan_at(beta: float) -> Plan:
    """The plan for boxes below `beta`."""
    return next(plan for edge, plan in PLANS if beta > edge)


def cover(
    lo: float,
    hi: float,
    check: Callable[[GapBox], bool],
    *,
    smallest: float = 1e-6,
    report: Callable[[GapBox], Any] | None = None,
) -> tuple[list[GapBox], float]:
    """Boxes that prove [edge, hi], from above, and that edge; `lo` if all could be done."""
    boxes: list[GapBox] = []
    top, half, slopes, anchor = hi, 0.004, None, np.inf
    knots, constant, fresh = 24, 1, np.inf
    while top > lo:
        plan = plan_at(top)
        half = min(half, 0.4 * plan.reach)
        if anchor - top >= plan.reach:
            edges = _edges_of(max(top - 0.5 * plan.reach, lo), 288)
            slopes, anchor = best_gamma(edges, knots, constant, start=slopes)[1], top
        assert slopes is not None
        bottom = max(lo, top - 2 * half)
        box = make_box(bottom, top, plan.cells, slopes, knots, constant)
        if box is None or not check(box):
            half *= 0.6
            if half < smallest:
                if fresh == top:
                    break
                # a γ that was found from another one may be a corner: once more from nothing
                edges = _edges_of(max(top - 1e-4, lo), 288)
                slopes, anchor, fresh = best_gamma(edges, knots, constant)[1], top, top
                half = 1e-4
            continue
        boxes.append(box)
        if report is not None:
            report(box)
        top, half = bottom, half * 1.1
    return boxes, top
