"""Moments of states that no permutation of atoms changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.entry import HIERARCHY
from ..operators.permuted import PermutedSpace
from ..operators.system import System
from .cumulants import Closure, closure_of
from .stationary import MomentState, all_moments, sites_of

__all__ = ["state_of_operators"]

#: coordinates of a coherence, relative to the largest, that are more than rounding
_CHARGED = 1e-13
Solved = tuple[PermutedSpace, np.ndarray, float]


def state_of_operators(system: System, cutoff: Any, solve: Callable[[], Solved]) -> MomentState:
    """A stationary state of ensembles by all of its moments.

    Parameters
    ----------
    system : System
    cutoff : int or sequence of int, optional
        Levels of modes.
    solve : callable
        Gives the space, the coordinates of the state, and its residual; called once it is known
        that the moments are few enough.
    """
    order = sites_of(system, cutoff)
    with all_moments(order):
        closure = closure_of(system, order, neutral=True, cutoff=cutoff)
    space, x, residual = solve()
    charged = np.any(space.orders, axis=1)
    if np.abs(x[charged]).max(initial=0.0) > _CHARGED * np.abs(x).max():
        closure = closure_of(system, sites_of(system, cutoff), neutral=False, cutoff=cutoff)
    return MomentState(closure, _moments(closure, space, x), (), residual, x)


def _moments(closure: Closure, space: PermutedSpace, x: np.ndarray) -> np.ndarray:
    """The moments of distinct atoms, (V,): node after node, products that begin alike once."""
    back = {new: old for old, new in closure.table.items()}
    place = {s: k for k, s in enumerate(space.system.symbols)}
    equations = closure.equations
    known: dict[tuple[Any, ...], np.ndarray] = {(): x.reshape(space.shape)}

    def begun(keys: tuple[Any, ...]) -> np.ndarray:
        if keys not in known:
            rest, last = begun(keys[:-1]), keys[-1]
            site = space.sites[len(keys) - 1]
            at, values = (np.arange(site.size), site.trace) if last is None else site.moment(*last)
            known[keys] = np.tensordot(values, rest[at], axes=(0, 0))
        return known[keys]

    out = np.empty(len(equations.words), dtype=complex)
    for k, word in enumerate(equations.words):
        ((monomial, _),) = equations.operator(word).terms
        keys: list[Any] = [None] * len(space.sites)
        for symbol, key in monomial:
            keys[place[back.get(symbol, symbol)]] = (symbol.factor, key)
        out[k] = complex(begun(tuple(keys))) / equations.scale(word)
    return out


HIERARCHY["state"] = state_of_operators
