"""Where particles that noise shakes are held, and how often it throws them over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg import solve_continuous_lyapunov

from ..circle.field import velocity
from ..circle.model import Circle
from ..circle.solver import circlesolve
from ..circle.stationary import stability
from ..core.errors import SolverError
from ..sync.dynamics import Held

__all__ = ["held_at"]

#: ways out that are followed, slowest motions, and positions on the way round
_FOLLOWED, _SLOWEST, _POINTS = 8, 3, 48
#: share of the barrier of a straight way that is left when the others give way
_BARRIER = 0.8


def held_at(model: Circle, x: np.ndarray, duration: float) -> Held | None:
    """State of rest near `x` of the model without noise, its rate, spread and escapes.

    Parameters
    ----------
    model : Circle
        With noise, perhaps with one inertia, and nothing else beside its velocities.
    x : (n,) array
        Positions.
    duration : float
        Time in which the model without noise must come to rest.

    Returns
    -------
    Held or None
        None if it does not.
    """
    quiet = replace(model, noise=None, inertia=None)
    try:
        run = circlesolve(quiet, x, [0.0, duration])
    except SolverError:
        return None
    assert run.positions is not None
    rest = run.positions[-1]
    linear = stability(quiet, rest)
    if not linear.stable:
        return None
    noise = np.broadcast_to(np.asarray(model.noise, dtype=float), x.shape)
    J = linear.jacobian
    relative = np.linalg.svd(np.ones((1, x.size)))[2][1:].T
    A = relative.T @ J @ relative
    C = solve_continuous_lyapunov(A, -2 * (relative.T * noise) @ relative)
    spread = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", relative, C, relative), 0.0))
    return Held(
        rest - rest.mean(),
        _slowest(A, 0.0 if model.inertia is None else float(np.max(model.inertia))),
        # a particle against the mean of the others
        spread * x.size / (x.size - 1),
        _escapes(quiet, rest, J, noise),
    )


def _slowest(A: np.ndarray, mass: float) -> float:
    """Rate of the slowest relative motion with mẍ + ẋ = Ax.

    Spreads are those without inertia (Gibbs' distribution), escapes are not more frequent.
    """
    values = np.linalg.eigvals(A).astype(complex)
    if mass > 0:
        root = np.sqrt(1 + 4 * mass * values)
        values = np.concatenate([-1 + root, -1 - root]) / (2 * mass)
    return float(-values.real.max())


def _escapes(quiet: Circle, rest: np.ndarray, J: np.ndarray, noise: np.ndarray) -> float:
    """Kramers' rate over the barriers of single particles and of groups that turn as one."""
    frequency = velocity(quiet, rest).mean()
    ways = _ways(J, noise)
    # of a pair there is one way round, and nobody gives way
    share = 1.0 if len(noise) == 2 else _BARRIER
    total, lowest, s = 0.0, np.inf, np.linspace(0, 2 * np.pi, _POINTS + 1)
    for away, back, rate, strength in ways[:_FOLLOWED]:
        for sign in (1.0, -1.0):
            force = [
                sign * float(back @ (velocity(quiet, rest + sign * u * away) - frequency))
                for u in s
            ]
            hill = -np.concatenate([[0.0], np.cumsum((np.array(force)[1:] + force[:-1]) / 2)])
            barrier = float(hill.max()) * (s[1] - s[0])
            lowest = min(lowest, barrier / rate)
            total += rate / (2 * np.pi) * np.exp(-share * barrier / strength)
    # stiffer ones have barriers in proportion, at least
    for _, _, rate, strength in ways[_FOLLOWED:]:
        total += rate / np.pi * np.exp(-share * lowest * rate / strength)
    return float(total)


def _ways(J: np.ndarray, noise: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, float, float]]:
    """Ways out of a state of rest, the softest against the noise first: one side of a cut turns
    against the other.

    Each with its direction, what measures the force along it, its stiffness and its noise. The
    cuts part single particles from the others, and follow the slowest motions.
    """
    n = len(J)
    values, right = np.linalg.eig(J)
    # the first is the common phase
    slowest = np.argsort(-values.real)[1 : 1 + _SLOWEST]
    cuts = {}
    for side in [*np.eye(n, dtype=bool), *(s for k in slowest for s in _sides(right[:, k].real))]:
        cuts[(side ^ side[0]).tobytes()] = side
    out = []
    for side in cuts.values():
        back = side / side.sum() - ~side / (~side).sum()
        rate, strength = -float(back @ J @ side), float(back**2 @ noise)
        if strength > 0 and rate > 0:
            out.append((side.astype(float), back, rate, strength))
    return sorted(out, key=lambda way: way[2] / way[3])


def _sides(mode: np.ndarray) -> list[np.ndarray]:
    """Those before each place in the order of a motion, boolean arrays."""
    rank = np.argsort(np.argsort(mode))
    return [rank < k for k in range(1, mode.size)]
