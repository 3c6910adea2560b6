"""Particles on the circle: positions as classical amplitudes of modulus 1, without any N×N array
until one is asked for.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ..circle.model import Circle
from ..circle.solver import CircleResult
from ..circle.stationary import stability
from ..core.checks import check_memory
from ..sync import SyncView
from ..sync.dynamics import Dynamics, Kind
from ..sync.reading import reader

__all__ = ["view_of"]


@reader.register(CircleResult)
def view_of(result: CircleResult) -> SyncView:
    """⟨b_j⟩ = e^{ix_j}: z_jk = e^{i(x_k − x_j)}, masses 1, no quantum fluctuations.

    Without stored positions only the order parameter is there. It is |Σ_j e^{ix_j}|/n; with weights
    it needs the positions.
    """
    fields: dict[str, Any] = {}
    x = result.positions
    n = result.size
    if result.weights is None:
        fields["order_parameter"] = np.minimum(result.order_parameter, 1.0)
    if x is not None:

        def mean() -> np.ndarray:
            check_memory("the means", 16.0 * x.size, advice="take fewer times")
            out = np.empty((x.shape[0], 2 * n))
            out[:, ::2] = np.sqrt(2) * np.cos(x)
            out[:, 1::2] = np.sqrt(2) * np.sin(x)
            return out

        def differences() -> np.ndarray:
            check_memory(
                "the correlations",
                40.0 * x.size * n,
                advice="ask for a pair(i, j) of the view, or fewer times",
            )
            return x[:, None, :] - x[:, :, None]

        def correlations() -> np.ndarray:
            return np.exp(1j * differences())

        def deviations() -> np.ndarray:
            # 1 − e^{id} without cancellation
            d = differences()
            return 2 * np.sin(d / 2) ** 2 - 1j * np.sin(d)

        fields |= {
            "mean": mean,
            "covariance": 0,
            "deviations": deviations,
            "correlations": correlations,
        }
        fields["masses"] = lambda: np.ones(x.shape)
    if not fields:
        raise ValueError(
            "the result has neither positions nor an unweighted order parameter; run with "
            "options={'store_positions': True}"
        )
    advice = "run circlesolve with options={'store_positions': True}"
    return SyncView(
        result.times,
        **fields,
        system=f"particles on the circle, {result.model}",
        notes=tuple(result.stats.get("neglected", ())),
        vacuum=0.0,
        bosons=False,
        n_nodes=n,
        dynamics=_dynamics(result),
        missing=dict.fromkeys(
            ("mean", "correlations", "deviations", "masses", "covariance"), advice
        )
        | {"states": "classical particles have no quantum states"},
    )


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
        coupled=_coupled(model, result.size),
        phase_symmetry=True,
        identical=not isinstance(w, np.ndarray) or bool(np.ptp(w) == 0),
        phases=phases,
        exponents=partial(_exponents, result) if stored else None,
    )


def _phases(result: CircleResult, part: Any) -> np.ndarray:
    assert result.positions is not None
    return result.positions[part]


def _coupled(model: Circle, n: int) -> bool:
    """Whether the particles act on each other, all of them in one piece."""
    if n < 2 or model.coupling == 0:
        return False
    if model.adjacency is None:
        return True
    return bool(connected_components(csr_array(model.adjacency), directed=True)[0] == 1)


def _exponents(result: CircleResult, index: int) -> np.ndarray | None:
    if result.positions is None or result.size > _JACOBIAN:
        return None
    return np.asarray(stability(result.model, result.positions[index]).eigenvalues)
