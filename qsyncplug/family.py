"""What ``qutip.about()`` lists (entry point ``qutip.family``); registers nothing on import."""

from __future__ import annotations

from .core.version import VERSION

__all__ = ["version"]


def version() -> tuple[str, str]:
    """Name and version of the package, for the table of ``qutip.about()``."""
    return "qsyncplug", VERSION
