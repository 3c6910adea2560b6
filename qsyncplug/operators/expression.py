"""Polynomials in the operators of modes, spins, levels and ensembles, kept in canonical order."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import qutip

from ..core.checks import check_integer
from .matrices import operator_matrix
from .printing import latex_of, text_of
from .symbol import Space, Symbol
from .terms import Key, add_term, as_complex, canonical_monomial, monomial_product
from .time_factor import time_factor

__all__ = ["Expression", "commutator", "join_spaces"]

#: products of terms that take about a minute
_WORK = 2e7


def join_spaces(left: tuple[Space, ...], right: tuple[Space, ...]) -> tuple[Space, ...]:
    """Both, in the order of their first appearance; two calls must not have made symbols of one
    name.
    """
    if left is right or left == right:
        return left
    new = [s for s in right if all(s is not known for known in left)]
    for space in new:
        for known in left:
            if shared := set(space.names).intersection(known.names):
                raise ValueError(
                    f"cannot combine symbols of two calls of {known.maker}(): {known} and "
                    f"{space} share the name "
                    f"{sorted(shared)[0]}; make all symbols of a system with one "
                    f"{known.maker}(n), or name them"
                )
    return (*left, *new)


class Expression:
    """A polynomial in the operators of modes, spins, levels and ensembles, kept in canonical order.

    Made by :func:`modes`, :func:`spins`, :func:`levels` and :func:`atoms` and combined with ``+ -
    * **``, ``.dag()`` and scalars. A scalar may be a Python function of t or a
    ``qutip.Coefficient``, which makes the term time-dependent (write ``2j * (f * b)``: QuTiP does
    not multiply a Coefficient by a number from the left).

    Attributes
    ----------
    spaces : tuple of Space
        The calls that made its symbols, in the order of their first appearance.
    terms : dict
        ``(((symbol, powers), …), time factors) -> complex``; powers are those of b†, b for a mode,
        of S+, Sz, S− for a spin, of σ+, σ+σ−, σ− on distinct sites for an ensemble, and (i, j) for
        the element |i⟩⟨j| of a level.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> b * b.dag() - b.dag() * b == 1
    True
    """

    __slots__ = ("spaces", "terms")
    __array_ufunc__ = None  # so that numpy scalars leave the product to __rmul__
    __hash__: Any = None

    def __init__(self, spaces: tuple[Space, ...], terms: Mapping[Key, complex] = {}):
        self.spaces = spaces
        self.terms: dict[Key, complex] = dict(terms)

    # ------------------------------------------------------------ arithmetic

    def _lift(self, other: Any) -> Expression | None:
        """`other` as an expression; None for a foreign type."""
        if isinstance(other, Expression):
            return other
        if isinstance(other, (bool, np.bool_)):
            raise TypeError(f"a coefficient must be a number, not {other!r}")
        if isinstance(other, np.ma.MaskedArray):
            raise TypeError("a coefficient must be a number, not a masked array")
        if isinstance(other, numbers.Number) or (
            isinstance(other, (np.generic, np.ndarray))
            and np.ndim(other) == 0
            and np.asarray(other).dtype.kind in "iufc"
        ):
            value = as_complex(other)
            if not np.isfinite(value):
                raise ValueError(f"a coefficient must be finite, not {other!r}")
            return Expression(self.spaces, {((), ()): value} if value != 0 else {})
        if (factor := time_factor(other)) is not None:
            return Expression(self.spaces, {((), (factor,)): 1.0 + 0j})
        return None

    def __add__(self, other: Any) -> Expression:
        right = self._lift(other)
        if right is None:
            return NotImplemented
        terms = dict(self.terms)
        for key, value in right.terms.items():
            add_term(terms, key, value)
        return Expression(join_spaces(self.spaces, right.spaces), terms)

    __radd__ = __add__

    def __neg__(self) -> Expression:
        return Expression(self.spaces, {key: -value for key, value in self.terms.items()})

    def __pos__(self) -> Expression:
        return self

    def __sub__(self, other: Any) -> Expression:
        right = self._lift(other)
        return NotImplemented if right is None else self + (-right)

    def __rsub__(self, other: Any) -> Expression:
        total: Expression = (-self) + other
        return total

    def __mul__(self, other: Any) -> Expression:
        right = self._lift(other)
        if right is None:
            return NotImplemented
        spaces = join_spaces(self.spaces, right.spaces)
        _check_work("the product", len(self.terms) * len(right.terms))
        terms: dict[Key, complex] = {}
        for (m1, f1), a in self.terms.items():
            for (m2, f2), b in right.terms.items():
                factors = tuple(sorted(f1 + f2)) if f1 or f2 else ()
                for monomial, weight in monomial_product(m1, m2):
                    add_term(terms, (monomial, factors), a * b * weight)
        return Expression(spaces, terms)

    def __rmul__(self, other: Any) -> Expression:
        left = self._lift(other)
        return NotImplemented if left is None else left * self

    def __truediv__(self, other: Any) -> Expression:
        if not (
            isinstance(other, numbers.Number) or (isinstance(other, np.ndarray) and other.ndim == 0)
        ):
            return NotImplemented
        quotient: Expression = self * (1 / as_complex(other))
        return quotient

    def __pow__(self, exponent: Any) -> Expression:
        exponent = check_integer("the exponent", exponent, minimum=0)
        _check_work(f"the power {exponent}", self._power_work(exponent))
        result = self._lift(1)
        assert result is not None
        for _ in range(exponent):
            result = result * self
        return result

    def _power_work(self, exponent: int) -> float:
        """Products of terms that a power takes, from above: all monomials of its degree."""
        size, degree = len(self.terms), max(self.degree, 1)
        letters = 3 * len({symbol for monomial, _ in self.terms for symbol, _ in monomial})
        if size <= 1:
            return exponent
        total = 0.0
        for k in range(1, exponent):
            bound = (
                math.lgamma(degree * k + letters + 1)
                - math.lgamma(degree * k + 1)
                - math.lgamma(letters + 1)
            )
            total += size * math.exp(min(bound, k * math.log(size), 50.0))
            if total > _WORK:
                break
        return total

    def dag(self) -> Expression:
        """The Hermitian conjugate.

        Returns
        -------
        Expression
            Factors reversed and adjoint, coefficients conjugate, those that depend on time too.
        """
        terms: dict[Key, complex] = {}
        for (monomial, factors), value in self.terms.items():
            swapped = tuple((s, s.factor.adjoint(x)) for s, x in monomial)
            add_term(terms, (swapped, tuple(sorted(f.conj() for f in factors))), value.conjugate())
        return Expression(self.spaces, terms)

    # ------------------------------------------------------------ properties

    def canonical(self) -> Expression:
        """The expression in a basis of the matrix algebra, in which zero has no other name
        (S+^(N+1)=0, S²=J(J+1)).
        """
        if all(
            len(canonical_monomial(monomial)) == 1
            and canonical_monomial(monomial)[0][0] == monomial
            for monomial, _ in self.terms
        ):
            return self
        terms: dict[Key, complex] = {}
        for (monomial, factors), value in self.terms.items():
            for reduced, weight in canonical_monomial(monomial):
                add_term(terms, (reduced, factors), value * weight)
        return Expression(self.spaces, terms)

    def __bool__(self) -> bool:
        return bool(self.terms) and bool(self.canonical().terms)

    def __eq__(self, other: object) -> bool:
        try:
            right = self._lift(other)
        except (ValueError, TypeError):
            return False
        if right is None:
            return NotImplemented
        return _close(self.terms, right.terms) or _close(
            self.canonical().terms, right.canonical().terms
        )

    @property
    def isherm(self) -> bool:
        """Whether it equals its Hermitian conjugate, coefficient function by coefficient
        function.
        """
        return self == self.dag()

    def at(self, t: float) -> Expression:
        """The expression with its time-dependent coefficients taken at time `t`."""
        terms: dict[Key, complex] = {}
        for (monomial, factors), value in self.terms.items():
            add_term(terms, (monomial, ()), value * math.prod(f(t) for f in factors))
        return Expression(self.spaces, terms)

    @property
    def isconstant(self) -> bool:
        """Whether no coefficient depends on time."""
        return all(not factors for _, factors in self.terms)

    @property
    def degree(self) -> int:
        """Largest number of operators in a term."""
        return max(
            (sum(s.factor.degree(x) for s, x in monomial) for monomial, _ in self.terms), default=0
        )

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Every symbol of the calls that made it, call by call."""
        return tuple(symbol for space in self.spaces for symbol in space.symbols)

    @property
    def used(self) -> set[Symbol]:
        """The symbols that some term holds; those of the space that none holds are left out."""
        return {symbol for monomial, _ in self.terms for symbol, _ in monomial}

    def charges(self, symbols: Sequence[Symbol] | None = None) -> set[tuple[int, ...]]:
        """By how much each term raises every label of `symbols`: n of a mode, Sz, each level,
        excited atoms.
        """
        out = set()
        symbols = self.symbols if symbols is None else symbols
        for monomial, _ in self.terms:
            local = dict(monomial)
            rows = (
                s.factor.charge(local[s]) if s in local else (0,) * s.factor.charges
                for s in symbols
            )
            out.add(tuple(c for row in rows for c in row))
        return out

    def renamed(self, mapping: Mapping[Symbol, Symbol]) -> Expression:
        """The expression with every symbol replaced by what `mapping` makes of it (of the same
        kind).
        """
        terms: dict[Key, complex] = {}
        for (monomial, factors), value in self.terms.items():
            new = sorted(
                ((mapping.get(s, s), x) for s, x in monomial), key=lambda pair: pair[0].rank
            )
            add_term(terms, (tuple(new), factors), value)
        return Expression(self.spaces, terms)

    def permuted(self, permutation: Iterable[int]) -> Expression:
        """The expression with symbol k renamed to ``permutation[k]``."""
        symbols = self.symbols
        return self.renamed({s: symbols[k] for s, k in zip(symbols, permutation, strict=True)})

    # ------------------------------------------------------------ matrices and text

    def qutip(self, cutoff: int | Iterable[int] | None = None) -> qutip.Qobj | qutip.QobjEvo:
        """The operator as a QuTiP object.

        Parameters
        ----------
        cutoff : int or sequence of int
            Number of Fock levels kept, for all modes or for each; not needed without modes.

        Returns
        -------
        qutip.Qobj or qutip.QobjEvo
            CSR; a QobjEvo if a coefficient depends on time. Its tensor factors are the symbols of
            the calls that made it: modes in Fock states, spins as in ``qutip.jmat``, levels from
            0, atoms one by one with the excited state first. Matrix elements of modes are those of
            the untruncated operator.
        """
        return operator_matrix(self.terms, self.symbols, cutoff)

    def __repr__(self) -> str:
        return text_of(self.terms, self.symbols)

    def _repr_latex_(self) -> str:
        return latex_of(self.terms, self.symbols)


def _check_work(what: str, work: float) -> None:
    if work > _WORK:
        raise ValueError(
            f"{what} would take about {work:.1g} products of terms, more than a minute; build it "
            f"in another way"
        )


def _close(a: Mapping[Key, complex], b: Mapping[Key, complex]) -> bool:
    """Equal to rounding, relative to the term and to the largest term."""
    scale = max((abs(v) for v in (*a.values(), *b.values())), default=0.0)
    pairs = ((a.get(k, 0), b.get(k, 0)) for k in a.keys() | b.keys())
    return all(abs(x - y) <= max(1e-13 * max(abs(x), abs(y)), 4e-15 * scale) for x, y in pairs)


def commutator(a: Expression, b: Expression) -> Expression:
    """The commutator ab − ba in canonical order.

    Parameters
    ----------
    a, b : Expression
        Of any symbols; those on different ones commute.

    Returns
    -------
    Expression

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> S, = qsp.spins(4)
    >>> qsp.commutator(S.p, S.m)
    2 S1z
    """
    return a * b - b * a
