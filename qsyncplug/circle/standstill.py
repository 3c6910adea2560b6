"""When particles that should merge stand still instead."""

from __future__ import annotations

import numpy as np

from .._ext.circle import MeanField
from ..core.errors import SolverError
from .balance import imbalance, next_stable
from .mergelaw import MergeLaw
from .survivors import Survivors

__all__ = ["LOOK", "Standstill", "StationaryError"]

#: steps between two looks for a stationary state
LOOK = 16
_MOST = 4096  # sums over pairs are bearable up to here, where the series sees nothing
_BALANCED = 3e-14  # imbalance that rounding of the angles and sums makes
_FAINT = 1e-12  # forces below this part of the largest possible may be rounding of the series
_FIRST = 1e-5  # imbalance at which a stable state is looked for


class StationaryError(SolverError):
    """The particles stand still, or come to rest, without being together.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> square = np.arange(4) * np.pi / 2
    >>> try:
    ...     qsp.coalesce(qsp.Circle(qsp.attention(3.0), "mean"), square)
    ... except qsp.StationaryError as error:
    ...     print(error.reason, len(error.result.final_positions))
    balanced 4
    """


class Standstill:
    """Looks for rest every few steps.

    Parameters
    ----------
    law : MergeLaw
    tolerance : float
        Relative tolerance of the steps.

    Attributes
    ----------
    below : float
        Imbalance at which a stable state is looked for next.
    looked : int
        Number of steps at the last look.
    """

    def __init__(self, law: MergeLaw, tolerance: float):
        self.law = law
        # what steps may have put between the particles decides nothing either
        self.undecided = max(_BALANCED, 0.1 * tolerance)
        self.below = _FIRST
        self.looked = -LOOK

    def again(self) -> None:
        """After a merge everything is new."""
        self.below = _FIRST

    def is_faint(self, field: MeanField, here: Survivors) -> bool:
        """Whether the series may not see the forces, and sums over pairs must take over.

        Raises
        ------
        StationaryError
            There are too many particles for these.
        """
        v = np.abs(field(0.0, here.x))
        if self.law.divided:
            v = v * field.last_norm() / self.law.total
        if np.max(v) > _FAINT * self.law.force.peak:
            return False
        if here.size > _MOST:
            raise StationaryError(
                "the forces on all particles are below the resolution of the series, but the "
                "particles are not together",
                reason="balanced",
            )
        return True

    def look(self, here: Survivors, shift: float, steps: int) -> None:
        """Look for rest, `steps` steps after the start.

        Raises
        ------
        StationaryError
            The forces cancel to rounding, or a stable state is next to `here`.
        """
        self.looked = steps
        push, pull = self.law.pairs(here, shift)
        away = float(np.max(imbalance(push, pull)))
        near = 0.1 * float(here.gaps.min())
        balanced = away <= (self.undecided if steps else _BALANCED)
        if not (balanced or away < min(self.below, near)):
            return
        self.below = 0.1 * away
        distance = next_stable(push, pull, here.weights)
        if distance * (1 + abs(self.law.force.beta)) < 1e-3 and distance < near:
            raise StationaryError(
                f"they come to a stable state {distance:.2g} away, in which they are not together",
                reason="stable",
            )
        if balanced:
            raise StationaryError(
                f"all forces cancel to {away:.1g} of what they balance, which rounding and the "
                "errors of the steps may decide, but the particles are not together",
                reason="balanced",
            )
