"""Phases that noise of known strength shakes: held, ordered, or thrown over."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import Case
from .groups import MANY
from .order import Order
from .report import Label, Verdict
from .survey import Survey, Track

__all__ = ["judge_held", "judge_ordered"]

#: relaxation times, in which noise had the time to throw a node over
_TIMES = 9.0
#: escapes in the window that may be expected where none is seen
_ESCAPES = 0.05
#: of what noise spreads linearly: how much more may be seen, and how far the mean may lie
_WIDER, _APART = 2.0, 4.0
#: r in units of N^(-1/4), which r has at a threshold (1.06 of identical nodes that all act on all)
_ABOVE, _BELOW = (1.5, 2.0), 0.6


def judge_held(case: Case, found: Survey, path: Track, evidence: dict[str, Any]) -> Verdict | None:
    """Frequency-locked if the model holds the phases, and noise does not throw them over.

    None if the model does not say it. A window of many relaxation times without a slip shows it
    too, whatever the correlations of the noise in it look like.
    """
    held = None if case.dynamics.flow.held is None else case.dynamics.flow.held(5 * case.length)
    if held is None or not case.dynamics.joined(np.ones(case.n, dtype=bool)):
        return None
    times, slips = held.rate * case.length, held.escapes * case.length
    seen = np.sqrt(np.mean(path.spread**2, axis=0))
    centre = found.centre - found.centre.mean()
    # nodes are told apart up to whole turns
    away = np.angle(np.exp(1j * (centre - held.phases)))
    away -= away.mean()
    evidence["relaxation times in the window, by the model"] = times
    evidence["slips expected in the window, at most"] = slips
    evidence["standard deviation of the phases, and by the model"] = (
        float(seen.max()),
        float(held.spread.max()),
    )
    if np.any(np.abs(away) > _APART * held.spread) or np.any(seen > _WIDER * held.spread):
        return None
    if times < _TIMES:
        why = f"the phases are held, but the window is only {times:.2g} relaxation times long"
        advice = f"a window of about {_TIMES / held.rate:.3g}"
        return case.undecided(why, evidence, advice=advice)
    if slips > _ESCAPES:
        why = f"the phases are held, but noise may throw one over in t = {1 / held.escapes:.2g}"
        advice = f"a window of about {20 / held.escapes:.3g}, in which slips are counted"
        return case.undecided(why, evidence, advice=advice)
    why = (
        f"the relative phases stay within a range of {path.whole.max():.3g} about a state that "
        f"holds them ({times:.3g} relaxation times in {case.span} without a slip, {slips:.1g} "
        "expected): equal mean frequencies, shaken by noise"
    )
    return case.say(Label.FREQUENCY_LOCKED, why, evidence)


def judge_ordered(case: Case, order: Order, evidence: dict[str, Any]) -> Verdict | None:
    """Partially synchronised if noise leaves a stationary order that independent nodes never have.

    Incoherent if r is what it is below a threshold; None where neither is sure, or without noise of
    known strength. At a threshold N nodes have r ~ N^(-1/4).
    """
    facts = case.dynamics
    if case.n < MANY or facts.flow.held is None or order.independent < 5:
        return None
    critical = case.n**-0.25
    least, most = order.mean - order.mean.error, np.sqrt((order.power + order.power.error) / case.n)
    simple = facts.identical and facts.rooted is None
    if least > _ABOVE[0 if simple else 1] * critical and order.mean.error < 0.1:
        if not facts.joined(np.ones(case.n, dtype=bool)):
            return None
        evidence["order parameter at a threshold, about"] = critical
        why = (
            f"noise lets nodes slip, and their order stays all the same, r = {order.mean} "
            f"(independent phases: {case.n**-0.5:.2g}, at a threshold about {critical:.2g})"
        )
        return case.say(Label.PARTIAL, why, evidence)
    if most < _BELOW * critical:
        why = (
            f"N r² = {order.power:.3g}, where independent phases have 1 and a threshold "
            f"{case.n**0.5:.3g}: below a threshold the coupling amplifies r without holding any"
        )
        return case.say(Label.INCOHERENT, why, evidence)
    return None
