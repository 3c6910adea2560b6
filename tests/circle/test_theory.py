"""Energy, Jacobians, cuts, searches, basins and predictions against independent computations."""

import itertools

import mpmath as mp
import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp
import qsyncplug.circle.stationary as stationary
from qsyncplug.circle import Circle, attention, circlesolve, fourier, interaction, sine, velocity
from qsyncplug.circle.basins import basin_of_synchronization
from qsyncplug.circle.clusters import polygon_state, three_cluster_states
from qsyncplug.circle.coupling import critical_coupling, locked_state
from qsyncplug.circle.parts import Parts
from qsyncplug.circle.search import find_stable_states
from qsyncplug.circle.stationary import energy, stability
from qsyncplug.circle.theory import linear_growth
from qsyncplug.core.entry import predictions as circle_predictions

N = 7
RNG = np.random.default_rng(5)
X = RNG.uniform(0, 2 * np.pi, N)
C = RNG.uniform(0.5, 2, N)
R = RNG.uniform(0.5, 2, N)
A = RNG.uniform(0, 1, (N, N))
OMEGA = RNG.normal(size=N)
RING = np.roll(np.eye(12), 1, 0) + np.roll(np.eye(12), -1, 0)

MODELS = [
    Circle(attention(2.0)),
    Circle(sine(), "mean", coupling=2.0, frequencies=OMEGA),
    Circle(attention(-1.5), "attention"),
    Circle(attention(3.0), "attention", weights=C, response=R),
    Circle(fourier([1, 0.3]), adjacency=A, phase_lag=0.4, weights=C),
    Circle(
        attention(1.0),
        "attention",
        adjacency=scipy.sparse.csr_array(A * (A > 0.4)),
        phase_lag=0.4,
        response=R,
    ),
    Circle(interaction(lambda x: np.tanh(np.sin(x))), "degree", adjacency=A + A.T, coupling=-0.7),
    Circle(attention(300.0, scaled=True), R),
]


def central_difference(f, x, h=1e-3):
    """Derivative of f along each coordinate, order 6; the last axis is the coordinate."""
    columns = []
    for j in range(x.size):
        total = 0.0
        for k, weight in ((1, 0.75), (2, -0.15), (3, 1 / 60)):
            e = np.zeros(x.size)
            e[j] = k * h
            total = total + weight * (f(x + e) - f(x - e))
        columns.append(total / h)
    return np.stack(columns, axis=-1)


class TestJacobian:
    @pytest.mark.parametrize("model", MODELS, ids=repr)
    def test_against_differences_of_the_compiled_velocity(self, model):
        result = stability(model, X)
        np.testing.assert_allclose(result.velocity, velocity(model, X), rtol=1e-12, atol=1e-13)
        h = 2e-4 if model.interaction.beta > 100 else 1e-3
        reference = central_difference(lambda x: velocity(model, x), X, h)
        np.testing.assert_allclose(
            result.jacobian, reference, atol=1e-8 * max(1.0, np.max(np.abs(reference)))
        )
        np.testing.assert_allclose(
            result.jacobian.sum(axis=1), 0, atol=1e-12 * np.max(np.abs(reference))
        )

    @pytest.mark.parametrize("model", MODELS, ids=repr)
    def test_eigenvalues_have_the_right_trace_and_determinant(self, model):
        result = stability(model, X)
        scale = np.max(np.abs(result.jacobian))
        assert np.sum(result.eigenvalues).real == pytest.approx(
            np.trace(result.jacobian), abs=1e-11 * scale
        )
        squares = np.sum(result.eigenvalues**2).real
        assert squares == pytest.approx(
            np.trace(result.jacobian @ result.jacobian), abs=1e-11 * scale**2
        )
        assert np.all(np.diff(result.eigenvalues.real) <= 1e-12 * scale)

    def test_divisor_that_depends_on_the_state(self):
        parts = Parts(Circle(sine(), lambda x: 1.5 + np.cos(x - np.roll(x, 1))), X)
        g = 1.5 + np.cos(X - np.roll(X, 1))

        def v(x):
            return -np.sum(np.sin(x[:, None] - x), axis=1) / (1.5 + np.cos(x - np.roll(x, 1)))

        np.testing.assert_allclose(parts.g, g)
        np.testing.assert_allclose(parts.jacobian(), central_difference(v, X), atol=1e-9)

    def test_reference_spectra(self):
        first = stability(
            Circle(attention(-0.7)), three_cluster_states(attention(-0.7), (2, 2, 2))[0].positions
        )
        np.testing.assert_allclose(
            first.eigenvalues, [0, *[-0.212860] * 2, *[-1.135077] * 3], atol=5e-7
        )
        assert first.stable and first.stationary and first.cut_stable and not first.synchronized
        second = stability(
            Circle(attention(-2.0)), three_cluster_states(attention(-2.0), (3, 2, 2))[0].positions
        )
        assert second.stable and second.stationary and second.cut_stable

    def test_synchronised_state_of_the_sum(self):
        result = stability(Circle(attention(1.5)), np.full(6, 2.0))
        np.testing.assert_allclose(result.eigenvalues, [0, *[-6 * np.exp(1.5)] * 5], atol=1e-12)
        assert result.synchronized and result.stable and result.cut_stable
        ratio = stability(Circle(attention(500.0), "attention", weights=C), np.zeros(N))
        np.testing.assert_allclose(ratio.eigenvalues, [0, *[-1.0] * (N - 1)], atol=1e-12)

    def test_antipodal_points_are_unstable(self):
        result = stability(Circle(sine()), [0, 0, 0, np.pi, np.pi])
        assert (
            result.stationary
            and result.unstable
            and not result.stable
            and result.cut_stable is False
        )
        assert set(result.worst_cut) in ({0, 1, 2}, {3, 4})
        assert result.worst_cut_value == pytest.approx(-6)

    def test_locked_state(self):
        k = 1.5 * critical_coupling(OMEGA)
        result = stability(
            Circle(sine(), "mean", coupling=k, frequencies=OMEGA), locked_state(OMEGA, k).positions
        )
        assert result.locked and not result.stationary and result.stable

    def test_moving_state_is_not_called_stable(self):
        result = stability(Circle(sine()), X)
        assert not (result.stationary or result.locked or result.stable or result.unstable)

    def test_overflow_is_refused(self):
        with pytest.raises(ValueError, match="scaled=True"):
            stability(Circle(attention(800.0)), X)
        with pytest.raises(ValueError, match="scaled=True"):
            energy(Circle(attention(800.0)), X)
        assert np.isfinite(energy(Circle(attention(800.0, scaled=True)), X))


class TestCuts:
    @pytest.mark.parametrize("weights", [None, C])
    def test_brute_force(self, weights):
        model = Circle(attention(-2.0), weights=weights)
        c = np.ones(N) if weights is None else weights
        f = model.interaction
        pull = np.outer(c, c) * f.df(X[:, None] - X) * np.exp(f.log_scale)
        best = min(
            sum(pull[i, j] for i in s for j in range(N) if j not in s)
            for size in range(1, N)
            for s in itertools.combinations(range(N), size)
        )
        result = stability(model, X)
        assert result.worst_cut_value == pytest.approx(best, rel=1e-12)
        outside = [j for j in range(N) if j not in result.worst_cut]
        assert pull[np.ix_(result.worst_cut, outside)].sum() == pytest.approx(best, rel=1e-12)

    @pytest.mark.parametrize("state", ["ring", "random", "clusters"])
    def test_large_method_agrees_with_all_cuts(self, state, monkeypatch):
        model, x = {
            "ring": (Circle(sine(), adjacency=RING), 2 * np.pi * np.arange(12) / 12),
            "random": (Circle(attention(-2.0)), np.random.default_rng(2).uniform(0, 6.28, 12)),
            "clusters": (Circle(attention(-2.0)), polygon_state(attention(-2.0), 3, 4).positions),
        }[state]
        every = stability(model, x)
        monkeypatch.setattr(stationary, "ALL_CUTS", 1)
        other = stability(model, x)
        assert "all" in every.note and "all" not in other.note
        assert other.cut_stable in (every.cut_stable, None)
        assert other.worst_cut_value >= every.worst_cut_value - 1e-12
        if other.cut_stable is False:
            assert other.worst_cut_value < 0

    def test_sums_of_likely_cuts_are_right(self):
        rng = np.random.default_rng(8)
        x = rng.uniform(0, 6.28, 25)
        matrix = np.cos(x[:, None] - x[None, :])
        np.fill_diagonal(matrix, 0)
        value, members = stationary._likely_cuts(matrix, x)
        inside = np.zeros(25, dtype=bool)
        inside[list(members)] = True
        assert matrix[np.ix_(inside, ~inside)].sum() == pytest.approx(value, rel=1e-12)

    def test_not_defined_without_reciprocity(self):
        result = stability(MODELS[4], X)
        assert result.cut_stable is None and "reciprocal" in result.note
        assert np.isnan(result.worst_cut_value)


class TestEnergy:
    def test_value_with_the_factor_one_half(self):
        with mp.workdps(40):
            exact = mp.mpf(0)
            for a in X:
                for b in X:
                    exact += (mp.exp(2 * mp.cos(mp.mpf(a) - mp.mpf(b))) - 1) / 4
        assert energy(Circle(attention(2.0)), X) == pytest.approx(float(exact), rel=1e-13)
        shifted = float(exact) + N * N / 4
        assert energy(Circle(attention(2.0)), X, form="exponential") == pytest.approx(
            shifted, rel=1e-13
        )
        assert energy(Circle(sine()), X) == pytest.approx(
            0.5 * abs(np.sum(np.exp(1j * X))) ** 2, rel=1e-13
        )

    @pytest.mark.parametrize(
        "model",
        [
            Circle(attention(2.0), weights=C, response=R),
            Circle(fourier([1, 0.3]), "mean", adjacency=A + A.T, weights=C, coupling=0.7),
            Circle(sine(), adjacency=scipy.sparse.csr_array(A + A.T)),
            Circle(attention(-2.0), R),
        ],
        ids=repr,
    )
    def test_motion_is_along_the_gradient(self, model):
        c = 1.0 if model.weights is None else model.weights
        r = 1.0 if model.response is None else model.response
        slope = central_difference(lambda x: energy(model, x), X)
        along = model.coupling * r / (c * model.divisors(N)) * slope
        np.testing.assert_allclose(along, velocity(model, X), atol=1e-8 * np.max(np.abs(along)))

    @pytest.mark.parametrize(
        "f", [attention(5.0), attention(-3.0), fourier([1, 0.2, 0.3, -0.4])], ids=repr
    )
    def test_modes_equal_pairs(self, f, monkeypatch):
        x = np.random.default_rng(3).uniform(0, 6.28, 300)
        model = Circle(f, weights=np.linspace(0.5, 1.5, 300))
        forms = ("integral", "exponential") if f.kind == "attention" else ("integral",)
        for form in forms:
            pairs = energy(model, x, form=form)
            with monkeypatch.context() as patch:
                patch.setattr(stationary, "_DIRECT", 10)
                assert energy(model, x, form=form) == pytest.approx(pairs, rel=1e-12)

    def test_refused(self):
        for model, match in (
            (Circle(sine(), phase_lag=0.1), "phase lag"),
            (Circle(sine(), adjacency=A), "asymmetric"),
            (Circle(sine(), adjacency=scipy.sparse.csr_array(np.triu(A, 1))), "asymmetric"),
            (Circle(sine(), frequencies=OMEGA), "frequencies"),
        ):
            with pytest.raises(ValueError, match=match):
                energy(model, X)
        with pytest.raises(ValueError, match="exponential"):
            energy(Circle(sine()), X, form="exponential")
        with pytest.raises(ValueError, match="form"):
            energy(Circle(sine()), X, form="published")


class TestSearch:
    def test_three_clusters_are_found(self):
        states = find_stable_states(Circle(attention(-2.0)), 7, trials=40, seed=1)
        assert any(s.synchronized for s in states)
        others = [s for s in states if not s.synchronized]
        sizes = {tuple(sorted(round(7 * w) for _, w in s.clusters)) for s in others}
        assert (2, 2, 3) in sizes
        state = next(s for s in others if sorted(round(7 * w) for _, w in s.clusters) == [2, 2, 3])
        gaps = np.diff([a for a, _ in state.clusters], append=state.clusters[0][0] + 2 * np.pi)
        assert np.min(np.abs(gaps - 1.952562927465)) < 1e-9
        assert sum(s.hits for s in states) <= 40
        for s in states:
            assert s.stability.stable and s.stability.residual < 1e-12

    @pytest.mark.parametrize("beta", [-0.6, -0.2, 0.0, 2.0, 8.0])
    def test_only_synchrony_is_found_above_two_thirds(self, beta):
        states = find_stable_states(Circle(attention(beta)), 9, trials=15, seed=3)
        assert [s.synchronized for s in states] == [True]

    def test_twisted_states_of_a_ring(self):
        ring = np.roll(np.eye(20), 1, 0) + np.roll(np.eye(20), -1, 0)
        states = find_stable_states(Circle(sine(), adjacency=ring), trials=40, seed=1)
        winding = set()
        for s in states:
            steps = np.angle(np.exp(1j * np.diff(s.positions, append=s.positions[0])))
            winding.add(abs(round(float(np.sum(steps)) / (2 * np.pi))))
        # stable for |q| < n/4
        assert {0, 1} <= winding and max(winding) < 5

    def test_repulsion_spreads_the_particles(self):
        states = find_stable_states(Circle(attention(3.0), coupling=-1.0), 5, trials=5, seed=0)
        gaps = np.diff(np.sort(states[0].positions), append=2 * np.pi)
        np.testing.assert_allclose(gaps, 2 * np.pi / 5, atol=1e-9)

    def test_refused(self):
        with pytest.raises(ValueError, match="n must be given"):
            find_stable_states(Circle(sine()))
        with pytest.raises(ValueError, match="n must be that of the model"):
            find_stable_states(Circle(sine(), weights=C), 3)
        with pytest.raises(ValueError, match="phase lag"):
            find_stable_states(Circle(sine(), phase_lag=1.0), 3)
        with pytest.raises(ValueError, match="trials"):
            find_stable_states(Circle(sine()), 3, trials=0)


class TestBasin:
    def test_everything_synchronises_for_the_sine(self):
        basin = basin_of_synchronization(Circle(sine(), "mean"), 10, ntraj=30, seed=1)
        assert (basin.synchronized, basin.other, basin.undecided) == (30, 0, 0)
        # Clopper–Pearson for 30 of 30
        assert basin.interval == pytest.approx((0.025 ** (1 / 30), 1.0), rel=1e-12)

    def test_counts_agree_with_long_runs(self):
        model, rng = Circle(attention(-2.0)), np.random.default_rng(7)
        expected = 0
        for _ in range(20):
            x = circlesolve(model, rng.uniform(0, 2 * np.pi, 6), [0, 400.0]).positions[-1]
            expected += abs(np.mean(np.exp(1j * x))) > 0.999
        basin = basin_of_synchronization(model, 6, ntraj=20, seed=7)
        assert basin.synchronized == expected and basin.undecided == 0 and 0 < expected < 20
        low, high = basin.interval
        assert low < basin.probability < high

    def test_wilson(self):
        basin = basin_of_synchronization(
            Circle(sine(), adjacency=RING), ntraj=25, seed=2, method="wilson", confidence=0.9
        )
        p, z, n = basin.probability, scipy.stats.norm.ppf(0.95), 25
        centre, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        assert basin.interval == pytest.approx(
            ((centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n))
        )
        assert "Wilson" in str(basin)

    def test_metastable_clusters_are_followed_to_the_end(self):
        basin = basin_of_synchronization(Circle(attention(15.0), "attention"), 12, ntraj=8, seed=0)
        assert (basin.synchronized, basin.undecided) == (8, 0)

    def test_short_time_leaves_samples_undecided(self):
        basin = basin_of_synchronization(
            Circle(attention(10.0), "attention"), 12, ntraj=8, seed=0, max_time=0.01
        )
        assert basin.undecided > 0 and basin.interval[1] > basin.probability

    def test_refused(self):
        with pytest.raises(ValueError, match="critical_coupling"):
            basin_of_synchronization(Circle(sine(), frequencies=OMEGA))
        with pytest.raises(ValueError, match="does not attract"):
            basin_of_synchronization(Circle(sine(), coupling=-1.0), 4)
        with pytest.raises(ValueError, match="method"):
            basin_of_synchronization(Circle(sine()), 4, method="normal")
        with pytest.raises(ValueError, match="confidence"):
            basin_of_synchronization(Circle(sine()), 4, confidence=1.0)


class TestPredictions:
    @pytest.mark.parametrize(
        ("model", "x0", "end", "names"),
        [
            (
                Circle(sine()),
                [0.3, 2.9],
                5,
                {
                    "two particles",
                    "half circle",
                    "global synchronisation",
                    "conserved mean",
                    "energy",
                },
            ),
            (
                Circle(attention(2.0), "attention"),
                X / 2.2,
                8,
                {"half circle", "global synchronisation", "energy"},
            ),
            (
                Circle(attention(1.0), weights=C, response=R),
                X / 2.2,
                3,
                {"half circle", "conserved mean"},
            ),
            (Circle(attention(-0.2), "mean"), X, 40, {"global synchronisation"}),
            (
                Circle(sine(), "mean", coupling=6.0, frequencies=OMEGA),
                X / 6,
                5,
                {"locked state", "complete locking"},
            ),
            (Circle(sine(), "mean", coupling=0.2, frequencies=OMEGA), X, 60, {"no locking"}),
        ],
    )
    def test_hold_in_a_run(self, model, x0, end, names):
        predictions = circle_predictions(model, x0)
        assert names <= {p.name for p in predictions}
        result = circlesolve(model, x0, np.linspace(0, end, 101))
        outcomes = predictions.check(result)
        assert not [str(o) for o in outcomes if o.passed is False]
        assert {o.name for o in outcomes if o.passed} >= names - {"locked state"}
        assert str(predictions)

    def test_checks_can_fail(self):
        predictions = circle_predictions(Circle(sine()), [0.3, 2.9])
        wrong = circlesolve(Circle(sine(), coupling=-1.0), [0.3, 2.9], np.linspace(0, 1, 11))
        failed = {o.name for o in predictions.check(wrong) if o.passed is False}
        assert {"two particles", "half circle", "energy"} <= failed

    def test_checks_conclude_only_what_a_run_shows(self):
        # an arc that only shrinks, a difference that does not tell the coupling, a start at rest
        model = Circle(sine())
        row = circle_predictions(model, [0.1, 0.5, 2.0])["half circle"]
        assert row.check(circlesolve(model, [0.1, 0.5, 2.0], [0, 0.01])).passed is None
        assert row.check(circlesolve(model, [0.1, 0.5, 2.0], [0, 20.0])).passed is True
        still = circlesolve(Circle(sine(), coupling=0.0), [0.1, 0.5, 2.0], [0, 20.0])
        assert row.check(still).passed is None
        same = circle_predictions(model, [0.3, 0.3])
        outcomes = same.check(circlesolve(model, [0.3, 0.3], [0, 1.0, 2.0]))
        assert {o.name: o.passed for o in outcomes if o.name in ("two particles", "energy")} == {
            "two particles": None,
            "energy": None,
        }
        locking = Circle(sine(), "mean", coupling=6.0, frequencies=OMEGA)
        row = circle_predictions(locking, X / 6)["complete locking"]
        assert row.check(circlesolve(locking, X / 6, [0, 0.01])).passed is None

    def test_locked_states_on_graphs_and_with_lags(self):
        omega = np.array([0.3, -0.2, 0.1, -0.2])
        ring = np.roll(np.eye(4), 1, 0) + np.roll(np.eye(4), -1, 0)
        for kw in ({"adjacency": ring}, {"phase_lag": 0.5}, {"response": np.array([1, 2, 1, 0.5])}):
            model = Circle(sine(), 4.0, coupling=2.0, frequencies=omega, **kw)
            x0 = np.array([0.2, 0.0, -0.1, 0.4])
            row = circle_predictions(model, x0)["locked state"]
            run = circlesolve(model, x0, [0, 100.0, 101.0])
            assert row.check(run).passed is True, kw
            turned = np.diff(run.positions[1:], axis=0)
            np.testing.assert_allclose(turned, row.limits["frequency"], atol=1e-9)
            assert run.order_parameter[-1] == pytest.approx(row.limits["order_parameter"], abs=1e-9)
            weak = Circle(sine(), 4.0, coupling=0.2, frequencies=omega, **kw)
            row = circle_predictions(weak, x0)["no locking"]
            assert row.check(circlesolve(weak, x0, np.linspace(0, 200, 201))).passed is True
            assert row.check(run).passed is None

    def test_rates_are_those_of_a_run(self):
        for model in (
            Circle(attention(2.0), "attention"),
            Circle(attention(1.0), weights=C),
            Circle(sine(), weights=C, response=R),
        ):
            rate = circle_predictions(model, X / 2.2).half_circle.rate
            x = circlesolve(
                model, X / 2.2, [0, 7 / rate, 9 / rate], options={"atol": 1e-14, "rtol": 1e-13}
            ).positions
            spans = np.ptp(x, axis=1)
            assert np.log(spans[1] / spans[2]) / (2 / rate) == pytest.approx(rate, rel=1e-2)

    def test_public_entry(self):
        assert qsp.predictions(Circle(sine()), [0.0, 1.0]).two_particles.rate == 2.0

    def test_limit_position(self):
        model = Circle(attention(1.0), weights=C, response=R)
        limit = circle_predictions(model, X / 2.2 + 20).half_circle.limits["position"]
        end = circlesolve(model, X / 2.2 + 20, [0, 10.0]).positions[-1]
        np.testing.assert_allclose(np.exp(1j * end), np.exp(1j * limit), atol=1e-9)

    def test_silence_where_no_theorem_applies(self):
        names = {p.name for p in circle_predictions(Circle(attention(-0.5)), X)}
        assert "global synchronisation" not in names and "half circle" not in names
        assert "three clusters" in {
            p.name for p in circle_predictions(Circle(attention(-0.7)), np.arange(6.0))
        }
        assert (
            circle_predictions(
                Circle(sine(), adjacency=A, phase_lag=1.5, frequencies=OMEGA), X
            ).names
            == ()
        )
        with pytest.raises(AttributeError, match="no prediction"):
            circle_predictions(Circle(sine()), X).nonsense  # noqa: B018


class TestLinearGrowth:
    @pytest.mark.parametrize("normalization", ["mean", "sum", "attention"])
    def test_against_a_run(self, normalization):
        n, k, model = 240, 3, Circle(attention(4.0), normalization)
        rate = linear_growth(model, n)[k - 1]
        x0 = 2 * np.pi * np.arange(n) / n
        x0 = x0 + 1e-6 * np.sin(k * x0)
        end = 3 / rate
        result = circlesolve(
            model, x0, [0, end], options={"daido": k, "atol": 1e-14, "rtol": 1e-12}
        )
        growth = np.log(np.abs(result.daido[1, k - 1]) / np.abs(result.daido[0, k - 1])) / end
        assert growth == pytest.approx(rate, rel=1e-5)

    def test_fastest_wave(self):
        for beta in (50.0, 400.0):
            rates = linear_growth(Circle(attention(beta, scaled=True), "mean"))
            assert np.argmax(rates) + 1 == pytest.approx(np.sqrt(2 * beta), abs=1)

    def test_refused(self):
        with pytest.raises(ValueError, match="identical"):
            linear_growth(Circle(sine(), adjacency=A))
        with pytest.raises(ValueError, match="scaled"):
            linear_growth(Circle(attention(800.0)))


@settings(max_examples=30, deadline=None)
@given(st.floats(-3, 3), st.lists(st.floats(-10, 10), min_size=2, max_size=9), st.floats(-5, 5))
def test_energy_and_spectrum_do_not_change_under_rotation(beta, positions, angle):
    model, x = Circle(attention(beta)), np.array(positions)
    scale = x.size**2 * np.exp(abs(beta))
    assert energy(model, x + angle) == pytest.approx(energy(model, x), abs=1e-13 * scale)
    assert energy(model, -x) == pytest.approx(energy(model, x), abs=1e-13 * scale)
    a, b = stability(model, x), stability(model, x + angle)
    np.testing.assert_allclose(a.eigenvalues.real, b.eigenvalues.real, atol=1e-7 * scale)
