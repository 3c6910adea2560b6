"""Predictions of limits and rates, and how a run is held against them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.predictions import Outcome, Prediction, Verdict

__all__ = ["LohePrediction", "check_limit", "check_rate", "largest_gap"]


class LohePrediction(Prediction):
    """A statement on a Schrödinger–Lohe model.

    `limits` holds limits as t→∞ of arrays of the result, by name (``"correlations"``, ``"masses"``,
    ``"order_parameter"``, ``"theta"``); 1−Re z decays as e^{−rate·t}; z has the `period`.
    """

    def check(self, result: Any) -> Outcome:
        """Hold it against a run from these initial states: its own test, the rate and the limits.

        The outcome is None where the run is too short, or its outputs too few, to tell.
        """
        found: list[Verdict] = []
        if self.test is not None:
            found.append(self.test(result))
        if self.rate is not None:
            found.append(check_rate(result, self.rate))
        found += [
            check_limit(result, name, limit, self.rate) for name, limit in self.limits.items()
        ]
        passed: bool | None = None
        if any(p is False for p, _ in found):
            passed = False
        elif any(p is True for p, _ in found):
            passed = True
        return Outcome(self.name, passed, "; ".join(text for _, text in found))


def largest_gap(result: Any) -> np.ndarray:
    """Max over pairs of 1−Re z, (T,)."""
    gaps = result.deviations.real
    n = gaps.shape[1]
    return np.max(gaps[:, ~np.eye(n, dtype=bool)], axis=1) if n > 1 else np.zeros(len(gaps))


def check_rate(result: Any, rate: float, tolerance: float = 0.02) -> Verdict:
    """Compare the slope of ln(1−Re z), where it is small, with a rate."""
    gap = largest_gap(result)
    floor = 1e-11 if result._mobius() is None else 1e-250
    pick = np.flatnonzero((gap < 1e-4) & (gap > floor))
    if len(pick) < 3:
        return (
            None,
            f"rate {rate:.6g} predicted; the run has no three outputs in the range where it shows",
        )
    pick = pick[len(pick) // 2 - (1 if len(pick) < 4 else 0) :]
    slope = -np.polyfit(result.times[pick], np.log(gap[pick]), 1)[0]
    return bool(
        abs(slope - rate) <= tolerance * rate
    ), f"rate {slope:.6g} measured, {rate:.6g} predicted"


def check_limit(result: Any, name: str, limit: Any, rate: float | None) -> Verdict:
    """Compare an array of the result at the last time with a limit."""
    value = getattr(result, name)
    off = float(np.max(np.abs(value[-1] - limit)))
    if off < 1e-6:
        return True, f"{name} within {off:.1e} of the limit"
    # a distance that still shrinks tells nothing yet
    half = float(np.max(np.abs(value[len(value) // 2] - limit)))
    settled = rate is None or rate * (result.times[-1] - result.times[0]) > 25
    if off < 0.9 * half or not settled:
        return None, f"{name} at {off:.1e} from the limit and still approaching"
    return False, f"{name} at {off:.1e} from the limit and not approaching"
