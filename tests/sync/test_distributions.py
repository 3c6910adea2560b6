"""Phase distributions against direct integration of the quasi-probabilities."""

import numpy as np
import pytest
import qutip as qt
from scipy.special import i0e, i1e

from qsyncplug.sync import SyncView, measures

from .sync_states import coherent_ket

RADII, WEIGHTS = np.polynomial.legendre.leggauss(80)
RADII, WEIGHTS = 4.5 * (RADII + 1), 4.5 * WEIGHTS


def wigner_on_ray(state, phi):
    """QuTiP's W at the points of a ray, one by one."""
    c, s = np.cos(phi), np.sin(phi)
    return np.array([qt.wigner(state, [r * c], [r * s], g=np.sqrt(2))[0, 0] for r in RADII])


def husimi_on_ray(state, phi):
    alpha = RADII / np.sqrt(2) * np.exp(1j * phi)
    n = np.arange(state.shape[0])
    logs = np.cumsum(np.log(np.maximum(n, 1)))
    bras = np.exp(-(np.abs(alpha[:, None]) ** 2) / 2 - logs / 2) * alpha[:, None].conj() ** n
    return np.einsum("rn,nm,rm->r", bras, qt.ket2dm(state).full(), bras.conj()).real / (2 * np.pi)


STATES = {
    "fock": qt.basis(6, 3),
    "coherent": coherent_ket(0.9 * np.exp(0.4j), 24),
    "superposition": (qt.basis(8, 0) + 1j * qt.basis(8, 1) - 0.7 * qt.basis(8, 4)).unit(),
}


@pytest.mark.parametrize("name", STATES)
def test_single_mode_densities_by_integration(name):
    state = STATES[name]
    for phi in (-2.2, 0.1, 0.4, 1.7):
        wigner = np.sum(WEIGHTS * RADII * wigner_on_ray(state, phi))
        husimi = np.sum(WEIGHTS * RADII * husimi_on_ray(state, phi))
        np.testing.assert_allclose(measures.wigner_phase(state)(phi), wigner, rtol=0, atol=1e-12)
        np.testing.assert_allclose(measures.husimi_phase(state)(phi), husimi, rtol=0, atol=1e-12)


def test_fock_states_have_no_phase():
    for measure in (measures.husimi_phase, measures.wigner_phase):
        assert float(measure(qt.basis(9, 5))) == 0.0
        np.testing.assert_allclose(measure(qt.basis(9, 5)).density, 1 / (2 * np.pi), rtol=1e-15)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 1.2 * np.exp(2.1j), -3.0])
def test_coherent_first_husimi_moment(alpha):
    x = abs(alpha) ** 2 / 2
    # (√π/2)|α|e^{−x}[I0(x)+I1(x)]
    expected = np.sqrt(np.pi) / 2 * abs(alpha) * (i0e(x) + i1e(x)) * np.exp(1j * np.angle(alpha))
    distribution = measures.husimi_phase(coherent_ket(alpha, 60))
    np.testing.assert_allclose(distribution.moment(1), expected, rtol=1e-13)
    np.testing.assert_allclose(distribution.moment(-1), np.conj(expected), rtol=1e-13)
    assert distribution.moment(1000) == 0
    assert distribution.moment(0) == pytest.approx(1, abs=1e-14)
    # the peak is at arg α, and the refined maximum is no less than any value of the grid
    np.testing.assert_allclose(
        distribution.peak, 2 * np.pi * distribution(np.angle(alpha)) - 1, rtol=1e-12
    )
    assert distribution.peak >= 2 * np.pi * distribution.density.max() - 1 - 1e-14


def test_relative_phase_of_a_product_is_the_correlation_of_the_two():
    one, two = coherent_ket(0.8j, 20), (qt.basis(12, 0) + qt.basis(12, 2)).unit()
    pair = qt.tensor(one, two)
    for measure in (measures.husimi_phase, measures.wigner_phase):
        joint, a, b = measure(pair, relative=True), measure(one), measure(two)
        for m in range(12):
            np.testing.assert_allclose(
                joint.moment(m), a.moment(m) * b.moment(-m), rtol=0, atol=1e-14
            )
        view = SyncView(states=[pair, qt.ket2dm(pair)])
        table = measure(view)
        np.testing.assert_allclose(
            table[0], [[float(a), float(joint)], [float(joint), float(b)]], rtol=0, atol=1e-13
        )
        np.testing.assert_allclose(table[1], table[0], rtol=0, atol=1e-13)


def test_relative_phase_of_an_entangled_state():
    # (|01⟩+e^{iχ}|10⟩)/√2 has one moment: ρ_{10,01} Γ(3/2)² at m=1
    chi = 0.7
    state = (qt.ket("01") + np.exp(1j * chi) * qt.ket("10")).unit()
    distribution = measures.husimi_phase(state, relative=True)
    np.testing.assert_allclose(distribution.moment(1), np.exp(1j * chi) / 2 * np.pi / 4, rtol=1e-15)
    np.testing.assert_allclose(float(distribution), np.pi / 4, rtol=1e-14)
    assert float(measures.husimi_phase(state.ptrace(0))) == 0.0


def test_wigner_phase_can_be_negative():
    state = (qt.basis(6, 0) + qt.basis(6, 5)).unit()
    assert measures.wigner_phase(state).density.min() < -0.01
    assert measures.husimi_phase(state).density.min() > 0


def test_what_is_refused():
    with pytest.raises(ValueError, match="two modes"):
        measures.husimi_phase(qt.ket("00"))
    with pytest.raises(ValueError, match="two modes"):
        measures.wigner_phase(qt.ket("0"), relative=True)
    with pytest.raises(TypeError, match="SyncView"):
        measures.husimi_phase(np.eye(2))
