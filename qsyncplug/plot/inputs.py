"""What pictures are made of: an error names what a picture needs."""

from __future__ import annotations

from typing import Any

import qutip
from qutip.solver.multitrajresult import MultiTrajResult

from ..adapters import synchronization
from ..core.result import Result

__all__ = ["NEED_MODES", "check_kind", "check_state", "is_state", "last_state"]

_OF_QUTIP = (qutip.solver.result.Result, MultiTrajResult)
#: share of the largest entry by which a solver's density matrix may fail to be Hermitian
_HERMITIAN = 1e-6
#: what synchronization says of what has no nodes of its own
NEED_MODES = (
    "modes must list the annihilation (or lowering) operator of each node, such as modes=[a1, a2]"
)


def check_kind(name: str, value: Any, kinds: type | tuple[type, ...], source: str) -> None:
    """Refuse what is not of one of the `kinds`, naming their `source`."""
    if isinstance(value, kinds):
        return
    names = " or ".join(k.__name__ for k in (kinds if isinstance(kinds, tuple) else (kinds,)))
    raise TypeError(f"{name} must be a {names}, from {source}; not {type(value).__name__}")


def is_state(x: Any) -> bool:
    """Whether `x` is a Qobj or a list of them."""
    if isinstance(x, (list, tuple)):
        return bool(x) and all(isinstance(state, qutip.Qobj) for state in x)
    return isinstance(x, qutip.Qobj)


def check_state(name: str, state: qutip.Qobj) -> None:
    """Refuse what is neither a ket nor a Hermitian matrix."""
    if not (state.isket or state.isoper):
        raise TypeError(f"{name} must be a ket or a density matrix, not a Qobj of {state.type}")
    if state.isoper and (state - state.dag()).norm("max") > _HERMITIAN * state.norm("max"):
        raise ValueError(
            f"{name} must be a ket or a density matrix; this operator is not Hermitian"
        )


def last_state(x: Any, name: str) -> qutip.Qobj:
    """The last state of a list, result or view; a state itself.

    Raises
    ------
    TypeError, ValueError
        There is none, or it is no ket and no Hermitian matrix.
    """
    if isinstance(x, qutip.Qobj):
        state = x
    elif is_state(x):
        state = x[-1]
    elif isinstance(x, _OF_QUTIP) and not isinstance(x, Result):
        states = x.average_states if isinstance(x, MultiTrajResult) else x.states
        if not states:
            raise ValueError(
                f"{name} holds no states; run the solver with options={{'store_states': True}}"
            )
        state = states[-1]
    elif hasattr(x, "times"):
        state = synchronization(x).states[-1]
    else:
        raise TypeError(
            f"{name} must be a ket or density matrix, or a list, result or view that holds them, "
            f"not {type(x).__name__}"
        )
    check_state(name, state)
    return state
