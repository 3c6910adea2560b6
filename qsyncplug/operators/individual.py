"""Jumps that every atom of an ensemble makes on its own: what they are written with, and exact 2×2
rates of the operators of one site.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import qutip
import scipy.sparse

from .atom import LETTERS, AtomFactor
from .expression import Expression
from .factor import Local
from .matrices import symbol_levels, to_qutip
from .symbol import Symbol
from .terms import Key, add_term, as_complex
from .time_factor import TimeFactor, time_factor

__all__ = ["EachAtom", "EachSite", "each_adjoint", "each_matrices", "each_product", "each_rates"]

_ONE = (0, 0, 0)
#: 2×2 matrices, the excited state first
_SITE: dict[Local, np.ndarray] = {
    LETTERS[0]: np.array([[0, 1], [0, 0]], dtype=complex),
    LETTERS[1]: np.array([[1, 0], [0, 0]], dtype=complex),
    LETTERS[2]: np.array([[0, 0], [1, 0]], dtype=complex),
    _ONE: np.eye(2, dtype=complex),
}
Site = dict[tuple[Local, tuple[TimeFactor, ...]], complex]


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


def _letters(matrix: np.ndarray) -> list[tuple[Local, complex]]:
    """A 2×2 matrix in σ+, σ+σ−, σ−, 1."""
    parts = [(LETTERS[0], matrix[0, 1]), (LETTERS[1], matrix[0, 0] - matrix[1, 1])]
    parts += [(LETTERS[2], matrix[1, 0]), (_ONE, matrix[1, 1])]
    return [(k, complex(v)) for k, v in parts if v]


def each_product(jump: EachAtom, left: Local, right: Local | None) -> Site:
    """On one atom: D†[c] of the letter `left`, or with two letters [c†,left][right,c].

    The result sums over the atoms: the letter 1 counts N times for a sum over all atoms, which is
    what the letters stand for.
    """
    out: Site = {}
    N = jump.symbol.N
    A = _SITE[left]
    for (x, f), v in jump.terms.items():
        C_dag = _SITE[x].conj().T
        f_dag = tuple(t.conj() for t in f)
        for (y, g), w in jump.terms.items():
            C = _SITE[y]
            if right is None:
                rate = 0.5 * (C_dag @ (A @ C - C @ A) + (C_dag @ A - A @ C_dag) @ C)
            else:
                B = _SITE[right]
                rate = (C_dag @ A - A @ C_dag) @ (B @ C - C @ B)
            for letter, value in _letters(rate):
                weight = N if letter == _ONE else 1
                add_term(
                    out, (letter, tuple(sorted(f_dag + g))), v.conjugate() * w * value * weight
                )
    return out


def each_rates(jump: EachAtom) -> dict[Local, Site]:
    """D†[c] of every letter of one atom."""
    return {letter: each_product(jump, letter, None) for letter in LETTERS}


def each_adjoint(jump: EachAtom, operator: Expression, rates: dict[Local, Site]) -> Expression:
    """D† of an operator for a jump of every atom: each site's letter in turn becomes its own
    rate.
    """
    symbol = jump.symbol
    N = symbol.N
    terms: dict[Key, complex] = {}
    for (monomial, factors), value in operator.terms.items():
        place = next((k for k, (s, _) in enumerate(monomial) if s is symbol), None)
        if place is None:
            continue
        key = monomial[place][1]
        sites = sum(key)
        for k, letter in enumerate(LETTERS):
            if not key[k]:
                continue
            rest = tuple(x - (i == k) for i, x in enumerate(key))
            for (new, more), rate in rates[letter].items():
                if new == _ONE:
                    # `rates` counted N atoms for the 1; those not in use are meant
                    local, weight = rest, rate / N * (N - sites + 1)
                else:
                    local, weight = tuple(x + y for x, y in zip(rest, new, strict=True)), rate
                here: Any = ((symbol, local),) if any(local) else ()
                monomial_new = (*monomial[:place], *here, *monomial[place + 1 :])
                add_term(
                    terms, (monomial_new, tuple(sorted(factors + more))), value * weight * key[k]
                )
    return Expression(operator.spaces, terms)


def each_matrices(
    jump: EachAtom, symbols: Sequence[Symbol], cutoff: int | Iterable[int] | None
) -> list[qutip.Qobj | qutip.QobjEvo]:
    """A jump of every atom as one operator an atom."""
    levels = symbol_levels(symbols, cutoff)
    sizes = [math.prod(dims) for dims in levels]
    place = symbols.index(jump.symbol)
    left = scipy.sparse.identity(math.prod(sizes[:place]), dtype=complex)
    right = scipy.sparse.identity(math.prod(sizes[place + 1 :]), dtype=complex)
    factor = jump.symbol.factor
    assert isinstance(factor, AtomFactor)
    out = []
    for at in range(factor.N):
        groups: dict[tuple[TimeFactor, ...], Any] = {}
        for (letter, factors), value in jump.terms.items():
            own = (
                scipy.sparse.identity(sizes[place], dtype=complex)
                if not any(letter)
                else factor.site(letter, at)
            )
            matrix = value * scipy.sparse.kron(scipy.sparse.kron(left, own), right, format="csr")
            groups[factors] = groups[factors] + matrix if factors in groups else matrix
        out.append(to_qutip(groups, [d for dims in levels for d in dims], math.prod(sizes)))
    return out
