"""Every way a run ends, and that it is the same in any unit of time."""

import signal
import threading
import time

import numpy as np
import pytest

from qsyncplug.core import Grid
from qsyncplug.core.errors import (
    RightHandSideError,
    SolverInterrupted,
    StepLimitError,
    TimeLimitError,
)
from qsyncplug.wigner import WignerLohe, WignerLoheSolver, wigner_transform, wlsolve

GRID = Grid(48, 14.0)
PAIR = [GRID.gaussian(0.6, 0.2), np.exp(0.5j) * GRID.gaussian(-0.4)]
TIMES = np.linspace(0, 3, 31)


def trap(x):
    return x**2 / 2


def well(x):
    return x**2 / 2 + 0.1 * np.cos(x)


METHODS = {
    "reduction": (trap, {}),
    "splitting": ([trap, well], {"method": "splitting", "rtol": 1e-8}),
    "s6": ([trap, well], {"method": "s6", "step": 0.05}),
    "direct": (well, {"method": "direct", "rtol": 1e-7, "store_states": False}),
    "direct, different": ([trap, well], {"method": "direct", "rtol": 1e-6}),
}


@pytest.mark.parametrize("case", METHODS)
def test_a_function_that_raises_keeps_what_was_before(case):
    potential, options = METHODS[case]

    def fails(t, matrix):
        if t > 2.05:
            raise ZeroDivisionError("at last")
        return matrix.correlations[0, 1]

    with pytest.raises(RightHandSideError, match="ZeroDivisionError: at last") as caught:
        wlsolve(WignerLohe(GRID, potential), PAIR, TIMES, e_ops=fails, options=options)
    partial = caught.value.result
    assert len(partial.times) == len(partial.e_data[0]) == 21
    assert partial.correlations.shape == (21, 2, 2)


@pytest.mark.parametrize("case", METHODS)
def test_the_time_limit_keeps_what_was_before(case):
    potential, options = METHODS[case]

    def slow(t, matrix):
        time.sleep(0.05)

    with pytest.raises(TimeLimitError) as caught:
        wlsolve(
            WignerLohe(GRID, potential),
            PAIR,
            np.linspace(0, 3, 301),
            e_ops=slow,
            options={**options, "time_limit": 1.0},
        )
    assert 2 <= len(caught.value.result.times) < 301


def test_the_time_limit_inside_long_steps():
    with pytest.raises(TimeLimitError) as caught:
        wlsolve(
            WignerLohe(GRID, [trap, well]),
            PAIR,
            [0.0, 0.01, 1e6],
            options={"method": "s6", "step": 1e-3, "time_limit": 0.5},
        )
    assert len(caught.value.result.times) == 2


@pytest.mark.parametrize("case", METHODS)
def test_interrupts_keep_what_was_before(case):
    potential, options = METHODS[case]

    def slow(t, matrix):
        time.sleep(0.02)

    timer = threading.Timer(0.8, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(SolverInterrupted) as caught:
        wlsolve(
            WignerLohe(GRID, potential),
            PAIR,
            np.linspace(0, 3, 3001),
            e_ops=slow,
            options=options,
        )
    timer.join()
    assert len(caught.value.result.times) >= 1


def test_the_step_limit():
    for case in ("splitting", "s6", "direct"):
        potential, options = METHODS[case]
        with pytest.raises(StepLimitError) as caught:
            wlsolve(
                WignerLohe(GRID, potential),
                PAIR,
                np.linspace(0, 300, 601),
                options={**options, "nsteps": 60},
            )
        assert 1 <= len(caught.value.result.times) < 601


@pytest.mark.parametrize("case", METHODS)
def test_until_and_by_hand(case):
    potential, options = METHODS[case]
    solver = WignerLoheSolver(WignerLohe(GRID, potential), options=options)
    run = solver.run(PAIR, TIMES, until=lambda t, matrix: t > 0.95)
    assert len(run.times) == 11
    solver.start(PAIR, 0.0)
    for k in (1, 5, 10):
        matrix = solver.step(TIMES[k])
        assert np.max(np.abs(matrix.correlations - run.correlations[k])) < 1e-6


@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize("case", ["splitting", "direct", "reduction", "arrays"])
def test_any_unit_of_time(case, scale):
    """t → t/s with x → x/√s and V → sV, κ → sκ is the same run, step for step."""
    potential, options = METHODS.get(case, METHODS["direct"])
    many = isinstance(potential, list)

    def scaled(v):
        return lambda x: scale * v(np.sqrt(scale) * x)

    def run(s):
        grid = Grid(48, 14.0 / np.sqrt(s))
        psi = np.array(PAIR) * s**0.25
        potentials = potential if s == 1 else [scaled(v) for v in (potential if many else [well])]
        if not many and s != 1:
            potentials = scaled(potential)
        model = WignerLohe(grid, potentials, s)
        state = psi
        if case == "arrays":
            state = [[wigner_transform(a, b, grid=grid) for b in psi] for a in psi]
        return wlsolve(model, state, TIMES[::10] / s, options=options)

    plain, other = run(1.0), run(scale)
    assert np.max(np.abs(plain.gram - other.gram)) < 1e-9
    if case != "reduction":
        assert other.stats.steps_accepted == plain.stats.steps_accepted
