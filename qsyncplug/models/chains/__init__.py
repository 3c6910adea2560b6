"""Two spin chains, the central spin and Holstein–Primakoff bosons."""

from . import cycle  # registers limit_cycle
from .builder import spin_chains
from .central import CentralChain, DoubletReport
from .collective import CollectiveSpins, collective_pair, collective_spins
from .dtwa import DtwaSolver, dtwasolve
from .elimination import elimination_detuning, mode_system
from .exact import SpinExactResult, SpinExactSolver, spin_moments
from .meanfield import (
    SpinMeanFieldResult,
    SpinMeanFieldSolver,
    coherent_covariance,
    mean_field_parts,
)
from .model import SpinChains, collective_van_der_pol_pair
from .sampled import DtwaResult

__all__ = [
    "CentralChain",
    "CollectiveSpins",
    "DoubletReport",
    "DtwaResult",
    "DtwaSolver",
    "SpinChains",
    "SpinExactResult",
    "SpinExactSolver",
    "SpinMeanFieldResult",
    "SpinMeanFieldSolver",
    "coherent_covariance",
    "collective_pair",
    "collective_spins",
    "collective_van_der_pol_pair",
    "dtwasolve",
    "elimination_detuning",
    "mean_field_parts",
    "mode_system",
    "spin_chains",
    "spin_moments",
]

del cycle
