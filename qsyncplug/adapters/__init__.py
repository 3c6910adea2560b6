"""Result → view: one small file a family, and one for plain QuTiP results."""

from . import bosons, lohe, plain, wigner
from .dispatch import synchronization

__all__ = ["synchronization"]

del bosons, lohe, plain, wigner
