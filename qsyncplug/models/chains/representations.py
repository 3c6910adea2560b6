"""Two spin chains as sparse matrices, in each of their representations."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import qutip
import scipy.sparse as sp

from ...operators.expression import Expression
from ...operators.matrices import amplitude_matrices, operator_matrix, tensor_matrix
from ...operators.system import System
from .parameters import ChainParameters
from .statement import ChainOperators, symbolic_operators

__all__ = ["as_qobj", "chain_matrices", "dicke_isometry", "full_bosons"]


def as_qobj(matrix: Any, dims: list[int]) -> qutip.Qobj:
    """An operator as a CSR Qobj."""
    return qutip.Qobj(sp.csr_matrix(matrix, dtype=complex), dims=[dims, dims], dtype="CSR")


def dicke_isometry(n: int) -> Any:
    """Symmetric states of N spins ½: column m (0…N) is the normalised sum of all states with m
    spins up; (2^N, N+1).
    """
    index = np.arange(2**n)
    down = np.zeros(2**n, dtype=int)
    for k in range(n):
        down += (index >> k) & 1
    up = n - down
    weight = np.array([1 / math.sqrt(math.comb(n, m)) for m in range(n + 1)])
    return sp.csr_matrix((weight[up].astype(complex), (index, up)), shape=(2**n, n + 1))


def chain_matrices(
    model: ChainParameters, representation: str, order: int | None, expansion: str, dims: list[int]
) -> ChainOperators:
    """What the chains are made of as sparse matrices in the space of `dims`; the bosons of all
    spins, which take long, are left to :func:`full_bosons`.
    """
    # the levels of a boson are those of the spin from below
    source = "collective" if representation == "bosons" else representation
    ops, symbols = symbolic_operators(model, source, order, expansion)
    levels = dims[-2:] if representation == "series" else None

    def matrix(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(map(matrix, x))
        if not isinstance(x, Expression):
            return x
        out = operator_matrix(x.terms, [s.symbol for s in symbols], levels)
        assert isinstance(out, qutip.Qobj)
        return reverse(out.data_as("csr_matrix"))

    def reverse(x: Any) -> Any:
        if source == representation:
            return x
        order = np.arange(math.prod(dims)).reshape(-1, *dims[-2:])[:, ::-1, ::-1].ravel()
        return x[order][:, order]

    bosons = matrix(ops.boson)
    if source == "collective":
        # of σ too, which is none of the chains
        empty = System(sum(0 * x for x in (*ops.jz, ops.sigma_z) if x is not None), order=symbols)
        bosons = tuple(reverse(x) for x in amplitude_matrices(empty, None)[-2:])
    sites = ops.sites if model.geometry == "chain" or not model.symmetric else ((), ())
    one = sp.identity(math.prod(dims), dtype=complex, format="csr")
    named = ("lowering", "jz", "sigma_minus", "sigma_z", "centre")
    own = {name: matrix(getattr(ops, name)) for name in named}
    return replace(ops, **own, sites=matrix(sites), boson=bosons, one=one)


def full_bosons(n: tuple[int, int], centre: int) -> tuple[Any, Any]:
    """b_j on the symmetric states of each chain, zero on the others, in the space of all spins."""
    out = []
    for j, size in enumerate(n):
        E = dicke_isometry(size)
        m = np.arange(1, size + 1)
        b = E @ sp.diags(np.sqrt(m).astype(complex), 1, shape=(size + 1, size + 1)) @ E.conj().T
        before, after = centre + (n[0] if j else 0), n[1] if j == 0 else 0
        out.append(tensor_matrix([None, b, None], [2**before, 2**size, 2**after]))
    return out[0], out[1]
