"""Verdicts on moments: stationary, or only not yet moved; samples; one driven quantum node."""

import numpy as np
import pytest
import qutip
from qutip import coherent, destroy, fock, qeye, tensor

import qsyncplug as qsp
from qsyncplug import verdict

QUIET = {"store_states": True, "progress_bar": ""}


def operators(levels):
    return tensor(destroy(levels), qeye(levels)), tensor(qeye(levels), destroy(levels))


def limit_cycles(a, b, rate, loss=2.0):
    return [
        np.sqrt(rate) * a.dag(),
        np.sqrt(rate) * b.dag(),
        np.sqrt(loss * rate) * a**2,
        np.sqrt(loss * rate) * b**2,
    ]


def mesolve(H, start, span, jumps, modes):
    run = qutip.mesolve(H, start, np.linspace(0, span, 41), jumps, options=QUIET)
    return verdict(run, modes=modes)


@pytest.mark.parametrize(("rate", "span"), [(0.0, 20), (1e-4, 5), (1e-3, 5), (1.0, 0.02)])
def test_uncoupled_states_that_have_not_moved(rate, span):
    a, b = operators(8)
    start = tensor(coherent(8, 0.8), coherent(8, 0.7j))
    found = mesolve(0 * a, start, span, limit_cycles(a, b, rate), [a, b])
    assert found.label == "undecided", str(found)


def test_entangled_states_of_a_closed_system():
    a, b = operators(3)
    start = (tensor(fock(3, 0), fock(3, 1)) + tensor(fock(3, 1), fock(3, 0))).unit()
    found = mesolve(a.dag() * a + b.dag() * b, start, 20, [], [a, b])
    assert found.label == "undecided" and "closed" in found.why


def test_coupled_states_prefer_a_phase():
    a, b = operators(6)
    start = tensor(fock(6, 0), fock(6, 1))
    jumps = [*limit_cycles(a, b, 1.0), np.sqrt(1.5) * (a - b)]
    assert mesolve(0 * a, start, 20, jumps, [a, b]).label == "phase preference"
    assert mesolve(0 * a, start, 20, jumps[:4], [a, b]).label == "no phase preference"


@pytest.mark.parametrize(("coupling", "label"), [(1.5, "phase preference"), (0.0, "undecided")])
def test_trajectories_of_qutip_within_their_errors(coupling, label):
    a, b = operators(5)
    jumps = limit_cycles(a, b, 1.0)
    if coupling:
        jumps.append(np.sqrt(coupling) * (a - b))
    start = tensor(fock(5, 0), fock(5, 1))
    times = np.linspace(0, 12, 41)
    run = qutip.mcsolve(0 * a, start, times, jumps, ntraj=60, seeds=1, options=QUIET)
    found = verdict(run, modes=[a, b])
    assert found.label == label, str(found)


def test_two_nodes_on_drives_of_their_own():
    a, b = qsp.modes(2)
    H = 0.3 * (a + a.dag()) + 0.3 * (b + b.dag())
    system = qsp.System(H, [0.5 * a.dag(), 0.5 * b.dag(), 2 * a**2, 2 * b**2])
    found = verdict(qsp.exactsolve(system, [0.0, 0.0], np.linspace(0, 30, 41), cutoff=9))
    assert found.label == "undecided" and "do not act on each other" in found.why


@pytest.mark.parametrize(("coupling", "label"), [(1.0, "phase preference"), (0.0, "no phase")])
def test_truncated_wigner_samples(coupling, label):
    system = qsp.van_der_pol_pair(loss=0.05, detuning=0.2, dissipative=coupling)
    run = qsp.twasolve(system, [3, 3j], np.linspace(0, 60, 121), ntraj=1000, seed=1)
    found = verdict(run)
    assert found.label.startswith(label)
    assert found.evidence["coherence |z| (uncoupled: 0)"].error < 0.15


# ------------------------------------------------------------ one driven quantum node


def driven(detuning, drive, loss=0.3):
    (b,) = qsp.modes(1)
    H = detuning * b.dag() * b + 1j * drive * (b.dag() - b)
    system = qsp.System(H, [b.dag(), np.sqrt(loss) * b**2])
    return verdict(qsp.exactsolve(system, [0.5], np.linspace(0, 40, 61), cutoff=24))


@pytest.mark.parametrize(
    ("detuning", "drive", "label"),
    [
        (2.0, 0.05, "not entrained"),
        (5.0, 1.0, "not entrained"),
        (0.5, 3.0, "entrained"),
        (2.0, 3.0, "frequency pulling"),
        (0.05, 0.3, "phase preference"),
    ],
)
def test_one_driven_quantum_node(detuning, drive, label):
    found = driven(detuning, drive)
    assert found.label == label, str(found)


def test_the_share_of_the_drive_is_that_of_the_state():
    found = driven(2.0, 0.3)
    (b,) = qsp.modes(1)
    H = 2.0 * b.dag() * b + 0.3j * (b.dag() - b)
    rho = qsp.steadystate(qsp.System(H, [b.dag(), np.sqrt(0.3) * b**2]), cutoff=24)
    a = destroy(24)
    share = abs(qutip.expect(a, rho)) ** 2 / qutip.expect(a.dag() * a, rho)
    name = "share of the light at the frequency of the drive"
    # spectra leave out levels that hold less than 1e-4
    np.testing.assert_allclose(found.evidence[name], share, rtol=5e-3)


def test_squeezing_prefers_one_of_two_phases():
    system = qsp.squeezed_van_der_pol(squeezing=0.5, detuning=0.2)
    found = verdict(qsp.exactsolve(system, [0.5], np.linspace(0, 30, 61), cutoff=14))
    assert found.label == "phase preference"
    assert found.evidence["|⟨b²⟩|/√(n(n+1)), of two values at distance π (undriven: 0)"] > 0.3


@pytest.mark.parametrize("drive", [0.5, 1.5])
def test_a_driven_spin_without_gain_is_not_locked(drive):
    system = qsp.boundary_time_crystal(20, drive=drive)
    bloch = [np.array([np.sin(1) * np.cos(0.5), np.sin(1) * np.sin(0.5), np.cos(1)])]
    run = qsp.mfsolve(system, bloch, np.linspace(0, 100, 801), closure="none")
    assert verdict(run).label == "undecided"
    exact = qsp.exactsolve(system, qutip.spin_coherent(10, 1.0, 0.5), np.linspace(0, 30, 121))
    found = verdict(exact)
    assert found.label == "undecided"
    # above its threshold it still moves
    assert ("would not oscillate by itself" in found.why) == (drive < 1)
