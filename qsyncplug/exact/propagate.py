"""Steppers of exp(tL) for a constant generator: Chebyshev expansions in windows of outputs, and a
Krylov method.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg

from .ellipse import Expansion, estimate_ellipse
from .entries import Readout
from .liouvillian import Elements

__all__ = ["ChebyshevStepper", "Counters", "KrylovStepper", "Window"]

#: outputs served by one expansion that are tried
_WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_ROUNDING = 2.2e-16
#: growth of the polynomials' norms from which on the ellipse is taken to be too small
_GROWTH = 30.0
_NOTHING = Readout(
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
    """How a run went."""

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
class _Plan:
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
        readout: Readout = _NOTHING,
        states: bool = True,
        max_step: float = np.inf,
    ):
        self.elements, self.kernel = elements, elements.kernel
        self.x, self.t = np.array(x, dtype=float), float(t)
        self.tolerance, self.readout, self.states = tolerance, readout, states
        self.max_step = max_step
        self.counters = Counters()
        self.ellipse: Expansion = estimate_ellipse(elements)
        self.longest = min(self.ellipse.longest, max_step)
        self._plans: dict[tuple[float, ...], _Plan | None] = {}
        self._width: dict[float, int] = {}
        self._krylov: KrylovStepper | None = None
        self._rejected_in_row = 0

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
        n, K = len(plan.table), plan.terms
        count = self.readout.count
        out = np.empty((n, 2 * self.elements.size))
        reads = count > 0 and not self.states
        moments = np.zeros((K if reads else 0, count), dtype=complex)
        norms = np.empty(K)
        readout = self.readout if reads else _NOTHING
        table = plan.table if self.states else np.ascontiguousarray(plan.table[-1:])
        out = np.empty((len(table), 2 * self.elements.size))
        alpha, shift, beta = self.ellipse.recurrence
        self.kernel.expand(
            self.x,
            alpha,
            shift,
            beta,
            table,
            out,
            readout.start,
            readout.place,
            readout.value,
            moments,
            norms,
        )
        self.counters.products += K - 1
        if not self._trusted(norms, plan.table):
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

    def _choose(self, ahead: np.ndarray) -> _Plan | None:
        """The window that costs least for each output, from the present time on."""
        offsets = ahead - self.t
        if offsets[0] > self.longest:
            parts = int(np.ceil(offsets[0] / self.longest - 1e-9))
            return self._plan((), offsets[0] / parts)
        fit = int(np.searchsorted(offsets, self.longest * (1 + 1e-12), side="right"))
        spacing = round(float(offsets[0]), 14)
        width = self._width.get(spacing)
        if width is None:
            width = self._width[spacing] = self._best_width(offsets[:fit])
        width = min(width, fit)
        return self._plan(tuple(offsets[:width]), float(offsets[width - 1]))

    def _best_width(self, offsets: np.ndarray) -> int:
        best, cost = 1, np.inf
        terms = self.elements.owner.terms_per_element(ket=self.elements.kind == "ket")
        for width in _WIDTHS:
            if width > len(offsets):
                break
            count = self.ellipse.terms(float(offsets[width - 1]), self._tail())
            if count == 0:
                break
            combined = 0.35 * width * count if self.states else 1.0 * count
            new = (count * (terms + 4) + combined + 40) / width
            if new < cost:
                best, cost = width, new
            elif new > 1.3 * cost:
                break
        return best

    def _tail(self) -> float:
        return 1e-2 * self.tolerance

    def _plan(self, offsets: tuple[float, ...], end: float) -> _Plan | None:
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
        plan = _Plan(offsets, end, len(offsets), count, table)
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


class KrylovStepper:
    """exp(tL)x by Arnoldi's method in the real space of rows, with steps as long as the error
    estimate allows.

    Parameters
    ----------
    elements, x, t, tolerance
        As for :class:`ChebyshevStepper`.
    dimension : int
        Of the Krylov space.
    """

    def __init__(
        self,
        elements: Elements,
        x: np.ndarray,
        t: float,
        *,
        tolerance: float = 1e-12,
        dimension: int = 30,
    ):
        self.elements = elements
        self.x, self.t = np.array(x, dtype=float), float(t)
        self.tolerance = tolerance
        self.m = min(dimension, 2 * elements.size)
        self.step = np.inf
        self.products = 0
        self.rejected = 0

    def advance(self, times: np.ndarray) -> np.ndarray:
        """Rows at `times`, shape (len(times), 2·size)."""
        out = np.empty((len(times), len(self.x)))
        done = 0
        while done < len(times):
            if times[done] <= self.t:
                out[done] = self.x
                done += 1
                continue
            done = self._one(times, done, out)
        return out

    def _one(self, times: np.ndarray, done: int, out: np.ndarray) -> int:
        """One Krylov space, and every output inside the step that it carries."""
        V, h, size, exact = self._arnoldi()
        m = h.shape[1]
        span = float(times[-1] - self.t)
        step = min(self.step, span)
        while True:
            u = _small_exponential(h, step, exact)
            error = 0.0 if exact else abs(h[m, m - 1] * u[m])
            # a fair share of the whole error
            allowed = self.tolerance * max(step / span, 1e-3)
            if error <= allowed or step < 1e-12 * span:
                break
            self.rejected += 1
            step *= max(0.1, min(0.7, 0.8 * (allowed / error) ** (1.0 / m)))
        end = self.t + step
        while done < len(times) and times[done] <= end * (1 + 1e-15):
            out[done] = size * (_small_exponential(h, times[done] - self.t, exact)[:m] @ V[:m])
            done += 1
        self.x = size * (u[:m] @ V[:m])
        self.t = end if done < len(times) else max(end, float(times[-1]))
        self.step = 1.3 * step if error < 0.1 * allowed else step
        return done

    def _arnoldi(self) -> tuple[np.ndarray, np.ndarray, float, bool]:
        weight, m = self.elements.weight, self.m
        V = np.empty((m + 1, len(self.x)))
        h = np.zeros((m + 1, m))
        size = float(np.sqrt(np.dot(weight * self.x, self.x)))
        V[0] = self.x / size if size else self.x
        for k in range(m):
            w = self.elements.kernel.apply(V[k])
            self.products += 1
            c = V[: k + 1] @ (weight * w)
            w -= c @ V[: k + 1]
            again = V[: k + 1] @ (weight * w)
            w -= again @ V[: k + 1]
            h[: k + 1, k] = c + again
            h[k + 1, k] = np.sqrt(np.dot(weight * w, w))
            if not np.isfinite(h[k + 1, k]):
                raise FloatingPointError("the generator is not finite")
            if h[k + 1, k] <= 1e-14 * np.abs(h).max(initial=1e-300):
                return V, h[: k + 2, : k + 1], size, True
            V[k + 1] = w / h[k + 1, k]
        return V, h, size, False


def _small_exponential(h: np.ndarray, t: float, exact: bool) -> np.ndarray:
    """exp(tH)e_1 and, behind it, the last entry of ∫: the error of the Krylov method is
    |h_{m+1,m}| times that.
    """
    m = h.shape[1]
    if exact:
        return np.append(scipy.linalg.expm(t * h[:m, :m])[:, 0], 0.0)
    # augmented: the last component is the integral of the m-th
    a = np.zeros((m + 1, m + 1))
    a[:m, :m] = t * h[:m, :m]
    a[m, m - 1] = t
    return np.asarray(scipy.linalg.expm(a)[:, 0])
