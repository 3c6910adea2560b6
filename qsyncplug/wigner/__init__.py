"""Wigner–Lohe models, Wigner transforms and quantum hydrodynamics."""

from .errors import PhaseSpaceError, PhaseSpaceWarning
from .hydrodynamics import (
    Hydrodynamics,
    PairHydrodynamics,
    h1_distance,
    hydrodynamic_distances,
    hydrodynamics,
    pair_hydrodynamics,
)
from .matrix import WignerMatrix
from .measures import interpolate, marginals, moments, moyal_overlap, negativity, phase_distribution
from .model import WignerLohe
from .phase_space import PhaseSpace, fock_grid
from .residuals import hydrodynamic_residuals, run_residuals
from .result import WignerLoheResult
from .solver import WignerLoheSolver, wlsolve
from .transform import (
    inverse_wigner_transform,
    phase_space_diagnostics,
    qutip_wigner,
    state_diagnostics,
    wigner_transform,
)

__all__ = [
    "Hydrodynamics",
    "PairHydrodynamics",
    "PhaseSpace",
    "PhaseSpaceError",
    "PhaseSpaceWarning",
    "WignerLohe",
    "WignerLoheResult",
    "WignerLoheSolver",
    "WignerMatrix",
    "fock_grid",
    "h1_distance",
    "hydrodynamic_distances",
    "hydrodynamic_residuals",
    "hydrodynamics",
    "interpolate",
    "inverse_wigner_transform",
    "marginals",
    "moments",
    "moyal_overlap",
    "negativity",
    "pair_hydrodynamics",
    "phase_distribution",
    "phase_space_diagnostics",
    "qutip_wigner",
    "run_residuals",
    "state_diagnostics",
    "wigner_transform",
    "wlsolve",
]
