"""Output times closer here than there change what is seen, not what is said of it."""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug import SyncView, verdict
from qsyncplug.sync.verdicts.survey import at_even_times, cuts, time_weights


def view(t, phase):
    theta = np.stack([0 * t, phase], axis=1)
    mean = np.stack([np.cos(theta), -np.sin(theta)], axis=-1).reshape(len(t), -1)
    return SyncView(t, mean=np.sqrt(2) * mean, covariance=0)


_s = np.linspace(0, 1, 400)
LATE = {
    "fifth power": 100 * (1 - (1 - _s) ** 5),
    "geometric": 100 - np.append(np.geomspace(100, 1e-3, 400), 0),
}


@pytest.mark.parametrize("times", LATE.values(), ids=LATE)
def test_what_is_looked_at_ever_more_often_does_not_come_to_rest(times):
    for rate in (0.05, 0.01, 0.002, 0.0005):
        assert verdict(view(times, 0.7 + rate * times)).label == "undecided"
    assert verdict(view(times, 1 / (1 + times))).label == "undecided"
    assert verdict(view(times, np.log(1 + times))).label == "undecided"
    assert verdict(view(times, 0.5 * np.sin(3 * times) + 0.01 * times)).label == "undecided"


@pytest.mark.parametrize("times", [*LATE.values(), 100 * _s**3], ids=[*LATE, "early"])
def test_what_comes_to_rest_or_hovers_is_seen(times):
    found = verdict(view(times, 0.3 + np.exp(-0.2 * times)))
    assert found.label == "phase-locked"
    assert abs(found.rate - 0.2) < found.rate.error < 1e-3
    assert verdict(view(times, 0.5 * np.sin(3 * times))).label == "frequency-locked"


def test_means_over_time_do_not_depend_on_where_one_looks():
    # tan(φ/2) of Adler's pair, and r = |cos(φ/2)| over one of its periods
    detuning, coupling = 1.0, 0.8
    beat = np.sqrt(detuning**2 - coupling**2)
    t = np.linspace(0, 2 * np.pi / beat, 20000, endpoint=False)
    half = (coupling + beat * np.tan(beat * t / 2)) / detuning
    r = np.mean(1 / np.sqrt(1 + half**2))
    model = qsp.Circle(qsp.sine(), "mean", coupling=coupling, frequencies=[0.0, detuning])
    for begin in (300, 303, 306):
        times = np.union1d(np.linspace(0, 400, 801), np.linspace(begin, begin + 1, 4000))
        found = verdict(qsp.circlesolve(model, [0.0, 1.0], times))
        assert found.label == "drifting"
        assert abs(found.beat - beat) < found.beat.error < 1e-3
        mean = found.evidence["order parameter (null 0.7071)"]
        assert abs(mean - r) < mean.error < 0.1
        assert abs(found.evidence["excess of r² over independent phases"] - _excess(half)) < 0.05


def _excess(half):
    """Mean of cos φ, of the tangents of φ/2."""
    return np.mean((1 - half**2) / (1 + half**2))


def test_a_long_time_without_a_sample():
    t = np.concatenate([np.linspace(0, 70, 400), np.linspace(80, 100, 200)])
    found = verdict(view(t, 0.5 * np.sin(3 * t)))
    assert found.label == "undecided"
    assert "between t = 70 and 80" in found.why


def test_parts_of_equal_duration():
    rng = np.random.default_rng(0)
    t = np.sort(rng.uniform(0, 1, 500))
    t[0], t[-1] = 0, 1
    begin = t[cuts(t, 9)[:-1]]
    assert np.all((begin >= np.arange(9) / 9) & (begin < np.arange(9) / 9 + 0.03))
    assert cuts(np.linspace(0, 1, 100), 3) == [0, 33, 66, 100]
    # the trapezoid, over its length
    assert abs(time_weights(t) @ t**2 - np.trapezoid(t**2, t)) < 1e-14
    assert np.allclose(at_even_times(t, 3 * t - 1), np.linspace(-1, 2, 500), atol=1e-14)
