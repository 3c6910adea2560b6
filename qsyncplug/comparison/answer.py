"""One line that answers the question: do they synchronise, and do the runs agree that they do."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from enum import Enum

import numpy as np

from ..sync import Label, Verdict

__all__ = ["answer"]


class _Says(Enum):
    YES, NO, NEITHER = "yes", "no", "neither"


_NO = frozenset(
    {
        Label.DRIFTING,
        Label.INCOHERENT,
        Label.DEATH,
        Label.VACUUM,
        Label.SLIPPING,
        Label.NOT_ENTRAINED,
        Label.NO_PREFERENCE,
    }
)


#: what phases do in time; runs with different ones do not do the same
_COURSES = frozenset(label for label in Label if label.synchronised) - {
    Label.DRIVE_LOCKED,
    Label.ENTRAINED,
} | {Label.DRIFTING, Label.INCOHERENT, Label.DEATH, Label.VACUUM}
#: radians between relative phases that are not the same
_APART = 0.1


def _says(verdict: Verdict) -> _Says:
    """Whether a verdict states synchronisation, denies it, or does neither."""
    if verdict.label.synchronised:
        return _Says.YES
    return _Says.NO if verdict.label in _NO else _Says.NEITHER


def answer(verdicts: Mapping[str, Verdict], reference: str) -> str:
    """The line, such as "exact: not entrained; mean field: phase-locked.

    They disagree because …". Entries that agree on the label may differ in how fast they are.
    """
    parts = [f"{name}: {verdict.label}" for name, verdict in verdicts.items()]
    says = {name: _says(verdict) for name, verdict in verdicts.items()}
    yes, no, neither = ([n for n, s in says.items() if s is which] for which in _Says)
    if yes and no:
        # beside the reference if it decides, otherwise beside the first that does
        base = reference if says[reference] is not _Says.NEITHER else (yes + no)[0]
        because = _because(verdicts, says, base)
        who = "" if len(verdicts) == 2 else f"{_listed(yes)} against {_listed(no)}, "
        parts.append(f"{who}they disagree{f' because {because}' if because else ''}")
    elif not neither:
        parts.append(_agreement(verdicts, bool(yes)))
    elif len({v.label for v in verdicts.values()}) == 1:
        parts.append(_of_one_label(verdicts))
        return "; ".join(parts)
    if neither:
        verbs = ("confirms", "denies") if len(neither) == 1 else ("confirm", "deny")
        parts.append(f"{_listed(neither)} neither {verbs[0]} nor {verbs[1]} synchronisation")
    return "; ".join(parts)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _of_one_label(verdicts: Mapping[str, Verdict]) -> str:
    """What to say where all have one label, and it is neither yes nor no."""
    if next(iter(verdicts.values())).label is Label.UNDECIDED:
        return "none of them decides"
    return "they agree, and it neither confirms nor denies synchronisation"


def _agreement(verdicts: Mapping[str, Verdict], yes: bool) -> str:
    """That they agree; or in what they do not, although all synchronise or none does."""
    labels = {v.label for v in verdicts.values() if v.label in _COURSES}
    phases = [x for v in verdicts.values() if (x := _relative_phase(v)) is not None]
    turned = [abs(np.angle(np.exp(1j * (x - phases[0])))) for x in phases]
    if len(labels) > 1:
        return f"they agree that they {'' if yes else 'do not '}synchronise, but not how"
    if max(turned, default=0.0) > _APART:
        shown = ", ".join(f"{x:.3g}" for x in phases)
        return f"they agree that they synchronise, but not at which relative phase ({shown})"
    differ = [what for what in ("rate", "beat") if _numbers_differ(verdicts, what)]
    if not differ:
        return "they agree"
    shown = "; ".join(_numbers(verdicts, what) for what in differ)
    return f"they agree, but not on the {' and the '.join(differ)} ({shown})"


def _numbers_differ(verdicts: Mapping[str, Verdict], what: str) -> bool:
    """Whether the numbers of two entries differ by more than their errors, and by a percent."""
    found = [getattr(v, what) for v in verdicts.values() if getattr(v, what) is not None]
    return any(
        abs(a - b) > max(a.error + b.error, 0.01 * max(abs(a), abs(b)))
        for a, b in itertools.combinations(found, 2)
    )


def _numbers(verdicts: Mapping[str, Verdict], what: str) -> str:
    found = {name: getattr(v, what) for name, v in verdicts.items()}
    return f"{what}: " + ", ".join(f"{n} {x}" for n, x in found.items() if x is not None)


def _relative_phase(verdict: Verdict) -> float | None:
    """θ₂−θ₁ of two nodes whose phases rest."""
    found = verdict.evidence.get("relative phase θ₂−θ₁")
    if found is None and verdict.label is Label.COMPLETE:
        return 0.0
    phases = verdict.evidence.get("phases x_k−x_1", ())
    if found is None and len(phases) == 1:
        found = phases[0]
    return None if found is None else float(found)


def _because(verdicts: Mapping[str, Verdict], says: Mapping[str, _Says], reference: str) -> str:
    """The reason, as far as the runs themselves tell it; empty if they do not."""
    others = [n for n in verdicts if says[n] not in (says[reference], _Says.NEITHER)]
    for name in others:
        if verdicts[name].flags:
            return f"{name} goes beyond its range ({verdicts[name].flags[0]})"
    spectra = [v for v in verdicts.values() if "width of the broader peak" in v.evidence]
    if spectra:
        width = float(spectra[0].evidence["width of the broader peak"])
        return (
            f"the spectral lines are {width:.3g} wide from quantum noise, which the phases of "
            f"{', '.join(others)} do not have"
        )
    neglected = [note for name in others for note in _notes(verdicts[name])]
    return neglected[0] if neglected else ""


def _notes(verdict: Verdict) -> tuple[str, ...]:
    view = verdict.view
    return () if view is None else tuple(f"it neglects: {note}" for note in view.notes)
