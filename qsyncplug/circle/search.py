"""Search for stable states that are not synchronised."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse

from ..core.checks import check_integer, check_memory, check_seed
from ..core.interrupts import whole_or_nothing
from ..core.progress import counted
from ..core.saved import Saved
from .model import Circle, check_circle
from .stationary import Stability, check_energy, stability

__all__ = ["StableState", "find_stable_states", "particles_of"]

_TOGETHER = 1e-5


@dataclass(frozen=True)
class StableState(Saved):
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


@whole_or_nothing
def find_stable_states(
    model: Circle,
    n: int | None = None,
    *,
    trials: int = 100,
    seed: int | np.random.Generator | None = None,
    progress_bar: str | bool = "",
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
    progress_bar : str or bool
        As in QuTiP: "text", "enhanced", "tqdm"; none by default.

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
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=1.0)
    >>> len(qsp.find_stable_states(model, 3, trials=5, seed=1))
    1
    """
    check_energy(check_circle(model))
    n = particles_of(model, n)
    trials = check_integer("trials", trials, minimum=1, maximum=10**9)
    rng = check_seed("seed", seed)
    sign = math.copysign(1.0, model.coupling)
    found: dict[Any, list[Any]] = {}
    for _ in counted(range(trials), progress_bar):
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


def particles_of(model: Circle, n: int | None) -> int:
    """Number of particles: that of the model, or `n`."""
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
    check_memory("the forces of all pairs", 64.0 * x.size**2, advice="take fewer particles")
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
        return np.asarray(np.sum(matrix * f.f(y[:, None] - y[None, :]), axis=1))

    def hessian(y: np.ndarray) -> np.ndarray:
        pull = matrix * f.df(y[:, None] - y[None, :])
        np.fill_diagonal(pull, 0.0)
        return np.asarray(np.diag(np.sum(pull, axis=1)) - pull)

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
    return np.asarray(y)


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
