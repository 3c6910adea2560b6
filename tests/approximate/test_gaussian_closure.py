"""The Gaussian closure: cumulant equations, Wick sums, steady states, coefficients of time."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from tests.systems import boson_reference as ref

from .mean_field_cases import TIMES, driven, pair


def gaussian_by_scipy(rates, beta0, C0, times):
    """Integrate d(β, m, c)/dt = rates(β, m, c) and give β and C."""
    n = len(beta0)
    C0 = np.asarray(C0)
    qq, pp, qp = C0[0::2, 0::2], C0[1::2, 1::2], C0[0::2, 1::2]
    m0 = (qq - pp) / 2 + 0.5j * (qp + qp.T)
    c0 = (qq + pp) / 2 + 0.5j * (qp - qp.T) - 0.5 * np.eye(n)
    np.testing.assert_allclose(ref.covariance(m0, c0), C0, atol=1e-15)

    def rhs(t, y):
        parts = y[:n], y[n : n + n * n].reshape(n, n), y[n + n * n :].reshape(n, n)
        return np.concatenate([np.ravel(x) for x in rates(*parts)])

    y0 = np.concatenate([np.asarray(beta0, complex), m0.ravel(), c0.ravel()]).astype(complex)
    y = solve_ivp(
        rhs, (times[0], times[-1]), y0, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-14
    ).y.T
    C = np.array(
        [ref.covariance(r[n : n + n * n].reshape(n, n), r[n + n * n :].reshape(n, n)) for r in y]
    )
    return y[:, :n], C


def test_cumulant_equations_of_one_van_der_pol_oscillator():
    """By hand, with a drive: ⟨b†b²⟩=|β|²β+2cβ+mβ*, ⟨b†²b²⟩=|β|⁴+4c|β|²+2Re(mβ*²)+2c²+|m|²,
    ⟨b†b³⟩=β*β³+3cβ²+3m|β|²+3mc.
    """
    w, g1, g2, eps = 0.6, 1.0, 0.5, 0.3 - 0.1j
    (b,) = qsp.modes(1)
    system = qsp.System(
        w * b.dag() * b + eps * b.dag() + np.conj(eps) * b, [g1**0.5 * b.dag(), g2**0.5 * b**2]
    )

    def rates(beta, m, c):
        a, m, c = beta[0], m[0, 0], c[0, 0].real
        n = abs(a) ** 2
        b1 = (-1j * w + g1 / 2) * a - 1j * eps - g2 * (n * a + 2 * c * a + m * np.conj(a))
        number = g1 * (n + c + 1) + 2 * np.real(-1j * eps * np.conj(a))
        number -= (
            2 * g2 * (n**2 + 4 * c * n + 2 * np.real(m * np.conj(a) ** 2) + 2 * c**2 + abs(m) ** 2)
        )
        square = (
            (-2j * w + g1) * (a**2 + m)
            - 2j * eps * a
            - g2 * (2 * (np.conj(a) * a**3 + 3 * c * a**2 + 3 * m * n + 3 * m * c) + a**2 + m)
        )
        return b1, square - 2 * a * b1, number - 2 * np.real(np.conj(a) * b1)

    for C0 in (0.5 * np.eye(2), np.array([[0.9, 0.2], [0.2, 0.6]])):
        beta, C = gaussian_by_scipy(rates, [0.4 + 0.7j], C0, TIMES)
        got = qsp.mfsolve(system, [0.4 + 0.7j], TIMES, covariance0=C0, closure="gaussian")
        np.testing.assert_allclose(got.amplitudes, beta, atol=1e-9)
        np.testing.assert_allclose(got.covariance, C, atol=1e-9)


def test_gaussian_steady_state_of_one_van_der_pol_oscillator():
    """Phase-symmetric start: ṅ=g1(n+1)−4g2n², so n∞=(g1+√(g1²+16g1g2))/8g2."""
    g1, g2 = 1.0, 0.3
    (b,) = qsp.modes(1)
    got = qsp.mfsolve(
        qsp.System(b.dag() * b, [g1**0.5 * b.dag(), g2**0.5 * b**2]),
        [0.0],
        [0, 60.0],
        closure="gaussian",
    )
    n = (g1 + np.sqrt(g1**2 + 16 * g1 * g2)) / (8 * g2)
    np.testing.assert_allclose(got.covariance[-1], (n + 0.5) * np.eye(2), atol=1e-9)
    assert got.amplitudes[-1, 0] == 0


H_PAIR = [
    (0.4, ((0, True), (0, False))),
    (0.3, ((0, True), (1, False))),
    (0.3, ((1, True), (0, False))),
]

KERR = [(0.2, ((0, True), (0, True), (0, False), (0, False)))]

CROSS = [(0.25, ((0, True), (0, False), (1, True), (1, False)))]

THREE = [
    (0.1 + 0.1j, ((0, True), (0, True), (1, False))),
    (0.1 - 0.1j, ((1, True), (0, False), (0, False))),
]


@pytest.mark.parametrize(
    "H, jumps",
    [
        (
            H_PAIR,
            [
                [(1.0, ((0, True),))],
                [(0.6, ((0, False), (0, False)))],
                [(0.5, ((0, False),)), (-0.5, ((1, False),))],
            ],
        ),
        (H_PAIR + KERR + CROSS, [[(0.5, ((1, False),))]]),
        (THREE, [[(0.4, ((0, False),)), (0.2j, ((0, True), (0, False), (0, False)))]]),
        (
            H_PAIR,
            [
                [(0.5, ((0, True), (0, False)))],
                [(0.3, ((1, True), (1, True)))],
                [(0.4, ((0, True), (1, False)))],
            ],
        ),
    ],
)
def test_gaussian_closure_by_wick_sums_over_unordered_words(H, jumps):
    """The whole right-hand side a second time: nothing is normal-ordered, Isserlis on ordered
    contractions.
    """
    b = qsp.modes(2)
    system = qsp.System(ref.expression(H, b), [ref.expression(x, b) for x in jumps])
    times = [0.0, 0.15, 0.4]
    beta0 = np.array([0.5 + 0.2j, -0.3 + 0.4j])
    A = np.random.default_rng(5).normal(size=(4, 4))
    C0 = 0.5 * np.eye(4) + 0.05 * A @ A.T
    beta, C = gaussian_by_scipy(lambda *y: ref.gaussian_rates(H, jumps, *y), beta0, C0, times)
    got = qsp.mfsolve(system, beta0, times, covariance0=C0, closure="gaussian")
    np.testing.assert_allclose(got.amplitudes, beta, atol=1e-9)
    np.testing.assert_allclose(got.covariance, C, atol=1e-9)


def test_gaussian_closure_with_coefficients_of_time():
    """A driven Kerr oscillator with modulated loss, against Wick sums at every time."""
    system, _, beta0 = driven()
    times = [0.3, 0.6, 1.2]
    n = 1

    def model(t):
        z = 0.6 * np.exp(-1.3j * t)
        H = [
            (z, ((0, True),)),
            (np.conj(z), ((0, False),)),
            (0.2, ((0, True), (0, True), (0, False), (0, False))),
        ]
        return H, [[(0.5 + 0.2 * np.sin(t), ((0, False),))]]

    def rhs(t, y):
        return np.concatenate(
            [
                np.ravel(x)
                for x in ref.gaussian_rates(
                    *model(t), y[:n], y[n : 2 * n].reshape(1, 1), y[2 * n :].reshape(1, 1)
                )
            ]
        )

    y = solve_ivp(
        rhs,
        (0.3, 1.2),
        np.array([beta0[0], 0, 0], complex),
        method="DOP853",
        t_eval=times,
        rtol=1e-12,
        atol=1e-14,
    ).y.T
    got = qsp.mfsolve(system, beta0, times, closure="gaussian")
    np.testing.assert_allclose(got.amplitudes[:, 0], y[:, 0], atol=1e-9)
    np.testing.assert_allclose(
        got.covariance,
        [ref.covariance(r[1:2].reshape(1, 1), r[2:].reshape(1, 1)) for r in y],
        atol=1e-9,
    )


def test_closures_differ_where_they_should():
    """One application of the wrong closure may not hide behind the other's name."""
    system, _, beta0 = pair()
    linear = qsp.mfsolve(system, beta0, TIMES)
    gaussian = qsp.mfsolve(system, beta0, TIMES, closure="gaussian")
    assert np.abs(linear.amplitudes - gaussian.amplitudes).max() > 1e-2
    assert linear.stats["closure"] == "linear"
    assert gaussian.stats["closure"] == "gaussian"
    assert linear.stats["neglected"] != gaussian.stats["neglected"]
