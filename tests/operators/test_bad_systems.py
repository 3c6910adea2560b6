"""What systems refuse: symbols of two calls, no Hermitian H, representations that are left, orders
and sizes beyond memory or a minute; and what an approximation says of a spin ½ that it factorises.
"""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.core.errors import MemoryLimitError


def many():
    b = qsp.modes(12)
    return qsp.System(sum((x.dag() * x for x in b[1:]), b[0].dag() * b[0]), list(b))


def test_symbols_of_two_calls():
    (b,), (c,) = qsp.modes(1), qsp.modes(1)
    for H in (lambda: b.dag() * b + c.dag() * c, lambda: b * c.dag() + b.dag() * c):
        with pytest.raises(ValueError, match=r"two calls of modes\(\).*share the name b1"):
            qsp.System(H(), [b])
    with pytest.raises(ValueError, match="two calls"):
        qsp.System(b.dag() * b, [c])
    system = qsp.System(b.dag() * b, [b])
    with pytest.raises(ValueError, match="none of this system's nodes"):
        qsp.mfsolve(system, {c: 1.0}, [0, 1.0])
    run = qsp.twasolve(system, [1.0], [0, 1.0], ntraj=64, seed=1)
    cumulants = qsp.mfsolve(system, [1.0], [0, 1.0], closure="cumulants")
    for read in (run.expectation, cumulants.expectation, cumulants.change, system.adjoint):
        with pytest.raises(ValueError, match="symbols of another call of modes"):
            read(c)
        with pytest.raises(TypeError, match="expression"):
            read("c")


def test_hamiltonians_that_are_not_hermitian():
    (b,), (S,), (A,) = qsp.modes(1), qsp.spins(1), qsp.atoms(3)
    for H in (1j * b.dag() * b, b, S.x * S.y, A.p, b.dag() * S.m):
        with pytest.raises(ValueError, match="hamiltonian must be Hermitian; H − H† ="):
            qsp.System(H, [])
    f = lambda t: 1j * np.sin(t)  # noqa: E731
    system = qsp.System(f * (b + b.dag()) + b.dag() * b, [b])
    for solve in (qsp.mfsolve, qsp.twasolve):
        with pytest.raises(ValueError, match="Hermitian; at t="):
            solve(system, [0.0], [0, 1.0])


def test_jumps_that_leave_a_representation():
    (b,), (A,), (S,) = qsp.modes(1), qsp.atoms(3), qsp.spins(4)
    with pytest.raises(TypeError, match="jump of every atom"):
        A.each.p * b
    with pytest.raises(TypeError, match="jump of every atom"):
        A.each.p * A.m
    with pytest.raises(TypeError, match="belongs to jumps"):
        qsp.System(A.each.z, [A.m])
    # collective spins have no mixed start, nor jumps of their spins; atoms no Wigner function
    system = qsp.System(S.z, [S.m])
    with pytest.raises(ValueError, match=r"must be pure.*use qsyncplug\.atoms"):
        qsp.mfsolve(system, [(0, 0, 0.5)], [0, 1.0])
    with pytest.raises(ValueError, match="needs modes and spins"):
        qsp.twasolve(qsp.System(A.z, [A.each.m]), [(0, 0, 1.0)], [0, 1.0])
    with pytest.raises(ValueError, match="symmetric states"):
        qsp.spin_chains(n=3, local_dephasing=0.1)
    with pytest.raises(ValueError, match="local loss or dephasing leave"):
        qsp.spin_chains(n=3, local_loss=0.1, representation="bosons")


def test_orders_and_sizes_are_estimated_before_the_work():
    system = many()
    with pytest.raises(ValueError, match=r"order=5 has about .* more than a minute"):
        qsp.mfsolve(system, [0.1] * 12, [0, 1.0], closure="cumulants", order=5)
    with pytest.raises(MemoryLimitError, match="GiB"):
        qsp.exactsolve(system, [0.1] * 12, [0, 1.0], cutoff=10)
    with pytest.raises(MemoryLimitError, match=r"levels needs about .* GiB"):
        qsp.steadystate(system, cutoff=10)
    (b,) = qsp.modes(1)
    one = qsp.System(b.dag() * b, [b])
    with pytest.raises(ValueError, match="ntraj must be at most"):
        qsp.twasolve(one, [1.0], [0, 1.0], ntraj=10**12)


def test_a_factorised_spin_half_is_said():
    chains = qsp.spin_chains(n=(4, 4))
    state = [(0, 0, -1), (1.2, 0.0), (1.0, 0.0)]
    run = qsp.mfsolve(chains, state, [0, 1.0])
    assert any("not controlled by any small parameter" in text for text in run.stats["neglected"])
    sampled = qsp.twasolve(chains, state, [0, 1.0], ntraj=64, seed=1)
    assert any("no large N" in text for text in sampled.stats["neglected"])
    # without a spin ½ nobody warns
    system = qsp.spin_chains(n=(4, 4), central=False, g=0.0, omega0=0.0)
    quiet = qsp.mfsolve(system, state[1:], [0, 1.0])
    assert not any("not controlled" in text for text in quiet.stats["neglected"])


def test_arguments_of_the_wrong_kind():
    (b,) = qsp.modes(1)
    system = qsp.System(b.dag() * b, [b])
    for bad in ("3", True, 2.5, (3, 3), 1):
        with pytest.raises((TypeError, ValueError), match="cutoff"):
            system.as_levels(bad)
    with pytest.raises(TypeError, match="system must be a System"):
        qsp.lyapunov_exponents("x", [1.0], 1.0)
    for bad in (True, [1.0], "1"):
        with pytest.raises(TypeError, match="duration"):
            qsp.lyapunov_exponents(system, [1.0], bad)
    with pytest.raises((TypeError, ValueError), match="order"):
        qsp.spin_chains(n=3, order=1.5, representation="series")
    with pytest.raises(TypeError, match="n must be an integer"):
        qsp.spin_chains(n="3")
    with pytest.raises(ValueError, match="loss must be a number or a pair"):
        qsp.spin_chains(n=3, loss=[1, 2, 3])


def test_what_is_too_large_and_what_is_left_out_is_told():
    lasers = qsp.superradiant_lasers(100)
    A, B = lasers.nodes
    start = {A: (1.0, 0.0), B: (1.0, 0.0)}
    for run in (qsp.steadystate, lambda s: qsp.exactsolve(s, start, [0, 1])):
        with pytest.raises(ValueError, match=r"all moments of 200 nodes.*closure='cumulants'"):
            run(lasers)
    # a reduced closure has no phase: one that state0 has is said to be lost
    said = [
        " ".join(qsp.steadystate(lasers, closure="cumulants", state0=x).neglected)
        for x in (start, {A: (0, 0, 0.5), B: (0, 0, 0.5)})
    ]
    assert "the phase of state0" in said[0] and "the phase of state0" not in said[1]
    with pytest.raises(TypeError, match="limit_cycle: state0 must be given"):
        qsp.limit_cycle(lasers)
