"""Pictures of Wigner functions and hydrodynamic fields show the numbers they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import qutip

from qsyncplug import Grid
from qsyncplug.plot.fluids import plot_hydrodynamics
from qsyncplug.plot.wigner import (
    anim_wigner_function,
    plot_wigner_function,
    plot_wigner_matrix,
)
from qsyncplug.wigner import PhaseSpace, hydrodynamics, wigner_transform

GRID = Grid(64, 16.0)


class Run:
    """What the pictures ask of a result."""

    phase_space = PhaseSpace(GRID)
    n = 3
    times = np.array([0.0, 0.5])
    states = (GRID.gaussian(1.0, 0.5), GRID.gaussian(-0.7), GRID.gaussian(0.0, -0.8))

    def wigner(self, i, j, k=-1):
        return wigner_transform(self.states[i], None if i == j else self.states[j], grid=GRID)


def test_one_function():
    w = wigner_transform(qutip.basis(3, 1), grid=GRID)
    fig, ax = plot_wigner_function(w, GRID)
    mesh = ax.collections[0]
    # symmetric scale, QuTiP's colours: blue is positive
    assert mesh.norm.vmin == -mesh.norm.vmax == -np.max(np.abs(w))
    assert mesh.get_cmap().name == "RdBu"
    # drawn with x to the right
    moved = wigner_transform(GRID.gaussian(2.0, -1.0), grid=GRID)
    again, same = plot_wigner_function(moved, GRID, fig=fig, ax=ax, colorbar=False)
    assert (again, same) == (fig, ax)
    data = np.asarray(ax.collections[1].get_array())
    coordinates = ax.collections[1].get_coordinates()[np.unravel_index(np.argmax(data), data.shape)]
    assert np.allclose(coordinates, (2.0, -1.0), atol=0.15)
    old = qutip.settings.colorblind_safe
    try:
        qutip.settings.colorblind_safe = True
        assert plot_wigner_function(w, GRID)[1].collections[0].get_cmap().name == "seismic"
    finally:
        qutip.settings.colorblind_safe = old
    with pytest.raises(ValueError, match="w must have the shape"):
        plot_wigner_function(w[:4], GRID)
    with pytest.raises(ValueError, match="part must be"):
        plot_wigner_function(w, GRID, part="phase")


def test_matrix():
    _, axes = plot_wigner_matrix(Run(), oscillators=(0, 2))
    assert axes.shape == (2, 2)
    w = Run().wigner(0, 2)
    for at, part, name in (((0, 1), w.real, "Re $w_{13}$"), ((1, 0), w.imag, "Im $w_{13}$")):
        data = np.asarray(axes[at].collections[0].get_array())
        assert np.max(data) == pytest.approx(np.max(part))
        assert np.min(data) == pytest.approx(np.min(part))
        assert axes[at].get_title() == name
    # one scale for all
    assert len({a.collections[0].norm.vmax for a in axes.ravel()}) == 1
    fig2, axes2 = plt.subplots(3, 3)
    assert plot_wigner_matrix(Run(), ax=axes2)[0] is fig2
    with pytest.raises(ValueError, match="3×3"):
        plot_wigner_matrix(Run(), ax=axes)
    with pytest.raises(ValueError, match="oscillators"):
        plot_wigner_matrix(Run(), oscillators=[3])


def test_hydrodynamic_fields():
    h = hydrodynamics(GRID.gaussian(0.3, 0.8), GRID)
    _, axes = plot_hydrodynamics(h)
    assert np.array_equal(axes[0].lines[0].get_ydata(), h.density)
    assert np.array_equal(axes[1].lines[0].get_ydata(), h.current[0])
    velocity = np.ma.compressed(axes[2].lines[0].get_ydata())
    assert velocity.size and np.allclose(velocity, 0.8, atol=1e-8)
    plane = Grid((32, 32), 10.0)
    _, axes = plot_hydrodynamics(hydrodynamics(plane.gaussian((0.3, 0), (0.5, 0)), plane))
    assert len(axes) == 2
    with pytest.raises(ValueError, match="one state"):
        plot_hydrodynamics(hydrodynamics(np.stack(Run.states), GRID))
    with pytest.raises(ValueError, match="4 axes"):
        plot_hydrodynamics(h, ax=axes)


def test_animation(tmp_path):
    fig, animation = anim_wigner_function(Run(), 0, 1)
    path = tmp_path / "w.gif"
    animation.save(path, writer="pillow")
    assert path.stat().st_size > 1000
    assert fig.axes[0].get_title() == "t=0.5"


def test_two_dimensions_are_refused():
    space = PhaseSpace(Grid((8, 8), 5.0))
    with pytest.raises(ValueError, match="one dimension"):
        plot_wigner_function(np.zeros(space.shape), space)
