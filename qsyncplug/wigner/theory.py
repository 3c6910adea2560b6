"""Which theorems apply to a Wigner–Lohe model and its initial state; each file holds its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.entry import predictions
from ..core.predictions import Prediction, Predictions
from .aggregation import (
    aggregation,
    bounded_transport,
    exponential_synchrony,
    growing_mean,
    sharper_threshold,
)
from .facts import Facts
from .locking import locking, locking_on_graph, practical, two_with_offset
from .model import WignerLohe
from .pairwise import (
    antipode,
    blow_up,
    closed_form,
    distance_identity,
    hydrodynamic_norms,
)
from .state import read_state

__all__ = ["wigner_predictions"]

#: in the order of the papers; each yields the statements whose hypotheses hold
MAKERS = (
    antipode,
    closed_form,
    distance_identity,
    hydrodynamic_norms,
    blow_up,
    aggregation,
    sharper_threshold,
    bounded_transport,
    exponential_synchrony,
    growing_mean,
    two_with_offset,
    locking,
    practical,
)


@predictions.register(WignerLohe)
def wigner_predictions(model: WignerLohe, state0: Any) -> Predictions[Prediction]:
    """Theorems whose hypotheses hold, with limits and rates.

    Parameters
    ----------
    model : WignerLohe
    state0 : array_like
        As for :func:`wlsolve`; data of no states are taken for what can be said about them.

    Returns
    -------
    Predictions
        A sequence with ``check(result)``; ``notes`` say what does not hold, or not as printed.

    Examples
    --------
    >>> from qsyncplug.core import Grid
    >>> grid = Grid(64, 16.0)
    >>> model = WignerLohe(grid, lambda x: x**2 / 2)
    >>> found = wigner_predictions(model, [grid.gaussian(1.0), grid.gaussian(-0.5)])
    >>> found["Lemma 4.1"].rate
    1.0
    """
    state = read_state(model, state0, allow_unphysical=True, allow_non_hermitian=True)
    facts = Facts.of(model, state)
    if facts.n < 2 or facts.kappa == 0 or not np.all(facts.masses > 0):
        return Predictions([], facts.notes())
    if facts.graph:
        return Predictions(locking_on_graph(facts), facts.notes())
    items = [statement for maker in MAKERS for statement in maker(facts)]
    return Predictions(items, facts.notes())
