"""Theorems on N Wigner–Lohe oscillators in one potential."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.predictions import Prediction, Verdict
from ..waves.rates import alignment_rates, check_rate
from .closed_forms import diameter_bound
from .evidence import EQUAL, both, elapsed, floor, meets, rate_of, scale, some, stays_equal
from .facts import Facts

__all__ = [
    "aggregation",
    "bounded_transport",
    "exponential_synchrony",
    "growing_mean",
    "sharper_threshold",
]

_P1 = "Antonelli, Ha, Kim & Marcati"
_P2 = "Ha, Hwang & Kim"
_AR = "Antonelli & Reynolds"


def _close(f: Facts) -> bool:
    """The hypothesis of Ha, Hwang and Kim, as weak as it can be: no positivity, no symmetry."""
    return f.identical and f.equal_masses and f.diameter < f.threshold


def aggregation(f: Facts) -> Iterator[Prediction]:
    """Lemma 3.2, Corollary 1 and Theorem 3.1 of Ha, Hwang and Kim."""
    if not _close(f):
        return
    yield _invariant(f)
    yield _decay(f)
    yield _bounded(f)
    yield _distances(f)


def _weaker(f: Facts) -> str:
    return f"D₀={f.diameter:.6g}<N/(N−1)={f.threshold:.6g}"


def _invariant(f: Facts) -> Prediction:
    def invariant(result: Any) -> Verdict:
        course = result.diameter
        rise = float(np.max(np.diff(course), initial=0.0))
        top = float(np.max(course))
        known = 1e-9 * f.diameter + floor(result)
        fine = rise <= known and top <= f.diameter + known
        return bool(fine), f"D(Z) at most {top:.6g}, never rising by more than {rise:.1e}"

    return Prediction(
        "Lemma 3.2",
        f"{_weaker(f)}: D(Z)=max|1−z_jk| never rises",
        f"{_P2}, Lemma 3.2",
        correction="with the modulus, and for D₀<N/(N−1); printed D(Z)<1 for D₀<1",
        test=invariant,
    )


def _decay(f: Facts) -> Prediction:
    n = None if f.diameter < 1 else f.n

    def first(result: Any) -> Verdict:
        course, t = result.diameter, elapsed(result)
        bound = diameter_bound(f.diameter, t, f.kappa, n)
        low = 1e-10 if result.log_alpha is None else 1e-250
        return both(
            meets(course, bound, floor(result)),
            rate_of(result, t, course, f.kappa, low, False),
        )

    return Prediction(
        "Corollary 1 (1)",
        "D(Z) ≤ D₀e^(−κt)/(cD₀e^(−κt)+1−cD₀) with c="
        + ("1" if n is None else "(N−1)/N: here D₀≥1"),
        f"{_P2}, Corollary 1 (1)",
        rate=f.kappa,
        test=first,
    )


def _bounded(f: Facts) -> Prediction:
    most = 1 / (1 - f.diameter / f.threshold)

    def bounded(result: Any) -> Verdict:
        sizes = np.array([np.max(result.matrix(int(k)).norms()) for k in some(result)])
        return meets(sizes, np.full(len(sizes), sizes[0] * most))

    return Prediction(
        "Corollary 1 (2)",
        f"max‖w_ij‖ stays below R₀/(1−cD₀), c=(N−1)/N: {most:.6g} times its start",
        f"{_P2}, Corollary 1 (2)",
        correction="with the constant, which is not printed",
        test=bounded,
    )


def _distances(f: Facts) -> Prediction:
    def aggregate(result: Any) -> Verdict:
        # of pure states the distances have no cancellation; of others they are known to rounding
        pick = some(result, 17)
        gaps = np.array([np.max(result.distances(int(k))) for k in pick])
        if gaps[0] <= EQUAL * scale(result):
            return stays_equal(gaps, result)
        return rate_of(result, elapsed(result)[pick], gaps / gaps[0], f.kappa / 2, 1e-9, True)

    return Prediction(
        "Theorem 3.1",
        "all ‖w_ik−w_jm‖ tend to 0, as e^(−κt/2) or faster",
        f"{_P2}, Theorem 3.1",
        correction="with the rate κ/2, which is not printed",
        rate=f.kappa / 2,
        test=aggregate,
    )


def sharper_threshold(f: Facts) -> Iterator[Prediction]:
    """The bound that is attained."""
    if not _close(f):
        return

    def sharper(result: Any) -> Verdict:
        bound = diameter_bound(f.diameter, elapsed(result), f.kappa, f.n)
        return meets(result.diameter, bound, floor(result))

    yield Prediction(
        "sharper threshold",
        f"{_weaker(f)}: D(Z) ≤ D₀e^(−κt)/(cD₀e^(−κt)+1−cD₀), c=(N−1)/N; sharp",
        "beyond the papers: from their own estimate with the diagonal terms 1−z_ii=0 kept",
        rate=f.kappa,
        test=sharper,
    )


def bounded_transport(f: Facts) -> Iterator[Prediction]:
    """Lemma 4.2 of Ha, Hwang and Kim, for bounded potentials."""
    h = f.model.hamiltonians(f.n)[0]
    form = h.quadratic
    if not _close(f) or f.state.left is None:
        return
    if form is not None and (np.any(form.kappa) or np.any(form.force)):
        return  # unbounded: V=−x²/2 makes ‖p·∇w‖ grow as e^{2t}
    oscillation = float(np.ptp(h.values))
    most = 1 / (1 - f.diameter / f.threshold)

    def bounded(result: Any) -> Verdict:
        if not result.has_factors:
            return None, "the run keeps no factors of its Wigner functions"
        pick = some(result)
        first = result.matrix(int(pick[0]))
        start = float(np.max(first.transport_norms()))
        limit = (start + 2 * oscillation * float(np.max(first.norms()))) * most
        found = [np.max(result.matrix(int(k)).transport_norms()) for k in pick]
        return meets(np.array(found), np.full(len(pick), limit))

    yield Prediction(
        "Lemma 4.2",
        f"‖p·∇w_ij‖ stays below (max‖p·∇w(0)‖+2 osc V max‖w(0)‖)/(1−cD₀), osc V={oscillation:.6g} "
        "on the box",
        f"{_P2}, Lemma 4.2",
        correction=(
            "for bounded V, by p·∇+Θ[V], which commutes with its flow; the printed proof lets "
            "Θ[V] and p·∇ commute"
        ),
        test=bounded,
    )


def exponential_synchrony(f: Facts) -> Iterator[Prediction]:
    """Theorem 2.4 of Antonelli, Ha, Kim and Marcati: of Gram matrices."""
    if not (f.identical and f.equal_masses and f.gram):
        return
    sums = f.n - np.sum(f.deviations.real, axis=1)
    if not np.all(sums > 1e-9 * f.n):
        return

    def exponential(result: Any) -> Verdict:
        low = 1e-10 if result.log_alpha is None else 1e-250
        return rate_of(result, elapsed(result), result.diameter, f.kappa, low, False)

    yield Prediction(
        "Theorem 2.4",
        f"the sums Σ_k Re z_jk are positive (the least is {np.min(sums):.6g}): "
        "max|1−z_jk| falls as e^(−κt)",
        f"{_P1}, Theorem 2.4",
        correction="of states: z must be a Gram matrix (z_12=−2.9, z_13=2, z_23=2.1 blows up)",
        limits={
            "correlations": np.ones((f.n, f.n)),
            "order_parameter": float(np.sqrt(np.mean(f.masses))),
        },
        rate=f.kappa,
        test=exponential,
    )


def growing_mean(f: Facts) -> Iterator[Prediction]:
    """The mean of the states grows, and what it tends to; of any masses."""
    if not (f.identical and f.gram):
        return

    def grows(result: Any) -> Verdict:
        fall = float(np.max(-np.diff(result.order_parameter), initial=0.0))
        return fall < 1e-9 * float(
            np.max(f.masses)
        ) ** 0.5, f"‖ζ‖ never falls by more than {max(fall, 0):.1e}"

    yield Prediction(
        "growing mean",
        "‖ζ‖, ζ=(1/N)Σψ_j, never falls",
        "beyond the papers: d‖ζ‖²/dt=(κ/N)Σ_j(‖ζ‖²−Re⟨ζ,φ_j⟩²), φ_j=ψ_j/‖ψ_j‖",
        test=grows,
    )
    yield from _direction(f)


def _direction(f: Facts) -> Iterator[Prediction]:
    norms = np.sqrt(f.masses)
    total = float(np.sum(norms))
    weights = np.outer(norms, norms)
    mean = float(np.sqrt(max(np.sum(weights * (1 - f.deviations.real)), 0.0)))
    if mean <= 1e-6 * total:
        return
    # a bipolar state has one opposite to the rest at least: ‖ζ‖ is at most this, and never falls
    certain = mean > total - 2 * float(np.min(norms)) + 1e-9 * total
    rates = alignment_rates(f.kappa, norms)
    # ½Σ_jk m_jm_k‖φ_j−φ_k‖²: near synchrony a sum of positive exponentials
    pull = np.outer(f.masses, f.masses) / float(np.sum(f.masses)) ** 2

    def course(result: Any) -> Verdict:
        z = 1 - result.deviations_at(-1)
        off = float(np.max(1 - np.abs(z)))
        turned = float(np.max(np.abs(z.imag)))
        if np.all(z.real > 0.9):
            low = 1e-10 if result.log_alpha is None else 1e-25
            gap = np.einsum("jk,tjk->t", pull, result.deviations.real)
            return check_rate(elapsed(result), gap, rates, low=low, high=1e-4)
        if max(off, turned) < 1e-6 and np.any(z.real < 0):
            return not certain, "two opposite groups"
        return None, f"|z_jk| within {off:.1e} of 1 so far"

    text = (
        "all z_jk tend to 1"
        if certain
        else "all z_jk tend to 1, or to ±1 (two opposite groups, which are unstable)"
    )
    yield Prediction(
        "common direction",
        f"ζ(0)≠0: {text}; 1−Re z falls as e^(−2σ₁t) or faster, 2σ₁={rates[0]:.6g}",
        f"{_AR}, Theorem 5.1 with θ=1: any masses",
        correction="excluded are opposite groups where ‖ζ(0)‖>(Σ‖ψ_j‖−2min‖ψ_j‖)/N",
        limits={"correlations": np.ones((f.n, f.n))} if certain else {},
        rate=float(rates[0]) if certain else None,
        test=course,
    )
