"""Expectation values of products of many operators, as numbers: every product once, where a
polynomial in the moments would have a term for each of its partitions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from ..operators.expression import Expression
from .words import MomentEquations, Word

__all__ = ["GaussianMoments", "check_closed", "check_products", "closed_expectation", "in_blocks"]

#: products of arrays that take about a minute
_WORK = 2e7
#: values that are held at once
_HELD = 2**22


def check_products(name: str, words: Sequence[Word], most: int) -> None:
    """Refuse products of so many letters that a closure takes long to make something of them.

    Parameters
    ----------
    name : str
        What the operator is called.
    words : sequence of tuple
        Letters of its products.
    most : int
        Largest cumulant that is kept.
    """
    for word in words:
        each = sum(math.comb(len(word), size) for size in range(most))
        if (work := _parts(word) * each) > _WORK:
            raise ValueError(
                f"{name} has a product of {len(word)} operators, of which the closure would have "
                f"to add up {work:.1g} products of moments, more than a minute; take lower powers, "
                "or operators of fewer nodes"
            )


def _parts(word: Word) -> float:
    """How many products of some of the letters there are."""
    return math.prod(1.0 + count for count in Counter(word).values())


def in_blocks(words: Sequence[Word], count: int, read: Callable[[slice], np.ndarray]) -> np.ndarray:
    """What `read` makes of so many outputs, (T,), taken together as memory allows."""
    held = sum(_parts(word) for word in words if len(word) > 2)
    size = max(1, int(_HELD / max(held, 1.0)))
    parts = [read(slice(k, k + size)) for k in range(0, max(count, 1), size)]
    return np.concatenate(parts)


class GaussianMoments:
    """Normal-ordered moments of Gaussian states by Wick's theorem.

    Parameters
    ----------
    beta : ndarray of shape (T, N)
        ⟨b_j⟩.
    m, n : ndarray of shape (T, N, N)
        ⟨δb_jδb_k⟩ and ⟨δb_j†δb_k⟩.
    """

    def __init__(self, beta: np.ndarray, m: np.ndarray, n: np.ndarray):
        self.beta, self.m, self.n = beta, m, n
        self._known: dict[Word, np.ndarray] = {(): np.ones(len(beta), dtype=complex)}

    def moment(self, word: Word) -> np.ndarray:
        """⟨∏ b†^p b^q⟩ (T,) of letters 2j for b_j† and 2j+1 for b_j: the mean of the first, or its
        contraction with each of the others.
        """
        if word not in self._known:
            first, rest = word[0], word[1:]
            value = self._mean(first) * self.moment(rest)
            for other, count in Counter(rest).items():
                k = rest.index(other)
                pair = self._contraction(first, other)
                value = value + count * pair * self.moment(rest[:k] + rest[k + 1 :])
            self._known[word] = value
        return self._known[word]

    def _mean(self, letter: int) -> np.ndarray:
        mean: np.ndarray = self.beta[:, letter >> 1]
        return mean if letter & 1 else mean.conj()

    def _contraction(self, a: int, b: int) -> np.ndarray:
        j, k = a >> 1, b >> 1
        out: np.ndarray
        if a & 1 == b & 1:
            out = self.m[:, j, k]
            return out if a & 1 else out.conj()
        out = self.n[:, k, j] if a & 1 else self.n[:, j, k]
        return out


class _ClosedMoments:
    """Moments of any products at given moments up to an order, higher ones by the closure.

    Parameters
    ----------
    equations : MomentEquations
    values : ndarray of shape (…, V)
        Moments in the order of its words.
    """

    def __init__(self, equations: MomentEquations, values: np.ndarray):
        self.equations, self.values = equations, values
        self._moments: dict[Word, np.ndarray] = {
            (): np.ones(values.shape[:-1], dtype=complex),
        }
        self._cumulants: dict[Word, np.ndarray] = {}

    def expectation(self, operator: Expression) -> np.ndarray:
        """Of an operator in the symbols of the equations, (…)."""
        out = np.zeros(self.values.shape[:-1], dtype=complex)
        for (monomial, _), value in operator.terms.items():
            word, weight = self.equations.word(monomial)
            # of what the phase symmetries forbid every part of a partition has one that vanishes
            if self.equations.neutral(word):
                out = out + value * weight * self.moment(word)
        return out

    def moment(self, word: Word) -> np.ndarray:
        """⟨·⟩ of a word that the phase symmetries allow."""
        if word not in self._moments:
            order = self.equations.order
            short = len(word) <= order
            self._moments[word] = self._column(word) if short else self._sum(word, order - 1)
        return self._moments[word]

    def _column(self, word: Word) -> np.ndarray:
        k, conjugated = self.equations.index[word]
        column: np.ndarray = self.values[..., k]
        return column.conj() if conjugated and k not in self.equations.real else column

    def _cumulant(self, word: Word) -> np.ndarray:
        if word not in self._cumulants:
            rest = self._sum(word, len(word) - 2)
            self._cumulants[word] = self.moment(word) - rest
        return self._cumulants[word]

    def _sum(self, word: Word, most: int) -> np.ndarray:
        out = np.zeros(self.values.shape[:-1], dtype=complex)
        for block, left, count in self.equations.partitions(word, most):
            if self.equations.neutral(block) and self.equations.neutral(left):
                out = out + count * self._cumulant(block) * self.moment(left)
        return out


def closed_expectation(
    equations: MomentEquations, operator: Expression, values: np.ndarray
) -> np.ndarray:
    """Expectation value of an operator in the symbols of `equations` at moments (…, V)."""
    if not operator.isconstant:
        raise ValueError(f"operator must not depend on time: {operator}")
    words = check_closed(str(operator)[:60], equations, operator)
    rows = values.reshape(-1, values.shape[-1])
    out = in_blocks(
        words,
        len(rows),
        lambda here: _ClosedMoments(equations, rows[here]).expectation(operator),
    )
    return out.reshape(values.shape[:-1])


def check_closed(name: str, equations: MomentEquations, operator: Expression) -> list[Word]:
    """The words of an operator, called `name`; refuses those of which the closure makes too
    much.
    """
    words = [equations.word(monomial)[0] for monomial, _ in operator.terms]
    order = equations.order
    check_products(name, [word for word in words if len(word) > order], order)
    return words
