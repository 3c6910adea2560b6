"""How large the basin of the synchronised state is, with a confidence interval."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..core.checks import (
    check_choice,
    check_integer,
    check_mapping,
    check_memory,
    check_number,
    check_seed,
)
from ..core.errors import SolverError, SolverInterrupted, TimeLimitError
from ..core.interrupts import interruptible
from ..core.limits import Limits, look
from ..core.progress import check_bar, counted
from ..core.saved import NoYesOrNo, Saved
from ..core.types import Options
from .coalescence import Coalescence, StationaryError
from .model import Circle, check_circle
from .parts import Parts
from .search import particles_of
from .solver import CircleResult, CircleSolver
from .spans import half_circle_suffices, span_of
from .stationary import stability

__all__ = ["Basin", "basin_of_synchronization"]

_STEPS = 20_000


@dataclass(frozen=True)
class Basin(NoYesOrNo, Saved):
    """Share of uniformly random initial states that synchronise.

    Attributes
    ----------
    ntraj, synchronized, other, undecided : int
        Initial states; how many synchronise, go elsewhere for certain, and were still moving when
        the time was up.
    probability : float
        ``synchronized / ntraj``.
    interval : tuple of float
        Confidence interval of the probability that an initial state synchronises. Its lower end
        counts the undecided as not synchronising, its upper end as synchronising.
    confidence : float
        Level.
    method : str
        ``"exact"`` (Clopper and Pearson) or ``"wilson"``.
    n : int
        Particles.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> basin = qsp.basin_of_synchronization(qsp.Circle(qsp.sine()), 5, ntraj=20, seed=1)
    >>> basin.synchronized, basin.other
    (20, 0)
    """

    _ask: ClassVar[str] = "basin.probability, basin.interval or basin.synchronized == basin.ntraj"

    ntraj: int
    synchronized: int
    other: int
    undecided: int
    probability: float
    interval: tuple[float, float]
    confidence: float
    method: str
    n: int

    def __str__(self) -> str:
        low, high = self.interval
        name = "Clopper–Pearson" if self.method == "exact" else "Wilson"
        return (
            f"{self.synchronized} of {self.ntraj} random initial states of {self.n} particles "
            "synchronise, "
            f"{self.other} do not, {self.undecided} undecided: "
            f"probability in [{low:.4g}, {high:.4g}] ({100 * self.confidence:g} %, {name})"
        )


@interruptible
def basin_of_synchronization(
    model: Circle,
    n: int | None = None,
    *,
    ntraj: int = 100,
    seed: int | np.random.Generator | None = None,
    confidence: float = 0.95,
    method: str = "exact",
    max_time: float | None = None,
    options: Options | None = None,
) -> Basin:
    r"""Estimate how large the basin of the synchronised state is.

    Parameters
    ----------
    model : Circle
        With equal frequencies.
    n : int, optional
        Number of particles; that of the model if it has one.
    ntraj : int
        Number of initial states, uniform on the torus.
    seed : int, Generator, optional
        For ``numpy.random.default_rng``.
    confidence : float
        Level of the interval.
    method : {"exact", "wilson"}
        Clopper and Pearson's interval or Wilson's.
    max_time : float, optional
        Longest time a sample is followed. By default 2e4 relaxation times of the synchronised
        state, or, for identical particles, which merge as in :func:`coalesce`, without limit.
    options : dict, optional
        Of :func:`circlesolve`; ``nsteps`` is 20 000 unless given. ``progress_bar`` counts samples,
        ``time_limit`` is that of all of them.

    Returns
    -------
    Basin

    Raises
    ------
    ValueError
        The frequencies differ; the model has no synchronised state that attracts.
    TimeLimitError, SolverInterrupted
        ``time_limit``, or Ctrl-C; ``.result`` is the Basin of the samples that were followed to
        their end, None where none was.

    Notes
    -----
    A sample synchronises for certain once all particles are within an open half circle, if F>0 on
    (0, π), the weights are positive and everybody acts on everybody directly or through others: the
    outermost particles move inwards, whatever divides the velocities. For other models it must come
    within 1e-3 of the synchronised state, which is stable. It goes elsewhere when Newton's method
    leads from it to a stable locked state next to it. Samples whose run reaches a limit or stops in
    a state of unstable balance are undecided.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> basin = qsp.basin_of_synchronization(qsp.Circle(qsp.sine()), 5, ntraj=20, seed=1)
    >>> basin.probability
    1.0
    """
    n = particles_of(check_circle(model), n)
    ntraj = check_integer("ntraj", ntraj, minimum=1, maximum=10**9)
    confidence = check_number("confidence", confidence, minimum=0.0, maximum=1.0, strict=True)
    check_choice("method", method, ("exact", "wilson"))
    if max_time is not None:
        max_time = check_number("max_time", max_time, minimum=0.0, strict=True)
    given = check_mapping("options", options)
    bar = check_bar(given.pop("progress_bar", ""))
    follow = _follower(model, n, max_time, given)
    rng = check_seed("seed", seed)
    counts = {"synchronized": 0, "other": 0, "undecided": 0}
    limit = follow.solver.options["time_limit"]
    with Limits(limit) as limits:
        try:
            with limits.interruptible():
                for _ in counted(range(ntraj), bar):
                    if limit < np.inf:
                        follow.solver.options = {"time_limit": max(limits.remaining, 1e-3)}
                    found = follow.outcome(rng.uniform(0, 2 * np.pi, n))
                    # a sample that ended because the time is over says nothing
                    look()
                    if limits.interrupted:
                        # noted where its run could not be left
                        raise KeyboardInterrupt
                    counts[found] += 1
        except (KeyboardInterrupt, TimeLimitError) as error:
            basin = _basin(counts, n, confidence, method) if any(counts.values()) else None
            raise _stopped(error, basin, ntraj) from error
    return _basin(counts, n, confidence, method)


def _basin(counts: dict[str, int], n: int, confidence: float, method: str) -> Basin:
    """What the samples say that were followed."""
    count, sure = sum(counts.values()), counts["synchronized"]
    return Basin(
        ntraj=count,
        **counts,
        probability=sure / count,
        interval=_interval(sure, sure + counts["undecided"], count, confidence, method),
        confidence=confidence,
        method=method,
        n=n,
    )


def _stopped(error: BaseException, basin: Basin | None, ntraj: int) -> BaseException:
    """The error of a call that ended before all samples were followed."""
    over = isinstance(error, TimeLimitError)
    kind = TimeLimitError if over else SolverInterrupted
    reason = "time limit" if over else "interrupted"
    advice = "; raise options['time_limit']" if over else ""
    done = 0 if basin is None else basin.ntraj
    return kind(
        f"basin_of_synchronization stopped after {done} of {ntraj} samples: "
        f"{reason}{advice}; error.result holds what these say",
        reason=reason,
        result=basin,
    )


def _interval(
    sure: int, maybe: int, ntraj: int, confidence: float, method: str
) -> tuple[float, float]:
    # imported here: scipy.stats would add a third to the time it takes to import the package
    import scipy.stats

    low = scipy.stats.binomtest(sure, ntraj).proportion_ci(confidence, method).low
    high = scipy.stats.binomtest(maybe, ntraj).proportion_ci(confidence, method).high
    return float(low), float(high)


def _follower(
    model: Circle, n: int, max_time: float | None, options: dict[str, Any] | None
) -> _Follower:
    """How a sample is followed; refuses a model without a synchronised state that attracts."""
    if isinstance(model.frequencies, np.ndarray) and np.ptp(model.frequencies) > 0:
        raise ValueError("frequencies must be equal; for different ones see critical_coupling")
    what = f"the Jacobian of {n} particles"
    check_memory(what, 16.0 * min(n, 10**15) ** 2, advice="take fewer particles")
    together = stability(model, np.zeros(n))
    if n > 1 and not together.stable:
        raise ValueError(
            f"the synchronised state of {model} does not attract (it is not linearly stable)"
        )
    rate = 1.0 if n == 1 else float(-np.sort(together.eigenvalues.real)[::-1][1])
    # a stiff sample shall not take as many steps as all others together
    solver = CircleSolver(
        model, options={"nsteps": _STEPS, **(options or {}), "store_positions": True}
    )
    half_circle = half_circle_suffices(model)
    if max_time is None and _mergeable(model):
        return _Merging(model, solver, half_circle)
    limit = 2e4 / rate if max_time is None else max_time
    return _Running(model, solver, half_circle, rate, limit)


def _mergeable(model: Circle) -> bool:
    """Whether :func:`coalesce` can follow the particles."""
    f = model.interaction
    attractive = f.decays and model.coupling > 0 and f.slope > 0
    return attractive and model.adjacency is None and model.identical and model.phase_lag == 0


@dataclass
class _Follower(ABC):
    """Finds out where a sample goes."""

    model: Circle
    solver: CircleSolver
    half_circle: bool

    def outcome(self, x: np.ndarray) -> str:
        """Where positions `x` lead: "synchronized", "other" or "undecided"."""
        try:
            return self.follow(x)
        except SolverError:
            return "undecided"

    @abstractmethod
    def follow(self, x: np.ndarray) -> str:
        """The outcome, or the error of a run that had to stop."""


class _Merging(_Follower):
    """Identical particles merge: neither slow stages nor stiff ones keep them from the end."""

    def follow(self, x: np.ndarray) -> str:
        given = self.solver.options
        names = ("atol", "rtol", "nsteps", "time_limit", "num_threads")
        run = Coalescence(
            self.model,
            until=(lambda y: span_of(y) < np.pi - 1e-6) if self.half_circle else None,
            options={key: given[key] for key in names},
        )
        try:
            run.follow(x)
        except StationaryError as still:
            return "other" if still.reason == "stable" else "undecided"
        return "synchronized"


@dataclass
class _Running(_Follower):
    """All particles are followed, for a limited time."""

    rate: float
    limit: float

    def follow(self, x: np.ndarray) -> str:
        parts = Parts(self.model, x)
        gross = np.sum(np.abs(parts.pull) + np.abs(parts.push), axis=1)
        fastest = float(np.max(np.abs(parts.gain) * gross))
        # a stable state elsewhere may attract much faster than the synchronised one
        time, stretch = 0.0, min(4.0 / self.rate, 20.0 / max(fastest, 1e-300))
        enough = np.pi - 1e-6 if self.half_circle else 1e-3
        while True:
            if span_of(x) < enough:
                return "synchronized"
            parts = Parts(self.model, x)
            if np.max(parts.imbalance(parts.frame())) < 1e-4 and _settles(self.model, x):
                return "other"
            if time >= self.limit:
                return "undecided"
            step = min(stretch, self.limit - time)
            result = self.solver.run(x, [0.0, step])
            assert isinstance(result, CircleResult) and result.positions is not None
            x = result.positions[-1]
            time += step
            stretch *= 1.6


def _settles(model: Circle, x: np.ndarray) -> bool:
    """Whether a stable locked state that is not synchronised is next to `x`."""
    y = x.copy()
    for _ in range(20):
        parts = Parts(model, y)
        velocity = parts.velocity - np.mean(parts.velocity)
        step = np.linalg.lstsq(parts.jacobian(), velocity, rcond=1e-12)[0]
        y = y - step
        if not np.all(np.isfinite(y)) or np.max(np.abs(y - x)) > 0.1:
            return False
        if np.max(np.abs(step)) < 1e-12:
            break
    state = stability(model, y)
    return state.stable and not state.synchronized
