"""What measures say of themselves, and everything that reads it."""

import inspect
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip

import qsyncplug as qsp
from qsyncplug.core.errors import QsyncplugWarning
from qsyncplug.sync.measures import RECORDS, Of, Record, measure


def test_every_measure_has_a_record():
    functions = {n for n in qsp.measures.__all__ if inspect.isfunction(getattr(qsp.measures, n))}
    # one makes measures, two give distributions of a single state
    assert functions - set(RECORDS) == {"measure", "phase_distribution", "collective_phase"}
    for name, record in RECORDS.items():
        assert record.name == name and record.function is getattr(qsp.measures, name)
        assert record.function.record is record


def test_places_in_the_table_are_taken_once():
    places = [r.place for r in RECORDS.values() if r.place is not None]
    assert len(places) == len(set(places)) >= 13


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_values_have_the_shape_and_the_range_of_the_record(name):
    record = RECORDS[name]
    a, b = qsp.modes(2)
    with qutip.CoreOptions(default_dtype="dense"):
        states = [
            qutip.rand_dm([5, 5], seed=seed, rank=rank) for seed, rank in enumerate((1, 3, 25), 7)
        ]
    view = qsp.synchronization(states, modes=[a, b])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QsyncplugWarning)
        values = record.function(view)
    assert values.shape == (3,) + (2,) * {Of.RUN: 0, Of.NODES: 1, Of.PAIRS: 2}[record.of]
    real = values.real[~np.isnan(values)]
    low, high = record.range
    assert real.size and np.all(real >= low - 1e-12) and np.all(real <= high + 1e-12)


#: excitations are those of a node, and the thermal nodes have some
OF_PAIRS = sorted(n for n, r in RECORDS.items() if r.null == 0.0 and n != "excitations")


@pytest.mark.parametrize("name", OF_PAIRS)
def test_nothing_is_found_between_independent_thermal_nodes(name):
    record = RECORDS[name]
    a, b = qsp.modes(2)
    state = qutip.tensor(qutip.thermal_dm(12, 0.1), qutip.thermal_dm(12, 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QsyncplugWarning)
        values = np.asarray(record.function(state, modes=[a, b]))[0]
    between = values[0, 1] if record.of is Of.PAIRS else values
    assert np.allclose(between, 0.0, atol=1e-7)


def test_docstrings_say_what_every_measure_takes():
    text = inspect.getdoc(qsp.measures.coherence)
    assert "view : SyncView" in text and "Needs ``correlations``, or ``mean`` and" in text
    assert text.index("view : ") < text.index("modes : ") < text.index("Returns")
    # parameters of its own stand between the two
    text = inspect.getdoc(qsp.measures.diameter)
    assert text.index("view : ") < text.index("kind : ") < text.index("modes : ")


@pytest.fixture
def total():
    @measure(Record("Σn", r"\sum n", Of.RUN, needs=("masses",), null=0.0, place=5))
    def total(view, scale=1.0):
        """Excitations of all nodes."""
        return scale * view.masses.sum(axis=1)

    yield total
    del RECORDS["total"]


def test_a_new_measure_is_known_everywhere(total):
    system, times = qsp.van_der_pol_pair(), [0.0, 0.5, 1.0]
    run = qsp.mfsolve(system, [1.0, 0.5j], times)
    assert total(run)[0] == pytest.approx(1.25)
    assert total(run, scale=2.0)[0] == pytest.approx(2.5)
    _, ax = qsp.plot_measure(run, "total")
    assert ax.get_ylabel() == r"total $\sum n$"
    plt.close("all")
    data = qsp.sweep(lambda x: run, {"x": [1.0]}, measures=["total"])
    assert data["total"].values[0, 0] == pytest.approx(1.25)
    table = qsp.compare({"one": run, "two": run}, verdicts=False)
    assert next(iter(table.values)) == "total"
    assert "Σn" in str(table)


def test_the_null_of_weighted_nodes_is_that_of_random_phases():
    """√⟨|Σ c_je^{iφ_j}|²⟩/Σ c_j = √(Σ c_j²)/Σ c_j, in the picture and the table as well."""
    c = np.array([1.0, 3.0, 0.5])
    phases = np.random.default_rng(1).uniform(-np.pi, np.pi, (40000, 3))
    rms = np.sqrt(np.mean(np.abs(np.exp(1j * phases) @ c) ** 2)) / c.sum()
    model = qsp.Circle(qsp.sine(), "mean", weights=c)
    run = qsp.circlesolve(model, [0.0, 1.0, 2.0], np.linspace(0, 5, 30))
    _, ax = qsp.plot_order_parameter(run)
    line = next(x for x in ax.lines if x.get_label() == "independent nodes")
    assert line.get_ydata()[0] == pytest.approx(rms, rel=0.01)
    labels = qsp.compare({"a": run, "b": run}).labels.values()
    assert "r (null 0.7115)" in labels
    plain = qsp.circlesolve(qsp.Circle(qsp.sine()), [0.0, 1.0, 2.0], run.times)
    assert "r" in qsp.compare({"a": run, "b": plain}).labels.values()


def test_the_null_of_the_order_parameter_is_that_of_random_phases():
    n, rng = 7, np.random.default_rng(3)
    phases = rng.uniform(0, 2 * np.pi, (20000, n))
    rms = np.sqrt(np.mean(np.abs(np.exp(1j * phases).mean(axis=1)) ** 2))
    assert RECORDS["order_parameter"].null_of(n) == pytest.approx(rms, rel=0.02)
    assert RECORDS["coherence"].null_of(n) == 0.0
    assert RECORDS["purity"].null_of(n) is None


def test_what_is_no_record_is_refused():
    with pytest.raises(TypeError, match="record must be a Record, not str"):
        measure("Σn")


def test_weighted_nodes_have_one_mean_phase_and_order_parameter():
    """Those of Σ c_je^{ix_j}, as the results themselves have them."""
    times = np.linspace(0, 2, 5)
    c = np.array([1.0, 3.0, 0.5])
    model = qsp.Circle(qsp.sine(), "mean", weights=c, frequencies=[0.3, -0.1, 0.2])
    circle = qsp.circlesolve(model, [0.0, 1.0, 2.0], times)
    for m in (1, 2):
        z = np.exp(1j * m * circle.positions) @ c / c.sum()
        np.testing.assert_allclose(qsp.measures.mean_phase(circle, m=m), np.angle(z), atol=1e-12)
        np.testing.assert_allclose(qsp.measures.kuramoto(circle, m=m), np.abs(z), atol=1e-12)
    np.testing.assert_allclose(qsp.measures.mean_phase(circle), circle.mean_phase, atol=1e-12)
    fields = qsp.oasolve(
        qsp.OttAntonsen(2.5, [0.5, 0.2], [1.0, -1.0], shares=[0.8, 0.2]), [0.6, 0.5j], times
    )
    np.testing.assert_allclose(qsp.measures.mean_phase(fields), fields.mean_phase, atol=1e-12)
    np.testing.assert_allclose(qsp.measures.kuramoto(fields), fields.order_parameter, atol=1e-12)
    second = fields.modes**2 @ np.array([0.8, 0.2])
    np.testing.assert_allclose(qsp.measures.kuramoto(fields, m=2), np.abs(second), atol=1e-12)
