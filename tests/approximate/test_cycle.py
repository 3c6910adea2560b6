"""Limit cycles: frequency, phase diffusion against closed forms and runs, coherence, what is
refused.
"""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.core.errors import SolverError


def oscillator(loss, unit=1.0, omega=0.3):
    (b,) = qsp.modes(1)
    jumps = [np.sqrt(unit) * b.dag(), np.sqrt(loss * unit) * b**2]
    return qsp.System(omega * unit * b.dag() * b, jumps)


@pytest.mark.parametrize("unit", [1.0, 1e9, 1e-9])
@pytest.mark.parametrize("loss", [0.02, 0.05, 0.1])
def test_one_oscillator(loss, unit):
    """F=(½−g2|β|²)β, L=√g2 b²: |β|²=1/(2g2), D_φ=3g2/2, radial variance ¾ (verdicts, §4)."""
    cycle = qsp.limit_cycle(oscillator(loss, unit), [1.0])
    assert abs(cycle.frequency / unit - 0.3) < 1e-12
    assert abs(abs(cycle.amplitudes[0]) ** 2 * 2 * loss - 1) < 1e-12
    assert abs(cycle.phase_diffusion / (1.5 * loss * unit) - 1) < 1e-9
    assert abs(cycle.radial_variance[0] - 0.75) < 1e-12
    assert np.allclose(np.sort(cycle.exponents.real / unit), [-1, 0], atol=1e-10)


def test_phase_diffusion_is_what_a_run_does():
    """The variance of the phase of one oscillator, from the covariance of a linear run."""
    loss = 0.02
    times = np.linspace(0, 40, 5)
    run = qsp.mfsolve(oscillator(loss), [5.0], times)
    growth = []
    for mean, C in zip(run.mean, run.covariance, strict=True):
        u = np.array([-mean[1], mean[0]]) / (mean @ mean)
        growth.append(u @ C @ u)
    slope = (growth[-1] - growth[2]) / (times[-1] - times[2])
    assert abs(slope / (1.5 * loss) - 1) < 1e-8


@pytest.mark.parametrize(("n", "loss"), [(2, 0.05), (10, 0.01), (5, 0.04)])
def test_oscillators_in_phase(n, loss):
    """3 g2/(2N) for N oscillators in phase."""
    b = qsp.modes(n)
    jumps = [x.dag() for x in b] + [np.sqrt(loss) * x**2 for x in b]
    jumps += [b[j] - b[(j + 1) % n] for j in range(n)]
    cycle = qsp.limit_cycle(qsp.System(0 * b[0], jumps), [1.0] * n)
    assert abs(cycle.phase_diffusion / (1.5 * loss / n) - 1) < 1e-9


def test_a_detuned_pair():
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=0.3, dissipative=0.5)
    cycle = qsp.limit_cycle(pair, [1, 1])
    assert abs(cycle.phase_diffusion - 0.0821828) < 1e-7
    assert abs(cycle.relative_variance[0, 1] - 0.51389) < 1e-5
    assert abs(abs(cycle.coherence[0, 1]) - 0.7734) < 1e-4
    # sin of the relative phase: the tangent part of the linear problem
    assert cycle.flags == ()
    exact = qsp.steadystate(pair, cutoff=24)
    b1, b2 = pair.nodes
    n1, n2 = (qsp.expect(b.dag() * b, exact).real for b in (b1, b2))
    coherence = abs(qsp.expect(b1.dag() * b2, exact)) / np.sqrt(n1 * n2)
    assert abs(abs(cycle.coherence[0, 1]) / coherence - 1) < 0.01


def test_phase_response_is_that_of_kicks():
    """A small kick shifts the phase that the pair ends with by the response."""
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=0.3, dissipative=0.5)
    cycle = qsp.limit_cycle(pair, [1, 1])
    kick = 1e-4 * np.array([0.3, -0.5, 0.7, 0.2])
    x = cycle.coordinates + kick
    T = 60.0
    end = qsp.mfsolve(pair, x.view(complex) / np.sqrt(2), [0, T], closure="none").amplitudes[-1]
    late = cycle.amplitudes * np.exp(-1j * cycle.frequency * T)
    shift = np.angle(end[0] / late[0])
    assert abs(shift - cycle.phase_response @ kick) < 1e-7


def test_a_phase_that_turns_signal_and_idler_against_each_other():
    """Parametric oscillator above threshold: n=E/χ−κ_p k/χ², and D=k/4n of half the difference."""
    drive, chi, pump, k, detuning = 6.0, 0.2, 1.0, 0.6, 0.1
    p, a, b = qsp.modes(3)
    H = 1j * chi * (p * a.dag() * b.dag() - p.dag() * a * b) + 1j * drive * (p.dag() - p)
    H = H + detuning * (a.dag() * a - b.dag() * b)
    jumps = [np.sqrt(2 * pump) * p, np.sqrt(2 * k) * a, np.sqrt(2 * k) * b]
    cycle = qsp.limit_cycle(qsp.System(H, jumps, order=[p, a, b]), [1.0, 1.0, 1.1j])
    n = drive / chi - pump * k / chi**2
    np.testing.assert_allclose(np.abs(cycle.amplitudes) ** 2, [(k / chi) ** 2, n, n], rtol=1e-9)
    assert cycle.frequency == pytest.approx(detuning, abs=1e-12)
    assert cycle.phase_diffusion == pytest.approx(k / (4 * n), rel=1e-9)
    assert cycle.phase_response @ np.array([0, 0, 0, 1.0, 0, 0]) == pytest.approx(
        1 / (2 * np.sqrt(2 * n)), rel=1e-9
    )
    np.testing.assert_allclose(cycle.coherence, np.eye(3), atol=0)
    assert np.isinf(cycle.relative_variance[1, 2]) and cycle.flags == ()


def test_a_second_harmonic_turns_twice():
    b1, b2 = qsp.modes(2)
    H = 0.3 * b1.dag() * b1 + 0.6 * b2.dag() * b2 + 0.05 * (b1.dag() ** 2 * b2 + b2.dag() * b1**2)
    system = qsp.System(H, [b1.dag(), 0.2 * b1**2, 0.5 * b2])
    cycle = qsp.limit_cycle(system, [1.0, 0.3])
    T = 7.0
    options = {"rtol": 1e-10, "atol": 1e-10}
    run = qsp.mfsolve(system, cycle.amplitudes, [0, T], closure="none", options=options)
    turned = cycle.amplitudes * np.exp(-1j * cycle.frequency * T * np.array([1, 2]))
    np.testing.assert_allclose(run.amplitudes[-1], turned, atol=1e-8)
    assert abs(cycle.exponents[0]) < 1e-9 and cycle.exponents[1].real < -0.01
    assert cycle.coherence[0, 1] == 0


def test_driven_oscillator_stands_in_the_frame_of_the_drive():
    (b,) = qsp.modes(1)
    jumps = [b.dag(), 0.3 * b**2]
    locked = qsp.limit_cycle(qsp.System(0.1 * b.dag() * b + 0.8 * (b + b.dag()), jumps), [1.0])
    assert locked.frequency == 0 and locked.phase_diffusion == 0
    assert locked.exponents.real.max() < 0
    system = qsp.System(0.1 * b.dag() * b + 0.8 * (b + b.dag()), jumps)
    assert np.abs(system.drift(locked.amplitudes)).max() < 1e-12
    M, D, C = locked.jacobian, locked.diffusion, locked.covariance
    assert np.abs(M @ C + C @ M.T + D).max() < 1e-12


def spin_pair(N):
    S1, S2 = qsp.spins(N, N)
    jumps = [np.sqrt(1 / N) * S.p for S in (S1, S2)]
    jumps += [np.sqrt(4 / N) / N * S.m**2 for S in (S1, S2)]
    jumps.append(np.sqrt(0.5 / N) * (S1.m - S2.m))
    return qsp.System(0.05 * (S1.z - S2.z), jumps), S1, S2


def test_collective_spins_as_the_written_out_chains():
    """The same pair as the model of two chains states it, in other units of its frequencies."""
    N = 24
    system, S1, S2 = spin_pair(N)
    mine = qsp.limit_cycle(system, {S1: (2.0, 0.0), S2: (2.0, 0.1)})
    other = qsp.limit_cycle(qsp.collective_van_der_pol_pair(N), [0.3 * N**0.5, 0.2 * N**0.5])
    assert abs(mine.frequency) < 1e-12 and abs(other.frequency) < 1e-12
    np.testing.assert_allclose(mine.amplitudes, other.amplitudes, rtol=1e-10)
    np.testing.assert_allclose(mine.coherence, other.coherence, rtol=1e-10)
    assert abs(mine.phase_diffusion / other.phase_diffusion - 1) < 1e-10
    assert np.sum(np.abs(mine.exponents) < 1e-8) == 1


def test_what_is_refused():
    (b,) = qsp.modes(1)
    with pytest.raises(SolverError, match="went to rest"):
        qsp.limit_cycle(qsp.System(b.dag() * b, [b]), [1.0])
    with pytest.raises(ValueError, match="depend on time"):
        qsp.limit_cycle(qsp.System(np.cos * b.dag() * b, [b.dag(), b**2]), [1.0])
    with pytest.raises(TypeError, match="System or SpinChains"):
        qsp.limit_cycle(b, [1.0])
    (h,) = qsp.spins(1)
    with pytest.raises(ValueError, match="needs a mode"):
        qsp.limit_cycle(qsp.System(h.z, [h.m]), {h: (0.1, 0)})


def test_a_start_without_amplitudes_leads_to_no_cycle_and_is_told():
    # the origin is a fixed point, whatever limit cycle is around it
    with pytest.raises(SolverError, match="state0 has no amplitudes") as caught:
        qsp.limit_cycle(qsp.van_der_pol_pair(loss=0.1, detuning=0.4), [0, 0])
    assert caught.value.reason == "at rest"
