"""Differential equations that carry their exact solutions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from qsyncplug._ext.equations import LinearRightHandSide, PythonRightHandSide
from scipy.special import ellipj, ellipk


@dataclass(frozen=True)
class System:
    """A right-hand side with the exact solution."""

    name: str
    function: Callable
    exact: Callable  # (n,) of t
    t0: float
    t1: float
    complex: bool = False

    @property
    def y0(self):
        return np.asarray(self.exact(self.t0))

    def rhs(self):
        return PythonRightHandSide(self.function, self.y0.size, self.complex)


def _rotation():
    A = np.array([[-0.1, 1.0], [-1.0, -0.1]])
    return System(
        "damped rotation",
        lambda t, y: A @ y,
        lambda t: np.exp(-0.1 * t) * np.array([np.cos(t), -np.sin(t)]),
        0.0,
        20.0,
    )


def _logistic():
    return System(
        "logistic",
        lambda t, y: y * (1 - y),
        lambda t: np.array([1 / (1 + 9 * np.exp(-t))]),
        0.0,
        15.0,
    )


def _riccati():
    return System("Riccati", lambda t, y: 1 + y**2, lambda t: np.array([np.tan(t)]), 0.0, 1.5)


def _driven():
    return System(
        "explicit time",
        lambda t, y: np.array([2 * t * y[0]]),
        lambda t: np.array([np.exp(t**2 - 1)]),
        -1.0,
        2.0,
    )


def _complex_oscillator():
    w = np.array([1.0, 2.5, -3.0])
    return System(
        "complex oscillators",
        lambda t, y: (1j * w - 0.05) * y,
        lambda t: np.exp((1j * w - 0.05) * t) * np.array([1, 1j, 0.5 - 0.5j]),
        0.0,
        10.0,
        complex=True,
    )


def _pendulum():
    # q'' = -sin q from q0=2 at rest: q = 2 asin(k sn(K - t, k)), k = sin(q0/2)
    k = np.sin(1.0)
    K = ellipk(k**2)

    def exact(t):
        sn, cn, _, _ = ellipj(K - t, k**2)
        return np.array([2 * np.arcsin(k * sn), -2 * k * cn])

    return System("pendulum", lambda t, y: np.array([y[1], -np.sin(y[0])]), exact, 0.0, 12.0)


def _kepler():
    e = 0.6

    def exact(t):
        t = np.mod(t, 2 * np.pi)
        E = t
        for _ in range(60):
            E = E - (E - e * np.sin(E) - t) / (1 - e * np.cos(E))
        rate = 1 / (1 - e * np.cos(E))
        s = np.sqrt(1 - e * e)
        return np.array([np.cos(E) - e, s * np.sin(E), -np.sin(E) * rate, s * np.cos(E) * rate])

    def f(t, y):
        r3 = (y[0] ** 2 + y[1] ** 2) ** 1.5
        return np.array([y[2], y[3], -y[0] / r3, -y[1] / r3])

    return System("Kepler", f, exact, 0.0, 10.0)


ALL = [
    _rotation(),
    _logistic(),
    _riccati(),
    _driven(),
    _complex_oscillator(),
    _pendulum(),
    _kepler(),
]


def antisymmetric(n, seed=0):
    """A compiled linear system of n variables with its exact flow."""
    from scipy.linalg import expm

    rng = np.random.default_rng(seed)
    B = rng.normal(size=(n, n)) / np.sqrt(n)
    B = B - B.T
    y0 = rng.normal(size=n)
    return LinearRightHandSide(B), y0, lambda t: expm(B * t) @ y0


def _resting(rate):
    return System(
        f"decay at rate {rate:g}",
        lambda t, y: -rate * (y - 1),
        lambda t: np.array([1 + np.exp(-rate * t)]),
        0.0,
        200.0 / rate,
    )


def _beside_a_rotation(slow):
    # the estimate of the error takes the rotation for the measure of what is smooth
    def f(t, y):
        return np.array([-(y[0] - 1), -slow * y[2], slow * y[1]])

    return System(
        f"decay beside a rotation at {slow:g}",
        f,
        lambda t: np.array([1 + np.exp(-t), np.cos(slow * t), np.sin(slow * t)]),
        0.0,
        100.0,
    )


def _dragged():
    # follows a slow force closely
    return System(
        "decay towards a slow force",
        lambda t, y: np.array([-20 * (y[0] - np.sin(0.2 * t)) + 0.2 * np.cos(0.2 * t)]),
        lambda t: np.array([np.exp(-20 * t) + np.sin(0.2 * t)]),
        0.0,
        20.0,
    )


def _many_rates():
    rates = np.array([0.3, 1.0, 7.0, 40.0])
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    A = turn @ np.diag(rates) @ turn.T

    def exact(t):
        return 1 + turn @ (np.exp(-rates * t) * (turn.T @ np.ones(4)))

    return System("decays at many rates", lambda t, y: -A @ (y - 1), exact, 0.0, 60.0)


#: what comes to rest long before the end: stability limits the steps
RESTING = [
    _resting(1.0),
    _resting(1e6),
    *[_beside_a_rotation(slow) for slow in (0.3, 0.03, 0.003)],
    _dragged(),
    _many_rates(),
]
