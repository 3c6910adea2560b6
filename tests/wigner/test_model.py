import pickle

import numpy as np
import pytest
import qutip

from qsyncplug import GridHamiltonian
from qsyncplug.core import Grid
from qsyncplug.core.storage import build_model
from qsyncplug.wigner import PhaseSpace, WignerLohe

GRID = Grid(32, 12.0)


def test_common_potential():
    model = WignerLohe(GRID, lambda x: x**2 / 2, coupling=2)
    assert model.common and model.n is None and model.coupling == 2.0
    assert model.phase_space == PhaseSpace(GRID)
    assert np.array_equal(model.potential, GRID.axes[0] ** 2 / 2)


def test_offsets_are_common():
    model = WignerLohe(GRID, [lambda x: x**2, lambda x: x**2 + 0.5, lambda x: x**2 - 2])
    assert model.common and model.n == 3
    assert np.allclose(model.rates(3), [0, 0.5, -2], atol=1e-13)
    assert "offsets" in str(model)


def test_different_potentials():
    model = WignerLohe(GRID, [0.0, lambda x: x])
    assert not model.common and "different" in str(model)


def test_a_hamiltonian_is_no_potential():
    with pytest.raises(TypeError, match=r"potential\[1\] must be a potential V\(x\)"):
        WignerLohe(Grid(32, 10.0), [0.0, qutip.num(32)])


def test_storage():
    for potential in (lambda x: x**4, [lambda x: x**2, 1.0]):
        model = WignerLohe(GRID, potential, 0.3)
        for back in (build_model(model.to_dict()), pickle.loads(pickle.dumps(model))):
            assert np.array_equal(back.potential, model.potential)
            assert (back.grid, back.coupling, back.n, back.common) == (
                GRID,
                0.3,
                model.n,
                model.common,
            )


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((64,), TypeError, "grid must be a Grid"),
        ((GRID, lambda x: 1j * x), ValueError, "potential must be real"),
        ((GRID, [0.0, lambda x: 1j * x]), ValueError, r"potential\[1\] must be real"),
        ((GRID, np.zeros(31)), ValueError, "potential must have the grid's shape"),
        ((GRID, lambda x: x / 0 * np.nan), ValueError, "potential must be finite"),
        ((GRID, []), ValueError, "potential must hold at least one"),
        ((GRID, GridHamiltonian(GRID)), TypeError, "not a GridHamiltonian"),
        ((GRID, 0.0, -1.0), ValueError, "coupling must be at least 0"),
        ((GRID, 0.0, np.nan), ValueError, "coupling must be finite"),
        ((GRID, 0.0, "1"), TypeError, "coupling must be a real number"),
    ],
)
@pytest.mark.filterwarnings("ignore:(divide|invalid)")
def test_bad_input(arguments, error, text):
    with pytest.raises(error, match=text):
        WignerLohe(*arguments)
