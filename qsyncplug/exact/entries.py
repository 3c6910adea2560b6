"""Matrices by their entries, and linear functionals of rows of elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["EntryTable", "Readout"]


@dataclass(frozen=True)
class EntryTable:
    """Matrices O_0, O_1, … by their entries, one after the other; each has at least one.

    Attributes
    ----------
    start : ndarray of int
        First entry of each matrix.
    row, column, data : ndarray
        Of every entry.
    """

    start: np.ndarray
    row: np.ndarray
    column: np.ndarray
    data: np.ndarray

    @classmethod
    def of(cls, matrices: Sequence[Any]) -> EntryTable:
        """Take sparse or dense matrices apart."""
        start, rows, columns, data = [0], [[0][:0]], [[0][:0]], [[0j][:0]]
        for matrix in matrices:
            coo = sp.coo_matrix(matrix)
            empty = coo.nnz == 0
            rows.append([0] if empty else coo.row)
            columns.append([0] if empty else coo.col)
            data.append([0.0] if empty else coo.data)
            start.append(start[-1] + len(data[-1]))
        return cls(
            np.array(start[:-1], dtype=int),
            np.concatenate(rows).astype(int),
            np.concatenate(columns).astype(int),
            np.concatenate(data).astype(complex),
        )

    def joined(self, other: EntryTable) -> EntryTable:
        """One table of these matrices followed by those of `other`."""
        return EntryTable(
            np.concatenate([self.start, len(self.data) + other.start]),
            np.concatenate([self.row, other.row]),
            np.concatenate([self.column, other.column]),
            np.concatenate([self.data, other.data]),
        )


@dataclass(frozen=True)
class Readout:
    """Linear functionals of rows of elements: value = Σ value·row[place]."""

    start: np.ndarray
    place: np.ndarray
    value: np.ndarray

    @property
    def count(self) -> int:
        """Number of functionals that one row is read by."""
        return len(self.start) - 1
