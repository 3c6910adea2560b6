"""Verdicts on courses that are known in closed form."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug import SyncView, verdict
from qsyncplug.sync.verdicts.survey import birkhoff

T = np.linspace(0, 20, 401)


def pair_view(t, z):
    table = np.ones((len(t), 2, 2), dtype=complex)
    table[:, 0, 1], table[:, 1, 0] = z, np.conj(z)
    return SyncView(t, correlations=table)


def phases_view(t, theta):
    mean = np.stack([np.cos(theta), -np.sin(theta)], axis=-1).reshape(len(t), -1)
    return SyncView(t, mean=mean, covariance=0)


def adler(detuning, coupling, t, start=0.0):
    def slope(_, y):
        return detuning - coupling * np.sin(y)

    return solve_ivp(slope, (0, t[-1]), [start], t_eval=t, rtol=1e-11, atol=1e-12).y[0]


def within(estimate, value, factor=3.0):
    assert abs(estimate - value) <= factor * estimate.error + 1e-9 * abs(value), str(estimate)


# ------------------------------------------------------------ locked


def test_complete_with_the_rate_of_kuramoto():
    phi = 2 * np.arctan(np.tan(1.0) * np.exp(-2 * T))
    result = verdict(pair_view(T, np.exp(1j * phi)))
    assert result.label == "complete" and result.period is None and result.beat is None
    np.testing.assert_allclose(result.rate, 2, rtol=5e-6)
    within(result.rate, 2)
    assert "complete" in str(result) and "rate: 2.0" in str(result) and "complete" in repr(result)
    assert "<b>complete</b>" in result._repr_html_()


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_complete_with_the_rate_of_schrodinger_lohe(noise):
    z0, k = 0.3 + 0.4j, 1.3
    grow = np.exp(k * T)
    z = ((1 + z0) * grow - (1 - z0)) / ((1 + z0) * grow + (1 - z0))
    z = z + noise * np.random.default_rng(0).normal(size=T.size)
    result = verdict(pair_view(T, z / np.maximum(1, np.abs(z))))
    assert result.label == "complete"
    # the closed form is an exponential up to the distance itself, at most 1e-3 where the fit begins
    assert abs(result.rate - k) < 2e-4
    within(result.rate, k)


def test_bipolar_and_its_instability():
    phi = 2 * np.arctan(np.tan(1.0) * np.exp(-2 * T))
    result = verdict(pair_view(T, -np.exp(1j * phi)))
    assert result.label == "bipolar" and result.evidence["groups"] == (1, 1)
    # angles near π are known to 4e-16 only
    within(result.rate, 2, factor=1.0)
    np.testing.assert_allclose(result.rate, 2, rtol=1e-4)
    leaving = verdict(pair_view(T, -np.exp(1e-5j * np.exp(0.2 * T))))
    assert leaving.label == "undecided" and leaving.rate is None


@pytest.mark.parametrize("grow", [0.2, 0.6, 1.0])
def test_leaving_a_state_is_not_being_in_it(grow):
    # a tiny distance that grows
    phi = 1e-9 * np.exp(grow * T)
    assert verdict(pair_view(T, np.exp(1j * np.minimum(phi, 3)))).label == "undecided"


def test_phase_locked_with_rate():
    phi = 0.7 + 0.5 * np.exp(-2 * T)
    result = verdict(pair_view(T, np.exp(1j * phi)))
    assert result.label == "phase-locked"
    np.testing.assert_allclose(result.rate, 2, rtol=1e-4)
    # z = e^{i(x_1−x_2)}
    np.testing.assert_allclose(result.evidence["relative phase θ₂−θ₁"], -0.7, atol=1e-12)


def test_constant_coherence_below_one_is_not_locking():
    phi = 0.7 + 0.5 * np.exp(-2 * T)
    result = verdict(pair_view(T, 0.5 * np.exp(1j * phi)))
    assert result.label == "phase preference" and not result.label.synchronised


def test_groups_of_one_phase_each():
    t = np.linspace(0, 40, 801)
    start = np.repeat([0.0, 2.0, 4.0], 4)[None, :]
    rng = np.random.default_rng(0)
    theta = start + t[:, None] + rng.normal(size=12) * np.exp(-t)[:, None]
    result = verdict(phases_view(t, theta))
    assert result.label == "clustered" and sorted(result.evidence["groups"]) == [4, 4, 4]
    halves = np.where(np.arange(4) < 3, 0.1, 0.1 + np.pi) + rng.normal(size=4) * np.exp(-t)[:, None]
    assert sorted(verdict(phases_view(t, halves)).evidence["groups"]) == [1, 3]


def test_frequency_locked():
    t = np.linspace(0, 60, 1201)
    assert verdict(pair_view(t, np.exp(0.5j * np.sin(1.3 * t)))).label == "frequency-locked"
    two = 0.2 * np.sin(1.3 * t) + 0.2 * np.sin(1.3 * np.sqrt(2) * t)
    assert verdict(pair_view(t, np.exp(1j * two))).label == "frequency-locked"


# ------------------------------------------------------------ drifting


@pytest.mark.parametrize("detuning", [1.05, 1.5, 4.0])
def test_drift_with_the_beat_of_adler(detuning):
    t = np.linspace(0, 160, 3201)
    result = verdict(pair_view(t, np.exp(1j * adler(detuning, 1.0, t))))
    assert result.label == "drifting"
    expected = np.sqrt(detuning**2 - 1)
    np.testing.assert_allclose(result.beat, expected, rtol=2e-3)
    within(result.beat, expected)
    if result.period is not None:
        np.testing.assert_allclose(result.period, 2 * np.pi / expected, rtol=2e-3)


def test_birkhoff_average_of_a_quasiperiodic_drift():
    t = np.linspace(0, 300, 6001)
    theta = 0.7 * t + 0.4 * np.sin(t) + 0.3 * np.sin(np.sqrt(2) * t)
    # the plain mean is off by about 1e-3
    np.testing.assert_allclose(birkhoff(t) @ theta, 0.7, rtol=0, atol=1e-9)


def test_two_turns_are_needed():
    t = np.linspace(0, 18, 361)
    short = verdict(pair_view(t, np.exp(1j * adler(1.5, 1.0, t))))
    assert short.label == "undecided" and "4 beats" in short.advice


# ------------------------------------------------------------ what a window cannot show


def test_undecided_and_what_would_decide():
    slow = verdict(pair_view(T, np.exp(0.02j * T)))
    assert slow.label == "undecided" and "4 beats" in slow.advice + "4 beats" and slow.advice
    converging = verdict(pair_view(T, np.exp(1j * np.exp(-0.1 * T))))
    assert converging.label == "undecided" and "moving" in converging.why
    fast = verdict(pair_view(T[::5], np.exp(9j * T[::5])))
    assert fast.label == "undecided" and "dense" in fast.advice
    few = verdict(pair_view(T[::20], np.exp(1j * T[::20])))
    assert few.label == "undecided" and "samples" in few.why


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_an_algebraic_approach_is_no_locking(power):
    t = np.linspace(0, 400, 2001)
    assert verdict(pair_view(t, np.exp(1j * (1 + t) ** -power))).label in ("undecided", "complete")
    assert verdict(pair_view(t, np.exp(1j * (0.3 + (1 + t) ** -power)))).label == "undecided"


def test_the_ghost_of_a_saddle_node():
    for excess in (0.0, 1e-6, 1e-4, 1e-3):
        t = np.linspace(0, 2.0 / np.sqrt(2 * excess) if excess else 200, 1001)
        assert verdict(pair_view(t, np.exp(1j * adler(1 + excess, 1.0, t)))).label == "undecided"


def test_too_few_times():
    with_two = pair_view(T, np.ones(T.size)).at([0, 1])
    assert verdict(with_two).label == "undecided"


# ------------------------------------------------------------ many phases


def test_uniform_phases_at_rest_are_not_incoherent():
    t = np.linspace(0, 40, 401)
    theta = 2 * np.pi * np.arange(30) / 30 + np.exp(-t)[:, None] * np.sin(np.arange(30))
    assert verdict(phases_view(t, theta)).label == "phase-locked"


@pytest.mark.parametrize("locked", [40, 15])
def test_a_locked_group_among_drifting_nodes(locked):
    rng = np.random.default_rng(locked)
    t = np.linspace(0, 100, 2001)
    speed = np.concatenate([np.zeros(locked), rng.uniform(1, 6, 100 - locked)])
    theta = rng.uniform(-1, 1, 100) + speed * t[:, None]
    theta += 0.3 * np.exp(-t)[:, None]
    result = verdict(phases_view(t, theta))
    assert result.label == "partially synchronised"
    assert result.evidence["locked fraction"][1] == locked / 100


def test_uniform_frequencies_are_incoherent():
    rng = np.random.default_rng(1)
    t = np.linspace(0, 100, 2001)
    theta = rng.uniform(-np.pi, np.pi, 100) + rng.uniform(-3, 3, 100) * t[:, None]
    assert verdict(phases_view(t, theta)).label == "incoherent"


# ------------------------------------------------------------ quantum states


@pytest.mark.parametrize("coherent", [True, False])
def test_relaxing_to_vacuum(coherent):
    t = np.linspace(0, 30, 301)
    decay = np.exp(-0.4 * t)
    scale = np.sqrt(2) * np.exp(-0.2 * t)[:, None] * (1 if coherent else 0)
    mean = scale * np.array([1.0, 0, 0.5, 0.5])
    cov = np.eye(4) * (0.5 + (0 if coherent else 1) * decay[:, None, None])
    result = verdict(SyncView(t, mean=mean, covariance=cov))
    assert result.label == "relaxing to vacuum"
    np.testing.assert_allclose(result.rate, 0.4, rtol=1e-4)
    early = verdict(SyncView(t, mean=mean, covariance=cov).at(t <= 4))
    assert early.label != "relaxing to vacuum"


def test_a_bare_state_has_a_phase_but_no_course():
    steady = qsp.steadystate(qsp.SpinOne(detuning=0.0, drive=0.1, gain=1.0, loss=1.0))
    # equal rates: interference blockade (Roulet, Bruder 2018)
    assert verdict(steady).label == "no phase preference"


def test_estimates_print_their_error():
    assert str(qsp.Estimate(0.4582586, 1.5e-6)) == "0.4582586 ± 1.5e-06"
    import copy
    import pickle

    for again in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        x = again(qsp.Estimate(2.0, 0.1, (0.0, 1.0)))
        assert x == 2 and x.error == 0.1 and x.window == (0.0, 1.0)


@pytest.mark.parametrize(("swing", "label"), [(0.3, "frequency-locked"), (0.0, "phase-locked")])
def test_phases_that_stand_while_amplitudes_swing(swing, label):
    """β₁ and β₂ breathe for ever, their relative phase comes to rest to 1e-9."""
    t = np.linspace(0, 100, 2001)
    theta = np.stack([t, t + 0.4 + np.exp(-t) + 1e-9 * np.sin(3 * t)], axis=1)
    size = 1 + swing * np.stack([np.sin(3 * t), np.cos(3 * t)], axis=1)
    mean = np.stack([size * np.cos(theta), -size * np.sin(theta)], axis=-1).reshape(len(t), -1)
    assert verdict(SyncView(t, mean=np.sqrt(2) * mean, covariance=0)).label == label
