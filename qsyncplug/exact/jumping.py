"""What quantum jumps of a time-dependent system need: coefficients as polynomials of time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..operators.time_factor import value_at
from .liouvillian import Liouvillian
from .looks import look_ahead
from .moving import MovingParts

__all__ = ["MovingJumps", "moving_jumps"]

#: highest power of time in a window, that of the kernel
_POWERS = 12
#: looks at a coefficient in a first window, halvings of it, windows in all
_LOOKS, _HALVINGS, _MOST = 512, 9, 2000
#: error of a polynomial relative to the range of its coefficient
_ERROR = 1e-11


@dataclass(frozen=True)
class MovingJumps:
    """The motion without jumps as M + Σ f_l(t) M_l on kets, the rates of the jumps times g_c(t).

    Attributes
    ----------
    constant : Elements
        With M.
    parts : list of Generator
        M_l.
    edges : ndarray of shape (W+1,)
        Of windows in each of which all functions are polynomials.
    polynomials, rates : ndarray of shape (W, l, powers+1) and (W, c, powers+1)
        f_l and g_c by powers of the time in a window in units of its length.
    factors : list of int
        Number of the factor g_c of each jump operator; 0: constant.
    """

    constant: Any
    parts: list[Any]
    edges: np.ndarray
    polynomials: np.ndarray
    rates: np.ndarray
    factors: list[int]

    @property
    def of_kernel(self) -> tuple[list[Any], np.ndarray, np.ndarray, np.ndarray]:
        """As the kernel takes them."""
        return self.parts, self.edges, self.polynomials, self.rates

    def rates_at(self, times: np.ndarray) -> np.ndarray:
        """g_c at times, shape (T, c)."""
        last = len(self.edges) - 2
        window = np.clip(np.searchsorted(self.edges, times, side="right") - 1, 0, last)
        s = (times - self.edges[window]) / np.diff(self.edges)[window]
        return np.asarray(
            np.einsum("tcp,tp->tc", self.rates[window], s[:, None] ** np.arange(_POWERS + 1))
        )


def _of_jump(owner: Liouvillian, jump: list[Any]) -> int:
    """Number of the factor |f|² of the rate of a jump operator."""
    i = jump[0][0] if jump else 0
    return owner.products.index((i, i))


def moving_jumps(L: Liouvillian, times: np.ndarray) -> MovingJumps | None:
    """The coefficients of a time-dependent system as polynomials; None where they are none, as at
    kinks and jumps, or where a jump operator is a sum of parts that move differently.
    """
    elements, looks = L.ket(), look_ahead(L, times)
    parts = MovingParts.of(elements, looks)
    if parts is None:
        return None
    factors = [_of_jump(L, jump) for jump in L.jump_parts]

    def functions(t: np.ndarray) -> np.ndarray:
        values = np.array([[value_at(c, x) for c in L.coefficients] for x in t])
        rates = L.all_factors(values)[:, factors].real
        return np.concatenate([parts.values(values), rates], axis=1)

    found = _fitted(functions, looks.grid)
    if found is None:
        return None
    edges, table = found
    count = len(parts.moving)
    kernels = [e.kernel for e in parts.moving]
    split = np.ascontiguousarray(table[:, :count]), np.ascontiguousarray(table[:, count:])
    return MovingJumps(parts.constant, kernels, edges, *split, factors)


def _fitted(functions: Any, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Edges of windows and polynomials in them (W, functions, powers+1)."""
    size = np.abs(functions(grid[:: max(1, len(grid) // 200)])).max(axis=0)
    goal = _ERROR * np.where(size > 0, size, 1.0)
    starts = np.unique(np.append(grid[::_LOOKS], grid[-1]))
    waiting = [(a, b, 0) for a, b in itertools.pairwise(starts)][::-1]
    edges, table = [float(grid[0])], []
    while waiting:
        a, b, depth = waiting.pop()
        looked = grid[(grid > a) & (grid < b)]
        polynomials = _polynomials(functions, a, b, looked, goal)
        if polynomials is not None:
            edges.append(float(b))
            table.append(polynomials)
        elif depth == _HALVINGS or len(table) + len(waiting) > _MOST:
            return None
        else:
            middle = 0.5 * (a + b)
            waiting += [(middle, b, depth + 1), (a, middle, depth + 1)]
    return np.array(edges), np.array(table)


def _polynomials(
    functions: Any, a: float, b: float, looked: np.ndarray, goal: np.ndarray
) -> np.ndarray | None:
    """Of (t−a)/(b−a), through Chebyshev's points; None where they miss other values."""
    nodes = np.cos(np.pi * (np.arange(_POWERS + 1) + 0.5) / (_POWERS + 1))
    fit = np.polynomial.chebyshev.chebfit(
        nodes, functions(0.5 * (a + b + (b - a) * nodes)), _POWERS
    )
    others = np.concatenate([looked, a + (b - a) * np.array([0.0, 0.137, 0.43, 0.777, 1.0])])
    at = (2 * others - a - b) / (b - a)
    missed = np.abs(np.polynomial.chebyshev.chebval(at, fit).T - functions(others)).max(axis=0)
    if not np.all(missed <= goal):
        return None
    out = np.zeros((fit.shape[1], _POWERS + 1))
    for k, column in enumerate(fit.T):
        # powers of x = 2s − 1
        powers = np.polynomial.chebyshev.cheb2poly(column)
        shifted = np.polynomial.Polynomial(powers)(np.polynomial.Polynomial([-1.0, 2.0]))
        out[k, : len(shifted.coef)] = shifted.coef
    return out
