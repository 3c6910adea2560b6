"""Evolution and steady states by coherence order, against whole matrices and exponentials."""

import warnings

import numpy as np
import pytest
import qutip
import scipy.linalg
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp
from qsyncplug.core.errors import MissingFieldError, SolverError, StepLimitError, TimeLimitError
from qsyncplug.exact import choice
from qsyncplug.exact.liouvillian import Liouvillian
from qsyncplug.exact.nullspace import steady_blocks
from qsyncplug.exact.problem import exact_problem
from qsyncplug.exact.propagate import ChebyshevStepper
from qsyncplug.exact.superoperator import OrderZero, superoperator


def random_problem(seed, sizes=(2, 3, 3), jumps=3, real=False):
    """Blocks of random size, a random Hamiltonian within them and random jumps that lower the
    charge by 0, 1 or 2.
    """
    rng = np.random.default_rng(seed)
    charge = np.repeat(np.arange(len(sizes)), sizes)
    rng.shuffle(charge)
    d = len(charge)

    def draw(shape):
        return rng.standard_normal(shape) + (0 if real else 1j) * rng.standard_normal(shape)

    H = draw((d, d)) * (charge[:, None] == charge[None, :])
    H = H + H.conj().T
    operators = [draw((d, d)) * (charge[:, None] == charge[None, :] - k % 3) for k in range(jumps)]
    return H, operators, charge[:, None], rng


def liouvillian(H, jumps):
    """Row-major vectorisation."""
    one = np.eye(len(H))
    L = -1j * (np.kron(H, one) - np.kron(one, H.T))
    for A in jumps:
        g = A.conj().T @ A
        L = L + np.kron(A, A.conj()) - 0.5 * (np.kron(g, one) + np.kron(one, g.T))
    return L


def whole_index(charges, order):
    """Numbers a·d+b of the elements with q(a)−q(b) equal to `order`."""
    return np.flatnonzero((charges[:, None, 0] - charges[None, :, 0] == order).ravel())


def effective(H, jumps):
    return sp.csr_matrix(-1j * H - 0.5 * sum(A.conj().T @ A for A in jumps))


@given(seed=st.integers(0, 10**6), real=st.booleans())
@settings(max_examples=20)
def test_the_generator_is_that_of_the_whole_matrix(seed, real):
    H, jumps, charges, rng = random_problem(seed, real=real)
    d = len(H)
    rho = rng.standard_normal(d * d) + 1j * rng.standard_normal(d * d)
    whole = liouvillian(H, jumps) @ rho
    together = np.zeros(d * d, dtype=complex)
    M, operators = effective(H, jumps), [sp.csr_matrix(j) for j in jumps]
    for order in range(-2, 3):
        index = rng.permutation(whole_index(charges, order))
        together[index] += superoperator(M, operators, index) @ rho[index]
    assert np.abs(together - whole).max() < 1e-12 * max(1, np.abs(whole).max())


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_the_evolution_is_the_exponential(seed):
    # a basis in which flat shifts do not tell the orders apart
    H, jumps, _, rng = random_problem(seed)
    d = len(H)
    psi = rng.standard_normal(d) + 1j * rng.standard_normal(d)
    psi /= np.linalg.norm(psi)
    operators = [rng.standard_normal((d, d)) + 1j * rng.standard_normal((d, d)) for _ in range(3)]
    times = np.array([0.0, 0.3, 0.31, 1.7])
    E = Liouvillian(qutip.Qobj(H), [qutip.Qobj(j) for j in jumps]).hermitian()
    stepper = ChebyshevStepper(
        E, E.pack(psi), 0.0, tolerance=1e-13, readout=E.readout(operators), states=False
    )
    values = np.concatenate([w.values for w in stepper.advance(times)])
    L, rho = liouvillian(H, jumps), np.outer(psi, psi.conj()).ravel()
    for k, t in enumerate(times):
        state = (scipy.linalg.expm(t * L) @ rho).reshape(d, d)
        assert np.abs(values[k] - [np.trace(o @ state) for o in operators]).max() < 2e-11
    assert stepper.counters.rounding < 1e-12


def test_three_modes_of_different_cutoffs():
    # charges that no flat shift shows: every element is evolved, the moments are the same
    b = qsp.modes(3)
    jumps = [*(x.dag() for x in b), *(1.5 * x**2 for x in b), b[0] - b[1], b[1] - b[2]]
    system = qsp.System(0.3 * b[0].dag() * b[0], jumps)
    t = np.linspace(0, 1, 5)
    options = {"method": "mesolve", "atol": 1e-13, "rtol": 1e-12}
    kets = [qutip.coherent(n, a, method="analytic").unit() for n, a in ((3, 0.2), (5, 0.3), (4, 0))]
    run = {"cutoff": (3, 5, 4)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", qsp.core.errors.CutoffWarning)
        psi = qutip.tensor(kets)
        a = qsp.exactsolve(system, psi, t, options={"method": "sectors"}, **run)
        c = qsp.exactsolve(system, psi, t, options=options, **run)
    for name in a._fields:
        assert np.nanmax(np.abs(getattr(a, name) - getattr(c, name))) < 1e-11, name


def test_moments_of_chains_against_mesolve():
    chains = qsp.SpinChains(
        n=(3, 2), loss=0.1, thermal=0.2, gain=0.1, two_photon=0.05, dissipative=0.3, coherent=0.2
    )
    state = chains.product_state(
        (qutip.basis(2, 0) + 0.5j * qutip.basis(2, 1)).unit(), (0.3, 0.6), (0.4, 1)
    )
    t = np.linspace(0, 3, 7)
    a = qsp.exactsolve(chains, state, t, options={"method": "sectors"})
    b = qsp.exactsolve(
        chains, state, t, options={"method": "mesolve", "atol": 1e-13, "rtol": 1e-12}
    )
    for name in a._fields:
        x, y = getattr(a, name), getattr(b, name)
        assert np.nanmax(np.abs(x - y)) < 1e-11, name
    assert a.stats["drift"]["trace"] < 1e-12


@pytest.mark.parametrize("model", ["pair", "drift", "two charges"])
def test_moments_of_boson_models_against_mesolve(model):
    b1, b2 = qsp.modes(2)
    system = {
        "pair": qsp.van_der_pol_pair(loss=2.0, coherent=0.3),
        "drift": qsp.System(
            b1.dag() * b1 * b2.dag() * b2 + 0.5 * (b1.dag() * b2 + b2.dag() * b1),
            [b1, 0.3 * b2.dag()],
        ),
        "two charges": qsp.System(0.4 * b1.dag() * b1 * b2.dag() * b2, [b1, b2**2, 0.2 * b2.dag()]),
    }[model]
    t = np.linspace(0, 1, 4)
    psi = qutip.tensor(
        qutip.coherent(7, 0.6, method="analytic").unit(),
        qutip.coherent(7, 0.4j, method="analytic").unit(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", qsp.core.errors.CutoffWarning)
        a = qsp.exactsolve(system, psi, t, cutoff=7, options={"method": "sectors"})
        b = qsp.exactsolve(
            system, psi, t, cutoff=7, options={"method": "mesolve", "atol": 1e-13, "rtol": 1e-12}
        )
    for name in a._fields:
        assert np.nanmax(np.abs(getattr(a, name) - getattr(b, name))) < 1e-11, name


def test_what_the_orders_hold_and_what_they_do_not():
    chains = qsp.SpinChains(n=(3, 2), loss=0.1)
    state, t = chains.product_state(excitation=0.4), [0.0, 0.5, 1.0]
    run = {"options": {"method": "sectors"}}
    j1, j2 = chains.lowering(1), chains.lowering(2)
    result = qsp.exactsolve(chains, state, t, e_ops={"pair": j1.dag() * j2 + j2.dag() * j1}, **run)
    wanted = qutip.mesolve(
        chains.hamiltonian(),
        state,
        t,
        chains.c_ops(),
        e_ops=[j1.dag() * j2 + j2.dag() * j1],
        options={"atol": 1e-12, "rtol": 1e-10},
    ).expect[0]
    assert np.abs(np.array(result.e_data["pair"]) - wanted).max() < 1e-8
    assert "coherence orders" in result.stats["holds"]
    with pytest.raises(MissingFieldError, match="density"):
        _ = result.final_state
    # an operator of a higher order takes that order along
    cubic = qsp.exactsolve(chains, state, t, e_ops=[j1 * j1 * j2], **run).e_data[0]
    whole = qsp.exactsolve(chains, state, t, e_ops=[j1 * j1 * j2]).e_data[0]
    assert np.abs(np.array(cubic) - whole).max() < 1e-11
    assert np.abs(whole).max() > 0.1
    with pytest.raises(ValueError, match="function of the whole state"):
        qsp.exactsolve(chains, state, t, e_ops=[lambda t, s: 0.0], **run)
    with pytest.raises(ValueError, match="store_states"):
        qsp.exactsolve(chains, state, t, options={"method": "sectors", "store_states": True})
    (b,) = qsp.modes(1)
    driven = qsp.System(0.01 * (b + b.dag()), [b])
    with pytest.raises(ValueError, match="no phase symmetry"):
        qsp.exactsolve(driven, [0], t, cutoff=8, **run)


def test_auto_takes_the_orders_for_long_runs_alone(monkeypatch):
    t = np.linspace(0, 0.1, 3)
    chains = qsp.SpinChains(n=6, loss=0.1)
    run = qsp.exactsolve(chains, chains.product_state(), t)
    assert run.stats["method"] == "density"
    assert run.states
    pure = qsp.SpinChains(n=6)
    assert qsp.exactsolve(pure, pure.product_state(), t).stats["method"] == "ket"
    # as if this run took long
    monkeypatch.setattr(choice, "_PATIENCE", 0.0)
    short = qsp.exactsolve(chains, chains.product_state(), t)
    assert short.stats["method"] == "sectors"
    assert np.abs(short.spins - run.spins).max() < 1e-11


def test_runs_that_must_stop_keep_what_they_have():
    chains = qsp.SpinChains(n=(12, 12), loss=0.1)
    state = chains.product_state(excitation=0.4)
    t = np.linspace(0, 400, 401)
    with pytest.raises(TimeLimitError) as info:
        qsp.exactsolve(chains, state, t, options={"method": "sectors", "time_limit": 0.3})
    error = info.value
    assert 0 < len(error.result.times) < len(t)
    check = qsp.exactsolve(chains, state, t[:2], options={"method": "sectors"})
    if len(error.result.times) > 1:
        assert np.abs(error.result.spins[1] - check.spins[1]).max() < 1e-11
    with pytest.raises(StepLimitError):
        qsp.exactsolve(chains, state, t, options={"method": "sectors", "nsteps": 1})


@pytest.mark.parametrize("real", [True, False])
def test_steady_blocks_against_a_dense_null_space(real):
    H, jumps, charges, _ = random_problem(11, sizes=(2, 4, 3), jumps=3, real=real)
    jumps.append(jumps[1].conj().T * 0.7)
    zero = OrderZero(charges)
    x, stats = steady_blocks(effective(H, jumps), [sp.csr_matrix(j) for j in jumps], zero)
    null = scipy.linalg.null_space(liouvillian(H, jumps), rcond=1e-12)
    assert null.shape[1] == 1
    rho = null[:, 0].reshape(len(H), len(H))
    rho = rho / np.trace(rho)
    assert np.abs(zero.matrix(x).toarray() - rho).max() < 1e-11
    assert stats["residual"] < 1e-14


def test_several_steady_states_are_not_passed_off_as_one():
    # the parity of each oscillator is conserved
    b1, b2 = qsp.modes(2)
    system = qsp.System(b1.dag() * b1, [b1**2, b2**2, 0.3 * b1.dag() ** 2, 0.3 * b2.dag() ** 2])
    problem = exact_problem(system, 6)
    zero = OrderZero(problem.charges)
    with pytest.raises(SolverError, match="unique"):
        steady_blocks(problem.effective, problem.matrices[1], zero)


def test_operators_that_break_the_symmetry_are_refused():
    H, jumps, charges, _ = random_problem(5)
    index = whole_index(charges, 0)
    with pytest.raises(ValueError, match="do not respect the charges"):
        superoperator(effective(np.ones_like(H), []), [], index)
    mixed = [sp.csr_matrix(jumps[0] + jumps[1])]
    with pytest.raises(ValueError, match="do not decouple"):
        superoperator(effective(H, mixed), mixed, index)
    # each breaks it, both together do not
    b = sp.diags(np.sqrt(np.arange(1.0, 6)), 1)
    pair = [sp.csr_matrix(b + b.T), sp.csr_matrix(1j * (b - b.T))]
    number = np.arange(6)[:, None]
    L = superoperator(effective(np.zeros((6, 6)), pair), pair, whole_index(number, 0))
    assert np.abs(L.sum(axis=0)).max() < 1e-13
