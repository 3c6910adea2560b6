"""Result → view: one small file a family, and one for plain QuTiP results."""

from . import bosons, plain, spins
from .dispatch import synchronization

__all__ = ["synchronization"]

del bosons, plain, spins
