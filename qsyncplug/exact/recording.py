"""What is read off an exact run at its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
from qutip.core.dimensions import Dimensions

from .._ext.liouvillian import ket_functionals
from .elements import Elements
from .entries import EntryTable
from .observe import Expectation

__all__ = ["Reading", "StateBlocks"]

#: bytes of a block of states: large enough for pages of 2 MiB, small enough to be held by the one
#: state that somebody keeps
_BLOCK = 2**23


class StateBlocks:
    """Memory of the states that are stored, of several in one piece.

    Fresh memory comes in pages of 4 KiB, and waiting for these took half of the time of a run of
    100 levels; a large piece comes in pages of 2 MiB.

    Parameters
    ----------
    count : int
        States in all.
    d : int
        Levels.
    """

    def __init__(self, count: int, d: int):
        self._left, self._d = count, d
        self._free: list[np.ndarray] = []

    def take(self) -> np.ndarray:
        """Room for a matrix (d, d), with anything in it."""
        if not self._free:
            several = max(1, min(self._left, _BLOCK // (16 * self._d**2)))
            self._free = list(np.empty((several, self._d, self._d), dtype=complex))[::-1]
        self._left = max(self._left - 1, 1)
        return self._free.pop()


class Reading:
    """What a row says: moments, expectation values and the state.

    Parameters
    ----------
    elements : Elements
        What the rows hold.
    table : EntryTable
        The matrices of the moments.
    user : dict
        The user's operators and functions.
    begin : float
        Time of the start.
    """

    def __init__(
        self,
        elements: Elements,
        table: EntryTable,
        user: dict[Any, Any],
        *,
        begin: float,
    ):
        self.elements, self.begin = elements, begin
        self.width = len(table.start)
        self.linear = [key for key, op in user.items() if isinstance(op, qutip.Qobj)]
        if self.linear:
            own = [user[key].to("CSR").data_as("csr_matrix") for key in self.linear]
            table = table.joined(EntryTable.of(own))
        self.functions = {
            key: Expectation(op) if isinstance(op, qutip.QobjEvo) else op
            for key, op in user.items()
            if not isinstance(op, qutip.Qobj)
        }
        self.table = table
        self.readout = None if elements.kind == "ket" else elements.readout(table)
        dims = elements.owner.dims
        self._dims = Dimensions([dims, [1] * len(dims)] if elements.kind == "ket" else [dims, dims])

    def qobj(self, row: np.ndarray, elapsed: float, room: StateBlocks | None = None) -> qutip.Qobj:
        """The state of a row, `elapsed` after the start; a matrix in the memory of `room`."""
        inside = None if room is None or self.elements.kind == "ket" else room.take()
        array = self.elements.unpack(row, inside)
        if self.elements.owner.energy:
            array *= np.exp(-1j * self.elements.owner.energy * elapsed)
        data = qutip.data.Dense(array, copy=False)
        # a matrix of one half is Hermitian by construction
        herm = True if self.elements.kind == "hermitian" else None
        return qutip.Qobj(data, dims=self._dims, copy=False, isherm=herm)

    def ket_values(self, rows: np.ndarray) -> np.ndarray:
        """The functionals of kets, some of which a readout of elements cannot give."""
        t = self.table
        edges = np.append(t.start, len(t.data)).astype(np.intp)
        return np.asarray(
            ket_functionals(
                np.ascontiguousarray(rows), self.elements.phase, edges, t.row, t.column, t.data
            )
        )
