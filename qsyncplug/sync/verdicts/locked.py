"""All relative phases at rest: complete, bipolar, clustered or phase-locked."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import Case
from .groups import clusters
from .rates import Estimate, fit_rate
from .report import Label, Verdict
from .sources import PhaseSource
from .survey import Survey, Track

__all__ = ["judge_standing", "passing", "slowest", "stable"]

#: |1−z| that counts as complete
_COMPLETE = 2e-3
#: width of a cluster, and distance of two clusters from π
_WIDTH, _ANTIPODAL = 5e-3, 0.01
#: more numbers than this are not gone through again for a rate
_RATE_SIZE = 3e7
#: combinations of the phases that a rate is taken from
_SIGNALS = 6


def judge_standing(case: Case, source: PhaseSource, found: Survey, path: Track) -> Verdict:
    """Name what stands still."""
    last = found.last
    around = _wrap(last - np.angle(np.mean(np.exp(1j * last))))
    width = float(np.ptp(around))
    evidence: dict[str, Any] = {
        "range of the relative phases in the thirds of the window": tuple(
            float(x) for x in path.thirds.max(axis=1)
        ),
        "order parameter": float(np.abs(found.mean_field[-1])),
    }
    motion = (
        f"the relative phases stand still (they move by {path.thirds[2].max():.2g} in the "
        f"last third of {case.span})"
    )
    if width <= _COMPLETE:
        evidence["max|1−z|"] = width
        rate = _rate(case, source, last - around, known=True)
        return _finish(
            case, Label.COMPLETE, f"{motion} and all phases agree to {width:.2g}", evidence, rate
        )
    rate = _rate(case, source, last, known=False)
    if case.n == 2:
        evidence["relative phase θ₂−θ₁"] = float(_wrap(last[1] - last[0]))
    groups = clusters(last, _WIDTH)
    if groups is not None and len(groups) == 2:
        # the distance from the two antipodal groups, whose phases agree modulo π
        rest = _wrap(2 * last - np.angle(np.mean(np.exp(2j * last)))) / 2
        rate = _rate(case, source, last - rest, known=True) or rate
    named = None if groups is None else _grouped(case, groups, evidence, motion, rate)
    return named or _finish(case, Label.PHASE_LOCKED, motion, evidence, rate)


def _grouped(
    case: Case,
    groups: list[tuple[int, float, float]],
    evidence: dict[str, Any],
    motion: str,
    rate: Estimate | None,
) -> Verdict | None:
    """Bipolar or clustered, if the groups are that."""
    if len(groups) == 2:
        distance = abs(float(_wrap(np.array(groups[1][1] - groups[0][1]))))
        if np.pi - distance <= _ANTIPODAL:
            evidence["groups"] = tuple(size for size, _, _ in groups)
            evidence["distance of the groups"] = distance
            why = f"{motion} in two groups at distance π ({groups[0][0]} and {groups[1][0]} nodes)"
            return _finish(case, Label.BIPOLAR, why, evidence, rate)
    if 2 <= len(groups) <= case.n / 4:
        evidence["groups"] = tuple(size for size, _, _ in groups)
        evidence["their angles"] = tuple(angle for _, angle, _ in groups)
        why = f"{motion} in {len(groups)} groups of one phase each"
        return _finish(case, Label.CLUSTERED, why, evidence, rate)
    return None


def _finish(
    case: Case, label: Label, why: str, evidence: dict[str, Any], rate: Estimate | None
) -> Verdict:
    predicted = slowest(case)
    if predicted is not None:
        evidence["slowest rate of the linearised model"] = predicted
    return case.say(label, why, evidence, rate=rate)


def _rate(case: Case, source: PhaseSource, target: np.ndarray, *, known: bool) -> Estimate | None:
    """Rate at which the phases, relative to their mean, come to `target`."""
    if case.times.size * case.n > _RATE_SIZE:
        return None
    target = target - target.mean()
    distance = np.empty(case.times.size)
    scale = case.n / (case.n - 1)
    mixture = _mixture(case.n)
    signals = np.empty((case.times.size, mixture.shape[1]))
    for part, theta in source.chunks():
        away = theta - theta.mean(axis=1)[:, None] - target
        distance[part] = scale * np.abs(away).max(axis=1)
        signals[part] = away @ mixture
    return fit_rate(case.times, distance, signals, known_limit=known)


def _mixture(n: int) -> np.ndarray:
    """Few combinations of the phases, in which every mode has its share."""
    if n <= _SIGNALS:
        return np.eye(n)
    return np.asarray(np.random.default_rng(0).normal(size=(n, _SIGNALS)) / np.sqrt(n))


def exponents(case: Case, index: int | None = None) -> np.ndarray | None:
    """Eigenvalues of the model at the end of the run (or at an index), or None."""
    if case.dynamics.exponents is None:
        return None
    return case.dynamics.exponents(case.times.size - 1 if index is None else index)


def passing(case: Case) -> str:
    """Why the model says that the run passes slowly rather than comes to rest; empty if not.

    Where a saddle-node has just vanished the slowest exponent falls with the velocity; near a state
    of rest it is that state's.
    """
    late = slowest(case)
    early = slowest(case, case.times.size - 1 - case.samples // 3)
    if late is None or early is None or (late > 0 and early < 1.15 * late):
        return ""
    return (
        f"the model's slowest rate is not settled ({early:.2g} a third of the window before the "
        f"end, {late:.2g} there), as in a slow passage where no state of rest need be"
    )


def slowest(case: Case, index: int | None = None) -> float | None:
    """Slowest rate of the model at the end of the run, the free common phase left out."""
    values = exponents(case, index)
    if values is None:
        return None
    rest = _without_phase_mode(case, values)
    return float(-rest.real.max()) if rest.size else None


def stable(case: Case) -> bool:
    """Whether the model is known to return to where the run ends, apart from the common phase."""
    values = exponents(case)
    if values is None:
        return False
    rest = _without_phase_mode(case, values)
    scale = max(float(np.abs(values).max()), 1e-300)
    return bool(rest.size and rest.real.max() < -1e-6 * scale)


def _without_phase_mode(case: Case, values: np.ndarray) -> np.ndarray:
    if case.dynamics.phase_symmetry is False:
        return values
    return np.delete(values, int(np.argmin(np.abs(values))))


def _wrap(x: np.ndarray) -> np.ndarray:
    """Angles in [−π, π]; what is small stays exact."""
    return x - 2 * np.pi * np.round(x / (2 * np.pi))
