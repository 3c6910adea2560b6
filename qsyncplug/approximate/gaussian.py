"""The Gaussian closure of modes: equations of the mean and of normal-ordered covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..operators.expression import Expression, commutator
from ..operators.polynomial import (
    Polynomial,
    compile_polynomials,
    conjugate,
    derivative,
    multiply,
    total,
    variable,
)
from ..operators.system import System

__all__ = ["compile_gaussian"]


class _Wick:
    """Moments of a Gaussian state as polynomials in its mean and normal-ordered covariances.

    Variables: β_j for j<n, then m_jk=⟨δb_jδb_k⟩ for j≤k, then n_jk=⟨δb_j†δb_k⟩ for j≤k.
    An operator is the number 2j for b_j† and 2j+1 for b_j.
    """

    def __init__(self, system: System):
        n = system.n
        self.place = {s: k for k, s in enumerate(system.symbols)}
        self.pairs = [(j, k) for j in range(n) for k in range(j, n)]
        self.variables = n + 2 * len(self.pairs)
        self._m = {pair: n + i for i, pair in enumerate(self.pairs)}
        self._n = {pair: n + len(self.pairs) + i for i, pair in enumerate(self.pairs)}
        self._known: dict[tuple[int, ...], Polynomial] = {(): {((), ()): 1.0 + 0j}}

    @staticmethod
    def mean(operator: int) -> Polynomial:
        """β or β*."""
        return variable(operator >> 1, conjugated=not operator & 1)

    def contraction(self, a: int, b: int) -> Polynomial:
        """⟨δa δb⟩ in normal order."""
        j, k = a >> 1, b >> 1
        if a & 1 == b & 1:
            return variable(self._m[min(j, k), max(j, k)], conjugated=not a & 1)
        if b & 1 == 0:
            j, k = k, j
        # now ⟨δb_j† δb_k⟩
        return variable(self._n[j, k]) if j <= k else variable(self._n[k, j], conjugated=True)

    def moment(self, operators: tuple[int, ...]) -> Polynomial:
        """⟨∏ b†^p b^q⟩ by taking off one operator: its mean, or its contraction with each of the
        others.
        """
        if operators not in self._known:
            first, rest = operators[0], operators[1:]
            parts = [(1.0 + 0j, multiply(self.mean(first), self.moment(rest)))]
            for k in range(len(rest)):
                pair = self.contraction(first, rest[k])
                parts.append((1.0 + 0j, multiply(pair, self.moment(rest[:k] + rest[k + 1 :]))))
            self._known[operators] = total(*parts)
        return self._known[operators]

    def expectation(self, symbol: Polynomial) -> Polynomial:
        """Expectation value of the operator with this normal-ordered symbol."""
        out: list[tuple[complex, Polynomial]] = []
        for (operators, factors), value in symbol.items():
            moment = self.moment(operators)
            if factors:
                moment = {(x, factors): v for (x, _), v in moment.items()}
            out.append((value, moment))
        return total(*out)

    def symbol(self, expression: Expression) -> Polynomial:
        """The normal-ordered symbol: the letters of b†, b in a sorted tuple."""
        out: Polynomial = {}
        for (monomial, factors), value in expression.terms.items():
            letters: list[int] = []
            for s, (p, q) in monomial:
                j = self.place[s]
                letters += [2 * j] * p + [2 * j + 1] * q
            out[(tuple(sorted(letters)), factors)] = value
        return out

    def gradient(self, rate: Polynomial) -> dict[int, Polynomial]:
        """⟨∂Ẋ/∂x⟩ for every operator x in it: what a Gaussian state makes of ⟨Ẋ δY⟩=Σ_x ⟨∂Ẋ/∂x⟩⟨δx
        δY⟩.
        """
        used = {x for letters, _ in rate for x in letters}
        return {x: self.expectation(derivative(rate, x >> 1, not x & 1)) for x in used}


def _noise(system: System, wick: _Wick) -> dict[tuple[bool, int, int], Polynomial]:
    """Σ_L ⟨[L†,X][b_k,L]⟩ for X=b_j (False) and b_j† (True); only what does not vanish."""
    out: dict[tuple[bool, int, int], Polynomial] = {}
    b = system.operators
    for jump in system.jumps:
        near = [wick.place[s] for s in jump.used]
        right = {k: commutator(b[k], jump) for k in near}
        left = {(False, j): commutator(jump.dag(), b[j]) for j in near}
        left |= {(True, j): right[j].dag() for j in near}
        for (dagger, j), x in left.items():
            for k, y in right.items():
                if x.terms and y.terms:
                    part = wick.expectation(wick.symbol(x * y))
                    key = (dagger, j, k)
                    out[key] = total((1.0, out.get(key, {})), (1.0, part))
    return out


def compile_gaussian(system: System) -> tuple[int, dict[str, np.ndarray], list[Any]]:
    r"""Number of variables and the compiled equations of β, m_jk=⟨δb_jδb_k⟩ and n_jk=⟨δb_j†δb_k⟩
    (j≤k).

    From :math:`D^†(XY) = D^†(X)Y + X D^†(Y) + Σ_L [L^†,X][Y,L]` and Wick's theorem, which makes of
    ⟨Ẋ δY⟩ a sum over the operators in Ẋ: nothing is subtracted that would cancel.
    """
    wick = _Wick(system)
    rates = [wick.symbol(system.adjoint(x)) for x in system.operators]
    own = [wick.gradient(rate) for rate in rates]
    daggers = [{x ^ 1: conjugate(g) for x, g in gradient.items()} for gradient in own]
    noise = _noise(system, wick)
    outputs = [wick.expectation(rate) for rate in rates]
    for dagger in (False, True):
        left = daggers if dagger else own
        for j, k in wick.pairs:
            x, y = 2 * j + (0 if dagger else 1), 2 * k + 1
            parts = [(1.0, multiply(g, wick.contraction(z, y))) for z, g in left[j].items()]
            parts += [(1.0, multiply(g, wick.contraction(x, z))) for z, g in own[k].items()]
            if not dagger:
                # b_j stands left of Ẏ there, which is normal-ordered: what its commutator adds
                parts.append((1.0, own[k].get(2 * j, {})))
            parts.append((1.0, noise.get((dagger, j, k), {})))
            outputs.append(total(*parts))
    return (wick.variables, *compile_polynomials(outputs))
