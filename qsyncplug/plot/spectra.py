"""Pictures of spectra and of phase distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import qutip

from ..approximate.cumulants import CumulantResult
from ..approximate.stationary import MomentState
from ..core.checks import check_array, check_choice, check_flag, check_integer
from ..exact import EntrainmentCurve, Spectrum
from ..operators.atom import AtomFactor
from ..sync import measures
from ..sync.measures.distributions import PhaseDistribution
from ..sync.measures.sources import has_phases
from ..sync.reading import Readable
from .inputs import check_state
from .style import COLOURS, FADED, LINES, figure, finish, legend, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["plot_entrainment", "plot_phase_distribution", "plot_spectrum"]

_KINDS = {"husimi": "Husimi", "wigner": "Wigner", "canonical": "canonical"}


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


@picture
def plot_spectrum(
    s: Spectrum | Sequence[Spectrum] | Mapping[str, Spectrum],
    *,
    wlist: ArrayLike | None = None,
    peaks: bool = True,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """One or several spectra, with their highest peaks marked.

    Parameters
    ----------
    s : Spectrum, or a list or dict of them
        From :func:`qsyncplug.spectrum`; the keys of a dict are the legend.
    wlist : array_like, optional
        Frequencies; by default those of each spectrum.
    peaks : bool
        Whether the highest peak of each is marked, with its full width at half height.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> s = qsp.spectrum(qsp.System(0.5 * b.dag() * b, [b.dag(), 2 * b]), b, cutoff=24)
    >>> fig, ax = qsp.plot_spectrum(s)
    """
    peaks = check_flag("peaks", peaks)
    table = _named(s, Spectrum, "s")
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    for k, (name, curve) in enumerate(table.items()):
        w = curve.w if wlist is None else check_array("wlist", wlist, shape=(None,))
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


@picture
def plot_phase_distribution(
    state: Readable | PhaseDistribution | Mapping[str, Readable | PhaseDistribution],
    *,
    modes: int | Sequence[int] | None = None,
    relative: bool = False,
    kind: str | None = None,
    spins: Sequence[int] | None = None,
    drive: float = 0.0,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """The distribution of a phase: of one mode or spin (against the drive) or relative.

    Parameters
    ----------
    state : Qobj, result or view, or a list or dict of them
        Whatever :func:`qsyncplug.measures.phase_distribution` reads (a Gaussian state (mean,
        covariance) in a list or dict); of what holds many states the last. A distribution, such
        as :func:`qsyncplug.measures.collective_phase` gives, is drawn as it is.
    modes : int or pair of int, optional
        Tensor factors: one, or two with ``relative=True``; by default all that the states have.
    relative : bool
        The phase of the first mode less that of the second.
    kind : {"husimi", "wigner", "canonical"}, optional
        See :func:`qsyncplug.measures.phase_distribution`, where a state has its canonical phase by
        default; here Husimi, which Gaussian states have too, of samples Wigner, of atoms canonical.
        The axis says which; where they differ, the legend.
    spins : sequence of int, optional
        Tensor factors that are spins; see there.
    drive : float
        Phase that is subtracted.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> fig, ax = qsp.plot_phase_distribution(qutip.coherent(12, 1.0))
    """
    if kind is not None:
        check_choice("kind", kind, ("husimi", "wigner", "canonical"))
    relative = check_flag("relative", relative)
    table = _named(state, object, "state")
    for value in table.values():
        if not (_holds_states(value) or has_phases(value) or _is_phase(value)):
            raise TypeError(
                f"state must be a Qobj, or a result or view that holds states or phases, not a "
                f"{type(value).__name__} without them"
            )
        if isinstance(value, qutip.Qobj):
            check_state("state", value)
    if modes is None:
        nodes = list(range(1 + relative))
    else:
        nodes = [check_integer("modes", j, minimum=0) for j in np.atleast_1d(modes)]
    if len(nodes) != 1 + relative:
        raise ValueError(f"modes must be {1 + relative} of the factors, not {modes!r}")
    fig, ax = figure(fig, ax, figsize=(5, 3.2))
    found = {}
    for name, rho in table.items():
        dims = getattr(rho, "dims", [[0] * len(nodes)])[0]
        if _is_phase(rho):
            found[name] = rho
            continue
        if modes is None and len(dims) != len(nodes):
            raise ValueError(f"modes must say which of the {len(dims)} factors are meant")
        asked = "husimi" if kind is None and not has_phases(rho) else kind
        found[name] = measures.phase_distribution(rho, nodes, kind=asked, spins=spins, drive=drive)
    kinds = sorted({str(p.kind) for p in found.values()})
    for k, (name, p) in enumerate(found.items()):
        # both ends, so that the curve closes
        phi = np.append(p.phi, np.pi)
        style = {"color": COLOURS[k % len(COLOURS)], "ls": LINES[k % len(LINES)]}
        label = name if len(kinds) == 1 else f"{name} ({_KINDS[str(p.kind)]})"
        ax.plot(phi, p(phi), label=label or None, **style)
    ax.axhline(1 / (2 * np.pi), color=FADED, lw=0.8, zorder=0)
    ax.set_xticks(np.pi * np.array([-1, -0.5, 0, 0.5, 1]), ["−π", "−π/2", "0", "π/2", "π"])
    if "wigner" not in kinds:
        ax.set_ylim(bottom=0)
    what = f"{_KINDS[kinds[0]]} density" if len(kinds) == 1 else "density"
    what += " of the phase" + (" of one atom" if any(map(_of_one_atom, table.values())) else "")
    finish(ax, "relative phase" if relative else "phase arg b", what)
    legend(ax)
    return fig, ax


def _of_one_atom(x: Any) -> bool:
    """Whether moments of ensembles are given: they are those of single atoms."""
    if not isinstance(x, (CumulantResult, MomentState)):
        return False
    system = x.model if isinstance(x, CumulantResult) else x.system
    return any(isinstance(s.factor, AtomFactor) for s in system.symbols)


def _is_phase(x: Any) -> bool:
    return isinstance(x, PhaseDistribution)


def _holds_states(x: Any) -> bool:
    states = getattr(x, "states", None)
    return hasattr(x, "isket") or bool(states and hasattr(states[-1], "isket"))


@picture
def plot_entrainment(
    curve: EntrainmentCurve | Sequence[EntrainmentCurve] | Mapping[str, EntrainmentCurve],
    *,
    widths: bool = True,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Observed frequency against detuning, with the free oscillator as a line.

    Parameters
    ----------
    curve : EntrainmentCurve, or a list or dict of them
        From :func:`qsyncplug.entrainment`; the keys of a dict are the legend.
    widths : bool
        Whether bands of the width of the line are drawn around it.

    Examples
    --------
    >>> import numpy as np, qsyncplug as qsp
    >>> b, = qsp.modes(1)
    >>> def driven(detuning):
    ...     H = detuning * b.dag() * b + 0.5 * (b + b.dag())
    ...     return qsp.System(H, [b.dag(), b**2])
    >>> curve = qsp.entrainment(driven, np.linspace(-1, 1, 5), cutoff=12)
    >>> fig, ax = qsp.plot_entrainment(curve)
    """
    widths = check_flag("widths", widths)
    table = _named(curve, EntrainmentCurve, "curve")
    fig, ax = figure(fig, ax, figsize=(5, 3.4))
    for k, (name, c) in enumerate(table.items()):
        colour = COLOURS[k % len(COLOURS)]
        ax.plot(c.detuning, c.frequency, color=colour, ls=LINES[k % len(LINES)], label=name or None)
        if widths:
            half = 0.5 * c.linewidth
            low, high = c.frequency - half, c.frequency + half
            ax.fill_between(c.detuning, low, high, color=colour, alpha=0.12, lw=0)
        # where nothing is drawn to the drive: at ±detuning, by the sign that the models give it
        slope = -1 if c.detuning @ c.frequency < 0 else 1
        ax.plot(c.detuning, slope * c.detuning, color=FADED, lw=0.8, zorder=0)
    told = ["band: width of the line"] if widths else []
    told.append("grey: undriven")
    finish(ax, "detuning", "observed frequency − drive", "; ".join(told))
    legend(ax)
    return fig, ax
