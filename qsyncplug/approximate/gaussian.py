"""The Gaussian closure of modes: equations of the mean and of the covariance, which acts back."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np

from .._ext.equations import gaussian_moments
from ..core.checks import check_memory
from ..operators.expression import Expression, commutator
from ..operators.linear import LinearEquations, Part, linear_equations
from ..operators.polynomial import Polynomial, derivative, multiply, total, variable
from ..operators.system import System
from .products import GaussianMoments, check_products, in_blocks

__all__ = ["check_gaussian", "gaussian_equations", "gaussian_expectation", "moments_of_words"]


class _Wick:
    """Moments of a Gaussian state as polynomials in its mean and normal-ordered covariances.

    Variables: β_j for j<n, then m_jk=⟨δb_jδb_k⟩ for j≤k, then n_jk=⟨δb_j†δb_k⟩ for j≤k.
    An operator is the number 2j for b_j† and 2j+1 for b_j.
    """

    def __init__(self, system: System):
        n = system.n
        self.system = system
        self.place = {s: k for k, s in enumerate(system.symbols)}
        self.pairs = [(j, k) for j in range(n) for k in range(j, n)]
        self.variables = n + 2 * len(self.pairs)
        self._m = {pair: n + i for i, pair in enumerate(self.pairs)}
        self._n = {pair: n + len(self.pairs) + i for i, pair in enumerate(self.pairs)}
        self._known: dict[tuple[int, ...], Polynomial] = {(): {((), ()): 1.0 + 0j}}

    @staticmethod
    def mean(operator: int) -> Polynomial:
        """Mean of one operator: β or β*."""
        return variable(operator >> 1, conjugated=not operator & 1)

    def contraction(self, a: int, b: int) -> Polynomial:
        """⟨δa δb⟩ of fluctuations in normal order, as an element of the matrices m=⟨δbδb⟩ and
        n=⟨δb†δb⟩.
        """
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

    def elements(self, j: int, k: int) -> dict[tuple[int, int], list[tuple[int, int, float]]]:
        """The parts of m_jk and n_jk as sums of elements of the covariance of the quadratures."""
        qq, pp, qp, pq = ((2 * j + x, 2 * k + y) for x, y in ((0, 0), (1, 1), (0, 1), (1, 0)))
        m, n = self._m[j, k], self._n[j, k]
        vacuum = [(-1, -1, -0.5)] if j == k else []
        return {
            (m, 0): [(*qq, 0.5), (*pp, -0.5)],
            (m, 1): [(*qp, 0.5), (*pq, 0.5)],
            (n, 0): [(*qq, 0.5), (*pp, 0.5), *vacuum],
            (n, 1): [(*qp, 0.5), (*pq, -0.5)],
        }

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
        return _symbol(self.system, expression)

    def gradient(self, rate: Polynomial) -> dict[int, Polynomial]:
        """⟨∂Ẋ/∂x⟩ for every operator x in it: what a Gaussian state makes of ⟨Ẋ δY⟩=Σ_x ⟨∂Ẋ/∂x⟩⟨δx
        δY⟩.
        """
        used = {x for letters, _ in rate for x in letters}
        return {x: self.expectation(derivative(rate, x >> 1, not x & 1)) for x in used}


def _symbol(system: System, expression: Expression) -> Polynomial:
    place = {s: k for k, s in enumerate(system.symbols)}
    out: Polynomial = {}
    for (monomial, factors), value in expression.terms.items():
        letters: list[int] = []
        for s, (p, q) in monomial:
            letters += [2 * place[s]] * p + [2 * place[s] + 1] * q
        out[(tuple(sorted(letters)), factors)] = value
    return out


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


def gaussian_equations(system: System) -> LinearEquations:
    r"""The compiled equations of β and of the covariance of the quadratures.

    From :math:`D^†(XY) = D^†(X)Y + X D^†(Y) + Σ_L [L^†,X][Y,L]` and Wick's theorem, which makes of
    ⟨Ẋ δY⟩ a sum over the operators in Ẋ: with normal-ordered fluctuations
    :math:`\dot C = M C + C M^T + D` where M holds the ⟨∂Ẋ/∂x⟩. So M is as sparse as the system, and
    nothing is subtracted that would cancel.
    """
    if system not in _KNOWN:
        _KNOWN[system] = _derived(system)
    return _KNOWN[system]


_KNOWN: WeakKeyDictionary[System, LinearEquations] = WeakKeyDictionary()


def _derived(system: System) -> LinearEquations:
    n = system.n
    check_memory(
        f"the Gaussian closure of {n} modes", 2800.0 * n * n, advice="take closure='linear'"
    )
    wick = _Wick(system)
    rates = [wick.symbol(system.adjoint(x)) for x in system.operators]
    gradients = [wick.gradient(rate) for rate in rates]
    jacobian = [gradients[j].get(2 * k + 1, {}) for j in range(n) for k in range(n)]
    barred = [gradients[j].get(2 * k, {}) for j in range(n) for k in range(n)]
    noise = _noise(system, wick)
    inner: dict[tuple[int, int], list[tuple[int, int, float]]] = {}
    moments: dict[tuple[bool, int, int], Polynomial] = {}
    for j, k in wick.pairs:
        # b_j stands left of Ẏ in ⟨b_j Ẏ⟩, Ẏ in normal order: what their commutator adds
        order = gradients[k].get(2 * j, {})
        moments[False, j, k] = total((1.0, order), (1.0, noise.get((False, j, k), {})))
        moments[True, j, k] = noise.get((True, j, k), {})
        inner.update(wick.elements(j, k))
    return linear_equations(
        system.classical.coordinates,
        set(),
        [wick.expectation(rate) for rate in rates],
        (jacobian, barred),
        [_diffusion(moments, a, b) for a in range(2 * n) for b in range(a, 2 * n)],
        inner=inner,
        shift=0.5,
    )


def _diffusion(moments: dict[tuple[bool, int, int], Polynomial], a: int, b: int) -> list[Part]:
    """How fast the normal-ordered product of the quadratures a ≤ b grows by noise, from those of
    b_j b_k (m) and b_j† b_k (n).
    """
    (j, x), (k, y) = divmod(a, 2), divmod(b, 2)
    m, n = moments[False, j, k], moments[True, j, k]
    if x == y:
        # qq: Re(m+n), pp: Re(n−m)
        return [(n, 0, 1.0), (m, 0, -1.0 if x else 1.0)]
    # qp: Im(m+n), pq: Im(m−n)
    return [(m, 1, 1.0), (n, 1, -1.0 if x else 1.0)]


def moments_of_words(words: Sequence[tuple[int, ...]], rows: np.ndarray) -> np.ndarray:
    """⟨x⟩ and ⟨xy⟩ in normal order (T, V) of letters x, y (2j for b_j†, 2j+1 for b_j) from rows of
    a flow.
    """
    first = np.array([w[0] for w in words], dtype=np.intc)
    second = np.array([w[1] if len(w) == 2 else -1 for w in words], dtype=np.intc)
    out = np.empty((len(rows), len(words)), dtype=complex)
    gaussian_moments(np.ascontiguousarray(rows), first, second, out)
    return out


def gaussian_expectation(
    system: System, operator: Expression, beta: np.ndarray, m: np.ndarray, n: np.ndarray
) -> np.ndarray:
    """Expectation value of a polynomial in Gaussian states, (T,), by Wick's theorem.

    Parameters
    ----------
    system : System
        Of modes.
    operator : Expression
        Of its symbols, constant in time.
    beta : ndarray of shape (T, N)
        ⟨b_j⟩.
    m, n : ndarray of shape (T, N, N)
        ⟨δb_jδb_k⟩ and ⟨δb_j†δb_k⟩.
    """
    system.require_own(operator)
    if not operator.isconstant:
        raise ValueError(f"operator must not depend on time: {operator}")
    symbol = _symbol(system, operator)
    words = [letters for letters, _ in symbol]
    check_products(str(operator)[:60], words, 2)

    def read(here: slice) -> np.ndarray:
        moments = GaussianMoments(beta[here], m[here], n[here])
        out = np.zeros(len(moments.beta), dtype=complex)
        for (letters, _), coefficient in symbol.items():
            out += coefficient * moments.moment(letters)
        return out

    return in_blocks(words, len(beta), read)


def check_gaussian(name: str, system: System, operator: Expression) -> None:
    """Refuse an operator, called `name`, of which Wick's theorem makes too much."""
    check_products(name, [letters for letters, _ in _symbol(system, operator)], 2)
