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


def gaussian_of(rho, modes):
    """Mean and covariance of a state."""
    x = [f for b in modes for f in ((b + b.dag()) / 2**0.5, (b - b.dag()) / (1j * 2**0.5))]
    mean = np.array([qutip.expect(a, rho).real for a in x])
    second = np.array([[qutip.expect((a * b + b * a) / 2, rho).real for b in x] for a in x])
    return mean, second - np.outer(mean, mean)


@pytest.mark.parametrize("kind", ["wigner", "husimi"])
def test_a_gaussian_mode_against_its_fock_state(kind):
    d = 70
    b = qutip.destroy(d)
    rho = qutip.thermal_dm(d, 0.3)
    for U in (qutip.squeeze(d, 0.4 * np.exp(0.7j)), qutip.displace(d, 1.1 - 0.6j)):
        rho = U * rho * U.dag()
    exact = measures.phase_distribution(rho, kind=kind, drive=0.3)
    found = measures.phase_distribution(gaussian_of(rho, [b]), kind=kind, drive=0.3)
    for k in range(12):
        assert found.moment(k) == pytest.approx(exact.moment(k), abs=1e-10)


@pytest.mark.parametrize("kind", ["wigner", "husimi", "canonical"])
def test_two_gaussian_modes_against_their_fock_state(kind):
    d = 20
    a, b = (
        qutip.tensor(qutip.destroy(d), qutip.qeye(d)),
        qutip.tensor(qutip.qeye(d), qutip.destroy(d)),
    )
    # coherent states stay pure products at a beam splitter, squeezed ones do not
    ket = qutip.tensor(qutip.coherent(d, 0.7), qutip.coherent(d, 0.5j - 0.3))
    ket = (0.2 * (a * b - a.dag() * b.dag())).expm() * ket
    ket = (-0.5j * (a.dag() * b + b.dag() * a)).expm() * ket
    state = gaussian_of(ket, [a, b])
    exact = measures.phase_distribution(ket, (0, 1), kind=kind)
    found = measures.phase_distribution(state, (0, 1), kind=kind)
    turned = measures.phase_distribution(state, (1, 0), kind=kind)
    for k in range(8):
        assert found.moment(k) == pytest.approx(exact.moment(k), abs=2e-7)
        assert turned.moment(k) == pytest.approx(found.moment(k).conjugate(), abs=1e-11)


def test_a_sharp_gaussian_phase():
    """Far out the angle is normal, with the variance of a quadrature over the squared radius."""
    p = measures.phase_distribution(([300.0, 0.0], 0.5 * np.eye(2)), kind="wigner")
    assert abs(p.moment(1)) == pytest.approx(np.exp(-0.25 / 300**2), abs=1e-9)
    relative = measures.phase_distribution(
        ([60.0, 0.0, 0.0, 60.0], 0.5 * np.eye(4)), (0, 1), kind="wigner"
    )
    assert relative.moment(1) == pytest.approx(
        -1j
        * measures.phase_distribution(([60.0, 0.0], 0.5 * np.eye(2)), kind="wigner").moment(1) ** 2,
        abs=1e-10,
    )


def test_mean_field_samples_and_states_of_the_same_linear_system():
    a, b = qsp.modes(2)
    system = qsp.System(0.3 * a.dag() * a + 0.2 * (a.dag() * b + b.dag() * a), [a, b])
    start, times = [2.0, 1.5j], [0.0, 0.7]
    exact = qsp.exactsolve(system, start, times, cutoff=20)
    gaussian = qsp.mfsolve(system, start, times)
    options = {"phases": 6}
    samples = qsp.twasolve(system, start, times, ntraj=4000, seed=1, options=options)
    for nodes in (0, 1, (0, 1), (1, 0)):
        p = measures.phase_distribution(exact, nodes, kind="wigner")
        other = measures.phase_distribution(gaussian, nodes, kind="wigner")
        drawn = measures.phase_distribution(samples, nodes)
        for k in range(1, 6):
            assert other.moment(k) == pytest.approx(p.moment(k), abs=1e-6)
            assert abs(drawn.moment(k) - p.moment(k)) < 5 * drawn.errors[k]
    _, ax = qsp.plot_phase_distribution({"mf": gaussian, "samples": samples}, modes=1)
    assert len(ax.lines) == 3


def test_spins_as_bosons_and_atoms_of_ensembles():
    # the Holstein-Primakoff boson of a large spin near its lowest state is the mode itself
    (s,) = qsp.spins(2000)
    run = qsp.mfsolve(qsp.System(0.4 * s.z, [0.01 * s.m]), {s: (3.0, 0.2)}, [0.0, 0.5])
    p = measures.phase_distribution(run, 0, kind="husimi")
    assert np.angle(p.moment(1)) == pytest.approx(np.angle(run.amplitudes[-1, 0]), abs=1e-3)
    # of few atoms the states are known
    A, B = qsp.atoms(7, 1)
    H = 0.3 * A.z + 0.2 * (A.p * B.m + A.m * B.p)
    start = {A: [0.6, 0.3, 0.2], B: [0.0, 0.5, 0.1]}
    many = qsp.exactsolve(qsp.System(H, [0.3 * A.m, 0.2 * B.each.m]), start, [0.0, 0.4])
    lower = qsp.expect(A.m, many)[-1] / 7
    assert measures.phase_distribution(many, 0).moment(1) == pytest.approx(lower, abs=1e-12)
    pair = qsp.expect(A.m * B.p, many)[-1] / 7
    found = measures.phase_distribution(many, (0, 1), kind="husimi").moment(1)
    assert found == pytest.approx(pair * np.pi**2 / 16, abs=1e-12)


def test_phases_that_cannot_be_had_are_named():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b])
    samples = qsp.twasolve(system, [1.0], [0.0, 0.1], ntraj=64, seed=1)
    with pytest.raises(TypeError, match="samples: draw them with options="):
        measures.phase_distribution(samples)
    with pytest.raises(ValueError, match="positive"):
        measures.phase_distribution(([1.0, 0.0], np.zeros((2, 2))), kind="wigner")
    with pytest.raises(ValueError, match="nodes"):
        measures.phase_distribution(([1.0, 0.0], np.eye(2)), 1)
    with pytest.raises(ValueError, match="spins"):
        measures.phase_distribution(([1.0, 0.0], np.eye(2)), spins=[0])
    with pytest.raises(ValueError, match="phases"):
        qsp.twasolve(system, [1.0], [0.0, 0.1], ntraj=64, options={"phases": -1})
    with pytest.raises(TypeError, match="phases"):
        qsp.TwaSolver(system, ntraj=64).options = {"phases": 2.5}


@pytest.mark.parametrize(
    "nbar, squeezing, amplitude",
    [(0.0, 0.0, 1 + 0.5j), (0.0, 0.4 * np.exp(0.7j), 1.2 - 0.3j), (0.5, 0.3j, 0.7j), (0.3, 0.5, 0)],
)
def test_canonical_phases_of_gaussian_states_are_those_of_their_density_matrices(
    nbar, squeezing, amplitude
):
    """Displaced squeezed thermal states, on 110 levels."""
    d = 110
    b = qutip.destroy(d)
    turn = qutip.displace(d, amplitude) * qutip.squeeze(d, squeezing)
    rho = turn * (qutip.thermal_dm(d, nbar) if nbar else qutip.fock_dm(d, 0)) * turn.dag()
    R = (b + b.dag()) / np.sqrt(2), -1j * (b - b.dag()) / np.sqrt(2)
    mean = np.array([qutip.expect(x, rho) for x in R])
    second = [[qutip.expect(x * y + y * x, rho) / 2 for y in R] for x in R]
    state = mean, np.array(second) - np.outer(mean, mean)
    found = measures.phase_distribution(state, kind="canonical")
    exact = measures.phase_distribution(rho)
    for k in range(10):
        assert found.moment(k) == pytest.approx(exact.moment(k), abs=1e-9)


def test_canonical_phases_of_pairs_of_independent_modes_are_products():
    """Against the recursion of one mode, which is another one."""
    states = []
    for nbar, r, angle, alpha in ((0.3, 0.4, 0.7, 1.1 - 0.4j), (0.0, 0.3, -1.2, 0.8j)):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        wide = (nbar + 0.5) * np.diag([np.exp(2 * r), np.exp(-2 * r)])
        states.append((2**0.5 * np.array([alpha.real, alpha.imag]), turn @ wide @ turn.T))
    (m1, C1), (m2, C2) = states
    covariance = np.block([[C1, np.zeros((2, 2))], [np.zeros((2, 2)), C2]])
    pair = measures.phase_distribution((np.append(m1, m2), covariance), (0, 1), kind="canonical")
    one, two = (measures.phase_distribution(s, kind="canonical") for s in states)
    for k in range(12):
        want = one.moment(k) * two.moment(k).conjugate()
        assert abs(pair.moment(k) - want) < 1e-12
    assert pair.kind == "canonical"


def test_canonical_phases_of_gaussian_states_know_their_limits():
    """Far out the angle of the Wigner function; no state, two modes, too many quanta: refused."""
    far = np.array([15 * np.sqrt(2), 0.0]), 0.5 * np.eye(2)
    canonical, wigner = (measures.phase_distribution(far, kind=k) for k in ("canonical", "wigner"))
    # of the order of 1/⟨n⟩²
    assert abs(canonical.moment(1) - wigner.moment(1)) < 1 / 225**2
    with pytest.raises(ValueError, match="no state"):
        measures.phase_distribution((np.zeros(2), 0.4 * np.eye(2)), kind="canonical")
    for mean, covariance, why in ((np.zeros(4), 0.4, "no state"), (np.full(4, 9.0), 0.5, "many")):
        with pytest.raises(ValueError, match=why):
            measures.phase_distribution((mean, covariance * np.eye(4)), (0, 1), kind="canonical")
    with pytest.raises(ValueError, match="too many"):
        measures.phase_distribution((np.array([60.0, 0.0]), 0.5 * np.eye(2)), kind="canonical")
