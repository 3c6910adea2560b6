"""Infinitely many oscillators beside finitely many: what both have is the mean field."""

from __future__ import annotations

import numpy as np

from ..sync import About, SyncView
from ..sync.dynamics import Kind

__all__ = ["is_of_fields", "mean_field"]


def is_of_fields(view: SyncView) -> bool:
    """Whether the nodes are mean fields of infinitely many oscillators."""
    return view.dynamics is not None and view.dynamics.kind is Kind.FIELDS


def mean_field(view: SyncView) -> SyncView:
    """The mean over the nodes, with their weights, as the only node."""
    weights = np.ones(view.n) if view.about.weights is None else view.about.weights
    beta = view.amplitudes @ (weights / np.sum(weights))
    mean = np.sqrt(2) * np.stack([beta.real, beta.imag], axis=1)
    fields = {"order_parameter": np.abs(beta), "mean": mean, "covariance": 0}
    about = About(system=view.system, n=1, vacuum=0.0, bosons=False)
    return SyncView.of(view.times, fields, about=about)
