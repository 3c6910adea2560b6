"""exp(tL)x for a constant generator: Chebyshev expansions in windows of outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .elements import Elements
from .ellipse import Expansion, estimate_ellipse
from .entries import Readout
from .krylov import KrylovStepper

__all__ = ["NOTHING", "ChebyshevStepper", "Counters", "Plan", "Window"]

#: outputs served by one expansion that are tried
_WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_ROUNDING = 2.2e-16
#: growth of the polynomials' norms from which on the ellipse is taken to be too small
_GROWTH = 30.0
#: change of the trace in a window, in units of the tolerance, that gives a window away
_LOST = 1e3
NOTHING = Readout(
    np.zeros(1, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=complex)
)


@dataclass
class Window:
    """Outputs that were reached together.

    Attributes
    ----------
    times : ndarray of shape (w,)
        Output times.
    rows : ndarray of shape (w, 2·size) or None
        States, where they are wanted.
    values : ndarray of shape (w, F)
        Functionals.
    """

    times: np.ndarray
    rows: np.ndarray | None
    values: np.ndarray


@dataclass
class Counters:
    """Work and errors of a run by windows: products with the generator, estimates, remarks."""

    products: int = 0
    windows: int = 0
    rejected: int = 0
    error: float = 0.0
    rounding: float = 0.0
    notes: list[str] = field(default_factory=list)

    def take(self, saved: Sequence[Any]) -> None:
        """Go on counting from the counters of an earlier part of the run."""
        self.products, self.windows, self.rejected = map(int, saved[:3])
        self.error, self.rounding = map(float, saved[3:])


@dataclass(frozen=True)
class Plan:
    """Coefficients of one kind of window: the outputs' offsets, then the end."""

    offsets: tuple[float, ...]
    end: float
    delivered: int
    terms: int
    table: np.ndarray


class ChebyshevStepper:
    """exp(tL)x at output times, by Chebyshev expansions that serve several outputs each.

    Parameters
    ----------
    elements : Elements
        With a constant generator.
    x : ndarray of shape (2·size,)
        Start.
    t : float
        Time of the start.
    tolerance : float
        Largest error of one window, relative to the norm of its start.
    readout : Readout, optional
        Functionals delivered at every output.
    states : bool
        Whether rows are delivered.
    max_step : float
        Longest window.
    """

    def __init__(
        self,
        elements: Elements,
        x: np.ndarray,
        t: float,
        *,
        tolerance: float = 1e-12,
        readout: Readout = NOTHING,
        states: bool = True,
        max_step: float = np.inf,
    ):
        self.elements = elements
        self.x, self.t = np.array(x, dtype=float), float(t)
        self.tolerance, self.readout, self.states = tolerance, readout, states
        self.max_step = max_step
        self.counters = Counters()
        #: where the next states may be written, if they are wanted in a certain place
        self.target: np.ndarray | None = None
        self.ellipse: Expansion = self._around()
        self.longest = min(self.ellipse.longest, max_step)
        self._plans: dict[tuple[float, ...], Plan | None] = {}
        self._width: dict[float, int] = {}
        self._krylov: KrylovStepper | None = None
        self._rejected_in_row = 0

    @property
    def kernel(self) -> Any:
        """The compiled generator, as the elements that are kept have it."""
        return self.elements.kernel

    def _around(self) -> Expansion:
        """An ellipse to begin with."""
        return estimate_ellipse(self.elements)

    # ------------------------------------------------------------ running

    def snapshot(self) -> dict[str, Any]:
        """Everything that going on needs."""
        e, c = self.ellipse, self.counters
        return {
            "t": self.t,
            "x": self.x.copy(),
            "ellipse": [e.centre, e.height, e.width],
            "longest": self.longest,
            "krylov": self._krylov is not None,
            "counters": [c.products, c.windows, c.rejected, c.error, c.rounding],
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from what :meth:`snapshot` gave."""
        self.t, self.x = float(saved["t"]), np.array(saved["x"], dtype=float)
        self.ellipse = Expansion(*map(float, saved["ellipse"]))
        self.longest = float(saved["longest"])
        self.counters.take(saved["counters"])
        self._plans.clear()
        self._width.clear()
        if saved["krylov"]:
            self._krylov = KrylovStepper(self.elements, self.x, self.t, tolerance=self.tolerance)

    def advance(self, times: np.ndarray) -> Iterator[Window]:
        """Deliver every one of `times` (increasing, from the present time on), window by window.

        After each window ``t`` and ``x`` are those of its end. A window without outputs is a step
        on the way, or one that
        was rejected.
        """
        at = 0
        while at < len(times):
            if times[at] <= self.t:
                yield self._here(times[at : at + 1])
                at += 1
                continue
            ahead = times[at:]
            window = self._step(ahead) if self._krylov is None else self._krylov_step(ahead[:8])
            at += len(window.times)
            yield window

    def _here(self, times: np.ndarray) -> Window:
        rows = self.x[None, :].copy()
        return Window(times, rows if self.states else None, self.elements.read(rows, self.readout))

    def _nothing(self) -> Window:
        empty = np.zeros((0, 2 * self.elements.size))
        return Window(np.zeros(0), empty, np.zeros((0, self.readout.count), dtype=complex))

    def _step(self, ahead: np.ndarray) -> Window:
        """One step by one expansion."""
        plan = self._choose(ahead)
        if plan is None:
            self._reject("the ellipse is too large for one expansion")
            return self._nothing()
        K, count = plan.terms, self.readout.count
        reads = count > 0 and not self.states
        moments = np.zeros((K if reads else 0, count), dtype=complex)
        norms = np.empty(K)
        readout = self.readout if reads else NOTHING
        table = plan.table if self.states else np.ascontiguousarray(plan.table[-1:])
        out = self._place(len(table), plan.delivered)
        self._expand(plan, table, out, readout, moments, norms)
        self.counters.products += K - 1
        if not self._trusted(norms, plan.table) or not self._conserved(out[-1]):
            return self._nothing()
        self.x, begin = out[-1].copy(), self.t
        self.t = begin + plan.end
        self.counters.windows += 1
        self._rejected_in_row = 0
        if plan.delivered == 0:
            return self._nothing()
        times = ahead[: plan.delivered]
        self.t = max(self.t, float(times[-1]))
        if self.states:
            rows = out[: plan.delivered]
            return Window(times, rows, self.elements.read(rows, self.readout))
        return Window(
            times,
            None,
            plan.table[: plan.delivered] @ moments
            if reads
            else np.zeros((len(times), 0), dtype=complex),
        )

    def _place(self, count: int, delivered: int) -> np.ndarray:
        """Rows for the sums: those of the target, where all of them are wanted there."""
        if self.target is None or not self.states or not count == delivered <= len(self.target):
            return np.empty((count, 2 * self.elements.size))
        return self.target[:count]

    def _expand(
        self,
        plan: Plan,
        table: np.ndarray,
        out: np.ndarray,
        readout: Readout,
        moments: np.ndarray,
        norms: np.ndarray,
    ) -> None:
        """OUT the polynomials' sums, functionals and norms."""
        functionals = (readout.start, readout.place, readout.value)
        recurrence = self.ellipse.recurrence
        self.kernel.expand(self.x, *recurrence, table, out, *functionals, moments, norms)

    def _trusted(self, norms: np.ndarray, table: np.ndarray) -> bool:
        """Whether the terms of every output have died out and were never so large that rounding
        shows.
        """
        start = norms[0] if norms[0] > 0 else 1.0
        if not np.all(np.isfinite(norms)):
            return self._reject("the polynomials are not finite")
        sizes = np.abs(table) * (norms / start)
        error, rounding = float(sizes[:, -2:].max()), float(sizes.max()) * _ROUNDING
        if error > self.tolerance:
            return self._reject("the terms do not die out")
        if rounding > max(self.tolerance, 20 * _ROUNDING):
            return self._reject("rounding shows")
        if float(norms.max()) > _GROWTH * start:
            # outside the ellipse a part of the state grows from term to term; it is not lost, but
            # soon it would be
            self._enlarge()
        self.counters.error += error
        self.counters.rounding = max(self.counters.rounding, rounding)
        return True

    def _conserved(self, row: np.ndarray) -> bool:
        """Whether the trace, or without jumps the norm of a ket, is what it was: no estimate sees
        terms that are not there.
        """
        e = self.elements
        if e.kind == "hermitian" and e.diagonals[0] == 0:
            d = e.owner.dimension
            before, after = float(self.x[:d].sum()), float(row[:d].sum())
            size = float(np.abs(self.x[:d]).sum())
        elif e.kind == "ket" and not e.owner.jump_parts:
            before = size = float(np.dot(self.x, self.x))
            after = float(np.dot(row, row))
        else:
            return True
        if abs(after - before) > _LOST * max(self.tolerance, 1e-13) * max(size, 1e-300):
            return self._reject("the trace or the norm is lost")
        return True

    def _reject(self, why: str) -> bool:
        """A larger ellipse and a shorter window; after many of them the Krylov method."""
        self.counters.rejected += 1
        self._rejected_in_row += 1
        self._enlarge()
        if self._rejected_in_row > 1:
            self.longest *= 0.5
        if self._rejected_in_row > 12:
            self.counters.notes.append(
                f"Chebyshev expansions were given up at t={self.t:g} ({why}); Krylov method from "
                f"there"
            )
            self._krylov = KrylovStepper(self.elements, self.x, self.t, tolerance=self.tolerance)
        return False

    def _enlarge(self) -> None:
        self.ellipse = self.ellipse.enlarged()
        self.longest = min(self.longest, self.ellipse.longest)
        self._plans.clear()
        self._width.clear()

    # ------------------------------------------------------------ windows

    def _choose(self, ahead: np.ndarray) -> Plan | None:
        """The window that costs least for each output, from the present time on."""
        offsets = ahead - self.t
        if offsets[0] > self.longest:
            parts = int(np.ceil(offsets[0] / self.longest - 1e-9))
            return self._plan((), offsets[0] / parts)
        fit = int(np.searchsorted(offsets, self.longest * (1 + 1e-12), side="right"))
        spacing = float(f"{offsets[0]:.12g}")
        width = self._width.get(spacing)
        if width is None:
            width = self._width[spacing] = self._best_width(offsets[:fit])
        width = min(width, fit)
        return self._plan(tuple(offsets[:width]), float(offsets[width - 1]))

    def _best_width(self, offsets: np.ndarray) -> int:
        best, cost = 1, np.inf
        per_product = self.elements.owner.terms_per_element(ket=self.elements.kind == "ket") + 4
        widths = [w for w in _WIDTHS if w <= len(offsets)]
        counts = self.ellipse.terms_of(offsets[np.array(widths) - 1], self._tail())
        for width, count in zip(widths, counts, strict=True):
            if count == 0:
                break
            combined = 0.6 * width * count if self.states else 1.0 * count
            new = (count * per_product + combined + 40) / width
            if new < cost:
                best, cost = width, new
            elif new > 1.3 * cost:
                break
        return best

    def _tail(self) -> float:
        return 5e-4 * self.tolerance

    def _plan(self, offsets: tuple[float, ...], end: float) -> Plan | None:
        """Coefficients for outputs at `offsets` and the end; kept, because windows repeat."""
        key = tuple(round(o / end, 12) for o in offsets) + (float(f"{end:.13g}"),)
        if key in self._plans:
            return self._plans[key]
        count = self.ellipse.terms(end, self._tail())
        if count == 0:
            self._plans[key] = None
            return None
        times = np.array(offsets if offsets else (end,))
        table = np.ascontiguousarray(self.ellipse.coefficients(times, count))
        # what is below the tail for a short time need not be added
        table[np.abs(table) < 1e-3 * self._tail()] = 0.0
        plan = Plan(offsets, end, len(offsets), count, table)
        self._plans[key] = plan
        return plan

    def _krylov_step(self, times: np.ndarray) -> Window:
        assert self._krylov is not None
        rows = self._krylov.advance(times)
        self.counters.products += self._krylov.products
        self._krylov.products = 0
        self.counters.windows += 1
        self.x, self.t = rows[-1].copy(), float(times[-1])
        return Window(times, rows if self.states else None, self.elements.read(rows, self.readout))
