"""Phase distributions of modes and spins, canonical and Husimi, against states and integrals."""

import numpy as np
import pytest
import qutip
import scipy.integrate

import qsyncplug as qsp
from qsyncplug.sync import measures


def phase_state(d, phi):
    """|φ⟩ = Σ e^{inφ}|n⟩: the canonical density is |⟨φ|ψ⟩|²/2π."""
    return np.exp(1j * phi * np.arange(d))


@pytest.mark.parametrize("seed", range(3))
def test_canonical_densities_are_overlaps_with_phase_states(seed):
    rho = qutip.rand_dm(7, seed=seed)
    p = measures.phase_distribution(rho)
    for phi in (-2.0, 0.3, 1.9):
        v = phase_state(7, phi)
        exact = (v.conj() @ rho.full() @ v).real / (2 * np.pi)
        assert p(phi) == pytest.approx(exact, abs=1e-13)
    # of a spin the lowest state is the last
    spin = measures.phase_distribution(rho, spins=[0])
    v = phase_state(7, 0.3)[::-1]
    exact = (v.conj() @ rho.full() @ v).real / (2 * np.pi)
    assert spin(0.3) == pytest.approx(exact, abs=1e-13)
    assert np.min(spin.density) >= -1e-14
    assert np.sum(spin.density) * (spin.phi[1] - spin.phi[0]) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("N", [1, 2, 5])
def test_husimi_densities_of_spins_by_integration(N):
    """Q(θ,φ) over the polar angle; the azimuth of a spin is minus the phase of S−."""
    rho = qutip.rand_dm(N + 1, seed=N)
    p = measures.phase_distribution(rho, kind="husimi", spins=[0])
    for phase in (-1.2, 0.4, 2.8):
        value, _ = scipy.integrate.quad(
            lambda theta, phase=phase: float(qsp.spin_husimi(rho, theta, -phase)) * np.sin(theta),
            0,
            np.pi,
            epsabs=1e-12,
        )
        assert p(phase) == pytest.approx(value, abs=1e-10)
    # the measure S(φ) of Roulet and Bruder is this less 1/2π, in the azimuth
    S = qsp.spin_phase(rho, np.array([-0.4]))[0]
    assert p(0.4) - 1 / (2 * np.pi) == pytest.approx(S, abs=1e-12)


def test_phases_point_where_the_amplitudes_do():
    alpha = 1.5 * np.exp(0.7j)
    spin = qutip.spin_coherent(3, 1.1, -0.2)
    minus = qutip.expect(qutip.jmat(3, "-"), spin)
    both = qutip.tensor(qutip.coherent(25, alpha), spin)
    for kind in ("canonical", "husimi"):
        one = measures.phase_distribution(both, 0, kind=kind, spins=[1])
        other = measures.phase_distribution(both, 1, kind=kind, spins=[1])
        assert np.angle(one.moment(1)) == pytest.approx(0.7, abs=1e-6)
        assert np.angle(other.moment(1)) == pytest.approx(np.angle(minus), abs=1e-12)
        pair = measures.phase_distribution(both, (0, 1), kind=kind, spins=[1])
        turned = measures.phase_distribution(both, (1, 0), kind=kind, spins=[1])
        # of a product the moments multiply
        for k in range(1, 5):
            exact = one.moment(k) * other.moment(k).conjugate()
            assert pair.moment(k) == pytest.approx(exact, abs=1e-12)
            assert turned.moment(k) == pytest.approx(exact.conjugate(), abs=1e-12)
    shifted = measures.phase_distribution(both, 0, drive=0.5)
    assert np.angle(shifted.moment(1)) == pytest.approx(0.2, abs=1e-6)


def test_modes_agree_with_the_older_measures():
    rho = qutip.rand_dm([4, 5], seed=3)
    for kind, measure in (("husimi", measures.husimi_phase), ("wigner", measures.wigner_phase)):
        relative = measures.phase_distribution(rho, (0, 1), kind=kind)
        assert np.allclose(relative.moments, measure(rho, relative=True).moments, atol=1e-14)
        single = measures.phase_distribution(rho, 1, kind=kind)
        assert np.allclose(single.moments, measure(rho.ptrace(1)).moments, atol=1e-14)


def test_states_of_the_package_know_their_spins():
    (b,) = qsp.modes(1)
    (s,) = qsp.spins(4)
    H = 0.2 * b.dag() * b + 0.3 * (b + b.dag()) + 0.4 * (b.dag() * s.m + b * s.p)
    system = qsp.System(H, [b, 0.3 * s.m])
    rho = qsp.steadystate(system, cutoff=12)
    place = [k for k, x in enumerate(system.symbols) if x.factor.phase == "spin"]
    known = measures.phase_distribution(rho, (0, 1))
    plain = qutip.Qobj(rho.full(), dims=rho.dims)
    told = measures.phase_distribution(plain, (0, 1), spins=place)
    assert np.allclose(known.moments, told.moments, atol=0)
    assert not np.allclose(measures.phase_distribution(plain, place[0]).moments, told.moments[:5])
    node = system.operators[place[0]]
    angle = np.angle(measures.phase_distribution(rho, place[0]).moment(1))
    assert abs(angle - np.angle(qsp.expect(node, rho))) < 0.3
    run = qsp.exactsolve(system, rho, [0.0, 1.0], cutoff=12)
    late = measures.phase_distribution(run, (0, 1))
    assert np.allclose(late.moments, known.moments, atol=1e-8)


def test_what_has_no_phase_is_refused():
    rho = qutip.rand_dm([3, 3], seed=1)
    with pytest.raises(ValueError, match="kind"):
        measures.phase_distribution(rho, kind="angle")
    with pytest.raises(ValueError, match="spin"):
        measures.phase_distribution(rho, 0, kind="wigner", spins=[0])
    for bad in ((0, 0), (0, 1, 1), 2, -1, "0", 0.5):
        with pytest.raises((TypeError, ValueError), match="nodes"):
            measures.phase_distribution(rho, bad)
    with pytest.raises(TypeError, match="states"):
        measures.phase_distribution(3)
    with pytest.raises((TypeError, ValueError), match="drive"):
        measures.phase_distribution(rho, drive=np.nan)
    (level,) = qsp.levels(3)
    atom = qsp.steadystate(qsp.System(level[0, 1] + level[1, 0], [level[0, 1], level[1, 2]]))
    with pytest.raises(ValueError, match="no phase"):
        measures.phase_distribution(atom)
