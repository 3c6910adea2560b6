"""Phase symmetries and exchange symmetries of a master equation, by exact elimination."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..core.saved import Saved
from .expression import Expression
from .individual import EachAtom
from .level import LevelFactor
from .symbol import Symbol

__all__ = ["Symmetries", "find_symmetries", "forbidden", "phase_weights"]

#: with more symbols only transpositions and rotations are looked at
_ALL_PERMUTATIONS = 5
#: terms below this part of the largest are rounding
_CLOSE = 1e-13


@dataclass(frozen=True)
class Symmetries(Saved):
    """Symmetries of the master equation.

    Attributes
    ----------
    charges : ndarray of int, shape (K, M)
        Independent weight vectors w for which Σ_j w_j n_j generates a phase symmetry: H conserves
        it and every jump operator changes it by a definite amount. n_j is the number of quanta of
        a mode, S_z of a spin, the number of excited atoms of an ensemble, and for a system of d
        levels the populations of levels 1 … d−1.
    columns : tuple of str
        What the M numbers n_j are.
    common_phase : bool
        Whether w=(1, …, 1) is one of them or a combination: the U(1) symmetry b_j → e^{iφ} b_j.
    exchange : tuple of tuple of int
        Permutations of the symbols, other than the identity, that leave the master equation as it
        is; for more than five symbols only transpositions and rotations are looked at.
    vanishing_amplitudes : tuple of bool
        For each symbol: a phase symmetry forces ⟨b_j⟩ (⟨S_j−⟩) to vanish in a unique steady state.
    vanishing_coherences : tuple of tuple of bool
        For each pair: a phase symmetry forces ⟨b_j†b_k⟩=0 there.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.van_der_pol_pair().symmetries.common_phase
    True
    """

    _axes: ClassVar[dict[str, str]] = {
        "charges": "K M",
        "vanishing_amplitudes": "S",
        "vanishing_coherences": "S",
    }

    charges: np.ndarray
    common_phase: bool
    exchange: tuple[tuple[int, ...], ...]
    vanishing_amplitudes: tuple[bool, ...]
    vanishing_coherences: tuple[tuple[bool, ...], ...]
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = []
        if self.common_phase:
            text.append("U(1) phase")
        if len(self.charges) > self.common_phase:
            s = "s" if len(self.charges) > 1 else ""
            text.append(f"{len(self.charges)} conserved phase charge{s}")
        if self.exchange:
            text.append("exchange of modes")
        return ", ".join(text) or "none"


def find_symmetries(
    symbols: Sequence[Symbol], hamiltonian: Expression, jumps: Sequence[Any]
) -> Symmetries:
    """The symmetries of a system."""
    columns: list[str] = []
    for s in symbols:
        if isinstance(s.factor, LevelFactor):
            columns += [f"{s.name}[{k},{k}]" for k in range(1, s.factor.d)]
        else:
            columns.append(s.name)
    lowering = _lowering(symbols)
    constraints = np.array(_changes(symbols, hamiltonian, jumps), dtype=float)
    constraints = constraints.reshape(-1, len(columns))
    weights = _null_space(constraints, len(columns))
    # what b of each symbol changes of what is conserved: what changes any is forced to vanish
    taken = np.array(lowering) @ weights.T if len(weights) else np.zeros((len(symbols), 1))
    coherences = [_moved(taken - own) for own in taken]
    named_once = hamiltonian.canonical()
    traces = [_trace(s, named_once, jumps) for s in symbols]
    forms = _Forms(named_once, jumps)
    return Symmetries(
        charges=weights,
        common_phase=_common(symbols, constraints),
        exchange=tuple(
            p
            for p in _permutations(symbols)
            if all(_alike(traces[j], traces[k]) for j, k in enumerate(p) if j != k)
            and forms.allow({symbols[j]: symbols[k] for j, k in enumerate(p) if j != k})
            and _invariant(symbols, hamiltonian, jumps, p)
        ),
        vanishing_amplitudes=_moved(taken),
        vanishing_coherences=tuple(coherences),
        columns=tuple(columns),
    )


def _moved(charges: np.ndarray) -> tuple[bool, ...]:
    """Which rows have a charge that is not 0."""
    return tuple(bool(largest > 1e-9) for largest in np.abs(charges).max(axis=1))


def _lowering(symbols: Sequence[Symbol]) -> list[list[int]]:
    """What b (S−, |0⟩⟨1|, σ−) of every symbol takes away."""
    ends = list(itertools.accumulate(s.factor.charges for s in symbols))
    return [
        [int(k == end - s.factor.charges) for k in range(ends[-1])]
        for s, end in zip(symbols, ends, strict=True)
    ]


def _changes(
    symbols: Sequence[Symbol], hamiltonian: Expression, jumps: Sequence[Any]
) -> list[list[int]]:
    """Changes of the numbers of quanta that a symmetry must not see: those of every term of H, and
    the differences between the terms of a jump.
    """
    rows = [list(c) for c in hamiltonian.charges(symbols) if any(c)]
    for jump in jumps:
        summed = jump.summed() if isinstance(jump, EachAtom) else jump
        charges = sorted(summed.charges(symbols))
        rows += [[a - b for a, b in zip(c, charges[0], strict=True)] for c in charges[1:]]
    return rows


def forbidden(
    symbols: Sequence[Symbol], hamiltonian: Expression, jumps: Sequence[Any]
) -> tuple[list[bool], list[list[bool]]]:
    """Amplitudes ⟨b_j⟩ and coherences ⟨b_j†b_k⟩ that vanish in a unique steady state for a symmetry
    b_j → e^{iφ_j} b_j, be φ continuous or, as for a parity, one of a few values.

    There is one under which a product changes exactly where what the product takes away is no sum
    with integer coefficients of what H and the jumps change.
    """
    rows = _echelon(_changes(symbols, hamiltonian, jumps))
    unit, n = _lowering(symbols), range(len(symbols))
    pairs = [[[a - b for a, b in zip(unit[j], unit[k], strict=True)] for k in n] for j in n]
    return [not _spans(rows, u) for u in unit], [[not _spans(rows, v) for v in p] for p in pairs]


def _echelon(rows: list[list[int]]) -> list[list[int]]:
    """Rows in echelon form with the same sums with integer coefficients."""
    left, out = [r for r in rows if any(r)], []
    while left:
        at = min(next(k for k, x in enumerate(r) if x) for r in left)
        lead = min((r for r in left if r[at]), key=lambda r: abs(r[at]))
        rest = [r for r in left if r is not lead]
        reduced = [[x - r[at] // lead[at] * y for x, y in zip(r, lead, strict=True)] for r in rest]
        if any(r[at] for r in reduced):
            left = [lead, *reduced]
        else:
            out.append(lead)
            left = reduced
        left = [r for r in left if any(r)]
    return out


def _spans(rows: list[list[int]], vector: list[int]) -> bool:
    """Whether a vector is a sum with integer coefficients of rows in echelon form."""
    for row in rows:
        at = next(k for k, x in enumerate(row) if x)
        times, rest = divmod(vector[at], row[at])
        if rest:
            return False
        vector = [x - times * y for x, y in zip(vector, row, strict=True)]
    return not any(vector)


def phase_weights(symbols: Sequence[Symbol], known: Symmetries) -> list[tuple[int, ...]]:
    """What every symbol counts in the charge of the one phase that is free: 1, and i for level i,
    where the common phase is a symmetry; otherwise the only charge there is, the first node that
    has it counting up; 0 where there are none or several.
    """
    sizes = [s.factor.charges for s in symbols]
    if known.common_phase:
        return [tuple(range(1, size + 1)) for size in sizes]
    if len(known.charges) != 1:
        return [(0,) * size for size in sizes]
    parts = np.split(known.charges[0], np.cumsum(sizes)[:-1])
    lead = next((int(p[0]) for p, size in zip(parts, sizes, strict=True) if size == 1 and p[0]), 1)
    return [tuple((np.sign(lead) * part).astype(int).tolist()) for part in parts]


def _common(symbols: Sequence[Symbol], constraints: np.ndarray) -> bool:
    """Whether every excitation may count one: level i of a system of levels counts i."""
    weights: list[int] = []
    for s in symbols:
        weights += range(1, s.factor.d) if isinstance(s.factor, LevelFactor) else [1]
    return bool(np.all(constraints @ np.array(weights, dtype=float) == 0))


def _trace(
    symbol: Symbol, hamiltonian: Expression, jumps: Sequence[Any]
) -> list[tuple[tuple[Any, ...], float]]:
    """What a symbol takes part in: the form of each term and its modulus, in order."""
    out: list[tuple[tuple[Any, ...], float]] = []
    for place, operator in enumerate((hamiltonian, *jumps)):
        if isinstance(operator, EachAtom):
            if operator.symbol is symbol:
                out += [((2, key), abs(value)) for key, value in operator.terms.items()]
            continue
        least = 1e-13 * max(map(abs, operator.terms.values()), default=0.0)
        for key, value in operator.terms.items():
            if abs(value) <= least:
                continue
            monomial, factors = key
            for s, local in monomial:
                if s is symbol:
                    out.append(((place > 0, len(monomial), len(factors), local), abs(value)))
    return sorted(out, key=lambda entry: (repr(entry[0]), entry[1]))


def _alike(a: list[tuple[tuple[Any, ...], float]], b: list[tuple[tuple[Any, ...], float]]) -> bool:
    """Whether one symbol may take the other's place; a term that differs forbids it at once."""
    return len(a) == len(b) and all(
        x == y and abs(u - v) <= 1e-9 * max(u, v) for (x, u), (y, v) in zip(a, b, strict=True)
    )


class _Forms:
    """Which terms there are, whatever their coefficients: a permutation that few symbols take part
    in is told to be none by these few, without a look at the rest of a large system.
    """

    def __init__(self, hamiltonian: Expression, jumps: Sequence[Any]):
        least = _CLOSE * max(map(abs, hamiltonian.terms.values()), default=0.0)
        self.energy: dict[Symbol, list[Any]] = {}
        self.jumps: dict[Symbol, list[tuple[int, Any]]] = {}
        for key, value in hamiltonian.terms.items():
            for symbol in {s for s, _ in key[0]} if abs(value) > least else ():
                self.energy.setdefault(symbol, []).append(key)
        for number, jump in enumerate(jumps):
            for symbol in {s for key in jump.terms for s, _ in key[0]} if _plain(jump) else ():
                self.jumps.setdefault(symbol, []).append((number, jump.terms))

    def allow(self, moved: dict[Symbol, Symbol]) -> bool:
        """Whether the terms with the symbols that move are the same set afterwards."""
        here = {key for symbol in moved for key in self.energy.get(symbol, ())}
        if {_renamed(key, moved) for key in here} != here:
            return False
        jumps = {n: terms for symbol in moved for n, terms in self.jumps.get(symbol, ())}
        before = Counter(frozenset(terms) for terms in jumps.values())
        after = Counter(frozenset(_renamed(k, moved) for k in terms) for terms in jumps.values())
        return before == after


def _plain(jump: Any) -> bool:
    return not isinstance(jump, EachAtom)


def _renamed(key: Any, moved: dict[Symbol, Symbol]) -> Any:
    """The key of a term with other symbols, as :meth:`Expression.renamed` orders it."""
    monomial, factors = key
    pairs = ((moved.get(s, s), x) for s, x in monomial)
    return tuple(sorted(pairs, key=lambda pair: pair[0].rank)), factors


def _invariant(
    symbols: Sequence[Symbol],
    hamiltonian: Expression,
    jumps: Sequence[Any],
    permutation: tuple[int, ...],
) -> bool:
    mapping = {s: symbols[k] for s, k in zip(symbols, permutation, strict=True)}
    if hamiltonian.renamed(mapping) != hamiltonian:
        return False
    # only what has the same terms can be the same
    rest: dict[Any, list[Any]] = {}
    for jump in jumps:
        rest.setdefault(_form(jump), []).append(jump)
    for jump in jumps:
        moved = (
            EachAtom(mapping[jump.symbol], jump.terms)
            if isinstance(jump, EachAtom)
            else jump.renamed(mapping)
        )
        like = rest.get(_form(moved), [])
        match = next((k for k, other in enumerate(like) if _equal_up_to_phase(moved, other)), None)
        if match is None:
            return False
        like.pop(match)
    return True


def _form(jump: Any) -> tuple[Symbol | None, frozenset[Any]]:
    return (None if _plain(jump) else jump.symbol), frozenset(jump.terms)


def _equal_up_to_phase(a: Any, b: Any) -> bool:
    if type(a) is not type(b) and not (isinstance(a, Expression) and isinstance(b, Expression)):
        return False
    if isinstance(a, EachAtom) and a.symbol is not b.symbol:
        return False
    if a.terms.keys() != b.terms.keys():
        return False
    key = max(b.terms, key=lambda k: abs(b.terms[k]))
    phase = a.terms[key] / b.terms[key]
    return abs(abs(phase) - 1) < 1e-12 and all(
        abs(v - phase * b.terms[k]) <= 1e-13 * abs(v) for k, v in a.terms.items()
    )


def _permutations(symbols: Sequence[Symbol]) -> Iterator[tuple[int, ...]]:
    """Permutations that take every symbol to one of its kind."""
    for p in _candidates(len(symbols)):
        if all(symbols[j].factor == symbols[k].factor for j, k in enumerate(p) if j != k):
            yield p


def _candidates(n: int) -> Iterator[tuple[int, ...]]:
    identity = tuple(range(n))
    if n <= _ALL_PERMUTATIONS:
        yield from (p for p in itertools.permutations(identity) if p != identity)
        return
    for j, k in itertools.combinations(identity, 2):
        swapped = list(identity)
        swapped[j], swapped[k] = k, j
        yield tuple(swapped)
    yield from (identity[k:] + identity[:k] for k in range(1, n))


def _null_space(constraints: np.ndarray, n: int) -> np.ndarray:
    """Integer vectors that span the null space of an integer matrix, by exact elimination."""
    rows = [[int(x) for x in row] for row in np.unique(constraints, axis=0)]
    pivots: list[int] = []
    for column in range(n):
        at = next((r for r in range(len(pivots), len(rows)) if rows[r][column]), None)
        if at is None:
            continue
        top = len(pivots)
        rows[top], rows[at] = rows[at], rows[top]
        for r in range(len(rows)):
            if r != top and rows[r][column]:
                rows[r] = _eliminated(rows[r], rows[top], column)
        pivots.append(column)
    vectors = []
    for free in (c for c in range(n) if c not in pivots):
        vector = [0] * n
        vector[free] = math.lcm(
            *(abs(rows[r][c]) // math.gcd(rows[r][c], rows[r][free]) for r, c in enumerate(pivots))
        )
        for r, column in enumerate(pivots):
            vector[column] = -rows[r][free] * vector[free] // rows[r][column]
        vectors.append(vector)
    return np.array(vectors, dtype=int).reshape(-1, n)


def _eliminated(row: list[int], pivot: list[int], column: int) -> list[int]:
    """A multiple of a row of integers less one of the pivot's, without what its entries share."""
    a, b = pivot[column], row[column]
    out = [a * x - b * y for x, y in zip(row, pivot, strict=True)]
    shared = math.gcd(*out)
    return [x // shared for x in out] if shared > 1 else out
