"""The optomechanical pair of Mari et al. (2013): measures along locked limit cycles, against the
linearised Langevin equations written out by hand.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import qsyncplug as qsp

W, G, KAPPA, GAMMA = (1.0, 1.005), 0.005, 0.3, 0.01
OPTIONS = {"rtol": 1e-9, "atol": 1e-11}


def on_the_cycle(drive, coupling):
    """The pair, its amplitudes after a transient without fluctuations."""
    pair = qsp.optomechanical_pair(drive=drive, coupling=coupling)
    run = qsp.mfsolve(pair, [0] * 4, [0, 2000, 4000], closure="none", options=OPTIONS)
    return pair, run.amplitudes[-1]


def langevin(drive, coupling, beta, times):
    """Quadratures and covariance: v' = f(v), C' = AC + CA^T + N, vacuum noise at both losses."""

    def parts(v):
        a = (v[0:4:2] + 1j * v[1:4:2]) / np.sqrt(2)
        b = (v[4:8:2] + 1j * v[5:8:2]) / np.sqrt(2)
        f, A = np.zeros(8), np.zeros((8, 8))
        for j in range(2):
            shift = W[j] + 2 * G * b[j].real
            da = (1j * shift - KAPPA / 2) * a[j] + drive
            db = (-1j * W[j] - GAMMA / 2) * b[j]
            db += 1j * G * abs(a[j]) ** 2 + 1j * coupling * b[1 - j]
            q, p, m, other = 2 * j, 2 * j + 1, 4 + 2 * j, 4 + 2 * (1 - j)
            f[q], f[p] = np.sqrt(2) * da.real, np.sqrt(2) * da.imag
            f[m], f[m + 1] = np.sqrt(2) * db.real, np.sqrt(2) * db.imag
            A[q, q] = A[p, p] = -KAPPA / 2
            A[q, p], A[p, q] = -shift, shift
            # ∂/∂q_b of 2g Re b: g√2
            A[q, m], A[p, m] = -np.sqrt(2) * G * v[p], np.sqrt(2) * G * v[q]
            A[m, m] = A[m + 1, m + 1] = -GAMMA / 2
            A[m, m + 1], A[m + 1, m] = W[j], -W[j]
            A[m + 1, q], A[m + 1, p] = np.sqrt(2) * G * v[q], np.sqrt(2) * G * v[p]
            A[m, other + 1], A[m + 1, other] = -coupling, coupling
        return f, A

    N = np.diag([KAPPA / 2] * 4 + [GAMMA / 2] * 4)

    def rate(t, y):
        f, A = parts(y[:8])
        C = y[8:].reshape(8, 8)
        return np.concatenate([f, (A @ C + C @ A.T + N).ravel()])

    v = np.sqrt(2) * np.asarray(beta).view(float)
    y0 = np.concatenate([v, (0.5 * np.eye(8)).ravel()])
    out = solve_ivp(rate, (times[0], times[-1]), y0, "DOP853", times, rtol=1e-10, atol=1e-10).y
    return out[:8].T, out[8:].T.reshape(-1, 8, 8)


def test_measures_against_the_langevin_equations():
    """Mari's S_c and S_q along the cycle, from an integration that shares nothing with ours."""
    pair, beta = on_the_cycle(48.0, 0.02)
    times = np.linspace(0, 40, 41)
    run = qsp.mfsolve(pair, beta, times, options=OPTIONS)
    v, C = langevin(48.0, 0.02, beta, times)
    np.testing.assert_allclose(run.mean, v, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(run.covariance, C, rtol=1e-5, atol=1e-5)
    d = np.array([1, -1]) / np.sqrt(2)
    minus_q, minus_p = v[:, [4, 6]] @ d, v[:, [5, 7]] @ d
    spread = np.array([d @ c[4::2, 4::2] @ d + d @ c[5::2, 5::2] @ d for c in C])
    S_q, S_c = 1 / spread, 1 / (spread + minus_q**2 + minus_p**2)
    np.testing.assert_allclose(qsp.measures.complete_fluctuations(run)[:, 2, 3], S_q, rtol=1e-5)
    np.testing.assert_allclose(qsp.measures.complete(run)[:, 2, 3], S_c, rtol=1e-5)


@pytest.mark.slow
def test_coupling_locks_the_mirrors():
    """Without coupling phases and fluctuations go apart; with it the phases lock and S_q stays."""
    found = {}
    for coupling in (0.0, 0.02):
        pair, beta = on_the_cycle(48.0, coupling)
        run = qsp.mfsolve(pair, beta, np.linspace(0, 1500, 3001), options=OPTIONS)
        mirrors = run.amplitudes[:, 2:] - run.amplitudes[:, 2:].mean(axis=0)
        assert np.abs(mirrors).min() > 250
        phase = np.unwrap(np.angle(mirrors), axis=0)
        gap = phase[:, 0] - phase[:, 1]
        S_q = qsp.measures.complete_fluctuations(run)[1500:, 2, 3].mean()
        found[coupling] = abs(gap[-1] - gap[0]), S_q
    assert found[0.0][0] > 5 and found[0.02][0] < 0.05
    assert found[0.0][1] < 0.02 and 0.15 < found[0.02][1] < 0.35


# averages over t/τ from 137 to 200 of S_c and S_p, τ=2π/ω, equal frequencies: Fig. 2b for the
# couplings μ, and Fig. 2c for the thermal occupations n̄, as S. Kalita computed them
# (github.com/Sampreet/qom-papers, data/physrevlett_111_103605)
FIGURE_2B = {
    0.0: (2.57554736e-03, 1.28935546e-03),
    0.004: (1.22832165e-01, 6.41172058e-02),
    0.02: (2.82390967e-01, 1.71536408e-01),
    0.04: (2.24793358e-01, 1.56139908e-01),
}
FIGURE_2C = {
    2.0: (0.19612701, 0.1194059),
    10.0: (0.08833288, 0.05394932),
    20.0: (0.05236996, 0.03202177),
}


def averages(coupling=0.02, thermal=0.0):
    """S_c and S_p as the figures have them."""
    pair = qsp.optomechanical_pair(frequencies=(1.0, 1.0), coupling=coupling, thermal=thermal)
    start = np.diag([0.5] * 4 + [thermal + 0.5] * 4)
    times = 2 * np.pi * np.linspace(0, 200, 2001)
    run = qsp.mfsolve(pair, [0] * 4, times, covariance0=start, options=OPTIONS)
    measures = qsp.measures.complete_fluctuations(run), qsp.measures.phase(run)
    return [m[1371:, 2, 3].mean() for m in measures]


@pytest.mark.parametrize("coupling", FIGURE_2B)
def test_figure_2b(coupling):
    np.testing.assert_allclose(averages(coupling), FIGURE_2B[coupling], rtol=0, atol=4e-6)


@pytest.mark.parametrize("thermal", FIGURE_2C)
def test_figure_2c(thermal):
    np.testing.assert_allclose(averages(thermal=thermal), FIGURE_2C[thermal], rtol=0, atol=4e-6)


def test_a_drive_that_is_no_multiple_of_kappa_is_chaotic():
    """With E=320 itself, for either meaning of κ and γ, neighbouring solutions come apart."""
    for rates in ({"cavity_loss": 0.3, "damping": 0.01}, {"cavity_loss": 0.15, "damping": 0.005}):
        pair = qsp.optomechanical_pair(drive=320.0, **rates)
        found = qsp.lyapunov_exponents(pair, [0] * 4, 300.0, transient=600.0, k=1, rtol=1e-7)
        assert found.chaotic and found.exponents[0] > 0.2
    calm = qsp.optomechanical_pair()
    found = qsp.lyapunov_exponents(calm, [0] * 4, 600.0, transient=3000.0, k=1, rtol=1e-7)
    assert found.exponents[0] < 0.005
