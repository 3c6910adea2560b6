"""What may end a run from outside: Ctrl-C and the time limit.

While a run lasts, SIGINT is handled here. It raises where Python may be left at
any line (a kernel, a right-hand side, a function of ``e_ops``), and is only noted
where work must not be torn apart (recording, saving); the drive looks at the note.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time as clock
from collections.abc import Iterator
from contextvars import ContextVar
from types import FrameType
from typing import Any

import numpy as np

from .errors import TimeLimitError

__all__ = ["Limits", "deadline", "look"]

_current: ContextVar[Limits | None] = ContextVar("qsyncplug_limits", default=None)

#: guards of the runs of the main thread, a run inside an ``e_ops`` function last
_guards: list[Limits] = []


class Limits:
    """Deadline and interrupts of one run; a context manager.

    Parameters
    ----------
    seconds : float
        The ``time_limit``; infinite for none.

    Attributes
    ----------
    interrupted : bool
        Whether SIGINT came.
    """

    def __init__(self, seconds: float = float("inf")):
        self.deadline = clock.perf_counter() + seconds
        self.interrupted = False
        self._open = False
        self._previous: Any = None
        self._token: Any = None
        self._errors: Any = None

    def __enter__(self) -> Limits:
        self._token = _current.set(self)
        self._errors = np.geterr()
        if threading.current_thread() is threading.main_thread():
            self._install()
        return self

    def _install(self) -> None:
        previous = signal.getsignal(signal.SIGINT)
        # a handler of the user's own stays; what it raises is caught all the same
        if previous is signal.default_int_handler or (_guards and previous is _handle):
            self._previous = previous
            _guards.append(self)
            signal.signal(signal.SIGINT, _handle)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
        # Ctrl-C may have come while an ``errstate`` (of numpy.linalg, of a user's) was about to end
        np.seterr(**self._errors)
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            _guards.remove(self)

    @property
    def remaining(self) -> float:
        """Seconds of the time limit that are left; negative when it is over."""
        return self.deadline - clock.perf_counter()

    @property
    def over(self) -> bool:
        """Whether the time limit has passed."""
        return self.remaining < 0

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Where Ctrl-C may raise at any line."""
        try:
            self._open = True
            if self.interrupted:
                raise KeyboardInterrupt
            yield
        finally:
            self._open = False

    def signalled(self) -> bool:
        """Note an interrupt; says whether to raise at once."""
        insisted, self.interrupted = self.interrupted, True
        return self._open or insisted


def _handle(number: int, frame: FrameType | None) -> None:
    # no list and no generator here: the handler runs between any two instructions
    raise_now = False
    for guard in _guards:
        raise_now = guard.signalled()
    if raise_now:
        raise KeyboardInterrupt


def look() -> None:
    """End long work in Python (steps, preparations) where the run's time is over.

    Outside a run it does nothing.

    Raises
    ------
    TimeLimitError
        The ``time_limit`` of the run that this is part of has passed.

    Examples
    --------
    >>> look()
    """
    limits = _current.get()
    if limits is not None and limits.over:
        raise TimeLimitError("time limit", reason="time limit")


def deadline() -> float:
    """``time.perf_counter()`` at which the run that this is part of must end; infinite outside one.

    Examples
    --------
    >>> deadline()
    inf
    """
    limits = _current.get()
    return float("inf") if limits is None else limits.deadline
