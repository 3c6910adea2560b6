"""Direct integration in phase space: transport, Θ and the coupling of all w_ij, for splitting."""

from __future__ import annotations

from typing import Any

import numpy as np

from .coupling import CouplingFlow
from .linear import pairs_of, start_arrays
from .model import WignerLohe
from .state import InitialState
from .transport import Transport

__all__ = ["DirectSystem"]


class DirectSystem:
    """All w_ij with transport, Θ and coupling, for the splitting methods."""

    def __init__(self, model: WignerLohe, state: InitialState, t0: float):
        self.model = model
        self.state = state
        self.space = model.phase_space
        self.n = state.n
        self.hermitian = state.hermitian
        self.pairs = pairs_of(self.n, self.hermitian)
        self.arrays = start_arrays(model, state)
        self.time = t0
        self.flow = CouplingFlow(model, state)
        self.transport = Transport(model, self.n)
        self.cache = self.transport.cache
        self.parts = [self.couple, self.kick, self.drift]

    def correlations(self) -> np.ndarray:
        """Correlations z_ij, (N, N)."""
        z = np.empty((self.n, self.n), complex)
        for w, (i, j) in zip(self.arrays, self.pairs, strict=True):
            z[i, j] = self.space.integrate(w)
            if self.hermitian and i != j:
                z[j, i] = np.conj(z[i, j])
        if self.hermitian:
            np.fill_diagonal(z, np.diag(z).real)
        return z

    def couple(self, dt: float) -> None:
        """Flow of the coupling over `dt`."""
        left, right = self.flow(self.correlations(), dt)
        # the linear map of the pairs, in blocks of points
        flat = self.arrays.reshape(len(self.pairs), -1)
        block = max(1, 2**18 // max(self.n * self.n, 1))
        upper = [i * self.n + j for i, j in self.pairs]
        for start in range(0, flat.shape[1], block):
            part = flat[:, start : start + block]
            full = np.empty((self.n * self.n, part.shape[1]), complex)
            full[upper] = part
            if self.hermitian:
                full[[j * self.n + i for i, j in self.pairs]] = part.conj()
                full[upper] = part
            full = full.reshape(self.n, self.n, -1)
            mixed = np.einsum("ik,klg,lj->ijg", left, full, right, optimize=True)
            flat[:, start : start + block] = mixed.reshape(self.n * self.n, -1)[upper]

    def kick(self, dt: float) -> None:
        """Flow of the potential's term Θ over `dt`."""
        for w, (i, j) in zip(self.arrays, self.pairs, strict=True):
            self.transport.kick(w, i, j, dt)

    def drift(self, dt: float) -> None:
        """Flow of the transport over `dt`; moves the clock."""
        for w in self.arrays:
            self.transport.drift(w, dt)
        self.time += dt

    def save(self) -> Any:
        """Copy of the state, for :meth:`restore`."""
        return self.arrays.copy(), self.time

    def restore(self, saved: Any) -> None:
        """Go back to what :meth:`save` gave."""
        np.copyto(self.arrays, saved[0])
        self.time = saved[1]

    def distance(self, saved: Any, rtol: float, atol: float) -> float:
        """Largest relative difference of an array, in units of the tolerance."""
        worst = 0.0
        for a, b in zip(self.arrays, saved[0], strict=True):
            size = float(np.linalg.norm(a))
            worst = max(worst, float(np.linalg.norm(a - b)) / (atol + rtol * size))
        return worst

    def time_to_vanish(self, j: int) -> float:
        """0, so that no step is shortened: the coupling keeps all masses."""
        return 0.0
