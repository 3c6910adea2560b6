"""Mean-field particles on the circle: Kuramoto's model, self-attention, and any odd interaction."""

from .basins import Basin, basin_of_synchronization
from .callables import interaction
from .certificate import AttentionCertificate, certify_attention
from .circulants import (
    CirculantState,
    circulant_density,
    circulant_spectrum,
    densest_circulant,
)
from .clusters import ClusterState, polygon_state, three_cluster_states
from .coalescence import StationaryError, WidthError, coalesce
from .continuum import (
    Chimera,
    chimera_state,
    delay_frequencies,
    delay_threshold,
    inertia_threshold,
    lag_order_parameter,
    triad_order_parameters,
)
from .coupling import LockedState, critical_coupling, locked_state, stationary_order_parameter
from .criterion import Criterion, attention_threshold, synchronization_criterion
from .equilibrium import gaussian_noise_threshold, mean_square_order, noise_order_parameter
from .field import velocity
from .gapproof import GapProof
from .graphs import locking_bound, twisted_state_stability
from .interactions import Interaction, attention, fourier, sine
from .local import local_order_parameters
from .model import Circle
from .motion import batch_average
from .outlook import lorentz_order_parameter
from .populations import (
    MoebiusResult,
    MoebiusSolver,
    Populations,
    cross_ratios,
    wssolve,
)
from .proofs import SynchronizationCertificate, certify_synchronization
from .reduced import OttAntonsen, OttAntonsenResult, OttAntonsenSolver, oasolve
from .search import StableState, find_stable_states
from .solver import CircleResult, CircleSolver, circlesolve
from .spheres import Sphere, SphereResult, SphereSolver, spheresolve
from .stationary import Stability, energy, stability
from .theory import linear_growth
from .thresholds import (
    bimodal_threshold,
    inertia_growth,
    noise_growth,
    noise_threshold,
    retrapping_drive,
)
from .tree import CoalesceResult
from .triangles import (
    ThreeClusterRange,
    three_cluster_arcs,
    three_cluster_bound,
    three_cluster_range,
    three_cluster_sizes,
    three_cluster_threshold,
    three_cluster_weights,
)

__all__ = [
    "AttentionCertificate",
    "Basin",
    "Chimera",
    "Circle",
    "CircleResult",
    "CircleSolver",
    "CirculantState",
    "ClusterState",
    "CoalesceResult",
    "Criterion",
    "GapProof",
    "Interaction",
    "LockedState",
    "MoebiusResult",
    "MoebiusSolver",
    "OttAntonsen",
    "OttAntonsenResult",
    "OttAntonsenSolver",
    "Populations",
    "Sphere",
    "SphereResult",
    "SphereSolver",
    "Stability",
    "StableState",
    "StationaryError",
    "SynchronizationCertificate",
    "ThreeClusterRange",
    "WidthError",
    "attention",
    "attention_threshold",
    "basin_of_synchronization",
    "batch_average",
    "bimodal_threshold",
    "certify_attention",
    "certify_synchronization",
    "chimera_state",
    "circlesolve",
    "circulant_density",
    "circulant_spectrum",
    "coalesce",
    "critical_coupling",
    "cross_ratios",
    "delay_frequencies",
    "delay_threshold",
    "densest_circulant",
    "energy",
    "find_stable_states",
    "fourier",
    "gaussian_noise_threshold",
    "inertia_growth",
    "inertia_threshold",
    "interaction",
    "lag_order_parameter",
    "linear_growth",
    "local_order_parameters",
    "locked_state",
    "locking_bound",
    "lorentz_order_parameter",
    "mean_square_order",
    "noise_growth",
    "noise_order_parameter",
    "noise_threshold",
    "oasolve",
    "polygon_state",
    "retrapping_drive",
    "sine",
    "spheresolve",
    "stability",
    "stationary_order_parameter",
    "synchronization_criterion",
    "three_cluster_arcs",
    "three_cluster_bound",
    "three_cluster_range",
    "three_cluster_sizes",
    "three_cluster_states",
    "three_cluster_threshold",
    "three_cluster_weights",
    "triad_order_parameters",
    "twisted_state_stability",
    "velocity",
    "wssolve",
]
