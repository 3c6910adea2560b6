"""Ground floor: errors, checks, options, solver base, result, grid and storage. Knows no system."""

from .errors import *  # noqa: F403
from .grid import Grid
from .result import Result
from .solver import CompiledSolver, Solver
from .storage import load

__all__ = ["CompiledSolver", "Grid", "Result", "Solver", "load"]
