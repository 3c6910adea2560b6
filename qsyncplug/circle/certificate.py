"""Proof by interval arithmetic that self-attention synchronises for whole ranges of β."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.checks import check_integer, check_number
from .criterion import synchronization_criterion
from .interactions import MAX_BETA, attention

__all__ = ["AttentionCertificate", "certify_attention"]

#: From here on the quartic is treated in y = β(1−cos x) and 1/β, which reaches β = ∞.
_FAR = 3.0


@dataclass(frozen=True)
class AttentionCertificate:
    r"""What interval arithmetic proves about the criterion for :math:`f_β=\sin x\,e^{β\cos x}`.

    Attributes
    ----------
    beta_lo, beta_hi : float
        The interval that was asked for.
    max_gap : float
        M of the criterion: π or 2π.
    certified : bool
        Whether the whole interval is proved.
    intervals : tuple of (float, float)
        The closed intervals of β that are proved, maximal and increasing.
    open_intervals : tuple of (float, float)
        What was asked for and is not proved; nothing is claimed about these.
    ratio : float
        Lower bound, rounded down, of the synchronisation ratio on the proved intervals (NaN if
        there are none).
    boxes : int
        Intervals of β that the proof consists of.
    precision : int
        Bits of the ball arithmetic.
    seconds : float
        Time taken.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> certificate = qsp.certify_attention(1.0, 1.5)  # needs python-flint
    >>> certificate.certified
    True
    """

    beta_lo: float
    beta_hi: float
    max_gap: float
    certified: bool
    intervals: tuple[tuple[float, float], ...]
    open_intervals: tuple[tuple[float, float], ...]
    ratio: float
    boxes: int
    precision: int
    seconds: float

    @property
    def status(self) -> str:
        """``"proved"`` (the whole interval), ``"part"`` or ``"open"`` (nothing)."""
        return "proved" if self.certified else "part" if self.intervals else "open"

    def __bool__(self) -> bool:
        """Whether the whole interval is proved; a proof of a part of it is not a yes."""
        return self.certified

    @property
    def statement(self) -> str:
        """The theorem that the proof gives, with the interval that it covers."""
        if not self.intervals:
            return (
                f"not certified: nothing is proved about β in [{self.beta_lo!r}, {self.beta_hi!r}]"
            )
        text = " and ".join(
            f"[{a!r}, {b!r}]" if b < math.inf else f"[{a!r}, ∞)" for a, b in self.intervals
        )
        rest = ""
        if self.open_intervals:
            rest = "; not certified: " + " and ".join(
                f"({a!r}, {b!r})" for a, b in self.open_intervals
            )
        return (
            "global synchronisation of T1 and T2 (and of S1–S4 with f_β) is proved for every β "
            f"in {text}{rest}"
        )

    def summary(self) -> str:
        """Write the proof out; nothing but the failure where nothing is proved."""
        if not self.intervals:
            return self.statement
        m = "π" if self.max_gap < 6 else "2π"
        lines = [
            self.statement,
            "",
            "Claim, for every β in these intervals, f = sin x·e^{β(cos x−1)}, cos τ = "
            "2β/(1+√(1+4β²)):",
            f"    τ ∫|f‴|₊ ≤ 4 (1 + τ/M) f'(0),   M = {m};   ratio of the two sides ≥ "
            f"{self.ratio!r}",
            "Consequence (PRY, Corollary 3.3 with Remark 3.4, Theorem 6.2): every stable "
            "stationary point is synchronised,",
            "    and almost every initial state converges to one.",
            *(
                (
                    "Why M is valid: f>0 on (0,π), so points in a closed half circle are "
                    "stationary only if",
                    "    synchronised or antipodal; f'(π)=−e^{−2β}<0 makes antipodal points "
                    "unstable.",
                )
                if m == "π"
                else ("Why M is valid: no gap exceeds the circle.",)
            ),
            f"Proof: {self.boxes} boxes of β, ball arithmetic with {self.precision} bits. In each "
            "box [0,π] is cut",
            "    until f‴ has a proved sign on all cells but those around its zeros; where f‴>0 "
            "the integral is",
            "    a difference of f″, on undecided cells it is bounded by their width times the "
            "largest |f‴|.",
        ]
        if self.intervals and self.intervals[-1][1] > _FAR:
            lines.append(
                f"    For β>{_FAR:g} the boxes are of 1/β and y=β(1−cos x); for y≥10 or cos x≤0, "
                "f‴≤0 "
                "(see the source for the inequality)."
            )
        return "\n".join(lines)

    __str__ = summary


def certify_attention(
    beta_lo: float,
    beta_hi: float,
    *,
    max_gap: float = np.pi,
    precision: int = 80,
    resolution: float = 1e-9,
    max_boxes: int = 20000,
) -> AttentionCertificate:
    r"""Prove the synchronisation criterion for every β of an interval.

    Parameters
    ----------
    beta_lo, beta_hi : float
        The interval; the binary values given are taken as exact. `beta_hi` may be infinite.
    max_gap : float
        π (the default) or 2π; see :func:`synchronization_criterion`.
    precision : int
        Bits of the arithmetic, at least 53.
    resolution : float
        Boxes of β (of 1/β above 3) are not cut below this width; what is not proved then stays
        open.
    max_boxes : int
        Limit on the number of boxes.

    Returns
    -------
    AttentionCertificate
        ``print`` it for the proof.

    Raises
    ------
    ImportError
        python-flint is not installed.
    ValueError
        The interval is empty, or `max_gap` is neither π nor 2π.

    Notes
    -----
    The proof does not rest on any lemma on the number of zeros of f‴ and no floating-point value
    enters it.

    Examples
    --------
    >>> from qsyncplug.circle import certify_attention
    >>> certificate = certify_attention(-0.26156, 0.0)
    >>> certificate.certified
    True
    """
    lo = check_number("beta_lo", beta_lo, minimum=-MAX_BETA)
    hi = (
        math.inf
        if isinstance(beta_hi, float) and beta_hi == math.inf
        else check_number("beta_hi", beta_hi)
    )
    if not lo <= hi:
        raise ValueError(f"beta_lo must not be above beta_hi; got {lo!r} and {hi!r}")
    if not any(abs(max_gap - m) < 1e-12 for m in (np.pi, 2 * np.pi)):
        raise ValueError(
            "max_gap must be π or 2π, which are the bounds that are proved to hold; not "
            f"{max_gap!r}"
        )
    precision = check_integer("precision", precision, minimum=53)
    resolution = check_number("resolution", resolution, minimum=0.0, strict=True)
    max_boxes = check_integer("max_boxes", max_boxes, minimum=1)
    try:
        import flint
    except ImportError as error:
        raise ImportError(
            "certify_attention needs python-flint: pip install 'qsyncplug[certify]'"
        ) from error

    begin = time.perf_counter()
    gap_is_pi = max_gap < 4

    def hopeless(a: float, b: float) -> bool:
        # floating point decides only what is worth trying
        return all(
            synchronization_criterion(attention(x), max_gap).ratio < 1
            for x in (a, 0.5 * (a + b), b)
        )

    with flint.ctx.workprec(precision):
        prover = _Prover(flint.arb, gap_is_pi)
        pieces: list[tuple[float, float]] = []  # (lo, hi) in β, proved
        worst = math.inf
        boxes = 0
        if lo <= _FAR:
            proved, ratio, count = _cover(
                prover.near, lo, min(hi, _FAR), resolution, max_boxes, hopeless
            )
            pieces += proved
            worst, boxes = min(worst, ratio), boxes + count
        if hi > _FAR:
            # 1/β in binary, rounded outwards so that the box contains the interval asked for
            e_lo = 0.0 if hi == math.inf else float(np.nextafter(1 / hi, 0.0))
            e_hi = float(np.nextafter(1 / max(lo, _FAR), 1.0))
            proved, ratio, count = _cover(
                prover.far, e_lo, e_hi, resolution, max_boxes, lambda a, b: False
            )
            worst, boxes = min(worst, ratio), boxes + count
            for a, b in proved:
                # and inwards on the way back
                top = hi if a == e_lo else float(np.nextafter(1 / a, 0.0))
                bottom = max(lo, _FAR) if b == e_hi else float(np.nextafter(1 / b, np.inf))
                if bottom <= top:
                    pieces.append((bottom, top))
    merged = _merged(pieces)
    gaps = []
    edge = lo
    for a, b in merged:
        if a > edge:
            gaps.append((edge, a))
        edge = b
    if edge < hi or not merged:
        gaps.append((edge, hi))
    return AttentionCertificate(
        beta_lo=lo,
        beta_hi=hi,
        max_gap=float(np.pi if gap_is_pi else 2 * np.pi),
        certified=not gaps,
        intervals=tuple(merged),
        open_intervals=tuple(gaps),
        ratio=worst if merged else math.nan,
        boxes=boxes,
        precision=precision,
        seconds=time.perf_counter() - begin,
    )


def _merged(pieces: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join closed intervals that share a point."""
    merged: list[tuple[float, float]] = []
    for a, b in sorted(pieces):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged


def _cover(
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
    return _merged(proved), worst, len(proved)


class _Prover:
    """The inequality on one box, in ball arithmetic; ``None`` where it is not decided."""

    def __init__(self, arb: Any, gap_is_pi: bool):
        self.arb = arb
        self.gap = arb.pi() if gap_is_pi else 2 * arb.pi()

    def hull(self, a: Any, b: Any) -> Any:
        return self.arb(a).union(self.arb(b))

    # ------------------------------------------------------------ β up to _FAR, in z = cos x

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
        if z == 1:
            return self.arb(0)
        return self.arb.pi() if z == -1 else z.acos()

    # ------------------------------------------------------------ β from _FAR to ∞, in e = 1/β and
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
