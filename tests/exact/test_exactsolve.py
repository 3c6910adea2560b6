"""Exact evolution against plain QuTiP, its choice of method, limits and warnings."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core import checks
from qsyncplug.core.errors import MemoryLimitError
from qsyncplug.exact import choice as exact_module
from tests.systems import boson_reference as ref

from .exactsolve_cases import TIMES, kets, pair, quietly

TIGHT = {"method": "vern9", "atol": 1e-13, "rtol": 1e-11, "nsteps": 10**6}


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
    got = qsp.exactsolve(system, [0.2], [0, 0.2], cutoff=20, options={"ntraj": 3, "seed": 1})
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


def test_trajectories_agree_within_their_error():
    (b,) = qsp.modes(1)
    system = qsp.System(0.5 * b.dag() * b + 0.3 * (b + b.dag()), [b, 0.5 * b.dag() * b])
    times = [0, 0.5, 1.5]
    options = {"method": "mcsolve", "ntraj": 150, "seed": 7}
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
    other = qsp.exactsolve(system, [0.8], times, cutoff=13, options=options | {"seed": 8})
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
            options={"method": "mcsolve", "ntraj": 20, "seed": s},
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
            system, [0.3], [0, 1], cutoff=10, options={"method": "mcsolve", "ntraj": 2, "seed": 1}
        )
    except ValueError as error:
        assert "mcsolve" in str(error)
    else:
        np.testing.assert_allclose(got.amplitudes[:, 0], 0.3 * np.exp([0, -1j]), atol=1e-7)


def test_operators_are_kept_for_the_next_run_of_a_system():
    """Same numbers with and without what an earlier run left, at every cutoff."""
    system = pair()

    def end(cutoff):
        return quietly(system, [0.3, 0.1j], [0.0, 0.7], cutoff=cutoff).states[-1]

    first = {cutoff: end(cutoff) for cutoff in (4, 5)}
    assert all((end(cutoff) - state).norm() == 0 for cutoff, state in first.items())
    H, _ = system.qutip(5)
    H.data_as("csr_matrix", copy=False).data[:] = 0
    assert (end(5) - first[5]).norm() == 0


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")
def test_states_share_memory_but_no_numbers():
    """Several lie in one piece of memory, which is no larger than 8 MiB and not the last one's."""
    system = qsp.van_der_pol_pair(detuning=3.0)
    times = np.linspace(0, 1, 6)
    run = qsp.exactsolve(system, [0.5, 0.5j], times, cutoff=5, options={"store_states": True})
    before = [state.full() for state in run.states]
    arrays = [state.data.as_ndarray() for state in run.states]
    assert all(a.base is None or a.base.nbytes <= 2**23 for a in arrays)
    arrays[2][...] = 7.0
    for k in (0, 1, 3, 4, 5):
        np.testing.assert_array_equal(run.states[k].full(), before[k])
    np.testing.assert_array_equal(run.final_state.full(), before[-1])
    assert not np.shares_memory(run.final_state.data.as_ndarray(), arrays[-1])
    # orders that are left out of a run are zeros, whatever the memory held
    again = qsp.exactsolve(system, [0.5, 0], times, cutoff=5, options={"store_states": True})
    vacuum = qutip.basis([5, 5], [0, 1])
    run = qsp.exactsolve(system, vacuum, times, cutoff=5, options={"store_states": True})
    one = qsp.exactsolve(system, vacuum, times[[0, -1]], cutoff=5, options={"store_states": True})
    assert abs((run.states[-1] - one.final_state).full()).max() < 1e-11
    assert abs(again.states[-1].tr() - 1) < 1e-12


@pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")
def test_an_ellipse_that_is_known_changes_no_number():
    """The second run of a system takes the first one's."""
    times = np.linspace(0, 2, 5)

    def numbers(system):
        return qsp.exactsolve(system, [0.5, 0.5j], times, cutoff=6).normal

    system = qsp.van_der_pol_pair(detuning=3.0)
    first = numbers(system)
    np.testing.assert_array_equal(numbers(system), first)
    np.testing.assert_array_equal(numbers(qsp.van_der_pol_pair(detuning=3.0)), first)


def test_moments_that_do_not_fit_are_sampled(monkeypatch):
    """With a phase symmetry too: the orders of the moments were refused where trajectories do."""
    s = qsp.spins(*[1] * 7)
    H = sum(s[k].p * s[k + 1].m + s[k].m * s[k + 1].p for k in range(6))
    system = qsp.System(H, [0.5 * s[0].m])
    ket = qutip.tensor([qutip.basis(2, k % 2) for k in range(7)])
    monkeypatch.setattr(exact_module, "available_memory", lambda: 2**20)
    monkeypatch.setattr(exact_module, "_PATIENCE", 0.0)
    run = qsp.exactsolve(system, ket, [0.0, 0.5], options={"ntraj": 400, "seed": 1})
    assert run.stats["method"] == "trajectories" and run.stats["integrator"] == "Taylor"
    monkeypatch.undo()
    exact = qsp.exactsolve(system, ket, [0.0, 0.5])
    off = np.abs(run.populations - exact.populations)[1]
    assert np.all(off <= 5 * run.populations_error[1] + 1e-12)
