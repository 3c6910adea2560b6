"""A model written once: symbols, expressions, the system that they make, its symmetries."""

from .expectation import expect
from .expression import Expression, commutator
from .handle import atoms, levels, modes, spins
from .symmetries import Symmetries
from .system import System

__all__ = [
    "Expression",
    "Symmetries",
    "System",
    "atoms",
    "commutator",
    "expect",
    "levels",
    "modes",
    "spins",
]
