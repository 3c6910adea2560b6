"""Where the moments of phases come from when there is no state: the adapters register results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from ...core.checks import check_array, check_integer
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
    "chosen_nodes",
    "has_phases",
    "of_gaussian",
    "phase_source",
    "state_of",
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


def state_of(x: Any, index: int, wanted: str) -> tuple[Any, Any]:
    """A state, and the symbols of its tensor factors where they are known.

    Raises
    ------
    TypeError
        There is none; `wanted` says what would do.
    """
    state = x
    if not hasattr(x, "isket"):
        states = getattr(x, "states", None)
        last = getattr(x, "final_state", None) if index == -1 and not states else None
        if last is not None:
            states = [last]
        if not states:
            raise TypeError(f"x must be {wanted}, not a {type(x).__name__} without them")
        state = states[index]
    if not (state.isket or state.isoper):
        raise TypeError(f"x must be a ket or a density matrix, not a Qobj of type {state.type}")
    symbols = getattr(state, "symbols", None) or getattr(getattr(x, "model", None), "symbols", None)
    return state, symbols


def chosen_nodes(nodes: Any) -> list[int]:
    """One or two different numbers of nodes."""
    given = [nodes] if np.ndim(nodes) == 0 else list(nodes)
    wanted = [check_integer("nodes", k, minimum=0) for k in given]
    if len(wanted) not in (1, 2) or len(set(wanted)) != len(wanted):
        raise ValueError(f"nodes must be one node or two different ones, not {nodes!r}")
    return wanted


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
