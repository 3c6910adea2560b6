"""The Wigner transform against closed forms, QuTiP, quadrature, and its own inverse."""

import warnings

import mpmath
import numpy as np
import pytest
import qutip
from hypothesis import given
from hypothesis import strategies as st

from qsyncplug import Grid
from qsyncplug.core.errors import MemoryLimitError
from qsyncplug.wigner import (
    PhaseSpace,
    fock_grid,
    inverse_wigner_transform,
    phase_space_diagnostics,
    qutip_wigner,
    state_diagnostics,
    wigner_transform,
)
from qsyncplug.wigner.errors import PhaseSpaceError, PhaseSpaceWarning

GRID = Grid(96, 20.0)


def coherent_pair(x, p, a, b):
    """Closed form of the transform of a pair of unit Gaussians centred at a=(x, p), b, in the
    phases of Grid.gaussian.
    """
    (xa, pa), (xb, pb) = a, b
    # ψ=π^{-1/4} exp(−(x−xa)²/2+ipa(x−xa/2)): a Gaussian integral over y
    x, p = x[:, None], p[None, :]
    linear = -(x - xa) / 2 + (x - xb) / 2 + 0.5j * (pa + pb) - 1j * p
    constant = (
        -((x - xa) ** 2) / 2 - (x - xb) ** 2 / 2 + 1j * pa * (x - xa / 2) - 1j * pb * (x - xb / 2)
    )
    return np.exp(constant + linear**2) / np.pi


@given(*[st.floats(-2, 2) for _ in range(4)])
def test_gaussian_pairs(xa, pa, xb, pb):
    w = wigner_transform(GRID.gaussian(xa, pa), GRID.gaussian(xb, pb), grid=GRID)
    space = PhaseSpace(GRID)
    assert np.max(np.abs(w - coherent_pair(space.x, space.p, (xa, pa), (xb, pb)))) < 1e-12


def test_plane_wave_moves_forward():
    w = wigner_transform(GRID.gaussian(0.0, momentum=2.5), grid=GRID)
    space = PhaseSpace(GRID)
    assert space.integrate(w * space.p) == pytest.approx(2.5, abs=1e-12)
    # positions are the first axis
    w = wigner_transform(GRID.gaussian(1.5), grid=GRID)
    assert space.integrate(w * space.x[:, None]) == pytest.approx(1.5, abs=1e-12)


def test_definition_by_quadrature_of_a_random_band_limited_state():
    # the integral itself, with 30 digits, at a few points: an independent evaluation of ψ between
    # the samples
    rng = np.random.default_rng(3)
    grid = Grid(24, 14.0)
    centres = ((-0.7, 0.5), (0.2, -0.4), (0.9, 0.1))
    a, b = (
        sum(
            c * grid.gaussian(x, p, 1.2)
            for c, (x, p) in zip(rng.normal(size=3), centres, strict=True)
        )
        for _ in range(2)
    )
    space = PhaseSpace(grid)
    w = wigner_transform(a, b, grid=grid)

    def interpolant(f):
        c = np.fft.fft(f) / len(f)
        k = 2 * np.pi * np.fft.fftfreq(len(f), 1 / len(f)) / 14.0
        c[12] /= 2
        return lambda x: (
            np.sum(c * np.exp(1j * k * (x + 7))) + c[12] * np.exp(-1j * k[12] * (x + 7))
        )

    fa, fb = interpolant(a), interpolant(b)
    for j, k in ((24, 24), (17, 30), (30, 20)):
        x, p = space.x[j], space.p[k]
        # the trapezoid rule over the box, on a finer grid than the transform's own
        y = np.arange(-14, 14, 14 / 24 / 3)
        inside = (np.abs(x + y / 2) < 7) & (np.abs(x - y / 2) < 7)
        value = (
            sum(fa(x + s / 2) * np.conj(fb(x - s / 2)) * np.exp(-1j * p * s) for s in y[inside])
            * (y[1] - y[0])
            / (2 * np.pi)
        )
        assert abs(value - w[j, k]) < 1e-7  # where the sum is cut, the states are 1e-8
    assert np.max(np.abs(w)) > 0.1


def laguerre(m, n, x, p):
    """Wigner function of |m⟩⟨n| with 40 digits, from Laguerre polynomials."""
    with mpmath.workdps(40):
        if m < n:
            return np.conj(laguerre(n, m, x, p))
        r2 = mpmath.mpf(x) ** 2 + mpmath.mpf(p) ** 2
        value = (
            (-1) ** n
            / mpmath.pi
            * mpmath.sqrt(mpmath.factorial(n) / mpmath.factorial(m))
            * mpmath.exp(-r2)
        )
        value *= (mpmath.sqrt(2) * mpmath.mpc(x, -p)) ** (m - n) * mpmath.laguerre(n, m - n, 2 * r2)
        return complex(value)


@pytest.mark.parametrize("m, n", [(0, 0), (1, 0), (0, 1), (3, 7), (12, 12), (79, 78), (40, 79)])
def test_fock_operators(m, n):
    dimension = 80 if max(m, n) > 20 else 13
    w = wigner_transform(qutip.basis(dimension, m) * qutip.basis(dimension, n).dag())
    space = PhaseSpace(fock_grid(dimension))
    assert w.shape == space.shape
    rng = np.random.default_rng(0)
    for j, k in rng.integers(len(space.x) // 4, 3 * len(space.x) // 4, (12, 2)):
        assert abs(w[j, k] - laguerre(m, n, space.x[j], space.p[k])) < 1e-12


@pytest.mark.parametrize("dimension", [2, 9, 30])
def test_agrees_with_qutip_on_random_operators(dimension):
    rng = np.random.default_rng(dimension)
    o = qutip.Qobj(rng.normal(size=(dimension,) * 2) + 1j * rng.normal(size=(dimension,) * 2))
    o /= o.norm("fro")
    space = PhaseSpace(fock_grid(dimension))
    w = wigner_transform(o)
    assert np.max(np.abs(w - qutip_wigner(o, space.x, space.p, hermitian_only=False))) < 1e-12
    h = (o + o.dag()) / 2
    assert wigner_transform(h).dtype == float
    assert np.max(np.abs(wigner_transform(h) - qutip.wigner(h, space.x, space.p).T)) < 1e-12
    back = inverse_wigner_transform(w, space, form="qobj", levels=dimension)
    assert np.max(np.abs((back - o).full())) < 1e-12


def test_qutip_map_does_not_depend_on_g_and_scales_with_width():
    ket = (qutip.basis(6, 1) + 1j * qutip.basis(6, 3)).unit()
    x, p = np.linspace(-3, 3, 13), np.linspace(-2, 2.5, 9)
    reference = qutip_wigner(ket, x, p)
    assert np.allclose(qutip_wigner(ket, x, p, g=2.0), reference, atol=1e-13)
    assert np.allclose(qutip_wigner(ket, x * 1.7, p / 1.7, width=1.7), reference, atol=1e-13)
    assert np.allclose(qutip_wigner(ket, x, p, method="laguerre"), reference, atol=1e-12)


def test_qutip_is_wrong_without_saying_so_and_is_refused():
    o = qutip.basis(4, 1) * qutip.basis(4, 0).dag()
    space = PhaseSpace(fock_grid(4))
    silent = qutip.wigner(o, space.x, space.p).T
    assert np.isrealobj(silent)
    assert np.max(np.abs(silent - wigner_transform(o))) > 0.1
    for bad in (o, qutip.basis(4, 0).proj() + 1e-6 * o):
        with pytest.raises(ValueError, match="Hermitian"):
            qutip_wigner(bad, space.x, space.p)


def test_fock_states_and_grid_states_are_the_same_states():
    alpha = 0.8 - 0.5j
    w = wigner_transform(
        qutip.coherent(40, alpha, method="analytic"), qutip.basis(40, 2), grid=GRID
    )
    x = GRID.axes[0]
    second = (2 * x**2 - 1) * np.exp(-(x**2) / 2) / np.pi**0.25 / np.sqrt(2)
    psi = GRID.gaussian(np.sqrt(2) * alpha.real, np.sqrt(2) * alpha.imag)
    assert np.max(np.abs(w - wigner_transform(psi, second, grid=GRID))) < 1e-12
    # mixed arguments
    assert np.max(np.abs(w - wigner_transform(psi, qutip.basis(40, 2), grid=GRID))) < 1e-12


def test_cat_state_has_its_fringes():
    # wrong half points (interpolation, wrapping) show here: linear 1.5e-2, cubic 2e-4, periodic
    # wrap 0.59
    grid = Grid(128, 24.0)
    c = 4.0
    psi = grid.gaussian(c) + grid.gaussian(-c)
    space = PhaseSpace(grid)
    x, p = space.x[:, None], space.p
    exact = (
        np.exp(-((x - c) ** 2) - p**2)
        + np.exp(-((x + c) ** 2) - p**2)
        + 2 * np.exp(-(x**2) - p**2) * np.cos(2 * c * p)
    )
    assert np.max(np.abs(wigner_transform(psi, grid=grid) - exact / np.pi)) < 5e-14


@given(st.integers(0, 2**31))
def test_round_trip_and_identities(seed):
    rng = np.random.default_rng(seed)
    grid = Grid(40, 15.0)
    envelope = np.exp(-(grid.axes[0] ** 2))
    spectrum = np.exp(-((grid.wave_numbers[0] / 2) ** 2))
    states = np.fft.ifft(
        spectrum * np.fft.fft(envelope * (rng.normal(size=(2, 40)) + 1j * rng.normal(size=(2, 40))))
    )
    psi, phi = states / np.sqrt(np.sum(np.abs(states) ** 2, axis=1, keepdims=True) * grid.weight)
    space = PhaseSpace(grid)
    w = wigner_transform(psi, phi, grid=grid)
    kernel = inverse_wigner_transform(w, space)
    assert np.max(np.abs(kernel - np.outer(psi, phi.conj()))) < 1e-14
    # Hermiticity, trace, Moyal, marginals
    assert np.max(np.abs(wigner_transform(phi, psi, grid=grid) - w.conj())) < 1e-14
    assert abs(space.integrate(w) - grid.inner(phi, psi)) < 1e-13
    w1, w2 = (wigner_transform(s, grid=grid) for s in (psi, phi))
    assert abs(2 * np.pi * space.integrate(w1 * w2) - abs(grid.inner(psi, phi)) ** 2) < 1e-13
    assert np.max(np.abs(w1.sum(axis=1)[::2] * space.p_weight - np.abs(psi) ** 2)) < 1e-13
    a, b = inverse_wigner_transform(w, space, form="states")
    assert np.max(np.abs(np.outer(a, b.conj()) - kernel)) < 1e-13
    # the kernel transforms back
    assert np.max(np.abs(wigner_transform(kernel, grid=grid) - w)) < 1e-14


def test_two_dimensions():
    grid = Grid((22, 24), (13.0, 14.0))
    space = PhaseSpace(grid)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhaseSpaceWarning)
        a = grid.gaussian((0.2, -0.3), (0.1, 0.4))
        b = grid.gaussian((-0.4, 0.1), (0.3, -0.2))
        w = wigner_transform(a, b, grid=grid)
        line1, line2 = Grid(22, 13.0), Grid(24, 14.0)
        w1 = wigner_transform(line1.gaussian(0.2, 0.1), line1.gaussian(-0.4, 0.3), grid=line1)
        w2 = wigner_transform(line2.gaussian(-0.3, 0.4), line2.gaussian(0.1, -0.2), grid=line2)
    # a product state has the product of the Wigner functions
    assert w.shape == space.shape == (44, 48, 44, 48)
    assert np.max(np.abs(w - np.einsum("xp,yq->xypq", w1, w2))) < 1e-13
    kernel = inverse_wigner_transform(w, space)
    assert np.max(np.abs(kernel - np.multiply.outer(a, b.conj()))) < 1e-14
    small = Grid((12, 14), (8.0, 9.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhaseSpaceWarning)
        a, b = small.gaussian((0.2, -0.1)), small.gaussian((-0.1, 0.1))
        w = wigner_transform(a, b, grid=small)
        again = wigner_transform(inverse_wigner_transform(w, small), grid=small)
    assert np.max(np.abs(w - again)) < 1e-14


def test_real_half_transform_equals_the_complex_one():
    psi = GRID.gaussian(0.7, -1.1) + 1j * GRID.gaussian(-1.0, 0.4)
    w = wigner_transform(psi, grid=GRID)
    assert w.dtype == float
    assert np.max(np.abs(w - wigner_transform(psi, psi, grid=GRID))) < 1e-15


# ------------------------------------------------------------ grids that are too small


def test_state_at_the_edge():
    with pytest.raises(PhaseSpaceError, match="edge of the box") as error:
        wigner_transform(GRID.gaussian(8.5), grid=GRID)
    assert error.value.diagnostics["x"] > 1e-2
    with pytest.warns(PhaseSpaceWarning, match="edge of the box"):
        wigner_transform(GRID.gaussian(5.5), grid=GRID)
    with pytest.raises(PhaseSpaceError, match="highest momentum"):
        wigner_transform(GRID.gaussian(0.0, momentum=np.pi / GRID.spacing[0] - 1), grid=GRID)
    with pytest.raises(PhaseSpaceError, match="does not fit"):
        wigner_transform(np.outer(GRID.gaussian(8.5), GRID.gaussian()), grid=GRID)
    with pytest.raises(PhaseSpaceError, match="phi"):
        wigner_transform(GRID.gaussian(), GRID.gaussian(8.5), grid=GRID)


def test_fock_states_beyond_the_grid():
    # far beyond the box nothing is left of the state on the grid: the continuous function must be
    # asked
    for n in (12, 60):
        with pytest.raises(PhaseSpaceError, match="does not fit"):
            wigner_transform(qutip.basis(n + 1, n), grid=Grid(32, 8.0))
    with pytest.raises(PhaseSpaceError, match="highest momentum"):
        wigner_transform(qutip.basis(61, 60), grid=Grid(32, 40.0))
    # empty levels cost nothing
    wigner_transform(qutip.basis(300, 1), grid=GRID)


def test_many_fock_levels():
    # no warning for the highest states that the smallest grid for them holds
    for n in (250, 599):
        space = PhaseSpace(fock_grid(n + 1))
        w = wigner_transform(qutip.basis(n + 1, n))
        # W_n(0,0)=(−1)ⁿ/π, and a state of norm one
        middle = space.grid.shape[0]
        assert abs(w[middle, middle] - (-1) ** n / np.pi) < 1e-12
        assert abs(space.integrate(w) - 1) < 1e-12
    # what counts is the levels that are occupied
    assert (
        np.max(
            np.abs(wigner_transform(qutip.basis(700, 3)) - wigner_transform(qutip.basis(600, 3)))
        )
        < 1e-14
    )
    with pytest.raises(ValueError, match="psi must occupy at most 600 Fock levels, not 651"):
        wigner_transform(qutip.basis(700, 650))


@pytest.mark.parametrize("levels", [0, -1, 1.5, 601])
def test_levels_of_the_inverse(levels):
    with pytest.raises((ValueError, TypeError), match="levels must be"):
        inverse_wigner_transform(
            wigner_transform(GRID.gaussian(), grid=GRID), GRID, form="qobj", levels=levels
        )


def test_diagnostics_are_the_size_of_the_error():
    grid = Grid(64, 16.0)
    for c in (0.0, 1.0, 2.0):
        psi = grid.gaussian(c)
        found = state_diagnostics(psi, grid)
        edge = np.exp(-((8 - grid.spacing[0] * 1 - c) ** 2) / 2)
        assert found["x"] == pytest.approx(edge, rel=0.9)
        assert (
            phase_space_diagnostics(wigner_transform(psi, grid=grid), grid)["x"]
            < 3 * found["x"] + 1e-8
        )
    noise = np.random.default_rng(0).normal(size=PhaseSpace(grid).shape)
    assert min(phase_space_diagnostics(noise, grid).values()) > 0.1


# ------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    "call, error, match",
    [
        (lambda: wigner_transform(GRID.gaussian()), TypeError, "grid must be given"),
        (lambda: wigner_transform(GRID.gaussian(), grid=20.0), TypeError, "grid must be a Grid"),
        (
            lambda: wigner_transform(np.ones(5), grid=GRID),
            ValueError,
            "psi must be a state of the grid's shape",
        ),
        (
            lambda: wigner_transform(np.full(96, np.nan), grid=GRID),
            ValueError,
            "psi must be finite",
        ),
        (lambda: wigner_transform(qutip.basis(3, 0).dag()), ValueError, "bra"),
        (lambda: wigner_transform(qutip.to_super(qutip.qeye(3))), ValueError, "ket or an operator"),
        (
            lambda: wigner_transform(qutip.tensor(qutip.basis(3, 0), qutip.basis(3, 0))),
            ValueError,
            "one mode",
        ),
        (
            lambda: wigner_transform(qutip.basis(3, 0), qutip.qeye(3)),
            ValueError,
            "pair is two kets",
        ),
        (
            lambda: wigner_transform(qutip.qeye(3), qutip.basis(3, 0)),
            ValueError,
            "pair is two kets",
        ),
        (
            lambda: wigner_transform(qutip.basis(3, 0), grid=Grid((8, 8), 5.0)),
            ValueError,
            "one dimension",
        ),
        (lambda: wigner_transform("psi", grid=GRID), ValueError, "psi must be"),
        (lambda: inverse_wigner_transform(np.ones((4, 4)), GRID), ValueError, "w must have shape"),
        (lambda: inverse_wigner_transform(np.ones((192, 192)), "grid"), TypeError, "space must be"),
        (lambda: qutip_wigner(GRID.gaussian(), [0], [0]), TypeError, "Qobj"),
        (lambda: fock_grid(0), ValueError, "levels"),
        (lambda: fock_grid(601), ValueError, "levels"),
        (lambda: PhaseSpace(5), TypeError, "grid must be a Grid"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_mixture_is_no_pair():
    w = wigner_transform(qutip.thermal_dm(10, 0.3))
    with pytest.raises(ValueError, match="pair of states"):
        inverse_wigner_transform(w, fock_grid(10), form="states")
    with pytest.raises(ValueError, match="levels must be more than"):
        inverse_wigner_transform(w, fock_grid(10), form="qobj", levels=3)


def test_memory_is_checked_first():
    with pytest.raises(MemoryLimitError, match="phase-space array"):
        wigner_transform(np.zeros((1024, 1024)), grid=Grid((1024, 1024), 20.0))
