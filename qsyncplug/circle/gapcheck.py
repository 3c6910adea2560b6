r"""The small checker of gap-functional proofs, in ball arithmetic; nothing else is trusted.

What a proof claims, for every β of an interval, with f = sin x·e^{β(cos x−1)}: there are γ>0 and
potentials φ₀, φ₁ such that every gap [a, b] of a stable state, seen from one of its particles,
has

    w(a, b) = γ(b−a)/(b−a)·A(a, b) ≤ φ(b) − φ(a),   A = ½(f'(a)+f'(b)) − (f(b)−f(a))/(b−a),

with w less ½f'(0)γ/(b−a) for a gap that begins or ends at the particle, and φ(2π) − φ(0) < 0. Then
T_j = Σw < 0 for each particle j, against Σ W_jT_j ≥ 0: a stable state has one cluster. φ₀ is for
the gaps before, φ₁ for those after the one gap above τ that a stable state may have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..core.checks import check_integer
from ..core.saved import Saved
from .balls import TINY, UNIT, Ball, from_arb
from .enclosures import enclosures

__all__ = ["GapBox", "check_box"]

#: pairs of cells at a time: what fits into the cache
_BLOCK = 6144


@dataclass(frozen=True, eq=False)
class GapBox(Saved):
    r"""One box of β in a proof, all numbers exact.

    Attributes
    ----------
    lo, hi : float
        The interval of β.
    slopes : (m+1,) array
        γ' at the knots kπ/m, between which it is linear; γ(0)=1. Zero up to the distance δ.
    constant : int
        Number of knot intervals over which γ is constant: δ = constant·π/m.
    reach : int
        Cells of 2π/N up to which a gap counts as short, at most δ.
    before, after : (2, N+1) arrays
        ψ₀ and ψ₁ at the nodes 2πi/N, linear between them, and their derivatives by β (from the
        middle of the box); φ = f″/12 + ψ, and φ₀(0) = 0 for the particle itself.
    end : float
        φ(2π), for the particle itself again.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> proof = qsp.certify_attention(-0.3, -0.299, method="gap")  # needs python-flint
    >>> proof.gap_boxes[0].end < 0
    True
    """

    lo: float
    hi: float
    slopes: np.ndarray
    constant: int
    reach: int
    before: np.ndarray
    after: np.ndarray
    end: float


# ---------------------------------------------------------------------- B = A/(b−a)


def _b(p: Any, d: Ball) -> Any:
    """B from f, f' at a and b, and 1/(b−a)."""
    fa, f1a, fb, f1b = p
    return 0.5 * (f1a + f1b) * d - (fb - fa) * (d * d)


def _b_a(p: Any, f2a: Ball, d: Ball) -> Any:
    fa, f1a, fb, f1b = p
    d2 = d * d
    return 0.5 * f2a * d + (1.5 * f1a + 0.5 * f1b) * d2 - 2 * (fb - fa) * (d2 * d)


def _b_b(p: Any, f2b: Ball, d: Ball) -> Any:
    fa, f1a, fb, f1b = p
    d2 = d * d
    return 0.5 * f2b * d - (0.5 * f1a + 1.5 * f1b) * d2 + 2 * (fb - fa) * (d2 * d)


class _Gamma:
    """γ, its slope and curvature; distances in units of a cell."""

    def __init__(self, box: GapBox, cells: int):
        m = box.slopes.size - 1
        if cells % (2 * m):
            raise ValueError(f"the number of cells must be a multiple of {2 * m}, not {cells}")
        self.per = cells // (2 * m)  # cells in a knot interval
        self.slopes, self.m = box.slopes, m
        import flint

        width = flint.arb.pi() / m
        self.width = from_arb([width]).at(0)
        values = [Ball(1.0)]
        for k in range(m):
            values.append(values[-1] + 0.5 * (box.slopes[k] + Ball(box.slopes[k + 1])) * self.width)
        self.values = Ball([v.mid for v in values], [v.rad for v in values])

    def at(self, units: np.ndarray) -> tuple[Ball, Ball]:
        """γ and γ' at whole numbers of cells, 0 … half the circle."""
        k = np.minimum(units // self.per, self.m - 1)
        t = (units - k * self.per) / self.per  # exact enough: a ball below
        t = Ball(t, np.abs(t) * UNIT)
        first, second = self.slopes[k], self.slopes[k + 1]
        slope = first + t * (Ball(second) - first)
        value = self.values.at(k) + 0.5 * (slope + first) * t * self.width
        return value, slope

    def over(self, units: np.ndarray) -> tuple[Ball, Ball, Ball]:
        """Balls that hold γ, γ' and γ″ over distances from units−1 to units+1 cells."""
        low, high = np.maximum(units - 1, 0), np.minimum(units + 1, self.m * self.per)
        v0, s0 = self.at(units)
        curve = Ball(self.slopes[1:]) - self.slopes[:-1]
        first = np.minimum(low // self.per, self.m - 1)
        last = np.minimum(np.maximum(high - 1, 0) // self.per, self.m - 1)
        # the pieces in between: per ≥ 2 leaves at most two
        steep = np.maximum(curve.size()[first], curve.size()[last])
        width = self.width.size() * (1 / self.per) * (1 + 4 * UNIT)
        steep = steep / (self.width.mid - self.width.rad) * (1 + 8 * UNIT)
        slope = Ball(s0.mid, s0.rad + steep * width * (1 + 4 * UNIT))
        value = Ball(v0.mid, v0.rad + slope.size() * width * (1 + 4 * UNIT))
        return value, slope, Ball(np.zeros_like(steep), steep)


# ---------------------------------------------------------------------- the check of one box


def check_box(box: GapBox, precision: int = 80) -> bool:
    """Return whether every inequality of a box is proved.

    Parameters
    ----------
    box : GapBox
        What a search found; nothing about it is trusted.
    precision : int
        Bits of the ball arithmetic in which f and its derivatives are enclosed.

    Returns
    -------
    bool

    Raises
    ------
    ImportError
        python-flint is not installed.

    Examples
    --------
    >>> from qsyncplug.circle import certify_attention
    >>> from qsyncplug.circle.gapcheck import check_box
    >>> proof = certify_attention(-0.3, -0.299, method="gap")
    >>> all(check_box(box) for box in proof.gap_boxes)
    True
    """
    import flint

    check_integer("precision", precision, minimum=2)
    arrays = (box.slopes, box.before, box.after)
    if box.before.shape != box.after.shape or box.before.ndim != 2:
        return False
    if not (-1.0 < box.lo <= box.hi <= 0.0 and all(np.all(np.isfinite(a)) for a in arrays)):
        return False
    if not (box.end < 0 and box.constant >= 1 and box.reach >= 1):
        return False
    with flint.ctx.workprec(precision):
        its = _Check(box, box.before.shape[1] - 1)
        return its.gamma_positive() and its.short() and its.ends() and its.pairs()


class _Check:
    """Tables of one box, and the inequalities."""

    def __init__(self, box: GapBox, cells: int):
        import flint

        self.box, self.n = box, cells
        self.mid, self.hull = enclosures(cells, box.lo, box.hi)
        self.gamma = _Gamma(box, cells)
        arb = flint.arb
        self.h = from_arb([2 * arb.pi() / cells]).at(0)
        self.half = float(self.h.size()) * 0.5 * (1 + 2 * UNIT)
        self.eta = (box.hi - box.lo) * 0.5 * (1 + 2 * UNIT) + TINY
        # τ falls as β rises; cos τ = 2β/(1+√(1+4β²))
        tau = [
            (2 * b / (1 + (1 + 4 * b * b).sqrt())).acos() * cells / (2 * arb.pi())
            for b in (arb(box.lo), arb(box.hi))
        ]
        self.most = float(tau[0].upper()) + 1e-9  # gaps up to here may be many
        self.least = float(tau[1].lower()) - 1e-9  # one gap may be longer than this
        self.delta = box.reach
        self.steps = {}  # ψ: value at the middle of a cell, slope, and the same by β
        for name, psi in (("before", box.before), ("after", box.after)):
            value = [0.5 * (Ball(p[1:]) + p[:-1]) for p in psi]
            rise = [Ball(p[1:]) - p[:-1] for p in psi]
            self.steps[name] = (*value, *rise)

    def gamma_positive(self) -> bool:
        """γ>0: at every cell, less its change to the next."""
        units = np.arange(self.n // 2 + 1)
        value, _, _ = self.gamma.over(units)
        return bool(np.all(value.mid - value.rad > 0))

    def short(self) -> bool:
        """Gaps up to δ, where γ=1: Euler–Maclaurin leaves −Δ³f⁽⁵⁾/720, which ψ must outgrow."""
        constant = self.box.constant
        if np.any(self.box.slopes[: constant + 1] != 0) or self.delta > constant * self.gamma.per:
            return False
        # −f⁽⁵⁾ where a gap that touches the cell can reach
        fifth = np.maximum(self.hull["f5"].rad - self.hull["f5"].mid, 0.0)
        fifth = np.pad(fifth, self.delta)
        fifth = sliding_window_view(fifth, 2 * self.delta + 1).max(axis=1)
        delta = float(self.h.size()) * self.delta
        need = fifth * (delta * delta / 720 * float(self.h.size()) * (1 + 1e-12))
        for name in ("before", "after"):
            _, _, rise, by_beta = self.steps[name]
            least = rise.mid - rise.rad - by_beta.size() * self.eta
            if not np.all(least >= need):
                return False
        return True

    # ------------------------------------------------------------ gaps from and to the particle

    def ends(self) -> bool:
        """First gaps [0, b] and, mirrored, last gaps [2π − c, 2π]."""
        return all(bool(np.all(slack <= 0)) for _, slack in self.end_slacks())

    def end_slacks(self) -> list[tuple[str, np.ndarray]]:
        r"""Upper bounds of γ(x)(½f'(x) − f(x)/x) − x·(rise of φ), a cell of x at a time."""
        n = self.n
        units = np.arange(n // 2)
        mirror = n - 1 - units
        short, long = units <= self.most, units + 1 >= self.least
        found = []
        for name, where in (("before", short), ("after", long)):
            found.append((f"first, {name}", self._end(name, units, units, 1.0, 0.0)[where]))
        for name, where in (("before", short | long), ("after", short)):
            slack = self._end(name, units, mirror, -1.0, self.box.end)
            found.append((f"last, {name}", slack[where]))
        return found

    def _end(
        self, name: str, units: np.ndarray, cells: np.ndarray, sign: float, end: float
    ) -> np.ndarray:
        """One kind of end: φ of the cell counts with `sign`, and `end` is added to the rise."""
        half, eta = self.half, self.eta
        value, by_beta, rise, rise_by_beta = (s.at(cells) for s in self.steps[name])
        twelfth = Ball(1 / 12, 2e-17)
        # over the whole cell, without derivatives: good where the gap is short
        t = {k: v.at(units) for k, v in self.hull.items()}
        tc = {k: v.at(cells) for k, v in self.hull.items()}
        x = Ball(units + 0.5) * self.h + Ball(np.zeros(units.size), np.full(units.size, half))
        gamma, slope, _ = self.gamma.over(units)
        reach = 0.5 * rise.size() + (by_beta.size() + 0.5 * rise_by_beta.size()) * eta
        phi = twelfth * tc["f2"] + Ball(value.mid, (value.rad + reach) * (1 + 8 * UNIT))
        over = self._quotient(t["f"], t["f1"], units)
        rough = (gamma * (0.5 * t["f1"] - over) - x * (end + sign * phi)).upper()
        # from the middle of the cell, with the derivative over it
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            m = {k: v.at(units) for k, v in self.mid.items()}
            mc = {k: v.at(cells) for k, v in self.mid.items()}
            xm = Ball(units + 0.5) * self.h
            inv = 1 / xm.mid
            inverse = Ball(inv, np.abs(inv) * 1e-14)
            around = Ball(inv, np.abs(inv) * half / np.maximum(units * self.h.mid, 1e-9) * 1.0001)
            g0 = self._gamma_middle(units)
            phi_m = twelfth * mc["f2"] + value
            middle = g0 * (0.5 * m["f1"] - m["f"] * inverse) - xm * (end + sign * phi_m)
            ratio = t["f"] * around
            steep = slope * (0.5 * t["f1"] - ratio)
            steep = steep + gamma * (0.5 * t["f2"] - t["f1"] * around + ratio * around)
            # φ' by x: ±(f‴/12 + ψ'), the mirror turning the sign once more
            along = twelfth * tc["f3"] * self.h + rise
            moved = steep * self.h - (end + sign * phi) * self.h - x * along
            beta = gamma * (0.5 * t["g1"] - t["g"] * around)
            by = by_beta + Ball(np.zeros(units.size), 0.5 * rise_by_beta.size())
            beta = beta - x * (sign * (twelfth * tc["g2"] + by))
            fine = middle.upper() + (0.5 * moved.size() + beta.size() * eta) * (1 + 1e-12)
        return np.where(np.isfinite(fine), np.minimum(rough, fine), rough)

    def _gamma_middle(self, units: np.ndarray) -> Ball:
        """γ at the middles of cells, where it is a parabola between its values at their ends."""
        v0, s0 = self.gamma.at(units)
        v1, s1 = self.gamma.at(units + 1)
        # the quadratic through both: mean of the ends less an eighth of the change of slope
        return 0.5 * (v0 + v1) - 0.125 * (s1 - s0) * self.h

    def _quotient(self, f: Ball, f1: Ball, units: np.ndarray) -> Ball:
        """f(x)/x over cells: between the values of f' on [0, x], or a quotient."""
        low = np.minimum.accumulate(f1.mid - f1.rad)
        high = np.maximum.accumulate(f1.mid + f1.rad)
        mid, rad = 0.5 * (low + high), 0.5 * (high - low) * (1 + 8 * UNIT) + 1e-14
        a = 1 / ((units + 1) * self.h.mid)
        b = 1 / np.maximum(units * self.h.mid, 1e-9)
        inverse = Ball(0.5 * (a + b), 0.5 * (b - a) * (1 + 1e-12) + 1e-12 * b)
        direct = f * inverse
        small = direct.rad < rad
        return Ball(np.where(small, direct.mid, mid), np.where(small, direct.rad, rad))

    # ------------------------------------------------------------ gaps between others

    def pairs(self) -> bool:
        """Gaps longer than δ, some diagonals of cells at a time."""
        tables = _Diagonals(self)
        for d in tables.blocks(max(self.delta, 1)):
            slack = self.slack(d, tables)
            inside = np.arange(self.n - d[0]) < (self.n - d)[:, None]
            many = inside & (d - 1 <= self.most)[:, None]
            one = inside & (d + 1 >= self.least)[:, None]
            if np.any(many):
                for name in ("before", "after"):
                    if not np.all(slack(name, name)[many] <= 0):
                        return False
            if np.any(one) and not np.all(slack("before", "after")[one] <= 0):
                return False
        return True

    def slack(self, d: np.ndarray, tables: _Diagonals) -> Any:
        """Upper bounds of w − (φ(b) − φ(a)), b−a of d cells, by Taylor's formula in a, b and β.

        A row for each d; what is beyond 2π there means nothing.
        """
        eta = self.eta
        ma, mb = tables.starts(d, "mid"), tables.ends(d, "mid")
        g0, g1 = (_column(g) for g in self.gamma.at(d))
        inv = _inverse(d[:, None], self.h)
        p = (ma["f"], ma["f1"], mb["f"], mb["f1"])
        q = (ma["g"], ma["g1"], mb["g"], mb["g1"])
        bm = _b(p, inv)
        w = g0 * bm - (mb["f2/12"] - ma["f2/12"])
        w_a = g0 * _b_a(p, ma["f2"], inv) - g1 * bm + ma["f3/12"]
        w_b = g0 * _b_b(p, mb["f2"], inv) + g1 * bm - mb["f3/12"]
        w_t = g0 * _b(q, inv) - (mb["g2/12"] - ma["g2/12"])
        second = self._second(d, tables)
        at_a, at_b = w_a * self.h, w_b * self.h

        def slack(first: str, last: str) -> np.ndarray:
            u, z = tables.starts(d, first), tables.ends(d, last)
            value = (w - (z["value"] - u["value"])).upper()
            # the rise of ψ along half a cell
            along = (at_a + u["rise"]).size() + (at_b - z["rise"]).size()
            by_beta = (w_t - (z["by"] - u["by"])).size() * eta
            mixed = 0.5 * (u["rise by"].size() + z["rise by"].size()) * eta
            return np.asarray(value + (0.5 * along + by_beta + mixed + second) * (1 + 1e-12))

        return slack

    def _second(self, d: np.ndarray, tables: _Diagonals) -> np.ndarray:
        r"""Bound of the second-order part over a box.

        From :math:`B=\frac Δ2\int_0^1t(1-t)f^{(3)}(a+tΔ)dt`: no cancellation at short distances.
        """
        half, eta = self.half, self.eta
        g0, g1, g2 = (g.size()[:, None] for g in self.gamma.over(d))
        long = (d[:, None] + 1) * (float(self.h.size()) * 0.5 * (1 + 4 * UNIT))
        m = tables.largest(d)
        b0 = long / 6 * m["f3"]
        b1 = m["f3"] / 12 + long / 12 * m["f4"]
        b2 = m["f4"] / 12 + long / 20 * m["f5"]
        b11 = m["f4"] / 32 + long / 30 * m["f5"]
        va, vb = tables.starts(d, "hull"), tables.ends(d, "hull")
        v = {k: va[k].mid + vb[k].mid for k in va}
        aa = g2 * b0 + 2 * g1 * b1 + g0 * b2
        ab = g2 * b0 + 2 * g1 * b1 + g0 * b11
        at = g1 * long / 6 * m["g3"] + g0 * (m["g3"] / 12 + long / 12 * m["g4"])
        tt = g0 * long / 6 * m["h3"] + v["h2"] / 12
        total = half * half * (aa + ab + v["f4"] / 24)
        total += half * eta * (2 * at + v["g3"] / 12) + 0.5 * eta * eta * tt
        return np.asarray(total * (1 + 1e-12))


class _Diagonals:
    """The tables at a and at b for all pairs of cells at some distances, a row for each."""

    def __init__(self, check: _Check):
        n = self.n = check.n
        self.rows = max(1, _BLOCK // n)
        twelfth = Ball(1 / 12, 2e-17)
        mid = {k: check.mid[k] for k in ("f", "f1", "f2", "g", "g1")}
        mid |= {f"{k}/12": twelfth * check.mid[k] for k in ("f2", "f3", "g2")}
        sizes = {k: check.hull[k].size() for k in ("f3", "f4", "f5", "g3", "g4", "h2", "h3")}
        names = ("value", "by", "rise", "rise by")
        tables = {
            "mid": mid,
            "hull": {k: Ball(sizes[k]) for k in ("f4", "g3", "h2")},
            **{k: dict(zip(names, check.steps[k], strict=True)) for k in check.steps},
        }
        room = (0, self.rows)
        self.tables = {
            name: {
                k: Ball(np.pad(v.mid, room), np.pad(v.rad + 0 * v.mid, room)) for k, v in t.items()
            }
            for name, t in tables.items()
        }
        self.cell = {k: v for k, v in sizes.items() if k != "h2"}
        self.now = dict(self.cell)  # largest from a cell to the one `reached` further on
        self.reached = 0

    def blocks(self, first: int) -> Iterator[np.ndarray]:
        """Distances in cells, up to half the circle."""
        for d in range(first, self.n // 2 + 1, self.rows):
            yield np.arange(d, min(d + self.rows, self.n // 2 + 1))

    def starts(self, d: np.ndarray, name: str) -> dict[str, Ball]:
        """Values at the lower end a."""
        return {k: v.at(slice(0, self.n - d[0])) for k, v in self.tables[name].items()}

    def ends(self, d: np.ndarray, name: str) -> dict[str, Ball]:
        """Values at the upper end b: those at a, shifted by d."""
        width, rows = self.n - int(d[0]), slice(int(d[0]), int(d[-1]) + 1)
        return {
            k: Ball(*(sliding_window_view(part, width)[rows] for part in (v.mid, v.rad)))
            for k, v in self.tables[name].items()
        }

    def largest(self, d: np.ndarray) -> dict[str, np.ndarray]:
        """Largest absolute values of derivatives between two cells; d grows from call to call."""
        out = {k: np.zeros((d.size, self.n - int(d[0]))) for k in self.cell}
        for row, to in enumerate(d):
            while self.reached < to:
                self.reached += 1
                for k, cell in self.cell.items():
                    self.now[k] = np.maximum(self.now[k][:-1], cell[self.reached :])
            for k, now in self.now.items():
                out[k][row, : now.size] = now
        return out


def _column(ball: Ball) -> Ball:
    return Ball(ball.mid[:, None], ball.rad[:, None])


def _inverse(d: np.ndarray, h: Ball) -> Ball:
    """Ball around 1/(b−a) at a distance of d cells."""
    value = 1 / (d * h.mid)
    return Ball(value, np.abs(value) * 1e-14)
