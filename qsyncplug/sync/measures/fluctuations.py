"""Mari's measures of complete and of phase synchronisation, and Pearson's correlation
coefficient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.checks import check_array, check_choice
from ..fields import hopping
from ..view import SyncView
from .common import blank_diagonal, mean_phases, need_canonical, off_diagonal, undefined
from .record import UNIT, Of, Record, measure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["complete", "complete_fluctuations", "pearson", "phase", "phase_rotated"]

_CLASSICAL = "a classical system has no fluctuations"


def _sums(view: SyncView) -> tuple[np.ndarray, np.ndarray]:
    """1+n1+n2 and ⟨δb1†δb2⟩ of the fluctuations, both (T, N, N)."""
    covariance = view.covariance
    variances = np.diagonal(covariance, axis1=1, axis2=2)
    half = (variances[:, ::2] + variances[:, 1::2]) / 2
    return half[:, :, None] + half[:, None, :], hopping(covariance)


def _inverse(values: np.ndarray, name: str) -> np.ndarray:
    """1/values off the diagonal; NaN where the values, which are ≥0 for any state, are not above
    rounding.
    """
    values = blank_diagonal(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.where(values > 1e-14, 1 / values, np.nan)
    undefined(off_diagonal(result), name, _CLASSICAL + ", or the covariance is not that of a state")
    return result


@measure(Record("S_c", r"S_c", Of.PAIRS, ("mean", "covariance"), null=1.0, range=UNIT, place=60))
def complete(view: SyncView) -> np.ndarray:
    r"""Complete synchronisation S_c = 1/⟨q_−² + p_−²⟩, q_− = (q1−q2)/√2.

    Returns
    -------
    (T, N, N) array
        Symmetric, NaN on the diagonal, between 0 and 1 for states. Infinite where a classical
        system is in complete synchronisation.

    Notes
    -----
    A. Mari, A. Farace, N. Didier, V. Giovannetti and R. Fazio, Phys. Rev. Lett. 111, 103605 (2013),
    eq. (1).

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.complete(state, modes=[a, b])[0, 0, 1].round(4))
    0.3333
    """
    need_canonical(view, "complete")
    total, cross = _sums(view)
    beta = view.amplitudes
    gap = np.abs(beta[:, :, None] - beta[:, None, :]) ** 2
    if view.is_classical:
        with np.errstate(divide="ignore"):
            return blank_diagonal(1 / np.maximum(total - 2 * cross.real + gap, 0))
    return _inverse(total - 2 * cross.real + gap, "complete")


@measure(Record("S_q", r"S_q", Of.PAIRS, ("covariance",), null=1.0, range=UNIT, place=70))
def complete_fluctuations(view: SyncView) -> np.ndarray:
    """S_q = 1/⟨δq_−² + δp_−²⟩: complete synchronisation of the fluctuations only.

    Returns
    -------
    (T, N, N) array
        Symmetric, NaN on the diagonal. **1 is the value of two independent vacua** (and of a Bell
        state): read it together with ``view.masses``.

    Notes
    -----
    For ⟨b⟩=0 it is 1/(1+n1+n2−2Re⟨b1†b2⟩). Mari et al., Phys. Rev. Lett. 111, 103605 (2013).

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.complete_fluctuations(state, modes=[a, b])[0, 0, 1].round(4))  # vacuum
    1.0
    """
    need_canonical(view, "complete_fluctuations")
    total, cross = _sums(view)
    return _inverse(total - 2 * cross.real, "complete_fluctuations")


def _frame(view: SyncView, frame: Any) -> np.ndarray:
    """Phases (T, N) of a frame given by name or by numbers."""
    if isinstance(frame, str):
        return mean_phases(view)
    phases = check_array("frame", frame)
    try:
        return np.broadcast_to(phases, (view.n_times, view.n))
    except ValueError:
        shape = (view.n_times, view.n)
        raise ValueError(
            f"frame must be a name or phases that broadcast to {shape}, not shape {phases.shape}"
        ) from None


@measure(Record("S_q^φ", r"S_q^\varphi", Of.PAIRS, ("covariance",), null=1.0, range=UNIT, place=80))
def phase_rotated(view: SyncView, *, frame: str | ArrayLike = "auto") -> np.ndarray:
    r"""S_q^φ: S_q of the fluctuations in the frame that rotates with each mean, b_j → b_j
    e^{−iφ_j}.

    Parameters
    ----------
    view : SyncView
        Needs ``covariance``, and ``mean`` unless `frame` is "optimal" or an array.
    frame : {"auto", "mean", "optimal"} or array that broadcasts to (T, N)
        "mean": φ_j = atan2(⟨p_j⟩, ⟨q_j⟩), NaN where ⟨b_j⟩=0. "optimal": the relative rotation
        φ_1−φ_2 that makes the value largest. "auto": "mean", but "optimal" for pairs with ⟨b⟩=0 in
        both nodes, where the state prefers no phase. An array: those φ_j.

    Returns
    -------
    (T, N, N) array
        Symmetric, NaN on the diagonal, and with a warning where only one of the two means has a
        phase.

    Notes
    -----
    ⟨q_−²+p_−²⟩ = (tr C_11 + tr C_22)/2 − 2Re[⟨δb_1†δb_2⟩ e^{i(φ_1−φ_2)}] depends on the relative
    rotation only and is smallest, (tr C_11 + tr C_22)/2 − 2\|⟨δb_1†δb_2⟩\|, where the bracket is
    real and positive; with ⟨b⟩=0 the optimum is 1/(1+n1+n2−2\|⟨b_1†b_2⟩\|). "auto" jumps from one
    to the other when both means vanish.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.phase_rotated(state, modes=[a, b])[0, 0, 1].round(4))
    1.0
    """
    need_canonical(view, "phase_rotated")
    if isinstance(frame, str):
        check_choice("frame", frame, ("auto", "mean", "optimal"))
    total, cross = _sums(view)
    best = total - 2 * np.abs(cross)
    if isinstance(frame, str) and frame == "optimal":
        return _inverse(best, "phase_rotated")
    phases = _frame(view, frame)
    turn = phases[:, :, None] - phases[:, None, :]
    values = total - 2 * (cross * np.exp(1j * turn)).real
    if isinstance(frame, str) and frame == "auto":
        none = np.isnan(phases)
        values = np.where(none[:, :, None] & none[:, None, :], best, values)
    values = blank_diagonal(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.where(values > 1e-14, 1 / values, np.nan)
    undefined(off_diagonal(result), "phase_rotated", "⟨b⟩=0 has no phase, or " + _CLASSICAL)
    return result


@measure(Record("S_p", r"S_p", Of.PAIRS, ("covariance",), null=1.0, place=90))
def phase(view: SyncView, *, frame: str | ArrayLike = "auto") -> np.ndarray:
    """Phase synchronisation S_p = 1/(2⟨δp′_−²⟩), δp′_j the fluctuation across the mean of node j.

    Parameters
    ----------
    view : SyncView
        Needs ``covariance``, and ``mean`` unless `frame` is an array.
    frame : {"auto", "mean"} or array that broadcasts to (T, N)
        Phases φ_j of p′_j = p_j cos φ_j − q_j sin φ_j. "mean": those of the means, NaN where
        ⟨b_j⟩=0. "auto": "mean", but p itself (φ=0) for pairs with ⟨b⟩=0 in both nodes: then the
        value depends on the frame the state is written in. An array: those φ_j.

    Returns
    -------
    (T, N, N) array
        Symmetric, NaN on the diagonal, and with a warning where only one of the two means has a
        phase. May exceed 1.

    Notes
    -----
    Mari et al., Phys. Rev. Lett. 111, 103605 (2013), eq. (4).

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.phase(state, modes=[a, b])[0, 0, 1].round(4))
    1.0
    """
    need_canonical(view, "phase")
    if isinstance(frame, str):
        check_choice("frame", frame, ("auto", "mean"))
    phases = _frame(view, frame)
    none = np.isnan(phases)
    if isinstance(frame, str) and frame == "auto":
        neither = none[:, :, None] & none[:, None, :]
        phases = np.where(none, 0.0, phases)
        valid = neither | ~(none[:, :, None] | none[:, None, :])
    else:
        valid = np.ones((view.n_times, view.n, view.n), dtype=bool)
    c, s = np.cos(phases), np.sin(phases)
    cov = view.covariance
    qq, pp, qp = cov[:, ::2, ::2], cov[:, 1::2, 1::2], cov[:, ::2, 1::2]
    cj, sj, ck, sk = c[:, :, None], s[:, :, None], c[:, None, :], s[:, None, :]
    cross = cj * ck * pp + sj * sk * qq - sj * ck * qp - cj * sk * qp.swapaxes(1, 2)
    own = np.diagonal(cross, axis1=1, axis2=2)
    values = blank_diagonal((own[:, :, None] + own[:, None, :]) - (cross + cross.swapaxes(1, 2)))
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.where(valid & (values > 1e-14), 1 / values, np.nan)
    undefined(off_diagonal(result), "phase", "⟨b⟩=0 has no phase (give frame=), or " + _CLASSICAL)
    return result


@measure(
    Record("Pearson q", r"\rho", Of.PAIRS, ("covariance",), null=0.0, range=(-1.0, 1.0), place=100)
)
def pearson(view: SyncView, first: str = "q", second: str | None = None) -> np.ndarray:
    """Pearson's coefficient of two quadratures of the state, cov(a_j, b_k)/√(var a_j var b_k).

    Parameters
    ----------
    first, second : {"q", "p"}
        Observable a of node j and b of node k; `second` is `first` unless given.

    Returns
    -------
    (T, N, N) array
        Between −1 and 1; symmetric if both observables are the same (1 on the diagonal). NaN (with
        a warning) where a variance is zero.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.pearson(state, modes=[a, b])[0, 0, 1].round(4)) + 0.0
    0.0
    """
    second = first if second is None else second
    start = {"q": 0, "p": 1}
    a, b = (
        start[check_choice(n, o, ("q", "p"))] for n, o in (("first", first), ("second", second))
    )
    cov = view.covariance
    variances = np.diagonal(cov, axis1=1, axis2=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt(np.where(variances > 0, variances, np.nan))
        result = cov[:, a::2, b::2] / (scale[:, a::2, None] * scale[:, None, b::2])
    undefined(result, "pearson", "a variance is zero")
    return np.asarray(result)
