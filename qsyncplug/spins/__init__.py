"""Two spin chains, the central spin and Holstein–Primakoff bosons."""

from .central import CentralChain, DoubletReport
from .exact import SpinExactResult, SpinExactSolver, spin_moments
from .model import SpinChains, collective_van_der_pol_pair

__all__ = [
    "CentralChain",
    "DoubletReport",
    "SpinChains",
    "SpinExactResult",
    "SpinExactSolver",
    "collective_van_der_pol_pair",
    "spin_moments",
]
