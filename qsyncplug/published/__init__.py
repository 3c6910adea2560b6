"""The spin-chain paper's equations as printed, corrections by name, its figures."""

from .chains import PublishedResult, PublishedSolver, PublishedSpinChains
from .corrections import CORRECTIONS, Correction
from .figures import PublishedFigure, Statement

__all__ = [
    "CORRECTIONS",
    "Correction",
    "PublishedFigure",
    "PublishedResult",
    "PublishedSolver",
    "PublishedSpinChains",
    "Statement",
]
