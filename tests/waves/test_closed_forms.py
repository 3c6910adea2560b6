"""Closed forms of two oscillators and rates of many: values, ranges, and what a fitted rate may
conclude.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug.waves.closed_forms import blow_up_time, two_oscillator_correlation
from qsyncplug.waves.rates import alignment_rates, check_rate

MASSES = np.array([0.7, 1.0, 1.3, 1.6])


def test_unphysical_correlations_follow_the_same_equation():
    z0, k, omega = 1.4 - 0.3j, 1.1, 0.2
    exact = solve_ivp(
        lambda t, z: 2j * omega * z + k / 2 * (1 - z**2), (0, 2), [z0], rtol=1e-12, atol=1e-12
    ).y[0, -1]
    z = two_oscillator_correlation(z0, [2.0], k, omega, physical=False)
    assert_allclose(z[0], exact, rtol=1e-9)
    with pytest.raises(ValueError, match="modulus at most 1"):
        two_oscillator_correlation(z0, [2.0], k, omega)


def test_blow_up_time():
    t = blow_up_time(-1.5, 2.0)
    assert_allclose(t, np.log(2.5 / 0.5) / 2, rtol=1e-15)
    z = two_oscillator_correlation(-1.5, [t * (1 - 1e-9)], 2.0, physical=False)
    assert z[0].real < -1e8
    assert blow_up_time(1.5, 2.0) == blow_up_time(-1.5 + 1e-9j, 2.0) == np.inf


@pytest.mark.parametrize(
    "call, error, words",
    [
        (
            lambda: qsp.effective_coupling(1.0, [1, 2], variant="modle2"),
            ValueError,
            "variant must be one of",
        ),
        (lambda: qsp.effective_coupling(1.0, [1, 0]), ValueError, "norms must be positive"),
        (
            lambda: qsp.effective_coupling(1.0, [1, 1], [1, -1], "model2"),
            ValueError,
            "theta must be positive",
        ),
        (lambda: qsp.effective_coupling(1.0, [1, 1], [1.2, 0.8]), ValueError, "theta must be 1"),
        (lambda: qsp.effective_coupling(np.nan, [1, 1]), ValueError, "coupling must be finite"),
        (
            lambda: qsp.vanishing_time(1.0, [1, 1], 0.5, -1.0),
            ValueError,
            "alignment must be at least 0",
        ),
        (lambda: qsp.vanishing_time(0.0, [1, 1], 0.5, 1.0), ValueError, "coupling must be above 0"),
        (lambda: qsp.vanishing_time(1.0, [1, -1], 0.5, 1.0), ValueError, "norms must be positive"),
        (lambda: qsp.vanishing_time(1.0, [1, 1], np.nan, 1.0), ValueError, "theta2 must be finite"),
        (lambda: qsp.locking_regime(np.nan, 1.0), ValueError, "coupling must be finite"),
        (lambda: qsp.locking_regime(1.0, np.nan), ValueError, "detuning must be finite"),
        (lambda: qsp.locking_regime(0.0, 1.0), ValueError, "coupling must be above 0"),
        (lambda: qsp.locking_regime("1", 1.0), TypeError, "coupling must be a real number"),
        (lambda: qsp.synchronization_rate(1.0, [1, 0.0]), ValueError, "norms must hold positive"),
        (lambda: qsp.synchronization_rate(1.0, [1, 1], [1.0]), ValueError, "theta must hold 2"),
    ],
)
def test_numbers_out_of_range_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_rates_of_four_masses():
    """Reference values of the secular equation (1/N)Σλ/(S−sλ)=1 and, Model 2, (1/N)Σλ²/(Sλ−s)=1."""
    one, two = alignment_rates(1.0, MASSES), alignment_rates(1.0, MASSES, MASSES**2)
    assert_allclose(one[0], 0.801483786666683, rtol=1e-13)
    assert_allclose(two[0], 0.894966621508614, rtol=1e-13)
    mean = MASSES.mean()
    for s in one:
        assert_allclose(np.mean(MASSES / (mean - s * MASSES)), 1, rtol=1e-10)
    for s in two:
        assert_allclose(np.mean(MASSES**2 / (mean * MASSES - s)), 1, rtol=1e-10)
    assert np.all(np.diff(one) > 0) and len(one) == 3
    assert qsp.synchronization_rate(1.0, [1.0]) == np.inf


T = np.linspace(0, 20, 81)


@pytest.mark.parametrize(
    "gap, passed",
    [
        (np.exp(-T), True),
        (0.3 * np.exp(-0.9 * T), False),  # slower than the rate allows
        (np.exp(-2 * T), None),  # faster: the slowest part may come later
        (1e-9 * np.exp(-T) + np.exp(-2 * T), None),
        (1e-3 * np.exp(-T) + np.exp(-4 * T), True),
        (np.exp(-0.01 * T), None),  # never gets where it shows
        (np.maximum(np.exp(-T), 1e-6), False),  # stays at a distance
    ],
)
def test_what_a_fitted_rate_concludes(gap, passed):
    assert check_rate(T, gap, 1.0)[0] is passed
