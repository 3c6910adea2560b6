"""What is known of N oscillators with equal frequencies, and of different potentials."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import qutip

from ..core.predictions import Verdict
from ..waves.hamiltonian import GridHamiltonian
from ..waves.rates import synchronization_rate
from .evidence import accuracy, check_approach, elapsed, largest_gap
from .existence import check_along_the_run
from .facts import Facts
from .initial import existence_margin
from .mobius import SynchronizedLimit, limit_of_rows, mobius_scale
from .model import SchrodingerLohe
from .prediction import AHKM, AR, LohePrediction

__all__ = ["aggregation_predictions", "practical_predictions"]

#: of a diameter √(2(1−Re z)) whose z is known to 1e-15
_ROUNDING = 5e-8

#: nearer than this to ζ=0 (relative to the norms) rounding decides
UNSTABLE = 1e-9


def aggregation_predictions(f: Facts) -> Iterator[LohePrediction]:
    """Complete synchronisation of oscillators with one mean, Hamiltonian and frequency."""
    if not f.identical or f.model.phase_lag != 0:
        return
    yield from _monotone(f)
    yield from _diameter(f)
    yield from _positive_sums(f)
    yield from _theorem_5_1(f)
    yield from _wedge(f)
    yield from _frozen_model2(f)
    yield from _centres(f)


def _all_ones(f: Facts) -> np.ndarray:
    return np.ones((f.n, f.n))


# ---------------------------------------------------------------------- ‖ζ‖ grows


def _monotone(f: Facts) -> Iterator[LohePrediction]:
    if f.model.variant == "model2" and np.sum(f.norms**2) > np.sum(f.theta):
        return
    yield LohePrediction(
        "order parameter",
        "‖ζ‖ does not fall"
        + (" while Σλ_j² ≤ Σθ_j" if f.model.variant == "model2" else "")
        + ": d‖ζ‖²/dt=(k/N)Σ(θ_j‖ζ‖²−Re c_js_j) ≥ 0",
        f"{AR}, (65)",
        "Model 2 needs Σλ_j² ≤ Σθ_j, and may break it" if f.model.variant == "model2" else "",
        test=_check_monotone,
    )


def _check_monotone(result: Any) -> Verdict:
    r = np.asarray(result.order_parameter)
    steps = np.diff(r)
    inside = np.ones(len(steps), dtype=bool)
    if result.model.variant == "model2":
        excess = np.sum(result.masses, axis=1) - np.sum(result.theta, axis=1)
        # between outputs that are far apart the sums may cross and return
        close = np.diff(elapsed(result)) * result.model.coupling * np.max(result.theta) < 0.2
        inside = (excess[1:] < 0) & (excess[:-1] < 0) & close
    if not np.any(inside):
        return None, "no two outputs to compare"
    # ‖ζ‖ is the root of a sum of terms that may cancel
    scale = float(np.max(np.sqrt(result.masses)))
    slack = scale * (1e-9 + 100 * accuracy(result))
    worst = float(np.min(steps[inside]))
    return worst > -slack, f"‖ζ‖ falls by at most {max(-worst, 0.0):.1e} between outputs"


# ---------------------------------------------------------------------- unit norms


def _diameter(f: Facts) -> Iterator[LohePrediction]:
    if not f.unit:
        return
    d0 = f.diameter
    if d0 >= 0.5:
        return
    yield LohePrediction(
        "AHKM Theorem 2.3",
        "the diameter D of the states obeys D ≤ D₀/(2D₀+(1−2D₀)e^{kt/2})",
        AHKM,
        "printed with D₀ in place of 2D₀ in the denominator",
        {"correlations": _all_ones(f)},
        rate=f.k,
        test=partial(_check_diameter, f.k, d0, 0.0),
    )


def practical_predictions(model: SchrodingerLohe, f: Facts) -> Iterator[LohePrediction]:
    """Different Hamiltonians with bounded differences: the states stay close, not equal."""
    if not f.unit or model.phase_lag != 0 or model.time_dependent or f.k <= 0:
        return
    spread = _spread(model, f.n)
    if spread is None or spread == 0 or 16 * spread >= f.k:
        return
    d0 = f.diameter
    root = float(np.sqrt(1 - 16 * spread / f.k))
    if d0 >= 0.25 * (1 + root):
        return
    yield LohePrediction(
        "practical synchronisation",
        f"limsup D ≤ ¼(1−√(1−16W/k)) = {0.25 * (1 - root):.6g} with W=max‖H_i−H_j‖={spread:.6g}: "
        f"the diameter obeys Ḋ ≤ kD(D−½)+W",
        f"beyond the papers: from the estimate of {AHKM}, Theorem 2.3",
        test=partial(_check_diameter, f.k, d0, spread),
    )


def _spread(model: SchrodingerLohe, n: int) -> float | None:
    """W: largest norm of a difference of two Hamiltonians, frequencies included."""
    many, rates = model.hamiltonians(n), model.rates(n) if model.common else None
    if rates is not None:
        return float(np.ptp(rates))
    own = np.zeros(n) if model.frequencies is None else np.asarray(model.frequencies)
    if isinstance(many[0], GridHamiltonian):
        values = np.array([h.values + w for h, w in zip(many, own, strict=True)])
        return float(np.max(np.ptp(values, axis=0)))
    if any(isinstance(h, qutip.QobjEvo) for h in many) or many[0].shape[0] > 200 or n > 30:
        return None
    full = [h.full() + w * np.eye(h.shape[0]) for h, w in zip(many, own, strict=True)]
    gaps = [np.linalg.norm(a - b, 2) for i, a in enumerate(full) for b in full[:i]]
    return float(max(gaps, default=0.0))


def _check_diameter(k: float, d0: float, spread: float, result: Any) -> Verdict:
    t = elapsed(result)
    d = np.sqrt(2 * np.maximum(largest_gap(result), 0))
    # Ḋ ≤ k(D−a)(D−b), a<b the roots
    root = float(np.sqrt(1 - 16 * spread / k))
    a, b = 0.25 * (1 - root), 0.25 * (1 + root)
    share = (d0 - a) / (b - d0) * np.exp(-k * (b - a) * t)
    allowed = (a + b * share) / (1 + share)
    slack = 1e-9 + 100 * accuracy(result)
    # 1−Re z=½D² may be the rounding of Gram matrices
    ground = slack if result._mobius() is not None else max(slack, _ROUNDING)
    worst = float(np.max(d - allowed * (1 + slack)))
    ratio = float(np.max(d / np.maximum(allowed, ground)))
    return worst <= ground, f"diameter at most {ratio:.4g} of the bound"


def _positive_sums(f: Facts) -> Iterator[LohePrediction]:
    if not f.unit or not np.all(np.sum(f.z.real, axis=1) > 0):
        return
    if mobius_scale(f.model, f.norms) is None:
        return
    limit = limit_of_rows(f.model, f.x)
    wedge = f.n <= 3 and bool(np.min(f.z.real) > -0.5)
    yield LohePrediction(
        "AHKM Theorem 2.4",
        "the sums Σ_k Re z_jk are positive"
        + (" (as min Re z>−½ implies for N≤3)" if wedge else "")
        + ": complete synchronisation, (1−z)e^{kt} tends to a constant",
        AHKM,
        "sufficient, not necessary; the constant is from the Möbius form at t=∞",
        {"correlations": _all_ones(f), "order_parameter": 1.0},
        rate=f.k,
        test=partial(_check_prefactor, f.k, limit),
    )


def _check_prefactor(k: float, limit: SynchronizedLimit, result: Any) -> Verdict:
    finite = np.flatnonzero(np.isfinite(result.times))
    t = float(result.times[finite[-1]] - result.times[0])
    size = float(np.max(np.abs(limit.prefactor)))
    near = 10 * size * np.exp(-k * t)
    known = 0.0
    if result._mobius() is None:
        # deviations are known to the accuracy of the states
        known = 10 * accuracy(result) * np.exp(k * t) / max(size, 1e-300)
    # beyond e^{600} nothing is left of 1−z
    if near > 0.1 or known > 0.1 or size == 0 or k * t > 600:
        return None, "the run is too short or too long for the prefactor"
    value = result.deviations[finite[-1]] * np.exp(k * t)
    off = float(np.max(np.abs(value - limit.prefactor))) / size
    return off < near + known + 1e-6, f"(1−z)e^{{kt}} within {off:.1e} of its limit"


# ---------------------------------------------------------------------- other masses


def _theorem_5_1(f: Facts) -> Iterator[LohePrediction]:
    model = f.model
    if model.variant == "model2" or not f.global_solution:
        return
    if model.variant == "model1" and not f.constant_norms and f.floor <= 0:
        return
    if f.order <= UNSTABLE * np.mean(f.norms):
        return
    # a state opposite to the mean may stay there
    against = bool(np.any(f.along <= UNSTABLE * f.order))
    rate = synchronization_rate(f.k, f.norms) if f.constant_norms and not against else None
    yield LohePrediction(
        "Theorem 5.1",
        "complete synchronisation, or an unstable bipolar state; max|1−z| falls as e^{−2σt} with σ "
        "from the limiting norms",
        f"{AR}, Theorem 5.1",
        "needs the corrected (17) and ζ(0)≠0",
        {} if against else {"correlations": _all_ones(f)},
        rate=rate,
        test=partial(_check_poles, f.k, f.collinear),
    )


def _check_poles(coupling: float, collinear: bool, result: Any) -> Verdict:
    """The rate where the states have met; else how near they are to ±."""
    z = result.correlations[-1].real
    if np.all(z > 0.9):
        return check_approach(coupling, collinear, result)
    off = float(np.max(1 - np.abs(z)))
    return None, f"|Re z| within {off:.1e} of 1: bipolar so far, which is unstable"


def _wedge(f: Facts) -> Iterator[LohePrediction]:
    model = f.model
    if model.variant == "standard" or np.any(f.z.real < 0) or not (f.heavy or f.frozen):
        return
    test = partial(check_approach, f.k, f.collinear)
    if model.variant == "model1":
        if model.alignment == 0 and not f.constant_norms:
            return
        if wedge_margin(f) <= 0:
            return
        if f.floor == 0 and not f.constant_norms:
            test = partial(check_along_the_run, f)
    theta = f.theta if f.frozen and model.variant == "model2" else np.full(f.n, np.mean(f.theta))
    limits: dict[str, Any] = {"correlations": _all_ones(f)}
    rate = None
    if model.variant == "model2":
        limits["masses"] = theta
        rate = synchronization_rate(f.k, np.sqrt(theta), theta)
    yield LohePrediction(
        "Theorem 5.3" if model.variant == "model1" else "Proposition 6.2",
        "all Re z_jk ≥ 0 at the start: complete synchronisation at an exponential rate",
        AR,
        "the key step of the proof is false (min Re z is not monotone); the statement agrees with "
        "every run made",
        limits,
        rate=rate,
        test=test,
    )


def wedge_margin(f: Facts) -> float:
    """(17) with the smallest h that the start can tell."""
    if f.floor > 0 or f.constant_norms:
        return f.margin
    least = float(np.min(f.model.kernel(np.array([0.0, f.reach]))))
    return existence_margin(f.model, f.norms, least)


def _frozen_model2(f: Facts) -> Iterator[LohePrediction]:
    model = f.model
    if model.variant != "model2" or model.alignment != 0:
        return
    if np.any(f.norms**2 > f.theta * (1 + 1e-12)) or f.order <= UNSTABLE * np.mean(f.norms):
        return
    strict = bool(np.all(f.norms**2 < f.theta * (1 - 1e-12)))
    along = bool(np.all(f.along > UNSTABLE * f.order))
    limits: dict[str, Any] = {"masses": f.theta}
    if strict and along:
        limits["correlations"] = _all_ones(f)
    yield LohePrediction(
        "Proposition 6.3",
        "λ_j² tends to θ_j, and the states synchronise"
        + ("" if strict else ", or tend to an unstable bipolar state"),
        AR,
        "needs ζ(0)≠0",
        limits,
        rate=synchronization_rate(f.k, np.sqrt(f.theta), f.theta) if strict else None,
        test=partial(_check_poles, f.k, f.collinear),
    )


# ---------------------------------------------------------------------- centres


def _centres(f: Facts) -> Iterator[LohePrediction]:
    if f.model.grid is None and f.model.position is None:
        return
    yield LohePrediction(
        "centres of mass",
        "collinear states have equal centres at all times"
        if f.collinear
        else "|x_j−x_l| ≤ 2‖P(t)‖min_α‖φ_j−e^{iα}φ_l‖, P(t) the position in the span of the "
        "states: centres meet where the states synchronise, at half the rate of 1−z, times the "
        "growth of ‖P(t)‖",
        f"{AR}, Theorems 4.1, 5.1 and 6.1",
        "printed e^{−Ct}; in free motion ‖P(t)‖ grows as t",
        test=partial(_check_centres, f.collinear),
    )


def _check_centres(collinear: bool, result: Any) -> Verdict:
    motion = result._setup.motion
    if motion is None or not np.all(np.isfinite(result.times)):
        return None, "the run keeps no basis of its states"
    pick = np.unique(np.linspace(0, len(result.times) - 1, 9).astype(int))
    grid = result.model.grid
    if grid is not None:
        reach = max(grid.edge_fraction(motion.at(float(result.times[k]))) for k in pick)
        if reach > 1e-9:
            return None, f"states reach the edge of the box ({reach:.1e}): P(t) is not known there"
    x = np.asarray(result.centres)[pick]
    apart = np.linalg.norm(x[:, :, None] - x[:, None], axis=3)
    sizes = np.array(
        [
            np.sqrt(sum(np.linalg.norm(p, 2) ** 2 for p in motion.positions(motion.at(float(t)))))
            for t in np.asarray(result.times)[pick]
        ]
    )
    # ½min_α‖φ_j−e^{iα}φ_l‖² = 1−|z|; below 1e-8 its root is rounding
    d = result.deviations[pick]
    gaps = np.sqrt(np.maximum(2 * d.real - np.abs(d) ** 2, 0) * 2 / (1 + np.abs(1 - d)))
    slack = 2e-8 + 1e3 * accuracy(result)
    excess = float(np.max(apart - 2 * (1 + sizes[:, None, None]) * (gaps + slack)))
    last = float(np.max(apart[-1]) / (1 + sizes[-1]))
    text = f"centres {np.max(apart[-1]):.1e} apart at the end"
    if excess > 0:
        return False, text + ", beyond the bound"
    return (True if collinear or last < 1e-3 else None), text
