"""What every prediction of this family is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.predictions import Prediction
from .model import Circle

__all__ = ["DENSE", "NOT_STORED", "Check", "equal_frequencies", "positions_of", "statement"]

#: particles up to which a prediction works out an n×n Jacobian
DENSE = 400

Check = Callable[[Any], tuple[bool | None, str]]

#: the answer of a check that needs the positions
NOT_STORED = (None, "the positions were not stored")


def statement(
    name: str,
    text: str,
    source: str,
    limits: dict[str, Any] | None = None,
    rate: float | None = None,
    test: Check | None = None,
) -> Prediction:
    """A prediction of this family: `rate` is that at which the slowest deviation dies out,
    exp(−rate·t).
    """
    return Prediction(name, text, source, limits=limits or {}, rate=rate, test=test)


def equal_frequencies(model: Circle) -> bool:
    """Whether all natural frequencies are the same, exactly."""
    return not isinstance(model.frequencies, np.ndarray) or np.ptp(model.frequencies) == 0


def positions_of(result: Any) -> np.ndarray | None:
    """Positions (T, n) of a run, or None where they were not stored."""
    return getattr(result, "positions", None)
