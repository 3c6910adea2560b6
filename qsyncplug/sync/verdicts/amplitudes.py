"""Oscillators with amplitudes: do they live, die, follow a drive; then their phases."""

from __future__ import annotations

from typing import Any

import numpy as np

from .beats import frequency_error
from .case import FEWEST, Case
from .decays import gap_of, linear_decay, slowest_rate
from .locked import arrived
from .motion import FULL_TURNS, hovering, ratios, standing
from .phases import Amplitudes, judge_phases, too_few
from .rates import Estimate, slope
from .report import Label, Verdict
from .resonance import with_resonance
from .sources import AnglePhases
from .survey import Survey, Track, pieces, survey, track

__all__ = ["judge_amplitudes"]

#: an amplitude below this share of its largest has lost its phase to the tolerances of the run
_LEFT = 1e-3
#: amplitudes below are at rest
_REST = 1e-6
_TURN = 0.6 * np.pi
#: by how much, in e-foldings of the second half, one mode must outlive the others
_OUTLIVED = 2.0
#: samples at which the model's own velocities are looked at for aliasing
_LOOKS = 48


def judge_amplitudes(case: Case) -> Verdict:
    """Verdict on complex amplitudes β_j(t)."""
    beta = case.view.amplitudes
    size = np.abs(beta)
    gone = _gone(case, beta, size)
    if gone is not None:
        return gone
    if case.samples < FEWEST:
        return too_few(case)
    if np.any(size[case.inside] <= 0):
        return case.undecided("an amplitude is zero in the window, so that it has no phase")
    if case.n == 1:
        return _one_node(case, beta)
    aliased = _aliased(case)
    if aliased is not None:
        return aliased
    source = AnglePhases(
        case.times, case.n, lambda part: -np.angle(beta[part]), watched=case.inside.start + 1
    )
    found = judge_phases(case, source, _steadiness(case, size))
    if found.label.synchronised and _dead(case, beta):
        why = (
            "the amplitudes come to rest away from 0 in a model that no drive turns: the "
            "oscillations have died, each in a place of its own"
        )
        return case.undecided(why, dict(found.evidence), advice="a weaker coupling")
    if found.label.synchronised and _forced(case, beta):
        why = (
            "no node would oscillate by itself, and their amplitudes rest in the frame of the "
            "drive: following a drive is then no synchronisation"
        )
        return case.undecided(why, dict(found.evidence), advice="nodes with gain")
    if found.label is not Label.DRIFTING or case.n != 2 or case.dynamics.phase_symmetry:
        return found
    return with_resonance(case, found, lambda part: -np.angle(beta[part]))


# ------------------------------------------------------------ amplitudes that fall


def _gone(case: Case, beta: np.ndarray, size: np.ndarray) -> Verdict | None:
    """Death, relaxation to the vacuum and transient synchronisation.

    Or None if the amplitudes live.
    """
    gain = case.dynamics.gain
    largest = size.max(axis=1)
    if case.samples < 8 or (case.view.is_classical and gain is None):
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
    half = y.size // 2
    if y[half:].mean() > y[:half].mean() - 1e-3:
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
    middle = start + case.samples // 2
    if np.any(largest[start:] <= 0):
        return None
    y = np.log(largest[start:])
    first = -slope(t[start:middle], y[: middle - start]).slope
    second = -slope(t[middle:], y[middle - start :]).slope
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
    settled = None
    if case.n >= 2 and stop >= 2 * FEWEST and case.dynamics.coupled is not False:
        settled = _settled(case, beta[:stop], size[:stop], rest, evidence)
    if settled == "":
        why = "no node has gain and the excitations die out, while the relative phases still move"
        return case.undecided(why, evidence, advice="a longer run")
    if settled is not None:
        evidence["amplitude left there"] = float(size[stop - 1].max() / size.max())
        why = f"{settled}, while the amplitudes die out{f' at {rate}' if rate is not None else ''}"
        return case.say(Label.TRANSIENT, why, evidence, rate=rate)
    if rest is not None and rest.real.max() >= 0 and rate is None:
        return None
    why = (
        "no node has gain, and the excitations die "
        f"out{f': |β| falls at {rate}' if rate is not None else ''}"
    )
    return case.say(Label.VACUUM, why, evidence, rate=rate)


def _settled(
    case: Case,
    beta: np.ndarray,
    size: np.ndarray,
    rest: np.ndarray | None,
    evidence: dict[str, Any],
) -> str | None:
    """The relative phases on the part of the run that has amplitude left; "" if they still move.

    If they come to rest there, because one mode of the model outlives all others: where two live
    equally long, phases that stand are about to turn back.
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
    if found.turn > _TURN or path.run.max() < 1e-6:
        return None
    if not np.all(standing(path.thirds, path.ninths, shaken=path.shaken, slow=False)):
        return ""
    phases = -np.angle(beta[-1] * np.conj(beta[-1, 0]))
    evidence["relative phases θ_j−θ_1"] = tuple(float(x) for x in phases[1:])
    evidence["settled in"] = f"t = {times[middle]:g} to {times[-1]:g}"
    return (
        f"the relative phases settle (they move by {path.thirds[2].max():.2g} at the end "
        f"of t ≤ {times[-1]:g})"
    )


# ------------------------------------------------------------ amplitudes that live


def _dead(case: Case, beta: np.ndarray) -> bool:
    """Oscillation death: at rest, where only couplings fix the phases."""
    facts = case.dynamics
    return facts.phase_symmetry is False and facts.driven is False and _rests(case, beta)


def _forced(case: Case, beta: np.ndarray) -> bool:
    """Whether all that moves the nodes is a drive, in whose frame they rest."""
    facts = case.dynamics
    alive = facts.gain is None or any(facts.gain)
    return bool(facts.driven) and not alive and _rests(case, beta)


def _rests(case: Case, beta: np.ndarray) -> bool:
    late = beta[-max(2, case.samples // 3) :]
    return float(np.hypot(np.ptp(late.real, axis=0), np.ptp(late.imag, axis=0)).max()) < (
        1e-2 * float(np.abs(late).max())
    )


def _steadiness(case: Case, size: np.ndarray) -> Amplitudes:
    """Whether log|β_j| stand, or hover, in the window."""
    y = np.log(size[case.inside])
    count = y.shape[0]
    thirds = np.array([np.ptp(y[p], axis=0) for p in pieces(count, 3)])
    ninths = np.array([np.ptp(y[p], axis=0) / (p.stop - p.start) for p in pieces(count, 9)])
    shaken = not case.dynamics.deterministic
    # amplitudes need not be known to rounding; those that fade slowly are told by the model
    quiet = thirds[2].max() <= 1e-4
    stand = bool(
        quiet
        or np.all(standing(thirds, ninths, shaken=shaken))
        or standing(thirds.max(axis=1), ninths.max(axis=1), shaken=shaken)
    )
    half = count // 2
    trend = np.abs(y[half:].mean(axis=0) - y[:half].mean(axis=0))
    hover = bool(np.all(trend < 0.15))
    lowest = float(size[case.inside].min() / size.max())
    if lowest < 1e-4:
        return Amplitudes(
            False,
            False,
            f"an amplitude comes down to {lowest:.1g} of the largest, where it has no phase",
        )
    return Amplitudes(
        stand,
        hover,
        f"the amplitudes are still moving (log|β| by {thirds[2].max():.2g} in the last third)",
    )


def _aliased(case: Case) -> Verdict | None:
    """Undecided if the model says that relative phases turn too far between two samples."""
    velocity = case.dynamics.flow.velocity
    if velocity is None:
        return None
    index = np.unique(np.linspace(case.inside.start, case.inside.stop - 1, _LOOKS).astype(int))
    rates = np.array([velocity(int(k)) for k in index])
    spread = np.abs(rates[:, 0]) if case.n == 1 else np.ptp(rates, axis=1)
    turn = float(np.median(np.diff(case.times[case.inside])) * np.median(spread))
    if turn <= _TURN:
        return None
    return case.undecided(
        f"by the model's velocities a relative phase turns by {turn / np.pi:.2f}π "
        "between two samples",
        {"turn between two samples": turn},
        advice=f"output times {turn / _TURN:.2g} times as dense",
    )


# ------------------------------------------------------------ one node and its drive


def _one_node(case: Case, beta: np.ndarray) -> Verdict:
    facts = case.dynamics
    if facts.phase_symmetry is not False:
        known = (
            "the model has a phase symmetry: nothing drives it"
            if facts.phase_symmetry
            else "no drive is known"
        )
        return case.undecided(
            f"one node has nothing to synchronise with ({known})",
            advice="a second node, or a drive",
        )
    if facts.gain == (False,):
        why = "the node would not oscillate by itself: following a drive is then no synchronisation"
        return case.undecided(why, advice="a node with gain")
    if not facts.autonomous:
        why = "the model depends on time: its frame need not be that of a drive"
        return case.undecided(why, advice="the model in the frame that turns with the drive")
    aliased = _aliased(case)
    if aliased is not None:
        return aliased
    source = AnglePhases(
        case.times,
        1,
        lambda part: -np.angle(beta[part]),
        against_frame=True,
        watched=case.inside.start + 1,
    )
    found = survey(source, case.inside)
    if found.turn > _TURN:
        why = f"the phase turns by {found.turn / np.pi:.2f}π between two samples"
        return case.undecided(
            why, advice=f"output times at least {found.turn / _TURN:.2g} times as dense"
        )
    phase = np.concatenate([theta[:, 0] for _, theta in source.chunks()])[case.inside]
    frequency = float(found.frequencies[0])
    wind = Estimate(frequency, frequency_error(case.times[case.inside], phase, frequency))
    return _against_drive(
        case, _frame_track(case, source, found), wind, _steadiness(case, np.abs(beta))
    )


def _frame_track(case: Case, source: AnglePhases, found: Survey) -> Track:
    """Motion of the phase against the frame, which is a second node at rest."""
    both = AnglePhases(case.times, 2, lambda part: _with_rest(source, part))
    both.shaken = not case.dynamics.deterministic
    survey_of_both = survey(both, case.inside)
    return track(both, survey_of_both, np.ones(2, dtype=bool))


def _with_rest(source: AnglePhases, part: slice) -> np.ndarray:
    angles = source._rows(part)
    return np.concatenate([np.zeros_like(angles), angles], axis=1)


def _against_drive(case: Case, path: Track, wind: Estimate, amplitudes: Amplitudes) -> Verdict:
    frequency, error = float(wind), wind.error
    turns = abs(frequency) * case.length / (2 * np.pi)
    evidence: dict[str, Any] = {"mean frequency against the drive": wind}
    thirds = path.thirds.max(axis=1)
    evidence["range of the phase in the thirds of the window"] = tuple(float(x) for x in thirds)
    if bool(standing(thirds, path.ninths.max(axis=1), shaken=path.shaken)) and amplitudes.stand:
        return _locked_to_drive(case, path, thirds, evidence)
    if bool(np.all(hovering(path))) and amplitudes.hover:
        why = (
            f"the phase against the drive stays within {path.whole.max():.3g} < π and "
            f"returns {path.returns.min()} times"
        )
        return case.say(Label.DRIVE_LOCKED, why, evidence)
    if turns >= FULL_TURNS and 2 * error <= 0.35 * abs(frequency):
        beat = Estimate(abs(frequency), error)
        period = (
            Estimate(2 * np.pi / beat, 2 * np.pi * error / beat**2) if error < 0.02 * beat else None
        )
        why = f"the phase winds against the drive at {beat} ({turns:.3g} turns in {case.span})"
        return case.say(Label.SLIPPING, why, evidence, beat=beat, period=period)
    ratio = float(ratios(thirds)[1])
    advice = (
        "a longer run"
        if ratio >= 1
        else f"a window of about {9 * case.length / 3 / -np.log(ratio):.3g}"
    )
    return case.undecided(
        "the phase against the drive neither stands nor makes two steady turns",
        evidence,
        advice=advice,
    )


def _locked_to_drive(
    case: Case, path: Track, thirds: np.ndarray, evidence: dict[str, Any]
) -> Verdict:
    values = (
        None
        if case.dynamics.flow.exponents is None
        else case.dynamics.flow.exponents(case.times.size - 1)
    )
    if values is not None:
        evidence["slowest rate of the linearised model"] = -float(values.real.max())
    wound = float(np.abs(path.winds[0]).max())
    if path.run.max() < 1e-6 and (values is None or not arrived(values, wound, case)):
        why = (
            "the phase is constant from the first sample on, and the model does not say "
            "that it rests there and is stable"
        )
        return case.undecided(why, evidence, advice="a run that starts elsewhere")
    why = (
        f"the phase against the drive stands still (it moves by {thirds[2]:.2g} in the "
        f"last third of {case.span}){_mechanism(case, evidence)}"
    )
    return case.say(Label.DRIVE_LOCKED, why, evidence)


def _mechanism(case: Case, evidence: dict[str, Any]) -> str:
    """Whether the drive locks the phase of an oscillation, or suppresses the oscillation.

    Where it locks a phase, a saddle lies on the cycle beside the stable state, and what is left of
    rest within it; where it suppresses, the stable state is alone.
    """
    if case.dynamics.flow.fixed_points is None:
        return ""
    points, exponents = case.dynamics.flow.fixed_points()
    if not points.size:
        return ""
    evidence["states of rest in the frame of the drive"] = int(points.size)
    saddles = (exponents.real.min(axis=1) < 0) & (exponents.real.max(axis=1) > 0)
    # (a squeezing drive makes a saddle of rest itself)
    if np.any(saddles & (np.abs(points) > 1e-3 * np.abs(points).max())):
        return ": phase locking, a saddle lies beside it on the cycle"
    if points.size == 1 and exponents.real.max() < 0:
        return ": by suppression of the oscillation, no other state of rest is beside it"
    return ""
