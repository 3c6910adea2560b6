"""The thresholds of one superradiant laser and of two, and where two lock."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.predictions import Prediction
from ..operators.atom import LETTERS, AtomFactor
from ..operators.expression import Expression
from ..operators.individual import EachAtom
from ..operators.system import System

__all__ = ["predictions_of_laser", "predictions_of_two_lasers"]


def predictions_of_laser(system: System) -> list[Prediction]:
    """One ensemble with a common decay √Γ Σσ−, each atom pumped at the rate w by √w σ+."""
    rates = _rates(system)
    if rates is None:
        return []
    N, decay, pump = rates
    # s=⟨σz⟩, c=⟨σ1+σ2−⟩: ds/dt = w(1−s) − 2NΓc, dc/dt = (NΓs − w)c for N → ∞
    inversion = min(1.0, pump / decay)
    correlation = 0.5 * inversion * (1 - inversion)
    word = "lases" if pump < decay else "does not lase: the pump is too strong"
    return [
        Prediction(
            name="laser",
            statement=(
                f"for N → ∞ the ensemble {word} (w={pump:.6g}, NΓ={decay:.6g}): ⟨σz⟩ = "
                f"{inversion:.6g}, ⟨σ1+σ2−⟩ = {correlation:.6g}"
            ),
            source="D. Meiser, J. Ye, D. R. Carlson, M. J. Holland, PRL 102, 163601 (2009)",
            correction="of the order 1/N, and 1/√N at w=NΓ",
            limits={"inversion": inversion, "correlation": correlation},
            test=lambda result: _settles_to(result, N, inversion, pump, decay),
        )
    ]


def _rates(system: System) -> tuple[int, float, float] | None:
    """N, NΓ and w, if the system is such a laser."""
    if system.n != 1 or not isinstance(system.symbols[0].factor, AtomFactor):
        return None
    if not system.isconstant or len(system.jumps) != 2:
        return None
    N = system.symbols[0].factor.N
    each = [j for j in system.jumps if isinstance(j, EachAtom)]
    common = [j for j in system.jumps if isinstance(j, Expression)]
    if N < 2 or len(each) != 1 or len(common) != 1:
        return None
    for (monomial, _), _value in system.hamiltonian.terms.items():
        if monomial and monomial[0][1] != LETTERS[1]:
            return None
    if list(each[0].terms) != [(LETTERS[0], ())] or len(common[0].terms) != 1:
        return None
    (((monomial, _), value),) = common[0].terms.items()
    if len(monomial) != 1 or monomial[0][1] != LETTERS[2]:
        return None
    return N, N * abs(value) ** 2, abs(each[0].terms[LETTERS[0], ()]) ** 2


def _settles_to(
    result: Any, N: int, inversion: float, rate: float, decay: float
) -> tuple[bool | None, str]:
    """Whether a run of moments has the inversion of N → ∞."""
    pump = rate / decay
    if type(result).__name__ != "CumulantResult":
        return None, "said of the state of many atoms; run mfsolve with closure='cumulants'"
    distance = abs(1 - pump)
    # the other threshold, w=Γ, goes to 0 for N → ∞
    if N < 100 or distance < 10 / np.sqrt(N) or pump * N < 20:
        return None, f"{N} atoms at w/NΓ = {pump:.3g} are too few for N → ∞"
    allowed = 10 / N + 1e-2 * min(1.0, 10 / (N * distance**2)) + 2e-3
    return _ends_at(result, N, inversion, allowed, min(rate, decay))


def _ends_at(
    result: Any, N: int, inversion: float, allowed: float, rate: float
) -> tuple[bool | None, str]:
    """Whether the first ensemble of a run that has settled, at this rate, has the inversion."""
    s = np.asarray(result.expectation(result.model.nodes[0].z)).real / (0.5 * N)
    late = s[-max(2, len(s) // 3) :]
    waited = rate * float(np.ptp(result.times[-len(late) :]))
    if len(s) < 6 or float(np.abs(late - late[-1]).max()) > 1e-3 or waited < 1:
        return None, "the run has not settled"
    # without any correlation at the start nothing grows for N → ∞; below 1/N it takes its time
    off = abs(float(s[-1]) - inversion)
    if off > 0.1 and abs(float(s[-1]) - 1) < 0.1:
        return None, "the light has not built up yet"
    return off < allowed, f"⟨σz⟩ = {s[-1]:.6g}"


# ------------------------------------------------------------ two lasers


def predictions_of_two_lasers(system: System) -> list[Prediction]:
    """Two equal ensembles with one common decay √Γ(A_- + B_-), each atom pumped at the rate w.

    Their amplitudes obey ȧ = (∓iδ/2 − w/2)a + (NΓs/2)(a+b), s=⟨σz⟩. Where they do not die at s=1, s
    falls until the largest of the rates −w + NΓs ± √((NΓs)²−δ²) is 0.
    """
    found = _rates_of_two(system)
    if found is None:
        return []
    N, decay, pump, delta = found
    inversion = (pump**2 + delta**2) / (2 * pump * decay) if delta < pump else pump / decay
    if inversion >= 1:
        statement = (
            f"for N → ∞ the ensembles do not lase: the pump is too strong (w={pump:.6g}, "
            f"NΓ={decay:.6g}, δ={delta:.6g})"
        )
        limits = {"inversion": 1.0, "correlation": 0.0}
    else:
        ratio = min(1.0, pump / delta) if delta else 1.0
        word = "lock" if delta < pump else "do not lock"
        statement = f"for N → ∞ the ensembles {word}: |⟨σA+σB−⟩|/⟨σA1+σA2−⟩ = {ratio:.6g}"
        limits = {
            "ratio": ratio,
            "phase": 2 * float(np.arctan(min(1.0, delta / pump))),
            "inversion": inversion,
            "correlation": 0.5 * inversion * (1 - inversion),
        }
    return [
        Prediction(
            name="lasers",
            statement=statement,
            source="M. Xu et al., Phys. Rev. Lett. 113, 154101 (2014)",
            correction="of the order 1/N, and 1/√N at δ=w and at the threshold",
            limits=limits,
            test=lambda result: _both_settle(result, N, inversion, (decay, pump, delta)),
        )
    ]


def _both_settle(
    result: Any, N: int, inversion: float, rates: tuple[float, float, float]
) -> tuple[bool | None, str]:
    """Whether a run of moments of two ensembles has the inversion of N → ∞."""
    decay, pump, delta = rates
    if type(result).__name__ != "CumulantResult":
        return None, "said of the state of many atoms; run mfsolve with closure='cumulants'"
    gap, near = abs(1 - inversion), 10 / np.sqrt(N)
    if min(gap, abs(1 - delta / pump)) < near or N * inversion < 20:
        return None, f"{N} atoms are too few for N → ∞"
    allowed = 10 / (N * min(gap, 1.0)) + 2e-3
    return _ends_at(result, N, min(inversion, 1.0), allowed, min(decay, pump))


def _rates_of_two(system: System) -> tuple[int, float, float, float] | None:
    """N, NΓ, w and |δ|, if the system is two such lasers."""
    if system.n != 2 or not all(isinstance(s.factor, AtomFactor) for s in system.symbols):
        return None
    if not system.isconstant or system.symbols[0].factor != system.symbols[1].factor:
        return None
    each = [j for j in system.jumps if isinstance(j, EachAtom)]
    common = [j for j in system.jumps if not isinstance(j, EachAtom)]
    if len(each) != 2 or len(common) != 1 or each[0].symbol is each[1].symbol:
        return None
    if any(list(j.terms) != [(LETTERS[0], ())] for j in each):
        return None
    rates = [abs(j.terms[LETTERS[0], ()]) ** 2 for j in each]
    values = list(common[0].terms.values())
    keys = [m[0][1] if len(m) == 1 else None for m, _ in common[0].terms]
    if keys != [LETTERS[2]] * 2 or abs(values[0] - values[1]) > 1e-12 * abs(values[0]):
        return None
    omega = dict.fromkeys(system.symbols, 0.0)
    for (monomial, _), value in system.hamiltonian.terms.items():
        if len(monomial) > 1 or (monomial and monomial[0][1] != LETTERS[1]):
            return None
        if monomial:
            omega[monomial[0][0]] = value.real
    a, b = system.symbols
    if abs(rates[0] - rates[1]) > 1e-12 * rates[0] or not rates[0]:
        return None
    N = a.N
    return N, N * abs(values[0]) ** 2, rates[0], abs(omega[a] - omega[b])
