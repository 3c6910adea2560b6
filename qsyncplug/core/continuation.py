"""Going on with a run from its checkpoint."""

from __future__ import annotations

import inspect
import os
from typing import Any

from . import storage
from .archive import read_archive
from .checks import check_mapping, check_path
from .drive import Until
from .encoding import decode
from .errors import StorageError
from .result import Result
from .solver import SOLVERS, Solver, check_until
from .types import EOps, Model, Options

__all__ = ["resume"]


def resume(
    path: str | os.PathLike[str],
    *,
    model: Model | None = None,
    e_ops: EOps = None,
    until: Until | None = None,
    options: Options | None = None,
) -> Result:
    """Go on with a run that was stopped, from the file that ``options["checkpoint"]`` named.

    The run continues as if it had not been stopped, bit for bit: Runge–Kutta and splitting, noise
    (the random numbers go on where they were) and delay. Of sampled runs the finished samples are
    kept and the rest is drawn as it would have been.

    Parameters
    ----------
    path : path
        The checkpoint. It is written on the way every half minute and when the run ends early.
    model : object, optional
        The model of the run, where the file could not hold it (functions of the user), or where
        `e_ops` are expressions of its symbols.
    e_ops : callable, list or dict of callables, optional
        Those of the run, if it had any: functions are not stored.
    until : callable, optional
        That of the run, if it had one.
    options : dict, optional
        Options that shall be other than before, such as ``time_limit`` or ``nsteps``. Those that
        say how the run goes (``method``, ``rtol``, ``atol``, ``step``) had better stay.

    Returns
    -------
    Result
        Of the whole run. A run that was finished is returned as it is.

    Raises
    ------
    StorageError
        The file is none of ours, or of a run that cannot be resumed.
    ValueError
        The model or `e_ops` are missing, or are others.
    SolverError
        The run had to stop again.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np, qsyncplug as qsp
    >>> path = os.path.join(tempfile.mkdtemp(), "run.npz")
    >>> times = np.linspace(0, 200, 101)
    >>> pair = qsp.van_der_pol_pair()
    >>> try:
    ...     qsp.mfsolve(pair, [1, 1], times, options={"checkpoint": path, "nsteps": 40})
    ... except qsp.core.StepLimitError:
    ...     result = qsp.resume(path, options={"nsteps": 10**6})
    >>> bool(np.array_equal(result.mean, qsp.mfsolve(pair, [1, 1], times).mean))
    True
    """
    path = check_path("path", path)
    check_until(until)
    check_mapping("options", options)
    header, arrays = read_archive(path)
    partial = storage.restore(path, header, arrays)
    if header.get("resume") is None:
        if isinstance(partial, Result) and partial.stats.stopped is None:
            _refuse_others(partial, model, e_ops)
            return partial
        how = partial.stats.get("method", "?") if isinstance(partial, Result) else "?"
        raise StorageError(
            f"{os.fspath(path)} holds a result (method {how!r}), but not what it would take to go "
            "on with the run: it was saved by hand, or by a solver that is not of this package"
        )
    mark = _mark(path, header, arrays)
    solver = _solver(path, mark, partial, model, options)
    return solver.continue_run(mark, partial, e_ops, until)


def _refuse_others(result: Result, model: Any, e_ops: Any) -> None:
    """What is given for a run that was finished must be its own."""
    if model is not None and result.model is not None and type(model) is not type(result.model):
        raise TypeError(
            f"model must be a {type(result.model).__name__}, as the run's, not "
            f"{type(model).__name__}"
        )
    if e_ops is not None and not result.e_data:
        raise ValueError(f"e_ops must be left out: the run had none; got {e_ops!r:.60}")


def _mark(path: Any, header: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    mark = decode(header["resume"], arrays)
    needed = {"solver": str, "options": dict, "recipe": dict, "done": int, "snapshot": dict}
    whole = isinstance(mark, dict) and all(
        isinstance(mark.get(name), kind) for name, kind in needed.items()
    )
    if not whole or not {"times", "state0", "e_ops"} <= set(mark):
        raise StorageError(f"{os.fspath(path)}: the checkpoint is damaged")
    found: dict[str, Any] = mark
    return found


def _solver(path: Any, mark: dict[str, Any], partial: Result, model: Any, options: Any) -> Solver:
    """The solver of the run, made anew."""
    cls = SOLVERS.find(mark["solver"])
    if cls is None:
        raise StorageError(f"unknown solver in the checkpoint: {mark['solver'][:60]!r}")
    model = partial.model if model is None else model
    if model is None:
        raise ValueError(
            f"model must be given: the file could not hold it ({partial._model_text()[:100]})"
        )
    known = inspect.signature(cls.__init__).parameters
    recipe = mark["recipe"]
    before = {k: v for k, v in mark["options"].items() if k in cls.solver_options}
    # the file itself, wherever the run was started
    before["checkpoint"] = os.fspath(path)
    arguments = {k: v for k, v in recipe.items() if k in known}
    solver = cls(model, options={**before, **(options or {})}, **arguments)
    for name, value in recipe.items():
        if name not in known:
            setattr(solver, name, value)
    return solver
