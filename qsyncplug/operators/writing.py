"""Expressions as rows of numbers, for files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import StorageError
from .atom import AtomFactor
from .expression import Expression
from .factor import Factor, Local
from .level import LevelFactor
from .mode import ModeFactor
from .spin import SpinFactor
from .symbol import Space, Symbol, restore_space
from .terms import Key
from .time_factor import TimeFactor, TimeFunction

__all__ = ["expression_from_rows", "rows_of", "spaces_from_rows", "spaces_to_rows"]


def _size(factor: Factor) -> int:
    return getattr(factor, "N", getattr(factor, "d", 0))


_MAKERS: dict[str, Any] = {
    "modes": lambda size: ModeFactor(),
    "spins": SpinFactor,
    "levels": LevelFactor,
    "atoms": AtomFactor,
}


def spaces_to_rows(spaces: Sequence[Space]) -> list[dict[str, Any]]:
    """The calls that made the symbols."""
    return [
        {
            "maker": s.maker,
            "stamp": list(s.stamp),
            "sizes": [_size(x.factor) for x in s.symbols],
            "names": list(s.names),
        }
        for s in spaces
    ]


def spaces_from_rows(rows: Sequence[dict[str, Any]]) -> tuple[Space, ...]:
    """The same symbols, in this process or another."""
    return tuple(
        restore_space(
            r["maker"],
            tuple(r["stamp"]),
            [_MAKERS[r["maker"]](int(k)) for k in r["sizes"]],
            r["names"],
        )
        for r in rows
    )


def rows_of(
    expression: Expression,
    place: Mapping[Symbol, int],
    known: Mapping[TimeFunction, int] | None = None,
) -> list[Any]:
    """One row a term: [[symbol, powers], …], real and imaginary part, and the time factors: names,
    or [number, conjugate] of `known` functions.
    """
    return [
        [[[place[s], list(x)] for s, x in m], v.real, v.imag, [_written(f, known) for f in factors]]
        for (m, factors), v in expression.terms.items()
    ]


def _local(symbol: Symbol, x: Any) -> Local:
    """A monomial of one symbol: its powers, or two of its levels."""
    factor, key = symbol.factor, tuple(x)
    width = len(factor.one) or 2
    most = factor.d if isinstance(factor, LevelFactor) else math.inf
    right = len(key) in (len(factor.one), width)
    if not right or not all(type(k) is int and 0 <= k < most for k in key):
        raise StorageError(f"{key} is no product of {symbol!r}")
    return key


def _written(factor: TimeFactor, known: Mapping[TimeFunction, int] | None) -> Any:
    return repr(factor) if known is None else [known[factor.function], factor.conjugate]


def expression_from_rows(
    rows: Sequence[Any], spaces: tuple[Space, ...], functions: Sequence[TimeFunction] = ()
) -> Expression:
    """What :func:`rows_of` wrote."""
    symbols = [s for space in spaces for s in space.symbols]
    terms: dict[Key, complex] = {}
    for monomial, re, im, numbers in rows:
        pairs = sorted(
            ((symbols[k], _local(symbols[k], x)) for k, x in monomial), key=lambda p: p[0].rank
        )
        factors = sorted(TimeFactor(functions[k], bool(conj)) for k, conj in numbers)
        terms[(tuple(pairs), tuple(factors))] = complex(re, im)
    return Expression(spaces, terms)
