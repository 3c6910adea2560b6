"""Spins as Holstein–Primakoff bosons and as atoms: the same system in another representation."""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.operators.states import ProductState


def spin_pair(N):
    S1, S2 = qsp.spins(N, N)
    jumps = [np.sqrt(1 / N) * S.p for S in (S1, S2)]
    jumps += [np.sqrt(4 / N) / N * S.m**2 for S in (S1, S2)]
    jumps.append(np.sqrt(0.5 / N) * (S1.m - S2.m))
    return qsp.System(0.05 * (S1.z - S2.z) + 0.1 * S1.z * S2.z, jumps)


def test_newton_series_of_full_order_is_exact():
    N = 4
    system = spin_pair(N)
    bosons = system.holstein_primakoff(N)
    H, c_ops = system.qutip()
    G, d_ops = bosons.qutip(N + 1)
    # n runs up in the Fock basis, and Sz down in that of the spin
    flip = np.arange((N + 1) ** 2)[::-1]
    for a, b in zip((H, *c_ops), (G, *d_ops), strict=True):
        np.testing.assert_allclose(b.full()[np.ix_(flip, flip)], a.full(), atol=2e-14)


@pytest.mark.parametrize(
    ("expansion", "errors"),
    [("taylor", {1: 1.05, 2: 0.530, 4: 0.200}), ("newton", {1: 0.937, 2: 0.382, 4: 0.048})],
)
def test_element_errors_of_the_series(expansion, errors):
    """Largest element error of J−, N=6, as in the reference table."""
    (S,) = qsp.spins(6)
    exact = S.m.qutip().full()[::-1, ::-1]
    for order, wanted in errors.items():
        (jump,) = qsp.System(S.z, [S.m]).holstein_primakoff(order, expansion).jumps
        error = np.abs(jump.qutip(7).full() - exact).max()
        assert abs(error - wanted) < 6e-3 * max(1, wanted)


def test_atoms_have_the_spectrum_of_the_spin():
    (S,), (b,) = qsp.spins(3), qsp.modes(1)
    system = qsp.System(0.7 * S.z + 0.3 * S.x**2 + b.dag() * b + 0.2 * (b.dag() * S.m + b * S.p))
    many = system.as_atoms()
    spin = np.linalg.eigvalsh(system.qutip(3)[0].full())
    atoms = np.linalg.eigvalsh(many.qutip(3)[0].full())
    # the symmetric states are among those of the atoms
    assert all(np.abs(atoms - e).min() < 1e-12 for e in spin)
    assert many.levels(3) == [2, 2, 2, 3]
    with pytest.raises(ValueError, match="expansion"):
        system.holstein_primakoff(2, "fourier")
    with pytest.raises(ValueError, match="order"):
        system.holstein_primakoff(-1)


def test_a_spin_half_made_together_with_a_longer_one():
    S, half = qsp.spins(3, 1)
    H = 0.7 * S.z + 0.4 * half.x + 0.3 * (S.p * half.m + S.m * half.p)
    system = qsp.System(H, [0.5 * S.m * half.z])
    spin = np.linalg.eigvalsh(system.qutip()[0].full())
    atoms = np.linalg.eigvalsh(system.as_atoms().qutip()[0].full())
    assert all(np.abs(atoms - e).min() < 1e-12 for e in spin)
    bosons = system.holstein_primakoff(3)
    assert [x.symbol.name for x in bosons.nodes] == ["b(S1)", "S2half"]
    np.testing.assert_allclose(np.linalg.eigvalsh(bosons.qutip(4)[0].full()), spin, atol=1e-12)
    start = {S: (1.1, 0.4), half: [0.2, -0.3, 0.5]}
    times = np.linspace(0, 0.4, 3)
    exact = qsp.exactsolve(
        system, ProductState(system, start).qutip(), times, options={"store_states": True}
    )
    run = qsp.mfsolve(system, start, times, closure="cumulants", order=4)
    for operator in (S.p * half.m, S.z**2, half.x):
        np.testing.assert_allclose(
            qsp.expect(operator, run), qsp.expect(operator, exact), atol=1e-10
        )
