"""How a run ended early, and the one place that makes an error of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .errors import (
    NonFiniteError,
    RightHandSideError,
    SolverError,
    SolverInterrupted,
    StepLimitError,
    StepSizeError,
    TimeLimitError,
)
from .status import Status

__all__ = ["Failure", "error_of"]


@dataclass
class Failure:
    """How a run ended early.

    Attributes
    ----------
    status : Status
    time : float
        That the stepper had reached.
    cause : exception or None
        What was raised.
    where : {"stepper", "record", "e_ops", "until"}
        Who raised it.
    """

    status: Status
    time: float
    cause: BaseException | None = None
    where: Literal["stepper", "record", "e_ops", "until"] = "stepper"


_KINDS: dict[Status, tuple[type[SolverError], str, str]] = {
    Status.STEP_LIMIT: (
        StepLimitError,
        "step limit",
        "raise options['nsteps'] or loosen the tolerances",
    ),
    Status.TIME_LIMIT: (TimeLimitError, "time limit", "raise options['time_limit']"),
    Status.STEP_SIZE: (
        StepSizeError,
        "step size underflow",
        "the solution has a singularity here, or the tolerances are too tight",
    ),
    Status.NON_FINITE: (
        NonFiniteError,
        "not finite",
        "the solution left the range of floating point numbers, or of their squares",
    ),
    Status.RHS_FAILED: (
        RightHandSideError,
        "right-hand side refused the state",
        "see the cause",
    ),
    Status.EVENT: (SolverError, "event", "see the cause"),
}
_USER = {
    "e_ops": ("a function of e_ops raised", "mend it, or leave it out"),
    "until": ("the function until raised", "mend it, or leave it out"),
    "record": ("an output could not be recorded", "see the cause"),
}


def error_of(
    failure: Failure, result: Any, *, at: str, reached: str, kept: str, own: BaseException | None
) -> BaseException:
    """The error of `failure` with the partial `result`; `at` says when, `own` is the family's."""
    t, cause = failure.time, failure.cause
    if cause is not None and _ends_the_program(cause):
        # sys.exit() ends the program, but not before a checkpoint is written
        result.stats["stopped"] = f"{type(cause).__name__} at {at}"
        cause.add_note(reached)
        return cause
    if failure.status == Status.INTERRUPTED:
        result.stats["stopped"] = f"interrupted at {at}"
        message = f"{reached}: interrupted; {kept}"
        return _from(SolverInterrupted(message, time=t, result=result), cause)
    # one with another result is of another run, inside a function of the user's
    if (
        own is None
        and isinstance(cause, SolverError)
        and failure.where in ("stepper", "record")
        and (cause.result is None or cause.result is result)
    ):
        cause.result = result
        own = cause
    if own is not None:
        if "stopped" not in result.stats:
            result.stats["stopped"] = f"{getattr(own, 'reason', own)} at {at}"
        behind = own.__cause__
        return _from(own, behind if own is cause else cause)
    kind, reason, advice = _KINDS[failure.status]
    if failure.where in _USER:
        reason, advice = _USER[failure.where]
    result.stats["stopped"] = f"{reason} at {at}"
    detail = f" ({type(cause).__name__}: {cause})" if cause is not None else ""
    message = f"{reached}: {reason}{detail}; {advice}; {kept}"
    return _from(kind(message, time=t, reason=reason, result=result), cause)


def _ends_the_program(error: BaseException) -> bool:
    return not isinstance(error, (Exception, KeyboardInterrupt))


def _from(error: BaseException, cause: BaseException | None) -> BaseException:
    """As ``raise error from cause`` would leave it."""
    error.__cause__ = cause
    error.__suppress_context__ = True
    return error
