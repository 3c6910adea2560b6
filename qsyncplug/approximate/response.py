"""First-order response of oscillators without a phase of their own: to a weak drive, and to a weak
coupling of two of them. With a Kerr nonlinearity the levels show: resonances and blockade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import solve_sylvester

from ..core.predictions import Prediction
from ..operators.individual import EachAtom
from ..operators.symbol import Symbol
from ..operators.system import System

__all__ = ["predictions_of_response"]

_DRIVEN = "N. Lörch, E. Amitai, A. Nunnenkamp, C. Bruder, Phys. Rev. Lett. 117, 073601 (2016)"
_COUPLED = "N. Lörch, S. E. Nigg, A. Nunnenkamp, R. P. Tiwari, C. Bruder, PRL 118, 243602 (2017)"
#: levels of the undriven oscillators, and what the highest may hold
_LEVELS, _REST = 60, 1e-9
#: a drive or coupling above this part of the smallest width is not weak
_WEAK = 0.1


@dataclass
class _Oscillator:
    """H = ω n + K b†²b² with gain g, loss κ and two-quantum loss g2."""

    frequency: float = 0.0
    kerr: float = 0.0
    gain: float = 0.0
    loss: float = 0.0
    two: float = 0.0

    def out(self) -> np.ndarray:
        """Rate at which each level is left, (N,)."""
        n = np.arange(_LEVELS)
        return np.asarray(self.gain * (n + 1) + self.loss * n + self.two * n * (n - 1))

    def moves(self) -> np.ndarray:
        """Rates between the levels, (N, N)."""
        n = np.arange(_LEVELS)
        rates = np.diag(-self.out())
        rates += np.diag(self.gain * n[1:], -1) + np.diag(self.loss * n[1:], 1)
        rates += np.diag(self.two * n[2:] * (n[2:] - 1), 2)
        # what leaves the highest level upwards stays
        rates[-1, -1] += self.gain * _LEVELS
        return rates

    def populations(self) -> np.ndarray | None:
        """Of the steady state, or None where more levels hold it."""
        rates = self.moves()
        rates[-1] = 1.0
        p = np.linalg.solve(rates, np.eye(_LEVELS)[-1])
        return p if p[-5:].max() < _REST and p.min() > -1e-9 else None

    def coherences(self) -> np.ndarray:
        """What moves the elements ρ_{n+1,n}, (N−1, N−1)."""
        n, out = np.arange(_LEVELS - 1), self.out()
        L = np.diag(-1j * (self.frequency + 2 * self.kerr * n) - 0.5 * (out[1:] + out[:-1]))
        L += np.diag(self.gain * np.sqrt((n[1:] + 1.0) * n[1:]), -1)
        L += np.diag(self.loss * np.sqrt((n[:-1] + 2.0) * (n[:-1] + 1.0)), 1)
        k = n[:-2]
        return L + np.diag(self.two * (k + 2.0) * np.sqrt((k + 3.0) * (k + 1.0)), 2)

    def slowest(self) -> float:
        """Rate of the slowest decay of populations and of coherences of neighbours."""
        found = np.linalg.eigvals(self.coherences()).real
        decays = np.sort(-np.linalg.eigvals(self.moves()).real)
        # the first is the steady state
        return float(min(-found.max(), decays[1]))

    @property
    def width(self) -> float:
        """Of the lowest transition."""
        return float(0.5 * (self.out()[0] + self.out()[1]))


def predictions_of_response(system: System) -> list[Prediction]:
    """The response of one driven oscillator, or of two that exchange quanta."""
    if not (system.bosonic and system.n <= 2 and system.isconstant):
        return []
    found = _parts(system)
    if found is None:
        return []
    oscillators, drives, exchange = found
    if system.n == 1 and exchange == 0 and drives[0]:
        return _of_drive(oscillators[0], drives[0])
    if system.n == 2 and exchange and not any(drives):
        return _of_exchange(oscillators, exchange)
    return []


def _parts(system: System) -> tuple[list[_Oscillator], list[complex], complex] | None:
    """Oscillators, coefficients of b† and the one of b1†b2; None where there is anything else."""
    table = {s: _Oscillator() for s in system.symbols}
    drives: dict[Symbol, complex] = dict.fromkeys(system.symbols, 0j)
    exchange = 0j
    for (monomial, _), value in system.hamiltonian.terms.items():
        keys = [key for _, key in monomial]
        if keys == [(1, 1)]:
            table[monomial[0][0]].frequency = value.real
        elif keys == [(2, 2)]:
            table[monomial[0][0]].kerr = value.real
        elif keys == [(1, 0)]:
            drives[monomial[0][0]] = value
        elif keys == [(1, 0), (0, 1)]:
            exchange = value
        elif keys not in ([], [(0, 1)], [(0, 1), (1, 0)]):
            return None
    for jump in system.jumps:
        if isinstance(jump, EachAtom) or len(jump.terms) != 1:
            return None
        (((monomial, _), value),) = jump.terms.items()
        names = {(1, 0): "gain", (0, 1): "loss", (0, 2): "two"}
        if len(monomial) != 1 or monomial[0][1] not in names:
            return None
        own, name = table[monomial[0][0]], names[monomial[0][1]]
        setattr(own, name, getattr(own, name) + abs(value) ** 2)
    order = system.symbols
    # the terms of a Hamiltonian are in the order of the symbols' ranks
    if system.n == 2 and order[0].rank > order[1].rank:
        exchange = exchange.conjugate()
    return [table[s] for s in order], [drives[s] for s in order], exchange


def _of_drive(own: _Oscillator, drive: complex) -> list[Prediction]:
    p = own.populations() if own.width else None
    if p is None or abs(drive) > _WEAK * own.width:
        return []
    root = np.sqrt(np.arange(1.0, _LEVELS))
    source = -1j * drive * root * (p[:-1] - p[1:])
    b = complex(-root @ np.linalg.solve(own.coherences(), source))
    text = f"to first order of the drive ⟨b⟩ = {b:.6g}"
    if own.kerr:
        text += f"; the transition n → n+1 is resonant at Δ = 2Kn, n = 0, 1, … (K={own.kerr:g})"
    return [
        Prediction(
            name="weak drive",
            statement=text,
            source=_DRIVEN,
            correction="of the third order of the drive",
            limits={"amplitude": b},
            test=lambda result: _agrees(result, b, abs(drive) / own.width, [own]),
        )
    ]


def _of_exchange(pair: list[_Oscillator], J: complex) -> list[Prediction]:
    if not all(x.width for x in pair) or abs(J) > _WEAK * min(x.width for x in pair):
        return []
    p, q = (x.populations() for x in pair)
    if p is None or q is None:
        return []
    root = np.sqrt(np.arange(1.0, _LEVELS))
    # elements |n+1, m⟩⟨n, m+1|: where both have the same populations, n=m is not moved at all
    source = -1j * J * np.outer(root, root) * (np.outer(p[:-1], q[1:]) - np.outer(p[1:], q[:-1]))
    X = solve_sylvester(pair[0].coherences(), pair[1].coherences().conj().T, -source)
    z = complex((np.outer(root, root) * X).sum().conjugate())
    text = f"to first order of the coupling ⟨b1†b2⟩ = {z:.6g}"
    if pair[0].kerr and pair[0] == pair[1]:
        text += "; blockade: equal transitions of equal oscillators have equal populations"
    return [
        Prediction(
            name="weak coupling",
            statement=text,
            source=_COUPLED,
            correction="of the third order of the coupling",
            limits={"coherence": z},
            test=lambda result: _agrees(result, z, abs(J) / pair[0].width, pair),
        )
    ]


def _agrees(
    result: Any, expected: complex, weakness: float, own: list[_Oscillator]
) -> tuple[bool | None, str]:
    """Whether a settled exact run has the value to a tenth, or to a thousandth of what a response
    of this order may be.
    """
    if type(result).__name__ != "ExactResult":
        return None, "said of the quantum state; run exactsolve"
    values = result.amplitudes[:, 0] if len(own) == 1 else result.normal[:, 0, 1]
    late = values[-max(2, len(values) // 3) :]
    off, floor = abs(complex(values[-1]) - expected), 1e-3 * weakness
    allowed = 0.1 * abs(expected) + floor
    waited = min(x.slowest() for x in own) * float(np.ptp(result.times[-len(late) :]))
    if len(values) < 6 or float(np.abs(late - late[-1]).max()) > 0.1 * allowed or waited < 1:
        return None, "the run has not settled"
    if allowed < off < 3 * allowed:
        return None, f"{complex(values[-1]):.5g}: the response is not quite of first order"
    return bool(off <= allowed), f"{complex(values[-1]):.5g}"
