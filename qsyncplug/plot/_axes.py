"""The (fig, ax) convention, once."""

from __future__ import annotations

from typing import Any

#: one colour an entry, readable in print and by colour-blind eyes (Okabe and Ito)
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def figure(fig: Any, ax: Any, **kw: Any) -> tuple[Any, Any]:
    """`fig` and `ax` as given, or new ones."""
    if ax is not None:
        return ax.figure if fig is None else fig, ax
    import matplotlib.pyplot as plt

    if fig is None:
        fig, ax = plt.subplots(layout="constrained", **kw)
        return fig, ax
    return fig, fig.add_subplot()


def finish(ax: Any, xlabel: str, ylabel: str, title: str | None = None) -> None:
    """Labels and a light frame."""
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title:
        ax.set_title(title)
    ax.spines[["top", "right"]].set_visible(False)
