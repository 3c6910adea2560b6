"""Base of the solvers: a model with options, run by the one drive."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

import numpy as np

from .checks import check_number, check_times
from .documented import runner
from .drive import Drive, Until, Walk
from .errors import SolverInterrupted, StorageError, TimeLimitError
from .html import table
from .late import Registry
from .limits import Limits
from .options import DEFAULTS, complete_options
from .result import Result
from .stepper import Problem
from .types import EOps, Model, Options, State

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["SOLVERS", "Account", "Solver", "check_until"]

#: every solver by the name of its class, for files
SOLVERS: Registry[type[Solver]] = Registry()


class Account(TypedDict):
    """What a result is told of its run: the solver's name, how it went so far, and the model."""

    solver: str
    stats: dict[str, Any]
    model: Any


class Solver:
    """A model with options, ready to run.

    A subclass writes :meth:`problem`, and :meth:`check_options` if it has options of its own.

    Parameters
    ----------
    model : object
        What to run.
    options : dict, optional
        Keyword options; see ``solver_options`` for the known ones and their defaults.
    """

    name: ClassVar[str] = ""
    #: classes of the models that it runs; empty: the subclass checks its model itself
    models: ClassVar[tuple[type, ...]] = ()
    methods: ClassVar[tuple[str, ...]] = ("dop853",)
    solver_options: ClassVar[dict[str, Any]] = DEFAULTS
    #: options that only the beginning of a run needs, and a checkpoint does not hold
    unsaved_options: ClassVar[tuple[str, ...]] = ()
    #: whether there are outputs before the end, that ``until`` could look at
    has_outputs: ClassVar[bool] = True

    def __init_subclass__(cls, **kw: Any):
        super().__init_subclass__(**kw)
        if cls.problem is not Solver.problem:  # else a base of others
            SOLVERS[cls.__name__] = cls

    def __init__(self, model: Model, *, options: Options | None = None):
        self.check_model(model)
        self.model: Any = model
        self._options: dict[str, Any] = {}
        self._adopt(options)

    def __repr__(self) -> str:
        changed = "".join(f", {k}={v!r}" for k, v in self._changed().items())
        return f"<{type(self).__name__}: {str(self.model).splitlines()[0]}{changed}>"

    def _repr_html_(self) -> str:
        rows = {"model": str(self.model).splitlines()[0], **self._changed()}
        return table(type(self).__name__, [(name, str(value)) for name, value in rows.items()])

    def _changed(self) -> Options:
        """Options that are not the defaults."""
        defaults = complete_options(None, self.solver_options, self.methods)
        return {k: v for k, v in self._options.items() if v != defaults.get(k, v)}

    @property
    def options(self) -> dict[str, Any]:
        """Every option of this solver; assign a dict to change some of them."""
        return dict(self._options)

    @options.setter
    def options(self, new: dict[str, Any]) -> None:
        if not isinstance(new, dict):
            raise TypeError(f"options must be a dict, not {type(new).__name__}")
        self._adopt({**self._options, **new})

    def _adopt(self, options: dict[str, Any] | None) -> None:
        """Take `options` if all of them are right, else none."""
        complete = complete_options(options, self.solver_options, self.methods)
        self.check_options(complete)
        self._options = complete

    @classmethod
    def check_model(cls, model: object) -> None:
        """Refuse a `model` of another solver with a TypeError that names what this one takes."""
        if cls.models and not isinstance(model, cls.models):
            names = " or ".join(kind.__name__ for kind in cls.models)
            article = "an" if names[0] in "AEIOU" else "a"
            raise TypeError(f"model must be {article} {names}, not {type(model).__name__}")

    def check_options(self, options: dict[str, Any]) -> None:
        """Refuse what is wrong for this solver and model, before `options` are taken."""

    def problem(self, state0: State, times: np.ndarray, e_ops: EOps) -> Problem:
        """Check `state0`; everything that one run is made of.

        Parameters
        ----------
        state0 : object
            What the user gave.
        times : ndarray of shape (T,)
            Checked. One time alone: the end is not known (stepping by hand).
        e_ops : object
            What the user gave, for the result.
        """
        raise TypeError(f"{type(self).__name__} does not run")  # pragma: no cover

    def account(self, stats: Mapping[str, Any] | None = None) -> Account:
        """What every result of this solver is told of its run, as keywords of its class.

        Parameters
        ----------
        stats : dict, optional
            Beside, or in place of, the method.
        """
        return {
            "solver": self.name,
            "stats": {"method": self._options["method"], **(stats or {})},
            "model": self.model,
        }

    @runner
    def run(
        self, state0: State, tlist: ArrayLike, *, e_ops: EOps = None, until: Until | None = None
    ) -> Result:
        """Run from `state0` at ``tlist[0]`` and deliver at every time of `tlist`."""
        check_until(until)
        times = self.output_times(tlist)
        with Limits(self._options["time_limit"]) as limits:
            problem = self._prepare(state0, times, e_ops, limits)
            if self._options["checkpoint"]:
                problem.origin = self._origin(problem, state0, times)
            return Drive(problem, self.name, self._options, limits, until).run()

    def output_times(self, tlist: ArrayLike) -> np.ndarray:
        """The user's `tlist` as increasing floats, (T,), or an error that says what is wrong."""
        return check_times(tlist)

    def _prepare(self, state0: Any, times: np.ndarray, e_ops: EOps, limits: Limits) -> Problem:
        begin = clock.perf_counter()
        try:
            with limits.interruptible():
                problem = self.problem(state0, times, e_ops)
                problem.allocate()
                if len(breaks := problem.breakpoints(times)):
                    problem.stepper.avoid(breaks)
        except SolverInterrupted:
            raise
        except KeyboardInterrupt as error:
            raise SolverInterrupted(
                f"{self.name} was interrupted before its first output", time=float(times[0])
            ) from error
        except TimeLimitError as error:
            raise TimeLimitError(
                f"{self.name} reached its time limit before its first output; "
                "raise options['time_limit']",
                time=float(times[0]),
                reason="time limit",
            ) from error
        problem.result.stats["preparation time"] = clock.perf_counter() - begin
        return problem

    def _origin(self, problem: Problem, state0: Any, times: np.ndarray) -> dict[str, Any]:
        """What :func:`qsyncplug.resume` makes the problem from again."""
        return {
            "solver": type(self).__name__,
            "options": {k: v for k, v in self._options.items() if k not in self.unsaved_options},
            "recipe": {**self.recipe(), **problem.chosen},
            "state0": self.plain_state(state0),
            "times": times,
            "e_ops": list(problem.result.e_data),
        }

    def plain_state(self, state0: State) -> State:
        """`state0` as a file can hold it; :meth:`problem` makes the same start of it."""
        return list(state0) if isinstance(state0, tuple) else state0

    def recipe(self) -> dict[str, Any]:
        """Keyword arguments and attributes, beside model and options, that make this solver."""
        return {}

    def continue_run(
        self, mark: dict[str, Any], partial: Result, e_ops: EOps, until: Until | None = None
    ) -> Result:
        """Go on from the mark of a checkpoint, for :func:`qsyncplug.resume`.

        Parameters
        ----------
        mark : dict
            What the checkpoint holds beside the result.
        partial : Result
            The outputs before the mark.
        e_ops, until : object
            As for :meth:`run`; `e_ops` with the keys of the run that is resumed.

        Returns
        -------
        Result
            Of the whole run.
        """
        check_until(until)
        if until is not None and not self.has_outputs:
            raise TypeError("until: samples have no outputs before the end; leave it out")
        times = self.output_times(mark["times"])
        with Limits(self._options["time_limit"]) as limits:
            problem = self._prepare(mark["state0"], times, e_ops, limits)
            if (keys := list(problem.result.e_data)) != list(mark["e_ops"]):
                raise ValueError(
                    f"e_ops must have the keys of the run that is resumed, {mark['e_ops']}, "
                    f"not {keys}"
                )
            try:
                problem.stepper.restore(mark["snapshot"])
            except KeyError as error:
                raise StorageError(f"the checkpoint lacks {error}") from error
            problem.adopt(partial, mark["done"])
            if self._options["checkpoint"]:
                problem.origin = self._origin(problem, mark["state0"], times)
            drive = Drive(problem, self.name, self._options, limits, until)
            drive.done = mark["done"]
            result = drive.run()
        result._add_stats(partial)
        return result

    # ------------------------------------------------------------ by hand

    def start(self, state0: State, t0: float) -> None:
        """Set the state and time that :meth:`step` goes on from.

        Parameters
        ----------
        state0 : object
            Initial state, as for :meth:`run`.
        t0 : float
            Its time.
        """
        t0 = check_number("t0", t0)
        self._walk = self._begin(state0, np.array([t0]))

    def _begin(self, state0: Any, times: np.ndarray) -> Walk:
        problem = self.problem(state0, times, None)
        return Walk(problem, self.name, self._options["time_limit"])

    def step(self, t: float) -> Any:
        """Go on to time `t` and return the state there (as ``e_ops`` functions see it)."""
        if not hasattr(self, "_walk"):
            raise RuntimeError("call start(state0, t0) before step(t)")
        t = check_number("t", t)
        if t < self._walk.last:
            raise ValueError(f"t must not be before the last step, {self._walk.last:g}; got {t:g}")
        return self._walk.to(t)

    def iterate(
        self, state0: State, tlist: ArrayLike, *, until: Until | None = None
    ) -> Iterator[tuple[float, Any]]:
        """Go through the output times one by one, keeping nothing.

        ``for t, state in solver.iterate(state0, tlist): ...`` may be left at any time.

        Parameters
        ----------
        state0, tlist
            As in :meth:`run`.
        until : callable, optional
            ``until(t, state)``: the last pair is the first for which it is true.

        Yields
        ------
        t : float
        state : object
            As ``e_ops`` functions see it.
        """
        check_until(until)
        times = check_times(tlist)
        return self._begin(state0, times).iterate(times, until)


def check_until(until: Any) -> None:
    """Refuse what is neither None nor a function."""
    if until is not None and not callable(until):
        raise TypeError(f"until must be a function until(t, state), not {until!r:.60}")
