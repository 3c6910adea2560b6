"""The threshold of one superradiant laser."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.predictions import Prediction
from ..operators.atom import LETTERS, AtomFactor
from ..operators.expression import Expression
from ..operators.handle import EachAtom
from ..operators.system import System

__all__ = ["predictions_of_laser"]


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
            test=lambda result: _settles_to(result, N, inversion, pump / decay),
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


def _settles_to(result: Any, N: int, inversion: float, pump: float) -> tuple[bool | None, str]:
    """Whether a run of moments has the inversion of N → ∞."""
    if type(result).__name__ != "CumulantResult":
        return None, "said of the state of many atoms; run mfsolve with closure='cumulants'"
    distance = abs(1 - pump)
    # the other threshold, w=Γ, goes to 0 for N → ∞
    if N < 100 or distance < 10 / np.sqrt(N) or pump * N < 20:
        return None, f"{N} atoms at w/NΓ = {pump:.3g} are too few for N → ∞"
    (atoms,) = result.model.nodes
    s = np.asarray(result.expectation(atoms.z)).real / (0.5 * N)
    late = s[-max(2, len(s) // 3) :]
    if len(s) < 6 or float(np.abs(late - late[-1]).max()) > 1e-3:
        return None, "the run has not settled"
    # without any correlation at the start nothing grows for N → ∞; below 1/N it takes its time
    off = abs(float(s[-1]) - inversion)
    if off > 0.1 and abs(float(s[-1]) - 1) < 0.1:
        return None, "the light has not built up yet"
    return off < 10 / N + 1e-2 * min(1.0, 10 / (N * distance**2)) + 2e-3, f"⟨σz⟩ = {s[-1]:.6g}"
