"""Delays: the past as pieces of polynomials, and the compiled method that goes on from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .._ext.delays import Delayed, Recalled, chebyshev_matrix, chebyshev_points
from ..core.checks import check_memory
from ..core.limits import look
from ..core.rungekutta import Counted
from ..core.status import Status
from ..core.stepper import forwarded
from .model import Circle
from .pairs import gains_of, rows_of_pairs

__all__ = ["DelayStepper", "break_times", "recalled"]

#: how often a kink of the start is followed, and how many of its images at most
_LEVELS, _MOST = 9, 512
#: shortest piece of a given past, in units of the delay, and how many pieces at most
_SHORTEST, _PIECES = 1e-6, 2**15
#: steps between two looks at the clock
_STEPS = 64

Past = Callable[[float], np.ndarray]


def break_times(delays: np.ndarray, t0: float) -> np.ndarray:
    """Times at which the kink of the start comes back: t0 and sums of delays, increasing.

    Each image is smoother by one derivative than the one before; after nine the method does not
    see it. Many different delays have too many sums; the control of the error is left with them.
    """
    level, found = np.zeros(1), np.zeros(1)
    for _ in range(_LEVELS):
        level = np.unique(np.round(level[:, None] + delays, 13).ravel())
        if found.size + level.size > _MOST:
            break
        found = np.unique(np.concatenate([found, level]))
    apart = np.append(True, np.diff(found) > 1e-12 * found[-1])
    return np.asarray(t0 + found[apart])


def _series(values: np.ndarray) -> np.ndarray:
    """Chebyshev series of complex values at the points of a piece, (terms, 2)."""
    series = chebyshev_matrix() @ values
    return np.stack([series.real, series.imag], axis=1)


def _nested() -> tuple[np.ndarray, np.ndarray]:
    """Points of [0, 1], and the matrix from values there to a position and its dense output."""
    x = 0.5 - 0.5 * np.cos((2 * np.arange(8) + 1) * np.pi / 16)
    basis, column = [], np.ones(8)
    for k in range(8):
        basis.append(column)
        column = column * (x if k % 2 == 0 else 1 - x)
    return x, np.linalg.inv(np.stack(basis, axis=1))


def _value(piece: np.ndarray, x: float) -> np.ndarray:
    """A piece at the part x of its length."""
    total, factor = np.zeros(piece.shape[1]), 1.0
    for k, row in enumerate(piece):
        total = total + factor * row
        factor *= x if k % 2 == 0 else 1 - x
    return total


class DelayStepper(Counted):
    """Dormand and Prince's method with a memory.

    Parameters
    ----------
    model : Circle
        With a delay.
    y0 : array
        Positions, and velocities behind them.
    t0 : float
    options : dict
    frame : float
        Angular velocity of the frame.
    """

    def __init__(
        self, model: Circle, y0: np.ndarray, t0: float, options: dict[str, Any], frame: float
    ):
        self.model, self.t0, self.frame = model, t0, frame
        self.row_size = y0.size
        self.n = n = y0.size if model.inertia is None else y0.size // 2
        omega = np.zeros(n) + (0.0 if model.frequencies is None else model.frequencies) - frame
        mass = None if model.inertia is None else np.zeros(n) + model.inertia
        self.delays = delays = self._delays()
        step = min(float(options["max_step"]), float(np.min(delays, initial=np.inf)))
        tolerance = (options["rtol"], float(np.min(options["atol"])))
        self.method = Delayed(
            omega, gains_of(model, n), model.phase_lag, mass, model.modulation, *tolerance, step
        )
        self.most = int(options["nsteps"])
        self._connect()
        if delays.size:
            past = self._past(y0[:n], options["history"])
            self._remember(past, float(np.max(delays)))
        self.method.start(t0, y0, break_times(delays, t0) if delays.size else [])

    def _delays(self) -> np.ndarray:
        """Delays that occur, without 0."""
        tau = self.model.delay
        if isinstance(tau, float):
            return np.array([tau])
        starts, columns, _ = rows_of_pairs(self.model, self.n)
        used = np.asarray(tau)[np.repeat(np.arange(self.n), np.diff(starts)), columns]
        return np.unique(used[used > 0])

    @property
    def _everybody(self) -> bool:
        m = self.model
        return m.adjacency is None and m.lags is None and isinstance(m.delay, float)

    def _connect(self) -> None:
        model, n = self.model, self.n
        if self._everybody:
            weights = np.ones(n) if model.weights is None else model.weights
            self.method.everybody(weights, model.delay, self.frame * model.delay)
            return
        starts, columns, data = rows_of_pairs(model, n)
        rows = np.repeat(np.arange(n), np.diff(starts))
        tau = np.full(columns.size, model.delay) if isinstance(model.delay, float) else None
        tau = model.delay[rows, columns] if tau is None else tau
        # a slot is a source at a delay; slots are ordered by delays
        taus, group = np.unique(tau, return_inverse=True)
        slots, slot = np.unique(group.astype(np.int64) * n + columns, return_inverse=True)
        starts_of_groups = np.searchsorted(slots, np.arange(taus.size + 1) * n)
        self.method.edges(
            taus, self.frame * taus, starts_of_groups, slots % n, starts, slot.ravel(), data
        )

    def _past(self, x0: np.ndarray, history: Any) -> Past:
        """Positions before the start, in the frame."""
        if history is None:
            return lambda t: np.asarray(x0 - self.frame * (t - self.t0))
        given = self.model.positions(history(self.t0), "history(t)")
        if given.size != self.n:
            raise ValueError(f"history(t) must hold {self.n} positions, not {given.size}")
        return lambda t: np.asarray(
            self.model.positions(history(float(t)), "history(t)") - self.frame * (t - self.t0)
        )

    def _remember(self, past: Past, longest: float) -> None:
        """Give the method the pieces of the past, halved until they are exact."""
        c = np.ones(self.n) if self.model.weights is None else self.model.weights
        points = chebyshev_points()
        x, matrix = _nested()
        # what the frame takes away leaves its rounding
        noise = 1e-15 * (abs(self.frame) * longest + float(np.max(np.abs(past(self.t0)))))

        def of_mean(a: float, b: float) -> tuple[np.ndarray, bool]:
            values = np.array([np.sum(c * np.exp(1j * past(a + p * (b - a)))) for p in points])
            series = _series(values)
            return series, float(np.max(np.abs(series[-3:]))) < (1e-14 + noise) * float(np.sum(c))

        def of_each(a: float, b: float) -> tuple[np.ndarray, bool]:
            piece = matrix @ np.array([past(a + p * (b - a)) for p in x])
            errors = [np.abs(_value(piece, q) - past(a + q * (b - a))) for q in (0.0, 0.31, 1.0)]
            size = 1e-13 * (1 + np.max(np.abs(piece))) + 4 * noise
            return piece, float(np.max(errors)) < size

        make = of_mean if self._everybody else of_each
        # the latest first on the stack, so that pieces come out in order
        todo, count = [(self.t0 - longest, self.t0)], 0
        while todo:
            a, b = todo.pop()
            look()
            piece, exact = make(a, b)
            if not exact and b - a > _SHORTEST * longest:
                middle = 0.5 * (a + b)
                todo += [(middle, b), (a, middle)]
                continue
            count += 1
            if count > _PIECES:
                raise ValueError("history changes too fast to be followed")
            check_memory("the given past", 8.0 * piece.size * count)
            self.method.remember(a, b - a, piece)

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        self.delivered = 0
        for k, time in enumerate(times):
            status = self._reach(float(time))
            if status != Status.RUNNING:
                return status
            self.method.at(float(time), rows[k])
            self.delivered = k + 1
        return Status.RUNNING

    def avoid(self, times: np.ndarray) -> None:
        self.method.avoid(times)

    def _reach(self, time: float) -> Status:
        before = int(self.method.accepted)
        while self.method.t < time:
            look()
            if self.method.accepted - before >= self.most:
                return Status.STEP_LIMIT
            most = max(1, min(_STEPS, 2_000_000 // self.row_size))
            status = Status(self.method.go(time, most))
            if status not in (Status.RUNNING, Status.STEP_LIMIT):
                self.cause = self.method.raised
                return status
            self._check_memory()
        return Status.RUNNING

    def _check_memory(self) -> None:
        if self.accepted & (self.accepted - 1) == 0 and not self._everybody:
            steps = math.ceil(self.method.tau_max / max(self.method.h, 1e-300))
            check_memory("the past of all particles", 64.0 * self.n * min(steps, 10**9))

    t = forwarded(lambda self: float(self.method.t), "Time that the run has reached.")

    @property
    def state(self) -> np.ndarray:
        return np.asarray(self.method.state)


def recalled(
    model: Circle, x0: np.ndarray, t0: float, options: dict[str, Any], frame: float
) -> tuple[Recalled, float]:
    """Velocities that remember what they are asked for, and the shortest delay.

    For noise: steps must not be longer than that.
    """
    plain = replace(model, noise=None, inertia=None)
    stepper = DelayStepper(plain, x0, t0, options, frame)
    shortest = float(np.min(stepper.delays, initial=np.inf))
    return Recalled(stepper.method, t0, x0), shortest
