"""Pictures of a view: measures in time, phases, order parameter, correlations of any family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..adapters import synchronization
from ..core.checks import check_index, check_integer, check_label
from ..core.errors import MissingFieldError
from ..core.types import Modes
from ..published.figures import PRINTED_PHASE
from ..sync import SyncView, measures
from ..sync.measures.common import equal_nodes
from ..sync.reading import Readable
from .style import (
    COLOURS,
    FADED,
    MANY,
    colour_bar,
    draw_nodes,
    draw_series,
    figure,
    finish,
    legend,
    node_ticks,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "plot_correlations",
    "plot_masses",
    "plot_measure",
    "plot_order_parameter",
    "plot_relative_phase",
    "plot_trajectories",
]

#: nodes up to which every pair is named
_MOST_NODES = 5


#: label of the order that nodes have which know nothing of each other
_NULL = "independent nodes"


@picture
def plot_order_parameter(
    view: Readable,
    *,
    modes: Modes = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
    label: str | None = None,
) -> tuple[Figure, Axes]:
    """The order parameter r in time.

    Parameters
    ----------
    label : str, optional
        For a legend.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> fig, ax = qsp.plot_order_parameter(run, label="mean field")
    >>> ax.get_ylabel()
    'order parameter r'
    """
    label = check_label("label", label)
    view = synchronization(view, modes=modes)
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    guides = [line for line in ax.lines if line.get_label() == _NULL]
    place = len(ax.lines) - len(guides) + 1
    draw_series(ax, view.times, measures.order_parameter(view), place, label)
    null = measures.RECORDS["order_parameter"].null_of(equal_nodes(view))
    if not guides and view.n > 1 and null is not None:
        ax.axhline(null, color=FADED, lw=0.8, ls="--", zorder=0, label=_NULL)
    for line in guides:  # last in the legend
        line.remove()
        ax.add_line(line)
    ax.set_ylim(-0.02, 1.05)
    finish(ax, "time", "order parameter r")
    legend(ax)
    return fig, ax


@picture
def plot_measure(
    view: Readable,
    measure: str,
    *,
    modes: Modes = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
    label: str | None = None,
) -> tuple[Figure, Axes]:
    """Any measure in time: one line, or one for each node or pair.

    Parameters
    ----------
    measure : str
        Name of a function of ``qsyncplug.measures``, or of one made with
        ``qsyncplug.measures.measure``.
    label : str, optional
        Put before the names of the lines.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> fig, ax = qsp.plot_measure(run, "coherence")
    >>> ax.get_ylabel()
    'coherence $|z|$'
    """
    label = check_label("label", label)
    if measure not in measures.RECORDS:
        known = ", ".join(sorted(measures.RECORDS))
        raise ValueError(f"measure must be one of {known}; not {measure!r}")
    record = measures.RECORDS[measure]
    view = synchronization(view, modes=modes)
    values = np.asarray(record.function(view))
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    prefix = f"{label}, " if label else ""
    if values.ndim == 1:
        draw_series(ax, view.times, values, len(ax.lines) + 1, label)
    elif values.ndim == 2:
        draw_nodes(ax, view.times, values, word=f"{prefix}node ", offset=len(ax.lines))
    elif view.n > _MOST_NODES:
        j, k = np.triu_indices(view.n, 1)
        draw_nodes(ax, view.times, values[:, j, k].real)
    else:
        pairs = [(j, k) for j in range(view.n) for k in range(j + 1, view.n)]
        before = len(ax.lines)
        for i, (j, k) in enumerate(pairs):
            name = f"{prefix}{j + 1}–{k + 1}"
            draw_series(ax, view.times, values[:, j, k].real, before + i + 1, name)
    finish(ax, "time", f"{measure.replace('_', ' ')} ${record.latex}$")
    legend(ax)
    return fig, ax


@picture
def plot_correlations(
    view: Readable,
    index: int = -1,
    *,
    modes: Modes = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """The matrix z_jk at one time: |z_jk| is the side of each square, arg z_jk its colour.

    Parameters
    ----------
    index : int
        Which time.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> fig, ax = qsp.plot_correlations(run, index=5)
    >>> ax.get_title()
    '|z$_{jk}$| by size, t = 1'
    """
    view = synchronization(view, modes=modes)
    index = check_index("index", index, len(view.times))
    z = np.nan_to_num(view.correlations[index])
    n = view.n
    fig, ax = figure(fig, ax, figsize=(4.8, 4))
    side = np.clip(np.abs(z), 0, 1)
    image = _squares(ax, side, np.angle(z))
    bar = colour_bar(fig, image, ax, "arg z$_{jk}$")
    bar.set_ticks([-np.pi, 0, np.pi], labels=["−π", "0", "π"])
    node_ticks(ax, n)
    ax.set_xlim(-0.5, n - 0.5)
    ax.set_ylim(n - 0.5, -0.5)
    ax.set_aspect("equal")
    finish(ax, "node k", "node j", f"|z$_{{jk}}$| by size, t = {view.times[index]:g}")
    return fig, ax


def _squares(ax: Any, side: np.ndarray, phase: np.ndarray) -> Any:
    """A square for each pair, full for |z|=1; a cyclic colour for its phase."""
    from matplotlib.collections import PolyCollection

    j, k = np.indices(side.shape)
    half = 0.47 * side.ravel()[:, None]
    corners = np.stack(
        [
            k.ravel()[:, None] + half * np.array([-1, 1, 1, -1]),
            j.ravel()[:, None] + half * np.array([-1, -1, 1, 1]),
        ],
        axis=-1,
    )
    squares = PolyCollection(
        list(corners), array=phase.ravel(), cmap="twilight", lw=0.5, edgecolors="0.3"
    )
    squares.set_clim(-np.pi, np.pi)
    return ax.add_collection(squares)


@picture
def plot_relative_phase(
    view: Readable, *, modes: Modes = None, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Relative phases in time, of each node against the first.

    Parameters
    ----------
    view : SyncView or result
        With correlations, or means; for the published spin chains the value that the paper prints
        is marked.

    Raises
    ------
    ValueError
        There is one node: it has no relative phase.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> fig, ax = qsp.plot_relative_phase(run)
    >>> ax.get_ylabel()
    'relative phase (rad)'
    """
    run: Any = view
    printed = hasattr(run, "relative_phase")
    if printed:
        times, phases = run.times, np.asarray(run.relative_phase)[:, None]
    else:
        seen = synchronization(view, modes=modes)
        if seen.n < 2:
            raise ValueError("a relative phase needs two nodes; the view has one")
        times = seen.times
        phases = np.unwrap(measures.coherence_phase(seen)[:, 0, 1:], axis=0)
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    if phases.shape[1] == 1:
        draw_series(ax, times, phases[:, 0], 1, None)
    else:
        draw_nodes(ax, times, phases, word="1–", offset=0, first=2)
    if printed:
        ax.axhline(PRINTED_PHASE, color=FADED, lw=0.8, ls="--", label=f"printed: {PRINTED_PHASE}")
    finish(ax, "time", "relative phase (rad)")
    legend(ax)
    return fig, ax


@picture
def plot_masses(
    view: Readable, *, modes: Modes = None, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Excitation numbers or squared norms in time, one line a node.

    Parameters
    ----------
    view : SyncView or result
        With masses, or means and covariances. For Model 2 of Schrödinger–Lohe θ_j is dotted.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> fig, ax = qsp.plot_masses(run)
    >>> ax.get_ylabel()
    'n'
    """
    seen = synchronization(view, modes=modes)
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    draw_nodes(ax, seen.times, np.asarray(seen.masses), word="node ")
    run: Any = view
    if getattr(getattr(run, "model", None), "variant", "") == "model2":
        for j, theta in enumerate(np.asarray(run.theta).T):
            ax.plot(run.times, theta, ":", color=COLOURS[(j + 1) % len(COLOURS)], lw=1)
        ax.plot([], [], ":", color=FADED, lw=1, label="θ")
    finish(ax, "time", "mass ‖ψ‖²" if hasattr(view, "theta") else "n")
    legend(ax)
    return fig, ax


@picture
def plot_trajectories(
    result: Readable,
    *,
    particles: int = 200,
    modes: Modes = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Phases in time, unwrapped.

    Parameters
    ----------
    result : result or SyncView
        Of particles with stored positions; or anything with a mean amplitude.
    particles : int
        At most so many are drawn, evenly chosen.

    Raises
    ------
    ValueError
        No positions are stored.
    MissingFieldError
        The view has no mean amplitudes, whose phases these would be; the message says which picture
        shows its phases.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0], [0.0, 30.0])
    >>> fig, ax = qsp.plot_trajectories(run)
    >>> ax.get_ylabel()
    'phase, unwrapped (rad)'
    """
    particles = check_integer("particles", particles, minimum=1, maximum=10_000)
    run: Any = result
    if modes is None and hasattr(run, "positions"):
        times, phases = run.times, run.positions
        if phases is None:
            raise ValueError("result has no positions; run with options={'store_positions': True}")
    else:
        seen = synchronization(result, modes=modes)
        # the phase x of the amplitude e^{−ix}
        times, mean = seen.times, _mean_of(seen)
        phases = np.unwrap(-np.arctan2(mean[:, 1::2], mean[:, ::2]), axis=0)
    some = min(particles, phases.shape[1])
    chosen = np.unique(np.linspace(0, phases.shape[1] - 1, some).astype(int))
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    if len(chosen) <= MANY:
        draw_nodes(ax, times, phases[:, chosen], word="node ")
        legend(ax)
    else:
        ax.plot(times, phases[:, chosen], color=COLOURS[1], lw=0.7, alpha=0.6)
    finish(ax, "time", "phase, unwrapped (rad)")
    return fig, ax


def _mean_of(view: SyncView) -> np.ndarray:
    """Mean amplitudes, or an error that names the picture of phases that needs none."""
    try:
        return view.mean
    except MissingFieldError as error:
        other = "; phases against the first node need no mean: plot_relative_phase draws them"
        raise MissingFieldError(f"{error}{other if view.n > 1 else ''}") from None
