"""What a run shows about synchronisation, with the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from ..core.checks import check_number
from .measures import complete_fluctuations
from .view import SyncView

__all__ = ["Classification", "classify"]

_MANY = 64  # nodes, beyond which only the correlations with node 0 are looked at
_COHERENT = 10.0  # times the tolerance: a smaller |z_jk| is no coherence


@dataclass(frozen=True)
class Classification:
    """What the trailing window of a run shows.

    Attributes
    ----------
    label : str
        "complete": all z_jk=1. "bipolar": z_jk=±1, two antipodal groups. "phase-locked": all
        relative phases and coherences constant. "frequency-locked": relative phases vary, but stay
        bounded. "periodic": relative phases or coherences repeat and phases wind. "incoherent": no
        coherence, or phases that wind without a period. "relaxing to vacuum": the excitations die
        out. "undetermined": the window does not show which (``evidence["reason"]``).
    evidence : dict
        Numbers that the label rests on.
    rate, rate_error : float or None
        Exponential rate at which max|z_jk−z_jk(∞)| (relaxing to vacuum: the greatest mass) falls,
        and its uncertainty.
    rate_window : tuple of float or None
        Times between which the rate was fitted.
    period : float or None
        Period of the correlations z_jk.
    """

    label: str
    evidence: dict[str, Any] = field(default_factory=dict)
    rate: float | None = None
    rate_error: float | None = None
    rate_window: tuple[float, float] | None = None
    period: float | None = None

    def __str__(self) -> str:
        lines = [self.label]
        if self.rate is not None and self.rate_window is not None:
            start, stop = self.rate_window
            lines.append(
                f"  rate {self.rate:.6g} ± {self.rate_error:.1g}, fitted for t = {start:g} to "
                f"{stop:g}"
            )
        if self.period is not None:
            lines.append(f"  period {self.period:.6g}")
        for name, value in self.evidence.items():
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            lines.append(f"  {name.replace('_', ' ')}: {text}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"Classification({self.label!r}, rate={self.rate}, rate_error={self.rate_error}, "
            f"period={self.period})"
        )


def classify(
    view: SyncView, *, tolerance: float = 1e-3, window: float | None = None
) -> Classification:
    """Name the kind of synchronisation that the last part of a run shows.

    Parameters
    ----------
    view : SyncView
        Needs ``correlations``, or ``mean`` and ``covariance``; at least 4 times. ``masses`` and
        ``covariance`` are used, if there, to tell relaxation to the vacuum.
    tolerance : float
        Greatest |z_jk − limit| that counts as equal, and greatest excitation number that counts as
        vacuum.
    window : float, optional
        Length of the trailing window judged; None: the second half of the run.

    Returns
    -------
    Classification

    Raises
    ------
    MissingFieldError
        If the view has no correlations.

    Notes
    -----
    A label describes the window and nothing beyond it: two uncoupled oscillators of equal frequency
    *are* phase-locked in it. A limit is only claimed if the distance to it does not grow over the
    window. A period is claimed if z_jk(t) repeats within max(tolerance, 1 % of its range) at least
    once in full, all through the window.
    **S_q=1 is the vacuum value:** a run whose masses fall below the tolerance, or fall by half and
    more in the window and to less than a tenth of their maximum while S_q tends to 1, is "relaxing
    to vacuum". With more than 64 nodes the correlations with node 0 stand for all.

    Rates: straight-line fit to the logarithm of the distance below 0.1 (better 0.01 or 0.001, if at
    least 8 times remain) and above 30 times the rounding or solver floor on which it ends; the
    uncertainty is the larger of the standard error and half the difference of the slopes of the two
    halves of the fit.
    """
    tolerance = check_number("tolerance", tolerance, minimum=0, maximum=0.1, strict=True)
    if view.n_times < 4:
        raise ValueError(f"times must hold at least 4 times to classify a run, not {view.n_times}")
    times = view.times
    span = times[-1] - times[0]
    length = span / 2 if window is None else check_number("window", window, minimum=0, strict=True)
    if length > span * (1 + 1e-12):
        raise ValueError(f"window must be at most the length of the run, {span:g}, not {length:g}")
    inside = times >= times[-1] - length * (1 + 1e-12)
    if np.count_nonzero(inside) < 3:
        raise ValueError(
            f"window must hold at least 3 times; {length:g} holds {np.count_nonzero(inside)}"
        )
    evidence: dict[str, Any] = {
        "window": (float(times[inside][0]), float(times[-1])),
        "tolerance": tolerance,
    }

    vacuum = _vacuum(view, inside, tolerance, evidence)
    if vacuum is not None:
        return vacuum
    if view.n_nodes == 1:
        return Classification(
            "undetermined", evidence | {"reason": "one node has nothing to synchronise with"}
        )
    z, gaps = _pairs(view)
    if np.any(np.isnan(z[inside])):
        reason = "a node has zero mass in the window, so that its correlations do not exist"
        return Classification("undetermined", evidence | {"reason": reason})
    size = np.abs(z[inside])
    evidence["distance_from_complete"] = float(np.max(np.abs(gaps[-1])))
    evidence["coherence"] = (float(np.min(size)), float(np.max(size)))

    signs = np.where(z[-1].real >= 0, 1.0, -1.0)
    distance = np.max(np.abs(gaps), axis=1)
    if _reached(distance, inside, tolerance):
        return _with_rate("complete", evidence, times, distance, 1e-15)
    bipolar = np.max(np.abs(z - signs), axis=1)
    if (
        np.any(signs < 0)
        and _consistent(signs, view.n_nodes)
        and _reached(bipolar, inside, tolerance)
    ):
        evidence["groups"] = _groups(signs, view.n_nodes)
        return _with_rate("bipolar", evidence, times, bipolar, 1e-15)
    return _course(z, times, inside, tolerance, evidence, view.n_nodes)


def _vacuum(
    view: SyncView, inside: np.ndarray, tolerance: float, evidence: dict[str, Any]
) -> Classification | None:
    if view.is_classical or not view.has("masses"):
        return None
    n = np.max(view.masses, axis=1)
    start, end = n[inside][0], n[-1]
    evidence["masses_at_end"] = tuple(float(x) for x in view.masses[-1][:8])
    if view.has("covariance") and view.n_nodes == 2:
        s = complete_fluctuations(view.at(np.flatnonzero(inside)))[:, 0, 1]
        evidence["S_q_at_end"] = float(s[-1])
        to_one = abs(s[-1] - 1) < 0.1 and abs(s[-1] - 1) <= abs(s[0] - 1) + 1e-9
    else:
        to_one = True
    falling = (
        end <= start / 2
        and np.all(np.diff(n[inside]) <= 1e-9 * (1 + start))
        and end <= 0.1 * np.max(n)
    )
    if end <= tolerance or (falling and end <= 0.1 and to_one):
        evidence["meaning"] = "S_q near 1 is here the value of the vacuum, not synchronisation"
        return _with_rate("relaxing to vacuum", evidence, view.times, np.abs(n), 1e-14)
    return None


def _pairs(view: SyncView) -> tuple[np.ndarray, np.ndarray]:
    """z_jk and 1−z_jk of the pairs j<k (many nodes: of j=0), (T, pairs)."""
    if view.n_nodes > _MANY:
        z = view.reference(0)[:, 1:]
        return z, 1 - z
    j, k = np.triu_indices(view.n_nodes, 1)
    return view.correlations[:, j, k], view.deviations[:, j, k]


def _reached(distance: np.ndarray, inside: np.ndarray, tolerance: float) -> bool:
    """Whether the distance ends within the tolerance and does not grow over the window."""
    part = distance[inside]
    floor = max(1e-9, tolerance * 1e-3)
    return bool(part[-1] <= tolerance and part[-1] <= max(np.min(part) * 2, floor))


def _consistent(signs: np.ndarray, n: int) -> bool:
    if n > _MANY:
        return True
    table = np.ones((n, n))
    table[np.triu_indices(n, 1)] = signs
    return bool(
        np.all(table[0, :, None] * table[0, None, :] * np.triu(np.ones((n, n))) == np.triu(table))
    )


def _groups(signs: np.ndarray, n: int) -> tuple[int, int]:
    first = np.concatenate([[1.0], signs[: n - 1]])
    return int(np.sum(first > 0)), int(np.sum(first < 0))


def _connected(coherent: np.ndarray, n: int) -> bool:
    if n > _MANY:
        return bool(np.all(coherent))
    near = np.eye(n, dtype=bool)
    near[np.triu_indices(n, 1)] = coherent
    near |= near.T
    for _ in range(int(np.ceil(np.log2(n))) + 1):
        near = (near.astype(int) @ near.astype(int)) > 0
    return bool(np.all(near))


def _course(
    z: np.ndarray,
    times: np.ndarray,
    inside: np.ndarray,
    tolerance: float,
    evidence: dict[str, Any],
    n: int,
) -> Classification:
    """Neither complete nor bipolar: constant, converging, repeating, winding."""
    part, t = z[inside], times[inside]
    if np.max(np.abs(part)) <= _COHERENT * tolerance:
        return Classification("incoherent", evidence | {"reason": "no pair has a coherence"})
    distance = np.max(np.abs(z - z[-1]), axis=1)
    variation = float(np.max(distance[inside]))
    evidence["variation"] = variation
    early, late = _motion(part)
    if variation <= tolerance and late > 3 * early and late > 0.01 * tolerance:
        reason = "the correlations move faster and faster away from a constant"
        return Classification("undetermined", evidence | {"reason": reason})
    if variation <= tolerance:
        if _connected(np.min(np.abs(part), axis=0) > _COHERENT * tolerance, n):
            return _with_rate("phase-locked", evidence, times, distance, 1e-14, known_limit=False)
        return Classification(
            "incoherent",
            evidence | {"reason": "the nodes fall into groups without mutual coherence"},
        )
    turns = np.angle(part[1:] * part[:-1].conj())
    if np.max(np.abs(turns)) > 0.75 * np.pi:
        reason = "a relative phase turns by more than 3π/4 between two times; give more times"
        return Classification("undetermined", evidence | {"reason": reason})
    phases = np.concatenate([np.zeros_like(turns[:1]), np.cumsum(turns, axis=0)])
    evidence["mean_frequency_difference"] = float(np.max(np.abs(phases[-1])) / (t[-1] - t[0]))
    lull = np.min(np.abs(part)) <= _COHERENT * tolerance
    evidence["phase_range"] = float(np.max(np.ptp(phases, axis=0)))
    period = _period(part, t, tolerance)
    if period is not None:
        turned = np.array(
            [np.interp(t[0] + period, t, phases[:, k]) for k in range(phases.shape[1])]
        )
        evidence["winding_per_period"] = float(np.max(np.abs(turned)) / (2 * np.pi))
        locked = np.max(np.abs(turned)) < 0.5 * np.pi and not lull
        return Classification("frequency-locked" if locked else "periodic", evidence, period=period)
    if late <= 0.5 * early and np.max(np.ptp(phases[-(len(t) // 3 + 1) :], axis=0)) < np.pi / 2:
        reason = "the correlations still converge at the end of the window"
        return Classification("undetermined", evidence | {"reason": reason})
    reversals = int(np.min(np.count_nonzero(np.diff(np.sign(turns), axis=0) != 0, axis=0)))
    middle = len(t) // 2
    drift = float(
        np.max(np.abs(np.mean(phases[middle:], axis=0) - np.mean(phases[:middle], axis=0)))
    )
    evidence["drift_between_halves"] = drift
    if (
        evidence["phase_range"] < np.pi
        and drift < 0.2 * evidence["phase_range"]
        and reversals >= 4
        and not lull
    ):
        return Classification("frequency-locked", evidence)
    if np.max(np.abs(phases[-1] - phases[0])) > 4 * np.pi:
        return Classification("incoherent", evidence | {"reason": "phases wind without a period"})
    return Classification(
        "undetermined", evidence | {"reason": "the window is too short to tell drift from locking"}
    )


def _motion(part: np.ndarray) -> tuple[float, float]:
    """How far the correlations move in the first and in the last third of the window."""
    third = max(len(part) // 3, 1)
    first, last = part[: third + 1], part[-third - 1 :]
    return float(np.max(np.abs(first - first[-1]))), float(np.max(np.abs(last - last[0])))


def _period(part: np.ndarray, t: np.ndarray, tolerance: float) -> float | None:
    """Least shift after which the correlations repeat all through the window, seen over at least
    two periods.
    """
    if len(t) < 12:
        return None
    spline = CubicSpline(t, np.concatenate([part.real, part.imag], axis=1))
    grid = np.linspace(t[0], t[-1], 4 * len(t))
    values = spline(grid)
    scale = float(np.max(np.ptp(values, axis=0)))
    limit = max(tolerance, 0.01 * scale)
    half = len(grid) // 2
    first = values[: len(grid) - half]

    def mismatch(lag: int) -> float:
        return float(np.max(np.abs(values[lag : lag + len(first)] - first)))

    curve = np.array([mismatch(lag) for lag in range(half + 1)])
    away = np.flatnonzero(curve > 0.3 * scale)
    if away.size == 0:
        return None
    for lag in range(int(away[0]) + 1, half):
        if (
            curve[lag] <= curve[lag - 1]
            and curve[lag] <= curve[lag + 1]
            and curve[lag] < 0.3 * scale
        ):
            return _refined(spline, grid, lag, limit)
    return None


def _refined(spline: CubicSpline, grid: np.ndarray, lag: int, limit: float) -> float | None:
    """Period near a lag: least squares of z(t+P)−z(t), by Gauss–Newton."""
    period = grid[lag] - grid[0]
    for _ in range(10):
        start = grid[grid <= grid[-1] - period]
        gap, slope = spline(start + period) - spline(start), spline(start + period, 1)
        total = np.sum(slope * slope)
        if total == 0:
            return None
        period -= float(
            np.clip(np.sum(gap * slope) / total, -(grid[1] - grid[0]), grid[1] - grid[0])
        )
    start = grid[grid <= grid[-1] - period]
    ok = np.max(np.abs(spline(start + period) - spline(start))) <= limit
    return float(period) if ok and 2 * period <= (grid[-1] - grid[0]) * (1 + 1e-9) else None


def _with_rate(
    label: str,
    evidence: dict[str, Any],
    times: np.ndarray,
    distance: np.ndarray,
    floor: float,
    *,
    known_limit: bool = True,
) -> Classification:
    fit = _rate(times, distance, floor, known_limit)
    if fit is None:
        return Classification(label, evidence)
    return Classification(label, evidence, rate=fit[0], rate_error=fit[1], rate_window=fit[2])


def _slope(t: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    x = t - t.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    return slope, float(np.sqrt(rest @ rest / max(len(t) - 2, 1) / (x @ x)))


def _rate(
    times: np.ndarray, distance: np.ndarray, floor: float, known_limit: bool
) -> tuple[float, float, tuple[float, float]] | None:
    d = np.where(np.isfinite(distance), distance, np.inf)
    top = float(np.max(d[np.isfinite(d)], initial=0.0))
    low = max(30 * floor, 30 * floor * top)
    tail = d[-max(3, len(d) // 10) :]
    ahead = np.maximum.accumulate(d[::-1])[::-1]  # greatest distance from here on: monotonic
    if known_limit:
        # the end of the run is a floor if the distance has stopped falling there
        before = d[-2 * len(tail) : -len(tail)]
        flat = (
            before.size > 0
            and np.median(tail) > 0.5 * np.median(before)
            and top > 100 * np.median(tail)
        )
        low = max(low, 30 * float(np.max(tail))) if flat else low
    else:
        # the limit is only known as the last value, which is off by as much again as is still to
        # come
        low = max(low, 1e3 * float(np.median(tail[:-1])))
    for high in (1e-3, 1e-2, 1e-1):
        chosen = np.flatnonzero(
            (ahead <= high * max(1.0, top if not known_limit else 1.0)) & (d > low)
        )
        if chosen.size and np.any(np.diff(chosen) > 1):
            chosen = chosen[: int(np.argmax(np.diff(chosen) > 1)) + 1]
        if chosen.size >= 8 and d[chosen[0]] > 3 * d[chosen[-1]]:
            t, y = times[chosen], np.log(d[chosen])
            slope, error = _slope(t, y)
            half = len(t) // 2
            early, late = _slope(t[:half], y[:half])[0], _slope(t[half:], y[half:])[0]
            error = max(error, abs(late - early) / 2)
            if slope < 0 and error < 0.5 * -slope:
                return -slope, error, (float(t[0]), float(t[-1]))
    return None
