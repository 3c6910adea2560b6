"""Entanglement, information and purity: correlation, reported beside synchronisation and never as
synchronisation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ...core.checks import check_choice, check_flag, check_memory
from ..fields import hopping
from ..view import MASS_THRESHOLD, SyncView
from . import gaussian as _gaussian_formulas
from .common import (
    density,
    each_pair,
    factor,
    need_bosons,
    need_quantum,
    off_diagonal,
    reduced,
    undefined,
)
from .record import POSITIVE, UNIT, Of, Record, measure

__all__ = ["gaussian_discord", "log_negativity", "mutual_information", "purity", "second_order"]

#: what entropies of pairs have in common
_OF_STATES: dict[str, Any] = {
    "null": 0.0,
    "range": POSITIVE,
    "correlation": True,
    "costly": True,
}

_UNPHYSICAL = "the covariance is not that of a state (a symplectic eigenvalue is below ½)"


def _use_gaussian(view: SyncView, gaussian: bool | None, measure: str) -> bool:
    check_choice("gaussian", gaussian, (None, True, False))
    if gaussian is None:
        gaussian = not view.has("states") and view.has("covariance")
    if gaussian:
        need_quantum(view, measure)
        _ = view.covariance
    else:
        _ = view.states
    return bool(gaussian)


def _pair_covariance(view: SyncView, j: int, k: int) -> np.ndarray:
    index = np.array([2 * j, 2 * j + 1, 2 * k, 2 * k + 1])
    return view.covariance[:, index[:, None], index]


def _table(view: SyncView, dtype: type = float) -> np.ndarray:
    return np.full((view.n_times, view.n, view.n), np.nan, dtype=dtype)


def _fill(
    view: SyncView, from_state: Callable[[Any, tuple[int, ...], tuple[int, ...]], float]
) -> np.ndarray:
    values = _table(view)
    for j, k in each_pair(view.n):
        keep, dims = reduced(view, (j, k))
        check_memory("a reduced density matrix of two nodes", 64.0 * float(dims[0] * dims[1]) ** 2)
        values[:, j, k] = values[:, k, j] = [from_state(state, keep, dims) for state in view.states]
    return values


def _fill_gaussian(
    view: SyncView, formula: Callable[[np.ndarray], np.ndarray], *, ordered: bool = False
) -> np.ndarray:
    values = _table(view)
    for j, k in each_pair(view.n):
        values[:, j, k] = formula(_pair_covariance(view, j, k))
        values[:, k, j] = formula(_pair_covariance(view, k, j)) if ordered else values[:, j, k]
    return values


def _of_covariance(
    view: SyncView, formula: Callable[[np.ndarray], np.ndarray], name: str, *, ordered: bool = False
) -> np.ndarray:
    """As :func:`_fill_gaussian`, with a warning where the covariance is not that of a state."""
    values = _fill_gaussian(view, formula, ordered=ordered)
    undefined(off_diagonal(values), name, _UNPHYSICAL)
    return values


def _entropy_of(weights: np.ndarray) -> float:
    weights = weights[weights > 0]
    return float(-np.sum(weights * np.log(weights)))


def spectrum(matrix: np.ndarray) -> np.ndarray:
    """Eigenvalues of a Hermitian matrix, block by block where it has blocks (a conserved number, a
    parity).
    """
    count, block = connected_components(csr_array(matrix != 0), directed=False)
    if count == 1:
        return np.linalg.eigvalsh(matrix)
    order = np.argsort(block, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(block))[:-1])
    alone = np.array([part[0] for part in parts if part.size == 1], dtype=int)
    values = [np.linalg.eigvalsh(matrix[np.ix_(part, part)]) for part in parts if part.size > 1]
    return np.concatenate([matrix[alone, alone].real, *values])


def _is_whole(state: Any, keep: tuple[int, ...]) -> bool:
    return bool(state.isket) and len(keep) == len(state.dims[0])


def _log_negativity(state: Any, keep: tuple[int, ...], dims: tuple[int, ...]) -> float:
    if _is_whole(state, keep):
        schmidt = np.linalg.svd(factor(state, keep).reshape(dims), compute_uv=False)
        return float(max(0.0, 2 * np.log(np.sum(schmidt))))
    d1, d2 = dims
    rho = (
        density(state, keep).reshape(d1, d2, d1, d2).transpose(0, 3, 2, 1).reshape(d1 * d2, d1 * d2)
    )
    return float(max(0.0, np.log(np.sum(np.abs(spectrum(rho))))))


def _entropy(state: Any, keep: tuple[int, ...]) -> float:
    if _is_whole(state, keep):
        return 0.0
    if state.isket:
        return _entropy_of(np.linalg.svd(factor(state, keep), compute_uv=False) ** 2)
    return _entropy_of(spectrum(density(state, keep)))


def _mutual_information(state: Any, keep: tuple[int, ...], dims: tuple[int, ...]) -> float:
    return max(0.0, _entropy(state, keep[:1]) + _entropy(state, keep[1:]) - _entropy(state, keep))


@measure(Record("E_N", r"E_N", Of.PAIRS, ("states",), **_OF_STATES, place=120))
def log_negativity(view: SyncView, *, gaussian: bool | None = None) -> np.ndarray:
    """Logarithmic negativity ln‖ρ^{T_k}‖₁ of each pair, in nats.

    Parameters
    ----------
    view : SyncView
        Needs ``states``, or ``covariance``.
    gaussian : bool, optional
        From the covariance (−ln 2ν̃_− where positive) or from the states; None: from the states if
        there are any.

    Returns
    -------
    (T, N, N) array
        Symmetric, NaN on the diagonal. Gaussian: NaN with a warning where the covariance is not
        that of a state.

    Notes
    -----
    G. Vidal and R. F. Werner, Phys. Rev. A 65, 032314 (2002). Zero does not mean separable.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> zero, one = qutip.fock(3, 0), qutip.fock(3, 1)
    >>> bell = (qutip.tensor(zero, one) + qutip.tensor(one, zero)).unit()
    >>> float(qsp.measures.log_negativity(bell, modes=[a, b])[0, 0, 1].round(4))  # ln 2
    0.6931
    """
    if _use_gaussian(view, gaussian, "log_negativity"):
        return _of_covariance(view, _gaussian_formulas.log_negativity, "log_negativity")
    return _fill(view, _log_negativity)


@measure(Record("mutual inf.", r"I", Of.PAIRS, ("states",), **_OF_STATES, place=110))
def mutual_information(view: SyncView, *, gaussian: bool | None = None) -> np.ndarray:
    """Quantum mutual information S(ρ_j) + S(ρ_k) − S(ρ_jk) of each pair, in nats.

    Parameters
    ----------
    view, gaussian
        As for :func:`log_negativity`.

    Returns
    -------
    (T, N, N) array
        Symmetric, NaN on the diagonal. Gaussian: NaN with a warning where the covariance is not
        that of a state.

    Notes
    -----
    Total correlation, classical and quantum; V. Ameri et al., Phys. Rev. A 91, 012301 (2015).

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> zero, one = qutip.fock(3, 0), qutip.fock(3, 1)
    >>> bell = (qutip.tensor(zero, one) + qutip.tensor(one, zero)).unit()
    >>> float(qsp.measures.mutual_information(bell, modes=[a, b])[0, 0, 1].round(4))  # 2 ln 2
    1.3863
    """
    if _use_gaussian(view, gaussian, "mutual_information"):
        return _of_covariance(view, _gaussian_formulas.mutual_information, "mutual_information")
    return _fill(view, _mutual_information)


@measure(Record("purity", r"\mathrm{Tr}\,\rho^2", Of.PAIRS, ("states",), range=UNIT, costly=True))
def purity(view: SyncView, *, gaussian: bool | None = None) -> np.ndarray:
    """Purity Tr ρ² of each pair and, on the diagonal, of each node.

    Parameters
    ----------
    view, gaussian
        As for :func:`log_negativity`.

    Returns
    -------
    (T, N, N) array
        Symmetric. Gaussian: NaN with a warning where the covariance is not that of a state.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> qsp.measures.purity(state, modes=[a, b]).round(4)
    array([[[1., 1.],
            [1., 1.]]])
    """
    nodes = range(view.n)
    if _use_gaussian(view, gaussian, "purity"):
        values = _fill_gaussian(view, _gaussian_formulas.purity)
        for j in nodes:
            values[:, j, j] = _gaussian_formulas.purity(
                view.covariance[:, 2 * j : 2 * j + 2, 2 * j : 2 * j + 2]
            )
        undefined(values, "purity", _UNPHYSICAL)
        return values

    def of(state: Any, keep: tuple[int, ...]) -> float:
        return 1.0 if _is_whole(state, keep) else float(np.linalg.norm(density(state, keep)) ** 2)

    values = _fill(view, lambda state, keep, dims: of(state, keep))
    for j in nodes:
        keep, _ = reduced(view, (j,))
        values[:, j, j] = [of(state, keep) for state in view.states]
    return values


@measure(
    Record(
        "Gauss. discord",
        r"D_G",
        Of.PAIRS,
        ("covariance",),
        null=0.0,
        range=POSITIVE,
        correlation=True,
        place=130,
    )
)
def gaussian_discord(view: SyncView) -> np.ndarray:
    """Gaussian quantum discord D(j|k): Gaussian measurements on node k, the second index.

    Returns
    -------
    (T, N, N) array
        Not symmetric; NaN on the diagonal; ≥0, in nats. NaN with a warning where the covariance is
        not that of a state.

    Notes
    -----
    f(b) − f(ν_−) − f(ν_+) + f(√min det ε) with the least determinant of the conditional covariance
    over Gaussian measurements. G. Adesso and A. Datta, Phys. Rev. Lett. 105, 030501 (2010);
    computed from the standard form by an explicit minimum over the squeezing of the measurement,
    which has no cancellation where mode k is nearly pure. An upper bound of the discord of the
    state; of the Gaussian state with this covariance if the state is not Gaussian.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> state = qutip.tensor(qutip.coherent(16, 1.0), qutip.coherent(16, 1j))
    >>> float(qsp.measures.gaussian_discord(state, modes=[a, b])[0, 0, 1].round(4)) + 0.0
    0.0
    """
    need_quantum(view, "gaussian_discord")
    _ = view.covariance  # also of a single node
    return _of_covariance(view, _gaussian_formulas.discord, "gaussian_discord", ordered=True)


@measure(Record("⟨b†²b²⟩/nn", r"g^{(2)}_{jk}", Of.PAIRS, ("states",), costly=True))
def second_order(
    view: SyncView, *, gaussian: bool = False, normalization: str = "numbers"
) -> np.ndarray:
    """Second-order coherence ⟨b_j†² b_k²⟩/(n_j n_k), complex.

    Parameters
    ----------
    view : SyncView
        Needs ``states`` of boson modes; with `gaussian`, ``mean`` and ``covariance``.
    gaussian : bool
        The value of the Gaussian state with this mean and covariance, by Wick's theorem.
    normalization : {"numbers", "pairs"}
        Divide by n_j n_k, or by √(⟨b_j†²b_j²⟩⟨b_k†²b_k²⟩), which bounds the modulus by 1.

    Returns
    -------
    (T, N, N) complex array
        Hermitian; on the diagonal g²(0) = ⟨b†²b²⟩/n². Its argument is twice the relative phase:
        nonzero where the relative phase prefers two opposite values. NaN (with a warning) where
        n_j=0.

    Examples
    --------
    >>> import qutip, qsyncplug as qsp
    >>> a, b = qsp.modes(2)
    >>> zero, one = qutip.fock(3, 0), qutip.fock(3, 1)
    >>> bell = (qutip.tensor(zero, one) + qutip.tensor(one, zero)).unit()
    >>> float(qsp.measures.second_order(bell, modes=[a, b])[0, 0, 1].real)  # never both
    0.0
    """
    check_choice("normalization", normalization, ("numbers", "pairs"))
    gaussian = check_flag("gaussian", gaussian)
    if gaussian:
        need_quantum(view, "second_order with gaussian=True")
        beta, cov = view.amplitudes, view.covariance
        qq, pp, qp = (
            np.diagonal(cov[:, a::2, b::2], axis1=1, axis2=2) for a, b in ((0, 0), (1, 1), (0, 1))
        )
        square = beta**2 + (qq - pp) / 2 + 1j * qp
        normal = hopping(cov) - 0.5 * np.eye(view.n)
        coherent = beta.conj()[:, :, None] * beta[:, None, :]
        moments = (
            square.conj()[:, :, None] * square[:, None, :] + 4 * coherent * normal + 2 * normal**2
        )
        numbers = view.occupations()
    else:
        _ = view.states
        need_bosons(view, "second_order")
        numbers, moments = _second_moments(view)
    empty = numbers <= MASS_THRESHOLD * (1.5 + np.abs(numbers))
    if normalization == "pairs":
        pairs = np.diagonal(moments, axis1=1, axis2=2).real
        empty |= pairs <= MASS_THRESHOLD * (1.5 + np.abs(numbers)) ** 2
        numbers = np.sqrt(np.maximum(pairs, 0.0))
    numbers = np.where(empty, np.nan, numbers)
    with np.errstate(invalid="ignore"):
        values = moments / (numbers[:, :, None] * numbers[:, None, :])
    undefined(values, "second_order", "a node has zero mass")
    return np.asarray(values)


def _second_moments(view: SyncView) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.zeros((view.n_times, view.n))
    moments = _table(view, complex)
    for j in range(view.n):
        keep, (d,) = reduced(view, (j,))
        n = np.arange(d)
        for t, state in enumerate(view.states):
            populations = np.diagonal(density(state, keep)).real
            numbers[t, j] = n @ populations
            moments[t, j, j] = (n * (n - 1)) @ populations
    for j, k in each_pair(view.n):
        keep, (d1, d2) = reduced(view, (j, k))
        w1, w2 = (np.sqrt(np.arange(2.0, d) * np.arange(1.0, d - 1)) for d in (d1, d2))
        for t, state in enumerate(view.states):
            rho = density(state, keep).reshape(d1, d2, d1, d2)
            value = (
                np.einsum("abab,a,b->", rho[:-2, 2:, 2:, :-2], w1, w2) if min(d1, d2) > 2 else 0.0
            )
            moments[t, j, k], moments[t, k, j] = value, np.conj(value)
    return numbers, moments
