"""What Schrödinger–Lohe and Wigner–Lohe share: Hamiltonians, their motion, splitting, adjacency,
closed forms.
"""

from .closed_forms import (
    effective_coupling,
    locking_regime,
    two_oscillator_correlation,
    vanishing_time,
)
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
    "UndefinedCentreError",
    "UnstableSetWarning",
    "absolute_kernel",
    "effective_coupling",
    "heavy_tail_kernel",
    "locking_regime",
    "two_oscillator_correlation",
    "vanishing_time",
]
