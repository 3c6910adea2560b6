"""Bars of QuTiP on what runs long and is no run of a solver."""

import time

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.core.errors import QsyncplugWarning
from qsyncplug.core.progress import say_if_so_often


def _pair(drive=0.0, gain=0.3):
    a, b = qsp.modes(2)
    H = a.dag() * a - b.dag() * b + 0.4 * (a.dag() * b + b.dag() * a) + drive * (a + a.dag())
    return qsp.System(H, [gain * a.dag(), a, gain * b.dag(), b])


def _laser(detuning):
    (b,) = qsp.modes(1)
    return qsp.System(detuning * b.dag() * b, [b.dag(), 2 * b])


def _of_first(system):
    return system, system.operators[0]


LONG = {
    "entrainment": lambda bar: qsp.entrainment(
        _laser, np.linspace(-1, 1, 11), cutoff=24, progress_bar=bar
    ),
    "stable states": lambda bar: qsp.find_stable_states(
        qsp.Circle(qsp.sine(), "mean"), 3, trials=12, seed=1, progress_bar=bar
    ),
    "basin": lambda bar: qsp.basin_of_synchronization(
        qsp.Circle(qsp.sine(), "mean"), 3, ntraj=12, seed=1, options={"progress_bar": bar}
    ),
    "exponents": lambda bar: qsp.lyapunov_exponents(
        _laser(1.0), [0.5], 20.0, transient=0.0, progress_bar=bar
    ),
    "steady state by blocks": lambda bar: qsp.steadystate(_pair(), cutoff=19, progress_bar=bar),
    "steady state": lambda bar: qsp.steadystate(_pair(0.1, 0.1), cutoff=9, progress_bar=bar),
    "eigenmodes": lambda bar: qsp.eigenmodes(_pair(0, 0.005), 4, cutoff=5, progress_bar=bar),
    "eigenmodes of one order": lambda bar: qsp.eigenmodes(
        _pair(), 4, cutoff=11, order=1, progress_bar=bar
    ),
    "spectrum": lambda bar: qsp.spectrum(*_of_first(_pair(0.1, 0.1)), cutoff=9, progress_bar=bar),
    "spectrum of samples": lambda bar: qsp.spectrum(
        *_of_first(_laser(1.0)),
        sample_times=np.linspace(4, 84, 401),
        options={"ntraj": 5000, "seed": 1},
        progress_bar=bar,
    ),
    "correlation": lambda bar: qsp.correlation(
        *_of_first(_pair(0.1, 0.1)), np.linspace(0, 30, 40), cutoff=8, progress_bar=bar
    ),
    "certificate": lambda bar: qsp.certify_attention(-0.3, -0.27, method="gap", progress_bar=bar),
}


@pytest.mark.parametrize("name", LONG)
def test_a_bar_tells_how_far_it_is(name, capsys):
    if name == "certificate":
        pytest.importorskip("flint")
    with_bar = LONG[name]("text")
    said = capsys.readouterr().out
    assert "100.0%" in said and said.count("% Run time") + said.count("%. Run time") >= 5
    assert "Total run time" in said
    without = LONG[name](False)
    assert type(without) is type(with_bar) and not capsys.readouterr().out
    with pytest.raises(ValueError, match="progress_bar"):
        LONG[name]("of gold")


def test_what_takes_long_is_told_by_the_work_not_by_the_wait():
    """A machine that does something else in between is no reason to warn; work is."""

    def waits():
        time.sleep(0.02)

    def works():
        begin = time.process_time()
        while time.process_time() < begin + 0.02:
            pass

    say_if_so_often("waiting", waits, 1e4, "")
    with pytest.warns(QsyncplugWarning, match=r"work will take about [3-9] min; less"):
        say_if_so_often("work", works, 1e4, "less")
