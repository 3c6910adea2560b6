"""Independent ways to what the Wigner–Lohe solver computes, straight from the equations, with
nothing of the package.
"""

import numpy as np
from scipy.integrate import solve_ivp


def correlation_flow(z0, times, kappa, rates):
    """z(t) from its own equation, by SciPy."""
    n = len(z0)

    def rhs(t, y):
        z = y.reshape(n, n)
        r, c, m = z.sum(1), z.sum(0), np.diag(z)
        coupling = (
            kappa
            / (2 * n)
            * (c[None, :] + r[:, None] - (r / m)[:, None] * z - (c / m)[None, :] * z)
        )
        return (coupling - 1j * (rates[:, None] - rates[None, :]) * z).ravel()

    y0 = np.array(z0, dtype=complex).ravel()
    run = solve_ivp(
        rhs, (times[0], times[-1]), y0, method="DOP853", rtol=1e-13, atol=1e-14, t_eval=times
    )
    return run.y.T.reshape(-1, n, n)


class Lines:
    """Spectral method of lines for w_ij on the phase-space grid (one dimension), equation (6) with
    −p.
    """

    def __init__(self, n, length, potentials, kappa):
        self.x = -length / 2 + length / (2 * n) * np.arange(2 * n)
        self.p = np.pi / length * np.arange(-n, n)
        self.weight = length / (2 * n) * np.pi / length
        y = length / n * np.fft.fftfreq(2 * n, 1 / (2 * n))
        self.xi = 2 * np.pi * np.fft.fftfreq(2 * n, length / (2 * n))
        self.xi[n] = 0
        plus, minus = self.x[:, None] + y / 2, self.x[:, None] - y / 2
        self.theta = np.array([[vi(plus) - vj(minus) for vj in potentials] for vi in potentials])
        self.kappa = kappa
        self.count = len(potentials)

    def rhs(self, t, y):
        w = y.reshape(self.count, self.count, len(self.x), len(self.p))
        transport = np.fft.ifft(1j * self.xi[:, None] * np.fft.fft(w, axis=2), axis=2) * self.p
        force = np.fft.fft(self.theta * np.fft.ifft(w, axis=3), axis=3)
        z = w.sum((2, 3)) * self.weight
        r, c, m = z.sum(1), z.sum(0), np.diag(z)
        pull = (
            w.sum(0)[None]
            + w.sum(1)[:, None]
            - ((r / m)[:, None] + (c / m)[None, :])[:, :, None, None] * w
        )
        return (-transport - 1j * force + self.kappa / (2 * self.count) * pull).ravel()

    def run(self, w0, t, rtol=1e-10, method="DOP853"):
        run = solve_ivp(
            self.rhs,
            (0, t),
            np.array(w0, complex).ravel(),
            method=method,
            rtol=rtol,
            atol=1e-3 * rtol,
        )
        return run.y[:, -1].reshape(np.shape(w0)), run.nfev


def coherent_pair(grid, t, kappa=1.0, centres=(1.0, -0.5)):
    """ψ_1, ψ_2 of V=x²/2 from unit coherent states at rest, in closed form, and z_12."""
    z0 = np.exp(-((centres[0] - centres[1]) ** 2) / 4)
    d = (1 + z0) * np.exp(kappa * t) + 1 - z0
    free = [np.exp(-0.5j * t) * _coherent(grid, c * np.cos(t), -c * np.sin(t)) for c in centres]
    plus = np.sqrt(2 / d) * np.exp(kappa * t / 2) * (free[0] + free[1])
    minus = np.sqrt(2 / d) * (free[0] - free[1])
    return (plus + minus) / 2, (plus - minus) / 2, ((1 + z0) * np.exp(kappa * t) - 1 + z0) / d


def _coherent(grid, q, p):
    x = grid.axes[0]
    return np.pi**-0.25 * np.exp(-((x - q) ** 2) / 2 + 1j * p * (x - q / 2))


def gaussian_pair_wigner(x, p, a, b):
    """W[ψ,φ] of the coherent states ψ at a=(q,p), φ at b, phases as in `_coherent`, from the
    Gaussian integral.
    """
    al, be = (a[0] + 1j * a[1]) / np.sqrt(2), (b[0] + 1j * b[1]) / np.sqrt(2)
    z = (x[:, None] + 1j * p[None, :]) / np.sqrt(2)
    overlap = np.exp(-(abs(al) ** 2) / 2 - abs(be) ** 2 / 2 + al * np.conj(be))
    return overlap / np.pi * np.exp(-2 * (z - al) * (np.conj(z) - np.conj(be)))
