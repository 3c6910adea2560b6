"""The ratio criterion of PRY in ball arithmetic, box by box of β."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["FAR", "RatioProver", "cover", "merged"]

#: From here on the quartic is treated in y = β(1−cos x) and 1/β, which reaches β = ∞.
FAR = 3.0


def merged(pieces: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join closed intervals that share a point."""
    merged: list[tuple[float, float]] = []
    for a, b in sorted(pieces):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged


def cover(
    prove: Callable[[float, float], float | None],
    lo: float,
    hi: float,
    resolution: float,
    max_boxes: int,
    hopeless: Callable[[float, float], bool],
) -> tuple[list[tuple[float, float]], float, int]:
    """Cut [lo, hi] until every piece is proved, hopeless or too small; return what is proved, worst
    ratio, pieces.
    """
    stack = [(lo, hi)]
    proved: list[tuple[float, float]] = []
    worst, tried = math.inf, 0
    while stack and tried < max_boxes:
        a, b = stack.pop()
        tried += 1
        ratio = prove(a, b)
        if ratio is not None:
            proved.append((a, b))
            worst = min(worst, ratio)
        elif b - a > resolution and not hopeless(a, b):
            middle = 0.5 * (a + b)
            stack += [(a, middle), (middle, b)]
    return merged(proved), worst, len(proved)


class RatioProver:
    """The inequality on one box, in ball arithmetic; ``None`` where it is not decided."""

    def __init__(self, arb: Any, gap_is_pi: bool):
        self.arb = arb
        self.gap = arb.pi() if gap_is_pi else 2 * arb.pi()

    def hull(self, a: Any, b: Any) -> Any:
        """The ball that holds both."""
        return self.arb(a).union(self.arb(b))

    # ------------------------------------------------------------ β up to FAR, in z = cos x

    def near(self, lo: float, hi: float) -> float | None:
        r"""Lower bound of the ratio if it is above 1, f‴ = p(z)e^{β(z−1)}.

        p(z) = −[β³z⁴+6β²z³+(7β−2β³)z²+(1−6β²)z+β³−4β], f″ = √(1−z²)·(β²(1−z²)−3βz−1)·e^{β(z−1)},
        f'(0) = 1.
        """
        beta = self.hull(lo, hi)
        b2, b3 = beta**2, beta**3
        c4, c3, c2, c1, c0 = -b3, -6 * b2, 2 * b3 - 7 * beta, 6 * b2 - 1, 4 * beta - b3

        def p(z: Any) -> Any:
            return (((c4 * z + c3) * z + c2) * z + c1) * z + c0

        def p_slope(z: Any) -> Any:
            return ((4 * c4 * z + 3 * c3) * z + 2 * c2) * z + c1

        def second(z: Any) -> Any:
            if z == 1 or z == -1:
                return self.arb(0)
            s2 = (1 - z) * (1 + z)
            return s2.sqrt() * (b2 * s2 - 3 * beta * z - 1) * (beta * (z - 1)).exp()

        def undecided(a: Any, b: Any, value: Any) -> Any:
            # dx = dz/√(1−z²): the width in x
            return value * (beta * (self.hull(a, b) - 1)).exp() * (self.acos(a) - self.acos(b))

        rise = self.rise(p, p_slope, second, undecided, -1.0, 1.0, hi - lo, falling=True)
        root = (1 + 4 * b2).sqrt()
        tau = (2 * beta / (1 + root)).acos()
        return self.decide(4 * (1 + tau / self.gap), tau * 2 * rise)

    def acos(self, z: Any) -> Any:
        """The angle, exact at both ends."""
        if z == 1:
            return self.arb(0)
        return self.arb.pi() if z == -1 else z.acos()

    # ------------------------------------------------------------ β from FAR to ∞, in e = 1/β and
    # y = β(1−cos x)

    def far(self, lo: float, hi: float) -> float | None:
        r"""Lower bound of the ratio if it is above 1, f‴ = −βq(y)e^{−y}.

        q = e²y⁴−(4e+6e²)y³+(4+18e+7e²)y²−(12+14e+e²)y+3+e and f″ =
        √β·√(y(2−ey))·(−3+2y+e(−1+3y−y²))·e^{−y}.

        f‴ ≤ 0 where y ≥ 10 or z = cos x ≤ 0, for β ≥ 3: with S = β(1−z²) = y(1+z),
        q = S² − 6zS + 3z² − 4eS + ez. For z in [0,1] and y ≥ 10, S ≥ 10 ≥ 6z+4e, so q ≥ 0. For z ≤
        0, q = S² + (6|z|−4e)S + |z|(3|z|−e): if 6|z| ≥ 4e each term is ≥ 0; else |z| < 2e/3 ≤ 2/9,
        S ≥ 3(1−4/81) > 2.8, and q ≥ S(S−4e) − e²/12 ≥ 2.8·1.4 − 0.01 > 0. So y runs from 0 to
        min(10, β) only.
        """
        e = self.hull(lo, hi)
        e2 = e * e
        c4, c3, c2, c1, c0 = -e2, 4 * e + 6 * e2, -(4 + 18 * e + 7 * e2), 12 + 14 * e + e2, -(3 + e)

        def minus_q(y: Any) -> Any:
            return (((c4 * y + c3) * y + c2) * y + c1) * y + c0

        def minus_q_slope(y: Any) -> Any:
            return ((4 * c4 * y + 3 * c3) * y + 2 * c2) * y + c1

        def second(y: Any) -> Any:  # f″/√β
            return (y * (2 - e * y)).sqrt() * (-3 + 2 * y + e * (-1 + 3 * y - y * y)) * (-y).exp()

        def undecided(a: Any, b: Any, value: Any) -> Any:
            # f‴dx/√β = −q e^{−y} dy/√(y(2−ey))
            y = self.hull(a, b)
            return value * (-y).exp() / (y * (2 - e * y)).sqrt() * (b - a)

        end = min(10.0, float(np.nextafter(1 / lo, np.inf))) if lo > 0 else 10.0
        rise = self.rise(
            minus_q, minus_q_slope, second, undecided, 0.0, end, hi - lo, falling=False
        )
        # 1 − cos τ = e·u, τ√β = √(2u)·asin(t)/t at t = √(eu/2); asin(t)/t increases from 1
        root = (4 + e2).sqrt()
        u = (1 + e / (root + 2)) / (e + root)

        def quotient(end: float) -> Any:
            t = (self.arb(end) * u / 2).sqrt()
            return t.asin() / t if end > 0 else self.arb(1)

        width = (2 * u).sqrt() * self.hull(quotient(lo), quotient(hi))
        # τ = width·√e, at the smallest e: a lower bound (the root of a ball around 0 is not
        # defined)
        return self.decide(4 * (1 + width * self.arb(lo).sqrt() / self.gap), width * 2 * rise)

    # ------------------------------------------------------------ both

    def rise(
        self,
        sign: Callable[[Any], Any],
        slope: Callable[[Any], Any],
        second: Callable[[Any], Any],
        undecided: Callable[[Any, Any, Any], Any],
        start: float,
        end: float,
        width: float,
        *,
        falling: bool,
    ) -> Any:
        """Upper bound of ∫|f‴|₊ over half the circle.

        The variable runs from `start` to `end`; `sign` has the sign of f‴, `slope` is its
        derivative. Cells are cut until the sign is sure or they are as small as the box of β is
        wide. x falls as the variable rises if `falling`.
        """
        arb = self.arb
        smallest = max(width, 2.0**-30)
        total = arb(0)
        run: Any = None  # start of a run of cells with f‴>0
        last: Any = None
        stack = [(start, end)]

        def close() -> Any:
            difference = second(last) - second(run)
            return -difference if falling else difference

        while stack:
            a, b = stack.pop()
            za, zb = arb(a), arb(b)
            middle = arb(0.5 * (a + b))
            z = self.hull(za, zb)
            # mean-value form, which is tight on small cells
            value = sign(middle) + slope(z) * (z - middle)
            direct = sign(z)
            if value < 0 or direct < 0:
                if run is not None:
                    total += close()
                    run = None
            elif value > 0 or direct > 0:
                if run is None:
                    run = za
                last = zb
            elif b - a > smallest:
                c = 0.5 * (a + b)
                stack += [(c, b), (a, c)]
            else:
                if run is not None:
                    total += close()
                    run = None
                largest = value.abs_upper()
                total += arb(undecided(za, zb, largest).abs_upper())
        if run is not None:
            total += close()
        return total

    def decide(self, right: Any, left: Any) -> float | None:
        """Lower bound of right/left, rounded down, if the inequality left ≤ right is proved."""
        if not left <= right:
            return None
        if not left > 0:
            return 1.0
        return float(np.nextafter(float((right / left).lower()), 0.0))
