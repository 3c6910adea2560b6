"""Error bars of beats and order parameters cover the truth in 95 of 100 cases."""

import numpy as np
import pytest

from qsyncplug import SyncView, verdict
from qsyncplug.sync.verdicts.order import time_mean


def pair(t, theta):
    phases = np.stack([0 * t, theta], axis=1)
    mean = np.stack([np.cos(phases), -np.sin(phases)], axis=-1).reshape(len(t), -1)
    return SyncView(t, mean=mean, covariance=0)


def adler(rng, t):
    """tan(φ/2) = 1/Δ + (c/Δ) tan(ct/2+a), c=√(Δ²−1) the beat."""
    detuning = 1 + 10 ** rng.uniform(-1.5, 0.5)
    c = np.sqrt(detuning**2 - 1)
    u = c * t / 2 + rng.uniform(-1.5, 1.5)
    phi = 2 * np.arctan((1 + c * np.tan(u)) / detuning) + 2 * np.pi * np.round(u / np.pi)
    return np.unwrap(phi), c


def quasiperiodic(rng, t):
    beat = 10 ** rng.uniform(-1, 0.5)
    lines = [rng.uniform() * np.sin(rng.uniform(0.1, 3) * t + rng.uniform(0, 6)) for _ in range(3)]
    return beat * t + sum(lines), beat


def diffusing(rng, t):
    beat, spread = 10 ** rng.uniform(-1, 0.5), np.sqrt(2 * 10 ** rng.uniform(-3, -1) * t[1])
    return beat * t + np.concatenate([[0], np.cumsum(rng.normal(size=t.size - 1))]) * spread, beat


@pytest.mark.parametrize("motion", [adler, quasiperiodic, diffusing])
def test_beats(motion):
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(160):
        t = np.linspace(0, 10 ** rng.uniform(1.3, 2.5), int(rng.integers(300, 1500)))
        theta, beat = motion(rng, t)
        found = verdict(pair(t, theta))
        assert not found.label.synchronised
        if found.label == "drifting":
            covered.append(abs(found.beat - beat) <= found.beat.error + 1e-10)
    assert len(covered) > 60
    # 95 %, two standard deviations off
    assert np.mean(covered) >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / len(covered))


@pytest.mark.parametrize("memory", [1.0, 5.0, 20.0])
def test_time_mean_of_a_series_with_memory(memory):
    rng = np.random.default_rng(3)
    keep = np.exp(-1 / memory)
    covered = []
    for _ in range(300):
        x = np.empty(600)
        x[0] = rng.normal() / np.sqrt(1 - keep**2)
        kicks = rng.normal(size=600)
        for k in range(1, 600):
            x[k] = keep * x[k - 1] + kicks[k]
        found = time_mean(x)
        covered.append(abs(found) <= found.error)
    assert np.mean(covered) >= 0.92
