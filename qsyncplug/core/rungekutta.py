"""The compiled adaptive Runge–Kutta method as a stepper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._ext.integrator import Integrator, RightHandSide
from .checks import check_memory
from .status import Status
from .stepper import Stepper, forwarded

__all__ = ["Counted", "Delivering", "RungeKutta", "integrator", "limits_of", "runge_kutta"]

#: arrays of the size of the state that the method keeps
_ROWS = 28
_SMALL = 2**24


def limits_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Tolerances and limits of an integrator among a solver's `options`."""
    return {n: options[n] for n in ("rtol", "atol", "max_step", "nsteps", "time_limit")}


def integrator(
    rhs: RightHandSide,
    options: Mapping[str, Any],
    *,
    first_step: float = 0.0,
    directions: Sequence[int] = (),
    terminal: Sequence[bool] | None = None,
) -> Integrator:
    """An integrator of `rhs` with tolerances and limits of a solver's `options`.

    Parameters
    ----------
    rhs : RightHandSide
    options : mapping
        Of a solver, checked.
    first_step : float
        0: as it finds.
    directions : sequence of int
        Of each event of `rhs`, the sign of the change that counts (0: both).
    terminal : sequence of bool, optional
        Whether an event stops the run; all do by default.
    """
    if 8.0 * _ROWS * rhs.size > _SMALL:
        check_memory(f"the integrator of {rhs.size} numbers", 8.0 * _ROWS * rhs.size)
    return Integrator(
        rhs,
        **limits_of(options),
        first_step=first_step,
        n_events=len(directions),
        directions=list(directions) or None,
        terminal=terminal,
    )


def runge_kutta(
    rhs: RightHandSide, y0: np.ndarray, times: np.ndarray, options: dict[str, Any]
) -> RungeKutta:
    """Stepper of `rhs` from `y0` over `times`, with the tolerances and limits of `options`."""
    return RungeKutta(integrator(rhs, options), float(times[0]), y0, float(times[-1]))


class Counted(Stepper):
    """A stepper whose compiled ``method`` counts the work and copies itself."""

    method: Any

    accepted = forwarded(
        lambda self: int(self.method.accepted), "Steps taken, as the compiled method counts them."
    )

    rejected = forwarded(lambda self: int(self.method.rejected), "Tries that were too long.")

    evaluations = forwarded(
        lambda self: int(self.method.evaluations), "Evaluations of the right-hand side."
    )

    def snapshot(self) -> dict[str, Any] | None:
        return dict(self.method.snapshot())

    def restore(self, saved: dict[str, Any]) -> None:
        self.method.restore(saved)


class Delivering(Counted):
    """A stepper whose compiled ``method`` counts the outputs too.

    Ctrl-C is heard when the kernel returns, before Python could copy the count.
    """

    @property
    def delivered(self) -> int:
        """Rows written by the last call, however it ended."""
        return int(self.method.delivered)

    @delivered.setter
    def delivered(self, count: int) -> None:
        self.method.delivered = count


class RungeKutta(Delivering):
    """Dormand–Prince 8(5,3) with dense output; steps pass over the outputs.

    Parameters
    ----------
    method : Integrator
        Or what behaves like one.
    t0 : float
    y0 : ndarray
        Start.
    end : float
        No step passes it; infinite where the end is not known.
    """

    def __init__(self, method: Any, t0: float, y0: Any, end: float = float("inf")):
        self.method = method
        self.rhs = method.rhs
        self.row_size = self.rhs.size
        method.set_state(t0, y0, end if end > t0 else np.inf)

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        status, _ = self.method.advance(times, rows[: len(times)])
        self.cause = self.method.interruption or self.rhs.error
        return Status(status)

    def avoid(self, times: np.ndarray) -> None:
        self.method.set_breaks(times)

    t = forwarded(lambda self: float(self.method.t), "Time that the run has reached.")

    @property
    def state(self) -> np.ndarray:
        """The state at ``t``, as doubles."""
        row: np.ndarray = np.ascontiguousarray(self.method.get_state()[1]).view(float)
        return row
