"""Möbius maps, particles on spheres, and the mean fields of infinitely many oscillators."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..circle.populations import MoebiusResult
from ..circle.reduced import OttAntonsen, OttAntonsenResult
from ..circle.spheres import SphereResult
from ..core.checks import check_memory
from ..core.saved import kept
from ..sync import About, SyncView
from ..sync.dynamics import Dynamics, Flow, Kind
from ..sync.reading import reader
from ._couplings import rooted

__all__ = ["view_of_fields", "view_of_moebius", "view_of_sphere"]

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


@reader.register(OttAntonsenResult)
def view_of_fields(result: OttAntonsenResult) -> SyncView:
    """Each population is a node, ⟨b_m⟩ = z̄_m, the mean of e^{−ix} over its oscillators.

    The order parameter is that of all oscillators, |Σ_m w_mz_m|.
    """
    z, model = result.modes, result.model
    mean = np.empty((z.shape[0], 2 * z.shape[1]))
    mean[:, ::2], mean[:, 1::2] = np.sqrt(2) * z.real, -np.sqrt(2) * z.imag
    about = About(
        system=f"mean fields of infinitely many oscillators, {result.n} Lorentz distributions",
        missing=_NO_STATES,
        n=result.n,
        vacuum=0.0,
        bosons=False,
        weights=getattr(model, "shares", None),
        dynamics=_reduced(result) if isinstance(model, OttAntonsen) else Dynamics(Kind.FIELDS),
    )
    fields = {"order_parameter": np.minimum(result.order_parameter, 1.0), "mean": mean}
    return SyncView.of(result.times, {**fields, "covariance": 0}, about=about)


def _reduced(result: OttAntonsenResult) -> Dynamics:
    """What the reduced equations say."""
    model, matrix = result.model, np.ndim(result.model.coupling) == 2
    return Dynamics(
        Kind.FIELDS,
        coupled=bool(np.any(model.coupling)) or model.triads is not None,
        rooted=rooted(model.coupling) if matrix and model.n > 1 else None,
        autonomous=model.modulation is None,
        phase_symmetry=True,
        identical=bool(np.ptp(model.centres) == 0 and np.all(model.widths == 0)),
        deterministic=True,
        flow=Flow(
            velocity=partial(_turning, result),
            exponents=partial(_exponents, result),
            rest_exponents=partial(_of_incoherence, result) if model.modulation is None else None,
            locked=partial(_locked, result),
        ),
    )


@kept(model=True)
def _turning(result: OttAntonsenResult, index: int) -> np.ndarray:
    """Angular velocities of the mean fields; NaN where they are zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.imag(result.velocities(index) / result.modes[index]))


@kept(model=True)
def _locked(result: OttAntonsenResult, index: int) -> np.ndarray:
    return result.locked(index)


@kept(model=True)
def _of_incoherence(result: OttAntonsenResult) -> np.ndarray:
    """Exponents of z=0: triads are of third order there."""
    model = result.model
    strength = np.atleast_2d(model.coupling * np.exp(-1j * model.phase_lag))
    if np.ndim(model.coupling) == 0:
        strength = np.broadcast_to(strength, (model.n, model.n)) * model.shares
    linear = np.diag(1j * model.centres - model.widths) + 0.5 * strength
    return np.asarray(np.linalg.eigvals(linear))


@kept(model=True)
def _exponents(result: OttAntonsenResult, index: int) -> np.ndarray:
    """Exponents in the frame of the mean field, without that of the common phase."""
    model, z, t = result.model, result.modes[index], float(result.times[index])
    turning = np.imag(result.velocities(index) * np.conj(z)) @ model.shares
    frequency = turning / (np.abs(z) ** 2 @ model.shares)
    size, n = 0.125, model.n
    jacobian = np.empty((2 * n, 2 * n))
    for k in range(2 * n):
        step = np.zeros(n, dtype=complex)
        step[k % n] = size if k < n else 1j * size
        # the velocity is a polynomial of degree 5 at most: three points a side are exact
        change = sum(
            c * (model.velocity(t, z + m * step) - model.velocity(t, z - m * step))
            for m, c in ((1, 0.75), (2, -0.15), (3, 1 / 60))
        ) / size - 1j * frequency * (step / size)
        jacobian[:, k] = np.concatenate([change.real, change.imag])
    values = np.linalg.eigvals(jacobian)
    return np.asarray(np.delete(values, np.argmin(np.abs(values))))
