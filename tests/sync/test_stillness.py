"""What stands on the samples, and moves on all the same."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.sync.verdicts.vectors import repeats


def test_a_slow_node_beside_two_that_come_to_rest():
    # two meet at the rate 1; the third follows at .002 from .4
    model = qsp.Circle(qsp.sine(), "mean", response=[1, 1, 2e-3], weights=[1, 1, 1e-6])
    start, times = [-0.8, 0.8, 0.4], np.linspace(0, 8, 161)
    found = qsp.verdict(qsp.circlesolve(model, start, times))
    assert found.label == "undecided"
    # a Newton step: tan .394
    assert "has 0.42 to go" in found.why
    late = qsp.circlesolve(model, start, [0.0, 8.0, 3000.0]).positions
    assert abs((late[1, 2] - late[1, :2].mean()) - 0.39) < 0.01
    assert np.ptp(late[2]) < 2e-2
    # the same seen by hand: nothing but the pace of the slow one is known
    theta = qsp.circlesolve(model, start, times).positions
    mean = np.stack([np.cos(theta), -np.sin(theta)], axis=-1).reshape(len(times), -1)
    assert qsp.verdict(qsp.SyncView(times, mean=np.sqrt(2) * mean, covariance=0)).label == (
        "undecided"
    )


def test_a_slow_mode_that_is_there_already_does_not_matter():
    model = qsp.Circle(qsp.sine(), "mean", response=[1, 1, 2e-3], weights=[1, 1, 1e-6])
    found = qsp.verdict(qsp.circlesolve(model, [-0.8, 0.8, 0.0], np.linspace(0, 30, 301)))
    assert found.label == "complete"


def test_a_weak_oscillator_beside_strong_ones():
    # two meet at the rate 1; the third, with a hundredth of the coupling, has just begun
    a, b, c = qsp.modes(3)
    jumps = [x.dag() for x in (a, b, c)] + [np.sqrt(0.2) * x**2 for x in (a, b, c)]
    jumps += [a - b, 0.03 * (a - c), 0.03 * (b - c)]
    size = np.sqrt(2.5)
    run = qsp.mfsolve(
        qsp.System(0 * a.dag() * a, jumps),
        size * np.exp(-1j * np.array([-0.8, 0.8, 0.4])),
        np.linspace(0, 8, 161),
    )
    assert qsp.verdict(run).label == "undecided"


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_coupling_that_swings_is_not_at_rest_at_its_own_period(parts):
    detuning, period = 0.46, 2 * np.pi / 1.3
    swing = (s := np.linspace(0, 600, 8000), 0.6 * (1 + 0.8 * np.cos(1.3 * s)))
    model = qsp.Circle(qsp.sine(), "mean", coupling=swing, frequencies=[0.0, detuning])
    run = qsp.circlesolve(model, [0.0, 1.0], np.arange(60 * parts) * period / parts)
    assert qsp.verdict(run).label in ("undecided", "frequency-locked")
    dense = qsp.circlesolve(model, [0.0, 1.0], np.linspace(0, 300, 3001))
    assert qsp.verdict(dense).label == "frequency-locked"
    assert np.ptp(dense.positions[-500:, 1] - dense.positions[-500:, 0]) > 0.3


@pytest.mark.parametrize(
    ("detuning", "V", "rate", "swing"), [(0.42, 0.59, 0.27, 0.59), (0.12, 0.73, 5.28, 0.5)]
)
def test_a_detuning_that_swings_is_not_at_rest_at_its_own_period(detuning, V, rate, swing):
    # the first slips by a turn every period: it drifts
    a, b = qsp.modes(2)
    difference = a.dag() * a - b.dag() * b
    jumps = [a.dag(), b.dag(), np.sqrt(0.2) * a**2, np.sqrt(0.2) * b**2, np.sqrt(V) * (a - b)]
    H = detuning / 2 * difference + (lambda t: swing * np.cos(rate * t)) * difference
    times = np.arange(50) * 2 * np.pi / rate
    run = qsp.mfsolve(qsp.System(H, jumps), [1.2, 1.2j], times)
    beta = run.amplitudes
    relative = np.angle(beta[:, 1] / beta[:, 0])
    assert np.ptp(relative[25:]) < 1e-6
    assert qsp.verdict(run).label == "undecided"


def test_moments_at_the_period_of_their_model():
    (a,) = qsp.modes(1)
    system = qsp.System((lambda t: 0.3 * np.cos(2 * t)) * (a + a.dag()), [a, 0.3 * a.dag()])
    times = np.arange(40) * np.pi
    run = qsp.exactsolve(system, qutip.fock_dm(12, 0), times, cutoff=12)
    assert np.ptp(np.asarray(qsp.synchronization(run).masses)[20:]) < 1e-6
    found = qsp.verdict(run)
    assert found.label == "undecided"
    assert "changes with time" in found.why


def test_hamiltonians_that_change_differently():
    up, flip = qutip.sigmaz(), qutip.sigmax()
    models = [
        qsp.SchrodingerLohe(
            [up + 0.3 * flip, qutip.QobjEvo([up, [flip, lambda t: 0.5 * np.cos(4 * t)]])],
            coupling=3.0,
        ),
        qsp.SchrodingerLohe(
            qutip.QobjEvo([up, [flip, lambda t: 0.5 * np.cos(4 * t)]]), coupling=3.0
        ),
    ]
    start, times = [[1, 0], [0.6, 0.8]], np.arange(50) * np.pi / 2
    labels = [qsp.verdict(qsp.slsolve(model, start, times)).label for model in models]
    assert labels == ["undecided", "complete"]


@pytest.mark.parametrize("per_period", [9.3, 13.7, 60.0])
@pytest.mark.parametrize("periods", [2.4, 6.1])
def test_correlations_that_shrink_slowly_do_not_repeat(per_period, periods):
    # as of Hamiltonians that hardly differ, whose common motion dies at .003
    times = np.arange(0, periods, 1 / per_period)
    line = np.exp(2j * np.pi * times) + 0.2 * np.exp(4j * np.pi * times)
    assert abs(repeats(times, line[:, None]) - 1) < 1e-3
    for loss in (-0.02, 0.01, 0.04):
        assert repeats(times, (np.exp(-loss * times) * line)[:, None]) is None


def test_a_large_amplitude_that_falls_to_its_cycle_is_not_at_rest():
    a, b = qsp.modes(2)
    jumps = [np.sqrt(0.02) * a.dag(), b.dag(), np.sqrt(0.001) * a**2, np.sqrt(0.5) * b**2]
    jumps += [np.sqrt(0.01) * (a - b)]
    run = qsp.mfsolve(qsp.System(0 * a.dag() * a, jumps), [4.5, 1j], np.linspace(0, 30, 301))
    assert "at rest" not in qsp.verdict(run).why


def by_hand(times, theta):
    mean = np.stack([np.cos(theta), -np.sin(theta)], axis=-1).reshape(len(times), -1)
    return qsp.SyncView(times, mean=np.sqrt(2) * mean, covariance=0)


@pytest.mark.parametrize("creep", [0.0, 0.5, 0.9])
def test_what_creeps_on_beside_others_is_not_of_their_group(creep):
    # three that a fourth shakes as it turns by, 3.3 times in the window
    times = np.linspace(0, 2, 300)
    beat = 2 * np.pi * 3.3 * times
    swing = 0.4 * np.stack([np.sin(beat), np.sin(beat + 2), np.sin(beat + 4)], axis=1)
    theta = np.c_[swing + np.array([0.0, creep, 0.0]) * times[:, None], -beat]
    found = qsp.verdict(by_hand(times, theta))
    assert found.label == ("undecided" if creep else "partially synchronised")
    if not creep:
        assert found.evidence["sizes of the groups"] == (3,)


def test_two_that_are_sampled_at_their_beat_are_no_group():
    times = np.arange(80.0)
    theta = np.stack([0 * times, 2 * np.pi * times, 0.7 * times], axis=1)
    assert qsp.verdict(by_hand(times, theta)).label == "undecided"
    # they rest together, and came from elsewhere
    theta[:, 1] = np.exp(-0.5 * times)
    assert qsp.verdict(by_hand(times, theta)).label == "partially synchronised"


@pytest.mark.parametrize("size", [0.0, 3e-8])
def test_what_leaves_an_unstable_state_has_been_there_for_long(size):
    times = np.linspace(0, 10, 201)
    phase = 0.5 * np.exp(-5 * times) + size * np.exp(5 * (times - 10))
    found = qsp.verdict(by_hand(times, np.stack([0 * times, phase], axis=1)))
    assert found.label == ("undecided" if size else "complete")
