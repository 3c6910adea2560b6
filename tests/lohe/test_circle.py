"""Schrödinger–Lohe of one level, ψ=e^{−iθ}, is the circle: the same numbers in both."""

import networkx
import numpy as np
import pytest
import qutip
from numpy.testing import assert_allclose

from qsyncplug import Circle, SchrodingerLohe, circlesolve, sine, slsolve

N = 5
ONE = qutip.Qobj([[0.0]])
TIMES = np.linspace(0, 4, 9)
RNG = np.random.default_rng(11)
OMEGA = RNG.normal(size=N)
START = RNG.uniform(0, 2 * np.pi, N)
WEIGHTS = RNG.uniform(0.4, 2.0, N)
DIRECTED = RNG.uniform(-0.5, 2.0, (N, N)) * (RNG.random((N, N)) < 0.6) * (1 - np.eye(N))


def digraph():
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(N))
    for j, row in enumerate(DIRECTED):
        for source, weight in enumerate(row):
            if weight:
                # source acts on j
                graph.add_edge(source, j, weight=weight)
    return graph


CASES = {
    "plain": ({}, {}),
    "frequencies": (dict(frequencies=OMEGA), dict(frequencies=OMEGA)),
    "lag": (dict(frequencies=OMEGA, phase_lag=0.7), dict(frequencies=OMEGA, phase_lag=0.7)),
    "negative lag": (dict(phase_lag=-1.2), dict(phase_lag=-1.2)),
    "directed": (
        dict(adjacency=DIRECTED, frequencies=OMEGA),
        dict(adjacency=DIRECTED, frequencies=OMEGA),
    ),
    "networkx, lag": (
        dict(adjacency=digraph(), frequencies=OMEGA, phase_lag=0.4),
        dict(adjacency=digraph(), frequencies=OMEGA, phase_lag=0.4),
    ),
    # a weight is how strongly a particle acts: a column
    "weights": (
        dict(adjacency=(1 - np.eye(N)) * WEIGHTS * N / WEIGHTS.sum(), frequencies=OMEGA),
        dict(weights=WEIGHTS, frequencies=OMEGA),
    ),
    "weights, directed, lag": (
        dict(adjacency=DIRECTED * WEIGHTS * N / WEIGHTS.sum(), frequencies=OMEGA, phase_lag=0.3),
        dict(adjacency=DIRECTED, weights=WEIGHTS, frequencies=OMEGA, phase_lag=0.3),
    ),
}


def both(lohe, circle, k=1.3):
    waves = slsolve(SchrodingerLohe(ONE, k, **lohe), np.exp(-1j * START)[:, None], TIMES)
    options = {"store_positions": True, "rtol": 1e-13, "atol": 1e-13}
    particles = circlesolve(
        Circle(sine(), normalization="mean", coupling=k, **circle), START, TIMES, options=options
    )
    states = np.array([[ket.full()[0, 0] for ket in waves.states[k]] for k in range(len(TIMES))])
    return waves, states, particles


@pytest.mark.parametrize("case", CASES)
def test_states_are_the_particles(case):
    waves, states, particles = both(*CASES[case])
    x = particles.positions
    assert_allclose(states, np.exp(-1j * x), atol=1e-10)
    # z_jk = ⟨φ_j,φ_k⟩ = e^{i(x_j−x_k)}
    assert_allclose(waves.correlations, np.exp(1j * (x[:, :, None] - x[:, None, :])), atol=1e-10)
    assert np.ptp(x[-1] - x[0]) > 0.1


def test_a_frequency_advances_the_phase():
    waves = slsolve(SchrodingerLohe(ONE, 0.0, frequencies=OMEGA), np.ones((N, 1)), [0.0, 0.2])
    phases = [-np.angle(ket.full()[0, 0]) for ket in waves.states[1]]
    assert_allclose(phases, 0.2 * OMEGA, atol=1e-12)


def test_one_edge_moves_its_head():
    """0→1: oscillator 1 follows, oscillator 0 does not notice."""
    edge = networkx.DiGraph([(0, 1)])
    waves = slsolve(
        SchrodingerLohe(ONE, 1.0, adjacency=edge), np.exp(-1j * np.array([[0.0], [1.0]])), [0, 60.0]
    )
    last = [-np.angle(ket.full()[0, 0]) for ket in waves.states[1]]
    assert_allclose(last, [0.0, 0.0], atol=1e-10)
    assert abs(last[0]) < 1e-14
