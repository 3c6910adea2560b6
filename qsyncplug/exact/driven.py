"""Runs whose operators depend on time: windows in which they are polynomials of time, elsewhere
Dormand–Prince steps; pulses are not missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .._ext.integrator import Integrator
from .elements import Elements
from .ellipse import ritz_values
from .looks import Looks, look_ahead
from .moving import MovingParts, MovingStepper
from .propagate import NOTHING, Counters, Window
from .shifts import NotRealError

__all__ = ["DrivenStepper"]

#: longest step of the Dormand–Prince method in units of the fastest rate, and pieces (in that
#: unit) that are too short for the rate to be looked for
_STABLE, _SHORT = 5.5, 10.0
#: outputs that steps deliver before a window is tried again
_UNTIL_TRIED = 4


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
        readout: Any = None,
    ):
        self.elements, self.readout, self.states = elements, readout, states
        self.t, self.x = float(times[0]), np.array(x, dtype=float)
        self.counters = Counters()
        #: as for :class:`ChebyshevStepper`
        self.target: np.ndarray | None = None
        self.looks = look_ahead(elements.owner, times)
        # a restart at every edge: the first step after it is chosen anew
        edges = np.unique(np.concatenate([self.looks.active.ravel(), times[-1:]]))
        self._edges = edges[edges > times[0]]
        self._accuracy = (rtol, atol, max_step)
        self.moving = self._windows()
        self._integrator: Integrator | None = None
        self._before = 0
        #: the fastest rate that was found, and the longest step of the present piece
        self._limits = [0.0, max_step]
        self._used: set[str] = set()

    @property
    def integrator(self) -> str:
        """What has been used, by name."""
        return " and ".join(sorted(self._used))

    def _windows(self) -> MovingStepper | None:
        """The windows, where the generator is of few parts."""
        parts = MovingParts.of(self.elements, self.looks)
        if parts is None:
            return None
        rtol, atol, longest = self._accuracy
        windows = MovingStepper(
            parts,
            self.looks,
            self.x,
            self.t,
            tolerance=max(1e-13, min(0.5 * rtol, 50 * atol)),
            readout=NOTHING if self.readout is None else self.readout,
            states=self.states,
            max_step=longest,
        )
        windows.counters = self.counters
        return windows

    def snapshot(self) -> dict[str, Any]:
        """Everything that going on needs."""
        c = self.counters
        counters = [c.products, c.windows, c.rejected, c.error, c.rounding]
        inner = None if self._integrator is None else self._integrator.snapshot()
        return {
            "t": self.t,
            "x": self.x.copy(),
            "counters": counters,
            "integrator": inner,
            "moving": None if self.moving is None else self.moving.going(),
            "limits": list(self._limits),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from what :meth:`snapshot` gave."""
        self.t, self.x = float(saved["t"]), np.array(saved["x"], dtype=float)
        self.counters.take(saved["counters"])
        self._integrator = None
        if self.moving is not None and saved["moving"] is not None:
            self.moving.go_on(saved["moving"], self.t, self.x)
        self._limits = [float(x) for x in saved["limits"]]
        if saved["integrator"] is not None:
            self._integrator = self._fresh(self._edge())
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
            window = self._one_window(times[at:])
            if window is None:
                window = self._some_steps(times[at:])
            at += len(window.times)
            yield window

    def _one_window(self, ahead: np.ndarray) -> Window | None:
        """One expansion towards the outputs `ahead`, where that serves best."""
        if self.moving is None:
            return None
        self.moving.t, self.moving.x, self.moving.target = self.t, self.x, self.target
        window = self.moving.window(ahead, min(self._edge(), float(ahead[-1])))
        if window is not None and self.moving.t > self.t:
            self.t, self.x = self.moving.t, self.moving.x
            self._integrator = None
            self._used.add("Chebyshev")
        return window

    def _some_steps(self, ahead: np.ndarray) -> Window:
        """Steps to the next outputs, not beyond the edge of a piece."""
        end = self._piece()
        upto = int(np.searchsorted(ahead, end, side="right"))
        last = upto
        # some rows at once, so that little is lost where the run must stop
        upto = min(upto, max(1, min(16, 2**22 // len(self.x))))
        if self.moving is not None:
            upto = min(upto, _UNTIL_TRIED)
        wanted = ahead[:upto]
        # never beyond the last time asked for: what follows it comes with the next call
        extra = upto == last and end <= ahead[-1] and (len(wanted) == 0 or wanted[-1] < end)
        targets = np.append(wanted, end) if extra else wanted
        rows = np.empty((len(targets), len(self.x)))
        self._run(targets, rows)
        self.t, self.x = float(targets[-1]), rows[-1].copy()
        if self.t >= end:
            self._integrator = None
        return self._window(wanted, rows[: len(wanted)])

    def _edge(self) -> float:
        """End of the present piece between two edges."""
        k = int(np.searchsorted(self._edges, self.t, side="right"))
        return float(self._edges[min(k, len(self._edges) - 1)])

    def _longest(self, end: float) -> float:
        """Longest step until `end`: not past a pulse, and not beyond what is stable."""
        longest = min(self._accuracy[2], self.looks.longest(self.t))
        fastest = self._limits[0]
        if fastest == 0 or (end - self.t) * fastest > _SHORT:
            fastest = self._limits[0] = _fastest_rate(self.elements, self.looks, self.t, end)
        return min(longest, _STABLE / fastest) if fastest > 0 else longest

    def _piece(self) -> float:
        """End of the present piece between two edges; a fresh integrator where one begins."""
        end = self._edge()
        if self._integrator is None:
            self._limits[1] = self._longest(end)
            self._integrator = self._fresh(end)
        return end

    def _fresh(self, end: float) -> Integrator:
        """An integrator from here to `end`."""
        rtol, atol, _ = self._accuracy
        flow = self.elements.flow(self.elements.owner.factors)
        it = Integrator(flow, rtol=rtol, atol=atol, max_step=self._limits[1], nsteps=2**60)
        it.set_state(self.t, self.x, end)
        self._before = 0
        return it

    def _run(self, targets: np.ndarray, rows: np.ndarray) -> None:
        assert self._integrator is not None
        counters, it = self.counters, self._integrator
        status, _ = it.advance(targets, rows)
        self._used.add("dop853")
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


def _fastest_rate(elements: Elements, looks: Looks, begin: float, end: float) -> float:
    """Largest modulus of an eigenvalue where the coefficients are largest between two times."""
    here = looks.within(begin, end)
    if here.stop <= here.start:
        return 0.0
    largest = here.start + int(np.argmax(np.abs(looks.values[here]).sum(axis=1)))
    owner = elements.owner
    elements.set_factors(owner.all_factors(looks.values[largest : largest + 1])[0])
    return float(np.abs(ritz_values(elements)).max())


class DrivenFailure(Exception):
    """The integrator could not go on."""

    def __init__(self, status: int, time: float, cause: BaseException | None):
        super().__init__(f"status {status} at t={time:g}")
        self.status, self.time, self.cause = status, time, cause
