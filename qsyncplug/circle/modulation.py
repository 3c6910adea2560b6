"""A coupling that changes with time: a function, or samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from ..core.checks import asked, check_array
from ..core.pulses import find_breaks

__all__ = ["Modulation", "breaks_of", "changing_coupling", "modulation_of", "storable", "stored"]


class Modulation:
    """Factor of the coupling at a time.

    Parameters
    ----------
    function : callable, optional
        ``function(t)``, a real number.
    samples : ((m,) array, (m,) array), optional
        Times and values, joined by a cubic spline.
    """

    def __init__(self, function: Callable[[float], Any] | None, samples: Any = None):
        self.samples: tuple[np.ndarray, np.ndarray] | None = samples
        self._spline = None if samples is None else CubicSpline(*samples)
        self.function = function

    def __call__(self, t: float) -> float:
        """The factor of the coupling at time `t`, dimensionless."""
        value = self._spline(t) if self._spline is not None else self._ask(t)
        return float(value)

    def _ask(self, t: float) -> float:
        assert self.function is not None
        value = asked("coupling", self.function, float(t), when=f" at t={t:g}")
        if isinstance(value, (bool, np.bool_, str)) or np.ndim(value) != 0:
            raise TypeError(f"coupling({t:g}) must be a real number, not {value!r:.60}")
        if isinstance(value, (complex, np.complexfloating)) or not np.isfinite(value):
            raise ValueError(f"coupling({t:g}) must be real and finite, not {value!r:.60}")
        return float(value)

    def many(self, times: np.ndarray) -> np.ndarray:
        """The factors at `times` (k,), in one call for samples, one by one for a function."""
        if self._spline is not None:
            return np.asarray(self._spline(times))
        return np.array([self._ask(t) for t in times])

    def cover(self, first: float, last: float) -> None:
        """Refuse a run that is longer than the samples."""
        if self.samples is None:
            self(first)
            return
        a, b = float(self.samples[0][0]), float(self.samples[0][-1])
        if first < a or last > b:
            raise ValueError(
                f"the samples of coupling end before the run: they cover [{a:g}, {b:g}], "
                f"and tlist [{first:g}, {last:g}]"
            )

    def breaks(self, times: np.ndarray, share: float = 1.0) -> np.ndarray:
        """Times that no step should pass over: samples, and where a function leaves its quiet."""
        if self.samples is None:
            return find_breaks([self], times, share)
        knots = self.samples[0]
        return np.asarray(knots[(knots > times[0]) & (knots < times[-1])])

    def __repr__(self) -> str:
        if self.samples is not None:
            return f"{self.samples[0].size} samples"
        return getattr(self.function, "__name__", repr(self.function))


def modulation_of(value: Any) -> Modulation:
    """Read a function of time, or a pair (times, values)."""
    if isinstance(value, Modulation):
        return value
    if callable(value):
        return Modulation(value)
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(
            "coupling must be a number and its modulation, as either may be, a function of time or "
            f"a pair (times, values), not {value!r:.60}"
        )
    times = check_array("coupling times", value[0], shape=(None,))
    values = check_array("coupling values", value[1], shape=times.shape)
    if times.size < 2 or np.any(np.diff(times) <= 0):
        raise ValueError("the times of coupling must increase, two of them at least")
    return Modulation(None, (times, values))


def changing_coupling(coupling: Any, modulation: Any) -> tuple[Any, Modulation | None]:
    """Coupling and its factor: a function or a pair of samples given as coupling is the factor."""
    samples = isinstance(coupling, tuple) and len(coupling) == 2 and np.ndim(coupling[0]) == 1
    if callable(coupling) or samples:
        if modulation is not None:
            raise ValueError("modulation must be left out if coupling changes with time")
        return 1.0, modulation_of(coupling)
    return coupling, None if modulation is None else modulation_of(modulation)


def storable(modulation: Modulation | None) -> bool:
    """Whether a file can hold it."""
    return modulation is None or modulation.samples is not None


def stored(modulation: Modulation | None) -> Any:
    """The times and values of the samples as lists, for a file; None where there are none."""
    if modulation is None or modulation.samples is None:
        return None
    return [part.tolist() for part in modulation.samples]


def breaks_of(model: Any, times: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Times at which the coupling of a model is not smooth; refuses samples that end too early."""
    changing = getattr(model, "modulation", None)
    if changing is None:
        return np.empty(0)
    return np.asarray(changing.breaks(times, share))
