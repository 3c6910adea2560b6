"""What is known beforehand about a system: symmetries, locking of van der Pol pairs, rings, two
lasers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.entry import predictions
from ..core.predictions import Prediction, Predictions
from ..operators.states import ProductState
from ..operators.symmetries import forbidden
from ..operators.system import System
from .laser import predictions_of_laser, predictions_of_two_lasers
from .response import predictions_of_response
from .rings import predictions_of_ring
from .thresholds import predictions_of_thresholds

__all__ = ["predictions_of_system"]


@dataclass(frozen=True)
class _Pair:
    """Rates of two equal van der Pol oscillators with dissipative coupling."""

    gain: float
    loss: float
    detuning: float
    coupling: float


def _pair(system: System) -> _Pair | None:
    """The rates, if the system is such a pair."""
    if not (system.bosonic and system.n == 2 and system.isconstant):
        return None
    first, second = system.symbols
    omega = {first: 0.0, second: 0.0}
    for (monomial, _), value in system.hamiltonian.terms.items():
        if len(monomial) > 1 or (monomial and monomial[0][1] != (1, 1)):
            return None
        if monomial:
            omega[monomial[0][0]] = value.real
    gain, loss = {first: 0.0, second: 0.0}, {first: 0.0, second: 0.0}
    coupling = 0.0
    for jump in system.jumps:
        rows = [(m, v) for (m, _), v in jump.terms.items()]
        if any(len(m) != 1 for m, _ in rows):
            return None
        keys = [m[0][1] for m, _ in rows]
        if keys == [(1, 0)]:
            gain[rows[0][0][0][0]] += abs(rows[0][1]) ** 2
        elif keys == [(0, 2)]:
            loss[rows[0][0][0][0]] += abs(rows[0][1]) ** 2
        elif keys == [(0, 1), (0, 1)] and abs(rows[0][1] + rows[1][1]) < 1e-12 * abs(rows[0][1]):
            coupling += abs(rows[0][1]) ** 2
        else:
            return None
    same = abs(gain[first] - gain[second]) < 1e-12 * max(gain[first], 1e-300)
    same &= abs(loss[first] - loss[second]) < 1e-12 * max(loss[first], 1e-300)
    if not same or not gain[first] or not loss[first] or not coupling:
        return None
    return _Pair(gain[first], loss[first], omega[first] - omega[second], coupling)


@predictions.register(System)
def predictions_of_system(system: System, state0: Any) -> Predictions[Prediction]:
    """What is known about a system; see :func:`qsyncplug.predictions`.

    Parameters
    ----------
    system : System
    state0 : mapping or array_like
        As :func:`qsyncplug.mfsolve` takes it.

    Returns
    -------
    Predictions
        Symmetry-forbidden amplitudes and coherences, coherences that exchange makes real; the
        locking range, rate, beat frequency and oscillation death of two equal van der Pol
        oscillators; the stable rotating waves of a ring of them, and the lags or the beats of one
        with different frequencies; the response of an oscillator to a weak drive and of two to a
        weak coupling (Kerr resonances, blockade); time crystals and superradiance of large spins;
        the threshold of a laser and the locking of two.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> pair = qsp.van_der_pol_pair(loss=0.1, detuning=0.3, dissipative=0.5)
    >>> print(f"{qsp.predictions(pair, [1, 1])['locking'].rate:.4f}")
    0.4000
    """
    start = ProductState(system, state0)
    items = _symmetries(system)
    pair = _pair(system)
    if pair is not None:
        items += _of_pair(pair)
    items += predictions_of_ring(system, start) + predictions_of_thresholds(system)
    items += predictions_of_laser(system) + predictions_of_two_lasers(system)
    items += predictions_of_response(system)
    return Predictions(items)


# ------------------------------------------------------------ symmetries


def _symmetries(system: System) -> list[Prediction]:
    if not system.isconstant or not system.jumps:
        return []
    names = [x.name for x in system.symbols]
    amplitudes, coherences = forbidden(system.symbols, system.hamiltonian, system.jumps)
    gone = [j for j in range(system.n) if amplitudes[j]]
    out = []
    if gone:
        out.append(
            Prediction(
                name="no amplitudes",
                statement=f"a unique steady state has no amplitude of "
                f"{', '.join(names[j] for j in gone)}",
                source="V. V. Albert, L. Jiang, Phys. Rev. A 89, 022118 (2014)",
                test=lambda result: _no_amplitude(gone, result),
            )
        )
    pairs = [(j, k) for j in range(system.n) for k in range(j) if coherences[j][k]]
    if pairs:
        text = ", ".join(f"{names[k]}–{names[j]}" for j, k in pairs)
        out.append(
            Prediction(
                name="forbidden coherences",
                statement=f"a unique steady state has no coherence ⟨b_j†b_k⟩ of {text}",
                source="V. V. Albert, L. Jiang, Phys. Rev. A 89, 022118 (2014)",
                test=lambda result: _no_coherence(pairs, result),
            )
        )
    swapped = [
        (j, k)
        for j in range(system.n)
        for k in range(j)
        if (j, k) not in pairs and any(x[j] == k and x[k] == j for x in system.symmetries.exchange)
    ]
    if swapped:
        text = ", ".join(f"{names[k]}–{names[j]}" for j, k in swapped)
        out.append(
            Prediction(
                name="in phase or opposite",
                statement=f"a unique steady state has a real coherence ⟨b_j†b_k⟩ of {text}: the "
                "exchange of both leaves the master equation as it is",
                source="V. V. Albert, L. Jiang, Phys. Rev. A 89, 022118 (2014)",
                test=lambda result: _real_coherence(swapped, result),
            )
        )
    return out


def _of_steady_state(values: np.ndarray, what: str) -> tuple[bool | None, str]:
    """Whether what is 0 in a unique steady state has gone at the end of a run.

    What rests at another value is a contradiction only if it moved before and now stands still to
    rounding: otherwise the run is short, or the system has a rate that is slower than the run.
    """
    late = values[-max(2, len(values) // 3) :]
    last, moves = float(values[-1].max()), float(np.abs(late - late[-1]).max())
    text = f"largest late {what} {last:.2g}"
    if len(values) < 6 or moves > 1e-3:
        return None, "the run has not settled"
    if last < 1e-2:
        return True, text
    if moves > 1e-9 or float(np.abs(values - values[-1]).max()) < 1e-2:
        return None, f"{text}, which the run is too short to tell from a slow decay"
    return False, f"{text}: the steady state is not unique, or another system's"


def _no_amplitude(gone: list[int], result: Any) -> tuple[bool | None, str]:
    if type(result).__name__ != "ExactResult":
        return None, "said of the quantum state; an approximation keeps its phase"
    return _of_steady_state(np.abs(np.asarray(result.amplitudes)[:, gone]), "amplitude")


def _no_coherence(pairs: list[tuple[int, int]], result: Any) -> tuple[bool | None, str]:
    normal = getattr(result, "normal", None)
    if type(result).__name__ != "ExactResult" or normal is None:
        return None, "said of the quantum state; run exactsolve"
    values = np.array([[abs(row[j, k]) for j, k in pairs] for row in normal])
    return _of_steady_state(values, "coherence")


def _real_coherence(pairs: list[tuple[int, int]], result: Any) -> tuple[bool | None, str]:
    normal = getattr(result, "normal", None)
    if type(result).__name__ != "ExactResult" or normal is None:
        return None, "said of the quantum state; run exactsolve"
    values = np.array([[abs(row[j, k].imag) for j, k in pairs] for row in normal])
    return _of_steady_state(values, "Im⟨b_j†b_k⟩")


# ------------------------------------------------------------ van der Pol pair

_AEK = "D. G. Aronson, G. B. Ermentrout, N. Kopell, Physica D 41, 403 (1990)"


def _of_pair(pair: _Pair) -> list[Prediction]:
    delta, V = abs(pair.detuning), pair.coupling
    kappa, ratio = V / pair.gain, delta / pair.gain
    if kappa > 1 and ratio**2 > 2 * kappa - 1:
        # of the linear motion about rest
        rest = 0.5 * (V - pair.gain - float(np.sqrt(max(V**2 - delta**2, 0.0))))
        return [
            Prediction(
                name="oscillation death",
                statement="the mean field of both oscillators goes to rest",
                source=_AEK,
                rate=rest,
                test=lambda result: _dies(result, rest),
            )
        ]
    if delta < V:
        lag, rate = float(np.arcsin(pair.detuning / V)), float(np.sqrt(V**2 - delta**2))
        return [
            Prediction(
                name="locking",
                statement=f"the mean-field phases lock: x1−x2 → {lag:.6g} (sin = Δ/V)",
                source=_AEK,
                limits={"relative phase": lag},
                rate=rate,
                test=lambda result: _locks(result, lag, rate),
            )
        ]
    if delta == V:
        return []
    beat = float(np.sqrt(delta**2 - V**2))
    return [
        Prediction(
            name="beat",
            statement=f"the mean-field phases drift apart at the rate √(Δ²−V²) = {beat:.6g}",
            source="R. Adler, Proc. IRE 34, 351 (1946); exact for equal radii",
            limits={"beat frequency": beat},
            period=2 * np.pi / beat,
            test=lambda result: _beats(result, beat),
        )
    ]


def _phases(result: Any) -> np.ndarray | None:
    """x1−x2 of the amplitudes of a mean-field run, continuous; None where they vanish."""
    beta = np.asarray(getattr(result, "amplitudes", np.empty((0, 0))))
    if beta.ndim != 2 or beta.shape[1] != 2 or len(beta) < 6 or np.abs(beta).min() < 1e-6:
        return None
    return np.asarray(np.unwrap(np.angle(beta[:, 0].conj() * beta[:, 1])))


def _is_mean_field(result: Any) -> bool:
    return type(result).__name__ in ("MeanFieldResult", "ClassicalResult") and result.stats.get(
        "closure"
    ) in ("linear", "none")


def _locks(result: Any, lag: float, rate: float) -> tuple[bool | None, str]:
    if not _is_mean_field(result) or (psi := _phases(result)) is None:
        return None, "said of the mean field; run mfsolve"
    late = slice(-max(2, len(psi) // 5), None)
    # what the phase does in less than its own relaxation time says nothing
    if float(np.ptp(psi[late])) > 1e-3 or rate * float(np.ptp(result.times[late])) < 1:
        return None, "the run is too short: the relative phase still moves"
    off = float(abs(np.angle(np.exp(1j * (psi[-1] - lag)))))
    if float(abs(np.angle(np.exp(1j * (psi[-1] - np.pi + lag))))) < 5e-3 < off:
        return None, f"x1−x2 = {psi[-1]:.6g}: at the unstable state, opposite to the locked one"
    return off < 5e-3, f"x1−x2 = {psi[-1]:.6g}, off by {off:.2g}"


def _beats(result: Any, beat: float) -> tuple[bool | None, str]:
    if not _is_mean_field(result) or (psi := _phases(result)) is None:
        return None, "said of the mean field; run mfsolve"
    times = np.asarray(result.times)
    half = len(psi) // 2
    if np.abs(np.diff(psi)).max() > 1:
        return None, "too few outputs a turn"
    turns = int(abs(psi[-1] - psi[half]) / (2 * np.pi))
    if turns < 1:
        return None, "no full turn in the later half"
    # the time that whole turns up to the end took: phases of equal radii return exactly
    course = np.sign(psi[-1] - psi[half]) * psi[half:]
    before = np.flatnonzero(course <= course[-1] - 2 * np.pi * turns)[-1]
    at = slice(max(before - 3, 0), before + 5)
    if np.any(np.diff(course[at]) <= 0):
        return None, "the phase does not advance steadily"
    start = float(np.interp(course[-1] - 2 * np.pi * turns, course[at], times[half:][at]))
    found = 2 * np.pi * turns / (times[-1] - start)
    off = abs(found / beat - 1)
    # a straight line between outputs errs by a part of their distance
    known = 2e-3 + float(np.max(np.diff(times))) / (times[-1] - start)
    text = f"rate {found:.6g} over {turns} turns"
    if off > 0.05 + 2 * known and turns >= 3:
        return False, text
    return (True if off < min(known, 0.02) else None), text


def _dies(result: Any, rate: float) -> tuple[bool | None, str]:
    if not _is_mean_field(result):
        return None, "said of the mean field; run mfsolve"
    size = np.abs(np.asarray(result.amplitudes)).max(axis=1)
    if size[0] < 1e-9:
        return None, "the run began at rest"
    if size[-1] < 1e-3 * size[0]:
        return True, f"|β| fell to {size[-1]:.2g}"
    waited = rate * float(result.times[-1] - result.times[0])
    left = f"|β| is {size[-1]:.2g}, from {size[0]:.2g}"
    # it falls at `rate` at last, with beats on the way
    return (False if waited > 30 else None), left + (", still falling" if waited <= 30 else "")
