"""Mean and covariance that acts back, against Kubo's rule for the moments themselves, which is
derived and evaluated another way.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qsyncplug._ext.bosons import PolynomialFlow
from qsyncplug._ext.integrator import Integrator

import qsyncplug as qsp
from qsyncplug.approximate.cumulants import Closure
from qsyncplug.approximate.gaussian import gaussian_equations, moments_of_words
from qsyncplug.operators.states import ProductState

B = qsp.modes(3)
REAL = st.integers(-4, 4).map(lambda k: k / 4)
NUMBER = st.tuples(REAL, REAL).map(lambda x: complex(*x))
POWERS = st.tuples(*[st.integers(0, 2)] * 6).filter(lambda p: 0 < sum(p) <= 3)
EXPRESSION = st.dictionaries(POWERS, NUMBER, min_size=1, max_size=3)


def expression(table):
    out = 0 * B[0]
    for powers, a in table.items():
        term = a + 0 * B[0]
        for b, p, q in zip(B, powers[::2], powers[1::2], strict=True):
            term = term * b.dag() ** p * b**q
        out = out + term
    return out


def rates_of_moments(system, closure, t, row):
    """Of the moments, by the rates of mean and covariance: the moments are quadratic in them."""
    words, h = closure.equations.words, 1e-3
    rate = gaussian_equations(system).flow()(t, row)
    ends = [moments_of_words(words, (row + sign * h * rate)[None]) for sign in (1, -1)]
    return (ends[0] - ends[1])[0] / (2 * h)


def check(system, t=0.0, seed=0):
    closure = Closure(system, 2, neutral=False)
    rng = np.random.default_rng(seed)
    d = 2 * system.n
    root = rng.standard_normal((d, d))
    C = 0.5 * np.eye(d) + 0.3 * root @ root.T
    row = np.concatenate([rng.standard_normal(d), C[np.triu_indices(d)]])
    z = moments_of_words(closure.equations.words, row[None])[0]
    expected = closure.polynomials()(t, z)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(
        rates_of_moments(system, closure, t, row), expected, atol=1e-9 * scale
    )


def ring(n):
    b = qsp.modes(n)
    H = sum((0.1 * j * x.dag() * x for j, x in enumerate(b)), 0 * b[0])
    neighbours = [b[j] - 0.5j * b[(j + 1) % n] for j in range(n)]
    return qsp.System(H, [x.dag() for x in b] + [0.3 * x**2 for x in b] + neighbours)


@pytest.mark.parametrize("n", range(1, 8))
def test_rings_of_every_length(n):
    """Triangles are packed by four numbers at a time: sizes of every remainder."""
    check(ring(n), seed=n)


def test_moments_of_means_and_covariances():
    """⟨xy⟩=⟨δxδy⟩+⟨x⟩⟨y⟩ of quadratures, transformed to b and b† as on paper."""
    n, rng = 3, np.random.default_rng(0)
    root = rng.standard_normal((2 * n, 2 * n))
    C = 0.5 * np.eye(2 * n) + root @ root.T
    beta = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    row = np.concatenate([beta.view(float), C[np.triu_indices(2 * n)]])
    # b_j=(q_j+i p_j)/√2, and symmetrised ⟨xy⟩ is ½⟨xy+yx⟩
    letters = np.zeros((2 * n, 2 * n), dtype=complex)
    for j in range(n):
        letters[2 * j, 2 * j : 2 * j + 2] = np.array([1, -1j]) / np.sqrt(2)
        letters[2 * j + 1, 2 * j : 2 * j + 2] = np.array([1, 1j]) / np.sqrt(2)
    means = np.stack([beta.conj(), beta], axis=1).ravel()
    pairs = letters @ C @ letters.T + np.outer(means, means)
    words = [(x,) for x in range(2 * n)]
    words += [(x, y) for x in range(2 * n) for y in range(x, 2 * n)]
    normal = [x >> 1 == y >> 1 and x != y for x, y in words[2 * n :]]
    expected = [*means, *(pairs[w] - 0.5 * k for w, k in zip(words[2 * n :], normal, strict=True))]
    found = moments_of_words(words, np.stack([row, 0 * row]))
    np.testing.assert_allclose(found[0], expected, atol=1e-13)
    np.testing.assert_allclose(found[1][2 * n :], -0.5 * np.array(normal), atol=1e-15)


@settings(max_examples=40)
@given(EXPRESSION, st.lists(EXPRESSION, max_size=2), st.integers(0, 99))
def test_random_polynomials(h, ls, seed):
    half = expression(h) + 0.5 * B[0].dag() * B[0] + B[1].dag() * B[1] * B[2].dag() * B[2]
    check(qsp.System(half + half.dag(), [expression(x) for x in ls]), seed=seed)


def test_functions_of_time():
    def turning(t):
        return np.exp(1j * t)

    def beating(t):
        return 1 + 0.5 * np.cos(t)

    half = turning * B[0].dag() ** 2 * B[1] + (0.3 + 0.2j) * B[0].dag()
    system = qsp.System(half + half.dag(), [B[0] ** 2, beating * B[1]])
    for t in (0.0, 0.7):
        check(system, t)


def test_a_run_is_the_run_of_the_moments():
    b1, b2 = B[:2]
    H = 0.3 * b1.dag() * b1 + 0.2 * (b1.dag() * b2 + b2.dag() * b1) + 0.1 * b2.dag() ** 2 * b2**2
    system = qsp.System(
        H, [b1.dag(), 0.6 * b1**2, 0.5 * b2**2, 0.8 * b2.dag(), b1 - b2, 0.1 * B[2]]
    )
    start = [1.2, 0.3 - 1j, 0.5]
    run = qsp.mfsolve(system, start, [0, 0.7, 2.0], closure="cumulants", options={"rtol": 1e-11})
    closure = Closure(system, 2, neutral=False)
    integrator = Integrator(PolynomialFlow(closure.polynomials()), rtol=1e-11, atol=1e-13)
    z = closure.initial(ProductState(system, start))
    integrator.set_state(0.0, z, 2.0)
    rows = np.empty((3, 2 * len(z)))
    integrator.advance(np.array([0, 0.7, 2.0]), rows)
    np.testing.assert_allclose(run.moments, rows.view(complex), atol=1e-9)
    for operator in (b1, b1.dag() * b2, b2**2):
        expected = closure.expectation(operator, rows.view(complex))
        np.testing.assert_allclose(qsp.expect(operator, run), expected, atol=1e-9)
