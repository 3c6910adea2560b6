"""Time limits, Ctrl-C and failures of functions of the user: what was computed is kept."""

import os
import signal
import threading
import time

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import RightHandSideError, SolverInterrupted, TimeLimitError

GRID = qsp.Grid(64, 16.0)
TRAPS = [qsp.GridHamiltonian(GRID, lambda x, w=w: w * x**2 / 2) for w in (1.0, 1.3)]
PSI = [GRID.gaussian(0.8), GRID.gaussian(-0.6)]
MODELS = {
    "reduction": qsp.SchrodingerLohe(TRAPS[0], 1.0, frequencies=[40.0, -40.0]),
    "splitting": qsp.SchrodingerLohe(TRAPS, 1.0),
    "s10": qsp.SchrodingerLohe(TRAPS, 1.0),
    "lawson": qsp.SchrodingerLohe(TRAPS, 1.0),
    "dop853": qsp.SchrodingerLohe(TRAPS, 1.0),
}


def run(method, times, **kw):
    options = {"method": method, "step": 0.01, **kw.pop("options", {})}
    if method == "reduction":
        options["rtol"] = 1e-14
    return qsp.slsolve(MODELS[method], PSI, times, options=options, **kw)


def large():
    rng = np.random.default_rng(0)
    psi = rng.normal(size=(600, 300)) + 1j * rng.normal(size=(600, 300))
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    return qsp.SchrodingerLohe(qutip.num(300), 1.0), psi


@pytest.mark.parametrize("method", MODELS)
def test_time_limits(method):
    begin = time.perf_counter()
    with pytest.raises(TimeLimitError) as info:
        run(method, np.linspace(0, 2e4, 400_001), options={"time_limit": 0.3})
    result = info.value.result
    assert 0 < len(result.times) < 400_001
    assert len(result.masses) == len(result.theta) == len(result.times)
    assert time.perf_counter() - begin < 20


def test_time_limit_of_the_mobius_form():
    model, psi = large()
    with pytest.raises(TimeLimitError) as info:
        qsp.slsolve(
            model,
            psi,
            np.linspace(0, 30, 2_000_00),
            options={"method": "mobius", "time_limit": 0.02},
        )
    assert len(info.value.result.times) < 2_000_00


@pytest.mark.parametrize("exact", [True, False])
def test_time_limit_of_trajectories(exact):
    model = qsp.SchrodingerLohe(TRAPS[0], 1.0, frequencies=None if exact else [0.3, -0.3])
    with pytest.raises(TimeLimitError, match="trajectories before that") as info:
        qsp.sltrajectories(
            model,
            PSI,
            np.linspace(0, 5, 51),
            0.3,
            ntraj=100_000,
            seed=1,
            options={"time_limit": 0.5, "step": 0.05},
        )
    result = info.value.result
    done = result.ntraj
    assert 0 < done < 100_000 and result.wiener.shape == (51, done)
    again = qsp.sltrajectories(
        model, PSI, np.linspace(0, 5, 51), 0.3, ntraj=done, seed=1, options={"step": 0.05}
    )
    assert np.array_equal(again.gram, result.gram)


def interrupted(function):
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(SolverInterrupted) as info:
            function()
    finally:
        timer.cancel()
    return info.value.result


@pytest.mark.parametrize("method", MODELS)
def test_interrupts_keep_what_there_is(method):
    result = interrupted(lambda: run(method, np.linspace(0, 2e4, 400_001)))
    assert 0 < len(result.times) < 400_001
    assert np.all(np.isfinite(result.masses)) and len(result.masses) == len(result.times)


def test_interrupts_of_trajectories():
    model = qsp.SchrodingerLohe(TRAPS[0], 1.0)
    result = interrupted(
        lambda: qsp.sltrajectories(model, PSI, np.linspace(0, 5, 51), 0.3, ntraj=10**6, seed=1)
    )
    assert 0 < result.ntraj < 10**6 and np.all(np.isfinite(result.gram))


@pytest.mark.parametrize("method", MODELS)
def test_a_function_that_fails_late_keeps_the_outputs_before(method):
    def bad(t, states):
        if t > 0.2 + 1e-9:
            raise ZeroDivisionError("late")
        return t

    with pytest.raises(RightHandSideError, match="late") as info:
        run(method, np.linspace(0, 0.3, 31), e_ops=[bad])
    result = info.value.result
    assert len(result.times) == len(result.e_data[0]) == 21
    assert np.allclose(result.e_data[0], result.times)


@pytest.mark.parametrize("method", MODELS)
def test_until_and_stepping_by_hand(method):
    times = np.linspace(0, 0.3, 31)
    whole = run(method, times)
    solver = qsp.SchrodingerLoheSolver(MODELS[method], options={"method": method, "step": 0.01})
    part = solver.run(PSI, times, until=lambda t, states: t > 0.1)
    assert len(part.times) == 12
    assert np.allclose(part.gram, whole.gram[:12], atol=1e-9)
    solver.start(PSI, 0.0)
    states = solver.step(0.3)
    gram = GRID.weight * states.conj() @ states.T
    assert np.allclose(gram, whole.gram[-1], atol=1e-9)
    walked = [t for t, _ in solver.iterate(PSI, times[:3])]
    assert np.allclose(walked, times[:3])


def test_options_are_checked_when_they_are_assigned():
    solver = qsp.SchrodingerLoheSolver(MODELS["reduction"])
    with pytest.raises(ValueError, match="step"):
        solver.options = {"method": "strang"}
    assert solver.options["method"] == "auto"
    with pytest.raises(TypeError, match="store_coefficients"):
        solver.options = {"store_coefficients": "yes"}
    solver.options = {"method": "strang", "step": 0.1}
    assert solver.method == "strang"


def test_what_was_lost_is_a_number():
    model = qsp.SchrodingerLohe(qutip.num(2), 1.0, "model1", theta=[1.5, 0.5])
    psi = [qutip.basis(2, 0), 0.1 * qutip.basis(2, 0)]
    with pytest.warns(UserWarning), pytest.raises(qsp.NonUniquenessError) as info:
        qsp.slsolve(model, psi, [0, 0.1, 5.0])
    stats = info.value.result.stats
    assert stats.lost_oscillator == 1 and stats.lost_time == info.value.time
    assert stats.rank == 1


@pytest.mark.parametrize("model", [qutip.num(3), "model", None, TRAPS[0]])
def test_another_model_is_refused_by_name(model):
    with pytest.raises(TypeError, match="must be a SchrodingerLohe"):
        qsp.slsolve(model, PSI, [0, 1.0])
    with pytest.raises(TypeError, match="must be a SchrodingerLohe"):
        qsp.sltrajectories(model, PSI, [0, 1.0], 0.1)
    with pytest.raises(TypeError):
        qsp.synchronized_limit(model, PSI)
