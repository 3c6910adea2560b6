"""What a run says about a prediction: it never concludes more than its outputs and accuracy
allow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.predictions import Verdict
from ..waves.rates import TOLERANCE, alignment_rates

__all__ = [
    "accuracy",
    "check_approach",
    "check_limit",
    "elapsed",
    "largest_gap",
    "settled",
]

#: e-folds without any change after which a state is taken to be an equilibrium
_STALLED = 200.0


def accuracy(result: Any) -> float:
    """Relative error that the states of a run may have."""
    return float(max(result.options.get("rtol", 1e-12), 1e-12))


def elapsed(result: Any) -> np.ndarray:
    """Output times since the start of the run, (T,): theorems begin at 0."""
    return np.asarray(result.times) - float(result.times[0])


def largest_gap(result: Any) -> np.ndarray:
    """Max over pairs of 1−Re z, (T,)."""
    gaps = result.deviations.real
    n = gaps.shape[1]
    return np.max(gaps[:, ~np.eye(n, dtype=bool)], axis=1) if n > 1 else np.zeros(len(gaps))


def _energy(result: Any) -> tuple[np.ndarray, np.ndarray]:
    """Σ_jl W_jW_l(1−Re z_jl) with W=λ²/θ, normalised, and ln W (T, N).

    Linearised at synchrony the equations are symmetric in the weights W, so that this is a sum of
    decaying exponentials with positive coefficients: it cannot fall more slowly than its slowest
    mode, which a single pair can.
    """
    weights = result.masses / result.theta
    total = np.sum(weights, axis=1)
    energy = np.einsum("tj,tjl,tl->t", weights, result.deviations.real, weights) / total**2
    return energy, np.log(weights)


def check_approach(
    coupling: float, collinear: bool, result: Any, tolerance: float = TOLERANCE
) -> Verdict:
    """Hold the decay near synchrony against the rates of the norms and θ that the run has there.

    The exponent of max|1−z| is 2σ₁; 1−Re z, which is known best, falls at it, or at 4σ₁ where all
    states are multiples of one. False only where the decay is slower than the equations allow.
    """
    finite = np.isfinite(result.times)
    t = np.asarray(result.times)[finite]
    energy, logs = (a[finite] for a in _energy(result))
    low = max(1e-9, (200 * accuracy(result)) ** 2)
    pick = np.flatnonzero((energy < 1e-4) & (energy > low))
    if len(pick):
        ends = np.flatnonzero(np.diff(pick) > 1)
        pick = pick[: ends[0] + 1] if len(ends) else pick
    pick = pick[:: max(1, len(pick) // 100)]
    factor = 2.0 if collinear else 1.0
    if len(pick) < 3:
        return None, "rate: the run has no three outputs in the range where it shows"
    masses, theta = np.asarray(result.masses)[finite], np.asarray(result.theta)[finite]
    rates = np.array([_two_rates(coupling, np.sqrt(masses[i]), theta[i]) for i in pick])
    rates *= factor
    dt = np.diff(t[pick])
    slopes = -np.diff(np.log(energy[pick])) / dt
    # weights that still change feed or drain the sum
    drift = np.max(np.abs(np.diff(logs[pick], axis=0)), axis=1) / dt
    last = slice(-max(2, len(slopes) // 4), None)
    slope = float(np.median(slopes[last]))
    expected = float(np.min(rates[pick.size - len(slopes[last]) - 1 :, 0]))
    allowed = expected * (1 - tolerance) - float(np.max(drift[last]))
    text = f"rate {slope / factor:.6g} measured, {expected / factor:.6g} predicted"
    if slope < allowed:
        return False, text
    # what a faster part can still take off, from how much the slope has fallen on the way
    middles = 0.5 * (t[pick][1:] + t[pick][:-1])
    apart = float(np.min(rates[:, 1] - rates[:, 0])) * float(middles[-1] - middles[0])
    fallen = max(float(slopes[0] - slopes[-1]), 0.0)
    remaining = fallen / np.expm1(min(apart, 700.0)) if apart > 0 else np.inf
    if fallen < 0.1 * tolerance * slope:
        remaining = 0.0
    highest = float(np.max(rates[:, 0])) * (1 + tolerance)
    close = slope - remaining >= expected * (1 - tolerance) and slope <= highest
    # a short stretch shows no change of the slope
    if energy[pick[0]] < 10 * energy[pick[-1]]:
        return None, text + "; the stretch is too short"
    if close and np.max(drift[last]) < tolerance * slope:
        return True, text
    return None, text + "; a faster part may still be in front"


def _two_rates(coupling: float, norms: np.ndarray, theta: np.ndarray) -> tuple[float, float]:
    """Slowest rate, and the next that shows: of the next mode, or of the square of the slowest."""
    rates = alignment_rates(coupling, norms, theta)
    double = 2 * float(rates[0])
    following = float(rates[1]) if len(rates) > 1 else double
    # equal rates are one
    following = following if following > rates[0] * (1 + 1e-6) else double
    return float(rates[0]), min(following, double)


def check_limit(result: Any, name: str, limit: Any, rate: float | None) -> Verdict:
    """Compare an array of the result at the last time with a limit.

    False only where the run has come to rest elsewhere for so long that not even a start within
    rounding of an unstable equilibrium explains it.
    """
    value = np.asarray(getattr(result, name))
    finite = np.flatnonzero(np.isfinite(result.times))
    off = float(np.max(np.abs(value[-1] - limit)))
    if off < 1e-6:
        return True, f"{name} within {off:.1e} of the limit"
    middle = finite[len(finite) // 2] if len(finite) else 0
    moved = float(np.max(np.abs(value[-1] - value[middle])))
    waited = float(result.times[finite[-1]] - result.times[middle]) if len(finite) else 0.0
    if rate is not None and rate * waited > _STALLED and moved < 1e-3 * off:
        return False, f"{name} at rest, {off:.1e} from the limit"
    return None, f"{name} at {off:.1e} from the limit and still approaching"


def settled(result: Any, threshold: float = 1e-10) -> int | None:
    """First output from which every θ_j is within `threshold` of the mean, if three are left."""
    theta = np.asarray(result.theta)
    off = np.max(np.abs(theta - np.mean(theta, axis=1)[:, None]), axis=1)
    late = np.flatnonzero(off > threshold)
    first = int(late[-1]) + 1 if len(late) else 0
    return first if first < len(theta) - 2 else None
