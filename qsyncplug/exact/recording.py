"""What is read off an exact run at its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
from qutip.core.dimensions import Dimensions

from .entries import EntryTable
from .liouvillian import Elements
from .observe import Expectation
from .propagate import Window

__all__ = ["Recorder"]


class Recorder:
    """Collects moments, expectation values and states, window by window.

    Parameters
    ----------
    elements : Elements
        What the rows hold.
    table : EntryTable
        The matrices of the moments.
    user : dict
        The user's operators and functions.
    store : bool
        Whether states are kept.
    begin : float
        Time of the start.
    """

    def __init__(
        self,
        elements: Elements,
        table: EntryTable,
        user: dict[Any, Any],
        *,
        store: bool,
        begin: float,
    ):
        self.elements, self.store, self.begin = elements, store, begin
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
        self.user = user
        self.table = table
        self.readout = None if elements.kind == "ket" else elements.readout(table)
        self.times: list[np.ndarray] = []
        self.values: list[np.ndarray] = []
        self.calls: dict[Any, list[Any]] = {key: [] for key in self.functions}
        self.states: list[qutip.Qobj] = []
        dims = elements.owner.dims
        self._dims = Dimensions([dims, [1] * len(dims)] if elements.kind == "ket" else [dims, dims])

    @property
    def needs_rows(self) -> bool:
        """Whether whole states are needed at the outputs."""
        return self.store or bool(self.functions) or self.elements.kind == "ket"

    @property
    def count(self) -> int:
        """Outputs recorded."""
        return sum(len(t) for t in self.times)

    def qobj(self, row: np.ndarray, elapsed: float) -> qutip.Qobj:
        """The state of a row, `elapsed` after the start."""
        array = self.elements.unpack(row)
        if self.elements.owner.energy:
            array *= np.exp(-1j * self.elements.owner.energy * elapsed)
        data = qutip.data.Dense(array, copy=False)
        # a matrix of one half is Hermitian by construction
        herm = True if self.elements.kind == "hermitian" else None
        return qutip.Qobj(data, dims=self._dims, copy=False, isherm=herm)

    def record(self, window: Window) -> None:
        """Take what a window delivers; where a user's function raises, the outputs before that are
        kept.
        """
        values = self._ket_values(window.rows) if self.readout is None else window.values
        done = len(window.times)
        try:
            if self.store or self.functions:
                assert window.rows is not None
                done = 0
                for t, row in zip(window.times, window.rows, strict=True):
                    self._visit(float(t), self.qobj(row, float(t) - self.begin))
                    done += 1
        finally:
            self.times.append(window.times[:done])
            self.values.append(values[:done])

    def _visit(self, t: float, state: qutip.Qobj) -> None:
        found = {key: f(t, state) for key, f in self.functions.items()}
        for key, value in found.items():
            self.calls[key].append(value)
        if self.store:
            self.states.append(state)

    def _ket_values(self, rows: np.ndarray | None) -> np.ndarray:
        assert rows is not None
        size = self.elements.size
        psi = self.elements.phase * (rows[:, :size] + 1j * rows[:, size:])
        t = self.table
        # some rows at a time: an entry each of every matrix
        chunk = max(1, 2**20 // max(len(t.data), 1))
        out = []
        for k in range(0, len(psi), chunk):
            part = psi[k : k + chunk]
            out.append(
                np.add.reduceat(t.data * part[:, t.column] * part[:, t.row].conj(), t.start, axis=1)
            )
        return np.concatenate([np.zeros((0, len(t.start)), dtype=complex), *out])

    def fill(self, result: Any, reader: Any) -> None:
        """Put everything into a result."""
        times = np.concatenate([np.zeros(0), *self.times])
        result.times = times
        values = np.concatenate([np.zeros((0, len(self.table.start)), dtype=complex), *self.values])
        if len(times):
            result._fill(reader, values[:, : self.width])
        result.states = self.states
        columns = {key: self.width + k for k, key in enumerate(self.linear)}
        for key, op in self.user.items():
            if key in columns:
                column = values[:, columns[key]]
                result.e_data[key] = list(column.real if op.isherm else column)
            else:
                result.e_data[key] = self.calls[key][: len(times)]
            result.e_ops[key] = op
