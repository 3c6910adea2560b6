"""Sampling, window and solver, changed at random, never change a verdict except to undecided."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsyncplug as qsp


def adler(detuning, times, rtol):
    w = [detuning / 2, -detuning / 2]
    model = qsp.Circle(qsp.sine(), "mean", coupling=1.0, frequencies=w)
    return qsp.circlesolve(model, [0.0, 2.0], times, options={"rtol": rtol})


def pair(detuning, dissipative, times, rtol):
    system = qsp.van_der_pol_pair(loss=0.1, detuning=detuning, dissipative=dissipative)
    return qsp.mfsolve(system, [1.2, 1.2j], times, options={"rtol": rtol, "atol": rtol / 10})


def kuramoto(coupling, times, rtol):
    rng = np.random.default_rng(5)
    w = rng.normal(size=200)
    model = qsp.Circle(qsp.sine(), "mean", coupling=coupling, frequencies=w)
    return qsp.circlesolve(model, rng.uniform(-3, 3, 200), times, options={"rtol": rtol})


def drive(force, times, rtol):
    (b,) = qsp.modes(1)
    system = qsp.System(0.1 * b.dag() * b + 1j * force * (b.dag() - b), [b.dag(), 0.3 * b**2])
    return qsp.mfsolve(system, [1.5], times, options={"rtol": rtol})


RUNS = {
    "adler locked": (lambda t, r: adler(0.7, t, r), {"phase-locked"}),
    "adler drifting": (lambda t, r: adler(1.4, t, r), {"drifting"}),
    "adler ghost": (lambda t, r: adler(1.0001, t, r), {"drifting"}),
    "vdp locked": (lambda t, r: pair(0.3, 0.5, t, r), {"phase-locked"}),
    "vdp drifting": (lambda t, r: pair(0.9, 0.5, t, r), {"drifting"}),
    "vdp dead": (lambda t, r: pair(4.0, 2.0, t, r), {"amplitude death"}),
    "kuramoto below": (lambda t, r: kuramoto(0.5, t, r), {"incoherent"}),
    "kuramoto above": (lambda t, r: kuramoto(2.6, t, r), {"partially synchronised"}),
    "drive locks": (lambda t, r: drive(0.5, t, r), {"locked to the drive"}),
    "drive slips": (lambda t, r: drive(0.1, t, r), {"slipping"}),
}


@pytest.mark.parametrize("name", RUNS)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    end=st.floats(5, 250),
    count=st.integers(10, 1200),
    uneven=st.floats(0, 0.9),
    tolerance=st.sampled_from([1e-5, 1e-7, 1e-9, 1e-11]),
    seed=st.integers(0, 10**6),
)
def test_changes_of_the_run(name, end, count, uneven, tolerance, seed):
    make, true = RUNS[name]
    steps = 1 + uneven * np.random.default_rng(seed).uniform(-1, 1, count)
    times = np.concatenate([[0.0], np.cumsum(steps)]) * end / steps.sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdict = qsp.verdict(make(times, tolerance))
    assert verdict.label in true | {"undecided"}, str(verdict)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(stop=st.integers(20, 1200), stride=st.integers(1, 60), start=st.integers(0, 400))
def test_parts_of_a_run(stop, stride, start):
    times = np.linspace(0, 240, 1201)
    for make, true in (RUNS["adler locked"], RUNS["vdp drifting"], RUNS["vdp locked"]):
        view = qsp.synchronization(make(times, 1e-9))
        part = view.at(slice(start, max(stop, start + 5), stride))
        assert qsp.verdict(part).label in true | {"undecided"}
