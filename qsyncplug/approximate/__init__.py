"""Mean field, covariance and cumulants of a system written once."""

from . import stationary
from .cumulants import CumulantResult, CumulantSolver
from .meanfield import MeanFieldResult, MeanFieldSolver
from .sphere import ClassicalResult, ClassicalSolver
from .stationary import MomentState

__all__ = [
    "ClassicalResult",
    "ClassicalSolver",
    "CumulantResult",
    "CumulantSolver",
    "MeanFieldResult",
    "MeanFieldSolver",
    "MomentState",
]

del stationary
