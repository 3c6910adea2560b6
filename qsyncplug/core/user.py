"""Functions of the user's: whatever they raise is told with their name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["asked"]


def asked(name: str, function: Callable[..., Any], *arguments: Any, when: str = "") -> Any:
    """What a function of the user's returns; a ValueError that names it where it raises.

    Parameters
    ----------
    name : str
        The argument that it was given as.
    function : callable
    *arguments : object
    when : str
        Such as ``" at t=1"``.

    Examples
    --------
    >>> asked("potential", abs, -1.0)
    1.0
    >>> asked("potential", lambda x: {}[x], 1.0)
    Traceback (most recent call last):
        ...
    ValueError: potential raised KeyError: 1.0
    """
    try:
        return function(*arguments)
    except Exception as error:
        raise ValueError(f"{name} raised {type(error).__name__}{when}: {error}") from error
