"""Schrödinger–Lohe models: the standard one, Model 1 and Model 2."""

from .closed_forms import effective_coupling, locking_regime, two_oscillator_correlation, vanishing_time
from .errors import (
    AliasingError,
    AliasingWarning,
    BlowUpError,
    GlobalExistenceWarning,
    NonUniquenessError,
    NormalizationWarning,
    UndefinedCentreError,
    UnstableSetWarning,
)
from .hamiltonian import GridHamiltonian, QuadraticPotential
from .influence import Influence, absolute_kernel, heavy_tail_kernel
from .mobius import SynchronizedLimit, synchronized_limit
from .model import SchrodingerLohe
from .noise import TrajectoriesResult, sltrajectories
from .result import SchrodingerLoheResult
from .solver import SchrodingerLoheSolver, slsolve
from .theory import Check, Prediction, Predictions, predictions, synchronization_rate

__all__ = [
    "AliasingError",
    "AliasingWarning",
    "BlowUpError",
    "Check",
    "GlobalExistenceWarning",
    "GridHamiltonian",
    "Influence",
    "NonUniquenessError",
    "NormalizationWarning",
    "Prediction",
    "Predictions",
    "QuadraticPotential",
    "SchrodingerLohe",
    "SchrodingerLoheResult",
    "SchrodingerLoheSolver",
    "SynchronizedLimit",
    "TrajectoriesResult",
    "UndefinedCentreError",
    "UnstableSetWarning",
    "absolute_kernel",
    "effective_coupling",
    "heavy_tail_kernel",
    "locking_regime",
    "predictions",
    "slsolve",
    "sltrajectories",
    "synchronization_rate",
    "synchronized_limit",
    "two_oscillator_correlation",
    "vanishing_time",
]
