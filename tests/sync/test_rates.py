"""Rates with error bars that hold: two exponentials of any ratio, signs, noise and window."""

import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug.sync.verdicts.decays import slowest_rate
from qsyncplug.sync.verdicts.rates import fit_rate

RATIOS = {"close": (1.001, 1.03), "near": (1.03, 1.3), "apart": (1.3, 3.0)}
NOISES = {"rounding": 1e-15, "solver": 1e-9, "noisy": 1e-4}


def decay(rng, ratio, noise, channels):
    """Times, e^{−λt} and e^{−λrt} with amplitudes 1/30 to 30 of either sign, and λ."""
    rate = 10 ** rng.uniform(-1, 1)
    second = rate * (1 + 10 ** rng.uniform(*np.log10(np.array(ratio) - 1)))
    t = np.linspace(0, rng.uniform(4, 25) / rate, int(rng.integers(12, 500)))
    slow = rng.normal(size=channels)
    fast = slow * 10 ** rng.uniform(-1.5, 1.5, channels) * rng.choice([-1, 1], channels)
    y = np.exp(-rate * t)[:, None] * slow + np.exp(-second * t)[:, None] * fast
    noise = noise * np.abs(y).max()
    y = y + noise * rng.normal(size=y.shape)
    seen = np.flatnonzero(np.abs(y).max(axis=1) > 30 * noise)
    stop = seen[-1] + 1 if seen.size else 0
    return t[:stop], y[:stop], rate


def coverage(count, ratio, noise, channels, seed):
    rng = np.random.default_rng(seed)
    covered, bars = [], []
    while len(covered) < count:
        t, y, rate = decay(rng, ratio, noise, channels)
        if t.size < 10:
            continue
        found = slowest_rate(t, y, free=False)
        if found.error < 0.5 * found.rate:
            covered.append(abs(found.rate - rate) <= found.error)
            bars.append(found.error / rate)
    return np.mean(covered), np.median(bars)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_bar_covers(ratio, noise, channels):
    share, bar = coverage(12, RATIOS[ratio], NOISES[noise], channels, seed=1)
    # 95 % of 12, two standard deviations off
    assert share >= 0.82
    if ratio == "apart":
        assert bar < {"rounding": 1e-6, "solver": 1e-5, "noisy": 0.02}[noise]


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_bar_covers_in_95_of_100(ratio, noise, channels):
    share, _ = coverage(100, RATIOS[ratio], NOISES[noise], channels, seed=2)
    assert share >= 0.95 - 2 * np.sqrt(0.95 * 0.05 / 100)


def test_double_exponent_and_pair():
    t = np.linspace(0, 12, 300)
    double = slowest_rate(t, ((1 + t) * np.exp(-t))[:, None], free=False)
    assert abs(double.rate - 1) <= double.error < 0.05
    pair = slowest_rate(t, (np.exp(-0.7 * t) * np.cos(5 * t + 0.3))[:, None], free=False)
    assert abs(pair.rate - 0.7) <= pair.error < 1e-5


def test_limit_that_is_not_known():
    t = np.linspace(0, 15, 200)
    y = 0.3 + 0.02 * np.exp(-t) - 0.01 * np.exp(-1.04 * t)
    found = fit_rate(t, np.abs(y - y[-1]), y[:, None], known_limit=False)
    assert abs(found - 1) <= found.error < 0.2


def test_opposite_signs_show_in_the_signals_only():
    t = np.linspace(0, 20, 400)
    signals = 0.01 * np.stack([np.exp(-t) - 0.8 * np.exp(-1.3 * t), np.exp(-1.3 * t)], axis=1)
    found = fit_rate(t, np.abs(signals).max(axis=1), signals, known_limit=True)
    assert abs(found - 1) <= found.error < 1e-3


def three(frequencies, coupling, start, span):
    model = qsp.Circle(qsp.sine(), "mean", coupling=coupling, frequencies=frequencies)
    found = qsp.verdict(qsp.circlesolve(model, start, np.linspace(0, span, 401)))
    return found.rate, found.evidence.get("slowest rate of the linearised model")


def test_three_kuramoto_oscillators():
    rate, exponent = three([-0.2, 0.05, 0.15], 1.0, [0.0, 2.0, 4.0], 30)
    assert abs(rate - exponent) <= rate.error < 0.05


@pytest.mark.slow
def test_networks_against_their_jacobian():
    """Of 2 to 30 oscillators: more exponents than a fit holds, and terms beyond the linear ones."""
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(80):
        n = int(rng.choice([2, 3, 4, 6, 10, 30]))
        w = rng.normal(size=n)
        critical = float(qsp.critical_coupling(w)) if n > 2 else abs(w[0] - w[1])
        coupling = rng.uniform(1.1, 4) * critical
        span = 10 ** rng.uniform(1.3, 2.2) / coupling
        rate, exponent = three(w, coupling, rng.uniform(-2, 2, n), span)
        if rate is not None:
            covered.append(abs(rate - exponent) <= rate.error)
    assert len(covered) > 60
    assert np.mean(covered) >= 0.92


def dying(rng):
    """Amplitudes that die out, and the slowest rate: of a dead pair, or of two damped modes."""
    start = rng.uniform(0.5, 2, 2) * np.exp(1j * rng.uniform(-3, 3, 2))
    if rng.random() < 0.5:
        V = rng.uniform(1.5, 4)
        detuning = np.sqrt(2 * V - 1) * rng.uniform(1.15, 3)
        # both modes fall alike for Δ>V, and beat
        rate = (V - 1) / 2 - np.sqrt(max(V**2 - detuning**2, 0)) / 2
        model = qsp.van_der_pol_pair(loss=0.1, detuning=detuning, dissipative=V)
    else:
        a, b = qsp.modes(2)
        J, loss, w = rng.uniform(0.05, 0.3), rng.uniform(0.1, 0.4, 2), rng.uniform(0.8, 1.2, 2)
        H = np.array([[w[0], J], [J, w[1]]])
        rate = -np.linalg.eigvals(-1j * H - np.diag(loss) / 2).real.max()
        hamiltonian = w[0] * a.dag() * a + w[1] * b.dag() * b + J * (a.dag() * b + b.dag() * a)
        model = qsp.System(hamiltonian, [np.sqrt(loss[0]) * a, np.sqrt(loss[1]) * b])
    times = np.linspace(0, rng.uniform(20, 50) / rate, int(rng.integers(500, 1500)))
    return qsp.mfsolve(model, start, times), rate


def test_rates_at_which_amplitudes_die_out():
    rng = np.random.default_rng(8)
    found = [(qsp.verdict(run).rate, true) for run, true in (dying(rng) for _ in range(16))]
    covered = [abs(rate - true) <= rate.error for rate, true in found]
    # 95 % of 16, two standard deviations off
    assert np.mean(covered) >= 0.84
    assert np.median([rate.error / true for rate, true in found]) < 1e-3


def test_beats_that_are_nearly_equal_are_not_known_better_than_they_differ():
    # three oscillators, two of whose beats differ so little that the window holds no period of that
    rng = np.random.default_rng([3, 5])
    w, coupling = np.cumsum(rng.uniform(1, 2, 3)), rng.uniform(0.2, 0.6)
    start = rng.uniform(-3, 3, 3)
    model = qsp.Circle(qsp.sine(), "mean", coupling=coupling, frequencies=w)
    short = qsp.verdict(qsp.circlesolve(model, start, np.linspace(0, 195, 700))).beat
    long = qsp.verdict(qsp.circlesolve(model, start, np.linspace(0, 6000, 6000))).beat
    assert abs(short - long) > 3e-3
    assert abs(short - long) <= short.error + long.error < 0.03
