"""A run that was stopped goes on as if it had not been."""

import os
import pathlib
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
from qsyncplug.core.encoding import decode

from .runs import RUNS

TIMES = np.linspace(0, 60, 301)


def _pair(options, e_ops=None):
    return qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.3j], TIMES, options=options, e_ops=e_ops)


def equal(a, b):
    assert type(a) is type(b)
    assert np.array_equal(a.times, b.times)
    for name in a._fields:
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None), name
        assert x is None or np.array_equal(x, y), name
    assert a.e_data == b.e_data
    for key in ("steps accepted", "steps rejected", "right-hand sides"):
        assert a.stats[key] == b.stats[key]
    assert set(a.stats) == set(b.stats)


def run_of(name, e_ops=None, until=None, **options):
    """A whole run of the table."""
    solver, state0, times = RUNS[name](**options)
    return solver.run(state0, times, e_ops=e_ops, until=until)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The checkpoints that killed processes left, by name."""
    folder = tmp_path_factory.mktemp("killed")
    script = pathlib.Path(__file__).with_name("killed_runs.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder), *RUNS],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")
def test_a_killed_run_continues_bit_for_bit(name, killed, tmp_path):
    """kill -9 while a checkpoint is written: the one before is whole, and the run goes on."""
    path = tmp_path / "run.npz"
    path.write_bytes((killed / f"{name}.npz").read_bytes())
    assert read_archive(path)[0]["resume"] is not None, "it was not killed on the way"
    whole = run_of(name)
    partial = qsp.load(path)
    assert len(partial.times) < len(whole.times) or partial.stats["ntraj"] < whole.stats["ntraj"]
    equal(qsp.resume(path), whole)
    # the file now holds the whole run
    equal(qsp.resume(path), whole)
    equal(qsp.load(path), whole)


@pytest.mark.parametrize("name", ["mean field", "circle", "chains", "lohe splitting", "cumulants"])
@pytest.mark.parametrize("steps", [7, 20])
def test_a_stopped_run_continues_bit_for_bit(name, steps, tmp_path):
    path = tmp_path / "run.npz"
    whole = run_of(name)
    with pytest.raises(errors.StepLimitError):
        run_of(name, checkpoint=path, nsteps=steps)
    # and once more on the way
    with pytest.raises(errors.StepLimitError):
        qsp.resume(path, options={"nsteps": steps + 10})
    equal(qsp.resume(path, options={"nsteps": 10**6}), whole)


PATHS = ["lohe trajectories", "lohe trajectories, splitting"]
SAMPLED = ["twa", "twa of modes", "dtwa", "dtwa with loss"]
#: e_ops are functions of the user in all others; the Möbius form has no states
WITHOUT_FUNCTIONS = ["lohe mobius", *PATHS]


@pytest.mark.parametrize("name", [n for n in RUNS if n not in WITHOUT_FUNCTIONS])
@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")
def test_a_function_that_failed_can_be_mended(name, tmp_path):
    path = tmp_path / "run.npz"
    times = RUNS[name]().times
    middle = times[len(times) // 2]

    def fails(t, state):
        if t > middle:
            raise RuntimeError("broken")
        return 2 * t

    with pytest.raises(errors.RightHandSideError):
        run_of(name, checkpoint=path, e_ops={"f": fails})
    if name in SAMPLED:
        # the averages are there, and what the function did not come to is not made up
        assert qsp.load(path).e_data["f"] == [2 * t if t <= middle else None for t in times]
    with pytest.raises(ValueError, match=r"e_ops must have the keys.*'f'"):
        qsp.resume(path)
    result = qsp.resume(path, e_ops={"f": lambda t, state: 2 * t})
    equal(result, run_of(name, e_ops={"f": lambda t, state: 2 * t}))
    assert result.e_data["f"] == [2 * t for t in times]


@pytest.mark.parametrize("name", [n for n in RUNS if n not in (*SAMPLED, *PATHS, "lohe mobius")])
@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")
class TestUntil:
    """until= and iterate, on every solver that has states on the way."""

    def test_a_run_ends_after_the_first_output_where_it_holds(self, name):
        whole, seen = run_of(name), []

        def until(t, state):
            seen.append(t)
            return t >= whole.times[5]

        result = run_of(name, until=until)
        assert seen == list(whole.times[:6])
        assert np.array_equal(result.times, whole.times[:6])
        assert "until held" in result.stats.stopped
        for field in whole._fields:
            mine, other = getattr(result, field), getattr(whole, field)
            assert (mine is None) == (other is None)
            if mine is not None:
                assert len(mine) == 6
                assert np.allclose(mine, other[:6], rtol=1e-9, atol=1e-11), field

    def test_a_run_that_was_stopped_so_can_go_on(self, name, tmp_path):
        path = tmp_path / "run.npz"
        times = RUNS[name]().times
        run_of(name, until=lambda t, state: t >= times[5], checkpoint=path)
        again = qsp.resume(path, until=lambda t, state: t >= times[7])
        assert len(again.times) == 8
        assert "until held" in again.stats.stopped
        equal(qsp.resume(path), run_of(name))

    def test_iterate_gives_the_same_states_and_may_be_left(self, name):
        solver, state0, times = RUNS[name]()
        states = []
        run_of(name, e_ops={"s": lambda t, state: states.append((t, _numbers(state))) or 0.0})
        walk = solver.iterate(state0, times, until=lambda t, state: t >= times[4])
        pairs = [(t, _numbers(state)) for t, state in walk]
        assert [t for t, _ in pairs] == list(times[:5])
        # a run knows where it ends, a walk does not: steps, and rounding, may differ
        for (_, a), (_, b) in zip(pairs, states, strict=False):
            assert np.allclose(a, b, rtol=1e-6, atol=1e-7 * max(1.0, np.abs(b).max()))
        for k, _ in enumerate(solver.iterate(state0, times)):
            if k == 2:
                break
        assert k == 2


def _numbers(state):
    """A state of any family as one array."""
    if hasattr(state, "wigner"):
        return np.array(state.correlations)
    if isinstance(state, tuple):
        return np.concatenate([np.ravel(part) for part in state])
    if isinstance(state, list) or hasattr(state, "full"):
        return np.array([s.full() for s in np.atleast_1d(np.array(state, dtype=object))])
    return np.array(state)


@pytest.mark.parametrize("name", [*SAMPLED, *PATHS])
def test_samples_refuse_until_and_iterate(name):
    with pytest.raises(TypeError, match="until"):
        run_of(name, until=lambda t, state: True)
    solver, state0, times = RUNS[name]()
    with pytest.raises(TypeError, match="iterate"):
        solver.iterate(state0, times)


@pytest.mark.parametrize("name", ["twa", "twa of modes", *PATHS])
def test_samples_that_go_on_refuse_until_too(name, killed):
    with pytest.raises(TypeError, match="until"):
        qsp.resume(killed / f"{name}.npz", until=lambda t, state: True)


@pytest.mark.parametrize("name", ["mean field", "circle, graph", "lohe strang", *PATHS])
def test_a_time_limit_between_outputs_loses_none(name, tmp_path, monkeypatch):
    """What is done when the time is over is in the file, and is not done again."""
    from qsyncplug.core.limits import Limits

    path, looks, whole = tmp_path / "run.npz", [], run_of(name)

    def over(self):
        # between outputs, not within a step
        looks.extend([1] * (sys._getframe(1).f_code.co_name == "_loop"))
        return len(looks) > 2

    with monkeypatch.context() as patch:
        patch.setattr(Limits, "over", property(over))
        with pytest.raises(errors.TimeLimitError) as e:
            run_of(name, checkpoint=path)
    header, arrays = read_archive(path)
    done = decode(header["resume"], arrays)["done"]
    assert done == (e.value.result.ntraj if name in PATHS else len(e.value.result.times)) > 0
    equal(qsp.resume(path), whole)


def test_every_solver_is_in_the_table():
    from qsyncplug.core.solver import SOLVERS

    found = {type(make().solver) for make in RUNS.values()}
    ours = {cls for cls in SOLVERS.values() if cls.__module__.startswith("qsyncplug.")}
    # exact runs and coalescence have tests of their own
    assert {cls.__name__ for cls in ours - found} <= {
        "Coalescence",
        "ExactSolver",
        "SpinExactSolver",
    }


@pytest.mark.parametrize("threads", [1, 2])
def test_samples_are_kept_with_any_number_of_threads(threads, tmp_path, monkeypatch):
    """Stopped by Ctrl-C between batches, gone on with another number of threads: the same bits."""
    path, whole = tmp_path / "run.npz", run_of("dtwa")
    monkeypatch.setattr("qsyncplug.core.drive._CHECKPOINT_SECONDS", 0.0)
    from qsyncplug.core import sampling

    add, batches = sampling._add, []

    def stop(a, b):
        batches.append(b)
        if len(batches) == 9:
            raise KeyboardInterrupt
        return add(a, b)

    with monkeypatch.context() as patch:
        patch.setattr(sampling, "_add", stop)
        with pytest.raises(errors.SolverInterrupted) as e:
            run_of("dtwa", checkpoint=path, num_threads=threads)
    assert e.value.result.ntraj == 8 * 16
    equal(qsp.resume(path, options={"num_threads": 3 - threads}), whole)


def test_names_of_truncated_wigner_values_are_compared(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    solver, state0, times = RUNS["twa"](checkpoint=path)
    S1, system = solver.model.nodes[0], solver.model
    e_ops = {"number": S1.p * S1.m}
    from qsyncplug.approximate.sampled import Blocks

    draw, seen = Blocks.advance, []

    def fail(self, *args):
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return draw(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Blocks, "advance", fail)
        with pytest.raises(errors.SolverInterrupted):
            solver.run(state0, times, e_ops=e_ops)
    with pytest.raises(ValueError, match=r"e_ops must have the keys.*number"):
        qsp.resume(path)
    again = qsp.resume(path, model=system, e_ops=e_ops)
    whole = qsp.TwaSolver(system, ntraj=32_000, seed=3).run(state0, times, e_ops=e_ops)
    equal(again, whole)
    assert again.e_error == whole.e_error


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
    with pytest.raises((errors.StorageError, ValueError), match=r"another problem|the problem 14"):
        qsp.resume(path)


@pytest.mark.parametrize("where", ["e_ops", "until", "coefficient"])
def test_what_ends_the_program_ends_it_after_the_checkpoint(where, tmp_path):
    """``sys.exit()``, also from a handler of SIGTERM, lost what was computed."""
    path, times, leaving = tmp_path / "run.npz", np.linspace(0, 4, 41), []
    (b,) = qsp.modes(1)

    def leave(t, state=None):
        if t > 2.05 and leaving:
            sys.exit(3)
        return 0.0

    def arm(t, state):
        # functions of time are looked at before the run too
        leaving.append(1)
        return leave(t) if where == "e_ops" else 0.0

    wave = qutip.coefficient(leave) if where == "coefficient" else 0.0
    system = qsp.System(b.dag() * b + wave * (b + b.dag()), [0.3 * b])
    solver = qsp.MeanFieldSolver(system, options={"checkpoint": path, "max_step": 0.05})
    with pytest.raises(SystemExit) as caught:
        solver.run([1.0], times, e_ops=[arm], until=leave if where == "until" else None)
    assert caught.value.code == 3
    assert "mfsolve stopped" in caught.value.__notes__[0]
    back = qsp.load(path)
    assert len(back.times) >= 20
    assert back.stats["stopped"].startswith("SystemExit at t=2")
    if where != "coefficient":
        again = qsp.resume(path, e_ops=[lambda t, state: 0.0])
        whole = qsp.MeanFieldSolver(system, options={"max_step": 0.05}).run([1.0], times)
        assert np.abs(again.mean - whole.mean).max() < 1e-6
