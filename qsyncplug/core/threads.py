"""One thread in the linear algebra unless the user says otherwise (where threadpoolctl is
installed).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

__all__ = ["linear_algebra_threads"]


@cache
def _controller() -> Any:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()


def linear_algebra_threads(count: int) -> AbstractContextManager[Any]:
    """A context in which BLAS uses `count` threads."""
    controller = _controller()
    return nullcontext() if controller is None else controller.limit(limits=count, user_api="blas")
