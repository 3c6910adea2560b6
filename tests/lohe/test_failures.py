"""What must stop a run: each failure is provoked, and its time, oscillator and partial result are
found in the error.
"""

import threading

import numpy as np
import pytest
import qutip
from lohe_reference import lines
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from qsyncplug import (
    BlowUpError,
    GlobalExistenceWarning,
    GridHamiltonian,
    NonUniquenessError,
    SchrodingerLohe,
    UndefinedCentreError,
    UnstableSetWarning,
    heavy_tail_kernel,
    slsolve,
)
from qsyncplug.core import Grid
from qsyncplug.core.errors import RightHandSideError, SolverInterrupted, TimeLimitError

GRID = Grid(96, 18.0)
H = GridHamiltonian(GRID, lambda x: x**2 / 2)
G = GRID.gaussian(1.0)
quiet = pytest.mark.filterwarnings(
    "ignore::qsyncplug.GlobalExistenceWarning", "ignore::qsyncplug.UnstableSetWarning"
)


@quiet
@pytest.mark.parametrize(
    "big, small, theta, mu, k",
    [(1, 0.3, 0.5, 0.5, 1.0), (1, 0.1, 0.2, 0.3, 2.0), (1, 0.5, 0.01, 0.1, 1.0)],
)
def test_vanishing_time_of_two_parallel_oscillators(big, small, theta, mu, k):
    """t* = −ln[1−4μλ₂/(k(λ₁+λ₂)(1−θ₂))]/μ; an unguarded solver steps over it."""
    exact = -np.log(1 - 4 * mu * small / (k * (big + small) * (1 - theta))) / mu
    model = SchrodingerLohe(H, k, "model1", theta=[2 - theta, theta], alignment=mu)
    with pytest.raises(NonUniquenessError, match="oscillator 1 vanished") as info:
        slsolve(model, [big * G, small * G], np.linspace(0, 10, 401))
    error = info.value
    assert_allclose(error.time, exact, rtol=1e-11)
    assert error.oscillator == 1 and error.reason == "oscillator vanished"
    times = error.result.times
    assert times[-1] <= exact < times[-1] + 10 / 400
    # up to there, the norm is the closed form
    exact_norm = small - k / 4 * (big + small) * (1 - theta) * -np.expm1(-mu * times) / mu
    assert_allclose(np.sqrt(error.result.masses[:, 1]), exact_norm, atol=1e-10)


@quiet
@pytest.mark.parametrize("share, theta", [(0.9, 0.9), (0.5, 0.5), (0.0, 0.2)])
def test_vanishing_oscillator_that_turns_first(share, theta):
    """Against SciPy stopped shortly before, and extrapolated linearly."""
    psi = np.array([G, 0.2 * (share * G + 0.3 * GRID.gaussian(-1.0, 1.0))])
    model = SchrodingerLohe(H, 2.0, "model1", theta=[2 - theta, theta], alignment=0.05)
    with pytest.raises(NonUniquenessError) as info:
        slsolve(model, psi, np.linspace(0, 10, 11))
    a = np.array([[1, 0], [0, 1]], complex)
    metric = psi.conj() @ psi.T * GRID.weight

    def rhs(t, y):
        a = y.reshape(2, 2)
        th = 1 + np.array([1 - theta, theta - 1]) * np.exp(-0.05 * t)
        z = a.mean(axis=0)
        return np.ravel(
            [
                th[j] * z - (z.conj() @ metric @ a[j]) / (a[j].conj() @ metric @ a[j]) * a[j]
                for j in (0, 1)
            ]
        )

    def size(t, y):
        row = y.reshape(2, 2)[1]
        return np.sqrt((row.conj() @ metric @ row).real)

    def low(t, y):
        return size(t, y) - 1e-7

    low.terminal = True
    s = solve_ivp(rhs, (0, 10), a.ravel(), method="DOP853", rtol=1e-12, atol=1e-14, events=low)
    t, y = s.t_events[0][0], s.y_events[0][0]
    row, change = y.reshape(2, 2)[1], rhs(t, y).reshape(2, 2)[1]
    fall = -(row.conj() @ metric @ change).real / size(t, y)
    assert_allclose(info.value.time, t + size(t, y) / fall, atol=1e-6)
    assert info.value.oscillator == 1


def test_model1_warns_ahead_when_the_corrected_condition_fails():
    with pytest.warns(GlobalExistenceWarning, match="may lose an oscillator"):
        slsolve(
            SchrodingerLohe(H, 1.0, "model1", theta=[1.5, 0.5], alignment=0.2),
            [G, GRID.gaussian(0.0)],
            [0, 0.1],
        )


def test_the_printed_condition_has_a_counterexample():
    """θ=(1.2,1.2,.6): (17) as printed holds with (θ₊−1)=.2, the corrected one fails, and an
    oscillator is lost.
    """
    mu, k, lam = 1.0, 1.0, np.array([1.0, 1.0, 0.115])
    printed = lam.min() - k / 2 * lam.max() / mu * 0.2 * np.exp(k / 2 / mu * 0.2)
    assert printed > 0
    model = SchrodingerLohe(H, k, "model1", theta=[1.2, 1.2, 0.6], alignment=mu)
    with pytest.warns(GlobalExistenceWarning), pytest.raises(NonUniquenessError) as info:
        slsolve(model, lam[:, None] * G, [0, 20.0])
    # collinear: Σλ is constant, λ₃ = λ₃(0) − (k/2)(Σλ/N)(1−θ₃)(1−e^{−μt})/μ
    exact = -np.log(1 - lam[2] / (0.5 * k * lam.mean() * 0.4 / mu))
    assert info.value.oscillator == 2
    assert_allclose(info.value.time, exact, rtol=1e-10)


@quiet
def test_model2_with_alignment_needs_every_centre():
    """Two antiparallel states: a₂ passes zero; with a kernel that depends on distance its centre is
    undefined.
    """
    theta0, mu, k = np.array([1.2, 0.8]), 0.6, 1.0
    psi = np.array([G, -0.1 * G])
    model = SchrodingerLohe(H, k, "model2", theta=theta0, alignment=mu, kernel=heavy_tail_kernel())

    def rhs(t, a):
        theta = 1 + (theta0 - 1) * np.exp(-mu * t)
        return k / 2 * a.mean() * (theta - a**2)

    def zero(t, a):
        return a[1]

    exact = solve_ivp(
        rhs, (0, 5), [1, -0.1], rtol=1e-12, atol=1e-14, method="DOP853", events=zero
    ).t_events[0][0]
    with pytest.raises(UndefinedCentreError, match="no centre of mass") as info:
        slsolve(model, psi, np.linspace(0, 5, 51))
    assert info.value.oscillator == 1
    assert_allclose(info.value.time, exact, rtol=1e-9)
    assert info.value.result.times[-1] <= exact
    # with a constant kernel nothing is undefined, and the oscillator goes on through zero
    free = slsolve(SchrodingerLohe(H, k, "model2", theta=theta0, alignment=mu), psi, [0, 5.0])
    a = solve_ivp(rhs, (0, 5), [1, -0.1], rtol=1e-12, atol=1e-14, method="DOP853").y[:, -1]
    assert_allclose(free.masses[-1], a**2, atol=1e-10)


@quiet
def test_blow_up():
    """Model 2 with k<0 and equal states: u=λ² obeys u̇=|k|u(u−θ), infinite at
    ln(u₀/(u₀−θ))/(|k|θ).
    """
    k, u = 0.7, 2.0
    with pytest.raises(BlowUpError, match="grew without bound") as info:
        slsolve(
            SchrodingerLohe(H, -k, "model2"), np.sqrt(u) * np.array([G, G]), np.linspace(0, 5, 101)
        )
    exact = np.log(u / (u - 1)) / k
    assert_allclose(info.value.time, exact, rtol=1e-8)
    t = info.value.result.times
    assert t[-1] <= exact and len(t) == np.count_nonzero(np.linspace(0, 5, 101) <= exact)


@quiet
def test_a_kernel_that_misbehaves_later_stops_the_run():
    state = {"bad": False}

    def kernel(r):
        return -np.ones_like(r) if state["bad"] else 1 / (1 + r)

    model = SchrodingerLohe(H, 1.0, "model2", theta=[1.2, 0.8], alignment=1.0, kernel=kernel)
    state["bad"] = True
    with pytest.raises(RightHandSideError, match="kernel must be finite and at least 0") as info:
        slsolve(model, [G, GRID.gaussian(-1.0)], [0, 1.0])
    assert isinstance(info.value.__cause__, ValueError) and len(info.value.result.times) == 1


@pytest.mark.parametrize(
    "psi, words",
    [
        ([G, -G], "ζ=0"),
        ([G, G, -G], "bipolar"),
    ],
)
def test_unstable_sets_are_warned_of(psi, words):
    with pytest.warns(UnstableSetWarning, match=words):
        slsolve(SchrodingerLohe(H), psi, [0, 0.1])


def test_the_threshold_of_locking_is_warned_of():
    with pytest.warns(UnstableSetWarning, match="Λ = 1"):
        slsolve(SchrodingerLohe(H, 1.0, frequencies=[0.5, -0.5]), [G, GRID.gaussian(0.0)], [0, 1.0])


@quiet
def test_a_fast_turn_is_not_a_vanishing_oscillator():
    """Loose tolerances and a light oscillator of Model 1 with a phase lag, which turns by more than
    a right angle in a step.
    """
    theta = [1.0, 1.0]
    psi = np.array([3.0 * G, 0.02j * G])
    model = SchrodingerLohe(H, 1.0, "model1", theta=theta, phase_lag=1.2)
    result = slsolve(model, psi, np.linspace(0, 4, 5), options={"rtol": 1e-3, "atol": 1e-5})
    sharp = slsolve(model, psi, np.linspace(0, 4, 5))
    assert_allclose(result.masses, sharp.masses, atol=1e-8)
    assert len(result.times) == 5


@quiet
def test_ill_posed_runs_end_with_their_partial_results():
    model = SchrodingerLohe(H, 1.0)
    with pytest.raises(TimeLimitError) as info:
        slsolve(
            model,
            [G, GRID.gaussian(0.0)],
            np.linspace(0, 1e5, 100_000),
            options={"time_limit": 1e-3},
        )
    assert len(info.value.result.times) < 100_000


def test_an_e_op_that_raises_is_reported_with_the_partial_result():
    def bad(t, states):
        if t > 0.5:
            raise KeyboardInterrupt
        return 0.0

    with pytest.raises((SolverInterrupted, KeyboardInterrupt)):
        slsolve(SchrodingerLohe(H), [G, GRID.gaussian(0.0)], np.linspace(0, 1, 5), e_ops=bad)


@pytest.mark.parametrize("bad", [np.ma.masked_array([1.0, 2.0], [1, 0]), np.ones(2), "x", 3])
def test_e_ops_that_are_none_are_named(bad):
    with pytest.raises(TypeError, match="e_ops must be a function"):
        slsolve(SchrodingerLohe(H), [G, GRID.gaussian(0.0)], np.linspace(0, 1, 5), e_ops=bad)


def test_runs_in_several_threads_agree():
    model = SchrodingerLohe(
        H, 1.0, "model2", theta=[1.1, 0.9, 1.0], alignment=0.5, kernel=heavy_tail_kernel()
    )
    psi = [G, GRID.gaussian(-0.5), GRID.gaussian(0.2, 1.0)]
    out = {}

    def work(k):
        out[k] = slsolve(model, psi, np.linspace(0, 3, 7)).gram

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(np.array_equal(out[0], out[k]) for k in out) and len(out) == 6


def test_model1_mass_growth_in_closed_form():
    """θ=(2−θ₂,θ₂) frozen, parallel states: λ₁+λ₂ is constant until one vanishes; here none does."""
    with pytest.warns(GlobalExistenceWarning):
        result = slsolve(SchrodingerLohe(H, 1.0, "model1", theta=[1.2, 0.8]), [G, G], [0, 2.0])
    assert_allclose(np.sqrt(result.masses[-1]), [1 + 0.2, 1 - 0.2], atol=1e-12)
    psi, _ = lines(
        [G, G],
        [0, 2.0],
        k=1.0,
        kinetic=GRID.kinetic,
        potentials=np.array([H.values] * 2),
        weight=GRID.weight,
        variant="model1",
        theta=[1.2, 0.8],
    )
    assert_allclose(result.states[-1], psi[-1], atol=1e-9)


def test_qobj_failures_carry_kets():
    model = SchrodingerLohe(qutip.num(3), 1.0, "model1", theta=[1.5, 0.5])
    with pytest.warns(GlobalExistenceWarning), pytest.raises(NonUniquenessError) as info:
        slsolve(model, [qutip.basis(3, 0), 0.1 * qutip.basis(3, 0)], [0, 0.1, 5.0])
    assert info.value.result.states[-1][1].isket
