"""What systems and steppers of splitting methods share: going back, and going on from a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.stepper import Stepper, forwarded
from .splitting import Splitting

__all__ = ["Rewindable", "SplitStepper"]


class Rewindable:
    """A system of waves ``psi`` at a ``time``, for an adaptive splitting to go back to."""

    psi: np.ndarray
    time: float

    def save(self) -> Any:
        """Copy of the state, for :meth:`restore`."""
        return self.psi.copy(), self.time

    def restore(self, saved: Any) -> None:
        """Go back to what :meth:`save` gave."""
        self.psi, self.time = saved[0].copy(), saved[1]


class SplitStepper(Stepper):
    """A stepper by a splitting of a system, whose step may be found on the way."""

    system: Any
    splitting: Splitting
    step: float

    def snapshot(self) -> dict[str, Any] | None:
        return {
            "system": self.system.save(),
            "t": self.t,
            "step": self.step,
            "lengths": self.system.cache.save(),
            "counts": [self.accepted, self.rejected],
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self.system.restore(saved["system"])
        self.t, self.step = float(saved["t"]), float(saved["step"])
        self.system.cache.restore(saved["lengths"])
        self.splitting.accepted, self.splitting.rejected = map(int, saved["counts"])

    accepted = forwarded(
        lambda self: self.splitting.accepted, "Steps taken, as the splitting counts them."
    )

    rejected = forwarded(lambda self: self.splitting.rejected, "Tries that were too long.")
