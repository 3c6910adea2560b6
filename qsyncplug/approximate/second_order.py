"""Operators of at most two coordinates, read off sampled first and second moments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..operators.classical import Classical
from ..operators.expression import Expression
from ..operators.symbol import Symbol

__all__ = ["at_second_order", "second_order"]


def second_order(
    symbols: Sequence[Symbol], operator: Expression
) -> tuple[complex, np.ndarray, np.ndarray] | None:
    """A number, a vector (d,) and a symmetric matrix (d, d): the Weyl symbol of an operator as
    c + v·x + x·M·x in the coordinates x, (q, p) of modes and (Sx, Sy, Sz) of spins. None where it
    has a higher degree.
    """
    model = Classical(tuple(symbols), operator, [], weyl=True)
    symbol = model.expectation(model.H)
    d = len(model.coordinates)
    letters_of = _letters(model)
    number, vector, matrix = 0j, np.zeros(d, dtype=complex), np.zeros((d, d), dtype=complex)
    for (letters, _), value in symbol.items():
        rows = [letters_of[x >> 1] if x & 1 else letters_of[x >> 1].conj() for x in letters]
        if len(rows) > 2:
            return None
        if len(rows) == 2:
            matrix += value * 0.5 * (np.outer(*rows) + np.outer(*rows[::-1]))
        elif rows:
            vector += value * rows[0]
        else:
            number += value
    return number, vector, matrix


def _letters(model: Classical) -> np.ndarray:
    """z_k as a combination of the coordinates, (variables, d)."""
    out = np.zeros((model.variables, len(model.coordinates)), dtype=complex)
    for a, c in enumerate(model.coordinates):
        out[c.variable, a] = (1j if c.part else 1) / c.scale
    return out


def at_second_order(
    parts: tuple[complex, np.ndarray, np.ndarray], x: np.ndarray, xx: np.ndarray
) -> np.ndarray:
    """The average (T,) at averages of coordinates (T, d) and of their products (T, d, d)."""
    number, vector, matrix = parts
    return np.asarray(number + x @ vector + np.einsum("ab,tab->t", matrix, xx))
