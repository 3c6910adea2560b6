"""Nothing is kept of runs that are over: many small ones of each family, threads, failures."""

import contextlib
import ctypes
import functools
import gc
import itertools
import os
import threading
import tracemalloc
import warnings

import numpy as np
import pytest

import qsyncplug as qsp

from .runs import EXACT_RUNS, RUNS

EVERY = {**RUNS, **EXACT_RUNS}
#: runs of a tenth of a second: fewer of them
SLOW = {
    "spins on spheres",
    "chains",
    "twa",
    "dtwa",
    "dtwa with loss",
    "circle, noise",
    "circle, noise of Leimkuhler",
    "circle, inertia and noise",
    "circle, cells",
    "circle, faint",
    "lohe splitting",
    "lohe s10",
    "lohe lawson",
    "lohe dop853",
    "wigner splitting",
    "wigner direct",
    "wigner direct, different",
    "lohe trajectories, splitting",
}
#: bytes a run, beyond which something stays: a small result is larger; and what caches may take
MOST, CACHES = 100, 100_000


def resident():
    """Bytes of the process in memory."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def short(name):
    """The run to its second output, or two of few samples."""
    run = EVERY[name]()
    solver = run.solver
    if hasattr(solver, "ntraj"):
        solver.ntraj = 8
    return solver, run.state0, run.times[:2]


def settle():
    """Without caches, which are bounded: products of symbols may be some tens of megabytes."""
    for item in gc.get_objects():
        if isinstance(item, functools._lru_cache_wrapper) and item.__module__.startswith("qsync"):
            item.cache_clear()
    gc.collect()
    # what C's heap keeps for later is no leak
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def grown(work, count):
    """Python's bytes and objects, and the resident set, that `count` calls leave behind, a call."""
    settle()
    objects, resident_before = len(gc.get_objects()), resident()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(count):
        work()
    settle()
    return (
        (tracemalloc.get_traced_memory()[0] - before) / count,
        (len(gc.get_objects()) - objects) / count,
        (resident() - resident_before) / count,
    )


def hold(work, count):
    """A leak grows with every batch of calls; what is made once, or moved by C's heap, does not."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tracemalloc.start()
        try:
            # what is made once and kept is made in these
            for _ in range(max(count // 10, 3) + count // 2):
                work()
            for _ in range(3):
                traced, objects, memory = grown(work, count)
                found.append(
                    f"a run left {traced:.0f} bytes of Python's, {objects:.2f} objects, "
                    f"{memory:.0f} bytes of the process"
                )
                # the heap of C moves by some megabytes whatever is run
                if (
                    traced * count < CACHES + MOST * count
                    and objects < 0.5
                    and memory * count < 8e6 + 300 * count
                ):
                    return
        finally:
            tracemalloc.stop()
    pytest.fail("; ".join(found))


linux = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")


@linux
@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_runs_leave_nothing_behind(name):
    solver, state0, times = short(name)
    count = 60 if name in SLOW else 200 if name in EXACT_RUNS else 1000
    hold(lambda: solver.run(state0, times), count)


@linux
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mean field", "circle", "lohe reduction", "exact, density"])
def test_new_models_and_solvers_leave_nothing_behind(name):
    def work():
        solver, state0, times = short(name)
        solver.run(state0, times)

    hold(work, 300)


@linux
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mean field", "circle", "lohe reduction", "wigner reduction"])
def test_walks_that_are_left_leave_nothing_behind(name):
    solver, state0, times = EVERY[name]()
    hold(lambda: list(itertools.islice(solver.iterate(state0, times), 2)), 500)


@linux
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mean field", "circle", "exact, density"])
def test_runs_in_threads_leave_nothing_behind(name):
    solver, state0, times = short(name)

    def work():
        threads = [threading.Thread(target=solver.run, args=(state0, times)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    hold(work, 100)


@linux
@pytest.mark.slow
def test_runs_that_fail_leave_nothing_behind():
    pair = qsp.van_der_pol_pair()
    times = np.linspace(0, 1, 3)

    def fails(t, state):
        raise RuntimeError("broken")

    def work():
        with pytest.raises(qsp.core.errors.RightHandSideError):
            qsp.mfsolve(pair, [1, 1], times, e_ops={"f": fails})

    hold(work, 500)


@linux
@pytest.mark.slow
def test_verdicts_and_files_leave_nothing_behind(tmp_path):
    run = qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0], np.linspace(0, 20, 81))

    def work():
        found = qsp.verdict(run)
        found.save(tmp_path / "x.npz")
        qsp.load(tmp_path / "x.npz")

    hold(work, 200)
