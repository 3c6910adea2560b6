"""The mean field of a system: drift, Jacobian and diffusion at a point, compiled once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._ext.bosons import Polynomials
from ..core.checks import check_array, check_memory, check_number
from .classical import Classical, Coordinate
from .expression import Expression
from .functions import Powers
from .linear import LinearEquations, Part, linear_equations
from .mode import ModeFactor
from .polynomial import Polynomial, compile_polynomials
from .symbol import Symbol

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["ClassicalRates", "CompiledRates", "MeanRates"]


class MeanRates(NamedTuple):
    """A mean field as polynomials.

    Attributes
    ----------
    variables : int
        Complex variables z.
    coordinates : sequence of Coordinate
        Real coordinates that have a covariance.
    real : set of int
        Variables, and powers, that are real.
    drift : list of polynomials
        F, of every variable.
    jacobian : pair of lists of polynomials
        ∂F/∂z and ∂F/∂z̄, row by row.
    powers : tuple, optional
        What :meth:`~qsyncplug.operators.functions.ClassicalSpace.powers` gives.
    """

    variables: int
    coordinates: Sequence[Coordinate]
    real: set[int]
    drift: list[Polynomial]
    jacobian: tuple[list[Polynomial], list[Polynomial]]
    powers: Powers | None = None


class CompiledRates(ABC):
    """A mean field, its Jacobian and its diffusion as the kernels take them; compiled once."""

    @abstractmethod
    def _mean_rates(self) -> MeanRates:
        """Drift of the mean, its Jacobian, and the variables they are written in."""

    @abstractmethod
    def _diffusion_rates(self) -> list[Polynomial]:
        """Upper triangle of the diffusion matrix, row by row."""

    @cached_property
    def _compiled(self) -> tuple[Any, ...]:
        """Rows: F, u=∂F/∂z and v=∂F/∂z̄ row by row, the upper triangle of D."""
        # first what may make powers, of which the mean rates give the list
        diffusion = self._diffusion_rates()
        mean = self._mean_rates()
        rows = [*mean.drift, *mean.jacobian[0], *mean.jacobian[1], *diffusion]
        return mean.variables, *compile_polynomials(rows), mean.powers

    def polynomials(self) -> Polynomials:
        """A fresh compiled evaluator of F, u, v and D: each holds its own scratch, so threads do
        not meet.
        """
        return Polynomials(*self._compiled)

    @cached_property
    def linear_equations(self) -> LinearEquations:
        """The mean and the covariance about it, as the kernel takes them."""
        return self._equations([[(p, 0, 1.0)] for p in self._diffusion_rates()])

    @cached_property
    def tangent_equations(self) -> LinearEquations:
        """The mean and perturbations of it, as the kernel takes them."""
        return self._equations(())

    def _equations(self, diffusion: Sequence[Sequence[Part]]) -> LinearEquations:
        mean = self._mean_rates()
        found = linear_equations(mean.coordinates, mean.real, mean.drift, mean.jacobian, diffusion)
        return replace(found, powers=mean.powers)


class ClassicalRates(CompiledRates):
    """What a :class:`~qsyncplug.System` knows of its classical symbols.

    Attributes
    ----------
    symbols : tuple of Symbol
    hamiltonian : Expression
    jumps : tuple
    """

    symbols: tuple[Symbol, ...]
    hamiltonian: Expression
    jumps: tuple[Any, ...]

    @property
    def n(self) -> int:
        """Number of nodes: modes, spins, systems of levels and ensembles."""
        return len(self.symbols)

    @property
    def bosonic(self) -> bool:
        """Whether every node is a mode."""
        return all(isinstance(s.factor, ModeFactor) for s in self.symbols)

    @cached_property
    def classical(self) -> Classical:
        """The classical symbols: variables, coordinates and the polynomials of the mean field."""
        return Classical(self.symbols, self.hamiltonian, self.jumps)

    def _mean_rates(self) -> MeanRates:
        c = self.classical
        drift = c.drift()
        return MeanRates(c.variables, c.coordinates, c.real, drift, c.jacobian(drift))

    def _diffusion_rates(self) -> list[Polynomial]:
        self._check_size()
        return self.classical.diffusion()

    def _check_size(self) -> None:
        """Refuse to write down more derivatives and covariances than memory holds."""
        d = len(self.classical.coordinates)
        what = f"the equations of {d} coordinates and their covariances"
        check_memory(what, 250.0 * d * d, advice="take fewer nodes, or closure='none'")

    def _evaluate(self, x: Any, t: Any) -> np.ndarray:
        z = self.variables_of(x)
        return np.asarray(self.polynomials()(check_number("t", t), z))

    def variables_of(self, x: ArrayLike) -> np.ndarray:
        """Complex variables of `x`: amplitudes (modes alone) or real coordinates."""
        c = self.classical
        if self.bosonic:
            return check_array("beta", x, shape=(self.n,), dtype=complex)
        values = check_array("x", x, shape=(len(c.coordinates),))
        return self.variables_at(values)

    def variables_at(self, x: np.ndarray) -> np.ndarray:
        """Complex variables at the real coordinates `x`, (d,)."""
        z = np.zeros(self.classical.variables, dtype=complex)
        for c, value in zip(self.classical.coordinates, x, strict=True):
            z[c.variable] += (1j if c.part else 1) * (value - c.offset) / c.scale
        return z

    @cached_property
    def _layout(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where the real coordinates are among the parts of the variables; scales and offsets."""
        c = self.classical.coordinates
        place = np.array([2 * x.variable + x.part for x in c], dtype=int)
        return place, np.array([x.scale for x in c]), np.array([x.offset for x in c])

    def coordinates_of(self, z: np.ndarray) -> np.ndarray:
        """Real coordinates (…, d) of the complex variables `z` (…, variables)."""
        place, scale, offset = self._layout
        parts = np.ascontiguousarray(z, dtype=complex).view(float)
        return np.asarray(parts[..., place] * scale + offset)

    def drift(self, beta: ArrayLike, t: float = 0.0) -> np.ndarray:
        r"""Mean-field drift :math:`\dot X = \{X,H\} - Σ_L \mathrm{Im}(L^*\{X,L\})`.

        For modes :math:`F_j = -i∂H/∂β_j^* + ½Σ_L (L^* ∂L/∂β_j^* - L ∂L^*/∂β_j^*)` with the
        normal-ordered symbols of H and L; spins of two or more spins ½ turn on the sphere, with
        symmetrised symbols; spins ½, levels and ensembles follow their own exact equations with
        factorised partners.

        Parameters
        ----------
        beta : array_like of shape (N,), or of the real coordinates, shape (d,)
            Complex amplitudes where every node is a mode; otherwise (q, p) of a mode, (Sx, Sy, Sz)
            of a spin or ensemble, and so on: ``[c.name for c in system.classical.coordinates]``.
        t : float
            Time.

        Returns
        -------
        ndarray
            Of the shape of `beta`: complex for modes, otherwise real.
        """
        F = self._evaluate(beta, t)[: self.classical.variables]
        if self.bosonic:
            return F
        parts = [
            (F[c.variable].imag if c.part else F[c.variable].real) * c.scale
            for c in self.classical.coordinates
        ]
        return np.array(parts)

    def derivatives(self, beta: ArrayLike, t: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """u=∂F_j/∂z_k and v=∂F_j/∂z̄_k of the complex variables at amplitudes `beta` and time `t`,
        each (N, N) for N modes.
        """
        n = self.classical.variables
        out = self._evaluate(beta, t)
        return out[n : n + n * n].reshape(n, n), out[n + n * n : n + 2 * n * n].reshape(n, n)

    def jacobian(self, beta: ArrayLike, t: float = 0.0) -> np.ndarray:
        """Jacobian M of the drift in the real coordinates ((q1, p1, q2, p2, …) for modes) at
        amplitudes or coordinates `beta` and time `t`, (d, d).
        """
        u, v = self.derivatives(beta, t)
        c = self.classical.coordinates
        M = np.empty((len(c), len(c)))
        for a, x in enumerate(c):
            for b, y in enumerate(c):
                own, other = u[x.variable, y.variable], v[x.variable, y.variable]
                rate = 1j * (own - other) if y.part else own + other
                M[a, b] = (rate.imag if x.part else rate.real) * x.scale / y.scale
        return M

    def diffusion(self, beta: ArrayLike, t: float = 0.0) -> np.ndarray:
        r"""Diffusion :math:`D_{XY} = Σ_L \mathrm{Re}(\{X,L\}^*\{Y,L\})` of the covariance at
        amplitudes or coordinates `beta` and time `t`, (d, d).
        """
        n, d = self.classical.variables, len(self.classical.coordinates)
        D = np.zeros((d, d))
        D[np.triu_indices(d)] = self._evaluate(beta, t)[n + 2 * n * n :].real
        return D + np.triu(D, 1).T
