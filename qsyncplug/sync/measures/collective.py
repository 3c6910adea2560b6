"""Distributions of the phase that the total spin of an ensemble of two-level atoms has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.checks import check_choice, check_integer, check_memory, check_number
from ...core.permutations import permuted
from ..reading import Readable
from .distributions import PhaseDistribution, angular_weights, spin_weight
from .sources import Symmetrised, chosen_nodes, state_of, symmetrised

__all__ = ["collective_phase"]

_WANTED = "a ket or density matrix of atoms, or a state or result of ensembles with states"
#: of a distribution: what rounding may make of it
_ROUNDING = 1e-6


def collective_phase(
    x: Readable,
    nodes: int | Sequence[int] | None = None,
    *,
    kind: str = "canonical",
    atoms: Sequence[int] | Sequence[Sequence[int]] | None = None,
    drive: float = 0.0,
    index: int = -1,
) -> PhaseDistribution:
    r"""The distribution of the phase of all atoms of an ensemble together, or of one less another.

    The state of N atoms has parts of every total spin J=N/2, N/2−1, …; each has the phase of a spin
    J, whatever ways of making it are occupied:

    .. math:: ⟨e^{ikφ}⟩=Σ_J Σ_n ρ^J_{n+k,n} g_J(k,n),\quad ρ^J_{mn}=Σ_λ⟨J,m,λ|ρ|J,n,λ⟩,

    n the quanta above the lowest state. A spin J=0 has no phase: it adds to the uniform part.

    Parameters
    ----------
    x : Qobj, state or result
        What :func:`qsyncplug.steadystate` gives for ensembles; a ket or density matrix of every
        atom (of this package, or with `atoms`); a result that holds such states, or of
        :func:`qsyncplug.exactsolve` for ensembles of many atoms.
    nodes : int or pair of int, optional
        Which nodes of the system: an ensemble (by default the first), or two nodes for φ_1−φ_2, of
        which one may be a mode or a spin.
    kind : {"canonical", "husimi"}
        Canonical, g=1: of the phase states of each J (A. Vourdas, Phys. Rev. A 41, 1653 (1990));
        or the angle of the Husimi function Σ_J (2J+1)/4π ⟨θφ\|ρ^J\|θφ⟩ of coherent states of
        every J (F. T. Arecchi et al., Phys. Rev. A 6, 2211 (1972)); less 1/2π the latter is the
        measure S(φ) of A. Roulet and C. Bruder, Phys. Rev. Lett. 121, 053601 (2018), where only
        J=N/2 is occupied.
    atoms : sequence of int, or two of them, optional
        Of a Qobj of your own: the tensor factors that are the atoms (of the first, of the second
        ensemble), each with its upper level first; by default all.
    drive : float
        Phase of a drive (or any reference), which is subtracted.
    index : int
        Of the state, where there are many.

    Returns
    -------
    PhaseDistribution
        Draw it with :func:`qsyncplug.plot_phase_distribution`.

    Raises
    ------
    TypeError, ValueError
        No state of atoms; nodes that do not exist or have no phase.

    Examples
    --------
    >>> import numpy as np, qutip
    >>> import qsyncplug as qsp
    >>> one = qutip.spin_coherent(0.5, np.pi / 2, -0.4)
    >>> p = qsp.measures.collective_phase(qutip.tensor(one, one, one))
    >>> round(float(np.angle(p.moment(1))), 9)
    0.4
    """
    check_choice("kind", kind, ("canonical", "husimi"))
    drive, index = check_number("drive", drive), check_integer("index", index)
    # none stands for the first ensemble
    wanted = [] if nodes is None else chosen_nodes(nodes)
    found = None if hasattr(x, "isket") else symmetrised(x, wanted, index)
    if found is None:
        found = _of_state(x, wanted, atoms, index)
    elif atoms is not None:
        raise ValueError("atoms: only of kets and density matrices of your own")
    moments = _moments(found, kind)
    moments = moments * np.exp(-1j * drive * np.arange(len(moments)))
    moments.setflags(write=False)
    return PhaseDistribution(moments, kind=kind)


def _moments(found: Symmetrised, kind: str) -> np.ndarray:
    rows = [_functionals(what, size, kind) for what, size in found.kinds]
    X = found.coordinates
    if len(rows) == 1:
        sums, largest = rows[0] @ X, np.abs(rows[0]) @ np.abs(X)
    else:
        count = min(len(r) for r in rows)
        # e^{−ikφ} of the second: the adjoint operators
        second = rows[1][:count][:, _adjoint(*found.kinds[1])]
        sums = np.einsum("ka,ab,kb->k", rows[0][:count], X, second, optimize=True)
        largest = np.einsum(
            "ka,ab,kb->k", *map(np.abs, (rows[0][:count], X, second)), optimize=True
        )
    if 2.2e-16 * float(largest.max()) * len(sums) > _ROUNDING:
        raise ValueError("x: so many atoms that rounding shows in the distribution of their phase")
    return np.asarray(sums)


def _functionals(what: str, size: int, kind: str) -> np.ndarray:
    """⟨e^{ikφ}⟩ of every operator of a node, one row for each k."""
    if what == "atoms":
        return permuted(size).phases(spin_weight if kind == "husimi" else None)
    k, n = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    weight = angular_weights(kind, what == "spin", size)
    upper, lower = np.minimum(n + k, size - 1), n
    if what == "spin":
        # the highest state first
        upper, lower = size - 1 - upper, size - 1 - lower
    rows = np.zeros((size, size * size))
    np.add.at(rows, (k, upper * size + lower), weight)
    return rows


def _adjoint(what: str, size: int) -> np.ndarray:
    if what == "atoms":
        return permuted(size).transposed
    return np.arange(size * size).reshape(size, size).T.ravel()


# ---------------------------------------------------------------- states of every atom


def _of_state(x: Any, nodes: list[int], atoms: Any, index: int) -> Symmetrised:
    state, symbols = state_of(x, index, _WANTED)
    dims = [int(d) for d in state.dims[0]]
    if atoms is not None or symbols is None:
        if nodes:
            raise ValueError(
                f"nodes={nodes}: of a state that does not know its nodes give the tensor factors, "
                "atoms=…"
            )
        groups = _groups(atoms, len(dims))
        kinds = [("atoms", len(group)) for group in groups]
    else:
        kinds, groups = _nodes_of(symbols, dims, nodes)
    for (what, _), group in zip(kinds, groups, strict=True):
        if what == "atoms" and (other := [k for k in group if dims[k] != 2]):
            raise ValueError(f"atoms: factor {other[0]} has {dims[other[0]]} levels, not 2")
    return Symmetrised(kinds, _reduced(state, kinds, groups))


def _groups(atoms: Any, count: int) -> list[list[int]]:
    """Tensor factors of one or two ensembles."""
    if atoms is None:
        return [list(range(count))]
    if not isinstance(atoms, (list, tuple, range, np.ndarray)) or not len(atoms):
        raise TypeError(f"atoms must hold tensor factors, not {atoms!r}")
    several = [atoms] if np.ndim(atoms[0]) == 0 else list(atoms)
    groups = [[check_integer("atoms", k, minimum=0) for k in group] for group in several]
    flat = [k for group in groups for k in group]
    if len(groups) > 2 or not all(groups) or len(set(flat)) != len(flat) or max(flat) >= count:
        raise ValueError(
            f"atoms must be different factors of the {count}, of one ensemble or two, not {atoms!r}"
        )
    return groups


def _nodes_of(
    symbols: Any, dims: list[int], wanted: list[int]
) -> tuple[list[tuple[str, int]], list[list[int]]]:
    if not wanted:
        wanted = [k for k, s in enumerate(symbols) if s.space.maker == "atoms"][:1]
    if not wanted:
        raise ValueError("x has no ensemble of atoms; give the tensor factors as atoms=…")
    if max(wanted) >= len(symbols):
        raise ValueError(f"nodes: the system has {len(symbols)} nodes, there is no {max(wanted)}")
    # an ensemble takes one factor an atom
    widths = [s.factor.N if s.space.maker == "atoms" else 1 for s in symbols]
    ends = np.cumsum(widths)
    if ends[-1] != len(dims):
        raise ValueError(f"x has {len(dims)} tensor factors, its symbols stand for {ends[-1]}")
    kinds: list[tuple[str, int]] = []
    groups = []
    for k in wanted:
        group = list(range(ends[k] - widths[k], ends[k]))
        own = symbols[k].factor.phase
        if symbols[k].space.maker == "atoms":
            kinds.append(("atoms", widths[k]))
        elif own is None:
            raise ValueError(f"nodes: {symbols[k]} is no ensemble, mode or spin and has no phase")
        else:
            kinds.append(("spin" if own == "spin" else "mode", dims[group[0]]))
        groups.append(group)
    return kinds, groups


def _reduced(state: Any, kinds: list[tuple[str, int]], groups: list[list[int]]) -> np.ndarray:
    """Coordinates of the state of some groups of factors."""
    kept = [k for group in groups for k in group]
    sizes = [2**n if what == "atoms" else n for what, n in kinds]
    check_memory(
        "the state of the atoms", 64.0 * np.prod(sizes, dtype=float) ** 2, advice="take fewer atoms"
    )
    part = state.ptrace(sorted(kept))
    order = np.argsort(np.argsort(kept)).tolist()
    part = part.permute(order) if order != sorted(order) else part
    X = part.full().reshape([*sizes, *sizes])
    m = len(sizes)
    X = X.transpose([axis for k in range(m) for axis in (k, m + k)])
    for axis, (what, n) in enumerate(kinds):
        # each node's row and column become one axis
        flat = X.reshape([*X.shape[:axis], sizes[axis] ** 2, *X.shape[axis + 2 :]])
        X = _symmetric(flat, axis, n) if what == "atoms" else flat
    return np.asarray(X)


def _symmetric(X: np.ndarray, axis: int, N: int) -> np.ndarray:
    """Elements between the states of N atoms along an axis, as coordinates."""
    space = permuted(N)
    bits = (np.arange(2**N)[:, None] >> np.arange(N)) & 1
    # a bit is 0 for the upper level
    down = bits @ bits.T
    left, right = bits.sum(axis=1)[:, None], bits.sum(axis=1)[None, :]
    counts = np.stack([N - left - right + down, right - down, left - down, down], axis=-1)
    place = space.places(counts).ravel()
    moved = np.moveaxis(X, axis, 0)
    out = np.zeros((space.size, *moved.shape[1:]), dtype=complex)
    np.add.at(out, place, moved)
    scale = np.sqrt(space.multiplicity).reshape(-1, *[1] * (moved.ndim - 1))
    return np.moveaxis(out / scale, 0, axis)
