"""The Möbius form: relative accuracy of 1−z at any time, and t=∞."""

import mpmath
import numpy as np
import pytest
import qutip
from numpy.testing import assert_allclose

from qsyncplug import (
    GridHamiltonian,
    SchrodingerLohe,
    UnstableSetWarning,
    slsolve,
    synchronized_limit,
)
from qsyncplug.core import Grid
from qsyncplug.core.errors import MissingFieldError, SolverError

GRID = Grid(96, 18.0)
H = GridHamiltonian(GRID, lambda x: x**2 / 2)
PSI = np.array([GRID.gaussian(c, p) for c, p in [(-1, 0.2), (0, 0), (0.5, -0.3), (1.2, 0)]])
MASSES = np.array([0.5, 0.9, 1.3, 1.0])[:, None]
MOBIUS = {"method": "mobius"}

CASES = [
    (SchrodingerLohe(H, 1.2), PSI),
    (SchrodingerLohe(H, 1.2, phase_lag=0.4), 2 * PSI),
    (SchrodingerLohe(H, 1.2, "model1"), PSI),
    (SchrodingerLohe(H, 1.2, "model2"), MASSES * PSI),
    (SchrodingerLohe(H, 1.2, "model2", phase_lag=-0.3), MASSES * PSI),
]


@pytest.mark.parametrize("model, psi", CASES)
def test_against_the_reduction(model, psi):
    t = np.array([0.0, 0.5, 2.0, 7.0])
    a, b = slsolve(model, psi, t), slsolve(model, psi, t, options=MOBIUS)
    for name in ("gram", "masses", "order_parameter", "theta"):
        assert_allclose(getattr(b, name), getattr(a, name), atol=2e-11)
    assert_allclose(b.deviations, a._plain_deviations(), atol=1e-11)
    assert_allclose(b.centres, a.centres, atol=1e-10)
    assert_allclose(b.states[2], a.states[2], atol=1e-12)


def test_two_oscillators_keep_full_relative_accuracy():
    """1−z = 2(1−z₀)/((1+z₀)e^{kt}+1−z₀), at times where a Gram matrix holds nothing of it."""
    t = np.array([0.0, 1.0, 10.0, 50.0, 300.0])
    for a in (0.5, 1e-7):
        psi = [qutip.basis(2, 0), (qutip.basis(2, 0) + a * qutip.basis(2, 1)).unit()]
        result = slsolve(SchrodingerLohe(qutip.sigmaz(), 1.0), psi, t)
        # 1−z₀ = 1−1/√(1+a²) without cancellation
        gap = a**2 / (np.sqrt(1 + a**2) * (1 + np.sqrt(1 + a**2)))
        exact = 2 * gap / ((2 - gap) * np.exp(t) + gap)
        assert_allclose(result.deviations[:, 0, 1].real, exact, rtol=1e-9 if a < 1e-3 else 1e-12)
        assert_allclose(result.one_minus_gram[:, 0, 1], result.deviations[:, 0, 1], rtol=1e-13)


def test_against_forty_digits():
    """D=1−G obeys Ḋ_jk = −(k/2)(s̄_j+s_k)D_jk, s_k = 1−mean_l D_lk; here with mpmath."""
    angles = np.array([0.0, 0.7, 1.3])
    psi = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(complex)
    k = 1.5
    with mpmath.workdps(30):
        start = [mpmath.mpf(0)] * 0
        pairs = [(0, 1), (0, 2), (1, 2)]
        start = [1 - mpmath.cos(mpmath.mpf(angles[b]) - mpmath.mpf(angles[a])) for a, b in pairs]

        def rhs(t, d):
            s = [1 - sum(d[i] for i, p in enumerate(pairs) if j in p) / 3 for j in range(3)]
            return [-mpmath.mpf(k) / 2 * (s[a] + s[b]) * d[i] for i, (a, b) in enumerate(pairs)]

        solution = mpmath.odefun(rhs, 0, start, tol=mpmath.mpf(10) ** -25)
        exact = [[float(x) for x in solution(t)] for t in (2, 6)]
    result = slsolve(SchrodingerLohe(qutip.sigmaz(), k), psi, [0.0, 2.0, 6.0, 60.0])
    for i, (a, b) in enumerate(pairs):
        assert_allclose(result.deviations[1:3, a, b].real, np.array(exact)[:, i], rtol=1e-11)
    limit = synchronized_limit(result.model, psi)
    assert_allclose(result.deviations[-1] * np.exp(k * 60), limit.prefactor, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("model, psi", CASES)
def test_infinite_time(model, psi):
    limit = synchronized_limit(model, psi)
    assert limit.synchronizes
    assert_allclose(limit.rate, 1.2 * np.cos(model.phase_lag), rtol=1e-14)
    result = slsolve(model, psi, [0.0, 8.0, np.inf], options=MOBIUS)
    assert_allclose(result.masses[-1], limit.mass, rtol=1e-13)
    assert_allclose(result.order_parameter[-1], np.sqrt(limit.mass), rtol=1e-13)
    assert_allclose(result.gram[-1], limit.mass, rtol=1e-13)
    unit = 1 - result.gram[1] / limit.mass
    assert_allclose(unit * np.exp(8 * limit.rate), limit.prefactor, atol=1e-3)
    with pytest.raises(MissingFieldError, match="t=∞"):
        result.state(-1)


def test_the_unstable_set_is_told():
    antipodes = [qutip.basis(2, 0), -qutip.basis(2, 0)]
    model = SchrodingerLohe(qutip.sigmaz(), 1.0)
    with pytest.warns(UnstableSetWarning), pytest.raises(SolverError, match="unstable set") as info:
        slsolve(model, antipodes, [0.0, 1.0, np.inf], options=MOBIUS)
    assert len(info.value.result.times) == 2
    assert_allclose(info.value.result.gram[-1], [[1, -1], [-1, 1]], atol=1e-12)


@pytest.mark.parametrize(
    "model, psi, words",
    [
        (SchrodingerLohe(H, frequencies=[0, 1, 0, 0]), PSI, "needs one common mean"),
        (SchrodingerLohe(H, adjacency=1 - np.eye(4)), PSI, "needs one common mean"),
        (SchrodingerLohe(H), MASSES * PSI, "equal norms"),
        (SchrodingerLohe(H, -1.0), PSI, "must be positive"),
    ],
)
def test_where_the_form_does_not_apply(model, psi, words):
    with pytest.raises(ValueError, match=words):
        slsolve(model, psi, [0.0, 1.0, np.inf], options=MOBIUS)
    with pytest.raises(ValueError):
        synchronized_limit(model, psi)


def test_many_identical_oscillators_take_the_form_by_themselves(rng):
    psi = rng.normal(size=(200, 100)) + 1j * rng.normal(size=(200, 100)) + 0.3
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    model = SchrodingerLohe(qutip.num(100), 1.0)
    a = slsolve(model, psi, [0.0, 3.0])
    b = slsolve(model, psi, [0.0, 3.0], options={"method": "reduction"})
    assert a.stats["method"] == "mobius" and b.stats["method"] == "reduction"
    assert_allclose(a.order_parameter, b.order_parameter, atol=1e-11)
    assert_allclose(a.gram, b.gram, atol=1e-11)


def test_products_of_too_many_oscillators_are_refused_with_an_estimate():
    """N=10⁵: 10¹⁰ products of pairs do not fit; masses and order parameter do."""
    import qsyncplug as qsp
    from qsyncplug.core.errors import MemoryLimitError

    rng = np.random.default_rng(0)
    psi = rng.normal(size=(100_000, 2)) + 1j * rng.normal(size=(100_000, 2)) + 1.0
    psi /= np.linalg.norm(psi, axis=1)[:, None]
    model = SchrodingerLohe(qutip.sigmaz(), 1.0)
    result = slsolve(model, psi, [0.0, 1.0], options=MOBIUS)
    assert result.order_parameter[1] > result.order_parameter[0]
    for make in (
        lambda: result.gram,
        lambda: result.deviations,
        lambda: result.correlations,
        lambda: synchronized_limit(model, psi),
        lambda: qsp.predictions(model, psi),
    ):
        with pytest.raises(MemoryLimitError, match="GiB"):
            make()
