"""Theorems on two Wigner–Lohe oscillators in one potential."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.errors import ApproximationWarning
from ..core.predictions import Prediction, Verdict
from ..waves.closed_forms import blow_up_time
from .closed_forms import distance_ratio
from .evidence import EQUAL, both, elapsed, rate_of, scale, some, stays_equal
from .facts import Facts
from .pairs import hydrodynamic_distances
from .state import InitialState

__all__ = ["antipode", "blow_up", "closed_form", "distance_identity", "hydrodynamic_norms"]

_P1 = "Antonelli, Ha, Kim & Marcati"
_P2 = "Ha, Hwang & Kim"


def _pair(f: Facts) -> bool:
    return f.n == 2 and f.identical


def antipode(f: Facts) -> Iterator[Prediction]:
    """Remark 3: z_12=−1 with opposite Wigner functions."""
    if not (_pair(f) and f.equal_masses and abs(1 + f.starts[0]) < 1e-9):
        return
    if not _anti_aligned(f.state):
        return

    def stays(result: Any) -> Verdict:
        # rounding, 1e-16, escapes after 37/κ
        early = f.kappa * elapsed(result) <= 20
        off = float(np.max(np.abs(2 - result.deviations[early, 0, 1])))
        return off < 1e-6, f"z_12 within {off:.2g} of −1 before rounding escapes"

    yield Prediction(
        "Remark 3",
        "z_12=−1 with w_12=−w_1=−w_2: an equilibrium of the coupling, unstable; a perturbation "
        "1+z₀ escapes after κ⁻¹ln((1−z₀)/(1+z₀))",
        f"{_P1}, Remark 3",
        correction="printed with (κ/4) in place of (κ/2)(w_1+w_12)",
        test=stays,
    )


def _anti_aligned(state: InitialState) -> bool:
    """Whether w_12=−w_1=−w_2 at the start, to rounding: ψ_2=−ψ_1, which stays apart for ever."""
    if state.arrays is not None:
        w = state.arrays
        top = np.max(np.abs(w[0, 0]))
        return bool(
            np.max(np.abs(w[0, 1] + w[0, 0])) < 1e-9 * top
            and np.max(np.abs(w[0, 0] - w[1, 1])) < 1e-9 * top
        )
    assert state.left is not None
    left = state.left
    return bool(np.linalg.norm(left[0] + left[1]) < 1e-9 * np.linalg.norm(left[0]))


def _known(f: Facts) -> float:
    """What closed forms are known to: close to the antipode rounding of z₀ is amplified."""
    return 1e-8 + 1e-14 / min(abs(1 + z) for z in f.starts)


def closed_form(f: Facts) -> Iterator[Prediction]:
    """Lemma 4.1: z_12 in closed form, for any start but real z_12≤−1."""
    if not _pair(f) or f.vanishing:
        return
    rate = f.pair_coupling
    gaps = [complex(f.deviations[0, 1]), complex(f.deviations[1, 0])][: len(f.starts)]
    known = _known(f)

    def closed(result: Any) -> Verdict:
        e = np.exp(-rate * elapsed(result))
        worst = 0.0
        relative = result.log_alpha is not None
        for gap, (j, k) in zip(gaps, ((0, 1), (1, 0)), strict=False):
            denominator = (2 - gap) + gap * e
            exact = 2 * gap * e / denominator
            off = np.abs(result.deviations[:, j, k] - exact)
            if relative:
                off = off / np.maximum(np.abs(exact), 1e-290)
            # where the denominator is small the correlations of no states pass close to a pole
            worst = max(worst, float(np.max(off / (1 + 4 / np.abs(denominator) ** 2))))
        kind = "a relative " if relative else ""
        return bool(worst < known), f"closed form of 1−z_12 met within {kind}{worst:.1e}"

    gap = gaps[0]
    constant = 2 * abs(gap) / abs(2 - gap)
    which = "κ" if f.equal_masses else f"K=κ(m₁+m₂)/(2√(m₁m₂))={rate:.6g}"
    yield Prediction(
        "Lemma 4.1",
        f"z_12 tends to 1, e^(Kt)|1−z_12| to {constant:.6g}, with the coupling {which}",
        f"{_P1}, Lemma 4.1",
        correction=(
            "for any masses, and for any z₀ but real z₀≤−1; printed for unit masses"
            if not (f.unit and f.gram)
            else ""
        ),
        limits={"correlations": np.ones((2, 2))},
        rate=rate,
        test=closed,
    )


def distance_identity(f: Facts) -> Iterator[Prediction]:
    """Theorem 4.2, an identity."""
    if not (_pair(f) and f.equal_masses and f.state.hermitian) or f.vanishing:
        return
    z0, known = f.starts[0], _known(f)

    def identity(result: Any) -> Verdict:
        pick = some(result)
        if pick[0] != 0:
            return None, "the run lacks its start"
        size = np.array([result.distances(int(k))[0, 0, 1, 1] for k in pick]) ** 2
        if size[0] <= EQUAL**2 * scale(result) ** 2:
            return stays_equal(np.sqrt(size), result)
        exact = size[0] * distance_ratio(z0, elapsed(result)[pick], f.kappa)
        # distances of phase-space arrays are known to rounding of the arrays only
        seen = exact > 1e-18 * size[0]
        share = np.sqrt(np.minimum(exact[seen] / size[0], 1))
        off = float(np.max(np.abs(size[seen] / exact[seen] - 1) * share))
        # rounding of ‖w‖² is what ‖w_1−w_2‖² is known to
        limit = known + 1e-14 * scale(result) ** 2 / size[0]
        return bool(off < limit), f"‖w_1−w_2‖² met within {off:.1e}"

    yield Prediction(
        "Theorem 4.2",
        f"‖w_1−w_2‖² falls as {4 / abs(1 + z0) ** 2:.6g}·e^(−κt)‖w_1−w_2‖²(0)",
        f"{_P1}, Theorem 4.2; {_P2}, Theorem 2.4",
        correction=(
            "an identity, ‖w_1−w_2‖²(0)·4e^(κt)/|(1+z₀)e^(κt)+1−z₀|²; printed as a bound "
            "e^(−κt), which fails"
        ),
        rate=f.kappa,
        test=identity,
    )


def hydrodynamic_norms(f: Facts) -> Iterator[Prediction]:
    """Theorem 5.1, of wave functions."""
    if not (_pair(f) and f.equal_masses and f.gram and f.state.kind == "kets"):
        return
    if f.vanishing or _known(f) >= 1e-6:
        return
    kappa = f.kappa

    def synchronise(result: Any) -> Verdict:
        gap = result.deviations[:, 0, 1]
        # ½‖ψ_1−ψ_2‖² of equal masses; of states along one ray |1−z|² may drown in rounding
        size = np.sqrt(2 * np.where(gap.real > 1e-9 * np.abs(gap), gap.real, 0))
        low = 1e-7 if result.log_alpha is None else 1e-125
        rate = rate_of(result, elapsed(result), size, kappa / 2, low, True)
        return both(rate, _hydrodynamic_course(result, size))

    yield Prediction(
        "Theorem 5.1",
        "‖ψ_1−ψ_2‖ in L² and H¹ fall as e^(−κt/2) (H¹: times the oscillation of the kinetic "
        "energy), or as e^(−κt) where only phases differ; ‖∇√ρ_d‖, ‖Λ_d‖, ‖∇√ρ_1−∇√ρ_2‖ and "
        "‖Λ_1−Λ_2‖ tend to 0",
        f"{_P1}, Theorem 5.1",
        correction="with the rate κ/2; printed e^(−κt)",
        rate=kappa / 2,
        test=synchronise,
    )


def _hydrodynamic_course(result: Any, size: np.ndarray) -> Verdict:
    """Do the four norms fall where ‖ψ_1−ψ_2‖, `size`, falls to a hundredth."""
    late = np.flatnonzero(size > 1e-7)
    early = np.flatnonzero(size >= 100 * size[late[-1]]) if late.size else late
    if not early.size:
        return (
            None,
            "hydrodynamic norms: the run has no two outputs between which ‖ψ_1−ψ_2‖ falls to 1/100",
        )
    if not result.has_waves:
        return None, "hydrodynamic norms: the run has no wave functions"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ApproximationWarning)  # two digits are enough
        before, after = (
            hydrodynamic_distances(psi[0], psi[1], result.model.grid, tolerance=1e-3)
            for psi in (result.psi(int(early[-1])), result.psi(int(late[-1])))
        )
    # of the differences of polar factors only the limit is known: near a node they fall as the
    # root of ‖ψ_1−ψ_2‖
    seen = [name for name in after if before[name] > 1e-6 * before["H1"]]
    left = max((after[name] / before[name] for name in seen), default=0.0)
    return (
        bool(left < 0.5),
        f"hydrodynamic norms fell to {left:.2g} or less where ‖ψ_1−ψ_2‖ fell to 0.01",
    )


def blow_up(f: Facts) -> Iterator[Prediction]:
    """The pole of z_12 for real z_12<−1."""
    if not _pair(f) or f.gram:
        return
    when = min(blow_up_time(z, f.pair_coupling) for z in f.starts)
    if not np.isfinite(when):
        return

    def before(result: Any) -> Verdict:
        stopped = result.blow_up_time
        if stopped is None:
            if elapsed(result)[-1] < when:
                return None, f"the run ends before T*={when:.9g}"
            return False, "no blow-up was seen"
        seen = stopped - float(result.times[0])
        # to what rounding of z₀ lets it be known
        off = abs(seen - when) < 1e-8 * when + 1e-12 / f.pair_coupling
        return bool(off), f"blow-up at {seen:.12g}, predicted at {when:.12g}"

    yield Prediction(
        "finite-time blow-up",
        f"z_12 becomes infinite at T*=K⁻¹ln((z₀−1)/(z₀+1)) = {when:.9g}, K={f.pair_coupling:.6g}",
        f"{_P2}, (14)",
        correction=(
            "for real z₀<−1 only, where z_12→−∞; printed for z₀>1 too, and with a negative "
            "logarithm"
        ),
        test=before,
    )
