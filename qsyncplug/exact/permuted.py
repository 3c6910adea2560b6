"""Stationary states and motion on the operators that no permutation of atoms changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ..operators.mode import ModeFactor
from ..operators.permuted import PermutedSpace
from ..operators.states import ProductState
from .dense import DenseKernel
from .elements import Elements
from .fock import warn_cutoff
from .nullspace import null_vector
from .propagate import ChebyshevStepper
from .superoperator import check_factors
from .whole import settled

__all__ = ["SparseElements", "evolved", "symmetric_steady", "warn_levels_of"]


class _SparseKernel(DenseKernel):
    """What the compiled generator does, by a sparse matrix on complex vectors."""

    instructions = "sparse"

    def __init__(self, L: Any):
        self.L, self.size, self.products, self.kind = L, L.shape[0], 0, "general"
        self.weight = np.ones(2 * self.size)
        self.rows, self.columns = np.arange(self.size), np.zeros(self.size, dtype=int)
        self.dimension = self.size

    def matrix(
        self, x: np.ndarray, phase: np.ndarray, hermitian: bool, out: np.ndarray | None = None
    ) -> np.ndarray:
        """The vector that a row stands for, (n, 1)."""
        return np.asarray(x[: self.size] + 1j * x[self.size :])[:, None]

    def elements(self, m: np.ndarray, phase: np.ndarray) -> np.ndarray:
        """The row that stands for a vector (n, 1)."""
        return np.concatenate([m[:, 0].real, m[:, 0].imag])

    def _change(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self.L @ X)


class _SparseOwner:
    """What is asked of the generator that elements are of."""

    isconstant = True
    jump_parts: tuple[()] = ()

    def __init__(self, L: Any):
        self.dimension, self.phase = L.shape[0], np.ones(L.shape[0], dtype=complex)
        self.ellipses: dict[tuple[str, bytes], Any] = {}
        self.terms = 4 + 4 * L.nnz // max(L.shape[0], 1)

    def terms_per_element(self, *, ket: bool = False) -> int:
        """Terms summed for one element."""
        return int(self.terms)


class SparseElements(Elements):
    """Complex vectors with a sparse generator, as rows of real parts, then imaginary ones.

    Parameters
    ----------
    L : sparse matrix (n, n)
    """

    def __init__(self, L: Any):
        segments = np.array([[0, L.shape[0], 0, 0]])
        L = sp.csr_matrix(L)
        every = np.zeros(1, dtype=int)
        kernel = _SparseKernel(L)
        super().__init__(_SparseOwner(L), kernel, segments, "general", every, np.ones(L.shape[0]))


def symmetric_steady(space: PermutedSpace, state0: Any = None) -> tuple[np.ndarray, float]:
    """The stationary state in coordinates (D,), and its residual relative to the fastest rate.

    Parameters
    ----------
    space : PermutedSpace
    state0 : mapping or sequence, optional
        One state a node: the stationary state that it evolves to.

    Raises
    ------
    SolverError
        It is not unique, or nothing stationary is reached.
    """
    index = np.flatnonzero(~np.any(space.orders, axis=1))
    if state0 is None:
        what = f"the steady state on {len(index)} symmetric operators"
        check_factors(what, len(index), "take fewer atoms, or lower the cutoff")
    L = space.generator
    rate = float(np.abs(L.diagonal()).max(initial=0.0)) or 1.0
    if state0 is not None:
        x = _reached(space, L, rate, state0)
    else:
        x = np.zeros(space.size, dtype=complex)
        x[index], _ = null_vector(L[index][:, index], space.trace[index])
    x = 0.5 * (x + space.adjoint(x))
    x = x / (space.trace @ x)
    return x, float(np.linalg.norm(L @ x) / (rate * np.linalg.norm(x)))


def _reached(space: PermutedSpace, L: Any, rate: float, state0: Any) -> np.ndarray:
    start = space.product(ProductState(space.system, state0))
    # only what the start leads to
    _, group = sp.csgraph.connected_components(abs(L), directed=False)
    keep = np.flatnonzero(np.isin(group, np.unique(group[start != 0])))
    elements = SparseElements(L[keep][:, keep])
    row = settled(elements, np.concatenate([start[keep].real, start[keep].imag]), rate)
    x = np.zeros(space.size, dtype=complex)
    x[keep] = row[: len(keep)] + 1j * row[len(keep) :]
    return x


def evolved(space: PermutedSpace, state0: Any, t: float) -> np.ndarray:
    """Coordinates (D,) of what a product state becomes after the time t.

    Parameters
    ----------
    space : PermutedSpace
    state0 : mapping or sequence
        One state a node.
    t : float
    """
    start = space.product(ProductState(space.system, state0))
    stepper = ChebyshevStepper(
        SparseElements(space.generator), np.concatenate([start.real, start.imag]), 0.0
    )
    for _ in stepper.advance(np.array([t])):
        pass
    return np.asarray(stepper.x[: space.size] + 1j * stepper.x[space.size :])


def warn_levels_of(space: PermutedSpace, x: np.ndarray) -> None:
    """Warn where the highest levels of a mode are populated in a state with coordinates (D,)."""
    nodes = enumerate(space.system.symbols)
    places = [k for k, s in nodes if isinstance(s.factor, ModeFactor)]
    sizes = tuple(space.dims[k] for k in places)
    if not places:
        return
    table = np.full((1, len(places), max(sizes)), np.nan)
    for row, (k, d) in enumerate(zip(places, sizes, strict=True)):
        table[0, row, :d] = space.reduced(x, [k]).reshape(d, d).diagonal().real
    warn_cutoff(table, sizes)
