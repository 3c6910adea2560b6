"""Pictures of coalescences: the merge tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.checks import check_integer
from .style import COLOURS, figure, finish, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..circle.tree import CoalesceResult

__all__ = ["plot_dendrogram"]


@picture
def plot_dendrogram(
    run: CoalesceResult, *, clusters: int = 60, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """The merge tree of a coalescence: which clusters met, and when (logarithmic time, upwards).

    Parameters
    ----------
    run : CoalesceResult
        A complete run.
    clusters : int
        The tree is drawn from where so many clusters are left; what merged before is a leaf, with a
        width that shows its share of the particles.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> tree = qsp.coalesce(qsp.Circle(qsp.sine(), "mean"), [0.0, 0.1, 2.0])
    >>> fig, ax = qsp.plot_dendrogram(tree)
    >>> ax.get_ylabel()
    'log₁₀ time'
    """
    clusters = check_integer("clusters", clusters, minimum=1)
    if not hasattr(run, "merge_log_times"):
        raise TypeError(
            f"run must be the result of coalesce, a CoalesceResult, not {type(run).__name__}"
        )
    if not run.complete:
        raise ValueError(
            "run must have ended in one particle; plot the partial tree's cluster_counts instead"
        )
    n = run.n
    shown = min(clusters, n)
    first = n - shown  # merges before this one are inside the leaves
    fig, ax = figure(fig, ax, figsize=(6.4, 3.8))
    rank = np.empty(n)
    rank[run.leaf_order] = np.arange(n)
    position, height = _tree_layout(run, rank, first)
    finite = run.merge_log_times[first:]
    finite = finite[np.isfinite(finite)]
    scale = np.log(10.0)
    bottom = (finite.min() if finite.size else 0.0) / scale
    top = (finite.max() if finite.size else 1.0) / scale
    floor = bottom - 0.06 * max(top - bottom, 1.0)

    def level(node: int) -> float:
        return float(floor if node < n + first else max(height[node] / scale, floor))

    lines = []
    for k in range(first, n - 1):
        a, b = int(run.left[k]), int(run.right[k])
        y = level(n + k)
        lines += [
            [(position[a], level(a)), (position[a], y), (position[b], y), (position[b], level(b))]
        ]
    from matplotlib.collections import LineCollection

    ax.add_collection(LineCollection(lines, colors=COLOURS[1], lw=1.2))
    sizes, centres = _leaves(run, position, first)
    ax.bar(
        centres,
        0.03 * (top - floor),
        width=0.8 * sizes,
        bottom=floor,
        color=COLOURS[2],
        lw=0,
        align="center",
    )
    ax.set_xlim(
        -0.5 - 0.02 * n, n - 0.5 + 0.02 * n
    )  # a bar reaches half a particle beyond its leaf
    ax.set_ylim(floor, top + 0.05 * max(top - floor, 1e-3))
    finish(ax, "particles, in order around the circle", "log₁₀ time")
    return fig, ax


def _tree_layout(
    run: Any, rank: np.ndarray, first: int
) -> tuple[dict[int, float], dict[int, float]]:
    """Horizontal position and height of every node that is drawn."""
    n = run.n
    total = np.concatenate([rank, np.zeros(n - 1)])
    size = np.concatenate([np.ones(n), run.sizes])
    for k in range(n - 1):
        total[n + k] = total[run.left[k]] + total[run.right[k]]
    position: dict[int, float] = {}
    height: dict[int, float] = {}
    for k in range(first, n - 1):
        for node in (int(run.left[k]), int(run.right[k])):
            if node < n + first:
                position[node] = float(total[node] / size[node])
        # over the middle of its two branches
        position[n + k] = (position[int(run.left[k])] + position[int(run.right[k])]) / 2
        height[n + k] = float(run.merge_log_times[k])
    if not position:
        position[n + first - 1 if n > 1 else 0] = float(np.mean(rank))
    return position, height


def _leaves(run: Any, position: dict[int, float], first: int) -> tuple[np.ndarray, np.ndarray]:
    n = run.n
    nodes = [node for node in position if node < n + first]
    sizes = np.array([1.0 if node < n else float(run.sizes[node - n]) for node in nodes])
    return sizes, np.array([position[node] for node in nodes])
