"""The frame and the clock in which a run is done, so that neither costs digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.rungekutta import RungeKutta
from ..core.status import Status
from ..core.stepper import forwarded
from .model import Circle

__all__ = ["FromZero", "common_frequency"]

#: of a mean field: whether its forces have become faint, and what was done about it
_FOUND = ("faint", "switched", "t_faint", "disorder", "method")


def _found(rhs: Any) -> tuple[str, ...]:
    """Which of these a velocity field finds out: a graph has a method, but never another one."""
    return _FOUND if hasattr(rhs, "switched") else ()


def common_frequency(model: Circle) -> float:
    """The frame in which a run is done: the median, where only differences of positions count."""
    if model.frequencies is None or callable(model.normalization):
        return 0.0
    # a mean does not converge for heavy tails
    return float(np.median(model.frequencies))


class FromZero(RungeKutta):
    """Counts from the first output time: nothing depends on time itself, which may be large."""

    def __init__(self, method: Any, times: np.ndarray, y0: np.ndarray):
        self.origin = float(times[0])
        super().__init__(method, 0.0, y0, float(times[-1]) - self.origin)

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        return super().advance(times - self.origin, rows)

    def avoid(self, times: np.ndarray) -> None:
        super().avoid(times - self.origin)

    def snapshot(self) -> dict[str, Any] | None:
        """See :class:`Stepper`; with what the velocity field has found out."""
        field = {name: getattr(self.rhs, name) for name in _found(self.rhs)}
        return {"method": self.method.snapshot(), "field": field}

    def restore(self, saved: dict[str, Any]) -> None:
        super().restore(saved["method"])
        for name, value in saved["field"].items():
            if name in _found(self.rhs):
                setattr(self.rhs, name, value)

    t = forwarded(lambda self: self.origin + super().t, "Time that the run has reached.")
