"""Exact runs, steady states, eigenmodes and spectra, and what is read off them."""

from . import steady  # registers steadystate
from .curve import Peak, Spectrum
from .decay_modes import Eigenmodes, eigenmodes
from .entrain import EntrainmentCurve, entrainment
from .evolve import ExactSolver
from .regression import correlation, spectrum
from .result import ExactResult, JumpResult

__all__ = [
    "Eigenmodes",
    "EntrainmentCurve",
    "ExactResult",
    "ExactSolver",
    "JumpResult",
    "Peak",
    "Spectrum",
    "correlation",
    "eigenmodes",
    "entrainment",
    "spectrum",
]

del steady
