"""Saying beforehand what will take long."""

from __future__ import annotations

from ..core.errors import QsyncplugWarning, warn

__all__ = ["say_if_long"]

#: estimated seconds from which on a run says beforehand how long it will take
_LONG = 60.0


def say_if_long(what: str, seconds: float, advice: str) -> None:
    """Warn that `what` will take `seconds`, if that is more than a minute."""
    if seconds > _LONG:
        warn(f"{what} will take about {seconds / 60:.0f} min; {advice}", QsyncplugWarning)
