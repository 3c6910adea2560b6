"""qsyncplug: quantum synchronisation with QuTiP.

A system is written once, run exactly with QuTiP and approximately with compiled
solvers, and both are read off with the same measures.
"""

from . import (
    _kernels,  # noqa: F401  (first: it finds the compiled kernels)
    bosons,
    circle,
    lohe,
    plot,
    spins,
    wigner,
)
from .adapters import synchronization
from .bosons import *  # noqa: F403
from .circle import *  # noqa: F403
from .comparison import Comparison, compare
from .core import Grid, load
from .core.entry import exactsolve, mfsolve, predictions, steadystate
from .core.predictions import Outcome, Prediction, Predictions
from .lohe import *  # noqa: F403
from .plot import *  # noqa: F403
from .spins import *  # noqa: F403
from .sync import Classification, SyncView, classify, measures
from .wigner import *  # noqa: F403

__version__ = "0.1.0"

__all__ = [
    "Classification",
    "Comparison",
    "Grid",
    "Outcome",
    "Prediction",
    "Predictions",
    "SyncView",
    "__version__",
    "classify",
    "compare",
    "exactsolve",
    "load",
    "measures",
    "mfsolve",
    "predictions",
    "steadystate",
    "synchronization",
]
__all__ += bosons.__all__ + circle.__all__ + lohe.__all__ + plot.__all__ + spins.__all__ + wigner.__all__
