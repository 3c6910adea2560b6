"""Single paths of noisy runs: exact ones, and those of the splitting."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.linalg

from .._ext.integrator import Integrator
from ..core.errors import SolverError
from ..core.limits import look
from ..core.status import Status
from ..waves.errors import NormalizationWarning
from ..waves.influence import Influence
from ..waves.motion import Motion, motion_of
from ..waves.splitting import OscillatorLostError
from .flows import CoupledSystem, coupled_system
from .guard import VANISHING
from .kernel import right_hand_side
from .model import SchrodingerLohe

__all__ = ["ExactPaths", "SplitPaths", "generator"]


def generator(entropy: Any, r: int) -> np.random.Generator:
    """Random numbers of path `r`: they depend on the seed and `r` alone."""
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(entropy, spawn_key=(r,))))


def _wiener(times: np.ndarray, entropy: Any, r: int) -> np.ndarray:
    steps = np.sqrt(np.diff(times)) * generator(entropy, r).normal(size=len(times) - 1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _unit(model: SchrodingerLohe, sign: float = 1.0) -> SchrodingerLohe:
    """The coupling alone, at k=±1, of one trivial Hamiltonian for the coefficients."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NormalizationWarning)
        return replace(model, coupling=sign)


@dataclass(frozen=True, eq=False)
class ExactPaths:
    """Paths that are the noiseless flow at kt+σW.

    Attributes
    ----------
    model : SchrodingerLohe
    x : (N, r) array
        Coefficients at the start.
    times : (T,) array
    sigma : float
    entropy : int
    options : dict
        Tolerances and limits of the integrator.
    """

    model: SchrodingerLohe
    x: np.ndarray
    times: np.ndarray
    sigma: float
    entropy: Any
    options: dict[str, float]

    def __call__(self, r: int) -> tuple[np.ndarray, np.ndarray]:
        """X (T, N, r) and W (T,) of path `r`."""
        w = _wiener(self.times, self.entropy, r)
        s = self.model.coupling * (self.times - self.times[0]) + self.sigma * w
        out = np.empty((len(s), self.x.size), complex)
        for sign in (1.0, -1.0):
            pick = np.flatnonzero(s >= 0) if sign > 0 else np.flatnonzero(s < 0)
            if len(pick):
                order = pick[np.argsort(np.abs(s[pick]), kind="stable")]
                self._flow(sign, np.abs(s[order]), order, out, r)
        return out.reshape(len(s), *self.x.shape), w

    def _flow(self, sign: float, s: np.ndarray, order: np.ndarray, out: np.ndarray, r: int) -> None:
        """Fill the outputs `order`, which lie at `s` of the flow with k=±1."""
        watched = self.model.variant == "model1"
        bounds = (VANISHING if watched else 0.0, np.inf)
        rhs = right_hand_side(_unit(self.model, sign), self.x, bounds=bounds, aligned=False)
        events = [-1] * 3 if watched else []
        method = Integrator(rhs, n_events=len(events), directions=events or None, **self.options)
        method.set_state(0.0, self.x.ravel())
        rows = np.empty((len(order), rhs.size))
        status, done = method.advance(s, rows)
        if status == Status.INTERRUPTED:
            raise method.interruption
        if status == Status.TIME_LIMIT:
            look()
        if status != Status.RUNNING:
            at = float(self.times[order[done]] if done < len(order) else self.times[-1])
            raise SolverError(
                f"sltrajectories: on path {r} an oscillator vanished or grew without bound before "
                f"t={at:g}",
                time=at,
                reason="oscillator lost",
            )
        out[order] = rows.view(complex)


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
        """Flow of the frequencies over `dt`; moves the clock."""
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
        return np.asarray(np.einsum("ja,dab,kb->djk", self.psi.conj(), p, self.psi))


@dataclass(frozen=True, eq=False)
class SplitPaths:
    """Paths by half the Hamiltonian and alignment, the coupling over k dt+σ dW, the other half.

    Attributes
    ----------
    model : SchrodingerLohe
    psi, x, basis : arrays
        States, and their coefficients in a basis.
    times : (T,) array
    sigma : float
    entropy : int
    step : float
        Largest step.
    """

    model: SchrodingerLohe
    psi: np.ndarray
    x: np.ndarray
    basis: np.ndarray
    times: np.ndarray
    sigma: float
    entropy: Any
    step: float

    def _system(self) -> Any:
        unit, t0 = _unit(self.model), float(self.times[0])
        if self.model.common:
            motion = motion_of(self.model.reference, self.basis, t0, position=self.model.position)
            system: Any = _ReducedSystem(unit, self.x, t0, motion)
        else:
            system = coupled_system(unit, self.psi, t0, None)
        # the flow of the coupling alone: alignment is a part of its own
        system.flow.needs_positions = False
        return system

    def __call__(self, r: int) -> tuple[np.ndarray, np.ndarray]:
        """States (T, N, M) and W (T,) of path `r`."""
        system, times = self._system(), self.times
        root = np.sqrt(system.weight)
        random = generator(self.entropy, r)
        out = np.empty((len(times), *system.psi.shape), complex)
        wiener = np.zeros(len(times))
        out[0] = system.psi * root
        for k in range(1, len(times)):
            span = times[k] - times[k - 1]
            count = max(1, int(np.ceil(span / self.step * (1 - 1e-12))))
            dt = span / count
            dw = np.sqrt(dt) * random.normal(size=count)
            for increment in dw:
                look()
                self._one_step(system, dt, float(increment), r)
            wiener[k] = wiener[k - 1] + np.sum(dw)
            out[k] = system.psi * root
        return out, wiener

    def _one_step(self, system: Any, dt: float, increment: float, r: int) -> None:
        _drift(system, self.model, dt / 2, forward=True)
        try:
            system.couple(self.model.coupling * dt + self.sigma * increment)
        except OscillatorLostError as error:
            raise SolverError(
                f"sltrajectories: on path {r} {error} near t={system.time:g}",
                time=float(system.time),
                reason="oscillator lost",
            ) from error
        _drift(system, self.model, dt / 2, forward=False)


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
