"""Predictions of weak drives, weak couplings, lasers and exchange, held against runs."""

import numpy as np
import pytest

import qsyncplug as qsp

# a few levels are enough for a hundredth
pytestmark = pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.CutoffWarning")
B1, B2 = qsp.modes(2)
TIMES = np.linspace(0, 30, 31)


def pair(kerr=(10.0, 10.0), detuning=0.0, coupling=0.05, two=4.0):
    n1, n2 = B1.dag() * B1, B2.dag() * B2
    H = 0.5 * detuning * (n1 - n2) + coupling * B1.dag() * B2 + np.conj(coupling) * B1 * B2.dag()
    H = H + kerr[0] * B1.dag() ** 2 * B1**2 + kerr[1] * B2.dag() ** 2 * B2**2
    root = np.sqrt(two)
    return qsp.System(H, [B1.dag(), B2.dag(), root * B1**2, root * B2**2])


@pytest.mark.parametrize("detuning", [0.0, 5.0, 10.0, 20.0])
def test_kerr_resonances(detuning):
    """⟨b⟩ of the exact steady state, by the engine, within the square of the drive."""
    system = qsp.kerr_van_der_pol(gain=1, loss=2.0, kerr=10.0, detuning=detuning, drive=0.1)
    b = qsp.predictions(system, [0])["weak drive"].limits["amplitude"]
    exact = qsp.expect(system.operators[0], qsp.steadystate(system, cutoff=11))
    assert abs(b - exact) < 5e-3 * abs(exact)


def test_the_response_is_largest_where_a_transition_is():
    """Lörch 2016: peaks at Δ = 0 and 2K, lower between them, the second one the higher."""

    def size(detuning):
        system = qsp.kerr_van_der_pol(loss=2.0, kerr=10.0, detuning=detuning, drive=0.1)
        return abs(qsp.predictions(system, [0])["weak drive"].limits["amplitude"])

    assert size(0) > 2 * size(8) and size(20) > 2 * size(10)


@pytest.mark.parametrize(
    ("kerr", "detuning", "coupling"),
    [
        ((10, 10), 0, 0.05),
        ((10, 10), 20, 0.05),
        ((3, 3), 2, 0.03 + 0.04j),
        ((3, 5), 1.0, 0.05j),
    ],
)
def test_weak_couplings(kerr, detuning, coupling):
    system = pair(kerr, detuning, coupling)
    z = qsp.predictions(system, [0, 0])["weak coupling"].limits["coherence"]
    exact = qsp.expect(B1.dag() * B2, qsp.steadystate(system, cutoff=7))
    assert abs(z - exact) < 5e-3 * abs(exact)
    # in the other order of the factors it is the conjugate
    other = qsp.System(system.hamiltonian, system.jumps, order=[B2, B1])
    swapped = qsp.predictions(other, [0, 0])["weak coupling"].limits["coherence"]
    assert abs(swapped - z.conjugate()) < 1e-12


def test_blockade_of_equal_oscillators():
    """Lörch 2017: equal Kerr oscillators at resonance respond less than at Δ=2K, none at K=0."""

    def coherence(kerr, detuning):
        found = qsp.predictions(pair((kerr, kerr), detuning), [0, 0])["weak coupling"]
        return found.limits["coherence"], found.statement

    blocked, text = coherence(100.0, 0.0)
    assert "blockade" in text
    assert abs(coherence(100.0, 200.0)[0]) > 3 * abs(blocked)
    assert abs(coherence(0.0, 0.0)[0]) < 1e-15


def test_random_responses_are_never_contradicted():
    rng = np.random.default_rng(4)
    passed = 0
    for _ in range(12):
        K, d, J = rng.uniform(0, 12), rng.uniform(-25, 25), rng.uniform(0.01, 0.15)
        two = rng.uniform(8, 20)
        system = pair((K, K), d, J * np.exp(1j * rng.uniform(0, 6)), two)
        run = qsp.exactsolve(system, [0.0, 0.0], TIMES, cutoff=6)
        out = qsp.predictions(system, [0, 0]).check(run)
        assert not [o for o in out if o.passed is False], out
        passed += any(o.name == "weak coupling" and o.passed for o in out)
        drive = rng.uniform(0.01, 0.3)
        system = qsp.kerr_van_der_pol(loss=two, kerr=K, detuning=d, drive=drive)
        run = qsp.exactsolve(system, [0.0], TIMES, cutoff=9)
        out = qsp.predictions(system, [0]).check(run)
        assert not [o for o in out if o.passed is False], out
        passed += any(o.name == "weak drive" and o.passed for o in out)
    assert passed >= 20


def test_another_system_is_told():
    known = qsp.predictions(pair((10, 10), 20), [0, 0])["weak coupling"]
    other = qsp.exactsolve(pair((10, 10), -20), [0.0, 0.0], TIMES, cutoff=6)
    assert known.check(other).passed is False
    short = qsp.exactsolve(pair((10, 10), 20), [0.0, 0.0], TIMES[:4] / 20, cutoff=6)
    assert known.check(short).passed is None
    strong = qsp.System(pair(coupling=0.5).hamiltonian, pair().jumps)
    assert "weak coupling" not in qsp.predictions(strong, [0, 0]).names


def test_exchange_makes_coherences_real():
    system = pair((2, 2), 0.0, 0.4, 8.0)
    known = qsp.predictions(system, [0, 0])["in phase or opposite"]
    run = qsp.exactsolve(system, [0.0, 0.0], TIMES, cutoff=6)
    assert known.check(run).passed is True
    other = qsp.exactsolve(pair((2, 6), 3.0, 0.4 + 0.4j, 8.0), [0.0, 0.0], TIMES, cutoff=6)
    assert known.check(other).passed is False
    assert "in phase or opposite" not in qsp.predictions(pair((2, 2), 0.1), [0, 0]).names


@pytest.mark.parametrize("w", [0.05, 0.3, 0.6, 1.5, 3.0])
@pytest.mark.parametrize("N", [1000, 10**4])
def test_one_laser(N, w):
    (A,) = qsp.atoms(N)
    system = qsp.System(0.3 * A.z, [np.sqrt(1 / N) * A.m, np.sqrt(w) * A.each.p])
    known = qsp.predictions(system, {A: (0, 0, -0.5)})["laser"]
    assert known.limits["inversion"] == pytest.approx(min(1, w))
    run = qsp.mfsolve(system, {A: (0, 0, -0.5)}, np.linspace(0, 900, 91), closure="cumulants")
    assert known.check(run).passed is True
    pairs = qsp.expect(A.p * A.m, run)[-1].real - N * (qsp.expect(A.z, run)[-1].real / N + 0.5)
    assert abs(pairs / (N * (N - 1)) - known.limits["correlation"]) < 10 / N
    slower = qsp.System(0.3 * A.z, [np.sqrt(1 / N) * A.m, np.sqrt(0.5 * w) * A.each.p])
    if w < 2:
        wrong = qsp.mfsolve(slower, {A: (0, 0, -0.5)}, np.linspace(0, 900, 91), closure="cumulants")
        assert known.check(wrong).passed is False
