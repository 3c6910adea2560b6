"""Sweeps that are killed, starved and drowned: nothing that was finished is lost."""

import collections
import concurrent.futures as futures
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from qsyncplug.core.errors import QsyncplugWarning
from qsyncplug.sweeps import SweepError, sweep

xr = pytest.importorskip("xarray")
pytest.importorskip("zarr")
pytest.importorskip("cloudpickle")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX")


def stored(path):
    return xr.open_zarr(path, consolidated=False, chunks=None).load()


# ------------------------------------------------------------ workers


def test_a_worker_killed_once_costs_nothing(tmp_path):
    flag = tmp_path / "killed"

    def victim(x):
        import os
        import signal

        if x == 5 and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x**2

    data = sweep(victim, {"x": np.arange(20)}, executor=2, path=tmp_path / "a.zarr")
    assert flag.exists()
    assert np.array_equal(data["value"], np.arange(20) ** 2)


def test_a_point_that_kills_its_worker_is_found_and_the_others_run(tmp_path):
    def killer(x):
        import os
        import signal

        if x == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    with pytest.warns(QsyncplugWarning, match="1 of 12 points failed, first at x=5: WorkerDied"):
        data = sweep(killer, {"x": np.arange(12)}, executor=2, path=tmp_path / "a.zarr")
    assert data["status"].values.tolist() == [2 if x == 5 else 1 for x in range(12)]
    assert np.array_equal(stored(tmp_path / "a.zarr")["value"], data["value"], equal_nan=True)


@pytest.mark.slow
def test_the_users_pool_breaks_and_the_next_call_goes_on(tmp_path):
    flag, path = tmp_path / "killed", tmp_path / "a.zarr"

    def victim(x):
        import os
        import signal

        if x == 30 and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x + 1

    context = multiprocessing.get_context("spawn")
    grid = {"x": np.arange(200)}
    with (
        futures.ProcessPoolExecutor(2, context) as pool,
        pytest.raises(SweepError, match="the pool broke") as info,
    ):
        sweep(victim, grid, executor=pool, path=path)
    done = info.value.dataset["status"].values == 1
    assert 0 < done.sum() < 200
    assert np.array_equal(stored(path)["status"].values == 1, done)
    with futures.ProcessPoolExecutor(2, context) as pool:
        data = sweep(victim, grid, executor=pool, path=path)
    assert np.array_equal(data["value"], np.arange(200) + 1)


# ------------------------------------------------------------ the driver

DRIVER = """
import os, sys, time, numpy as np
from qsyncplug.sweeps import sweep

log, path, workers = sys.argv[1], sys.argv[2], int(sys.argv[3])

def point(x, y):
    time.sleep(0.004)
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{x} {y}\\n".encode())
    os.close(fd)
    return {"product": x * y, "row": np.arange(3) * x + y, "name": f"{x}/{y}"}

if __name__ == "__main__":
    grid = {"x": np.arange(20), "y": np.arange(15)}
    data = sweep(point, grid, executor=workers or None, path=path)
    assert np.array_equal(data["product"], np.outer(np.arange(20), np.arange(15)))
    print("complete")
"""


def _drive(tmp_path, workers, kills, how=signal.SIGKILL):
    """Start the driver and kill it again and again; returns what was done at each death."""
    script, log, path = tmp_path / "driver.py", tmp_path / "log", tmp_path / "a.zarr"
    script.write_text(DRIVER)
    rng, deaths = random.Random(1), []
    for _ in range(kills):
        done = int(np.sum(stored(path)["status"] == 1)) if deaths and path.exists() else 0
        process = subprocess.Popen(
            [sys.executable, script, log, path, str(workers)], start_new_session=True
        )
        # wait until it has made progress, so that every death is in the middle
        limit = time.monotonic() + 60
        while time.monotonic() < limit and process.poll() is None:
            if log.exists() and log.read_text().count("\n") > done + rng.randint(5, 25):
                break
            time.sleep(0.005)
        os.killpg(process.pid, how)
        process.wait()
        before = log.read_text().split("\n")[:-1]
        deaths.append((stored(path), len(before)))
    finish = subprocess.run(
        [sys.executable, script, log, path, str(workers)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "complete" in finish.stdout, finish.stderr
    return deaths, log.read_text().split("\n")[:-1], path


@pytest.mark.parametrize(
    ("workers", "kills"),
    [
        (0, 2),
        pytest.param(0, 10, marks=pytest.mark.slow),
        pytest.param(2, 8, marks=pytest.mark.slow),
    ],
)
def test_kill_9_of_the_driver(tmp_path, workers, kills):
    deaths, calls, path = _drive(tmp_path, workers, kills)
    for data, count in deaths:
        done = data["status"].values == 1
        x, y = np.nonzero(done)
        # what counts as finished has its values, whole and right
        assert np.array_equal(data["product"].values[done], x * y)
        assert np.array_equal(data["row"].values[done], np.arange(3) * x[:, None] + y[:, None])
        assert [str(n) for n in data["name"].values[done]] == [
            f"{a}/{b}" for a, b in zip(x, y, strict=True)
        ]
        # and is never run again
        later = {tuple(map(int, line.split())) for line in calls[count:]}
        assert not later & set(zip(x.tolist(), y.tolist(), strict=True))
    # what ran twice was in flight, or came within one write (a few hundredths of a second)
    twice = sum(n - 1 for n in collections.Counter(calls).values())
    assert twice <= 12 * kills * max(1, workers), (
        f"{twice} of 300 points ran twice in {kills} deaths"
    )
    assert np.all(stored(path)["status"] == 1)


@pytest.mark.slow
def test_ctrl_c_of_the_driver_and_its_workers(tmp_path):
    deaths, _, _ = _drive(tmp_path, 2, 1, signal.SIGINT)
    assert 0 < int(np.sum(deaths[0][0]["status"] == 1)) < 300


def test_one_driver_at_a_time(tmp_path):
    path = tmp_path / "a.zarr"

    def inner(x):
        with pytest.raises(ValueError, match="another sweep is writing"):
            sweep(lambda y: y, {"y": [1]}, path=path)
        return x

    assert sweep(inner, {"x": [1.0]}, path=path)["value"].values == [1.0]


# ------------------------------------------------------------ the disk


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB, really mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder], capture_output=True, text=True
    )
    if mount.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_loses_nothing(small_disk):
    path, ballast = small_disk / "a.zarr", small_disk / "ballast"
    ballast.write_bytes(bytes(100 * 1024))
    calls = collections.deque()  # no part of what identifies the function

    def point(x):
        calls.append(x)
        time.sleep(0.002)
        return np.random.default_rng(x).normal(size=500)  # 4 kB that do not compress

    grid = {"x": np.arange(40)}
    with pytest.raises(SweepError, match=r"the store cannot be written .*No space left") as info:
        sweep(point, grid, path=path)
    # in memory is everything that ran
    memory = info.value.dataset
    ran = memory["status"].values == 1
    assert ran.sum() == len(calls)
    on_disk = stored(path)
    kept = on_disk["status"].values == 1
    assert 0 < kept.sum() <= ran.sum()
    for x in np.flatnonzero(kept):
        assert np.array_equal(on_disk["value"].values[x], np.random.default_rng(x).normal(size=500))
    # room is made, and the same call goes on
    ballast.unlink()
    calls.clear()
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    data = sweep(point, grid, path=path)
    assert not set(calls) & set(np.flatnonzero(kept).tolist())
    assert np.array_equal(data["value"].values[39], np.random.default_rng(39).normal(size=500))
    assert np.all(data["status"] == 1)


class Refusing(futures.Executor):
    """Takes no task: every future ends in one error."""

    def __init__(self, error):
        self.error = error

    def submit(self, fn, /, *args, **kwargs):
        future = futures.Future()
        future.set_exception(self.error)
        return future


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (pickle.PicklingError("no way"), TypeError),
        (pickle.UnpicklingError("truncated"), TypeError),
        (RecursionError("too deep"), TypeError),
        # what an error is about is not read off its words
        (OSError("pickled herring"), SweepError),
    ],
)
def test_what_cannot_be_sent_is_told_from_what_the_engine_lost(error, kind):
    with pytest.raises(kind, match=str(error)):
        sweep(lambda x: x, {"x": [1.0, 2.0]}, executor=Refusing(error))
