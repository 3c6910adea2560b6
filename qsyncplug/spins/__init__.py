"""Two spin chains, the central spin and Holstein–Primakoff bosons."""

from .central import CentralChain, DoubletReport
from .collective import CollectiveSpins, collective_pair, collective_spins
from .corrections import CORRECTIONS, Correction
from .dtwa import DtwaResult, DtwaSolver, dtwasolve
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
from .published import PublishedResult, PublishedSolver, PublishedSpinChains
from .published_figures import PublishedFigure, Statement
from .spin_one import SpinOne, SpinOnePair, spin_husimi, spin_phase, spin_phase_moments, spin_phase_peak

__all__ = [
    "CORRECTIONS",
    "CentralChain",
    "CollectiveSpins",
    "Correction",
    "DoubletReport",
    "DtwaResult",
    "DtwaSolver",
    "LimitCycle",
    "PublishedFigure",
    "PublishedResult",
    "PublishedSolver",
    "PublishedSpinChains",
    "SpinChains",
    "SpinExactResult",
    "SpinExactSolver",
    "SpinMeanFieldResult",
    "SpinMeanFieldSolver",
    "SpinOne",
    "SpinOnePair",
    "Statement",
    "coherent_covariance",
    "collective_pair",
    "collective_spins",
    "collective_van_der_pol_pair",
    "dtwasolve",
    "elimination_detuning",
    "limit_cycle",
    "mean_field_parts",
    "mode_system",
    "spin_husimi",
    "spin_moments",
    "spin_phase",
    "spin_phase_moments",
    "spin_phase_peak",
]
