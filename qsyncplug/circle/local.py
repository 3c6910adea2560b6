"""Order among the neighbours of each particle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .model import Circle, check_circle

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["local_order_parameters"]


def local_order_parameters(model: Circle, x: ArrayLike) -> np.ndarray:
    r"""Local order parameters :math:`r_i=|\sum_ja_{ij}e^{ix_j}|/\sum_j|a_{ij}|` of the particles at
    `x`, (n,).

    1 for an isolated particle. Without an adjacency everybody is a neighbour of everybody.

    Parameters
    ----------
    model : Circle
    x : (n,) array_like

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> ring = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    >>> model = qsp.Circle(qsp.sine(), adjacency=ring)
    >>> qsp.local_order_parameters(model, [0.5, 0.5, 0.5])
    array([1., 1., 1.])
    """
    x = check_circle(model).positions(x)
    z = np.exp(1j * x)
    a = model.adjacency
    if a is None:
        return np.full(x.size, abs(np.mean(z)))
    reach = np.asarray(abs(a).sum(axis=1)).ravel()
    alone = reach == 0
    return np.where(alone, 1.0, np.abs(a @ z) / np.where(alone, 1.0, reach))
