"""The same bits from several threads at once, from one and two threads, and in forked children."""

import hashlib
import os
import threading
import warnings

import numpy as np
import pytest

from .runs import EXACT_RUNS, RUNS

ALL = {**RUNS, **EXACT_RUNS}
pytestmark = pytest.mark.filterwarnings(
    "ignore::qsyncplug.core.errors.QsyncplugWarning", "ignore::UserWarning"
)


def digest(result):
    """Of all arrays and counted work."""
    out = hashlib.sha256()
    for name in ("times", *result._fields):
        value = getattr(result, name, None)
        if isinstance(value, np.ndarray):
            out.update(f"{name}{value.dtype}{value.shape}".encode() + value.tobytes())
    out.update(str(result.stats.get("right-hand sides")).encode())
    return out.hexdigest()


def outcome(make, **options):
    solver, state0, times = make(**options)
    return digest(solver.run(state0, times))


@pytest.mark.parametrize("name", ALL)
def test_threads_that_share_a_solver_get_the_same_bits(name):
    solver, state0, times = ALL[name]()
    expected = digest(solver.run(state0, times))
    found, failed = [], []

    def work():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append(digest(solver.run(state0, times)))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert found == [expected] * 3


WITH_THREADS = [n for n, make in ALL.items() if "num_threads" in make().solver.solver_options]


@pytest.mark.parametrize("name", WITH_THREADS)
def test_one_and_two_threads_give_the_same_bits(name):
    assert outcome(ALL[name], num_threads=2) == outcome(ALL[name], num_threads=1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_children_give_the_same_bits():
    """One child for all: what a fork leaves behind (locks, pools) would stop it."""
    names = [n for n in ALL if "dtwa" not in n or n == "dtwa"]
    expected = {name: outcome(ALL[name]) for name in names}
    # threads of the parent that the child will not have
    outcome(ALL["dtwa"], num_threads=2)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        lines = []
        try:
            lines = [f"{name}:{outcome(ALL[name])}" for name in names]
            lines.append(f"two threads:{outcome(ALL['dtwa'], num_threads=2)}")
        finally:
            os.write(write, "\n".join(lines).encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        found = dict(line.rsplit(":", 1) for line in pipe.read().split("\n"))
    os.waitpid(child, 0)
    assert found == {**expected, "two threads": expected["dtwa"]}
