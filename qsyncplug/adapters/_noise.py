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

#: particles that are moved alone, slowest motions, and positions on the way round
_ALONE, _SLOWEST, _POINTS = 8, 2, 48
#: share of the barrier of a straight way that is left when the others give way
_BARRIER = 0.8


def held_at(model: Circle, x: np.ndarray, duration: float) -> Held | None:
    """State of rest near `x` of the model without noise, its rate, spread and escapes.

    Parameters
    ----------
    model : Circle
        With noise and nothing else beside its velocities.
    x : (n,) array
        Positions.
    duration : float
        Time in which the model without noise must come to rest.

    Returns
    -------
    Held or None
        None if it does not.
    """
    quiet = replace(model, noise=None)
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
        float(-np.linalg.eigvals(A).real.max()),
        # a particle against the mean of the others
        spread * x.size / (x.size - 1),
        _escapes(quiet, rest, J, noise),
    )


def _escapes(quiet: Circle, rest: np.ndarray, J: np.ndarray, noise: np.ndarray) -> float:
    """Kramers' rate over the barriers of single particles, and of the slowest motions."""
    frequency = velocity(quiet, rest).mean()
    ways = _ways(J, noise)
    # of a pair there is one way round, and nobody gives way
    ways, share = (ways[-1:], 1.0) if len(noise) == 2 else (ways, _BARRIER)
    total = 0.0
    for away, back, rate in ways:
        strength = float(back**2 @ noise)
        if strength == 0:
            continue
        s = np.linspace(0, 2 * np.pi, _POINTS + 1)
        for sign in (1.0, -1.0):
            force = [
                sign * float(back @ (velocity(quiet, rest + sign * u * away) - frequency))
                for u in s
            ]
            hill = -np.concatenate([[0.0], np.cumsum((np.array(force)[1:] + force[:-1]) / 2)])
            barrier = float(hill.max()) * (s[1] - s[0])
            total += rate / (2 * np.pi) * np.exp(-share * barrier / strength)
    return total


def _ways(J: np.ndarray, noise: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Directions out of a state of rest, what measures the force along them, and their rates."""
    n = len(J)
    stiffness = -np.diag(J)
    soft = np.argsort(stiffness / np.maximum(noise, 1e-300))[:_ALONE]
    out = [(np.eye(n)[k], np.eye(n)[k], float(stiffness[k])) for k in soft]
    values, right = np.linalg.eig(J)
    left = np.linalg.pinv(right)
    order = np.argsort(-values.real)
    # the first is the common phase
    for k in order[1 : 1 + _SLOWEST]:
        scale = right[np.argmax(np.abs(right[:, k])), k]
        if abs(values[k].imag) < 1e-9 * abs(values[k]):
            out.append(((right[:, k] / scale).real, (left[k] * scale).real, -float(values[k].real)))
    return out
