"""Boson models: mean field with covariance, and exact moments."""

from __future__ import annotations

from ..approximate.meanfield import MeanFieldResult
from ..exact.evolve import ExactResult
from ..sync import SyncView
from .dispatch import synchronization

__all__ = ["view_of_exact", "view_of_mean_field"]


@synchronization.register(MeanFieldResult)
def view_of_mean_field(result: MeanFieldResult) -> SyncView:
    """Amplitudes and covariance as they are; correlations (β_j*β_k + ⟨δb_j†δb_k⟩)/√(n_jn_k)."""
    return SyncView(
        result.times,
        mean=result.mean,
        covariance=result.covariance,
        system=(
            f"{getattr(result.model, 'name', 'boson modes')}, mean field "
            f"({result.stats.get('closure', 'linear')})"
        ),
        notes=tuple(result.stats.get("neglected", ())),
        missing={
            "states": (
                "a mean field has no states; run exactsolve with options={'store_states': True}"
            )
        },
    )


@synchronization.register(ExactResult)
def view_of_exact(result: ExactResult) -> SyncView:
    """Exact moments, normal-ordered; the states where they were stored."""
    return SyncView(
        result.times,
        mean=result.mean,
        covariance=result.covariance,
        states=result.states if len(result.states) == len(result.times) else None,
        system=f"{getattr(result.model, 'name', 'boson modes')}, exact",
        notes=tuple(result.stats.get("neglected", ())),
        missing={
            "states": (
                "run exactsolve with options={'store_states': True} (and method 'mesolve' or "
                "'sesolve')"
            )
        },
    )
