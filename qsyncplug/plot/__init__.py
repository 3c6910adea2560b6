"""Pictures of views and results: (fig, ax) in, (fig, ax) out. matplotlib is imported when one is
asked for.
"""

from .circle import (
    anim_circle,
    plot_circle,
    plot_circle_order,
    plot_criterion,
    plot_interaction,
)
from .comparison import plot_comparison
from .cycles import plot_limit_cycle
from .fluids import plot_hydrodynamics
from .lohe import anim_wave_packets, plot_centres, plot_densities, plot_gram
from .spectra import plot_entrainment, plot_phase_distribution, plot_spectrum
from .spins import plot_dtwa, plot_published_figure, plot_spin_phase
from .sweeps import plot_sweep
from .trees import plot_dendrogram
from .verdicts import plot_verdict
from .views import (
    plot_correlations,
    plot_masses,
    plot_measure,
    plot_order_parameter,
    plot_relative_phase,
    plot_trajectories,
)
from .wigner import (
    anim_wigner_function,
    plot_wigner_function,
    plot_wigner_matrix,
)

__all__ = [
    "anim_circle",
    "anim_wave_packets",
    "anim_wigner_function",
    "plot_centres",
    "plot_circle",
    "plot_circle_order",
    "plot_comparison",
    "plot_correlations",
    "plot_criterion",
    "plot_dendrogram",
    "plot_densities",
    "plot_dtwa",
    "plot_entrainment",
    "plot_gram",
    "plot_hydrodynamics",
    "plot_interaction",
    "plot_limit_cycle",
    "plot_masses",
    "plot_measure",
    "plot_order_parameter",
    "plot_phase_distribution",
    "plot_published_figure",
    "plot_relative_phase",
    "plot_spectrum",
    "plot_spin_phase",
    "plot_sweep",
    "plot_trajectories",
    "plot_verdict",
    "plot_wigner_function",
    "plot_wigner_matrix",
]
