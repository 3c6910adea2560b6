"""Runs that carry the states themselves: splitting, interaction picture, method of lines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ..core.pulses import find_breaks
from ..core.rungekutta import RungeKutta, limits_of
from ..core.status import Status
from ..core.stepper import Stepper
from ..core.types import EOps
from ..waves.hamiltonian import functions_of_time
from ..waves.splitting import SCHEMES, OscillatorLostError, Splitting, StepUnderflowError
from ..waves.stepping import SplitStepper
from .flows import coupled_system
from .guard import LinesGuard, Loss, Lost, loss_of, may_vanish
from .initial import check_initial
from .kernel import influence_of
from .lines import LinesEquations, LinesRightHandSide
from .model import SchrodingerLohe
from .reduced import LoheProblem
from .result import SchrodingerLoheResult
from .setup import StatesSetup
from .watch import StepLimitReached, Watch, first_step

__all__ = ["LinesProblem", "SplittingProblem"]


class _StatesProblem(LoheProblem, ABC):
    """States on the grid or kets, and where they are kept."""

    def __init__(
        self,
        setup: StatesSetup,
        times: np.ndarray,
        e_ops: EOps,
        options: dict[str, Any],
        stats: dict[str, Any],
    ):
        self.setup = setup
        stepper = self._stepper(times, stats["method"], options)
        check_initial(setup.model, setup.psi0, setup.weight)
        result = SchrodingerLoheResult(e_ops, options, setup=setup, solver=self.name, stats=stats)
        super().__init__(times, stepper, result)

    def breakpoints(self, times: np.ndarray, share: float = 1.0) -> np.ndarray:
        given = self.setup.model.hamiltonian
        distinct = {id(h): h for h in (given if isinstance(given, tuple) else (given,))}
        functions = [f for h in distinct.values() for f in functions_of_time(h)]
        return find_breaks(functions, times, share)

    @abstractmethod
    def _stepper(self, times: np.ndarray, method: str, options: dict[str, Any]) -> Stepper:
        """At the start of ``setup``."""


# ---------------------------------------------------------------------- splitting


class SplittingStepper(SplitStepper):
    """Composition of the flows of coupling and Hamiltonians, with a fixed or an adaptive step.

    The states are too many to be copied: outputs are taken one by one from ``system``.
    """

    def __init__(self, model: SchrodingerLohe, setup: StatesSetup, method: str, options: Any):
        self.t = setup.t0
        self.system = coupled_system(model, setup.psi0, setup.t0, influence_of(model))
        self.adaptive = method == "splitting"
        self.splitting = Splitting(self.system, SCHEMES["s10" if self.adaptive else method])
        self.watch = Watch(options["nsteps"], model, setup, self.system, self.splitting)
        step = options["step"]
        self.step = first_step(model, setup) if step is None else float(step)
        self.options = {name: options[name] for name in ("rtol", "atol", "max_step")}
        self.kind = loss_of(model)
        self.found: Lost | None = None
        self.breaks = np.empty(0)

    def avoid(self, times: np.ndarray) -> None:
        self.breaks = times

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        status, end = Status.RUNNING, float(times[0])
        for stop in (*self.breaks[(self.breaks > self.t) & (self.breaks < end)].tolist(), end):
            if stop > self.t and status == Status.RUNNING:
                status = self._go(stop)
        if status == Status.RUNNING:
            self.delivered = 1
        return status

    def _go(self, end: float) -> Status:
        o = self.options
        try:
            if self.adaptive:
                self.step = self.splitting.adaptive(
                    self.t, end, self.step, o["rtol"], o["atol"], o["max_step"], self.watch
                )
            else:
                self.splitting.fixed(self.t, end, min(self.step, o["max_step"]), self.watch)
        except OscillatorLostError as lost:
            kind = Loss.BLOW_UP if lost.blown_up else self.kind
            self.found = Lost(kind, lost.oscillator, float(lost.time))
            self.t = float(lost.time)
            return Status.EVENT
        except StepLimitReached:
            self.t = self.watch.time
            return Status.STEP_LIMIT
        except StepUnderflowError:
            self.t = self.watch.time
            return Status.STEP_SIZE
        except BaseException:
            self.t = self.watch.time
            raise
        self.t = end
        return Status.RUNNING

    @property
    def state(self) -> np.ndarray:
        """Nothing: the states stay in ``system``."""
        return np.empty(0)


class SplittingProblem(_StatesProblem):
    """A splitting run: states stay with the stepper, and are stored output by output."""

    stepper: SplittingStepper

    def _stepper(self, times: np.ndarray, method: str, options: dict[str, Any]) -> Stepper:
        return SplittingStepper(self.setup.model, self.setup, method, options)

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        system = self.stepper.system
        self.setup.put(self.result, start, float(times[0]), system.psi, system.theta)

    def state(self, t: float, row: np.ndarray) -> Any:
        return self.setup.wrap(self.stepper.system.psi.copy())


# ---------------------------------------------------------------------- lines


class _OneByOne(RungeKutta):
    """Delivers one output at a time, so that one that cannot be recorded takes no other along."""

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        return super().advance(times[:1], rows)


class LinesProblem(_StatesProblem):
    """A run by ``"lawson"`` or ``"dop853"``."""

    def _stepper(self, times: np.ndarray, method: str, options: dict[str, Any]) -> Stepper:
        model = self.setup.model
        self.equations = LinesEquations(model, self.setup, method == "lawson")
        y0 = self.equations.start()
        rhs = LinesRightHandSide(self.equations, len(y0), True)
        rhs.equations = self.equations
        guard = LinesGuard(rhs, loss_of(model), may_vanish(model), limits_of(options))
        return _OneByOne(guard, float(times[0]), y0, float(times[-1]))

    def _states(self, t: float, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.equations.states(t, np.ascontiguousarray(row).view(complex))

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        for k, (t, row) in enumerate(zip(times, rows, strict=True)):
            self.setup.put(self.result, start + k, float(t), *self._states(float(t), row))

    def state(self, t: float, row: np.ndarray) -> Any:
        return self.setup.wrap(self._states(t, row)[0].copy())
