"""Wigner–Lohe on graphs, with lags, frequencies and masses: the same numbers in every family."""

import copy
import pickle

import networkx
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug import Circle, SchrodingerLohe, circlesolve, sine, slsolve
from qsyncplug.core import Grid
from qsyncplug.waves.hamiltonian import GridHamiltonian
from qsyncplug.wigner import WignerLohe, wigner_transform, wlsolve

N = 4
GRID = Grid(64, 16.0)
TIMES = np.linspace(0, 4, 9)
RNG = np.random.default_rng(5)
OMEGA = RNG.normal(size=N)
START = RNG.uniform(0, 2 * np.pi, N)
DIRECTED = RNG.uniform(-0.5, 2.0, (N, N)) * (RNG.random((N, N)) < 0.6) * (1 - np.eye(N))
LAGS = RNG.uniform(-1, 1, (N, N))


def digraph():
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(N))
    for j, row in enumerate(DIRECTED):
        # source acts on j
        graph.add_weighted_edges_from((s, j, w) for s, w in enumerate(row) if w)
    return graph


def trap(x):
    return x**2 / 2


CASES = {
    "plain": {},
    "frequencies": {"frequencies": OMEGA},
    "lag": {"frequencies": OMEGA, "phase_lag": 0.7},
    "directed": {"adjacency": DIRECTED, "frequencies": OMEGA},
    "networkx": {"adjacency": digraph(), "frequencies": OMEGA, "phase_lag": -0.4},
}


@pytest.mark.parametrize("case", CASES)
def test_the_circle(case):
    """Kets along one ray are phases: ψ_j∝e^{−ix_j}."""
    numbers = CASES[case]
    kets = np.exp(-1j * START)[:, None] * GRID.gaussian(0.4, 0.2)
    waves = wlsolve(WignerLohe(GRID, trap, 1.3, **numbers), kets, TIMES)
    particles = circlesolve(
        Circle(sine(), normalization="mean", coupling=1.3, **numbers),
        START,
        TIMES,
        options={"store_positions": True, "rtol": 1e-13, "atol": 1e-13},
    )
    x = particles.positions
    exact = np.exp(1j * (x[:, :, None] - x[:, None, :]))
    assert np.ptp(x[-1] - x[0]) > 0.1
    assert_allclose(waves.correlations, exact, atol=1e-9)
    views = [qsp.synchronization(run) for run in (waves, particles)]
    assert_allclose(views[0].correlations, exact, atol=1e-9)
    order = [qsp.measures.order_parameter(view) for view in views]
    assert_allclose(order[0], order[1], atol=1e-9)


def kets(n, rng, masses=None):
    psi = np.array([GRID.gaussian(*rng.uniform(-0.8, 0.8, 2)) for _ in range(n)])
    psi = np.exp(1j * rng.normal(size=n))[:, None] * psi
    return psi if masses is None else np.sqrt(masses)[:, None] * psi


@pytest.mark.parametrize("case", [*CASES, "lags", "different"])
@pytest.mark.parametrize("masses", [None, np.array([0.5, 1.0, 2.0, 3.0])])
def test_schrodinger_lohe(case, masses):
    """.gram and .correlations of both, masses and all."""
    numbers = dict(CASES.get(case, {"adjacency": DIRECTED, "phase_lag": LAGS}))
    psi = kets(N, np.random.default_rng(1), masses)
    potentials, options = trap, {}
    times = TIMES
    if case == "different":
        potentials = [lambda x, a=a: x**2 / 2 + a * np.cos(x) for a in np.linspace(0, 0.6, N)]
        options, times = {"method": "kl8", "step": 0.04}, TIMES[:4]
    model = WignerLohe(GRID, potentials, 1.2, **numbers)
    run = wlsolve(model, psi, times, options=options)
    hamiltonians = (
        [GridHamiltonian(GRID, v) for v in potentials]
        if case == "different"
        else GridHamiltonian(GRID, trap)
    )
    reference = slsolve(
        SchrodingerLohe(hamiltonians, coupling=1.2, **numbers),
        psi,
        times,
        options={**options, "store_states": True},
    )
    assert_allclose(run.gram, reference.gram, atol=1e-9)
    assert_allclose(run.correlations, reference.correlations, atol=1e-9)
    assert_allclose(run.masses, reference.masses, atol=1e-9)
    assert_allclose(run.order_parameter, reference.order_parameter, atol=1e-9)
    assert run.n == reference.n == N
    view, other = qsp.synchronization(run), qsp.synchronization(reference)
    assert_allclose(view.correlations, other.correlations, atol=1e-9)
    order = [qsp.measures.order_parameter(x) for x in (view, other)]
    assert_allclose(order[0], order[1], atol=1e-9)
    assert_allclose(view.mean, other.mean, atol=1e-7)


def equation(z0, times, kappa, omega, C):
    """ż straight from the model."""
    n = len(z0)

    def rhs(t, y):
        z = y.reshape(n, n)
        r, c = np.einsum("ik,ik->i", z, C.conj()), np.einsum("jk,kj->j", C, z)
        m = np.diag(z)
        pull = C @ z + z @ C.conj().T - ((r / m)[:, None] + (c / m)[None, :]) * z
        return (kappa / 2 * pull - 1j * (omega[:, None] - omega[None, :]) * z).ravel()

    return solve_ivp(
        rhs,
        (times[0], times[-1]),
        np.array(z0, complex).ravel(),
        method="DOP853",
        rtol=1e-13,
        atol=1e-14,
        t_eval=times,
    ).y.T.reshape(-1, n, n)


@pytest.mark.parametrize("method", ["reduction", "direct"])
def test_data_of_no_states_on_a_graph(method):
    """Blocks that are neither Hermitian nor positive, against the equation of z."""
    rng = np.random.default_rng(8)
    n, grid = 3, Grid(40, 14.0)
    z = np.eye(n) + 0.2 * (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
    adjacency = np.array([[0, 1.5, 0], [0.3, 0, -0.4], [1.0, 0.2, 0]])
    model = WignerLohe(grid, trap, 0.8, adjacency=adjacency, phase_lag=0.3)
    run = wlsolve(
        model,
        np.einsum("ij,xp->ijxp", z, wigner_transform(grid.gaussian(), grid=grid)),
        [0.0, 0.5, 1.5],
        options={"allow_unphysical": True, "allow_non_hermitian": True, "method": method},
    )
    C = (adjacency * np.exp(0.3j) + np.eye(n)) / n
    exact = equation(z, np.array([0.0, 0.5, 1.5]), 0.8, np.zeros(n), C)
    assert_allclose(run.integrals(), exact, atol=1e-10)
    assert_allclose(run.gram, exact.swapaxes(1, 2), atol=1e-10)


def test_one_edge_moves_its_head():
    """0→1: oscillator 1 follows, oscillator 0 does not notice."""
    model = WignerLohe(GRID, trap, 1.0, adjacency=networkx.DiGraph([(0, 1)]))
    psi = [GRID.gaussian(0.5), np.exp(1j) * GRID.gaussian(-0.3)]
    run = wlsolve(model, psi, [0.0, 2.0, 60.0])
    alone = wlsolve(WignerLohe(GRID, trap, 0.0), psi, [0.0, 2.0, 60.0])
    assert_allclose(run.psi(1)[0], alone.psi(1)[0], atol=1e-12)
    assert abs(run.correlations[-1, 0, 1] - 1) < 1e-12
    assert not np.allclose(run.psi(1)[1], alone.psi(1)[1], atol=1e-2)


def test_the_complete_graph_is_the_mean():
    psi = kets(N, np.random.default_rng(2))
    plain = wlsolve(WignerLohe(GRID, trap), psi, TIMES)
    complete = wlsolve(WignerLohe(GRID, trap, adjacency=1 - np.eye(N)), psi, TIMES)
    assert_allclose(complete.correlations, plain.correlations, atol=1e-12)


def test_predictions_of_graphs_are_about_locked_states():
    found = qsp.predictions(
        WignerLohe(GRID, trap, adjacency=DIRECTED), kets(N, np.random.default_rng(0))
    )
    assert found.names == ("locked state",) and "graph" in found.notes[0]


def test_storage_copies_and_pickles(tmp_path):
    model = WignerLohe(GRID, trap, 1.2, frequencies=OMEGA, adjacency=DIRECTED, phase_lag=LAGS)
    psi = kets(N, np.random.default_rng(3))
    run = wlsolve(model, psi, TIMES)
    run.save(tmp_path / "run.npz")
    for again in (
        pickle.loads(pickle.dumps(run)),
        copy.copy(run),
        copy.deepcopy(run),
        qsp.load(tmp_path / "run.npz"),
    ):
        assert_allclose(again.gram, run.gram, atol=0)
        assert_allclose(again.wigner(0, 1), run.wigner(0, 1), atol=1e-13)
        assert_allclose(wlsolve(again.model, psi, TIMES).gram, run.gram, atol=1e-12)


@pytest.mark.parametrize(
    ("numbers", "error", "text"),
    [
        ({"adjacency": [[0, 1], [1, 0.5]]}, ValueError, "self-loops"),
        ({"adjacency": [[0, 1]]}, ValueError, "square"),
        ({"adjacency": np.ma.masked_array([[0, 1.0], [1, 0]])}, TypeError, "masked"),
        ({"frequencies": [1.0, np.inf]}, ValueError, "frequencies"),
        ({"frequencies": [1.0, 2.0], "adjacency": np.zeros((3, 3))}, ValueError, "agree"),
        ({"phase_lag": np.nan}, ValueError, "phase_lag"),
    ],
)
def test_bad_numbers(numbers, error, text):
    with pytest.raises(error, match=text):
        WignerLohe(GRID, trap, **numbers)


def test_wrong_model():
    for function in (wlsolve,):
        with pytest.raises(TypeError, match="model must be a WignerLohe, not Circle"):
            function(Circle(sine()), [GRID.gaussian()], [0, 1])
