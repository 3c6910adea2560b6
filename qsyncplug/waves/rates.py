"""Rates at which oscillators synchronise, and how a rate is read off a run."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..core.checks import check_array, check_number

__all__ = [
    "alignment_rates",
    "check_rate",
    "compare_rate",
    "measured_slopes",
    "synchronization_rate",
]

#: what a run's local rate may differ from a predicted one by
TOLERANCE = 0.02


def alignment_rates(
    coupling: float, norms: ArrayLike, theta: ArrayLike | None = None
) -> np.ndarray:
    r"""Return the rates 2σ_m, in increasing order, at which N identical oscillators approach one
    state.

    σ_m are the nonzero eigenvalues of :math:`\tfrac k2\,\mathrm{diag}(d)(S\,1-\mathbf 1\barλ^T/N)`,
    S the mean of the
    norms λ̄, d=1/λ̄ (Model 1 and the standard model) or θ/λ̄ (Model 2).

    Parameters
    ----------
    coupling : float
        k>0.
    norms : (N,) array
        λ̄_j, the final norms; positive.
    theta : (N,) array, optional
        θ_j of Model 2.

    Returns
    -------
    ndarray of shape (N-1,)

    Raises
    ------
    ValueError, TypeError
        Norms or θ that are not positive and finite.

    Notes
    -----
    Linearised at synchrony, ψ_j=λ̄_j e^{iφ_j}(e+u_j) with u_j⊥e: the u_j fall at σ_m and the phases
    φ_j at 2σ_m. So
    max\|1−z_jl\| falls at 2σ₁ in every case, and 1−Re z at 2σ₁, but at 4σ₁ where all states are
    complex multiples
    of one (the limit of Kuramoto's phases). The matrix is symmetric in the weights λ̄² (or 1, Model
    2).

    References
    ----------
    Antonelli, Reynolds, Theorem 5.1 and Proposition 6.2, which print a bound of 1−Re z alone.

    Examples
    --------
    >>> alignment_rates(1.0, [0.7, 1.0, 1.3, 1.6]).round(12)[0].item()
    0.801483786667
    """
    k = check_number("coupling", coupling)
    lam = _positive("norms", norms)
    n = len(lam)
    gain = np.ones(n) if theta is None else _positive("theta", theta)
    if len(gain) != n:
        raise ValueError(f"theta must hold {n} numbers, as norms does, not {len(gain)}")
    # diag(d)(S − 1λᵀ/N), made symmetric: weights √(λ/d) on the left, √(d/λ) on the right
    d = gain / lam
    root = np.sqrt(d * lam)
    matrix = np.diag(np.mean(lam) * d) - np.outer(root, root) / n
    # zero belongs to the common state; the rest is positive
    return np.asarray(k * np.linalg.eigvalsh(matrix)[1:])


def synchronization_rate(
    coupling: float, norms: ArrayLike, theta: ArrayLike | None = None
) -> float:
    r"""Return the rate 2σ₁ of max\|1−z\| near the synchronised state of N identical oscillators.

    Parameters
    ----------
    coupling, norms, theta
        As for :func:`alignment_rates`, which holds the equation.

    Returns
    -------
    float
        Infinite for one oscillator.

    Examples
    --------
    Equal masses: k, or kθ in Model 2.

    >>> round(synchronization_rate(1.3, [1.0, 1.0, 1.0]), 12)
    1.3
    """
    rates = alignment_rates(coupling, norms, theta)
    return float(rates[0]) if len(rates) else float("inf")


def _positive(name: str, value: ArrayLike) -> np.ndarray:
    array = check_array(name, value, shape=(None,))
    if len(array) == 0 or np.any(array <= 0):
        raise ValueError(f"{name} must hold positive numbers, not {array.tolist()!r:.60}")
    return array


def measured_slopes(
    times: np.ndarray, gap: np.ndarray, low: float = 1e-9, high: float = 1e-4
) -> np.ndarray | None:
    """Return local rates −d ln(gap)/dt between neighbouring outputs where `gap` is in [low, high].

    None where fewer than three outputs lie there. Outputs closer than a hundredth of the stretch
    are thinned, for the
    slope between them is noise.

    Parameters
    ----------
    times, gap : (T,) arrays
    low, high : float
        Range in which the linearisation holds and rounding does not matter.

    Examples
    --------
    >>> t = np.linspace(0.0, 12.0, 25)
    >>> measured_slopes(t, np.exp(-2.0 * t)).round(9).min().item()
    2.0
    """
    pick = np.flatnonzero((gap < high) & (gap > low))
    # the first stretch only: what returns there later is rounding
    if len(pick):
        ends = np.flatnonzero(np.diff(pick) > 1)
        pick = pick[: ends[0] + 1] if len(ends) else pick
    if len(pick) < 3:
        return None
    t, y = times[pick], np.log(gap[pick])
    stride = max(1, len(pick) // 100)
    t, y = t[::stride], y[::stride]
    if len(t) < 3:
        return None
    return np.asarray(-np.diff(y) / np.diff(t))


def check_rate(
    times: np.ndarray,
    gap: np.ndarray,
    rates: ArrayLike,
    *,
    low: float = 1e-9,
    high: float = 1e-4,
    tolerance: float = TOLERANCE,
) -> tuple[bool | None, str]:
    """Hold the decay of `gap` in a run against the slowest of the rates that may show.

    Parameters
    ----------
    times, gap : (T,) arrays
    rates : float or (m,) array
        In increasing order; `gap` is a sum of exponentials with these rates.
    low, high : float
        Range of the gap that is looked at.
    tolerance : float
        Relative.

    Returns
    -------
    passed : bool or None
        False where the gap falls more slowly than the slowest rate allows. True where it falls at
        that rate. None where
        there is too little of the run, or where a faster part may still be in front.
    found : str

    Examples
    --------
    >>> t = np.linspace(0.0, 12.0, 25)
    >>> check_rate(t, np.exp(-2.0 * t), 2.0)[0], check_rate(t, np.exp(-1.8 * t), 2.0)[0]
    (True, False)
    """
    known = np.atleast_1d(np.asarray(rates, dtype=float))
    rate = float(known[0])
    compared, text = compare_rate(times, gap, rate, (low, high), tolerance)
    if compared == 1:
        # a part with a larger rate hides the slowest one
        return None, text + "; a faster part is still in front"
    return (None if compared is None else compared == 0), text


def compare_rate(
    times: np.ndarray,
    gap: np.ndarray,
    rate: float,
    window: tuple[float, float],
    tolerance: float = TOLERANCE,
) -> tuple[int | None, str]:
    """How the decay of `gap`, while it is in a window, compares with a rate: −1 slower, 0 at that
    rate, 1 faster, None where too little of it shows; and that in words.
    """
    slopes = measured_slopes(times, gap, *window)
    if slopes is None:
        return (
            None,
            f"rate {rate:.6g} predicted; the run has no three outputs in the range where it shows",
        )
    last = float(np.median(slopes[-max(2, len(slopes) // 4) :]))
    text = f"rate {last:.6g} measured, {rate:.6g} predicted"
    if last < rate * (1 - tolerance):
        return -1, text
    return int(last > rate * (1 + tolerance)), text
