"""Hydrodynamic fields of states on a grid, and of pairs of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.fft

from ..core.checks import check_array, check_memory, check_number
from ..core.errors import ApproximationWarning, warn
from ..core.grid import Grid
from .fit import judge, state_diagnostics
from .kernels import upsample

__all__ = [
    "Hydrodynamics",
    "PairHydrodynamics",
    "h1_distance",
    "hydrodynamic_distances",
    "hydrodynamics",
    "pair_hydrodynamics",
]

#: |ψ| below this times its largest value has no phase: the polar factor is 0 there
NODE = 1e-14


def _bar(f: np.ndarray, g: np.ndarray) -> np.ndarray:
    return f.conj() * g


def _states(name: str, psi: Any, grid: Any) -> np.ndarray:
    """Complex states of shape (..., *grid.shape)."""
    if not isinstance(grid, Grid):
        raise TypeError(f"grid must be a Grid, not {type(grid).__name__}")
    try:
        raw = np.asarray(psi)
    except ValueError as error:
        raise TypeError(f"{name} must be an array of numbers ({error})") from None
    if raw.ndim < grid.ndim or raw.shape[raw.ndim - grid.ndim :] != grid.shape:
        raise ValueError(
            f"{name} must have the grid's shape {grid.shape}, with any leading axes, not "
            f"{raw.shape}"
        )
    return check_array(name, raw, shape=raw.shape, dtype=complex)


@dataclass(frozen=True, eq=False)
class Hydrodynamics:
    r"""Hydrodynamic fields of ψ, by the polar factorisation ψ=√ρ φ (Antonelli, Ha, Kim and Marcati,
    section 5).

    Made by :func:`hydrodynamics`. Every field is computed pointwise from spectral derivatives of ψ,
    so that products do not alias and nothing is divided by ρ, except where said so. With leading
    axes (…) of ψ and d dimensions:

    Attributes
    ----------
    psi : ndarray of shape (..., \*grid.shape)
    grid : Grid
    node_threshold : float
        Velocity and quantum potential are masked where \|ψ\| is at most this times its largest
        value.
    weight : float
        Factor of the quadratic fields: 1, or ½ for ψ_a=ψ_1−iψ_2 of a pair.
    """

    psi: np.ndarray
    grid: Grid
    node_threshold: float = 1e-8
    weight: float = 1.0

    # ------------------------------------------------------------ derivatives

    @cached_property
    def gradient(self) -> np.ndarray:
        """∇ψ, shape (..., d, *grid.shape)."""
        return np.stack(
            [self._derivative(self.psi, (a,)) for a in range(self.grid.ndim)],
            axis=-1 - self.grid.ndim,
        )

    @cached_property
    def laplacian(self) -> np.ndarray:
        """Δψ, shape (..., *grid.shape)."""
        return np.asarray(sum(self.grid.derivative(self.psi, a, 2) for a in range(self.grid.ndim)))

    def _derivative(self, f: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        for a in axes:
            f = self.grid.derivative(f, a)
        return f

    def _component(self, field: np.ndarray, a: int) -> np.ndarray:
        index: Any = (..., a, *(slice(None),) * self.grid.ndim)
        return field[index]

    def _second(self, a: int, b: int) -> np.ndarray:
        return (
            self.grid.derivative(self.psi, a, 2) if a == b else self._derivative(self.psi, (a, b))
        )

    # ------------------------------------------------------------ fields

    @cached_property
    def density(self) -> np.ndarray:
        """ρ=|ψ|², shape (..., *grid.shape)."""
        return self.weight * np.abs(self.psi) ** 2

    @cached_property
    def sqrt_density(self) -> np.ndarray:
        """√ρ."""
        return np.sqrt(self.weight) * np.abs(self.psi)

    @cached_property
    def current(self) -> np.ndarray:
        """J=Im(ψ̄∇ψ), shape (..., d, *grid.shape)."""
        return self.weight * _bar(self._spread(self.psi), self.gradient).imag

    def _spread(self, f: np.ndarray) -> np.ndarray:
        return np.expand_dims(f, -1 - self.grid.ndim)

    @cached_property
    def _top(self) -> np.ndarray:
        axes = tuple(range(-self.grid.ndim, 0))
        return np.max(np.abs(self.psi), axis=axes, keepdims=True)

    @cached_property
    def nodes(self) -> np.ndarray:
        """True where |ψ| is too small for a velocity, shape (..., *grid.shape)."""
        return np.abs(self.psi) <= self.node_threshold * self._top

    @cached_property
    def polar_factor(self) -> np.ndarray:
        """φ=ψ/|ψ|, and 0 where ψ vanishes to rounding."""
        size = np.abs(self.psi)
        full = size > NODE * self._top
        return np.where(full, self.psi / np.where(full, size, 1), 0)

    @cached_property
    def _polar_gradient(self) -> np.ndarray:
        return np.sqrt(self.weight) * _bar(self._spread(self.polar_factor), self.gradient)

    @cached_property
    def Lambda(self) -> np.ndarray:
        """Λ=Im(φ̄∇ψ), so that J=√ρ Λ; shape (..., d, *grid.shape)."""
        return self._polar_gradient.imag

    @cached_property
    def grad_sqrt_density(self) -> np.ndarray:
        """∇√ρ=Re(φ̄∇ψ), shape (..., d, *grid.shape)."""
        return self._polar_gradient.real

    @cached_property
    def velocity_field(self) -> np.ma.MaskedArray:
        """v=J/ρ=Im(∇ψ/ψ), shape (..., d, *grid.shape); masked at the nodes, where there is none."""
        return self._masked(self.gradient, self._spread(self.psi), self._spread(self.nodes)).imag

    def _masked(self, top: np.ndarray, bottom: np.ndarray, mask: np.ndarray) -> np.ma.MaskedArray:
        ratio = np.where(mask, 0, top / np.where(mask, 1, bottom))
        return np.ma.MaskedArray(ratio, np.broadcast_to(mask, ratio.shape))

    # ------------------------------------------------------------ quantum pressure

    def _hessian(self, a: int, b: int) -> np.ndarray:
        """∂_a∂_b ρ."""
        ga, gb = self._component(self.gradient, a), self._component(self.gradient, b)
        return 2 * self.weight * (_bar(self.psi, self._second(a, b)) + _bar(ga, gb)).real

    def _tensor(self, entry: Any) -> np.ndarray:
        d = self.grid.ndim
        shape = self.psi.shape[: self.psi.ndim - d] + (d, d) + self.grid.shape
        check_memory(
            "a tensor field",
            float(8.0 * np.prod([float(n) for n in shape])),
            advice="take fewer points",
        )
        out = np.empty(shape)
        every = (slice(None),) * d
        for a in range(d):
            for b in range(a, d):
                here: Any = (..., a, b, *every)
                there: Any = (..., b, a, *every)
                out[here] = out[there] = entry(a, b)
        return out

    @cached_property
    def quantum_pressure(self) -> np.ndarray:
        """P=∇√ρ⊗∇√ρ−¼∇∇ρ, shape (..., d, d, *grid.shape); ∇·P=−½ρ∇(Δ√ρ/√ρ). Where ρ>0 it is −¼ρ∇∇ln
        ρ.
        """
        g = self.grad_sqrt_density
        return self._tensor(
            lambda a, b: self._component(g, a) * self._component(g, b) - self._hessian(a, b) / 4
        )

    @cached_property
    def stress(self) -> np.ndarray:
        """Momentum flux Re(∇ψ̄⊗∇ψ)−¼∇∇ρ=J⊗J/ρ+P=∫p⊗p w dp, shape (..., d, d, *grid.shape); smooth
        at nodes.
        """
        g = self.gradient

        def entry(a: int, b: int) -> np.ndarray:
            return (
                self.weight * _bar(self._component(g, a), self._component(g, b)).real
                - self._hessian(a, b) / 4
            )

        return self._tensor(entry)

    @cached_property
    def quantum_potential(self) -> np.ma.MaskedArray:
        """Bohm's −½Δ√ρ/√ρ=−½Re(Δψ/ψ)−½|Im(∇ψ/ψ)|², shape (..., *grid.shape); masked at the
        nodes.
        """
        ratio = self._masked(self.laplacian, self.psi, self.nodes)
        speed = np.sum(self.velocity_field.filled(0.0) ** 2, axis=-1 - self.grid.ndim)
        return np.ma.MaskedArray(-0.5 * (ratio.data.real + speed), ratio.mask)

    @cached_property
    def momentum_flux_divergence(self) -> np.ndarray:
        """∇·(J⊗J/ρ+P) in the smooth form ∇·Re(∇ψ̄⊗∇ψ)−¼∇Δρ, shape (..., d, *grid.shape)."""
        third = np.stack(
            [self._derivative(self.laplacian, (a,)) for a in range(self.grid.ndim)],
            axis=-1 - self.grid.ndim,
        )
        first = _bar(self._spread(self.laplacian), self.gradient)
        return 0.5 * self.weight * (first - _bar(self._spread(self.psi), third)).real

    @cached_property
    def current_divergence(self) -> np.ndarray:
        """∇·J=Im(ψ̄Δψ), shape (..., *grid.shape)."""
        return self.weight * _bar(self.psi, self.laplacian).imag

    # ------------------------------------------------------------ numbers

    @cached_property
    def mass(self) -> Any:
        """∫ρ."""
        return self.grid.integrate(self.density)

    @cached_property
    def kinetic_energy(self) -> Any:
        """½∫|∇ψ|²=½∫(|Λ|²+|∇√ρ|²)."""
        g = np.sum(np.abs(self.gradient) ** 2, axis=-1 - self.grid.ndim)
        return 0.5 * self.weight * self.grid.integrate(g)


def hydrodynamics(psi: Any, grid: Grid, *, node_threshold: float = 1e-8) -> Hydrodynamics:
    r"""Density, current, Λ, ∇√ρ, velocity and quantum pressure of a state.

    Parameters
    ----------
    psi : array of shape ``(..., *grid.shape)``
        One state or many. Normalisation is not needed.
    grid : Grid
    node_threshold : float
        Velocity and quantum potential, quotients by ρ, are masked where \|ψ\| is at most this times
        its largest value. With the default their relative error stays below about 1e-6. No other
        field divides.

    Returns
    -------
    Hydrodynamics
        Fields, computed when asked for.

    Notes
    -----
    There is no integrator in the variables (ρ, J): at nodes of ψ their equations are ill-posed.
    Evolve ψ and take the fields.

    Raises
    ------
    PhaseSpaceError
        The highest wave numbers hold more than 1e-2 of the largest amplitude (the grid is too
        coarse, or the state is cut off at the edge of the box), so that derivatives are wrong; from
        1e-5 on there is a :class:`PhaseSpaceWarning`.

    Examples
    --------
    >>> grid = Grid(64, 16.0)
    >>> h = hydrodynamics(grid.gaussian(0.0, momentum=0.5), grid)
    >>> h.density.shape, h.current.shape
    ((64,), (1, 64))
    >>> bool(abs(h.velocity_field - 0.5).max() < 1e-6)
    True
    """
    node_threshold = check_number("node_threshold", node_threshold, minimum=0.0, maximum=1.0)
    return Hydrodynamics(
        _resolved(_states("psi", psi, grid), grid, "psi"), grid, max(node_threshold, NODE)
    )


def _resolved(psi: np.ndarray, grid: Grid, name: str) -> np.ndarray:
    """`psi`, unless the highest wave numbers hold too much of it: derivatives would be wrong.

    A jump at the edge of the box, around which the grid is periodic, is among what that tells; a
    plane wave is none.
    """
    if np.any(psi):
        judge({"p": state_diagnostics(psi, grid)["p"]}, name)
    return psi


@dataclass(frozen=True, eq=False)
class PairHydrodynamics:
    """Hydrodynamic fields of a pair (ψ_1, ψ_2), made by :func:`pair_hydrodynamics`.

    Attributes
    ----------
    first, second : Hydrodynamics
        Of ψ_1 and ψ_2.
    difference : Hydrodynamics
        ρ_d, J_d of ψ_d=ψ_1−ψ_2.
    rotated : Hydrodynamics
        ρ_a=½|ψ_a|², J_a of ψ_a=ψ_1−iψ_2.
    """

    first: Hydrodynamics
    second: Hydrodynamics

    @property
    def grid(self) -> Grid:
        """The grid."""
        return self.first.grid

    @cached_property
    def difference(self) -> Hydrodynamics:
        """Of ψ_1−ψ_2."""
        return Hydrodynamics(self.first.psi - self.second.psi, self.grid, self.first.node_threshold)

    @cached_property
    def rotated(self) -> Hydrodynamics:
        """Of ψ_1−iψ_2, with the factor ½."""
        return Hydrodynamics(
            self.first.psi - 1j * self.second.psi, self.grid, self.first.node_threshold, 0.5
        )

    @cached_property
    def density(self) -> np.ndarray:
        """ρ_12=Re(ψ̄_1ψ_2), shape (..., *grid.shape); it may be negative."""
        return _bar(self.first.psi, self.second.psi).real

    @cached_property
    def sigma(self) -> np.ndarray:
        """σ_12=Im(ψ̄_1ψ_2), shape (..., *grid.shape)."""
        return _bar(self.first.psi, self.second.psi).imag

    @cached_property
    def _cross(self) -> tuple[np.ndarray, np.ndarray]:
        a, b = self.first, self.second
        return _bar(a._spread(a.psi), b.gradient), _bar(b._spread(b.psi), a.gradient)

    @cached_property
    def current(self) -> np.ndarray:
        """J_12=½Im(ψ̄_1∇ψ_2+ψ̄_2∇ψ_1), shape (..., d, *grid.shape)."""
        return 0.5 * (self._cross[0] + self._cross[1]).imag

    @cached_property
    def G(self) -> np.ndarray:
        """G_12=½Re(ψ̄_2∇ψ_1−ψ̄_1∇ψ_2), shape (..., d, *grid.shape)."""
        return 0.5 * (self._cross[1] - self._cross[0]).real

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
        return -0.25 * terms

    @cached_property
    def overlap(self) -> Any:
        """⟨ψ_1,ψ_2⟩=r_12+is_12=∫(ρ_12+iσ_12)."""
        return self.grid.integrate(self.density + 1j * self.sigma)


def pair_hydrodynamics(
    psi1: Any, psi2: Any, grid: Grid, *, node_threshold: float = 1e-8
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
    """
    node_threshold = max(
        check_number("node_threshold", node_threshold, minimum=0.0, maximum=1.0), NODE
    )
    first, second = (
        Hydrodynamics(_resolved(_states(name, psi, grid), grid, name), grid, node_threshold)
        for name, psi in (("psi1", psi1), ("psi2", psi2))
    )
    if first.psi.shape != second.psi.shape:
        raise ValueError(
            f"psi2 must have the shape {first.psi.shape} of psi1, not {second.psi.shape}"
        )
    return PairHydrodynamics(first, second)


def h1_distance(psi1: Any, psi2: Any, grid: Grid) -> Any:
    """‖ψ_1−ψ_2‖ in H¹: the square root of ∫(|ψ_d|²+|∇ψ_d|²).

    Parameters
    ----------
    psi1, psi2 : array of shape ``(..., *grid.shape)``
    grid : Grid

    Returns
    -------
    float or ndarray of shape (...)
    """
    first, second = (
        _resolved(_states(name, psi, grid), grid, name)
        for name, psi in (("psi1", psi1), ("psi2", psi2))
    )
    difference = np.asarray(first - second)
    axes = tuple(range(-grid.ndim, 0))
    # ∇ in Fourier space keeps the highest mode, which the derivative of a real grid function drops
    spectrum = np.abs(scipy.fft.fftn(difference, axes=axes)) ** 2
    value = np.sqrt(np.sum((1 + 2 * grid.kinetic) * spectrum, axis=axes) * grid.weight / grid.size)
    return float(value) if value.ndim == 0 else value


def hydrodynamic_distances(
    psi1: Any, psi2: Any, grid: Grid, *, tolerance: float = 1e-6
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
