"""Steps between merges: many particles by series, few of them by sums over pairs."""

from __future__ import annotations

import math
import time as clock
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from .._ext.circle import MeanField
from .._ext.clusters import Clusters
from .._ext.integrator import Integrator
from ..core.limits import deadline
from ..core.rungekutta import integrator
from ..core.status import Status
from .joins import Groups, Moment
from .mergebook import MergeBook
from .mergelaw import MergeLaw
from .standstill import LOOK, Standstill
from .survivors import Survivors

__all__ = ["FEW", "FewSegment", "ManySegment", "Segment", "Work"]

#: up to here: sums over pairs, exponent factored out
FEW = 300
_PATIENCE = 50  # steps after which whatever has met is merged

#: ``until(x)``: the run ends where it holds
Until = Callable[[np.ndarray], bool]


class Work:
    """What the segments of a run have cost, and what they may still.

    Parameters
    ----------
    options : dict
        Checked: ``rtol``, ``atol``, ``nsteps``.

    Attributes
    ----------
    accepted, rejected, evaluations, segments : int
    h : float
        Step that the next segment tries first.
    """

    def __init__(self, options: dict[str, Any]):
        self.options = options
        self.accepted = self.rejected = self.evaluations = self.segments = 0
        self.h = 0.0

    def integrator(self, rhs: Any, state: np.ndarray, atol: np.ndarray | None = None) -> Integrator:
        """A method for one segment, on a clock of its own, with the steps and time left.

        With `atol`, tolerances of its own, it stops where the event of `rhs` falls through zero.
        """
        limits = {
            **self.options,
            "max_step": np.inf,
            "nsteps": max(1, self.options["nsteps"] - self.accepted),
            "time_limit": max(1e-9, deadline() - clock.perf_counter()),
        }
        if atol is None:
            method = integrator(rhs, limits, first_step=self.h)
        else:
            limits["atol"] = atol
            method = integrator(rhs, limits, first_step=self.h, directions=(-1,), terminal=(True,))
        method.set_state(0.0, state)
        self.segments += 1
        return method

    def account(self, method: Integrator) -> None:
        """Add the cost of a segment."""
        self.accepted += method.accepted
        self.rejected += method.rejected
        self.evaluations += method.evaluations


class Segment(ABC):
    """Steps of the particles that are left, until some of them merge.

    Parameters
    ----------
    law : MergeLaw
    book : MergeBook
    work : Work
    standstill : Standstill
    until : callable, optional
        See :data:`Until`.

    Attributes
    ----------
    cause : exception or None
        Behind a status that ended the run.
    """

    def __init__(
        self,
        law: MergeLaw,
        book: MergeBook,
        work: Work,
        standstill: Standstill,
        until: Until | None,
    ):
        self.law, self.book, self.work = law, book, work
        self.standstill, self.until = standstill, until
        self.cause: BaseException | None = None

    @abstractmethod
    def run(self) -> Status:
        """Go on until something merges, or the equations do not fit any longer."""

    def step(self, method: Integrator) -> Status:
        """Take one accepted step; why the run cannot go on, where it cannot."""
        status = Status(method.step())
        self.cause = method.interruption or method.rhs.error
        if status == Status.RHS_FAILED and self.cause is None:
            return Status.NON_FINITE
        return status

    def held(self) -> bool:
        """Whether the user's ``until`` holds of the particles that are left."""
        return self.until is not None and self.until(self.book.here.x)


class ManySegment(Segment):
    """Forces by series, in plain time; what has met merges at the end, at the times it has met.

    Attributes
    ----------
    faint : bool
        The series does not see the forces: sums over pairs must take over.
    """

    faint = False

    def run(self) -> Status:
        here = self.book.here
        field = self.law.field(here.weights)
        if self._is_faint(field):
            return Status.RUNNING
        groups, log_time = Groups(here.nodes, self.law.near), self.law.clock(self.book.log_t, 0.0)
        slope, rate = self.law.contraction_rate(field, here.x)
        moment = self.law.moment(here, 0.0, rate, slope)
        groups.advance(moment, moment, self.book.tree, log_time)
        self.book.write(here, self.book.log_t, groups)
        status = Status.RUNNING
        if not self._enough(groups, here.size):
            method = self.work.integrator(field, here.x)
            try:
                status = self._steps(method, field, groups, moment)
            finally:
                self.work.account(method)
            self.work.h = method.h
        if status == Status.RUNNING and groups.count < here.size:
            self.book.merge(groups)
        return status

    def _steps(
        self, method: Integrator, field: MeanField, groups: Groups, moment: Moment
    ) -> Status:
        log_time = self.law.clock(self.book.log_t, 0.0)
        size = self.book.here.size
        while True:
            status = self.step(method)
            if status != Status.RUNNING:
                return status
            moment = self._adopt(method, field, groups, moment, log_time)
            if groups.count < size and (
                self._enough(groups, size) or groups.count <= FEW or method.accepted > _PATIENCE
            ):
                return Status.RUNNING
            if self.held():
                return Status.UNTIL
            if method.accepted % LOOK == 0 and self._is_faint(field):
                return Status.RUNNING

    def _adopt(
        self,
        method: Integrator,
        field: MeanField,
        groups: Groups,
        begin: Moment,
        log_time: Callable[[Any], np.ndarray],
    ) -> Moment:
        """Take over a step: positions, widths, and what has met within it."""
        t, x = method.get_state()
        if np.any(x[1:] < x[:-1]):
            # rounding may exchange neighbours that are as good as together
            x = np.maximum.accumulate(x)
        slope, rate = self.law.contraction_rate(field, x)
        log_width = self.book.here.log_width
        if np.any(np.isfinite(log_width)):
            log_width = log_width - 0.5 * (begin.rate + rate) * (t - begin.time)
        here = self.book.here.moved(x, log_width)
        self.book.write(here, float(log_time(t)), groups)
        end = self.law.moment(here, t, rate, slope)
        groups.advance(begin, end, self.book.tree, log_time)
        self.book.write(here, self.book.log_t, groups)
        return end

    def _is_faint(self, field: MeanField) -> bool:
        self.faint = self.standstill.is_faint(field, self.book.here)
        return self.faint

    @staticmethod
    def _enough(groups: Groups, size: int) -> bool:
        """Whether so much has met that a smaller system pays."""
        return groups.count <= size - max(1, size // 50)


class FewSegment(Segment):
    """Sums over pairs, the largest exponent taken out of the time; stops where two merge.

    Attributes
    ----------
    scale : float
        The largest exponent at the last step.
    """

    scale = 0.0

    def run(self) -> Status:
        here, smallest = self.book.here.about_the_next()
        self.book.write(here, self.book.log_t)
        shift = self.law.largest_exponent(here.x)
        field = self.law.field(here.weights, "direct", shift)
        if self._meet(field, shift):
            return Status.RUNNING
        if here.size <= 64 or self.work.accepted >= self.standstill.looked + LOOK:
            self.standstill.look(here, shift, self.work.accepted)
        below, above = here.reaches()
        watched = here.extents() > self.law.near
        rhs = Clusters(field, below, above, watched, self.law.gap)
        method = self._method(rhs, here)
        try:
            status = self._steps(method, field, shift, smallest, bool(np.all(watched)))
        finally:
            self.work.account(method)
        if status == Status.RUNNING:
            # the scaled time runs faster where forces have grown
            self.work.h = method.h * math.exp(self.scale - shift)
            self._meet(field, shift)
        return status

    def _method(self, rhs: Clusters, here: Survivors) -> Integrator:
        n = here.size
        # the gaps shall be known relatively, down to the gap at which they merge; only real widths
        # count
        atol = np.full(2 * n, min(self.work.options["atol"], 1e-7 * self.law.gap))
        atol[n:] = np.where(np.isfinite(here.log_width), 1e-9, 1e300)
        state = np.concatenate([here.x, np.zeros(n)])
        return self.work.integrator(rhs, state, atol)

    def _steps(
        self, method: Integrator, field: MeanField, shift: float, smallest: float, apart: bool
    ) -> Status:
        start = self.book.here
        log_time = self.law.clock(self.book.log_t, shift)
        n = start.size

        def at(t: float, y: np.ndarray) -> tuple[Survivors, float]:
            return start.moved(y[:n], start.log_width - y[n:]), float(log_time(t))

        while True:
            status = self.step(method)
            if status == Status.EVENT:
                self._write(*at(method.t_event, method.event_state))
                return Status.RUNNING
            if status != Status.RUNNING:
                return status
            here, log_t = at(*method.get_state())
            if not apart and self.law.ready(here, field, shift) is not None:
                self._write(*self._first_ready(method, field, shift, at))
                return Status.RUNNING
            self._write(here, log_t)
            if abs(self.scale - shift) > 3 or here.gaps.min() < 0.1 * smallest:
                return Status.RUNNING
            if self.held():
                return Status.UNTIL
            if method.accepted % LOOK == 0:
                self.standstill.look(here, shift, self.work.accepted)

    def _first_ready(
        self,
        method: Integrator,
        field: MeanField,
        shift: float,
        at: Callable[[float, np.ndarray], tuple[Survivors, float]],
    ) -> tuple[Survivors, float]:
        """Where in the last step a pair may merge that was together before the field contracted."""
        low, high = method.t_old, method.t
        for _ in range(60):
            middle = 0.5 * (low + high)
            if self.law.ready(at(middle, method.dense(middle))[0], field, shift) is not None:
                high = middle
            else:
                low = middle
        return at(high, method.dense(high))

    def _write(self, here: Survivors, log_t: float) -> None:
        self.book.write(here, log_t)
        self.scale = self.law.largest_exponent(here.x)

    def _meet(self, field: MeanField, shift: float) -> bool:
        """Merge what has met; whether there was any."""
        here, log_t = self.book.here, self.book.log_t
        moment = self.law.ready(here, field, shift)
        if moment is None:
            return False
        groups = Groups(here.nodes, self.law.near)
        if not groups.advance(moment, moment, self.book.tree, lambda t: np.full(t.size, log_t)):
            return False
        self.book.merge(groups)
        self.book.remember()
        return True
