"""Systems with hand-written equations of mean and covariance."""

import numpy as np
import qutip
from scipy.integrate import solve_ivp

import qsyncplug as qsp

TIMES = np.linspace(0, 6, 31)


def quadratures(u, v):
    """M from u=∂F/∂β, v=∂F/∂β*."""
    n = len(u)
    M = np.empty((2 * n, 2 * n))
    M[0::2, 0::2], M[0::2, 1::2] = (u + v).real, (v - u).imag
    M[1::2, 0::2], M[1::2, 1::2] = (u + v).imag, (u - v).real
    return M


def by_scipy(flow, beta0, C0, times):
    """`flow(t, β)` gives F, u, v, D."""
    n = len(beta0)

    def rhs(t, y):
        beta = y[:n] + 1j * y[n : 2 * n]
        C = y[2 * n :].reshape(2 * n, 2 * n)
        F, u, v, D = flow(t, beta)
        M = quadratures(np.asarray(u, complex).reshape(n, n), np.asarray(v, complex).reshape(n, n))
        return np.concatenate([F.real, F.imag, (M @ C + C @ M.T + D).ravel()])

    y0 = np.concatenate([np.real(beta0), np.imag(beta0), np.ravel(C0)])
    y = solve_ivp(
        rhs, (times[0], times[-1]), y0, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-14
    ).y.T
    return y[:, :n] + 1j * y[:, n : 2 * n], y[:, 2 * n :].reshape(-1, 2 * n, 2 * n)


def pair():
    g1, g2, delta, J, V = np.array([1.0, 0.7]), np.array([0.9, 1.2]), 0.5, 0.3, 0.8

    def flow(t, b):
        d = np.array([-0.5j, 0.5j]) * delta + g1 / 2 - V / 2
        x = V / 2 - 1j * J
        F = d * b - g2 * abs(b) ** 2 * b + x * b[::-1]
        u = np.diag(d - 2 * g2 * abs(b) ** 2) + x * np.array([[0, 1], [1, 0]])
        D = np.kron(
            np.diag(g1 / 2 + 2 * g2 * abs(b) ** 2) + V / 2 * np.array([[1, -1], [-1, 1]]), np.eye(2)
        )
        return F, u, np.diag(-g2 * b**2), D

    return (
        qsp.van_der_pol_pair(
            gain=tuple(g1), loss=tuple(g2), detuning=delta, coherent=J, dissipative=V
        ),
        flow,
        [1.2 - 0.3j, -0.4 + 0.2j],
    )


def kerr():
    (b,) = qsp.modes(1)
    system = qsp.System(
        0.4 * b.dag() * b + 0.35 * b.dag() ** 2 * b**2 + 0.5 * (b + b.dag()), [0.3**0.5 * b]
    )

    def flow(t, a):
        n = abs(a[0]) ** 2
        return (
            -1j * (0.4 * a + 0.7 * n * a + 0.5) - 0.15 * a,
            -0.4j - 1.4j * n - 0.15,
            -0.7j * a**2,
            0.15 * np.eye(2),
        )

    return system, flow, [0.7 + 0.4j]


def squeezed():
    (b,) = qsp.modes(1)
    z = 0.15 + 0.1j
    system = qsp.System(
        0.3 * b.dag() * b + 0.5 * (z * b.dag() ** 2 + np.conj(z) * b**2), [0.8**0.5 * b, 0.2 * b**2]
    )

    def flow(t, a):
        n = abs(a[0]) ** 2
        return (
            -1j * (0.3 * a + z * a.conj()) - 0.4 * a - 0.04 * n * a,
            -0.3j - 0.4 - 0.08 * n,
            -1j * z - 0.04 * a**2,
            (0.4 + 0.08 * n) * np.eye(2),
        )

    return system, flow, [1.0 - 0.5j]


def nonlinear_loss():
    (b,) = qsp.modes(1)
    s, r = 0.4, 0.25
    system = qsp.System(0.6 * b.dag() * b, [s * b + r * b.dag() * b**2])

    def flow(t, a):
        n = abs(a[0]) ** 2
        # F = −iωβ + ½[(s+rn) r n β − (s+rn)(s+2rn) β] = −iωβ − ½(s+rn)² β
        F = -0.6j * a - 0.5 * (s + r * n) ** 2 * a
        u = -0.6j - 0.5 * (s + r * n) ** 2 - (s + r * n) * r * n
        v = -(s + r * n) * r * a**2
        lu, lv = s + 2 * r * n, r * a[0] ** 2
        off = -(lu * lv).imag
        return F, u, v, np.array([[abs(lu - lv) ** 2 / 2, off], [off, abs(lu + lv) ** 2 / 2]])

    return system, flow, [1.3 + 0.2j]


def driven():
    (b,) = qsp.modes(1)
    f = qutip.coefficient(lambda t: 0.6 * np.exp(-1.3j * t))
    g = qutip.coefficient(lambda t: 0.5 + 0.2 * np.sin(t))
    system = qsp.System(f * b.dag() + (f * b.dag()).dag() + 0.2 * b.dag() ** 2 * b**2, [g * b])

    def flow(t, a):
        k = 0.5 * (0.5 + 0.2 * np.sin(t)) ** 2
        n = abs(a[0]) ** 2
        return (
            -1j * (0.6 * np.exp(-1.3j * t) + 0.4 * n * a) - k * a,
            -0.8j * n - k,
            -0.4j * a**2,
            k * np.eye(2),
        )

    return system, flow, [0.2 + 0.9j]
