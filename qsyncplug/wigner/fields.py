"""Hydrodynamic fields of states on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.checks import check_array, check_memory, check_number
from ..core.grid import Grid
from ..core.saved import Saved
from .fit import judge, state_diagnostics

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["NODE", "Hydrodynamics", "bar", "hydrodynamics", "resolved", "states_on"]

#: |ψ| below this times its largest value has no phase: the polar factor is 0 there
NODE = 1e-14


def bar(f: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Conjugate of `f` times `g`, point by point."""
    return np.asarray(f.conj() * g)


def states_on(name: str, psi: Any, grid: Any) -> np.ndarray:
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
    return check_array(name, psi, shape=raw.shape, dtype=complex)


@dataclass(frozen=True, eq=False)
class Hydrodynamics(Saved):
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

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> fields = qsp.hydrodynamics(grid.gaussian(0.0, 1.0), grid)
    >>> round(float(fields.current[0].sum() * 0.25), 6)  # its momentum
    1.0
    """

    psi: np.ndarray
    grid: Grid
    node_threshold: float = 1e-8
    weight: float = 1.0

    # ------------------------------------------------------------ derivatives

    def __repr__(self) -> str:
        """The grid and the share of mass near nodes, not the arrays."""
        many = "" if self.psi.ndim == self.grid.ndim else f" of {self.psi.shape[0]} states"
        return f"<Hydrodynamics{many} on {self.grid}>"

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
        return np.asarray(field[index])

    def _second(self, a: int, b: int) -> np.ndarray:
        return (
            self.grid.derivative(self.psi, a, 2) if a == b else self._derivative(self.psi, (a, b))
        )

    # ------------------------------------------------------------ fields

    @cached_property
    def density(self) -> np.ndarray:
        """ρ=|ψ|², shape (..., *grid.shape)."""
        return np.asarray(self.weight * np.abs(self.psi) ** 2)

    @cached_property
    def sqrt_density(self) -> np.ndarray:
        r"""Root of the density, √ρ, shape (..., \*grid.shape); it has kinks at the nodes of ψ."""
        return np.asarray(np.sqrt(self.weight) * np.abs(self.psi))

    @cached_property
    def current(self) -> np.ndarray:
        """J=Im(ψ̄∇ψ), shape (..., d, *grid.shape)."""
        return self.weight * bar(self._spread(self.psi), self.gradient).imag

    def _spread(self, f: np.ndarray) -> np.ndarray:
        return np.expand_dims(f, -1 - self.grid.ndim)

    @cached_property
    def _top(self) -> np.ndarray:
        axes = tuple(range(-self.grid.ndim, 0))
        return np.asarray(np.max(np.abs(self.psi), axis=axes, keepdims=True))

    @cached_property
    def nodes(self) -> np.ndarray:
        """True where |ψ| is too small for a velocity, shape (..., *grid.shape)."""
        return np.asarray(np.abs(self.psi) <= self.node_threshold * self._top)

    @cached_property
    def polar_factor(self) -> np.ndarray:
        """φ=ψ/|ψ|, and 0 where ψ vanishes to rounding."""
        size = np.abs(self.psi)
        full = size > NODE * self._top
        return np.where(full, self.psi / np.where(full, size, 1), 0)

    @cached_property
    def _polar_gradient(self) -> np.ndarray:
        root = np.sqrt(self.weight)
        return np.asarray(root * bar(self._spread(self.polar_factor), self.gradient))

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
        """Second derivatives ∂_a∂_b ρ."""
        ga, gb = self._component(self.gradient, a), self._component(self.gradient, b)
        return np.asarray(2 * self.weight * (bar(self.psi, self._second(a, b)) + bar(ga, gb)).real)

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
                self.weight * bar(self._component(g, a), self._component(g, b)).real
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
        first = bar(self._spread(self.laplacian), self.gradient)
        return np.asarray(0.5 * self.weight * (first - bar(self._spread(self.psi), third)).real)

    @cached_property
    def current_divergence(self) -> np.ndarray:
        """∇·J=Im(ψ̄Δψ), shape (..., *grid.shape)."""
        return self.weight * bar(self.psi, self.laplacian).imag

    # ------------------------------------------------------------ numbers

    @cached_property
    def mass(self) -> Any:
        """The mass ∫ρ, which the equation of continuity keeps; a number for one state, else an
        array.
        """
        return self.grid.integrate(self.density)

    @cached_property
    def kinetic_energy(self) -> Any:
        """½∫|∇ψ|²=½∫(|Λ|²+|∇√ρ|²): that of the flow and the quantum pressure."""
        g = np.sum(np.abs(self.gradient) ** 2, axis=-1 - self.grid.ndim)
        return 0.5 * self.weight * self.grid.integrate(g)


def hydrodynamics(psi: ArrayLike, grid: Grid, *, node_threshold: float = 1e-8) -> Hydrodynamics:
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
        resolved(states_on("psi", psi, grid), grid, "psi"), grid, max(node_threshold, NODE)
    )


def resolved(psi: np.ndarray, grid: Grid, name: str) -> np.ndarray:
    """`psi`, unless the highest wave numbers hold too much of it: derivatives would be wrong.

    A jump at the edge of the box, around which the grid is periodic, is among what that tells; a
    plane wave is none.
    """
    if np.any(psi):
        judge({"p": state_diagnostics(psi, grid)["p"]}, name)
    return psi
