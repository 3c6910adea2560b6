"""A model written once: symbols, expressions, the system that they make, its symmetries."""

from .algebra import Expression, commutator, modes
from .system import ModeSystem, Symmetries

__all__ = ["Expression", "ModeSystem", "Symmetries", "commutator", "modes"]
