"""What a run is made of: a stepper that moves a state, a problem that knows what to record."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

from .checks import check_memory
from .failure import Failure
from .result import Result
from .status import Status

__all__ = ["CHUNK_BYTES", "Problem", "Stepper", "check_result_memory", "forwarded"]

T = TypeVar("T")

#: rows that a stepper fills between two looks at limits
CHUNK_BYTES = 2**25

#: results below this are not worth asking the system how much memory is free
_SMALL = 2**24


def forwarded(read: Callable[[Any], T], doc: str | None = None) -> T:
    """Make a property of `read`, for what is an attribute of other steppers: ``t`` or a count that
    a compiled method keeps.
    """
    # a type checker sees the attribute of the base class: nobody outside sets it
    return property(read, doc=doc)  # type: ignore[return-value]


class Stepper(ABC):
    """Base class of everything that moves a state forward in time.

    To write a stepper:

    * set ``row_size`` and ``row_dtype``: what one output takes in ``rows``. A stepper whose state
      is too large to be copied sets ``row_size = 0``; it is then asked for one output at a time,
      and the problem's ``record`` reads the state from the stepper itself;
    * set ``t``, the time that the run has reached, and keep it up to date;
    * write ``advance(times, rows)``: deliver the state at each of `times` (increasing, none before
      those of the last call; the very first may be the start itself) into the rows of `rows`, and
      return a :class:`Status`. Count the rows written in ``delivered``, one by one: after an error
      or an interrupt, everything delivered is kept;
    * what goes wrong is *returned* (``STEP_LIMIT``, ``STEP_SIZE``, ``NON_FINITE``, ``EVENT``), and
      ``cause`` may hold the exception behind it. What is raised is taken for the failure of a
      user's function, except a :class:`SolverError` of the package, which becomes the run's error;
    * call :func:`qsyncplug.core.limits.look` in every step that is not a compiled one: it ends the
      run at the ``time_limit``. Ctrl-C needs nothing: it raises, or kernels return ``INTERRUPTED``;
    * count work in ``accepted``, ``rejected`` and ``evaluations``;
    * write ``snapshot()`` and ``restore(saved)`` if a checkpoint shall continue bit for bit.

    No stepper has policy of its own: no progress bar, no checkpoint, no loop over a whole run, no
    error text.
    """

    row_size: int = 0
    row_dtype: type = float
    t: float = float("nan")
    delivered: int = 0
    cause: BaseException | None = None
    accepted: int = 0
    rejected: int = 0
    evaluations: int = 0

    @abstractmethod
    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        """Deliver the state at each of `times` into `rows`, (len(times), row_size)."""

    @property
    def state(self) -> np.ndarray:
        """The state at ``t``, as a row; empty where nothing is copied."""
        return np.empty(0)

    def avoid(self, times: np.ndarray) -> None:
        """Let no step pass over `times` (increasing); for those whose steps are not fixed."""

    def snapshot(self) -> dict[str, Any] | None:
        """Everything that continuing needs, as numbers and arrays; None: only time and state."""
        return None

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from what :meth:`snapshot` gave."""
        raise NotImplementedError


def check_result_memory(count: int, each: float, stepper: Stepper, advice: str = "") -> None:
    """Refuse a result of `count` outputs of `each` bytes that does not fit.

    With it go the times, the solver's rows between two looks at limits, and what is made of these
    on their way into the result.
    """
    row = stepper.row_size * np.dtype(stepper.row_dtype).itemsize
    needed = count * (each + 16.0) + 3.0 * min(count * row, CHUNK_BYTES)
    if needed > _SMALL:
        check_memory(
            f"the result of {count} times",
            needed,
            advice=advice or "ask for fewer times or less data",
        )


class Problem:
    """What one run is made of: output times, a stepper, and what is recorded.

    Parameters
    ----------
    times : ndarray of shape (T,)
        Output times, checked. (Where samples are drawn: numbers of batches, see
        :mod:`qsyncplug.core.sampling`.)
    stepper : Stepper
        Stands at ``times[0]``.
    result : Result
        Empty; ``result._shapes()`` says what is recorded.

    Notes
    -----
    Subclasses override what differs.
    """

    #: outputs exist only once the run is over (samples); ``trim`` then makes them, at any end
    whole: ClassVar[bool] = False

    def __init__(self, times: np.ndarray, stepper: Stepper, result: Result):
        self.times = times
        self.stepper = stepper
        self.result = result
        #: what made the problem, for checkpoints that can be resumed
        self.origin: dict[str, Any] | None = None
        #: arguments that were left open and chosen here (seeds), to make the problem again
        self.chosen: dict[str, Any] = {}

    def breakpoints(self, times: np.ndarray, share: float = 1.0) -> np.ndarray:
        """Times between those of `times`, a share of the run, that no step may pass over; see
        :mod:`core.pulses`.
        """
        return np.empty(0)

    def allocate(self) -> None:
        """Make the arrays of the result; refuse what does not fit."""
        shapes = self.result._shapes().values()
        each = sum(np.dtype(t).itemsize * math.prod(s) for s, t in shapes)
        check_result_memory(self.times.size, each, self.stepper)
        self.result._allocate(self.times.size)

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        """Store `rows` at the outputs from `start` on."""
        self.result._record(start, times, rows)

    def state(self, t: float, row: np.ndarray) -> Any:
        """The state that functions of the user are given."""
        return self.result._state(t, row)

    def row(self, index: int) -> np.ndarray:
        """What :meth:`state` makes the state of an output from, where outputs are ``whole``."""
        raise NotImplementedError

    def trim(self, done: int) -> None:
        """Keep the first `done` outputs."""
        self.result._trim(done)

    def so_far(self, done: int) -> Result | None:
        """What the first `done` outputs say, for a file on the way; None: nothing yet."""
        if self.whole:
            return None
        partial = copy.copy(self.result)
        partial._trim(done)
        partial._complete()
        return partial

    def adopt(self, partial: Result, done: int) -> None:
        """Take the first `done` outputs from an earlier part of the run."""
        self.result._continue(partial, done)

    def finish(self) -> None:
        """After the last output, reached or not: drifts, what is neglected, warnings."""

    def at(self, failure: Failure) -> str:
        """When it was, for messages."""
        return f"t={failure.time:g}"

    def reached(self, failure: Failure) -> str:
        """How far the run came, for messages."""
        return f"at {self.at(failure)} of {self.times[-1]:g}"

    def kept(self) -> str:
        """What there is of the result, for messages."""
        return f"error.result holds the {len(self.result.times)} outputs before that"

    def error(self, failure: Failure) -> BaseException | None:
        """The family's own error for a failure, or None for the usual one."""
        return None
