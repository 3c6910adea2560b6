"""Ready systems."""

from . import chains, ensembles, oscillators
from .chains import *  # noqa: F403
from .ensembles import *  # noqa: F403
from .oscillators import *  # noqa: F403
from .spin_one import (
    SpinOne,
    SpinOnePair,
    spin_husimi,
    spin_phase,
    spin_phase_moments,
    spin_phase_peak,
)
from .van_der_pol import van_der_pol_pair

__all__ = [
    "SpinOne",
    "SpinOnePair",
    "spin_husimi",
    "spin_phase",
    "spin_phase_moments",
    "spin_phase_peak",
    "van_der_pol_pair",
]
__all__ += chains.__all__
__all__ += ensembles.__all__ + oscillators.__all__
