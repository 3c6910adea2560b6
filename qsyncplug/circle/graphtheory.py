"""Graphs on which identical oscillators synchronise from almost every start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from ..core.predictions import Prediction
from .model import Circle
from .spans import span_of
from .statements import equal_frequencies, positions_of, statement

__all__ = ["graph_statements"]


def graph_statements(model: Circle, x0: np.ndarray) -> Iterator[Prediction]:
    """Trees and dense graphs, for Kuramoto's model of identical oscillators."""
    if (
        model.adjacency is None
        or model.interaction.kind != "sine"
        or model.phase_lag != 0
        or model.coupling <= 0
        or not equal_frequencies(model)
        or callable(model.normalization)
        or x0.size < 2
    ):
        return
    a = scipy.sparse.csr_array(model.adjacency)
    a = a - scipy.sparse.diags_array(a.diagonal())
    a.eliminate_zeros()
    n = x0.size
    if abs(a - a.T).max() != 0 or a.nnz == 0 or a.data.min() < 0:
        return
    pieces = connected_components(a, directed=False)[0]
    degrees = np.diff(a.indptr)
    # weights of nodes and divisors only stretch the gradient's coordinates
    if pieces == 1 and a.nnz == 2 * (n - 1):
        yield _synchrony(
            "tree",
            "the graph is a tree: every stationary state but synchrony is unstable, and from "
            "almost every start all meet",
            "differences along the edges are free coordinates",
        )
    alike = np.ptp(a.data) == 0 and model.weights is None
    if alike and degrees.min() >= 0.75 * (n - 1):
        yield _synchrony(
            "dense graph",
            f"every node has at least {degrees.min()} ≥ ¾(n−1) neighbours: from almost every start "
            "all meet",
            "Kassabov, Strogatz and Townsend, Chaos 31, 073135 (2021)",
        )


def _synchrony(name: str, text: str, source: str) -> Prediction:
    def check(result: Any) -> tuple[bool | None, str]:
        x = positions_of(result)
        if x is None:
            return None, "the positions were not stored"
        span = span_of(x[-1])
        return (True if span < 1e-2 else None), f"within an arc of {span:.4g} at the end"

    limits = {"order_parameter": 1.0, "diameter": 0.0}
    return statement(name, text, source, limits, None, check)
