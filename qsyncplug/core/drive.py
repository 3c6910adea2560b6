"""The one run loop of the package.

A solver makes a :class:`Problem` from a state and output times; the problem holds a
:class:`Stepper`; :class:`Drive` runs it: progress, chunks, limits, Ctrl-C, checkpoints, partial
results, and one error for whatever goes wrong.
"""

from __future__ import annotations

import contextlib
import time as clock
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from qutip.ui.progressbar import progress_bars

from . import storage
from .errors import QsyncplugWarning, TimeLimitError, warn
from .failure import Failure, error_of
from .limits import Limits
from .result import Result
from .status import Status
from .stepper import CHUNK_BYTES, Problem, Stepper

__all__ = ["Drive", "Until", "Walk"]

_CHECKPOINT_SECONDS = 30.0
#: beyond this the error of a step, a sum of squares, cannot be formed
_LARGEST = 1e140

#: seconds that functions of the user may take for outputs that were there when the time was over
_GRACE = 0.5

#: ``until(t, state)``: the run ends after the first output where it is true
Until = Callable[[float, Any], bool]


class Drive:
    """One run of a problem.

    Parameters
    ----------
    problem : Problem
    name : str
        Of the solver, for messages.
    options : dict
        Checked options of the solver.
    limits : Limits
        Entered.
    until : callable, optional
        See :data:`Until`.
    """

    def __init__(
        self,
        problem: Problem,
        name: str,
        options: dict[str, Any],
        limits: Limits,
        until: Until | None = None,
    ):
        self.problem, self.name, self.options = problem, name, options
        self.limits, self.until = limits, until
        self.done = 0
        self.failure: Failure | None = None
        self._mark: dict[str, Any] | None = None

    def run(self) -> Result:
        """Run to the end; return the result, or raise with what there is of it."""
        result = self.problem.result
        begin = clock.perf_counter()
        self._loop()
        result.stats["run time"] = clock.perf_counter() - begin
        self._account()
        total = self.problem.times.size
        if self.done < total or self.problem.whole:
            self.problem.trim(self.done)
        if self.problem.whole:
            self._process_whole()
        self._finish()
        # before the file is written, so that it says how the run ended
        error = self._error()
        self._checkpoint(result)
        if error is None and self.limits.interrupted:
            self.failure = Failure(Status.INTERRUPTED, self.problem.stepper.t)
            error = self._error()
        if error is not None:
            raise error
        return result

    def _error(self) -> BaseException | None:
        if self.failure is None:
            return None
        if self.failure.status == Status.UNTIL:
            self.problem.result.stats["stopped"] = f"until held at {self.problem.at(self.failure)}"
            return None
        return _error_of(self.failure, self.problem, self.name)

    # ------------------------------------------------------------ the loop

    def _loop(self) -> None:
        problem, times, stepper = self.problem, self.problem.times, self.problem.stepper
        chunk = self._chunk()
        rows: np.ndarray = np.empty((chunk, stepper.row_size), dtype=stepper.row_dtype)
        bar = progress_bars[self.options["progress_bar"]](
            -(-times.size // chunk), **self.options["progress_kwargs"]
        )
        saved = clock.perf_counter()
        while self.done < times.size and self.failure is None:
            self._set_mark()
            block = times[self.done : self.done + chunk]
            failure = advance(stepper, block, rows, self.limits)
            self._record(block[: stepper.delivered], rows[: stepper.delivered])
            # what went wrong with an earlier output counts first
            self.failure = self.failure or failure
            bar.update()
            if self.failure is None:
                if self.limits.over and self.done < times.size:
                    self._set_mark()
                    self.failure = Failure(Status.TIME_LIMIT, stepper.t)
                elif (
                    self.options["checkpoint"]
                    and clock.perf_counter() - saved > _CHECKPOINT_SECONDS
                    and (partial := problem.so_far(self.done)) is not None
                ):
                    self._set_mark()
                    self._checkpoint(partial)
                    saved = clock.perf_counter()
        bar.finished()
        problem.stepper.delivered = 0

    def _chunk(self) -> int:
        """Outputs between looks at limits, progress and files."""
        size, stepper = self.problem.times.size, self.problem.stepper
        row = stepper.row_size * np.dtype(stepper.row_dtype).itemsize
        if row == 0 or self.until is not None:
            return 1
        chunk = max(1, min(size, CHUNK_BYTES // row))
        if self.options["progress_bar"] or self.options["checkpoint"]:
            chunk = max(1, min(chunk, size // 100))
        return chunk

    def _record(self, times: np.ndarray, rows: np.ndarray) -> None:
        """Record what was delivered; then the user's functions, one output after the other."""
        if not len(times):
            return
        try:
            self.problem.record(self.done, times, rows)
        except Exception as error:
            self._fail(error, "record", float(times[0]))
            return
        result = self.problem.result
        if self.problem.whole or (not result._state_processors and self.until is None):
            self.done += len(times)
            if self.until is not None:
                # one output at a time: see `_chunk`
                self._held(float(times[-1]), rows[len(times) - 1])
            return
        # what was computed before the run had to stop is not thrown away
        late = self.limits.over or self.limits.interrupted
        end = clock.perf_counter() + (_GRACE if late else 0.0)
        for t, row in zip(times, rows, strict=True):
            if not self._process(float(t), row):
                return
            self.done += 1
            if self._held(float(t), row):
                return
            more = self.done < self.problem.times.size
            if clock.perf_counter() >= end and self._stopped(float(t), more):
                return

    def _process_whole(self) -> None:
        """The user's functions at all outputs, where these exist only now."""
        result = self.problem.result
        if not result._state_processors:
            return
        before = self.failure
        # what was drawn before the run had to stop is read, as far as that is quick
        late = self.limits.over or self.limits.interrupted
        end = clock.perf_counter() + (_GRACE if late else 0.0)
        count = len(result.times)
        for k, t in enumerate(map(float, result.times)):
            read = self._process(t, self.problem.row(k))
            if not read or (clock.perf_counter() >= end and self._stopped(t, k + 1 < count)):
                # the outputs are whole: so is every list of values
                for values in result.e_data.values():
                    values.extend([None] * (count - len(values)))
                break
        # what ended the run counts first
        self.failure = before or self.failure

    def _process(self, t: float, row: np.ndarray) -> bool:
        """Every function of ``e_ops`` at one output; False where one failed."""
        where: Literal["record", "e_ops"] = "record"
        # after an interrupt that came before, only a second one raises
        again = self.limits.interrupted
        try:
            with contextlib.nullcontext() if again else self.limits.interruptible():
                state = self.problem.state(t, row)
                where = "e_ops"
                for process in self.problem.result._state_processors:
                    process(t, state)
        except BaseException as error:
            self._fail(error, where, t)
            return False
        return True

    def _held(self, t: float, row: np.ndarray) -> bool:
        if self.until is None:
            return False
        try:
            with self.limits.interruptible():
                if not self.until(t, self.problem.state(t, row)):
                    return False
        except BaseException as error:
            self._fail(error, "until", t)
            return True
        self.failure = Failure(Status.UNTIL, self.problem.stepper.t if self.problem.whole else t)
        return True

    def _stopped(self, t: float, more: bool) -> bool:
        """Whether slow functions of the user have used up the time, with `more` outputs to see."""
        if self.limits.over and more:
            self.failure = Failure(Status.TIME_LIMIT, t)
        elif self.limits.interrupted:
            self.failure = Failure(Status.INTERRUPTED, t)
        return self.failure is not None

    def _fail(
        self, error: BaseException, where: Literal["record", "e_ops", "until"], t: float
    ) -> None:
        interrupted = isinstance(error, KeyboardInterrupt)
        status = Status.INTERRUPTED if interrupted else Status.RHS_FAILED
        self.failure = Failure(status, t, error, where)

    # ------------------------------------------------------------ the end

    def _account(self) -> None:
        stats, stepper = self.problem.result.stats, self.problem.stepper
        stats["steps accepted"] = stepper.accepted
        stats["steps rejected"] = stepper.rejected
        stats["right-hand sides"] = stepper.evaluations

    def _finish(self) -> None:
        # after an interrupt what there is shall be whole; only a second one tears it apart
        again = self.limits.interrupted
        try:
            with contextlib.nullcontext() if again else self.limits.interruptible():
                self.problem.finish()
                self._complete()
        except KeyboardInterrupt as error:
            self.failure = self.failure or Failure(
                Status.INTERRUPTED, self.problem.stepper.t, error
            )

    def _complete(self) -> None:
        try:
            self.problem.result._complete()
        except Exception as error:
            self.failure = self.failure or Failure(
                Status.RHS_FAILED, self.problem.stepper.t, error, "e_ops"
            )

    def _set_mark(self) -> None:
        """Where a later run can go on: the stepper stands behind the last output recorded."""
        if not self.options["checkpoint"] or self.problem.origin is None:
            return
        snapshot = self.problem.stepper.snapshot()
        if snapshot is not None:
            self._mark = {**self.problem.origin, "done": self.done, "snapshot": snapshot}

    def _checkpoint(self, result: Result) -> None:
        """Save; a file that cannot be written does not take the run with it."""
        if not self.options["checkpoint"]:
            return
        finished = self.done == self.problem.times.size and self.failure is None
        try:
            storage.save(
                result, self.options["checkpoint"], resume=None if finished else self._mark
            )
        except Exception as error:
            warn(
                f"the checkpoint {self.options['checkpoint']!r} could not be written "
                f"({type(error).__name__}: {error}); the run goes on without it",
                QsyncplugWarning,
            )


def advance(
    stepper: Stepper, block: np.ndarray, rows: np.ndarray, limits: Limits
) -> Failure | None:
    """One call of the stepper: whatever it returns or raises, as a failure or None."""
    stepper.delivered = 0
    cause: BaseException | None = None
    try:
        with limits.interruptible():
            status = Status(stepper.advance(block, rows))
        cause = stepper.cause
    except KeyboardInterrupt as error:
        status, cause = Status.INTERRUPTED, error
    except TimeLimitError as error:
        # one that has a result is of another run, inside a function of the user's
        status = Status.TIME_LIMIT if error.result is None else Status.RHS_FAILED
        cause = error if error.args[0] != "time limit" else None
    except BaseException as error:
        status, cause = Status.RHS_FAILED, error
    if isinstance(cause, KeyboardInterrupt):
        status = Status.INTERRUPTED
    if status == Status.RUNNING and limits.interrupted:
        status = Status.INTERRUPTED
    if status == Status.STEP_SIZE and _too_large(stepper):
        status = Status.NON_FINITE
    return None if status == Status.RUNNING else Failure(status, stepper.t, cause)


def _too_large(stepper: Stepper) -> bool:
    """Whether no step is short enough because squares of the state are no numbers any more."""
    return bool(np.abs(stepper.state).max(initial=0.0) > _LARGEST)


class Walk:
    """A run taken by hand, one time after the other; nothing is recorded.

    Parameters
    ----------
    problem : Problem
        Its stepper stands at the start.
    name : str
        Of the solver.
    seconds : float
        ``time_limit`` of every stretch.
    """

    def __init__(self, problem: Problem, name: str, seconds: float = float("inf")):
        self.problem, self.name, self.seconds = problem, name, seconds
        self.begin = self.last = problem.stepper.t

    def to(self, t: float) -> Any:
        """Go on to time `t`; return the state there."""
        stepper = self.problem.stepper
        rows: np.ndarray = np.empty((1, stepper.row_size), dtype=stepper.row_dtype)
        with Limits(self.seconds) as limits:
            stretch = np.array([self.last, t])
            if t > self.last:
                # as densely as over all that was walked
                share = (t - self.last) / (t - self.begin)
                if len(breaks := self.problem.breakpoints(stretch, share)):
                    stepper.avoid(breaks)
            failure = advance(stepper, stretch[1:], rows, limits)
            if stepper.delivered == 0:
                assert failure is not None
                self._fail(failure)
            self.last = t
            return self.problem.state(t, rows[0])

    def _fail(self, failure: Failure) -> None:
        """The error of a run, with the last state reached as its only output."""
        problem, stepper = self.problem, self.problem.stepper
        problem.times = np.array([stepper.t])
        problem.allocate()
        try:
            problem.record(0, problem.times, stepper.state[None])
        except Exception:  # the state itself may be what is wrong
            problem.trim(0)
        raise _error_of(failure, problem, self.name)

    def iterate(self, times: np.ndarray, until: Until | None) -> Iterator[tuple[float, Any]]:
        """``(t, state)`` at each of `times`."""
        for t in map(float, times):
            state = self.to(t)
            yield t, state
            if until is not None and until(t, state):
                return


def _error_of(failure: Failure, problem: Problem, name: str) -> BaseException:
    own = None if failure.status == Status.INTERRUPTED else problem.error(failure)
    reached = f"{name} stopped {problem.reached(failure)}"
    at, kept = problem.at(failure), problem.kept()
    return error_of(failure, problem.result, at=at, reached=reached, kept=kept, own=own)
