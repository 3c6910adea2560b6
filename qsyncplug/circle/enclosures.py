"""Balls around the attention function and its derivatives, for the checker of proofs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .balls import Ball, from_arb

__all__ = ["enclosures"]


def _derivatives(arb: Any, x: Any, beta: Any) -> list[Any]:
    r"""f, f', …, f⁗, and by β: f_β, f'_β, f″_β, f‴_β, f_ββ, f'_ββ, f″_ββ, at balls x and β."""
    s, c = x.sin_cos()
    u = c - 1
    e = (beta * u).exp()
    b, s2 = beta, s * s
    f = s * e
    f1 = (c - b * s2) * e
    f2 = s * (b * b * s2 - 3 * b * c - 1) * e
    p = c + 3 * b * c * c - 4 * b * s2 - 6 * b * b * c * s2 + b**3 * s2 * s2
    f3 = -p * e
    # f⁽⁵⁾ from f⁗ = −s·(q − βp)·e, q' = s·dq
    q = -1 - 14 * b * c - 12 * b * b * c * c + 6 * b * b * s2 + 4 * b**3 * c * s2
    dq = 14 * b + 36 * b * b * c - 4 * b**3 * s2 + 8 * b**3 * c * c
    f4 = -s * (q - b * p) * e
    f5 = -(c * (q - b * p) + s2 * (dq - b * q) - b * s2 * (q - b * p)) * e
    # by β: f_β = (c − 1)f
    g = u * f
    g1 = u * f1 - s * f
    g2 = u * f2 - 2 * s * f1 - c * f
    g3 = u * f3 - 3 * s * f2 - 3 * c * f1 + s * f
    g4 = u * f4 - 4 * s * f3 - 6 * c * f2 + 4 * s * f1 + c * f
    h2 = u * g2 - 2 * s * g1 - c * g
    h3 = u * g3 - 3 * s * g2 - 3 * c * g1 + s * g
    return [f, f1, f2, f3, f4, f5, g, g1, g2, g3, g4, h2, h3]


_NAMES = ("f", "f1", "f2", "f3", "f4", "f5", "g", "g1", "g2", "g3", "g4", "h2", "h3")


def enclosures(cells: int, lo: float, hi: float) -> tuple[dict[str, Ball], dict[str, Ball]]:
    """Return balls around f, f', … and derivatives by β, f divided by f'(0).

    Parameters
    ----------
    cells : int
        Cells of [0, 2π].
    lo, hi : float
        The interval of β.

    Returns
    -------
    middle, hull : dict of Ball
        At the middles of the cells and of β; and over whole cells, for all β of the interval.
    """
    import flint

    arb = flint.arb
    beta_mid = (arb(lo) + arb(hi)) / 2
    beta_box = arb(lo).union(arb(hi))
    step = 2 * arb.pi() / cells
    half = (step / 2).union(-step / 2)
    middle, hull = [], []
    for k in range((cells + 1) // 2):
        x = step * (2 * k + 1) / 2
        middle.append(_derivatives(arb, x, beta_mid))
        hull.append(_derivatives(arb, x + half, beta_box))
    return _both_halves(middle, cells), _both_halves(hull, cells)


def _both_halves(rows: list[list[Any]], cells: int) -> dict[str, Ball]:
    """Tables of the whole circle from its first half: f and its derivatives by β are odd."""
    out = {}
    for column, name in enumerate(_NAMES):
        first = from_arb([row[column] for row in rows])
        second = first.at(slice(cells // 2 - 1, None, -1))
        odd = name[1:] in ("", "2", "4")
        mid = np.concatenate([first.mid, -second.mid if odd else second.mid])
        out[name] = Ball(mid, np.concatenate([first.rad, second.rad]))
    return out
