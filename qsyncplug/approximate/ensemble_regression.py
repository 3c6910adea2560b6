"""Quantum regression on the moments of ensembles: the permutation-symmetric Liouville space."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ..core.entry import SPECTRA
from ..operators.expression import Expression
from ..operators.polynomial import Polynomial
from .cumulants import Closure, closure_of
from .stationary import MomentState, sites_of

__all__ = ["ensemble_regression"]

#: multiples of one rounding that sums of moments may be wrong by
_ROUNDINGS = 16 * 2.0**-52
#: rows, columns and values of the entries of a matrix
_Entries = tuple[list[int], list[int], list[complex]]


class _Moments:
    """Moments of matrices X that need not be Hermitian: tr(WX), then tr(W†X), of every word W.

    Parameters
    ----------
    closure : Closure
        Exact, with the words that carry a charge.
    """

    def __init__(self, closure: Closure):
        self.closure, self.equations = closure, closure.equations
        self.V = len(self.equations.words)

    def row(self, polynomial: Polynomial, *, conjugated: bool) -> tuple[list[int], list[complex]]:
        """A linear functional of the moments, or that of the adjoint operator; constants belong to
        the trace, which is zero.
        """
        columns, values = [], []
        for (letters, _), value in polynomial.items():
            if letters:
                (x,) = letters
                direct = bool(x & 1) != conjugated
                columns.append((x >> 1) + (0 if direct else self.V))
                values.append(value.conjugate() if conjugated else value)
        return columns, values

    def generator(self) -> Any:
        """Their equations of motion, (2V, 2V)."""
        entries: _Entries = ([], [], [])
        for k, rate in enumerate(self.equations.rates()):
            for conjugated in (False, True):
                columns, values = self.row(rate, conjugated=conjugated)
                entries[0].extend([k + self.V * conjugated] * len(columns))
                entries[1].extend(columns)
                entries[2].extend(values)
        shape = (2 * self.V, 2 * self.V)
        return sp.csc_matrix((entries[2], (entries[0], entries[1])), shape=shape, dtype=complex)

    def expectation(self, operator: Expression, moments: np.ndarray) -> complex:
        """⟨operator⟩ at moments (V,) of a state, without products of more atoms than there are."""
        total = 0j
        for (monomial, _), value in operator.terms.items():
            word, weight = self.equations.word(monomial)
            if weight:
                found = self.equations.evaluate(self.equations.moment(word), moments[None, :])
                total += value * weight * complex(found[0])
        return total

    def times(self, a: Expression, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The moments of δa ρ, of a state ρ with `moments`, and the size of what they are sums
        of.
        """
        mean = self.expectation(a, moments)
        out = np.empty(2 * self.V, dtype=complex)
        size = np.empty(2 * self.V)
        for k, word in enumerate(self.equations.words):
            W, scale = self.equations.operator(word), self.equations.scale(word)
            for half, operator in ((0, W), (1, W.dag())):
                alone = moments[k] if half == 0 else moments[k].conjugate()
                both = self.expectation(operator * a, moments) / scale
                out[k + half * self.V] = both - alone * mean
                size[k + half * self.V] = abs(both) + abs(alone * mean)
        return out, size


def ensemble_regression(
    steady: MomentState, a: Expression, cutoff: Any = None
) -> tuple[Any, tuple[np.ndarray, np.ndarray], tuple[complex, float], float]:
    """What spectra of ensembles of many atoms start from.

    Parameters
    ----------
    steady : MomentState
        The exact steady state of a system of atoms, spins ½, levels and, with a `cutoff`, modes.
    a : Expression
    cutoff : int or sequence of int, optional
        That of the steady state.

    Returns
    -------
    L : sparse matrix (n, n)
        Generator of the moments that δa ρ has.
    start, functional : ndarray of shape (n,)
        Moments of δa ρ, and tr(δa† X) as a functional of moments.
    coherent, power : complex, float
        ⟨a⟩ and ⟨δa†δa⟩.
    noise : float
        What rounding makes of the power.
    """
    system = steady.system
    system.require_own(a)
    closure = closure_of(system, sites_of(system, cutoff), neutral=False, cutoff=cutoff)
    space = _Moments(closure)
    moments = np.zeros(space.V, dtype=complex)
    known = steady.closure.equations
    for k, word in enumerate(space.equations.words):
        if word in known.index:
            place, turned = known.index[word]
            value = steady.moments[place]
            moments[k] = value.conjugate() if turned else value
    a = closure.image(a)
    (start, sums), L = space.times(a, moments), space.generator()
    columns, values = space.row(space.equations.expectation(a.dag()), conjugated=False)
    functional = np.zeros(2 * space.V, dtype=complex)
    np.add.at(functional, columns, values)
    coherent = space.expectation(a, moments)
    # only what δa ρ reaches
    _, group = sp.csgraph.connected_components(abs(L), directed=False)
    size = np.abs(start).max(initial=0.0)
    keep = np.flatnonzero(np.isin(group, np.unique(group[np.abs(start) > 1e-14 * size])))
    power = max(float((functional @ start).real), 0.0)
    noise = _ROUNDINGS * float(np.abs(functional) @ sums)
    ends = start[keep], functional[keep]
    return L[keep][:, keep].tocsc(), ends, (coherent, power), noise


SPECTRA["ensembles"] = ensemble_regression
