"""Base of the solvers: options, the run loop over the compiled integrator, limits and partial
results.
"""

from __future__ import annotations

import time as clock
from typing import Any, ClassVar

import numpy as np
from qutip.ui.progressbar import progress_bars

from .._ext.integrator import Integrator, RightHandSide
from .checks import check_memory, check_number, check_times
from .errors import (
    NonFiniteError,
    RightHandSideError,
    SolverError,
    SolverInterrupted,
    StepLimitError,
    StepSizeError,
    TimeLimitError,
)
from .options import DEFAULTS, complete_options
from .result import Result

__all__ = ["CompiledSolver", "Solver"]

_CHUNK_BYTES = 2**25
#: results below this are not worth asking the system how much memory is free
_SMALL = 2**24
_CHECKPOINT_SECONDS = 30.0

#: status of the integrator -> error, reason, advice
_FAILURES: dict[int, tuple[type[SolverError], str, str]] = {
    1: (StepLimitError, "step limit", "raise options['nsteps'] or loosen the tolerances"),
    2: (TimeLimitError, "time limit", "raise options['time_limit']"),
    3: (
        StepSizeError,
        "step size underflow",
        "the solution has a singularity here, or the tolerances are too tight",
    ),
    4: (NonFiniteError, "not finite", "the solution left the range of floating point numbers"),
    5: (RightHandSideError, "right-hand side refused the state", "see the cause"),
}


class Solver:
    """A model with options, ready to run; subclasses say how.

    Parameters
    ----------
    model : object
        What to run.
    options : dict, optional
        Keyword options; see ``solver_options`` for the known ones and their defaults.
    """

    name: ClassVar[str] = ""
    methods: ClassVar[tuple[str, ...]] = ("dop853",)
    solver_options: ClassVar[dict[str, Any]] = DEFAULTS

    def __init__(self, model: Any, *, options: dict[str, Any] | None = None):
        self.model = model
        self._options = complete_options(options, self.solver_options, self.methods)

    @property
    def options(self) -> dict[str, Any]:
        """Every option of this solver; assign a dict to change some of them."""
        return dict(self._options)

    @options.setter
    def options(self, new: dict[str, Any]) -> None:
        self._options = complete_options(
            {**self._options, **new}, self.solver_options, self.methods
        )

    def run(self, state0: Any, tlist: Any, *, e_ops: Any = None) -> Result:
        """Run from `state0` at ``tlist[0]`` and deliver at every time of `tlist`."""
        raise TypeError(f"{type(self).__name__} does not run")  # pragma: no cover


class CompiledSolver(Solver):
    """A solver over the compiled integrator.

    A subclass says what the right-hand side is (:meth:`_problem`) and what the
    result looks like (:meth:`_new_result`).
    """

    def _problem(self, state0: Any, t0: float) -> tuple[RightHandSide, np.ndarray]:
        """Check `state0`; return the compiled right-hand side and the initial state of the
        integrator.
        """
        raise TypeError(f"{type(self).__name__} has no right-hand side")  # pragma: no cover

    def _new_result(
        self, e_ops: Any, stats: dict[str, Any], rhs: RightHandSide, y0: np.ndarray
    ) -> Result:
        """Build an empty result."""
        raise TypeError(f"{type(self).__name__} has no result")  # pragma: no cover

    def _finish(self, result: Result, rhs: RightHandSide) -> None:
        """Fill in what follows from the whole run: monitors in ``stats``, warnings."""

    def _integrator(self, rhs: RightHandSide, **kw: Any) -> Integrator:
        o = self._options
        return Integrator(
            rhs,
            rtol=o["rtol"],
            atol=o["atol"],
            max_step=o["max_step"],
            nsteps=o["nsteps"],
            time_limit=o["time_limit"],
            **kw,
        )

    def run(self, state0: Any, tlist: Any, *, e_ops: Any = None) -> Result:
        """Run from `state0` at ``tlist[0]`` and deliver at every time of `tlist`.

        Parameters
        ----------
        state0 : object
            Initial state; see the class.
        tlist : array_like of shape (T,)
            Strictly increasing output times.
        e_ops : callable, list or dict of callables, optional
            Functions ``f(t, state)`` evaluated at every output time.

        Returns
        -------
        Result
            Of the class that belongs to the solver.

        Raises
        ------
        ValueError, TypeError
            Bad input, before any work.
        SolverError
            The run had to stop; it carries the time, the reason and the partial result.
        """
        begin = clock.perf_counter()
        times = check_times(tlist)
        rhs, y0 = self._problem(state0, float(times[0]))
        integrator = self._integrator(rhs)
        integrator.set_state(times[0], y0, times[-1] if times.size > 1 else np.inf)
        stats: dict[str, Any] = {"method": self._options["method"]}
        result = self._new_result(e_ops, stats, rhs, y0)
        # QuTiP's __init__ copies nothing of stats, so this dict is the result's own
        stats = result.stats
        row_bytes = 8 * rhs.size
        per_output = sum(
            np.dtype(t).itemsize * int(np.prod(s, dtype=float))
            for s, t in result._shapes().values()
        )
        if times.size * per_output > _SMALL:
            check_memory(
                f"the result of {times.size} times",
                times.size * per_output,
                advice="ask for fewer times or less data",
            )
        result._allocate(times.size)
        stats["preparation time"] = clock.perf_counter() - begin

        begin = clock.perf_counter()
        chunk = max(1, min(times.size, _CHUNK_BYTES // max(row_bytes, 1)))
        if self._options["progress_bar"] or self._options["checkpoint"]:
            chunk = max(1, min(chunk, times.size // 100))
        rows = np.empty((chunk, rhs.size))
        bar = progress_bars[self._options["progress_bar"]](
            -(-times.size // chunk), **self._options["progress_kwargs"]
        )
        done, status, saved = 0, 0, clock.perf_counter()
        cause: BaseException | None = None
        while done < times.size and status == 0:
            block = times[done : done + chunk]
            status, count = integrator.advance(block, rows)
            if count:
                try:
                    result._record(done, block[:count], rows[:count])
                except Exception as error:
                    cause, status = error, 5
                    break
                done += count
            bar.update()
            if self._options["checkpoint"] and clock.perf_counter() - saved > _CHECKPOINT_SECONDS:
                self._checkpoint(result, done)
                saved = clock.perf_counter()
        bar.finished()
        stats["run time"] = clock.perf_counter() - begin
        self._account(stats, integrator)
        if status != 0:
            result._trim(done)
        self._finish(result, rhs)
        if self._options["checkpoint"]:
            result.save(self._options["checkpoint"])
        if status != 0:
            self._stop(status, integrator, rhs, result, cause, float(times[-1]))
        return result

    @staticmethod
    def _account(stats: dict[str, Any], integrator: Integrator) -> None:
        stats["steps accepted"] = integrator.accepted
        stats["steps rejected"] = integrator.rejected
        stats["right-hand sides"] = integrator.evaluations

    def _checkpoint(self, result: Result, done: int) -> None:
        import copy

        partial = copy.copy(result)
        partial._trim(done)
        partial.save(self._options["checkpoint"])

    def _stop(
        self,
        status: int,
        integrator: Integrator,
        rhs: RightHandSide,
        result: Result,
        cause: BaseException | None,
        end: float,
    ) -> None:
        """Raise the error of `status` with the partial `result`."""
        recorded = cause is not None and not isinstance(cause, KeyboardInterrupt)
        cause = cause or rhs.error
        reached = f"{self.name} stopped at t={integrator.t:g} of {end:g}"
        kept = f"error.result holds the {len(result.times)} outputs before that"
        if status == 6 or isinstance(cause, KeyboardInterrupt):
            result.stats["stopped"] = f"interrupted at t={integrator.t:g}"
            raise SolverInterrupted(
                f"{reached}: interrupted; {kept}", time=integrator.t, result=result
            ) from integrator.interruption
        error, reason, advice = _FAILURES[status]
        if recorded:
            reason, advice = "a function of e_ops raised", "mend it, or leave it out"
        result.stats["stopped"] = f"{reason} at t={integrator.t:g}"
        detail = f" ({type(cause).__name__}: {cause})" if cause is not None else ""
        raise error(
            f"{reached}: {reason}{detail}; {advice}; {kept}",
            time=integrator.t,
            reason=reason,
            result=result,
        ) from cause

    # ------------------------------------------------------------ stepping by hand

    def start(self, state0: Any, t0: float) -> None:
        """Set the state and time that :meth:`step` goes on from."""
        t0 = check_number("t0", t0)
        rhs, y0 = self._problem(state0, t0)
        self._stepper = self._integrator(rhs)
        self._stepper.set_state(t0, y0)
        self._stepper_last = t0
        self._stepper_result = self._new_result(None, {}, rhs, y0)

    def step(self, t: float) -> Any:
        """Go on to time `t` and return the state there (as ``e_ops`` functions see it)."""
        if not hasattr(self, "_stepper"):
            raise RuntimeError("call start(state0, t0) before step(t)")
        t = check_number("t", t)
        if t < self._stepper_last:
            raise ValueError(
                f"t must not be before the last step, {self._stepper_last:g}; got {t:g}"
            )
        integrator = self._stepper
        row = np.empty((1, integrator.rhs.size))
        status, count = integrator.advance(np.array([t]), row)
        if count == 0:
            partial = self._stepper_result
            partial._allocate(1)
            partial._record(
                0,
                np.array([integrator.t]),
                np.asarray(integrator.get_state()[1]).view(float)[None, :],
            )
            self._account(partial.stats, integrator)
            self._stop(status, integrator, integrator.rhs, partial, None, t)
        self._stepper_last = t
        return self._stepper_result._state(row[0])
