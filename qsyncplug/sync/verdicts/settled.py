"""Whether a run has settled: moments, averages over samples, phases that stand on the samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import Case
from .groups import MANY
from .locked import passing
from .motion import FLOOR, ratios, standing
from .order import time_mean
from .rates import Estimate
from .sources import ContinuousPhases, PhaseSource
from .survey import Track, at_even_times, cuts, even, middle, time_weights

__all__ = [
    "CONSTANT",
    "between_samples",
    "followed",
    "late_mean",
    "not_yet_there",
    "slow_ones",
    "unless_uneven",
    "unmoved",
    "unsettled",
]

#: variation of z and n in the last third of a run that counts as stationary
_STATIONARY = 5e-3
#: variation that the tolerances of QuTiP's solvers leave
_NOISE = 2e-5
#: a range over the whole run below this says nothing: equal frequencies, or sampling at the beat
CONSTANT = 1e-6
#: how far, by the linearised model, phases at rest may still have to go
_TO_GO = 0.05
#: of a node beside faster ones that stand
_REMAINDER = 0.02
#: samples at which the model's velocities are looked at
_LOOKS = 12
#: what velocities times a step may exceed: multiples of what the samples show, and an angle
_MULTIPLE, _ANGLE = 10.0, 1e-5


def unsettled(case: Case, n: np.ndarray, evidence: dict[str, Any]) -> str:
    """Why the state still changes, or may; empty if it is stationary.

    Parameters
    ----------
    case : Case
    n : (T, N) array
        Excitations.
    evidence : dict
        The numbers are put here.
    """
    if case.times.size == 1:
        known = case.dynamics.quantum.stationary
        evidence["stationary"] = "by its equations" if known else "not known: one state only"
        return ""
    course = _course(case, n)
    if case.dynamics.quantum.ntraj is not None:
        return _sampled(case, course, evidence)
    thirds = np.searchsorted(case.times, np.linspace(case.times[0], case.times[-1], 4)[1:3])
    parts = np.split(course, thirds)
    if min(len(part) for part in parts) < 3:
        return "fewer than three times in a third: whether the state is stationary is not known"
    # of a node without excitation z is not a number: it has come from nowhere
    changes = [float(np.nan_to_num(np.ptp(part, axis=0), nan=np.inf).max()) for part in parts]
    evidence["variation of z and n in the last third"] = changes[2]
    if changes[2] > _STATIONARY:
        return f"the state is not stationary: z or n vary by {changes[2]:.2g} in the last third"
    return _creeps(case, changes) or unless_uneven(case)


def _creeps(case: Case, changes: list[float]) -> str:
    """Whether so small a change in the last third goes on, or nothing has moved at all."""
    facts = case.dynamics
    known = facts.coupled is not None or facts.phase_symmetry is not None
    if max(changes) <= _NOISE:
        if known and facts.dissipative:
            return ""
        return (
            "z and n are constant from the first time on: a closed system, and a run that is too "
            "short for its rates, look like this too"
        )
    fallen = changes[2] <= 0.5 * changes[1]
    if fallen or (changes[2] <= _NOISE and max(changes) > 20 * changes[2]):
        return ""
    return (
        f"z or n still change: by {changes[1]:.2g} and {changes[2]:.2g} in the last two thirds, "
        "which an exponential approach would have more than halved"
    )


def _course(case: Case, n: np.ndarray) -> np.ndarray:
    """What must not change, (T, K): excitations, relative to theirs at the end, and z.

    Of one node its amplitude.
    """
    columns = []
    if case.view.has("masses"):
        columns.append(n / np.maximum(np.abs(n[-1]), 1e-300))
    if case.n > 1:
        z = np.asarray(case.view.reference(0))[:, 1:]
        columns += [z.real, z.imag]
    elif case.view.has("mean"):
        scale = np.sqrt(max(float(np.abs(n[-1]).max()), 1e-300)) if columns else 1.0
        beta = case.view.amplitudes / scale
        columns += [beta.real, beta.imag]
    return np.concatenate(columns, axis=1)


# ------------------------------------------------------------ averages over samples


def late_mean(case: Case, values: np.ndarray) -> Estimate:
    """Mean of a series over the second half of the run, with the 95 % error of its samples.

    Of what hardly moves in time the samples in one column are all there is: their own spread is of
    order 1/√ntraj.
    """
    late = at_even_times(case.window, values[case.inside])
    found = time_mean(late)
    own = 2.0 / np.sqrt(case.dynamics.quantum.ntraj or np.inf)
    alike = float(late.std()) < own / 4
    return Estimate(float(found), max(found.error, own if alike else 0.0))


def _sampled(case: Case, course: np.ndarray, evidence: dict[str, Any]) -> str:
    """The same of averages over samples: within their errors."""
    if case.samples < 12:
        return "fewer than twelve times in the second half of the run"
    late = course[case.inside]
    half = middle(case.window)
    parts = [time_weights(case.window[p]) @ late[p] for p in (slice(half), slice(half, None))]
    error = np.array([late_mean(case, y).error for y in course.T])
    moved = np.abs(parts[1] - parts[0])
    evidence["variation of z and n in the second half"] = float(moved.max())
    if np.any(moved > 2 * error) or moved.max() > 0.2:
        return f"the state is not stationary: z or n vary by {moved.max():.2g} in the second half"
    early = np.nan_to_num(course[: max(1, len(course) // 10)].mean(axis=0), nan=np.inf)
    began = np.abs(early - time_weights(case.window) @ late)
    known = case.dynamics.coupled is not None or case.dynamics.phase_symmetry is not None
    if np.all(began <= 2 * error) and not (known and case.dynamics.dissipative):
        return "z and n have not moved beyond the errors of the samples since the beginning"
    return ""


# ------------------------------------------------------------ what stands on the samples


def not_yet_there(case: Case, path: Track) -> str:
    """Why phases that stand on the samples do not do so in the model; empty if they do."""
    slow = passing(case) if path.thirds[2].max() > FLOOR else ""
    return slow or between_samples(case, float(path.thirds[2].max())) or _far(case, path)


def between_samples(case: Case, seen: float) -> str:
    """Why phases that move by `seen` in the last third move by more between the samples.

    At an oscillation's own period every sample is the same; its velocity there is not zero.
    """
    velocity = case.dynamics.flow.velocity
    if velocity is None:
        return unless_uneven(case)
    start = case.inside.start + cuts(case.window, 3)[2]
    index = np.unique(np.linspace(start, case.times.size - 1, _LOOKS).astype(int))
    rates = np.array([velocity(int(k)) for k in index])
    speed = np.abs(rates[:, 0]) if case.n == 1 else np.ptp(rates, axis=1)
    step = float(np.median(np.diff(case.window))) * float(speed.min())
    if not step > max(_MULTIPLE * seen, _ANGLE):
        return ""
    return (
        f"the phases are the same at every output time, but by the model's velocities they move by "
        f"some {step:.2g} from one to the next: an oscillation, sampled at its own period"
    )


def unless_uneven(case: Case) -> str:
    """Why what is the same at even intervals may move between them: the model changes with time."""
    if case.dynamics.autonomous or not even(case.window):
        return ""
    return (
        "the model changes with time, and what is the same at output times at even intervals may "
        "follow it in between"
    )


def followed(case: Case, source: PhaseSource) -> bool:
    """Whether no turn between two samples is missed: the solver followed the phases, or the
    model's velocities have been looked at.
    """
    looked = case.dynamics.flow.velocity is not None and case.dynamics.autonomous
    return looked or isinstance(source, ContinuousPhases)


def unmoved(case: Case, source: PhaseSource, run: np.ndarray) -> bool:
    """Whether phases with these ranges over the run may be drifting ones, sampled at their beat.

    Many have no beat in common.
    """
    return case.n < MANY and bool(run.max() < CONSTANT) and not followed(case, source)


def _far(case: Case, path: Track) -> str:
    remaining = case.dynamics.flow.remaining
    left = None if remaining is None else remaining(case.times.size - 1)
    if left is None:
        return slow_ones(path.thirds, path.ninths, shaken=path.shaken)
    if left <= _TO_GO:
        return ""
    return (
        f"the fast ones of the relative phases have come to rest, but the linearised model has "
        f"{left:.2g} to go, at a rate that the window hardly shows"
    )


def slow_ones(thirds: np.ndarray, ninths: np.ndarray, *, shaken: bool) -> str:
    """Why a slow one, (3, N) and (9, N), beside fast ones that come to rest need not be near."""
    each = standing(thirds, ninths, shaken=shaken) | (thirds[2] <= 10 * FLOOR)
    second = np.minimum(ratios(thirds)[1], 1 - 1e-9)
    left = np.where(each, 0.0, thirds[2] * second / (1 - second))
    if left.max(initial=0.0) <= _REMAINDER:
        return ""
    return (
        "the fastest come to rest, but a slow one beside them, at the pace of its last third, has "
        f"{left.max():.2g} to go"
    )
