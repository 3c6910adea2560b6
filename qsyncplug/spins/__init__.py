"""Two spin chains, the central spin and Holstein–Primakoff bosons."""

from .central import CentralChain, DoubletReport
from .exact import SpinExactResult, SpinExactSolver, spin_moments
from .limit_cycle import LimitCycle, limit_cycle
from .meanfield import (
    SpinMeanFieldResult,
    SpinMeanFieldSolver,
    coherent_covariance,
    elimination_detuning,
    mean_field_parts,
    mode_system,
)
from .model import SpinChains, collective_van_der_pol_pair

__all__ = [
    "CentralChain",
    "DoubletReport",
    "LimitCycle",
    "SpinChains",
    "SpinExactResult",
    "SpinExactSolver",
    "SpinMeanFieldResult",
    "SpinMeanFieldSolver",
    "coherent_covariance",
    "collective_van_der_pol_pair",
    "elimination_detuning",
    "limit_cycle",
    "mean_field_parts",
    "mode_system",
    "spin_moments",
]
