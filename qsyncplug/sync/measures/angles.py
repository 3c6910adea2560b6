"""Distributions of the phases of modes and spins, from any state of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.checks import check_choice, check_integer, check_number
from ..reading import Readable
from .common import density
from .distributions import PhaseDistribution, angular_weights, moments_of_one, moments_of_two
from .sources import chosen_kind, chosen_nodes, of_gaussian, phase_source, state_of

__all__ = ["phase_distribution"]

_KINDS = ("canonical", "husimi", "wigner")
_WANTED = (
    "a ket, a density matrix, a Gaussian state (mean, covariance), or a result or view with states "
    "or phases"
)


def _spins_of(symbols: Any, count: int, nodes: Sequence[int]) -> set[int]:
    """Which of the factors are spins, from the symbols; all modes where they are not known."""
    if symbols is None or len(symbols) != count:
        return set()
    for k in nodes:
        if symbols[k].factor.phase is None:
            raise ValueError(f"nodes: {symbols[k]} is neither a mode nor a spin and has no phase")
    return {k for k, s in enumerate(symbols) if s.factor.phase == "spin"}


def _flipped(rho: np.ndarray, dims: tuple[int, ...], flip: Sequence[bool]) -> np.ndarray:
    """The matrix with spins counted from their lowest state."""
    axes = tuple(k for k, f in enumerate([*flip, *flip]) if f)
    return np.flip(rho.reshape(*dims, *dims), axes).reshape(rho.shape) if axes else rho


def phase_distribution(
    x: Readable,
    nodes: int | Sequence[int] | None = 0,
    *,
    kind: str | None = None,
    spins: Sequence[int] | None = None,
    drive: float = 0.0,
    index: int = -1,
) -> PhaseDistribution:
    r"""The distribution of a phase: of one mode or spin, against a drive, or relative.

    The phase φ of a mode is that of b, of a spin that of S−, so that modes and spins can be
    compared: ⟨b⟩ and ⟨S−⟩ of coherent states point along it.

    Parameters
    ----------
    x : Qobj, pair of arrays, result or view
        A ket or density matrix, or what holds states; a Gaussian state (mean (2N,), covariance (2N,
        2N)), vacuum ½; the result of a mean field with fluctuations (of spins: of their
        Holstein–Primakoff bosons); truncated Wigner samples that were drawn with
        ``options={"phases": …}``; moments of ensembles of atoms, of which one atom each is meant.
    nodes : int or pair of int
        Tensor factors, modes or symbols: one, or two for φ_1−φ_2.
    kind : {"canonical", "husimi", "wigner"}, optional
        Canonical (S. M. Barnett, D. T. Pegg, J. Mod. Opt. 36, 7 (1989); of spins A. Vourdas,
        Phys. Rev. A 41, 1653 (1990)), or the angle of the Husimi or Wigner function (the latter of
        modes alone). Of spins the Husimi function is that of spin-coherent states: less 1/2π it is
        S(−φ) of A. Roulet and C. Bruder, Phys. Rev. Lett. 121, 053601 (2018), whose φ is the
        azimuth of the spin (:func:`~qsyncplug.spin_phase`). By default canonical, of Gaussian
        states Husimi, of samples Wigner.
    spins : sequence of int, optional
        Tensor factors that are spins, m=J first. By default those of the system, where the state
        comes from one of this package; of other states all factors are taken to be modes.
    drive : float
        Phase of the drive (or of any reference), which is subtracted.
    index : int
        Of the state, where there are many.

    Returns
    -------
    PhaseDistribution
        With exact moments ⟨e^{ikφ}⟩ (of samples with their ``errors``); callable.

    Raises
    ------
    TypeError, ValueError
        No state; factors that do not exist or have no phase; a kind that cannot be had.

    Notes
    -----
    Canonical: ⟨e^{ikφ}⟩=Σ_n ρ_{n+k,n}, n the quanta above the lowest state; Husimi, of a spin N/2:
    each term times (N+1)√(C(N,n)C(N,n+k)) B(n+k/2+1, N−n−k/2+1). Gaussian:
    :func:`.gaussian_phases.moments_of_gaussian`, canonical
    :func:`.gaussian_phases.canonical_of_gaussian` and
    :func:`.gaussian_phases.canonical_of_gaussian_pair`.

    Examples
    --------
    >>> import numpy as np, qutip
    >>> import qsyncplug as qsp
    >>> p = qsp.measures.phase_distribution(qutip.coherent(30, 2 * np.exp(0.5j)))
    >>> round(float(np.angle(p.moment(1))), 9)
    0.5
    >>> s = qutip.spin_coherent(2, np.pi / 2, -0.3)
    >>> p = qsp.measures.phase_distribution(s, spins=[0], drive=0.1)
    >>> round(float(np.angle(p.moment(1))), 9)
    0.2
    >>> p = qsp.measures.phase_distribution(([2.0, 2.0], 0.5 * np.eye(2)))
    >>> round(float(np.angle(p.moment(1))), 9) == round(np.pi / 4, 9)
    True
    """
    if kind is not None:
        check_choice("kind", kind, _KINDS)
    drive = check_number("drive", drive)
    index = check_integer("index", index)
    found = _without_state(x, nodes, kind, spins, index)
    if found is None:
        found = _of_state(x, nodes, kind or "canonical", spins, index)
    moments = found.moments * np.exp(-1j * drive * np.arange(len(found.moments)))
    moments.setflags(write=False)
    return PhaseDistribution(moments, found.errors, found.kind)


def _without_state(
    x: Any, nodes: Any, kind: str | None, spins: Any, index: int
) -> PhaseDistribution | None:
    """Of what is no state and holds none."""
    if isinstance(x, (tuple, list)) and len(x) == 2 and not hasattr(x[0], "isket"):
        wanted = _nodes(nodes, len(np.atleast_1d(x[0])) // 2)
        kind = chosen_kind(kind, ("husimi", "wigner", "canonical"), "of a Gaussian state")
        found: PhaseDistribution | None = of_gaussian(x[0], x[1], wanted, kind)
    else:
        found = phase_source(x, chosen_nodes(nodes), kind, index)
    if found is not None and spins is not None:
        raise ValueError("spins: only of the tensor factors of kets and density matrices")
    return found


def _of_state(x: Any, nodes: Any, kind: str, spins: Any, index: int) -> PhaseDistribution:
    """Of a ket or density matrix."""
    state, symbols = state_of(x, index, _WANTED)
    dims = [int(d) for d in state.dims[0]]
    wanted = _nodes(nodes, len(dims))
    known = _spins_of(symbols, len(dims), wanted)
    if not isinstance(spins, (list, tuple, np.ndarray, range, type(None))):
        raise TypeError(f"spins must be a sequence of integers, not {spins!r}")
    spin = known if spins is None else {check_integer("spins", k, minimum=0) for k in spins}
    if kind == "wigner" and (found := [k for k in wanted if k in spin]):
        raise ValueError(f"kind='wigner': factor {found[0]} is a spin; use 'husimi' or 'canonical'")
    of_spin = [k in spin for k in wanted]
    kept = tuple(dims[k] for k in wanted)
    rho = _flipped(density(_part(state, wanted), tuple(range(len(wanted)))), kept, of_spin)
    weights = [angular_weights(kind, s, d) for s, d in zip(of_spin, kept, strict=True)]
    if len(wanted) == 1:
        return PhaseDistribution(moments_of_one(rho, weights[0]), kind=kind)
    return PhaseDistribution(moments_of_two(rho, kept, (weights[0], weights[1])), kind=kind)


def _part(state: Any, wanted: Sequence[int]) -> Any:
    """The state of some factors, in their order."""
    if len(state.dims[0]) == len(wanted) == 1:
        return state
    part = state.ptrace(sorted(wanted))
    return part if list(wanted) == sorted(wanted) else part.permute([1, 0])


def _nodes(nodes: Any, count: int) -> list[int]:
    wanted = chosen_nodes(nodes)
    if max(wanted) >= count:
        raise ValueError(f"nodes: the state has {count} tensor factors, there is no {max(wanted)}")
    return wanted
