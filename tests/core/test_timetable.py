"""Models that depend on time go into files by their values, or are refused."""

import json
import pickle

import numpy as np
import pytest
import qutip
from scipy.special import erf

import qsyncplug as qsp
from qsyncplug.core.archive import read_archive, write_archive
from qsyncplug.core.errors import StorageError
from qsyncplug.core.timetable import Timetable, tabulate

TIMES = np.linspace(0, 10, 41)
(B,) = qsp.modes(1)


def _pulse(t):
    return np.exp(-((t - 3) ** 2) / 0.01) * np.exp(20j * t)


def _switch(t):
    return 1.0 if t > 4.3 else 0.0


FUNCTIONS = {
    "constant": lambda t: 2.0,
    "sine": np.sin,
    "pulse": _pulse,
    "switch": _switch,
    "chirp": lambda t: np.cos(3 * t**2),
    "kink": lambda t: abs(t - np.pi),
    "steep": lambda t: erf(300 * (t - 7.1)),
    "root": lambda t: np.sqrt(t),
    "tiny": lambda t: 1e-200 * np.sin(t),
    "array": lambda t: np.array([[np.sin(t), t], [1.0, 0.0]]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_table_is_the_function_to_1e_10(name):
    function = FUNCTIONS[name]
    table = tabulate(function, TIMES, name)
    looks = np.random.default_rng(1).uniform(0, 10, 3000)
    largest = max(np.max(np.abs(function(t))) for t in np.linspace(0, 10, 2000))
    off = [np.max(np.abs(table(t) - function(t))) for t in looks]
    # near the root's end, and in a jump's last cell, it is allowed to differ for 1e-12 of the time
    assert np.max(off) <= 3e-10 * largest
    again = Timetable.from_dict(json.loads(json.dumps(table.to_dict())))
    assert all(np.array_equal(again(t), table(t)) for t in looks[:50])
    assert np.array_equal(pickle.loads(pickle.dumps(table))(1.3), table(1.3))


def test_what_is_no_function_of_time_is_refused():
    random = np.random.default_rng(0)
    for function, words in (
        (lambda t: random.normal(), "pieces do not give it"),
        (lambda t: np.nan if t > 5 else 1.0, "not finite"),
        (lambda t: 1 / 0, "raised ZeroDivisionError"),
        (lambda t: "x", "raised"),
    ):
        with pytest.raises(StorageError, match=words):
            tabulate(function, TIMES, "f")


def test_a_table_ends_where_the_run_did():
    table = tabulate(np.sin, TIMES, "f")
    for t in (-1e-9, 10.0001, np.nan):
        with pytest.raises(ValueError, match="stored in a file for t from 0 to 10 only"):
            table(t)


@pytest.mark.parametrize(
    ("edges", "values"),
    [
        ([0.0, 0.0], np.zeros((1, 17))),
        ([0.0, np.nan], np.zeros((1, 17))),
        ([0.0, 1.0], np.zeros((1, 16))),
        ([0.0, 1.0], np.full((1, 17), np.inf)),
        ([1.0], np.zeros((0, 17))),
    ],
)
def test_damaged_tables(edges, values):
    with pytest.raises(ValueError, match="increasing edges"):
        Timetable(edges, values)


def _cosine(t):
    return np.cos(t)


def _system(drive):
    drive = qutip.coefficient(drive)
    return qsp.System(B.dag() * B + drive * B.dag() + drive.conj() * B, [0.3 * B])


@pytest.mark.parametrize("drive", [_pulse, _switch, _cosine], ids=["pulse", "switch", "cos"])
def test_a_driven_system_comes_back(drive, tmp_path):
    system = _system(drive)
    run = qsp.mfsolve(system, [0.1], TIMES)
    for k in range(2):
        run.save(tmp_path / f"{k}.npz")
        run = qsp.load(tmp_path / f"{k}.npz")
        assert str(run.model) == str(system)
    again = qsp.mfsolve(pickle.loads(pickle.dumps(run.model)), [0.1], TIMES)
    assert np.max(np.abs(again.mean - run.mean)) < 1e-9
    short = [0.0, 0.7]
    exact = [qsp.exactsolve(m, [0.1], short, cutoff=14).mean for m in (system, run.model)]
    assert np.max(np.abs(exact[0] - exact[1])) < 1e-8
    with pytest.raises(qsp.core.errors.RightHandSideError, match="from 0 to 10 only"):
        qsp.mfsolve(run.model, [0.1], [0.0, 11.0])


def test_functions_in_jumps_and_of_every_atom(tmp_path):
    (A,) = qsp.atoms(30)
    rate = qutip.coefficient(lambda t: 0.2 + 0.1 * np.sin(t))
    drive = qutip.coefficient(lambda t: np.cos(0.3 * t))
    system = qsp.System(drive * A.x, [rate * A.m, 0.1 * A.each.p])
    run = qsp.mfsolve(system, {A: [0, 0, 1]}, TIMES)
    run.save(tmp_path / "x.npz")
    back = qsp.load(tmp_path / "x.npz")
    assert str(back.model) == str(system)
    again = qsp.mfsolve(back.model, [[0, 0, 1]], TIMES)
    assert np.max(np.abs(again.coordinates - run.coordinates)) < 1e-8


def test_moving_potentials_and_operators(tmp_path):
    grid = qsp.Grid(32, 12.0)
    waves = [grid.gaussian(0.5), grid.gaussian(-0.4)]
    moving = qsp.GridHamiltonian(
        grid, lambda t, x: (x - 0.2 * np.sin(t)) ** 2 / 2, time_dependent=True
    )
    a = qutip.destroy(4)
    evo = qutip.QobjEvo([a.dag() * a, [a + a.dag(), lambda t: 0.2 * np.cos(t)]])
    kets = [qutip.basis(4, 0), (qutip.basis(4, 0) + 1j * qutip.basis(4, 1)).unit()]
    times = np.linspace(0, 2, 9)
    for h, psi in ((moving, waves), (evo, kets)):
        run = qsp.slsolve(qsp.SchrodingerLohe(h, coupling=1.0), psi, times)
        for k in range(2):
            run.save(tmp_path / f"{k}.npz")
            run = qsp.load(tmp_path / f"{k}.npz")
        again = qsp.slsolve(run.model, psi, times)
        assert np.max(np.abs(again.gram - run.gram)) < 1e-9


def test_a_function_that_cannot_be_stored_refuses_the_file(tmp_path):
    random = np.random.default_rng(0)
    run = qsp.mfsolve(_system(_cosine), [0.1], TIMES)
    run.model = _system(lambda t: random.normal())
    with pytest.raises(StorageError, match=r"coefficient f.*set result\.model = None|Set result"):
        run.save(tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())
    run.model = None
    run.save(tmp_path / "x.npz")
    assert qsp.load(tmp_path / "x.npz").model is None


def test_checkpoints_go_on_with_the_function_itself(tmp_path):
    path, system = tmp_path / "x.npz", _system(_pulse)
    with pytest.raises(qsp.core.errors.StepLimitError):
        qsp.mfsolve(system, [0.1], TIMES, options={"checkpoint": path, "nsteps": 20})
    with pytest.raises(ValueError, match="model must be given"):
        qsp.resume(path, options={"nsteps": 10**6})
    result = qsp.resume(path, model=system, options={"nsteps": 10**6})
    assert np.array_equal(result.mean, qsp.mfsolve(system, [0.1], TIMES).mean)


def test_damaged_functions_in_files(tmp_path):
    path = tmp_path / "x.npz"
    qsp.mfsolve(_system(_cosine), [0.1], TIMES).save(path)
    header, arrays = read_archive(path)
    table = header["model"]["functions"][0]
    for change in (
        {"edges": table["edges"][::-1]},
        {"re": []},
        {"shape": [10**12]},
        {"mark": "x"},
        {"edges": None},
    ):
        header["model"]["functions"][0] = {**table, **change}
        write_archive(path, header, arrays)
        with pytest.raises(StorageError):
            qsp.load(path)
