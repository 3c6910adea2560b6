"""What the ready systems share: rates of jumps, checked, as roots; what they say of themselves."""

from __future__ import annotations

import math

from ..core.checks import check_number
from ..core.documented import documented

__all__ = ["ready", "root"]

#: decorator of what makes a ready system
ready = documented(sections={"Returns": "System"})


def root(name: str, rate: float) -> float:
    """√rate, by which a jump operator is multiplied; refuses a negative rate."""
    return math.sqrt(check_number(name, rate, minimum=0.0))
