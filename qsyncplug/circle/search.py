"""Search for stable states that are not synchronised, and the share of initial states that
synchronise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse

from ..core.checks import check_choice, check_integer, check_number
from ..core.errors import SolverError
from .coalesce import StationaryError, prepare
from .model import Circle, check_circle
from .parts import Parts
from .solver import CircleSolver
from .spans import half_circle_suffices, span_of
from .stationary import Stability, check_energy, stability

__all__ = ["Basin", "StableState", "basin_of_synchronization", "find_stable_states"]

_TOGETHER = 1e-5
_STEPS = 20_000


@dataclass(frozen=True)
class StableState:
    """A stable stationary state that a search found.

    Attributes
    ----------
    positions : ndarray of shape (n,)
        Angles, the first at 0.
    clusters : tuple of (float, float)
        Angle and share of the weight of each cluster, around the circle.
    hits : int
        How many starts led to it (up to rotation, reflection and exchange of equal particles).
    stability : Stability
        Its linear stability.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=1.0)
    >>> states = qsp.find_stable_states(model, 3, trials=5, seed=1)
    >>> len(states), len(states[0].clusters)
    (1, 1)
    """

    positions: np.ndarray
    clusters: tuple[tuple[float, float], ...]
    hits: int
    stability: Stability

    @property
    def synchronized(self) -> bool:
        """Whether all particles are at one point."""
        return self.stability.synchronized


def find_stable_states(
    model: Circle, n: int | None = None, *, trials: int = 100, seed: Any = None
) -> list[StableState]:
    r"""Search for stable stationary states from random initial states.

    Parameters
    ----------
    model : Circle
        With an energy: no phase lag, symmetric adjacency, equal frequencies. ``coupling`` may have
        either sign.
    n : int, optional
        Number of particles; that of the model if it has one.
    trials : int
        Number of uniformly random initial states.
    seed : int, Generator, optional
        For ``numpy.random.default_rng``.

    Returns
    -------
    list of StableState
        Different states, most frequent first; each has a Jacobian with negative eigenvalues (but
        the rotation's). The synchronised state is among them if it was reached. A state that is not
        found may still exist.

    Raises
    ------
    ValueError
        The model has no energy.

    Notes
    -----
    Every start climbs the energy by a trust-region Newton method, which does not slow down where
    the motion itself takes exponentially long, and is polished by Newton's method. States with
    further zero eigenvalues are left out.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=1.0)
    >>> len(qsp.find_stable_states(model, 3, trials=5, seed=1))
    1
    """
    check_energy(check_circle(model))
    n = _particles(model, n)
    trials = check_integer("trials", trials, minimum=1)
    rng = np.random.default_rng(seed)
    sign = math.copysign(1.0, model.coupling)
    found: dict[Any, list[Any]] = {}
    for _ in range(trials):
        x = _climb(model, rng.uniform(0, 2 * np.pi, n), sign)
        if x is None:
            continue
        state = stability(model, x)
        if not (state.stable and state.stationary):
            continue
        x = np.mod(x - x[0], 2 * np.pi)
        clusters = _clusters(model, x)
        key = _signature(clusters) if model.adjacency is None else _spectrum(state)
        if key in found:
            found[key][2] += 1
        else:
            found[key] = [x, clusters, 1, state]
    ordered = sorted(found.values(), key=lambda entry: -entry[2])
    return [StableState(*entry) for entry in ordered]


def _particles(model: Circle, n: int | None) -> int:
    if n is None:
        if model.n is None:
            raise ValueError("n must be given: the model is for any number of particles")
        return model.n
    n = check_integer("n", n, minimum=1)
    if model.n is not None and n != model.n:
        raise ValueError(f"n must be that of the model, {model.n}, not {n}")
    return n


def _climb(model: Circle, x: np.ndarray, sign: float) -> np.ndarray | None:
    """Local maximum of sign·energy near `x`, polished; None if the search fails."""
    f = model.interaction
    c = np.ones(x.size) if model.weights is None else np.asarray(model.weights)
    a = model.adjacency
    matrix = c[:, None] * c[None, :]
    if a is not None:
        matrix = matrix * (a.toarray() if scipy.sparse.issparse(a) else a)
    if not np.any(matrix[~np.eye(x.size, dtype=bool)]):
        return (
            None if x.size > 1 else x
        )  # nobody acts: every state stands still, none is attractive
    # energies of order 1
    matrix = sign * matrix / max(float(np.sum(np.abs(matrix)) * f.peak / x.size), 1e-300)

    def value(y: np.ndarray) -> float:
        return -0.5 * float(np.sum(matrix * f.primitive(y[:, None] - y[None, :])))

    def gradient(y: np.ndarray) -> np.ndarray:
        return np.sum(matrix * f.f(y[:, None] - y[None, :]), axis=1)

    def hessian(y: np.ndarray) -> np.ndarray:
        pull = matrix * f.df(y[:, None] - y[None, :])
        np.fill_diagonal(pull, 0.0)
        return np.diag(np.sum(pull, axis=1)) - pull

    # small steps stay near the flow, so that few basins are jumped over
    radius = 0.1 * math.sqrt(x.size)
    options = {
        "gtol": 1e-7,
        "maxiter": 1000,
        "initial_trust_radius": radius,
        "max_trust_radius": 3 * radius,
    }
    result = scipy.optimize.minimize(
        value, x, jac=gradient, hess=hessian, method="trust-exact", options=options
    )
    y = result.x
    for _ in range(6):
        # the rotation is a null direction
        step = np.linalg.lstsq(hessian(y), gradient(y), rcond=1e-12)[0]
        if not np.all(np.isfinite(step)) or np.max(np.abs(step)) > 0.1:
            return None
        y = y - step
    return y


def _clusters(model: Circle, x: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Angle and share of weight of each group of neighbours closer than ``_TOGETHER``."""
    c = np.ones(x.size) if model.weights is None else np.asarray(model.weights)
    order = np.argsort(x)
    angles, weights = x[order], c[order] / np.sum(c)
    gaps = np.diff(angles, append=angles[0] + 2 * np.pi)
    ends = np.flatnonzero(gaps > _TOGETHER)
    if ends.size == 0:
        return ((float(angles[0]), 1.0),)
    # start behind a gap
    start = (ends[-1] + 1) % x.size
    angles, weights = np.roll(angles, -start), np.roll(weights, -start)
    angles = (
        np.where(np.arange(x.size) >= x.size - start, angles + 2 * np.pi, angles)
        if start
        else angles
    )
    group = np.concatenate([[0], np.cumsum(np.diff(angles) > _TOGETHER)])
    return tuple(
        (float(np.mean(angles[group == k]) % (2 * np.pi)), float(np.sum(weights[group == k])))
        for k in range(group[-1] + 1)
    )


def _signature(clusters: tuple[tuple[float, float], ...]) -> tuple[Any, ...]:
    """Return a key that states share which differ by rotation, reflection or exchange of equal
    particles.
    """
    angles = np.array([a for a, _ in clusters])
    weights = np.round([w for _, w in clusters], 6)
    gaps = np.round(np.mod(np.diff(angles, append=angles[:1]), 2 * np.pi), 4)
    forward = list(zip(weights, gaps, strict=True))
    backward = list(zip(weights[::-1], np.roll(gaps[::-1], -1), strict=True))
    turns = [
        tuple(entry[k:] + entry[:k]) for entry in (forward, backward) for k in range(len(entry))
    ]
    return min(turns)


def _spectrum(state: Stability) -> tuple[Any, ...]:
    values = state.eigenvalues.real
    largest = float(np.max(np.abs(values)))
    return f"{largest:.5g}", *(np.round(values / largest, 5) + 0.0)


# ---------------------------------------------------------------------- basins


@dataclass(frozen=True)
class Basin:
    """Share of uniformly random initial states that synchronise.

    Attributes
    ----------
    samples, synchronized, other, undecided : int
        Initial states; how many synchronise, go elsewhere for certain, and were still moving when
        the time was up.
    probability : float
        ``synchronized / samples``.
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
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> basin = qsp.basin_of_synchronization(qsp.Circle(qsp.sine()), 5, samples=20, seed=1)
    >>> basin.synchronized, basin.other
    (20, 0)
    """

    samples: int
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
            f"{self.synchronized} of {self.samples} random initial states of {self.n} particles "
            "synchronise, "
            f"{self.other} do not, {self.undecided} undecided: "
            f"probability in [{low:.4g}, {high:.4g}] ({100 * self.confidence:g} %, {name})"
        )


def basin_of_synchronization(
    model: Circle,
    n: int | None = None,
    *,
    samples: int = 100,
    seed: Any = None,
    confidence: float = 0.95,
    method: str = "exact",
    max_time: float | None = None,
    options: dict[str, Any] | None = None,
) -> Basin:
    r"""Estimate how large the basin of the synchronised state is.

    Parameters
    ----------
    model : Circle
        With equal frequencies.
    n : int, optional
        Number of particles; that of the model if it has one.
    samples : int
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
        Of :func:`circlesolve`; ``nsteps`` is 20 000 unless given.

    Returns
    -------
    Basin

    Raises
    ------
    ValueError
        The frequencies differ; the model has no synchronised state that attracts.

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
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> basin = qsp.basin_of_synchronization(qsp.Circle(qsp.sine()), 5, samples=20, seed=1)
    >>> basin.probability
    1.0
    """
    n = _particles(check_circle(model), n)
    samples = check_integer("samples", samples, minimum=1)
    confidence = check_number("confidence", confidence, minimum=0.0, maximum=1.0, strict=True)
    check_choice("method", method, ("exact", "wilson"))
    if isinstance(model.frequencies, np.ndarray) and np.ptp(model.frequencies) > 0:
        raise ValueError("frequencies must be equal; for different ones see critical_coupling")
    together = stability(model, np.zeros(n))
    if n > 1 and not together.stable:
        raise ValueError(
            f"the synchronised state of {model} does not attract (it is not linearly stable)"
        )
    rate = 1.0 if n == 1 else float(-np.sort(together.eigenvalues.real)[::-1][1])
    limit = (
        2e4 / rate
        if max_time is None
        else check_number("max_time", max_time, minimum=0.0, strict=True)
    )
    half_circle = half_circle_suffices(model)
    merging = max_time is None and _mergeable(model)
    # a stiff sample shall not take as many steps as all others together
    solver = CircleSolver(
        model, options={"nsteps": _STEPS, **(options or {}), "store_positions": True}
    )
    rng = np.random.default_rng(seed)
    counts = {"synchronized": 0, "other": 0, "undecided": 0}
    for _ in range(samples):
        x0 = rng.uniform(0, 2 * np.pi, n)
        try:
            outcome = (
                _merged(model, solver, x0, half_circle)
                if merging
                else _outcome(model, solver, x0, rate, limit, half_circle)
            )
        except SolverError:
            outcome = "undecided"
        counts[outcome] += 1
    sure, maybe = counts["synchronized"], counts["synchronized"] + counts["undecided"]
    # imported here: scipy.stats would add a third to the time it takes to import the package
    import scipy.stats

    low = scipy.stats.binomtest(sure, samples).proportion_ci(confidence, method).low
    high = scipy.stats.binomtest(maybe, samples).proportion_ci(confidence, method).high
    return Basin(
        samples=samples,
        **counts,
        probability=sure / samples,
        interval=(float(low), float(high)),
        confidence=confidence,
        method=method,
        n=n,
    )


def _mergeable(model: Circle) -> bool:
    """Whether :func:`coalesce` can follow the particles."""
    f = model.interaction
    attractive = f.decays and model.coupling > 0 and f.slope > 0
    return attractive and model.adjacency is None and model.identical and model.phase_lag == 0


def _merged(model: Circle, solver: CircleSolver, x: np.ndarray, half_circle: bool) -> str:
    """Outcome for identical particles, which merge: neither slow stages nor stiff ones keep it from
    the end.
    """
    given = solver.options
    options = {key: given[key] for key in ("atol", "rtol", "nsteps", "time_limit", "num_threads")}
    run = prepare(
        model,
        x,
        options=options,
        until=(lambda y: span_of(y) < np.pi - 1e-6) if half_circle else None,
    )
    try:
        run.run()
    except StationaryError as still:
        return "other" if still.reason == "stable" else "undecided"
    return "synchronized"


def _outcome(
    model: Circle, solver: CircleSolver, x: np.ndarray, rate: float, limit: float, half_circle: bool
) -> str:
    parts = Parts(model, x)
    fastest = float(
        np.max(np.abs(parts.gain) * np.sum(np.abs(parts.pull) + np.abs(parts.push), axis=1))
    )
    # a stable state elsewhere may attract much faster than the synchronised one
    time, stretch = 0.0, min(4.0 / rate, 20.0 / max(fastest, 1e-300))
    enough = np.pi - 1e-6 if half_circle else 1e-3
    while True:
        if span_of(x) < enough:
            return "synchronized"
        parts = Parts(model, x)
        if np.max(parts.imbalance(parts.frame())) < 1e-4 and _settles(model, x):
            return "other"
        if time >= limit:
            return "undecided"
        step = min(stretch, limit - time)
        result = solver.run(x, [0.0, step])
        assert result.positions is not None
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
