"""One point of a sweep, wherever it runs: its values, its error, its warnings, on one thread."""

from __future__ import annotations

import contextlib
import functools
import pickle
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..core.late import ProcessLock
from .reading import Reader, Values

__all__ = ["Outcome", "Task"]


class Outcome(NamedTuple):
    """What one point of a sweep gave: its values or its error, its warnings, its seconds."""

    number: int
    values: Values | None
    error: str
    warnings: list[tuple[type[Warning], str]]
    seconds: float


class Task:
    """Calls the user's function at a point and reads the answer off; pickles to any engine.

    Parameters
    ----------
    function : callable
        Takes the parameters by name.
    reader : Reader
        Makes arrays of what it returns.
    one_thread : bool
        Hold linear algebra to one thread while it runs.
    """

    def __init__(self, function: Callable[..., Any], reader: Reader, one_thread: bool):
        self.function, self.reader, self.one_thread = function, reader, one_thread
        self._bytes: bytes | None = None

    def __call__(self, job: tuple[int, dict[str, Any]]) -> Outcome:
        """The outcome of the job (number, parameters); never raises but for Ctrl-C."""
        number, point = job
        begin = time.perf_counter()
        values, error = None, ""
        with _room(self.one_thread) as caught:
            try:
                values = self.reader(self.function(**point))
            except Exception as problem:
                error = f"{type(problem).__name__}: {problem}"
        return Outcome(number, values, error, caught, time.perf_counter() - begin)

    def __reduce__(self) -> Any:
        if self._bytes is None:
            self._bytes = _pickle((self.function, self.reader, self.one_thread))
        return _restore, (self._bytes,)


def _pickle(what: Any) -> bytes:
    """Plain pickle where it does; functions of a notebook or inside functions by cloudpickle."""
    function, reader, _ = what
    given = (function, reader.solve, *(reader.measures or {}).values())
    if not any(getattr(f, "__module__", "") == "__main__" for f in given):
        with contextlib.suppress(pickle.PicklingError, AttributeError, TypeError):
            return pickle.dumps(what)
    try:
        import cloudpickle
    except ImportError:
        try:
            return pickle.dumps(what)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise TypeError(
                f"function cannot be sent to other processes ({error}); define it at the top of a "
                "module, or pip install cloudpickle"
            ) from None
    return bytes(cloudpickle.dumps(what))


@functools.lru_cache(maxsize=8)
def _restore(data: bytes) -> Task:
    """The task of these bytes; a worker that gets it with every point unpickles it once."""
    return Task(*pickle.loads(data))


# ------------------------------------------------ warnings and threads, shared by one process

_lock = ProcessLock()
_inside = 0
_stack = contextlib.ExitStack()
_heard = threading.local()


@contextlib.contextmanager
def _room(one_thread: bool) -> Iterator[list[tuple[type[Warning], str]]]:
    """Collects the warnings of this thread; the first one in a process sets up, the last clears."""
    global _inside
    caught: list[tuple[type[Warning], str]] = []
    outer = getattr(_heard, "list", None)
    with _lock:
        if _inside == 0:
            _set_up(one_thread)
        _inside += 1
    _heard.list = caught
    try:
        yield caught
    finally:
        _heard.list = outer
        with _lock:
            _inside -= 1
            if _inside == 0:
                _stack.close()


def _set_up(one_thread: bool) -> None:
    _stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("always")
    show = warnings.showwarning

    def hear(message: Any, category: type[Warning], *where: Any, **kw: Any) -> None:
        heard = getattr(_heard, "list", None)
        if heard is None:
            show(message, category, *where, **kw)
        else:
            heard.append((category, str(message)))

    warnings.showwarning = hear
    if one_thread and _pools() is not None:
        _stack.enter_context(_pools().limit(limits=1))


@functools.cache
def _pools() -> Any:
    """The thread pools of linear algebra, looked for once: the search costs a millisecond."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    np.linalg.eigvalsh(np.eye(2))  # loads what is loaded late
    return ThreadpoolController()
