"""``sweep``: a function over parameters, kept point by point."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qutip.ui.progressbar import progress_bars

from ..core.checks import check_memory
from ..core.errors import SolverInterrupted, TimeLimitError, warn
from ..core.extras import need
from ..core.interrupts import interruptible
from ..core.options import complete_options
from .engines import choose_engine
from .errors import SweepError
from .identity import digest, name_of
from .points import Points
from .reading import Reader
from .store import DONE, FAILED, Store
from .task import Outcome, Task

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import xarray

__all__ = ["sweep"]

_OPTIONS: dict[str, Any] = {
    "progress_bar": "",
    "progress_kwargs": {"chunk_size": 10},
    "time_limit": math.inf,
    "retry": False,
    "overwrite": False,
    "check_function": True,
}


@interruptible
def sweep(
    function: Callable[..., Any],
    parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    solve: Callable[[Any], Any] | None = None,
    measures: str | Sequence[str] | Mapping[str, Any] | None = None,
    seeds: int | Sequence[int] | None = None,
    executor: int | Executor | Callable[..., Any] | None = None,
    path: str | os.PathLike[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> xarray.Dataset:
    """Call a function at every point of a grid, and keep what it returns.

    Every finished point is written to a zarr store at once. The same call goes on where an earlier
    one stopped, whether that was killed, interrupted or ran out of disk.

    Parameters
    ----------
    function : callable
        Takes the parameters by name. Returns numbers, arrays, texts, a dict of these, an xarray
        object or what the package finds (a verdict, a spectrum); with `measures`, whatever
        :func:`qsyncplug.synchronization` reads; with `solve`, a system or model.
    parameters : dict of array_like, or list of dicts
        A grid with one dimension for each one-dimensional array; or single points.
    solve : callable, optional
        What is made of the system that the function builds, such as
        ``lambda system: qsp.steadystate(system, cutoff=10)``; measures are read off that.
    measures : sequence of str, or dict of str to callable, optional
        Names in :mod:`qsyncplug.measures`, ``"verdict"``, or functions of the view.
    seeds : int or sequence of int, optional
        One more dimension; the function gets ``seed``.
    executor : optional
        None: here, one after the other. A number: so many processes. A
        ``concurrent.futures.Executor``, a Dask ``Client``, an ``mpi4py.futures.MPIPoolExecutor``;
        or one of QuTiP's maps, such as ``qutip.solver.parallel.parallel_map``. Workers compute on
        one thread each.
    path : path, optional
        Folder of the zarr store. Nothing is written without.
    options : dict, optional
        ``progress_bar`` and ``progress_kwargs`` as in QuTiP; ``time_limit`` in seconds; ``retry``:
        run failed points again; ``overwrite``: start again; ``check_function``: False goes on
        with a store although the text of the function has changed, or a value that it closes over
        or reads from its module (a list that it appends to is one).

    Returns
    -------
    xarray.Dataset
        What was returned, over the parameters; missing values are NaN or empty. ``status`` says of
        every point whether it is done (1), failed (2) or not run (0), ``error`` why it failed,
        ``seconds`` how long it took.

    Raises
    ------
    TypeError, ValueError
        Bad input or a store of another sweep, before any work.
    SweepError
        Every point failed, the pool broke or the disk is full; ``.dataset`` holds what is done.
    TimeLimitError, SolverInterrupted
        The time is over, or Ctrl-C; ``.result`` holds the dataset.
    ImportError
        xarray or zarr is missing: the extra ``sweep``.

    Warns
    -----
    QsyncplugWarning
        Some points failed. Warnings of the function come once a kind, with the number of points.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> data = qsp.sweep(lambda x, y: x * y, {"x": [1.0, 2.0], "y": [3.0, 4.0, 5.0]})
    >>> data["value"].sel(x=2.0).values
    array([ 6.,  8., 10.])

    A system as it is built, its steady state, and what is read off:

    >>> data = qsp.sweep(
    ...     qsp.van_der_pol_pair,
    ...     {"detuning": [0.0, 2.0], "loss": 4.0, "dissipative": 1.0},
    ...     solve=lambda system: qsp.steadystate(system, cutoff=9),
    ...     measures={"coherence": lambda view: qsp.measures.coherence(view)[0, 0, 1]},
    ... )
    >>> data["coherence"].values.round(3)
    array([0.305, 0.247])
    """
    need("xarray", "sweep", "sweep")
    # convert and check
    if not callable(function):
        raise TypeError(f"function must be callable, not {function!r:.60}")
    points, reader = Points(parameters, seeds), Reader(measures, solve)
    points.check(function)
    # their numbers, and what the store keeps of each beside the measures
    check_memory(f"a sweep of {len(points)} points", 250.0 * len(points), advice="take fewer")
    chosen = _check_options(options)
    name, engine = choose_engine(executor)
    names = None if reader.measures is None else sorted(reader.measures)
    identity: dict[str, Any] = {"function": name_of(function), "measures": names}
    if chosen["check_function"]:
        identity["digest"] = digest(function, reader.measures, solve)
    store = Store(points, path, identity, chosen["overwrite"])
    # run
    try:
        run = _Run(store, chosen, name)
        run(Task(function, reader, one_thread=executor is not None), engine)
        data: xarray.Dataset = run.finish()
        return data
    except SolverInterrupted:
        raise
    except KeyboardInterrupt as error:
        raise _interrupted(store) from error
    finally:
        store.close()


def _interrupted(store: Store) -> SolverInterrupted:
    """The error of Ctrl-C, with what the store holds."""
    return SolverInterrupted(
        f"interrupted; {_count(store)}. The same call goes on", result=store.dataset()
    )


def _count(store: Store) -> str:
    """How far a sweep is, and the first of what failed."""
    text = f"{np.sum(store.status == DONE)} of {len(store.points)} points are done"
    failed = np.flatnonzero(store.status == FAILED)
    if len(failed):
        first = store.arrays["error"].reshape(-1)[failed[0]]
        text += f", {len(failed)} failed (the first: {first:.120})"
    return text


def _check_options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    chosen = complete_options(options, _OPTIONS, ())
    for key in ("retry", "overwrite", "check_function"):
        if not isinstance(chosen[key], (bool, np.bool_)):
            raise TypeError(f"options[{key!r}] must be True or False, not {chosen[key]!r:.60}")
    return chosen


class _Run:
    """Keeps outcomes as they come: in batches, so that writing takes a small share of the time."""

    def __init__(self, store: Store, options: dict[str, Any], engine: str):
        self.store, self.engine = store, engine
        self.numbers = [int(n) for n in store.todo(options["retry"])]
        self.held: list[Outcome] = []
        self.warned: dict[tuple[type[Warning], str], list[Any]] = {}
        self.deadline = time.monotonic() + options["time_limit"]
        self.next_write = 0.0
        self.bar = progress_bars[options["progress_bar"]](
            max(1, len(self.numbers)), **options["progress_kwargs"]
        )

    def __call__(self, task: Task, engine: Any) -> None:
        """Run the points that are left; whatever ends it, what is finished is kept."""
        try:
            engine(task, self.store.points, self.numbers, self.keep, self.pause)
            self.write()
        except _TimeIsUp:
            self.write()
            raise TimeLimitError(
                f"the sweep used up its time; {self._count()}. The same call goes on",
                reason="time limit",
                result=self.store.dataset(),
            ) from None
        except KeyboardInterrupt:
            self.write()
            raise _interrupted(self.store) from None
        except SweepError as error:
            self.write()
            raise SweepError(f"{error}; {self._count()}", dataset=self.store.dataset()) from error
        except OSError as error:
            raise SweepError(
                f"the store cannot be written ({error}); {self._count()}: they are in .dataset, "
                "and on disk up to the last write. Make room and call again",
                dataset=self.store.dataset(),
            ) from error

    def _count(self) -> str:
        return _count(self.store)

    def keep(self, outcome: Outcome) -> None:
        """Take an outcome; it is written when the last write is long enough ago."""
        self.held.append(outcome)
        for category, text in outcome.warnings:
            # numbers differ from point to point, the kind does not
            kind = (category, re.sub(r"[-+]?\d[\d.]*(e[-+]?\d+)?", "#", text))
            first = self.warned.setdefault(kind, [0, outcome.number, text])
            first[0] += 1
        self.bar.update()

    def pause(self) -> float:
        """Write what is held if it is time to; returns how long to wait for more."""
        now = time.monotonic()
        if now > self.deadline:
            raise _TimeIsUp
        if self.held and now >= self.next_write:
            self.write()
        wait = self.next_write - time.monotonic() if self.held else 1.0
        return float(max(1e-4, min(wait, self.deadline - now, 1.0)))

    def write(self) -> None:
        """Everything held goes to the store; writing takes at most a fifth of the time."""
        if not self.held:
            return
        begin = time.monotonic()
        self.store.write(self.held)
        self.held = []
        end = time.monotonic()
        self.next_write = end + 4 * (end - begin)

    def finish(self) -> Any:
        """The dataset, after one warning for each kind and for what failed."""
        self.bar.finished()
        points = self.store.points
        for (category, _), (count, first, text) in self.warned.items():
            where = ", ".join(f"{k}={_short(v)}" for k, v in points[first].items())
            warn(f"at {count} of {len(self.numbers)} points, first at {where}: {text}", category)
        data = self.store.dataset()
        failed = np.flatnonzero(self.store.status == FAILED)
        if failed.size:
            first = ", ".join(f"{k}={_short(v)}" for k, v in points[int(failed[0])].items())
            text = f"first at {first}: {self.store.arrays['error'].reshape(-1)[failed[0]]}"
            if failed.size == len(points):
                raise SweepError(f"all {len(points)} points failed, {text}", dataset=data)
            warn(
                f"{failed.size} of {len(points)} points failed, {text}; .error has them all, "
                "options={'retry': True} runs them again"
            )
        data.attrs["engine"] = self.engine
        return data


class _TimeIsUp(Exception):
    """The time limit has passed."""


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else f"{value!r:.40}"
