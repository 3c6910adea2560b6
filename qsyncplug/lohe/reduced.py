"""Runs by the exact reduction, and in the Möbius form."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._ext.integrator import Integrator
from ..core.checks import check_memory
from ..core.errors import SolverError
from ..core.failure import Failure
from ..core.options import wanted
from ..core.rungekutta import Delivering, RungeKutta, integrator, limits_of
from ..core.status import Status
from ..core.stepper import Problem, forwarded
from ..core.types import EOps
from ..waves.motion import EigenMotion
from .guard import CAP, VANISHING, GuardedIntegrator, loss_error, loss_of, may_vanish
from .initial import EDGE_WARNING, check_initial, warn_edges
from .kernel import right_hand_side
from .mobius import mobius_equations, mobius_rate, mobius_scale
from .model import SchrodingerLohe
from .result import SchrodingerLoheResult
from .setup import MobiusSetup, ReductionSetup

__all__ = ["LoheProblem", "MobiusProblem", "ReductionProblem", "UnstableSetError"]

#: 1 GB/…: a block of states that stays in the cache, in numbers
_BLOCK = 2**16


class LoheProblem(Problem):
    """What every run of this family does at its end."""

    result: SchrodingerLoheResult
    name = "slsolve"

    def finish(self) -> None:
        """Drifts, and how near the states came to the edges of the grid."""
        result, model = self.result, self.result.model
        drift: dict[str, float] = {}
        if len(result.times):
            if model.variant == "standard":
                drift["norm"] = float(np.max(np.abs(np.sqrt(result.masses / result.masses[0]) - 1)))
            means = np.mean(result.theta, axis=1)
            drift["mean theta"] = float(np.max(np.abs(means - means[0])))
        edges = result._setup.edges
        result.stats["drift"] = {**drift, **edges}
        warn_edges(edges)

    def error(self, failure: Failure) -> BaseException | None:
        """A lost oscillator by its own error."""
        found = getattr(getattr(self.stepper, "method", self.stepper), "found", None)
        if failure.status == Status.EVENT and found is not None:
            return loss_error(found, self.name, self.result)
        return None


# ---------------------------------------------------------------------- reduction


class ReductionProblem(LoheProblem):
    """Coefficients X(t) by the compiled method.

    Parameters
    ----------
    model : SchrodingerLohe
    state0 : N states
    times : (T,) array
    e_ops : object
    options : dict
    stats : dict
    """

    def __init__(
        self,
        model: SchrodingerLohe,
        state0: Any,
        times: np.ndarray,
        e_ops: EOps,
        options: dict[str, Any],
        stats: dict[str, Any],
    ):
        t0, end = float(times[0]), float(times[-1])
        keep = options["store_coefficients"]
        self.setup = ReductionSetup(model, state0, t0, len(times), keep)
        assert self.setup.start_rows is not None
        check_initial(model, self.setup.start_rows)
        rhs = _equations(model, self.setup, end)
        self.setup.dynamic = bool(rhs.dynamic_theta)
        y0 = self.setup.start_rows.ravel()
        if self.setup.dynamic:
            y0 = np.concatenate([y0, model.start_theta(self.setup.n).astype(complex)])
        stepper = RungeKutta(_method(model, self.setup, rhs, options), t0, y0, end)
        result = SchrodingerLoheResult(
            e_ops,
            options,
            setup=self.setup,
            solver=self.name,
            stats={**stats, "rank": self.setup.rank},
        )
        super().__init__(times, stepper, result)

    def breakpoints(self, times: np.ndarray, share: float = 1.0) -> np.ndarray:
        """None of its own; those of the basis, which moves by the Hamiltonian, are told to it."""
        if self.setup.motion is not None:
            self.setup.motion.avoid_pulses(times, share)
        return np.empty(0)

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        self.setup.record(self.result, start, times, rows)

    def state(self, t: float, row: np.ndarray) -> Any:
        return self.setup.wrap(self.setup.unpack(t, row))

    def finish(self) -> None:
        """States, if they are to be stored."""
        if self.result.options["store_states"] and self.result.coefficients is not None:
            self.result._stored = _all_states(self.setup, self.result)
        super().finish()


def _equations(model: SchrodingerLohe, setup: ReductionSetup, end: float) -> Any:
    x, motion = setup.start_rows, setup.motion
    assert x is not None and motion is not None
    positions = None
    if model.aligns_by_distance:
        positions = motion.modes()
        if positions is None:
            motion.watch = setup.check
            positions = motion.chebyshev(end if end > setup.t0 else setup.t0 + 1.0)
            motion.watch = None
    largest = max(
        1.0, float(np.max(model.start_theta(len(x)))), float(np.max(np.sum(np.abs(x) ** 2, axis=1)))
    )
    return right_hand_side(
        model,
        x,
        frequencies=setup.frequencies,
        frame=setup.frame,
        positions=positions,
        t0=setup.t0,
        bounds=(VANISHING if may_vanish(model) else 0.0, CAP * largest),
    )


def _method(model: SchrodingerLohe, setup: ReductionSetup, rhs: Any, options: Any) -> Any:
    """The integrator; with a look at the norms where they may vanish or grow."""
    if model.variant == "standard":
        return integrator(rhs, options)
    return GuardedIntegrator(rhs, setup.n, setup.rank, loss_of(model), limits_of(options))


def _all_states(setup: ReductionSetup, result: SchrodingerLoheResult) -> np.ndarray:
    """The states (T, N, M) of all outputs."""
    motion, x = setup.motion, result.coefficients
    assert motion is not None and x is not None
    size = motion.start.shape[1]
    check_memory(
        f"the states of {len(x)} times",
        # as one array, and one by one
        2 * 16.0 * len(x) * x.shape[1] * size,
        advice="leave store_states off",
    )
    times = np.asarray(result.times)
    if not isinstance(motion, EigenMotion):
        out = np.array([x[k] @ motion.at(float(t)) for k, t in enumerate(times)])
    else:
        block = max(1, int(_BLOCK // max(x.shape[1] * size, 1)))
        out = np.empty((len(x), x.shape[1], size), complex)
        for k in range(0, len(x), block):
            out[k : k + block] = motion.states(times[k : k + block], x[k : k + block])
    bound = _edge_bound(motion, result)
    if bound is not None and max(bound) <= EDGE_WARNING:
        # no state can come near the edges, so they need not be looked at one by one
        if motion.grid is not None:
            setup.saw(*bound)
        return out
    for k, t in enumerate(times):
        setup.check(out[k], float(t), result)
    return out


def _edge_bound(motion: Any, result: SchrodingerLoheResult) -> tuple[float, float] | None:
    """Bounds of the fractions near the edges at all times, where they are known."""
    if not isinstance(motion, EigenMotion):
        return None
    if motion.grid is None:
        return 0.0, 0.0
    # of the mass; what counts is the part of each oscillator's
    least = float(np.min(result.masses, initial=np.inf))
    if not 0 < least < np.inf:
        return None
    box, waves = motion.edge_bound()
    return box / least, waves / least


# ---------------------------------------------------------------------- Möbius form


class UnstableSetError(SolverError):
    """The Möbius form ends where the initial state lies on the unstable set."""


class MobiusStepper(Delivering):
    """N numbers w in τ=(1−e^{−κt})/κ; the last time may be infinite."""

    def __init__(self, model: SchrodingerLohe, rows: np.ndarray, scale: float, t0: float):
        self.kappa = mobius_rate(model, scale) * np.cos(model.phase_lag)
        self.t0 = t0
        self.row_size = 2 * len(rows)
        self.rhs = mobius_equations(model, rows, scale)
        self.method: Any = None

    def begin(self, end: float, options: dict[str, Any]) -> None:
        """Stand at the start; `end` is the last time."""
        limits = {name: options[name] for name in ("nsteps", "time_limit")}
        self.method = Integrator(self.rhs, rtol=1e-13, atol=1e-15, **limits)
        last = float(self.tau(np.array([end]))[0])
        ones = np.ones(self.row_size // 2, complex)
        self.method.set_state(0.0, ones, last if last > 0 else np.inf)

    def tau(self, times: np.ndarray) -> np.ndarray:
        """Möbius time τ of given times."""
        s = times - self.t0
        return s if self.kappa == 0 else np.asarray(-np.expm1(-self.kappa * s) / self.kappa)

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        tau = np.ascontiguousarray(self.tau(times), dtype=float)
        status, _ = self.method.advance(tau, rows[: len(times)])
        self.cause = self.method.interruption
        # what is singular in τ is a start on the unstable set
        singular = status in (Status.STEP_SIZE, Status.NON_FINITE, Status.RHS_FAILED)
        return Status.EVENT if singular else Status(status)

    @forwarded
    def t(self) -> float:
        """Time that the run has reached."""
        tau = float(self.method.t)
        if self.kappa == 0:
            return self.t0 + tau
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(self.t0 - np.log1p(-self.kappa * tau) / self.kappa)

    @property
    def state(self) -> np.ndarray:
        """Möbius numbers w at ``t``, as a row."""
        return np.ascontiguousarray(self.method.get_state()[1]).view(float)


class MobiusProblem(LoheProblem):
    """Masses and order parameter from w; states come from the reduction, if asked for."""

    stepper: MobiusStepper

    def __init__(
        self,
        setup: MobiusSetup,
        times: np.ndarray,
        e_ops: EOps,
        options: dict[str, Any],
        stats: dict[str, Any],
    ):
        model, rows = setup.model, setup.start_rows
        assert rows is not None
        if wanted(e_ops):
            raise ValueError(
                "e_ops need the states, which the Möbius form does not have; use the method "
                "'reduction'"
            )
        scale = mobius_scale(model, np.linalg.norm(rows, axis=1))
        if scale is None:
            raise ValueError(
                "options['method'] = 'mobius' needs one common mean, frequency, Hamiltonian and θ, "
                "and equal norms (unless Model 2)"
            )
        check_initial(model, rows)
        self.setup, self.scale = setup, scale
        self.rows = rows / np.sqrt(scale)
        stepper = MobiusStepper(model, self.rows, scale, float(times[0]))
        if np.isinf(times[-1]) and stepper.kappa <= 0:
            raise ValueError(
                "coupling·cos(phase_lag) must be positive for a time that is infinite, not "
                f"{stepper.kappa:g}"
            )
        stepper.begin(float(times[-1]), options)
        result = SchrodingerLoheResult(
            None, options, setup=setup, solver=self.name, stats={**stats, "method": "mobius"}
        )
        super().__init__(times, stepper, result)

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        result, n = self.result, len(self.rows)
        w = np.ascontiguousarray(rows).view(complex)
        kappa = self.stepper.kappa
        decay = np.exp(-kappa * (times - self.setup.t0))
        gap = 0.0
        if self.result.model.variant == "model2":
            gap = 1 - np.sum(np.abs(self.rows) ** 2, axis=1)
        here = slice(start, start + len(times))
        result.times[here] = times
        result.masses[here] = self.scale * (1 - decay[:, None] * gap / np.abs(w) ** 2)
        result.theta[here] = result.model.start_theta(n)
        u = 1 / w
        # one by one: a product of many rows may differ in the last digit with their number
        means = np.matmul(u[:, None, :], self.rows)[:, 0]
        apart = np.abs(u.sum(axis=1)) ** 2 - np.sum(np.abs(means) ** 2, axis=1)
        square = self.scale * np.maximum(1 - decay * apart / n**2, 0)
        result.order_parameter[here] = np.sqrt(square)

    def error(self, failure: Failure) -> BaseException | None:
        """A singularity in τ is told as what it is."""
        if failure.status != Status.EVENT:
            return None
        return UnstableSetError(
            f"the Möbius form stopped at t={failure.time:.6g}: the initial state lies on the "
            "unstable set (bipolar or ζ=0)",
            time=failure.time,
            reason="unstable set",
            result=self.result,
        )
