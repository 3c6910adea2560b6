"""What could make a comparison misleading, entry by entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.gaussian import uncertainty_margin
from ..core.saved import Saved
from ..sync import SyncView, Verdict

__all__ = ["Check", "checks_of"]


@dataclass(frozen=True)
class Check(Saved):
    """One check of one entry: passed or not, and what was found."""

    name: str
    what: str
    passed: bool
    found: str


def checks_of(name: str, result: Any, view: SyncView, verdict: Verdict | None) -> Iterator[Check]:
    """Checks of one entry: uncertainty relation, cut-off, phase symmetry, closure, vacuum."""
    stats = getattr(result, "stats", {}) or {}
    yield from _uncertainty(name, view, int(stats.get("ntraj", 0) or 0))
    yield from _numbers(name, stats)
    yield from _symmetry(name, result, view)
    for flag in () if verdict is None else verdict.flags:
        yield Check(name, "the approximation holds for this run", False, flag)
    if view.has("masses"):
        excitation = float(view.masses[-1].max())
        if excitation < 0.05:
            found = f"vacuum: n ≤ {excitation:.2g}, and S_q=1 is the vacuum value"
            yield Check(name, "there is something to synchronise", False, found)


def _uncertainty(name: str, view: SyncView, ntraj: int) -> Iterator[Check]:
    if not (view.has("covariance") and view.has("mean") and view.vacuum > 0):
        return
    lowest = float(uncertainty_margin(view.covariance * (0.5 / view.vacuum)).min())
    scale = max(1.0, float(np.abs(view.covariance).max()))
    passed = bool(lowest > -1e-8 * scale)
    found = f"smallest eigenvalue {lowest:.2e}"
    # five standard errors of a variance of normal samples
    error = 5 * scale * float(np.sqrt(2 / ntraj)) if ntraj else 0.0
    if not passed and lowest > -error:
        passed, found = True, f"{found}, 0 within the errors of {ntraj} samples"
    yield Check(name, "uncertainty relation C + iΩ/2 ≥ 0", passed, found)


def _numbers(name: str, stats: Any) -> Iterator[Check]:
    if "cutoff population" in stats:
        p = float(stats["cutoff population"])
        what = "population of the highest Fock levels below 1e-6"
        yield Check(name, what, p <= 1e-6, f"{p:.2e}")
    if "standard error" in stats:
        error = float(stats["standard error"])
        yield Check(name, "sampling error of ⟨b⟩", True, f"±{2 * error:.2e} (95 %)")


def _symmetry(name: str, result: Any, view: SyncView) -> Iterator[Check]:
    symmetries = getattr(getattr(result, "model", None), "symmetries", None)
    if symmetries is None or not any(getattr(symmetries, "vanishing_amplitudes", ())):
        return
    amplitude = float(np.abs(view.amplitudes[-1]).max())
    zero = bool(amplitude < 1e-3 * np.sqrt(1 + float(view.masses[-1].max())))
    found = f"|⟨b⟩|={amplitude:.2e} at the end"
    if not zero:
        found += "; S_c and S_p refer to this phase: compare the coherence and S_q^φ instead"
    what = "a phase symmetry makes ⟨b⟩=0 in the exact steady state"
    yield Check(name, what, zero, found)
