"""Schrödinger–Lohe models: the standard one, Model 1 and Model 2."""

from .equilibria import wedge_counterexample
from .mobius import SynchronizedLimit, synchronized_limit
from .model import SchrodingerLohe
from .noise import TrajectoriesResult, sltrajectories
from .result import SchrodingerLoheResult
from .solver import SchrodingerLoheSolver, slsolve
from .steady import steady_spectrum
from .theory import lohe_predictions as lohe_predictions

__all__ = [
    "SchrodingerLohe",
    "SchrodingerLoheResult",
    "SchrodingerLoheSolver",
    "SynchronizedLimit",
    "TrajectoriesResult",
    "slsolve",
    "sltrajectories",
    "steady_spectrum",
    "synchronized_limit",
    "wedge_counterexample",
]
