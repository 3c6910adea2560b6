"""What ``qutip.about()`` lists (entry point ``qutip.family``); registers nothing on import."""

from __future__ import annotations

__all__ = ["version"]


def version() -> tuple[str, str]:
    """Name and version."""
    from . import __version__

    return "qsyncplug", __version__
