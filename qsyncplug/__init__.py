"""qsyncplug: quantum synchronisation with QuTiP.

A system is written once, run exactly with QuTiP and approximately with compiled
solvers, and both are read off with the same measures.
"""

from . import _kernels  # noqa: F401  (first: it finds the compiled kernels)
from .adapters import synchronization
from .bosons import (
    ExactResult,
    ExactSolver,
    Expression,
    MeanFieldResult,
    MeanFieldSolver,
    ModeSystem,
    commutator,
    modes,
    van_der_pol_pair,
)
from .comparison import Comparison, compare
from .core import Grid, load
from .core.entry import exactsolve, mfsolve, predictions, steadystate
from .plot import plot_comparison, plot_correlations, plot_measure, plot_order_parameter
from .sync import Classification, SyncView, classify, measures

__version__ = "0.1.0"

__all__ = [
    "Classification",
    "Comparison",
    "ExactResult",
    "ExactSolver",
    "Expression",
    "Grid",
    "MeanFieldResult",
    "MeanFieldSolver",
    "ModeSystem",
    "SyncView",
    "__version__",
    "classify",
    "commutator",
    "compare",
    "exactsolve",
    "load",
    "measures",
    "mfsolve",
    "modes",
    "plot_comparison",
    "plot_correlations",
    "plot_measure",
    "plot_order_parameter",
    "predictions",
    "steadystate",
    "synchronization",
    "van_der_pol_pair",
]
