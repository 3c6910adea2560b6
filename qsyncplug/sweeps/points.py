"""The points of a sweep: a grid of parameters or a list of them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.checks import check_integer, check_memory

__all__ = ["OWN", "Points"]

#: names of what a sweep keeps of every point
OWN = ("status", "error", "seconds")


class Points:
    """Every point of a sweep by its number, in C order of the grid.

    Parameters
    ----------
    parameters : mapping of str to array_like, or sequence of mappings
        A grid: one dimension for each one-dimensional array, numbers stay what they are. Or a
        list of points, each with the same names. An ``xarray.DataArray`` keeps its attributes.
    seeds : int or sequence of int, optional
        One more dimension ``seed``.

    Attributes
    ----------
    dims : tuple of str
        Names of the dimensions.
    shape : tuple of int
        Their lengths.
    coordinates : dict
        Name → (dimensions, array, attributes).

    Examples
    --------
    >>> points = Points({"coupling": [0.1, 0.2], "detuning": [0.0, 1.0, 2.0]})
    >>> points.shape, points[4]
    ((2, 3), {'coupling': 0.2, 'detuning': 1.0})
    """

    def __init__(self, parameters: Any, seeds: Any = None):
        self.coordinates: dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, Any]]] = {}
        self._values: dict[str, list[Any]] = {}
        self._axis: dict[str, int | None] = {}
        self.dims: tuple[str, ...] = ()
        self.shape: tuple[int, ...] = ()
        if isinstance(parameters, Mapping):
            self._grid(parameters)
        elif isinstance(parameters, Sequence) and not isinstance(parameters, str):
            self._list(parameters)
        else:
            raise TypeError(
                "parameters must be a dict of arrays or a list of dicts, "
                f"not {type(parameters).__name__}"
            )
        if seeds is not None:
            self._add("seed", _seeds(seeds), {})
        if not self._values:
            raise ValueError("parameters must name at least one parameter, not none")

    def _grid(self, parameters: Mapping[Any, Any]) -> None:
        for name, values in parameters.items():
            _check_name(name)
            _refuse_masked(name, values)
            attributes = dict(getattr(values, "attrs", {}))
            if np.ndim(values) == 0 or isinstance(values, str):
                self._values[name], self._axis[name] = [_native(values)], None
                self.coordinates[name] = ((), _labels(self._values[name])[0], attributes)
                continue
            if np.ndim(values) != 1:
                raise ValueError(
                    f"parameters[{name!r}] must be a number or one-dimensional, "
                    f"not of shape {np.shape(values)}"
                )
            self._add(name, values, attributes)

    def _add(self, name: str, values: Any, attributes: dict[str, Any]) -> None:
        if name in self._values:
            raise ValueError(f"the parameter {name!r} is there twice")
        native = [_native(v) for v in values]
        if not native:
            raise ValueError(f"parameters[{name!r}] must hold at least one value, not none")
        _refuse_nan(name, native)
        self._values[name], self._axis[name] = native, len(self.dims)
        self.coordinates[name] = ((name,), _labels(native), attributes)
        self.dims, self.shape = (*self.dims, name), (*self.shape, len(native))

    def _list(self, parameters: Sequence[Any]) -> None:
        if not parameters:
            raise ValueError("parameters must hold at least one point, not none")
        for k, point in enumerate(parameters):
            if not isinstance(point, Mapping):
                raise TypeError(f"parameters[{k}] must be a dict, not {type(point).__name__}")
            if set(point) != set(parameters[0]):
                raise ValueError(
                    f"parameters[{k}] has the names {sorted(point)}, parameters[0] has "
                    f"{sorted(parameters[0])}"
                )
        self.dims, self.shape = ("point",), (len(parameters),)
        for name in parameters[0]:
            _check_name(name)
            native = [_native(point[name]) for point in parameters]
            _refuse_nan(name, native)
            self._values[name], self._axis[name] = native, 0
            self.coordinates[name] = (("point",), _labels(native), {})

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __getitem__(self, number: int) -> dict[str, Any]:
        """The arguments of one point."""
        place = self.place(number)
        return {
            name: values[0 if self._axis[name] is None else place[self._axis[name] or 0]]
            for name, values in self._values.items()
        }

    def place(self, number: int) -> tuple[int, ...]:
        """Where the point `number` lies in the grid."""
        place: list[int] = []
        for n in reversed(self.shape):
            number, i = divmod(number, n)
            place.append(i)
        return tuple(reversed(place))

    def check(self, function: Callable[..., Any]) -> None:
        """Raise TypeError before any work if `function` cannot take these names."""
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return  # a builtin without a signature: the first point will tell
        try:
            signature.bind(**self[0])
        except TypeError as error:
            name = getattr(function, "__name__", type(function).__name__)
            raise TypeError(
                f"{name}{signature} cannot take the parameters {', '.join(self._values)}: {error}"
            ) from None


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise TypeError(f"parameters: a name must be a valid argument name, not {name!r}")
    if name in OWN:
        raise ValueError(f"parameters: {name!r} is what the sweep itself keeps; rename it")


def _refuse_masked(name: str, values: Any) -> None:
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"parameters[{name!r}] must not be masked; leave the masked values out")


def _refuse_nan(name: str, values: list[Any]) -> None:
    bad = [v for v in values if isinstance(v, (float, complex)) and not np.isfinite(v)]
    if bad:
        raise ValueError(f"parameters[{name!r}] must be finite; it holds {bad[0]}")


def _seeds(seeds: Any) -> list[int]:
    if np.ndim(seeds) == 0:
        count = check_integer("seeds", seeds, minimum=1)
        check_memory(f"{count} seeds", 40.0 * count, advice="take fewer")
        return list(range(count))
    return [check_integer("seeds", s, minimum=0) for s in seeds]


def _native(value: Any) -> Any:
    """A Python number for a NumPy one, so that functions see what a user would type."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return value.item()
    return value


def _labels(values: list[Any]) -> np.ndarray:
    """Numbers and texts as they are, anything else by its text."""
    if all(isinstance(v, (bool, int, float, complex)) for v in values):
        array = np.array(values)
        if array.dtype.kind in "bifc":
            return array
    return np.array([v if isinstance(v, str) else repr(v) for v in values])
