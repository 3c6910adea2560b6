"""Theorems on Wigner–Lohe oscillators whose potentials differ: locking, and bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.adjacency import no_common_frequency
from ..core.predictions import Prediction, Verdict
from ..waves.closed_forms import Locking, locking_regime, two_oscillator_correlation
from ..waves.locking import LockedPhases, locked_phases, locking_threshold
from .closed_forms import practical_bound
from .evidence import elapsed, meets
from .facts import Facts

__all__ = ["locking", "locking_on_graph", "practical", "two_with_offset"]

_P1 = "Antonelli, Ha, Kim & Marcati"


def two_with_offset(f: Facts) -> Iterator[Prediction]:
    """What is known of two oscillators whose potentials differ by a number, V_1−V_2=Λ."""
    if f.n != 2 or not f.model.common or f.identical or not f.gram:
        return
    coupling, offset = f.pair_coupling, float(f.rates[0] - f.rates[1])
    z0 = complex(1 - f.deviations[0, 1])
    if abs(z0) > 1:
        z0 /= abs(z0)

    def closed(result: Any) -> Verdict:
        exact = two_oscillator_correlation(z0, elapsed(result), coupling, offset / 2)
        off = float(np.max(np.abs(result.correlations[:, 0, 1] - exact)))
        return bool(off < 1e-8), f"closed form of z_12 met within {off:.1e}"

    regime, _, limit, number = locking_regime(coupling, offset / 2)
    limits: dict[str, Any] = {}
    rate, period = None, None
    if regime is Locking.LOCKED:
        assert limit is not None
        if abs(z0 + limit.conjugate()) > 1e-9:
            limits["correlations"] = np.array([[1, limit], [limit.conjugate(), 1]])
            rate = number
            text = f"z_12 tends to √(1−Λ²/K²)+iΛ/K = {limit:.6g}, as e^(−t√(K²−Λ²))"
        else:
            text = "z_12 is at the unstable equilibrium −√(1−Λ²/K²)+iΛ/K"
    elif regime is Locking.PERIODIC:
        period = number
        text = f"z_12 has the period 2π/√(Λ²−K²) = {period:.6g}"
    else:
        text = "|Λ|=K: z_12 tends to ±i as 1/t"
    yield Prediction(
        "constant offset",
        f"Λ=V_1−V_2={offset:.6g}, K={coupling:.6g}: {text}",
        "from the correlation equation of the papers with V_1−V_2=Λ",
        limits=limits,
        rate=rate,
        period=period,
        test=closed,
    )


def _settled(result: Any, kappa: float) -> bool:
    """Whether z has stood for the last quarter of a long run."""
    t = elapsed(result)
    late = np.flatnonzero(t >= 0.75 * t[-1])
    if len(late) < 3 or kappa * (t[-1] - t[late[0]]) < 10:
        return False
    z = result.deviations[late]
    return bool(np.max(np.abs(z - z[-1])) < 1e-8)


def locking(f: Facts) -> Iterator[Prediction]:
    """N≥3 with offsets: a locked state exists, or none."""
    if f.n < 3 or not f.model.common or f.identical or not f.gram:
        return
    if not f.equal_masses:
        yield from locking_on_graph(f)
        return
    critical = locking_threshold(f.rates)
    aligned = bool(np.max(1 - np.abs(1 - f.deviations)) < 1e-9)
    if abs(f.kappa - critical) < 1e-6 * critical:
        return
    if f.kappa < critical:
        yield _unlocked(f, f"κ={f.kappa:.6g}<K_c={critical:.6g}")
        return
    locked = locked_phases(np.full((f.n, f.n), f.kappa / f.n), f.rates)
    if locked is not None:
        yield _locked(f, critical, locked, aligned)


def locking_on_graph(f: Facts) -> Iterator[Prediction]:
    """Locked states on a graph, with a lag, or of other masses: necessary, and what is found."""
    if f.n < 2 or not (f.model.common and f.gram) or f.kappa == 0:
        return
    norms = np.sqrt(f.masses)
    waves = f.model.schrodinger_lohe.coupling_matrix(f.n)
    # phases feel each other by the ratio of the norms
    matrix = f.kappa * waves * norms[None, :] / norms[:, None]
    weighted = norms[:, None] ** 2 * matrix
    symmetric = np.max(np.abs(weighted - weighted.T)) <= 1e-12 * np.max(np.abs(weighted))
    conserved = f.masses if symmetric and np.max(np.abs(weighted.imag)) == 0 else None
    why = no_common_frequency(matrix, f.rates, conserved)
    if why:
        yield _unlocked(f, why)
        return
    locked = locked_phases(matrix, f.rates)
    if locked is None:
        return
    limit = np.exp(1j * (locked.phases[:, None] - locked.phases[None, :]))

    def reached(result: Any) -> Verdict:
        off = float(np.max(np.abs(1 - result.deviations_at(-1) - limit)))
        return (True if off < 1e-6 else None), f"z at {off:.1e} from the locked state"

    yield Prediction(
        "locked state",
        f"a stable state with all |z_jk|=1 stands, turning at {locked.frequency:.6g}; its phases "
        f"return at the rate {locked.rate:.6g}",
        "Kuramoto's phases, continued from equal frequencies",
        correction="beyond the papers: graphs, lags and any masses; from which starts is not known",
        test=reached,
    )


def _unlocked(f: Facts, why: str) -> Prediction:
    def drifts(result: Any) -> Verdict:
        z = 1 - result.deviations_at(-1)
        apart = float(np.max(1 - np.abs(z)))
        if _settled(result, f.kappa) and apart < 1e-6:
            return False, "all |z_jk| are 1 and all z_jk stand"
        phase = np.unwrap(np.angle(result.correlations), axis=0)
        # sampled finely enough to be followed
        fine = np.max(np.abs(np.diff(phase, axis=0)), initial=0.0) < 2.0
        turned = float(np.max(np.ptp(phase[len(phase) // 2 :], axis=0))) if len(phase) else 0.0
        if fine and turned > 2 * np.pi:
            return True, f"a relative phase turns by {turned:.4g} in the later half"
        return None, f"a relative phase moves by {turned:.4g} in the later half"

    return Prediction(
        "no locked state",
        f"{why}: no state with all |z_jk|=1 stands; |z_jk|→1 alone is no locking, phases drift",
        "Verwoerd & Mason, for Kuramoto's phases, which states along one ray are",
        test=drifts,
    )


def _locked(f: Facts, critical: float, locked: LockedPhases, aligned: bool) -> Prediction:
    phases = locked.phases
    limit = np.exp(1j * (phases[:, None] - phases[None, :]))
    # Dörfler & Bullo: κ>max Ω−min Ω, and the phases at the start within the arc π−arcsin(range/κ)
    spread = float(np.ptp(f.rates))
    sure = False
    if aligned and f.kappa > spread:
        start = np.sort(np.angle(1 - f.deviations[:, 0]))
        gaps = np.append(np.diff(start), start[0] + 2 * np.pi - start[-1])
        sure = bool(2 * np.pi - np.max(gaps) < np.pi - np.arcsin(spread / f.kappa) - 1e-9)

    def reached(result: Any) -> Verdict:
        z = 1 - result.deviations_at(-1)
        off = float(np.max(np.abs(z - limit)))
        if off < 1e-6:
            return True, f"z within {off:.1e} of the locked state"
        if sure and _settled(result, f.kappa):
            return False, f"z stands, {off:.1e} from the locked state"
        return None, f"z at {off:.1e} from the locked state so far"

    wide = float(np.max(np.abs(phases[:, None] - phases[None, :])))
    text = "to which these states tend" if sure else "unstable ones aside"
    stable = "stable" if wide < np.pi / 2 else "stable among states along one ray"
    return Prediction(
        "locked state",
        f"κ={f.kappa:.6g}≥K_c={critical:.6g}: one {stable} state with all |z_jk|=1 stands, "
        f"z_jk=e^(i(S_j−S_k)), {text}; the largest |S_j−S_k| is {wide:.6g}",
        "Verwoerd & Mason; Mirollo & Strogatz; Dörfler & Bullo: Kuramoto's phases are states along "
        "one ray",
        limits={"correlations": limit} if sure else {},
        rate=locked.rate if sure else None,
        test=reached,
    )


# ------------------------------------------------------------ practical synchronisation


def practical(f: Facts) -> Iterator[Prediction]:
    """Different potentials: how far apart the states are in the end, at most."""
    state = f.state
    plain = state.left is not None and state.right is None and bool(np.all(state.signs == 1))
    if not (plain and f.gram and f.unit):
        return
    values = np.array([h.values for h in f.model.hamiltonians(f.n)])
    difference = float(np.max(np.ptp(values, axis=0)))
    start = float(np.sqrt(max(2 * np.max(f.deviations.real), 0.0)))
    if not 16 * difference < f.kappa:
        return
    if not start < (1 + np.sqrt(1 - 16 * difference / f.kappa)) / 4:
        return

    def apart(result: Any) -> Verdict:
        course = np.array(
            [np.max(result.deviations_at(k).real, initial=0.0) for k in range(len(result.times))]
        )
        bound = practical_bound(start, elapsed(result), f.kappa, difference)
        return meets(np.sqrt(2 * course), bound + 1e-12, 1e-7)

    if difference == 0:
        yield Prediction(
            "Theorem 2.3",
            f"D=max‖ψ_i−ψ_j‖, D₀={start:.6g}<½: D ≤ D₀/(2D₀+(1−2D₀)e^(κt/2))",
            f"{_P1}, Theorem 2.3",
            correction="printed with D₀ in place of 2D₀ in the denominator, and e^(κt)",
            limits={"correlations": np.ones((f.n, f.n))},
            test=apart,
        )
        return
    end = float(practical_bound(start, 1e9 / f.kappa, f.kappa, difference))
    yield Prediction(
        "practical synchronisation",
        f"W=max‖V_i−V_j‖_∞={difference:.6g}<κ/16, D₀={start:.6g}<¼(1+√(1−16W/κ)): "
        f"D=max‖ψ_i−ψ_j‖ is at most ¼(1−√(1−16W/κ))={end:.6g} in the end",
        f"after {_P1}, Remark 2 and Theorem 2.3: dD/dt ≤ κD(D−½)+W",
        test=apart,
    )
