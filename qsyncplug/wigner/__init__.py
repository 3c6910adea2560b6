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
from .measures import (
    interpolate as interpolate,
)
from .measures import (
    marginals as marginals,
)
from .measures import (
    moments as moments,
)
from .measures import (
    moyal_overlap,
)
from .measures import (
    negativity as negativity,
)
from .measures import (
    phase_distribution as phase_distribution,
)
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
    "inverse_wigner_transform",
    "moyal_overlap",
    "pair_hydrodynamics",
    "phase_space_diagnostics",
    "qutip_wigner",
    "run_residuals",
    "state_diagnostics",
    "wigner_transform",
    "wlsolve",
]
