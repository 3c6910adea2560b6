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
from qsyncplug.core import Grid

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
        {"two oscillators", "Theorem 4.1", "AHKM Theorem 2.4"},
    ),
    "near": (
        SchrodingerLohe(H),
        [g(0.1), g(-0.1), g(0, 0.1)],
        30,
        {"AHKM Theorem 2.3", "AHKM Theorem 2.4"},
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
    "masses": (SchrodingerLohe(H), [2 * g(1), g(-0.5)], 30, {"two oscillators", "Theorem 4.1"}),
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
    assert set(found.names) == names
    result = slsolve(model, psi, np.linspace(0, end, 81))
    for check in found.check(result):
        assert check.passed, check
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


def test_nothing_applies_to_different_hamiltonians():
    other = GridHamiltonian(GRID, lambda x: x**2)
    found = predictions(SchrodingerLohe([H, other]), [g(0.5), g(-0.5)])
    assert len(found) == 0 and str(found) == "no theorem applies"
