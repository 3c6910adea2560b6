"""What Schrödinger–Lohe and Wigner–Lohe share: Hamiltonians, their motion, splitting, adjacency,
closed forms.
"""

from .closed_forms import (
    Locking,
    LockingRegime,
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
from .rates import alignment_rates, synchronization_rate

__all__ = [
    "AliasingError",
    "AliasingWarning",
    "BlowUpError",
    "GlobalExistenceWarning",
    "GridHamiltonian",
    "Influence",
    "Locking",
    "LockingRegime",
    "NonUniquenessError",
    "NormalizationWarning",
    "QuadraticPotential",
    "UndefinedCentreError",
    "UnstableSetWarning",
    "absolute_kernel",
    "alignment_rates",
    "effective_coupling",
    "heavy_tail_kernel",
    "locking_regime",
    "synchronization_rate",
    "two_oscillator_correlation",
    "vanishing_time",
]
