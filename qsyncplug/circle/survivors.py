"""The particles that are left of those that merge, and what has become of the merged ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .model import Circle
from .turns import wrap

__all__ = ["Survivors"]


@dataclass(frozen=True)
class Survivors:
    """Particles in order, within less than a turn; never changed, so that an interrupt finds them
    whole.

    Attributes
    ----------
    x : (m,) array
        Positions, counted from `origin`.
    weights : (m,) array
        Of all that each stands for.
    nodes : (m,) array of int
        Of the merge tree.
    log_width : (m,) array
        ln of how far what has merged into each would extend; −∞ for what has not.
    part_below : (m,) array
        Part of that width which is below the position.
    origin : float
        Near the pair that merges next, so that its gap keeps all its digits.
    turned : float
        Weight times turns that the cut of the circle has moved.
    """

    x: np.ndarray
    weights: np.ndarray
    nodes: np.ndarray
    log_width: np.ndarray
    part_below: np.ndarray
    origin: float = 0.0
    turned: float = 0.0

    @classmethod
    def of(cls, model: Circle, x0: np.ndarray) -> Survivors:
        """All particles of a state."""
        weights = np.ones(x0.size) if model.weights is None else np.array(model.weights)
        wrapped = wrap(x0)[0]
        order = np.argsort(wrapped, kind="stable")
        nowhere = np.full(x0.size, -np.inf)
        return cls(
            wrapped[order], weights[order], order.astype(np.intp), nowhere, np.zeros(x0.size)
        )

    @property
    def size(self) -> int:
        """Number of particles that are left, merged ones counted as one."""
        return self.x.size

    @property
    def angles(self) -> np.ndarray:
        """Positions in order around the circle, the first in [0, 2π)."""
        x = self.x + self.origin
        return np.asarray(x - 2 * np.pi * np.floor(x[0] / (2 * np.pi)))

    @property
    def gaps(self) -> np.ndarray:
        """Distances of neighbours, (m−1,)."""
        return np.asarray(self.x[1:] - self.x[:-1])

    def mean(self, total: float) -> float:
        """Weighted mean of the unwrapped positions, which forces of pairs conserve."""
        return (float(self.x @ self.weights) - 2 * np.pi * self.turned) / total + self.origin

    def reaches(self) -> tuple[np.ndarray, np.ndarray]:
        """How far what has merged extends below and above each position."""
        if not np.any(np.isfinite(self.log_width)):
            nothing = np.broadcast_to(0.0, self.x.shape)
            return nothing, nothing
        with np.errstate(under="ignore"):
            width = np.exp(np.minimum(self.log_width, 700.0))
        below = self.part_below * width
        return below, width - below

    def extents(self) -> np.ndarray:
        """How far neighbours extend, from the lower end of one to the upper end of the next."""
        below, above = self.reaches()
        return np.asarray(self.gaps + below[:-1] + above[1:])

    def moved(self, x: np.ndarray, log_width: np.ndarray | None = None) -> Survivors:
        """The same particles at other positions."""
        if log_width is None:
            log_width = self.log_width
        # in every step: a replaced field costs ten times as much
        return Survivors(
            x, self.weights, self.nodes, log_width, self.part_below, self.origin, self.turned
        )

    def about_the_next(self) -> tuple[Survivors, float]:
        """Positions counted from the closest pair, and its gap."""
        k = int(np.argmin(self.gaps))
        a, b = self.weights[k], self.weights[k + 1]
        pair = self.x[k] + (self.x[k + 1] - self.x[k]) * b / (a + b)
        x = self.x - pair
        return replace(self, x=x, origin=self.origin + pair), float(x[k + 1] - x[k])

    def cut(self) -> Survivors:
        """Begin after the largest gap, so that nothing merges across the ends."""
        x = self.x
        k = int(np.argmax(np.append(np.diff(x), x[0] + 2 * np.pi - x[-1]))) + 1
        if k >= x.size:
            return self
        return Survivors(
            x=np.concatenate([x[k:], x[:k] + 2 * np.pi]),
            weights=np.roll(self.weights, -k),
            nodes=np.roll(self.nodes, -k),
            log_width=np.roll(self.log_width, -k),
            part_below=np.roll(self.part_below, -k),
            origin=self.origin,
            turned=self.turned + float(np.sum(self.weights[:k])),
        )

    def merged(self, first: np.ndarray, nodes: np.ndarray) -> Survivors:
        """One particle of each group, at its weighted mean.

        Parameters
        ----------
        first : (g,) array of int
            Where each group begins.
        nodes : (g,) array of int
            Node that each has become.
        """
        x, c = self.x, self.weights
        last = np.append(first[1:], x.size) - 1
        counts = last - first + 1
        below, above = self.reaches()
        mass = np.add.reduceat(c, first)
        centre = x[first] + np.add.reduceat(c * (x - np.repeat(x[first], counts)), first) / mass
        width = np.maximum((x[last] - x[first]) + below[first] + above[last], 0.0)
        low = (centre - x[first]) + below[first]
        single = counts == 1
        with np.errstate(divide="ignore", invalid="ignore"):
            log_width = np.where(single, self.log_width[first], np.log(width))
            share = np.where(width > 0, low / width, 0.0)
        part = np.clip(np.where(single, self.part_below[first], share), 0.0, 1.0)
        at = np.where(single, x[first], centre)
        return Survivors(at, mass, nodes, log_width, part, self.origin, self.turned)
