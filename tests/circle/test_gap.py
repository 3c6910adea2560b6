"""The gap functional: its reduction, its values, and proofs that a checker checks."""

import dataclasses

import mpmath
import numpy as np
import pytest

from qsyncplug.circle import (
    attention,
    certify_attention,
    check_box,
    fourier,
    sine,
    stability,
    synchronization_criterion,
    three_cluster_states,
)
from qsyncplug.circle.gapcheck import _Check, _Diagonals
from qsyncplug.circle.gapsearch import Edges, attention_values, best_gamma, cover, longest, make_box
from qsyncplug.circle.model import Circle

flint = pytest.importorskip("flint")


def functional(f, theta, weights, g):
    """Σ_j W_j T_j, written down from the statement, in plain loops."""
    k = len(theta)
    gaps = np.append(np.diff(theta), theta[0] + 2 * np.pi - theta[-1])
    f0 = float(f.df(0.0))
    total = 0.0
    for j in range(k):
        t = -0.5 * (g(gaps[j]) + g(gaps[j - 1])) * f0
        for i in range(k):
            a = theta[i] - theta[j]
            b = a + gaps[i]
            t += g(gaps[i]) * float(0.5 * (f.df(a) + f.df(b)) - (f.f(b) - f.f(a)) / gaps[i])
        total += weights[j] * t
    return total


@pytest.mark.parametrize(
    ("beta", "sizes"), [(-0.7, (2, 2, 2)), (-2.0, (3, 2, 2)), (-1.0, (6, 7, 7))]
)
@pytest.mark.parametrize("g", [lambda d: 1 / d, lambda d: 1.0, lambda d: np.exp(-d) / d])
def test_stable_states_obey_the_inequality(beta, sizes, g):
    # the reduction: for stable states of several clusters the sum is not negative, whatever g>0
    state = three_cluster_states(attention(beta), sizes)[0]
    assert state.stable
    order = np.argsort(np.mod(state.angles, 2 * np.pi))
    theta = np.mod(state.angles, 2 * np.pi)[order]
    value = functional(attention(beta), theta, np.array(sizes, float)[order], g)
    assert value >= 0


def test_unstable_states_need_not():
    theta = 2 * np.pi * np.arange(3) / 3
    f = attention(-0.3)
    assert not stability(Circle(f), np.repeat(theta, 2)).stable
    assert functional(f, theta, np.full(3, 2.0), lambda d: 1 / d) < 0


@pytest.mark.parametrize(("beta", "positive"), [(-0.605, False), (-0.62, True)])
def test_reciprocal_gaps(beta, positive):
    # g = 1/Δ: holds at −0.605, fails by 0.0096 at −0.62
    x = 2 * np.pi * np.arange(481) / 480
    edges = Edges(attention_values(beta, x), np.arccos(2 * beta / (1 + np.hypot(1, 2 * beta))))
    end = longest(edges, np.ones(edges.top)).end
    assert (end > 0) == positive
    if positive:
        assert end == pytest.approx(0.0096, abs=3e-4)


def test_longest_path_is_a_path():
    # independent: the value of random partitions from their own sum never exceeds it
    beta, n = -0.5, 120
    x = 2 * np.pi * np.arange(n + 1) / n
    tau = np.arccos(2 * beta / (1 + np.hypot(1, 2 * beta)))
    edges = Edges(attention_values(beta, x), tau)
    end = longest(edges, np.ones(edges.top)).end
    rng = np.random.default_rng(5)
    f, h, values = attention(beta), 2 * np.pi / n, []
    for _ in range(300):
        nodes = np.sort(rng.choice(np.arange(1, n), rng.integers(1, 8), replace=False))
        theta = np.concatenate([[0], nodes]) * h
        gaps = np.append(np.diff(theta), 2 * np.pi - theta[-1])
        if np.sum(gaps > tau) > 1 or np.max(gaps) > np.pi:
            continue
        one = np.zeros(theta.size)
        one[0] = 1 / float(f.df(0.0))
        values.append(functional(f, theta, one, lambda d: 1 / d))
    assert len(values) > 50 and max(values) <= end + 1e-12


def test_criterion_of_any_odd_function():
    for f, expected in ((sine(), True), (attention(-0.6), True), (attention(-0.665), True)):
        found = synchronization_criterion(f, method="gap")
        assert found.certified is expected and found.method == "gap" and bool(found)
    # stable three-cluster states exist: it must not hold
    for f in (attention(-0.68), attention(-1.0)):
        assert not synchronization_criterion(f, method="gap")
    mixed = synchronization_criterion(fourier([1.0, -0.2]), method="gap")
    assert mixed.certified and mixed.gap_value < 0
    # f changes sign on (0, π)
    other = synchronization_criterion(fourier([1.0, 0.0, 1.1]), method="gap")
    assert not other.certified and "f>0" in other.statement
    with pytest.raises(ValueError, match="method must be"):
        synchronization_criterion(sine(), method="gaps")


@pytest.mark.parametrize("beta", [-0.3, -0.62])
def test_tables_of_the_checker(beta):
    # derivatives against mpmath's, which differentiates numerically at 40 digits
    f = attention(beta)
    box = _box(beta)
    check = _Check(box, box.before.shape[1] - 1)
    mpmath.mp.dps = 40
    try:
        for k in (3, 50, 111, 200):
            x = 2 * mpmath.pi * (mpmath.mpf(k) + 0.5) / check.n

            def value(t, b):
                return mpmath.sin(t) * mpmath.exp(b * (mpmath.cos(t) - 1))

            middle = mpmath.mpf(0.5) * (mpmath.mpf(box.lo) + mpmath.mpf(box.hi))
            for name, order in {
                "f": (0, 0),
                "f1": (1, 0),
                "f2": (2, 0),
                "f3": (3, 0),
                "f4": (4, 0),
                "f5": (5, 0),
                "g": (0, 1),
                "g1": (1, 1),
                "g2": (2, 1),
                "g3": (3, 1),
                "g4": (4, 1),
                "h2": (2, 2),
                "h3": (3, 2),
            }.items():
                exact = float(
                    mpmath.diff(value, (x, middle), order) if sum(order) else value(x, middle)
                )
                assert check.mid[name].mid[k] == pytest.approx(exact, rel=1e-12, abs=1e-13)
                low = check.hull[name].mid[k] - check.hull[name].rad[k]
                assert low <= exact <= check.hull[name].mid[k] + check.hull[name].rad[k]
    finally:
        mpmath.mp.dps = 15
    assert float(f.slope) > 0


@pytest.mark.parametrize("beta", [-0.3, -0.62])
def test_the_bounds_hold_within_cells(beta):
    # w(a, b) − (φ(b) − φ(a)) of the statement at random points of random cells, by plain formulas
    box = _box(beta)
    check = _Check(box, box.before.shape[1] - 1)
    tables, n, h = _Diagonals(check), check.n, 2 * np.pi / check.n
    rng, knots = np.random.default_rng(3), np.arange(box.slopes.size) * np.pi / 24
    areas = np.append(0, np.cumsum(np.diff(knots) * 0.5 * (box.slopes[1:] + box.slopes[:-1])))
    seen = 0
    for d in tables.blocks(box.reach):
        slack = check.slack(d, tables)
        pairs = (("before", "before"), ("after", "after"), ("before", "after"))
        for first, last in pairs:
            bound = slack(first, last)
            for _ in range(60):
                row = rng.integers(d.size)
                cell = rng.integers(n - d[row])
                a, b = (cell + rng.random()) * h, (cell + d[row] + rng.random()) * h
                if b - a > np.pi:
                    continue
                seen += 1
                t = rng.uniform(box.lo, box.hi)
                f, f1, f2 = attention_values(t, np.array([a, b]))
                k = int(np.searchsorted(knots, b - a)) - 1
                slope = np.interp(b - a, knots, box.slopes)
                gamma = 1 + areas[k] + 0.5 * (box.slopes[k] + slope) * (b - a - knots[k])
                w = gamma / (b - a) * (0.5 * (f1[0] + f1[1]) - (f[1] - f[0]) / (b - a))
                grid, by = np.arange(n + 1) * h, t - 0.5 * (box.lo + box.hi)
                phi = [
                    f2[i] / 12 + np.interp((a, b)[i], grid, psi[0] + by * psi[1])
                    for i, psi in enumerate((getattr(box, first), getattr(box, last)))
                ]
                assert w - (phi[1] - phi[0]) <= bound[row, cell] + 1e-13
    assert seen > 1000


def _box(beta, half=1e-4, cells=288):
    edges = Edges(
        attention_values(beta, 2 * np.pi * np.arange(241) / 240),
        np.arccos(2 * beta / (1 + np.hypot(1, 2 * beta))),
    )
    return make_box(beta - half, beta + half, cells, best_gamma(edges)[1], 24, 1)


@pytest.fixture(scope="module")
def box():
    return _box(-0.5)


class TestChecker:
    def test_right(self, box):
        assert check_box(box) and box.end < 0

    @pytest.mark.parametrize(
        "change",
        [
            {"end": 0.0},
            {"end": -5.0},
            {"lo": -0.7},
            {"lo": -0.49},
            {"constant": 3},
            {"reach": 40},
            {"reach": 0},
            {"constant": 0},
        ],
    )
    def test_wrong_numbers(self, box, change):
        assert not check_box(dataclasses.replace(box, **change))

    def test_wrong_functions(self, box):
        slopes = box.slopes.copy()
        slopes[10:] = -3.0  # γ becomes negative
        assert not check_box(dataclasses.replace(box, slopes=slopes))
        for name in ("before", "after"):
            for cell in (5, 100, 250):
                psi = getattr(box, name).copy()
                psi[0, cell:] += 1.0  # a jump that no later gap can undo
                lower = getattr(box, name).copy()
                lower[0, cell] -= 0.5
                assert not (
                    check_box(dataclasses.replace(box, **{name: psi}))
                    and check_box(dataclasses.replace(box, **{name: lower}))
                )
            flat = np.zeros_like(getattr(box, name))
            assert not check_box(dataclasses.replace(box, **{name: flat}))
            nan = getattr(box, name).copy()
            nan[0, 3] = np.nan
            assert not check_box(dataclasses.replace(box, **{name: nan}))

    def test_nothing_is_proved_where_stable_states_exist(self):
        # whatever is proposed at β<−2/3 must be refused; γ of a box that holds is proposed
        good = _box(-0.66, cells=1152)
        moved = dataclasses.replace(good, lo=-0.7, hi=-0.699)
        assert not check_box(moved)
        boxes, edge = cover(-0.68, -0.675, check_box, smallest=1e-4)
        assert boxes == [] and edge == -0.675


def test_certificate():
    proof = certify_attention(-0.3, 0.0, method="gap")
    assert proof and proof.certified and proof.intervals == ((-0.3, 0.0),)
    assert proof.gap_boxes and proof.verify()
    text = proof.summary()
    assert "gap functional" in text and "Σ_jW_jT_j ≥ 0" in text and "check_box" in text
    # boxes touch: nothing is left out
    ends = [(b.lo, b.hi) for b in proof.gap_boxes]
    assert all(ends[k][0] == ends[k + 1][1] for k in range(len(ends) - 1))
    assert ends[-1][0] == -0.3 and ends[0][1] == -0.26
    assert not certify_attention(-0.3, 0.0)
    # nothing below −2/3, where stable three-cluster states exist
    below = certify_attention(-0.8, -0.7, method="gap")
    assert not below and below.status == "open" and below.statement.startswith("not certified")


@pytest.mark.slow
@pytest.mark.parametrize(("lo", "hi"), [(-0.62, -0.26), (-0.66564, 0.0)])
def test_certificate_to_the_end(lo, hi):
    proof = certify_attention(lo, hi, method="gap")
    assert proof.certified, proof.statement
    assert proof.intervals == ((lo, hi),)
