"""What is known of two oscillators."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..core.predictions import Verdict
from ..waves.closed_forms import (
    Locking,
    LockingRegime,
    effective_coupling,
    locking_regime,
    two_oscillator_correlation,
)
from ..waves.rates import synchronization_rate
from .evidence import accuracy, check_approach, elapsed, settled
from .facts import SAME, Facts
from .prediction import AR, LohePrediction

__all__ = ["pair_predictions"]

#: nearer than this to an unstable equilibrium rounding decides
_UNSTABLE = 1e-9


def pair_predictions(f: Facts) -> Iterator[LohePrediction]:
    """Closed form, Theorem 4.1, and Theorem 4.4 with masses that are still to settle."""
    if f.n != 2:
        return
    yield from _closed_form(f)
    yield from _identical(f)
    yield from _offset_model1(f)


def _detuning(f: Facts) -> float:
    return float(f.rates[0] - f.rates[1]) / 2


def _closed_form(f: Facts) -> Iterator[LohePrediction]:
    """Constant norms, or Model 2 at its limit: one Riccati equation."""
    model = f.model
    at_rest = (
        model.variant == "model2" and f.frozen and bool(np.all(np.abs(f.norms**2 - f.theta) < SAME))
    )
    big_k = effective_coupling(f.k, f.norms, f.theta, model.variant, model.phase_lag)
    # with a lag, unequal norms feel their own terms differently
    lagged = model.phase_lag != 0 and abs(f.norms[0] - f.norms[1]) > SAME
    if not (f.constant_norms or at_rest) or lagged or big_k <= 0:
        return
    detuning, z0 = _detuning(f), complex(f.z[0, 1])
    found = locking_regime(big_k, detuning)
    distance = abs(z0 + np.conj(found.limit)) if found.limit is not None else 1.0
    unstable = found.regime == Locking.LOCKED and distance < _UNSTABLE
    limits: dict[str, Any] = {}
    if found.limit is not None and found.regime == Locking.LOCKED and not unstable:
        limits["correlations"] = np.array([[1, found.limit], [np.conj(found.limit), 1]])
    yield LohePrediction(
        "two oscillators",
        _regime_text(found, unstable),
        f"{AR}, Theorem 4.4 and (52)–(60)",
        "(53) has the denominator y₀+z̄₁; (49) is not 1−|z|~1/t; for Λ>1 the centre is i(Λ−√(Λ²−1))",
        limits,
        rate=found.number if found.regime == Locking.LOCKED and not unstable else None,
        period=found.number if found.regime == Locking.PERIODIC else None,
        test=partial(_check_closed_form, z0, big_k, detuning, distance),
    )


def _regime_text(found: LockingRegime, unstable: bool) -> str:
    if found.regime == Locking.THRESHOLD:
        return "Λ=1: |z∓i| falls as 1/(|Ω|t), 1−|z| as t⁻²"
    if found.regime == Locking.PERIODIC:
        return f"Λ={found.ratio:.6g}: z is periodic"
    number = found.number or 0.0
    if unstable:
        return (
            f"Λ={found.ratio:.6g}: z is at the unstable equilibrium −√(1−Λ²)+iΛ, which rounding "
            f"leaves at rate {number:.6g}"
        )
    return f"Λ={found.ratio:.6g}: z tends to √(1−Λ²)+iΛ, |z−limit| at rate K√(1−Λ²)={number:.6g}"


def _check_closed_form(
    z0: complex, big_k: float, detuning: float, distance: float, result: Any
) -> Verdict:
    t = elapsed(result)
    finite = np.isfinite(t)
    if distance < _UNSTABLE:
        # before rounding, about 1e-12, has grown to what is looked at
        rate = locking_regime(big_k, detuning).number or 0.0
        finite &= rate * t < 10
    exact = two_oscillator_correlation(z0, t[finite], big_k, detuning)
    off = float(np.max(np.abs(np.asarray(result.correlations)[finite, 0, 1] - exact)))
    # near the unstable equilibrium the error of the run shifts the time of escape
    known = 1e-8 + 1e3 * accuracy(result) * (1 + big_k * float(np.max(t[finite])))
    if distance < _UNSTABLE:
        known = 1e-6 + 1e5 * accuracy(result)
    else:
        known += 300 * accuracy(result) / distance
    if known > 1e-2:
        return None, "the start is too near the unstable equilibrium to tell"
    if off >= known:
        return False, f"closed form missed by {off:.1e}"
    # outputs at rest, or before anything happens, are those of any coupling
    other = two_oscillator_correlation(z0, t[finite], 0.9 * big_k, detuning)
    if distance >= _UNSTABLE and np.max(np.abs(other - exact)) < 10 * known:
        return None, "the outputs do not tell one coupling from another"
    return True, f"closed form met within {off:.1e}"


def _identical(f: Facts) -> Iterator[LohePrediction]:
    """Theorem 4.1 and Corollary 4.2."""
    model = f.model
    if not f.identical or model.phase_lag != 0 or not (f.frozen or f.heavy):
        return
    if f.z[0, 1].real < -1 + _UNSTABLE or not f.global_solution:
        return
    rate = None
    limits: dict[str, Any] = {"correlations": np.ones((2, 2))}
    final = f.theta if f.frozen else np.full(2, np.mean(f.theta))
    if model.variant == "model2":
        limits["masses"] = final
        rate = synchronization_rate(f.k, np.sqrt(final), final)
    elif f.constant_norms:
        rate = synchronization_rate(f.k, f.norms)
    yield LohePrediction(
        "Theorem 4.1",
        "two identical oscillators synchronise; max|1−z| falls at the rate "
        "k(λ̄₁²+λ̄₂²)/(2λ̄₁λ̄₂) of the final norms"
        + (", 1−Re z at twice that, for the states are multiples of one" * f.collinear),
        f"{AR}, Theorem 4.1 and Corollary 4.2",
        "Model 1 needs the corrected (17)" if model.variant == "model1" else "",
        limits,
        rate=rate,
        test=partial(check_approach, f.k, f.collinear),
    )


def _offset_model1(f: Facts) -> Iterator[LohePrediction]:
    """Theorem 4.4 for norms that alignment still changes: Λ is that of the final masses."""
    model = f.model
    if model.variant != "model1" or f.identical or f.frozen or model.phase_lag != 0:
        return
    if not (f.floor > 0 and f.global_solution):
        return
    detuning = _detuning(f)
    yield LohePrediction(
        "Theorem 4.4",
        "z tends to √(1−Λ²)+iΛ, or turns with a period, by Λ=4Ωλ̄₁λ̄₂/k(λ̄₁²+λ̄₂²) of the final norms, "
        "which have no closed form; |z−limit| falls at min(R, μh(0)), 1−|z| at R=(2Ω/Λ)√(1−Λ²)",
        f"{AR}, Theorem 4.4",
        "printed rate R alone: the limit moves with θ, at μh(0); for Λ>1 there is a centre "
        "i(Λ−√(Λ²−1)) in the disc",
        test=partial(_check_final_masses, f.k, detuning),
    )


def _check_final_masses(k: float, detuning: float, result: Any) -> Verdict:
    first = settled(result)
    if first is None:
        return None, "θ has not settled"
    big_k = effective_coupling(k, np.sqrt(result.masses[-1]))
    found = locking_regime(big_k, detuning)
    if abs(abs(found.ratio) - 1) < 1e-6:
        return None, f"Λ={found.ratio:.9g} of the final norms is too near 1 to tell"
    z = np.asarray(result.correlations)[first:, 0, 1]
    t = np.asarray(result.times)[first:] - float(result.times[first])
    start = z[0] / max(1.0, abs(z[0]))
    distance = 1.0
    if found.limit is not None:
        distance = max(abs(start + np.conj(found.limit)), 1e-12)
    off = float(np.max(np.abs(z - two_oscillator_correlation(start, t, big_k, detuning))))
    known = 1e-7 + 1e3 * accuracy(result) * (1 + big_k * float(t[-1])) + 1e-8 / distance
    text = f"Λ={found.ratio:.6g} of the final norms"
    if found.regime == Locking.LOCKED:
        text += f", limit {found.limit:.6g}, R={found.number:.6g}"
    if known > 1e-2:
        return None, f"{text}: too near the unstable equilibrium to tell"
    return off < known, f"{text}; closed form from there met within {off:.1e}"
