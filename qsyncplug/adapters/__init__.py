"""Result → view: one small file a family, and one for plain QuTiP results."""

from ..sync.reading import synchronization
from . import bosons, circle, dtwa, lohe, particles, plain, samples, spins, wigner

__all__ = ["synchronization"]

del bosons, circle, dtwa, lohe, particles, samples, plain, spins, wigner
