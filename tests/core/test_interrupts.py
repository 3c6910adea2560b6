"""Ctrl-C and the clock in calls that are no run of a solver: the documented error, with what there
is.
"""

import signal

import pytest

import qsyncplug as qsp
from qsyncplug.circle import basins
from qsyncplug.core.errors import SolverInterrupted, TimeLimitError


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
