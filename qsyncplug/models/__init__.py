"""Ready systems: oscillators, spins, ensembles of atoms, chains, each with its source."""

from . import chains, ensembles, oscillators
from .chains import *  # noqa: F403
from .ensembles import *  # noqa: F403
from .oscillators import *  # noqa: F403
from .van_der_pol import van_der_pol_pair

__all__ = ["van_der_pol_pair"]
__all__ += chains.__all__
__all__ += ensembles.__all__
__all__ += oscillators.__all__
