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
    """Base class of every warning the package issues."""


class CutoffWarning(QsyncplugWarning):
    """A Fock cut-off is too low for the state it has to hold."""


class ApproximationWarning(QsyncplugWarning):
    """An approximation is used outside the range where it is controlled."""


class UndefinedMeasureWarning(QsyncplugWarning):
    """A measure has no value for some of the states (it is returned as NaN)."""


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
    """

    def __init__(
        self, message: str, *, time: float = float("nan"), reason: str = "", result: Any = None
    ):
        super().__init__(message)
        self.time = time
        self.reason = reason
        self.result = result


class StepLimitError(SolverError):
    """The run used up its ``nsteps``."""


class TimeLimitError(SolverError):
    """The run used up its ``time_limit`` (seconds of wall clock)."""


class StepSizeError(SolverError):
    """The step size fell below the resolution of the time variable."""


class NonFiniteError(SolverError):
    """The solution became infinite or not a number."""


class RightHandSideError(SolverError):
    """The right-hand side raised an error or refused a state."""


class SolverInterrupted(KeyboardInterrupt):
    """The run was interrupted with Ctrl-C.

    Attributes
    ----------
    time, reason, result
        As in :class:`SolverError`.
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
    """

    def __init__(self, message: str, *, required: int, available: int):
        super().__init__(message)
        self.required = required
        self.available = available


class MissingFieldError(AttributeError, ValueError):
    """A view lacks a field that a measure needs."""


class StorageError(ValueError):
    """A file is not one of ours, or is of a schema that this version does not know."""


_OWN = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep, functools.__file__)


def warn(message: str, category: type[Warning] = QsyncplugWarning) -> None:
    """Warn at the line of the user's code that called into the package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
