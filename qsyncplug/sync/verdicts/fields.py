"""Mean fields of infinitely many oscillators: do they decay, stand, or go on moving."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import FEWEST, Case
from .decays import slowest_rate
from .locked import arrived
from .motion import left, ratios, standing
from .phases import Amplitudes, judge_phases, too_few
from .rates import Estimate, fit_rate
from .report import Label, Verdict
from .sources import AnglePhases
from .survey import lengths, pieces, time_weights

__all__ = ["judge_fields"]

#: a mean field below is gone, or was never there
_REST = 1e-9
#: below, its decay is that of the linearised equations
_LINEAR = 0.05
#: what moves less in the whole run has hardly moved
_CONSTANT = 1e-6
#: of a modulus: what is left to go of one that does not go to zero
_PART = 0.1
#: phases nearer than this, and moduli nearer to 1, are the same
_ALIKE = 2e-3


def judge_fields(case: Case) -> Verdict:
    """Verdict on the means z_m(t) of populations of infinitely many oscillators."""
    if case.samples < FEWEST:
        return too_few(case)
    fields = case.view.amplitudes
    gone = _gone(case, np.sqrt(np.mean(np.abs(fields) ** 2, axis=1)))
    if gone is not None:
        return gone
    late = np.abs(fields[case.inside])
    if late.min() <= _REST:
        return case.undecided("a mean field vanishes in the window, where it has no phase")
    if not case.dynamics.autonomous:
        why = "the coupling changes with time: what the mean fields stand at need not last"
        return case.undecided(why, _evidence(case))
    signals, turn = _signals(case, fields)
    if turn > 0.6 * np.pi:
        return case.undecided(
            f"the mean fields turn by {turn / np.pi:.2f}π against each other between two samples",
            advice="more output times",
        )
    window = signals[case.inside]
    thirds = np.array([np.ptp(window[p], axis=0) for p in pieces(case.window, 3)])
    fine = pieces(case.window, 9)
    ninths = np.array([np.ptp(window[p], axis=0) for p in fine]) / lengths(case.window, fine)
    if np.all(standing(thirds, ninths, shaken=False)) and not _dying(thirds, np.abs(fields[-1])):
        return _standing(case, fields[-1], signals)
    return _moving(case, fields, thirds)


def _gone(case: Case, size: np.ndarray) -> Verdict | None:
    """Incoherence: it must be stable, and the decay as its slowest exponent says."""
    rest = case.dynamics.flow.rest_exponents
    if rest is None:
        return None
    growth = float(rest().real.max())
    evidence: dict[str, Any] = {
        "order parameter at the end": float(case.view.order_parameter[-1]),
        "slowest exponent of incoherence": growth,
    }
    start = case.inside.start
    if size[start:].max() <= _REST:
        if growth < 0:
            why = f"the mean fields are zero, and incoherence is stable ({growth:.4g})"
            return case.say(Label.INCOHERENT, why, evidence)
        why = "the mean fields are zero, and incoherence is not stable: they started there"
        return case.undecided(why, evidence, advice="an initial state that is not incoherent")
    y = size[start:] / size[start:].max()
    if growth >= 0 or size[start:].max() > _LINEAR or y.min() <= 0:
        return None
    found = slowest_rate(case.times[start:], y[:, None], free=False)
    if not abs(found.rate + growth) <= max(0.1 * -growth, found.error):
        return None
    rate = Estimate(found.rate, found.error, (float(case.times[start]), float(case.times[-1])))
    why = f"the mean fields decay at {rate}, and incoherence is stable ({growth:.4g})"
    return case.say(Label.INCOHERENT, why, evidence, rate=rate)


def _dying(thirds: np.ndarray, last: np.ndarray) -> bool:
    """Whether a modulus may be on its way to zero: what it still has to go is no small part of it.

    Of `last` (n,), by the ranges (3, ...) in the thirds of the window, moduli first.
    """
    moduli = thirds[:, : last.size]
    second = np.minimum(ratios(moduli)[1], 1 - 1e-9)
    still_to_go = moduli[2] * second / (1 - second)
    return bool(np.any((moduli[2] > 1e-3 * last) & (still_to_go > _PART * last)))


def _signals(case: Case, fields: np.ndarray) -> tuple[np.ndarray, float]:
    """Moduli and relative phases, and how far the latter turn between two samples."""
    source = AnglePhases(
        case.times, case.n, lambda part: np.angle(fields[part]), watched=case.inside.start + 1
    )
    phases = np.concatenate([rows for _, rows in source.chunks()])
    signals = np.concatenate([np.abs(fields), phases[:, 1:] - phases[:, :1]], axis=1)
    return signals, source.turn if case.n > 1 else 0.0


def _evidence(case: Case) -> dict[str, Any]:
    r = case.view.order_parameter[case.inside]
    return {
        "order parameter": float(r @ time_weights(case.window)),
        "its range": (float(r.min()), float(r.max())),
    }


def _standing(case: Case, last: np.ndarray, signals: np.ndarray) -> Verdict:
    facts, evidence = case.dynamics, _evidence(case)
    if facts.flow.velocity is not None:
        evidence["frequency of the mean field"] = float(facts.flow.velocity(-1)[0])
    values = None if facts.flow.exponents is None else facts.flow.exponents(-1)
    share = None if facts.flow.locked is None else facts.flow.locked(-1)
    if values is None or share is None:
        return case.undecided("the mean fields stand, and no model says how stable", evidence)
    evidence["share that turns with it"] = tuple(float(v) for v in share)
    evidence["slowest exponent of the linearised equations"] = float(
        values.real.max(initial=-np.inf)
    )
    if not facts.joined(np.ones(case.n, dtype=bool)):
        why = "the mean fields stand, but no population acts on all of them"
        return case.undecided(why, evidence)
    if values.size and values.real.max() >= -1e-9 * np.abs(values).max():
        why = "the mean fields stand where the equations are not stable"
        return case.undecided(why, evidence, advice="a longer run, or one that starts elsewhere")
    wound = float(np.abs(np.diff(signals[case.inside][[0, -1]], axis=0)).max())
    constant = np.ptp(signals, axis=0).max() < _CONSTANT
    if constant and values.size and not arrived(values, wound, case):
        why = "the mean fields have hardly moved, and the equations do not rest there"
        return case.undecided(why, evidence, advice="a longer run")
    rate = fit_rate(
        case.times,
        np.max(np.abs(signals - signals[-1]), axis=1),
        signals,
        floor=1e-10,
        known_limit=False,
    )
    label, why = _label(last, share)
    chimera = label is Label.PARTIAL and facts.identical
    return case.say(label, why, evidence, rate=rate, chimera=chimera)


def _label(last: np.ndarray, share: np.ndarray) -> tuple[Label, str]:
    """What stands, in a word and a sentence."""
    if share.min() >= 1:
        apart = np.abs(np.angle(last / last[0]))
        if np.abs(last).min() > 1 - _ALIKE and apart.max() < _ALIKE:
            return Label.COMPLETE, "all oscillators of all populations are together"
        if np.abs(last).min() > 1 - _ALIKE:
            return Label.PHASE_LOCKED, "each population is together, at rest against the others"
        return Label.FREQUENCY_LOCKED, "all oscillators turn with the mean field"
    shown = ", ".join(f"{v:.4g}" for v in share)
    return Label.PARTIAL, f"the mean fields stand: {shown} of the oscillators turn with them"


def _moving(case: Case, fields: np.ndarray, thirds: np.ndarray) -> Verdict:
    """Populations that drift, or undecided."""
    evidence = _evidence(case)
    if case.n > 1:
        source = AnglePhases(
            case.times, case.n, lambda part: np.angle(fields[part]), watched=case.inside.start + 1
        )
        source.shaken = False
        found = judge_phases(case, source, Amplitudes(False, False, "their moduli oscillate"))
        if found.label is Label.DRIFTING:
            return found
    second = float(ratios(thirds.max(axis=1))[1])
    going = "approach a limit" if second < 1 else "go on moving"
    return case.undecided(
        f"the mean fields {going}; they have {left(thirds):.2g} to go, as far as the window shows",
        evidence,
        advice="a longer run",
    )
