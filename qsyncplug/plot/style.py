"""One visual language: colours, line styles, legends, labels, and the (fig, ax) convention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.documented import documented

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "DENSITY",
    "DIVERGING",
    "FADED",
    "LINES",
    "MANY",
    "MATRIX",
    "check_axes",
    "check_figure",
    "colour_bar",
    "draw_nodes",
    "draw_series",
    "figure",
    "finish",
    "flat",
    "legend",
    "node_ticks",
    "picture",
]

#: one colour an entry, readable in print and by colour-blind eyes (Okabe and Ito); black is exact
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
#: entries that lie on each other are told apart by the dashes, not only by the colour
LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 3)))
#: guides and null values
FADED = "0.55"
#: colour maps: moduli from 0, quantities with a sign, densities
MATRIX, DIVERGING, DENSITY = "viridis", "RdBu_r", "magma"
#: up to so many nodes each has a name and a colour
MANY = 8


#: decorator of what draws: tells what every picture takes and returns
picture = documented(
    parameters={
        "view": "view : SyncView or result\n    What to show.",
        "modes": "modes : sequence of Qobj or Expression, optional\n"
        "    For QuTiP results and states: the lowering operator of each node.",
        "ax": "fig, ax : matplotlib Figure and Axes, optional\n    Where to draw.",
    },
    sections={"Returns": "fig, ax"},
)


def figure(fig: Any, ax: Any, *, figsize: tuple[float, float] | None = None) -> tuple[Figure, Axes]:
    """`fig` and `ax` as given, or new ones."""
    from matplotlib.axes import Axes

    check_figure(fig)
    if ax is not None:
        if not isinstance(ax, Axes):
            raise TypeError(f"ax must be matplotlib Axes, not {type(ax).__name__}")
        given: Any = ax.figure if fig is None else fig
        return given, ax
    import matplotlib.pyplot as plt

    if fig is None:
        fig, ax = plt.subplots(layout="constrained", figsize=figsize)
        return fig, ax
    return fig, fig.add_subplot()


def check_axes(name: str, axes: np.ndarray) -> None:
    """Refuse an array of anything but axes."""
    from matplotlib.axes import Axes

    if not all(isinstance(ax, Axes) for ax in axes.flat):
        raise TypeError(f"{name} must hold matplotlib Axes, not {axes.flat[0]!r:.40}")


def check_figure(fig: Any) -> None:
    """Refuse what is neither None nor a figure, or a part of one, to draw in."""
    from matplotlib.figure import FigureBase

    if fig is not None and not isinstance(fig, FigureBase):
        raise TypeError(f"fig must be a matplotlib Figure, not {type(fig).__name__}")


def finish(ax: Axes, xlabel: str, ylabel: str, title: str | None = None) -> None:
    """Labels and a light frame."""
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title:
        ax.set_title(title, fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)


def legend(ax: Axes, title: str | None = None, *, above: bool = False) -> None:
    """The legend beside the curves, or above a picture with a colour bar, where it covers none."""
    if not ax.get_legend_handles_labels()[1]:
        return
    place: Any = ("lower left", (0.0, 1.0)) if above else ("upper left", (1.0, 1.02))
    ax.legend(
        frameon=False,
        loc=place[0],
        bbox_to_anchor=place[1],
        borderaxespad=0.2,
        fontsize="small",
        title=title,
        title_fontsize="small",
        ncols=2 if above else 1,
    )


def draw_nodes(
    ax: Axes,
    times: np.ndarray,
    values: np.ndarray,
    *,
    word: str = "",
    offset: int = 0,
    first: int = 1,
) -> None:
    """One line a node (or pair): named and dashed up to eight, a veil of thin lines beyond.

    Parameters
    ----------
    ax : Axes
    times : ndarray of shape (T,)
    values : ndarray of shape (T, N)
    word : str
        Before the number of the node in the legend; nodes are counted from 1.
    offset : int
        Of the first colour.
    first : int
        Number of the first node.
    """
    count = values.shape[1]
    if count > MANY:
        alpha = max(0.08, min(0.6, 30.0 / count))
        ax.plot(times, values, color=COLOURS[1], lw=0.7, alpha=alpha)
        ax.plot(times, np.mean(values, axis=1), color=COLOURS[0], lw=1.6, label="mean of nodes")
        return
    for j in range(count):
        draw_series(ax, times, values[:, j], j + offset + 1, f"{word}{j + first}")
    flat(ax)


def flat(ax: Axes) -> None:
    """Limits that show a constant as one: rounding is not drawn as noise."""
    low, high = ax.get_ylim()
    size = max(abs(low), abs(high))
    if high - low < 1e-6 * max(size, 1e-3):
        pad = 0.05 * max(size, 1e-3)
        ax.set_ylim(low - pad, high + pad)


def draw_series(ax: Axes, times: Any, values: Any, place: int, label: str | None) -> None:
    """A line with the colour and the dashes of its place: 0 is exact, black and whole."""
    ax.plot(
        times,
        values,
        color=COLOURS[place % len(COLOURS)],
        ls=LINES[(place - 1) % len(LINES) if place else 0],
        lw=1.7,
        label=label,
    )


def node_ticks(ax: Axes, count: int) -> None:
    """Numbers of nodes, counted from 1, along both axes."""
    ticks = np.arange(count) if count <= 12 else np.linspace(0, count - 1, 6).astype(int)
    names = [str(k + 1) for k in ticks]
    ax.set_xticks(ticks, names)
    ax.set_yticks(ticks, names)


def colour_bar(fig: Figure, image: Any, ax: Any, label: str) -> Any:
    """A colour bar with its label."""
    return fig.colorbar(image, ax=ax, label=label, shrink=0.9, pad=0.02)
