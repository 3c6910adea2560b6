"""How far forces are from cancelling, compared with the forces that act: what tells rest from slow
motion.
"""

from __future__ import annotations

import numpy as np

__all__ = ["BALANCED", "imbalance", "next_stable"]

#: Imbalance up to which a state that Newton's method has polished counts as stationary; rounding
#: makes about 1e-15.
BALANCED = 1e-12


def imbalance(push: np.ndarray, pull: np.ndarray, drift: np.ndarray | float = 0.0) -> np.ndarray:
    r"""Force on each particle, relative to the gross pair forces and their slopes.

    Parameters
    ----------
    push, pull : (..., n, n) arrays
        Force of j on i, and its derivative; the diagonal does not count.
    drift : (..., n) array or number
        Another force on i, from outside.

    Returns
    -------
    (..., n) array
        :math:`|\sum_jF_{ij}|/\sum_j(|F_{ij}|+|F'_{ij}|)`: the shift in radians that would balance
        the forces, up to a factor of the order of :math:`|F'/F|`. About 1e-15 in a stationary
        state, whose angles are rounded, however small the forces are; 0 for a particle without
        forces.
    """
    n = push.shape[-1]
    off = 1.0 - np.eye(n)
    gross = np.sum((np.abs(push) + np.abs(pull)) * off, axis=-1) + np.abs(drift)
    force = np.abs(np.sum(push * off, axis=-1) + drift)
    return np.where(force > 0, force / np.where(gross > 0, gross, 1.0), 0.0)


def next_stable(push: np.ndarray, pull: np.ndarray, weights: np.ndarray) -> float:
    """Largest shift of a particle in Newton's step to a stable state nearby; infinite if the state
    next to it is not stable.

    `push` and `pull` are weighted with c_j, and act with c_i on the other side: the motion is along
    a gradient.
    """
    matrix = pull * weights[:, None]
    np.fill_diagonal(matrix, 0.0)
    laplacian = np.diag(np.sum(matrix, axis=1)) - (matrix + matrix.T) / 2
    values, vectors = np.linalg.eigh(laplacian)
    # all but the rotation's must be positive beyond doubt
    if np.sum(values > 1e-10 * np.max(np.abs(matrix))) < values.size - 1:
        return float("inf")
    force = weights * np.sum(push, axis=1)
    step = vectors[:, 1:] @ ((vectors[:, 1:].T @ force) / values[1:])
    return float(np.max(np.abs(step)))
