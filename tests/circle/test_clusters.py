"""Cluster states and critical couplings against closed forms and independent searches."""

import mpmath as mp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from qsyncplug.circle.clusters import _searched, polygon_state, three_cluster_states
from qsyncplug.circle.coupling import critical_coupling, locked_state, stationary_order_parameter
from qsyncplug.circle.interactions import attention, fourier, sine
from qsyncplug.circle.triangles import three_cluster_arcs, three_cluster_range


def full_jacobian(f, x):
    d = f.df(x[:, None] - x[None, :])
    return d - np.diag(d.sum(axis=1))


class TestThreeClusters:
    def test_equilateral(self):
        (state, *_) = three_cluster_states(attention(-0.7), (2, 2, 2))
        assert state.stable and state.alpha == pytest.approx(2 * np.pi / 3, abs=1e-14)
        slope, at = 1.0 * np.exp(-0.7), (np.cos(2 * np.pi / 3) + 0.7 * 0.75) * np.exp(0.35)
        expected = [0, *[-6 * at] * 2, *[-2 * (slope + 2 * at)] * 3]
        np.testing.assert_allclose(state.eigenvalues, np.sort(expected)[::-1], atol=1e-14)
        np.testing.assert_allclose(
            state.eigenvalues[1:], [-0.212860] * 2 + [-1.135077] * 3, atol=5e-7
        )

    def test_isosceles_against_50_digits(self):
        (state, *_) = three_cluster_states(attention(-2.0), (3, 2, 2))
        with mp.workdps(50):

            def force(a):
                f = lambda t: mp.sin(t) * mp.exp(-2 * mp.cos(t))  # noqa: E731
                return 2 * f(2 * a) + 3 * f(a)

            alpha = mp.findroot(force, mp.mpf("1.95"))
            assert abs(state.alpha - alpha) < 1e-14
        assert state.alpha == pytest.approx(1.952562927465, abs=6e-13)
        assert state.stable

    @pytest.mark.parametrize(
        ("beta", "sizes"),
        [(-0.7, (2, 2, 2)), (-2.0, (3, 2, 2)), (-3.0, (5, 2, 3)), (-2.0, (1, 1, 4))],
    )
    def test_spectrum_is_that_of_the_full_jacobian(self, beta, sizes):
        f = attention(beta)
        states = three_cluster_states(f, sizes)
        assert states
        for state in states:
            x = state.positions
            assert np.max(np.abs(f.f(x[:, None] - x[None, :]).sum(axis=1))) < 1e-13 * x.size
            full = np.sort(np.linalg.eigvalsh(full_jacobian(f, x) * np.exp(f.log_scale)))[::-1]
            np.testing.assert_allclose(state.eigenvalues, full, atol=1e-12 * np.max(np.abs(full)))

    def test_corollary_needs_beta_below_two_thirds(self):
        assert polygon_state(attention(-0.667), 3, 4).stable
        assert not polygon_state(attention(-0.666), 3, 4).stable
        assert not any(s.stable for s in three_cluster_states(attention(-0.6), (4, 4, 4)))
        # PRY Lemma C.6: ⌊n/3⌋ at ±α, the rest at 0, once n is large enough
        assert three_cluster_states(attention(-0.75), (1001, 1000, 1000))[0].stable
        assert not any(s.stable for s in three_cluster_states(attention(-0.75), (11, 10, 10)))

    @settings(max_examples=12, deadline=None)
    @given(st.floats(-0.66, -0.27), st.lists(st.floats(0.2, 5.0), min_size=3, max_size=3))
    def test_no_three_clusters_of_any_weights_above(self, beta, sizes):
        assert not any(s.stable for s in three_cluster_states(attention(beta), sizes, grid=12))

    def test_sine_has_no_three_cluster_states_with_an_isolated_angle(self):
        # any three clusters with vanishing sum of vectors are stationary; none is stable
        assert not any(s.stable for s in three_cluster_states(sine(), (3, 2, 2), grid=8))

    def test_weights_that_are_not_integers(self):
        (state, *_) = three_cluster_states(attention(-2.0), (1.5, 1.0, 1.0))
        assert state.stable and state.alpha == pytest.approx(1.952562927465, abs=6e-13)
        with pytest.raises(ValueError, match="integers"):
            state.positions  # noqa: B018

    def test_bad_input(self):
        with pytest.raises(ValueError, match="sizes"):
            three_cluster_states(sine(), (1, 2))
        with pytest.raises(ValueError, match="sizes"):
            three_cluster_states(sine(), (1, 2, -1))
        with pytest.raises(ValueError, match="corners"):
            polygon_state(sine(), 1)


def random_triangles(count, seed):
    """Inverse temperatures of both signs; weights far from each other, near each other, equal."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        beta = rng.uniform(
            *[(-30, -10), (-10, -3), (-3, -1), (-1, -0.5), (-0.5, 3), (3, 10)][k % 6]
        )
        w = rng.dirichlet([1, 1, 1] if k % 4 < 2 else [30, 30, 30])
        if k % 4 == 3:
            w[1] = w[2]
        yield beta, w


def rows_apart(found, others):
    """Distance of each row of `others` from the nearest of `found`."""
    gaps = np.abs(others[:, None] - found[None]).max(axis=-1)
    return gaps.min(axis=1) if len(found) else np.full(len(others), np.inf)


class TestAllTriangles:
    def compare(self, count, seed):
        for beta, w in random_triangles(count, seed):
            found = three_cluster_arcs(beta, w)
            y = _searched(attention(beta), w, 24)
            arcs = np.stack([y[:, 1] - y[:, 0], -y[:, 1], y[:, 0]], axis=1) % (2 * np.pi)
            mirrored = np.abs(arcs.sum(axis=1) - 2 * np.pi) > 1
            arcs[mirrored] = 2 * np.pi - arcs[mirrored]
            # neither has a state that the other has not
            assert np.all(rows_apart(found, arcs) < 1e-7), (beta, w)
            assert np.all(rows_apart(arcs, found) < 1e-7), (beta, w)

    def test_against_the_search(self):
        self.compare(60, 1)

    @pytest.mark.slow
    def test_against_the_search_many(self):
        self.compare(1000, 2)

    def test_law_of_sines(self):
        # what is found is at rest, to rounding
        counts = set()
        for beta, w in random_triangles(4000, 3):
            arcs = three_cluster_arcs(beta, w)
            counts.add(len(arcs))
            assert np.all(np.abs(arcs.sum(axis=1) - 2 * np.pi) < 1e-13)
            # what π − d is known to
            known = 1e-14 / np.minimum(np.pi - arcs, 1).min(axis=1, initial=1)
            force = np.log(np.sin(arcs)) + beta * np.cos(arcs) - np.log(w)
            off = np.ptp(force, axis=1) if len(arcs) else np.zeros(0)
            assert np.all(off < 1e-12 * (1 + abs(beta)) + known), (beta, w)
        assert {0, 1, 2, 4} <= counts <= {0, 1, 2, 3, 4}

    def test_closed_forms(self):
        # two equal clusters: n0/n1 = r(x), and the sine: angles of the triangle with these sides
        span = three_cluster_range(-2.0)
        arcs = three_cluster_arcs(-2.0, [3, 2, 2])
        angle = span.angle(1.5)
        assert np.min(np.abs(arcs - [2 * np.pi - 2 * angle, angle, angle]).max(axis=1)) < 1e-14
        a, b, c = 3.0, 2.5, 1.2
        corner = np.arccos((b * b + c * c - a * a) / (2 * b * c))
        (only,) = three_cluster_arcs(0.0, [a, b, c])
        assert only[0] == pytest.approx(np.pi - corner, abs=1e-14)
        assert len(three_cluster_arcs(0.0, [a, 1.2, 1.2])) == 0  # no such triangle

    @pytest.mark.parametrize("light", [1e-3, 1e-5, 1e-10, 1e-300])
    def test_a_light_cluster_of_the_sine(self, light):
        # isosceles: sides 1, 1 and w, whose angle at the top is 2 asin(w/2)
        top = 2 * np.arcsin(light / 2)
        expected = [np.pi - top, (np.pi + top) / 2, (np.pi + top) / 2]
        for unit in (1.0, 3e-5, 1e308 / 3):
            (only,) = three_cluster_arcs(0.0, np.array([light, 1.0, 1.0]) * unit)
            assert only == pytest.approx(expected, rel=1e-15)

    def test_flat_triangles_of_the_sine(self):
        # sides 1, 1 and 2 − e: arcs e₀ = π − 2 asin(1 − e/2) ≈ 2√e, exact in e; none without e
        e = 2.0**-50
        (only,) = three_cluster_arcs(0.0, [2.0 - e, 1.0, 1.0])
        assert only[0] == pytest.approx(2 * np.sqrt(e), rel=1e-14)
        assert only.sum() == pytest.approx(2 * np.pi, rel=1e-15)
        assert len(three_cluster_arcs(0.0, [2.0, 1.0, 1.0])) == 0
        # next to the sine the search finds the same
        rng = np.random.default_rng(5)
        for w in rng.dirichlet([5, 5, 5], size=50):
            sure = three_cluster_arcs(0.0, w)
            assert sure == pytest.approx(three_cluster_arcs(1e-14, w), abs=1e-10)

    def test_scales_and_order_do_not_matter(self):
        one = three_cluster_arcs(-2.0, [0.5, 0.3, 0.25])
        other = three_cluster_arcs(-2.0, [300.0, 250.0, 500.0])[:, [2, 0, 1]]
        assert one == pytest.approx(other, abs=1e-13)

    def test_what_is_not_sure(self):
        with pytest.raises(RuntimeError, match="merge"):
            three_cluster_arcs(-2 / 3, [1, 1, 1])
        assert three_cluster_states(attention(-2 / 3), (1, 1, 1))
        with pytest.raises(ValueError, match="weights"):
            three_cluster_arcs(-1.0, [1, 0, 1])
        with pytest.raises(ValueError, match="beta"):
            three_cluster_arcs(-301.0, [1, 1, 1])


def test_polygons_of_attention_are_unstable_for_positive_beta():
    for corners in (2, 3, 5, 8):
        assert not polygon_state(attention(3.0), corners).stable
    assert polygon_state(fourier([0.0, 0.0, 1.0]), 3).stable


class TestCriticalCoupling:
    @pytest.mark.parametrize(
        ("distribution", "value"),
        [
            (scipy.stats.cauchy(loc=3, scale=0.5), 1.0),
            (scipy.stats.norm(scale=2), 2 * np.sqrt(8 / np.pi)),
            (scipy.stats.uniform(-1, 2), 4 / np.pi),
            (lambda w: np.exp(-w * w / 2) / np.sqrt(2 * np.pi), np.sqrt(8 / np.pi)),
        ],
    )
    def test_unimodal(self, distribution, value):
        assert critical_coupling(distribution) == pytest.approx(value, rel=1e-12)

    @pytest.mark.parametrize("separation", [0.3, 2.0])
    def test_bimodal_lorentzian(self, separation):
        # Martens et al., Phys. Rev. E 79, 026204 (2009): 4Δ for separated peaks, 2(Δ²+ω₀²)/Δ for
        # close ones
        delta = 0.5

        def density(w):
            return (
                0.5
                * delta
                / np.pi
                * (1 / ((w - separation) ** 2 + delta**2) + 1 / ((w + separation) ** 2 + delta**2))
            )

        exact = 4 * delta if separation > delta else 2 * (delta**2 + separation**2) / delta
        assert critical_coupling(density) == pytest.approx(exact, rel=1e-9)

    def test_two_particles(self):
        assert critical_coupling([-0.5, 0.5]) == pytest.approx(1.0, rel=1e-15)
        assert critical_coupling([7.0, 9.0]) == pytest.approx(2.0, rel=1e-15)
        # c₁ sin + c₂ sin over C: the phase difference obeys φ' = Δ − K sin φ whatever the weights
        assert critical_coupling([0.0, 1.0], weights=[3.0, 1.0]) == pytest.approx(1.0, rel=1e-14)

    def test_equal_frequencies(self):
        assert critical_coupling([0.1, 0.1, 0.1]) == 0.0
        assert critical_coupling([5.0]) == 0.0
        assert locked_state([0.1, 0.1, 0.1], 1.0).order_parameter == 1.0

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.floats(-3, 3), min_size=2, max_size=30), st.floats(1.0, 4.0))
    def test_locked_states_are_stationary_and_stable(self, frequencies, factor):
        omega = np.array(frequencies)
        threshold = critical_coupling(omega)
        if threshold < 1e-6:
            return
        state = locked_state(omega, threshold * factor)
        x = state.positions
        velocity = omega - state.coupling * np.mean(np.sin(x[:, None] - x[None, :]), axis=1)
        np.testing.assert_allclose(velocity, state.frequency, atol=1e-12 * state.coupling)
        assert abs(np.mean(np.exp(1j * x))) == pytest.approx(state.order_parameter, abs=1e-13)
        if factor > 1.001:
            values = np.linalg.eigvalsh(full_jacobian(sine(), x))
            assert values[-2] < 0

    def test_threshold_by_scanning_the_mean_field(self):
        omega = np.random.default_rng(1).normal(size=40)
        d = omega - omega.mean()
        field = np.max(np.abs(d)) * (1 + np.logspace(-10, 1, 20001))
        scan = min(u / np.mean(np.sqrt(1 - (d / u) ** 2)) for u in field)
        threshold = critical_coupling(omega)
        assert threshold <= scan and threshold == pytest.approx(scan, rel=1e-7)
        with pytest.raises(ValueError, match="coupling must be at least"):
            locked_state(omega, 0.999 * threshold)
        assert np.isfinite(locked_state(omega, threshold).order_parameter)

    def test_large_population_approaches_the_distribution(self):
        # equidistant frequencies: the uniform distribution's locking threshold is its onset, 4γ/π
        omega = np.linspace(-1, 1, 20001)
        assert critical_coupling(omega) == pytest.approx(4 / np.pi, rel=1e-3)

    def test_order_parameter_of_the_lorentzian(self):
        distribution = scipy.stats.cauchy(scale=0.5)
        for coupling in (1.1, 2.0, 10.0):
            exact = np.sqrt(1 - 1 / coupling)
            assert stationary_order_parameter(distribution, coupling) == pytest.approx(
                exact, abs=1e-10
            )
        assert stationary_order_parameter(distribution, 0.9) == 0.0
        with pytest.raises(ValueError, match="symmetric"):
            stationary_order_parameter(scipy.stats.gamma(3.0), 1.0)

    def test_skewed_distribution(self):
        with mp.workdps(25):

            def density(w):
                return w * w * mp.exp(-w) / 2

            def hilbert(w):
                near = mp.quad(lambda x: (density(x) - density(w)) / (x - w), [0, w, 2 * w])
                return near + mp.quad(lambda x: density(x) / (x - w), [2 * w, 4 * w, 8 * w, mp.inf])

            exact = 2 / (mp.pi * density(mp.findroot(hilbert, (1.5, 2.5), solver="secant")))
        assert critical_coupling(scipy.stats.gamma(3.0)) == pytest.approx(float(exact), rel=1e-9)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="frequencies"):
            critical_coupling([])
        with pytest.raises(ValueError, match="frequencies"):
            critical_coupling([np.nan, 1.0])
        with pytest.raises(ValueError, match="weights"):
            critical_coupling([0.0, 1.0], weights=[1.0, 0.0])
        with pytest.raises(ValueError, match="weights"):
            critical_coupling(scipy.stats.norm(), weights=[1.0])
        with pytest.raises(ValueError, match="integrate to 1"):
            critical_coupling(lambda w: np.exp(-w * w))
        with pytest.raises(ValueError, match="not negative"):
            critical_coupling(lambda w: -np.exp(-w * w))
