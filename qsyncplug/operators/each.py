"""Jumps that every atom of an ensemble makes on its own."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from .atom import LETTERS
from .expression import Expression
from .factor import Local
from .symbol import Symbol
from .terms import Key, add_term, as_complex
from .time_factor import TimeFactor, time_factor

__all__ = ["EachAtom", "EachSite"]


class EachSite:
    """``A.each``: the operators σ+, σ− and σz/2 of every atom, for jumps."""

    __slots__ = ("symbol",)

    def __init__(self, symbol: Symbol):
        self.symbol = symbol

    p = property(lambda self: EachAtom(self.symbol, {(LETTERS[0], ()): 1.0}))
    m = property(lambda self: EachAtom(self.symbol, {(LETTERS[2], ()): 1.0}))
    z = property(lambda self: EachAtom(self.symbol, {(LETTERS[1], ()): 1.0, ((0, 0, 0), ()): -0.5}))
    x = property(lambda self: 0.5 * (self.p + self.m))
    y = property(lambda self: -0.5j * (self.p - self.m))


class EachAtom:
    """A jump that every atom of an ensemble makes on its own: c = Σ_μ c_μ σ_μ.

    It can be added to others of its ensemble and multiplied by numbers and functions of time,
    nothing else.
    """

    __slots__ = ("symbol", "terms")
    __array_ufunc__ = None
    __hash__: Any = None

    def __init__(
        self, symbol: Symbol, terms: Mapping[tuple[Local, tuple[TimeFactor, ...]], complex]
    ):
        self.symbol = symbol
        self.terms = dict(terms)

    def _refuse(self, other: Any) -> TypeError:
        return TypeError(
            f"{self} is a jump of every atom: it can be scaled and added to others of "
            f"{self.symbol.name}, not combined with "
            f"{other!r:.40}; use {self.symbol.name}.p, .m, .z for the sums over the atoms"
        )

    def __add__(self, other: Any) -> EachAtom:
        if not isinstance(other, EachAtom) or other.symbol is not self.symbol:
            raise self._refuse(other)
        terms: dict[Any, complex] = dict(self.terms)
        for key, value in other.terms.items():
            add_term(terms, key, value)
        return EachAtom(self.symbol, terms)

    __radd__ = __add__

    def __neg__(self) -> EachAtom:
        return -1 * self

    def __sub__(self, other: Any) -> EachAtom:
        if not isinstance(other, EachAtom):
            raise self._refuse(other)
        return self + (-other)

    def __mul__(self, other: Any) -> EachAtom:
        if isinstance(other, numbers.Number) and not isinstance(other, bool):
            value, factors = as_complex(other), ()
            if not np.isfinite(value):
                raise ValueError(f"a coefficient must be finite, not {other!r}")
        elif (
            not isinstance(other, (Expression, EachAtom))
            and (factor := time_factor(other)) is not None
        ):
            value, factors = 1.0, (factor,)
        else:
            raise self._refuse(other)
        terms = {
            (letter, tuple(sorted((*f, *factors)))): v * value
            for (letter, f), v in self.terms.items()
        }
        return EachAtom(self.symbol, {k: v for k, v in terms.items() if v != 0})

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> EachAtom:
        return self * (1 / as_complex(other))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, EachAtom)
            and other.symbol is self.symbol
            and other.terms == self.terms
        )

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def used(self) -> set[Symbol]:
        """The ensemble whose atoms they are, as the only symbol."""
        return {self.symbol}

    @property
    def isconstant(self) -> bool:
        """Whether no coefficient depends on time."""
        return all(not factors for _, factors in self.terms)

    def at(self, t: float) -> EachAtom:
        """With its coefficients taken at time `t`."""
        terms: dict[Any, complex] = {}
        for (letter, factors), value in self.terms.items():
            for f in factors:
                value = value * f(t)
            add_term(terms, (letter, ()), value)
        return EachAtom(self.symbol, terms)

    def summed(self) -> Expression:
        """The sum over the atoms, an expression: for printing and for the charges."""
        terms: dict[Key, complex] = {}
        for (letter, factors), value in self.terms.items():
            one = letter == (0, 0, 0)
            add_term(terms, (() if one else ((self.symbol, letter),), factors), value)
        return Expression((self.symbol.space,), terms)

    def __repr__(self) -> str:
        return f"each({self.summed()})"

    def _repr_latex_(self) -> str:
        return rf"$\left[{self.summed()._repr_latex_().strip('$')}\right]_{{\mathrm{{each}}}}$"
