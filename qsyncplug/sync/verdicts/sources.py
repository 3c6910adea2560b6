"""Phases in time, chunk by chunk, so that no copy of the run is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np

__all__ = ["AnglePhases", "ContinuousPhases", "PhaseSource"]

#: numbers of a chunk: 8 MB of doubles, which stays near the processor
_CHUNK = 1 << 20


class PhaseSource(ABC):
    """Phases θ_j(t) that do not jump, in order of time.

    Attributes
    ----------
    times : (T,) array
    n : int
        Number of nodes.
    turn : float
        Greatest turn of one node against another between two samples, as far as the samples show
        it; 0 where phases are continuous by themselves. Known after one pass over :meth:`chunks`.
    shaken : bool
        Whether noise may move the phases; False where the model is known to have none.
    """

    times: np.ndarray
    n: int
    turn: float
    shaken: bool = True

    @abstractmethod
    def chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Slices of the times and the phases (rows, N) there."""

    def _slices(self) -> Iterator[slice]:
        rows = max(1, _CHUNK // max(1, self.n))
        for start in range(0, self.times.size, rows):
            yield slice(start, min(start + rows, self.times.size))


class ContinuousPhases(PhaseSource):
    """Phases that a solver followed: however fast they turn, nothing is aliased."""

    def __init__(self, times: np.ndarray, n: int, rows: Callable[[slice], np.ndarray]):
        self.times, self.n, self.turn, self._rows = times, n, 0.0, rows

    def chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Slices of the times and the phases (rows, N) there."""
        for part in self._slices():
            yield part, self._rows(part)


class AnglePhases(PhaseSource):
    """Angles known modulo 2π: followed against the first node.

    Two samples show a turn modulo 2π only; the smallest one is taken, and `turn` says how near it
    came to π.

    Parameters
    ----------
    times : (T,) array
    n : int
    rows : callable
        Angles (rows, N) of a slice of times.
    against_frame : bool
        Follow the phases as they are instead (of a driven node against its drive).
    watched : int
        Index from which on `turn` is looked at: that of the window.
    """

    def __init__(
        self,
        times: np.ndarray,
        n: int,
        rows: Callable[[slice], np.ndarray],
        *,
        against_frame: bool = False,
        watched: int = 0,
    ):
        self.times, self.n, self.turn = times, n, 0.0
        self._rows, self._lab, self._watched = rows, against_frame, watched

    def chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Slices of the times and the phases (rows, N) there."""
        last: np.ndarray | None = None
        for part in self._slices():
            angles = self._rows(part)
            # principal values plus whole turns: no rounding adds up
            followed = angles if self._lab else _wrapped(angles - angles[:, :1])
            before = followed[:1] if last is None else last[None, :]
            steps = np.diff(followed, axis=0, prepend=before)
            turns = np.round(steps / (2 * np.pi))
            self._watch((steps - 2 * np.pi * turns)[max(self._watched - part.start, 0) :])
            followed = followed - 2 * np.pi * np.cumsum(turns, axis=0)
            last = followed[-1].copy()
            yield part, followed

    def _watch(self, steps: np.ndarray) -> None:
        if steps.shape[0] == 0:
            return
        if self._lab or self.n == 1:
            turn = np.abs(steps).max()
        else:
            turn = (steps.max(axis=1) - steps.min(axis=1)).max()
        self.turn = max(self.turn, float(turn))


def _wrapped(x: np.ndarray) -> np.ndarray:
    """Angles in [−π, π]; what is small stays exact."""
    return x - 2 * np.pi * np.round(x / (2 * np.pi))
