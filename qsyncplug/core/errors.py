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

#: public as names of the package itself; `warn` is for its rooms
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
    >>> import warnings
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> view = qsp.SyncView(mean=[[0.0, 0.0, 1.0, 0.0]], covariance=np.eye(4)[None] / 2)
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     z = qsp.measures.coherence(view)  # the first mode is empty
    >>> said[0].category.__name__, bool(np.isnan(z[0, 0, 1]))
    ('UndefinedMeasureWarning', True)
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
    ẋ=3x² has the solution 1/(1−3t) from 1 on, and none beyond ⅓:

    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> cubic = qsp.System(1j * (b.dag() ** 3 - b**3))
    >>> try:
    ...     run = qsp.mfsolve(cubic, [1.0], [0.0, 0.1, 0.2, 1.0], closure="none")
    ... except qsp.SolverError as error:
    ...     run = error.result
    ...     print(error.reason, round(error.time, 6))
    step size underflow 0.333333
    >>> run.times.tolist(), run.amplitudes[:, 0].real.round(6).tolist()
    ([0.0, 0.1, 0.2], [1.0, 1.428571, 2.5])
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
    >>> pair = qsp.van_der_pol_pair()
    >>> try:
    ...     qsp.mfsolve(pair, [1, 1j], [0, 1.0, 1e9], options={"time_limit": 0.1})
    ... except qsp.TimeLimitError as error:
    ...     print(error.reason, 1 < error.time < 1e9, error.result.times.tolist())
    time limit True [0.0, 1.0]
    """


class StepSizeError(SolverError):
    """The step size fell below the resolution of the time variable.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> cubic = qsp.System(1j * (b.dag() ** 3 - b**3))  # from 1 on: 1/(1−3t)
    >>> try:
    ...     qsp.mfsolve(cubic, [1.0], [0.0, 1.0], closure="none")
    ... except qsp.StepSizeError as error:
    ...     print(round(error.time, 6))
    0.333333
    """


class NonFiniteError(SolverError):
    """The solution became infinite or not a number.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import qutip
    >>> b, = qsp.modes(1)
    >>> drive = qutip.coefficient(lambda t: 1.0 if t < 1 else float("nan"))
    >>> driven = qsp.System(b.dag() * b + drive * (b + b.dag()))
    >>> try:
    ...     qsp.mfsolve(driven, [1.0], [0.0, 0.5, 2.0], closure="none")
    ... except qsp.NonFiniteError as error:
    ...     print(error.reason, round(error.time, 6), error.result.times.tolist())
    not finite 1.0 [0.0, 0.5]
    """


class RightHandSideError(SolverError):
    """The right-hand side raised an error or refused a state.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> def inverse(t, state):
    ...     return 1 / (t - 1)
    >>> try:
    ...     qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1j], [0, 0.5, 1.0], e_ops=inverse)
    ... except qsp.RightHandSideError as error:
    ...     print(error.reason, error.time, error.result.e_data[0])
    ...     print(repr(error.__cause__))
    a function of e_ops raised 1.0 [-1.0, -2.0]
    ZeroDivisionError('float division by zero')
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
    >>> def pressed(t, state):
    ...     if t == 1.0:
    ...         raise KeyboardInterrupt  # as Ctrl-C does
    >>> try:
    ...     qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1j], [0, 0.5, 1.0, 2.0], e_ops=pressed)
    ... except qsp.SolverInterrupted as stop:
    ...     print(stop.reason, stop.time, stop.result.times.tolist())
    interrupted 1.0 [0.0, 0.5]
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
    >>> view = qsp.SyncView(mean=[[0.0, 0.0, 1.0, 0.0]], covariance=0)
    >>> try:
    ...     qsp.measures.mutual_information(view)
    ... except qsp.MissingFieldError as error:
    ...     print(str(error).partition("; ")[2])
    what would provide it: a covariance with vacuum variance ½, or states
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
