"""How fast a Wigner–Lohe run moves: what the first steps are made from, in any unit of time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .kernels import kernel_of
from .model import WignerLohe
from .state import InitialState

__all__ = ["rate_scale"]


def rate_scale(model: WignerLohe, state: InitialState) -> float:
    """A rate at which a run moves: κ, and the spread of energy of its oscillators.

    It has the unit of 1/time, so that a first step made from it is the same in any unit.
    """
    rate = model.coupling + float(np.ptp(model.rates(state.n))) if model.common else model.coupling
    grid = model.grid
    worst = 0.0
    for h, (x, p) in zip(model.hamiltonians(state.n), _densities(model, state), strict=True):
        v, mass = h.values, float(np.sum(x))
        mean = float(np.sum(x * v)) / mass
        spread = float(np.sqrt(np.sum(x * (v - mean) ** 2) / mass))
        kinetic = float(np.sum(p * grid.kinetic) / np.sum(p))
        worst = max(worst, spread + kinetic)
    return rate + worst


def _densities(model: WignerLohe, state: InitialState) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each oscillator, where it is and how it moves, on the grid and on its wave numbers."""
    grid, axes = model.grid, tuple(range(1, 1 + model.grid.ndim))
    for j in range(state.n):
        if state.left is not None:
            rows = state.left[j].reshape(-1, *grid.shape)
        else:
            assert state.arrays is not None
            kernel = kernel_of(state.arrays[j, j], model.phase_space)
            rows = kernel.reshape(grid.size, *grid.shape)
        hat = np.fft.fftn(rows, axes=axes)
        yield np.sum(np.abs(rows) ** 2, axis=0), np.sum(np.abs(hat) ** 2, axis=0)
