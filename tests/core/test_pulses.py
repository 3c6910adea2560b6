"""Pulses between two steps are not passed over; the unit of time does not matter."""

import numpy as np
import pytest
import qutip
from scipy.integrate import quad

import qsyncplug as qsp
from qsyncplug.core.pulses import fastest_changes, find_breaks, longest_step


def gaussian(centre, width):
    return lambda t: np.exp(-(((t - centre) / width) ** 2) / 2)


@pytest.mark.parametrize("width", [3.0, 0.3, 0.1])
@pytest.mark.parametrize("floor", [lambda t: 0.0, np.cos], ids=["quiet", "cosine"])
def test_pulses_are_found(width, floor):
    pulse = gaussian(500.0, width)
    breaks = find_breaks([lambda t: floor(t) + pulse(t)], [0.0, 1000.0])
    if width < 0.2 or floor(0) == 0:
        assert np.any((breaks > 500 - 12 * width) & (breaks < 500))
        assert np.any((breaks < 500 + 12 * width) & (breaks > 500))


def test_smooth_functions_cost_nothing():
    for f in (np.cos, lambda t: t**3, lambda t: 1e3 + 1e-3 * t, lambda t: 2.0, lambda t: np.nan):
        assert len(find_breaks([f], np.linspace(0, 100, 51))) == 0
    assert len(find_breaks([np.cos], [0.0])) == 0


def test_samples_know_their_times():
    # one sample in a million is not zero
    knots = np.linspace(0, 1000.0, 200001)
    values = np.zeros(knots.size, complex)
    values[123456] = 1.0
    sampled = qutip.coefficient(values, tlist=knots, order=1)
    here = knots[123456]
    breaks = find_breaks([sampled + sampled], [0.0, 1000.0])
    assert np.any(np.abs(breaks - here) < 0.011)


def test_functions_that_fail_are_left_to_the_run():
    def f(t):
        if t > 5:
            raise ValueError("no")
        return 1.0

    assert len(find_breaks([f], np.linspace(0, 10, 11))) <= 2


#: d⟨b⟩/dt = -(iω+κ/2)⟨b⟩ - i f(t)
OMEGA, KAPPA = 0.7, 0.05


def driven(f):
    (b,) = qsp.modes(1)
    drive = qutip.coefficient(f)
    return qsp.System(OMEGA * b.dag() * b + drive * (b + b.dag()), [np.sqrt(KAPPA) * b])


def amplitude(f, t, centre, width):
    """⟨b⟩ by quadrature over the pulse."""
    a = 1j * OMEGA + KAPPA / 2

    def part(pick):
        low, high = centre - 9 * width, min(t, centre + 9 * width)
        return quad(
            lambda s: pick(f(s) * np.exp(-a * (t - s))), low, high, epsabs=1e-13, limit=500
        )[0]

    return -1j * (part(np.real) + 1j * part(np.imag))


@pytest.mark.parametrize(
    ("centre", "times"),
    [(100.2, np.arange(0, 130, 0.5)), (500.0, np.array([0.0, 510.0, 1000.0])), (500.0, None)],
    ids=["between outputs", "long steps", "by hand"],
)
@pytest.mark.parametrize("width", [0.1, 1.0])
def test_mean_field_sees_a_pulse(centre, times, width):
    height = 5.0 / width
    shape = gaussian(centre, width)

    def pulse(t):
        return height * shape(t)

    system = driven(pulse)
    if times is None:
        solver = qsp.MeanFieldSolver(system)
        solver.start([0.0], 0.0)
        mean, _ = solver.step(510.0)
        got, t = complex(*mean) / np.sqrt(2), 510.0
    else:
        t = times[np.searchsorted(times, centre + 9)]
        got = qsp.mfsolve(system, [0.0], times).amplitudes[list(times).index(t), 0]
    right = amplitude(pulse, t, centre, width)
    assert abs(right) > 1
    assert abs(got - right) < 1e-8


def test_a_rectangle_between_two_outputs():
    height, begin, end = 30.0, 500.03, 500.13
    system = driven(lambda t: height if begin <= t < end else 0.0)
    got = qsp.mfsolve(system, [0.0], [0.0, 1000.0 / 2 + 1]).amplitudes[-1, 0]
    a = 1j * OMEGA + KAPPA / 2
    right = -1j * height * (np.exp(-a * (501 - end)) - np.exp(-a * (501 - begin))) / a
    assert abs(got - right) < 1e-7


def test_a_late_gain():
    """dn/dt = (g(t) - κ) n + g(t) from nothing: a pulse of gain at t=100."""
    (b,) = qsp.modes(1)
    root = qutip.coefficient(lambda t: 3.0 if 100.0 <= t < 100.1 else 0.0)
    system = qsp.System(0 * b, [root * b.dag(), np.sqrt(KAPPA) * b])
    times = np.arange(0, 130, 0.5)
    result = qsp.mfsolve(system, [0.0], times, closure="gaussian")
    c = result.covariance[:, 0, 0] - 0.5
    rate = 9.0 - KAPPA
    n = 9.0 / rate * np.expm1(0.1 * rate) * np.exp(-KAPPA * (times[220] - 100.1))
    assert c[220] == pytest.approx(n, rel=1e-8)
    assert n > 0.5


# ---------------------------------------------------------------- units of time


@pytest.mark.parametrize("rate", [1e-14, 1e-9, 1e-3, 1e3, 1e6, 1e9])
def test_mean_field_in_any_unit(rate):
    def run(unit):
        system = qsp.van_der_pol_pair(
            gain=unit, loss=0.1 * unit, detuning=2 * unit, dissipative=0.7 * unit
        )
        return qsp.mfsolve(system, [1.0, 0.3j], np.linspace(0, 10, 21) / unit)

    one, other = run(1.0), run(rate)
    assert np.allclose(other.amplitudes, one.amplitudes, rtol=0, atol=1e-9)
    assert np.allclose(other.covariance, one.covariance, rtol=1e-9, atol=1e-9)
    # the same steps, whatever the clock shows
    assert abs(other.stats.steps_accepted - one.stats.steps_accepted) <= 1


@pytest.mark.parametrize("rate", [1e-14, 1e-9, 1e3, 1e9])
def test_circle_in_any_unit(rate):
    x0 = np.array([0.0, 1.0, 2.5])
    omega = np.array([-0.5, 0.1, 0.7])

    def run(unit):
        model = qsp.Circle(qsp.sine(), coupling=unit, frequencies=omega * unit)
        return qsp.circlesolve(model, x0, np.linspace(0, 10, 21) / unit)

    one, other = run(1.0), run(rate)
    assert np.allclose(other.positions, one.positions, rtol=0, atol=1e-10)
    assert abs(other.stats.steps_accepted - one.stats.steps_accepted) <= 1


@pytest.mark.parametrize("rate", [1e-14, 1e9])
def test_from_nothing_in_any_unit(rate):
    """An empty mode that is driven: the first step has only the drive to go by."""
    (b,) = qsp.modes(1)
    system = qsp.System(rate * (b + b.dag()), [np.sqrt(rate) * b])
    times = np.linspace(0, 20, 11)
    got = qsp.mfsolve(system, [0.0], times / rate).amplitudes[:, 0]
    assert np.allclose(got, 2j * np.expm1(-times / 2), rtol=0, atol=1e-11)


def test_how_fast_functions_change():
    ends = [0.0, 1.0, 3.0, 4.0]
    found = fastest_changes([lambda t: np.exp(3j * t), lambda t: 2 * np.sin(7 * t)], ends)
    np.testing.assert_allclose(found, 7.0, rtol=1e-3)
    # a ramp in the second interval alone
    found = fastest_changes([lambda t: np.clip(t - 1, 0, 2)], ends)
    np.testing.assert_allclose(found, [0, 0.5, 0], atol=1e-9)
    assert fastest_changes([], ends).tolist() == [0.0] * 3
    assert fastest_changes([np.cos], [1.0]).size == 0


def test_the_longest_step_passes_over_no_pulse():
    step = longest_step([lambda t: float(50 <= t < 50.3)], [0.0, 100.0])
    assert 0.1 < step < 0.16
    assert longest_step([lambda t: float(50 <= t < 50.01)], [0.0, 100.0]) < 0.1
    assert longest_step([np.cos], [0.0, 100.0]) == np.inf


def test_jumps_are_found_to_the_last_bit():
    breaks = find_breaks([lambda t: np.cos(t) + (t > 33.3)], [0.0, 100.0])
    assert np.nextafter(33.3, 40) in breaks
    for f in (lambda t: abs(t - 5), lambda t: np.inf, lambda t: np.tanh(20 * (t - 5))):
        assert not np.any(np.abs(np.diff(find_breaks([f], [0.0, 10.0]))) < 1e-9)


@pytest.mark.parametrize("kappa", [20.0, 2000.0])
def test_strong_square_pulses_are_no_singularities(kappa):
    """⟨b⟩=−i(2f/κ)(1−e^{−κs/2}) a time s into the pulse; no step was short enough at its flank."""
    (b,) = qsp.modes(1)
    height = kappa / 2
    drive = qutip.coefficient(lambda t: height * (50 <= t < 50.3))
    system = qsp.System(drive * (b + b.dag()), [np.sqrt(kappa) * b])
    run = qsp.mfsolve(system, [0.0], [0.0, 50.1, 50.3], e_ops=[b])
    right = -1j * (1 - np.exp(-kappa / 2 * np.array([0.1, 0.3])))
    np.testing.assert_allclose(run.expect[0][1:], right, atol=1e-10)


def test_particles_with_little_inertia_are_kicked():
    """Two of them, mx¨+x˙=−2 sin(x−y): at the end of a pulse as without inertia, to O(m)."""
    model = qsp.Circle(qsp.sine(), coupling=lambda t: 2.0 * (50 <= t < 50.3), inertia=1e-3)
    run = qsp.circlesolve(model, [0.0, 1.5], [0.0, 100.0])
    assert run.stats["steps rejected"] < 300
    gap = 2 * np.arctan(np.tan(0.75) * np.exp(-4.0 * 0.3))
    assert np.ptp(run.positions[-1]) == pytest.approx(gap, abs=2e-3)
    assert run.positions[-1].sum() == pytest.approx(1.5, abs=1e-9)


@pytest.mark.parametrize("start", [0.0, 1.0, 1e3])
@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e7])
def test_a_jump_may_come_with_the_start_or_the_next_time_behind_it(start, unit):
    (b,) = qsp.modes(1)
    first = np.nextafter(start * unit, np.inf)
    for jump in (start * unit, first):
        drive = qutip.coefficient(lambda t, jump=jump: (1.0 if t > jump else -1.0) / unit)
        system = qsp.System(drive * (b + b.dag()), [np.sqrt(2 / unit) * b])
        run = qsp.mfsolve(system, [0.0], [start * unit, (start + 1) * unit], e_ops=[b])
        assert run.expect[0][-1] == pytest.approx(-1j * (1 - np.exp(-1)), abs=1e-9)
