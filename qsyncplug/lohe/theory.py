"""Theorems of the papers as predicates with limits and rates, corrected where the papers err."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.entry import predictions
from ..core.predictions import Predictions
from .aggregation import aggregation_predictions, practical_predictions, wedge_margin
from .equilibria import example_predictions, locking_predictions
from .existence import existence_predictions
from .facts import Facts, facts_of
from .model import SchrodingerLohe
from .pairs import pair_predictions
from .prediction import LohePrediction
from .steady import steady_predictions

__all__ = ["lohe_predictions"]


@predictions.register(SchrodingerLohe)
def lohe_predictions(model: SchrodingerLohe, state0: Any) -> Predictions[LohePrediction]:
    r"""Theorems whose hypotheses hold, with limits and rates.

    Parameters
    ----------
    model : SchrodingerLohe
    state0 : N states

    Returns
    -------
    Predictions
        A sequence with ``check(result)``.

    Notes
    -----
    Where the papers err the corrected statement is used, and says so: closed form (53), bounds (4),
    (16), (17), (34), (39), (43), (67), (68), (91), limit (49), Theorem 2.3. Theorem 6.1 is not
    among
    the predictions, for it is false with μ>0.
    """
    f = facts_of(model, state0)
    if f.n < 2 or f.k <= 0 or np.any(f.norms == 0):
        return Predictions((), _notes(f))
    return Predictions(tuple(_rows(model, f)), _notes(f))


def _rows(model: SchrodingerLohe, f: Facts) -> Iterator[LohePrediction]:
    if not model.common:
        if model.mean_field:
            yield from practical_predictions(model, f)
        return
    yield from locking_predictions(model, f)
    if not model.mean_field:
        return
    yield from pair_predictions(f)
    yield from existence_predictions(f)
    yield from aggregation_predictions(f)
    yield from steady_predictions(f)
    yield from example_predictions(f)
    if not f.identical:
        yield from practical_predictions(model, f)


def _notes(f: Facts) -> list[str]:
    """What does not hold as printed, where it would apply."""
    model, notes = f.model, []
    if model.variant == "model2" and model.alignment > 0 and np.any(f.norms**2 <= f.theta):
        notes.append(
            "Theorem 6.1 is false for μ>0 under (19): θ=(1.5,.75,.75), ψ=(−√1.5,√.75,√.75), h=1, "
            "μ=.5 tends to ζ=0; from almost every start it synchronises in every run made"
        )
    if not (model.common and model.mean_field and f.n > 1 and np.all(f.norms > 0)):
        return notes
    in_wedge = model.variant == "model1" and not f.frozen and bool(np.all(f.z.real >= 0))
    if in_wedge and wedge_margin(f) <= 0:
        notes.append(
            "Theorem 5.3 also needs (17) with the smallest h along the trajectory; it fails from "
            "the start"
        )
    least = float(np.min(f.z.real))
    if f.n >= 4 and f.identical and -0.5 < least < 0 and np.any(np.sum(f.z.real, axis=1) <= 0):
        notes.append(
            "min Re z(0)>−½ is not enough for N≥4: wedge_counterexample() tends to a bipolar state"
        )
    return notes
