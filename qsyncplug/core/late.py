"""Registries of what may still have to be imported."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Registry", "promise"]

V = TypeVar("V")
_promises: list[Callable[[], object]] = []
_lock = threading.RLock()


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
