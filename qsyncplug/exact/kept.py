"""What runs of one system share: its operators, what reads moments off, its generator."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from ..operators.system import System
from .liouvillian import Liouvillian
from .moments import MomentReader

__all__ = ["Kept", "kept"]

#: levels up to which they are kept for the next run
_LARGEST = 600


class Kept:
    """The operators of a system on a truncated space; nobody changes them.

    Attributes
    ----------
    H : Qobj or QobjEvo
    c_ops : list
    reader : MomentReader
    levels : tuple of int
        Of every tensor factor.
    """

    def __init__(self, system: System, cutoff: Any, levels: tuple[int, ...]):
        self.H, self.c_ops = system.qutip(cutoff)
        self.reader = MomentReader(system, levels, cutoff)
        self.levels = levels

    @cached_property
    def liouvillian(self) -> Liouvillian:
        """The generator; it is constant."""
        return Liouvillian(self.H, self.c_ops)


_KEPT: WeakKeyDictionary[System, Kept] = WeakKeyDictionary()


def kept(system: System, cutoff: Any, levels: tuple[int, ...]) -> Kept:
    """The operators of a system: those of its last run, where that had the same levels (a system
    does not change).
    """
    found = _KEPT.get(system)
    if found is not None and found.levels == levels:
        return found
    found = Kept(system, cutoff, levels)
    if system.isconstant and found.H.shape[0] <= _LARGEST:
        _KEPT[system] = found
    return found
