"""Moments of ensembles and mixtures: exact hierarchies, cumulants, their estimates and warnings."""

import pickle

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.approximate.cumulants import Closure, closure_of
from qsyncplug.approximate.stationary import hierarchy_steadystate
from qsyncplug.core.errors import ApproximationWarning
from qsyncplug.operators.states import ProductState


def laser(N, delta, w=0.5, gamma=1.0):
    A, B = qsp.atoms(N, N)
    jumps = [np.sqrt(gamma / N) * (A.m + B.m), np.sqrt(w) * A.each.p, np.sqrt(w) * B.each.p]
    return qsp.System(delta / 2 * (A.z - B.z), jumps), A, B


def correlations(state, A, B):
    """⟨σ+σ−⟩ of one atom, c=⟨σA1+σA2−⟩ and x=⟨σA+σB−⟩."""
    N = A.N
    excited = qsp.expect(A.z, state) / N + 0.5
    inner = (qsp.expect(A.p * A.m, state) - N * excited) / (N * (N - 1))
    return excited, inner, qsp.expect(A.p * B.m, state) / N**2


def test_two_superradiant_lasers():
    system, A, B = laser(10**4, 0.25)
    state = qsp.steadystate(system, closure="cumulants", order=2)
    e, c, x = correlations(state, A, B)
    assert abs(e - 0.656208103916) < 1e-11
    assert abs(c - 0.107377981173) < 1e-11
    assert abs(x - (0.064463083856 + 0.085852319012j)) < 1e-11
    assert abs(qsp.expect(A.m, state)) == 0


@pytest.mark.parametrize(
    ("delta", "locked"),
    [(0.1, 0.999977), (0.4, 0.999148), (0.5, 0.984747), (0.6, 0.832643), (1.0, 0.500067)],
)
def test_lasers_lock_where_the_pump_passes_the_detuning(delta, locked):
    """|x|/c → min(1, w/δ), arg x → 2 arctan min(1, δ/w) as N→∞ (PRL 113, 154101)."""
    system, A, B = laser(10**4, delta)
    _, c, x = correlations(qsp.steadystate(system, closure="cumulants"), A, B)
    assert abs(abs(x) / c.real - locked) < 1e-6
    near = 2e-2 if delta == 0.5 else 2e-3
    assert abs(abs(x) / c.real - min(1, 0.5 / delta)) < near
    if delta != 0.5:
        assert abs(np.angle(x) - 2 * np.arctan(min(1, delta / 0.5))) < 5e-3


def test_five_atoms_exactly():
    (A,) = qsp.atoms(5)
    jumps = [np.sqrt(0.4) * A.m, np.sqrt(0.5) * A.each.p, np.sqrt(0.2) * A.each.m]
    system = qsp.System(0.7 * A.z + 0.3 * A.x, [*jumps, 2 * np.sqrt(0.15) * A.each.z])
    rho = qutip.Qobj([[0.3, 0.2 - 0.1j], [0.2 + 0.1j, 0.7]])
    run = qsp.mfsolve(system, {A: rho}, [0, 2.0], closure="cumulants", order=5)
    assert run.stats["moments"] == 33 and run.stats["neglected"] == []
    want = {
        -0.200986206757: A.z,
        -0.092494649643 - 0.202027477235j: A.m,
        2.134237376380: A.p * A.m,
    }
    for value, operator in want.items():
        assert abs(qsp.expect(operator, run)[-1] - value) < 3e-11
    steady = hierarchy_steadystate(system)
    full = qutip.steadystate(*system.qutip())
    for operator in (A.z, A.m, A.p * A.m, A.p**2 * A.m**2):
        assert abs(qsp.expect(operator, steady) - qsp.expect(operator, full)) < 1e-9
    assert steady.neglected == () and "exact" in repr(steady)


def test_hierarchy_with_spins_and_levels():
    A, (h,), (s,) = *qsp.atoms(3), qsp.spins(1), qsp.levels(3)
    H = 0.3 * A.z + 0.4 * (A.p * h.m + A.m * h.p) + 0.5 * (s[0, 1] * h.p + s[1, 0] * h.m)
    jumps = [0.6 * A.each.p, 0.5 * A.m, 0.4 * h.m, 0.7 * s[1, 2], 0.3 * s[2, 0], 0.2 * A.each.z]
    system = qsp.System(H, jumps)
    state, rho = hierarchy_steadystate(system), qsp.steadystate(system)
    full = qutip.steadystate(*system.qutip())
    assert len(state.moments) < 150 and rho.dims == full.dims
    for operator in (A.z, h.z, s[2, 2], A.p * h.m, A.p * A.m, A.z * h.z * s[1, 1]):
        want = complex(qutip.expect(system.matrix(operator), full))
        assert abs(qsp.expect(operator, state) - want) < 1e-10
        assert abs(qsp.expect(operator, rho) - want) < 1e-10


def test_a_system_keeps_the_closures_that_were_used_last():
    (A,) = qsp.atoms(8)
    system = qsp.System(A.z, [A.m, 0.5 * A.each.p])
    used = [closure_of(system, order, neutral=True) for order in range(1, 7)]
    assert closure_of(system, 6, neutral=True) is used[-1]
    # used again, it is kept before later ones
    assert closure_of(system, 3, neutral=True) is used[2]
    closure_of(system, 7, neutral=True)
    assert closure_of(system, 3, neutral=True) is used[2]
    assert closure_of(system, 1, neutral=True) is not used[0]
    assert len(system.derived["closures"]) == 4


def test_what_grows_without_bound_has_no_steady_state():
    (b,) = qsp.modes(1)
    with pytest.raises(qsp.core.SolverError, match=r"do not settle: step size .* without bound"):
        qsp.steadystate(qsp.System(0 * b, [b.dag()]), closure="cumulants")


def test_no_unique_steady_state():
    (A,) = qsp.atoms(4)
    with pytest.raises(qsp.core.errors.SolverError, match="unique"):
        qsp.steadystate(qsp.System(0.3 * A.z, [A.m]))


def tavis_cummings():
    (b,), (A,) = qsp.modes(1), qsp.atoms(4)
    H = b.dag() * b + 1.1 * A.z + 0.3 * (b.dag() * A.m + b * A.p)
    return qsp.System(H, [np.sqrt(0.2) * b, np.sqrt(0.1 / 4) * A.m]), b, A


def test_orders_converge():
    """Errors of ⟨b⟩ for M=1…4 as in the reference run of Tavis–Cummings, N=4."""
    system, b, A = tavis_cummings()
    exact = -0.904911619493 - 0.043080631364j
    errors = []
    for order in (1, 2, 3, 4):
        state0 = {b: 0.8, A: (1.0, 0.4)}
        run = qsp.mfsolve(system, state0, [0, 2.0], closure="cumulants", order=order)
        errors.append(abs(qsp.expect(b, run)[-1] - exact))
    np.testing.assert_allclose(errors, [0.108, 0.012, 7.6e-4, 2.4e-5], rtol=0.05)


def test_the_next_order_estimates_the_error():
    """Change from M to M+1 against the true error, M=1…3; a saved result says what it lacks."""
    system, b, A = tavis_cummings()
    exact = -0.904911619493 - 0.043080631364j
    state0 = {b: 0.8, A: (1.0, 0.4)}
    for order in (1, 2, 3):
        run = qsp.mfsolve(system, state0, [0, 2.0], closure="cumulants", order=order)
        error = abs(qsp.expect(b, run)[-1] - exact)
        assert run.change(b)[-1] == pytest.approx(error, rel=0.15)
        assert run.change(b)[0] < 1e-12
    other = pickle.loads(pickle.dumps(run))
    np.testing.assert_allclose(other.change(b), run.change(b), atol=1e-9)
    other._start = other._next = None
    with pytest.raises(ValueError, match="order=4"):
        other.change(b)
    (E,) = qsp.atoms(2)
    small = qsp.System(E.z, [0.4 * E.m, 0.3 * E.each.p])
    assert not qsp.mfsolve(small, [(1.0, 0.2)], [0, 1.0], closure="cumulants").change(E.m).any()


def test_the_next_order_of_a_steady_state():
    """Six and six atoms of two lasers, where orders 2 and 3 bracket a known exact state."""
    lasers = qsp.superradiant_lasers(6)
    A, B = lasers.nodes
    state = qsp.steadystate(lasers, closure="cumulants", order=2)
    exact = qsp.steadystate(lasers)
    for x in (A.p * A.m, A.p * B.m, A.z):
        error = abs(qsp.expect(x, state) - qsp.expect(x, exact))
        assert 0.4 * error < state.change(x) < 2.5 * error
    assert exact.change(A.z) == 0.0


def test_ring_of_three():
    b = qsp.modes(3)
    H = 0.1 * (b[0].dag() * b[0] - b[2].dag() * b[2])
    for j in range(3):
        hop = b[j].dag() * b[(j + 1) % 3]
        H = H + 0.15 * b[j].dag() ** 2 * b[j] ** 2 + 0.2 * (hop + hop.dag())
    jumps = [f for x in b for f in (np.sqrt(0.5) * x.dag(), np.sqrt(0.4) * x**2, np.sqrt(0.3) * x)]
    system, start = qsp.System(H, jumps), [1, 0.5 + 0.3j, -0.4j]
    run = qsp.mfsolve(system, start, [0, 1.5], closure="cumulants", order=2)
    assert any("only (n=0.731)" in text for text in run.stats["neglected"])
    assert abs(qsp.expect(b[0], run)[-1] - (0.413901207097 - 0.381504513379j)) < 1e-10
    assert abs(qsp.expect(b[0].dag() * b[0], run)[-1] - 0.730933372583) < 1e-10
    hop = qsp.expect(b[0].dag() * b[1], run)[-1]
    assert abs(hop - (0.093477915904 + 0.069814062166j)) < 1e-10


def test_symmetric_closure_of_a_van_der_pol_oscillator_is_wrong_and_says_so():
    (b,) = qsp.modes(1)
    system = qsp.System(0 * b, [b.dag(), 0.1 * b**2])
    with pytest.warns(ApproximationWarning, match="wrong at any size"):
        state = qsp.steadystate(system, closure="cumulants", order=2)
    assert abs(qsp.expect(b.dag() * b, state) - 25.96) < 0.01  # exact: 50.5
    assert any("wrong at any size" in text for text in state.neglected)


def test_collective_spins_as_atoms_say_so():
    (S,) = qsp.spins(8)
    system = qsp.System(0.5 * S.x, [0.4 * S.m])
    with pytest.warns(ApproximationWarning, match="worse than the sphere"):
        run = qsp.mfsolve(system, {S: (0.1, 0)}, [0, 1.0], closure="cumulants", order=2)
    # second-order cumulants conserve S²
    S2 = qsp.expect(S.x**2 + S.y**2 + S.z**2, run)
    np.testing.assert_allclose(S2, 4 * 5, rtol=1e-9)


def test_reduction_needs_a_symmetric_start():
    system, b, A = tavis_cummings()
    with_phase = qsp.mfsolve(system, {b: 0.8, A: (0, 0)}, [0, 1.0], closure="cumulants")
    without = qsp.mfsolve(system, {b: 0, A: (0, 0)}, [0, 1.0], closure="cumulants")
    assert with_phase.stats["neutral"] is False and without.stats["neutral"] is True
    assert abs(with_phase.amplitudes[-1, 0]) > 0.1
    assert without.stats["moments"] < with_phase.stats["moments"]
    assert np.all(without.amplitudes == 0)


def test_estimate_before_the_work():
    b = qsp.modes(12)
    system = qsp.System(sum((x.dag() * x for x in b), 0 * b[0]), list(b))
    with pytest.raises(ValueError, match="more than a minute"):
        qsp.mfsolve(system, [0.1] * 12, [0, 1.0], closure="cumulants", order=6)
    with pytest.raises(ValueError, match="order must be at least 1"):
        qsp.mfsolve(system, [0.1] * 12, [0, 1.0], closure="cumulants", order=0)


@pytest.mark.parametrize(
    ("order", "neutral", "moments", "terms"),
    [(2, True, 8, 55), (2, False, 17, 248), (3, True, 18, 261), (3, False, 49, 1996)],
)
def test_sizes_of_two_ensembles(order, neutral, moments, terms):
    system, *_ = laser(100, 0.2)
    closure = Closure(system, order, neutral=neutral)
    assert len(closure.equations.words) == moments
    assert len(closure.arrays()[0]["value"]) == terms


def test_results_pickle_and_load(tmp_path):
    system, b, A = tavis_cummings()
    run = qsp.mfsolve(system, {b: 0.8, A: (1.0, 0.4)}, [0, 1.0], closure="cumulants")
    run.save(tmp_path / "run.npz")
    for back in (pickle.loads(pickle.dumps(run)), qsp.load(tmp_path / "run.npz")):
        assert np.array_equal(back.moments, run.moments)
        assert np.array_equal(qsp.expect(b.dag() * A.m, back), qsp.expect(b.dag() * A.m, run))


def test_orders_beyond_counting_are_refused_before_any_work():
    pair = qsp.van_der_pol_pair()
    for order in (10**3, 10**9):
        with pytest.raises(ValueError, match="order"):
            qsp.mfsolve(pair, [1, 1], [0, 1.0], closure="cumulants", order=order)
        with pytest.raises(ValueError, match="order"):
            qsp.steadystate(pair, closure="cumulants", order=order)
    # more than all operators that there are is all of them
    s, c = qsp.spins(1, 1)
    two = qsp.System(s.p * c.m + s.m * c.p + s.z, [s.m, 0.5 * c.p])
    exact = qsp.expect(s.z, qsp.steadystate(two))
    every = qsp.expect(s.z, qsp.steadystate(two, closure="cumulants", order=10**9))
    assert every == pytest.approx(exact, abs=1e-12)


@pytest.mark.filterwarnings("ignore:spins as sums")
@pytest.mark.parametrize("seed", range(12))
def test_rates_of_random_mixtures_are_exact_at_product_states(seed):
    """No cumulant is there yet, so that every closure has the exact rate of what it keeps."""
    rng = np.random.default_rng(seed)
    (b,), (S,), (half,) = qsp.modes(1), qsp.spins(2), qsp.spins(1, names=["half"])
    (s,), (A,) = qsp.levels(3), qsp.atoms(2)
    letters = {
        b: [b, b.dag()],
        S: [S.p, S.m, S.z],
        half: [half.x, half.y, half.z],
        s: [s[0, 1], s[1, 2], s[2, 0], s[1, 1]],
        A: [A.p, A.m, A.y],
    }
    nodes = [list(letters)[k] for k in rng.choice(5, size=2, replace=False)]
    words = [x for node in nodes for x in letters[node]]

    def number():
        return complex(*rng.normal(size=2)) * 0.4

    def polynomial(degree):
        term = 1
        for k in rng.integers(len(words), size=degree):
            term = term * words[k]
        return number() * term

    phase = qutip.coefficient(lambda t: np.exp(-1j * t))
    H = sum((polynomial(k) for k in (1, 2, 3)), 0 * words[0]) + phase * polynomial(2)
    H = H + sum((letters[node][-1] for node in nodes), 0 * words[0])
    jumps = [polynomial(2) + polynomial(1), (lambda t: 1 + t) * polynomial(1)]
    if A in nodes:
        jumps.append(number() * A.each.p + number() * A.each.z)
    system = qsp.System(H + H.dag(), jumps, order=nodes)
    up, mixed = qutip.basis(3, 1) + 0.5j * qutip.basis(3, 0), [0.3, -0.2, 0.5]
    states = {b: 0.2 - 0.1j, S: (1.0, 0.3), half: mixed, s: up.unit(), A: mixed}
    start = {node: states[node] for node in nodes}
    cutoff = 16 if b in nodes else None
    state = ProductState(system, start).qutip(cutoff)
    rho = state if state.isoper else state.proj()
    t0, h = 0.3, 2e-4
    liouvillian = qutip.liouvillian(*system.qutip(cutoff))
    if isinstance(liouvillian, qutip.QobjEvo):
        liouvillian = liouvillian(t0)
    rate = qutip.vector_to_operator(liouvillian * qutip.operator_to_vector(rho))
    for order in (1, 2, 3):
        run = qsp.mfsolve(system, start, t0 + h * np.arange(5), closure="cumulants", order=order)
        operator = polynomial(order)
        want = (system.matrix(operator, cutoff) * rate).tr()
        got = np.dot([-25 / 12, 4, -3, 4 / 3, -1 / 4], qsp.expect(operator, run)) / h
        assert abs(got - want) < 1e-8 * max(1, abs(want))


@pytest.mark.parametrize("size, order", [(24, 24), (10**5, 4)])
def test_moments_of_a_product_state_are_products_however_many_atoms(size, order):
    # (N)_k of 21 atoms, or of 10⁵ and four letters, has no place in 64 bits
    (A,) = qsp.atoms(size)
    system = qsp.System(0.3 * A.x, [0.3 * A.each.p, (0.2 / size) ** 0.5 * A.m])
    run = qsp.CumulantSolver(system, order=order).run({A: (1.0, 0.7)}, [0.0])
    lower, up = 0.5 * np.sin(1.0) * np.exp(-0.7j), np.cos(0.5) ** 2
    one = {(1, 0, 0): lower.conjugate(), (0, 1, 0): up, (0, 0, 1): lower}
    e = run.closure.equations
    exact = [np.prod([one[e.letters[k][1]] for k in word]) for word in e.words]
    np.testing.assert_allclose(run.moments[0], exact, rtol=1e-12)


def test_moments_that_are_no_longer_those_of_a_state_are_no_exact_result(monkeypatch):
    (A,) = qsp.atoms(12)
    system = qsp.System(0.3 * A.x, [0.3 * A.each.p, 0.4 * A.m])
    whole = Closure.initial
    monkeypatch.setattr(Closure, "initial", lambda self, product: 3 * whole(self, product))
    with pytest.raises(qsp.SolverError, match="no longer those of a state: a variance is -"):
        qsp.exactsolve(system, {A: (1.0, 0.0)}, [0.0, 1.0])
