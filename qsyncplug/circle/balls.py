"""Arrays of balls: midpoints and radii in doubles, every rounding accounted for."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["TINY", "UNIT", "Ball", "from_arb"]

#: relative rounding of one operation, with room for that of the radii themselves
UNIT = 2.0**-52
TINY = 1e-300


class Ball:
    """Arrays of balls [mid − rad, mid + rad]; only +, −, × and rounding, which IEEE defines."""

    __slots__ = ("mid", "rad")
    __array_ufunc__ = None  # so that arrays leave their sums with balls to this class

    def __init__(self, mid: Any, rad: Any = 0.0):
        self.mid, self.rad = np.asarray(mid, float), np.asarray(rad, float)

    def __add__(self, other: Any) -> Ball:
        other = _ball(other)
        mid = self.mid + other.mid
        return Ball(mid, (self.rad + other.rad) * (1 + 4 * UNIT) + np.abs(mid) * UNIT + TINY)

    __radd__ = __add__

    def __neg__(self) -> Ball:
        return Ball(-self.mid, self.rad)

    def __sub__(self, other: Any) -> Ball:
        return self + (-_ball(other))

    def __rsub__(self, other: Any) -> Ball:
        return _ball(other) + (-self)

    def __mul__(self, other: Any) -> Ball:
        other = _ball(other)
        mid = self.mid * other.mid
        rad = np.abs(self.mid) * other.rad + self.rad * (np.abs(other.mid) + other.rad)
        return Ball(mid, rad * (1 + 8 * UNIT) + np.abs(mid) * UNIT + TINY)

    __rmul__ = __mul__

    def upper(self) -> np.ndarray:
        """Upper ends of the balls, rounded up."""
        end = self.mid + self.rad
        return np.asarray(end + np.abs(end) * UNIT + TINY)

    def size(self) -> np.ndarray:
        """Upper bounds of the absolute values, elementwise, their own rounding included."""
        return np.asarray((np.abs(self.mid) + self.rad) * (1 + 2 * UNIT) + TINY)

    def at(self, index: Any) -> Ball:
        """The balls at some places."""
        return Ball(self.mid[index], self.rad[index])


def _ball(value: Any) -> Ball:
    return value if isinstance(value, Ball) else Ball(value)


def from_arb(values: list[Any]) -> Ball:
    """Balls of doubles around arbs."""
    mid = np.array([float(v.mid()) for v in values])
    rad = np.array([float(v.rad()) for v in values])
    # the conversion of the middle rounds, and that of the radius
    return Ball(mid, rad * (1 + 4 * UNIT) + np.abs(mid) * 2 * UNIT + TINY)
