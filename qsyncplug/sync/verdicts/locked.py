"""All relative phases at rest: complete, bipolar, clustered or phase-locked."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import Case
from .groups import MANY, clusters
from .motion import FULL_TURNS, left
from .order import judge_order
from .rates import Estimate, fit_rate
from .report import Label, Verdict
from .sources import PhaseSource
from .survey import Survey, Track, cuts

__all__ = [
    "arrived",
    "at_rest",
    "drawn_together",
    "growing",
    "judge_standing",
    "passing",
    "slowest",
]

#: |1−z| that counts as complete
_COMPLETE = 2e-3
#: width of a cluster, and distance of two clusters from π
_WIDTH, _ANTIPODAL = 5e-3, 0.01
#: more numbers than this are not gone through again for a rate
_RATE_SIZE = 3e7
#: share of the largest exponent below which one is zero
_MARGINAL = 1e-6
#: how far a linear approach may still have to go, in radians, where the model tells its rate
_REMOTE = 1e-4
#: relaxation times of a group that others shake, the share of its rate that it keeps in every third
#: of the window, and samples at which it is looked at
_FORGOTTEN, _STEADY, _LOOKS = 9.0, 0.5, 256
#: combinations of the phases that a rate is taken from
_SIGNALS = 6
#: phases that swing by less do so about a state, whose exponents those along the run are on
#: average; samples at which these are looked at, and nodes up to which they are
_SWING, _POINTS, _FEW = 0.1, 24, 64


def judge_standing(case: Case, source: PhaseSource, found: Survey, path: Track) -> Verdict:
    """Name the order of relative phases that stand still, where more time could not change the
    name.
    """
    last = found.last
    evidence: dict[str, Any] = {
        "range of the relative phases in the thirds of the window": tuple(
            float(x) for x in path.thirds.max(axis=1)
        ),
        "order parameter": float(np.abs(found.mean_field[-1])),
    }
    label, groups = _name(last, 0.0)
    not_yet = _name(last, 3 * left(path.thirds))[0]
    if not_yet is not label:
        return case.undecided(
            f"the relative phases come to rest, but are not near enough to tell {label} from "
            f"{not_yet}",
            evidence,
            advice="a longer run",
        )
    loose = _held(case, label, found, evidence)
    if loose is not None:
        return loose
    motion = (
        f"the relative phases stand still (they move by {path.thirds[2].max():.2g} in the "
        f"last third of {case.span})"
    )
    rate = _rate_of(case, source, last, label, groups)
    return _finish(case, label, motion + _shape(last, label, groups, evidence), evidence, rate)


def _name(phases: np.ndarray, slack: float) -> tuple[Label, list[tuple[int, float, float]]]:
    """Label and groups of phases at rest; `slack` widens every tolerance."""
    if np.ptp(_around(phases)) <= _COMPLETE + slack:
        return Label.COMPLETE, []
    groups = clusters(phases, _WIDTH + slack) or []
    if len(groups) == 2:
        distance = _distance(groups)
        if np.pi - distance <= _ANTIPODAL + slack:
            return Label.BIPOLAR, groups
    if 2 <= len(groups) <= phases.size / 4:
        return Label.CLUSTERED, groups
    return Label.PHASE_LOCKED, groups


def _distance(groups: list[tuple[int, float, float]]) -> float:
    """Of the first two, on the circle."""
    return abs(float(_wrap(np.array(groups[1][1] - groups[0][1]))))


def _around(phases: np.ndarray) -> np.ndarray:
    """Angles from the mean direction."""
    return _wrap(phases - np.angle(np.mean(np.exp(1j * phases))))


def _shape(
    last: np.ndarray,
    label: Label,
    groups: list[tuple[int, float, float]],
    evidence: dict[str, Any],
) -> str:
    """What the state looks like: in words, and in the evidence."""
    if label is Label.COMPLETE:
        evidence["max|1−z|"] = width = float(np.ptp(_around(last)))
        return f" and all phases agree to {width:.2g}"
    if last.size == 2:
        evidence["relative phase θ₂−θ₁"] = float(_wrap(last[1] - last[0]))
    if label is Label.PHASE_LOCKED:
        return ""
    evidence["groups"] = tuple(size for size, _, _ in groups)
    if label is Label.BIPOLAR:
        evidence["distance of the groups"] = _distance(groups)
        return f" in two groups at distance π ({groups[0][0]} and {groups[1][0]} nodes)"
    evidence["their angles"] = tuple(angle for _, angle, _ in groups)
    return f" in {len(groups)} groups of one phase each"


def _rate_of(
    case: Case,
    source: PhaseSource,
    last: np.ndarray,
    label: Label,
    groups: list[tuple[int, float, float]],
) -> Estimate | None:
    """Rate of the approach, from the true limit where the label tells it."""
    if label is Label.COMPLETE:
        return _rate(case, source, last - _around(last), known=True)
    rate = None
    if len(groups) == 2:
        # the distance from the two antipodal groups, whose phases agree modulo π
        rest = _wrap(2 * last - np.angle(np.mean(np.exp(2j * last)))) / 2
        rate = _rate(case, source, last - rest, known=True)
    return rate or _rate(case, source, last, known=False)


def _held(case: Case, label: Label, found: Survey, evidence: dict[str, Any]) -> Verdict | None:
    """What to say if the model does not hold the phases where they stand; None if it does.

    Clusters that drift apart or together too slowly to be seen are metastable, and still clusters.
    """
    values = exponents(case)
    rest = None if values is None else _without_phase_mode(case, values)
    if values is None or rest is None or not rest.size:
        return None
    scale, top = float(np.abs(values).max()), float(rest.real.max())
    if top <= -_MARGINAL * scale:
        return None
    evidence["slowest exponent of the linearised model"] = top
    if label is Label.CLUSTERED:
        evidence["metastable"] = "the linearised model does not hold the clusters where they are"
        return None
    order = judge_order(case.window, np.abs(found.mean_field), case.n)
    if case.n >= MANY and order.at_null and top < _MARGINAL * scale:
        why = (
            f"r is that of independent phases (N r² = {order.power:.2g}), and nothing holds the "
            "phases where they stand: the linearised model leaves their relations free"
        )
        return case.say(Label.INCOHERENT, why, evidence)
    if top < _MARGINAL * scale:
        why = "the relative phases stand, but the linearised model leaves a relation of them free"
    else:
        why = f"the relative phases stand, but unstably: the model leaves this state at {top:.2g}"
    return case.undecided(why, evidence, advice="a run that starts elsewhere")


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
    if case.dynamics.flow.exponents is None:
        return None
    return case.dynamics.flow.exponents(case.times.size - 1 if index is None else index)


def passing(case: Case) -> str:
    """Why the model says that the run passes slowly rather than comes to rest; empty if not.

    Where a saddle-node has just vanished the slowest exponent falls with the velocity; near a state
    of rest it is that state's.
    """
    late = slowest(case)
    early = slowest(case, case.inside.start + cuts(case.window, 3)[2] - 1)
    if late is None or early is None or (late > 0 and early < 1.15 * late):
        return ""
    return (
        f"the model's slowest rate is not settled ({early:.2g} a third of the window before the "
        f"end, {late:.2g} there), as in a slow passage where no state of rest need be"
    )


def growing(case: Case, swing: float) -> Estimate | None:
    """Rate at which the model's small oscillations about where the run is grow; None if they do
    not, or that is not known.
    """
    if swing > _SWING or case.n > _FEW or not case.dynamics.deterministic:
        return None
    rates = []
    looks = np.linspace(case.inside.start, case.inside.stop - 1, _POINTS).astype(int)
    for index in looks.tolist():
        values = exponents(case, index)
        if values is None:
            return None
        turning = values.real[np.abs(values.imag) > 1e-3 * np.abs(values).max()]
        rates.append(float(turning.max()) if turning.size else -np.inf)
    if not np.all(np.isfinite(rates)):
        return None
    mean, error = float(np.mean(rates)), 2 * float(np.std(rates)) / np.sqrt(_POINTS)
    return Estimate(mean, error) if mean > error else None


def slowest(case: Case, index: int | None = None) -> float | None:
    """Slowest rate of the model at the end of the run, the free common phase left out."""
    values = exponents(case, index)
    if values is None:
        return None
    rest = _without_phase_mode(case, values)
    return float(-rest.real.max()) if rest.size else None


def at_rest(case: Case, path: Track) -> bool:
    """Whether the model holds the phases where the run ends, apart from the common one, and the run
    is there: however slow the model, or short the run.
    """
    values = exponents(case)
    if values is None:
        return False
    return arrived(_without_phase_mode(case, values), float(np.abs(path.winds[0]).max()), case)


def arrived(values: np.ndarray, wound: float, case: Case) -> bool:
    """Whether exponents are stable, and what moves by `wound` in the window is near their state of
    rest: at its velocity it would have come to rest within a slowest relaxation time.
    """
    slow = -float(values.real.max()) if values.size else 0.0
    scale = max(float(np.abs(values).max(initial=0.0)), 1e-300)
    return slow > _MARGINAL * scale and wound <= _REMOTE * slow * case.length


def _without_phase_mode(case: Case, values: np.ndarray) -> np.ndarray:
    if case.dynamics.phase_symmetry is False:
        return values
    return np.delete(values, int(np.argmin(np.abs(values))))


def _wrap(x: np.ndarray) -> np.ndarray:
    """Angles in [−π, π]; what is small stays exact."""
    return x - 2 * np.pi * np.round(x / (2 * np.pi))


def drawn_together(case: Case, found: Survey, members: np.ndarray) -> float:
    """Rate at which the model draws the phases of a group together along the window, whatever turns
    beside them; 0 unless that is long enough to have forgotten where they began.

    Of the relative phases within the group: the mean of the largest eigenvalue of the symmetric
    part of their Jacobian, which bounds their exponents, in all thirds of the window. What turns
    beside the group must have shown all of its motion, the slowest as well.
    """
    jacobian = case.dynamics.flow.jacobian
    if jacobian is None or not case.dynamics.deterministic or not case.dynamics.autonomous:
        return 0.0
    clear = np.append(found.frequencies[~members], found.frequencies[members].mean())
    turns = np.diff(np.sort(clear)) * case.length / (2 * np.pi)
    if turns.size == 0 or turns.min() < FULL_TURNS:
        return 0.0
    relative = np.linalg.svd(np.ones((1, int(members.sum()))))[2][1:].T
    # at random, not at multiples of a beat
    rng = np.random.default_rng(0)
    index = case.inside.start + rng.choice(case.samples, min(case.samples, _LOOKS), replace=False)
    growth = np.empty(index.size)
    for i, k in enumerate(np.sort(index)):
        J = relative.T @ jacobian(int(k))[np.ix_(members, members)] @ relative
        growth[i] = np.linalg.eigvalsh((J + J.T) / 2)[-1]
    rate = -float(growth.mean()) - 3 * float(growth.std()) / np.sqrt(index.size)
    steady = all(part.mean() < -_STEADY * rate for part in np.array_split(growth, 3))
    return rate if steady and rate * case.length > _FORGOTTEN else 0.0
