"""Parameter sweeps on other people's engines, kept point by point."""

from .errors import SweepError
from .run import sweep

__all__ = ["SweepError", "sweep"]
