"""Steady states known by their moments, and closures that break down."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp


def lasers_of_qutip(n, pump, detuning):
    """⟨J_A†J_B⟩/√(⟨J_A†J_A⟩⟨J_B†J_B⟩) of 2n atoms, each with its own factor."""
    minus, one, up = qutip.sigmam(), qutip.qeye(2), qutip.sigmap()
    sites = [qutip.tensor(*[minus if j == k else one for j in range(2 * n)]) for k in range(2 * n)]
    A, B = sum(sites[:n]), sum(sites[n:])
    spins = [qutip.tensor(*[up if j == k else one for j in range(2 * n)]) for k in range(2 * n)]
    z = [s * s.dag() - s.dag() * s for s in spins]
    # J_z is half the sum of σ_z
    H = detuning / 4 * (sum(z[:n]) - sum(z[n:]))
    jumps = [(A + B) / np.sqrt(n), *(np.sqrt(pump) * s for s in spins)]
    rho = qutip.steadystate(H, jumps)
    AB, AA, BB = (qutip.expect(x, rho) for x in (A.dag() * B, A.dag() * A, B.dag() * B))
    return AB / np.sqrt(AA * BB), AA / n


@pytest.mark.parametrize("detuning", [0.0, 0.7])
def test_exact_moments_are_seen_and_judged(detuning):
    lasers = qsp.superradiant_lasers(2, pump=0.5, detuning=detuning)
    # moments of all four atoms neglect nothing
    state = qsp.steadystate(lasers, closure="cumulants", order=4)
    view, found = qsp.synchronization(state), qsp.verdict(state)
    z, n = lasers_of_qutip(2, 0.5, detuning)
    np.testing.assert_allclose(abs(view.correlations[0, 0, 1]), abs(z), atol=1e-8)
    np.testing.assert_allclose(view.masses[0], n, atol=1e-8)
    assert found.evidence["coherence |z| (uncoupled: 0)"] == pytest.approx(abs(z), abs=1e-8)
    # the lines of pumped atoms are wide, and where they were
    assert found.label == ("not entrained" if detuning else "no phase preference")
    assert found.evidence["stationary"] == "by its equations"
    assert "observed frequencies" in found.evidence


@pytest.mark.parametrize("ratio", [0.3, 2.5])
def test_two_large_lasers_have_the_coherence_of_their_limit(ratio):
    # N → ∞: min(1, w/δ)
    lasers = qsp.superradiant_lasers(10**5, pump=0.5, detuning=0.5 * ratio)
    found = qsp.verdict(qsp.steadystate(lasers, closure="cumulants"))
    assert found.label == "phase preference"
    assert found.evidence["coherence |z| (uncoupled: 0)"] == pytest.approx(
        min(1, 1 / ratio), abs=1e-3
    )


def test_a_closure_that_breaks_down_decides_nothing():
    lasers = qsp.superradiant_lasers(10**5, pump=0.5, detuning=0.1)
    A, B = lasers.nodes
    start = {A: np.array([0.3, 0.0, 0.1]), B: np.array([0.0, 0.3, 0.1])}
    run = qsp.mfsolve(lasers, start, np.linspace(0, 300, 101), closure="cumulants")
    assert np.diagonal(run.covariance, axis1=1, axis2=2).min() < -100
    found = qsp.verdict(run)
    assert found.label == "undecided"
    assert any("broken down" in flag for flag in found.flags)
    with pytest.raises(qsp.MissingFieldError, match="broken down"):
        _ = qsp.synchronization(run).correlations
