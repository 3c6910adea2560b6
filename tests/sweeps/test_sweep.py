"""A sweep gives what a loop gives, whatever runs it, and says what went wrong where."""

import concurrent.futures as futures
import functools
import multiprocessing
import pathlib
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import qutip
import qutip.solver.parallel

import qsyncplug as qsp
from qsyncplug.core.errors import (
    CutoffWarning,
    QsyncplugWarning,
    SolverInterrupted,
    StorageError,
    TimeLimitError,
)
from qsyncplug.sweeps import SweepError, sweep
from qsyncplug.sweeps.identity import digest

xr = pytest.importorskip("xarray")
pytest.importorskip("zarr")
pytest.importorskip("cloudpickle")

GRID = {"x": np.linspace(0.0, 1.0, 4), "y": [1, 2, 3]}


def everything(x, y):
    """A number, a complex number, a text, arrays."""
    return {
        "sum": x + y,
        "turn": np.exp(1j * x * y),
        "side": "above" if x * y > 1 else "below",
        "powers": x ** np.arange(4),
    }


def same(data):
    """Every value of a complete sweep of ``everything`` is that of a loop."""
    assert np.all(data["status"] == 1)
    for i, x in enumerate(GRID["x"]):
        for j, y in enumerate(GRID["y"]):
            want = everything(float(x), y)
            for name, value in want.items():
                assert np.array_equal(data[name].values[i, j], value), (name, x, y)


def local():
    """The same, as a function that only cloudpickle can send: workers cannot import a test."""

    def inner(x, y):
        return {
            "sum": x + y,
            "turn": np.exp(1j * x * y),
            "side": "above" if x * y > 1 else "below",
            "powers": x ** np.arange(4),
        }

    return inner


# ------------------------------------------------------------ values


@pytest.mark.parametrize("stored", [False, True])
def test_a_grid_is_a_loop(tmp_path, stored):
    path = tmp_path / "a.zarr" if stored else None
    same(sweep(everything, GRID, path=path))
    assert all(type(side) is str for side in sweep(everything, GRID)["side"].values.ravel())
    if stored:
        same(xr.open_zarr(path, consolidated=False, chunks=None))
        same(sweep(everything, GRID, path=path))  # nothing left to do


def test_lists_scalars_seeds_and_units():
    data = sweep(lambda a, b: a - b, [{"a": 3, "b": 1}, {"a": 5, "b": 9}])
    assert data["value"].dims == ("point",)
    assert data["value"].values.tolist() == [2, -4]
    assert data["b"].values.tolist() == [1, 9]

    drawn = sweep(
        lambda seed, scale: scale * np.random.default_rng(seed).normal(), {"scale": 2.0}, seeds=3
    )
    assert drawn.sizes == {"seed": 3}
    assert drawn["value"].values[2] == 2 * np.random.default_rng(2).normal()
    assert drawn["scale"].values == 2.0

    times = xr.DataArray([0.5, 1.0], dims="t", attrs={"units": "1/g"})
    assert sweep(lambda t: t, {"t": times})["t"].attrs == {"units": "1/g"}


def test_xarray_answers_keep_their_coordinates(tmp_path):
    def spectrum(width):
        w = np.linspace(-1, 1, 5)
        return xr.DataArray(width / (w**2 + width**2), dims="omega", coords={"omega": w}, name="S")

    path = tmp_path / "s.zarr"
    data = sweep(spectrum, {"width": [0.1, 0.2]}, path=path)
    assert data["S"].dims == ("width", "omega")
    assert data["S"].sel(width=0.2, omega=0.0) == pytest.approx(5.0)
    again = sweep(spectrum, {"width": [0.1, 0.2]}, path=path)
    assert again["S"].identical(data["S"])


def test_measures_of_what_comes_back():
    times = np.linspace(0, 3, 7)

    def pair(detuning):
        return qsp.mfsolve(qsp.van_der_pol_pair(detuning=detuning), [1, 1j], times)

    data = sweep(
        pair, {"detuning": [0.0, 0.5]}, measures=["order_parameter", "frequency", "coherence"]
    )
    assert data["order_parameter"].dims == ("detuning", "time")
    assert data["frequency"].dims == ("detuning", "time", "node")
    assert data["coherence"].dims == ("detuning", "time", "node", "other")
    view = qsp.synchronization(pair(0.5))
    assert np.array_equal(data["coherence"][1], qsp.measures.coherence(view), equal_nan=True)
    last = sweep(
        pair,
        {"detuning": [0.5]},
        measures={"last": lambda view: qsp.measures.order_parameter(view)[-1]},
    )
    assert last["last"].values[0] == qsp.measures.order_parameter(view)[-1]


def test_every_point_brings_the_same_arrays():
    with pytest.warns(QsyncplugWarning, match=r"1 of 3 points failed, first at n=3"):
        data = sweep(lambda n: np.ones(2 if n < 3 else n), {"n": [1, 2, 3]})
    assert data["status"].values.tolist() == [1, 1, 2]
    assert "shape (3,), earlier points (2,)" in data["error"].values[2]
    with pytest.warns(QsyncplugWarning, match="complex, but was real"):
        data = sweep(lambda n: 1j if n == 2 else 1.0, {"n": [1, 2]})
    assert np.array_equal(data["value"], [1.0, np.nan], equal_nan=True)


# ------------------------------------------------------------ engines


ENGINES = {
    "serial": lambda: None,
    "two processes": lambda: 2,
    "threads": lambda: futures.ThreadPoolExecutor(2),
    "spawned": lambda: futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")),
    "serial_map": lambda: qutip.solver.parallel.serial_map,
}


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_agree(engine, tmp_path):
    executor = ENGINES[engine]()
    try:
        data = sweep(local(), GRID, executor=executor, path=tmp_path / "a.zarr")
        assert data["status"].shape == (len(GRID["x"]), len(GRID["y"]))
        same(data)
    finally:
        if isinstance(executor, futures.Executor):
            executor.shutdown()


SCRIPT = """
import sys, numpy as np
import qsyncplug as qsp
from qsyncplug.sweeps import sweep

def f(x, y):
    import os
    return {"value": x * y, "pid": os.getpid()}

def check(data, workers):
    assert np.array_equal(data["value"], np.outer(np.arange(8.0), [1, 2, 3])), data
    pids = set(data["pid"].values.ravel().tolist())
    assert len(pids) == workers and os.getpid() not in pids, pids
    print("ok")

import os
grid = {"x": np.arange(8.0), "y": [1, 2, 3]}
path = sys.argv[1]
"""
DASK = """
if __name__ == "__main__":
    from dask.distributed import Client, LocalCluster
    def slow(x, y):
        import time; time.sleep(0.02); return f(x, y)
    size = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with LocalCluster(dashboard_address=None, **size) as cluster:
        with Client(cluster) as client:
            check(sweep(slow, grid, executor=client, path=path), 2)
"""
MPI = """
if __name__ == "__main__":
    from mpi4py.futures import MPIPoolExecutor
    with MPIPoolExecutor() as pool:
        check(sweep(f, grid, executor=pool, path=path), 1)
"""
MAP = """
if __name__ == "__main__":
    import functools
    from qutip.solver.parallel import parallel_map
    def slow(x, y):
        import time; time.sleep(0.05); return f(x, y)
    two = functools.partial(parallel_map, map_kw={"num_cpus": 2})
    check(sweep(slow, grid, executor=two, path=path), 2)
"""


def _run(tmp_path, script, *before):
    file = tmp_path / "script.py"
    file.write_text(SCRIPT + script)
    done = subprocess.run(
        [*before, str(file), str(tmp_path / "a.zarr")], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()


def test_a_parallel_map_of_qutip(tmp_path):
    assert "ok" in _run(tmp_path, MAP, sys.executable)


def test_a_script_without_a_guard_is_told_so(tmp_path):
    file = tmp_path / "script.py"
    file.write_text(
        "from qsyncplug.sweeps import sweep\n"
        "def f(x):\n    return x\n"
        "sweep(f, {'x': [1, 2]}, executor=2)\n"
    )
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode
    assert "the call belongs under if __name__ == '__main__'" in done.stderr


@pytest.mark.slow
def test_a_dask_cluster(tmp_path):
    pytest.importorskip("distributed")
    assert "ok" in _run(tmp_path, DASK, sys.executable)


@pytest.mark.slow
def test_two_mpi_ranks(tmp_path):
    """One rank drives, one works."""
    import shutil

    pytest.importorskip("mpi4py")
    mpiexec = shutil.which("mpiexec", path=f"{sys.prefix}/bin:/usr/bin:/usr/local/bin")
    if mpiexec is None:
        pytest.skip("no mpiexec: pip install mpich")
    assert "ok" in _run(tmp_path, MPI, mpiexec, "-n", "2", sys.executable, "-m", "mpi4py.futures")


def test_workers_compute_on_one_thread():
    pytest.importorskip("threadpoolctl")

    def threads(k):
        import numpy as np
        import threadpoolctl

        np.linalg.eigvalsh(np.eye(2))
        return max((p["num_threads"] for p in threadpoolctl.threadpool_info()), default=1)

    data = sweep(threads, {"k": [1, 2, 3]}, executor=1)
    assert data["value"].values.tolist() == [1, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("stored", [False, True])
def test_small_points_cost_little(stored, tmp_path):
    """10⁴ points on a process pool: at most 1 ms each, starting the pool included."""
    grid = {"x": np.arange(100.0), "y": np.arange(100.0)}

    def product(x, y):
        return x * y

    begin = time.perf_counter()
    data = sweep(product, grid, executor=2, path=tmp_path / "p.zarr" if stored else None)
    each = (time.perf_counter() - begin) / 1e4
    assert np.array_equal(data["value"], np.outer(grid["x"], grid["y"]))
    assert each < 1e-3, f"{1e3 * each:.2f} ms a point"


# ------------------------------------------------------------ what goes wrong


def test_failed_points_are_kept_and_retried_on_request(tmp_path):
    path, switch, calls = tmp_path / "a.zarr", tmp_path / "mended", tmp_path / "calls"

    def fragile(x):
        # a list would be part of what identifies the function
        with calls.open("a") as f:
            f.write(f"{x} ")
        if x == 2 and not switch.exists():
            raise ValueError("two is hard")
        return x * 10

    with pytest.warns(
        QsyncplugWarning, match=r"1 of 3 points failed, first at x=2: ValueError: two is hard"
    ):
        data = sweep(fragile, {"x": [1, 2, 3]}, path=path)
    assert data["error"].values.tolist() == ["", "ValueError: two is hard", ""]
    switch.touch()
    with pytest.warns(QsyncplugWarning, match="failed"):
        sweep(fragile, {"x": [1, 2, 3]}, path=path)  # said again, not run again
    assert calls.read_text() == "1 2 3 "
    data = sweep(fragile, {"x": [1, 2, 3]}, path=path, options={"retry": True})
    assert calls.read_text() == "1 2 3 2 "
    assert data["value"].values.tolist() == [10, 20, 30]
    assert data["error"].values.tolist() == ["", "", ""]


def test_all_points_failing_is_an_error():
    with pytest.raises(
        SweepError, match="all 2 points failed, first at x=1: ZeroDivisionError"
    ) as info:
        sweep(lambda x: x / 0, {"x": [1, 2]})
    assert info.value.dataset["status"].values.tolist() == [2, 2]


@pytest.mark.parametrize("executor", [None, 2])
def test_warnings_come_once_a_kind(executor):
    def warner(x):
        import warnings

        warnings.warn(f"the cut-off {x} is too low", CutoffWarning, stacklevel=1)
        if x == 3:
            warnings.warn("odd", RuntimeWarning, stacklevel=1)
        return x

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sweep(warner, {"x": [1, 2, 3]}, executor=executor)
    texts = sorted((w.category.__name__, str(w.message)) for w in caught)
    assert [t[0] for t in texts] == ["CutoffWarning", "RuntimeWarning"]
    assert texts[0][1].startswith("at 3 of 3 points, first at x=")
    assert texts[1][1] == "at 1 of 3 points, first at x=3: odd"


def test_time_limit_and_interrupt_keep_what_is_done(tmp_path):
    def slow(x):
        time.sleep(0.05)
        return x

    with pytest.raises(TimeLimitError, match="of 100 points are done") as info:
        sweep(slow, {"x": np.arange(100)}, path=tmp_path / "a.zarr", options={"time_limit": 0.2})
    done = info.value.result["status"].values == 1
    assert 1 <= done.sum() < 20
    stored = xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)
    assert np.array_equal(stored["status"].values == 1, done)
    assert np.array_equal(stored["value"].values[done], np.flatnonzero(done))

    def stop(x):
        if x == 3:
            raise KeyboardInterrupt
        return x

    with pytest.raises(SolverInterrupted, match="3 of 5 points") as info:
        sweep(stop, {"x": np.arange(5)})
    assert info.value.result["value"].values[:3].tolist() == [0, 1, 2]


def test_another_sweep_is_not_mixed_in(tmp_path):
    path = tmp_path / "a.zarr"

    def first(x, k=1):
        return k * x

    sweep(first, {"x": [1, 2]}, path=path)
    with pytest.raises(ValueError, match=r"these differ: the values of x \(\[1, 2\]"):
        sweep(first, {"x": [1, 3]}, path=path)

    def other():
        def first(x, k=2):
            return k * x

        return first

    changed = other()
    changed.__qualname__ = first.__qualname__
    with pytest.raises(ValueError, match="these differ: the text of the function"):
        sweep(changed, {"x": [1, 2]}, path=path)
    # what was read off is never taken for something else
    for checked in (True, False):
        with pytest.raises(ValueError, match=r'measures \(null there, \["coherence"\] now\)'):
            options = {"check_function": checked}
            sweep(first, {"x": [1, 2]}, measures="coherence", path=path, options=options)
    data = sweep(changed, {"x": [1, 2]}, path=path, options={"overwrite": True})
    assert data["value"].values.tolist() == [2, 4]


def test_values_that_are_new_are_joined_as_the_error_says(tmp_path):
    def square(x, y):
        if x == y:
            raise ValueError("equal")
        return {"square": x**2 + y, "side": "left" if x < y else "right"}

    path, y = tmp_path / "a.zarr", [1, 2]
    with pytest.warns(QsyncplugWarning, match="2 of 6 points failed"):
        old = sweep(square, {"x": [0, 1, 2], "y": y}, path=path)
    with pytest.raises(ValueError, match=r"values of x .*xarray\.concat"):
        sweep(square, {"x": [0, 1, 2, 3], "y": y}, path=path)
    new = sweep(square, {"x": [3], "y": y}, path=tmp_path / "b.zarr")
    both = xr.concat([old, new], dim="x")
    with pytest.warns(QsyncplugWarning):
        assert both.drop_vars("seconds").equals(
            sweep(square, {"x": [0, 1, 2, 3], "y": y}).drop_vars("seconds")
        )


# ------------------------------------------------------------ systems, and what is found


def test_a_builder_of_systems(tmp_path):
    """Against QuTiP: the steady state of the operators, and expectation values in it."""

    def solve(system):
        return qsp.steadystate(system, cutoff=8)

    grid = {"detuning": [0.0, 1.5], "loss": 4.0, "dissipative": [0.5, 2.0]}
    measures = {
        "coherence": lambda view: qsp.measures.coherence(view)[0, 0, 1],
        "said": "verdict",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        here = sweep(qsp.van_der_pol_pair, grid, solve=solve, measures=measures)
        there = sweep(qsp.van_der_pol_pair, grid, solve=solve, measures=measures, executor=2)
    assert here.drop_vars("seconds").equals(there.drop_vars("seconds"))
    a, one = qutip.destroy(8), qutip.qeye(8)
    a1, a2 = qutip.tensor(a, one), qutip.tensor(one, a)
    for i, detuning in enumerate(grid["detuning"]):
        for j, dissipative in enumerate(grid["dissipative"]):
            pair = qsp.van_der_pol_pair(detuning=detuning, loss=4.0, dissipative=dissipative)
            rho = qutip.steadystate(*pair.qutip(cutoff=8))
            n1, n2 = (qutip.expect(b.dag() * b, rho) for b in (a1, a2))
            want = abs(qutip.expect(a1.dag() * a2, rho)) / np.sqrt(n1 * n2)
            assert float(here["coherence"][i, j]) == pytest.approx(want, abs=1e-7)
    assert set(here["said"].values.ravel()) <= {"phase preference", "unsynchronised"}


def test_a_system_without_a_solver_is_told_what_is_missing():
    with pytest.raises(SweepError, match=r"returned a System: say with solve="):
        sweep(qsp.van_der_pol_pair, {"detuning": [0.0, 1.0]})
    with pytest.raises(TypeError, match="solve must be a function"):
        sweep(qsp.van_der_pol_pair, {"detuning": [0.0]}, solve="steadystate")


def test_spectra_and_verdicts_are_kept():
    w = np.linspace(-2, 2, 9)

    def spectrum(detuning):
        system = qsp.van_der_pol_pair(detuning=detuning, loss=4.0)
        return qsp.spectrum(system, system.operators[0], w, cutoff=9)

    data = sweep(spectrum, {"detuning": [0.0, 1.0]})
    assert data["values"].dims == ("detuning", "w")
    assert np.array_equal(data["w"], w)
    assert np.array_equal(data["values"].values[1], spectrum(1.0).values)
    assert float(data["spectrum_error"][1]) == spectrum(1.0).error

    def said(coupling):
        circle = qsp.Circle(qsp.sine(), "mean", coupling=coupling, frequencies=[-0.5, 0.5])
        return qsp.verdict(qsp.circlesolve(circle, [0.0, 1.0], np.linspace(0, 60, 601)))

    found = sweep(said, {"coupling": [0.2, 3.0]})
    assert found["label"].values.tolist() == ["drifting", "phase-locked"]
    # two Kuramoto oscillators: the beat √(Δ²−K²)
    assert abs(found["beat"][0] - np.sqrt(1 - 0.2**2)) <= found["beat_error"][0]
    assert np.isnan(found["beat"][1])


def test_a_function_of_a_notebook_beside_one_of_a_module(tmp_path):
    """Measures and solvers that only live in __main__ reach the workers too."""
    code = (
        "import qsyncplug as qsp\n"
        "def solve(system): return qsp.mfsolve(system, [1, 1j], [0.0, 1.0])\n"
        "def last(view): return abs(view.amplitudes[-1, 0])\n"
        "grid = {'detuning': [0.0, 1.0]}\n"
        "for executor in (None, 1):\n"
        "    data = qsp.sweep(qsp.van_der_pol_pair, grid, solve=solve,\n"
        "                     measures={'last': last}, executor=executor)\n"
        "    print(data['last'].values.tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    first, second = done.stdout.splitlines()
    assert first == second, done.stderr


_scale = 1.0


def _read_from_the_module(x):
    return _scale * x


def _oscillator(frequency):
    (b,) = qsp.modes(1)
    return qsp.System(frequency * b.dag() * b, [b])


def _driven(strength):
    (b,) = qsp.modes(1)

    def pulse(t):
        return strength * np.cos(t)

    return qsp.System(b.dag() * b + pulse * (b + b.dag()), [b])


class _Owner:
    def __init__(self, value):
        self.value = value

    def times(self, x):
        return self.value * x


@pytest.mark.parametrize(
    "make",
    [
        _oscillator,
        _driven,
        lambda value: qutip.coherent(6, value),
        lambda value: qutip.QobjEvo([qutip.num(3), [qutip.num(3), lambda t: value * t]]),
        lambda value: qsp.Circle(qsp.sine(), "mean", frequencies=[value, -value]),
        lambda value: qsp.SchrodingerLohe(qutip.num(3), coupling=value),
        lambda value: {1, value + 7},
        lambda value: functools.lru_cache(lambda x: value * x),
        _Owner,
    ],
)
def test_a_store_belongs_to_the_system_that_its_function_holds(tmp_path, make):
    def function_of(held):
        def function(x):
            assert held is not None
            return x

        return function

    path = tmp_path / "a.zarr"
    sweep(function_of(make(1.0)), {"x": [1.0]}, path=path)
    # the same, made anew
    sweep(function_of(make(1.0)), {"x": [1.0]}, path=path)
    with pytest.raises(ValueError, match="these differ: the text of the function"):
        sweep(function_of(make(2.0)), {"x": [1.0]}, path=path)


def test_a_store_belongs_to_what_its_function_reads_and_to_the_owner_of_a_method(
    tmp_path, monkeypatch
):
    sweep(_read_from_the_module, {"x": [1.0]}, path=tmp_path / "a.zarr")
    monkeypatch.setitem(globals(), "_scale", 2.0)
    with pytest.raises(ValueError, match="these differ: the text of the function"):
        sweep(_read_from_the_module, {"x": [1.0]}, path=tmp_path / "a.zarr")
    sweep(_Owner(1.0).times, {"x": [1.0]}, path=tmp_path / "b.zarr")
    with pytest.raises(ValueError, match="these differ: the text of the function"):
        sweep(_Owner(2.0).times, {"x": [1.0]}, path=tmp_path / "b.zarr")


def test_digests_are_the_same_in_another_process():
    code = (
        "from tests.sweeps.test_sweep import _driven, _oscillator, _Owner, digest\n"
        "print(digest(_driven(1.0), _oscillator(1.0), _Owner(1.0), {'a', 'b'}, _driven))"
    )
    here = digest(_driven(1.0), _oscillator(1.0), _Owner(1.0), {"a", "b"}, _driven)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=pathlib.Path(__file__).parents[2],
    )
    assert done.stdout.split() == [here], done.stderr


def test_folders_that_are_no_sweep_are_never_touched(tmp_path):
    mine = tmp_path / "thesis"
    mine.mkdir()
    (mine / "chapter.tex").write_text("years of work")
    for options in (None, {"overwrite": True}):
        with pytest.raises(StorageError, match="is no sweep"):
            sweep(lambda x: x, {"x": [1]}, path=mine, options=options)
    assert (mine / "chapter.tex").read_text() == "years of work"


def test_a_damaged_store_is_refused(tmp_path):
    path = tmp_path / "a.zarr"

    def f(x):
        return x

    sweep(f, {"x": np.arange(600.0)}, path=path)
    for file in sorted(path.rglob("*")):
        if not file.is_file():
            continue
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        try:
            with pytest.raises((StorageError, ValueError), match=r"damaged|is no sweep|differ"):
                sweep(f, {"x": np.arange(600.0)}, path=path)
        except pytest.fail.Exception:
            # a coordinate is written anew at every call: nothing is lost with it
            assert file.relative_to(path).parts[0] == "x"
        file.write_bytes(whole)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((3, {"x": [1]}), TypeError, "function must be callable, not 3"),
        ((everything, [1, 2]), TypeError, "parameters\\[0\\] must be a dict"),
        ((everything, "xy"), TypeError, "parameters must be a dict of arrays or a list"),
        ((everything, {}), ValueError, "at least one parameter"),
        ((everything, {"x": [], "y": 1}), ValueError, "at least one value"),
        ((everything, {"x": [1.0, np.nan], "y": 1}), ValueError, "must be finite; it holds nan"),
        ((everything, {"x": np.ones((2, 2)), "y": 1}), ValueError, "one-dimensional"),
        ((everything, {"x": np.ma.masked_array([1, 2], [0, 1]), "y": 1}), TypeError, "masked"),
        ((everything, {"x": [1], "z": [2]}), TypeError, "cannot take the parameters x, z"),
        ((everything, {"x y": [1]}), TypeError, "valid argument name"),
        ((lambda status: 1, {"status": [1]}), ValueError, "what the sweep itself keeps"),
        ((everything, [{"x": 1, "y": 1}, {"x": 1}]), ValueError, "parameters\\[1\\] has the names"),
    ],
)
def test_bad_arguments(arguments, error, text):
    with pytest.raises(error, match=text):
        sweep(*arguments)


@pytest.mark.parametrize(
    ("keywords", "error", "text"),
    [
        ({"measures": "charm"}, ValueError, "measures\\['charm'\\] must be callable, 'verdict' or"),
        ({"measures": 3}, TypeError, "measures must be names"),
        ({"executor": "dask"}, TypeError, "executor must be None, a number of processes"),
        ({"executor": True}, TypeError, "executor must be None"),
        ({"executor": 0}, ValueError, "executor must be at least 1"),
        ({"seeds": 0}, ValueError, "seeds must be at least 1"),
        ({"options": {"retry": "yes"}}, TypeError, "options\\['retry'\\] must be True or False"),
        ({"options": {"colour": 1}}, KeyError, "unknown option 'colour'"),
    ],
)
def test_bad_keywords(keywords, error, text):
    with pytest.raises(error, match=text):
        sweep(everything, GRID, **keywords)
