"""Real polynomials of a state in lanes: numbers that play the same part at different nodes stand
side by side, and four of them are done at a time.

Real and imaginary parts are numbers of their own. So what is real, what vanishes and what one part
alone is used of costs nothing, and the results are written where they are wanted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .polynomial import Polynomial

__all__ = ["Inner", "Sum", "lane_program"]

#: a real number: letters of a monomial (2k+1 for z_k, 2k for its conjugate), 0 for its real part
#: and 1 for the imaginary one
_Number = tuple[tuple[int, ...], int]
#: of a variable by number and part: places in the state with weights; place -1 is the number 1
Inner = Mapping[tuple[int, int], Sequence[tuple[int, float]]]
#: a constant, and parts of polynomials with weights
Sum = tuple[float, Sequence[tuple[Polynomial, int, float]]]

#: places with weights, a constant and the target of a sum
_Row = tuple[list[tuple[int, float]], float, int]
#: the lane of the first factor, the product and its factors
_Product = tuple[int, _Number, list[_Number]]

_WIDTH = 4
#: the least part of all lanes that is in use where four at a time are faster than one by one
_WORTH = 0.6


@dataclass
class _Lanes:
    """Numbers and their places: groups that begin at multiples of four."""

    inner: Inner
    real: set[int]
    size: int = 0
    #: group and lane of each number, and where each group begins
    lane: dict[_Number, tuple[int, int]] = field(default_factory=dict)
    begin: list[int] = field(default_factory=list)
    #: numbers that are kept with the other sign
    negative: set[_Number] = field(default_factory=set)
    used: int = 0

    def group(self, numbers: Sequence[_Number | None]) -> int:
        """Room for numbers side by side; where it begins."""
        for lane, number in enumerate(numbers):
            if number is not None:
                self.lane[number] = len(self.begin), lane
        self.begin.append(self.size)
        self.size += _blocks(len(numbers)) * _WIDTH
        self.used += len(numbers)
        return self.begin[-1]

    def place(self, number: _Number) -> int:
        """Where a number is among the rows of the kernel."""
        group, lane = self.lane[number]
        return self.begin[group] + lane

    def part(self, letters: tuple[int, ...], part: int) -> tuple[_Number, float] | None:
        """A part of a monomial as a number and a sign; None where it is 0."""
        letters = tuple(sorted(x | 1 if x >> 1 in self.real else x for x in letters))
        bar = tuple(sorted(x if x >> 1 in self.real else x ^ 1 for x in letters))
        if part and letters == bar:
            return None
        # of a monomial and its conjugate the one that begins with a square of a modulus
        number = (max(letters, bar), part)
        sign = -1.0 if part and bar > letters else 1.0
        return number, -sign if number in self.negative else sign

    def factors(self, number: _Number) -> list[tuple[float, _Number, _Number]]:
        """A part of a product: signs and factors of its one or two terms."""
        (letters, part), out = number, []
        for own in (0, 1):
            a = self.part(letters[:-1], own)
            b = self.part(letters[-1:], own ^ part)
            if a and b:
                sign = -1.0 if own and not part else 1.0
                out.append((sign * a[1] * b[1], a[0], b[0]))
        return out


def lane_program(
    targets: Sequence[dict[int, Sum]], inner: Inner, real: set[int], *, worth: float = _WORTH
) -> dict[str, np.ndarray]:
    """The schedule of `lanes.h`, empty where too few lanes would be used.

    Parameters
    ----------
    targets : sequence of dict
        For each array of results: what is written at which of its places.
    inner : mapping
        How the variables follow from the state.
    real : set of int
        Variables that are real.
    worth : float
        The least part of all lanes that is to be in use.
    """
    lanes = _Lanes(inner, real)
    sums = [{k: _terms(lanes, value) for k, value in x.items()} for x in targets]
    needed = _needed(lanes, {number for x in sums for _, terms in x.values() for number in terms})
    source, letters = _letters(lanes, needed)
    products = _products(lanes, needed)
    results = [_blocks_of_sums(lanes, x) for x in sums]
    lanes_in_all = lanes.size + sum(4 * len(r["head"]) for r in results)
    if not products or lanes.used + sum(map(len, sums)) < worth * lanes_in_all:
        return {}
    out = {
        "size": np.array([lanes.size], dtype=np.intc),
        "source": np.array(source, dtype=np.intc),
        "products": np.array(products, dtype=np.intc).reshape(-1, 7),
    }
    for k, blocks in enumerate((_blocks_of_sums(lanes, letters), *results)):
        out |= {f"{name}{k}": value for name, value in blocks.items()}
    return out


def _blocks(count: int) -> int:
    return -(-count // _WIDTH)


def _follow(places: Sequence[int]) -> bool:
    return list(places) == list(range(places[0], places[0] + len(places)))


def _of_state(place: int) -> _Number:
    """A number of the state itself."""
    return (-place - 1,), 0


def _terms(lanes: _Lanes, value: Sum) -> tuple[float, dict[_Number, float]]:
    """A result as a constant and numbers with weights."""
    base, parts = value
    out: dict[_Number, float] = {}
    for polynomial, part, weight in parts:
        for (letters, _), c in polynomial.items():
            # Re(cm)=Re c Re m − Im c Im m, Im(cm)=Im c Re m + Re c Im m
            for own, w in ((0, c.imag if part else c.real), (1, c.real if part else -c.imag)):
                if not letters:
                    base += 0.0 if own else weight * w
                    continue
                found = lanes.part(letters, own)
                if found and w:
                    number, sign = found
                    out[number] = out.get(number, 0.0) + sign * weight * w
    return base, {number: w for number, w in out.items() if w}


def _needed(lanes: _Lanes, numbers: set[_Number]) -> list[_Number]:
    """The numbers, and those that they are products of: shorter ones first."""
    out: set[_Number] = set()
    waiting = list(numbers)
    while waiting:
        number = waiting.pop()
        if number not in out:
            out.add(number)
            if len(number[0]) > 1:
                waiting += [x for _, *pair in lanes.factors(number) for x in pair]
    return sorted(out, key=lambda x: (len(x[0]), x))


def _letters(
    lanes: _Lanes, needed: Sequence[_Number]
) -> tuple[list[int], dict[int, tuple[float, dict[_Number, float]]]]:
    """Places of the state that are read, four a block, and the variables that are sums of them."""
    kinds: dict[int, set[tuple[tuple[int, int], ...]]] = {}
    for letters, _ in needed:
        for x in letters:
            # what it meets, and whether that is the variable itself
            kinds.setdefault(x >> 1, set()).add(
                tuple((x ^ y if y >> 1 == x >> 1 else 2 + (y & 1), x & 1) for y in letters)
            )
    groups: dict[tuple[object, ...], list[_Number]] = {}
    for number in needed:
        if len(number[0]) == 1:
            variable = number[0][0] >> 1
            entries = lanes.inner[variable, number[1]]
            kind = (sorted(kinds[variable]), number[1], [at < 0 for at, _ in entries])
            groups.setdefault((repr(kind),), []).append(number)
    source: list[int] = []
    read: set[tuple[int, ...]] = set()
    for numbers in groups.values():
        entries = [[e for e in lanes.inner[x[0][0] >> 1, x[1]] if e[0] >= 0] for x in numbers]
        for t in range(len(entries[0])):
            places = tuple(e[t][0] for e in entries)
            if places not in read:
                read.add(places)
                raw = [_of_state(at) for at in places]
                itself = all(len(lanes.inner[x[0][0] >> 1, x[1]]) == 1 for x in numbers) and all(
                    e[0][1] == 1 for e in entries
                )
                lanes.group(numbers if itself else raw)
                for number, own in zip(raw, numbers, strict=True):
                    lanes.lane[number] = lanes.lane[own if itself else number]
                source += [*places, *[places[-1]] * (-len(places) % _WIDTH)]
    sums: dict[int, tuple[float, dict[_Number, float]]] = {}
    for numbers in groups.values():
        if numbers[0] in lanes.lane:
            continue
        lanes.group(numbers)
        for number in numbers:
            entries_of = lanes.inner[number[0][0] >> 1, number[1]]
            base = sum(w for at, w in entries_of if at < 0)
            terms: dict[_Number, float] = {}
            for at, w in entries_of:
                if at >= 0:
                    terms[_of_state(at)] = terms.get(_of_state(at), 0.0) + w
            sums[lanes.place(number)] = base, terms
    return source, sums


def _products(lanes: _Lanes, needed: Sequence[_Number]) -> list[tuple[int, ...]]:
    """Operations on groups: kind, blocks, places of the result and of its factors."""
    out: list[tuple[int, ...]] = []
    for degree in sorted({len(x[0]) for x in needed} - {1}):
        groups: dict[tuple[int, ...], list[_Product]] = {}
        for number in needed:
            if len(number[0]) == degree:
                kind, product = _product(lanes, number)
                groups.setdefault(kind, []).append(product)
        for kind, members in groups.items():
            for own in _side_by_side(sorted(members)):
                dst = lanes.group([number for _, number, _ in own])
                read = [lanes.place(x) for x in own[0][2]]
                out.append((kind[0], _blocks(len(own)), dst, *read, *[0] * (4 - len(read))))
    return out


def _product(lanes: _Lanes, number: _Number) -> tuple[tuple[int, ...], _Product]:
    """What a product has in common with those beside it: its sign, and where its factors are from
    the first one on.
    """
    terms = sorted(lanes.factors(number), key=lambda t: -t[0])
    kind = 0
    if len(terms) == 2:
        kind = 1 if terms[0][0] == terms[1][0] else 2
    if terms[0][0] < 0:
        lanes.negative.add(number)
    read = [x for _, *pair in terms for x in pair]
    where = [lanes.lane[x] for x in read]
    first = where[0][1]
    return (kind, *(x for group, lane in where for x in (group, lane - first))), (
        first,
        number,
        read,
    )


def _side_by_side(members: Sequence[_Product]) -> Iterator[Sequence[_Product]]:
    """Parts without gaps between their lanes."""
    begin = 0
    for end in range(1, len(members) + 1):
        if end == len(members) or members[end][0] != members[end - 1][0] + 1:
            yield members[begin:end]
            begin = end


def _fours(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Rows in fours: of several over the same numbers each goes with its like at other nodes. What
    is left over begins earlier, where there are four, or is filled up with its last.
    """
    times = Counter[tuple[int, ...]]()
    turns: dict[int, list[_Row]] = {}
    for row in sorted(rows, key=lambda r: r[2]):
        places = tuple(place for place, _ in row[0])
        turns.setdefault(times[places], []).append(row)
        times[places] += 1
    for own in turns.values():
        for at in range(0, len(own), _WIDTH):
            four = own[max(0, min(at, len(own) - _WIDTH)) :][:_WIDTH]
            yield four + [four[-1]] * (_WIDTH - len(four))


def _join(lanes: _Lanes, alike: dict[tuple[int, ...], list[_Row]], kind: tuple[int, ...]) -> None:
    """Sums that lack a term which many others have get it with the weight 0, and go with them."""
    if len(alike[kind]) >= _WIDTH:
        return
    mine = Counter(kind)
    for other, rows in alike.items():
        if len(rows) < _WIDTH or not mine < Counter(other):
            continue
        for row, base, target in alike.pop(kind):
            lane = min(place - lanes.begin[g] for (place, _), g in zip(row, kind, strict=True))
            lacking = [(lanes.begin[g] + lane, 0.0) for g in (Counter(other) - mine).elements()]
            rows.append((sorted(row + lacking, key=lambda t: t[0]), base, target))
        return


def _blocks_of_sums(
    lanes: _Lanes, sums: Mapping[int, tuple[float, dict[_Number, float]]]
) -> dict[str, np.ndarray]:
    """Sums with terms from the same groups, four at a time."""
    alike: dict[tuple[int, ...], list[_Row]] = {}
    for target, (base, terms) in sums.items():
        order = sorted(terms, key=lanes.lane.__getitem__)
        signs = [-1.0 if x in lanes.negative else 1.0 for x in order]
        row = [(lanes.place(x), s * terms[x]) for x, s in zip(order, signs, strict=True)]
        kind = tuple(lanes.lane[x][0] for x in order)
        alike.setdefault(kind, []).append((row, base, target))
    for kind in sorted(alike, key=lambda k: (len(alike[k]), k)):
        _join(lanes, alike, kind)
    head: list[tuple[int, int, int]] = []
    place: list[int] = []
    targets: list[list[int]] = []
    weight: list[float] = []
    for four in (four for rows in alike.values() for four in _fours(rows)):
        terms_of_four = [
            list(zip(*x, strict=True)) for x in zip(*(r[0] for r in four), strict=True)
        ]
        beside = [x for x in terms_of_four if _follow(x[0])]
        apart = [x for x in terms_of_four if not _follow(x[0])]
        targets.append([r[2] for r in four])
        head.append((len(beside), len(apart), int(_follow(targets[-1]))))
        place += [p[0] for p, _ in beside] + [x for p, _ in apart for x in p]
        weight += [r[1] for r in four] + [x for _, w in (*beside, *apart) for x in w]
    return {
        "head": np.array(head, dtype=np.intc).reshape(-1, 3),
        "place": np.array(place, dtype=np.intc),
        "target": np.array(targets, dtype=np.intc).reshape(-1, 4),
        "weight": np.array(weight, dtype=float),
    }
