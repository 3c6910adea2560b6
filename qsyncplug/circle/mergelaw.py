"""What a model means for particles that merge: fields, contraction, and logarithmic time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._ext.circle import MeanField
from .cells import CellTables, count_cells
from .field import KINDS, choose_kernel
from .joins import Moment
from .model import Circle
from .survivors import Survivors

__all__ = ["MergeLaw"]


class MergeLaw:
    """The law of motion of particles that merge, and where they may.

    Parameters
    ----------
    model : Circle
    n : int
        Particles at the start.
    gap : float
        Distance at which neighbours merge.
    contraction : float
        They do where the field contracts by this part of what the particles nearby could give.
    threads : int

    Notes
    -----
    Times are those of forces with the largest exponent taken out, divided by the weight of all;
    :meth:`clock` goes back to the model's.
    """

    def __init__(self, model: Circle, n: int, gap: float, contraction: float, threads: int):
        self.force, self.gap, self.contraction, self.threads = (
            model.interaction,
            gap,
            contraction,
            threads,
        )
        self.near = gap * (1 + 1e-9)  # the same extent, computed twice
        self.total = model.total_weight(n)
        self.divided = isinstance(model.normalization, str) and model.normalization == "attention"
        self.attention = self.force.kind == "attention" and self.force.beta != 0
        self.unit = _unit_of(model, n, self.divided)
        self.series = self.force.coefficients()
        self.weight_series = self.force.normaliser_coefficients() if self.divided else None
        grid = np.linspace(0, np.pi, 4 * self.series.size + 64)
        falling = np.flatnonzero(self.force.df(grid) <= 0)
        #: how far away particles may still make the field contract
        self.reach = min(np.pi, 3 * float(grid[falling[0]])) if falling.size else np.pi

    def field(
        self, weights: np.ndarray, kernel: str | None = None, shift: float = 0.0
    ) -> MeanField:
        """Velocity field of particles of these `weights`; the fastest kernel unless given."""
        kind = KINDS[self.force.kind]
        if kernel is None:
            cells = count_cells([self.series])
            kernel = choose_kernel(weights.size, self.series.size, cells, kind, True)
        tables = None
        if kernel.startswith("taylor"):
            weights_too = [] if self.weight_series is None else [self.weight_series[1:]]
            tables = CellTables(count_cells([self.series, *weights_too]))
        return MeanField(
            weights.size,
            kind,
            self.force.beta,
            self.series,
            self.weight_series,
            weights,
            scale=1.0 if self.divided else 1 / self.total,
            method=kernel,
            cells=tables,
            threads=self.threads,
            shift=shift,
        )

    def clock(self, base: float, shift: float) -> Callable[[Any], np.ndarray]:
        """The function from the time since ``exp(base)``, with forces larger by ``exp(-shift)``, to
        ln t.
        """

        def log_time(time: Any) -> np.ndarray:
            with np.errstate(divide="ignore"):
                return np.asarray(np.logaddexp(base, np.log(time) - shift - self.unit))

        return log_time

    # ------------------------------------------------------------ contraction

    def contraction_rate(self, field: MeanField, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """χ′ with weights of sum 1, and the rate at which a width at each particle shrinks."""
        slope = field.slope(x) / self.total
        if not self.divided:
            return slope, slope
        v = field(0.0, x)
        # −V′ of V=−χ/g with g′=−β χ
        return slope, slope / (field.last_norm() / self.total) + self.force.beta * v * v

    def moment(
        self, here: Survivors, time: float, rate: np.ndarray, slope: np.ndarray | None
    ) -> Moment:
        """Positions, widths and the field's contraction; no slope: everything may merge."""
        below, above = here.reaches()
        x = here.x
        sums: list[np.ndarray] = []

        def margin(k: np.ndarray) -> np.ndarray:
            if slope is None:
                return np.zeros(k.size)
            if not sums:
                sums.append(np.concatenate([[0.0], np.cumsum(here.weights)]))
            # χ′ against what all the weight nearby would give
            nearby = self._weight_up_to(x, sums[0], x[k] + self.reach, "right")
            nearby -= self._weight_up_to(x, sums[0], x[k] - self.reach, "left")
            limit = self.contraction * self.force.slope * np.minimum(nearby, self.total)
            return np.asarray(slope[k] * self.total - limit)

        return Moment(time, x, below, above, rate, margin)

    def _weight_up_to(
        self, x: np.ndarray, sums: np.ndarray, at: np.ndarray, side: Any
    ) -> np.ndarray:
        """Weight from x[0] up to `at`, around the circle."""
        turns = np.floor((at - x[0]) / (2 * np.pi))
        return np.asarray(
            sums[np.searchsorted(x, at - 2 * np.pi * turns, side=side)] + turns * self.total
        )

    def ready(self, here: Survivors, field: MeanField, shift: float) -> Moment | None:
        """The moment at which a pair is within the gap where the field contracts; None: it is
        not.
        """
        k = np.flatnonzero(here.extents() <= self.near)  # as in Moment.extent
        if k.size == 0:
            return None
        slope = field.slope(here.x) / self.total * math.exp(shift)
        moment = self.moment(here, 0.0, np.zeros(here.size), slope)
        able = np.any((moment.margin(k) >= 0) & (moment.margin(k + 1) >= 0))
        return moment if able else None

    # ------------------------------------------------------------ forces that may be tiny

    def exponent(self, distance: np.ndarray) -> np.ndarray:
        """Logarithm of the scaled attention weight."""
        beta = self.force.beta
        half = np.sin(distance / 2) if beta >= 0 else np.cos(distance / 2)
        return -2 * abs(beta) * half * half

    def largest_exponent(self, x: np.ndarray) -> float:
        """Logarithm of the largest force between two particles of unit weight, at most 0."""
        if not self.attention:
            return 0.0
        if self.force.beta > 0:
            # in every step, where np.diff and np.append would cost more than the exponents
            d = np.empty_like(x)
            d[:-1] = x[1:] - x[:-1]
            d[-1] = x[0] + 2 * np.pi - x[-1]
        else:
            d = (x[:, None] - x[None, :])[np.triu_indices(x.size, 1)]
        s = np.abs(np.sin(d))
        d, s = d[s > 0], s[s > 0]
        if d.size == 0:
            return 0.0
        return min(0.0, float(np.max(self.exponent(d) + np.log(s), initial=-1e300)))

    def pairs(self, here: Survivors, shift: float) -> tuple[np.ndarray, np.ndarray]:
        """Force and slope of every particle on every other, (m, m), larger by ``exp(-shift)``."""
        d, c = here.x[:, None] - here.x[None, :], here.weights
        if not self.attention:
            return self.force.f(d) * c, self.force.df(d) * c
        with np.errstate(under="ignore", over="ignore"):
            weight = np.exp(np.minimum(self.exponent(d) - shift, 600.0))
        s = np.sin(d)
        return s * weight * c, (np.cos(d) - self.force.beta * s * s) * weight * c


def _unit_of(model: Circle, n: int, divided: bool) -> float:
    """Logarithm of the factor between the velocity and that of unit total weight and scaled
    force.
    """
    result = math.log(model.coupling)
    if model.response is not None:
        result += math.log(model.response[0])
    if divided:
        return result
    divisor: Any = model.divisors(n)
    result += model.interaction.log_scale
    return result + math.log(model.total_weight(n)) - math.log(np.max(divisor))
