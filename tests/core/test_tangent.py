"""Phase and amplitude of the fluctuations about a mean field, apart."""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.core.tangent import (
    mean_field_coherence,
    phase_diffusion,
    radial_variance,
    relative_phase_variance,
)


def diffusion(system, beta):
    return phase_diffusion(
        system.drift(beta), system.jacobian(beta), system.diffusion(beta), np.asarray(beta)
    )


@pytest.mark.parametrize("loss", [0.1, 0.02])
def test_phase_diffusion_of_oscillators_in_phase(loss):
    """3g₂/2N for N van der Pol oscillators in phase, g₁=1."""
    radius = np.sqrt(0.5 / loss)
    (b,) = qsp.modes(1)
    single = qsp.System(0 * b.dag() * b, [b.dag(), np.sqrt(loss) * b**2])
    assert diffusion(single, np.array([radius + 0j])) == pytest.approx(1.5 * loss, rel=1e-9)
    pair = qsp.van_der_pol_pair(loss=loss, detuning=0.0, dissipative=0.5)
    assert diffusion(pair, np.full(2, radius + 0j)) == pytest.approx(0.75 * loss, rel=1e-9)


def test_pair_coherence_converges_while_the_common_phase_diffuses():
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=0.3, dissipative=0.5)
    run = qsp.mfsolve(pair, [2.0, 2.0j], np.linspace(0, 400, 401))
    variance = relative_phase_variance(run.amplitudes, run.covariance)[:, 0, 1]
    assert variance[200] == pytest.approx(0.51389, abs=1e-5)
    assert variance[-1] == pytest.approx(variance[200], rel=1e-6)
    z = qsp.measures.coherence(run)[-1, 0, 1]
    assert z == pytest.approx(0.7734, abs=5e-5)
    assert z == pytest.approx(np.exp(-variance[-1] / 2), rel=1e-12)
    # the trace of the covariance grows without bound, what is shown does not
    assert np.trace(run.covariance[-1]) > 50
    np.testing.assert_allclose(qsp.measures.excitations(run)[-1], np.abs(run.amplitudes[-1]) ** 2)
    rate = diffusion(pair, run.amplitudes[-1])
    assert rate == pytest.approx(0.0821828, abs=1e-7)
    # the common phase of the run, uᵀCu with u along the motion of both, grows at that rate
    grown = [_common_phase_variance(run, k) for k in (200, 400)]
    assert (grown[1] - grown[0]) / 200 == pytest.approx(rate, rel=1e-3)
    assert any("diffuses" in flag for flag in qsp.verdict(run).flags)


def _common_phase_variance(run, k):
    beta, C = run.amplitudes[k], run.covariance[k]
    x = np.sqrt(2) * np.stack([beta.real, beta.imag], axis=-1)
    u = np.stack([-x[:, 1], x[:, 0]], axis=-1) / np.sum(x**2, axis=1)[:, None]
    return float(u.ravel() @ C @ u.ravel()) / 4


def test_coherent_states():
    beta = np.array([2.0, 2.0 * np.exp(0.3j), 1.0])
    C = np.eye(6) / 2
    # δθ has variance ½/|√2β|² for each
    expected = 0.25 / np.abs(beta) ** 2
    sigma = relative_phase_variance(beta, C)
    np.testing.assert_allclose(sigma[0, 1:], expected[0] + expected[1:], rtol=1e-14)
    np.testing.assert_allclose(radial_variance(beta, C), 0.5, rtol=1e-14)
    # z_jk = ⟨b_j†b_k⟩/√(n_jn_k) has the phase of β_j*β_k
    assert np.angle(mean_field_coherence(beta, C)[0, 1]) == pytest.approx(0.3, abs=1e-14)


def test_drifting_pairs_lose_their_coherence():
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=3.0, dissipative=0.5)
    run = qsp.mfsolve(pair, [2.0, 2.0j], np.linspace(0, 200, 401))
    z = qsp.measures.coherence(run)[:, 0, 1]
    assert z[-1] < 1e-3 and z[0] > 0.9
    assert any("σ²" in flag for flag in qsp.verdict(run).flags)
