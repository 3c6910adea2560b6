"""Two spin chains: exact moments, mean field and limit cycles."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..approximate.cycle import LimitCycle
from ..approximate.torus import LimitTorus
from ..core.tangent import mean_field_coherence
from ..models.chains.exact import SpinExactResult
from ..models.chains.meanfield import SpinMeanFieldResult
from ..models.chains.model import SpinChains
from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Kind
from ..sync.reading import reader
from .bosons import view_of_moments

__all__ = [
    "chain_dynamics",
    "view_of_chains",
    "view_of_chains_mean_field",
    "view_of_cycle",
    "view_of_torus",
]

_STATES = "run exactsolve with options={'store_states': True} (and method 'mesolve' or 'sesolve')"


@reader.register(SpinExactResult)
def view_of_chains(result: SpinExactResult) -> SyncView:
    """The Holstein–Primakoff bosons of the chains, normal-ordered; the states of the bosons where
    they were stored.
    """
    bosons = bool(result.stats.get("modes are bosons", False))
    representation = result.stats.get("representation", "collective")
    central = getattr(result.model, "central", True)
    # the bosons' Fock basis: the collective basis runs from m=N/2 down
    states = (
        result.states
        if len(result.states) == len(result.times) and representation in ("bosons", "series")
        else None
    )
    return view_of_moments(
        result,
        About(
            f"two spin chains, exact ({result.stats.get('method', '')})",
            ("chain 1", "chain 2"),
            (f"modes: {result.stats.get('modes', '')}",),
            bosons=bosons,
            dynamics=chain_dynamics(result.model, Kind.MOMENTS),
        ),
        states=states,
        subsystems=((1, 2) if central else (0, 1)) if states is not None else None,
        why=f"{_STATES}, in the representation 'bosons'",
    )


@reader.register(SpinMeanFieldResult)
def view_of_chains_mean_field(result: SpinMeanFieldResult) -> SyncView:
    """Amplitudes and covariance of the Holstein–Primakoff bosons as they are.

    The covariance holds the diffusion of the common phase and grows without bound on a limit cycle:
    n is |β|², and z = e^{i(x_j−x_k)}e^{−σ²/2}, σ² the variance of the relative phase.
    """
    return view_of_moments(
        result,
        About(
            f"two spin chains, mean field (central spin {result.stats.get('central spin', '')})",
            ("chain 1", "chain 2"),
            dynamics=chain_dynamics(result.model, Kind.AMPLITUDES),
        ),
        fields={
            "masses": np.abs(result.amplitudes) ** 2,
            "correlations": partial(mean_field_coherence, result.amplitudes, result.covariance),
        },
        why="a mean field has no states; run exactsolve",
    )


@reader.register(LimitCycle)
def view_of_cycle(result: LimitCycle) -> SyncView:
    """One time, in the rotating frame, with the common phase projected out of the covariance."""
    return SyncView(
        np.zeros(1),
        mean=result.mean[None, :],
        covariance=result.covariance[None, :, :],
        about=About(
            physical=False,
            system="limit cycle, linearised",
            notes=("the common phase is projected out: it diffuses without bound",),
        ),
    )


@reader.register(LimitTorus)
def view_of_torus(result: LimitTorus) -> SyncView:
    """One time: the state averaged over all free phases."""
    fields = {"masses": np.diagonal(result.gram).real, "correlations": result.coherence}
    return SyncView.of(
        np.zeros(1),
        {name: value[None, ...] for name, value in fields.items()},
        about=About(
            physical=False,
            system="free phases, linearised",
            notes=(f"averaged over what is free: {'; '.join(result.phases)}",),
        ),
    )


def chain_dynamics(chains: Any, kind: Kind) -> Dynamics:
    """What the chains' model says: whether they act on each other, and whether they forget."""
    if not isinstance(chains, SpinChains):
        return Dynamics(kind)
    rates = (chains.loss, chains.gain, chains.two_photon, chains.local_loss, chains.local_dephasing)
    return Dynamics(
        kind,
        deterministic=True,
        coupled=bool(chains.coherent or chains.dissipative or chains.central),
        dissipative=bool(chains.dissipative) or any(any(pair) for pair in rates),
    )
