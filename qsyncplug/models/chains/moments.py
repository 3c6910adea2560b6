"""First and second moments of two chains and the central spin, in one pass a state."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...exact.moments import covariance_of, entries_of, flattened
from .statement import ChainOperators

__all__ = ["SpinReader"]


class SpinReader:
    r"""Reads the moments of the spins S=(σ/2, J_1, J_2), of the modes b_j, and the level
    populations off a state.

    Called as ``reader(t, state)`` it returns one complex vector, which is also what averages over
    trajectories need;
    :meth:`split` turns rows of such vectors into arrays.

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
        self.what = "⟨σ−⟩ and ⟨J_j−⟩" if central else "⟨J_j−⟩"
        #: the lowering operators come first: the standard error of trajectories is quoted for them
        self.n = len(lower)
        self.pairs = list(combinations_with_replacement(range(self.n), 2))
        table: dict[tuple[Any, ...], Any] = {("m", a): m for a, m in enumerate(lower)}
        table |= {("z", a): z for a, z in enumerate(along)}
        for a, b in self.pairs:
            mz, zm = lower[a] @ along[b], along[a] @ lower[b]
            table["mm", a, b] = lower[a] @ lower[b]
            table["pm", a, b] = lower[a].conj().T @ lower[b]
            table["mz", a, b] = 0.5 * (mz + zm) if a == b else mz
            table["zm", a, b] = 0.5 * (mz + zm) if a == b else zm
            table["zz", a, b] = along[a] @ along[b]
        table |= {("b", j): b for j, b in enumerate(modes)}
        for j, k in ((0, 0), (0, 1), (1, 1)):
            table["bb", j, k] = modes[j] @ modes[k]
            table["nb", j, k] = modes[j].conj().T @ modes[k]
        self._place = {key: k for k, key in enumerate(table)}
        self._matrices = [sp.csr_matrix(o, dtype=complex) for o in table.values()]
        self.levels = levels
        self._number = [
            np.rint(jz.diagonal().real + c / 2).astype(int)
            for jz, c in zip(space.jz, n, strict=True)
        ]
        self._row, self._column, self._data, self._start = flattened(self._matrices)
        self.size = len(self._matrices) + sum(levels)

    def operators(self) -> list[Any]:
        """The operators whose expectation values the vector holds, as sparse matrices."""
        out = list(self._matrices)
        for number, size in zip(self._number, self.levels, strict=True):
            out += [sp.diags((number == k).astype(complex), format="csr") for k in range(size)]
        return out

    def __call__(self, t: float, state: Any) -> np.ndarray:
        """The vector of moments and populations of a state."""
        entries, weights = entries_of(state, self._column, self._row)
        moments = np.add.reduceat(self._data * entries, self._start)
        populations = [
            np.bincount(k, weights, minlength=size)
            for k, size in zip(self._number, self.levels, strict=True)
        ]
        return np.concatenate([moments, *populations])

    def split(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays of :class:`SpinExactResult` from rows of such vectors."""
        S, T = self.n, len(values)
        read = {key: values[:, k] for key, k in self._place.items()}
        mean = np.empty((T, S, 3))
        for a in range(S):
            m = read["m", a]
            mean[:, a] = np.stack([m.real, -m.imag, read["z", a].real], axis=1)
        second, normal = np.empty((T, S, 3, S, 3)), np.empty((T, S, S), dtype=complex)
        for a, b in self.pairs:
            normal[:, b, a], normal[:, a, b] = read["pm", a, b].conj(), read["pm", a, b]
            second[:, a, :, b, :] = block = self._products(read, a, b)
            second[:, b, :, a, :] = np.swapaxes(block, 1, 2)
        flat = mean.reshape(T, 3 * S)
        covariance = second.reshape(T, 3 * S, 3 * S) - flat[:, :, None] * flat[:, None, :]
        b = np.stack([read["b", 0], read["b", 1]], axis=1)
        m, c = np.empty((T, 2, 2), dtype=complex), np.empty((T, 2, 2), dtype=complex)
        for j, k in ((0, 0), (0, 1), (1, 1)):
            m[:, j, k] = m[:, k, j] = read["bb", j, k]
            c[:, k, j], c[:, j, k] = read["nb", j, k].conj(), read["nb", j, k]
        populations = np.full((T, 2, max(self.levels)), np.nan)
        at = len(self._matrices)
        for j, size in enumerate(self.levels):
            populations[:, j, :size] = values[:, at : at + size].real
            at += size
        return {
            "spins": mean,
            "spin_covariance": covariance,
            "spin_normal": normal,
            "amplitudes": b,
            "mean": np.sqrt(2) * b.view(float),
            "covariance": covariance_of(b, m, c),
            "anomalous": m,
            "normal": c,
            "populations": populations,
        }

    @staticmethod
    def _products(read: dict[tuple[Any, ...], np.ndarray], a: int, b: int) -> np.ndarray:
        """½⟨{S_ax, S_bx}⟩ and so on, (T, 3, 3)."""
        p, q = read["mm", a, b], read["pm", a, b]
        # J+J− = Jx²+Jy²+Jz
        q = q.real - read["z", a].real + 0j if a == b else q
        mz, zm = read["mz", a, b], read["zm", a, b]
        rows = [
            [0.5 * (q.real + p.real), -0.5 * (p.imag + q.imag), mz.real],
            [0.5 * (q.imag - p.imag), 0.5 * (q.real - p.real), -mz.imag],
            [zm.real, -zm.imag, read["zz", a, b].real],
        ]
        return np.moveaxis(np.array(rows), 2, 0)
