"""Ott and Antonsen's equations against closed forms and against many oscillators."""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.circle import Circle, OttAntonsen, circlesolve, lag_order_parameter, oasolve, sine


def test_one_lorentz_distribution():
    times = np.linspace(0, 2, 5)
    run = oasolve(OttAntonsen(3.0, 1.0), 0.1, times)
    r2 = 1 / 3
    exact = np.sqrt(r2 / (1 + (r2 / 0.01 - 1) * np.exp(-times)))
    assert run.order_parameter == pytest.approx(exact, rel=1e-9)
    assert run.order_parameter[-1] == pytest.approx(0.2490096467075881, rel=1e-9)


def test_two_of_them():
    model = OttAntonsen(4.0, 1.0, [0.5, -0.5])
    r = oasolve(model, [0.5 + 0.1j, 0.5 - 0.1j], [0.0, 60.0]).order_parameter[-1]
    assert r == pytest.approx(0.686151904086543, rel=1e-8)


def test_lag():
    run = oasolve(OttAntonsen(3.0, 1.0, phase_lag=-0.3), 0.5, [0.0, 80.0, 81.0])
    r, frequency = lag_order_parameter(3.0, 1.0, -0.3)
    assert run.order_parameter[-1] == pytest.approx(r, rel=1e-9)
    turned = np.angle(run.modes[2, 0] / run.modes[1, 0])
    assert turned == pytest.approx(frequency, rel=1e-8)


def test_identical_oscillators():
    # γ=0 on the manifold of uniform arcs: tan-like growth r(t) of ż = K(z − z³)/2
    run = oasolve(OttAntonsen(2.0, 0.0), 0.3, [0.0, 1.0])
    z2 = 1 / (1 + (1 / 0.09 - 1) * np.exp(-2.0))
    assert run.order_parameter[-1] == pytest.approx(np.sqrt(z2), rel=1e-10)


def test_against_many_oscillators():
    n = 2000
    omega = np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))
    keep = np.abs(omega) < 100
    # points of the Poisson kernel of r=0.5
    u = 2 * np.pi * (np.random.default_rng(0).permutation(keep.sum()) + 0.5) / keep.sum()
    w = np.exp(1j * u)
    x = np.angle((w + 0.5) / (1 + 0.5 * w))
    model = Circle(sine(), "mean", coupling=3.0, frequencies=omega[keep])
    many = circlesolve(model, x, [0.0, 1.0, 2.0], options={"rtol": 1e-7, "atol": 1e-7})
    reduced = oasolve(OttAntonsen(3.0, 1.0), many.order_parameter[0], [0.0, 1.0, 2.0])
    assert many.order_parameter == pytest.approx(reduced.order_parameter, abs=0.05)


def test_bad_input(tmp_path):
    with pytest.raises(ValueError, match="widths must not be negative"):
        OttAntonsen(1.0, -1.0)
    with pytest.raises(ValueError, match="state0 must have modulus"):
        oasolve(OttAntonsen(1.0, 1.0), 1.5, [0.0, 1.0])
    with pytest.raises(TypeError, match="model must be an OttAntonsen"):
        oasolve(Circle(sine()), 0.5, [0.0, 1.0])
    with pytest.raises(ValueError, match="centres must be one number"):
        OttAntonsen(1.0, [1.0, 2.0, 3.0], [0.0, 1.0])
    assert "oasolve" in qsp.circle.__all__
