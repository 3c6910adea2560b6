"""Ensembles beside modes in the permutation-symmetric Liouville space, against all states."""

import pickle
import warnings

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.approximate.stationary import hierarchy_exactsolve, hierarchy_steadystate
from qsyncplug.core.errors import CutoffWarning, SolverError
from qsyncplug.exact import symmetric_modes
from qsyncplug.exact.permuted import evolved
from qsyncplug.exact.symmetric import has_ensembles, many_atoms
from qsyncplug.exact.symmetric_modes import SymmetricModes
from qsyncplug.operators.permuted import PermutedSpace


def driven(n, *, drive=0.0):
    """Atoms with rates of their own in a lossy, weakly nonlinear cavity."""
    (b,), (A,) = qsp.modes(1), qsp.atoms(n)
    H = 0.3 * b.dag() * b + 0.2 * A.z + 0.25 * (b.dag() * A.m + b * A.p) + drive * (b + b.dag())
    jumps = [0.9 * b, 0.3 * b**2, 0.6 * A.each.p, 0.3 * A.each.m, 0.4 * A.each.z, 0.2 * A.m]
    return qsp.System(H, jumps), b, A


@pytest.mark.parametrize("drive", [0.0, 0.2])
def test_steady_states(drive):
    system, b, A = driven(3, drive=drive)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        whole = qsp.steadystate(system, cutoff=6)
    moments = hierarchy_steadystate(system, 6)
    for x in (b, A.m, b.dag() * b, A.z, A.p * A.m, b.dag() * A.m, b**2 * A.p, b.dag() ** 2 * b**2):
        assert abs(qsp.expect(x, whole) - qsp.expect(x, moments)) < 1e-12
    assert moments.neglected == ()
    # a quarter of the elements: C(N+3, 3) in place of 4^N
    assert len(moments.moments) <= 20 * 36 / 2 + 20 * 6


def test_evolution_in_time():
    system, b, A = driven(3, drive=0.2)
    state0 = {b: 0.5 + 0.2j, A: (1.2, 0.3)}
    times = [0, 0.7, 1.5]
    e_ops = {"b": b, "S": A.m, "bS": b.dag() * A.m * A.z, "n": b.dag() * b}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        exact = qsp.exactsolve(system, state0, times, cutoff=6, e_ops=e_ops)
    run = hierarchy_exactsolve(system, state0, times, cutoff=6, e_ops=e_ops)
    for name in e_ops:
        np.testing.assert_allclose(run.e_data[name], exact.e_data[name], atol=2e-8)
    assert run.stats["neglected"] == [] and run.stats["cutoff"] == 6
    again = pickle.loads(pickle.dumps(run))
    np.testing.assert_array_equal(again.expectation(A.p * b), run.expectation(A.p * b))


def test_two_modes_and_two_ensembles():
    b1, b2 = qsp.modes(2)
    A, B = qsp.atoms(1, 2)
    H = 0.3 * b1.dag() * b1 + 0.2 * (b1.dag() * b2 + b2.dag() * b1)
    H = H + 0.4 * (b1.dag() * A.m + b1 * A.p) + 0.3 * (b2.dag() * B.m + b2 * B.p)
    jumps = [b1, 0.8 * b2, 0.7 * A.each.p, 0.5 * B.each.p, 0.3 * B.m]
    system = qsp.System(H, jumps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        whole = qsp.steadystate(system, cutoff=(4, 3))
    moments = hierarchy_steadystate(system, (4, 3))
    for x in (b1.dag() * b1, b2.dag() * b1, b1.dag() * B.m, A.p * B.m, B.p * B.m * A.z):
        assert abs(qsp.expect(x, whole) - qsp.expect(x, moments)) < 1e-12


def test_many_atoms_take_it_by_themselves():
    system, b, A = driven(7)
    assert many_atoms(system) and has_ensembles(driven(2)[0]) and not many_atoms(driven(2)[0])
    with pytest.warns(CutoffWarning, match="cut-off 4 is too low"):
        few = qsp.steadystate(system, cutoff=4)
    assert type(few).__name__ == "MomentState"
    # independent: all states of four atoms in QuTiP; seven give more light
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        run = qsp.exactsolve(system, {b: 0.0, A: (0, 0, -1.0)}, [0.0, 0.6], cutoff=4)
    H, c_ops = driven(4)[0].qutip(4)
    ground = qutip.tensor(qutip.basis(4, 0), *[qutip.basis(2, 1)] * 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        small = hierarchy_exactsolve(driven(4)[0], [0.0, (0, 0, -1.0)], [0.0, 0.6], cutoff=4)
    n = qutip.tensor(qutip.num(4), *[qutip.qeye(2)] * 4)
    want = qutip.mesolve(
        H, ground, [0.0, 0.6], c_ops, e_ops=[n], options={"atol": 1e-12, "rtol": 1e-10}
    ).expect[0][-1]
    mode = small.model.nodes[0]
    assert abs(small.expectation(mode.dag() * mode)[-1] - want) < 1e-8
    assert run.expectation(b.dag() * b)[-1].real > want


def test_a_cutoff_is_needed():
    system, b, A = driven(7)
    with pytest.raises(TypeError, match="cutoff"):
        qsp.steadystate(system)
    with pytest.raises(TypeError, match="cutoff"):
        qsp.exactsolve(system, {b: 0.0, A: (0, 0, 1.0)}, [0, 1.0])
    with pytest.raises(ValueError, match="moments"):
        qsp.steadystate(driven(60, drive=0.1)[0], cutoff=12)


def test_levels_of_modes():
    (b,), (s,) = qsp.modes(1), qsp.spins(1)
    system = qsp.System(0.3 * b.dag() * b + 0.2 * (b.dag() ** 2 * s.m + b**2 * s.p), [b, b.dag()])
    cut = system.as_levels(5)
    assert cut.levels() == [5, 2]
    (H1, L1), (H2, L2) = system.qutip(5), cut.qutip()
    np.testing.assert_allclose(H1.full(), H2.full(), atol=1e-14)
    for x, y in zip(L1, L2, strict=True):
        np.testing.assert_allclose(x.full(), y.full(), atol=1e-14)
    with pytest.raises(ValueError, match="cutoff"):
        system.as_levels(1)


def noisy(n, drive):
    """Atoms alone, with jumps of each and of all."""
    (A,) = qsp.atoms(n)
    jumps = [0.6 * A.each.p, 0.3 * A.each.m, 0.4 * A.each.z, 0.5 * A.m]
    return qsp.System(0.3 * A.z + drive * A.x, jumps), A


@pytest.mark.parametrize("n, drive", [(1, 0.2), (2, 0.0), (4, 0.2), (6, 0.0), (7, 0.2)])
def test_a_density_matrix_of_a_few_atoms(n, drive):
    """Against all states in QuTiP, whose null vector is found without its solvers."""
    system, A = noisy(n, drive)
    state = qsp.steadystate(system)
    if n > 6:
        assert type(state).__name__ == "MomentState"
        return
    assert isinstance(state, qutip.Qobj) and state.dims == [[2] * n, [2] * n]
    for x in (A.z, A.m, A.p * A.m, A.p**2 * A.m**2):
        want = qsp.expect(x, hierarchy_steadystate(system))
        assert abs(qsp.expect(x, state) - want) < 1e-12
    if n < 6:
        H, c_ops = system.qutip()
        L = qutip.liouvillian(H, c_ops).full()
        found = state.full().ravel(order="F")
        assert np.abs(L @ found).max() < 1e-14 and np.linalg.svd(L)[1][-2] > 1e-3


def test_sums_over_atoms_conserve_the_total_spin():
    """One steady state for each total spin: the one that a start leads to."""
    (A,), (S,) = qsp.atoms(4), qsp.spins(4)

    def crystal(x):
        return qsp.System(0.7 * x.x, [0.5 * x.m])

    for n in (4, 9):
        (B,) = qsp.atoms(n)
        with pytest.raises(SolverError, match=r"not unique.*qsp.spins.*state0"):
            qsp.steadystate(crystal(B))
    spin, atoms = qsp.steadystate(crystal(S)), None
    up = qutip.tensor([qutip.basis(2, 0)] * 4)
    for start in ({A: (0.0, 0.0, 1.0)}, [(np.pi / 2, 0.3)], up, up.proj()):
        atoms = qsp.steadystate(crystal(A), state0=start)
        for x, y in ((S.z, A.z), (S.m, A.m), (S.p * S.m, A.p * A.m)):
            assert abs(qsp.expect(x, spin) - qsp.expect(y, atoms)) < 1e-11
    # of two singlets nothing changes
    singlet = (qutip.basis([2, 2], [0, 1]) - qutip.basis([2, 2], [1, 0])).unit()
    dark = qsp.steadystate(crystal(A), state0=qutip.tensor(singlet, singlet))
    assert abs(qsp.expect(A.p * A.m, dark)) < 1e-13
    with pytest.raises(ValueError, match="state0"):
        qsp.steadystate(crystal(A), state0=[(0.0, 0.0, 2.0)])
    with pytest.raises(ValueError, match="dims"):
        qsp.steadystate(crystal(A), state0=qutip.basis(5, 0))


def test_modes_of_symmetric_operators_are_among_those_of_all_states():
    """Each order against the whole spectrum of QuTiP's superoperator, by numpy."""
    system, _ = noisy(3, 0.0)
    H, c_ops = system.qutip()
    L = qutip.liouvillian(H, c_ops).full()
    up = np.array([bin(7 - k).count("1") for k in range(8)])
    # column-major: the row runs first
    order = (up[None, :] - up[:, None]).ravel()
    modes = SymmetricModes(PermutedSpace(system))
    assert modes.orders() == [(k,) for k in range(-3, 4)]
    for (k,) in modes.orders():
        every = np.linalg.eigvals(L[order == k][:, order == k])
        size = int(np.sum(modes.space.orders[:, 0] == k))
        for pair in modes.of_order((k,), size, lambda share: None):
            assert np.abs(every - pair.value).min() < 1e-11 and pair.residual < 1e-13


@pytest.mark.parametrize("n", [7, 10])
def test_eigenmodes_of_many_atoms_against_piqs(n):
    """QuTiP's own permutation-symmetric solver, whose spectrum numpy finds."""
    (A,) = qsp.atoms(n)
    jumps = [0.5**0.5 * A.each.p, 0.5 * A.each.m, 0.5 * A.each.z, 0.5**0.5 * A.m]
    system = qsp.System(0.3 * A.z + 0.2 * A.x, jumps)
    found = qsp.eigenmodes(system, 5)
    jx, jz = qutip.piqs.jspin(n, "x"), qutip.piqs.jspin(n, "z")
    # it makes its rates in single precision
    rates = {"pumping": 0.5, "emission": 0.25, "dephasing": 0.25, "collective_emission": 0.5}
    dicke = qutip.piqs.Dicke(n, hamiltonian=0.3 * jz + 0.2 * jx, **rates)
    L = dicke.liouvillian()
    for value, mode in zip(found.eigenvalues, found.modes, strict=True):
        x = qutip.operator_to_vector(mode)
        assert (L @ x - value * x).norm() < 1e-6 * x.norm()
    rho = found.modes[0]
    state = qsp.steadystate(system)
    jm = qutip.piqs.jspin(n, "-")
    assert abs(rho.tr() - 1) < 1e-12 and abs((jm * rho).tr() - state.expectation(A.m)) < 1e-11
    mean = abs(state.expectation(A.m))
    assert found.gap > 0 and found.overlaps(jm)[0] == pytest.approx(mean, rel=1e-11)


def _sorted(values):
    return np.sort_complex(np.round(values, 9))


def test_large_orders_by_arnoldi_are_the_whole_spectrum(monkeypatch):
    system, _ = noisy(9, 0.2)
    want = qsp.eigenmodes(system, 5)
    monkeypatch.setattr(symmetric_modes, "_DENSE", 50)
    found = qsp.eigenmodes(system, 5)
    np.testing.assert_allclose(_sorted(found.eigenvalues), _sorted(want.eigenvalues), atol=1e-10)
    assert found.residuals.max() < 1e-9


def test_opposite_orders_and_modes_of_a_cavity():
    system, _, _ = driven(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        r = qsp.eigenmodes(system, 4, cutoff=3, order=1)
        back = qsp.eigenmodes(system, 4, cutoff=3, order=-1)
    np.testing.assert_allclose(_sorted(r.eigenvalues.conj()), _sorted(back.eigenvalues), atol=1e-11)
    assert r.modes[0].dims == [[3, 20], [3, 20]] and r.orders == [1] * 4
    with pytest.raises(ValueError, match="order"):
        qsp.eigenmodes(system, 4, cutoff=3, order=99)


def test_the_steady_state_that_a_product_state_leads_to():
    """Sums over atoms conserve J: seven atoms that start symmetric stay a spin 7/2."""
    (A,), (S,) = qsp.atoms(7), qsp.spins(7)
    crystal = {x: qsp.System(0.7 * x.x, [0.5 * x.m]) for x in (A, S)}
    state = qsp.steadystate(crystal[A], state0={A: (0.6, 0.0, 0.8)})
    want = qsp.steadystate(crystal[S])
    for name in ("m", "z", "x"):
        value = qsp.expect(getattr(S, name), want)
        assert abs(qsp.expect(getattr(A, name), state) - value) < 1e-10
    assert abs(qsp.expect(A.p * A.m, state) - qsp.expect(S.p * S.m, want)) < 1e-10
    # dephasing of all alike keeps what commutes with it: charged moments stay
    kept = qsp.System(0 * A.z, [A.z])
    still = qsp.steadystate(kept, state0={A: (0.6, 0.0, 0.8)})
    assert abs(qsp.expect(A.z, still) - 0.8 * 3.5) < 1e-10
    # of two atoms that differ, x=0.6 stays in x1x2+y1y2 only
    assert abs(qsp.expect(A.p * A.m, still) - (3.5 + 2.8 + 7 * 6 * 0.3**2)) < 1e-10
    assert abs(qsp.expect(A.m, still)) < 1e-10
    unique, b, B = driven(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        reached = qsp.steadystate(unique, cutoff=3, state0={b: 0.2, B: (0, 0, 1.0)})
        want = qsp.steadystate(unique, cutoff=3)
    np.testing.assert_allclose(reached.expectation(B.z), want.expectation(B.z), atol=1e-10)


def test_exact_runs_of_many_atoms_against_symmetric_operators():
    (A,) = qsp.atoms(24)
    system = qsp.System(0.3 * A.x, [0.1**0.5 * A.each.p, 0.2**0.5 * A.m])
    run = qsp.exactsolve(system, {A: (1.0, 0.0)}, [0.0, 2.5])
    space = PermutedSpace(system)
    x = evolved(space, {A: (1.0, 0.0)}, 2.5)
    for operator in (A.z, A.z**2, A.m, A.p * A.m):
        expected = space.trace @ (space.left(operator) @ x)
        assert abs(qsp.expect(operator, run)[-1] - expected) < 1e-8 * 24**2
