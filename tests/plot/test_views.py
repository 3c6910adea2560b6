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
    assert len(ax.lines) == 2


def test_measures(result):
    view = qsp.synchronization(result)
    _, ax = qsp.plot_measure(view, "coherence")
    assert np.array_equal(ax.lines[0].get_ydata(), qsp.measures.coherence(view)[:, 0, 1])
    _, ax = qsp.plot_measure(view, "frequency")
    assert len(ax.lines) == 2
    with pytest.raises(ValueError, match="measure must be one of"):
        qsp.plot_measure(view, "charm")


def test_correlations(result):
    fig, ax = plt.subplots()
    assert qsp.plot_correlations(result, 3, ax=ax) == (fig, ax)
    assert ax.images[0].get_array().shape == (2, 2, 3)
