"""qsyncplug: quantum synchronisation with QuTiP.

A system is written once, run exactly with QuTiP and approximately with compiled
solvers, and both are read off with the same measures.
"""

from . import (
    _kernels,  # noqa: F401  (first: it finds the compiled kernels)
    approximate,
    circle,
    exact,
    lohe,
    models,
    operators,
    plot,
    published,
    sweeps,
    waves,
    wigner,
)
from .adapters import synchronization
from .approximate import *  # noqa: F403
from .circle import *  # noqa: F403
from .comparison import Comparison, compare
from .core import Grid, load, resume
from .core.entry import exactsolve, mfsolve, predictions, steadystate
from .core.errors import (
    ApproximationWarning,
    CutoffWarning,
    MemoryLimitError,
    MissingFieldError,
    NonFiniteError,
    QsyncplugWarning,
    RightHandSideError,
    SolverError,
    SolverInterrupted,
    StepLimitError,
    StepSizeError,
    StorageError,
    TimeLimitError,
    UndefinedMeasureWarning,
)
from .core.predictions import Outcome, Prediction, Predictions
from .core.version import VERSION
from .exact import *  # noqa: F403
from .lohe import *  # noqa: F403
from .models import *  # noqa: F403
from .operators import *  # noqa: F403
from .plot import *  # noqa: F403
from .published import *  # noqa: F403
from .sweeps import *  # noqa: F403
from .sync import About, Estimate, Label, SyncView, Verdict, measures, verdict
from .waves import *  # noqa: F403
from .wigner import *  # noqa: F403

__version__ = VERSION

__all__ = [
    "About",
    "ApproximationWarning",
    "Comparison",
    "CutoffWarning",
    "Estimate",
    "Grid",
    "Label",
    "MemoryLimitError",
    "MissingFieldError",
    "NonFiniteError",
    "Outcome",
    "Prediction",
    "Predictions",
    "QsyncplugWarning",
    "RightHandSideError",
    "SolverError",
    "SolverInterrupted",
    "StepLimitError",
    "StepSizeError",
    "StorageError",
    "SyncView",
    "TimeLimitError",
    "UndefinedMeasureWarning",
    "Verdict",
    "__version__",
    "compare",
    "exactsolve",
    "load",
    "measures",
    "mfsolve",
    "predictions",
    "resume",
    "steadystate",
    "synchronization",
    "verdict",
]
for _room in (
    approximate,
    circle,
    exact,
    lohe,
    models,
    operators,
    plot,
    published,
    sweeps,
    waves,
    wigner,
):
    __all__ += _room.__all__
del _room
