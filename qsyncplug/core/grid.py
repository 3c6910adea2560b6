"""Periodic grids with spectral derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft

from .checks import asked, check_array, check_integer, check_memory, check_number
from .saved import Saved
from .types import Field

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Grid"]


def _per_dimension(name: str, value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else (value,)


@dataclass(frozen=True)
class Grid(Saved):
    r"""A periodic box with an equidistant grid, centred at the origin.

    Axis ``a`` holds :math:`x_j = -L/2 + jL/n`, ``j = 0 … n-1``, and the wave
    numbers :math:`2\pi m/L` in FFT order.

    Parameters
    ----------
    points : int or tuple of int
        Even number of points, one a dimension (1 to 3 dimensions).
    length : float or tuple of float
        Length of the box, one a dimension; one number serves all.

    Examples
    --------
    >>> grid = Grid(points=256, length=20.0)
    >>> psi = grid.gaussian(centre=1.0)
    >>> bool(abs(grid.norm(psi) - 1) < 1e-12)
    True
    """

    points: int | tuple[int, ...] = 256
    length: float | tuple[float, ...] = 20.0

    def __post_init__(self) -> None:
        points = tuple(
            check_integer("points", n, minimum=4) for n in _per_dimension("points", self.points)
        )
        lengths = tuple(
            check_number("length", x, minimum=0.0, strict=True)
            for x in _per_dimension("length", self.length)
        )
        if any(n % 2 for n in points):
            raise ValueError(f"points must be even in every dimension, not {points}")
        if len(lengths) == 1:
            lengths *= len(points)
        if len(points) == 1:
            points *= len(lengths)
        if len(points) != len(lengths):
            raise ValueError(
                f"points and length must have one entry a dimension; got {len(points)} and "
                f"{len(lengths)}"
            )
        if not 1 <= len(points) <= 3:
            raise ValueError(f"points: a grid has 1 to 3 dimensions, not {len(points)}")
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "length", lengths)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis, and the shape of a field."""
        assert isinstance(self.points, tuple)
        return self.points

    @property
    def lengths(self) -> tuple[float, ...]:
        """Length of the periodic box along each axis."""
        assert isinstance(self.length, tuple)
        return self.length

    @property
    def ndim(self) -> int:
        """Number of dimensions, 1 to 3."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of points of the whole grid."""
        return int(np.prod(self.shape))

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance of neighbouring points along each axis."""
        return tuple(x / n for x, n in zip(self.lengths, self.shape, strict=True))

    @property
    def weight(self) -> float:
        """Volume of a cell: integrals are sums times this."""
        return float(np.prod(self.spacing))

    @cached_property
    def axes(self) -> tuple[np.ndarray, ...]:
        """Positions along each axis, ascending from −length/2; the right end is left out."""
        return tuple(
            -x / 2 + x / n * np.arange(n) for x, n in zip(self.lengths, self.shape, strict=True)
        )

    @cached_property
    def wave_numbers(self) -> tuple[np.ndarray, ...]:
        """Wave numbers along each axis, in FFT order."""
        return tuple(
            2 * np.pi * scipy.fft.fftfreq(n, x / n)
            for x, n in zip(self.lengths, self.shape, strict=True)
        )

    @cached_property
    def mesh(self) -> tuple[np.ndarray, ...]:
        """Positions as arrays that broadcast to ``shape``."""
        return tuple(np.meshgrid(*self.axes, indexing="ij", sparse=True))

    @cached_property
    def wave_mesh(self) -> tuple[np.ndarray, ...]:
        """Wave numbers as arrays that broadcast to ``shape``."""
        return tuple(np.meshgrid(*self.wave_numbers, indexing="ij", sparse=True))

    @cached_property
    def kinetic(self) -> np.ndarray:
        """The multiplier ½k² of −½Δ, of shape ``shape``."""
        self.check_memory("the kinetic energy", 16.0)
        return np.asarray(sum(0.5 * k**2 for k in self.wave_mesh)) + np.zeros(self.shape)

    def field(self, name: str, value: Field, dtype: type = complex) -> np.ndarray:
        """Values of a function or array on the grid, checked.

        Parameters
        ----------
        name : str
            What messages call it.
        value : callable or array_like
            ``f(x, …)`` of the coordinates, or what broadcasts to ``shape``.
        dtype : type
            float or complex.

        Returns
        -------
        ndarray of shape ``shape``
            Finite numbers.
        """
        self.check_memory(name, 4.0 * np.dtype(dtype).itemsize)
        if callable(value):
            value = asked(name, value, *self.mesh)
        array = np.asarray(value)
        if array.ndim and array.shape != self.shape:
            try:
                array = np.broadcast_to(array, self.shape)
            except ValueError:
                raise ValueError(
                    f"{name} must have the grid's shape {self.shape}, not {array.shape}"
                ) from None
        elif array.ndim == 0:
            array = np.broadcast_to(array, self.shape)
        return check_array(name, array, shape=self.shape, dtype=dtype)

    def check_memory(self, what: str, per_point: float) -> None:
        """Raise :class:`MemoryLimitError` unless an array of the grid fits into memory.

        Parameters
        ----------
        what : str
            What the message calls it.
        per_point : float
            Bytes a point, temporaries included.
        """
        if per_point * self.size > 2**24:
            check_memory(what, per_point * self.size, advice="take a grid with fewer points")

    def inner(self, f: np.ndarray, g: np.ndarray) -> complex:
        r"""Inner product :math:`⟨f,g⟩=∫\bar f g`, antilinear in the first argument.

        Parameters
        ----------
        f, g : array of shape ``shape``
            Values on the grid.

        Returns
        -------
        complex
            The sum times ``weight``; spectrally exact for periodic functions.
        """
        return complex(np.vdot(f, g)) * self.weight

    def norm(self, f: np.ndarray) -> float:
        """The L² norm (∫|f|²)^½ of the values `f` on the grid.

        A wave function of mass 1 has norm 1.
        """
        return float(np.linalg.norm(np.ravel(f)) * np.sqrt(self.weight))

    def integrate(self, f: np.ndarray) -> Any:
        r"""Integral over the box by the trapezoid rule, spectrally exact for periodic functions.

        Parameters
        ----------
        f : array of shape (..., \*shape)
            Values; leading axes are batch axes.

        Returns
        -------
        number or ndarray of shape (...)
        """
        return np.sum(f, axis=tuple(range(-self.ndim, 0))) * self.weight

    def derivative(self, f: np.ndarray, axis: int = 0, order: int = 1) -> np.ndarray:
        r"""Spectral derivative along one axis of the grid.

        Parameters
        ----------
        f : array of shape (..., \*shape)
            Values; leading axes are batch axes.
        axis : int
            Of the grid, from 0.
        order : int
            Of the derivative.

        Returns
        -------
        ndarray of the shape of `f`
            Exact for functions that the grid resolves.
        """
        f = np.asarray(f)
        at = f.ndim - self.ndim + axis
        n = self.shape[axis]
        factor = (1j * self.wave_numbers[axis]) ** order
        if order % 2:
            # the highest mode of an even grid has no odd derivative
            factor[n // 2] = 0
        factor = factor.reshape((n,) + (1,) * (f.ndim - at - 1))
        out = scipy.fft.ifft(factor * scipy.fft.fft(f, axis=at), axis=at)
        return np.asarray(out if np.iscomplexobj(f) else out.real)

    def gaussian(
        self, centre: ArrayLike = 0.0, momentum: ArrayLike = 0.0, width: ArrayLike = 1.0
    ) -> np.ndarray:
        r"""Normalised Gaussian :math:`∝ e^{-(x-c)^2/2w^2 + ip·(x-c/2)}`.

        With ``width=1`` it is the coherent state of ``½p²+½x²`` with amplitude
        :math:`α=(c+ip)/\sqrt2`, in the phase convention of ``qutip.coherent``.

        Parameters
        ----------
        centre, momentum, width : float or sequence of float
            One a dimension; one number serves all.

        Returns
        -------
        ndarray of shape ``shape``
            Complex.

        Raises
        ------
        ValueError
            The grid cannot hold it: it lies outside the box, is narrower than the spacing, or its
            momentum is beyond the largest wave number.
        """
        self.check_memory("a Gaussian on the grid", 64.0)
        psi = np.ones(self.shape, dtype=complex)
        parts = []
        for name, value in (("centre", centre), ("momentum", momentum), ("width", width)):
            v = _per_dimension(name, value)
            v = v * self.ndim if len(v) == 1 else v
            parts.append(check_array(name, v, shape=(self.ndim,)))
        if np.any(parts[2] <= 0):
            raise ValueError(f"width must be positive, not {width!r}")
        for x, c, p, w in zip(self.mesh, *parts, strict=True):
            psi = (
                psi
                * np.exp(-((x - c) ** 2) / (2 * w**2) + 1j * p * (x - c / 2))
                / (np.pi * w**2) ** 0.25
            )
        self._require_held(psi, *parts)
        return psi

    def _require_held(
        self, psi: np.ndarray, centre: np.ndarray, momentum: np.ndarray, width: np.ndarray
    ) -> None:
        """Raise unless the grid holds the Gaussian with these parameters."""
        largest = np.pi / np.array(self.spacing)
        if np.any(np.abs(momentum) >= largest):
            raise ValueError(
                f"momentum={momentum.tolist()} must be below the largest wave number "
                f"{largest.tolist()} of the grid: take more points"
            )
        norm = self.norm(psi)
        if not 0.5 < norm < 1.05:
            raise ValueError(
                f"centre={centre.tolist()}, width={width.tolist()}: the grid of spacing "
                f"{list(self.spacing)} in a box of length {list(self.lengths)} does not hold this "
                f"Gaussian (norm {norm:.3g} in place of 1): take a longer box or more points"
            )

    def edge_fraction(self, f: np.ndarray, outer: float = 0.05) -> float:
        """Fraction of ∫|f|² in the outer part of the box, the largest over the axes."""
        density = np.abs(np.asarray(f)) ** 2
        density = density.reshape((-1, *self.shape)).sum(axis=0)
        total = density.sum()
        worst = 0.0
        for axis in range(self.ndim):
            marginal = density.sum(axis=tuple(a for a in range(self.ndim) if a != axis))
            outside = np.abs(self.axes[axis]) > (0.5 - outer / 2) * self.lengths[axis]
            worst = max(worst, float(marginal[outside].sum() / total)) if total else worst
        return worst

    def wave_edge_fraction(self, f: np.ndarray, outer: float = 0.1) -> float:
        """Fraction of ∫|f̂|² in the outer part of the wave numbers, the largest over the axes."""
        axes = tuple(range(-self.ndim, 0))
        density = np.abs(scipy.fft.fftn(np.asarray(f), axes=axes)) ** 2
        density = density.reshape((-1, *self.shape)).sum(axis=0)
        total = density.sum()
        worst = 0.0
        for axis in range(self.ndim):
            marginal = density.sum(axis=tuple(a for a in range(self.ndim) if a != axis))
            k = np.abs(self.wave_numbers[axis])
            worst = (
                max(worst, float(marginal[k > (1 - outer) * k.max()].sum() / total))
                if total
                else worst
            )
        return worst
