"""Moments of any system: words of letters, their equations, and what closes them."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..operators.atom import LETTERS, AtomFactor
from ..operators.expression import Expression
from ..operators.factor import Local
from ..operators.level import LevelFactor
from ..operators.mode import ModeFactor
from ..operators.polynomial import Polynomial, compile_polynomials, multiply, total, variable
from ..operators.spin import SpinFactor
from ..operators.symbol import Symbol
from ..operators.system import System
from ..operators.terms import Monomial

__all__ = ["MomentEquations", "TooManyMomentsError"]

#: a moment: a sorted tuple of letters, each an operator of one node (or of one more of its atoms)
Word = tuple[int, ...]
#: more moments than this take more than a minute to set up
_LIMIT = 30_000
#: charges of products that are told apart when moments without charge are counted
_COUNTED = 100_000
#: pairs of sizes and charges that are put together in a second or two
_STEPS = 1_000_000
#: operators in a moment: with more even counting the moments takes long
_LONGEST = 500


class TooManyMomentsError(ValueError):
    """The moments of an order are more than can be set up."""


class MomentEquations:
    """Equations of the moments of up to `order` operators.

    Parameters
    ----------
    system : System
        Of modes, ensembles, spins ½ and levels; see :meth:`.System.as_atoms` for larger spins.
    order : int
        Largest number of operators (on distinct atoms) in a moment.
    neutral : bool
        Keep only moments without charge: right for states that have the phase symmetries.

    Raises
    ------
    ValueError
        There would be too many moments; the message has the estimate.

    Notes
    -----
    A moment of more operators X1 … Xk is replaced by what vanishing joint cumulants of more than
    `order` operators make of it (Kubo): ⟨X1 R⟩=Σ_{B⊂R, |B|<order} κ(X1 B)⟨R∖B⟩. Moments of an
    ensemble are those of σ's on distinct atoms.
    """

    def __init__(self, system: System, order: int, *, neutral: bool):
        self.system, self.order = system, int(min(order, _longest(system.symbols)))
        if self.order > _LONGEST:
            raise TooManyMomentsError(
                f"order={order} has moments of more than {_LONGEST} operators, too many to count; "
                "lower the order or the cutoff"
            )
        self.letters: list[tuple[Symbol, Local]] = []
        self._number: dict[tuple[Symbol, Local], int] = {}
        for symbol in system.symbols:
            for local in _letters_of(symbol):
                self._number[symbol, local] = len(self.letters)
                self.letters.append((symbol, local))
        weights = system.symmetries.charges
        self._weights = weights if neutral and len(weights) else None
        self._charges = [self._charge_of(k) for k in range(len(self.letters))]
        self._refuse_too_many()
        self.words: list[Word] = []
        self.index: dict[Word, tuple[int, bool]] = {}
        for word in self._all_words():
            self._add(word)
        self.real = {k for k, w in enumerate(self.words) if self.conjugate(w) == w}
        self._moments: dict[Word, Polynomial] = {(): {((), ()): 1.0 + 0j}}
        self._cumulants: dict[Word, Polynomial] = {}
        self._rates: list[Polynomial] | None = None

    @staticmethod
    def estimate(system: System, order: int) -> float:
        """Number of moments without symmetries, conjugates counted once."""
        return _products(system.symbols, [len(_letters_of(s)) for s in system.symbols], order) / 2

    def _refuse_too_many(self) -> None:
        """Refuse what would take more than a minute to set up, before anything is."""
        symbols, order = self.system.symbols, self.order
        about, count = "about", self.estimate(self.system, order)
        if self._weights is not None and count > _LIMIT:
            # products of letters without charge are the least that there is
            bare = [
                sum(
                    s is symbol and not any(c)
                    for (s, _), c in zip(self.letters, self._charges, strict=True)
                )
                for symbol in symbols
            ]
            least, most = _products(symbols, bare, order) / 2, count
            about, count = ("at least", least) if least > _LIMIT else ("up to", most)
            neutral = self._count_neutral() if least <= _LIMIT else None
            about, count = (about, count) if neutral is None else ("about", neutral)
        if count > _LIMIT:
            raise TooManyMomentsError(
                f"order={order} has {about} {count:.3g} moments for this system; their equations "
                f"would take more than a minute to set up (limit {_LIMIT}); lower the order or the "
                "cutoff"
            )

    @property
    def neutral_only(self) -> bool:
        """Whether moments with a charge were left out."""
        return self._weights is not None

    def _count_neutral(self) -> float | None:
        """Number of moments without charge, conjugates counted once; None where even counting them
        takes long.
        """
        zero = (0,) * len(self._charges[0])
        counts: dict[tuple[int, tuple[int, ...]], float] = {(0, zero): 1.0}
        for symbol in self.system.symbols:
            letters = [k for k, (s, _) in enumerate(self.letters) if s is symbol]
            most = _most(symbol)
            own = self._powers(letters, min(self.order, self.order if most is None else most))
            if own is None or len(counts) * len(own) > _STEPS:
                return None
            grown: dict[tuple[int, tuple[int, ...]], float] = {}
            for (size, charge), number in counts.items():
                for (more, other), times in own.items():
                    if size + more <= self.order:
                        key = size + more, tuple(a + b for a, b in zip(charge, other, strict=True))
                        grown[key] = grown.get(key, 0.0) + number * times
            counts = grown
            if len(counts) > _COUNTED:
                return None
        return sum(n for (_, charge), n in counts.items() if charge == zero) / 2

    def _powers(
        self, letters: list[int], most: int
    ) -> dict[tuple[int, tuple[int, ...]], float] | None:
        """How many products of up to `most` letters have a size and a charge; None where that
        takes long.
        """
        zero = (0,) * len(self._charges[0])
        out: dict[tuple[int, tuple[int, ...]], float] = {(0, zero): 1.0}
        for letter in letters:
            own = self._charges[letter]
            if most * len(out) > _STEPS:
                return None
            # multisets: every power of one letter after the other
            grown = dict(out)
            for size in range(1, most + 1):
                shift = tuple(size * x for x in own)
                for (k, charge), number in out.items():
                    if k + size <= most:
                        key = k + size, tuple(a + b for a, b in zip(charge, shift, strict=True))
                        grown[key] = grown.get(key, 0.0) + number
            out = grown
        return out

    # ------------------------------------------------------------ words

    def _charge_of(self, letter: int) -> tuple[int, ...]:
        if self._weights is None:
            return ()
        symbol, local = self.letters[letter]
        vector: list[int] = []
        for s in self.system.symbols:
            own = s.factor.charge(local) if s is symbol else (0,) * s.factor.charges
            vector += own
        return tuple(int(x) for x in self._weights @ np.array(vector))

    def neutral(self, word: Word) -> bool:
        """Whether the phase symmetries let the moment differ from 0."""
        if self._weights is None:
            return True
        return all(sum(c) == 0 for c in zip(*(self._charges[k] for k in word), strict=True))

    def _all_words(self) -> Iterator[Word]:
        most = [_most(s) for s, _ in self.letters]

        def grow(word: Word, first: int) -> Iterator[Word]:
            if word and self.neutral(word):
                yield word
            if len(word) == self.order:
                return
            for k in range(first, len(self.letters)):
                symbol = self.letters[k][0]
                used, limit = sum(1 for x in word if self.letters[x][0] is symbol), most[k]
                if limit is None or used < limit:
                    yield from grow((*word, k), k)

        yield from sorted(grow((), 0), key=lambda w: (len(w), w))

    def conjugate(self, word: Word) -> Word:
        """The word of the adjoint operator: its moment is the complex conjugate."""
        out = []
        for k in word:
            symbol, local = self.letters[k]
            out.append(self._number[symbol, symbol.factor.adjoint(local)])
        return tuple(sorted(out))

    def _add(self, word: Word) -> None:
        if word in self.index:
            return
        k = len(self.words)
        self.words.append(word)
        self.index[self.conjugate(word)] = (k, True)
        self.index[word] = (k, False)

    def word(self, monomial: Monomial) -> tuple[Word, float]:
        """The letters of a monomial, and how many times the moment of distinct atoms it counts."""
        out: list[int] = []
        weight = 1.0
        for symbol, key in monomial:
            factor = symbol.factor
            if isinstance(factor, LevelFactor):
                out.append(self._number[symbol, key])
                continue
            if isinstance(factor, AtomFactor):
                weight *= math.perm(factor.N, sum(key))
            for letter, power in zip(_letters_of(symbol), key, strict=True):
                out += [self._number[symbol, letter]] * power
        return tuple(sorted(out)), weight

    def operator(self, word: Word) -> Expression:
        """The operator whose expectation value the moment is, once divided by :meth:`scale`."""
        powers: dict[Symbol, list[int]] = {}
        monomial: list[tuple[Symbol, Local]] = []
        for k in word:
            symbol, local = self.letters[k]
            if isinstance(symbol.factor, LevelFactor):
                monomial.append((symbol, local))
            else:
                row = powers.setdefault(symbol, [0] * len(symbol.factor.one))
                for i, x in enumerate(local):
                    row[i] += x
        monomial += [(s, tuple(p)) for s, p in powers.items()]
        monomial.sort(key=lambda pair: pair[0].rank)
        return Expression(self.system.hamiltonian.spaces, {(tuple(monomial), ()): 1.0 + 0j})

    # ------------------------------------------------------------ moments

    def moment(self, word: Word) -> Polynomial:
        """A moment in the variables; one of more letters than the order by the closure."""
        known = self._moments.get(word)
        if known is not None:
            return known
        if len(word) <= self.order:
            if not self.neutral(word):
                out: Polynomial = {}
            else:
                k, conjugated = self.index[word]
                out = variable(k, conjugated and k not in self.real)
        else:
            out = self._blocks(word, self.order - 1)
        self._moments[word] = out
        return out

    def cumulant(self, word: Word) -> Polynomial:
        """κ of at most `order` letters: the moment less all partitions of it."""
        if word not in self._cumulants:
            rest = self._blocks(word, len(word) - 2)
            self._cumulants[word] = total((1.0, self.moment(word)), (-1.0, rest))
        return self._cumulants[word]

    def _blocks(self, word: Word, most: int) -> Polynomial:
        """Σ κ(X1 B)⟨R∖B⟩ over the parts B of the rest with at most `most` letters."""
        parts = []
        for block, left, count in self.partitions(word, most):
            kappa = self.cumulant(block)
            if kappa and (other := self.moment(left)):
                parts.append((complex(count), multiply(kappa, other)))
        return total(*parts)

    def partitions(self, word: Word, most: int) -> Iterator[tuple[Word, Word, int]]:
        """X1 with at most `most` of the other letters, what is left, and how often that is so."""
        first, rest = word[0], word[1:]
        for size in range(min(most, len(rest)) + 1):
            chosen: Counter[Word] = Counter()
            for places in itertools.combinations(range(len(rest)), size):
                chosen[tuple(rest[k] for k in places)] += 1
            for block, count in chosen.items():
                left = list(rest)
                for k in block:
                    left.remove(k)
                yield (first, *block), tuple(left), count

    def expectation(self, expression: Expression) -> Polynomial:
        """Expectation value of an operator in the variables."""
        parts: list[tuple[complex, Polynomial]] = []
        for (monomial, factors), value in expression.terms.items():
            word, weight = self.word(monomial)
            moment = self.moment(word)
            if factors:
                moment = {(x, factors): v for (x, _), v in moment.items()}
            parts.append((value * weight, moment))
        return total(*parts)

    def scale(self, word: Word) -> float:
        """(N)_k of the ensembles in a word."""
        out = 1.0
        count = Counter(self.letters[k][0] for k in word)
        for symbol, k in count.items():
            if isinstance(symbol.factor, AtomFactor):
                out *= math.perm(symbol.factor.N, k)
        return out

    def rates(self) -> list[Polynomial]:
        """The right-hand side of every moment."""
        if self._rates is None:
            self._rates = []
            for word in self.words:
                rate = self.expectation(self.system.adjoint(self.operator(word)))
                self._rates.append(total((1 / self.scale(word), rate)))
        return self._rates

    def compiled(self) -> tuple[dict[str, np.ndarray], list[Any]]:
        """The right-hand side as the kernel takes it."""
        return compile_polynomials(self.rates())

    def evaluate(self, polynomial: Polynomial, values: np.ndarray) -> np.ndarray:
        """A polynomial without time factors at moments (…, V)."""
        out = np.zeros(values.shape[:-1], dtype=complex)
        for (letters, factors), weight in polynomial.items():
            if factors:
                raise ValueError("operator must not depend on time")
            part = np.full(values.shape[:-1], weight, dtype=complex)
            for x in letters:
                column = values[..., x >> 1]
                part = part * (column if x & 1 else column.conj())
            out += part
        return out


def _products(symbols: Sequence[Symbol], letters: Sequence[int], order: int) -> float:
    """Number of products of up to `order` of so many letters a node."""
    counts = [float(k == 0) for k in range(order + 1)]
    for symbol, n in zip(symbols, letters, strict=True):
        most = _most(symbol)
        own = [
            float(math.comb(max(n + k - 1, 0), k)) if most is None or k <= most else 0.0
            for k in range(order + 1)
        ]
        counts = [sum(counts[j] * own[k - j] for j in range(k + 1)) for k in range(order + 1)]
    return float(sum(counts))


def _letters_of(symbol: Symbol) -> Sequence[Local]:
    """The single operators of a node, in the order of their powers in a monomial."""
    factor = symbol.factor
    if isinstance(factor, ModeFactor):
        return ((1, 0), (0, 1))
    if isinstance(factor, LevelFactor):
        return [(i, j) for i in range(factor.d) for j in range(factor.d) if i or j]
    if isinstance(factor, SpinFactor) and factor.N > 1:
        raise TypeError(f"{symbol} is a spin of {factor.N} spins ½; use system.as_atoms()")
    return LETTERS


def _longest(symbols: Sequence[Symbol]) -> float:
    """How many operators a moment may have."""
    return sum(math.inf if (most := _most(s)) is None else most for s in symbols)


def _most(symbol: Symbol) -> int | None:
    """How many letters of a node a word may have; None without a limit."""
    factor = symbol.factor
    if isinstance(factor, ModeFactor):
        return None
    return factor.N if isinstance(factor, AtomFactor) else 1
