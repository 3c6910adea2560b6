"""Limit cycles and Lyapunov exponents of two spin chains."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip

from ...approximate.cycle import LimitCycle, find_cycle, limit_cycle
from ...approximate.flow import Carried, Flow, Parts, Rotation, carried_by
from ...approximate.linear_regression import fixed_point, linear_regression, regression_at
from ...approximate.lyapunov import (
    LyapunovExponents,
    TangentModel,
    exponents_along,
    lyapunov_exponents,
)
from ...approximate.torus import LimitTorus
from ...core.checks import check_array, check_number
from ...core.entry import mfsolve
from .flow import amplitude_equations
from .meanfield import mean_field_parts
from .model import SpinChains

__all__ = ["cycle_of_chains", "exponents_of_chains"]


@limit_cycle.register(SpinChains)
def cycle_of_chains(
    chains: SpinChains, state0: Any, *, relax: float | None = None
) -> LimitCycle | LimitTorus:
    """The limit cycle of the Holstein–Primakoff amplitudes; see :func:`qsyncplug.limit_cycle`."""
    if chains.central:
        raise ValueError("limit_cycle needs chains without a central spin (central=False)")
    beta = check_array("state0", state0, shape=(2,), dtype=complex)
    if relax is not None:
        relax = check_number("relax", relax, minimum=0.0, strict=True)

    return find_cycle(_flow(chains), np.sqrt(2) * beta.view(float), relax)


def _amplitudes(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.ascontiguousarray(x).view(complex) / np.sqrt(2))


def _flow(chains: SpinChains) -> Flow:
    """The mean field in quadratures."""

    def parts(x: np.ndarray) -> Parts:
        p = mean_field_parts(chains, _amplitudes(x))
        drift = np.ascontiguousarray(p["drift"])
        return np.sqrt(2) * drift.view(float), p["jacobian"], p["diffusion"]

    def course(x: np.ndarray, times: np.ndarray) -> np.ndarray:
        options = {"rtol": 1e-9, "atol": 1e-11}
        run = mfsolve(chains, _amplitudes(x), np.append(0.0, times), options=options)
        return np.asarray(run.mean[1:])

    equations = amplitude_equations(chains)

    def carry(x: np.ndarray, duration: float) -> Carried:
        # the variables of the centre, which there is not, stay 0
        z = np.append(_amplitudes(x), [0.0, 0.0])
        end, S, Q = carried_by((equations, equations), z, 4, duration)
        return np.sqrt(2) * np.ascontiguousarray(end[:2]).view(float), S, Q

    generator = np.kron(np.eye(2), np.array([[0.0, -1.0], [1.0, 0.0]]))
    rotation = Rotation("common phase", generator, (1, 1))
    return Flow(parts, course, carry, (rotation,), (), lambda x: (_amplitudes(x), np.eye(4)))


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
    beta = check_array("state0", state0, shape=(2,), dtype=complex)
    for b, N in zip(beta, chains.n, strict=True):
        if abs(b) ** 2 > N:
            raise ValueError(f"state0 must have |β|² of at most {N} spins, not {abs(b) ** 2:.3g}")
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
    if chains.central:
        raise ValueError(
            "lyapunov_exponents of chains with a central spin needs jumps of spins (bath='spin', "
            "engineered='spin'), not of bosons; or central=False"
        )
    model = TangentModel(
        flow=lambda count: amplitude_equations(chains).tangent_flow(count),
        coordinates=lambda z: np.sqrt(2) * np.ascontiguousarray(z[:2]).view(float),
        jacobian=lambda z, t: mean_field_parts(chains, z[:2])["jacobian"],
    )
    # the variables of the centre, which there is not, stay 0
    z = np.append(beta, [0.0, 0.0])
    return exponents_along(model, z, duration, k, transient, rtol, progress_bar)
