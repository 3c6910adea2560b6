"""The run behind :func:`coalesce`, for the one drive: an output is a number of particles gone."""

from __future__ import annotations

import copy
import math
from typing import Any, ClassVar

import numpy as np

from ..core.errors import SolverError, StorageError
from ..core.failure import Failure
from ..core.result import Result
from ..core.status import Status
from ..core.stepper import Problem, Stepper, forwarded
from .joins import Groups
from .mergebook import MergeBook, Stand, WidthError
from .mergelaw import MergeLaw
from .segments import FEW, FewSegment, ManySegment, Segment, Until, Work
from .standstill import Standstill, StationaryError
from .survivors import Survivors
from .tree import CoalesceResult, check_tree

__all__ = ["Merging", "MergingProblem", "marks"]

_TURNS = math.log(1e8)  # ln of the angle from where on its turns are no longer resolved
_MARKS = 64  # outputs while there are many particles


def marks(n: int) -> np.ndarray:
    """Numbers of particles gone at which the drive looks up: few while there are many, then
    all.
    """
    many = np.geomspace(max(n, FEW), FEW, _MARKS).astype(int)
    left = np.union1d(many[many <= n], np.arange(1, min(n, FEW) + 1))
    return np.asarray(n - left[::-1], dtype=float)


class Merging(Stepper):
    """Moves particles until as many as asked for are gone; ``t`` is ln t.

    Parameters
    ----------
    law : MergeLaw
    here : Survivors
        All particles.
    leaf_masses : (n,) array
        Weights in the order that the user gave.
    options : dict
        Checked.
    until : callable, optional
        ``until(x)``: the run ends where it holds.
    """

    row_size = 0

    def __init__(
        self,
        law: MergeLaw,
        here: Survivors,
        leaf_masses: np.ndarray,
        options: dict[str, Any],
        until: Until | None = None,
    ):
        self.law, self.until = law, until
        self.book = MergeBook(here.cut(), leaf_masses, law.gap)
        self.work = Work(options)
        self.standstill = Standstill(law, options["rtol"])
        self.few_from = FEW
        self._begin()

    def _begin(self) -> None:
        """Particles that start together are one from the start."""
        here = self.book.here
        groups = Groups(here.nodes, 0.0)
        rest = self.law.moment(here, 0.0, np.zeros(here.size), None)
        if groups.advance(rest, rest, self.book.tree, lambda t: np.full(t.size, -np.inf)):
            self.book.merge(groups)
        self._remember_few()

    def advance(self, times: np.ndarray, rows: np.ndarray) -> Status:
        self.cause = None
        for gone in times:
            while self.book.tree.n - self.book.here.size < gone:
                status = self._segment()
                if status != Status.RUNNING:
                    return status
            self.delivered += 1
        return Status.RUNNING

    def _segment(self) -> Status:
        size, few = self.book.here.size, self.book.here.size <= self.few_from
        kind: type[Segment] = FewSegment if few else ManySegment
        segment = kind(self.law, self.book, self.work, self.standstill, self.until)
        status = segment.run()
        self.cause = segment.cause
        if isinstance(segment, ManySegment):
            if segment.faint:
                self.few_from = self.book.here.size
            if status == Status.RUNNING:
                self._remember_few()
        if self.book.here.size < size:
            self.standstill.again()
        return status

    def _remember_few(self) -> None:
        """The first stage, from where few particles are left."""
        if self.book.here.size <= self.few_from:
            self.book.remember()

    t = forwarded(
        lambda self: self.book.log_t,
        "Logarithm of the time reached, as the book has it: the drive's clock is ln t here.",
    )

    @property
    def state(self) -> np.ndarray:
        """Angles of the particles that are left."""
        return self.book.stand.left.angles

    accepted = forwarded(lambda self: self.work.accepted, "Steps taken in all segments so far.")

    rejected = forwarded(lambda self: self.work.rejected, "Tries that were too long.")

    evaluations = forwarded(
        lambda self: self.work.evaluations, "Evaluations of the right-hand side."
    )

    # ------------------------------------------------------------ checkpoints

    def snapshot(self) -> dict[str, Any]:
        """See :class:`Stepper`; between segments, where nothing is pending."""
        book, work, still = self.book, self.work, self.standstill
        here, k = book.here, slice(book.stand.merges)
        stages = book.stages[: book.stand.stages]
        return {
            "x": here.x,
            "weights": here.weights,
            "nodes": here.nodes,
            "log_width": here.log_width,
            "part_below": here.part_below,
            "numbers": np.array(
                [here.origin, here.turned, book.log_t, book.worst_log_width, work.h, still.below]
            ),
            "counts": np.array(
                [
                    work.accepted,
                    work.rejected,
                    work.evaluations,
                    work.segments,
                    self.few_from,
                    still.looked,
                ]
            ),
            "left": book.tree.left[k],
            "right": book.tree.right[k],
            "sizes": book.tree.size[k],
            "masses": book.tree.mass[k],
            "log_times": book.tree.log_time[k],
            "stage_log_times": np.array([s[0] for s in stages]),
            "stage_counts": np.array([s[1].size for s in stages], dtype=np.intp),
            "stage_positions": np.concatenate([np.empty(0), *(s[1] for s in stages)]),
            "stage_masses": np.concatenate([np.empty(0), *(s[2] for s in stages)]),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self._restore_tree(saved)
        ends = np.cumsum(saved["stage_counts"])[:-1]
        positions = np.split(saved["stage_positions"], ends)
        masses = np.split(saved["stage_masses"], ends)
        book, work, still = self.book, self.work, self.standstill
        if saved["stage_log_times"].size:
            times = map(float, saved["stage_log_times"])
            book.stages = list(zip(times, positions, masses, strict=True))
        else:
            book.stages = []
        origin, turned, log_t, book.worst_log_width, work.h, still.below = map(
            float, saved["numbers"]
        )
        work.accepted, work.rejected, work.evaluations, work.segments, self.few_from, looked = map(
            int, saved["counts"]
        )
        still.looked = looked
        names = ("x", "weights", "nodes", "log_width", "part_below")
        arrays = {name: np.array(saved[name]) for name in names}
        here = Survivors(**arrays, origin=origin, turned=turned)
        book.stand = Stand(log_t, here, None, None, book.tree.count, len(book.stages))

    def _restore_tree(self, saved: dict[str, Any]) -> None:
        tree = self.book.tree
        left, right, sizes = saved["left"], saved["right"], saved["sizes"]
        check_tree(left, right, sizes, tree.n)
        nodes, count = saved["nodes"], left.size
        alive = np.setdiff1d(np.arange(tree.n + count), np.concatenate([left, right]))
        if not np.array_equal(np.sort(nodes), alive):
            raise StorageError("the checkpoint is damaged: its particles are not those left over")
        sizes_of = {saved[k].shape for k in ("x", "weights", "log_width", "part_below")}
        if sizes_of != {nodes.shape}:
            raise StorageError("the checkpoint is damaged: its arrays have different lengths")
        tree.count = 0
        tree.join(left, right, sizes, saved["masses"], saved["log_times"])


class MergingProblem(Problem):
    """What a run of merging particles records: a tree, which is whole at any end.

    Parameters
    ----------
    times, stepper, result
        As in :class:`Problem`.
    omega : float
        Natural frequency of all particles.
    mean0 : float
        Weighted mean of the positions at the start, which forces of pairs conserve.
    """

    whole: ClassVar[bool] = True
    stepper: Merging
    result: CoalesceResult

    def __init__(
        self,
        times: np.ndarray,
        stepper: Merging,
        result: CoalesceResult,
        omega: float,
        mean0: float,
    ):
        super().__init__(times, stepper, result)
        self.omega, self.mean0 = omega, mean0

    def allocate(self) -> None:
        """Nothing: the tree has its place."""

    def record(self, start: int, times: np.ndarray, rows: np.ndarray) -> None:
        """Nothing: the book has everything."""

    def state(self, t: float, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Angles and weights of the particles that are left."""
        left = self.stepper.book.stand.left
        return left.angles, left.weights

    def trim(self, done: int) -> None:
        """Make the result of what was found."""
        self._fill(self.result)

    def so_far(self, done: int) -> Result:
        partial = copy.copy(self.result)
        self._fill(partial)
        return partial

    def _fill(self, result: CoalesceResult) -> None:
        book = self.stepper.book
        stand, left = book.stand, book.stand.left
        stages, final = book.stages[: stand.stages], left.angles
        result.stats["segments"] = self.stepper.work.segments
        result.stats["certificate"] = book.certificate
        if not self.stepper.law.divided:
            drift = abs(left.mean(self.stepper.law.total) - self.mean0)
            result.stats["drift"] = {"weighted mean of the positions": float(drift)}
        if self.omega != 0:
            # the run is in the frame that rotates with the particles
            latest = max(stand.log_t, *(s[0] for s in stages), -np.inf)
            if latest + math.log(abs(self.omega)) <= _TURNS:
                result.stats["frame"] = "laboratory"
                stages = [(t, _turned(x, self.omega * math.exp(t)), c) for t, x, c in stages]
                final = _turned(final, self.omega * math.exp(stand.log_t))
            else:
                result.stats["frame"] = f"rotating with frequency {self.omega!r}"
        result.fill(book.tree, stand.merges, (final, left.weights.copy()), stages)

    def at(self, failure: Failure) -> str:
        """When it was, for messages."""
        return f"ln t={failure.time:.6g}"

    def reached(self, failure: Failure) -> str:
        """How far the run came, for messages."""
        return f"at {self.at(failure)} with {self.stepper.book.stand.left.size} particles left"

    def kept(self) -> str:
        """What there is of the result, for messages."""
        return "error.result holds the merges so far"

    def error(self, failure: Failure) -> BaseException | None:
        """Where the particles stand, or have come apart, the run says how far it came."""
        cause = failure.cause
        if not isinstance(cause, (StationaryError, WidthError)):
            return None
        text = f"coalesce stopped {self.reached(failure)}: {cause}; {self.kept()}"
        result: SolverError = type(cause)(
            text, time=failure.time, reason=cause.reason, result=self.result
        )
        return result


def _turned(x: np.ndarray, angle: float) -> np.ndarray:
    """Angles, in order, turned so that the first stays in [0, 2π)."""
    x = x + angle % (2 * np.pi)
    return np.asarray(x - 2 * np.pi * np.floor(x[0] / (2 * np.pi)))
