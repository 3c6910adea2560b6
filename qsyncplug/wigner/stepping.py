"""Runs that step the wave functions, or the phase-space arrays, themselves."""

from __future__ import annotations

import copy
import time as clock
from collections.abc import Callable
from typing import Any

import numpy as np
from qutip.ui.progressbar import progress_bars

from ..core.checks import check_memory
from ..core.errors import (
    RightHandSideError,
    SolverError,
    SolverInterrupted,
    StepLimitError,
    StepSizeError,
    TimeLimitError,
)
from ..waves.errors import BlowUpError
from ..waves.splitting import SCHEMES, OscillatorLostError, Splitting
from .coupling import time_to_pole
from .direct import DirectSystem
from .fit import fits, warn_drift, warn_edges
from .linear import LinearFlow
from .matrix import ArrayMatrix, WignerMatrix
from .model import WignerLohe
from .result import WignerLoheResult
from .setup import StoredFactors
from .state import InitialState
from .transport import check_potential
from .vectors import VectorSystem

__all__ = ["blow_up", "run_steps"]

#: what is kept of all outputs, unless the user asks for it
_KEEP_BYTES = 2**28
#: |z_ij|/√|z_ii z_jj| from which the distance of a pole is told by z/ż, to its inverse square
_GROWN = 1e4


def run_steps(
    model: WignerLohe,
    state: InitialState,
    times: np.ndarray,
    e_ops: Any,
    *,
    method: str,
    options: dict[str, Any],
    solver: str,
) -> WignerLoheResult:
    """Run by splitting, or directly in phase space.

    Parameters
    ----------
    model : WignerLohe
    state : InitialState
    times : (T,) array
    e_ops : callable, list or dict of callables, optional
    method : str
        ``"direct"``, ``"splitting"`` or a scheme with fixed steps.
    options : dict
        All of them.
    solver : str
        Its name, for the result and its errors.
    """
    return _Steps(model, state, times, method, options, solver).run(e_ops)


def blow_up(when: float, oscillator: int, result: WignerLoheResult) -> BlowUpError:
    """The error of a run whose correlations became infinite."""
    result.stats["stopped"] = f"blow-up at t={when:.12g}"
    result.stats["blow-up time"] = float(when)
    return BlowUpError(
        f"wlsolve: z of oscillator {oscillator} grows without bound at t={when:.12g}: no states "
        "have the initial correlations; "
        f"error.result holds the {len(result.times)} outputs before that",
        time=when,
        reason="blow-up",
        oscillator=oscillator,
        result=result,
    )


class _Splitting(Splitting):
    """Fixed steps end at a pole of z; it is found by shorter ones."""

    grown: Callable[[float], None]

    def _locate(self, t: float, dt: float, error: OscillatorLostError) -> float:
        try:
            self.adaptive(t, t + dt, dt / 4, 1e-9, 0.0, np.inf, self.grown)
        except OscillatorLostError as lost:
            return lost.time
        return t + dt


class _Steps:
    def __init__(
        self,
        model: WignerLohe,
        state: InitialState,
        times: np.ndarray,
        method: str,
        options: dict[str, Any],
        solver: str,
    ):
        self.solver = solver
        self.options = options
        self.model = model
        self.state = state
        self.times = times
        self.method = method
        self.direct = self.method == "direct"
        self.system: Any
        if self.direct:
            check_potential(self.model, state.n)
            self.system = DirectSystem(self.model, state, float(times[0]))
            size = 16 * self.system.arrays.size
        else:
            self.system = VectorSystem(self.model, state, float(times[0]))
            size = 16 * self.system.psi.size
        keep = self.options["store_states"]
        keep = len(times) * size <= _KEEP_BYTES if keep is None else bool(keep)
        self.setup = StoredFactors(self.model, state, float(times[0]), keep, self.direct)
        fixed = self.method not in ("splitting", "direct")
        self.stepper = _Splitting(self.system, SCHEMES[self.method if fixed else "s10"])
        self.stepper.grown = self._grown
        self.adaptive = not fixed and self.options["step"] is None
        # the coupling commutes with the linear flow of a common potential
        self.linear: LinearFlow | None = None
        if self.direct and self.model.common:
            self.linear = LinearFlow(
                self.model, state, rtol=self.options["rtol"], step=self.options["step"]
            )
            self.linear.look = self._limits
        self.reached = float(times[0])
        self.rates = self.model.rates(state.n) if self.model.common else np.zeros(state.n)
        self.deadline = np.inf
        self.ticks = 0

    def run(self, e_ops: Any) -> WignerLoheResult:
        begin = clock.perf_counter()
        o, times, system = self.options, self.times, self.system
        count = len(times)
        stats: dict[str, Any] = {"method": self.method, "initial state": self.state.kind}
        if o["method"] == "auto":
            stats["method reason"] = "different potentials"
        result = WignerLoheResult(e_ops, o, setup=self.setup, solver=self.solver, stats=stats)
        stats = result.stats
        per_output = sum(
            np.dtype(t).itemsize * int(np.prod(s, dtype=float))
            for s, t in self.setup.shapes().values()
        )
        check_memory(
            f"the result of {count} times",
            count * per_output,
            advice="leave store_states off, or ask for fewer times",
        )
        result._allocate(count)
        stats["preparation time"] = clock.perf_counter() - begin
        begin = clock.perf_counter()
        self.deadline = begin + o["time_limit"]
        bar = progress_bars[o["progress_bar"]](count, **o["progress_kwargs"])
        step = float(o["step"]) if o["step"] is not None else 0.05
        done, saved, worst = 0, begin, 0.0
        failed: BaseException | None = None
        try:
            for k, t in enumerate(times):
                if k:
                    step = self._advance(float(times[k - 1]), float(t), step)
                result.times[k] = t
                for name, value in self.setup.row(system).items():
                    getattr(result, name)[k] = value
                matrix = self._matrix()
                worst = max(worst, fits(matrix.edges(), float(t), result))
                done = k + 1
                for process in result._state_processors:
                    process(float(t), matrix)
                bar.update()
                if o["checkpoint"] and clock.perf_counter() - saved > 30.0:
                    partial = copy.copy(result)
                    partial._trim(done)
                    partial.save(o["checkpoint"])
                    saved = clock.perf_counter()
        except (KeyboardInterrupt, Exception) as error:
            failed = error
        bar.finished()
        stats["run time"] = clock.perf_counter() - begin
        linear = self.linear
        stats["steps accepted"] = linear.steps if linear is not None else self.stepper.accepted
        stats["steps rejected"] = 0 if linear is not None else self.stepper.rejected
        stats["right-hand sides"] = 0
        stats["edge amplitude"] = worst
        if failed is not None:
            result._trim(done)
        if done:
            masses = result.masses
            stats["drift"] = {"∫w_ii": float(np.max(np.abs(masses / np.diag(self.state.z0) - 1)))}
            warn_drift(stats["drift"]["∫w_ii"])
        if o["checkpoint"]:
            result.save(o["checkpoint"])
        if failed is not None:
            self._raise(failed, result)
        warn_edges(worst)
        return result

    def _advance(self, t0: float, t1: float, step: float) -> float:
        o = self.options
        if self.linear is not None:
            self.linear.run(self.system.arrays, t1 - t0, exact=False, check=self._tick)
            self.system.flow.rates = self.rates - np.mean(self.rates)
            # L is found anew after times of 2/κ: products of large ones lose digits
            pieces = max(1, int(np.ceil(self.model.coupling * (t1 - t0) / 2)))
            for k in range(pieces):
                try:
                    self.system.couple((t1 - t0) / pieces)
                except OscillatorLostError as lost:
                    lost.time += t0 + k * (t1 - t0) / pieces
                    raise
            self._check(t1)
            return step
        if self.adaptive:
            return self.stepper.adaptive(
                t0, t1, step, o["rtol"], o["atol"], o["max_step"], self._check
            )
        self.stepper.fixed(t0, t1, min(step, o["max_step"]), self._check)
        return step

    def _tick(self) -> None:
        """Before each step of one array by the linear flow."""
        self.ticks += 1
        self._limits(self.ticks / len(self.system.pairs))

    def _limits(self, steps: float) -> None:
        if clock.perf_counter() > self.deadline:
            raise TimeLimitError("time limit", time=self.reached, reason="time limit")
        if steps > self.options["nsteps"]:
            raise StepLimitError("step limit", time=self.reached, reason="step limit")

    def _check(self, t: float) -> None:
        """After each step; not a number for one that was rejected."""
        self._limits(self.stepper.accepted + self.stepper.rejected)
        if not np.isfinite(t):
            return
        self.reached = t
        self._grown(t)

    def _grown(self, t: float) -> None:
        """Stop where the pole of z, if it has one, has come close."""
        if self.state.physical or not np.isfinite(t):
            return
        z = self.system.correlations()
        root = np.sqrt(np.abs(np.diag(z)))
        if np.max(np.abs(z) / np.outer(root, root)) > _GROWN:
            gone, (i, _) = time_to_pole(self.model, z, self.rates)
            lost = OscillatorLostError(i, blown_up=True)
            lost.time = t + gone
            raise lost

    def _matrix(self) -> WignerMatrix:
        n, space = self.state.n, self.model.phase_space
        if self.direct:
            return ArrayMatrix(
                space, self.system.arrays, np.eye(n), np.eye(n), self.state.hermitian
            )
        # whatever the result keeps of it
        rows = StoredFactors(self.model, self.state, self.setup.t0)
        return rows.matrix(
            self.system.time, _factors=self.system.psi.reshape(-1, self.model.grid.size)
        )

    def _raise(self, error: BaseException, result: WignerLoheResult) -> None:
        t = self.reached
        kept = f"error.result holds the {len(result.times)} outputs before that"
        begun = f"{self.solver} stopped at t={t:g}"
        out: SolverError
        if isinstance(error, KeyboardInterrupt):
            result.stats["stopped"] = f"interrupted at t={t:g}"
            raise SolverInterrupted(
                f"{begun}: interrupted; {kept}", time=t, result=result
            ) from error
        if isinstance(error, OscillatorLostError):
            raise blow_up(float(error.time), error.oscillator, result) from error
        if isinstance(error, (TimeLimitError, StepLimitError)):
            which = "time_limit" if isinstance(error, TimeLimitError) else "nsteps"
            out = type(error)(
                f"{begun}: {error.reason}; raise options[{which!r}]; {kept}",
                time=t,
                reason=error.reason,
                result=result,
            )
        elif isinstance(error, SolverError):
            error.result = result
            out = error
        elif isinstance(error, FloatingPointError):
            out = StepSizeError(
                f"{begun}: {error}; {kept}", time=t, reason="step size underflow", result=result
            )
        else:
            out = RightHandSideError(
                f"{begun}: {type(error).__name__}: {error}; {kept}",
                time=t,
                reason="a function raised",
                result=result,
            )
        result.stats["stopped"] = f"{out.reason} at t={out.time:g}"
        raise out from error
