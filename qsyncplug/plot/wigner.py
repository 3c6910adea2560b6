"""Pictures of Wigner functions: (fig, ax) in, (fig, ax) out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import qutip

from ..core.checks import (
    check_choice,
    check_flag,
    check_index,
    check_integer,
    check_number,
    check_sequence,
)
from ..core.grid import Grid
from ..sync.reading import Readable
from ..wigner import WignerLoheResult
from ..wigner.phase_space import PhaseSpace, as_phase_space
from .inputs import check_kind, is_state, last_state
from .style import check_axes, check_figure, figure, finish, picture

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

__all__ = [
    "anim_wigner_function",
    "plot_wigner_function",
    "plot_wigner_matrix",
]


def _colours(cmap: Any) -> Any:
    """QuTiP's choice: RdBu, or a colour map for all eyes where its settings ask for one."""
    if cmap is not None:
        from matplotlib.colors import Colormap

        if not isinstance(cmap, (str, Colormap)):
            raise TypeError(
                f"cmap must be a name or a Colormap of matplotlib, not {type(cmap).__name__}"
            )
        return cmap
    return "seismic" if qutip.settings.colorblind_safe else "RdBu"


def _window(w: np.ndarray, space: Any, level: float = 1e-3) -> tuple[slice, slice]:
    """Where |w| is above `level` of its largest value, and a little around."""
    big = np.abs(w) > level * max(float(np.max(np.abs(w))), 1e-300)
    out = []
    for axis in (0, 1):
        hit = np.nonzero(big.any(axis=1 - axis))[0]
        n = w.shape[axis]
        low, high = (int(hit[0]), int(hit[-1])) if hit.size else (0, n - 1)
        pad = max(2, (high - low) // 10)
        out.append(slice(max(0, low - pad), min(n, high + pad + 1)))
    return out[0], out[1]


def _check_run(result: Any) -> None:
    """Anything that forms Wigner functions on a phase space may be drawn."""
    if not (hasattr(result, "phase_space") and hasattr(result, "wigner")):
        check_kind("result", result, WignerLoheResult, "wlsolve")


def _check_line(space: Any, what: str) -> None:
    if space.ndim != 1:
        raise ValueError(
            f"{what} needs a phase space of one dimension, not {space.ndim}; plot a slice or a "
            "marginal"
        )


def _common(windows: Sequence[tuple[slice, slice]]) -> tuple[slice, slice]:
    """The smallest window that all of them lie in."""
    a, b = (
        slice(min(w[k].start for w in windows), max(w[k].stop for w in windows)) for k in (0, 1)
    )
    return a, b


def _draw(
    ax: Any, w: np.ndarray, space: Any, window: tuple[slice, slice], limit: float, cmap: Any
) -> Any:
    a, b = window
    limit = limit if limit > 0 else 1.0
    return ax.pcolormesh(
        space.x[a],
        space.p[b],
        w[a, b].T,
        shading="gouraud",
        cmap=cmap,
        vmin=-limit,
        vmax=limit,
        rasterized=True,
    )


def _part(w: np.ndarray, part: str) -> np.ndarray:
    check_choice("part", part, ("real", "imag", "abs"))
    return np.abs(w) if part == "abs" else np.asarray(getattr(w, part))


@picture
def plot_wigner_function(
    w: Readable,
    space: PhaseSpace | Grid | None = None,
    *,
    mode: int = 0,
    part: str = "real",
    cmap: str | Colormap | None = None,
    colorbar: bool = True,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """One Wigner function over (x, p), on a scale that is symmetric about 0.

    Parameters
    ----------
    w : array of shape ``space.shape``, Qobj, result or SyncView
        An array of one dimension, see :func:`qsyncplug.wigner_transform`; or a state of boson
        modes; or a list of states or a run with states (QuTiP's too), of which the last is drawn;
        or a Wigner–Lohe run, of which w_jj is drawn at the last time.
    space : PhaseSpace or Grid
        Of an array. A state chooses its own window.
    mode : int
        Which mode of a state, or oscillator j of a Wigner–Lohe run, from 0.
    part : {"real", "imag", "abs"}
        What to draw of a complex function.
    cmap : colour map, optional
        QuTiP's (RdBu, or seismic with ``qutip.settings.colorblind_safe``) unless given.
    colorbar : bool

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import qutip
    >>> fig, ax = qsp.plot_wigner_function(qutip.coherent(15, 1.0))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x', 'p')
    """
    colorbar, cmap = check_flag("colorbar", colorbar), _colours(cmap)
    if isinstance(w, WignerLoheResult):
        if space is not None:
            raise TypeError("space must be left out: a WignerLoheResult has its own")
        run, mode = w, check_index("mode", mode, w.n)
        _check_line(run.phase_space, "plot_wigner_function")
        w, space = run.wigner(mode, mode), run.phase_space
    elif hasattr(w, "times") or is_state(w):
        w, space = _wigner_of(last_state(w, "w"), mode)
    if space is None:
        raise TypeError(
            f"w must be a state, or a list, result or view that holds states, not "
            f"{type(w).__name__}; plot_wigner_function needs the space of an array: its PhaseSpace "
            "or Grid"
        )
    space = as_phase_space(space) if not isinstance(space, _Window) else space
    _check_line(space, "plot_wigner_function")
    w = np.asarray(w)
    if w.shape != space.shape:
        raise ValueError(f"w must have the shape {space.shape} of its phase space, not {w.shape}")
    w = _part(w, part)
    fig, ax = figure(fig, ax, figsize=(4.6, 3.8))
    image = _draw(ax, w, space, _window(w, space), float(np.max(np.abs(w))), cmap)
    if colorbar:
        fig.colorbar(image, ax=ax, label="w(x, p)")
    finish(ax, "x", "p")
    return fig, ax


@dataclass(frozen=True)
class _Window:
    """Where the Wigner function of a state is drawn."""

    x: np.ndarray
    p: np.ndarray
    ndim: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.x), len(self.p)


def _wigner_of(state: qutip.Qobj, mode: int) -> tuple[np.ndarray, _Window]:
    """Wigner function of one mode of a state, and a window that holds it."""
    mode = check_integer("mode", mode, minimum=0, maximum=len(state.dims[0]) - 1)
    rho = state if len(state.dims[0]) == 1 else state.ptrace(mode)
    number = float(np.real(qutip.expect(qutip.num(rho.shape[0]), rho)))
    reach = np.sqrt(2 * number) + 3.5
    x = np.linspace(-reach, reach, 161)
    return qutip.wigner(rho, x, x).T, _Window(x, x)


@picture
def plot_wigner_matrix(
    result: WignerLoheResult,
    index: int = -1,
    *,
    oscillators: Sequence[int] | None = None,
    cmap: str | Colormap | None = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, np.ndarray]:
    """Matrix of the Wigner functions w_ij at one time: w_ii on the diagonal, Re w_ij above it, Im
    w_ij below it.

    Parameters
    ----------
    result : WignerLoheResult
        On a grid of one dimension.
    index : int
        Which time.
    oscillators : sequence of int, optional
        Which ones; the first four unless given.
    cmap : colour map, optional
        QuTiP's unless given.
    fig : matplotlib Figure, optional
        Where to draw.
    ax : array of matplotlib Axes, optional
        As many rows and columns as oscillators.

    Returns
    -------
    fig : matplotlib Figure
    ax : ndarray of matplotlib Axes
        The picture in row i and column j (i<j) is Re w_ij, that in row j and column i is Im w_ij.
        All share one scale.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> model = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    >>> run = qsp.wlsolve(model, [grid.gaussian(1.0), grid.gaussian(-0.5)], [0.0, 1.0])
    >>> fig, axes = qsp.plot_wigner_matrix(run)
    >>> axes.shape
    (2, 2)
    """
    _check_run(result)
    cmap = _colours(cmap)
    space = result.phase_space
    _check_line(space, "plot_wigner_matrix")
    total = result.n
    if oscillators is None:
        oscillators = range(min(4, total))
    chosen = check_sequence("oscillators", oscillators, "numbers")
    chosen = [check_integer("oscillators", j, minimum=0, maximum=total - 1) for j in chosen]
    n = len(chosen)
    check_figure(fig)
    if ax is None:
        import matplotlib.pyplot as plt

        if fig is None:
            fig = plt.figure(figsize=(1.0 + 1.9 * n, 0.6 + 1.9 * n), layout="constrained")
        ax = fig.subplots(n, n, sharex=True, sharey=True, squeeze=False)
    ax = np.asarray(ax)
    if ax.shape != (n, n):
        raise ValueError(f"ax must be an array of {n}×{n} axes, not of shape {ax.shape}")
    check_axes("ax", ax)
    fig = ax[0, 0].figure if fig is None else fig
    ws = {
        (a, b): np.asarray(result.wigner(chosen[a], chosen[b], index))
        for a in range(n)
        for b in range(a, n)
    }
    limit = max(float(np.max(np.abs(w))) for w in ws.values())
    windows = [
        _window(w, space, 1e-3 * limit / max(float(np.max(np.abs(w))), 1e-300)) for w in ws.values()
    ]
    window = _common(windows)
    for a in range(n):
        for b in range(n):
            w = ws[min(a, b), max(a, b)]
            # Im w_ij stands below the diagonal, of the same pair i<j as the real part above
            part, name = (w.imag, "Im ") if a > b else (w.real, "" if a == b else "Re ")
            image = _draw(ax[a, b], part, space, window, limit, cmap)
            pair = f"{chosen[min(a, b)] + 1}{chosen[max(a, b)] + 1}"
            ax[a, b].set_title(f"{name}$w_{{{pair}}}$", fontsize=9)
            finish(ax[a, b], "x" if a == n - 1 else "", "p" if b == 0 else "")
    fig.colorbar(image, ax=ax, label="w(x, p)", shrink=0.8)
    fig.suptitle(f"t={result.times[index]:g}")
    return fig, ax


@picture
def anim_wigner_function(
    result: WignerLoheResult,
    i: int = 0,
    j: int | None = None,
    *,
    part: str = "real",
    cmap: str | Colormap | None = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
    interval: float = 40.0,
) -> tuple[Figure, FuncAnimation]:
    """Animation of w_ij over the output times of a run.

    Parameters
    ----------
    result : WignerLoheResult
        On a grid of one dimension.
    i, j : int
        Which function; j is i unless given.
    part : {"real", "imag", "abs"}
        What to draw of it.
    cmap : colour map, optional
        QuTiP's unless given.
    interval : float
        Milliseconds between frames.

    Returns
    -------
    fig : matplotlib Figure
    animation : matplotlib FuncAnimation
        Keep a reference to it while it plays; ``animation.save(path)`` writes it. Frames are formed
        as they are drawn.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> model = qsp.WignerLohe(grid, lambda x: x**2 / 2, coupling=1.0)
    >>> run = qsp.wlsolve(model, [grid.gaussian(1.0), grid.gaussian(-0.5)], [0.0, 1.0])
    >>> fig, animation = qsp.anim_wigner_function(run, 0)
    >>> animation.save("wigner.gif", writer="pillow")
    """
    _check_run(result)
    interval = check_number("interval", interval, minimum=0.0, strict=True)
    cmap = _colours(cmap)
    from matplotlib.animation import FuncAnimation

    space = result.phase_space
    _check_line(space, "anim_wigner_function")
    j = i if j is None else j
    fig, ax = figure(fig, ax, figsize=(4.6, 3.8))
    steps = len(result.times)
    # scale and window from a few frames: all of them at once would be as large as the run
    sample = sorted({*range(0, steps, max(1, steps // 8)), steps - 1})
    frames = [_part(np.asarray(result.wigner(i, j, k)), part) for k in sample]
    limit = max(float(np.max(np.abs(f))) for f in frames)
    windows = [_window(f, space) for f in frames]
    window = _common(windows)
    image = _draw(ax, frames[0], space, window, limit, cmap)
    fig.colorbar(image, ax=ax, label=f"$w_{{{i + 1}{j + 1}}}$")
    finish(ax, "x", "p")
    clock = ax.set_title(f"t={result.times[0]:.3g}")

    def draw(k: int) -> list[Any]:
        image.set_array(_part(np.asarray(result.wigner(i, j, k)), part)[window].T)
        clock.set_text(f"t={result.times[k]:.3g}")
        return [image, clock]

    return fig, FuncAnimation(fig, draw, frames=steps, interval=interval, blit=False)
