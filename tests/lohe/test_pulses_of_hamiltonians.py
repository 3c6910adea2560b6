"""A Hamiltonian that is quiet for long: its pulse is not stepped over."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp

ON, OFF, END = 50.0, 50.3, 100.0


def square(t):
    return 1.0 if ON <= t < OFF else 0.0


def _whole(t):
    return square(t) * qutip.sigmax()


@pytest.mark.parametrize("form", ["coefficient", "function"])
@pytest.mark.parametrize("times", [[0.0, END], np.linspace(0.0, END, 41)], ids=["ends", "41"])
def test_a_pulse_turns_two_oscillators(form, times):
    pulsed = [0 * qutip.sigmaz(), [qutip.sigmax(), square]] if form == "coefficient" else _whole
    model = qsp.SchrodingerLohe(qutip.QobjEvo(pulsed), coupling=0.01)
    run = qsp.slsolve(model, [qutip.basis(2, 0)] * 2, times)
    right = np.array([[np.cos(OFF - ON)], [-1j * np.sin(OFF - ON)]])
    for state in run.states[-1]:
        np.testing.assert_allclose(state.full(), right, atol=1e-7)
    if len(times) == 2:
        solver = qsp.SchrodingerLoheSolver(model)
        *_, (t, states) = solver.iterate([qutip.basis(2, 0)] * 2, times)
        assert t == END
        np.testing.assert_allclose(states[0].full(), right, atol=1e-7)
