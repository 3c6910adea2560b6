"""Ground floor: errors, checks, options, drive, solver base, result, grid, storage. No physics."""

from .continuation import resume
from .errors import *  # noqa: F403
from .failure import Failure
from .grid import Grid
from .limits import look
from .result import Result
from .rungekutta import RungeKutta, integrator
from .solver import Solver
from .stats import Stats
from .status import Status
from .stepper import Problem, Stepper
from .storage import load

__all__ = [
    "Failure",
    "Grid",
    "Problem",
    "Result",
    "RungeKutta",
    "Solver",
    "Stats",
    "Status",
    "Stepper",
    "integrator",
    "load",
    "look",
    "resume",
]
