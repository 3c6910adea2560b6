"""Normalizations and interactions that are functions of the user, as the kernels call them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Divisors", "PairSums", "divisors_of"]

_BLOCK = 2**18  # differences held at a time


def divisors_of(function: Callable[[np.ndarray], Any], x: np.ndarray) -> np.ndarray:
    """The n positive numbers g(x) of a normalization that is a function.

    Raises
    ------
    TypeError, ValueError
        What the function returns is no such thing.
    """
    value = np.asarray(function(x))
    if value.dtype.kind not in "fiu":
        raise TypeError(f"normalization g(x) must return real numbers, not {value.dtype}")
    if value.shape not in ((), x.shape):
        raise ValueError(
            f"normalization g(x) must return {x.size} numbers, or one, not an array of shape "
            f"{value.shape}"
        )
    value = np.ascontiguousarray(np.broadcast_to(value, x.shape), dtype=np.float64)
    wrong = np.flatnonzero(~((value > 0) & np.isfinite(value)))
    if wrong.size:
        raise ValueError(
            f"normalization g(x) must return positive numbers; g[{wrong[0]}] is {value[wrong[0]]}"
        )
    return value


@dataclass(frozen=True)
class Divisors:
    """A normalization, checked whenever a kernel calls it."""

    function: Callable[[np.ndarray], Any]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Values of the divisors at `x`."""
        return divisors_of(self.function, x)


@dataclass(frozen=True)
class PairSums:
    """Sums over pairs of an interaction without a sine series, a block of rows at a time."""

    function: Callable[[np.ndarray], np.ndarray]
    weights: np.ndarray | None
    lag: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Σ_j c_j f(x_i − x_j + lag), (n,)."""
        total = np.empty(x.size)
        block = max(1, _BLOCK // x.size)
        for i in range(0, x.size, block):
            rows = slice(i, i + block)
            values = self.function(x[rows, None] - x[None, :] + self.lag)
            total[rows] = values.sum(axis=1) if self.weights is None else values @ self.weights
        return total
