"""Pictures of particles on the circle: positions, order parameter, criterion, animation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..adapters import synchronization
from ..circle.interactions import Interaction
from ..core.checks import check_array, check_flag, check_index, check_integer, check_label
from ..core.types import Modes
from ..sync import measures
from ..sync.reading import Readable
from .inputs import NEED_MODES, check_kind, is_state
from .style import COLOURS, FADED, MATRIX, colour_bar, draw_series, figure, finish, legend, picture

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from ..circle.certificate import AttentionCertificate

__all__ = [
    "anim_circle",
    "plot_circle",
    "plot_circle_order",
    "plot_criterion",
    "plot_interaction",
]

_MANY = 400
#: particles closer than this (rad) are one disc
_TOGETHER = 1e-3


def _unit_circle(ax: Any) -> None:
    angle = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(angle), np.sin(angle), color="0.8", lw=1, zorder=0)
    ax.set_aspect("equal")
    ax.set_xlim(-1.5, 1.5)
    ax.set_ylim(-1.5, 1.5)
    ax.set_axis_off()


def _density(ax: Any, x: np.ndarray, weights: np.ndarray) -> Any:
    """Share of the weight in each of 180 arcs, drawn outwards; the whole drawing is at most 0.25
    high.
    """
    from matplotlib.collections import PolyCollection

    share, edges = np.histogram(
        np.mod(x, 2 * np.pi), bins=180, range=(0, 2 * np.pi), weights=weights
    )
    height = 1.02 + 0.25 * share / max(float(np.max(share)), 1e-300)
    corners = np.stack(
        [
            np.stack([np.cos(edges[:-1]), np.sin(edges[:-1])], axis=-1) * 1.02,
            np.stack([np.cos(edges[1:]), np.sin(edges[1:])], axis=-1) * 1.02,
            np.stack([np.cos(edges[1:]), np.sin(edges[1:])], axis=-1) * height[:, None],
            np.stack([np.cos(edges[:-1]), np.sin(edges[:-1])], axis=-1) * height[:, None],
        ],
        axis=1,
    )
    return ax.add_collection(PolyCollection(list(corners), color=COLOURS[1], lw=0))


@picture
def plot_circle(
    x: Readable,
    *,
    index: int = -1,
    weights: ArrayLike | None = None,
    colours: ArrayLike | None = None,
    modes: Modes = None,
    label: str | None = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Particles on the circle, with their mean field as an arrow.

    Particles that lie on each other become one disc whose area is their share of the weight; a few
    such clusters are labelled with it.

    Parameters
    ----------
    x : (n,) array_like, result, state or SyncView
        Angles; of a run those at one time. Above 400 different places the share in each of 180 arcs
        is drawn instead.
    index : int
        Which time of a run.
    weights : (n,) array_like, optional
        Of the particles; a run brings its own.
    colours : (n,) array_like, optional
        Numbers that colour the particles, such as frequencies.
    label : str, optional
        Title; of a run the time by default.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0], [0.0, 30.0])
    >>> fig, ax = qsp.plot_circle(run)
    >>> ax.get_title()
    't = 30'
    """
    if modes is not None:
        x = synchronization(x, modes=modes)
    x, weights, label = _places(x, index, weights, check_label("label", label))
    if x.size == 0:
        raise ValueError("x must hold at least one position, not none")
    c = np.ones(x.size) if weights is None else check_array("weights", weights, shape=(x.size,))
    fig, ax = figure(fig, ax, figsize=(3.6, 3.6))
    _unit_circle(ax)
    if colours is not None:
        paint = check_array("colours", colours, shape=(x.size,))
        area = 40 * c / np.max(c) if np.max(c) > 0 else 40
        image = ax.scatter(
            np.cos(x), np.sin(x), s=area, alpha=0.75, lw=0, zorder=3, c=paint, cmap=MATRIX
        )
        colour_bar(fig, image, ax, "colours")
    else:
        _discs(ax, x, c)
    z = np.sum(c * np.exp(1j * x)) / np.sum(c)
    ax.annotate(
        "",
        (z.real, z.imag),
        (0, 0),
        arrowprops={"arrowstyle": "-|>", "color": COLOURS[2], "lw": 1.6},
    )
    ax.text(0, -1.4, f"r = {abs(z):.3f}", ha="center", va="bottom", color=COLOURS[2])
    if label:
        ax.set_title(label, fontsize="medium")
    return fig, ax


def _places(x: Any, index: int, weights: Any, label: str | None) -> tuple[np.ndarray, Any, Any]:
    """Angles, weights and title of an array, a run or a view."""
    if is_state(x):
        raise TypeError(f"x holds QuTiP states: {NEED_MODES}")
    if not hasattr(x, "times"):
        return check_array("x", x, shape=(None,)), weights, label
    index = check_index("index", index, len(x.times))
    label = f"t = {x.times[index]:g}" if label is None else label
    if getattr(x, "positions", None) is not None:
        own = getattr(x, "weights", None)
        return np.asarray(x.positions[index]), own if weights is None else weights, label
    mean = synchronization(x).mean[index]
    return -np.arctan2(mean[1::2], mean[::2]), weights, label


def _discs(ax: Any, x: np.ndarray, c: np.ndarray) -> None:
    """One disc for every place, arcs where there are too many places."""
    turn = np.mod(x, 2 * np.pi)
    order = np.argsort(turn)
    gaps = np.diff(turn[order], append=turn[order[0]] + 2 * np.pi)
    group = np.zeros(x.size, dtype=int)
    group[order] = np.concatenate([[0], np.cumsum(gaps[:-1] > _TOGETHER)])
    if gaps[-1] <= _TOGETHER and x.size > 1:
        group[group == group.max()] = 0  # the last touches the first
    count = int(group.max()) + 1
    if count > _MANY:
        _density(ax, x, c)
        return
    share = np.bincount(group, c) / np.sum(c)
    z = np.bincount(group, c * np.cos(x)) + 1j * np.bincount(group, c * np.sin(x))
    z = np.exp(1j * np.angle(z))
    area = np.maximum(900 * share, 8.0) if count <= 12 else np.maximum(900 * share, 14.0)
    ax.scatter(z.real, z.imag, s=area, color=COLOURS[1], alpha=0.75, lw=0, zorder=3)
    if count <= 6 < x.size:
        for place, part in zip(z, share, strict=True):
            ax.text(
                1.3 * place.real,
                1.3 * place.imag,
                f"{100 * part:.3g} %",
                ha="center",
                va="center",
                fontsize="small",
            )


@picture
def plot_circle_order(
    results: Readable | Mapping[str, Readable],
    *,
    modes: Modes = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """The order parameter r in time, for one or several runs.

    Parameters
    ----------
    results : result, SyncView or mapping of str to these
        What to show.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0], [0.0, 30.0])
    >>> fig, ax = qsp.plot_circle_order({"two oscillators": run})
    >>> ax.get_ylabel()
    'order parameter r'
    """
    runs = results if isinstance(results, dict) else {"": results}
    if not runs:
        raise ValueError("results must name at least one run, not none")
    runs = {str(name): synchronization(run, modes=modes) for name, run in runs.items()}
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    for k, (name, run) in enumerate(runs.items()):
        draw_series(ax, run.times, measures.order_parameter(run), k + 1, name or None)
    ax.set_ylim(-0.02, 1.05)
    finish(ax, "time", "order parameter r")
    legend(ax)
    return fig, ax


@picture
def plot_criterion(
    beta: ArrayLike | None = None,
    *,
    certificate: AttentionCertificate | None = None,
    both: bool = True,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """The synchronisation ratio of the attention against β, as in PRY's Fig. 1.

    Parameters
    ----------
    beta : (m,) array_like, optional
        Values of β; −0.5 … 5 by default.
    certificate : AttentionCertificate, optional
        Its proved interval is shaded.
    both : bool
        Show M=2π besides M=π.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> fig, ax = qsp.plot_criterion(np.linspace(0, 2, 5))
    >>> ax.get_ylabel()
    'synchronisation ratio'
    """
    from ..circle.certificate import AttentionCertificate
    from ..circle.criterion import attention_threshold, synchronization_criterion
    from ..circle.interactions import attention

    beta = np.linspace(-0.5, 5.0, 441) if beta is None else check_array("beta", beta, shape=(None,))
    fig, ax = figure(fig, ax, figsize=(5.4, 3.4))
    bounds = ((np.pi, "M = π", COLOURS[1]), (2 * np.pi, "M = 2π", COLOURS[5]))
    for gap, name, colour in bounds if check_flag("both", both) else bounds[:1]:
        ratio = [synchronization_criterion(attention(float(b)), gap).ratio for b in beta]
        ax.plot(beta, ratio, color=colour, lw=1.8, label=name)
        threshold = attention_threshold(gap)
        if beta.min() <= threshold <= beta.max():
            ax.plot(threshold, 1, "o", color=colour, ms=5)
            ax.annotate(
                f"β = {threshold:.5f}".replace("-", "−"),
                (threshold, 1),
                xytext=(12, -12 if gap < 4 else -26),
                textcoords="offset points",
                fontsize=8,
                color=colour,
                va="center",
            )
    ax.axhline(1, color=FADED, lw=0.8, ls="--")
    if certificate is not None:
        check_kind("certificate", certificate, AttentionCertificate, "certify_attention")
        for k, (low, high) in enumerate(certificate.intervals):
            ax.axvspan(
                max(low, beta.min()),
                min(high, beta.max()),
                color=COLOURS[3],
                alpha=0.12,
                lw=0,
                label=None if k else "proved",
            )
    ax.set_xlim(beta.min(), beta.max())
    ax.set_ylim(0, None)
    legend(ax)
    finish(ax, "β", "synchronisation ratio")
    return fig, ax


@picture
def plot_interaction(
    interaction: Interaction | Callable[..., Any],
    *,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """An interaction and its slope on the circle, with τ, beyond which all slopes are negative,
    as in PRY's Fig. 2.

    Parameters
    ----------
    interaction : Interaction or callable
        F, odd.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> fig, ax = qsp.plot_interaction(qsp.attention(2.0))
    >>> [line.get_label() for line in ax.lines][2]
    'τ = 0.6749'
    """
    from ..circle.callables import interaction as as_interaction
    from ..circle.criterion import synchronization_criterion

    f = as_interaction(interaction)
    fig, ax = figure(fig, ax, figsize=(5.4, 3.4))
    x = np.linspace(-np.pi, np.pi, 721)
    scale = np.exp(f.log_scale)
    ax.plot(x, scale * f.f(x), color=COLOURS[2], lw=1.8, label="f")
    ax.plot(x, scale * f.df(x), color=COLOURS[1], lw=1.8, label="f′")
    tau = synchronization_criterion(f).tau
    ax.plot([tau], [0.0], "o", color=COLOURS[5], ms=5, label=f"τ = {tau:.4f}")
    ax.axhline(0, color=FADED, lw=0.8)
    ax.set_xlim(-np.pi, np.pi)
    legend(ax)
    finish(ax, "x", "interaction, slope")
    return fig, ax


@picture
def anim_circle(
    result: Readable,
    *,
    frames: int = 100,
    interval: int = 50,
    modes: Modes = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, FuncAnimation]:
    """Animation of the particles on the circle.

    Parameters
    ----------
    result : result, SyncView or list of states
        Of particles with stored positions, at most 400 of which are drawn; or anything with mean
        amplitudes, whose phases are drawn.
    frames : int
        Number of frames, evenly chosen from the output times.
    interval : int
        Milliseconds between them.

    Returns
    -------
    fig, animation
        Keep a reference to the animation; ``animation.save("run.gif", writer="pillow")`` writes it.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> run = qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0, 4.0], [0.0, 1.0, 2.0])
    >>> fig, animation = qsp.anim_circle(run)
    >>> animation.save("circle.gif", writer="pillow")
    """
    from matplotlib.animation import FuncAnimation

    frames = check_integer("frames", frames, minimum=1)
    interval = check_integer("interval", interval, minimum=1)
    times, x, order = _motion(result, modes)
    fig, ax = figure(fig, ax, figsize=(3.6, 3.6))
    _unit_circle(ax)
    chosen = np.unique(np.linspace(0, x.shape[1] - 1, _MANY).astype(int))
    steps = np.unique(np.linspace(0, len(times) - 1, min(frames, len(times))).astype(int))
    points = ax.scatter(
        np.cos(x[0, chosen]),
        np.sin(x[0, chosen]),
        s=30,
        color=COLOURS[1],
        alpha=0.75,
        lw=0,
        zorder=3,
    )
    (arrow,) = ax.plot([], [], color=COLOURS[2], lw=1.8, zorder=2)
    text = ax.text(0, -1.4, "", ha="center", va="bottom")

    def draw(k: int) -> tuple[Any, ...]:
        angles = x[k, chosen]
        points.set_offsets(np.column_stack([np.cos(angles), np.sin(angles)]))
        z = order[k]
        arrow.set_data([0, z.real], [0, z.imag])
        text.set_text(f"t = {times[k]:.3g},  r = {abs(z):.3f}")
        return points, arrow, text

    draw(0)
    return fig, FuncAnimation(fig, draw, frames=list(steps), interval=interval, blit=False)


def _motion(result: Any, modes: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, angles (T, n) and mean field of every time."""
    if modes is None and hasattr(result, "positions") and hasattr(result, "daido"):
        if result.positions is None:
            raise ValueError("result has no positions; run with options={'store_positions': True}")
        return result.times, result.positions, result.daido[:, 0]
    view = synchronization(result, modes=modes)
    # the phase x of the amplitude e^{−ix}
    x = -np.arctan2(view.mean[:, 1::2], view.mean[:, ::2])
    return view.times, x, np.mean(np.exp(1j * x), axis=1)
