"""Exact runs on the compiled generator: the stepper and the problem that the drive is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import qutip

from ..core.checks import check_memory
from ..core.errors import RightHandSideError, StorageError
from ..core.failure import Failure
from ..core.limits import look
from ..core.result import Result
from ..core.status import Status
from ..core.stepper import Problem, Stepper
from .choice import WHOLE_STATE, Task
from .driven import DrivenFailure, DrivenStepper
from .ellipse import NotFiniteError
from .propagate import ChebyshevStepper, Window
from .recording import Reading, StateBlocks
from .result import ExactResult
from .shifts import NotRealError

__all__ = ["OwnProblem", "OwnStepper"]

#: of the tolerances, for one step of a run whose operators depend on time
_SHARE = 0.02


class OwnStepper(Stepper):
    """Kets, density matrices or some of their elements, window by window.

    A row holds the functionals (real, imaginary, …), then the state where it is wanted.

    Parameters
    ----------
    task : Task
    method : {"ket", "density", "sectors"}
    options : dict
        Of the solver.
    whole : bool
        Whether states are wanted at the outputs.
    """

    def __init__(self, task: Task, method: str, options: dict[str, Any], *, whole: bool):
        self.task, self.method, self.options = task, method, options
        self.whole = whole or method == "ket"
        self._start(task.times, task.state.full())
        #: the functionals that were recorded, for checkpoints
        self.recorded = np.zeros((0, len(self.reading.table.start)), dtype=complex)
        self.row_size = self.split + (2 * self.reading.elements.size if self.whole else 0)

    def _start(self, times: np.ndarray, state: np.ndarray) -> None:
        """Stand at ``times[0]`` in `state`, a ket or matrix."""
        task, o = self.task, self.options
        elements = task.elements(self.method)
        self.reading = Reading(elements, task.table, task.user, begin=float(task.times[0]))
        #: the row and the times of the start
        self._begin = (elements.pack(state), times)
        shared = {"states": self.whole, "max_step": o["max_step"]}
        if self.reading.readout is not None:
            shared["readout"] = self.reading.readout
        rtol, atol = o["rtol"], float(np.min(o["atol"]))
        assert task.liouvillian is not None
        if task.liouvillian.isconstant:
            tolerance = max(1e-13, min(1e-2 * rtol, atol))
            self.inner: Any = ChebyshevStepper(
                elements, self._begin[0], float(times[0]), tolerance=tolerance, **shared
            )
        else:
            # errors of steps add up, most where a pulse is much faster than the rest
            rtol, atol = max(_SHARE * rtol, 1e-14), _SHARE * atol
            self.inner = DrivenStepper(
                elements, self._begin[0], times, rtol=rtol, atol=atol, **shared
            )
        self.t = float(times[0])

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        """Deliver the functionals, and the states where they are wanted."""
        driven = isinstance(self.inner, DrivenStepper)
        if driven and times[-1] > self._begin[1][-1]:
            # by hand, where the end is not known beforehand
            state = self.reading.elements.unpack(self.inner.x)
            self._start(np.unique(np.append(self.t, times)), state)
        try:
            return self._windows(times, rows)
        except NotRealError:
            # a coefficient became complex where nobody had looked: from the start again, with
            # complex arithmetic; what was delivered stays
            self.task.complex_liouvillian()
            self._start(self._begin[1], self.reading.elements.unpack(self._begin[0]))
            return self._windows(times[self.delivered :], rows[self.delivered :])
        except NotFiniteError as error:
            self.cause = error
            return Status.NON_FINITE
        except DrivenFailure as error:
            self.t = error.time
            if error.cause is not None:
                raise error.cause from None
            return Status(error.status)

    def snapshot(self) -> dict[str, Any]:
        return {
            "t": self.t,
            "real": self.task.real,
            "inner": self.inner.snapshot(),
            "recorded": self.recorded.copy(),
            "counts": [self.accepted, self.rejected, self.evaluations],
        }

    def restore(self, saved: dict[str, Any]) -> None:
        if not saved["real"] and self.task.real:
            self.task.complex_liouvillian()
            self._start(self._begin[1], self.task.state.full())
        x, recorded = np.asarray(saved["inner"]["x"]), np.asarray(saved["recorded"])
        if x.shape != self.inner.x.shape or recorded.shape[1:] != self.recorded.shape[1:]:
            raise ValueError("the snapshot is of another problem: its state has another shape")
        self.inner.restore(saved["inner"])
        self.t, self.recorded = float(saved["t"]), recorded
        self.accepted, self.rejected, self.evaluations = map(int, saved["counts"])
        self._count()

    def _windows(self, times: np.ndarray, rows: np.ndarray) -> Status:
        at = 0
        self.inner.target = rows[:, self.split :] if self.whole else None
        for window in self.inner.advance(times):
            count = len(window.times)
            self._store(window, rows[at : at + count])
            at += count
            if self.whole:
                self.inner.target = rows[at:, self.split :]
            self.delivered += count
            self.t = self.inner.t
            self._count()
            if at == len(times):
                break
            look()
            if self.accepted + self.rejected >= self.options["nsteps"]:
                return Status.STEP_LIMIT
        return Status.RUNNING

    def _store(self, window: Window, rows: np.ndarray) -> None:
        if self.split:
            rows[:, : self.split] = np.ascontiguousarray(window.values).view(float)
        if self.whole and window.rows is not None and not np.may_share_memory(rows, window.rows):
            rows[:, self.split :] = window.rows

    def _count(self) -> None:
        counters = self.inner.counters
        self.accepted, self.rejected = counters.windows, counters.rejected
        self.evaluations = counters.products

    @property
    def split(self) -> int:
        """Where the state begins in a row."""
        return 0 if self.reading.readout is None else 2 * len(self.reading.table.start)

    @property
    def state(self) -> np.ndarray:
        """The state at ``t``, as a row."""
        x, reading = self.inner.x[None], self.reading
        row: np.ndarray = np.empty((1, self.row_size))
        if reading.readout is not None:
            row[:, : self.split] = reading.elements.read(x, reading.readout).view(float)
        if self.whole:
            row[:, self.split :] = x
        return row.ravel()


class OwnProblem(Problem):
    """Moments, expectation values and states of an exact run on the compiled generator.

    Parameters
    ----------
    times : ndarray of shape (T,)
    stepper : OwnStepper
    result : ExactResult
    store : bool
        Whether states are kept.
    inspect : callable
        ``inspect(result, times)``: monitors and warnings of what there is.
    """

    stepper: OwnStepper
    result: ExactResult

    def __init__(
        self,
        times: np.ndarray,
        stepper: OwnStepper,
        result: ExactResult,
        *,
        store: bool,
        inspect: Callable[[ExactResult, np.ndarray], None],
    ):
        super().__init__(times, stepper, result)
        self._inspect = inspect
        result.stats["elements"] = stepper.reading.elements.size
        for key, op in stepper.task.user.items():
            result.e_data[key], result.e_ops[key] = [], op
        for key, function in stepper.reading.functions.items():
            result.add_processor(_Collect(function, result.e_data[key]))
        self._room = StateBlocks(len(times), stepper.task.d) if store else None
        if store:
            result.add_processor(lambda t, state: result.states.append(state))

    def allocate(self) -> None:
        """Make the values of all functionals."""
        reading, count = self.stepper.reading, self.times.size
        width = len(reading.table.start)
        check_memory(
            f"the result of {count} times", 48.0 * count * width, advice="ask for fewer times"
        )
        self.values = np.empty((count, width), dtype=complex)
        self.result._expect(self.stepper.task.reader, self.values[:, : reading.width])
        self.result.times = np.empty(count)

    def adopt(self, partial: Result, done: int) -> None:
        """Take the first `done` outputs; the functionals are the stepper's."""
        super().adopt(partial, done)
        if len(self.stepper.recorded) < done:
            raise StorageError("the checkpoint holds fewer outputs than it says")
        self.values[:done] = self.stepper.recorded[:done]
        self.stepper.recorded = self.values[:done]

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        """Store the functionals of `rows`: moments as they are, the user's operators under their
        keys.
        """
        stepper = self.stepper
        reading, split = stepper.reading, stepper.split
        here = slice(start, start + len(times))
        if split:
            self.values[here] = np.ascontiguousarray(rows[:, :split]).view(complex)
        else:
            self.values[here] = reading.ket_values(rows)
        self.result.times[here] = times
        stepper.recorded = self.values[: here.stop]
        for k, key in enumerate(reading.linear):
            column = self.values[here, reading.width + k]
            real = stepper.task.user[key].isherm
            self.result.e_data[key][here] = list(column.real if real else column)
        if self.times.size == 1:
            # by hand: nobody comes to finish it
            self.result._trim(1)

    def state(self, t: float, row: np.ndarray) -> qutip.Qobj:
        """The state of a row as a Qobj, ket or density matrix, out of the moving frame."""
        begin = self.stepper.reading.begin
        return self.stepper.reading.qobj(row[self.stepper.split :], t - begin, self._room)

    def finish(self) -> None:
        """Moments, the final state, monitors."""
        result, stepper = self.result, self.stepper
        stats, counters = result.stats, stepper.inner.counters
        stats["error estimate"], stats["rounding"] = counters.error, counters.rounding
        if isinstance(stepper.inner, DrivenStepper) and stepper.inner.integrator:
            stats["integrator"] = stepper.inner.integrator
        if counters.notes:
            stats["notes"] = list(counters.notes)
        if stepper.method == "sectors":
            self._say_what_is_held()
        count = len(result.times)
        result._trim(count)
        result._expect(None, None)
        if count:
            at_end = stepper.t == result.times[-1]
            if stepper.options["store_final_state"] and stepper.method != "sectors" and at_end:
                elapsed = stepper.t - stepper.reading.begin
                result._final_state = stepper.reading.qobj(stepper.inner.x, elapsed)
            self._inspect(result, result.times)

    def _say_what_is_held(self) -> None:
        elements, stats = self.stepper.reading.elements, self.result.stats
        share = len(elements.diagonals) / elements.owner.dimension
        what = f"the coherence orders that they need ({share:.0%} of the diagonals of ρ)"
        stats["holds"] = f"first and second moments, from {what}; not the states"
        stats["states"] = f"not known: {what} alone were evolved; {WHOLE_STATE}"

    def error(self, failure: Failure) -> BaseException | None:
        """A coefficient that raised is named as such."""
        if failure.status != Status.RHS_FAILED or failure.where != "stepper":
            return None
        cause = failure.cause
        return RightHandSideError(
            f"exactsolve stopped {self.reached(failure)}: a coefficient raised "
            f"{type(cause).__name__}: {cause}; {self.kept()}",
            time=failure.time,
            reason="right-hand side raised",
            result=self.result,
        )


class _Collect:
    """Puts the values of a function into a list."""

    def __init__(self, function: Callable[[float, Any], Any], values: list[Any]):
        self.function, self.values = function, values

    def __call__(self, t: float, state: Any) -> None:
        self.values.append(self.function(t, state))
