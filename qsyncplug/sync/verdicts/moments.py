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
from .settled import late_mean, unsettled

__all__ = ["PREFERS", "judge_moments"]

#: phase preference (2πP_max−1, or the coherence) that counts
PREFERS = 0.02
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
    if case.n > 1 and not view.has("correlations") and case.dynamics.quantum.phase_peaks is None:
        why = "the correlations of the nodes are not known"
        return case.undecided(why, evidence, advice="a run or an approximation that has them")
    if view.has("masses") and (np.any(n[-1] <= 0) or not np.all(np.isfinite(n))):
        return case.undecided("a node has no excitation, so that it has no phase", evidence)
    why = unsettled(case, n, evidence)
    if why:
        advice = "a longer run, or the stationary state (steadystate)"
        if not case.dynamics.dissipative:
            advice = "a model with dissipation: a closed system has no stationary state"
        return case.undecided(why, evidence, advice=advice)
    preference = _preference(case, evidence)
    found = _by_spectra(case, preference, evidence)
    return _by_preference(case, preference, evidence) if found is None else found


def _vacuum(case: Case, n: np.ndarray, evidence: dict[str, Any]) -> Verdict | None:
    """Relaxation to the vacuum: the excitations die out and nothing feeds them."""
    gain = case.dynamics.gain
    if case.dynamics.driven or (gain is not None and any(gain)):
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


# ------------------------------------------------------------ preference of the phase


def _preference(case: Case, evidence: dict[str, Any]) -> Estimate:
    """Largest preference of a relative phase (of one node, of its phase), put into the evidence."""
    peaks = (
        case.dynamics.quantum.phase_peaks() if case.dynamics.quantum.phase_peaks is not None else {}
    )
    found = []
    null = "" if _has_own_phases(case) else " (uncoupled: 0)"
    if peaks:
        found.append(Estimate(max(0.0, *peaks.values()), 0.0))
        evidence[f"2πP_max−1 of the phase{null}"] = float(found[-1])
    if case.n > 1 and case.view.has("correlations"):
        z = np.asarray(case.view.reference(0))[:, 1:]
        found.append(_strength(case, z, f"coherence |z|{null}", evidence))
        _of_means(case, float(found[-1]), evidence)
    elif case.n == 1 and case.view.has("mean"):
        n = max(float(case.view.masses[-1, 0]), 1e-300)
        beta = case.view.amplitudes / np.sqrt(n)
        found.append(_strength(case, beta, "|⟨b⟩|/√n (undriven: 0)", evidence))
        twofold = _twofold(case, n)
        if twofold is not None:
            name = "|⟨b²⟩|/√(n(n+1)), of two values at distance π (undriven: 0)"
            found.append(_strength(case, twofold, name, evidence))
    if peaks and len(found) > 1 and found[1] > PREFERS:
        return found[1]
    # a phase may prefer two values at distance π, which a coherence does not see
    return max(found, default=Estimate(0.0, 0.0))


def _strength(case: Case, values: np.ndarray, name: str, evidence: dict[str, Any]) -> Estimate:
    """Largest modulus of complex values (T, K) at the end; of samples the mean of late ones."""
    if case.dynamics.quantum.ntraj is None or case.samples < 2:
        k = int(np.argmax(np.abs(values[-1])))
        out = Estimate(float(np.abs(values[-1, k])), 0.0)
        evidence[name] = float(out)
        return out
    parts = [(late_mean(case, y.real), late_mean(case, y.imag)) for y in values.T]
    sizes = [Estimate(float(np.hypot(a, b)), float(np.hypot(a.error, b.error))) for a, b in parts]
    evidence[name] = largest = max(sizes)
    return largest


def _of_means(case: Case, strength: float, evidence: dict[str, Any]) -> None:
    """The share of the coherence that the nodes' own amplitudes make, as a drive does."""
    if not (case.view.has("mean") and case.view.has("masses")):
        return
    beta = case.view.amplitudes[-1] / np.sqrt(np.maximum(case.view.masses[-1], 1e-300))
    own = float(np.max(np.abs(beta[0]) * np.abs(beta[1:])))
    if own > 0.1 * max(strength, PREFERS):
        evidence["coherence of the means ⟨b_j⟩ alone"] = own


def _twofold(case: Case, n: float) -> np.ndarray | None:
    """⟨b²⟩/√(n(n+1)) of one node, at most 1, (T, 1)."""
    if not case.view.has("covariance"):
        return None
    C = case.view.covariance
    anomalous = (C[:, 0, 0] - C[:, 1, 1]) / 2 + 1j * C[:, 0, 1]
    return np.asarray((anomalous[:, None] + case.view.amplitudes**2) / np.sqrt(n * (n + 1)))


def _by_preference(case: Case, preference: Estimate, evidence: dict[str, Any]) -> Verdict:
    what = "the relative phase" if case.n > 1 else "the phase"
    start = "the state is stationary, and" if case.times.size > 1 else "in this state"
    size = str(preference) if preference.error else f"{float(preference):.3g}"
    if preference > max(PREFERS, preference.error):
        if case.dynamics.coupled is False:
            why = (
                f"{start} {what} prefers a value ({size}), but the nodes do not act on each "
                "other: each follows its own drive or remembers its start"
            )
            return case.undecided(why, evidence, advice="a coupling")
        if case.dynamics.driven and _passive(case):
            node = "no node would" if case.n > 1 else "the node would not"
            why = (
                f"{start} {what} prefers a value ({size}), but {node} oscillate by itself: "
                "following a drive is no synchronisation"
            )
            return case.undecided(why, evidence, advice="gain")
        null = "" if _has_own_phases(case) else ", uncoupled 0"
        why = f"{start} {what} prefers a value ({size}{null}); this says nothing about frequencies"
        return case.say(Label.PREFERENCE, why, evidence)
    if preference.error > 2 * PREFERS and case.dynamics.coupled is not False:
        more = (preference.error / PREFERS) ** 2
        return case.undecided(
            f"{start} whether {what} prefers a value is within the errors of the samples ({size})",
            evidence,
            advice=f"about {more:.2g} times as many samples",
        )
    # a coherence is the first harmonic of a phase
    known = case.dynamics.quantum.phase_peaks is not None or case.n == 1
    rest = "" if known else "; of its first harmonic: two values at distance π would not be seen"
    why = f"{start} {what} prefers no value ({size}; {PREFERS} would count{rest})"
    return case.say(Label.NO_PREFERENCE, why, evidence)


def _has_own_phases(case: Case) -> bool:
    """Whether a drive gives each of several nodes a phase of its own."""
    return case.n > 1 and bool(case.dynamics.driven)


def _passive(case: Case) -> bool:
    """Whether it is known that no node oscillates by itself."""
    gain = case.dynamics.gain
    return gain is not None and not any(gain)


# ------------------------------------------------------------ spectra


def _by_spectra(case: Case, preference: Estimate, evidence: dict[str, Any]) -> Verdict | None:
    """Entrained, pulled or not, where the model gives its spectra."""
    if case.dynamics.quantum.spectra is None or case.dynamics.coupled is False:
        return None
    if not case.dynamics.joined(np.ones(case.n, dtype=bool)):
        # nodes that never hear of each other may have equal frequencies
        return None
    if _passive(case):
        # a node that does not oscillate by itself has no frequency to be entrained
        return None
    spectra = case.dynamics.quantum.spectra()
    if spectra is None:
        return None
    evidence["observed frequencies"] = spectra.observed
    evidence["bare frequencies"] = spectra.bare
    evidence["width of the broader peak"] = spectra.width
    bare = _difference(spectra.bare)
    width = spectra.width if case.n > 1 else spectra.bare_width
    if bare < max(width / 4, 1e-12):
        evidence["entrainment"] = (
            "undefined: equal bare frequencies (their difference is below a quarter of the width)"
        )
        return None
    return _entrainment(case, spectra, bare, preference, evidence)


def _entrainment(
    case: Case, spectra: Spectra, bare: float, preference: Estimate, evidence: dict[str, Any]
) -> Verdict:
    observed = Estimate(_difference(spectra.observed), spectra.resolution)
    share = observed / bare
    if case.n == 1:
        return _driven(case, spectra, observed, bare, evidence)
    evidence["observed / bare difference"] = share
    # digits below a thousandth of the difference say nothing beside the width
    apart = f"{observed:.3g}" if observed.error < 1e-3 * bare else str(observed)
    text = (
        f"the spectra lie {apart} apart, {bare:.4g} without the coupling (width "
        f"{spectra.width:.3g}); "
        f"phase preference {float(preference):.3g}"
    )
    if share <= 0.1:
        return case.say(Label.ENTRAINED, text, evidence)
    if share >= 0.9:
        return case.say(Label.NOT_ENTRAINED, text, evidence, beat=observed)
    return case.say(Label.PULLING, text, evidence, beat=observed)


def _driven(
    case: Case, spectra: Spectra, observed: Estimate, bare: float, evidence: dict[str, Any]
) -> Verdict:
    """One node against its drive: where its light is, and how much of it is the drive's."""
    evidence["share of the light at the frequency of the drive"] = spectra.coherent
    evidence["observed / bare distance from the drive"] = share = float(observed / bare)
    text = (
        f"the spectrum peaks {observed} from the drive's frequency, {bare:.4g} without the drive "
        f"(width {spectra.width:.3g}); {spectra.coherent:.3g} of the light is at the drive's "
        "frequency"
    )
    # a line of its own is told from the drive's if it is farther from it than it is wide
    hidden = spectra.coherent > 0.5 and observed < spectra.width
    if share <= 0.1 or hidden:
        return case.say(Label.ENTRAINED, text, evidence)
    if share >= 0.9 and spectra.coherent < 0.1:
        return case.say(Label.NOT_ENTRAINED, text, evidence, beat=observed)
    return case.say(Label.PULLING, text, evidence, beat=observed)


def _difference(frequencies: tuple[float, ...]) -> float:
    """Largest difference; of one node its distance from the frame of the drive."""
    return abs(frequencies[0]) if len(frequencies) == 1 else max(frequencies) - min(frequencies)
