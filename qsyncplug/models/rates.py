"""Rates of jumps as the ready systems take them: checked, and their square roots."""

from __future__ import annotations

import math

from ..core.checks import check_number

__all__ = ["root"]


def root(name: str, rate: float) -> float:
    """√rate, by which a jump operator is multiplied; refuses a negative rate."""
    return math.sqrt(check_number(name, rate, minimum=0.0))
