"""Limit cycles: the orbit and the noise that are drawn are those of the mean field."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import qsyncplug as qsp


def drawn(ax):
    """Closed curves as complex β."""
    return [x.get_xdata() + 1j * x.get_ydata() for x in ax.lines if len(x.get_xdata()) > 10]


def test_the_phase_of_one_oscillator_has_a_circle_and_its_noise_an_ellipse():
    (b,) = qsp.modes(1)
    cycle = qsp.limit_cycle(qsp.System(b.dag() * b, [b.dag(), 0.02**0.5 * b**2]), [1.0])
    _, ax = qsp.plot_limit_cycle(cycle)
    circle, needle = drawn(ax)
    # |β|²=g1/2g2, and radial q variance of 3/4: the phase is projected out
    np.testing.assert_allclose(abs(circle), 5.0, rtol=1e-9)
    turned = (needle - cycle.amplitudes[0]) * np.exp(-1j * np.angle(cycle.amplitudes[0]))
    assert turned.real.max() == pytest.approx(np.sqrt(0.75 / 2), rel=1e-3)
    assert abs(turned.imag).max() < 1e-6
    assert ax.get_title() == "free phase: Ω = 1, D = 0.03"
    plt.close("all")


def test_the_orbit_of_a_driven_oscillator_is_where_its_mean_field_goes():
    (b,) = qsp.modes(1)
    driven = qsp.System(b.dag() * b + 0.4 * (b + b.dag()), [b.dag(), 0.1**0.5 * b**2])
    fig, ax = plt.subplots()
    again, other = qsp.plot_limit_cycle(qsp.limit_cycle(driven, [1.0]), fig=fig, ax=ax)
    assert again is fig
    assert other is ax
    orbit = drawn(ax)[0]
    assert orbit[0] == orbit[-1]
    run = qsp.mfsolve(driven, [1.0], np.linspace(0, 60, 601), closure="none")
    late = qsp.synchronization(run).mean[400:, :2] @ [1, 1j] / np.sqrt(2)
    corners = abs(np.diff(orbit)).max()
    assert max(abs(orbit - z).min() for z in late) < corners
    assert ax.get_title().startswith("along the orbit: Ω = 0.992, D = ")
    plt.close("all")


def test_the_ellipse_of_a_locked_oscillator_is_the_covariance_that_its_mean_field_settles_at():
    (b,) = qsp.modes(1)
    drive = 0.1 * b.dag() * b + 2.0 * (b + b.dag())
    locked = qsp.System(drive, [b.dag(), 0.2**0.5 * b**2])
    cycle = qsp.limit_cycle(locked, [2.0])
    _, ax = qsp.plot_limit_cycle(cycle)
    ellipse = drawn(ax)[1]
    late = qsp.synchronization(qsp.mfsolve(locked, [2.0], [0, 60]))
    mean, covariance = late.mean[-1], late.covariance[-1]
    away = np.sqrt(2) * np.array([ellipse.real, ellipse.imag]) - mean[:2, None]
    squares = np.einsum("it,ij,jt->t", away, np.linalg.inv(covariance[:2, :2]), away)
    np.testing.assert_allclose(squares, 1.0, rtol=1e-6)
    assert ax.get_title() == "no phase is free"
    plt.close("all")


def test_every_oscillator_has_its_circle_and_many_share_a_colour():
    modes = qsp.modes(9)
    jumps = [x for k, b in enumerate(modes, 1) for x in (b.dag(), (0.1 * k) ** 0.5 * b**2)]
    motion = sum(k * b.dag() * b for k, b in enumerate(modes))
    _, ax = qsp.plot_limit_cycle(qsp.limit_cycle(qsp.System(motion, jumps), [2.0] * 9))
    circles = drawn(ax)
    # |β|² = 1/(2·0.1k)
    radii = [5**0.5 / k**0.5 for k in range(1, 10)]
    np.testing.assert_allclose([abs(x).max() for x in circles], radii, rtol=1e-9)
    assert len({x.get_color() for x in ax.lines[:-1]}) == 1
    assert ax.get_legend() is None
    assert ax.get_title() == "9 free phases"
    plt.close("all")


@pytest.mark.parametrize("wrong", [None, 3, qsp.sine()])
def test_what_is_no_limit_cycle_is_told(wrong):
    with pytest.raises(TypeError, match=r"cycle must be a LimitCycle or LimitTorus, from qsp"):
        qsp.plot_limit_cycle(wrong)
