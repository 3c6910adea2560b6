"""Two spin chains: exact moments, mean field and limit cycles."""

from __future__ import annotations

import numpy as np

from ..models.chains.cycle import LimitCycle
from ..models.chains.exact import SpinExactResult
from ..models.chains.meanfield import SpinMeanFieldResult
from ..sync import SyncView
from .dispatch import synchronization

__all__ = ["view_of_chains", "view_of_chains_mean_field", "view_of_cycle"]

_STATES = "run exactsolve with options={'store_states': True} (and method 'mesolve' or 'sesolve')"


@synchronization.register(SpinExactResult)
def view_of_chains(result: SpinExactResult) -> SyncView:
    """The Holstein–Primakoff bosons of the chains, normal-ordered; the states of the bosons where
    they were stored.
    """
    bosons = result.stats.get("modes", "").startswith("Holstein")
    representation = result.stats.get("representation", "collective")
    central = getattr(result.model, "central", True)
    # the bosons' Fock basis: the collective basis runs from m=N/2 down
    states = (
        result.states
        if len(result.states) == len(result.times) and representation in ("bosons", "series")
        else None
    )
    return SyncView(
        result.times,
        mean=result.mean,
        covariance=result.covariance,
        states=states,
        subsystems=((1, 2) if central else (0, 1)) if states is not None else None,
        bosons=bosons,
        system=f"two spin chains, exact ({result.stats.get('method', '')})",
        labels=("chain 1", "chain 2"),
        notes=(*result.stats.get("neglected", ()), f"modes: {result.stats.get('modes', '')}"),
        missing={"states": f"{_STATES}, in the representation 'bosons'"},
    )


@synchronization.register(SpinMeanFieldResult)
def view_of_chains_mean_field(result: SpinMeanFieldResult) -> SyncView:
    """Amplitudes and covariance of the Holstein–Primakoff bosons as they are."""
    return SyncView(
        result.times,
        mean=result.mean,
        covariance=result.covariance,
        system=f"two spin chains, mean field (central spin {result.stats.get('central spin', '')})",
        labels=("chain 1", "chain 2"),
        notes=tuple(result.stats.get("neglected", ())),
        missing={"states": "a mean field has no states; run exactsolve"},
    )


@synchronization.register(LimitCycle)
def view_of_cycle(result: LimitCycle) -> SyncView:
    """One time, in the rotating frame, with the common phase projected out of the covariance."""
    return SyncView(
        np.zeros(1),
        mean=result.mean[None, :],
        covariance=result.covariance[None, :, :],
        system="limit cycle, linearised",
        notes=("the common phase is projected out: it diffuses without bound",),
    )
