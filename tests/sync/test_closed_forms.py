"""The table of known values: from states, from Gaussian moments, and the two against each other."""

import numpy as np
import pytest
import qutip as qt

from qsyncplug.sync import measures

from .sync_states import coherent_ket, full_view, gaussian_view, squeezed_ket, thermal

R = 0.5
NBAR = np.sinh(R) ** 2
ENTROPY = (NBAR + 1) * np.log(NBAR + 1) - NBAR * np.log(NBAR)
SQUEEZED = np.diag([np.cosh(2 * R)] * 4) / 2
SQUEEZED[0, 2] = SQUEEZED[2, 0] = np.sinh(2 * R) / 2
SQUEEZED[1, 3] = SQUEEZED[3, 1] = -np.sinh(2 * R) / 2
ALPHAS = np.array([1.0, np.exp(1j * np.pi / 3)])
COHERENT_MEAN = np.sqrt(2) * np.array(
    [ALPHAS[0].real, ALPHAS[0].imag, ALPHAS[1].real, ALPHAS[1].imag]
)
VACUUM = (np.zeros(4), np.eye(4) / 2)
BELL = (qt.ket("01") + qt.ket("10")).unit()

# name: state, moments or None, S_q, S_c, S_p at frame 0, E_N, mutual information
CASES = {
    "vacuum": (qt.tensor(qt.basis(4, 0), qt.basis(4, 0)), VACUUM, 1, 1, 1, 0, 0),
    "squeezed": (
        squeezed_ket(R, 36),
        (np.zeros(4), SQUEEZED),
        1 / np.cosh(2 * R),
        1 / np.cosh(2 * R),
        np.exp(-2 * R),
        2 * R,
        2 * ENTROPY,
    ),
    "coherent": (
        qt.tensor(*(coherent_ket(a, 24) for a in ALPHAS)),
        (COHERENT_MEAN, np.eye(4) / 2),
        1,
        0.5,
        1,
        0,
        0,
    ),
    "thermal": (
        qt.tensor(thermal(1.0, 44), thermal(1.0, 44)),
        (np.zeros(4), 1.5 * np.eye(4)),
        1 / 3,
        1 / 3,
        1 / 3,
        0,
        0,
    ),
    "bell": (BELL, None, 1, 1, 1, np.log(2), 2 * np.log(2)),
}


def errors(view, values, **options):
    """Absolute errors of S_q, S_c, S_p, E_N and I of the pair."""
    found = [
        measures.complete_fluctuations(view),
        measures.complete(view),
        measures.phase(view),
        measures.log_negativity(view, **options),
        measures.mutual_information(view, **options),
    ]
    return np.array([abs(f[0, 0, 1] - v) for f, v in zip(found, values, strict=True)])


@pytest.mark.parametrize("name", [n for n in CASES if n != "thermal"])
def test_from_states(name):
    state, _, *values = CASES[name]
    atol = 1e-12 if name != "squeezed" else 5e-12
    assert np.all(errors(full_view(state), values, gaussian=False) <= atol)


def test_thermal_from_states():
    # a thermal state is cut at level 44: 44/2**44 is missing from n
    state, _, *values = CASES["thermal"]
    assert np.all(errors(full_view(state), values, gaussian=False) <= (1e-11))


@pytest.mark.parametrize("name", [n for n in CASES if n != "bell"])
def test_from_moments(name):
    _, parts, *values = CASES[name]
    assert np.all(errors(gaussian_view(parts), values) <= 5e-14)


@pytest.mark.parametrize("name", ["vacuum", "squeezed", "coherent", "thermal"])
def test_the_two_agree(name):
    state, parts, *_ = CASES[name]
    if name == "thermal":
        state, parts = qt.tensor(thermal(0.1, 14), thermal(0.1, 14)), (np.zeros(4), 0.6 * np.eye(4))
    exact, gaussian = full_view(state), gaussian_view(parts)
    for measure in (measures.purity, measures.log_negativity, measures.mutual_information):
        np.testing.assert_allclose(
            measure(exact, gaussian=False), measure(gaussian), rtol=0, atol=3e-11
        )
    np.testing.assert_allclose(exact.mean, gaussian.mean, rtol=0, atol=1e-11)
    np.testing.assert_allclose(exact.covariance, gaussian.covariance, rtol=0, atol=1e-11)


def test_coherences():
    names = [n for n in CASES if n != "vacuum"]
    expected = {"squeezed": 0, "coherent": 1, "thermal": 0, "bell": 1}
    for name in names:
        np.testing.assert_allclose(
            measures.coherence(full_view(CASES[name][0]))[0, 0, 1],
            expected[name],
            rtol=0,
            atol=1e-12,
        )
    phase = measures.coherence_phase(full_view(CASES["coherent"][0]))
    np.testing.assert_allclose(phase[0], [[0, np.pi / 3], [-np.pi / 3, 0]], rtol=0, atol=1e-12)


def test_pearson_of_squeezed_state():
    view = gaussian_view(CASES["squeezed"][1])
    np.testing.assert_allclose(
        measures.pearson(view)[0], [[1, np.tanh(2 * R)], [np.tanh(2 * R), 1]], rtol=0, atol=1e-14
    )
    np.testing.assert_allclose(
        measures.pearson(view, "p")[0, 0, 1], -np.tanh(2 * R), rtol=0, atol=1e-14
    )
    np.testing.assert_allclose(measures.pearson(view, "q", "p")[0], 0, rtol=0, atol=1e-14)


def test_phase_of_squeezed_coherent_states_in_the_frame_of_the_means():
    # p' of a node with mean along +p is −q: its variance there is that of q
    cov = np.diag([0.2, 1.25, 0.7, 5 / 14])
    view = gaussian_view((np.array([0, 2.0, 3.0, 0]), cov))
    np.testing.assert_allclose(measures.phase(view)[0, 0, 1], 1 / (0.2 + 5 / 14), rtol=1e-14)


def test_phase_rotated_frames():
    bell = full_view((qt.ket("01") + np.exp(0.8j) * qt.ket("10")).unit())
    n, c = 0.5, 0.5
    np.testing.assert_allclose(
        measures.phase_rotated(bell)[0, 0, 1], 1 / (1 + 2 * n - 2 * c), rtol=1e-14
    )
    np.testing.assert_allclose(
        measures.complete_fluctuations(bell)[0, 0, 1], 1 / (2 - np.cos(0.8)), rtol=1e-14
    )
    best = max(
        measures.phase_rotated(bell, frame=np.array([x, 0.0]))[0, 0, 1]
        for x in np.linspace(0, 2 * np.pi, 20001)
    )
    np.testing.assert_allclose(
        measures.phase_rotated(bell, frame="optimal")[0, 0, 1], best, rtol=1e-7
    )
    # with means: the same as turning the state back by the phases of the means
    state = qt.tensor(coherent_ket(0.6j, 16), coherent_ket(-0.5, 16)) + 0.5 * qt.tensor(
        qt.basis(16, 1), qt.basis(16, 0)
    )
    state = state.unit()
    view = full_view(state)
    angles = np.angle(view.amplitudes[0])
    turn = qt.tensor(*((-1j * a * qt.num(16)).expm() for a in angles))
    turned = full_view(turn * state)
    np.testing.assert_allclose(turned.mean[0, 1::2], 0, rtol=0, atol=1e-14)
    expected = measures.complete_fluctuations(turned)
    np.testing.assert_allclose(measures.phase_rotated(view), expected, rtol=1e-12)
    np.testing.assert_allclose(measures.phase_rotated(view, frame="mean"), expected, rtol=1e-12)


def brute_force_discord(sigma):
    """min over pure Gaussian measurements of squeezing λ and angle θ on mode 2, by a grid and a
    local search.
    """
    from scipy.optimize import minimize

    a, b, c = sigma[:2, :2], sigma[2:, 2:], sigma[:2, 2:]

    def determinant(x):
        lam, theta = np.exp(np.clip(x[0], -16, 16)), x[1]
        rot = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
        seed = rot @ np.diag([lam, 1 / lam]) @ rot.T / 2
        return np.linalg.det(a - c @ np.linalg.inv(b + seed) @ c.T)

    starts = [(s, t) for s in np.linspace(-12, 12, 13) for t in np.linspace(0, np.pi / 2, 4)]
    best = min(starts, key=determinant)
    least = minimize(
        determinant,
        best,
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-16, "maxiter": 2000},
    ).fun

    def f(nu):
        return (nu + 0.5) * np.log(nu + 0.5) - (nu - 0.5) * np.log(max(nu - 0.5, 1e-300))

    form = np.kron(np.eye(2), [[0, 1], [-1, 0]])
    nus = np.sort(np.abs(np.linalg.eigvals(1j * form @ sigma).real))[::2]
    return f(np.sqrt(np.linalg.det(b))) - sum(f(n) for n in nus) + f(np.sqrt(least))


def adesso_datta(sigma):
    """Closed form of Phys. Rev. Lett. 105, 030501, vacuum variance 1."""
    s = 2 * sigma
    al, be, ga, de = (
        np.linalg.det(s[:2, :2]),
        np.linalg.det(s[2:, 2:]),
        np.linalg.det(s[:2, 2:]),
        np.linalg.det(s),
    )
    if (de - al * be) ** 2 <= (1 + be) * ga**2 * (al + de):
        root = np.sqrt(ga**2 + (be - 1) * (de - al))
        least = (2 * ga**2 + (be - 1) * (de - al) + 2 * abs(ga) * root) / (be - 1) ** 2
    else:
        least = (
            al * be - ga**2 + de - np.sqrt(ga**4 + (de - al * be) ** 2 - 2 * ga**2 * (de + al * be))
        )
        least /= 2 * be

    def f(x):
        return (x + 1) / 2 * np.log((x + 1) / 2) - (x - 1) / 2 * np.log((x - 1) / 2)

    total = al + be + 2 * ga
    nus = [np.sqrt((total + sign * np.sqrt(total**2 - 4 * de)) / 2) for sign in (1, -1)]
    return f(np.sqrt(be)) - f(nus[0]) - f(nus[1]) + f(np.sqrt(least))


def random_covariance(rng, quadratures):
    """S diag(ν) Sᵀ; beam splitters and squeezers, with local rotations or not."""
    from scipy.linalg import expm

    form = np.kron(np.eye(2), [[0, 1], [-1, 0]])
    h = rng.normal(size=(4, 4)) * 0.4
    if quadratures:
        h[np.ix_([0, 2], [1, 3])] = h[np.ix_([1, 3], [0, 2])] = 0
    s = expm(form @ (h + h.T))
    nu = 0.5 + rng.exponential(0.6, 2)
    return s @ np.diag(np.repeat(nu, 2)) @ s.T


@pytest.mark.parametrize("seed", range(8))
def test_discord_of_random_states(seed):
    sigma = random_covariance(np.random.default_rng(seed), seed % 2)
    swap = sigma[np.ix_([2, 3, 0, 1], [2, 3, 0, 1])]
    values = measures.gaussian_discord(gaussian_view((np.zeros(4), sigma)))[0]
    # the search ends at a squeezing of e^16, 1e-7 short of homodyne detection
    np.testing.assert_allclose(values[0, 1], adesso_datta(sigma), rtol=0, atol=1e-11)
    np.testing.assert_allclose(values[1, 0], adesso_datta(swap), rtol=0, atol=1e-11)
    np.testing.assert_allclose(values[0, 1], brute_force_discord(sigma), rtol=0, atol=3e-7)
    assert np.all(np.isnan(np.diagonal(values)))


def test_discord_of_pure_and_of_product_states():
    squeezed = measures.gaussian_discord(gaussian_view(CASES["squeezed"][1]))[0, 0, 1]
    np.testing.assert_allclose(squeezed, ENTROPY, rtol=0, atol=1e-13)
    for name in ("vacuum", "coherent", "thermal"):
        assert measures.gaussian_discord(gaussian_view(CASES[name][1]))[0, 0, 1] <= 1e-14


def test_second_order():
    alphas = qt.tensor(*(coherent_ket(a, 24) for a in ALPHAS))
    value = measures.second_order(full_view(alphas))
    np.testing.assert_allclose(value[0, 0, 1], np.exp(2j * np.pi / 3), rtol=0, atol=1e-12)
    np.testing.assert_allclose(value[0, 1, 0], np.exp(-2j * np.pi / 3), rtol=0, atol=1e-12)
    np.testing.assert_allclose(value[0, 0, 0], 1, rtol=0, atol=1e-12)
    twenty = (qt.ket("20", 3) + 1j * qt.ket("02", 3)).unit()  # n=1 each; ⟨20|b1†²b2²|02⟩ = 2
    np.testing.assert_allclose(
        measures.second_order(full_view(twenty))[0, 0, 1], 1j, rtol=0, atol=1e-14
    )
    assert abs(measures.coherence(full_view(twenty))[0, 0, 1]) < 1e-14
    # thermal light through a beam splitter: Gaussian, with ⟨b1†b2⟩≠0
    splitter = (
        0.3 * (lambda a, b: a.dag() * b - a * b.dag())(*[qt.tensor(*x) for x in _ab(14)])
    ).expm()
    state = splitter * qt.tensor(thermal(0.2, 14), qt.fock_dm(14, 0)) * splitter.dag()
    view = full_view(state)
    # 0.2/1.2 to the power 14 is missing
    np.testing.assert_allclose(
        measures.second_order(view), measures.second_order(view, gaussian=True), rtol=0, atol=1e-7
    )
    np.testing.assert_allclose(measures.second_order(view)[0, 0, 0], 2, rtol=0, atol=1e-7)


def _ab(d):
    return [(qt.destroy(d), qt.qeye(d)), (qt.qeye(d), qt.destroy(d))]


def test_gaussian_second_order_with_means_and_squeezing():
    one = qt.squeeze(60, 0.3) * qt.basis(60, 0)
    state = qt.tensor(qt.displace(60, 0.5 + 0.2j) * one, qt.displace(60, -0.3j) * one)
    view = full_view(state)
    np.testing.assert_allclose(
        measures.second_order(view), measures.second_order(view, gaussian=True), rtol=0, atol=1e-9
    )


def test_second_order_by_pairs_is_bounded():
    # (|02⟩ + i|20⟩)/√2: ⟨b1†²b2²⟩ = i·2/2 and ⟨b†²b²⟩=1 in each mode, n=1
    state = (qt.basis([3, 3], [0, 2]) + 1j * qt.basis([3, 3], [2, 0])).unit()
    view = full_view(state)
    pairs = measures.second_order(view, normalization="pairs")
    np.testing.assert_allclose(abs(pairs[0, 0, 1]), 1, rtol=0, atol=1e-14)
    np.testing.assert_allclose(pairs[0, 0, 0], 1, rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        measures.second_order(view)[0, 0, 1], pairs[0, 0, 1], rtol=0, atol=1e-14
    )
    coherent = full_view(qt.tensor(coherent_ket(0.7, 24), coherent_ket(0.7j, 24)))
    np.testing.assert_allclose(
        measures.second_order(coherent, normalization="pairs"),
        measures.second_order(coherent),
        rtol=0,
        atol=1e-9,
    )
    with pytest.raises(ValueError, match="normalization"):
        measures.second_order(view, normalization="max")
