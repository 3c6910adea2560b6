"""Distributions of natural frequencies: centre, width, support, Hilbert transform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .integrals import integral

__all__ = ["Density"]


class Density:
    """A density with its centre, width and the edges of its support."""

    def __init__(self, source: Any):
        if hasattr(source, "pdf"):
            self.density: Callable[[Any], Any] = source.pdf
            low, high = (float(v) for v in source.support())
            self.centre = float(source.median())
            self.points = np.asarray(source.ppf(np.linspace(0.002, 0.998, 65)), dtype=float)
        else:
            self.density = source
            low, high = -np.inf, np.inf
            self._from_callable()
        if not np.all(np.isfinite(self.points)):
            raise ValueError("frequencies must be a continuous distribution with finite quantiles")
        self.width = float(self.points[-1] - self.points[0]) / 2
        self.low, self.high = low, high
        self.edges = [abs(e - self.centre) for e in (low, high) if np.isfinite(e)]
        s = np.linspace(0.01, 1.5, 150) * self.width
        right, left = (
            np.asarray(self.density(self.centre + s)),
            np.asarray(self.density(self.centre - s)),
        )
        top = float(np.max([np.max(right), np.max(left), self(self.centre)]))
        self.symmetric = bool(np.all(np.abs(right - left) <= 1e-9 * top))
        self.unimodal = bool(
            np.all(np.diff(np.concatenate([[self(self.centre)], right])) <= 1e-9 * top)
        )

    def _from_callable(self) -> None:
        grid = np.concatenate([-np.logspace(6, -6, 600), [0.0], np.logspace(-6, 6, 600)])
        try:
            values = np.asarray(self.density(grid), dtype=float)
        except Exception as error:
            raise TypeError(
                f"a density must take an array; it raised {type(error).__name__}: {error}"
            ) from error
        if values.shape != grid.shape or not np.all(np.isfinite(values)) or np.any(values < 0):
            raise ValueError("a density must be finite and not negative everywhere")
        mass = np.concatenate([[0.0], np.cumsum(np.diff(grid) * (values[1:] + values[:-1]) / 2)])
        if not abs(mass[-1] - 1) < 0.02:
            raise ValueError(
                f"a density must integrate to 1, not {mass[-1]:.4g} (give a scipy.stats "
                "distribution instead)"
            )
        rising = np.concatenate([[True], np.diff(mass) > 0])
        self.points = np.interp(
            np.linspace(0.002, 0.998, 65) * mass[-1], mass[rising], grid[rising]
        )
        self.centre = float(np.interp(0.5 * mass[-1], mass[rising], grid[rising]))
        mirror = grid[(values > 0) & (np.abs(grid) > 0)]
        # a density that is even about 0 has its centre there, which interpolation finds only
        # roughly
        if np.allclose(self.density(mirror), self.density(-mirror), rtol=1e-9, atol=0):
            self.centre = 0.0

    def __call__(self, omega: float) -> float:
        """The density at one frequency."""
        return float(self.density(omega))

    def rough_hilbert(self, omega: np.ndarray) -> np.ndarray:
        """Hilbert transform at many points, good enough for its sign: the midpoint rule, with each
        point between nodes.
        """
        step = self.width / 2048
        offset = (np.arange(16 * 2048) + 0.5) * step
        inside = np.empty(omega.size)
        for k, centre in enumerate(omega):
            values = np.asarray(self.density(centre + offset)) - np.asarray(
                self.density(centre - offset)
            )
            inside[k] = np.sum(values / offset) * step
        return inside

    def hilbert(self, omega: float) -> float:
        """Principal value ∫ g(ω′)/(ω′−ω) dω′ at one frequency, by adaptive quadrature of the
        difference about it.
        """

        def integrand(s: float) -> float:
            return (self(omega + s) - self(omega - s)) / s

        edges = sorted(abs(e - omega) for e in (self.low, self.high) if np.isfinite(e))
        if len(edges) == 2:
            pieces = [(0.0, edges[0]), (edges[0], edges[1])]
        elif edges:
            pieces = [
                (0.0, edges[0]),
                (edges[0], edges[0] + self.width),
                (edges[0] + self.width, np.inf),
            ]
        else:
            pieces = [(0.0, self.width), (self.width, 10 * self.width), (10 * self.width, np.inf)]
        return float(
            sum(
                integral(integrand, a, b, absolute=1e-11 / self.width, relative=1e-10)
                for a, b in pieces
                if b > a
            )
        )
