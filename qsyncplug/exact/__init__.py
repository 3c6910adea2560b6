"""Exact runs, steady states, eigenmodes and spectra, and what is read off them."""

from . import steady  # registers steadystate
from .curve import Peak, Spectrum
from .decay_modes import Eigenmodes, eigenmodes
from .evolve import ExactSolver
from .regression import correlation, spectrum
from .result import ExactResult, JumpResult

__all__ = [
    "Eigenmodes",
    "ExactResult",
    "ExactSolver",
    "JumpResult",
    "Peak",
    "Spectrum",
    "correlation",
    "eigenmodes",
    "spectrum",
]

del steady
