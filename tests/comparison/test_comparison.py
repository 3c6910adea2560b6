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
