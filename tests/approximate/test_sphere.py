"""Mean field of mixtures: spins on the sphere, factorised sites, with linear fluctuations."""

import mpmath
import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp
from qsyncplug.approximate.sphere import sphere_quadratures

(b,) = qsp.modes(1)
S, T, h = qsp.spins(6, 4, 1)
(s,) = qsp.levels(3)
(A,) = qsp.atoms(10)
LETTERS = [b, b.dag(), S.p, S.m, S.z, T.x, T.y, h.p, h.z, s[0, 1], s[1, 2], s[2, 2], A.m, A.z]
NUMBER = st.tuples(st.integers(-3, 3), st.integers(-3, 3)).map(lambda x: complex(*x) / 3)
WORDS = st.lists(
    st.tuples(NUMBER, st.lists(st.sampled_from(range(len(LETTERS))), min_size=1, max_size=3)),
    min_size=1,
    max_size=3,
)
POINT = st.lists(st.integers(-4, 4).map(lambda k: k / 5), min_size=25, max_size=25)


def expression(words):
    total = 0 * b + 0 * S.z + 0 * s[1, 1] + 0 * A.z
    for a, word in words:
        term = 0 * b + a
        for k in word:
            term = term * LETTERS[k]
        total = total + term
    return total


@settings(max_examples=25, deadline=None)
@given(WORDS, WORDS, POINT)
def test_jacobian_by_differences_and_diffusion_not_negative(hs, ls, point):
    H = expression(hs)
    system = qsp.System(H + H.dag(), [expression(ls), 0.3 * A.each.p + 0.2 * A.each.z])
    d = len(system.classical.coordinates)
    x = np.array((point * 2)[:d])
    M = system.jacobian(x)
    step = 1e-3
    scale = 1 + np.abs(M).max()
    for k in range(d):
        e = np.zeros(d)
        e[k] = step
        F = [system.drift(x + m * e) for m in (-2, -1, 1, 2)]
        # polynomials of degree 5 at most: the error is of the order h⁴ times the fifth derivative
        slope = (F[0] - 8 * F[1] + 8 * F[2] - F[3]) / (12 * step)
        np.testing.assert_allclose(M[:, k] / scale, slope / scale, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(WORDS, WORDS, POINT)
def test_spheres_are_kept(hs, ls, point):
    """|S| is conserved even with collective dissipation, and no noise changes it."""
    H = expression(hs)
    system = qsp.System(H + H.dag(), [expression(ls)])
    names = [c.name for c in system.classical.coordinates]
    x = np.array((point * 2)[: len(names)])
    F, D = system.drift(x), system.diffusion(x)
    for spin in ("S1", "S2"):
        at = names.index(f"{spin}x")
        own = slice(at, at + 3)
        assert abs(F[own] @ x[own]) < 1e-11 * (1 + np.abs(F).max())
        assert np.abs(D[:, own] @ x[own]).max() < 1e-11 * (1 + np.abs(D).max())


def tavis_cummings(N):
    (c,), (J,) = qsp.modes(1), qsp.spins(N)
    H = 0.3 * c.dag() * c + 0.5 * J.z + 0.4 / N * J.z**2
    system = qsp.System(H + 0.6 / np.sqrt(N) * (c.dag() * J.m + c * J.p))
    return system, c, J, {c: 0.5 * np.sqrt(N) * np.exp(0.3j), J: (2.2, -0.5)}


@pytest.mark.parametrize(
    ("N", "mean", "covariance", "cutoff"), [(8, 0.01858, 0.01497, 43), (16, 0.00956, 0.00770, 59)]
)
def test_errors_of_the_order_1_over_n(N, mean, covariance, cutoff):
    system, c, J, state0 = tavis_cummings(N)
    run = qsp.mfsolve(system, state0, [0, 1.5])
    q, p = (c + c.dag()) / np.sqrt(2), (c - c.dag()) / (1j * np.sqrt(2))
    ops = [q, p, J.x, J.y, J.z]
    pairs = [(j, k) for j in range(5) for k in range(j, 5)]
    e_ops = [c, J.x, J.y, J.z] + [0.5 * (ops[j] * ops[k] + ops[k] * ops[j]) for j, k in pairs]
    e_ops += ops
    exact = qsp.exactsolve(system, state0, [0, 1.5], cutoff=cutoff, e_ops=e_ops)
    values = np.array([v[-1] for v in exact.e_data.values()])
    x = run.coordinates[-1]
    error = [abs(values[0] - (x[0] + 1j * x[1]) / np.sqrt(2)) / np.sqrt(N)]
    error += list(abs(values[1:4] - x[2:]) / N)
    assert abs(max(error) - mean) < 1e-5
    C = np.zeros((5, 5))
    first = values[-5:].real
    for (j, k), value in zip(pairs, values[4:-5].real, strict=True):
        C[j, k] = C[k, j] = value - first[j] * first[k]
    size = np.array([1, 1, *[np.sqrt(N)] * 3])
    worst = np.abs((C - run.coordinate_covariance[-1]) / np.outer(size, size)).max()
    assert abs(worst - covariance) < 0.3 * covariance
    assert run.stats["drift"]["|S1|"] < 1e-12


def test_covariance_stays_on_the_sphere():
    system, *_, state0 = tavis_cummings(12)
    run = qsp.mfsolve(system, state0, np.linspace(0, 3, 7))
    for x, C in zip(run.coordinates, run.coordinate_covariance, strict=True):
        assert np.abs(C[:, 2:] @ x[2:]).max() < 1e-8


def test_two_chains_as_the_written_out_equations():
    """Drift and covariance of two spin chains without their central spin, against SpinChains."""
    n = (20, 16)
    chains = qsp.SpinChains(
        n=n,
        g=0.0,
        omega=(1, 0.8),
        exchange=0.2,
        loss=0.05,
        gain=0.02,
        bath="spin",
        central=False,
    )
    J = qsp.spins(*n)
    H = 0 * J[0].z
    for S, N, w in zip(J, n, (1, 0.8), strict=True):
        H = H + w * (0.04 * (S.p * S.m / N - 0.5) + 0.96 * S.z / N)
    jumps = [np.sqrt(0.05 / N) * S.m for S, N in zip(J, n, strict=True)]
    jumps += [np.sqrt(0.02 / N) * S.p for S, N in zip(J, n, strict=True)]
    system = qsp.System(H, jumps)
    beta = np.array([1.1 - 0.4j, 0.3 + 0.9j])
    angles = []
    for N, a in zip(n, beta, strict=True):
        z = abs(a) ** 2 / N * 2 - 1
        # S− = √N √(1−|β|²/N) β = |S|sinθ e^{−iφ}
        angles.append((np.arccos(z), -np.angle(a)))
    times = [0, 1.0, 4.0]
    run = qsp.mfsolve(system, dict(zip(J, angles, strict=True)), times)
    other = qsp.mfsolve(chains, beta, times)
    np.testing.assert_allclose(run.amplitudes, other.amplitudes, atol=2e-8)
    from qsyncplug.models.chains.meanfield import coherent_covariance

    x = np.abs(beta) ** 2 / np.array(n)
    C0 = coherent_covariance(x, np.angle(beta))
    np.testing.assert_allclose(run.covariance[0], C0, atol=1e-12)
    other = qsp.mfsolve(chains, beta, times, covariance0=C0)
    np.testing.assert_allclose(run.covariance, other.covariance, atol=2e-8)


def test_one_spin_one_half_is_exact():
    """A site alone follows its own master equation."""
    (q,) = qsp.spins(1)
    system = qsp.System(0.7 * q.x + 0.2 * q.z, [0.6 * q.m, 0.3 * q.z])
    times = np.linspace(0, 5, 11)
    run = qsp.mfsolve(system, {q: (1.0, 0.3)}, times)
    exact = qsp.exactsolve(system, {q: (1.0, 0.3)}, times, e_ops=[q.x, q.y, q.z])
    np.testing.assert_allclose(run.coordinates.T, list(exact.e_data.values()), atol=1e-9)
    assert any("not controlled" in text for text in run.stats["neglected"])
    # so is its covariance: σ² is known
    second = run.coordinate_covariance + run.coordinates[:, :, None] * run.coordinates[:, None, :]
    np.testing.assert_allclose(np.diagonal(second, axis1=1, axis2=2)[0], 0.25, atol=1e-12)


def test_one_level_system_is_exact():
    (v,) = qsp.levels(3)
    H = 0.4 * (v[0, 1] + v[1, 0]) + 0.3 * (v[1, 2] + v[2, 1]) + 0.5 * v[2, 2]
    system = qsp.System(H, [0.5 * v[0, 2], 0.2 * v[1, 1]])
    psi = (qutip.basis(3, 0) + 1j * qutip.basis(3, 1)).unit()
    run = qsp.mfsolve(system, {v: psi}, [0, 1.0, 3.0], closure="none")
    exact = qsp.exactsolve(system, {v: psi}, [0, 1.0, 3.0], e_ops=[v[0, 1], v[1, 2], v[2, 2]])
    got = [qsp.expect(o, run) for o in (v[0, 1], v[1, 2], v[2, 2])]
    np.testing.assert_allclose(got, list(exact.e_data.values()), atol=1e-9)
    assert run.covariance is None


def test_many_atoms():
    """Errors of the factorised ensemble fall like 1/N (superradiant decay with pumping)."""
    errors = []
    for N in (8, 16):
        (E,) = qsp.atoms(N)
        jumps = [np.sqrt(1 / N) * E.m, 0.8 * E.each.p]
        system = qsp.System(0.3 * E.x, jumps)
        state0 = {E: (1.0, 0.2)}
        run = qsp.mfsolve(system, state0, [0, 1.0])
        exact = qsp.mfsolve(system, state0, [0, 1.0], closure="cumulants", order=N)
        errors.append(abs(qsp.expect(E.z, exact)[-1] - qsp.expect(E.z, run)[-1]) / N)
    assert 1.6 < errors[0] / errors[1] < 2.5


def test_mean_alone_is_the_mean_of_the_linear_closure():
    system, *_, state0 = tavis_cummings(10)
    times = np.linspace(0, 2, 5)
    alone = qsp.mfsolve(system, state0, times, closure="none")
    linear = qsp.mfsolve(system, state0, times)
    np.testing.assert_allclose(alone.coordinates, linear.coordinates, atol=1e-10)
    (a,) = qsp.modes(1)
    vdp = qsp.System(0.3 * a.dag() * a, [a.dag(), 0.3 * a**2])
    one = qsp.mfsolve(vdp, {a: 0.5}, times, closure="none")
    np.testing.assert_allclose(
        one.amplitudes, qsp.mfsolve(vdp, [0.5], times).amplitudes, atol=1e-10
    )


def test_what_is_refused():
    system, c, J, state0 = tavis_cummings(4)
    with pytest.raises(ValueError, match="closure='gaussian' is for modes"):
        qsp.mfsolve(system, state0, [0, 1.0], closure="gaussian")
    with pytest.raises(ValueError, match="covariance0 must have shape"):
        qsp.mfsolve(system, state0, [0, 1.0], covariance0=np.eye(3))
    with pytest.raises(ValueError, match="Bloch vector of length 1"):
        qsp.mfsolve(system, {c: 1, J: (1.0, 1.0, 0.0)}, [0, 1.0])
    with pytest.raises(TypeError, match="state0"):
        qsp.mfsolve(system, {c: "a", J: (1.0, 1.0)}, [0, 1.0])


def test_quadratures_next_to_the_upper_pole():
    """S−/√(N/2−Sz) = √(N/2+Sz)e^{−iφ} on the sphere, and its derivatives, to 50 digits."""
    N, mp = 20, mpmath.mp
    with mpmath.workdps(50):
        for across in (5.0, 1e-3, 1e-7, 1e-12):
            x, y = across * mp.cos(0.7), across * mp.sin(0.7)
            z = mp.sqrt((mp.mpf(N) / 2) ** 2 - x**2 - y**2)
            right = (x - 1j * y) / mp.sqrt(mp.mpf(N) / 2 - z)
            beta, T = sphere_quadratures(N, np.array([[float(x), float(y), float(z)]]))
            assert abs(beta[0] - complex(right)) < 1e-12
            # a turn about z, and a step towards the equator
            around = T[0] @ np.array([-float(y), float(x), 0.0])
            assert abs((around[0] + 1j * around[1]) / np.sqrt(2) + 1j * beta[0]) < 1e-12
            down = T[0] @ (np.array([float(x * z), float(y * z), -(across**2)]) / across)
            slope = complex(-0.5 * across * beta[0] / (N / 2 + z))
            assert abs((down[0] + 1j * down[1]) / np.sqrt(2) - slope) < 1e-13 / across


def test_spins_that_are_pumped_to_their_upper_pole_rest():
    """No dipole is left there, whatever their Holstein–Primakoff amplitudes do."""
    S1, S2 = qsp.spins(20, 20)
    jumps = [S1.p, S2.p, 0.5 * (S1.m - S2.m)]
    system = qsp.System(0.05 * (S1.z - S2.z), [jump / np.sqrt(20) for jump in jumps])
    start = {S1: (1.0, 0.2), S2: (1.2, 1.0)}
    run = qsp.mfsolve(system, start, np.linspace(0, 60, 301))
    # for ever: the dipoles fall below the smallest number
    assert np.all(np.isfinite(qsp.mfsolve(system, start, [0, 1e3, 1e4]).covariance))
    dipole = np.hypot(*run.coordinates[-1, :2])
    assert dipole < 1e-6 and run.coordinates[-1, 2] > 10 - 1e-6
    assert np.diagonal(run.covariance, axis1=1, axis2=2).min() >= 0
    found = qsp.verdict(run)
    assert found.label == "undecided" and "die out" in found.why
    with pytest.raises(qsp.SolverError, match="went to rest"):
        qsp.limit_cycle(system, start)
