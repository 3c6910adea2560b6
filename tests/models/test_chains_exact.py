"""Exact chains: representations agree in time, limit cycles, trajectories, and what the results
say.
"""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug import (
    CentralChain,
    SpinChains,
    collective_van_der_pol_pair,
    spin_moments,
)


def test_representations_agree_in_time():
    chains = SpinChains(n=(3, 2), loss=0.2, thermal=0.1, exchange=0.5)
    t = np.linspace(0, 2, 5)
    results = [
        qsp.exactsolve(
            chains,
            chains.product_state("up", (0.2, 0.7), (0, 1), r),
            t,
            representation=r,
            options={"method": "mesolve", "atol": 1e-13, "rtol": 1e-12},
        )
        for r in ("collective", "bosons", "spins")
    ]
    for other in results[1:]:
        for name in other._fields:
            assert np.nanmax(np.abs(getattr(other, name) - getattr(results[0], name))) < 1e-11, name
    # the Newton series to the full order is the exact root
    series = qsp.exactsolve(
        chains,
        chains.product_state("up", (0.2, 0.7), (0, 1), "series"),
        t,
        representation="series",
        order=3,
        options={"method": "sectors"},
    )
    assert np.abs(series.spins - results[0].spins).max() < 1e-11
    rough = qsp.exactsolve(
        chains,
        chains.product_state("up", (0.2, 0.7), (0, 1), "series"),
        t,
        representation="series",
        order=1,
        options={"method": "sectors"},
    )
    assert np.abs(rough.spins - results[0].spins).max() > 1e-3
    assert "series of order 1" in rough.stats["neglected"][0]


def test_second_moments_of_the_spins():
    chains = SpinChains(n=(3, 2), loss=0.1)
    state = chains.product_state(
        (qutip.basis(2, 0) + 0.5j * qutip.basis(2, 1)).unit(), (0.3, 0.6), (0.4, 1)
    )
    result = qsp.exactsolve(
        chains, state, [0.0, 0.7], options={"method": "mesolve", "store_states": True}
    )
    rho = result.states[-1]
    sizes = (0.5, 1.5, 1)
    S = []
    for a in range(3):
        for axis in "xyz":
            factors = [qutip.qeye(int(2 * s + 1)) for s in sizes]
            factors[a] = qutip.jmat(sizes[a], axis)
            S.append(qutip.tensor(factors))
    mean = np.array([qutip.expect(s, rho) for s in S]).real
    wanted = np.array(
        [[qutip.expect(a * b + b * a, rho).real / 2 for b in S] for a in S]
    ) - np.outer(mean, mean)
    assert np.abs(result.spins[-1].ravel() - mean).max() < 1e-12
    assert np.abs(result.spin_covariance[-1] - wanted).max() < 1e-12
    normal = qutip.expect(chains.lowering(1).dag() * chains.lowering(2), rho)
    assert abs(result.spin_normal[-1, 1, 2] - normal) < 1e-12


@pytest.mark.parametrize(
    ("n", "coherence"), [(4, 0.266908629252), (8, 0.482697815470), (16, 0.686975991417)]
)
def test_limit_cycles_of_collective_spins(n, coherence):
    pair = collective_van_der_pol_pair(n)
    rho = qsp.steadystate(pair)
    assert abs(abs(spin_moments(pair, rho).coherence[0]) - coherence) < 2e-12


def test_small_and_large_steady_states_come_from_different_methods_and_agree(monkeypatch):
    from qsyncplug.exact import steady

    pair = collective_van_der_pol_pair(7)
    direct = qsp.steadystate(pair)
    monkeypatch.setattr(steady, "_DIRECT", 0)
    assert abs((qsp.steadystate(pair) - direct).full()).max() < 1e-12
    chains = SpinChains(n=(3, 2), loss=0.3, gain=0.2)
    iterative = qsp.steadystate(chains).full()
    assert (
        np.abs(iterative - qutip.steadystate(chains.hamiltonian(), chains.c_ops()).full()).max()
        < 1e-11
    )


def test_the_steady_state_that_is_reached_from_a_start():
    """A free central spin keeps what it has; the chains go where they go without it."""
    chains = SpinChains(n=3, g=0, loss=0.1, gain=0.3)
    alone = qsp.steadystate(
        SpinChains(n=3, central=False, g=0, omega0=0, loss=0.1, gain=0.3)
    ).full()
    start = chains.product_state(excitation=(0.3, 0.2))
    rho = qsp.steadystate(chains, state0=start)
    assert rho.dims == chains.hamiltonian().dims
    central = qutip.ket2dm(start).ptrace(0)
    np.testing.assert_allclose(rho.full(), np.kron(central.full(), alone), atol=1e-10)
    with pytest.raises(ValueError, match="dims"):
        qsp.steadystate(chains, state0=qutip.basis(3, 0))


def test_a_free_central_spin_has_no_unique_steady_state():
    with pytest.raises(ValueError, match="central=False"):
        qsp.steadystate(SpinChains(n=3, g=0, loss=0.1, gain=0.3))
    with pytest.raises(ValueError, match="jump operators"):
        qsp.steadystate(SpinChains(n=3))


def test_gaussian_limit_cycle_approaches_the_exact_one():
    errors = []
    for n in (8, 16, 24):
        pair = collective_van_der_pol_pair(n)
        exact = spin_moments(pair, qsp.steadystate(pair)).normal[0]
        cycle = qsp.limit_cycle(pair, [0.3 * n**0.5, 0.2 * n**0.5])
        assert cycle.exponents[0].real > -1e-8
        assert np.all(cycle.exponents[1:].real < -0.1)
        assert cycle.phase_diffusion > 0
        errors.append(abs(cycle.gram[0, 1] - exact[0, 1]) / abs(exact[0, 1]))
    assert errors[2] < errors[1] < errors[0]
    assert errors[2] < 0.06


def test_the_projected_lyapunov_equation():
    cycle = qsp.limit_cycle(
        qsp.van_der_pol_pair(loss=0.1, detuning=0.3, dissipative=1.0), [2, 1 + 1j]
    )
    M, D, P, C = cycle.jacobian, cycle.diffusion, cycle.projector, cycle.covariance
    scale = np.abs(M).max()
    assert np.abs(P @ P - P).max() < 1e-10
    assert np.abs(M @ C + C @ M.T + P @ D @ P.T).max() < 1e-8 * scale
    assert np.abs(P @ C @ P.T - C).max() < 1e-10
    # the direction of the phase in quadratures: q=√2 Re β
    v = np.sqrt(2) * (1j * cycle.amplitudes).view(float)
    assert np.abs(M @ v).max() < 1e-8
    # independent: integrate the covariance; its projection becomes steady while the phase variance
    # grows linearly
    from scipy.integrate import solve_ivp

    def rate(t, y):
        X = y.reshape(4, 4)
        return (M @ X + X @ M.T + D).ravel()

    y = solve_ivp(
        rate, (0, 60), 0.5 * np.eye(4).ravel(), rtol=1e-10, atol=1e-12, t_eval=[50, 60]
    ).y.T.reshape(2, 4, 4)
    assert np.abs(P @ y[1] @ P.T - C).max() < 1e-7
    w = np.linalg.svd(M.T)[2][-1]
    growth = (w @ (y[1] - y[0]) @ w) / (w @ v) ** 2 / 10
    assert abs(growth - cycle.phase_diffusion) < 1e-6 * cycle.phase_diffusion
    with pytest.raises(qsp.core.errors.SolverError, match="went to rest"):
        b1, b2 = qsp.modes(2)
        qsp.limit_cycle(qsp.System(b1.dag() * b1 + 0 * b2.dag() * b2, [b1, b2]), [1, 1])


def test_trajectories_agree_within_their_errors():
    chains = SpinChains(n=(3, 2), loss=0.5)
    state = chains.product_state("up", 0.5)
    t = np.linspace(0, 1, 3)
    exact = qsp.exactsolve(chains, state, t, options={"method": "sectors"})
    runs = qsp.exactsolve(chains, state, t, options={"method": "mcsolve", "ntraj": 200, "seed": 4})
    assert runs.stats["trajectories"] == 200
    assert np.abs(runs.spins - exact.spins).max() < 5 * runs.stats["standard error"]


def test_an_explicit_central_chain_with_loss():
    # sectors in the space of all spins; the charge is the number of spins up
    chains = SpinChains(n=(2, 1), central_chain=CentralChain(3, exchange=5.0), loss=0.2)
    state = chains.product_state(excitation=(0.5, 0.2), representation="spins")
    t = [0.0, 0.5, 1.0]
    a = qsp.exactsolve(chains, state, t, representation="spins", options={"method": "sectors"})
    b = qsp.exactsolve(
        chains,
        state,
        t,
        representation="spins",
        options={"method": "mesolve", "atol": 1e-12, "rtol": 1e-11},
    )
    assert np.abs(a.spins - b.spins).max() < 1e-9
    assert a.spins.shape == (3, 2, 3)  # the centre is no spin ½ here


def test_chains_that_leave_the_symmetric_states():
    chains = SpinChains(n=(3, 2), geometry="chain", exchange=0.9, local_loss=0.1)
    state = chains.product_state(excitation=(0.5, 0.3), representation="spins")
    result = qsp.exactsolve(
        chains, state, [0.0, 1.0], representation="spins", options={"method": "sectors"}
    )
    assert result.stats["modes"] == "J_j−/√N_j"
    whole = qutip.mesolve(
        chains.hamiltonian("spins"),
        state,
        [0.0, 1.0],
        chains.c_ops("spins"),
        e_ops=[chains.jz(1, "spins")],
        options={"atol": 1e-12, "rtol": 1e-10},
    )
    assert abs(result.jz[-1, 0] - whole.expect[0][-1]) < 1e-8


def test_results_are_saved_and_read_back(tmp_path):
    chains = SpinChains(n=(2, 2), loss=0.1)
    result = qsp.exactsolve(
        chains, chains.product_state(excitation=0.3), [0.0, 1.0], options={"method": "sectors"}
    )
    result.save(tmp_path / "run.npz")
    back = qsp.load(tmp_path / "run.npz")
    assert back.model == chains
    assert np.array_equal(back.spin_covariance, result.spin_covariance)
    assert np.array_equal(back.coherence, result.coherence)


def test_views_of_chains():
    chains = SpinChains(n=(3, 3), loss=0.1)
    t = np.linspace(0, 1, 4)
    state = chains.product_state(excitation=(0.4, 0.3), phase=(0, 0.5), representation="bosons")
    exact = qsp.exactsolve(chains, state, t, representation="bosons")
    view = qsp.synchronization(exact)
    assert view.n == 2
    # the measure of the view is that of the states
    assert abs(qsp.measures.log_negativity(view)[0, 0, 1]) < 1e-9
    z = qutip.expect(chains.boson(1, "bosons").dag() * chains.boson(2, "bosons"), exact.states[-1])
    n1, n2 = exact.normal[-1, 0, 0].real, exact.normal[-1, 1, 1].real
    assert abs(view.correlations[-1, 0, 1] - z / np.sqrt(n1 * n2)) < 1e-9
    mean = qsp.mfsolve(chains, chains.product_state(excitation=(0.4, 0.3), phase=(0, 0.5)), t)
    table = qsp.compare({"exact": exact, "mean field": mean})
    assert "not controlled" in " ".join(qsp.synchronization(mean).notes)
    assert len(str(table)) > 100


def test_bad_states():
    chains = SpinChains(n=(2, 2))
    with pytest.raises(ValueError, match="dims of the representation 'spins'"):
        qsp.exactsolve(chains, chains.product_state(representation="spins"), [0, 1])
    with pytest.raises(ValueError, match="dims of the representation 'collective'"):
        qsp.exactsolve(chains, chains.product_state(), [0, 1], representation="spins")
    with pytest.raises(TypeError, match="state0 must be a ket"):
        qsp.exactsolve(chains, [1, 0], [0, 1])
    with pytest.raises(ValueError, match="normalised"):
        qsp.exactsolve(chains, 2 * chains.product_state(), [0, 1])
    with pytest.raises(KeyError, match="unknown option"):
        qsp.exactsolve(chains, chains.product_state(), [0, 1], options={"methods": "sectors"})
    (b,) = qsp.modes(1)
    for operator, error in ((b, TypeError), (SpinChains(n=(3, 3)).jz(1), ValueError)):
        with pytest.raises(error, match=r"e_ops\[0\] must"):
            qsp.exactsolve(chains, chains.product_state(), [0, 1], e_ops=[operator])


@pytest.mark.slow
def test_forty_levels_of_two_oscillators():
    rho = qsp.steadystate(qsp.van_der_pol_pair(), cutoff=40)
    b = qutip.destroy(40)
    n = qutip.expect(qutip.tensor(b.dag() * b, qutip.qeye(40)), rho)
    z = qutip.expect(qutip.tensor(b.dag(), b), rho) / n
    assert abs(n - 0.793634248561) < 1e-11
    assert abs(abs(z) - 0.508760066158) < 1e-11
    assert abs(np.angle(z) - 0.285637852789) < 1e-11


@pytest.mark.parametrize("representation", ["collective", "spins"])
@pytest.mark.parametrize("unit", [1e-14, 1e-6, 1e9])
def test_any_unit_of_time_gives_the_same_run(representation, unit):
    def run(s):
        chains = SpinChains(
            n=(3, 2),
            g=(1.5 * s, 2.4 * s),
            omega0=s,
            omega=(s, 0.8 * s),
            loss=0.05 * s,
            gain=0.02 * s,
        )
        state = chains.product_state(excitation=(0.3, 0.3), representation=representation)
        times = np.linspace(0, 3, 4) / s
        return qsp.exactsolve(chains, state, times, representation=representation)

    here, there = run(1.0), run(unit)
    np.testing.assert_allclose(there.jz, here.jz, atol=1e-9)
    np.testing.assert_allclose(there.lowering, here.lowering, atol=1e-9)
