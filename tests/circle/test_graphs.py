"""Locked and twisted states on graphs."""

import networkx as nx
import numpy as np
import pytest

from qsyncplug.circle import (
    Circle,
    circlesolve,
    critical_coupling,
    locked_state,
    locking_bound,
    sine,
    stability,
    twisted_state_stability,
)


def test_complete_graphs():
    w = [1.0, 0.3, -0.4, -0.9]
    ones = np.ones((4, 4)) - np.eye(4)
    assert locking_bound(ones, w) == pytest.approx(0.475, rel=1e-13)
    assert critical_coupling(w, adjacency=ones) == pytest.approx(0.3805017544, abs=1e-10)
    # the mean-field formula of Verwoerd and Mason
    for omega in ([-1.0, 0.0, 1.0], np.arange(-2.0, 3.0)):
        n = len(omega)
        expected = critical_coupling(omega)
        assert critical_coupling(omega, adjacency=np.ones((n, n)) / n) == pytest.approx(
            expected, rel=1e-12
        )
    assert critical_coupling([-1.0, 0.0, 1.0]) == pytest.approx(1.704378315997021, rel=1e-13)


def test_petersen_graph():
    w = np.cos(1.7 * np.arange(10))
    graph = nx.petersen_graph()
    assert locking_bound(graph, w) == pytest.approx(0.666815791089, abs=1e-12)
    assert critical_coupling(w, adjacency=graph) == pytest.approx(0.5509413264, abs=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_trees(seed):
    graph = nx.random_labeled_tree(9, seed=seed)
    w = np.random.default_rng(seed).normal(size=9)
    bound = locking_bound(graph, w)
    assert critical_coupling(w, adjacency=graph) == pytest.approx(bound, rel=1e-12)
    # just above a run locks, just below it drifts
    for factor, locks in ((1.02, True), (0.9, False)):
        model = Circle(sine(), adjacency=graph, frequencies=w, coupling=factor * bound)
        run = circlesolve(model, np.zeros(9), [0.0, 400.0, 440.0], options={"rtol": 1e-8})
        speeds = (run.positions[2] - run.positions[1]) / 40
        assert (np.ptp(speeds) < 1e-3) == locks


@pytest.mark.parametrize("lag", [0.0, 0.4, -0.3])
def test_locked_state_is_one_of_the_model(lag):
    graph = nx.connected_watts_strogatz_graph(8, 4, 0.3, seed=2)
    w = np.random.default_rng(1).normal(size=8)
    k = 1.5 * critical_coupling(w, adjacency=graph, phase_lag=lag)
    state = locked_state(w, k, adjacency=graph, phase_lag=lag)
    model = Circle(sine(), adjacency=graph, frequencies=w, coupling=k, phase_lag=lag)
    found = stability(model, state.positions)
    assert found.locked and found.stable
    assert found.velocity == pytest.approx(np.full(8, state.frequency), abs=1e-10)
    with pytest.raises(ValueError, match="coupling must be at least"):
        locked_state(w, k / 2, adjacency=graph, phase_lag=lag)


def test_lag_between_all():
    w = np.array([0.3, -0.1, 0.5, 0.0])
    state = locked_state(w, 2.0, phase_lag=0.3)
    model = Circle(sine(), "mean", coupling=2.0, frequencies=w, phase_lag=0.3)
    found = stability(model, state.positions)
    assert found.locked and found.stable
    assert found.velocity == pytest.approx(np.full(4, state.frequency), abs=1e-10)


@pytest.mark.parametrize(("k", "expected"), [(6, -0.5047345203), (7, 1.36181898991)])
def test_twisted_states(k, expected):
    assert twisted_state_stability(20, k, 1) == pytest.approx(expected, abs=1e-10)
    # independent: the Jacobian of the model
    graph = nx.circulant_graph(20, range(1, k + 1))
    found = stability(Circle(sine(), adjacency=graph), 2 * np.pi * np.arange(20) / 20)
    values = np.delete(found.eigenvalues, np.argmin(np.abs(found.eigenvalues)))
    assert values[0] == pytest.approx(expected, abs=1e-9)


def test_bad_input():
    with pytest.raises(ValueError, match="adjacency must be connected"):
        locking_bound(np.zeros((3, 3)), [0.0, 1.0, -1.0])
    with pytest.raises(ValueError, match="adjacency must be symmetric"):
        locking_bound([[0, 1], [0, 0]], [0.0, 1.0])
    with pytest.raises(ValueError, match="weights"):
        critical_coupling([0.0, 1.0], weights=[1.0, 1.0], adjacency=np.ones((2, 2)))
