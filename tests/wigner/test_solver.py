import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

from qsyncplug import AliasingError, BlowUpError, UnstableSetWarning, slsolve
from qsyncplug.core import Grid, storage
from qsyncplug.core.errors import (
    ApproximationWarning,
    RightHandSideError,
    StepLimitError,
    TimeLimitError,
)
from qsyncplug.wigner import WignerLohe, WignerLoheSolver, wigner_transform, wlsolve
from qsyncplug.wigner.errors import PhaseSpaceError, PhaseSpaceWarning

from .wigner_reference import coherent_pair, correlation_flow, gaussian_pair_wigner

GRID = Grid(64, 16.0)
TRAP = WignerLohe(GRID, lambda x: x**2 / 2)
#: for comparisons to rounding
WIDE = Grid(96, 22.0)
WIDE_TRAP = WignerLohe(WIDE, lambda x: x**2 / 2)


def anharmonic(x):
    return x**2 / 2 + 0.1 * np.cos(1.3 * x)


def three_kets(grid=GRID):
    return np.array(
        [
            1.2 * grid.gaussian(0.8, 0.3),
            np.exp(0.4j) * grid.gaussian(-0.6),
            0.7 * np.exp(-1j) * grid.gaussian(0.1, -1.0),
        ]
    )


def scaled(z, grid=GRID):
    """Phase-space arrays with given correlations."""
    return np.array(z)[:, :, None, None] * wigner_transform(grid.gaussian(), grid=grid)


# ------------------------------------------------------------ closed forms


def test_coherent_pair_in_a_trap():
    times = np.linspace(0, 5, 6)
    result = wlsolve(WIDE_TRAP, [WIDE.gaussian(1.0), WIDE.gaussian(-0.5)], times)
    for k, t in enumerate(times):
        one, two, z = coherent_pair(WIDE, t)
        assert abs(result.correlations[k, 0, 1] - z) < 1e-14
        assert np.max(np.abs(result.psi(k) - [one, two])) < 1e-12
        assert (
            np.max(np.abs(result.wigner(0, 1, k) - wigner_transform(one, two, grid=WIDE))) < 1e-12
        )


def test_wigner_functions_from_gaussian_integrals():
    # the whole way: no transform of the package in the reference
    t, kappa = 1.3, 1.0
    result = wlsolve(WIDE_TRAP, [WIDE.gaussian(1.0), WIDE.gaussian(-0.5)], [0.0, t])
    z0 = np.exp(-(1.5**2) / 4)
    d = (1 + z0) * np.exp(kappa * t) + 1 - z0
    at = [(c * np.cos(t), -c * np.sin(t)) for c in (1.0, -0.5)]
    space = WIDE_TRAP.phase_space
    w = [[gaussian_pair_wigner(space.x, space.p, a, b) for b in at] for a in at]
    a, b = (
        np.sqrt(1 / (2 * d)) * (np.exp(kappa * t / 2) + 1),
        np.sqrt(1 / (2 * d)) * (np.exp(kappa * t / 2) - 1),
    )
    mix = np.array([[a, b], [b, a]])
    for i in range(2):
        for j in range(2):
            exact = sum(mix[i, k] * mix[j, m] * w[k][m] for k in range(2) for m in range(2))
            assert np.max(np.abs(result.wigner(i, j) - exact)) < 1e-12
    assert result.wigner(0, 0).dtype == float and result.wigner(0, 1).dtype == complex
    assert np.allclose(result.wigner(1, 0), result.wigner(0, 1).conj(), atol=1e-14)


def test_relative_accuracy_of_one_minus_z():
    result = wlsolve(TRAP, [GRID.gaussian(1.0), GRID.gaussian(-0.5)], [0.0, 100.0, 300.0])
    gap0 = -np.expm1(-(1.5**2) / 4)
    e = np.exp(-result.times)
    exact = 2 * gap0 * e / ((2 - gap0) + gap0 * e)
    assert exact[-1] < 1e-130
    assert np.max(np.abs(result.deviations[:, 0, 1] / exact - 1)) < 1e-10


# ------------------------------------------------------------ independent integrations


@pytest.mark.parametrize("offsets", [(0.0, 0.0, 0.0), (0.0, 0.7, -0.4)])
def test_three_oscillators(offsets):
    model = WignerLohe(GRID, [lambda x, o=o: anharmonic(x) + o for o in offsets], 1.3)
    times = np.array([0.0, 1.0, 4.0])
    psi = three_kets()
    result = wlsolve(model, psi, times)
    assert result.stats["method"] == "reduction"
    z0 = GRID.weight * psi @ psi.conj().T
    assert (
        np.max(np.abs(result.integrals() - correlation_flow(z0, times, 1.3, np.array(offsets))))
        < 2e-12
    )
    lines = slsolve(
        model.schrodinger_lohe, psi, times, options={"method": "dop853", "store_states": True}
    )
    last = lines.states[-1]
    for i in range(3):
        for j in range(3):
            assert (
                np.max(np.abs(result.wigner(i, j) - wigner_transform(last[i], last[j], grid=GRID)))
                < 2e-12
            )


def test_linear_flow_against_qutip():
    # κ=0: nothing but the Schrödinger equation, in the Fock basis by QuTiP
    grid = Grid(96, 20.0)
    levels = 60
    x = qutip.position(levels)
    h = qutip.num(levels) + 0.003 * x**4
    from qsyncplug.wigner.kets import fock_to_grid

    start = [qutip.coherent(levels, 0.6), qutip.coherent(levels, 0.2 - 0.5j)]
    options = {"method": "dop853", "atol": 1e-13, "rtol": 1e-12, "nsteps": 10**5}
    end = [qutip.sesolve(h, s, [0, 1.5], options=options).states[-1] for s in start]
    model = WignerLohe(grid, lambda x: x**2 / 2 + 0.003 * x**4 - 0.5, 0.0)
    result = wlsolve(model, [fock_to_grid(s, grid) for s in start], [0, 1.5])
    exact = wigner_transform(fock_to_grid(end[0], grid), fock_to_grid(end[1], grid), grid=grid)
    assert np.max(np.abs(result.wigner(0, 1) - exact)) < 1e-9


@pytest.mark.parametrize("offsets", [(0.0, 0.0, 0.0), (0.0, 0.7, -0.4)])
def test_kinds_of_initial_state_agree(offsets):
    model = WignerLohe(GRID, [lambda x, o=o: anharmonic(x) + o for o in offsets], 1.3)
    psi = three_kets()
    p, members = [0.3, 0.7], np.array([psi, psi[[1, 2, 0]] * np.exp(0.3j)])
    ensemble = wlsolve(model, (p, members), [0.0, 2.0])
    pairs = wlsolve(model, list(zip(p, members, strict=True)), [0.0, 2.0])
    block = wlsolve(
        model,
        sum(q * np.einsum("ix,jy->ijxy", f, f.conj()) for q, f in zip(p, members, strict=True)),
        [0.0, 2.0],
    )
    w0 = [
        [
            sum(
                q * wigner_transform(f[i], f[j], grid=GRID) for q, f in zip(p, members, strict=True)
            )
            for j in range(3)
        ]
        for i in range(3)
    ]
    arrays = wlsolve(model, w0, [0.0, 2.0])
    for other, tolerance in ((pairs, 1e-15), (block, 1e-12), (arrays, 1e-10)):
        assert np.max(np.abs(other.correlations - ensemble.correlations)) < 1e-12
        assert np.max(np.abs(other.wigner(0, 2) - ensemble.wigner(0, 2))) < tolerance
        assert np.max(np.abs(other.density(1, 1) - ensemble.density(1, 1))) < 10 * tolerance
        for a, b in zip(other.moments(), ensemble.moments(), strict=True):
            assert np.max(np.abs(a - b)) < 100 * tolerance
        assert np.max(np.abs(other.matrix().norms() - ensemble.matrix().norms())) < 10 * tolerance


def test_functions_that_raise_are_named():
    def bad(t, matrix):
        raise KeyError("oops")

    for method in ("reduction", "splitting"):
        with pytest.raises(RightHandSideError, match=r"a function.*raised|KeyError") as caught:
            wlsolve(TRAP, KETS, [0, 1], e_ops=[bad], options={"method": method})
        assert "raised" in caught.value.reason and "right-hand side" not in str(caught.value)


def test_kets_of_qutip():
    alpha = (1.0, np.exp(0.4j) * 0.3)
    fock = [qutip.coherent(30, a, method="analytic") for a in alpha]
    result = wlsolve(TRAP, fock, [0.0, 1.0])
    # ⟨α|β⟩ in closed form; w_ij=ψ_iψ̄_j has z_01=⟨ψ_1,ψ_0⟩
    overlap = np.exp(
        -(abs(alpha[0]) ** 2) / 2 - abs(alpha[1]) ** 2 / 2 + np.conj(alpha[1]) * alpha[0]
    )
    assert abs(result.integrals(0)[0, 1] - overlap) < 1e-13
    mean = result.moments()[0][0]
    assert np.allclose(
        mean, [[np.sqrt(2) * np.real(a), np.sqrt(2) * np.imag(a)] for a in alpha], atol=1e-12
    )
    ensemble = wlsolve(TRAP, ([0.5, 0.5], [fock, fock[::-1]]), [0.0, 1.0])
    assert abs(ensemble.integrals(0)[0, 1] - overlap.real) < 1e-13


def test_offsets_are_a_phase_of_the_wave_functions():
    model = WignerLohe(GRID, [lambda x, o=o: anharmonic(x) + o for o in (0.4, -0.2, 0.9)], 1.2)
    psi, times = three_kets(), [0.0, 3.0]
    exact = slsolve(
        model.schrodinger_lohe, psi, times, options={"method": "dop853", "store_states": True}
    ).states[-1]
    for method in ("reduction", "splitting"):
        found = wlsolve(model, psi, times, options={"method": method}).psi()
        assert np.max(np.abs(found - exact)) < 1e-10


def test_moments_of_data_that_are_not_hermitian():
    w = wigner_transform(GRID.gaussian(0.5, 0.8), GRID.gaussian(-0.3), grid=GRID)
    kernel = np.outer(GRID.gaussian(0.5, 0.8), GRID.gaussian(-0.3).conj())
    space = TRAP.phase_space
    for one in (w, kernel):
        result = wlsolve(
            TRAP, np.tile(one, (2, 2, 1, 1)), [0, 0.5], options={"allow_non_hermitian": True}
        )
        entry = result.wigner(0, 0)
        mass = space.integrate(entry)
        x, p = space.x[:, None], space.p[None, :]
        mean = [space.integrate(x * entry) / mass, space.integrate(p * entry) / mass]
        product = space.integrate(x * p * entry) / mass - mean[0] * mean[1]
        found = result.matrix().moments()
        assert abs(mean[0].imag) > 0.1
        assert np.max(np.abs(found[0][0] - mean)) < 1e-11
        assert abs(found[1][0, 0, 1] - product) < 1e-11


def test_mixture_is_no_sum_of_pure_runs():
    # z of the ensemble drives each member: the mixture of separate runs differs
    one, two = [GRID.gaussian(1.0), GRID.gaussian(-0.5)], [GRID.gaussian(-1.0), GRID.gaussian(2.0)]
    mixed = wlsolve(TRAP, [(0.5, one), (0.5, two)], [0, 1])
    apart = [wlsolve(TRAP, s, [0, 1]) for s in (one, two)]
    mean = 0.5 * (apart[0].correlations + apart[1].correlations)
    z0 = 0.5 * (np.exp(-(1.5**2) / 4) + np.exp(-(3**2) / 4))
    exact = ((1 + z0) * np.e - 1 + z0) / ((1 + z0) * np.e + 1 - z0)
    assert abs(mixed.correlations[-1, 0, 1] - exact) < 1e-13
    assert abs(mean[-1, 0, 1] - exact) > 1e-3


@pytest.mark.parametrize("kind", ["kets", "ensemble"])
def test_different_potentials(kind):
    model = WignerLohe(GRID, [lambda x: x**2 / 2, lambda x: 0.6 * x**2 + 0.1 * x, anharmonic], 1.0)
    psi = three_kets()
    times = [0.0, 0.5, 1.5]
    result = wlsolve(model, psi if kind == "kets" else ([0.25, 0.75], np.array([psi, psi])), times)
    assert result.stats["method"] == "splitting"
    lines = slsolve(
        model.schrodinger_lohe, psi, times, options={"method": "dop853", "store_states": True}
    )
    assert np.max(np.abs(result.gram - lines.gram)) < 5e-11
    for k in range(3):
        exact = wigner_transform(lines.states[k][0], lines.states[k][2], grid=GRID)
        assert np.max(np.abs(result.wigner(0, 2, k) - exact)) < 5e-11


def test_order_of_the_splitting():
    model = WignerLohe(GRID, [lambda x: x**2 / 2, lambda x: 0.7 * x**2], 1.0)
    psi = [GRID.gaussian(1.0), GRID.gaussian(-0.5)]
    exact = wlsolve(model, psi, [0, 1]).wigner(0, 1)
    for method, order, steps in (("strang", 2, (16, 32)), ("s6", 4, (4, 8)), ("s10", 6, (3, 6))):
        errors = [
            np.max(
                np.abs(
                    wlsolve(model, psi, [0, 1], options={"method": method, "step": 1 / m}).wigner(
                        0, 1
                    )
                    - exact
                )
            )
            for m in steps
        ]
        assert abs(np.log2(errors[0] / errors[1]) - order) < 0.35, method


@pytest.mark.parametrize("different", [False, True])
def test_two_dimensions(different):
    grid = Grid((16, 16), (9.0, 9.0))
    potentials = [lambda x, y: (x**2 + 1.2 * y**2) / 2 + 0.2 * x * y] * 2
    if different:
        potentials[1] = lambda x, y: (1.1 * x**2 + y**2) / 2
    model = WignerLohe(grid, potentials, 1.0)
    psi = [grid.gaussian((0.5, 0.0)), np.exp(0.3j) * grid.gaussian((-0.2, 0.4))]
    with pytest.warns(PhaseSpaceWarning):
        result = wlsolve(model, psi, [0, 0.8])
    with pytest.warns(Warning):
        lines = slsolve(
            model.schrodinger_lohe,
            psi,
            [0, 0.8],
            options={"method": "dop853", "store_states": True},
        )
    assert np.max(np.abs(result.gram - lines.gram)) < 1e-10
    w = result.wigner(0, 1)
    assert w.shape == (32,) * 4
    assert abs(model.phase_space.integrate(w) - result.integrals(-1)[0, 1]) < 1e-6
    assert (
        np.max(
            np.abs(
                result.density(0, 1)[::2, ::2] - lines.states[-1][0] * lines.states[-1][1].conj()
            )
        )
        < 1e-10
    )
    assert np.max(np.abs(w.sum((2, 3)) * model.phase_space.p_weight - result.density(0, 1))) < 1e-12


# ------------------------------------------------------------ laws


def test_masses_are_constant_and_l2_norms_follow_moyal():
    psi = three_kets(WIDE)
    result = wlsolve(WignerLohe(WIDE, anharmonic, 0.8), psi, [0, 3, 9])
    masses = WIDE.weight * np.sum(np.abs(psi) ** 2, axis=1)
    assert np.max(np.abs(result.masses - masses)) < 1e-12
    assert result.stats["drift"]["∫w_ii"] < 1e-12
    w = [[result.wigner(i, j) for j in range(3)] for i in range(3)]
    size = np.sqrt(np.sum(np.abs(w) ** 2, axis=(2, 3)) * result.phase_space.weight)
    assert np.max(np.abs(size - np.sqrt(np.outer(masses, masses) / (2 * np.pi)))) < 1e-12
    assert np.max(np.abs(result.matrix().norms() - size)) < 1e-12
    gaps = result.distances()
    for a in ((0, 0), (1, 2), (2, 1)):
        for b in ((1, 1), (0, 2)):
            direct = np.sqrt(
                np.sum(np.abs(w[a[0]][a[1]] - w[b[0]][b[1]]) ** 2) * result.phase_space.weight
            )
            assert abs(gaps[(*a, *b)] - direct) < 1e-13


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 5), st.integers(0, 2**31), st.floats(0.1, 3), st.booleans())
def test_random_kets_against_scipy(n, seed, kappa, unit):
    rng = np.random.default_rng(seed)
    psi = np.array(
        [
            rng.uniform(0.5, 2)
            * np.exp(1j * rng.uniform(0, 6))
            * GRID.gaussian(*rng.uniform(-0.8, 0.8, 2))
            for _ in range(n)
        ]
    )
    if unit:
        psi /= np.sqrt(GRID.weight) * np.linalg.norm(psi, axis=1)[:, None]
    times = np.array([0.0, 0.7, 2.0])
    result = wlsolve(WignerLohe(GRID, lambda x: x**2 / 2, kappa), psi, times)
    exact = correlation_flow(GRID.weight * psi @ psi.conj().T, times, kappa, np.zeros(n))
    assert np.max(np.abs(result.integrals() - exact)) < 1e-10 * np.max(np.abs(exact))
    assert np.allclose(result.correlations, result.correlations.conj().swapaxes(1, 2), atol=1e-13)


# ------------------------------------------------------------ unphysical data


def test_blow_up():
    with pytest.raises(ValueError, match=r"\|z_01\| = 2 > √\(z_00 z_11\)"):
        wlsolve(TRAP, scaled([[1, -2], [-2, 1]]), [0, 1])
    with pytest.raises(BlowUpError) as caught:
        wlsolve(TRAP, scaled([[1, -2], [-2, 1]]), [0, 0.5, 5], options={"allow_unphysical": True})
    assert abs(caught.value.time - np.log(3)) < 1e-11
    assert caught.value.reason == "blow-up" and len(caught.value.result.times) == 2
    z = caught.value.result.correlations[1, 0, 1]
    e = np.exp(0.5)
    assert abs(z - (-e - 3) / (-e + 3)) < 1e-11


def test_blow_up_with_unequal_masses_and_without_hermiticity():
    options = {"allow_unphysical": True, "allow_non_hermitian": True}
    with pytest.raises(ValueError, match="must be Hermitian"):
        wlsolve(TRAP, scaled([[1, -2], [-0.5, 1]]), [0, 1])
    with pytest.raises(BlowUpError) as caught:
        wlsolve(TRAP, scaled([[1, -2], [-0.5, 1]]), [0, 5], options=options)
    assert abs(caught.value.time - np.log(3)) < 1e-11
    # masses 4 and 1 with z_12=-4: the time at which SciPy's solution has its pole
    with pytest.raises(BlowUpError) as caught:
        wlsolve(TRAP, scaled([[4, -4.0], [-4.0, 1]]), [0, 5], options=options)
    when = caught.value.time
    before = correlation_flow(
        np.array([[4, -4.0], [-4.0, 1]]), np.array([0, when - 1e-3, when - 5e-4]), 1.0, np.zeros(2)
    )
    assert abs(before[2, 0, 1] / before[1, 0, 1] - 2) < 1e-5


def test_unphysical_without_blow_up():
    result = wlsolve(
        TRAP, scaled([[1, 1.5], [1.5, 1]]), [0, 30], options={"allow_unphysical": True}
    )
    assert abs(result.correlations[-1, 0, 1] - 1) < 1e-12


def test_non_hermitian_data():
    rng = np.random.default_rng(5)
    z = np.eye(3) + 0.3 * (rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))
    times = np.array([0.0, 1.0, 2.0])
    result = wlsolve(TRAP, scaled(z), times, options={"allow_non_hermitian": True})
    assert np.max(np.abs(result.integrals() - correlation_flow(z, times, 1.0, np.zeros(3)))) < 1e-11
    w = result.wigner(0, 1)
    assert abs(result.phase_space.integrate(w) - result.integrals(-1)[0, 1]) < 1e-11
    # the same as a block operator
    f = GRID.gaussian()
    block = wlsolve(
        TRAP,
        z[:, :, None, None] * np.outer(f, f.conj()),
        times,
        options={"allow_non_hermitian": True},
    )
    assert np.max(np.abs(block.correlations - result.correlations)) < 1e-11
    assert np.max(np.abs(block.wigner(0, 1) - w)) < 1e-11


def test_warning_at_the_antipode():
    psi = [GRID.gaussian(0.3), -GRID.gaussian(0.3)]
    with pytest.warns(UnstableSetWarning, match="unstable equilibrium"):
        result = wlsolve(TRAP, psi, [0, 1])
    assert abs(result.correlations[-1, 0, 1] + 1) < 1e-12


# ------------------------------------------------------------ refusals and failures


KETS = np.array([GRID.gaussian(1.0), GRID.gaussian(-0.5)])


@pytest.mark.parametrize(
    ("state", "error", "text"),
    [
        (KETS[:, :63], ValueError, r"state0 must be N kets \(N, 64\)"),
        (KETS * np.nan, ValueError, "state0 must be finite"),
        (KETS * [[1], [0]], ValueError, "must not be zero, as for oscillator 1"),
        (np.zeros((0, 64)), ValueError, "at least one"),
        ([qutip.fock_dm(4, 0)] * 2, TypeError, "do not determine w_ij"),
        (qutip.basis(4, 0), TypeError, "a list of kets"),
        ([qutip.tensor(qutip.basis(4, 0), qutip.basis(4, 1))] * 2, ValueError, "of one mode"),
        ([qutip.basis(400, 399)] * 2, ValueError, "does not fit the grid"),
        (([0.5, -0.5], [KETS, KETS]), ValueError, r"p\[1\] = -0.5"),
        (([0.5, 0.5, 0.1], [KETS, KETS]), ValueError, "an ensemble must be 3 probabilities"),
        (([0.0, 0.0], [KETS, KETS]), ValueError, "must not all be zero"),
        ([KETS[0], KETS[1][:32]], ValueError, "arrays of one shape"),
        (np.zeros((2, 3, 64, 64)), ValueError, "N×N blocks"),
        (np.zeros((2, 2, 128, 128)), ValueError, "must not be zero"),
        (np.ones((2, 2, 64, 64)) * 1j, ValueError, "must be Hermitian"),
        ("kets", TypeError, "state0"),
        (None, (TypeError, ValueError), "state0"),
    ],
)
def test_bad_states(state, error, text):
    with pytest.raises(error, match=text):
        wlsolve(TRAP, state, [0, 1])


def test_negative_mass_and_wrong_number():
    with pytest.raises(ValueError, match="must be positive; for oscillator 1"):
        wlsolve(TRAP, scaled([[1, 0], [0, -1]]), [0, 1])
    with pytest.raises(ValueError, match="3 oscillators, as many as the model has, not 2"):
        wlsolve(WignerLohe(GRID, [0.0, 1.0, 2.0]), KETS, [0, 1])
    with pytest.raises(ValueError, match="negative eigenvalue"):
        wlsolve(TRAP, scaled([[1, -0.9, -0.9], [-0.9, 1, -0.9], [-0.9, -0.9, 1]]), [0, 1])


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"method": "rk4"}, ValueError, "options\\['method'\\]"),
        ({"method": "s6"}, ValueError, "step"),
        ({"step": -1.0}, ValueError, "step"),
        ({"allow_unphysical": 1}, TypeError, "allow_unphysical"),
        ({"stepp": 1}, KeyError, "unknown option"),
    ],
)
def test_bad_options(options, error, text):
    with pytest.raises(error, match=text):
        wlsolve(TRAP, KETS, [0, 1], options=options)


def test_reduction_needs_a_common_potential():
    with pytest.raises(ValueError, match="common potential"):
        WignerLoheSolver(WignerLohe(GRID, [0.0, lambda x: x]), options={"method": "reduction"})
    with pytest.raises(TypeError, match="WignerLohe"):
        wlsolve("model", KETS, [0, 1])


def test_a_rough_potential_is_noticed():
    # a jump makes wave numbers that the grid does not have
    for state in ([GRID.gaussian(1.0), GRID.gaussian(-0.5)], scaled(np.eye(2))):
        with pytest.raises(AliasingError, match="of the largest"):
            wlsolve(WignerLohe(GRID, lambda x: 5 * np.sign(x)), state, [0, 1.0])


@pytest.mark.parametrize("options", [{}, {"method": "splitting"}])
def test_a_drift_of_the_masses_is_warned_of(options):
    # next to the unstable equilibrium L grows as e^{κt/2}, and rounding with it
    psi = [GRID.gaussian(1.0), -GRID.gaussian(1.0) + 1e-14 * GRID.gaussian(0.5, 1.0)]
    with pytest.warns() as caught:
        result = wlsolve(TRAP, psi, [0, 50.0], options=options)
    drift = result.stats["drift"]["∫w_ii"]
    assert any(
        "unstable equilibrium" in str(w.message) for w in caught if w.category is UnstableSetWarning
    )
    assert any(w.category is ApproximationWarning for w in caught) == (drift > 1e-6)
    assert (drift > 1e-6) == (options == {})


def test_grid_too_small_at_the_start():
    with pytest.raises(PhaseSpaceError, match="edge of the box"):
        wlsolve(TRAP, [GRID.gaussian(6.5), GRID.gaussian()], [0, 1])
    with pytest.raises(PhaseSpaceError, match="highest momentum"):
        wlsolve(TRAP, [GRID.gaussian(0, 12.0), GRID.gaussian()], [0, 1])
    with pytest.warns(PhaseSpaceWarning) as told:
        wlsolve(TRAP, [GRID.gaussian(3.5), GRID.gaussian()], [0, 1])
    assert (
        len(told) == 2
        and "barely fits" in str(told[0].message)
        and "edge of the grid" in str(told[1].message)
    )


@pytest.mark.parametrize("method", ["reduction", "splitting"])
def test_grid_too_small_later(method):
    free = WignerLohe(GRID, 0.0)
    with pytest.raises(AliasingError, match="edge of the box") as caught:
        wlsolve(
            free,
            [GRID.gaussian(0.0, 2.0), GRID.gaussian()],
            np.linspace(0, 4, 9),
            options={"method": method},
        )
    assert 0.4 < caught.value.time < 4 and caught.value.result is not None


def test_limits_keep_what_was_computed():
    model = WignerLohe(GRID, [lambda x: x**2 / 2, lambda x: x**2])
    with pytest.raises(StepLimitError) as caught:
        wlsolve(model, KETS, np.linspace(0, 50, 51), options={"nsteps": 60})
    assert 0 < len(caught.value.result.times) < 51 and caught.value.result.wigner(0, 1).shape == (
        128,
        128,
    )
    with pytest.raises(TimeLimitError):
        wlsolve(model, KETS, np.linspace(0, 1000, 51), options={"time_limit": 0.05})
    with pytest.raises(StepLimitError):
        wlsolve(TRAP, KETS, [0, 1, 100], options={"nsteps": 8})
    with pytest.raises(RightHandSideError, match="ZeroDivisionError"):
        wlsolve(model, KETS, [0, 0.1], e_ops=lambda t, m: 1 / 0)


# ------------------------------------------------------------ house rules


def test_e_ops_start_step_and_storage(tmp_path):
    times = [0, 1, 2.5]
    run = wlsolve(
        TRAP,
        KETS,
        times,
        e_ops={"z": lambda t, m: m.correlations[0, 1], "w": lambda t, m: m.wigner(0, 0)[64, 64]},
    )
    assert np.allclose(run.e_data["z"], run.correlations[:, 0, 1], atol=1e-13)
    assert np.allclose(run.e_data["w"], [run.wigner(0, 0, k)[64, 64] for k in range(3)], atol=1e-14)
    solver = WignerLoheSolver(TRAP)
    solver.start(KETS, 0.0)
    for k in (1, 2):
        matrix = solver.step(times[k])
        assert np.max(np.abs(matrix.wigner(0, 1) - run.wigner(0, 1, k))) < 1e-12
    psi = three_kets()
    many = [lambda x: x**2 / 2, lambda x: x**2, anharmonic]
    w0 = scaled([[1, 0.5], [0.5, 1]])
    for result in (
        run,
        wlsolve(WignerLohe(GRID, many), psi, times),
        wlsolve(TRAP, w0, times),
        wlsolve(TRAP, w0, times, options={"method": "direct"}),
    ):
        result.save(tmp_path / "run.npz")
        back = storage.load(tmp_path / "run.npz")
        assert np.array_equal(back.correlations, result.correlations)
        assert np.max(np.abs(back.wigner(0, 1, 1) - result.wigner(0, 1, 1))) < 1e-14
        assert "w_ij" in repr(back)
    assert run.to_xarray()["left"].shape == (3, 2, 2)


def test_large_run_stays_small():
    # N=64 on 1024²: w_ij would take 69 GB
    import tracemalloc

    grid = Grid(512, 60.0)
    rng = np.random.default_rng(0)
    psi = np.array([grid.gaussian(*rng.uniform(-1, 1, 2)) for _ in range(64)])
    tracemalloc.start()
    result = wlsolve(WignerLohe(grid, lambda x: x**2 / 2), psi, [0.0, 1.0])
    w = result.wigner(3, 60)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert w.shape == (1024, 1024) and peak < 300e6
    assert abs(result.phase_space.integrate(w) - result.integrals(-1)[3, 60]) < 1e-12
