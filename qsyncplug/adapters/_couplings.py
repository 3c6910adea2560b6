"""What a boson model is without its couplings, and what that says of its nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from ..core.saved import kept
from ..operators.expression import Expression
from ..operators.individual import EachAtom
from ..operators.symbol import Symbol
from ..operators.system import System

__all__ = [
    "charges",
    "coupled",
    "driven",
    "fed",
    "gains",
    "linked",
    "rest_exponents",
    "rests",
    "rooted",
    "uncoupled",
    "undriven",
]

#: parts of a network without causes that are gone through
_HEADS = 64


@lru_cache(maxsize=64)
def uncoupled(system: System) -> System:
    """The same nodes alone.

    Terms of H and jump operators that act on several modes are left out.
    """
    H = system.hamiltonian
    alone = {key: value for key, value in H.terms.items() if len(key[0]) <= 1}
    jumps = [jump for jump in system.jumps if len(jump.used) == 1]
    name = f"{system.name}, uncoupled"
    return System(Expression(H.spaces, alone), jumps, name=name, order=system.symbols)


@lru_cache(maxsize=64)
def undriven(system: System) -> System | None:
    """The same node without what fixes its phase: terms of H that change its quanta.

    None if a jump operator fixes a phase too.
    """
    H = system.hamiltonian
    free = {
        key: value
        for key, value in H.terms.items()
        if not any(any(c) for c in Expression(H.spaces, {key: value}).charges(system.symbols))
    }
    if any(len(charges(jump, system.symbols)) != 1 for jump in system.jumps):
        return None
    alone = Expression(H.spaces, free)
    return System(alone, system.jumps, name=f"{system.name}, undriven", order=system.symbols)


def charges(jump: Expression | EachAtom, symbols: Sequence[Symbol]) -> set[tuple[int, ...]]:
    """By how much a jump operator raises every label."""
    return (jump.summed() if isinstance(jump, EachAtom) else jump).charges(symbols)


def driven(system: System) -> bool:
    """Whether a term of a single node fixes its phase."""
    H, symbols = system.hamiltonian, system.symbols
    fixed = any(
        len(key[0]) == 1
        and any(any(c) for c in Expression(H.spaces, {key: value}).charges(symbols))
        for key, value in H.terms.items()
    )
    alone = (jump for jump in system.jumps if len(jump.used) == 1)
    return fixed or any(len(charges(jump, symbols)) > 1 for jump in alone)


def rests(system: System) -> bool:
    """Whether amplitudes that are 0 stay so: a drive moves them, by one quantum at a time; what
    makes two at once, as squeezing does, does not.
    """
    H, symbols = system.hamiltonian, system.symbols
    moved = any(
        len(key[0]) == 1
        and any(sum(c) % 2 for c in Expression(H.spaces, {key: value}).charges(symbols))
        for key, value in H.terms.items()
    )
    alone = (jump for jump in system.jumps if len(jump.used) == 1)
    changes = ([sum(c) for c in charges(jump, symbols)] for jump in alone)
    return not moved and not any((c - own[0]) % 2 for own in changes for c in own)


def fed(system: System) -> bool:
    """Whether H makes quanta otherwise than by driving a node: by squeezing, or where a partner
    switches a drive, as light does in optomechanics. Both may end in oscillations without a pump.
    """
    H = system.hamiltonian
    for key, value in H.terms.items():
        ((*charge,),) = Expression(H.spaces, {key: value}).charges(system.symbols)
        if sum(charge) and (len(key[0]) > 1 or abs(sum(charge)) > 1):
            return True
    return False


def coupled(system: System) -> bool:
    """Whether any nodes act on each other; who on whom, `linked` says."""
    return bool(_links(system))


def linked(system: System) -> Callable[[np.ndarray], bool] | None:
    """Of a set of nodes: whether they act on each other, directly or through others; as `rooted`.

    Terms and jump operators that several nodes share are taken to act both ways.
    """
    pairs = [(j, k) for nodes in _links(system) for j in nodes for k in nodes]
    graph = np.zeros((system.n, system.n))
    graph[tuple(np.array(pairs, dtype=int).reshape(-1, 2).T)] = 1
    return rooted(graph)


def _links(system: System) -> list[set[int]]:
    """Nodes that a term of H or a jump operator acts on together."""
    place = {s: k for k, s in enumerate(system.symbols)}
    shared = [
        *({place[s] for s, _ in monomial} for monomial, _ in system.hamiltonian.terms),
        *({place[s] for s in jump.used} for jump in system.jumps),
    ]
    return [nodes for nodes in shared if len(nodes) > 1]


def rooted(adjacency: Any) -> Callable[[np.ndarray], bool] | None:
    """Of a set of nodes: whether one acts on all of them, directly or through others.

    Of a[i, j], j acts on i. None if every node acts on every other.
    """
    if adjacency is None:
        return None
    # a copy: the weights are the model's own
    graph = csr_array(adjacency, copy=True)
    graph.eliminate_zeros()
    count, part = connected_components(graph, directed=True, connection="strong")
    return None if count == 1 else partial(_common, graph, part)


@kept()
def _common(graph: csr_array, part: np.ndarray, members: np.ndarray) -> bool:
    edges = graph.tocoo()
    outside = part[edges.row] != part[edges.col]
    # parts that nobody outside acts on: every node hears of one of them
    heads = np.setdiff1d(part, part[edges.row[outside]])
    acts_on = csr_array(graph.T)
    for head in heads[:_HEADS]:
        start = int(np.flatnonzero(part == head)[0])
        reached = breadth_first_order(acts_on, start, return_predecessors=False)
        if np.count_nonzero(members[reached]) == np.count_nonzero(members):
            return True
    return False


def gains(system: System) -> tuple[bool, ...]:
    """For each mode, whether it would grow from rest if it were alone."""
    values = np.linalg.eigvals(_blocks(uncoupled(system)))
    return tuple(bool(v.real.max() > 1e-12 * np.abs(v).max()) for v in values)


def _blocks(system: System) -> np.ndarray:
    """2×2 blocks of the Jacobian at rest."""
    M = system.jacobian(np.zeros(system.n, dtype=complex))
    return np.stack([M[2 * j : 2 * j + 2, 2 * j : 2 * j + 2] for j in range(system.n)])


@kept()
def rest_exponents(system: System) -> np.ndarray:
    """Eigenvalues of the Jacobian at rest."""
    return np.linalg.eigvals(system.jacobian(np.zeros(system.n, dtype=complex)))
