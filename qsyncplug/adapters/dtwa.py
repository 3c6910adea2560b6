"""Truncated Wigner runs of collective spins."""

from __future__ import annotations

from ..approximate.discrete_moments import DtwaResult
from ..sync import SyncView
from ..sync.reading import reader
from ._quadratures import view_of_moments
from .samples import sampled_dynamics

__all__ = ["view_of_dtwa"]


@reader.register(DtwaResult)
def view_of_dtwa(result: DtwaResult) -> SyncView:
    """Quadratures of the Holstein–Primakoff bosons of the chains, trajectory by trajectory."""
    return view_of_moments(
        result,
        why="sampled trajectories have no states; run exactsolve with "
        "options={'store_states': True}",
        bosons=False,
        system=f"{result.model.name}, truncated Wigner ({result.ntraj} samples)",
        notes=("sampled: see the standard errors of the result",),
        dynamics=sampled_dynamics(result.model, result.ntraj),
    )
