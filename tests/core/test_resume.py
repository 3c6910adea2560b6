"""A run that was stopped goes on as if it had not been."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core import errors
from qsyncplug.core.archive import read_archive, write_archive

TIMES = np.linspace(0, 60, 301)
OMEGA = np.linspace(-1, 1, 12)


def _pair(options, e_ops=None):
    return qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.3j], TIMES, options=options, e_ops=e_ops)


def _gaussian(options, e_ops=None):
    pair = qsp.van_der_pol_pair(detuning=0.3)
    covariance = 0.7 * np.eye(4)
    return qsp.mfsolve(
        pair,
        [1, 0.3j],
        TIMES,
        closure="gaussian",
        covariance0=covariance,
        options=options,
        e_ops=e_ops,
    )


def _chains(options, e_ops=None):
    chains = qsp.SpinChains(n=(5, 7), g=(1.5, 2.4), omega0=0.7, loss=0.01)
    return qsp.mfsolve(chains, [0.5, 0.3j], TIMES, options=options, e_ops=e_ops)


def _circle(options, e_ops=None):
    model = qsp.Circle(qsp.sine(), frequencies=OMEGA, coupling=1.5)
    return qsp.circlesolve(model, np.linspace(0, 3, 12), TIMES, options=options, e_ops=e_ops)


RUNS = [_pair, _gaussian, _chains, _circle]


def equal(a, b):
    assert type(a) is type(b)
    assert np.array_equal(a.times, b.times)
    for name in a._fields:
        if getattr(a, name) is not None:
            assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert a.e_data == b.e_data
    for key in ("steps accepted", "steps rejected", "right-hand sides"):
        assert a.stats[key] == b.stats[key]
    assert set(a.stats) == set(b.stats)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("steps", [7, 20])
def test_a_stopped_run_continues_bit_for_bit(run, steps, tmp_path):
    path = tmp_path / "run.npz"
    whole = run({})
    with pytest.raises(errors.StepLimitError) as e:
        run({"checkpoint": path, "nsteps": steps})
    done = len(e.value.result.times)
    assert 0 < done < len(TIMES)
    # and once more on the way
    with pytest.raises(errors.StepLimitError):
        qsp.resume(path, options={"nsteps": steps + 10})
    result = qsp.resume(path, options={"nsteps": 10**6})
    equal(result, whole)
    # the file now holds the whole run
    equal(qsp.resume(path), whole)
    equal(qsp.load(path), whole)


@pytest.mark.parametrize("run", RUNS)
def test_a_function_that_failed_can_be_mended(run, tmp_path):
    path = tmp_path / "run.npz"

    def fails(t, state):
        if t > 30:
            raise RuntimeError("broken")
        return 2 * t

    with pytest.raises(errors.RightHandSideError):
        run({"checkpoint": path}, e_ops={"f": fails})
    with pytest.raises(ValueError, match=r"e_ops must have the keys.*'f'"):
        qsp.resume(path)
    result = qsp.resume(path, e_ops={"f": lambda t, state: 2 * t})
    equal(result, run({}, e_ops={"f": lambda t, state: 2 * t}))
    assert result.e_data["f"] == [2 * t for t in TIMES]


GRID = qsp.Grid(64, 16.0)
PSI = [GRID.gaussian(0.5), GRID.gaussian(-0.4)]


def _square(x):
    return x**2 / 2


def _lohe(options):
    model = qsp.SchrodingerLohe(qsp.GridHamiltonian(GRID, _square), coupling=1.0)
    return qsp.slsolve(model, PSI, np.linspace(0, 4, 41), options=options)


def _wigner(options):
    model = qsp.WignerLohe(GRID, _square, coupling=1.0)
    return qsp.wlsolve(model, PSI, np.linspace(0, 4, 41), options=options)


@pytest.mark.parametrize("run", [_lohe, _wigner])
@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"method": "reduction"}, 4),
        ({"method": "strang", "step": 0.01}, 150),
        ({"method": "splitting"}, 10),
    ],
    ids=lambda v: v["method"] if isinstance(v, dict) else "",
)
def test_waves_go_on(run, options, steps, tmp_path):
    path = tmp_path / "run.npz"
    whole = run(options)
    with pytest.raises(errors.StepLimitError) as e:
        run({**options, "checkpoint": path, "nsteps": steps})
    assert 0 < len(e.value.result.times) < 41
    result = qsp.resume(path, options={"nsteps": 10**6})
    assert np.array_equal(result.times, whole.times)
    for name in whole._fields:
        a, b = getattr(result, name), getattr(whole, name)
        if b is not None:
            assert (
                np.array_equal(a, b)
                if options["method"] == "reduction"
                else np.allclose(a, b, rtol=1e-12, atol=1e-13)
            )
    assert result.stats.steps_accepted == whole.stats.steps_accepted


def test_methods_that_cannot_go_on_say_so(tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(errors.StepLimitError):
        _lohe({"method": "dop853", "checkpoint": path, "nsteps": 50})
    assert "step limit" in qsp.load(path).stats.stopped
    with pytest.raises(errors.StorageError, match="not what it would take"):
        qsp.resume(path)


def test_functions_of_time_need_the_model(tmp_path):
    path = tmp_path / "run.npz"
    (b,) = qsp.modes(1)
    drive = qutip.coefficient(lambda t: np.cos(0.3 * t))
    system = qsp.System(b.dag() * b + drive * (b + b.dag()), [0.3 * b])
    with pytest.raises(errors.StepLimitError):
        qsp.mfsolve(system, [0.1], TIMES, options={"checkpoint": path, "nsteps": 20})
    with pytest.raises(ValueError, match="model must be given"):
        qsp.resume(path, options={"nsteps": 10**6})
    result = qsp.resume(path, model=system, options={"nsteps": 10**6})
    equal(result, qsp.mfsolve(system, [0.1], TIMES))


def test_a_killed_process_loses_half_a_minute_at_most(tmp_path):
    """kill -9 while it runs; here a checkpoint is written after every chunk."""
    path = tmp_path / "run.npz"
    code = (
        "import sys, time, numpy as np, qsyncplug as qsp, qsyncplug.core.drive as d\n"
        "d._CHECKPOINT_SECONDS = 0.0\n"
        "qsp.mfsolve(qsp.van_der_pol_pair(), [1, .3j], np.linspace(0, 60, 301),\n"
        "    e_ops={'f': lambda t, s: (time.sleep(0.02), t)[1]},\n"
        "    options={'checkpoint': sys.argv[1]})\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)])
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    partial = qsp.load(path)
    assert 0 < len(partial.times) < 301
    result = qsp.resume(path, e_ops={"f": lambda t, s: t})
    equal(result, _pair({}, e_ops={"f": lambda t, s: t}))


def test_what_cannot_be_resumed(tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(errors.StepLimitError) as e:
        _pair({"nsteps": 7})
    e.value.result.save(path)
    with pytest.raises(errors.StorageError, match="not what it would take"):
        qsp.resume(path)
    with pytest.raises(errors.StepLimitError):
        _pair({"nsteps": 7, "checkpoint": path})
    header, arrays = read_archive(path)
    for change in ({"resume": 3}, {"resume": {"__": "dict", "items": []}}):
        write_archive(path, {**header, **change}, arrays)
        with pytest.raises(errors.StorageError):
            qsp.resume(path)
    rows = next(n for n, a in arrays.items() if n.startswith("resume") and a.ndim == 2)
    write_archive(path, header, {**arrays, rows: arrays[rows][:, :-1]})
    with pytest.raises((errors.StorageError, ValueError), match="another problem"):
        qsp.resume(path)
