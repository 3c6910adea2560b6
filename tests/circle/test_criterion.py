"""Criterion against 50 digits and quadrature; the interval proof against the criterion."""

import itertools
import math
import sys

import mpmath as mp
import numpy as np
import pytest
import scipy.integrate

from qsyncplug.circle.callables import interaction
from qsyncplug.circle.certificate import certify_attention
from qsyncplug.circle.criterion import attention_threshold, synchronization_criterion
from qsyncplug.circle.interactions import attention, fourier, sine
from qsyncplug.core.errors import ApproximationWarning

PI = np.pi


def reference(beta, gap):
    """Ratio and τ with 50 digits, from PRY's quartic."""
    with mp.workdps(60):
        b = mp.mpf(beta)

        def p(z):
            return -(
                b**3 * z**4
                + 6 * b**2 * z**3
                + (7 * b - 2 * b**3) * z**2
                + (1 - 6 * b**2) * z
                + b**3
                - 4 * b
            )

        near = [
            float(c) for c in (-(b**3), -6 * b**2, 2 * b**3 - 7 * b, 6 * b**2 - 1, 4 * b - b**3)
        ]
        guesses = [
            float(z.real) for z in np.roots(near) if abs(z.imag) < 1e-9 and -1 < z.real < 1 - 1e-12
        ]
        inside = sorted(mp.findroot(p, mp.mpf(g)) for g in guesses)

        def second(z):
            return mp.sqrt(1 - z * z) * (b**2 * (1 - z * z) - 3 * b * z - 1) * mp.exp(b * (z - 1))

        points = [mp.mpf(-1), *inside, mp.mpf(1)]
        rise = mp.mpf(0)
        for lower, upper in itertools.pairwise(points):
            if p((lower + upper) / 2) > 0:
                rise += second(lower) - second(upper)
        tau = mp.acos(2 * b / (1 + mp.sqrt(1 + 4 * b * b)))
        return 4 * (1 + tau / gap) / (tau * 2 * rise), tau


@pytest.mark.parametrize("gap", [PI, 2 * PI])
@pytest.mark.parametrize(
    "beta", [-5.0, -0.5, -1 / 3, -0.26, -0.16, 1e-9, 1 / 3, 0.999, 1.0, 2.0, 7.3, 100.0, 1e4]
)
def test_ratio_to_rounding(beta, gap):
    ratio, tau = reference(beta, mp.mpf(gap))
    criterion = synchronization_criterion(attention(beta), gap)
    assert abs(criterion.ratio / ratio - 1) < 1e-14
    assert abs(criterion.tau / tau - 1) < 1e-14
    assert criterion.certified == (ratio >= 1)


def test_values_of_the_paper_and_limits():
    assert synchronization_criterion(attention(2.0)).tau == pytest.approx(
        0.67488884558600638, rel=1e-15
    )
    assert synchronization_criterion(sine()).ratio == pytest.approx(6 / PI, rel=1e-15)
    assert synchronization_criterion(sine(), 2 * PI).ratio == pytest.approx(5 / PI, rel=1e-15)
    # β→∞: τ√β→1 and f″ becomes a fixed profile in y, with stationary points (3±√6)/2
    y = (3 + np.array([1, -1]) * np.sqrt(6)) / 2
    high, low = np.sqrt(2 * y) * (2 * y - 3) * np.exp(-y)
    limit = 4 / (2 * (high - low))
    assert limit == pytest.approx(1.13959076640311, rel=1e-13)
    ratios = [synchronization_criterion(attention(b), 2 * PI).ratio for b in (1e2, 1e3, 1e4)]
    assert abs(ratios[2] - limit) < abs(ratios[1] - limit) < abs(ratios[0] - limit) < 0.03


def test_thresholds():
    assert attention_threshold() == pytest.approx(-0.261561905359508, abs=3e-15)
    assert attention_threshold(2 * PI) == pytest.approx(-0.192143494159787, abs=3e-15)
    with mp.workdps(40):
        for gap, value in (
            (mp.pi, attention_threshold()),
            (2 * mp.pi, attention_threshold(2 * PI)),
        ):
            root = mp.findroot(lambda b, gap=gap: reference(b, gap)[0] - 1, mp.mpf("-0.2"))
            assert abs(root - value) < 1e-15


@pytest.mark.parametrize(
    "f", [attention(1.5), attention(-0.2), fourier([1, 0.3]), fourier([1, -0.2, 0.1])], ids=repr
)
def test_integral_against_quadrature(f):
    criterion = synchronization_criterion(f)
    points = sorted({*criterion.sign_changes})
    value, _ = scipy.integrate.quad(
        lambda x: max(float(f.d3f(x)), 0.0), 0, PI, points=points, epsabs=1e-12, limit=200
    )
    assert criterion.integral == pytest.approx(2 * value, rel=1e-10)
    # the definition of τ: f′ vanishes there and is negative beyond
    assert abs(float(f.df(criterion.tau))) < 1e-13
    beyond = np.linspace(criterion.tau + 1e-6, PI, 2001)
    assert np.all(f.df(beyond) < 0)


@pytest.mark.parametrize("beta", [-2.0, -0.25, 0.0, 0.5, 4.0])
def test_general_method_equals_closed_form(beta):
    closed = synchronization_criterion(attention(beta))
    series = synchronization_criterion(fourier(attention(beta).coefficients(1e-18)))
    by_hand = synchronization_criterion(
        interaction(
            attention(beta).f,
            derivatives=(attention(beta).df, attention(beta).d2f, attention(beta).d3f),
        )
    )
    for other in (series, by_hand):
        assert other.ratio == pytest.approx(closed.ratio, rel=2e-12)
        assert other.tau == pytest.approx(closed.tau, rel=1e-12)
        assert other.certified == closed.certified


def test_scale_does_not_matter():
    ratio = synchronization_criterion(fourier([1, 0.3])).ratio
    assert synchronization_criterion(fourier([7, 2.1])).ratio == pytest.approx(ratio, rel=1e-14)


def test_half_circle_bound_is_checked():
    # sin x + 0.8 sin 3x has f<0 inside (0, π): gaps of π and more are possible in stable states
    f = fourier([0.2, 1.0])
    assert f.f(2.5) < 0
    criterion = synchronization_criterion(f)
    assert not criterion.gap_proved and not criterion.certified
    assert "max_gap=2π" in criterion.gap_bound
    assert synchronization_criterion(f, 2 * PI).gap_proved
    assert synchronization_criterion(fourier([1, 0.2])).gap_proved


def test_never_says_does_not_synchronise():
    for f in (fourier([-1.0]), attention(-5.0), fourier([0.2, 1.0]), attention(-0.3)):
        criterion = synchronization_criterion(f)
        assert not criterion.certified
        assert "not certified" in str(criterion) and "does not synchronise" not in str(criterion)
    assert synchronization_criterion(fourier([-1.0])).ratio < 0


def test_extremes():
    # underflow of f′(0) far into β<0 is a ratio of 0, not an error
    assert synchronization_criterion(attention(-1e4)).ratio == 0.0
    assert not synchronization_criterion(attention(-1e4)).certified


def test_bad_input():
    for gap in (0.0, -1.0, 7.0, np.nan):
        with pytest.raises(ValueError, match="max_gap"):
            synchronization_criterion(sine(), gap)
    with pytest.raises(TypeError, match="callable"):
        synchronization_criterion("sine")
    with pytest.warns(ApproximationWarning), pytest.raises(ValueError, match="must be smooth"):
        synchronization_criterion(lambda x: np.sign(np.sin(x)))


def test_thresholds_for_other_gaps():
    for gap in (0.05, 1.0, 4.0):
        beta = attention_threshold(gap)
        assert synchronization_criterion(attention(beta), gap).ratio == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("b", "tau", "slope"),
    [
        ([0.0, 1.0], PI, 2.0),
        ([1.0, -0.5], 2 * PI / 3, 0.0),
        ([-1.0], PI, -1.0),
        ([0.0, 0.0, 1.0], 5 * PI / 6, 3.0),
    ],
)
def test_shapes_with_f_prime_not_falling(b, tau, slope):
    # f′ of sin 2x is positive at π; of sin x − sin(2x)/2 it is cos x − cos 2x, zero at 0 and ±2π/3
    criterion = synchronization_criterion(fourier(b), 2 * PI)
    assert criterion.slope == pytest.approx(slope, abs=1e-14)
    assert not criterion.certified
    assert criterion.tau == pytest.approx(tau, abs=1e-12)


class TestCertificate:
    pytest.importorskip("flint")

    def test_paper_range_extended(self):
        certificate = certify_attention(-0.26156, 0.0)
        assert certificate.certified
        assert certificate.intervals == ((-0.26156, 0.0),)
        assert certificate.open_intervals == ()
        assert "[-0.26156, 0.0]" in certificate.statement
        assert "80 bits" in certificate.summary() and "Proof" in str(certificate)

    def test_all_the_way_to_infinity(self):
        certificate = certify_attention(-0.26156, math.inf)
        assert certificate.certified and certificate.intervals == ((-0.26156, math.inf),)
        assert "∞" in certificate.statement

    def test_smaller_gap_bound(self):
        certificate = certify_attention(-0.2615, 3.5, max_gap=2 * PI)
        assert not certificate.certified
        ((low, high),) = certificate.intervals
        assert high == 3.5
        assert attention_threshold(2 * PI) < low < attention_threshold(2 * PI) + 1e-8
        assert certificate.open_intervals == ((-0.2615, low),)
        assert "not certified" in certificate.statement

    @pytest.mark.parametrize(
        ("low", "high"), [(-0.2, 0.5), (0.3, 0.4), (1.0, 5.0), (2.9, 3.1), (50.0, 60.0), (9e3, 1e4)]
    )
    def test_bound_is_below_and_near_the_true_ratio(self, low, high):
        certificate = certify_attention(low, high)
        assert certificate.certified
        smallest = min(
            synchronization_criterion(attention(b)).ratio for b in np.linspace(low, high, 41)
        )
        assert certificate.ratio <= smallest
        point = certify_attention(low, low)
        assert point.ratio <= synchronization_criterion(attention(low)).ratio
        assert point.ratio == pytest.approx(
            synchronization_criterion(attention(low)).ratio, rel=1e-6
        )

    @pytest.mark.parametrize(("low", "high"), [(-0.2616, -0.2616), (-0.3, -0.27), (-5.0, -1.0)])
    def test_nothing_false_is_proved(self, low, high):
        certificate = certify_attention(low, high)
        assert not certificate.certified and certificate.intervals == ()
        assert np.isnan(certificate.ratio)
        assert "does not synchronise" not in str(certificate)

    def test_few_boxes_leave_the_rest_open(self):
        certificate = certify_attention(-0.2615, 2.0, max_boxes=3)
        assert not certificate.certified
        assert certificate.open_intervals

    def test_precision_is_restored(self):
        import flint

        before = flint.ctx.prec
        certify_attention(0.0, 0.1, precision=200)
        assert flint.ctx.prec == before

    def test_bad_input(self):
        with pytest.raises(ValueError, match="must not be above"):
            certify_attention(1.0, 0.0)
        with pytest.raises(ValueError, match="max_gap"):
            certify_attention(0.0, 1.0, max_gap=3.0)
        with pytest.raises(ValueError, match="precision"):
            certify_attention(0.0, 1.0, precision=20)
        with pytest.raises(ValueError, match="beta_lo"):
            certify_attention(np.nan, 1.0)

    def test_missing_flint_is_explained(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "flint", None)
        with pytest.raises(ImportError, match=r"needs flint: pip install .*certify"):
            certify_attention(0.0, 1.0)
