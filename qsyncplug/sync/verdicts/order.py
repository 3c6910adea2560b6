"""The order parameter against its null value: what independent phases would show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from .rates import Estimate
from .survey import at_even_times

__all__ = ["Order", "judge_order", "null_value", "time_mean"]


def null_value(n: int) -> float:
    """R of N independent nodes whose phases are uniform: √⟨r²⟩ = 1/√N."""
    return float(1 / np.sqrt(n))


@dataclass(frozen=True)
class Order:
    """The order parameter over a window.

    Attributes
    ----------
    mean : Estimate
        Of r.
    power : Estimate
        Mean of N r², which is 1 for independent phases.
    independent : float
        Number of independent samples T/(1+2Σρ_k), from the autocorrelation of N r².
    bound : float
        1+5/√T_eff: N r² of independent phases stays below.
    """

    n: int
    mean: Estimate
    power: Estimate
    independent: float
    bound: float

    @property
    def error(self) -> float:
        """Standard error of N r² if the phases were independent."""
        return float(1 / np.sqrt(self.independent))

    @property
    def at_null(self) -> bool:
        """Whether r is what independent phases show (just below a threshold r is amplified.

        That is no locking either).
        """
        return self.power < self.bound or (self.power < 12 and self.power / self.n < 0.01)


def judge_order(times: np.ndarray, r: np.ndarray, n: int) -> Order:
    """Mean and significance of r(t) over the times of a window, (Tw,) each."""
    r = at_even_times(times, r)
    power = n * r**2
    independent = _effective(power)
    bound = 1 + 5 / np.sqrt(independent)
    return Order(n, time_mean(r), time_mean(power), independent, float(bound))


def time_mean(values: np.ndarray) -> Estimate:
    """Mean of a series at equidistant times, with its 95 % error: of what fluctuates, and of what
    still drifts.
    """
    independent = _effective(values)
    spread = float(stdtrit(max(independent - 1, 1), 0.975)) * float(values.std(ddof=1))
    half = values.size // 2
    drift = abs(float(values[half:].mean() - values[:half].mean()))
    # fluctuations explain a part of the difference of the halves
    error = max(spread / np.sqrt(independent), drift / 2)
    return Estimate(float(values.mean()), error)


def _effective(values: np.ndarray) -> float:
    """Number of independent samples; the autocorrelation is cut where it falls below .05."""
    away = values - values.mean()
    total = values.size
    if not np.any(away):
        return 1.0
    size = 1 << int(np.ceil(np.log2(2 * total)))
    transform = np.fft.rfft(away, size)
    correlation = np.fft.irfft(np.abs(transform) ** 2, size)[:total]
    correlation /= correlation[0]
    below = np.flatnonzero(correlation < 0.05)
    stop = int(below[0]) if below.size else total
    return float(max(1.0, total / (1 + 2 * correlation[1:stop].sum())))
