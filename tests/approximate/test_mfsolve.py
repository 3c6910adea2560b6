"""Mean field and covariance: hand-written right-hand sides, closed forms, exact Gaussian dynamics,
refusals.
"""

import threading

import numpy as np
import pytest
import qutip
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug.core.errors import (
    NonFiniteError,
    RightHandSideError,
    SolverError,
    StepLimitError,
    StorageError,
    TimeLimitError,
)
from tests.systems import boson_reference as ref

OMEGA = np.array([[0, 1], [-1, 0]])
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


@pytest.mark.parametrize("make", [pair, kerr, squeezed, nonlinear_loss, driven])
def test_linear_closure_against_hand_written_equations(make):
    system, flow, beta0 = make()
    n = len(beta0)
    rng = np.random.default_rng(3)
    A = rng.normal(size=(2 * n, 2 * n))
    for C0 in (None, 0.5 * np.eye(2 * n) + 0.2 * A @ A.T):
        got = qsp.mfsolve(system, beta0, TIMES, covariance0=C0)
        beta, C = by_scipy(flow, beta0, 0.5 * np.eye(2 * n) if C0 is None else C0, TIMES)
        np.testing.assert_allclose(got.amplitudes, beta, atol=1e-9)
        np.testing.assert_allclose(got.covariance, C, atol=1e-9 * max(1, np.abs(C).max()))
        assert got.times.tolist() == TIMES.tolist()
        np.testing.assert_allclose(
            got.mean[:, 0::2] + 1j * got.mean[:, 1::2], np.sqrt(2) * got.amplitudes, atol=1e-15
        )
        assert np.array_equal(got.covariance, np.swapaxes(got.covariance, 1, 2))
        if C0 is not None:
            np.testing.assert_allclose(got.covariance[0], C0, rtol=1e-15)


def test_start_time_matters_for_a_drive():
    system, flow, beta0 = driven()
    times = np.linspace(2.5, 5, 6)
    got = qsp.mfsolve(system, beta0, times)
    beta, C = by_scipy(flow, beta0, 0.5 * np.eye(2), times)
    np.testing.assert_allclose(got.amplitudes, beta, atol=1e-9)
    np.testing.assert_allclose(got.covariance, C, atol=1e-9)


# ---------------------------------------------------------------- closed forms


@pytest.mark.parametrize("closure", ["linear", "gaussian"])
def test_damped_driven_oscillator(closure):
    (b,) = qsp.modes(1)
    w, kappa, nbar, drive = 0.7, 0.4, 0.6, 0.5 - 0.2j
    system = qsp.System(
        w * b.dag() * b + drive * b.dag() + np.conj(drive) * b,
        [(kappa * (nbar + 1)) ** 0.5 * b, (kappa * nbar) ** 0.5 * b.dag()],
    )
    t = np.linspace(0, 30, 61)
    C0 = np.array([[1.5, 0.3], [0.3, 0.4]])
    got = qsp.mfsolve(system, [1.0 + 2j], t, covariance0=C0, closure=closure)
    lam = -1j * w - kappa / 2
    fixed = -1j * drive / (1j * w + kappa / 2)
    np.testing.assert_allclose(
        got.amplitudes[:, 0], fixed + (1 + 2j - fixed) * np.exp(lam * t), atol=1e-9
    )
    for k, s in enumerate(t):
        R = np.array([[np.cos(w * s), np.sin(w * s)], [-np.sin(w * s), np.cos(w * s)]])
        want = np.exp(-kappa * s) * R @ C0 @ R.T + (nbar + 0.5) * (1 - np.exp(-kappa * s)) * np.eye(
            2
        )
        np.testing.assert_allclose(got.covariance[k], want, atol=1e-9)


@pytest.mark.parametrize("closure", ["linear", "gaussian"])
def test_degenerate_parametric_amplifier(closure):
    """H=i(r/2)(b†²−b²): q̇=(r−κ/2)q, ṗ=−(r+κ/2)p."""
    (b,) = qsp.modes(1)
    r, kappa = 0.3, 1.0
    t = np.linspace(0, 8, 17)
    got = qsp.mfsolve(
        qsp.System(0.5j * r * (b.dag() ** 2 - b**2), [kappa**0.5 * b]),
        [0.8 - 0.6j],
        t,
        closure=closure,
    )
    a, d = r - kappa / 2, -r - kappa / 2
    np.testing.assert_allclose(got.mean[:, 0], np.sqrt(2) * 0.8 * np.exp(a * t), atol=1e-9)
    np.testing.assert_allclose(got.mean[:, 1], -np.sqrt(2) * 0.6 * np.exp(d * t), atol=1e-9)
    for i, x in ((0, a), (1, d)):
        np.testing.assert_allclose(
            got.covariance[:, i, i],
            0.5 * np.exp(2 * x * t) + kappa / 2 * np.expm1(2 * x * t) / (2 * x),
            atol=1e-9,
        )
    np.testing.assert_allclose(got.covariance[:, 0, 1], 0, atol=1e-12)


@pytest.mark.parametrize("closure", ["linear", "gaussian"])
def test_two_mode_squeezing(closure):
    """H=i(b1†b2†−b1b2), no loss: C of the two-mode squeezed vacuum with r=t."""
    b1, b2 = qsp.modes(2)
    x = b1.dag() * b2.dag()
    t = np.linspace(0, 1.5, 7)
    got = qsp.mfsolve(qsp.System(1j * (x - x.dag())), [0, 0], t, closure=closure)
    for k, r in enumerate(t):
        c, s = np.cosh(2 * r) / 2, np.sinh(2 * r) / 2
        np.testing.assert_allclose(
            got.covariance[k], [[c, 0, s, 0], [0, c, 0, -s], [s, 0, c, 0], [0, -s, 0, c]], atol=1e-9
        )


def test_kerr_oscillator_of_the_mean_field():
    """β(t)=β0 exp(−2iK|β0|²t), linear covariance from the shear of the rotating frame."""
    (b,) = qsp.modes(1)
    K, a0 = 0.3, 1.2
    t = np.linspace(0, 5, 11)
    got = qsp.mfsolve(qsp.System(K * b.dag() ** 2 * b**2), [a0], t)
    angle = 2 * K * a0**2 * t
    np.testing.assert_allclose(got.amplitudes[:, 0], a0 * np.exp(-1j * angle), atol=1e-9)
    for k, s in enumerate(t):
        shear = np.array([[1, 0], [-4 * K * a0**2 * s, 1]])
        R = np.array([[np.cos(angle[k]), np.sin(angle[k])], [-np.sin(angle[k]), np.cos(angle[k])]])
        np.testing.assert_allclose(got.covariance[k], 0.5 * R @ shear @ shear.T @ R.T, atol=1e-8)


def test_limit_cycle_of_one_oscillator():
    """|β|² → g1/2g2, growth by the logistic law."""
    g1, g2 = 1.0, 0.4
    (b,) = qsp.modes(1)
    t = np.linspace(0, 12, 25)
    got = qsp.mfsolve(qsp.System(0 * b, [g1**0.5 * b.dag(), g2**0.5 * b**2]), [0.1j], t)
    n0, top = 0.01, g1 / (2 * g2)
    np.testing.assert_allclose(
        abs(got.amplitudes[:, 0]) ** 2, top / (1 + (top / n0 - 1) * np.exp(-g1 * t)), atol=1e-9
    )


# ---------------------------------------------------------------- exactness for quadratic models


def random_quadratic(n, seed):
    rng = np.random.default_rng(seed)
    b = qsp.modes(n)
    A = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    S = 0.15 * (rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))
    d = 0.2 * (rng.normal(size=n) + 1j * rng.normal(size=n))
    X = sum(
        (
            0.3 * A[j, k] * b[j].dag() * b[k] + 0.2 * S[j, k] * b[j].dag() * b[k].dag()
            for j in range(n)
            for k in range(n)
        ),
        0 * b[0],
    )
    X = X + sum(d[j] * b[j].dag() for j in range(n))
    jumps = []
    for _ in range(2):
        u, v = rng.normal(size=n) + 1j * rng.normal(size=n), 0.15 * rng.normal(size=n)
        jumps.append(
            0.5 * sum(u[j] * b[j] for j in range(n)) + sum(v[j] * b[j].dag() for j in range(n))
        )
    return qsp.System(X + X.dag(), jumps)


@pytest.mark.parametrize("closure", ["linear", "gaussian"])
@pytest.mark.parametrize("n, levels, seed", [(1, 40, 0), (1, 40, 1), (2, 13, 2)])
def test_quadratic_models_have_the_exact_moments_of_qutip(n, levels, seed, closure):
    system = random_quadratic(n, seed)
    beta0 = [0.3 - 0.2j, -0.1 + 0.25j][:n]
    times = [0.0, 0.2, 0.5]
    got = qsp.mfsolve(system, beta0, times, closure=closure)
    H, c_ops = system.qutip(levels)
    psi = (
        qutip.tensor([qutip.coherent(levels, a, method="analytic") for a in beta0])
        if n > 1
        else qutip.coherent(levels, beta0[0], method="analytic")
    )
    ops = ref.destroy((levels,) * n)
    e = ops + [x * y for x in ops for y in ops] + [x.dag() * y for x in ops for y in ops]
    run = qutip.mesolve(
        H,
        psi,
        times,
        c_ops,
        e_ops=e,
        options={"method": "vern9", "atol": 1e-13, "rtol": 1e-11, "nsteps": 100000},
    )
    values = np.array(run.expect, dtype=complex)
    for k in range(len(times)):
        beta = values[:n, k]
        m = values[n : n + n * n, k].reshape(n, n) - np.multiply.outer(beta, beta)
        c = values[n + n * n :, k].reshape(n, n) - np.multiply.outer(beta.conj(), beta)
        np.testing.assert_allclose(got.amplitudes[k], beta, atol=1e-8)
        np.testing.assert_allclose(got.covariance[k], ref.covariance(m, c), atol=1e-8)


# ---------------------------------------------------------------- Gaussian closure


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


# ---------------------------------------------------------------- conservation


def conservative():
    b1, b2 = qsp.modes(2)
    X = 0.4 * b1.dag() * b2
    return qsp.System(
        0.3 * b1.dag() * b1
        + X
        + X.dag()
        + 0.2 * b1.dag() ** 2 * b1**2
        + 0.1 * b2.dag() ** 2 * b2**2
    )


def test_linear_closure_conserves_number_energy_and_purity():
    t = np.linspace(0, 40, 21)
    got = qsp.mfsolve(conservative(), [1.0 + 0.5j, -0.4j], t)
    b = got.amplitudes
    n = abs(b) ** 2
    np.testing.assert_allclose(n.sum(axis=1), n[0].sum(), atol=1e-8)
    energy = (
        0.3 * n[:, 0]
        + 0.8 * (b[:, 0].conj() * b[:, 1]).real
        + 0.2 * n[:, 0] ** 2
        + 0.1 * n[:, 1] ** 2
    )
    np.testing.assert_allclose(energy, energy[0], atol=1e-8)
    W = np.kron(np.eye(2), OMEGA)
    for C in got.covariance:  # symplectic flow: (ΩC)² = −¼
        np.testing.assert_allclose(
            W @ C @ W @ C, -0.25 * np.eye(4), atol=1e-8 * np.abs(C).max() ** 2
        )
    assert max(got.stats["drift"].values()) < 1e-8


def test_gaussian_closure_conserves_the_number():
    t = np.linspace(0, 20, 11)
    got = qsp.mfsolve(conservative(), [1.0 + 0.5j, -0.4j], t, closure="gaussian")
    n = (abs(got.amplitudes) ** 2).sum(axis=1) + (
        np.trace(got.covariance, axis1=1, axis2=2) - 2
    ) / 2
    np.testing.assert_allclose(n, n[0], atol=1e-8)


@pytest.mark.parametrize("make", [pair, kerr, squeezed, nonlinear_loss, driven])
def test_uncertainty_relation_holds_along_the_linear_closure(make):
    system, _, beta0 = make()
    got = qsp.mfsolve(system, beta0, np.linspace(0, 20, 41))
    W = np.kron(np.eye(len(beta0)), OMEGA)
    assert np.linalg.eigvalsh(got.covariance + 0.5j * W).min() > -1e-9
    assert got.stats["drift"]["uncertainty relation"] < 1e-9


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "beta0",
    [
        [1.0],
        [1, 2, 3],
        [[1, 2]],
        [np.nan, 0],
        [1, np.inf],
        [1, complex(0, np.nan)],
        None,
        "ab",
        ["x", "y"],
        1.0,
    ],
)
def test_initial_amplitudes(beta0):
    with pytest.raises((ValueError, TypeError), match="state0"):
        qsp.mfsolve(qsp.van_der_pol_pair(), beta0, [0, 1])


@pytest.mark.parametrize(
    "tlist",
    [
        [0, 0],
        [0, 2, 1],
        [1, 0],
        [0, np.nan],
        [0, np.inf],
        [],
        [[0, 1]],
        None,
        "01",
        1.0,
        [0, 1j],
        ["a", "b"],
    ],
)
@pytest.mark.parametrize("solve", ["mfsolve", "exactsolve"])
def test_times(solve, tlist):
    kw = {"cutoff": 4} if solve == "exactsolve" else {}
    with pytest.raises((ValueError, TypeError), match="tlist"):
        getattr(qsp, solve)(qsp.van_der_pol_pair(), [0.1, 0.1], tlist, **kw)


def squeezed_too_far(s):
    return np.diag([0.5 / s, 0.49 * s, 0.5, 0.5])


@pytest.mark.parametrize(
    "C",
    [
        np.eye(2),
        np.zeros((4, 4)),
        -np.eye(4),
        0.49 * np.eye(4),
        squeezed_too_far(3.0),
        np.diag([np.nan, 1, 1, 1]),
        np.diag([np.inf, 1, 1, 1]),
        np.eye(4) + np.diag([0.1, 0, 0], 1),
        np.eye(4) + 0.3 * np.kron(np.array([[0, 1], [1, 0]]), np.diag([1, 1])) * 2.0,
        1j * np.eye(4),
        "C",
        [1, 2, 3, 4],
        1.0,
    ],
)
@pytest.mark.parametrize("closure", ["linear", "gaussian"])
def test_covariances(C, closure):
    if isinstance(C, np.ndarray) and C.shape == (4, 4) and C[0, 2] == 0.6:
        C = 0.5 * np.eye(4)
        C[0, 2] = C[2, 0] = C[1, 3] = C[3, 1] = 0.1  # a correlation that two vacua cannot have
    with pytest.raises((ValueError, TypeError), match="covariance0"):
        qsp.mfsolve(qsp.van_der_pol_pair(), [0, 0], [0, 1], covariance0=C, closure=closure)


def test_the_vacuum_and_pure_squeezed_states_are_admitted():
    for s in (1.0, 0.2, 30.0):
        C = np.diag([0.5 / s, 0.5 * s, 0.5, 0.5])
        np.testing.assert_array_equal(
            qsp.mfsolve(qsp.van_der_pol_pair(), [0, 0], [0, 1e-3], covariance0=C).covariance[0], C
        )


def test_other_arguments():
    system = qsp.van_der_pol_pair()
    with pytest.raises((ValueError, TypeError), match="closure"):
        qsp.mfsolve(system, [1, 1], [0, 1], closure="cubic")
    with pytest.raises(KeyError, match=r"rtoll.*rtol"):
        qsp.mfsolve(system, [1, 1], [0, 1], options={"rtoll": 1e-8})
    for key, bad in [
        ("rtol", -1),
        ("atol", np.nan),
        ("nsteps", 0),
        ("nsteps", 1.5),
        ("max_step", -1),
        ("time_limit", -1),
        ("method", "euler"),
        ("rtol", "x"),
        ("progress_bar", "nope"),
    ]:
        with pytest.raises((ValueError, TypeError), match=key):
            qsp.mfsolve(system, [1, 1], [0, 1], options={key: bad})
    with pytest.raises(TypeError, match="System"):
        qsp.mfsolve("system", [1, 1], [0, 1])


@pytest.mark.parametrize("bad", [3.0, [3.0], "n", {"x": 1}])
def test_expectation_functions_that_are_none(bad):
    with pytest.raises((ValueError, TypeError), match="e_ops"):
        qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1], [0, 1], e_ops=bad)


def test_none_options_are_defaults():
    system = qsp.van_der_pol_pair()
    a = qsp.mfsolve(system, [1, 1j], [0, 1], options={"rtol": None, "atol": None, "nsteps": None})
    np.testing.assert_array_equal(a.mean, qsp.mfsolve(system, [1, 1j], [0, 1]).mean)


# ---------------------------------------------------------------- runs that stop


def test_step_limit_hands_back_what_it_has():
    system = qsp.van_der_pol_pair()
    t = np.linspace(0, 100, 1001)
    full = qsp.mfsolve(system, [1, 0.5j], t)
    with pytest.raises(StepLimitError, match="nsteps") as caught:
        qsp.mfsolve(system, [1, 0.5j], t, options={"nsteps": 40})
    error = caught.value
    part = error.result
    count = len(part.times)
    assert 0 < count < len(t)
    assert t[count - 1] <= error.time < 100
    assert error.reason
    np.testing.assert_array_equal(part.times, t[:count])
    np.testing.assert_array_equal(part.mean, full.mean[:count])
    np.testing.assert_array_equal(part.covariance, full.covariance[:count])
    assert "stopped" in part.stats
    assert "stopped" in repr(part)
    assert isinstance(error, SolverError)


def test_time_limit_hands_back_what_it_has():
    (b,) = qsp.modes(1)
    system = qsp.System(50.0 * b.dag() * b)
    t = np.linspace(0, 1e5, 20001)
    with pytest.raises(TimeLimitError, match="time_limit") as caught:
        qsp.mfsolve(system, [1.0], t, options={"time_limit": 0.05, "nsteps": 10**9})
    part = caught.value.result
    assert 0 < len(part.times) < len(t)
    np.testing.assert_allclose(
        part.amplitudes[:, 0], np.exp(-50j * part.times), atol=1e-9 * (1 + 50 * part.times[-1])
    )


def test_blow_up_is_an_error_with_the_part_before():
    (b,) = qsp.modes(1)
    # β̇ = +|β|²β, from the two-photon gain: |β|² = n0/(1−2n0t)
    with pytest.raises(SolverError) as caught:
        qsp.mfsolve(qsp.System(0 * b, [b.dag() ** 2]), [1.0], [0, 0.25, 0.4, 0.6])
    part = caught.value.result
    assert len(part.times) == 3
    assert 0.4 <= caught.value.time < 0.5 + 1e-9  # the singularity is at ½
    np.testing.assert_allclose(abs(part.amplitudes[:, 0]) ** 2, 1 / (1 - 2 * part.times), rtol=1e-8)


@pytest.mark.parametrize("place", ["hamiltonian", "jump"])
@pytest.mark.parametrize(
    "bad, error", [("raise", RightHandSideError), ("nan", (NonFiniteError, RightHandSideError))]
)
def test_coefficients_that_fail_on_the_way(bad, error, place):
    """A coefficient that is only defined on part of the run: everything before it fails is handed
    back.
    """
    (b,) = qsp.modes(1)

    def f(t):
        if not 0 <= t <= 1.5:
            if bad == "raise":
                raise RuntimeError("no drive after 1.5")
            return np.nan
        return 1.0

    c = qutip.coefficient(f)
    x = b + b.dag()
    system = qsp.System(c * x, [b]) if place == "hamiltonian" else qsp.System(x, [c * b])
    with pytest.raises(error) as caught:
        qsp.mfsolve(system, [0.0], [0, 0.5, 1.0, 3.0])
    part = caught.value.result
    np.testing.assert_allclose(
        part.amplitudes[:, 0], -2j * (1 - np.exp(-part.times / 2)), atol=1e-9
    )
    assert len(part.times) == 3


@pytest.mark.parametrize("place", ["hamiltonian", "jump"])
def test_coefficients_are_asked_for_no_time_outside_the_run(place):
    (b,) = qsp.modes(1)
    asked = []

    def f(t):
        asked.append(t)
        return 1.0

    c = qutip.coefficient(f)
    asked.clear()  # QuTiP tries t=0
    x = b + b.dag()
    system = qsp.System(c * x, [b]) if place == "hamiltonian" else qsp.System(x, [c * b])
    qsp.mfsolve(system, [0.0], [0.2, 0.5, 1.0])
    assert min(asked) >= 0.2 - 1e-12
    assert max(asked) <= 1.0 + 1e-12


# ---------------------------------------------------------------- results


def test_expectation_functions():
    system = qsp.van_der_pol_pair()
    f = lambda t, s: s[0][0] + 10 * s[1][2, 2] + 100 * t  # noqa: E731
    got = qsp.mfsolve(system, [1, 0.5j], TIMES, e_ops={"x": f})
    np.testing.assert_allclose(
        got.e_data["x"], got.mean[:, 0] + 10 * got.covariance[:, 2, 2] + 100 * TIMES, rtol=1e-14
    )
    np.testing.assert_allclose(got.expect[0], got.e_data["x"])
    one = qsp.mfsolve(system, [1, 0.5j], TIMES, e_ops=f)
    np.testing.assert_array_equal(one.expect[0], got.expect[0])


def test_run_and_steps_agree():
    system, _, beta0 = pair()
    full = qsp.mfsolve(system, beta0, TIMES)
    solver = qsp.MeanFieldSolver(system)
    solver.start(beta0, TIMES[0])
    for k in (3, 4, 11, 30):
        mean, covariance = solver.step(TIMES[k])
        np.testing.assert_allclose(mean, full.mean[k], atol=1e-10)
        np.testing.assert_allclose(covariance, full.covariance[k], atol=1e-10)
    with pytest.raises(ValueError, match=r"\bt\b"):
        solver.step(1.0)
    with pytest.raises(RuntimeError, match="start"):
        qsp.MeanFieldSolver(system).step(1.0)


def test_a_solver_can_run_twice():
    system, _, beta0 = pair()
    solver = qsp.MeanFieldSolver(system, closure="gaussian")
    a, b = solver.run(beta0, TIMES), solver.run(beta0, TIMES)
    np.testing.assert_array_equal(a.covariance, b.covariance)
    assert a.stats is not b.stats


def test_output_times_do_not_change_the_solution():
    system, _, beta0 = pair()
    few, many = (
        qsp.mfsolve(system, beta0, [0, 6.0]),
        qsp.mfsolve(system, beta0, np.linspace(0, 6, 1001)),
    )
    np.testing.assert_allclose(few.mean[-1], many.mean[-1], atol=1e-10)
    np.testing.assert_allclose(few.covariance[-1], many.covariance[-1], atol=1e-10)


def test_long_outputs_come_in_pieces_without_seams():
    """More output than one block holds: closed form at every time, expectation functions at every
    time.
    """
    (b,) = qsp.modes(1)
    t = np.linspace(0, 50, 60001)
    got = qsp.mfsolve(
        qsp.System(0.8 * b.dag() * b, [0.1 * b]), [1.0], t, e_ops=[lambda t, s: s[0][1]]
    )
    np.testing.assert_allclose(got.amplitudes[:, 0], np.exp((-0.8j - 0.005) * t), atol=1e-9)
    np.testing.assert_array_equal(got.expect[0], got.mean[:, 1])


def test_a_single_time():
    got = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1j], [2.0])
    np.testing.assert_allclose(got.amplitudes, [[1, 1j]], atol=1e-15)
    np.testing.assert_allclose(got.covariance[0], 0.5 * np.eye(4))


@pytest.mark.parametrize("closure", ["linear", "gaussian"])
def test_saved_and_loaded(tmp_path, closure):
    system, _, beta0 = pair()
    got = qsp.mfsolve(system, beta0, TIMES, closure=closure, e_ops={"q": lambda t, s: s[0][0]})
    got.save(tmp_path / "run.npz")
    back = qsp.load(tmp_path / "run.npz")
    assert type(back) is type(got)
    for name in ("times", "amplitudes", "mean", "covariance"):
        np.testing.assert_array_equal(getattr(back, name), getattr(got, name))
    np.testing.assert_array_equal(back.expect[0], got.expect[0])
    np.testing.assert_array_equal(back.model.drift(beta0), system.drift(beta0))
    np.testing.assert_allclose(
        qsp.measures.complete_fluctuations(qsp.synchronization(back)),
        qsp.measures.complete_fluctuations(qsp.synchronization(got)),
    )
    assert "mfsolve" in repr(back)


def test_a_model_with_functions_of_time_is_saved_by_their_values(tmp_path):
    system, _, beta0 = driven()
    got = qsp.mfsolve(system, beta0, [0, 1.0])
    got.save(tmp_path / "run.npz")
    back = qsp.load(tmp_path / "run.npz")
    np.testing.assert_array_equal(back.mean, got.mean)
    assert str(back.model) == str(system)
    again = qsp.mfsolve(back.model, beta0, [0, 1.0])
    np.testing.assert_allclose(again.mean, got.mean, atol=1e-9)
    repr(back)


def test_files_that_are_not_ours(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.arange(3))
    (tmp_path / "y.npz").write_bytes(b"nothing")
    for name in ("x.npz", "y.npz"):
        with pytest.raises(StorageError):
            qsp.load(tmp_path / name)


@pytest.mark.parametrize("make", [pair, driven])
def test_threads_give_identical_numbers(make):
    system, _, beta0 = make()
    starts = [np.array(beta0) * (1 + 0.1 * k) for k in range(6)]
    t = np.linspace(0, 10, 50)
    alone = [qsp.mfsolve(system, s, t) for s in starts]
    together: dict[int, object] = {}
    gate = threading.Barrier(len(starts))

    def work(k):
        gate.wait()
        for _ in range(3):
            together[k] = qsp.mfsolve(system, starts[k], t)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(starts))]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    assert len(together) == len(starts)
    for k, run in enumerate(alone):
        np.testing.assert_array_equal(together[k].mean, run.mean)
        np.testing.assert_array_equal(together[k].covariance, run.covariance)


def test_tighter_tolerances_come_closer():
    system, flow, beta0 = pair()
    C = by_scipy(flow, beta0, 0.5 * np.eye(4), TIMES)[1]
    errors = [
        np.abs(
            qsp.mfsolve(system, beta0, TIMES, options={"rtol": r, "atol": r}).covariance - C
        ).max()
        for r in (1e-4, 1e-7, 1e-10)
    ]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[2] < 1e-8


def test_printing_and_xarray():
    got = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 1j], TIMES)
    text = repr(got)
    for part in ("accepted", "rejected", "covariance (31, 4, 4)", "MB", "drift", "dop853"):
        assert part in text
    xarray = pytest.importorskip("xarray")
    data = got.to_xarray()
    assert isinstance(data, xarray.Dataset)
    np.testing.assert_array_equal(data["covariance"].values, got.covariance)
    np.testing.assert_array_equal(data["time"].values, TIMES)
