"""Views of mixtures: the same measures of exact runs, mean field, samples and cumulants."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp


def spin_pair(N):
    S1, S2 = qsp.spins(N, N)
    jumps = [np.sqrt(1 / N) * S.p for S in (S1, S2)]
    jumps += [np.sqrt(4 / N) / N * S.m**2 for S in (S1, S2)]
    jumps.append(np.sqrt(0.5 / N) * (S1.m - S2.m))
    return qsp.System(0.05 * (S1.z - S2.z), jumps), {S1: (2.6, 0.0), S2: (2.6, 0.6)}


def test_one_measure_of_three_methods():
    system, state0 = spin_pair(12)
    times = [0, 0.5, 1.0]
    exact = qsp.exactsolve(system, state0, times)
    mean = qsp.mfsolve(system, state0, times)
    samples = qsp.twasolve(system, state0, times, ntraj=6000, seed=4)
    found = [qsp.measures.coherence(r)[-1, 0, 1] for r in (exact, samples)]
    assert abs(found[1] - found[0]) < 0.06
    # amplitudes of the Holstein–Primakoff bosons differ by the order 1/N
    error = np.abs(exact.amplitudes - mean.amplitudes).max() / np.sqrt(12)
    assert error < 1 / 12
    assert qsp.synchronization(exact).n == qsp.synchronization(mean).n == 2


def test_a_mode_and_an_ensemble_by_cumulants():
    (b,), (A,) = qsp.modes(1), qsp.atoms(20)
    H = 0.3 * b.dag() * b + 0.2 * (b.dag() * A.m + b * A.p)
    system = qsp.System(H, [0.8 * b, 0.4 * A.each.p])
    run = qsp.mfsolve(system, {b: 0.5, A: (2.0, 0.1)}, [0, 1.0], closure="cumulants")
    view = qsp.synchronization(run)
    assert view.n == 2
    assert not view.about.canonical


def test_a_mode_times_a_phase_is_a_mode():
    """1j·a keeps its kind: the view is that of the state turned by e^{iπn/2}."""
    (a,) = qsp.modes(1)
    psi = (qutip.coherent(20, 0.8) + 0.3 * qutip.fock(20, 2)).unit()
    turned = (1j * np.pi / 2 * qutip.num(20)).expm() * psi
    one = qsp.synchronization([psi], modes=[1j * a])
    other = qsp.synchronization([turned], modes=[a])
    assert one.about.bosons and one.about.canonical
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-12)
    np.testing.assert_allclose(one.covariance, other.covariance, atol=1e-12)
    assert (one.states[0] - other.states[0]).norm() < 1e-12


def lossy_cavity():
    """Two pumped qubits and the cavity that couples them, and a start."""
    (S1, S2), (c,) = qsp.spins(1, 1), qsp.modes(1)
    H = 0.5 * S1.z - 0.5 * S2.z + 0.3 * (c.dag() * (S1.m + S2.m) + c * (S1.p + S2.p))
    system = qsp.System(H, [0.4 * S1.p, 0.4 * S2.p, 1.0 * c])
    return system, {S1: (1.0, 0.0), S2: (1.2, 0.3), c: 0.3}


def test_correlations_of_qubits_and_a_cavity_are_those_of_their_states():
    system, start = lossy_cavity()
    run = qsp.exactsolve(system, start, [0.0, 5.0], cutoff=8)
    found = qsp.measures.mutual_information(run)[-1]
    rho = run.states[-1]
    for j, k in ((0, 1), (0, 2), (1, 2)):
        parts = [qutip.entropy_vn(rho.ptrace(keep)) for keep in (j, k, [j, k])]
        assert found[j, k] == pytest.approx(parts[0] + parts[1] - parts[2], abs=1e-10)
    # their levels are not those of an oscillator
    with pytest.raises(qsp.MissingFieldError, match=r"phase_distribution\(result, nodes\) has"):
        qsp.measures.husimi_phase(run)
    coherent = qsp.measures.coherence(rho, modes=[system.matrix(x, 8) for x in system.operators])
    np.testing.assert_allclose(coherent[-1], qsp.measures.coherence(run)[-1], atol=1e-8)
    with pytest.raises(ValueError, match=r"one call \(S1, S2\), but the states have 3 tensor"):
        qsp.measures.coherence(rho, modes=system.operators)


def test_a_mean_field_says_which_nodes_it_has_no_amplitudes_of():
    system, start = lossy_cavity()
    times = np.linspace(0, 20, 41)
    run = qsp.mfsolve(system, start, times)
    assert any(f.startswith("no amplitude of S1, S2: spins ½") for f in qsp.verdict(run).flags)
    exact = qsp.exactsolve(system, start, times, cutoff=8)
    with pytest.raises(ValueError, match=r"'exact' has 3, 'mean' has 1 \(b1\)"):
        qsp.compare({"exact": exact, "mean": run})
    with pytest.raises(ValueError, match=r"state0\[S1\] must be a Bloch vector .* not 0"):
        qsp.mfsolve(system, [0, (1.0, 0.0), (1.0, 0.0)], times)


def test_a_steady_state_knows_which_of_its_factors_are_spins():
    (S1, S2), (c,) = qsp.spins(1, 1), qsp.modes(1)
    H = 0.3 * S1.z - 0.1 * S2.z + 0.6 * (c.dag() * (S1.m + S2.m) + c * (S1.p + S2.p))
    system = qsp.System(H, [0.2**0.5 * S1.p, 0.2**0.5 * S2.p, 0.5 * c])
    start = {S1: (1.0, 0.2), S2: (1.0, 0.1), c: 0.1}
    run = qsp.exactsolve(system, start, np.linspace(0, 160, 101), cutoff=14)
    steady = qsp.steadystate(system, cutoff=14)
    coherent = qsp.measures.coherence(steady)[-1]
    np.testing.assert_allclose(coherent, qsp.measures.coherence(run)[-1], atol=1e-9)
    found, late = qsp.verdict(steady), qsp.verdict(run)
    assert found.label == late.label == "phase preference"
    peak = "2πP_max−1 of the phase (uncoupled: 0)"
    assert found.evidence[peak] == pytest.approx(late.evidence[peak], abs=1e-9)
    # nobody says which way up the qubits of a plain matrix are
    plain = qsp.verdict(qutip.Qobj(steady.full(), dims=steady.dims))
    assert plain.evidence[peak] < 0.5 * found.evidence[peak]
    with pytest.raises(qsp.MissingFieldError, match="lowering"):
        qsp.measures.coherence(qutip.Qobj(steady.full(), dims=steady.dims))
