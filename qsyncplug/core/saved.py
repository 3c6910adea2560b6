"""Values and models that a file can hold: ``.save(path)``, and :func:`qsyncplug.load`."""

from __future__ import annotations

import collections.abc
import dataclasses
import os
import types
import typing
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, NoReturn, Self, TypeVar

import numpy as np

from . import storage
from .encoding import FUNCTIONS, decode, encode
from .errors import StorageError
from .printing import give_short_repr

__all__ = ["NoYesOrNo", "PlainModel", "Saved", "SavedModel", "fits", "kept", "must_run"]

F = TypeVar("F", bound=Callable[..., Any])


def kept(*, model: bool = False) -> Callable[[F], F]:
    """Let files hold ``partial(function, …)`` of the function that this decorates.

    Parameters
    ----------
    model : bool
        Whether the function reads the model of a result among its arguments.

    Examples
    --------
    >>> @kept()
    ... def double(x: float) -> float:
    ...     return 2 * x
    """

    def register(function: F) -> F:
        FUNCTIONS[f"{function.__module__}.{function.__qualname__}"] = (function, model)
        return function

    return register


class Saved:
    """A value that a file can hold: a dataclass, or a class with ``_field_types`` of its own.

    What a file holds are the fields, by name; they must be of these types when they come back.
    """

    __slots__ = ()
    #: names of the axes of arrays, and of the first axis of lists, that must be of one length; with
    #: the word "complex" behind them where numbers are not real
    _axes: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **kw: Any):
        super().__init_subclass__(**kw)
        storage.register(cls)
        give_short_repr(cls)
        _give_equality(cls)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to `path` (NumPy's npz, no pickle); :func:`qsyncplug.load` reads it back.

        Raises
        ------
        StorageError
            Something in it cannot be kept; the message names it.
        """
        storage.save(self, path)

    def _to_store(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Header (JSON) and arrays."""
        arrays: dict[str, np.ndarray] = {}
        name = type(self).__name__
        return {
            "fields": {
                key: encode(value, arrays, f"{name}.{key}")
                for key, value in self._stored_fields().items()
            }
        }, arrays

    @classmethod
    def _field_types(cls) -> dict[str, Any]:
        """Names and types of the arguments that make such an object."""
        hints = typing.get_type_hints(cls)
        assert dataclasses.is_dataclass(cls)
        return {f.name: hints[f.name] for f in dataclasses.fields(cls)}

    def _stored_fields(self) -> dict[str, Any]:
        """Values of these arguments."""
        return {name: getattr(self, name) for name in self._field_types()}

    @classmethod
    def _from_store(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Rebuild what :meth:`_to_store` gave."""
        found = {key: decode(value, arrays) for key, value in header["fields"].items()}
        return cls._from_fields(found)

    @classmethod
    def _from_fields(cls, found: dict[str, Any]) -> Self:
        hints = cls._field_types()
        if found.keys() != hints.keys():
            raise StorageError(f"a {cls.__name__} has the fields {list(hints)}, not {list(found)}")
        for name, value in found.items():
            if not fits(value, hints[name]):
                raise StorageError(f"{cls.__name__}.{name} is a {type(value).__name__}")
        _check_axes(cls.__name__, cls._axes, found)
        return cls._made_of(found)

    @classmethod
    def _made_of(cls, found: dict[str, Any]) -> Self:
        return cls(**found)


def _give_equality(cls: type) -> None:
    """Let a class that is about to become a dataclass compare by value, arrays by their bits.

    ``dataclass`` leaves methods alone that it finds; its own ``==`` is an error of NumPy's where a
    field is an array. Classes that become none, or that compare in another way, stay as they are.
    """
    if cls.__eq__ is object.__eq__:  # type: ignore[comparison-overlap]
        cls.__eq__, cls.__hash__ = _equal, _hash  # type: ignore[method-assign, assignment]


def _equal(self: Any, other: Any) -> Any:
    return _value(self) == _value(other) if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_value(self))


def _value(x: Any) -> Any:
    """What stands for `x` where values are compared: never an array, and NaN equals itself."""
    if isinstance(x, np.ndarray):
        return x.dtype.str, x.shape, x.tobytes()
    if isinstance(x, dict):
        return dict, tuple((_value(k), _value(v)) for k, v in x.items())
    if isinstance(x, (list, tuple)):
        return type(x), tuple(map(_value, x))
    if getattr(type(x), "__eq__", None) is _equal:
        if not dataclasses.is_dataclass(x):
            return type(x), id(x)
        return type(x), tuple(
            _value(getattr(x, f.name)) for f in dataclasses.fields(x) if f.compare
        )
    return "nan" if isinstance(x, (float, np.floating)) and x != x else x


class NoYesOrNo:
    """What answers more than one question: ``if answer:`` is a TypeError that says what to ask."""

    __slots__ = ()
    #: what to ask instead
    _ask: ClassVar[str]

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is no yes or no: ask {self._ask}")


class SavedModel:
    """A model that a file can hold, by its ``to_dict``."""

    __slots__ = ()

    def __init_subclass__(cls, **kw: Any):
        super().__init_subclass__(**kw)
        storage.register(cls)
        give_short_repr(cls)

    def save(self, path: str | os.PathLike[str], *, times: Sequence[float] = ()) -> None:
        """Write the model to `path` (NumPy's npz, no pickle); :func:`qsyncplug.load` reads it back.

        Parameters
        ----------
        path : path
            The file.
        times : sequence of float
            Functions of time are kept between the first and last of these, to 1e-10.

        Raises
        ------
        StorageError
            A function in it cannot be kept; the message says what to do.
        """
        header, arrays = self._to_store(times)
        storage.write(type(self).__name__, header, arrays, path)

    def _to_store(self, times: Any = ()) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        data = storage.model_to_store(self, np.asarray(times, dtype=float))
        moving = storage.depends_on_time(self) and len(times) < 2
        if data is None or moving:
            what = (
                "it depends on time: give times=, or save a run of it"
                if moving
                else "it holds functions that are not known by numbers"
            )
            raise StorageError(f"the {type(self).__name__} cannot be saved: {what}")
        return {"model": data}, {}

    @classmethod
    def _from_store(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        model = storage.build_model(header["model"])
        if not isinstance(model, cls):
            raise StorageError(f"it holds a {type(model).__name__}, no {cls.__name__}")
        return model


class PlainModel(SavedModel):
    """A dataclass of numbers, texts, tuples of these, and the dataclasses that ``_parts`` names."""

    __slots__ = ()
    #: fields that are dataclasses of plain values themselves
    _parts: ClassVar[dict[str, Callable[..., Any]]] = {}

    def __init_subclass__(cls, **kw: Any):
        super().__init_subclass__(**kw)
        storage.register_model(cls.__name__, cls._from_dict)

    def to_dict(self) -> dict[str, Any]:
        """What :func:`qsyncplug.load` rebuilds it from."""
        return {"kind": type(self).__name__, **_plain(self)}

    @classmethod
    def _from_dict(cls, data: dict[str, Any]) -> Self:
        values = {k: v for k, v in _with_tuples(data).items() if k != "kind"}
        for name, part in cls._parts.items():
            if values.get(name) is not None:
                values[name] = part(**_with_tuples(values[name]))
        return cls(**values)


def _with_tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, tuples as lists."""
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return list(value) if isinstance(value, tuple) else value


def _check_axes(kind: str, axes_of: dict[str, str], found: dict[str, Any]) -> None:
    """Axes of one name have one length, that of the name if it is a number, and numbers are real
    where nothing else is said.
    """
    lengths: dict[str, int] = {}
    for name, axes in axes_of.items():
        value, names = found[name], axes.removesuffix(" complex").split()
        if value is None:
            continue
        shape = value.shape if isinstance(value, np.ndarray) else (len(value),)
        kinds = "fc" if axes.endswith(" complex") else "iuf"
        if isinstance(value, np.ndarray) and value.dtype.kind not in kinds:
            raise StorageError(f"{kind}.{name} holds numbers of the type {value.dtype}")
        right = len(shape) == len(names) and all(
            lengths.setdefault(axis, int(axis) if axis.isdigit() else n) == n
            for axis, n in zip(names, shape, strict=True)
        )
        # there is no course in time without a time
        if not right or lengths.get("T") == 0:
            raise StorageError(f"{kind}.{name} has the shape {shape}, not ({axes})")


def must_run(value: Any) -> bool:
    """Whether `value` is a function that only its result can stand for in a file."""
    known = {function for function, _ in FUNCTIONS.values()}
    return callable(value) and not (
        isinstance(value, partial) and value.func in known and not value.keywords
    )


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, inside containers too.

    Examples
    --------
    >>> fits((1.0, 2.0), tuple[float, ...]), fits((1.0, "x"), tuple[float, ...])
    (True, False)
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or isinstance(hint, TypeVar):
        return True
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, part) for part in inner)
    if origin is tuple:
        return isinstance(value, tuple) and _tuple_fits(value, inner)
    if origin is list:
        return isinstance(value, list) and all(fits(v, inner[0]) for v in value)
    if origin in (dict, collections.abc.Mapping):
        return isinstance(value, dict) and all(
            fits(k, inner[0]) and fits(v, inner[1]) for k, v in value.items()
        )
    if origin is collections.abc.Callable:
        return callable(value)
    if origin is not None:
        return isinstance(value, origin)
    return _plain_fits(value, hint)


def _plain_fits(value: Any, hint: Any) -> bool:
    if hint is None:
        return value is None
    # NumPy's numbers stand where Python's are announced, and whole numbers where floats are
    numbers: dict[Any, tuple[type, ...]] = {
        float: (float, int, np.floating, np.integer),
        complex: (complex, float, int, np.number),
        int: (int, np.integer),
        bool: (bool, np.bool_),
    }
    if isinstance(value, bool) and hint in (float, complex, int):
        return False
    return isinstance(value, numbers.get(hint, hint))


def _tuple_fits(value: tuple[Any, ...], inner: tuple[Any, ...]) -> bool:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return all(fits(v, inner[0]) for v in value)
    return len(value) == len(inner) and all(
        fits(v, part) for v, part in zip(value, inner, strict=True)
    )
