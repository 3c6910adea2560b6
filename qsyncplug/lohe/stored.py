"""Parts of a model as JSON holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
import scipy.sparse

from ..core.errors import StorageError
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


def operator_to_dict(h: Any) -> dict[str, Any]:
    """A Hamiltonian or position operator."""
    if isinstance(h, GridHamiltonian):
        return h.to_dict()
    if isinstance(h, qutip.QobjEvo):
        raise TypeError("a Hamiltonian that depends on time cannot be stored")
    full = h.full()
    return {"kind": "Qobj", "dims": h.dims, "re": full.real.tolist(), "im": full.imag.tolist()}


def operator_from_dict(data: dict[str, Any]) -> Any:
    """Go back."""
    if data.get("kind") == "GridHamiltonian":
        return GridHamiltonian.from_dict(data)
    if data.get("kind") == "Qobj":
        return qutip.Qobj(np.array(data["re"]) + 1j * np.array(data["im"]), dims=data["dims"])
    raise StorageError(f"unknown operator in the file: {str(data)[:80]}")
