r"""Multiplicative noise in the coupling, common to all oscillators: k dt → k dt + σ∘dW
(Stratonovich).

.. math:: d\psi_j = -i(H_j+Ω_j)\psi_j\,dt + \tfrac12(\theta_j\zeta_j -
c_j\psi_j)\circ(k\,dt+\sigma\,dW)

Where the rest commutes with the coupling (a common Hamiltonian and frequency, θ frozen), every path
is the noiseless flow at the "time" kt+σW(t): exact at the output times, whatever their spacing.
Elsewhere: symmetric splitting of strong order 1.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import scipy.linalg

from ..core.checks import check_choice, check_integer, check_memory, check_number, check_times
from ..core.errors import SolverError
from ..core.result import Result
from ..waves.errors import NormalizationWarning
from ..waves.factors import factorize
from ..waves.influence import Influence
from ..waves.motion import Motion, motion_of
from ..waves.splitting import OscillatorLostError
from .flows import CoupledSystem, coupled_system
from .initial import check_initial, read_states
from .model import SchrodingerLohe
from .solver import SchrodingerLoheSolver

__all__ = ["TrajectoriesResult", "sltrajectories"]


class TrajectoriesResult(Result):
    """Trajectories of a noisy Schrödinger–Lohe run: R paths of N oscillators at T times.

    Attributes
    ----------
    order_parameters : ndarray of shape (T, R)
        ‖ζ‖ of every path.
    wiener : ndarray of shape (T, R)
        W of every path, 0 at the start.
    gram : ndarray of shape (T, N, N)
        Mean of ⟨ψ_j,ψ_k⟩ over the paths.
    gram_spread : ndarray of shape (T, N, N)
        √(E|G|²−|E G|²).
    masses : ndarray of shape (T, N)
        Mean of ‖ψ_j‖².
    """

    _fields: ClassVar[dict[str, tuple[str, ...]]] = {
        "order_parameters": ("time", "trajectory"),
        "wiener": ("time", "trajectory"),
        "gram": ("time", "oscillator", "other"),
        "gram_spread": ("time", "oscillator", "other"),
        "masses": ("time", "oscillator"),
    }
    order_parameters: np.ndarray
    wiener: np.ndarray
    gram: np.ndarray
    gram_spread: np.ndarray
    masses: np.ndarray

    @property
    def mean_order_parameter(self) -> np.ndarray:
        """Mean of ‖ζ‖ over the paths, (T,)."""
        return self.order_parameters.mean(axis=1)

    @property
    def order_parameter_spread(self) -> np.ndarray:
        """Standard deviation of ‖ζ‖ over the paths, (T,)."""
        return self.order_parameters.std(axis=1)


def sltrajectories(
    model: SchrodingerLohe,
    state0: Any,
    tlist: Any,
    noise: float,
    *,
    ntraj: int = 100,
    seed: int | None = None,
    step: float | None = None,
    map: str | Callable[..., Iterable[Any]] = "serial",
    options: dict[str, Any] | None = None,
) -> TrajectoriesResult:
    """Run a Schrödinger–Lohe model with common multiplicative (Stratonovich) noise in its coupling.

    Parameters
    ----------
    model : SchrodingerLohe
    state0 : N states
    tlist : array_like of shape (T,)
        Strictly increasing output times.
    noise : float
        σ, at least 0.
    ntraj : int
        Number of paths R.
    seed : int, optional
        Path r depends on `seed` and r alone: the same whatever `ntraj` and `map`.
    step : float, optional
        Largest step of the splitting; needed where the paths are not exact (different frequencies
        or Hamiltonians, alignment).
    map : {"serial"} or callable
        ``map(function, items)``, such as that of a ``concurrent.futures`` executor.
    options : dict, optional
        ``rtol`` and ``atol`` of the solver.

    Returns
    -------
    TrajectoriesResult

    Raises
    ------
    ValueError, TypeError
        Bad input.
    SolverError
        An oscillator vanished or grew without bound on a path.

    Notes
    -----
    For two oscillators with z₀ real, z=tanh(artanh z₀ + (kt+σW)/2).
    """
    if not isinstance(model, SchrodingerLohe):
        raise TypeError(f"model must be a SchrodingerLohe, not {type(model).__name__}")
    sigma = check_number("noise", noise, minimum=0.0)
    count = check_integer("ntraj", ntraj, minimum=1)
    times = check_times(tlist)
    if model.time_dependent:
        raise ValueError("model must not depend on time in a noisy run")
    if step is not None:
        step = check_number("step", step, minimum=0.0, strict=True)
    if not callable(map):
        check_choice("map", map, ("serial",))
    solver = SchrodingerLoheSolver(model, options=options)
    psi = read_states(model, state0)
    n = len(psi)
    check_memory(
        "the trajectories",
        16.0 * len(times) * (2 * count + 3 * n * n),
        advice="ask for fewer paths or times",
    )
    weight = model.grid.weight if model.grid is not None else 1.0
    x, basis = factorize(psi, weight)
    check_initial(model, x)
    exact = (
        model.common
        and np.ptp(model.rates(n)) == 0
        and (model.alignment == 0 or np.ptp(model.start_theta(n)) == 0)
    )
    if not exact and step is None:
        raise ValueError(
            "step must be given: with different frequencies or Hamiltonians, or with alignment, "
            "paths are not exact"
        )
    entropy = np.random.SeedSequence(
        None if seed is None else check_integer("seed", seed, minimum=0)
    ).entropy
    tolerances = {"rtol": solver.options["rtol"], "atol": solver.options["atol"]}
    if exact:
        work: Callable[[int], Any] = partial(
            _exact_path, model, x, times, sigma, entropy, tolerances
        )
    else:
        assert step is not None
        work = partial(_split_path, model, psi, x, basis, times, sigma, entropy, step)
    result = TrajectoriesResult(
        None,
        {**solver.options, "store_states": False, "store_final_state": False},
        model=model,
        solver="sltrajectories",
        stats={
            "method": "exact paths" if exact else "splitting",
            "seed": entropy,
            "noise": sigma,
            "trajectories": count,
        },
    )
    result.times = times
    result.order_parameters = np.empty((len(times), count))
    result.wiener = np.empty((len(times), count))
    total = np.zeros((len(times), n, n), complex)
    square = np.zeros((len(times), n, n))
    first = np.zeros((), complex)
    runner: Any = _serial if map == "serial" else map
    for r, (path, wiener) in enumerate(runner(work, range(count))):
        gram = path.conj() @ path.swapaxes(1, 2)
        # relative to the first path, so that a small spread keeps its digits
        first = gram if r == 0 else first
        total += gram - first
        square += np.abs(gram - first) ** 2
        result.wiener[:, r] = wiener
        result.order_parameters[:, r] = np.linalg.norm(path.mean(axis=1), axis=1)
    result.gram = first + total / count
    result.gram_spread = np.sqrt(np.maximum(square / count - np.abs(total / count) ** 2, 0))
    result.masses = np.diagonal(result.gram, axis1=1, axis2=2).real.copy()
    return result


def _serial(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
    for item in items:
        yield function(item)


def _generator(entropy: Any, r: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(entropy, spawn_key=(r,))))


def _wiener(times: np.ndarray, entropy: Any, r: int) -> np.ndarray:
    steps = np.sqrt(np.diff(times)) * _generator(entropy, r).normal(size=len(times) - 1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _unit(model: SchrodingerLohe, sign: float = 1.0) -> SchrodingerLohe:
    """The coupling alone, at k=±1, of one trivial Hamiltonian for the coefficients."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NormalizationWarning)
        return replace(model, coupling=sign)


def _exact_path(
    model: SchrodingerLohe,
    x: np.ndarray,
    times: np.ndarray,
    sigma: float,
    entropy: Any,
    tolerances: dict[str, float],
    r: int,
) -> tuple[np.ndarray, np.ndarray]:
    """X of one path, (T, N, r): the noiseless flow at kt+σW."""
    from .._ext.integrator import Integrator
    from .._ext.lohe import LoheRightHandSide

    w = _wiener(times, entropy, r)
    s = model.coupling * (times - times[0]) + sigma * w
    n, rank = x.shape
    out = np.empty((len(s), n * rank), complex)
    for sign in (1.0, -1.0):
        pick = np.flatnonzero(s >= 0) if sign > 0 else np.flatnonzero(s < 0)
        if len(pick) == 0:
            continue
        order = pick[np.argsort(np.abs(s[pick]), kind="stable")]
        rhs = LoheRightHandSide(
            n,
            rank,
            sign,
            model.normalised,
            model.start_theta(n),
            factor=np.exp(1j * np.asarray(model.phase_lag).item()) if model.mean_field else 1.0,
            graph=model.coupling_graph(n),
            vanishing=1e-6 if model.variant == "model1" else 0.0,
            initial=x,
        )
        watched = model.variant == "model1"
        integrator = Integrator(
            rhs,
            **tolerances,
            n_events=3 if watched else 0,
            directions=[-1] * 3 if watched else None,
        )
        integrator.set_state(0.0, x.ravel())
        rows = np.empty((len(order), 2 * n * rank))
        status, done = integrator.advance(np.abs(s[order]), rows)
        if status != 0:
            at = times[order[done]] if done < len(order) else times[-1]
            raise SolverError(
                f"sltrajectories: on path {r} an oscillator vanished or grew without bound before "
                f"t={at:g}",
                time=float(at),
                reason="oscillator lost",
            )
        out[order] = rows.view(complex)
    return out.reshape(len(s), n, rank), w


class _ReducedSystem(CoupledSystem):
    """Coefficients of a common Hamiltonian: the coupling, and the frequencies."""

    def __init__(self, model: SchrodingerLohe, x: np.ndarray, t0: float, motion: Motion):
        self.dimensions = motion.dimensions
        super().__init__(model, x, t0, None)
        self.motion = motion
        self.rates = model.rates(self.n)
        self.modes = motion.modes() if model.aligns_by_distance else None
        self.parts = [self.couple, self.rotate]

    def rotate(self, dt: float) -> None:
        """Frequencies and time."""
        self.psi *= np.exp(-1j * dt * self.rates)[:, None]
        self.time += dt

    def position_matrices(self) -> np.ndarray:
        """⟨ψ_j,xψ_k⟩, (d, N, N), without a shift common to all."""
        if self.modes is not None:
            p = self.motion.mode_positions(
                self.motion.hamiltonian.quadratic, self.modes[1], self.modes[2], self.time
            )[0]
        else:
            p = self.motion.positions(self.motion.at(self.time))
        return np.einsum("ja,dab,kb->djk", self.psi.conj(), p, self.psi)


def _split_path(
    model: SchrodingerLohe,
    psi: np.ndarray,
    x: np.ndarray,
    basis: np.ndarray,
    times: np.ndarray,
    sigma: float,
    entropy: Any,
    step: float,
    r: int,
) -> tuple[np.ndarray, np.ndarray]:
    """States of one path by half the Hamiltonian and alignment, the coupling over k dt+σ dW, and
    the other half.
    """
    unit = _unit(model)
    t0 = float(times[0])
    if model.common:
        motion = motion_of(model.reference, basis, t0, position=model.position)
        system: Any = _ReducedSystem(unit, x, t0, motion)
    else:
        system = coupled_system(unit, psi, t0, None)
    # the flow of the coupling alone: alignment is a part of its own
    system.flow.needs_positions = False
    root = np.sqrt(system.weight)
    random = _generator(entropy, r)
    out = np.empty((len(times), *system.psi.shape), complex)
    wiener = np.zeros(len(times))
    out[0] = system.psi * root
    for k in range(1, len(times)):
        span = times[k] - times[k - 1]
        count = max(1, int(np.ceil(span / step * (1 - 1e-12))))
        dt = span / count
        dw = np.sqrt(dt) * random.normal(size=count)
        for increment in dw:
            _drift(system, model, dt / 2, forward=True)
            try:
                system.couple(model.coupling * dt + sigma * increment)
            except OscillatorLostError as error:
                raise SolverError(
                    f"sltrajectories: on path {r} {error} near t={system.time:g}",
                    time=float(system.time),
                    reason="oscillator lost",
                ) from error
            _drift(system, model, dt / 2, forward=False)
        wiener[k] = wiener[k - 1] + np.sum(dw)
        out[k] = system.psi * root
    return out, wiener


def _drift(system: Any, model: SchrodingerLohe, dt: float, forward: bool) -> None:
    """Hamiltonian, then alignment, over `dt`; in the other order where not `forward`, so that a
    whole step is symmetric.
    """
    if not forward:
        _align(system, model, dt)
    rest = system.parts[1:]
    if len(rest) == 2:
        rest[0](dt / 2)
        rest[1](dt)
        rest[0](dt / 2)
    else:
        rest[0](dt)
    if forward:
        _align(system, model, dt)


def _align(system: Any, model: SchrodingerLohe, dt: float) -> None:
    """The Cucker–Smale equation for θ, at the centres of the moment."""
    if model.alignment == 0 or model.variant == "standard":
        return
    if isinstance(model.kernel, Influence) and model.kernel.is_constant:
        mean = np.mean(system.theta)
        system.theta = mean + (system.theta - mean) * np.exp(
            -model.alignment * model.kernel.floor * dt
        )
        return
    n = system.n
    x = (
        np.diagonal(system.position_matrices(), axis1=1, axis2=2).real.T
        / np.diag(system.gram()).real[:, None]
    )
    h = np.asarray(
        model.kernel(np.linalg.norm(x[:, None] - x[None], axis=2).ravel()), dtype=float
    ).reshape(n, n)
    laplacian = h - np.diag(h.sum(axis=1))
    system.theta = scipy.linalg.expm(model.alignment / n * dt * laplacian) @ system.theta
