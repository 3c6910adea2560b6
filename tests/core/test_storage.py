"""Files: everything that goes in comes out or is refused; nothing bad in a file gets far."""

import copy
import json
import pickle
import sys
import threading
import zipfile

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core import archive
from qsyncplug.core.archive import read_archive, write_archive
from qsyncplug.core.encoding import decode, encode
from qsyncplug.core.errors import StorageError

TIMES = np.linspace(0, 1, 4)
GRID = qsp.Grid(32, 12.0)


def _harmonic(x):
    return x**2 / 2


def circle():
    model = qsp.Circle(qsp.sine(), frequencies=[-0.1, 0.0, 0.2], weights=[1.0, 2.0, 1.0])
    return qsp.circlesolve(model, [0.0, 1.0, 2.0], TIMES)


def meanfield():
    return qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], TIMES, options={"store_states": True})


def exact():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [0.3 * b])
    return qsp.exactsolve(system, [0.5], TIMES, cutoff=10)


def tree():
    return qsp.coalesce(qsp.Circle(qsp.sine()), np.linspace(0, 3, 7))


def lohe(method="reduction"):
    model = qsp.SchrodingerLohe(qsp.GridHamiltonian(GRID, _harmonic), coupling=1.0)
    psi = [GRID.gaussian(0.5), GRID.gaussian(-0.4), GRID.gaussian(0.1, 0.3)]
    return qsp.slsolve(model, psi, TIMES, options={"method": method, "step": 0.05})


def wigner():
    model = qsp.WignerLohe(GRID, _harmonic, coupling=1.0)
    return qsp.wlsolve(model, [GRID.gaussian(0.5), GRID.gaussian(-0.4)], TIMES)


def chains():
    return qsp.mfsolve(qsp.SpinChains((6, 8)), [0.5, 0.3j], TIMES)


FAMILIES = [circle, meanfield, exact, tree, lohe, wigner, chains]


def same(a, b):
    """Arrays, values, statistics, model."""
    assert type(a) is type(b)
    assert np.array_equal(a.times, b.times)
    for name in a._fields:
        u, v = getattr(a, name), getattr(b, name)
        assert (u is None) == (v is None), name
        if u is not None:
            assert u.dtype == v.dtype
            assert np.array_equal(u, v, equal_nan=u.dtype.kind in "fc"), name
    assert list(a.e_data) == list(b.e_data)
    assert str(a.model) == str(b.model)
    assert set(a.stats) == set(b.stats)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_goes_through_a_file_twice(family, tmp_path):
    result = family()
    for k in range(2):
        result.save(tmp_path / f"{k}.npz")
        back = qsp.load(tmp_path / f"{k}.npz")
        assert back is not result
        assert np.array_equal(back.times, result.times)
        same(result, back)
        result = back


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_copied_and_pickled(family):
    """Or it says that it cannot; what comes back is whole, and Python is alive."""
    result = family()
    for copied in (
        copy.copy(result),
        copy.deepcopy(result),
        pickle.loads(pickle.dumps(result)),
    ):
        assert copied is not result
        assert repr(copied) == repr(result)
        same(result, copied)


def test_kernels_refuse_to_be_pickled():
    from qsyncplug._ext.equations import LinearRightHandSide
    from qsyncplug._ext.integrator import Integrator

    rhs = LinearRightHandSide(np.eye(2))
    for kernel in (rhs, Integrator(rhs), qsp.van_der_pol_pair().polynomials()):
        for action in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                action(kernel)


# ---------------------------------------------------------------- values of users

KEPT = {
    "qobj": lambda t, s: qutip.basis(3, int(2 * t)),
    "sparse": lambda t, s: qutip.num(4).to("CSR") * t,
    "dict": lambda t, s: {"a": t, 1: [t, None], ("x", 2): {"deep": 1j * t}},
    "none": lambda t, s: None if t < 0.5 else t,
    "ragged": lambda t, s: np.arange(int(3 * t)),
    "arrays": lambda t, s: np.full((2, 3), t),
    "text": lambda t, s: f"{t:g}",
    "tuples": lambda t, s: (t, (1j, np.float64(t))),
    "odd": lambda t, s: [np.inf, -np.inf, True, np.int8(3), 10**30],
}


@pytest.mark.parametrize("kind", KEPT)
def test_values_of_e_ops_are_kept(kind, tmp_path):
    result = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1], TIMES, e_ops={kind: KEPT[kind]})
    result.save(tmp_path / "x.npz")
    back = qsp.load(tmp_path / "x.npz").e_data[kind]
    assert len(back) == 4
    for u, v in zip(result.e_data[kind], back, strict=True):
        assert type(u) is type(v)
        if isinstance(u, qutip.Qobj):
            assert u.dims == v.dims
            assert (u - v).norm() == 0
        elif isinstance(u, np.ndarray):
            assert np.array_equal(u, v)
        else:
            assert u == v


def test_keys_stay_apart(tmp_path):
    keys = [("a",), "('a',)", 0, "0", None, 1.5, (1, ("b", 2))]
    e_ops = {key: (lambda t, s, k=k: k + t) for k, key in enumerate(keys)}
    result = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1], TIMES, e_ops=e_ops)
    result.save(tmp_path / "x.npz")
    back = qsp.load(tmp_path / "x.npz")
    assert list(back.e_data) == keys
    assert [v[0] for v in back.e_data.values()] == list(range(7))


def test_what_cannot_be_kept_is_refused_by_name(tmp_path):
    path = tmp_path / "x.npz"
    for value in (object(), {1, 2}, np.array([object()]), np.ma.array([1.0], mask=[True])):
        result = qsp.mfsolve(
            qsp.van_der_pol_pair(), [1, 1], TIMES, e_ops={"mine": lambda t, s, v=value: v}
        )
        with pytest.raises(StorageError, match=r"e_ops\['mine'\].*cannot keep"):
            result.save(path)
        assert not list(tmp_path.iterdir())
        # and with a checkpoint the run is not lost
        with pytest.warns(qsp.core.errors.QsyncplugWarning, match="checkpoint"):
            run = qsp.mfsolve(
                qsp.van_der_pol_pair(),
                [1, 1],
                TIMES,
                e_ops={"mine": lambda t, s, v=value: v},
                options={"checkpoint": path},
            )
        assert len(run.times) == 4


def test_states_are_kept(tmp_path):
    for family in (meanfield, exact):
        result = family()
        result.save(tmp_path / "x.npz")
        back = qsp.load(tmp_path / "x.npz")
        assert len(back.states) == len(result.states) == 4
        for u, v in zip(result.states, back.states, strict=True):
            if isinstance(u, tuple):
                assert all(np.array_equal(a, b) for a, b in zip(u, v, strict=True))
            else:
                assert (u - v).norm() == 0


def test_encoding_is_one_to_one():
    cases = [1, 1.0, 1j, True, None, "x", [1, 2.0], (1,), {"__": "dict"}, float("inf"), -0.0, []]
    cases += [np.float32(1), np.arange(3), [1.0, 2.0], [1j], [np.float64(2)], {(): {}}, "\x00é"]
    for value in cases:
        arrays = {}
        back = decode(json.loads(json.dumps(encode(value, arrays, "v"))), arrays)
        assert type(back) is type(value)
        assert repr(back) == repr(value)


def test_threads_may_save_to_one_path(tmp_path):
    path = tmp_path / "x.npz"
    runs = [qsp.circlesolve(qsp.Circle(qsp.sine()), [0.0, k + 1.0], TIMES) for k in range(6)]
    errors = []

    def save(run):
        try:
            for _ in range(10):
                run.save(path)
                qsp.load(path)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(r,)) for r in runs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


def _swinging(t, x):
    return x**2 / 2 * (1 + 0.1 * np.cos(t))


def test_states_of_a_loaded_run_in_time_follow_to_its_last_output(tmp_path):
    """The last step ends a rounding error behind the times that the file holds."""
    h = qsp.GridHamiltonian(GRID, _swinging, time_dependent=True)
    psi = [GRID.gaussian(0.5), GRID.gaussian(-0.4)]
    for variant, more in (("standard", {}), ("model2", {"alignment": 0.5})):
        result = qsp.slsolve(qsp.SchrodingerLohe(h, variant=variant, **more), psi, TIMES)
        result.save(tmp_path / "x.npz")
        back = qsp.load(tmp_path / "x.npz")
        assert np.abs(np.array(back.states) - np.array(result.states)).max() < 1e-8
        assert np.abs(back.centres - result.centres).max() < 1e-8
        with pytest.raises(ValueError, match="only; beyond"):
            back.model.hamiltonian.values_at(1.001)


def test_states_of_a_loaded_run_in_the_mobius_form(tmp_path):
    """They were gone, for want of memory as the error said."""
    result = lohe("mobius")
    assert result.coefficients is None
    result.save(tmp_path / "x.npz")
    back = qsp.load(tmp_path / "x.npz")
    assert len(back.states) == len(result.states) == 4
    assert np.array_equal(np.array(back.states), np.array(result.states))
    assert np.array_equal(back.gram, result.gram)
    assert np.array_equal(back.centres, result.centres)


def test_values_of_any_shape_in_the_dataset_of_waves():
    pytest.importorskip("xarray")
    model = qsp.SchrodingerLohe(qsp.GridHamiltonian(GRID, _harmonic))
    kinds = {
        "ragged": lambda t, s: np.arange(int(3 * t)),
        "each": lambda t, s: t * np.arange(2.0),
        "matrix": lambda t, s: np.full((2, 3), t),
    }
    result = qsp.slsolve(model, [GRID.gaussian(0.5), GRID.gaussian()], TIMES, e_ops=kinds)
    with pytest.warns(qsp.core.errors.QsyncplugWarning, match=r"'ragged'.*left out"):
        data = result.to_xarray()
    assert data["expect_each"].dims == ("time", "oscillator")
    assert data["expect_matrix"].shape == (4, 2, 3)
    assert "expect_ragged" not in data


# ---------------------------------------------------------------- bad files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    out = []
    for family in FAMILIES:
        path = folder / f"{family.__name__}.npz"
        family().save(path)
        out.append(path)
    return out


def _bytes_mutated(rng, data):
    data = bytearray(data)
    kind = rng.integers(5)
    at = int(rng.integers(len(data)))
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == 2:
        stop = at + int(rng.integers(1, 64))
        data[at:stop] = rng.bytes(min(stop, len(data)) - at)
    elif kind == 3:
        del data[at : at + int(rng.integers(1, 200))]
    else:
        data[at:at] = rng.bytes(int(rng.integers(1, 200)))
    return bytes(data)


def _json_mutated(rng, value, depth=0):
    """One change somewhere in a JSON tree."""
    odd = [None, -1, 10**9, 1e308, "x", [], {}, {"__": "qobj"}, {"__": "array", "name": "times"}]
    if depth and (not isinstance(value, (dict, list)) or not value or rng.random() < 0.25):
        return odd[rng.integers(len(odd))]
    if isinstance(value, dict):
        key = list(value)[rng.integers(len(value))]
        if rng.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: _json_mutated(rng, value[key], depth + 1)}
    at = rng.integers(len(value))
    return [_json_mutated(rng, v, depth + 1) if k == at else v for k, v in enumerate(value)]


def _array_mutated(rng, a):
    kind = rng.integers(6)
    if kind == 0:
        return a[:-1] if a.ndim else np.zeros(3)
    if kind == 1:
        return np.zeros((*a.shape, 2))
    if kind == 2:
        return a.astype(np.int64) if a.dtype.kind == "f" else np.abs(a).astype(float)
    if kind == 3:
        return a.ravel()[:0]
    b = a.copy()
    if b.size:
        flat = b.reshape(-1)
        flat[rng.integers(b.size)] = [10**6, -(10**6), np.nan][
            rng.integers(3 if b.dtype.kind in "fc" else 2)
        ]
    return b


def fuzz(files, folder, count, seed):
    """Load `count` mutated files; returns how many were refused.

    Other errors fail, and so does memory that no such file needs.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rng = np.random.default_rng(seed)
    path, refused = folder / "mutated.npz", 0
    whole = {p: (p.read_bytes(), read_archive(p)) for p in files}
    for k in range(count):
        data, (header, arrays) = whole[files[rng.integers(len(files))]]
        if k % 2:
            path.write_bytes(_bytes_mutated(rng, data))
        elif k % 4 or not arrays:
            write_archive(path, _json_mutated(rng, header), arrays)
        else:
            name = list(arrays)[rng.integers(len(arrays))]
            changed = dict(arrays)
            if rng.random() < 0.2:
                del changed[name]
            else:
                with np.errstate(all="ignore"):
                    changed[name] = _array_mutated(rng, arrays[name])
            write_archive(path, header, changed)
        try:
            loaded = qsp.load(path)
        except StorageError:
            refused += 1
        else:
            # whatever came back can be looked at
            str(loaded)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 5e5, "half a gigabyte"
    return refused


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_raise_storage_errors(files, tmp_path, monkeypatch):
    monkeypatch.setattr(archive.os, "fsync", lambda f: None)
    assert fuzz(files, tmp_path, 400, 1) > 200


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_hundred_thousand_mutated_files(files, tmp_path, monkeypatch):
    monkeypatch.setattr(archive.os, "fsync", lambda f: None)
    assert fuzz(files, tmp_path, 100_000, 2) > 50_000


def _entry(header):
    """A .npy entry with a header of our own and hardly any data."""
    text = header.encode()
    text += b" " * ((64 - (10 + len(text) + 1) % 64) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\x00" * 16


@pytest.mark.parametrize(
    "entry",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-2,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<U4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': [('a', '<f8'), ('b', '|O')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4611686018427387904)}",
        "__import__('os').system('touch executed')",
        "{'descr': " + "(" * 3000 + "}",
    ],
)
def test_arrays_that_are_not_what_they_say(entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("x.npz", "w") as f:
        f.writestr("times.npy", _entry(entry))
    with pytest.raises(StorageError):
        qsp.load("x.npz")
    assert not (tmp_path / "executed").exists()


def test_bombs_are_not_unpacked(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "x.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as f,
        f.open("times.npy", "w", force_zip64=True) as entry,
    ):
        for _ in range(512):
            entry.write(bytes(2**20))
    assert path.stat().st_size < 2**21
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(StorageError, match="more than its size"):
        qsp.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_a_deep_header(tmp_path):
    deep = "[" * 100_000 + "]" * 100_000
    arrays = {"qsyncplug": np.frombuffer(deep.encode(), dtype=np.uint8)}
    arrays["checksum"] = np.frombuffer(archive._digest(arrays), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(StorageError):
        qsp.load(tmp_path / "x.npz")


def test_files_of_the_future_and_the_past(tmp_path, files):
    header, arrays = read_archive(files[0])
    for schema in (1, 3, "2", None):
        write_archive(tmp_path / "x.npz", {**header, "schema": schema}, arrays)
        with pytest.raises(StorageError, match="schema"):
            qsp.load(tmp_path / "x.npz")


def test_sparse_matrices_with_indices_out_of_range(tmp_path):
    result = qsp.mfsolve(
        qsp.van_der_pol_pair(), [1, 1], TIMES, e_ops={"q": lambda t, s: qutip.num(4).to("CSR")}
    )
    result.save(tmp_path / "x.npz")
    header, arrays = read_archive(tmp_path / "x.npz")
    name = next(n for n, a in arrays.items() if n.startswith("e_ops['q']") and a.dtype == np.int32)
    arrays[name] = arrays[name] + 900
    write_archive(tmp_path / "x.npz", header, arrays)
    with pytest.raises(StorageError, match="out of range"):
        qsp.load(tmp_path / "x.npz")


# ---------------------------------------------------------------- xarray


def test_arrays_as_values_in_a_dataset():
    pytest.importorskip("xarray")
    result = qsp.mfsolve(
        qsp.van_der_pol_pair(),
        [1, 1],
        TIMES,
        e_ops={"m": lambda t, s: s[1], "x": lambda t, s: {"a": 1}},
    )
    with pytest.warns(qsp.core.errors.QsyncplugWarning, match="'x'.*left out"):
        data = result.to_xarray()
    assert data["expect_m"].shape == (4, 4, 4)
    assert np.array_equal(data["expect_m"], result.covariance)


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    for family in (circle, meanfield, lohe, wigner):
        with pytest.raises(ImportError, match=r'pip install "qsyncplug\[sweep\]"'):
            family().to_xarray()
