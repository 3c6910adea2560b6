"""Actions of pairs as compressed rows of complex numbers: weights, turned by the lags."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from ..core.checks import check_memory
from .model import Circle

__all__ = ["gains_of", "rows_of_pairs"]


def rows_of_pairs(model: Circle, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts, columns and a_ij c_j e^{−iα_ij} of the actions, row by row."""
    a = model.adjacency
    if a is None:
        check_memory("the actions of all pairs", 40.0 * n * n, advice="give a sparse adjacency")
        starts, columns = np.arange(n + 1) * n, np.tile(np.arange(n), n)
        data = np.ones(n * n)
    else:
        a = scipy.sparse.csr_array(a)
        starts, columns, data = a.indptr, a.indices, a.data
    if model.weights is not None:
        data = data * model.weights[columns]
    if model.lags is not None:
        rows = np.repeat(np.arange(n), np.diff(starts))
        data = data * np.exp(-1j * model.lags[rows, columns])
    return starts, columns, data


def gains_of(model: Circle, n: int) -> np.ndarray:
    """What a particle's sum over pairs is multiplied with: κ r_i/g_i, (n,), with response r and
    divisor g.
    """
    divisor = model.divisors(n)
    assert divisor is not None
    gain = np.full(n, model.coupling) / divisor
    return gain if model.response is None else gain * model.response
