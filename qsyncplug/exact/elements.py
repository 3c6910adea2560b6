"""Sets of density-matrix elements, or the components of a ket, in rows of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._ext.equations import PythonRightHandSide
from .._ext.integrator import RightHandSide
from .._ext.liouvillian import DrivenFlow, Generator
from .dense import DenseKernel
from .entries import EntryTable, Readout

__all__ = ["Elements"]


class Elements:
    """A set of density-matrix elements (or the components of a ket) in rows, and the compiled
    generator on them.

    Attributes
    ----------
    owner : Liouvillian
    kernel : Generator
        Acts on rows of 2·size doubles: real parts, then imaginary parts.
    kind : {"hermitian", "general", "ket"}
        What the rows hold.
    weight : ndarray of shape (2·size,)
        The Frobenius product of two rows is Σ weight·x·y.
    """

    def __init__(
        self,
        owner: Any,
        kernel: Generator | DenseKernel,
        segments: np.ndarray,
        kind: str,
        diagonals: np.ndarray,
        weight: np.ndarray,
    ):
        self.owner, self.kernel, self.kind = owner, kernel, kind
        self.diagonals = diagonals
        self.segments = segments
        self.size = kernel.size
        self.weight = np.concatenate([weight, weight])
        self.phase = owner.phase
        self._segment_of = {int(delta): k for k, delta in enumerate(diagonals)}

    def pack(self, state: Any) -> np.ndarray:
        """The row of a ket (d,) or matrix (d, d), in the original basis."""
        state = state.toarray() if sp.issparse(state) else np.asarray(state)
        if self.kind == "ket":
            psi = self.phase.conj() * np.ravel(state)
            return np.concatenate([psi.real, psi.imag])
        if state.ndim == 1 or state.shape[0] != state.shape[1]:
            row = self._of_ket(self.phase.conj() * np.ravel(state))
        else:
            row = self.kernel.elements(np.ascontiguousarray(state, dtype=complex), self.phase)
        if self.kind == "hermitian" and self.diagonals[0] == 0:
            # rounding there belongs to no Hermitian matrix, and iterations would let it grow
            row[self.size : self.size + self.owner.dimension] = 0.0
        return np.asarray(row)

    def _of_ket(self, psi: np.ndarray) -> np.ndarray:
        """The elements of |ψ⟩⟨ψ| that are held, and no others: all may be too many."""
        start, length, left, right = self.segments.T
        within = np.arange(self.size) - np.repeat(start, length)
        value = psi[np.repeat(left, length) + within]
        value = value * psi[np.repeat(right, length) + within].conj()
        return np.concatenate([value.real, value.imag])

    def unpack(self, row: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The ket (d, 1) or matrix (d, d) of a row, in the original basis; a matrix in the memory
        of `out`, if that is given.
        """
        if self.kind == "ket":
            return np.asarray(self.phase * (row[: self.size] + 1j * row[self.size :]))[:, None]
        hermitian = self.kind == "hermitian"
        if out is None:
            return np.asarray(self.kernel.matrix(row, self.phase, hermitian))
        if not hermitian or len(self.diagonals) < self.owner.dimension:
            out[...] = 0.0
        return np.asarray(self.kernel.matrix(row, self.phase, hermitian, out))

    def inner(self, x: np.ndarray, y: np.ndarray) -> float:
        """Real part of tr x†y (or ⟨x|y⟩)."""
        return float(np.dot(self.weight * x, y))

    def flow(self, factors: Callable[[float], np.ndarray]) -> RightHandSide:
        """The right-hand side of a run with factors that depend on time."""
        kernel = self.kernel
        if not isinstance(kernel, DenseKernel):
            return DrivenFlow(kernel, factors)

        def change(t: float, row: np.ndarray) -> np.ndarray:
            kernel.set_factors(factors(t))
            return kernel.apply(row)

        return PythonRightHandSide(change, 2 * self.size)

    def set_factors(self, factors: np.ndarray) -> None:
        """Values of the factors that depend on time, from now on."""
        self.kernel.set_factors(factors)

    def readout(self, operators: Sequence[Any] | EntryTable) -> Readout:
        """Expectation values tr(Oρ) of matrices O, in the original basis, as functionals of rows.

        Elements not held count as zero.
        """
        table = operators if isinstance(operators, EntryTable) else EntryTable.of(operators)
        # tr Oρ = Σ O_ba ρ_ab
        a, b = table.column, table.row
        value = table.data * self.phase[a] * self.phase[b].conj()
        sign = np.ones(len(a))
        if self.kind == "hermitian":
            turned = b < a
            a, b = np.where(turned, b, a), np.where(turned, a, b)
            sign = np.where(turned, -1.0, 1.0)
        lookup = np.full(2 * self.owner.dimension, -1)
        lookup[self.diagonals] = np.arange(len(self.diagonals))
        segment = lookup[b - a]
        keep = segment >= 0
        place = self.segments[segment[keep], 0] + np.minimum(a, b)[keep]
        held = np.concatenate([[0], np.cumsum(keep)])
        edges = held[np.append(table.start, len(a))]
        # an entry reads the real and the imaginary part of its element
        both = np.stack([place, self.size + place], axis=1).ravel()
        value, sign = value[keep], sign[keep]
        values = np.stack([value, 1j * sign * value], axis=1).ravel()
        return Readout(2 * edges.astype(np.intp), both.astype(np.intp), values)

    def read(self, rows: np.ndarray, readout: Readout) -> np.ndarray:
        """Values of the functionals, shape (rows, functionals)."""
        return np.asarray(
            self.kernel.functionals(rows, readout.start, readout.place, readout.value)
        )
