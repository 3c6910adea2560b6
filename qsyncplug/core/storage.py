"""Files of results: what is known to be saved, and reading it back without executing anything."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from .archive import read_archive, write_archive
from .checks import check_path
from .encoding import CLASSES, encode, sharing
from .errors import StorageError
from .late import Registry

__all__ = [
    "build_model",
    "depends_on_time",
    "load",
    "model_to_store",
    "register",
    "register_model",
    "restore",
    "save",
    "write",
]

#: 2: checksum, values of any kind in e_ops
SCHEMA = 2
_models: Registry[Callable[[dict[str, Any]], Any]] = Registry()


def register(cls: type) -> type:
    """Let :func:`load` build objects of class `cls`, by ``cls._from_store(header, arrays)``."""
    CLASSES[cls.__name__] = cls
    return cls


def register_model(name: str, build: Callable[[dict[str, Any]], Any]) -> None:
    """Let :func:`load` build models whose ``to_dict()`` has ``kind == name``."""
    _models[name] = build


def model_to_store(model: Any, times: Any = ()) -> dict[str, Any] | None:
    """What :func:`build_model` builds the model from; None where a file cannot hold it.

    Functions of time are kept by their values between the first and last of `times`.

    Raises
    ------
    StorageError
        A function of time cannot be kept so; the message says what to do.
    """
    if not hasattr(model, "to_dict") or not getattr(model, "storable", True):
        return None
    try:
        data: dict[str, Any]
        if len(times) > 1 and hasattr(model, "to_dict_between"):
            data = model.to_dict_between(times)
        else:
            data = model.to_dict()
    except TypeError:
        # functions of the user's: no model is better than a wrong one
        return None
    return data


def build_model(data: dict[str, Any]) -> Any:
    """The model of a header.

    Raises
    ------
    StorageError
        It is of an unknown kind, or its maker refuses it.
    """
    build = _models.find(data.get("kind") if isinstance(data, dict) else None)
    if build is None:
        raise StorageError(
            f"unknown model in the file: {str(data)[:80]}; it knows {', '.join(sorted(_models))}"
        )
    try:
        return build(data)
    except (Exception, RecursionError) as error:
        raise StorageError(
            f"the model in the file is refused ({type(error).__name__}: {error})"
        ) from error


def _encode(value: Any) -> Any:
    """Numbers in models that JSON lacks."""
    if isinstance(value, complex):
        return {"re": value.real, "im": value.imag}
    if isinstance(value, np.generic):
        return _encode(value.item())
    if isinstance(value, np.ndarray):
        return _encode(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_encode(v) for v in value]
    if isinstance(value, dict):
        return {k: _encode(v) for k, v in value.items()}
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def save(
    result: Any, path: str | os.PathLike[str], *, resume: dict[str, Any] | None = None
) -> None:
    """Write `result` to `path`; the file is complete or absent, never half written.

    `resume` is what :func:`qsyncplug.resume` goes on from.

    Raises
    ------
    StorageError
        Something in it cannot be kept; the message names it.
    OSError
        The file cannot be written.
    """
    if resume is not None and depends_on_time(result.model):
        # a run goes on with the functions themselves
        result = copy.copy(result)
        result._text_of_model, result.model = result._model_text(), None
    with sharing():
        header, arrays = result._to_store()
    if resume is not None:
        header["resume"] = encode(resume, arrays, "resume")
    write(type(result).__name__, header, arrays, path)


def write(
    name: str, header: dict[str, Any], arrays: dict[str, np.ndarray], path: str | os.PathLike[str]
) -> None:
    """Write what ``_to_store`` of the class `name` gave."""
    path = check_path("path", path)
    write_archive(path, {"schema": SCHEMA, "class": name, **_encode(header)}, arrays)


def depends_on_time(model: Any) -> bool:
    """Whether a model depends on time."""
    return bool(getattr(model, "time_dependent", not getattr(model, "isconstant", True)))


def load(path: str | os.PathLike[str]) -> Any:
    """Read what ``.save(path)`` of a result, model, view, verdict, … wrote.

    Nothing in the file is executed, nothing larger than it is allocated to read it, and everything
    is checked: checksum, sizes, shapes, indices.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    object
        Of the class that was saved; a result with its arrays, states, statistics and, where it can
        be stored, its model.

    Raises
    ------
    StorageError
        The file is not one of ours, is damaged, or is of a schema or class that this version does
        not know.
    OSError
        It cannot be opened.

    Examples
    --------
    >>> import os, tempfile
    >>> import qsyncplug as qsp
    >>> path = os.path.join(tempfile.mkdtemp(), "run.npz")
    >>> qsp.circlesolve(qsp.Circle(qsp.sine()), [0.0, 1.0], [0.0, 1.0]).save(path)
    >>> qsp.load(path).positions.shape
    (2, 2)
    """
    path = check_path("path", path)
    return restore(path, *read_archive(path))


def restore(
    path: str | os.PathLike[str], header: dict[str, Any], arrays: dict[str, np.ndarray]
) -> Any:
    """The result that the contents of a file describe."""
    path = os.fspath(path)
    if header.get("schema") != SCHEMA:
        raise StorageError(
            f"{path} has schema {str(header.get('schema'))[:40]}; this version reads schema "
            f"{SCHEMA}"
        )
    name = header.get("class")
    cls = CLASSES.find(name)
    if cls is None or not hasattr(cls, "_from_store"):
        raise StorageError(
            f"{path} holds a {str(name)[:60]!r}; this version knows {', '.join(sorted(CLASSES))}"
        )
    try:
        with sharing():
            found = cls._from_store(header, arrays)
        # statistics are whatever their solver says: they must at least print
        str(found)
        return found
    except StorageError as error:
        raise StorageError(f"{path}: {error}") from error
    except (Exception, RecursionError) as error:
        raise StorageError(
            f"{path} is damaged: no {name} can be made of it ({type(error).__name__}: {error})"
        ) from error
