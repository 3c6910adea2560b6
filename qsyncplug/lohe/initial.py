"""Initial states: reading, and what can be said about them before a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import qutip

from ..core.checks import check_array
from ..core.errors import warn
from ..waves.errors import (
    AliasingError,
    AliasingWarning,
    GlobalExistenceWarning,
    UnstableSetWarning,
)
from ..waves.influence import infimum
from .model import SchrodingerLohe

__all__ = ["check_edges", "check_initial", "existence_margin", "read_states"]

EDGE_WARNING = 1e-12
EDGE_LIMIT = 1e-6


def read_states(model: SchrodingerLohe, state0: Any, name: str = "state0") -> np.ndarray:
    """The states as an array (N, M), each flattened.

    Raises
    ------
    ValueError, TypeError
        Wrong number or shape, NaN, or a zero ket where the variant needs a norm.
    """
    if model.grid is not None:
        psi, weight = _grid_states(model, state0, name), model.grid.weight
    else:
        psi, weight = _kets(model, state0, name), 1.0
    if len(psi) == 0:
        raise ValueError(f"{name} must hold at least one state")
    if model.n is not None and len(psi) != model.n:
        raise ValueError(
            f"{name} must hold {model.n} states, one an oscillator of the model, not {len(psi)}"
        )
    norms = np.linalg.norm(psi, axis=1) * np.sqrt(weight)
    if np.any(norms == 0) and (model.normalised or model.aligns_by_distance):
        j = int(np.argmin(norms))
        why = "divides by the norm" if model.normalised else "needs the centre of every oscillator"
        raise ValueError(f"{name}[{j}] must not be zero: the {model.variant} model {why}")
    return psi


def _grid_states(model: SchrodingerLohe, state0: Any, name: str) -> np.ndarray:
    shape = model.grid.shape
    many = isinstance(state0, (list, tuple))
    if isinstance(state0, qutip.Qobj) or (many and any(isinstance(p, qutip.Qobj) for p in state0)):
        raise TypeError(
            f"{name} must hold arrays on the grid, of shape {shape}; the Hamiltonian is on a grid"
        )
    if many:
        for j, p in enumerate(state0):
            if np.shape(p) != shape:
                raise ValueError(
                    f"{name}[{j}] must have the grid's shape {shape}, not {np.shape(p)}"
                )
    array = check_array(name, state0, dtype=complex)
    if array.ndim != 1 + len(shape) or array.shape[1:] != shape:
        raise ValueError(
            f"{name} must have shape (N, {', '.join(map(str, shape))}), not {array.shape}"
        )
    return array.reshape(len(array), -1)


def _kets(model: SchrodingerLohe, state0: Any, name: str) -> np.ndarray:
    dims, size = model.reference.dims[0], model.reference.shape[0]
    if isinstance(state0, qutip.Qobj):
        raise TypeError(f"{name} must be a list of kets, one an oscillator, not one Qobj")
    listed = isinstance(state0, (list, tuple)) and len(state0) > 0
    numbers = listed and not any(isinstance(p, qutip.Qobj) for p in state0)
    if numbers or (isinstance(state0, np.ndarray) and state0.dtype != object):
        return check_array(name, state0, shape=(None, size), dtype=complex)
    if not hasattr(state0, "__iter__"):
        raise TypeError(f"{name} must be a list of kets, not {type(state0).__name__}")
    kets = list(state0)
    for j, ket in enumerate(kets):
        if not isinstance(ket, qutip.Qobj) or not ket.isket:
            what = ket.type if isinstance(ket, qutip.Qobj) else type(ket).__name__
            raise TypeError(f"{name}[{j}] must be a ket, not {what}")
        if ket.dims[0] != dims:
            raise ValueError(
                f"{name}[{j}] must have the dimensions {dims} of the Hamiltonian, not {ket.dims[0]}"
            )
    if not kets:
        raise ValueError(f"{name} must hold at least one ket")
    return check_array(name, np.stack([ket.full().ravel() for ket in kets]), dtype=complex)


def existence_margin(
    model: SchrodingerLohe, norms: np.ndarray, floor: float | None = None
) -> float:
    r"""Lower bound of every norm in Model 1, at all times; positive: the solution is global.

    :math:`λ_-(0) - λ_+(0)(e^{kD_0/2μc}-1)` with :math:`D_0=\max_j|θ_j(0)-1|`, c=inf h: the
    corrected (17) of Antonelli and Reynolds, whose factor :math:`(θ_+-1)(0)` in place of D₀ has
    counterexamples (θ=(1.2, 1.2, 0.6)).
    """
    spread = float(np.max(np.abs(model.start_theta(len(norms)) - 1)))
    if spread == 0 or model.coupling == 0:
        return float(np.min(norms))
    rate = model.alignment * (infimum(model.kernel) if floor is None else floor)
    if rate == 0:
        return -np.inf
    with np.errstate(over="ignore"):
        return float(
            np.min(norms) - np.max(norms) * np.expm1(abs(model.coupling) * spread / (2 * rate))
        )


def locking_ratio(model: SchrodingerLohe, norms: np.ndarray) -> float | None:
    """Λ of two oscillators where it is known from the start (θ and limiting norms constant), else
    None.
    """
    if len(norms) != 2 or not model.mean_field or not model.common:
        return None
    detuning = abs(float(np.ptp(model.rates(2)))) / 2
    theta = model.start_theta(2)
    k = model.coupling * np.cos(model.phase_lag)
    if k <= 0:
        return None
    if model.variant == "model2":
        return (
            2 * detuning / (k * float(np.sqrt(theta[0] * theta[1])))
            if model.alignment == 0 or theta[0] == theta[1]
            else None
        )
    if np.ptp(theta) > 0:
        return None
    a, b = norms
    return float(4 * detuning * a * b / (k * (a**2 + b**2)))


def check_initial(model: SchrodingerLohe, rows: np.ndarray, weight: float = 1.0) -> None:
    """Warn of what the initial states, rows whose inner product is weight·Σ, lead to."""
    n = len(rows)
    norms = np.linalg.norm(rows, axis=1) * np.sqrt(weight)
    if model.variant == "model1" and existence_margin(model, norms) <= 0:
        warn(
            "Model 1 may lose an oscillator: λ_-(0) − λ_+(0)(exp(kD₀/2μc)−1) > 0 fails with "
            f"D₀={np.max(np.abs(model.start_theta(n) - 1)):.3g} and "
            f"μc={model.alignment * infimum(model.kernel):.3g}",
            GlobalExistenceWarning,
        )
    if (
        n < 2
        or model.coupling <= 0
        or not model.mean_field
        or model.phase_lag != 0
        or np.any(norms == 0)
    ):
        return
    if not model.common:
        return
    if np.ptp(model.rates(n)) > 0:
        threshold = locking_ratio(model, norms)
        if threshold is not None and abs(threshold - 1) < 1e-6:
            warn(
                f"Λ = {threshold:.9g}: at Λ=1 locking turns into oscillation, and the approach to "
                "the limit is algebraic",
                UnstableSetWarning,
            )
        return
    mean = np.mean(rows, axis=0)
    order = float(np.linalg.norm(mean) * np.sqrt(weight))
    scale = float(np.mean(norms))
    if order <= 1e-8 * scale:
        warn(
            f"the order parameter starts at {order:.2g}: ζ=0 is an unstable equilibrium and "
            "rounding decides what follows",
            UnstableSetWarning,
        )
        return
    along = rows @ mean.conj() * weight / (norms * order)
    if np.any(along.real < 0) and np.all(np.abs(np.abs(along.real) - 1) < 1e-12):
        warn(
            "all states are aligned with ±ζ: a bipolar state, from which rounding decides the way",
            UnstableSetWarning,
        )


def check_edges(grid: Any, psi: np.ndarray, t: float, result: Any = None) -> tuple[float, float]:
    """Fractions of the mass near the edge of the box and of the wave numbers; raises beyond
    EDGE_LIMIT.
    """
    shaped = np.asarray(psi).reshape(-1, *grid.shape)
    box, waves = grid.edge_fraction(shaped), grid.wave_edge_fraction(shaped)
    for fraction, where, what in (
        (box, "outer 5 % of the box", "a longer box"),
        (waves, "outer 10 % of the wave numbers", "more points"),
    ):
        if fraction > EDGE_LIMIT:
            raise AliasingError(
                f"at t={t:g} a fraction {fraction:.2g} of the mass is in the {where}, so that the "
                "error of the states is about "
                f"{np.sqrt(fraction):.1g}; take {what}",
                time=t,
                reason="aliasing",
                result=result,
            )
    return box, waves


def warn_edges(worst: dict[str, float]) -> None:
    """Warn when a fraction seen during a run passed EDGE_WARNING."""
    names = {"edge of the box": "a longer box", "highest wave numbers": "more points"}
    for name, advice in names.items():
        fraction = worst.get(name, 0.0)
        if fraction > EDGE_WARNING:
            warn(
                f"a fraction {fraction:.2g} of the mass reached the {name}: the error of the "
                "states is about "
                f"{np.sqrt(fraction):.1g}; take {advice}",
                AliasingWarning,
            )
