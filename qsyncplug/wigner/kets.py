"""Kets and operators of one mode, as QuTiP has them, on a line."""

from __future__ import annotations

import numpy as np
import qutip

from ..core.grid import Grid
from .kernels import hermite_functions

__all__ = ["check_line", "check_qobj", "fock_diagnostics", "fock_to_grid", "occupied_levels"]


def check_qobj(name: str, state: qutip.Qobj) -> None:
    """Raise unless `state` is a finite ket or operator of one mode."""
    if state.isbra and not state.isket and state.shape[1] > 1:
        raise ValueError(f"{name} must be a ket or an operator, not a bra; use {name}.dag()")
    if not (state.isket or state.isoper):
        raise ValueError(f"{name} must be a ket or an operator, not of type {state.type!r}")
    if len(state.dims[0]) != 1:
        raise ValueError(
            f"{name} must be of one mode, not of dims {state.dims}: a Wigner function of several "
            "modes has more than two "
            f"axes; use {name}.ptrace(k), or give the state as an array on a Grid of as many "
            "dimensions"
        )
    if not np.all(np.isfinite(state.full())):
        raise ValueError(f"{name} must be finite")


def occupied_levels(state: qutip.Qobj) -> int:
    """Levels that are occupied; the rest of the Fock space is empty."""
    data = np.abs(state.full())
    used = data.max(axis=1)
    if not state.isket:
        used = np.maximum(used, data.max(axis=0))
    where = np.nonzero(used > 1e-16 * used.max())[0]
    return int(where[-1]) + 1 if where.size else 1


def check_line(grid: Grid) -> None:
    """Refuse a grid on which no state of one mode lives."""
    if grid.ndim != 1:
        raise ValueError(
            f"a QuTiP state of one mode needs a grid of one dimension, not {grid.ndim}"
        )


def fock_to_grid(state: qutip.Qobj, grid: Grid, points: np.ndarray | None = None) -> np.ndarray:
    """A ket as an array ψ(x), or an operator as a kernel K(x, x′), at `points` (the grid's own
    unless given).
    """
    check_line(grid)
    m = occupied_levels(state)
    h = hermite_functions(grid.axes[0] if points is None else points, m)
    if state.isket:
        return np.asarray(state.full().ravel()[:m] @ h)
    return np.asarray(h.T @ state.full()[:m, :m] @ h)


def fock_diagnostics(state: qutip.Qobj, grid: Grid) -> dict[str, float]:
    """As :func:`.fit.state_diagnostics`, from the continuous functions: what lies beyond the grid
    would alias into it.
    """
    check_line(grid)
    m = occupied_levels(state)
    edge = grid.lengths[0] / 2
    highest = np.pi / grid.spacing[0]
    full = state.full()[:m] if state.isket else state.full()[:m, :m]
    sides = [full] if state.isket else [full, full.conj().T]
    found = {"x": 0.0, "p": 0.0}
    for name, end, phase in (("x", edge, 1.0), ("p", highest, -1j)):
        inner = np.linspace(-end, end, 4 * m + 200)
        outer = np.linspace(1.0, 1.5, 60) * end
        outer = np.concatenate([-outer[::-1], outer])
        for side in sides:
            c = side * (phase ** np.arange(m)).reshape((-1,) + (1,) * (side.ndim - 1))
            values = [np.abs(hermite_functions(x, m).T @ c) for x in (inner, outer)]
            top = max(v.max() for v in values)
            found[name] = max(found[name], float(values[1].max() / top) if top else 0.0)
    return found
