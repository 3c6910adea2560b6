r"""The search for gap-functional proofs, in floating point; the checker decides their worth.

γ is found by linear programming with cutting planes: each longest path around the circle (the
worst configuration for the γ at hand) is one linear inequality. The potentials are the values of
the longest paths, every gap with what the checker will ask of it, by dynamic programming.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.optimize
import scipy.special

from .._ext.paths import longest_paths
from .gapcheck import Gamma, Tables, attention_distance, end_needs, pair_needs, rise_need
from .gapproof import GapProof

__all__ = ["Edges", "Plan", "attention_vertex", "best_gamma", "cover", "longest", "make_proof"]

#: slopes of γ are kept below this
_STEEPEST = 3.0
#: γ stays above this
_LEAST = 0.3
#: the checker allows for rounding with the size of ψ, which is not known beforehand
_SIZE = 30.0


class Edges:
    """The gaps between the nodes of a grid of n cells, and what they must be given to be proved.

    Parameters
    ----------
    b : (K,) array
        f = Σ b_k sin kx.
    n : int
        Cells, a multiple of 4.
    """

    def __init__(self, b: np.ndarray, n: int):
        k, self.n, top = np.arange(1, b.size + 1), n, n // 2
        self.x = np.arange(n + 1) * (2 * np.pi / n)
        sin, cos = np.sin(np.outer(self.x, k)), np.cos(np.outer(self.x, k))
        self.f, self.slope, self.f2 = sin @ b, cos @ (k * b), -(sin @ (k * k * b))
        self.top, self.h, self.gaps = top, 2 * np.pi / n, self.x[1 : top + 1]
        self.outer = (0.5 * self.slope[1 : top + 1] - self.f[1 : top + 1] / self.gaps) / self.gaps
        # f' is negative from here on, with room for what the checker asks between the nodes
        bend = self.h**2 / 8 * float(np.sum(np.abs(b) * k**3.0))
        self.tau = int(np.flatnonzero(self.slope[: top + 1] > -1.01 * bend)[-1]) + 1

    def inner(self, k: int, b: int) -> float:
        """A/Δ of the gap of k cells that ends at the node b."""
        gap = self.gaps[k - 1]
        rise = self.f[b] - self.f[b - k]
        return float((0.5 * (self.slope[b - k] + self.slope[b]) - rise / gap) / gap)

    def hats(self, knots: int) -> np.ndarray:
        """γ − 1 for a slope of 1 at one knot from the second on, 0 at its neighbours."""
        width = np.pi / knots
        rows = []
        for k in range(2, knots + 1):
            t = np.clip(self.gaps / width - k, -1, 1)
            rows.append(width * np.where(t < 0, 0.5 * (1 + t) ** 2, 1 - 0.5 * (1 - t) ** 2))
        return np.array(rows)


@dataclass
class Needs:
    """What is added to the gaps: all of a length, a single cell, the first and the last gap."""

    pairs: np.ndarray
    rise: float
    first: np.ndarray
    last: np.ndarray
    short: int


def no_needs(edges: Edges) -> Needs:
    """For the functional itself, on the nodes alone."""
    nothing = np.zeros(edges.top)
    return Needs(nothing, -np.inf, nothing, nothing, 1)


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
    needs: Needs | None = None,
    floors: tuple[float, float] = (-np.inf, -np.inf),
    first: bool = True,
) -> Longest:
    """Dynamic programming; a path may also begin anywhere, at a value of `floors`."""
    n, top, tau = edges.n, edges.top, edges.tau
    needs = no_needs(edges) if needs is None else needs
    before, after = np.full(n + 1, floors[0]), np.full(n + 1, floors[1])
    from_before, from_after = np.full(n + 1, -1, np.int64), np.full(n + 1, -1, np.int64)
    stayed = np.zeros(n + 1, np.uint8)  # reached within the layer of `after`
    ends = gamma * edges.outer
    longest_paths(
        edges.f,
        edges.slope,
        gamma / edges.gaps,
        1 / edges.gaps,
        needs.pairs,
        np.full(n, needs.rise) + np.diff(edges.f2) / 12,
        ends + needs.first if first else np.full(top, -np.inf),
        needs.short,
        tau,
        tau,
        before,
        after,
        from_before,
        from_after,
        stayed,
    )
    q0 = before[n - top : n][::-1] + ends + needs.last
    q1 = (after[n - top : n][::-1] + ends + needs.last)[:tau]
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
    *,
    start: np.ndarray | None = None,
    rounds: int = 120,
    tolerance: float = 3e-3,
) -> tuple[float, np.ndarray]:
    """Slopes of γ at the knots for which the longest path is as negative as it gets; its value."""
    hats = edges.hats(knots)
    size, scale = len(hats), float(edges.slope[0])
    slopes = np.zeros(size) if start is None else start[2:]
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
        rows.append(np.append(row / scale, -1.0))
        limits.append(-value / scale)
        answer = scipy.optimize.linprog(
            np.append(np.zeros(size), 1.0),
            A_ub=np.vstack([rows, positive]),
            b_ub=np.append(limits, np.full(len(positive), 1 - _LEAST)),
            bounds=bounds,
            method="highs",
        )
        if answer.x is None or best / scale - answer.x[-1] < tolerance * abs(answer.x[-1]):
            break
        # half-way to the best so far: corners of the program are far from its solution
        new = answer.x[:-1]
        slopes = 0.5 * (chosen + new) if k % 4 else new
    return best, np.concatenate([[0.0, 0.0], chosen])


# ---------------------------------------------------------------------- potentials


def make_proof(
    vertices: np.ndarray,
    radius: float,
    slopes: np.ndarray,
    cells: int,
    short: int,
    beta: tuple[float, float] | None = None,
) -> GapProof | None:
    """Potentials for γ of these slopes at its knots, or None if it leaves no margin.

    Parameters
    ----------
    vertices : (V, K) array
    radius : float
    slopes : (m+1,) array
        γ' at kπ/m.
    cells : int
        N, a multiple of 4.
    short : int
    beta : tuple of (float, float), optional
    """
    half = cells // 2
    knots = np.linspace(0, half, slopes.size)
    fine = np.interp(np.arange(half + 1), knots, slopes)
    gamma = Gamma(fine)
    edges = [Edges(b, cells) for b in vertices]
    tau = max(e.tau for e in edges)
    parts = []
    for e, b in zip(edges, vertices, strict=True):
        e.tau = tau
        found = _potentials(e, Tables(b, half), gamma, radius, short)
        if found is None:
            return None
        parts.append(found)
    # the larger end is a bound for all of them
    end = max(p[0] for p in parts)
    before, after = (np.array([p[k] for p in parts]) for k in (1, 2))
    return GapProof(vertices, radius, beta, fine, short, tau, before, after, end)


def _potentials(
    edges: Edges, its: Tables, gamma: Gamma, radius: float, short: int
) -> tuple[float, np.ndarray, np.ndarray] | None:
    """End, ψ before and ψ after for one vertex."""
    value, steep = gamma.value[1:], np.zeros(edges.top)
    pairs = pair_needs(its, gamma, radius, _SIZE)
    rise = rise_need(its, gamma, radius, short) * (1 + 1e-9) + 1e-14
    found = None
    for _ in range(2):  # the ends need more where ψ is steep
        ends = end_needs(its, gamma, radius, steep, _SIZE)
        ends = np.maximum(ends, np.append(ends[1:], 0.0)) / edges.gaps
        needs = Needs(pairs, rise, ends, ends, short)
        end = longest(edges, value, needs).end
        if not end < 0:
            return None
        # beginning anywhere, but so low that no path gains by it: ψ stays bounded near 0
        starts = ((0.0, -np.inf), (-np.inf, 0.0))
        low = [end - longest(edges, value, needs, s, first=False).end for s in starts]
        found = longest(edges, value, needs, (low[0], low[1]))
        psi = [v - edges.f2 / 12 for v in (found.before, found.after)]
        rises = np.max([np.abs(np.diff(p)) for p in psi], axis=0) / edges.h
        steep = np.maximum(rises[: edges.top], rises[: edges.top - 1 : -1]) * 1.2
    assert found is not None
    # half of what is left, so that a rounding decides nothing
    return 0.5 * found.end, psi[0], psi[1]


def attention_vertex(beta: float) -> np.ndarray:
    """Sine coefficients of sin x·e^{β(cos x−1)}, as many as the checker wants."""
    bessel = scipy.special.iv(np.arange(26), beta)
    return np.asarray((bessel[:-2] - bessel[2:]) * np.exp(-beta))


@dataclass(frozen=True)
class Plan:
    """How finely to work: cells, those of short gaps, cells to find γ, its knots, width in β."""

    cells: int
    short: int
    search: int
    knots: int
    width: float


def plan_at(beta: float) -> Plan:
    """The plan for proofs below `beta`.

    The functional falls in proportion to the distance from −2/3, where three clusters become
    stable, and what a cell takes is of second order in its length.
    """
    away = max(abs(beta + 2 / 3), 1e-5)
    cells = 4 * math.ceil(8 / math.sqrt(away) + 16)
    return Plan(cells, 5, 4 * math.ceil(cells / 5), 24 if away > 1e-3 else 48, away / 4)


def cover(
    lo: float,
    hi: float,
    check: Callable[[GapProof], bool],
    *,
    smallest: float = 1e-6,
    report: Callable[[GapProof], Any] | None = None,
) -> tuple[list[GapProof], float]:
    """Proofs for [edge, hi] of the attention, from above, and that edge; `lo` if all was done."""
    proofs: list[GapProof] = []
    top, share, slopes = hi, 1.0, None
    while top > lo:
        plan = plan_at(top)
        bottom = max(lo, top - share * plan.width)
        edges = Edges(attention_vertex(bottom), plan.search)
        if slopes is not None and slopes.size != plan.knots + 1:
            slopes = None
        slopes = best_gamma(edges, plan.knots, start=slopes, rounds=300)[1]
        vertices = np.array([attention_vertex(b) for b in (bottom, top)])
        radius = attention_distance(bottom, top, vertices) * (1 + 1e-9)
        proof = make_proof(vertices, radius, slopes, plan.cells, plan.short, (bottom, top))
        if proof is None or not check(proof):
            share *= 0.5
            slopes = None
            if share < 0.1 or share * plan.width < smallest:
                break
            continue
        proofs.append(proof)
        if report is not None:
            report(proof)
        top, share = bottom, min(1.0, share * 1.4)
    return proofs, top
