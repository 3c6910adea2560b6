"""Whether a relative phase stands still, hovers, or winds."""

from __future__ import annotations

import numpy as np

from .survey import BLOCKS, Survey, Track

__all__ = ["FLOOR", "FULL_TURNS", "hovering", "left", "ratios", "standing", "swinging", "winding"]

#: a range of a phase below this is rounding and solver error
FLOOR = 1e-7
#: turns in the window that a drift must show
FULL_TURNS = 2.0


def ratios(thirds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """d₂/d₁ and d₃/d₂ of ranges (3, ...) in the thirds of a window."""
    safe = np.maximum(thirds, 1e-300)
    return safe[1] / safe[0], safe[2] / safe[1]


def left(thirds: np.ndarray) -> float:
    """How far ranges (3, ...) that fall by a constant factor have still to go; 0 at rounding."""
    worst = thirds.reshape(3, -1).max(axis=1)
    _, second = ratios(worst)
    return 0.0 if worst[2] <= FLOOR else float(worst[2] * second / max(1 - second, 1e-3))


def standing(
    thirds: np.ndarray, ninths: np.ndarray, *, shaken: bool, slow: bool = True
) -> np.ndarray:
    """Whether ranges (3, ...) in the thirds of a window are of something that comes to rest.

    At rounding already; or shrinking at least exponentially, so that the geometric remainder
    d₃q₂/(1−q₂) is below .02. An algebraic approach (1/t, log t, the passage of a saddle-node) has
    d₃/d₂ growing or above .45 and does not pass; nor if only the last ranges a step in ninths
    (9, ...) show that. What noise may move (`shaken`), as a slow random walk, shrinks by chance:
    there the ninths must fall one by one, or the thirds by 20. Nor does what falls ever faster, or
    grows again: a slow oscillation near its extremum, unless it is known that none is (`slow`).
    """
    first, second = ratios(thirds)
    last = thirds[2]
    shrinks = second < 1
    remainder = np.where(shrinks, last * second / np.where(shrinks, 1 - second, 1.0), np.inf)
    exponential = (
        (second < 0.45) & (second <= 1.15 * first + 0.02) & (remainder < 0.02) & (last < 0.05)
    )
    # below the floor it is the error of a solver
    seen = np.maximum(ninths, FLOOR / 1000)
    # ever more slowly, one by one: an approach whose thirds fall fast enough by their start
    ratio, before = seen[8] / seen[7], seen[7] / seen[6]
    monotone = (ratio < 1) & (before < 1) & (seen[6] < seen[5])
    falling = ~(monotone & (ratio > 0.5) & (ratio > 1.15 * before + 0.05))
    if shaken:
        falling = np.all(seen[1:] <= seen[:-1], axis=0)
    if slow:
        falling &= ~_turning(seen)
    # what grows by a constant factor a third leaves a fixed point rather than being at one
    # (below 1e-9 it is the error of a solver, which may grow too)
    growing = (ninths[7] > 3 * ninths[6]) & (ninths[8] > 3 * ninths[7])
    leaving = (((first > 2) & (second > 2)) | growing) & (last > 1e-9)
    sure = falling | ((second < 0.05) & (first < 0.5))
    return np.asarray(((last <= FLOOR) & ~leaving) | (exponential & sure))


def _turning(seen: np.ndarray) -> np.ndarray:
    """Whether ranges in ninths (9, ...) are of something that turns back, not of an approach.

    Near an extremum they fall as 2k+1, ever faster, and grow behind it; those of exponentials by
    the same factor, or ever more slowly.
    """
    ratio = seen[1:] / seen[:-1]
    before = (ratio[7] < 0.93 * ratio[6]) & (ratio[6] < 0.96 * ratio[5]) & (ratio[5] < 1)
    # the extremum within the last ninth
    within = (ratio[6] < 0.85 * ratio[5]) & (ratio[5] < 0.96 * ratio[4]) & (ratio[4] < 1)
    return np.asarray(before | within | (ratio[7] >= 1))


def hovering(track: Track) -> np.ndarray:
    """Whether a relative phase stays bounded and returns again and again, (N,).

    Range below π, the same spread in both halves to a factor of 1.6, at least 6 returns to its
    mean; and neither a drift nor diffusion, which does all this by chance. Nor a larger range
    before the window: a chaotic phase may stay near its mean for long between its slips.
    """
    calm = track.late < np.pi
    return np.asarray(swinging(track) & calm & ~_diffusing(track) & ~_drifting(track))


def swinging(track: Track) -> np.ndarray:
    """Whether a relative phase stays bounded and returns, (N,); by chance perhaps."""
    small, large = np.min(track.spread, axis=0), np.max(track.spread, axis=0)
    steady = (large <= 1.6 * small) & (track.returns >= 6)
    return np.asarray((track.whole < np.pi) & steady)


def _drifting(track: Track) -> np.ndarray:
    """Whether a phase has a trend, (N,).

    By a line through the means of eighths (4σ and .15 of the standard deviation; of what noise
    shakes 4σ alone). Of smooth motions mean frequencies tell much less: what the halves of the
    window do not explain by their difference.
    """
    x = np.linspace(-0.5, 0.5, BLOCKS) * (BLOCKS - 1) / BLOCKS
    means = track.blocks - track.blocks.mean(axis=0)
    drift = x @ means / (x @ x)
    rest = means - x[:, None] * drift
    error = np.sqrt(np.sum(rest**2, axis=0) / (BLOCKS - 2) / (x @ x))
    deviation = np.sqrt(np.mean(track.spread**2, axis=0))
    significant = np.abs(drift) >= 4 * error
    winds, first, second = track.winds
    beyond = np.abs(winds) > np.maximum(2.5 * np.abs(first - second), 2e-3 * track.whole)
    smooth = track.shake[1] > 0
    by_line = significant & ((np.abs(drift) >= 0.15 * deviation) | ~smooth)
    return np.asarray(by_line | (smooth & beyond))


def _diffusing(track: Track) -> np.ndarray:
    """Whether a phase might wander freely, (N,).

    Of a random walk the means over 32 (and 16) parts of the window go on from one another: their
    von Neumann ratio Σ(m_{k+1}−m_k)²/Σ(m_k−m̄)² is far below the 2 of independent ones. Steps that
    noise makes give its diffusion: what is bounded has a variance far below the 1/6 of it that a
    walk would have in the window (1/100 is met by 3 walks in a million).
    """
    fine, coarse = _von_neumann(track.fine), _von_neumann(_halved(track.fine))
    # an oscillation of one and a half parts a period looks like a walk in the coarse ones alone
    walks = (fine < 1.2) | ((coarse < 1.2) & (fine < 1.7))
    variance = np.mean(track.spread**2, axis=0)
    reach = track.shake[0] * track.samples
    return np.asarray(walks | ((track.shake[1] < 0) & (variance > reach / 100)))


def _von_neumann(means: np.ndarray) -> np.ndarray:
    away = means - means.mean(axis=0)
    total = np.maximum(np.sum(away**2, axis=0), 1e-300)
    parts = means.shape[0]
    return np.asarray(np.sum(np.diff(means, axis=0) ** 2, axis=0) / total * parts / (parts - 1))


def _halved(means: np.ndarray) -> np.ndarray:
    return np.asarray((means[::2] + means[1::2]) / 2)


def winding(found: Survey, length: float, frequency: float) -> tuple[np.ndarray, np.ndarray]:
    """Turns of every node against a phase of this frequency in the window.

    And whether they are established, (N,).
    """
    turns = (found.frequencies - frequency) * length / (2 * np.pi)
    return turns, np.abs(turns) >= FULL_TURNS
