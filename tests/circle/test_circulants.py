"""Twisted states on circulant graphs; dense graphs and trees."""

import itertools

import networkx as nx
import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.circle import (
    Circle,
    circlesolve,
    circulant_density,
    circulant_spectrum,
    densest_circulant,
    sine,
    stability,
    twisted_state_stability,
)

RNG = np.random.default_rng(41)


@pytest.mark.parametrize(("n", "q"), [(7, 1), (12, 2), (13, 3)])
def test_spectrum_is_that_of_the_jacobian(n, q):
    w = RNG.uniform(0.1, 1, n // 2)
    a = np.zeros((n, n))
    for i, (j, weight) in itertools.product(range(n), enumerate(w, start=1)):
        a[i, (i + j) % n] = a[i, (i - j) % n] = weight
    x = 2 * np.pi * q * np.arange(n) / n
    slope = a * np.cos(x[:, None] - x)
    expected = np.linalg.eigvalsh(slope - np.diag(slope.sum(axis=1)))
    found = circulant_spectrum(n, w, q)
    everything = np.sort(np.concatenate([[0.0], found, found[: (n - 1) // 2]]))
    assert everything == pytest.approx(expected, abs=1e-12)


def test_rings():
    for k, n in ((6, 20), (7, 20), (3, 11)):
        ring = (np.arange(1, n // 2 + 1) <= k) * 1.0
        assert circulant_spectrum(n, ring, 1).max() == pytest.approx(
            twisted_state_stability(n, k, 1), abs=1e-12
        )


@pytest.mark.parametrize("n", [8, 11, 14])
def test_nothing_denser_exists(n):
    # all sets of offsets
    best = 0
    for offsets in itertools.product([0, 1], repeat=n // 2):
        if any(offsets) and circulant_spectrum(n, np.array(offsets, float), 1).max() < -1e-9:
            degree = sum(o * (1 if 2 * j == n else 2) for j, o in enumerate(offsets, start=1))
            best = max(best, degree)
    assert densest_circulant(n).degree == best


@pytest.mark.parametrize(("n", "winding"), [(22, 1), (25, 1), (119, 1), (100, 10)])
def test_a_dense_graph_that_does_not_synchronise(n, winding):
    state = densest_circulant(n, winding=winding)
    a, x = state.adjacency(), state.positions()
    assert set(np.diff(a.indptr)) == {state.degree} and a.data.max() == 1.0
    assert state.degree < 0.75 * (n - 1)  # above, the theorem forbids it
    model = Circle(sine(), "degree", adjacency=a)
    local = stability(model, x)
    assert local.stable and local.stationary and not local.synchronized
    # a run that starts nearby comes back
    run = circlesolve(model, x + 1e-3 * RNG.normal(size=n), [0.0, 3000.0])
    apart = run.positions[-1] - x
    assert np.ptp(apart) < 1e-3 and run.order_parameter[-1] < 1e-3


def test_records():
    assert densest_circulant(119).density > 0.67
    with pytest.raises(ValueError, match="winding must not be a multiple"):
        densest_circulant(10, winding=20)
    assert densest_circulant(4) is None


def test_predictions_of_graphs():
    tree = nx.random_labeled_tree(12, seed=1)
    x = RNG.uniform(0, 2 * np.pi, 12)
    model = Circle(sine(), adjacency=tree)
    said = {p.name: p for p in qsp.predictions(model, x)}
    assert "tree" in said
    run = circlesolve(model, x, [0.0, 400.0])
    assert said["tree"].check(run).passed is True
    ring = Circle(sine(), adjacency=nx.cycle_graph(12))
    assert "tree" not in {p.name for p in qsp.predictions(ring, x)}
    # every node misses two of eleven others: 9 ≥ 8.25
    dense = nx.complement(nx.cycle_graph(12))
    model = Circle(sine(), adjacency=dense)
    said = {p.name: p for p in qsp.predictions(model, x)}
    assert said["dense graph"].check(circlesolve(model, x, [0.0, 50.0])).passed is True
    weighted = nx.to_numpy_array(dense)
    weighted[0, 2] = weighted[2, 0] = 0.5
    names = {p.name for p in qsp.predictions(Circle(sine(), adjacency=weighted), x)}
    assert "dense graph" not in names
    sparse = Circle(sine(), adjacency=densest_circulant(22).adjacency())
    names = {p.name for p in qsp.predictions(sparse, RNG.uniform(0, 6, 22))}
    assert "dense graph" not in names and "tree" not in names


def test_how_dense_circulants_can_be():
    # the published bound .6838, and the limit of the ring
    best = {n: circulant_density(n) for n in range(3, 60)}
    assert max(best, key=best.get) == 19
    assert best[19] == pytest.approx(0.6838758, abs=1e-7)
    assert circulant_density(400) == pytest.approx(0.6809228, abs=2e-4)
    # at four positions nothing is stable to first order
    assert best[3] == best[4] == 0.0
    # no graph is denser, and some come near: 34 nodes at each of 16 positions
    for n, winding in ((96, 6), (130, 10), (544, 34)):
        state = densest_circulant(n, winding=winding)
        assert (state.degree + 1) / n <= best[n // winding]
        chosen = np.isin(np.arange(1, n // 2 + 1), state.offsets) * 1.0
        assert circulant_spectrum(n, chosen, winding).max() < 0
    assert state.degree == 371 and state.density > 0.681
    with pytest.raises(ValueError, match="positions"):
        circulant_density(2)
