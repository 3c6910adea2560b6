"""Coherences of phases beside those of moments: what differs by definition is said."""

import numpy as np

import qsyncplug as qsp


def notes(first, second, start=(1.2, 1.2j)):
    system = qsp.van_der_pol_pair(loss=0.5, detuning=0.5, dissipative=1.0)
    times = np.linspace(0, 1, 5)
    runs = {c: qsp.mfsolve(system, start, times, closure=c) for c in (first, second)}
    found = qsp.compare(runs, verdicts=False)
    return [note for note in found.notes if "vacuum noise" in note]


def test_two_coherent_states_have_coherence_one():
    # σ² = (1/n₁+1/n₂)/4 of vacuum noise
    (note,) = notes("linear", "gaussian")
    assert note.startswith("the coherence of linear")
    assert f"{np.exp(-1 / (4 * 1.44)):.3g}" in note and "same moments is 1;" in note
    (small,) = notes("linear", "gaussian", start=(9.0, 9.0j))
    assert f"{np.exp(-1 / (4 * 81.0)):.3g}" in small


def test_entries_with_one_difference_are_told_of_together():
    system = qsp.van_der_pol_pair(loss=0.5, dissipative=1.0)
    run = qsp.mfsolve(system, [1.2, 1.2j], np.linspace(0, 1, 5))
    found = qsp.compare({"a": run, "b": run}, verdicts=False)
    (note,) = [note for note in found.notes if "vacuum noise" in note]
    assert note.startswith("the coherence of a, b is")


def test_coherences_of_moments_need_no_such_note():
    a, b = qsp.modes(2)
    system = qsp.System(a.dag() * b + b.dag() * a, [a, b])
    times = np.linspace(0, 1, 5)
    runs = {c: qsp.mfsolve(system, [1, 1], times, closure=c) for c in ("linear", "gaussian")}
    runs["exact"] = qsp.exactsolve(system, [1, 1], times, cutoff=12)
    found = qsp.compare(runs, verdicts=False)
    assert not [note for note in found.notes if "vacuum noise" in note]


def test_overlaps_of_wave_functions_are_not_told_as_phases():
    grid = qsp.Grid(points=32, length=12.0)
    trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    model = qsp.SchrodingerLohe(trap, coupling=1.0)
    start = [grid.gaussian(0.5), grid.gaussian(-0.5)]
    run = qsp.slsolve(model, start, [0.0, 0.5, 1.0], options={"store_states": True})
    assert qsp.synchronization(run).has("mean")
    assert not any("σ²" in note for note in qsp.compare({"a": run, "b": run}).notes)
