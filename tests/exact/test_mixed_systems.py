"""Exact runs and steady states of mixtures against reference numbers found by two methods each,
and QuTiP.
"""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.operators.collective import bloch_vectors
from qsyncplug.operators.states import ProductState


def tavis_cummings():
    (b,), (S,) = qsp.modes(1), qsp.spins(4)
    H = b.dag() * b + 1.1 * S.z + 0.3 * (b.dag() * S.m + b * S.p)
    return qsp.System(H, [np.sqrt(0.2) * b, np.sqrt(0.1 / 4) * S.m]), b, S


def test_tavis_cummings():
    system, b, S = tavis_cummings()
    e_ops = {"b": b, "S": S.m, "n": b.dag() * b, "z": S.z, "hop": b.dag() * S.m}
    state0 = {b: 0.8, S: (1.0, 0.4)}
    run = qsp.exactsolve(
        system, state0, [0, 1.0, 2.0], cutoff=14, e_ops=e_ops, options={"store_states": True}
    )
    want = {
        "b": -0.904911619493 - 0.043080631364j,
        "S": -0.936381870093 - 0.949968169861j,
        "n": 1.488108800252,
        "z": -0.346674600141,
        "hop": 1.188285317901 + 1.840477903170j,
    }
    for key, value in want.items():
        assert abs(run.e_data[key][-1] - value) < 2e-10
        assert abs(qsp.expect(e_ops[key], run)[-1] - value) < 2e-10
        assert abs(qsp.expect(e_ops[key], run.final_state) - value) < 2e-10
    H, c_ops = system.qutip(14)
    psi = qutip.tensor(
        qutip.coherent(14, 0.8, method="analytic").unit(), qutip.spin_coherent(2, 1.0, 0.4)
    )
    other = qutip.mesolve(H, psi, [0, 2.0], c_ops, options={"atol": 1e-12, "rtol": 1e-10})
    assert (other.states[-1] - run.states[-1]).norm("max") < 1e-8
    assert run.amplitudes.shape == (3, 2)


def test_van_der_pol_mode_and_two_spins():
    (b,), (s1, s2) = qsp.modes(1), qsp.spins(1, 1)
    H = 0.2 * b.dag() * b + 0.1 * (s1.z - s2.z)
    H = H + 0.25 * sum((b.dag() * s.m + b * s.p for s in (s1, s2)), 0 * b)
    jumps = [np.sqrt(0.6) * b.dag(), np.sqrt(0.4) * b**2, np.sqrt(0.3) * s1.m, np.sqrt(0.3) * s2.m]
    with pytest.warns(qsp.core.errors.CutoffWarning, match="mode 1"):
        rho = qsp.steadystate(qsp.System(H, jumps), cutoff=12)
    want = {
        1.126375877020: b.dag() * b,
        -0.242057966014: s1.z,
        0.062693388054 - 0.154765220391j: b.dag() * s1.m,
        0.082964540116 + 0.030800335323j: s1.p * s2.m,
    }
    for value, operator in want.items():
        assert abs(qsp.expect(operator, rho) - value) < 2e-12


def test_spin_one_pair():
    S1, S2 = qsp.spins(2, 2)
    H = 0.15 * (S1.z - S2.z) + 0.2 * (S1.p * S2.m + S2.p * S1.m)
    jumps = [x for S in (S1, S2) for x in (np.sqrt(0.05) * S.p * S.z, np.sqrt(0.5) * S.m * S.z)]
    rho = qsp.steadystate(qsp.System(H, jumps))
    assert abs(qsp.expect(S1.z, rho) + 0.380746659967) < 2e-12
    assert abs(qsp.expect(S1.z**2, rho) - 0.465357028848) < 2e-12
    assert abs(qsp.expect(S1.p**2 * S2.m**2, rho) - (0.103718181517 + 0.091884563491j)) < 2e-12


@pytest.mark.parametrize(
    ("N", "coherence"), [(4, 0.266908629252), (8, 0.482697815470), (16, 0.686975991417)]
)
def test_van_der_pol_spins(N, coherence):
    S1, S2 = qsp.spins(N, N)
    jumps = [np.sqrt(1 / N) * S.p for S in (S1, S2)]
    jumps += [np.sqrt(4 / N) / N * S.m**2 for S in (S1, S2)]
    jumps.append(np.sqrt(0.5 / N) * (S1.m - S2.m))
    rho = qsp.steadystate(qsp.System(0.05 * (S1.z - S2.z), jumps))
    hop = qsp.expect(S1.p * S2.m, rho)
    n1, n2 = (qsp.expect(S.p * S.m, rho).real for S in (S1, S2))
    assert abs(abs(hop) / np.sqrt(n1 * n2) - coherence) < 1e-10
    if N == 4:
        assert abs(hop - (0.778743662439 + 0.090776985744j)) < 1e-11


def test_ensemble_one_by_one_and_levels():
    (A,), (s,) = qsp.atoms(3), qsp.levels(3)
    H = 0.7 * A.z + 0.3 * A.x + 0.4 * (s[0, 1] + s[1, 0]) + 0.2 * A.z * s[2, 2]
    system = qsp.System(H, [np.sqrt(0.5) * A.each.p, 0.3 * A.m, 0.5 * s[1, 2], 0.4 * s[2, 0]])
    up = qutip.basis(3, 0)
    state0 = {A: (0.3, 0.1), s: up}
    e_ops = [A.z, A.p * A.m, s[1, 1], A.z * s[0, 1]]
    run = qsp.exactsolve(system, state0, [0, 0.5, 2.0], e_ops=e_ops)
    H, c_ops = system.qutip()
    assert len(c_ops) == 6
    start = qutip.tensor([qutip.spin_coherent(0.5, 0.3, 0.1)] * 3 + [up])
    matrices = [system.matrix(o) for o in e_ops]
    options = {"atol": 1e-12, "rtol": 1e-10}
    other = qutip.mesolve(H, start, [0, 0.5, 2.0], c_ops, e_ops=matrices, options=options)
    np.testing.assert_allclose(list(run.e_data.values()), other.expect, atol=1e-8)
    total = sum(qsp.expect(s[k, k], run.final_state) for k in range(3))
    assert abs(total - 1) < 1e-12


def test_many_atoms_by_the_hierarchy_of_moments():
    """Seven atoms against all 2^7 states; twelve independent ones."""
    (A,) = qsp.atoms(7)
    jumps = [np.sqrt(0.1) * A.m, np.sqrt(0.5) * A.each.p, 0.4 * A.each.z]
    system = qsp.System(0.7 * A.z + 0.3 * A.x, jumps)
    state0, times = {A: (1.0, 0.3)}, [0, 0.5, 1.0]
    ops = {"z": A.z, "m": A.m, "pm": A.p * A.m}
    run = qsp.exactsolve(system, state0, times, e_ops=ops)
    assert run.stats["neglected"] == [] and run.moments.shape[1] < 100
    full = qsp.exactsolve(system, state0, times, e_ops=ops, options={"method": "mesolve"})
    for key in ops:
        np.testing.assert_allclose(run.e_data[key], full.e_data[key], atol=1e-8)
    (B,) = qsp.atoms(12)
    pumped = qsp.System(0.2 * B.z, [0.6 * B.each.p, 0.3 * B.each.m])
    many = qsp.exactsolve(pumped, {B: (2.0, 0.1)}, [0, 1.0], e_ops=B.z)
    # independent atoms relax at the rate w+γ
    up, down = 0.36, 0.09
    rest, start = 0.5 * (up - down) / (up + down), 0.5 * np.cos(2.0)
    want = 12 * (rest + (start - rest) * np.exp(-(up + down)))
    assert abs(many.e_data[0][-1] - want) < 1e-8


def test_what_is_refused():
    system, b, S = tavis_cummings()
    with pytest.raises(ValueError, match="lacks S1"):
        qsp.exactsolve(system, {b: 1.0}, [0, 1.0], cutoff=6)
    with pytest.raises(ValueError, match="must be pure"):
        qsp.exactsolve(system, {b: 1.0, S: (0, 0, 0.5)}, [0, 1.0], cutoff=6)
    with pytest.raises(ValueError, match="none of this system's nodes"):
        qsp.exactsolve(system, {b: 1.0, qsp.spins(4)[0]: (0, 0)}, [0, 1.0], cutoff=6)
    with pytest.raises(TypeError, match="cutoff is needed"):
        qsp.steadystate(system)
    with pytest.raises(qsp.core.errors.MemoryLimitError, match="one by one"):
        (A,) = qsp.atoms(10**4)
        qsp.System(A.z, [A.each.m]).qutip()
    (other,) = qsp.spins(4)
    rho = qsp.steadystate(system, cutoff=6)
    with pytest.raises(ValueError, match="symbols that the state does not have"):
        qsp.expect(other.z, rho)
    assert abs(qsp.expect(b.dag() * b, rho)) < 1e-9
    bare = qutip.Qobj(rho.data, dims=rho.dims)
    with pytest.raises(ValueError, match="in several ways"):
        qsp.expect(b.dag() * b, bare)
    assert abs(qsp.expect(b.dag() * b * S.m, bare)) < 1e-9


@pytest.mark.parametrize("direction", [(0, 0), (np.pi, 0), (1.1, 0.4), (3.1, -2.0)])
def test_product_states_of_spins_are_those_of_qutip(direction):
    (S,) = qsp.spins(7)
    state = ProductState(qsp.System(S.z), [direction]).qutip()
    wanted = qutip.spin_coherent(3.5, *direction)
    np.testing.assert_allclose(state.full(), wanted.full(), atol=1e-14)
    # and the way back to the direction
    theta, phi = direction
    vector = [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
    np.testing.assert_allclose(bloch_vectors([7], state), [vector], atol=1e-14)


def test_product_states_of_many_spins():
    """Binomial: the mean and the variance of S_z of 3000 spins, whose weights have no numbers."""
    N, theta = 3000, 0.8
    (S,) = qsp.spins(N)
    weight = np.abs(ProductState(qsp.System(S.z), [(theta, 0.3)]).qutip().full()[:, 0]) ** 2
    z = np.arange(N / 2, -N / 2 - 0.5, -1.0)
    assert weight @ z == pytest.approx(N / 2 * np.cos(theta), rel=1e-11)
    variance = weight @ z**2 - (weight @ z) ** 2
    assert variance == pytest.approx(N / 4 * np.sin(theta) ** 2, rel=1e-7)
