"""Where driven and coupled collective spins change their ways: time crystals and Dicke's model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.predictions import Prediction
from ..operators.individual import EachAtom
from ..operators.mode import ModeFactor
from ..operators.spin import SpinFactor
from ..operators.symbol import Symbol
from ..operators.system import System

__all__ = ["predictions_of_thresholds"]


def predictions_of_thresholds(system: System) -> list[Prediction]:
    """What is known for N → ∞ about a driven spin that decays, and about Dicke's model."""
    if not system.isconstant or any(isinstance(j, EachAtom) for j in system.jumps):
        return []
    if len(system.jumps) != 1 or len(system.jumps[0].terms) != 1:
        return []
    return _of_driven_spin(system) + _of_dicke(system)


def _terms(system: System) -> dict[frozenset[tuple[Symbol, Any]], complex]:
    """The Hamiltonian without its constant."""
    return {frozenset(m): v for (m, _), v in system.hamiltonian.terms.items() if m}


def _jump(system: System) -> tuple[Symbol, Any, float] | None:
    """Node, operator and rate of the only jump, if it acts on one node."""
    (((monomial, _), value),) = system.jumps[0].terms.items()
    if len(monomial) != 1:
        return None
    return monomial[0][0], monomial[0][1], abs(value) ** 2


def _large(symbol: Symbol) -> bool:
    return isinstance(symbol.factor, SpinFactor) and symbol.factor.N > 1


# ------------------------------------------------------------ a driven spin


def _of_driven_spin(system: System) -> list[Prediction]:
    if system.n != 1 or not _large(system.symbols[0]):
        return []
    (symbol,) = system.symbols
    terms, jump = _terms(system), _jump(system)
    up, down = frozenset({(symbol, (1, 0, 0))}), frozenset({(symbol, (0, 0, 1))})
    if set(terms) != {up, down} or jump is None or jump[1] != (0, 0, 1):
        return []
    N = symbol.N
    omega, kappa = 2 * abs(terms[up]), 0.5 * N * jump[2]
    if omega == kappa:
        return []
    source = "F. Iemini et al., Phys. Rev. Lett. 121, 035301 (2018)"
    if omega < kappa:
        height = -float(np.sqrt(1 - (omega / kappa) ** 2))
        return [
            Prediction(
                name="rest",
                statement=f"for N → ∞ the driven spin comes to rest at ⟨Sz⟩/(N/2) = {height:.6g}",
                source=source,
                correction="of the order 1/N",
                limits={"height": height},
                test=lambda result: _comes_to(result, 0.5 * N, height, -kappa * height),
            )
        ]
    return [
        Prediction(
            name="time crystal",
            statement="for N → ∞ the driven spin goes on oscillating (drive above the decay)",
            source=source,
            correction="for finite N the oscillations die out ever later",
            test=_goes_on,
        )
    ]


def _height(result: Any) -> np.ndarray | None:
    """S_z of the only spin of a mean-field run."""
    if type(result).__name__ != "ClassicalResult" or len(result.times) < 6:
        return None
    names = [c.symbol for c in result.model.classical.coordinates]
    spin = next(s for s in result.model.symbols if _large(s))
    return np.asarray(result.coordinates[:, names.index(spin) + 2])


def _comes_to(result: Any, half: float, height: float, rate: float) -> tuple[bool | None, str]:
    z = _height(result)
    if z is None:
        return None, "said of the mean field; run mfsolve"
    late = z[-max(2, len(z) // 3) :] / half
    if np.ptp(late) > 1e-4 or rate * float(np.ptp(result.times[-len(late) :])) < 1:
        return None, "the run is too short: the spin still moves"
    if np.ptp(z / half) < 1e-3 and abs(late[-1] - height) > 1e-2:
        return None, "the spin began where it rests, which need not be stable"
    return bool(abs(late[-1] - height) < 2e-3), f"⟨Sz⟩/(N/2) = {late[-1]:.6g}"


def _goes_on(result: Any) -> tuple[bool | None, str]:
    z = _height(result)
    if z is None:
        return None, "said of the mean field; run mfsolve"
    early = z[: len(z) // 2]
    first, last = np.ptp(early), np.ptp(z[len(z) // 2 :])
    if first < 1e-2 * np.abs(result.coordinates[0]).max():
        return None, "the spin began at a centre, where it stays, or the run is too short"
    if np.count_nonzero(np.diff(np.sign(np.diff(early)))) < 2:
        return None, "the run is too short: half of it is less than one swing"
    return bool(last > 0.3 * first), f"it swings over {last:.4g} late, {first:.4g} before"


# ------------------------------------------------------------ Dicke


def _of_dicke(system: System) -> list[Prediction]:
    """H=ω b†b + ω0 Sz + (λ/√N)(b+b†)(S+ + S−), √κ b."""
    modes = [s for s in system.symbols if isinstance(s.factor, ModeFactor)]
    spins = [s for s in system.symbols if _large(s)]
    jump = _jump(system)
    if system.n != 2 or len(modes) != 1 or len(spins) != 1 or jump is None:
        return []
    (b,), (S,) = modes, spins
    terms = _terms(system)
    number, z = frozenset({(b, (1, 1))}), frozenset({(S, (0, 1, 0))})
    mixed = [
        frozenset({(b, own), (S, other)})
        for own in ((1, 0), (0, 1))
        for other in ((1, 0, 0), (0, 0, 1))
    ]
    if set(terms) != {number, z, *mixed} or jump[:2] != (b, (0, 1)):
        return []
    values = [terms[m] for m in mixed]
    if max(abs(v - values[0]) for v in values) > 1e-12 * abs(values[0]) or values[0].imag:
        return []
    N = S.N
    omega, atom, kappa = terms[number].real, terms[z].real, jump[2]
    coupling = float(abs(values[0]) * np.sqrt(N))
    if omega <= 0 or atom <= 0:
        return []
    critical = float(np.sqrt(atom * (omega**2 + kappa**2 / 4) / (4 * omega)))
    height = -min(1.0, (critical / coupling) ** 2)
    word = "superradiant" if coupling > critical else "empty"
    return [
        Prediction(
            name="superradiance",
            statement=(
                f"for N → ∞ the cavity becomes {word} (λ={coupling:.6g}, λ_c={critical:.6g}) with "
                f"⟨Sz⟩/(N/2) = {height:.6g}"
            ),
            source="F. Dimer et al., Phys. Rev. A 75, 013804 (2007)",
            correction="of the order 1/N",
            limits={"critical": critical, "height": height},
            test=lambda result: _comes_to(result, 0.5 * N, height, _slowest(system, b, S, height)),
        )
    ]


def _slowest(system: System, b: Symbol, S: Symbol, height: float) -> float:
    """The slowest rate about where the mean field of the model comes to rest."""
    N, terms = S.N, _terms(system)
    across = 0.5 * N * float(np.sqrt(1 - height**2))
    g, omega = terms[frozenset({(b, (1, 0)), (S, (1, 0, 0))})].real, terms[frozenset({(b, (1, 1))})]
    jump = _jump(system)
    assert jump is not None
    beta = -2 * g * across / (omega.real - 0.5j * jump[2])
    own = {b: np.sqrt(2) * np.array([beta.real, beta.imag]), S: [across, 0.0, 0.5 * N * height]}
    rest = np.concatenate([own[s] for s in system.symbols])
    rates = -np.linalg.eigvals(system.jacobian(rest)).real
    # the length of the spin does not change
    return float(np.delete(rates, np.argmin(np.abs(rates))).min())
