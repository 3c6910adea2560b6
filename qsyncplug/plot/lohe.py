"""Pictures of Schrödinger–Lohe results: (fig, ax) in, (fig, ax) out. matplotlib is imported when
one is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.checks import check_integer
from .style import COLOURS, figure, finish

__all__ = ["anim_wave_packets", "plot_centres", "plot_densities", "plot_gram", "plot_masses"]


def _need_line(result: Any, what: str) -> Any:
    grid = result.model.grid
    if grid is None or grid.ndim != 1:
        raise ValueError(f"{what} needs a result on a grid of one dimension")
    return grid


def plot_densities(
    result: Any, oscillator: int | None = None, *, fig: Any = None, ax: Any = None
) -> tuple[Any, Any]:
    """Density |ψ_j|² of one oscillator, or the sum over all, over position and time.

    Parameters
    ----------
    result : SchrodingerLoheResult
        On a grid of one dimension.
    oscillator : int, optional
        j; the sum of all unless given.
    fig, ax : matplotlib Figure and Axes, optional
        Where to draw.

    Returns
    -------
    fig, ax
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
        grid.axes[0], result.times, np.array(rows), shading="nearest", cmap="magma", rasterized=True
    )
    fig.colorbar(image, ax=ax, label="Σ|ψ|²" if oscillator is None else f"|ψ{oscillator + 1}|²")
    finish(ax, "x", "time")
    return fig, ax


def plot_gram(result: Any, index: int = -1, *, fig: Any = None, ax: Any = None) -> tuple[Any, Any]:
    """Moduli of the Gram matrix ⟨ψ_j,ψ_k⟩ at one time.

    Parameters
    ----------
    result : SchrodingerLoheResult
    index : int
        Which time.
    fig, ax : matplotlib Figure and Axes, optional
        Where to draw.

    Returns
    -------
    fig, ax
    """
    fig, ax = figure(fig, ax, figsize=(4.4, 3.8))
    image = ax.imshow(np.abs(result.gram[index]), vmin=0, cmap="viridis")
    fig.colorbar(image, ax=ax, label="|⟨ψ_j,ψ_k⟩|")
    finish(ax, "k", "j", f"t={result.times[index]:g}")
    return fig, ax


def plot_centres(result: Any, axis: int = 0, *, fig: Any = None, ax: Any = None) -> tuple[Any, Any]:
    """Centres of mass x_j in time, one line an oscillator.

    Parameters
    ----------
    result : SchrodingerLoheResult
        With centres.
    axis : int
        Which coordinate.
    fig, ax : matplotlib Figure and Axes, optional
        Where to draw.

    Returns
    -------
    fig, ax
    """
    return _lines(result.times, result.centres[:, :, axis], "centre ⟨x⟩", fig, ax)


def plot_masses(result: Any, *, fig: Any = None, ax: Any = None) -> tuple[Any, Any]:
    """Norms ‖ψ_j‖ in time, one line an oscillator, and √θ_j dotted for Model 2.

    Parameters
    ----------
    result : SchrodingerLoheResult
    fig, ax : matplotlib Figure and Axes, optional
        Where to draw.

    Returns
    -------
    fig, ax
    """
    fig, ax = _lines(result.times, np.sqrt(result.masses), "norm ‖ψ‖", fig, ax)
    if result.model.variant == "model2":
        for j in range(result.n):
            ax.plot(
                result.times,
                np.sqrt(result.theta[:, j]),
                ":",
                color=COLOURS[(j + 1) % len(COLOURS)],
                lw=1,
            )
    return fig, ax


def _lines(times: np.ndarray, values: np.ndarray, label: str, fig: Any, ax: Any) -> tuple[Any, Any]:
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    many = values.shape[1] > 8
    for j in range(values.shape[1]):
        ax.plot(
            times,
            values[:, j],
            color=COLOURS[(j + 1) % len(COLOURS)],
            lw=0.8 if many else 1.6,
            label=None if many else f"{j + 1}",
        )
    if not many:
        ax.legend(frameon=False)
    finish(ax, "time", label)
    return fig, ax


def anim_wave_packets(
    result: Any, *, fig: Any = None, ax: Any = None, interval: float = 40.0
) -> tuple[Any, Any]:
    """Animation of the densities |ψ_j|² on a grid of one dimension.

    Parameters
    ----------
    result : SchrodingerLoheResult
    fig, ax : matplotlib Figure and Axes, optional
        Where to draw.
    interval : float
        Milliseconds between frames.

    Returns
    -------
    fig : matplotlib Figure
    animation : matplotlib FuncAnimation
        Keep a reference to it while it plays; ``animation.save(path)`` writes it.
    """
    from matplotlib.animation import FuncAnimation

    grid = _need_line(result, "anim_wave_packets")
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    frames = [np.abs(result.state(k)) ** 2 for k in range(len(result.times))]
    lines = [
        ax.plot(grid.axes[0], row, color=COLOURS[(j + 1) % len(COLOURS)], lw=1.4)[0]
        for j, row in enumerate(frames[0])
    ]
    ax.set_ylim(0, 1.05 * max(float(f.max()) for f in frames))
    finish(ax, "x", "|ψ|²")
    clock = ax.set_title(f"t={result.times[0]:.3g}")

    def draw(k: int) -> list[Any]:
        for line, row in zip(lines, frames[k], strict=True):
            line.set_ydata(row)
        clock.set_text(f"t={result.times[k]:.3g}")
        return [*lines, clock]

    return fig, FuncAnimation(fig, draw, frames=len(frames), interval=interval, blit=False)
