"""Particles that are much faster than most, and what they ask of a method of steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .model import Circle

__all__ = ["careful", "has_tails", "longest_step", "rates"]

#: the fastest by the one in the middle
_UNEVEN = 8.0
#: radians of the fastest particle in a step: beyond, no estimate of an error sees it turn
_TURN = 5.0


def rates(model: Circle, n: int, frame: float) -> np.ndarray:
    """How fast each particle may turn in a frame, by its frequency and the pull of others, (n,)."""
    weights = np.ones(n) if model.weights is None else model.weights
    if model.adjacency is None:
        pull = np.full(n, np.sum(weights))
    else:
        pull = np.asarray(abs(model.adjacency) @ weights)
    divisor = model.divisors(n)
    # where it depends on the positions it is about the pull itself, as that of attention is
    pull = np.ones(n) if divisor is None else pull / divisor * _force(model)
    if model.response is not None:
        pull = pull * model.response
    omega = 0.0 if model.frequencies is None else np.abs(model.frequencies - frame)
    return np.asarray(abs(model.coupling) * pull + omega)


def _force(model: Circle) -> float:
    """The largest force between two."""
    force = model.interaction
    return float(math.exp(min(force.log_scale, 600.0)) * force.peak)


def has_tails(model: Circle, n: int, frame: float) -> bool:
    """Whether a few particles are so fast that the mean error of all would hide theirs."""
    if model.identical:
        return False
    with np.errstate(over="ignore"):  # what overflows is seen when it moves
        each = rates(model, n, frame)
    return bool(np.max(each) / _UNEVEN > np.partition(each, n // 2)[n // 2])


def careful(options: dict[str, Any], model: Circle, n: int, frame: float) -> dict[str, Any]:
    """Options with steps no longer than the fastest particle allows."""
    if model.coupling == 0 or not has_tails(model, n, frame):
        return options
    omega = 0.0 if model.frequencies is None else np.abs(model.frequencies - frame)
    return longest_step(options, float(np.max(omega)))


def longest_step(options: dict[str, Any], fastest: float) -> dict[str, Any]:
    """Options with steps in which the fastest frequency turns little enough."""
    longest = _TURN / fastest if fastest > 0 else math.inf
    return {**options, "max_step": min(float(options["max_step"]), longest)}
