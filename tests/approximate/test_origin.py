"""Noise that carries an amplitude past the origin: against exact linewidths and sampled angles."""

import numpy as np
import pytest

import qsyncplug as qsp

PAST = "noise carries oscillator 1 past the origin"


def linewidth(loss, levels):
    """−2 × the slowest rate of ρ_{n,n+1} with gain 1 and the loss of pairs, from its matrix."""
    L = np.zeros((levels - 1, levels - 1))
    for m in range(levels - 1):
        L[m, m] = -0.5 * (2 * m + 3) - 0.5 * loss * (m * (m - 1) + (m + 1) * m)
        if m + 1 < levels - 1:
            L[m + 1, m] = np.sqrt((m + 1) * (m + 2))
        if m >= 2:
            L[m - 2, m] = loss * np.sqrt(m * (m - 1) * (m + 1) * m)
    return -2 * np.linalg.eigvals(L).real.max()


@pytest.mark.parametrize(("loss", "near"), [(0.05, False), (0.1, False), (0.5, True), (1.0, True)])
def test_a_cycle_is_flagged_where_its_diffusion_is_not_the_exact_linewidth(loss, near):
    (b,) = qsp.modes(1)
    cycle = qsp.limit_cycle(qsp.System(0.7 * b.dag() * b, [b.dag(), loss**0.5 * b**2]), [2.0])
    off = abs(linewidth(loss, 60) / cycle.phase_diffusion - 1)
    assert off > 0.1 if near else off < 0.02
    assert any(PAST in flag for flag in cycle.flags) == near


def driven(drive, detuning=2.0, loss=0.02):
    (b,) = qsp.modes(1)
    H = detuning * b.dag() * b + drive * (b + b.dag())
    return qsp.System(H, [b.dag(), loss**0.5 * b**2])


def sampled_diffusion(drive, start, detuning=2.0, loss=0.02, dt=0.02, steps=10_000):
    """Var of the angle over time in the truncated Wigner equation, by Heun's method in numpy."""
    rng = np.random.default_rng(5)
    z, angle = np.full(600, start, dtype=complex), np.zeros(600)

    def drift(z):
        return (-1j * detuning + 0.5 - loss * (np.abs(z) ** 2 - 1)) * z - 1j * drive

    for k in range(steps):
        if k == steps // 4:
            early = angle.copy()
        spread = 0.5 + loss * np.maximum(2 * np.abs(z) ** 2 - 1, 0)
        noise = rng.standard_normal((2, 600)) * np.sqrt(spread * dt / 2)
        guess = z + dt * drift(z)
        later = z + 0.5 * dt * (drift(z) + drift(guess)) + noise[0] + 1j * noise[1]
        angle -= np.angle(later * z.conj())
        z = later
    return np.var(angle - early) / (0.75 * steps * dt)


@pytest.mark.parametrize(("drive", "near"), [(2.5, False), (4.0, True)])
def test_an_orbit_close_to_the_origin_is_flagged_where_its_angle_diffuses_faster(drive, near):
    orbit = qsp.limit_cycle(driven(drive), [1.0])
    assert orbit.windings.tolist() == [[1]]
    ratio = sampled_diffusion(drive, orbit.amplitudes[0, 0]) / orbit.phase_diffusion
    assert ratio > 2 if near else abs(ratio - 1) < 0.15
    found = [flag for flag in orbit.flags if PAST in flag]
    assert bool(found) == near
    if near:
        assert "its angle slips by whole turns" in found[0]


def test_one_that_has_no_amplitude_has_no_angle_to_lose():
    a, b = qsp.modes(2)
    dark = qsp.System(a.dag() * a + b.dag() * b, [a.dag(), 0.05**0.5 * a**2, b])
    assert not any("oscillator 2" in flag for flag in qsp.limit_cycle(dark, [1.0, 0.0]).flags)
