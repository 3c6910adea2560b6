"""Mean field and covariance of the square-root model: drift, Jacobian, diffusion against 30-digit
derivatives of the symbols.
"""

import mpmath
import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug import (
    SpinChains,
    coherent_covariance,
    elimination_detuning,
    mean_field_parts,
    mode_system,
)
from qsyncplug.commands.spins import errors_against_size, fitted_power
from qsyncplug.models.chains.flow import (
    boson_rows,
    central_rows,
    chain_equations,
    chain_flow,
    start_of,
)

MODELS = {
    "spin baths": {
        "loss": (0.1, 0.2),
        "thermal": 0.3,
        "gain": (0.2, 0.1),
        "two_photon": 0.1,
        "dissipative": 0.3,
        "engineered": "spin",
    },
    "boson baths": {
        "loss": (0.1, 0.2),
        "thermal": 0.3,
        "gain": (0.2, 0.1),
        "two_photon": 0.1,
        "dissipative": 0.3,
        "bath": "boson",
    },
    "nonlinear": {"loss": (0.1, 0.0), "nonlinear": (0.2, 0.1), "thermal": 0.2, "coherent": 0.4},
}


def symbols(chains, s, z, eliminated):
    """H and the jump operators (with their conjugates) as analytic functions of (β1, β1*, β2,
    β2*).
    """
    N, g, w = chains.n, chains.g, chains.omega
    one, root = mpmath.mpf(1), mpmath.sqrt

    def A(j, b, c):
        return root(one - b * c / N[j]) * b, root(one - b * c / N[j]) * c

    def H(*v):
        out = 0
        pairs = [(v[0], v[1]), (v[2], v[3])]
        lowered = [A(j, *pairs[j]) for j in range(2)]
        X = sum(
            g[j] * (pairs[j][0] * pairs[j][1] - mpmath.mpf(N[j]) / 2) / root(mpmath.mpf(N[j]))
            for j in range(2)
        )
        for j in range(2):
            n = pairs[j][0] * pairs[j][1]
            lam2 = mpmath.mpf(chains.exchange) ** 2
            out += w[j] * ((lam2 + one / N[j]) * n - lam2 * n**2 / N[j]) + g[j] * z * n / root(
                mpmath.mpf(N[j])
            )
            if not eliminated:
                out += g[j] * (mpmath.conj(s) * lowered[j][0] + s * lowered[j][1])
        if eliminated:
            delta = elimination_detuning(chains, z)
            for j in range(2):
                for k in range(2):
                    weight = 1 / (2 * X + delta[j]) + 1 / (2 * X + delta[k])
                    out += mpmath.mpf(z) / 2 * weight * g[j] * g[k] * lowered[j][1] * lowered[k][0]
        return out + chains.coherent * (
            lowered[0][1] * lowered[1][0] + lowered[1][1] * lowered[0][0]
        )

    jumps = []

    def add(f, conjugated=False):
        def pair(*v):
            x = f(v[0], v[1], v[2], v[3])
            return (x[1], x[0]) if conjugated else x

        jumps.append(pair)

    def scaled(f, rate, power=1):
        r = root(mpmath.mpf(rate))
        return lambda *v: tuple(r * x**power for x in f(*v))

    def mode(j, kind):
        def f(*v):
            b, c = v[2 * j], v[2 * j + 1]
            return A(j, b, c) if kind == "spin" else (b, c)

        return f

    for j in range(2):
        nb = mpmath.mpf(chains.thermal[j])
        gamma, nl = root(mpmath.mpf(chains.loss[j])), root(mpmath.mpf(chains.nonlinear[j]))
        bath, engineered = mode(j, chains.bath), mode(j, chains.engineered)

        def down(*v, j=j, gamma=gamma, nl=nl, bath=bath):
            if nl:
                b, c = v[2 * j], v[2 * j + 1]
                return gamma * b + nl / N[j] * c * b * b, gamma * c + nl / N[j] * b * c * c
            x = bath(*v)
            return gamma * x[0], gamma * x[1]

        add(scaled(down, nb + 1))
        add(scaled(down, nb), conjugated=True)
        add(scaled(bath, chains.gain[j]), conjugated=True)
        add(scaled(engineered, chains.two_photon[j], power=2))
    fa, fb = mode(0, chains.engineered), mode(1, chains.engineered)
    V = root(mpmath.mpf(chains.dissipative))
    add(lambda *v: tuple(V * (x - y) for x, y in zip(fa(*v), fb(*v), strict=True)))
    return H, jumps


@pytest.mark.parametrize("eliminated", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_drift_jacobian_and_diffusion_from_the_symbols(name, eliminated):
    chains = SpinChains(n=(5, 7), exchange=0.4, **MODELS[name])
    beta, s, z = np.array([1 + 0.5j, -0.3 + 1.2j]), 0.2 + 0.1j, -0.4
    found = mean_field_parts(chains, beta, s, z, eliminated=eliminated)
    with mpmath.workdps(40):
        H, jumps = symbols(chains, mpmath.mpc(s), z, eliminated)
        point = [mpmath.mpc(x) for x in (beta[0], beta[0].conj(), beta[1], beta[1].conj())]

        def d(f, *which):
            orders = [which.count(k) for k in range(4)]
            return mpmath.diff(f, tuple(point), tuple(orders)) if which else f(*point)

        tables = []
        for pair in jumps:
            L = [lambda *v, p=pair: p(*v)[0], lambda *v, p=pair: p(*v)[1]]
            first = [[d(f, k) for k in range(4)] for f in L]
            second = [[[d(f, k, c) for k in range(4)] for c in (1, 3)] for f in L]
            tables.append(([d(f) for f in L], first, second))
        for j in range(2):
            c = 2 * j + 1
            F = -1j * d(H, c) + sum((l[1] * f[0][c] - l[0] * f[1][c]) / 2 for l, f, _ in tables)
            assert abs(complex(F) - found["drift"][j]) < 1e-12
            for k in range(4):
                value = -1j * d(H, c, k)
                for l, f, h in tables:
                    value += (
                        f[1][k] * f[0][c]
                        + l[1] * h[0][j][k]
                        - f[0][k] * f[1][c]
                        - l[0] * h[1][j][k]
                    ) / 2
                wanted = found["u" if k % 2 == 0 else "v"][j, k // 2]
                assert abs(complex(value) - wanted) < 1e-12
        D = np.zeros((4, 4))
        omega = np.kron(np.eye(2), [[0, 1], [-1, 0]])
        for _, f, _ in tables:
            ell = np.array(
                [
                    [
                        complex(f[0][2 * j] + f[0][2 * j + 1]),
                        1j * complex(f[0][2 * j] - f[0][2 * j + 1]),
                    ]
                    for j in range(2)
                ]
            ).ravel() / np.sqrt(2)
            D += omega @ np.outer(ell.conj(), ell).real @ omega.T
        assert np.abs(D - found["diffusion"]).max() < 1e-12


@pytest.mark.parametrize("eliminated", [False, True])
def test_the_sphere_moves_as_the_amplitudes_do(eliminated):
    """Mean and covariance on the sphere against drift, Jacobian and diffusion of the amplitudes."""
    chains = SpinChains(n=(5, 7), exchange=0.4, coherent=0.3, **MODELS["spin baths"])
    beta, s, z = np.array([1 + 0.5j, -0.3 + 1.2j]), 0.2 + 0.1j, -0.4
    s = 0.0 if eliminated else s
    X = np.random.default_rng(1).normal(size=(4, 4))
    C = 0.5 * np.eye(4) + X @ X.T
    y = start_of(chains, beta, C, (s, 0.5 * z))
    rate = chain_flow(chains, eliminated, z)(0.0, y)
    h = 1e-6
    moved = [boson_rows(chains, (y + sign * h * rate)[None, :])[0] for sign in (1, -1)]
    found = (moved[0] - moved[1]) / (2 * h)
    parts = mean_field_parts(chains, beta, s, z, eliminated=eliminated)
    M = parts["jacobian"]
    wanted = (M @ C + C @ M.T + parts["diffusion"])[np.triu_indices(4)]
    np.testing.assert_allclose(found[:4], parts["drift"].view(float), atol=1e-9)
    np.testing.assert_allclose(found[4:], wanted, atol=1e-8)
    np.testing.assert_allclose(
        central_rows(chains, rate[None, :])[0] * (0.5, -0.5, 1.0), parts["spin"], atol=1e-13
    )


def test_the_spin_rates_are_the_bloch_equations():
    chains = SpinChains(n=(5, 7), g=(1.5, 2.4), omega0=0.7)
    beta, s, z = np.array([1 + 0.5j, -0.3 + 1.2j]), 0.2 + 0.1j, -0.4
    r = np.sqrt(1 - np.abs(beta) ** 2 / np.array(chains.n))
    G = np.sum(np.array(chains.g) * r * beta)
    X = np.sum(
        np.array(chains.g) * (np.abs(beta) ** 2 - np.array(chains.n) / 2) / np.sqrt(chains.n)
    )
    rate = mean_field_parts(chains, beta, s, z)["spin"]
    ds = -1j * (0.7 + 2 * X) * s + 1j * z * G
    assert np.abs(rate - [ds.real, ds.imag, 4 * np.imag(np.conj(s) * G)]).max() < 1e-14
    # the drift of the specification, loss through J−
    loss = SpinChains(n=(5, 7), g=(1.5, 2.4), omega0=0.7, loss=0.3, exchange=0.2)
    F = mean_field_parts(loss, beta, s, z)["drift"]
    for j in range(2):
        N, b, w, g = loss.n[j], beta[j], loss.omega[j], loss.g[j]
        bracket = (w * (0.04 + 1 / N) - 2 * w * 0.04 * abs(b) ** 2 / N + g * z / np.sqrt(N)) * b
        bracket += g * (s * r[j] - b * (np.conj(s) * b + s * np.conj(b)) / (2 * N * r[j]))
        assert abs(F[j] - (-1j * bracket - 0.15 * b * (1 - abs(b) ** 2 / N))) < 1e-14


def test_conserved_quantities():
    chains = SpinChains(n=(6, 4))
    result = qsp.mfsolve(
        chains,
        [1.0, 0.5j],
        np.linspace(0, 30, 61),
        central=(qutip.basis(2, 0) + qutip.basis(2, 1)).unit(),
    )
    assert result.stats["drift"]["n1+n2+σz/2"] < 1e-9
    assert result.stats["drift"]["|⟨σ⟩|"] < 1e-9
    # H itself, factorised
    b, s, z = (
        result.amplitudes,
        0.5 * (result.sigma[:, 0] - 1j * result.sigma[:, 1]),
        result.sigma[:, 2],
    )
    energy = 0.5 * chains.omega0 * z
    for j, (N, g, w) in enumerate(zip(chains.n, chains.g, chains.omega, strict=True)):
        n = np.abs(b[:, j]) ** 2
        energy = (
            energy + w * ((0.04 + 1 / N) * n - 0.04 * n**2 / N) + g / np.sqrt(N) * z * (n - N / 2)
        )
        energy = energy + 2 * g * np.real(np.conj(s) * np.sqrt(1 - n / N) * b[:, j])
    assert np.ptp(energy) < 1e-8
    assert any("not controlled" in text for text in result.stats["neglected"])


def test_errors_fall_like_one_over_n_without_a_central_spin():
    sizes = [4, 8, 16, 32]
    errors = errors_against_size(
        sizes,
        np.linspace(0, 1, 6),
        excitation=(0.3, 0.2),
        phase=(0, 1),
        ntraj=0,
        central=False,
        coherent=0.5,
        exchange=0.3,
    )
    for name in ("mean field: J−/N", "mean field: Jz/N", "covariance"):
        power, spread = fitted_power(sizes, errors[name])
        assert 0.9 < power < 1.5, name
        assert spread < 0.15
    assert errors["mean field: Jz/N"][-1] < 1e-3
    assert fitted_power([2, 4, 8], 3 / np.array([2.0, 4, 8]) ** 1.7)[0] == pytest.approx(1.7)


def test_the_initial_covariance_is_that_of_the_state():
    chains = SpinChains(n=(400, 400), central=False)
    state = chains.product_state(excitation=(0.3, 0.1), phase=(0.5, -1))
    exact = qsp.spin_moments(chains, state).covariance[0]
    errors = []
    for n in (100, 400):
        c = SpinChains(n=n, central=False)
        m = qsp.spin_moments(c, c.product_state(excitation=(0.3, 0.1), phase=(0.5, -1)))
        errors.append(np.abs(m.covariance[0] - coherent_covariance((0.3, 0.1), (0.5, -1))).max())
    assert errors[1] < 0.3 * errors[0]
    assert np.abs(exact - 0.5 * np.eye(4)).max() > 0.1


def test_adiabatic_elimination_against_the_exact_single_excitation():
    # the splitting of the two chain levels with one excitation and the central spin down
    N, g = 400, np.array([1.5, 2.4])
    chains = SpinChains(n=N, g=tuple(g), omega=0, exchange=0)
    u = mean_field_parts(chains, [0, 0], 0, -1, eliminated=True)["u"]
    found = np.ptp(np.linalg.eigvalsh(1j * u))
    X = -(g * np.sqrt(N) / 2).sum()
    H = np.array(
        [
            [0.5 + X, g[0], g[1]],
            [g[0], -0.5 - X - g[0] / np.sqrt(N), 0],
            [g[1], 0, -0.5 - X - g[1] / np.sqrt(N)],
        ]
    )
    levels = np.linalg.eigvalsh(H)
    exact = levels[2] - levels[1]
    assert abs(exact - 0.09350) < 5e-6
    assert abs(found - exact) < 2e-3 * exact
    assert abs(0.18990 - exact) > 0.9 * exact  # the published elimination counts twice


def test_the_eliminated_model_follows_the_dynamical_one_when_the_spin_is_fast():
    t = np.linspace(0, 20, 41)
    errors = []
    for omega0 in (40.0, 160.0):
        chains = SpinChains(n=(6, 6), g=(1.0, 0.8), omega0=omega0, loss=0.05)
        full = qsp.mfsolve(chains, [1.0, 0.4j], t)
        fast = qsp.mfsolve(chains, [1.0, 0.4j], t, closure="eliminated")
        errors.append(np.abs(full.amplitudes - fast.amplitudes).max())
        assert fast.stats["central spin"] == "eliminated"
    assert errors[1] < 0.3 * errors[0]
    assert errors[1] < 0.02


def test_the_polynomial_model_tends_to_the_square_root():
    chains = SpinChains(n=(9, 8), loss=0.1, thermal=0.2, gain=0.05, coherent=0.3, central=False)
    beta = np.array([0.4 + 0.2j, 0.3j])
    exact = mean_field_parts(chains, beta)
    errors = []
    for order in (1, 2, 3):
        system = mode_system(chains, order, expansion="taylor")
        errors.append(np.abs(system.jacobian(beta) - exact["jacobian"]).max())
    # normal ordering of n² in H and of the expansion leave terms of order 1/N² alone
    assert errors[-1] < 0.05
    # the same operators, whatever the way they are written: the exact generator
    small = SpinChains(n=(3, 3), loss=0.1, central=False, coherent=0.3, bath="boson")
    H, _ = mode_system(small, 3).qutip((4, 4))
    wanted = small.hamiltonian("bosons")
    shift = np.diag((H - wanted).full()).mean()
    assert np.abs((H - wanted).full() - shift * np.eye(16)).max() < 1e-12
    with_spin = mode_system(SpinChains(n=(9, 8), loss=0.1), 2)
    assert with_spin.symmetries.common_phase


def test_threads_do_not_share_scratch():
    from concurrent.futures import ThreadPoolExecutor

    chains = SpinChains(n=(6, 4), loss=0.1)
    t = np.linspace(0, 20, 11)
    alone = qsp.mfsolve(chains, [1.0, 0.5j], t).covariance
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: qsp.mfsolve(chains, [1.0, 0.5j], t), range(8)):
            assert np.array_equal(result.covariance, alone)


def test_bad_input():
    chains = SpinChains(n=(5, 5))
    with pytest.raises(ValueError, match="must stay below N_1=5"):
        qsp.mfsolve(chains, [2.5, 0], [0, 1])
    with pytest.raises(ValueError, match="must stay below"):
        mean_field_parts(chains, [0, 3])
    with pytest.raises(ValueError, match=r"must stay below|excitation"):
        qsp.mfsolve(chains, chains.product_state(excitation=1.0), [0, 1])
    with pytest.raises(ValueError, match="spin-coherent"):
        state = qutip.tensor(qutip.basis(2, 1), qutip.basis(6, 3), qutip.basis(6, 5))
        qsp.mfsolve(chains, state, [0, 1])
    with pytest.raises(ValueError, match="use representation='spins'"):
        qsp.mfsolve(SpinChains(n=5, geometry="chain"), [1, 0], [0, 1])
    with pytest.raises(ValueError, match="central spin"):
        qsp.mfsolve(SpinChains(n=5, central=False), [1, 0], [0, 1], closure="eliminated")
    with pytest.raises(ValueError, match="uncertainty"):
        qsp.mfsolve(chains, [1, 0], [0, 1], covariance0=0.1 * np.eye(4))
    with pytest.raises(ValueError, match="domain"):
        chain_equations(chains).polynomials()(0.0, [3.0, 0, 0, -0.5])


@pytest.mark.parametrize("n", [(3, 5), (40, 7)])
def test_to_the_sphere_and_back(n):
    """S−=√(N−|β|²)β, its derivatives by differences, and the way back."""
    chains = SpinChains(n=n)
    rng = np.random.default_rng(4)
    beta = rng.normal(size=2) * 0.7 + 1j * rng.normal(size=2) * 0.7
    A = rng.normal(size=(4, 4))
    covariance = A @ A.T

    def sphere(x):
        row = start_of(chains, x[0::2] + 1j * x[1::2], covariance, (0j, 0.0))
        return row[[0, 1, 2, 4, 5, 6]] * (1, -1, 1, 1, -1, 1)

    x = np.column_stack([beta.real, beta.imag]).ravel()
    W = np.array([(sphere(x + h) - sphere(x - h)) / 2e-6 for h in 1e-6 * np.eye(4)]).T / np.sqrt(2)
    row = start_of(chains, beta, covariance, (0j, 0.0))
    upper = np.triu_indices(6)
    np.testing.assert_allclose(row[12:], (W @ covariance @ W.T)[upper], rtol=1e-7, atol=1e-8)
    back = boson_rows(chains, np.array([row, row]))
    np.testing.assert_allclose(back[1, :4], x, rtol=1e-14)
    np.testing.assert_allclose(back[0, 4:], covariance[np.triu_indices(4)], rtol=1e-12)
