"""Mean field, covariance and cumulants of a system written once."""

# register spectra, steadystate, predictions
from . import ensemble_regression, linear_regression, permuted_moments, stationary, theory
from .cumulants import CumulantResult, CumulantSolver
from .cycle import LimitCycle, limit_cycle
from .discrete import DtwaSolver, dtwasolve
from .discrete_moments import DtwaResult
from .lyapunov import LyapunovExponents, lyapunov_exponents
from .meanfield import MeanFieldResult, MeanFieldSolver
from .noise_spectrum import SampledCorrelation, SampledSpectrum
from .sampled import TwaResult
from .sampling import TwaSolver, twasolve
from .sphere import ClassicalResult, ClassicalSolver
from .stationary import MomentState
from .torus import LimitTorus

__all__ = [
    "ClassicalResult",
    "ClassicalSolver",
    "CumulantResult",
    "CumulantSolver",
    "DtwaResult",
    "DtwaSolver",
    "LimitCycle",
    "LimitTorus",
    "LyapunovExponents",
    "MeanFieldResult",
    "MeanFieldSolver",
    "MomentState",
    "SampledCorrelation",
    "SampledSpectrum",
    "TwaResult",
    "TwaSolver",
    "dtwasolve",
    "limit_cycle",
    "lyapunov_exponents",
    "twasolve",
]

del ensemble_regression, linear_regression, permuted_moments, stationary, theory
