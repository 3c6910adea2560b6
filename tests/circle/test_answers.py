"""Answers that were wrong once: each with its right value, and the rest of its kind."""

import multiprocessing
import time

import mpmath
import networkx as nx
import numpy as np
import pytest
import scipy.sparse
from qsyncplug._ext.circlegraph import GraphField
from qsyncplug._ext.clusters import leaf_order, roots

import qsyncplug as qsp
from qsyncplug.circle import (
    Circle,
    attention,
    certify_attention,
    circlesolve,
    coalesce,
    critical_coupling,
    energy,
    find_stable_states,
    linear_growth,
    local_order_parameters,
    locked_state,
    sine,
    stability,
    three_cluster_bound,
    three_cluster_range,
    three_cluster_sizes,
    three_cluster_states,
    three_cluster_threshold,
    three_cluster_weights,
    velocity,
)
from qsyncplug.core.errors import StorageError


class TestEigenvaluesOfTheNormalisedSystem:
    def test_three_clusters(self):
        state = three_cluster_states(attention(-2.0), (3, 2, 2))[0]
        found = stability(Circle(attention(-2.0), "attention"), state.positions)
        assert found.stable and abs(found.eigenvalues[0]) < 1e-12
        assert found.eigenvalues[1] == pytest.approx(-0.7155692787877, rel=1e-11)
        assert found.eigenvalues[-1] == pytest.approx(-1.8538, abs=1e-4)

    @pytest.mark.parametrize("beta", [-0.7, -2.0, -20.0, 3.0])
    def test_those_of_the_jacobian(self, beta):
        # weights and divisors differ from particle to particle; independent: a nonsymmetric
        # eigenvalue solver
        x = np.repeat([0.0, 2 * np.pi / 3, 4 * np.pi / 3], [2, 2, 2])
        for model in (
            Circle(attention(beta), "attention"),
            Circle(attention(beta), "attention", weights=[1.0, 2.0, 2.0, 1.0, 1.5, 1.5]),
        ):
            found = stability(model, x)
            assert found.stationary
            values = np.sort(np.linalg.eigvals(found.jacobian).real)[::-1]
            assert found.eigenvalues == pytest.approx(values, abs=1e-9 * np.max(np.abs(values)))

    def test_two_clusters_of_different_size(self):
        # the exponents of the rows differ by 2·β, beyond what a double holds
        x = np.repeat([0.0, np.pi], [5, 2])
        found = stability(Circle(attention(-500.0), "attention"), x)
        assert np.all(np.isfinite(found.eigenvalues))


class TestPredictions:
    def test_not_yet_together(self):
        model = Circle(attention(5.0), "attention")
        x = np.linspace(0.0, 2.95, 30)
        run = circlesolve(model, x, [0.0, 1e-3])
        outcome = qsp.predictions(model, x)["global synchronisation"].check(run)
        assert outcome.passed is None and "not met yet" in outcome.found
        run = circlesolve(model, x, [0.0, 1e3])
        assert qsp.predictions(model, x)["global synchronisation"].check(run).passed is True

    @pytest.mark.parametrize(
        "x", [(0.0, np.pi), (np.pi, 0.0), (0.0, -np.pi), (2.0, 2.0 + 3 * np.pi)]
    )
    @pytest.mark.parametrize("coupling", [1.0, -1.0])
    def test_antipodal_particles_raise_no_alarm(self, x, coupling):
        model = Circle(sine(), coupling=coupling)
        for end in (1.0, 40.0):
            run = circlesolve(model, x, [0.0, 0.5 * end, end])
            for outcome in qsp.predictions(model, x).check(run):
                assert outcome.passed is not False, str(outcome)

    def test_a_wrong_run_is_seen(self):
        # half of the coupling: the closed form is not met
        run = circlesolve(Circle(sine(), coupling=0.5), [0.0, 2.0], [0.0, 1.0])
        assert (
            qsp.predictions(Circle(sine()), [0.0, 2.0])["two particles"].check(run).passed is False
        )

    def test_a_rooted_chain_meets(self):
        chain = nx.DiGraph([(0, 1), (1, 2), (2, 3)])
        model = Circle(sine(), adjacency=chain)
        x = [0.0, 0.5, 1.0, 2.9]
        known = qsp.predictions(model, x)
        assert known.half_circle.rate == pytest.approx(1.0, abs=1e-4)
        run = circlesolve(model, x, np.linspace(0, 40, 41))
        assert known.half_circle.check(run).passed is True
        # everybody goes where the root stands
        assert run.positions[-1] == pytest.approx(np.zeros(4), abs=1e-9)
        # two roots: each keeps its place
        two = Circle(sine(), adjacency=nx.DiGraph([(0, 1), (2, 1)]))
        assert "half circle" not in qsp.predictions(two, [0.0, 0.5, 1.0]).names

    @pytest.mark.parametrize(("beta", "n"), [(-2.0, 7), (-2.3, 4), (-1.0, 20), (-0.7, 6)])
    def test_three_clusters_for_any_number(self, beta, n):
        known = qsp.predictions(Circle(attention(beta)), np.arange(n) * 1.0)["three clusters"]
        n0, n1, _ = known.limits["sizes"]
        a = known.limits["angle"]
        x = np.repeat([0.0, a, -a], [n0, n1, n1])
        for normalization in ("sum", "attention"):
            state = stability(Circle(attention(beta), normalization), x)
            assert state.stationary and state.stable

    def test_no_three_clusters(self):
        assert (
            "three clusters" not in qsp.predictions(Circle(attention(-0.7)), np.arange(7.0)).names
        )


def _threshold(larger, smaller, sign):
    """−B where the ratio of two numbers enters (r₋, r₊), by bisection in many digits."""

    def excess(b):
        x = (
            (mpmath.sqrt(1 + 16 / b) - 1) / 8
            if sign > 0
            else 2 * b / (1 + mpmath.sqrt(1 + 4 * b**2))
        )
        edge = mpmath.log(2 * x) + b * (1 - 2 * x) * (1 + x)
        return sign * (edge - mpmath.log(larger / smaller))

    low, high = mpmath.mpf(2) / 3, mpmath.mpf(4)
    for _ in range(180):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return -high


class TestTriangles:
    @pytest.mark.parametrize(
        ("beta", "low", "high", "least"),
        [
            (-1.0, 0.843638953815306, 1.05901521818542, (17, 6, 12)),
            (-0.7, 0.997822214672401, 1.0007271113636, (1376, 459, 918)),
        ],
    )
    def test_range_and_least_sizes(self, beta, low, high, least):
        r = three_cluster_range(beta)
        assert (r.low, r.high) == pytest.approx((low, high), rel=1e-13)
        for m, (a, b), kind in zip(least, ((1, 0), (0, 1), (-1, 1)), ("+", "=", "-"), strict=True):
            assert r.holds((m + a) / (m + b)), kind
            assert not r.holds((m - 1 + a) / (m - 1 + b)), kind

    @pytest.mark.parametrize(
        ("n", "beta", "sizes"),
        [
            (4, -2.212427964370258, (2, 1, 1)),
            (7, -1.716912442388348, (1, 3, 3)),
            (10, -1.442904602030254, (2, 4, 4)),
        ],
    )
    def test_largest_beta(self, n, beta, sizes):
        assert three_cluster_threshold(n) == pytest.approx(beta, rel=1e-14)
        for certified in (False, True):
            assert three_cluster_sizes(beta - 1e-9, n, certified=certified) == (sizes,)
            assert three_cluster_sizes(beta + 1e-9, n, certified=certified) == ()

    @pytest.mark.parametrize("n", [10**6 + 1, 10**12, 10**12 + 1, 10**15 + 1, 10**31])
    def test_largest_beta_of_many(self, n):
        # 1/n is of the order of (β+2/3)², which doubles lose from n = 1e12 on
        with mpmath.workdps(60):
            m = mpmath.mpf(n // 3)
            expected = _threshold(m + 1, m, 1) if n % 3 == 1 else _threshold(m, m + 1, -1)
            if n % 3 == 1:
                expected = max(expected, _threshold(m - 1, m + 1, -1))
        assert three_cluster_threshold(n) == pytest.approx(float(expected), rel=3e-16)

    @pytest.mark.parametrize("beta", [-1.0, -0.8, -3.0])
    def test_bound_is_sharp(self, beta):
        bound = three_cluster_bound(beta)
        assert all(three_cluster_sizes(beta, n) for n in range(bound, bound + 60))
        assert bound == 3 or not three_cluster_sizes(beta, bound - 1)

    @pytest.mark.parametrize(("beta", "n"), [(-1.2, 8), (-2.0, 10), (-0.9, 24)])
    def test_a_search_finds_the_same(self, beta, n):
        # independent: the spectra of all states that Newton's method finds
        expected = set(three_cluster_sizes(beta, n))
        found = {
            s
            for m in range(1, (n - 1) // 2 + 1)
            for s in [(n - 2 * m, m, m)]
            if three_cluster_states(attention(beta), s)
            and three_cluster_states(attention(beta), s)[0].stable
        }
        assert found == expected

    def test_weights_from_distances(self):
        rng = np.random.default_rng(3)
        for _ in range(20):
            d = rng.dirichlet(np.ones(3)) * 2 * np.pi
            w = three_cluster_weights(attention(-1.5), d)
            x = np.array([0.0, d[2], d[2] + d[0]])
            force = attention(-1.5).f(x[:, None] - x[None, :]) @ w
            assert np.max(np.abs(force)) < 1e-13 * np.max(np.abs(w))

    def test_bad_input(self):
        with pytest.raises(ValueError, match="beta must be below -2/3"):
            three_cluster_range(-2 / 3)
        with pytest.raises(ValueError, match="gaps must be positive"):
            three_cluster_weights(sine(), [1.0, 2.0, 3.0])


def test_a_partial_certificate_is_not_a_yes():
    part = certify_attention(-0.27, 0)
    assert not part and part.status == "part" and part.intervals
    assert certify_attention(-0.2, 0) and certify_attention(-0.2, 0).status == "proved"
    assert certify_attention(-0.9, -0.8).status == "open"


MASKED = np.ma.masked_array([-0.5, 0.5, 100.0], mask=[False, False, True])


@pytest.mark.parametrize(
    "call",
    [
        lambda: critical_coupling(MASKED),
        lambda: critical_coupling([-0.5, 0.5, 1.0], weights=MASKED + 200),
        lambda: locked_state(MASKED, 200.0),
        lambda: qsp.fourier(MASKED),
        lambda: three_cluster_states(sine(), MASKED + 200),
        lambda: Circle(sine(), frequencies=MASKED),
        lambda: velocity(Circle(sine()), MASKED),
        lambda: circlesolve(Circle(sine()), MASKED, [0.0, 1.0]),
    ],
)
def test_masked_arrays_are_refused(call):
    with pytest.raises(TypeError, match="masked"):
        call()


class TestIndices:
    @pytest.mark.parametrize("indices", [[7, 900], [-1, 0], [0, 2]])
    def test_of_a_sparse_adjacency(self, indices):
        a = scipy.sparse.csr_array(([1.0, 1.0], [0, 1], [0, 1, 2]), shape=(2, 2))
        a.indices[:] = indices
        with pytest.raises(ValueError, match="adjacency has indices"):
            Circle(sine(), adjacency=a)
        b = scipy.sparse.coo_array(([1.0, 1.0], ([0, 1], [1, 0])), shape=(2, 2))
        b.coords[1][:] = indices
        with pytest.raises(ValueError, match="adjacency has indices"):
            Circle(sine(), adjacency=b)

    def test_of_the_kernel(self):
        kw = {"size": 2, "kind": 0, "beta": 0.0, "b": [1.0], "method": "split-csr"}
        good = {"data": [1.0, 1.0], "columns": [0, 1], "starts": [0, 1, 2]}
        GraphField(**kw, **good)
        for bad in (
            {"columns": [7, 900]},
            {"columns": [-1, 0]},
            {"starts": [0, 1, 900]},
            {"starts": [0, 3, 2]},
            {"starts": [1, 1, 2]},
            {"columns": [0]},
        ):
            with pytest.raises(ValueError, match="must"):
                GraphField(**kw, **{**good, **bad})

    def test_of_a_merge_tree(self):
        left, right = np.array([0, 2]), np.array([1, 900])
        with pytest.raises(ValueError, match="merge 1 must join"):
            roots(left, right, 2, 3)
        with pytest.raises(ValueError, match="merge 1 must join"):
            leaf_order(left, right, np.array([2, 3]), 3)

    def test_of_a_loaded_merge_tree(self):
        run = coalesce(Circle(sine()), [0.0, 1.0, 1.5])
        header, arrays = run._to_store()
        type(run)._from_store(header, arrays)
        for name, value in (
            ("left", [0, 900]),
            ("right", [1, -3]),
            ("sizes", [2, 7]),
            ("left", [0]),
        ):
            with pytest.raises(StorageError):
                type(run)._from_store(header, {**arrays, name: np.array(value)})
        with pytest.raises(StorageError, match="lacks"):
            type(run)._from_store(header, {k: v for k, v in arrays.items() if k != "left"})


@pytest.mark.parametrize(
    "call",
    [
        lambda m: velocity(m, [0.0]),
        lambda m: stability(m, [0.0]),
        lambda m: energy(m, [0.0]),
        lambda m: circlesolve(m, [0.0], [0.0, 1.0]),
        lambda m: coalesce(m, [0.0]),
        lambda m: find_stable_states(m, 3),
        lambda m: linear_growth(m),
        lambda m: local_order_parameters(m, [0.0]),
        lambda m: qsp.basin_of_synchronization(m, 3),
    ],
)
def test_wrong_model(call):
    with pytest.raises(TypeError, match="model must be a Circle, not object"):
        call(object())


def _threads(queue=None):
    x = np.linspace(0, 6, 20_000)
    options = {"num_threads": 2, "kernel": "horner"}
    run = circlesolve(Circle(sine(), "mean"), x, [0.0, 0.5], options=options)
    if queue is not None:
        queue.put(run.positions[-1, ::100])  # less than the pipe holds


def test_threads_and_a_forked_child():
    # the threads of the parent do not exist in the child, which must not wait for them
    _threads()
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_threads, args=(queue,))
    child.start()
    end = time.monotonic() + 60
    while queue.empty() and time.monotonic() < end and child.is_alive():
        time.sleep(0.05)
    stuck = queue.empty()
    if stuck:
        child.kill()
        child.join()
    assert not stuck
    found = queue.get()
    child.join(30)
    expected = circlesolve(
        Circle(sine(), "mean"), np.linspace(0, 6, 20_000), [0.0, 0.5], options={"kernel": "horner"}
    )
    assert np.array_equal(found, expected.positions[-1, ::100])


def test_times_far_from_zero():
    # the same motion, whatever the clock shows
    model = Circle(sine(), "mean", coupling=2.0, frequencies=[0.1, -0.2, 0.4])
    x = [0.0, 1.0, 2.0]
    near = circlesolve(model, x, [0.0, 0.5, 1.0]).positions
    far = circlesolve(model, x, [1e15, 1e15 + 0.5, 1e15 + 1]).positions
    assert np.array_equal(near, far)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_any_unit_of_time(unit):
    model = Circle(sine(), "mean", coupling=2.0, frequencies=[0.1, -0.2, 0.4])
    scaled = Circle(
        sine(), "mean", coupling=2.0 / unit, frequencies=np.array([0.1, -0.2, 0.4]) / unit
    )
    x = [0.0, 1.0, 2.0]
    one = circlesolve(model, x, [0.0, 1.0]).positions[-1]
    other = circlesolve(scaled, x, [0.0, unit]).positions[-1]
    assert other == pytest.approx(one, abs=1e-10)


def test_a_common_frequency_costs_no_digits():
    x, omega = np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.1, -0.2, 0.4, -0.3])
    runs = [
        circlesolve(
            Circle(sine(), "mean", coupling=2.0, frequencies=omega + w),
            x,
            [0.0, 500.0, 1000.0],
            options={"daido": 2, "atol": 1e-14},
        )
        for w in (0.0, 1e3)
    ]
    apart = [run.positions - run.positions[:, :1] for run in runs]
    assert apart[1] == pytest.approx(apart[0], abs=3e-10)
    assert runs[1].positions == pytest.approx(
        runs[0].positions + 1e3 * runs[0].times[:, None], rel=1e-14
    )
    # order parameters turn with it, and user functions see the laboratory
    turned = np.exp(1j * np.outer(runs[0].times, [1e3, 2e3]))
    assert runs[1].daido == pytest.approx(runs[0].daido * turned, abs=1e-9)
    seen = circlesolve(
        Circle(sine(), frequencies=5.0), [0.0, 0.1], [0.0, 2.0], e_ops=[lambda t, x: x[0]]
    )
    assert seen.e_data[0][-1] == pytest.approx(seen.positions[-1, 0], abs=1e-12)
    assert seen.positions[-1].mean() == pytest.approx(10.05, abs=1e-9)


def test_the_bound_of_sizes_says_how_near_it_goes():
    """C_β ≈ 2.96/(β+2/3)²: what is told as the nearest β is taken, what is nearer is refused."""
    near, nearer = three_cluster_bound(-0.66671), three_cluster_bound(-0.667)
    assert near * (0.66671 - 2 / 3) ** 2 == pytest.approx(nearer * (0.667 - 2 / 3) ** 2, rel=2e-3)
    with pytest.raises(ValueError, match="at most"):
        three_cluster_bound(-0.6667)
