"""Stochastic polynomial equations as rows of real numbers, as the kernel of samples takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._ext.stochastic import Stochastic
from ..operators.classical import Classical
from ..operators.polynomial import Letters, Polynomial
from ..operators.spin import SpinFactor
from ..operators.time_factor import TimeFactor

__all__ = ["HeunProgram"]


@dataclass(frozen=True)
class _Row:
    """Where a monomial is: rows of its real and (unless it is real) imaginary part, and the sign
    that the latter carries.
    """

    re: int
    im: int = -1
    sign: float = 1.0


class HeunProgram:
    """dz = F dt + ½Σ ({z,L} ζ* + {z,L*} ζ) of every variable, ζ=(±1 ± i)√dt.

    The noises are variables too: dz is one polynomial in z and ζ. Products of rows are formed
    once; what is real (z̄z, S_z) has one row, and a coefficient that is real or imaginary costs
    half of one that is neither.

    Parameters
    ----------
    classical : Classical
        Weyl symbols of a system.
    """

    def __init__(self, classical: Classical):
        self.classical = classical
        v = classical.variables
        self._real = classical.real
        self._rows: dict[Letters, _Row] = {}
        self._products: list[tuple[int, ...]] = []
        self.factors: dict[tuple[TimeFactor, ...], int] = {(): 0}
        self.real_row, self.imag_row = np.empty(v, dtype=int), np.full(v, -1)
        count = 0
        for k in range(v):
            self.real_row[k] = count
            count += 1
            if k not in self._real:
                self.imag_row[k] = count
                count += 1
        self._sums = count
        noises = classical.noises()
        self.jumps = max((number for number, *_ in noises), default=-1) + 1
        self._next = 2 * count + 2 * self.jumps
        self._name_letters(v)
        entries = self._entries(noises)
        self._table = self._arrays(entries)

    @property
    def timed(self) -> bool:
        """Whether a coefficient depends on time."""
        return len(self.factors) > 1

    def kernel(self, level: int = -1) -> Stochastic:
        """A fresh compiled kernel: each holds its own scratch, so threads do not meet."""
        return Stochastic(self._table, self.jumps, len(self.factors), self._next, level)

    def factor_table(self, times: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Products of functions of time at every step and the end of each interval: rows of real
        and imaginary parts.
        """
        if not self.timed:
            return np.array([[1.0, 0.0]])
        points = [np.linspace(times[k], times[k + 1], count + 1) for k, count in enumerate(steps)]
        rows = [
            [np.prod([complex(f(float(t))) for f in product]) for product in self.factors]
            for t in np.concatenate(points)
        ]
        return np.ascontiguousarray(np.array(rows, dtype=complex)).view(float)

    # ------------------------------------------------------------ rows

    def _name_letters(self, v: int) -> None:
        for k in range(v):
            re, im = int(self.real_row[k]), int(self.imag_row[k])
            self._rows[(2 * k + 1,)] = _Row(re, im)
            self._rows[(2 * k,)] = _Row(re, im, -1.0)
        for j in range(self.jumps):
            re = 2 * self._sums + 2 * j
            self._rows[(2 * (v + j) + 1,)] = _Row(re, re + 1)
            self._rows[(2 * (v + j),)] = _Row(re, re + 1, -1.0)

    def _multiplied(self, kind: int, *rows: int) -> int:
        """The row of a product."""
        self._products.append((kind, self._next, *rows, *(rows[0],) * (4 - len(rows))))
        self._next += 1
        return self._next - 1

    def _row(self, letters: Letters) -> _Row:
        """Where a monomial is, formed where it is not there yet."""
        if letters not in self._rows:
            a, b = self._row(letters[:-1]), self._row(letters[-1:])
            self._rows[letters] = self._product(a, b, self._is_real(letters))
        return self._rows[letters]

    def _is_real(self, letters: Letters) -> bool:
        swapped = [x if x >> 1 in self._real else x ^ 1 for x in letters]
        return sorted(swapped) == sorted(letters)

    def _product(self, a: _Row, b: _Row, real: bool) -> _Row:
        if a.im < 0:
            a, b = b, a
        if b.im < 0:
            re = self._multiplied(0, a.re, b.re)
            return _Row(re) if a.im < 0 else _Row(re, self._multiplied(0, a.im, b.re), a.sign)
        same = a.sign == b.sign
        re = self._multiplied(2 if same else 1, a.re, b.re, a.im, b.im)
        if real:
            return _Row(re)
        im = self._multiplied(1 if same else 2, a.re, b.im, a.im, b.re)
        return _Row(re, im, b.sign)

    # ------------------------------------------------------------ sums

    def _entries(
        self, noises: list[tuple[int, int, bool, Polynomial]]
    ) -> list[list[tuple[int, int, int, float, float]]]:
        """(row, time factor, whether noise, coefficients of the factor's parts) of every sum."""
        v = self.classical.variables
        out: list[list[tuple[int, int, int, float, float]]] = [[] for _ in range(self._sums)]
        for k, polynomial in enumerate(self.classical.drift()):
            for (letters, factors), value in polynomial.items():
                self._add(out, k, letters, factors, value, 0)
        for number, k, starred, polynomial in noises:
            letter = 2 * (v + number) + (1 if starred else 0)
            for (letters, factors), value in polynomial.items():
                self._add(out, k, (*letters, letter), factors, 0.5 * value, 1)
        return out

    def _add(
        self,
        out: list[list[tuple[int, int, int, float, float]]],
        k: int,
        letters: Letters,
        factors: tuple[TimeFactor, ...],
        value: complex,
        noisy: int,
    ) -> None:
        row = self._row(letters) if letters else _Row(self._one())
        factor = self.factors.setdefault(factors, len(self.factors))
        a, b = value.real, value.imag
        # (a + ib) f (re + i im): by the parts of f
        parts = [(int(self.real_row[k]), row.re, a, -b)]
        if self.imag_row[k] >= 0:
            parts.append((int(self.imag_row[k]), row.re, b, a))
        if row.im >= 0:
            parts.append((int(self.real_row[k]), row.im, -row.sign * b, -row.sign * a))
            if self.imag_row[k] >= 0:
                parts.append((int(self.imag_row[k]), row.im, row.sign * a, -row.sign * b))
        for target, source, p, q in parts:
            if p or (factor and q):
                out[target].append((source, factor, noisy, p, q if factor else 0.0))

    def _one(self) -> int:
        """The row of ones."""
        if () not in self._rows:
            self._rows[()] = _Row(self._next, -1)
            self._next += 1
        return self._rows[()].re

    def _arrays(self, entries: list[list[tuple[int, int, int, float, float]]]) -> dict[str, Any]:
        """What the kernel takes; in the second stage z is read `_sums` rows later."""

        def later(rows: np.ndarray) -> np.ndarray:
            return np.where(rows < self._sums, rows + self._sums, rows).astype(np.intc)

        flat = [e for target in entries for e in target]
        column = np.array([e[0] for e in flat], dtype=np.intc)
        products = np.array(self._products, dtype=np.intc).reshape(-1, 6)
        c = self.classical
        spheres = []
        for symbol in c.symbols:
            at = c.first[symbol]
            if isinstance(symbol.factor, SpinFactor):
                rows = [self.real_row[at], self.imag_row[at], self.real_row[at + 1], self._next]
                spheres.append(rows)
                self._next += 1
        shifted = products.copy()
        shifted[:, 2:] = later(products[:, 2:])
        ends = np.cumsum([0, *(len(target) for target in entries)])
        return {
            "products": np.ascontiguousarray(products),
            "products2": np.ascontiguousarray(shifted),
            "start": ends.astype(np.intc),
            "column": column,
            "column2": later(column),
            "factor": np.array([e[1] for e in flat], dtype=np.intc),
            "noisy": np.array([e[2] for e in flat], dtype=np.intc),
            "re": np.array([e[3] for e in flat], dtype=float),
            "im": np.array([e[4] for e in flat], dtype=float),
            "sphere": np.array(spheres, dtype=np.intc).reshape(-1, 4),
            "real_row": self.real_row,
            "imag_row": self.imag_row,
            "one": self._rows[()].re if () in self._rows else -1,
        }
