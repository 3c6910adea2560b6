"""Arcs that hold all particles, and when they can only shrink."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from .model import Circle

__all__ = ["closed_classes", "half_circle_suffices", "span_of"]


def span_of(x: np.ndarray) -> float:
    """Length of the shortest arc that holds all particles."""
    angles = np.sort(np.mod(x, 2 * np.pi))
    return float(2 * np.pi - np.max(np.diff(angles, append=angles[0] + 2 * np.pi)))


def closed_classes(adjacency: Any) -> list[np.ndarray]:
    """Sets of particles that act on each other and on which nobody else acts.

    Exactly one of them: the graph has a root, a particle that acts on every other, directly or
    through others.
    """
    a = scipy.sparse.csr_array(adjacency)
    count, label = scipy.sparse.csgraph.connected_components(a, connection="strong")
    row, column = a.nonzero()
    acted_on = np.zeros(count, bool)
    between = label[row] != label[column]
    # entry (i, j): j acts on i
    acted_on[label[row[between]]] = True
    return [np.flatnonzero(label == k) for k in np.flatnonzero(~acted_on)]


def half_circle_suffices(model: Circle) -> bool:
    """Whether particles within an open half circle always end at one point.

    F>0 on (0, π), no negative action, and a root of the graph (Moreau): the arc shrinks onto one
    point.
    """
    f = model.interaction
    if model.phase_lag != 0 or model.coupling <= 0:
        return False
    inside = np.linspace(0, np.pi, 4097)[1:-1]
    if f.kind not in ("sine", "attention") and not (
        (not f.decays or f.slope > 0) and np.all(f.f(inside) > 1e-14 * f.peak)
    ):
        return False
    a = model.adjacency
    if a is None:
        return True
    data = a.data if scipy.sparse.issparse(a) else a
    return bool(np.all(data >= 0)) and len(closed_classes(a)) == 1
