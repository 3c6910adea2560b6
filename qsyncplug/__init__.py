"""qsyncplug: quantum synchronisation with QuTiP."""

__version__ = "0.1.0"
