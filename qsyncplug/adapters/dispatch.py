"""The one function that turns any result into a view."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from ..sync import SyncView

__all__ = ["synchronization"]


@singledispatch
def synchronization(result: Any, **kw: Any) -> SyncView:
    """The view of a result that every measure takes.

    Parameters
    ----------
    result : object
        A result of this package; a QuTiP ``Result`` or a list of states, with `modes`; or a
        SyncView, returned as it is.
    modes : sequence of Qobj
        For QuTiP results and states: the annihilation (or lowering) operator of each node.
    times : array_like of shape (T,), optional
        For a list of states: their times; 0, 1, 2, … by default.

    Returns
    -------
    SyncView

    Raises
    ------
    TypeError
        There is no adapter for this type, or `modes` is missing.
    """
    if type(result).__name__ == "Qobj":
        raise TypeError(
            "synchronization reads a list of states: give [state] with modes=[a1, a2, …]"
        )
    raise TypeError(
        f"synchronization cannot read a {type(result).__name__}; give it a result of this package, "
        "a QuTiP Result or a list "
        "of states with modes=[a1, a2, …], or build a SyncView by hand"
    )


@synchronization.register
def _(result: SyncView) -> SyncView:
    return result
