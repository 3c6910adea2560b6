"""Predictions of limits and rates, and how a run is held against them."""

from __future__ import annotations

from typing import Any

from ..core.predictions import Outcome, Prediction, Verdict
from .evidence import check_limit

__all__ = ["AHKM", "AR", "LohePrediction"]

AR = "Antonelli & Reynolds"
AHKM = "Antonelli, Ha, Kim & Marcati"


class LohePrediction(Prediction):
    """A statement on a Schrödinger–Lohe model.

    `limits` holds limits as t→∞ of arrays of the result, by name (``"correlations"``, ``"masses"``,
    ``"order_parameter"``, ``"theta"``); max|1−z| (or |z−limit|) falls as e^{−rate·t}; z has the
    `period`.
    """

    def check(self, result: Any) -> Outcome:
        """Hold it against a run from these initial states: its own test, and the limits.

        The outcome is None where the run is too short, or its outputs too few, to tell.
        """
        found: list[Verdict] = []
        unseen = False
        if self.test is not None:
            found.append(self.test(result))
            # a limit that is reached in whatever way is half of what is said
            unseen = found[0][0] is None
        found += [
            check_limit(result, name, limit, self.rate) for name, limit in self.limits.items()
        ]
        # NumPy's booleans are not the ones that `is` compares with
        said = [bool(p) for p, _ in found if p is not None]
        passed = all(said) if said else None
        if passed and unseen:
            passed = None
        return Outcome(self.name, passed, "; ".join(text for _, text in found))
