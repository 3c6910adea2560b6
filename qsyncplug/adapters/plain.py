"""Plain QuTiP results and lists of states, read through the mode operators that the user names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import qutip
from qutip.solver.multitrajresult import MultiTrajResult

from ..core.checks import check_memory, check_positive, check_times
from ..core.gaussian import covariance_from_moments
from ..core.result import Result
from ..core.saved import kept
from ..operators.expression import Expression
from ..operators.handle import Level, Mode, handle
from ..operators.matrices import mode_dims, operator_matrix
from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Kind, Quantum
from ..sync.husimi import spin_phase_peak
from ..sync.measures import husimi_phase, phase_distribution
from ..sync.reading import reader

__all__ = ["view_of_qutip", "view_of_state", "view_of_states"]

#: states of up to this dimension are all looked at for negative eigenvalues; of larger ones the
#: first and the last
_EVERY_STATE = 600
#: eigenvalue that the tolerances of QuTiP's solvers (rtol 1e-6) may make of zero
_NEGATIVE = 1e-4
_NOT_CANONICAL = (
    "the mode operators are not annihilation operators of single tensor factors: q and p are not "
    "canonical"
)
_MODES = (
    "modes must list the annihilation (or lowering) operator of each node, such as modes=[a1, a2]"
)


def _check_modes(modes: Any, dims: list[Any]) -> list[qutip.Qobj]:
    if modes is None:
        raise TypeError(_MODES)
    if isinstance(modes, (qutip.Qobj, Expression)):
        modes = [modes]
    try:
        operators = [_as_qobj(m, dims) for m in modes]
    except TypeError:
        raise TypeError(f"{_MODES}; got {modes!r:.80}") from None
    if not operators or not all(isinstance(m, qutip.Qobj) and m.isoper for m in operators):
        raise TypeError(f"{_MODES}; got {modes!r:.80}")
    for k, m in enumerate(operators):
        if m.dims != [dims, dims]:
            raise ValueError(
                f"modes[{k}] must have dims {[dims, dims]} like the states, not {m.dims}"
            )
        if m.isherm:
            raise ValueError(
                f"modes[{k}] must be an operator that lowers, such as destroy(n) or sigmam(); a "
                "Hermitian one has no phase"
            )
        for j, other in enumerate(operators[:k]):
            if (m - other).norm("max") < 1e-12:
                raise ValueError(
                    f"modes[{j}] and modes[{k}] are the same operator; each node needs its own"
                )
    return operators


def _as_qobj(mode: Any, dims: list[Any]) -> Any:
    """A mode as the user gave it; symbols with the cut-offs of the states."""
    if not isinstance(mode, Expression):
        return mode
    if len(mode.symbols) != len(dims):
        names = ", ".join(str(symbol) for symbol in mode.symbols)
        raise ValueError(
            f"modes are of the symbols of one call ({names}), but the states have {len(dims)} "
            "tensor factors: give operators on all of them, such as system.matrix(operator, cutoff)"
        )
    if not mode.isconstant:
        raise ValueError(f"modes must not depend on time: {mode}")
    return mode.qutip(mode_dims(mode.symbols, dims))


def _factor_of(mode: qutip.Qobj) -> tuple[int, complex] | None:
    """The tensor factor that `mode` acts on, and the phase by which it is its annihilation
    operator (0 where it is not).

    None if it acts on several.
    """
    dims = mode.dims[0]
    array = mode.full().reshape(dims + dims)
    for k, size in enumerate(dims):
        rest = [d for j, d in enumerate(dims) if j != k]
        others = int(np.prod(rest, dtype=int))
        moved = np.moveaxis(np.moveaxis(array, len(dims) + k, -1), k, len(dims) - 1)
        # axes now: the other rows, the other columns (their order kept), row k, column k
        n = len(rest)
        moved = np.moveaxis(moved, n, 2 * n) if n else moved
        blocks = moved.reshape(others, others, size, size)
        local = blocks[0, 0]
        if np.allclose(blocks, np.eye(others)[:, :, None, None] * local, atol=1e-12):
            phase = complex(local[0, 1]) if size > 1 else 0j
            own = np.allclose(local, phase * qutip.destroy(size).full(), atol=1e-12)
            return k, phase if own and abs(abs(phase) - 1) < 1e-12 else 0j
    return None


def _turned(states: list[qutip.Qobj], modes: list[tuple[int, complex]]) -> list[qutip.Qobj]:
    """States in which the modes e^{iθ}a are the annihilation operators: e^{iθn} applied."""
    if all(abs(phase - 1) < 1e-14 for _, phase in modes):
        return states
    dims = states[0].dims[0]
    angles = np.zeros(len(dims))
    for k, phase in modes:
        angles[k] = np.angle(phase)
    number = np.indices(dims).reshape(len(dims), -1)
    U = qutip.Qobj(np.diag(np.exp(1j * angles @ number)), dims=[dims, dims])
    return [U * s if s.isket else U * s * U.dag() for s in states]


def view_of_states(
    states: Sequence[qutip.Qobj],
    times: Any,
    modes: Any,
    *,
    system: str = "QuTiP states",
    ntraj: int | None = None,
    quantum: Quantum | None = None,
) -> SyncView:
    """The view of states at given times.

    Parameters
    ----------
    states : sequence of T Qobj
        Kets or density matrices of the joint system, normalised.
    times : array_like of shape (T,), optional
        0, 1, 2, … by default.
    modes : sequence of N Qobj or Expression
        Annihilation (or lowering) operator of each node.
    system : str
        Name for messages.
    ntraj : int, optional
        Number of trajectories that the states are averages over.
    quantum : Quantum, optional
        What is known of their phases, in place of those of modes in their Fock basis.

    Returns
    -------
    SyncView
        With moments from ⟨a_j⟩, ⟨a_ja_k⟩ and ⟨a_j†a_k⟩ (normal-ordered: n+½ at a Fock cut-off), and
        the states.
    """
    states = list(states)
    _check_states(states)
    if times is not None and (given := len(check_times(times, "times"))) != len(states):
        raise ValueError(
            f"times must have one entry a state: {given} times for {len(states)} states"
        )
    operators = _check_modes(modes, states[0].dims[0])
    b, m, c = _moments(states, operators)
    covariance = covariance_from_moments(
        m - b[:, :, None] * b[:, None, :], c - b[:, :, None].conj() * b[:, None, :]
    )
    factors = [_factor_of(o) for o in operators]
    known = [f for f in factors if f is not None]
    local = len(known) == len(factors) and len({f[0] for f in known}) == len(factors)
    bosonic = local and all(f[1] for f in known)
    if bosonic:
        states = _turned(states, known)
    return SyncView(
        np.arange(len(states), dtype=float) if times is None else check_times(times, "times"),
        mean=np.ascontiguousarray(np.sqrt(2) * b).view(float),
        covariance=covariance,
        states=states if local else None,
        subsystems=tuple(f[0] for f in known) if local else None,
        about=About(
            physical=False,
            bosons=bosonic,
            canonical=bosonic,
            system=system,
            notes=() if bosonic else (_NOT_CANONICAL,),
            missing={"states": "every mode operator must act on a tensor factor of its own"},
            dynamics=Dynamics(
                Kind.MOMENTS,
                quantum=quantum
                or Quantum(
                    phase_peaks=partial(_mode_peaks, states[-1], tuple(f[0] for f in known))
                    if bosonic and ntraj is None and len(known) > 1
                    else None,
                    ntraj=ntraj,
                ),
            ),
        ),
    )


def _check_states(states: list[Any]) -> None:
    """Refuse what is no sequence of kets or density matrices of one system."""
    if not states:
        raise ValueError("states must hold at least one state")
    for k, state in enumerate(states):
        if not isinstance(state, qutip.Qobj) or not (state.isket or state.isoper):
            raise TypeError(
                f"states must be kets or density matrices; states[{k}] is a {type(state).__name__}"
            )
        if state.dims[0] != states[0].dims[0]:
            raise ValueError(
                f"states must have the same dims; states[{k}] has {state.dims}, "
                f"states[0] {states[0].dims}"
            )
        if state.isoper and not state.isherm:
            raise ValueError(
                f"states must be kets or density matrices; states[{k}] is not Hermitian"
            )
        weight = state.norm() ** 2 if state.isket else state.tr()
        if not abs(weight - 1) <= 1e-4:
            raise ValueError(
                f"states must be normalised; states[{k}] has "
                f"{'norm²' if state.isket else 'trace'} {weight:.6g}"
            )
    large = states[0].shape[0] > _EVERY_STATE
    for k in (0, len(states) - 1) if large else range(len(states)):
        if states[k].isoper:
            size = 64.0 * states[k].shape[0] ** 2
            check_memory(f"looking at states[{k}]", size, advice="give smaller states")
            check_positive(f"states[{k}]", states[k].full(), _NEGATIVE)


def _moments(
    states: Sequence[qutip.Qobj], operators: Sequence[qutip.Qobj]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """⟨a_j⟩ (T, N), ⟨a_ja_k⟩ and ⟨a_j†a_k⟩ (T, N, N)."""
    n, T = len(operators), len(states)
    b = np.empty((T, n), dtype=complex)
    m = np.empty((T, n, n), dtype=complex)
    c = np.empty_like(m)
    first = [o.to("CSR") for o in operators]
    pairs = [(j, k) for j in range(n) for k in range(j, n)]
    products = {(j, k): (first[j] * first[k], first[j].dag() * first[k]) for j, k in pairs}
    for t, state in enumerate(states):
        b[t] = [qutip.expect(o, state) for o in first]
        for (j, k), (aa, ada) in products.items():
            m[t, j, k] = m[t, k, j] = qutip.expect(aa, state)
            c[t, j, k] = qutip.expect(ada, state)
            c[t, k, j] = np.conj(c[t, j, k])
    return b, m, c


def _takes_modes(function: Callable[..., SyncView]) -> Callable[..., SyncView]:
    vars(function)["takes_modes"] = True
    return function


@reader.register(qutip.solver.result.Result)
@reader.register(MultiTrajResult)
@_takes_modes
def view_of_qutip(result: Any, *, modes: Any = None, times: Any = None) -> SyncView:
    """The view of what a QuTiP solver returned, its states stored."""
    if modes is None and isinstance(result, Result):
        raise TypeError(
            f"synchronization cannot read a {type(result).__name__}: it holds no nodes in time"
        )
    if modes is None:
        raise TypeError(f"a QuTiP result has operators of your own: {_MODES}")
    if times is not None:
        raise TypeError("times= belongs to lists of states; a QuTiP result has its own")
    several = isinstance(result, MultiTrajResult)
    states = result.average_states if several else result.states
    ntraj = int(result.num_trajectories) if several else None
    if not states:
        raise ValueError(
            "the result holds no states; run the solver with options={'store_states': True}"
        )
    name = f"QuTiP {result.solver}"
    return view_of_states(states, result.times, modes, system=name, ntraj=ntraj)


@reader.register(list)
@reader.register(tuple)
@_takes_modes
def view_of_list(result: Sequence[qutip.Qobj], *, modes: Any = None, times: Any = None) -> SyncView:
    """The view of a list of states."""
    if not all(isinstance(state, qutip.Qobj) for state in result):
        strange = next(state for state in result if not isinstance(state, qutip.Qobj))
        raise TypeError(f"states must be kets or density matrices, not {type(strange).__name__}")
    return view_of_states(result, times, modes)


@reader.register(qutip.Qobj)
@_takes_modes
def view_of_state(result: qutip.Qobj, *, modes: Any = None, times: Any = None) -> SyncView:
    """The view of one state.

    Without `modes` those of its symbols, where it knows them (:func:`qsyncplug.steadystate`); of
    other states only what needs no amplitudes: phases of ladders, entropies.
    """
    if modes is not None:
        return view_of_states([result], times, modes, system="a QuTiP state")
    known = _modes_of(result)
    if known is not None:
        quantum = Quantum(phase_peaks=partial(_phase_peaks, result))
        return view_of_states([result], times, known, system="a QuTiP state", quantum=quantum)
    _check_states([result])
    levels = tuple(int(d) for d in result.dims[0])
    return SyncView(
        np.zeros(1),
        states=[result],
        about=About(
            physical=False,
            bosons=False,
            canonical=False,
            system="a QuTiP state",
            notes=(f"each tensor factor ({' × '.join(map(str, levels))} levels) read as a node",),
            missing=dict.fromkeys(
                ("mean", "covariance", "masses", "correlations", "order_parameter"),
                "the annihilation (or lowering) operator of each node, modes=[a1, a2, …]",
            ),
            dynamics=Dynamics(
                Kind.MOMENTS, quantum=Quantum(phase_peaks=partial(_ladder_peaks, result))
            ),
        ),
    )


@kept()
def _mode_peaks(state: qutip.Qobj, factors: tuple[int, ...]) -> dict[tuple[int, ...], float]:
    """2πP_max−1 of the relative phases of the modes in these tensor factors."""
    return {
        (j, k): float(husimi_phase(state.ptrace(sorted((factors[j], factors[k]))), relative=True))
        for j, k in combinations(range(len(factors)), 2)
    }


def _modes_of(state: qutip.Qobj) -> list[qutip.Qobj] | None:
    """The lowering operators of the symbols that a state knows; None unless each is a mode or a
    spin, with a tensor factor of its own.
    """
    symbols, dims = getattr(state, "symbols", None), state.dims[0]
    if not symbols or len(symbols) != len(dims):
        return None
    if any(s.factor.phase is None for s in symbols):
        return None
    nodes = [handle(s) for s in symbols]
    lower = [x if isinstance(x, Mode) else x.m for x in nodes if not isinstance(x, Level)]
    return [operator_matrix(x.terms, symbols, mode_dims(symbols, dims)) for x in lower]


@kept()
def _phase_peaks(state: qutip.Qobj) -> dict[tuple[int, ...], float]:
    """2πP_max−1 of the phase of one node, or of the relative phases of pairs, of what the symbols
    of the state say that they are.
    """
    count = len(state.dims[0])
    places = [(0,)] if count == 1 else list(combinations(range(count), 2))
    return {k: float(phase_distribution(state, k, kind="husimi")) for k in places}


@kept()
def _ladder_peaks(state: qutip.Qobj) -> dict[tuple[int, ...], float]:
    """2πP_max−1 of the phase of one node, or of the relative phases of pairs.

    Up to three levels are a spin; whether they are beside more levels, where the upper one comes
    first, is not known, and such a pair is left out.
    """
    levels = state.dims[0]
    count = len(levels)
    if count == 1:
        return {(0,): _peak(state, relative=False)}
    pairs = [
        (j, k) for j, k in combinations(range(count), 2) if (levels[j] <= 3) == (levels[k] <= 3)
    ]
    return {pair: _peak(state.ptrace(list(pair)), relative=True) for pair in pairs}


def _peak(state: qutip.Qobj, *, relative: bool) -> float:
    if max(state.dims[0]) <= 3:
        # the peak is that of S(φ)=P(φ)−1/2π
        return 2 * np.pi * spin_phase_peak(state, relative=relative)[0]
    return float(husimi_phase(state, relative=relative))
