"""Parts of a model as JSON holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
import scipy.sparse

from ..core.errors import StorageError
from ..core.timetable import Timetable, tabulate
from ..waves.hamiltonian import GridHamiltonian

__all__ = ["adjacency_from_dict", "adjacency_to_dict", "operator_from_dict", "operator_to_dict"]


def adjacency_to_dict(a: scipy.sparse.csr_array | None) -> dict[str, Any] | None:
    """Compressed rows as lists."""
    if a is None:
        return None
    return {
        "n": a.shape[0],
        "data": a.data.tolist(),
        "indices": a.indices.tolist(),
        "indptr": a.indptr.tolist(),
    }


def adjacency_from_dict(data: dict[str, Any] | None) -> scipy.sparse.csr_array | None:
    """Go back; the indices are checked by the model."""
    if data is None:
        return None
    parts = tuple(np.array(data[name]) for name in ("data", "indices", "indptr"))
    return scipy.sparse.csr_array(parts, shape=(data["n"], data["n"]))


class _StoredOperator:
    """A Hamiltonian that depends on time, as a file kept it."""

    def __init__(self, table: Timetable, dims: Any):
        self.table, self.dims = table, dims

    def __call__(self, t: float) -> qutip.Qobj:
        # QobjEvo looks at time 0 to know the dimensions
        return qutip.Qobj(self.table(float(self.table.edges[0]) if t == 0 else t), dims=self.dims)


def operator_to_dict(h: Any, times: Any = ()) -> dict[str, Any]:
    """A Hamiltonian or position operator; what depends on time, between the first and last of
    `times`.
    """
    if isinstance(h, GridHamiltonian):
        return h.to_dict(times)
    if isinstance(h, qutip.QobjEvo):
        if len(times) < 2:
            raise TypeError("a Hamiltonian that depends on time cannot be stored without times")
        first = h(float(times[0]))
        table = tabulate(lambda t: h(t).full(), times, "the Hamiltonian, which depends on time,")
        return {"kind": "QobjEvo", "dims": first.dims, "moving": table.to_dict()}
    full = h.full()
    return {"kind": "Qobj", "dims": h.dims, "re": full.real.tolist(), "im": full.imag.tolist()}


def operator_from_dict(data: dict[str, Any]) -> Any:
    """The operator that :func:`operator_to_dict` wrote."""
    if data.get("kind") == "GridHamiltonian":
        return GridHamiltonian.from_dict(data)
    if data.get("kind") == "Qobj":
        return qutip.Qobj(np.array(data["re"]) + 1j * np.array(data["im"]), dims=data["dims"])
    if data.get("kind") == "QobjEvo":
        table = Timetable.from_dict(data["moving"])
        return qutip.QobjEvo(_StoredOperator(table, data["dims"]))
    raise StorageError(f"unknown operator in the file: {str(data)[:80]}")
