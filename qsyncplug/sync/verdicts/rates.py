"""Exponential rates with error bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.saved import Saved
from .decays import slowest_rate

__all__ = ["Estimate", "fit_rate", "slope"]


#: signals that exponents are taken from
_COMPONENTS = 6


class Estimate(Saved, float):
    """A number with its uncertainty.

    Attributes
    ----------
    error : float
        The true value is within `error` of the number in 95 of 100 cases.
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

    @classmethod
    def _field_types(cls) -> dict[str, Any]:
        return {"value": float, "error": float, "window": tuple[float, float] | None}

    def _stored_fields(self) -> dict[str, Any]:
        return {"value": float(self), "error": self.error, "window": self.window}

    def __str__(self) -> str:
        digits = 6
        if 0 < self.error < np.inf and float(self) != 0:
            digits = int(np.clip(np.ceil(np.log10(abs(float(self)) / self.error)) + 1, 2, 12))
        return f"{float(self):.{digits}g} ± {self.error:.2g}"

    def __repr__(self) -> str:
        return f"Estimate({float(self)!r}, {self.error!r})"

    # float's own takes one argument, as typeshed has it; pickle passes on whatever is here
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
    times: np.ndarray,
    distance: np.ndarray,
    signals: np.ndarray | None = None,
    *,
    floor: float = 1e-14,
    known_limit: bool,
) -> Estimate | None:
    """The slowest rate at which a distance falls exponentially, or None where it does not.

    Of the part that is below 10⁻³ (or 10⁻⁵, 10⁻⁷; else 10⁻², .1) and above 30 floors, two
    exponentials: the error covers every slowest rate that the data leave possible
    (:func:`~qsyncplug.sync.verdicts.decays.slowest_rate`).

    Parameters
    ----------
    times, distance : (T,) arrays
    signals : (T, K) array, optional
        What the distance is made of, with signs (or complex): two modes of opposite signs show
        there. By default the distance itself.
    floor : float
        Rounding and solver error.
    known_limit : bool
        Whether distance and signals are from the true limit; otherwise the distance is from the
        last value, and the signals' limit is found with the rate.
    """
    d = np.where(np.isfinite(distance), distance, np.inf)
    top = float(np.max(d[np.isfinite(d)], initial=0.0))
    low = _lowest(d, top, floor, known_limit=known_limit)
    moving = _components(distance[:, None] if signals is None else signals)
    ahead = np.maximum.accumulate(d[::-1])[::-1]  # greatest distance from here on
    scale = 1.0 if known_limit else max(1.0, top)
    for heights in ((1e-3, 1e-5, 1e-7), (1e-2,), (1e-1,)):
        found: list[tuple[Estimate, int]] = []
        for high in heights:
            chosen = _part(d, ahead, high * scale, low)
            if chosen is None or (found and chosen.size == found[-1][1]):
                continue
            estimate = _decay(times[chosen], moving[chosen], known_limit)
            if estimate is not None:
                # what is not linear in the distance has its size, relative to it
                bent = estimate * d[chosen[0]]
                found.append(
                    (Estimate(estimate, estimate.error + bent, estimate.window), chosen.size)
                )
        if found:
            return _best([estimate for estimate, _ in found])
    return None


def _part(d: np.ndarray, ahead: np.ndarray, high: float, low: float) -> np.ndarray | None:
    """Indices of the samples between two heights, if they are enough to show a decay."""
    below = np.flatnonzero(ahead <= high)
    if below.size == 0:
        return None
    start = int(below[0])
    sunk = np.flatnonzero(d[start:] <= low)
    stop = start + int(sunk[0]) if sunk.size else d.size
    if stop - start < 8 or not d[start] > 3 * d[stop - 1]:
        return None
    return np.arange(start, stop)


def _lowest(d: np.ndarray, top: float, floor: float, *, known_limit: bool) -> float:
    """Distance from which on it is noise, or not the distance from the limit."""
    low = max(30 * floor, 30 * floor * top)
    tail = d[-max(3, d.size // 10) :]
    if not known_limit:
        return max(low, 30 * float(np.max(tail)))
    # the end of the run is a floor if the distance has stopped falling there
    before = d[-2 * tail.size : -tail.size]
    flat = before.size > 0 and np.median(tail) >= 0.7 * np.median(before)
    return max(low, 30 * float(np.max(tail))) if flat and top > 100 * np.median(tail) else low


def _components(signals: np.ndarray) -> np.ndarray:
    """Real signals, (T, at most 6): mixtures of them where there are more."""
    parts = [signals.real, signals.imag] if np.iscomplexobj(signals) else [signals]
    wide = np.concatenate(parts, axis=1)
    if wide.shape[1] <= _COMPONENTS:
        return wide
    mixture = np.random.default_rng(0).normal(size=(wide.shape[1], _COMPONENTS))
    return np.asarray(wide @ mixture)


def _decay(t: np.ndarray, signals: np.ndarray, known_limit: bool) -> Estimate | None:
    found = slowest_rate(t, signals, free=not known_limit)
    if found.rate <= 0 or not found.error < 0.5 * found.rate:
        return None
    return Estimate(found.rate, found.error, (float(t[0]), float(t[-1])))


def _best(found: list[Estimate]) -> Estimate:
    """The most certain one that no later window contradicts.

    Where windows of like certainty differ, further modes pull them: twice the difference is added.
    """
    sure = min(e.error for e in found)
    alike = [float(e) for e in found if e.error <= 3 * sure]
    drift = 2 * (max(alike) - min(alike))
    for estimate in sorted(found, key=lambda e: e.error):
        later = found[found.index(estimate) + 1 :]
        if all(abs(estimate - e) <= estimate.error + e.error for e in later):
            return Estimate(estimate, estimate.error + drift, estimate.window)
    last = found[-1]
    return Estimate(last, last.error + drift, last.window)
