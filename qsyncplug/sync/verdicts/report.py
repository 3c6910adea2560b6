"""What a verdict is and how it reads."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...core.documented import draws
from ...core.saved import NoYesOrNo, Saved
from ...core.storage import register
from ..view import SyncView
from .rates import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Label", "Verdict"]


@register
class Label(StrEnum):
    """The words of :func:`qsyncplug.verdict`; each has one definition (see there).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.Label.PHASE_LOCKED.synchronised, qsp.Label.UNDECIDED.synchronised
    (True, False)
    """

    COMPLETE = "complete"
    BIPOLAR = "bipolar"
    CLUSTERED = "clustered"
    PHASE_LOCKED = "phase-locked"
    FREQUENCY_LOCKED = "frequency-locked"
    PARTIAL = "partially synchronised"
    DRIFTING = "drifting"
    INCOHERENT = "incoherent"
    DEATH = "amplitude death"
    VACUUM = "relaxing to vacuum"
    TRANSIENT = "transient synchronisation"
    DRIVE_LOCKED = "locked to the drive"
    SLIPPING = "slipping"
    PREFERENCE = "phase preference"
    NO_PREFERENCE = "no phase preference"
    ENTRAINED = "entrained"
    PULLING = "frequency pulling"
    NOT_ENTRAINED = "not entrained"
    UNDECIDED = "undecided"

    @property
    def synchronised(self) -> bool:
        """Whether the label states synchronisation."""
        return self in _SYNCHRONISED


_SYNCHRONISED = frozenset(
    {
        Label.COMPLETE,
        Label.BIPOLAR,
        Label.CLUSTERED,
        Label.PHASE_LOCKED,
        Label.FREQUENCY_LOCKED,
        Label.PARTIAL,
        Label.TRANSIENT,
        Label.DRIVE_LOCKED,
        Label.ENTRAINED,
    }
)


@dataclass(frozen=True, eq=False)
class Verdict(NoYesOrNo, Saved):
    """Do they synchronise, how fast, how do we know.

    Attributes
    ----------
    label : Label
        A string, such as ``"phase-locked"``; "undecided" where the run does not show it.
    why : str
        The sentence that gives the reason, with its numbers.
    evidence : dict
        The numbers that the label rests on.
    rate : Estimate or None
        Exponential rate of the approach (or of the decay), with ``.error``.
    beat : Estimate or None
        Difference of the mean frequencies of nodes that drift.
    period : Estimate or None
        After which the relative motion repeats.
    chimera : bool
        Identical nodes of which some are locked and others drift.
    flags : tuple of str
        Why the approximation behind the run should not be trusted here.
    advice : str
        What would decide, where the label is "undecided".
    view : SyncView
        What was judged, for :func:`qsyncplug.plot_verdict`.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.circlesolve(qsp.Circle(qsp.sine(), "mean"), [0.0, 1.0], np.linspace(0, 40, 401))
    >>> found = qsp.verdict(run)
    >>> str(found.label)
    'complete'
    """

    _ask: ClassVar[str] = "verdict.label == 'phase-locked' or verdict.label.synchronised"

    label: Label
    why: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    rate: Estimate | None = None
    beat: Estimate | None = None
    period: Estimate | None = None
    chimera: bool = False
    flags: tuple[str, ...] = ()
    advice: str = ""
    view: SyncView | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        lines = [f"{self.label}{' (chimera)' if self.chimera else ''}: {self.why}"]
        for name, value in (("rate", self.rate), ("beat", self.beat), ("period", self.period)):
            if value is not None:
                lines.append(f"  {name}: {value}{_window(value)}")
        lines += [f"  {name}: {_text(value)}" for name, value in self.evidence.items()]
        if self.advice:
            lines.append(f"  what would decide: {self.advice}")
        lines += [f"  beware: {flag}" for flag in self.flags]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"Verdict({str(self.label)!r}, rate={self.rate!r}, beat={self.beat!r}, "
            f"period={self.period!r})"
        )

    def _repr_html_(self) -> str:
        rows = [
            (n, str(v))
            for n, v in (("rate", self.rate), ("beat", self.beat), ("period", self.period))
            if v is not None
        ]
        rows += [(name, _text(value)) for name, value in self.evidence.items()]
        rows += [("what would decide", self.advice)] if self.advice else []
        rows += [("beware", flag) for flag in self.flags]
        cells = "".join(
            f"<tr><th>{html.escape(a)}</th><td>{html.escape(b)}</td></tr>" for a, b in rows
        )
        return (
            f"<p><b>{html.escape(str(self.label))}</b>: "
            f"{html.escape(self.why)}</p><table>{cells}</table>"
        )

    @draws
    def plot(self, *, fig: Figure | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """The evidence: relative phases, or coherences, in time, with the window judged shaded."""
        from ...plot.verdicts import plot_verdict

        return plot_verdict(self, fig=fig, ax=ax)


def _window(value: Estimate) -> str:
    return "" if value.window is None else f", from t={value.window[0]:g} to {value.window[1]:g}"


def _text(value: Any) -> str:
    if isinstance(value, Estimate):
        return str(value)
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.5g}"
    if isinstance(value, (tuple, list)):
        shown = ", ".join(_text(v) for v in value[:8])
        return f"({shown}{', …' if len(value) > 8 else ''})"
    return str(value)
