"""Locked states of different frequencies, and examples that stay out of synchrony."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..core.adjacency import no_common_frequency
from ..core.checks import check_integer, check_memory, check_number
from ..core.predictions import Verdict
from ..waves.locking import LockedPhases, locked_phases, locking_threshold
from .evidence import elapsed
from .facts import Facts
from .model import SchrodingerLohe
from .prediction import AR, LohePrediction

__all__ = [
    "example_predictions",
    "locking_predictions",
    "wedge_counterexample",
]

# ---------------------------------------------------------------------- locked states


def locking_predictions(model: SchrodingerLohe, f: Facts) -> Iterator[LohePrediction]:
    """Kuramoto's locked states, of one common mean or on a graph; one Hamiltonian."""
    if not f.constant_norms or f.k <= 0 or f.n < 3 or (f.identical and model.mean_field):
        return
    if not (model.mean_field and f.unit) or np.any(model.phase_lag):
        yield from _on_a_graph(model, f)
        return
    threshold = locking_threshold(f.rates)
    above = f.k / threshold
    if abs(above - 1) < 1e-6:
        return
    if above < 1:
        yield LohePrediction(
            "no locking",
            f"k is below K_c={threshold:.9g}: no locked state; phases drift, also where |z| tends "
            f"to 1",
            "Kuramoto's phases; Verwoerd & Mason",
            "beyond the papers",
            test=partial(_check_drift, f.k),
        )
        return
    found = locked_phases(f.k * model.coupling_matrix(f.n), f.rates)
    if found is not None:
        yield _locked(f, found, f"k is above K_c={threshold:.9g}: ", unique=True)


def _on_a_graph(model: SchrodingerLohe, f: Facts) -> Iterator[LohePrediction]:
    """On a graph, with a lag, or of other norms: what is necessary, and a state that is found."""
    # phases feel each other by the ratio of the norms
    matrix = f.k * model.coupling_matrix(f.n) * f.norms[None, :] / f.norms[:, None]
    weighted = f.norms[:, None] ** 2 * matrix
    symmetric = np.max(np.abs(weighted - weighted.conj().T)) <= 1e-12 * np.max(np.abs(weighted))
    real = np.max(np.abs(weighted.imag)) == 0
    why = no_common_frequency(matrix, f.rates, f.norms**2 if symmetric and real else None)
    if why:
        yield LohePrediction(
            "no locking",
            f"no locked state of parallel states: {why}",
            "Kuramoto's phases",
            "beyond the papers; necessary, not sufficient",
            test=partial(_check_drift, f.k),
        )
        return
    found = locked_phases(matrix, f.rates)
    if found is not None:
        where = "with these norms " if model.mean_field else "on this graph "
        yield _locked(f, found, where, unique=False)


def _locked(f: Facts, found: LockedPhases, words: str, unique: bool) -> LohePrediction:
    x = found.phases
    pulls = f.model.coupling_matrix(f.n).conj() * np.exp(1j * (x[None, :] - x[:, None]))
    narrow = bool(np.min(pulls.real) >= 0)
    return LohePrediction(
        "locked state",
        f"{words}a phase-locked state of parallel states exists, turning at "
        f"Ω={found.frequency:.6g}; its phases return at rate {found.rate:.6g}"
        + ("; states orthogonal to it die out" if narrow else ""),
        "Kuramoto's phases; Verwoerd & Mason, Mirollo & Strogatz"
        if unique
        else "Kuramoto's phases on the graph, continued from equal frequencies",
        "beyond the papers: the limit of Theorem 4.4 for N≥3; from which starts is not known",
        test=partial(_check_locked, x, found.rate, unique),
    )


def _check_locked(x: np.ndarray, rate: float, unique: bool, result: Any) -> Verdict:
    z = np.asarray(result.correlations)
    off = float(np.max(np.abs(z[-1] - np.exp(1j * (x[:, None] - x[None, :])))))
    if off < 1e-6:
        return True, f"z within {off:.1e} of the locked state"
    middle = len(z) // 2
    moved = float(np.max(np.abs(z[-1] - z[middle])))
    waited = rate * float(result.times[-1] - result.times[middle])
    parallel = float(np.max(1 - np.abs(z[-1]))) < 1e-9
    if unique and parallel and moved < 1e-9 and waited > 200 and off > 1e-3:
        return False, f"locked, but {off:.1e} from the only stable locked state"
    return None, f"z at {off:.1e} from the locked state"


def _check_drift(k: float, result: Any) -> Verdict:
    z = np.asarray(result.correlations)
    t = elapsed(result)
    middle = len(z) // 2
    moved = float(np.max(np.abs(np.diff(z[middle:], axis=0)), initial=0.0))
    if moved > 1e-2 and k * t[-1] > 20:
        return True, f"z still changes by {moved:.2g} between late outputs"
    parallel = float(np.max(1 - np.abs(z[-1]))) < 1e-9
    still = float(np.max(np.abs(z[middle:] - z[-1]), initial=0.0))
    # a bottleneck just below K_c looks at rest for a time of order 1/√(K_c−k)
    if parallel and still < 1e-9 and k * (t[-1] - t[middle]) > 1e4 and len(z) - middle > 3:
        return False, "the states are locked"
    return None, "the run is too short to tell"


# ---------------------------------------------------------------------- examples


def example_predictions(f: Facts) -> Iterator[LohePrediction]:
    """Examples 7.1 and 7.2: states along one direction, symmetric about ζ, one opposite to it."""
    model = f.model
    if model.variant != "model2" or model.alignment != 0 or not f.identical:
        return
    if model.phase_lag != 0 or f.order <= 1e-9 * np.mean(f.norms) or not f.collinear:
        return
    zeta = np.mean(f.x, axis=0)
    along = f.x @ zeta.conj() / (f.norms * f.order)
    opposite = np.abs(along + 1) < 1e-9
    if not np.any(opposite) or np.all(opposite) or not _mirrored(f, along):
        return
    found = _example(f, opposite)
    if found is not None:
        name, text, limits = found
        yield LohePrediction(
            name,
            f"states along one complex direction, symmetric about ζ: {text} (unstable: rounding "
            f"leaves it in the end)",
            AR,
            "(136)–(139) alone are not enough in more than one dimension; (140)–(143) have k/4N",
            limits,
        )


def _mirrored(f: Facts, along: np.ndarray) -> bool:
    data = np.stack([f.theta, f.norms, along.real, along.imag])
    keys = sorted(map(tuple, np.round(data, 9).T + 0.0))
    mirrored = data.copy()
    mirrored[3] *= -1
    other = sorted(map(tuple, np.round(mirrored, 9).T + 0.0))
    return bool(np.allclose(keys, other, atol=1e-8))


def _example(f: Facts, opposite: np.ndarray) -> tuple[str, str, dict[str, Any]] | None:
    mass, rest = f.norms[opposite] ** 2, ~opposite
    fixed = bool(np.all(np.abs(mass - f.theta[opposite]) < 1e-10))
    if fixed and np.all(f.norms[rest] ** 2 < f.theta[rest]):
        sign = np.where(opposite, -1.0, 1.0)
        limit = abs(float(np.mean(sign * np.sqrt(f.theta))))
        return "Example 7.1", "a bipolar state", {"order_parameter": limit, "masses": f.theta}
    if np.all(mass > f.theta[opposite]) and np.all(f.norms[rest] ** 2 <= f.theta[rest]):
        return "Example 7.2", "incoherence, ζ→0", {"order_parameter": 0.0}
    return None


def wedge_counterexample(n: int = 4, overlap: float = 0.4) -> np.ndarray:
    r"""Return states with min Re z(0)>−½ that do not synchronise: ψ₁ opposite to a simplex of the
    others.

    :math:`ψ_1=-e,\ ψ_j=c\,e+\sqrt{1-c^2}\,u_j`, u_j a simplex of N−1 unit vectors orthogonal to e.

    Parameters
    ----------
    n : int
        N, at least 4: for N≤3 the condition suffices (it implies Σ_l Re z_jl>0).
    overlap : float
        c, between 1/(N−1) and ½.

    Returns
    -------
    ndarray of shape (N, N-1), complex
        States in N−1 levels: min Re z=−c, ‖ζ‖=((N−1)c−1)/N, and the run tends to the bipolar state
        with ‖ζ‖=(N−2)/N, until rounding leaves it.

    Raises
    ------
    ValueError
        n<4, or an overlap that has no such states.

    References
    ----------
    Refutes the remark of Antonelli and Reynolds after Theorem 5.3 that the wedge may be widened.

    Examples
    --------
    >>> import qutip
    >>> from qsyncplug import SchrodingerLohe, slsolve
    >>> psi = wedge_counterexample(4, 0.4)
    >>> result = slsolve(SchrodingerLohe(qutip.qzero(3)), psi, [0.0, 25.0])
    >>> float(result.gram[0].real.min().round(12)), result.order_parameter.round(3).tolist()
    (-0.4, [0.05, 0.5])
    """
    n = check_integer("n", n, minimum=4)
    check_memory(f"{n} states of {n - 1} levels", 64.0 * n * n, advice="take a smaller n")
    c = check_number("overlap", overlap, minimum=1 / (n - 1), maximum=0.5, strict=True)
    # a simplex of n−1 vectors spans n−2 dimensions
    simplex = np.eye(n - 1) - 1 / (n - 1)
    basis = np.linalg.svd(simplex)[2][: n - 2]
    u = simplex @ basis.T / np.sqrt(1 - 1 / (n - 1))
    states = np.zeros((n, n - 1), dtype=complex)
    states[0, 0] = -1.0
    states[1:, 0] = c
    states[1:, 1:] = np.sqrt(1 - c**2) * u
    return states
