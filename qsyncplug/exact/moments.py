"""First and second moments, and level populations, of a truncated boson state, in one pass a
state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from ..core.checks import check_memory
from ..core.gaussian import covariance_from_moments
from ..operators.matrices import amplitude_matrices
from ..operators.system import System
from .entries import EntryTable

__all__ = ["MomentReader", "covariance_of", "entries_of", "flattened", "suggest_cutoff"]

#: largest population of the highest level that passes without a warning
POPULATION_LIMIT = 1e-6


def entries_of(state: Any, row: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ρ[row, column] and the diagonal of a ket or density matrix."""
    array = state.full()
    if array.shape[1] == 1:
        psi = array[:, 0]
        return psi[row] * psi[column].conj(), np.abs(psi) ** 2
    return array[row, column], array.diagonal().real


def flattened(
    matrices: Sequence[Any],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and values of the entries of all matrices, and where those of each begin."""
    rows, columns, data, start = [], [], [], [0]
    for matrix in (scipy.sparse.coo_array(m) for m in matrices):
        if not matrix.nnz:
            # one zero, so that every segment of a sum has an entry
            matrix = scipy.sparse.coo_array(([0j], ([0], [0])), shape=matrix.shape)
        rows.append(matrix.row)
        columns.append(matrix.col)
        data.append(matrix.data)
        start.append(start[-1] + matrix.nnz)
    parts = np.concatenate(rows), np.concatenate(columns), np.concatenate(data)
    return (*parts, np.array(start[:-1]))


class MomentReader:
    """Reads ⟨b_j⟩, ⟨b_jb_k⟩, ⟨b_j†b_k⟩ (j≤k) and the level populations off a state.

    b_j belong to the nodes (modes, the Holstein–Primakoff bosons of spins, σ−; see
    :func:`.amplitude_matrices`); populations are those of every tensor factor.

    Called as ``reader(t, state)`` it returns one complex vector, which is also
    what averages over trajectories need.
    """

    def __init__(self, system: System, levels: tuple[int, ...], cutoff: Any = None):
        self.n = system.n
        self.levels = levels
        self.pairs = [(j, k) for j in range(self.n) for k in range(j, self.n)]
        cutoff = levels if cutoff is None and system.bosonic else cutoff
        size = 48.0 * math.prod(levels) * (self.n + 2 * len(self.pairs))
        check_memory(f"the moments of {math.prod(levels)} levels", size, advice="lower the cutoff")
        number = np.indices(levels).reshape(len(levels), -1)
        self._hold(amplitude_matrices(system, cutoff), number)

    def _hold(self, b: Sequence[Any], number: np.ndarray, others: Sequence[Any] = ()) -> None:
        """What is read: `others`, the moments of `b`, and how often each `number` (factors, d) of
        the basis states occurs.
        """
        #: the first so many functionals are those that a standard error is quoted for
        self.quoted = self.n
        self._others = len(others)
        self._number = number
        self._matrices = [
            *others,
            *b,
            *(b[j] @ b[k] for j, k in self.pairs),
            *(b[j].conj().T @ b[k] for j, k in self.pairs),
        ]
        self._row, self._column, self._data, self._start = flattened(self._matrices)
        self.size = len(self._matrices) + sum(self.levels)

    def __call__(self, t: float, state: Any) -> np.ndarray:
        """All moments and populations of `state`."""
        entries, weights = entries_of(state, self._column, self._row)
        moments = np.add.reduceat(self._data * entries, self._start)
        populations = [
            np.bincount(k, weights, minlength=size)
            for k, size in zip(self._number, self.levels, strict=True)
        ]
        return np.concatenate([moments, *populations])

    def table(self) -> EntryTable:
        """All functionals as entries of their matrices, one after the other."""
        start, index = [], []
        at = len(self._data)
        for number, size in zip(self._number, self.levels, strict=True):
            order = np.argsort(number, kind="stable")
            index.append(order)
            start.append(at + np.searchsorted(number[order], np.arange(size)))
            at += len(order)
        diagonal = np.concatenate(index)
        return EntryTable(
            np.concatenate([self._start, *start]),
            np.concatenate([self._row, diagonal]),
            np.concatenate([self._column, diagonal]),
            np.concatenate([self._data, np.ones(len(diagonal))]),
        )

    def operators(self) -> list[Any]:
        """The operators whose expectation values the vector holds, as sparse matrices."""
        out = list(self._matrices)
        for number, size in zip(self._number, self.levels, strict=True):
            out += [
                scipy.sparse.diags((number == k).astype(complex), format="csr") for k in range(size)
            ]
        return out

    def split(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """⟨b_j⟩ (T, N), ⟨b_jb_k⟩ and ⟨b_j†b_k⟩ (T, N, N), populations (T, N, levels; NaN beyond a
        mode's own).
        """
        n, pairs = self.n, len(self.pairs)
        T, values = len(values), values[:, self._others :]
        j, k = np.array(self.pairs).T
        m = np.empty((T, n, n), dtype=complex)
        c = np.empty_like(m)
        m[:, j, k] = m[:, k, j] = values[:, n : n + pairs]
        c[:, j, k] = values[:, n + pairs : n + 2 * pairs]
        c[:, k, j] = values[:, n + pairs : n + 2 * pairs].conj()
        populations = np.full((T, len(self.levels), max(self.levels)), np.nan)
        at = n + 2 * pairs
        for mode, size in enumerate(self.levels):
            populations[:, mode, :size] = values[:, at : at + size].real
            at += size
        return values[:, :n], m, c, populations


def covariance_of(b: np.ndarray, m: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Covariance (T, 2N, 2N) from raw moments; normal-ordered, so that n+½ holds at a Fock
    cut-off.
    """
    return covariance_from_moments(
        m - b[:, :, None] * b[:, None, :], c - b[:, :, None].conj() * b[:, None, :]
    )


def suggest_cutoff(populations: np.ndarray, limit: float = POPULATION_LIMIT) -> int | None:
    """Number of levels at which the tail of `populations` (levels,) would fall below `limit`.

    Extrapolates the decay of the last levels geometrically; None where they do not decay.
    """
    p = np.maximum(populations[np.isfinite(populations)], 1e-300)
    size = len(p)
    # pairs of levels, so that parity (two-photon processes) does not hide the decay
    if size < 6:
        ratio = (p[-1] / p[0]) ** (1 / (size - 1))
    else:
        ratio = ((p[-1] + p[-2]) / (p[-5] + p[-6])) ** 0.25
    if not ratio < 0.9:
        return None
    top = max(p[-1], p[-2])
    return size + max(1, math.ceil(math.log(0.1 * limit / top) / math.log(ratio)))
