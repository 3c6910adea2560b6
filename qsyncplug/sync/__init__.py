"""Synchronisation of every system in one view: fields, measures, classification."""

from . import measures
from .classification import Classification, classify
from .view import SyncView

__all__ = ["Classification", "SyncView", "classify", "measures"]
