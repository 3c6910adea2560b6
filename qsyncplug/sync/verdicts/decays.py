"""Two exponentials through a decay: every slowest rate that the data leave possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

__all__ = ["Interval", "gap_of", "linear_decay", "slowest_rate"]

#: points that a window is thinned to
_POINTS = 64
#: a slowest mode with less than this share of the signal at the end of its window is not looked for
_SHARE = 0.03
#: of the greatest signal
_ROUNDING = 2e-15
#: relative error of a rate below which nothing is resolved
_FINEST = 1e-7
#: further modes and powers of the distance may pull the pair as far as this factor of its misfit
_MODEL = 100.0
#: amplitudes, relative to the largest of the run, between which the motion is linear and exact
_TOP, _BOTTOM = 0.03, 1e-10
#: nodes of which a map is sought
_MAPPED = 8
#: of singular values; of a mode's amplitude in the last sample
_RANK, _PRESENT = 1e-9, 1e-4
#: second exponents to start from, in units of 1/window: gaps δ>0 to a real one, −ω² of a pair
_GAPS = np.geomspace(0.01, 60.0, 20)
_SLOW_TURNS = -(np.geomspace(0.1, 3.0, 6) ** 2)
_TURNS = -(np.geomspace(0.1, 200.0, 40) ** 2)


@dataclass(frozen=True)
class Interval:
    """A rate, and the lowest and highest that fit as well."""

    rate: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Distance of the farther end."""
        return max(self.high - self.rate, self.rate - self.low)


@dataclass(frozen=True, eq=False)
class _Window:
    """Signals on [0, 1]; `free` if what they decay to is to be found as well.

    A pair of exponents is written (λ, v): λ and λ+v for v>0, λ±i√−v for v<0, so that λ is always
    the slowest rate. Arrays of pairs have shape (G,).
    """

    x: np.ndarray
    y: np.ndarray
    free: bool

    def basis(self, rate: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Columns e^{−λx}, e^{−λx}(1−e^{−δx})/δ, or e^{−λx} times cos ωx, sin(ωx)/ω; 1 if free."""
        envelope = np.exp(-rate[:, None] * self.x)
        v = second[:, None]
        size = np.where(v > 0, v, np.sqrt(np.abs(v)))
        angle = size * self.x
        first = np.where(v >= 0, 1.0, np.cos(angle))
        other = np.where(v >= 0, -np.expm1(-np.where(v >= 0, angle, 0.0)), np.sin(angle))
        other = np.where(size > 0, other / np.where(size > 0, size, 1.0), self.x)
        columns = [envelope * first, envelope * other]
        return np.stack([*columns, np.ones_like(envelope)] if self.free else columns, axis=2)

    def rests(self, rate: np.ndarray, second: np.ndarray) -> np.ndarray:
        """What the best amplitudes leave, (G, T·K)."""
        return self._left(self.basis(rate, second))

    def alone(self, rate: np.ndarray) -> np.ndarray:
        """The same of one exponential."""
        columns = self.basis(rate, np.zeros_like(rate))
        return self._left(columns[:, :, [0, 2]] if self.free else columns[:, :, :1])

    def _left(self, columns: np.ndarray) -> np.ndarray:
        q, _ = np.linalg.qr(columns)
        rest = self.y - q @ (np.swapaxes(q, 1, 2) @ self.y)
        return np.asarray(rest.reshape(len(columns), -1))

    def at(self, pair: np.ndarray) -> np.ndarray:
        """What is left of one pair, (T·K,)."""
        return np.asarray(self.rests(pair[:1], pair[1:])[0])

    def slopes(self, pair: np.ndarray) -> np.ndarray:
        """Derivatives of what is left, (T·K, 2)."""
        steps = np.array([1e-4 * abs(pair[0]), 1e-4 * max(abs(pair[1]), 1e-2)])
        moved = [(self.at(pair + d) - self.at(pair - d)) for d in np.diag(steps)]
        return np.asarray(np.stack(moved, axis=1) / (2 * steps))

    def judged(self, rate: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is left, (G, T·K), and its square; infinite where the slowest mode is not seen.

        That is where it holds less than 3 % of the signal at the end of the window.
        """
        q, triangle = np.linalg.qr(self.basis(rate, second))
        inside = np.swapaxes(q, 1, 2) @ self.y
        rest = (self.y - q @ inside).reshape(rate.size, -1)
        diagonal = np.maximum(np.abs(np.diagonal(triangle, axis1=1, axis2=2)), 1e-300)
        regular = diagonal.min(axis=1) > 1e-14 * diagonal.max(axis=1)
        triangle[~regular] = np.eye(triangle.shape[1])
        found = np.linalg.solve(triangle, inside)
        gap = np.where(second > 0, second, 1.0)
        fast = np.linalg.norm(found[:, 1], axis=1) / gap * np.exp(-gap)
        slow = np.linalg.norm(found[:, 0] + found[:, 1] / gap[:, None], axis=1)
        seen = regular & ((second <= 0) | (slow >= _SHARE * (slow + fast)))
        return rest, np.where(seen, np.sum(rest**2, axis=1), np.inf)


def slowest_rate(times: np.ndarray, signals: np.ndarray, *, free: bool) -> Interval:
    """The slowest rate of signals c + Σ a_ke^{−λ_kt}, and all others that the data leave possible.

    One exponential, two (real, or a complex pair) with common exponents are fitted. A rate is
    possible if with some second exponent the residual is within the 99 % bound of the best one's
    (or within a factor, if it is smooth and hence what further modes leave) and its mode holds at
    least 3 % of the signal at the end: two close exponents look like one between them.

    Parameters
    ----------
    times : (T,) array
    signals : (T, K) real array
        Distances from the limit with their signs.
    free : bool
        Whether the limit c is unknown.
    """
    length = float(times[-1] - times[0])
    x, y = _thinned((times - times[0]) / length, signals)
    window = _Window(x, y / max(float(np.abs(y).max()), 1e-300), free)
    alone, alone_misfit = _alone(window)
    peak = _admitted(window, _refined(window, _start(window, alone)), alone)
    for _ in range(3):
        bound, unit = _bound(window, peak)
        low, high, better = _range(window, peak, bound)
        if better is None:
            break
        peak = _admitted(window, _refined(window, better), alone)
    low, high = min(low, float(peak[0])), max(high, float(peak[0]))
    rate = float(peak[0])
    if alone_misfit <= _misfit(window, peak) + 4 * unit:
        # a second exponential explains nothing that noise would not
        rate = alone
    low, high = min(low, rate * (1 - _FINEST)), max(high, rate * (1 + _FINEST))
    return Interval(rate / length, low / length, high / length)


def _admitted(window: _Window, pair: np.ndarray, alone: float) -> np.ndarray:
    """The pair if its slow mode is more than noise, or one exponential."""
    seen = np.isfinite(window.judged(pair[:1], pair[1:])[1][0])
    return pair if seen else np.array([alone, _GAPS[-1]])


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most 128 points: means over blocks of equal steps, which leave exponents as they are."""
    if x.size <= 2 * _POINTS:
        return x, y
    steps = np.diff(x)
    if np.ptp(steps) > 1e-6 * steps.mean():
        index = np.unique(np.linspace(0, x.size - 1, 2 * _POINTS).astype(int))
        return x[index], y[index]
    block = x.size // _POINTS
    # the latest ones are the nearest to the slowest mode
    rest = x.size % block
    return (
        x[rest:].reshape(-1, block).mean(axis=1),
        y[rest:].reshape(-1, block, y.shape[1]).mean(axis=1),
    )


# ------------------------------------------------------------ the best pair


def _alone(window: _Window) -> tuple[float, float]:
    """Rate and misfit of one exponential."""
    rates = np.geomspace(0.2, 60.0, 60)
    for _ in range(6):
        misfit = np.sum(window.alone(rates) ** 2, axis=1)
        k = int(np.argmin(misfit))
        rates = np.linspace(rates[max(k - 1, 0)], rates[min(k + 1, rates.size - 1)], 21)
    return float(rates[10]), float(misfit[k])


def _start(window: _Window, alone: float) -> np.ndarray:
    """The best of a table of pairs, and of rates near that of one exponential."""
    rates = alone * np.geomspace(0.2, 3.0, 24)
    seconds = np.concatenate([_GAPS, _TURNS])
    table = np.array([np.repeat(rates, seconds.size), np.tile(seconds, rates.size)])
    misfit = window.judged(*table)[1]
    best = table[:, int(np.argmin(misfit))]
    offsets = np.geomspace(1e-5, 0.5, 12)
    close = alone * (1 + np.concatenate([-offsets, 0.2 * offsets]))
    seconds, misfits = _best_seconds(window, close, best[1])
    k = int(np.argmin(misfits))
    return np.array([close[k], seconds[k]]) if misfits[k] < misfit.min() else best


def _misfit(window: _Window, pair: np.ndarray) -> float:
    rest = window.at(pair)
    return float(rest @ rest)


def _refined(window: _Window, pair: np.ndarray) -> np.ndarray:
    """Damped Gauss–Newton (Levenberg, Marquardt) from `pair` on."""
    here = np.array(pair)
    rest, slopes, damping = window.at(here), window.slopes(here), 1e-3
    for _ in range(40):
        sizes = np.maximum(np.linalg.norm(slopes, axis=0), 1e-300)
        table = np.concatenate([slopes, np.sqrt(damping) * np.diag(sizes)])
        move = np.linalg.lstsq(table, -np.concatenate([rest, np.zeros(2)]), rcond=1e-15)[0]
        trial = window.at(here + move) if here[0] + move[0] > 0 else np.full_like(rest, np.inf)
        if trial @ trial < rest @ rest:
            gain = 1 - (trial @ trial) / (rest @ rest)
            here, rest, damping = here + move, trial, 0.03 * damping
            slopes = window.slopes(here)
            if gain < 1e-6:
                break
        else:
            damping *= 10
            if damping > 1e4:
                break
    return here


def _bound(window: _Window, peak: np.ndarray) -> tuple[float, float]:
    """Greatest misfit that counts as a fit as well, and that of one degree of freedom."""
    rest = window.at(peak).reshape(window.y.shape)
    samples, channels = window.y.shape
    columns = (2 + window.free) + 2 / channels
    misfit = max(float(np.sum(rest**2)), rest.size * _ROUNDING**2)
    if _smooth(rest):
        return _MODEL * misfit, misfit
    freedom = max(samples - columns, 1.0) * channels
    unit = misfit / freedom
    return misfit + float(stdtrit(freedom, 0.995)) ** 2 * unit, unit


def _smooth(rest: np.ndarray) -> bool:
    """Whether residuals follow one another: no noise, but what two exponentials leave out."""
    total = float(np.sum(rest**2))
    return bool(np.sum(rest[1:] * rest[:-1]) > 0.15 * total)


# ------------------------------------------------------------ what fits as well


def _range(
    window: _Window, peak: np.ndarray, bound: float
) -> tuple[float, float, np.ndarray | None]:
    """Lowest and highest rate within the bound; a better pair, if one is met."""
    offsets = np.geomspace(_FINEST, 0.8, 26)
    ends, better = [], None
    # worth another look: a quarter of the way that the bound allows
    lowest = 1.25 * _misfit(window, peak) - 0.25 * bound
    for sign in (-1.0, 1.0):
        reach = 0.0
        for inner in (offsets, None):
            trial = offsets if inner is not None else _between(offsets, reach)
            rates = peak[0] * (1 + sign * trial)
            seconds, misfits = _best_seconds(window, rates, peak[1])
            allowed = misfits <= bound
            best = int(np.argmin(misfits))
            if misfits[best] < lowest:
                lowest, better = float(misfits[best]), np.array([rates[best], seconds[best]])
            if np.any(allowed):
                reach = max(reach, float(trial[allowed].max()))
        ends.append(peak[0] * (1 + sign * reach))
    return ends[0], ends[1], better


def _between(offsets: np.ndarray, reach: float) -> np.ndarray:
    """Finer steps from the farthest one that fits to the next one."""
    following = offsets[offsets > reach * (1 + 1e-12)]
    top = float(following[0]) if following.size else reach
    return np.geomspace(max(reach, 0.3 * top), top, 7)


def _best_seconds(window: _Window, rates: np.ndarray, near: float) -> tuple[np.ndarray, np.ndarray]:
    """For every rate the second exponent that fits best, and the misfit."""
    starts = _SLOW_TURNS if near > -10 else near * np.geomspace(0.4, 2.5, 15)
    starts = np.concatenate([_GAPS, starts, [near]])
    table = np.array([np.repeat(rates, starts.size), np.tile(starts, rates.size)])
    misfit = window.judged(*table)[1].reshape(rates.size, -1)
    second = starts[np.argmin(misfit, axis=1)]
    rest, misfit = window.judged(rates, second)
    scale = np.ones_like(misfit)
    for _ in range(8):
        step = 1e-4 * np.maximum(np.abs(second), 1e-4)
        slope = window.rests(rates, second + step) - window.rests(rates, second - step)
        slope /= 2 * step[:, None]
        move = -np.sum(slope * rest, axis=1) / np.maximum(np.sum(slope**2, axis=1), 1e-300)
        move = scale * np.clip(move, -0.7 * np.abs(second), 2 * np.abs(second) + 1e-3)
        trial, found = window.judged(rates, second + move)
        better = found < misfit
        scale = np.where(better, 1.0, 0.2 * scale)
        second = np.where(better, second + move, second)
        rest = np.where(better[:, None], trial, rest)
        misfit = np.where(better, found, misfit)
    return second, misfit


# ------------------------------------------------------------ amplitudes near rest


def linear_decay(times: np.ndarray, beta: np.ndarray) -> tuple[Interval, slice] | None:
    r"""The slowest rate of amplitudes near rest, from the best map x(t+h) = Ax(t) of their
    quadratures.

    Its eigenvalues e^{(−λ±iω)h} are those of all modes at once, however near to each other, where
    the moduli alone beat. None without even steps, or of too few samples.

    Parameters
    ----------
    times : (T,) array
    beta : (T, N) complex array
        Of the whole run.

    Returns
    -------
    Interval, slice
        The rate, and the samples that it is of; or None.
    """
    n = beta.shape[1]
    size = np.abs(beta).max(axis=1)
    top = float(size.max())
    above = np.flatnonzero(size > _TOP * top)
    start = int(above[-1]) + 1 if above.size else 0
    sunk = np.flatnonzero(size[start:] < _BOTTOM * top)
    stop = start + int(sunk[0]) if sunk.size else size.size
    steps = np.diff(times[start:stop])
    if n > _MAPPED or steps.size < 16 * n or np.ptp(steps) > 1e-6 * steps.mean():
        return None
    x = np.concatenate([beta.real, beta.imag], axis=1)[start:stop] / size[start:stop, None]
    grown = size[start + 1 : stop] / size[start : stop - 1]
    step, half = float(steps.mean()), steps.size // 2
    parts = [
        _slowest(x[:-1][part], x[1:][part] * grown[part, None])
        for part in (slice(0, half), slice(half, None))
    ]
    first, last = (rate / step for rate, _ in parts)
    noise = 2 * parts[1][1] / (step * np.sqrt(half))
    if not (np.isfinite(first) and last > 0):
        return None
    error = max(abs(first - last), noise, 1e-9 * last)
    return Interval(last, last - error, last + error), slice(start, stop)


def _slowest(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """−log of the largest modulus of an eigenvalue whose mode is in the last sample, and the
    relative size of what the map does not explain.
    """
    found = np.linalg.lstsq(before, after, rcond=_RANK)[0]
    rest = after - before @ found
    values, modes = np.linalg.eig(found.T)
    amplitudes = np.abs(np.linalg.lstsq(modes, after[-1].astype(complex), rcond=_RANK)[0])
    seen = (amplitudes > _PRESENT * amplitudes.max()) & (np.abs(values) > 0)
    rate = -float(np.log(np.abs(values[seen]).max()))
    return rate, float(np.sqrt(np.mean(rest**2) / np.mean(after**2)))


def gap_of(rest: np.ndarray) -> float:
    """By how much the slowest rate at rest differs from the next; pairs count once."""
    slow = np.sort(-rest.real)
    return float(slow[2] - slow[0]) if slow.size > 2 else 0.0
