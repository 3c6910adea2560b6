"""The exact time derivative of operators: i[H,A] + ½Σ(L†[A,L] + [L†,A]L), term by term where
symbols meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from .expression import Expression
from .individual import EachAtom, each_adjoint, each_rates
from .level import LevelFactor
from .symbol import Symbol
from .terms import Key, Monomial, add_term, monomial_product

__all__ = ["Heisenberg"]


@lru_cache(maxsize=4096)
def _commutator(left: Monomial, right: Monomial) -> tuple[tuple[Monomial, complex], ...]:
    out: dict[Monomial, complex] = {}
    for monomial, weight in monomial_product(left, right):
        add_term(out, monomial, weight)
    for monomial, weight in monomial_product(right, left):
        add_term(out, monomial, -weight)
    return tuple(out.items())


def _may_meet(own: Monomial, elements: list[tuple[Symbol, Any]]) -> bool:
    """Whether a product with elements |i⟩⟨j| of levels, from either side, need not vanish."""
    for symbol, (a, b) in elements:
        for s, x in own:
            if s is symbol and x[1] != a and x[0] != b:
                return False
    return True


class _Indexed:
    """An operator with its terms sorted by the symbols that they hold: only those that share one
    do not commute.
    """

    def __init__(self, operator: Expression):
        self.terms = operator.terms
        self.by_symbol: dict[Symbol, dict[Key, complex]] = {}
        for key, value in operator.terms.items():
            for symbol, _ in key[0]:
                self.by_symbol.setdefault(symbol, {})[key] = value

    def commutator(self, other: Mapping[Key, complex]) -> dict[Key, complex]:
        """Terms of [self, other]; only terms that share a symbol are multiplied out."""
        out: dict[Key, complex] = {}
        for (monomial, factors), value in other.items():
            near: dict[Key, complex] = {}
            for symbol, _ in monomial:
                near.update(self.by_symbol.get(symbol, {}))
            elements = [(s, x) for s, x in monomial if isinstance(s.factor, LevelFactor)]
            for (own, more), weight in near.items():
                if elements and not _may_meet(own, elements):
                    continue
                for product, number in _commutator(own, monomial):
                    add_term(out, (product, tuple(sorted(more + factors))), weight * value * number)
        return out


def _add_product(
    out: dict[Key, complex],
    left: Mapping[Key, complex],
    right: Mapping[Key, complex],
    scale: complex,
) -> None:
    for (m1, f1), x in left.items():
        last = m1[-1][0] if m1 and isinstance(m1[-1][0].factor, LevelFactor) else None
        for (m2, f2), y in right.items():
            if last and m2 and m2[-1][0] is last and m1[-1][1][1] != m2[-1][1][0]:
                continue
            factors = tuple(sorted(f1 + f2)) if f1 or f2 else ()
            for product, weight in monomial_product(m1, m2):
                add_term(out, (product, factors), scale * x * y * weight)


class Heisenberg:
    """Rates of operators under a Hamiltonian and jumps.

    Parameters
    ----------
    hamiltonian : Expression
    jumps : sequence of Expression or EachAtom
    """

    def __init__(self, hamiltonian: Expression, jumps: Sequence[Any]):
        self._H = _Indexed(hamiltonian)
        whole = [j for j in jumps if not isinstance(j, EachAtom)]
        self._each = [(j, each_rates(j)) for j in jumps if isinstance(j, EachAtom)]
        self._jumps = [(_Indexed(j), _Indexed(j.dag())) for j in whole]
        self._jumps_of: dict[Symbol, list[int]] = {}
        for k, (L, _) in enumerate(self._jumps):
            for symbol in L.by_symbol:
                self._jumps_of.setdefault(symbol, []).append(k)

    def rate(self, operator: Expression) -> Expression:
        """D†(A), in canonical order."""
        out: dict[Key, complex] = {}
        for key, value in self._H.commutator(operator.terms).items():
            add_term(out, key, 1j * value)
        # jumps of other nodes commute with it
        near = {k for s in operator.used for k in self._jumps_of.get(s, ())}
        for k in sorted(near):
            L, L_dag = self._jumps[k]
            # [A, L] = −[L, A]
            if inner := L.commutator(operator.terms):
                _add_product(out, L_dag.terms, inner, -0.5)
            if inner := L_dag.commutator(operator.terms):
                _add_product(out, inner, L.terms, 0.5)
        result = Expression(operator.spaces, out)
        for jump, rates in self._each:
            result = result + each_adjoint(jump, operator, rates)
        return result
