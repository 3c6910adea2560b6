"""Pictures of a view."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..adapters import synchronization
from ..sync import measures
from .style import COLOURS, figure, finish

__all__ = ["plot_correlations", "plot_measure", "plot_order_parameter"]


def plot_order_parameter(
    view: Any, *, fig: Any = None, ax: Any = None, label: str | None = None
) -> tuple[Any, Any]:
    """The order parameter r in time.

    Parameters
    ----------
    view : SyncView or result
        What to show.
    fig, ax : matplotlib Figure and Axes, optional
        Where to draw.
    label : str, optional
        For a legend; the system's name by default.

    Returns
    -------
    fig, ax
    """
    view = synchronization(view)
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    ax.plot(view.times, measures.order_parameter(view), label=label or view.system or None, lw=1.8)
    ax.set_ylim(-0.02, 1.05)
    finish(ax, "time", "order parameter r")
    return fig, ax


def plot_measure(
    view: Any, measure: str, *, fig: Any = None, ax: Any = None, label: str | None = None
) -> tuple[Any, Any]:
    """Any measure in time: one line, or one for each node or pair.

    Parameters
    ----------
    view : SyncView or result
        What to show.
    measure : str
        Name of a function of ``qsyncplug.measures``.
    fig, ax : matplotlib Figure and Axes, optional
        Where to draw.
    label : str, optional
        Put before the names of the lines.

    Returns
    -------
    fig, ax
    """
    function = getattr(measures, measure, None)
    if measure.startswith("_") or not callable(function):
        known = ", ".join(name for name in measures.__all__ if name[0].islower())
        raise ValueError(f"measure must be one of {known}; not {measure!r}")
    view = synchronization(view)
    values = np.asarray(function(view))
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    prefix = f"{label}, " if label else ""
    if values.ndim == 1:
        ax.plot(view.times, values, label=label, lw=1.8)
    elif values.ndim == 2:
        for j in range(values.shape[1]):
            ax.plot(
                view.times,
                values[:, j],
                color=COLOURS[(j + 1) % len(COLOURS)],
                label=f"{prefix}{j + 1}",
                lw=1.6,
            )
    else:
        pairs = [(j, k) for j in range(view.n) for k in range(j + 1, view.n)]
        for i, (j, k) in enumerate(pairs):
            ax.plot(
                view.times,
                values[:, j, k].real,
                color=COLOURS[(i + 1) % len(COLOURS)],
                label=f"{prefix}{j + 1}–{k + 1}",
                lw=1.6,
            )
    if ax.get_legend_handles_labels()[1]:
        ax.legend(frameon=False)
    finish(ax, "time", measure.replace("_", " "))
    return fig, ax


def plot_correlations(
    view: Any, index: int = -1, *, fig: Any = None, ax: Any = None
) -> tuple[Any, Any]:
    """The matrix |z_jk| at one time, with arg z_jk as colour.

    Parameters
    ----------
    view : SyncView or result
        What to show.
    index : int
        Which time.
    fig, ax : matplotlib Figure and Axes, optional
        Where to draw.

    Returns
    -------
    fig, ax
    """
    from matplotlib.colors import hsv_to_rgb

    view = synchronization(view)
    z = np.nan_to_num(view.correlations[index])
    colour = hsv_to_rgb(
        np.stack(
            [(np.angle(z) / (2 * np.pi)) % 1, np.clip(np.abs(z), 0, 1), np.ones(z.shape)], axis=-1
        )
    )
    fig, ax = figure(fig, ax, figsize=(4, 4))
    ax.imshow(colour, interpolation="nearest")
    ticks = np.arange(view.n) if view.n <= 12 else np.linspace(0, view.n - 1, 6).astype(int)
    ax.set_xticks(ticks, [str(k + 1) for k in ticks])
    ax.set_yticks(ticks, [str(k + 1) for k in ticks])
    finish(
        ax, "node k", "node j", f"z$_{{jk}}$ at t={view.times[index]:g}: saturation |z|, hue arg z"
    )
    return fig, ax
