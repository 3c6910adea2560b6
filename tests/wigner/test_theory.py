import numpy as np
import pytest

import qsyncplug as qsp
from qsyncplug import BlowUpError, UnstableSetWarning
from qsyncplug.adapters.wigner import view_of
from qsyncplug.core import Grid
from qsyncplug.waves.closed_forms import blow_up_time, two_oscillator_correlation
from qsyncplug.wigner import WignerLohe, wigner_transform, wlsolve
from qsyncplug.wigner.closed_forms import diameter_bound, distance_ratio, locked_correlation
from qsyncplug.wigner.theory import wigner_predictions

from .wigner_reference import correlation_flow

GRID = Grid(64, 16.0)
TRAP = WignerLohe(GRID, lambda x: x**2 / 2)
PAIR = [GRID.gaussian(1.0), np.exp(1.1j) * GRID.gaussian(-0.5)]


@pytest.mark.parametrize("offset", [0.0, 0.4, 1.0, 1.0 + 1e-9, 2.5])
def test_two_oscillator_closed_form(offset):
    times = np.array([0.0, 0.5, 3.0, 8.0])
    z0 = 0.3 + 0.4j
    flow = correlation_flow(
        np.array([[1, z0], [np.conj(z0), 1]]), times, 1.0, np.array([offset, 0.0])
    )
    assert (
        # ⟨φ_1,φ_2⟩ is the conjugate of ∫w_12
        np.max(
            np.abs(two_oscillator_correlation(np.conj(z0), times, 1.0, offset / 2) - flow[:, 1, 0])
        )
        < 1e-10
    )


def test_closed_forms_at_large_times():
    assert two_oscillator_correlation(0.2, 1e5, 1.0) == 1
    assert (
        abs(two_oscillator_correlation(0.2, 1e4, 1.0, 0.3) - locked_correlation(1.0, 0.6)) < 1e-14
    )
    assert locked_correlation(1.0, 1.0) is None
    assert (
        np.isclose(blow_up_time(-2.0, 2.0), np.log(3) / 2)
        and blow_up_time(-2 + 0.1j, 1.0) == np.inf
    )
    assert blow_up_time(1.5, 1.0) == np.inf and distance_ratio(0.5, 0.0, 1.0) == 1
    with pytest.raises(ValueError, match=r"below 1\.5"):
        diameter_bound(1.6, 0.0, 1.0, 3)


def test_two_oscillators():
    found = qsp.predictions(TRAP, PAIR)
    assert found.names[:3] == ("Lemma 4.1", "Theorem 4.2", "Theorem 5.1")
    assert (
        found["Lemma 4.1"].statement.startswith("z_12 tends to 1")
        and "Lemma 4.1" in found["Lemma 4.1"].source
    )
    assert all(
        "Ha, Hwang" in p.source or "Antonelli" in p.source or "papers" in p.source for p in found
    )
    result = wlsolve(TRAP, PAIR, np.linspace(0, 20, 41))
    assert all(check.passed for check in found.check(result)), found.check(result)
    # the bound as printed fails for these states
    size = [result.distances(k)[0, 0, 1, 1] ** 2 for k in range(41)]
    assert size[-1] > 1.2 * size[0] * np.exp(-20)
    # a run of another coupling is told
    other = wlsolve(WignerLohe(GRID, lambda x: x**2 / 2, 1.1), PAIR, np.linspace(0, 20, 41))
    told = {check.name: check.passed for check in found.check(other)}
    assert told["Lemma 4.1"] is False and told["Theorem 4.2"] is False


def test_mixed_states_obey_the_identity():
    state = ([0.4, 0.6], [PAIR, [GRID.gaussian(0.2), GRID.gaussian(0.1, 0.5)]])
    result = wlsolve(TRAP, state, np.linspace(0, 4, 9))
    check = wigner_predictions(TRAP, state)["Theorem 4.2"].check(result)
    assert check.passed, check.found


def test_hydrodynamic_norms_vanish():
    # the second state has a node, near which the polar factors turn
    model = WignerLohe(Grid(96, 22.0), lambda x: x**2 / 2 + 0.3 * np.cos(x))
    x = model.grid.axes[0]
    psi = [model.grid.gaussian(0.8), 1j * np.sqrt(2) * x * model.grid.gaussian()]
    prediction = qsp.predictions(model, psi)["Theorem 5.1"]
    assert prediction.rate == 0.5
    assert prediction.check(wlsolve(model, psi, np.linspace(0, 30, 61))).passed
    short = prediction.check(wlsolve(model, psi, np.linspace(0, 3, 61)))
    assert short.passed is None and "no two outputs" in short.found
    # a run of half the coupling is told
    other = wlsolve(
        WignerLohe(model.grid, model.hamiltonians(1)[0].potential, 0.5), psi, np.linspace(0, 60, 61)
    )
    assert prediction.check(other).passed is False
    # it is about wave functions
    assert "Theorem 5.1" not in qsp.predictions(model, ([0.5, 0.5], [psi, psi[::-1]])).names


def test_equal_states_are_no_exception():
    grid = Grid(64, 16.0)
    same = [grid.gaussian(1.0)] * 2
    for state in (same, [[wigner_transform(a, b, grid=grid) for b in same] for a in same]):
        outcomes = qsp.predictions(TRAP, state).check(wlsolve(TRAP, state, np.linspace(0, 10, 41)))
        assert not any(o.passed is False for o in outcomes), outcomes
        assert {o.name: o.passed for o in outcomes}["Theorem 4.2"]


@pytest.mark.parametrize(
    ("options", "end"),
    [({}, 1500), ({"method": "splitting"}, 50), ({"method": "direct", "rtol": 1e-9}, 50)],
)
@pytest.mark.parametrize("psi", [PAIR, [PAIR[0], np.exp(0.4j) * PAIR[0]]])
def test_very_late_times_are_no_exception(options, end, psi):
    found = qsp.predictions(TRAP, psi)
    outcomes = found.check(wlsolve(TRAP, psi, np.linspace(0, end, 51), options=options))
    assert not any(o.passed is False for o in outcomes), outcomes


def test_close_to_the_antipode_digits_are_lost_and_no_theorem():
    near = -PAIR[0] + 1e-5 * GRID.gaussian(0.5, 1.0)
    near = near / np.sqrt(GRID.weight * np.vdot(near, near).real)
    psi = [PAIR[0], near]
    outcomes = qsp.predictions(TRAP, psi).check(wlsolve(TRAP, psi, np.linspace(0, 60, 61)))
    assert not any(o.passed is False for o in outcomes), outcomes
    with pytest.warns(UnstableSetWarning):
        found = qsp.predictions(TRAP, [PAIR[0], -PAIR[0]])
    with pytest.warns(UnstableSetWarning):
        result = wlsolve(TRAP, [PAIR[0], -PAIR[0]], np.linspace(0, 18, 7))
    assert found["Remark 3"].check(result).passed


def test_predictions_of_data_that_are_not_hermitian():
    w = wigner_transform(GRID.gaussian(), grid=GRID)
    found = qsp.predictions(TRAP, np.array([[1, -2], [-0.5, 1]])[:, :, None, None] * w)
    assert found.names == ("finite-time blow-up",) and f"{np.log(3):.8f}"[:8] in found[0].statement


def test_bad_arguments_of_closed_forms():
    with pytest.raises(ValueError, match="n must be"):
        diameter_bound(0.5, 1.0, 1.0, 0)
    bad = (0.5, 1.0, -1.0)
    for function, arguments in (
        (diameter_bound, bad),
        (distance_ratio, bad),
        (locked_correlation, (-1.0, 0.1)),
    ):
        with pytest.raises(ValueError, match="coupling"):
            function(*arguments)
    with pytest.raises(ValueError, match="offset"):
        locked_correlation(1.0, np.nan)
    with pytest.raises(ValueError, match="z0"):
        blow_up_time(np.nan, 1.0)


def test_many_oscillators():
    rng = np.random.default_rng(3)
    psi = [GRID.gaussian(*rng.uniform(-0.6, 0.6, 2)) for _ in range(4)]
    found = wigner_predictions(TRAP, psi)
    assert found.names == (
        "Lemma 3.2",
        "Corollary 1 (1)",
        "Corollary 1 (2)",
        "Theorem 3.1",
        "sharper threshold",
        "Theorem 2.4",
        "growing mean",
        "common direction",
    )
    result = wlsolve(TRAP, psi, np.linspace(0, 30, 61))
    assert all(check.passed for check in found.check(result)), found.check(result)


def test_sharper_threshold_is_sharp():
    # equal real off-diagonals: the bound is attained below N/(N−1), and D does not fall above
    n = 3
    for d0, below in ((1.3, True), (1.5 - 1e-12, True), (1.5, False)):
        z = np.full((n, n), 1 - d0)
        np.fill_diagonal(z, 1)
        w0 = z[:, :, None, None] * wigner_transform(GRID.gaussian(), grid=GRID)
        found = wigner_predictions(TRAP, w0)
        for name in ("sharper threshold", "Lemma 3.2", "Corollary 1 (1)", "Theorem 3.1"):
            assert (name in found.names) == below
        if d0 == 1.3:
            result = wlsolve(TRAP, w0, np.linspace(0, 12, 25))
            exact = diameter_bound(d0, result.times, 1.0, n)
            assert np.max(np.abs(result.diameter / exact - 1)) < 1e-10
            assert not any(o.passed is False for o in found.check(result))
            assert found["sharper threshold"].check(result).passed
    assert found.notes


@pytest.mark.parametrize("offset", [0.5, -2.0])
def test_offsets(offset):
    model = WignerLohe(GRID, [lambda x: x**2 / 2 + offset, lambda x: x**2 / 2])
    found = wigner_predictions(model, PAIR)
    assert found.names == ("constant offset",)
    result = wlsolve(model, PAIR, np.linspace(0, 40, 81))
    assert found[0].check(result).passed
    if abs(offset) < 1:
        assert np.max(np.abs(result.correlations[-1] - found[0].limits["correlations"])) < 1e-10
    else:
        period = found[0].period
        z = wlsolve(model, PAIR, [0, period, 2 * period]).correlations[:, 0, 1]
        assert np.max(np.abs(z - z[0])) < 1e-9


def test_blow_up_and_antipode():
    w = wigner_transform(GRID.gaussian(), grid=GRID)
    w0 = np.array([[1, -2], [-2, 1]])[:, :, None, None] * w
    prediction = wigner_predictions(TRAP, w0)["finite-time blow-up"]
    with pytest.raises(BlowUpError) as caught:
        wlsolve(TRAP, w0, [0, 4], options={"allow_unphysical": True})
    assert prediction.check(caught.value.result).passed
    with pytest.warns(UnstableSetWarning):
        anti = wigner_predictions(TRAP, [PAIR[0], -PAIR[0]])
    with pytest.warns(UnstableSetWarning):
        assert anti["Remark 3"].check(wlsolve(TRAP, [PAIR[0], -PAIR[0]], [0, 2])).passed


def test_view():
    psi = [GRID.gaussian(0.7, 0.2), 2 * np.exp(0.5j) * GRID.gaussian(-0.4)]
    result = wlsolve(TRAP, psi, [0, 1, 2])
    view = view_of(result)
    states = [result.psi(k) for k in range(3)]
    norms = [np.sqrt(GRID.weight) * np.linalg.norm(s, axis=1) for s in states]
    exact = [
        GRID.weight * np.vdot(s[0], s[1]) / (m[0] * m[1])
        for s, m in zip(states, norms, strict=True)
    ]
    assert np.max(np.abs(view.correlations[:, 0, 1] - exact)) < 1e-12
    assert np.allclose(view.masses, [[1, 4]] * 3, atol=1e-12)
    assert np.allclose(view.mean[0], [0.7, 0.2, -0.4, 0.0], atol=1e-12)
    assert np.allclose(view.covariance[0], 0.5 * np.eye(4), atol=1e-12)


@pytest.mark.parametrize("kind", ["masses", "graph", "lag"])
def test_locked_states_of_other_masses_graphs_and_lags(kind):
    omega = np.array([0.15, -0.1, -0.05])
    norms = np.array([0.6, 1.0, 1.3]) if kind == "masses" else np.ones(3)
    chain = np.array([[0, 1.0, 0], [1, 0, 1], [0, 1, 0]])
    kw = {"graph": {"adjacency": chain}, "lag": {"phase_lag": 0.3}}.get(kind, {})
    psi = [r * GRID.gaussian(c) for r, c in zip(norms, (0.3, -0.2, 0.1), strict=True)]
    model = WignerLohe(GRID, lambda x: x**2 / 2, frequencies=omega, **kw)
    found = qsp.predictions(model, psi)
    result = wlsolve(model, psi, np.linspace(0, 150, 31))
    assert found["locked state"].check(result).passed is True
    fast = WignerLohe(GRID, lambda x: x**2 / 2, frequencies=10 * omega, **kw)
    row = qsp.predictions(fast, psi)["no locked state"]
    assert row.check(wlsolve(fast, psi, np.linspace(0, 60, 301))).passed is not False
    assert row.check(result).passed in (None, False)


def test_rates_within_the_tolerance_of_the_run():
    from types import SimpleNamespace

    from qsyncplug.wigner.evidence import rate_of

    t = np.linspace(0, 20, 101)
    fine, loose = (SimpleNamespace(log_alpha=None, options={"rtol": r}) for r in (1e-11, 1e-4))
    assert rate_of(fine, t, np.exp(-t), 1.0, 1e-10, False)[0] is True
    assert rate_of(fine, t, np.exp(-0.9 * t), 1.0, 1e-10, False)[0] is False
    # a faster part may be what is seen
    assert rate_of(fine, t, np.exp(-1.1 * t), 1.0, 1e-10, False)[0] is None
    # what a loose run leaves at the size of its tolerance decides nothing
    left = np.exp(-t) + 1e-4 * np.exp(-0.1 * t)
    assert rate_of(loose, t, left, 1.0, 1e-10, False)[0] is None
