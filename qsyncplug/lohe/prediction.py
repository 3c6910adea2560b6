"""What a prediction is, and how a run is held against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Check", "Prediction", "Predictions", "check_limit", "check_rate", "largest_gap"]


class Check(NamedTuple):
    """What a run says about a prediction.

    `passed` is None where the run is too short, or its outputs too few, to tell.
    """

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True)
class Prediction:
    """A statement whose hypotheses hold for a model and its initial states.

    Attributes
    ----------
    name, source : str
        Theorem, and where it is from.
    statement : str
        What it says here.
    correction : str
        How it differs from what is printed; empty where it does not.
    limits : dict
        Limits as t→∞ of arrays of the result, by name (``"correlations"``, ``"masses"``, ``"order_parameter"``, ``"theta"``).
    rate : float or None
        1−Re z decays as e^{−rate·t}.
    period : float or None
        Of z where it oscillates.
    """

    name: str
    source: str
    statement: str
    correction: str = ""
    limits: dict[str, Any] = field(default_factory=dict)
    rate: float | None = None
    period: float | None = None
    test: Callable[[Any], tuple[bool | None, str]] | None = field(default=None, repr=False)

    def check(self, result: Any) -> Check:
        """Compare with a run from these initial states."""
        found: list[tuple[bool | None, str]] = []
        if self.test is not None:
            found.append(self.test(result))
        if self.rate is not None:
            found.append(check_rate(result, self.rate))
        for name, limit in self.limits.items():
            found.append(check_limit(result, name, limit, self.rate))
        passed: bool | None = None
        if any(p is False for p, _ in found):
            passed = False
        elif any(p is True for p, _ in found):
            passed = True
        return Check(self.name, passed, "; ".join(text for _, text in found))


class Predictions(Sequence[Prediction]):
    """Predictions that apply, in the order of the papers, and notes on what does not hold as printed."""

    def __init__(self, items: Sequence[Prediction], notes: Sequence[str] = ()):
        self._items = tuple(items)
        self.notes = tuple(notes)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            for item in self._items:
                if item.name == key:
                    return item
            raise KeyError(f"no prediction {key!r}; those that apply are {', '.join(p.name for p in self._items) or 'none'}")
        return self._items[key]

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self._items)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the predictions."""
        return tuple(item.name for item in self._items)

    def check(self, result: Any) -> list[Check]:
        """Compare every prediction with a run from these initial states."""
        return [item.check(result) for item in self._items]

    def __str__(self) -> str:
        lines = [f"{p.name} ({p.source}): {p.statement}" + (f" [{p.correction}]" if p.correction else "") for p in self._items]
        return "\n".join([*lines, *(f"note: {n}" for n in self.notes)]) or "no theorem applies"


def largest_gap(result: Any) -> np.ndarray:
    """Max over pairs of 1−Re z, (T,)."""
    gaps = result.deviations.real
    n = gaps.shape[1]
    return np.max(gaps[:, ~np.eye(n, dtype=bool)], axis=1) if n > 1 else np.zeros(len(gaps))


def check_rate(result: Any, rate: float, tolerance: float = 0.02) -> tuple[bool | None, str]:
    """Compare the slope of ln(1−Re z), where it is small, with a rate."""
    gap = largest_gap(result)
    floor = 1e-11 if result._mobius() is None else 1e-250
    pick = np.flatnonzero((gap < 1e-4) & (gap > floor))
    if len(pick) < 3:
        return None, f"rate {rate:.6g} predicted; the run has no three outputs in the range where it shows"
    pick = pick[len(pick) // 2 - (1 if len(pick) < 4 else 0) :]
    slope = -np.polyfit(result.times[pick], np.log(gap[pick]), 1)[0]
    return bool(abs(slope - rate) <= tolerance * rate), f"rate {slope:.6g} measured, {rate:.6g} predicted"


def check_limit(result: Any, name: str, limit: Any, rate: float | None) -> tuple[bool | None, str]:
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
