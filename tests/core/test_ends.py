"""However a run of any solver ends early, the documented error holds what was computed."""

import signal
import time

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core import limits
from qsyncplug.core.drive import Drive
from qsyncplug.core.errors import (
    NonFiniteError,
    RightHandSideError,
    SolverInterrupted,
    TimeLimitError,
)
from qsyncplug.core.sampler import SamplingSolver

from .pressing import Press
from .runs import EXACT_RUNS, RUNS

ALL = {**RUNS, **EXACT_RUNS}
#: whose functions of e_ops are none of the whole state, or that have no e_ops
NO_FUNCTIONS = {
    "twa",
    "twa of modes",
    "lohe mobius",
    "lohe trajectories",
    "lohe trajectories, splitting",
    "exact, sectors",
    "exact, atoms",
    "exact, chains",
}
WITH_FUNCTIONS = [name for name in ALL if name not in NO_FUNCTIONS and "trajectories" not in name]

pytestmark = pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")


def whole(result, times):
    """Outputs kept, after a look at whether everything has one entry for each."""
    count = len(result.times)
    assert np.array_equal(result.times, times[:count])
    for field, axes in result._fields.items():
        array = getattr(result, field, None)
        if array is not None and axes[0] == "time":
            assert len(array) == count, field
            assert np.all(np.isfinite(array)), field
    assert all(len(values) == count for values in result.e_data.values())
    str(result)
    return count


@pytest.mark.parametrize("name", WITH_FUNCTIONS)
def test_an_error_of_e_ops_costs_no_output_before_it(name):
    solver, state0, times = ALL[name]()
    k = 2 * len(times) // 3

    def mine(t, state):
        if t >= times[k]:
            raise ZeroDivisionError("mine")
        return t

    with pytest.raises(RightHandSideError, match=r"function of e_ops raised.*mine") as caught:
        solver.run(state0, times, e_ops={"mine": mine})
    result = caught.value.result
    # samples have all outputs or none: what was not asked any more is None
    kept = whole(result, times)
    assert kept == (len(times) if isinstance(solver, SamplingSolver) else k)
    assert [v for v in result.e_data["mine"] if v is not None] == list(times[:k])


@pytest.mark.parametrize("name", WITH_FUNCTIONS)
def test_slow_functions_of_e_ops_meet_the_time_limit(name):
    solver, state0, times = ALL[name](time_limit=3600.0)
    seen = []

    def slow(t, state):
        seen.append(t)
        if len(seen) == 3:
            # as if this one had taken an hour
            limits._current.get().deadline = time.perf_counter()
        return t

    with pytest.raises(TimeLimitError, match="time limit") as caught:
        solver.run(state0, times, e_ops={"slow": slow})
    kept = whole(caught.value.result, times)
    assert kept == (len(times) if isinstance(solver, SamplingSolver) else 3)
    assert [v for v in caught.value.result.e_data["slow"] if v is not None] == seen
    assert len(seen) == 3


def pressed(run, at=0):
    """Ctrl-C at one of the calls, of Python or of kernels, that the drive makes, and the result,
    whole or of the error.
    """
    press = Press(lambda frame: frame.f_code is Drive.run.__code__, at)
    try:
        return press, press.during(lambda: run.solver.run(run.state0, run.times))
    except SolverInterrupted as error:
        return press, error.result


@pytest.mark.parametrize("name", ALL)
def test_ctrl_c_at_any_call_keeps_the_result(name):
    run = ALL[name]()
    # the first run also fills what is kept for later ones, and makes other calls
    assert pressed(run)[1] is not None
    never, result = pressed(run)
    assert whole(result, run.times) == len(run.times)
    part = np.random.default_rng(sum(map(ord, name))).random()
    # looks at the clock and at the memory make a few calls more or less
    for share in (0.95, 0.5, 0.2):
        press, result = pressed(run, 1 + int(part * share * never.number))
        if press.fired:
            break
    assert press.fired
    assert "interrupted" in result.stats["stopped"]
    whole(result, run.times)


class Pressed:
    """A kernel during which Ctrl-C is pressed: Python hears of it when the kernel returns."""

    def __init__(self, kernel):
        vars(self)["kernel"] = kernel

    def __getattr__(self, name):
        return getattr(self.kernel, name)

    def __setattr__(self, name, value):
        setattr(self.kernel, name, value)

    def advance(self, times, rows):
        self.kernel.advance(times, rows)
        signal.raise_signal(signal.SIGINT)


KERNELS = ["mean alone", "cumulants", "circle", "lohe model 1", "lohe mobius", "lohe lawson"]


@pytest.mark.parametrize("name", [*KERNELS, "sphere", "wigner reduction"])
def test_ctrl_c_during_a_kernel_keeps_all_that_it_delivered(name, monkeypatch):
    run = ALL[name]()
    loop = Drive._loop

    def looped(drive):
        drive.problem.stepper.method = Pressed(drive.problem.stepper.method)
        loop(drive)

    monkeypatch.setattr(Drive, "_loop", looped)
    with pytest.raises(SolverInterrupted) as caught:
        run.solver.run(run.state0, run.times)
    # these are asked for one output at a time
    kept = 1 if name == "lohe lawson" else len(run.times)
    assert whole(caught.value.result, run.times) == kept


# ------------------------------------------------------------ coefficients that fail on the way


def _lost(t):
    return float("nan") if t > 1 else 1.0


def _root(t):
    with np.errstate(divide="ignore"):
        return 1 / np.sqrt(t)


def _raises(t):
    if t > 1:
        raise KeyError("mine")
    return 1.0


THREE = np.linspace(0, 3, 31)


def _driven(coefficient, where):
    (b,) = qsp.modes(1)
    if where == "drive":
        return qsp.System(b.dag() * b + coefficient * (b + b.dag()), [b])
    return qsp.System(b.dag() * b, [coefficient * b, 0.3 * b.dag()])


def _exactly(method):
    drawn = {"ntraj": 10, "seed": 1} if method in ("trajectories", "mcsolve") else {}
    options = {"method": method, **drawn}
    return lambda system: qsp.exactsolve(system, [0.5], THREE, cutoff=8, options=options)


#: refuse before any work, as the coefficient can be looked at
AHEAD = {
    "twa": lambda system: qsp.twasolve(system, [0.5], THREE, ntraj=20, seed=1),
    **{m: _exactly(m) for m in ("density", "trajectories", "mesolve", "mcsolve")},
}
#: go on to the last output before it
UP_TO = {
    closure: lambda system, closure=closure: qsp.mfsolve(system, [0.5], THREE, closure=closure)
    for closure in ("none", "linear", "gaussian", "cumulants")
}


@pytest.mark.parametrize("where", ["drive", "jump"])
@pytest.mark.parametrize("function", [_lost, _root, _raises])
@pytest.mark.parametrize("name", [*AHEAD, *UP_TO])
def test_coefficients_that_fail_are_named(name, function, where):
    system = _driven(qutip.coefficient(function), where)
    if name in UP_TO:
        with pytest.raises((NonFiniteError, RightHandSideError)) as caught:
            UP_TO[name](system)
        kept = whole(caught.value.result, THREE)
        assert kept == 1 if function is _root else 7 < kept <= 11
        assert caught.value.time <= 1 + 1e-9
    else:
        with pytest.raises(ValueError, match=r"a coefficient of the system .* at t="):
            AHEAD[name](system)


def test_hamiltonians_of_waves_that_raise_are_named():
    h = qutip.QobjEvo([qutip.num(3), [qutip.num(3), _raises]])
    with pytest.raises(ValueError, match=r"hamiltonian raised KeyError at t=1\.1: 'mine'"):
        qsp.slsolve(qsp.SchrodingerLohe(h), np.ones((2, 3)) / 3**0.5, THREE)


# ------------------------------------------------------------ amplitudes beyond e^{−|α|²/2}


def test_a_large_coherent_state_is_taken_where_it_fits():
    """Its amplitude in the vacuum, e^{−760}, is no number."""
    (b,) = qsp.modes(1)
    times = [0.0, 0.5, 1.0]
    run = qsp.exactsolve(qsp.System(2.0 * b.dag() * b), [39.5j], times, cutoff=2600)
    want = 39.5j * np.exp(-2j * np.array(times))
    assert np.abs(run.amplitudes[:, 0] - want).max() < 1e-9
    with pytest.raises(ValueError, match="lowest 60 levels; cutoff=1886 would hold it"):
        qsp.exactsolve(qsp.System(b.dag() * b), [39.5], times, cutoff=60)


def test_both_ways_to_coherent_states_agree(monkeypatch):
    from qsyncplug.operators import states

    alpha = 30 * np.exp(0.7j)
    first = states.coherent_state("b", alpha, 1500).full()
    monkeypatch.setattr(states, "_UNDERFLOW", 0.0)
    assert np.abs(states.coherent_state("b", alpha, 1500).full() - first).max() < 1e-12


@pytest.mark.parametrize("closure", ["none", "linear", "gaussian", "cumulants"])
def test_amplitudes_whose_squares_are_no_numbers(closure):
    system = qsp.kerr_van_der_pol()
    with pytest.raises((ValueError, NonFiniteError), match=r"state0|not finite"):
        qsp.mfsolve(system, [1e200], [0, 0.1], closure=closure)
    for solve in (qsp.exactsolve, qsp.twasolve):
        more = {"cutoff": 8} if solve is qsp.exactsolve else {"ntraj": 10}
        with pytest.raises(ValueError, match=r"state0.*smaller"):
            solve(system, [1e200], [0, 0.1], **more)
