"""Möbius maps and particles on spheres; of infinitely many oscillators no node can be read off."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..circle.populations import MoebiusResult
from ..circle.spheres import SphereResult
from ..core.checks import check_memory
from ..core.saved import kept
from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Kind
from ..sync.reading import reader

__all__ = ["view_of_moebius", "view_of_sphere"]

_NO_STATES = {"states": "classical particles have no quantum states"}


@kept()
def _rows(x: np.ndarray, part: Any) -> np.ndarray:
    return np.asarray(x[part])


@reader.register(MoebiusResult)
def view_of_moebius(result: MoebiusResult) -> SyncView:
    """⟨b_j⟩ = e^{−ix_j}, as for :class:`CircleResult`."""
    x = result.positions

    def mean() -> np.ndarray:
        out = np.empty((x.shape[0], 2 * x.shape[1]))
        out[:, ::2], out[:, 1::2] = np.sqrt(2) * np.cos(x), -np.sqrt(2) * np.sin(x)
        return out

    def deviations() -> np.ndarray:
        check_memory("the correlations", 40.0 * x.size * x.shape[1])
        d = x[:, :, None] - x[:, None, :]
        return np.asarray(2 * np.sin(d / 2) ** 2 - 1j * np.sin(d))

    fields: dict[str, Any] = {
        "order_parameter": np.minimum(result.order_parameter, 1.0),
        "mean": mean,
        "covariance": 0,
        "deviations": deviations,
        "masses": np.ones(x.shape),
    }
    about = About(
        system="identical oscillators on the circle, Möbius maps",
        missing=_NO_STATES,
        n=result.n,
        vacuum=0.0,
        bosons=False,
        dynamics=Dynamics(
            Kind.PHASES,
            phase_symmetry=True,
            identical=_one_frequency(result.model),
            deterministic=True,
            phases=partial(_rows, x),
        ),
    )
    return SyncView.of(result.times, fields, about=about)


def _gram(x: np.ndarray) -> np.ndarray:
    """⟨x_j, x_k⟩, (T, N, N), at most 1."""
    z = np.asarray(np.einsum("tja,tka->tjk", x.conj(), x), dtype=complex)
    z /= np.maximum(1.0, np.abs(z))
    index = np.arange(z.shape[1])
    z[:, index, index] = 1.0
    return z


def _one_frequency(model: Any) -> bool:
    """Whether all populations turn at one frequency by themselves."""
    frequencies = getattr(model, "frequencies", None)
    return frequencies is None or bool(np.ptp(np.asarray(frequencies, dtype=float)) == 0)


@reader.register(SphereResult)
def view_of_sphere(result: SphereResult) -> SyncView:
    """z_jk = ⟨x_j, x_k⟩, masses 1."""
    # rounding leaves the sphere by the tolerance of the run, correlations may not leave [−1, 1]
    x = result.points / np.linalg.norm(result.points, axis=-1, keepdims=True)

    def correlations() -> np.ndarray:
        return _gram(x)

    def deviations() -> np.ndarray:
        # ½‖x_j−x_k‖² − i Im⟨x_j, x_k⟩: without cancellation
        check_memory("the differences of all pairs", 40.0 * x.size * x.shape[1])
        apart = x[:, :, None, :] - x[:, None, :, :]
        real = 0.5 * np.sum(np.abs(apart) ** 2, axis=-1)
        return np.asarray(real - 1j * np.imag(_gram(x)))

    fields: dict[str, Any] = {
        "order_parameter": np.minimum(result.order_parameter, 1.0),
        "correlations": correlations,
        "deviations": deviations,
        "masses": np.ones(x.shape[:2]),
    }
    why = "points of a sphere have no phase space"
    about = About(
        system=f"particles on a sphere, {result.model}",
        missing={"mean": why, "covariance": why} | _NO_STATES,
        n=result.n,
        bosons=False,
        dynamics=Dynamics(Kind.VECTORS, coupled=getattr(result.model, "coupling", 0.0) != 0),
        physical=False,
    )
    return SyncView.of(result.times, fields, about=about)
