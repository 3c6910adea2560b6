"""Mean-field particles on the circle: Kuramoto's model, self-attention, and any odd interaction."""

from .basins import Basin, basin_of_synchronization
from .callables import interaction
from .certificate import AttentionCertificate, certify_attention
from .clusters import ClusterState, polygon_state, three_cluster_states
from .coalesce import StationaryError, WidthError, coalesce
from .coupling import LockedState, critical_coupling, locked_state, stationary_order_parameter
from .criterion import Criterion, attention_threshold, synchronization_criterion
from .field import velocity
from .gapcheck import GapBox, check_box
from .interactions import Interaction, attention, fourier, sine
from .model import Circle
from .search import StableState, find_stable_states
from .solver import CircleResult, CircleSolver, circlesolve, local_order_parameters
from .stationary import Stability, energy, stability
from .theory import linear_growth
from .tree import CoalesceResult
from .triangles import (
    ThreeClusterRange,
    three_cluster_bound,
    three_cluster_range,
    three_cluster_sizes,
    three_cluster_threshold,
    three_cluster_weights,
)

__all__ = [
    "AttentionCertificate",
    "Basin",
    "Circle",
    "CircleResult",
    "CircleSolver",
    "ClusterState",
    "CoalesceResult",
    "Criterion",
    "GapBox",
    "Interaction",
    "LockedState",
    "Stability",
    "StableState",
    "StationaryError",
    "ThreeClusterRange",
    "WidthError",
    "attention",
    "attention_threshold",
    "basin_of_synchronization",
    "certify_attention",
    "check_box",
    "circlesolve",
    "coalesce",
    "critical_coupling",
    "energy",
    "find_stable_states",
    "fourier",
    "interaction",
    "linear_growth",
    "local_order_parameters",
    "locked_state",
    "polygon_state",
    "sine",
    "stability",
    "stationary_order_parameter",
    "synchronization_criterion",
    "three_cluster_bound",
    "three_cluster_range",
    "three_cluster_sizes",
    "three_cluster_states",
    "three_cluster_threshold",
    "three_cluster_weights",
    "velocity",
]
