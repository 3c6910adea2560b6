"""Sums of commuting polynomials times products of operators: what classical variables and sites
are written with together.
"""

from __future__ import annotations

from .factor import Local
from .polynomial import Letters
from .symbol import Symbol
from .terms import Monomial, add_term, monomial_product
from .time_factor import TimeFactor

__all__ = [
    "Hybrid",
    "HybridKey",
    "hybrid_derivative",
    "hybrid_product",
    "scaled",
    "site_bracket",
]

#: a commuting polynomial times a monomial of site operators
HybridKey = tuple[Letters, Monomial, tuple[TimeFactor, ...]]
Hybrid = dict[HybridKey, complex]


def hybrid_product(a: Hybrid, b: Hybrid) -> Hybrid:
    """The product; operators of one site are multiplied as such."""
    out: Hybrid = {}
    for (l1, s1, f1), x in a.items():
        for (l2, s2, f2), y in b.items():
            letters = tuple(sorted(l1 + l2))
            factors = tuple(sorted(f1 + f2))
            for sites, weight in monomial_product(s1, s2):
                add_term(out, (letters, sites, factors), x * y * weight)
    return out


def hybrid_derivative(a: Hybrid, letter: int) -> Hybrid:
    """The derivative with respect to a commuting letter."""
    out: Hybrid = {}
    for (letters, sites, factors), value in a.items():
        if power := letters.count(letter):
            at = letters.index(letter)
            add_term(out, (letters[:at] + letters[at + 1 :], sites, factors), value * power)
    return out


def site_bracket(symbol: Symbol, key: Local, a: Hybrid) -> Hybrid:
    """−i times the commutator of an operator of a site with `a`."""
    operator: Monomial = ((symbol, key),)
    out: Hybrid = {}
    for (letters, sites, factors), value in a.items():
        if any(s is symbol for s, _ in sites):
            for left, right, sign in ((operator, sites, -1j), (sites, operator, 1j)):
                for product, weight in monomial_product(left, right):
                    add_term(out, (letters, product, factors), sign * value * weight)
    return out


def scaled(a: Hybrid, factor: complex) -> Hybrid:
    """The same sum with every coefficient times a number."""
    return {key: factor * value for key, value in a.items()}
