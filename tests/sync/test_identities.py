"""Identities and invariances on random states."""

from math import factorial

import numpy as np
import pytest
import qutip as qt
from hypothesis import given, settings
from hypothesis import strategies as st

from qsyncplug.sync import About, SyncView, measures

from .sync_states import full_view, gaussian_view, lowering, moments

seeds = st.integers(0, 10**6)


def random_state(seed, dims=(4, 4), kind="dm"):
    d = [list(dims), list(dims)]
    if kind == "ket":
        return qt.Qobj(
            qt.rand_ket(int(np.prod(dims)), seed=seed).full(), dims=[list(dims), [1] * len(dims)]
        )
    return qt.Qobj(qt.rand_dm(int(np.prod(dims)), seed=seed).full(), dims=d)


def even_state(seed):
    """State without means: of even total parity after projection."""
    rho = random_state(seed)
    total = sum(b.dag() * b for b in lowering([4, 4]))
    parity = (1j * np.pi * total).expm()
    return (rho + parity * rho * parity.dag()) / 2


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_fluctuation_identity_without_means(seed):
    rho = even_state(seed)
    view = full_view(rho)
    b1, b2 = lowering([4, 4])
    n1, n2 = (qt.expect(b.dag() * b, rho) for b in (b1, b2))
    hop = qt.expect(b1.dag() * b2, rho)
    np.testing.assert_allclose(view.mean, 0, rtol=0, atol=1e-12)
    s_q = 1 / (1 + n1 + n2 - 2 * np.real(hop))
    np.testing.assert_allclose(measures.complete_fluctuations(view)[0, 0, 1], s_q, rtol=1e-12)
    np.testing.assert_allclose(measures.complete(view)[0, 0, 1], s_q, rtol=1e-12)
    np.testing.assert_allclose(
        measures.phase_rotated(view)[0, 0, 1], 1 / (1 + n1 + n2 - 2 * abs(hop)), rtol=1e-12
    )
    np.testing.assert_allclose(view.masses[0], [n1, n2], rtol=1e-12)
    np.testing.assert_allclose(
        view.correlations[0, 0, 1], hop / np.sqrt(n1 * n2), rtol=0, atol=1e-12
    )


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_complete_against_quadratures(seed):
    rho = random_state(seed, (3, 3))
    # a level above keeps q² and p² exact on the truncated space
    wide = qt.Qobj(
        np.pad(rho.full().reshape(3, 3, 3, 3), [(0, 2)] * 4).reshape(25, 25), dims=[[5, 5], [5, 5]]
    )
    b1, b2 = lowering([5, 5])
    minus = (b1 - b2) / np.sqrt(2)
    q, p = (minus + minus.dag()) / np.sqrt(2), (minus - minus.dag()) / (1j * np.sqrt(2))
    second, q1, p1 = (qt.expect(x, wide) for x in (q * q + p * p, q, p))
    view = full_view(wide)
    np.testing.assert_allclose(measures.complete(view)[0, 0, 1], 1 / second, rtol=1e-12)
    np.testing.assert_allclose(
        measures.complete_fluctuations(view)[0, 0, 1], 1 / (second - q1**2 - p1**2), rtol=1e-11
    )
    assert measures.complete(view)[0, 0, 1] <= 1
    # S_p, from the operator p' of the turned frame
    phi = np.angle([qt.expect(b, wide) for b in (b1, b2)])
    turned = [
        (np.exp(-1j * f) * b - np.exp(1j * f) * b.dag()) / (1j * np.sqrt(2))
        for f, b in zip(phi, (b1, b2), strict=True)
    ]
    minus = (turned[0] - turned[1]) / np.sqrt(2)
    np.testing.assert_allclose(
        measures.phase(view)[0, 0, 1], 0.5 / qt.variance(minus, wide), rtol=1e-11
    )


@pytest.mark.parametrize("kind", ["ket", "dm"])
@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(-np.pi, np.pi), st.floats(-np.pi, np.pi))
def test_local_phases_change_no_correlation(kind, seed, x, y):
    state = random_state(seed, (3, 4), kind)
    turn = qt.tensor((1j * x * qt.num(3)).expm(), (1j * y * qt.num(4)).expm())
    turned = turn * state if kind == "ket" else turn * state * turn.dag()
    a, b = full_view(state), full_view(turned)
    for measure in (
        measures.coherence,
        measures.log_negativity,
        measures.mutual_information,
        measures.purity,
    ):
        np.testing.assert_allclose(measure(a), measure(b), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        measures.husimi_phase(a), measures.husimi_phase(b), rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(
        measures.wigner_phase(a), measures.wigner_phase(b), rtol=0, atol=1e-12
    )
    phase = np.angle(np.exp(1j * (measures.coherence_phase(b) - measures.coherence_phase(a))))[
        0, 0, 1
    ]
    np.testing.assert_allclose(np.exp(1j * phase), np.exp(1j * (y - x)), rtol=0, atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_tensor_position_does_not_matter(seed):
    state = random_state(seed, (2, 3, 4), "ket")
    rho = qt.ket2dm(state)
    order = (2, 0, 1)
    for measure in (
        measures.log_negativity,
        measures.mutual_information,
        measures.purity,
        measures.second_order,
    ):
        direct = measure(SyncView(states=[state]))[0]
        np.testing.assert_allclose(measure(SyncView(states=[rho]))[0], direct, rtol=0, atol=1e-12)
        mixed = measure(SyncView(states=[state.permute([1, 2, 0])], subsystems=order))[0]
        np.testing.assert_allclose(mixed, direct, rtol=0, atol=1e-12)
        swapped = measure(SyncView(states=[state], subsystems=(2, 0)))[0, 0, 1]
        np.testing.assert_allclose(swapped, np.conj(direct[0, 2]), rtol=0, atol=1e-12)
    # against QuTiP
    pair = rho.ptrace([0, 2])
    expected = np.log(qt.partial_transpose(pair, [0, 1]).norm("tr"))
    np.testing.assert_allclose(
        measures.log_negativity(SyncView(states=[state]))[0, 0, 2], expected, rtol=0, atol=1e-12
    )
    expected = qt.entropy_mutual(pair, 0, 1)
    np.testing.assert_allclose(
        measures.mutual_information(SyncView(states=[rho]))[0, 0, 2], expected, rtol=0, atol=1e-12
    )


def test_rank_deficient_information_is_accurate():
    ghz = (qt.ket("000") + qt.ket("111")).unit()
    for state in (ghz, qt.ket2dm(ghz)):
        view = SyncView(states=[state])
        np.testing.assert_allclose(
            measures.mutual_information(view)[0, 0, 1], np.log(2), rtol=0, atol=1e-13
        )
        np.testing.assert_allclose(measures.log_negativity(view)[0, 1, 2], 0, rtol=0, atol=1e-14)
        np.testing.assert_allclose(measures.purity(view)[0], 0.5, rtol=0, atol=1e-14)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_exchange_and_the_choice_of_fields(seed):
    rho = random_state(seed, (3, 3))
    view = full_view(rho)
    back = view.pair(1, 0)
    for measure in (
        measures.complete,
        measures.complete_fluctuations,
        measures.phase_rotated,
        measures.phase,
        measures.coherence,
        measures.log_negativity,
        measures.mutual_information,
        measures.husimi_phase,
        measures.wigner_phase,
        measures.pearson,
    ):
        np.testing.assert_allclose(
            measure(back)[0, 1, 0], measure(view)[0, 0, 1], rtol=1e-12, atol=1e-13
        )
    given_ = SyncView(correlations=view.correlations, masses=view.masses)
    lazy = SyncView(
        mean=lambda: view.mean, covariance=lambda: view.covariance, times=[0.0], about=About(n=2)
    )
    for other in (given_, lazy, back):
        np.testing.assert_allclose(
            measures.order_parameter(other), measures.order_parameter(view), rtol=1e-12
        )
        np.testing.assert_allclose(
            measures.order_parameter(other, weighted=True),
            measures.order_parameter(view, weighted=True),
            rtol=1e-12,
        )
        np.testing.assert_allclose(measures.diameter(other), measures.diameter(view), rtol=1e-12)


def test_gaussian_measures_of_a_lossy_squeezed_state_agree_with_its_states():
    r, eta, cut = 0.4, 0.6, 16
    weights = np.tanh(r) ** np.arange(cut)
    ket = qt.Qobj(
        np.diag(weights / np.linalg.norm(weights)).reshape(-1, 1), dims=[[cut, cut], [1, 1]]
    )
    a, _ = lowering([cut, cut])
    rho = qt.ket2dm(ket)
    damping = (a.dag() * a * np.log(np.sqrt(eta))).expm()
    kraus = [np.sqrt((1 - eta) ** k / factorial(k)) * damping * a**k for k in range(cut)]
    rho = sum(k * rho * k.dag() for k in kraus)
    np.testing.assert_allclose(rho.tr(), 1, rtol=0, atol=1e-12)
    view = full_view(rho)
    for measure in (measures.log_negativity, measures.mutual_information, measures.purity):
        # tanh(0.4)**32 = 4e-14 of the population is cut
        np.testing.assert_allclose(measure(view), measure(view, gaussian=True), rtol=0, atol=1e-6)


def test_moments_helper_reproduces_a_coherent_state():
    state = qt.tensor(qt.coherent(30, 0.5 + 0.2j), qt.basis(30, 0))
    mean, cov = moments(state)
    np.testing.assert_allclose(mean, np.sqrt(2) * np.array([0.5, 0.2, 0, 0]), rtol=0, atol=1e-12)
    np.testing.assert_allclose(measures.purity(gaussian_view((mean, cov))), 1, rtol=0, atol=1e-12)
