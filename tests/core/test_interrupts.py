"""Ctrl-C and the clock in calls that are no run of a solver: the documented error, with what there
is.
"""

import inspect
import signal

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.circle import basins
from qsyncplug.core import interrupts
from qsyncplug.core.errors import SolverInterrupted, TimeLimitError
from qsyncplug.sweeps import run

from .pressing import Press


@pytest.mark.parametrize("ending", [SolverInterrupted, TimeLimitError])
@pytest.mark.parametrize("count", [0, 3])
def test_a_basin_keeps_the_samples_that_were_followed(monkeypatch, ending, count):
    """They are those that a call for so many follows."""
    model, seen = qsp.Circle(qsp.sine()), []

    def look():
        seen.append(1)
        if len(seen) > count:
            if ending is SolverInterrupted:
                signal.raise_signal(signal.SIGINT)
            raise TimeLimitError("time limit", reason="time limit")

    want = qsp.basin_of_synchronization(model, 4, ntraj=3, seed=5)
    monkeypatch.setattr(basins, "look", look)
    with pytest.raises(ending, match=f"after {count} of 1000000 samples") as caught:
        qsp.basin_of_synchronization(model, 4, ntraj=10**6, seed=5)
    assert caught.value.result == (want if count else None)


def test_samples_of_a_basin_share_one_time_limit(monkeypatch):
    """Each gets what is left of it; one that it ends is not counted as undecided."""
    given = []

    def outcome(follower, x):
        given.append(follower.solver.options["time_limit"])
        return "undecided" if len(given) > 4 else "synchronized"

    monkeypatch.setattr(basins._Merging, "outcome", outcome)
    options = {"time_limit": 3600.0}
    qsp.basin_of_synchronization(qsp.Circle(qsp.sine()), 4, ntraj=4, seed=5, options=options)
    assert 3600.0 >= given[0] > given[1] > given[2] > given[3]


# ------------------------------------------------------------ at any moment


def _press(at=0):
    """Presses Ctrl-C at one of the Python calls inside a public function: ``at``, from 1."""

    def counted(frame, event):
        # what is raised in a generator that Python closes is lost in Python itself
        return event == "call" and not frame.f_code.co_flags & inspect.CO_GENERATOR

    return Press(lambda frame: frame.f_code.co_filename == interrupts.__file__, at, counted)


def _driven():
    (b,) = qsp.modes(1)
    return qsp.System(0.3 * (b + b.dag()) + b.dag() * b, [b])


def _laser():
    (b,) = qsp.modes(1)
    return qsp.System(b.dag() * b, [b.dag(), 0.3 * b**2]), b


def _spectrum():
    system, b = _laser()
    return qsp.spectrum(system, b, cutoff=8)


def _correlation():
    system, b = _laser()
    return qsp.correlation(system, b, np.linspace(0, 2, 5), cutoff=8)


PAIR = qsp.van_der_pol_pair(detuning=0.3, dissipative=1.0)
RING = qsp.Circle(qsp.sine(), "mean")
FEW = np.linspace(0, 2.5, 5)
#: what has no partial result
WHOLE = {
    "steadystate": lambda: qsp.steadystate(_driven(), cutoff=8),
    "steadystate of blocks": lambda: qsp.steadystate(_laser()[0], cutoff=8),
    "spectrum": _spectrum,
    "correlation": _correlation,
    "eigenmodes": lambda: qsp.eigenmodes(_driven(), 3, cutoff=6),
    "limit_cycle": lambda: qsp.limit_cycle(PAIR, [1.0, 1j]),
    "lyapunov_exponents": lambda: qsp.lyapunov_exponents(PAIR, [1.0, 1j], 5.0),
    "verdict": lambda: qsp.verdict(qsp.limit_cycle(PAIR, [1.0, 1j])),
    "predictions": lambda: qsp.predictions(RING, FEW),
    "critical_coupling": lambda: qsp.critical_coupling([-0.5, 0.1, 0.4]),
    "find_stable_states": lambda: qsp.find_stable_states(RING, 4, trials=2, seed=1),
}
#: what runs a solver
RUNS = {
    "coalesce": lambda: qsp.coalesce(RING, FEW),
    "wssolve": lambda: qsp.wssolve(RING, FEW, [0, 1.0]),
    "circlesolve": lambda: qsp.circlesolve(RING, FEW, [0, 1.0]),
    "mfsolve": lambda: qsp.mfsolve(PAIR, [1.0, 1j], [0, 1.0]),
    "exactsolve": lambda: qsp.exactsolve(_driven(), [0.1], [0, 1.0], cutoff=6),
    "basin_of_synchronization": lambda: qsp.basin_of_synchronization(RING, 4, ntraj=3, seed=1),
}


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")
@pytest.mark.parametrize("name", [*WHOLE, *RUNS])
def test_ctrl_c_at_any_call_is_the_documented_error(name):
    function = {**WHOLE, **RUNS}[name]
    # the first call also fills what is kept for later ones
    function()
    press = _press()
    press.during(function)
    count = press.number
    for share in (0.03, 0.3, 0.6, 0.9):
        press = _press(max(1, int(share * count)))
        with pytest.raises(SolverInterrupted) as caught:
            press.during(function)
        assert press.fired
        if name in WHOLE:
            assert caught.value.result is None
            assert "was interrupted: it has no partial result" in str(caught.value)


def test_a_sweep_interrupted_before_its_first_point_holds_what_was_stored(tmp_path, monkeypatch):
    pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    parameters, path = {"x": [1.0, 2.0, 3.0]}, tmp_path / "store"

    def square(x):
        if x == 3.0 and stop:
            raise KeyboardInterrupt
        return x * x

    stop = [1]
    with pytest.raises(SolverInterrupted, match="2 of 3 points"):
        qsp.sweep(square, parameters, path=path, options={"check_function": False})
    stop.clear()
    for name in ("Task", "_Run"):
        with monkeypatch.context() as patch:
            patch.setattr(run, name, lambda *_, **__: signal.raise_signal(signal.SIGINT))
            with pytest.raises(SolverInterrupted, match="2 of 3 points are done") as caught:
                qsp.sweep(square, parameters, path=path, options={"check_function": False})
        assert caught.value.result["value"].values[:2].tolist() == [1.0, 4.0]
    with monkeypatch.context() as patch:
        patch.setattr(run, "Points", lambda *_: signal.raise_signal(signal.SIGINT))
        with pytest.raises(SolverInterrupted, match="sweep was interrupted"):
            qsp.sweep(square, parameters, path=path)
    data = qsp.sweep(square, parameters, path=path, options={"check_function": False})
    assert data["value"].values.tolist() == [1.0, 4.0, 9.0]
