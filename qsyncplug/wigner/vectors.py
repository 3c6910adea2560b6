"""Vector-valued Schrödinger–Lohe factors with different potentials, for the splitting methods."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft

from ..waves.splitting import Cache, phase
from ..waves.stepping import Rewindable
from .coupling import CouplingFlow
from .model import WignerLohe
from .state import InitialState

__all__ = ["VectorSystem"]


class VectorSystem(Rewindable):
    """Factors ψ_i^α of ρ_ij=Σ_α s_α|ψ_i^α⟩⟨φ_j^α|: coupling, potential, kinetic energy (which moves
    the clock).
    """

    def __init__(self, model: WignerLohe, state: InitialState, t0: float):
        assert state.left is not None
        self.model = model
        self.grid = model.grid
        self.signs = state.signs
        self.n, self.a, self.m = state.left.shape
        self.hermitian = state.hermitian
        # left factors, then right ones
        self.psi = np.array(
            [state.left] if state.right is None else [state.left, state.right], dtype=complex
        )
        self.time = t0
        self.flow = CouplingFlow(model, state)
        self.cache = Cache()
        self._potentials = np.array([h.values.ravel() for h in model.hamiltonians(self.n)])
        self._axes = tuple(range(1, 1 + self.grid.ndim))
        self.parts = [self.couple, self.kick, self.drift]

    def correlations(self) -> np.ndarray:
        """Correlations z_ij, (N, N)."""
        left, right = self.psi[0], self.psi[-1]
        z = (
            self.grid.weight
            * (left * self.signs[:, None]).reshape(self.n, -1)
            @ right.reshape(self.n, -1).conj().T
        )
        return np.asarray(0.5 * (z + z.conj().T) if self.hermitian else z)

    def couple(self, dt: float) -> None:
        """Flow of the coupling over `dt`."""
        left, right = self.flow(self.correlations(), dt)
        self.psi[0] = np.tensordot(left, self.psi[0], axes=1)
        if not self.hermitian:
            self.psi[1] = np.tensordot(right.conj().T, self.psi[1], axes=1)

    def kick(self, dt: float) -> None:
        """Flow of the potentials over `dt`."""
        self.psi *= self.cache.get("V", dt, lambda x: phase(self._potentials, x))[:, None, :]

    def drift(self, dt: float) -> None:
        """Flow of the kinetic energy over `dt`; moves the clock."""
        hat = scipy.fft.fftn(
            self.psi.reshape(-1, *self.grid.shape), axes=self._axes, overwrite_x=True
        )
        hat *= self.cache.get("T", dt, lambda x: phase(self.grid.kinetic, x))
        self.psi = scipy.fft.ifftn(hat, axes=self._axes, overwrite_x=True).reshape(self.psi.shape)
        self.time += dt

    def distance(self, saved: Any, rtol: float, atol: float) -> float:
        """Largest relative difference of an oscillator, in units of the tolerance."""
        root = np.sqrt(self.grid.weight)
        size = np.sqrt(np.sum(np.abs(self.psi) ** 2, axis=(2, 3))) * root
        off = np.sqrt(np.sum(np.abs(self.psi - saved[0]) ** 2, axis=(2, 3))) * root
        return float(np.max(off / (atol + rtol * size)))

    def time_to_vanish(self, j: int) -> float:
        """0, so that no step is shortened: the coupling keeps all masses."""
        return 0.0
