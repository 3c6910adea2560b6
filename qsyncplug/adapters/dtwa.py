"""Truncated Wigner runs of collective spins."""

from __future__ import annotations

from ..models.chains.sampled import DtwaResult
from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Kind
from ..sync.reading import reader

__all__ = ["view_of_dtwa"]


@reader.register(DtwaResult)
def view_of_dtwa(result: DtwaResult) -> SyncView:
    """Quadratures of the Holstein–Primakoff bosons of the chains, trajectory by trajectory."""
    return SyncView(
        result.times,
        mean=result.mean,
        covariance=result.covariance,
        about=About(
            physical=False,
            bosons=False,
            system=f"{result.model.name}, truncated Wigner ({result.ntraj} samples)",
            notes=(
                *result.stats.get("neglected", ()),
                "sampled: see the standard errors of the result",
            ),
            dynamics=Dynamics(Kind.MOMENTS),
            missing={
                "states": (
                    "sampled trajectories have no states; run exactsolve with "
                    "options={'store_states': True}"
                )
            },
        ),
    )
