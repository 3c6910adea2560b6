"""Times of merges against runs of all particles by SciPy's integrator, and against closed forms."""

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage

from qsyncplug.circle import Circle, StationaryError, attention, coalesce, fourier, sine
from qsyncplug.circle.joins import Groups, Moment
from qsyncplug.circle.tree import TreeBuilder

from . import reference


def independent(model, x0, end, gap=1e-8):
    """ln t of the merges of all particles, none of which is ever merged.

    Two clusters merge when the last two of their particles come within the gap: complete linkage of
    the times.
    """
    order = np.argsort(x0)
    # neighbours' distances as variables, so that each keeps all its digits
    start = np.diff(x0[order])

    turned = Circle(
        model.interaction,
        model.normalization,
        weights=None if model.weights is None else model.weights[order],
    )
    run = scipy.integrate.solve_ivp(
        lambda t, d: np.diff(pair_velocity(turned, d)),
        (0, end),
        start,
        "DOP853",
        rtol=1e-12,
        atol=1e-17,
        dense_output=True,
    )
    n = x0.size
    times = []
    for i in range(n):
        for j in range(i + 1, n):

            def spread(u, i=i, j=j):
                return np.log(max(np.sum(run.sol(np.exp(u))[i:j]), 1e-30) / gap)

            times.append(scipy.optimize.brentq(spread, -9.0, np.log(end), xtol=1e-13))
    return linkage(np.array(times), "complete")[:, 2]


def pair_velocity(model, d):
    """Velocities by sums over pairs, with differences that are sums of the neighbours'
    distances.
    """
    n = d.size + 1
    difference = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1, n):
            difference[j, i] = np.sum(d[i:j])
            difference[i, j] = -difference[j, i]
    c = np.ones(n) if model.weights is None else model.weights
    total = -reference.physical(model.interaction, difference) @ c
    if model.normalization == "attention":
        return total / (np.exp(model.interaction.beta * np.cos(difference)) @ c)
    return total / (c.sum() if model.normalization == "mean" else 1.0)


@pytest.mark.parametrize(
    ("model", "n", "end"),
    [
        (Circle(sine()), 3, 9.0),
        (Circle(sine(), "mean"), 8, 60.0),
        (Circle(attention(2.0), "attention"), 8, 60.0),
        (
            Circle(
                attention(3.0, scaled=True), "mean", weights=np.array([1.0, 5.0, 0.2, 2.0, 1.0])
            ),
            5,
            100.0,
        ),
        (Circle(fourier([1.0, 0.2])), 4, 12.0),
    ],
    ids=repr,
)
def test_every_merge_has_its_own_time(model, n, end):
    x0 = np.random.default_rng(n).uniform(0, 2.8, n)
    expected = independent(model, x0, end)
    run = coalesce(model, x0)
    assert run.merge_log_times == pytest.approx(expected, abs=2e-8)
    assert np.all(np.diff(run.merge_log_times) > 1e-6)
    assert run.cluster_counts.tolist() == list(range(n - 1, 0, -1))
    wide = coalesce(model, x0, gap=1e-5)
    assert wide.merge_log_times == pytest.approx(independent(model, x0, end, 1e-5), abs=1e-8)


def test_three_particles_in_closed_form():
    # distances a, a: ȧ = −sin a − sin 2a; in z = cos a: t = ∫ dz/((1−z²)(1+2z)).
    # The first two merge at a=1e-8, the third when 2a=1e-8
    def time(a):
        def primitive(z):
            return -np.log1p(-z) / 6 - np.log1p(z) / 2 + 2 / 3 * np.log1p(2 * z)

        near = (
            -np.log(2 * np.sin(a / 2) ** 2) / 6
            - np.log1p(np.cos(a)) / 2
            + 2 / 3 * np.log1p(2 * np.cos(a))
        )
        return near - primitive(np.cos(1.0))

    run = coalesce(Circle(sine()), [0.0, 1.0, -1.0])
    assert run.merge_log_times == pytest.approx(
        [np.log(time(1e-8)), np.log(time(5e-9))], abs=1e-8
    )  # 1e-15 of a position


@pytest.mark.parametrize("rtol", [1e-8, 1e-10, 1e-12])
def test_many_particles_merge_when_they_meet(rtol):
    x0 = np.r_[np.random.default_rng(0).uniform(0, 5, 300), 5.5, 5.5 + 1e-7]
    # mean field of all, and the distance of the last two as a variable of its own

    def motion(t, y):
        x = y[:-1]
        z = np.mean(np.exp(1j * x))
        v = np.imag(z * np.exp(-1j * x))
        return np.append(v, -2 * np.sin(y[-1] / 2) * np.real(z * np.exp(-1j * (x[-2] + y[-1] / 2))))

    met = lambda t, y: y[-1] - 1e-8  # noqa: E731
    met.terminal = True
    y0 = np.append(x0, 1e-7)
    run = scipy.integrate.solve_ivp(
        motion, (0, 30), y0, "DOP853", rtol=1e-12, atol=1e-16, events=met
    )
    expected = np.log(run.t_events[0][0])
    assert expected == pytest.approx(1.914549, abs=1e-6)
    assert coalesce(Circle(sine(), "mean"), x0, options={"rtol": rtol}).merge_log_times[
        0
    ] == pytest.approx(expected, abs=1e-5)


def test_first_and_last_merge_of_many():
    x0 = np.sort(np.random.default_rng(4).uniform(0, 2.5, 320))
    model = Circle(attention(2.0, scaled=True), "mean")
    merges = coalesce(model, x0, gap=1e-6).merge_log_times
    run = scipy.integrate.solve_ivp(
        lambda t, x: reference.velocity(model, x),
        (0, 40),
        x0,
        "DOP853",
        rtol=1e-11,
        atol=1e-15,
        dense_output=True,
    )
    # the last merge is where the whole extent reaches the gap, the first where the first pair does
    last = scipy.optimize.brentq(
        lambda u: np.log(np.ptp(run.sol(np.exp(u))) / 1e-6), 0.0, np.log(40.0), xtol=1e-12
    )
    first = scipy.optimize.brentq(
        lambda u: np.log(np.min(np.diff(run.sol(np.exp(u)))) / 1e-6), -12.0, 2.0, xtol=1e-12
    )
    assert merges[[0, -1]] == pytest.approx([first, last], abs=5e-5)  # the documented resolution


@given(st.lists(st.floats(0, 1), min_size=2, max_size=60), st.floats(0.001, 0.3))
def test_groups_extend_over_no_more_than_the_gap(values, gap):
    x = np.sort(np.array(values))
    none = np.zeros(x.size)
    tree = TreeBuilder(np.ones(x.size))
    groups = Groups(np.arange(x.size), gap)
    moment = Moment(0.0, x, none, none, none, lambda k: np.zeros(k.size))
    groups.advance(moment, moment, tree, lambda t: t)
    assert np.all(x[groups.last] - x[groups.first] <= gap)
    # no two neighbours fit together
    assert np.all(x[groups.last[1:]] - x[groups.first[:-1]] > gap)
    assert tree.count == x.size - groups.count


def test_groups_keep_out_what_is_not_allowed():
    x = np.array([0.0, 0.01, 0.02, 0.03])
    none = np.zeros(4)
    margin = np.array([1.0, 1.0, -1.0, 1.0])
    moment = Moment(0.0, x, none, none, none, lambda k: margin[k])
    groups = Groups(np.arange(4), 1.0)
    groups.advance(moment, moment, TreeBuilder(np.ones(4)), lambda t: t)
    assert groups.first.tolist() == [0, 2, 3]
    # the second reaches down towards the first: with the third it would be too wide
    wide = Moment(0.0, x, np.array([0, 0.009, 0, 0]), none, none, lambda k: np.ones(k.size))
    groups = Groups(np.arange(4), 0.015)
    groups.advance(wide, wide, TreeBuilder(np.ones(4)), lambda t: t)
    assert groups.first.tolist() == [0, 2]


@pytest.mark.parametrize("seed", range(20))
def test_joins_of_one_step_are_complete_linkage(seed):
    # every distance shrinks alike within one step: pairs meet at times that are known
    rng = np.random.default_rng(seed)
    gap, h = 1e-8, 1.0
    x = np.sort(rng.uniform(0, 1, rng.integers(2, 40)))
    n = x.size
    none, rate = np.zeros(n), np.full(n, 30.0)
    tree = TreeBuilder(np.ones(n))
    groups = Groups(np.arange(n), gap)
    begin = Moment(0.0, x, none, none, rate, lambda k: np.ones(k.size))
    end = Moment(h, x * np.exp(-30.0 * h), none, none, rate, lambda k: np.ones(k.size))
    groups.advance(begin, end, tree, lambda t: t)
    times = np.array([np.log((x[j] - x[i]) / gap) / 30 for i in range(n) for j in range(i + 1, n)])
    assert tree.count == n - 1
    assert tree.log_time == pytest.approx(linkage(times, "complete")[:, 2], abs=1e-9)
    assert tree.size[-1] == n


class TestStandingStill:
    @pytest.mark.parametrize(
        ("model", "x0"),
        [
            (Circle(sine()), [0.0, np.pi]),
            (Circle(attention(1.0), "attention"), [0.0, 0.3, np.pi, np.pi + 0.3]),
        ],
    )
    def test_antipodal(self, model, x0):
        with pytest.raises(StationaryError, match="cancel") as stopped:
            coalesce(model, x0, options={"nsteps": 2000})
        assert stopped.value.reason == "balanced"
        assert np.diff(stopped.value.result.final_positions) == pytest.approx([np.pi], abs=1e-7)

    @pytest.mark.parametrize(
        ("beta", "x0", "steps"), [(-1.0, [0.1, 2.3, 4.0], 500), (-8.0, [0.1, 2.3, 4.0, 4.01], 5000)]
    )
    def test_a_stable_state_that_is_reached(self, beta, x0, steps):
        # β<−2/3: the triangle is stable (PRY, Corollary 2.6)
        with pytest.raises(StationaryError, match="stable state") as stopped:
            coalesce(Circle(attention(beta), "mean"), x0, options={"nsteps": steps})
        assert stopped.value.reason == "stable"
        x = stopped.value.result.final_positions
        m = stopped.value.result.final_masses
        d = x[:, None] - x
        push = np.sin(d) * np.exp(beta * np.cos(d))
        assert np.max(np.abs(push @ m)) < 1e-4 * np.max(np.abs(push))
        assert x.size == 3

    def test_slow_is_not_still(self):
        # ln t = 2000: forces of e^{-2000} move the clusters, and nothing calls them stationary
        assert coalesce(
            Circle(attention(1000.0, scaled=True), "mean"), np.linspace(0, 5, 40) ** 1.01
        ).complete
