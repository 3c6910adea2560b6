"""The exact reduction against closed forms, the method of lines, and symmetries."""

import numpy as np
import pytest
import qutip
from lohe_reference import gram, lines
from numpy.testing import assert_allclose
from reduction_cases import GRID, HARMONIC, OMEGA, PSI, QUARTIC, THETA, TIMES, smooth
from scipy.integrate import solve_ivp

from qsyncplug import (
    GridHamiltonian,
    SchrodingerLohe,
    absolute_kernel,
    heavy_tail_kernel,
    slsolve,
)
from qsyncplug.core import Grid
from qsyncplug.core.errors import MissingFieldError

pytestmark = pytest.mark.filterwarnings(
    "ignore::qsyncplug.GlobalExistenceWarning", "ignore::qsyncplug.AliasingWarning"
)

ADJACENCY = np.array([[0, 1, 0, 0.5], [1, 0, 1, 0], [0, 1.0, 0, 1], [1, 0, 0.2, 0]])
SHIFTED = GridHamiltonian(GRID, lambda x: 0.3 * x**2 + 0.4 * x + 0.1)


def ones(r):
    return np.ones_like(r)


KINDS = {
    "standard": {},
    "model1, h(0)": dict(variant="model1", theta=THETA, alignment=0.7, kernel=1.0),
    "model1, heavy tail": dict(
        variant="model1", theta=THETA, alignment=0.7, kernel=heavy_tail_kernel(1.0, 1.5)
    ),
    "model2, absolute": dict(
        variant="model2", theta=THETA, alignment=0.7, kernel=absolute_kernel(0.5, 1.0)
    ),
    "model2, callable": dict(variant="model2", theta=THETA, alignment=0.7, kernel=smooth),
    "model2, frozen": dict(variant="model2", theta=THETA),
}


@pytest.mark.parametrize(
    "h, kind, extra",
    [
        *((HARMONIC, kind, {}) for kind in KINDS),
        (SHIFTED, "model1, heavy tail", {}),
        (QUARTIC, "model1, heavy tail", {}),
        (QUARTIC, "model2, callable", {}),
        (HARMONIC, "standard", dict(phase_lag=0.4)),
        (HARMONIC, "model2, absolute", dict(phase_lag=0.4)),
        (HARMONIC, "model1, heavy tail", dict(adjacency=ADJACENCY, phase_lag=0.2)),
        (
            HARMONIC,
            "standard",
            dict(adjacency=ADJACENCY, phase_lag=0.1 * np.arange(16).reshape(4, 4)),
        ),
    ],
)
def test_against_the_method_of_lines(h, kind, extra):
    kw = KINDS[kind]
    model = SchrodingerLohe(h, coupling=1.3, frequencies=OMEGA, **kw, **extra)
    result = slsolve(model, PSI, TIMES)
    kernel = kw.get("kernel", 1.0)
    by_distance = callable(kernel)
    psi, theta = lines(
        PSI,
        TIMES,
        k=1.3,
        kinetic=GRID.kinetic,
        potentials=np.broadcast_to(h.values, PSI.shape),
        weight=GRID.weight,
        variant=kw.get("variant", "standard"),
        omega=OMEGA,
        theta=kw.get("theta"),
        mu=kw.get("alignment", 0.0),
        h=kernel if by_distance else ones,
        positions=[GRID.axes[0]] if by_distance else None,
        coupling_matrix=model.coupling_matrix(4),
    )
    assert_allclose(result.gram, gram(psi, GRID.weight), atol=3e-11)
    assert_allclose(result.theta, theta, atol=3e-11)
    for k in range(len(TIMES)):
        assert_allclose(result.states[k], psi[k], atol=2e-9)
    norm = np.sum(np.abs(psi) ** 2, axis=2)
    assert_allclose(
        result.centres[:, :, 0], np.sum(np.abs(psi) ** 2 * GRID.axes[0], axis=2) / norm, atol=1e-9
    )
    zeta = np.mean(psi, axis=1)
    assert_allclose(
        result.order_parameter, np.sqrt(np.sum(np.abs(zeta) ** 2, axis=1) * GRID.weight), atol=1e-10
    )


@pytest.mark.filterwarnings("ignore::qsyncplug.UnstableSetWarning")
@pytest.mark.parametrize(
    "detuning, lag", [(0.0, 0.0), (0.15, 0.0), (0.5, 0.0), (0.9, 0.0), (0.2, 0.7)]
)
def test_two_oscillators_in_closed_form(detuning, lag):
    """ż = 2iΩz + (K/2)(1−z²), K=k cos α, ψ_1 with H+Ω and ψ_2 with H−Ω."""
    k, t = 1.0, np.linspace(0, 6, 13)
    model = SchrodingerLohe(HARMONIC, coupling=k, frequencies=[detuning, -detuning], phase_lag=lag)
    result = slsolve(model, [GRID.gaussian(1.0, 0.2), GRID.gaussian(-0.7)], t)
    z0, kappa = result.gram[0, 0, 1], k * np.cos(lag)
    root = np.sqrt(complex((kappa / 2) ** 2 - detuning**2))
    # Riccati: z = (z0 (c + iΩ s) + (K/2) s)/(c + ((K/2) z0 − iΩ) s), c=cosh(rt), s=sinh(rt)/r
    c = np.cosh(root * t)
    s = t if root == 0 else np.sinh(root * t) / root
    z = (z0 * (c + 1j * detuning * s) + kappa / 2 * s) / (c + (kappa / 2 * z0 - 1j * detuning) * s)
    assert_allclose(result.gram[:, 0, 1], z, atol=2e-11)


@pytest.mark.parametrize("d", [1, 2])
def test_uncoupled_coherent_states(d):
    """Coherent states in a harmonic trap follow the classical orbit: α→αe^{−iωt}, phase e^{−iωt/2}
    a dimension.
    """
    omega = (1.0, 1.3)[:d]
    grid = Grid((96,) * d, 20.0)
    h = GridHamiltonian(
        grid, lambda *x: sum(0.5 * w**2 * q**2 for w, q in zip(omega, x, strict=True))
    )
    start = [((1.0, -0.4)[:d], (0.3, 0.8)[:d]), ((-0.6, 0.2)[:d], (0.0, -0.5)[:d])]
    width = tuple(w**-0.5 for w in omega)

    def coherent(q, p):
        return grid.gaussian(q, p, width)

    result = slsolve(
        SchrodingerLohe(h, coupling=0.0), [coherent(*s) for s in start], [0.0, 0.4, 1.9]
    )
    for k, t in enumerate(result.times):
        for j, (q0, p0) in enumerate(start):
            q = [
                a * np.cos(w * t) + b / w * np.sin(w * t)
                for a, b, w in zip(q0, p0, omega, strict=True)
            ]
            p = [
                b * np.cos(w * t) - w * a * np.sin(w * t)
                for a, b, w in zip(q0, p0, omega, strict=True)
            ]
            exact = coherent(q, p) * np.exp(-0.5j * sum(omega) * t)
            assert_allclose(result.states[k][j], exact, atol=2e-11)
            assert_allclose(result.centres[k, j], q, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2])
def test_aligned_coherent_states_in_closed_form(d):
    """Two coherent states, Model 1, constant kernel: λ, z from ordinary differential equations in
    the Fock-free frame; centres from the matrix elements ⟨α|x|β⟩ of coherent states."""
    omega, mu, k = 1.0, 0.8, 1.1
    grid = Grid((96,) * d, 18.0)
    h = GridHamiltonian(grid, lambda *x: sum(0.5 * omega**2 * q**2 for q in x))
    points = np.array([[0.9, -0.3][:d], [-0.5, 0.7][:d]])
    theta0 = np.array([1.1, 0.9])
    model = SchrodingerLohe(h, coupling=k, variant="model1", theta=theta0, alignment=mu)
    psi0 = [grid.gaussian(tuple(q)) for q in points]
    t = np.array([0.0, 0.7, 2.5])
    result = slsolve(model, psi0, t)
    # coefficients in the two coherent states themselves, with their overlap matrix as metric
    alpha = points / np.sqrt(2)
    overlap = np.array([[np.exp(-0.5 * np.sum((a - b) ** 2)) for b in alpha] for a in alpha])

    def rhs(s, y):
        a = y[:4].reshape(2, 2)
        th = 1 + (theta0 - 1) * np.exp(-mu * s)
        zeta = a.mean(axis=0)
        out = [
            0.5
            * k
            * (
                th[j] * zeta
                - (zeta.conj() @ overlap @ a[j]) / (a[j].conj() @ overlap @ a[j]) * a[j]
            )
            for j in (0, 1)
        ]
        return np.ravel(out)

    y = solve_ivp(
        rhs,
        (0, t[-1]),
        np.eye(2, dtype=complex).ravel(),
        method="DOP853",
        t_eval=t,
        rtol=1e-13,
        atol=1e-14,
    ).y.T
    for i, s in enumerate(t):
        a = y[i].reshape(2, 2)
        assert_allclose(result.gram[i], a.conj() @ overlap @ a.T, atol=1e-11)
        turned = alpha * np.exp(-1j * omega * s)
        for axis in range(d):
            x = (turned[:, None, axis].conj() + turned[None, :, axis]) / np.sqrt(2) * overlap
            exact = (
                np.einsum("ja,ab,jb->j", a.conj(), x, a).real
                / np.einsum("ja,ab,jb->j", a.conj(), overlap, a).real
            )
            assert_allclose(result.centres[i, :, axis], exact, atol=1e-11)
    assert_allclose(result.theta, 1 + (theta0 - 1) * np.exp(-mu * t)[:, None], rtol=1e-14)


@pytest.mark.parametrize("variant", ["standard", "model1", "model2"])
def test_qobj_against_the_method_of_lines(variant, rng):
    a = rng.normal(size=(7, 7)) + 1j * rng.normal(size=(7, 7))
    h = qutip.Qobj(a + a.conj().T, dims=[[7], [7]])
    x = rng.normal(size=(7, 7))
    x = qutip.Qobj(x + x.T)
    kw = (
        {}
        if variant == "standard"
        else dict(theta=[1.2, 1.0, 0.8], alignment=0.5, kernel=heavy_tail_kernel(), position=x)
    )
    model = SchrodingerLohe(h, coupling=0.9, variant=variant, frequencies=[0.1, 0, -0.2], **kw)
    kets = [qutip.rand_ket(7, seed=s) for s in (1, 2, 3)]
    t = np.linspace(0, 1.5, 4)
    result = slsolve(model, kets, t, e_ops={"x": x, "norm": lambda t, s: s[0].norm()})
    psi, theta = lines(
        [q.full().ravel() for q in kets],
        t,
        k=0.9,
        hamiltonians=np.array([h.full()] * 3),
        variant=variant,
        omega=[0.1, 0, -0.2],
        theta=kw.get("theta"),
        mu=kw.get("alignment", 0.0),
        h=kw.get("kernel"),
        positions=[x.full()] if kw else None,
    )
    assert_allclose(result.gram, gram(psi), atol=1e-10)
    assert_allclose(result.theta, theta, atol=1e-10)
    assert result.states[1][0].isket and result.states[1][0].dims == [[7], [1]]
    assert_allclose([s.full().ravel() for s in result.states[-1]], psi[-1], atol=1e-9)
    mean = np.einsum("tja,ab,tjb->tj", psi.conj(), x.full(), psi).real / np.sum(
        np.abs(psi) ** 2, axis=2
    )
    assert_allclose(result.e_data["x"], mean, atol=1e-9)
    assert_allclose(result.expectation(x), mean, atol=1e-9)
    assert_allclose(result.e_data["norm"], np.sqrt(result.masses[:, 0]), atol=1e-12)
    if kw:
        assert_allclose(result.centres[:, :, 0], mean, atol=1e-9)
    else:
        with pytest.raises(MissingFieldError, match="position"):
            _ = result.centres


def test_kuramoto_is_the_special_case_of_one_level(rng):
    """ψ=e^{iS}: Ṡ_j = −Ω_j + (k/N) Σ_l sin(S_l−S_j+α)."""
    n, k, lag = 6, 1.4, 0.3
    omega, s0 = rng.normal(size=n), rng.uniform(0, 2 * np.pi, n)
    model = SchrodingerLohe(qutip.Qobj([[0.0]]), coupling=k, frequencies=omega, phase_lag=lag)
    t = np.linspace(0, 5, 6)
    result = slsolve(model, np.exp(1j * s0)[:, None], t)
    s = solve_ivp(
        lambda _, s: -omega + k * np.mean(np.sin(s[None] - s[:, None] + lag), axis=1),
        (0, 5),
        s0,
        t_eval=t,
        method="DOP853",
        rtol=1e-13,
        atol=1e-13,
    ).y.T
    assert_allclose(
        result.coefficients[:, :, 0] * result._setup.motion.start[0, 0], np.exp(1j * s), atol=1e-10
    )


def test_complete_graph_is_the_mean_field():
    for kw in KINDS.values():
        a = slsolve(SchrodingerLohe(HARMONIC, 1.3, frequencies=OMEGA, **kw), PSI, TIMES)
        b = slsolve(
            SchrodingerLohe(HARMONIC, 1.3, frequencies=OMEGA, adjacency=1 - np.eye(4), **kw),
            PSI,
            TIMES,
        )
        assert_allclose(a.gram, b.gram, atol=1e-12)


@pytest.mark.parametrize("omega", [0.5, 40.0])
def test_rotating_frame_changes_nothing(omega):
    """A spread beyond 2k is taken out of the equations."""
    rates = omega * np.array([1.0, -0.5, 0.3, -0.8])
    result = slsolve(SchrodingerLohe(HARMONIC, 1.0, frequencies=rates), PSI, [0.0, 0.5, 1.0])
    assert result._setup.rotating == (omega > 5)
    psi, _ = lines(
        PSI,
        [0.0, 0.5, 1.0],
        k=1.0,
        kinetic=GRID.kinetic,
        potentials=np.broadcast_to(HARMONIC.values, PSI.shape),
        weight=GRID.weight,
        omega=rates,
    )
    assert_allclose(result.gram, gram(psi, GRID.weight), atol=2e-10)


def test_time_dependent_common_hamiltonians():
    h = GridHamiltonian(
        GRID, lambda t, x: 0.5 * (1 + 0.3 * np.sin(2 * t)) * x**2, time_dependent=True
    )
    kw = dict(theta=THETA, alignment=0.7)
    kernel = heavy_tail_kernel()
    model = SchrodingerLohe(h, 1.0, "model2", frequencies=OMEGA, kernel=kernel, **kw)
    result = slsolve(model, PSI, [0.2, 1.2])
    import scipy.integrate

    axis, w = GRID.axes[0], GRID.weight

    def rhs(t, y):
        psi, th = y[:-4].reshape(4, -1), y[-4:].real
        out = (
            np.fft.ifft(GRID.kinetic * np.fft.fft(psi))
            + h.values_at(t) * psi
            + OMEGA[:, None] * psi
        )
        zeta = psi.mean(axis=0)
        s = psi @ zeta.conj() * w
        x = np.sum(np.abs(psi) ** 2 * axis, axis=1) / np.sum(np.abs(psi) ** 2, axis=1)
        dth = 0.7 / 4 * np.sum(kernel(np.abs(x[:, None] - x)) * (th - th[:, None]), axis=1)
        return np.concatenate(
            [(-1j * out + 0.5 * (th[:, None] * zeta - s[:, None] * psi)).ravel(), dth]
        )

    y = scipy.integrate.solve_ivp(
        rhs,
        (0.2, 1.2),
        np.concatenate([PSI.ravel(), THETA.astype(complex)]),
        method="DOP853",
        rtol=1e-12,
        atol=1e-13,
    ).y[:, -1]
    assert_allclose(result.states[-1], y[:-4].reshape(4, -1), atol=2e-9)
    assert_allclose(result.theta[-1], y[-4:].real, atol=1e-10)


def test_time_dependent_qobj():
    a = qutip.destroy(5)
    h = qutip.QobjEvo([a.dag() * a, [a + a.dag(), lambda t: np.cos(t)]])
    kets = [qutip.basis(5, 0), qutip.coherent(5, 0.5)]
    result = slsolve(SchrodingerLohe(h, 1.0), kets, [0.0, 1.0])
    from scipy.integrate import solve_ivp

    def rhs(t, y):
        psi = y.reshape(2, 5)
        zeta = psi.mean(axis=0)
        return (
            -1j * psi @ h(t).full().T
            + 0.5 * (zeta - (psi @ zeta.conj() / np.sum(np.abs(psi) ** 2, axis=1))[:, None] * psi)
        ).ravel()

    y = solve_ivp(
        rhs,
        (0, 1),
        np.concatenate([k.full().ravel() for k in kets]),
        method="DOP853",
        rtol=1e-12,
        atol=1e-13,
    ).y[:, -1]
    assert_allclose(
        np.array([s.full().ravel() for s in result.states[-1]]), y.reshape(2, 5), atol=1e-9
    )
