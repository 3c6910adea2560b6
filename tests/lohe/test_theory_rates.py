"""Rates, locked states and limits that the predictions give, against runs."""

import numpy as np
import pytest
import qutip
from numpy.testing import assert_allclose
from theory_cases import ONE, H, amplitudes, g

import qsyncplug as qsp
from qsyncplug import (
    SchrodingerLohe,
    predictions,
    slsolve,
    steady_spectrum,
    synchronization_rate,
    vanishing_time,
)
from qsyncplug.waves.locking import locking_threshold

pytestmark = pytest.mark.filterwarnings(
    "ignore::qsyncplug.GlobalExistenceWarning",
    "ignore::qsyncplug.UnstableSetWarning",
    "ignore::qsyncplug.NormalizationWarning",
)


def test_qobj_models_of_larger_dimension_than_their_states():
    """The compressed rows of the states are no states of the model: no row may ask for them."""
    a = qutip.destroy(12)
    model = SchrodingerLohe(a.dag() * a)
    kets = [qutip.coherent(12, 0.8), qutip.coherent(12, 0.3)]
    found = predictions(model, kets)
    assert "AHKM Theorem 2.4" in found.names
    result = slsolve(model, kets, np.linspace(0, 30, 61))
    assert found["AHKM Theorem 2.4"].check(result).passed


@pytest.mark.parametrize(
    "kw, psi",
    [
        ({}, [1.0, np.exp(1j)]),
        ({}, [2.0, np.exp(1j)]),
        ({}, [1.0, 0.7 * np.exp(1j), 1.3 * np.exp(-0.4j)]),
        (dict(variant="model1", theta=[1.2, 0.8], alignment=1.0), [1.0, np.exp(1j)]),
        (dict(variant="model2", theta=[1.2, 0.8]), [1.0, 0.9 * np.exp(1j)]),
    ],
)
def test_collinear_states_fall_at_twice_the_rate(kw, psi):
    """Kuramoto's limit: 1−Re z falls at 4σ, |1−z| at 2σ; no row says LOOK."""
    psi = amplitudes(psi)
    model = SchrodingerLohe(ONE, 1.0, **kw)
    result = slsolve(model, psi, np.linspace(0, 30, 301))
    found = predictions(model, psi)
    for outcome in found.check(result):
        assert outcome.passed is not False, outcome
    rate = synchronization_rate(1.0, np.sqrt(result.masses[-1]), result.theta[-1])
    gap = np.max(np.abs(result.deviations), axis=(1, 2))
    pick = (gap < 1e-5) & (gap > 1e-10)
    slope = -np.polyfit(result.times[pick], np.log(gap[pick]), 1)[0]
    assert_allclose(slope, rate, rtol=5e-3)
    real = np.max(result.deviations.real, axis=(1, 2))
    pick = (real < 1e-10) & (real > 1e-19)
    slope = -np.polyfit(result.times[pick], np.log(real[pick]), 1)[0]
    assert_allclose(slope, 2 * rate, rtol=5e-3)


def test_model1_locks_by_its_final_masses():
    """Slow alignment: |z−z₁| falls at min(R, μ), and Λ is that of the final norms."""
    for mu, slowest in ((0.1, 0.1), (0.3, 0.3)):
        model = SchrodingerLohe(
            H, 1.0, "model1", theta=[1.05, 0.95], alignment=mu, frequencies=[0.2, -0.2]
        )
        psi = [g(0.6), 0.8 * g(-0.4)]
        found = predictions(model, psi)["Theorem 4.4"]
        t = np.linspace(0, 60 / mu, 601)
        result = slsolve(model, psi, t)
        outcome = found.check(result)
        assert outcome.passed and "limit" in outcome.found, outcome
        z = result.correlations[:, 0, 1]
        gap = np.abs(z - z[-1])
        pick = (gap < 1e-4) & (gap > 1e-8)
        slope = -np.polyfit(t[pick], np.log(gap[pick]), 1)[0]
        assert_allclose(slope, slowest, rtol=2e-2)
        wrong = slsolve(
            SchrodingerLohe(
                H, 1.0, "model1", theta=[1.05, 0.95], alignment=mu, frequencies=[0.25, -0.25]
            ),
            psi,
            t,
        )
        assert found.check(wrong).passed is False


def test_the_antipode_and_unstable_equilibria_do_not_tend_elsewhere():
    antipodes = amplitudes([1.0, -1.0])
    found = predictions(SchrodingerLohe(ONE), antipodes)
    assert "Theorem 4.1" not in found.names and "Theorem 5.1" not in found.names
    assert "unstable" in found["two oscillators"].statement
    assert not found["two oscillators"].limits
    assert "ζ=0" in found["steady state"].statement
    # Λ=.6: z=−.8+.6i is at rest
    z = -0.8 + 0.6j
    model = SchrodingerLohe(ONE, 1.0, frequencies=[0.3, -0.3])
    found = predictions(model, amplitudes([1.0, z]))
    assert "unstable" in found["two oscillators"].statement
    result = slsolve(model, amplitudes([1.0, z]), np.linspace(0, 60, 61))
    assert found["two oscillators"].check(result).passed


def test_spectra_of_steady_states():
    """A perturbed steady state leaves it at the predicted rate: bipolar, and ζ=0."""
    for states in (
        np.array([[1, 0], [1, 0], [-1, 0]], complex),
        np.array([[1, 0], [-0.5, np.sqrt(0.75)], [-0.5, -np.sqrt(0.75)]], complex),
    ):
        model = SchrodingerLohe(qutip.qzero(2), 1.0)
        row = predictions(model, states)["steady state"]
        rate = float(row.statement.split("rate ")[1])
        rng = np.random.default_rng(3)
        moved = states + 1e-7 * (rng.normal(size=states.shape) + 1j * rng.normal(size=states.shape))
        moved /= np.linalg.norm(moved, axis=1)[:, None]
        t = np.linspace(0, 8 / rate, 33)
        result = slsolve(model, moved, t)
        still = slsolve(model, states, t[:17])
        assert row.check(still).passed
        away = np.max(np.abs(result.gram - still.gram[0]), axis=(1, 2))
        pick = t > 5 / rate
        slope = np.polyfit(t[pick], np.log(away[pick]), 1)[0]
        assert_allclose(slope, rate, rtol=0.05)


def whole_spectrum(psi, theta, k, variant):
    """Real parts of the eigenvalues of the equations' own Jacobian, by differences."""

    def motion(y):
        p = (y[: psi.size] + 1j * y[psi.size :]).reshape(psi.shape)
        zeta = p.mean(axis=0)
        s = (p @ zeta.conj())[:, None]
        if variant == "model2":
            out = theta[:, None] * zeta - s * p
        else:
            out = zeta - s * p / np.linalg.norm(p, axis=1)[:, None] ** 2
        return 0.5 * k * np.concatenate([out.real.ravel(), out.imag.ravel()])

    y = np.concatenate([psi.real.ravel(), psi.imag.ravel()])
    assert np.max(np.abs(motion(y))) < 1e-14
    h = 1e-6 * np.eye(y.size)
    jacobian = np.array([(motion(y + e) - motion(y - e)) / 2e-6 for e in h]).T
    return np.sort(np.linalg.eigvals(jacobian).real)


@pytest.mark.parametrize("variant", ["standard", "model2"])
def test_the_spectrum_of_a_bipolar_state_is_that_of_the_equations(variant):
    k, levels = 1.3, 3
    theta = np.array([1.5, 0.75, 0.75, 1.0]) if variant == "model2" else np.ones(4)
    norms = np.sqrt(theta) if variant == "model2" else np.array([0.7, 1.2, 1.0, 1.4])
    psi = np.outer(norms * [1, -1, 1, 1], [0.6, 0.8j, 0])
    options = {"theta": theta} if variant == "model2" else {}
    model = SchrodingerLohe(qutip.qzero(levels), k, variant, **options)
    rates = steady_spectrum(model, psi)
    # 2(d−1) orthogonal directions; norms that are kept have rate 0
    norm = rates.get("norm", np.zeros(4))
    mine = np.concatenate([np.repeat(rates["orthogonal"], 2 * (levels - 1)), rates["phase"], norm])
    assert_allclose(np.sort(mine), whole_spectrum(psi, theta, k, variant), atol=1e-8)
    row = predictions(model, psi)["steady state"]
    assert f"{rates['phase'][-1]:.6g}" in row.statement
    assert ("norm: " in row.statement) == bool(options)


def test_the_spectrum_without_a_mean_is_that_of_the_equations():
    rng = np.random.default_rng(0)
    psi = rng.normal(size=(4, 3)) + 1j * rng.normal(size=(4, 3))
    psi -= psi.mean(axis=0)
    model = SchrodingerLohe(qutip.qzero(3), 1.3, "model2")
    (mean,) = steady_spectrum(model, psi).values()
    whole = np.sort(np.concatenate([mean, np.zeros(18)]))
    # eighteen equal eigenvalues feel the differences by more than their rounding
    assert_allclose(whole, whole_spectrum(psi, np.ones(4), 1.3, "model2"), atol=1e-6)


def test_spectra_are_of_steady_states_only():
    with pytest.raises(ValueError, match="state0 must be a steady state"):
        steady_spectrum(SchrodingerLohe(ONE), amplitudes([1.0, 1j]))
    with pytest.raises(ValueError, match="one frequency"):
        steady_spectrum(SchrodingerLohe(ONE, frequencies=[1.0, 0.0]), amplitudes([1.0, 1.0]))
    # synchrony: both rates of collinear and orthogonal perturbations, 2σ=k
    rates = steady_spectrum(SchrodingerLohe(ONE, 0.8), amplitudes([1.0, 1.0]))
    assert_allclose(rates["orthogonal"], [-0.4, 0], atol=1e-15)
    assert_allclose(rates["phase"], [-0.8, 0], atol=1e-15)


def test_locked_states_of_three():
    omega = np.array([0.2, -0.1, 0.05])
    threshold = locking_threshold(omega)
    rng = np.random.default_rng(5)
    psi = rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4)) + 1.0
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    t = np.linspace(0, 400, 401)
    for share, name in ((1.05, "locked state"), (0.97, "no locking")):
        model = SchrodingerLohe(qutip.qzero(4), share * threshold, frequencies=omega)
        found = predictions(model, psi)
        assert name in found.names
        result = slsolve(model, psi, t)
        assert found[name].check(result).passed
        # |z|→1 is not locking
        assert np.min(np.abs(result.correlations[-1])) > 1 - 1e-6


def test_locked_states_on_a_directed_graph_with_a_lag():
    a = np.array([[0, 1, 0, 1.0], [1, 0, 2, 0], [0, 1, 0, 1], [1, 0, 1, 0]])
    model = SchrodingerLohe(
        ONE, 2.0, adjacency=a, phase_lag=0.3, frequencies=[0.1, -0.2, 0.15, 0.0]
    )
    psi = amplitudes(np.exp(1j * np.array([0.1, 0.4, -0.3, 0.2])))
    found = predictions(model, psi)
    assert found.names == ("locked state",)
    assert found["locked state"].check(slsolve(model, psi, [0, 30.0, 60.0])).passed


def test_parallel_states_vanish_when_predicted():
    from qsyncplug import NonUniquenessError

    model = SchrodingerLohe(ONE, 1.0, "model1", theta=[1.2, 1.2, 0.6], alignment=1.0)
    psi = amplitudes([1.0, 1.0, 0.115])
    found = predictions(model, psi)["parallel states"]
    with pytest.raises(NonUniquenessError) as info:
        slsolve(model, psi, np.linspace(0, 20, 2001))
    assert f"t*={info.value.time:.9g}" in found.statement
    assert found.check(info.value.result).passed
    alive = slsolve(
        SchrodingerLohe(ONE, 1.0, "model1", theta=[1.1, 1.1, 0.8], alignment=1.0), psi, [0, 0.1, 20]
    )
    assert found.check(alive).passed is False
    assert vanishing_time(1.0, [1.0, 0.3], 0.5, 0.5) == pytest.approx(
        float(
            predictions(
                SchrodingerLohe(ONE, 1.0, "model1", theta=[1.5, 0.5], alignment=0.5),
                amplitudes([1.0, 0.3]),
            )["parallel states"]
            .statement.split("t*=")[1]
            .split(",")[0]
        ),
        rel=1e-8,
    )


@pytest.mark.parametrize("kind", ["norms", "graph", "lag"])
def test_locked_states_of_other_norms_graphs_and_lags(kind):
    # phases of ψ_j=λ_je^{−ix_j} are Kuramoto's with response 1/λ_j and weights λ_l
    omega = np.array([0.15, -0.1, 0.02, -0.05])
    norms = np.array([0.6, 1.0, 1.4, 0.9]) if kind == "norms" else np.ones(4)
    ring = np.array([[0, 1, 0, 1.0], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]])
    kw = {"graph": {"adjacency": ring}, "lag": {"phase_lag": 0.4}}.get(kind, {})
    psi = (norms * np.exp(-1j * np.array([0.2, -0.3, 0.5, 0.0])))[:, None]
    model = SchrodingerLohe(ONE, 1.0, frequencies=omega, **kw)
    found = predictions(model, psi)
    result = slsolve(model, psi, np.linspace(0, 200, 41))
    assert found["locked state"].check(result).passed is True
    if kind == "norms":
        circle = qsp.Circle(qsp.sine(), 4.0, frequencies=omega, response=1 / norms, weights=norms)
        x = qsp.circlesolve(circle, [0.2, -0.3, 0.5, 0.0], [0, 200.0]).positions[-1]
        z = np.exp(1j * (x[:, None] - x[None, :]))
        assert_allclose(result.correlations[-1], z, atol=1e-8)
    # what cannot be held drifts
    fast = SchrodingerLohe(ONE, 1.0, frequencies=8 * omega, **kw)
    row = predictions(fast, psi)["no locking"]
    run = slsolve(fast, psi, np.linspace(0, 100, 201))
    assert row.check(run).passed is True and predictions(fast, psi).names.count("no locking") == 1
    assert row.check(result).passed is None
