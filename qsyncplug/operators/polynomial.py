"""Commuting polynomials in complex variables and their conjugates, as the compiled kernel takes
them.

A polynomial is a dict ``(letters, time factors) -> complex``; letters is a sorted tuple with 2k+1
for every z_k and 2k for every z̄_k, so its length is the degree whatever the number of variables.
A real variable has the letter 2k+1 alone.

In a ring or a lattice the same product is formed for every node. Where products, columns and rows
are numbered so that they follow each other, a run of them is one short loop over contiguous
numbers: what repeats from node to node is done side by side.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from .factor import Local
from .symbol import Symbol
from .terms import Monomial, add_term, monomial_product
from .time_factor import TimeFactor

__all__ = [
    "Hybrid",
    "HybridKey",
    "Letters",
    "PolyKey",
    "Polynomial",
    "compile_polynomials",
    "conjugate",
    "derivative",
    "find_runs",
    "hybrid_derivative",
    "hybrid_product",
    "multiply",
    "number",
    "scaled",
    "site_bracket",
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


#: fewer numbers a run than this are faster one by one
_WORTH = 4.0


def find_runs(
    monomials: Iterable[tuple[int, ...]], entries: Sequence[tuple[int, tuple[int, ...], complex]]
) -> dict[str, np.ndarray]:
    """The schedule of `bosons.pyx`, empty where too little repeats.

    Parameters
    ----------
    monomials : iterable of tuple of int
        Letters (2k+1 for z_k, 2k for its conjugate) of every product, those of the chain included.
    entries : sequence of (row, letters, coefficient)

    Returns
    -------
    dict
        Numbers are kept in this order: one, conjugates, variables, products. ``run_products`` (dst,
        a, b, length): so many products of a and b; ``run_sums`` (row, number, coefficient, length,
        whether complex); ``run_re, run_im``: coefficients; ``run_sizes``: variables and numbers.
    """
    products = sorted((m for m in monomials if len(m) > 1), key=_node_shape)
    used = [x >> 1 for letters in (*products, *(e[1] for e in entries)) for x in letters]
    width = 1 + max(used, default=0)

    def place(letter: int) -> int:
        return 1 + (letter & 1) * width + (letter >> 1)

    number: dict[tuple[int, ...], int] = {(): 0}
    number |= {(x,): place(x) for x in range(2 * width)}
    number |= {m: 1 + 2 * width + k for k, m in enumerate(products)}
    formed = _in_runs([(number[m], number[m[:-1]], place(m[-1])) for m in products])
    sums = sorted(
        ((value.imag != 0, number[m] - row, row, number[m], value) for row, m, value in entries),
        key=lambda e: e[:4],
    )
    added = _in_runs([(row, at, k, int(kind)) for k, (kind, _, row, at, _) in enumerate(sums)], 3)
    if len(products) + len(sums) < _WORTH * (len(formed) + len(added)):
        return {}
    values = np.array([e[4] for e in sums], dtype=complex)
    # the kernel takes four coefficients at a time: a run of them ends with zeros
    starts = np.cumsum([0] + [-(-r[4] // 4) * 4 for r in added])
    padded = np.zeros(starts[-1], dtype=complex)
    for at, r in zip(starts.tolist(), added, strict=False):
        padded[at : at + r[4]] = values[r[2] : r[2] + r[4]]
    run_sums = [(*r[:2], at, r[4], r[3]) for at, r in zip(starts.tolist(), added, strict=False)]
    return {
        "run_products": np.array(formed, dtype=np.intc).reshape(-1, 4),
        "run_sums": np.array(run_sums, dtype=np.intc).reshape(-1, 5),
        "run_re": np.ascontiguousarray(padded.real),
        "run_im": np.ascontiguousarray(padded.imag),
        "run_sizes": np.array([width, 1 + 2 * width + len(products)], dtype=np.intc),
    }


def _node_shape(letters: tuple[int, ...]) -> tuple[int, tuple[int, ...], int]:
    """Degree, what stays from node to node, and the node."""
    first = letters[0]
    return len(letters), (first & 1, *(x - first for x in letters)), first


def _in_runs(rows: Sequence[tuple[int, ...]], growing: int = 3) -> list[tuple[int, ...]]:
    """Runs of rows whose first `growing` numbers grow by one from row to row, while the others
    stay; the length of each at its end.
    """
    out: list[list[int]] = []
    for row in rows:
        if out:
            last, length = out[-1][:-1], out[-1][-1]
            if list(row) == [x + length * (i < growing) for i, x in enumerate(last)]:
                out[-1][-1] += 1
                continue
        out.append([*row, 1])
    return [tuple(x) for x in out]


# ------------------------------------------------------------ with operators of sites

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
