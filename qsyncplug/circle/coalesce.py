"""From many particles to one: metastable clusters and their merging, in logarithmic time."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._ext.circle import Merging, find_groups
from .._ext.integrator import Integrator
from ..core.checks import check_memory, check_number
from ..core.errors import NonFiniteError, SolverError, SolverInterrupted, StepLimitError, StepSizeError, TimeLimitError
from ..core.options import DEFAULTS, complete_options
from .field import _KINDS, _wrap, choose_kernel, count_cells
from .model import Circle
from .tree import CoalesceResult, TreeBuilder

__all__ = ["StationaryError", "WidthError", "coalesce"]

_FEW = 300  # from here on: sums over pairs, exponent factored out
_OPTIONS = {key: DEFAULTS[key] for key in ("method", "atol", "rtol", "nsteps", "time_limit", "num_threads")}
_STATIONARY = 1e-13


class WidthError(SolverError):
    """Particles that had been merged would have come apart again: the result would be wrong from here on."""


class StationaryError(SolverError):
    """The particles stand still to rounding without being together."""


def coalesce(
    model: Circle,
    x0: Any,
    *,
    gap: float = 1e-8,
    contraction: float = 0.3,
    options: dict[str, Any] | None = None,
) -> CoalesceResult:
    r"""Follow identical particles until all have merged into one, however long it takes.

    Attention at large β has metastable clusters that merge at times like :math:`e^{2β}`. Neighbours closer than `gap`
    become one particle with the sum of their weights at their weighted mean, which the weighted model represents
    exactly up to terms of the order of `gap` squared; time is kept as its logarithm, and where forces are exponentially
    small their largest exponent is taken out.

    Parameters
    ----------
    model : Circle
        Identical particles (weights may differ), attraction at short distance, no lag, no adjacency.
    x0 : (n,) array_like
        Positions.
    gap : float
        Distance at which neighbours merge.
    contraction : float
        Neighbours merge only where the field contracts, :math:`\sum_jc_jf'(x_i-x_j)` at least this part of what the
        particles nearby could give.
    options : dict, optional
        ``rtol, atol, nsteps, time_limit, num_threads`` as in :class:`CircleSolver`.

    Returns
    -------
    CoalesceResult
        The tree of merges.

    Raises
    ------
    ValueError, TypeError
        Bad input; a model in which merging is not exact: different frequencies, an adjacency, different responses or
        divisors, a phase lag; no attraction.
    WidthError
        The certificate failed: the virtual width δ of a merged particle, :math:`\dot δ=-χ'(x_c)δ`, has grown beyond `gap`.
    StationaryError
        The particles stand still without being together (e.g. a regular polygon, or a stable state at β<−2/3).
    StepLimitError, TimeLimitError, StepSizeError
        Limits; each carries the partial result and `time` = ln t.

    Notes
    -----
    Times are in the units of the model: (T1) with its factor :math:`e^{β}`, ``"sum"`` with its factor n. For
    ``attention(beta, scaled=True)`` with ``"mean"`` the last merge of n uniform particles is at :math:`t≈e^{2β}`.

    Examples
    --------
    >>> import numpy as np
    >>> from qsyncplug.circle import Circle, attention, coalesce
    >>> run = coalesce(Circle(attention(20.0), "mean"), np.linspace(0, 6, 50) ** 1.01)
    >>> run.complete, int(run.cluster_counts[-1])
    (True, 1)
    """
    gap = check_number("gap", gap, minimum=1e-13, maximum=1e-3)
    contraction = check_number("contraction", contraction, maximum=1.0)
    if options is not None and isinstance(options, Mapping):
        options = dict(options)
    return _Run(model, x0, gap, contraction, complete_options(options, _OPTIONS, ("dop853",))).run()


def _check_model(model: Circle, n: int) -> float:
    """Return the logarithm of the factor between the velocity and that of unit total weight and scaled force."""
    reasons = []
    if model.adjacency is not None:
        reasons.append("an adjacency")
    if isinstance(model.frequencies, np.ndarray) and np.ptp(model.frequencies) != 0:
        reasons.append("different frequencies")
    if model.phase_lag != 0:
        reasons.append("a phase lag")
    if model.response is not None and np.ptp(model.response) != 0:
        reasons.append("different responses")
    g = model.normalization
    if callable(g) or (isinstance(g, np.ndarray) and np.ptp(g) != 0):
        reasons.append("different divisors")
    if reasons:
        raise ValueError(f"coalesce needs identical particles, for which merging is exact; the model has {', '.join(reasons)}")
    force = model.interaction
    if not force.decays:
        raise ValueError(f"coalesce needs an interaction with a sine series, which {force} has not")
    if not (model.coupling > 0 and force.slope > 0):
        slope = model.coupling * force.slope
        raise ValueError(f"coalesce needs attraction, coupling·f'(0) > 0, not {slope:g}")
    result = math.log(model.coupling)
    if model.response is not None:
        result += math.log(model.response[0])
    if isinstance(g, str) and g == "attention":
        return result
    divisor: Any = model.divisors(n)
    return result + force.log_scale + math.log(model.total_weight(n)) - math.log(np.max(divisor))


class _Run:
    """State of one run; positions are in order and span less than a turn."""

    def __init__(self, model: Circle, x0: Any, gap: float, contraction: float, options: dict[str, Any]):
        if not isinstance(model, Circle):
            raise TypeError(f"model must be a Circle, not {type(model).__name__}")
        x0 = model.positions(x0, "x0")
        n = x0.size
        self.unit = _check_model(model, n)
        self.model, self.gap, self.contraction, self.o = model, gap, contraction, options
        check_memory("coalesce", 8.0 * 60 * n, advice="take fewer particles")
        weights = np.ones(n) if model.weights is None else np.array(model.weights)
        wrapped = _wrap(x0)[0]
        order = np.argsort(wrapped, kind="stable")
        self.x, self.c, self.nodes = wrapped[order], weights[order], order.astype(np.intp)
        self.log_radius = np.full(n, -np.inf)
        self.tree = TreeBuilder(weights)
        self.total = float(np.sum(weights))
        self.mean0 = float(self.x @ self.c) / self.total
        self.origin = 0.0  # of the positions: near the pair that merges next, so that its gap keeps all its digits
        self.turned = 0.0  # weight times turns that the cut of the circle has moved
        self.history: list[tuple[float, np.ndarray, np.ndarray]] = []
        self.log_t = -np.inf
        self.steps = self.rejected = self.evaluations = self.segments = 0
        self.worst_log_radius = -np.inf
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
        self.near = gap * (1 + 1e-6)  # an event is located to the resolution of the positions

    # ------------------------------------------------------------ the whole run

    def run(self) -> CoalesceResult:
        self.cut()
        together = self.groups(np.ones(self.x.size, bool), 0.0)
        if together.size < self.x.size:
            self.merge(together, -np.inf)
        while self.x.size > _FEW:
            self.many()
        self.remember()
        while self.x.size > 1:
            self.few()
        return self.result()

    def result(self) -> CoalesceResult:
        stats: dict[str, Any] = {
            "method": "dop853, merging",
            "steps accepted": self.steps,
            "steps rejected": self.rejected,
            "right-hand sides": self.evaluations,
            "segments": self.segments,
            "run time": clock.perf_counter() - self.begin,
            "certificate": f"the widths of merged particles stayed below {math.exp(min(self.worst_log_radius, 0.0)):.3g}",
        }
        if not self.divided:
            mean = (float(self.x @ self.c) - 2 * np.pi * self.turned) / self.total + self.origin
            stats["drift"] = {"weighted mean of the positions": float(abs(mean - self.mean0))}
        result = CoalesceResult(
            None, {"store_states": False, "store_final_state": False, **self.o}, solver="coalesce", stats=stats, model=self.model
        )
        result.fill(self.tree, self.angles(), self.c, self.history)
        return result

    def angles(self) -> np.ndarray:
        """Positions in order around the circle, the first in [0, 2π)."""
        x = self.x + self.origin
        return x - 2 * np.pi * np.floor(x[0] / (2 * np.pi))

    def fail(self, kind: type[SolverError], what: str, reason: str) -> SolverError:
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
            self.c, self.nodes, self.log_radius = (np.roll(a, -k) for a in (self.c, self.nodes, self.log_radius))

    def groups(self, allowed: np.ndarray, gap: float) -> np.ndarray:
        with np.errstate(under="ignore"):
            radius = np.exp(self.log_radius)
        return find_groups(self.x, radius, allowed.view(np.uint8), gap)

    def close(self) -> bool:
        return bool(np.any(np.diff(self.x) <= self.near))

    def allowed(self, slope: np.ndarray) -> np.ndarray:
        """Where the field contracts: χ′ against what all the weight nearby would give."""
        x, c = self.x, self.c
        if self.reach >= np.pi:
            nearby = np.full(x.size, self.total)
        else:
            period = 2 * np.pi
            xs = np.concatenate([x - period, x, x + period])
            sums = np.concatenate([[0.0], np.cumsum(np.tile(c, 3))])
            nearby = sums[np.searchsorted(xs, x + self.reach, side="right")] - sums[np.searchsorted(xs, x - self.reach)]
        return slope * self.total >= self.contraction * self.force.slope * nearby

    def merge(self, starts: np.ndarray, log_t: float) -> None:
        x, c = self.x, self.c
        counts = np.diff(np.append(starts, x.size))
        first = np.repeat(x[starts], counts)
        mass = np.add.reduceat(c, starts)
        centre = x[starts] + np.add.reduceat(c * (x - first), starts) / mass
        with np.errstate(under="ignore", divide="ignore"):
            reach = np.abs(x - np.repeat(centre, counts)) + np.exp(self.log_radius)
            radius = np.log(np.maximum.reduceat(reach, starts))
        self.nodes = self.tree.merge(self.nodes, starts, log_t)
        single = counts == 1
        self.log_radius = np.where(single, self.log_radius[starts], radius)
        self.x, self.c = np.where(single, x[starts], centre), mass
        if self.x.size > 1:
            self.cut()
        if np.any(~single):
            self.worst_log_radius = max(
                self.worst_log_radius, float(np.max(self.log_radius[~single])) if self.x.size > 1 else -np.inf
            )

    def remember(self) -> None:
        self.history.append((self.log_t, self.angles(), self.c.copy()))

    def widen(self, change: np.ndarray) -> None:
        """Carry the virtual widths along."""
        self.log_radius = self.log_radius - change
        k = int(np.argmax(self.log_radius))
        self.worst_log_radius = max(self.worst_log_radius, float(self.log_radius[k]))
        if self.log_radius[k] > math.log(self.gap) + 1e-3:
            where = f"the particle at {self.x[k] + self.origin:.6g} (weight {self.c[k]:g})"
            raise self.fail(
                WidthError,
                f"{where} is {math.exp(self.log_radius[k]):.3g} wide and grows; take a smaller gap or a larger contraction",
                "width regrowth",
            )

    # ------------------------------------------------------------ segments

    def field(self, kernel: str, shift: float = 0.0) -> Merging:
        cells = 0
        if kernel.startswith("taylor"):
            cells = count_cells([self.series] + ([] if self.weight_series is None else [self.weight_series[1:]]))
        rhs = Merging(
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
        rhs.gap = self.gap
        return rhs

    def integrator(self, rhs: Merging, events: int) -> Integrator:
        integrator = Integrator(
            rhs,
            rtol=self.o["rtol"],
            # few particles: the gaps shall be known relatively, down to the gap at which they merge
            atol=min(self.o["atol"], 1e-7 * self.gap) if events else self.o["atol"],
            first_step=self.h,
            nsteps=max(1, self.o["nsteps"] - self.steps),
            time_limit=max(1e-9, self.o["time_limit"] - (clock.perf_counter() - self.begin)),
            n_events=events,
            directions=[-1] * events,
            terminal=[True] * events,
        )
        integrator.set_state(0.0, self.x)
        self.segments += 1
        return integrator

    def account(self, integrator: Integrator) -> None:
        self.steps += integrator.accepted
        self.rejected += integrator.rejected
        self.evaluations += integrator.evaluations

    def stop(self, status: int, integrator: Integrator, rhs: Merging) -> None:
        if status in (0, 7):
            return
        self.account(integrator)
        if status == 6:
            raise SolverInterrupted(
                f"coalesce was interrupted at ln t={self.log_t:.6g}", time=self.log_t, result=self.result()
            ) from integrator.interruption
        if status == 5:
            raise self.fail(SolverError, str(rhs.error), "right-hand side refused the state") from rhs.error
        kind, what, reason = {
            1: (StepLimitError, "step limit; raise options['nsteps']", "step limit"),
            2: (TimeLimitError, "time limit; raise options['time_limit']", "time limit"),
            3: (StepSizeError, "step size underflow; loosen the tolerances", "step size underflow"),
            4: (NonFiniteError, "the positions are not finite", "not finite"),
        }[status]
        raise self.fail(kind, what, reason)

    def contraction_rate(self, rhs: Merging, x: np.ndarray, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """χ′ with weights of sum 1, and the rate at which a width at each particle shrinks; both times e^{−shift}."""
        slope = rhs.slope(x) / self.total
        if not self.divided:
            return slope, slope
        v = rhs(0.0, x)
        # −V′ of V=−χ/g with g′=−β χ
        norm = rhs.last_norm() / self.total
        return slope, slope / norm + self.force.beta * v * v * math.exp(shift)

    def balanced(self, rhs: Merging, shift: float) -> bool:
        """Whether the forces on every particle cancel to rounding."""
        v = np.abs(rhs(0.0, self.x))
        if self.divided:
            v = v * rhs.last_norm() / self.total
        if self.x.size <= _FEW:
            d = self.x[:, None] - self.x[None, :]
            with np.errstate(under="ignore", over="ignore"):
                if self.attention:
                    pairs = np.abs(np.sin(d)) * np.exp(np.minimum(self._exponent(d) - shift, 700.0))
                else:
                    pairs = np.abs(self.force.f(d))
            # angles are known to 4e-16, which a steep exponential magnifies
            gross = pairs @ self.c / self.total
            floor = _STATIONARY * (1 + (abs(self.force.beta) if self.attention else 0.0))
            return bool(np.all(v <= floor * gross + 5e-324))
        return bool(np.max(v) <= _STATIONARY * self.force.peak)

    def _exponent(self, d: np.ndarray) -> np.ndarray:
        beta = self.force.beta
        half = np.sin(d / 2) if beta >= 0 else np.cos(d / 2)
        return -2 * abs(beta) * half * half

    def many(self) -> None:
        """A segment with many particles: series, plain time."""
        m = self.x.size
        cells = count_cells([self.series])
        kernel = choose_kernel(m, self.series.size, cells, _KINDS[self.force.kind], True)
        rhs = self.field(kernel)
        if self.balanced(rhs, 0.0):
            raise self.fail(StationaryError, "all forces cancel to rounding, but the particles are not together", "stationary")
        slope, rate = self.contraction_rate(rhs, self.x)
        merges = self.candidates(slope)
        if merges.size <= m - max(1, m // 50):
            self.merge(merges, self.log_t)
            return
        integrator = self.integrator(rhs, 0)
        begin, base = 0.0, self.log_t
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
            self.log_t = float(np.logaddexp(base, math.log(t) - self.unit))
            self.widen(0.5 * (rate + new_rate) * (t - begin))
            begin, rate = t, new_rate
            merges = self.candidates(slope)
            if merges.size < m and (merges.size <= m - max(1, m // 50) or merges.size <= _FEW or integrator.accepted > 50):
                break
        self.account(integrator)
        self.h = integrator.h
        self.merge(merges, self.log_t)

    def candidates(self, slope: np.ndarray) -> np.ndarray:
        if not self.close():
            return np.arange(self.x.size)
        return self.groups(self.allowed(slope), self.near)

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
        return float(np.max(self._exponent(d) + np.log(s), initial=-1e300)) if d.size else 0.0

    def few(self) -> None:
        """A segment with few particles: sums over pairs, the largest exponent taken out, stops where two merge."""
        k = int(np.argmin(np.diff(self.x)))
        pair = self.x[k] + (self.x[k + 1] - self.x[k]) * self.c[k + 1] / (self.c[k] + self.c[k + 1])
        self.x, self.origin = self.x - pair, self.origin + pair
        smallest = self.x[k + 1] - self.x[k]
        shift = min(0.0, self.largest_exponent(self.x))
        rhs = self.field("direct", shift)
        if self.balanced(rhs, shift):
            raise self.fail(StationaryError, "all forces cancel to rounding, but the particles are not together", "stationary")
        slope, rate = self.contraction_rate(rhs, self.x, shift)
        merges = self.candidates(slope * math.exp(shift))
        if merges.size < self.x.size:
            self.merge(merges, self.log_t)
            self.remember()
            return
        integrator = self.integrator(rhs, 1)
        base, begin = self.log_t, 0.0
        while True:
            status = integrator.step()
            self.stop(status, integrator, rhs)
            if status == 7:
                t, x = integrator.t_event, np.asarray(integrator.event_state)
            else:
                t, x = integrator.get_state()
            self.x = x
            slope, new_rate = self.contraction_rate(rhs, x, shift)
            self.log_t = float(np.logaddexp(base, math.log(t) - shift - self.unit))
            self.widen(0.5 * (rate + new_rate) * (t - begin))
            begin, rate = t, new_rate
            if self.close():
                merges = self.candidates(slope * math.exp(shift))
                if merges.size < x.size:
                    break
            if status == 7 or abs(min(0.0, self.largest_exponent(x)) - shift) > 3 or np.min(np.diff(x)) < 0.1 * smallest:
                break
        self.account(integrator)
        # the scaled time runs faster where forces have grown
        self.h = integrator.h * math.exp(min(0.0, self.largest_exponent(x)) - shift)
        if merges.size < self.x.size:
            self.merge(merges, self.log_t)
            self.remember()
