"""What the measures share: warnings, phases of the means, marginals of the joint states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core.errors import MissingFieldError, UndefinedMeasureWarning, warn
from ..view import PHASE_THRESHOLD, SyncView

__all__ = [
    "blank_diagonal",
    "density",
    "each_pair",
    "equal_nodes",
    "mean_phases",
    "need_bosons",
    "need_canonical",
    "need_quantum",
    "off_diagonal",
    "reduced",
    "undefined",
]


def undefined(values: np.ndarray, name: str, why: str) -> None:
    """Warn once if `values` (those that should exist) hold NaN."""
    count = int(np.count_nonzero(np.isnan(values)))
    if count:
        message = f"{name} is undefined (NaN) for {count} of {values.size} values: {why}"
        warn(message, UndefinedMeasureWarning)


def off_diagonal(values: np.ndarray) -> np.ndarray:
    """Entries j≠k of (T, N, N) values."""
    n = values.shape[1]
    return values[:, ~np.eye(n, dtype=bool)]


def blank_diagonal(values: np.ndarray) -> np.ndarray:
    """Set the entries j=k of (T, N, N) values to NaN."""
    index = np.arange(values.shape[1])
    values[:, index, index] = np.nan
    return values


def mean_phases(view: SyncView) -> np.ndarray:
    """arg⟨b_j⟩, the direction of the mean in the plane (q, p), (T, N).

    NaN where |⟨b_j⟩| ≤ PHASE_THRESHOLD·√(1+n_j) (classical: where it is 0).
    """
    beta = view.amplitudes
    n = np.abs(view.occupations()) if view.has("covariance") else np.abs(beta) ** 2
    none = np.abs(beta) <= PHASE_THRESHOLD * np.sqrt(2 * view.vacuum + n)
    return np.where(none, np.nan, np.angle(beta))


def each_pair(n: int) -> Iterator[tuple[int, int]]:
    """All pairs (j, k) with j<k of `n` nodes, row by row."""
    return ((j, k) for j in range(n) for k in range(j + 1, n))


def _missing(view: SyncView, what: str, measure: str, provides: str) -> MissingFieldError:
    return MissingFieldError(
        f"{view.system or 'this view'} has no {what}, which {measure} needs{provides}"
    )


def need_bosons(view: SyncView, measure: str) -> None:
    """Refuse a view whose nodes are not oscillators in the Fock basis."""
    if not view.about.bosons:
        cure = (
            "; what would provide them: a description of the nodes as boson modes; of spins and "
            "mixtures phase_distribution(result, nodes) has the phase"
        )
        raise _missing(view, "Fock-basis states", measure, cure)


def need_canonical(view: SyncView, measure: str) -> None:
    """Refuse nodes whose (q, p) are not those of an oscillator."""
    if not view.about.canonical:
        cure = (
            ": its nodes are not oscillators; what would provide it: boson modes, or coherence, "
            "which needs none; mutual information and negativity need states otherwise"
        )
        raise _missing(view, "canonical (q, p)", measure, cure)


def need_quantum(view: SyncView, measure: str) -> None:
    """Refuse a view without quantum fluctuations of oscillators, which a measure is about."""
    need_canonical(view, measure)
    if view.is_classical:
        cure = "; what would provide it: a covariance with vacuum variance ½, or states"
        raise _missing(view, "quantum covariance", measure, cure)


def factor(state: Any, keep: tuple[int, ...]) -> np.ndarray:
    """Matrix M (kept factors × the others) of a ket with ρ_kept = M M†, normalised; kept factors in
    the order asked.
    """
    dims = [int(d) for d in state.dims[0]]
    rest = [k for k in range(len(dims)) if k not in keep]
    tensor = state.full().reshape(dims).transpose(*keep, *rest)
    matrix = tensor.reshape(int(np.prod([dims[k] for k in keep])), -1)
    return np.asarray(matrix / np.linalg.norm(matrix))


def density(state: Any, keep: tuple[int, ...]) -> np.ndarray:
    """Reduced density matrix of the factors `keep`, in that order; Hermitian, trace 1."""
    if state.isket:
        matrix = factor(state, keep)
        return np.asarray(matrix @ matrix.conj().T)
    dims = [int(d) for d in state.dims[0]]
    rest = [k for k in range(len(dims)) if k not in keep]
    f = len(dims)
    kept, traced = int(np.prod([dims[k] for k in keep])), int(np.prod([dims[k] for k in rest]))
    order = [*keep, *rest]
    tensor = state.full().reshape(dims + dims).transpose(order + [f + k for k in order])
    rho = np.einsum("arbr->ab", tensor.reshape(kept, traced, kept, traced))
    rho = (rho + rho.conj().T) / 2
    return np.asarray(rho / np.trace(rho).real)


def reduced(view: SyncView, nodes: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Tensor factors of `nodes` and their dimensions."""
    assert view.subsystems is not None
    keep = tuple(view.subsystems[k] for k in nodes)
    return keep, tuple(int(view.states[0].dims[0][k]) for k in keep)


def equal_nodes(view: SyncView) -> float:
    """How many nodes of equal weight have the r of independent phases: (Σ c_j)²/Σ c_j²."""
    c = view.about.weights
    return float(view.n) if c is None else float(c.sum() ** 2 / np.sum(c**2))
