"""Files of results: NumPy archives with a JSON header, read back without executing anything."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import StorageError

__all__ = ["build_model", "load", "register", "register_model", "save"]

SCHEMA = 1
_HEADER = "qsyncplug"
_results: dict[str, Any] = {}
_models: dict[str, Callable[[dict[str, Any]], Any]] = {}


def register(cls: type) -> type:
    """Let :func:`load` build results of class `cls`."""
    _results[cls.__name__] = cls
    return cls


def register_model(name: str, build: Callable[[dict[str, Any]], Any]) -> None:
    """Let :func:`load` build models whose ``to_dict()`` has ``kind == name``."""
    _models[name] = build


def build_model(data: dict[str, Any]) -> Any:
    """The model of a header."""
    try:
        build = _models[data["kind"]]
    except (KeyError, TypeError):
        raise StorageError(
            f"unknown model in the file: {str(data)[:80]}; it knows {', '.join(sorted(_models))}"
        ) from None
    return build(data)


def _encode(value: Any) -> Any:
    """Numbers that JSON lacks: complex, NumPy scalars, small arrays; everything else by its
    text.
    """
    if isinstance(value, np.generic):
        return _encode(value.item()) if isinstance(value, np.complexfloating) else value.item()
    if isinstance(value, complex):
        return {"re": value.real, "im": value.imag}
    if isinstance(value, np.ndarray):
        return (
            value.tolist()
            if not np.iscomplexobj(value)
            else [_encode(complex(v)) for v in value.ravel()]
        )
    return str(value)


def save(result: Any, path: str | os.PathLike[str]) -> None:
    """Write `result` to `path`; the file is complete or absent, never half written."""
    header, arrays = result._to_store()
    header = {"schema": SCHEMA, "class": type(result).__name__, **header}
    text = json.dumps(header, default=_encode)
    path = os.fspath(path)
    partial = f"{path}.part-{os.getpid()}"
    try:
        with open(partial, "wb") as f:
            np.savez(
                f,
                allow_pickle=False,
                **{_HEADER: np.frombuffer(text.encode(), dtype=np.uint8)},
                **arrays,
            )
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def load(path: str | os.PathLike[str]) -> Any:
    """Read a result that ``result.save(path)`` wrote.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    Result
        Of the class that was saved, with its arrays, states, statistics and, where it can be
        stored, its model.

    Raises
    ------
    StorageError
        The file is not one of ours, or of a schema or class that this version does not know.
    """
    path = os.fspath(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            if _HEADER not in archive:
                raise StorageError(f"{path} is no file of qsyncplug: it has no header")
            arrays = {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} is no file of qsyncplug: {error}") from error
    try:
        header = json.loads(arrays.pop(_HEADER).tobytes().decode())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StorageError(f"{path}: the header cannot be read ({error})") from error
    if header.get("schema") != SCHEMA:
        raise StorageError(
            f"{path} has schema {header.get('schema')!r}; this version reads schema {SCHEMA}"
        )
    cls = _results.get(header.get("class"))
    if cls is None:
        raise StorageError(
            f"{path} holds a {header.get('class')!r}; this version knows "
            f"{', '.join(sorted(_results))}"
        )
    return cls._from_store(header, arrays)
