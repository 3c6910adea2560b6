"""Wigner negativity: closed forms, and a fine grid that shares nothing with the method."""

import numpy as np
import pytest
import qutip as qt

from qsyncplug.core.errors import ApproximationWarning
from qsyncplug.sync import SyncView, measures

from .sync_states import coherent_ket


def fock_negativity(n):
    """∫|L_n(u)|e^{−u/2}du/2 − 1 with exact antiderivatives between the zeros of L_n."""
    laguerre = np.polynomial.Polynomial(np.polynomial.laguerre.lag2poly(np.eye(n + 1)[n]))
    zeros = np.sort(np.polynomial.laguerre.laggauss(n)[0]) if n else np.zeros(0)
    # ∫ L e^{−u/2} = −2 e^{−u/2} Σ_k 2^k L^{(k)}
    total, term = laguerre, laguerre
    for k in range(1, n + 1):
        term = term.deriv()
        total = total + 2**k * term
    primitive = np.append(np.append(-2 * total(0.0), -2 * np.exp(-zeros / 2) * total(zeros)), 0.0)
    return np.sum(np.abs(np.diff(primitive))) / 2 - 1


def grid_negativity(state, points, width=6.0):
    """∫|W| − 1 with |linear interpolant| integrated exactly along the rows of a grid."""
    x = np.linspace(-width, width, points)
    w = qt.wigner(state, x, x, g=np.sqrt(2))
    a, b = w[:, :-1], w[:, 1:]
    same = a * b >= 0
    cells = (
        np.where(same, np.abs(a + b), (a * a + b * b) / np.where(same, 1.0, np.abs(a) + np.abs(b)))
        / 2
    )
    return np.sum(cells) * (x[1] - x[0]) ** 2 - 1


def cat_negativity(alpha):
    """Even cat: W = e^{−p²}[A(q) + B(q) cos cp]/norm, whose zeros in p are known for each q."""
    a, c = np.sqrt(2) * alpha, 2 * np.sqrt(2) * alpha
    edge = np.arccosh(np.exp(a * a)) / (2 * a)
    nodes, weights = np.polynomial.legendre.leggauss(120)
    inner, inner_weights = np.polynomial.legendre.leggauss(30)
    total = 0.0
    for theta, weight in zip(nodes * np.pi / 2, weights * np.pi / 2, strict=True):
        q = edge * np.sin(theta)
        first, second = np.exp(-((q - a) ** 2)) + np.exp(-((q + a) ** 2)), 2 * np.exp(-q * q)
        start = np.arccos(-first / second)
        turns = 2 * np.pi * np.arange(-12, 12)
        low, high = (turns + start) / c, (turns + 2 * np.pi - start) / c
        p = (low + high)[:, None] / 2 + (high - low)[:, None] / 2 * inner
        values = -np.exp(-p * p) * (first + second * np.cos(c * p))
        total += (
            weight
            * edge
            * np.cos(theta)
            * np.sum((high - low)[:, None] / 2 * inner_weights * values)
        )
    return 2 * total / (np.pi * 2 * (1 + np.exp(-a * a)))


@pytest.mark.parametrize("n", range(1, 10))
def test_fock_states(n):
    expected = fock_negativity(n)
    np.testing.assert_allclose(
        measures.wigner_negativity(qt.basis(20, n)), expected, rtol=0, atol=2e-13
    )


def test_fock_numbers():
    numbers = [measures.wigner_negativity(qt.basis(5, n)) for n in (1, 2, 3)]
    np.testing.assert_allclose(
        numbers, [0.42612263885053, 0.72898925778713, 0.9766733819917], rtol=0, atol=1e-13
    )
    np.testing.assert_allclose(numbers[0], 4 * np.exp(-0.5) - 2, rtol=0, atol=1e-15)


def test_gaussian_states_have_none():
    n = np.arange(140)
    logs = np.cumsum(np.log(np.maximum(n, 1)))
    even = np.where(
        n % 2 == 0, np.exp(logs / 2 - logs[n // 2] + (n // 2) * np.log(np.tanh(0.6) / 2)), 0
    )
    states = [
        qt.basis(5, 0),
        coherent_ket(1.5, 60),
        coherent_ket(2j, 60),
        qt.Qobj(even).unit(),
        qt.thermal_dm(60, 1.0),
    ]
    for state in states:
        assert abs(measures.wigner_negativity(state)) < 1e-13


def test_invariant_under_displacement_and_rotation():
    # a displaced Fock state has many harmonics, and the same negativity
    one = qt.displace(70, 1.0 + 0.4j) * qt.basis(70, 1)
    np.testing.assert_allclose(
        measures.wigner_negativity(one), 4 * np.exp(-0.5) - 2, rtol=0, atol=1e-9
    )
    state = (qt.basis(6, 0) + 0.5 * qt.basis(6, 1) + 1j * qt.basis(6, 4)).unit()
    turned = (1.1j * qt.num(6)).expm() * state
    a, b = measures.wigner_negativity(state), measures.wigner_negativity(turned)
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)


@pytest.mark.parametrize("alpha", [0.8, 1.5, 2.0])
def test_cats(alpha):
    cat = (coherent_ket(alpha, 50) + coherent_ket(-alpha, 50)).unit()
    np.testing.assert_allclose(
        measures.wigner_negativity(cat), cat_negativity(alpha), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize(
    "state",
    [
        (qt.basis(5, 0) + 1j * qt.basis(5, 1) + 0.4 * qt.basis(5, 4)).unit(),
        qt.Qobj(qt.rand_dm(5, seed=3, rank=2).full()),
    ],
    ids=["superposition", "mixed"],
)
def test_against_a_grid(state):
    # the error of the grid falls as the square of its step, and is measured by halving it
    grids = [grid_negativity(state, points) for points in (301, 601, 1201)]
    bound = abs(grids[2] - grids[1]) + abs(grids[1] - grids[0]) / 4
    assert bound < 2e-4
    assert abs(measures.wigner_negativity(state) - grids[2]) < bound


def test_tolerance_is_met():
    state = qt.Qobj(qt.rand_ket(7, seed=5).full())
    precise = measures.wigner_negativity(state, tolerance=1e-11)
    for tolerance in (1e-4, 1e-6, 1e-9):
        assert abs(measures.wigner_negativity(state, tolerance=tolerance) - precise) < tolerance


def test_of_a_view():
    pair = qt.tensor(qt.basis(3, 1), qt.basis(5, 2))
    values = measures.wigner_negativity(SyncView(states=[pair, qt.ket2dm(pair)], subsystems=(1, 0)))
    assert values.shape == (2, 2)
    np.testing.assert_allclose(
        values, [[fock_negativity(2), fock_negativity(1)]] * 2, rtol=0, atol=1e-13
    )


def test_what_is_refused():
    with pytest.raises(ValueError, match="one mode"):
        measures.wigner_negativity(qt.ket("00"))
    with pytest.raises(ValueError, match="tolerance"):
        measures.wigner_negativity(qt.ket("0"), tolerance=0.0)
    state = qt.Qobj(qt.rand_ket(7, seed=5).full())
    with pytest.warns(ApproximationWarning, match="error estimate"):
        measures.wigner_negativity(state, tolerance=1e-12, max_intervals=10)


def test_small_negative_islands_are_found():
    # the value of two Cartesian quadratures in phase space, of different oversampling
    state = qt.rand_dm(5, rank=2, seed=523)
    np.testing.assert_allclose(
        measures.wigner_negativity(state), 0.4059963833203, rtol=0, atol=1e-9
    )
