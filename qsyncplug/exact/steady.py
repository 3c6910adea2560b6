"""Exact steady states of boson models."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
import scipy.sparse
import scipy.sparse.linalg

from ..core.checks import check_choice
from ..core.entry import HIERARCHY, STEADY_CLOSURES, steadystate
from ..core.errors import SolverError
from ..operators.atom import AtomFactor
from ..operators.expectation import mark
from ..operators.level import LevelFactor
from ..operators.matrices import mode_places
from ..operators.spin import SpinFactor
from ..operators.system import System
from .coherence import CoherenceOrders
from .fock import warn_cutoff
from .moments import MomentReader
from .nullspace import steady_blocks
from .sectors import SectorBasis, sector_liouvillian

__all__ = ["solve_steady", "steadystate_modes"]

#: up to this many elements of coherence order 0 the equations are factorised
_DIRECT = 2000


@steadystate.register(System)
def steadystate_modes(
    system: System,
    *,
    cutoff: Any = None,
    closure: str | None = None,
    order: int = 2,
    state0: Any = None,
) -> Any:
    r"""The exact steady state of a boson model in a truncated Fock space.

    A phase symmetry is used where the model has one: the steady state then has
    no coherence between different charges, and only those blocks are solved for.

    Parameters
    ----------
    system : System
        Must not depend on time and must have jump operators.
    cutoff : int or sequence of int
        Fock levels kept, at least 2; for all modes or for each. Not needed without modes.
    closure : {"cumulants"}, optional
        The steady state of a cumulant expansion instead of the exact one.
    order : int
        Of the cumulants.
    state0 : mapping, optional
        Where the cumulants start.

    Returns
    -------
    Qobj or MomentState
        Density matrix; for ensembles of atoms (without modes) and for cumulants the moments, which
        :func:`qsyncplug.expect` reads like a state.

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
    Solves Lρ=0, tr ρ=1 on the coherence order 0: up to 2000 elements by a sparse LU factorisation
    with one step of iterative refinement, beyond by GMRES preconditioned with the evolution without
    jumps (:func:`.nullspace.steady_blocks`).
    """
    if closure is not None:
        check_choice("closure", closure, STEADY_CLOSURES)
        return STEADY_CLOSURES[closure](system, order=order, state0=state0)
    if ensembles_alone(system):
        return HIERARCHY["steadystate"](system)
    levels = tuple(system.levels(cutoff))
    if not system.isconstant:
        raise ValueError("system must not depend on time to have a steady state")
    if not system.jumps:
        raise ValueError("system must have jump operators to have a unique steady state")
    H, c_ops = system.qutip(cutoff)
    number = np.indices(levels).reshape(len(levels), -1).T
    weights = system.symmetries.charges
    labels = system.labels(cutoff)
    charges = labels @ weights.T if len(weights) else np.zeros((len(number), 1), dtype=int)
    rho = solve_steady(
        H.data_as("csr_matrix"),
        [c.data_as("csr_matrix") for c in c_ops],
        charges,
        number,
        f"the cut-off {levels}",
    )
    state = qutip.Qobj(rho.toarray(), dims=[list(levels), list(levels)], isherm=True)
    reader = MomentReader(system, levels, cutoff)
    *_, populations = reader.split(reader(0.0, state)[None, :])
    places = mode_places(system, levels)
    warn_cutoff(populations[:, places], tuple(levels[k] for k in places))
    return mark(state, system.symbols)


def ensembles_alone(system: System) -> bool:
    """Whether the moments of distinct atoms are the smallest exact representation."""
    atoms = [s.factor.N for s in system.symbols if isinstance(s.factor, AtomFactor)]
    rest = [s for s in system.symbols if not isinstance(s.factor, AtomFactor)]
    small = all(
        isinstance(s.factor, LevelFactor) or (isinstance(s.factor, SpinFactor) and s.factor.N == 1)
        for s in rest
    )
    return bool(atoms) and small and system.isconstant and bool(system.jumps)


def solve_steady(
    H: Any, jumps: list[Any], charges: np.ndarray, labels: np.ndarray, where: str
) -> Any:
    """The steady state as a sparse matrix, from its coherence order 0 alone.

    Parameters
    ----------
    H, jumps : sparse matrices (d, d)
        Hamiltonian and jump operators.
    charges, labels : ndarray of int, shapes (d, K) and (d, m)
        Charges and occupation numbers of the basis states; all charges 0 where there is no
        symmetry.
    where : str
        For messages.

    Raises
    ------
    SolverError
        The steady state is not unique, or not positive.
    """
    problem = CoherenceOrders(H, jumps, charges, labels)
    none = problem.none
    size = problem.size(none)
    if size > _DIRECT:
        x, _ = steady_blocks(problem)
    else:
        L, _, start = sector_liouvillian(
            problem.hamiltonian, problem.jump_matrices, _sorted_basis(problem), none
        )
        assert [int(s) for s in start[:-1]] == [b[0] for b in problem._blocks(none)]
        x = _null_vector(
            L,
            np.concatenate(
                [
                    s + np.arange(r[1] - r[0]) * (r[1] - r[0] + 1)
                    for s, r, _ in problem._blocks(none)
                ]
            ),
        )
    lowest = 0.0
    for at, rows, _ in problem._blocks(none):
        n = rows[1] - rows[0]
        block = x[at : at + n * n].reshape(n, n)
        block = 0.5 * (block + block.conj().T)
        x[at : at + n * n] = block.ravel()
        lowest = min(lowest, float(np.linalg.eigvalsh(block)[0]))
    if lowest < -1e-8:
        raise SolverError(
            f"the steady state has a negative eigenvalue {lowest:.3g}: it is not unique, or "
            f"{where} is far too low",
            reason="not a state",
        )
    return problem.unpack(none, x)


def _sorted_basis(problem: CoherenceOrders) -> SectorBasis:
    """The sectors of a problem in its own order of the basis."""
    edges = problem.begin
    return SectorBasis(
        {
            tuple(int(v) for v in name): np.arange(edges[k], edges[k + 1])
            for k, name in enumerate(problem.names)
        }
    )


def _null_vector(L: Any, diagonal: np.ndarray) -> np.ndarray:
    """The vector with L x = 0 and Σ x[diagonal] = 1."""
    size = L.shape[0]
    scale = float(np.abs(L.data).max()) if L.nnz else 0.0
    if scale == 0.0:
        raise SolverError(
            "no unique steady state: nothing changes the populations", reason="singular"
        )
    # the equation of the first diagonal element follows from the others (trace conservation)
    row = int(diagonal[0])
    keep = scipy.sparse.diags(np.where(np.arange(size) == row, 0.0, 1.0))
    trace = scipy.sparse.csr_matrix(
        (np.full(len(diagonal), scale), (np.full(len(diagonal), row), diagonal)), shape=L.shape
    )
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
        raise SolverError(
            f"no unique steady state: the residual of Lρ=0 is {residual:.3g}", reason="singular"
        )
    # a second null vector shows as an inverse of enormous norm
    probe = np.random.default_rng(0).standard_normal(size)
    growth = float(np.linalg.norm(lu.solve(probe.astype(complex))) * scale / np.linalg.norm(probe))
    if growth > 1e12:
        raise SolverError(
            "the steady state is not unique (the equations are singular to 1 part in "
            f"{growth:.1e})",
            reason="singular",
        )
    return x
