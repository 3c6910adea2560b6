"""What a point returns, as named arrays: numbers, dicts, xarray, or measures of a result."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
import qutip

from ..adapters import synchronization
from ..core.saved import Saved
from ..operators.system import System
from ..sync import Estimate, SyncView, verdict
from ..sync import measures as _measures
from .points import OWN

__all__ = ["Reader", "Values"]

#: axes of a measure of a run, of nodes, of pairs
_AXES = ("time", "node", "other")


class Values(NamedTuple):
    """Arrays of one point, and the coordinates that they bring."""

    arrays: dict[str, tuple[tuple[str, ...], np.ndarray]]
    coordinates: dict[str, tuple[tuple[str, ...], np.ndarray]]


class Reader:
    """Turns what the function returned into :class:`Values`.

    Parameters
    ----------
    measures : str, sequence of str, or mapping of str to callable or str, optional
        Names of :mod:`qsyncplug.measures` (and ``"verdict"``), read off the view of what the
        function returned; a callable gets the view. Without them the function itself returns
        numbers, arrays, a dict of these, an xarray object, or what the package finds (a verdict, a
        spectrum, a limit cycle, …).
    solve : callable, optional
        What is made of the answer first: ``solve(system)`` of a function that builds systems.

    Examples
    --------
    >>> Reader()({"r": 0.5}).arrays["r"]
    ((), array(0.5))
    """

    def __init__(self, measures: Any = None, solve: Callable[[Any], Any] | None = None):
        self.measures = None if measures is None else _named(measures)
        if solve is not None and not callable(solve):
            raise TypeError(f"solve must be a function of what is built, not {solve!r:.60}")
        self.solve = solve

    def __call__(self, answer: Any) -> Values:
        """The arrays of one answer."""
        if self.solve is not None:
            answer = self.solve(answer)
        elif isinstance(answer, System):
            raise TypeError(
                "the function returned a System: say with solve= what is to be made of it, such as "
                "solve=lambda system: qsp.steadystate(system, cutoff=10)"
            )
        if self.measures is not None:
            return _read_measures(answer, self.measures)
        if hasattr(answer, "to_dataset") or hasattr(answer, "data_vars"):
            return _read_xarray(answer)
        if isinstance(answer, Saved) and not isinstance(answer, SyncView):
            return _read_found(answer)
        if isinstance(answer, Mapping):
            return Values({str(k): _array(str(k), v) for k, v in answer.items()}, {})
        return Values({"value": _array("value", answer)}, {})


def _named(measures: Any) -> dict[str, Callable[[Any], Any] | str]:
    """The measures by name, checked before any work."""
    if isinstance(measures, str):
        measures = [measures]
    if isinstance(measures, Mapping):
        chosen = dict(measures)
    elif isinstance(measures, Sequence):
        chosen = {str(m): m for m in measures}
    else:
        raise TypeError(
            "measures must be names of qsyncplug.measures or a dict of callables, "
            f"not {type(measures).__name__}"
        )
    known = sorted(_measures.RECORDS)
    for name, measure in chosen.items():
        if callable(measure) or measure == "verdict" or measure in known:
            continue
        raise ValueError(
            f"measures[{name!r}] must be callable, 'verdict' or one of {', '.join(known)}; "
            f"not {measure!r}"
        )
    return chosen


def _read_measures(answer: Any, measures: dict[str, Any]) -> Values:
    view = synchronization(answer)
    times = np.asarray(view.times, dtype=float)
    single = len(times) == 1
    out: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    for name, measure in measures.items():
        if measure == "verdict":
            out[name] = ((), np.array(_verdict(view if isinstance(answer, qutip.Qobj) else answer)))
            continue
        function = measure if callable(measure) else _measures.RECORDS[measure].function
        dims, value = _array(name, function(view))
        if value.ndim and len(value) == len(times) and value.ndim <= 3:
            dims = _AXES[: value.ndim]
            if single:
                dims, value = dims[1:], value[0]
        out[name] = (dims, value)
    used = {d for dims, _ in out.values() for d in dims}
    return Values(out, {"time": (("time",), times)} if "time" in used else {})


def _verdict(answer: Any) -> str:
    return str(verdict(answer).label)


#: what a spectrum is computed from
_INNER = ("small", "g", "h", "shift", "w")


def _read_found(answer: Saved) -> Values:
    """Numbers, words and arrays of what the package found; spectra over their frequencies."""
    fields: dict[str, Any] = {"value": answer}
    if not isinstance(answer, Estimate):
        fields = answer._stored_fields()
    w = fields.get("w") if "values" in fields else None
    arrays: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    hints = {} if isinstance(answer, Estimate) else answer._field_types()
    for name, value in fields.items():
        if w is not None and name in _INNER:
            continue
        kinds = {hints.get(name), *get_args(hints.get(name))}
        if name in OWN:
            name = f"{type(answer).__name__.lower()}_{name}"
        if isinstance(value, Estimate) or (value is None and Estimate in kinds):
            # a rate that is found at some points only
            arrays[name] = _array(name, np.nan if value is None else float(value))
            arrays[f"{name}_error"] = _array(name, np.nan if value is None else value.error)
        elif value is None:
            # what no point stores is not missing at some
            if kinds & {bool, int, float, complex, str}:
                arrays[name] = _array(name, "" if str in kinds else np.nan)
        elif isinstance(value, enum.Enum):
            arrays[name] = ((), np.array(str(value.value)))
        elif isinstance(value, (bool, int, float, complex, str, np.number, np.ndarray)):
            dims, array = _array(name, value)
            arrays[name] = (("w",) if w is not None and array.shape == w.shape else dims, array)
    if not arrays:
        raise TypeError(
            f"a {type(answer).__name__} holds no number, text or array to be kept: return a dict "
            "of what you want of it"
        )
    return Values(arrays, {} if w is None else {"w": (("w",), w)})


def _read_xarray(answer: Any) -> Values:
    if hasattr(answer, "data_vars"):
        data = answer
    else:
        data = answer.to_dataset(name=answer.name or "value")
    arrays = {
        str(k): (tuple(map(str, v.dims)), _array(str(k), v.values)[1])
        for k, v in data.data_vars.items()
    }
    coordinates = {
        str(k): (tuple(map(str, v.dims)), np.asarray(v.values))
        for k, v in data.coords.items()
        if v.dims
    }
    return Values(arrays, coordinates)


def _array(name: str, value: Any) -> tuple[tuple[str, ...], np.ndarray]:
    """Dimensions and array: float64, complex128 or text; integers and truth values as floats.

    A missing point is NaN (or an empty text), which integers cannot say.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name}: a masked array cannot be kept; fill it with NaN")
    array = np.asarray(value)
    if array.dtype.kind in "biu":
        if array.dtype.kind != "b" and array.size and np.max(np.abs(array.astype(float))) > 2**53:
            raise TypeError(f"{name}: integers beyond 2**53 cannot be kept as floats")
        array = array.astype(np.float64)
    elif array.dtype.kind == "f":
        array = array.astype(np.float64)
    elif array.dtype.kind == "c":
        array = array.astype(np.complex128)
    elif array.dtype.kind not in "UT":
        raise TypeError(
            f"{name}: a {type(value).__name__} cannot be kept; return numbers, arrays, texts, a "
            "dict of these or an xarray object, or name what to read off in measures=[…]"
        )
    return tuple(f"{name}_{k}" for k in range(array.ndim)), array
