"""Order parameters and diameters."""

from __future__ import annotations

import numpy as np

from ..core.checks import check_choice, check_integer
from ..core.errors import MissingFieldError
from ._common import mean_phases, undefined
from .view import PHASE_THRESHOLD, SyncView

__all__ = ["diameter", "kuramoto", "mean_phase", "order_parameter"]


def order_parameter(view: SyncView, *, weighted: bool = False) -> np.ndarray:
    r"""Order parameter r = √(Σ_jk z_jk)/N.

    Parameters
    ----------
    view : SyncView
        Needs ``correlations``, or an ``order_parameter`` given by the system (taken as it is); with
        `weighted`, ``correlations`` and ``masses``.
    weighted : bool
        ‖ζ‖ = √(Σ_jk √(m_j m_k) z_jk)/N instead, the norm of the mean of the unnormalised states (of
        √n_j e^{iθ_j}).

    Returns
    -------
    (T,) array
        Between 0 and 1 unless weighted. NaN (with a warning) where a node of zero mass has no z_jk,
        or where Σ z_jk < 0, which no set of states allows.

    Notes
    -----
    For z_jk = e^{i(θ_k−θ_j)} it is Kuramoto's r = \|Σ e^{iθ_j}\|/N; for z_jk = ⟨φ_j,φ_k⟩ it is ‖Σ
    φ_j‖/N [1]_.

    References
    ----------
    .. [1] M. A. Lohe, J. Phys. A 43, 465301 (2010).
    """
    if not weighted and "order_parameter" in view.fields:
        return view.order_parameter.copy()
    if view.phases_suffice:
        phases = mean_phases(view)  # no N×N array
        weights = np.sqrt(view.masses) if weighted else 1.0
        r = np.abs(np.mean(weights * np.exp(1j * phases), axis=1))
        undefined(r, "order_parameter", "a node has zero mass")
        return r
    z = view.correlations
    if weighted:
        root = np.sqrt(np.maximum(view.masses, 0))
        weight = root[:, :, None] * root[:, None, :]
        z = np.where(weight == 0, 0, weight * z)
    total = np.sum(z, axis=(1, 2)).real
    n = view.n_nodes
    floor = -1e-9 * n * n * (1 + (np.max(view.masses) if weighted else 0))
    r = np.sqrt(np.where(total < floor, np.nan, np.maximum(total, 0))) / n
    undefined(r, "order_parameter", "a node has zero mass, or the correlations are not positive")
    return r


def kuramoto(view: SyncView, m: int = 1) -> np.ndarray:
    """Generalised Kuramoto order parameter r_m = |Σ_j e^{i m θ_j}|/N.

    Parameters
    ----------
    view : SyncView
        Needs ``mean`` (θ_j = arg⟨b_j⟩); without it, ``correlations`` of modulus one.
    m : int
        Order; r_2 = 1 for two antipodal groups.

    Returns
    -------
    (T,) array
        NaN (with a warning) where some θ_j does not exist.

    Notes
    -----
    Y. Kuramoto, Chemical Oscillations, Waves, and Turbulence (Springer, 1984); H. Daido, Physica D
    91, 24 (1996).
    """
    m = check_integer("m", m, minimum=1)
    if view.has("mean"):
        r = np.abs(np.mean(np.exp(1j * m * mean_phases(view)), axis=1))
    else:
        z = view.correlations
        if np.any(np.abs(np.abs(z) - 1) > 1e-9):
            raise MissingFieldError(
                f"{view.system or 'this view'} has no phases of single nodes; give mean=, or "
                "|z_jk|=1"
            )
        total = np.sum(np.exp(1j * m * np.angle(z)), axis=(1, 2)).real
        r = np.sqrt(np.maximum(total, 0)) / view.n_nodes
    undefined(r, "kuramoto", "⟨b_j⟩=0 has no phase")
    return r


def mean_phase(view: SyncView, m: int = 1) -> np.ndarray:
    """Mean phase arg Σ_j e^{i m θ_j}, in (−π, π].

    Parameters
    ----------
    view : SyncView
        Needs ``mean`` (θ_j = arg⟨b_j⟩).
    m : int
        Order.

    Returns
    -------
    (T,) array
        NaN (with a warning) where some θ_j does not exist, or where r_m ≤ 1e-9.
    """
    m = check_integer("m", m, minimum=1)
    total = np.mean(np.exp(1j * m * mean_phases(view)), axis=1)
    phase = np.where(np.abs(total) > PHASE_THRESHOLD, np.angle(total), np.nan)
    undefined(phase, "mean_phase", "the sum of the phase factors vanishes, or ⟨b_j⟩=0 has no phase")
    return phase


def diameter(view: SyncView, kind: str = "distance") -> np.ndarray:
    """Diameter of the set of nodes.

    Parameters
    ----------
    view : SyncView
        Needs ``correlations``.
    kind : {"distance", "correlation", "phase"}
        max_jk √(2(1−Re z_jk)), which is max‖φ_j−φ_k‖; max_jk |1−z_jk|; max_jk |arg z_jk|.

    Returns
    -------
    (T,) array
        NaN (with a warning) where a node has zero mass, where |z_jk| exceeds 1 by more than 1e-6
        or, for "phase", where a |z_jk| ≤ 1e-9 has no argument.

    Notes
    -----
    1−z_jk comes from ``view.deviations``: relatively accurate down to phase differences of 1e-16
    where |z_jk|=1; otherwise exact to 2e-16 absolutely, that is to 2e-8 in the "distance".
    """
    check_choice("kind", kind, ("distance", "correlation", "phase"))
    z = view.correlations
    bad = np.any(~(np.abs(z) <= 1 + 1e-6), axis=(1, 2))
    with np.errstate(invalid="ignore"):
        if kind == "distance":
            value = np.sqrt(2 * np.maximum(np.max(view.deviations.real, axis=(1, 2)), 0))
        elif kind == "correlation":
            value = np.max(np.abs(view.deviations), axis=(1, 2))
        else:
            value = np.max(
                np.where(np.abs(z) > PHASE_THRESHOLD, np.abs(np.angle(z)), np.nan), axis=(1, 2)
            )
    value = np.where(bad, np.nan, value)
    undefined(
        value, "diameter", "a node has zero mass, a correlation no phase or more than modulus one"
    )
    return value
