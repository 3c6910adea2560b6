"""Exact evolution against plain QuTiP, its choice of method, limits and warnings."""

import re
import time
import warnings

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core import checks, storage
from qsyncplug.core.errors import CutoffWarning, MemoryLimitError, SolverError, TimeLimitError
from qsyncplug.exact import choice as exact_module
from qsyncplug.exact.result import ExactStats
from tests.systems import boson_reference as ref

TIGHT = {"method": "vern9", "atol": 1e-13, "rtol": 1e-11, "nsteps": 10**6}
TIMES = np.linspace(0, 2, 9)


def pair():
    return qsp.van_der_pol_pair(
        gain=(0.3, 0.2), loss=(1.0, 1.4), detuning=0.5, coherent=0.2, dissipative=0.6
    )


def kets(levels, *amplitudes):
    return qutip.tensor(
        [
            qutip.coherent(d, a, method="analytic").unit()
            for d, a in zip(levels, amplitudes, strict=True)
        ]
    )


def assert_moments(result, states, levels):
    """Every array of the result from QuTiP states."""
    ops = ref.destroy(levels)
    for k, state in enumerate(states):
        beta, m, c = ref.moments_of(state, ops)
        np.testing.assert_allclose(result.amplitudes[k], beta, atol=1e-8)
        np.testing.assert_allclose(result.covariance[k], ref.covariance(m, c), atol=1e-8)
        np.testing.assert_allclose(
            result.anomalous[k], m + np.multiply.outer(beta, beta), atol=1e-8
        )
        np.testing.assert_allclose(
            result.normal[k], c + np.multiply.outer(beta.conj(), beta), atol=1e-8
        )
        for j, d in enumerate(levels):
            p = (
                state.ptrace(j).diag().real
                if len(levels) > 1
                else (state if state.isoper else state.proj()).diag().real
            )
            np.testing.assert_allclose(result.populations[k, j, :d], p, atol=1e-8)
    np.testing.assert_allclose(
        result.mean[:, 0::2] + 1j * result.mean[:, 1::2], np.sqrt(2) * result.amplitudes, atol=1e-14
    )


def quietly(*args, **kw):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        return qsp.exactsolve(*args, **kw)


@pytest.mark.parametrize("levels", [(6, 6), (5, 7)])
@pytest.mark.parametrize("kind", ["ket", "density matrix"])
def test_against_mesolve(levels, kind):
    system = pair()
    psi = kets(levels, 0.5, -0.3 + 0.2j)
    state = psi if kind == "ket" else 0.5 * psi.proj() + 0.5 * qutip.fock_dm(list(levels), [1, 0])
    got = quietly(system, state, TIMES, cutoff=levels)
    a1, a2 = ref.destroy(levels)
    n1, n2 = a1.dag() * a1, a2.dag() * a2
    H = 0.25 * (n1 - n2) + 0.2 * (a1.dag() * a2 + a2.dag() * a1)
    c_ops = [
        0.3**0.5 * a1.dag(),
        0.2**0.5 * a2.dag(),
        a1**2,
        1.4**0.5 * a2**2,
        0.6**0.5 * (a1 - a2),
    ]
    raw = qutip.mesolve(H, state, TIMES, c_ops, options=TIGHT | {"store_states": True})
    assert got.stats["method"] == "density"
    assert got.stats["method reason"]
    assert_moments(got, raw.states, levels)
    assert len(got.states) == len(TIMES)
    for x, y in zip(got.states, raw.states, strict=True):
        assert abs((x - y).full()).max() < 1e-8
    assert abs((got.final_state - raw.states[-1]).full()).max() < 1e-8
    assert got.cutoff == levels
    assert got.stats["drift"]["trace"] < 1e-8


def test_against_sesolve():
    b1, b2 = qsp.modes(2)
    x = 0.6 * b1.dag() * b2
    system = qsp.System(x + x.dag() + 0.3 * b1.dag() ** 2 * b1**2 + 0.1 * (b2 + b2.dag()))
    levels = (7, 6)
    psi = kets(levels, 0.4, 0.3j)
    got = quietly(system, psi, TIMES, cutoff=levels)
    a1, a2 = ref.destroy(levels)
    H = 0.6 * (a1.dag() * a2 + a2.dag() * a1) + 0.3 * a1.dag() ** 2 * a1**2 + 0.1 * (a2 + a2.dag())
    raw = qutip.sesolve(H, psi, TIMES, options=TIGHT | {"store_states": True})
    assert got.stats["method"] == "ket"
    assert all(s.isket for s in got.states)
    assert_moments(got, raw.states, levels)


def test_density_matrix_without_jumps():
    (b,) = qsp.modes(1)
    system = qsp.System(0.7 * b.dag() * b + 0.2 * b.dag() ** 2 * b**2)
    rho = 0.6 * qutip.coherent_dm(14, 0.7) + 0.4 * qutip.fock_dm(14, 1)
    got = qsp.exactsolve(system, rho, TIMES, cutoff=14)
    assert got.stats["method"] == "density"
    H, _ = system.qutip(14)
    for t, s in zip(TIMES, got.states, strict=True):
        U = (-1j * H * t).expm()
        assert abs((s - U * rho * U.dag()).full()).max() < 1e-8


def test_time_dependent_model():
    (b,) = qsp.modes(1)
    f = qutip.coefficient(lambda t: 0.3 * np.exp(-1.2j * t))
    g = qutip.coefficient(lambda t: 0.6 + 0.2 * np.sin(t))
    system = qsp.System(f * b.dag() + (f * b.dag()).dag(), [g * b])
    got = qsp.exactsolve(system, [0.2], TIMES, cutoff=14)
    a = qutip.destroy(14)
    H = qutip.QobjEvo(
        [[a.dag(), lambda t: 0.3 * np.exp(-1.2j * t)], [a, lambda t: 0.3 * np.exp(1.2j * t)]]
    )
    c = qutip.QobjEvo([[a, lambda t: 0.6 + 0.2 * np.sin(t)]])
    raw = qutip.mesolve(
        H,
        qutip.coherent(14, 0.2, method="analytic").unit(),
        TIMES,
        [c],
        options=TIGHT | {"store_states": True},
    )
    assert_moments(got, raw.states, (14,))
    # linear: the mean field is exact
    approx = qsp.mfsolve(system, [0.2], TIMES)
    np.testing.assert_allclose(got.amplitudes, approx.amplitudes, atol=1e-8)
    np.testing.assert_allclose(got.covariance, approx.covariance, atol=1e-8)


def test_amplitudes_make_coherent_states():
    got = qsp.exactsolve(pair(), [0.3, -0.2j], [0, 0.1], cutoff=12)
    np.testing.assert_allclose(got.amplitudes[0], [0.3, -0.2j], atol=1e-9)
    np.testing.assert_allclose(got.covariance[0], 0.5 * np.eye(4), atol=1e-9)


def test_covariance_is_normal_ordered():
    """At a truncation that bites, the diagonal is n+½, not that of the truncated q²."""
    (b,) = qsp.modes(1)
    got = quietly(qsp.System(b.dag() * b, [1e-6 * b]), qutip.fock(3, 2), [0, 0.1], cutoff=3)
    np.testing.assert_allclose(got.covariance[0], 2.5 * np.eye(2), atol=1e-12)


# ---------------------------------------------------------------- choice of method


def test_forced_methods():
    (b,) = qsp.modes(1)
    closed = qsp.System(b.dag() * b)
    open_ = qsp.System(b.dag() * b, [b])
    a = qsp.exactsolve(closed, [0.3], [0, 1], cutoff=10, options={"method": "mesolve"})
    c = qsp.exactsolve(closed, [0.3], [0, 1], cutoff=10, options={"method": "sesolve"})
    assert a.stats["method"] == "mesolve"
    assert a.states[0].isoper
    np.testing.assert_allclose(a.amplitudes, c.amplitudes, atol=1e-8)
    with pytest.raises(ValueError, match=r"sesolve.*jump"):
        qsp.exactsolve(open_, [0.3], [0, 1], cutoff=10, options={"method": "sesolve"})
    with pytest.raises(ValueError, match=r"sesolve.*density"):
        qsp.exactsolve(
            closed, qutip.fock_dm(10, 1), [0, 1], cutoff=10, options={"method": "sesolve"}
        )
    with pytest.raises((ValueError, TypeError), match="method"):
        qsp.exactsolve(open_, [0.3], [0, 1], cutoff=10, options={"method": "heun"})


def test_little_memory_leads_to_trajectories(monkeypatch):
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b])
    for module in (checks, exact_module):
        monkeypatch.setattr(module, "available_memory", lambda: 2**15)
    got = qsp.exactsolve(system, [0.2], [0, 0.2], cutoff=20, options={"ntraj": 3, "seeds": 1})
    assert got.stats["method"] == "trajectories"
    assert "density matrix" in got.stats["method reason"]


def test_memory_is_refused_before_any_work(monkeypatch):
    system = qsp.van_der_pol_pair()
    for module in (checks, exact_module):
        monkeypatch.setattr(module, "available_memory", lambda: 2**20)
    with pytest.raises(MemoryLimitError, match="cutoff") as caught:
        qsp.exactsolve(system, [0.1, 0.1], [0, 1], cutoff=20, options={"method": "mesolve"})
    assert caught.value.required > caught.value.available == 2**20
    with pytest.raises(MemoryLimitError, match="states"):
        qsp.exactsolve(
            pair(), [0.1, 0.1], np.linspace(0, 1, 5000), cutoff=4, options={"store_states": True}
        )


def test_huge_closed_density_matrix_is_refused(monkeypatch):
    (b,) = qsp.modes(1)
    for module in (checks, exact_module):
        monkeypatch.setattr(module, "available_memory", lambda: 2**12)
    with pytest.raises(MemoryLimitError):
        qsp.exactsolve(qsp.System(b.dag() * b), qutip.fock_dm(30, 1), [0, 1], cutoff=30)


# ---------------------------------------------------------------- trajectories


def test_trajectories_agree_within_their_error():
    (b,) = qsp.modes(1)
    system = qsp.System(0.5 * b.dag() * b + 0.3 * (b + b.dag()), [b, 0.5 * b.dag() * b])
    times = [0, 0.5, 1.5]
    options = {"method": "mcsolve", "ntraj": 150, "seeds": 7}
    one = qsp.exactsolve(system, [0.8], times, cutoff=13, options=options)
    two = qsp.exactsolve(system, [0.8], times, cutoff=13, options=options)
    np.testing.assert_array_equal(one.amplitudes, two.amplitudes)
    np.testing.assert_array_equal(one.covariance, two.covariance)
    exact = qsp.exactsolve(system, [0.8], times, cutoff=13)
    spread = one.stats["standard error"]
    assert 0 < spread < 0.2
    assert one.stats["trajectories"] == 150
    assert np.abs(one.amplitudes - exact.amplitudes).max() < 5 * spread
    np.testing.assert_allclose(one.normal[0], exact.normal[0], atol=1e-9)
    assert any("sampling" in text for text in one.stats["neglected"])
    other = qsp.exactsolve(system, [0.8], times, cutoff=13, options=options | {"seeds": 8})
    assert np.abs(other.amplitudes - one.amplitudes).max() > 1e-6


def test_standard_error_has_the_right_size():
    """Dephasing of a coherent state: the spread of ⟨b⟩ over repeated runs is the error that a run
    states.
    """
    (b,) = qsp.modes(1)
    system = qsp.System(0 * b, [0.7 * b.dag() * b])
    runs = [
        qsp.exactsolve(
            system,
            [0.6],
            [0, 1.0],
            cutoff=10,
            options={"method": "mcsolve", "ntraj": 20, "seeds": s},
        )
        for s in range(25)
    ]
    ends = np.array([r.amplitudes[-1, 0] for r in runs])
    spread = np.sqrt(np.mean(np.abs(ends - ends.mean()) ** 2))
    stated = np.mean([r.stats["standard error"] for r in runs])
    assert 0.5 < spread / stated < 2  # 25 runs: the ratio is known to about 15 %


def test_trajectories_of_a_closed_model():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b)
    try:
        got = qsp.exactsolve(
            system, [0.3], [0, 1], cutoff=10, options={"method": "mcsolve", "ntraj": 2, "seeds": 1}
        )
    except ValueError as error:
        assert "mcsolve" in str(error)
    else:
        np.testing.assert_allclose(got.amplitudes[:, 0], 0.3 * np.exp([0, -1j]), atol=1e-7)


# ---------------------------------------------------------------- cut-off


def test_cutoff_warning_and_its_advice():
    (b,) = qsp.modes(1)
    system = qsp.System(0.4 * b.dag() * b, [b.dag(), 0.5 * b**2])
    times = [0, 2.0, 5.0]
    cutoff = 10
    for _ in range(4):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            got = qsp.exactsolve(system, [0.2], times, cutoff=cutoff)
        if not seen:
            break
        assert issubclass(seen[0].category, CutoffWarning)
        assert got.stats["cutoff population"] > 1e-6
        new = int(re.search(r"cutoff=(\d+)", str(seen[0].message)).group(1))
        assert new > cutoff
        cutoff = new
    else:
        raise AssertionError("the suggestions do not come to an end")
    assert cutoff < 30  # 16 are needed
    assert got.populations[:, 0, -1].max() <= 1e-6
    assert got.stats["cutoff population"] <= 1e-6


def test_first_advice_suffices_for_a_coherent_state():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [0.5 * b])
    with pytest.warns(CutoffWarning) as seen:
        qsp.exactsolve(
            system, qutip.coherent(14, 1.5, method="analytic").unit(), [0, 1.0], cutoff=14
        )
    new = int(re.search(r"cutoff=(\d+)", str(seen[0].message)).group(1))
    got = qsp.exactsolve(system, [1.5], [0, 1.0], cutoff=new)  # warnings are errors here
    np.testing.assert_allclose(got.amplitudes[0], [1.5], atol=2e-5)


def test_warning_points_at_the_caller():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b.dag(), b**2])
    with pytest.warns(CutoffWarning) as seen:
        qsp.exactsolve(system, [0.1], [0, 1.0], cutoff=3)
    assert seen[0].filename == __file__
    with pytest.warns(CutoffWarning) as seen:
        qsp.steadystate(system, cutoff=3)
    assert seen[0].filename == __file__


def test_no_warning_below_the_limit():
    (b,) = qsp.modes(1)
    got = qsp.exactsolve(qsp.System(b.dag() * b, [b]), [0.3], [0, 1.0], cutoff=10)
    assert got.stats["cutoff population"] < 1e-6


# ---------------------------------------------------------------- expectation values and states


def test_user_operators_of_every_kind():
    system = pair()
    b1, b2 = system.operators
    levels = (7, 6)
    psi = kets(levels, 0.5, 0.2)
    a1, a2 = ref.destroy(levels)
    want = a1.dag() * a2 + 0.5 * a1
    got = quietly(
        system,
        psi,
        TIMES,
        cutoff=levels,
        e_ops={
            "qobj": want,
            "expression": b1.dag() * b2 + 0.5 * b1,
            "call": lambda t, s: t + (want * s).tr(),
        },
        options={"store_states": True},
    )
    values = np.array([qutip.expect(want, s) for s in got.states])
    np.testing.assert_allclose(got.e_data["qobj"], values, atol=1e-12)
    np.testing.assert_allclose(got.e_data["expression"], values, atol=1e-12)
    np.testing.assert_allclose(got.e_data["call"], values + TIMES, atol=1e-12)
    one = quietly(system, psi, TIMES, cutoff=levels, e_ops=b1.dag() * b1)
    np.testing.assert_allclose(one.expect[0], got.normal[:, 0, 0], atol=1e-10)
    several = quietly(system, psi, TIMES, cutoff=levels, e_ops=[b1, a2])
    np.testing.assert_allclose(several.expect[1], got.amplitudes[:, 1], atol=1e-10)
    assert len(several.states) == 0


@pytest.mark.parametrize("bad", [3.0, "n", [3.0], {"x": "y"}])
def test_user_operators_that_are_none(bad):
    with pytest.raises((TypeError, ValueError), match="e_ops"):
        qsp.exactsolve(pair(), [0.1, 0.1], [0, 0.1], cutoff=8, e_ops=bad)


def test_user_operators_of_other_spaces():
    with pytest.raises((TypeError, ValueError), match="e_ops"):
        qsp.exactsolve(pair(), [0.1, 0.1], [0, 0.1], cutoff=8, e_ops=qutip.destroy(8))


def test_user_expressions_of_another_call_of_modes():
    with pytest.raises((TypeError, ValueError), match=r"e_ops|modes"):
        qsp.exactsolve(pair(), [0.1, 0.1], [0, 0.1], cutoff=8, e_ops=qsp.modes(2)[0])


def test_states_only_when_asked():
    got = qsp.exactsolve(pair(), [0.1, 0.1], [0, 0.1], cutoff=8, options={"store_states": False})
    assert len(got.states) == 0
    assert got.final_state is not None
    none = qsp.exactsolve(
        pair(),
        [0.1, 0.1],
        [0, 0.1],
        cutoff=8,
        options={"store_states": False, "store_final_state": False},
    )
    assert none.final_state is None


@pytest.mark.parametrize(
    "bad",
    [
        qutip.fock(5, 0),
        qutip.fock([8, 7], [0, 0]),
        qutip.fock([8, 8], [0, 0]).dag(),
        2 * qutip.fock([8, 8], [0, 0]),
        0.5 * qutip.fock_dm([8, 8], [0, 0]),
        qutip.qzero([8, 8]),
        [0.1],
        [0.1, np.nan],
        [0.1, 0.2, 0.3],
        "psi",
        None,
    ],
)
def test_initial_states_that_are_refused(bad):
    with pytest.raises((ValueError, TypeError), match="state0"):
        qsp.exactsolve(pair(), bad, [0, 1], cutoff=8)


def test_states_that_are_no_states():
    levels = [8, 8]
    negative = 1.5 * qutip.fock_dm(levels, [0, 0]) - 0.5 * qutip.fock_dm(levels, [1, 0])
    skew = (
        qutip.fock_dm(levels, [0, 0])
        + 0.3 * qutip.fock(levels, [0, 0]) * qutip.fock(levels, [1, 0]).dag()
    )
    for bad in (negative, skew):
        with pytest.raises((ValueError, TypeError), match="state0"):
            qsp.exactsolve(pair(), bad, [0, 1], cutoff=8)


# ---------------------------------------------------------------- limits


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
    assert caught.value.time == pytest.approx(part.times[-1])
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
                options={"method": "mcsolve", "ntraj": 10**5, "seeds": 3, "time_limit": 0.5},
            )
        except TimeLimitError as error:
            got = error.result
    assert 0 < got.stats["trajectories"] < 10**5
    assert np.all(np.isfinite(got.amplitudes))
    assert "stopped" in got.stats


def test_unknown_options():
    with pytest.raises(KeyError, match="ntraj"):
        qsp.exactsolve(pair(), [0.1, 0.1], [0, 1], cutoff=8, options={"nTraj": 3})


@pytest.mark.parametrize(
    "key, bad",
    [
        ("ntraj", 0),
        ("rtol", -1),
        ("nsteps", -1),
        ("integrator", "nope"),
        ("map", "nope"),
        ("time_limit", np.nan),
    ],
)
def test_options_with_bad_values(key, bad):
    with pytest.raises((ValueError, TypeError, KeyError), match=key):
        qsp.exactsolve(
            pair(),
            [0.1, 0.1],
            [0, 1],
            cutoff=8,
            options={key: bad, "method": "mcsolve" if key == "map" else "auto"},
        )


@pytest.mark.parametrize(
    "integrator", ["adams", "bdf", "lsoda", "dop853", "tsit5", "vern9", "diag", "krylov"]
)
def test_integrators_of_qutip(integrator):
    """Each works or is refused by the name of the option."""
    (b,) = qsp.modes(1)
    try:
        got = qsp.exactsolve(
            qsp.System(b.dag() * b),
            [0.3],
            [0, 1.0],
            cutoff=12,
            options={"integrator": integrator},
        )
    except (ValueError, KeyError) as error:
        assert "integrator" in str(error)
    else:
        assert got.amplitudes[1, 0] == pytest.approx(0.3 * np.exp(-1j), abs=1e-7)


@pytest.mark.parametrize("alpha, cutoff", [(3.0, 5), (2.0, 4), (4.0, 9)])
def test_advice_for_coherent_states_that_do_not_fit(alpha, cutoff):
    """Given as amplitudes, the population above every level is known: Poisson."""
    from scipy.stats import poisson

    (b,) = qsp.modes(1)
    with pytest.warns(CutoffWarning) as seen:
        qsp.exactsolve(qsp.System(b.dag() * b, [b]), [alpha], [0, 0.01], cutoff=cutoff)
    asked = re.search(r"cutoff=(\d+)", str(seen[0].message))
    if asked:  # or it may say that it cannot tell
        assert poisson.pmf(int(asked.group(1)) - 1, alpha**2) <= 1e-6


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


# ---------------------------------------------------------------- files


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


def test_exact_and_mean_field_agree_early():
    """A contract of the main job: both sides start from the same moments, with the same signs."""
    system = qsp.van_der_pol_pair(gain=0.1, loss=0.1, detuning=0.5, coherent=0.3, dissipative=0.2)
    beta0 = [0.9, 0.5j]
    times = [0.0, 1e-3]
    exact, approx = (
        qsp.exactsolve(system, beta0, times, cutoff=14),
        qsp.mfsolve(system, beta0, times),
    )
    np.testing.assert_allclose(
        exact.amplitudes[1] - exact.amplitudes[0],
        approx.amplitudes[1] - approx.amplitudes[0],
        atol=2e-6,
    )
    np.testing.assert_allclose(exact.covariance[1], approx.covariance[1], atol=2e-6)


def test_coherent_states_far_above_the_cutoff():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b])
    for alpha in (39.0, 50j, 1e8):
        with pytest.raises(ValueError, match=r"state0 must fit.*cutoff=\d+ would hold it"):
            qsp.exactsolve(system, [alpha], [0.0, 1.0], cutoff=6)


def test_a_coefficient_that_raises_is_named_before_any_work():
    def broken(t):
        if t > 1:
            raise TypeError("no more")
        return 1.0

    (b,) = qsp.modes(1)
    system = qsp.System(qutip.coefficient(broken) * (b + b.dag()), [b])
    with pytest.raises(ValueError, match=r"coefficient.*raised TypeError at t=1\..*no more"):
        qsp.exactsolve(system, [0.0], np.linspace(0, 2, 21), cutoff=10)


def test_spaces_that_no_method_could_hold_are_refused_at_once():
    begin = time.perf_counter()
    with pytest.raises(MemoryLimitError, match=r"1e\+10 levels.*needs about .* GiB.*cutoff") as e:
        qsp.exactsolve(qsp.van_der_pol_pair(), [1, 1], [0, 1], cutoff=10**5)
    # more than one ket, without a byte of it
    assert e.value.required > 16 * 10**10 > e.value.available
    assert time.perf_counter() - begin < 5.0


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
