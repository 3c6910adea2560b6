"""Liouvillians in blocks of definite charge.

With a phase symmetry the elements |m⟩⟨n| of a density matrix evolve apart for
every difference of charges q(m) − q(n), the coherence order. One order is a
set of rectangular blocks (sector c + order, sector c).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

__all__ = ["SectorBasis", "sector_liouvillian"]


@dataclass(frozen=True)
class SectorBasis:
    """The basis states sorted into sectors of equal charge.

    Parameters
    ----------
    sectors : dict
        charge (tuple of int) -> indices of the basis states.
    """

    sectors: dict[tuple[int, ...], np.ndarray]

    @classmethod
    def from_charges(cls, charges: np.ndarray) -> SectorBasis:
        """Sort by the rows of `charges`, integers of shape (d, K)."""
        values, inverse = np.unique(charges, axis=0, return_inverse=True)
        inverse = np.ravel(inverse)
        order = np.argsort(inverse, kind="stable")
        edges = np.searchsorted(inverse[order], np.arange(len(values) + 1))
        return cls(
            {tuple(int(x) for x in v): order[edges[k] : edges[k + 1]] for k, v in enumerate(values)}
        )

    def blocks(self, order: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """(row sector, column sector) of every block of coherence order `order`."""
        out = []
        for c in self.sectors:
            row = tuple(a + b for a, b in zip(c, order, strict=True))
            if row in self.sectors:
                out.append((row, c))
        return out

    def size(self, order: tuple[int, ...]) -> int:
        """Number of density-matrix elements of coherence order `order`."""
        return sum(len(self.sectors[r]) * len(self.sectors[c]) for r, c in self.blocks(order))


def _cut(matrix: Any, rows: np.ndarray, columns: np.ndarray) -> Any:
    return matrix[rows][:, columns]


def sector_liouvillian(
    H: Any, jumps: Sequence[Any], basis: SectorBasis, order: tuple[int, ...]
) -> tuple[Any, list[tuple[tuple[int, ...], tuple[int, ...]]], np.ndarray]:
    """The Liouvillian restricted to one coherence order.

    Parameters
    ----------
    H : sparse matrix of shape (d, d)
        Hamiltonian, block diagonal in the sectors.
    jumps : sequence of sparse matrix
        Jump operators, each changing the charge by one definite amount.
    basis : SectorBasis
        The sectors.
    order : tuple of int
        Coherence order.

    Returns
    -------
    L : csr_matrix
        Acts on the blocks, each flattened row by row, one after the other.
    blocks : list
        (row sector, column sector) of each block.
    start : ndarray
        Where each block begins.
    """
    blocks = basis.blocks(order)
    place = {block: k for k, block in enumerate(blocks)}
    sizes = [len(basis.sectors[r]) * len(basis.sectors[c]) for r, c in blocks]
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
    H = scipy.sparse.csr_matrix(H)
    jumps = [scipy.sparse.csr_matrix(j) for j in jumps]
    effective = -1j * H
    for jump in jumps:
        effective = effective - 0.5 * (jump.conj().T @ jump)
    effective = scipy.sparse.csr_matrix(effective)
    shifts = [_shift(jump, basis) for jump in jumps]
    grid: list[list[Any]] = [[None] * len(blocks) for _ in blocks]

    def put(target: int, source: int, matrix: Any) -> None:
        grid[target][source] = (
            matrix if grid[target][source] is None else grid[target][source] + matrix
        )

    for k, (r, c) in enumerate(blocks):
        rows, columns = basis.sectors[r], basis.sectors[c]
        left = scipy.sparse.kron(_cut(effective, rows, rows), scipy.sparse.identity(len(columns)))
        right = scipy.sparse.kron(
            scipy.sparse.identity(len(rows)), _cut(effective, columns, columns).conj()
        )
        put(k, k, left + right)
        for jump, shift in zip(jumps, shifts, strict=True):
            target = (
                tuple(a + b for a, b in zip(r, shift, strict=True)),
                tuple(a + b for a, b in zip(c, shift, strict=True)),
            )
            if target in place:
                a = _cut(jump, basis.sectors[target[0]], rows)
                b = _cut(jump, basis.sectors[target[1]], columns)
                put(place[target], k, scipy.sparse.kron(a, b.conj()))
    if not blocks:
        return scipy.sparse.csr_matrix((0, 0), dtype=complex), blocks, start
    return scipy.sparse.bmat(grid, format="csr", dtype=complex), blocks, start


def _shift(jump: Any, basis: SectorBasis) -> tuple[int, ...]:
    """The charge that a jump operator adds; it must be the same for all its elements."""
    charge_of = {}
    for charge, indices in basis.sectors.items():
        for i in indices:
            charge_of[int(i)] = charge
    coo = jump.tocoo()
    width = len(next(iter(basis.sectors)))
    found = {
        tuple(charge_of[int(i)][a] - charge_of[int(j)][a] for a in range(width))
        for i, j in zip(coo.row, coo.col, strict=True)
    }
    if len(found) > 1:
        raise ValueError(
            "a jump operator changes the charge by several amounts: the sectors do not decouple"
        )
    return found.pop() if found else (0,) * width
