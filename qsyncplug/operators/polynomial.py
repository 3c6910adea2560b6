"""Commuting polynomials in complex variables and their conjugates, as the compiled kernel takes
them.

A polynomial is a dict ``(letters, time factors) -> complex``; letters is a sorted tuple with 2k+1
for every z_k and 2k for every z̄_k, so its length is the degree whatever the number of variables.
A real variable has the letter 2k+1 alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from .runs import find_runs
from .terms import add_term
from .time_factor import TimeFactor

__all__ = [
    "Letters",
    "PolyKey",
    "Polynomial",
    "compile_polynomials",
    "conjugate",
    "derivative",
    "multiply",
    "number",
    "total",
    "variable",
]

Letters = tuple[int, ...]
PolyKey = tuple[Letters, tuple[TimeFactor, ...]]
Polynomial = dict[PolyKey, complex]


def number(value: complex) -> Polynomial:
    """The constant polynomial of a number; 0 has no terms."""
    return {((), ()): complex(value)} if value else {}


def variable(k: int, conjugated: bool = False) -> Polynomial:
    """z_k, or z̄_k when `conjugated`."""
    return {((2 * k + (0 if conjugated else 1),), ()): 1.0 + 0j}


def total(*parts: tuple[complex, Mapping[PolyKey, complex]]) -> Polynomial:
    """Linear combination of ``(factor, polynomial)`` pairs."""
    terms: Polynomial = {}
    for factor, polynomial in parts:
        if factor:
            for key, value in polynomial.items():
                add_term(terms, key, factor * value)
    return terms


def multiply(a: Mapping[PolyKey, complex], b: Mapping[PolyKey, complex]) -> Polynomial:
    """Product of commuting polynomials, time factors included."""
    terms: Polynomial = {}
    for (l1, f1), x in a.items():
        for (l2, f2), y in b.items():
            letters = tuple(sorted(l1 + l2)) if l1 and l2 else l1 or l2
            factors = tuple(sorted(f1 + f2)) if f1 and f2 else f1 or f2
            add_term(terms, (letters, factors), x * y)
    return terms


def conjugate(a: Mapping[PolyKey, complex], real: Collection[int] = ()) -> Polynomial:
    """Complex conjugate; `real` lists the variables that are their own."""
    return {
        (
            tuple(sorted(x if x >> 1 in real else x ^ 1 for x in letters)),
            tuple(sorted(f.conj() for f in factors)),
        ): value.conjugate()
        for (letters, factors), value in a.items()
    }


def derivative(a: Mapping[PolyKey, complex], k: int, conjugated: bool = False) -> Polynomial:
    """∂/∂z_k, or ∂/∂z̄_k when `conjugated` (z and z̄ independent)."""
    letter = 2 * k + (0 if conjugated else 1)
    terms: Polynomial = {}
    for (letters, factors), value in a.items():
        if power := letters.count(letter):
            at = letters.index(letter)
            add_term(terms, (letters[:at] + letters[at + 1 :], factors), value * power)
    return terms


def compile_polynomials(
    outputs: Sequence[Mapping[PolyKey, complex]],
) -> tuple[dict[str, np.ndarray], list[tuple[TimeFactor, ...]]]:
    """Arrays for the kernel: a list of products of two numbers each, and one sparse row an output.

    Returns
    -------
    arrays : dict
        ``first, second`` (of every product) and ``column`` (of every entry of a row) name numbers:
        0 is the constant 1, −1−x the letter x, k ≥ 1 the product k−1. ``start, middle, column,
        factor`` (int: the entries of a row that have real coefficients and no factor of time come
        first, up to ``middle``), ``re, im`` and both together as ``value``; where it is worth while
        and nothing depends on time, what :func:`find_runs` gives.
    factors : list
        Products of time factors that ``factor`` refers to; entry 0 is the constant 1.
    """
    products = _Products(letters for p in outputs for letters, _ in p)
    factors: dict[tuple[TimeFactor, ...], int] = {(): 0}
    start, middle = [0], []
    column: list[int] = []
    factor: list[int] = []
    value: list[complex] = []
    for polynomial in outputs:
        plain = {k for k, x in polynomial.items() if x.imag == 0 and not k[1]}
        for key in sorted(polynomial, key=lambda k: (k not in plain, k[0])):
            column.append(products.place(key[0]))
            factor.append(factors.setdefault(key[1], len(factors)))
            value.append(polynomial[key])
        middle.append(start[-1] + len(plain))
        start.append(len(column))
    values = np.array(value, dtype=complex)
    arrays = {
        "first": np.array([a for a, _ in products.pairs], dtype=np.int32),
        "second": np.array([b for _, b in products.pairs], dtype=np.int32),
        "start": np.array(start, dtype=np.int32),
        "middle": np.array(middle, dtype=np.int32),
        "column": np.array(column, dtype=np.int32),
        "factor": np.array(factor, dtype=np.int32),
        "value": values,
        "re": np.ascontiguousarray(values.real),
        "im": np.ascontiguousarray(values.imag),
    }
    if len(factors) == 1:
        entries = [(r, k[0], x) for r, p in enumerate(outputs) for k, x in p.items()]
        arrays |= find_runs(_chains(letters for _, letters, _ in entries), entries)
    return arrays, list(factors)


def _chains(monomials: Iterable[Letters]) -> set[Letters]:
    """Monomials with all that they begin with."""
    return {m[:k] for m in set(monomials) for k in range(len(m) + 1)}


class _Products:
    """Monomials as products of two smaller numbers, few of which serve for nothing else.

    Attributes
    ----------
    pairs : list of pair of int
        What each product is made of, smaller ones first; see :func:`compile_polynomials`.
    """

    def __init__(self, monomials: Iterable[Letters]) -> None:
        self.pairs: list[tuple[int, int]] = []
        self._number: dict[Letters, int] = {}
        # what is wanted itself is there before that which may be made of it
        for letters in sorted(set(monomials), key=lambda m: (len(m), m)):
            self.place(letters)

    def place(self, letters: Letters) -> int:
        """The number of a monomial."""
        if len(letters) < 2:
            return -1 - letters[0] if letters else 0
        if letters not in self._number:
            a, b = self._parts(letters)
            self.pairs.append((self.place(a), self.place(b)))
            self._number[letters] = len(self.pairs)
        return self._number[letters]

    def _parts(self, letters: Letters) -> tuple[Letters, Letters]:
        """One letter beside what there is, two that there are, or halves."""
        there, size = self._number, len(letters)
        for k in range(size - 1, -1, -1):
            rest = letters[:k] + letters[k + 1 :]
            if size == 2 or rest in there:
                return rest, (letters[k],)
        for k in range(2, size - 1):
            if letters[:k] in there and letters[k:] in there:
                return letters[:k], letters[k:]
        # the upper half is the longer one: its letters are often powers, which stand together
        return letters[: size // 2], letters[size // 2 :]
