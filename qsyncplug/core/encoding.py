"""Values of users as JSON and arrays, and back: numbers, text, arrays, Qobj and lists of them."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import qutip
import scipy.sparse

from .errors import StorageError

__all__ = ["decode", "encode"]

_TAG = "__"


def encode(value: Any, arrays: dict[str, np.ndarray], name: str, *, text: bool = False) -> Any:
    """`value` as JSON; arrays go into `arrays`, under names that begin with `name`.

    Parameters
    ----------
    text : bool
        Keep the text of what cannot be kept otherwise, rather than refuse it.

    Raises
    ------
    StorageError
        It cannot be kept.

    Examples
    --------
    >>> arrays = {}
    >>> decode(encode({("a",): 1 + 2j, "b": None}, arrays, "x"), arrays)
    {('a',): (1+2j), 'b': None}
    """
    if value is None or (isinstance(value, (bool, int, str)) and type(value) in (bool, int, str)):
        return value
    if type(value) is float:
        # JSON has no word for these
        return value if math.isfinite(value) else {_TAG: "float", "value": repr(value)}
    if type(value) is complex:
        return {_TAG: "complex", "value": [repr(value.real), repr(value.imag)]}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return _encode_sequence(value, arrays, name, text)
    if type(value) is dict:
        items = [
            [encode(k, arrays, name, text=text), encode(v, arrays, name, text=text)]
            for k, v in value.items()
        ]
        return {_TAG: "dict", "items": items}
    if isinstance(value, (np.ndarray, np.generic)) and np.asarray(value).dtype.kind in "biufc":
        if isinstance(value, np.ma.MaskedArray):
            raise StorageError(f"{name} holds a masked array, which a file cannot keep")
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {_TAG: kind, "name": _put(np.asarray(value), arrays, name)}
    if isinstance(value, qutip.Qobj):
        return _encode_qobj(value, arrays, name)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if text:
        return str(value)
    raise StorageError(
        f"{name} holds a {type(value).__name__}, which a file cannot keep; make it a number, a "
        "text, an array, a Qobj, or a list, tuple or dict of these, or leave it out"
    )


def _put(array: np.ndarray, arrays: dict[str, np.ndarray], name: str) -> str:
    key = f"{name}:{len(arrays)}"
    arrays[key] = array
    return key


def _encode_sequence(
    value: Any, arrays: dict[str, np.ndarray], name: str, text: bool
) -> dict[str, Any] | list[Any]:
    kind = "list" if type(value) is list else "tuple"
    first = type(value[0]) if value else None
    one = all(type(v) is first for v in value)
    if one and first in (float, complex, np.float64, np.complex128):
        packed = _put(np.array(value), arrays, name)
        return {_TAG: kind, "packed": packed, "python": first in (float, complex)}
    if one and first is np.ndarray and len({(v.dtype, v.shape) for v in value}) == 1:
        if value[0].dtype.kind not in "biufc":
            raise StorageError(f"{name} holds arrays of {value[0].dtype}, which a file cannot keep")
        return {_TAG: kind, "packed": _put(np.stack(value), arrays, name), "python": False}
    if first is qutip.Qobj and _alike(value):
        packed = _put(np.stack([v.full() for v in value]), arrays, name)
        return {_TAG: "qobjs", "packed": packed, "dims": value[0].dims}
    items = [encode(v, arrays, name, text=text) for v in value]
    return items if kind == "list" else {_TAG: "tuple", "items": items}


def _alike(value: list[qutip.Qobj] | tuple[qutip.Qobj, ...]) -> bool:
    """Whether one array can hold a list of states."""
    first = value[0]
    return type(value) is list and all(
        type(v) is qutip.Qobj
        and isinstance(v.data, qutip.data.Dense)
        and v.dims == first.dims
        and v.superrep is None
        for v in value
    )


def _encode_qobj(value: qutip.Qobj, arrays: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    out: dict[str, Any] = {_TAG: "qobj", "dims": value.dims, "superrep": value.superrep}
    if isinstance(value.data, qutip.data.CSR):
        m = value.data_as("csr_matrix")
        parts = {"data": m.data, "indices": m.indices, "indptr": m.indptr}
        return {**out, "csr": {k: _put(a, arrays, name) for k, a in parts.items()}}
    return {**out, "full": _put(value.full(), arrays, name)}


# ---------------------------------------------------------------- back


def decode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """What :func:`encode` was given.

    Raises
    ------
    StorageError
        It is no encoded value.
    """
    if isinstance(value, list):
        return [decode(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    try:
        return _DECODERS[value[_TAG]](value, arrays)
    except StorageError:
        raise
    except Exception as error:
        raise StorageError(f"a value is damaged ({type(error).__name__}: {error})") from error


def _decode_sequence(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if "packed" in value:
        array = arrays[value["packed"]]
        items = array.tolist() if value["python"] else list(array)
    else:
        items = [decode(v, arrays) for v in value["items"]]
    return items if value[_TAG] == "list" else tuple(items)


def _decode_qobjs(value: Any, arrays: dict[str, np.ndarray]) -> list[qutip.Qobj]:
    return [_qobj(matrix, value["dims"], None) for matrix in arrays[value["packed"]]]


def _decode_qobj(value: Any, arrays: dict[str, np.ndarray]) -> qutip.Qobj:
    if "full" in value:
        matrix: Any = arrays[value["full"]]
    else:
        shape = qutip.core.dimensions.Dimensions(value["dims"]).shape
        matrix = _decode_csr({k: arrays[v] for k, v in value["csr"].items()}, shape)
    return _qobj(matrix, value["dims"], value["superrep"])


def _qobj(matrix: Any, dims: Any, superrep: str | None) -> qutip.Qobj:
    shape = qutip.core.dimensions.Dimensions(dims).shape
    if matrix.ndim != 2 or matrix.shape != shape:
        raise StorageError(f"an operator of dimensions {dims} has the shape {matrix.shape}")
    return qutip.Qobj(matrix, dims=dims, superrep=superrep)


def _decode_csr(parts: dict[str, np.ndarray], shape: tuple[int, int]) -> Any:
    """A sparse matrix, every index of which is looked at before compiled code sees it."""
    data, indices, indptr = (parts[k] for k in ("data", "indices", "indptr"))
    ok = (
        data.ndim == indices.ndim == indptr.ndim == 1
        and indices.dtype.kind in "iu"
        and indptr.dtype.kind in "iu"
        and indptr.size == shape[0] + 1
        and data.size == indices.size == indptr[-1]
        and indptr[0] == 0
        and np.all(np.diff(indptr) >= 0)
        and (indices.size == 0 or (indices.min() >= 0 and indices.max() < shape[1]))
    )
    if not ok:
        raise StorageError("a sparse matrix has indices out of range")
    return scipy.sparse.csr_matrix((data, indices, indptr), shape=shape)


_DECODERS: dict[str, Any] = {
    "float": lambda v, a: float(v["value"]),
    "complex": lambda v, a: complex(*map(float, v["value"])),
    "list": _decode_sequence,
    "tuple": _decode_sequence,
    "dict": lambda v, a: {decode(k, a): decode(x, a) for k, x in v["items"]},
    "array": lambda v, a: a[v["name"]],
    "scalar": lambda v, a: a[v["name"]][()],
    "qobj": _decode_qobj,
    "qobjs": _decode_qobjs,
}
