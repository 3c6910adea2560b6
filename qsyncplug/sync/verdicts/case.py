"""What is judged: a view, what its model says, and the trailing window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dynamics import Dynamics, Kind
from ..view import SyncView
from .rates import Estimate
from .report import Label, Verdict

__all__ = ["FEWEST", "Case", "case_of"]

#: samples in the window, below which nothing is said of the course in time
FEWEST = 24


@dataclass(frozen=True)
class Case:
    """A run to be judged.

    Attributes
    ----------
    view : SyncView
    dynamics : Dynamics
    inside : slice
        Samples of the trailing window.
    length : float
        L, of the window.
    """

    view: SyncView
    dynamics: Dynamics
    inside: slice
    length: float

    @property
    def times(self) -> np.ndarray:
        """Times of the whole run, (T,), not of the window alone."""
        return self.view.times

    @property
    def window(self) -> np.ndarray:
        """Times of the trailing window."""
        return self.view.times[self.inside]

    @property
    def gap(self) -> float:
        """Longest time between two samples of the window."""
        return float(np.diff(self.window).max())

    @property
    def n(self) -> int:
        """Number of nodes that are judged."""
        return self.view.n

    @property
    def samples(self) -> int:
        """Number of samples in the window."""
        return int(self.inside.stop - self.inside.start)

    @property
    def span(self) -> str:
        """The window in words, for the sentences of a verdict."""
        return f"t = {self.times[self.inside.start]:g} to {self.times[-1]:g}"

    def say(
        self,
        label: Label,
        why: str,
        evidence: dict[str, Any] | None = None,
        *,
        rate: Estimate | None = None,
        beat: Estimate | None = None,
        period: Estimate | None = None,
        chimera: bool = False,
        advice: str = "",
    ) -> Verdict:
        """Build the verdict, with the window and the flags of the approximation in it."""
        flags = self.dynamics.flags() if self.dynamics.flags is not None else ()
        found = {"window": self.span, "samples in it": self.samples, **(evidence or {})}
        return Verdict(label, why, found, rate, beat, period, chimera, flags, advice, self.view)

    def undecided(
        self, why: str, evidence: dict[str, Any] | None = None, *, advice: str = ""
    ) -> Verdict:
        """Build the verdict "undecided"."""
        return self.say(Label.UNDECIDED, why, evidence, advice=advice)


def case_of(view: SyncView) -> Case:
    """The trailing half of a run, with what is known of its model."""
    times = view.times
    span = float(times[-1] - times[0])
    start = int(np.searchsorted(times, times[-1] - span / 2 * (1 + 1e-12)))
    dynamics = view.dynamics or Dynamics(_kind(view))
    return Case(view, dynamics, slice(start, times.size), float(times[-1] - times[start]))


def _kind(view: SyncView) -> Kind:
    """What a view made by hand holds: phases if it is classical, moments otherwise."""
    if view.phases_suffice:
        return Kind.AMPLITUDES
    if view.has("states") or view.has("covariance"):
        return Kind.MOMENTS
    return Kind.VECTORS if view.has("correlations") else Kind.MOMENTS
