"""The run loop: limits, interrupts, failures and what they leave; stepping by hand; statistics."""

import copy
import pickle
import signal
import threading
import time
from typing import ClassVar

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.core import errors, storage
from qsyncplug.core.drive import Drive
from qsyncplug.core.limits import Limits, look
from qsyncplug.core.options import DEFAULTS
from qsyncplug.core.result import Result
from qsyncplug.core.solver import Solver
from qsyncplug.core.stats import Stats
from qsyncplug.core.status import Status
from qsyncplug.core.stepper import Problem, Stepper

TIMES = np.linspace(0, 3, 31)


@pytest.fixture
def pair():
    return qsp.van_der_pol_pair()


class Decay(Stepper):
    """x' = -x, exactly; every step is looked at by the drive."""

    row_size = 1

    def __init__(self, t0, x0, hook=None):
        self.t, self.x, self.hook = t0, x0, hook

    def advance(self, times, rows):
        for k, t in enumerate(times):
            look()
            if self.hook is not None and (status := self.hook(self, t)):
                return status
            self.x *= np.exp(self.t - t)
            self.t = t
            self.accepted += 1
            rows[k] = self.x
            self.delivered = k + 1
        return Status.RUNNING

    @property
    def state(self):
        return np.array([self.x])


class DecayResult(Result):
    _fields: ClassVar = {"x": ("time", "one")}

    def _shapes(self):
        return {"x": ((1,), float)}

    def _record(self, start, times, rows):
        self.x[start : start + len(times)] = rows
        super()._record(start, times, rows)


class DecaySolver(Solver):
    name = "decaysolve"
    solver_options: ClassVar = {**DEFAULTS, "store_states": False}
    hook = None
    problem_type = Problem

    def problem(self, state0, times, e_ops):
        result = DecayResult(e_ops, self._options, model=self.model, solver=self.name)
        return self.problem_type(times, Decay(times[0], state0, self.hook), result)


def right(result, count):
    """Everything before the stop is there, and right."""
    assert len(result.times) == len(result.x) == count
    assert np.allclose(result.x[:, 0], np.exp(-TIMES[:count]), rtol=1e-14)
    for values in result.e_data.values():
        assert len(values) == count


def interrupt():
    signal.raise_signal(signal.SIGINT)


# ---------------------------------------------------------------- failures keep what there is


@pytest.mark.parametrize("chunk", ["whole", "single"])
def test_an_error_of_a_function_keeps_every_output_before(chunk):
    def second(t, x):
        if t > 2.05:
            raise ZeroDivisionError("no more")
        return x

    options = {"checkpoint": None} if chunk == "whole" else {"progress_bar": "text"}
    with pytest.raises(errors.RightHandSideError, match=r"e_ops.*ZeroDivisionError: no more") as e:
        DecaySolver(None, options=options).run(1.0, TIMES, e_ops=[lambda t, x: t, second])
    right(e.value.result, 21)
    assert e.value.time == pytest.approx(2.1)
    assert isinstance(e.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("solver", ["mfsolve", "circlesolve"])
def test_compiled_runs_drop_no_chunk(solver, pair):
    def f(t, state):
        if t > 2.05:
            raise ValueError("enough")
        return t

    with pytest.raises(errors.RightHandSideError, match="enough") as e:
        if solver == "mfsolve":
            qsp.mfsolve(pair, [1, 1], TIMES, e_ops=f)
        else:
            qsp.circlesolve(qsp.Circle(qsp.sine()), [0.0, 1.0], TIMES, e_ops=f)
    assert len(e.value.result.times) == len(e.value.result.e_data[0]) == 21


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.STEP_LIMIT, errors.StepLimitError),
        (Status.TIME_LIMIT, errors.TimeLimitError),
        (Status.STEP_SIZE, errors.StepSizeError),
        (Status.NON_FINITE, errors.NonFiniteError),
        (Status.RHS_FAILED, errors.RightHandSideError),
        (Status.EVENT, errors.SolverError),
        (Status.INTERRUPTED, errors.SolverInterrupted),
    ],
)
def test_every_status_is_one_error(status, kind):
    solver = DecaySolver(None)
    solver.hook = lambda s, t: status if t > 1.05 else None
    with pytest.raises(kind, match="decaysolve stopped at t=1 of 3") as e:
        solver.run(1.0, TIMES)
    assert type(e.value) is kind
    right(e.value.result, 11)
    assert e.value.result.stats.stopped


@pytest.mark.parametrize("error", [TypeError("x"), ZeroDivisionError("y"), MemoryError("z")])
def test_whatever_a_stepper_raises_is_a_solver_error(error):
    def hook(stepper, t):
        if t > 1.05:
            raise error

    solver = DecaySolver(None)
    solver.hook = hook
    with pytest.raises(errors.RightHandSideError, match=str(error)) as e:
        solver.run(1.0, TIMES)
    right(e.value.result, 11)


def test_the_error_of_a_family_comes_first():
    class Lost(errors.SolverError):
        pass

    class Own(Problem):
        def error(self, failure):
            return Lost("gone", time=failure.time, result=self.result)

    solver = DecaySolver(None)
    solver.hook = lambda s, t: Status.EVENT if t > 1.05 else None
    solver.problem_type = Own
    with pytest.raises(Lost):
        solver.run(1.0, TIMES)
    # and one that the stepper itself raised
    solver.problem_type = Problem

    def hook(stepper, t):
        if t > 1.05:
            raise Lost("gone", time=t)

    solver.hook = hook
    with pytest.raises(Lost) as e:
        solver.run(1.0, TIMES)
    right(e.value.result, 11)


# ---------------------------------------------------------------- Ctrl-C


@pytest.mark.parametrize("where", ["stepper", "e_ops", "record", "finish", "save", "until"])
def test_interrupts_anywhere_keep_the_result(where, tmp_path, monkeypatch):
    solver = DecaySolver(None, options={"progress_bar": "text"})

    def at(name, t=10.0):
        if where == name and t > 1.05:
            interrupt()

    class Watched(Problem):
        def record(self, start, times, rows):
            super().record(start, times, rows)
            at("record", times[-1])

        def finish(self):
            at("finish")

    solver.problem_type = Watched
    solver.hook = lambda s, t: at("stepper", t)
    if where == "save":
        solver.options = {"checkpoint": tmp_path / "x.npz"}
        save = storage.save
        monkeypatch.setattr(storage, "save", lambda *a, **kw: (at("save"), save(*a, **kw))[1])
    count = {"stepper": 11, "e_ops": 11, "record": 12, "finish": 31, "save": 31, "until": 12}[where]
    with pytest.raises(errors.SolverInterrupted) as e:
        solver.run(
            1.0,
            TIMES,
            e_ops=lambda t, x: at("e_ops", t),
            until=lambda t, x: at("until", t) if where == "until" else False,
        )
    right(e.value.result, count)
    if where == "save":
        assert (tmp_path / "x.npz").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupts_during_preparation():
    class Slow(DecaySolver):
        def problem(self, state0, times, e_ops):
            interrupt()
            return super().problem(state0, times, e_ops)

    with pytest.raises(errors.SolverInterrupted, match="before its first output"):
        Slow(None).run(1.0, TIMES)


def test_a_run_inside_a_run(pair):
    """The inner run is interrupted; both hand back what they have."""

    def inner(t, x):
        if t > 1.05:
            threading.Timer(0.2, interrupt_process).start()
            qsp.mfsolve(pair, [1, 1], [0, 1e9], options={"nsteps": 10**9, "max_step": 1e-3})
        return t

    with pytest.raises(errors.SolverInterrupted) as e:
        DecaySolver(None).run(1.0, TIMES, e_ops=inner)
    right(e.value.result, 11)
    assert isinstance(e.value.__cause__, errors.SolverInterrupted)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def interrupt_process():
    import os

    os.kill(os.getpid(), signal.SIGINT)


def test_runs_in_threads_leave_the_signal_alone():
    out = []
    thread = threading.Thread(target=lambda: out.append(DecaySolver(None).run(1.0, TIMES)))
    before = signal.getsignal(signal.SIGINT)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is before
    assert len(out) == 1
    right(out[0], 31)


def test_a_handler_of_the_users_own_stays():
    def own(number, frame):
        raise KeyboardInterrupt("own")

    before = signal.signal(signal.SIGINT, own)
    try:
        solver = DecaySolver(None)
        solver.hook = lambda s, t: interrupt() if t > 1.05 else None
        with pytest.raises(errors.SolverInterrupted) as e:
            solver.run(1.0, TIMES)
        right(e.value.result, 11)
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


# ---------------------------------------------------------------- time


def test_time_limit_is_looked_at_during_slow_functions():
    begin = time.perf_counter()
    with pytest.raises(errors.TimeLimitError, match="time limit") as e:
        DecaySolver(None, options={"time_limit": 0.3}).run(
            1.0, TIMES, e_ops=lambda t, x: time.sleep(0.05)
        )
    assert time.perf_counter() - begin < 1.0
    right(e.value.result, len(e.value.result.times))
    assert 1 <= len(e.value.result.times) < 10


def test_time_limit_of_python_steppers_and_preparations():
    solver = DecaySolver(None, options={"time_limit": 0.2})
    solver.hook = lambda s, t: time.sleep(0.03)
    with pytest.raises(errors.TimeLimitError, match=r"options\['time_limit'\]") as e:
        solver.run(1.0, TIMES)
    right(e.value.result, len(e.value.result.times))
    assert len(e.value.result.times) > 2

    class Slow(DecaySolver):
        def problem(self, state0, times, e_ops):
            time.sleep(0.05)
            look()
            return super().problem(state0, times, e_ops)

    with pytest.raises(errors.TimeLimitError, match="before its first output"):
        Slow(None, options={"time_limit": 0.01}).run(1.0, TIMES)
    look()


@pytest.mark.parametrize("how", ["time", "interrupt"])
def test_outputs_that_were_computed_before_the_end_are_processed(how):
    """They were thrown away: functions of the user were called for the first one at most."""
    seen, limits = [], {"time_limit": 30.0 if how == "interrupt" else 0.3}
    solver = DecaySolver(None, options=limits)

    def hook(stepper, t):
        if t >= TIMES[20]:
            if how == "interrupt":
                signal.raise_signal(signal.SIGINT)
            else:
                time.sleep(0.35)

    solver.hook = hook
    with pytest.raises((errors.TimeLimitError, errors.SolverInterrupted)) as e:
        solver.run(1.0, TIMES, e_ops=lambda t, x: seen.append(t))
    count = len(e.value.result.times)
    # the limit is looked at in the next step
    assert count == (20 if how == "interrupt" else 21)
    np.testing.assert_array_equal(seen, TIMES[:count])
    right(e.value.result, count)


# ---------------------------------------------------------------- until, iterate, step


def test_until_ends_after_the_first_output_that_holds(pair):
    result = DecaySolver(None).run(1.0, TIMES, until=lambda t, x: x[0] < 0.5)
    right(result, 8)
    assert result.x[-1, 0] < 0.5 < result.x[-2, 0]
    assert "until held at t=0.7" in result.stats.stopped
    run = qsp.MeanFieldSolver(pair).run([1, 1], TIMES, until=lambda t, state: t >= 1)
    assert run.times[-1] == 1.0
    with pytest.raises(TypeError, match="until must be a function"):
        DecaySolver(None).run(1.0, TIMES, until=True)


def test_an_until_that_raises():
    with pytest.raises(errors.RightHandSideError, match="until raised") as e:
        DecaySolver(None).run(1.0, TIMES, until=lambda t, x: 1 / (t < 1.05) < 0)
    right(e.value.result, 12)


def test_iterate_gives_what_a_run_records(pair):
    times = np.linspace(0, 5, 11)
    whole = qsp.mfsolve(pair, [1, 0.5], times)
    pairs = list(qsp.MeanFieldSolver(pair).iterate([1, 0.5], times))
    assert [t for t, _ in pairs] == list(times)
    assert np.array_equal([mean for _, (mean, _) in pairs], whole.mean)
    stopped = list(qsp.MeanFieldSolver(pair).iterate([1, 0.5], times, until=lambda t, s: t >= 2))
    assert len(stopped) == 5
    # a loop may be left at any time
    for t, _state in qsp.MeanFieldSolver(pair).iterate([1, 0.5], times):
        if t > 1:
            break
    assert t == 1.5


def test_steps_by_hand(pair):
    solver = qsp.MeanFieldSolver(pair)
    with pytest.raises(RuntimeError, match="start"):
        solver.step(1.0)
    solver.start([1, 0.5], 0.0)
    mean, _ = solver.step(2.0)
    assert np.allclose(mean, qsp.mfsolve(pair, [1, 0.5], [0, 2.0]).mean[-1], rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match="before the last step"):
        solver.step(1.0)


def test_a_step_that_fails_holds_the_state_before():
    solver = DecaySolver(None)
    solver.start(1.0, 0.0)
    solver.step(1.0)
    solver._walk.problem.stepper.hook = lambda s, t: Status.NON_FINITE
    with pytest.raises(errors.NonFiniteError) as e:
        solver.step(2.0)
    assert e.value.result.times == [1.0]
    assert e.value.result.x[0, 0] == pytest.approx(np.exp(-1))


# ---------------------------------------------------------------- options and checkpoints


@pytest.mark.parametrize("value", ["no", 1, "True", np.zeros(2)])
def test_store_states_is_a_truth_value(pair, value):
    with pytest.raises(TypeError, match="store_states"):
        qsp.mfsolve(pair, [1, 1], [0, 1], options={"store_states": value})


def test_assigned_options_are_checked_and_all_or_none():
    solver = DecaySolver(None)
    with pytest.raises(ValueError, match="nsteps"):
        solver.options = {"rtol": 1e-3, "nsteps": 0}
    assert solver.options["rtol"] == DEFAULTS["rtol"]
    with pytest.raises(TypeError, match="dict"):
        solver.options = [1]

    grid = qsp.Grid(64, 16.0)
    model = qsp.SchrodingerLohe(qsp.GridHamiltonian(grid, lambda x: x**2 / 2), coupling=1.0)
    lohe = qsp.SchrodingerLoheSolver(model)
    with pytest.raises(ValueError, match=r"options\['step'\]"):
        lohe.options = {"method": "strang"}
    wigner = qsp.WignerLoheSolver(qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0))
    with pytest.raises(TypeError, match="allow_unphysical"):
        wigner.options = {"allow_unphysical": "yes"}
    circle = qsp.CircleSolver(qsp.Circle(qsp.sine()))
    with pytest.raises(ValueError, match="kernel"):
        circle.options = {"kernel": "fast"}


def test_a_checkpoint_that_cannot_be_written(tmp_path, pair):
    for path, kind in (
        (tmp_path / "no" / "x.npz", ValueError),
        (tmp_path, ValueError),
        (3, TypeError),
    ):
        with pytest.raises(kind, match="checkpoint"):
            qsp.mfsolve(pair, [1, 1], TIMES, options={"checkpoint": path})
    folder = tmp_path / "gone"
    folder.mkdir()

    def vanish(t, x):
        if folder.exists():
            folder.rmdir()

    with pytest.warns(errors.QsyncplugWarning, match="could not be written"):
        result = DecaySolver(None, options={"checkpoint": folder / "x.npz"}).run(
            1.0, TIMES, e_ops=vanish
        )
    right(result, 31)


def test_checkpoints_on_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr("qsyncplug.core.drive._CHECKPOINT_SECONDS", 0.0)
    path, seen = tmp_path / "x.npz", []

    def hook(stepper, t):
        if path.exists():
            seen.append(len(qsp.load(path).times))

    solver = DecaySolver(None, options={"checkpoint": path})
    solver.hook = hook
    right(solver.run(1.0, TIMES), 31)
    assert seen == list(range(1, 31))
    right(qsp.load(path), 31)


# ---------------------------------------------------------------- statistics


def test_statistics_are_typed_and_a_mapping(pair):
    stats = qsp.mfsolve(pair, [1, 1], TIMES).stats
    assert stats.steps_accepted == stats["steps accepted"] > 0
    assert stats.right_hand_sides == stats["right-hand sides"]
    assert stats["closure"] == "linear"
    assert "stopped" not in stats
    assert stats.stopped is None
    with pytest.raises(KeyError):
        stats["stopped"]
    assert "steps accepted" in str(stats)
    assert dict(stats) == dict(stats.items()) == stats
    for other in (pickle.loads(pickle.dumps(stats)), copy.deepcopy(stats), copy.copy(stats)):
        assert other == stats
    stats["new"] = 1
    del stats["new"]
    with pytest.raises(KeyError):
        del stats["new"]
    assert Stats.of({"method": "a", "other": 2}).extra == {"other": 2}


def test_statuses_are_those_of_the_kernels():
    from qsyncplug._ext.integrator import STATUS

    assert {s.name: s.value for s in Status} == STATUS


def test_drive_alone():
    problem = DecaySolver(None).problem(1.0, TIMES, None)
    problem.allocate()
    with Limits() as limits:
        result = Drive(problem, "x", dict(DEFAULTS), limits).run()
    assert result is problem.result
    assert np.array_equal(result.times, TIMES)
    right(result, 31)


def test_growth_beyond_squares_is_no_singularity():
    """ḃ=2b: at 1e154 squares are no numbers any more; t=ln(1e150)/2≈173."""
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [2 * b.dag()])
    with pytest.raises(qsp.core.errors.NonFiniteError, match="range of floating point") as caught:
        qsp.mfsolve(system, [1.0], np.linspace(0, 1000, 101))
    assert 160 < caught.value.time < 200
    assert len(caught.value.result.times) == 18
