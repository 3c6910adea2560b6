"""Pictures of hydrodynamic fields: (fig, ax) in, (fig, ax) out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import qutip

from ..core.checks import check_index
from ..core.grid import Grid
from ..core.saved import Saved
from ..lohe import SchrodingerLoheResult
from ..wigner import Hydrodynamics, PairHydrodynamics, WignerLoheResult, hydrodynamics
from .style import COLOURS, check_figure, finish, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["plot_hydrodynamics"]


@picture
def plot_hydrodynamics(
    fields: Hydrodynamics | SchrodingerLoheResult | WignerLoheResult | ArrayLike,
    grid: Grid | None = None,
    *,
    index: int = -1,
    oscillator: int = 0,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, np.ndarray]:
    """Density, current, velocity and quantum potential of one state.

    Parameters
    ----------
    fields : Hydrodynamics, SchrodingerLoheResult, WignerLoheResult or array
        Of one state in one or two dimensions; or a run, of which one oscillator is drawn at one
        time; or a wave function of shape ``grid.shape``.
    grid : Grid, optional
        Of a wave function.
    index : int
        Which time of a run; the last unless given.
    oscillator : int
        Which oscillator of a run, from 0.
    fig : matplotlib Figure, optional
        Where to draw.
    ax : sequence of four (one dimension) or two (two dimensions) matplotlib Axes, optional

    Returns
    -------
    fig : matplotlib Figure
    ax : ndarray of matplotlib Axes
        In one dimension ρ; J; v; and −½Δ√ρ/√ρ. In two dimensions ρ with arrows of J; and −½Δ√ρ/√ρ
        with arrows of v, the longest tenth cut to one length. Nodes, where there is no velocity,
        are left blank.

    Raises
    ------
    TypeError, ValueError
        There is no wave function to draw; the message says what would do.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> fig, axes = qsp.plot_hydrodynamics(grid.gaussian(0.0, 1.0), grid)
    >>> len(axes)
    4

    The second oscillator of a run at its first time:

    >>> model = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    >>> run = qsp.wlsolve(model, [grid.gaussian(1.0), grid.gaussian(-0.5)], [0.0, 1.0])
    >>> fig, axes = qsp.plot_hydrodynamics(run, index=0, oscillator=1)
    >>> axes[0].get_title()
    'oscillator 2, t=0'
    """
    drawn, title = _fields_of(fields, grid, index, oscillator)
    d = drawn.grid.ndim
    if d > 2 or drawn.psi.ndim != d:
        raise ValueError(
            "plot_hydrodynamics needs the fields of one state in one or two dimensions: take "
            "one of several, such as qsp.hydrodynamics(psi[0], grid)"
        )
    count = 4 if d == 1 else 2
    if ax is None:
        fig, ax = _panels(fig, d)
    ax = np.asarray(ax).ravel()
    if ax.size != count:
        raise ValueError(f"ax must hold {count} axes, not {ax.size}")
    fig = ax[0].figure if fig is None else fig
    # quotients are drawn where there is something to carry them
    shown = drawn.density > 1e-6 * np.max(drawn.density)
    (_on_a_line if d == 1 else _in_the_plane)(drawn, shown, fig, ax)
    if title:
        ax[0].set_title(title, fontsize="medium")
    return fig, ax


def _fields_of(x: Any, grid: Any, index: Any, oscillator: Any) -> tuple[Hydrodynamics, str]:
    """The fields to draw, and of which oscillator of a run they are."""
    if isinstance(x, (Hydrodynamics, SchrodingerLoheResult, WignerLoheResult)):
        if grid is not None:
            raise TypeError(f"grid must be left out: a {type(x).__name__} has its own")
        return (x, "") if isinstance(x, Hydrodynamics) else _fields_of_run(x, index, oscillator)
    if grid is None or hasattr(x, "times") or isinstance(x, (Saved, qutip.Qobj)):
        raise TypeError(
            "fields must be a Hydrodynamics (from qsp.hydrodynamics), the result of slsolve or "
            "wlsolve on a grid, or a wave function with its Grid as second argument; not "
            f"{type(x).__name__}"
            + (
                ", which is one state no more: take its .first, .second or .difference"
                if isinstance(x, PairHydrodynamics)
                else ""
            )
        )
    return hydrodynamics(x, grid), ""


def _fields_of_run(run: Any, index: Any, oscillator: Any) -> tuple[Hydrodynamics, str]:
    """The fields of one oscillator of a run at one time."""
    if run.model.grid is None:
        raise ValueError("fields must be of a run on a grid; the states of this one are kets")
    index = check_index("index", index, len(run.times))
    oscillator = check_index("oscillator", oscillator, run.n) % run.n
    states = run.psi(index) if isinstance(run, WignerLoheResult) else run.state(index)
    title = f"oscillator {oscillator + 1}, t={run.times[index]:g}"
    return hydrodynamics(states[oscillator], run.model.grid), title


def _panels(fig: Any, d: int) -> tuple[Any, Any]:
    """Axes below each other in one dimension, beside each other in two."""
    import matplotlib.pyplot as plt

    check_figure(fig)
    if fig is None:
        fig = plt.figure(figsize=(5, 7) if d == 1 else (9, 3.8), layout="constrained")
    if d == 1:
        return fig, fig.subplots(4, 1, sharex=True)
    return fig, fig.subplots(1, 2, sharex=True, sharey=True)


def _on_a_line(fields: Any, shown: np.ndarray, fig: Any, ax: Any) -> None:
    """Density, current, velocity and quantum potential below each other."""
    x = fields.grid.axes[0]
    potential = np.ma.masked_where(~shown, fields.quantum_potential)
    velocity = np.ma.masked_where(~shown, fields.velocity_field[0])
    panels = (
        (fields.density, "density ρ", 0),
        (fields.current[0], "current J", 1),
        (velocity, "velocity J/ρ", 2),
        (potential, "−½Δ√ρ/√ρ", 3),
    )
    for a, (values, label, colour) in zip(ax, panels, strict=True):
        a.plot(x, values, color=COLOURS[colour], lw=1.4)
        a.axhline(0, color="0.8", lw=0.6, zorder=0)
        finish(a, "", label)
    inside = x[shown]
    pad = 0.05 * (inside[-1] - inside[0])
    ax[0].set_xlim(inside[0] - pad, inside[-1] + pad)
    for a, values in zip(ax[2:], (velocity, potential), strict=True):
        _robust(a, values)
    ax[-1].set_xlabel("x")


def _in_the_plane(fields: Any, shown: np.ndarray, fig: Any, ax: Any) -> None:
    """Density with arrows of the current, quantum potential with arrows of the velocity."""
    x, y = fields.grid.axes
    potential = np.ma.masked_where(~shown, fields.quantum_potential)
    limit = float(np.percentile(np.abs(np.ma.compressed(potential)), 98)) or 1.0
    around = {"cmap": "RdBu", "vmin": -limit, "vmax": limit}
    for a, image, vectors, label, kw, colour in (
        (ax[0], fields.density, fields.current, "ρ, arrows J", {"cmap": "magma"}, "white"),
        (ax[1], potential, fields.velocity_field, "−½Δ√ρ/√ρ, arrows v", around, "black"),
    ):
        mesh = a.pcolormesh(x, y, image.T, shading="nearest", rasterized=True, **kw)
        fig.colorbar(mesh, ax=a, label=label)
        _arrows(a, fields.grid, vectors, shown, colour)
        rows, columns = np.nonzero(shown.any(axis=1))[0], np.nonzero(shown.any(axis=0))[0]
        a.set_xlim(x[rows[0]], x[rows[-1]])
        a.set_ylim(y[columns[0]], y[columns[-1]])
        finish(a, "x", "y" if a is ax[0] else "")


def _arrows(ax: Any, grid: Any, vectors: Any, shown: np.ndarray, colour: str) -> None:
    """At about twenty places along each axis."""
    first, second = (slice(None, None, max(1, n // 20)) for n in grid.shape)
    u, v = (np.ma.masked_where(~shown, np.ma.asarray(c))[first, second].T for c in vectors)
    # near a vortex the velocity is without bound: arrows longer than most are cut
    length = np.ma.hypot(u, v)
    cap = float(np.percentile(np.ma.compressed(length), 90)) or 1.0
    cut = cap / np.ma.maximum(length, cap)
    x, y = grid.axes
    ax.quiver(x[first], y[second], u * cut, v * cut, color=colour, pivot="mid")


def _robust(ax: Any, values: Any) -> None:
    """Limits that show the bulk where a node sends the quotient to infinity."""
    finite = np.ma.compressed(values)
    low, high = np.percentile(finite, [2, 98])
    pad = 0.15 * max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-3)
    ax.set_ylim(low - pad, high + pad)
