"""Exact runs that were stopped or killed go on, and end as if nothing had been."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.core import errors
from qsyncplug.core.archive import read_archive, write_archive

from .killed_exact_runs import EXACT, solver_of

pytestmark = pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")


def run_of(name, e_ops=None, **options):
    solver, start, times = solver_of(name, **options)
    return solver.run(start, times, e_ops=e_ops)


def close(a, b, tolerance=2e-10):
    assert type(a) is type(b)
    assert np.array_equal(a.times, b.times)
    for name in a._fields:
        x, y = getattr(a, name), getattr(b, name)
        assert np.array_equal(np.isnan(x), np.isnan(y))
        assert np.nanmax(np.abs(x - y), initial=0) <= tolerance, name
    assert list(a.e_data) == list(b.e_data)
    assert len(a.states) == len(b.states)
    for x, y in zip(a.states, b.states, strict=True):
        assert abs((x - y).full()).max() <= tolerance


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The checkpoints that killed processes left, by name."""
    folder = tmp_path_factory.mktemp("killed")
    script = pathlib.Path(__file__).with_name("killed_exact_runs.py")
    command = [sys.executable, str(script), str(folder), *EXACT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", EXACT)
def test_a_killed_run_continues(name, killed, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes((killed / f"{name}.npz").read_bytes())
    assert read_archive(path)[0]["resume"] is not None, "it was not killed on the way"
    partial = qsp.load(path)
    sampled = "trajectories" in name
    if sampled:
        assert 0 < partial.stats["trajectories"] < 600
    else:
        assert 0 < len(partial.times) < 121
    # functions of time are not stored
    model = solver_of(name)[0].model if "driven" in name else None
    result = qsp.resume(path, model=model)
    if "fresh" in name:
        # nobody knows the seed beforehand: the checkpoint does
        assert result.stats["seed"] == partial.stats["seed"]
        assert result.stats["trajectories"] == 600
        return
    close(result, run_of(name), 0.0 if sampled else 2e-10)
    if sampled:
        assert len(result.jumps) == 600
        for (when, which), (then, what) in zip(result.jumps, run_of(name).jumps, strict=True):
            assert np.array_equal(when, then) and np.array_equal(which, what)
    close(qsp.resume(path, model=model), result, 0.0)
    assert result.stats["steps accepted"] > 0


@pytest.mark.parametrize("name", ["density", "driven", "ket"])
def test_a_stopped_run_continues_with_operators_and_functions(name, tmp_path):
    path = tmp_path / "run.npz"
    solver, start, times = solver_of(name, checkpoint=path)
    (b, *_) = solver.model.operators

    def fails(t, state):
        if t > 3:
            raise RuntimeError("broken")
        return state.tr() if state.isoper else state.norm()

    def works(t, state):
        return state.tr() if state.isoper else state.norm()

    with pytest.raises(errors.RightHandSideError):
        solver.run(start, times, e_ops={"f": fails, "n": b.dag() * b})
    model = solver.model
    with pytest.raises(ValueError, match="e_ops must have the keys"):
        qsp.resume(path, model=model)
    result = qsp.resume(path, model=model, e_ops={"f": works, "n": b.dag() * b})
    assert np.array(result.e_data["f"]) == pytest.approx(1, abs=1e-9)
    n = result.normal[:, 0, 0].real
    assert np.abs(np.array(result.e_data["n"]) - n).max() < 1e-10
    assert np.abs(n - run_of(name).normal[:, 0, 0].real).max() < 2e-10


def test_a_time_limit_is_no_end(tmp_path):
    path = tmp_path / "run.npz"
    system = qsp.van_der_pol_pair(loss=2.0, detuning=0.5)
    times = np.linspace(0, 400, 4001)
    options = {"method": "sectors", "checkpoint": path, "time_limit": 0.15}
    with pytest.raises(errors.TimeLimitError):
        qsp.exactsolve(system, [0.3, 0.2j], times, cutoff=12, options=options)
    result = qsp.resume(path, options={"time_limit": np.inf})
    whole = qsp.exactsolve(system, [0.3, 0.2j], times, cutoff=12, options={"method": "sectors"})
    close(result, whole)


def test_chains_and_damaged_files(tmp_path):
    path = tmp_path / "run.npz"
    chains = qsp.SpinChains(n=(3, 2), loss=0.1)
    state = chains.product_state(excitation=0.4)
    times = np.linspace(0, 60, 301)
    options = {"checkpoint": path, "nsteps": 6, "max_step": 1.0}
    with pytest.raises(errors.StepLimitError):
        qsp.exactsolve(chains, state, times, options=options)
    close(
        qsp.resume(path, options={"nsteps": 10**6}),
        qsp.exactsolve(chains, state, times, options={"max_step": 1.0}),
    )
    with pytest.raises(errors.StepLimitError):
        qsp.exactsolve(chains, state, times, options=options)
    header, arrays = read_archive(path)
    rows = [n for n, a in arrays.items() if n.startswith("resume") and a.ndim == 1]
    row = max(rows, key=lambda n: len(arrays[n]) * (len(arrays[n]) != len(times)))
    write_archive(path, header, {**arrays, row: arrays[row][:-1]})
    with pytest.raises((errors.StorageError, ValueError)):
        qsp.resume(path)


@pytest.mark.parametrize("method", ["mesolve", "mcsolve"])
def test_solvers_of_qutip_say_that_they_cannot_go_on(method, tmp_path):
    path = tmp_path / "run.npz"
    system = qsp.van_der_pol_pair(loss=4.0)
    options = {"method": method, "ntraj": 2, "checkpoint": path}
    with pytest.warns(errors.QsyncplugWarning, match=f"QuTiP's {method} .*cannot go on"):
        run = qsp.exactsolve(system, [0.1, 0.1j], [0.0, 0.1], cutoff=4, options=options)
    # what is whole is given back; a part is refused, with what it is
    close(qsp.resume(path), run, 0.0)
    run.stats["stopped"] = "time limit"
    run.save(path)
    with pytest.raises(errors.StorageError, match=f"method '{method}'.*go on"):
        qsp.resume(path)
