"""Wigner–Lohe results: correlations, masses, and the moments of w_jj."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Kind
from ..sync.reading import reader
from ..wigner.result import WignerLoheResult
from ._couplings import rooted
from ._moments import local_moments

__all__ = ["view_of"]


@reader.register(WignerLoheResult)
def view_of(result: WignerLoheResult) -> SyncView:
    """Correlations ⟨φ_j,φ_k⟩ of normalised states, masses ∫w_jj, and in one dimension the moments
    of (x, p).

    Moments are worked out when a measure asks for them. The oscillators have no joint state: the
    covariance has a block for each and none between them.
    """
    if not result.hermitian or not result._setup.state.physical:
        raise ValueError(
            "the correlations of this run are those of no states, so that no measure of "
            "synchronisation applies"
        )
    times = np.asarray(result.times)
    missing = {
        "states": (
            "the oscillators have no joint state; result.wigner(i, j, index) forms the Wigner "
            "functions"
        )
    }
    fields: dict[str, Any] = {}
    if result.model.grid.ndim == 1:
        fields |= local_moments(result.moments)
    else:
        missing |= dict.fromkeys(("mean", "covariance"), "run on a grid of one dimension")
    about = About(
        n=result.n,
        system=f"Wigner–Lohe ({result.stats.get('method', '?')})",
        missing=missing,
        bosons=False,
        dynamics=Dynamics(
            Kind.VECTORS,
            coupled=bool(np.any(np.asarray(result.model.coupling) != 0)),
            rooted=rooted(result.model.adjacency),
            deterministic=True,
        ),
        physical=False,
    )
    fields |= {
        "masses": result.masses,
        "correlations": lambda: result.correlations,
        "deviations": lambda: result.deviations,
    }
    if np.all(np.abs(fields["masses"] - 1) < 1e-9):
        # of normalised states; with other masses it follows from the correlations
        fields["order_parameter"] = np.minimum(result.order_parameter, 1.0)
    return SyncView.of(times, fields, about=about)
