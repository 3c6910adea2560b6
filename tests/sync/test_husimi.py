from math import comb

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.legendre import leggauss

import qsyncplug as qsp
from qsyncplug import (
    SpinOne,
    SpinOnePair,
    spin_husimi,
    spin_phase,
    spin_phase_moments,
    spin_phase_peak,
)

PHI = np.linspace(-np.pi, np.pi, 61)


def random_state(seed, dims):
    rng = np.random.default_rng(seed)
    size = int(np.prod(dims))
    A = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    rho = A @ A.conj().T
    return qutip.Qobj(rho / np.trace(rho), dims=[list(dims), list(dims)])


def sphere(points=60):
    """Nodes θ and weights sinθ dθ."""
    # θ itself: the integrand is a trigonometric polynomial of θ/2 times sinθ
    x, w = leggauss(points)
    theta = np.pi / 2 * (x + 1)
    return theta, np.pi / 2 * w * np.sin(theta)


@pytest.mark.parametrize("dimension", [2, 3, 4, 7])
def test_closed_form_against_integration_of_the_husimi_function(dimension):
    rho = random_state(dimension, [dimension])
    theta, weight = sphere()
    Q = spin_husimi(rho, theta[:, None], PHI[None, :])
    np.testing.assert_allclose(spin_phase(rho, PHI), weight @ Q - 1 / (2 * np.pi), atol=1e-13)
    even = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    total = (weight @ spin_husimi(rho, theta[:, None], even[None, :])).sum() * 2 * np.pi / 24
    assert total == pytest.approx(1, abs=1e-13)


def test_husimi_function_is_the_overlap_with_qutip_s_coherent_state():
    rho = random_state(4, [4])
    for theta, phi in ((0.4, 1.0), (2.0, -2.3)):
        psi = qutip.spin_coherent(1.5, theta, phi)
        assert spin_husimi(rho, theta, phi) == pytest.approx(
            4 / (4 * np.pi) * qutip.expect(rho, psi), rel=1e-12
        )


@pytest.mark.parametrize("dims", [(3, 3), (2, 4)])
def test_relative_phase_against_integration(dims):
    """∫ Q(θ1, φ2+φ, θ2, φ2) over θ1, θ2, φ2."""
    rho = random_state(9, dims)
    theta, weight = sphere(40)
    second = np.linspace(0, 2 * np.pi, 16, endpoint=False)

    def kets(d, phi):
        i = np.arange(d)
        norm = np.sqrt([comb(d - 1, int(k)) for k in i])
        half = theta[:, None] / 2
        return norm * np.cos(half) ** (d - 1 - i) * np.sin(half) ** i * np.exp(1j * i * phi)

    values = []
    for phi in PHI[::6]:
        total = 0.0
        for other in second:
            first, last = kets(dims[0], other + phi), kets(dims[1], other)
            r = rho.full().reshape(*dims, *dims)
            P1 = np.einsum("t,ta,tb->ab", weight, first.conj(), first)
            P2 = np.einsum("t,ta,tb->ab", weight, last.conj(), last)
            total += np.einsum("ac,bd,abcd->", P1, P2, r).real
        values.append(total * dims[0] * dims[1] / (4 * np.pi) ** 2 * 2 * np.pi / 16)
    np.testing.assert_allclose(
        spin_phase(rho, PHI[::6], relative=True), np.array(values) - 1 / (2 * np.pi), atol=1e-13
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_spin_one_formulas(seed):
    """The closed forms for spin 1, alone and in a pair."""
    rho = random_state(seed, [3])
    r = rho.full()
    expected = 3 / (8 * np.sqrt(2)) * ((r[0, 1] + r[1, 2]) * np.exp(1j * PHI)).real
    expected = expected + (r[0, 2] * np.exp(2j * PHI)).real / (2 * np.pi)
    np.testing.assert_allclose(spin_phase(rho, PHI), expected, atol=1e-14)
    pair = random_state(seed + 1, [3, 3])
    r = pair.full().reshape(3, 3, 3, 3)
    # rows 0, 1, 2 are m=1, 0, −1
    one = sum(r[a - 1, b, a, b - 1] for a in (1, 2) for b in (1, 2))
    expected = 9 * np.pi / 128 * (one * np.exp(1j * PHI)).real + (
        r[0, 2, 2, 0] * np.exp(2j * PHI)
    ).real / (4 * np.pi)
    np.testing.assert_allclose(spin_phase(pair, PHI, relative=True), expected, atol=1e-14)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(-3, 3), st.integers(2, 6))
def test_symmetries(seed, angle, d):
    """A rotation about z shifts φ; a common one leaves the relative phase alone; a product has the
    product moments.
    """
    rho = random_state(seed, [d])
    turn = (-1j * angle * qutip.jmat((d - 1) / 2, "z")).expm()
    np.testing.assert_allclose(
        spin_phase(turn * rho * turn.dag(), PHI + angle), spin_phase(rho, PHI), atol=1e-12
    )
    pair = random_state(seed, [d, 3])
    both = qutip.tensor(turn, (-1j * angle * qutip.jmat(1, "z")).expm())
    np.testing.assert_allclose(
        spin_phase(both * pair * both.dag(), PHI, relative=True),
        spin_phase(pair, PHI, relative=True),
        atol=1e-12,
    )
    other = random_state(seed + 5, [d])
    product = spin_phase_moments(qutip.tensor(rho, other), relative=True)
    np.testing.assert_allclose(
        product, spin_phase_moments(rho) * spin_phase_moments(other).conj(), atol=1e-13
    )
    assert np.all(np.abs(product) <= 1 + 1e-12)


def test_peak():
    rho = random_state(3, [5])
    fine = np.linspace(-np.pi, np.pi, 200001)
    S = spin_phase(rho, fine)
    peak, where = spin_phase_peak(rho)
    assert peak == pytest.approx(S.max(), abs=1e-10)
    assert where == pytest.approx(fine[np.argmax(S)], abs=1e-4)
    assert spin_phase(rho, where) == pytest.approx(peak, rel=1e-12)
    value, nowhere = spin_phase_peak(qutip.basis(3, 1))
    assert value == 0
    assert np.isnan(nowhere)
    # a coherent state along φ0 on the equator
    assert spin_phase_peak(qutip.spin_coherent(2, np.pi / 2, 0.9))[1] == pytest.approx(
        0.9, abs=1e-12
    )


def test_entrainment_to_first_order():
    """S(φ)=(3ε/16) Re e^{iφ}[1/(γ_g/2+iΔ) − 1/(γ_d/2+iΔ)] + O(ε²): the coherences of |0⟩ with
    |±1⟩.
    """
    for eps, order in ((1e-3, 1), (1e-4, 2)):
        model = SpinOne(detuning=0.03, drive=eps, gain=1.0, loss=0.1)
        first = 3 * eps / 16 * (np.exp(1j * PHI) * (1 / (0.5 + 0.03j) - 1 / (0.05 + 0.03j))).real
        error = np.abs(spin_phase(qsp.steadystate(model), PHI) - first).max()
        assert error < 300 * eps**2, order
    blocked = SpinOne(detuning=0.03, drive=1e-3, gain=0.5, loss=0.5)
    assert np.abs(spin_phase(qsp.steadystate(blocked), PHI)).max() < 1e-5


def test_mutual_synchronisation_to_first_order():
    for eps in (1e-3, 1e-4):
        model = SpinOnePair(0.2, eps, (1.0, 0.3), (0.1, 0.7))
        kernel = 1 / ((0.1 + 0.3) / 2 + 0.2j) - 1 / ((1.0 + 0.7) / 2 + 0.2j)
        first = 9 * np.pi * eps / 128 * (np.exp(1j * PHI) * kernel).real
        S = spin_phase(qsp.steadystate(model), PHI, relative=True)
        assert np.abs(S - first).max() < 100 * eps**2
    equal = SpinOnePair(0.0, 1e-3, (1.0, 1.0), (0.1, 0.1))
    exchanged = SpinOnePair(0.0, 1e-3, (1.0, 0.1), (0.1, 1.0))
    assert (
        spin_phase_peak(qsp.steadystate(equal), relative=True)[0]
        < 0.01 * spin_phase_peak(qsp.steadystate(exchanged), relative=True)[0]
    )
    # neither spin alone has a phase: nothing from outside sets it
    rho = qsp.steadystate(exchanged)
    for j in range(2):
        assert np.abs(spin_phase_moments(rho.ptrace(j))[1:]).max() < 1e-12


def test_the_undriven_spin_rests_in_its_limit_cycle():
    rho = qsp.steadystate(SpinOne(drive=0.0, detuning=0.4, gain=0.7, loss=0.2))
    np.testing.assert_allclose(rho.full(), np.diag([0, 1, 0]), atol=1e-12)
    pair = qsp.steadystate(SpinOnePair(coupling=0.0))
    np.testing.assert_allclose(pair.full()[4, 4], 1, atol=1e-12)


def test_steady_state_by_long_evolution():
    model = SpinOne(detuning=0.1, drive=0.3, gain=1.0, loss=0.4)
    H, c_ops = model.qutip()
    run = qutip.mesolve(
        H,
        qutip.basis(3, 0),
        [0, 150],
        c_ops,
        options={"rtol": 1e-10, "atol": 1e-12},
    )
    np.testing.assert_allclose(run.states[-1].full(), qsp.steadystate(model).full(), atol=1e-8)


def test_bad_input():
    with pytest.raises(ValueError, match="gain must be at least 0"):
        SpinOne(gain=-1.0)
    with pytest.raises(ValueError, match="drive"):
        SpinOne(drive=np.nan)
    with pytest.raises(ValueError, match="coupling"):
        qsp.spin_one_pair(coupling=np.nan)
    with pytest.raises(ValueError, match="relative=True"):
        spin_phase(random_state(0, [3, 3]), PHI)
    with pytest.raises(ValueError, match="two spins"):
        spin_phase(random_state(0, [3]), PHI, relative=True)
    with pytest.raises(ValueError, match="normalised"):
        spin_phase(2 * qutip.basis(3, 0), PHI)
    with pytest.raises(TypeError, match="ket or density matrix"):
        spin_phase(np.eye(3), PHI)
    with pytest.raises(ValueError, match="finite"):
        spin_phase(qutip.basis(3, 0), [np.nan])


@pytest.mark.parametrize("twice", [40, 2060, 4000])
def test_husimi_function_of_large_spins(twice):
    """A coherent state at θ₀ on the meridian: Q = (2J+1)/4π cos^{4J}((θ−θ₀)/2)."""
    import qutip

    psi = np.zeros(twice + 1)
    i = np.arange(twice + 1)
    from scipy.special import gammaln

    log = 0.5 * (gammaln(twice + 1) - gammaln(i + 1) - gammaln(twice + 1 - i))
    psi[:] = np.exp(log + (twice - i) * np.log(np.cos(0.4)) + i * np.log(np.sin(0.4)))
    theta = np.array([0.0, 0.7, 0.8, 0.9])
    expected = (twice + 1) / (4 * np.pi) * np.cos((theta - 0.8) / 2) ** (2 * twice)
    assert spin_husimi(qutip.Qobj(psi), theta, 0.0) == pytest.approx(expected, rel=1e-9, abs=1e-30)
