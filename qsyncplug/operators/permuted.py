"""The space in which ensembles evolve: operators that no permutation of their atoms changes, beside
all operators of the other nodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from ..core.checks import check_memory
from ..core.permutations import permuted
from .atom import LETTERS, AtomFactor
from .expression import Expression
from .factor import Local
from .individual import EachAtom
from .matrices import check_cutoff
from .mode import ModeFactor
from .states import ProductState, coherent_levels
from .symbol import Symbol
from .system import System

__all__ = ["PermutedSpace"]

#: bytes that an entry of a sparse matrix takes while a sum of them is made
_ENTRY = 60.0


class _Site(Protocol):
    """Operators of one node: `size` of them, multiplied from the left and from the right."""

    size: int
    trace: np.ndarray

    def left(self, key: Local) -> Any: ...
    def right(self, key: Local) -> Any: ...
    def moment(self, factor: Any, key: Local) -> tuple[np.ndarray, np.ndarray]: ...


class _Ensemble:
    """Symmetric operators of N atoms."""

    def __init__(self, N: int):
        self.N, self.space = N, permuted(N)
        self.size, self.trace = self.space.size, self.space.trace
        n = self.space.counts
        #: change of the number of excitations
        self.labels = (n[:, 1] - n[:, 2])[:, None]
        self.adjoint = self.space.transposed

    def left(self, key: Local) -> Any:
        return _left(self.N, key)

    def right(self, key: Local) -> Any:
        # X A = (Aᵀ Xᵀ)ᵀ
        p, e, m = key
        turned, order = self.left((m, e, p)), self.adjoint
        return turned[order][:, order]

    def moment(self, factor: Any, key: Local) -> tuple[np.ndarray, np.ndarray]:
        return self.space.moment(*key)

    def own(self, jump: EachAtom) -> Any:
        """What a jump of every atom does."""
        terms = jump.terms.items()
        c = np.asarray(sum(value * _letter(letter) for (letter, _), value in terms))
        two = c.conj().T @ c
        one = np.eye(2)
        site = np.kron(c, c.conj()) - 0.5 * np.kron(two, one) - 0.5 * np.kron(one, two.T)
        return self.space.single(site)


class _Node:
    """All operators of a mode, spin or system of levels, row by row."""

    def __init__(self, factor: Any, dims: list[int]):
        self.factor, self.dims, self.d = factor, dims, math.prod(dims)
        self.size, self.trace = self.d**2, np.eye(self.d).ravel()
        own = np.asarray(factor.labels(dims))
        self.labels = (own[:, None] - own[None, :]).reshape(self.size, -1)
        self.adjoint = np.arange(self.size).reshape(self.d, self.d).T.ravel()

    def left(self, key: Local) -> Any:
        return sp.kron(self.factor.matrix(key, self.dims), sp.identity(self.d), format="csr")

    def right(self, key: Local) -> Any:
        return sp.kron(sp.identity(self.d), self.factor.matrix(key, self.dims).T, format="csr")

    def moment(self, factor: Any, key: Local) -> tuple[np.ndarray, np.ndarray]:
        functional = factor.matrix(key, self.dims).toarray().T.ravel()
        place = np.flatnonzero(functional)
        return place, functional[place]


def _letter(letter: Local) -> np.ndarray:
    return np.asarray(AtomFactor(1).matrix(letter, [2]).toarray())


@lru_cache(maxsize=512)
def _left(N: int, key: Local) -> Any:
    """Multiplication from the left by a sum over distinct sites: one letter after the other, less
    what the products on one site make of it.
    """
    if not any(key):
        return sp.identity(permuted(N).size, format="csr")
    at = next(k for k, power in enumerate(key) if power)
    one = LETTERS[at]
    rest = tuple(power - (k == at) for k, power in enumerate(key))
    out = permuted(N).single(np.kron(_letter(one).real, np.eye(2))) @ _left(N, rest)
    for other, weight in AtomFactor(N).product(one, rest):
        if other != key:
            out = out - weight * _left(N, other)
    return out


class PermutedSpace:
    """Coordinates of the symmetric operators of a system, and its generator on them.

    Parameters
    ----------
    system : System
    cutoff : int or sequence of int, optional
        Levels of modes.

    Attributes
    ----------
    shape : tuple of int
        Operators of each node.
    labels : ndarray of int, shape (D, M)
        By how much each operator changes what ``symmetries.charges`` weigh.
    """

    def __init__(self, system: System, cutoff: int | Sequence[int] | None = None):
        self.system, self.cutoff = system, cutoff
        self.sites = list(_sites(system, cutoff))
        self.shape = tuple(site.size for site in self.sites)
        check_memory(
            f"the symmetric operators of {system.name}",
            16.0 * math.prod(map(float, self.shape)) * (4 + len(self.shape)),
            advice="take fewer atoms, or lower the cutoff",
        )

    @property
    def size(self) -> int:
        """How many such operators there are."""
        return math.prod(self.shape)

    @cached_property
    def labels(self) -> np.ndarray:
        """Changes of what charges weigh, (D, M)."""
        grid = np.indices(self.shape).reshape(len(self.shape), -1)
        return np.concatenate([s.labels[g] for s, g in zip(self.sites, grid, strict=True)], axis=1)

    @cached_property
    def orders(self) -> np.ndarray:
        """Coherence order of every operator, (D, K) for K phase symmetries."""
        weights = self.system.symmetries.charges
        return (
            np.asarray(self.labels @ weights.T) if len(weights) else np.zeros((self.size, 0), int)
        )

    @cached_property
    def trace(self) -> np.ndarray:
        """The traces of the operators, (D,)."""
        out = np.ones(1)
        for site in self.sites:
            out = np.multiply.outer(out, site.trace).ravel()
        return out

    # ------------------------------------------------------------ generator

    def _sum(self, operator: Expression, side: str) -> Any:
        out = sp.csr_matrix((self.size, self.size), dtype=complex)
        for (monomial, factors), value in operator.terms.items():
            if factors:
                raise ValueError("operator must not depend on time")
            local = dict(monomial)
            term = sp.identity(1, format="csr")
            for symbol, site in zip(self.system.symbols, self.sites, strict=True):
                own = (
                    getattr(site, side)(local[symbol])
                    if symbol in local
                    else sp.identity(site.size, format="csr")
                )
                term = sp.kron(term, own, format="csr")
            out = out + value * term
        return out

    def left(self, operator: Expression) -> Any:
        """Multiplication from the left, X → A X: sparse (D, D)."""
        return self._sum(operator, "left")

    def right(self, operator: Expression) -> Any:
        """Multiplication from the right, X → X A: sparse (D, D)."""
        return self._sum(operator, "right")

    @property
    def entries(self) -> float:
        """About how many entries the generator has."""
        H, jumps = self.system.hamiltonian, self.system.jumps
        rows = 2.0 * sum(_branches(m) for m, _ in H.terms)
        for jump in jumps:
            one = [m for m, _ in jump.terms] if isinstance(jump, Expression) else []
            rows += 3.0 * sum(_branches(m) for m in one) ** 2 if one else 4.0
        return rows * self.size

    @cached_property
    def generator(self) -> Any:
        """The Liouvillian, sparse (D, D).

        Raises
        ------
        MemoryLimitError
            It does not fit.
        """
        check_memory(
            f"the generator on {self.size} symmetric operators",
            _ENTRY * self.entries,
            advice="take fewer atoms, or lower the cutoff",
        )
        H = self.system.hamiltonian
        L = -1j * (self.left(H) - self.right(H))
        for jump in self.system.jumps:
            if isinstance(jump, EachAtom):
                L = L + self._own(jump)
                continue
            a, b = self.left(jump), self.right(jump.dag())
            left, right = self.left(jump.dag()) @ a, self.right(jump) @ b
            L = L + a @ b - 0.5 * (left + right)
        return sp.csr_matrix(L)

    def _own(self, jump: EachAtom) -> Any:
        out = sp.identity(1, format="csr")
        for symbol, site in zip(self.system.symbols, self.sites, strict=True):
            acts = symbol is jump.symbol and isinstance(site, _Ensemble)
            own = site.own(jump) if acts else sp.identity(site.size)
            out = sp.kron(out, own, format="csr")
        return out

    # ------------------------------------------------------------ operators

    def product(self, state: ProductState) -> np.ndarray:
        """Coordinates of a product state, (D,)."""
        out = np.ones(1, dtype=complex)
        for symbol, site in zip(self.system.symbols, self.sites, strict=True):
            out = np.multiply.outer(out, _coordinates(state, symbol, site)).ravel()
        return out

    def adjoint(self, x: np.ndarray) -> np.ndarray:
        """Coordinates of the adjoint operator X†."""
        X = x.reshape(self.shape)
        for axis, site in enumerate(self.sites):
            X = np.take(X, site.adjoint, axis=axis)
        return np.asarray(X.conj().ravel())

    def matrix(self, x: np.ndarray) -> np.ndarray:
        """X as a matrix: of each ensemble between the states of total spin J, from N/2 down, summed
        over the ways of making it, as QuTiP's ``piqs`` has them.
        """
        X, dims = x.reshape(self.shape), []
        for axis, site in enumerate(self.sites):
            d = site.d if isinstance(site, _Node) else _dicke(site.N)
            if isinstance(site, _Ensemble):
                X = np.moveaxis(X, axis, 0)
                flat = site.space.blocks @ X.reshape(site.size, -1)
                X = np.moveaxis(flat.reshape(d * d, *X.shape[1:]), 0, axis)
            dims.append(d)
        m = len(dims)
        X = X.reshape([d for n in dims for d in (n, n)])
        X = X.transpose([*range(0, 2 * m, 2), *range(1, 2 * m, 2)])
        return np.asarray(X.reshape(math.prod(dims), -1))

    @property
    def dims(self) -> list[int]:
        """Of the matrices of :meth:`matrix`."""
        return [s.d if isinstance(s, _Node) else _dicke(s.N) for s in self.sites]

    def reduced(self, x: np.ndarray, nodes: Sequence[int]) -> np.ndarray:
        """Coordinates of the state of some nodes, one axis each, in their order."""
        X = x.reshape(self.shape)
        for axis in reversed([k for k in range(len(self.sites)) if k not in nodes]):
            X = np.tensordot(X, self.sites[axis].trace, axes=(axis, 0))
        order = np.argsort(np.argsort(nodes))
        return np.asarray(X.transpose(order))


def _sites(system: System, cutoff: Any) -> Iterator[Any]:
    modes = [s for s in system.symbols if isinstance(s.factor, ModeFactor)]
    kept = iter(check_cutoff(cutoff, len(modes)))
    for s in system.symbols:
        if isinstance(s.factor, AtomFactor):
            yield _Ensemble(s.factor.N)
        else:
            own = next(kept) if isinstance(s.factor, ModeFactor) else None
            yield _Node(s.factor, s.factor.levels(own))


def _branches(monomial: Any) -> float:
    """Entries a row of a monomial: each letter of an atom acts on two kinds of elements."""
    return float(
        np.prod([2.0 ** sum(key) for s, key in monomial if isinstance(s.factor, AtomFactor)])
    )


def _dicke(N: int) -> int:
    """Number of states |J, M⟩ of N atoms."""
    return (N // 2 + 1) * (N - N // 2 + 1)


def _coordinates(state: ProductState, symbol: Symbol, site: Any) -> np.ndarray:
    if isinstance(site, _Ensemble):
        return np.asarray(site.space.product(state.rho[symbol]))
    if isinstance(symbol.factor, ModeFactor):
        psi = coherent_levels(symbol, state.alpha[symbol], site.d)
        return np.asarray(np.multiply.outer(psi, psi.conj())).ravel()
    return np.ravel(state.rho[symbol])
