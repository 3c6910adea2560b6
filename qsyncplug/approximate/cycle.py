"""Limit cycles of a system and the Gaussian fluctuations about them, the free phase apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.linalg

from ..core.checks import check_number
from ..core.dispatch import by_model
from ..core.errors import SolverError
from ..core.gaussian import moments_from_covariance
from ..core.interrupts import whole_or_nothing
from ..core.saved import Saved
from ..core.tangent import closure_flags, radial_variance, relative_phase_variance
from ..core.types import Model, State
from ..operators.individual import EachAtom
from ..operators.states import ProductState
from ..operators.symbol import Symbol
from ..operators.system import System
from .flow import Flow, Rotation, flow_of, tangent_basis
from .orbit import find_orbit
from .origin import flags_at_origin
from .sphere import oscillators
from .torus import LEAST_RESPONSE, LimitTorus, counted, rotating_torus, told

__all__ = ["LimitCycle", "find_cycle", "limit_cycle"]


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
        Where the linear closure does not hold, and which oscillator noise carries past the origin
        so that its angle does not follow the phase; each with its number.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> cycle = qsp.limit_cycle(qsp.van_der_pol_pair(loss=0.1, detuning=0.0), [2.0, 2.0])
    >>> round(cycle.phase_diffusion, 6)  # 3 g2/4 of the pair
    0.075
    """

    _axes: ClassVar[dict[str, str]] = {
        "amplitudes": "N complex",
        "covariance": "M M",
        "exponents": "d complex",
        "projector": "d d",
        "jacobian": "d d",
        "diffusion": "d d",
        "coordinates": "d",
        "phase_response": "d",
        "radial_variance": "N",
        "relative_variance": "N N",
        "coherence": "N N complex",
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
    def period(self) -> float:
        """2π/|Ω|; infinite where nothing turns."""
        still = abs(self.frequency) < 1e-13 * np.abs(self.jacobian).max()
        return float("inf") if still else 2 * np.pi / abs(self.frequency)

    @property
    def mean(self) -> np.ndarray:
        """(q1, p1, q2, p2, …), shape (2N,)."""
        return np.asarray(np.sqrt(2) * self.amplitudes.view(float))

    @property
    def gram(self) -> np.ndarray:
        """⟨b_j†b_k⟩, shape (N, N), amplitudes included."""
        own = np.outer(self.amplitudes.conj(), self.amplitudes)
        return moments_from_covariance(self.covariance)[1] + own

    def __repr__(self) -> str:
        free = bool(self.phase_response.any())
        frequency = 0.0 if np.isinf(self.period) else self.frequency
        rates = [("free phase", frequency, self.phase_diffusion)] if free else []
        radii = ", ".join(f"{r:.6g}" for r in np.abs(self.amplitudes[:4]))
        more = ", …" if self.n > 4 else ""
        head = f"LimitCycle of {counted(self.n)}: radii {radii}{more}"
        return told(head, rates, self.exponents[int(free) :], self.flags)


def find_cycle(flow: Flow, x0: np.ndarray, relax: float | None) -> LimitCycle | LimitTorus:
    """The cycle that `x0` leads to: along the mean field, then by Newton's method.

    Raises
    ------
    SolverError
        There is none: the mean field goes to rest, never comes back to where it was, or the cycle
        is not stable.
    """
    x, size = x0, max(float(np.abs(flow.quadratures(x0)[0]).max()), 1e-300)
    rate = float(np.abs(flow.parts(x0)[1]).max())
    duration = relax if relax is not None else 300.0 / max(rate, 1e-300)
    tries = 1 if relax is not None else 7
    reason = ""
    for attempt in range(tries):
        x = flow.on_spheres(flow.relax(x, duration), flow.lengths(x0))
        free = flow.free(x)
        dark = np.abs(flow.quadratures(x)[0]).max() < 1e-6 * max(1.0, size)
        # a spin at its upper pole is at rest too, with a large amplitude
        if flow.rotations and (dark or not free):
            still = np.abs(flow.quadratures(x0)[0]).max() < 1e-12
            why = (
                "state0 has no amplitudes, and a mean field stays there: start with some"
                if still
                else "the mean field went to rest: there is no limit cycle here"
            )
            raise SolverError(why, reason="at rest")
        found: LimitCycle | LimitTorus | str = _standing(flow, x, free)
        # what has not come to rest in the frame of its phases after a second try may be periodic
        if isinstance(found, str) and (attempt or tries == 1):
            orbit = find_orbit(flow, x, free)
            found = found if isinstance(orbit, str) and "not stable" in found else orbit
        if not isinstance(found, str):
            return found
        reason = found
        duration *= 2
    raise SolverError(reason, reason="no limit cycle")


def _standing(
    flow: Flow, x: np.ndarray, free: tuple[Rotation, ...]
) -> LimitCycle | LimitTorus | str:
    """What stands still in the frame of its free phases, or why nothing does."""
    found = _newton(flow, x, free)
    if isinstance(found, str):
        return found
    x, frequencies = found
    if len(free) > 1:
        return rotating_torus(flow, x, free, frequencies)
    return _fluctuations(flow, x, free, frequencies)


def _newton(
    flow: Flow, x: np.ndarray, free: tuple[Rotation, ...]
) -> tuple[np.ndarray, np.ndarray] | str:
    """The point where F + ΣΩKx = 0 and every Ω, or what is wrong."""
    K, start = [r.generator for r in free], x
    size = max(1.0, float(np.abs(x).max()))
    v = np.array([k @ x for k in K]).reshape(len(K), len(x)).T
    frequencies = -np.linalg.lstsq(v, flow.parts(x)[0], rcond=None)[0]
    lengths = flow.lengths(x)
    residual = np.inf
    for _ in range(40):
        F, M, _ = flow.parts(x)
        scale = float(np.abs(M).max()) * size
        turning = sum((w * k for w, k in zip(frequencies, K, strict=True)), np.zeros_like(M))
        rest = F + turning @ x
        residual = float(np.abs(rest).max()) / max(scale, 1e-300)
        if residual < 1e-15:
            break
        tangent = tangent_basis(x, flow.spheres)
        e = tangent.shape[1]
        J = np.zeros((e + len(K), e + len(K)))
        J[:e, :e] = tangent.T @ (M + turning) @ tangent
        for a, k in enumerate(K, e):
            # the phases of the point stay
            J[:e, a] = J[a, :e] = tangent.T @ (k @ x)
        right = np.append(-(tangent.T @ rest), np.zeros(len(K)))
        step = np.linalg.lstsq(J, right, rcond=None)[0]
        if not np.all(np.isfinite(step)) or np.abs(step[:e]).max() > 2 * size:
            break
        x = flow.on_spheres(x + tangent @ step[:e], lengths)
        frequencies = frequencies + step[e:]
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
    return x, frequencies


def _fluctuations(
    flow: Flow, x: np.ndarray, free: tuple[Rotation, ...], frequencies: np.ndarray
) -> LimitCycle | str:
    """Stability, phase diffusion and covariance of a cycle, or why it is none."""
    x = _turned(flow, x, free[0]) if free else x
    _, M, D = flow.parts(x)
    d, frequency = len(x), float(frequencies.sum())
    K = free[0].generator if free else np.zeros((d, d))
    M = M + frequency * K
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
        v = K @ x
        w = tangent @ np.linalg.svd(m.T)[2][-1]
        if abs(w @ v) < LEAST_RESPONSE * np.linalg.norm(v):
            # frequency and amplitude move together: nothing holds the latter
            return "the limit cycle is not stable: no rate holds its amplitude"
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
    flags = closure_flags(beta, radial, relative) + flags_at_origin(beta, covariance)
    if free and free[0].charges:
        # the phase that diffuses without bound is in the relative one too
        q = np.array(free[0].charges)
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


def _turned(flow: Flow, x: np.ndarray, free: Rotation) -> np.ndarray:
    """The point with the phase of the first oscillator that turns at 0."""
    beta = flow.quadratures(x)[0]
    q = free.charges or (1,) * len(beta)
    first = int(np.flatnonzero(q)[0]) if np.any(q) else 0
    # exp(Kα) turns every β by e^{iqα}
    angle = np.angle(beta[first]) / (q[first] or 1)
    return np.asarray(scipy.linalg.expm(-angle * free.generator) @ x)


@whole_or_nothing
@by_model
def limit_cycle(
    system: Model, state0: State, *, relax: float | None = None
) -> LimitCycle | LimitTorus:
    r"""The limit cycle that `state0` leads to, and the Gaussian fluctuations about it.

    A system with a common phase symmetry b_j → e^{iφ}b_j has no Gaussian steady state about a limit
    cycle: the common phase diffuses without bound. Its direction is taken out of the Lyapunov
    equation, which then has a unique solution. So has any other phase symmetry that is the only
    one, such as b_1 → e^{iφ}b_1, b_2 → e^{−iφ}b_2 of a driven parametric oscillator. A system
    without one (driven, in the frame of the drive) may stand still: locked, with the frequency 0.

    What stands in no rotating frame may be a periodic orbit (a driven oscillator that is not
    locked), in a frame that turns with its free phases (a pair that beats); and oscillators that
    nothing locks have a free phase each. Their frequencies, the diffusion of all free phases,
    Floquet exponents and phase responses along the orbit are those of a :class:`LimitTorus`.

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
    LimitCycle or LimitTorus
        With ``frequency``, ``period``, ``phase_diffusion``, ``exponents``, ``phase_response``,
        ``coherence`` and ``flags``, which say where the linear closure ends. A `LimitTorus` where
        the radii are not constant or several phases are free; ``phases`` names them.

    Raises
    ------
    ValueError
        The system depends on time, or has no oscillator.
    SolverError
        The mean field has no stable limit cycle there: it went to rest, or never comes back to
        where it was; where nothing couples some nodes to others, the message names the groups.

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
def _cycle_of_system(
    system: System, state0: Any, *, relax: float | None = None
) -> LimitCycle | LimitTorus:
    if not system.isconstant:
        raise ValueError("limit_cycle needs a system that does not depend on time")
    if not oscillators(system):
        raise ValueError("limit_cycle needs a mode, a spin of two or more spins ½, or an ensemble")
    if relax is not None:
        relax = check_number("relax", relax, minimum=0.0, strict=True)
    x0 = system.coordinates_of(ProductState(system, state0).variables())
    try:
        return find_cycle(flow_of(system), x0, relax)
    except SolverError as error:
        groups = _groups(system)
        if len(groups) == 1 or error.reason == "at rest":
            raise
        names = "; ".join(", ".join(str(s) for s in group) for group in groups)
        raise SolverError(
            f"{error}. Nothing couples the groups {names}, each of which has phases of its own: "
            "give limit_cycle a System of each",
            reason="no limit cycle",
        ) from None


def _groups(system: System) -> list[list[Symbol]]:
    """The nodes that H and the jumps couple to each other, group by group."""
    groups = [{s} for s in system.symbols]
    for operator in (system.hamiltonian, *system.jumps):
        if isinstance(operator, EachAtom):
            continue
        terms = [{s for s, _ in monomial} for monomial, _ in operator.terms]
        # H is a sum of what acts on its own, a jump is not
        for own in terms if operator is system.hamiltonian else [set().union(*terms)]:
            joined = [g for g in groups if g & own]
            if len(joined) > 1:
                groups = [g for g in groups if g not in joined] + [set().union(*joined)]
    return [[s for s in system.symbols if s in g] for g in groups]
