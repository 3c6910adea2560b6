"""The spin-chain paper's equations as printed, corrections by name, its figures."""

from .chains import PublishedSpinChains
from .corrections import CORRECTIONS, Correction
from .figures import PublishedFigure, Statement
from .result import PublishedResult
from .solver import PublishedSolver, SingularEquationsError

__all__ = [
    "CORRECTIONS",
    "Correction",
    "PublishedFigure",
    "PublishedResult",
    "PublishedSolver",
    "PublishedSpinChains",
    "SingularEquationsError",
    "Statement",
]
