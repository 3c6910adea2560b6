"""Values as JSON and arrays, and back: numbers, text, arrays, Qobj, our objects, lists of these."""

from __future__ import annotations

import contextlib
import contextvars
import enum
import functools
import math
import os
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import numpy as np
import qutip
import scipy.sparse

from .errors import StorageError
from .late import Registry

__all__ = ["CLASSES", "FUNCTIONS", "decode", "encode", "sharing"]

_TAG = "__"
#: what files may hold: classes with ``_to_store`` and ``_from_store``, and enumerations, by name
CLASSES: Registry[Any] = Registry()
#: functions that a ``functools.partial`` in a file may be of, and whether they read models
FUNCTIONS: Registry[tuple[Callable[..., Any], bool]] = Registry()
#: objects met in one file, so that one that is met twice is written and comes back once
_met: contextvars.ContextVar[dict[Any, Any] | None] = contextvars.ContextVar("met", default=None)


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """Keep objects that occur several times in what is written or read here as one."""
    token = _met.set({})
    try:
        yield
    finally:
        _met.reset(token)


def encode(value: Any, arrays: dict[str, np.ndarray], name: str, *, text: bool = False) -> Any:
    """`value` as JSON; arrays go into `arrays`, under names that begin with `name`.

    Parameters
    ----------
    value : object
        What to keep.
    arrays : dict
        Filled with what is too large for JSON.
    name : str
        Of the value, for names of arrays and for messages.
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
    if type(value) in (dict, MappingProxyType):
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
    if isinstance(value, scipy.sparse.csr_array):
        parts = {"data": value.data, "indices": value.indices, "indptr": value.indptr}
        names = {k: _put(a, arrays, name) for k, a in parts.items()}
        return {_TAG: "sparse", "csr": names, "shape": list(map(int, value.shape))}
    if CLASSES.get(type(value).__name__) is type(value):
        return _encode_object(value, arrays, name)
    if isinstance(value, functools.partial) and not value.keywords:
        return _encode_partial(value, arrays, name)
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
    first: Any = type(value[0]) if value else None
    one = all(type(v) is first for v in value)
    if one and first in (float, complex, np.float64, np.complex128):
        packed = _put(np.array(value), arrays, name)
        return {_TAG: kind, "packed": packed, "python": first in (float, complex)}
    if one and first is np.ndarray and len({(v.dtype, v.shape) for v in value}) == 1:
        if value[0].dtype.kind not in "biufc":
            raise StorageError(f"{name} holds arrays of {value[0].dtype}, which a file cannot keep")
        return {_TAG: kind, "packed": _put(np.stack(value), arrays, name), "python": False}
    if one and first is np.ndarray and _ragged(value):
        packed = _put(np.concatenate(value), arrays, name)
        ends = _put(np.cumsum([len(v) for v in value]), arrays, name)
        return {_TAG: "ragged", "kind": kind, "packed": packed, "ends": ends}
    own = CLASSES.get(getattr(first, "__name__", ""))
    if one and own is not None and own is first and hasattr(own, "_stored_fields"):
        rows = [v._stored_fields() for v in value]
        columns = {
            key: encode([row[key] for row in rows], arrays, f"{name}.{key}") for key in rows[0]
        }
        return {_TAG: "records", "kind": kind, "class": own.__name__, "columns": columns}
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


def _ragged(value: Any) -> bool:
    """Whether lists of numbers can be written one after the other."""
    return value[0].dtype.kind in "biufc" and {(v.dtype, v.ndim) for v in value} == {
        (value[0].dtype, 1)
    }


def _encode_object(value: Any, arrays: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    """An object of the package, with its arrays under a prefix of its own."""
    kind = type(value).__name__
    if isinstance(value, enum.Enum):
        return {_TAG: "enum", "class": kind, "value": value.value}
    met = _met.get()
    if met is not None and id(value) in met:
        return {_TAG: "same", "number": met[id(value)][0]}
    header, inner = value._to_store()
    at = f"{name}:{len(arrays)}/"
    arrays.update((at + key, array) for key, array in inner.items())
    out = {_TAG: "object", "class": kind, "at": at, "header": header}
    if met is not None:
        # the object itself too, so that its id is not given to another
        out["number"] = len(met)
        met[id(value)] = (len(met), value, header)
    return out


def _encode_partial(
    value: functools.partial[Any], arrays: dict[str, np.ndarray], name: str
) -> dict[str, Any]:
    function = f"{value.func.__module__}.{getattr(value.func, '__qualname__', '?')}"
    known, reads_model = FUNCTIONS.get(function, (None, False))
    if known is not value.func:
        raise StorageError(
            f"{name} is {function}, a function that a file cannot keep; leave it out"
        )
    args = encode(list(value.args), arrays, name)
    if reads_model and any(map(_lost_model, value.args, args)):
        raise StorageError(
            f"{name} follows from a model that a file cannot keep; save the result without it"
        )
    return {_TAG: "partial", "function": function, "args": args}


def _lost_model(value: Any, encoded: Any) -> bool:
    """Whether a result had to leave its model out."""
    header = encoded.get("header") if isinstance(encoded, dict) else None
    met = _met.get()
    if header is None and met is not None and id(value) in met:
        header = met[id(value)][2]
    return header is not None and "model" in header and header["model"] is None


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


def _decode_sparse(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    rows, columns = map(int, value["shape"])
    parts = {k: arrays[v] for k, v in value["csr"].items()}
    return scipy.sparse.csr_array(_decode_csr(parts, (rows, columns)))


def _decode_ragged(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    ends = arrays[value["ends"]]
    packed = arrays[value["packed"]]
    if ends.size == 0 or ends[0] < 0 or np.any(np.diff(ends) < 0) or ends[-1] != packed.size:
        raise StorageError("lists of numbers do not fit into each other")
    items = [part.copy() for part in np.split(packed, ends[:-1])]
    return items if value["kind"] == "list" else tuple(items)


def _decode_records(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    columns = {key: decode(column, arrays) for key, column in value["columns"].items()}
    rows = zip(*columns.values(), strict=True)
    cls = CLASSES[value["class"]]
    items = [cls._from_fields(dict(zip(columns, row, strict=True))) for row in rows]
    return items if value["kind"] == "list" else tuple(items)


def _decode_object(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    at = value["at"]
    inner = {key[len(at) :]: array for key, array in arrays.items() if key.startswith(at)}
    out = CLASSES[value["class"]]._from_store(value["header"], inner)
    met = _met.get()
    if met is not None and "number" in value:
        met[value["number"]] = out
    return out


def _decode_same(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    return (_met.get() or {})[value["number"]]


def _decode_enum(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    kind = CLASSES[value["class"]]
    if not issubclass(kind, enum.Enum):
        raise StorageError(f"{value['class']} is no enumeration")
    return kind(value["value"])


def _decode_partial(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    return functools.partial(FUNCTIONS[value["function"]][0], *decode(value["args"], arrays))


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
    "ragged": _decode_ragged,
    "sparse": _decode_sparse,
    "records": _decode_records,
    "object": _decode_object,
    "same": _decode_same,
    "enum": _decode_enum,
    "partial": _decode_partial,
}
