"""Quantum states that synchronise as vectors: Schrödinger–Lohe and Wigner–Lohe."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from .case import FEWEST, Case
from .moments import judge_moments
from .motion import left, ratios, standing
from .order import judge_order, null_value
from .phases import judge_phases, too_few
from .rates import Estimate, fit_rate
from .report import Label, Verdict
from .settled import slow_ones, unless_uneven
from .shares import judge_paths
from .sources import AnglePhases
from .survey import lengths, pieces, time_weights

__all__ = ["judge_vectors", "repeats"]

_COMPLETE = 2e-3
_ANTIPODAL = 0.01
#: below, a correlation has no phase worth the name
_FAINT = 0.05
_UNIT = 1e-6
#: of what repeats, the share of its amplitude that a period may take
_DAMPED = 2e-3


def judge_vectors(case: Case) -> Verdict:
    """Verdict on correlations z_0k of vectors, with their deviations from 1."""
    if case.n == 1:
        return case.undecided("one node has nothing to synchronise with", advice="a second node")
    if case.dynamics.quantum.paths is not None:
        return judge_paths(case, case.dynamics.quantum.paths)
    if case.samples < FEWEST:
        return too_few(case)
    z = np.asarray(case.view.reference(0))[:, 1:]
    if np.any(~np.isfinite(z)):
        return case.undecided("a node has zero mass, so that its correlations do not exist")
    evidence: dict[str, Any] = _evidence(case, z)
    if case.dynamics.coupled is False:
        why = (
            "the nodes do not act on each other: whatever their correlations do, it is not "
            "synchronisation"
        )
        return case.undecided(why, evidence, advice="a coupling")
    if np.abs(np.abs(z) - 1).max() < _UNIT:
        # z_0k = e^{i(x_0−x_k)}
        angles = -np.angle(z)
        source = AnglePhases(
            case.times,
            case.n,
            lambda part: np.pad(angles[part], ((0, 0), (1, 0))),
            watched=case.inside.start + 1,
        )
        return judge_phases(case, source)
    return _course(case, z, evidence)


def _evidence(case: Case, z: np.ndarray) -> dict[str, Any]:
    size = np.abs(z[case.inside])
    out: dict[str, Any] = {
        "|z| of the pairs with node 1 in the window": (float(size.min()), float(size.max()))
    }
    if case.view.has("order_parameter"):
        r = case.view.order_parameter[case.inside]
        out[f"order parameter (null {null_value(case.n):.4g})"] = float(
            r @ time_weights(case.window)
        )
    return out


def _ranges(z: np.ndarray, parts: list[slice]) -> np.ndarray:
    """Extent of complex series (T, P) in these parts, (number, P)."""
    extents = [np.hypot(np.ptp(z[p].real, axis=0), np.ptp(z[p].imag, axis=0)) for p in parts]
    return np.array(extents)


def _course(case: Case, z: np.ndarray, evidence: dict[str, Any]) -> Verdict:
    part = z[case.inside]
    thirds, fine = _ranges(part, pieces(case.window, 3)), pieces(case.window, 9)
    ninths = _ranges(part, fine) / lengths(case.window, fine)
    shaken = not case.dynamics.deterministic
    worst = thirds.max(axis=1)
    evidence["range of z in the thirds of the window"] = tuple(float(x) for x in worst)
    still = np.all(standing(thirds, ninths, shaken=shaken)) or standing(
        worst, ninths.max(axis=1), shaken=shaken
    )
    signed = _gaps(case, z)
    gaps = np.abs(signed).max(axis=1)
    if still and not case.dynamics.joined(np.ones(case.n, dtype=bool)):
        why = "no node acts, directly or through others, on all of them"
        return case.undecided(why, evidence, advice="a coupling that joins them")
    slow = unless_uneven(case) or slow_ones(thirds, ninths, shaken=shaken) if still else ""
    if slow:
        return case.undecided(slow, evidence, advice="a longer run")
    if still and _COMPLETE < gaps[-1] <= _COMPLETE + 3 * left(thirds):
        why = "the correlations come to rest, but not near enough to 1 to tell whether there"
        return case.undecided(why, evidence, advice="a longer run")
    if still and gaps[-1] <= _COMPLETE and _not_growing(gaps[case.inside]):
        return _complete(case, gaps, signed, evidence)
    if still:
        return _at_rest(case, z, evidence)
    period = repeats(case.times[case.inside], part)
    if period is not None:
        why = (
            f"the correlations repeat with period {period} over {case.length / period:.3g} "
            "periods and do not come to rest"
        )
        return case.say(
            Label.DRIFTING, why, evidence, period=period, beat=_beat(case, part, period)
        )
    if case.n >= 20 and case.view.has("order_parameter"):
        order = judge_order(case.window, case.view.order_parameter[case.inside], case.n)
        if order.at_null and order.independent >= 5:
            why = (
                f"N r² = {order.power:.3g} on average, where independent states have 1 ± "
                f"{2 * order.error:.2g}"
            )
            return case.say(Label.INCOHERENT, why, evidence)
    first, second = (float(q) for q in ratios(worst))
    return case.undecided(
        "the correlations neither come to rest (ratios of their motion in the thirds: "
        f"{first:.2f}, {second:.2f}) nor repeat "
        "twice in the window",
        evidence,
        advice=f"a window of about {3 * case.length / -np.log(second):.3g}"
        if 0 < second < 1
        else "a longer run",
    )


def _gaps(case: Case, z: np.ndarray) -> np.ndarray:
    if case.view.has("deviations") and case.times.size * case.n**2 < 3e7:
        return np.asarray(case.view.deviations[:, 0, 1:])
    return 1 - z


def _not_growing(gaps: np.ndarray) -> bool:
    return bool(gaps[-1] <= max(2 * gaps.min(), 1e-9))


def _complete(
    case: Case, gaps: np.ndarray, signed: np.ndarray, evidence: dict[str, Any]
) -> Verdict:
    if gaps.max() < 1e-6:
        return _constant(case, evidence)
    evidence["max|1−z|"] = float(gaps[-1])
    rate = fit_rate(case.times, gaps, signed, known_limit=True)
    return case.say(
        Label.COMPLETE,
        f"all correlations go to 1: max|1−z| = {gaps[-1]:.2g} at the end",
        evidence,
        rate=rate,
    )


def _constant(case: Case, evidence: dict[str, Any]) -> Verdict:
    return case.undecided(
        "the correlations are constant from the first sample on: an unstable state "
        "looks like this too",
        evidence,
        advice="a run that starts elsewhere",
    )


def _at_rest(case: Case, z: np.ndarray, evidence: dict[str, Any]) -> Verdict:
    """Correlations that stand still short of 1."""
    extent = float(_ranges(z, pieces(case.times, 3)).max())
    if extent < 1e-6 and np.abs(z - z[0]).max() < 1e-6:
        return _constant(case, evidence)
    last = z[-1]
    sign = np.where(last.real >= 0, 1.0, -1.0)
    rate = fit_rate(case.times, np.abs(z - last).max(axis=1), z - last, known_limit=False)
    if np.any(sign < 0) and np.abs(last - sign).max() <= _ANTIPODAL:
        distance = np.abs(z - sign).max(axis=1)
        evidence["groups"] = (int(np.sum(sign > 0)) + 1, int(np.sum(sign < 0)))
        rate = fit_rate(case.times, distance, z - sign, known_limit=True)
        return case.say(
            Label.BIPOLAR, f"all correlations go to ±1: to {distance[-1]:.2g}", evidence, rate=rate
        )
    if case.view.dynamics is None and np.abs(last).max() < 1 - _COMPLETE:
        # whose correlations they are is not known: those of every stationary quantum state are
        # constant
        return judge_moments(case)
    if np.abs(last).min() < _FAINT:
        why = (
            "the correlations come to rest, but one of them at |z| = "
            f"{np.abs(last).min():.2g}, which has no phase"
        )
        return case.undecided(why, evidence)
    evidence["phases x_k−x_1"] = tuple(float(x) for x in -np.angle(last))
    why = (
        "all correlations come to rest (they move by "
        f"{_ranges(z[case.inside], pieces(case.window, 3))[2].max():.2g} in the last third)"
    )
    return case.say(Label.PHASE_LOCKED, why, evidence, rate=rate)


def _beat(case: Case, part: np.ndarray, period: Estimate) -> Estimate | None:
    """2π/period where arg z winds once a period."""
    if np.abs(part).min() < 1e-3 or case.n > 2:
        return None
    turn = np.unwrap(np.angle(part[:, 0]))
    turns = (turn[-1] - turn[0]) / (2 * np.pi) * period / case.length
    if abs(abs(turns) - round(abs(turns))) > 0.2 or round(abs(turns)) == 0:
        return None
    frequency = 2 * np.pi / period * round(abs(turns))
    return Estimate(frequency, frequency * period.error / period)


def repeats(times: np.ndarray, part: np.ndarray) -> Estimate | None:
    """Period of series (T, P).

    The least shift after which they repeat to 6 % of their range, seen at least twice in full.

    Found at the strongest line of Σ|FFT|² (Hann window) or one of its first three subharmonics,
    refined by least mismatch.
    """
    count = times.size
    grid = np.linspace(times[0], times[-1], max(4 * count, 256))
    values = np.concatenate(
        [_resample(grid, times, part.real), _resample(grid, times, part.imag)], axis=1
    )
    extent = float(np.max(np.ptp(values, axis=0)))
    if extent < 1e-9:
        return None
    away = (values - values.mean(axis=0)) * np.hanning(grid.size)[:, None]
    power = np.sum(np.abs(np.fft.rfft(away, axis=0)) ** 2, axis=1)
    k = 1 + int(np.argmax(power[1 : grid.size // 8]))
    left, mid, right = (np.log(power[i] + 1e-300) for i in (k - 1, k, k + 1))
    curve = left - 2 * mid + right
    line = k + (0.5 * (left - right) / curve if k > 1 and curve < 0 else 0.0)
    for multiple in (1, 2, 3):
        found = _refined(grid, values, multiple * (grid.size - 1) / line, 0.06 * extent)
        if found is not None and _undamped(values, found):
            step = grid[1] - grid[0]
            return Estimate(found * step, 0.5 * step, (float(times[0]), float(times[-1])))
    return None


def _undamped(values: np.ndarray, lag: float) -> bool:
    """Whether the motion a period later is as large.

    A slow approach repeats nearly, but shrinks: Σ|v−v̄|², of all pairs of points a period apart,
    the same shift of every one, tells a part in a thousand.
    """
    index = np.arange(values.shape[0])
    course = CubicSpline(index, values)
    centre = course(np.linspace(index[-1] - lag, index[-1], 200, endpoint=False)).mean(axis=0)
    first = index[index + lag <= index[-1]]
    before, after = (np.sum((course(k) - centre) ** 2) for k in (first, first + lag))
    return bool(abs(before - after) <= _DAMPED * (before + after))


def _resample(grid: np.ndarray, times: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.asarray(CubicSpline(times, values)(grid))


def _refined(grid: np.ndarray, values: np.ndarray, lag: float, limit: float) -> float | None:
    """Lag (in steps) of least mismatch near `lag`.

    If the mismatch is below the limit and two periods fit.
    """
    near = np.arange(max(2, int(0.9 * lag)), int(np.ceil(1.1 * lag)) + 2)
    near = near[2 * near <= grid.size - 1]
    if near.size == 0:
        return None
    miss = np.array([np.abs(values[k:] - values[:-k]).max() for k in near])
    best = int(np.argmin(miss))
    if miss[best] > limit:
        return None
    if 0 < best < near.size - 1:
        a, b, c = (np.mean((values[k:] - values[:-k]) ** 2) for k in near[best - 1 : best + 2])
        if a - 2 * b + c > 0:
            return float(near[best] + 0.5 * (a - c) / (a - 2 * b + c))
    return float(near[best])
