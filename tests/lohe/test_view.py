"""View, plots and command."""

import argparse
import json

import matplotlib
import numpy as np
import pytest
import qutip
from numpy.testing import assert_allclose

import qsyncplug as qsp
from qsyncplug import GridHamiltonian, SchrodingerLohe, slsolve
from qsyncplug.commands import lohe as command
from qsyncplug.core.errors import MissingFieldError
from qsyncplug.plot import lohe as plots

matplotlib.use("Agg")

GRID = qsp.Grid(96, 18.0)
H = GridHamiltonian(GRID, lambda x: x**2 / 2)
PSI = [GRID.gaussian(0.8, 0.3), GRID.gaussian(-0.5), 1j * GRID.gaussian(0.1, -0.4)]
TIMES = np.linspace(0, 3, 7)


def test_view_of_a_common_hamiltonian():
    result = slsolve(SchrodingerLohe(H, 1.0), PSI, TIMES)
    view = qsp.synchronization(result)
    assert view.n == 3 and "Schrödinger–Lohe" in view.system
    assert_allclose(view.correlations, result.gram, atol=1e-12)
    assert_allclose(view.deviations, result.deviations, rtol=1e-12)
    assert_allclose(
        qsp.measures.order_parameter(view),
        np.sqrt(np.sum(result.gram, axis=(1, 2)).real) / 3,
        atol=1e-12,
    )
    assert_allclose(view.mean[0], [0.8, 0.3, -0.5, 0, 0.1, -0.4], atol=1e-12)
    # coherent states: the vacuum's covariance, blocks only
    assert_allclose(view.covariance[0], 0.5 * np.eye(6), atol=1e-12)
    assert_allclose(view.mean[:, ::2], result.centres[:, :, 0], atol=1e-11)
    # it synchronises, and its measures say so
    late = qsp.synchronization(slsolve(SchrodingerLohe(H, 1.0), PSI, [0, 30.0]))
    assert qsp.measures.order_parameter(late)[-1] > 1 - 1e-12
    # equal states without a joint state differ by their fluctuations: S_c = 1/⟨q₋²+p₋²⟩ of
    # uncorrelated variances
    complete = np.asarray(qsp.measures.complete(late))[-1, 0, 1]
    block = late.covariance[-1, :2, :2]
    assert_allclose(complete, 1 / (np.trace(block)), rtol=1e-6)


def test_view_with_masses_and_without_moments():
    model = SchrodingerLohe(qutip.num(4), 1.0, "model2", theta=[1.2, 0.8])
    result = slsolve(model, [qutip.basis(4, 0), qutip.coherent(4, 0.5)], TIMES)
    view = qsp.synchronization(result)
    assert_allclose(view.masses, result.masses)
    assert_allclose(np.diagonal(view.correlations, axis1=1, axis2=2), 1)
    assert_allclose(
        qsp.measures.order_parameter(view, weighted=True), result.order_parameter, rtol=1e-9
    )
    with pytest.raises(MissingFieldError, match="grid of one dimension"):
        _ = view.mean


def test_view_of_different_potentials_and_of_infinite_time():
    hs = [GridHamiltonian(GRID, lambda x, w=w: w * x**2 / 2) for w in (1.0, 1.1, 0.9)]
    bare = qsp.synchronization(slsolve(SchrodingerLohe(hs), PSI, [0, 0.5]))
    stored = qsp.synchronization(
        slsolve(SchrodingerLohe(hs), PSI, [0, 0.5], options={"store_states": True})
    )
    assert not bare.has("mean") and stored.has("mean")
    assert_allclose(bare.correlations, stored.correlations, atol=1e-14)
    end = slsolve(SchrodingerLohe(H), PSI, [0, 1.0, np.inf], options={"method": "mobius"})
    assert qsp.synchronization(end).n_times == 2


def test_classification_and_comparison_take_the_view():
    a = slsolve(SchrodingerLohe(H, 1.0, frequencies=[0.1, -0.1, 0]), PSI, np.linspace(0, 40, 201))
    b = slsolve(
        SchrodingerLohe(H, 1.0, frequencies=[0.1, -0.1, 0]),
        PSI,
        np.linspace(0, 40, 201),
        options={"rtol": 1e-7, "atol": 1e-9},
    )
    comparison = qsp.compare({"sharp": a, "loose": b})
    assert "the whole run" in str(comparison)
    assert qsp.predictions(SchrodingerLohe(H, 1.0), PSI).names


@pytest.mark.parametrize(
    "make",
    [
        lambda r: plots.plot_densities(r),
        lambda r: plots.plot_densities(r, 1),
        lambda r: plots.plot_gram(r),
        lambda r: plots.plot_centres(r),
        lambda r: qsp.plot_masses(r),
        lambda r: qsp.plot_order_parameter(r),
    ],
)
def test_plots(make):
    import matplotlib.pyplot as plt

    result = slsolve(SchrodingerLohe(H, 1.0, "model2"), PSI, TIMES)
    fig, ax = make(result)
    fig.canvas.draw()
    assert ax.get_xlabel() and ax.get_ylabel()
    assert ax.lines or ax.images or ax.collections
    plt.close(fig)


def test_plots_draw_what_the_result_holds():
    import matplotlib.pyplot as plt

    result = slsolve(SchrodingerLohe(H, 1.0), PSI, TIMES)
    fig, ax = plt.subplots()
    same = plots.plot_centres(result, fig=fig, ax=ax)
    assert same == (fig, ax)
    assert_allclose(ax.lines[1].get_ydata(), result.centres[:, 1, 0])
    plt.close(fig)
    fig, animation = plots.anim_wave_packets(result)
    animation._draw_frame(3)
    assert_allclose(fig.axes[0].lines[2].get_ydata(), np.abs(result.states[3][2]) ** 2)
    animation._draw_was_started = True
    plt.close(fig)
    bare = slsolve(SchrodingerLohe(qutip.num(3)), [qutip.basis(3, 0)] * 2, [0, 1.0])
    with pytest.raises(ValueError, match="one dimension"):
        plots.plot_densities(bare)


def parse(*words):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return parser.parse_args(["lohe", *words])


def test_command(tmp_path, capsys):
    args = parse(
        "--oscillators",
        "3",
        "--points",
        "64",
        "--length",
        "16",
        "--end",
        "1",
        "--times",
        "5",
        "--spread",
        "0",
        "--output",
        str(tmp_path / "out"),
        "--quiet",
    )
    assert args.run(args) == 0
    printed = capsys.readouterr().out
    assert "Kuramoto" in printed and "reduced" in printed
    data = json.loads((tmp_path / "out.json").read_text())
    assert data["gram difference"] < 1e-9 and (tmp_path / "out.png").stat().st_size > 1000
    # without a spread of the centres the three are the same system
    differences = data["differences"]["order_parameter"]
    assert set(differences) == {"reduced", "Kuramoto"}
    assert all(np.max(np.abs(d)) < 1e-9 for d in differences.values())


@pytest.mark.parametrize(
    "words, error",
    [
        (("--oscillators", "1"), "--oscillators"),
        (("--end", "-1"), "--end"),
        (("--output", "/nowhere/x"), "does not exist"),
    ],
)
def test_command_refuses_bad_options(words, error):
    args = parse(*words)
    with pytest.raises(ValueError, match=error):
        args.run(args)
