"""Pictures of spectra and of phase distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip

from ..exact import Spectrum
from ..sync import measures
from .style import COLOURS, FADED, LINES, figure, finish, legend

__all__ = ["plot_phase_distribution", "plot_spectrum"]


def _named(x: Any, kind: type, name: str) -> dict[str, Any]:
    """One object, a list or a dict of them, as a dict."""
    table = (
        dict(x)
        if isinstance(x, dict)
        else dict(enumerate(x))
        if isinstance(x, (list, tuple))
        else {"": x}
    )
    for key, value in table.items():
        if not isinstance(value, kind):
            raise TypeError(
                f"{name} must be a {kind.__name__}, or a list or dict of them; "
                f"{name}[{key!r}] is a {type(value).__name__}"
            )
    if not table:
        raise ValueError(f"{name} is empty")
    return {str(key): value for key, value in table.items()}


def plot_spectrum(
    s: Any, *, wlist: Any = None, peaks: bool = True, fig: Any = None, ax: Any = None
) -> tuple[Any, Any]:
    """One or several spectra, with their highest peaks marked.

    Parameters
    ----------
    s : Spectrum, or a list or dict of them
        From :func:`qsyncplug.spectrum`; the keys of a dict are the legend.
    wlist : array_like, optional
        Frequencies; by default those of each spectrum.
    peaks : bool
        Whether the highest peak of each is marked, with its full width at half height.
    fig, ax : matplotlib Figure and Axes, optional
        Where to draw.

    Returns
    -------
    fig, ax

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> s = qsp.spectrum(qsp.System(0.5 * b.dag() * b, [b.dag(), 2 * b]), b, cutoff=24)
    >>> fig, ax = qsp.plot_spectrum(s)
    """
    table = _named(s, Spectrum, "s")
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    for k, (name, curve) in enumerate(table.items()):
        w = curve.w if wlist is None else np.asarray(wlist, dtype=float)
        values = curve.values if wlist is None else curve(w)
        colour = COLOURS[k % len(COLOURS)]
        ax.plot(w, values, color=colour, ls=LINES[k % len(LINES)], label=name or None)
        if peaks and curve.peaks and w[0] <= curve.frequency <= w[-1]:
            top = curve.peaks[0]
            ax.plot(top.frequency, top.height, "o", color=colour, ms=4)
            if np.isfinite(top.width):
                half = top.frequency + 0.5 * top.width * np.array([-1, 1])
                ax.plot(half, [0.5 * top.height] * 2, color=FADED, lw=0.8)
    ax.set_ylim(bottom=0)
    finish(ax, "frequency ω", "S(ω)")
    legend(ax)
    return fig, ax


def plot_phase_distribution(
    state: Any,
    *,
    modes: Any = None,
    relative: bool = False,
    kind: str = "husimi",
    fig: Any = None,
    ax: Any = None,
) -> tuple[Any, Any]:
    """The distribution of a phase: of one mode (against the drive) or relative.

    Parameters
    ----------
    state : Qobj, or a list or dict of them
        Kets or density matrices of modes.
    modes : int or pair of int, optional
        Tensor factors: one, or two with ``relative=True``; by default all that the states have.
    relative : bool
        The phase of the first mode less that of the second.
    kind : {"husimi", "wigner"}
        Whose angle.
    fig, ax : matplotlib Figure and Axes, optional
        Where to draw.

    Returns
    -------
    fig, ax

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> fig, ax = qsp.plot_phase_distribution(qutip.coherent(12, 1.0))
    """
    if kind not in ("husimi", "wigner"):
        raise ValueError(f"kind must be 'husimi' or 'wigner', not {kind!r}")
    table = _named(state, qutip.Qobj, "state")
    measure = measures.husimi_phase if kind == "husimi" else measures.wigner_phase
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    for k, (name, rho) in enumerate(table.items()):
        part = rho if modes is None else rho.ptrace(list(np.atleast_1d(modes)))
        p = measure(part, relative=relative)
        # both ends, so that the curve closes
        phi = np.append(p.phi, np.pi)
        style = {"color": COLOURS[k % len(COLOURS)], "ls": LINES[k % len(LINES)]}
        ax.plot(phi, p(phi), label=name or None, **style)
    ax.axhline(1 / (2 * np.pi), color=FADED, lw=0.8, zorder=0)
    ax.set_xticks(np.pi * np.array([-1, -0.5, 0, 0.5, 1]), ["−π", "−π/2", "0", "π/2", "π"])
    ax.set_ylim(bottom=0)
    finish(ax, "relative phase" if relative else "phase arg b", "probability density")
    legend(ax)
    return fig, ax
