"""Two spin chains as a system of the algebra: the same operators, mean field, covariance, exact
runs and limit cycles as the class with kernels of its own.
"""

import numpy as np
import pytest

import qsyncplug as qsp

FULL = {
    "n": (4, 3),
    "g": (0.7, 1.1),
    "omega0": 0.6,
    "omega": (1.0, 0.8),
    "exchange": 0.4,
    "loss": (0.1, 0.2),
    "thermal": (0.3, 0.0),
    "gain": (0.0, 0.15),
    "two_photon": (0.2, 0.1),
    "dissipative": 0.25,
    "coherent": 0.35,
}
BOSONS = {**FULL, "nonlinear": (0.1, 0.0), "bath": "boson", "engineered": "boson"}
SPINS = {**FULL, "engineered": "spin"}


def deviation(system, chains, representation, cutoff=None, **how):
    """Largest difference of any entry of H and of the jump operators, which are as many."""
    H, jumps = system.qutip(cutoff)
    wanted = [chains.hamiltonian(representation, **how), *chains.c_ops(representation, **how)]
    pairs = list(zip([H, *jumps], wanted, strict=True))
    assert all(a.dims == b.dims for a, b in pairs)
    return max(np.abs((a - b).full()).max() for a, b in pairs)


@pytest.mark.parametrize("central", [True, False])
def test_operators_in_every_representation(central):
    without = {} if central else {"central": False, "g": 0.0, "omega0": 0.0}
    spins, bosons = {**SPINS, **without}, {**BOSONS, **without}
    chains = qsp.SpinChains(**spins)
    assert deviation(qsp.spin_chains(**spins), chains, "collective") < 1e-12
    assert (
        deviation(qsp.spin_chains(**spins, representation="bosons"), chains, "bosons", (5, 4))
        < 1e-12
    )
    chains = qsp.SpinChains(**bosons)
    assert (
        deviation(qsp.spin_chains(**bosons, representation="bosons"), chains, "bosons", (5, 4))
        < 1e-12
    )
    for expansion in ("newton", "taylor"):
        how = {"order": 2, "expansion": expansion}
        built = qsp.spin_chains(**bosons, representation="series", **how)
        assert deviation(built, chains, "series", (6, 5), levels=(6, 5), **how) < 1e-12


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"local_loss": 0.1, "local_dephasing": (0.2, 0.3)},
        {"geometry": "chain", "boundary": "periodic"},
        {"central_chain": qsp.CentralChain(spins=3, anisotropy=0.7, sites=(0, 2)), "n": (2, 2)},
    ],
)
def test_all_spins(more):
    how = {**SPINS, "n": (3, 2), **more}
    assert (
        deviation(qsp.spin_chains(**how, representation="spins"), qsp.SpinChains(**how), "spins")
        < 1e-12
    )


def test_mean_field_and_covariance():
    """The sphere gives what the square root of the hand-written kernel gives, chains and centre."""
    how = {**SPINS, "n": (20, 16), "two_photon": 0.3}
    chains, system = qsp.SpinChains(**how), qsp.spin_chains(**how)
    start = chains.product_state(excitation=(0.3, 0.4), phase=(0.2, 1.0))
    times = np.linspace(0, 3, 13)
    hand = qsp.mfsolve(chains, start, times)
    bloch = [
        [2 * np.sqrt(x * (1 - x)) * np.cos(p), -2 * np.sqrt(x * (1 - x)) * np.sin(p), 2 * x - 1]
        for x, p in ((0.3, 0.2), (0.4, 1.0))
    ]
    mine = qsp.mfsolve(system, [(0, 0, -1), *bloch], times)
    np.testing.assert_allclose(mine.amplitudes, hand.amplitudes, atol=1e-8)
    np.testing.assert_allclose(mine.coordinates[:, :3] * 2, hand.sigma, atol=1e-8)


def test_covariance_without_a_centre():
    how = {**SPINS, "n": (20, 16), "central": False, "g": 0.0, "omega0": 0.0}
    chains, system = qsp.SpinChains(**how), qsp.spin_chains(**how)
    beta = np.array([2.0 * np.exp(0.3j), 1.5])
    times = np.linspace(0, 2, 9)
    hand = qsp.mfsolve(chains, beta, times)
    N = np.array(chains.n)
    lowering = np.sqrt(N - np.abs(beta) ** 2) * beta
    z = np.abs(beta) ** 2 - N / 2
    bloch = np.stack([lowering.real, -lowering.imag, z], axis=1) / (N / 2)[:, None]
    mine = qsp.mfsolve(system, list(bloch), times)
    np.testing.assert_allclose(mine.amplitudes, hand.amplitudes, atol=1e-8)
    np.testing.assert_allclose(mine.covariance, hand.covariance, atol=1e-7)


def test_limit_cycle():
    """Of the collective van der Pol pair."""
    how = {"n": 16, "omega": (0.8, -0.8), "exchange": 0.0, "gain": 1.0, "two_photon": 0.25}
    how |= {"dissipative": 0.5, "engineered": "spin", "central": False}
    chains, system = qsp.collective_van_der_pol_pair(), qsp.spin_chains(**how)
    assert chains == qsp.SpinChains(**how)
    start = [(np.sin(2.0), 0.0, np.cos(2.0)), (np.sin(2.2), 0.0, np.cos(2.2))]
    beta = [np.sqrt(8 * (1 + np.cos(angle))) for angle in (2.0, 2.2)]
    cycle, other = qsp.limit_cycle(system, start), qsp.limit_cycle(chains, beta)
    assert cycle.frequency == pytest.approx(other.frequency, abs=1e-8)
    assert cycle.phase_diffusion == pytest.approx(other.phase_diffusion, rel=1e-7)
    np.testing.assert_allclose(cycle.coherence, other.coherence, atol=1e-7)


def test_lyapunov_exponents_are_those_of_the_cycle():
    pair = qsp.collective_van_der_pol_pair()
    start = [(np.sin(2.0), 0.0, np.cos(2.0)), (np.sin(2.2), 0.0, np.cos(2.2))]
    found = qsp.lyapunov_exponents(pair.system(), start, 300.0, transient=60.0)
    beta = [np.sqrt(8 * (1 + np.cos(angle))) for angle in (2.0, 2.2)]
    wanted = np.sort(qsp.limit_cycle(pair, beta).exponents.real)[::-1]
    np.testing.assert_allclose(found.exponents, wanted, atol=1e-3)
    assert found.chaotic is False


def test_lyapunov_exponents_with_jumps_of_bosons():
    """Those of the cycle, of amplitudes; and the same as on the spheres where both are defined."""
    how = {"n": (16, 14), "omega": (0.8, 0.7), "exchange": 0.0, "gain": 1.0, "two_photon": 0.25}
    how |= {"dissipative": 0.5, "engineered": "boson", "bath": "boson", "central": False}
    chains, beta = qsp.SpinChains(**how), [2.0, 1.8]
    found = qsp.lyapunov_exponents(chains, beta, 300.0, transient=60.0)
    wanted = np.sort(qsp.limit_cycle(chains, beta).exponents.real)[::-1]
    np.testing.assert_allclose(found.exponents, wanted, atol=1e-5)
    with pytest.raises(ValueError, match="state0"):
        qsp.lyapunov_exponents(chains, [5.0, 1.0], 10.0)


def test_lyapunov_exponents_with_a_centre():
    """The chains come to rest, with the centre up: real parts of the eigenvalues there."""
    how = {"n": (10, 8), "g": (0.5, 0.6), "loss": 0.4, "gain": 1.2, "engineered": "spin"}
    chains = qsp.SpinChains(**how)
    found = qsp.lyapunov_exponents(chains, [1.0, 0.8], 1200.0)
    M = chains.system().jacobian(found.coordinates)
    # along the spins of the chains nothing is asked
    normal = [np.concatenate([np.zeros(k), found.coordinates[k : k + 3]]) for k in (3, 6)]
    normal = np.array([np.pad(x, (0, 9 - len(x))) for x in normal])
    tangent = np.linalg.svd(normal)[2][2:]
    wanted = np.sort(np.linalg.eigvals(tangent @ M @ tangent.T).real)[::-1]
    np.testing.assert_allclose(found.exponents, wanted, atol=1e-4)


def test_exact_runs_and_steady_states():
    how = {**SPINS, "n": (3, 3)}
    chains, system = qsp.SpinChains(**how), qsp.spin_chains(**how)
    start = chains.product_state(excitation=(0.3, 0.4))
    times = [0.0, 0.5, 1.5]
    hand = qsp.exactsolve(chains, start, times)
    sigma, J1, J2 = system.nodes
    e_ops = [J1.m, J2.z, J1.p * J2.m, sigma.z]
    mine = qsp.exactsolve(system, start, times, e_ops=e_ops)
    for k, want in enumerate(
        (hand.lowering[:, 0], hand.jz[:, 1], hand.spin_normal[:, 1, 2], hand.sigma[:, 2] / 2)
    ):
        np.testing.assert_allclose(mine.e_data[k], want, atol=1e-9)
    np.testing.assert_allclose(
        qsp.steadystate(system).full(), qsp.steadystate(chains).full(), atol=1e-10
    )


def test_what_a_representation_lacks():
    with pytest.raises(ValueError, match="representation='bosons'"):
        qsp.spin_chains(n=3, loss=0.1, bath="boson")
    with pytest.raises(ValueError, match="symmetric states"):
        qsp.spin_chains(n=3, local_loss=0.1)
    with pytest.raises(ValueError, match="representation must be"):
        qsp.spin_chains(n=3, representation="fock")
    with pytest.raises(ValueError, match="order"):
        qsp.spin_chains(n=3, representation="series")
    with pytest.raises(ValueError, match="order"):
        qsp.spin_chains(n=3, order=2)
    with pytest.raises(ValueError, match="nearest-neighbour"):
        how = {"geometry": "chain", "loss": 0.1, "bath": "boson", "representation": "spins"}
        qsp.spin_chains(n=3, **how)
    with pytest.raises(ValueError, match="loss"):
        qsp.spin_chains(n=3, loss=-0.1)


def test_predictions_are_those_of_the_system_that_the_chains_state():
    chains = qsp.SpinChains(n=(2, 2), g=0.3, omega=1.0, loss=0.4)
    with pytest.raises(TypeError, match=r"qsp\.predictions\(model\.system\(\), state0\)"):
        qsp.predictions(chains, [0.5, 0.5])
    # what the message says works, and holds along a run: equal chains, J1 and J2 are exchanged
    system = chains.system()
    start = [(0.0, 0.0, -1.0), (0.6, 0.0, -0.8), (0.0, 0.6, -0.8)]
    found = qsp.predictions(system, start)
    assert [p.name for p in found] == ["no amplitudes", "in phase or opposite"]
    run = qsp.exactsolve(system, start, np.linspace(0, 120, 61))
    assert all(outcome.passed for outcome in found.check(run))
