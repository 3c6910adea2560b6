"""Result → view: one small file a family, and one for plain QuTiP results."""

from . import bosons, dtwa, plain, spins
from .dispatch import synchronization

__all__ = ["synchronization"]

del bosons, dtwa, plain, spins
