"""Pictures of views and results: (fig, ax) in, (fig, ax) out. matplotlib is imported when one is asked for."""

from .comparison import plot_comparison
from .views import plot_correlations, plot_measure, plot_order_parameter

__all__ = ["plot_comparison", "plot_correlations", "plot_measure", "plot_order_parameter"]
