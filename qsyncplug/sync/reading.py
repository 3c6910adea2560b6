"""The one function that turns anything into a view; the adapters teach it what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, singledispatch
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import qutip

from ..core.interrupts import whole_or_nothing
from ..core.result import Result
from ..core.types import Modes
from .view import SyncView

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["FINDERS", "Readable", "reader", "synchronization"]

#: what is read off: a result of this package or of QuTiP, a state or a list of states (numbers
#: where positions or a Gaussian state (mean, covariance) are meant), or a view
Readable: TypeAlias = Result | SyncView | qutip.Qobj | Sequence[Any] | np.ndarray

#: each is called with the module of a class that is to be read, and imports what registers readers
FINDERS: list[Callable[[str], None]] = []


@lru_cache(maxsize=256)
def _find(kind: Any) -> None:
    """Have the readers of a class and of its bases registered."""
    for base in kind.__mro__:
        for find in FINDERS:
            find(base.__module__)


@singledispatch
def reader(result: Any, **kw: Any) -> SyncView:
    """Make the view of a `result`; each adapter registers how: ``@reader.register(SomeResult)``."""
    raise TypeError(
        f"synchronization cannot read a {type(result).__name__}; give a result of this "
        "package, a QuTiP Result, state or list of "
        "states with modes=[a1, a2, …], or build a SyncView by hand"
    )


@reader.register
def _(result: SyncView) -> SyncView:
    return result


@whole_or_nothing
def synchronization(
    result: Readable, *, modes: Modes = None, times: ArrayLike | None = None
) -> SyncView:
    """The view of anything that every measure takes.

    Parameters
    ----------
    result : object
        A result of this package; a QuTiP ``Result``, a ket, a density matrix or a list of them,
        with `modes`; or a SyncView, returned as it is.
    modes : sequence of Qobj or Expression, optional
        For QuTiP results and states: the annihilation (or lowering) operator of each node, as a
        Qobj or as symbols of ``qsp.modes``.
    times : array_like of shape (T,), optional
        For a list of states: their times; 0, 1, 2, … by default.

    Returns
    -------
    SyncView

    Raises
    ------
    TypeError
        There is no adapter for this type, `modes` is missing, or is given with a result that has
        nodes of its own.

    Examples
    --------
    >>> import qutip
    >>> import qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(12, 1), qutip.coherent(12, 1j))
    >>> qsp.synchronization(state, modes=[a, b]).n
    2
    """
    given = {
        name: value for name, value in (("modes", modes), ("times", times)) if value is not None
    }
    # a class is hashable, which mypy does not grant to type[Any]
    _find(type(result))  # type: ignore[arg-type]
    if given and not getattr(reader.dispatch(type(result)), "takes_modes", False):
        names = " and ".join(f"{name}=" for name in given)
        raise TypeError(
            f"{names} belong to QuTiP results and states; a {type(result).__name__} brings its own"
        )
    return reader(result, **given)
