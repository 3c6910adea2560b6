"""Schrödinger–Lohe models: the standard one, Model 1 and Model 2."""

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
from .result import SchrodingerLoheResult
from .solver import SchrodingerLoheSolver, slsolve

__all__ = [
    "AliasingError",
    "AliasingWarning",
    "BlowUpError",
    "GlobalExistenceWarning",
    "GridHamiltonian",
    "Influence",
    "NonUniquenessError",
    "NormalizationWarning",
    "QuadraticPotential",
    "SchrodingerLohe",
    "SchrodingerLoheResult",
    "SchrodingerLoheSolver",
    "SynchronizedLimit",
    "UndefinedCentreError",
    "UnstableSetWarning",
    "absolute_kernel",
    "heavy_tail_kernel",
    "slsolve",
    "synchronized_limit",
]
