"""Every solver refuses the models of the others, and says what it takes."""

import inspect

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.circle import OttAntonsen, Sphere
from qsyncplug.core.solver import Solver

SOLVERS = sorted(
    name
    for room in (qsp, qsp.circle)
    for name in room.__all__
    if inspect.isclass(kind := getattr(room, name)) and issubclass(kind, Solver)
)
#: arguments without a default
NEEDED = {"ExactSolver": {"cutoff": 5}, "TrajectoriesSolver": {"noise": 0.1, "ntraj": 2, "seed": 1}}
GRID = qsp.Grid(points=32, length=12.0)
MODELS = {
    "System": qsp.van_der_pol_pair(),
    "SpinChains": qsp.SpinChains(n=(2, 2)),
    "PublishedSpinChains": qsp.PublishedSpinChains(),
    "Circle": qsp.Circle(qsp.sine(), "mean"),
    "OttAntonsen": OttAntonsen(3.0, 1.0),
    "Sphere": Sphere(),
    "SchrodingerLohe": qsp.SchrodingerLohe(qutip.num(3)),
    "WignerLohe": qsp.WignerLohe(GRID, lambda x: x**2 / 2),
    "number": 3,
}


def _kind(name):
    return getattr(qsp, name, None) or getattr(qsp.circle, name)


@pytest.mark.parametrize("name", SOLVERS)
def test_the_model_of_another_solver_is_a_type_error(name):
    kind = _kind(name)
    keywords = {
        key: value
        for key, value in NEEDED.get(name, {}).items()
        if key in inspect.signature(kind).parameters
    }
    taken = []
    for model, value in MODELS.items():
        try:
            kind(value, **keywords)
        except TypeError as error:
            assert "missing" not in str(error), error
            named = type(value).__name__ in str(error)
            assert named or "a System of spins (qsyncplug.spins)" in str(error), error
        except ValueError:
            # of the right kind, and wrong in its numbers
            taken.append(model)
        else:
            taken.append(model)
    # some take two kinds: positions on the circle and populations, spins as chains and as systems
    assert 1 <= len(taken) <= 2, taken


def test_the_closure_of_mixtures_is_checked():
    with pytest.raises(ValueError, match="closure must be one of 'linear', 'none', not 'all'"):
        qsp.ClassicalSolver(qsp.van_der_pol_pair(), closure="all")


def test_circle_pictures_read_qutip_states():
    a = qutip.destroy(12)
    pair = [qutip.tensor(a, qutip.qeye(12)), qutip.tensor(qutip.qeye(12), a)]
    state = qutip.tensor(qutip.coherent(12, 1.0), qutip.coherent(12, 1j))
    _, ax = qsp.plot_circle(state, modes=pair)
    # phases 0 and −π/2 of e^{−ix}: the mean field has the length cos(π/4)
    assert any(text.get_text() == "r = 0.707" for text in ax.texts)
    with pytest.raises(ValueError, match="weights must have shape"):
        qsp.plot_circle(state, modes=pair, weights=np.ones(3))
