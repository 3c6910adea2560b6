"""The figure of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..comparison import Comparison
from .inputs import check_kind
from .style import COLOURS, LINES, check_axes, check_figure, draw_series, finish, flat

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
_MEAN = ", mean of pairs"
#: differences below are rounding
_FLOOR = 1e-16
#: line of the curve that others are told apart from, in points
_BROAD = 2.8


def plot_comparison(
    comparison: Comparison,
    measures: Sequence[str] | None = None,
    *,
    fig: Figure | None = None,
    axes: Figure | Sequence[Axes] | None = None,
) -> tuple[Any, Any]:
    """Each measure in time, one panel each; the curve that the others are compared with in black,
    windows of agreement as bars along the bottom. Curves that coincide are shown as differences.

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

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> other = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.2j], run.times)
    >>> fig, axes = qsp.plot_comparison(qsp.compare({"a": run, "b": other}), ["order_parameter"])
    >>> axes[0].get_xlabel()
    'time'
    """
    check_kind("comparison", comparison, Comparison, "qsp.compare")
    if measures is None:
        measures = [m for m in _SHOWN if m in comparison.values][:6]
    unknown = [m for m in measures if m not in comparison.values]
    if unknown:
        raise ValueError(
            f"measures must be among {', '.join(comparison.values)}; not {', '.join(unknown)}"
        )
    check_figure(fig)
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
        axes = np.ravel(np.asarray(axes))
        check_axes("axes", axes)
        fig = axes[0].figure if fig is None else fig
    windows = {(row.measure, row.name): row.window for row in comparison.rows}
    shown = list(zip(axes, measures, strict=False))
    close = [_coincide(comparison, measure) for _, measure in shown]
    for (ax, measure), together in zip(shown, close, strict=True):
        if together:
            _draw_differences(ax, comparison, measure)
        else:
            _draw_values(ax, comparison, measure, windows)
    _shared_legend(fig, comparison, all(close), any(close))
    return fig, axes


def _label(comparison: Any, measure: str, framed: str = "{}") -> str:
    """The measure as an axis names it, `framed`; a mean of pairs names no pair."""
    text = str(comparison.labels[measure])
    mean = text.endswith(_MEAN)
    symbol = _SYMBOLS.get(measure, text.removesuffix(_MEAN))
    if not mean:
        return framed.format(symbol)
    pair = symbol.replace("_1", "_j").replace("_2", "_k")
    return framed.format(pair) + _MEAN.replace(", ", "\n")


def _coincide(comparison: Any, measure: str) -> bool:
    """Whether the curves would lie on each other within the width of a line."""
    values = comparison.values[measure]
    exact = values[comparison.reference]
    height = float(np.nanmax(exact) - np.nanmin(exact)) if np.any(np.isfinite(exact)) else 0.0
    scale = max(height, 0.02 * float(np.nanmax(np.abs(exact), initial=0.0)), 1e-12)
    largest = [
        float(np.nanmax(np.abs(d), initial=0.0)) for d in comparison.differences[measure].values()
    ]
    return bool(largest) and max(largest) < 5e-3 * scale


def _draw_values(ax: Any, comparison: Any, measure: str, windows: Any) -> None:
    for k, name in enumerate(comparison.names):
        times, series = comparison.times_of[measure], comparison.values[measure][name]
        draw_series(ax, times, series, k, name)
        if name == comparison.reference:
            # broader, so that it is seen below a curve that lies on it
            ax.lines[-1].set_linewidth(_BROAD)
        window = windows.get((measure, name))
        if window is not None:
            ax.axvspan(
                *window,
                ymin=0.015 * (2 * k - 1),
                ymax=0.015 * 2 * k,
                color=COLOURS[k % len(COLOURS)],
                alpha=0.5,
                lw=0,
            )
    finish(ax, "time", _label(comparison, measure))
    flat(ax)
    # room for the bars below the curves
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.03 * len(comparison.names) * (high - low), high)


def _draw_differences(ax: Any, comparison: Any, measure: str) -> None:
    """Curves that lie on each other: how far apart they are, on a logarithmic scale."""
    times = comparison.times_of[measure]
    for k, name in enumerate(comparison.names):
        if name == comparison.reference:
            continue
        difference = np.abs(comparison.differences[measure][name])
        draw_series(ax, times, np.maximum(difference, _FLOOR), k, name)
    ax.set_yscale("log")
    ax.set_ylim(_FLOOR / 2, None)
    last = comparison.values[measure][comparison.reference][-1]
    finish(ax, "time", _label(comparison, measure, "|Δ {}|"))
    ax.set_title(f"at the end: {last:.4g}", fontsize="medium")


def _legend_title(comparison: Any, every: bool, some: bool) -> str:
    """What bars and Δ are; `every` panel shows differences, or `some` do."""
    bars = f"agreement with {comparison.reference} within {100 * comparison.tolerance:g} %"
    texts = [] if every else [f"bars along the bottom: {bars}"]
    texts += [f"Δ: difference from {comparison.reference}"] if some else []
    return "; ".join(texts)


def _shared_legend(fig: Any, comparison: Any, every: bool, some: bool) -> None:
    from matplotlib.lines import Line2D

    # a curve from which all others are told apart is not drawn
    names = [n for n in comparison.names if not (every and n == comparison.reference)]
    handles = [
        Line2D(
            [],
            [],
            color=COLOURS[k % len(COLOURS)],
            ls=LINES[(k - 1) % len(LINES) if k else 0],
            lw=_BROAD if comparison.names[k] == comparison.reference else 1.7,
        )
        for k in map(comparison.names.index, names)
    ]
    fig.legend(
        handles,
        names,
        loc="outside upper center",
        ncols=len(names),
        frameon=False,
        title=_legend_title(comparison, every, some),
        title_fontsize="small",
    )
