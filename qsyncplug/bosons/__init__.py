"""Boson models written once: operator algebra, QuTiP objects, mean field and covariance."""

from . import steady  # registers steadystate
from .algebra import Expression, commutator, modes
from .exact import ExactResult, ExactSolver
from .meanfield import MeanFieldResult, MeanFieldSolver
from .model import ModeSystem, Symmetries, van_der_pol_pair

__all__ = [
    "ExactResult",
    "ExactSolver",
    "Expression",
    "MeanFieldResult",
    "MeanFieldSolver",
    "ModeSystem",
    "Symmetries",
    "commutator",
    "modes",
    "van_der_pol_pair",
]

del steady
