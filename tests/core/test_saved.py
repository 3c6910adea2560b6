"""Results, models, views, verdicts and whatever else is found go through files, bit for bit."""

import copy
import dataclasses
import functools
import inspect
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
import qutip
import scipy.sparse

import qsyncplug as qsp
from qsyncplug.core.archive import read_archive
from qsyncplug.core.encoding import encode, sharing
from qsyncplug.core.errors import StorageError
from qsyncplug.core.result import Result
from tests.core.saved_examples import LONG, MORE, SAVED, TIMES, reason
from tests.core.test_storage import fuzz

EVERYTHING = {**SAVED, **MORE}
RING = qsp.Circle(qsp.sine(), "mean")

# whichever test makes a run first hears of its cut-off
pytestmark = pytest.mark.filterwarnings("ignore::qsyncplug.CutoffWarning")


@pytest.fixture(scope="module")
def made():
    return functools.cache(lambda name: EVERYTHING[name]())


def equal(a, b):
    """Whether two values are the same, to the last bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, qutip.Qobj):
        return a.dims == b.dims and np.array_equal(a.full(), b.full())
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[k], b[k]) for k in a)
    if scipy.sparse.issparse(a):
        return a.shape == b.shape and equal(a.toarray(), b.toarray())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, functools.partial):
        return a.func is b.func and equal(a.args, b.args)
    if hasattr(a, "to_dict_between") or (hasattr(a, "to_dict") and not isinstance(a, SKIP)):
        return equal(a.to_dict(), b.to_dict())
    if isinstance(a, Result):
        fields = ["times", *a._fields]
        return all(equal(getattr(a, n), getattr(b, n)) for n in fields) and equal(
            dict(a.e_data), dict(b.e_data)
        )
    if isinstance(a, float):
        return repr(a) == repr(b)
    if hasattr(a, "_stored_fields"):
        return equal(a._stored_fields(), b._stored_fields())
    return a == b


SKIP = (qsp.Comparison, qsp.Influence)


def encoded(value):
    arrays = {}
    with sharing():
        return encode(value, arrays, "x"), arrays


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")
@pytest.mark.parametrize("name", EVERYTHING)
def test_it_goes_through_a_file(name, made, tmp_path):
    first = made(name)
    first.save(tmp_path / "x.npz")
    back = qsp.load(tmp_path / "x.npz")
    assert isinstance(back, getattr(qsp, name, object))
    if not isinstance(first, (qsp.Prediction, qsp.Predictions)):
        assert equal(first, back)
    assert re.sub(" at 0x.*>", "", str(first)) == re.sub(" at 0x.*>", "", str(back))
    # and what came back goes through one again, as the same bytes
    back.save(tmp_path / "y.npz")
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()


@pytest.mark.parametrize("name", EVERYTHING)
def test_copies_are_whole_and_values_equal(name, made):
    """``==`` of records with arrays was an error of NumPy's, of proofs False."""
    first = made(name)
    copies = [pickle.loads(pickle.dumps(first, protocol)) for protocol in (2, 5)]
    for again in (*copies, copy.copy(first), copy.deepcopy(first)):
        assert type(again) is type(first)
        assert equal(again, first)
        assert repr(again) == repr(first)
        same = first == again
        assert type(same) is bool
        # what holds a run, a view, a model or functions is the same only where these are
        if dataclasses.is_dataclass(first) and name not in HOLDERS and "Circle" not in repr(first):
            assert same, name
    assert first == first
    assert first != 3
    assert first is not None


#: dataclasses that hold what compares by identity
HOLDERS = {
    *("Comparison", "EntrainmentCurve", "MomentState", "steady state of atoms", "PublishedFigure"),
    *("GridHamiltonian", "SchrodingerLohe", "WignerLohe", "OttAntonsen", "Populations", "Sphere"),
}


def test_values_that_differ_are_not_equal(made):
    cycle = made("LimitCycle")
    for name in ("frequency", "amplitudes", "flags"):
        other = {"frequency": 1.5, "amplitudes": cycle.amplitudes * 2, "flags": ("no",)}[name]
        assert dataclasses.replace(cycle, **{name: other}) != cycle
    proof = made("GapProof")
    assert {proof: 1}[copy.deepcopy(proof)] == 1
    assert made("LimitTorus") != made("LimitCycle")
    run = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], LONG)
    assert qsp.verdict(run) == qsp.verdict(run)


@pytest.mark.filterwarnings("ignore")
def test_another_process_reads_the_same(saved_files, tmp_path):
    """Everything, loaded where nothing of it was made, and saved again: the same bytes."""
    code = (
        "import sys, warnings, pathlib, qsyncplug as qsp\n"
        "warnings.simplefilter('ignore')\n"
        "for path in map(pathlib.Path, sys.argv[2:]):\n"
        "    qsp.load(path).save(pathlib.Path(sys.argv[1]) / path.name)\n"
    )
    command = [sys.executable, "-c", code, tmp_path, *saved_files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for path, name in zip(saved_files, EVERYTHING, strict=True):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), name


@pytest.mark.parametrize("name", [n for n in EVERYTHING if n.endswith("Result") or "run of" in n])
def test_results_go_through_netcdf(name, made, tmp_path):
    """Of any engine of xarray's: complex arrays in two parts."""
    xarray = pytest.importorskip("xarray")
    result = made(name)
    data, plain = result.to_xarray(real=True), result.to_xarray()
    data.to_netcdf(tmp_path / "x.nc")
    back = xarray.load_dataset(tmp_path / "x.nc")
    assert back.equals(data) and back.attrs == data.attrs
    for key, array in plain.data_vars.items():
        if array.dtype.kind == "c":
            assert np.array_equal(back[f"{key}_real"] + 1j * back[f"{key}_imag"], array)
        else:
            assert np.array_equal(back[key], array, equal_nan=array.dtype.kind == "f")


@pytest.mark.parametrize("name", EVERYTHING)
def test_results_know_how_many_nodes_they_have(name, made):
    run = made(name)
    # mergers have no view
    if isinstance(run, Result) and not isinstance(run, qsp.CoalesceResult):
        assert run.n == qsp.synchronization(run).n


def test_every_public_class_is_saved_or_has_a_reason_not_to_be():
    for name in qsp.__all__:
        if inspect.isclass(getattr(qsp, name)):
            assert (name in SAVED) != (reason(name) is not None), name
    for name in SAVED:
        assert hasattr(getattr(qsp, name), "save"), name


def test_everything_that_a_file_can_name_is_tested(made):
    """Classes that are not public are parts of those that are."""
    from qsyncplug.core.encoding import CLASSES

    seen = {type(made(name)).__name__ for name in EVERYTHING}
    parts = {
        "Check",
        "Dynamics",
        "Flow",
        "Kind",
        "Label",
        "LohePrediction",
        "Row",
        "Spectra",
        "Quantum",
        "_Attention",
        "_Custom",
        "_Sine",
    }
    assert set(CLASSES) - seen - parts - _bases(seen, CLASSES) == set()


def _bases(seen, classes):
    """Classes of which only subclasses exist, and those of tests."""
    return {
        name
        for name, kind in classes.items()
        if kind.__module__.startswith("test")
        or any(issubclass(classes[s], kind) for s in seen if s in classes)
    }


def test_a_verdict_of_a_loaded_view_is_the_same(made, tmp_path):
    for name in ("SyncView", "view of a mean field", "view of Möbius maps"):
        view = made(name)
        view.save(tmp_path / "x.npz")
        back = qsp.load(tmp_path / "x.npz")
        first, again = qsp.verdict(view), qsp.verdict(back)
        assert str(first) == str(again)
        assert np.array_equal(view.correlations, back.correlations)


def test_a_run_met_twice_is_written_once(made, tmp_path):
    view = made("view of a mean field")
    view.save(tmp_path / "x.npz")
    dynamics = qsp.load(tmp_path / "x.npz").dynamics
    assert dynamics.flow.velocity.args[0] is dynamics.flow.exponents.args[0]
    _, arrays = read_archive(tmp_path / "x.npz")
    assert sum(name.endswith("covariance") for name in arrays) == 1


def test_predictions_keep_their_words_and_say_that_their_tests_are_gone(made, tmp_path):
    found = made("Predictions")
    assert len(found) > 0
    found.save(tmp_path / "x.npz")
    back = qsp.load(tmp_path / "x.npz")
    assert back.names == found.names
    for a, b in zip(found, back, strict=True):
        assert type(a) is type(b)
        assert (a.statement, a.rate, a.period) == (b.statement, b.rate, b.period)
        assert equal(a.limits, b.limits)
    untested = qsp.Prediction("one", "all", "here", test=lambda result: (True, "yes"))
    untested.save(tmp_path / "y.npz")
    outcome = qsp.load(tmp_path / "y.npz").check(None)
    assert outcome.passed is None
    assert "again" in outcome.found


def test_models_of_functions_of_time(tmp_path):
    (b,) = qsp.modes(1)
    coefficient = qutip.coefficient(lambda t: np.cos(t))
    system = qsp.System(b.dag() * b + coefficient * (b + b.dag()), [b])
    with pytest.raises(StorageError, match=r"give times="):
        system.save(tmp_path / "x.npz")
    system.save(tmp_path / "x.npz", times=[0.0, 1.0])
    back = qsp.load(tmp_path / "x.npz")
    runs = [qsp.mfsolve(s, [0.5], TIMES).mean for s in (system, back)]
    assert np.abs(runs[0] - runs[1]).max() < 1e-9


def test_functions_that_a_file_cannot_hold_are_refused(tmp_path):
    kernel = qsp.Circle(lambda x: np.tanh(np.sin(x)), normalization=lambda n: n)
    with pytest.raises(StorageError, match="functions"):
        kernel.save(tmp_path / "x.npz")
    view = qsp.SyncView.of(
        [0.0, 1.0],
        {"masses": np.ones((2, 2))},
        about=qsp.About(dynamics=dataclasses.replace(_facts(), phases=lambda part: None)),
    )
    with pytest.raises(StorageError, match=r"phases.*leave it out"):
        view.save(tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())


def _facts():
    from qsyncplug.sync.dynamics import Dynamics, Kind

    return Dynamics(Kind.PHASES)


def test_functions_of_a_view_are_asked_for_their_arrays(tmp_path):
    view = qsp.SyncView([0.0, 1.0], masses=lambda: np.array([[1.0, 2.0], [1 / 3, 4.0]]))
    view.save(tmp_path / "x.npz")
    assert np.array_equal(qsp.load(tmp_path / "x.npz").masses, view.masses)


def test_a_comparison_is_written_as_json_too(made, tmp_path):
    comparison = made("Comparison")
    assert comparison.save(tmp_path / "x").suffix == ".json"
    assert comparison.save(tmp_path / "x.npz").suffix == ".npz"
    assert str(qsp.load(tmp_path / "x.npz")) == str(comparison)


def test_only_functions_of_the_package_come_back(tmp_path, made):
    from qsyncplug.core.archive import write_archive

    made("SyncView").save(tmp_path / "x.npz")
    header, arrays = read_archive(tmp_path / "x.npz")
    dynamics = header["fields"]["about"]["header"]["fields"]["dynamics"]["header"]["fields"]
    for name in ("os.system", "builtins.eval", "qsyncplug.core.storage.load"):
        dynamics["phases"]["function"] = name
        write_archive(tmp_path / "y.npz", header, arrays)
        with pytest.raises(StorageError):
            qsp.load(tmp_path / "y.npz")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("LimitTorus", lambda h, a: _retyped(a, "frequencies", complex), "frequencies holds num"),
        ("LimitCycle", lambda h, a: _retyped(a, "coordinates", bool), "coordinates holds numbers"),
        ("GapProof", lambda h, a: _retyped(a, "slopes", complex), "slopes holds numbers"),
        ("phase of atoms", lambda h, a: _retyped(a, "moments", bool), "moments holds numbers"),
        ("SynchronizationCertificate", lambda h, a: h["fields"].update(proof=None), "has a proof"),
        ("not certified", lambda h, a: h["fields"].update(certified=True), "has a proof"),
        ("System", lambda h, a: _power(h["model"], -1), "no product of"),
        ("System", lambda h, a: _power(h["model"], []), "no product of"),
        ("CumulantResult", lambda h, a: h["stats"]["items"].clear(), "which moments"),
    ],
)
def test_fields_of_a_wrong_type_are_refused(name, change, message, made, tmp_path):
    """The checksum is right: somebody wrote the file so."""
    from qsyncplug.core.archive import write_archive

    made(name).save(tmp_path / "x.npz")
    header, arrays = read_archive(tmp_path / "x.npz")
    change(header, arrays)
    write_archive(tmp_path / "x.npz", header, arrays)
    with pytest.raises(StorageError, match=message):
        qsp.load(tmp_path / "x.npz")


def _retyped(arrays, name, kind):
    (key,) = (k for k in arrays if f".{name}:" in k)
    arrays[key] = arrays[key].astype(kind)


def _power(model, power):
    factor = model["hamiltonian"][0][0][0]
    factor[1] = [power, 0] if power else []


@pytest.fixture(scope="module")
def saved_files(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    paths = []
    for k, name in enumerate(EVERYTHING):
        made(name).save(folder / f"{k}.npz")
        paths.append(folder / f"{k}.npz")
    return paths


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_raise_storage_errors(saved_files, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda f: None)
    assert fuzz(saved_files, tmp_path, 400, 3) > 250


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_many_mutated_files(saved_files, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda f: None)
    assert fuzz(saved_files, tmp_path, 20_000, 4) > 10_000


@pytest.mark.parametrize(
    ("make", "instead"),
    [
        (lambda: qsp.verdict(qsp.circlesolve(RING, [0.0, 1.0], np.linspace(0, 9, 41))), "label"),
        (lambda: qsp.basin_of_synchronization(RING, 3, ntraj=2, seed=1), "probability"),
        (lambda: qsp.stability(RING, np.zeros(3)), "stable"),
    ],
)
def test_what_answers_several_questions_is_no_yes_or_no(make, instead):
    """``if qsp.verdict(run):`` would hold for "drifting" too."""
    answer = make()
    with pytest.raises(TypeError, match=rf"a {type(answer).__name__} is no yes or no: .*{instead}"):
        bool(answer)
