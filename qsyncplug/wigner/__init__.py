"""Wigner–Lohe models, Wigner transforms and quantum hydrodynamics."""

from ..waves.closed_forms import blow_up_time as blow_up_time
from . import theory as _theory  # noqa: F401  (registers the predictions)
from .closed_forms import (
    diameter_bound as diameter_bound,
)
from .closed_forms import (
    distance_ratio as distance_ratio,
)
from .closed_forms import (
    locked_correlation as locked_correlation,
)
from .closed_forms import (
    practical_bound as practical_bound,
)
from .errors import PhaseSpaceError, PhaseSpaceWarning
from .fields import Hydrodynamics, hydrodynamics
from .fit import phase_space_diagnostics, state_diagnostics
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
    phase_distribution as phase_distribution,
)
from .model import WignerLohe
from .negative import (
    negativity as negativity,
)
from .pairs import (
    PairHydrodynamics,
    h1_distance,
    hydrodynamic_distances,
    pair_hydrodynamics,
)
from .phase_space import PhaseSpace, fock_grid
from .residuals import hydrodynamic_residuals, run_residuals
from .result import WignerLoheResult
from .solver import WignerLoheSolver, wlsolve
from .theta import theta_operator
from .transform import inverse_wigner_transform, qutip_wigner, wigner_transform

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
    "theta_operator",
    "wigner_transform",
    "wlsolve",
]
