"""Measures over time."""

import numpy as np
import pytest

from qsyncplug.core.errors import ApproximationWarning
from qsyncplug.sync import SyncView, measures


def pair_view(t, z, **options):
    table = np.ones((len(t), 2, 2), dtype=complex)
    table[:, 0, 1], table[:, 1, 0] = z, np.conj(z)
    return SyncView(t, correlations=table, **options)


def phases_view(t, theta):
    mean = np.stack([np.cos(theta), -np.sin(theta)], axis=-1).reshape(len(t), -1)
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
    np.testing.assert_allclose(difference[:, 0, 1], 1.1 + 0.04 * T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(difference[:, 1, 0], -1.1 - 0.04 * T, rtol=0, atol=1e-12)
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
