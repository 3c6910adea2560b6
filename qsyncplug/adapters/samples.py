"""Truncated Wigner samples of modes and spins, and of collective spins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..approximate.discrete_moments import DtwaResult
from ..approximate.sampled import TwaResult
from ..operators.system import System
from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Kind, Quantum
from ..sync.reading import reader
from ._couplings import coupled, gains, linked
from .bosons import view_of_moments
from .spins import chain_dynamics

__all__ = ["sampled_dynamics", "view_of_dtwa", "view_of_samples"]


def sampled_dynamics(system: Any, ntraj: int) -> Dynamics:
    """What the model of sampled moments says, and how many samples there are."""
    if not isinstance(system, System):
        return replace(chain_dynamics(system, Kind.MOMENTS), quantum=Quantum(ntraj=ntraj))
    return Dynamics(
        Kind.MOMENTS,
        coupled=coupled(system) if system.n > 1 else None,
        rooted=linked(system) if system.n > 1 else None,
        autonomous=system.isconstant,
        phase_symmetry=bool(system.symmetries.common_phase),
        dissipative=bool(system.jumps),
        quantum=Quantum(ntraj=ntraj),
        gain=gains(system) if system.isconstant and system.bosonic else None,
    )


@reader.register(TwaResult)
def view_of_samples(result: TwaResult) -> SyncView:
    """Averages over samples, with the Holstein–Primakoff quadratures of spins."""
    system = result.model
    labels = tuple(s.name for s in system.symbols) if isinstance(system, System) else None
    return view_of_moments(
        result,
        About(
            f"{getattr(system, 'name', 'system')}, truncated Wigner",
            labels,
            dynamics=sampled_dynamics(system, result.ntraj),
        ),
        why="samples have no states; run exactsolve",
    )


@reader.register(DtwaResult)
def view_of_dtwa(result: DtwaResult) -> SyncView:
    """Quadratures of the Holstein–Primakoff bosons of the chains, trajectory by trajectory."""
    return view_of_moments(
        result,
        About(
            f"{result.model.name}, truncated Wigner ({result.ntraj} samples)",
            notes=("sampled: see the standard errors of the result",),
            bosons=False,
            dynamics=sampled_dynamics(result.model, result.ntraj),
        ),
        why="sampled trajectories have no states; run exactsolve with "
        "options={'store_states': True}",
    )
