"""Limit cycles and Lyapunov exponents of two spin chains without their central spin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...approximate.cycle import Flow, LimitCycle, Parts, find_cycle, limit_cycle
from ...approximate.lyapunov import LyapunovExponents, lyapunov_exponents
from ...core.checks import check_array, check_number
from ...core.entry import mfsolve
from .meanfield import mean_field_parts
from .model import SpinChains

__all__ = ["cycle_of_chains", "exponents_of_chains"]


@limit_cycle.register(SpinChains)
def cycle_of_chains(chains: SpinChains, state0: Any, *, relax: float | None = None) -> LimitCycle:
    """The limit cycle of the Holstein–Primakoff amplitudes; see :func:`qsyncplug.limit_cycle`."""
    if chains.central:
        raise ValueError("limit_cycle needs chains without a central spin (central=False)")
    beta = check_array("state0", state0, shape=(2,), dtype=complex)
    if relax is not None:
        relax = check_number("relax", relax, minimum=0.0, strict=True)

    def amplitudes(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.ascontiguousarray(x).view(complex) / np.sqrt(2))

    def parts(x: np.ndarray) -> Parts:
        p = mean_field_parts(chains, amplitudes(x))
        drift = np.ascontiguousarray(p["drift"])
        return np.sqrt(2) * drift.view(float), p["jacobian"], p["diffusion"]

    def run(x: np.ndarray, duration: float) -> np.ndarray:
        options = {"rtol": 1e-9, "atol": 1e-11}
        result = mfsolve(chains, amplitudes(x), [0.0, duration], options=options)
        return np.asarray(result.mean[-1])

    rotation = np.kron(np.eye(2), np.array([[0.0, -1.0], [1.0, 0.0]]))
    flow = Flow(parts, run, rotation, (), lambda x: (amplitudes(x), np.eye(4)))
    return find_cycle(flow, np.sqrt(2) * beta.view(float), relax)


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
    """Exponents of the collective spins, which amplitudes share where they are defined; see
    :func:`qsyncplug.lyapunov_exponents`.
    """
    if chains.central:
        raise ValueError("lyapunov_exponents needs chains without a central spin (central=False)")
    if chains.uses_bosons:
        raise ValueError("lyapunov_exponents needs jumps of spins, not of bosons (bath='spin')")
    beta = check_array("state0", state0, shape=(2,), dtype=complex)
    system = chains.system()
    start = {}
    for node, b, N in zip(system.nodes, beta, chains.n, strict=True):
        number = abs(b) ** 2
        if number > N:
            raise ValueError(f"state0 must have |β|² of at most {N} spins, not {number:.3g}")
        lowering = np.sqrt(N - number) * b
        start[node] = np.array([lowering.real, -lowering.imag, number - N / 2]) / (N / 2)
    return lyapunov_exponents(
        system, start, duration, k=k, transient=transient, rtol=rtol, progress_bar=progress_bar
    )
