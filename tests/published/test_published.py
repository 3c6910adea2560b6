import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import qsyncplug as qsp
from qsyncplug.core.errors import NonFiniteError
from qsyncplug.published import figures as published_figures
from qsyncplug.published.chains import PublishedSpinChains
from qsyncplug.published.corrections import CORRECTIONS
from qsyncplug.published.result import complete_synchronization, phase_synchronization
from qsyncplug.published.solver import SingularEquationsError, mfsolve_published
from qsyncplug.published.statements import log_negativity

from .printed_equations import Printed

NAMES = list(CORRECTIONS)
EXACT = ("b_bracket", "e_exact")


def random_model(rng, **kw):
    values = {
        "n": tuple(int(v) for v in rng.integers(2, 12, 2)),
        "g": tuple(rng.uniform(0.5, 3, 2)),
        "sigma_z": rng.uniform(-1, 1),
        "omega": tuple(rng.uniform(0.5, 2, 2)),
        "exchange": rng.uniform(0, 1),
        "linear_loss": rng.uniform(0, 0.1),
        "nonlinear_loss": rng.uniform(0, 0.1),
    }
    return PublishedSpinChains(**{**values, **kw})


def derivatives(model, t, beta, h=2e-5):
    """Numerical ∂F_j/∂β_k and ∂F_j/∂β_k* in the layout of the E matrix."""
    out = np.empty((2, 4), dtype=complex)
    for k in range(2):
        parts = []
        for direction in (1, 1j):
            d = direction * np.eye(2)[k]
            ends = [
                model.drift(t, beta + s * h * d) - model.drift(t, beta - s * h * d)
                for s in (1, 2, 3)
            ]
            parts.append((45 * ends[0] - 9 * ends[1] + ends[2]) / (60 * h))
        out[:, 2 * k], out[:, 2 * k + 1] = (
            (parts[0] - 1j * parts[1]) / 2,
            (parts[0] + 1j * parts[1]) / 2,
        )
    return out


# ------------------------------------------------------------------ the printed equations


@pytest.mark.parametrize("seed", range(12))
def test_printed_equations_to_eleven_digits(seed):
    rng = np.random.default_rng(seed)
    model = random_model(rng, exchange=0.0) if seed < 2 else random_model(rng)
    beta, t = rng.normal(size=2) + 1j * rng.normal(size=2), rng.uniform(0, 40)
    paper = Printed(
        model.n,
        model.g,
        model.sigma_z,
        model.omega,
        model.exchange,
        model.linear_loss,
        model.nonlinear_loss,
        t,
        beta,
    )
    for ours, theirs in (
        (model.drift(t, beta), paper.drift()),
        (model.langevin_drift(t, beta), paper.langevin()),
        (model.fluctuation_matrix(t, beta), paper.fluctuations()),
    ):
        theirs = np.array(theirs)
        assert np.abs(ours - theirs).max() < 1e-11 * np.abs(theirs).max()
    warm = PublishedSpinChains(**{**_fields(model), "thermal": 1.7})
    V1, V2 = paper.noise(1.7)
    np.testing.assert_allclose(warm.diffusion(t, beta), np.diag([V1, V1, V2, V2]), rtol=1e-12)


def _fields(model):
    return {k: v for k, v in model.to_dict().items() if k != "kind"}


def test_terms_of_appendix_c_that_the_paper_drops():
    # by hand at t=0, N=4, beta=(2, 0): A1=3/4, A2=1; X=1.5*(4-4)/2+2.4*(0-4)/2
    model = PublishedSpinChains(n=(4, 4), exchange=0.5)
    F1, F2 = model.neglected_term(0.0, [2.0, 0.0])
    X = 2.4 * -2
    first = -2 * 0.75 * 2 + 3 * 2 * 4 / 8 - 4 + (5 * 4 / 8 - 12 * 0.75 - 1)
    second = -12 - 1 + 2 * 2.0 * (-1)
    assert pytest.approx(1j * 1.5 * -0.1 / X * first, rel=1e-14) == F1
    # g1 in F2 as well: so it is printed
    assert pytest.approx(1j * 1.5 * -0.1 / X * second, rel=1e-14) == F2


def test_quadratures_of_the_fluctuation_matrix():
    rng = np.random.default_rng(3)
    model = random_model(rng)
    beta = rng.normal(size=2) + 1j * rng.normal(size=2)
    E, M = model.fluctuation_matrix(2.0, beta), model.drift_matrix(2.0, beta)
    Y = rng.normal(size=4)
    b = (Y[0::2] + 1j * Y[1::2]) / np.sqrt(2)
    rate = E @ np.array([b[0], b[0].conj(), b[1], b[1].conj()])
    moved = M @ Y
    np.testing.assert_allclose((moved[0::2] + 1j * moved[1::2]) / np.sqrt(2), rate, rtol=1e-12)


# ------------------------------------------------------------------ corrections


def test_the_jacobian_of_the_specification_at_no_exchange():
    """At R=0 the five corrections of E1, E2, E7, E8 give the exact Jacobian, X held fixed."""
    rng = np.random.default_rng(5)
    beta = rng.normal(size=2) + 1j * rng.normal(size=2)
    piecewise = ("b_bracket", "e_quintic", "e_squared", "e_self", "e1_cross", "e_anomalous")
    model = random_model(rng, exchange=0.0, corrections=piecewise)
    exact = PublishedSpinChains(**{**_fields(model), "corrections": EXACT})
    np.testing.assert_allclose(
        model.fluctuation_matrix(1.0, beta), exact.fluctuation_matrix(1.0, beta), rtol=1e-12
    )
    for missing in piecewise[1:]:
        partial = PublishedSpinChains(
            **{**_fields(model), "corrections": tuple(set(piecewise) - {missing})}
        )
        difference = partial.fluctuation_matrix(1.0, beta) - exact.fluctuation_matrix(1.0, beta)
        assert np.abs(difference).max() > 1e-5, missing


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.sets(st.sampled_from(NAMES)), st.booleans())
def test_exact_jacobian_of_every_combination(seed, names, frozen):
    rng = np.random.default_rng(seed)
    names = (names | {"e_exact", "e_x"}) - {"a_operator" if "a_channels" in names else ""}
    beta, t = 0.7 * (rng.normal(size=2) + 1j * rng.normal(size=2)), rng.uniform(0, 3)
    model = random_model(rng, corrections=tuple(names), detuning=-1.0)
    if frozen:
        model = model.frozen(beta)
    E = model.fluctuation_matrix(t, beta)
    # beside a zero of the denominator differences say nothing
    assume(np.abs(E).max() < 1e5)
    assert np.abs(E - derivatives(model, t, beta)).max() < 1e-8 * max(1.0, np.abs(E).max())


def test_freezing_x_changes_the_jacobian():
    model = PublishedSpinChains(corrections=(*EXACT, "e_x"))
    fixed = PublishedSpinChains(corrections=EXACT)
    beta = np.array([1.0, 0.8j])
    np.testing.assert_allclose(
        fixed.fluctuation_matrix(0, beta), derivatives(fixed.frozen(beta), 0, beta), atol=1e-9
    )
    difference = np.abs(model.fluctuation_matrix(0, beta) - fixed.fluctuation_matrix(0, beta)).max()
    assert difference > 0.1 * np.abs(model.fluctuation_matrix(0, beta)).max()


@pytest.mark.parametrize(
    "names",
    [
        ("b_bracket",),
        ("b_bracket", "a1_commutator"),
        ("b_bracket", "eq4_commutator", "eq7_factor_two", "eq7_shift"),
        ("b_bracket", "eq7_x_operator"),
        "all",
    ],
)
def test_the_flow_is_that_of_the_hamiltonian(names):
    """β̇_j = −i∂H/∂β_j* ± iθβ_j with H the corrected (7)."""
    rng = np.random.default_rng(11)
    base = PublishedSpinChains(corrections=names).corrections
    model = random_model(
        rng,
        linear_loss=0.0,
        nonlinear_loss=0.0,
        detuning=-0.5,
        corrections=(*base, "eq7_prefactor", "eq8_signs"),
    )
    beta, t, h = rng.normal(size=2) + 1j * rng.normal(size=2), 2.3, 1e-3
    if "eq7_x_operator" not in model.corrections:
        shifted = "eq7_shift" in model.corrections
        shift = -model.sigma_z * np.array(model.g) / np.sqrt(model.n) * shifted
        model = model.frozen(beta)
    else:
        shift = np.zeros(2)
    gradient = np.empty(2, dtype=complex)
    for k in range(2):
        parts = []
        for direction in (1, 1j):
            d = direction * np.eye(2)[k]
            ends = [
                model.effective_energy(t, beta + s * h * d)
                - model.effective_energy(t, beta - s * h * d)
                for s in (1, 2, 3)
            ]
            parts.append((45 * ends[0] - 9 * ends[1] + ends[2]) / (60 * h))
        gradient[k] = (parts[0] + 1j * parts[1]) / 2
    theta = model.theta * np.array([1, -1])
    # a frozen X has no shift: there its operator is a number
    np.testing.assert_allclose(
        model.drift(t, beta), -1j * gradient + 1j * (theta + shift) * beta, atol=1e-9
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.sets(st.sampled_from(NAMES)))
def test_only_the_damping_changes_the_number_of_quanta(seed, names):
    rng = np.random.default_rng(seed)
    names = (names | {"b_bracket"}) - {"a_operator" if "a_channels" in names else ""}
    model = random_model(rng, corrections=tuple(names), detuning=-1.0)
    beta = rng.normal(size=2) + 1j * rng.normal(size=2)
    F = model.drift(rng.uniform(0, 50), beta)
    rate = 2 * (beta.conj() * F).real.sum()
    scale = np.abs(beta * F).sum() + 1
    assert abs(rate - model.decay_law(beta)) < 1e-13 * scale
    assert model.decay_law(beta) <= 0


def test_the_printed_bracket_breaks_the_conservation():
    model = PublishedSpinChains(linear_loss=0.0, nonlinear_loss=0.0)
    beta = np.array([1.0, 0.5 + 0.5j])
    assert abs((beta.conj() * model.drift(0, beta)).real.sum()) > 1e-4


def test_noise_channels_give_the_printed_damping():
    """√κ b^m damps at ½κm n^{m−1}; the three rates sum to the printed drift."""
    model = PublishedSpinChains(
        n=(4, 7), g=(0.0, 1e-12), linear_loss=0.3, nonlinear_loss=0.2, corrections=("a_channels",)
    )
    beta = np.array([0.9 - 0.4j, 0.0])
    n, N = abs(beta[0]) ** 2, 4
    k2, k3 = 2 * 0.2 / N**2 + 2 * np.sqrt(0.06) / N, 2 * 0.2 / (3 * N**2)
    damping = 0.5 * (0.3 + 2 * k2 * n + 3 * k3 * n**2)
    drift = model.drift(0, beta)[0] / beta[0]
    assert drift.real == pytest.approx(-damping, rel=1e-10)
    D = model.diffusion(0, beta)[0, 0]
    assert pytest.approx(0.5 * (0.3 + 4 * k2 * n + 9 * k3 * n**2), rel=1e-12) == D


def test_noise_of_the_single_jump_operator():
    """U=√γ_l+2√γ_nl n/N, V=√γ_nl b²/N: D_qq=|U−V|²/2 and half of the printed nonlinear damping."""
    printed = PublishedSpinChains(linear_loss=0.3, nonlinear_loss=0.2)
    model = PublishedSpinChains(linear_loss=0.3, nonlinear_loss=0.2, corrections="a_operator")
    beta = np.array([0.9 - 0.4j, 0.3])
    n = abs(beta[0]) ** 2
    U, V = np.sqrt(0.3) + 2 * np.sqrt(0.2) * n / 5, np.sqrt(0.2) / 5 * beta[0] ** 2
    D = model.diffusion(0, beta)
    assert D[0, 0] == pytest.approx(abs(U - V) ** 2 / 2, rel=1e-12)
    assert D[1, 1] == pytest.approx(abs(U + V) ** 2 / 2, rel=1e-12)
    assert D[0, 1] == pytest.approx(-(np.conj(U) * V).imag, rel=1e-12)
    nonlinear = 0.2 / 25 * (n**2 + 2 * n) + 2 / 5 * np.sqrt(0.06) * n
    np.testing.assert_allclose(
        (model.drift(0, beta) - printed.drift(0, beta))[0], 0.5 * nonlinear * beta[0], rtol=1e-12
    )


@pytest.mark.parametrize("exchange", [0.0, 0.4])
@pytest.mark.parametrize("thermal", [0.0, 0.7])
@pytest.mark.parametrize(
    "names",
    [
        "all",
        ("b_bracket", "e_exact", "a_channels"),
        ("b_bracket", "e_exact", "a_channels", "a_frame"),
    ],
)
def test_consistent_corrections_keep_the_covariance_physical(names, exchange, thermal):
    model = PublishedSpinChains(
        exchange=exchange,
        thermal=thermal,
        linear_loss=0.02,
        nonlinear_loss=0.05,
        sigma_z=-0.8,
        corrections=names,
    )
    result = qsp.mfsolve(model, [1.2, 0.5 - 1.1j], np.linspace(0, 200, 401))
    assert result.stats["drift"]["uncertainty relation"] < 1e-9
    assert result.stats["drift"]["decay law"] < 1e-13


def test_published_covariance_is_not_physical():
    result = qsp.mfsolve(PublishedSpinChains(), [1, 1], np.linspace(0, 100, 101))
    assert result.stats["drift"]["uncertainty relation"] > 0.05
    assert any("breaks the uncertainty relation" in text for text in result.stats["neglected"])
    assert any("b_bracket" in text for text in result.stats["neglected"])


def test_every_correction_changes_what_the_table_says():
    rng = np.random.default_rng(2)
    beta, t = np.array([0.9 + 0.5j, -0.4 + 0.8j]), 1.3
    base = random_model(rng, nonlinear_loss=0.05, detuning=0.7)
    methods = ("drift", "langevin_drift", "fluctuation_matrix", "diffusion", "effective_energy")
    for name, correction in CORRECTIONS.items():
        corrected = PublishedSpinChains(**{**_fields(base), "corrections": (name,)})
        for method in methods:
            before, after = getattr(base, method)(t, beta), getattr(corrected, method)(t, beta)
            changed = bool(np.any(np.abs(before - after) > 1e-9))
            # the noise that the frame transforms is that of the jump operators
            if method == "diffusion" and name == "a_frame":
                both = [
                    PublishedSpinChains(**{**_fields(base), "corrections": c})
                    for c in (("a_channels",), ("a_channels", name))
                ]
                changed = bool(
                    np.any(np.abs(both[0].diffusion(t, beta) - both[1].diffusion(t, beta)) > 1e-9)
                )
            # corrections of the drift alone reach the printed E only through the symbols in it
            if method == "fluctuation_matrix" and name in (
                "eq7_shift",
                "a_frame",
                "a_operator",
                "b_bracket",
            ):
                continue
            assert changed == (method in correction.changes), (name, method)


# ------------------------------------------------------------------ runs


def test_the_run_agrees_with_scipy():
    model = PublishedSpinChains(exchange=0.2, corrections=("b_bracket", "e_exact", "a_channels"))
    times = np.linspace(0, 60, 13)
    result = qsp.mfsolve(model, [1, 1j], times)

    def rhs(t, y):
        beta, C = y[:4].copy().view(complex), y[4:].reshape(4, 4)
        M = model.drift_matrix(t, beta)
        return np.concatenate(
            [model.drift(t, beta).view(float), (M @ C + C @ M.T + model.diffusion(t, beta)).ravel()]
        )

    y0 = np.concatenate([np.array([1, 1j]).view(float), 0.5 * np.eye(4).ravel()])
    reference = solve_ivp(
        rhs, (0, 60), y0, t_eval=times, method="DOP853", rtol=1e-11, atol=1e-13
    ).y.T
    np.testing.assert_allclose(result.amplitudes, reference[:, :4].copy().view(complex), atol=1e-9)
    np.testing.assert_allclose(result.covariance.reshape(-1, 16), reference[:, 4:], atol=1e-8)


@pytest.mark.parametrize("name, left", [("2a", 3.6e-5), ("2d", 3.2e-5), ("2g", 3.6e-5)])
def test_no_limit_cycle(name, left):
    """The excitations that are left at t=1e4, and the decay law all along."""
    panel = published_figures.FIGURES[name]
    n, exchange = panel.n, panel.exchange
    model = PublishedSpinChains(n=n, exchange=exchange, corrections=EXACT)
    result = qsp.mfsolve(model, [1, 1], np.linspace(0, 1e4, 2001))
    assert result.stats["n1+n2 at the end"] == pytest.approx(left, abs=0.05e-5)
    assert result.stats["drift"]["decay law"] < 1e-14
    assert result.stats["largest growth rate of n1+n2"] < -0.999e-3
    total = result.excitations.sum(axis=1)
    assert np.all(np.diff(total) < 0)
    # between the bounds of the law: exp(-γ_l t) and the nonlinear part at its largest
    assert np.all(total <= 2 * np.exp(-1e-3 * result.times) * (1 + 1e-9))


def test_the_paper_s_initial_state_does_not_move():
    result = qsp.mfsolve(PublishedSpinChains(corrections=EXACT), [0, 0], np.linspace(0, 1000, 11))
    assert not result.amplitudes.any()
    np.testing.assert_allclose(result.complete_synchronization()[0], 1.0)
    physical = qsp.mfsolve(
        PublishedSpinChains(corrections="all", exchange=0.2), [0, 0], np.linspace(0, 1000, 11)
    )
    np.testing.assert_allclose(physical.complete_synchronization(), 1.0, atol=1e-9)
    assert np.isnan(result.relative_phase).all()


def test_numbers_of_the_figures():
    """The numbers of the specification, from the figures' own report."""
    figure = PublishedSpinChains().figure("3a")
    numbers = figure.statements[4].numbers
    assert numbers["2a: growth rate at β=0"] == pytest.approx(0.00994, abs=5e-6)
    assert numbers["2a: tr C>1e8 from β=0 at"] <= 895
    assert numbers["2a: largest S_q, exact Jacobian, printed D"] == pytest.approx(1.39, abs=5e-3)
    assert numbers["2a: smallest eigenvalue of C+iΩ/2"] == pytest.approx(-0.142, abs=5e-4)
    assert [s.holds for s in figure.statements] == [False, True, False, False, False, False]
    assert figure.statements[3].numbers["largest |S_q−1| of the vacuum"] < 1e-12
    assert "vacuum value" in str(figure)
    # "not entangled": along runs whose covariance is that of a state it is up to 1
    entangled = figure.statements[5].numbers
    assert entangled["2g: largest E_N"] == pytest.approx(1.0339, abs=1e-3)
    assert min(entangled[f"{name}: largest E_N"] for name in ("2a", "2d", "2g")) > 0.6


def test_log_negativity_of_closed_forms():
    for r in (0.0, 0.3, 1.5):
        c, s = np.cosh(2 * r) / 2, np.sinh(2 * r) / 2
        squeezed = np.block(
            [[c * np.eye(2), s * np.diag([1, -1])], [s * np.diag([1, -1]), c * np.eye(2)]]
        )
        assert log_negativity(squeezed) == pytest.approx(2 * r, abs=1e-12)
        # classical correlation of the same size is no entanglement
        mixed = np.block(
            [[(c + s) * np.eye(2), s * np.eye(2)], [s * np.eye(2), (c + s) * np.eye(2)]]
        )
        assert log_negativity(mixed) == 0


@pytest.mark.parametrize("beta0, when", [((2, 2), 4.2655), ((1.8, 1.8), 9.7487)])
def test_the_printed_equations_are_singular(beta0, when):
    """SciPy on B1, B2 alone meets the same zero of X."""
    model = PublishedSpinChains()

    def vanishing(t, y):
        return model.X(y.view(complex)) + 1e-3

    vanishing.terminal = True
    reference = solve_ivp(
        lambda t, y: model.drift(t, y.view(complex)).view(float),
        (0, 20),
        np.array(beta0, complex).view(float),
        method="DOP853",
        rtol=1e-10,
        events=vanishing,
    )
    assert reference.t[-1] == pytest.approx(when, abs=1e-3)
    with pytest.raises(SingularEquationsError, match="X vanishes") as caught:
        qsp.mfsolve(model, beta0, np.linspace(0, 20, 41))
    assert caught.value.time == pytest.approx(reference.t[-1], abs=2e-4)
    assert caught.value.result.times[-1] == pytest.approx(when, abs=0.5)
    figure = model.figure("2a", beta0=beta0)
    assert figure.singular_at == pytest.approx(when, abs=1e-4) and not figure.holds
    assert "singular at t=" in str(figure) and len(figure.result.times) == 10001
    assert figure.statements[1].numbers == {"singular at": figure.singular_at}


@pytest.mark.parametrize("name, third", [("2b", True), ("2f", False), ("2g", False)])
def test_figures_2(name, third):
    figure = PublishedSpinChains().figure(name)
    assert [s.holds for s in figure.statements] == [False, False, third]
    assert figure.statements[0].numbers["speed at the origin"] == 0
    assert not figure.holds
    numbers = figure.statements[2].numbers
    if name == "2f":
        assert numbers["part of the circle visited"] == 1
    if name == "2g":
        assert numbers["slope"] == pytest.approx(7.9e-4, abs=2e-5)
        assert numbers["expected slope"] == pytest.approx(8e-4, rel=1e-12)


def test_figure_2a_needs_equal_amplitudes():
    assert not PublishedSpinChains().figure("2a", beta0=(1, 1j)).statements[2].holds


def test_figure_3b_is_thermal_noise():
    figure = PublishedSpinChains().figure("3b", thermal=[0.0, 1.0, 3.0])
    np.testing.assert_allclose(
        figure.series["average"], 1 / (2 * np.array([0.0, 1.0, 3.0]) + 1), rtol=0.02
    )
    assert [s.holds for s in figure.statements] == [False, True]


def test_overflowing_covariance_stops_with_its_partial_result():
    model = PublishedSpinChains(exchange=0.2)
    with pytest.raises(NonFiniteError) as caught:
        qsp.mfsolve(model, [1, 1], np.linspace(0, 1e4, 10001))
    assert 1000 < caught.value.time < 5000
    assert len(caught.value.result.times) > 1000
    assert np.isfinite(caught.value.result.amplitudes).all()


def test_eq_21_by_rotating_the_modes():
    """S_q^φ from the rotated quadratures (18), and φ=0 against (13)."""
    rng = np.random.default_rng(8)
    root = rng.normal(size=(4, 4))
    C, Y = root @ root.T + 0.5 * np.eye(4), rng.normal(size=4)
    phi = [np.arctan2(Y[1], Y[0]), np.arctan2(Y[3], Y[2])]
    rotation = np.zeros((4, 4))
    for j in range(2):
        c, s = np.cos(phi[j]), np.sin(phi[j])
        rotation[2 * j : 2 * j + 2, 2 * j : 2 * j + 2] = [[c, s], [-s, c]]
    minus = np.array([[1, 0, -1, 0], [0, 1, 0, -1]]) / np.sqrt(2)
    expected = 1 / np.trace(minus @ rotation @ C @ rotation.T @ minus.T)
    assert phase_synchronization(Y, C) == pytest.approx(expected, rel=1e-12)
    assert complete_synchronization(C) == pytest.approx(
        1 / np.trace(minus @ C @ minus.T), rel=1e-12
    )
    assert phase_synchronization(Y, C, phi=phi[1] - phi[0]) == pytest.approx(expected, rel=1e-12)
    left = np.array([-1.0, 0.2, 1.0, 0.2])
    # arctan misses the half-plane of the first mode by π
    assert phase_synchronization(left, C, printed=True) != pytest.approx(
        phase_synchronization(left, C), rel=1e-3
    )
    right = np.array([1.0, -0.3, 2.0, 0.1])
    assert phase_synchronization(right, C, printed=True) == pytest.approx(
        phase_synchronization(right, C), rel=1e-12
    )


# ------------------------------------------------------------------ house rules


def test_saving_and_loading(tmp_path):
    model = PublishedSpinChains(exchange=0.2, corrections="all", thermal=0.5)
    result = qsp.mfsolve(model, [1, 1], np.linspace(0, 10, 5))
    result.save(tmp_path / "run.npz")
    again = qsp.load(tmp_path / "run.npz")
    assert again.model == model
    assert type(again) is type(result)
    np.testing.assert_array_equal(again.covariance, result.covariance)
    np.testing.assert_array_equal(again.phase_synchronization(), result.phase_synchronization())


@pytest.mark.parametrize(
    "kw, match",
    [
        ({"n": (0, 5)}, "n must be at least 1"),
        ({"n": 5}, "n must be a pair"),
        ({"exchange": 1.2}, "exchange must be between 0 and 1"),
        ({"sigma_z": 2.0}, "sigma_z"),
        ({"linear_loss": -1.0}, "linear_loss"),
        ({"thermal": np.nan}, "thermal"),
        ({"corrections": ("a2_b2",)}, "a2_b1"),
        ({"corrections": ("a_channels", "a_operator")}, "only one"),
        ({"x": 0.0}, "x must not be 0"),
        ({"g": (0, 0)}, "X"),
    ],
)
def test_bad_models(kw, match):
    with pytest.raises(ValueError, match=match):
        PublishedSpinChains(**kw)


def test_bad_states():
    model = PublishedSpinChains()
    with pytest.raises(ValueError, match=r"state0\[1\] must satisfy"):
        qsp.mfsolve(model, [0, 3], [0, 1])
    with pytest.raises(ValueError, match="shape"):
        mfsolve_published(model, [0, 1, 0], [0, 1])
    with pytest.raises(ValueError, match="X vanish"):
        model.drift(0, np.sqrt([5, 5]))
    with pytest.raises(ValueError, match="uncertainty relation"):
        mfsolve_published(model, [0, 1], [0, 1], covariance0=0.1 * np.eye(4))
    with pytest.raises(ValueError, match="fixed point"):
        model.figure("2a", beta0=(0, 0))
    with pytest.raises(ValueError, match="'2a'"):
        model.figure("4")
    with pytest.raises(TypeError, match="corrections"):
        PublishedSpinChains(corrections=3)
