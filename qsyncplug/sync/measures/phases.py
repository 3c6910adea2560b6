"""Coherences, phase locking and frequencies: measures of the relative phase and of its course in
time.
"""

from __future__ import annotations

import numpy as np

from ...core.checks import check_choice, check_memory, check_number
from ...core.errors import ApproximationWarning, warn
from ..view import PHASE_THRESHOLD, SyncView
from .common import mean_phases, undefined
from .record import UNIT, Of, Record, measure

__all__ = [
    "coherence",
    "coherence_phase",
    "frequency",
    "frequency_difference",
    "pearson_window",
    "phase_locking",
]


@measure(Record("|⟨b†b⟩|/√nn", r"|z|", Of.PAIRS, ("correlations",), null=0.0, range=UNIT, place=40))
def coherence(view: SyncView) -> np.ndarray:
    r"""Coherence \|z_jk\| of the relative phase; \|⟨b_j†b_k⟩\|/√(n_j n_k) for modes.

    Returns
    -------
    (T, N, N) array
        Symmetric, between 0 and 1 for states. NaN (with a warning) where n_j=0.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.coherence(state, modes=[a, b])[0, 0, 1].round(6))
    1.0
    """
    values = np.abs(view.correlations)
    undefined(values, "coherence", "a node has zero mass")
    return np.asarray(values)


@measure(Record("arg ⟨b†b⟩", r"\arg z", Of.PAIRS, ("correlations",), circular=True, place=50))
def coherence_phase(view: SyncView) -> np.ndarray:
    """Relative phase arg z_jk = x_j − x_k, in (−π, π]; x is the phase of e^{−ix}.

    Returns
    -------
    (T, N, N) array
        Antisymmetric. NaN (with a warning) where n_j=0 or |z_jk| ≤ 1e-9.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.coherence_phase(state, modes=[a, b])[0, 0, 1].round(4))
    1.5708
    """
    values = _relative(view)
    undefined(values, "coherence_phase", "the coherence is zero, or a node has zero mass")
    return values


def _relative(view: SyncView) -> np.ndarray:
    z = view.correlations
    return np.where(np.abs(z) > PHASE_THRESHOLD, np.angle(z), np.nan)


def _window(view: SyncView, window: float | None) -> float | None:
    if view.n_times < 2:
        raise ValueError(
            f"times must hold at least 2 times for a measure over a window, not {view.n_times}"
        )
    return None if window is None else check_number("window", window, minimum=0, strict=True)


def _trailing(
    times: np.ndarray, values: np.ndarray, window: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Means over [t−window, t] of the piecewise linear `values` (T, ...), and which windows lie
    within the run.
    """
    shape = (-1,) + (1,) * (values.ndim - 1)
    steps = np.diff(times)
    none = np.isnan(values)
    holes = np.concatenate(
        [np.zeros_like(none[:1], dtype=int), np.cumsum(none[1:] | none[:-1], axis=0)]
    )
    values = np.where(none, 0, values)
    cells = steps.reshape(shape) * (values[1:] + values[:-1]) / 2
    integral = np.concatenate([np.zeros_like(values[:1]), np.cumsum(cells, axis=0)])
    if window is None:
        start, before, seen = (
            np.full(times.shape, times[0]),
            np.zeros_like(integral),
            np.zeros_like(holes),
        )
    else:
        start = times - window
        near = np.abs(start - times[0]) <= 1e-12 * (np.abs(times) + window)
        start = np.where(near, times[0], start)
        k = np.clip(np.searchsorted(times, start, side="right") - 1, 0, times.size - 2)
        x = np.clip(start - times[k], 0, None).reshape(shape)
        slope = (values[k + 1] - values[k]) / steps[k].reshape(shape)
        before = integral[k] + x * values[k] + x * x * slope / 2
        seen = holes[k]
    length = times - start
    inside = (start >= times[0]) & (length > 0)
    mean = (integral - before) / np.where(inside, length, 1.0).reshape(shape)
    return np.where(holes > seen, np.nan, mean), inside


@measure(Record("PLV", r"\mathrm{PLV}", Of.PAIRS, ("correlations",), range=UNIT))
def phase_locking(view: SyncView, window: float | None = None) -> np.ndarray:
    r"""Phase-locking value \|⟨e^{i arg z_jk}⟩\| over the trailing window [t−window, t].

    Parameters
    ----------
    view : SyncView
        Needs ``correlations``, or ``mean`` and ``covariance``; at least 2 times.
    window : float, optional
        Length of the window; None: from the first time on.

    Returns
    -------
    (T, N, N) array
        Symmetric, between 0 and 1. NaN without a warning at times where the window begins before
        the run (one that is too short would show locking that is not there); NaN with a warning
        where arg z_jk does not exist.

    Notes
    -----
    The mean is the time integral of the linear interpolant (trapezoid rule) over the window,
    divided by its length; samples may be unevenly spaced. J.-P. Lachaux et al., Human Brain Mapping
    8, 194 (1999).

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> qsp.measures.phase_locking(run).shape
    (26, 2, 2)
    """
    window = _window(view, window)
    mean, inside = _trailing(view.times, np.exp(1j * _relative(view)), window)
    values = np.abs(mean)
    undefined(
        values[inside],
        "phase_locking",
        "a relative phase does not exist at some time of the window",
    )
    values[~inside] = np.nan
    return np.asarray(values)


@measure(Record("Pearson q(t)", r"\rho_t", Of.PAIRS, ("mean",), range=(-1.0, 1.0)))
def pearson_window(
    view: SyncView, window: float | None = None, *, observable: str = "q"
) -> np.ndarray:
    """Pearson's coefficient of the time series ⟨o_j⟩, ⟨o_k⟩ over the trailing window [t−window, t].

    Parameters
    ----------
    view : SyncView
        Needs ``mean``; at least 2 times.
    window : float, optional
        Length of the window; None: from the first time on.
    observable : {"q", "p"}
        Which mean.

    Returns
    -------
    (T, N, N) array
        Symmetric, 1 on the diagonal. NaN without a warning where the window begins before the run,
        with a warning where a series is constant: its standard deviation is below 3e-5 of its range
        over the run, or 1e-12 of its size.

    Notes
    -----
    Time averages by the trapezoid rule, unevenly spaced samples allowed. V. Ameri et al., Phys.
    Rev. A 91, 012301 (2015).

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> run = qsp.mfsolve(qsp.van_der_pol_pair(), [1.0, 0.5j], np.linspace(0, 5, 26))
    >>> qsp.measures.pearson_window(run).shape
    (26, 2, 2)
    """
    check_choice("observable", observable, ("q", "p"))
    window = _window(view, window)
    needed = 56.0 * view.mean.shape[0] * (view.mean.shape[1] // 2) ** 2
    check_memory("the correlations of all pairs", needed, advice="take fewer nodes or times")
    series = view.mean[:, {"q": 0, "p": 1}[observable] :: 2]
    offset = series.mean(axis=0)
    x = series - offset
    products = x[:, :, None] * x[:, None, :]
    first, inside = _trailing(view.times, x, window)
    second, _ = _trailing(view.times, products, window)
    cov = second - first[:, :, None] * first[:, None, :]
    variances = np.diagonal(cov, axis1=1, axis2=2)
    size = np.max(series**2, axis=0)
    scale = np.sqrt(
        np.where(variances > 1e-24 * size + 1e-9 * np.max(x**2, axis=0), variances, np.nan)
    )
    values = np.clip(cov / (scale[:, :, None] * scale[:, None, :]), -1, 1)
    undefined(values[inside], "pearson_window", "a time series is constant over the window")
    values[~inside] = np.nan
    return np.asarray(values)


def _rate(times: np.ndarray, factors: np.ndarray, name: str) -> np.ndarray:
    """Differentiate the phases of `factors` (T, ...) of modulus one (NaN: no phase), to second
    order in the steps.
    """
    steps = np.diff(times).reshape((-1,) + (1,) * (factors.ndim - 1))
    turns = np.angle(factors[1:] * factors[:-1].conj())
    if np.any(np.abs(turns) > 0.75 * np.pi):
        warn(
            f"{name}: a phase turns by up to {np.nanmax(np.abs(turns)):.2f} between two times; "
            "give more times, or the "
            "result may be off by 2π per step",
            ApproximationWarning,
        )
    slopes = turns / steps
    if len(turns) == 1:
        return np.concatenate([slopes, slopes])
    middle = (slopes[:-1] * steps[1:] + slopes[1:] * steps[:-1]) / (steps[1:] + steps[:-1])
    return np.concatenate([2 * slopes[:1] - middle[:1], middle, 2 * slopes[-1:] - middle[-1:]])


@measure(Record("ω", r"\omega", Of.NODES, ("mean",)))
def frequency(view: SyncView) -> np.ndarray:
    """Instantaneous frequencies ẋ_j = −d arg⟨b_j⟩/dt.

    Parameters
    ----------
    view : SyncView
        Needs ``mean``; at least 2 times.

    Returns
    -------
    (T, N) array
        NaN (with a warning) where ⟨b_j⟩ has no phase. A mode with H=ω b†b has +ω.

    Notes
    -----
    Second-order differences of the unwrapped phase (exact for a phase quadratic in time); warns
    when a phase turns by more than 3π/4 between two times.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=0.0, frequencies=[0.5, 1.0])
    >>> run = qsp.circlesolve(model, [0.0, 1.0], np.linspace(0, 5, 101))
    >>> qsp.measures.frequency(run)[50].round(4)
    array([0.5, 1. ])
    """
    _window(view, None)
    values = _rate(view.times, np.exp(-1j * mean_phases(view)), "frequency")
    undefined(values, "frequency", "⟨b_j⟩=0 has no phase")
    return values


@measure(Record("Δω", r"\Delta\omega", Of.PAIRS, ("correlations",)))
def frequency_difference(view: SyncView) -> np.ndarray:
    """Instantaneous frequency differences d(arg z_jk)/dt, the frequency of node k minus that of
    node j.

    Parameters
    ----------
    view : SyncView
        Needs ``correlations``, or ``mean`` and ``covariance``; at least 2 times.

    Returns
    -------
    (T, N, N) array
        Antisymmetric. NaN (with a warning) where arg z_jk does not exist.

    Notes
    -----
    As :func:`frequency`, of the unwrapped relative phase.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> model = qsp.Circle(qsp.sine(), "mean", coupling=0.0, frequencies=[0.5, 1.0])
    >>> run = qsp.circlesolve(model, [0.0, 1.0], np.linspace(0, 5, 101))
    >>> float(abs(qsp.measures.frequency_difference(run)[50, 0, 1]).round(4))
    0.5
    """
    _window(view, None)
    values = _rate(view.times, np.exp(1j * _relative(view)), "frequency_difference")
    undefined(values, "frequency_difference", "the coherence is zero, or a node has zero mass")
    return values
