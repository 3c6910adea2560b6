import numpy as np
import pytest

from qsyncplug.core import Grid
from qsyncplug.wigner import WignerLohe, wigner_transform, wlsolve
from qsyncplug.wigner.direct import LinearFlow
from qsyncplug.wigner.state import read_state

from .wigner_reference import Lines

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


@pytest.mark.parametrize(("scheme", "order", "steps"), [("strang", 2, (32, 64)), ("rkn6", 4, (12, 24)), ("rkn11", 6, (6, 12))])
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
    "potential", [lambda x: x**2 / 2 + 0.3 * x + 1, lambda x: 0.2 * x, 0.0, lambda x: -0.05 * x**2, lambda x: 1.7 * x**2]
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
    # a Gaussian narrower than any state allows: not positive, and yet the flow is linear and turns it round
    grid = Grid(64, 16.0)
    model = WignerLohe(grid, lambda x: x**2 / 2, 1.0)
    x, p = model.phase_space.x[:, None], model.phase_space.p[None, :]
    w0 = np.exp(-((x - 1) ** 2) / 0.5 - p**2 / 0.5) / (0.5 * np.pi)
    result = wlsolve(model, [[w0]], [0, np.pi / 2, 2 * np.pi])
    assert np.max(np.abs(result.wigner(0, 0, 2) - w0)) < 1e-11
    turned = np.exp(-(x**2) / 0.5 - (p + 1) ** 2 / 0.5) / (0.5 * np.pi)
    assert np.max(np.abs(result.wigner(0, 0, 1) - turned)) < 1e-11
    assert np.allclose(result.moments()[1][:, 0], 0.25 * np.eye(2), atol=1e-11)


def test_arrays_need_the_potential_everywhere():
    model = WignerLohe(GRID, anharmonic(GRID.axes[0]))
    result = wlsolve(model, W0, [0, 0.1])
    with pytest.raises(ValueError, match="between the points of the grid"):
        result.wigner(0, 1)
