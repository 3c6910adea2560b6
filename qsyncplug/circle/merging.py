"""The run behind :func:`coalesce`: steps, segments between merges, the certificate, and when to
give up.
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from typing import Any

import numpy as np

from .._ext.circle import Clusters, MeanField
from .._ext.integrator import Integrator
from ..core.errors import (
    NonFiniteError,
    SolverError,
    SolverInterrupted,
    StepLimitError,
    StepSizeError,
    TimeLimitError,
)
from .balance import imbalance, next_stable
from .field import _KINDS, _wrap, choose_kernel, count_cells
from .joins import Groups, Moment
from .model import Circle
from .tree import CoalesceResult, TreeBuilder

__all__ = ["Merging", "StationaryError", "WidthError"]

_FEW = 300  # from here on: sums over pairs, exponent factored out
_MOST = 4096  # sums over pairs are bearable up to here, where the series sees nothing
_LOOK = 16  # steps between two looks for a stationary state
_TURNS = math.log(1e8)  # ln of the angle from where on its turns are no longer resolved
_BALANCED = 3e-14  # imbalance that rounding of the angles and sums makes
_FAINT = 1e-12  # forces below this part of the largest possible may be rounding of the series


def turned(x: np.ndarray, angle: float) -> np.ndarray:
    """Angles, in order, turned so that the first stays in [0, 2π)."""
    x = x + angle % (2 * np.pi)
    return np.asarray(x - 2 * np.pi * np.floor(x[0] / (2 * np.pi)))


class WidthError(SolverError):
    """Particles that had been merged would have come apart again: the result would be wrong from
    here on.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.WidthError, Exception)
    True
    """


class StationaryError(SolverError):
    """The particles stand still, or come to rest, without being together.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> issubclass(qsp.StationaryError, Exception)
    True
    """


class Merging:
    """State of one run; positions are in order and span less than a turn."""

    def __init__(
        self,
        model: Circle,
        x0: np.ndarray,
        unit: float,
        gap: float,
        contraction: float,
        options: dict[str, Any],
        until: Callable[[np.ndarray], bool] | None = None,
    ):
        n = x0.size
        self.model, self.unit, self.gap, self.contraction, self.o, self.until = (
            model,
            unit,
            gap,
            contraction,
            options,
            until,
        )
        weights = np.ones(n) if model.weights is None else np.array(model.weights)
        wrapped = _wrap(x0)[0]
        order = np.argsort(wrapped, kind="stable")
        self.x, self.c, self.nodes = wrapped[order], weights[order], order.astype(np.intp)
        self.log_width = np.full(
            n, -np.inf
        )  # of what has merged, and the part of the width that is below the position
        self.part_below = np.zeros(n)
        self.tree = TreeBuilder(weights)
        self.total = float(np.sum(weights))
        self.mean0 = float(self.x @ self.c) / self.total
        # of the positions: near the pair that merges next, so that its gap keeps all its digits
        self.origin = 0.0
        self.turned = 0.0  # weight times turns that the cut of the circle has moved
        self.history: list[tuple[float, np.ndarray, np.ndarray]] = []
        self.log_t = -np.inf
        self.steps = self.rejected = self.evaluations = self.segments = 0
        self.worst_log_width = -np.inf
        force = model.interaction
        self.force = force
        self.divided = isinstance(model.normalization, str) and model.normalization == "attention"
        self.series = force.coefficients()
        self.weight_series = force.normaliser_coefficients() if self.divided else None
        self.attention = force.kind == "attention" and force.beta != 0
        grid = np.linspace(0, np.pi, 4 * self.series.size + 64)
        falling = np.flatnonzero(force.df(grid) <= 0)
        self.reach = min(np.pi, 3 * float(grid[falling[0]])) if falling.size else np.pi
        self.begin = clock.perf_counter()
        self.h = 0.0
        self.near = gap * (1 + 1e-9)  # the same extent, computed twice
        self.few_from = _FEW
        self.try_below = 1e-5  # imbalance at which a stable state is looked for next
        self.looked = -_LOOK  # number of steps at the last look for a stationary state
        self.stopped = False

    # ------------------------------------------------------------ the whole run

    def run(self) -> CoalesceResult:
        """Run to one particle, or to where ``until`` holds."""
        self.cut()
        groups = Groups(self.nodes, 0.0)
        rest = self.moment(0.0, self.x, np.zeros(self.x.size), None)
        if groups.advance(rest, rest, self.tree, lambda t: np.full(t.size, -np.inf)):
            self.merge(groups)
        while self.x.size > self.few_from and not self.stopped:
            self.many()
        self.remember()
        while self.x.size > 1 and not self.stopped:
            self.few()
        return self.result()

    def result(self) -> CoalesceResult:
        """Collect what has been found so far."""
        stats: dict[str, Any] = {
            "method": "dop853, merging",
            "steps accepted": self.steps,
            "steps rejected": self.rejected,
            "right-hand sides": self.evaluations,
            "segments": self.segments,
            "run time": clock.perf_counter() - self.begin,
            "certificate": (
                "the widths of merged particles stayed below "
                f"{math.exp(min(self.worst_log_width, 0.0)):.3g}"
            ),
        }
        if not self.divided:
            mean = (float(self.x @ self.c) - 2 * np.pi * self.turned) / self.total + self.origin
            stats["drift"] = {"weighted mean of the positions": float(abs(mean - self.mean0))}
        omega = self.common_frequency
        if omega != 0:
            latest = max(self.log_t, *(h[0] for h in self.history), -np.inf)
            resolved = latest + math.log(abs(omega)) <= _TURNS
            stats["frame"] = "laboratory" if resolved else f"rotating with frequency {omega!r}"
        else:
            resolved = True
        history, final = self.history, self.angles()
        if omega != 0 and resolved:
            # the run is in the frame that rotates with the particles
            history = [(log_t, turned(x, omega * math.exp(log_t)), c) for log_t, x, c in history]
            final = turned(final, omega * math.exp(self.log_t))
        result = CoalesceResult(
            None,
            {"store_states": False, "store_final_state": False, **self.o},
            solver="coalesce",
            stats=stats,
            model=self.model,
        )
        result.fill(self.tree, final, self.c, history)
        return result

    @property
    def common_frequency(self) -> float:
        """Natural frequency of all particles."""
        return float(np.mean(self.model.frequencies)) if self.model.frequencies is not None else 0.0

    def angles(self) -> np.ndarray:
        """Positions in order around the circle, the first in [0, 2π)."""
        x = self.x + self.origin
        return np.asarray(x - 2 * np.pi * np.floor(x[0] / (2 * np.pi)))

    def fail(self, kind: type[SolverError], what: str, reason: str) -> SolverError:
        """Make an error that carries the partial result."""
        reached = f"coalesce stopped at ln t={self.log_t:.6g} with {self.x.size} particles left"
        text = f"{reached}: {what}; error.result holds the merges so far"
        result = self.result()
        result.stats["stopped"] = f"{reason} at ln t={self.log_t:.6g}"
        return kind(text, time=self.log_t, reason=reason, result=result)

    # ------------------------------------------------------------ merging

    def cut(self) -> None:
        """Begin after the largest gap, so that nothing merges across the ends."""
        x = self.x
        k = int(np.argmax(np.append(np.diff(x), x[0] + 2 * np.pi - x[-1]))) + 1
        if k < x.size:
            self.turned += float(np.sum(self.c[:k]))
            self.x = np.concatenate([x[k:], x[:k] + 2 * np.pi])
            self.c, self.nodes, self.log_width, self.part_below = (
                np.roll(a, -k) for a in (self.c, self.nodes, self.log_width, self.part_below)
            )

    def reaches(self) -> tuple[np.ndarray, np.ndarray]:
        """How far what has merged extends below and above each position."""
        with np.errstate(under="ignore"):
            width = np.exp(np.minimum(self.log_width, 700.0))
        below = self.part_below * width
        return below, width - below

    def moment(
        self, time: float, x: np.ndarray, rate: np.ndarray, slope: np.ndarray | None
    ) -> Moment:
        """Positions, widths and the field's contraction, for :class:`Groups`; no slope: everything
        may merge.
        """
        if np.any(np.isfinite(self.log_width)):
            below, above = self.reaches()
        else:
            below = above = np.broadcast_to(0.0, x.shape)
        sums: list[np.ndarray] = []

        def margin(k: np.ndarray) -> np.ndarray:
            if slope is None:
                return np.zeros(k.size)
            if not sums:
                sums.append(np.concatenate([[0.0], np.cumsum(self.c)]))
            # χ′ against what all the weight nearby would give
            nearby = self.weight_below(x, sums[0], x[k] + self.reach, "right")
            nearby -= self.weight_below(x, sums[0], x[k] - self.reach, "left")
            limit = self.contraction * self.force.slope * np.minimum(nearby, self.total)
            return np.asarray(slope[k] * self.total - limit)

        return Moment(time, x, below, above, rate, margin)

    def weight_below(
        self, x: np.ndarray, sums: np.ndarray, at: np.ndarray, side: Any
    ) -> np.ndarray:
        """Weight from x[0] up to `at`, around the circle."""
        turns = np.floor((at - x[0]) / (2 * np.pi))
        return np.asarray(
            sums[np.searchsorted(x, at - 2 * np.pi * turns, side=side)] + turns * self.total
        )

    def merge(self, groups: Groups) -> None:
        """Make one particle of each group, at its weighted mean."""
        x, c = self.x, self.c
        starts, last = groups.first, groups.last
        counts = last - starts + 1
        below, above = self.reaches()
        mass = np.add.reduceat(c, starts)
        centre = x[starts] + np.add.reduceat(c * (x - np.repeat(x[starts], counts)), starts) / mass
        width = np.maximum((x[last] - x[starts]) + below[starts] + above[last], 0.0)
        low = (centre - x[starts]) + below[starts]
        single = counts == 1
        with np.errstate(divide="ignore", invalid="ignore"):
            self.log_width = np.where(single, self.log_width[starts], np.log(width))
            self.part_below = np.where(
                single, self.part_below[starts], np.where(width > 0, low / width, 0.0)
            )
        self.part_below = np.clip(self.part_below, 0.0, 1.0)
        self.x, self.c, self.nodes = np.where(single, x[starts], centre), mass, groups.nodes
        self.certify()
        self.try_below = 1e-5
        if self.x.size > 1:
            self.cut()

    def remember(self) -> None:
        """Keep the positions after a merge."""
        self.history.append((self.log_t, self.angles(), self.c.copy()))

    def certify(self) -> None:
        """Watch the virtual widths."""
        k = int(np.argmax(self.log_width))
        if self.x.size > 1:
            self.worst_log_width = max(self.worst_log_width, float(self.log_width[k]))
        if self.log_width[k] > math.log(self.gap) + 1e-3:
            where = f"the particle at {self.x[k] + self.origin:.6g} (weight {self.c[k]:g})"
            wide = math.exp(min(self.log_width[k], 700.0))
            raise self.fail(
                WidthError,
                f"{where} is {wide:.3g} wide and grows; take a smaller gap or a larger contraction",
                "width regrowth",
            )

    # ------------------------------------------------------------ segments

    def field(self, kernel: str, shift: float = 0.0) -> MeanField:
        """Velocity field of the particles that are left."""
        cells = 0
        if kernel.startswith("taylor"):
            cells = count_cells(
                [self.series] + ([] if self.weight_series is None else [self.weight_series[1:]])
            )
        return MeanField(
            self.x.size,
            _KINDS[self.force.kind],
            self.force.beta,
            self.series,
            self.weight_series if self.divided else None,
            self.c,
            scale=1.0 if self.divided else 1 / self.total,
            method=kernel,
            cells=cells,
            threads=self.o["num_threads"],
            shift=shift,
        )

    def integrator(self, rhs: Any, state: np.ndarray, atol: Any, events: int) -> Integrator:
        """Start a segment."""
        integrator = Integrator(
            rhs,
            rtol=self.o["rtol"],
            atol=atol,
            first_step=self.h,
            nsteps=max(1, self.o["nsteps"] - self.steps),
            time_limit=max(1e-9, self.o["time_limit"] - (clock.perf_counter() - self.begin)),
            n_events=events,
            directions=[-1] * events,
            terminal=[True] * events,
        )
        integrator.set_state(0.0, state)
        self.segments += 1
        return integrator

    def account(self, integrator: Integrator) -> None:
        """Add the cost of a segment."""
        self.steps += integrator.accepted
        self.rejected += integrator.rejected
        self.evaluations += integrator.evaluations

    def stop(self, status: int, integrator: Integrator, rhs: Any) -> None:
        """Raise what a status stands for."""
        if status in (0, 7):
            return
        self.account(integrator)
        if status == 6:
            raise SolverInterrupted(
                f"coalesce was interrupted at ln t={self.log_t:.6g}",
                time=self.log_t,
                result=self.result(),
            ) from integrator.interruption
        if status == 5:
            raise self.fail(
                SolverError, str(rhs.error), "right-hand side refused the state"
            ) from rhs.error
        kind, what, reason = {
            1: (StepLimitError, "step limit; raise options['nsteps']", "step limit"),
            2: (TimeLimitError, "time limit; raise options['time_limit']", "time limit"),
            3: (StepSizeError, "step size underflow; loosen the tolerances", "step size underflow"),
            4: (NonFiniteError, "the positions are not finite", "not finite"),
        }[status]
        raise self.fail(kind, what, reason)

    def contraction_rate(self, rhs: MeanField, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """χ′ with weights of sum 1, and the rate at which a width at each particle shrinks."""
        slope = rhs.slope(x) / self.total
        if not self.divided:
            return slope, slope
        v = rhs(0.0, x)
        # −V′ of V=−χ/g with g′=−β χ
        return slope, slope / (rhs.last_norm() / self.total) + self.force.beta * v * v

    def faint(self, rhs: MeanField, x: np.ndarray) -> bool:
        """Whether the series may not see the forces; then sums over pairs take over, if they
        can.
        """
        v = np.abs(rhs(0.0, x))
        if self.divided:
            v = v * rhs.last_norm() / self.total
        if np.max(v) > _FAINT * self.force.peak:
            return False
        if x.size > _MOST:
            what = (
                "the forces on all particles are below the resolution of the series, but the "
                "particles are not together"
            )
            raise self.fail(StationaryError, what, "balanced")
        self.few_from = x.size
        return True

    def clock_of(self, base: float, shift: float) -> Callable[[Any], np.ndarray]:
        """Return the function from the time within a segment to ln t."""

        def log_time(time: Any) -> np.ndarray:
            with np.errstate(divide="ignore"):
                return np.asarray(np.logaddexp(base, np.log(time) - shift - self.unit))

        return log_time

    def many(self) -> None:
        """A segment with many particles: series, plain time; they merge at its end, at the times
        they have met.
        """
        m = self.x.size
        cells = count_cells([self.series])
        kernel = choose_kernel(m, self.series.size, cells, _KINDS[self.force.kind], True)
        rhs = self.field(kernel)
        if self.faint(rhs, self.x):
            return
        slope, rate = self.contraction_rate(rhs, self.x)
        groups = Groups(self.nodes, self.near)
        log_time = self.clock_of(self.log_t, 0.0)
        moment = self.moment(0.0, self.x, rate, slope)
        groups.advance(moment, moment, self.tree, log_time)
        if groups.count <= m - max(1, m // 50):
            self.merge(groups)
            return
        integrator = self.integrator(rhs, self.x, self.o["atol"], 0)
        while True:
            status = integrator.step()
            if status == 5 and rhs.error is None:
                status = 4
            self.stop(status, integrator, rhs)
            t, x = integrator.get_state()
            if np.any(np.diff(x) < 0):
                # rounding may exchange neighbours that are as good as together
                x = np.maximum.accumulate(x)
            self.x = x
            slope, new_rate = self.contraction_rate(rhs, x)
            self.log_t = float(log_time(t))
            if np.any(np.isfinite(self.log_width)):
                self.log_width = self.log_width - 0.5 * (rate + new_rate) * (t - moment.time)
                self.certify()
            begin, moment, rate = moment, self.moment(t, x, new_rate, slope), new_rate
            groups.advance(begin, moment, self.tree, log_time)
            left = groups.count
            if left < m and (
                left <= m - max(1, m // 50) or left <= _FEW or integrator.accepted > 50
            ):
                break
            if self.until is not None and self.until(x):
                self.stopped = True
                break
            if integrator.accepted % _LOOK == 0 and self.faint(rhs, x):
                break
        self.account(integrator)
        self.h = integrator.h
        if left < m:
            self.merge(groups)

    def exponent(self, d: np.ndarray) -> np.ndarray:
        """Logarithm of the scaled attention weight."""
        beta = self.force.beta
        half = np.sin(d / 2) if beta >= 0 else np.cos(d / 2)
        return -2 * abs(beta) * half * half

    def largest_exponent(self, x: np.ndarray) -> float:
        """Logarithm of the largest force between two particles of unit weight."""
        if not self.attention:
            return 0.0
        if self.force.beta > 0:
            d = np.append(np.diff(x), x[0] + 2 * np.pi - x[-1])
        else:
            d = (x[:, None] - x[None, :])[np.triu_indices(x.size, 1)]
        s = np.abs(np.sin(d))
        d, s = d[s > 0], s[s > 0]
        return float(np.max(self.exponent(d) + np.log(s), initial=-1e300)) if d.size else 0.0

    def rest(self, x: np.ndarray, shift: float) -> None:
        """Raise StationaryError where the forces cancel to rounding, or next to a stable state."""
        self.looked = self.steps
        d = x[:, None] - x[None, :]
        if self.attention:
            with np.errstate(under="ignore", over="ignore"):
                weight = np.exp(np.minimum(self.exponent(d) - shift, 600.0))
            s = np.sin(d)
            push, pull = (
                s * weight * self.c,
                (np.cos(d) - self.force.beta * s * s) * weight * self.c,
            )
        else:
            push, pull = self.force.f(d) * self.c, self.force.df(d) * self.c
        away = float(np.max(imbalance(push, pull)))
        if away <= _BALANCED or away < min(self.try_below, 0.1 * float(np.min(np.diff(x)))):
            self.try_below = 0.1 * away
            distance = next_stable(push, pull, self.c)
            if distance * (1 + abs(self.force.beta)) < 1e-3 and distance < 0.1 * float(
                np.min(np.diff(x))
            ):
                what = (
                    f"they come to a stable state {distance:.2g} away, in which they are not "
                    "together"
                )
                raise self.fail(StationaryError, what, "stable")
            if away <= _BALANCED:
                what = "all forces cancel to rounding, but the particles are not together"
                raise self.fail(StationaryError, what, "balanced")

    def few(self) -> None:
        """A segment with few particles: sums over pairs, the largest exponent taken out, stops
        where two merge.
        """
        k = int(np.argmin(np.diff(self.x)))
        pair = self.x[k] + (self.x[k + 1] - self.x[k]) * self.c[k + 1] / (self.c[k] + self.c[k + 1])
        self.x, self.origin = self.x - pair, self.origin + pair
        smallest, n = self.x[k + 1] - self.x[k], self.x.size
        shift = min(0.0, self.largest_exponent(self.x))
        field = self.field("direct", shift)
        if self.meet(field, self.x, shift):
            return
        if n <= 64 or self.steps >= self.looked + _LOOK:
            self.rest(self.x, shift)
        below, above = self.reaches()
        watched = np.diff(self.x) + below[:-1] + above[1:] > self.near
        rhs = Clusters(field, below, above, watched, self.gap)
        # the gaps shall be known relatively, down to the gap at which they merge; only real widths
        # count
        atol = np.full(2 * n, min(self.o["atol"], 1e-7 * self.gap))
        atol[n:] = np.where(np.isfinite(self.log_width), 1e-9, 1e300)
        integrator = self.integrator(rhs, np.concatenate([self.x, np.zeros(n)]), atol, 1)
        log_time, log_width = self.clock_of(self.log_t, shift), self.log_width

        def adopt(t: float, y: np.ndarray) -> None:
            self.x, self.log_t, self.log_width = y[:n], float(log_time(t)), log_width - y[n:]

        while True:
            status = integrator.step()
            self.stop(status, integrator, rhs)
            t, y = (
                (integrator.t_event, integrator.event_state)
                if status == 7
                else integrator.get_state()
            )
            adopt(t, y)
            if not np.all(watched) and status == 0 and self.ready(field, self.x, shift):
                # a pair that was together before the field contracted there
                low, high = integrator.t_old, t
                for _ in range(60):
                    middle = 0.5 * (low + high)
                    y = integrator.dense(middle)
                    adopt(middle, y)
                    if self.ready(field, self.x, shift):
                        high = middle
                    else:
                        low = middle
                adopt(high, integrator.dense(high))
                status = 7
            self.certify()
            scale = min(0.0, self.largest_exponent(self.x))
            if status == 7 or abs(scale - shift) > 3 or np.min(np.diff(self.x)) < 0.1 * smallest:
                break
            if self.until is not None and self.until(self.x):
                self.stopped = True
                break
            if integrator.accepted % _LOOK == 0:
                self.rest(self.x, shift)
        self.account(integrator)
        # the scaled time runs faster where forces have grown
        self.h = integrator.h * math.exp(scale - shift)
        self.meet(field, self.x, shift)

    def ready(self, field: MeanField, x: np.ndarray, shift: float) -> bool:
        """Whether a pair of neighbours is within the gap where the field contracts."""
        below, above = self.reaches()
        k = np.flatnonzero(np.diff(x) + below[:-1] + above[1:] <= self.near)  # as in Moment.extent
        if k.size == 0:
            return False
        moment = self.moment(0.0, x, x, field.slope(x) / self.total * math.exp(shift))
        return bool(np.any((moment.margin(k) >= 0) & (moment.margin(k + 1) >= 0)))

    def meet(self, field: MeanField, x: np.ndarray, shift: float) -> bool:
        """Merge what has met; whether there was any."""
        if not self.ready(field, x, shift):
            return False
        groups = Groups(self.nodes, self.near)
        moment = self.moment(
            0.0, x, np.zeros(x.size), field.slope(x) / self.total * math.exp(shift)
        )
        if not groups.advance(moment, moment, self.tree, lambda t: np.full(t.size, self.log_t)):
            return False
        self.merge(groups)
        self.remember()
        return True
