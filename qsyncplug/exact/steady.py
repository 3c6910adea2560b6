"""Exact steady states: which method finds them, and how far to trust what it found."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip
import scipy.sparse

from ..core.checks import check_choice, check_integer, check_memory
from ..core.entry import HIERARCHY, STEADY_CLOSURES, steadystate
from ..core.errors import SolverError
from ..core.progress import Tell, check_bar, reached, silent
from ..operators.expectation import mark
from ..operators.permuted import PermutedSpace
from ..operators.states import ProductState
from ..operators.system import System
from .fock import less_of, prepare_state
from .nullspace import null_vector, steady_blocks
from .permuted import symmetric_steady
from .problem import Problem, exact_problem, refuse
from .superoperator import OrderZero, check_factors
from .symmetric import many_atoms, refuse_conserved_spin, warn_levels
from .whole import lowest_eigenvalue, reached_from, steady_whole

__all__ = ["solve_steady", "stationary", "steady_from", "steadystate_modes"]

#: up to this many elements of coherence order 0 the equations are factorised
_DIRECT = 4000
#: and up to this many where iterations fail
_LAST_RESORT = 12_000


def stationary(problem: Problem, where: str, tell: Tell = silent) -> Any:
    """The unique steady state of a problem as a matrix (d, d): sparse with a phase symmetry.

    Raises
    ------
    SolverError
        It is not unique, or not positive.
    """
    if problem.charges.shape[1] == 0 and problem.d**2 > _DIRECT:
        try:
            rho, stats = steady_whole(problem, tell)
            problem.doubt = stats["error"] * np.abs(rho)
        except SolverError as error:
            if error.reason != "not converged" or problem.d**2 > _LAST_RESORT:
                raise
            return solve_steady(problem, where, direct=True).toarray()
        if (lowest := lowest_eigenvalue(rho)) < -1e-8:
            raise SolverError(
                f"the steady state has a negative eigenvalue {lowest:.3g}: it is not unique, or "
                f"{where} is far too low",
                reason="not a state",
            )
        return rho
    rho = solve_steady(problem, where, tell=tell)
    return rho if problem.charges.shape[1] else rho.toarray()


def _density_matrix(state0: Any, problem: Problem) -> np.ndarray:
    """A checked initial state as a matrix."""
    if isinstance(problem.system, System) and not isinstance(state0, qutip.Qobj):
        state0 = ProductState(problem.system, state0).qutip(problem.cutoff)
    if not isinstance(state0, qutip.Qobj) or not (state0.isket or state0.isoper):
        raise TypeError(f"state0 must be a ket or a density matrix, not {type(state0).__name__}")
    state = prepare_state(state0, tuple(problem.dims))
    return np.asarray((qutip.ket2dm(state) if state.isket else state).full())


def steady_from(problem: Problem, state0: Any) -> np.ndarray:
    """The stationary state that `state0` (ket, density matrix, or of a System one state a node)
    evolves to, a matrix (d, d).

    Raises
    ------
    TypeError, ValueError
        It is no state of this space.
    SolverError
        Nothing stationary is reached.
    """
    return reached_from(problem, _density_matrix(state0, problem))


@steadystate.register(System)
@steadystate.register(tuple)
def steadystate_modes(
    system: Any,
    *,
    cutoff: Any = None,
    closure: str | None = None,
    order: int = 2,
    state0: Any = None,
    progress_bar: str | bool = "",
) -> Any:
    r"""The exact steady state of a system in a truncated space.

    A phase symmetry is used where the system has one: the steady state then has no coherence
    between different charges, and only those blocks are solved for. Without one (driven systems)
    nothing of the size of a superoperator is formed.

    Parameters
    ----------
    system : System, or a pair (H, c_ops) of QuTiP objects
        Must not depend on time and must have jump operators.
    cutoff : int or sequence of int
        Fock levels kept of modes, at least 2; for all or for each. Not needed without modes.
    closure : {"cumulants"}, optional
        The steady state of a cumulant expansion instead of the exact one.
    order : int
        Of the cumulants.
    state0 : Qobj, mapping or sequence, optional
        Where there are several steady states, the one that this ket or density matrix evolves to;
        also one state a node, as for :func:`qsyncplug.exactsolve`. For cumulants, where they start.
    progress_bar : str or bool
        As in QuTiP: "text", "enhanced", "tqdm"; "" is none. It tells of iterations, by the decades
        of the residual; what is factorised, or evolved from a `state0`, is told at its end.

    Returns
    -------
    Qobj or MomentState
        A density matrix on the space of ``system.qutip(cutoff)``. From 7 atoms of ensembles on (all
        ensembles together) and for cumulants the moments, which :func:`qsyncplug.expect` reads like
        a state: those of an ensemble are exact, in the permutation-symmetric Liouville space, where
        the states of every atom would be too many. With a `state0` that is a Qobj always a
        density matrix.

    Raises
    ------
    ValueError
        There is no unique steady state to look for: no jump operators, or a time-dependent system.
    SolverError
        The equations are singular: several steady states, or none at this cut-off.

    Warns
    -----
    CutoffWarning
        The population of a highest level passes 1e-6; the message says which cut-off would do.

    Notes
    -----
    Solves Lρ=0, tr ρ=1. With a symmetry, on the coherence order 0: up to 4000 elements by a sparse
    LU factorisation with one step of iterative refinement, beyond by GMRES preconditioned with the
    evolution without jumps (:func:`.nullspace.steady_blocks`). Without
    one: :func:`.whole.steady_whole`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> rho = qsp.steadystate(qsp.System(0.3 * (b + b.dag()), [b]), cutoff=12)
    >>> round(rho.purity(), 10)
    1.0
    """
    order = check_integer("order", order, minimum=1)
    bar = check_bar(progress_bar)
    if closure is not None:
        check_choice("closure", closure, STEADY_CLOSURES)
        return STEADY_CLOSURES[closure](system, order=order, state0=state0)
    if isinstance(system, System) and state0 is None and system.isconstant and system.jumps:
        refuse_conserved_spin(system)
    if isinstance(system, System) and many_atoms(system) and not isinstance(state0, qutip.Qobj):
        return _of_many_atoms(system, cutoff, state0)
    problem = exact_problem(system, cutoff)
    tell = reached(bar)
    if state0 is not None:
        rho = steady_from(problem, state0)
    else:
        rho = _dense(problem, stationary(problem, problem.where, tell))
    tell(1.0)
    problem.warn_cutoff(rho)
    state = problem.qobj(rho, isherm=True)
    return mark(state, system.symbols) if isinstance(system, System) else state


def _dense(problem: Problem, rho: Any) -> np.ndarray:
    """A matrix of all states, if it fits."""
    if scipy.sparse.issparse(rho):
        what = f"a density matrix of {problem.d} levels"
        check_memory(what, 20.0 * problem.d**2, advice=less_of(problem.system))
        rho = rho.toarray()
    return np.asarray(rho)


def _of_many_atoms(system: System, cutoff: Any, state0: Any) -> Any:
    """On the operators that no permutation of the atoms changes."""
    refuse(system.isconstant, bool(system.jumps), "a steady state")

    def solve() -> tuple[PermutedSpace, np.ndarray, float]:
        space = PermutedSpace(system, cutoff)
        return (space, *symmetric_steady(space, state0))

    state = HIERARCHY["state"](system, cutoff, solve)
    warn_levels(state.closure, state.moments[None, :])
    return state


def solve_steady(problem: Problem, where: str, *, direct: bool = False, tell: Tell = silent) -> Any:
    """The steady state as a sparse matrix, from its coherence order 0 alone.

    Parameters
    ----------
    problem : Problem
        Without charges all elements are of order 0.
    where : str
        For messages.
    direct : bool
        Factorise whatever the size.
    tell : callable
        Is told the share that is done.

    Raises
    ------
    SolverError
        The steady state is not unique, or not positive.
    """
    zero = OrderZero(problem.charges)
    direct = direct or problem.lattice or len(zero.index) <= _DIRECT
    x = _factorised(problem, zero) if direct else _iterated(problem, zero, tell)
    lowest = 0.0
    for at, states in zero.blocks:
        n = len(states)
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
    return zero.matrix(x)


def _factorised(problem: Problem, zero: OrderZero) -> np.ndarray:
    if problem.lattice:
        what = f"the steady state of {problem.d} levels"
        check_factors(what, problem.d, less_of(problem.system))
    rate = 2 * float(np.abs(problem.effective.diagonal().real).max())
    trace = np.zeros(len(zero.index))
    trace[zero.diagonal] = 1.0
    x, doubt = null_vector(problem.superoperator(zero.index), trace, rate)
    problem.doubt = zero.matrix(doubt)
    return x


def _iterated(problem: Problem, zero: OrderZero, tell: Tell) -> np.ndarray:
    """By iterations, and where these fail by a factorisation that is not too large."""
    try:
        x, stats = steady_blocks(problem.effective, problem.matrices[1], zero, tell)
        problem.doubt = zero.matrix(stats["uniqueness"] * np.abs(x))
        return x
    except SolverError as error:
        if error.reason != "not converged" or len(zero.index) > _LAST_RESORT:
            raise
        return _factorised(problem, zero)
