"""Validation of the fields of a view, and what is derived from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.checks import check_array, check_integer, check_positive
from ..core.gaussian import uncertainty_margin

__all__ = [
    "check_correlations",
    "check_field",
    "check_physical",
    "check_states",
    "frozen",
    "hopping",
    "one_minus",
]

_TOLERANCE = 1e-9
#: density matrices of up to this dimension are all looked at for negative eigenvalues
_EVERY_STATE = 600


def check_field(name: str, value: Any) -> tuple[np.ndarray, int, int | None]:
    """Array of a field, its T and its N (None if the field has no node axis)."""
    dtype = complex if name in ("correlations", "deviations") else float
    dims = {"mean": 2, "masses": 2, "order_parameter": 1}.get(name, 3)
    array = check_array(name, value, shape=(None,) * dims, dtype=dtype, finite=dtype is float)
    if array.shape[0] < 1 or (dims > 1 and array.shape[1] < 1):
        raise ValueError(
            f"{name} must hold at least one time and one node, not shape {array.shape}"
        )
    doubled = name in ("mean", "covariance")
    if doubled and array.shape[1] % 2:
        raise ValueError(f"{name} must have 2N entries (q1, p1, q2, p2, ...), not {array.shape[1]}")
    if dims == 3 and array.shape[1] != array.shape[2]:
        raise ValueError(f"{name} must be square in its last two axes, not {array.shape}")
    if name == "covariance":
        scale = 1 + float(np.max(np.abs(array)))
        if np.max(np.abs(array - array.swapaxes(1, 2))) > _TOLERANCE * scale:
            raise ValueError("covariance must be symmetric in its last two axes")
        if np.min(np.diagonal(array, axis1=1, axis2=2)) < -_TOLERANCE * scale:
            raise ValueError("covariance must have variances ≥ 0 on its diagonal")
    elif name == "masses" and np.min(array) < -_TOLERANCE:
        raise ValueError(f"masses must be ≥ 0, not {np.min(array):g}")
    elif name == "order_parameter" and not (
        np.min(array) >= -_TOLERANCE and np.max(array) <= 1 + _TOLERANCE
    ):
        raise ValueError(
            f"order_parameter must lie between 0 and 1, not {np.min(array):g} to {np.max(array):g}"
        )
    nodes = None if dims == 1 else array.shape[1] // (2 if doubled else 1)
    return array, array.shape[0], nodes


def check_physical(covariance: np.ndarray, vacuum: float) -> None:
    """Refuse covariances below the uncertainty bound C + iΩ·vacuum ≥ 0."""
    margin = uncertainty_margin(covariance * (0.5 / vacuum))
    worst = int(np.argmin(margin))
    scale = max(1.0, float(np.abs(covariance[worst]).max()) / vacuum)
    if margin[worst] < -1e-6 * scale:
        raise ValueError(
            "covariance must respect the uncertainty relation C + iΩ/2 ≥ 0 (vacuum: ½·1); at index "
            f"{worst} its smallest eigenvalue is {margin[worst]:.3g}. Give "
            "covariance=0 for a classical "
            "system, or about=About(physical=False) for an approximation that breaks it"
        )


def check_correlations(z: np.ndarray, masses: np.ndarray | None) -> None:
    """Refuse what cannot be normalised correlations."""
    nan = np.isnan(z)
    if np.any(np.isinf(z)):
        raise ValueError("correlations must be finite")
    if np.any(nan):
        if masses is None:
            raise ValueError("correlations hold NaN; that needs masses= that are zero there")
        empty = masses <= _TOLERANCE
        if np.any(nan & ~(empty[:, :, None] | empty[:, None, :])):
            raise ValueError("correlations must be finite wherever the masses are not zero")
    clean = np.where(nan, 0, z)
    if np.max(np.abs(clean - clean.conj().swapaxes(1, 2))) > _TOLERANCE:
        raise ValueError("correlations must be Hermitian, z_kj = conj z_jk")
    if np.max(np.abs(clean)) > 1 + _TOLERANCE:
        raise ValueError(f"correlations must have |z_jk| ≤ 1, not {np.max(np.abs(clean)):g}")
    diagonal = np.diagonal(z, axis1=1, axis2=2)
    if np.any(np.abs(diagonal - 1) > _TOLERANCE):
        raise ValueError("correlations must have z_jj = 1 on the diagonal")


def check_states(
    states: Sequence[Any],
    subsystems: Sequence[int] | None,
    n_nodes: int | None,
    positive: bool,
) -> tuple[int, ...]:
    """Refuse what are not normalised states of one tensor product; return the factors that are the
    nodes.
    """
    if not states:
        raise ValueError("states must hold at least one state")
    for k, state in enumerate(states):
        if not (
            hasattr(state, "dims") and hasattr(state, "full") and (state.isket or state.isoper)
        ):
            raise ValueError(
                f"states must be QuTiP kets or density matrices; states[{k}] is "
                f"{type(state).__name__}"
            )
        if state.dims[0] != states[0].dims[0] or not all(isinstance(d, int) for d in state.dims[0]):
            raise ValueError(
                f"states must all live on the same tensor product; states[{k}] has dims "
                f"{state.dims}"
            )
        if state.isoper and state.dims[0] != state.dims[1]:
            raise ValueError(
                f"states must be square if they are operators; states[{k}] has dims {state.dims}"
            )
        weight = state.norm() ** 2 if state.isket else state.tr()
        if state.isoper and not state.isherm:
            raise ValueError(f"states must be Hermitian; states[{k}] is not")
        if not abs(weight - 1) <= 1e-4:
            raise ValueError(f"states must be normalised; states[{k}] has trace {weight:.6g}")
    factors = len(states[0].dims[0])
    if positive:
        _check_positive(states)
    if subsystems is None:
        if n_nodes is not None and n_nodes != factors:
            raise ValueError(
                f"subsystems must say which of the {factors} tensor factors are the {n_nodes} nodes"
            )
        subsystems = range(factors)
    chosen = tuple(
        check_integer("subsystems", k, minimum=0, maximum=factors - 1) for k in subsystems
    )
    if len(set(chosen)) != len(chosen) or not chosen:
        raise ValueError(f"subsystems must be different tensor factors, not {chosen}")
    return chosen


def _check_positive(states: Sequence[Any]) -> None:
    """Refuse density matrices with negative eigenvalues; of very large ones look at the ends."""
    large = states[0].shape[0] > _EVERY_STATE
    for k in (0, len(states) - 1) if large else range(len(states)):
        if states[k].isoper:
            check_positive(f"states[{k}]", states[k].full())


def hopping(covariance: np.ndarray) -> np.ndarray:
    """⟨δb_j†δb_k⟩ of j≠k from a covariance (..., 2N, 2N); on the diagonal ⟨δb†δb⟩+½."""
    qq, pp = covariance[..., ::2, ::2], covariance[..., 1::2, 1::2]
    qp, pq = covariance[..., ::2, 1::2], covariance[..., 1::2, ::2]
    return np.asarray((qq + pp + 1j * (qp - pq)) / 2)


def one_minus(z: np.ndarray) -> np.ndarray:
    """1−z; 2 sin²(φ/2) − i sin φ where |z|=1 to rounding."""
    plain = 1 - z
    angle = np.angle(z)
    unit = np.abs(np.abs(z) - 1) <= 4 * np.finfo(float).eps
    return np.where(unit, 2 * np.sin(angle / 2) ** 2 - 1j * np.sin(angle), plain)


def frozen(array: np.ndarray) -> np.ndarray:
    """Make `array` C-ordered and read-only."""
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array
