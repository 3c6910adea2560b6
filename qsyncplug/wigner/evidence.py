"""What a Wigner–Lohe run says of a prediction: bounds met, rates seen, limits reached."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.predictions import Verdict
from ..waves.rates import compare_rate

__all__ = ["EQUAL", "both", "elapsed", "floor", "meets", "rate_of", "scale", "some", "stays_equal"]

#: distances below this part of the norm may be those of equal functions: the root of rounding
EQUAL = 1e-7


def elapsed(result: Any) -> np.ndarray:
    """Times since the start, (T,)."""
    times = np.asarray(result.times)
    return np.asarray(times - times[0])


def some(result: Any, count: int = 9) -> np.ndarray:
    """Indices of some output times: what is dear is looked at there."""
    return np.unique(np.linspace(0, len(result.times) - 1, count).astype(int))


def meets(value: np.ndarray, bound: np.ndarray, ground: float = 0.0) -> Verdict:
    """Hold `value` against an upper `bound`; below `ground` it is rounding."""
    value = np.where(value > ground, value, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # subnormal numbers have no digits to compare
        ratio = np.where(bound > 1e-300, value / bound, np.where(value > 1e-14, np.inf, 0))
    worst = float(np.max(ratio))
    return bool(worst <= 1 + 1e-8), f"at most {worst:.9g} of the bound"


def rate_of(
    result: Any, times: np.ndarray, gap: np.ndarray, rate: float, low: float, least: bool
) -> Verdict:
    """Hold the decay of `gap` against the rate of a single exponential; `least`: it may be faster.

    Only where the gap is between `low`, which rounding and the tolerance of the run reach, and
    1e-3. A decay that is faster than the slowest one may be of modes that die out: it contradicts
    nothing.
    """
    if result.log_alpha is None:
        # a gap that is followed by itself keeps its digits however small it is
        low = max(low, 100 * float(result.options.get("rtol", 0.0)))
    compared, text = compare_rate(times, gap, rate, (max(low, 1e-290), 1e-3))
    if compared is None or (compared == 1 and not least):
        return None, text
    return compared >= 0, text


def scale(result: Any) -> float:
    """The largest ‖w_ij‖ at the start."""
    return float(np.max(result.matrix(0).norms()))


def stays_equal(gaps: np.ndarray, result: Any) -> Verdict:
    """Of Wigner functions that are equal, up to rounding, at the start."""
    off = float(np.max(gaps)) / scale(result)
    return (
        off < 100 * EQUAL,
        f"equal at the start, and within {off:.1e} of their norm at all times",
    )


def floor(result: Any) -> float:
    """What 1−z is known to: rounding of z, but for runs that follow 1−z itself."""
    return 1e-12 if result.log_alpha is None else 0.0


def both(first: Verdict, second: Verdict) -> Verdict:
    """Verdict of two tests: both hold, or one fails."""
    text = f"{first[1]}; {second[1]}"
    if first[0] is False or second[0] is False:
        return False, text
    return (True if first[0] or second[0] else None), text
