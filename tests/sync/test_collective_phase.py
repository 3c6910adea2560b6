"""The phase of the total spin of an ensemble, against all states and closed forms."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip
import scipy.linalg
import scipy.special

import qsyncplug as qsp
from qsyncplug.approximate.permuted_moments import state_of_operators
from qsyncplug.approximate.stationary import hierarchy_exactsolve
from qsyncplug.core.errors import CutoffWarning
from qsyncplug.exact.permuted import symmetric_steady
from qsyncplug.operators.permuted import PermutedSpace
from qsyncplug.operators.states import ProductState
from qsyncplug.sync.measures import collective_phase, phase_distribution
from qsyncplug.sync.measures.collective import _moments
from qsyncplug.sync.measures.sources import Symmetrised


def lowering(N):
    """J− on the 2^N states of N atoms, the upper level first."""
    one = np.array([[0.0, 0], [1, 0]])
    return sum(np.kron(np.kron(np.eye(2**k), one), np.eye(2 ** (N - 1 - k))) for k in range(N))


def polar_power(J, k):
    """The partial isometry of the polar form of J^k: |J, M, λ⟩ → |J, M−k, λ⟩."""
    u, s, v = np.linalg.svd(np.linalg.matrix_power(J, k))
    return u[:, s > 1e-9] @ v[s > 1e-9]


@pytest.mark.parametrize("N", range(1, 7))
def test_canonical_phases_by_polar_forms_among_all_states(N):
    rho = qutip.rand_dm([2] * N, seed=N)
    p, J = collective_phase(rho), lowering(N)
    for k in range(N + 1):
        assert abs(p.moment(k) - np.trace(polar_power(J, k) @ rho.full())) < 1e-14
    assert p.kind == "canonical" and len(p.moments) == N + 1


def husimi(N, rho, nodes=24):
    """⟨e^{ikφ}⟩ by integration over the directions of coherent states of every total spin."""
    J = lowering(N)
    Jz, Jy = 0.5 * (J.T @ J - J @ J.T), (J.T - J) / 2j
    kernel = scipy.linalg.null_space(J.T)
    spins, turn = np.linalg.eigh(kernel.T @ Jz @ kernel)
    top = kernel @ turn
    element = (top * (2 * spins + 1) / (4 * np.pi)) @ top.T
    x, w = np.polynomial.legendre.leggauss(nodes)
    orders, count = np.arange(N + 1), 2 * N + 3
    out = np.zeros(N + 1, dtype=complex)
    for theta, weight in zip(0.5 * np.pi * (x + 1), 0.5 * np.pi * w, strict=True):
        tilt = scipy.linalg.expm(-1j * theta * Jy)
        for phi in 2 * np.pi * np.arange(count) / count:
            U = np.exp(-1j * phi * np.diag(Jz))[:, None] * tilt
            q = np.trace(U @ element @ U.conj().T @ rho).real
            # the phase is that of J−, against the azimuth
            out += q * weight * np.sin(theta) * 2 * np.pi / count * np.exp(-1j * orders * phi)
    return out


@pytest.mark.parametrize("N", [1, 2, 3, 4])
def test_husimi_phases_by_integration_over_directions(N):
    rho = qutip.rand_dm([2] * N, seed=10 + N)
    np.testing.assert_allclose(
        collective_phase(rho, kind="husimi").moments, husimi(N, rho.full()), atol=1e-12
    )


@pytest.mark.parametrize("kind", ["canonical", "husimi"])
@pytest.mark.parametrize("N", [1, 5, 20, 60])
def test_coherent_states_of_all_atoms_are_those_of_one_spin(kind, N):
    """Only J=N/2: the distribution of the spin N/2, by its own code."""
    theta, azimuth = 1.1, -0.7
    (A,) = qsp.atoms(N)
    start = np.array([np.sin(theta) * np.cos(azimuth), np.sin(theta) * np.sin(azimuth)])
    space = PermutedSpace(qsp.System(A.z, [A.each.m]))
    x = space.product(ProductState(space.system, {A: (*start, np.cos(theta))}))
    found = _moments(Symmetrised([("atoms", N)], x), kind)
    want = phase_distribution(qutip.spin_coherent(N / 2, theta, azimuth), spins=[0], kind=kind)
    np.testing.assert_allclose(found, want.moments, atol=1e-14 * 10 ** (N / 20))
    if kind == "canonical":
        # closed form: ⟨e^{iφ}⟩=Σ_n √(b_n b_{n+1}), b the binomial distribution
        n = np.arange(N + 1)
        b = scipy.special.comb(N, n) * np.cos(theta / 2) ** (2 * n)
        b = b * np.sin(theta / 2) ** (2 * (N - n))
        assert abs(abs(found[1]) - np.sqrt(b[1:] * b[:-1]).sum()) < 1e-13 * 10 ** (N / 20)


def test_directions_that_are_not_aligned_have_no_phase_in_the_mean():
    """Two atoms in the singlet: J=0."""
    p = collective_phase(qutip.bell_state("11"))
    assert abs(p.moment(1)) < 1e-15 and p.peak < 1e-15


def pair(n):
    """Two ensembles that share a bath, the second driven."""
    A, B = qsp.atoms(n, n)
    H = 0.3 * A.z + 0.2 * B.x
    return qsp.System(H, [0.8 * (A.m + B.m), 0.7 * A.each.p, 0.6 * B.each.p, 0.2 * A.each.z]), A, B


def test_relative_phases_of_two_ensembles():
    system, _, _ = pair(2)
    few = qsp.steadystate(system)
    relative = collective_phase(few, (0, 1))
    J = lowering(2)
    for k in range(3):
        U = polar_power(J, k)
        assert abs(relative.moment(k) - np.trace(np.kron(U, U.T) @ few.full())) < 1e-14
    other = collective_phase(few, (1, 0))
    np.testing.assert_allclose(other.moments, relative.moments.conj(), atol=1e-15)
    bare = qutip.Qobj(few.full(), dims=few.dims)
    same = collective_phase(bare, atoms=[(0, 1), (2, 3)], drive=0.3)
    turned = relative.moments * np.exp(-0.3j * np.arange(3))
    np.testing.assert_allclose(same.moments, turned, atol=1e-15)


def test_many_atoms_go_on_where_few_end():
    """The steady state of seven and more atoms comes from their symmetric operators."""
    system, _, _ = pair(2)
    space = PermutedSpace(system)
    state = state_of_operators(system, None, lambda: (space, *symmetric_steady(space)))
    few = qsp.steadystate(system)
    for nodes in (0, 1, (0, 1)):
        for kind in ("canonical", "husimi"):
            got, want = (collective_phase(x, nodes, kind=kind).moments for x in (state, few))
            np.testing.assert_allclose(got, want, atol=1e-13)
    many, _, _ = pair(4)
    p = collective_phase(qsp.steadystate(many), (0, 1))
    assert len(p.moments) == 5 and 0.01 < abs(p.moment(1)) < 1


def test_runs_of_many_atoms_are_evolved_once_more():
    (b,), (A,) = qsp.modes(1), qsp.atoms(7)
    system = qsp.System(0.4 * (b.dag() * A.m + b * A.p), [b, 0.3 * A.each.m])
    start = {b: 0.0, A: (1.2, 0.4)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        run = qsp.exactsolve(system, start, [0.0, 0.5, 1.0], cutoff=3)
    p = collective_phase(run, index=0)
    want = phase_distribution(qutip.spin_coherent(3.5, 1.2, 0.4), spins=[0])
    np.testing.assert_allclose(p.moments, want.moments, atol=1e-13)
    assert len(collective_phase(run, (1, 0)).moments) == 3


def test_runs_of_ensembles_against_all_states():
    """Four atoms and a mode, the motion by QuTiP, the phases by polar forms."""
    (b,), (A,) = qsp.modes(1), qsp.atoms(4)
    system = qsp.System(0.4 * (b.dag() * A.m + b * A.p), [b, 0.3 * A.each.m])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutoffWarning)
        run = hierarchy_exactsolve(system, {b: 0.0, A: (1.2, 0.4)}, [0.0, 0.5, 1.0], cutoff=3)
    H, c_ops = system.qutip(3)
    one = qutip.spin_coherent(0.5, 1.2, 0.4)
    start = qutip.tensor(qutip.basis(3, 0), one, one, one, one)
    options = {"rtol": 1e-11, "atol": 1e-13}
    rho = qutip.mesolve(H, start, [0.0, 1.0], c_ops, options=options).states[-1].full()
    J, shift = lowering(4), np.diag([1.0, 1.0], 1)
    alone, relative = collective_phase(run, nodes=1), collective_phase(run, (1, 0))
    for k in range(3):
        U, V = polar_power(J, k), np.linalg.matrix_power(shift, k)
        assert abs(alone.moment(k) - np.trace(np.kron(np.eye(3), U) @ rho)) < 1e-9
        assert abs(relative.moment(k) - np.trace(np.kron(V.T, U) @ rho)) < 1e-9
    assert abs(relative.moment(1)) > 0.01


def _mode():
    (b,) = qsp.modes(1)
    return qsp.System(0 * b, [b])


def test_what_has_no_collective_phase_is_refused():
    state = qutip.rand_dm([2, 3], seed=1)
    for bad, match in (
        (lambda: collective_phase(state), "3 levels"),
        (lambda: collective_phase(state, atoms=[0, 5]), "atoms"),
        (lambda: collective_phase(state, atoms="01"), "atoms"),
        (lambda: collective_phase(3.0), "x must be"),
        (lambda: collective_phase(qsp.steadystate(_mode(), cutoff=3)), "no ensemble"),
        (lambda: collective_phase(qutip.rand_dm([2, 2], seed=1), kind="wigner"), "kind"),
        (lambda: collective_phase(qutip.rand_dm([2, 2], seed=1), (0, 0)), "nodes|factors"),
    ):
        with pytest.raises((TypeError, ValueError), match=match):
            bad()
    system, _, _ = pair(4)
    cumulants = qsp.steadystate(system, closure="cumulants")
    with pytest.raises(ValueError, match="cumulants"):
        collective_phase(cumulants)


def test_a_picture_of_it():
    one = qutip.spin_coherent(0.5, np.pi / 2, -0.4)
    p = collective_phase(qutip.tensor(one, one, one))
    _, ax = qsp.plot_phase_distribution({"three atoms": p})
    (line, *_) = ax.get_lines()
    assert abs(line.get_xdata()[np.argmax(line.get_ydata())] - 0.4) < 0.05
    plt.close("all")


def test_a_run_that_keeps_its_last_state_alone_has_its_phase():
    up, down = qutip.basis(2, 0), qutip.basis(2, 1)
    start = qutip.tensor([up, up, (up + 1j * down).unit()])
    each = [
        qutip.tensor([qutip.sigmax() if j == k else qutip.qeye(2) for j in range(3)])
        for k in range(3)
    ]
    options = {"store_states": False, "store_final_state": True}
    run = qutip.sesolve(sum(each), start, [0.0, 0.3], options=options)
    assert not run.states
    found = collective_phase(run, atoms=[0, 1, 2])
    assert np.array_equal(found.moments, collective_phase(run.final_state).moments)
    with pytest.raises(TypeError, match="x must be a ket or density matrix of atoms"):
        collective_phase(run, atoms=[0, 1, 2], index=0)
