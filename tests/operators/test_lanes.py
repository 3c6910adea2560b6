"""Real polynomials in lanes against sums of products written in Python, and against the evaluation
one by one.
"""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import qsyncplug as qsp
from qsyncplug.approximate.gaussian import gaussian_equations
from qsyncplug.operators.lanes import lane_program
from qsyncplug.operators.linear import LinearEquations, affine
from qsyncplug.operators.polynomial import compile_polynomials

from .test_polynomials import SHAPE, repeated, value


def drift_alone(rows, real):
    """The flow dz/dt = rows without a covariance, in lanes; None where there are no products."""
    n = len(rows)
    state = {(k, part): [(2 * k + part, 1.0)] for k in range(n) for part in (0, 1)}
    sums = {
        2 * k + part: (0.0, [] if part and k in real else [(p, part, 1.0)])
        for k, p in enumerate(rows)
        for part in (0, 1)
    }
    program = lane_program([sums, {}], state, real, worth=0.0)
    tables = {
        "variables": n,
        "start": np.zeros(1, dtype=np.intc),
        "column": np.zeros(0, dtype=np.intc),
        "real": np.array([k in real for k in range(n)], dtype=np.intc),
        "rates": affine([], []),
        "shift": 0.0,
        "lanes": program,
    }
    return LinearEquations(n, *compile_polynomials(rows), tables).flow() if program else None


@settings(max_examples=60)
@given(st.lists(SHAPE, min_size=1, max_size=3), st.integers(5, 12), st.booleans(), st.data())
def test_against_python(shapes, nodes, some_real, data):
    rows = repeated(shapes, nodes)
    n = max(len(rows), 5 + nodes)
    rows += [{}] * (n - len(rows))
    real = set(range(3, n, 2)) if some_real else set()
    # a real variable has one letter, and a drift whose real part counts
    rows = [
        {
            (tuple(sorted(x | 1 if x >> 1 in real else x for x in y)), f): c
            for (y, f), c in p.items()
        }
        for p in rows
    ]
    flow = drift_alone(rows, real)
    assume(flow is not None)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    z = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    z = np.where(np.isin(np.arange(n), list(real)), z.real, z)
    expected = np.array([value(p, z) for p in rows], dtype=complex)
    expected = np.where(np.isin(np.arange(n), list(real)), expected.real, expected)
    found = flow(0.0, z.view(float)).view(complex)
    np.testing.assert_allclose(found, expected, atol=1e-12 * (1 + np.abs(expected).max()))


def lattice(rows, columns, *, detuned, open_ends):
    """Van der Pol oscillators with neighbours in two directions."""
    n = rows * columns
    b = qsp.modes(n)
    H = sum((0.1 * (j % 7) * detuned * x.dag() * x for j, x in enumerate(b)), 0 * b[0])
    H += sum((0.05 * x.dag() ** 2 * x**2 for x in b), 0 * b[0])
    jumps = [x.dag() for x in b] + [0.3 * x**2 for x in b]
    for j in range(n):
        right = j + 1 if j % columns + 1 < columns else j + 1 - columns
        if right > j or not open_ends:
            jumps.append(b[j] - b[right])
        if rows > 1:
            H += 0.2 * (b[j].dag() * b[(j + columns) % n] + b[(j + columns) % n].dag() * b[j])
    return qsp.System(H, jumps)


@pytest.mark.parametrize(
    "system",
    [
        lattice(1, 10, detuned=True, open_ends=False),
        lattice(1, 7, detuned=True, open_ends=True),
        lattice(1, 9, detuned=False, open_ends=True),
        lattice(3, 4, detuned=True, open_ends=False),
    ],
    ids=["ring", "chain", "alike", "lattice"],
)
def test_mean_and_covariance(system):
    """Elements of M and D come to their places: the same rates as from the complex polynomials,
    which `test_polynomials` has against Python.
    """
    equations = gaussian_equations(system)
    assert equations.tables["lanes"]
    plain = {k: v for k, v in equations.tables.items() if k != "lanes"}
    one_by_one = dataclasses.replace(equations, tables=plain).flow()
    flow = equations.flow()
    rng = np.random.default_rng(5)
    for scale in (0.1, 3.0):
        y = scale * rng.standard_normal(flow.size)
        expected = one_by_one(0.0, y)
        np.testing.assert_allclose(flow(0.0, y), expected, atol=1e-13 * np.abs(expected).max())


def test_few_nodes_go_one_by_one():
    assert not gaussian_equations(lattice(1, 3, detuned=True, open_ends=False)).tables.get("lanes")
