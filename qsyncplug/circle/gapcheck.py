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

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .balls import TINY, UNIT, Ball, from_arb

__all__ = ["GapBox", "check_box"]


@dataclass(frozen=True, eq=False)
class GapBox:
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


# ---------------------------------------------------------------------- f and its derivatives


def _derivatives(arb: Any, x: Any, beta: Any) -> list[Any]:
    r"""f, f', …, f⁗, and by β: f_β, f'_β, f″_β, f‴_β, f_ββ, f'_ββ, f″_ββ, at balls x and β."""
    s, c = x.sin_cos()
    u = c - 1
    e = (beta * u).exp()
    b, s2 = beta, s * s
    f = s * e
    f1 = (c - b * s2) * e
    f2 = s * (b * b * s2 - 3 * b * c - 1) * e
    p = c + 3 * b * c * c - 4 * b * s2 - 6 * b * b * c * s2 + b**3 * s2 * s2
    f3 = -p * e
    # f⁽⁵⁾ from f⁗ = −s·(q − βp)·e, q' = s·dq
    q = -1 - 14 * b * c - 12 * b * b * c * c + 6 * b * b * s2 + 4 * b**3 * c * s2
    dq = 14 * b + 36 * b * b * c - 4 * b**3 * s2 + 8 * b**3 * c * c
    f4 = -s * (q - b * p) * e
    f5 = -(c * (q - b * p) + s2 * (dq - b * q) - b * s2 * (q - b * p)) * e
    # by β: f_β = (c − 1)f
    g = u * f
    g1 = u * f1 - s * f
    g2 = u * f2 - 2 * s * f1 - c * f
    g3 = u * f3 - 3 * s * f2 - 3 * c * f1 + s * f
    g4 = u * f4 - 4 * s * f3 - 6 * c * f2 + 4 * s * f1 + c * f
    h2 = u * g2 - 2 * s * g1 - c * g
    h3 = u * g3 - 3 * s * g2 - 3 * c * g1 + s * g
    return [f, f1, f2, f3, f4, f5, g, g1, g2, g3, g4, h2, h3]


_NAMES = ("f", "f1", "f2", "f3", "f4", "f5", "g", "g1", "g2", "g3", "g4", "h2", "h3")


def _tables(cells: int, lo: float, hi: float) -> tuple[dict[str, Ball], dict[str, Ball]]:
    """Values at the middles of the cells of [0, 2π] and of β, and bounds over cells and β."""
    import flint

    arb = flint.arb
    beta_mid = (arb(lo) + arb(hi)) / 2
    beta_box = arb(lo).union(arb(hi))
    step = 2 * arb.pi() / cells
    half = (step / 2).union(-step / 2)
    middle, hull = [], []
    for k in range(cells):
        x = step * (2 * k + 1) / 2
        middle.append(_derivatives(arb, x, beta_mid))
        hull.append(_derivatives(arb, x + half, beta_box))
    return (
        {n: from_arb([row[k] for row in middle]) for k, n in enumerate(_NAMES)},
        {n: from_arb([row[k] for row in hull]) for k, n in enumerate(_NAMES)},
    )


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

    shapes = {box.before.shape, box.after.shape}
    if len(shapes) != 1 or box.before.ndim != 2 or not -1.0 < box.lo <= box.hi <= 0.0:
        return False
    arrays = (box.slopes, box.before, box.after)
    if not (
        all(np.all(np.isfinite(a)) for a in arrays)
        and box.end < 0
        and box.constant >= 1
        and box.reach >= 1
    ):
        return False
    with flint.ctx.workprec(precision):
        check = _Check(box, box.before.shape[1] - 1)
        return check.gamma_positive() and check.short() and check.ends() and check.pairs()


class _Check:
    """Tables of one box, and the inequalities."""

    def __init__(self, box: GapBox, cells: int):
        import flint

        self.box, self.n = box, cells
        self.mid, self.hull = _tables(cells, box.lo, box.hi)
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
        """Gaps longer than δ, a diagonal of cells at a time."""
        bounds = _Bounds(self.hull, self.n)
        for d in range(self.n // 2 + 1):
            bounds.widen(d)
            if d < max(self.delta, 1):
                continue
            slack = self.slack(d, bounds)
            if d - 1 <= self.most and not (
                np.all(slack("before", "before") <= 0) and np.all(slack("after", "after") <= 0)
            ):
                return False
            if d + 1 >= self.least and not np.all(slack("before", "after") <= 0):
                return False
        return True

    def slack(self, d: int, bounds: _Bounds) -> Any:
        """Upper bounds of w − (φ(b) − φ(a)), b−a of d cells, by Taylor's formula in a, b and β."""
        m, eta = self.mid, self.eta
        a, b = slice(0, self.n - d), slice(d, self.n)
        g0, g1 = self.gamma.at(np.array([d]))
        inv = _inverse(d, self.h)
        p = (m["f"].at(a), m["f1"].at(a), m["f"].at(b), m["f1"].at(b))
        q = (m["g"].at(a), m["g1"].at(a), m["g"].at(b), m["g1"].at(b))
        twelfth = Ball(1 / 12, 2e-17)
        bm = _b(p, inv)
        w = g0 * bm - twelfth * (m["f2"].at(b) - m["f2"].at(a))
        w_a = g0 * _b_a(p, m["f2"].at(a), inv) - g1 * bm + twelfth * m["f3"].at(a)
        w_b = g0 * _b_b(p, m["f2"].at(b), inv) + g1 * bm - twelfth * m["f3"].at(b)
        w_t = g0 * _b(q, inv) - twelfth * (m["g2"].at(b) - m["g2"].at(a))
        second = self._second(d, a, b, bounds)
        at_a, at_b = w_a * self.h, w_b * self.h

        def slack(first: str, last: str) -> np.ndarray:
            u, ut, us, ust = (s.at(a) for s in self.steps[first])
            z, zt, zs, zst = (s.at(b) for s in self.steps[last])
            value = (w - (z - u)).upper()
            # the rise of ψ along half a cell
            along = (at_a + us).size() + (at_b - zs).size()
            by_beta = (w_t - (zt - ut)).size() * eta
            mixed = 0.5 * (ust.size() + zst.size()) * eta
            return np.asarray(value + (0.5 * along + by_beta + mixed + second) * (1 + 1e-12))

        return slack

    def _second(self, d: int, a: slice, b: slice, m: _Bounds) -> np.ndarray:
        r"""Bound of the second-order part over a box.

        From :math:`B=\frac Δ2\int_0^1t(1-t)f^{(3)}(a+tΔ)dt`: no cancellation at short distances.
        """
        half, eta = self.half, self.eta
        g0, g1, g2 = (float(g.size()[0]) for g in self.gamma.over(np.array([d])))
        long = float((d + 1) * self.h.size()) * 0.5
        b0 = long / 6 * m["f3"]
        b1 = m["f3"] / 12 + long / 12 * m["f4"]
        b2 = m["f4"] / 12 + long / 20 * m["f5"]
        b11 = m["f4"] / 32 + long / 30 * m["f5"]
        v = {k: self.hull[k].size() for k in ("f4", "g3", "h2")}
        aa = g2 * b0 + 2 * g1 * b1 + g0 * b2
        ab = g2 * b0 + 2 * g1 * b1 + g0 * b11
        at = g1 * long / 6 * m["g3"] + g0 * (m["g3"] / 12 + long / 12 * m["g4"])
        tt = g0 * long / 6 * m["h3"] + (v["h2"][a] + v["h2"][b]) / 12
        total = half * half * (aa + ab + (v["f4"][a] + v["f4"][b]) / 24)
        total += half * eta * (2 * at + (v["g3"][a] + v["g3"][b]) / 12) + 0.5 * eta * eta * tt
        return np.asarray(total * (1 + 1e-12))


class _Bounds:
    """Largest absolute values of derivatives between two cells, for growing distances."""

    def __init__(self, hull: dict[str, Ball], cells: int):
        self.cell = {k: hull[k].size() for k in ("f3", "f4", "f5", "g3", "g4", "h3")}
        self.now = {k: np.zeros(cells) for k in self.cell}

    def widen(self, d: int) -> None:
        """Go on from a distance of d−1 cells to d."""
        for k, cell in self.cell.items():
            n = cell.size - d
            self.now[k] = np.maximum(self.now[k][:n], cell[d:])

    def __getitem__(self, name: str) -> np.ndarray:
        return self.now[name]


def _inverse(d: int, h: Ball) -> Ball:
    """Ball around 1/(b−a) at a distance of d cells."""
    value = 1 / (d * h.mid)
    return Ball(value, abs(value) * 1e-14)
