"""Generators on chosen elements of the density matrix as sparse matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..core.checks import check_memory
from ..core.progress import say_if_long

__all__ = ["OrderZero", "check_factors", "sectors", "superoperator"]

#: entries beside the chosen elements, relative to the largest, that count as none
_LEAK = 1e-13
#: entries and seconds of a factorisation of n sparse rows: measured, per n^(4/3) and n²
_FILL, _SECONDS = 40.0, 3e-8
_ADVICE = "lower the cutoff, or write the system with operators of few entries a row"


def superoperator(M: Any, jumps: Sequence[Any], index: np.ndarray) -> Any:
    """Lρ = Mρ + ρM† + Σ AρA† on some elements, a CSR matrix; no other element is formed.

    Parameters
    ----------
    M : sparse matrix (d, d)
        −iH − ½ΣA†A.
    jumps : sequence of sparse matrix (d, d)
    index : ndarray of int
        Numbers a·d+b of the elements, in the order wanted.

    Raises
    ------
    ValueError
        The elements do not evolve apart from the others.
    MemoryLimitError
        It would not fit.
    """
    d = M.shape[0]
    index = np.asarray(index)
    one = sp.identity(d, dtype=complex, format="csr")
    M = sp.csr_matrix(M)
    pairs = [(M, one), (one, M), *((sp.csr_matrix(A), sp.csr_matrix(A)) for A in jumps)]
    a, b = index // d, index % d
    entries = sum(np.dot(np.diff(A.indptr)[a], np.diff(B.indptr)[b]) for A, B in pairs)
    check_memory(f"the generator on {len(index)} elements", 120.0 * entries, advice=_ADVICE)
    parts = [_products(A, B, a, b) for A, B in pairs]
    row, column, value = (np.concatenate([p[k] for p in parts]) for k in range(3))
    order = np.argsort(index, kind="stable")
    at = np.minimum(np.searchsorted(index[order], column), len(index) - 1)
    inside = index[order][at] == column
    _refuse_leaks(row[~inside], column[~inside], value[~inside], value)
    n = len(index)
    place = (row[inside], order[at[inside]])
    return sp.csr_matrix((value[inside], place), shape=(n, n))


def check_factors(what: str, n: int, advice: str) -> None:
    """Refuse a factorisation of n sparse rows that does not fit; say so where it takes long."""
    check_memory(what, 16.0 * _FILL * n ** (4 / 3), advice=advice)
    say_if_long(what, _SECONDS * float(n) ** 2, advice)


def _products(
    A: Any, B: Any, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries of ρ → AρB† in the rows (a, b): number of the row, element c·d+e, value."""
    of_a, of_b = np.diff(A.indptr)[a], np.diff(B.indptr)[b]
    count = of_a * of_b
    row = np.repeat(np.arange(len(a)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    i = A.indptr[a[row]] + within // of_b[row]
    k = B.indptr[b[row]] + within % of_b[row]
    column = A.indices[i].astype(np.int64) * A.shape[0] + B.indices[k]
    return row, column, A.data[i] * B.data[k].conj()


def _refuse_leaks(row: np.ndarray, column: np.ndarray, value: np.ndarray, every: Any) -> None:
    """Refuse what couples to other elements, where it does not cancel."""
    if not len(row):
        return
    _, which = np.unique(np.stack([row, column]), axis=1, return_inverse=True)
    total = np.bincount(which.ravel(), value.real) + 1j * np.bincount(which.ravel(), value.imag)
    if np.abs(total).max() > _LEAK * np.abs(every).max():
        raise ValueError(
            "hamiltonian or jump operators do not respect the charges: the coherence orders do "
            "not decouple"
        )


def sectors(charges: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The charges that occur, shape (S, K), and the basis states that have each.

    Parameters
    ----------
    charges : ndarray of int, shape (d, K)
        Of the basis states; with K=0 all are of one sector.
    """
    if not charges.shape[1]:
        return np.zeros((1, 0), dtype=int), [np.arange(len(charges))]
    if charges.shape[1] == 1:
        # rows of several numbers are sorted as texts are
        column, sector = np.unique(charges[:, 0], return_inverse=True)
        values = column[:, None]
    else:
        values, sector = np.unique(charges, axis=0, return_inverse=True)
        sector = np.ravel(sector)
    what = f"{len(charges)} states of {len(values)} charges"
    check_memory(what, 40.0 * len(charges) + 300.0 * len(values), advice="lower the cutoff")
    order = np.argsort(sector, kind="stable")
    return values, np.split(order, np.flatnonzero(np.diff(sector[order])) + 1)


class OrderZero:
    """The elements between states of equal charge: square blocks, one a charge.

    Parameters
    ----------
    charges : ndarray of int, shape (d, K)
        Of the basis states.

    Attributes
    ----------
    blocks : list of (int, ndarray)
        Where each block begins, and its basis states; the elements follow row by row.
    index : ndarray of int
        Number a·d+b of every element.
    diagonal : ndarray of int
        Places of the populations.
    """

    def __init__(self, charges: np.ndarray):
        self.d = len(charges)
        _, states = sectors(charges)
        sizes = np.array([len(s) ** 2 for s in states])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.blocks = list(zip(map(int, starts), states, strict=True))
        self.index = np.concatenate([(s[:, None] * self.d + s).ravel() for s in states])
        self.diagonal = np.concatenate(
            [start + np.arange(len(s)) * (len(s) + 1) for start, s in self.blocks]
        )

    def matrix(self, x: np.ndarray) -> Any:
        """The elements as a sparse matrix (d, d)."""
        place = (self.index // self.d, self.index % self.d)
        return sp.csr_matrix((x, place), shape=(self.d, self.d))
