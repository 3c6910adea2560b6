"""Oscillators whose amplitudes fall: death, the vacuum, phases that meet on the way."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .case import FEWEST, Case
from .decays import gap_of, linear_decay, slowest_rate
from .motion import standing
from .rates import Estimate, slope
from .report import Label, Verdict
from .sources import AnglePhases
from .survey import middle, survey, time_weights, track

__all__ = ["TURN", "judge_falling"]

#: a phase that moves by more between two samples may have been aliased
TURN = 0.6 * np.pi
#: an amplitude below this share of its largest has lost its phase to the tolerances of the run
_LEFT = 1e-3
#: amplitudes below are at rest
_REST = 1e-6
#: by how much, in e-foldings of the second half, one mode must outlive the others
_OUTLIVED = 2.0


def judge_falling(case: Case, beta: np.ndarray, size: np.ndarray) -> Verdict | None:
    """Death, relaxation to the vacuum and transient synchronisation.

    Or None if the amplitudes live.
    """
    gain = case.dynamics.gain
    largest = size.max(axis=1)
    if case.samples < 8 or (case.view.is_classical and gain is None):
        return None
    if case.dynamics.rests is False:
        # what comes down slowly comes to where the drive holds it
        return None
    rate = _decay(case, beta, largest)
    rest = (
        None if case.dynamics.flow.rest_exponents is None else case.dynamics.flow.rest_exponents()
    )
    unstable = rest is not None and float(rest.real.max()) > 0
    evidence: dict[str, Any] = {"largest |β| at the end": float(largest[-1])}
    if rest is not None:
        evidence["slowest exponent at rest"] = float(rest.real.max())
    if rate is not None:
        evidence["log|β| falls at"] = rate
    if gain is None or all(gain):
        return _death(case, largest, rate, rest, unstable, evidence)
    if any(gain) or not case.dynamics.dissipative:
        return None
    if rate is None and largest[-1] > _REST * max(1.0, float(largest.max())):
        return None
    return _dying(case, beta, size, rate, rest, evidence)


def _death(
    case: Case,
    largest: np.ndarray,
    rate: Estimate | None,
    rest: np.ndarray | None,
    unstable: bool,
    evidence: dict[str, Any],
) -> Verdict | None:
    small = largest[-1] < _REST
    if rate is None and not small:
        return _fading(case, largest, rest, evidence)
    if unstable and not small:
        # it falls a little on its way to where it lives
        return None
    if case.dynamics.gain is None:
        return case.undecided(
            "the amplitudes die out, and whether the nodes have gain is not known", evidence
        )
    if unstable:
        why = "the mean field is at rest although rest is unstable: it started there"
        return case.undecided(why, evidence, advice="an initial state that is not the unstable one")
    if rest is None or case.dynamics.coupled is False:
        return case.undecided(
            "the amplitudes die out, and the model does not say that they stay at rest", evidence
        )
    predicted = -float(rest.real.max())
    why = (
        "every node has gain, yet the amplitudes die out at the rate "
        f"{rate or predicted:.4g}: rest is stable, its slowest "
        f"exponent is −{predicted:.4g}"
    )
    return case.say(Label.DEATH, why, evidence, rate=rate or Estimate(predicted, 0.0))


def _fading(
    case: Case, largest: np.ndarray, rest: np.ndarray | None, evidence: dict[str, Any]
) -> Verdict | None:
    """Undecided if the amplitudes fall, however slowly, and rest is stable."""
    if rest is None or rest.real.max() >= 0 or not np.all(largest[case.inside] > 0):
        return None
    y = np.log(largest[case.inside])
    half = middle(case.window)
    early, late = (time_weights(case.window[p]) @ y[p] for p in (slice(half), slice(half, None)))
    if late > early - 1e-3:
        return None
    rate = -float(rest.real.max())
    return case.undecided(
        f"the amplitudes are falling, and rest is stable (its slowest exponent is −{rate:.3g})",
        evidence,
        advice=f"a window of about {9 / rate:.3g}",
    )


def _decay(case: Case, beta: np.ndarray, largest: np.ndarray) -> Estimate | None:
    """Rate at which log|β| falls in both quarters at the end of the run, or None."""
    t, start = case.times, case.inside.start
    half = start + middle(case.window)
    if np.any(largest[start:] <= 0):
        return None
    y = np.log(largest[start:])
    first = -slope(t[start:half], y[: half - start]).slope
    second = -slope(t[half:], y[half - start :]).slope
    # towards a limit cycle the second quarter has almost nothing left to fall
    if min(first, second) <= 0 or second < 0.5 * first:
        return None
    rate = (first + second) / 2
    rest = y + rate * (t[start:] - t[start])
    if rate * case.length / 2 < max(float(np.ptp(rest)), 1e-9 * case.samples):
        # it wavers more than it falls
        return None
    found = slowest_rate(t[start:], largest[start:, None] / largest[start], free=False)
    part = slice(start, t.size)
    by_map = linear_decay(t, beta)
    if by_map is not None and by_map[0].error <= found.error:
        found, part = by_map
    return Estimate(found.rate, found.error, (float(t[part][0]), float(t[part][-1])))


class _Moved(NamedTuple):
    """Whether phases stand, and by how much they move at the end."""

    stands: bool
    by: float


def _dying(
    case: Case,
    beta: np.ndarray,
    size: np.ndarray,
    rate: Estimate | None,
    rest: np.ndarray | None,
    evidence: dict[str, Any],
) -> Verdict | None:
    """No gain: transient synchronisation if the relative phase settles in time, or relaxation."""
    alive = np.flatnonzero(size.min(axis=1) > _LEFT * size.max())
    stop = int(alive[-1]) + 1 if alive.size else 0
    moved = None
    if case.n >= 2 and stop >= 2 * FEWEST and case.dynamics.coupled is not False:
        moved = _settling(case, beta[:stop], size[:stop], rest, evidence)
    if moved is not None and not moved.stands:
        why = "no node has gain and the excitations die out, while the relative phases still move"
        return case.undecided(why, evidence, advice="a longer run")
    if moved is not None:
        evidence["amplitude left there"] = float(size[stop - 1].max() / size.max())
        why = (
            f"the relative phases settle (they move by {moved.by:.2g} at the end of "
            f"t ≤ {case.times[stop - 1]:g}), while the amplitudes die out"
            f"{f' at {rate}' if rate is not None else ''}"
        )
        return case.say(Label.TRANSIENT, why, evidence, rate=rate)
    if rest is not None and rest.real.max() >= 0 and rate is None:
        return None
    why = (
        "no node has gain, and the excitations die "
        f"out{f': |β| falls at {rate}' if rate is not None else ''}"
    )
    return case.say(Label.VACUUM, why, evidence, rate=rate)


def _settling(
    case: Case,
    beta: np.ndarray,
    size: np.ndarray,
    rest: np.ndarray | None,
    evidence: dict[str, Any],
) -> _Moved | None:
    """How the relative phases move on the part of the run that has amplitude left.

    None if that says nothing. They come to rest where one mode of the model outlives all others:
    where two live equally long, phases that stand are about to turn back.
    """
    times = case.times[: len(beta)]
    middle = int(np.searchsorted(times, (times[0] + times[-1]) / 2))
    inside = slice(middle, len(beta))
    gap = 0.0 if rest is None else gap_of(rest)
    if inside.stop - inside.start < FEWEST or gap * (times[-1] - times[middle]) < _OUTLIVED:
        return None
    evidence["one mode outlives the others by the rate"] = gap
    source = AnglePhases(times, case.n, lambda part: -np.angle(beta[part]), watched=middle + 1)
    source.shaken = not case.dynamics.deterministic
    found = survey(source, inside)
    path = track(source, found, np.ones(case.n, dtype=bool))
    if found.turn > TURN or path.run.max() < 1e-6:
        return None
    moved = float(path.thirds[2].max())
    if not np.all(standing(path.thirds, path.ninths, shaken=path.shaken, slow=False)):
        return _Moved(False, moved)
    phases = -np.angle(beta[-1] * np.conj(beta[-1, 0]))
    evidence["relative phases θ_j−θ_1"] = tuple(float(x) for x in phases[1:])
    evidence["settled in"] = f"t = {times[middle]:g} to {times[-1]:g}"
    return _Moved(True, moved)
