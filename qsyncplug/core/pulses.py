"""Where functions of time have something to say that a long step would pass over.

An adaptive method looks at a coefficient where its steps happen to fall. A pulse between two
looks is never seen, and the error estimate does not miss it. So functions of time are looked at
beforehand, densely, and where quiet ends or begins a time is named that no step passes over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import qutip

from .limits import look

__all__ = ["fastest_changes", "find_breaks", "longest_step"]

#: looks between two outputs, and least number of looks over a run
_BETWEEN, _LEAST, _MOST = 24, 2**14, 2**18
#: looks that are compared with as many after them; how much louder those must be to end the quiet
_WINDOWS, _LOUDER, _FAINT = (16, 128, 1024), 30.0, 1e-9
#: jumps that are looked for to the last bit, some fifty looks each
_JUMPS = 1000


def find_breaks(
    functions: Iterable[Callable[[float], Any]], times: Any, share: float = 1.0
) -> np.ndarray:
    """Times between the first and last of `times` at which a function stops or starts to be quiet,
    or jumps.

    Parameters
    ----------
    functions : iterable of callable
        ``f(t)``, complex. A sampled ``qutip.coefficient`` is looked at where its samples are too.
    times : array_like of shape (T,)
        Output times of a run.
    share : float
        Part of the run that is between these times, where it is walked in stretches.

    Returns
    -------
    ndarray
        Increasing; empty for smooth functions. Of a jump the first time behind it. What lasts less
        than about 1/16000 of the run and 1/20 of the time between two outputs may still be missed
        (never where it was sampled).

    Examples
    --------
    >>> import numpy as np
    >>> find_breaks([np.cos], [0.0, 10.0])
    array([], dtype=float64)
    >>> pulse = find_breaks([lambda t: 99.9 < t < 100.0], [0.0, 1000.0])
    >>> bool(pulse[0] < 99.9 and pulse[-1] > 100.0 and np.ptp(pulse) < 1.0)
    True
    """
    outputs, functions = np.asarray(times, dtype=float), tuple(functions)
    if outputs.size < 2 or not functions:
        return np.empty(0)
    looks = _looks(outputs, share)
    found = [np.empty(0)]
    for function in functions:
        here = np.union1d(looks, _samples(function, outputs[0], outputs[-1]))
        values = _values(function, here)
        failing = here[np.isnan(values)][:1]
        # a run looks at its start by itself
        found += [_edges(here, values), failing[failing > outputs[0]]]
        found.append(_jumps(function, here, values))
    return np.unique(np.concatenate(found))


def fastest_changes(functions: Iterable[Callable[[float], Any]], times: Any) -> np.ndarray:
    """How fast functions of time change, for methods of fixed steps.

    Parameters
    ----------
    functions : iterable of callable
        ``f(t)``, complex.
    times : array_like of shape (T,)
        Ends of intervals, increasing.

    Returns
    -------
    ndarray of shape (T-1,)
        Largest max|f'|/max|f| of a function in every interval, f' as differences between looks.

    Examples
    --------
    >>> import numpy as np
    >>> fast = fastest_changes([lambda t: np.exp(3j * t)], [0.0, 1.0, 2.0])
    >>> np.round(fast, 2).tolist()
    [3.0, 3.0]
    """
    ends, functions = np.asarray(times, dtype=float), tuple(functions)
    out = np.zeros(max(ends.size - 1, 0))
    if not out.size or not functions:
        return out
    looks = np.union1d(_looks(ends), ends)
    owner = np.searchsorted(ends, looks[:-1], side="right") - 1
    for function in functions:
        values = _values(function, looks)
        # what is infinite the run itself will refuse
        values[~np.isfinite(values)] = np.nan
        size = np.nanmax(np.abs(values), initial=0.0)
        if size > 0:
            rate = np.abs(np.diff(values)) / (size * np.diff(looks))
            np.maximum.at(out, owner, np.nan_to_num(rate))
    return out


def longest_step(functions: Iterable[Callable[[float], Any]], times: Any) -> float:
    """The longest step that passes over no pulse, for methods that cannot be told where they are.

    Parameters
    ----------
    functions : iterable of callable
        ``f(t)``, complex.
    times : array_like of shape (T,)
        Output times of a run.

    Returns
    -------
    float
        Half of the shortest time between two breaks; infinite where there are none.

    Examples
    --------
    >>> step = longest_step([lambda t: 40.0 < t < 41.0], [0.0, 100.0])
    >>> 0.2 < step < 1.0
    True
    """
    breaks = find_breaks(functions, times)
    if not breaks.size:
        return np.inf
    # a jump has a break on either side of it
    finest = float(np.ptp(times)) / 2**12
    gaps = [gap for gap in np.diff(breaks).tolist() if gap > finest]
    return 0.5 * min(gaps, default=finest)


def _looks(outputs: np.ndarray, share: float = 1.0) -> np.ndarray:
    each = min(_BETWEEN, max(1, _MOST // (outputs.size - 1)))
    part = np.arange(each) / each
    between = (outputs[:-1, None] + part * np.diff(outputs)[:, None]).ravel()
    # enough for the shortest window
    least = max(4 * _WINDOWS[0], int(np.ceil(_LEAST * share)))
    even = np.linspace(outputs[0], outputs[-1], least + 1)
    return np.union1d(between, even)


def _samples(function: Any, first: float, last: float) -> np.ndarray:
    """Times at which a ``qutip.coefficient`` was sampled, and between them."""
    known = np.concatenate([np.empty(0), *_knots(getattr(function, "coefficient", function))])
    middle = 0.5 * (known[1:] + known[:-1])
    known = np.concatenate([known, middle])
    return known[(known > first) & (known < last)]


def _knots(coefficient: Any) -> list[np.ndarray]:
    """Of a sampled coefficient, or of those that a sum or product is made of."""
    if not isinstance(coefficient, qutip.Coefficient):
        return []
    parts = coefficient.__reduce__()
    given = parts[1] if isinstance(parts, tuple) else ()
    if type(coefficient).__name__ == "InterCoefficient":
        # the knots are real, the values complex
        return [a for a in given if isinstance(a, np.ndarray) and a.ndim == 1 and a.dtype == float]
    return [knots for part in given for knots in _knots(part)]


def _values(function: Callable[[float], Any], times: np.ndarray) -> np.ndarray:
    """Values; NaN where the function fails, which the run itself will say as it comes there."""
    if (many := getattr(function, "at_times", None)) and (found := many(times)) is not None:
        return np.asarray(found, dtype=complex)
    out = np.empty(times.size, dtype=complex)
    for k, t in enumerate(times):
        if k % 1024 == 0:
            look()
        try:
            out[k] = function(t)
        except Exception:
            out[k] = np.nan
    return out


def _edges(t: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Where the bends ahead are far above those behind, or the other way, on several scales."""
    # imported here: only functions of time need it
    from scipy.ndimage import maximum_filter1d

    bend = _bends(t, f)
    least = _FAINT * bend.max(initial=0.0)
    if least == 0.0:
        return np.empty(0)
    edges = []
    for window in _WINDOWS:
        if 4 * window > t.size:
            break
        half = window // 2
        ahead = maximum_filter1d(bend, window, origin=-half)
        behind = maximum_filter1d(bend, window, origin=half - 1)
        # behind ends before the look, ahead begins after it
        ahead, behind = ahead[2:], behind[:-2]
        edges.append(_lasts(ahead > _LOUDER * behind + least) + 1)
        edges.append(t.size - 2 - _lasts((behind > _LOUDER * ahead + least)[::-1]))
    found: np.ndarray = t[np.unique(np.concatenate(edges)).clip(0, t.size - 1)]
    return found


def _jumps(function: Callable[[float], Any], t: np.ndarray, f: np.ndarray) -> np.ndarray:
    """First times behind jumps, to the last bit: between two looks, far above the changes beside
    it, and as high however close one looks.
    """
    with np.errstate(all="ignore"):
        change = np.abs(np.diff(f))
    change[~np.isfinite(change)] = 0.0
    beside = np.zeros_like(change)
    beside[1:], beside[:-1] = change[:-1], np.maximum(beside[:-1], change[1:])
    high = np.flatnonzero(
        change > _LOUDER * beside + _FAINT * np.abs(f[np.isfinite(f)]).max(initial=0.0)
    )
    finest = 0.1 * np.finfo(float).eps * (t[-1] - t[0])
    found = []
    for k in high[:_JUMPS].tolist():
        left, right, before, behind = t[k], t[k + 1], f[k], f[k + 1]
        # next to zero times are finer than a step can be
        while right - left > finest and left < (middle := 0.5 * (left + right)) < right:
            value = _values(function, np.array([middle]))[0]
            if abs(value - before) < abs(value - behind):
                left, before = middle, value
            else:
                right, behind = middle, value
        if abs(behind - before) > 0.5 * change[k]:
            found.append(right)
    return np.array(found)


def _lasts(flags: np.ndarray) -> np.ndarray:
    """Last index of every run of true values: the foot of a flank."""
    return np.flatnonzero(flags & ~np.append(flags[1:], False))


def _bends(t: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Change of the slope at every look, as a change of f."""
    out = np.zeros(t.size)
    with np.errstate(all="ignore"):
        dt = np.diff(t)
        slope = np.diff(f) / dt
        out[1:-1] = np.abs(np.diff(slope)) * np.minimum(dt[1:], dt[:-1])
        # rounding of large values bends nothing
        size = np.nanmax(np.abs(f)) if np.any(np.isfinite(f)) else 0.0
    out[~np.isfinite(out) | (out < 1e-14 * size)] = 0.0
    return out
