"""Where the points run: here, in QuTiP's maps, or in any ``concurrent.futures.Executor``.

No scheduler of our own: an engine takes jobs and a function ``keep`` that is given each outcome
as it comes. Dask's ``Client`` and mpi4py's pool are executors; a number stands for a process pool,
which is the one engine that is made again when a worker dies.
"""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import functools
import multiprocessing
import os
import pickle
import queue
import signal
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ..core.checks import check_integer
from .errors import SweepError
from .points import Points
from .task import Outcome, Task

__all__ = ["choose_engine"]

Keep = Callable[[Outcome], None]
#: called often while the engine waits; keeps what came and looks at the clock
Pause = Callable[[], float]
Engine = Callable[[Task, Points, "list[int]", Keep, Pause], None]

#: what an engine raises for a task or an outcome that does not pickle
_UNSENDABLE = (TypeError, AttributeError, RecursionError, pickle.PickleError)

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def choose_engine(executor: Any) -> tuple[str, Engine]:
    """Name and engine of what the user gave.

    Raises
    ------
    TypeError
        `executor` is none of them.
    """
    if executor is None:
        return "serial", _serial
    if hasattr(executor, "get_executor"):  # dask.distributed.Client
        workers = sum(executor.ncores().values())
        pool = executor.get_executor(pure=False)
        return "dask", functools.partial(_pool, pool, max(64, 4 * workers))
    if isinstance(executor, futures.Executor) or hasattr(executor, "submit"):
        workers = int(getattr(executor, "num_workers", 0) or getattr(executor, "_max_workers", 16))
        return type(executor).__name__, functools.partial(_pool, executor, max(64, 4 * workers))
    if callable(executor):
        return getattr(executor, "__name__", "map"), functools.partial(_qutip_map, executor)
    if isinstance(executor, (bool, str, float)):
        raise TypeError(_kinds(executor))
    try:
        workers = check_integer("executor", executor, minimum=1)
    except TypeError:
        raise TypeError(_kinds(executor)) from None
    return f"{workers} processes", functools.partial(_processes, workers)


def _kinds(executor: Any) -> str:
    return (
        "executor must be None, a number of processes, a concurrent.futures.Executor, a Dask "
        f"Client, an MPIPoolExecutor or a map of QuTiP, not {executor!r:.60}"
    )


def _serial(task: Task, points: Points, numbers: list[int], keep: Keep, pause: Pause) -> None:
    for number in numbers:
        keep(task((number, points[number])))
        pause()


def _qutip_map(
    mapping: Any, task: Task, points: Points, numbers: list[int], keep: Keep, pause: Pause
) -> None:
    def reduce(outcome: Outcome) -> None:
        keep(outcome)
        pause()

    try:
        mapping(task, [(n, points[n]) for n in numbers], reduce_func=reduce)
    except (BrokenProcessPool, futures.BrokenExecutor) as error:
        raise SweepError(f"a worker died ({error}); call again to go on") from error


def _pool(
    executor: Any,
    window: int,
    task: Task,
    points: Points,
    numbers: list[int],
    keep: Keep,
    pause: Pause,
) -> None:
    """Any executor: a window of jobs in flight, their outcomes as they come."""
    lost = _run(lambda n: executor.submit(task, (n, points[n])), window, numbers, keep, pause)
    if lost:
        raise SweepError(
            f"the pool broke: a worker died while {len(lost)} points were with it; what was "
            "finished is kept. Call again with a new pool to go on"
        )


def _run(
    submit: Callable[[int], Any], window: int, numbers: list[int], keep: Keep, pause: Pause
) -> list[int]:
    """Submit and keep; returns the points that were in flight when a pool broke."""
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    waiting: dict[Any, int] = {}
    left: Iterator[int] = iter(numbers)
    try:
        while True:
            for number in left:
                try:
                    future = submit(number)
                except futures.BrokenExecutor:
                    return sorted([number, *waiting.values()])
                waiting[future] = number
                future.add_done_callback(done.put)
                if len(waiting) >= window:
                    break
            if not waiting:
                return []
            if not _collect(done, waiting, keep, pause()):
                return sorted(waiting.values())
    except BaseException:
        for future in waiting:
            future.cancel()
        raise


def _collect(done: Any, waiting: dict[Any, int], keep: Keep, patience: float) -> bool:
    """Keep what has come, waiting up to `patience` seconds for it; False for a broken pool."""
    with contextlib.suppress(queue.Empty):
        future = done.get(timeout=patience)
        while True:
            error = future.exception()
            if isinstance(error, futures.BrokenExecutor):
                return False
            number = waiting.pop(future)
            if error is not None:  # the task itself never raises: this is the engine's
                outcome = Outcome(number, None, f"{type(error).__name__}: {error}", [], 0.0)
                if isinstance(error, _UNSENDABLE):
                    raise TypeError(f"function cannot be sent to the workers: {error}") from error
                keep(outcome)
            else:
                keep(future.result())
            future = done.get_nowait()
    return True


# ------------------------------------------------------------ a process pool that is made again

_task: Task | None = None


def _begin(task: Task, started: Any) -> None:
    """Ctrl-C is the driver's affair; the task comes once."""
    global _task
    started.set()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _task = task


def _call(number: int, point: dict[str, Any]) -> Outcome:
    assert _task is not None
    return _task((number, point))


def _submit(pool: Any, points: Points, number: int) -> Any:
    return pool.submit(_call, number, points[number])


def _processes(
    workers: int, task: Task, points: Points, numbers: list[int], keep: Keep, pause: Pause
) -> None:
    """Our own pool. Points that were with a dying worker run again; twice so, alone.

    A point that kills its worker when alone is recorded as failed.
    """
    deaths: dict[int, int] = {}
    finished: set[int] = set()

    def kept(outcome: Outcome) -> None:
        finished.add(outcome.number)
        keep(outcome)

    while left := [n for n in numbers if n not in finished]:
        suspects = [n for n in left if deaths.get(n, 0) >= 2]
        alone = suspects[:1]
        chosen = alone or left
        with _made(1 if alone else workers, task) as (pool, started):
            submit = functools.partial(_submit, pool, points)
            lost = _run(submit, 4 * workers, chosen, kept, pause)
        if lost and not started.is_set():
            raise SweepError(
                "no worker could be started; in a script, the call belongs under "
                "if __name__ == '__main__': (each worker imports the script)"
            )
        for n in lost:
            deaths[n] = deaths.get(n, 0) + 1
        if alone and lost:
            kept(Outcome(lost[0], None, "WorkerDied: its process was killed, thrice", [], 0.0))


@contextlib.contextmanager
def _made(workers: int, task: Task) -> Iterator[Any]:
    """A pool whose workers were not forked from this process: OpenMP does not survive a fork."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if hasattr(context, "set_forkserver_preload"):
        context.set_forkserver_preload(["qsyncplug.sweeps.task"])
    before = set(multiprocessing.active_children())
    with _environment():
        started = context.Event()
        pool = futures.ProcessPoolExecutor(
            workers, context, initializer=_begin, initargs=(task, started)
        )
        try:
            yield pool, started
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            raise
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """New processes start with one thread for linear algebra."""
    old = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update({name: "1" for name in _THREADS})
    try:
        yield
    finally:
        for name, value in old.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
