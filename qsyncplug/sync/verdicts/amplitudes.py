"""Oscillators with amplitudes: do they live, die, follow a drive; then their phases."""

from __future__ import annotations

from typing import Any

import numpy as np

from .beats import frequency_error
from .case import FEWEST, Case
from .falling import TURN, judge_falling
from .locked import arrived
from .motion import FULL_TURNS, hovering, ratios, standing
from .phases import Amplitudes, judge_phases, too_few
from .rates import Estimate
from .report import Label, Verdict
from .resonance import with_resonance
from .settled import between_samples
from .sources import AnglePhases
from .survey import Survey, Track, cuts, lengths, middle, pieces, survey, time_weights, track

__all__ = ["judge_amplitudes"]

#: samples at which the model's own velocities are looked at for aliasing
_LOOKS = 48
#: by how much log|β| may differ between the halves of the window
_TREND = 0.15


def judge_amplitudes(case: Case) -> Verdict:
    """Verdict on complex amplitudes β_j(t)."""
    own = case.dynamics.flow.oscillations
    beta = case.view.amplitudes if own is None else own()
    size = np.abs(beta)
    gone = judge_falling(case, beta, size)
    if gone is not None:
        return gone
    if case.samples < FEWEST:
        return too_few(case)
    if np.any(size[case.inside] <= 0):
        return case.undecided("an amplitude is zero in the window, so that it has no phase")
    if case.n == 1:
        return _one_node(case, beta, size)
    aliased = _aliased(case)
    if aliased is not None:
        return aliased
    source = AnglePhases(
        case.times, case.n, lambda part: -np.angle(beta[part]), watched=case.inside.start + 1
    )
    found = judge_phases(case, source, _steadiness(case, size))
    if found.label.synchronised and _dead(case, beta):
        why = (
            "no phase turns in a model that no drive turns: the amplitudes rest away from 0, or "
            "swing about such a place, each in one of its own"
        )
        return case.undecided(why, dict(found.evidence), advice="a weaker coupling")
    if found.label.synchronised and _forced(case, beta):
        why = (
            "no node would oscillate by itself, and their amplitudes rest in the frame of the "
            "drive: following a drive is then no synchronisation"
        )
        return case.undecided(why, dict(found.evidence), advice="nodes with gain")
    if found.label in (Label.DRIFTING, Label.PARTIAL) and _grows(case, size):
        return _growing(case, found)
    if found.label is not Label.DRIFTING or case.n != 2 or case.dynamics.phase_symmetry:
        return found
    return with_resonance(case, found, lambda part: -np.angle(beta[part]))


# ------------------------------------------------------------ amplitudes that live


def _dead(case: Case, beta: np.ndarray) -> bool:
    """Oscillation death: at rest or about it, where only couplings fix the phases."""
    facts = case.dynamics
    if facts.phase_symmetry is not False or facts.driven is not False:
        return False
    return _rests(case, beta) or not _turns(case, beta)


def _turns(case: Case, beta: np.ndarray) -> bool:
    """Whether any phase goes round, or as far as half of it."""
    phases = np.unwrap(np.angle(beta[case.inside]), axis=0)
    return float(np.ptp(phases, axis=0).max()) > np.pi


def _forced(case: Case, beta: np.ndarray) -> bool:
    """Whether all that moves the nodes is a drive, in whose frame they rest."""
    facts = case.dynamics
    alive = facts.gain is None or any(facts.gain)
    return bool(facts.driven) and not alive and _rests(case, beta)


def _rests(case: Case, beta: np.ndarray) -> bool:
    late = beta[case.inside][min(cuts(case.window, 3)[2], case.samples - 2) :]
    return float(np.hypot(np.ptp(late.real, axis=0), np.ptp(late.imag, axis=0)).max()) < (
        1e-2 * float(np.abs(late).max())
    )


def _steadiness(case: Case, size: np.ndarray) -> Amplitudes:
    """Whether log|β_j| stand, or hover, in the window."""
    y = np.log(size[case.inside])
    thirds = np.array([np.ptp(y[p], axis=0) for p in pieces(case.window, 3)])
    fine = pieces(case.window, 9)
    ninths = np.array([np.ptp(y[p], axis=0) for p in fine]) / lengths(case.window, fine)
    shaken = not case.dynamics.deterministic
    # amplitudes need not be known to rounding; those that fade slowly are told by the model
    quiet = thirds[2].max() <= 1e-4
    stand = bool(
        quiet
        or np.all(standing(thirds, ninths, shaken=shaken))
        or standing(thirds.max(axis=1), ninths.max(axis=1), shaken=shaken)
    )
    trend = np.abs(_rise(case, y))
    hover = bool(np.all(trend < _TREND))
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


def _grows(case: Case, size: np.ndarray) -> bool:
    """Whether a log|β_j| moves one way, by more than it swings as beats make it."""
    y = np.log(size[case.inside])
    trend = np.abs(_rise(case, y))
    return bool(np.any((trend > _TREND) & (trend > y.std(axis=0))))


def _rise(case: Case, y: np.ndarray) -> np.ndarray:
    """By how much the mean over the second half of the window exceeds that of the first."""
    half = middle(case.window)
    means = [time_weights(case.window[p]) @ y[p] for p in (slice(half), slice(half, None))]
    return np.asarray(means[1] - means[0])


def _growing(case: Case, found: Verdict) -> Verdict:
    why = "phases wind while the amplitudes still grow or fall, and with them the frequencies"
    return case.undecided(why, dict(found.evidence), advice="a longer run")


def _aliased(case: Case) -> Verdict | None:
    """Undecided if the model says that relative phases turn too far between two samples."""
    velocity = case.dynamics.flow.velocity
    if velocity is None:
        return None
    index = np.unique(np.linspace(case.inside.start, case.inside.stop - 1, _LOOKS).astype(int))
    rates = np.array([velocity(int(k)) for k in index])
    spread = np.abs(rates[:, 0]) if case.n == 1 else np.ptp(rates, axis=1)
    turn = float(np.median(np.diff(case.times[case.inside])) * np.median(spread))
    if turn <= TURN:
        return None
    return case.undecided(
        f"by the model's velocities a relative phase turns by {turn / np.pi:.2f}π "
        "between two samples",
        {"turn between two samples": turn},
        advice=f"output times {turn / TURN:.2g} times as dense",
    )


# ------------------------------------------------------------ one node and its drive


def _one_node(case: Case, beta: np.ndarray, size: np.ndarray) -> Verdict:
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
    if found.turn > TURN:
        why = f"the phase turns by {found.turn / np.pi:.2f}π between two samples"
        return case.undecided(
            why, advice=f"output times at least {found.turn / TURN:.2g} times as dense"
        )
    phase = np.concatenate([theta[:, 0] for _, theta in source.chunks()])[case.inside]
    frequency = float(found.frequencies[0])
    wind = Estimate(frequency, frequency_error(case.times[case.inside], phase, frequency))
    amplitudes = _steadiness(case, size)
    out = _against_drive(case, _frame_track(case, source, found), wind, amplitudes)
    return _growing(case, out) if out.label is Label.SLIPPING and _grows(case, size) else out


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
        moves = between_samples(case, float(thirds[2]))
        if moves:
            return case.undecided(moves, evidence, advice="output times at other intervals")
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
