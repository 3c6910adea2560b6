"""Results that take expressions of the algebra among ``e_ops``."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import qutip

from ..core.result import Result
from .expression import Expression
from .system import System
from .terms import Key
from .time_factor import TimeFactor, value_at

__all__ = ["ObservedResult", "constant_parts", "factors_at"]


class ObservedResult(Result):
    """A result whose ``e_ops`` may be expressions of its system, beside functions.

    Functions see the state at every output; the values of expressions are read off the arrays once
    the run has ended. A subclass writes :meth:`expectation`, and :meth:`_check_operator` where
    there are operators that it cannot give.
    """

    e_data: dict[Any, list[Any]]

    @abstractmethod
    def expectation(self, operator: Expression) -> np.ndarray:
        """Expectation value of an operator that does not depend on time, (T,)."""

    def _check_operator(self, name: str, operator: Expression) -> None:
        """Refuse what :meth:`expectation` could not give, calling it by `name`; before the run."""

    def _e_ops_to_dict(self, e_ops: Any) -> dict[Any, Any]:
        table = super()._e_ops_to_dict(dict(e_ops) if isinstance(e_ops, Mapping) else e_ops)
        for key, op in table.items():
            if isinstance(op, Expression):
                self._check_expression(f"e_ops[{key!r}]", op)
            elif not callable(op) or isinstance(op, (qutip.Qobj, qutip.QobjEvo)):
                raise TypeError(
                    f"e_ops[{key!r}] must be an expression of the system's symbols or a function "
                    f"f(t, state), not {op!r:.60}"
                )
        return dict(table)

    def _check_expression(self, name: str, operator: Expression) -> None:
        if not isinstance(self.model, System):
            raise TypeError(
                f"{name} is an expression, and {type(self.model).__name__} has no symbols of its "
                f"own; give a function f(t, state), or run its system() and use that one's "
                f"symbols; got {operator!r:.60}"
            )
        self.model.require_own(operator, name)
        for part in constant_parts(operator).values():
            self._check_operator(name, part)

    def _e_op_func(self, e_op: Any) -> Any:
        return e_op if isinstance(e_op, Expression) else super()._e_op_func(e_op)

    def _post_init(self) -> None:
        for key, entry in self.e_ops.items():
            if isinstance(entry.op, Expression):
                self._state_processors.remove(entry._store)
                self.e_ops[key] = entry.op
        super()._post_init()

    def _complete(self) -> None:
        for key, operator in self.e_ops.items():
            if isinstance(operator, Expression):
                # a new dict: a copy for a file shares the old one
                data = dict(self.e_data)
                data[key] = [None] * len(self.times)
                self.e_data = data
                data[key] = list(self._values(operator))

    def _values(self, operator: Expression) -> np.ndarray:
        """Expectation value at every output, (T,); real where it must be."""
        out: np.ndarray = np.zeros(len(self.times))
        if not len(out):
            return out
        for factors, part in constant_parts(operator).items():
            value = self.expectation(part)
            value = value.real if part.isherm else value
            out = out + (value * factors_at(factors, self.times) if factors else value)
        return out.real if operator.isherm else out

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        for key, operator in self.e_ops.items():
            if isinstance(operator, Expression) and operator.isconstant:
                state["e_ops"][key] = operator
        return state


def constant_parts(operator: Expression) -> dict[tuple[TimeFactor, ...], Expression]:
    """An operator as a sum of products of time factors with operators that do not depend on
    time.
    """
    parts: dict[tuple[TimeFactor, ...], dict[Key, complex]] = {}
    for (monomial, factors), value in operator.terms.items():
        parts.setdefault(factors, {})[monomial, ()] = value
    return {f: Expression(operator.spaces, terms) for f, terms in parts.items()}


def factors_at(factors: tuple[TimeFactor, ...], times: np.ndarray) -> np.ndarray:
    """A product of time factors at every time, (T,); real where it is so at every one."""
    values = np.array(
        [math.prod(value_at(f, t) for f in factors) for t in map(float, times)], dtype=complex
    )
    return values if np.any(values.imag) else values.real
