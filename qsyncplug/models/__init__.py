"""Ready systems: oscillators, spins, ensembles of atoms, chains, each with its source."""

from . import chains, ensembles, oscillators
from .chains import *  # noqa: F403
from .ensembles import *  # noqa: F403
from .oscillators import *  # noqa: F403

__all__ = [*chains.__all__]
__all__ += ensembles.__all__
__all__ += oscillators.__all__
