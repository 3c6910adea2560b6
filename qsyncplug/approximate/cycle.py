"""Limit cycles of a system and the Gaussian fluctuations about them, the free phase apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.linalg

from ..core.checks import check_number
from ..core.dispatch import by_model
from ..core.errors import SolverError
from ..core.gaussian import moments_from_covariance
from ..core.saved import Saved
from ..core.tangent import closure_flags, radial_variance, relative_phase_variance
from ..operators.atom import AtomFactor
from ..operators.level import LevelFactor
from ..operators.mode import ModeFactor
from ..operators.states import ProductState
from ..operators.symmetries import phase_weights
from ..operators.system import System
from .sphere import ClassicalSolver, oscillators, quadratures

__all__ = [
    "Flow",
    "LimitCycle",
    "find_cycle",
    "flow_of",
    "limit_cycle",
    "parts_at",
    "spheres_of",
    "tangent_basis",
]

#: drift, Jacobian and diffusion at a point
Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Flow:
    """What :func:`find_cycle` needs to know of a model, in real coordinates.

    Attributes
    ----------
    parts : callable
        ``x -> (F, M, D)``.
    relax : callable
        ``(x, duration) -> x`` along the mean field.
    rotation : ndarray of shape (d, d)
        Generator K of the common phase: its motion at the rate Ω is −ΩKx; zero where there is no
        phase symmetry.
    spheres : tuple of slice
        Coordinates of the spins whose length is conserved.
    quadratures : callable
        ``x -> (β, ∂(q, p)/∂x)`` of the oscillators.
    charges : tuple of int
        How many times the common phase turns each oscillator; once each where there are none.
    """

    parts: Callable[[np.ndarray], Parts]
    relax: Callable[[np.ndarray, float], np.ndarray]
    rotation: np.ndarray
    spheres: tuple[slice, ...]
    quadratures: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    charges: tuple[int, ...] = ()


@dataclass(frozen=True)
class LimitCycle(Saved):
    r"""A rotating solution β(t)=β e^{-iΩt} and its Gaussian fluctuations, in the rotating frame.

    Where the phase symmetry is another one, :math:`b_j → e^{iq_jφ}b_j`, it is
    :math:`β_j e^{-iq_jΩt}`.

    Attributes
    ----------
    amplitudes : ndarray of shape (N,)
        β of the oscillators, with β_1 > 0 where its phase is free.
    frequency : float
        Ω; 0 for a driven system, whose state stands in the frame of the drive.
    covariance : ndarray of shape (2N, 2N)
        Steady covariance of the quadratures with the common phase projected out:
        :math:`M C + C M^T + P D P^T=0`, :math:`C=PCP^T`.
    phase_diffusion : float
        D_φ: the variance of the common phase grows like D_φ t; 0 where the drive holds it.
    exponents : ndarray of shape (d,)
        Eigenvalues of M in the rotating frame; one is 0 where the common phase is free, the others
        have negative real parts.
    projector, jacobian, diffusion : ndarray of shape (d, d)
        P = 1 − v wᵀ/(wᵀv), M in the rotating frame and D, in the coordinates of the system.
    coordinates : ndarray of shape (d,)
        The point of the cycle in these coordinates.
    phase_response : ndarray of shape (d,)
        w/(wᵀv): by how much a kick along each coordinate advances the common phase.
    radial_variance : ndarray of shape (N,)
        Variance across the cycle of each oscillator; ½ for a coherent state.
    relative_variance : ndarray of shape (N, N)
        σ²_jk, the variance of the relative phase; infinite where q_j ≠ q_k.
    coherence : ndarray of shape (N, N)
        e^{i(φ_k−φ_j)} e^{−σ²_jk/2}, the mean-field counterpart of ⟨b_j†b_k⟩/√(n_jn_k).
    flags : tuple of str
        Where the linear closure does not hold, each with its number.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> cycle = qsp.limit_cycle(qsp.van_der_pol_pair(loss=0.1, detuning=0.0), [2.0, 2.0])
    >>> round(cycle.phase_diffusion, 6)  # 3 g2/4 of the pair
    0.075
    """

    _axes: ClassVar[dict[str, str]] = {
        "amplitudes": "N",
        "covariance": "M M",
        "exponents": "d",
        "projector": "d d",
        "jacobian": "d d",
        "diffusion": "d d",
        "coordinates": "d",
        "phase_response": "d",
        "radial_variance": "N",
        "relative_variance": "N N",
        "coherence": "N N",
    }

    amplitudes: np.ndarray
    frequency: float
    covariance: np.ndarray
    phase_diffusion: float
    exponents: np.ndarray
    projector: np.ndarray
    jacobian: np.ndarray
    diffusion: np.ndarray
    coordinates: np.ndarray
    phase_response: np.ndarray
    radial_variance: np.ndarray
    relative_variance: np.ndarray
    coherence: np.ndarray
    flags: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number N of oscillators; arrays of quadratures have 2N entries."""
        return len(self.amplitudes)

    @property
    def mean(self) -> np.ndarray:
        """(q1, p1, q2, p2, …), shape (2N,)."""
        return np.asarray(np.sqrt(2) * self.amplitudes.view(float))

    @property
    def gram(self) -> np.ndarray:
        """⟨b_j†b_k⟩, shape (N, N), amplitudes included."""
        own = np.outer(self.amplitudes.conj(), self.amplitudes)
        return moments_from_covariance(self.covariance)[1] + own


def find_cycle(flow: Flow, x0: np.ndarray, relax: float | None) -> LimitCycle:
    """The cycle that `x0` leads to: along the mean field, then by Newton's method.

    Raises
    ------
    SolverError
        There is none: the mean field goes to rest, stays periodic in the rotating frame, or the
        cycle is not stable.
    """
    x, size = x0, max(float(np.abs(flow.quadratures(x0)[0]).max()), 1e-300)
    rate = float(np.abs(flow.parts(x0)[1]).max())
    duration = relax if relax is not None else 300.0 / max(rate, 1e-300)
    tries = 1 if relax is not None else 7
    free = bool(np.any(flow.rotation))
    reason = ""
    for _ in range(tries):
        x = flow.relax(x, duration)
        if free and np.abs(flow.quadratures(x)[0]).max() < 1e-6 * max(1.0, size):
            raise SolverError(
                "the mean field went to rest: there is no limit cycle here", reason="no limit cycle"
            )
        found = _newton(flow, x, free)
        if isinstance(found, tuple):
            result = _fluctuations(flow, *found, free)
            if isinstance(result, LimitCycle):
                return result
            reason = result
        else:
            reason = found
        duration *= 2
    raise SolverError(reason, reason="no limit cycle")


def _newton(flow: Flow, x: np.ndarray, free: bool) -> tuple[np.ndarray, float] | str:
    """The point where F + ΩKx = 0 and Ω, or what is wrong."""
    K, start = flow.rotation, x
    size = max(1.0, float(np.abs(x).max()))
    v = K @ x
    frequency = -float(v @ flow.parts(x)[0]) / float(v @ v) if free else 0.0
    lengths = [float(np.linalg.norm(x[s])) for s in flow.spheres]
    residual = np.inf
    for _ in range(40):
        F, M, _ = flow.parts(x)
        scale = float(np.abs(M).max()) * size
        rest = F + frequency * (K @ x)
        residual = float(np.abs(rest).max()) / max(scale, 1e-300)
        if residual < 1e-15:
            break
        tangent = tangent_basis(x, flow.spheres)
        e = tangent.shape[1]
        J = np.zeros((e + 1, e + 1))
        J[:e, :e] = tangent.T @ (M + frequency * K) @ tangent
        if free:
            # the phase of the point stays
            J[:e, e] = J[e, :e] = tangent.T @ (K @ x)
        step = np.linalg.lstsq(J, np.append(-(tangent.T @ rest), 0.0), rcond=None)[0]
        if not np.all(np.isfinite(step)) or np.abs(step[:e]).max() > 2 * size:
            break
        x = x + tangent @ step[:e]
        frequency += float(step[e])
        for s, length in zip(flow.spheres, lengths, strict=True):
            x[s] *= length / np.linalg.norm(x[s])
    if np.abs(x - start).max() > 0.5 * size:
        return (
            "no limit cycle of constant radii: after the relaxation the mean field is far from "
            "any; the oscillators do not lock, or relax is too short"
        )
    if residual > 1e-11:
        return (
            f"no limit cycle of constant radii: the rest of ẋ+ΩKx is {residual:.2g} of its scale; "
            "the oscillators do not lock, or relax is too short"
        )
    return x, frequency


def tangent_basis(x: np.ndarray, spheres: tuple[slice, ...]) -> np.ndarray:
    """An orthonormal basis of the displacements that keep the lengths of the spins."""
    if not spheres:
        return np.eye(len(x))
    normals = np.zeros((len(x), len(spheres)))
    for k, s in enumerate(spheres):
        normals[s, k] = x[s] / np.linalg.norm(x[s])
    return np.asarray(scipy.linalg.null_space(normals.T))


def _fluctuations(flow: Flow, x: np.ndarray, frequency: float, free: bool) -> LimitCycle | str:
    """Stability, phase diffusion and covariance of a cycle, or why it is none."""
    x = _turned(flow, x) if free else x
    _, M, D = flow.parts(x)
    M = M + frequency * flow.rotation
    d = len(x)
    tangent = tangent_basis(x, flow.spheres)
    m = tangent.T @ M @ tangent
    values = np.linalg.eigvals(m)
    scale = max(float(np.abs(m).max()), 1e-300)
    order = np.argsort(np.abs(values))
    rest = values[order[1:]] if free else values
    if (free and np.abs(values[order[0]]) > 1e-7 * scale) or np.any(rest.real > -1e-9 * scale):
        return f"the limit cycle is not stable: exponents {np.array2string(values, precision=3)}"
    P, response, diffusion = np.eye(d), np.zeros(d), 0.0
    damped = m
    if free:
        v = flow.rotation @ x
        w = tangent @ np.linalg.svd(m.T)[2][-1]
        response = w / (w @ v)
        P = np.eye(d) - np.outer(v, response)
        diffusion = float(response @ D @ response)
        # on the range of P the equation is the same with the null direction damped
        damped = m - scale * np.outer(tangent.T @ v, tangent.T @ response)
    C = tangent.T @ P @ D @ P.T @ tangent
    C = tangent @ scipy.linalg.solve_continuous_lyapunov(damped, -C) @ tangent.T
    C = P @ (0.5 * (C + C.T)) @ P.T
    beta, T = flow.quadratures(x)
    covariance = T @ (0.5 * (C + C.T)) @ T.T
    radial = radial_variance(beta, covariance)
    relative = relative_phase_variance(beta, covariance)
    flags = closure_flags(beta, radial, relative)
    if free and flow.charges:
        # the phase that diffuses without bound is in the relative one too
        q = np.array(flow.charges)
        relative = np.where(q[:, None] == q, relative, np.inf)
    phase = np.angle(beta)
    coherence = np.exp(1j * (phase[None, :] - phase[:, None]) - 0.5 * relative)
    return LimitCycle(
        amplitudes=beta,
        frequency=frequency,
        covariance=covariance,
        phase_diffusion=diffusion,
        exponents=values[np.argsort(-values.real)],
        projector=P,
        jacobian=M,
        diffusion=D,
        coordinates=x,
        phase_response=response,
        radial_variance=radial,
        relative_variance=relative,
        coherence=coherence,
        flags=flags,
    )


def _turned(flow: Flow, x: np.ndarray) -> np.ndarray:
    """The point with the phase of the first oscillator that turns at 0."""
    beta = flow.quadratures(x)[0]
    q = flow.charges or (1,) * len(beta)
    first = int(np.flatnonzero(q)[0]) if np.any(q) else 0
    # exp(Kα) turns every β by e^{iqα}
    angle = np.angle(beta[first]) / (q[first] or 1)
    return np.asarray(scipy.linalg.expm(-angle * flow.rotation) @ x)


@by_model
def limit_cycle(system: Any, state0: Any, *, relax: float | None = None) -> LimitCycle:
    r"""The limit cycle that `state0` leads to, and the Gaussian steady state about it.

    A system with a common phase symmetry b_j → e^{iφ}b_j has no Gaussian steady state about a limit
    cycle: the common phase diffuses without bound. Its direction is taken out of the Lyapunov
    equation, which then has a unique solution. So has any other phase symmetry that is the only
    one, such as b_1 → e^{iφ}b_1, b_2 → e^{−iφ}b_2 of a driven parametric oscillator. A system
    without one (driven, in the frame of the drive) may stand still: locked, with the frequency 0.

    Parameters
    ----------
    system : System or SpinChains
        Of one or more modes, spins or ensembles; it must not depend on time.
    state0 : array_like or mapping
        Where the mean field starts, as :func:`qsyncplug.mfsolve` takes it.
    relax : float, optional
        How long it runs before Newton's method takes over; by default in units of the fastest
        rate, and longer where that does not do.

    Returns
    -------
    LimitCycle
        With ``frequency``, ``phase_diffusion``, ``exponents``, ``phase_response``, ``coherence``
        and ``flags``, which say where the linear closure ends.

    Raises
    ------
    ValueError
        The system depends on time, or has no oscillator.
    SolverError
        The mean field has no stable limit cycle there: it went to rest, or stays periodic in the
        rotating frame.

    Notes
    -----
    With w the left null vector of M in the rotating frame and v=∂x/∂φ the direction of the phase,
    :math:`D_φ = w^TDw/(w^Tv)^2`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> cycle = qsp.limit_cycle(qsp.System(b.dag() * b, [b.dag(), 0.02**0.5 * b**2]), [1.0])
    >>> print(f"{cycle.frequency:.4f} {cycle.phase_diffusion:.4f} {cycle.mean[0] ** 2:.3f}")
    1.0000 0.0300 50.000
    """
    raise TypeError(f"system must be a System or SpinChains, not {type(system).__name__}")


@limit_cycle.register(System)
def _cycle_of_system(system: System, state0: Any, *, relax: float | None = None) -> LimitCycle:
    if not system.isconstant:
        raise ValueError("limit_cycle needs a system that does not depend on time")
    if not oscillators(system):
        raise ValueError("limit_cycle needs a mode, a spin of two or more spins ½, or an ensemble")
    if relax is not None:
        relax = check_number("relax", relax, minimum=0.0, strict=True)
    x0 = system.coordinates_of(ProductState(system, state0).variables())
    return find_cycle(flow_of(system), x0, relax)


def flow_of(system: System) -> Flow:
    """The mean field of a system, constant in time."""
    evaluate, nodes = system.polynomials(), oscillators(system)

    def parts(x: np.ndarray) -> Parts:
        return parts_at(system, evaluate, x)

    def run(x: np.ndarray, duration: float) -> np.ndarray:
        solver = ClassicalSolver(system, closure="none", options={"rtol": 1e-9, "atol": 1e-11})
        return np.asarray(solver.run_from(x, duration))

    def turn(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        beta, T = quadratures(system, x[None, :])
        return beta[0], T[0]

    weights = phase_weights(system.symbols, system.symmetries)
    turns = [own[0] for s, own in zip(system.symbols, weights, strict=True) if s in nodes]
    return Flow(parts, run, _rotation(system, weights), spheres_of(system), turn, tuple(turns))


def parts_at(system: System, evaluate: Any, x: np.ndarray, t: float = 0.0) -> Parts:
    """Drift, Jacobian and diffusion at real coordinates; `evaluate` is `system.polynomials()`."""
    c = system.classical.coordinates
    n, d = system.classical.variables, len(c)
    out = np.asarray(evaluate(t, system.variables_at(x)))
    variable = np.array([k.variable for k in c])
    part = np.array([k.part for k in c], dtype=bool)
    scale = np.array([k.scale for k in c])
    F = np.where(part, out[:n].imag[variable], out[:n].real[variable]) * scale
    u = out[n : n + n * n].reshape(n, n)[np.ix_(variable, variable)]
    v = out[n + n * n : n + 2 * n * n].reshape(n, n)[np.ix_(variable, variable)]
    rates = np.where(part[None, :], 1j * (u - v), u + v)
    M = np.where(part[:, None], rates.imag, rates.real) * scale[:, None] / scale[None, :]
    D = np.zeros((d, d))
    D[np.triu_indices(d)] = out[n + 2 * n * n :].real
    return F, M, D + np.triu(D, 1).T


def _rotation(system: System, weights: list[tuple[int, ...]]) -> np.ndarray:
    """K: how the coordinates turn with the phase that is free; 0 without the symmetry."""
    c = system.classical.coordinates
    K = np.zeros((len(c), len(c)))
    own = dict(zip(system.symbols, weights, strict=True))
    for a, x in enumerate(c):
        for b, y in enumerate(c):
            if x.variable == y.variable and x.part != y.part:
                charge = _charge(system, x.variable, x.symbol, own[x.symbol])
                # Re(iz) = −Im z, Im(iz) = Re z
                K[a, b] = charge * (1.0 if x.part else -1.0) * x.scale / y.scale
    return K


def _charge(system: System, variable: int, symbol: Any, weights: tuple[int, ...]) -> int:
    """By how much the operator of a variable lowers the charge."""
    factor = symbol.factor
    if not isinstance(factor, LevelFactor):
        return weights[0]
    pair = system.classical.pairs(factor.d)[variable - system.classical.first[symbol]]
    return -int(np.dot(weights, factor.charge(pair)))


def spheres_of(system: System) -> tuple[slice, ...]:
    """Coordinates of the spins whose length is conserved."""
    names = [c.symbol for c in system.classical.coordinates]
    return tuple(
        slice(names.index(s), names.index(s) + 3)
        for s in system.symbols
        if not isinstance(s.factor, (ModeFactor, LevelFactor, AtomFactor)) and s.factor.N > 1  # type: ignore[attr-defined]
    )
