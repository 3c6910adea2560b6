"""Whether a phase that swings to and fro also creeps on: lines and a trend fitted together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .rates import Estimate
from .sources import PhaseSource

__all__ = ["Trend", "trend", "trends"]

#: oscillations that are fitted
_LINES = 12
#: of the range of a phase: what is left of it then is rounding, interpolation, tolerances
_FLOOR = 1e-6
#: standard errors that make a trend
_SIGMAS = 4.0
#: share of a phase that lines may leave, and turns of the slowest, if it only oscillates
_EXPLAINED, _TURNS = 0.05, 2.9
#: share of what was left that a further line may leave
_WORTH = 0.95
#: points that a series is thinned to, and nodes that are looked at
_POINTS, _LOOKED_AT = 1024, 32


@dataclass(frozen=True)
class Trend:
    """What a phase does beside its oscillations.

    Attributes
    ----------
    slope : Estimate
        With an error that only a drift exceeds.
    rest : float
        Standard deviation of what no line explains, of the whole.
    turns : float
        Turns of the slowest line in the times.
    """

    slope: Estimate
    rest: float
    turns: float

    @property
    def creeps(self) -> bool:
        """Whether the phase drifts on by more than its error, beside all oscillations; or might,
        for one of them is too slow to be told from a drift.
        """
        slow = self.turns < 1 and self.rest > _EXPLAINED
        return abs(self.slope) > self.slope.error or slow

    @property
    def swings(self) -> bool:
        """Whether it is nothing but oscillations, none of them slow.

        A random walk has most of its power in what turns once or twice.
        """
        return not self.creeps and self.rest < _EXPLAINED and self.turns >= _TURNS


def trend(times: np.ndarray, phase: np.ndarray) -> Trend:
    r"""Fit a+bt+Σ_k A_k cos(ω_kt+φ_k) to a phase.

    A straight line alone mistakes the ends of an oscillation for a trend, and hides a small one.
    Up to twelve lines are taken out one after the other, each at the highest peak of what is left,
    all frequencies refined together; the error is four standard errors of what remains.

    Parameters
    ----------
    times, phase : (T,) arrays
    """
    step = max(1, times.size // _POINTS)
    t, y = times[::step], phase[::step]
    x = (t - t[0]) / (t[-1] - t[0]) - 0.5
    y = y - y.mean()
    extent = max(float(np.ptp(y)), 1e-300)
    lines, bends = np.empty(0), np.diff(y, 2)
    rough = bool(bends[1:] @ bends[:-1] < 0)
    slope, rest = _slope(x, y, lines)
    slowest = 2 * np.pi
    while lines.size < _LINES and rest.std() > _FLOOR * extent and t.size > 8 * lines.size + 24:
        more = _refined(x, y, np.append(lines, _strongest(x, rest)))
        found = _slope(x, y, more)
        if rough and found[1].std() > _WORTH * rest.std():
            # noise has no lines
            break
        if np.abs(more).min() < 2 * np.pi:
            # beside a slope large numbers would cancel
            slowest = float(np.abs(more).min())
            break
        lines, (slope, rest) = more, found
    error = _SIGMAS * _standard_error(x, rest) + _FLOOR * extent
    length = float(t[-1] - t[0])
    turns = float(np.abs(lines).min(initial=np.inf)) / (2 * np.pi)
    if slowest < 2 * np.pi:
        turns, error = slowest / (2 * np.pi), max(error, float(np.ptp(rest)))
    return Trend(Estimate(slope / length, error / length), float(rest.std() / y.std()), turns)


def trends(
    source: PhaseSource, inside: slice, nodes: np.ndarray, group: np.ndarray
) -> dict[int, Trend]:
    """Drift and oscillations of the phases of `nodes` against `group`, boolean arrays (N,).

    Of the first 32 nodes; a member against the mean of the others.
    """
    chosen = np.flatnonzero(nodes)[:_LOOKED_AT]
    rows = np.empty((inside.stop - inside.start, chosen.size))
    for part, theta in source.chunks():
        begin = max(part.start, inside.start)
        if begin < part.stop:
            here = theta[begin - part.start :]
            away = here[:, chosen] - here[:, group].mean(axis=1)[:, None]
            rows[begin - inside.start : part.stop - inside.start] = away
    size = int(group.sum())
    rows *= np.where(group[chosen], size / max(size - 1, 1), 1.0)
    times = source.times[inside]
    return {int(k): trend(times, row) for k, row in zip(chosen, rows.T, strict=True)}


def _columns(x: np.ndarray, lines: np.ndarray) -> np.ndarray:
    angles = x[:, None] * lines
    return np.concatenate(
        [np.ones((x.size, 1)), x[:, None], np.cos(angles), np.sin(angles)], axis=1
    )


def _slope(x: np.ndarray, y: np.ndarray, lines: np.ndarray) -> tuple[float, np.ndarray]:
    """Slope beside these lines, and what is left."""
    columns = _columns(x, lines)
    found = np.linalg.lstsq(columns, y, rcond=1e-10)[0]
    return float(found[1]), y - columns @ found


def _strongest(x: np.ndarray, rest: np.ndarray) -> float:
    """Angular frequency of the highest peak (Hann window, on an even grid)."""
    count = 4 * x.size
    even = np.linspace(x[0], x[-1], x.size)
    values = np.interp(even, x, rest) * np.hanning(x.size)
    power = np.abs(np.fft.rfft(values, count))
    # one turn in the window and less is not told from a trend
    first = int(np.ceil(1.5 * count / x.size))
    return float(2 * np.pi * (first + np.argmax(power[first:])) * (x.size - 1) / count)


def _refined(x: np.ndarray, y: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """A few Gauss–Newton steps for the frequencies."""
    k = lines.size
    for _ in range(6):
        columns = _columns(x, lines)
        found = np.linalg.lstsq(columns, y, rcond=1e-10)[0]
        cosines, sines = found[2 : 2 + k], found[2 + k :]
        angles = x[:, None] * lines
        turned = x[:, None] * (sines * np.cos(angles) - cosines * np.sin(angles))
        step = np.linalg.lstsq(
            np.concatenate([columns, turned], axis=1), y - columns @ found, rcond=1e-10
        )[0][2 + 2 * k :]
        # no further than half a line's width
        lines = lines + np.clip(step, -np.pi, np.pi)
        if np.abs(step).max() < 1e-9 * lines.max():
            break
    return np.asarray(lines)


def _standard_error(x: np.ndarray, rest: np.ndarray) -> float:
    """Of a slope through what is left, which goes on for as long as it keeps its sign."""
    independent = max(3.0, float(np.count_nonzero(np.diff(np.sign(rest)))) / 2)
    return float(rest.std() / np.sqrt(independent * np.mean(x**2)))
