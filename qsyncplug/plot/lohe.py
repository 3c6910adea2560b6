"""Pictures of Schrödinger–Lohe results: (fig, ax) in, (fig, ax) out. matplotlib is imported when
one is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.checks import check_index, check_integer, check_number
from ..lohe import SchrodingerLoheResult
from ..wigner import WignerLoheResult
from .inputs import check_kind
from .style import (
    COLOURS,
    DENSITY,
    MANY,
    MATRIX,
    colour_bar,
    draw_nodes,
    figure,
    finish,
    legend,
    node_ticks,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["anim_wave_packets", "plot_centres", "plot_densities", "plot_gram"]


def _need_line(result: Any, what: str) -> Any:
    check_kind("result", result, SchrodingerLoheResult, "slsolve")
    grid = result.model.grid
    if grid is None or grid.ndim != 1:
        raise ValueError(f"{what} needs a result on a grid of one dimension")
    return grid


@picture
def plot_densities(
    result: SchrodingerLoheResult,
    oscillator: int | None = None,
    *,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Density |ψ_j|² of one oscillator, or the sum over all, over position and time.

    Parameters
    ----------
    result : SchrodingerLoheResult
        On a grid of one dimension.
    oscillator : int, optional
        j; the sum of all unless given.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> run = qsp.slsolve(model, waves, [0.0, 0.5, 1.0], options={"store_states": True})
    >>> fig, ax = qsp.plot_densities(run, 0)
    >>> ax.get_ylabel()
    'time'
    """
    grid = _need_line(result, "plot_densities")
    rows = []
    for k in range(len(result.times)):
        density = np.abs(result.state(k)) ** 2
        rows.append(
            density.sum(axis=0)
            if oscillator is None
            else density[check_integer("oscillator", oscillator)]
        )
    fig, ax = figure(fig, ax, figsize=(5, 3.6))
    image = ax.pcolormesh(
        grid.axes[0], result.times, np.array(rows), shading="nearest", cmap=DENSITY, rasterized=True
    )
    colour_bar(fig, image, ax, "Σ|ψ|²" if oscillator is None else f"|ψ$_{oscillator + 1}$|²")
    finish(ax, "x", "time")
    return fig, ax


@picture
def plot_gram(
    result: SchrodingerLoheResult,
    index: int = -1,
    *,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Moduli of the Gram matrix ⟨ψ_j,ψ_k⟩ at one time.

    Parameters
    ----------
    result : SchrodingerLoheResult or WignerLoheResult
    index : int
        Which time.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> run = qsp.slsolve(model, waves, [0.0, 0.5])
    >>> fig, ax = qsp.plot_gram(run, index=0)
    >>> ax.get_title()
    't = 0'
    """
    check_kind("result", result, (SchrodingerLoheResult, WignerLoheResult), "slsolve or wlsolve")
    index = check_index("index", index, len(result.times))
    fig, ax = figure(fig, ax, figsize=(4.4, 3.8))
    moduli = np.abs(result.gram[index])
    low, high = float(moduli.min()), float(moduli.max())
    # close to complete synchronisation a scale from 0 would be one colour, which it is to be where
    # differences are those of tolerances
    plain = low < 0.8 * high or high - low < 1e-6 * high
    floor = 0.0 if plain else low - (high - low) * 0.05
    image = ax.imshow(moduli, vmin=floor, vmax=high, cmap=MATRIX)
    colour_bar(fig, image, ax, "|⟨ψ$_j$,ψ$_k$⟩|")
    node_ticks(ax, len(moduli))
    title = f"t = {result.times[index]:g}"
    if floor:
        title += f", from {low:.6g}"
    finish(ax, "node k", "node j", title)
    return fig, ax


@picture
def plot_centres(
    result: SchrodingerLoheResult,
    axis: int = 0,
    *,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Centres of mass x_j in time, one line an oscillator.

    Parameters
    ----------
    result : SchrodingerLoheResult
        With centres.
    axis : int
        Which coordinate.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> run = qsp.slsolve(model, waves, np.linspace(0, 5, 11))
    >>> fig, ax = qsp.plot_centres(run)
    >>> ax.get_ylabel()
    'centre ⟨x⟩'
    """
    check_kind("result", result, SchrodingerLoheResult, "slsolve")
    axis = check_index("axis", axis, result.centres.shape[2])
    return _lines(result.times, result.centres[:, :, axis], "centre ⟨x⟩", fig, ax)


def _lines(times: np.ndarray, values: np.ndarray, label: str, fig: Any, ax: Any) -> tuple[Any, Any]:
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    draw_nodes(ax, times, values, word="node ")
    finish(ax, "time", label)
    legend(ax)
    return fig, ax


@picture
def anim_wave_packets(
    result: SchrodingerLoheResult,
    *,
    fig: Figure | None = None,
    ax: Axes | None = None,
    interval: float = 40.0,
) -> tuple[Figure, FuncAnimation]:
    """Animation of the densities |ψ_j|² on a grid of one dimension.

    Parameters
    ----------
    result : SchrodingerLoheResult
    interval : float
        Milliseconds between frames.

    Returns
    -------
    fig : matplotlib Figure
    animation : matplotlib FuncAnimation
        Keep a reference to it while it plays; ``animation.save(path)`` writes it.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> trap = qsp.GridHamiltonian(grid, lambda x: x**2 / 2)
    >>> model = qsp.SchrodingerLohe(trap, coupling=1.0)
    >>> waves = [grid.gaussian(1.0), grid.gaussian(-0.5)]
    >>> run = qsp.slsolve(model, waves, [0.0, 0.5], options={"store_states": True})
    >>> fig, animation = qsp.anim_wave_packets(run)
    >>> animation.save("packets.gif", writer="pillow")
    """
    interval = check_number("interval", interval, minimum=0.0, strict=True)
    from matplotlib.animation import FuncAnimation

    grid = _need_line(result, "anim_wave_packets")
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    frames = [np.abs(result.state(k)) ** 2 for k in range(len(result.times))]
    lines = [
        ax.plot(
            grid.axes[0], row, color=COLOURS[(j + 1) % len(COLOURS)], lw=1.4, label=f"node {j + 1}"
        )[0]
        for j, row in enumerate(frames[0])
    ]
    ax.set_ylim(0, 1.05 * max(float(f.max()) for f in frames))
    finish(ax, "x", "|ψ|²")
    if len(lines) <= MANY:
        legend(ax)
    clock = ax.set_title(f"t={result.times[0]:.3g}")

    def draw(k: int) -> list[Any]:
        for line, row in zip(lines, frames[k], strict=True):
            line.set_ydata(row)
        clock.set_text(f"t={result.times[k]:.3g}")
        return [*lines, clock]

    return fig, FuncAnimation(fig, draw, frames=len(frames), interval=interval, blit=False)
