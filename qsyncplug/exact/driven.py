"""Runs whose operators depend on time: Dormand–Prince on the matrix-free generator, and pulses
that are not missed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._ext.integrator import Integrator
from .liouvillian import Elements, Liouvillian
from .propagate import Counters, Window
from .shifts import NotRealError

__all__ = ["DrivenStepper", "active_intervals"]

#: looks at a coefficient between two outputs, and at least so many over the whole run
_LOOKS, _LEAST_LOOKS = 16, 4096
_MOST_LOOKS = 40_000
#: change of a coefficient, relative to its range, that counts as activity
_QUIET = 1e-7


def _knots(coefficient: Any) -> np.ndarray:
    """Times at which the sampled parts of a coefficient are given; empty for functions."""
    found = [np.zeros(0)]

    def collect(item: Any) -> None:
        if hasattr(item, "from_PPoly"):
            found.append(np.asarray(item.__reduce__()[1][0], dtype=float))
        elif hasattr(item, "replace_arguments"):
            collect(item.__reduce__())
        elif isinstance(item, (tuple, list)):
            for part in item:
                collect(part)

    # a coefficient that cannot be taken apart is looked at like a function
    with contextlib.suppress(TypeError, AttributeError):
        collect(coefficient)
    return np.concatenate(found)


def _value(coefficient: Any, t: float) -> complex:
    try:
        return complex(coefficient(t))
    except Exception as error:
        raise ValueError(
            f"a coefficient of the system raised {type(error).__name__} at t={t:g}: {error}"
        ) from error


def active_intervals(liouvillian: Liouvillian, times: np.ndarray) -> np.ndarray:
    """Where the coefficients change: rows (begin, end), in order; steps must not pass an edge
    of them unseen.

    Looked at are the outputs, points between them, and the knots of sampled coefficients.
    """
    if len(times) < 2:
        return np.zeros((0, 2))
    looks = int(np.clip(_LEAST_LOOKS // len(times) + 1, _LOOKS, _MOST_LOOKS // len(times) + 1))
    pieces = [times[:-1] + (times[1:] - times[:-1]) * (k / looks) for k in range(looks)]
    grid = np.concatenate([*pieces, times[-1:], *(_knots(c) for c in liouvillian.coefficients)])
    grid = np.unique(grid[(grid >= times[0]) & (grid <= times[-1])])
    values = np.array([[_value(c, t) for c in liouvillian.coefficients] for t in grid])
    if not np.all(np.isfinite(values)):
        k = int(np.argmax(~np.all(np.isfinite(values), axis=1)))
        raise ValueError(f"a coefficient of the system is not finite at t={grid[k]:g}")
    span = np.abs(values - values[:1]).max(axis=0)
    moving = np.any(
        np.abs(np.diff(values, axis=0)) > _QUIET * np.where(span > 0, span, np.inf), axis=1
    )
    edges = np.flatnonzero(np.diff(np.concatenate([[False], moving, [False]]).astype(int)))
    return np.stack([grid[edges[0::2]], grid[edges[1::2]]], axis=1)


class DrivenStepper:
    """Adaptive steps on rows, with a generator that depends on time.

    Parameters
    ----------
    elements : Elements
    x : ndarray of shape (2·size,)
        Start.
    times : ndarray
        Outputs of the whole run; the first is the time of the start.
    rtol, atol, max_step
        Of the integrator.
    states : bool
        Whether rows are delivered.
    readout : Readout
        Functionals delivered at every output.
    """

    def __init__(
        self,
        elements: Elements,
        x: np.ndarray,
        times: np.ndarray,
        *,
        rtol: float,
        atol: float,
        max_step: float,
        states: bool,
        readout: Any,
    ):
        self.elements, self.readout, self.states = elements, readout, states
        self.t, self.x = float(times[0]), np.array(x, dtype=float)
        self.counters = Counters()
        active = active_intervals(elements.owner, times)
        # a restart at every edge: the first step after it is chosen anew
        edges = np.unique(np.concatenate([active.ravel(), times[-1:]]))
        self._edges = edges[edges > times[0]]
        self._accuracy = (rtol, atol, max_step)
        self._active = active
        self._integrator: Integrator | None = None
        self._before = 0
        self._end = self.t

    def snapshot(self) -> dict[str, Any]:
        """Everything that going on needs."""
        c = self.counters
        counters = [c.products, c.windows, c.rejected, c.error, c.rounding]
        inner = None if self._integrator is None else self._integrator.snapshot()
        return {"t": self.t, "x": self.x.copy(), "counters": counters, "integrator": inner}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from what :meth:`snapshot` gave."""
        self.t, self.x = float(saved["t"]), np.array(saved["x"], dtype=float)
        self.counters.take(saved["counters"])
        self._integrator = None
        if saved["integrator"] is not None:
            self._piece()
            assert self._integrator is not None
            self._integrator.restore(saved["integrator"])
            self._before = self._integrator.evaluations

    def advance(self, times: np.ndarray) -> Iterator[Window]:
        """Deliver every one of `times`, some at a time."""
        at = 0
        while at < len(times):
            if times[at] <= self.t:
                yield self._window(times[at : at + 1], self.x[None, :].copy())
                at += 1
                continue
            end = self._piece()
            upto = int(np.searchsorted(times, end, side="right"))
            # some rows at once, so that little is lost where the run must stop
            upto = min(upto, at + max(1, min(16, 2**22 // len(self.x))))
            last = upto == int(np.searchsorted(times, end, side="right"))
            wanted = times[at:upto]
            # never beyond the last time asked for: what follows it comes with the next call
            extra = last and end <= times[-1] and (len(wanted) == 0 or wanted[-1] < end)
            targets = np.append(wanted, end) if extra else wanted
            rows = np.empty((len(targets), len(self.x)))
            self._run(targets, rows)
            self.t, self.x = float(targets[-1]), rows[-1].copy()
            at = upto
            if self.t >= end:
                self._integrator = None
            if len(wanted):
                yield self._window(wanted, rows[: len(wanted)])

    def _piece(self) -> float:
        """End of the present piece between two edges; a fresh integrator where one begins."""
        if self._integrator is None:
            k = int(np.searchsorted(self._edges, self.t, side="right"))
            self._end = float(self._edges[min(k, len(self._edges) - 1)])
            inside = np.any((self._active[:, 0] <= self.t) & (self.t < self._active[:, 1]))
            rtol, atol, longest = self._accuracy
            if inside and len(self._active) > 0:
                begin, end = self._active[
                    np.searchsorted(self._active[:, 0], self.t, side="right") - 1
                ]
                longest = min(longest, 0.25 * (end - begin))
            self._integrator = Integrator(
                self.elements.flow(self.elements.owner.factors),
                rtol=rtol,
                atol=atol,
                max_step=longest,
                nsteps=2**60,
            )
            self._integrator.set_state(self.t, self.x, self._end)
            self._before = 0
        return self._end

    def _run(self, targets: np.ndarray, rows: np.ndarray) -> None:
        assert self._integrator is not None
        counters, it = self.counters, self._integrator
        status, _ = it.advance(targets, rows)
        counters.products += it.evaluations - self._before
        self._before = it.evaluations
        counters.windows += 1
        if status != 0:
            cause = it.rhs.error or it.interruption
            if isinstance(cause, (NotRealError, KeyboardInterrupt)):
                raise cause
            self.t = it.t
            raise DrivenFailure(status, it.t, cause)

    def _window(self, times: np.ndarray, rows: np.ndarray) -> Window:
        values = (
            self.elements.read(rows, self.readout)
            if self.readout is not None
            else np.zeros((len(rows), 0), complex)
        )
        return Window(times, rows if self.states else None, values)


class DrivenFailure(Exception):
    """The integrator could not go on."""

    def __init__(self, status: int, time: float, cause: BaseException | None):
        super().__init__(f"status {status} at t={time:g}")
        self.status, self.time, self.cause = status, time, cause
