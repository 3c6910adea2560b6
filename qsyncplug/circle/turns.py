"""Whole turns taken out of positions, to the last digit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .._ext.circle import TWO_PI

__all__ = ["FAR", "TURN", "TURN_SCALE", "wrap"]

#: 2π is TURN / TURN_SCALE, to 160 bits
TURN, TURN_SCALE = 9182885614096437842769610399486622256908310048836, 2**160
#: positions from here on are wrapped before a run
FAR = 1e5


def wrap(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions in [0, 2π), and what was taken away; exact to the last digit of `x`."""
    turns = np.floor(x / (2 * np.pi))
    # the kernels' 2π in three parts, for numbers of turns that are exact times the first two
    wrapped = ((x - turns * TWO_PI[0]) - turns * TWO_PI[1]) - turns * TWO_PI[2]
    for k in np.flatnonzero(np.abs(x) > FAR):
        wrapped[k] = float(Fraction(float(x[k])) % Fraction(TURN, TURN_SCALE))
    wrapped = np.maximum(wrapped, 0.0)
    return wrapped, x - wrapped
