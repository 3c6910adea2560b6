"""Two spin chains, the central spin and Holstein–Primakoff bosons."""

from . import cycle  # registers limit_cycle
from .builder import collective_pair, spin_chains
from .central import CentralChain, DoubletReport
from .elimination import elimination_detuning, mode_system
from .exact import SpinExactResult, SpinExactSolver, spin_moments
from .meanfield import (
    SpinMeanFieldResult,
    SpinMeanFieldSolver,
    coherent_covariance,
    mean_field_parts,
)
from .model import SpinChains, collective_van_der_pol_pair

__all__ = [
    "CentralChain",
    "DoubletReport",
    "SpinChains",
    "SpinExactResult",
    "SpinExactSolver",
    "SpinMeanFieldResult",
    "SpinMeanFieldSolver",
    "coherent_covariance",
    "collective_pair",
    "collective_van_der_pol_pair",
    "elimination_detuning",
    "mean_field_parts",
    "mode_system",
    "spin_chains",
    "spin_moments",
]

del cycle
