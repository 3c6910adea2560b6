import pickle

import numpy as np
import pytest

from qsyncplug import AliasingError
from qsyncplug.core import Grid, load
from qsyncplug.core.errors import StepLimitError, TimeLimitError
from qsyncplug.wigner import WignerLohe, WignerLoheSolver, wigner_transform, wlsolve
from qsyncplug.wigner.linear import LinearFlow
from qsyncplug.wigner.state import _decompose, _span, read_state
from qsyncplug.wigner.transport import RKN_SCHEMES, Transport

from .wigner_reference import Lines, correlation_flow

GRID = Grid(40, 14.0)


def anharmonic(x):
    return x**2 / 2 + 0.3 * np.cos(1.3 * x)


def arrays(psi, grid=GRID):
    return np.array([[wigner_transform(a, b, grid=grid) for b in psi] for a in psi])


PSI = [GRID.gaussian(0.5), np.exp(0.7j) * GRID.gaussian(-0.4, 0.3)]
W0 = arrays(PSI)


@pytest.mark.parametrize("different", [False, True])
@pytest.mark.filterwarnings("ignore::qsyncplug.wigner.errors.PhaseSpaceWarning")
def test_against_the_method_of_lines(different):
    potentials = [anharmonic, (lambda x: 0.6 * x**2) if different else anharmonic]
    exact, _ = Lines(40, 14.0, potentials, 1.0).run(W0, 0.4, rtol=1e-9)
    model = WignerLohe(GRID, potentials)
    for options in ({"method": "direct", "rtol": 1e-9}, {"rtol": 1e-9}):
        result = wlsolve(model, W0, [0, 0.4], options=options)
        for i in range(2):
            for j in range(2):
                assert np.max(np.abs(result.wigner(i, j) - exact[i, j])) < 2e-8
    kets = wlsolve(model, PSI, [0, 0.4])
    assert np.max(np.abs(kets.wigner(0, 1) - exact[0, 1])) < 2e-8


@pytest.mark.parametrize(
    ("scheme", "order", "steps"),
    [("strang", 2, (32, 64)), ("rkn6", 4, (12, 24)), ("rkn11", 6, (6, 12))],
)
def test_orders_of_the_nystrom_schemes(scheme, order, steps):
    grid = Grid(72, 20.0)
    psi = [grid.gaussian(0.5), grid.gaussian(-0.4, 0.3)]
    model = WignerLohe(grid, lambda x: x**2 / 2 + 0.8 * np.cos(1.3 * x), 0.0)
    exact = wlsolve(model, psi, [0, 2]).wigner(0, 1)
    errors = []
    for count in steps:
        flow = LinearFlow(model, read_state(model, psi), step=2 / count, scheme=scheme)
        w = flow.start()
        flow.run(w, 2.0)
        errors.append(np.max(np.abs(w[1] - exact)))
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.5


@pytest.mark.parametrize(
    "potential",
    [
        lambda x: x**2 / 2 + 0.3 * x + 1,
        lambda x: 0.2 * x,
        0.0,
        lambda x: -0.05 * x**2,
        lambda x: 1.7 * x**2,
    ],
)
def test_shears_are_exact_for_quadratic_potentials(potential):
    grid = Grid(128, 30.0)
    psi = [grid.gaussian(0.5), grid.gaussian(-0.4, 0.3)]
    model = WignerLohe(grid, potential, 0.0)
    flow = LinearFlow(model, read_state(model, psi))
    w = flow.start()
    flow.run(w, 1.4)
    assert flow.steps == 0
    assert np.max(np.abs(w[1] - wlsolve(model, psi, [0, 1.4]).wigner(0, 1))) < 1e-11


def test_coupled_shears_in_two_dimensions():
    grid = Grid((26, 26), (13.5, 13.5))
    model = WignerLohe(grid, lambda x, y: (x**2 + 1.4 * y**2) / 2 + 0.3 * x * y, 0.0)
    psi = [grid.gaussian((0.3, -0.2))]
    flow = LinearFlow(model, read_state(model, psi))
    w = flow.start()
    flow.run(w, 0.7)
    assert np.max(np.abs(w[0] - wlsolve(model, psi, [0, 0.7]).wigner(0, 0))) < 1e-5


def test_arrays_that_belong_to_no_kets():
    # a Gaussian narrower than any state allows: not positive, and yet the flow is linear and turns
    # it round
    grid = Grid(64, 16.0)
    model = WignerLohe(grid, lambda x: x**2 / 2, 1.0)
    x, p = model.phase_space.x[:, None], model.phase_space.p[None, :]
    w0 = np.exp(-((x - 1) ** 2) / 0.5 - p**2 / 0.5) / (0.5 * np.pi)
    result = wlsolve(model, [[w0]], [0, np.pi / 2, 2 * np.pi])
    assert np.max(np.abs(result.wigner(0, 0, 2) - w0)) < 1e-11
    turned = np.exp(-(x**2) / 0.5 - (p + 1) ** 2 / 0.5) / (0.5 * np.pi)
    assert np.max(np.abs(result.wigner(0, 0, 1) - turned)) < 1e-11
    assert np.allclose(result.moments()[1][:, 0], 0.25 * np.eye(2), atol=1e-11)


def rough(w, size=1e-9):
    """Noise that reaches every corner of phase space: no operator on the grid has such a Weyl
    symbol.
    """
    noise = np.random.default_rng(0).normal(size=w.shape) + 1j * np.random.default_rng(1).normal(
        size=w.shape
    )
    return w + size * (noise + noise.swapaxes(0, 1).conj())


@pytest.mark.filterwarnings("ignore::qsyncplug.wigner.errors.PhaseSpaceWarning")
@pytest.mark.parametrize(
    "potential", [anharmonic, lambda x: 0.6 * x**2, [anharmonic, lambda x: 0.6 * x**2]]
)
def test_arrays_of_no_operator_are_integrated_in_phase_space(potential):
    model = WignerLohe(GRID, potential)
    state = read_state(model, rough(W0))
    assert state.left is None and read_state(model, W0).arrays is None
    smooth, noisy = (
        wlsolve(model, w, [0, 0.4, 0.7], options={"rtol": 1e-10}) for w in (W0, rough(W0))
    )
    # noise of one part in 10⁹ stays what it is
    for k in range(3):
        for i, j in ((0, 0), (0, 1), (1, 0)):
            assert 1e-10 < np.max(np.abs(noisy.wigner(i, j, k) - smooth.wigner(i, j, k))) < 1e-7
    assert np.max(np.abs(noisy.correlations - smooth.correlations)) < 1e-6
    # going back in time is possible, too
    assert np.max(np.abs(noisy.wigner(0, 1, 0) - rough(W0)[0, 1])) < 1e-12


@pytest.mark.filterwarnings("ignore::qsyncplug.wigner.errors.PhaseSpaceWarning")
def test_arrays_of_no_operator_need_phase_space_and_the_potential_everywhere():
    with pytest.raises(ValueError, match="not phase-space arrays"):
        wlsolve(WignerLohe(GRID, anharmonic), rough(W0), [0, 1], options={"method": "splitting"})
    model = WignerLohe(GRID, anharmonic(GRID.axes[0]))
    assert wlsolve(model, W0, [0, 0.1]).wigner(0, 1).shape == (80, 80)
    for method in ("auto", "direct"):
        with pytest.raises(ValueError, match="potential must be a callable"):
            wlsolve(model, rough(W0), [0, 0.1], options={"method": method})
    two = WignerLohe(GRID, [lambda x: x**2, anharmonic(GRID.axes[0])])
    with pytest.raises(ValueError, match=r"potential\[1\] must be a callable"):
        wlsolve(two, PSI, [0, 0.1], options={"method": "direct"})


@pytest.mark.filterwarnings("ignore::qsyncplug.wigner.errors.PhaseSpaceWarning")
def test_a_stored_run_of_arrays_still_forms_wigner_functions(tmp_path):
    model = WignerLohe(GRID, anharmonic)
    result = wlsolve(model, rough(W0), [0, 0.4])
    result.save(tmp_path / "run.npz")
    loaded = load(tmp_path / "run.npz")
    assert loaded._setup.state.arrays is not None
    assert np.max(np.abs(loaded.wigner(0, 1) - result.wigner(0, 1))) < 1e-14
    again = wlsolve(pickle.loads(pickle.dumps(model)), rough(W0), [0, 0.4])
    assert np.max(np.abs(again.wigner(0, 1) - result.wigner(0, 1))) < 1e-14
    with pytest.raises(ValueError, match="its function was not"):
        loaded.model.hamiltonians(1)[0].potential(np.array([0.1]))


@pytest.mark.filterwarnings("ignore::qsyncplug.wigner.errors.PhaseSpaceWarning")
def test_arrays_that_outgrow_the_grid_are_noticed():
    # a free particle: the box is too small after a while
    model = WignerLohe(GRID, 0.0)
    for state in (W0, PSI):
        with pytest.raises(AliasingError, match="edge of the box"):
            wlsolve(model, state, [0, 8.0])
    result = wlsolve(model, rough(W0), [0, 8.0])
    with pytest.raises(AliasingError, match=r"largest separation|edge of the box"):
        result.wigner(0, 0)
    solver = WignerLoheSolver(model)
    solver.start(PSI, 0.0)
    with pytest.raises(AliasingError, match="edge of the box"):
        solver.step(8.0)


@pytest.mark.parametrize("correlation", [0.5, 1 / 3, 0.9, -0.2])
def test_degenerate_correlations_fit_as_well_as_others(correlation):
    # eigenvectors of the block are arbitrary combinations, some without one oscillator but for
    # rounding
    grid = Grid(64, 16.0)
    model = WignerLohe(grid, lambda x: x**2 / 2)
    z = np.full((3, 3), correlation) + (1 - correlation) * np.eye(3)
    f = grid.gaussian(1.0)
    ready = wlsolve(model, np.einsum("ij,ab->ijab", z, wigner_transform(f, grid=grid)), [0, 1.0])
    block = wlsolve(model, np.einsum("ij,ab->ijab", z, np.outer(f, f)), [0, 1.0])
    flow = correlation_flow(z, np.array([0.0, 1.0]), 1.0, np.zeros(3))
    for result in (ready, block):
        assert np.max(np.abs(result.correlations - flow)) < 1e-12
    assert np.max(np.abs(ready.wigner(0, 1) - block.wigner(0, 1))) < 1e-12


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1.0, 1e4])
def test_edges_are_told_whatever_the_norm(scale):
    grid = Grid(64, 16.0)
    model = WignerLohe(grid, lambda x: x**2 / 2)
    psi = scale * np.array([grid.gaussian(0.0, momentum=4.8), grid.gaussian(0.5)])
    with pytest.raises(AliasingError, match="edge of the box"):
        wlsolve(model, psi, [0, np.pi / 2])
    near = wlsolve(
        model,
        scale * np.array([grid.gaussian(0.0, momentum=2.5), grid.gaussian(0.5)]),
        [0, np.pi / 2],
    )
    assert max(near.matrix(-1).edges().values()) <= near.stats["edge amplitude"] < 1e-5


@pytest.mark.parametrize("weight", [1.0, 1e-3])
def test_steps_suit_every_oscillator(weight):
    grid = Grid(96, 20.0)
    psi = np.array([weight * grid.gaussian(2.0, 2.5), grid.gaussian(0.0)])
    model = WignerLohe(grid, lambda x: x**2 / 2 + 0.3 * np.cos(1.3 * x), 0.0)
    exact = wlsolve(model, psi, [0, 2.0]).wigner(0, 0)
    found = wlsolve(model, psi, [0, 2.0], options={"method": "direct", "rtol": 1e-7}).wigner(0, 0)
    assert np.linalg.norm(found - exact) < 2e-7 * np.linalg.norm(exact)


def test_steps_suit_blocks_of_data_that_are_not_hermitian():
    grid = Grid(72, 20.0)
    model = WignerLohe(grid, lambda x: x**2 / 2 + 0.3 * np.cos(1.3 * x), 0.0)
    slow, fast = grid.gaussian(0.0), grid.gaussian(2.0, 2.0)
    w = [[wigner_transform(slow, grid=grid), wigner_transform(slow, fast, grid=grid)]] * 2
    options = {"allow_non_hermitian": True}
    exact = wlsolve(model, w, [0, 1.0], options=options).wigner(0, 1)
    found = wlsolve(
        model, w, [0, 1.0], options={"method": "direct", "rtol": 1e-8, **options}
    ).wigner(0, 1)
    assert np.linalg.norm(found - exact) < 2e-8 * np.linalg.norm(exact)


def test_limits_are_kept_while_steps_are_looked_for():
    model = WignerLohe(Grid(128, 30.0), lambda x: x**4)
    psi = [model.grid.gaussian(0.0), model.grid.gaussian(0.2)]
    with pytest.raises(TimeLimitError) as error:
        wlsolve(model, psi, [0, 1], options={"method": "direct", "rtol": 1e-10, "time_limit": 0.5})
    assert error.value.result.stats["run time"] < 3
    with pytest.raises(StepLimitError):
        wlsolve(model, psi, [0, 1], options={"method": "direct", "rtol": 1e-10, "nsteps": 50})


def test_limits_are_kept_within_an_output_interval():
    model = WignerLohe(GRID, anharmonic)
    with pytest.raises(StepLimitError) as error:
        wlsolve(model, PSI, [0, 0.1, 5.0], options={"method": "direct", "nsteps": 5})
    assert len(error.value.result.times) == 2 and error.value.time == 0.1
    with pytest.raises(TimeLimitError) as error:
        wlsolve(model, PSI, [0, 0.1, 2000.0], options={"method": "direct", "time_limit": 0.3})
    assert error.value.result.stats["run time"] < 1.5


def test_arrays_in_two_dimensions_become_factors():
    grid = Grid((22, 22), (12.0, 12.0))
    model = WignerLohe(grid, lambda x, y: (x**2 + 1.4 * y**2) / 2 + 0.1 * np.cos(x + y), 0.7)
    psi = [grid.gaussian((0.3, -0.2)), grid.gaussian((-0.2, 0.1))]
    w0 = arrays(psi, grid)
    kets, ready = (wlsolve(model, s, [0, 0.5]) for s in (psi, w0))
    assert ready._setup.state.left is not None
    assert np.max(np.abs(ready.wigner(0, 1) - kets.wigner(0, 1))) < 1e-12


@pytest.mark.parametrize(
    ("scheme", "rtol"),
    [
        *(("strang", rtol) for rtol in (1e-3, 1e-5, 1e-7)),
        *(
            (scheme, rtol)
            for scheme in ("rkn6", "rkn11")
            for rtol in (1e-3, 1e-5, 1e-7, 1e-9, 1e-11)
        ),
    ],
)
def test_steps_are_found_on_wave_functions(scheme, rtol):
    grid = Grid(72, 20.0)
    psi = [grid.gaussian(0.5), grid.gaussian(-0.4, 0.3)]
    model = WignerLohe(grid, lambda x: x**2 / 2 + 0.8 * np.cos(1.3 * x), 0.0)
    exact = wlsolve(model, psi, [0, 2])
    flow = LinearFlow(model, read_state(model, psi), rtol=rtol, scheme=scheme)
    w = flow.start()
    flow.run(w, 0.8)
    flow.run(w, 1.2)
    for k, (i, j) in enumerate(flow.pairs):
        error = np.linalg.norm(w[k] - exact.wigner(i, j)) / np.linalg.norm(w[k])
        # two stretches, each within rtol
        assert error < 2 * rtol
        # and no more steps than it takes
        assert flow.steps < 5 or error > 0.01 * rtol


def test_real_and_complex_arrays_move_alike():
    grid = Grid(72, 20.0)
    model = WignerLohe(grid, anharmonic)
    w = wigner_transform(grid.gaussian(0.5, 0.2), grid=grid)
    flow = Transport(model, 1)
    moved, same = w.copy(), w.astype(complex)
    for a in (moved, same):
        flow.step(a, 0, 0, 0.1, 2, RKN_SCHEMES["rkn11"])
    assert moved.dtype == float
    assert np.max(np.abs(moved - same)) < 1e-14


@pytest.mark.parametrize("rank", [5, 100, 200])
def test_low_rank_of_large_blocks(rank):
    rng = np.random.default_rng(2)
    vectors = np.linalg.qr(rng.normal(size=(600, rank)) + 1j * rng.normal(size=(600, rank)))[0]
    values = rng.choice([-1.0, 1.0], rank) * 10 ** -rng.uniform(0, 12, rank)
    matrix = (vectors * values) @ vectors.conj().T
    basis = _span(matrix, 1e-14)
    assert (basis is None) == (rank == 200)
    left, right, signs = _decompose(matrix, 3, 0.25, True)
    assert right is None and left.shape[0] == 3 and left.shape[2] == 200
    rows = left.swapaxes(1, 2).reshape(600, -1)
    assert np.max(np.abs((rows * signs) @ rows.conj().T - matrix)) < 1e-14
