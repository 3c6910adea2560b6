"""Mean-field particles on the circle: Kuramoto's model, self-attention, and any odd interaction."""

from .field import velocity
from .interactions import Interaction, attention, fourier, interaction, sine
from .model import Circle
from .solver import CircleResult, CircleSolver, circlesolve, local_order_parameters

__all__ = [
    "Circle",
    "CircleResult",
    "CircleSolver",
    "Interaction",
    "attention",
    "circlesolve",
    "fourier",
    "interaction",
    "local_order_parameters",
    "sine",
    "velocity",
]
