"""Trajectories with multiplicative noise."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import qutip
from numpy.testing import assert_allclose

import qsyncplug.core.storage as storage
from qsyncplug import (
    GridHamiltonian,
    SchrodingerLohe,
    heavy_tail_kernel,
    slsolve,
    sltrajectories,
)
from qsyncplug.core import Grid
from qsyncplug.core.errors import SolverError
from qsyncplug.lohe import paths

GRID = Grid(64, 16.0)
H = GridHamiltonian(GRID, lambda x: x**2 / 2)
PSI = [GRID.gaussian(0.8), GRID.gaussian(-0.6)]
TIMES = np.linspace(0, 2, 6)


@pytest.mark.parametrize("noise", [0.3, 2.0])
def test_two_oscillators_in_closed_form(noise):
    """z=tanh(artanh z₀ + (kt+σW)/2) on every path, also where kt+σW<0."""
    k = 0.7
    result = sltrajectories(SchrodingerLohe(H, k), PSI, TIMES, noise, ntraj=30, seed=5)
    z0 = (GRID.weight * np.vdot(PSI[0], PSI[1])).real
    z = np.tanh(np.arctanh(z0) + (k * TIMES[:, None] + noise * result.wiener) / 2)
    assert_allclose(result.gram[:, 0, 1], z.mean(axis=1), atol=1e-10)
    assert_allclose(result.gram_spread[:, 0, 1], z.std(axis=1), atol=1e-8)
    assert_allclose(result.order_parameters, np.sqrt((1 + z) / 2), atol=1e-10)
    assert_allclose(result.mean_order_parameter, result.order_parameters.mean(axis=1))
    if noise == 2.0:
        assert np.min(k * TIMES[:, None] + noise * result.wiener) < -1


def test_wiener_paths_have_the_right_moments():
    t = np.array([0.0, 0.3, 1.0, 2.5])
    result = sltrajectories(
        SchrodingerLohe(qutip.Qobj([[0.0]])),
        [[1.0 + 0j], [1j]] @ np.eye(1),
        t,
        0.1,
        ntraj=1500,
        seed=1,
    )
    w = result.wiener
    assert_allclose(w.mean(axis=1), 0, atol=5 * np.sqrt(2.5 / 1500))
    assert_allclose(np.cov(w[1:]), np.minimum.outer(t[1:], t[1:]), atol=0.25)


def test_no_noise_is_the_noiseless_run():
    model = SchrodingerLohe(H, 0.9, "model2", theta=[1.2, 0.8])
    result = sltrajectories(model, PSI, TIMES, 0.0, ntraj=2, seed=0)
    assert_allclose(result.gram, slsolve(model, PSI, TIMES).gram, atol=1e-10)
    assert_allclose(result.gram_spread, 0, atol=1e-7)


def test_paths_depend_on_seed_and_number_alone():
    model = SchrodingerLohe(H, 0.9)
    few = sltrajectories(model, PSI, TIMES, 0.5, ntraj=4, seed=7)
    many = sltrajectories(model, PSI, TIMES, 0.5, ntraj=9, seed=7)
    assert np.array_equal(few.order_parameters, many.order_parameters[:, :4])
    with ThreadPoolExecutor(3) as pool:
        parallel = sltrajectories(
            model, PSI, TIMES, 0.5, ntraj=9, seed=7, options={"map": pool.map}
        )
    assert np.array_equal(parallel.order_parameters, many.order_parameters) and np.array_equal(
        parallel.gram, many.gram
    )
    other = sltrajectories(model, PSI, TIMES, 0.5, ntraj=4, seed=8)
    assert not np.any(other.wiener[1:] == few.wiener[1:])


def test_models_can_be_sent_to_other_processes():
    model = pickle.loads(
        pickle.dumps(
            SchrodingerLohe(
                H, 0.9, "model2", theta=[1.2, 0.8], alignment=1.0, kernel=heavy_tail_kernel()
            )
        )
    )
    assert_allclose(model.reference.values, H.values)
    assert model.n == 2


class Increments:
    """Hands out given increments of W, added up to the step that is asked for."""

    def __init__(self, fine, span):
        self.fine, self.span = fine, span

    def normal(self, size):
        dt = self.span / size
        return self.fine.reshape(size, -1).sum(axis=1) / np.sqrt(dt)


CASES = {
    "frequencies": dict(hamiltonian=H, frequencies=[0.4, -0.4]),
    "alignment": dict(
        hamiltonian=H, variant="model2", theta=[1.3, 0.7], alignment=1.0, kernel=heavy_tail_kernel()
    ),
    "potentials": dict(hamiltonian=[H, GridHamiltonian(GRID, lambda x: 0.7 * x**2)]),
}


@pytest.mark.parametrize("case", CASES)
def test_strong_order_of_the_splitting(case, monkeypatch):
    """On given paths the error falls at least as the step."""
    model = SchrodingerLohe(coupling=1.0, **CASES[case])
    errors = np.zeros(2)
    for path in range(12):
        fine = np.sqrt(1 / 256) * np.random.default_rng(path).normal(size=256)
        monkeypatch.setattr(paths, "generator", lambda entropy, r, f=fine: Increments(f, 1.0))
        runs = [
            sltrajectories(model, PSI, [0, 1.0], 0.5, ntraj=1, options={"step": 1 / n})
            for n in (256, 8, 32)
        ]
        assert_allclose(runs[0].wiener[-1, 0], fine.sum(), atol=1e-12)
        errors += [np.max(np.abs(r.gram[-1] - runs[0].gram[-1])) ** 2 for r in runs[1:]]
    errors = np.sqrt(errors / 12)
    # order 1: four times for four times the step
    assert errors[0] / errors[1] > 3 and errors[1] < 0.1, errors


def test_splitting_without_noise_is_of_order_two():
    model = SchrodingerLohe(coupling=1.0, **CASES["alignment"], frequencies=[0.4, -0.4])
    exact = slsolve(model, PSI, [0, 1.0]).gram[-1]
    e = [
        np.max(
            np.abs(
                sltrajectories(model, PSI, [0, 1.0], 0.0, ntraj=1, options={"step": h}).gram[-1]
                - exact
            )
        )
        for h in (0.1, 0.05)
    ]
    assert 3.5 < e[0] / e[1] < 4.5


def test_an_oscillator_lost_on_a_path():
    psi = [qutip.basis(2, 0), 0.2 * qutip.basis(2, 0)]
    model = SchrodingerLohe(qutip.sigmaz(), 1.0, "model1", theta=[1.5, 0.5])
    with pytest.warns(UserWarning), pytest.raises(SolverError, match="path 0"):
        sltrajectories(model, psi, [0, 10.0], 0.1, ntraj=1, seed=0)


@pytest.mark.parametrize(
    "kw, error, words",
    [
        (dict(noise=-1.0), ValueError, "noise"),
        (dict(ntraj=0), ValueError, "ntraj"),
        (dict(seed=-1), ValueError, "seed"),
        (dict(options={"step": 0.0}), ValueError, "step"),
        (dict(options={"map": "threads"}), ValueError, "map"),
    ],
)
def test_bad_input(kw, error, words):
    with pytest.raises(error, match=words):
        sltrajectories(SchrodingerLohe(H), PSI, TIMES, **{"noise": 0.1, **kw})
    with pytest.raises(ValueError, match="must be given"):
        sltrajectories(SchrodingerLohe(H, frequencies=[0.1, 0.2]), PSI, TIMES, 0.1)


def test_files(tmp_path):
    result = sltrajectories(SchrodingerLohe(H, 0.9), PSI, TIMES, 0.5, ntraj=4, seed=7)
    result.save(tmp_path / "n.npz")
    again = storage.load(tmp_path / "n.npz")
    assert (
        np.array_equal(again.order_parameters, result.order_parameters) and again.stats["seed"] == 7
    )


def test_the_splitting_is_stratonovich():
    """With frequencies that are nearly equal the paths are still z=tanh(artanh z₀+(kt+σW)/2)."""
    model = SchrodingerLohe(H, 0.8, frequencies=[1e-9, -1e-9])
    result = sltrajectories(model, PSI, TIMES, 0.6, ntraj=3, seed=2, options={"step": 0.1})
    z0 = (GRID.weight * np.vdot(PSI[0], PSI[1])).real
    z = np.tanh(np.arctanh(z0) + (0.8 * TIMES[:, None] + 0.6 * result.wiener) / 2)
    assert_allclose(result.gram[:, 0, 1], z.mean(axis=1), atol=1e-7)
    assert np.std(z[1]) > 0.002
