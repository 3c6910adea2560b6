"""Predictions: which apply, what they say, and what runs say about them; counterexamples to what is
printed.
"""

import mpmath
import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from theory_cases import GRID, H, g

import qsyncplug as qsp
from qsyncplug import (
    GridHamiltonian,
    SchrodingerLohe,
    absolute_kernel,
    effective_coupling,
    heavy_tail_kernel,
    locking_regime,
    predictions,
    slsolve,
    synchronization_rate,
    two_oscillator_correlation,
    vanishing_time,
)
from qsyncplug.core.errors import SolverError

pytestmark = pytest.mark.filterwarnings(
    "ignore::qsyncplug.GlobalExistenceWarning",
    "ignore::qsyncplug.UnstableSetWarning",
    "ignore::qsyncplug.NormalizationWarning",
)

CASES = {
    "identical": (
        SchrodingerLohe(H),
        [g(0.5), g(-0.5)],
        30,
        {"two oscillators", "Theorem 4.1", "AHKM Theorem 2.4", "Theorem 5.1"},
    ),
    "near": (
        SchrodingerLohe(H),
        [g(0.1), g(-0.1), g(0, 0.1)],
        30,
        {"AHKM Theorem 2.3", "AHKM Theorem 2.4", "Theorem 5.1"},
    ),
    "locked": (
        SchrodingerLohe(H, frequencies=[0.2, -0.2]),
        [g(1), g(-0.5)],
        60,
        {"two oscillators"},
    ),
    "threshold": (
        SchrodingerLohe(H, frequencies=[0.5, -0.5]),
        [g(1), g(-0.5)],
        60,
        {"two oscillators"},
    ),
    "periodic": (
        SchrodingerLohe(H, frequencies=[0.8, -0.8]),
        [g(1), g(-0.5)],
        60,
        {"two oscillators"},
    ),
    "masses": (
        SchrodingerLohe(H),
        [2 * g(1), g(-0.5)],
        30,
        {"two oscillators", "Theorem 4.1", "Theorem 5.1"},
    ),
    "lag": (SchrodingerLohe(H, phase_lag=0.6), [g(1), g(-0.5)], 30, {"two oscillators"}),
    "model 1, two": (
        SchrodingerLohe(
            H, 1.0, "model1", theta=[1.1, 0.9], alignment=1.0, kernel=absolute_kernel(0.6, 0.5)
        ),
        [g(1), g(-0.5)],
        40,
        {"Theorem 4.1", "Proposition 3.4", "alignment", "Theorem 5.1", "Theorem 5.3"},
    ),
    "model 1, three": (
        SchrodingerLohe(
            H, 1.0, "model1", theta=[1.1, 1.1, 0.8], alignment=1.0, kernel=absolute_kernel(0.6, 0.5)
        ),
        [g(1), 0.8 * g(-0.5), g(0.3, 0.5)],
        40,
        {"Proposition 3.4", "alignment", "Theorem 5.1", "Theorem 5.3"},
    ),
    "model 1, heavy tail": (
        SchrodingerLohe(
            H, 1.0, "model1", theta=[1.1, 1.1, 0.8], alignment=1.0, kernel=heavy_tail_kernel()
        ),
        [g(0.4), 0.8 * g(-0.5), g(0.3, 0.2)],
        40,
        {"Theorem 5.3"},
    ),
    "model 2, heavy tail": (
        SchrodingerLohe(
            H, 1.0, "model2", theta=[1.1, 1.1, 0.8], alignment=1.0, kernel=heavy_tail_kernel()
        ),
        [g(0.4), 0.8 * g(-0.5), g(0.3, 0.2)],
        40,
        {"Proposition 6.2"},
    ),
    "model 2, frozen": (
        SchrodingerLohe(H, 1.0, "model2", theta=[1.3, 0.7]),
        [g(0.4), 0.8 * g(-0.5)],
        40,
        {"Theorem 4.1", "Proposition 6.2", "Proposition 6.3"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_predictions_apply_and_hold(case):
    model, psi, end, names = CASES[case]
    found = predictions(model, psi)
    # rows that every run of equal frequencies has
    common = {"order parameter", "centres of mass", "Proposition 3.5", "practical synchronisation"}
    assert set(found.names) - common == names
    result = slsolve(model, psi, np.linspace(0, end, 81))
    for check in found.check(result):
        assert check.passed or (check.name == "order parameter" and check.passed is None), check
    assert all(found[name].statement in str(found) for name in names)


def test_a_check_can_fail():
    model, psi, end, _ = CASES["identical"]
    found = predictions(model, psi)
    other = slsolve(SchrodingerLohe(H, 0.8), psi, np.linspace(0, end, 81))
    assert [c.passed for c in found.check(other)].count(False) >= 2
    short = slsolve(model, psi, [0, 0.1])
    assert found["Theorem 4.1"].check(short).passed is None
    with pytest.raises(KeyError, match="those that apply are"):
        _ = found["Theorem 9"]


def test_periods_and_limits_of_two_oscillators():
    """Λ>1: z returns after 2π/√(4Ω²−k²); Λ<1: √(1−Λ²)+iΛ; Model 2: Λ=2Ω/(k√(θ₁θ₂))."""
    found = predictions(*CASES["periodic"][:2])["two oscillators"]
    assert_allclose(found.period, 2 * np.pi / np.sqrt(1.6**2 - 1), rtol=1e-13)
    result = slsolve(CASES["periodic"][0], CASES["periodic"][1], [0, found.period])
    assert_allclose(result.gram[1, 0, 1], result.gram[0, 0, 1], atol=1e-11)
    theta, detuning = np.array([1.4, 0.6]), 0.3
    psi = [np.sqrt(theta[0]) * g(0.5), np.sqrt(theta[1]) * g(-0.5)]
    model = SchrodingerLohe(H, 1.0, "model2", theta=theta, frequencies=[detuning, -detuning])
    ratio = 2 * detuning / np.sqrt(np.prod(theta))
    result = slsolve(model, psi, [0, 80.0])
    assert_allclose(result.correlations[1, 0, 1], np.sqrt(1 - ratio**2) + 1j * ratio, atol=1e-10)
    for d in (0.8,):
        k = effective_coupling(1.0, (1, 1), theta, "model2")
        period = locking_regime(k, d)[3]
        assert_allclose(period, 2 * np.pi / np.sqrt(4 * d**2 - np.prod(theta)), rtol=1e-13)
        model = SchrodingerLohe(H, 1.0, "model2", theta=theta, frequencies=[d, -d])
        # masses settle into the cycle as well
        late = slsolve(model, psi, [0, 150.0, 150.0 + period])
        assert_allclose(late.correlations[2, 0, 1], late.correlations[1, 0, 1], atol=1e-6)


def test_approach_at_the_threshold():
    """Λ=1: |z−i|≈1/(Ωt) and 1−|z|~t⁻², not 1/t as printed."""
    t = np.array([0.0, 1e3, 1e4])
    z = two_oscillator_correlation(0.4, t, 1.0, 0.5)
    assert_allclose(np.abs(z[1:] - 1j) * 0.5 * t[1:], 1.0, rtol=1e-2)
    assert np.all((1 - np.abs(z[1:])) * t[1:] ** 2 < 10)


def test_closed_form_against_twenty_digits():
    for z0, k, omega in [
        (0.3 + 0.2j, 1.1, 0.0),
        (-0.9, 1.0, 0.2),
        (0.1j, 0.7, 0.6),
        (0.5, 1.0, 0.5),
    ]:
        with mpmath.workdps(20):
            f = mpmath.odefun(
                lambda t, y, k=k, w=omega: [
                    2j * mpmath.mpf(w) * y[0] + mpmath.mpf(k) / 2 * (1 - y[0] ** 2)
                ],
                0,
                [mpmath.mpc(z0)],
            )
            exact = complex(f(1)[0])
        assert_allclose(two_oscillator_correlation(z0, [1.0], k, omega)[0], exact, rtol=1e-13)


def test_impossible_correlations_are_refused():
    with pytest.raises(ValueError, match="modulus at most 1"):
        two_oscillator_correlation(1.1j, [0, 1], 1.0)
    with pytest.raises(ValueError, match=f"t={np.log(2.5 / 0.5) / 2:.12g}"):
        two_oscillator_correlation(-1.5, [0, 1], 2.0)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0, 1),
    st.floats(0, 6.28),
    st.floats(0.1, 3),
    st.floats(-2, 2),
    st.floats(0, 20),
    st.floats(0, 20),
)
def test_closed_form_is_a_flow_of_the_disc(r, phi, k, omega, s, t):
    z0 = r * np.exp(1j * phi)
    if abs(z0 + 1) < 1e-2 or abs(abs(2 * omega / k) - 1) < 1e-2:
        return
    one = two_oscillator_correlation(z0, [s, s + t], k, omega)
    assert np.all(np.abs(one) <= 1 + 1e-9)
    start = one[0] / max(1, abs(one[0]))
    again = two_oscillator_correlation(start, [t], k, omega)[0]
    stable = locking_regime(k, omega)[2]
    if stable is not None and abs(z0 + np.conj(stable)) < 1e-2:
        return
    assert_allclose(again, one[1], atol=1e-6)


def test_vanishing_time():
    with mpmath.workdps(30):
        exact = -mpmath.log(1 - mpmath.mpf(4) * 0.5 * 0.3 / (1.3 * 0.5)) / 0.5
    assert_allclose(vanishing_time(1.0, (1.0, 0.3), 0.5, 0.5), float(exact), rtol=1e-13)
    assert vanishing_time(1.0, (1.0, 0.3), 1.2, 0.5) == np.inf
    assert vanishing_time(1.0, (1.0, 1.0), 0.5, 3.0) == np.inf
    assert_allclose(
        vanishing_time(1.0, (1.0, 0.3), 0.5, 0.0),
        vanishing_time(1.0, (1.0, 0.3), 0.5, 1e-9),
        rtol=1e-8,
    )


def test_rates_reduce_to_those_of_two():
    assert_allclose(synchronization_rate(1.3, [1, 1, 1, 1]), 1.3, rtol=1e-12)
    assert_allclose(
        synchronization_rate(1.3, [2.0, 0.5]), effective_coupling(1.3, (2.0, 0.5)), rtol=1e-12
    )
    theta = np.array([1.4, 0.6])
    assert_allclose(
        synchronization_rate(1.0, np.sqrt(theta), theta), np.sqrt(np.prod(theta)), rtol=1e-12
    )


def test_checks_find_their_own_failures():
    """Every check that concludes can also say no: runs of another model."""
    psi = [g(0.4), 0.8 * g(-0.5), g(0.3, 0.2)]
    kw = dict(variant="model2", theta=[1.1, 1.1, 0.8])
    t = np.linspace(0, 40, 161)
    found = predictions(SchrodingerLohe(H, 1.0, **kw), psi)
    other = slsolve(SchrodingerLohe(H, -0.3, **kw), psi, np.linspace(0, 2, 21))
    for name in ("order parameter",):
        assert found[name].check(other).passed is False
    slow = slsolve(SchrodingerLohe(H, 0.9, **kw), psi, t)
    assert found["Proposition 6.2"].check(slow).passed is False
    heavy = slsolve(SchrodingerLohe(H, 1.0, "model2", theta=[2.0, 1.1, 0.8]), psi, t)
    assert found["Proposition 3.5"].check(heavy).passed is False


@pytest.mark.parametrize("seed", range(60))
def test_random_runs_contradict_nothing(seed):
    rng = np.random.default_rng([seed, 77])
    n, dim = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    psi = rng.normal(size=(n, dim)) + 1j * rng.normal(size=(n, dim)) + rng.choice([0, 2])
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    if rng.random() < 0.5:
        psi *= rng.uniform(0.5, 1.5, n)[:, None]
    variant = ("standard", "model1", "model2")[seed % 3]
    kw = {}
    if variant != "standard" and rng.random() < 0.7:
        theta = 1 + 0.3 * rng.uniform(-1, 1, n)
        kw = dict(theta=theta / theta.mean(), alignment=float(rng.choice([0.3, 1.0, 3.0])))
    if rng.random() < 0.3:
        kw["frequencies"] = 0.3 * rng.normal(size=n)
    model = SchrodingerLohe(qutip.qzero(dim), 1.0, variant, **kw)
    t = np.linspace(0, float(rng.choice([5, 40, 150])), int(rng.choice([5, 60])))
    try:
        result = slsolve(model, psi, t)
    except SolverError as error:
        result = error.result
    for outcome in predictions(model, psi).check(result):
        assert outcome.passed is not False, outcome


def test_nothing_applies_to_different_hamiltonians():
    other = GridHamiltonian(GRID, lambda x: x**2)
    found = predictions(SchrodingerLohe([H, other]), [g(0.5), g(-0.5)])
    assert len(found) == 0 and str(found) == "no theorem applies"


def test_half_of_what_is_said_is_not_enough():
    # bipolar, masses far from θ; and masses at θ from the start, synchrony not reached
    bipolar = np.array([[0.5, 0], [0.5, 0], [-0.5, 0]], dtype=complex)
    model = SchrodingerLohe(qutip.qzero(2), 1.0, "model2")
    row = predictions(model, bipolar)["Proposition 6.3"]
    assert row.check(slsolve(model, bipolar, [0, 0.5, 1.0])).passed is None
    near = np.array([[1.0, 0], [np.cos(0.3), np.sin(0.3)]], dtype=complex)
    row = predictions(model, near)["Proposition 6.3"]
    assert row.check(slsolve(model, near, [0, 0.1, 0.2])).passed is None
    assert row.check(slsolve(model, near, np.linspace(0, 40, 81))).passed is True


@pytest.mark.parametrize("apart", [1e-6, 1e-8, 1e-11])
def test_a_diameter_that_a_gram_matrix_does_not_know(apart):
    # 1−Re z = ½D² is below rounding: the bound began from 0 or 1.5e-8
    states = np.array([[1.0, 0.0], [np.cos(apart), np.sin(apart)]])
    for hamiltonian in (qutip.sigmaz(), [qutip.sigmaz(), qutip.sigmaz() + 1e-12 * qutip.sigmax()]):
        model = qsp.SchrodingerLohe(hamiltonian, coupling=1.0)
        found = qsp.predictions(model, states)
        assert {"AHKM Theorem 2.3", "practical synchronisation"} & set(found.names)
        outcomes = found.check(qsp.slsolve(model, states, np.linspace(0, 20, 41)))
        assert all(outcome.passed is not False for outcome in outcomes), outcomes


def test_a_prefactor_of_which_nothing_is_left():
    # e^{kt} is beyond all numbers, and 1−z is 0
    model = qsp.SchrodingerLohe(qutip.qeye(2), coupling=1.0)
    states = [[1.0, 0.0], [0.8, 0.6], [0.8, 0.6j]]
    found = qsp.predictions(model, states)
    for span, open_ in ((20.0, False), (680.0, True), (800.0, True)):
        outcomes = found.check(qsp.slsolve(model, states, [0.0, span]))
        assert all(outcome.passed is not False for outcome in outcomes), outcomes
        passed = {outcome.name: outcome.passed for outcome in outcomes}
        assert (passed["AHKM Theorem 2.4"] is None) == open_
