"""The phase-space grid that belongs to a position grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.checks import check_integer
from ..core.grid import Grid
from ..core.saved import Saved

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = ["PhaseSpace", "as_phase_space", "fock_grid"]

#: Fock levels beyond which e^{−x²/2} underflows where the highest level still lives
MAX_FOCK = 600


@dataclass(frozen=True)
class PhaseSpace(Saved):
    r"""The grid in (x, p) on which Wigner transforms of states on `grid` are exact.

    For n points at distance dx=L/n in a dimension of `grid`: 2n positions :math:`x_J=-L/2+J\,dx/2`,
    2n momenta
    :math:`p_k=k\,π/L`, ``k = −n … n−1``, and 2n separations :math:`y_m=m\,dx`, ``m = −n … n−1``. A
    phase-space array has shape ``(2n_1, …, 2n_d, 2n_1, …, 2n_d)``: positions first, then momenta,
    both ascending.

    Parameters
    ----------
    grid : Grid
        Of the states.

    Attributes
    ----------
    x, p : ndarray, or tuple of ndarray
        The axes: an array in one dimension, a tuple of arrays in more.

    Examples
    --------
    >>> space = PhaseSpace(Grid(64, 16.0))
    >>> space.shape, float(space.dx[0]), bool(np.isclose(space.dp[0], np.pi / 16))
    ((128, 128), 0.125, True)
    """

    grid: Grid

    def __post_init__(self) -> None:
        if not isinstance(self.grid, Grid):
            raise TypeError(f"grid must be a Grid, not {type(self.grid).__name__}")

    @property
    def ndim(self) -> int:
        """Number of position dimensions d; an array has 2d axes."""
        return self.grid.ndim

    @property
    def x_shape(self) -> tuple[int, ...]:
        """Points along each position axis; the same along the momentum axes."""
        return tuple(2 * n for n in self.grid.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a phase-space array."""
        return self.x_shape * 2

    @property
    def size(self) -> int:
        """Number of points of one phase-space array."""
        return int(np.prod([float(n) for n in self.shape]))

    @property
    def dx(self) -> tuple[float, ...]:
        """Distance of neighbouring positions along each axis: half that of the grid."""
        return tuple(h / 2 for h in self.grid.spacing)

    @property
    def dp(self) -> tuple[float, ...]:
        """Distance of neighbouring momenta along each axis: π/L."""
        return tuple(np.pi / x for x in self.grid.lengths)

    @property
    def x_weight(self) -> float:
        """Volume of a cell in position: ∫dx is a sum times this."""
        return float(np.prod(self.dx))

    @property
    def p_weight(self) -> float:
        """Volume of a cell in momentum: ∫dp is a sum times this."""
        return float(np.prod(self.dp))

    @property
    def weight(self) -> float:
        """Volume of a cell: ∫dx dp is a sum times this."""
        return self.x_weight * self.p_weight

    @cached_property
    def x_axes(self) -> tuple[np.ndarray, ...]:
        """Positions along each axis."""
        return tuple(
            -x / 2 + h * np.arange(n)
            for x, h, n in zip(self.grid.lengths, self.dx, self.x_shape, strict=True)
        )

    @cached_property
    def p_axes(self) -> tuple[np.ndarray, ...]:
        """Momenta along each axis, ascending."""
        return tuple(
            h * np.arange(-n // 2, n // 2) for h, n in zip(self.dp, self.x_shape, strict=True)
        )

    @cached_property
    def y_axes(self) -> tuple[np.ndarray, ...]:
        """Separations y conjugate to the momenta, along each axis, ascending."""
        return tuple(
            h * np.arange(-n // 2, n // 2)
            for h, n in zip(self.grid.spacing, self.x_shape, strict=True)
        )

    @property
    def x(self) -> Any:
        """Positions: an array in one dimension, a tuple of arrays in more."""
        return self.x_axes[0] if self.ndim == 1 else self.x_axes

    @property
    def p(self) -> Any:
        """Momenta: an array in one dimension, a tuple of arrays in more."""
        return self.p_axes[0] if self.ndim == 1 else self.p_axes

    def nbytes(self, dtype: DTypeLike = complex) -> int:
        """Bytes of one phase-space array of numbers of a `dtype`."""
        return int(self.size * np.dtype(dtype).itemsize)

    def integrate(self, w: np.ndarray) -> Any:
        """∫ w dx dp; leading axes of `w` are batch axes."""
        return np.sum(w, axis=tuple(range(-2 * self.ndim, 0))) * self.weight


def as_phase_space(space: Any, name: str = "space") -> PhaseSpace:
    """`space` itself, or the phase space of a Grid."""
    if isinstance(space, PhaseSpace):
        return space
    if isinstance(space, Grid):
        return PhaseSpace(space)
    raise TypeError(f"{name} must be a PhaseSpace or a Grid, not {type(space).__name__}")


def fock_grid(levels: int) -> Grid:
    r"""The smallest grid on which Fock states 0 … levels−1 of ½p²+½x² have their Wigner functions
    to about 1e-12.

    It is as wide in momentum as in position: half width :math:`X=\sqrt{2M-1}+7.5\,M^{-1/6}`,
    :math:`n≥2X²/π` points.

    Parameters
    ----------
    levels : int
        Fock dimension M, at most 600.

    Returns
    -------
    Grid

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.fock_grid(4)
    Grid(points=(48,), length=(17.197010511890678,))
    """
    m = check_integer("levels", levels, minimum=1, maximum=MAX_FOCK)
    half = float(np.sqrt(2 * m - 1) + 7.5 * m ** (-1 / 6))
    return Grid(points=2 * int(np.ceil(half**2 / np.pi)), length=2 * half)
