"""Terms of an expression: monomials over several factors, and the dicts that hold them."""

from __future__ import annotations

import cmath
from functools import lru_cache
from typing import Any, SupportsComplex, cast

import numpy as np

from .factor import Local
from .symbol import Symbol
from .time_factor import TimeFactor

__all__ = ["Key", "Monomial", "add_term", "as_complex", "canonical_monomial", "monomial_product"]

#: one monomial of every factor that is not 1, by rank of the symbol
Monomial = tuple[tuple[Symbol, Local], ...]
Key = tuple[Monomial, tuple[TimeFactor, ...]]
#: products that are remembered: about half a kilobyte each, and long sweeps come with new symbols
_KEPT = 8192
_ROUNDING = 8 * np.finfo(float).eps


def as_complex(number: object) -> complex:
    """A number as a complex one: what ``numbers.Number`` does not say that it can become."""
    return complex(cast(SupportsComplex, number))


def add_term(terms: dict[Any, complex], key: Any, value: complex) -> None:
    """Add to a term; what cancels to rounding vanishes."""
    old = terms.get(key)
    if old is None:
        if not cmath.isfinite(value):
            raise OverflowError("a coefficient became too large to be finite")
        if value != 0:
            terms[key] = value
        return
    new = old + value
    if not cmath.isfinite(new):
        raise OverflowError("a coefficient became too large to be finite")
    if abs(new) <= _ROUNDING * (abs(old) + abs(value)):
        del terms[key]
    else:
        terms[key] = new


@lru_cache(maxsize=_KEPT)
def monomial_product(left: Monomial, right: Monomial) -> tuple[tuple[Monomial, complex], ...]:
    """The product of two monomials, symbol by symbol: symbols of different factors commute."""
    if not left or not right:
        return ((left or right, 1),)
    if left[-1][0].rank < right[0][0].rank:
        return ((left + right, 1),)
    (last, x), (other, y) = left[-1], right[-1]
    if last is other and last.factor.product(x, y) == ():
        # most products of levels vanish
        return ()
    pieces: list[Any] = []
    i = j = 0
    branching = False
    while i < len(left) and j < len(right):
        (s, x), (r, y) = left[i], right[j]
        if s is r:
            product = s.factor.product(x, y)
            if product == ():
                # of levels; their 1 never stands in a monomial
                return ()
            pieces.append((s, product))
            branching = True
            i, j = i + 1, j + 1
        elif s.rank < r.rank:
            pieces.append(left[i])
            i += 1
        else:
            pieces.append(right[j])
            j += 1
    pieces += [*left[i:], *right[j:]]
    if not branching:
        return ((tuple(pieces), 1),)
    out: list[tuple[Monomial, complex]] = [((), 1)]
    for symbol, piece in pieces:
        if piece and isinstance(piece[0], tuple):
            one = symbol.factor.one
            out = [
                (m if local == one else (*m, (symbol, local)), w * weight)
                for m, w in out
                for local, weight in piece
            ]
        else:
            out = [((*m, (symbol, piece)), w) for m, w in out]
    return tuple(out)


@lru_cache(maxsize=_KEPT)
def canonical_monomial(monomial: Monomial) -> tuple[tuple[Monomial, complex], ...]:
    """A monomial in a basis of the matrix algebra of every factor."""
    out: list[tuple[Monomial, complex]] = [((), 1.0)]
    for symbol, key in monomial:
        one = symbol.factor.one
        out = [
            (m if local == one else (*m, (symbol, local)), w * weight)
            for m, w in out
            for local, weight in symbol.factor.canonical(key)
        ]
    return tuple(out)
