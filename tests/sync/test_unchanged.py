"""How a run is sampled, how long and how exactly it is solved change no verdict, except to
"undecided".
"""

import warnings

import numpy as np
import pytest
import qutip
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import qsyncplug as qsp


def pair_on_the_circle(rng):
    detuning = rng.choice([0.0, rng.uniform(0.05, 0.9), rng.uniform(1.1, 4)])
    model = qsp.Circle(qsp.sine(), "mean", coupling=1.0, frequencies=[detuning / 2, -detuning / 2])
    return qsp.circlesolve, model, rng.uniform(-2, 2, 2), 60 / np.sqrt(abs(1 - detuning**2))


def few_on_the_circle(rng):
    n = int(rng.integers(3, 8))
    w = rng.normal(size=n)
    coupling = rng.choice([1.4, 3.0, 0.1]) * float(qsp.critical_coupling(w))
    model = qsp.Circle(qsp.sine(), "mean", coupling=coupling, frequencies=w)
    return qsp.circlesolve, model, rng.uniform(-3, 3, n), 120.0


def crowd(rng):
    n, ratio = 120, rng.choice([0.3, 2.0])
    model = qsp.Circle(
        qsp.sine(), "mean", coupling=ratio * np.sqrt(8 / np.pi), frequencies=rng.normal(size=n)
    )
    return qsp.circlesolve, model, rng.uniform(-np.pi, np.pi, n), 100.0


def ring(rng):
    n = int(rng.integers(7, 13))
    neighbours = np.roll(np.eye(n), 1, 0) + np.roll(np.eye(n), -1, 0)
    model = qsp.Circle(
        qsp.sine(), "sum", adjacency=neighbours, frequencies=0.02 * rng.normal(size=n)
    )
    start = 2 * np.pi * int(rng.integers(0, 2)) * np.arange(n) / n + 0.2 * rng.normal(size=n)
    return qsp.circlesolve, model, start, 150.0


def lagging(rng):
    model = qsp.Circle(qsp.sine(), "mean", phase_lag=rng.choice([0.8, 2.4]))
    return qsp.circlesolve, model, rng.uniform(-3, 3, 25), 120.0


def pair_with_amplitudes(rng):
    V = rng.choice([0.3, 0.8, 2.5])
    detuning = V * rng.choice([0.0, 0.5, 1.5, 3.0])
    system = qsp.van_der_pol_pair(loss=0.1, detuning=detuning, dissipative=V)
    start = rng.uniform(0.5, 2, 2) * np.exp(1j * rng.uniform(-3, 3, 2))
    return qsp.mfsolve, system, start, 150.0


def antiphase(rng):
    a, b = qsp.modes(2)
    V, detuning = rng.uniform(0.3, 0.9), rng.choice([0.0, 0.2])
    H = detuning / 2 * (a.dag() * a - b.dag() * b)
    gain_and_loss = [a.dag(), b.dag(), 0.3 * a**2, 0.3 * b**2]
    system = qsp.System(H, [*gain_and_loss, np.sqrt(V) * (a + b)])
    return qsp.mfsolve, system, [1.0, rng.uniform(0.5, 2) * 1j], 120.0


def driven(rng):
    (b,) = qsp.modes(1)
    drive, detuning = 0.3, rng.choice([0.02, 0.1, 0.5, 1.0])
    H = detuning * b.dag() * b + 1j * drive * (b.dag() - b)
    system = qsp.System(H, [b.dag(), np.sqrt(0.1) * b**2])
    return qsp.mfsolve, system, [2 * np.exp(1j * rng.uniform(-3, 3))], 200.0


def dying(rng):
    a, b = qsp.modes(2)
    common = [np.sqrt(0.3) * (a + b)]
    own = [np.sqrt(0.1) * a, np.sqrt(0.1) * b]
    H = 1.0 * a.dag() * a + 1.05 * b.dag() * b + 0.1 * (a.dag() * b + b.dag() * a)
    system = qsp.System(H, common if rng.random() < 0.5 else own)
    return qsp.mfsolve, system, [2.0, 1j], 90.0


def waves(rng):
    ratio = rng.choice([0.0, 0.5, 1.4])
    H = qutip.Qobj(np.diag([0.0, 1.0, 2.3]))
    model = qsp.SchrodingerLohe(H, 1.0, frequencies=[ratio / 2, -ratio / 2])
    start = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))
    return qsp.slsolve, model, start / np.linalg.norm(start, axis=1)[:, None], 70.0


FAMILIES = (
    pair_on_the_circle,
    few_on_the_circle,
    crowd,
    ring,
    lagging,
    pair_with_amplitudes,
    antiphase,
    driven,
    dying,
    waves,
)


def judged(solve, model, start, times, rtol):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"rtol": rtol, "atol": rtol / 10}
        return qsp.verdict(solve(model, start, times, options=options))


def sampled(rng, span, count, uneven):
    """Times from 0 to `span`, evenly or at random."""
    if not uneven:
        return np.linspace(0, span, count)
    inner = np.sort(rng.uniform(0, span, count - 2))
    times = np.unique(np.concatenate([[0.0], inner, [span]]))
    return times[np.append(True, np.diff(times) > 1e-6 * span)]


@st.composite
def cases(draw):
    return (
        draw(st.sampled_from(FAMILIES)),
        draw(st.integers(0, 10**6)),
        [
            (
                draw(st.integers(60, 900)),
                draw(st.floats(0.5, 1.6)),
                draw(st.booleans()),
                10.0 ** draw(st.integers(-11, -6)),
            )
            for _ in range(3)
        ],
    )


def check(case):
    family, seed, ways = case
    rng = np.random.default_rng(seed)
    solve, model, start, span = family(rng)
    found = [
        judged(solve, model, start, sampled(rng, stretch * span, count, uneven), rtol)
        for count, stretch, uneven, rtol in ways
    ]
    labels = {str(v.label) for v in found} - {"undecided"}
    assert len(labels) <= 1, "\n\n".join(str(v) for v in found)


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=20, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(case=cases())
def test_ways_of_running_change_no_verdict(case):
    check(case)


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=QUIET, derandomize=True)
@example(case=(dying, 29, [(60, 1.0, False, 1e-6), (60, 0.625, False, 1e-6)]))
@given(case=cases())
def test_many_ways_of_running_change_no_verdict(case):
    check(case)
