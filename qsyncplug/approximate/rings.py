"""What is known about rings of equal van der Pol oscillators: their rotating waves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from ..core.predictions import Prediction
from ..operators.states import ProductState
from ..operators.symbol import Symbol
from ..operators.system import System

__all__ = ["Ring", "predictions_of_ring", "ring_of"]

#: by e^40 rounding becomes as large as what it disturbs
_GROWN = 40
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
    """The ring of equal oscillators, if the system is one."""
    found = _ring_with_frequencies(system)
    return found[0] if found is not None and _same(found[1]) else None


def _ring_with_frequencies(system: System) -> tuple[Ring, list[float]] | None:
    """A ring of oscillators that may differ in frequency, and their frequencies round it."""
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
    equal = all(_same(list(x.values())) for x in (gain, loss, bonds))
    if not equal or not bonds or not min(gain.values()) or not min(loss.values()):
        return None
    order = _round(system, set(bonds))
    if order is None:
        return None
    first = system.symbols[0]
    ring = Ring(order, gain[first], loss[first], next(iter(bonds.values())))
    return ring, [frequencies[system.symbols[k]] for k in order]


def _same(values: list[float]) -> bool:
    return bool(values) and bool(np.ptp(values) <= 1e-12 * max(np.abs(values)))


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


def predictions_of_ring(system: System, start: ProductState) -> list[Prediction]:
    """Which rotating waves a ring settles to, and whether different frequencies lock."""
    found = _ring_with_frequencies(system)
    if found is None:
        return []
    ring, frequencies = found
    if not _same(frequencies):
        beta = np.array([start.alpha[system.symbols[k]] for k in ring.order])
        return _of_frequencies(ring, np.array(frequencies), beta)
    if not ring.stable:
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
    if not known:
        if np.abs(np.exp(1j * steps[0]) - np.exp(1j * steps[-1])).max() < 0.1:
            return None, f"the run began in the wave {q:+d}, which is not stable"
        # a start that is symmetric comes near such a wave, and leaves it when rounding has grown
        if ring.growth(q) * float(np.ptp(result.times[-len(late) :])) < _GROWN:
            return None, f"the run came near the wave {q:+d}, which is not stable"
    return known, f"the run came to the winding {q:+d}"


# ------------------------------------------------------------ different frequencies

_ADLER = "R. Adler, Proc. IRE 34, 351 (1946), for every bond of the ring"
#: coupling and spread of frequencies in units of the gain where the radii stay equal
_WEAK = 0.06
#: when phases that drift have settled, in 1/V; over how many turns of the spread they are averaged,
#: and what the averages may be off by, in units of the spread
_SETTLED, _TURNS, _ACCURATE = 40, 40, 0.01


def _lags(frequencies: np.ndarray, coupling: float, winding: int) -> np.ndarray | None:
    """x_{j+1}−x_j of the stable state of ẋ_j = ω_j + (V/2) Σ sin(x_k−x_j) with this winding.

    What flows over the bonds is c less the partial sums of ω−ω̄, and c makes the lags add up.
    """
    flow = -np.cumsum(frequencies - frequencies.mean())
    half = 0.5 * coupling
    low, high = -half - flow.min(), half - flow.max()
    if not low < high:
        return None

    def excess(c: float) -> float:
        return float(np.arcsin(np.clip((c + flow) / half, -1, 1)).sum()) - 2 * np.pi * winding

    if not excess(low) < 0 < excess(high):
        return None
    c = float(brentq(excess, low, high, xtol=1e-14))
    return np.asarray(np.arcsin((c + flow) / half))


def _drift_rates(
    frequencies: np.ndarray, coupling: float, phases: np.ndarray
) -> tuple[np.ndarray, float]:
    """Mean rates of x_{j+1}−x_j where the phases ẋ_j = ω_j + (V/2) Σ sin(x_k−x_j) go to, and by how
    much they differ between two parts of the run.
    """
    begin = _SETTLED / coupling
    times = np.linspace(begin, begin + _TURNS * 2 * np.pi / np.ptp(frequencies), 30 * _TURNS)

    def rate(t: float, x: np.ndarray) -> np.ndarray:
        ahead = np.sin(np.roll(x, -1) - x)
        return np.asarray(frequencies + 0.5 * coupling * (ahead - np.roll(ahead, 1)))

    options = {"method": "DOP853", "rtol": 1e-7, "atol": 1e-7, "max_step": 1 / coupling}
    run = solve_ivp(rate, (0.0, times[-1]), phases, t_eval=times, **options)
    steps = np.roll(run.y, -1, axis=0) - run.y
    half = len(times) // 2
    early, late = _mean_rate(times[:half], steps.T[:half]), _mean_rate(times[half:], steps.T[half:])
    return _mean_rate(times, steps.T), float(np.abs(late - early).max())


def _mean_rate(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean rates of values (T, n), weighted so that what repeats in them averages out."""
    s = (np.arange(len(times) - 1) + 0.5) / (len(times) - 1)
    weight = np.exp(-1 / (s * (1 - s)))
    rates = np.diff(values, axis=0) / np.diff(times)[:, None]
    return np.asarray(weight @ rates / weight.sum())


def _of_frequencies(ring: Ring, frequencies: np.ndarray, beta: np.ndarray) -> list[Prediction]:
    V, spread = ring.coupling, float(np.ptp(frequencies))
    if max(V, spread) > _WEAK * ring.gain:
        return []
    weakness = 4 * max(V, spread) / ring.gain
    windings = range(-(len(frequencies) // 4) - 1, len(frequencies) // 4 + 2)
    known = _lags(frequencies, V * (1 - weakness), 0), _lags(frequencies, V, 0)
    correction = f"to first order of V/g1 = {V / ring.gain:.2g}; other windings are not excluded"
    if known[0] is not None and known[1] is not None:
        lags = known[1]
        text = ", ".join(f"{x:.4g}" for x in lags)
        return [
            Prediction(
                name="ring locks",
                statement=f"the mean-field phases of the ring lock: x_(j+1)−x_j → {text}",
                source=_ADLER,
                correction=correction,
                limits={"lags": lags},
                test=lambda result: _is_locked(ring, result, lags, weakness),
            )
        ]
    if any(_lags(frequencies, V * (1 + weakness), q) is not None for q in windings):
        return []
    drifts = Prediction(
        name="ring drifts",
        statement="the mean-field phases of the ring do not lock: some drift apart for ever",
        source=_ADLER,
        correction=correction,
        test=lambda result: _drifts(ring, result, V),
    )
    return [drifts, *_beats(ring, frequencies, beta, correction)]


def _beats(
    ring: Ring, frequencies: np.ndarray, beta: np.ndarray, correction: str
) -> list[Prediction]:
    """How fast the phases of a ring that does not lock drift apart."""
    if np.abs(beta).min() == 0:
        return []
    rates, error = _drift_rates(frequencies, ring.coupling, -np.angle(beta))
    spread = float(np.ptp(frequencies))
    if error > _ACCURATE * spread:
        return []
    text = ", ".join(f"{x:.4g}" for x in rates)
    return [
        Prediction(
            name="ring beats",
            statement=f"the mean-field phases drift apart at the mean rates x_(j+1)−x_j: {text}",
            source=f"{_ADLER}, integrated from the phases of the start",
            correction=correction,
            limits={"beat frequencies": rates},
            period=2 * np.pi / float(np.abs(rates).max()),
            test=lambda result: _has_beats(ring, result, rates, spread),
        )
    ]


def _has_beats(
    ring: Ring, result: Any, rates: np.ndarray, spread: float
) -> tuple[bool | None, str]:
    steps = _steps(ring, result)
    if steps is None:
        return None, "said of the mean field, with outputs close to each other; run mfsolve"
    times, third = np.asarray(result.times), len(steps) // 3
    parts = [_mean_rate(times[k:], steps[k:]) for k in (third, 2 * third)]
    turns = spread * float(times[-1] - times[2 * third]) / (2 * np.pi)
    off = float(np.abs(parts[0] - rates).max())
    known = 2 * _ACCURATE * spread + float(np.abs(parts[1] - parts[0]).max())
    text = f"off by {off:.2g} ({off / spread:.1%} of the spread)"
    if turns < 3 or known > 0.1 * spread:
        return None, "the run is too short"
    return (True if off < known else False if off > 3 * known else None), text


def _steps(ring: Ring, result: Any) -> np.ndarray | None:
    """x_{j+1}−x_j of a mean-field run (T, n), continuous in time."""
    if result.stats.get("closure") not in ("linear", "none"):
        return None
    beta = np.asarray(result.amplitudes)[:, list(ring.order)]
    if len(beta) < 6 or np.abs(beta).min() < 1e-6:
        return None
    steps = np.unwrap(np.angle(beta * np.roll(beta, -1, axis=1).conj()), axis=0)
    return steps if np.abs(np.diff(steps, axis=0)).max() < 2 else None


def _is_locked(
    ring: Ring, result: Any, lags: np.ndarray, weakness: float
) -> tuple[bool | None, str]:
    steps = _steps(ring, result)
    if steps is None:
        return None, "said of the mean field, with outputs close to each other; run mfsolve"
    late = steps[-max(2, len(steps) // 4) :]
    waited = _slowest(ring, lags) * float(np.ptp(result.times[-len(late) :]))
    if np.abs(late - late[-1]).max() > 1e-3 or waited < 1:
        return None, "the run is too short: the phases still move"
    last = np.angle(np.exp(1j * late[-1]))
    if abs(last.sum()) > 1:
        return None, f"the run rests in a state of winding {round(last.sum() / (2 * np.pi)):+d}"
    if np.cos(last).min() < 0:
        return None, "the run rests in a state that is not the stable one"
    off, allowed = float(np.abs(last - lags).max()), 0.01 + 0.1 * weakness
    if allowed < off < 3 * allowed:
        return None, f"off by {off:.2g}: the coupling is not weak enough to tell"
    return off <= allowed, f"off by {off:.2g}"


def _slowest(ring: Ring, lags: np.ndarray) -> float:
    """The rate at which the phases come to these lags at last: of (V/2) cos on every bond."""
    bond, n = 0.5 * ring.coupling * np.cos(lags), len(lags)
    L = np.diag(bond + np.roll(bond, 1))
    for j in range(n):
        L[j, (j + 1) % n] -= bond[j]
        L[(j + 1) % n, j] -= bond[j]
    return float(np.linalg.eigvalsh(L)[1])


def _drifts(ring: Ring, result: Any, coupling: float) -> tuple[bool | None, str]:
    steps = _steps(ring, result)
    if steps is None:
        return None, "said of the mean field, with outputs close to each other; run mfsolve"
    times = np.asarray(result.times)
    turns = float(np.ptp(steps[len(steps) // 2 :], axis=0).max()) / (2 * np.pi)
    if turns > 1:
        return True, f"{turns:.2g} turns in the second half"
    late = steps[-max(2, len(steps) // 4) :]
    # a passage may take long, but what rests for so long rests
    if coupling * (times[-1] - times[0]) > 100 and np.abs(late - late[-1]).max() < 1e-6:
        return False, "the phases rest"
    return None, "the run is too short"
