"""How a stepper's advance ended: the numbers of the compiled kernels, by name."""

from __future__ import annotations

from enum import IntEnum

from .._ext.integrator import STATUS

__all__ = ["Status"]


class Status(IntEnum):
    """Outcome of ``advance``; the numbers are those of ``integrator.pxd``.

    Examples
    --------
    >>> Status.RUNNING == 0, Status(2).name
    (True, 'TIME_LIMIT')
    """

    #: every output that was asked for was delivered
    RUNNING = STATUS["RUNNING"]
    STEP_LIMIT = STATUS["STEP_LIMIT"]
    TIME_LIMIT = STATUS["TIME_LIMIT"]
    STEP_SIZE = STATUS["STEP_SIZE"]
    NON_FINITE = STATUS["NON_FINITE"]
    #: a function raised, or refused the state
    RHS_FAILED = STATUS["RHS_FAILED"]
    INTERRUPTED = STATUS["INTERRUPTED"]
    #: something that the stepper watches for happened; its family knows what
    EVENT = STATUS["EVENT"]
    #: the run's ``until`` held
    UNTIL = STATUS["UNTIL"]
