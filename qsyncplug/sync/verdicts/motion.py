"""Whether a relative phase stands still, hovers, or winds."""

from __future__ import annotations

import numpy as np

from .survey import BLOCKS, Survey, Track

__all__ = ["FULL_TURNS", "hovering", "ratios", "standing", "winding"]

#: a range of a phase below this is rounding and solver error
FLOOR = 1e-7
#: turns in the window that a drift must show
FULL_TURNS = 2.0


def ratios(thirds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """d₂/d₁ and d₃/d₂ of ranges (3, ...) in the thirds of a window."""
    safe = np.maximum(thirds, 1e-300)
    return safe[1] / safe[0], safe[2] / safe[1]


def standing(thirds: np.ndarray) -> np.ndarray:
    """Whether ranges (3, ...) in the thirds of a window are of something that comes to rest.

    At rounding already; or shrinking at least exponentially, so that the geometric remainder
    d₃q₂/(1−q₂) is below .02. An algebraic approach (1/t, log t, the passage of a saddle-node) has
    d₃/d₂ growing or above .45 and does not pass.
    """
    first, second = ratios(thirds)
    last = thirds[2]
    remainder = np.where(second < 1, last * second / np.maximum(1 - second, 1e-300), np.inf)
    exponential = (
        (second < 0.45) & (second <= 1.15 * first + 0.02) & (remainder < 0.02) & (last < 0.05)
    )
    # what grows by a constant factor a third leaves a fixed point rather than being at one
    # (below 1e-9 it is the error of a solver, which may grow too)
    leaving = (first > 2) & (second > 2) & (last > 1e-9)
    return np.asarray(((last <= FLOOR) & ~leaving) | exponential)


def hovering(track: Track) -> np.ndarray:
    """Whether a relative phase stays bounded and returns again and again, (N,).

    Range below π, no trend of the block means (below 4σ, or .15 of the standard deviation), the
    same spread in both halves to a factor of 1.6, at least 6 returns to its mean.
    """
    x = np.linspace(-0.5, 0.5, BLOCKS) * (BLOCKS - 1) / BLOCKS
    means = track.blocks - track.blocks.mean(axis=0)
    drift = x @ means / (x @ x)
    rest = means - x[:, None] * drift
    error = np.sqrt(np.sum(rest**2, axis=0) / (BLOCKS - 2) / (x @ x))
    deviation = np.sqrt(np.mean(track.spread**2, axis=0) + np.var(track.blocks, axis=0) * 0.0)
    level = (np.abs(drift) < 4 * error) | (np.abs(drift) < 0.15 * deviation)
    small, large = np.min(track.spread, axis=0), np.max(track.spread, axis=0)
    return np.asarray((track.whole < np.pi) & level & (large <= 1.6 * small) & (track.returns >= 6))


def winding(found: Survey, length: float, frequency: float) -> tuple[np.ndarray, np.ndarray]:
    """Turns of every node against a phase of this frequency in the window.

    And whether they are established, (N,).
    """
    turns = (found.frequencies - frequency) * length / (2 * np.pi)
    return turns, np.abs(turns) >= FULL_TURNS
