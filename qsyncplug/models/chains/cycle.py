"""Limit cycles and Lyapunov exponents of two spin chains."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip

from ...approximate.cycle import LimitCycle, find_cycle, limit_cycle
from ...approximate.flow import Flow, flow_of
from ...approximate.linear_regression import fixed_point, linear_regression, regression_at
from ...approximate.lyapunov import (
    LyapunovExponents,
    exponents_along,
    lyapunov_exponents,
    tangents_of,
)
from ...approximate.torus import LimitTorus
from ...core.checks import check_array, check_number
from ...operators.states import ProductState
from .flow import ChainEquations, chain_equations
from .model import SpinChains

__all__ = ["cycle_of_chains", "exponents_of_chains"]


@limit_cycle.register(SpinChains)
def cycle_of_chains(
    chains: SpinChains, state0: Any, *, relax: float | None = None
) -> LimitCycle | LimitTorus:
    """The limit cycle of the Holstein–Primakoff amplitudes and of the central spin, which is down
    at first; see :func:`qsyncplug.limit_cycle`.
    """
    start = _start(chains, state0)
    if relax is not None:
        relax = check_number("relax", relax, minimum=0.0, strict=True)
    return find_cycle(_flow(chains), start, relax)


def _equations(chains: SpinChains) -> ChainEquations:
    return chain_equations(chains, central=True)


def _flow(chains: SpinChains) -> Flow:
    """The mean field of the amplitudes and, where there is one, of the central spin, which no jump
    acts on: its length stays.
    """
    equations = _equations(chains)
    spheres = (slice(4, 7),) if chains.central else ()
    return flow_of(equations.nodes, equations, spheres)


def _check_beta(chains: SpinChains, state0: Any) -> np.ndarray:
    beta = check_array("state0", state0, shape=(2,), dtype=complex)
    for b, N in zip(beta, chains.n, strict=True):
        if abs(b) ** 2 > N:
            raise ValueError(f"state0 must have |β|² of at most {N} spins, not {abs(b) ** 2:.3g}")
    return beta


def _start(chains: SpinChains, state0: Any) -> np.ndarray:
    """Coordinates of amplitudes and of a central spin that is down."""
    down = ((0.0, 0.0, -1.0),) if chains.central else ()
    nodes = _equations(chains).nodes
    product = ProductState(nodes, [*_check_beta(chains, state0), *down])
    return nodes.coordinates_of(product.variables())


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
    b, N = complex(flow.quadratures(x)[0][j]), chains.n[j]
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
    if chains.uses_bosons:
        equations = _equations(chains)
        z = equations.nodes.variables_at(_start(chains, state0))
        model = tangents_of(equations.nodes, equations)
        return exponents_along(model, z, duration, k, transient, rtol, progress_bar)
    system = chains.system()
    start: dict[Any, Any] = {system.nodes[0]: (0.0, 0.0, -1.0)} if chains.central else {}
    beta = _check_beta(chains, state0)
    for node, b, N in zip(system.nodes[-2:], beta, chains.n, strict=True):
        lowering = np.sqrt(N - abs(b) ** 2) * b
        start[node] = np.array([lowering.real, -lowering.imag, abs(b) ** 2 - N / 2]) / (N / 2)
    return lyapunov_exponents(
        system, start, duration, k=k, transient=transient, rtol=rtol, progress_bar=progress_bar
    )
