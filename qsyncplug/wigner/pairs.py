"""Hydrodynamic fields of pairs of states, and the norms that vanish when a pair synchronises."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft

from ..core.checks import check_number
from ..core.errors import ApproximationWarning, warn
from ..core.grid import Grid
from ..core.saved import Saved
from .fields import NODE, Hydrodynamics, bar, resolved, states_on
from .kernels import upsample

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["PairHydrodynamics", "h1_distance", "hydrodynamic_distances", "pair_hydrodynamics"]


@dataclass(frozen=True, eq=False)
class PairHydrodynamics(Saved):
    """Hydrodynamic fields of a pair (ψ_1, ψ_2), made by :func:`pair_hydrodynamics`.

    Attributes
    ----------
    first, second : Hydrodynamics
        Of ψ_1 and ψ_2.
    difference : Hydrodynamics
        ρ_d, J_d of ψ_d=ψ_1−ψ_2.
    rotated : Hydrodynamics
        ρ_a=½|ψ_a|², J_a of ψ_a=ψ_1−iψ_2.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> pair = qsp.pair_hydrodynamics(grid.gaussian(1.0), grid.gaussian(-1.0), grid)
    >>> pair.density.shape
    (64,)
    """

    first: Hydrodynamics
    second: Hydrodynamics

    @property
    def grid(self) -> Grid:
        """Grid of both wave functions."""
        return self.first.grid

    @cached_property
    def difference(self) -> Hydrodynamics:
        """Fields of the wave function ψ_1−ψ_2, which vanish when the pair synchronises."""
        return Hydrodynamics(self.first.psi - self.second.psi, self.grid, self.first.node_threshold)

    @cached_property
    def rotated(self) -> Hydrodynamics:
        """Fields of (ψ_1−iψ_2)/√2: density, mass and energies of ψ_1−iψ_2 with the factor ½."""
        return Hydrodynamics(
            self.first.psi - 1j * self.second.psi, self.grid, self.first.node_threshold, 0.5
        )

    @cached_property
    def density(self) -> np.ndarray:
        """ρ_12=Re(ψ̄_1ψ_2), shape (..., *grid.shape); it may be negative."""
        return bar(self.first.psi, self.second.psi).real

    @cached_property
    def sigma(self) -> np.ndarray:
        """σ_12=Im(ψ̄_1ψ_2), shape (..., *grid.shape)."""
        return bar(self.first.psi, self.second.psi).imag

    @cached_property
    def _cross(self) -> tuple[np.ndarray, np.ndarray]:
        a, b = self.first, self.second
        return bar(a._spread(a.psi), b.gradient), bar(b._spread(b.psi), a.gradient)

    @cached_property
    def current(self) -> np.ndarray:
        """J_12=½Im(ψ̄_1∇ψ_2+ψ̄_2∇ψ_1), shape (..., d, *grid.shape)."""
        return np.asarray(0.5 * (self._cross[0] + self._cross[1]).imag)

    @cached_property
    def G(self) -> np.ndarray:
        """G_12=½Re(ψ̄_2∇ψ_1−ψ̄_1∇ψ_2), shape (..., d, *grid.shape)."""
        return np.asarray(0.5 * (self._cross[1] - self._cross[0]).real)

    @cached_property
    def complex_density(self) -> np.ndarray:
        """ρ_12−iσ_12=ψ_1ψ̄_2=∫w_12 dp."""
        return self.density - 1j * self.sigma

    @cached_property
    def complex_current(self) -> np.ndarray:
        """J_12−iG_12=∫p w_12 dp, shape (..., d, *grid.shape)."""
        return self.current - 1j * self.G

    @cached_property
    def complex_flux_divergence(self) -> np.ndarray:
        """∇·∫p⊗p w_12 dp, shape (..., d, *grid.shape)."""
        a, b = self.first, self.second

        def third(h: Hydrodynamics) -> np.ndarray:
            return np.stack(
                [self.grid.derivative(h.laplacian, k) for k in range(self.grid.ndim)],
                axis=-1 - self.grid.ndim,
            )

        # p → ½(−i∂ on ψ_1 + i∂ on ψ̄_2): ∇·∫pp w = −¼(ψ̄_2∇Δψ_1 + ψ_1∇Δψ̄_2 − ∇ψ̄_2Δψ_1 −
        # ∇ψ_1Δψ̄_2)
        terms = (
            b._spread(b.psi).conj() * third(a)
            + a._spread(a.psi) * third(b).conj()
            - b.gradient.conj() * a._spread(a.laplacian)
            - a.gradient * b._spread(b.laplacian).conj()
        )
        return np.asarray(-0.25 * terms)

    @cached_property
    def overlap(self) -> Any:
        """⟨ψ_1,ψ_2⟩=r_12+is_12=∫(ρ_12+iσ_12)."""
        return self.grid.integrate(self.density + 1j * self.sigma)


def pair_hydrodynamics(
    psi1: ArrayLike, psi2: ArrayLike, grid: Grid, *, node_threshold: float = 1e-8
) -> PairHydrodynamics:
    """Hydrodynamic fields of a pair of states, ρ_12, σ_12, J_12, G_12 and those of ψ_1−ψ_2 and
    ψ_1−iψ_2.

    Parameters
    ----------
    psi1, psi2 : array of shape ``(..., *grid.shape)``
    grid : Grid
    node_threshold : float
        As for :func:`hydrodynamics`.

    Returns
    -------
    PairHydrodynamics

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> pair = qsp.pair_hydrodynamics(grid.gaussian(1.0), grid.gaussian(1.0), grid)
    >>> round(float(pair.density.real.sum() * 0.25), 6)
    1.0
    """
    node_threshold = max(
        check_number("node_threshold", node_threshold, minimum=0.0, maximum=1.0), NODE
    )
    first, second = (
        Hydrodynamics(resolved(states_on(name, psi, grid), grid, name), grid, node_threshold)
        for name, psi in (("psi1", psi1), ("psi2", psi2))
    )
    if first.psi.shape != second.psi.shape:
        raise ValueError(
            f"psi2 must have the shape {first.psi.shape} of psi1, not {second.psi.shape}"
        )
    return PairHydrodynamics(first, second)


def h1_distance(psi1: ArrayLike, psi2: ArrayLike, grid: Grid) -> float | np.ndarray:
    """‖ψ_1−ψ_2‖ in H¹: the square root of ∫(|ψ_d|²+|∇ψ_d|²).

    Parameters
    ----------
    psi1, psi2 : array of shape ``(..., *grid.shape)``
    grid : Grid

    Returns
    -------
    float or ndarray of shape (...)

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> float(qsp.h1_distance(grid.gaussian(0.0), grid.gaussian(0.0), grid))
    0.0
    """
    first, second = (
        resolved(states_on(name, psi, grid), grid, name)
        for name, psi in (("psi1", psi1), ("psi2", psi2))
    )
    difference = np.asarray(first - second)
    axes = tuple(range(-grid.ndim, 0))
    # ∇ in Fourier space keeps the highest mode, which the derivative of a real grid function drops
    spectrum = np.abs(scipy.fft.fftn(difference, axes=axes)) ** 2
    value = np.sqrt(np.sum((1 + 2 * grid.kinetic) * spectrum, axis=axes) * grid.weight / grid.size)
    return float(value) if value.ndim == 0 else value


def hydrodynamic_distances(
    psi1: ArrayLike, psi2: ArrayLike, grid: Grid, *, tolerance: float = 1e-6
) -> dict[str, Any]:
    """The norms that tend to zero when a pair synchronises (Antonelli, Ha, Kim and Marcati, section
    5).

    Parameters
    ----------
    psi1, psi2 : array of shape ``(..., *grid.shape)``
    grid : Grid
    tolerance : float
        Error asked for, relative to the H¹ distance. Near nodes Λ and ∇√ρ vary faster than ψ; the
        states are interpolated to finer grids until two of them agree.

    Returns
    -------
    dict of float or ndarray of shape (...)
        L² norms of ``"grad_sqrt_density"`` ∇√ρ_1−∇√ρ_2, ``"Lambda"`` Λ_1−Λ_2,
        ``"grad_sqrt_density_d"`` ∇√ρ_d and ``"Lambda_d"`` Λ_d; ``"L2"`` and ``"H1"`` of ψ_1−ψ_2,
        which fall as e^{−κt/2}. For the first two only the limit is known, not a rate.

    Warns
    -----
    ApproximationWarning
        The finest grid does not give `tolerance` (nodes of both states, where the fields jump).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> sorted(qsp.hydrodynamic_distances(grid.gaussian(0.0), grid.gaussian(0.1), grid))
    ['H1', 'L2', 'Lambda', 'Lambda_d', 'grad_sqrt_density', 'grad_sqrt_density_d']
    """
    tolerance = check_number("tolerance", tolerance, minimum=0.0, strict=True)
    pair = pair_hydrodynamics(psi1, psi2, grid)
    lead = pair.first.psi.shape[: pair.first.psi.ndim - grid.ndim]
    a, b = (h.psi.reshape((-1, *grid.shape)) for h in (pair.first, pair.second))
    h1 = np.reshape(h1_distance(a, b, grid), -1)
    found, worst = np.empty((len(a), 4)), 0.0
    for k in range(len(a)):
        found[k], error = _refined(a[k], b[k], grid, tolerance * h1[k])
        worst = max(worst, error / h1[k]) if h1[k] > 0 else worst
    if worst > tolerance:
        warn(
            f"hydrodynamic_distances: an error of {worst:.1e} of the H¹ distance exceeds the "
            f"tolerance {tolerance:.1e}; the "
            "fields jump at nodes",
            ApproximationWarning,
        )
    values = dict(
        zip(
            ("grad_sqrt_density", "Lambda", "grad_sqrt_density_d", "Lambda_d"), found.T, strict=True
        )
    )
    values["L2"] = np.reshape(np.sqrt(pair.difference.mass), -1)
    values["H1"] = h1
    return {name: v.reshape(lead) if lead else float(v[0]) for name, v in values.items()}


def _refined(a: np.ndarray, b: np.ndarray, grid: Grid, error: float) -> tuple[np.ndarray, float]:
    """The four norms of one pair on finer and finer grids, and how far the last two are apart."""
    # differences of states of size 1 are not known better
    floor = 1e-13 * float(
        h1_distance(a, np.zeros_like(a), grid) + h1_distance(b, np.zeros_like(b), grid)
    )
    before, factor = _norms(a, b, grid, 1), 2
    while True:
        now = _norms(a, b, grid, factor)
        apart = float(np.max(np.abs(now - before)))
        if apart <= max(error, floor):
            return now, 0.0
        factor *= 2
        if (factor * 1.0) ** grid.ndim * grid.size > 2**19:
            return now, apart
        before = now


def _norms(a: np.ndarray, b: np.ndarray, grid: Grid, factor: int) -> np.ndarray:
    fine = Grid(tuple(factor * n for n in grid.shape), grid.lengths)
    axes = tuple(range(grid.ndim))
    # off the points by an irrational part of a cell: nodes often sit at points, where the polar
    # factor is 0
    shift = np.exp(
        1j
        * sum(0.381966 * h / factor * k for h, k in zip(grid.spacing, grid.wave_mesh, strict=True))
    )
    a, b = (upsample(scipy.fft.ifftn(shift * scipy.fft.fftn(f)), axes, factor) for f in (a, b))
    one, two, d = (Hydrodynamics(f, fine) for f in (a, b, a - b))
    fields = (
        one.grad_sqrt_density - two.grad_sqrt_density,
        one.Lambda - two.Lambda,
        d.grad_sqrt_density,
        d.Lambda,
    )
    return np.array([np.sqrt(np.sum(f**2) * fine.weight) for f in fields])
