"""Coefficients that are quiet for long, or change faster than the system, are not passed over."""

import numpy as np
import pytest

import qsyncplug as qsp

LOSS, ON, OFF, END = 0.1, 50.0, 50.3, 100.0


def square(t):
    return 1.0 if ON <= t < OFF else 0.0


def gauss(t):
    return np.exp(-0.5 * ((t - ON) / 0.1) ** 2)


#: ∫ f(s) e^{−κ(T−s)/2} ds with κ=LOSS²
_HALF = 0.5 * LOSS**2
AREA = {
    square: (np.exp(-_HALF * (END - OFF)) - np.exp(-_HALF * (END - ON))) / _HALF,
    gauss: 0.1 * np.sqrt(2 * np.pi) * np.exp(-_HALF * (END - ON) + 0.5 * (0.1 * _HALF) ** 2),
}
CLOSURES = {
    "linear": {},
    "none": {"closure": "none"},
    "gaussian": {"closure": "gaussian"},
    "order 2": {"closure": "cumulants"},
    "order 3": {"closure": "cumulants", "order": 3},
}


@pytest.mark.parametrize("pulse", [square, gauss])
@pytest.mark.parametrize("closure", CLOSURES)
def test_a_pulse_drives_a_mode(pulse, closure):
    (b,) = qsp.modes(1)
    system = qsp.System(pulse * (b + b.dag()), [LOSS * b])
    run = qsp.mfsolve(system, [0.0], [0.0, END], e_ops=b, **CLOSURES[closure])
    np.testing.assert_allclose(run.expect[0][-1], -1j * AREA[pulse], rtol=1e-7)


@pytest.mark.parametrize("how", [{}, {"closure": "none"}, {"closure": "cumulants"}])
def test_a_pulse_turns_a_spin_beside_a_mode(how):
    (b,) = qsp.modes(1)
    (s,) = qsp.spins(1)
    system = qsp.System(square * (s.x + b + b.dag()), [LOSS * b])
    start = {b: 0.0, s: (0, 0, -1)}
    run = qsp.mfsolve(system, start, [0.0, END], e_ops=[s.z, b], **how)
    np.testing.assert_allclose(run.expect[0][-1], -0.5 * np.cos(OFF - ON), rtol=1e-7)
    np.testing.assert_allclose(run.expect[1][-1], -1j * AREA[square], rtol=1e-7)


def test_a_pulse_turns_all_atoms_exactly():
    (A,) = qsp.atoms(8)
    system = qsp.System(square * A.x, [LOSS * A.each.z])
    run = qsp.exactsolve(system, {A: (0, 0, -1)}, [0.0, END], e_ops=A.z)
    # dephasing while the pulse lasts: ż=y, ẏ=−z−γy/2 with γ=LOSS²
    M = np.array([[0.0, 1.0], [-1.0, -0.5 * LOSS**2]])
    values, vectors = np.linalg.eig(M * (OFF - ON))
    z = (vectors @ np.diag(np.exp(values)) @ np.linalg.inv(vectors))[0, 0].real
    np.testing.assert_allclose(run.expect[0][-1], -4 * z, rtol=1e-7)


def test_states_on_the_way_do_not_pass_over_it_either():
    (b,) = qsp.modes(1)
    system = qsp.System(square * (b + b.dag()), [LOSS * b])
    solver = qsp.CumulantSolver(system, order=2)
    solver.start([0.0], 0.0)
    moments = solver.step(END)
    assert np.abs(np.abs(moments) - AREA[square]).min() < 1e-7


@pytest.mark.parametrize("pulse", [square, gauss])
def test_samples_are_driven_by_a_pulse(pulse):
    (b,) = qsp.modes(1)
    system = qsp.System(pulse * (b + b.dag()), [LOSS * b])
    run = qsp.twasolve(system, [0.0], [0.0, 20.0, END], e_ops=b, ntraj=20000, seed=1)
    assert len(run.times) == 3 and run.mean.shape == (3, 2)
    assert abs(run.expect[0][-1] + 1j * AREA[pulse]) < 4 * run.e_error[0][-1]
    # and with the noise taken away: the same samples without the pulse
    bare = qsp.System((lambda t: 0.0) * (b + b.dag()), [LOSS * b])
    quiet = qsp.mfsolve(bare, [0.0], [0.0, END], e_ops=b).expect[0][-1]
    assert quiet == 0 and abs(run.expect[0][-1]) > 10 * run.e_error[0][-1]


def test_steps_of_samples_resolve_a_fast_drive():
    """β̇=−i cos(5t)−κβ/2: the drive is faster than anything in the system."""
    (b,) = qsp.modes(1)
    system = qsp.System((lambda t: np.cos(5 * t)) * (b + b.dag()), [LOSS * b])
    run = qsp.twasolve(system, [0.0], [0.0, 20.3], e_ops=b, ntraj=40000, seed=2)
    pole = _HALF + 5j
    driven = -1j * ((np.exp(5j * 20.3) - np.exp(-_HALF * 20.3)) / pole).real
    assert abs(driven) > 0.15
    assert abs(run.expect[0][-1] - driven) < 4 * run.e_error[0][-1]
    assert run.stats.steps > 20 * 5 * 20.3 / 2


def test_exponents_see_a_pulse():
    """A squeezing pulse of the strength r stretches by e^{2r·duration}: seen in the exponents."""
    (b,) = qsp.modes(1)

    def pulse(t):
        return 20 * square(t)

    system = qsp.System(pulse * (1j * b.dag() ** 2 - 1j * b**2), [LOSS * b])
    found = qsp.lyapunov_exponents(system, [0.1], END, transient=0.0)
    stretch = 2 * 20 * (OFF - ON) / END
    np.testing.assert_allclose(found.exponents.sum(), -2 * _HALF, rtol=1e-6)
    # less the logarithm of how far the perturbation was from the direction that is stretched
    assert stretch - 0.03 < found.exponents[0] < stretch
