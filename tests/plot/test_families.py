"""Pictures of the families against the same picture drawn by hand with matplotlib alone."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip
from matplotlib.testing.compare import compare_images

import qsyncplug as qsp
from qsyncplug.plot.style import COLOURS


@pytest.fixture(scope="module")
def waves():
    grid = qsp.Grid(points=64, length=14.0)
    trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    start = [grid.gaussian(1.0), grid.gaussian(-1.0), grid.gaussian(0.0, 1.0)]
    model = qsp.SchrodingerLohe(trap, coupling=1.0)
    options = {"store_states": True}
    return grid, qsp.slsolve(model, start, np.linspace(0, 2, 9), options=options)


def difference(tmp_path, drawn, by_hand):
    """What matplotlib says of two pictures, pixel by pixel; None where they are the same."""
    paths = []
    for fig, name in ((drawn, "drawn.png"), (by_hand, "by_hand.png")):
        fig.savefig(tmp_path / name, dpi=80)
        plt.close(fig)
        paths.append(str(tmp_path / name))
    return compare_images(paths[1], paths[0], tol=0.5)


def test_densities(waves, tmp_path):
    grid, run = waves
    fig, _ = qsp.plot_densities(run, 1)
    hand, ax = plt.subplots(layout="constrained", figsize=(5, 3.6))
    values = np.array([np.abs(np.asarray(run.state(k))[1]) ** 2 for k in range(9)])
    image = ax.pcolormesh(grid.axes[0], run.times, values, cmap="magma", shading="nearest")
    hand.colorbar(image, ax=ax, label="|ψ$_2$|²", shrink=0.9, pad=0.02)
    ax.set(xlabel="x", ylabel="time")
    ax.spines[["top", "right"]].set_visible(False)
    assert difference(tmp_path, fig, hand) is None


def test_centres(waves, tmp_path):
    _, run = waves
    _, ax = qsp.plot_centres(run)
    for j, line in enumerate(ax.lines):
        assert np.array_equal(line.get_ydata(), run.centres[:, j, 0])
        assert line.get_color() == COLOURS[j + 1]
        assert line.get_label() == f"node {j + 1}"
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in ax.lines}) == 3


def test_gram_close_to_complete_is_not_one_colour(waves):
    grid, run = waves
    _, ax = qsp.plot_gram(run, 0)
    image = ax.images[0]
    assert np.array_equal(image.get_array(), np.abs(run.gram[0]))
    assert image.norm.vmin == 0
    model = qsp.SchrodingerLohe(run.model.hamiltonian, coupling=1.0)
    start = [grid.gaussian(0.01 * j) for j in range(3)]
    close = qsp.slsolve(model, start, [0.0, 0.1])
    _, ax = qsp.plot_gram(close, 0)
    low, high = np.abs(close.gram[0]).min(), np.abs(close.gram[0]).max()
    assert high - low < 1e-3
    assert ax.images[0].norm.vmin > low - (high - low)  # the scale is filled
    # of what differs by rounding it is one colour
    complete = qsp.slsolve(model, start, [0.0, 40.0])
    assert 0 < np.ptp(np.abs(complete.gram[-1])) < 1e-6
    _, ax = qsp.plot_gram(complete)
    assert ax.images[0].norm.vmin == 0


def test_particles_that_coincide_are_one_disc_with_their_share():
    x = np.concatenate([np.full(150, 1.0), np.full(50, -2.0), [3.1]])
    _, ax = qsp.plot_circle(x)
    discs = ax.collections[0]
    assert np.allclose(
        sorted(np.mod(np.arctan2(*discs.get_offsets().T[::-1]), 2 * np.pi)),
        sorted(np.mod([1.0, -2.0, 3.1], 2 * np.pi)),
    )
    sizes = np.sort(discs.get_sizes())
    assert sizes[2] / sizes[1] == pytest.approx(3.0)  # area is weight
    assert {t.get_text() for t in ax.texts} >= {"74.6 %", "24.9 %", "0.498 %"}
    # across the seam of the angle
    _, ax = qsp.plot_circle([1e-4, -1e-4, 2.0])
    assert len(ax.collections[0].get_offsets()) == 2


def test_circle_of_a_run_and_of_a_view():
    run = qsp.circlesolve(qsp.Circle(qsp.sine()), [0.0, 1.0, 4.0], np.linspace(0, 1, 5))
    _, ax = qsp.plot_circle(run, index=2)
    offsets = ax.collections[0].get_offsets()
    x = run.positions[2]
    want = np.column_stack([np.cos(x), np.sin(x)])
    assert np.allclose(np.sort(offsets, axis=0), np.sort(want, axis=0))
    assert ax.get_title() == "t = 0.5"
    amplitudes = qsp.mfsolve(qsp.van_der_pol_pair(), [1, 0.5j], [0.0, 1.0])
    _, ax = qsp.plot_circle(amplitudes, index=0)  # phases x of e^{-ix}: 0 and -π/2
    assert np.allclose(np.sort(ax.collections[0].get_offsets().data, axis=0), [[0, -1], [1, 0]])


def test_wigner_function_of_a_state(tmp_path):
    """A Fock state by its closed form: W = −e^{−r²}(1−2r²)/π for one quantum."""
    _, ax = qsp.plot_wigner_function(qutip.fock(8, 1))
    mesh = ax.collections[0]
    corners = mesh.get_coordinates()
    r2 = (corners**2).sum(axis=-1)
    want = -np.exp(-r2) * (1 - 2 * r2) / np.pi
    assert np.allclose(mesh.get_array().reshape(want.shape), want, atol=1e-10)
    pair = qutip.tensor(qutip.fock(8, 0), qutip.coherent(12, 1j))
    _, ax = qsp.plot_wigner_function(pair, mode=1)
    mesh = ax.collections[0]
    peak = mesh.get_coordinates().reshape(-1, 2)[np.argmax(mesh.get_array())]
    assert np.allclose(peak, [0.0, np.sqrt(2)], atol=0.1)
    with pytest.raises(TypeError, match="needs the space of an array"):
        qsp.plot_wigner_function(np.ones((3, 3)))


def test_animations_draw_every_frame(waves, tmp_path):
    _, run = waves
    fig, animation = qsp.anim_wave_packets(run)
    animation._draw_frame(8)
    lines = fig.axes[0].lines
    assert np.allclose(lines[2].get_ydata(), np.abs(np.asarray(run.state(8))[2]) ** 2)
    animation._draw_was_started = True
    plt.close(fig)
