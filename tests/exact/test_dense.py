"""Operators with as many diagonals as levels: products of dense matrices in place of shifts."""

import numpy as np
import pytest
import qutip
import scipy.linalg

import qsyncplug as qsp
from qsyncplug.exact import decay_modes, liouvillian
from qsyncplug.exact import fluctuation as fluctuation_module
from qsyncplug.exact import steady as steady_module
from qsyncplug.exact.liouvillian import Liouvillian
from qsyncplug.exact.propagate import ChebyshevStepper


def draw(d, seed=0, jumps=2):
    rng = np.random.default_rng(seed)
    a = [rng.standard_normal((d, d)) + 1j * rng.standard_normal((d, d)) for _ in range(jumps + 1)]
    H = qutip.Qobj(a[0] + a[0].conj().T)
    return H, [qutip.Qobj(x / np.sqrt(d)) for x in a[1:]], rng


@pytest.fixture
def always_dense(monkeypatch):
    monkeypatch.setattr(liouvillian, "_MOST_TERMS", 0)


def test_products_and_exponentials(always_dense):
    H, c_ops, rng = draw(7)
    L = Liouvillian(H, c_ops)
    assert L.dense is not None
    whole = qutip.liouvillian(H, c_ops).full()
    rho = qutip.rand_dm(7, seed=1).full()
    other = rng.standard_normal((7, 7)) + 1j * rng.standard_normal((7, 7))
    for E, X in ((L.hermitian(), rho), (L.general(np.arange(-6, 7)), other)):
        # column-major vectors are QuTiP's
        exact = (whole @ X.ravel(order="F")).reshape(7, 7, order="F")
        assert np.abs(E.unpack(E.kernel.apply(E.pack(X))) - exact).max() < 1e-12
        assert E.kernel.norm(E.pack(X)) == pytest.approx(np.linalg.norm(X), rel=1e-13)
        stepper = ChebyshevStepper(E, E.pack(X), 0.0, tolerance=1e-13, readout=E.readout([other]))
        windows = list(stepper.advance(np.array([0.2, 0.5])))
        for t, row, value in zip(
            np.concatenate([w.times for w in windows]),
            np.concatenate([w.rows for w in windows]),
            np.concatenate([w.values for w in windows]),
            strict=True,
        ):
            late = scipy.linalg.expm(t * whole) @ X.ravel(order="F")
            late = late.reshape(7, 7, order="F")
            assert np.abs(E.unpack(row) - late).max() < 1e-11
            assert abs(value[0] - np.trace(other @ late)) < 1e-10


def test_kets(always_dense):
    H, _, _ = draw(9)
    E = Liouvillian(H).ket()
    psi = qutip.rand_ket(9, seed=2).full()[:, 0]
    stepper = ChebyshevStepper(E, E.pack(psi), 0.0, tolerance=1e-13)
    (window,) = [w for w in stepper.advance(np.array([0.4])) if len(w.times)]
    late = scipy.linalg.expm(-0.4j * H.full()) @ psi
    assert np.abs(E.unpack(window.rows[0])[:, 0] - late).max() < 1e-12


@pytest.mark.filterwarnings("ignore:the spectrum has peaks of nearly equal height")
def test_steady_states_modes_and_spectra(monkeypatch):
    """As large as needs the iterative ways, of which the factorisation knows the answer."""
    H, c_ops, _ = draw(12, jumps=2)
    a = qutip.destroy(12)
    rho = qsp.steadystate((H, c_ops))
    modes = qsp.eigenmodes((H, c_ops), 4)
    s = qsp.spectrum((H, c_ops), a)
    assert abs((rho - qutip.steadystate(H, c_ops)).full()).max() < 1e-11
    monkeypatch.setattr(liouvillian, "_MOST_TERMS", 0)
    monkeypatch.setattr(steady_module, "_DIRECT", 10)
    monkeypatch.setattr(decay_modes, "_DENSE", 10)
    monkeypatch.setattr(fluctuation_module, "_LU_WHOLE", 10)
    again = qsp.steadystate((H, c_ops))
    assert abs((again - rho).full()).max() < 1e-11
    # rounding decides which of a pair comes first
    for value in qsp.eigenmodes((H, c_ops), 4).eigenvalues:
        assert np.abs(modes.eigenvalues - value).min() < 1e-10
    other = qsp.spectrum((H, c_ops), a)
    w = np.linspace(-5, 5, 11)
    assert np.abs(other(w) - s(w)).max() < 1e-8 * s(w).max()
    tau = [0.0, 0.3, 1.0]
    precise = {"rtol": 1e-11, "atol": 1e-13}
    exact = qutip.correlation_2op_1t(H, None, tau, c_ops, a.dag(), a, options=precise)
    assert np.abs(qsp.correlation((H, c_ops), a, tau) - exact).max() < 1e-9


def test_many_dense_levels_do_not_fill_the_memory():
    """120 levels would make 57 000 shifts of jumps alone."""
    H, c_ops, _ = draw(120, jumps=1)
    rho = qsp.steadystate((H, c_ops))
    left = -1j * (H * rho - rho * H)
    for c in c_ops:
        left = left + c * rho * c.dag() - 0.5 * (c.dag() * c * rho + rho * c.dag() * c)
    assert abs(left.full()).max() < 1e-11


def test_what_does_not_fit_is_refused_before_any_work(monkeypatch):
    from qsyncplug.core import checks
    from qsyncplug.core.errors import MemoryLimitError

    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b + b + b.dag(), [b])
    monkeypatch.setattr(checks, "available_memory", lambda: 2**21)
    H, c_ops, _ = draw(150, jumps=1)
    with pytest.raises(MemoryLimitError, match="the steady state of 150 levels"):
        qsp.steadystate((H, c_ops))
    with pytest.raises(MemoryLimitError, match=r"needs about"):
        qsp.steadystate(system, cutoff=400)
    with pytest.raises(MemoryLimitError, match="elements needs about"):
        qsp.eigenmodes(system, 3, cutoff=400)
    with pytest.raises(MemoryLimitError, match="eigenmodes among 10000 elements"):
        qsp.eigenmodes(system, 3, cutoff=100)
    with pytest.raises(MemoryLimitError):
        qsp.spectrum(system, b, cutoff=100)


def test_what_takes_long_is_said_beforehand(monkeypatch):
    from qsyncplug.core import progress

    monkeypatch.setattr(progress, "_LONG", 0.0)
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b + 0.3 * (b + b.dag()), [b])
    warm = qsp.System(system.hamiltonian, [b, 0.1 * b.dag()])
    for call in (
        lambda: qsp.steadystate(system, cutoff=70),
        lambda: qsp.eigenmodes(system, 2, cutoff=30),
        lambda: qsp.spectrum(warm, b, cutoff=60),
        lambda: qsp.exactsolve(system, [0], [0.0, 0.1], cutoff=10),
    ):
        with pytest.warns(qsp.core.errors.QsyncplugWarning, match="will take about"):
            call()


def test_driven_cat_states_need_an_initial_state():
    """Two-photon drive and loss: a plane of steady states; parity, and the overlap of the even
    and odd cat, decide where one ends.
    """
    (b,) = qsp.modes(1)
    # L = b²−α²: every state of the plane is dark
    alpha = 1.2
    system = qsp.System(0 * b, [b**2 - alpha**2])
    with pytest.raises(qsp.core.errors.SolverError, match=r"unique|singular"):
        qsp.steadystate(system, cutoff=70)
    coherent = qutip.coherent(40, alpha, method="analytic")
    even = (coherent + qutip.coherent(40, -alpha, method="analytic")).unit()
    found = qsp.steadystate(system, cutoff=40, state0=qutip.fock(40, 0))
    assert abs((found - even.proj()).full()).max() < 1e-9
    found = qsp.steadystate(system, cutoff=40, state0=coherent.unit())
    assert abs((found - coherent.unit().proj()).full()).max() < 1e-9


def test_many_levels_of_few_shifts_are_not_dense(monkeypatch):
    """A chain of 16 spins has 65536 levels and 62 shifts: it was taken for a dense matrix."""
    monkeypatch.setattr(liouvillian, "_MOST_TERMS", 100)
    s = qsp.spins(*[1] * 6)
    H = sum(s[k].p * s[k + 1].m + s[k].m * s[k + 1].p for k in range(5))
    L = Liouvillian(*qsp.System(H, [s[0].m]).qutip())
    assert L.dense is None and len(L.left) > 4
    H, c_ops, _ = draw(8)
    assert Liouvillian(H, c_ops).dense is not None


@pytest.mark.parametrize("driven", [False, True])
def test_trajectories_of_dense_operators(always_dense, driven):
    """Kets have nothing to gain by dense matrices: the compiled jumps serve."""
    rng, (s,) = np.random.default_rng(1), qsp.levels(4)

    def dense():
        m = rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4))
        return sum(complex(m[i, j]) * s[i, j] for i in range(4) for j in range(4))

    X, A, f = dense(), 0.4 * dense(), qutip.coefficient(lambda t: np.cos(2 * t))
    H = X + X.dag() if not driven else f * (X + X.dag())
    system, psi, times = qsp.System(H, [A]), qutip.rand_ket(4, seed=1), np.linspace(0, 1.5, 4)
    options = {"method": "trajectories", "ntraj": 600, "seed": 3}
    run = qsp.exactsolve(system, psi, times, e_ops=[s[0, 0], s[1, 1]], options=options)
    assert run.stats["integrator"] == "Taylor"
    exact = qsp.exactsolve(system, psi, times, e_ops=[s[0, 0], s[1, 1]])
    for k in (0, 1):
        off = np.abs(np.array(run.e_data[k]) - np.array(exact.e_data[k]))
        assert np.all(off <= 5 * run.stats["errors of e_ops"][str(k)] + 1e-9)


@pytest.mark.parametrize("end", [3.0, 30.0])
def test_states_of_dense_systems_stay_hermitian(end):
    """Ten levels: rounding that is not Hermitian grew by the jumps, which nothing damps, to 10⁻⁹
    at t=3 and beyond all bounds at t=5.
    """
    rng, d = np.random.default_rng(10), 10
    G, *jumps = rng.normal(size=(3, d, d)) + 1j * rng.normal(size=(3, d, d))
    H, c_ops = qutip.Qobj(G + G.conj().T), [qutip.Qobj(0.4 * c) for c in jumps]
    (s,) = qsp.levels(d)

    def expression(matrix):
        return sum(complex(x) * s[i, j] for (i, j), x in np.ndenumerate(matrix.full()))

    system = qsp.System(expression(H), [expression(c) for c in c_ops])
    run = qsp.exactsolve(system, qutip.basis(d, 0), [0, end])
    start = qutip.operator_to_vector(qutip.fock_dm(d, 0)).full()
    want = scipy.linalg.expm(qutip.liouvillian(H, c_ops).full() * end) @ start
    want = want.reshape(d, d, order="F")
    np.testing.assert_allclose(run.states[-1].full(), want, atol=1e-12)
