"""What wanders, slips or is aliased is never called synchronised."""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug import SyncView, verdict


def view(t, theta):
    mean = np.stack([np.cos(theta), -np.sin(theta)], axis=-1).reshape(len(t), -1)
    return SyncView(t, mean=mean, covariance=0)


def wander(rng, kind):
    """A random walk with white, remembering, or rarely large steps, of any size."""
    n, count = int(rng.choice([2, 2, 2, 3, 5])), int(rng.integers(60, 1200))
    steps = rng.normal(size=(count, n))
    if kind == "remembering":
        memory = int(rng.integers(2, 15))
        kernel = np.exp(-np.arange(4 * memory) / memory)
        steps = np.stack([np.convolve(s, kernel)[:count] for s in steps.T], axis=1)
    if kind == "rare":
        steps *= np.abs(rng.normal(size=(count, n))) ** 2
    theta = np.cumsum(steps, axis=0)
    theta *= 10 ** rng.uniform(-2, 0.6) / np.ptp(theta[count // 2 :], axis=0).max()
    return view(np.linspace(0, 100, count), theta)


@pytest.mark.parametrize("kind", ["white", "remembering", "rare"])
def test_freely_diffusing_phases(kind):
    rng = np.random.default_rng(4)
    found = [verdict(wander(rng, kind)) for _ in range(150)]
    assert not [str(v) for v in found if v.label.synchronised]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["white", "remembering", "rare"])
def test_many_freely_diffusing_phases(kind):
    rng = np.random.default_rng(5)
    found = [verdict(wander(rng, kind)) for _ in range(1500)]
    assert not [str(v) for v in found if v.label.synchronised]


def test_what_is_bounded_by_a_force_is_still_seen():
    rng = np.random.default_rng(6)
    seen = 0
    for _ in range(30):
        keep = np.exp(-200 / 400)  # 100 relaxation times in the window
        x = np.zeros(800)
        for k in range(1, 800):
            x[k] = keep * x[k - 1] + np.sqrt(1 - keep**2) * rng.normal()
        t = np.linspace(0, 100, 800)
        seen += verdict(view(t, np.stack([0 * t, 0.2 * x], axis=1))).label == "frequency-locked"
    assert seen >= 24


def irregular(seed, excursion):
    """Forty oscillations at once, and at this time far out to either side."""
    rng = np.random.default_rng(seed)
    t, w = np.linspace(0, 400, 4001), rng.uniform(0.4, 2.5, 40)
    phase = 0.11 * np.cos(np.outer(t, w) + rng.uniform(0, 2 * np.pi, 40)).sum(axis=1)
    phase += 2.6 * np.exp(-(((t - excursion) / 2) ** 2))
    phase -= 2.2 * np.exp(-(((t - excursion - 20) / 2) ** 2))
    return verdict(view(t, np.stack([0 * t, phase], axis=1)))


@pytest.mark.parametrize("seed", [0, 3, 4])
def test_chaotic_phases_that_nearly_slipped_are_not_locked(seed):
    assert irregular(seed, excursion=40).label == "frequency-locked"  # a transient's
    found = irregular(seed, excursion=130)
    assert found.label == "undecided"
    assert "shortly before" in found.why


@pytest.mark.parametrize("samples", [2, 3, 4, 5])
@pytest.mark.parametrize("turns", [1, 2])
def test_drift_sampled_at_its_beat(samples, turns):
    """A beat of `samples` turns in one period of the wobble, sampled so often."""
    t = np.arange(200) * 2 * np.pi / samples * turns
    theta = samples * t + 0.7 * np.sin(t + 1)
    assert not verdict(view(t, np.stack([0 * t, theta], axis=1))).label.synchronised


@pytest.mark.parametrize("seed", range(40))
def test_passage_of_a_saddle_node(seed):
    rng = np.random.default_rng(seed)
    excess = 10 ** rng.uniform(-6, -2)
    span = 10 ** rng.uniform(0.5, 3.5)
    model = qsp.Circle(
        qsp.sine(), "mean", coupling=1.0, frequencies=np.array([1, -1]) * (1 + excess) / 2
    )
    times = np.linspace(0, span, int(rng.integers(60, 800)))
    run = qsp.circlesolve(model, rng.uniform(-3, 3, 2), times)
    assert not verdict(run).label.synchronised


@pytest.mark.parametrize("extra", [{"inertia": 1.0}, {"delay": 0.3}, {"noise": 0.02}])
def test_circles_with_inertia_delay_and_noise_have_verdicts(extra):
    model = qsp.Circle(qsp.sine(), "mean", coupling=1.0, frequencies=[0.1, -0.1], **extra)
    found = verdict(qsp.circlesolve(model, [0.0, 1.0], np.linspace(0, 80, 801)))
    assert found.label in ("phase-locked", "frequency-locked", "undecided")
    model = qsp.Circle(qsp.sine(), "mean", coupling=1.0, frequencies=[1.5, -1.5], **extra)
    found = verdict(qsp.circlesolve(model, [0.0, 1.0], np.linspace(0, 80, 801)))
    assert found.label in ("drifting", "undecided")


@pytest.mark.parametrize("seed", range(3))
def test_slow_oscillations_near_their_extremum_do_not_stand(seed):
    rng = np.random.default_rng([9, seed])
    for _ in range(60):
        t = np.linspace(0, 100, int(rng.integers(100, 1000)))
        # about the phase at which the window ends with what looks like an approach
        period, size = rng.uniform(150, 450), 10 ** rng.uniform(-2.5, 0)
        turned = 2 * np.pi * (t - 100 + rng.uniform(-8, 8)) / period
        swing = size * np.cos(turned)
        found = verdict(view(t, np.stack([0.7 * t, 0.7 * t + swing], axis=1)))
        assert not found.label.synchronised, f"period {period}, size {size}\n{found}"


def test_what_follows_a_slow_coupling_does_not_stand():
    for seed in range(12):
        rng = np.random.default_rng([10, seed])
        period, size, d = rng.uniform(100, 200), rng.uniform(0.05, 0.5), rng.uniform(0.1, 0.5)
        start = rng.uniform(0, 6)
        model = qsp.Circle(
            qsp.sine(),
            "mean",
            frequencies=[d / 2, -d / 2],
            modulation=lambda u, p=period, s=size, o=start: 1 + s * np.sin(2 * np.pi * u / p + o),
        )
        found = verdict(qsp.circlesolve(model, [0.0, 0.3], np.linspace(0, 100, 500)))
        assert found.label in ("undecided", "frequency-locked"), str(found)
