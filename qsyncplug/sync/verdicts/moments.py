"""Quantum states: what is stationary, what the relative phase prefers.

And where the spectra lie.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dynamics import Spectra
from .case import Case
from .rates import Estimate, fit_rate
from .report import Label, Verdict

__all__ = ["judge_moments"]

#: variation of z and n in the last third of a run that counts as stationary
_STATIONARY = 5e-3
#: phase preference (2πP_max−1, or the coherence) that counts
_PREFERS = 0.02
_VACUUM = 1e-3


def judge_moments(case: Case) -> Verdict:
    """Verdict on the moments of quantum states."""
    view = case.view
    n = (
        np.asarray(view.masses)
        if view.has("masses")
        else np.full((case.times.size, case.n), np.nan)
    )
    evidence: dict[str, Any] = {}
    if view.has("masses"):
        evidence["excitations at the end"] = tuple(float(x) for x in n[-1])
        vacuum = _vacuum(case, n, evidence)
        if vacuum is not None:
            return vacuum
    if view.has("masses") and (np.any(n[-1] <= 0) or not np.all(np.isfinite(n))):
        return case.undecided("a node has no excitation, so that it has no phase", evidence)
    unsettled = _unsettled(case, n, evidence)
    if unsettled is not None:
        return unsettled
    preference = _preference(case, evidence)
    return _by_spectra(case, preference, evidence) or _by_preference(case, preference, evidence)


def _vacuum(case: Case, n: np.ndarray, evidence: dict[str, Any]) -> Verdict | None:
    """Relaxation to the vacuum: the excitations die out and nothing feeds them."""
    gain = case.dynamics.gain
    if gain is not None and any(gain):
        return None
    largest = n.max(axis=1)
    if not np.all(np.isfinite(largest)):
        return None
    start, end = largest[case.inside.start], largest[-1]
    falling = end <= start / 2 and np.all(np.diff(largest[case.inside]) <= 1e-9 * (1 + start))
    falling = bool(falling and end <= 0.1 * largest.max())
    # known to have no gain: what falls will fall on
    if not (end <= _VACUUM or (falling and (end <= 0.1 or gain is not None))):
        return None
    rate = fit_rate(case.times, np.abs(largest), known_limit=True)
    evidence["S_q near 1"] = "the value of the vacuum, not of synchronisation"
    why = f"the excitations die out (n = {end:.2g} at the end, {largest.max():.3g} at most)"
    return case.say(Label.VACUUM, why, evidence, rate=rate)


def _unsettled(case: Case, n: np.ndarray, evidence: dict[str, Any]) -> Verdict | None:
    """Undecided if the state still changes."""
    if case.times.size == 1:
        evidence["stationary"] = "not known: one state only"
        return None
    start = case.times[-1] - (case.times[-1] - case.times[0]) / 3
    late = case.times >= start
    if np.count_nonzero(late) < 3:
        return case.undecided(
            "fewer than three times in the last third: whether the state is stationary is not known"
        )
    change = 0.0
    if case.view.has("masses"):
        change = float(np.max(np.ptp(n[late], axis=0) / np.maximum(n[late].max(axis=0), 1e-300)))
    if case.n > 1:
        z = np.asarray(case.view.reference(0))[late]
        change = max(
            change, float(np.max(np.hypot(np.ptp(z.real, axis=0), np.ptp(z.imag, axis=0))))
        )
    evidence["variation of z and n in the last third"] = change
    if change <= _STATIONARY:
        return None
    advice = "a longer run, or the stationary state (steadystate)"
    if not case.dynamics.dissipative:
        advice = "a model with dissipation: a closed system has no stationary state"
    return case.undecided(
        f"the state is not stationary: z or n vary by {change:.2g} in the last third",
        evidence,
        advice=advice,
    )


# ------------------------------------------------------------ preference of the phase


def _preference(case: Case, evidence: dict[str, Any]) -> float:
    """Largest preference of a relative phase (of one node.

    Of its phase), and its number in the evidence.
    """
    peaks = case.dynamics.phase_peaks() if case.dynamics.phase_peaks is not None else {}
    found = [0.0]
    if peaks:
        found.append(max(peaks.values()))
        evidence["2πP_max−1 of the phase (uncoupled: 0)"] = found[-1]
    if case.n > 1 and case.view.has("correlations"):
        z = np.abs(np.asarray(case.view.reference(0))[-1, 1:])
        found.append(float(np.max(z)))
        evidence["coherence |z| (uncoupled: 0)"] = found[-1]
    elif case.n == 1 and case.view.has("mean"):
        beta, n = abs(complex(case.view.amplitudes[-1, 0])), float(case.view.masses[-1, 0])
        found.append(beta / np.sqrt(n))
        evidence["|⟨b⟩|/√n (undriven: 0)"] = found[-1]
    return found[1] if peaks and case.n > 1 else max(found)


def _by_preference(case: Case, preference: float, evidence: dict[str, Any]) -> Verdict:
    what = "the relative phase" if case.n > 1 else "the phase"
    start = "the state is stationary" if case.times.size > 1 else "in this state"
    if case.dynamics.coupled is False or preference <= _PREFERS:
        why = f"{start}, and {what} prefers no value ({preference:.2g}; {_PREFERS} would count)"
        return case.say(Label.NO_PREFERENCE, why, evidence)
    why = (
        f"{start}, and {what} prefers a value ({preference:.3g}, uncoupled 0); this says "
        "nothing about frequencies"
    )
    return case.say(Label.PREFERENCE, why, evidence)


# ------------------------------------------------------------ spectra


def _by_spectra(case: Case, preference: float, evidence: dict[str, Any]) -> Verdict | None:
    """Entrained, pulled or not, where the model gives its spectra."""
    if case.dynamics.spectra is None or case.dynamics.coupled is False:
        return None
    spectra = case.dynamics.spectra()
    if spectra is None:
        return None
    evidence["observed frequencies"] = spectra.observed
    evidence["bare frequencies"] = spectra.bare
    evidence["width of the broader peak"] = spectra.width
    bare = _difference(spectra.bare)
    if bare < max(spectra.width / 4, 1e-12):
        evidence["entrainment"] = (
            "undefined: equal bare frequencies (their difference is below a quarter of the width)"
        )
        return None
    return _entrainment(case, spectra, bare, preference, evidence)


def _entrainment(
    case: Case, spectra: Spectra, bare: float, preference: float, evidence: dict[str, Any]
) -> Verdict:
    observed = Estimate(_difference(spectra.observed), spectra.resolution)
    share = observed / bare
    evidence["observed / bare difference"] = share
    text = (
        f"the spectra lie {observed} apart, {bare:.4g} without the coupling (width "
        f"{spectra.width:.3g}); "
        f"phase preference {preference:.3g}"
    )
    if share <= 0.1:
        return case.say(Label.ENTRAINED, text, evidence)
    if share >= 0.9:
        return case.say(Label.NOT_ENTRAINED, text, evidence, beat=observed)
    return case.say(Label.PULLING, text, evidence, beat=observed)


def _difference(frequencies: tuple[float, ...]) -> float:
    """Largest difference; of one node its distance from the frame of the drive."""
    return abs(frequencies[0]) if len(frequencies) == 1 else max(frequencies) - min(frequencies)
