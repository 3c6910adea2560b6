"""Fock spaces of an exact run: initial states, and whether the cut-off holds them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import qutip

from ..core.checks import check_array
from ..core.errors import CutoffWarning, warn
from ..operators.mode import ModeFactor
from ..operators.states import coherent_state
from .moments import POPULATION_LIMIT, suggest_cutoff

__all__ = ["coherent_levels", "in_powers", "less_of", "prepare_state", "warn_cutoff"]


def warn_cutoff(
    populations: np.ndarray,
    levels: tuple[int, ...],
    times: np.ndarray | None = None,
    least: tuple[int, ...] | None = None,
) -> float:
    """Warn where the highest level of a mode is populated; returns the largest such population.

    The advice is at least `least` levels, where the initial state is known to need them; where the
    populations do not decay it says that it cannot tell.
    """
    worst = 0.0
    advice: list[str] = []
    better: list[int | None] = list(levels)
    for j, size in enumerate(levels):
        # two levels: a two-photon process may leave every other one empty
        top = populations[:, j, size - min(2, size - 1) : size].max(axis=1)
        k = int(np.argmax(top))
        worst = max(worst, float(top[k]))
        if top[k] > POPULATION_LIMIT:
            when = f" at t={times[k]:g}" if times is not None else ""
            advice.append(f"mode {j + 1} has {top[k]:.2g} in its highest levels{when}")
            guess = suggest_cutoff(populations[k, j, :size])
            start = least[j] if least is not None and least[j] > size else 0
            better[j] = max(guess or 0, start) or None
    if advice:
        if None in better:
            what = (
                "the populations do not decay towards it, so what would do cannot be told: try "
                "twice as many"
            )
        else:
            wanted = better[0] if len(set(better)) == 1 else tuple(better)
            what = f"cutoff={wanted} should do (population below {POPULATION_LIMIT:g})"
        if least is not None and any(n > size for n, size in zip(least, levels, strict=True)):
            what += "; the initial coherent state does not fit and was cut and renormalised"
        warn(
            f"the cut-off {levels if len(set(levels)) > 1 else levels[0]} is too low: "
            f"{'; '.join(advice)}; {what}",
            CutoffWarning,
        )
    return worst


def in_powers(levels: Sequence[int]) -> str:
    """Dimensions of tensor factors as a text, equal neighbours as a power."""
    runs = [(d, len(list(group))) for d, group in itertools.groupby(levels)]
    return " × ".join(f"{d}^{n}" if n > 3 else " × ".join([str(d)] * n) for d, n in runs)


def less_of(system: Any) -> str:
    """What makes the space of a system smaller, for messages."""
    symbols = getattr(system, "symbols", None)
    if symbols is None or any(isinstance(s.factor, ModeFactor) for s in symbols):
        return "lower the cutoff"
    return "take fewer nodes, or one ensemble (qsp.atoms) where they are alike"


def coherent_levels(alpha: complex) -> int:
    """Levels from which on the population of the coherent state `alpha` stays below the limit
    (Poisson).
    """
    # imported here: scipy.stats would double the time it takes to import the package
    from scipy.special import pdtrik

    mean = abs(alpha) ** 2
    if mean > 1e6:
        # Poisson's distribution is a Gaussian here, and its inverse would fail
        return int(min(mean + 6 * np.sqrt(mean) + 10, 1e15))
    return int(np.ceil(pdtrik(1 - 0.1 * POPULATION_LIMIT, mean))) + 2 if alpha else 2


def prepare_state(state0: Any, levels: tuple[int, ...]) -> qutip.Qobj:
    """A normalised ket or density matrix of the right dimensions, from a Qobj or from coherent
    amplitudes.
    """
    n = len(levels)
    dims = list(levels)
    if not isinstance(state0, qutip.Qobj):
        alpha = check_array("state0", state0, shape=(n,), dtype=complex)
        parts = zip(levels, alpha.tolist(), strict=True)
        return qutip.tensor(
            [coherent_state(f"mode {j}", a, d) for j, (d, a) in enumerate(parts, 1)]
        )
    if state0.isket:
        if state0.dims[0] != dims:
            raise ValueError(
                f"state0 must have dims {[dims, [1] * n]} (cutoff {levels}), not {state0.dims}"
            )
        if not np.all(np.isfinite(state0.full())):
            raise ValueError("state0 must be finite; it holds NaN or infinite values")
        norm = state0.norm()
        if abs(norm - 1) > 1e-8:
            raise ValueError(
                f"state0 must be normalised; its norm is {norm:.6g}. Use state0.unit()"
            )
        return state0
    if state0.isoper:
        if state0.dims != [dims, dims]:
            raise ValueError(
                f"state0 must have dims {[dims, dims]} (cutoff {levels}), not {state0.dims}"
            )
        array = state0.full()
        if not np.all(np.isfinite(array)):
            raise ValueError("state0 must be finite; it holds NaN or infinite values")
        if np.abs(array - array.conj().T).max() > 1e-10:
            raise ValueError("state0 must be Hermitian")
        if abs(np.trace(array) - 1) > 1e-8:
            raise ValueError(f"state0 must have trace 1, not {np.trace(array).real:.6g}")
        # beyond this the eigenvalues would take longer than the run
        lowest = np.linalg.eigvalsh(array)[0] if len(array) <= 1500 else array.diagonal().real.min()
        if lowest < -1e-9:
            raise ValueError(
                f"state0 must not have negative eigenvalues; the lowest is {lowest:.3g}"
            )
        return state0
    raise TypeError(
        f"state0 must be a ket, a density matrix or {n} coherent amplitudes, not a Qobj of type "
        f"{state0.type}"
    )
