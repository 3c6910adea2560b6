"""Stochastic polynomial equations as rows of real numbers, as the kernel of samples takes them."""

from __future__ import annotations

import cmath
import math
from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from .._ext.stochastic import Shape, Source, Stochastic, Way
from ..operators.classical import Classical
from ..operators.polynomial import Letters, Polynomial
from ..operators.spin import SpinFactor
from ..operators.time_factor import TimeFactor, value_at

__all__ = ["HeunProgram", "merged"]


@dataclass(frozen=True)
class _Row:
    """Where a monomial is: rows of its real and (unless it is real) imaginary part, and the sign
    that the latter carries.
    """

    re: int
    im: int = -1
    sign: float = 1.0


#: variable, letters, time factors, coefficient, and whether a noise is among the letters
_Monomial = tuple[int, Letters, tuple[TimeFactor, ...], complex, int]


@dataclass(frozen=True)
class _Term:
    """One term of dz of a variable, as the kernel has it."""

    variable: int
    source: Source
    shape: Shape
    rows: tuple[int, ...]
    factor: int
    noisy: int
    value: complex
    sign: float

    @property
    def kind(self) -> int:
        """QW_KIND of samples_kernels.h."""
        return int(Shape.SHAPES * self.source + self.shape)


#: jump, variable, whether L* is meant, and {z, L} or {z, L*}
_Noise = tuple[int, int, bool, Polynomial]


def merged(noises: list[_Noise]) -> list[_Noise]:
    """The noises of `Classical.noises` with fewer sources: only the covariance of constant ones
    matters.

    dz = ½Gζ with a constant matrix G has the law of ½Lζ' where LL†=GG†, and L (G†=QL†) has as many
    columns as there are variables.
    """
    by_jump: dict[int, list[_Noise]] = {}
    for noise in noises:
        by_jump.setdefault(noise[0], []).append(noise)
    steady = {
        j: rows
        for j, rows in by_jump.items()
        if len({starred for _, _, starred, _ in rows}) == 1
        and all(set(polynomial) == {((), ())} for *_, polynomial in rows)
    }
    variables = sorted({k for rows in steady.values() for _, k, _, _ in rows})
    if len(steady) <= len(variables):
        return noises
    G = np.zeros((len(variables), len(steady)), dtype=complex)
    for column, rows in enumerate(steady.values()):
        for _, k, _, polynomial in rows:
            G[variables.index(k), column] = polynomial[(), ()]
    L = np.asarray(np.linalg.qr(G.conj().T, mode="r")).conj().T
    out: list[_Noise] = []
    for column in range(L.shape[1]):
        for k, value in zip(variables, L[:, column].tolist(), strict=True):
            if abs(value) > 1e-15 * np.abs(L).max():
                out.append((column, k, True, {((), ()): value}))
    rest = [j for j in by_jump if j not in steady]
    number = {j: L.shape[1] + i for i, j in enumerate(rest)}
    return out + [(number[j], k, s, p) for j in rest for _, k, s, p in by_jump[j]]


#: what the kernel adds without a coefficient
_UNITS = (
    Source.COMPLEX,
    Source.REAL_COMPLEX,
    Source.COMPLEX_COMPLEX,
    Source.CONJUGATE_COMPLEX,
)


class HeunProgram:
    """dz = F dt + ½Σ ({z,L} ζ* + {z,L*} ζ) of every variable, ζ=(±1 ± i)√dt.

    The noises are variables too: dz is one polynomial in z and ζ. Products that are used twice are
    kept in rows, the others are formed where they are added; what is real (z̄z, S_z) has one row,
    and a coefficient that is real or imaginary costs half of one that is neither.

    Parameters
    ----------
    classical : Classical
        Weyl symbols of a system.
    """

    def __init__(self, classical: Classical):
        self.classical = classical
        v = classical.variables
        self._real = classical.real
        self._rows: dict[Letters, _Row] = {}
        self._products: list[tuple[int, ...]] = []
        self.factors: dict[tuple[TimeFactor, ...], int] = {(): 0}
        self.real_row, self.imag_row = np.empty(v, dtype=int), np.full(v, -1)
        count = 0
        for k in range(v):
            self.real_row[k] = count
            count += 1
            if k not in self._real:
                self.imag_row[k] = count
                count += 1
        self._sums = count
        noises = merged(classical.noises())
        self.jumps = max((number for number, *_ in noises), default=-1) + 1
        self._next = 2 * count + 2 * self.jumps
        self._name_letters(v)
        self._table = self._arrays([self._term(*m) for m in self._monomials(noises)])

    @property
    def timed(self) -> bool:
        """Whether a coefficient depends on time."""
        return len(self.factors) > 1

    def kernel(self, level: int = -1) -> Stochastic:
        """A fresh compiled kernel: each holds its own scratch, so threads do not meet."""
        return Stochastic(self._table, self.jumps, len(self.factors), self._next, level)

    def factor_table(self, times: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Products of functions of time at every step and the end of each interval: rows of real
        and imaginary parts.
        """
        if not self.timed:
            return np.array([[1.0, 0.0]])
        points = [np.linspace(times[k], times[k + 1], count + 1) for k, count in enumerate(steps)]
        rows = [self.factors_at(float(t)) for t in np.concatenate(points)]
        return np.ascontiguousarray(np.array(rows, dtype=complex)).view(float)

    def factors_at(self, t: float) -> list[complex]:
        """The factors of every program at time `t`; a ValueError where they are no numbers."""
        values = [[value_at(f, t) for f in product] for product in self.factors]
        if not all(map(cmath.isfinite, chain.from_iterable(values))):
            raise ValueError(f"a coefficient of the system is not finite at t={t:g}")
        return [math.prod(product) for product in values]

    # ------------------------------------------------------------ rows

    def _name_letters(self, v: int) -> None:
        for k in range(v):
            re, im = int(self.real_row[k]), int(self.imag_row[k])
            self._rows[(2 * k + 1,)] = _Row(re, im)
            self._rows[(2 * k,)] = _Row(re, im, -1.0)
        for j in range(self.jumps):
            re = 2 * self._sums + 2 * j
            self._rows[(2 * (v + j) + 1,)] = _Row(re, re + 1)
            self._rows[(2 * (v + j),)] = _Row(re, re + 1, -1.0)

    def _multiplied(self, way: Way, *rows: int) -> int:
        """Add a product of `rows` to the program; the row that it is written to."""
        self._products.append((way, self._next, *rows, *(rows[0],) * (4 - len(rows))))
        self._next += 1
        return self._next - 1

    def _row(self, letters: Letters) -> _Row:
        """Where a monomial is, formed where it is not there yet."""
        if letters not in self._rows:
            a, b = self._row(letters[:-1]), self._row(letters[-1:])
            self._rows[letters] = self._product(a, b, self._is_real(letters))
        return self._rows[letters]

    def _is_real(self, letters: Letters) -> bool:
        swapped = [x if x >> 1 in self._real else x ^ 1 for x in letters]
        return sorted(swapped) == sorted(letters)

    def _product(self, a: _Row, b: _Row, real: bool) -> _Row:
        if a.im < 0:
            a, b = b, a
        if b.im < 0:
            re = self._multiplied(Way.TIMES, a.re, b.re)
            if a.im < 0:
                return _Row(re)
            return _Row(re, self._multiplied(Way.TIMES, a.im, b.re), a.sign)
        same = a.sign == b.sign
        re = self._multiplied(Way.MINUS if same else Way.PLUS, a.re, b.re, a.im, b.im)
        if real:
            return _Row(re)
        im = self._multiplied(Way.PLUS if same else Way.MINUS, a.re, b.im, a.im, b.re)
        return _Row(re, im, b.sign)

    # ------------------------------------------------------------ sums

    def _monomials(self, noises: list[tuple[int, int, bool, Polynomial]]) -> list[_Monomial]:
        """What dz of every variable is the sum of, by variable; products used twice get rows."""
        v = self.classical.variables
        found: list[_Monomial] = []
        for k, polynomial in enumerate(self.classical.drift()):
            found += [(k, letters, f, value, 0) for (letters, f), value in polynomial.items()]
        for number, k, starred, polynomial in noises:
            noise = 2 * (v + number) + (1 if starred else 0)
            for (letters, factors), value in polynomial.items():
                found.append((k, (*letters, noise), factors, 0.5 * value, 1))
        self.noise = _sizes(found, v, self.jumps)
        found = [
            (k, letters, f, value / (self.noise[(letters[-1] >> 1) - v] if noisy else 1.0), noisy)
            for k, letters, f, value, noisy in found
        ]
        found.sort(key=lambda m: m[0])
        uses = Counter(m[1] for m in found)
        # every product begins with another one, but for what the kernel forms by itself
        begun = [letters[:-1] for letters in uses if self._modulus(letters) is None]
        self._kept = {letters for letters, count in uses.items() if count > 1} | set(begun)
        return found

    def _modulus(self, letters: Letters) -> tuple[Letters, Letters] | None:
        """The variables z and w of z̄zw, where these are single complex variables."""
        if len(letters) == 3:
            for k in range(3):
                a, b = (x for i, x in enumerate(letters) if i != k)
                if a ^ 1 == b and a >> 1 not in self._real and letters[k] >> 1 not in self._real:
                    return (a,), (letters[k],)
        return None

    def _term(
        self,
        k: int,
        letters: Letters,
        factors: tuple[TimeFactor, ...],
        value: complex,
        noisy: int,
    ) -> _Term:
        source, rows, sign = self._source(letters)
        factor = self.factors.setdefault(factors, len(self.factors))
        if factor or (value.real and value.imag):
            shape = Shape.BOTH
        else:
            shape = Shape.IM if value.real == 0 else Shape.RE
        # its noise has the size of this coefficient
        if noisy and not factor and sign == 1 and source in _UNITS and value in (1, 1j):
            shape = Shape.ONE if value == 1 else Shape.IMAGINARY_ONE
        rows += (rows[0],) * (4 - len(rows))
        return _Term(k, source, shape, rows, factor, noisy, value, sign)

    def _source(self, letters: Letters) -> tuple[Source, tuple[int, ...], float]:
        """How the kernel reads a monomial: its way, its rows and the sign of its imaginary part."""
        if letters in self._kept or len(letters) < 2 or self._is_real(letters):
            row = self._row(letters) if letters else _Row(self._one())
            if row.im < 0:
                return Source.REAL, (row.re,), 1.0
            return Source.COMPLEX, (row.re, row.im), row.sign
        if pair := self._modulus(letters):
            a, b = self._row(pair[0]), self._row(pair[1])
            return Source.MODULUS_COMPLEX, (a.re, a.im, b.re, b.im), b.sign
        a, b = self._row(letters[:-1]), self._row(letters[-1:])
        if a.im < 0:
            a, b = b, a
        if b.im < 0:
            return Source.REAL_COMPLEX, (b.re, a.re, a.im), a.sign
        source = Source.COMPLEX_COMPLEX if a.sign == b.sign else Source.CONJUGATE_COMPLEX
        return source, (a.re, a.im, b.re, b.im), b.sign

    def _one(self) -> int:
        """The row that is 1 in every sample, for constant terms; made when it is first needed."""
        if () not in self._rows:
            self._rows[()] = _Row(self._next, -1)
            self._next += 1
        return self._rows[()].re

    def _arrays(self, terms: list[_Term]) -> dict[str, Any]:
        """What the kernel takes; in the second stage z is read `_sums` rows later."""

        def later(rows: np.ndarray) -> np.ndarray:
            return np.where(rows < self._sums, rows + self._sums, rows).astype(np.intc)

        own = list(zip(self.real_row.tolist(), self.imag_row.tolist(), strict=True))
        terms = _begun_by_own(_paired(_bent(terms)), own)
        products = np.array(self._products, dtype=np.intc).reshape(-1, 6)
        kinds = np.array([(t.kind, *t.rows) for t in terms], dtype=np.intc).reshape(-1, 5)
        shifted, kinds2 = products.copy(), kinds.copy()
        shifted[:, 2:] = later(products[:, 2:])
        kinds2[:, 1:] = later(kinds[:, 1:])
        counts = np.bincount([t.variable for t in terms], minlength=self.classical.variables)
        spheres = self._spheres()
        return {
            "products": products,
            "products2": shifted,
            "terms": kinds,
            "terms2": kinds2,
            "start": np.concatenate([[0], np.cumsum(counts)]).astype(np.intc),
            "target": np.stack([self.real_row, self.imag_row], axis=1).astype(np.intc),
            "sums": self._sums,
            "factor": np.array([t.factor for t in terms], dtype=np.intc),
            "noisy": np.array([t.noisy for t in terms], dtype=np.intc),
            "re": np.array([t.value.real for t in terms], dtype=float),
            "im": np.array([t.value.imag for t in terms], dtype=float),
            "sign": np.array([t.sign for t in terms], dtype=float),
            "noise": self.noise,
            "sphere": np.array(spheres, dtype=np.intc).reshape(-1, 4),
            "real_row": self.real_row,
            "imag_row": self.imag_row,
            "one": self._rows[()].re if () in self._rows else -1,
        }

    def _spheres(self) -> list[list[int]]:
        """Rows of every spin, and a new one for the length that it keeps."""
        out = []
        for symbol in self.classical.symbols:
            at = self.classical.first[symbol]
            if isinstance(symbol.factor, SpinFactor):
                rows = (self.real_row[at], self.imag_row[at], self.real_row[at + 1], self._next)
                out.append([int(x) for x in rows])
                self._next += 1
        return out


def _sizes(found: list[_Monomial], variables: int, jumps: int) -> np.ndarray:
    """How large each noise is made, so that a coefficient need not multiply it: that of a product
    with it, else of the noise by itself; 1 where none is real or imaginary and constant.
    """
    out = np.ones(jumps)
    for _, letters, factors, value, noisy in sorted(found, key=lambda m: len(m[1])):
        if noisy and not factors and (value.real == 0) != (value.imag == 0):
            out[(letters[-1] >> 1) - variables] = value.real or value.imag
    return out


def _bent(terms: list[_Term]) -> list[_Term]:
    """The same terms, cz and dz̄zz of one variable side by side: the kernel forms z(c + dz̄z)."""
    cubic = {
        (t.variable, t.rows[:2]): t
        for t in terms
        if t.source == Source.MODULUS_COMPLEX and t.rows[:2] == t.rows[2:] and t.sign == 1
    }
    out: list[_Term] = []
    taken: set[int] = set()
    for t in terms:
        partner = cubic.get((t.variable, t.rows[:2]))
        if partner is None or not _plain(t, partner):
            out.append(t)
            continue
        # the first multiple of the variable takes it
        del cubic[t.variable, t.rows[:2]]
        taken.add(id(partner))
        if partner.shape != Shape.RE:
            shape = Shape.BOTH
        else:
            shape = Shape.RE if t.shape == Shape.RE else Shape.IM
        out += [replace(t, source=Source.BENT, shape=shape), partner]
    alone = [k for k, t in enumerate(out) if id(t) in taken and not _begun(out, k)]
    return [t for k, t in enumerate(out) if k not in alone]


def _takes_next(term: _Term) -> bool:
    """Whether a term takes in the one that follows it."""
    return term.source in (Source.BENT, Source.PAIR)


def _begun(terms: list[_Term], k: int) -> bool:
    """Whether term k follows the one that takes it in."""
    return k > 0 and _takes_next(terms[k - 1])


def _begun_by_own(terms: list[_Term], own: list[tuple[int, int]]) -> list[_Term]:
    """The same terms; what a variable z has of the form z(c + dz̄z) + uz̄ζ with u=1 or i comes first
    in its sum.
    """
    out: list[_Term] = []
    for k, rows in enumerate(own):
        mine = [t for t in terms if t.variable == k]
        bent = [
            i
            for i, t in enumerate(mine)
            if t.source == Source.BENT and t.shape != Shape.BOTH and t.rows[:2] == rows
        ]
        noise = [
            i
            for i, t in enumerate(mine)
            if t.source == Source.CONJUGATE_COMPLEX
            and t.shape in (Shape.ONE, Shape.IMAGINARY_ONE)
            and t.rows[:2] == rows
        ]
        if bent and noise:
            i, j = bent[0], noise[0]
            first = [replace(mine[i], source=Source.OWN, shape=mine[j].shape), mine[i + 1], mine[j]]
            mine = first + [t for n, t in enumerate(mine) if n not in (i, i + 1, j)]
        out += mine
    return out


def _plain(term: _Term, cubic: _Term) -> bool:
    """Whether a term is a multiple of the variable whose cube another one is."""
    return term.source == Source.COMPLEX and term.rows[:2] == cubic.rows[:2] and term.sign == 1


def _paired(terms: list[_Term]) -> list[_Term]:
    """The same terms, two real multiples of complex rows that follow each other marked as one."""
    out: list[_Term] = []
    while len(out) < len(terms):
        k = len(out)
        two = terms[k : k + 2]
        alike = len(two) == 2 and two[0].variable == two[1].variable
        if alike and all(t.source == Source.COMPLEX and t.shape == Shape.RE for t in two):
            out += [replace(two[0], source=Source.PAIR), two[1]]
        else:
            # one that takes the next in is none that another takes in
            out += two if _takes_next(two[0]) else two[:1]
    return out
