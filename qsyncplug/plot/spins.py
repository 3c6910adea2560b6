"""Pictures of the published figures, of truncated Wigner runs and of the spin phase measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..approximate.discrete_moments import DtwaResult
from ..core.checks import check_integer, check_label
from ..published.figures import Kind, PublishedFigure
from ..published.result import PublishedResult
from ..sync.husimi import spin_phase
from ..sync.reading import Readable
from .inputs import last_state
from .style import COLOURS, figure, finish, legend, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_dtwa", "plot_published_figure", "plot_spin_phase"]

_PRINTED = ("#D55E00", "#000000")
_CLIP = 1.6


@picture
def plot_published_figure(
    published: PublishedFigure, *, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """A figure of the paper as its own equations give it, with the verdict in the title.

    Parameters
    ----------
    published : PublishedFigure
        From ``PublishedSpinChains(...).figure(name)``.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> fig, ax = qsp.plot_published_figure(qsp.PublishedSpinChains().figure("2d"))
    >>> ax.get_title().splitlines()[0]
    'Fig. 2d, as printed'
    """
    if not isinstance(published, PublishedFigure):
        raise TypeError(f"published must be a PublishedFigure, not {type(published).__name__}")
    fig, ax = figure(fig, ax, figsize=(5.4, 4.2))
    name = published.name
    kind = published.panel.kind
    if kind is Kind.COMPLETE:
        _draw_3a(ax, published)
    elif kind is Kind.THERMAL:
        _draw_3b(ax, published)
    elif kind is Kind.TRAJECTORIES:
        _draw_trajectories(ax, published.result)
    else:
        _draw_quadrature(ax, published.result, "q" if kind is Kind.POSITION else "p")
    failed = sum(not s.holds for s in published.statements)
    verdict = f"{failed} of {len(published.statements)} statements of the paper fail"
    ax.set_title(
        f"Fig. {name}, "
        f"{published.model.name.removeprefix('published spin chains ').strip('()')}\n{verdict}",
        fontsize=9,
    )
    return fig, ax


def _draw_trajectories(ax: Axes, result: PublishedResult) -> None:
    for j, colour in enumerate(_PRINTED):
        ax.plot(
            result.mean[:, 2 * j],
            result.mean[:, 2 * j + 1],
            color=colour,
            lw=0.4,
            alpha=0.7,
            label=f"chain {j + 1}",
        )
    ax.plot(*result.mean[-1, :2], "o", color="#0072B2", ms=5, label=f"t={result.times[-1]:g}")
    ax.set_aspect("equal")
    legend(ax)
    finish(ax, r"$\bar q_j$", r"$\bar p_j$")


def _draw_quadrature(ax: Axes, result: PublishedResult, which: str) -> None:
    for j, colour in enumerate(_PRINTED):
        ax.plot(
            result.times,
            result.mean[:, 2 * j + (which == "p")],
            color=colour,
            lw=0.4,
            alpha=0.7,
            label=f"chain {j + 1}",
        )
    radius = np.sqrt(2 * result.excitations.max(axis=1))
    ax.plot(result.times, radius, color="#0072B2", lw=1.2, label=r"$\pm\sqrt{2}\,\max_j|\beta_j|$")
    ax.plot(result.times, -radius, color="#0072B2", lw=1.2)
    legend(ax)
    finish(ax, r"time $t\omega_1$", rf"$\bar {which}_j$")


def _draw_3a(ax: Axes, published: PublishedFigure) -> None:
    labels = {
        "figure": "the equations of the figure",
        "exact Jacobian": "exact Jacobian, printed noise",
        "physical noise": "exact Jacobian, physical noise",
        "vacuum": r"$\beta=0$: two vacua at rest",
    }
    order = ("physical noise", "exact Jacobian", "figure", "vacuum")
    styles = ("-", "-", "-", "--")
    colours = ("#009E73", "#56B4E9", "#D55E00", "#000000")
    for key, style, colour in zip(order, styles, colours, strict=True):
        run = published.results[key]
        with np.errstate(all="ignore"):
            values = run.complete_synchronization()
        ax.plot(
            run.times, np.clip(values, 0, _CLIP), style, color=colour, lw=1.1, label=labels[key]
        )
    ax.axhline(1, color="0.6", lw=0.6, zorder=0)
    ax.set_ylim(0, 1.35)
    legend(ax)
    finish(ax, r"time $t\omega_1$", r"$S_q$  (1 is the vacuum value)")


def _draw_3b(ax: Axes, published: PublishedFigure) -> None:
    s = published.series
    fine = np.linspace(0, s["thermal"][-1], 200)
    ax.plot(
        fine, 1 / (2 * fine + 1), color="0.5", lw=1.2, label=r"$1/(2\bar n+1)$: thermal noise alone"
    )
    ax.plot(
        s["thermal"], s["average"], "o", color="#009E73", label="exact Jacobian, physical noise"
    )
    ax.plot(
        s["thermal"],
        s["average as given"],
        "s",
        color="#D55E00",
        mfc="none",
        label="the equations of the figure",
    )
    ax.set_ylim(-0.05, 1.1)
    legend(ax)
    finish(ax, r"thermal occupation $\bar n$", r"time average of $S_q$")


@picture
def plot_dtwa(
    result: DtwaResult, group: int = 0, *, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """⟨J⟩/(N/2) of one group in time, with a band of two standard errors.

    Parameters
    ----------
    result : DtwaResult
        The run.
    group : int
        Which collective spin.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> run = qsp.dtwasolve(chains, start, [0.0, 0.5], ntraj=100, seed=1)
    >>> fig, ax = qsp.plot_dtwa(run)
    >>> ax.get_title()
    '100 samples, ±2 standard errors'
    """
    if not isinstance(result, DtwaResult):
        raise TypeError(f"result must be a DtwaResult, not {type(result).__name__}")
    group = check_integer("group", group, minimum=0, maximum=result.spins.shape[1] - 1)
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    half = 0.5 * result.model.symbols[group].factor.N
    for axis, label in enumerate("xyz"):
        mean, error = result.spins[:, group, axis] / half, result.spins_error[:, group, axis] / half
        colour = COLOURS[1 + axis]
        ax.plot(result.times, mean, color=colour, lw=1.4, label=rf"$\langle J_{label}\rangle$")
        ax.fill_between(
            result.times, mean - 2 * error, mean + 2 * error, color=colour, alpha=0.25, lw=0
        )
    ax.set_ylim(-1.05, 1.05)
    legend(ax)
    finish(ax, "time", r"$\langle J\rangle/(N/2)$", f"{result.ntraj} samples, ±2 standard errors")
    return fig, ax


@picture
def plot_spin_phase(
    state: Readable,
    *,
    relative: bool = False,
    fig: Figure | None = None,
    ax: Axes | None = None,
    label: str | None = None,
) -> tuple[Figure, Axes]:
    """The spin phase measure S(φ) of a spin, or of the relative phase of two.

    Parameters
    ----------
    state : Qobj, result or SyncView
        Ket or density matrix; or a list, result or view that holds states, of which the last is
        drawn.
    relative : bool
        The relative phase of two spins.
    label : str, optional
        For a legend.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import qutip
    >>> fig, ax = qsp.plot_spin_phase(qutip.spin_coherent(1, 1.0, 0.5), label="spin 1")
    >>> len(ax.lines)
    2
    """
    label = check_label("label", label)
    phi = np.linspace(-np.pi, np.pi, 361)
    S = spin_phase(last_state(state, "state"), phi, relative=relative)
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    ax.plot(phi, S, lw=1.6, label=label)
    ax.axhline(0, color="0.6", lw=0.6, zorder=0)
    ax.set_xticks([-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi], ["−π", "−π/2", "0", "π/2", "π"])
    finish(
        ax,
        r"$\varphi_1-\varphi_2$" if relative else r"$\varphi$",
        r"$S(\varphi)=P(\varphi)-1/2\pi$",
    )
    if label:
        legend(ax)
    return fig, ax
