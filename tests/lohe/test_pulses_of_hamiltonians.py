"""A Hamiltonian that is quiet for long: its pulse is not stepped over."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.pulses import find_breaks
from qsyncplug.waves.hamiltonian import functions_of_time

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


@pytest.mark.parametrize("method", ["reduction", "splitting", "dop853"])
def test_a_kick_moves_free_waves(method):
    """V=−F(t)x with ∫F=1 from t=10 to 10.05: the mean position at t=20 is ∫F(20−t)dt."""
    grid = qsp.Grid(256, 100.0)
    hamiltonian = qsp.GridHamiltonian(
        grid, lambda t, x: -20.0 * (10 <= t < 10.05) * x, time_dependent=True
    )
    x = grid.mesh[0]
    wave = np.exp(-(x**2) / 18)
    model = qsp.SchrodingerLohe(hamiltonian, coupling=0.001)
    options = {"method": method, "store_states": True}
    run = qsp.slsolve(model, [wave, wave], [0.0, 20.0], options=options)
    density = np.abs(np.asarray(run.states[-1][0])) ** 2
    np.testing.assert_allclose((density @ x) / density.sum(), 20 - 10.025, rtol=1e-4)


def test_potentials_that_take_arrays_of_times_are_looked_at_all_at_once():
    """Those that do not, or say something else of many times than of one, one by one."""
    grid, calls = qsp.Grid((16, 32), (10.0, 10.0)), []

    def many(t, x, y):
        calls.append(t)
        return (t >= ON) * (t < OFF) * x + y**2

    def single(t, x, y):
        return square(t) * x + y**2

    def other(t, x, y):
        return np.max((t >= ON) * (t < OFF)) * x + y**2 + 0 * t

    def watched(potential):
        hamiltonian = qsp.GridHamiltonian(grid, potential, time_dependent=True)
        return functions_of_time(hamiltonian)[0]

    times = np.linspace(0.0, END, 2001)
    right = np.array([watched(single)(t) for t in times])
    assert np.ptp(right) > 1e-3
    np.testing.assert_allclose(watched(many).at_times(times), right, rtol=1e-13)
    assert len(calls) < 40
    assert watched(single).at_times(times) is None
    assert watched(other).at_times(times) is None
    for potential in (many, single, other):
        breaks = find_breaks([watched(potential)], [0.0, END])
        assert ON in breaks and OFF in breaks
