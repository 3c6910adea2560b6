"""When the moments of distinct atoms are the smallest exact representation: the
permutation-symmetric Liouville space, with modes as so many levels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip

from ..core.errors import SolverError
from ..operators.atom import AtomFactor
from ..operators.expression import Expression
from ..operators.individual import EachAtom
from ..operators.spin import SpinFactor
from ..operators.system import System
from .fock import warn_cutoff

__all__ = ["by_hierarchy", "has_ensembles", "many_atoms", "refuse_conserved_spin", "warn_levels"]

#: up to so many atoms the states of all of them are small enough to be kept
_FEW = 6


def has_ensembles(system: System) -> bool:
    """Whether a system has ensembles, and no spin of more than one spin ½."""
    large = any(isinstance(s.factor, SpinFactor) and s.factor.N > 1 for s in system.symbols)
    return not large and any(isinstance(s.factor, AtomFactor) for s in system.symbols)


def many_atoms(system: System) -> bool:
    """Whether an ensemble and its partners are better off without the states of every atom."""
    count = sum(s.factor.N for s in system.symbols if isinstance(s.factor, AtomFactor))
    return has_ensembles(system) and count > _FEW


def refuse_conserved_spin(system: System) -> None:
    """Refuse the steady state of an ensemble that only sums over its atoms act on: they conserve
    its total spin, so that there is one for each value of that.
    """
    own = {jump.symbol for jump in system.jumps if isinstance(jump, EachAtom)}
    for s in system.symbols:
        if isinstance(s.factor, AtomFactor) and s.factor.N > 1 and s not in own:
            raise SolverError(
                f"the steady state is not unique: only sums over the {s.factor.N} atoms {s} act on "
                f"them, which conserve their total spin; write them as qsp.spins({s.factor.N}), "
                "whose states are the symmetric ones, or give state0 for the one that is reached "
                "from it",
                reason="singular",
            )


def warn_levels(closure: Any, moments: np.ndarray, times: np.ndarray | None = None) -> None:
    """Warn where a cut-off of modes that became levels is too low for moments (T, V)."""
    populations, sizes = closure.populations(moments)
    if sizes:
        warn_cutoff(populations, sizes, times)


def by_hierarchy(system: System, state0: Any, e_ops: Any, options: Any) -> bool:
    """Whether a run goes by the hierarchy of moments: many atoms, and nothing that needs a
    state.
    """
    if not many_atoms(system) or isinstance(state0, qutip.Qobj):
        return False
    if isinstance(e_ops, dict):
        wanted = list(e_ops.values())
    else:
        wanted = list(e_ops) if isinstance(e_ops, (list, tuple)) else [e_ops]
    expressions = all(x is None or isinstance(x, Expression) for x in wanted)
    asked = dict(options or {})
    return expressions and "method" not in asked and not asked.get("store_states")
