"""Steppers of the wave functions, or of the phase-space arrays, themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import StepLimitError
from ..core.limits import look
from ..core.status import Status
from ..core.stepper import Stepper, forwarded
from ..waves.splitting import (
    SCHEMES,
    OscillatorLostError,
    Splitting,
    StepUnderflowError,
    SubStepError,
)
from ..waves.stepping import SplitStepper
from .coupling import time_to_pole
from .direct import DirectSystem
from .linear import LinearFlow
from .model import WignerLohe
from .scale import rate_scale
from .state import InitialState
from .vectors import VectorSystem

__all__ = ["Direct", "Split"]

#: |z_ij|/√|z_ii z_jj| from which the distance of a pole is told by z/ż, to its inverse square
_GROWN = 1e4
#: the first step to be tried, in units of the inverse rate
_FIRST = 0.1


class _Steps(Stepper):
    """What both steppers share: one output at a time, limits, and the pole of z.

    Parameters
    ----------
    model : WignerLohe
    state : InitialState
    system : VectorSystem or DirectSystem
    options : dict
        Of the solver.
    """

    row_size = 0

    def __init__(
        self, model: WignerLohe, state: InitialState, system: Any, options: dict[str, Any]
    ):
        self.model, self.initial, self.system, self.options = model, state, system, options
        self.t = float(system.time)
        self.rates = model.rates(state.n) if model.common else np.zeros(state.n)

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        """See :class:`Stepper`; nothing is copied to `rows`."""
        self.cause = None
        try:
            for end in map(float, times):
                if end > self.t:
                    self._go(self.t, end)
                    self.t = end
                self.delivered += 1
        except StepLimitError:
            return Status.STEP_LIMIT
        except OscillatorLostError as lost:
            self.cause = lost
            return Status.EVENT
        except (StepUnderflowError, SubStepError) as error:
            self.cause = error
            return Status.STEP_SIZE
        return Status.RUNNING

    @abstractmethod
    def _go(self, begin: float, end: float) -> None: ...

    def _limits(self, steps: float) -> None:
        look()
        if steps > self.options["nsteps"]:
            raise StepLimitError("step limit", time=self.t, reason="step limit")

    def _grown(self, t: float) -> None:
        """Stop where the pole of z, if it has one, has come close."""
        if self.initial.physical or not np.isfinite(t):
            return
        z = self.system.correlations()
        root = np.sqrt(np.abs(np.diag(z)))
        if np.max(np.abs(z) / np.outer(root, root)) > _GROWN:
            gone, (i, _) = time_to_pole(self.model, z, self.rates)
            lost = OscillatorLostError(i, blown_up=True)
            lost.time = t + gone
            raise lost


class _Located(Splitting):
    """Fixed steps end at a pole of z; it is found by shorter ones."""

    grown: Callable[[float], None]

    def _locate(self, t: float, dt: float, error: OscillatorLostError) -> float:
        try:
            self.adaptive(t, t + dt, dt / 4, 1e-9, 0.0, np.inf, self.grown)
        except OscillatorLostError as lost:
            return lost.time
        return t + dt


class Split(SplitStepper, _Steps):
    """Splitting of a system with a fixed or an adaptive step."""

    def __init__(
        self,
        model: WignerLohe,
        state: InitialState,
        system: VectorSystem | DirectSystem,
        options: dict[str, Any],
        scheme: str | None,
    ):
        super().__init__(model, state, system, options)
        self.splitting = _Located(system, SCHEMES[scheme or "s10"])
        self.splitting.grown = self._grown
        self.fixed = scheme is not None or options["step"] is not None
        rate = rate_scale(model, state)
        self.step = float(options["step"] or (_FIRST / rate if rate > 0 else np.inf))

    def _go(self, begin: float, end: float) -> None:
        o = self.options
        if self.fixed:
            self.splitting.fixed(begin, end, min(self.step, o["max_step"]), self._check)
        else:
            self.step = self.splitting.adaptive(
                begin,
                end,
                min(self.step, end - begin),
                o["rtol"],
                o["atol"],
                o["max_step"],
                self._check,
            )

    def _check(self, t: float) -> None:
        """After each step; not a number for one that was rejected."""
        self._limits(self.splitting.accepted + self.splitting.rejected)
        if np.isfinite(t):
            self.t = t
            self._grown(t)


class Direct(_Steps):
    """All w_ij of a common potential: the coupling commutes with their linear flow."""

    def __init__(
        self, model: WignerLohe, state: InitialState, system: DirectSystem, options: dict[str, Any]
    ):
        super().__init__(model, state, system, options)
        self.linear = LinearFlow(
            model,
            state,
            rtol=options["rtol"],
            step=options["step"],
        )
        self.linear.look = self._limits
        self.ticks = 0

    def _go(self, begin: float, end: float) -> None:
        span, kappa = end - begin, self.model.coupling
        self.linear.run(self.system.arrays, span, exact=False, check=self._tick)
        self.system.flow.rates = self.rates - np.mean(self.rates)
        # L is found anew after times of 2/κ: products of large ones lose digits
        pieces = max(1, int(np.ceil(kappa * span / 2)))
        for k in range(pieces):
            try:
                self.system.couple(span / pieces)
            except OscillatorLostError as lost:
                lost.time += begin + k * span / pieces
                raise
        self._limits(0)
        self.system.time = end
        self._grown(end)

    def snapshot(self) -> dict[str, Any] | None:
        linear = self.linear
        return {
            "system": self.system.save(),
            "t": self.t,
            "counts": [self.ticks, linear.steps],
            "lengths": linear.transport.cache.save(),
            "search": linear.search_state(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self.system.restore(saved["system"])
        self.t = float(saved["t"])
        self.ticks, self.linear.steps = map(int, saved["counts"])
        self.linear.transport.cache.restore(saved["lengths"])
        self.linear.go_on_searching(saved["search"])

    def _tick(self) -> None:
        """Before each step of one array by the linear flow."""
        self.ticks += 1
        self._limits(self.ticks / len(self.system.pairs))

    accepted = forwarded(lambda self: self.linear.steps, "Steps of the linear flow.")
