"""Exact runs, steady states, and what is read off them."""

from . import steady  # registers steadystate
from .evolve import ExactSolver
from .result import ExactResult

__all__ = ["ExactResult", "ExactSolver"]

del steady
