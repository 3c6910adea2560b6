"""Operators of N two-level systems that no permutation of them changes: coordinates, sums over the
systems, and blocks of one total spin each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.special import gammaln

from .checks import check_memory

__all__ = ["Permuted", "permuted"]


@dataclass(frozen=True)
class Permuted:
    r"""The C(N+3, 3) operators of N two-level systems that no permutation changes.

    Each is the sum over all distinct products of n_0 elements \|u⟩⟨u\|, n_1 of \|u⟩⟨d\|, n_2 of
    \|d⟩⟨u\| and n_3 of \|d⟩⟨d\|, of norm 1. What acts on every system alike moves them as if they
    were bosons in four modes (S. Hartmann, arXiv:1201.1732; N. Shammah et al., Phys. Rev. A 98,
    063815 (2018)).

    Attributes
    ----------
    N : int
    counts : ndarray of int, shape (D, 4)
        n_0 … n_3.
    """

    N: int

    @cached_property
    def counts(self) -> np.ndarray:
        """The numbers n_0 … n_3 of every operator, (D, 4)."""
        what = f"the {self.size} symmetric operators of {self.N} atoms"
        check_memory(what, 45.0 * (self.N + 1.0) ** 3, advice="take fewer atoms")
        grid = np.indices((self.N + 1,) * 3).reshape(3, -1).T
        grid = grid[grid.sum(axis=1) <= self.N]
        return np.column_stack([grid, self.N - grid.sum(axis=1)])

    @property
    def size(self) -> int:
        """How many such operators there are, D."""
        return math.comb(self.N + 3, 3)

    @cached_property
    def multiplicity(self) -> np.ndarray:
        """How many products each of them sums, (D,)."""
        log = gammaln(self.N + 1) - gammaln(self.counts + 1.0).sum(axis=1)
        return np.asarray(np.exp(log))

    def places(self, counts: np.ndarray) -> np.ndarray:
        """Where operators with these counts (…, 4) stand."""
        code = (self.N + 1) ** np.arange(2, -1, -1)
        return np.searchsorted(self.counts[:, :3] @ code, counts[..., :3] @ code)

    def single(self, site: np.ndarray) -> Any:
        """The sum over all systems of a matrix (4, 4) on the elements of one, sparse (D, D)."""
        rows, columns, values = [], [], []
        here, n = np.arange(self.size), self.counts
        for a, b in zip(*np.nonzero(site), strict=True):
            keep = here[n[:, b] > 0]
            moved = n[keep].copy()
            moved[:, b] -= 1
            moved[:, a] += 1
            rows.append(self.places(moved))
            columns.append(keep)
            values.append(site[a, b] * np.sqrt(n[keep, b] * moved[:, a]))
        if not rows:
            return sp.csr_matrix((self.size, self.size))
        place = (np.concatenate(rows), np.concatenate(columns))
        return sp.csr_matrix((np.concatenate(values), place), shape=(self.size, self.size))

    @cached_property
    def transposed(self) -> np.ndarray:
        """Where the transpose of each operator stands."""
        return self.places(self.counts[:, [0, 2, 1, 3]])

    @cached_property
    def trace(self) -> np.ndarray:
        """The traces of the operators, (D,)."""
        bare = (self.counts[:, 1] == 0) & (self.counts[:, 2] == 0)
        return np.where(bare, np.sqrt(self.multiplicity), 0.0)

    def product(self, rho: np.ndarray) -> np.ndarray:
        """Coordinates of the product of one matrix (2, 2) a system."""
        powers = np.ravel(rho) ** self.counts
        return np.asarray(np.sqrt(self.multiplicity) * powers.prod(axis=1))

    def moment(self, raised: int, upper: int, lowered: int) -> tuple[np.ndarray, np.ndarray]:
        """tr(Σ σ+…σ+ σ+σ−… σ−…X), so many factors each, on distinct systems: which operators X have
        one, and the traces.
        """
        n0 = np.arange(upper, self.N - raised - lowered + 1)
        n = np.stack(
            [n0, 0 * n0 + lowered, 0 * n0 + raised, self.N - raised - lowered - n0], axis=1
        )
        falling = gammaln(n0 + 1.0) - gammaln(n0 - upper + 1.0)
        falling = falling + gammaln(raised + 1.0) + gammaln(lowered + 1.0)
        place = self.places(n)
        return place, np.sqrt(self.multiplicity[place]) * np.exp(falling)

    # ------------------------------------------------------------ total spin

    @cached_property
    def _sectors(self) -> list[tuple[int, int, np.ndarray, np.ndarray, np.ndarray]]:
        """Numbers of systems that are up on either side, where these operators stand, total spins
        J, and eigenvectors of J² as columns: it is tridiagonal there.
        """
        found = []
        n = self.counts
        left, right = n[:, 0] + n[:, 1], n[:, 0] + n[:, 2]
        order = np.lexsort((n[:, 0], right, left))
        edges = np.flatnonzero(np.diff(left[order] * (self.N + 1) + right[order])) + 1
        for where in np.split(order, edges):
            a, b = int(left[where[0]]), int(right[where[0]])
            n0, n1, n2, n3 = n[where].T.astype(float)
            M = a - 0.5 * self.N
            # J² = M² + N/2 + Σ_{i≠j} σ+_i σ−_j, from the left
            diagonal = M**2 + 0.5 * self.N + n0 * n2 + n1 * n3
            off = np.sqrt((n0 + 1) * n1 * n2 * (n3 + 1))[:-1]
            _, vectors = scipy.linalg.eigh_tridiagonal(diagonal, off)
            least = max(abs(2 * a - self.N), abs(2 * b - self.N))
            spins = 0.5 * np.arange(least, self.N + 1, 2)
            found.append((a, b, where, spins, vectors))
        return found

    def _weighed(self, row: np.ndarray, weight: Any) -> np.ndarray:
        """A functional of w(J, M) X, from one of X: weight(J, systems up on the left)."""
        out = np.zeros_like(row)
        for a, _, where, spins, V in self._sectors:
            if np.any(row[where]):
                out[where] = ((row[where] @ V) * weight(spins, a)) @ V.T
        return out

    @cached_property
    def ladder(self) -> np.ndarray:
        """Functionals tr(E^k X) of every operator X, k=0 … N, shape (N+1, D): E takes |J, M⟩ to
        |J, M−1⟩ and the lowest state to nothing, whatever systems J is made of.
        """
        lower = np.kron(np.array([[0.0, 0.0], [1.0, 0.0]]), np.eye(2))
        lowering = self.single(lower)

        def shrink(J: np.ndarray, up: int) -> np.ndarray:
            M = up - 0.5 * self.N
            size = np.maximum(J * (J + 1) - M * (M - 1), 0.0)
            return np.where(size > 0.25, 1 / np.sqrt(np.maximum(size, 0.25)), 0.0)

        rows = [self.trace]
        for _ in range(self.N):
            rows.append(self._weighed(rows[-1] @ lowering, shrink))
        return np.array(rows)

    def phases(self, weight: Any = None) -> np.ndarray:
        """Functionals ⟨e^{ikφ}⟩ of the phase of the total spin, k=0 … N, shape (N+1, D).

        Parameters
        ----------
        weight : callable, optional
            ``weight(k, J, n)``, J an array, of the element between n+k and n quanta of a spin J; 1
            by default.
        """
        if weight is None:
            return self.ladder
        rows = []
        for k, row in enumerate(self.ladder):

            def own(J: np.ndarray, up: int, k: int = k) -> np.ndarray:
                # quanta above the lowest state, after k of them are taken
                return np.asarray(weight(k, J, up - 0.5 * self.N + J - k))

            rows.append(self._weighed(row, own))
        return np.array(rows)

    @cached_property
    def blocks(self) -> Any:
        """Takes coordinates to matrices between the states |J, M⟩, J from N/2 down and M from J
        down, summed over all ways of making J, as a sparse matrix (S², D) for S such states
        (row-major; QuTiP's ``piqs``).
        """
        spins = 0.5 * np.arange(self.N, -1, -2)
        first = np.concatenate([[0], np.cumsum(2 * spins + 1)]).astype(int)
        S = int(first[-1])
        rows, columns, values = [], [], []
        for a, b, where, own, V in self._sectors:
            signs = self._signs(a, b, where, V)
            ways = np.exp(0.5 * self._log_ways(own))
            which = np.rint(0.5 * self.N - own).astype(int)
            i = first[which] + np.rint(own + 0.5 * self.N - a).astype(int)
            j = first[which] + np.rint(own + 0.5 * self.N - b).astype(int)
            rows.append(np.repeat(i * S + j, len(where)))
            columns.append(np.tile(where, len(own)))
            values.append((V * (signs * ways)).T.ravel())
        place = (np.concatenate(rows), np.concatenate(columns))
        return sp.csr_matrix((np.concatenate(values), place), shape=(S * S, self.size))

    def _signs(self, a: int, b: int, where: np.ndarray, V: np.ndarray) -> np.ndarray:
        """Signs that make the operators Σ|J M⟩⟨J M'| of the columns: tr(E^k X) is positive."""
        turned = self.transposed[where] if a < b else where
        signs = np.sign(self.ladder[abs(a - b)][turned] @ V)
        return np.where(signs == 0, 1.0, signs)

    def _log_ways(self, J: np.ndarray) -> np.ndarray:
        """Logarithm of the number of ways to make a total spin J: (2J+1)/(N+1) C(N+1, N/2−J)."""
        low = 0.5 * self.N - J
        log = gammaln(self.N + 2) - gammaln(low + 1) - gammaln(self.N + 2 - low)
        return np.asarray(log + np.log((2 * J + 1) / (self.N + 1)))


@lru_cache(maxsize=16)
def permuted(N: int) -> Permuted:
    """The operators of N systems, made once.

    Parameters
    ----------
    N : int

    Returns
    -------
    Permuted

    Examples
    --------
    >>> permuted(3).size
    20
    """
    return Permuted(N)
