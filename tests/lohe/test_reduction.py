"""The exact reduction against closed forms, the method of lines, and symmetries."""

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from lohe_reference import gram, lines
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

import qsyncplug.core.storage as storage
from qsyncplug import (
    AliasingError,
    GridHamiltonian,
    SchrodingerLohe,
    SchrodingerLoheSolver,
    absolute_kernel,
    heavy_tail_kernel,
    slsolve,
)
from qsyncplug.core import Grid
from qsyncplug.core.errors import MissingFieldError, StepLimitError
from qsyncplug.waves.factors import factorize

pytestmark = pytest.mark.filterwarnings(
    "ignore::qsyncplug.GlobalExistenceWarning", "ignore::qsyncplug.AliasingWarning"
)

GRID = Grid(96, 18.0)
TIMES = np.linspace(0, 2, 5)
OMEGA = np.array([0.5, -0.3, 0.2, -0.1])
THETA = np.array([1.2, 0.9, 1.1, 0.8])
PSI = np.array(
    [
        GRID.gaussian(c, p) * s
        for c, p, s in [(1, 0.3, 1), (-1.2, 0, 0.8), (0.3, -0.5, 1.1), (0, 1, 0.9)]
    ]
)
ADJACENCY = np.array([[0, 1, 0, 0.5], [1, 0, 1, 0], [0, 1.0, 0, 1], [1, 0, 0.2, 0]])
HARMONIC = GridHamiltonian(GRID, lambda x: x**2 / 2)
QUARTIC = GridHamiltonian(GRID, lambda x: 0.05 * x**4 - 0.3 * x**2)
SHIFTED = GridHamiltonian(GRID, lambda x: 0.3 * x**2 + 0.4 * x + 0.1)


def ones(r):
    return np.ones_like(r)


def smooth(r):
    return 0.5 + 1 / (1 + r**2)


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


def test_factorisation_reveals_the_rank(rng):
    a = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 50)) + 0j
    for psi in (a, a.T.copy()):
        x, q = factorize(psi, weight=0.25)
        assert x.shape[1] == 3
        assert_allclose(x @ q, psi, atol=1e-13)
        assert_allclose(q.conj() @ q.T * 0.25, np.eye(3), atol=1e-13)


def test_cost_does_not_depend_on_the_grid_and_states_are_made_on_request():
    counts = []
    for points in (64, 1024):
        grid = Grid(points, 16.0)
        model = SchrodingerLohe(GridHamiltonian(grid, lambda x: x**2 / 2))
        result = slsolve(model, [grid.gaussian(1.0), grid.gaussian(-1.0)], [0, 5.0])
        counts.append(result.stats["right-hand sides"])
        assert not hasattr(result._setup.motion, "energies")
        assert result.coefficients.shape == (2, 2, 2)
    assert counts[0] == counts[1]


def test_stored_states_equal_those_made_on_request():
    model = SchrodingerLohe(HARMONIC, frequencies=OMEGA)
    a = slsolve(model, PSI, TIMES)
    b = slsolve(model, PSI, TIMES, options={"store_states": True})
    for k in range(len(TIMES)):
        assert_allclose(a.states[k], b.states[k], atol=1e-13)
    assert len(a.states[1:3]) == 2 and a.final_state.shape == PSI.shape


def test_moments_and_expectation_values():
    """A coherent state in the unit trap: variances ½, covariance 0."""
    model = SchrodingerLohe(HARMONIC, coupling=0.0)
    result = slsolve(model, [GRID.gaussian(1.0, 0.5)], [0.0, 1.0, 2.0])
    mean, covariance = result.moments()
    t = result.times
    assert_allclose(mean[:, 0, 0], np.cos(t) + 0.5 * np.sin(t), atol=1e-12)
    assert_allclose(mean[:, 0, 1], 0.5 * np.cos(t) - np.sin(t), atol=1e-12)
    assert_allclose(covariance[:, 0], np.broadcast_to(0.5 * np.eye(2), (3, 2, 2)), atol=1e-11)
    assert_allclose(
        result.expectation(GRID.axes[0] ** 2)[:, 0], mean[:, 0, 0] ** 2 + 0.5, atol=1e-11
    )
    energy = result.expectation(lambda psi: HARMONIC.apply(psi))[:, 0]
    assert_allclose(energy, 0.5 * (1 + 0.25) + 0.5, atol=1e-11)


def test_files(tmp_path):
    model = SchrodingerLohe(
        HARMONIC, 1.3, "model2", theta=THETA, alignment=0.7, kernel=heavy_tail_kernel()
    )
    result = slsolve(model, PSI, TIMES)
    result.save(tmp_path / "run.npz")
    again = storage.load(tmp_path / "run.npz")
    assert_allclose(again.gram, result.gram, rtol=0, atol=0)
    assert_allclose(again.states[3], result.states[3], atol=1e-13)
    assert_allclose(again.centres, result.centres, atol=1e-13)
    assert again.model.variant == "model2" and "model2" in repr(again)
    # a kernel that is a callable cannot be stored; the arrays can
    result = slsolve(
        SchrodingerLohe(HARMONIC, 1.3, "model2", theta=THETA, alignment=0.7, kernel=smooth),
        PSI,
        TIMES,
    )
    result.save(tmp_path / "run2.npz")
    again = storage.load(tmp_path / "run2.npz")
    assert again.model is None and np.array_equal(again.gram, result.gram)


def test_xarray():
    result = slsolve(SchrodingerLohe(HARMONIC), PSI, TIMES)
    data = result.to_xarray()
    assert data["gram"].dims == ("time", "oscillator", "other") and data["centres"].shape == (
        5,
        4,
        1,
    )


def test_stepping_by_hand():
    model = SchrodingerLohe(HARMONIC, frequencies=OMEGA)
    solver = SchrodingerLoheSolver(model)
    solver.start(PSI, 0.0)
    result = slsolve(model, PSI, TIMES)
    for k in (1, 2, 4):
        assert_allclose(solver.step(TIMES[k]), result.states[k], atol=1e-10)


def test_limits_and_partial_results():
    with pytest.raises(StepLimitError) as info:
        slsolve(SchrodingerLohe(HARMONIC), PSI, np.linspace(0, 50, 101), options={"nsteps": 10})
    partial = info.value.result
    assert 0 < len(partial.times) < 101 and partial.gram.shape == (len(partial.times), 4, 4)


def test_edges_of_the_grid():
    free = GridHamiltonian(GRID)
    with pytest.raises(AliasingError, match="longer box") as info:
        slsolve(
            SchrodingerLohe(free),
            [GRID.gaussian(5.0, 3.0), GRID.gaussian(0.0)],
            [0, 1, 2.0],
            options={"store_states": True},
        )
    assert 0 < info.value.time <= 2
    with pytest.raises(AliasingError, match="more points"):
        slsolve(SchrodingerLohe(free), [GRID.gaussian(0.0, 15.0), GRID.gaussian(0.0)], [0, 1.0])


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 5),
    st.integers(0, 2**31),
    st.sampled_from(["standard", "model1", "model2"]),
)
def test_invariants(n, dim, seed, variant):
    """Norms of the standard model, mean θ, |z|≤1, and covariance under a common unitary."""
    rng = np.random.default_rng(seed)
    psi = rng.normal(size=(n, dim)) + 1j * rng.normal(size=(n, dim))
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    h = qutip.Qobj(np.diag(rng.normal(size=dim)))
    u = qutip.rand_unitary(dim, seed=seed % 1000).full()
    kw = {}
    if variant == "model2":
        theta = rng.uniform(0.5, 1.5, n)
        kw = dict(theta=theta / theta.mean(), alignment=0.4)
    model = SchrodingerLohe(
        h, coupling=rng.uniform(0.1, 2), variant=variant, frequencies=rng.normal(size=n), **kw
    )
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = slsolve(model, psi, [0.0, 0.7, 1.5])
        turned = slsolve(model, psi @ u.T, [0.0, 0.7, 1.5])
    if variant != "model2":
        assert_allclose(result.masses, 1.0, atol=1e-10)
    assert_allclose(result.theta.mean(axis=1), 1.0, atol=1e-12)
    assert np.all(np.abs(result.correlations) <= 1 + 1e-12)
    # the coupling commutes with a common unitary, so the Gram matrices agree
    assert_allclose(turned.gram, result.gram, atol=1e-10)


def test_the_compiled_equations_with_a_metric(rng):
    """Vector-valued states with weights ±1: the right-hand side with the indefinite metric of the
    reduced basis.
    """
    from qsyncplug._ext.lohe import LoheRightHandSide

    from qsyncplug.waves.factors import factorize_blocks

    n, blocks, m = 4, 3, 6
    signs, weight = np.array([1.0, -1.0, 1.0]), 0.3
    psi = rng.normal(size=(n, blocks, m)) + 1j * rng.normal(size=(n, blocks, m))
    x, q, metric = factorize_blocks(psi, signs, weight)
    assert_allclose(np.einsum("jr,ram->jam", x, q), psi, atol=1e-12)
    gram = np.einsum("a,jam,kam->jk", signs, psi.conj(), psi) * weight
    assert_allclose(x.conj() @ metric @ x.T, gram, atol=1e-12)
    assert np.linalg.eigvalsh(metric).min() < -0.1
    theta = rng.uniform(0.5, 1.5, n)
    rhs = LoheRightHandSide(
        n,
        x.shape[1],
        1.2,
        False,
        theta,
        metric=metric,
        frequencies=np.arange(n),
        factor=np.exp(0.3j),
    )
    out = rhs(0.0, x.ravel()).reshape(x.shape)
    # in the frame that turns with the mean frequency, here zero by the default frame
    zeta = np.exp(0.3j) * psi.mean(axis=0)
    s = np.einsum("a,am,jam->j", signs, zeta.conj(), psi) * weight
    exact = (
        0.6 * (theta[:, None, None] * zeta - s[:, None, None] * psi)
        - 1j * np.arange(n)[:, None, None] * psi
    )
    assert_allclose(np.einsum("jr,ram->jam", out, q), exact, atol=1e-12)


def test_three_dimensions():
    """Uncoupled coherent states in closed form, and the coupled run against the splitting, on 16³
    points.
    """
    grid = Grid((16, 16, 16), 11.0)
    h = GridHamiltonian(grid, lambda x, y, z: 0.5 * (x**2 + y**2 + z**2))
    start = [(0.4, 0.0, -0.3), (-0.2, 0.5, 0.1)]
    psi = [grid.gaussian(c) for c in start]
    t = np.array([0.0, 0.8])
    free = slsolve(SchrodingerLohe(h, 0.0), psi, t)
    assert_allclose(free.centres[1], np.cos(0.8) * np.array(start), atol=1e-6)
    model = SchrodingerLohe(
        h, 1.0, "model2", theta=[1.2, 0.8], alignment=1.0, kernel=heavy_tail_kernel()
    )
    a = slsolve(model, psi, t)
    b = slsolve(
        model,
        psi,
        t,
        options={"method": "splitting", "store_states": True, "rtol": 1e-10, "atol": 1e-12},
    )
    assert_allclose(a.gram, b.gram, atol=1e-7)
    assert_allclose(a.centres, b.centres, atol=1e-6)
    assert_allclose(a.states[1], b.states[1], atol=1e-6)
    assert_allclose(a.zeta(1), a.states[1].mean(axis=0), atol=1e-14)


def test_anharmonic_potential_in_two_dimensions():
    """No closed form and no diagonalisation: the positions are interpolated in time from a stepped
    basis.
    """
    grid = Grid((32, 32), 11.0)
    h = GridHamiltonian(grid, lambda x, y: 0.5 * (x**2 + 1.4 * y**2) + 0.05 * x**2 * y**2)
    psi = np.array([grid.gaussian((0.5, -0.3)), 0.9 * grid.gaussian((-0.4, 0.2), (0.2, 0.0))])
    kernel = heavy_tail_kernel()
    model = SchrodingerLohe(h, 1.0, "model2", theta=[1.2, 0.8], alignment=1.0, kernel=kernel)
    t = np.array([0.0, 0.6, 1.5])
    result = slsolve(model, psi, t)
    exact, theta = lines(
        psi,
        t,
        k=1.0,
        kinetic=grid.kinetic,
        potentials=np.broadcast_to(h.values, psi.shape),
        weight=grid.weight,
        variant="model2",
        theta=[1.2, 0.8],
        mu=1.0,
        h=kernel,
        positions=[np.broadcast_to(x, grid.shape) for x in grid.mesh],
        rtol=1e-10,
        atol=1e-12,
    )
    assert_allclose(result.theta, theta, atol=1e-9)
    assert_allclose(result.gram, gram(exact, grid.weight), atol=1e-9)
    assert_allclose(result.states[2], exact[2], atol=1e-8)
    assert_allclose(result.states[0], psi, atol=1e-12)


def test_runs_from_any_time_and_with_one_output():
    kw = dict(
        variant="model2", theta=THETA, alignment=0.7, kernel=heavy_tail_kernel(), frequencies=OMEGA
    )
    for h in (HARMONIC, QUARTIC):
        model = SchrodingerLohe(h, 1.3, **kw)
        a, b = slsolve(model, PSI, [0.0, 1.0]), slsolve(model, PSI, [5.0, 6.0])
        assert_allclose(a.gram, b.gram, atol=1e-11)
        assert_allclose(a.theta, b.theta, atol=1e-11)
        assert_allclose(a.centres, b.centres, atol=1e-10)
        assert_allclose(a.states[1], b.states[1], atol=1e-10)
        one = slsolve(model, PSI, [2.0])
        assert one.gram.shape == (1, 4, 4)
        assert_allclose(one.states[0], PSI, atol=1e-12)


def test_a_single_oscillator():
    """Standard: no coupling to itself. Model 2: n˙=k n(θ−n)."""
    psi = [2 * GRID.gaussian(0.5)]
    assert_allclose(slsolve(SchrodingerLohe(HARMONIC, 1.0), psi, [0, 2.0]).masses, 4, rtol=1e-11)
    masses = slsolve(SchrodingerLohe(HARMONIC, 1.0, "model2"), psi, [0, 2.0]).masses
    assert_allclose(masses[1, 0], 4 * np.exp(2) / (1 + 4 * (np.exp(2) - 1)), rtol=1e-11)


def test_large_common_frequency_costs_nothing():
    a = slsolve(SchrodingerLohe(HARMONIC, 1.0, frequencies=OMEGA), PSI, TIMES)
    b = slsolve(SchrodingerLohe(HARMONIC, 1.0, frequencies=OMEGA + 1e4), PSI, TIMES)
    assert a.stats["right-hand sides"] == b.stats["right-hand sides"]
    assert_allclose(a.gram, b.gram, atol=1e-11)
    assert_allclose(b.states[2], a.states[2] * np.exp(-1e4j * TIMES[2]), atol=1e-9)


def test_progress_and_checkpoints(tmp_path, capsys):
    path = tmp_path / "c.npz"
    for method in ("reduction", "splitting", "mobius"):
        slsolve(
            SchrodingerLohe(HARMONIC),
            PSI / np.sqrt(np.sum(np.abs(PSI) ** 2, axis=1) * GRID.weight)[:, None],
            TIMES,
            options={"method": method, "progress_bar": "text", "checkpoint": str(path)},
        )
        assert storage.load(path).gram.shape == (5, 4, 4)
    assert "Total run time" in capsys.readouterr().out


def test_coefficients_that_are_not_kept():
    result = slsolve(SchrodingerLohe(HARMONIC), PSI, TIMES, options={"store_coefficients": False})
    assert result.masses.shape == (5, 4) and result.coefficients is None
    with pytest.raises(MissingFieldError, match="store_coefficients"):
        _ = result.gram


@pytest.mark.parametrize(
    "masses, k, omega, end",
    [
        ((1.2, 0.7), 2.0, 0.073, 80.0),
        ((0.79, 0.5), 1.0, 0.026, 80.0),
        ((1.0, 1.0), 1.0, 0.0, 300.0),
    ],
)
def test_outputs_at_rest_are_as_accurate_as_on_the_way(masses, k, omega, end):
    """Steps at the edge of stability were interpolated with errors of 1e-7."""
    from qsyncplug import effective_coupling, two_oscillator_correlation

    rng = np.random.default_rng(1)
    psi = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3)) + 2.0
    psi *= (np.array(masses) / np.linalg.norm(psi, axis=1))[:, None]
    model = SchrodingerLohe(qutip.qzero(3), k, frequencies=[omega, -omega])
    t = np.linspace(0, end, 601)
    result = slsolve(model, psi, t)
    z = two_oscillator_correlation(
        result.correlations[0, 0, 1], t, effective_coupling(k, masses), omega
    )
    assert_allclose(result.correlations[:, 0, 1], z, atol=2e-10)
