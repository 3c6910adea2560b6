"""Lyapunov exponents: closed forms, traces, cycles, the Lorenz equations of a laser."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import SolverError


def test_linear_systems():
    """−κ/2 ± the growth of a degenerate parametric oscillator, twice a pair of damped modes."""
    (b,) = qsp.modes(1)
    H = 0.3j * (b.dag() ** 2 - b**2)  # ȧ = 2·0.3 a* − κ/2 a
    found = qsp.lyapunov_exponents(qsp.System(H, [np.sqrt(0.8) * b]), [0.1], 30.0)
    np.testing.assert_allclose(found.exponents, [0.6 - 0.4, -0.6 - 0.4], atol=1e-6)
    assert found.chaotic  # it grows without bound: neighbours come apart
    b1, b2 = qsp.modes(2)
    H = 2.0 * b1.dag() * b1 + 0.3 * (b1.dag() * b2 + b2.dag() * b1)
    system = qsp.System(H, [0.4 * b1, 0.7 * b2])
    M = np.array([[-2j - 0.08, -0.3j], [-0.3j, -0.245]])
    want = np.repeat(np.sort(np.linalg.eigvals(M).real)[::-1], 2)
    # eigenvectors that are not orthogonal
    found = qsp.lyapunov_exponents(system, [1.0, 1.0], 400.0)
    np.testing.assert_allclose(found.exponents, want, rtol=0, atol=1e-7)
    assert found.chaotic is False and found.dimension == 0.0


def test_limit_cycles_have_their_exponents():
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=0.3, dissipative=0.5)
    cycle = qsp.limit_cycle(pair, [2.0, 2.0])
    found = qsp.lyapunov_exponents(pair, [2.0, 2.0j], 200.0)
    np.testing.assert_allclose(found.exponents, cycle.exponents.real, atol=1e-3)
    assert not found.chaotic
    # a drift apart: two free phases, two radii
    apart = qsp.van_der_pol_pair(loss=0.1, detuning=2.0, dissipative=0.5)
    found = qsp.lyapunov_exponents(apart, [2.0, 2.0j], 300.0)
    assert np.abs(found.exponents[:2]).max() < 5e-3 and found.exponents[2] < -0.1
    only = qsp.lyapunov_exponents(apart, [2.0, 2.0j], 300.0, k=1)
    assert only.exponents.shape == (1,) and np.isnan(only.dimension)


def test_spins_keep_their_length():
    """Precession: three coordinates, two directions, no exponent; the trace of M on the sphere."""
    S1, S2 = qsp.spins(20, 20)
    free = qsp.System(0.3 * S1.z + 0.2 * S2.x, [])
    found = qsp.lyapunov_exponents(free, {S1: (1.0, 0.2), S2: (0.4, 0.1)}, 50.0)
    np.testing.assert_allclose(found.exponents, 0, atol=1e-7)
    (S,) = qsp.spins(20)
    damped = qsp.System(0.0 * S.z, [np.sqrt(0.1 / 20) * S.m])
    # near the south pole Ṡ− = −(γ/2)S−, twice
    found = qsp.lyapunov_exponents(damped, {S: (2.5, 0.2)}, 400.0)
    np.testing.assert_allclose(found.exponents, -0.05, atol=1e-3)


def test_spins_that_lock():
    """Rounding along the spins, where nothing decays, must not take over: a long run."""
    S1, S2 = qsp.spins(8, 8)
    jumps = [np.sqrt(1 / 8) * S.p for S in (S1, S2)]
    jumps += [np.sqrt(4 / 8) / 8 * S.m**2 for S in (S1, S2)]
    pair = qsp.System(0.05 * (S1.z - S2.z), [*jumps, np.sqrt(0.5 / 8) * (S1.m - S2.m)])
    start = {S1: (2.0, 0.0), S2: (2.2, 0.0)}
    found, cycle = qsp.lyapunov_exponents(pair, start, 800.0), qsp.limit_cycle(pair, start)
    np.testing.assert_allclose(found.exponents, cycle.exponents.real, atol=1e-4)


def lorenz(sigma, b, r, duration=600.0, dt=0.004):
    """Exponents of the Lorenz equations by fourth-order steps and QR."""
    x, Q, sums = np.ones(3), np.eye(3), np.zeros(3)

    def rates(x, Q):
        f = np.array([sigma * (x[1] - x[0]), x[0] * (r - x[2]) - x[1], x[0] * x[1] - b * x[2]])
        return f, np.array([[-sigma, sigma, 0], [r - x[2], -1, -x[0]], [x[1], x[0], -b]]) @ Q

    for k in range(int((duration + 20) / dt)):
        a1, b1 = rates(x, Q)
        a2, b2 = rates(x + dt / 2 * a1, Q + dt / 2 * b1)
        a3, b3 = rates(x + dt / 2 * a2, Q + dt / 2 * b2)
        a4, b4 = rates(x + dt * a3, Q + dt * b3)
        x, Q = x + dt / 6 * (a1 + 2 * a2 + 2 * a3 + a4), Q + dt / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
        if k % 10 == 0:
            Q, R = np.linalg.qr(Q)
            if k * dt > 20:
                sums += np.log(np.abs(np.diag(R)))
    return sums / duration


def laser(sigma, b, r):
    """The single-mode laser of H. Haken, Phys. Lett. A 53, 77 (1975), on resonance: κ=σ, γ⊥=1."""
    (mode,), (A,) = qsp.modes(1), qsp.atoms(1000)
    up, down = 0.9 * b, 0.1 * b
    inversion = 0.8 * 1000 / 2
    g = np.sqrt(r * sigma / (2 * inversion))
    jumps = [np.sqrt(2 * sigma) * mode, np.sqrt(up) * A.each.p, np.sqrt(down) * A.each.m]
    jumps.append(np.sqrt(2 * (1 - b / 2)) * A.each.z)
    return qsp.System(g * (mode.dag() * A.m + mode * A.p), jumps), mode, A


@pytest.mark.slow
def test_the_laser_is_the_lorenz_system():
    sigma, b, r = 4.0, 0.5, 27.0
    system, mode, A = laser(sigma, b, r)
    start = {mode: 1.0, A: (0.1, 0.0, 0.5)}
    found = qsp.lyapunov_exponents(system, start, 600.0, transient=60.0)
    want = lorenz(sigma, b, r)
    # the divergence is exact: field and polarisation are complex here
    assert found.exponents.sum() == pytest.approx(-2 * sigma - 2 - b, abs=1e-6)
    assert want.sum() == pytest.approx(-sigma - 1 - b, abs=1e-3)
    assert found.chaotic and abs(found.exponents[0] - want[0]) < 5 * found.errors[0] + 0.02
    # time and the common phase are free; the phase of field and polarisation locks at −(σ+1)
    assert np.abs(found.exponents[1:3]).max() < 0.02
    np.testing.assert_allclose(np.sort(found.exponents[3:]), [want[2], -sigma - 1], atol=0.06)
    below = qsp.lyapunov_exponents(laser(4.0, 0.5, 3.0)[0], [1.0, (0.1, 0.0, 0.5)], 200.0)
    assert below.chaotic is False


def test_driven_in_time():
    """A forced linear oscillator loses memory at κ/2 whatever the force."""
    (b,) = qsp.modes(1)
    f = lambda t: np.cos(1.3 * t)  # noqa: E731
    system = qsp.System(b.dag() * b + f * (b + b.dag()), [0.5 * b])
    found = qsp.lyapunov_exponents(system, [0.0], 40.0)
    np.testing.assert_allclose(found.exponents, -0.125, atol=1e-6)
    np.testing.assert_allclose(found.history[-1], found.exponents)


def test_what_a_coefficient_raised_is_told():
    def broken(t):
        if t > 3:
            raise ZeroDivisionError("no value here")
        return 1.0

    (b,) = qsp.modes(1)
    system = qsp.System(broken * (b.dag() * b), [b.dag(), 0.3 * b**2])
    with pytest.raises(qsp.core.RightHandSideError, match="no value here") as caught:
        qsp.lyapunov_exponents(system, [1.0], 20.0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError) and caught.value.time <= 3


def test_bad_input():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b])
    for bad in (0.0, -1.0, np.inf, "10"):
        with pytest.raises((ValueError, TypeError), match="duration"):
            qsp.lyapunov_exponents(system, [1.0], bad)
    with pytest.raises(ValueError, match="k must"):
        qsp.lyapunov_exponents(system, [1.0], 1.0, k=3)
    with pytest.raises(ValueError, match="transient"):
        qsp.lyapunov_exponents(system, [1.0], 1.0, transient=-1)
    with pytest.raises(ValueError, match="state0"):
        qsp.lyapunov_exponents(system, [1.0, 2.0], 1.0)
    fast = qsp.System(1.0 * b.dag() * b, [1e4 * b])
    with pytest.raises(SolverError, match="intervals"):
        qsp.lyapunov_exponents(fast, [1.0], 1e3)
    runs_away = qsp.System(0.3j * (b.dag() ** 3 - b**3), [])
    with pytest.raises(SolverError):
        qsp.lyapunov_exponents(runs_away, [1.0], 100.0)


def test_chains_have_the_exponents_of_their_cycle():
    """On a limit cycle they are those of its stability, which come of amplitudes in the frame that
    turns with it, not of spins on the sphere.
    """
    chains = qsp.collective_van_der_pol_pair()
    found = qsp.lyapunov_exponents(chains, [1.0, 0.5j], 60.0, transient=100.0)
    cycle = qsp.limit_cycle(chains, [1.0, 0.5j])
    np.testing.assert_allclose(found.exponents, np.sort(cycle.exponents.real)[::-1], atol=1e-5)


@pytest.mark.parametrize("engineered", ["spin", "boson"])
def test_chains_and_their_centre(engineered):
    """Where they lock the exponents are those of the cycle, and 0 along the length of σ; the
    cycle is one of a run of its own.
    """
    chains = qsp.SpinChains(
        n=24,
        g=(1.3, 1.4),
        omega0=0.2,
        omega=(1.2, -1.2),
        exchange=0.0,
        gain=1.0,
        two_photon=4 / 24,
        dissipative=0.5,
        engineered=engineered,
    )
    cycle = qsp.limit_cycle(chains, [1.0, 1.0])
    x, s = cycle.amplitudes, cycle.coordinates[4:]
    state = qutip.Qobj([[0.5 + s[2], s[0] - 1j * s[1]], [s[0] + 1j * s[1], 0.5 - s[2]]])
    T = 2 * np.pi / abs(cycle.frequency)
    times = [0, 0.3 * T, T] if T < 100 else [0, 30, 100]
    options = {"rtol": 1e-11, "atol": 1e-12}
    run = qsp.mfsolve(chains, x, times, central=state, options=options)
    turns = np.exp(-1j * cycle.frequency * np.array(times))
    np.testing.assert_allclose(run.amplitudes, turns[:, None] * x, atol=1e-7)
    np.testing.assert_allclose(run.sigma[:, 2], 2 * s[2], atol=1e-7)
    found = qsp.lyapunov_exponents(chains, [1.0, 1.0], 300.0, transient=600.0)
    expected = np.sort(np.append(cycle.exponents.real, 0))[::-1]
    np.testing.assert_allclose(found.exponents, expected, atol=2e-3 + found.errors.max())


@pytest.mark.parametrize(
    ("changes", "beta", "text"),
    [
        ({"central": False}, [1.0, 9.0], "state0"),
        ({"central": False}, [1.0], "state0"),
    ],
)
def test_chains_that_are_refused(changes, beta, text):
    with pytest.raises((ValueError, TypeError), match=text):
        qsp.lyapunov_exponents(qsp.SpinChains(n=(5, 5), **changes), beta, 10.0)
