"""Errors and warnings of the Schrödinger–Lohe solvers."""

from __future__ import annotations

from typing import Any

from ..core.errors import QsyncplugWarning, SolverError

__all__ = [
    "AliasingError",
    "AliasingWarning",
    "BlowUpError",
    "GlobalExistenceWarning",
    "NonUniquenessError",
    "NormalizationWarning",
    "UndefinedCentreError",
    "UnstableSetWarning",
]


class OscillatorError(SolverError):
    """A run had to stop because of one oscillator.

    Attributes
    ----------
    oscillator : int
        Its index, from 0.
    time, reason, result
        As in :class:`SolverError`.
    """

    def __init__(self, message: str, *, oscillator: int = -1, **kw: Any):
        super().__init__(message, **kw)
        self.oscillator = oscillator


class NonUniquenessError(OscillatorError):
    """Model 1: an oscillator vanished; the solution cannot be continued uniquely.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.NonUniquenessError, Exception)
    True
    """


class UndefinedCentreError(OscillatorError):
    """Model 2 with alignment: an oscillator vanished and has no centre of mass.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.UndefinedCentreError, Exception)
    True
    """


class BlowUpError(OscillatorError):
    """The mass of an oscillator, or a correlation of two, grew beyond all bounds.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.BlowUpError, RuntimeError)
    True
    """


class AliasingError(SolverError):
    """The wave functions reached the edge of the box or the highest wave numbers of the grid.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.AliasingError, Exception)
    True
    """


class AliasingWarning(QsyncplugWarning):
    """The wave functions come near the edge of the box or the highest wave numbers of the grid.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.AliasingWarning, UserWarning)
    True
    """


class GlobalExistenceWarning(QsyncplugWarning):
    """Model 1: nothing guarantees that every oscillator keeps a positive norm.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.GlobalExistenceWarning, UserWarning)
    True
    """


class NormalizationWarning(QsyncplugWarning):
    """The mean of θ is not 1.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.NormalizationWarning, UserWarning)
    True
    """


class UnstableSetWarning(QsyncplugWarning):
    """The initial state lies on, or very near, an unstable set: rounding decides what it tends
    to.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.UnstableSetWarning, UserWarning)
    True
    """
