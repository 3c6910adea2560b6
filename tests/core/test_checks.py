"""What NumPy would silently take for numbers is refused; memory limits of every kind count."""

import datetime
import subprocess
import sys
import time
import types

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.core import checks, errors

WRONG = {
    "masked": np.ma.array([1.0, 2.0], mask=[False, True]),
    "masked, nothing hidden": np.ma.array([1.0, 2.0]),
    "list of masked": [np.ma.array([1.0], mask=[True]), np.ma.array([1.0])],
    "masked entry": [1.0, np.ma.masked],
    "texts": ["1", "2"],
    "one text": [1.0, "2"],
    "bytes": np.array([b"1", b"2"]),
    "truth values": [True, False],
    "one truth value": [1.0, True],
    "array of truth values": np.array([True, False]),
    "time differences": np.array([1, 2], dtype="m8[s]"),
    "dates": np.array(["2020-01-01", "2020-01-02"], dtype="M8[D]"),
    "timedelta": [datetime.timedelta(seconds=1), datetime.timedelta(seconds=2)],
    "None": [None, 1.0],
    "objects": np.array([object(), 1.0]),
    "truth objects": np.array([True, 1.0], dtype=object),
    "records": np.zeros(2, dtype=[("a", float)]),
    "a dict": {"a": 1},
    "text": "12",
}


@pytest.mark.parametrize("dtype", [float, complex, int])
@pytest.mark.parametrize("kind", WRONG)
def test_arrays_of_no_numbers(kind, dtype):
    with pytest.raises(TypeError, match=r"^thing must"):
        checks.check_array("thing", WRONG[kind], dtype=dtype)


@pytest.mark.parametrize("kind", WRONG)
def test_numbers_that_are_none(kind):
    for check in (checks.check_number, checks.check_integer):
        with pytest.raises((TypeError, ValueError), match=r"^thing must"):
            check("thing", WRONG[kind])


@pytest.mark.parametrize(
    "value",
    [
        datetime.timedelta(seconds=1),
        np.timedelta64(1, "s"),
        np.datetime64("2020-01-01"),
        np.ma.masked,
        np.ma.array(1.0, mask=True),
        np.array("1"),
        np.array(True),
        "1",
        b"1",
        True,
        None,
        [1.0],
        1 + 0j,
    ],
)
def test_single_values(value):
    with pytest.raises(TypeError, match=r"^thing must"):
        checks.check_number("thing", value)
    with pytest.raises(TypeError, match=r"^thing must"):
        checks.check_integer("thing", value)


def test_numbers_of_every_kind_are_taken():
    import fractions

    assert checks.check_array("a", [1, 2.5, np.float32(3), np.int8(4)]).tolist() == [1, 2.5, 3, 4]
    assert checks.check_array("a", [fractions.Fraction(1, 2), 1]).tolist() == [0.5, 1.0]
    assert checks.check_array("a", range(3)).tolist() == [0, 1, 2]
    assert checks.check_array("a", []).size == 0
    assert checks.check_array("a", np.array([True]), dtype=bool).tolist() == [True]
    assert checks.check_array("a", [[1, 2], [3, 4]], shape=(2, None)).shape == (2, 2)
    assert checks.check_number("a", np.array(2.5)) == 2.5


# ---------------------------------------------------------------- memory


def test_memory_of_a_container_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    monkeypatch.setattr(checks, "_CGROUPS", (("memory.max", "memory.current", str(tmp_path)),))
    monkeypatch.setattr(checks, "_last_look", (-1.0, 0))
    assert checks.available_memory() == 600000
    # what was read holds for a hundredth of a second
    (tmp_path / "memory.max").write_text("max\n")
    time.sleep(0.02)
    assert checks.available_memory() > 600000
    (tmp_path / "memory.max").write_text("100\n")
    time.sleep(0.02)
    with pytest.raises(errors.MemoryLimitError):
        checks.check_memory("a thing", 1000)


def test_many_looks_at_the_memory_read_it_once(monkeypatch):
    looks = []
    monkeypatch.setattr(checks, "_measure_memory", lambda: looks.append(1) or 10**6)
    monkeypatch.setattr(checks, "_last_look", (-1.0, 0))
    clock = types.SimpleNamespace(monotonic=iter([5.0, 5.001, 5.009, 5.02]).__next__)
    monkeypatch.setattr(checks, "time", clock)
    assert [checks.available_memory() for _ in range(4)] == [10**6] * 4
    assert len(looks) == 2


def test_limits_of_the_process_count():
    code = (
        "import resource; from qsyncplug.core.checks import available_memory, check_memory\n"
        "from qsyncplug.core.errors import MemoryLimitError\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, resource.RLIM_INFINITY))\n"
        "assert 2**26 < available_memory() <= 2**28, available_memory()\n"
        "try:\n    check_memory('x', 2**29)\n"
        "except MemoryLimitError:\n    print('refused')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "refused", run.stderr


def test_the_workspace_of_the_integrator_is_counted(monkeypatch):
    monkeypatch.setattr(checks, "available_memory", lambda: 2**26)
    with pytest.raises(errors.MemoryLimitError, match="integrator of"):
        qsp.circlesolve(qsp.Circle(qsp.sine()), np.linspace(0, 3, 10**6), [0.0, 1.0])


# ------------------------------------------------------------ methods of what is returned

_MASKED = np.ma.array([0.5, 0.6], mask=[True, False])


@pytest.fixture(scope="module")
def returned():
    grid = qsp.Grid(32, 12.0)
    well = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    moving = qsp.GridHamiltonian(grid, lambda t, x: t * x**2, time_dependent=True)
    waves = [grid.gaussian(0.5), grid.gaussian(-0.4)]
    lohe = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    (b,) = qsp.modes(1)
    return {
        "interaction": qsp.sine(),
        "well": well,
        "moving": moving,
        "masked wave": np.ma.array(waves[0], mask=np.arange(32) == 3),
        "tree": qsp.coalesce(qsp.Circle(qsp.sine()), [0.0, 1.0, 2.0]),
        "wigner": qsp.wlsolve(lohe, waves, [0.0, 0.1]),
        "sphere": qsp.Sphere(),
        "spectrum": qsp.spectrum(qsp.System(b.dag() * b, [b.dag(), 2 * b]), b, cutoff=24),
        "chains": qsp.SpinChains(n=(3, 4)),
    }


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")
@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("x", lambda r: r["interaction"]("1")),
        ("x", lambda r: r["interaction"].f(_MASKED)),
        ("x", lambda r: r["interaction"].df(["1"])),
        ("x", lambda r: r["interaction"].d2f(True)),
        ("psi", lambda r: r["well"].apply(r["masked wave"])),
        ("psi", lambda r: r["well"].apply("1")),
        ("psi", lambda r: r["well"].apply(np.ones(31))),
        ("t", lambda r: r["moving"].values_at("1")),
        ("t", lambda r: r["well"].values_at(True)),
        ("log_t", lambda r: r["tree"].clusters(True)),
        ("log_t", lambda r: r["tree"].count(log_t=True)),
        ("log_t", lambda r: r["tree"].cluster_masses(np.True_)),
        ("log_t", lambda r: r["tree"].centres(True)),
        ("index", lambda r: r["wigner"].integrals(True)),
        ("index", lambda r: r["wigner"].integrals("0")),
        ("x", lambda r: r["sphere"].velocity("1")),
        ("x", lambda r: r["sphere"].velocity(np.ma.array(np.eye(3), mask=np.eye(3)))),
        ("x", lambda r: r["sphere"].velocity(np.ones(3))),
        ("w", lambda r: r["spectrum"](_MASKED)),
        ("count", lambda r: r["chains"].bonds("3")),
        ("count", lambda r: r["chains"].bonds(True)),
    ],
)
def test_methods_of_what_is_returned_refuse_by_name(returned, argument, call):
    with pytest.raises((TypeError, ValueError), match=rf"^{argument} must"):
        call(returned)


def test_methods_of_what_is_returned_take_numbers(returned):
    assert returned["interaction"].f([0, 1]) == pytest.approx(np.sin([0.0, 1.0]))
    assert returned["interaction"].df(2) == pytest.approx(np.cos(2.0))
    assert returned["wigner"].integrals(1).shape == returned["wigner"].integrals([0, 1])[0].shape
    assert returned["tree"].count(np.float64(9.0)) == 1
    assert returned["spectrum"]([0.0, 1.0]).shape == (2,)


def test_whole_numbers_beyond_floats_are_told_by_name():
    """They were a bare OverflowError in every function that takes a number."""
    with pytest.raises(ValueError, match="x must be within the range of floats"):
        checks.check_number("x", 10**400)
    with pytest.raises(TypeError, match="x must be an array of numbers"):
        checks.check_array("x", [1, 10**400])
    with pytest.raises(ValueError, match="tail must be within"):
        qsp.certify_synchronization(qsp.sine(), tail=10**400)
    with pytest.raises(ValueError, match="precision must be at most"):
        qsp.certify_attention(1.0, 1.1, precision=10**400)


@pytest.mark.parametrize("cutoff", ["8", True, float("nan"), -3, {}, [1, "x"], (2.5,)])
def test_a_cutoff_is_looked_at_without_modes_too(cutoff):
    """Spins and ensembles need none, and took anything."""
    S, R = qsp.spins(2, 1)
    spins = qsp.System(S.z + 0.3 * (S.p * R.m + R.p * S.m) + 0.2 * (S.p + S.m), [S.m, R.m])
    (A,) = qsp.atoms(8)
    atoms = qsp.System(0.1 * A.z + 0.2 * (A.p + A.m), [A.m, A.each.p])
    for call in (
        lambda: qsp.steadystate(spins, cutoff=cutoff),
        lambda: qsp.exactsolve(spins, [[0, 0, 1]] * 2, [0, 1.0], cutoff=cutoff),
        lambda: qsp.eigenmodes(spins, 2, cutoff=cutoff),
        lambda: qsp.spectrum(atoms, A.m, cutoff=cutoff),
        lambda: qsp.eigenmodes(atoms, 2, cutoff=cutoff),
    ):
        with pytest.raises((TypeError, ValueError), match="cutoff must be"):
            call()


@pytest.mark.parametrize("text", [None, 3, b"radius 0x1p0", "", "radius x", "beta 0x1p0"])
def test_proofs_are_read_from_their_text_alone(text):
    with pytest.raises((TypeError, ValueError), match=r"text (is not|must be) what GapProof.text"):
        qsp.GapProof.read(text)
