"""Limit cycles and Lyapunov exponents of two spin chains."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
import scipy.linalg

from ...approximate.cycle import LimitCycle, find_cycle, limit_cycle
from ...approximate.flow import Carried, Flow, Parts, Rotation, carried_by, parts_of, rows_of
from ...approximate.linear_regression import fixed_point, linear_regression, regression_at
from ...approximate.lyapunov import (
    LyapunovExponents,
    TangentModel,
    exponents_along,
    lyapunov_exponents,
)
from ...approximate.torus import LimitTorus
from ...core.checks import check_array, check_number
from .flow import chain_equations
from .model import SpinChains

__all__ = ["cycle_of_chains", "exponents_of_chains"]


@limit_cycle.register(SpinChains)
def cycle_of_chains(
    chains: SpinChains, state0: Any, *, relax: float | None = None
) -> LimitCycle | LimitTorus:
    """The limit cycle of the Holstein–Primakoff amplitudes and of the central spin, which is down
    at first; see :func:`qsyncplug.limit_cycle`.
    """
    beta = _check_beta(chains, state0)
    if relax is not None:
        relax = check_number("relax", relax, minimum=0.0, strict=True)
    return find_cycle(_flow(chains), _coordinates(chains, _variables(beta, -0.5)), relax)


def _check_beta(chains: SpinChains, state0: Any) -> np.ndarray:
    beta = check_array("state0", state0, shape=(2,), dtype=complex)
    for b, N in zip(beta, chains.n, strict=True):
        if abs(b) ** 2 > N:
            raise ValueError(f"state0 must have |β|² of at most {N} spins, not {abs(b) ** 2:.3g}")
    return beta


def _variables(beta: np.ndarray, z: float) -> np.ndarray:
    """(β1, β2, ⟨σ−⟩, ⟨σz⟩/2) of a central spin that has no direction in the plane."""
    return np.array([*beta, 0.0, z])


def _coordinates(chains: SpinChains, z: np.ndarray) -> np.ndarray:
    """(q1, p1, q2, p2) and, where there is a central spin, ⟨σ⟩/2."""
    own = np.sqrt(2) * np.ascontiguousarray(z[:2]).view(float)
    return np.append(own, [z[2].real, -z[2].imag, z[3].real]) if chains.central else own


def _variables_at(x: np.ndarray) -> np.ndarray:
    beta = _amplitudes(x[:4])
    return np.array([*beta, complex(x[4], -x[5]), x[6]] if len(x) > 4 else [*beta, 0.0, 0.0])


def _amplitudes(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.ascontiguousarray(x).view(complex) / np.sqrt(2))


def _flow(chains: SpinChains) -> Flow:
    """The mean field in quadratures and, where there is one, the central spin."""
    of_chains = chain_equations(chains, False, False, 0.0)
    equations, evaluate = of_chains.linear(chains.central), of_chains.compiled(chains.central)
    own = of_chains.coordinates(chains.central)

    def parts(x: np.ndarray) -> Parts:
        return parts_of(own, 4, np.asarray(evaluate(0.0, _variables_at(x))))

    def course(x: np.ndarray, times: np.ndarray) -> np.ndarray:
        start = _variables_at(x).view(float)
        rows = rows_of(equations.tangent_flow(0), start, times, 1e-9, 1e-11)
        return np.array([_coordinates(chains, z) for z in rows.view(complex)])

    def carry(x: np.ndarray, duration: float) -> Carried:
        end, S, Q = carried_by((equations, equations), _variables_at(x), len(x), duration)
        return _coordinates(chains, end), S, Q

    def turn(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _amplitudes(x[:4]), np.eye(4, len(x))

    generator = np.kron(np.eye(2), np.array([[0.0, -1.0], [1.0, 0.0]]))
    spheres: tuple[slice, ...] = ()
    if chains.central:
        # σ−=x−iy turns as the amplitudes do
        generator = scipy.linalg.block_diag(generator, [[0.0, 1.0], [-1.0, 0.0]], 0.0)
        spheres = (slice(4, 7),)
    rotation = Rotation("common phase", generator, (1, 1))
    return Flow(parts, course, carry, (rotation,), spheres, turn)


@linear_regression.register(SpinChains)
def _regression_of_chains(chains: SpinChains, a: Any, mean: Any) -> Any:
    """On the Holstein–Primakoff amplitudes; `a` is ``chains.lowering(1)`` or ``(2)``."""
    if chains.central:
        raise ValueError("mean: only of chains without a central spin (central=False)")
    beta = check_array("mean", mean, shape=(2,), dtype=complex)
    own = [chains.lowering(j) for j in (1, 2)]
    place = [j for j, x in enumerate(own) if isinstance(a, qutip.Qobj) and a == x]
    if not place:
        raise ValueError("a must be lowering(1) or lowering(2) of the chains")
    (j,) = place
    flow = _flow(chains)
    x = fixed_point(flow, np.sqrt(2) * beta.view(float))
    b, N = complex(_amplitudes(x)[j]), chains.n[j]
    root = np.sqrt(N - abs(b) ** 2)
    by_b, by_conjugate = root - 0.5 * abs(b) ** 2 / root, -0.5 * b**2 / root
    gradient = np.zeros(4, dtype=complex)
    gradient[2 * j : 2 * j + 2] = by_b + by_conjugate, 1j * (by_b - by_conjugate)
    symplectic = np.kron(np.eye(2), np.array([[0.0, 1.0], [-1.0, 0.0]]))
    return regression_at(flow, x, symplectic, root * b, gradient / np.sqrt(2))


@lyapunov_exponents.register(SpinChains)
def exponents_of_chains(
    chains: SpinChains,
    state0: Any,
    duration: float,
    *,
    k: int | None = None,
    transient: float | None = None,
    rtol: float = 1e-9,
    progress_bar: str | bool = "",
) -> LyapunovExponents:
    """Exponents of the spins, the central one down at first; of the amplitudes where jumps act
    through bosons; see :func:`qsyncplug.lyapunov_exponents`.
    """
    beta = _check_beta(chains, state0)
    if chains.uses_bosons:
        return _exponents_of_amplitudes(chains, beta, duration, k, transient, rtol, progress_bar)
    system = chains.system()
    start: dict[Any, Any] = {system.nodes[0]: (0.0, 0.0, -1.0)} if chains.central else {}
    for node, b, N in zip(system.nodes[-2:], beta, chains.n, strict=True):
        lowering = np.sqrt(N - abs(b) ** 2) * b
        start[node] = np.array([lowering.real, -lowering.imag, abs(b) ** 2 - N / 2]) / (N / 2)
    return lyapunov_exponents(
        system, start, duration, k=k, transient=transient, rtol=rtol, progress_bar=progress_bar
    )


def _exponents_of_amplitudes(
    chains: SpinChains,
    beta: np.ndarray,
    duration: float,
    k: int | None,
    transient: float | None,
    rtol: float,
    progress_bar: str | bool,
) -> LyapunovExponents:
    of_chains = chain_equations(chains, False, False, 0.0)
    own, evaluate = of_chains.coordinates(chains.central), of_chains.compiled(chains.central)
    model = TangentModel(
        flow=of_chains.linear(chains.central).tangent_flow,
        coordinates=lambda z: _coordinates(chains, z),
        jacobian=lambda z, t: parts_of(own, 4, np.asarray(evaluate(0.0, z)))[1],
    )
    z = _variables(beta, -0.5 if chains.central else 0.0)
    return exponents_along(model, z, duration, k, transient, rtol, progress_bar)
