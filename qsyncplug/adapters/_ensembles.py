"""States of ensembles of atoms as the operators that no permutation of the atoms changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..approximate.cumulants import CumulantResult
from ..approximate.stationary import MomentState
from ..exact.permuted import evolved
from ..operators.atom import AtomFactor
from ..operators.permuted import PermutedSpace
from ..operators.system import System
from ..sync.measures.sources import Symmetrised, symmetrised

__all__ = ["symmetrised_result", "symmetrised_state"]


@symmetrised.register(MomentState)
def symmetrised_state(x: MomentState, nodes: Sequence[int], index: int) -> Symmetrised:
    """Of a stationary state, which keeps its coordinates."""
    if not len(x.coordinates):
        raise ValueError(
            "x: cumulants do not fix the distribution of a phase; take the exact steady state"
        )
    space = PermutedSpace(x.system, x.closure.asked["cutoff"])
    return _of_nodes(space, x.coordinates, nodes)


@symmetrised.register(CumulantResult)
def symmetrised_result(x: CumulantResult, nodes: Sequence[int], index: int) -> Symmetrised:
    """Of an exact run of a constant system: its moments lose digits that a distribution needs.

    So it is evolved once more from its start.
    """
    if not x.closure.exact:
        raise ValueError("x: cumulants do not fix the distribution of a phase; run exactsolve")
    if x.state0 is None or not x.model.isconstant:
        raise ValueError(
            "x: the moments of many atoms do not give the distribution of their phase to working "
            "precision, and a loaded run, or one that depends on time, is not evolved once more: "
            "take the steady state, or fewer atoms with their states"
        )
    space = PermutedSpace(x.model, x.closure.asked["cutoff"])
    found = evolved(space, x.state0, float(x.times[index] - x.times[0]))
    return _of_nodes(space, found, nodes)


def _of_nodes(space: PermutedSpace, x: Any, nodes: Sequence[int]) -> Symmetrised:
    if not nodes:
        atoms = [isinstance(s.factor, AtomFactor) for s in space.system.symbols]
        nodes = [atoms.index(True)]
    kinds = [_kind(space.system, k, space.dims) for k in nodes]
    return Symmetrised(kinds, space.reduced(x, nodes))


def _kind(system: System, k: int, dims: list[int]) -> tuple[str, int]:
    if k >= system.n:
        raise ValueError(f"nodes: the system has {system.n} nodes, there is no {k}")
    factor = system.symbols[k].factor
    if isinstance(factor, AtomFactor):
        return "atoms", factor.N
    if factor.phase is None:
        raise ValueError(f"nodes: {system.symbols[k]} is no ensemble, mode or spin: no phase")
    return ("spin" if factor.phase == "spin" else "mode"), dims[k]
