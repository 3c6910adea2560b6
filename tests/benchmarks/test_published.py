"""Mean field and covariance of the published equations over t=1e4 against solve_ivp with a numpy
right-hand side.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug.published.chains import PublishedSpinChains

from .timing import cpu, timed

pytestmark = pytest.mark.slow

TIMES = np.linspace(0, 1e4, 1001)
TOLERANCES = {"rtol": 1e-8, "atol": 1e-10}
MODEL = PublishedSpinChains(corrections=("b_bracket", "e_exact"))


def numpy_right_hand_side(model):
    """B1, B2, the Jacobian at R=0 and (19), as one writes them with numpy."""
    N, g = np.array(model.n, dtype=float), np.array(model.g)
    gl, gnl, sz = model.linear_loss, model.nonlinear_loss, model.sigma_z
    theta = model.theta * np.array([1, -1])
    root, gg = np.sqrt(gl * gnl), g[0] * g[1]

    def rhs(t, y):
        b, C = y[:4].view(complex), y[4:].reshape(4, 4)
        n = np.abs(b) ** 2
        A, o, no = 1 - n / (4 * N), b[::-1], n[::-1]
        Ao, No = A[::-1], N[::-1]
        P = 1j * sz / np.sum(g / np.sqrt(N) * (n - N))
        bracket = n / (2 * N) - 1
        own = g**2 * (n / N - 3 * n**2 / (16 * N**2) - 1)
        damping = 1j * theta - gl / 2 - gnl / N**2 * (n**2 + 2 * n) - 2 / N * root * n
        F = damping * b + P * (own * b + gg * Ao * (o.conj() * b**2 / (4 * N) + o * bracket))
        u = 1j * theta - gl / 2 - gnl / N**2 * (3 * n**2 + 4 * n) - 4 / N * root * n
        u = u + P * (
            g**2 * (2 * n / N - 9 * n**2 / (16 * N**2) - 1)
            + gg * Ao * (b * o.conj() + b.conj() * o) / (2 * N)
        )
        v = -(gnl / N**2 * (2 * n + 2) + 2 / N * root) * b**2
        v = v + P * (g**2 * (b**2 / N - 3 * n * b**2 / (8 * N**2)) + gg * Ao * b * o / (2 * N))
        uo = P * gg * (-(b**2) * o.conj() ** 2 / (16 * N * No) + (Ao - no / (4 * No)) * bracket)
        vo = P * gg * (b**2 / (4 * N) * (Ao - no / (4 * No)) - o**2 / (4 * No) * bracket)
        M = np.empty((4, 4))
        for j in range(2):
            for k, (p, q) in ((j, (u[j], v[j])), (1 - j, (uo[j], vo[j]))):
                M[2 * j, 2 * k], M[2 * j, 2 * k + 1] = (p + q).real, (q - p).imag
                M[2 * j + 1, 2 * k], M[2 * j + 1, 2 * k + 1] = (p + q).imag, (p - q).real
        V = 0.5 * np.abs(np.sqrt(gl) + np.sqrt(gnl) / N * (2 * n - b**2)) ** 2
        dC = M @ C + C @ M.T + np.diag(np.repeat(V, 2))
        return np.concatenate([F.view(float), dC.ravel()])

    return rhs


def ours():
    return qsp.mfsolve(MODEL, [1, 1], TIMES, options=TOLERANCES)


def peer():
    y0 = np.concatenate([np.array([1, 1], dtype=complex).view(float), 0.5 * np.eye(4).ravel()])
    return solve_ivp(
        numpy_right_hand_side(MODEL), (0, 1e4), y0, t_eval=TIMES, method="DOP853", **TOLERANCES
    )


def test_ratio(record):
    theirs, reference = timed(peer, 1)
    result = ours()
    np.testing.assert_allclose(
        result.amplitudes, reference.y.T[:, :4].copy().view(complex), atol=1e-6
    )
    np.testing.assert_allclose(result.covariance.reshape(-1, 16), reference.y.T[:, 4:], atol=1e-5)
    record.ratio("published", cpu(ours, 10), theirs)
