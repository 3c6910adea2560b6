"""What the predicates on Wigner–Lohe models ask of a model and its initial state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..waves.closed_forms import effective_coupling
from .model import WignerLohe
from .state import InitialState

__all__ = ["Facts"]


@dataclass(frozen=True, eq=False)
class Facts:
    """Facts on a model and a state.

    Attributes
    ----------
    model : WignerLohe
    state : InitialState
    deviations : (N, N) array
        1−z_jk, z_jk=⟨ψ_j,ψ_k⟩/√(m_j m_k).
    masses : (N,) array
        ∫w_jj; NaN where it is not real.
    rates : (N,) array
        Ω_j of a common potential.
    """

    model: WignerLohe
    state: InitialState
    deviations: np.ndarray
    masses: np.ndarray
    rates: np.ndarray

    @classmethod
    def of(cls, model: WignerLohe, state: InitialState) -> Facts:
        """Read the facts off a model and its states."""
        diagonal = np.diag(state.z0)
        real = np.abs(diagonal.imag) <= 1e-12 * np.abs(diagonal)
        return cls(
            model,
            state,
            state.deviations.T,
            np.where(real, diagonal.real, np.nan),
            model.rates(state.n) if model.common else np.full(state.n, np.nan),
        )

    @property
    def n(self) -> int:
        """Number N of oscillators, the length of every axis of nodes."""
        return self.state.n

    @property
    def kappa(self) -> float:
        """Coupling κ of the model, a rate."""
        return self.model.coupling

    @property
    def graph(self) -> bool:
        """Whether the oscillators see other than the mean of all."""
        return self.model.graph(self.n) is not None

    @cached_property
    def identical(self) -> bool:
        """Whether all have one potential, without offsets."""
        return self.model.common and bool(np.ptp(self.rates) == 0)

    @cached_property
    def equal_masses(self) -> bool:
        """Whether all masses are one, to rounding."""
        return bool(np.ptp(self.masses) <= 1e-9 * self.masses[0])

    @property
    def unit(self) -> bool:
        """Whether all masses are 1."""
        return bool(np.all(np.abs(self.masses - 1) <= 1e-9))

    @property
    def gram(self) -> bool:
        """Whether z is a Gram matrix: Hermitian and positive semidefinite."""
        return self.state.hermitian and self.state.physical

    @cached_property
    def pair_coupling(self) -> float:
        """K of two oscillators: κ(m_1+m_2)/(2√(m_1m_2))."""
        return effective_coupling(self.kappa, np.sqrt(self.masses))

    @property
    def starts(self) -> tuple[complex, ...]:
        """z_12 of two oscillators, and z_21 too where it is not its conjugate."""
        z = 1 - self.deviations
        pairs = ((0, 1),) if self.state.hermitian else ((0, 1), (1, 0))
        return tuple(_real(complex(z[pair])) for pair in pairs)

    @property
    def vanishing(self) -> bool:
        """Whether z_12 of two oscillators is real and at most −1, or as good as that."""
        return any((z.real <= -1 and z.imag == 0) or abs(1 + z) < 1e-9 for z in self.starts)

    @cached_property
    def diameter(self) -> float:
        """D_0=max|1−z_jk| over all pairs at the start: 0 when all are one state."""
        return float(np.max(np.abs(self.deviations)))

    @property
    def threshold(self) -> float:
        """Diameter N/(N−1) below which the theorems hold."""
        return self.n / (self.n - 1)

    def notes(self) -> list[str]:
        """Why predictions are missing: which hypothesis of which theorem does not hold."""
        out: list[str] = []
        if self.graph:
            out.append(
                "the theorems are about the mean of all; on a graph, or with a lag, locked states "
                "are what is known here"
            )
            return out
        if self.n < 2 or self.kappa == 0 or not np.all(self.masses > 0) or not self.identical:
            return out
        if not self.equal_masses:
            out.append("Ha, Hwang and Kim's estimates of D(Z) need equal masses")
        elif self.diameter >= self.threshold:
            out.append(
                f"D₀={self.diameter:.6g} is not below N/(N−1)={self.threshold:.6g}: nothing "
                "guarantees that D(Z) falls"
            )
        if not self.gram and self.n > 2 and self.diameter >= self.threshold:
            out.append(
                "z is no Gram matrix: Theorem 2.4 of Antonelli et al. does not apply, whatever the "
                "sums Σ_k Re z_jk, and the solution may blow up (z_12=−2.9, z_13=2, z_23=2.1 does)"
            )
        if not self.gram and self.n == 2 and not self.vanishing:
            out.append(
                "z_12 is not real and below −1: it stays finite, although no states have such "
                "correlations"
            )
        return out


def _real(z: complex) -> complex:
    return complex(z.real) if abs(z.imag) < 1e-14 * abs(z) else z
