"""Interactions: values and coefficients against 50 digits, identities, bad input."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsyncplug.circle.callables import interaction
from qsyncplug.circle.interactions import Interaction, attention, fourier, sine
from qsyncplug.core.errors import ApproximationWarning, StorageError

BETAS = [1e-9, 0.3, 1.0, 10.0, 100.0, 1000.0, 1e4, -0.7, -30.0, -1e4]


def exact(beta, x, order=0):
    """Derivative of the scaled attention, 50 digits."""
    with mp.workdps(50):
        b = mp.mpf(beta)

        def f(t):
            return mp.sin(t) * mp.exp(b * mp.cos(t) - abs(b))

        return mp.diff(f, mp.mpf(x), order, h=mp.mpf(10) ** -12) if order else f(mp.mpf(x))


@pytest.mark.parametrize("beta", BETAS)
def test_coefficients_are_accurate_to_rounding(beta):
    b = attention(beta).coefficients()
    a = attention(beta).normaliser_coefficients()
    with mp.workdps(50):
        z = mp.mpf(beta)
        for k in {1, 2, b.size // 2, b.size}:
            reference = 2 * k / z * mp.besseli(k, z) * mp.exp(-abs(z))
            assert abs(b[k - 1] - reference) <= 4e-16 * abs(reference)
        for k in {1, a.size // 2, a.size - 1} - {0}:
            reference = 2 * mp.besseli(k, z) * mp.exp(-abs(z))
            assert abs(a[k] - reference) <= 4e-16 * abs(reference)
        assert abs(a[0] - mp.besseli(0, z) * mp.exp(-abs(z))) <= 4e-16


@pytest.mark.parametrize(("beta", "modes"), [(1, 14), (10, 31), (100, 86), (1000, 265), (1e4, 835)])
def test_number_of_modes(beta, modes):
    assert attention(beta).coefficients(1e-15).size == modes


@pytest.mark.parametrize("beta", BETAS)
def test_values_have_relative_accuracy(beta):
    f = attention(beta)
    for x in (1e-8, 0.01, 0.3, 1.5, 3.0, 3.1415):
        reference = exact(beta, x)
        # the rounding of the exponent is amplified by its size
        exponent = 2 * abs(beta) * (math.sin(x / 2) if beta > 0 else math.cos(x / 2)) ** 2
        assert abs(float(f.f(x)) - reference) <= 1e-15 * (2 + exponent) * abs(reference) + 1e-300


@pytest.mark.parametrize("beta", [0.0, 2.0, 50.0, -3.0])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives(beta, order):
    f = attention(beta)
    value = (f.df, f.d2f, f.d3f)[order - 1]
    for x in (0.0, 0.1, 1.0, 3.0):
        assert float(value(x)) == pytest.approx(
            float(exact(beta, x, order)), rel=1e-10, abs=1e-12 * (1 + abs(beta)) ** 2
        )


@pytest.mark.parametrize(
    "f", [sine(), attention(5.0), attention(-5.0), fourier([1, -0.4, 0, 0.2])], ids=repr
)
def test_derivatives_by_complex_step(f):
    x = np.linspace(-4, 4, 37)
    for value, slope in ((f.f, f.df), (f.df, f.d2f), (f.d2f, f.d3f)):
        np.testing.assert_allclose(
            slope(x), np.imag(value(x + 1e-30j)) / 1e-30, rtol=1e-13, atol=1e-13
        )
    np.testing.assert_allclose(
        -f.f(x), np.imag(f.primitive(x + 1e-30j)) / 1e-30, rtol=1e-13, atol=1e-13
    )
    assert abs(f.primitive(np.pi / 2)) < 1e-15


@settings(max_examples=60, deadline=None)
@given(st.floats(-200, 200), st.floats(-7, 7))
def test_series_equals_function(beta, x):
    f = attention(beta)
    k = np.arange(1, f.coefficients().size + 1)
    assert float(np.sum(f.coefficients() * np.sin(k * x))) == pytest.approx(
        float(f.f(x)), abs=3e-15 * f.peak * k.size
    )
    a = f.normaliser_coefficients()
    assert float(np.sum(a * np.cos(np.arange(a.size) * x))) == pytest.approx(
        float(f.normaliser(x)), abs=3e-14
    )


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(-7, 7))
def test_symmetries(beta, x):
    f = attention(beta)
    assert f.f(-x) == -f.f(x)
    assert f.df(-x) == f.df(x)
    assert f.d2f(-x) == -f.d2f(x)
    # mirror image: f_{-β}(x) = f_β(π − x), up to the rounding of π − x, itself and in the exponent
    assert float(attention(-beta).f(x)) == pytest.approx(
        float(f.f(np.pi - x)), rel=1e-14 * (1 + abs(beta)), abs=1e-15 + np.spacing(np.pi - x)
    )


def test_scale_of_the_physical_function():
    x = np.linspace(-3, 3, 11)
    for beta in (2.0, -2.0):
        np.testing.assert_allclose(
            attention(beta)(x), np.sin(x) * np.exp(beta * np.cos(x)), rtol=1e-14
        )
        np.testing.assert_allclose(
            attention(beta, scaled=True)(x), np.sin(x) * np.exp(beta * (np.cos(x) - 1)), rtol=1e-14
        )
        assert attention(beta).log_scale == 2.0
    with pytest.raises(OverflowError, match="log_scale"):
        attention(800.0)(0.1)
    assert np.isfinite(attention(1e4).f(0.1))


def test_peak_is_the_maximum():
    x = np.linspace(0, np.pi, 200001)
    for f in (
        sine(),
        attention(0.5),
        attention(300.0),
        attention(-7.0),
        fourier([1, 0.5]),
        interaction(np.sin),
    ):
        assert f.peak == pytest.approx(np.max(np.abs(f.f(x))), rel=1e-3)


def test_small_beta_is_the_sine():
    for beta in (0.0, 1e-320, -1e-200):
        assert attention(beta).coefficients().tolist() == [1.0]
        np.testing.assert_allclose(attention(beta).f(0.7), np.sin(0.7), rtol=1e-15)
        assert attention(beta).primitive(0.3) == pytest.approx(np.cos(0.3))


def test_fourier_drops_zeros_and_small_tails():
    assert fourier([1, 2, 0, 0]) == fourier([1, 2])
    assert fourier([1.0, 1e-3, 1e-20]).coefficients().size == 2
    assert fourier([1.0, 1e-3, 1e-20]).coefficients(1e-30).size == 3


class TestCallables:
    def test_poisson_kernel_has_geometric_coefficients(self):
        r = 0.5  # Σ r^k sin kx = r sin x/(1 − 2r cos x + r²)
        f = interaction(lambda x: r * np.sin(x) / (1 - 2 * r * np.cos(x) + r * r), name="poisson")
        b = f.coefficients()
        np.testing.assert_allclose(b, r ** np.arange(1, b.size + 1), atol=2e-16)
        x = np.linspace(0, 3, 7)
        den = 1 - 2 * r * np.cos(x) + r * r
        slope = r * np.cos(x) / den - 2 * r * r * np.sin(x) ** 2 / den**2
        np.testing.assert_allclose(f.df(x), slope, atol=1e-13)

    def test_scalar_function_is_vectorised(self):
        f = interaction(math.sin)
        assert f.coefficients() == pytest.approx([1.0])
        assert f == interaction(math.sin)
        np.testing.assert_allclose(f.f(np.array([0.1, 0.2])), np.sin([0.1, 0.2]))

    def test_given_derivatives_are_used(self):
        f = interaction(np.sin, derivatives=(np.cos, lambda x: 7 + 0 * x))
        assert f.d2f(0.3) == 7
        assert f.d3f(0.3) == pytest.approx(-np.cos(0.3))

    def test_attention_by_hand(self):
        f = interaction(lambda x: np.sin(x) * np.exp(3 * (np.cos(x) - 1)))
        np.testing.assert_allclose(
            f.coefficients()[:10], attention(3.0).coefficients()[:10], atol=1e-16
        )

    def test_kink_warns(self):
        with pytest.warns(ApproximationWarning, match="do not decay"):
            f = interaction(lambda x: np.sign(np.sin(x)) * np.minimum(np.abs(np.sin(x)), 0.5))
        assert not f.decays and not f.storable
        assert f.f(np.pi / 2) == 0.5
        with pytest.raises(ValueError, match="do not decay"):
            f.df(0.0)

    @pytest.mark.parametrize(
        ("f", "match"),
        [
            (np.cos, "must be odd"),
            (lambda x: np.sin(x / 2), "2π-periodic"),
            (lambda x: 0 * x, "vanishes"),
            (lambda x: np.sin(x) * np.inf, "finite real"),
            (lambda x: 1j * np.sin(x), "finite real"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:invalid value")
    def test_refused(self, f, match):
        with pytest.raises(ValueError, match=match):
            interaction(f)

    def test_not_a_function(self):
        with pytest.raises(TypeError, match="callable"):
            interaction(3)
        with pytest.raises(TypeError, match="derivatives"):
            interaction(np.sin, derivatives=(1,))
        with pytest.raises(TypeError, match="map a number"):
            interaction(lambda x: "a")


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.1e4, -1.1e4])
def test_attention_refuses_values(bad):
    with pytest.raises(ValueError, match="beta"):
        attention(bad)


@pytest.mark.parametrize("bad", ["1", True, 1j, None])
def test_attention_refuses_types(bad):
    with pytest.raises(TypeError, match="beta"):
        attention(bad)


@pytest.mark.parametrize("bad", [[], [0.0, 0.0], [[1.0]], [np.nan]])
def test_fourier_refuses(bad):
    with pytest.raises(ValueError, match="b must"):
        fourier(bad)


def test_bad_tolerance():
    for f in (sine(), attention(1.0), fourier([1.0]), interaction(np.sin)):
        with pytest.raises(ValueError, match="tol"):
            f.coefficients(0.0)


def test_normaliser_belongs_to_the_attention():
    with pytest.raises(ValueError, match="attention"):
        fourier([1.0]).normaliser(0.0)
    with pytest.raises(ValueError, match="attention"):
        fourier([1.0]).normaliser_coefficients()
    assert sine().normaliser(2.0) == 1.0


@pytest.mark.parametrize(
    "f", [sine(), attention(-2.5), attention(3.0, scaled=True), fourier([1, 0.25])], ids=repr
)
def test_dictionary_round_trip(f):
    again = Interaction.from_dict(f.to_dict())
    assert again == f and hash(again) == hash(f)


def test_callable_is_stored_as_its_series():
    f = interaction(lambda x: np.tanh(np.sin(x)))
    again = Interaction.from_dict(f.to_dict())
    np.testing.assert_allclose(again.f(0.4), f.f(0.4), rtol=1e-14)
    with pytest.raises(StorageError, match="unknown interaction"):
        Interaction.from_dict({"kind": "pickle"})


def test_frozen_and_distinct():
    with pytest.raises(AttributeError):
        attention(1.0).inverse_temperature = 2.0
    assert sine() != attention(0.0) and sine() == sine()
    assert attention(1.0) != attention(1.0, scaled=True)
