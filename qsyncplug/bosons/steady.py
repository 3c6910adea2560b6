"""Exact steady states of boson models."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
import scipy.sparse
import scipy.sparse.linalg

from ..core.checks import check_memory
from ..core.entry import steadystate
from ..core.errors import SolverError
from .algebra import check_cutoff
from .exact import warn_cutoff
from .model import ModeSystem
from .moments import MomentReader
from .sectors import SectorBasis, sector_liouvillian

__all__ = ["steadystate_modes"]


def _integer_charges(system: ModeSystem) -> np.ndarray:
    """Integer weight vectors that span (part of) the conserved charges: the common phase and single-mode phases."""
    weights = system.symmetries.charges
    found: list[np.ndarray] = []
    n = system.n
    candidates = [np.eye(n)[j] for j in range(n)] + [np.ones(n)]
    for candidate in candidates:
        if len(weights) == 0:
            break
        # in the span of the conserved weights?
        residual = candidate - weights.T @ (weights @ candidate)
        if np.abs(residual).max() < 1e-9 and (not found or np.linalg.matrix_rank(np.array([*found, candidate])) > len(found)):
            found.append(candidate)
    return np.array(found, dtype=int).reshape(-1, n)


@steadystate.register(ModeSystem)
def steadystate_modes(system: ModeSystem, *, cutoff: Any) -> qutip.Qobj:
    r"""The exact steady state of a boson model in a truncated Fock space.

    A phase symmetry is used where the model has one: the steady state then has
    no coherence between different charges, and only those blocks are solved for.

    Parameters
    ----------
    system : ModeSystem
        Must not depend on time and must have jump operators.
    cutoff : int or sequence of int
        Fock levels kept, at least 2; for all modes or for each.

    Returns
    -------
    Qobj
        Density matrix.

    Raises
    ------
    ValueError
        There is no unique steady state to look for: no jump operators, or a time-dependent model.
    SolverError
        The equations are singular: several steady states, or none at this cut-off.

    Warns
    -----
    CutoffWarning
        The population of a highest level passes 1e-6; the message says which cut-off would do.

    Notes
    -----
    Solves Lρ=0 with one equation replaced by tr ρ=1, by a sparse LU factorisation, and one step of iterative refinement.
    """
    levels = check_cutoff(cutoff, system.n)
    if not system.isconstant:
        raise ValueError("system must not depend on time to have a steady state")
    if not system.jumps:
        raise ValueError("system must have jump operators to have a unique steady state")
    H, c_ops = system.qutip(levels)
    number = np.indices(levels).reshape(system.n, -1).T
    weights = _integer_charges(system)
    charges = number @ weights.T if len(weights) else np.zeros((len(number), 1), dtype=int)
    basis = SectorBasis.from_charges(charges)
    zero = (0,) * charges.shape[1]
    size = basis.size(zero)
    # fill-in of the factorisation: measured about 60 times the 15 entries a row of such models
    check_memory(f"the steady state of {size} density-matrix elements", 16.0 * 15 * 60 * size, advice="lower the cutoff")
    L, blocks, start = sector_liouvillian(H.data_as("csr_matrix"), [c.data_as("csr_matrix") for c in c_ops], basis, zero)
    diagonal = np.concatenate(
        [start[k] + np.arange(len(basis.sectors[r])) * (len(basis.sectors[r]) + 1) for k, (r, _) in enumerate(blocks)]
    )
    solution = _null_vector(L, diagonal)
    d = int(np.prod(levels))
    rho = np.zeros((d, d), dtype=complex)
    for k, (r, c) in enumerate(blocks):
        rows, columns = basis.sectors[r], basis.sectors[c]
        rho[np.ix_(rows, columns)] = solution[start[k] : start[k + 1]].reshape(len(rows), len(columns))
    rho = 0.5 * (rho + rho.conj().T)
    lowest = float(np.linalg.eigvalsh(rho)[0]) if d <= 2000 else 0.0
    if lowest < -1e-8:
        raise SolverError(
            f"the steady state has a negative eigenvalue {lowest:.3g}: it is not unique, or the cut-off {levels} is far too low",
            reason="not a state",
        )
    state = qutip.Qobj(rho, dims=[list(levels), list(levels)], isherm=True)
    reader = MomentReader(system, levels)
    *_, populations = reader.split(reader(0.0, state)[None, :])
    warn_cutoff(populations, levels)
    return state


def _null_vector(L: Any, diagonal: np.ndarray) -> np.ndarray:
    """The vector with L x = 0 and Σ x[diagonal] = 1."""
    size = L.shape[0]
    scale = float(np.abs(L.data).max())
    # the equation of the first diagonal element follows from the others (trace conservation)
    row = int(diagonal[0])
    keep = scipy.sparse.diags(np.where(np.arange(size) == row, 0.0, 1.0))
    trace = scipy.sparse.csr_matrix((np.full(len(diagonal), scale), (np.full(len(diagonal), row), diagonal)), shape=L.shape)
    A = (keep @ L + trace).tocsc()
    b = np.zeros(size, dtype=complex)
    b[row] = scale
    try:
        lu = scipy.sparse.linalg.splu(A, permc_spec="COLAMD")
    except RuntimeError as error:
        raise SolverError(f"no unique steady state: {error}", reason="singular") from error
    x = lu.solve(b)
    x = x + lu.solve(b - A @ x)
    residual = float(np.abs(L @ x).max())
    if not np.all(np.isfinite(x)) or residual > 1e-9 * scale * max(1.0, float(np.abs(x).max())):
        raise SolverError(f"no unique steady state: the residual of Lρ=0 is {residual:.3g}", reason="singular")
    # a second null vector shows as an inverse of enormous norm
    probe = np.random.default_rng(0).standard_normal(size)
    growth = float(np.linalg.norm(lu.solve(probe.astype(complex))) * scale / np.linalg.norm(probe))
    if growth > 1e12:
        raise SolverError(
            f"the steady state is not unique (the equations are singular to 1 part in {growth:.1e})", reason="singular"
        )
    return x
