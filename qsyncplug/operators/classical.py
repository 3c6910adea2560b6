"""Classical symbols of a system: the drift, its Jacobian and the diffusion, with one rule for
modes, spins and the rest.

Modes become complex amplitudes β with {β, β*}=−i (normal-ordered symbols) and spins of two or more
spins ½ vectors on the sphere with {S_a, S_b}=ε_abc S_c (symmetrised symbols). Spins ½, levels and
ensembles are no classical spheres: they keep their operators, which are multiplied before the
expectation value factorises ("sites").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from .atom import AtomFactor
from .expression import Expression
from .factor import Local
from .individual import EachAtom, each_product
from .level import LevelFactor
from .mode import ModeFactor, weyl_symbol
from .polynomial import (
    Hybrid,
    HybridKey,
    Letters,
    Polynomial,
    conjugate,
    derivative,
    hybrid_derivative,
    hybrid_product,
    multiply,
    scaled,
    site_bracket,
    total,
    variable,
)
from .spin import SpinFactor, spin_symbol
from .symbol import Symbol
from .terms import Monomial, add_term

__all__ = ["Classical", "Coordinate"]


@dataclass(frozen=True)
class Coordinate:
    """A real coordinate: `scale` times the real or imaginary part of a variable.

    Attributes
    ----------
    name : str
        For printing, such as ``q1`` or ``S1x``.
    symbol : Symbol
        What it belongs to.
    variable : int
        Number of the complex variable.
    part : int
        0: real part; 1: imaginary part.
    scale, offset : float
        The coordinate is scale times the part plus offset.
    """

    name: str
    symbol: Symbol
    variable: int
    part: int
    scale: float
    offset: float = 0.0


def is_site(symbol: Symbol) -> bool:
    """Whether a symbol keeps its operators in the mean field."""
    factor = symbol.factor
    return not (isinstance(factor, ModeFactor) or (isinstance(factor, SpinFactor) and factor.N > 1))


class Classical:
    """The symbols of a system in complex variables.

    Parameters
    ----------
    symbols : sequence of Symbol
        In the order of the system.
    hamiltonian : Expression
    jumps : sequence of Expression or EachAtom
    weyl : bool
        Symmetrised symbols of modes too, and every spin a vector: for the truncated Wigner
        approximation.
    """

    def __init__(
        self,
        symbols: Sequence[Symbol],
        hamiltonian: Expression,
        jumps: Iterable[Any],
        *,
        weyl: bool = False,
    ):
        self.symbols = tuple(symbols)
        self.weyl = weyl
        self.real: set[int] = set()
        self.first: dict[Symbol, int] = {}
        self.place: dict[Symbol, int] = {}
        self.coordinates: list[Coordinate] = []
        self._owner: list[Symbol] = []  # of every variable
        self.variables = 0
        for symbol in self.symbols:
            self.first[symbol] = self.variables
            self.place[symbol] = len(self.coordinates)
            self._add_symbol(symbol)
            self._owner += [symbol] * (self.variables - self.first[symbol])
        self.spheres = [
            s for s in self.symbols if isinstance(s.factor, SpinFactor) and s.factor.N > 1
        ]
        self.H = self.hybrid(hamiltonian)
        self.each = [j for j in jumps if isinstance(j, EachAtom)]
        self.L = [self.hybrid(j) for j in jumps if not isinstance(j, EachAtom)]
        self.L_dag = [self._conjugate(x) for x in self.L]
        #: numbers of the jumps that each symbol is in: of all others the brackets vanish
        self._met: dict[Symbol, list[int]] = {s: [] for s in self.symbols}
        for number, L in enumerate(self.L):
            for symbol in self._symbols_in(L):
                self._met[symbol].append(number)
        #: the terms of H that each symbol is in
        self._energy: dict[Symbol, Hybrid] = {s: {} for s in self.symbols}
        for key, value in self.H.items():
            for symbol in self._symbols_in((key,)):
                self._energy[symbol][key] = value

    def _symbols_in(self, keys: Iterable[HybridKey]) -> set[Symbol]:
        """Symbols that terms contain, as letters or as sites."""
        out: set[Symbol] = set()
        for letters, sites, _ in keys:
            out.update(self._owner[x >> 1] for x in letters)
            out.update(s for s, _ in sites)
        return out

    def is_site(self, symbol: Symbol) -> bool:
        """Whether a symbol keeps its operators; every spin is a vector where all symbols are
        Weyl's.
        """
        return is_site(symbol) and not (self.weyl and isinstance(symbol.factor, SpinFactor))

    # ------------------------------------------------------------ variables

    def _add_symbol(self, symbol: Symbol) -> None:
        """Number the variables of a symbol, and name its real coordinates."""
        at, name, factor = self.variables, symbol.name, symbol.factor

        def add(label: str, k: int, part: int, scale: float) -> None:
            self.coordinates.append(Coordinate(label, symbol, k, part, scale))

        if isinstance(factor, ModeFactor):
            add(f"q({name})", at, 0, np.sqrt(2))
            add(f"p({name})", at, 1, np.sqrt(2))
            self.variables += 1
        elif isinstance(factor, (SpinFactor, AtomFactor)):
            # ⟨S−⟩=Sx−iSy and Sz; for atoms the number of excited ones
            add(f"{name}x", at, 0, 1.0)
            add(f"{name}y", at, 1, -1.0)
            excited = isinstance(factor, AtomFactor)
            self.coordinates.append(
                Coordinate(f"{name}z", symbol, at + 1, 0, 1.0, -0.5 * factor.N * excited)
            )
            self.real.add(at + 1)
            self.variables += 2
        else:
            assert isinstance(factor, LevelFactor)
            for k, (i, j) in enumerate(self.pairs(factor.d)):
                add(f"Re {name}[{i},{j}]", at + k, 0, 1.0)
                add(f"Im {name}[{i},{j}]", at + k, 1, 1.0)
            at += len(self.pairs(factor.d))
            for k in range(factor.d - 1):
                add(f"{name}[{k + 1},{k + 1}]", at + k, 0, 1.0)
                self.real.add(at + k)
            self.variables = at + factor.d - 1

    @staticmethod
    def pairs(d: int) -> list[tuple[int, int]]:
        """The elements |i⟩⟨j|, i<j, in the order of the variables."""
        return [(i, j) for i in range(d) for j in range(i + 1, d)]

    def site_polynomial(self, symbol: Symbol, key: Local) -> Polynomial:
        """The expectation value of a monomial of a site in the variables."""
        at, factor = self.first[symbol], symbol.factor
        if isinstance(factor, LevelFactor):
            i, j = key
            if i == j:
                return variable(at + len(self.pairs(factor.d)) + i - 1)
            k = self.pairs(factor.d).index((min(i, j), max(i, j)))
            return variable(at + k, conjugated=i > j)
        a, b, c = key
        letters = tuple(sorted((2 * at,) * a + (2 * at + 3,) * b + (2 * at + 1,) * c))
        scale = 1.0
        if isinstance(factor, AtomFactor):
            # distinct sites factorise: (N)_k of them
            scale = float(np.prod([(factor.N - i) / factor.N for i in range(a + b + c)]))
        return {(letters, ()): complex(scale)}

    # ------------------------------------------------------------ symbols

    def hybrid(self, expression: Expression) -> Hybrid:
        """Symbols of modes and spins, operators of sites."""
        out: Hybrid = {}
        for (monomial, factors), value in expression.terms.items():
            parts: list[tuple[Letters, complex]] = [((), value)]
            sites: list[tuple[Symbol, Local]] = []
            for symbol, key in monomial:
                if self.is_site(symbol):
                    sites.append((symbol, key))
                    continue
                at = self.first[symbol]
                if isinstance(symbol.factor, ModeFactor) and self.weyl:
                    parts = [
                        ((*x, *(2 * at,) * p, *(2 * at + 1,) * q), v * w)
                        for x, v in parts
                        for (p, q), w in weyl_symbol(key)
                    ]
                elif isinstance(symbol.factor, ModeFactor):
                    parts = [
                        ((*x, *(2 * at,) * key[0], *(2 * at + 1,) * key[1]), v) for x, v in parts
                    ]
                else:
                    parts = [
                        ((*x, *(2 * at,) * a, *(2 * at + 3,) * b, *(2 * at + 1,) * c), v * w)
                        for x, v in parts
                        for (a, b, c), w in spin_symbol(key)
                    ]
            for letters, v in parts:
                add_term(out, (tuple(sorted(letters)), tuple(sites), factors), v)
        return out

    def _conjugate(self, a: Hybrid) -> Hybrid:
        out: Hybrid = {}
        for (letters, sites, factors), value in a.items():
            new = tuple(sorted(x if x >> 1 in self.real else x ^ 1 for x in letters))
            daggers = tuple((s, s.factor.adjoint(x)) for s, x in sites)
            add_term(
                out, (new, daggers, tuple(sorted(f.conj() for f in factors))), value.conjugate()
            )
        return out

    def expectation(self, a: Hybrid) -> Polynomial:
        """The expectation value with every site in a state of its own."""
        parts = []
        for (letters, sites, factors), value in a.items():
            polynomial: Polynomial = {(letters, factors): value}
            for symbol, key in sites:
                polynomial = multiply(polynomial, self.site_polynomial(symbol, key))
            parts.append((1.0, polynomial))
        return total(*parts)

    # ------------------------------------------------------------ brackets

    def bracket(self, k: int, conjugated: bool, a: Hybrid) -> Hybrid:
        """{z_k, a}: the classical bracket, or −i times the commutator for the operator of a
        site.
        """
        symbol = self._owner[k]
        at = self.first[symbol]
        if self.is_site(symbol):
            return site_bracket(symbol, self._site_key(symbol, k - at, conjugated), a)
        if isinstance(symbol.factor, ModeFactor):
            sign, letter = (1j, 2 * at + 1) if conjugated else (-1j, 2 * at)
            return scaled(hybrid_derivative(a, letter), sign)
        # {S−, S+}=2iSz, {Sz, S±}=∓iS±, {S±, Sz}=±iS±
        plus, minus, z = 2 * at, 2 * at + 1, 2 * at + 3
        if k > at:
            rules = ((plus, -1j, plus), (minus, 1j, minus))
        elif conjugated:
            rules = ((minus, -2j, z), (z, 1j, plus))
        else:
            rules = ((plus, 2j, z), (z, -1j, minus))
        out: Hybrid = {}
        for by, weight, times in rules:
            for (letters, sites, factors), value in hybrid_derivative(a, by).items():
                add_term(out, (tuple(sorted((*letters, times))), sites, factors), weight * value)
        return out

    def _site_key(self, symbol: Symbol, k: int, conjugated: bool) -> Local:
        """The operator whose expectation value is variable `k` of a site."""
        factor = symbol.factor
        if isinstance(factor, LevelFactor):
            pairs = self.pairs(factor.d)
            if k >= len(pairs):
                level = k - len(pairs) + 1
                return (level, level)
            i, j = pairs[k]
            return (j, i) if conjugated else (i, j)
        if k:
            return (0, 1, 0)
        return (1, 0, 0) if conjugated else (0, 0, 1)

    # ------------------------------------------------------------ equations

    def drift(self) -> list[Polynomial]:
        """ż_k of every variable: {z,H} + ½i Σ (L†{z,L} − {z,L†}L), the exact rate for a site."""
        out = []
        for k in range(self.variables):
            owner = self._owner[k]
            rate = dict(self.bracket(k, False, self._energy[owner]))
            for number in self._met[owner]:
                L, L_dag = self.L[number], self.L_dag[number]
                for key, value in hybrid_product(L_dag, self.bracket(k, False, L)).items():
                    add_term(rate, key, 0.5j * value)
                for key, value in hybrid_product(self.bracket(k, False, L_dag), L).items():
                    add_term(rate, key, -0.5j * value)
            parts = [(1.0, self.expectation(rate))]
            parts += [(1.0, self._each_rate(jump, k)) for jump in self.each]
            out.append(total(*parts))
        return out

    def _each_rate(self, jump: EachAtom, k: int) -> Polynomial:
        at = self.first[jump.symbol]
        if not at <= k < at + 2:
            return {}
        key = self._site_key(jump.symbol, k - at, False)
        rate: Hybrid = {}
        for (local, factors), value in each_product(jump, key, None).items():
            sites: Monomial = () if local == jump.symbol.factor.one else ((jump.symbol, local),)
            add_term(rate, ((), sites, factors), value)
        return self.expectation(rate)

    def jacobian(self, drift: Sequence[Polynomial]) -> tuple[list[Polynomial], list[Polynomial]]:
        """u=∂F_j/∂z_k and v=∂F_j/∂z̄_k, row by row; v of a real variable is 0."""
        n = range(self.variables)
        u: list[Polynomial] = []
        v: list[Polynomial] = []
        for f in drift:
            there = {x >> 1 for letters, _ in f for x in letters}
            u += [derivative(f, k) if k in there else {} for k in n]
            v += [derivative(f, k, True) if k in there and k not in self.real else {} for k in n]
        return u, v

    def noises(self) -> list[tuple[int, int, bool, Polynomial]]:
        """(jump, variable, starred, polynomial): {z,L} and {z,L*} (starred) of every jump."""
        out = []
        for number, (L, L_dag) in enumerate(zip(self.L, self.L_dag, strict=True)):
            there = self._symbols_in(L)
            for k in (k for k in range(self.variables) if self._owner[k] in there):
                for starred, operator in ((False, L), (True, L_dag)):
                    if row := self.expectation(self.bracket(k, False, operator)):
                        out.append((number, k, starred, row))
        return out

    def diffusion(self) -> list[Polynomial]:
        """The upper triangle of D in the real coordinates: Re Σ {X,L†}{Y,L}."""
        found, out = self._noise_parts(), []
        for a, b in combinations_with_replacement(range(len(self.coordinates)), 2):
            parts = found.get((a, b), [])
            parts += [(1.0, self._each_diffusion(jump, a, b)) for jump in self.each]
            polynomial = total(*parts) if parts else {}
            # the real part, as a polynomial
            out.append(total((0.5, polynomial), (0.5, conjugate(polynomial, self.real))))
        return out

    def _noise_parts(self) -> dict[tuple[int, int], list[tuple[complex, Mapping[Any, complex]]]]:
        """⟨{X,L†}{Y,L}⟩ of every jump, by the two coordinates where it is not 0."""
        out: dict[tuple[int, int], list[tuple[complex, Mapping[Any, complex]]]] = {}
        for L, L_dag in zip(self.L, self.L_dag, strict=True):
            symbols = self._symbols_in(L)
            there = [k for k, c in enumerate(self.coordinates) if c.symbol in symbols]
            first = {k: self._real_bracket(self.coordinates[k], L_dag) for k in there}
            second = {k: self._real_bracket(self.coordinates[k], L) for k in there}
            for a, b in combinations_with_replacement(there, 2):
                if first[a] and second[b]:
                    mean = self.expectation(hybrid_product(first[a], second[b]))
                    out.setdefault((a, b), []).append((1.0, mean))
        return out

    def brackets(self) -> list[Polynomial]:
        """{X,Y} of all real coordinates, row by row: −i times the mean of the commutator."""
        coordinates = self.coordinates
        letters = [self._as_hybrid(c) for c in coordinates]
        return [self.expectation(self._real_bracket(c, y)) for c in coordinates for y in letters]

    def _as_hybrid(self, c: Coordinate) -> Hybrid:
        """A real coordinate, without its offset, as what brackets are taken with."""
        k = c.variable
        if self.is_site(c.symbol):
            operators = self._operators(c, self.first[c.symbol])
            return {((), ((c.symbol, key),), ()): v for key, v in operators}
        if k in self.real:
            return {((2 * k + 1,), (), ()): complex(c.scale)}
        own, other = (0.5, 0.5) if c.part == 0 else (-0.5j, 0.5j)
        return {((2 * k + 1,), (), ()): c.scale * own, ((2 * k,), (), ()): c.scale * other}

    def _real_bracket(self, c: Coordinate, a: Hybrid) -> Hybrid:
        """{X, a} of a real coordinate."""
        if c.variable in self.real:
            return scaled(self.bracket(c.variable, False, a), c.scale)
        own, other = self.bracket(c.variable, False, a), self.bracket(c.variable, True, a)
        weights = (0.5, 0.5) if c.part == 0 else (-0.5j, 0.5j)
        out: Hybrid = {}
        for part, weight in zip((own, other), weights, strict=True):
            for key, value in part.items():
                add_term(out, key, weight * c.scale * value)
        return out

    def _each_diffusion(self, jump: EachAtom, a: int, b: int) -> Polynomial:
        x, y = self.coordinates[a], self.coordinates[b]
        if x.symbol is not jump.symbol or y.symbol is not jump.symbol:
            return {}
        at = self.first[jump.symbol]
        rate: Hybrid = {}
        for left, v in self._operators(x, at):
            for right, w in self._operators(y, at):
                for (local, factors), value in each_product(jump, left, right).items():
                    sites: Monomial = (
                        () if local == jump.symbol.factor.one else ((jump.symbol, local),)
                    )
                    add_term(rate, ((), sites, factors), v * w * value)
        return self.expectation(rate)

    def _operators(self, c: Coordinate, at: int) -> list[tuple[Local, complex]]:
        """A real coordinate of a site as operators with weights."""
        key = self._site_key(c.symbol, c.variable - at, False)
        if c.variable in self.real:
            return [(key, c.scale)]
        weights = (0.5, 0.5) if c.part == 0 else (-0.5j, 0.5j)
        return [(key, c.scale * weights[0]), (c.symbol.factor.adjoint(key), c.scale * weights[1])]
