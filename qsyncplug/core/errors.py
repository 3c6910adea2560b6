"""Errors and warnings of the whole package.

A run that must stop raises a :class:`SolverError`, which carries the time it
reached, the reason and everything that had been computed.
"""

from __future__ import annotations

import functools
import os
import sys
import warnings
from typing import Any

__all__ = [
    "ApproximationWarning",
    "CutoffWarning",
    "MemoryLimitError",
    "MissingFieldError",
    "NonFiniteError",
    "QsyncplugWarning",
    "RightHandSideError",
    "SolverError",
    "SolverInterrupted",
    "StepLimitError",
    "StepSizeError",
    "StorageError",
    "TimeLimitError",
    "UndefinedMeasureWarning",
    "warn",
]


class QsyncplugWarning(UserWarning):
    """Base class of every warning the package issues.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import warnings
    >>> warnings.simplefilter("error", qsp.QsyncplugWarning)  # stop at the first
    """


class CutoffWarning(QsyncplugWarning):
    """A Fock cut-off is too low for the state it has to hold.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     rho = qsp.steadystate(qsp.van_der_pol_pair(), cutoff=4)
    >>> said[0].category is qsp.CutoffWarning
    True
    """


class ApproximationWarning(QsyncplugWarning):
    """An approximation is used outside the range where it is controlled.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", qsp.ApproximationWarning)
    ...     pair = qsp.van_der_pol_pair()
    ...     run = qsp.twasolve(pair, [1, 1j], [0, 1.0], ntraj=100, seed=1)
    """


class UndefinedMeasureWarning(QsyncplugWarning):
    """A measure has no value for some of the states (it is returned as NaN).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.UndefinedMeasureWarning, qsp.QsyncplugWarning)
    True
    """


class SolverError(RuntimeError):
    """A run had to stop before its last output time.

    Parameters
    ----------
    message : str
        What happened and what to do about it.
    time : float
        Time that the run had reached.
    reason : str
        One word or a short phrase, the same for every error of a kind.
    result : object, optional
        Result with everything computed up to `time`.

    Attributes
    ----------
    time, reason, result
        As given.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.SolverError, RuntimeError)
    True
    """

    def __init__(
        self, message: str, *, time: float = float("nan"), reason: str = "", result: Any = None
    ):
        super().__init__(message)
        self.time = time
        self.reason = reason
        self.result = result


class StepLimitError(SolverError):
    """The run used up its ``nsteps``.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> try:
    ...     qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1j], [0, 50.0], options={"nsteps": 5})
    ... except qsp.StepLimitError as error:
    ...     print(error.reason, error.time < 50, error.result.times)
    step limit True [0.]
    """


class TimeLimitError(SolverError):
    """The run used up its ``time_limit`` (seconds of wall clock).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.TimeLimitError, qsp.SolverError)
    True
    """


class StepSizeError(SolverError):
    """The step size fell below the resolution of the time variable.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.StepSizeError, qsp.SolverError)
    True
    """


class NonFiniteError(SolverError):
    """The solution became infinite or not a number.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.NonFiniteError, qsp.SolverError)
    True
    """


class RightHandSideError(SolverError):
    """The right-hand side raised an error or refused a state.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.RightHandSideError, qsp.SolverError)
    True
    """


class SolverInterrupted(KeyboardInterrupt):
    """The run was interrupted with Ctrl-C.

    Attributes
    ----------
    time, reason, result
        As in :class:`SolverError`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.SolverInterrupted, KeyboardInterrupt)
    True
    """

    def __init__(
        self,
        message: str,
        *,
        time: float = float("nan"),
        reason: str = "interrupted",
        result: Any = None,
    ):
        super().__init__(message)
        self.time = time
        self.reason = reason
        self.result = result


class MemoryLimitError(MemoryError):
    """A problem would not fit into memory; raised before anything is allocated.

    Attributes
    ----------
    required, available : int
        Bytes.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> try:
    ...     qsp.exactsolve(qsp.van_der_pol_pair(), [1, 1], [0, 1.0], cutoff=10**5)
    ... except qsp.MemoryLimitError as error:
    ...     print(error.required > error.available)
    True
    """

    def __init__(self, message: str, *, required: int, available: int):
        super().__init__(message)
        self.required = required
        self.available = available


class MissingFieldError(AttributeError, ValueError):
    """A view lacks a field that a measure needs.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.MissingFieldError, ValueError)
    True
    """


class StorageError(ValueError):
    """A file is not one of ours, or is of a schema that this version does not know.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import pathlib
    >>> _ = pathlib.Path("note.npz").write_text("no archive")
    >>> try:
    ...     qsp.load("note.npz")
    ... except qsp.StorageError:
    ...     print("refused")
    refused
    """


_OWN = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep, functools.__file__)


def warn(message: str, category: type[Warning] = QsyncplugWarning) -> None:
    """Warn at the line of the user's code that called into the package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
