"""The one function that turns anything into a view; the adapters teach it what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .view import SyncView

__all__ = ["read", "register_reader"]

_READERS: list[tuple[type, Callable[..., SyncView]]] = []


def register_reader(*kinds: type) -> Callable[[Callable[..., SyncView]], Callable[..., SyncView]]:
    """Decorate ``f(result)`` (or ``f(result, modes=…, times=…)``), which makes the view of results of these types."""

    def register(function: Callable[..., SyncView]) -> Callable[..., SyncView]:
        _READERS.extend((kind, function) for kind in kinds)
        return function

    return register
