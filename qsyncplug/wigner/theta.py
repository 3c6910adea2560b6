"""The potential term Θ[V] of the Wigner equation, for phase-space arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core.checks import check_memory
from ..core.grid import Grid
from .kernels import from_correlation, to_momentum
from .measures import phase_space_array
from .phase_space import PhaseSpace, as_phase_space

__all__ = ["theta_operator"]


def theta_operator(
    w: ArrayLike,
    space: PhaseSpace | Grid,
    potential: Callable[..., Any],
    other: Callable[..., Any] | None = None,
) -> np.ndarray:
    r"""Return Θ[V]w, the potential term of the Wigner equation :math:`∂_tw+p·∇_xw+Θ[V]w=0`.

    .. math::
        Θ[V_i,V_j]w = i(2π)^{-d}∬[V_i(x+\tfrac y2)-V_j(x-\tfrac y2)]\,w(x,p')\,e^{-i(p-p')·y}\,dp'dy

    Parameters
    ----------
    w : array of shape ``space.shape``
        Real, or complex.
    space : PhaseSpace or Grid
        Its axes.
    potential : callable
        V_i, given d arrays of coordinates; it is asked between the points of the grid and beyond.
    other : callable, optional
        V_j; V_i unless given.

    Returns
    -------
    ndarray of shape ``space.shape``
        Real for a real `w` and one potential.

    Raises
    ------
    ValueError, TypeError
        `w` does not fit, or a potential is no function, complex or not finite.
    MemoryLimitError
        It would not fit into memory.

    Notes
    -----
    For a quadratic V it is :math:`-∇V·∇_pw`. In L² :math:`‖Θ[V]w‖ ≤ (\sup V-\inf V)‖w‖`, by which
    Lemma 4.2 of Ha, Hwang and Kim holds for bounded V. Θ[V] and p·∇_x do not commute, as its proof
    has it.

    Examples
    --------
    >>> from qsyncplug.wigner import wigner_transform
    >>> grid = Grid(64, 16.0)
    >>> space = PhaseSpace(grid)
    >>> w = wigner_transform(grid.gaussian(), grid=grid)
    >>> exact = 2 * space.x[:, None] * space.p * w      # −x ∂w/∂p of w=e^(−x²−p²)/π
    >>> bool(np.max(np.abs(theta_operator(w, space, lambda x: x**2 / 2) - exact)) < 1e-12)
    True
    """
    space = as_phase_space(space)
    array = phase_space_array("w", w, space)
    for name, value in (("potential", potential), ("other", other)):
        if value is not None and not callable(value):
            raise TypeError(f"{name} must be a function of the coordinates, not {value!r:.60}")
    check_memory("Θ[V]w", 6.0 * space.nbytes(), advice="take fewer points")
    u = from_correlation(array.astype(complex), space)
    second = potential if other is None else other
    u *= 1j * (_between(potential, space, 1, "potential") - _between(second, space, -1, "other"))
    real = other is None and not np.iscomplexobj(array)
    out = to_momentum(u, space, False)
    return np.ascontiguousarray(out.real) if real else out


def _between(potential: Callable[..., Any], space: PhaseSpace, sign: int, name: str) -> np.ndarray:
    """V(x±y/2) on all (x, y), y ascending."""
    d = space.ndim
    points = []
    for a in range(d):
        shape = [1] * (2 * d)
        shape[a], shape[d + a] = len(space.x_axes[a]), len(space.y_axes[a])
        points.append((space.x_axes[a][:, None] + sign * space.y_axes[a] / 2).reshape(shape))
    value = np.asarray(potential(*points))
    if np.iscomplexobj(value):
        raise ValueError(f"{name} must be real")
    value = np.broadcast_to(np.asarray(value, dtype=float), space.shape)
    if not np.all(np.isfinite(value)):
        raise ValueError(f"{name} must be finite between the points of the grid and beyond")
    return value
