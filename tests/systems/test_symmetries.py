"""Nodes numbered anew, phases turned, clocks set: the same run in other words, the same answers.

Units of time are in ``test_units.py``. What draws noise for each node draws other noise with
another numbering: it is turned with the same seed, and numbered anew in law.
"""

import functools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp
from qsyncplug.sync.measures import RECORDS

from ..core.runs import EXACT_RUNS, RUNS
from .symmetric import (
    ADJACENCY,
    AMPLITUDES,
    FAMILIES,
    LONG,
    OMEGA,
    ORDERS,
    PLACES,
    SHORT,
    Answer,
    oscillators,
    turned,
)

few = settings(max_examples=4, deadline=None, derandomize=True)
ORDER, TURN = st.sampled_from(ORDERS[1:]), st.floats(-7, 7)

pytestmark = pytest.mark.filterwarnings("ignore::qsyncplug.core.errors.QsyncplugWarning")


@functools.cache
def at_first(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FAMILIES[name]((0, 1, 2), 0.0)


def close(a, b, tolerance=1e-9):
    return np.abs(a - b).max() < tolerance * (1 + np.abs(b).max())


@pytest.mark.parametrize("name", FAMILIES)
@few
@given(order=ORDER, turn=TURN)
def test_numbers_and_phases_of_nodes_are_names(name, order, turn):
    found = FAMILIES[name](order, turn)
    for key, answer in at_first(name).items():
        assert close(found[key].values, answer.moved(list(order), turn)), key


@pytest.mark.parametrize("name", FAMILIES)
def test_the_turn_is_seen(name):
    """A test that compares a run with itself would see nothing."""
    answers = at_first(name).values()
    invariant = all(not a.weight and not a.angle for a in answers)
    numbered = any(a.values.ndim > 1 for a in answers)
    assert numbered or invariant
    if numbered:
        order = [1, 2, 0]
        assert any(not close(a.moved(order, 0.0), a.values, 1e-6) for a in answers)


EVERY = {**RUNS, **EXACT_RUNS}


@functools.cache
def unshifted(name):
    run = EVERY[name]()
    return run.solver.run(run.state0, run.times)


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=1, deadline=None, derandomize=True)
@given(shift=st.floats(-20, 20))
def test_clocks_may_be_set(name, shift):
    """No model here depends on time: what begins later goes on alike."""
    run = EVERY[name]()
    later, first = run.solver.run(run.state0, run.times + shift), unshifted(name)
    assert np.allclose(later.times - shift, first.times, atol=1e-12)
    for field in first._fields:
        a, b = getattr(later, field), getattr(first, field)
        assert (a is None) == (b is None), field
        if a is not None:
            assert close(np.asarray(a), np.asarray(b), 1e-8), field


@few
@given(size=st.floats(0.1, 1e6))
def test_quanta_are_a_unit_of_classical_amplitudes(size):
    """b → √s·b with losses over s; spins s times as long with couplings over s."""
    start = np.sqrt(size) * AMPLITUDES
    big = qsp.mfsolve(oscillators((0, 1, 2), loss=1 / size), start, LONG, closure="none")
    small = qsp.mfsolve(oscillators((0, 1, 2)), AMPLITUDES, LONG, closure="none")
    assert close(big.amplitudes / np.sqrt(size), small.amplitudes)


@few
@given(factor=st.integers(2, 50))
def test_lengths_of_spins_are_a_unit(factor):
    def solve(s):
        a, b = qsp.spins(10 * s, 14 * s)
        H = a.z + 1.2 * b.z + 0.02 / s * (a.p * b.m + b.p * a.m)
        start = {a: [0.6, 0, 0.8], b: [0, 0.6, 0.8]}
        return qsp.mfsolve(qsp.System(H), start, LONG, closure="none").coordinates / s

    assert close(solve(factor), solve(1))


# ------------------------------------------------------------ two chains

SPINS = {"n": (5, 7), "g": (1.5, 2.4), "omega": (1.0, 0.8), "loss": (0.02, 0.05)}


def two_chains(swapped, turn, how):
    order = [1, 0] if swapped else [0, 1]
    sizes = (2, 3) if how == "exact" else SPINS["n"]
    parameters = {**SPINS, "n": sizes}
    parameters = {k: tuple(np.array(v)[order].tolist()) for k, v in parameters.items()}
    chains = qsp.SpinChains(**parameters, omega0=0.7, exchange=0.2)
    start = np.exp(-1j * turn) * np.array([0.5, 0.3j])[order]
    if how == "exact":
        state = chains.product_state(excitation=np.abs(start) ** 2 / 4, phase=np.angle(start))
        return qsp.exactsolve(chains, state, LONG)
    return qsp.mfsolve(chains, start, LONG)


@pytest.mark.parametrize("how", ["mean field", "exact"])
@few
@given(turn=TURN, swapped=st.booleans())
def test_chains_are_numbered_and_turned(how, turn, swapped):
    first, found = two_chains(False, 0.0, how), two_chains(swapped, turn, how)
    order = [1, 0] if swapped else [0, 1]
    assert close(found.amplitudes, first.amplitudes[:, order] * np.exp(-1j * turn))


# ------------------------------------------------------------ noise

NOISY = {
    "noise": {},
    "noise and inertia": {"inertia": 0.6},
    "noise on a graph": {"adjacency": ADJACENCY},
    "noise and delay": {"delay": 0.3},
    "noise and triads": {"triads": (0.3, 0.2)},
}


@pytest.mark.parametrize("name", NOISY)
@few
@given(turn=TURN)
def test_noisy_particles_turn_with_the_same_seed(name, turn):
    """Noise is added to the phases, and forces are of differences."""
    model = qsp.Circle(
        qsp.sine(), "mean", coupling=1.3, frequencies=OMEGA, noise=0.2, **NOISY[name]
    )
    options = {"seed": 3}
    first = qsp.circlesolve(model, PLACES, LONG, options=options).positions
    found = qsp.circlesolve(model, PLACES + turn, LONG, options=options).positions
    assert close(found, first + turn, 1e-8)


@few
@given(turn=TURN)
def test_jumps_come_at_the_same_times_whatever_the_phases(turn):
    options = {"method": "trajectories", "ntraj": 30, "seed": 4}
    runs = [
        qsp.exactsolve(oscillators((0, 1, 2)), start, LONG[:4], cutoff=3, options=options)
        for start in (0.2 * AMPLITUDES, turned(0.2 * AMPLITUDES, (0, 1, 2), turn))
    ]
    assert close(runs[1].amplitudes, runs[0].amplitudes * np.exp(-1j * turn), 1e-8)
    for a, b in zip(runs[0].jumps, runs[1].jumps, strict=True):
        assert np.allclose(a[0], b[0], atol=1e-8)
        assert np.array_equal(a[1], b[1])


@pytest.mark.parametrize("method", ["twa", "jumps"])
@settings(max_examples=2, deadline=None, derandomize=True)
@given(order=ORDER, turn=TURN)
def test_samples_are_numbered_and_turned_in_law(method, order, turn):
    """Other noise, the same means: within five standard errors, of 36 numbers."""

    def solve(order, turn, seed):
        start = turned(AMPLITUDES, order, turn)
        if method == "twa":
            return qsp.twasolve(oscillators(order), start, SHORT[:4], ntraj=4000, seed=seed)
        options = {"method": "trajectories", "ntraj": 300, "seed": seed}
        return qsp.exactsolve(oscillators(order), 0.4 * start, SHORT[:4], cutoff=3, options=options)

    first, found = solve((0, 1, 2), 0.0, 1), solve(order, turn, 2)
    want = first.amplitudes[:, list(order)] * np.exp(-1j * turn)
    largest = max(np.max(run.mean_error) for run in (first, found))
    assert np.abs(found.amplitudes - want).max() < 5 * largest
    # and a test that sees: with one node as another it fails
    wrong = first.amplitudes[:, np.roll(list(order), 1)] * np.exp(-1j * turn)
    assert np.abs(found.amplitudes - wrong).max() > 5 * largest


# ------------------------------------------------------------ what is read off


def mean_field(order, turn):
    return qsp.mfsolve(oscillators(order), turned(AMPLITUDES, order, turn), LONG)


def exact(order, turn):
    start = turned(0.4 * AMPLITUDES, order, turn)
    return qsp.exactsolve(oscillators(order), start, LONG[:3], cutoff=3)


RESULTS = {"mean field": mean_field, "exact": exact}
#: those of quadratures that stand still turn with them, and the mean phase itself
TURNING = {"pearson", "pearson_window"}
#: one number a pair, of which the first node is measured
CASES = [
    (kind, name)
    for kind in RESULTS
    for name, record in RECORDS.items()
    if not record.costly and (kind == "exact" or "states" not in record.needs)
]


@functools.cache
def view(kind, order=(0, 1, 2), turn=0.0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return qsp.synchronization(RESULTS[kind](order, turn))


@pytest.mark.parametrize(("kind", "name"), CASES)
@few
@given(order=ORDER, turn=st.sampled_from([0.0, 0.7, -2.0]))
def test_measures(kind, name, order, turn):
    record = RECORDS[name]
    if name in TURNING:
        turn = 0.0
    first = np.asarray(record.function(view(kind)))
    found = np.asarray(record.function(view(kind, order, turn)))
    assert found.shape == first.shape
    want = Answer(first, angle=name == "mean_phase").moved(list(order), turn)
    known = np.isfinite(want)
    assert np.array_equal(known, np.isfinite(found))
    if record.circular:
        assert np.abs(np.exp(1j * found[known]) - np.exp(1j * want[known])).max() < 1e-7
    else:
        assert np.allclose(found[known], want[known], rtol=1e-7, atol=1e-9)


def locked(order, turn, unit, size):
    """Three oscillators, of which the third drifts."""
    b = qsp.modes(3)
    H = sum(
        (unit * (0.1, -0.1, 3.0)[o] * x.dag() * x for o, x in zip(order, b, strict=True)), 0 * b[0]
    )
    where = list(np.argsort(order))
    pair = b[where[0]] - b[where[1]]
    jumps = [unit**0.5 * x.dag() for x in b] + [(unit / size) ** 0.5 * x**2 for x in b]
    system = qsp.System(H, [*jumps, (0.5 * unit) ** 0.5 * pair])
    start = turned(size**0.5 * np.array([0.7, 0.6j, -0.5]), order, turn)
    return qsp.mfsolve(system, start, np.linspace(0, 60, 601) / unit)


@functools.cache
def said():
    return qsp.verdict(locked((0, 1, 2), 0.0, 1.0, 10.0))


@few
@given(
    order=ORDER,
    turn=TURN,
    unit=st.sampled_from([1.0, 1e-6, 1e6]),
    size=st.sampled_from([10.0, 40.0]),
)
def test_verdicts(order, turn, unit, size):
    """Numbering, phases, the unit of time and the number of quanta are not what is asked for."""
    found = qsp.verdict(locked(order, turn, unit, size))
    assert found.label == said().label
