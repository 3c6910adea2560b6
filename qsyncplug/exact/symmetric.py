"""When the moments of distinct atoms are the smallest exact representation."""

from __future__ import annotations

from typing import Any

import qutip

from ..operators.atom import AtomFactor
from ..operators.expression import Expression
from ..operators.level import LevelFactor
from ..operators.spin import SpinFactor
from ..operators.system import System

__all__ = ["by_hierarchy", "ensembles_alone"]

#: up to so many atoms the states of all of them are small enough to be kept
_FEW = 6


def ensembles_alone(system: System) -> bool:
    """Whether a system has ensembles, and beside them spins ½ and levels only."""
    atoms = [s for s in system.symbols if isinstance(s.factor, AtomFactor)]
    rest = [s for s in system.symbols if not isinstance(s.factor, AtomFactor)]
    small = all(
        isinstance(s.factor, LevelFactor) or (isinstance(s.factor, SpinFactor) and s.factor.N == 1)
        for s in rest
    )
    return bool(atoms) and small


def by_hierarchy(system: System, state0: Any, e_ops: Any, options: Any) -> bool:
    """Whether a run goes by the hierarchy of moments: many atoms, and nothing that needs a
    state.
    """
    if not ensembles_alone(system) or isinstance(state0, qutip.Qobj):
        return False
    count = sum(s.factor.N for s in system.symbols if isinstance(s.factor, AtomFactor))
    if isinstance(e_ops, dict):
        wanted = list(e_ops.values())
    else:
        wanted = list(e_ops) if isinstance(e_ops, (list, tuple)) else [e_ops]
    expressions = all(x is None or isinstance(x, Expression) for x in wanted)
    asked = dict(options or {})
    return count > _FEW and expressions and "method" not in asked and not asked.get("store_states")
