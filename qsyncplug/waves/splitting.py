r"""Splitting methods: compositions of exact sub-flows, with a fixed or an adaptive step.

A scheme is a list of coefficients α; one step of length h applies alternately the first-order map
χ(αh) = (part 0, part 1, …, last part) and its adjoint (last part, …, part 0). With two parts A|B it
is A a₁ B b₁ A a₂ …, with α₁=a₁, α_{2i}=b_i−α_{2i−1}, α_{2i+1}=a_{i+1}−α_{2i}; it keeps its order
for any number of parts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._ext.lohe import phases

__all__ = [
    "SCHEMES",
    "OscillatorLostError",
    "Scheme",
    "Splitting",
    "StepUnderflowError",
    "SubStepError",
    "phase",
    "schedule",
]


@dataclass(frozen=True)
class Scheme:
    """Coefficients α and order of a symmetric composition."""

    name: str
    order: int
    alphas: tuple[float, ...]


def _alternating(a: list[float], b: list[float]) -> tuple[float, ...]:
    """The α of the symmetric scheme A a₁ B b₁ … given the first half of its coefficients."""
    alphas = [a[0]]
    for i in range(len(b)):
        alphas.append(b[i] - alphas[-1])
        alphas.append(a[i + 1] - alphas[-1])
    return tuple(alphas[:-1])


def _mirrored(half: list[float]) -> list[float]:
    return half + half[-2::-1]


def _blanes_moan(name: str, order: int, a: list[float], b: list[float]) -> Scheme:
    a = [*a, 1 - 2 * sum(a)]
    b = [*b, 0.5 - sum(b)]
    return Scheme(name, order, _alternating(_mirrored(a), b + b[::-1]))


def _composed(name: str, order: int, half: list[float]) -> Scheme:
    gammas = _mirrored([*half, 1 - 2 * sum(half)])
    return Scheme(name, order, tuple(g / 2 for g in gammas for _ in range(2)))


_YOSHIDA = 1 / (2 - 2 ** (1 / 3))
_SUZUKI = 1 / (4 - 4 ** (1 / 3))

#: Strang; Blanes & Moan, J. Comput. Appl. Math. 142 (2002) 313; Kahan & Li, Math. Comp. 66 (1997)
#: 1089; Yoshida; Suzuki.
SCHEMES: dict[str, Scheme] = {
    s.name: s
    for s in (
        Scheme("strang", 2, (0.5, 0.5)),
        _composed("yoshida4", 4, [_YOSHIDA]),
        _composed("suzuki4", 4, [_SUZUKI, _SUZUKI]),
        _blanes_moan(
            "s6",
            4,
            [0.0792036964311957, 0.353172906049774, -0.0420650803577195],
            [0.209515106613362, -0.143851773179818],
        ),
        _blanes_moan(
            "s10",
            6,
            [
                0.0502627644003922,
                0.413514300428344,
                0.0450798897943977,
                -0.188054853819569,
                0.541960678450780,
            ],
            [0.148816447901042, -0.132385865767784, 0.067307604692185, 0.432666402578175],
        ),
        _composed(
            "kl6",
            6,
            [
                0.39216144400731413927925056,
                0.33259913678935943859974864,
                -0.70624617255763935980996482,
                0.08221359629355080023149045,
            ],
        ),
        _composed(
            "kl8",
            8,
            [
                0.13020248308889008087881763,
                0.56116298177510838456196441,
                -0.38947496264484728640807860,
                0.15884190655515560089621075,
                -0.39590389413323757733623154,
                0.18453964097831570709183254,
                0.25837438768632204729397911,
                0.29501172360931029887096624,
            ],
        ),
    )
}


def schedule(scheme: Scheme, parts: int) -> list[tuple[int, float]]:
    """(part, coefficient) in the order of application; neighbours of the same part are merged."""
    steps: list[tuple[int, float]] = []
    for i, alpha in enumerate(scheme.alphas):
        for part in range(parts) if i % 2 == 0 else range(parts - 1, -1, -1):
            if steps and steps[-1][0] == part:
                steps[-1] = (part, steps[-1][1] + alpha)
            else:
                steps.append((part, alpha))
    return steps


def phase(values: np.ndarray, factor: float) -> np.ndarray:
    """exp(−i·factor·values) of real numbers."""
    values = np.ascontiguousarray(values, dtype=float)
    return np.asarray(phases(values.ravel(), factor)).reshape(values.shape)


class OscillatorLostError(ArithmeticError):
    """In a sub-step the norm of an oscillator went through zero, or grew without bound."""

    def __init__(self, oscillator: int, blown_up: bool = False):
        super().__init__(
            f"oscillator {oscillator} {'grew without bound' if blown_up else 'vanished'}"
        )
        self.oscillator = oscillator
        self.blown_up = blown_up
        self.time = np.nan


class StepUnderflowError(ArithmeticError):
    """Steps became too short to change the time, or too many for what is asked of them."""


class SubStepError(ArithmeticError):
    """A sub-step could not be followed to its end, for a reason that is no property of the
    model.
    """


class Cache:
    """Arrays by (part, length of the sub-step), the least used dropped beyond a number of bytes.

    Lengths that differ by rounding (spacings of linspace) are one: the phase error is 1e-13 of the
    phase. The first of them stands for all, and is remembered: a run that goes on from a checkpoint
    takes the same.
    """

    _MOST = 4096

    def __init__(self, limit: int = 2**28):
        self._items: OrderedDict[Any, np.ndarray] = OrderedDict()
        self._lengths: dict[str, float] = {}
        self._limit = limit
        self._bytes = 0

    def length(self, dt: float) -> float:
        """The length that stands for `dt`."""
        key = f"{dt:.12e}"
        known = self._lengths.get(key)
        if known is not None:
            return known
        if len(self._lengths) >= self._MOST:
            # with the arrays made from them, which another run would make from others
            self._lengths.clear()
            self._items.clear()
            self._bytes = 0
        self._lengths[key] = dt
        return dt

    def save(self) -> np.ndarray:
        """The lengths met so far, in their order."""
        return np.array(list(self._lengths.values()), dtype=float)

    def restore(self, lengths: np.ndarray) -> None:
        """Take the lengths that :meth:`save` gave for those met so far."""
        self._lengths = {f"{dt:.12e}": float(dt) for dt in lengths}
        self._items.clear()
        self._bytes = 0

    def get(self, part: Any, dt: float, make: Callable[[float], np.ndarray]) -> np.ndarray:
        """What ``make`` makes of the length that stands for `dt`."""
        dt = self.length(dt)
        key = (part, dt)
        found = self._items.get(key)
        if found is not None:
            self._items.move_to_end(key)
            return found
        value = make(dt)
        self._items[key] = value
        self._bytes += value.nbytes
        while self._bytes > self._limit and len(self._items) > 1:
            self._bytes -= self._items.popitem(last=False)[1].nbytes
        return value


class Splitting:
    """Steps a system of flows; the error is controlled by comparing two steps of h with one of 2h.

    Parameters
    ----------
    system : object
        ``parts``: list of in-place flows ``flow(dt)``; ``save()`` and ``restore(saved)`` of its
        state; ``distance(saved, rtol, atol)``: difference of its state and a saved one in units of
        the tolerance.
    scheme : Scheme
    """

    def __init__(self, system: Any, scheme: Scheme):
        self.system = system
        self.scheme = scheme
        self._schedule = schedule(scheme, len(system.parts))
        self.accepted = 0
        self.rejected = 0

    def step(self, h: float) -> None:
        """One step of length `h`: the sub-flows one after the other, in place."""
        parts = self.system.parts
        for part, coefficient in self._schedule:
            parts[part](coefficient * h)

    def fixed(self, t0: float, t1: float, h: float, check: Callable[[float], None]) -> None:
        """Go from `t0` to `t1` in equal steps of at most `h`; `check(t)` after each may raise."""
        count = max(1, int(np.ceil((t1 - t0) / h * (1 - 1e-12))))
        dt = (t1 - t0) / count
        for i in range(count):
            before = self.system.save()
            try:
                self.step(dt)
            except OscillatorLostError as error:
                self.system.restore(before)
                error.time = self._locate(t0 + i * dt, dt, error)
                raise
            self.accepted += 1
            check(t0 + (i + 1) * dt)

    def _locate(self, t: float, dt: float, error: OscillatorLostError) -> float:
        """Time in [t, t+dt] at which an oscillator is lost, by bisection."""
        resolved = 1e-13 * max(abs(t), abs(t + dt))
        while dt > resolved:
            before = self.system.save()
            dt /= 2
            try:
                self.step(dt)
                # not lost in this half, so in the other
                t += dt
            except OscillatorLostError:
                self.system.restore(before)
        if not error.blown_up and not self.system.is_vanishing(error.oscillator):
            raise SubStepError(
                f"oscillator {error.oscillator} turns by more than a right angle in a step; take a "
                f"smaller step"
            )
        return t + self._remaining(error)

    def _remaining(self, error: OscillatorLostError) -> float:
        return 0.0 if error.blown_up else self.system.time_to_vanish(error.oscillator)

    def _twice(self, dt: float, before: Any) -> Any:
        """Take two steps of `dt`; the state that one of twice the length gives."""
        self.step(2 * dt)
        coarse = self.system.save()
        self.system.restore(before)
        self.step(dt)
        self.step(dt)
        return coarse

    def adaptive(
        self,
        t0: float,
        t1: float,
        h: float,
        rtol: float,
        atol: float,
        max_step: float,
        check: Callable[[float], None],
    ) -> float:
        """Go from `t0` to `t1` with local errors within the tolerance; `h` is tried first. Returns
        the next step to try.
        """
        weight = 2.0**self.scheme.order - 1
        t = t0
        while True:
            # two steps at a time, of equal length up to the next output
            left = t1 - t
            if left <= 1e-14 * max(abs(t1), abs(t0)):
                return h
            h = min(h, max_step)
            pairs = max(1, int(np.ceil(left / (2 * h) * (1 - 1e-10))))
            dt = left / (2 * pairs)
            if dt < 1e-13 * max(abs(t), abs(t1)):
                raise StepUnderflowError("a step does not change the time")
            before = self.system.save()
            try:
                coarse = self._twice(dt, before)
            except (OscillatorLostError, SubStepError) as failed:
                self.system.restore(before)
                self.rejected += 2
                # no shorter than what the next try may be
                resolved = 1e-12 * max(abs(t), abs(t1))
                if isinstance(failed, OscillatorLostError) and dt < resolved:
                    failed.time = t + self._remaining(failed)
                    raise
                h = dt / 4
                check(np.nan)
                continue
            error = self.system.distance(coarse, rtol, atol) / weight
            if not np.isfinite(error):
                error = 1e10
            factor = 0.85 * max(error, 1e-10) ** (-1.0 / (self.scheme.order + 1))
            if error > 1:
                self.rejected += 2
                self.system.restore(before)
                h = dt * max(0.1, factor)
                check(np.nan)
                continue
            self.accepted += 2
            t = t1 if pairs == 1 else t + 2 * dt
            # a step that is kept needs no new phase factors
            if factor > 1.3:
                h = max(h, dt * min(6.0, factor))
            elif factor < 1:
                h = dt * max(0.5, factor)
            check(t)
