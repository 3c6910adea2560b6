"""Result → view: one small file a family, and one for plain QuTiP results."""

from . import bosons, circle, dtwa, lohe, plain, spins, wigner
from .dispatch import synchronization

__all__ = ["synchronization"]

del bosons, circle, dtwa, lohe, plain, spins, wigner
