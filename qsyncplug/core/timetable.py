"""Functions of time as numbers, for files: piecewise polynomials, checked against the functions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from .errors import StorageError
from .limits import look
from .pulses import find_breaks

__all__ = ["Timetable", "tabulate"]

#: values on a piece
_POINTS = 17
#: largest error, relative to the largest value
_TOLERANCE = 1e-10
#: a jump is placed to this part of the whole time
_FINEST = 1e-13
#: pieces to begin with
_PIECES = 16
#: numbers that a file takes
_MOST_PIECES, _MOST = 2**12, 2**20

_NODES = np.cos((2 * np.arange(_POINTS) + 1) * np.pi / (2 * _POINTS))
_WEIGHTS = (-1.0) ** np.arange(_POINTS) * np.sin(
    (2 * np.arange(_POINTS) + 1) * np.pi / (2 * _POINTS)
)
#: values at the nodes -> Chebyshev coefficients
_TO_COEFFICIENTS = (
    2
    / _POINTS
    * np.cos(np.outer(np.arange(_POINTS), (2 * np.arange(_POINTS) + 1) * np.pi / (2 * _POINTS)))
)
#: between the nodes, where the polynomial is compared with the function
_LOOKS = (-0.983, -0.611, -0.047, 0.372, 0.891)


class Timetable:
    """A function of time between two times: on each piece the polynomial through 17 values.

    Parameters
    ----------
    edges : array_like of shape (P+1,)
        Where the pieces meet, increasing.
    values : array_like of shape (P, 17, ...)
        At the Chebyshev points of each piece; numbers, or arrays of one shape.

    Raises
    ------
    ValueError
        They fit no such function.

    Examples
    --------
    >>> import math
    >>> table = tabulate(math.sin, [0.0, 10.0], "sin")
    >>> bool(abs(table(3.3) - math.sin(3.3)) < 1e-10)
    True
    """

    def __init__(self, edges: Any, values: Any):
        self.edges, self.values = np.asarray(edges, dtype=float), np.asarray(values)
        if (
            self.edges.ndim != 1
            or self.edges.size < 2
            or not np.all(np.diff(self.edges) > 0)
            or self.values.shape[:2] != (self.edges.size - 1, _POINTS)
            or self.values.dtype.kind not in "fc"
            or not (np.all(np.isfinite(self.edges)) and np.all(np.isfinite(self.values)))
        ):
            raise ValueError("a function of time must have increasing edges and 17 values a piece")

    def __call__(self, t: float) -> Any:
        """The value at time `t`, of the shape of the function's; a ValueError outside the times
        stored.
        """
        first, last = self.edges[0], self.edges[-1]
        # the last step of a run may end a rounding error behind it
        slack = 8 * np.finfo(float).eps * max(abs(first), abs(last))
        if not first - slack <= t <= last + slack:
            raise ValueError(
                f"t={t:g}: a function of time was stored in a file for t from {first:g} to "
                f"{last:g} only; beyond, make the model anew with the function itself"
            )
        k = int(np.clip(np.searchsorted(self.edges, t, side="right") - 1, 0, self.edges.size - 2))
        a, b = self.edges[k], self.edges[k + 1]
        value = _interpolated(self.values[k], (2 * t - a - b) / (b - a))
        return value if value.ndim else value[()]

    def value(self, t: float) -> Any:
        """The same as calling it; a bound method is a plain function of time, and pickles."""
        return self(t)

    def to_dict(self) -> dict[str, Any]:
        """Edges and values as lists of numbers, for the header of a file."""
        shape = list(self.values.shape[2:])
        flat = self.values.reshape(len(self.values), -1)
        parts = {"re": flat.real.tolist()}
        if np.iscomplexobj(flat):
            parts["im"] = flat.imag.tolist()
        return {"edges": self.edges.tolist(), "shape": shape, **parts}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Timetable:
        """Rebuild what :meth:`to_dict` gave."""
        flat = np.array(data["re"], dtype=float)
        if "im" in data:
            flat = flat + 1j * np.array(data["im"], dtype=float)
        return cls(data["edges"], flat.reshape(len(flat), _POINTS, *map(int, data["shape"])))


def _interpolated(values: np.ndarray, x: float) -> np.ndarray:
    """The polynomial through `values` at the nodes, by the barycentric formula."""
    away = x - _NODES
    hit = np.flatnonzero(away == 0)
    if hit.size:
        return np.asarray(values[hit[0]])
    weights = _WEIGHTS / away
    return np.asarray(np.tensordot(weights / weights.sum(), values, axes=1))


def tabulate(function: Callable[[float], Any], times: Any, name: str) -> Timetable:
    """`function` between the first and last of `times` as numbers, to 1e-10 of its largest value.

    Parameters
    ----------
    function : callable
        ``f(t)``, a number or an array of one shape. A jump is placed to 1e-13 of the whole time.
    times : array_like of shape (T,)
        Of a run, at least two.
    name : str
        For messages.

    Raises
    ------
    StorageError
        It takes too many values, is not finite, or is no function of time alone.
    """
    outputs = np.asarray(times, dtype=float)
    first, last = float(outputs[0]), float(outputs[-1])
    if (
        isinstance(function, Timetable)
        and function.edges[0] <= first
        and last <= function.edges[-1]
    ):
        return function
    try:
        return _tabulated(function, outputs, name)
    except StorageError:
        raise
    except Exception as error:
        raise StorageError(
            f"{name} cannot be stored: it raised {type(error).__name__}: {error}"
        ) from error


def _tabulated(function: Callable[[float], Any], outputs: np.ndarray, name: str) -> Timetable:
    start = np.asarray(function(float(outputs[0])))
    probe = np.random.default_rng(0).uniform(0.5, 1.0, start.shape)

    def summary(t: float) -> Any:
        return np.sum(probe * function(t))

    edges = np.union1d(
        np.linspace(outputs[0], outputs[-1], _PIECES + 1), find_breaks([summary], outputs)
    )
    finest = _FINEST * float(outputs[-1] - outputs[0])
    waiting = list(pairwise(edges))[::-1]
    rough = [_at_nodes(function, a, b) for a, b in waiting[:: max(1, len(waiting) // _PIECES)]]
    scale = max(float(np.max(np.abs(values))) for values in rough)
    pieces, done = [], []
    while waiting:
        look()
        a, b = waiting.pop()
        values = _at_nodes(function, a, b)
        if not np.all(np.isfinite(values)):
            raise StorageError(f"{name} cannot be stored: it is not finite between {a:g} and {b:g}")
        scale = max(scale, float(np.max(np.abs(values))))
        middle = 0.5 * (a + b)
        if not a < middle < b or b - a <= finest or _agrees(function, a, b, values, scale):
            pieces.append(values)
            done.append(b)
        else:
            waiting += [(middle, b), (a, middle)]
        count = len(pieces) + len(waiting)
        if count > _MOST_PIECES or count * _POINTS * start.size > _MOST:
            raise StorageError(
                f"{name} cannot be stored: {count} pieces do not give it to {_TOLERANCE:g} "
                f"between t={outputs[0]:g} and {outputs[-1]:g}. Set result.model = None to save "
                "the result alone; its text keeps the model's name"
            )
    return Timetable([outputs[0], *done], np.array(pieces))


def _at_nodes(function: Callable[[float], Any], a: float, b: float) -> np.ndarray:
    values = np.array([function(float(t)) for t in 0.5 * (a + b) + 0.5 * (b - a) * _NODES])
    return values if values.dtype.kind in "fc" else values.astype(float)


def _agrees(
    function: Callable[[float], Any], a: float, b: float, values: np.ndarray, scale: float
) -> bool:
    """Whether the last coefficients are small, and the polynomial right between the nodes."""
    allowed = _TOLERANCE * scale
    coefficients = np.tensordot(_TO_COEFFICIENTS, values, axes=1)
    if np.max(np.abs(coefficients[-3:])) > allowed:
        return False
    for x in _LOOKS:
        t = float(0.5 * (a + b) + 0.5 * (b - a) * x)
        # where t was rounded to
        exact = (2 * t - a - b) / (b - a)
        if np.max(np.abs(function(t) - _interpolated(values, exact))) > allowed:
            return False
    return True
