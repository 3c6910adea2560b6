"""qsyncplug: quantum synchronisation with QuTiP."""

from .bosons import *  # noqa: F403
from .core import Grid, load
from .core.entry import exactsolve, mfsolve, predictions, steadystate

__version__ = "0.1.0"
