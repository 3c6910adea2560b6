"""Collective spins of N spins ½ in symmetric states: S+^a Sz^b S−^c, J=N/2."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import scipy.sparse

from .factor import LadderFactor, Local, Sum

__all__ = ["SpinFactor", "spin_product", "spin_symbol"]

#: coefficients of a polynomial in Sz, lowest power first
Series = list[Any]


def _times(x: Series, y: Series) -> Series:
    out: Series = [0] * (len(x) + len(y) - 1)
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            out[i + j] += a * b
    return out


def _power(series: Series, exponent: int) -> Series:
    out: Series = [1]
    for _ in range(exponent):
        out = _times(out, series)
    return out


@lru_cache(maxsize=4096)
def spin_product(left: Local, right: Local) -> Sum:
    r"""S+^a Sz^b S−^c · S+^a' Sz^b' S−^c' with every S+ moved to the left of every S−.

    Σ_k k! C(c,k) C(a',k) S+^(a+a'−k) (Sz+a'−k)^b P_k(Sz) (Sz+c−k)^b' S−^(c+c'−k),
    P_k = Π_{i<k} (−2Sz − c − a' + 2k − i).
    """
    (a, b, c), (a2, b2, c2) = left, right
    terms: dict[Local, int] = {}
    for k in range(min(c, a2) + 1):
        series = _times(_power([a2 - k, 1], b), _power([c - k, 1], b2))
        for i in range(k):
            series = _times(series, [2 * k - c - a2 - i, -2])
        weight = math.factorial(k) * math.comb(c, k) * math.comb(a2, k)
        for power, value in enumerate(series):
            if value:
                key = (a + a2 - k, power, c + c2 - k)
                terms[key] = terms.get(key, 0) + weight * value
    return tuple((key, value) for key, value in terms.items() if value)


@lru_cache(maxsize=4096)
def _canonical(N: int, key: Local) -> Sum:
    """S+^q f(Sz) or f(Sz) S−^|q|, f of a degree below the number of levels that it acts between.

    S+^k h(Sz) S−^k = h(Sz−k) Π_{i<k} Φ(Sz−i) with Φ(z)=J(J+1)−z²+z.
    """
    a, b, c = key
    J = Fraction(N, 2)
    q, k = a - c, min(a, c)
    levels = N + 1 - abs(q)
    if levels <= 0:
        return ()
    series = _power([Fraction(-k), Fraction(1)], b)
    for i in range(k):
        # Φ(z−i)
        series = _times(series, [J * (J + 1) - i * i - i, Fraction(1 + 2 * i), Fraction(-1)])
    if len(series) > levels:
        # the polynomial that vanishes on all of the levels −J … J−|q|
        zero: Series = [Fraction(1)]
        for n in range(levels):
            zero = _times(zero, [J - n, Fraction(1)])
        while len(series) > levels:
            top, shift = series[-1], len(series) - 1 - levels
            series = [
                x - (top * zero[i - shift] if i >= shift else 0) for i, x in enumerate(series[:-1])
            ]
    return tuple(((max(q, 0), d, max(-q, 0)), float(x)) for d, x in enumerate(series) if x)


@lru_cache(maxsize=4096)
def _reduced_product(N: int, left: Local, right: Local) -> Sum:
    terms: dict[Local, complex] = {}
    for key, weight in spin_product(left, right):
        for reduced, value in _canonical(N, key):
            terms[reduced] = terms.get(reduced, 0.0) + weight * value
    return tuple((key, value) for key, value in terms.items() if value)


@dataclass(frozen=True)
class SpinFactor(LadderFactor):
    """The spin J=N/2; the monomial (a, b, c) is S+^a Sz^b S−^c."""

    N: int
    phase: ClassVar[str | None] = "spin"

    def product(self, left: Local, right: Local) -> Sum:
        # a spin ½ is reduced at once, or S.x² would not be ¼
        return _reduced_product(1, left, right) if self.N == 1 else spin_product(left, right)

    def canonical(self, key: Local) -> Sum:
        return _canonical(self.N, key)

    def text(self, name: str, key: Local) -> str:
        parts = zip(key, ("+", "z", "-"), strict=True)
        return " ".join(name + mark + (f"^{k}" if k > 1 else "") for k, mark in parts if k)

    def latex(self, name: str, key: Local) -> str:
        marks = ("+", "z", "-")
        below = name.partition("_{")
        stem, index = below[0], below[2].rstrip("}")
        parts = []
        for k, mark in zip(key, marks, strict=True):
            if k:
                sub = f"{index},{mark}" if index else mark
                parts.append(f"{stem}_{{{sub}}}" + (f"^{{{k}}}" if k > 1 else ""))
        return r"\,".join(parts)

    def levels(self, cutoff: int | None) -> list[int]:
        return [self.N + 1]

    def labels(self, levels: list[int]) -> Any:
        # QuTiP's order: the highest Sz first; labels count excitations
        return np.arange(self.N, -1, -1)[:, None]

    def matrix(self, key: Local, levels: list[int]) -> Any:
        """In the order of ``qutip.jmat``: the state with Sz=J first."""
        a, b, c = key
        N, J = self.N, self.N / 2
        # n: excitations of the state acted on
        n = np.arange(c, N + 1 - max(0, a - c))
        value = np.ones(len(n))
        for i in range(c):
            value *= np.sqrt((n - i) * (N - n + i + 1.0))
        m = n - c
        value = value * (m - J) ** b
        for i in range(a):
            value *= np.sqrt((m + i + 1.0) * (N - m - i))
        return scipy.sparse.csr_matrix(
            (value.astype(complex), (N - m - a, N - n)), shape=(N + 1, N + 1)
        )


@lru_cache(maxsize=4096)
def _symmetrised(key: Local) -> tuple[tuple[Local, complex], ...]:
    """The average of S+^a Sz^b S−^c over all orders of its letters, as ordered monomials."""
    n = sum(key)
    if n == 0:
        return ((key, 1.0),)
    terms: dict[Local, complex] = {}
    for k in range(3):
        if key[k]:
            rest = tuple(x - (i == k) for i, x in enumerate(key))
            letter = tuple(int(i == k) for i in range(3))
            for inner, weight in _symmetrised(rest):
                for out, value in spin_product(letter, inner):
                    terms[out] = terms.get(out, 0) + weight * value * key[k] / n
    return tuple((k, v) for k, v in terms.items() if v)


@lru_cache(maxsize=4096)
def spin_symbol(key: Local) -> tuple[tuple[Local, complex], ...]:
    """The commuting polynomial whose symmetrisation is S+^a Sz^b S−^c, as powers of S+, Sz, S−."""
    terms: dict[Local, complex] = {key: 1.0}
    for lower, weight in _symmetrised(key):
        if lower != key:
            for inner, value in spin_symbol(lower):
                terms[inner] = terms.get(inner, 0) - weight * value
    return tuple((k, v) for k, v in terms.items() if v)
