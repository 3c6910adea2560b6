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
    wedge_counterexample,
)
from qsyncplug.core import Grid
from qsyncplug.core.errors import SolverError
from qsyncplug.waves.locking import locking_threshold

pytestmark = pytest.mark.filterwarnings(
    "ignore::qsyncplug.GlobalExistenceWarning",
    "ignore::qsyncplug.UnstableSetWarning",
    "ignore::qsyncplug.NormalizationWarning",
)

GRID = Grid(96, 18.0)
H = GridHamiltonian(GRID, lambda x: x**2 / 2)
ONE = qutip.Qobj([[0.0]])


def g(c, p=0.0):
    return GRID.gaussian(c, p)


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


# ---------------------------------------------------------------------- where the papers err


def amplitudes(values):
    """States along one direction: complex numbers."""
    return np.asarray(values, dtype=complex)[:, None]


def test_theorem_6_1_is_false_with_alignment():
    """θ=(1.5,.75,.75), ψ=(−√1.5,√.75,√.75), h=1, μ=.5 obeys (19), and ζ→0."""
    theta = np.array([1.5, 0.75, 0.75])
    psi = amplitudes([-np.sqrt(1.5), np.sqrt(0.75), np.sqrt(0.75)])
    model = SchrodingerLohe(ONE, 1.0, "model2", theta=theta, alignment=0.5)
    assert np.all(np.abs(psi[:, 0]) ** 2 <= theta * (1 + 1e-12))
    result = slsolve(model, psi, [0, 5.0, 20.0, 60.0])
    assert result.order_parameter[0] > 0.15 and result.order_parameter[-1] < 1e-4
    found = predictions(model, psi)
    assert "Theorem 6.1 is false" in found.notes[0] and "Theorem 6.1" not in found.names


def test_lemma_5_2_as_printed_is_false():
    """θ=(1,1.5,.5), λ=(1,.99,.99): the printed bound exp(k|θ₊(0)−1|/2cμ), θ₊ of the largest mass,
    is 1; the run passes it.
    """
    psi = amplitudes([1.0, 0.99, 0.99])
    model = SchrodingerLohe(ONE, 1.0, "model1", theta=[1.0, 1.5, 0.5], alignment=1.0)
    result = slsolve(model, psi, np.linspace(0, 30, 31))
    top = np.sqrt(result.masses.max())
    assert_allclose(top, 1.238, atol=5e-4)
    assert top < np.exp(1 * 0.5 / 2)


def test_the_wedge_is_not_monotone():
    """N=8 unit masses: min Re z can fall below its start, against the key step of Theorem 5.3 and
    Proposition 6.2.
    """
    worst = 0.0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        psi = rng.normal(size=(8, 3)) + 1j * rng.normal(size=(8, 3)) + 0.8
        psi /= np.linalg.norm(psi, axis=1)[:, None]
        z0 = (psi.conj() @ psi.T).real.min()
        result = slsolve(SchrodingerLohe(qutip.qeye(3) * 0, 1.0), psi, [0, 0.05])
        worst = min(worst, result.gram[1].real.min() - z0)
    assert worst < -1e-4


def example_7(first):
    a = [-first, 0.8 * np.exp(0.5j), 0.7 * np.exp(0.3j), 0.9 * np.exp(1.0j)]
    return amplitudes([*a, *np.conj(a)])


@pytest.mark.parametrize(
    "first, name, limit", [(1.0, "Example 7.1", 0.5), (1.3, "Example 7.2", 0.0)]
)
def test_examples_7_1_and_7_2(first, name, limit):
    psi = example_7(first)
    model = SchrodingerLohe(ONE, 1.0, "model2")
    found = predictions(model, psi)
    assert name in found.names
    assert_allclose(found[name].limits["order_parameter"], limit, atol=1e-12)
    result = slsolve(model, psi, [0, 8, 16.0])
    # unstable: later, rounding leaves it
    assert_allclose(result.order_parameter[-1], limit, atol=5e-4)
    assert found[name].check(result).passed is not False


def test_the_examples_need_one_direction():
    """In two dimensions (136)–(139) hold and the states still synchronise: not predicted."""
    rng = np.random.default_rng(0)
    side = rng.normal(size=3)
    psi = np.zeros((8, 4), complex)
    psi[:, 0] = example_7(1.0)[:, 0]
    psi[1:4, 1:] = 0.3 * side
    psi[5:8, 1:] = -0.3 * side
    found = predictions(SchrodingerLohe(qutip.qeye(4) * 0, 1.0, "model2"), psi)
    assert not any(n.startswith("Example") for n in found.names)


# ---------------------------------------------------------------------- rates and checks


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


@pytest.mark.parametrize("n, c", [(4, 0.4), (5, 0.3), (8, 0.45)])
def test_the_widened_wedge_is_not_enough(n, c):
    """Min Re z=−c>−½, and the run tends to a bipolar state: ‖ζ‖→(N−2)/N."""
    psi = wedge_counterexample(n, c)
    z = psi.conj() @ psi.T
    assert_allclose(np.diag(z), 1, rtol=1e-14)
    assert_allclose(z.real.min(), -c, atol=1e-14)
    model = SchrodingerLohe(qutip.qzero(n - 1))
    result = slsolve(model, psi, [0, 25.0])
    assert_allclose(result.order_parameter, [((n - 1) * c - 1) / n, (n - 2) / n], atol=2e-4)
    found = predictions(model, psi)
    assert not found["Theorem 5.1"].limits and "not enough" in found.notes[-1]
    assert found["Theorem 5.1"].check(result).passed is not False


def test_practical_synchronisation():
    """Different potentials with 16W<k: the diameter stays below the solution of Ḋ=kD(D−½)+W."""
    hs = [GridHamiltonian(GRID, lambda x, s=s: x**2 / 2 + s * np.cos(x)) for s in (0.0, 0.05)]
    psi = [g(0.1), g(-0.1)]
    model = SchrodingerLohe(hs, 2.0)
    found = predictions(model, psi)
    assert found.names == ("practical synchronisation",)
    result = slsolve(model, psi, np.linspace(0, 6, 25))
    assert found[0].check(result).passed
    assert result.deviations[-1, 0, 1].real > 1e-8
    weak = slsolve(SchrodingerLohe(hs, 0.05), psi, np.linspace(0, 6, 25))
    assert found[0].check(weak).passed is False


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
