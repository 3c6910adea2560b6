"""Truncated Wigner samples of modes and spins."""

from __future__ import annotations

from ..approximate.sampled import TwaResult
from ..operators.system import System
from ..sync import SyncView
from ..sync.dynamics import Dynamics, Kind
from ..sync.reading import reader
from ._couplings import coupled
from ._quadratures import view_of_moments

__all__ = ["view_of_samples"]


@reader.register(TwaResult)
def view_of_samples(result: TwaResult) -> SyncView:
    """Averages over samples, with the Holstein–Primakoff quadratures of spins."""
    system = result.model
    dynamics, labels = Dynamics(Kind.MOMENTS), None
    if isinstance(system, System):
        labels = tuple(s.name for s in system.symbols)
        dynamics = Dynamics(
            Kind.MOMENTS,
            coupled=coupled(system) if system.n > 1 else None,
            autonomous=system.isconstant,
            phase_symmetry=bool(system.symmetries.common_phase),
            dissipative=bool(system.jumps),
        )
    return view_of_moments(
        result,
        why="samples have no states; run exactsolve",
        labels=labels,
        system=f"{getattr(system, 'name', 'system')}, truncated Wigner",
        dynamics=dynamics,
    )
