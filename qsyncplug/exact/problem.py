"""A constant system as matrices: what steady states, eigenmodes and spectra start from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, singledispatch
from typing import Any

import numpy as np
import qutip
import scipy.sparse as sp

from ..core.checks import check_memory
from ..operators.expression import Expression
from ..operators.matrices import mode_places
from ..operators.system import System
from .fock import less_of, warn_cutoff
from .liouvillian import Liouvillian
from .superoperator import sectors, superoperator

__all__ = ["Problem", "exact_problem", "refuse"]


@dataclass
class Problem:
    """Hamiltonian and jump operators of a constant system, with its phase charges.

    Attributes
    ----------
    system : object
        The model.
    H : Qobj
    c_ops : list of Qobj
    charges : ndarray of int, shape (d, K)
        Of the basis states; K=0 without a phase symmetry.
    labels : ndarray of int, shape (d, m)
        Occupation numbers.
    cutoff : int, sequence of int or None
        As given.
    places : tuple of int
        Tensor factors that are modes, whose highest level is a cut-off.
    doubt : matrix (d, d), sparse or not, or None
        What the steady state may be wrong by, once it is known.
    """

    system: Any
    H: qutip.Qobj
    c_ops: list[qutip.Qobj]
    charges: np.ndarray
    labels: np.ndarray
    cutoff: Any = None
    places: tuple[int, ...] = field(default=())
    doubt: Any = field(default=None, init=False)

    @property
    def d(self) -> int:
        """Dimension of the Hilbert space."""
        return int(self.H.shape[0])

    @property
    def dims(self) -> list[int]:
        """Dimensions of the tensor factors."""
        return list(self.H.dims[0])

    @property
    def where(self) -> str:
        """Name of the space, for messages."""
        if not self.places:
            return f"the {self.d} levels"
        levels = [self.dims[k] for k in self.places]
        return f"the cut-off {levels[0] if len(set(levels)) == 1 else tuple(levels)}"

    @cached_property
    def lattice(self) -> bool:
        """Whether no two states have equal charges, of which there are one or two: elements of one
        order are then points of a line or a plane, and their equations are factorised at little
        cost.
        """
        return 0 < self.charges.shape[1] <= 2 and len(sectors(self.charges)[0]) == self.d

    @cached_property
    def liouvillian(self) -> Liouvillian:
        """The matrix-free generator."""
        return Liouvillian(self.H, self.c_ops)

    @cached_property
    def matrices(self) -> tuple[Any, list[Any]]:
        """H and jump operators as CSR matrices."""
        csr = [sp.csr_matrix(o.to("CSR").data_as("csr_matrix")) for o in (self.H, *self.c_ops)]
        return csr[0], csr[1:]

    @cached_property
    def effective(self) -> Any:
        """The non-Hermitian generator M = −iH − ½ΣL†L of the motion without jumps, CSR of shape (d,
        d).
        """
        H, jumps = self.matrices
        M = -1j * H
        for jump in jumps:
            M = M - 0.5 * (jump.conj().T @ jump)
        return sp.csr_matrix(M)

    def matrix(self, operator: Any, name: str) -> Any:
        """An operator as a CSR matrix of this space.

        Raises
        ------
        TypeError, ValueError
            It is no operator, or of another space.
        """
        if isinstance(operator, Expression):
            if not isinstance(self.system, System):
                raise TypeError(f"{name} must be a Qobj for this system, not an expression")
            if not operator.isconstant:
                raise ValueError(f"{name} must not depend on time")
            operator = self.system.matrix(operator, self.cutoff)
        if not isinstance(operator, qutip.Qobj) or not operator.isoper:
            kind = type(operator).__name__
            raise TypeError(f"{name} must be an expression of the system or a Qobj, not {kind}")
        if operator.dims != self.H.dims:
            raise ValueError(f"{name} must have dims {self.H.dims}, not {operator.dims}")
        _require_finite(operator, name)
        return sp.csr_matrix(operator.to("CSR").data_as("csr_matrix"))

    def order_of(self, matrix: Any) -> tuple[int, ...] | None:
        """The coherence order that an operator adds, if it is a single one."""
        coo = matrix.tocoo()
        keep = coo.data != 0
        found = np.unique(self.charges[coo.row[keep]] - self.charges[coo.col[keep]], axis=0)
        return tuple(int(x) for x in found[0]) if len(found) == 1 else None

    def elements(self, order: Sequence[int] | None) -> np.ndarray:
        """Rising numbers a·d+b of the elements |a⟩⟨b| whose q(a)−q(b) is `order`; of all for None.

        Raises
        ------
        MemoryLimitError
            They do not fit.
        """
        values, states = sectors(self.charges)
        pairs = [(np.arange(self.d), np.arange(self.d))]
        if order is not None:
            of = {tuple(v): own for v, own in zip(values.tolist(), states, strict=True)}
            other = (values - np.array(order, dtype=int)).tolist()
            pairs = [
                (a, of[tuple(v)]) for a, v in zip(states, other, strict=True) if tuple(v) in of
            ]
        count = sum(len(a) * len(b) for a, b in pairs)
        what = f"{count:.2g} elements of a density matrix of {self.d} levels"
        check_memory(what, 40.0 * count, advice=less_of(self.system))
        found = [(a[:, None] * self.d + b).ravel() for a, b in pairs]
        return np.sort(np.concatenate([np.zeros(0, dtype=int), *found]))

    def orders(self) -> list[tuple[int, ...]]:
        """Every coherence order that occurs."""
        if self.charges.shape[1] == 0:
            return [()]
        values = sectors(self.charges)[0]
        what = f"the coherence orders between {len(values)} charges"
        check_memory(what, 40.0 * len(values) ** 2 * values.shape[1], advice=less_of(self.system))
        found = (values[:, None, :] - values[None, :, :]).reshape(-1, values.shape[1])
        return [tuple(int(x) for x in row) for row in np.unique(found, axis=0)]

    def superoperator(self, index: np.ndarray) -> Any:
        """L on the elements `index` of row-major matrices, sparse."""
        return superoperator(self.effective, self.matrices[1], index)

    def warn_cutoff(self, rho: Any) -> float:
        """Warn where the highest level of a mode is populated; the largest such population."""
        if not self.places:
            return 0.0
        return warn_cutoff(self.populations(rho), tuple(self.dims[k] for k in self.places))

    def populations(self, rho: Any) -> np.ndarray:
        """Of the levels of each mode, shape (1, modes, levels), NaN beyond a mode's own."""
        weights = rho.diagonal().real.reshape(self.dims)
        m = len(self.dims)
        out = np.full((1, len(self.places), max(self.dims)), np.nan)
        for row, j in enumerate(self.places):
            out[0, row, : self.dims[j]] = weights.sum(axis=tuple(k for k in range(m) if k != j))
        return out

    def highest(self, rho: Any) -> float:
        """Largest population of the two highest levels of a mode."""
        p = self.populations(rho)[0]
        sizes = [self.dims[k] for k in self.places]
        return max(
            (float(p[j, n - min(2, n - 1) : n].max()) for j, n in enumerate(sizes)), default=0.0
        )

    def qobj(self, matrix: np.ndarray, *, isherm: bool | None = None) -> qutip.Qobj:
        """A matrix as a Qobj of this space."""
        return qutip.Qobj(matrix, dims=self.H.dims, isherm=isherm)


@singledispatch
def exact_problem(system: Any, cutoff: Any = None, what: str = "a steady state") -> Problem:
    """A system as matrices.

    Parameters
    ----------
    system : System, SpinChains, or a pair (H, c_ops) of QuTiP objects
        Constant in time.
    cutoff : int or sequence of int, optional
        Levels kept of modes.
    what : str
        What it is for, for messages.

    Raises
    ------
    TypeError, ValueError
        Not a system, or one that depends on time or has no jump operators.
    """
    raise TypeError(
        f"system must be a System of this package or a pair (H, c_ops), not {type(system).__name__}"
    )


def refuse(constant: bool, jumps: bool, what: str) -> None:
    """Refuse systems without a stationary state."""
    if not constant:
        raise ValueError(f"system must not depend on time to have {what}")
    if not jumps:
        raise ValueError(
            f"system must have jump operators: without them {what} would not be unique"
        )


@exact_problem.register(System)
def _of_system(system: System, cutoff: Any = None, what: str = "a steady state") -> Problem:
    levels = system.levels(cutoff)
    refuse(system.isconstant, bool(system.jumps), what)
    size = float(np.prod(levels, dtype=float))
    per_level = 32.0 * (len(system.jumps) + 1) + 16.0 * len(levels)
    what_for = f"{what}: the operators of {size:g} levels"
    check_memory(what_for, per_level * size, advice=less_of(system))
    weights = system.symmetries.charges
    d = math.prod(levels)
    labels = np.indices(levels).reshape(len(levels), -1).T
    charges = system.labels(cutoff) @ weights.T if len(weights) else np.zeros((d, 0), dtype=int)
    _check_state(np.asarray(charges), less_of(system))
    H, c_ops = system.qutip(cutoff)
    places = tuple(mode_places(system, levels))
    return Problem(system, H, list(c_ops), np.asarray(charges), labels, cutoff, places)


def _check_state(charges: np.ndarray, advice: str) -> None:
    """Refuse a space in which the least that is asked for, the elements of a state between levels
    of equal charges, does not fit.
    """
    spans = [np.ptp(q) + 1 for q in charges.T]
    place = np.ravel_multi_index(tuple((charges - charges.min(axis=0)).T), spans) if spans else 0
    counts = np.bincount(np.broadcast_to(place, len(charges))).astype(float)
    elements = float((counts**2).sum())
    check_memory(f"a state of {elements:.2g} elements", 16.0 * elements, advice=advice)


def _require_finite(operator: qutip.Qobj, name: str) -> None:
    """Refuse NaN and infinity, as QuTiP holds them: its change to CSR leaves NaN out."""
    data = operator.data
    stored = data.to_array() if isinstance(data, qutip.data.Dense) else data.as_scipy().data
    if not np.all(np.isfinite(stored)):
        raise ValueError(f"{name} must be finite; it holds NaN or infinite values")


@exact_problem.register(tuple)
def _of_qutip(system: tuple[Any, Any], cutoff: Any = None, what: str = "a steady state") -> Problem:
    if len(system) != 2 or not isinstance(system[0], (qutip.Qobj, qutip.QobjEvo)):
        raise TypeError("system must be a System or a pair (H, c_ops) of QuTiP objects")
    if cutoff is not None:
        raise ValueError(f"cutoff: a pair (H, c_ops) has its levels already; got {cutoff!r}")
    H, c_ops = system
    c_ops = [c_ops] if isinstance(c_ops, (qutip.Qobj, qutip.QobjEvo)) else list(c_ops)
    parts = [H, *c_ops]
    for k, o in enumerate(c_ops):
        if not isinstance(o, (qutip.Qobj, qutip.QobjEvo)):
            raise TypeError(f"c_ops[{k}] of system must be a Qobj, not {type(o).__name__}")
    constant = all(isinstance(o, qutip.Qobj) or o.isconstant for o in parts)
    refuse(constant, bool(c_ops), what)
    H, *c_ops = [o if isinstance(o, qutip.Qobj) else o(0.0) for o in parts]
    for name, o in (("H", H), *((f"c_ops[{k}]", o) for k, o in enumerate(c_ops))):
        if not o.isoper or o.dims != H.dims:
            raise ValueError(
                f"{name} of system must be an operator with the dims {H.dims} of H, not "
                f"{o.type} with {o.dims}"
            )
        _require_finite(o, f"{name} of system")
    if not H.isherm:
        raise ValueError("H of system must be Hermitian")
    d, dims = int(H.shape[0]), list(H.dims[0])
    labels = np.indices(dims).reshape(len(dims), -1).T
    return Problem(system, H, c_ops, np.zeros((d, 0), dtype=int), labels)
