"""Generators whose operators have too many diagonals for shifts: products of dense matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

__all__ = ["DenseKernel", "DenseParts"]

#: polynomials that are added to the outputs at once
_TOGETHER = 8
#: an operator as matrices, each with the number of the factor of time that multiplies it
DenseParts = list[tuple[int, np.ndarray]]


class DenseKernel:
    """What the compiled ``Generator`` does, by dense matrices.

    Parameters
    ----------
    M : list of (int, ndarray (d, d))
        −iH − ½ΣA†A, by the factors of time; the factor 0 is 1.
    jumps : sequence of list of (int, ndarray (d, d))
    rows, columns : ndarray of int
        Of the elements held, in their order; for a ket the columns are 0.
    weight : ndarray
        2 where the conjugate element is left out.
    kind : {"hermitian", "general", "ket"}
    """

    instructions = "dense"

    def __init__(
        self,
        M: DenseParts,
        jumps: Sequence[DenseParts],
        rows: np.ndarray,
        columns: np.ndarray,
        weight: np.ndarray,
        kind: str,
    ):
        self._parts, self.kind = (M, list(jumps)), kind
        count = 1 + max((f for parts in (M, *jumps) for f, _ in parts), default=0)
        self.set_factors(np.ones(count))
        self.rows, self.columns = rows, columns
        self.weight = np.concatenate([weight, weight])
        self.size, self.dimension = len(rows), len(self.M)
        self.products = 0

    def set_factors(self, factors: np.ndarray) -> None:
        """Values of the factors of time from now on."""
        M, jumps = self._parts
        self.M = _sum(M, factors)
        own = [_sum(parts, factors) for parts in jumps]
        self.jumps = len(own)
        if own:
            #: all of them above one another, and their adjoints
            self._down = np.concatenate(own)
            self._up = np.concatenate([A.conj().T for A in own])

    def matrix(
        self, x: np.ndarray, phase: np.ndarray, hermitian: bool, out: np.ndarray | None = None
    ) -> np.ndarray:
        """The matrix (d, d) of a row, for a ket (d, 1); OUT in `out`, whose other elements stay."""
        value = x[: self.size] + 1j * x[self.size :]
        value = value * phase[self.rows]
        if out is None:
            width = 1 if self.kind == "ket" else self.dimension
            out = np.zeros((self.dimension, width), dtype=complex)
        if self.kind != "ket":
            value = value * phase[self.columns].conj()
        if hermitian:
            out[self.columns, self.rows] = value.conj()
        out[self.rows, self.columns] = value
        return out

    def elements(self, m: np.ndarray, phase: np.ndarray) -> np.ndarray:
        """The kernel's row of a density matrix: its elements, turned by `phase`, real parts before
        imaginary.
        """
        value = m[self.rows, self.columns] * phase[self.rows].conj() * phase[self.columns]
        return np.concatenate([value.real, value.imag])

    def apply(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The generator applied to a row: L x."""
        self.products += 1
        ones = np.ones(self.dimension)
        X = self.matrix(np.asarray(x), ones, self.kind == "hermitian")
        row = self.elements(self._change(X), ones)
        if out is None:
            return row
        out[:] = row
        return out

    def _change(self, X: np.ndarray) -> np.ndarray:
        """The generator applied to a matrix, or to a ket."""
        Y = self.M @ X
        if self.kind == "ket":
            return np.asarray(Y)
        if self.kind == "hermitian":
            if self.jumps:
                Y += 0.5 * self._jumped(X)
            # Hermitian to the last bit: what is not would grow by the jumps, which nothing stops
            return np.asarray(Y + Y.conj().T)
        Y += X @ self.M.conj().T
        return np.asarray(Y + self._jumped(X) if self.jumps else Y)

    def _jumped(self, X: np.ndarray) -> np.ndarray:
        """Σ AXA†, for one jump operator at least."""
        # A X of each jump beside one another: one product with all A† ends the sum
        d = self.dimension
        AX = (self._down @ X).reshape(self.jumps, d, d).transpose(1, 0, 2)
        return np.asarray(AX.reshape(d, self.jumps * d) @ self._up)

    def norm(self, x: np.ndarray) -> float:
        """Frobenius norm of the matrix that the row `x` stands for: elements off the diagonal count
        twice.
        """
        return float(np.sqrt(np.dot(self.weight * x, x)))

    def expand(
        self,
        x: np.ndarray,
        alpha: float,
        shift: float,
        beta: float,
        coefficients: np.ndarray,
        out: np.ndarray,
        *reads: np.ndarray,
    ) -> None:
        """Sums of polynomials, as the compiled generator makes them; `reads` are start, place and
        value of the functionals, then their values and the norms, both OUT.
        """
        start, place, value, moments, norms = reads
        count, first = coefficients.shape[1], 0
        out[...] = 0.0
        for kept in self._polynomials(np.asarray(x), (alpha, shift, beta), count):
            last = first + len(kept)
            norms[first:last] = np.sqrt(np.square(kept) @ self.weight)
            out += coefficients[:, first:last] @ kept
            if len(moments):
                moments[first:last] = self.functionals(kept, start, place, value)
            first = last

    def _polynomials(
        self, x: np.ndarray, recurrence: tuple[float, float, float], count: int
    ) -> Iterator[np.ndarray]:
        """The rows of the polynomials, some at a time."""
        alpha, shift, beta = recurrence
        X = self.matrix(x, np.ones(self.dimension), self.kind == "hermitian")
        before, here = np.zeros_like(X), X
        kept = np.empty((_TOGETHER, *X.shape), dtype=complex)
        for k in range(count):
            if k:
                self.products += 1
                new = (1 if k == 1 else 2) * alpha * (self._change(here) - shift * here)
                if k > 1:
                    new += beta * before
                before, here = here, new
            kept[k % _TOGETHER] = here
            if (k + 1) % _TOGETHER == 0 or k + 1 == count:
                held = kept[: k % _TOGETHER + 1, self.rows, self.columns]
                yield np.concatenate([held.real, held.imag], axis=1)

    def functionals(
        self, rows: np.ndarray, start: np.ndarray, place: np.ndarray, value: np.ndarray
    ) -> np.ndarray:
        """Σ value · row[place] for each row and each functional."""
        total = np.zeros((len(rows), len(place) + 1), dtype=complex)
        np.cumsum(rows[:, place] * value, axis=1, out=total[:, 1:])
        return np.asarray(total[:, start[1:]] - total[:, start[:-1]])


def _sum(parts: DenseParts, factors: np.ndarray) -> np.ndarray:
    """The sum of the matrices, each times its factor."""
    if len(parts) == 1 and parts[0][0] == 0:
        return parts[0][1]
    total = np.zeros_like(parts[0][1])
    for factor, matrix in parts:
        total += factors[factor] * matrix
    return total
