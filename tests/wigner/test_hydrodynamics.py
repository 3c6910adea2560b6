"""Hydrodynamic fields against closed forms, spectral derivatives of the fields, and the corrected
equations along a run.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsyncplug import Grid, GridHamiltonian, SchrodingerLohe, slsolve
from qsyncplug.core.errors import ApproximationWarning
from qsyncplug.wigner import (
    PhaseSpaceError,
    h1_distance,
    hydrodynamic_distances,
    hydrodynamic_residuals,
    hydrodynamics,
    pair_hydrodynamics,
    run_residuals,
)

GRID = Grid(128, 20.0)
EQUATIONS = {"rho_1", "rho_2", "rho_d", "rho_a", "J_1", "J_2", "J_d", "J_a", "rho_c", "J_c"}


def potential(*x):
    return sum(c**2 / 2 + 0.3 * np.cos(1.3 * c) for c in x)


def gradient(*x):
    return [c - 0.39 * np.sin(1.3 * c) for c in x]


def random_state(grid, rng):
    d = grid.ndim
    f = sum(
        (rng.normal() + 1j * rng.normal())
        * grid.gaussian(0.7 * rng.normal(size=d), 0.7 * rng.normal(size=d))
        for _ in range(3)
    )
    return f / grid.norm(f)


def divergence(field, grid):
    return sum(grid.derivative(field[a], a) for a in range(grid.ndim))


@settings(max_examples=15)
@given(st.floats(-1, 1), st.floats(-2, 2), st.floats(0.7, 1.1))
def test_gaussian(c, p, width):
    h = hydrodynamics(GRID.gaussian(c, p, width), GRID)
    x = GRID.axes[0] - c
    rho = np.exp(-((x / width) ** 2)) / np.sqrt(np.pi) / width
    assert np.max(np.abs(h.density - rho)) < 1e-13
    assert np.max(np.abs(h.current[0] - p * rho)) < 1e-12
    assert np.max(np.abs(h.Lambda[0] - p * np.sqrt(rho))) < 1e-11
    assert np.max(np.abs(h.grad_sqrt_density[0] + x / width**2 * np.sqrt(rho))) < 1e-11
    core = rho > 1e-8 * rho.max()
    assert np.max(np.abs(h.velocity_field[0] - p)[core]) < 1e-8
    potential = 0.5 / width**2 - x**2 / (2 * width**4)
    assert np.max(np.abs(h.quantum_potential - potential)[core]) < 1e-6
    # P=−¼ρ(ln ρ)″
    assert np.max(np.abs(h.quantum_pressure[0, 0] - rho / (2 * width**2))) < 1e-12
    assert h.kinetic_energy == pytest.approx(p**2 / 2 + 1 / (4 * width**2), abs=1e-11)


@pytest.mark.parametrize("grid", [GRID, Grid((44, 48), (15.0, 16.0))], ids=["line", "plane"])
def test_identities_and_smooth_divergences(grid):
    psi = random_state(grid, np.random.default_rng(5))
    h = hydrodynamics(psi, grid)
    d = grid.ndim
    tolerance = 1e-11 if d == 1 else 1e-8
    assert np.max(np.abs(h.sqrt_density * h.Lambda - h.current)) < 1e-14
    slope = np.stack([grid.derivative(h.density, a) for a in range(d)])
    assert np.max(np.abs(2 * h.sqrt_density * h.grad_sqrt_density - slope)) < tolerance
    # derivatives of the fields themselves
    assert np.max(np.abs(divergence(h.current, grid) - h.current_divergence)) < tolerance
    for a in range(d):
        assert (
            np.max(np.abs(divergence(h.stress[a], grid) - h.momentum_flux_divergence[a]))
            < tolerance
        )
    # polar factorisation of the kinetic tensor
    outer = h.Lambda[:, None] * h.Lambda + h.grad_sqrt_density[:, None] * h.grad_sqrt_density
    assert np.max(np.abs(outer - (h.gradient[:, None].conj() * h.gradient).real)) < 1e-13
    assert np.max(np.abs(h.stress - h.Lambda[:, None] * h.Lambda - h.quantum_pressure)) < 1e-13
    assert h.kinetic_energy == pytest.approx(
        0.5 * grid.integrate(np.sum(h.Lambda**2 + h.grad_sqrt_density**2, axis=0)), rel=1e-12
    )


def test_quantum_potential_and_force_of_a_state_with_known_amplitude():
    # ψ=R e^{iS}: everything from R and S, differentiated as functions of their own
    x = GRID.axes[0]
    r = np.exp(-((x - 1) ** 2) / 2) + 0.8 * np.exp(-((x + 1) ** 2) / 2)
    s = 0.6 * np.sin(2 * np.pi * x / 20.0 * 2)
    h = hydrodynamics(r * np.exp(1j * s), GRID)
    core = r > 1e-3
    speed = GRID.derivative(s)
    assert np.max(np.abs(h.velocity_field[0] - speed)[core]) < 1e-9
    q = -0.5 * GRID.derivative(r, order=2) / r
    assert np.max(np.abs(h.quantum_potential - q)[core]) < 1e-8
    # ∇·P=ρ∇Q in the form −½(R R‴−R′R″)
    force = -0.5 * (
        r * GRID.derivative(r, order=3) - GRID.derivative(r) * GRID.derivative(r, order=2)
    )
    assert np.max(np.abs(GRID.derivative(h.quantum_pressure[0, 0]) - force)) < 1e-10
    flux = GRID.derivative(r**2 * speed**2) + force
    assert np.max(np.abs(h.momentum_flux_divergence[0] - flux)) < 1e-10


def test_node_of_a_real_state():
    x = GRID.axes[0]
    psi = x * np.exp(-(x**2) / 2)
    assert psi[64] == 0
    h = hydrodynamics(psi, GRID)
    # the polar factor is 0 at the node and nothing divides by 0
    assert h.polar_factor[64] == 0
    assert h.grad_sqrt_density[0, 64] == 0
    assert h.velocity_field.mask[0, 64] and h.quantum_potential.mask[64]
    assert h.nodes[64]
    assert np.max(np.abs(h.Lambda)) < 1e-13
    # |∇√ρ| jumps in sign but √ρ|∇√ρ| is smooth, and Q is that of the first excited state, 3/2 −
    # x²/2
    near = (np.abs(x) > 0.1) & (np.abs(x) < 4)
    assert np.max(np.abs(h.quantum_potential - 1.5 + x**2 / 2)[near]) < 1e-7
    for field in (h.current, h.stress, h.quantum_pressure, h.momentum_flux_divergence):
        assert np.all(np.isfinite(field))


def test_vortex_has_quantised_circulation():
    grid = Grid((64, 64), 16.0)
    x, y = grid.mesh
    centre = 0.37 * grid.spacing[0]
    h = hydrodynamics((x - centre + 1j * y) * np.exp(-(x**2 + y**2) / 2), grid)
    # v=(−y, x)/r²: circulation 2π on a circle of radius 1, by the exact velocity at the points of
    # the grid
    r2 = (x - centre) ** 2 + y**2
    core = h.density > 1e-6 * h.density.max()
    core &= r2 > 0.02
    exact = np.stack([-y / r2 + 0 * x, (x - centre) / r2 + 0 * y])
    assert np.max(np.abs(h.velocity_field - exact)[:, core]) < 1e-7


def test_zero_state():
    h = hydrodynamics(np.zeros(128), GRID)
    assert not np.any(h.Lambda)
    assert h.velocity_field.mask.all()


def test_batches():
    rng = np.random.default_rng(0)
    states = np.stack([random_state(GRID, rng) for _ in range(6)]).reshape(2, 3, 128)
    h = hydrodynamics(states, GRID)
    assert h.density.shape == (2, 3, 128)
    assert h.current.shape == h.Lambda.shape == h.velocity_field.shape == (2, 3, 1, 128)
    assert h.stress.shape == (2, 3, 1, 1, 128)
    assert h.quantum_potential.shape == (2, 3, 128)
    one = hydrodynamics(states[1, 2], GRID)
    assert np.array_equal(h.stress[1, 2], one.stress)
    assert np.max(np.abs(h.momentum_flux_divergence[1, 2] - one.momentum_flux_divergence)) < 1e-14


def test_pair_relations_of_the_paper():
    rng = np.random.default_rng(2)
    a, b = random_state(GRID, rng), random_state(GRID, rng)
    pair = pair_hydrodynamics(a, b, GRID)
    first, second, d, r = pair.first, pair.second, pair.difference, pair.rotated
    assert np.allclose(pair.density, (first.density + second.density - d.density) / 2, atol=1e-14)
    assert np.allclose(pair.current, (first.current + second.current - d.current) / 2, atol=1e-13)
    assert np.allclose(pair.sigma, r.density - (first.density + second.density) / 2, atol=1e-14)
    assert np.allclose(pair.G, r.current - (first.current + second.current) / 2, atol=1e-13)
    assert pair.overlap == pytest.approx(GRID.inner(a, b), abs=1e-14)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.floats(0.1, 3))
def test_equations_hold_with_the_corrected_sign(seed, coupling):
    rng = np.random.default_rng(seed)
    a, b = random_state(GRID, rng), random_state(GRID, rng)
    found = hydrodynamic_residuals(
        a, b, GRID, potential=potential, gradient=gradient, coupling=coupling
    )
    assert set(found) == EQUATIONS
    assert max(np.max(np.abs(r)) for r in found.values()) < 1e-11
    pair = pair_hydrodynamics(a, b, GRID)
    printed = hydrodynamic_residuals(
        a, b, GRID, potential=potential, gradient=gradient, coupling=coupling, printed=True
    )
    # what the printed sign is wrong by
    assert np.max(np.abs(printed["rho_d"] + 2 * coupling * pair.overlap.imag * pair.sigma)) < 1e-11


@pytest.fixture(scope="module")
def run():
    grid = Grid(128, 20.0)
    states = np.stack([grid.gaussian(1.0, 0.3), grid.gaussian(-0.5, -0.4)])
    times = np.linspace(0, 0.16, 17)
    model = SchrodingerLohe(GridHamiltonian(grid, potential), coupling=1.3)
    result = slsolve(model, states, times, options={"store_states": True})
    return grid, times, np.array([np.asarray(s) for s in result.states])


def test_equations_along_a_run(run):
    grid, times, states = run
    found = run_residuals(states, times, grid, potential=potential, gradient=gradient, coupling=1.3)
    assert set(found) == EQUATIONS
    assert max(found.values()) < 1e-11
    printed = run_residuals(states, times, grid, potential=potential, coupling=1.3, printed=True)
    assert printed["rho_d"] > 1e-3
    # the gradient by differences is as good
    assert max(v for k, v in printed.items() if k != "rho_d") < 1e-11
    # a wrong coupling shows in every equation
    wrong = run_residuals(states, times, grid, potential=potential, coupling=1.31)
    assert min(wrong.values()) > 1e-4


def test_rates_of_the_run_are_accepted(run):
    grid, times, states = run
    h = times[1] - times[0]
    weights = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280]) / h
    rates = np.tensordot(weights, states[4:13], axes=1)
    found = hydrodynamic_residuals(
        *states[8], grid, potential=potential, gradient=gradient, coupling=1.3, rates=rates
    )
    assert max(np.max(np.abs(r)) for r in found.values()) < 1e-10


def test_distances_vanish_at_half_the_coupling():
    # ψ1±ψ2=√(2/D)(e^{κt/2} or 1)(φ1±φ2), D=(1+z0)e^{κt}+1−z0, of coherent states at 1 and −0.5 in a
    # harmonic trap
    grid = Grid(128, 20.0)

    def pair(t):
        moved = []
        for c in (1.0, -0.5):
            moved.append(np.exp(-0.5j * t) * grid.gaussian(c * np.cos(t), -c * np.sin(t)))
        z = np.exp(-(1.5**2) / 4)
        plus, minus = moved[0] + moved[1], moved[0] - moved[1]
        size = (1 + z) * np.exp(t) + 1 - z
        plus, minus = np.sqrt(2 / size) * np.exp(t / 2) * plus, np.sqrt(2 / size) * minus
        return (plus + minus) / 2, (plus - minus) / 2

    found = [
        hydrodynamic_distances(*pair(t), grid) for t in (0.0, 2 * np.pi + 0.7, 4 * np.pi + 0.7)
    ]
    for name in ("grad_sqrt_density", "Lambda", "grad_sqrt_density_d", "Lambda_d", "L2", "H1"):
        assert found[2][name] < 0.2 * found[1][name] < 0.2 * 0.3
    # Theorem 5.1 with the rate κ/2, not κ: after a period, √(D(t+2π)/D(t)) → e^π
    assert found[1]["H1"] / found[2]["H1"] == pytest.approx(np.exp(np.pi), rel=1e-3)
    a, b = pair(2 * np.pi + 0.7)
    h = hydrodynamics(a - b, grid)
    assert found[1]["H1"] ** 2 == pytest.approx(h.mass + 2 * h.kinetic_energy, rel=1e-12)
    # and the closed form solves the equations
    r = hydrodynamic_residuals(
        *pair(1.0), grid, potential=lambda x: x**2 / 2, gradient=lambda x: x, coupling=1.0
    )
    assert max(np.max(np.abs(v)) for v in r.values()) < 1e-11


def test_distances_near_a_near_node_do_not_depend_on_the_grid():
    # at a density minimum of 1e-5 the polar factors turn within one cell of the coarse grid
    values = []
    for grid in (Grid(96, 20.0), Grid(1024, 22.0)):
        a = grid.gaussian(1.0) - 0.97 * np.exp(0.02j) * grid.gaussian(-0.5)
        b = grid.gaussian(1.0) - 0.98 * np.exp(-0.01j) * grid.gaussian(-0.5)
        values.append(hydrodynamic_distances(a, b, grid, tolerance=1e-9))
    for name, value in values[0].items():
        assert value == pytest.approx(values[1][name], rel=1e-7)


def test_distances_of_a_node_on_the_grid():
    # ‖∇√ρ_d‖=‖∇ψ_d‖ for a real difference, though the polar factor is 0 at a point of the grid
    x = GRID.axes[0]
    d = x * np.exp(-(x**2) / 2)
    found = hydrodynamic_distances(GRID.gaussian() + 1e-3 * d, GRID.gaussian(), GRID)
    exact = 1e-3 * np.sqrt(0.75 * np.sqrt(np.pi))
    assert found["grad_sqrt_density_d"] == pytest.approx(exact, rel=1e-9)
    assert found["Lambda_d"] < 1e-12
    # where √ρ_1−√ρ_2 jumps at a node it says so
    with pytest.warns(ApproximationWarning, match="jump at nodes"):
        hydrodynamic_distances(d, GRID.gaussian(0.7), GRID, tolerance=1e-9)


@pytest.mark.parametrize(
    "function",
    [
        hydrodynamics,
        lambda f, g: h1_distance(f, 0 * f, g),
        lambda f, g: pair_hydrodynamics(f, f, g),
    ],
)
def test_a_state_cut_off_by_the_box_has_no_derivatives(function):
    # half of it is at the other end, and the kinetic energy of the jump is 1.5 instead of ¼
    grid = Grid(64, 18.0)
    with pytest.raises(PhaseSpaceError, match="at the highest momentum"):
        function(np.exp(-((grid.axes[0] - 8.8) ** 2) / 2), grid)
    # a plane wave reaches the edges, and is not cut off there
    wave = np.exp(2j * np.pi / 18.0 * 3 * grid.axes[0]) / np.sqrt(18.0)
    assert np.allclose(hydrodynamics(wave, grid).current, 2 * np.pi / 18.0 * 3 / 18.0, atol=1e-14)


def test_h1_distance_of_plane_waves():
    grid = Grid(32, 2 * np.pi)
    x = grid.axes[0]
    assert h1_distance(np.exp(3j * x), np.zeros(32), grid) == pytest.approx(
        np.sqrt(2 * np.pi * 10), rel=1e-13
    )


def residuals(norm, v):
    return hydrodynamic_residuals(
        norm * GRID.gaussian(), GRID.gaussian(), GRID, potential=v, coupling=1
    )


def along(times):
    return run_residuals(
        np.zeros((len(times), 2, 128)), times, GRID, potential=potential, coupling=1
    )


@pytest.mark.parametrize(
    "call, error, match",
    [
        (lambda: hydrodynamics(np.ones(5), GRID), ValueError, "psi must have the grid's shape"),
        (lambda: hydrodynamics(np.ones(128), 3), TypeError, "grid must be a Grid"),
        (lambda: hydrodynamics(np.full(128, np.inf), GRID), ValueError, "psi must be finite"),
        (
            lambda: hydrodynamics(np.ones(128), GRID, node_threshold=-1),
            ValueError,
            "node_threshold",
        ),
        (
            lambda: pair_hydrodynamics(np.ones(128), np.ones((2, 128)), GRID),
            ValueError,
            "psi2 must have the shape",
        ),
        (lambda: residuals(2, potential), ValueError, "norm 1"),
        (lambda: residuals(1, np.zeros(128)), ValueError, "gradient must"),
        (lambda: residuals(1, np.zeros(9)), ValueError, "potential must"),
        (lambda: along(np.arange(4)), ValueError, "at least 9"),
        (lambda: along(np.arange(9) ** 2), ValueError, "equidistant"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call()
