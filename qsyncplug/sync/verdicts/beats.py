"""Differences of mean frequencies, with what noise and a short window leave open."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.special import stdtrit

from .rates import Estimate
from .sources import PhaseSource
from .survey import BLOCKS, Survey, birkhoff, cuts, middle

__all__ = ["beat_of", "frequency_error"]


def beat_of(source: PhaseSource, found: Survey, slow: int, fast: int) -> Estimate:
    """Difference of the mean frequencies of two nodes in the window, with its 95 % error."""
    beat = float(found.frequencies[fast] - found.frequencies[slow])
    phase = _relative(source, found.inside, slow, fast)
    return Estimate(beat, frequency_error(source.times[found.inside], phase, beat))


def frequency_error(times: np.ndarray, phase: np.ndarray, frequency: float) -> float:
    """95 % error of a mean frequency, of the phase (T,) over the window.

    Of a smooth motion: the largest difference from the means over parts of three quarters and over
    the halves, in which the oscillations of the phase are cut elsewhere. Noise adds: a phase that
    diffuses has independent increments, whose means over eighths of the window tell the error.
    """
    count = times.size
    twentieths = cuts(times, 20)
    parts = [slice(twentieths[k], twentieths[k + 15]) for k in range(6)]
    means = np.array([float(birkhoff(times[p]) @ phase[p]) for p in parts])
    half = [slice(0, middle(times) + 1), slice(middle(times), count)]
    halves = [float(birkhoff(times[p]) @ phase[p]) for p in half]
    smooth = max(float(np.abs(means - frequency).max()), abs(halves[0] - halves[1]) / 2)
    # of five turns and more in each part little of their own oscillation is left: noise shows
    turns = abs(frequency) * (times[-1] - times[0]) / (2 * np.pi * BLOCKS)
    if turns < 5 and not _rough(phase):
        return smooth
    edges = np.minimum(cuts(times, BLOCKS), count - 1)
    if turns < 2:
        slopes, weights = np.diff(phase[edges]) / np.diff(times[edges]), _WEIGHTS
    else:
        blocks = [slice(i, j + 1) for i, j in itertools.pairwise(edges)]
        slopes = np.array([float(birkhoff(times[p]) @ phase[p]) for p in blocks])
        weights = 1.0
    deviation = float(slopes.std(ddof=1)) / np.sqrt(BLOCKS)
    return float(max(smooth, weights * stdtrit(BLOCKS - 1, 0.975) * deviation))


def _rough(phase: np.ndarray) -> bool:
    """Whether a phase is shaken: its second differences change sign from sample to sample."""
    bends = np.diff(phase, 2)
    if np.abs(bends).max() <= 1e-9 * np.abs(np.diff(phase)).max():
        return False
    return bool(bends[1:] @ bends[:-1] < 0)


#: √(∫w²) of the weights exp(−1/s(1−s)), normalised: error of a random walk's mean frequency
_s = (np.arange(4000) + 0.5) / 4000
_w = np.exp(-1 / (_s * (1 - _s)))
_WEIGHTS = float(np.sqrt(np.mean(_w**2)) / np.mean(_w))


def _relative(source: PhaseSource, inside: slice, slow: int, fast: int) -> np.ndarray:
    """θ_fast − θ_slow in the window."""
    out = np.empty(inside.stop - inside.start)
    for part, theta in source.chunks():
        begin = max(part.start, inside.start)
        if begin < part.stop:
            rows = theta[begin - part.start :]
            out[begin - inside.start : part.stop - inside.start] = rows[:, fast] - rows[:, slow]
    return out
