"""Two passes over the phases: mean frequencies first, then the motion against a group's phase."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from .sources import PhaseSource

__all__ = [
    "BLOCKS",
    "Survey",
    "Track",
    "at_even_times",
    "birkhoff",
    "cuts",
    "even",
    "lengths",
    "middle",
    "pieces",
    "survey",
    "time_weights",
    "track",
    "widest_gap",
]

#: block means by which a drift is told from hovering
BLOCKS = 8
#: relative difference of steps that is rounding
_EVEN = 1e-6


def birkhoff(times: np.ndarray) -> np.ndarray:
    r"""Coefficients c with Σ_k c_kθ(t_k) = the weighted mean of θ̇, weight exp(−1/s(1−s)).

    S∈(0,1) over the times.

    The weight and all its derivatives vanish at both ends: for quasi-periodic motion the error
    falls faster than any power of the length (S. Das, Y. Saiki, E. Sander, J. A. Yorke,
    Nonlinearity 30, 4111 (2017)).
    """
    s = ((times[1:] + times[:-1]) / 2 - times[0]) / (times[-1] - times[0])
    steps = np.diff(times)
    weight = np.exp(-1 / (s * (1 - s))) * steps
    slope = weight / weight.sum() / steps
    out = np.zeros(times.size)
    out[1:] += slope
    out[:-1] -= slope
    return out


@dataclass(frozen=True)
class Survey:
    """First pass.

    Attributes
    ----------
    inside : slice
        Samples of the trailing window.
    frequencies : (N,) array
        Mean frequencies over the window.
    halves : (2, N) array
        The same over its two halves.
    centre : (N,) array
        Mean phases over the window.
    first, last : (N,) array
        Phases at the beginning and at the end of the run.
    mean_field : (Tw,) complex array
        Mean of e^{iθ_j} in the window.
    weights : (Tw,) array
        Of the samples in means over time.
    turn : float
        Of the source.
    """

    inside: slice
    frequencies: np.ndarray
    halves: np.ndarray
    centre: np.ndarray
    first: np.ndarray
    last: np.ndarray
    mean_field: np.ndarray
    weights: np.ndarray
    turn: float


def survey(source: PhaseSource, inside: slice) -> Survey:
    """Mean frequencies, mean phases and mean field over the window `inside`."""
    times = source.times[inside]
    half = middle(times)
    coefficients = np.zeros((4, times.size))
    coefficients[0] = birkhoff(times)
    coefficients[1, : half + 1] = birkhoff(times[: half + 1])
    coefficients[2, half:] = birkhoff(times[half:])
    coefficients[3] = weights = time_weights(times)
    sums = np.zeros((4, source.n))
    field = np.empty(times.size, dtype=complex)
    first = last = np.zeros(source.n)
    for part, theta in source.chunks():
        if part.start == 0:
            first = theta[0].copy()
        last = theta[-1].copy()
        begin = max(part.start, inside.start)
        if begin >= part.stop:
            continue
        rows = theta[begin - part.start :]
        here = slice(begin - inside.start, part.stop - inside.start)
        # what is subtracted has no share in the frequencies, and keeps their last digits
        sums += coefficients[:, here] @ (rows - first)
        field[here] = _mean_field(rows)
    sums[3] += first
    return Survey(inside, sums[0], sums[1:3], sums[3], first, last, field, weights, source.turn)


def _mean_field(rows: np.ndarray) -> np.ndarray:
    return np.asarray((np.cos(rows).sum(axis=1) + 1j * np.sin(rows).sum(axis=1)) / rows.shape[1])


@dataclass(frozen=True)
class Track:
    """Second pass: the motion of every node against the phase of a group.

    (N,) each unless said otherwise.

    Attributes
    ----------
    thirds : (3, N) array
        Range of the relative phase in the thirds of the window.
    ninths : (9, N) array
        The same in ninths, a step.
    winds : (3, N) array
        By how much mean frequencies against the group's turn a phase in the window: those of the
        window, and of its halves.
    whole : (N,) array
        Range over the window.
    late : (N,) array
        Range over the last three quarters of the run.
    run : (N,) array
        Range over the run.
    blocks : (8, N) array
        Means over eighths of the window.
    spread : (2, N) array
        Standard deviations in the halves of the window.
    returns : (N,) array of int
        How often it crosses its mean.
    group_order : float
        Mean order parameter of the group in the window.
    fine : (K, N) array
        Means over K=32 parts of the window (16 or 8 of few samples).
    shake : (2, N) array
        Mean square of the steps from sample to sample, and mean product of successive second
        differences, which is negative of a phase that noise shakes.
    samples : int
        In the window.
    shaken : bool
        Whether noise may move the phases.
    """

    thirds: np.ndarray
    ninths: np.ndarray
    winds: np.ndarray
    whole: np.ndarray
    late: np.ndarray
    run: np.ndarray
    blocks: np.ndarray
    spread: np.ndarray
    returns: np.ndarray
    group_order: float
    fine: np.ndarray
    shake: np.ndarray
    samples: int
    shaken: bool


def track(source: PhaseSource, found: Survey, group: np.ndarray) -> Track:
    """Follow every node against the mean phase of `group`, a boolean array (N,).

    Members against the others of it.
    """
    return _Tracker(source, found, group).go()


class _Tracker:
    """Extremes, means and crossings, accumulated over chunks of times."""

    def __init__(self, source: PhaseSource, found: Survey, group: np.ndarray):
        self.source, self.found, self.group = source, found, group
        n, size = source.n, int(group.sum())
        # a member against the mean of the others: for a pair the relative phase itself
        self.scale = np.where(group, size / max(size - 1, 1), 1.0)
        inside = found.inside
        times = source.times[inside]
        count, ninths = times.size, pieces(times, 9)
        self.pieces = [slice(inside.start + p.start, inside.start + p.stop) for p in ninths]
        parts = 4 * BLOCKS if count >= 64 else 2 * BLOCKS if count >= 32 else BLOCKS
        edges = [inside.start + k for k in cuts(times, parts)]
        self.parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
        # the window, the quarter of the run before it, and its beginning
        quarter = (3 * source.times[0] + source.times[-1]) / 4
        begin = min(int(np.searchsorted(source.times, quarter)), inside.start)
        self.pieces += [slice(begin, inside.start), slice(0, begin)]
        self.low = np.full((11, n), np.inf)
        self.high = np.full((11, n), -np.inf)
        self.sums = np.zeros((parts, n))
        self.squares = np.zeros((parts, n))
        self.shake = np.zeros((2, n))
        self.returns = np.zeros(n, dtype=int)
        self.above: np.ndarray | None = None
        self.centre = self._relative(found.centre[None, :])[0]
        self.order = 0.0

    def _relative(self, theta: np.ndarray) -> np.ndarray:
        members = theta if self.group.all() else theta[:, self.group]
        out = theta - members.mean(axis=1)[:, None]
        out *= self.scale
        return np.asarray(out)

    def go(self) -> Track:
        """One pass over the run: ranges by thirds, means and spreads of both halves, against the
        group.
        """
        for part, theta in self.source.chunks():
            self._take(part, self._relative(theta), theta)
        counts = np.array([s.stop - s.start for s in self.parts])[:, None]
        fine = self.sums / counts
        # parts of equal duration weigh the same, however many samples they hold
        means = fine.reshape(BLOCKS, -1, self.source.n).mean(axis=1)
        spread = []
        for here in np.split(np.arange(len(counts)), 2):
            mean, square = fine[here].mean(axis=0), (self.squares / counts)[here].mean(axis=0)
            spread.append(np.sqrt(np.maximum(square - mean**2, 0)))
        low, high = (x[:9].reshape(3, 3, -1) for x in (self.low, self.high))
        thirds = high.max(axis=1) - low.min(axis=1)
        window = self.source.times[self.found.inside]
        steps = lengths(window, pieces(window, 9))
        turned = np.array([self.found.frequencies, *self.found.halves]) * (window[-1] - window[0])
        bottom, top = self.low[:9].min(axis=0), self.high[:9].max(axis=0)
        late = np.maximum(top, self.high[9]) - np.minimum(bottom, self.low[9])
        return Track(
            thirds=thirds,
            ninths=(self.high[:9] - self.low[:9]) / steps,
            winds=self._relative(turned),
            shaken=self.source.shaken,
            whole=top - bottom,
            late=late,
            run=self.high.max(axis=0) - self.low.min(axis=0),
            blocks=means,
            spread=np.array(spread),
            returns=self.returns,
            group_order=self._group_order(),
            fine=fine,
            shake=self.shake / counts.sum(),
            samples=int(counts.sum()),
        )

    def _group_order(self) -> float:
        if self.group.all():
            return float(np.abs(self.found.mean_field) @ self.found.weights)
        return float(self.order)

    def _take(self, part: slice, delta: np.ndarray, theta: np.ndarray) -> None:
        for k, piece in enumerate(self.pieces):
            rows = _overlap(delta, part, piece)
            if rows.size:
                np.minimum(self.low[k], rows.min(axis=0), out=self.low[k])
                np.maximum(self.high[k], rows.max(axis=0), out=self.high[k])
        steps = np.diff(_overlap(delta, part, self.found.inside), axis=0)
        bends = np.diff(steps, axis=0)
        self.shake[0] += np.einsum("tj,tj->j", steps, steps)
        self.shake[1] += np.einsum("tj,tj->j", bends[1:], bends[:-1])
        for k, piece in enumerate(self.parts):
            rows = _overlap(delta, part, piece)
            if rows.size:
                away = rows - self.centre
                self.sums[k] += away.sum(axis=0)
                self.squares[k] += np.einsum("tj,tj->j", away, away)
                self._crossings(away > 0)
        members = _overlap(theta, part, self.found.inside)
        if members.size and not self.group.all():
            begin = max(part.start - self.found.inside.start, 0)
            weights = self.found.weights[begin : begin + len(members)]
            self.order += float(np.abs(_mean_field(members[:, self.group])) @ weights)

    def _crossings(self, above: np.ndarray) -> None:
        if self.above is not None:
            self.returns += above[0] != self.above
        self.returns += np.count_nonzero(above[1:] != above[:-1], axis=0)
        self.above = above[-1].copy()


def _overlap(rows: np.ndarray, part: slice, piece: slice) -> np.ndarray:
    return rows[max(piece.start - part.start, 0) : max(piece.stop - part.start, 0)]


# ------------------------------------------------------------ parts of a window in time


def even(times: np.ndarray) -> bool:
    """Whether times are equidistant."""
    steps = np.diff(times)
    return bool(np.ptp(steps) <= _EVEN * steps.mean())


def cuts(times: np.ndarray, number: int) -> list[int]:
    """Where so many parts of equal duration begin, and the number of samples.

    Of equal counts where times are equidistant, or a part would hold no sample.
    """
    counted = [times.size * k // number for k in range(number + 1)]
    if times.size < 3 or even(times):
        return counted
    edges = times[0] + (times[-1] - times[0]) * np.arange(1, number) / number
    found = [0, *(int(k) for k in np.searchsorted(times, edges)), times.size]
    return found if np.all(np.diff(found) > 0) else counted


def pieces(times: np.ndarray, number: int) -> list[slice]:
    """So many parts of equal duration, each with the first sample of the next."""
    return [slice(a, min(b + 1, times.size)) for a, b in itertools.pairwise(cuts(times, number))]


def lengths(times: np.ndarray, parts: list[slice]) -> np.ndarray:
    """Durations of parts in mean steps, (K, 1)."""
    span = np.array([times[p.stop - 1] - times[p.start] for p in parts])
    return np.asarray(span / (times[-1] - times[0]) * (times.size - 1))[:, None]


def middle(times: np.ndarray) -> int:
    """Index of the first sample of the second half."""
    return cuts(times, 2)[1]


def widest_gap(times: np.ndarray) -> tuple[float, float]:
    """Between which two times nothing is known for longest."""
    k = int(np.argmax(np.diff(times)))
    return float(times[k]), float(times[k + 1])


def time_weights(times: np.ndarray) -> np.ndarray:
    """Weights of samples in a mean over time, (T,): equal for equidistant ones."""
    if times.size < 3 or even(times):
        return np.full(times.size, 1 / times.size)
    steps = np.diff(times)
    weights = np.concatenate([[0.0], steps]) + np.concatenate([steps, [0.0]])
    return np.asarray(weights / weights.sum())


def at_even_times(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """As many values (T,) at equidistant times, by straight lines; as they are if times are."""
    if times.size < 3 or even(times):
        return values
    return np.asarray(np.interp(np.linspace(times[0], times[-1], times.size), times, values))
