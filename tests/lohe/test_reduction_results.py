"""Results of the reduction: rank, states on request, files, stepping, limits, edges."""

import numpy as np
import pytest
import qutip
from numpy.testing import assert_allclose
from reduction_cases import GRID, HARMONIC, OMEGA, PSI, QUARTIC, THETA, TIMES, smooth

import qsyncplug.core.storage as storage
from qsyncplug import (
    AliasingError,
    GridHamiltonian,
    SchrodingerLohe,
    SchrodingerLoheSolver,
    heavy_tail_kernel,
    slsolve,
)
from qsyncplug.core import Grid
from qsyncplug.core.errors import MissingFieldError, StepLimitError
from qsyncplug.waves.factors import factorize

pytestmark = pytest.mark.filterwarnings(
    "ignore::qsyncplug.GlobalExistenceWarning", "ignore::qsyncplug.AliasingWarning"
)


def test_factorisation_reveals_the_rank(rng):
    a = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 50)) + 0j
    for psi in (a, a.T.copy()):
        x, q = factorize(psi, weight=0.25)
        assert x.shape[1] == 3
        assert_allclose(x @ q, psi, atol=1e-13)
        assert_allclose(q.conj() @ q.T * 0.25, np.eye(3), atol=1e-13)


def test_cost_does_not_depend_on_the_grid_and_states_are_made_on_request():
    counts = []
    for points in (64, 1024):
        grid = Grid(points, 16.0)
        model = SchrodingerLohe(GridHamiltonian(grid, lambda x: x**2 / 2))
        result = slsolve(model, [grid.gaussian(1.0), grid.gaussian(-1.0)], [0, 5.0])
        counts.append(result.stats["right-hand sides"])
        assert not hasattr(result._setup.motion, "energies")
        assert result.coefficients.shape == (2, 2, 2)
    assert counts[0] == counts[1]


def test_stored_states_equal_those_made_on_request():
    model = SchrodingerLohe(HARMONIC, frequencies=OMEGA)
    a = slsolve(model, PSI, TIMES)
    b = slsolve(model, PSI, TIMES, options={"store_states": True})
    for k in range(len(TIMES)):
        assert_allclose(a.states[k], b.states[k], atol=1e-13)
    assert len(a.states[1:3]) == 2 and a.final_state.shape == PSI.shape


def test_moments_and_expectation_values():
    """A coherent state in the unit trap: variances ½, covariance 0."""
    model = SchrodingerLohe(HARMONIC, coupling=0.0)
    result = slsolve(model, [GRID.gaussian(1.0, 0.5)], [0.0, 1.0, 2.0])
    mean, covariance = result.moments()
    t = result.times
    assert_allclose(mean[:, 0, 0], np.cos(t) + 0.5 * np.sin(t), atol=1e-12)
    assert_allclose(mean[:, 0, 1], 0.5 * np.cos(t) - np.sin(t), atol=1e-12)
    assert_allclose(covariance[:, 0], np.broadcast_to(0.5 * np.eye(2), (3, 2, 2)), atol=1e-11)
    assert_allclose(
        result.expectation(GRID.axes[0] ** 2)[:, 0], mean[:, 0, 0] ** 2 + 0.5, atol=1e-11
    )
    energy = result.expectation(lambda psi: HARMONIC.apply(psi))[:, 0]
    assert_allclose(energy, 0.5 * (1 + 0.25) + 0.5, atol=1e-11)


def test_files(tmp_path):
    model = SchrodingerLohe(
        HARMONIC, 1.3, "model2", theta=THETA, alignment=0.7, kernel=heavy_tail_kernel()
    )
    result = slsolve(model, PSI, TIMES)
    result.save(tmp_path / "run.npz")
    again = storage.load(tmp_path / "run.npz")
    assert_allclose(again.gram, result.gram, rtol=0, atol=0)
    assert_allclose(again.states[3], result.states[3], atol=1e-13)
    assert_allclose(again.centres, result.centres, atol=1e-13)
    assert again.model.variant == "model2" and "model2" in repr(again)
    # a kernel that is a callable cannot be stored; the arrays can
    result = slsolve(
        SchrodingerLohe(HARMONIC, 1.3, "model2", theta=THETA, alignment=0.7, kernel=smooth),
        PSI,
        TIMES,
    )
    result.save(tmp_path / "run2.npz")
    again = storage.load(tmp_path / "run2.npz")
    assert again.model is None and np.array_equal(again.gram, result.gram)


def test_xarray():
    result = slsolve(SchrodingerLohe(HARMONIC), PSI, TIMES)
    data = result.to_xarray()
    assert data["gram"].dims == ("time", "oscillator", "other") and data["centres"].shape == (
        5,
        4,
        1,
    )


def test_stepping_by_hand():
    model = SchrodingerLohe(HARMONIC, frequencies=OMEGA)
    solver = SchrodingerLoheSolver(model)
    solver.start(PSI, 0.0)
    result = slsolve(model, PSI, TIMES)
    for k in (1, 2, 4):
        assert_allclose(solver.step(TIMES[k]), result.states[k], atol=1e-10)


def test_limits_and_partial_results():
    with pytest.raises(StepLimitError) as info:
        slsolve(SchrodingerLohe(HARMONIC), PSI, np.linspace(0, 50, 101), options={"nsteps": 10})
    partial = info.value.result
    assert 0 < len(partial.times) < 101 and partial.gram.shape == (len(partial.times), 4, 4)


def test_edges_of_the_grid():
    free = GridHamiltonian(GRID)
    with pytest.raises(AliasingError, match="longer box") as info:
        slsolve(
            SchrodingerLohe(free),
            [GRID.gaussian(5.0, 3.0), GRID.gaussian(0.0)],
            [0, 1, 2.0],
            options={"store_states": True},
        )
    assert 0 < info.value.time <= 2
    with pytest.raises(AliasingError, match="more points"):
        slsolve(SchrodingerLohe(free), [GRID.gaussian(0.0, 15.0), GRID.gaussian(0.0)], [0, 1.0])


def test_runs_from_any_time_and_with_one_output():
    kw = dict(
        variant="model2", theta=THETA, alignment=0.7, kernel=heavy_tail_kernel(), frequencies=OMEGA
    )
    for h in (HARMONIC, QUARTIC):
        model = SchrodingerLohe(h, 1.3, **kw)
        a, b = slsolve(model, PSI, [0.0, 1.0]), slsolve(model, PSI, [5.0, 6.0])
        assert_allclose(a.gram, b.gram, atol=1e-11)
        assert_allclose(a.theta, b.theta, atol=1e-11)
        assert_allclose(a.centres, b.centres, atol=1e-10)
        assert_allclose(a.states[1], b.states[1], atol=1e-10)
        one = slsolve(model, PSI, [2.0])
        assert one.gram.shape == (1, 4, 4)
        assert_allclose(one.states[0], PSI, atol=1e-12)


def test_a_single_oscillator():
    """Standard: no coupling to itself. Model 2: n˙=k n(θ−n)."""
    psi = [2 * GRID.gaussian(0.5)]
    assert_allclose(slsolve(SchrodingerLohe(HARMONIC, 1.0), psi, [0, 2.0]).masses, 4, rtol=1e-11)
    masses = slsolve(SchrodingerLohe(HARMONIC, 1.0, "model2"), psi, [0, 2.0]).masses
    assert_allclose(masses[1, 0], 4 * np.exp(2) / (1 + 4 * (np.exp(2) - 1)), rtol=1e-11)


def test_large_common_frequency_costs_nothing():
    a = slsolve(SchrodingerLohe(HARMONIC, 1.0, frequencies=OMEGA), PSI, TIMES)
    b = slsolve(SchrodingerLohe(HARMONIC, 1.0, frequencies=OMEGA + 1e4), PSI, TIMES)
    assert a.stats["right-hand sides"] == b.stats["right-hand sides"]
    assert_allclose(a.gram, b.gram, atol=1e-11)
    assert_allclose(b.states[2], a.states[2] * np.exp(-1e4j * TIMES[2]), atol=1e-9)


def test_progress_and_checkpoints(tmp_path, capsys):
    path = tmp_path / "c.npz"
    for method in ("reduction", "splitting", "mobius"):
        slsolve(
            SchrodingerLohe(HARMONIC),
            PSI / np.sqrt(np.sum(np.abs(PSI) ** 2, axis=1) * GRID.weight)[:, None],
            TIMES,
            options={"method": method, "progress_bar": "text", "checkpoint": str(path)},
        )
        assert storage.load(path).gram.shape == (5, 4, 4)
    assert "Total run time" in capsys.readouterr().out


def test_coefficients_that_are_not_kept():
    result = slsolve(SchrodingerLohe(HARMONIC), PSI, TIMES, options={"store_coefficients": False})
    assert result.masses.shape == (5, 4) and result.coefficients is None
    with pytest.raises(MissingFieldError, match="store_coefficients"):
        _ = result.gram


@pytest.mark.parametrize(
    "masses, k, omega, end",
    [
        ((1.2, 0.7), 2.0, 0.073, 80.0),
        ((0.79, 0.5), 1.0, 0.026, 80.0),
        ((1.0, 1.0), 1.0, 0.0, 300.0),
    ],
)
def test_outputs_at_rest_are_as_accurate_as_on_the_way(masses, k, omega, end):
    """Steps at the edge of stability were interpolated with errors of 1e-7."""
    from qsyncplug import effective_coupling, two_oscillator_correlation

    rng = np.random.default_rng(1)
    psi = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3)) + 2.0
    psi *= (np.array(masses) / np.linalg.norm(psi, axis=1))[:, None]
    model = SchrodingerLohe(qutip.qzero(3), k, frequencies=[omega, -omega])
    t = np.linspace(0, end, 601)
    result = slsolve(model, psi, t)
    z = two_oscillator_correlation(
        result.correlations[0, 0, 1], t, effective_coupling(k, masses), omega
    )
    assert_allclose(result.correlations[:, 0, 1], z, atol=2e-10)
