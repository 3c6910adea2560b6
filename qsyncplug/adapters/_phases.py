"""Distributions of phases of results without states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..approximate.cumulants import CumulantResult
from ..approximate.meanfield import MeanFieldResult
from ..approximate.sampled import TwaResult
from ..approximate.sphere import ClassicalResult
from ..approximate.stationary import MomentState
from ..models.chains.meanfield import SpinMeanFieldResult
from ..operators.atom import AtomFactor
from ..operators.spin import SpinFactor
from ..sync.measures.distributions import PhaseDistribution
from ..sync.measures.sources import chosen_kind, of_gaussian, phase_source

__all__ = ["phase_of_gaussian", "phase_of_moments", "phase_of_samples"]


@phase_source.register(MeanFieldResult)
@phase_source.register(SpinMeanFieldResult)
@phase_source.register(ClassicalResult)
def phase_of_gaussian(
    x: Any, nodes: Sequence[int], kind: str | None, index: int
) -> PhaseDistribution:
    """Of the Gaussian state with the mean and the covariance of a mean field."""
    kind = chosen_kind(kind, ("husimi", "wigner", "canonical"), "of a Gaussian state")
    if getattr(x, "covariance", None) is None:
        raise TypeError(
            "x has no fluctuations, and its phase no distribution: run mfsolve with "
            "closure='linear'"
        )
    return of_gaussian(x.mean[index], x.covariance[index], nodes, kind)


@phase_source.register(TwaResult)
def phase_of_samples(
    x: TwaResult, nodes: Sequence[int], kind: str | None, index: int
) -> PhaseDistribution:
    """Averages of e^{ikφ} over samples of the Wigner function."""
    if x.phase_moments is None:
        raise TypeError(
            "x holds no phases of its samples: draw them with options={'phases': 32}, the number "
            "of moments ⟨e^{ikφ}⟩ that are kept"
        )
    chosen_kind(kind, ("wigner",), "from samples of the Wigner function")
    if max(nodes) >= x.n:
        raise ValueError(f"nodes: the system has {x.n} nodes, there is no {max(nodes)}")
    if len(nodes) == 1:
        moments = x.phase_moments[index, :, nodes[0]]
    else:
        j, k = sorted(nodes)
        moments = x.phase_moments[index, :, x.n + j * (2 * x.n - j - 1) // 2 + k - j - 1]
        moments = moments if nodes[0] < nodes[1] else moments.conj()
    spread = np.sqrt(np.maximum(1 - np.abs(moments) ** 2, 0) / max(x.ntraj - 1, 1))
    return PhaseDistribution(moments, spread, "wigner")


@phase_source.register(CumulantResult)
@phase_source.register(MomentState)
def phase_of_moments(
    x: Any, nodes: Sequence[int], kind: str | None, index: int
) -> PhaseDistribution:
    """Of one atom of each ensemble, or of spins ½: one and two of them have no other moments than
    those that are known.
    """
    kind = chosen_kind(kind, ("canonical", "husimi"), "of atoms")
    system = x.model if isinstance(x, CumulantResult) else x.system
    product, scale = 1, 1.0
    for place, k in enumerate(nodes):
        if k >= system.n:
            raise ValueError(f"nodes: the system has {system.n} nodes, there is no {k}")
        factor = system.symbols[k].factor
        if not isinstance(factor, (AtomFactor, SpinFactor)) or (
            isinstance(factor, SpinFactor) and factor.N > 1
        ):
            raise ValueError(
                f"nodes: moments of low order do not fix the phase of {system.symbols[k]}; only "
                "those of atoms and spins ½"
            )
        lower = system.operators[k]
        product = product * (lower if place == 0 else lower.dag())
        scale *= factor.N / (np.pi / 4 if kind == "husimi" else 1.0)
    values = np.ravel(x.expectation(product))
    return PhaseDistribution(np.array([1.0, values[index] / scale]), kind=kind)
