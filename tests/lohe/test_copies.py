"""Results are data: they pickle, copy and cross processes; nothing compiled is in them."""

import copy
import multiprocessing
import pickle
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import qutip
from numpy.testing import assert_array_equal
from qsyncplug._ext.lohe import LoheRightHandSide, MobiusRightHandSide

import qsyncplug as qsp
from qsyncplug.core.errors import RightHandSideError, StepLimitError

GRID = qsp.Grid(48, 14.0)
H = qsp.GridHamiltonian(GRID, lambda x: x**2 / 2)
PSI = [GRID.gaussian(0.8, 0.3), GRID.gaussian(-0.5)]
ALIGNED = dict(variant="model2", theta=[1.2, 0.8], alignment=1.0, kernel=qsp.heavy_tail_kernel())
RUNS = {
    "reduction": ({}, {}),
    "reduction, alignment": (ALIGNED, {}),
    "reduction, graph": (dict(adjacency=[[0, 1], [0.5, 0]], phase_lag=0.2), {}),
    "mobius": ({}, {"method": "mobius"}),
    "splitting": (ALIGNED, {"method": "splitting", "store_states": True}),
    "lawson": (ALIGNED, {"method": "lawson", "store_states": True}),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("way", [lambda r: pickle.loads(pickle.dumps(r)), copy.deepcopy, copy.copy])
def test_results_can_be_copied(run, way):
    kw, options = RUNS[run]
    result = qsp.slsolve(qsp.SchrodingerLohe(H, 1.0, **kw), PSI, [0, 0.5, 1.0], options=options)
    again = way(result)
    for name in ("times", "gram", "masses", "theta", "centres"):
        assert_array_equal(getattr(again, name), getattr(result, name))
    assert_array_equal(np.array(again.states[1]), np.array(result.states[1]))


def test_partial_results_can_be_copied():
    with pytest.raises(StepLimitError) as info:
        qsp.slsolve(qsp.SchrodingerLohe(H), PSI, np.linspace(0, 50, 101), options={"nsteps": 10})
    result = info.value.result
    assert_array_equal(pickle.loads(pickle.dumps(result)).gram, result.gram)


def test_results_cross_processes():
    result = qsp.slsolve(qsp.SchrodingerLohe(H), PSI, [0, 1.0])
    # an executor says that its worker died; a Pool would wait for ever
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        # getattr, which every worker knows: this module is not importable there
        order = pool.submit(getattr, result, "order_parameter").result(timeout=300)
        states = np.array(pool.submit(getattr, result, "states").result(timeout=300)[-1])
    assert_array_equal(order, result.order_parameter)
    assert np.allclose(states, result.states[-1], atol=1e-13)


def test_compiled_equations_refuse_to_be_pickled():
    for rhs in (
        LoheRightHandSide(2, 2, 1.0, True, np.ones(2)),
        MobiusRightHandSide(np.eye(2), 1.0),
    ):
        for way in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="made anew"):
                way(rhs)


def test_predictions_can_be_copied():
    found = qsp.predictions(qsp.SchrodingerLohe(H), PSI)
    assert copy.copy(found).names == copy.deepcopy(found).names == found.names
    again = pickle.loads(pickle.dumps(found))
    result = qsp.slsolve(qsp.SchrodingerLohe(H), PSI, np.linspace(0, 20, 41))
    assert [str(o) for o in again.check(result)] == [str(o) for o in found.check(result)]
    with pytest.raises(AttributeError, match="those that apply"):
        _ = found.nothing


@pytest.mark.filterwarnings("ignore::qsyncplug.GlobalExistenceWarning")
@pytest.mark.parametrize(
    "kw", [{}, dict(variant="model2"), dict(phase_lag=1.0), dict(variant="model1", phase_lag=1.2)]
)
def test_steps_that_are_far_too_long_end_soon(kw):
    """Coupling 100 and a step of 100: no search beyond the end for an oscillator not lost."""
    a = qutip.destroy(4)
    model = qsp.SchrodingerLohe([a.dag() * a, 1.5 * a.dag() * a], 100.0, **kw)
    psi = [qutip.coherent(4, 0.8), qutip.coherent(4, 0.3)]
    begin = time.perf_counter()
    try:
        result = qsp.slsolve(
            model, psi, [0, 100.0, 200.0], options={"method": "strang", "step": 100.0}
        )
        assert np.all(np.isfinite(result.gram))
    except RightHandSideError as error:
        assert "take a smaller step" in str(error)
        assert len(error.result.times) >= 1
    assert time.perf_counter() - begin < 20
