"""A run leaves the process as it was, however it ends: finished, interrupted or failed."""

import contextvars
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import warnings

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core import limits
from qsyncplug.core.errors import SolverError, SolverInterrupted
from qsyncplug.sweeps import task

from .runs import EXACT_RUNS, RUNS
from .test_ends import NO_FUNCTIONS

ALL = {**RUNS, **EXACT_RUNS}
#: one of each family and way of running
FAMILIES = [
    "mean field",
    "cumulants of atoms",
    "chains",
    "published",
    "twa",
    "dtwa",
    "circle",
    "circle, noise",
    "circle, delay",
    "circle, Möbius maps",
    "Ott-Antonsen",
    "sphere",
    "lohe reduction",
    "lohe strang",
    "lohe trajectories",
    "wigner reduction",
    "wigner direct",
    "exact, density",
    "exact, trajectories",
    "exact, atoms",
    "exact, chains",
]

pytestmark = pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")


def state():
    """What of the process a library could change, by name."""
    import matplotlib

    pools = {}
    try:
        from threadpoolctl import threadpool_info

        pools = {p["filepath"]: p["num_threads"] for p in threadpool_info()}
    except ImportError:
        pass
    return {
        "errors of numpy": (np.geterr(), np.geterrcall()),
        "handlers": [signal.getsignal(n) for n in signal.valid_signals()],
        "timers": signal.getitimer(signal.ITIMER_REAL)[1],
        "warnings": (list(warnings.filters), warnings.showwarning),
        "contexts": {
            v: id(x) for v, x in contextvars.copy_context().items() if "numpy" not in v.name
        },
        "runs": (limits._current.get(), list(limits._guards), task._inside),
        "random numbers": (random.getstate(), str(np.random.get_state())),  # noqa: NPY002
        "environment": (dict(os.environ), os.getcwd(), os.listdir()),
        "hooks": (
            sys.excepthook,
            sys.displayhook,
            sys.gettrace(),
            sys.getprofile(),
            sys.getrecursionlimit(),
            threading.excepthook,
            sys.stdout,
            sys.stderr,
            list(sys.path),
        ),
        "threads": sorted(t.name for t in threading.enumerate()),
        "processes": multiprocessing.active_children(),
        "files": (os.listdir(tempfile.gettempdir()), sorted(os.listdir("/proc/self/fd"))),
        "pools": pools,
        "pictures": dict(matplotlib.rcParams),
        "qutip": {k: str(v) for k, v in qutip.settings.core.options.items()},
    }


@pytest.fixture
def same(tmp_path, monkeypatch):
    """The function that looks at what has changed since."""
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("counts open files as Linux lists them")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))

    def look(before):
        now = state()
        for name, value in before.items():
            assert now[name] == value, name

    return look


@pytest.mark.parametrize("name", FAMILIES)
def test_a_run_leaves_the_process_as_it_was(name, same):
    def run(**more):
        solver, state0, times = ALL[name](**more.pop("options", {}))
        solver.run(state0, times, **more)

    run()  # what is loaded late is loaded
    before = state()
    run()
    same(before)
    if name in NO_FUNCTIONS or "trajectories" in name:
        # nothing of the user's is called on the way: the time is over at once
        with pytest.raises(SolverError):
            run(options={"time_limit": 1e-9})
        same(before)
        return

    def pressed(t, state):
        # as NumPy leaves it when Ctrl-C comes as an errstate ends
        np.seterr(all="ignore")
        signal.raise_signal(signal.SIGINT)

    def fails(t, state):
        np.seterr(all="raise")
        raise NotImplementedError

    for ending, function in ((SolverInterrupted, pressed), (SolverError, fails)):
        with pytest.raises(ending):
            run(e_ops=[function])
        same(before)


def _point(x):
    if x == 2:
        raise KeyError("mine")
    return x


def test_sweeps_coalescence_and_pictures_leave_the_process_as_it_was(same):
    pytest.importorskip("xarray")
    import matplotlib.pyplot as plt

    def work():
        qsp.sweep(_point, {"x": [1, 2, 3]})
        qsp.coalesce(qsp.Circle(qsp.sine(), "mean"), np.linspace(0, 3, 9))
        run = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], np.linspace(0, 3, 31))
        fig, _ = qsp.plot_order_parameter(run)
        qsp.compare({"a": run, "b": run})
        plt.close(fig)

    work()
    before = state()
    work()
    same(before)


def _interrupted(x):
    if x == 2:
        raise KeyboardInterrupt
    return x


def test_an_interrupted_sweep_leaves_the_process_as_it_was(same):
    pytest.importorskip("xarray")
    with pytest.raises(KeyboardInterrupt):
        qsp.sweep(_interrupted, {"x": [2, 1]})
    before = state()
    with pytest.raises(KeyboardInterrupt):
        qsp.sweep(_interrupted, {"x": [1, 2, 3]})
    same(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_while_another_thread_makes_symbols_does_not_hang():
    """The lock is held by a thread that the child has not."""
    from qsyncplug.operators import symbol, time_factor

    for lock in (symbol._lock, time_factor._lock):
        with lock:
            child = os.fork()
            if child == 0:
                signal.alarm(20)  # ends the child where it waits
                (b,) = qsp.modes(1)
                _ = qsp.System((lambda t: 1.0) * (b + b.dag()))
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
