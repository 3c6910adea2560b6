"""Ready systems against published values and closed forms."""

import warnings

import numpy as np
import pytest
import qutip

import qsyncplug as qsp


def test_published_table_of_two_lasers():
    """PRL 113, 154101: locked for δ<w, with the phase 2 arctan(δ/w)."""
    for delta in (0.1, 0.25):
        lasers = qsp.superradiant_lasers(10**4, detuning=delta)
        A, B = lasers.nodes
        state = qsp.steadystate(lasers, closure="cumulants", order=2)
        x = qsp.expect(A.p * B.m, state)
        assert abs(np.angle(x) - 2 * np.arctan(delta / 0.5)) < 2e-3
    assert abs(qsp.expect(A.z, state) / 10**4 + 0.5 - 0.656208103916) < 1e-11


def test_spin_one_pair_of_roulet_and_bruder():
    rho = qsp.steadystate(qsp.spin_one_pair())
    pair = qsp.spin_one_pair()
    rho = qsp.steadystate(pair)
    S1, S2 = pair.nodes
    assert abs(qsp.expect(S1.z, rho) + 0.380746659967) < 2e-12
    assert abs(qsp.expect(S1.p**2 * S2.m**2, rho) - (0.103718181517 + 0.091884563491j)) < 2e-12
    blocked = qsp.spin_one_pair(gain=0.3, loss=0.3, detuning=0)
    S1, S2 = blocked.nodes
    # interference blockade: equal rates leave no first-order phase relation
    assert abs(qsp.expect(S1.p * S2.m, qsp.steadystate(blocked)).real) < 1e-12


def test_kerr_resonances_of_lorch():
    """A weak drive finds n→n+1 at Δ=2Kn where K is far above the rates (PRL 117, 073601)."""
    detunings = np.arange(-5.0, 50.0, 1.0)
    response = []
    for d in detunings:
        system = qsp.kerr_van_der_pol(gain=1, loss=1, kerr=10.0, detuning=d, drive=0.05)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rho = qsp.steadystate(system, cutoff=8)
        (b,) = system.nodes
        response.append(abs(qsp.expect(b, rho)))
    response = np.array(response)
    peaks = detunings[1:-1][(response[1:-1] > response[:-2]) & (response[1:-1] > response[2:])]
    # on a grid of steps of 1, the last on the slope of the others
    np.testing.assert_allclose(peaks, [0, 20, 40], atol=1.01)


def test_boundary_time_crystal():
    """Below threshold the spin rests at −√(1−ω²/κ²), exactly as N→∞ and within 1/N for N=40."""
    system = qsp.boundary_time_crystal(40, drive=0.6)
    (S,) = system.nodes
    run = qsp.mfsolve(system, {S: (2.0, 0.3)}, [0, 80.0], closure="none")
    assert abs(run.coordinates[-1, 2] / 20 + 0.8) < 1e-6
    rho = qsp.steadystate(system)
    assert abs(qsp.expect(S.z, rho) / 20 + 0.8) < 0.03
    above = qsp.boundary_time_crystal(40, drive=1.5)
    (S,) = above.nodes
    times = np.linspace(0, 60, 601)
    z = qsp.mfsolve(above, {S: (2.0, 0.3)}, times, closure="none").coordinates[300:, 2] / 20
    assert z.max() - z.min() > 0.3


def test_dicke_threshold():
    """λ_c² = ω0(ω²+κ²/4)/4ω in the mean field."""
    critical = np.sqrt((1 + 0.01) / 4)
    for factor, wanted in ((0.9, False), (1.1, True)):
        system = qsp.dicke(30, coupling=factor * critical)
        x = system.coordinates_of(
            np.array([0, 0, -15.0], dtype=complex)
        )  # normal state: empty cavity, all spins down
        M = system.jacobian(x)
        keep = [0, 1, 2, 3]  # across the sphere at the pole
        assert (np.linalg.eigvals(M[np.ix_(keep, keep)]).real.max() > 1e-9) == wanted


def test_squeezed_oscillator_has_two_phases():
    system = qsp.squeezed_van_der_pol(squeezing=0.4, loss=0.5)
    (b,) = system.nodes
    rho = qsp.steadystate(system, cutoff=26)
    assert abs(qsp.expect(b, rho)) < 1e-9
    assert abs(qsp.expect(b**2, rho)) > 0.5
    other = qutip.steadystate(*system.qutip(26))
    assert (rho - other).norm("max") < 1e-9


def test_ring_is_the_pair():
    a = qsp.van_der_pol_ring(2, loss=0.3, frequencies=[0.1, -0.1], dissipative=0.4)
    b = qsp.van_der_pol_pair(loss=0.3, detuning=0.2, dissipative=0.4)
    beta = [1.0, 0.3 - 0.5j]
    np.testing.assert_allclose(a.drift(beta), b.drift(beta), atol=1e-14)
    np.testing.assert_allclose(a.diffusion(beta), b.diffusion(beta), atol=1e-14)


def test_optomechanical_pair():
    """Energy balance of the linear part, and self-oscillation of the mirrors (Mari et al. 2013)."""
    pair = qsp.optomechanical_pair()
    assert [s.name for s in pair.symbols] == ["a1", "a2", "b1", "b2"]
    alpha = np.array([1.0 + 2j, 0.5, -3.0 + 1j, 2.0])
    F = pair.drift(alpha)
    w, g, E, kappa, mu, gamma = (1.0, 1.005), 0.005, 48.0, 0.3, 0.02, 0.01
    for j in range(2):
        a, b, other = alpha[j], alpha[2 + j], alpha[3 - j]
        cavity = 1j * (w[j] + 2 * g * b.real) * a + E - kappa / 2 * a
        mirror = -1j * w[j] * b + 1j * g * abs(a) ** 2 + 1j * mu * other - gamma / 2 * b
        assert abs(F[j] - cavity) < 1e-12 and abs(F[2 + j] - mirror) < 1e-12
    run = qsp.mfsolve(pair, [0, 0, 0, 0], np.linspace(0, 1500, 1501), closure="none")
    late = np.abs(run.amplitudes[1200:, 2:] - run.amplitudes[1200:, 2:].mean(axis=0))
    assert late.min() > 50  # the mirrors go round


def test_star_with_two_arms_is_the_model_of_the_paper():
    """H of SpinChains without exchange terms and σz coupling, in the collective representation."""
    star = qsp.central_spin_star([3, 2], couplings=[1.5, 2.4], frequencies=[0.2, 0.4], loss=0.1)
    H, c_ops = star.qutip()
    J1, J2, s = (qutip.jmat(1.5), qutip.jmat(1), qutip.jmat(0.5))
    tensor = qutip.tensor
    I3, I2, Is = qutip.qeye(4), qutip.qeye(3), qutip.qeye(2)
    sp, jm1, jm2 = qutip.jmat(0.5, "+"), qutip.jmat(1.5, "-"), qutip.jmat(1, "-")
    want = tensor(I3, I2, s[2]) + 0.2 * tensor(J1[2], I2, Is) + 0.4 * tensor(I3, J2[2], Is)
    for g, term in ((1.5 / 3**0.5, tensor(jm1, I2, sp)), (2.4 / 2**0.5, tensor(I3, jm2, sp))):
        want = want + g * (term + term.dag())
    assert (H - want).norm("max") < 1e-14
    assert len(c_ops) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: qsp.van_der_pol_ring(1),
        lambda: qsp.van_der_pol_ring(3, gain=-1),
        lambda: qsp.kerr_van_der_pol(loss=-1),
        lambda: qsp.superradiant_lasers(0),
        lambda: qsp.tavis_cummings(4, decay=-0.1),
        lambda: qsp.boundary_time_crystal(0),
        lambda: qsp.central_spin_star([3], couplings=[1, 2]),
        lambda: qsp.optomechanical_pair(thermal=-1),
        lambda: qsp.jaynes_cummings_pair(pump=float("nan")),
    ],
)
def test_bad_parameters(make):
    with pytest.raises((ValueError, TypeError)):
        make()
