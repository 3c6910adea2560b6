"""Exact runs that stop, threads, files."""

import warnings

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core import storage
from qsyncplug.core.errors import (
    CutoffWarning,
    MemoryLimitError,
    QsyncplugWarning,
    SolverError,
    TimeLimitError,
)
from qsyncplug.exact.result import ExactStats

from .exactsolve_cases import pair, quietly


def slow():
    (b,) = qsp.modes(1)
    return qsp.System(300.0 * b.dag() ** 2 * b**2 + b + b.dag(), [b])


def test_time_limit_hands_back_what_it_has():
    times = np.linspace(0, 50, 2001)
    a = 0.3
    with pytest.raises(TimeLimitError, match="time_limit") as caught:
        quietly(
            slow(),
            [a],
            times,
            cutoff=16,
            e_ops={"n": qutip.num(16)},
            options={"time_limit": 0.3, "store_states": True},
        )
    part = caught.value.result
    count = len(part.times)
    assert 0 < count < len(times)
    assert part.amplitudes.shape == (count, 1)
    # the run ended between two outputs, of which the earlier is the last that is kept
    assert part.times[-1] <= caught.value.time < part.times[-1] + 1.01 * (times[1] - times[0])
    full = quietly(slow(), [a], times[: min(count, 4)], cutoff=16)
    np.testing.assert_allclose(part.amplitudes[: min(count, 4)], full.amplitudes, atol=1e-8)
    # nothing computed is lost
    assert len(part.e_data["n"]) == count
    assert len(part.states) == count
    repr(part)


def test_a_run_that_got_everything_is_no_error():
    """The limit passed during the last stretch: then all outputs are there, or the stretch was cut
    short.
    """
    try:
        got = quietly(slow(), [0.3], [0, 3.0], cutoff=12, options={"time_limit": 0.1})
    except TimeLimitError as error:
        assert len(error.result.times) < 2
        assert error.time < 3.0
    else:
        assert len(got.times) == 2


def test_step_limit_is_an_error_of_the_package():
    with pytest.raises(SolverError, match="nsteps") as caught:
        quietly(slow(), [0.3], [0, 0.001, 50.0], cutoff=16, options={"nsteps": 100})
    part = caught.value.result
    assert len(part.times) == 2
    # the time that was reached, behind the last output
    assert 0.001 < caught.value.time < 50.0


def test_time_limit_of_trajectories():
    times = np.linspace(0, 0.1, 11)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        try:
            got = qsp.exactsolve(
                slow(),
                [0.3],
                times,
                cutoff=16,
                options={"method": "mcsolve", "ntraj": 10**5, "seed": 3, "time_limit": 0.5},
            )
        except TimeLimitError as error:
            got = error.result
    assert 0 < got.stats["trajectories"] < 10**5
    assert np.all(np.isfinite(got.amplitudes))
    assert "stopped" in got.stats


def test_threads_give_identical_numbers():
    import threading

    system = pair()
    starts = [[0.1 * k, 0.1j] for k in range(4)]
    alone = [qsp.exactsolve(system, s, [0, 0.2], cutoff=10).covariance for s in starts]
    together = {}

    def work(k):
        together[k] = qsp.exactsolve(system, starts[k], [0, 0.2], cutoff=10).covariance

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    assert len(together) == 4
    for k in range(4):
        np.testing.assert_array_equal(together[k], alone[k])


def test_saved_and_loaded(tmp_path):
    system = pair()
    got = qsp.exactsolve(
        system,
        [0.2, 0.1j],
        [0, 0.1, 0.3],
        cutoff=8,
        e_ops={"n": qutip.tensor(qutip.num(8), qutip.qeye(8))},
        options={"store_states": True},
    )
    got.save(tmp_path / "exact.npz")
    back = qsp.load(tmp_path / "exact.npz")
    for name in ("times", "amplitudes", "mean", "covariance", "anomalous", "normal", "populations"):
        np.testing.assert_array_equal(getattr(back, name), getattr(got, name))
    np.testing.assert_array_equal(back.expect[0], got.expect[0])
    for x, y in zip(back.states, got.states, strict=True):
        assert x.dims == y.dims
        assert abs((x - y).full()).max() == 0
    assert back.cutoff == got.cutoff
    assert abs((back.final_state - got.final_state).full()).max() == 0
    view, original = qsp.synchronization(back), qsp.synchronization(got)
    np.testing.assert_allclose(view.correlations, original.correlations, rtol=1e-14)
    repr(back)


def test_statistics_are_typed_and_survive_files(tmp_path):
    run = quietly(qsp.van_der_pol_pair(), [0.3, 0.2j], [0.0, 0.5], cutoff=8)
    assert isinstance(run.stats, ExactStats)
    assert run.stats.cutoff == [8, 8] and run.stats["cutoff"] is run.stats.cutoff
    assert run.stats.method == "density" and run.stats.total_time >= run.stats.run_time > 0
    assert run.stats.cutoff_population == run.stats["cutoff population"]
    run.save(tmp_path / "run.npz")
    again = qsp.load(tmp_path / "run.npz").stats
    assert isinstance(again, ExactStats) and dict(again) == dict(run.stats)


def test_a_checkpoint_that_cannot_be_written_does_not_cost_the_run(tmp_path, monkeypatch):
    def full(*_, **kw):
        raise OSError("no space left")

    monkeypatch.setattr(storage, "save", full)
    path = str(tmp_path / "run.npz")
    with pytest.warns(UserWarning, match="could not be written.*no space left"):
        run = qsp.exactsolve(
            qsp.van_der_pol_pair(), [0.1, 0.1j], [0.0, 0.5], cutoff=14, options={"checkpoint": path}
        )
    assert run.mean.shape == (2, 4)


@pytest.mark.parametrize("maker", [qsp.atoms, qsp.spins])
def test_sixty_distinct_nodes_are_refused_with_an_estimate(maker):
    """Each with a phase of its own: even counting the moments without charge would not end."""
    nodes = maker(*(1,) * 60)
    system = qsp.System(0 * nodes[0].z, [s.m for s in nodes])
    state0 = dict.fromkeys(nodes, (0, 0, 1.0))
    for run in (
        lambda: qsp.exactsolve(system, state0, [0, 1]),
        lambda: qsp.steadystate(system),
        lambda: qsp.eigenmodes(system, 3),
        lambda: qsp.spectrum(system, nodes[0].m),
        lambda: qsp.correlation(system, nodes[0].m, [0, 1.0]),
    ):
        with pytest.raises((ValueError, MemoryLimitError), match=r"at least|GiB"):
            run()


def test_trajectories_say_how_long_they_will_take():
    S = qsp.spins(*(1,) * 6)
    hops = sum(S[k].p * S[k + 1].m + S[k].m * S[k + 1].p for k in range(5))
    system = qsp.System(hops, [s.m for s in S])
    options = {"method": "trajectories", "ntraj": 10**7, "time_limit": 0.01, "seed": 1}
    with pytest.warns(QsyncplugWarning, match="will take about"), pytest.raises(TimeLimitError):
        qsp.exactsolve(system, dict.fromkeys(S, (0, 0, 1.0)), [0, 1.0, 2.0], options=options)
