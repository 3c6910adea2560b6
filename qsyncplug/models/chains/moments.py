"""First and second moments of two chains and the central spin, in one pass a state."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ...exact.moments import MomentReader
from .statement import ChainOperators

__all__ = ["SpinReader"]


class SpinReader(MomentReader):
    r"""Reads the moments of the spins S=(σ/2, J_1, J_2), then those of the modes b_j and the level
    populations, off a state.

    Parameters
    ----------
    space : ChainOperators
        Matrices of the representation.
    n : pair of int
        Spins of each chain.
    modes : pair of sparse matrix
        The mode operators: Holstein–Primakoff bosons, or J_j−/√N_j where there are none.
    levels : pair of int
        Number of values that the excitations n_j=J_jz+N_j/2 can have.
    """

    def __init__(
        self,
        space: ChainOperators,
        n: tuple[int, int],
        modes: tuple[Any, Any],
        levels: tuple[int, int],
    ):
        central = space.sigma_minus is not None
        lower = [*([space.sigma_minus] if central else []), *space.lowering]
        along = [*([0.5 * space.sigma_z] if central else []), *space.jz]
        spins, self.n, self.levels = range(len(lower)), len(modes), levels
        self.pairs = [(0, 0), (0, 1), (1, 1)]
        pairs = [(a, b) for a in spins for b in spins[a:]]
        number = [
            np.rint(jz.diagonal().real + c / 2).astype(int)
            for jz, c in zip(space.jz, n, strict=True)
        ]
        # of one spin S−S_z and S_zS− are two; ⟨{S−, S_z}⟩/2 is read
        both = [[0.5 * (m @ z + z @ m) for z in along] for m in lower]
        products = [
            *(lower[a] @ lower[b] for a, b in pairs),
            *(lower[a].conj().T @ lower[b] for a, b in pairs),
            *(along[a] @ along[b] for a, b in pairs),
            *(both[a][b] for a in spins for b in spins),
        ]
        others = [sp.csr_matrix(x, dtype=complex) for x in (*lower, *along, *products)]
        self._hold([sp.csr_matrix(x, dtype=complex) for x in modes], np.array(number), others)
        self.quoted = len(lower)
        self.what = "⟨σ−⟩ and ⟨J_j−⟩" if central else "⟨J_j−⟩"

    def spins(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """⟨S⟩ (T, S, 3), their covariance (T, 3S, 3S) and ⟨S_a+S_b−⟩ (T, S, S) from rows of
        vectors.
        """
        T, S = len(values), self.quoted
        a, b = np.triu_indices(S)
        pairs = len(a)
        parts = np.split(values, np.cumsum([S, S, pairs, pairs, pairs, S * S]), axis=1)
        m, z, mz = parts[0], parts[1].real, parts[5].reshape(T, S, S)
        mm, pm, zz = (np.empty((T, S, S), dtype=complex) for _ in range(3))
        for out, found, turned in (
            (mm, parts[2], parts[2]),
            (pm, parts[3], parts[3].conj()),
            (zz, parts[4], parts[4]),
        ):
            out[:, b, a], out[:, a, b] = turned, found
        # J+J− = Jx²+Jy²+Jz
        across = pm - z[:, :, None] * np.eye(S)
        rows = [
            [across.real + mm.real, -(mm.imag + across.imag), 2 * mz.real],
            [across.imag - mm.imag, across.real - mm.real, -2 * mz.imag],
            [2 * mz.real.swapaxes(1, 2), -2 * mz.imag.swapaxes(1, 2), 2 * zz.real],
        ]
        second = 0.5 * np.array(rows).transpose(2, 3, 0, 4, 1).reshape(T, 3 * S, 3 * S)
        mean = np.stack([m.real, -m.imag, z], axis=2)
        flat = mean.reshape(T, 3 * S)
        return mean, second - flat[:, :, None] * flat[:, None, :], pm
