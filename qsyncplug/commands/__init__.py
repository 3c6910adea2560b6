"""The commands of ``python -m qsyncplug``."""
