"""What runs of the Wigner–Lohe solver are made of: the exact reduction, or steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.failure import Failure
from ..core.rungekutta import RungeKutta, integrator
from ..core.status import Status
from ..core.stepper import Problem, check_result_memory
from ..core.types import EOps
from ..waves.errors import BlowUpError
from ..waves.splitting import OscillatorLostError
from .coupling import right_hand_side, time_to_pole
from .direct import DirectSystem
from .fit import EDGE_WARNING, fits, warn_drift, warn_edges
from .matrix import ArrayMatrix, FactorMatrix, WignerMatrix
from .model import WignerLohe
from .result import WignerLoheResult, WignerStats
from .setup import ArraySetup, FactorSetup, Setup, StoredFactors
from .state import InitialState
from .stepping import Direct, Split
from .transport import check_potential
from .vectors import VectorSystem

__all__ = ["reduction", "steps"]

#: entries of L beyond which unphysical data have blown up
CAP = 1e6
#: outputs of a run at which the grid is looked at
_LOOKS = 33
#: what is kept of all outputs, unless the user asks for it
_KEEP_BYTES = 2**28


class _WignerProblem(Problem):
    """Base: both kinds make the same errors."""

    result: WignerLoheResult
    #: the start or end of a run by hand may be outside the grid
    by_hand = False

    def _blow_up(self, when: float, oscillator: int) -> BlowUpError:
        """The error of a run whose correlations became infinite."""
        result = self.result
        result.stats.blow_up_time = float(when)
        result.stats["stopped"] = f"blow-up at t={when:.12g}"
        return BlowUpError(
            f"wlsolve: z of oscillator {oscillator} grows without bound at t={when:.12g}: no "
            f"states have the initial correlations; error.result holds the {len(result.times)} "
            "outputs before that",
            time=when,
            reason="blow-up",
            oscillator=oscillator,
            result=result,
        )


# ------------------------------------------------------------ the exact reduction


def reduction(
    model: WignerLohe,
    state: InitialState,
    times: np.ndarray,
    e_ops: EOps,
    options: dict[str, Any],
    solver: str,
) -> Problem:
    """L and R by adaptive Runge–Kutta; see :class:`WignerLoheSolver`."""
    n, t0 = state.n, float(times[0])
    rates, masses = model.rates(n), np.diag(state.z0)
    equal = np.max(np.abs(masses - masses[0])) <= 1e-12 * abs(masses[0])
    product = bool(np.ptp(rates) == 0 and model.graph(n) is None and equal)
    kind = FactorSetup if state.arrays is None else ArraySetup
    if kind is ArraySetup:
        check_potential(model, n)
    setup = kind(model, state, t0, product)
    # only differences of the rates matter
    rhs = right_hand_side(
        model,
        state.z0,
        rates - np.mean(rates),
        state.hermitian,
        deviations=state.deviations if product else None,
        cap=0.0 if state.physical else CAP,
    )
    # L and R cost next to nothing: one digit more than asked for
    method = integrator(
        rhs,
        {**options, "rtol": max(0.1 * options["rtol"], 2e-15), "atol": 0.1 * options["atol"]},
        directions=() if state.physical else (-1,),
    )
    stats = WignerStats(method="reduction", initial_state=state.kind)
    if options["method"] == "auto":
        stats.method_reason = "common potential"
    if isinstance(setup, FactorSetup):
        stats.rank = setup.rank
    result = WignerLoheResult(e_ops, options, setup=setup, solver=solver, stats=stats)
    stepper = RungeKutta(method, t0, rhs.start(), float(times[-1]))
    return _Reduction(times, stepper, result, setup)


class _Reduction(_WignerProblem):
    def __init__(
        self, times: np.ndarray, stepper: RungeKutta, result: WignerLoheResult, setup: Setup
    ):
        super().__init__(times, stepper, result)
        self.setup = setup

    def finish(self) -> None:
        """Drifts of the masses, and the edges of the grid."""
        result, state = self.result, self.setup.state
        drift: dict[str, float] = {}
        count = len(result.times)
        if count:
            looked = np.unique(np.linspace(0, count - 1, _LOOKS).astype(int))
            assert result.left is not None
            left = result.left[looked]
            right = left.conj().swapaxes(1, 2) if result.right is None else result.right[looked]
            z = left @ state.z0 @ right
            masses = np.diagonal(z, axis1=1, axis2=2)
            drift["∫w_ii"] = float(np.max(np.abs(masses / np.diag(state.z0) - 1)))
            warn_drift(drift["∫w_ii"])
            if result.log_alpha is not None and state.physical:
                gap = z / state.z0[0, 0] - (1 - result.deviations_at(looked).swapaxes(1, 2))
                drift["z, product form against LzR"] = float(np.max(np.abs(gap)))
        result.stats["drift"] = drift
        if isinstance(self.setup, FactorSetup) and count:
            self._look_at_grid(self.setup)

    def _look_at_grid(self, setup: FactorSetup) -> None:
        """The edges of the grid: a bound at all times where there is one that is small enough, else
        at some outputs.
        """
        result = self.result
        bound = setup.edge_bound()
        if bound is not None and bound < EDGE_WARNING:
            result.stats.edge_amplitude = bound
            return
        worst = 0.0
        for k in np.unique(np.linspace(0, len(result.times) - 1, _LOOKS).astype(int)):
            row = {name: getattr(result, name)[k] for name in setup.shapes()}
            t = float(result.times[k])
            worst = max(worst, fits(setup.matrix(t, **row).edges(), t, result))
        result.stats.edge_amplitude = worst
        warn_edges(worst)

    def error(self, failure: Failure) -> BaseException | None:
        """A pole of z, of data of no states."""
        y = np.asarray(self.stepper.state).view(complex)
        ended = failure.status in (
            Status.STEP_SIZE,
            Status.NON_FINITE,
            Status.RHS_FAILED,
            Status.EVENT,
        )
        if failure.where != "stepper" or not ended or self.setup.state.physical:
            return None
        if not np.max(np.abs(y)) > 1e-3 * CAP:
            return None
        return self._blow_up(*_pole(self.setup, failure.time, y))


def _pole(setup: Setup, t: float, y: np.ndarray) -> tuple[float, int]:
    """When z has its pole, and of which oscillator, from a state of the reduction close to it."""
    found = setup.split(y.view(float))
    state = setup.state
    left = found["left"]
    if "log_alpha" in found:
        beta = found.get("log_beta", found["log_alpha"].conj())
        factors = np.exp(found["log_alpha"][:, None] + beta[None, :])
        z = state.z0[0, 0] * (1 - state.deviations * factors)
    else:
        z = left @ state.z0 @ found.get("right", left.conj().T)
    gone, (i, _) = time_to_pole(setup.model, z, setup.model.rates(state.n))
    return t + gone, i


# ------------------------------------------------------------ steps


def steps(
    model: WignerLohe,
    state: InitialState,
    times: np.ndarray,
    e_ops: EOps,
    options: dict[str, Any],
    solver: str,
    method: str,
) -> Problem:
    """Splitting of the factors, or all w_ij in phase space; see :class:`WignerLoheSolver`."""
    t0, direct = float(times[0]), method == "direct"
    system: VectorSystem | DirectSystem
    if direct:
        check_potential(model, state.n)
        system = DirectSystem(model, state, t0)
        size = 16 * system.arrays.size
    else:
        system = VectorSystem(model, state, t0)
        size = 16 * system.psi.size
    keep = options["store_states"]
    keep = len(times) * size <= _KEEP_BYTES if keep is None else bool(keep)
    setup = StoredFactors(model, state, t0, keep, direct)
    stepper: Direct | Split
    if isinstance(system, DirectSystem) and model.common:
        stepper = Direct(model, state, system, options)
    else:
        scheme = None if method in ("splitting", "direct") else method
        stepper = Split(model, state, system, options, scheme)
    stats = WignerStats(method=method, initial_state=state.kind)
    if options["method"] == "auto":
        stats.method_reason = "different potentials"
    result = WignerLoheResult(e_ops, options, setup=setup, solver=solver, stats=stats)
    return _Stepped(times, stepper, result, setup)


class _Stepped(_WignerProblem):
    stepper: Direct | Split

    def __init__(
        self,
        times: np.ndarray,
        stepper: Direct | Split,
        result: WignerLoheResult,
        setup: StoredFactors,
    ):
        super().__init__(times, stepper, result)
        self.setup = setup
        self.worst = 0.0

    def allocate(self) -> None:
        """Refuse what does not fit, however small the machine."""
        each = sum(
            np.dtype(t).itemsize * int(np.prod(s, dtype=float))
            for s, t in self.setup.shapes().values()
        )
        advice = "leave store_states off, or ask for fewer times"
        check_result_memory(self.times.size, each, self.stepper, advice)
        super().allocate()

    def _matrix(self) -> WignerMatrix:
        """The Wigner functions where the stepper stands."""
        system, setup = self.stepper.system, self.setup
        n, space = setup.state.n, setup.model.phase_space
        if setup.arrays:
            return ArrayMatrix(space, system.arrays, np.eye(n), np.eye(n), setup.state.hermitian)
        right = None if setup.state.right is None else system.psi[1]
        return FactorMatrix(space, system.psi[0], right, setup.state.signs)

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        """What an output keeps, and how far it reaches."""
        result = self.result
        result.times[start] = times[0]
        for name, value in self.setup.row(self.stepper.system).items():
            getattr(result, name)[start] = value
        self.worst = max(self.worst, fits(self._matrix().edges(), float(times[0]), result))

    def state(self, t: float, row: np.ndarray) -> WignerMatrix:
        """The Wigner functions, as functions of the user see them."""
        return self._matrix()

    def finish(self) -> None:
        """Drifts of the masses, and the edges of the grid."""
        result = self.result
        result.stats.edge_amplitude = self.worst
        if len(result.times):
            start = np.diag(self.setup.state.z0)
            drift = float(np.max(np.abs(result.masses / start - 1)))
            result.stats["drift"] = {"∫w_ii": drift}
            warn_drift(drift)
        if len(result.times) == len(self.times):
            warn_edges(self.worst)

    def error(self, failure: Failure) -> BaseException | None:
        """A pole of z, of data of no states."""
        lost = failure.cause
        if failure.status == Status.EVENT and isinstance(lost, OscillatorLostError):
            return self._blow_up(float(lost.time), lost.oscillator)
        return None
