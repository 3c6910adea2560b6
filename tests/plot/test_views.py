"""Pictures: they draw what the measures say, into the axes given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import qsyncplug as qsp


@pytest.fixture(scope="module")
def result():
    return qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], np.linspace(0, 5, 21))


def test_order_parameter(result):
    fig, ax = qsp.plot_order_parameter(result)
    x, y = ax.lines[0].get_data()
    assert np.array_equal(x, result.times)
    assert np.array_equal(y, qsp.measures.order_parameter(qsp.synchronization(result)))
    fig2, ax2 = qsp.plot_order_parameter(result, fig=fig, ax=ax, label="again")
    assert (fig2, ax2) == (fig, ax)
    assert len(ax.lines) == 3  # and the value of independent nodes


def test_measures(result):
    view = qsp.synchronization(result)
    _, ax = qsp.plot_measure(view, "coherence")
    assert np.array_equal(ax.lines[0].get_ydata(), qsp.measures.coherence(view)[:, 0, 1])
    _, ax = qsp.plot_measure(view, "frequency")
    assert len(ax.lines) == 2
    with pytest.raises(ValueError, match="measure must be one of"):
        qsp.plot_measure(view, "charm")


def test_correlations(result):
    """Squares of side 0.94 |z|, coloured by arg z."""
    fig, ax = plt.subplots()
    assert qsp.plot_correlations(result, 3, ax=ax) == (fig, ax)
    z = qsp.synchronization(result).correlations[3]
    squares = ax.collections[0]
    assert np.allclose(squares.get_array(), np.angle(z).ravel())
    sides = [np.ptp(path.vertices[:, 0]) for path in squares.get_paths()]
    assert np.allclose(sides, 0.94 * np.abs(z).ravel())
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2"]


def test_order_has_its_null_value(result):
    _, ax = qsp.plot_order_parameter(result)
    assert np.allclose(ax.lines[1].get_ydata(), 1 / np.sqrt(2))


def test_relative_phases_masses_and_trajectories_of_any_view(result):
    view = qsp.synchronization(result)
    _, ax = qsp.plot_relative_phase(result)
    want = np.unwrap(qsp.measures.coherence_phase(view)[:, 0, 1])
    assert np.array_equal(ax.lines[0].get_ydata(), want)
    _, ax = qsp.plot_masses(result)
    assert np.array_equal(ax.lines[1].get_ydata(), view.masses[:, 1])
    # the phase x of the amplitude e^{-ix}
    _, ax = qsp.plot_trajectories(result)
    amplitude = result.amplitudes[:, 0]
    assert np.allclose(np.exp(-1j * ax.lines[0].get_ydata()), amplitude / np.abs(amplitude))
    with pytest.raises(ValueError, match="needs two nodes"):
        qsp.plot_relative_phase(qsp.SyncView([0, 1.0], masses=[[1.0], [1.0]]))


def _covers(ax):
    """Whether the legend lies on a curve."""
    ax.figure.canvas.draw()
    if ax.get_legend() is None:
        return False
    box = ax.get_legend().get_window_extent()
    return any(
        box.contains(*point)
        for line in ax.lines
        for point in ax.transData.transform(line.get_xydata())
        if np.all(np.isfinite(point))
    )


def test_legends_cover_no_curve_and_stay_in_the_figure(result):
    for draw in (
        lambda: qsp.plot_order_parameter(result, label="mean field"),
        lambda: qsp.plot_measure(result, "frequency"),
        lambda: qsp.plot_masses(result),
        lambda: qsp.plot_circle_order({"one": result, "two": result}),
        qsp.plot_criterion,
    ):
        fig, ax = draw()
        assert not _covers(ax)
        box, page = ax.get_legend().get_window_extent(), fig.bbox
        assert box.x0 >= page.x0
        assert box.x1 <= page.x1 + 1
        plt.close(fig)


def test_curves_that_coincide_are_shown_as_differences():
    system = qsp.van_der_pol_pair()
    times = np.linspace(0, 2, 9)
    one = qsp.mfsolve(system, [1, 0.5j], times)
    two = qsp.mfsolve(system, [1, 0.5j], times, options={"rtol": 1e-6, "atol": 1e-8})
    comparison = qsp.compare({"fine": one, "coarse": two})
    _, axes = qsp.plot_comparison(comparison, ["order_parameter"])
    assert axes[0].get_yscale() == "log"
    drawn = axes[0].lines[0].get_ydata()
    apart = np.abs(comparison.differences["order_parameter"]["coarse"])
    assert np.array_equal(drawn, np.maximum(apart, 1e-16))
    # what differs is shown as it is
    far = qsp.mfsolve(system, [1, 0.2j], times)
    _, axes = qsp.plot_comparison(qsp.compare({"a": one, "b": far}), ["order_parameter"])
    assert axes[0].get_yscale() == "linear"
    assert len(axes[0].lines) == 2


def test_many_nodes_are_a_veil_with_their_mean():
    rng = np.random.default_rng(0)
    run = qsp.circlesolve(qsp.Circle(qsp.sine()), rng.uniform(0, 6, 30), np.linspace(0, 1, 5))
    _, ax = qsp.plot_masses(run)
    assert len(ax.lines) == 31
    _, ax = qsp.plot_trajectories(run)
    assert len(ax.lines) == 30
    _, ax = qsp.plot_measure(run, "coherence")
    assert len(ax.lines) == 30 * 29 // 2 + 1


def test_pictures_of_plain_qutip_states():
    import qutip

    state = qutip.tensor(qutip.coherent(8, 0.5), qutip.coherent(8, 0.5j))
    modes = qsp.modes(2)
    for plot in (qsp.plot_order_parameter, qsp.plot_masses, qsp.plot_relative_phase):
        fig, _ = plot([state, state], modes=modes)
        assert fig.axes
    fig, _ = qsp.plot_correlations(state, modes=modes)
    assert fig.axes
    fig, _ = qsp.plot_measure(state, "coherence", modes=modes)
    assert fig.axes


def test_verdicts_on_one_state_show_what_its_phases_prefer():
    spin = qsp.verdict(qsp.steadystate(qsp.SpinOne(detuning=0.0, drive=0.1, gain=1.0, loss=0.1)))
    lasers = qsp.superradiant_lasers(1000, pump=0.5, detuning=1.0)
    large = qsp.verdict(qsp.steadystate(lasers, closure="cumulants"))
    for found in (spin, large):
        _, ax = found.plot()
        (bar,) = ax.patches
        assert ax.get_title() == str(found.label)
        shown = [v for v in found.evidence.values() if isinstance(v, float)]
        assert any(abs(bar.get_height() - v) < 1e-12 for v in shown)


def test_a_mean_of_pairs_names_no_pair():
    model = qsp.Circle(qsp.sine())
    times = np.linspace(0, 1, 5)
    one = qsp.circlesolve(model, [0.0, 1.0, 2.5], times)
    far = qsp.circlesolve(model, [0.0, 2.0, 2.5], times)
    _, axes = qsp.plot_comparison(qsp.compare({"a": one, "b": far}), ["coherence"])
    _, same = qsp.plot_comparison(qsp.compare({"a": one, "b": one}), ["coherence"])
    for label in (axes[0].get_ylabel(), same[0].get_ylabel()):
        assert "b_j" in label and "b_1" not in label and label.endswith("\nmean of pairs")


def test_the_phases_of_a_verdict_are_those_that_were_judged():
    """Oscillators that drift: Adler's beat, long after fluctuations have taken the coherence."""
    pair = qsp.van_der_pol_pair(loss=0.5, detuning=2.0, dissipative=1.0)
    run = qsp.mfsolve(pair, [1.2, 1.2j], np.linspace(0, 60, 601))
    _, ax = qsp.verdict(run).plot()
    (line,) = ax.lines
    beta = run.amplitudes
    np.testing.assert_allclose(
        line.get_ydata(), -np.unwrap(np.angle(beta[:, 1] / beta[:, 0])), atol=1e-9
    )
    assert np.abs(np.diff(line.get_ydata())).max() < 0.5
