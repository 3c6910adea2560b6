"""Spectra of the linearised mean field: exact where all is linear, to first order in 1/N."""

import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import QsyncplugWarning

from ..exact.exact_reference import oscillator


def test_the_linear_spectrum_is_exact_for_linear_systems():
    """Two coupled, driven, squeezed, thermal modes."""
    a, b = qsp.modes(2)
    H = 0.4 * a.dag() * a - 0.3 * b.dag() * b + 0.2 * (a.dag() * b + b.dag() * a)
    H = H + 0.1 * (a**2 + a.dag() ** 2) + 0.15 * (a + a.dag())
    system = qsp.System(H, [a, 0.8 * b, 0.2 * b.dag()])
    w = np.linspace(-2, 2, 21)
    exact = qsp.spectrum(system, a, w, cutoff=11)
    linear = qsp.spectrum(system, a, w, mean=[0, 0])
    # what is left is the cut-off
    assert linear.coherent == pytest.approx(exact.coherent, abs=1e-6)
    assert linear.power == pytest.approx(exact.power, rel=1e-4)
    assert np.abs(linear.values - exact.values).max() < 1e-4 * exact.values.max()
    assert linear.frequency == pytest.approx(exact.frequency, abs=1e-4)


def test_the_linear_spectrum_of_a_locked_oscillator():
    """Driven strongly: the exact one tends to it; without a fixed point there is none."""
    system = oscillator(1.0, 0.1, 0.1, 2.0)
    b = system.operators[0]
    linear = qsp.spectrum(system, b, mean=[-1j])
    exact = qsp.spectrum(system, b, cutoff=60)
    assert linear.linewidth == pytest.approx(exact.linewidth, rel=0.1)
    assert linear.coherent == pytest.approx(exact.coherent, rel=0.05)
    free = oscillator(1.0, 0.1, 0.5)
    with pytest.raises(ValueError, match=r"not stable"):
        qsp.spectrum(free, free.operators[0], mean=[0.0])
    with pytest.raises(ValueError, match="another call"):
        qsp.spectrum(system, qsp.modes(1)[0], mean=[0.0])
    with pytest.raises(TypeError, match="expression"):
        qsp.spectrum(system, qutip.destroy(4), mean=[0.0])


def test_correlation_functions_of_the_linearised_mean_field():
    """Exact where all is linear."""
    a, b = qsp.modes(2)
    H = 0.3 * a.dag() * a + 0.2 * (a + a.dag()) + 0.25 * (a.dag() * b + b.dag() * a)
    system = qsp.System(H, [a, 0.7 * b, 0.3 * b.dag()])
    tau = [0.0, 0.5, 2.0]
    exact = qsp.correlation(system, a, tau, cutoff=(9, 13))
    found = qsp.correlation(system, a, tau, mean=[0.0, 0.0])
    np.testing.assert_allclose(found, exact, atol=1e-6)
    with pytest.raises((TypeError, ValueError), match=r"mean\[S1"):
        (s,) = qsp.spins(2)
        qsp.correlation(qsp.System(s.z, [s.m]), s.m, tau, mean=[0.0])


def _three_levels():
    rng = np.random.default_rng(3)
    (s,) = qsp.levels(3)

    def drawn():
        c = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
        return sum(complex(c[i, j]) * s[i, j] for i in range(3) for j in range(3))

    H = drawn()
    return qsp.System(H + H.dag(), [drawn(), drawn()]), drawn(), [qutip.fock_dm(3, 0)]


def _half_spin():
    (s,) = qsp.spins(1)
    return qsp.System(0.7 * s.z + 0.4 * s.x, [s.m, 0.5 * s.p, 0.3 * s.z]), s.m, [(0, 0, -1)]


def _lone_atoms():
    (A,) = qsp.atoms(3)
    return qsp.System(0.7 * A.z + 0.4 * A.x, [A.each.m, 0.5 * A.each.p]), A.m, [(0, 0, 1)]


@pytest.mark.parametrize("case", [_three_levels, _half_spin, _lone_atoms])
def test_systems_whose_moments_are_linear_have_their_exact_spectrum(case):
    """Bloch equations: of levels, of a spin ½, of atoms that do not meet."""
    system, a, mean = case()
    w, tau = np.linspace(-5, 5, 11), [0.0, 0.4, 2.0]
    of_states = system.matrix(a)
    exact = qsp.spectrum(system, of_states, w)
    found = qsp.spectrum(system, a, w, mean=mean)
    np.testing.assert_allclose(found.values, exact.values, rtol=1e-10)
    assert found.power == pytest.approx(exact.power, rel=1e-11)
    assert found.coherent == pytest.approx(exact.coherent, rel=1e-11)
    both = qsp.correlation(system, a, tau, mean=mean), qsp.correlation(system, of_states, tau)
    np.testing.assert_allclose(both[0], both[1], atol=1e-10)


def _precessing(N):
    (S,) = qsp.spins(N)
    H = S.z + 0.2 * S.x + (0.3 / N) * S.z**2
    return qsp.System(H, [(2 / N) ** 0.5 * S.m, (0.2 / N) ** 0.5 * S.p]), S.m, [(3.0, 0.1)], None


def _in_a_cavity(N):
    (b,), (S,) = qsp.modes(1), qsp.spins(N)
    meet = (0.3 / N**0.5) * (b.dag() * S.m + b * S.p)
    H = 0.5 * b.dag() * b + S.z + meet + 0.04 * N**0.5 * (b + b.dag())
    return qsp.System(H, [b, 0.3 * b.dag(), (1 / N) ** 0.5 * S.m]), b, [0.0, (0, 0, -1)], 9


@pytest.mark.parametrize("case, sizes", [(_precessing, (20, 40)), (_in_a_cavity, (5, 10))])
def test_spins_on_the_sphere_are_left_of_order_one_over_n(case, sizes):
    off = []
    for N in sizes:
        system, a, mean, cutoff = case(N)
        exact = qsp.spectrum(system, a, cutoff=cutoff)
        found = qsp.spectrum(system, a, mean=mean)
        names = ("frequency", "linewidth", "power")
        off.append([abs(getattr(found, x) / getattr(exact, x) - 1) for x in names])
    small, large = np.array(off)
    assert np.all(small < 2 / sizes[0])
    assert np.all(large < 0.56 * small)


def test_chains_from_their_bosons_are_the_chains_on_the_sphere():
    """Holstein–Primakoff amplitudes and collective spins: the same to rounding."""
    rates = {"omega": (10.0, 7.0), "loss": 1.0, "gain": 0.2, "coherent": 0.3, "exchange": 0.5}
    chains = qsp.SpinChains(n=(12, 12), central=False, **rates)
    system = chains.system()
    w = np.linspace(1, 5, 9)
    by_bosons = qsp.spectrum(chains, chains.lowering(1), w, mean=[0.1, 0.0])
    by_spins = qsp.spectrum(system, system.operators[0], w, mean=[(3.0, 0.0), (0, 0, -1)])
    np.testing.assert_allclose(by_bosons.values, by_spins.values, rtol=1e-9)
    exact = qsp.spectrum(chains, chains.lowering(1), w)
    assert by_spins.power == pytest.approx(exact.power, rel=1 / 12)
    assert by_spins.frequency == pytest.approx(exact.frequency, rel=2 / 12)
    tau = [0.0, 1.0]
    np.testing.assert_allclose(
        qsp.correlation(chains, chains.lowering(1), tau, mean=[0.1, 0.0]),
        qsp.correlation(system, system.operators[0], tau, mean=[(3.0, 0.0), (0, 0, -1)]),
        rtol=1e-9,
    )
    with pytest.raises(ValueError, match="lowering"):
        qsp.spectrum(chains, chains.jz(1), mean=[0.1, 0.0])
    with pytest.raises(ValueError, match="central"):
        central = qsp.SpinChains(n=(3, 3), loss=1.0)
        qsp.spectrum(central, central.lowering(1), mean=[0.1, 0.0])


def test_what_does_not_fluctuate_to_first_order_says_so():
    (S,) = qsp.spins(10)
    system = qsp.System(S.z, [S.m, 0.1 * S.p])
    with pytest.warns(QsyncplugWarning, match="nothing fluctuates"):
        s = qsp.spectrum(system, S.z, mean=[(0, 0, -1)])
    assert s.peaks == [] and s.coherent == pytest.approx(-5)


def test_what_has_no_fixed_point_says_where_its_line_is():
    free = oscillator(1.0, 0.1, 0.5)
    with pytest.raises(ValueError, match="limit_cycle"):
        qsp.spectrum(free, free.operators[0], mean=[2.0])
    with pytest.raises(ValueError, match="time"):
        (S,) = qsp.spins(4)
        f = qutip.coefficient(lambda t: np.cos(t))
        qsp.spectrum(qsp.System(f * S.x, [S.m]), S.m, mean=[(0, 0, -1)])
    with pytest.raises(TypeError, match="SpinChains"):
        qsp.spectrum((qutip.sigmaz(), [qutip.sigmam()]), qutip.sigmam(), mean=[0.0])
