"""Moments of oscillators that have no joint state."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

__all__ = ["local_moments"]


def local_moments(
    moments: Callable[[], tuple[np.ndarray, np.ndarray]],
) -> dict[str, Callable[[], np.ndarray]]:
    """Fields mean (T, 2N) and covariance (T, 2N, 2N) of a view, worked out when a measure asks for
    them.

    Parameters
    ----------
    moments : callable
        Gives means (T, N, 2) and covariances (T, N, 2, 2), a block for each oscillator; between
        them there is none.
    """
    moments = cache(moments)

    def mean() -> np.ndarray:
        found = moments()[0]
        return found.reshape(len(found), -1)

    def covariance() -> np.ndarray:
        blocks = moments()[1]
        t, n = blocks.shape[:2]
        full = np.zeros((t, n, 2, n, 2))
        index = np.arange(n)
        full[:, index, :, index, :] = blocks.swapaxes(0, 1)
        return full.reshape(t, 2 * n, 2 * n)

    return {"mean": mean, "covariance": covariance}
