"""Plain QuTiP results and lists of states, read through the mode operators that the user names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import qutip
from qutip.solver.multitrajresult import MultiTrajResult

from ..core.checks import check_times
from ..core.gaussian import covariance_from_moments
from ..sync import SyncView
from .dispatch import synchronization

__all__ = ["view_of_states"]

_MODES = (
    "modes must list the annihilation (or lowering) operator of each node, such as modes=[a1, a2]"
)


def _check_modes(modes: Any, dims: list[Any]) -> list[qutip.Qobj]:
    if modes is None:
        raise TypeError(_MODES)
    if isinstance(modes, qutip.Qobj):
        modes = [modes]
    try:
        operators = list(modes)
    except TypeError:
        raise TypeError(f"{_MODES}; got {modes!r:.80}") from None
    if not operators or not all(isinstance(m, qutip.Qobj) and m.isoper for m in operators):
        raise TypeError(f"{_MODES}; got {modes!r:.80}")
    for k, m in enumerate(operators):
        if m.dims != [dims, dims]:
            raise ValueError(
                f"modes[{k}] must have dims {[dims, dims]} like the states, not {m.dims}"
            )
        for j, other in enumerate(operators[:k]):
            if (m - other).norm("max") < 1e-12:
                raise ValueError(
                    f"modes[{j}] and modes[{k}] are the same operator; each node needs its own"
                )
    return operators


def _factor_of(mode: qutip.Qobj) -> tuple[int, bool] | None:
    """The tensor factor that `mode` acts on and whether it is its annihilation operator; None if it
    acts on several.
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
            return k, bool(np.allclose(local, qutip.destroy(size).full(), atol=1e-12))
    return None


def view_of_states(
    states: Sequence[qutip.Qobj], times: Any, modes: Any, *, system: str = "QuTiP states"
) -> SyncView:
    """The view of states at given times.

    Parameters
    ----------
    states : sequence of T Qobj
        Kets or density matrices of the joint system.
    times : array_like of shape (T,), optional
        0, 1, 2, … by default.
    modes : sequence of N Qobj
        Annihilation (or lowering) operator of each node.
    system : str
        Name for messages.

    Returns
    -------
    SyncView
        With moments from ⟨a_j⟩, ⟨a_ja_k⟩ and ⟨a_j†a_k⟩ (normal-ordered: n+½ at a Fock cut-off), and
        the states.
    """
    states = list(states)
    if not states:
        raise ValueError("states must hold at least one state")
    for k, state in enumerate(states):
        if not isinstance(state, qutip.Qobj) or not (state.isket or state.isoper):
            raise TypeError(
                f"states must be kets or density matrices; states[{k}] is a {type(state).__name__}"
            )
        if state.dims[0] != states[0].dims[0]:
            raise ValueError(
                f"states must have the same dims; states[{k}] has {state.dims}, states[0] "
                f"{states[0].dims}"
            )
        if state.isoper and not state.isherm:
            raise ValueError(
                f"states must be kets or density matrices; states[{k}] is not Hermitian"
            )
    for k in {0, len(states) - 1}:
        # every state would take too long; the ends of a run show a state that is none
        if states[k].isoper and (lowest := float(np.linalg.eigvalsh(states[k].full())[0])) < -1e-6:
            raise ValueError(
                f"states must not have negative eigenvalues; states[{k}] has {lowest:.3g}"
            )
    if times is not None and (given := len(check_times(times, "times"))) != len(states):
        raise ValueError(
            f"times must have one entry a state: {given} times for {len(states)} states"
        )
    operators = _check_modes(modes, states[0].dims[0])
    n = len(operators)
    pairs = [(j, k) for j in range(n) for k in range(j, n)]
    T = len(states)
    b = np.empty((T, n), dtype=complex)
    m = np.empty((T, n, n), dtype=complex)
    c = np.empty_like(m)
    first = [o.to("CSR") for o in operators]
    products = {(j, k): (first[j] * first[k], first[j].dag() * first[k]) for j, k in pairs}
    for t, state in enumerate(states):
        b[t] = [qutip.expect(o, state) for o in first]
        for (j, k), (aa, ada) in products.items():
            m[t, j, k] = m[t, k, j] = qutip.expect(aa, state)
            c[t, j, k] = qutip.expect(ada, state)
            c[t, k, j] = np.conj(c[t, j, k])
    covariance = covariance_from_moments(
        m - b[:, :, None] * b[:, None, :], c - b[:, :, None].conj() * b[:, None, :]
    )
    factors = [_factor_of(o) for o in operators]
    known = [f for f in factors if f is not None]
    local = len(known) == n and len({f[0] for f in known}) == n
    bosonic = local and all(f[1] for f in known)
    notes = (
        []
        if bosonic
        else [
            "the mode operators are not annihilation operators of single tensor factors: q and p "
            "are not canonical"
        ]
    )
    mean = np.ascontiguousarray(np.sqrt(2) * b).view(float)
    return SyncView(
        np.arange(T, dtype=float) if times is None else check_times(times, "times"),
        mean=mean,
        covariance=covariance,
        states=states if local else None,
        subsystems=tuple(f[0] for f in known) if local else None,
        bosons=bosonic,
        system=system,
        notes=tuple(notes),
        missing={"states": "every mode operator must act on a tensor factor of its own"},
    )


@synchronization.register(qutip.solver.result.Result)
@synchronization.register(MultiTrajResult)
def _(result: Any, *, modes: Any = None) -> SyncView:
    if modes is None:
        raise TypeError(f"a QuTiP result has operators of your own: {_MODES}")
    states = result.average_states if isinstance(result, MultiTrajResult) else result.states
    if not states:
        raise ValueError(
            "the result holds no states; run the solver with options={'store_states': True}"
        )
    return view_of_states(states, result.times, modes, system=f"QuTiP {result.solver}")


@synchronization.register(list)
@synchronization.register(tuple)
def _(result: Sequence[qutip.Qobj], *, modes: Any = None, times: Any = None) -> SyncView:
    return view_of_states(result, times, modes)
