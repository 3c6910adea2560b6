"""Predictions on existence and masses: Model 1 may lose an oscillator, Model 2 may not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..core.predictions import Verdict
from .evidence import accuracy, elapsed
from .facts import Facts
from .initial import existence_margin
from .prediction import AR, LohePrediction

__all__ = ["check_along_the_run", "existence_predictions"]


def existence_predictions(f: Facts) -> Iterator[LohePrediction]:
    """Propositions 3.4 and 3.5, alignment, and parallel states in closed form."""
    yield from _model1_bounds(f)
    yield from _alignment(f)
    yield from _model2_bounds(f)
    yield from _parallel(f)


def _spread(f: Facts) -> float:
    return float(np.max(np.abs(f.theta - 1)))


def _model1_bounds(f: Facts) -> Iterator[LohePrediction]:
    model = f.model
    if model.variant != "model1" or f.frozen or f.floor <= 0 or f.margin <= 0:
        return
    growth = np.exp(f.k * _spread(f) / (2 * model.alignment * f.floor))
    top = float(np.max(f.norms) * growth)
    yield LohePrediction(
        "Proposition 3.4",
        "the solution is global; λ_-(0)−λ_+(0)(e^{kD₀/2μc}−1) ≤ λ_j ≤ λ_+(0)e^{kD₀/2μc}",
        f"{AR}, Proposition 3.4, Lemma 5.2 and Corollary 4.2",
        "(16), (17), (39), (67), (68), (91): D₀=max|θ_j(0)−1| in place of θ_+(0)−1, "
        "and μc in place of c",
        test=partial(_check_bounds, f.margin, top),
    )


def _check_bounds(low: float, high: float, result: Any) -> Verdict:
    lam = np.sqrt(result.masses)
    slack = 1e-9 + 100 * accuracy(result)
    fine = np.min(lam) >= low * (1 - slack) and np.max(lam) <= high * (1 + slack)
    return bool(fine), (
        f"norms from {np.min(lam):.6g} to {np.max(lam):.6g}, allowed {low:.6g} to {high:.6g}"
    )


def _alignment(f: Facts) -> Iterator[LohePrediction]:
    model = f.model
    if model.variant != "model1" or f.frozen or f.floor <= 0:
        return
    yield LohePrediction(
        "alignment",
        "max|θ_j−1| falls at least as e^{−μct}",
        f"{AR}, (4)",
        "printed without μ",
        {"theta": np.ones(f.n)},
        rate=model.alignment * f.floor,
        test=partial(_check_alignment, _spread(f), model.alignment * f.floor),
    )


def _check_alignment(start: float, rate: float, result: Any) -> Verdict:
    allowed = start * np.exp(-rate * elapsed(result))
    off = np.max(np.abs(np.asarray(result.theta) - 1), axis=1)
    # below this both are rounding
    seen = allowed > 1e3 * accuracy(result)
    if np.count_nonzero(seen) < 2:
        return None, "no output before θ has settled"
    share = float(np.max(off[seen] / allowed[seen]))
    return share <= 1 + 1e-6, f"|θ−1| at most {share:.6g} of e^{{−μct}}"


def _model2_bounds(f: Facts) -> Iterator[LohePrediction]:
    """Proposition 3.5; (19) bounds the masses while θ does not move."""
    if f.model.variant != "model2" or f.model.phase_lag != 0:
        return
    below = f.frozen and bool(np.all(f.norms**2 <= f.theta * (1 + 1e-12)))
    # at λ²=θ and opposite to ζ rounding carries a mass beyond
    edge = (f.norms**2 > f.theta * (1 - 1e-9)) & (f.along <= 0)
    if np.any(edge):
        return
    wedge = f.identical and bool(np.all(f.z.real >= 0)) and (f.frozen or f.heavy)
    if not (below or wedge):
        return
    top = f.theta if below else np.maximum(f.norms**2, np.max(f.theta))
    yield LohePrediction(
        "Proposition 3.5",
        "the solution is global; "
        + ("λ_j² ≤ θ_j at all times" if below else "λ_j² ≤ max(λ_j²(0), max θ(0)) at all times"),
        f"{AR}, Proposition 3.5",
        "the bounds are not printed" + ("" if below else "; the wedge is seen to last, not proved"),
        test=partial(_check_masses, top),
    )


def _check_masses(top: np.ndarray, result: Any) -> Verdict:
    share = float(np.max(np.asarray(result.masses) / top))
    return share <= 1 + 1e-9 + 100 * accuracy(result), f"masses at most {share:.6g} of the bound"


def _parallel(f: Facts) -> Iterator[LohePrediction]:
    """Parallel states of Model 1: all centres agree, so that θ and λ are known at all times."""
    model = f.model
    if model.variant != "model1" or f.n < 2 or not f.identical or model.phase_lag != 0:
        return
    if np.max(np.abs(f.z - 1)) > 1e-13 or np.ptp(f.theta) == 0:
        return
    rate = model.alignment * float(np.asarray(model.kernel(np.zeros(1))).ravel()[0])
    falls = 0.5 * f.k * np.mean(f.norms) * (1 - f.theta)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(falls > 0, f.norms / falls, np.inf)
        times = -np.log1p(-rate * share) / rate if rate > 0 else share
    times = np.where(np.isfinite(times) & (rate * share < 1), times, np.inf)
    j = int(np.argmin(times))
    when = float(times[j])
    text = (
        f"oscillator {j} vanishes at t*={when:.9g}, beyond which the solution is not unique"
        if np.isfinite(when)
        else "no oscillator vanishes"
    )
    yield LohePrediction(
        "parallel states",
        f"λ_j = λ_j(0) − (k/2)(Σλ/N)(1−θ_j(0))(1−e^{{−μh(0)t}})/μh(0); {text}",
        "beyond the papers: Model 1 with z=1, where Σλ and all centres are common",
        test=partial(_check_parallel, f.norms, falls, rate, when),
    )


def _check_parallel(
    norms: np.ndarray, falls: np.ndarray, rate: float, when: float, result: Any
) -> Verdict:
    t = elapsed(result)
    if t[-1] > when * (1 + 1e-9):
        return False, f"the run went on past t*={when:.9g}"
    passed = -np.expm1(-rate * t) / rate if rate > 0 else t
    off = float(np.max(np.abs(np.sqrt(result.masses) - (norms - passed[:, None] * falls))))
    known = 1e-8 + 1e4 * accuracy(result)
    if len(t) < 2:
        return None, "the run has one output only"
    return off < known, f"norms met within {off:.1e}"


def check_along_the_run(f: Facts, result: Any) -> Verdict:
    """(17) and the bounds (16), (68) with the smallest h that the run met."""
    x = result.centres
    reach = float(np.max(np.linalg.norm(x[:, :, None] - x[:, None], axis=3)))
    least = float(np.min(f.model.kernel(np.array([0.0, reach]))))
    margin = existence_margin(f.model, f.norms, least)
    if margin <= 0:
        return (
            None,
            f"(17) fails with the smallest h of the run, {least:.4g}: the theorem does not apply",
        )
    top = float(np.max(f.norms) * np.exp(f.k * _spread(f) / (2 * f.model.alignment * least)))
    passed, text = _check_bounds(margin, top, result)
    return passed, f"smallest h {least:.4g}: {text}"
