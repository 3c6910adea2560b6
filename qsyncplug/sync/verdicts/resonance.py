"""Two nodes that drift at a ratio of small whole numbers, one phase m:n locked to the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .case import Case
from .motion import hovering, standing, swinging
from .report import Verdict
from .sources import AnglePhases, ContinuousPhases
from .survey import survey, track
from .trend import trend

__all__ = ["with_resonance"]

#: m:n that are looked at: mθ₁ − nθ₂
_RATIOS = ((2, 1), (1, 2), (3, 1), (1, 3), (3, 2), (2, 3))
_TURN = 0.6 * np.pi
#: a combination that never moves may be one of two clocks without a coupling
_CONSTANT = 1e-6


def with_resonance(case: Case, found: Verdict, angles: Callable[[slice], np.ndarray]) -> Verdict:
    """The verdict "drifting" of two nodes, with the ratio at which they are locked if they are.

    Parameters
    ----------
    case : Case
    found : Verdict
    angles : callable
        Angles (rows, 2) of a slice of times, in the frame in which the ratio is meant: such a
        locking needs a model without a free common phase.
    """
    watched = case.inside.start + 1
    source = AnglePhases(case.times, 2, angles, against_frame=True, watched=watched)
    theta = np.concatenate([rows for _, rows in source.chunks()])
    if source.turn > _TURN:
        return found
    for m, n in _RATIOS:
        bound = _bound(case, m * theta[:, 0] - n * theta[:, 1])
        if bound is not None:
            text = f"{m}:{n}, {m}θ₁−{n}θ₂ {bound}".replace("1θ", "θ")
            evidence = {**found.evidence, "locked at a ratio": text}
            return replace(found, why=f"{found.why}; they are locked {text}", evidence=evidence)
    return found


def _bound(case: Case, phase: np.ndarray) -> str | None:
    """In which way a combination of phases is bounded, or None."""
    both = ContinuousPhases(
        case.times, 2, lambda part: np.stack([0 * phase[part], phase[part]], axis=1)
    )
    both.shaken = not case.dynamics.deterministic
    path = track(both, survey(both, case.inside), np.ones(2, dtype=bool))
    if path.run.max() < _CONSTANT:
        return None
    if np.all(standing(path.thirds, path.ninths, shaken=path.shaken)):
        return "stands still"
    if not np.all(hovering(path) | swinging(path)):
        return None
    swing = trend(case.times[case.inside], phase[case.inside])
    if swing.creeps or not (swing.swings or np.all(hovering(path))):
        return None
    return f"stays within {path.whole.max():.3g}"
