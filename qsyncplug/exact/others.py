"""Exact runs of engines with loops of their own: QuTiP's solvers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import qutip

from ..core.errors import RightHandSideError, SolverError, StepLimitError, TimeLimitError
from ..core.failure import Failure
from ..core.status import Status
from ..core.stepper import Problem, Stepper
from .choice import Task
from .external import QutipRun
from .looks import values_over
from .observe import OutOfTime
from .result import ExactResult

__all__ = ["OtherProblem", "OtherStepper", "WatchedRun"]


class OtherRun(Protocol):
    """A run that is made in one go.

    Attributes
    ----------
    how : dict
        What its statistics are.
    """

    how: dict[str, Any]

    def go(self) -> None:
        """Run to the end; what was reached is kept where that fails."""

    def fill(self, result: ExactResult) -> None:
        """Put what there is into a result."""

    def culprit(self, error: BaseException) -> str:
        """Whose error it is, in words."""


class WatchedRun(OtherRun):
    """A run of one of QuTiP's solvers, watched while it goes."""

    def __init__(self, run: QutipRun, task: Task):
        self.run, self.task = run, task
        self.how: dict[str, Any] = {}
        parts = [
            p for op in (task.H, *task.c_ops) if isinstance(op, qutip.QobjEvo) for p in op.to_list()
        ]
        if moving := [part[1] for part in parts if isinstance(part, list)]:
            # QuTiP would go on with what is no number, or blame a function of e_ops
            values_over(moving, task.times)

    def go(self) -> None:
        task = self.task
        self.run.go(task.H, task.c_ops, task.state, task.times)

    def culprit(self, error: BaseException) -> str:
        return self.run.culprit(error)

    def fill(self, result: ExactResult) -> None:
        if self.run.raw is None:
            self.run.fill_partial(result, self.task.times)
        else:
            self.run.fill(result, self.task.times)


class OtherStepper(Stepper):
    """The whole of such a run as one step."""

    def __init__(self, run: OtherRun, times: np.ndarray):
        self.run, self.t = run, float(times[0])

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        """Make the whole run as the one output that the drive knows of."""
        try:
            self.run.go()
        except OutOfTime:
            return Status.TIME_LIMIT
        self.delivered = 1
        return Status.RUNNING


class OtherProblem(Problem):
    """A run whose outputs exist once it is over.

    Parameters
    ----------
    output_times : ndarray of shape (T,)
    run : OtherRun
    result : ExactResult
    inspect : callable
        ``inspect(result, times)``: monitors and warnings of what there is.
    """

    whole = True
    stepper: OtherStepper
    result: ExactResult

    def __init__(
        self,
        output_times: np.ndarray,
        run: OtherRun,
        result: ExactResult,
        inspect: Callable[[ExactResult, np.ndarray], None],
    ):
        super().__init__(np.zeros(1), OtherStepper(run, output_times), result)
        self.output_times, self._inspect = output_times, inspect

    def allocate(self) -> None:
        """Nothing: the run makes its own."""

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        """Nothing: see :meth:`trim`."""

    def trim(self, done: int) -> None:
        """Take over what the run has reached: outputs, counts of work, and the last time."""
        result = self.result
        self.stepper.run.fill(result)
        for name in ("steps accepted", "steps rejected", "right-hand sides"):
            # counted by the run, or not known
            result.stats.pop(name, None)
        result.stats.update(self.stepper.run.how)
        count = len(result.times)
        self.stepper.t = float(self.output_times[max(count - 1, 0)])

    def finish(self) -> None:
        if len(self.result.times):
            self._inspect(self.result, self.result.times)

    def reached(self, failure: Failure) -> str:
        """Which of the user's output times was reached; to the drive all of it is one output."""
        return f"at t={self.stepper.t:g} of {self.output_times[-1]:g}"

    def error(self, failure: Failure) -> BaseException | None:
        """What QuTiP and the user's functions raise inside it."""
        failure.time = self.stepper.t
        cause = failure.cause
        if cause is None or failure.where != "stepper":
            return None
        kind, reason, text = _explain(cause, self.stepper.run.culprit(cause))
        message = f"exactsolve stopped {self.reached(failure)}: {text}; {self.kept()}"
        return kind(message, time=failure.time, reason=reason, result=self.result)


def _explain(error: BaseException, culprit: str) -> tuple[type[SolverError], str, str]:
    """Error of the package, reason, and what to say."""
    raised = (
        RightHandSideError,
        f"{culprit} raised",
        f"{culprit} raised {type(error).__name__}: {error}; mend it, or leave it out",
    )
    # one that has a result is of another run, inside a function of the user's
    if isinstance(error, SolverError) and error.result is not None:
        return raised
    if isinstance(error, TimeLimitError):
        return TimeLimitError, "time limit", "time limit; raise options['time_limit']"
    if isinstance(error, StepLimitError):
        return StepLimitError, "step limit", f"{error}; raise options['nsteps']"
    if isinstance(error, qutip.solver.integrator.IntegratorException):
        # QuTiP has one class for every failure of an integrator: what it says is all there is
        limited = "steps" in str(error)
        kind = StepLimitError if limited else SolverError
        advice = "raise options['nsteps'] or choose another options['integrator']"
        return kind, "step limit" if limited else "integrator", f"{error}; {advice}"
    if isinstance(error, SolverError):
        return type(error), error.reason, str(error)
    # nor has it a class of its own for this one
    if isinstance(error, RuntimeError) and "collapse time" in str(error):
        text = "QuTiP's mcsolve did not find the moment of a jump; lower options['rtol'] and "
        return SolverError, "integrator", text + "['atol'], or take another options['method']"
    return raised
