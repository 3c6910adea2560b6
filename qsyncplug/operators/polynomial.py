"""Commuting polynomials in complex variables and their conjugates, as the compiled kernel takes
them.

A polynomial is a dict ``(powers, factors) -> complex`` with ``powers =
(p̄_0, p_0, p̄_1, p_1, …)``: the powers of z̄_k and z_k. The normal-ordered
symbol of an operator expression is the dict of the expression itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from .algebra import Expression, Key, Powers, TimeFactor, _add

__all__ = [
    "Polynomial",
    "compile_polynomials",
    "conjugate",
    "derivative",
    "gaussian_moment",
    "multiply",
    "total",
]

Polynomial = dict[Key, complex]


def total(*parts: tuple[complex, Mapping[Key, complex]]) -> Polynomial:
    """Linear combination of ``(factor, polynomial)`` pairs."""
    terms: Polynomial = {}
    for factor, polynomial in parts:
        for key, value in polynomial.items():
            _add(terms, key, factor * value)
    return terms


def multiply(a: Mapping[Key, complex], b: Mapping[Key, complex]) -> Polynomial:
    """Commuting product."""
    terms: Polynomial = {}
    for (p1, f1), x in a.items():
        for (p2, f2), y in b.items():
            key = (tuple(i + j for i, j in zip(p1, p2, strict=True)), tuple(sorted(f1 + f2)))
            _add(terms, key, x * y)
    return terms


def conjugate(a: Mapping[Key, complex]) -> Polynomial:
    """Complex conjugate."""
    return {
        (
            tuple(p[j ^ 1] for j in range(len(p))),
            tuple(sorted(f.conj() for f in factors)),
        ): value.conjugate()
        for (p, factors), value in a.items()
    }


def derivative(a: Mapping[Key, complex], variable: int, conjugated: bool) -> Polynomial:
    """∂/∂z_k, or ∂/∂z̄_k when `conjugated` (z and z̄ independent)."""
    at = 2 * variable + (0 if conjugated else 1)
    terms: Polynomial = {}
    for (p, factors), value in a.items():
        if p[at]:
            _add(terms, (p[:at] + (p[at] - 1,) + p[at + 1 :], factors), value * p[at])
    return terms


def compile_polynomials(
    outputs: Sequence[Mapping[Key, complex]], variables: int
) -> tuple[dict[str, np.ndarray], list[tuple[TimeFactor, ...]]]:
    """Arrays for the kernel: a chain of monomials, each its parent times one variable, and one
    sparse row an output.

    Returns
    -------
    arrays : dict
        ``parent, variable`` (monomials from index 1 on; 0 is the constant 1), ``start, column,
        factor`` (int) and ``value`` (complex).
    factors : list
        Products of time factors that ``factor`` refers to; entry 0 is the constant 1.
    """
    index: dict[Powers, int] = {(0,) * (2 * variables): 0}
    parent: list[int] = []
    variable: list[int] = []

    def monomial(powers: Powers) -> int:
        if powers not in index:
            # take off the highest variable present: chains are shared by many monomials
            at = max(k for k, p in enumerate(powers) if p)
            up = monomial(powers[:at] + (powers[at] - 1,) + powers[at + 1 :])
            parent.append(up)
            variable.append(at)
            index[powers] = len(parent)
        return index[powers]

    products: dict[tuple[TimeFactor, ...], int] = {(): 0}
    start, column, factor, value = [0], [], [], []
    for polynomial in outputs:
        for (powers, factors), x in sorted(polynomial.items(), key=lambda item: item[0][0]):
            column.append(monomial(powers))
            factor.append(products.setdefault(factors, len(products)))
            value.append(x)
        start.append(len(column))
    arrays = {
        "parent": np.array(parent, dtype=np.int32),
        "variable": np.array(variable, dtype=np.int32),
        "start": np.array(start, dtype=np.int32),
        "column": np.array(column, dtype=np.int32),
        "factor": np.array(factor, dtype=np.int32),
        "value": np.array(value, dtype=complex),
    }
    return arrays, list(products)


class _Wick:
    """Moments of a Gaussian state as polynomials in its mean and normal-ordered covariances.

    Variables: β_j for j<n, then m_jk=⟨δb_jδb_k⟩ for j≤k, then n_jk=⟨δb_j†δb_k⟩ for j≤k.
    """

    def __init__(self, n: int):
        self.n = n
        pairs = [(j, k) for j in range(n) for k in range(j, n)]
        self.variables = n + 2 * len(pairs)
        self._m = {pair: n + i for i, pair in enumerate(pairs)}
        self._n = {pair: n + len(pairs) + i for i, pair in enumerate(pairs)}
        self.pairs = pairs
        self.moment: Callable[[Powers], Polynomial] = lru_cache(maxsize=None)(self._moment)

    def _variable(self, k: int, conjugated: bool = False) -> Polynomial:
        powers = [0] * (2 * self.variables)
        powers[2 * k + (0 if conjugated else 1)] = 1
        return {(tuple(powers), ()): 1.0 + 0j}

    def mean(self, j: int, dagger: bool) -> Polynomial:
        return self._variable(j, dagger)

    def contraction(self, a: tuple[int, bool], b: tuple[int, bool]) -> Polynomial:
        """⟨δa δb⟩ in normal order, for (mode, is it a creation operator)."""
        (j, x), (k, y) = a, b
        if x == y:
            return self._variable(self._m[min(j, k), max(j, k)], x)
        if y:
            j, k = k, j
        # now ⟨δb_j† δb_k⟩
        return self._variable(self._n[j, k]) if j <= k else self._variable(self._n[k, j], True)

    def _moment(self, powers: Powers) -> Polynomial:
        """⟨∏ b†^p b^q⟩ by taking off one operator: its mean, or its contraction with each of the
        others.
        """
        at = next((k for k, p in enumerate(powers) if p), None)
        if at is None:
            return {((0,) * (2 * self.variables), ()): 1.0 + 0j}
        rest = powers[:at] + (powers[at] - 1,) + powers[at + 1 :]
        first = (at // 2, at % 2 == 0)
        parts = [(1.0, multiply(self.mean(*first), self.moment(rest)))]
        for other, p in enumerate(rest):
            if p:
                remaining = rest[:other] + (p - 1,) + rest[other + 1 :]
                pair = self.contraction(first, (other // 2, other % 2 == 0))
                parts.append((float(p), multiply(pair, self.moment(remaining))))
        return total(*parts)

    def expectation(self, expression: Expression) -> Polynomial:
        """Expectation value of an operator expression."""
        parts = []
        for (powers, factors), value in expression.terms.items():
            moment = self.moment(powers)
            parts.append(
                (value, {(p, tuple(sorted(f + factors))): x for (p, f), x in moment.items()})
            )
        return total(*parts)


@lru_cache(maxsize=8)
def gaussian_moment(n: int) -> _Wick:
    """The table of Gaussian moments of `n` modes."""
    return _Wick(n)
