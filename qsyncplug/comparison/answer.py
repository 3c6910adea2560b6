"""One line that answers the question: do they synchronise, and do the runs agree that they do."""

from __future__ import annotations

from collections.abc import Mapping
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
_COURSES = frozenset(
    {
        Label.COMPLETE,
        Label.BIPOLAR,
        Label.CLUSTERED,
        Label.PHASE_LOCKED,
        Label.FREQUENCY_LOCKED,
        Label.PARTIAL,
        Label.TRANSIENT,
        Label.DRIFTING,
        Label.INCOHERENT,
        Label.DEATH,
        Label.VACUUM,
    }
)
#: radians between relative phases that are not the same
_APART = 0.1


def _says(verdict: Verdict) -> _Says:
    """Whether a verdict states synchronisation, denies it, or does neither."""
    if verdict.label.synchronised:
        return _Says.YES
    return _Says.NO if verdict.label in _NO else _Says.NEITHER


def answer(verdicts: Mapping[str, Verdict], reference: str) -> str:
    """The line, such as "exact: not entrained; mean field: phase-locked.

    They disagree because …".
    """
    parts = [f"{name}: {verdict.label}" for name, verdict in verdicts.items()]
    says = {name: _says(verdict) for name, verdict in verdicts.items()}
    decided = {s for s in says.values() if s is not _Says.NEITHER}
    if len(decided) == 2:
        because = _because(verdicts, says, reference)
        parts.append(f"they disagree because {because}" if because else "they disagree")
    elif len(decided) == 1 and _Says.NEITHER not in says.values():
        parts.append(_agreement(verdicts, decided == {_Says.YES}))
    else:
        open_ones = [name for name, s in says.items() if s is _Says.NEITHER]
        verbs = ("confirms", "denies") if len(open_ones) == 1 else ("confirm", "deny")
        who = " and ".join(open_ones)
        parts.append(f"{who} neither {verbs[0]} nor {verbs[1]} synchronisation")
    return "; ".join(parts)


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
    return "they agree"


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
    others = [name for name in verdicts if says[name] is not says[reference]]
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
