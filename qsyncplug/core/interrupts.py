"""Ctrl-C outside the runs of the drive: one documented error, wherever it comes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from .documented import with_raised
from .errors import SolverInterrupted

__all__ = ["interruptible", "whole_or_nothing"]

F = TypeVar("F", bound=Callable[..., Any])


def interruptible(function: F) -> F:
    """Decorate a function that runs a solver: Ctrl-C before or behind its run, too, is a
    :class:`SolverInterrupted`.

    The error of the run itself, with its partial result, passes.

    Examples
    --------
    >>> @interruptible
    ... def solve():
    ...     raise KeyboardInterrupt  # as Ctrl-C does
    >>> try:
    ...     solve()
    ... except SolverInterrupted as error:
    ...     print(error)
    solve was interrupted outside its run
    """

    @functools.wraps(function)
    def call(*args: Any, **kw: Any) -> Any:
        try:
            return function(*args, **kw)
        except SolverInterrupted:
            raise
        except KeyboardInterrupt as error:
            name = function.__name__
            raise SolverInterrupted(f"{name} was interrupted outside its run") from error

    return cast(F, call)


def whole_or_nothing(function: F) -> F:
    """Decorate a function that has no partial result: Ctrl-C is a :class:`SolverInterrupted` that
    names it, also where a run inside it was interrupted.

    Examples
    --------
    >>> @whole_or_nothing
    ... def search():
    ...     '''Look.'''
    ...     raise KeyboardInterrupt  # as Ctrl-C does
    >>> try:
    ...     search()
    ... except SolverInterrupted as error:
    ...     print(error)
    search was interrupted: it has no partial result
    """

    @functools.wraps(function)
    def call(*args: Any, **kw: Any) -> Any:
        try:
            return function(*args, **kw)
        except KeyboardInterrupt as error:
            text = f"{function.__name__} was interrupted: it has no partial result"
            raise SolverInterrupted(text) from error

    call.__doc__ = with_raised(call.__doc__, "SolverInterrupted", "Ctrl-C; nothing is kept.")
    return cast(F, call)
