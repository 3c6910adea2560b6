"""First and second moments of two chains and the central spin, in one pass a state."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ...exact.moments import covariance_of, entries_of
from .representations import Space

__all__ = ["SpinReader"]


class SpinReader:
    r"""Reads the moments of the spins S=(σ/2, J_1, J_2), of the modes b_j, and the level
    populations off a state.

    Called as ``reader(t, state)`` it returns one complex vector, which is also what averages over
    trajectories need;
    :meth:`split` turns rows of such vectors into arrays.

    Parameters
    ----------
    space : Space
        Operators of the representation.
    n : pair of int
        Spins of each chain.
    modes : pair of sparse matrix
        The mode operators: Holstein–Primakoff bosons, or J_j−/√N_j where there are none.
    levels : pair of int
        Number of values that the excitations n_j=J_jz+N_j/2 can have.
    """

    def __init__(
        self, space: Space, n: tuple[int, int], modes: tuple[Any, Any], levels: tuple[int, int]
    ):
        self.central = space.sigma_minus is not None
        lower = [*([space.sigma_minus] if self.central else []), *space.lowering]
        along = [*([0.5 * space.sigma_z] if self.central else []), *space.jz]
        self.spins = len(lower)
        self.pairs = [(a, b) for a in range(self.spins) for b in range(a + 1, self.spins)]
        operators = [*lower, *along]
        for m, z in zip(lower, along, strict=True):
            operators += [m @ m, m.conj().T @ m, 0.5 * (z @ m + m @ z), z @ z]
        for a, b in self.pairs:
            operators += [
                lower[a] @ lower[b],
                lower[a].conj().T @ lower[b],
                lower[a] @ along[b],
                along[a] @ lower[b],
                along[a] @ along[b],
            ]
        self._bosons = len(operators)
        operators += [*modes]
        operators += [modes[0] @ modes[0], modes[0] @ modes[1], modes[1] @ modes[1]]
        operators += [
            modes[0].conj().T @ modes[0],
            modes[0].conj().T @ modes[1],
            modes[1].conj().T @ modes[1],
        ]
        self._levels_at = len(operators)
        self._matrices = [sp.csr_matrix(o, dtype=complex) for o in operators]
        self.levels = levels
        self._number = [
            np.rint(jz.diagonal().real + c / 2).astype(int)
            for jz, c in zip(space.jz, n, strict=True)
        ]
        rows, columns, data, start = [], [], [], [0]
        for matrix in self._matrices:
            coo = matrix.tocoo()
            # an empty operator keeps one zero, so that every segment of the sum has an entry
            empty = coo.nnz == 0
            rows.append(np.zeros(1, dtype=int) if empty else coo.row)
            columns.append(np.zeros(1, dtype=int) if empty else coo.col)
            data.append(np.zeros(1, dtype=complex) if empty else coo.data)
            start.append(start[-1] + len(data[-1]))
        self._row, self._column = np.concatenate(rows), np.concatenate(columns)
        self._data, self._start = np.concatenate(data), np.array(start[:-1])
        self.what = "⟨σ−⟩ and ⟨J_j−⟩" if self.central else "⟨J_j−⟩"
        self.n = (
            self.spins
        )  # what the standard error of trajectories is quoted for: the lowering operators
        self.size = len(operators) + sum(levels)

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
        S, T = self.spins, len(values)
        lower, along = values[:, :S], values[:, S : 2 * S].real
        mean = np.stack([lower.real, -lower.imag, along], axis=2)
        second = np.empty((T, S, 3, S, 3))
        at = 2 * S
        for a in range(S):
            p, q, r, zz = values[:, at : at + 4].T
            q = q.real - along[:, a]  # J+J− = Jx²+Jy²+Jz
            xy = -0.5 * p.imag
            second[:, a, 0, a, 0], second[:, a, 1, a, 1] = 0.5 * (q + p.real), 0.5 * (q - p.real)
            second[:, a, 0, a, 1] = second[:, a, 1, a, 0] = xy
            second[:, a, 0, a, 2] = second[:, a, 2, a, 0] = r.real
            second[:, a, 1, a, 2] = second[:, a, 2, a, 1] = -r.imag
            second[:, a, 2, a, 2] = zz.real
            at += 4
        normal = np.empty((T, S, S), dtype=complex)
        for a in range(S):
            normal[:, a, a] = values[:, 2 * S + 4 * a + 1]
        for a, b in self.pairs:
            p, q, mz, zm, zz = values[:, at : at + 5].T
            normal[:, a, b], normal[:, b, a] = q, q.conj()
            block = np.empty((T, 3, 3))
            block[:, 0, 0], block[:, 1, 1] = 0.5 * (q.real + p.real), 0.5 * (q.real - p.real)
            block[:, 0, 1], block[:, 1, 0] = -0.5 * (p.imag + q.imag), 0.5 * (q.imag - p.imag)
            block[:, 0, 2], block[:, 1, 2] = mz.real, -mz.imag
            block[:, 2, 0], block[:, 2, 1] = zm.real, -zm.imag
            block[:, 2, 2] = zz.real
            second[:, a, :, b, :] = block
            second[:, b, :, a, :] = np.swapaxes(block, 1, 2)
            at += 5
        flat = mean.reshape(T, 3 * S)
        covariance = second.reshape(T, 3 * S, 3 * S) - flat[:, :, None] * flat[:, None, :]
        b = np.ascontiguousarray(values[:, at : at + 2])
        m, c = np.empty((T, 2, 2), dtype=complex), np.empty((T, 2, 2), dtype=complex)
        m[:, 0, 0], m[:, 0, 1], m[:, 1, 1] = values[:, at + 2 : at + 5].T
        m[:, 1, 0] = m[:, 0, 1]
        c[:, 0, 0], c[:, 0, 1], c[:, 1, 1] = values[:, at + 5 : at + 8].T
        c[:, 1, 0] = c[:, 0, 1].conj()
        populations = np.full((T, 2, max(self.levels)), np.nan)
        at += 8
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
