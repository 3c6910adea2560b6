"""Exact runs by the one drive: interrupts, until, iterate, steps by hand, checkpoints."""

import os
import signal

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import RightHandSideError, SolverInterrupted, TimeLimitError
from qsyncplug.exact.own import OwnStepper

TIMES = np.linspace(0, 2, 21)


def decaying():
    """⟨n⟩ = |α|²e^{−t}."""
    (b,) = qsp.modes(1)
    return qsp.System(0.4 * b.dag() * b, [b])


def driven():
    """A detuning that oscillates about 1: ⟨b⟩ = α exp(−i(t + 1 − cos t) − t/2)."""
    (b,) = qsp.modes(1)
    return qsp.System(qutip.coefficient(lambda t: 1 + np.sin(t)) * b.dag() * b, [b])


def amplitude(t):
    return 0.3 * np.exp(-1j * (t + 1 - np.cos(t)) - t / 2)


@pytest.mark.parametrize("method", ["density", "mesolve"])
def test_ctrl_c_in_a_slow_function_keeps_the_outputs_before(method):
    def slow(t, state):
        if t > 1.05:
            os.kill(os.getpid(), signal.SIGINT)
        return qutip.expect(qutip.num(8), state)

    with pytest.raises(SolverInterrupted) as caught:
        qsp.exactsolve(
            decaying(), [0.3], TIMES, cutoff=8, e_ops={"n": slow}, options={"method": method}
        )
    part = caught.value.result
    assert len(part.times) == len(part.e_data["n"]) == len(part.amplitudes) == 11
    np.testing.assert_allclose(part.e_data["n"], 0.09 * np.exp(-part.times), atol=1e-9)
    np.testing.assert_allclose(part.normal[:, 0, 0], 0.09 * np.exp(-part.times), atol=1e-9)
    assert "interrupted" in part.stats.stopped


def test_a_slow_function_meets_the_time_limit():
    def slow(t, state):
        import time

        time.sleep(0.05)
        return 1.0

    with pytest.raises(TimeLimitError) as caught:
        qsp.exactsolve(decaying(), [0.3], TIMES, cutoff=8, e_ops=slow, options={"time_limit": 0.3})
    part = caught.value.result
    assert 0 < len(part.times) < 10
    assert len(part.e_data[0]) == len(part.times) == len(part.mean)


@pytest.mark.parametrize("system", [decaying, driven])
def test_until_ends_after_the_first_output_where_it_holds(system):
    solver = qsp.ExactSolver(system(), cutoff=8)
    number = qutip.num(8)
    run = solver.run([0.3], TIMES, until=lambda t, rho: qutip.expect(number, rho) < 0.05)
    # 0.09 e^{−t} < 0.05 from t = 0.588 on
    assert run.times[-1] == pytest.approx(0.6)
    np.testing.assert_allclose(run.normal[:, 0, 0], 0.09 * np.exp(-run.times), atol=1e-9)
    assert "until" in run.stats.stopped
    assert qutip.expect(number, run.final_state) == pytest.approx(0.09 * np.exp(-0.6), abs=1e-9)


def test_until_that_fails_is_named_and_until_needs_states():
    solver = qsp.ExactSolver(decaying(), cutoff=8)
    with pytest.raises(RightHandSideError, match="until raised"):
        solver.run([0.3], TIMES, until=lambda t, rho: 1 / 0)
    other = qsp.ExactSolver(decaying(), cutoff=8, options={"method": "mesolve"})
    with pytest.raises(ValueError, match=r"mesolve.*until"):
        other.run([0.3], TIMES, until=lambda t, rho: False)
    sectors = qsp.ExactSolver(decaying(), cutoff=8, options={"method": "sectors"})
    with pytest.raises(ValueError, match=r"sectors.*until"):
        sectors.run([0.3], TIMES, until=lambda t, rho: False)


def test_iterate_and_steps_by_hand_are_the_run():
    b = qutip.destroy(8)
    for system, exact in ((driven(), amplitude), (decaying(), None)):
        solver = qsp.ExactSolver(system, cutoff=8)
        run = solver.run([0.3], TIMES)
        if exact is not None:
            np.testing.assert_allclose(run.amplitudes[:, 0], exact(TIMES), atol=1e-9)
        for k, (t, rho) in enumerate(solver.iterate([0.3], TIMES)):
            assert t == TIMES[k]
            assert abs(qutip.expect(b, rho) - run.amplitudes[k, 0]) < 1e-9
        assert k == len(TIMES) - 1
        solver.start([0.3], 0.0)
        for k in (3, 7, 20):
            assert abs(qutip.expect(b, solver.step(TIMES[k])) - run.amplitudes[k, 0]) < 1e-9


def test_kets_turn_their_phase_by_hand_too():
    (b,) = qsp.modes(1)
    solver = qsp.ExactSolver(qsp.System(0.4 * b.dag() * b), cutoff=8)
    psi = (qutip.basis(8, 0) + qutip.basis(8, 3)).unit()
    solver.start(psi, 0.0)
    for t in (0.5, 2.0):
        exact = (qutip.basis(8, 0) + np.exp(-1.2j * t) * qutip.basis(8, 3)).unit()
        assert abs((solver.step(t) - exact).full()).max() < 1e-10


def test_blocks_of_outputs_do_not_change_the_numbers():
    for system in (driven(), decaying()):
        plain = qsp.exactsolve(system, [0.3], TIMES, cutoff=8)
        # looks at every output
        solver = qsp.ExactSolver(system, cutoff=8)
        single = solver.run([0.3], TIMES, until=lambda t, rho: False)
        np.testing.assert_allclose(single.amplitudes, plain.amplitudes, atol=1e-10)
        assert len(single.states) == len(plain.states) == len(TIMES)


def test_operators_and_functions_keep_their_order():
    wanted = {"f": lambda t, rho: rho.tr(), "n": qutip.num(8), "g": lambda t, rho: t}
    run = qsp.exactsolve(decaying(), [0.3], TIMES, cutoff=8, e_ops=wanted)
    assert list(run.e_data) == ["f", "n", "g"]
    np.testing.assert_allclose(run.e_data["n"], 0.09 * np.exp(-TIMES), atol=1e-9)
    assert run.e_data["g"] == list(TIMES)


def test_a_coefficient_that_turns_complex_on_the_way_begins_anew(monkeypatch):
    real = []
    start = OwnStepper._start

    def noted(self, *args):
        real.append(self.task.real)
        start(self, *args)

    monkeypatch.setattr(OwnStepper, "_start", noted)

    def f(t, *_):
        # complex in a window that none of the 50 looks falls into
        return 1 + (50j * np.sin((t - 0.495) * np.pi / 0.01) ** 2 if 0.495 < t < 0.505 else 0)

    def g(t, *_):
        return np.conj(f(t))

    (b,) = qsp.modes(1)
    system = qsp.System(qutip.coefficient(f) * b + qutip.coefficient(g) * b.dag(), [b])
    times, a = np.linspace(0, 1, 11), qutip.destroy(14)
    run = qsp.exactsolve(system, [0.1], times, cutoff=14)
    assert real == [True, False]
    rho = qutip.coherent(14, 0.1, method="analytic").unit().proj()
    options = {"method": "vern9", "atol": 1e-12, "rtol": 1e-10, "max_step": 1e-3, "nsteps": 10**6}
    plain = qutip.mesolve([[a, f], [a.dag(), g]], rho, times, [a], e_ops=[a], options=options)
    np.testing.assert_allclose(run.amplitudes[:, 0], plain.expect[0], atol=1e-8)
