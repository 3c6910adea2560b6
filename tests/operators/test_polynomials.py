"""The compiled polynomials, one by one and in runs, against sums of products written in Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qsyncplug._ext.bosons import Polynomials

from qsyncplug.operators.polynomial import compile_polynomials, find_runs

LETTERS = st.lists(st.integers(0, 9), max_size=4).map(lambda x: tuple(sorted(x)))
NUMBER = st.complex_numbers(max_magnitude=2, allow_nan=False).filter(lambda x: abs(x) > 1e-3)
SHAPE = st.lists(st.tuples(LETTERS, NUMBER), min_size=1, max_size=4)


def value(polynomial, z):
    out = 0
    for (letters, _), factor in polynomial.items():
        for x in letters:
            factor = factor * (z[x >> 1] if x & 1 else np.conj(z[x >> 1]))
        out += factor
    return out


def repeated(shapes, nodes):
    """The same polynomials at every node, shifted by one variable a node."""
    return [
        {(tuple(x + 2 * k for x in letters), ()): factor for letters, factor in shape}
        for shape in shapes
        for k in range(nodes)
    ]


@settings(max_examples=60)
@given(st.lists(SHAPE, min_size=1, max_size=3), st.integers(1, 12), st.integers(0, 99))
def test_against_python(shapes, nodes, seed):
    rows = repeated(shapes, nodes)
    arrays, factors = compile_polynomials(rows)
    variables = 5 + nodes
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(variables) + 1j * rng.standard_normal(variables)
    expected = np.array([value(p, z) for p in rows])
    scale = 1 + np.abs(expected).max()
    np.testing.assert_allclose(
        Polynomials(variables, arrays, factors)(0.0, z), expected, atol=1e-11 * scale
    )
    # the other way of evaluation
    plain = {k: v for k, v in arrays.items() if not k.startswith("run_")}
    np.testing.assert_allclose(
        Polynomials(variables, plain, factors)(0.0, z), expected, atol=1e-11 * scale
    )


def test_products_are_made_of_what_is_there():
    """z̄₀z₁, z₂z₃, and the product of both."""
    rows = [{((0, 3), ()): 1.0 + 0j}, {((5, 7), ()): 1.0 + 0j}, {((0, 3, 5, 7), ()): 2j}]
    arrays, _ = compile_polynomials(rows)
    assert len(arrays["first"]) == 3
    assert set(zip(arrays["first"], arrays["second"], strict=True)) >= {(1, 2)}


@pytest.mark.parametrize("nodes", [8, 30])
def test_what_repeats_is_found(nodes):
    rows = repeated([[((0, 1, 1), 0.5), ((1, 3), 1j)]], nodes)
    arrays, _ = compile_polynomials(rows)
    # z̄z, z̄zz and z_k z_{k+1}; one sum of each
    assert len(arrays["run_products"]) == 3
    assert len(arrays["run_sums"]) == 2


def test_what_does_not_repeat_is_left():
    chain = [(0, 3), (1, 2), (1, 2, 9)]
    assert find_runs(chain, [(0, (0, 3), 1.0 + 0j), (1, (1, 2, 9), 1.0 + 0j)]) == {}
