"""Registries of what may still have to be imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["Registry", "promise"]

V = TypeVar("V")
_promises: list[Callable[[], object]] = []


def promise(load: Callable[[], object]) -> None:
    """Let registries call ``load()``, which imports what registers itself, before they say no."""
    _promises.append(load)


def _complete() -> bool:
    """Import what was promised; whether there was anything."""
    waiting, _promises[:] = list(_promises), []
    for load in waiting:
        load()
    return bool(waiting)


class Registry(dict[str, V]):
    """Name → what is registered; ``in`` and ``get`` look at what is imported, ``[]`` at all.

    Examples
    --------
    >>> table = Registry({"a": 1})
    >>> table["a"], table.find("a"), table.find("b"), table.find(None)
    (1, 1, None, None)
    """

    def __missing__(self, name: str) -> V:
        if _complete() and name in self:
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
