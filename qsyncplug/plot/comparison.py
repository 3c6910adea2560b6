"""The figure of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .style import COLOURS, finish

__all__ = ["plot_comparison"]

_SHOWN = (
    "excitations_1",
    "excitations",
    "coherence",
    "order_parameter",
    "phase_rotated",
    "complete",
    "mutual_information",
)
_SYMBOLS = {
    "excitations_1": "$n_1$",
    "excitations_2": "$n_2$",
    "coherence": r"$|\langle b_1^\dagger b_2\rangle|/\sqrt{n_1n_2}$",
    "order_parameter": "order parameter $r$",
    "complete": "$S_c$",
    "complete_fluctuations": "$S_q$",
    "phase_rotated": r"$S_q^\varphi$",
    "phase": "$S_p$",
    "mutual_information": "mutual information",
    "log_negativity": "$E_N$",
}
_STYLES = ("-", "--", ":", "-.")


def plot_comparison(
    comparison: Any, measures: Sequence[str] | None = None, *, fig: Any = None, axes: Any = None
) -> tuple[Any, Any]:
    """Each measure in time, one panel each; the exact curve in black, windows of agreement as bars
    along the bottom.

    Parameters
    ----------
    comparison : Comparison
        What :func:`qsyncplug.compare` returned.
    measures : sequence of str, optional
        Keys of ``comparison.values``.
    fig, axes : matplotlib Figure and sequence of Axes, optional
        Where to draw.

    Returns
    -------
    fig, axes
    """
    if measures is None:
        measures = [m for m in _SHOWN if m in comparison.values][:6]
    unknown = [m for m in measures if m not in comparison.values]
    if unknown:
        raise ValueError(
            f"measures must be among {', '.join(comparison.values)}; not {', '.join(unknown)}"
        )
    if axes is None:
        import matplotlib.pyplot as plt

        columns = min(3, len(measures))
        rows = -(-len(measures) // columns)
        if fig is None:
            fig = plt.figure(figsize=(3.6 * columns, 2.7 * rows + 0.5), layout="constrained")
        axes = np.ravel(fig.subplots(rows, columns, sharex=True, squeeze=False))[: len(measures)]
        for extra in fig.axes[len(measures) :]:
            extra.remove()
    else:
        axes = np.ravel(axes)
        fig = axes[0].figure if fig is None else fig
    windows = {(row.measure, row.name): row.window for row in comparison.rows}
    for ax, measure in zip(axes, measures, strict=False):
        for k, name in enumerate(comparison.names):
            colour = COLOURS[k % len(COLOURS)]
            series = comparison.values[measure][name]
            ax.plot(
                comparison.times_of[measure],
                series,
                _STYLES[k % len(_STYLES)],
                color=colour,
                label=name,
                lw=1.8,
            )
            window = windows.get((measure, name))
            if window is not None:
                ax.axvspan(
                    *window,
                    ymin=0.015 * (2 * k - 1),
                    ymax=0.015 * 2 * k,
                    color=colour,
                    alpha=0.5,
                    lw=0,
                )
        finish(ax, "time", _SYMBOLS.get(measure, comparison.labels[measure]))
        # a flat line is not noise
        low, high = ax.get_ylim()
        if high - low < 1e-6:
            ax.set_ylim(low - 0.05, high + 0.05)
    handles, names = axes[0].get_legend_handles_labels()
    title = (
        f"bars along the bottom: agreement with {comparison.reference} within "
        f"{100 * comparison.tolerance:g} %"
    )
    fig.legend(
        handles,
        names,
        loc="outside upper center",
        ncols=len(names),
        frameon=False,
        title=title,
        title_fontsize="small",
    )
    return fig, axes
