"""Suppression beside phase locking, ratios of frequencies, shares of noisy paths."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug import SyncView, verdict
from qsyncplug.sync.verdicts.shares import share_interval


def driven(detuning, drive):
    """β' = −iΔβ + β/2 − .1|β|²β + F."""
    (b,) = qsp.modes(1)
    H = detuning * b.dag() * b + 1j * drive * (b.dag() - b)
    return qsp.System(H, [b.dag(), np.sqrt(0.1) * b**2])


def count_of_rest(detuning, drive):
    # |β|² solves x[(1/2 − x/10)² + Δ²] = F²
    roots = np.roots([0.01, -0.1, 0.25 + detuning**2, -(drive**2)])
    return int(np.sum((np.abs(roots.imag) < 1e-9) & (roots.real > 0)))


@pytest.mark.parametrize(
    ("detuning", "drive", "word"),
    [(0.1, 0.5, "suppression"), (0.5, 1.5, "suppression"), (0.05, 0.15, "saddle")],
)
def test_how_a_drive_locks(detuning, drive, word):
    run = qsp.mfsolve(driven(detuning, drive), [1.5], np.linspace(0, 200, 801))
    found = verdict(run)
    assert found.label == "locked to the drive" and word in found.why
    seen = found.evidence["states of rest in the frame of the drive"]
    assert seen == count_of_rest(detuning, drive)


def test_a_squeezing_drive_makes_a_saddle_of_rest_only():
    system = qsp.squeezed_van_der_pol(loss=0.1, detuning=0.1, squeezing=0.5)
    found = verdict(qsp.mfsolve(system, [1.5], np.linspace(0, 100, 401)))
    assert found.label == "locked to the drive" and "saddle" not in found.why
    assert found.evidence["states of rest in the frame of the drive"] == 3


# ------------------------------------------------------------ ratios


def view(t, theta):
    mean = np.stack([np.cos(theta), -np.sin(theta)], axis=-1).reshape(len(t), -1)
    return SyncView(t, mean=mean, covariance=0)


@pytest.mark.parametrize(("m", "n"), [(2, 1), (1, 3), (3, 2)])
def test_a_ratio_is_not_called_one_to_one(m, n):
    t = np.linspace(0, 100, 2001)
    # mθ₁ − nθ₂ comes to rest, or oscillates
    for rest in (0.5 * np.exp(-0.3 * t), 0.2 * np.sin(0.9 * t)):
        theta = np.stack([n * t, m * t + rest], axis=1)
        found = verdict(view(t, theta))
        assert found.label == "drifting"
        assert found.evidence["locked at a ratio"].startswith(f"{m}:{n}")


def test_no_ratio_without_evidence():
    t = np.linspace(0, 100, 2001)
    # two clocks; and frequencies that are no ratio
    for theta in ([t, 2 * t], [t, 2.01 * t], [t, (1 + np.sqrt(2)) * t]):
        found = verdict(view(t, np.stack(theta, axis=1)))
        assert found.label == "drifting" and "locked at a ratio" not in found.evidence


def test_a_slow_oscillator_forced_at_twice_its_frequency():
    # θ₁' = 1 + ε + a sin(θ₂ − 2θ₁), θ₂' = 2: ψ = θ₂ − 2θ₁ stands iff |ε| < a
    t = np.linspace(0, 120, 2401)
    for shift, locked in ((0.05, True), (0.3, False)):
        x, y = np.zeros(t.size), 2 * t
        for k in range(t.size - 1):
            h = t[1]
            mid = x[k] + h / 2 * (1 + shift + 0.2 * np.sin(y[k] - 2 * x[k]))
            x[k + 1] = x[k] + h * (1 + shift + 0.2 * np.sin(y[k] + h - 2 * mid))
        found = verdict(view(t, np.stack([x, y], axis=1)))
        assert found.label == "drifting" and ("locked at a ratio" in found.evidence) == locked


# ------------------------------------------------------------ shares


def test_the_interval_of_a_share_covers():
    rng = np.random.default_rng(1)
    for p in (0.05, 0.4, 0.97):
        seen = rng.binomial(40, p, 1000)
        inside = [low <= p <= high for low, high in (share_interval(k, 40) for k in seen)]
        assert np.mean(inside) >= 0.945


def noisy(coupling, adjacency=None, ntraj=24):
    H = qutip.Qobj(np.diag([0.0, 1.0, 2.3]))
    rng = np.random.default_rng(3)
    psi = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    model = qsp.SchrodingerLohe(H, coupling, adjacency=adjacency)
    return qsp.sltrajectories(model, psi, np.linspace(0, 24, 121), 0.1, ntraj=ntraj, seed=1)


def test_shares_of_noisy_paths():
    run = noisy(2.0)
    found = verdict(run)
    assert found.label == "complete" and found.evidence["complete"] == 24
    assert found.evidence["share of all paths (95 %)"][0] == pytest.approx(0.025 ** (1 / 24))
    # few paths, or too short a run, do not say it
    assert verdict(noisy(2.0, ntraj=5)).label == "undecided"
    early = verdict(qsp.synchronization(run).at(slice(0, 60)))
    assert early.label == "undecided" or early.evidence["complete"] == 24
