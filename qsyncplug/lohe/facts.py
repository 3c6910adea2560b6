"""What the hypotheses of the theorems ask of a model and its initial states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..core.checks import check_memory
from ..waves.factors import factorize
from ..waves.influence import Influence, infimum
from ..waves.motion import Motion
from .initial import existence_margin, read_states
from .model import SchrodingerLohe

__all__ = ["Facts", "facts_of"]

#: numbers that differ by less are equal
SAME = 1e-12


@dataclass(frozen=True, eq=False)
class Facts:
    """A model and the coefficients of its states.

    Attributes
    ----------
    model : SchrodingerLohe
    x : (N, r) array
        States in an orthonormal basis.
    reach : float
        Largest distance of two centres at the start.
    """

    model: SchrodingerLohe
    x: np.ndarray
    reach: float

    @property
    def n(self) -> int:
        """Number N of oscillators, the length of every axis of nodes."""
        return len(self.x)

    @property
    def k(self) -> float:
        """Coupling k of the model, a rate."""
        return self.model.coupling

    @cached_property
    def gram(self) -> np.ndarray:
        """Gram matrix ⟨ψ_j,ψ_k⟩, (N, N)."""
        return np.asarray(self.x.conj() @ self.x.T)

    @cached_property
    def norms(self) -> np.ndarray:
        """Norms λ_j=‖ψ_j‖, (N,); rounding below 0 is taken for 0."""
        return np.asarray(np.sqrt(np.maximum(np.diag(self.gram).real, 0)))

    @cached_property
    def z(self) -> np.ndarray:
        """Correlations z_jk=⟨φ_j,φ_k⟩, (N, N)."""
        return np.asarray(self.gram / np.outer(self.norms, self.norms))

    @cached_property
    def theta(self) -> np.ndarray:
        """Auxiliary numbers θ_j, (N,)."""
        return self.model.start_theta(self.n)

    @cached_property
    def rates(self) -> np.ndarray:
        """Frequencies Ω_j that are added to the Hamiltonians, (N,)."""
        return self.model.rates(self.n)

    @cached_property
    def order(self) -> float:
        """Order parameter ‖ζ‖ of the states as they are, ζ=(1/N)Σψ_j."""
        return float(np.linalg.norm(np.mean(self.x, axis=0)))

    @cached_property
    def along(self) -> np.ndarray:
        """Re Σ_l ⟨ψ_l,φ_j⟩/N: how far each state points along ζ."""
        return np.asarray(np.mean(self.gram, axis=0).real / self.norms)

    @property
    def identical(self) -> bool:
        """Whether all frequencies are equal."""
        scale = max(abs(self.k), float(np.max(np.abs(self.rates))))
        return bool(np.ptp(self.rates) <= SAME * scale)

    @property
    def diameter(self) -> float:
        """Largest ‖ψ_j−ψ_k‖ of the directions: of the differences, for 1−Re z cancels."""
        unit = self.x / np.maximum(self.norms, 1e-300)[:, None]
        return float(max(np.linalg.norm(unit - row, axis=1).max() for row in unit))

    @property
    def collinear(self) -> bool:
        """Whether all states are complex multiples of one: Kuramoto's phases."""
        unit = self.x / np.maximum(self.norms, 1e-300)[:, None]
        # |z| knows the distance from one ray to the root of rounding only
        return self.x.shape[1] == 1 or float(np.linalg.svd(unit)[1][1]) < 1e-12

    @property
    def frozen(self) -> bool:
        """Whether θ stays what it is: no alignment, or nothing to align."""
        return self.model.alignment == 0 or bool(np.ptp(self.theta) == 0)

    @property
    def constant_norms(self) -> bool:
        """Whether the norms are constants of motion."""
        return self.model.variant != "model2" and bool(np.all(self.theta == 1))

    @property
    def unit(self) -> bool:
        """Whether all norms are 1 and stay so."""
        return self.constant_norms and bool(np.all(np.abs(self.norms - 1) < SAME))

    @cached_property
    def floor(self) -> float:
        """Infimum of the influence function h."""
        return infimum(self.model.kernel) if self.model.variant != "standard" else 1.0

    @property
    def heavy(self) -> bool:
        """Whether h has a heavy tail; of a callable only samples are known."""
        kernel = self.model.kernel
        return kernel.heavy_tail if isinstance(kernel, Influence) else self.floor > 0

    @cached_property
    def margin(self) -> float:
        """Lower bound of the norms of Model 1, the corrected (16); not positive: none is known."""
        return existence_margin(self.model, self.norms)

    @property
    def global_solution(self) -> bool:
        """Whether Model 1 is known to keep every oscillator (the corrected (17))."""
        return self.model.variant != "model1" or self.margin > 0


def facts_of(model: SchrodingerLohe, state0: Any) -> Facts:
    """The facts of a model and its initial states."""
    if not isinstance(model, SchrodingerLohe):
        raise TypeError(f"model must be a SchrodingerLohe, not {type(model).__name__}")
    psi = read_states(model, state0)
    check_memory("the products of all pairs", 96.0 * len(psi) ** 2, advice="take fewer oscillators")
    x, _ = factorize(psi, model.grid.weight if model.grid is not None else 1.0)
    return Facts(model, x, _reach(model, psi))


def _reach(model: SchrodingerLohe, psi: np.ndarray) -> float:
    if model.grid is None and model.position is None:
        return 0.0
    motion = Motion(model.reference, psi, 0.0, position=model.position)
    norms = np.diag(motion.gram(psi, psi)).real
    if np.any(norms == 0):
        return float("inf")
    centres = np.diagonal(motion.positions(psi), axis1=1, axis2=2).T.real / norms[:, None]
    return float(np.max(np.linalg.norm(centres[:, None] - centres[None], axis=2)))
