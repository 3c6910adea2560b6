"""Periodic orbits and several free phases: periods, Floquet exponents, responses and diffusion
against closed forms, integrations at 1e-12 and samples.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug.core.errors import SolverError


def parametric(loss=0.1, turn=1.0, squeeze=0.3, unit=1.0):
    """β' = −iωβ + 2sβ* + (½ − g|β|²)β: the angle turns by itself, with θ' = −ω − 2s sin 2θ."""
    (b,) = qsp.modes(1)
    H = turn * b.dag() * b + 1j * squeeze * (b.dag() ** 2 - b**2)
    return qsp.System(unit * H, [unit**0.5 * b.dag(), (unit * loss) ** 0.5 * b**2])


def driven(detuning=1.0, drive=0.4, loss=0.1):
    (b,) = qsp.modes(1)
    return qsp.System(
        detuning * b.dag() * b + drive * (b + b.dag()), [b.dag(), np.sqrt(loss) * b**2]
    )


def precise(system, start, times):
    """The mean field at rtol 1e-12, from the drift alone."""

    def rhs(t, x):
        return np.sqrt(2) * system.drift(x.view(complex) / np.sqrt(2)).view(float)

    run = solve_ivp(rhs, (0, times[-1]), start, "DOP853", t_eval=times, rtol=1e-12, atol=1e-13)
    return np.ascontiguousarray(run.y.T)


@pytest.mark.parametrize("unit", [1.0, 1e9])
def test_a_parametric_term_by_closed_forms(unit):
    """T=2π/√(ω²−4s²); u=1/|β|² is linear, with the exponent −1; isochrons are rays."""
    loss, turn, pull = 0.1, 1.0, 0.6
    orbit = qsp.limit_cycle(parametric(loss, unit=unit), [1.0])
    assert orbit.phases == ("along the orbit",) and orbit.windings.tolist() == [[1]]
    T = 2 * np.pi / np.sqrt(turn**2 - pull**2)
    assert orbit.period * unit == pytest.approx(T, rel=1e-10)
    np.testing.assert_allclose(orbit.exponents / unit, [0, -1], atol=1e-9)

    def rhs(t, y):
        theta, u, _ = y
        rate = -turn - pull * np.sin(2 * theta)
        # the angle diffuses by (½+2g|β|²)/2|β|², the phase is Ω times the time along the orbit
        spread = (0.5 + 2 * loss / u) * u / 2 * (2 * np.pi / T / rate) ** 2
        return [rate, -(1 + 2 * pull * np.cos(2 * theta)) * u + 2 * loss, spread]

    y = solve_ivp(
        rhs, (0, 8 * T), [0.0, 2 * loss, 0.0], rtol=1e-12, atol=1e-13, t_eval=[7 * T, 8 * T]
    ).y
    assert orbit.phase_diffusion / unit == pytest.approx((y[2, 1] - y[2, 0]) / T, rel=1e-8)


def test_a_driven_oscillator_that_is_not_locked():
    system = driven()
    orbit = qsp.limit_cycle(system, [1.0])
    T, x = orbit.period, orbit.coordinates
    fine = precise(system, x[0], np.linspace(0, T, len(orbit.times) + 1))
    np.testing.assert_allclose(fine[:-1], x, atol=1e-10)
    np.testing.assert_allclose(fine[-1], x[0], atol=1e-10)
    trace = [np.trace(system.jacobian(b)) for b in orbit.amplitudes]
    assert orbit.exponents.sum().real == pytest.approx(np.mean(trace), rel=1e-9)
    for k in (0, 20):
        kick = 1e-5 * np.array([0.6, -0.8])
        late = precise(system, x[k] + kick, np.array([0, 12 * T]))[-1]
        F = np.sqrt(2) * system.drift(late.view(complex) / np.sqrt(2)).view(float)
        shift = 2 * np.pi / T * (F @ (late - x[k])) / (F @ F)
        assert shift == pytest.approx(float(orbit.phase_response[k, 0] @ kick), rel=1e-4)
    # a drive that locks
    assert qsp.limit_cycle(driven(drive=4.0), [1.0]).frequency == 0


def test_what_decays_beyond_rounding_within_a_period():
    """Just outside the locking range: the period is long; the exponents add up to the trace."""
    system = driven(detuning=0.1, drive=0.1, loss=0.02)
    orbit = qsp.limit_cycle(system, [1.0])
    assert orbit.period > 60
    trace = np.mean([np.trace(system.jacobian(b)) for b in orbit.amplitudes])
    assert orbit.exponents[0] == pytest.approx(0, abs=1e-9)
    assert orbit.exponents[1].real == pytest.approx(trace, rel=1e-7)


def test_a_pair_that_beats():
    """Equal radii: the beat is √(Δ²−V²), and the pair turns at ± half of it."""
    pair = qsp.van_der_pol_pair(loss=0.05, detuning=1.0, dissipative=0.3)
    orbit = qsp.limit_cycle(pair, [1.0, 1.0])
    beat = np.sqrt(1 - 0.3**2)
    assert orbit.phases == ("common phase", "along the orbit")
    assert 2 * np.pi / orbit.period == pytest.approx(beat, rel=1e-10)
    np.testing.assert_allclose(np.sort(orbit.mean_frequencies), [-beat / 2, beat / 2], rtol=1e-9)
    with pytest.raises(AttributeError, match="common phase; along the orbit"):
        _ = orbit.frequency
    # the covariance of a linear run grows along the free phases as their diffusion says
    start, T = orbit.amplitudes[0], orbit.period
    run = qsp.mfsolve(pair, start, [0, 10 * T, 20 * T], options={"rtol": 1e-10, "atol": 1e-12})
    phases = []
    for x, C in zip(run.mean, run.covariance, strict=True):
        # in the frame of the common phase the point is the first one again
        turn = np.angle(start[0] / (x.view(complex)[0]))
        R = np.kron(np.eye(2), [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        np.testing.assert_allclose(R @ x, orbit.coordinates[0], atol=1e-8)
        W = orbit.phase_response[0] @ R
        phases.append(W @ C @ W.T)
    np.testing.assert_allclose(
        (phases[2] - phases[1]) / (10 * T), orbit.diffusion_matrix, rtol=1e-8
    )
    # across the motion the covariance has come to rest
    P = np.eye(4) - _directions(pair, orbit) @ orbit.phase_response[0]
    own = P @ R @ run.covariance[2] @ R.T @ P.T
    np.testing.assert_allclose(own, orbit.covariance[0], atol=1e-8)


def _directions(pair, orbit):
    x = orbit.coordinates[0]
    K = np.kron(np.eye(2), [[0, -1], [1, 0]])
    F = np.sqrt(2) * pair.drift(orbit.amplitudes[0]).view(float)
    along = (F + orbit.frequencies[0] * K @ x) * orbit.period / (2 * np.pi)
    return np.column_stack([-K @ x, along])


def test_oscillators_that_nothing_locks_have_a_phase_each():
    """Cross-Kerr coupling χ n1 n2 turns the noise of n2 into that of a frequency."""
    chi, g1, g2 = 0.05, 0.1, 0.05
    b1, b2 = qsp.modes(2)
    H = 0.3 * b1.dag() * b1 - 0.2 * b2.dag() * b2 + chi * b1.dag() * b1 * b2.dag() * b2
    jumps = [b1.dag(), b2.dag(), g1**0.5 * b1**2, g2**0.5 * b2**2]
    torus = qsp.limit_cycle(qsp.System(H, jumps), [1.0, 1.0])
    n1, n2 = 1 / (2 * g1), 1 / (2 * g2)
    assert torus.phases == ("phase of b1", "phase of b2") and torus.period == np.inf
    np.testing.assert_allclose(torus.frequencies, [0.3 + chi * n2, -0.2 + chi * n1], rtol=1e-10)
    np.testing.assert_allclose(torus.mean_frequencies, torus.frequencies)
    # n relaxes at the rate 1 and its variance is 3n/2, so ∫⟨δn(t)δn(0)⟩dt over all t is 3n
    expected = np.diag([1.5 * g1 + chi**2 * 3 * n2, 1.5 * g2 + chi**2 * 3 * n1])
    np.testing.assert_allclose(torus.diffusion_matrix, expected, atol=1e-10)
    np.testing.assert_allclose(torus.exponents, [0, 0, -1, -1], atol=1e-9)
    assert torus.coherence[0, 1] == 0 and torus.gram[0, 0].real == pytest.approx(n1, rel=0.02)


def test_one_that_turns_beside_one_that_is_driven():
    b1, b2 = qsp.modes(2)
    H = 2 * b1.dag() * b1 + 1.3 * b2.dag() * b2 + 0.2 * (b1 + b1.dag())
    torus = qsp.limit_cycle(qsp.System(H, [b1.dag(), b2.dag(), 0.3 * b1**2, 0.3 * b2**2]), [1, 1])
    assert torus.phases == ("phase of b2", "along the orbit")
    assert torus.windings.tolist() == [[0, 1], [1, 0]]
    alone = qsp.limit_cycle(driven(2.0, 0.2, 0.09), [1.0])
    assert torus.period == pytest.approx(alone.period, rel=1e-9)
    assert torus.frequencies[0] == pytest.approx(1.3, rel=1e-11)
    expected = [[1.5 * 0.09, 0], [0, alone.phase_diffusion]]
    np.testing.assert_allclose(torus.diffusion_matrix, expected, atol=1e-8)


def test_a_spin_on_its_sphere():
    (S,) = qsp.spins(20)
    jumps = [np.sqrt(1 / 20) * S.p, np.sqrt(4 / 20) / 20 * S.m**2]
    system = qsp.System(S.z + 0.2 * S.x, jumps)
    orbit = qsp.limit_cycle(system, {S: (2.0, 0.0)})
    found = qsp.lyapunov_exponents(system, {S: (2.0, 0.0)}, 40 * orbit.period)
    np.testing.assert_allclose(orbit.exponents.real, found.exponents, rtol=0, atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(orbit.coordinates, axis=1), 10, rtol=1e-12)
    # areas on the sphere shrink by the decaying exponent alone: runs from around one point
    theta, phi = np.arccos(orbit.coordinates[0, 2] / 10), np.arctan2(*orbit.coordinates[0, 1::-1])
    columns = []
    for kick in 1e-4 * np.eye(2):
        ends = [_after(system, S, (theta, phi) + s * kick, orbit.period) for s in (1, -1)]
        columns.append((ends[0] - ends[1]) / 2e-4)
    area = np.linalg.det(np.array(columns))
    np.testing.assert_allclose(orbit.exponents, [0, np.log(area) / orbit.period], atol=1e-7)


def _after(system, S, angles, duration):
    """Polar angle and azimuth of a spin later."""
    options = {"rtol": 1e-12, "atol": 1e-13}
    run = qsp.mfsolve(system, {S: tuple(angles)}, [0, duration], closure="none", options=options)
    x, y, z = run.coordinates[-1] / 10
    return np.array([np.arccos(z), np.arctan2(y, x)])


@pytest.mark.parametrize("engineered", ["spin", "boson"])
def test_chains_that_beat(engineered):
    rates = {"exchange": 0, "gain": 1, "two_photon": 4 / 24, "dissipative": 0.5}
    chains = qsp.SpinChains(24, omega=(19.2, -19.2), central=False, engineered=engineered, **rates)
    orbit = qsp.limit_cycle(chains, [1.0, 1.2])
    options = {"rtol": 1e-11, "atol": 1e-12}
    run = qsp.mfsolve(chains, orbit.amplitudes[0], [0, orbit.period], options=options)
    ratio = run.amplitudes[1] / orbit.amplitudes[0]
    turn = np.exp(-1j * orbit.frequencies[0] * orbit.period)
    np.testing.assert_allclose(ratio, [turn, turn], atol=1e-9)


def test_self_oscillation_of_a_mirror():
    """A cavity driven on the blue side: no phase is free but that of the mirror's orbit."""
    a, b = qsp.modes(2)
    H = b.dag() * b - a.dag() * a - 0.05 * a.dag() * a * (b + b.dag()) + 3 * (a + a.dag())
    system = qsp.System(H, [np.sqrt(0.3) * a, np.sqrt(0.005) * b])
    orbit = qsp.limit_cycle(system, [1.0, 1.0])
    assert orbit.windings[0, 1] == 1
    options = {"rtol": 1e-11, "atol": 1e-12}
    start, times = orbit.amplitudes[0], [0, orbit.times[10], orbit.period]
    run = qsp.mfsolve(system, start, times, closure="none", options=options)
    np.testing.assert_allclose(run.amplitudes[1:], orbit.amplitudes[[10, 0]], atol=1e-8)
    # div F = −κ−γ everywhere, a real part for each of two quadratures
    assert orbit.exponents.sum().real == pytest.approx(-0.305, rel=1e-9)


def test_lasers_that_are_not_locked():
    """Two superradiant lasers, δ=1.5: two free phases, and rates as those of a run."""
    lasers = qsp.superradiant_lasers(10**4, detuning=1.5)
    A, B = lasers.nodes
    torus = qsp.limit_cycle(lasers, {A: (1.0, 0.0), B: (1.2, 0.1)})
    assert torus.phases == ("common phase", "along the orbit")
    first, second = torus.mean_frequencies
    assert first == pytest.approx(-second, rel=1e-9)
    times = np.linspace(0, 100 * torus.period, 20_001)
    run = qsp.mfsolve(lasers, {A: (1.0, 0.0), B: (1.2, 0.1)}, times, closure="none")
    late = np.unwrap(np.angle(run.amplitudes[10_000:]), axis=0)
    rates = -(late[-1] - late[0]) / (50 * torus.period)
    np.testing.assert_allclose(rates, [first, second], rtol=1e-6)
    assert np.linalg.eigvalsh(torus.diffusion_matrix).min() > 0


def _decaying(orbit, times):
    """⟨b_1⟩ where phases are Gaussian: the harmonics of the orbit, from a coherent state."""
    K = len(orbit.times)
    order, parts = np.fft.fftfreq(K, 1 / K), np.fft.ifft(orbit.amplitudes[:, 0])
    W = orbit.phase_response[0]
    out = np.zeros(len(times), dtype=complex)
    for m, part in zip(order, parts, strict=True):
        u = np.append(orbit.windings[:-1, 0], m)
        variance = 0.5 * u @ W @ W.T @ u + u @ orbit.diffusion_matrix @ u * times
        out += part * np.exp(-1j * (u @ orbit.frequencies) * times - 0.5 * variance)
    return out


@pytest.mark.parametrize("which", ["parametric", "pair"])
def test_phases_diffuse_as_those_of_samples(which):
    """|⟨b⟩| over six periods of 10⁴ samples of the Wigner function, at n ≈ 50 and 35."""
    system = (
        parametric(loss=0.01)
        if which == "parametric"
        else qsp.van_der_pol_pair(loss=0.01, detuning=1.0, dissipative=0.3)
    )
    orbit = qsp.limit_cycle(system, [5.0] * system.n)
    times = np.linspace(0, 6 * orbit.period, 6 * 24 + 1)
    run = qsp.twasolve(system, orbit.amplitudes[0], times, ntraj=10_000, seed=3)
    expected = _decaying(orbit, times)
    for k in range(6):
        period = slice(24 * k, 24 * k + 24)
        mine = np.sqrt(np.mean(np.abs(run.amplitudes[period, 0]) ** 2))
        assert mine == pytest.approx(np.sqrt(np.mean(np.abs(expected[period]) ** 2)), rel=0.02)


def test_the_view_holds_the_averages():
    orbit = qsp.limit_cycle(qsp.van_der_pol_pair(loss=0.1, detuning=1.5, dissipative=0.5), [1, 1])
    view = qsp.synchronization(orbit)
    np.testing.assert_allclose(view.correlations[0], orbit.coherence, atol=1e-12)
    np.testing.assert_allclose(view.masses[0], np.diagonal(orbit.gram).real)
    np.testing.assert_allclose(orbit.gram, orbit.gram.conj().T)


@pytest.mark.parametrize("n", [1, 2])
def test_what_nothing_damps_is_no_cycle(n):
    """Kerr oscillators: their frequencies move with amplitudes that nothing holds."""
    b = qsp.modes(n)
    H = sum((k + 1) * x.dag() * x + 0.1 * x.dag() ** 2 * x**2 for k, x in enumerate(b))
    with pytest.raises(SolverError, match="not stable"):
        qsp.limit_cycle(qsp.System(H, []), [1.0, 0.8][:n], relax=50.0)
    with pytest.raises(SolverError, match=r"beyond t=.*grows without bound"):
        qsp.limit_cycle(qsp.System(H, [x.dag() for x in b]), [1.0] * n)


def test_what_never_comes_back_is_told():
    b = qsp.modes(3)
    H = sum(w * x.dag() * x for w, x in zip((2.0, 0.0, -1.7), b, strict=True))
    jumps = (
        [x.dag() for x in b] + [0.3 * x**2 for x in b] + [0.5 * (b[0] - b[1]), 0.5 * (b[1] - b[2])]
    )
    with pytest.raises(SolverError, match=r"turn at \[ ?1\.99.*quasiperiodic or chaotic"):
        qsp.limit_cycle(qsp.System(H, jumps), [1, 1, 1], relax=100.0)
    b1, b2 = qsp.modes(2)
    H = 2 * b1.dag() * b1 + 1.3 * b2.dag() * b2 + 0.2 * (b1 + b1.dag() + b2 + b2.dag())
    two = qsp.System(H, [b1.dag(), b2.dag(), 0.3 * b1**2, 0.3 * b2**2])
    with pytest.raises(SolverError, match="Nothing couples the groups b1; b2"):
        qsp.limit_cycle(two, [1, 1], relax=100.0)


def test_what_is_printed_names_the_free_phases_and_what_to_beware_of():
    beating = qsp.van_der_pol_pair(loss=0.1, detuning=1.5, dissipative=0.5)
    lines = str(qsp.limit_cycle(beating, [1, 1])).splitlines()
    # √(detuning²−coupling²) of the phases, and half of it
    assert lines[0] == "<LimitTorus of 2 nodes: a periodic orbit, T = 4.44288"
    assert lines[1].startswith("  common phase: frequency 0.707107, diffusion 0.277")
    assert lines[2].startswith("  along the orbit: frequency 1.41421, diffusion 0.571")
    assert lines[3] == "  slowest decay 0.5"
    assert all(x.startswith("  beware: ") for x in lines[4:]) and len(lines) == 6
    (b,) = qsp.modes(1)
    free = qsp.System(b.dag() * b, [b.dag(), 0.02**0.5 * b**2])
    assert str(qsp.limit_cycle(free, [1.0])).splitlines() == [
        "<LimitCycle of 1 node: radii 5",
        "  free phase: frequency 1, diffusion 0.03",
        "  slowest decay 1 >",
    ]
    driven = qsp.System(0.1 * b.dag() * b + 2 * (b + b.dag()), [b.dag(), 0.2**0.5 * b**2])
    assert "no phase is free" in str(qsp.limit_cycle(driven, [2.0]))
