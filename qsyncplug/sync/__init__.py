"""Synchronisation of every system in one view: fields, measures, verdicts."""

from . import husimi, measures
from .husimi import *  # noqa: F403
from .reading import synchronization
from .verdicts import Estimate, Label, Verdict, verdict
from .view import About, SyncView

__all__ = [
    "About",
    "Estimate",
    "Label",
    "SyncView",
    "Verdict",
    "measures",
    "synchronization",
    "verdict",
]
__all__ += husimi.__all__
