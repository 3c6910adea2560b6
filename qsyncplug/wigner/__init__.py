"""Wigner–Lohe models, Wigner transforms and quantum hydrodynamics."""

from .matrix import WignerMatrix
from .model import WignerLohe
from .phase_space import PhaseSpace, fock_grid
from .result import WignerLoheResult
from .solver import WignerLoheSolver, wlsolve
from .transform import inverse_wigner_transform, wigner_transform

__all__ = [
    "PhaseSpace",
    "WignerLohe",
    "WignerLoheResult",
    "WignerLoheSolver",
    "WignerMatrix",
    "fock_grid",
    "inverse_wigner_transform",
    "wigner_transform",
    "wlsolve",
]
