"""Cells around the circle, in which the kernels expand sums over particles: how many, and their
tables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from .._ext.circle import TERMS
from .turns import TURN, TURN_SCALE

__all__ = ["CellTables", "cell_powers", "count_cells", "good_cells", "split_width"]


def good_cells(wanted: int) -> int:
    """Return the smallest 2**p or 3·2**p from `wanted` on."""
    p = 3
    while True:
        for value in (2**p, 3 * 2 ** (p - 1)):
            if value >= wanted:
                return int(value)
        p += 1


def count_cells(series: list[np.ndarray]) -> int:
    """Return the smallest number of cells for which 16 powers are enough: a bound of what is left
    out is at rounding.
    """
    cells = good_cells(max(8, max(len(b) for b in series) // 6))  # half < 6π
    while True:
        left_out = 0.0
        for b in series:
            half = np.arange(1, len(b) + 1) * np.pi / cells
            # 2 Σ_{m≥16} |J_m(half)| from |J_m(h)| ≤ (h/2)^m/m!; it enters twice, with the moments
            # and with the evaluation
            remainder = 2 * (half / 2) ** TERMS / math.factorial(TERMS) / (1 - half / 34)
            left_out = max(left_out, float(2 * np.sum(np.abs(b) * remainder) / np.sum(np.abs(b))))
        if left_out < 4 * np.finfo(float).eps:
            return cells
        cells = good_cells(cells + 1)


def split_width(count: int) -> tuple[float, float, float]:
    """2π/count in three parts of 27, 27 and 53 bits."""
    rest, scale = TURN, count * TURN_SCALE
    parts = []
    for _ in range(2):
        mantissa, exponent = math.frexp(rest / scale)
        part = math.ldexp(math.floor(math.ldexp(mantissa, 27)), exponent - 27)
        parts.append(part)
        numerator, denominator = part.as_integer_ratio()
        rest, scale = rest * denominator - numerator * scale, scale * denominator
    return parts[0], parts[1], rest / scale


def cell_powers(modes: int, cells: int) -> np.ndarray:
    """Coefficients of (i d)**r, r < TERMS, in exp(i k h d) on −1 ≤ d ≤ 1, h half a cell.

    Not those of the Taylor series, (k h)**r / r!, but of the Chebyshev series cut at the same
    degree: its remainder, 2 Σ_{m ≥ TERMS} |J_m(k h)|, is smaller by 2**(TERMS − 1), so that half as
    many cells are enough.

    Returns
    -------
    ndarray of shape (modes+1, TERMS)
        For k = 0 … modes.
    """
    # imported here: scipy.special takes long, and most fields have no cells
    from scipy.special import jv

    order = np.arange(TERMS)
    bessel = jv(order, np.arange(modes + 1)[:, None] * np.pi / cells) * np.where(order == 0, 1, 2)
    return np.asarray(bessel @ _chebyshev_in_powers())


@cache
def _chebyshev_in_powers() -> np.ndarray:
    """Coefficients of (i d)**r in i**m T_m(d), (TERMS, TERMS)."""
    order = np.arange(TERMS)
    change = np.zeros((TERMS, TERMS))
    for m in range(TERMS):
        change[m, : m + 1] = np.polynomial.chebyshev.cheb2poly(np.eye(m + 1)[m])
    # i**(m - r), real where T_m has the power r at all
    change *= np.where((order[:, None] - order) % 4 == 2, -1, 1)
    return change


@dataclass(frozen=True)
class CellTables:
    """What the kernels know of `count` cells, 2**p or 3·2**p of them."""

    count: int

    def __post_init__(self) -> None:
        if self.count < 2:
            raise ValueError(f"cells must be at least 2, not {self.count}")

    @cached_property
    def width(self) -> tuple[float, float, float]:
        """Width of a cell in three parts, see :func:`split_width`."""
        return split_width(self.count)

    @cached_property
    def twiddle(self) -> np.ndarray:
        """Pairs exp(−2πi m/count), (2 count,)."""
        angle = 2 * np.pi * np.arange(self.count) / self.count
        return np.stack([np.cos(angle), -np.sin(angle)], axis=1).ravel()

    def powers(self, modes: int) -> np.ndarray:
        """Powers that expand `modes` harmonics in these cells; see :func:`cell_powers`."""
        return cell_powers(modes, self.count)
