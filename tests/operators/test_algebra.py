"""The operator algebra against matrices, and its laws."""

import math
import re

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp
from tests.systems import boson_reference as ref

LETTER = st.tuples(st.integers(0, 1), st.booleans())
NUMBER = st.tuples(st.integers(-3, 3), st.integers(-3, 3)).map(lambda x: complex(*x))
WORDS = st.lists(st.tuples(NUMBER, st.lists(LETTER, max_size=3).map(tuple)), max_size=3)
B = qsp.modes(2)
few = settings(max_examples=40, deadline=None)


def assert_same_operator(expression, words, low=3):
    """Compare with matrix products in a space so large that no intermediate state leaves it."""
    size = low + max(ref.degree(words), expression.degree)
    full = ref.matrix(words, (size, size))
    got = expression.qutip((size, size)).full()
    np.testing.assert_allclose(
        ref.corner(got, (size, size), low),
        ref.corner(full, (size, size), low),
        atol=1e-11,
        rtol=1e-12,
    )


def assert_normal_ordered(expression):
    """Rebuilding from ``terms`` with b† left of b gives the same thing, so the keys mean what they
    say.
    """
    total = 0 * B[0]
    for (monomial, factors), a in expression.terms.items():
        assert not factors
        assert a != 0
        term = 0 * B[0] + a
        for symbol, (p, q) in monomial:
            b = B[symbol.index]
            term = term * b.dag() ** p * b**q
        total = total + term
    assert total == expression


@few
@given(WORDS)
def test_words_become_the_matrix_of_their_letters(words):
    made = ref.expression(words, B)
    assert_same_operator(made, words)
    assert_normal_ordered(made)


@few
@given(WORDS, WORDS)
def test_product_sum_and_difference_are_those_of_matrices(x, y):
    X, Y = ref.expression(x, B), ref.expression(y, B)
    assert_same_operator(X * Y, ref.word_product(x, y))
    assert_same_operator(X + Y, x + y)
    assert_same_operator(X - Y, x + ref.scaled(y, -1))
    assert_same_operator(
        qsp.commutator(X, Y), ref.word_product(x, y) + ref.scaled(ref.word_product(y, x), -1)
    )


@few
@given(WORDS, WORDS, WORDS)
def test_ring_laws(x, y, z):
    # coefficients are Gaussian integers: equality is exact
    X, Y, Z = (ref.expression(w, B) for w in (x, y, z))
    assert (X * Y) * Z == X * (Y * Z)
    assert X * (Y + Z) == X * Y + X * Z
    assert (X + Y) * Z == X * Z + Y * Z
    assert X + Y == Y + X
    assert X - X == 0
    assert not (X - X)
    assert X * 0 == 0
    assert 1 * X == X
    assert (
        qsp.commutator(X, qsp.commutator(Y, Z))
        + qsp.commutator(Y, qsp.commutator(Z, X))
        + qsp.commutator(Z, qsp.commutator(X, Y))
        == 0
    )


@few
@given(WORDS, WORDS)
def test_dagger_is_an_antilinear_reversal(x, y):
    X, Y = ref.expression(x, B), ref.expression(y, B)
    assert X.dag().dag() == X
    assert (X * Y).dag() == Y.dag() * X.dag()
    assert ((2 - 1j) * X).dag() == (2 + 1j) * X.dag()
    assert (X + X.dag()).isherm
    assert (X * X.dag()).isherm
    assert_same_operator(X.dag(), ref.word_dag(x))


@few
@given(WORDS, st.integers(0, 3))
def test_integer_powers(x, n):
    X = ref.expression(x[:2], B)
    expected = 0 * B[0] + 1
    for _ in range(n):
        expected = expected * X
    assert X**n == expected


@pytest.mark.parametrize("n", range(1, 9))
def test_commutator_with_a_power_of_creation(n):
    b = B[0]
    assert qsp.commutator(b, b.dag() ** n) == n * b.dag() ** (n - 1)
    assert qsp.commutator(b**n, b.dag()) == n * b ** (n - 1)
    assert qsp.commutator(B[1], b.dag() ** n) == 0


def test_number_operator_powers_have_stirling_coefficients():
    b = B[1]
    number = b.dag() * b
    stirling = {1: [1], 2: [1, 1], 3: [1, 3, 1], 4: [1, 7, 6, 1], 5: [1, 15, 25, 10, 1]}
    for n, row in stirling.items():
        assert number**n == sum((s * b.dag() ** k * b**k for k, s in enumerate(row, 1)), 0 * b)


def test_high_powers_have_exact_coefficients():
    # b^m b†^m = Σ_k C(m,k)² k! b†^(m−k) b^(m−k)
    b = B[0]
    m = 12
    assert b**m * b.dag() ** m == sum(
        (
            math.comb(m, k) ** 2 * math.factorial(k) * b.dag() ** (m - k) * b ** (m - k)
            for k in range(m + 1)
        ),
        0 * b,
    )


def test_equality_and_truth():
    b1, b2 = B
    assert b1 != b2
    assert b1 != b1.dag()
    assert b1 * b1.dag() != b1.dag() * b1
    assert b1 * b2 == b2 * b1
    assert b1 * b2.dag() == b2.dag() * b1
    assert qsp.commutator(b1, b1.dag()) == 1
    assert b1 - b1 == 0
    assert b1 != 1
    assert not bool(0 * b1)
    assert bool(b1)
    assert (b1 == "b1") is False
    assert b1 != qsp.modes(2)[0]  # another call, another space
    # symbols can be keys, what is made of them cannot: equality is that of rounding
    assert {b1: 1, b2: 2}[b2] == 2
    with pytest.raises(TypeError):
        hash(b1 * b2)


@pytest.mark.parametrize(
    "number",
    [2, 2.5, 1 + 2j, np.float64(1.5), np.complex128(1 - 2j), np.int64(3), np.float32(0.25)],
)
def test_scalars_of_every_kind_on_both_sides(number):
    b = B[0]
    z = complex(number)
    assert number * b == b * number
    assert (number * b).terms == {next(iter(b.terms)): z}
    assert number + b == b + number
    assert (number - b) + b == z
    assert isinstance(number * b, qsp.Expression)
    assert isinstance(number + b, qsp.Expression)
    assert (b * number) / number == b


def test_arrays_without_dimensions_are_scalars_everywhere_or_nowhere():
    b = B[0]
    assert b * np.array(2.0) == 2 * b
    assert np.array(2.0) * b == 2 * b
    assert b / np.array(2.0) == b / 2


def test_scalar_types_do_not_leak():
    assert all(
        type(v) is complex for v in (np.float64(2) * B[0] + np.int64(1) * B[1]).terms.values()
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, complex(0, np.nan), np.float64("nan"), -np.inf])
def test_coefficients_that_are_not_finite_are_refused(bad):
    b = B[0]
    for make in (lambda: bad * b, lambda: b * bad, lambda: b + bad, lambda: bad - b):
        with pytest.raises(ValueError, match=r"(?i)finite|nan|inf"):
            make()


def test_overflow_is_an_error():
    b = B[0]
    for make in (
        lambda: (1e200 * b) * (1e200 * b),
        lambda: 1e308 * b * 10,
        lambda: 1.7e308 * b + 1.7e308 * b,
        lambda: (1e160 * b) ** 2,
    ):
        with pytest.raises((ValueError, OverflowError), match=r"(?i)finite|large|overflow"):
            make()


def test_equality_looks_at_every_term():
    b1, b2 = B
    assert 1e14 * b1 + b2 != 1e14 * b1


def test_division():
    b = B[0]
    with pytest.raises((ZeroDivisionError, ValueError)):
        b / 0
    with pytest.raises(ValueError, match=r"(?i)finite|nan"):
        b / np.nan
    with pytest.raises(TypeError):
        1 / b
    with pytest.raises(TypeError):
        b / b


@pytest.mark.parametrize(
    "exponent, error",
    [
        (-1, ValueError),
        (0.5, (TypeError, ValueError)),
        (1j, (TypeError, ValueError)),
        ("2", TypeError),
        (np.nan, (TypeError, ValueError)),
    ],
)
def test_powers_that_are_refused(exponent, error):
    with pytest.raises(error, match=r"(?i)power|exponent"):
        B[0] ** exponent


def test_power_of_a_numpy_integer():
    assert B[0] ** np.int64(2) == B[0] * B[0]
    assert B[0] ** 0 == 1


@pytest.mark.parametrize("other", ["x", None, [1, 2], qutip.destroy(3), object(), {1}])
def test_wrong_types_are_type_errors(other):
    b = B[0]
    for make in (
        lambda: b + other,
        lambda: b * other,
        lambda: b - other,
        lambda: other + b,
        lambda: other * b,
    ):
        with pytest.raises(TypeError):
            make()


def test_arrays_of_coefficients_are_refused_or_distribute():
    """A numpy array may not be taken for a scalar."""
    b = B[0]
    try:
        made = np.array([1.0, 2.0]) * b
    except (TypeError, ValueError):
        return
    assert made.shape == (2,)
    assert made[1] == 2 * b


def test_mixing_two_calls_is_refused_everywhere():
    (a,) = qsp.modes(1)
    (c,) = qsp.modes(1)
    for make in (
        lambda: a + c,
        lambda: a * c,
        lambda: a - c,
        lambda: qsp.commutator(a, c),
        lambda: a.dag() * c,
    ):
        with pytest.raises((ValueError, TypeError), match="modes"):
            make()
    with pytest.raises((ValueError, TypeError), match="modes"):
        qsp.System(a.dag() * a, [c])
    with pytest.raises((ValueError, TypeError), match="modes"):
        qsp.System(a.dag() * a, [a]).adjoint(c)


@pytest.mark.parametrize(
    "n, error",
    [
        (0, ValueError),
        (-1, ValueError),
        (1.5, (TypeError, ValueError)),
        ("2", TypeError),
        (None, TypeError),
        (True, TypeError),
    ],
)
def test_number_of_modes_is_checked(n, error):
    with pytest.raises(error, match=r"\bn\b"):
        qsp.modes(n)


def test_names():
    x, y = qsp.modes(2, names=["x", "y"])
    assert repr(x.dag() * y) == "x† y"
    with pytest.raises((ValueError, TypeError), match="names"):
        qsp.modes(2, names=["x"])
    with pytest.raises((ValueError, TypeError), match="names"):
        qsp.modes(2, names=["x", "x"])


def test_printing():
    b1, b2 = qsp.modes(2)
    assert repr(b1) == "b1"
    assert repr(b1.dag()) == "b1†"
    assert repr(b1 * b1.dag()) == "b1† b1 + 1"
    assert repr(0 * b1) == "0"
    assert repr(-b1) == "-b1"
    text = repr(0.5 * b1.dag() ** 2 * b2**3)
    assert "0.5" in text
    assert "b1†" in text
    assert "2" in text.replace("b2", "")
    assert "3" in text
    assert "-" in repr(b1 - 2 * b2)
    assert "+ -" not in repr(b1 - 2 * b2)
    assert "+ -" not in repr(b1 - 2j * b2)
    assert "1i" not in repr(-1j * b1)
    assert repr(1j * b1) != repr(b1)
    assert repr(1j * b1) != repr(-1j * b1)
    assert repr(0.1234567890123 * b1) != repr(0.9 * b1)


@few
@given(WORDS)
def test_printed_text_reads_back(words):
    """The text is unambiguous: read as a formula it gives the operator again."""
    made = ref.expression(words, B)
    text = repr(made)
    superscript = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
    source, i = "", 0
    while i < len(text):
        ch = text[i]
        if ch == "†":
            source += ".dag()"
        elif ch in "⁰¹²³⁴⁵⁶⁷⁸⁹":
            source += "**" + ch.translate(superscript)
        elif ch == "^":
            source += "**"
        elif (
            ch == " "
            and i
            and text[i - 1] not in "+-"
            and text[i + 1 : i + 2] not in ("+", "-", "")
        ):
            source += "*"
        else:
            source += ch
        i += 1
    source = re.sub(r"(\d)i\b", r"\1j", re.sub(r"(?<![\d.])i\b", "1j", source))
    back = eval(source, {"b1": B[0], "b2": B[1]})
    assert back - made == 0


@pytest.mark.parametrize("name", ["a", "alpha", "b_1", "beta_2", "b12", "x_cavity"])
def test_latex_of_chosen_names_is_tex(name):
    from matplotlib.mathtext import MathTextParser

    (a,) = qsp.modes(1, names=[name])
    assert MathTextParser("agg").parse((a.dag() ** 2 * a)._repr_latex_()) is not None


def test_latex_is_balanced_and_names_operators():
    b1, b2 = qsp.modes(2)
    text = (0.5 * b1.dag() ** 2 * b2 + (1 + 2j) * b2 - 3)._repr_latex_()
    assert text.startswith("$")
    assert text.endswith("$")
    assert text.count("{") == text.count("}")
    assert r"\dagger" in text
    assert "b_" in text
    assert r"\dagger" not in b1._repr_latex_()
    from matplotlib.mathtext import MathTextParser

    MathTextParser("agg").parse(text)  # a parser of TeX accepts it
    assert MathTextParser("agg").parse((0 * b1)._repr_latex_()) is not None
    assert MathTextParser("agg").parse((1e-12 * b1.dag() ** 11 * b1**12)._repr_latex_()) is not None


# ---------------------------------------------------------------- time-dependent coefficients


def test_time_dependent_coefficients():
    b1, b2 = B
    f = qutip.coefficient(lambda t: np.exp(1j * t))
    g = qutip.coefficient(lambda t: 2 + np.sin(t))
    X = f * b1 + g * b1.dag() * b1 + 1j * b2
    Y = b1.dag() * f
    levels = (7, 7)
    low = 3
    a1, a2 = (ref.matrix([(1.0, ((k, False),))], levels) for k in (0, 1))
    for t in (0.0, 0.7, -2.3):
        ft, gt = np.exp(1j * t), 2 + np.sin(t)
        x = ft * a1 + gt * a1.T @ a1 + 1j * a2
        y = ft * a1.T
        for got, want in [
            (X, x),
            (Y, y),
            (X * Y, x @ y),
            (X.dag(), x.conj().T),
            ((X * Y).dag(), (x @ y).conj().T),
            (X + X.dag(), x + x.conj().T),
            (qsp.commutator(X, Y), x @ y - y @ x),
            (X**2, x @ x),
        ]:
            made = got.qutip(levels)
            np.testing.assert_allclose(
                ref.corner(made(t).full(), levels, low), ref.corner(want, levels, low), atol=1e-12
            )
    assert not X.isconstant
    assert (X - f * b1 - g * b1.dag() * b1).isconstant
    assert X - X == 0
    assert f * b1 == b1 * f
    assert (X + X.dag()).isherm
    assert not X.isherm
    assert "b1" in repr(X)
    assert X._repr_latex_().count("{") == X._repr_latex_().count("}")


def test_conjugated_coefficient_cancels():
    b = B[0]
    f = qutip.coefficient(lambda t: np.exp(1j * t))
    X = f * b
    assert (X + X.dag()) - (X.dag() + X) == 0
    assert isinstance((f * b).qutip(4), qutip.QobjEvo)
    assert isinstance((f * b - f * b + b).qutip(4), qutip.Qobj)


def test_string_coefficient():
    b = B[0]
    f = (
        qutip.coefficient("cos(w*t)", args={"w": 2.0}, compile_opt=None)
        if False
        else qutip.coefficient(lambda t, w: np.cos(w * t), args={"w": 2.0})
    )
    X = f * (b + b.dag())
    got = X.qutip((3, 2))(0.4).full()
    np.testing.assert_allclose(
        got,
        np.cos(0.8) * (ref.destroy((3, 2))[0] + ref.destroy((3, 2))[0].dag()).full(),
        atol=1e-14,
    )


# ---------------------------------------------------------------- QuTiP objects


def test_qutip_objects_of_an_expression():
    b1, b2 = B
    made = (b1.dag() * b2 + 2 * b2.dag() ** 2).qutip((3, 5))
    assert made.dims == [[3, 5], [3, 5]]
    assert type(made.data).__name__ == "CSR"
    a1, a2 = ref.destroy((3, 5))
    assert (made - (a1.dag() * a2 + 2 * a2.dag() ** 2)).norm("max") < 1e-14
    for bad in (1, 0, (3,), (3, 4, 5), 2.5, "3", (3, np.nan), None, (3, 1)):
        with pytest.raises((ValueError, TypeError), match="cutoff"):
            b1.qutip(bad)


def test_permuted():
    b1, b2, b3 = qsp.modes(3)
    X = b1.dag() * b2**2 + 3j * b3
    assert X.permuted((1, 2, 0)) == b2.dag() * b3**2 + 3j * b1
    assert X.permuted((0, 1, 2)) == X
    assert X.charges() == {(1, -2, 0), (0, 0, -1)}
    assert X.degree == 3


def test_expressions_cannot_be_changed_behind_the_back():
    b = B[0]
    X = b + 1
    Y = X
    X += b
    assert b + 1 == Y
    assert 2 * b + 1 == X
