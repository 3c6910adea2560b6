"""Operators as sums of (diagonal values) times (shift of the basis): parts, phases, vectors."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import qutip
import scipy.sparse as sp

from .._ext.liouvillian import Slot

__all__ = [
    "DIAGONAL",
    "ONES",
    "ZEROS",
    "NotRealError",
    "Part",
    "Vectors",
    "common_phase",
    "diagonals_of",
    "find_gauge",
    "operator_parts",
]

#: the first slots of a generator's vectors, as the kernel has them
ONES, ZEROS, DIAGONAL = int(Slot.ONES), int(Slot.ZEROS), int(Slot.DIAGONAL)
#: tensor factors whose labels are tried for phases that make the generator real
_GAUGE_FACTORS = 6

Part = tuple[int, Any]


class NotRealError(Exception):
    """A coefficient that was taken to be real is complex."""

    def __init__(self, time: float):
        super().__init__(f"at t={time:g}")
        self.time = time


def operator_parts(operator: Any, coefficients: list[Any]) -> list[Part]:
    """An operator as [(number of its coefficient, CSR matrix)]; number 0 is the constant one.

    New coefficients are appended to `coefficients`.

    Raises
    ------
    TypeError
        A part depends on time in another way than by a coefficient.
    """
    if isinstance(operator, qutip.Qobj):
        return [
            (
                0,
                sp.csr_matrix(
                    operator.data_as("csr_matrix") if _is_csr(operator) else operator.full()
                ),
            )
        ]
    parts = []
    for item in operator.to_list():
        if isinstance(item, qutip.Qobj):
            parts += operator_parts(item, coefficients)
            continue
        if not isinstance(item, list) or not isinstance(item[0], qutip.Qobj):
            raise TypeError("an operator that is itself a function of time has no fixed pattern")
        matrix, coefficient = item
        coefficients.append(coefficient)
        parts.append((len(coefficients), operator_parts(matrix, coefficients)[0][1]))
    return parts


def _is_csr(operator: qutip.Qobj) -> bool:
    return isinstance(operator.data, qutip.data.CSR)


class Vectors:
    """The vectors of a generator: each the sum of parts times factors that may depend on time.

    Attributes
    ----------
    parts : list of (slot, factor, values)
    complex : list of bool
        Whether a vector has an imaginary part.
    range : list of (int, int)
        First index that is not zero, and one behind the last.
    """

    def __init__(self, dimension: int, real: bool):
        self.dimension, self.real = dimension, real
        self.parts: list[tuple[int, int, np.ndarray]] = []
        self.complex = [False, False, True]
        self.range = [(0, dimension), (0, 0), (0, dimension)]

    @property
    def count(self) -> int:
        """Number of slots, the three that are always there included."""
        return len(self.complex)

    def new(self) -> int:
        """Number of a further, empty slot."""
        self.complex.append(False)
        self.range.append((self.dimension, 0))
        return self.count - 1

    def add(self, slot: int, factor: int, vector: np.ndarray) -> None:
        """Add `vector` times a time factor to a slot; notes its range and whether it is complex."""
        self.parts.append((slot, factor, vector))
        imaginary = np.abs(vector.imag) > 4e-16 * np.abs(vector)
        if np.any(imaginary) or (factor and not self.real):
            self.complex[slot] = True
        here = np.flatnonzero(vector)
        if len(here):
            low, high = self.range[slot]
            self.range[slot] = (min(low, int(here[0])), max(high, int(here[-1]) + 1))


def diagonals_of(matrix: Any, phase: np.ndarray) -> dict[int, np.ndarray]:
    """The diagonals of a matrix in the gauge: shift -> values by row."""
    coo = sp.coo_matrix(matrix)
    keep = coo.data != 0
    row, column = coo.row[keep], coo.col[keep]
    data = coo.data[keep] * phase[row].conj() * phase[column]
    out: dict[int, np.ndarray] = {}
    shift = column.astype(np.int64) - row
    for s in np.unique(shift):
        here = shift == s
        vector = np.zeros(len(phase), dtype=complex)
        vector[row[here]] = data[here]
        out[int(s)] = vector
    return out


def find_gauge(generators: dict[int, Any], jumps: list[list[Part]], dims: list[int]) -> np.ndarray:
    """Phases that make M (off the diagonal) and the jump operators real, if there are any
    among i^{w·labels}.
    """
    entries = []
    for matrix in generators.values():
        coo = matrix.tocoo()
        off = coo.row != coo.col
        entries.append((coo.row[off], coo.col[off], coo.data[off], False))
    for jump in jumps:
        for _, matrix in jump:
            coo = matrix.tocoo()
            entries.append((coo.row, coo.col, coo.data, True))
    entries = [e for e in entries if len(e[2])]
    width = min(len(dims), _GAUGE_FACTORS)
    labels = np.indices(dims).reshape(len(dims), -1).T[:, :width]
    power = np.array([1, 1j, -1, -1j])
    for w in itertools.product((0, 1), repeat=width):
        phase = power[(labels @ np.array(w, dtype=int)) % 4]
        if all(_real_in(phase, *e) for e in entries):
            return np.ascontiguousarray(phase)
    return np.ones(math.prod(dims), dtype=complex)


def _real_in(
    phase: np.ndarray, row: np.ndarray, column: np.ndarray, data: np.ndarray, free: bool
) -> bool:
    """Whether all entries are real in the gauge; where `free`, up to one common phase."""
    values = data * phase[row].conj() * phase[column]
    if free:
        values = values * np.exp(-1j * np.angle(values[np.argmax(np.abs(values))]))
    return bool(np.all(np.abs(values.imag) <= 4e-16 * np.abs(values)))


def common_phase(matrices: list[Any], phase: np.ndarray) -> complex:
    """The factor of modulus 1 that makes the largest entry real in the gauge: a jump operator's
    phase has no effect.
    """
    largest = 0.0 + 0j
    for m in matrices:
        coo = m.tocoo()
        if len(coo.data):
            k = int(np.argmax(np.abs(coo.data)))
            if abs(coo.data[k]) > abs(largest):
                largest = coo.data[k] * phase[coo.row[k]].conj() * phase[coo.col[k]]
    if largest.imag == 0 or largest == 0:
        return 1.0
    # exact for the axes
    return (
        -1j
        if largest.real == 0 and largest.imag > 0
        else 1j
        if largest.real == 0
        else abs(largest) / largest
    )
