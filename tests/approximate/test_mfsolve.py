"""Mean field and covariance: hand-written right-hand sides, closed forms, exact Gaussian dynamics,
refusals.
"""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from tests.systems import boson_reference as ref

from .mean_field_cases import TIMES, by_scipy, driven, kerr, nonlinear_loss, pair, squeezed


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
