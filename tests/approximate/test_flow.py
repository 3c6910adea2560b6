"""F, M and D against the general rule worked out a second way, numerical derivatives and exact
QuTiP rates.
"""

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp
from tests.systems import boson_reference as ref

B = qsp.modes(2)
REAL = st.integers(-4, 4).map(lambda k: k / 4)
NUMBER = st.tuples(REAL, REAL).map(lambda x: complex(*x))
POWERS = st.tuples(*[st.integers(0, 2)] * 4).filter(lambda p: sum(p) <= 4)
SYMBOL = st.dictionaries(POWERS, NUMBER, max_size=3)
AMPLITUDES = st.tuples(NUMBER, NUMBER).map(np.array)


def words_of(sym):
    out = []
    for (p1, q1, p2, q2), a in sym.items():
        out.append(
            (a, ((0, True),) * p1 + ((0, False),) * q1 + ((1, True),) * p2 + ((1, False),) * q2)
        )
    return out


def normal_ordered(sym):
    """The expression with exactly this classical symbol."""
    total = 0 * B[0]
    for (p1, q1, p2, q2), a in sym.items():
        total = total + a * (B[0].dag() ** p1 * B[0] ** q1 * B[1].dag() ** p2 * B[1] ** q2)
    return total


def hermitian(sym):
    out = dict(sym)
    for key, a in ref.conjugate(sym).items():
        out[key] = out.get(key, 0) + a
    return out


@settings(max_examples=60)
@given(SYMBOL, st.lists(SYMBOL, max_size=2), AMPLITUDES)
def test_random_polynomials(h, ls, beta):
    H = hermitian(h)
    system = qsp.System(normal_ordered(H), [normal_ordered(x) for x in ls])
    scale = (
        1
        + sum(abs(a) for a in H.values()) * 100
        + sum(abs(a) for x in ls for a in x.values()) ** 2 * 1000
    )
    F = ref.drift(H, ls, beta, beta.conj())
    np.testing.assert_allclose(system.drift(beta), F, atol=1e-14 * scale)
    np.testing.assert_allclose(
        ref.drift_bar(H, ls, beta, beta.conj()), F.conj(), atol=1e-14 * scale
    )  # the reference is consistent
    M = ref.complex_step_jacobian(H, ls, beta)
    np.testing.assert_allclose(system.jacobian(beta), M, atol=1e-14 * scale)
    D = ref.diffusion(ls, beta)
    np.testing.assert_allclose(system.diffusion(beta), D, atol=1e-14 * scale)
    assert np.array_equal(system.diffusion(beta), system.diffusion(beta).T)
    assert np.linalg.eigvalsh(system.diffusion(beta)).min() > -1e-13 * scale


@settings(max_examples=25)
@given(SYMBOL, st.lists(SYMBOL, max_size=2), AMPLITUDES)
def test_jacobian_by_finite_differences_of_the_drift(h, ls, beta):
    """Fourth-order differences of the package's own F: error h⁴ times the fifth derivative plus
    rounding/h.
    """
    system = qsp.System(normal_ordered(hermitian(h)), [normal_ordered(x) for x in ls])

    def field(Y):
        F = system.drift((Y[0::2] + 1j * Y[1::2]) / np.sqrt(2))
        out = np.empty(4)
        out[0::2], out[1::2] = np.sqrt(2) * F.real, np.sqrt(2) * F.imag
        return out

    Y = np.empty(4)
    Y[0::2], Y[1::2] = np.sqrt(2) * beta.real, np.sqrt(2) * beta.imag
    step = 2e-3
    M = np.array(
        [
            (
                8 * (field(Y + step * e) - field(Y - step * e))
                - field(Y + 2 * step * e)
                + field(Y - 2 * step * e)
            )
            / (12 * step)
            for e in np.eye(4)
        ]
    ).T
    size = (
        1
        + np.abs(system.jacobian(beta)).max()
        + sum(abs(a) for x in ls for a in x.values()) ** 2 * 100
        + sum(map(abs, h.values())) * 100
    )
    np.testing.assert_allclose(system.jacobian(beta), M, atol=1e-10 * size)


@settings(max_examples=25)
@given(SYMBOL, st.lists(SYMBOL, max_size=2), AMPLITUDES)
def test_derivatives_are_those_of_the_jacobian(h, ls, beta):
    system = qsp.System(normal_ordered(hermitian(h)), [normal_ordered(x) for x in ls])
    u, v = system.derivatives(beta)
    M = system.jacobian(beta)
    T = np.kron(np.eye(2), np.array([[1, 1j], [1, -1j]]) / np.sqrt(2))  # (b, b†) from (q, p)
    W = T @ M @ np.linalg.inv(T)
    size = 1 + np.abs(M).max()
    np.testing.assert_allclose(W[0::2, 0::2], u, atol=1e-13 * size)
    np.testing.assert_allclose(W[0::2, 1::2], v, atol=1e-13 * size)


def test_single_mode_diffusion_of_the_specification():
    (b,) = qsp.modes(1)
    a = 0.3 - 0.8j
    L = 0.7 * b**2 + 0.4j * b.dag() * b + (0.2 - 0.1j) * b.dag() ** 2
    u = 1.4 * a + 0.4j * np.conj(a)
    v = 0.4j * a + (0.4 - 0.2j) * np.conj(a)
    D = qsp.System(b.dag() * b, [L]).diffusion([a])
    want = [
        [abs(u - v) ** 2 / 2, -(np.conj(u) * v).imag],
        [-(np.conj(u) * v).imag, abs(u + v) ** 2 / 2],
    ]
    np.testing.assert_allclose(D, want, atol=1e-15)


@pytest.mark.parametrize(
    "make, F, u, v",
    [
        # damping, gain, two-photon loss, Kerr, squeezing, drive, by hand
        (lambda b: (0 * b, [0.6**0.5 * b]), lambda a: -0.3 * a, lambda a: -0.3, lambda a: 0),
        (lambda b: (0 * b, [0.6**0.5 * b.dag()]), lambda a: 0.3 * a, lambda a: 0.3, lambda a: 0),
        (
            lambda b: (0 * b, [0.6**0.5 * b**2]),
            lambda a: -0.6 * abs(a) ** 2 * a,
            lambda a: -1.2 * abs(a) ** 2,
            lambda a: -0.6 * a**2,
        ),
        (
            lambda b: (0.5 * b.dag() ** 2 * b**2, []),
            lambda a: -1j * abs(a) ** 2 * a,
            lambda a: -2j * abs(a) ** 2,
            lambda a: -1j * a**2,
        ),
        (
            lambda b: (0.5j * (b.dag() ** 2 - b**2), []),
            lambda a: np.conj(a),
            lambda a: 0,
            lambda a: 1,
        ),
        (lambda b: (2j * b.dag() - 2j * b, []), lambda a: 2, lambda a: 0, lambda a: 0),
        # b†b²: L*∂L/∂β* − L∂L*/∂β* = |β|⁴β − 2|β|⁴β
        (
            lambda b: (0 * b, [b.dag() * b**2]),
            lambda a: -0.5 * abs(a) ** 4 * a,
            lambda a: -1.5 * abs(a) ** 4,
            lambda a: -(abs(a) ** 2) * a**2,
        ),
    ],
)
def test_by_hand(make, F, u, v):
    (b,) = qsp.modes(1)
    system = qsp.System(*make(b))
    for a in (0.0, 1.0, 0.4 - 1.3j):
        np.testing.assert_allclose(system.drift([a]), [F(a)], atol=1e-14)
        got = system.derivatives([a])
        np.testing.assert_allclose(got[0], [[u(a)]], atol=1e-14)
        np.testing.assert_allclose(got[1], [[v(a)]], atol=1e-14)


def test_spin_chain_nonlinear_damping_of_the_specification():
    """c=√γl b+(√γnl/N) b†b²: linear term γl/2, and the noise (√γl+2√γnl n/N) b_in − (√γnl/N) β²
    b_in†.
    """
    gl, gnl, N = 0.3, 0.5, 5
    (b,) = qsp.modes(1)
    c = gl**0.5 * b + gnl**0.5 / N * b.dag() * b**2
    system = qsp.System(b.dag() * b, [c])
    a = 1.1 * np.exp(0.4j)
    n = abs(a) ** 2
    s, r = np.sqrt(gl), np.sqrt(gnl) / N
    # L*∂L/∂β* − L∂L*/∂β*, with L=β(s+rn), ∂L/∂β*=rβ², ∂L*/∂β*=s+2rn
    F = -1j * a + 0.5 * (np.conj(a) * (s + r * n) * r * a**2 - a * (s + r * n) * (s + 2 * r * n))
    np.testing.assert_allclose(system.drift([a]), [F], atol=1e-14)
    u, v = s + 2 * r * n, r * a**2
    np.testing.assert_allclose(
        system.diffusion([a]),
        [
            [abs(u - v) ** 2 / 2, -(np.conj(u) * v).imag],
            [-(np.conj(u) * v).imag, abs(u + v) ** 2 / 2],
        ],
        atol=1e-14,
    )


def test_symbols_are_normal_ordered():
    """(b†b)² has the symbol |β|⁴+|β|², b b† b = b†b² + b."""
    (b,) = qsp.modes(1)
    number = b.dag() * b
    a = 0.6 + 0.5j
    np.testing.assert_allclose(
        qsp.System(number**2).drift([a]), [-1j * (2 * abs(a) ** 2 + 1) * a], atol=1e-14
    )
    np.testing.assert_allclose(qsp.System(b * b.dag()).drift([a]), [-1j * a], atol=1e-14)


# ---------------------------------------------------------------- exact rates


def coherent(beta, size):
    """Coherent states with the exact Fock amplitudes of the untruncated state."""
    from scipy.special import gammaln

    k = np.arange(size)
    kets = [np.exp(-(abs(a) ** 2) / 2 - gammaln(k + 1) / 2) * complex(a) ** k for a in beta]
    psi = kets[0]
    for ket in kets[1:]:
        psi = np.kron(psi, ket)
    return qutip.Qobj(psi[:, None], dims=[[size] * len(beta), [1] * len(beta)])


def exact_rates(system, beta, size):
    """d/dt of β and C in the coherent state: tr(A 𝓛ρ) with QuTiP's operators."""
    n = len(beta)
    rho = coherent(beta, size).proj()
    H, c_ops = system.qutip(size)
    drho = -1j * (H * rho - rho * H)
    for c in c_ops:
        drho = drho + c * rho * c.dag() - 0.5 * (c.dag() * c * rho + rho * c.dag() * c)
    ops = ref.destroy((size,) * n)
    rate = lambda A: (A * drho).tr()  # noqa: E731
    db = np.array([rate(x) for x in ops])
    dm = (
        np.array([[rate(x * y) for y in ops] for x in ops])
        - np.multiply.outer(db, beta)
        - np.multiply.outer(beta, db)
    )
    dc = (
        np.array([[rate(x.dag() * y) for y in ops] for x in ops])
        - np.multiply.outer(db.conj(), beta)
        - np.multiply.outer(beta.conj(), db)
    )
    return db, ref.covariance(dm, dc) - ref.covariance(0 * dm, 0 * dc)


LOSSES = st.dictionaries(
    st.sampled_from(
        [(0, 1, 0, 0), (0, 0, 0, 1), (0, 2, 0, 0), (0, 1, 0, 1), (1, 0, 0, 0), (0, 0, 1, 0)]
    ),
    NUMBER,
    min_size=1,
    max_size=4,
)
SMALL = st.tuples(NUMBER, NUMBER).map(lambda x: 0.4 * np.array(x))


@settings(max_examples=25)
@given(st.dictionaries(POWERS, NUMBER, max_size=3), st.lists(LOSSES, min_size=1, max_size=2), SMALL)
def test_rates_are_exact_for_loss_polynomials_and_linear_gain(h, ls, beta):
    """With any normal-ordered H and jumps P(b) + w·b†, the linear rates at a coherent state are
    those of the master equation.
    """
    system = qsp.System(normal_ordered(hermitian(h)), [normal_ordered(x) for x in ls])
    db, dC = exact_rates(system, beta, 14)
    M = system.jacobian(beta)
    weight = 1 + sum(abs(a) for x in ls for a in x.values()) ** 2 + sum(map(abs, h.values()))
    np.testing.assert_allclose(system.drift(beta), db, atol=1e-8 * weight)
    np.testing.assert_allclose(0.5 * (M + M.T) + system.diffusion(beta), dC, atol=1e-8 * weight)


def test_time_dependent_flow():
    (b,) = qsp.modes(1)
    f = qutip.coefficient(lambda t: np.exp(-2j * t))
    g = qutip.coefficient(lambda t: 1 + t)
    system = qsp.System(f * b.dag() + (f * b.dag()).dag() + b.dag() * b, [g * b])
    a, t = 0.3 + 0.2j, 0.8
    np.testing.assert_allclose(
        system.drift([a], t), [-1j * a - 1j * np.exp(-1.6j) - 0.5 * 1.8**2 * a], atol=1e-14
    )
    np.testing.assert_allclose(system.diffusion([a], t), 0.5 * 1.8**2 * np.eye(2), atol=1e-14)
    np.testing.assert_allclose(
        system.jacobian([a], t), [[-0.5 * 1.8**2, 1], [-1, -0.5 * 1.8**2]], atol=1e-14
    )


def test_flow_is_covariant_under_the_phase_symmetry():
    system = qsp.van_der_pol_pair(
        gain=(1, 0.7), loss=(0.6, 1.2), detuning=0.5, coherent=0.3, dissipative=0.8
    )
    beta = np.array([0.7 - 0.2j, -0.4 + 1.1j])
    phase = 0.9
    R = np.kron(np.eye(2), [[np.cos(phase), -np.sin(phase)], [np.sin(phase), np.cos(phase)]])
    turned = np.exp(1j * phase) * beta
    np.testing.assert_allclose(
        system.drift(turned), np.exp(1j * phase) * system.drift(beta), atol=1e-14
    )
    np.testing.assert_allclose(system.jacobian(turned), R @ system.jacobian(beta) @ R.T, atol=1e-14)
    np.testing.assert_allclose(
        system.diffusion(turned), R @ system.diffusion(beta) @ R.T, atol=1e-14
    )


def test_linear_mixing_does_not_matter():
    """The unitary freedom of jump operators, and L → L + a with its Hamiltonian, leave F and D
    alone.
    """
    b1, b2 = B
    H = 0.3 * b1.dag() * b2 + 0.3 * b2.dag() * b1 + 0.2 * b1.dag() ** 2 * b1**2
    L1, L2 = b1**2 + 0.5 * b2, b2.dag() + 0.3 * b1
    w = np.exp(0.4j)
    mixed = qsp.System(H, [(L1 + w * L2) / 2**0.5, (L1 - w * L2) / 2**0.5])
    plain = qsp.System(H, [L1, L2])
    shift = 0.7 - 0.4j
    moved = qsp.System(H - 0.5j * (np.conj(shift) * L1 - shift * L1.dag()), [L1 + shift, L2])
    beta = [0.3 + 0.9j, -0.8 + 0.1j]
    for other in (mixed, moved):
        np.testing.assert_allclose(other.drift(beta), plain.drift(beta), atol=1e-14)
        np.testing.assert_allclose(other.jacobian(beta), plain.jacobian(beta), atol=1e-14)
        np.testing.assert_allclose(other.diffusion(beta), plain.diffusion(beta), atol=1e-14)
