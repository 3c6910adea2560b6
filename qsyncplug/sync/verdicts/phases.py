"""Runs that consist of phases: who stands, hovers, follows, winds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..measures.order import excess
from .beats import beat_of
from .case import FEWEST, Case
from .groups import MANY, Group, find_groups, follow
from .locked import at_rest, drawn_together, growing, judge_standing
from .motion import FULL_TURNS, hovering, ratios, standing, swinging
from .noisy import judge_held, judge_ordered
from .order import Order, judge_order, null_value
from .rates import Estimate
from .report import Label, Verdict
from .settled import CONSTANT, followed, not_yet_there, unmoved
from .sources import PhaseSource
from .survey import Survey, Track, survey
from .trend import Trend, trends

__all__ = ["Amplitudes", "judge_phases"]

#: relative turn between two samples beyond which the phases are not followed
_TURN = 0.6 * np.pi
_AGREE, _AGREE_FEW = 0.35, 0.2
#: range of a phase that noise shakes in one well, without a slip
_WELL = 1.6 * np.pi
#: phases that repeat after so few samples may be aliased; of how many nodes this is looked at
_RESONANCE, _LOOKED_AT = 8, 32


@dataclass(frozen=True)
class Amplitudes:
    """Whether the amplitudes behind the phases stand or hover too, and how they move."""

    stand: bool = True
    hover: bool = True
    why: str = ""


def judge_phases(case: Case, source: PhaseSource, amplitudes: Amplitudes = Amplitudes()) -> Verdict:
    """Verdict on phases.

    Parameters
    ----------
    case : Case
    source : PhaseSource
    amplitudes : Amplitudes
        Of oscillators that have them: phases may be called locked only if these stand too.
    """
    if case.samples < FEWEST:
        return too_few(case)
    source.shaken = not case.dynamics.deterministic
    found = survey(source, case.inside)
    order = judge_order(case.window, np.abs(found.mean_field), case.n)
    evidence = _order_evidence(case, order)
    if case.dynamics.coupled is False:
        return _uncoupled(case, order, evidence, found)
    if found.turn > _TURN:
        return _undersampled(case, order, evidence, found.turn)
    everyone, path = follow(
        source, found, case.length, np.ones(case.n, bool), np.ones(case.n, bool)
    )
    together = _together(case, source, found, path, everyone, amplitudes, evidence)
    if together is not None:
        return together
    return _apart(case, source, found, order, evidence)


def too_few(case: Case) -> Verdict:
    """Undecided for want of samples."""
    return case.undecided(
        f"the second half of the run holds {case.samples} samples; {FEWEST} are needed "
        "to follow a phase",
        advice="more output times",
    )


def _order_evidence(case: Case, order: Order) -> dict[str, Any]:
    out: dict[str, Any] = {f"order parameter (null {null_value(case.n):.4g})": order.mean}
    out["excess of r² over independent phases"] = float(
        excess(np.array(np.sqrt(order.power / case.n)), case.n)
    )
    if case.n >= MANY:
        out["N r² (independent phases: 1)"] = order.power
        out["independent samples"] = order.independent
    return out


def _uncoupled(case: Case, order: Order, evidence: dict[str, Any], found: Survey) -> Verdict:
    if case.n >= MANY and order.at_null:
        return case.say(
            Label.INCOHERENT,
            "the nodes do not act on each other, and r is that of independent phases",
            evidence,
        )
    return case.undecided(
        "the nodes do not act on each other: whatever their phases do, it is not synchronisation",
        evidence,
        advice="a coupling",
    )


def _undersampled(case: Case, order: Order, evidence: dict[str, Any], turn: float) -> Verdict:
    """Only what rests on r alone."""
    evidence["largest relative turn between two samples"] = turn
    if case.n >= MANY and order.at_null and order.independent >= 5:
        return case.say(Label.INCOHERENT, _null_text(order), evidence)
    return case.undecided(
        f"a relative phase turns by {turn / np.pi:.2f}π between two samples, so that "
        "its course is not known",
        evidence,
        advice=f"output times at least {turn / _TURN:.2g} times as dense",
    )


def _null_text(order: Order) -> str:
    return (
        f"N r² = {order.power:.3g} on average, where independent phases have 1 ± "
        f"{2 * order.error:.2g}, and no group of nodes turns "
        "together beyond chance"
    )


def _together(
    case: Case,
    source: PhaseSource,
    found: Survey,
    path: Track,
    everyone: Group,
    amplitudes: Amplitudes,
    evidence: dict[str, Any],
) -> Verdict | None:
    """Verdict if all nodes stand or hover (or cannot be told from it), None if some move away."""
    still = standing(path.thirds, path.ninths, shaken=path.shaken) | bool(
        standing(path.thirds.max(axis=1), path.ninths.max(axis=1), shaken=path.shaken)
    )
    hover, fits = _swinging(case, source, path, ~still, hovering(path))
    bounded = everyone.size == case.n and bool(np.all(path.whole < np.pi))
    if not np.all(still) and (bounded or (everyone.size == 0 and path.whole.max() < _WELL)):
        held = judge_held(case, found, path, evidence)
        if held is not None:
            return held
    if not np.all(still | hover):
        if not bounded or (case.n >= MANY and case.dynamics.flow.held is not None):
            return None
        creeps = _creeping(case, fits, evidence)
        return creeps if creeps is not None else _moving(case, found, path, evidence)
    if path.run.max() < CONSTANT and not at_rest(case, path):
        return case.undecided(
            "the relative phases are constant from the first sample on (range "
            f"{path.run.max():.1g}): equal frequencies, no "
            "coupling, sampling at the beat and a run too short to move all look like this",
            evidence,
            advice="a run that starts elsewhere, or the result of a model, whose stability tells",
        )
    if not case.dynamics.dissipative:
        return case.undecided(
            "without dissipation nothing is forgotten: relations that last are those "
            "of the initial state",
            evidence,
            advice="a model with dissipation",
        )
    if not case.dynamics.joined(np.ones(case.n, dtype=bool)):
        return case.undecided(
            "no node acts, directly or through others, on all of them: those that never hear of "
            "each other may have equal frequencies, and are not synchronised",
            evidence,
            advice="a coupling that joins them",
        )
    if np.all(still):
        if not amplitudes.stand:
            return _unless_hovering(case, path, amplitudes, evidence)
        moves = not_yet_there(case, path)
        if moves:
            return case.undecided(moves, evidence, advice="a longer run, denser output times")
        return judge_standing(case, source, found, path)
    if not amplitudes.hover:
        why = f"the relative phases stay bounded, but {amplitudes.why}"
        return case.undecided(why, evidence, advice="a longer run")
    creeps = _creeping(case, fits, evidence)
    seen = _resonant(case, source, evidence) if creeps is None else creeps
    return seen if seen is not None else _frequency_locked(case, path, evidence)


def _swinging(
    case: Case, source: PhaseSource, path: Track, open_: np.ndarray, hover: np.ndarray
) -> tuple[np.ndarray, dict[int, Trend]]:
    """Who of the nodes that do not stand hovers, with the trends of those that do or might."""
    might = open_ & (hover | swinging(path))
    if not np.array_equal(might, open_):
        return hover, {}
    found = trends(source, case.inside, might, np.ones(case.n, dtype=bool))
    swings = np.zeros(case.n, dtype=bool)
    swings[[k for k, fit in found.items() if fit.swings]] = True
    return hover | swings, found


def _creeping(case: Case, found: dict[int, Trend], evidence: dict[str, Any]) -> Verdict | None:
    """Undecided if one of the phases goes on slowly under its oscillation."""
    slow = [fit.slope for fit in found.values() if fit.creeps]
    if not slow:
        return None
    drift = max(slow, key=abs)
    evidence["drift under the oscillation"] = drift
    why = f"under it one goes on at {drift}"
    if abs(drift) <= drift.error:
        why = f"one so slowly that it might as well drift (at {drift})"
    return case.undecided(
        f"the relative phases oscillate, and {why}",
        evidence,
        advice=f"a window of about {4 * 2 * np.pi / max(abs(drift), drift.error):.3g} (4 beats)",
    )


def _resonant(case: Case, source: PhaseSource, evidence: dict[str, Any]) -> Verdict | None:
    """Undecided if the phases repeat after a few samples: so do drifting ones, sampled at a beat.

    Not where the solver followed the phases, or the model's velocities have been looked at.
    """
    if followed(case, source):
        return None
    nodes = np.unique(np.linspace(0, case.n - 1, min(case.n, _LOOKED_AT)).astype(int))
    rows = np.concatenate([theta[:, nodes] for _, theta in source.chunks()])[case.inside]
    away = rows - rows.mean(axis=1)[:, None]
    total = float(np.var(away, axis=0).sum())
    farthest = 0.0
    for lag in range(1, _RESONANCE + 1):
        apart = float(np.mean((away[lag:] - away[:-lag]) ** 2, axis=0).sum())
        farthest = max(farthest, apart)
        if apart < 0.05 * total < total < farthest:
            return case.undecided(
                f"the relative phases repeat every {lag} samples: so do those of nodes that drift, "
                "sampled at multiples of their beat",
                evidence,
                advice="output times several times as dense",
            )
    return None


def _unless_hovering(
    case: Case, path: Track, amplitudes: Amplitudes, evidence: dict[str, Any]
) -> Verdict:
    if amplitudes.hover and np.all(hovering(path)):
        return _frequency_locked(case, path, evidence)
    return case.undecided(
        f"the relative phases stand, but {amplitudes.why}", evidence, advice="a longer run"
    )


def _frequency_locked(case: Case, path: Track, evidence: dict[str, Any]) -> Verdict:
    growth = growing(case, float(path.whole.max()))
    if growth is not None:
        evidence["the model's oscillations grow at"] = growth
        why = "the relative phases swing by little, about a state that is unstable in the model"
        advice = f"a window of about {9 / growth:.3g}"
        return case.undecided(f"{why} (growth {growth})", evidence, advice=advice)
    evidence["range of the relative phases"] = float(path.whole.max())
    hover = hovering(path)
    returns = int(path.returns[hover].min()) if np.any(hover) else int(path.returns.min())
    evidence["returns to the mean, at least"] = returns
    spread = np.abs(path.winds[1] - path.winds[2]) + np.abs(path.winds[0])
    evidence["mean frequencies are equal to within"] = float(spread.max()) / case.length
    why = (
        f"the relative phases stay within {path.whole.max():.3g} < π and return to "
        f"their means at least {returns} "
        f"times in {case.span}: equal mean frequencies"
    )
    return case.say(Label.FREQUENCY_LOCKED, why, evidence)


def _moving(case: Case, found: Survey, path: Track, evidence: dict[str, Any]) -> Verdict:
    """All follow, none of them at rest."""
    thirds = path.thirds.max(axis=1)
    first, second = (float(q) for q in ratios(thirds))
    evidence["range of the relative phases in the thirds of the window"] = tuple(
        float(x) for x in thirds
    )
    if path.late.max() >= np.pi and np.all(swinging(path)):
        why = (
            f"the relative phases stay within {path.whole.max():.3g} in {case.span}, but came as "
            f"far as {path.late.max():.3g} shortly before: they may slip again"
        )
        return case.undecided(why, evidence, advice="a longer run")
    return case.undecided(
        f"the relative phases are still moving: by {thirds[0]:.2g}, {thirds[1]:.2g} "
        f"and {thirds[2]:.2g} in the thirds of the "
        f"window (ratios {first:.2f} and {second:.2f}; an exponential approach has both below .45)",
        evidence,
        advice=_longer(case, found, second),
    )


def _longer(case: Case, found: Survey, ratio: float) -> str:
    """Run lengths that would do: 9 relaxation times if it comes to rest, 4 beats if it winds."""
    out = []
    if 0 < ratio < 1:
        rate = -np.log(ratio) / (case.length / 3)
        out.append(f"if they come to rest, a window of about {9 / rate:.3g}")
    spread = float(np.ptp(found.frequencies))
    if spread > 0:
        out.append(f"if they wind, one of about {4 * 2 * np.pi / spread:.3g}")
    return "; ".join(out) or "a longer run"


def _apart(
    case: Case, source: PhaseSource, found: Survey, order: Order, evidence: dict[str, Any]
) -> Verdict:
    """Judge a run in which not all stay together: clusters, a partial lock, drift, or undecided."""
    ordered = judge_ordered(case, order, evidence)
    if ordered is not None:
        return ordered
    groups = find_groups(source, found, case.length, partial(drawn_together, case, found))
    real = [(group, path) for group, path in groups if group.significant and group.size < case.n]
    turns = np.abs(found.frequencies - groups[0][0].frequency) * case.length / (2 * np.pi)
    evidence["mean frequencies"] = tuple(
        float(w) for w in np.sort(found.frequencies)[:: max(1, case.n // 8)]
    )
    if not real:
        return _no_group(case, source, found, order, groups[0][0], evidence)
    outside = ~np.logical_or.reduce([group.members for group, _ in real])
    winding = (turns >= FULL_TURNS) & _agree(found, groups[0][0].frequency)
    # of a second group too: clusters on their way to each other have not turned
    elsewhere = outside | ~groups[0][0].members
    others = bool(np.any(elsewhere & winding))
    settled = case.n >= MANY or bool(np.all(~outside | winding))
    if not (others and settled) or not case.dynamics.dissipative:
        return case.undecided(
            f"{groups[0][0].size} of {case.n} nodes turn together; the others have not yet made "
            f"{FULL_TURNS:g} turns against them",
            evidence,
            advice=_longer(case, found, 1.0),
        )
    if not all(case.dynamics.joined(group.members) for group, _ in real):
        why = "nodes turn together that no node acts on in common"
        return case.undecided(why, evidence, advice="a coupling that joins them")
    if any(unmoved(case, source, path.run[group.members]) for group, path in real):
        why = "nodes turn together that never move: so do those that drift, sampled at their beat"
        return case.undecided(why, evidence, advice="output times at other intervals")
    return _partial(case, real, evidence)


def _partial(case: Case, real: list[tuple[Group, Track]], evidence: dict[str, Any]) -> Verdict:
    lead = real[0][0]
    follow_all = sum(group.size for group, _ in real)
    strict_all = sum(group.strict for group, _ in real)
    evidence["locked fraction"] = (strict_all / case.n, follow_all / case.n)
    evidence["sizes of the groups"] = tuple(group.size for group, _ in real)
    evidence["frequencies of the groups"] = tuple(group.frequency for group, _ in real)
    evidence["order parameters of the groups"] = tuple(group.order for group, _ in real)
    evidence["expected in the first by chance"] = lead.chance
    if any(group.drawn for group, _ in real):
        rates = tuple(group.drawn for group, _ in real)
        evidence["the model draws groups that do not rest together at"] = rates
    parts = " and ".join(str(group.size) for group, _ in real)
    rest = "the groups drift apart" if follow_all == case.n else "the others drift"
    why = (
        f"{parts} of {case.n} nodes turn together at "
        f"{'one frequency' if len(real) == 1 else 'frequencies of their own'} "
        f"(chance would give {lead.chance:.2g}), {rest}; the "
        f"{'group' if len(real) == 1 else 'first group'} has r = {lead.order:.3g}"
    )
    return case.say(Label.PARTIAL, why, evidence, chimera=_chimera(case))


def _chimera(case: Case) -> bool:
    """Whether nothing but their start makes the nodes differ: neither frequencies nor noise."""
    return case.dynamics.identical and case.dynamics.deterministic


def _no_group(
    case: Case,
    source: PhaseSource,
    found: Survey,
    order: Order,
    largest: Group,
    evidence: dict[str, Any],
) -> Verdict:
    """No significant group: drifting (few nodes), incoherent (many), or not told."""
    w = np.sort(found.frequencies)
    rank = np.argsort(found.frequencies)
    gaps = np.diff(w)
    turns = gaps * case.length / (2 * np.pi)
    halves = np.diff(found.halves[:, rank], axis=1)
    # of few turns more is asked: beats of a transient wind too, ever more slowly
    agree = np.where(turns < 2 * FULL_TURNS, _AGREE_FEW, _AGREE)
    steady = np.abs(halves[0] - halves[1]) <= agree * np.abs(halves).max(axis=0)
    for k in np.flatnonzero(~steady & (turns >= 2 * FULL_TURNS))[: MANY if source.shaken else 0]:
        # noise makes the halves differ; what it leaves open is in the error
        beat = beat_of(source, found, int(rank[k]), int(rank[k + 1]))
        steady[k] = beat > (2.5 if case.dynamics.flow.held is None else 1.5) * beat.error
    if np.all(turns >= FULL_TURNS) and np.all(steady):
        return _drifting(case, source, found, rank, evidence)
    if case.n >= MANY and order.at_null and order.independent >= 5 and largest.size <= case.n / 2:
        return case.say(Label.INCOHERENT, _null_text(order), evidence)
    if case.n >= MANY and not order.at_null:
        why = (
            f"r is above its null value (N r² = {order.power:.3g}), but no group of nodes "
            "turns together beyond chance"
        )
        return case.undecided(why, evidence, advice="a longer run, more nodes")
    return case.undecided(
        f"relative phases move by {turns.min():.2g} to {turns.max():.2g} turns in the "
        f"window, {FULL_TURNS:g} steady ones are "
        "needed to tell a drift from a slow passage",
        evidence,
        advice=f"a window of about {4 * 2 * np.pi / gaps.min():.3g} (4 beats)"
        if gaps.min() > 0
        else "a longer run",
    )


def _drifting(
    case: Case, source: PhaseSource, found: Survey, rank: np.ndarray, evidence: dict[str, Any]
) -> Verdict:
    k = int(np.argmin(np.diff(found.frequencies[rank])))
    beat = beat_of(source, found, int(rank[k]), int(rank[k + 1]))
    beat = Estimate(beat, max(beat.error, _unresolved(np.diff(found.frequencies[rank]), k, case)))
    period = None
    if case.n == 2 and case.dynamics.autonomous and beat.error < 0.02 * beat:
        period = Estimate(2 * np.pi / beat, 2 * np.pi * beat.error / beat**2)
    which = "the relative phase winds" if case.n == 2 else "all relative phases wind, the slowest"
    turns = beat * case.length / (2 * np.pi)
    why = f"{which} at {beat} ({turns:.3g} turns in {case.span})"
    return case.say(Label.DRIFTING, why, evidence, beat=beat, period=period)


def _unresolved(gaps: np.ndarray, k: int, case: Case) -> float:
    """By how much a beat may be off because another one is so near that the window does not hold
    the slow motion that both make together: their difference.
    """
    apart = np.abs(np.delete(gaps, k) - gaps[k])
    slow = apart[apart * case.length < 2 * 2 * np.pi]
    return float(slow.max(initial=0.0))


def _agree(found: Survey, frequency: float) -> np.ndarray:
    """Whether both halves of the window give the same drift, (N,)."""
    halves = found.halves - frequency
    return np.asarray(np.abs(halves[0] - halves[1]) <= _AGREE * np.abs(halves).max(axis=0))
