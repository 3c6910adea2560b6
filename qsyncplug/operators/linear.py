"""Equations of a mean and its covariance as the compiled kernel takes them: nothing is evaluated
that is constant or zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._ext.bosons import LinearisedFlow, Polynomials, TangentFlow
from .classical import Coordinate
from .functions import Powers
from .lanes import Sum, lane_program
from .polynomial import (
    PolyKey,
    Polynomial,
    compile_polynomials,
    conjugate,
    total,
    variable,
)

__all__ = ["LinearEquations", "Part", "linear_equations"]

#: a real number: weight times the real (0) or imaginary part (1) of a polynomial
Part = tuple[Mapping[PolyKey, complex], int, float]


@dataclass(frozen=True)
class LinearEquations:
    """dz/dt = F, dC/dt = MC + CMᵀ + D.

    Attributes
    ----------
    variables : int
        Of the polynomials.
    arrays, factors : dict and list
        Of :func:`compile_polynomials`: F, then what M and D are made of.
    tables : dict
        Which parts of these are the elements of M and D: see ``bosons.pyx``.
    powers : tuple, optional
        What :meth:`~qsyncplug.operators.functions.ClassicalSpace.powers` gives.
    """

    variables: int
    arrays: dict[str, np.ndarray]
    factors: list[Any]
    tables: dict[str, Any]
    powers: Powers | None = None

    def flow(self) -> LinearisedFlow:
        """A fresh right-hand side: each holds its own scratch, so threads do not meet."""
        return LinearisedFlow(self._polynomials(), self.tables)

    def tangent_flow(self, count: int) -> TangentFlow:
        """The mean with `count` perturbations of it."""
        return TangentFlow(self._polynomials(), self.tables, count)

    def _polynomials(self) -> Polynomials:
        return Polynomials(self.variables, self.arrays, self.factors, self.powers)


class _Rates:
    """Real numbers as a constant and parts of polynomials, each of which is evaluated once."""

    def __init__(self, first: Sequence[Polynomial], real: set[int]):
        # of a real variable only the real part of its drift is looked at
        self.rows = [_folded(p, 0, real) if k in real else p for k, p in enumerate(first)]
        self.real, self._first = real, len(first)
        self._row: dict[frozenset[Any], int] = {}
        self.base: list[float] = []
        self.entries: list[tuple[int, int, float]] = []

    def add(self, parts: Sequence[Part], *, even_if_zero: bool) -> bool:
        """One more number; False where it is always 0 and was left out."""
        base, moving = 0.0, []
        weights: dict[int, float] = {}
        for polynomial, part, weight in parts:
            constant = polynomial.get(((), ()), 0j)
            base += weight * (constant.imag if part else constant.real)
            rest = {k: v for k, v in polynomial.items() if k != ((), ())}
            if not rest or self._vanishes(rest, part):
                continue
            if all(len(x) == 1 and x[0] < 2 * self._first and not f for x, f in rest):
                for (letters, _), value in rest.items():
                    self._add_variable(weights, letters[0], value, part, weight)
            else:
                moving.append((rest, part, weight))
        plain = [(source, weight) for source, weight in weights.items() if weight]
        if not moving and not plain and base == 0 and not even_if_zero:
            return False
        target = len(self.base)
        self.entries += [(target, source, weight) for source, weight in plain]
        for rest, part, weight in moving:
            row, sign = self._place(rest)
            self.entries.append((target, 2 * row + part, sign * weight if part else weight))
        self.base.append(base)
        return True

    def _add_variable(
        self, weights: dict[int, float], letter: int, value: complex, part: int, weight: float
    ) -> None:
        """A part of a multiple of a variable, which needs no polynomial; sources below 0 are parts
        of variables: see `table`.
        """
        k, sign = letter >> 1, 1.0 if letter & 1 else -1.0
        # Re(cz)=Re c Re z − Im c Im z and Im(cz)=Im c Re z + Re c Im z; z̄ turns Im z around
        first, second = (value.imag, value.real) if part else (value.real, -value.imag)
        for own, factor in ((0, first), (1, 0.0 if k in self.real else sign * second)):
            source = -(2 * k + own) - 1
            weights[source] = weights.get(source, 0.0) + weight * factor

    def _vanishes(self, polynomial: Polynomial, part: int) -> bool:
        """Whether a part is 0 because the polynomial is imaginary (part 0) or real (part 1)."""
        bar = conjugate(polynomial, self.real)
        return not total((1.0, polynomial), (-1.0 if part else 1.0, bar))

    def _place(self, polynomial: Polynomial) -> tuple[int, float]:
        """The row of a polynomial, and the sign of its imaginary part there: that of the conjugate
        serves too.
        """
        key = _fingerprint(polynomial)
        if key in self._row:
            return self._row[key], 1.0
        bar = _fingerprint(conjugate(polynomial, self.real))
        if bar in self._row:
            return self._row[bar], -1.0
        self._row[key] = len(self.rows)
        self.rows.append(polynomial)
        return self._row[key], 1.0

    def fold(self) -> None:
        """Shorten the rows of which one part alone is used."""
        used: dict[int, set[int]] = {}
        for _, source, _ in self.entries:
            if source >= 0:
                used.setdefault(source >> 1, set()).add(source & 1)
        for row, parts in used.items():
            if len(parts) == 1:
                self.rows[row] = _folded(self.rows[row], parts.pop(), self.real)

    def sort(self) -> None:
        """Put rows that differ in their variables alone side by side: see `find_runs`."""
        first, moving = self.rows[: self._first], self.rows[self._first :]
        order = sorted(range(len(moving)), key=lambda k: _shape(moving[k]))
        place = {self._first + old: self._first + new for new, old in enumerate(order)}
        self.rows = first + [moving[k] for k in order]
        self.entries = [
            (target, source if source < 0 else 2 * place[source >> 1] + (source & 1), weight)
            for target, source, weight in self.entries
        ]

    def sums(self) -> dict[int, Sum]:
        """The numbers that are no constants, as sums over parts of polynomials."""
        parts: dict[int, list[tuple[Polynomial, int, float]]] = {}
        for target, at, weight in self.entries:
            of = self.rows[at >> 1] if at >= 0 else variable((-at - 1) >> 1)
            part = at & 1 if at >= 0 else (-at - 1) & 1
            parts.setdefault(target, []).append((of, part, weight))
        return {target: (self.base[target], own) for target, own in parts.items()}

    def table(self) -> dict[str, np.ndarray]:
        """The affine map of `bosons.pyx`: of the rows, then the variables."""
        count = 2 * len(self.rows)
        return affine(
            self.base,
            [(to, at if at >= 0 else count - at - 1, weight) for to, at, weight in self.entries],
        )


def _fingerprint(polynomial: Polynomial) -> frozenset[Any]:
    """Equal for polynomials that are equal but for rounding."""
    return frozenset(
        (key, f"{value.real + 0.0:.15g}", f"{value.imag + 0.0:.15g}")
        for key, value in polynomial.items()
    )


def _folded(polynomial: Polynomial, part: int, real: set[int]) -> Polynomial:
    """A polynomial with the same real (`part` 0) or imaginary part (1), in which of two monomials
    that are conjugates of each other one is left: Re(c̄z̄)=Re(cz), Im(c̄z̄)=−Im(cz).
    """
    out = dict(polynomial)
    for key, value in polynomial.items():
        ((bar, _),) = conjugate({key: value}, real).items()
        if bar == key:
            out[key] = complex(0.0, value.imag) if part else complex(value.real)
        elif bar[0] < key[0] and bar in out:
            other = out.pop(bar).conjugate()
            out[key] = value - other if part else value + other
    return {key: value for key, value in out.items() if value}


def _shape(polynomial: Polynomial) -> tuple[list[tuple[int, ...]], int]:
    """What stays where all variables are shifted, and by how much they are."""
    first = min((x >> 1 for letters, _ in polynomial for x in letters), default=0)
    return sorted(tuple(x - 2 * first for x in letters) for letters, _ in polynomial), first


def affine(base: Sequence[float], entries: Sequence[tuple[int, int, float]]) -> dict[str, Any]:
    """Arrays of ``out = base; out[target] += weight * in[source]``.

    Returns
    -------
    dict
        ``constant``: base. Of the targets that have entries, those with as many entries together:
        ``group`` (entries, targets), and by target ``target, base``; ``source, weight``: the first
        entries of a group's targets, then the second ones and so on.
    """
    rows: dict[int, dict[int, float]] = {}
    for target, source, weight in entries:
        row = rows.setdefault(target, {})
        row[source] = row.get(source, 0.0) + weight
    by_count: dict[int, list[tuple[int, list[tuple[int, float]]]]] = {}
    for target, row in sorted(rows.items()):
        kept = [(source, weight) for source, weight in row.items() if weight]
        if kept:
            by_count.setdefault(len(kept), []).append((target, kept))
    targets = [target for _, group in sorted(by_count.items()) for target, _ in group]
    ordered = [
        kept[e]
        for count, group in sorted(by_count.items())
        for e in range(count)
        for _, kept in group
    ]
    constant = np.array(base, dtype=float)
    return {
        "constant": constant,
        "group": np.array(
            [(count, len(group)) for count, group in sorted(by_count.items())], dtype=np.intc
        ).reshape(-1, 2),
        "target": np.array(targets, dtype=np.intc),
        "base": constant[targets] if targets else np.zeros(0),
        "source": np.array([source for source, _ in ordered], dtype=np.intc),
        "weight": np.array([weight for _, weight in ordered], dtype=float),
    }


def linear_equations(
    coordinates: Sequence[Coordinate],
    real: set[int],
    drift: Sequence[Polynomial],
    jacobian: tuple[Sequence[Polynomial], Sequence[Polynomial]],
    diffusion: Sequence[Sequence[Part]],
    *,
    inner: dict[tuple[int, int], list[tuple[int, int, float]]] | None = None,
    shift: float = 0.0,
) -> LinearEquations:
    """Equations of a mean and the covariance of real coordinates.

    Parameters
    ----------
    coordinates : sequence of Coordinate
        Of the covariance.
    real : set of int
        Variables that are real.
    drift : sequence of n polynomials
    jacobian : pair of sequences of n² polynomials
        u=∂F/∂z and v=∂F/∂z̄, row by row.
    diffusion : sequence
        The upper triangle of D; empty without a covariance.
    inner : dict, optional
        Of every further variable of the polynomials, by number and part: the elements (a, b) of C
        with weights, and the number that is added in the place (-1, -1).
    shift : float
        Taken off the diagonal of C before M acts on it.
    """
    n, d = len(drift), len(coordinates)
    rates = _Rates(drift, real)
    start, column = [0], []
    for x in coordinates:
        for b, y in enumerate(coordinates):
            at = x.variable * n + y.variable
            u, v = jacobian[0][at], jacobian[1][at]
            if not u and not v:
                continue
            parts = _element(u, v, x, y)
            if rates.add(parts, even_if_zero=False):
                column.append(b)
        start.append(len(column))
    for parts in diffusion:
        rates.add(parts, even_if_zero=True)
    rates.fold()
    rates.sort()
    tables: dict[str, Any] = {
        "variables": n,
        "start": np.array(start, dtype=np.intc),
        "column": np.array(column, dtype=np.intc),
        "real": np.array([k in real for k in range(n)], dtype=np.intc),
        "rates": rates.table(),
        "shift": shift,
    }
    variables, rows, source = n, rates.rows, rates.rows
    if inner is not None:
        rows, used = _renumbered(rows, n)
        variables = n + len(used)
        tables["inner"] = _inner_table(n, d, used, inner)
    arrays, factors = compile_polynomials(rows)
    if "run_sizes" in arrays:
        known = _variables(n, d, inner or {})
        read = {x >> 1 for p in source for letters, _ in p for x in letters}
        # letters that are powers do not follow from the state by a sum
        if all((k, 0) in known for k in read):
            sums = [_drift_sums(source[:n], real), rates.sums()]
            tables["lanes"] = lane_program(sums, known, real)
    return LinearEquations(variables, arrays, factors, tables)


def _drift_sums(drift: Sequence[Polynomial], real: set[int]) -> dict[int, Sum]:
    """dz/dt as pairs, where 0 belongs to what is real."""
    return {
        2 * k + part: (0.0, [] if part and k in real else [(p, part, 1.0)])
        for k, p in enumerate(drift)
        for part in (0, 1)
    }


def _variables(
    n: int, d: int, inner: dict[tuple[int, int], list[tuple[int, int, float]]]
) -> dict[tuple[int, int], list[tuple[int, float]]]:
    """The variables as sums over the state: z, then the upper triangle of C."""
    out = {(k, part): [(2 * k + part, 1.0)] for k in range(n) for part in (0, 1)}
    for key, entries in inner.items():
        own: dict[int, float] = {}
        for a, b, weight in entries:
            at = -1 if a < 0 else _upper_place(n, d, min(a, b), max(a, b))
            own[at] = own.get(at, 0.0) + weight
        out[key] = list(own.items())
    return out


def _upper_place(n: int, d: int, a: int, b: int) -> int:
    """Where the state has C_ab, a ≤ b."""
    return 2 * n + a * d - a * (a - 1) // 2 + b - a


def _element(u: Polynomial, v: Polynomial, x: Coordinate, y: Coordinate) -> list[Part]:
    """∂ẋ/∂y: d/d(Re z)=u+v, d/d(Im z)=i(u−v)."""
    ratio = x.scale / y.scale
    if y.part == 0:
        return [(u, x.part, ratio), (v, x.part, ratio)]
    sign = 1.0 if x.part else -1.0
    return [(u, 1 - x.part, sign * ratio), (v, 1 - x.part, -sign * ratio)]


def _renumbered(rows: Sequence[Polynomial], n: int) -> tuple[list[Polynomial], list[int]]:
    """The polynomials in those of their variables from `n` on that they have, and these."""
    used = sorted({x >> 1 for row in rows for letters, _ in row for x in letters if x >= 2 * n})
    number = {k: n + i for i, k in enumerate(used)}
    out = []
    for row in rows:
        new: Polynomial = {}
        for (letters, factors), value in row.items():
            moved = tuple(2 * number.get(x >> 1, x >> 1) + (x & 1) for x in letters)
            new[moved, factors] = value
        out.append(new)
    return out, used


def _inner_table(
    n: int,
    d: int,
    used: Sequence[int],
    inner: dict[tuple[int, int], list[tuple[int, int, float]]],
) -> dict[str, Any]:
    """The variables as an affine map of the state: z, then the upper triangle of C."""
    base = np.zeros(2 * (n + len(used)))
    entries = [(k, k, 1.0) for k in range(2 * n)]
    for i, k in enumerate(used):
        for part in (0, 1):
            target = 2 * (n + i) + part
            for a, b, weight in inner[k, part]:
                if a < 0:
                    base[target] += weight
                    continue
                a, b = min(a, b), max(a, b)
                entries.append((target, _upper_place(n, d, a, b), weight))
    return affine(base.tolist(), entries)
