"""Expressions as QuTiP objects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import qutip
import scipy.sparse

from ..core.checks import check_integer
from .mode import ModeFactor
from .spin import SpinFactor
from .symbol import Symbol
from .terms import Key, Monomial
from .time_factor import TimeFactor

__all__ = [
    "amplitude_matrices",
    "basis_labels",
    "check_cutoff",
    "mode_dims",
    "mode_places",
    "operator_matrix",
    "symbol_levels",
    "tensor_matrix",
    "to_qutip",
]


def check_cutoff(cutoff: Any, n: int) -> tuple[int, ...]:
    """The number of levels of each of `n` modes, at least 2; without modes it says nothing."""
    if n == 0 and cutoff is None:
        return ()
    several = isinstance(cutoff, (tuple, list)) or (isinstance(cutoff, np.ndarray) and cutoff.ndim)
    values = tuple(cutoff) if several else (cutoff,) * max(n, 1)
    if n == 0:
        for c in values or (cutoff,):
            check_integer("cutoff", c, minimum=2)
        return ()
    if len(values) != n:
        raise ValueError(
            f"cutoff must be one number or {n} numbers (one a mode), not {len(values)}"
        )
    return tuple(check_integer("cutoff", c, minimum=2) for c in values)


def mode_dims(symbols: Sequence[Symbol], dims: Sequence[int]) -> list[int] | None:
    """The cut-offs among the dimensions `dims` of all symbols; None without modes."""
    pairs = zip(symbols, dims, strict=True)
    kept = [int(d) for s, d in pairs if isinstance(s.factor, ModeFactor)]
    return kept or None


def mode_places(system: Any, dims: Sequence[int]) -> list[int]:
    """Which of the tensor factors with dimensions `dims` are modes, whose last level is a
    cut-off.
    """
    out, at = [], 0
    for symbol in system.symbols:
        if isinstance(symbol.factor, ModeFactor):
            out.append(at)
            at += 1
        else:
            at += len(symbol.factor.levels(None))
    assert at == len(dims)
    return out


def symbol_levels(symbols: Sequence[Symbol], cutoff: int | Iterable[int] | None) -> list[list[int]]:
    """Dimensions that every symbol is represented on."""
    modes = [s for s in symbols if isinstance(s.factor, ModeFactor)]
    if modes and cutoff is None:
        raise TypeError(
            "cutoff is needed: a mode has no last level; give the number of Fock levels to keep"
        )
    kept = iter(check_cutoff(cutoff, len(modes)) if cutoff is not None else ())
    return [
        s.factor.levels(next(kept) if isinstance(s.factor, ModeFactor) else None) for s in symbols
    ]


#: rows, columns and values of the entries of a matrix
Entries = tuple[np.ndarray, np.ndarray, np.ndarray]


def _tensor(left: Entries, right: Entries, size: int) -> Entries:
    """The tensor product of two matrices by their entries; the right one has `size` rows."""
    row = (left[0][:, None] * size + right[0]).ravel()
    column = (left[1][:, None] * size + right[1]).ravel()
    return row, column, np.multiply.outer(left[2], right[2]).ravel()


def _identity(size: int) -> Entries:
    here = np.arange(size)
    return here, here, np.ones(size, dtype=complex)


def _monomial(monomial: Monomial, symbols: Sequence[Symbol], levels: list[list[int]]) -> Entries:
    """One monomial on the tensor product of `symbols`."""
    local = dict(monomial)
    out = _identity(1)
    # neighbours that nothing acts on are one identity
    idle = 1
    for symbol, dims in zip(symbols, levels, strict=True):
        size = math.prod(dims)
        if symbol not in local:
            idle *= size
            continue
        if idle > 1:
            out, idle = _tensor(out, _identity(idle), idle), 1
        coo = symbol.factor.matrix(local[symbol], dims).tocoo()
        out = _tensor(out, (coo.row.astype(int), coo.col.astype(int), coo.data), size)
    return _tensor(out, _identity(idle), idle) if idle > 1 else out


def _sum_of(
    terms: Iterable[tuple[complex, Monomial]], symbols: Sequence[Symbol], levels: list[list[int]]
) -> Any:
    """Σ value · monomial as one CSR matrix."""
    size = math.prod(math.prod(dims) for dims in levels)
    rows, columns, data = [], [], []
    for value, monomial in terms:
        row, column, entries = _monomial(monomial, symbols, levels)
        rows.append(row)
        columns.append(column)
        data.append(value * entries)
    if not rows:
        return scipy.sparse.csr_matrix((size, size), dtype=complex)
    place = (np.concatenate(rows), np.concatenate(columns))
    return scipy.sparse.csr_matrix((np.concatenate(data), place), shape=(size, size))


def operator_matrix(
    terms: Mapping[Key, complex], symbols: Sequence[Symbol], cutoff: int | Iterable[int] | None
) -> qutip.Qobj | qutip.QobjEvo:
    """`terms` on the tensor product of `symbols`; see :meth:`.Expression.qutip`."""
    levels = symbol_levels(symbols, cutoff)
    size = math.prod(math.prod(dims) for dims in levels)
    parts: dict[tuple[TimeFactor, ...], list[tuple[complex, Monomial]]] = {}
    for (monomial, factors), value in terms.items():
        parts.setdefault(factors, []).append((value, monomial))
    groups = {factors: _sum_of(part, symbols, levels) for factors, part in parts.items()}
    return to_qutip(groups, [d for dims in levels for d in dims], size)


def tensor_matrix(factors: Sequence[Any], dims: Sequence[int]) -> Any:
    """The tensor product of sparse matrices, CSR; None is the identity of so many levels."""
    out: Any = scipy.sparse.identity(1, dtype=complex, format="csr")
    for factor, d in zip(factors, dims, strict=True):
        own = scipy.sparse.identity(d, format="csr") if factor is None else factor
        out = scipy.sparse.kron(out, own, format="csr")
    return out


def amplitude_matrices(system: Any, cutoff: int | Iterable[int] | None) -> list[Any]:
    """What plays the part of b for every node, as sparse matrices on the whole space.

    The annihilation operator of a mode, the Holstein–Primakoff boson of a spin of two or more
    spins ½, Σσ−/√N of an ensemble, σ− of a spin ½ and Σ|i⟩⟨i+1| of a system of levels.
    """
    levels = symbol_levels(system.symbols, cutoff)
    sizes = [math.prod(dims) for dims in levels]
    out = []
    for k, (symbol, operator) in enumerate(zip(system.symbols, system.operators, strict=True)):
        N = getattr(symbol.factor, "N", 1)
        if isinstance(symbol.factor, SpinFactor) and N > 1:
            # b|n⟩=√n|n−1⟩, n=Sz+N/2, and the basis runs from n=N down
            own = scipy.sparse.diags(np.sqrt(np.arange(N, 0, -1.0)), -1, format="csr")
            around = [math.prod(sizes[:k]), N + 1, math.prod(sizes[k + 1 :])]
            matrix = tensor_matrix([None, own, None], around)
        else:
            parts = [(value, m) for (m, _), value in operator.terms.items()]
            matrix = _sum_of(parts, system.symbols, levels) / np.sqrt(N)
        out.append(scipy.sparse.csr_matrix(matrix, dtype=complex))
    return out


def to_qutip(
    groups: dict[tuple[TimeFactor, ...], Any], dims: list[int], size: int
) -> qutip.Qobj | qutip.QobjEvo:
    """A Qobj of sparse matrices by time factors, or a QobjEvo where there are any."""

    def as_qobj(matrix: Any) -> qutip.Qobj:
        return qutip.Qobj(
            scipy.sparse.csr_matrix(matrix), dims=[list(dims), list(dims)], dtype="CSR"
        )

    groups = dict(groups)
    constant = as_qobj(groups.pop((), scipy.sparse.csr_matrix((size, size), dtype=complex)))
    if not groups:
        return constant
    parts: list[Any] = [constant]
    for factors, matrix in groups.items():
        coefficient = None
        for factor in factors:
            c = qutip.coefficient(factor.coefficient)
            c = c.conj() if factor.conjugate else c
            coefficient = c if coefficient is None else coefficient * c
        parts.append([as_qobj(matrix), coefficient])
    return qutip.QobjEvo(parts)


def basis_labels(symbols: Sequence[Symbol], levels: list[list[int]]) -> np.ndarray:
    """Labels of every basis state of the tensor product, one column a charge, shape (d,
    columns).
    """
    out = np.zeros((1, 0), dtype=int)
    for symbol, dims in zip(symbols, levels, strict=True):
        own = symbol.factor.labels(dims)
        out = np.concatenate(
            [np.repeat(out, len(own), axis=0), np.tile(own, (len(out), 1))], axis=1
        )
    return out
