"""Proof by interval arithmetic that self-attention synchronises for whole ranges of β."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np

from ..core.checks import check_choice, check_integer, check_number
from ..core.extras import need
from ..core.interrupts import whole_or_nothing
from ..core.progress import check_bar, reached
from ..core.saved import Saved
from .criterion import synchronization_criterion
from .gapcheck import check_gap
from .gapproof import GapProof
from .gapsearch import cover as gap_cover
from .interactions import MAX_BETA, attention
from .ratioproof import FAR, RatioProver, cover, merged

__all__ = ["AttentionCertificate", "certify_attention"]

#: below it the gap functional takes over from the ratio criterion
_GAP_FROM = -0.26
#: and here it gives up: stable states of three clusters begin at −2/3
_GAP_END = -0.66664


@dataclass(frozen=True)
class AttentionCertificate(Saved):
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
    method : {"ratio", "gap"}
        "ratio": PRY's criterion; "gap": the gap functional below −0.26, PRY's above.
    gap_proofs : tuple of GapProof
        The proof by the gap functional, an interval of β each; :meth:`GapProof.verify` checks them.

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
    method: str = "ratio"
    gap_proofs: tuple[GapProof, ...] = field(default=(), repr=False)

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
        lines = [self.statement, ""]
        if self.gap_proofs:
            lines += self._gap_lines()
        if self.boxes > len(self.gap_proofs):
            lines += self._ratio_lines()
        return "\n".join(lines)

    __str__ = summary

    def verify(self) -> bool:
        """Check once more that every interval is proved; the boxes of the ratio are made anew."""
        if not all(check_gap(proof) for proof in self.gap_proofs):
            return False
        if self.certified and _between(list(self.intervals), self.beta_lo, self.beta_hi):
            return False
        by_gaps = merged([proof.beta for proof in self.gap_proofs if proof.beta is not None])
        return all(
            certify_attention(
                *rest, max_gap=self.max_gap, precision=self.precision, resolution=1e-12
            ).certified
            for lo, hi in self.intervals
            for rest in _between([x for x in by_gaps if x[0] <= hi and x[1] >= lo], lo, hi)
        )

    def _gap_lines(self) -> list[str]:
        edges = [proof.beta for proof in self.gap_proofs if proof.beta is not None]
        worst = max(proof.end for proof in self.gap_proofs)
        lines = [
            f"For β in [{edges[-1][0]!r}, {edges[0][1]!r}], by the gap functional, in "
            f"{len(edges)} intervals:",
            "    clusters θ_1<…<θ_K of a stable state, K≥2, gaps Δ_i, weights W_i; for any g>0",
            "    T_j = Σ_i g(Δ_i)A(θ_i−θ_j, θ_{i+1}−θ_j) − ½(g(Δ_j)+g(Δ_{j−1}))f'(0), "
            "A(a,b)=½(f'(a)+f'(b))−(f(b)−f(a))/(b−a),",
            "    obey Σ_jW_jT_j ≥ 0: χ=ΣW_jf(·−θ_j) vanishes at every θ_i, and the cut of a whole "
            "cluster gives χ'(θ_i)≥W_if'(0).",
            "    A stable state has at most one gap above τ (the cut between two makes every f' "
            "negative), and none from π on.",
            "    With g=γ(Δ)/Δ and potentials φ (before, after the long gap) every term is "
            "≤ φ(b)−φ(a), so that each T_j ≤ φ(2π)−φ(0) < 0:",
            f"    a contradiction, so K=1. Largest bound of T_j, for f'(0)=γ(0)=1: {worst:.6g}.",
            "    Everything is linear in f: γ and φ for both ends of an interval, with room for "
            "what f_β is off the chord.",
            "    Each proof holds γ and φ (.text() prints them); check_gap proves its inequalities "
            "at nodes and in between.",
        ]
        for (low, high), proof in zip(edges, self.gap_proofs, strict=True):
            lines.append(f"      [{low!r}, {high!r}]  {proof.cells} cells  {proof.end:.4g}")
        return lines

    def _ratio_lines(self) -> list[str]:
        m = "π" if self.max_gap < 6 else "2π"
        where = "the rest of these intervals" if self.gap_proofs else "these intervals"
        lines = [
            f"Claim, for every β in {where}, f = sin x·e^{{β(cos x−1)}}, cos τ = 2β/(1+√(1+4β²)):",
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
            f"Proof: {self.boxes - len(self.gap_proofs)} boxes of β, ball arithmetic with "
            f"{self.precision} bits. In each "
            "box [0,π] is cut",
            "    until f‴ has a proved sign on all cells but those around its zeros; where f‴>0 "
            "the integral is",
            "    a difference of f″, on undecided cells it is bounded by their width times the "
            "largest |f‴|.",
        ]
        if self.intervals and self.intervals[-1][1] > FAR:
            lines.append(
                f"    For β>{FAR:g} the boxes are of 1/β and y=β(1−cos x); for y≥10 or cos x≤0, "
                "f‴≤0 "
                "(see the source for the inequality)."
            )
        return lines


@whole_or_nothing
def certify_attention(
    beta_lo: float,
    beta_hi: float,
    *,
    max_gap: float = np.pi,
    precision: int = 80,
    resolution: float = 1e-9,
    max_boxes: int = 20000,
    method: str = "ratio",
    progress_bar: str | bool = "",
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
    method : {"ratio", "gap"}
        ``"ratio"``: the criterion of PRY, which reaches down to −0.26156. ``"gap"``: below −0.26
        the gap functional, which reaches down to −0.66664; the closer to −2/3, the longer it
        takes (3 seconds to −0.66, 5 to −0.6656, a minute to the end).
    progress_bar : str or bool
        As in QuTiP, for the gap functional: "text", "enhanced", "tqdm"; none by default.

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
    enters it. By the gap functional a search in floating point proposes functions γ and φ, and a
    separate checker proves what they claim (:mod:`qsyncplug.circle.gapcheck`).

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
    max_gap = check_number("max_gap", max_gap)
    if not any(abs(max_gap - m) < 1e-12 for m in (np.pi, 2 * np.pi)):
        raise ValueError(
            "max_gap must be π or 2π, which are the bounds that are proved to hold; not "
            f"{max_gap!r}"
        )
    work = _Work(
        float(np.pi if max_gap < 4 else 2 * np.pi),
        check_integer("precision", precision, minimum=53, maximum=10**5),
        check_number("resolution", resolution, minimum=0.0, strict=True),
        check_integer("max_boxes", max_boxes, minimum=1),
    )
    check_choice("method", method, ("ratio", "gap"))
    bar = check_bar(progress_bar)
    need("flint", "certify", "certify_attention")
    begin = time.perf_counter()
    if method == "gap" and lo < _GAP_FROM:
        work.by_gaps(lo, min(hi, _GAP_FROM), bar)
    if method == "ratio" or hi > _GAP_FROM:
        work.by_ratio(max(lo, _GAP_FROM) if method == "gap" else lo, hi)
    joined = merged(work.pieces)
    left = _between(joined, lo, hi)
    return AttentionCertificate(
        beta_lo=lo,
        beta_hi=hi,
        max_gap=work.max_gap,
        certified=not left,
        intervals=tuple(joined),
        open_intervals=tuple(left),
        ratio=work.worst if work.worst < math.inf else math.nan,
        boxes=work.boxes + len(work.gap_proofs),
        precision=work.precision,
        seconds=time.perf_counter() - begin,
        method=method,
        gap_proofs=tuple(work.gap_proofs),
    )


def _between(joined: list[tuple[float, float]], lo: float, hi: float) -> list[tuple[float, float]]:
    """What of [lo, hi] is outside of the intervals."""
    left = []
    edge = lo
    for a, b in joined:
        if a > edge:
            left.append((edge, a))
        edge = b
    if edge < hi or not joined:
        left.append((edge, hi))
    return left


@dataclass
class _Work:
    """What is proved so far, under which limits, and the worst margin that was met."""

    max_gap: float
    precision: int
    resolution: float
    max_boxes: int
    pieces: list[tuple[float, float]] = field(default_factory=list)
    gap_proofs: list[GapProof] = field(default_factory=list)
    worst: float = math.inf
    boxes: int = 0

    def by_gaps(self, lo: float, hi: float, bar: str) -> None:
        """Prove what can be proved of [lo, hi] by the gap functional, from above."""
        # stable states of three clusters exist from −2/3 on
        lo = max(lo, _GAP_END)
        if lo > hi:
            return
        tell = reached(bar)
        proofs, edge = gap_cover(
            lo,
            hi,
            check_gap,
            report=lambda proof: tell((hi - (proof.beta or (lo, hi))[0]) / (hi - lo)),
        )
        tell(1.0)
        self.gap_proofs += proofs
        if proofs:
            self.pieces.append((edge, hi))

    def by_ratio(self, lo: float, hi: float) -> None:
        """Prove what can be proved of [lo, hi] by PRY's criterion."""
        import flint

        with flint.ctx.workprec(self.precision):
            prover = RatioProver(flint.arb, self.max_gap < 4)
            if lo <= FAR:
                self._add(cover(prover.near, lo, min(hi, FAR), *self._limits(), self._hopeless))
            if hi > FAR:
                self._far(prover, lo, hi)

    def _limits(self) -> tuple[float, int]:
        return self.resolution, self.max_boxes

    def _hopeless(self, a: float, b: float) -> bool:
        # floating point decides only what is worth trying
        return all(
            synchronization_criterion(attention(x), self.max_gap).ratio < 1
            for x in (a, 0.5 * (a + b), b)
        )

    def _add(self, found: tuple[list[tuple[float, float]], float, int]) -> None:
        proved, ratio, count = found
        self.pieces += proved
        self.worst, self.boxes = min(self.worst, ratio), self.boxes + count

    def _far(self, prover: RatioProver, lo: float, hi: float) -> None:
        # 1/β in binary, rounded outwards so that the box contains the interval asked for
        e_lo = 0.0 if hi == math.inf else float(np.nextafter(1 / hi, 0.0))
        e_hi = float(np.nextafter(1 / max(lo, FAR), 1.0))
        proved, ratio, count = cover(prover.far, e_lo, e_hi, *self._limits(), lambda a, b: False)
        pieces = []
        for a, b in proved:
            # and inwards on the way back
            top = hi if a == e_lo else float(np.nextafter(1 / a, 0.0))
            bottom = max(lo, FAR) if b == e_hi else float(np.nextafter(1 / b, np.inf))
            if bottom <= top:
                pieces.append((bottom, top))
        self._add((pieces, ratio, count))
