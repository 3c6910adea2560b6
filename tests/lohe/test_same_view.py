"""The same numbers give the same view: Schrödinger–Lohe of one level, and the circle."""

import numpy as np
import pytest
import qutip
from numpy.testing import assert_allclose

import qsyncplug as qsp

N = 4
RNG = np.random.default_rng(4)
OMEGA = 0.3 * RNG.normal(size=N)
START = RNG.uniform(-1, 1, N)
DIRECTED = RNG.uniform(0.2, 2.0, (N, N)) * (1 - np.eye(N))
TIMES = np.linspace(0, 6, 25)
CASES = {
    "mean": dict(frequencies=OMEGA),
    "lag": dict(frequencies=OMEGA, phase_lag=0.5),
    "directed, lag": dict(frequencies=OMEGA, phase_lag=0.5, adjacency=DIRECTED),
}


def views(case):
    kw = CASES[case]
    waves = qsp.slsolve(
        qsp.SchrodingerLohe(qutip.Qobj([[0.0]]), 1.2, **kw), np.exp(-1j * START)[:, None], TIMES
    )
    circle = qsp.circlesolve(
        qsp.Circle(qsp.sine(), normalization="mean", coupling=1.2, **kw),
        START,
        TIMES,
        options={"store_positions": True, "rtol": 1e-13, "atol": 1e-13},
    )
    return qsp.synchronization(waves), qsp.synchronization(circle)


@pytest.mark.parametrize("case", CASES)
def test_correlations_and_measures_agree(case):
    a, b = views(case)
    assert_allclose(a.correlations, b.correlations, atol=1e-10)
    assert_allclose(a.deviations, b.deviations, atol=1e-10)
    for name in ("order_parameter", "diameter"):
        measure = getattr(qsp.measures, name)
        assert_allclose(np.asarray(measure(a)), np.asarray(measure(b)), atol=1e-9, err_msg=name)


def test_a_faster_oscillator_is_ahead():
    """Ω=ω and ω advance a phase by +ωt: the relative phase of the faster one is positive."""
    a, b = views("mean")
    fast, slow = int(np.argmax(OMEGA)), int(np.argmin(OMEGA))
    for view in (a, b):
        z = view.correlations[-1, fast, slow]
        # z_jk = e^{i(x_j−x_k)}
        assert np.angle(z) > 0
