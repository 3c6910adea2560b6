"""Particles on the circle: positions as classical amplitudes of modulus 1, without any N×N array
until one is asked for.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import coo_array

from ..circle.field import velocity
from ..circle.model import Circle
from ..circle.solver import CircleResult
from ..circle.stationary import stability
from ..core.checks import check_memory
from ..core.saved import kept
from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Flow, Held, Kind
from ..sync.reading import reader
from ._couplings import rooted
from ._noise import held_at

__all__ = ["view_of"]


@reader.register(CircleResult)
def view_of(result: CircleResult) -> SyncView:
    """⟨b_j⟩ = e^{−ix_j}: z_jk = e^{i(x_j−x_k)}, masses 1, no quantum fluctuations.

    The order parameter is the system's own, |Σ_j c_je^{−ix_j}|/Σ_j c_j with its weights. Without
    stored positions it is all there is.
    """
    fields: dict[str, Any] = {"order_parameter": np.minimum(result.order_parameter, 1.0)}
    x = result.positions
    if x is not None:
        fields |= {
            "mean": partial(_mean, x),
            "covariance": 0,
            "deviations": partial(_deviations, x),
            "masses": partial(np.ones, x.shape),
        }
    advice = "run circlesolve with options={'store_positions': True}"
    missing = dict.fromkeys(("mean", "correlations", "deviations", "masses", "covariance"), advice)
    about = About(
        system=f"particles on the circle, {result.model}",
        notes=tuple(result.stats.get("neglected", ())),
        missing=missing | {"states": "classical particles have no quantum states"},
        n=result.n,
        vacuum=0.0,
        bosons=False,
        weights=result.weights,
        dynamics=_dynamics(result),
    )
    return SyncView.of(result.times, fields, about=about)


@kept()
def _mean(x: np.ndarray) -> np.ndarray:
    """√2 (cos x, −sin x) of every particle, (T, 2n): quadratures of the amplitudes e^{−ix}, of
    modulus 1.
    """
    check_memory("the means", 16.0 * x.size, advice="take fewer times")
    out = np.empty((x.shape[0], 2 * x.shape[1]))
    out[:, ::2] = np.sqrt(2) * np.cos(x)
    out[:, 1::2] = -np.sqrt(2) * np.sin(x)
    return out


@kept()
def _deviations(x: np.ndarray) -> np.ndarray:
    """1 − e^{i(x_j−x_k)} without cancellation."""
    advice = "ask for a pair(i, j) of the view, or fewer times"
    check_memory("the correlations", 40.0 * x.size * x.shape[1], advice=advice)
    d = x[:, :, None] - x[:, None, :]
    return np.asarray(2 * np.sin(d / 2) ** 2 - 1j * np.sin(d))


#: particles up to which the Jacobian's eigenvalues are worked out
_JACOBIAN = 128


def _dynamics(result: CircleResult) -> Dynamics:
    """What the model says: who acts on whom, velocities, the Jacobian."""
    model = result.model
    stored = result.positions is not None
    phases = partial(_phases, result) if stored else None
    if not isinstance(model, Circle):
        # a file cannot hold every model
        return Dynamics(Kind.PHASES, phases=phases)
    w = model.frequencies
    return Dynamics(
        Kind.PHASES,
        coupled=_coupled(model, result.n),
        rooted=rooted(model.adjacency),
        autonomous=model.modulation is None,
        deterministic=model.noise is None,
        phase_symmetry=True,
        identical=not isinstance(w, np.ndarray) or bool(np.ptp(w) == 0),
        phases=phases,
        flow=Flow(
            exponents=partial(_exponents, result) if stored and not model.extras else None,
            jacobian=partial(_jacobian, result) if stored and not model.extras else None,
            held=partial(_held, result) if stored and _has_held(model) else None,
            velocity=partial(_velocity, result) if stored and _has_velocity(model) else None,
            remaining=partial(_remaining, result) if stored and not model.extras else None,
        ),
    )


@kept()
def _phases(result: CircleResult, part: Any) -> np.ndarray:
    assert result.positions is not None
    return np.asarray(result.positions[part])


def _coupled(model: Circle, n: int) -> bool:
    """Whether any particles act on each other; who on whom, `rooted` says."""
    if n < 2 or (model.coupling == 0 and model.triads is None):
        return False
    if model.adjacency is None:
        return True
    edges = coo_array(model.adjacency)
    return bool(np.any((edges.data != 0) & (edges.row != edges.col)))


@kept(model=True)
def _exponents(result: CircleResult, index: int) -> np.ndarray | None:
    if result.positions is None or result.n > _JACOBIAN or result.model.extras:
        return None
    return np.asarray(stability(result.model, result.positions[index]).eigenvalues)


def _has_held(model: Circle) -> bool:
    """Whether noise is all that the model has beside its velocities, and perhaps one inertia."""
    if model.extras == ("noise",):
        return True
    return set(model.extras) == {"noise", "inertia"} and bool(np.ptp(model.inertia) == 0)


@kept(model=True)
def _jacobian(result: CircleResult, index: int) -> np.ndarray:
    assert result.positions is not None
    return np.asarray(stability(result.model, result.positions[index]).jacobian)


def _has_velocity(model: Circle) -> bool:
    return model.noise is None and model.delay is None


@kept(model=True)
def _velocity(result: CircleResult, index: int) -> np.ndarray:
    """Velocities of the particles where the run was."""
    model, k = result.model, int(index)
    if result.velocities is not None:
        return np.asarray(result.velocities[k])
    if model.modulation is not None:
        factor = model.modulation(float(result.times[k]))
        model = replace(model, modulation=None, coupling=factor)
    assert result.positions is not None
    return velocity(model, result.positions[k])


@kept(model=True)
def _remaining(result: CircleResult, index: int) -> float | None:
    """A Newton step to a state in which all turn alike: Jδ + v = Ω, in relative phases."""
    n = result.n
    if not 2 <= n <= _JACOBIAN:
        return None
    J, v = _jacobian(result, index), _velocity(result, index)
    scale = float(np.abs(J).max())
    if scale == 0:
        return None
    bordered = np.block([[J / scale, -np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
    step = np.linalg.lstsq(bordered, np.append(-v / scale, 0.0), rcond=1e-10)[0]
    return float(np.ptp(step[:n]))


@kept(model=True)
def _held(result: CircleResult, duration: float) -> Held | None:
    if result.positions is None or not 2 <= result.n <= _JACOBIAN:
        return None
    return held_at(result.model, result.positions[-1], duration)
