"""Rest and slow motion told apart, whatever the size of the forces, and what the attention's
quotient hides.
"""

import mpmath as mp
import networkx as nx
import numpy as np
import pytest
import scipy.integrate
import scipy.sparse
import scipy.stats

import qsyncplug as qsp
from qsyncplug.circle import (
    Circle,
    attention,
    basin_of_synchronization,
    certify_attention,
    circlesolve,
    coalesce,
    critical_coupling,
    find_stable_states,
    locked_state,
    sine,
    stability,
    stationary_order_parameter,
    three_cluster_states,
    velocity,
)
from qsyncplug.core.errors import ApproximationWarning

PAIR = np.array([[0.0, 1.0], [1.0, 0.0]])


def net_over_gross(beta, x, m):
    """Largest |Σ F|/Σ|F| of clusters, with 60 digits after polishing the given angles by Newton's
    method there.
    """
    with mp.workdps(60):
        force = lambda t: mp.sin(t) * mp.exp(beta * mp.cos(t))  # noqa: E731

        def forces(*y):
            z = [mp.mpf(0), *y]
            return [
                mp.fsum(m[j] * force(z[i] - z[j]) for j in range(len(z)) if j != i)
                for i in range(1, len(z))
            ]

        scale = max(abs(force(mp.mpf(float(a - b)))) for a in x for b in x)
        root = mp.findroot(
            lambda *y: [v / scale for v in forces(*y)],
            [mp.mpf(float(v - x[0])) for v in x[1:]],
            tol=1e-60,
        )
        moved = max(abs(root[k] - mp.mpf(float(x[k + 1] - x[0]))) for k in range(len(x) - 1))
        return float(moved)


class TestStationaryStates:
    @pytest.mark.parametrize(
        "force",
        [attention(-40.0, scaled=True), attention(-30.0), attention(-12.0, scaled=True)],
        ids=repr,
    )
    def test_three_clusters_where_forces_are_tiny(self, force):
        # the triangle, and the isosceles state near a right angle, which is unstable
        states = three_cluster_states(force, (2, 2, 2))
        assert [s.stable for s in states] == [True, False]
        assert states[0].alpha == pytest.approx(2 * np.pi / 3, abs=1e-13)
        assert all(s.residual < 1e-14 for s in states)
        for s in states:
            assert net_over_gross(force.beta, s.angles, s.sizes) < 1e-13

    @pytest.mark.parametrize("beta", [50.0, 100.0])
    def test_no_three_clusters_of_attraction_are_stable(self, beta):
        states = three_cluster_states(attention(beta), (2, 2, 2))
        assert len(states) == 1 and not states[0].stable
        assert states[0].alpha == pytest.approx(2 * np.pi / 3, abs=1e-13)

    def test_search_finds_states_that_stay(self):
        force = attention(-12.0, scaled=True)
        states = find_stable_states(Circle(force), 6, trials=60, seed=0)
        assert len(states) == 4 and not any(s.synchronized for s in states)
        for s in states:
            angles = np.array([a for a, _ in s.clusters])
            sizes = [round(6 * w) for _, w in s.clusters]
            assert net_over_gross(-12.0, angles, sizes) < 1e-9

    @pytest.mark.parametrize("normalization", ["sum", "attention"])
    def test_tiny_forces_are_not_rest(self, normalization):
        state = stability(Circle(attention(-30.0), normalization), [0.0, 0.5])
        assert not (state.stationary or state.locked or state.stable or state.unstable)
        # the residual is |F|/(|F|+|F'|) of the pair
        f = lambda d: mp.sin(d) * mp.exp(-30 * mp.cos(d))  # noqa: E731
        assert state.residual == pytest.approx(
            float(f(0.5) / (f(0.5) + mp.diff(f, 0.5))), rel=1e-10
        )

    def test_clusters_that_creep_towards_each_other(self):
        # coincident particles have stiff bonds; their clusters move by e^{-141}
        state = stability(Circle(attention(100.0, scaled=True)), [0.0, 0.0, 0.0, 2.0, 2.0])
        assert not (state.stationary or state.locked or state.stable)

    def test_a_marginal_state_is_undecided(self):
        # φ' = 2 − 2 sin φ: a saddle-node at π/2, both eigenvalues 0
        state = stability(Circle(sine(), frequencies=[0.0, 2.0]), [0.0, np.pi / 2])
        assert state.locked and not state.stable and not state.unstable
        below = stability(Circle(sine(), frequencies=[0.0, 1.9]), [0.0, np.arcsin(0.95)])
        assert below.locked and below.stable
        assert below.eigenvalues[1] == pytest.approx(-2 * np.sqrt(1 - 0.95**2), rel=1e-12)
        k = critical_coupling([1.0, 2.0], weights=[1.0, 3.0])
        at = locked_state([1.0, 2.0], k, weights=[1.0, 3.0])
        model = Circle(sine(), "mean", coupling=k, weights=[1.0, 3.0], frequencies=[1.0, 2.0])
        state = stability(model, at.positions)
        assert state.locked and not state.stable and not state.unstable


class TestAttentionQuotient:
    @pytest.mark.parametrize("kind", [np.array, scipy.sparse.csr_array])
    def test_one_neighbour(self, kind):
        # the weight of the only neighbour cancels: ẋ₁ = −sin(x₁−x₂) at any β
        model = Circle(attention(900.0), "attention", adjacency=kind(PAIR))
        exact = [np.sin(3.14), -np.sin(3.14)]
        assert velocity(model, [0.0, 3.14]) == pytest.approx(exact, rel=1e-12)
        assert stability(model, [0.0, 3.14]).velocity == pytest.approx(exact, rel=1e-12)
        x = circlesolve(model, [0.0, 3.14], [0.0, 3.0]).positions[-1]
        assert np.tan((x[1] - x[0]) / 2) == pytest.approx(np.tan(1.57) * np.exp(-6.0), rel=1e-8)

    def test_repulsive_weights_that_underflow(self):
        x = [0.0, 0.1, 0.15]
        with mp.workdps(40):
            exact = []
            for a in x:
                w = [mp.exp(-900 * mp.cos(mp.mpf(a) - mp.mpf(b))) for b in x]
                top = mp.fsum(v * mp.sin(mp.mpf(a) - mp.mpf(b)) for v, b in zip(w, x, strict=True))
                exact.append(float(-top / mp.fsum(w)))
        model = Circle(attention(-900.0), "attention")
        assert velocity(model, x) == pytest.approx(exact, rel=1e-11)
        assert stability(model, x).velocity == pytest.approx(exact, rel=1e-11)

    def test_isolated_particle(self):
        a = np.zeros((3, 3))
        a[:2, :2] = PAIR
        state = stability(Circle(attention(1.0), "attention", adjacency=a), [0.0, 0.1, 0.2])
        assert state.velocity == pytest.approx([np.sin(0.1), -np.sin(0.1), 0.0], rel=1e-13)
        # the pair's linearised difference, and two zeros
        assert state.eigenvalues[-1] == pytest.approx(-2 * np.cos(0.1), rel=1e-12)
        assert not state.stable
        assert (
            find_stable_states(Circle(attention(1.0), "attention", adjacency=a), trials=3, seed=0)
            == []
        )
        assert (
            find_stable_states(Circle(sine(), adjacency=np.zeros((3, 3))), trials=3, seed=0) == []
        )


class TestBasins:
    @pytest.mark.parametrize("beta", [-8.0, -15.0])
    def test_repulsive_samples_are_decided(self, beta):
        basin = basin_of_synchronization(Circle(attention(beta, scaled=True)), 6, ntraj=8, seed=7)
        assert basin.undecided == 0
        # by SciPy: synchronous if all come within a half circle, elsewhere if the forces come to
        # rest around it
        rng, expected = np.random.default_rng(7), 0
        for _ in range(8):
            x = rng.uniform(0, 2 * np.pi, 6)
            scale = np.exp(-2 * abs(beta))

            def motion(t, x, scale=scale):
                d = x[:, None] - x
                return -np.sum(np.sin(d) * np.exp(beta * (np.cos(d) - 1)), axis=1) * scale

            x = scipy.integrate.solve_ivp(motion, (0, 2e4), x, "LSODA", rtol=1e-9, atol=1e-11).y[
                :, -1
            ]
            angles = np.sort(np.mod(x, 2 * np.pi))
            expected += np.max(np.diff(angles, append=angles[0] + 2 * np.pi)) > np.pi
        assert basin.synchronized == expected

    def test_a_sample_that_fails_is_undecided(self):
        basin = basin_of_synchronization(
            Circle(sine(), "mean"), 20, ntraj=3, seed=1, options={"nsteps": 1}
        )
        assert basin.undecided == 3
        assert basin.interval == pytest.approx((0.0, 1.0))
        stiff = Circle(attention(-12.0), adjacency=np.ones((6, 6)))
        assert basin_of_synchronization(stiff, ntraj=5, seed=7).undecided == 0


@pytest.mark.parametrize("coupling", [2.5, 100.0, 5e3, 1e6, 1e8])
def test_order_parameter_at_any_coupling(coupling):
    exact = np.sqrt(1 - 2 / coupling)
    assert stationary_order_parameter(scipy.stats.cauchy(), coupling) == pytest.approx(
        exact, abs=1e-12
    )
    with mp.workdps(30):
        # Gauss: r = Kr √(π/8) e^{-q}(I₀+I₁)(q), q = (Kr/2)²
        def gauss(u):
            q = u * u / 4
            return mp.sqrt(mp.pi / 8) * mp.exp(-q) * (
                mp.besseli(0, q) + mp.besseli(1, q)
            ) - 1 / mp.mpf(coupling)

        u = (
            mp.findroot(gauss, (1e-3, coupling), solver="anderson", tol=1e-40)
            if coupling < 10
            else mp.findroot(gauss, coupling)
        )
        assert stationary_order_parameter(scipy.stats.norm(), coupling) == pytest.approx(
            float(u / coupling), abs=1e-12
        )
    # all locked: r = ∫ g √(1−ω²/(Kr)²); to second order 1 − ⟨ω²⟩/(2K²)
    r = stationary_order_parameter(scipy.stats.uniform(-1, 2), coupling)
    u = coupling * r
    assert r == pytest.approx(0.5 * (np.sqrt(1 - 1 / u**2) + u * np.arcsin(1 / u)), abs=1e-12)
    if coupling > 1e3:
        assert stationary_order_parameter(scipy.stats.t(3), coupling) == pytest.approx(
            1 - 1.5 / coupling**2, abs=1e-10
        )


def test_weights_go_through_a_file_without_the_model(tmp_path):
    c = np.array([1.0, 2.0, 5.0])
    model = Circle(sine(), lambda x: np.full(3, 2.0), weights=c)
    run = circlesolve(model, [0.0, 1.0, 2.5], [0.0, 0.1])
    run.save(tmp_path / "run.npz")
    again = qsp.load(tmp_path / "run.npz")
    assert again.model is None and np.array_equal(again.weights, c)
    for result in (run, again):
        r = qsp.measures.order_parameter(qsp.synchronization(result))
        mean = np.exp(1j * run.positions) @ c / c.sum()
        assert r == pytest.approx(np.abs(mean), rel=1e-12)
        plain = np.abs(np.mean(np.exp(1j * run.positions), axis=1))
        assert result.order(weighted=False) == pytest.approx(plain, rel=1e-12)
        assert np.array_equal(result.order(), result.order_parameter)


@pytest.mark.parametrize("omega", [1.0, -0.3])
def test_angles_of_a_coalescence_are_those_of_the_laboratory(omega):
    # ẋ: the mean moves with ω, and the tangent of half the difference falls by e^{-2t}
    run = coalesce(Circle(sine(), frequencies=omega), [0.0, 1.0])
    t = 0.5 * np.log(np.tan(0.5) / np.tan(5e-9))
    assert np.exp(run.log_time) == pytest.approx(t, rel=1e-7)
    assert run.frame == "laboratory"
    assert np.exp(1j * run.final_positions[0]) == pytest.approx(
        np.exp(1j * (0.5 + omega * t)), abs=1e-6
    )
    assert np.exp(1j * run.centre_positions[-1]) == pytest.approx(
        np.exp(1j * (0.5 + omega * t)), abs=1e-6
    )
    assert run.centre_positions[:2] == pytest.approx([0.0, 1.0])


def test_the_frame_is_named_where_turns_are_lost():
    run = coalesce(Circle(attention(50.0, scaled=True), "mean", frequencies=1.0), [0.0, 1.0, 2.0])
    assert run.log_time > 20 and "rotating with frequency 1.0" in run.frame
    assert run.final_positions == pytest.approx([1.0])
    assert coalesce(Circle(sine()), [0.0, 1.0]).frame == "laboratory"


@pytest.mark.parametrize("max_gap", [np.pi, 2 * np.pi])
@pytest.mark.parametrize("ends", [(3.0, 3.0), (2.0, 3.0), (3.0, 4.0)])
def test_certificate_at_the_change_of_variables(ends, max_gap):
    pytest.importorskip("flint")
    certificate = certify_attention(*ends, max_gap=max_gap)
    assert certificate.certified and certificate.intervals == (ends,)


def test_nothing_is_claimed_where_nothing_is_proved():
    pytest.importorskip("flint")
    text = str(certify_attention(-3.0, -2.0))
    assert text == "not certified: nothing is proved about β in [-3.0, -2.0]"


def test_predictions_without_a_sine_series():
    with pytest.warns(ApproximationWarning):
        model = Circle(lambda d: np.arcsin(np.sin(d)))
    x0 = [0.0, 0.5, 1.0]
    known = {p.name: p for p in qsp.predictions(model, x0)}
    # linear where no distance is above π/2: every one falls by e^{-3t}
    run = circlesolve(model, x0, [0.0, 1.0])
    assert run.positions[-1] - 0.5 == pytest.approx(
        np.array([-0.5, 0.0, 0.5]) * np.exp(-3.0), abs=1e-9
    )
    assert known["half circle"].limits["position"] == pytest.approx(0.5)
    # conclusions wait until the particles have met
    later = circlesolve(model, x0, [0.0, 4.0, 8.0])
    assert all(o.passed for o in qsp.predictions(model, x0).check(later))


def test_a_common_rotation_is_not_called_rest():
    model = Circle(sine(), frequencies=2.0)
    energy = next(p for p in qsp.predictions(model, [0.0, 1.0, 2.0]) if p.name == "energy")
    assert "rotates with the common frequency 2" in energy.statement
    still = next(p for p in qsp.predictions(Circle(sine()), [0.0, 1.0, 2.0]) if p.name == "energy")
    assert "rotates" not in still.statement


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (
            lambda: Circle(sine(), adjacency=scipy.sparse.csr_array([[0, 1j], [1, 0]])),
            TypeError,
            "adjacency must hold real",
        ),
        (
            lambda: Circle(sine(), adjacency=nx.Graph()),
            ValueError,
            "adjacency must be a graph with at least one node",
        ),
        (
            lambda: Circle(sine(), weights=np.ma.array([1.0, 2.0], mask=[0, 1])),
            TypeError,
            "weights must not be a masked",
        ),
        (
            lambda: velocity(Circle(sine()), np.ma.array([0.0, 1.0], mask=[0, 1])),
            TypeError,
            "x must not be a masked",
        ),
        (
            lambda: velocity(Circle(sine(), lambda x: 1 + 1j * x), [0.0, 1.0]),
            TypeError,
            "must return real numbers",
        ),
        (
            lambda: stability(Circle(sine(), lambda x: 1 + 1j * x), [0.0, 1.0]),
            TypeError,
            "must return real numbers",
        ),
        (
            lambda: velocity(Circle(sine(), lambda x: np.ones(3)), [0.0, 1.0]),
            ValueError,
            r"return 2 numbers.*\(3,\)",
        ),
        (
            lambda: velocity(Circle(sine(), lambda x: np.ones(3), adjacency=PAIR), [0.0, 1.0]),
            ValueError,
            r"return 2 numbers.*\(3,\)",
        ),
    ],
)
def test_input_that_misleads(make, error, match):
    with pytest.raises(error, match=match):
        make()


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("frequency", [0.0, 5.0, -0.1, 1e3])
def test_particles_that_are_together_to_rounding_are_at_rest(unit, frequency):
    A = unit * np.kron([[1.0, 0.02], [0.02, 1.0]], np.ones((3, 3)))
    model = Circle(sine(), adjacency=A, frequencies=frequency * unit)
    x = 1.234567 + 1e-15 * np.array([0.0, 1.0, -2.0, 3.0, 1.0, -1.0])
    found = stability(model, x)
    assert found.locked and found.stable
    assert not stability(model, 0.1 * np.arange(6)).locked
    off = np.array([1e-8, 0, 0, 0, 0, 0]) * unit
    apart = Circle(sine(), adjacency=A, frequencies=frequency * unit + off)
    # nobody is held by what is not there
    assert not stability(apart, x).locked
