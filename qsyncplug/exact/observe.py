"""What is read off the states of an exact run while QuTiP goes along."""

from __future__ import annotations

import time as clock
from typing import Any

import numpy as np
import qutip

from ..operators.expression import Expression
from ..operators.system import System

__all__ = ["Expectation", "Observer", "OutOfTime", "user_operators"]


class OutOfTime(Exception):
    """The time limit has passed."""


class Expectation:
    """⟨A⟩ of a Qobj or QobjEvo, as a function of time and state."""

    def __init__(self, operator: Any):
        self.operator = operator

    def __call__(self, t: float, state: Any) -> Any:
        """⟨A⟩ at time `t` in `state`, of an operator that may depend on time."""
        operator = self.operator(t) if isinstance(self.operator, qutip.QobjEvo) else self.operator
        return qutip.expect(operator, state)


class Observer:
    """Reads everything asked for at every output, keeps it, and stops the run at the deadline.

    QuTiP calls it first of its expectation functions; ``value_of(k)`` then hands on the k-th value
    of the user's.
    """

    def __init__(
        self,
        reader: Any,
        users: list[Any],
        deadline: float = np.inf,
        count: int = 0,
        values: list[np.ndarray] | None = None,
        states: list[Any] | None = None,
    ):
        self.reader = reader
        self.functions = users
        self.deadline = deadline
        self.count = count
        self.values = values
        self.states = states
        self.users: list[list[Any]] = []
        self.last: list[Any] = []
        #: what a function of the user's raised
        self.failed: Exception | None = None

    def __call__(self, t: float, state: Any) -> np.ndarray:
        """Moments of `state` for the result; keeps them, and stops QuTiP where the time limit is
        over.
        """
        try:
            self.last = [f(t, state) for f in self.functions]
        except Exception as error:
            self.failed = error
            raise
        value = self.reader(t, state)
        if self.values is not None:
            self.values.append(value)
            self.users.append(self.last)
            if self.states is not None:
                self.states.append(state)
            if clock.perf_counter() > self.deadline and len(self.values) < self.count:
                raise OutOfTime
        return np.asarray(value)

    def value_of(self, k: int) -> Any:
        """The function that returns the k-th value of the user's at this output."""
        return _Handed(self, k)


class _Handed:
    def __init__(self, observer: Observer, k: int):
        self.observer, self.k = observer, k

    def __call__(self, t: float, state: Any) -> Any:
        return self.observer.last[self.k]


def user_operators(
    e_ops: Any, levels: tuple[int, ...], system: Any, cutoff: Any = None
) -> dict[Any, Any]:
    """The user's expectation values as a dict of Qobj, QobjEvo and functions, each checked."""
    if e_ops is None:
        return {}
    if isinstance(e_ops, dict):
        table = dict(e_ops)
    elif isinstance(e_ops, (list, tuple)):
        table = dict(enumerate(e_ops))
    else:
        table = {0: e_ops}
    dims = [list(levels), list(levels)]
    for key, op in table.items():
        if isinstance(op, Expression):
            if not isinstance(system, System):
                kind = type(system).__name__
                raise TypeError(f"e_ops[{key!r}] must be a Qobj or a function for a {kind}")
            if any(s not in system.hamiltonian.spaces for s in op.spaces):
                raise ValueError(
                    f"e_ops[{key!r}] is of another modes() call; use the symbols of the model, "
                    "system.operators"
                )
            table[key] = system.matrix(op, cutoff)
        elif isinstance(op, (qutip.Qobj, qutip.QobjEvo)):
            if op.dims != dims:
                raise ValueError(f"e_ops[{key!r}] must have dims {dims}, not {op.dims}")
        elif not callable(op):
            raise TypeError(
                f"e_ops[{key!r}] must be a Qobj, an expression or a function f(t, state), not "
                f"{op!r:.60}"
            )
    return table
