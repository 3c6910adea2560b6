"""Windows in which the coefficients of a generator are polynomials of time: one Chebyshev expansion
each, as for constant generators.

Commutator-free exponentials of fourth order would lose an order where damping is fast: loss 10³, 12
levels, a drive cos 2t of 30: 31360 products for an error of 5e-5; windows need 12720 for 2e-12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._ext.liouvillian import Generator
from .._ext.moving import MovingExpansion
from .elements import Elements
from .ellipse import Expansion, ellipse_around, ritz_values
from .entries import Readout
from .liouvillian import Liouvillian
from .looks import Looks
from .propagate import ChebyshevStepper, Plan, Window

__all__ = ["MovingParts", "MovingStepper"]

#: highest power of time, and real functions of time that a generator may have
_DEGREE, _FUNCTIONS = 12, 8
_NODES = 18
#: of a coefficient, relative: less is rounding of the function itself
_ROUNDING = 3e-15
#: a product of one element and one term takes about 0.33 ns; a window and an evaluation of
#: the right-hand side take more outside the kernels, in units of that
_WINDOW, _EVALUATION = 1.2e6, 3e4
#: evaluations of the Dormand–Prince method in the time that the fastest rate defines, and what
#: each of them takes beside the product
_EVALUATIONS, _STAGE = 2.3, 22
#: windows between looks for a better length
_LOOK_EVERY = 8
#: rejections in a row after which the windows rest
_PATIENCE = 4


def _node_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Nodes and check points in [0, 1]; values at the nodes to Chebyshev coefficients; these to
    values at the check points.
    """
    angles = np.pi * (np.arange(_NODES) + 0.5) / _NODES
    orders = np.arange(_NODES)
    transform = 2.0 / _NODES * np.cos(np.outer(orders, angles))
    transform[0] *= 0.5
    between = np.cos(np.pi * np.arange(_NODES + 1) / _NODES)
    # a jump at an end belongs to the other side
    between[0], between[-1] = 1 - 2e-9, -1 + 2e-9
    return (
        0.5 * (1 + np.cos(angles)),
        0.5 * (1 + between),
        transform,
        np.cos(np.outer(np.arccos(between), orders)),
    )


_AT, _BETWEEN, _TRANSFORM, _BACK = _node_tables()


def _monomials() -> np.ndarray:
    """Chebyshev polynomials of 2s−1 as rows of coefficients of powers of s."""
    table = np.zeros((_DEGREE + 1, _DEGREE + 1))
    table[0, 0] = 1
    table[1, :2] = -1, 2
    for k in range(2, _DEGREE + 1):
        table[k, 1:] = 4 * table[k - 1, :-1]
        table[k] -= 2 * table[k - 1] + table[k - 2]
    return table


_MONOMIALS = _monomials()


class MovingParts:
    """A generator as L_0 + Σ_l f_l(t) L_l with real functions f_l.

    Attributes
    ----------
    constant : Elements
        L_0.
    moving : list of Elements
        L_l.
    sizes : ndarray
        Largest modulus of an eigenvalue of each L_l, about.
    """

    def __init__(self, elements: Elements, constant: Any, moving: list[Any], which: list[int]):
        def rows(part: Liouvillian) -> Elements:
            if elements.kind == "ket":
                return part.ket()
            return part.hermitian(elements.diagonals)

        self.elements, self._owner = elements, elements.owner
        self.constant, self.moving = rows(constant), [rows(part) for part in moving]
        self._which = np.array(which)
        self.sizes = np.array([1.1 * np.abs(ritz_values(e)).max() for e in self.moving])
        self.terms: int = sum(
            e.owner.terms_per_element(ket=elements.kind == "ket") + 2
            for e in (self.constant, *self.moving)
        )

    @classmethod
    def of(cls, elements: Elements, looks: Looks) -> MovingParts | None:
        """The parts, where there are few and there is something to gain by them."""
        owner = elements.owner
        if owner.dense is not None or len(looks.grid) < 2:
            return None
        by_factor = owner.by_factor()
        if by_factor is None or not isinstance(elements.kernel, Generator):
            return None
        imaginary = np.any(owner.all_factors(looks.values).imag != 0, axis=0)
        moving: list[Any] = []
        which: list[int] = []
        for factor, (real, turned) in by_factor.items():
            if factor:
                moving += [real, *([turned] if imaginary[factor] else [])]
                which += [2 * factor, *([2 * factor + 1] if imaginary[factor] else [])]
        if not 0 < len(moving) <= _FUNCTIONS or 0 not in by_factor:
            return None
        return cls(elements, by_factor[0][0], moving, which)

    def values(self, coefficients: np.ndarray) -> np.ndarray:
        """The functions f_l from values of the coefficients, shape (…, l); NaN where a part is
        imaginary that is taken to be real.
        """
        both = self._owner.all_factors(coefficients).view(float)
        chosen = np.ascontiguousarray(both[:, self._which])
        # a factor of jump operators alone has no part in it: their square has
        left = np.setdiff1d(2 * (self._which // 2) + 1, self._which)
        chosen[np.any(both[:, left] != 0, axis=1)] = np.nan
        return chosen

    def at(self, times: np.ndarray) -> np.ndarray:
        """The functions f_l, shape (T, l)."""
        coefficients = self._owner.coefficients
        return self.values(np.array([[complex(c(t)) for c in coefficients] for t in times]))


@dataclass(frozen=True)
class _Fit:
    """Polynomials of (t−begin)/length, shape (l, degree+1), and their largest effect."""

    polynomials: np.ndarray
    error: float


class MovingStepper(ChebyshevStepper):
    """Windows whose length suits the coefficients.

    Parameters
    ----------
    parts : MovingParts
    looks : Looks
    x, t, tolerance, readout, states, max_step
        As for :class:`ChebyshevStepper`.
    """

    def __init__(
        self,
        parts: MovingParts,
        looks: Looks,
        x: np.ndarray,
        t: float,
        *,
        tolerance: float,
        readout: Readout,
        states: bool,
        max_step: float,
    ):
        self.parts, self.looks = parts, looks
        self._known = parts.values(looks.values)
        self._reach = 0.0
        super().__init__(
            parts.elements,
            x,
            t,
            tolerance=tolerance,
            readout=readout,
            states=states,
            max_step=max_step,
        )
        kernels = [e.kernel for e in parts.moving]
        self._expansion = MovingExpansion(parts.constant.kernel, kernels, _DEGREE)
        self._span = self.longest
        self._ready: tuple[Plan, _Fit] | None = None
        self._rest_until, self._rest = -np.inf, 0.0

    # ------------------------------------------------------------ windows

    def window(self, ahead: np.ndarray, limit: float) -> Window | None:
        """One window towards the outputs `ahead`, not beyond `limit`; None where other methods
        serve better.
        """
        if self.t < self._rest_until:
            return None
        self._ready = self._prepare(ahead, min(limit, self.t + self.looks.longest(self.t)))
        if self._ready is None:
            # every failure in a row makes the rest longer
            self._rest = max(2 * self._rest, float(ahead[0] - self.t))
            self._rest_until = self.t + self._rest
            return None
        self._rest = 0.0
        window = self._step(ahead)
        if abs(limit - self.t) <= 4 * np.spacing(max(abs(limit), abs(self.t))):
            self.t = limit
        return window

    def _choose(self, ahead: np.ndarray) -> Plan | None:
        return None if self._ready is None else self._ready[0]

    def _expand(
        self,
        plan: Plan,
        table: np.ndarray,
        out: np.ndarray,
        readout: Readout,
        moments: np.ndarray,
        norms: np.ndarray,
    ) -> None:
        assert self._ready is not None
        fit, e = self._ready[1], self.ellipse
        recurrence = (*e.recurrence, 1 / e.radius, e.focus * plan.end)
        functionals = (readout.start, readout.place, readout.value)
        self._expansion.expand(
            self.x, recurrence, fit.polynomials, table, out, functionals, moments, norms
        )
        self.counters.error += fit.error

    def _reject(self, why: str) -> bool:
        """A larger ellipse and a shorter window; after some of them, a rest."""
        self.counters.rejected += 1
        self._rejected_in_row += 1
        self._enlarge()
        if self._rejected_in_row > 1:
            self._span *= 0.5
        if self._rejected_in_row > _PATIENCE:
            self._rest_until = self.t + 10 * self._span
            self._rejected_in_row = 0
        return False

    def going(self) -> dict[str, Any]:
        """What going on needs beside time and state."""
        e = self.ellipse
        return {
            "ellipse": [e.centre, e.height, e.width],
            "lengths": [self.longest, self._span, self._reach, self._rest_until, self._rest],
        }

    def go_on(self, saved: dict[str, Any], t: float, x: np.ndarray) -> None:
        """From what :meth:`going` gave."""
        self.t, self.x = t, x.copy()
        self.ellipse = Expansion(*map(float, saved["ellipse"]))
        numbers = map(float, saved["lengths"])
        self.longest, self._span, self._reach, self._rest_until, self._rest = numbers
        self._plans.clear()

    # ------------------------------------------------------------ their length

    def _prepare(self, ahead: np.ndarray, limit: float) -> tuple[Plan, _Fit] | None:
        room = min(limit - self.t, self.longest)
        offsets = ahead[ahead <= limit] - self.t
        span = min(self._span, room)
        if self.counters.windows % _LOOK_EVERY == 0:
            tried = [(self._cost(offsets, min(k * span, room)), k) for k in (0.25, 0.5, 1.0, 2.0)]
            best = min(tried)
            if np.isfinite(best[0]):
                span = min(best[1] * span, room)
        for _ in range(12):
            inside, end = self._snap(offsets, span)
            fit = self._fit(end)
            if fit is not None:
                self._look_around(end)
            plan = None if fit is None else self._plan(inside, end)
            if fit is not None and plan is not None:
                self._span = span
                return (plan, fit) if self._worthwhile(plan, fit) else None
            span = 0.5 * min(span, end)
            if not self._may_be_worthwhile(span):
                return None
        return None

    def _snap(self, offsets: np.ndarray, span: float) -> tuple[tuple[float, ...], float]:
        """The outputs that a window of about this length serves, and its end."""
        count = int(np.searchsorted(offsets, span * (1 + 1e-9), side="right"))
        if count:
            return tuple(offsets[:count]), float(offsets[count - 1])
        if len(offsets):
            return (), float(offsets[0]) / np.ceil(float(offsets[0]) / span - 1e-9)
        return (), span

    def _fit(self, length: float) -> _Fit | None:
        """Polynomials that are right to the tolerance, at nodes, between them, and wherever
        somebody has looked.
        """
        values = self.parts.at(self.t + length * np.concatenate([_AT, _BETWEEN]))
        if not np.all(np.isfinite(values)):
            return None
        largest = np.maximum(np.abs(values).max(axis=0), 1e-300)
        sizes = np.maximum(self.parts.sizes, 1e-300)
        allowed = np.maximum(0.1 * self.tolerance / (length * sizes), _ROUNDING * largest)
        series = _TRANSFORM @ values[:_NODES]
        rest = np.cumsum(np.abs(series)[::-1], axis=0)[::-1]
        enough = np.all(rest[1:] <= 0.5 * allowed, axis=1)
        degree = int(np.argmax(enough)) if np.any(enough) else _NODES
        if degree > _DEGREE:
            return None
        series = series[: degree + 1]
        wrong = np.abs(_BACK[:, : degree + 1] @ series - values[_NODES:])
        here = self.looks.within(self.t, self.t + length)
        seen = np.abs(self._seen(here, length, series) - self._known[here])
        # comparisons that fail for NaN
        if not (np.all(wrong <= allowed) and np.all(seen <= 2 * allowed)):
            return None
        polynomials = np.ascontiguousarray((_MONOMIALS[: degree + 1, : degree + 1].T @ series).T)
        return _Fit(polynomials, float((wrong.max(axis=0) * sizes).sum() * length))

    def _seen(self, here: slice, length: float, series: np.ndarray) -> np.ndarray:
        """The polynomials at those times that the coefficients have been looked at."""
        s = 2 * (self.looks.grid[here] - self.t) / length - 1
        return np.asarray(np.polynomial.chebyshev.chebvander(s, len(series) - 1) @ series)

    # ------------------------------------------------------------ costs

    def _cost(self, offsets: np.ndarray, span: float) -> float:
        """Of a unit of time, in products of one element and one term."""
        inside, end = self._snap(offsets, span)
        fit = self._fit(end)
        terms = 0 if fit is None else self.ellipse.terms(end, self._tail())
        if fit is None or not terms:
            return np.inf
        return self._price(terms, fit.polynomials.shape[1] - 1, len(inside), end)

    def _price(self, terms: int, degree: int, width: int, end: float) -> float:
        each = self.parts.terms + 3 * degree + 0.35 * width
        return (terms * each + _WINDOW / self.elements.size) / end

    def _worthwhile(self, plan: Plan, fit: _Fit) -> bool:
        degree = fit.polynomials.shape[1] - 1
        price = self._price(plan.terms, degree, plan.delivered, plan.end)
        return price < self._price_of_steps()

    def _may_be_worthwhile(self, span: float) -> bool:
        """A window has at least some twenty terms."""
        return self._price(20, 2, 0, span) < self._price_of_steps()

    def _price_of_steps(self) -> float:
        """Of the Dormand–Prince method where stability limits its steps."""
        own: int = self.elements.owner.terms_per_element(ket=self.elements.kind == "ket")
        return _EVALUATIONS * self.fastest * (own + _STAGE + _EVALUATION / self.elements.size)

    @property
    def fastest(self) -> float:
        """Largest modulus in the ellipse."""
        e = self.ellipse
        return float(np.hypot(abs(e.centre) + e.width, e.height))

    # ------------------------------------------------------------ the ellipse

    def _around(self) -> Expansion:
        """An ellipse for the coefficients until the window may end."""
        return self._ellipse_until(self.t + self.looks.longest(self.t))

    def _ellipse_until(self, end: float) -> Expansion:
        """For the coefficients at the present time and where they are largest until `end`."""
        weights = np.nan_to_num(np.abs(self._known)) @ self.parts.sizes
        here = max(int(np.searchsorted(self.looks.grid, self.t, side="right")) - 1, 0)
        near = self.looks.within(self.t, end)
        largest = near.start + int(np.argmax(weights[near])) if near.stop > near.start else here
        self._reach = float(weights[largest])
        found = []
        for k in sorted({here, largest}):
            factors = self.elements.owner.all_factors(self.looks.values[k : k + 1])[0]
            self.elements.set_factors(factors)
            found.append(ritz_values(self.elements))
        return ellipse_around(np.concatenate(found))

    def _look_around(self, length: float) -> None:
        """A new ellipse, for the windows that follow, where the coefficients have become much
        larger.
        """
        here = self.looks.within(self.t, self.t + length)
        if here.stop <= here.start:
            return
        reach = float((np.nan_to_num(np.abs(self._known[here])) @ self.parts.sizes).max())
        if abs(reach - self._reach) > 0.2 * self.fastest:
            self.ellipse = self._ellipse_until(self.t + length)
            self.longest = min(self.ellipse.longest, self.max_step)
            self._plans.clear()
