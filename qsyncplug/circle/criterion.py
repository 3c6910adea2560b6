"""The synchronisation criterion of Polyanskiy, Rigollet and Yao (PRY), evaluated to rounding."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize

from ..core.checks import check_choice, check_number
from ..core.interrupts import whole_or_nothing
from ..core.saved import Saved
from .callables import interaction as as_interaction
from .gapsearch import Edges, best_gamma, longest
from .interactions import Interaction, attention

__all__ = ["Criterion", "attention_threshold", "synchronization_criterion"]


@dataclass(frozen=True)
class Criterion(Saved):
    r"""Value of the synchronisation criterion for one interaction.

    Attributes
    ----------
    interaction : Interaction
        What it was evaluated for.
    max_gap : float
        M, a bound that the largest gap of every stable, non-synchronised stationary point stays
        below.
    tau : float
        Smallest τ with f′(x)<0 for all τ<|x|≤π; 0 if f′<0 everywhere.
    integral : float
        :math:`\int_{-π}^{π}|f'''(x)|_+dx` of the scaled function.
    slope : float
        f′(0) of the scaled function.
    ratio : float
        :math:`4(1+τ/M)f'(0)/(τ\int|f'''|_+)`, the same for the scaled and the physical function.
    sign_changes : tuple of float
        Points of (0, π) where f‴ changes sign.
    gap_bound : str
        Why `max_gap` is a valid bound, or why it may not be.
    gap_proved : bool
        Whether `max_gap` follows from f, rather than from the caller's word.
    certified : bool
        Whether the criterion's hypotheses hold and ratio ≥ 1, in floating point: then every stable
        stationary point is synchronised. False means "not certified", never "does not synchronise".
    method : {"ratio", "gap"}
        Which of the two was evaluated.
    gap_value : float
        Value of the gap functional, negative where it proves; NaN where it was not evaluated.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> criterion = qsp.synchronization_criterion(qsp.attention(5.0))
    >>> criterion.certified, round(criterion.ratio, 3)
    (True, 1.348)
    """

    interaction: Interaction
    max_gap: float
    tau: float
    integral: float
    slope: float
    ratio: float
    sign_changes: tuple[float, ...]
    gap_bound: str
    gap_proved: bool
    certified: bool
    method: str = "ratio"
    gap_value: float = math.nan

    def __bool__(self) -> bool:
        """True where synchronisation is proved; False says that this criterion does not decide."""
        return self.certified

    @property
    def statement(self) -> str:
        """What follows from the numbers, as a sentence: the theorem, or why there is none."""
        if self.method == "gap":
            return self._gap_statement()
        if not self.certified:
            why = (
                self.gap_bound if self.ratio >= 1 else "the criterion is sufficient, not necessary"
            )
            return f"not certified: ratio {self.ratio:.12g} for M = {self.max_gap:.6g} ({why})"
        return (
            f"ratio {self.ratio:.12g} ≥ 1 for M = {self.max_gap:.6g} ({self.gap_bound}): every "
            "stable stationary "
            "point of systems S1–S4 is synchronised, and almost every initial state synchronises "
            "if f is analytic "
            "(PRY, Corollary 3.3 with Remark 3.4, Theorem 6.2)"
        )

    def _gap_statement(self) -> str:
        if not self.certified:
            why = (
                "it needs f>0 on (0, π) and f′(π)<0"
                if math.isnan(self.gap_value)
                else "the criterion is sufficient, not necessary"
            )
            return f"not certified: gap functional {self.gap_value:.6g} ({why})"
        return (
            f"gap functional {self.gap_value:.6g} < 0: every stable stationary point of systems "
            "S1–S4 is synchronised, and almost every initial state synchronises if f is analytic "
            "(in floating point; certify_attention and certify_synchronization prove it)"
        )

    def __str__(self) -> str:
        return f"{self.interaction}: {self.statement}"


@whole_or_nothing
def synchronization_criterion(
    interaction: Interaction | Callable[..., Any], max_gap: float = np.pi, *, method: str = "ratio"
) -> Criterion:
    r"""Evaluate the criterion :math:`τ\int_{-π}^{π}|f'''|_+\,dx ≤ 4(1+τ/M)f'(0)`.

    Parameters
    ----------
    interaction : Interaction or callable
        The odd interaction function.
    max_gap : float
        M in (0, 2π]: an upper bound on the largest gap of every stable, stationary,
        non-synchronised point. 2π always holds (PRY Theorem 2.1). From π on it holds if f>0 on (0,
        π) and f′(π)<0, which is checked: points within a closed half circle are stationary only if
        synchronised or antipodal, and antipodal points are unstable. Below π it is the caller's
        word.

    method : {"ratio", "gap"}
        ``"gap"``: the gap functional instead, which reaches further (for the attention to
        β≈−0.666 instead of −0.2616); `max_gap` plays no role. It takes about a second.

    Returns
    -------
    Criterion

    Raises
    ------
    ValueError
        `max_gap` out of range, or a callable without a converging sine series.

    Notes
    -----
    The integral is the sum of the rises of f″ between the sign changes of f‴: no quadrature error.
    For the attention these are roots of a quartic in cos x and τ has a closed form, :math:`\cos
    τ=2β/(1+\sqrt{1+4β^2})`; relative errors stay near 1e-15 for every β. Other functions are
    searched for sign changes on a grid of 32 points per shortest wave.

    Gap functional: for clusters :math:`θ_i` of a stable state with gaps :math:`Δ_i` and weights
    :math:`W_i`, and any g>0, :math:`\sum_jW_jT_j≥0` with
    :math:`T_j=\sum_ig(Δ_i)A(θ_i-θ_j,θ_{i+1}-θ_j)-\frac12(g(Δ_j)+g(Δ_{j-1}))f'(0)`,
    :math:`A(a,b)=\frac12(f'(a)+f'(b))-\frac{f(b)-f(a)}{b-a}`: where every :math:`T_j<0`, over all
    partitions of the circle, one cluster is left. g is optimised; PRY's criterion is g=1/Δ with A
    bounded by the integral of the positive part of the third derivative.

    References
    ----------
    PRY, Theorem 2.1 and Corollary 3.3. :func:`certify_attention` proves the inequality by interval
    arithmetic.

    Examples
    --------
    >>> from qsyncplug.circle import attention, synchronization_criterion
    >>> criterion = synchronization_criterion(attention(2.0))
    >>> round(criterion.tau, 12), criterion.certified
    (0.674888845586, True)
    """
    f = as_interaction(interaction)
    if not f.decays:
        raise ValueError(
            f"interaction must be smooth, for the criterion integrates its third derivative; {f} "
            "has a kink or a jump"
        )
    max_gap = check_number("max_gap", max_gap, minimum=0.0, maximum=np.pi * (2 + 1e-15))
    if max_gap == 0:
        raise ValueError("max_gap must be above 0, not 0")
    check_choice("method", method, ("ratio", "gap"))
    if f.kind in ("attention", "sine"):
        tau, rise, changes = _attention_pieces(f.beta)
        positive, bound = True, "f>0 on (0, π) and f′(π)<0"
    else:
        tau, rise, changes, positive, bound = _general_pieces(f)
    proved = positive and max_gap >= np.pi
    if max_gap < np.pi:
        bound = "M<π is the caller's word"
    elif max_gap >= 2 * np.pi:
        proved, bound = True, "2π bounds every gap"
    slope = f.slope
    if tau == 0 or rise == 0:
        ratio = -math.inf
    else:
        ratio = 4 * (1 + tau / max_gap) * slope / (tau * 2 * rise)
    common = (f, max_gap, tau, 2 * rise, slope, ratio, changes, bound, proved)
    if method == "gap":
        value, doubt = _gap_value(f, slope) if positive else (math.nan, 0.0)
        return Criterion(*common, bool(value < -doubt), "gap", value)
    return Criterion(*common, bool(ratio >= 1 and slope > 0 and (proved or max_gap < np.pi)))


def _gap_value(f: Interaction, slope: float) -> tuple[float, float]:
    """The gap functional with the best γ found, and how far the grid may be off."""
    found = []
    slopes = None
    b = f.coefficients() / slope
    first = 4 * max(60, 2 * b.size)
    for cells in (first, 2 * first):
        edges = Edges(b, cells)
        if slopes is None:
            slopes = best_gamma(edges)[1]
        found.append(longest(edges, 1 + slopes[2:] @ edges.hats(24)).end)
    # of second order in the cells: what is left is a third of the difference, which may vanish by
    # accident, where the worst gaps are whole numbers of cells
    return found[1], max(abs(found[1] - found[0]), (np.pi / first) ** 2)


def attention_threshold(max_gap: float = np.pi) -> float:
    """Return the negative β at which the criterion for the attention has ratio 1.

    Parameters
    ----------
    max_gap : float
        M, as in :func:`synchronization_criterion`.

    Returns
    -------
    float
        −0.2615619053595… for π, −0.1921434941597… for 2π.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> round(qsp.attention_threshold(), 4)
    -0.2616
    """

    def excess(beta: float) -> float:
        return synchronization_criterion(attention(beta), max_gap).ratio - 1

    low = -1.0
    while excess(low) > 0:  # τ/M grows for small M
        low *= 2
    return float(scipy.optimize.brentq(excess, low, 0.0, xtol=1e-16, rtol=1e-15))


# ---------------------------------------------------------------------- attention


def _complement(beta: float) -> float:
    """Return 1 − cos τ for β ≥ 0, without cancellation."""
    root = math.sqrt(1 + 4 * beta * beta)
    return (1 + 1 / (root + 2 * beta)) / (1 + root)


def _attention_pieces(beta: float) -> tuple[float, float, tuple[float, ...]]:
    """τ, the rise of f″ over [0, π], and the sign changes of f‴, for the scaled attention."""
    size = abs(beta)
    gap = _complement(size)
    tau = 2 * math.asin(math.sqrt(gap / 2))
    rise, changes = _attention_rise(size)
    if beta < 0:
        # f_{−β}(x) = f_β(π−x): f‴ changes its sign, but its integral vanishes, so the rises equal
        # the falls
        tau = math.pi - tau
        changes = tuple(math.pi - x for x in reversed(changes))
    return tau, rise, changes


def _attention_rise(beta: float) -> tuple[float, tuple[float, ...]]:
    """Rise of f″ over [0, π] and the sign changes of f‴, β ≥ 0, in y = β(1−cos x) (y = 1−cos x for
    β < 1).
    """
    scale = max(beta, 1.0)
    e = 1 / scale
    # f‴ = −scale·q(y)·e^{−β(1−cos x)}
    if beta >= 1:
        q = np.array(
            [e * e, -4 * e - 6 * e * e, 4 + 18 * e + 7 * e * e, -12 - 14 * e - e * e, 3 + e]
        )
    else:
        b = beta
        # PRY's polynomial with cos x = 1−y
        shifted = np.poly1d([-1.0, 1.0])
        p = b**3 * shifted**4 + 6 * b**2 * shifted**3 + (7 * b - 2 * b**3) * shifted**2
        q = np.atleast_1d((p + (1 - 6 * b**2) * shifted + (b**3 - 4 * b)).coeffs)
    end = 2 * scale
    slope_q = np.polyder(q)
    inside = []
    for root in np.roots(q):
        if abs(root.imag) > 1e-6 * max(1.0, abs(root)):
            continue
        y = float(root.real)
        for _ in range(3):
            slope = np.polyval(slope_q, y)
            if slope != 0:
                y -= float(np.polyval(q, y) / slope)
        if 0 < y < end:
            inside.append(y)
    points = [0.0, *sorted(inside), end]
    rise, changes = 0.0, []
    signs = [np.polyval(q, (a + b) / 2) < 0 for a, b in itertools.pairwise(points)]
    for k, up in enumerate(signs):
        if up:
            rise += _second_derivative(beta, e, points[k + 1]) - _second_derivative(
                beta, e, points[k]
            )
        if k and up != signs[k - 1]:
            changes.append(2 * math.asin(math.sqrt(points[k] * e / 2)))
    return rise, tuple(changes)


def _second_derivative(beta: float, e: float, y: float) -> float:
    """f″ of the scaled attention where 1−cos x = e·y."""
    w = e * y
    s2 = w * (2 - w)
    return (
        math.sqrt(max(s2, 0.0)) * (beta * beta * s2 - 3 * beta * (1 - w) - 1) * math.exp(-beta * w)
    )


# ---------------------------------------------------------------------- any other odd function


def _noise(f: Interaction, order: int) -> float:
    """Bound the rounding error of the derivative of this order: values below it have no certain
    sign.
    """
    if f.kind == "callable" and len(getattr(f, "derivatives", ())) >= order:
        return 0.0
    b = np.abs(f.coefficients())
    return 8 * float(np.finfo(float).eps * np.sum(b * np.arange(1, b.size + 1.0) ** order))


def _zeros(function: Any, x: np.ndarray, noise: float) -> list[float]:
    """Zeros of `function` where it changes sign on the grid `x`, leaving out changes within
    `noise`.
    """
    values = np.asarray(function(x), dtype=float)
    sure = np.flatnonzero(np.abs(values) > noise)
    return [
        float(
            scipy.optimize.brentq(
                lambda t: float(function(np.float64(t))), x[a], x[b], xtol=1e-15, rtol=1e-15
            )
        )
        for a, b in itertools.pairwise(sure)
        if (values[a] > 0) != (values[b] > 0)
    ]


def _general_pieces(f: Interaction) -> tuple[float, float, tuple[float, ...], bool, str]:
    """τ, rise of f″, sign changes of f‴, and whether (and why) gaps of π and more are excluded."""
    modes = f.coefficients().size
    x = np.linspace(0.0, np.pi, max(512, 16 * modes) + 1)
    noise = [_noise(f, order) for order in range(4)]
    changes = _zeros(f.d3f, x, noise[3])
    # f″ vanishes at both ends, being odd
    heights = np.array([0.0, *(float(f.d2f(c)) for c in changes), 0.0])
    rise = float(np.sum(np.maximum(np.diff(heights), 0.0)))

    # f′ is monotone between its extrema, the zeros of f″, so none of its zeros is missed
    extrema = [0.0, *_zeros(f.d2f, x, noise[2]), np.pi]
    slopes = [float(f.df(np.float64(t))) for t in extrema]
    tau = 0.0
    for k in range(len(extrema) - 1, -1, -1):
        # what is zero to rounding counts as not negative, which can only enlarge τ
        if slopes[k] >= -noise[1]:
            tau = extrema[k]
            if k + 1 < len(extrema) and slopes[k] > 0:
                tau = float(
                    scipy.optimize.brentq(
                        lambda t: float(f.df(np.float64(t))),
                        extrema[k],
                        extrema[k + 1],
                        xtol=1e-15,
                        rtol=1e-15,
                    )
                )
            break
    minima = [t for t in _zeros(f.df, x, noise[1]) if 0 < t < np.pi]
    lowest = min(
        float(np.min(f.f(x[1:-1]))),
        min((float(f.f(np.float64(t))) for t in minima), default=np.inf),
    )
    positive = slopes[0] > 0 and slopes[-1] < -noise[1] and lowest > noise[0]
    bound = (
        "f>0 on (0, π) and f′(π)<0"
        if positive
        else "f is not positive on (0, π) with f′(π)<0, so take max_gap=2π"
    )
    return tau, rise, tuple(changes), positive, bound
