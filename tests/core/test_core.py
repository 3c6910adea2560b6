"""Checks, options, storage, grid, and what every compiled solver shares."""

import os
import signal
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qsyncplug as qsp
from qsyncplug.core import checks, errors
from qsyncplug.core.archive import write_archive
from qsyncplug.core.options import DEFAULTS, complete_options
from qsyncplug.core.solver import SOLVERS


@pytest.fixture(scope="module")
def pair():
    return qsp.van_der_pol_pair()


# ---------------------------------------------------------------- checks


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda: checks.check_number("rate", -1.0, minimum=0.0),
            ValueError,
            "rate must be at least 0, not -1",
        ),
        (
            lambda: checks.check_number("rate", 0.0, minimum=0.0, strict=True),
            ValueError,
            "rate must be above 0",
        ),
        (
            lambda: checks.check_number("x", 3.0, minimum=0.0, maximum=1.0),
            ValueError,
            "x must be between 0 and 1, not 3",
        ),
        (lambda: checks.check_number("x", float("nan")), ValueError, "x must be finite"),
        (lambda: checks.check_number("x", "1"), TypeError, "x must be a real number"),
        (lambda: checks.check_number("x", True), TypeError, "x must be a real number"),
        (lambda: checks.check_number("x", 1j), TypeError, "x must be a real number"),
        (lambda: checks.check_integer("n", 2.0), TypeError, "n must be an integer"),
        (
            lambda: checks.check_integer("n", 0, minimum=1),
            ValueError,
            "n must be at least 1, not 0",
        ),
        (lambda: checks.check_integer("n", 9, maximum=8), ValueError, "n must be at most 8"),
        (
            lambda: checks.check_choice("kind", "c", ("a", "b")),
            ValueError,
            "kind must be one of 'a', 'b', not 'c'",
        ),
        (
            lambda: checks.check_array("a", [1.0, np.nan]),
            ValueError,
            "a must be finite; it holds 1 NaN",
        ),
        (
            lambda: checks.check_array("a", [1.0, 2.0], shape=(3,)),
            ValueError,
            r"a must have shape \(3,\), not \(2,\)",
        ),
        (lambda: checks.check_array("a", [1j]), TypeError, "a must be real"),
        (lambda: checks.check_array("a", ["x"]), TypeError, "a must be an array of numbers"),
        (
            lambda: checks.check_array("a", [[1], [1, 2]]),
            TypeError,
            "a must be an array of numbers",
        ),
        (
            lambda: checks.check_times([0, 1, 1]),
            ValueError,
            r"tlist must increase strictly; tlist\[2\]=1 follows 1",
        ),
        (lambda: checks.check_times([]), ValueError, "tlist must hold at least 1 time"),
        (lambda: checks.check_times([[0, 1]]), ValueError, "tlist must have shape"),
    ],
)
def test_messages_name_the_argument(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_numbers_of_every_kind_pass():
    assert checks.check_number("x", np.float32(2)) == 2.0
    assert checks.check_number("x", np.array(2.5)) == 2.5
    assert checks.check_integer("n", np.int8(3)) == 3
    assert checks.check_array("a", [1 + 0j, 2 + 0j]).dtype == float


def test_memory_is_checked_before_it_is_taken(monkeypatch):
    monkeypatch.setattr(checks, "available_memory", lambda: 2**20)
    assert checks.check_memory("a small thing", 1000) == 1000
    with pytest.raises(
        errors.MemoryLimitError, match=r"a thing needs about 2\.00 GiB .* try less"
    ) as info:
        checks.check_memory("a thing", 2**31, advice="try less")
    assert info.value.required == 2**31
    assert info.value.available == 2**20


def test_available_memory_is_plausible():
    assert 2**20 < checks.available_memory() < 2**50


# ---------------------------------------------------------------- options


def test_unknown_option_lists_the_known(pair):
    with pytest.raises(KeyError, match=r"unknown option 'tol'.*atol.*rtol"):
        qsp.mfsolve(pair, [1, 1], [0, 1], options={"tol": 1})


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [
        ("method", "rk4", ValueError),
        ("atol", -1.0, ValueError),
        ("rtol", 0.0, ValueError),
        ("nsteps", 0, ValueError),
        ("nsteps", 1.5, TypeError),
        ("max_step", 0.0, ValueError),
        ("time_limit", -1, ValueError),
        ("num_threads", 0, ValueError),
        ("progress_bar", "shiny", ValueError),
    ],
)
def test_bad_option_values_are_named(pair, option, value, kind):
    with pytest.raises(kind, match=rf"options\['{option}'\]"):
        qsp.mfsolve(pair, [1, 1], [0, 1], options={option: value})


def test_none_means_default():
    assert complete_options({"rtol": None}, DEFAULTS, ("dop853",)) == DEFAULTS
    with pytest.raises(TypeError, match="options must be a dict"):
        complete_options([1], DEFAULTS, ("dop853",))


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_defaults_are_right(solver):
    """Nothing given is not looked at: the defaults must pass what a user's options pass."""
    given = dict(solver.solver_options)
    assert complete_options(given, solver.solver_options, solver.methods) == given


def test_options_of_a_solver_can_be_changed(pair):
    solver = qsp.MeanFieldSolver(pair)
    solver.options = {"rtol": 1e-6}
    assert solver.options["rtol"] == 1e-6
    assert solver.options["atol"] == qsp.MeanFieldSolver.solver_options["atol"]
    with pytest.raises(KeyError):
        solver.options = {"nonsense": 1}


# ---------------------------------------------------------------- results and runs


def test_result_prints_how_it_went(pair):
    text = repr(qsp.mfsolve(pair, [1, 0.5], np.linspace(0, 5, 11)))
    for word in (
        "van der Pol pair",
        "dop853",
        "11 from 0 to 5",
        "accepted",
        "rejected",
        "amplitudes (11, 2)",
        "MB",
        "worst drift",
        "neglected",
    ):
        assert word in text


def test_limits_hand_back_what_was_computed(pair):
    times = np.linspace(0, 1000, 101)
    reference = qsp.mfsolve(pair, [1, 0.5], times)
    with pytest.raises(errors.StepLimitError, match=r"nsteps.*error\.result") as info:
        qsp.mfsolve(pair, [1, 0.5], times, options={"nsteps": 40})
    partial = info.value.result
    count = len(partial.times)
    assert 0 < count < 101
    assert info.value.reason == "step limit"
    assert partial.times[-1] <= info.value.time < 1000
    assert np.array_equal(partial.amplitudes, reference.amplitudes[:count])
    assert partial.covariance.shape == (count, 4, 4)
    assert "stopped early" in repr(partial)
    with pytest.raises(errors.TimeLimitError):
        qsp.mfsolve(
            pair,
            [1, 0.5],
            [0, 1e9],
            options={"time_limit": 0.05, "nsteps": 10**9, "max_step": 0.01},
        )


def test_blow_up_is_an_error_with_the_time():
    (b,) = qsp.modes(1)
    # two-photon gain: d|β|²/dt = 2|β|⁴, from |β|²=1 infinite at t=1/2
    system = qsp.System(0 * b, [b.dag() ** 2])
    with pytest.raises(errors.SolverError) as info:
        qsp.mfsolve(system, [1.0], np.linspace(0, 1, 11))
    assert info.value.time == pytest.approx(0.5, abs=1e-3)
    t = info.value.result.times
    n = np.abs(info.value.result.amplitudes[:, 0]) ** 2
    before = t < 0.45
    assert before.sum() == 5
    t, n = t[before], n[before]
    assert np.allclose(n, 1 / (1 - 2 * t), rtol=1e-7)


def test_interrupted_runs_keep_their_result(pair):
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(errors.SolverInterrupted, match="interrupted") as info:
        qsp.mfsolve(
            pair, [1, 0.5], np.linspace(0, 1e9, 10**6), options={"nsteps": 10**9, "max_step": 0.01}
        )
    assert isinstance(info.value, KeyboardInterrupt)
    assert 0 < info.value.time < 1e9
    assert info.value.result.times[0] == 0
    assert "interrupted" in info.value.result.stats["stopped"]


def test_user_functions_that_fail_keep_the_result(pair):
    def f(t, state):
        if t > 2:
            raise RuntimeError("no more")
        return t

    with pytest.raises(errors.RightHandSideError, match="no more") as info:
        qsp.mfsolve(pair, [1, 1], np.linspace(0, 5, 11), e_ops=f)
    assert isinstance(info.value.__cause__, RuntimeError)


def test_checkpoint_is_written(pair, tmp_path):
    path = tmp_path / "run.npz"
    result = qsp.mfsolve(pair, [1, 1], np.linspace(0, 1, 5), options={"checkpoint": str(path)})
    assert np.array_equal(qsp.load(path).mean, result.mean)


def test_progress_bar_goes_to_the_end(pair, capsys):
    qsp.mfsolve(pair, [1, 1], np.linspace(0, 1, 200), options={"progress_bar": "text"})
    assert "100.0%" in capsys.readouterr().out


# ---------------------------------------------------------------- storage


def test_round_trip(pair, tmp_path):
    path = tmp_path / "result.npz"
    result = qsp.mfsolve(pair, [1, 0.5j], np.linspace(0, 2, 9), e_ops={"q": lambda t, s: s[0][0]})
    result.save(path)
    back = qsp.load(path)
    assert type(back) is type(result)
    for name in ("times", "amplitudes", "mean", "covariance"):
        assert np.array_equal(getattr(back, name), getattr(result, name))
    assert np.array_equal(back.e_data["q"], result.e_data["q"])
    assert back.model.hamiltonian.terms == pair.hamiltonian.terms
    assert len(back.model.jumps) == len(pair.jumps)
    # a loaded result is as good as a fresh one
    again = qsp.mfsolve(back.model, [1, 0.5j], result.times)
    assert np.array_equal(again.mean, result.mean)
    assert np.array_equal(
        qsp.synchronization(back).correlations, qsp.synchronization(result).correlations
    )


def test_states_survive_storage(tmp_path):
    (b,) = qsp.modes(1)
    exact = qsp.exactsolve(qsp.System(b.dag() * b, [0.3 * b]), [0.5], [0, 0.5, 1], cutoff=10)
    exact.save(tmp_path / "x.npz")
    back = qsp.load(tmp_path / "x.npz")
    assert all((u - v).norm() < 1e-15 for u, v in zip(back.states, exact.states, strict=True))
    assert back.states[0].dims == exact.states[0].dims


def test_foreign_files_are_refused(tmp_path, pair):
    path = tmp_path / "x.npz"
    path.write_bytes(b"not an archive")
    with pytest.raises(errors.StorageError, match="no file of qsyncplug"):
        qsp.load(path)
    np.savez(path, a=np.arange(3))
    with pytest.raises(errors.StorageError, match="header"):
        qsp.load(path)
    np.savez(
        path, a=np.array([{"x": 1}], dtype=object), qsyncplug=np.frombuffer(b"{}", dtype=np.uint8)
    )
    with pytest.raises(errors.StorageError):
        qsp.load(path)
    for header, text in (
        ({"schema": 99}, "schema 99"),
        ({"schema": 2, "class": "os.system"}, "holds a 'os.system'"),
    ):
        write_archive(path, header, {})
        with pytest.raises(errors.StorageError, match=text):
            qsp.load(path)
    with pytest.raises(FileNotFoundError):
        qsp.load(tmp_path / "absent.npz")


def test_files_in_folders_that_do_not_exist_name_the_folder(tmp_path):
    folder = tmp_path / "absent"
    for save in (qsp.sine().save, qsp.Circle(qsp.sine()).save):
        with pytest.raises(FileNotFoundError, match=r"absent/run\.npz': the folder does not exist"):
            save(folder / "run.npz")
    assert not folder.exists()


def test_stores_in_folders_that_do_not_exist_name_the_folder(tmp_path):
    pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    with pytest.raises(FileNotFoundError, match="the folder does not exist"):
        qsp.sweep(lambda x: x, {"x": [1.0]}, path=str(tmp_path / "absent" / "run.zarr"))


def test_arguments_that_do_not_exist_are_told_by_the_name_that_was_called():
    pair, times = qsp.van_der_pol_pair(), [0.0, 0.1]
    calls = (
        (
            lambda: qsp.exactsolve(pair, [1, 1], times, cutof=8),
            "^exactsolve has no.*'cutoff' is near",
        ),
        (lambda: qsp.mfsolve(pair, [1, 1], times, atol=1e-8), r"^mfsolve.*options=\{'atol': …\}"),
        (lambda: qsp.limit_cycle(pair, [1, 1], cutoff=12), "^limit_cycle.*system, state0, relax$"),
        (lambda: qsp.exactsolve(3, [1, 1], times, cutof=8), "^(exactsolve has no|system must be)"),
    )
    for call, text in calls:
        with pytest.raises(TypeError, match=text):
            call()


def test_time_dependent_models_are_not_rebuilt_wrongly(tmp_path):
    import qutip

    (b,) = qsp.modes(1)
    drive = qutip.coefficient(lambda t: np.cos(t))
    result = qsp.mfsolve(qsp.System(b.dag() * b + drive * (b + b.dag())), [0.0], [0, 1])
    result.save(tmp_path / "x.npz")
    model = qsp.load(tmp_path / "x.npz").model
    again = qsp.mfsolve(model, [0.0], [0, 1])
    np.testing.assert_allclose(again.mean, result.mean, atol=1e-9)
    # and not beyond what was stored
    with pytest.raises(errors.RightHandSideError, match="from 0 to 1 only"):
        qsp.mfsolve(model, [0.0], [0, 2])


def test_xarray(pair):
    pytest.importorskip("xarray")
    data = qsp.mfsolve(pair, [1, 1], np.linspace(0, 1, 5)).to_xarray()
    assert data["covariance"].dims == ("time", "quadrature", "quadrature_2")
    assert np.array_equal(data["time"], np.linspace(0, 1, 5))


def test_threads_do_not_meet(pair):
    times = np.linspace(0, 10, 50)
    alone = [qsp.mfsolve(pair, [1 + k, 0.5], times).covariance for k in range(6)]
    together = [None] * 6

    def work(k):
        together[k] = qsp.mfsolve(pair, [1 + k, 0.5], times).covariance

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


# ---------------------------------------------------------------- grid


@given(c=st.floats(-3, 3), p=st.floats(-3, 3), w=st.floats(0.6, 1.5))
def test_gaussians_have_their_moments(c, p, w):
    grid = qsp.Grid(256, 30.0)
    psi = grid.gaussian(c, p, w)
    x = grid.axes[0]
    assert abs(grid.norm(psi) - 1) < 1e-12
    assert abs(grid.integrate(x * np.abs(psi) ** 2) - c) < 1e-11
    assert abs(grid.integrate((x - c) ** 2 * np.abs(psi) ** 2) - w**2 / 2) < 1e-11
    assert abs(grid.inner(psi, -1j * grid.derivative(psi)) - p) < 1e-10
    assert abs(grid.inner(psi, -grid.derivative(psi, order=2)) - (p**2 + 0.5 / w**2)) < 1e-9


def test_gaussian_is_qutips_coherent_state():
    import qutip

    grid = qsp.Grid(128, 24.0)
    alpha = 0.8 - 0.6j
    psi = grid.gaussian(np.sqrt(2) * alpha.real, np.sqrt(2) * alpha.imag)
    fock = qutip.coherent(40, alpha, method="analytic").full()[:, 0]
    x = grid.axes[0]
    # Hermite functions by their recurrence
    h = [np.pi**-0.25 * np.exp(-(x**2) / 2)]
    h.append(np.sqrt(2) * x * h[0])
    for n in range(2, 40):
        h.append(np.sqrt(2 / n) * x * h[-1] - np.sqrt((n - 1) / n) * h[-2])
    assert np.abs(psi - fock @ np.array(h)).max() < 1e-12


def test_grid_in_two_dimensions():
    grid = qsp.Grid((64, 48), (20.0, 18.0))
    psi = grid.gaussian((1.0, -0.5), (0.0, 1.0))
    assert grid.shape == (64, 48)
    assert abs(grid.norm(psi) - 1) < 1e-12
    exact = psi * (1j - (grid.mesh[1] + 0.5))
    assert np.abs(grid.derivative(psi, axis=1) - exact).max() < 1e-10
    assert np.abs(grid.derivative(np.stack([psi, psi]), axis=1)[1] - exact).max() < 1e-10
    kinetic = np.fft.ifftn(grid.kinetic * np.fft.fftn(psi))
    assert (
        np.abs(kinetic + 0.5 * (grid.derivative(psi, 0, 2) + grid.derivative(psi, 1, 2))).max()
        < 1e-10
    )


def test_edge_fractions():
    grid = qsp.Grid(128, 20.0)
    inside, outside = grid.gaussian(), grid.gaussian(9.9, 0.0, 0.5)
    assert grid.edge_fraction(inside) < 1e-30
    assert grid.edge_fraction(outside) > 0.3
    assert grid.wave_edge_fraction(inside) < 1e-30
    assert grid.wave_edge_fraction(grid.gaussian(0.0, grid.wave_numbers[0].max())) > 0.9


@pytest.mark.parametrize(
    ("kw", "text"),
    [
        ({"points": 3}, "points"),
        ({"points": 65}, "even"),
        ({"length": -1.0}, "length"),
        ({"points": (8, 8, 8, 8)}, "1 to 3"),
        ({"points": (8, 8), "length": (1.0, 2.0, 3.0)}, "one entry a dimension"),
    ],
)
def test_bad_grids(kw, text):
    with pytest.raises(ValueError, match=text):
        qsp.Grid(**kw)


def test_fields_are_checked():
    grid = qsp.Grid(16, 4.0)
    assert np.allclose(grid.field("V", lambda x: x**2, float), grid.axes[0] ** 2)
    with pytest.raises(ValueError, match="V must have the grid's shape"):
        grid.field("V", np.zeros(5))
    with pytest.raises(ValueError, match="V must be finite"):
        grid.field("V", lambda x: x * np.nan)
    with pytest.raises(ValueError, match="width"):
        grid.gaussian(width=0.0)


def test_warnings_point_at_the_users_line(pair):
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        qsp.steadystate(pair, cutoff=5)
        qsp.exactsolve(pair, [0, 0], [0, 0.01, 3.0], cutoff=3)
    assert len(record) == 2
    assert all(w.category is errors.CutoffWarning and w.filename == __file__ for w in record)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"centre": 100.0}, "centre"),
        ({"width": 1e-9}, "width"),
        ({"width": 50.0}, "width"),
        ({"momentum": 30.0}, "momentum"),
    ],
)
def test_gaussians_that_the_grid_cannot_hold_are_refused(arguments, what):
    grid = qsp.Grid(64, 16.0)
    with pytest.raises(ValueError, match=what):
        grid.gaussian(**arguments)
    with pytest.raises(ValueError, match="points"):
        qsp.Grid(points=(), length=())
