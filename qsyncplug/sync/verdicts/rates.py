"""Exponential rates with error bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Estimate", "fit_rate", "slope"]


class Estimate(float):
    """A number with its uncertainty.

    Attributes
    ----------
    error : float
        Half the difference of what two halves of the data give, or the standard error if that is
        larger.
    window : tuple of float or None
        Times that it was taken from.

    Examples
    --------
    >>> from qsyncplug.sync.verdicts import Estimate
    >>> print(Estimate(0.4582586, 1.5e-6))
    0.4582586 ± 1.5e-06
    """

    error: float
    window: tuple[float, float] | None

    def __new__(
        cls, value: float, error: float, window: tuple[float, float] | None = None
    ) -> Estimate:
        """Make the number and keep its error."""
        out = super().__new__(cls, value)
        out.error, out.window = float(error), window
        return out

    def __str__(self) -> str:
        digits = 6
        if 0 < self.error < np.inf and float(self) != 0:
            digits = int(np.clip(np.ceil(np.log10(abs(float(self)) / self.error)) + 1, 2, 12))
        return f"{float(self):.{digits}g} ± {self.error:.2g}"

    def __repr__(self) -> str:
        return f"Estimate({float(self)!r}, {self.error!r})"

    def __getnewargs__(  # type: ignore[override]
        self,
    ) -> tuple[float, float, tuple[float, float] | None]:
        return float(self), self.error, self.window


@dataclass(frozen=True)
class _Line:
    slope: float
    error: float


def slope(t: np.ndarray, y: np.ndarray) -> _Line:
    """Straight line through y(t): its slope and the standard error."""
    x = t - t.mean()
    value = float(x @ y / (x @ x))
    rest = y - y.mean() - value * x
    return _Line(value, float(np.sqrt(rest @ rest / max(t.size - 2, 1) / (x @ x))))


def fit_rate(
    times: np.ndarray, distance: np.ndarray, *, floor: float = 1e-14, known_limit: bool
) -> Estimate | None:
    """Rate at which a distance falls exponentially, or None where it does not.

    A straight line through its logarithm below 0.1 (better 0.01 or 0.001, if 8 times remain) and
    above 30 floors.

    Parameters
    ----------
    times, distance : (T,) arrays
    floor : float
        Rounding and solver error.
    known_limit : bool
        Whether the distance is from the true limit; otherwise it is from the last value, which is
        off by as much again as is still to come.
    """
    d = np.where(np.isfinite(distance), distance, np.inf)
    top = float(np.max(d[np.isfinite(d)], initial=0.0))
    low = _lowest(d, top, floor, known_limit)
    ahead = np.maximum.accumulate(d[::-1])[::-1]  # greatest distance from here on
    for high in (1e-3, 1e-2, 1e-1):
        chosen = np.flatnonzero(
            (ahead <= high * max(1.0, top if not known_limit else 1.0)) & (d > low)
        )
        if chosen.size and np.any(np.diff(chosen) > 1):
            chosen = chosen[: int(np.argmax(np.diff(chosen) > 1)) + 1]
        if chosen.size >= 8 and d[chosen[0]] > 3 * d[chosen[-1]]:
            found = _decay(times[chosen], np.log(d[chosen]))
            if found is not None:
                return found
    return None


def _lowest(d: np.ndarray, top: float, floor: float, known_limit: bool) -> float:
    low = max(30 * floor, 30 * floor * top)
    tail = d[-max(3, d.size // 10) :]
    if not known_limit:
        return max(low, 1e3 * float(np.median(tail[:-1])))
    # the end of the run is a floor if the distance has stopped falling there
    before = d[-2 * tail.size : -tail.size]
    flat = (
        before.size > 0
        and np.median(tail) > 0.5 * np.median(before)
        and top > 100 * np.median(tail)
    )
    return max(low, 30 * float(np.max(tail))) if flat else low


def _decay(t: np.ndarray, y: np.ndarray) -> Estimate | None:
    line = slope(t, y)
    half = t.size // 2
    halves = abs(slope(t[half:], y[half:]).slope - slope(t[:half], y[:half]).slope) / 2
    error = max(line.error, halves, _drift(t, y, line.slope))
    if line.slope < 0 and error < 0.5 * -line.slope:
        return Estimate(-line.slope, error, (float(t[0]), float(t[-1])))
    return None


def _drift(t: np.ndarray, y: np.ndarray, whole: float) -> float:
    """How far the slope may still go: a faster decay beside the slowest bends the line for long.

    The slopes of the thirds approach the slowest rate geometrically; their limit is extrapolated.
    """
    first, second, third = (slope(t[k], y[k]).slope for k in np.array_split(np.arange(t.size), 3))
    if second == first or (third - second) * (second - first) <= 0:
        return 0.0  # no trend
    ratio = min((third - second) / (second - first), 0.95)
    return abs(third + (third - second) * ratio / (1 - ratio) - whole)
