"""Marginals, moments, overlaps, phase distribution and negativity against closed forms and the
measure for QuTiP states.
"""

import warnings

import numpy as np
import pytest
import qutip
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import erf

import qsyncplug as qsp
from qsyncplug import Grid
from qsyncplug.core.errors import ApproximationWarning
from qsyncplug.wigner import (
    PhaseSpace,
    PhaseSpaceWarning,
    fock_grid,
    hydrodynamics,
    interpolate,
    marginals,
    moments,
    moyal_overlap,
    negativity,
    pair_hydrodynamics,
    phase_distribution,
    theta_operator,
    wigner_transform,
)
from qsyncplug.wigner.kernels import upsample

GRID = Grid(96, 20.0)


@pytest.mark.parametrize(
    "n, value", [(0, 0.0), (1, 0.42612263885053), (2, 0.72898925778713), (3, 0.9766733819917)]
)
def test_negativity_of_fock_states(n, value):
    # published: A. Kenfack and K. Zyczkowski (2004); Fock 1 is 4/√e − 2
    w = wigner_transform(qutip.basis(max(2, n + 1), n))
    assert negativity(w, fock_grid(max(2, n + 1))) == pytest.approx(value, abs=2e-13)
    if n == 1:
        assert value == pytest.approx(4 / np.sqrt(np.e) - 2, abs=1e-14)


def test_negativity_is_independent_of_the_grid_and_of_where_the_state_sits():
    x = Grid(160, 26.0)
    first = x.axes[0] - 1.37
    psi = np.sqrt(2) * first * np.exp(-(first**2) / 2 + 0.9j * x.axes[0]) / np.pi**0.25
    assert negativity(wigner_transform(psi, grid=x), x) == pytest.approx(
        4 / np.sqrt(np.e) - 2, abs=1e-10
    )
    # squeezed: a symplectic map
    psi = (
        np.sqrt(2) * (first / 1.4) * np.exp(-((first / 1.4) ** 2) / 2) / np.pi**0.25 / np.sqrt(1.4)
    )
    assert negativity(wigner_transform(psi, grid=x), x) == pytest.approx(
        4 / np.sqrt(np.e) - 2, abs=1e-10
    )


@settings(max_examples=5)
@given(st.integers(0, 10**6), st.integers(2, 4))
@example(9890, 2)  # the negative region reaches .001 over the end of an interval
def test_negativity_is_invariant_under_rotation(seed, m):
    # a rotation of phase space moves every nodal line: another quadrature of the same number
    rho = qutip.rand_dm(m, rank=1 + seed % 2, seed=seed)
    turn = (-0.7j * qutip.num(m)).expm()
    a, b = (
        negativity(wigner_transform(r), fock_grid(m), tolerance=1e-9)
        for r in (rho, turn * rho * turn.dag())
    )
    assert a == pytest.approx(b, abs=2e-9)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_negativity_agrees_with_the_polar_quadrature(seed):
    ket = qutip.rand_ket(4, seed=seed)
    assert negativity(wigner_transform(ket), fock_grid(4)) == pytest.approx(
        qsp.measures.wigner_negativity(ket), abs=2e-9
    )


def test_negativity_finds_a_small_island():
    # this state has a negative island of 1e-7 in a bay of the nodal line
    rho = qutip.rand_dm(5, rank=2, seed=523)
    w = wigner_transform(rho)
    value = negativity(w, fock_grid(5), tolerance=1e-9)
    assert negativity(np.ascontiguousarray(w.T), fock_grid(5), tolerance=1e-9) == pytest.approx(
        value, abs=1e-9
    )
    # a plain sum over a grid 16 times as fine, good to its spacing squared
    fine = upsample(w, (0, 1), 16)
    plain = np.sum(np.abs(fine)) * PhaseSpace(fock_grid(5)).weight / 256 - 1
    assert plain == pytest.approx(value, abs=3e-6)


def test_negativity_where_a_sum_fails():
    grid = fock_grid(4)
    w = wigner_transform((qutip.basis(4, 0) + 1j * qutip.basis(4, 3)).unit())
    plain = np.sum(np.abs(w)) * PhaseSpace(grid).weight - 1
    exact = qsp.measures.wigner_negativity((qutip.basis(4, 0) + 1j * qutip.basis(4, 3)).unit())
    assert abs(plain - exact) > 1e-5
    assert negativity(w, grid) == pytest.approx(exact, abs=1e-9)
    with pytest.raises(ValueError, match="w must be real"):
        negativity(wigner_transform(qutip.basis(4, 0), qutip.basis(4, 1)), grid)
    # a state of trace z: ∫|w|−∫w is of first degree
    assert negativity(2.5 * w, grid) == pytest.approx(2.5 * exact, abs=5e-9)


def test_negativity_in_two_dimensions_says_what_it_is():
    grid = Grid((24, 20), (12.0, 11.0))
    x, y = grid.mesh
    psi = np.sqrt(2) * x * np.exp(-(x**2 + y**2) / 2) / np.sqrt(np.pi)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhaseSpaceWarning)
        w = wigner_transform(psi, grid=grid)
    with pytest.warns(ApproximationWarning, match="2 dimensions"):
        value = negativity(w, grid)
    assert value == pytest.approx(4 / np.sqrt(np.e) - 2, abs=0.02)


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_moyal_identities(x, p):
    a, b = GRID.gaussian(x, p), GRID.gaussian(-0.4, 0.8)
    third = (GRID.axes[0] * b) / GRID.norm(GRID.axes[0] * b)
    wa, wb, wc = (wigner_transform(s, grid=GRID) for s in (a, b, third))
    assert moyal_overlap(wa, wb, GRID) == pytest.approx(
        np.exp(-((x + 0.4) ** 2 + (p - 0.8) ** 2) / 2), abs=1e-13
    )
    assert moyal_overlap(wc, wc, GRID) == pytest.approx(1, abs=1e-13)
    # Tr(|a⟩⟨c| (|b⟩⟨c|)†)=⟨b,a⟩
    value = moyal_overlap(
        wigner_transform(a, third, grid=GRID), wigner_transform(b, third, grid=GRID), GRID
    )
    assert abs(value - GRID.inner(b, a)) < 1e-13
    assert moyal_overlap((wa + wb) / 2, (wa + wb) / 2, GRID) == pytest.approx(
        (1 + abs(GRID.inner(a, b)) ** 2) / 2, abs=1e-13
    )


def test_marginals_and_moments_are_the_hydrodynamic_fields():
    psi = GRID.gaussian(0.7, -1.1) + 1j * GRID.gaussian(-1.0, 0.4)
    phi = GRID.gaussian(-0.3, 0.2) - 0.4 * GRID.gaussian(1.2, 0.9)
    space = PhaseSpace(GRID)
    w = wigner_transform(psi, grid=GRID)
    x, p = marginals(w, space)
    assert np.max(np.abs(x[::2] - np.abs(psi) ** 2)) < 1e-13
    k = space.p
    kernel = np.exp(-1j * np.outer(k, GRID.axes[0])) @ psi * GRID.weight / np.sqrt(2 * np.pi)
    inside = np.abs(k) < 10
    assert np.max(np.abs(p - np.abs(kernel) ** 2)[inside]) < 1e-12
    h = hydrodynamics(psi, GRID)
    m = moments(w, space)
    assert np.max(np.abs(m["current"][:, ::2] - h.current)) < 1e-12
    assert np.max(np.abs(m["stress"][..., ::2] - h.stress)) < 1e-11
    # a pair, and a mixture
    pair = pair_hydrodynamics(psi, phi, GRID)
    m = moments(wigner_transform(psi, phi, grid=GRID), space)
    assert np.max(np.abs(m["density"][::2] - (pair.density - 1j * pair.sigma))) < 1e-13
    assert np.max(np.abs(m["current"][:, ::2] - (pair.current - 1j * pair.G))) < 1e-12
    mixture = 0.3 * w + 0.7 * wigner_transform(phi, grid=GRID)
    m = moments(mixture, space)
    assert (
        np.max(
            np.abs(m["current"][:, ::2] - 0.3 * h.current - 0.7 * hydrodynamics(phi, GRID).current)
        )
        < 1e-12
    )


def test_interpolation_is_exact():
    w = wigner_transform(GRID.gaussian(0.7, -1.1), grid=GRID)
    rng = np.random.default_rng(0)
    x, p = rng.uniform(-4, 4, (2, 50))
    assert (
        np.max(
            np.abs(interpolate(w, GRID, x, p) - np.exp(-((x - 0.7) ** 2) - (p + 1.1) ** 2) / np.pi)
        )
        < 1e-13
    )
    with pytest.raises(ValueError, match="x must lie between"):
        interpolate(w, GRID, 11.0, 0.0)


def test_phase_distribution_of_a_coherent_state():
    alpha = 0.7 + 0.4j
    theta, value = phase_distribution(
        wigner_transform(qutip.coherent(30, alpha, method="analytic")), fock_grid(30), 48
    )
    b = np.sqrt(2) * abs(alpha) * np.cos(theta - np.angle(alpha))
    # the Gaussian integrated along rays
    exact = (
        np.exp(-2 * abs(alpha) ** 2)
        / (2 * np.pi)
        * (1 + np.sqrt(np.pi) * b * np.exp(b**2) * (1 + erf(b)))
    )
    assert np.max(np.abs(value - exact)) < 1e-12
    # about the centre of the state it is flat
    centre = (np.sqrt(2) * alpha.real, np.sqrt(2) * alpha.imag)
    value = phase_distribution(
        wigner_transform(GRID.gaussian(*centre), grid=GRID), GRID, 16, centre=centre
    )[1]
    assert np.max(np.abs(value - 1 / (2 * np.pi))) < 1e-12


def test_phase_distribution_may_be_negative():
    theta, value = phase_distribution(
        wigner_transform((qutip.basis(6, 0) - 0.9 * qutip.basis(6, 5)).unit()), fock_grid(6)
    )
    assert value.min() < -1e-3
    assert np.sum(value) * (theta[1] - theta[0]) == pytest.approx(1, abs=1e-12)
    with pytest.raises(ValueError, match="must vanish beyond"):
        phase_distribution(
            wigner_transform(GRID.gaussian(4.0), grid=GRID), GRID, centre=(-8.0, 0.0)
        )


@pytest.mark.parametrize("call", [marginals, moments, negativity, phase_distribution])
def test_shapes_are_checked(call):
    with pytest.raises(ValueError, match="w must have shape"):
        call(np.ones((4, 4)), GRID)
    with pytest.raises(ValueError, match="w must be finite"):
        call(np.full((192, 192), np.nan), GRID)
    with pytest.raises(TypeError, match="space must be"):
        call(np.ones((192, 192)), 3)


# ------------------------------------------------------------ Θ[V]


def test_theta_is_moyal_s_series():
    """−V′∂_p w for quadratic V; a third derivative more for a quartic one."""
    grid = Grid(64, 16.0)
    space = PhaseSpace(grid)
    x, p = space.x[:, None], space.p[None, :]
    w = np.exp(-((x - 0.5) ** 2) - (p - 0.3) ** 2) / np.pi
    s = p - 0.3
    first, third = -2 * s * w, (12 * s - 8 * s**3) * w
    force = theta_operator(w, space, lambda x: 0.7 * x)
    assert force.dtype == float and np.max(np.abs(force + 0.7 * first)) < 1e-11
    quartic = theta_operator(w, grid, lambda x: x**4)
    exact = -4 * x**3 * first + (24 * x) / 24 * third
    assert np.max(np.abs(quartic - exact)) < 1e-8 * np.max(np.abs(exact))


def test_theta_of_a_pair_is_the_commutator():
    """Θ is the symbol of i(V_1ρ−ρV_2)."""
    grid = Grid(64, 16.0)
    x = grid.axes[0]
    a, b = grid.gaussian(0.5, 0.2), grid.gaussian(-0.3)
    one, two = (lambda x: np.cos(x)), (lambda x: 0.3 * x**2)
    found = theta_operator(wigner_transform(a, b, grid=grid), grid, one, two)
    exact = 1j * (
        wigner_transform(one(x) * a, b, grid=grid) - wigner_transform(a, two(x) * b, grid=grid)
    )
    assert np.max(np.abs(found - exact)) < 1e-11
    norm, size = np.linalg.norm(found), np.linalg.norm(wigner_transform(a, b, grid=grid))
    plain = np.linalg.norm(theta_operator(wigner_transform(a, b, grid=grid), grid, one))
    assert plain <= 2 * size and norm > 0


@pytest.mark.parametrize(
    ("potential", "error", "text"),
    [
        (3.0, TypeError, "potential must be a function"),
        (lambda x: 1j * x, ValueError, "potential must be real"),
        (lambda x: np.where(x > 1, np.inf, 0), ValueError, "potential must be finite"),
    ],
)
def test_theta_of_bad_potentials(potential, error, text):
    grid = Grid(16, 8.0)
    w = np.zeros(PhaseSpace(grid).shape)
    with pytest.raises(error, match=text):
        theta_operator(w, grid, potential)
