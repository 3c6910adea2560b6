"""Where the moments of phases come from when there is no state: the adapters register results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from ...core.checks import check_array
from .distributions import PhaseDistribution
from .gaussian_phases import (
    canonical_of_gaussian,
    canonical_of_gaussian_pair,
    moments_of_gaussian,
    moments_of_gaussian_pair,
)

__all__ = [
    "Symmetrised",
    "chosen_kind",
    "has_phases",
    "of_gaussian",
    "phase_source",
    "symmetrised",
]


@singledispatch
def phase_source(
    x: Any, nodes: Sequence[int], kind: str | None, index: int
) -> PhaseDistribution | None:
    """The phase of one node of a result, or of the first less that of the second; None for what
    nobody has registered.
    """
    return None


@dataclass(frozen=True)
class Symmetrised:
    """What the distribution of one or two phases reads of a state.

    Attributes
    ----------
    kinds : list of (str, int)
        "atoms" and their number, or "spin" or "mode" and its levels; one a node.
    coordinates : ndarray
        One axis a node: of atoms among the operators that no permutation changes, of others the
        elements of a matrix, row by row.
    """

    kinds: list[tuple[str, int]]
    coordinates: np.ndarray


@singledispatch
def symmetrised(x: Any, nodes: Sequence[int], index: int) -> Symmetrised | None:
    """What is needed of a result or state that is no Qobj; None where nobody has registered it."""
    return None


def has_phases(x: Any) -> bool:
    """Whether phases can be read off what is no state and holds none."""
    pair = isinstance(x, (tuple, list)) and len(x) == 2
    return pair or phase_source.dispatch(type(x)) is not phase_source.dispatch(object)


def chosen_kind(kind: str | None, offered: Sequence[str], why: str) -> str:
    """The kind asked for, or the first of those that there are.

    Raises
    ------
    ValueError
        It cannot be had.
    """
    if kind is None:
        return offered[0]
    if kind not in offered:
        names = " or ".join(map(repr, offered))
        raise ValueError(f"kind={kind!r} cannot be had {why}; use {names}")
    return kind


def of_gaussian(mean: Any, covariance: Any, nodes: Sequence[int], kind: str) -> PhaseDistribution:
    """Of the Gaussian state with a mean (2N,) and a covariance (2N, 2N), vacuum ½.

    Parameters
    ----------
    mean, covariance : array_like
    nodes : sequence of int
        One or two of the N modes.
    kind : {"husimi", "wigner", "canonical"}
    """
    mean = check_array("mean", mean, shape=(None,))
    covariance = check_array("covariance", covariance, shape=(len(mean), len(mean)))
    if len(mean) % 2:
        raise ValueError(f"mean must hold (q, p) of every mode, not {len(mean)} numbers")
    if max(nodes) >= len(mean) // 2:
        raise ValueError(f"nodes: there are {len(mean) // 2} modes, there is no {max(nodes)}")
    at = np.concatenate([[2 * k, 2 * k + 1] for k in nodes])
    part = covariance[np.ix_(at, at)]
    if not np.allclose(part, part.T, atol=1e-9 * np.abs(part).max()):
        raise ValueError("covariance must be symmetric")
    part = 0.5 * (part + part.T) + (0.5 * np.eye(len(at)) if kind == "husimi" else 0.0)
    if np.linalg.eigvalsh(part)[0] <= 1e-12 * np.abs(part).max():
        raise ValueError(
            "covariance must be positive: without fluctuations there is a phase, but no "
            "distribution of it"
        )
    if kind == "canonical":
        canonical = canonical_of_gaussian if len(nodes) == 1 else canonical_of_gaussian_pair
        return PhaseDistribution(canonical(mean[at], part), kind=kind)
    find = moments_of_gaussian if len(nodes) == 1 else moments_of_gaussian_pair
    return PhaseDistribution(find(mean[at], part), kind=kind)
