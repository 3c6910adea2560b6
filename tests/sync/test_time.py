"""Measures over time, and the classification of runs with known courses."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from qsyncplug.core.errors import ApproximationWarning, MissingFieldError
from qsyncplug.sync import SyncView, classify, measures


def pair_view(t, z, **options):
    table = np.ones((len(t), 2, 2), dtype=complex)
    table[:, 0, 1], table[:, 1, 0] = z, np.conj(z)
    return SyncView(t, correlations=table, **options)


def phases_view(t, theta):
    mean = np.stack([np.cos(theta), np.sin(theta)], axis=-1).reshape(len(t), -1)
    return SyncView(t, mean=mean, covariance=0)


T = np.linspace(0, 20, 401)


def test_phase_locking_of_a_steady_drift():
    # |∫ e^{iωt}| over a window w is |sinc|; the trapezoid rule with steps h turns it into a
    # Dirichlet kernel
    omega, h, w = 1.3, T[1], 2.0
    steps = round(w / h)
    values = measures.phase_locking(pair_view(T, 0.4 * np.exp(1j * omega * T)), w)[:, 0, 1]
    expected = abs(np.sin(omega * w / 2) / np.tan(omega * h / 2)) / steps
    assert np.all(np.isnan(values[:steps]))
    np.testing.assert_allclose(values[steps:], expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(expected, abs(np.sinc(omega * w / 2 / np.pi)), rtol=2e-3)
    locked = measures.phase_locking(pair_view(T, 0.2 * np.exp(0.5j) * np.ones(T.size)))
    np.testing.assert_allclose(locked[1:], 1, rtol=0, atol=1e-13)


def test_phase_locking_between_samples_and_on_uneven_times():
    t = np.sort(
        np.concatenate([np.linspace(0, 10, 4001), np.random.default_rng(0).uniform(0, 10, 500)])
    )
    t = np.unique(t)
    values = measures.phase_locking(pair_view(t, np.exp(2j * t)), 1.2345)[:, 0, 1]
    inside = t >= 1.2345
    # linear interpolation: h²ω²/12 with h=2.5e-3
    np.testing.assert_allclose(values[inside], np.sin(1.2345) / 1.2345, rtol=0, atol=4e-6)


def test_frequencies():
    theta = np.stack([0.3 * T + 0.02 * T**2, -0.8 * T], axis=1)
    view = phases_view(T, theta)
    np.testing.assert_allclose(measures.frequency(view)[:, 0], 0.3 + 0.04 * T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(measures.frequency(view)[:, 1], -0.8, rtol=0, atol=1e-12)
    difference = measures.frequency_difference(view)
    np.testing.assert_allclose(difference[:, 0, 1], -1.1 - 0.04 * T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(difference[:, 1, 0], 1.1 + 0.04 * T, rtol=0, atol=1e-12)
    uneven = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.3, 50))
    quadratic = np.stack([uneven**2, 0 * uneven], axis=1) / 2
    np.testing.assert_allclose(
        measures.frequency(phases_view(uneven, quadratic))[:, 0], uneven, rtol=0, atol=1e-11
    )
    with pytest.warns(ApproximationWarning, match="more times"):
        measures.frequency(view.at(slice(None, None, 60)))
    with pytest.raises(ValueError, match="at least 2 times"):
        measures.frequency(view.at(0))


def test_pearson_window():
    x = np.stack([np.cos(T), np.cos(T + 1.1), -2 * np.cos(T) + 3], axis=1)
    mean = np.zeros((T.size, 6))
    mean[:, ::2] = x
    view = SyncView(
        np.linspace(0, 4 * np.pi, T.size) * 5, mean=mean
    )  # 401 samples of cos over T=0..20 need no period
    values = measures.pearson_window(view)[-1]
    w = np.full(T.size, 1.0)
    w[0] = w[-1] = 0.5
    centred = x - (w @ x) / w.sum()
    cov = (w[:, None] * centred).T @ centred
    expected = cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(values[0, 2], -1, rtol=0, atol=1e-12)


def test_complete_with_the_rate_of_kuramoto():
    phi = 2 * np.arctan(np.tan(1.0) * np.exp(-2 * T))
    result = classify(pair_view(T, np.exp(1j * phi)))
    assert result.label == "complete" and result.period is None
    np.testing.assert_allclose(result.rate, 2, rtol=1e-6)
    assert abs(result.rate - 2) <= 3 * result.rate_error + 1e-9
    assert "complete" in str(result) and "rate 2" in str(result) and "complete" in repr(result)


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_complete_with_the_rate_of_schrodinger_lohe(noise):
    z0, k = 0.3 + 0.4j, 1.3
    grow = np.exp(k * T)
    z = ((1 + z0) * grow - (1 - z0)) / ((1 + z0) * grow + (1 - z0))
    z = z + noise * np.random.default_rng(0).normal(size=T.size)
    result = classify(pair_view(T, z / np.maximum(1, np.abs(z))))
    assert result.label == "complete"
    # the closed form is an exponential up to the distance itself, at most 1e-3 where the fit begins
    assert abs(result.rate - k) < 2e-4
    assert abs(result.rate - k) < 3 * result.rate_error


def test_bipolar_and_its_instability():
    phi = 2 * np.arctan(np.tan(1.0) * np.exp(-2 * T))
    result = classify(pair_view(T, -np.exp(1j * phi)))
    assert result.label == "bipolar" and result.evidence["groups"] == (1, 1)
    np.testing.assert_allclose(result.rate, 2, rtol=1e-6)
    leaving = classify(pair_view(T, -np.exp(1e-5j * np.exp(0.2 * T))))
    assert leaving.label == "undetermined" and leaving.rate is None
    theta = np.tile([0.1, 0.1, 0.1 + np.pi, 0.1], (T.size, 1))
    assert classify(phases_view(T, theta)).evidence["groups"] == (3, 1)


def test_phase_locked():
    phi = 0.7 + 0.5 * np.exp(-2 * T)
    result = classify(pair_view(T, 0.5 * np.exp(1j * phi)))
    assert result.label == "phase-locked"
    np.testing.assert_allclose(result.rate, 2, rtol=1e-4)
    theta = np.tile(np.linspace(0, 2, 100), (T.size, 1)) + T[:, None]
    assert classify(phases_view(T, theta)).label == "phase-locked"


def adler(detuning, coupling, t):
    def slope(_, y):
        return detuning - coupling * np.sin(y)

    return solve_ivp(slope, (0, t[-1]), [0.0], t_eval=t, rtol=1e-11, atol=1e-12).y[0]


def test_periodic_drift():
    t = np.linspace(0, 40, 801)
    result = classify(pair_view(t, np.exp(1j * adler(1.5, 1.0, t))))
    assert result.label == "periodic"
    np.testing.assert_allclose(result.period, 2 * np.pi / np.sqrt(1.5**2 - 1), rtol=1e-4)
    # less than two periods in the window: no period is claimed
    short = classify(pair_view(t, np.exp(1j * adler(1.5, 1.0, t))), window=9.0)
    assert short.label != "periodic" and short.period is None
    locked = classify(pair_view(t, np.exp(1j * adler(0.5, 1.0, t))))
    assert locked.label == "phase-locked"
    np.testing.assert_allclose(locked.rate, np.sqrt(1 - 0.25), rtol=2e-3)


def test_frequency_locked():
    t = np.linspace(0, 60, 1201)
    result = classify(pair_view(t, np.exp(0.5j * np.sin(1.3 * t))))
    assert result.label == "frequency-locked"
    np.testing.assert_allclose(result.period, 2 * np.pi / 1.3, rtol=1e-4)
    two = 0.2 * np.sin(1.3 * t) + 0.2 * np.sin(1.3 * np.sqrt(2) * t)
    assert classify(pair_view(t, np.exp(1j * two))).label == "frequency-locked"


def test_incoherent_and_undetermined():
    assert classify(pair_view(T, np.zeros(T.size))).label == "incoherent"
    assert classify(pair_view(T, np.exp(1j * (T + T**2 / 30)))).label == "incoherent"
    slow = classify(pair_view(T, np.exp(0.02j * T)))
    assert slow.label == "undetermined" and "short" in slow.evidence["reason"]
    converging = classify(pair_view(T, np.exp(1j * np.exp(-0.2 * T))))
    assert converging.label == "undetermined" and "converge" in converging.evidence["reason"]
    fast = classify(pair_view(T[::20], np.exp(3j * T[::20])))
    assert fast.label == "undetermined" and "more times" in fast.evidence["reason"]


@pytest.mark.parametrize("coherent", [True, False])
def test_relaxing_to_vacuum(coherent):
    t = np.linspace(0, 30, 301)
    decay = np.exp(-0.4 * t)
    mean = (
        np.sqrt(2)
        * np.exp(-0.2 * t)[:, None]
        * np.array([1.0, 0, 0.5, 0.5])
        * (1 if coherent else 0)
    )
    cov = np.eye(4) * (0.5 + (0 if coherent else 1) * decay[:, None, None])
    result = classify(SyncView(t, mean=mean, covariance=cov))
    assert result.label == "relaxing to vacuum"
    np.testing.assert_allclose(result.rate, 0.4, rtol=1e-4)
    np.testing.assert_allclose(result.evidence["S_q_at_end"], 1, atol=1e-4)
    early = classify(SyncView(t, mean=mean, covariance=cov).at(t <= 4))
    assert early.label != "relaxing to vacuum"


def test_arguments_of_classify():
    view = pair_view(T, np.ones(T.size))
    with pytest.raises(ValueError, match="window"):
        classify(view, window=30.0)
    with pytest.raises(ValueError, match="tolerance"):
        classify(view, tolerance=0.0)
    with pytest.raises(ValueError, match="times"):
        classify(view.at([0, 1]))
    with pytest.raises(MissingFieldError):
        classify(SyncView(T, mean=np.ones((T.size, 4))))
