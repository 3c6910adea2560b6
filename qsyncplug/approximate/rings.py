"""What is known about rings of equal van der Pol oscillators: their rotating waves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.predictions import Prediction
from ..operators.symbol import Symbol
from ..operators.system import System

__all__ = ["Ring", "predictions_of_ring", "ring_of"]

_SOURCE = (
    "linearised about r e^{i(2πqj/n−ωt)}; W. Eckhaus, Studies in Non-Linear Stability Theory (1965)"
    " on a ring"
)


@dataclass(frozen=True)
class Ring:
    """Rates of n ≥ 3 equal oscillators, each coupled dissipatively to two others.

    Attributes
    ----------
    order : tuple of int
        The oscillators, one after the other round the ring.
    gain, loss, coupling : float
        g1, g2 and V.
    """

    order: tuple[int, ...]
    gain: float
    loss: float
    coupling: float

    @property
    def waves(self) -> tuple[int, ...]:
        """Windings q of the waves that exist, |q| ≤ n/2."""
        n = len(self.order)
        return tuple(q for q in range(-((n - 1) // 2), n // 2 + 1) if self.radius2(q) > 0)

    def radius2(self, q: int) -> float:
        """r² of the wave with winding q: (g1/2 − V(1−cos 2πq/n))/g2."""
        angle = 2 * np.pi * q / len(self.order)
        return float((0.5 * self.gain - self.coupling * (1 - np.cos(angle))) / self.loss)

    def growth(self, q: int) -> float:
        """Largest growth rate of a perturbation of the wave, the common phase apart."""
        n, angle = len(self.order), 2 * np.pi * q / len(self.order)
        k = 2 * np.pi * np.arange(1, n) / n
        across = self.coupling * np.cos(angle) * (1 - np.cos(k))
        along = self.coupling * np.sin(angle) * np.sin(k)
        radial = self.loss * self.radius2(q)
        # roots of (λ+A+2g2r²)(λ+A) = B², and the radius of the wave itself
        rates = -across - radial + np.sqrt(radial**2 + along**2)
        return float(max(rates.max(), -2 * radial))

    @property
    def stable(self) -> tuple[int, ...]:
        """Windings of the waves that are stable."""
        return tuple(q for q in self.waves if self.growth(q) < 0)


def ring_of(system: System) -> Ring | None:
    """The ring, if the system is one."""
    if not (system.bosonic and system.n >= 3 and system.isconstant):
        return None
    frequencies: dict[Symbol, float] = dict.fromkeys(system.symbols, 0.0)
    for (monomial, _), value in system.hamiltonian.terms.items():
        if monomial and (len(monomial) > 1 or monomial[0][1] != (1, 1)):
            return None
        if monomial:
            frequencies[monomial[0][0]] = value.real
    gain, loss = dict.fromkeys(system.symbols, 0.0), dict.fromkeys(system.symbols, 0.0)
    bonds: dict[frozenset[Symbol], float] = {}
    for jump in system.jumps:
        rows = [(m[0], v) for (m, _), v in jump.terms.items() if len(m) == 1]
        if len(rows) != len(jump.terms):
            return None
        keys = [key for (_, key), _ in rows]
        if keys in ([(1, 0)], [(0, 2)]):
            table = gain if keys == [(1, 0)] else loss
            table[rows[0][0][0]] += abs(rows[0][1]) ** 2
        elif keys == [(0, 1)] * 2 and abs(rows[0][1] + rows[1][1]) < 1e-12 * abs(rows[0][1]):
            pair = frozenset((rows[0][0][0], rows[1][0][0]))
            bonds[pair] = bonds.get(pair, 0.0) + abs(rows[0][1]) ** 2
        else:
            return None
    equal = all(_same(list(x.values())) for x in (frequencies, gain, loss, bonds))
    if not equal or not bonds or not min(gain.values()) or not min(loss.values()):
        return None
    order = _round(system, set(bonds))
    first = system.symbols[0]
    return order and Ring(order, gain[first], loss[first], next(iter(bonds.values())))


def _same(values: list[float]) -> bool:
    return bool(values) and float(np.ptp(values)) <= 1e-12 * max(np.abs(values))


def _round(system: System, bonds: set[frozenset[Symbol]]) -> Any:
    """The oscillators round the ring, or None where the bonds are no single ring."""
    if len(bonds) != system.n:
        return None
    way, left = [system.symbols[0]], set(bonds)
    while left:
        # the same way round whatever the order of a set
        ahead = [s for s in system.symbols if frozenset((way[-1], s)) in left]
        if not ahead:
            return None
        left.remove(frozenset((way[-1], ahead[0])))
        way.append(ahead[0])
    if way[0] is not way[-1] or len(set(way)) != system.n:
        return None
    return tuple(system.symbols.index(s) for s in way[:-1])


def predictions_of_ring(system: System) -> list[Prediction]:
    """Which rotating waves a ring settles to."""
    ring = ring_of(system)
    if ring is None or not ring.stable:
        return []
    words = ", ".join(f"{q:+d}" if q else "0 (in phase)" for q in ring.stable)
    return [
        Prediction(
            name="rotating waves",
            statement=f"mean-field waves e^(2πiqj/n) of the ring are stable for q = {words}",
            source=_SOURCE,
            correction="other attractors are not excluded",
            limits={"stable": ring.stable},
            rate=-max(ring.growth(q) for q in ring.stable),
            test=lambda result: _is_wave(ring, result),
        )
    ]


def _is_wave(ring: Ring, result: Any) -> tuple[bool | None, str]:
    """Whether a run that settled to a wave settled to one that is stable."""
    if result.stats.get("closure") not in ("linear", "none"):
        return None, "said of the mean field; run mfsolve"
    beta = np.asarray(result.amplitudes)[:, list(ring.order)]
    if len(beta) < 6 or np.abs(beta).min() < 1e-6:
        return None, "an oscillator has no phase"
    steps = np.angle(np.roll(beta, -1, axis=1) * beta.conj())
    late = steps[-max(2, len(steps) // 3) :]
    if np.abs(late - late[-1]).max() > 1e-3:
        return None, "the run is too short: the phases still move"
    if np.ptp(late[-1]) > 1e-2:
        return None, "the run rests in no wave of equal steps"
    q = round(float(late[-1].sum()) / (2 * np.pi))
    # half a turn either way is the same wave
    known = q in ring.stable or (2 * abs(q) == len(ring.order) and abs(q) in ring.stable)
    if not known and np.abs(np.exp(1j * steps[0]) - np.exp(1j * steps[-1])).max() < 0.1:
        return None, f"the run began in the wave {q:+d}, which is not stable"
    return known, f"the run came to the winding {q:+d}"
