"""What is known beforehand of the coefficients of a time-dependent generator: values at many times,
and where they change.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..operators.time_factor import value_at
from .liouvillian import Liouvillian

__all__ = ["Looks", "look_ahead", "values_over"]

#: looks at a coefficient between two outputs, and at least so many over the whole run
_LOOKS, _LEAST_LOOKS = 16, 4096
_MOST_LOOKS = 40_000
#: change of a coefficient, relative to its range, that counts as activity
_QUIET = 1e-7


@dataclass(frozen=True)
class Looks:
    """Values of the coefficients over a run.

    Attributes
    ----------
    grid : ndarray of shape (G,)
        Times: the outputs, points between them, knots of sampled coefficients.
    values : ndarray of shape (G, C)
        Of each coefficient.
    active : ndarray of shape (A, 2)
        Where they change: rows (begin, end), in order; steps must not pass an edge unseen.
    """

    grid: np.ndarray
    values: np.ndarray
    active: np.ndarray

    def within(self, begin: float, end: float) -> slice:
        """Of the grid, what lies between two times."""
        low, high = np.searchsorted(self.grid, [begin, end], side="right")
        return slice(int(low), max(int(high) - 1, int(low)))

    def longest(self, t: float) -> float:
        """Longest step from `t` that an interval of activity allows."""
        if not len(self.active):
            return np.inf
        k = int(np.searchsorted(self.active[:, 0], t, side="right")) - 1
        begin, end = self.active[k]
        return 0.25 * float(end - begin) if k >= 0 and begin <= t < end else np.inf


def _knots(coefficient: Any) -> np.ndarray:
    """Times at which the sampled parts of a coefficient are given; empty for functions."""
    found = [np.zeros(0)]

    def collect(item: Any) -> None:
        if hasattr(item, "from_PPoly"):
            found.append(np.asarray(item.__reduce__()[1][0], dtype=float))
        elif hasattr(item, "replace_arguments"):
            collect(item.__reduce__())
        elif isinstance(item, (tuple, list)):
            for part in item:
                collect(part)

    # a coefficient that cannot be taken apart is looked at like a function
    with contextlib.suppress(TypeError, AttributeError):
        collect(coefficient)
    return np.concatenate(found)


def values_over(coefficients: Sequence[Any], times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times (G,) and values (G, C) of every coefficient: at the outputs, between them, and at the
    knots of sampled ones.

    Raises
    ------
    ValueError
        A coefficient raises, or is not finite.
    """
    looks = int(np.clip(_LEAST_LOOKS // len(times) + 1, _LOOKS, _MOST_LOOKS // len(times) + 1))
    pieces = [times[:-1] + (times[1:] - times[:-1]) * (k / looks) for k in range(looks)]
    grid = np.concatenate([*pieces, times[-1:], *(_knots(c) for c in coefficients)])
    grid = np.unique(grid[(grid >= times[0]) & (grid <= times[-1])])
    values = np.array([[value_at(c, t) for c in coefficients] for t in grid])
    if not np.all(np.isfinite(values)):
        k = int(np.argmax(~np.all(np.isfinite(values), axis=1)))
        raise ValueError(f"a coefficient of the system is not finite at t={grid[k]:g}")
    return grid, values


def look_ahead(liouvillian: Liouvillian, times: np.ndarray) -> Looks:
    """Look at every coefficient of a run; see :func:`values_over`."""
    count = len(liouvillian.coefficients)
    if len(times) < 2:
        return Looks(np.zeros(0), np.zeros((0, count)), np.zeros((0, 2)))
    grid, values = values_over(liouvillian.coefficients, times)
    span = np.abs(values - values[:1]).max(axis=0)
    moving = np.any(
        np.abs(np.diff(values, axis=0)) > _QUIET * np.where(span > 0, span, np.inf), axis=1
    )
    edges = np.flatnonzero(np.diff(np.concatenate([[False], moving, [False]]).astype(int)))
    active = np.stack([grid[edges[0::2]], grid[edges[1::2]]], axis=1)
    return Looks(grid, values, active)
