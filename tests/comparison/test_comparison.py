"""compare: values, windows, checks, printing, figure."""

import json

import numpy as np
import pytest

import qsyncplug as qsp


@pytest.fixture(scope="module")
def quadratic():
    """A model whose mean field and covariance are exact."""
    b1, b2 = qsp.modes(2)
    H = b1.dag() * b1 + 1.3 * b2.dag() * b2 + 0.4 * (b1.dag() * b2 + b2.dag() * b1)
    return qsp.System(H, [0.5 * b1, 0.3 * b2, 0.2 * b2.dag()])


def test_exact_theories_agree_for_the_whole_run(quadratic):
    times = np.linspace(0, 3, 16)
    exact = qsp.exactsolve(quadratic, [0.6, 0.3j], times, cutoff=11)
    approx = qsp.mfsolve(quadratic, [0.6, 0.3j], times)
    c = qsp.compare({"exact": exact, "mean field": approx}, tolerance=1e-4)
    assert {r.measure for r in c.rows} >= {
        "excitations_1",
        "order_parameter",
        "coherence",
        "phase_rotated",
        "log_negativity",
    }
    for row in c.rows:
        if row.measure != "log_negativity":
            assert row.whole, row
            assert row.largest < 1e-4
    # the mixed state is Gaussian but cut off: E_N agrees to the cut-off error
    assert max(r.largest for r in c.rows if r.measure == "log_negativity") < 1e-3
    n = next(r for r in c.rows if r.measure == "excitations_1")
    assert n.exact == pytest.approx(exact.normal[-1, 0, 0].real, abs=1e-12)
    assert n.approximate == pytest.approx(
        approx.covariance[-1, 0, 0] / 2
        + approx.covariance[-1, 1, 1] / 2
        - 0.5
        + abs(approx.amplitudes[-1, 0]) ** 2,
        abs=1e-12,
    )
    assert np.allclose(
        c.differences["coherence"]["mean field"],
        c.values["coherence"]["mean field"] - c.values["coherence"]["exact"],
    )


def test_window_ends_where_they_part():
    times = np.linspace(0, 10, 101)

    def corr(angle):
        return np.array([[[1, np.exp(1j * a) * 0.8], [np.exp(-1j * a) * 0.8, 1]] for a in angle])

    a = qsp.SyncView(times, correlations=corr(0 * times + 1.0), masses=np.ones((101, 2)))
    b = qsp.SyncView(times, correlations=corr(1.0 + 0.02 * times), masses=np.ones((101, 2)))
    c = qsp.compare({"a": a, "b": b}, tolerance=0.1)
    row = next(r for r in c.rows if r.measure == "coherence_phase")
    # |0.02 t| ≤ 0.1·1.0 up to t=5
    assert row.window == pytest.approx((0.0, 5.0), abs=0.1 + 1e-9)
    assert not row.whole
    assert row.difference == pytest.approx(0.2, abs=1e-12)
    assert next(r for r in c.rows if r.measure == "coherence").whole
    assert any("complete" in note for note in c.notes)


def test_phases_are_compared_on_the_circle():
    times = np.array([0.0, 1.0])
    z = lambda a: np.array([[[1, np.exp(1j * a)], [np.exp(-1j * a), 1]]] * 2)  # noqa: E731
    views = {
        k: qsp.SyncView(times, correlations=z(v), masses=np.ones((2, 2)))
        for k, v in (("a", 3.1), ("b", -3.1))
    }
    row = next(r for r in qsp.compare(views).rows if r.measure == "coherence_phase")
    assert row.largest == pytest.approx(2 * np.pi - 6.2, abs=1e-12)


def test_common_times_are_enough(quadratic):
    one = qsp.mfsolve(quadratic, [0.6, 0.3j], np.linspace(0, 2, 21))
    two = qsp.mfsolve(quadratic, [0.6, 0.3j], np.linspace(0, 2, 11))
    c = qsp.compare({"fine": one, "coarse": two})
    assert len(c.times) == 11
    assert all(r.largest < 1e-8 for r in c.rows)
    with pytest.raises(ValueError, match="no time in common"):
        qsp.compare({"a": one, "b": qsp.mfsolve(quadratic, [0.6, 0.3j], [5.0, 6.0])})


def test_the_trap_of_vanishing_amplitudes_is_shown():
    pair = qsp.van_der_pol_pair()
    times = np.linspace(0, 2, 5)
    with pytest.warns(qsp.core.errors.CutoffWarning):
        exact = qsp.exactsolve(pair, [0.5, 0.5], times, cutoff=6)
    c = qsp.compare({"exact": exact, "mean field": qsp.mfsolve(pair, [0.5, 0.5], times)})
    trap = [k for k in c.checks if "phase symmetry" in k.what]
    assert {k.name for k in trap} == {"exact", "mean field"}
    assert not next(k for k in trap if k.name == "mean field").passed
    assert not next(k for k in c.checks if "highest Fock" in k.what).passed


def test_vacuum_is_called_vacuum(quadratic):
    (b,) = qsp.modes(1)
    decay = qsp.System(b.dag() * b, [b])
    times = np.linspace(0, 20, 5)
    c = qsp.compare({"a": qsp.mfsolve(decay, [1.0], times), "b": qsp.mfsolve(decay, [1.1], times)})
    assert any("vacuum" in k.found and not k.passed for k in c.checks)


def test_prints_and_serialises(quadratic, tmp_path):
    times = np.linspace(0, 1, 5)
    runs = {
        "linear": qsp.mfsolve(quadratic, [1, 1], times),
        "gauss": qsp.mfsolve(quadratic, [1, 1], times, closure="gaussian"),
    }
    c = qsp.compare(runs, reference="gauss")
    text = str(c)
    for word in (
        "measure",
        "difference",
        "agrees for t in",
        "S_q^φ",
        "the whole run",
        "uncertainty relation",
    ):
        assert word in text
    data = json.loads(json.dumps(c.to_dict(), allow_nan=False))
    assert data["reference"] == "gauss"
    assert len(data["table"]) == len(c.rows)
    fig, axes = c.plot()
    assert len(axes) >= 4
    fig.savefig(tmp_path / "c.png")
    fig, axes = c.plot(["coherence"])
    assert len(axes) == 1
    with pytest.raises(ValueError, match="measures must be among"):
        c.plot(["nonsense"])


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda r: [r, r], TypeError, "results must be a dict"),
        (lambda r: {"a": r}, ValueError, "at least two"),
        (lambda r: {"a": r, "b": 3}, TypeError, "cannot read a int"),
    ],
)
def test_bad_input(quadratic, make, kind, text):
    r = qsp.mfsolve(quadratic, [1, 1], [0, 1])
    with pytest.raises(kind, match=text):
        qsp.compare(make(r))
    with pytest.raises(ValueError, match="tolerance"):
        qsp.compare({"a": r, "b": r}, tolerance=0.0)
    with pytest.raises(ValueError, match="reference"):
        qsp.compare({"a": r, "b": r}, reference="c")


# ------------------------------------------------------------ verdicts


@pytest.fixture(scope="module")
def pair_runs():
    """A pair whose mean field locks while the quantum state hardly notices."""
    pair = qsp.van_der_pol_pair(loss=1.0, detuning=0.6, dissipative=0.8)
    with pytest.warns(qsp.core.errors.CutoffWarning):
        exact = qsp.exactsolve(pair, [1.0, 1.0j], np.linspace(0, 24, 49), cutoff=8)
    approx = qsp.mfsolve(pair, [1.0, 1.0j], np.linspace(0, 24, 97))
    return qsp.compare({"exact": exact, "mean field": approx})


def test_each_entry_has_a_verdict_and_one_line_answers(pair_runs):
    c = pair_runs
    assert c.verdicts["mean field"].label == "phase-locked"
    assert c.verdicts["exact"].label in ("frequency pulling", "not entrained", "phase preference")
    assert c.answer.startswith("exact: ") and "mean field: phase-locked" in c.answer
    text = str(c)
    assert c.answer in text and "verdict" in text
    assert "r (null 0.7071)" in text


def _pair(detuning, coupling):
    model = qsp.Circle(qsp.sine(), "mean", coupling=coupling, frequencies=[detuning, -detuning])
    return qsp.circlesolve(model, [0.0, 1.0], np.linspace(0, 80, 401))


def test_answer_says_in_what_synchronised_runs_differ():
    """A pair in phase and one in opposition both synchronise, and do not do the same."""
    locked, opposed = _pair(0.2, 1.0), _pair(0.2, -1.0)
    complete, bipolar = _pair(0.0, 1.0), _pair(0.0, -1.0)

    def answer(a, b):
        return qsp.compare({"a": a, "b": b}).answer

    assert answer(locked, _pair(0.2, 1.0)).endswith("they agree")
    # sin(x1−x2) = ±Δ/K
    assert answer(locked, opposed).endswith("not at which relative phase (-0.412, 2.73)")
    assert answer(complete, bipolar).endswith("but not how")
    # neither leaves anything out: another detuning is another model
    assert answer(locked, _pair(2.0, 1.0)).endswith("they disagree")


def test_excitations_of_a_mean_field_are_those_of_its_mean(pair_runs):
    row = next(r for r in pair_runs.rows if r.measure == "excitations_1")
    # symmetric locking: g2 n = g1/2 − V/2 (1−cosφ), sinφ=Δ/V
    cos = np.sqrt(1 - (0.6 / 0.8) ** 2)
    assert row.approximate == pytest.approx(0.5 - 0.4 * (1 - cos), abs=1e-5)


def test_goes_to_files_and_arrays(pair_runs, tmp_path):
    path = pair_runs.save(tmp_path / "comparison")
    data = json.loads(path.read_text())
    assert path.suffix == ".json" and data["answer"] == pair_runs.answer
    assert data["verdicts"]["mean field"]["label"] == "phase-locked"
    xarray = pytest.importorskip("xarray")
    dataset = pair_runs.to_xarray()
    assert isinstance(dataset, xarray.Dataset)
    found = dataset["coherence"].sel(entry="mean field").to_numpy()
    np.testing.assert_array_equal(found, pair_runs.values["coherence"]["mean field"])
    assert pair_runs.answer in pair_runs._repr_html_().replace("&#x27;", "'")


def test_rows_bear_the_names_of_the_nodes():
    about = qsp.About(labels=("left", "right"))
    times = np.array([0.0, 1.0])
    view = qsp.SyncView(times, correlations=np.ones((2, 2, 2)), masses=np.ones((2, 2)), about=about)
    labels = [row.label for row in qsp.compare({"a": view, "b": view}).rows]
    assert "n left" in labels and "n right" in labels


def test_the_mean_of_angles_is_circular():
    # −2.94, 2.76, −1.08: their plain mean is −.419
    phases = np.array([0.0, 2.94, 1.08])
    z = np.exp(1j * (phases[:, None] - phases[None, :]))
    z = np.stack([z, z])
    view = qsp.SyncView([0.0, 1.0], correlations=z, masses=np.ones((2, 3)))
    c = qsp.compare({"a": view, "b": view})
    pairs = np.array([-2.94, -1.08, 1.86])
    expected = np.angle(np.exp(1j * pairs).mean())
    np.testing.assert_allclose(c.values["coherence_phase"]["a"], expected, atol=1e-12)


def test_names_that_print_alike_are_refused():
    view = qsp.SyncView([0.0, 1.0], masses=np.ones((2, 2)))
    with pytest.raises(ValueError, match="print differently"):
        qsp.compare({1: view, "1": view})


def test_plain_states_stand_beside_results():
    import qutip

    a, b = (
        qutip.tensor(qutip.destroy(6), qutip.qeye(6)),
        qutip.tensor(qutip.qeye(6), qutip.destroy(6)),
    )
    state = qutip.tensor(qutip.coherent(6, 0.3), qutip.coherent(6, 0.3j))
    c = qsp.compare({"a": state, "b": [state]}, modes=[a, b])
    assert all(row.whole for row in c.rows)


def test_two_infinite_values_agree():
    """S_c of phases that coincide is infinite in both runs: no difference, and no warning."""
    model = qsp.Circle(qsp.attention(5.0), normalization="mean")
    start, times = [0.3, 0.3, 0.3], np.linspace(0, 1, 41)
    runs = {k: qsp.circlesolve(model, start, times) for k in ("a", "b")}
    comparison = qsp.compare(runs)
    largest = np.array([row.largest for row in comparison.rows])
    assert np.all((largest == 0) | np.isnan(largest)) and "inf" in str(comparison)


def test_an_infinite_value_does_not_hide_a_difference():
    from qsyncplug.comparison.rows import make_row

    exact, other = np.array([1.0, 2.0, np.inf]), np.array([1.0, 5.0, np.inf])
    difference = np.array([0.0, 3.0, 0.0])
    row = make_row("m", "m", "other", np.arange(3.0), exact, other, difference, 0.05)
    assert not row.whole and row.window == (0.0, 0.0) and row.largest == 3.0


def test_many_nodes_need_no_square_arrays():
    model = qsp.Circle(qsp.attention(1.0), "mean")
    x0 = np.random.default_rng(0).uniform(-3, 3, 2000)
    run = qsp.circlesolve(model, x0, np.linspace(0, 5, 101))
    c = qsp.compare({"a": run, "b": run})
    assert {row.measure for row in c.rows} == {"excitations", "order_parameter"}
    assert any("pair(i, j)" in note for note in c.notes)


def test_what_is_undefined_everywhere_has_no_rows_and_one_note():
    model = qsp.Circle(qsp.sine(), "mean", frequencies=[0.2, -0.2])
    runs = {k: qsp.circlesolve(model, [0.0, 1.0], np.linspace(0, 20, 41)) for k in "ab"}
    c = qsp.compare(runs)
    assert not any(np.isnan(row.exact) and np.isnan(row.approximate) for row in c.rows)
    (undefined,) = [note for note in c.notes if "undefined at all times" in note]
    assert "pearson" in undefined
    # one note for all measures that lack the same
    (quantum,) = [note for note in c.notes if "quantum covariance" in note]
    assert "mutual_information, log_negativity" in quantum


@pytest.mark.filterwarnings("ignore::qsyncplug.ApproximationWarning")
def test_samples_of_a_coherent_state_obey_the_uncertainty_relation_within_their_errors():
    """Half of all samples have a covariance below that of the vacuum, by chance."""
    pair = qsp.van_der_pol_pair(loss=0.1, detuning=0.3, dissipative=0.5)
    times = np.linspace(0, 1, 11)
    runs = {
        "samples": qsp.twasolve(pair, [1.0, 1.0], times, ntraj=2000, seed=1),
        "mean field": qsp.mfsolve(pair, [1.0, 1.0], times),
    }
    found = qsp.compare(runs, reference="mean field", verdicts=False)
    (check,) = [c for c in found.checks if c.name == "samples" and "uncertainty" in c.what]
    assert check.passed and "within the errors of 2000 samples" in check.found


@pytest.mark.parametrize("reference", [np.ma.masked_array([1.0, 2.0], [1, 0]), np.ma.masked, 0])
def test_a_reference_is_a_name(reference):
    run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], [0.0, 1.0])
    with pytest.raises(TypeError, match="reference must be a text or None"):
        qsp.compare({"a": run, "b": run}, reference=reference)
