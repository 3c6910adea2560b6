"""Expectation values of expressions, whatever holds the state."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import qutip

from ..core.result import Result
from ..core.types import State
from .expression import Expression
from .matrices import mode_dims, operator_matrix
from .mode import ModeFactor
from .symbol import Symbol

__all__ = ["expect", "mark"]


def mark(state: qutip.Qobj, symbols: Sequence[Symbol]) -> qutip.Qobj:
    """Write on a state which symbols its tensor factors are."""
    state.symbols = tuple(symbols)
    return state


def expect(operator: Expression, x: State | Result) -> complex | np.ndarray:
    """Expectation value of an expression.

    Parameters
    ----------
    operator : Expression
        Of the symbols of the system.
    x : Qobj, state or result
        A ket or density matrix on the space of ``system.qutip(cutoff)``, what
        :func:`qsyncplug.steadystate` returns, or the result of a run. For a Qobj of your own the
        tensor factors must be those of the operator's symbols (all symbols of each call), or fit
        them in one way only.

    Returns
    -------
    complex or ndarray of shape (T,)
        One number, or one an output time of a result.

    Raises
    ------
    TypeError
        `operator` is no expression, or `x` holds no state.
    ValueError
        The operator has other symbols than the state.

    Examples
    --------
    >>> import numpy as np, qutip, qsyncplug as qsp
    >>> S, = qsp.spins(4)
    >>> abs(qsp.expect(S.z, qutip.spin_coherent(2, 0.3, 0.1)) - 2 * np.cos(0.3)) < 1e-12
    True
    """
    if not isinstance(operator, Expression):
        raise TypeError(f"operator must be an expression, not {type(operator).__name__}")
    if isinstance(x, qutip.Qobj):
        return _of_qobj(operator, x)
    if callable(own := getattr(x, "expectation", None)):
        value: complex | np.ndarray = own(operator)
        return value
    states = getattr(x, "states", None)
    if states:
        symbols = getattr(getattr(x, "model", None), "symbols", None)
        return np.array([_of_qobj(operator, s, symbols) for s in states])
    raise TypeError(
        f"expect needs a state or a result that holds states; {type(x).__name__} holds none "
        "(run with options={'store_states': True}, or give the operator as e_ops)"
    )


def _of_qobj(operator: Expression, state: qutip.Qobj, symbols: Any = None) -> complex:
    if not operator.isconstant:
        raise ValueError(f"operator must not depend on time: {operator}")
    symbols = symbols or getattr(state, "symbols", None) or operator.symbols
    dims = state.dims[0]
    own = tuple(symbols)
    if any(s not in own for s in operator.used):
        raise ValueError(f"operator has symbols that the state does not have: {own}")
    if _size(own) != len(dims) or not _fits(own, dims):
        matrix = _embedded(operator, dims)
    else:
        matrix = operator_matrix(operator.terms, own, mode_dims(own, _first(own, dims)))
    return complex(qutip.expect(matrix, state))


def _size(symbols: Sequence[Symbol]) -> int:
    return sum(
        1 if isinstance(s.factor, ModeFactor) else len(s.factor.levels(None)) for s in symbols
    )


def _first(symbols: Sequence[Symbol], dims: Sequence[int]) -> list[int]:
    """The first dimension of every symbol."""
    out, at = [], 0
    for s in symbols:
        out.append(int(dims[at]))
        at += _size([s])
    return out


def _fits(symbols: Sequence[Symbol], dims: Sequence[int]) -> bool:
    at = 0
    for s in symbols:
        own = [int(dims[at])] if isinstance(s.factor, ModeFactor) else s.factor.levels(None)
        if list(dims[at : at + len(own)]) != own:
            return False
        at += len(own)
    return True


def _embedded(operator: Expression, dims: list[int]) -> qutip.Qobj:
    """The operator in a larger space, where its symbols fit in one way only."""
    symbols = operator.symbols
    width = [_size([s]) for s in symbols]
    ways = []
    for places in itertools.combinations(range(len(dims)), sum(width)):
        chosen = [dims[k] for k in places]
        if _fits(symbols, chosen):
            ways.append(places)
    if len(ways) != 1:
        how = "in several ways" if ways else "in no way"
        raise ValueError(
            f"the symbols {symbols} fit the tensor factors {dims} {how}; use "
            "qutip.expect(system.matrix(operator, cutoff), state)"
        )
    chosen = [dims[k] for k in ways[0]]
    small = operator_matrix(operator.terms, symbols, mode_dims(symbols, _first(symbols, chosen)))
    rest = [k for k in range(len(dims)) if k not in ways[0]]
    order = [*ways[0], *rest]
    whole = qutip.tensor([small, *(qutip.qeye(dims[k]) for k in rest)])
    return whole.permute([order.index(k) for k in range(len(dims))])
