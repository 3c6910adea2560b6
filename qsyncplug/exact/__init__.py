"""Exact runs, steady states, and what is read off them."""

from . import steady  # registers steadystate
from .evolve import ExactResult, ExactSolver

__all__ = ["ExactResult", "ExactSolver"]

del steady
