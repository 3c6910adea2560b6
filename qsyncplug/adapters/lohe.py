"""Schrödinger–Lohe results: correlations, masses, and the moments of position and momentum."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..core.saved import kept
from ..lohe.noise import TrajectoriesResult
from ..lohe.result import SchrodingerLoheResult
from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Kind, Quantum
from ..sync.reading import reader
from ._couplings import rooted
from ._moments import local_moments

__all__ = ["view_of", "view_of_trajectories"]


@reader.register(SchrodingerLoheResult)
def view_of(result: SchrodingerLoheResult) -> SyncView:
    """Normalised correlations with their deviations from 1, masses ‖ψ_j‖², and in one dimension the
    moments of (x, p).

    Means, covariances and correlations are worked out when a measure asks for them. The oscillators
    have no joint state: the covariance has a block for each and none between them.
    """
    model = result.model
    finite = np.isfinite(result.times)
    times = np.asarray(result.times)[finite]
    grid = getattr(model, "grid", None)
    has_states = result._stored is not None or len(result.states) > 0
    missing = {
        "correlations": "the run kept no Gram matrices; give the option store_coefficients=True",
        "states": "the oscillators have no joint state; result.states holds the state of each",
    }
    fields: dict[str, Any] = {}
    if grid is not None and grid.ndim == 1 and has_states and np.all(finite):
        fields |= local_moments(result.moments)
    else:
        why = (
            "run on a grid of one dimension, with a common Hamiltonian or the option "
            "store_states=True"
        )
        missing |= {"mean": why, "covariance": why}
    known = result.coefficients is not None or result._gram is not None or has_states
    if known:
        fields |= {
            "correlations": lambda: result.correlations[finite],
            "deviations": lambda: result.deviations[finite],
        }
    unit = bool(np.all(np.abs(result.masses - 1) < 1e-9))
    fields["masses"] = result.masses[finite]
    if unit:
        # of normalised states; with other masses it follows from the correlations
        fields["order_parameter"] = np.minimum(result.order_parameter[finite], 1.0)
    about = About(
        n=result.n,
        system=(
            f"Schrödinger–Lohe, {getattr(model, 'variant', 'model')} "
            f"({result.stats.get('method', '?')})"
        ),
        notes=tuple(result.stats.get("neglected", ())),
        missing=missing,
        bosons=False,
        dynamics=Dynamics(
            Kind.VECTORS,
            coupled=_coupled(model),
            rooted=rooted(getattr(model, "adjacency", None)),
            autonomous=_autonomous(model),
            deterministic=True,
        ),
        physical=False,
    )
    return SyncView.of(times, fields, about=about)


@reader.register(TrajectoriesResult)
def view_of_trajectories(result: TrajectoriesResult) -> SyncView:
    """Means over the paths: correlations of the mean Gram matrix, masses, ‖ζ‖.

    The order parameters of the paths decide, each by itself.
    """
    model = result.model
    masses = np.asarray(result.masses)
    fields: dict[str, Any] = {
        "masses": masses,
        "correlations": partial(_mean_correlations, result.gram, masses),
        "order_parameter": np.minimum(result.mean_order_parameter, 1.0),
    }
    about = About(
        n=result.n,
        system=f"Schrödinger–Lohe with noise, {result.ntraj} paths",
        notes=tuple(result.stats.get("neglected", ())),
        missing={"states": "the oscillators have no joint state"},
        bosons=False,
        dynamics=Dynamics(
            Kind.VECTORS,
            coupled=_coupled(model),
            rooted=rooted(getattr(model, "adjacency", None)),
            quantum=Quantum(ntraj=result.ntraj, paths=np.asarray(result.order_parameters)),
        ),
        physical=False,
    )
    return SyncView.of(result.times, fields, about=about)


@kept()
def _mean_correlations(gram: np.ndarray, masses: np.ndarray) -> np.ndarray:
    root = np.sqrt(masses)
    z = np.asarray(gram) / (root[:, :, None] * root[:, None, :])
    z = z / np.maximum(1.0, np.abs(z))
    index = np.arange(z.shape[1])
    z[:, index, index] = 1.0
    return np.asarray(z)


def _autonomous(model: Any) -> bool:
    """Whether the correlations' equations are: what changes for all alike is not in them."""
    changes = bool(getattr(model, "time_dependent", False))
    return not (changes and isinstance(model.hamiltonian, tuple))


def _coupled(model: Any) -> bool | None:
    """Whether the oscillators act on each other at all; None if the file did not hold the model."""
    coupling = getattr(model, "coupling", None)
    return None if coupling is None else bool(np.any(np.asarray(coupling) != 0))
