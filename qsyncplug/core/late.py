"""Registries of what may still have to be imported, and locks of modules."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["ProcessLock", "Registry", "promise"]

V = TypeVar("V")
_promises: list[Callable[[], object]] = []


class ProcessLock:
    """A lock of a module: free in a forked child, which has not the thread that held it.

    Examples
    --------
    >>> with ProcessLock():
    ...     pass
    """

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


_lock = ProcessLock()


def promise(load: Callable[[], object]) -> None:
    """Let registries call ``load()``, which imports what registers itself, before they say no."""
    _promises.append(load)


def _complete() -> None:
    """Import what was promised; other threads wait until it is there."""
    with _lock:
        while _promises:
            # kept until it is done: an interrupt must not lose it
            _promises[0]()
            del _promises[0]


class Registry(dict[str, V]):
    """Name → what is registered; ``in`` and ``get`` look at what is imported, ``[]`` at all.

    Examples
    --------
    >>> table = Registry({"a": 1})
    >>> table["a"], table.find("a"), table.find("b"), table.find(None)
    (1, 1, None, None)
    """

    def __missing__(self, name: str) -> V:
        _complete()
        if name in self:
            return self[name]
        raise KeyError(name)

    def find(self, name: object) -> V | None:
        """What is registered by a name, or None."""
        if not isinstance(name, str):
            return None
        try:
            return self[name]
        except KeyError:
            return None
