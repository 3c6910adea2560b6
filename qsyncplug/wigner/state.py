"""What a Wigner–Lohe run may start from: kets, an ensemble, a block operator, or phase-space
arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import qutip
import scipy.linalg

from ..core.checks import check_array, check_memory
from ..core.errors import warn
from ..core.grid import Grid
from ..core.threads import linear_algebra_threads
from ..waves.errors import UnstableSetWarning
from .fit import judge
from .kernels import kernel_of
from .kets import check_qobj, fock_diagnostics, fock_to_grid
from .matrix import FactorMatrix
from .model import WignerLohe

__all__ = ["InitialState", "deviations_of", "read_state"]

#: eigenvalues of a block operator below this times the largest are rounding
_RANK = 1e-15
#: relative size of what counts as rounding in user-supplied arrays
_ROUNDING = 1e-10
#: largest difference, relative to the largest value, of phase-space arrays and the Weyl symbols of
#: their operator
_SYMBOL = 1e-11
#: block operators of arrays beyond this size are not factorised
_LARGEST_BLOCK = 4096


@dataclass
class InitialState:
    r"""The blocks ρ_ij = Σ_α s_α |left_i^α⟩⟨right_j^α|; or phase-space arrays that the grid holds
    no operators for.

    Attributes
    ----------
    kind : str
    left, right : (N, A, M) array or None
        Factors on the grid; one array for Hermitian blocks.
    signs : (A,) array
        s_α.
    arrays : (N, N, ...) array or None
        w_ij where there are no factors.
    z0, deviations : (N, N) array
        ∫w_ij, and 1−z_ij/√(z_ii z_jj) without cancellation.
    hermitian, physical : bool
        Is w_ji = conj w_ij; can z be a matrix of scalar products?
    """

    kind: str
    left: np.ndarray | None
    right: np.ndarray | None
    signs: np.ndarray
    arrays: np.ndarray | None
    z0: np.ndarray
    deviations: np.ndarray
    hermitian: bool
    physical: bool = True

    @property
    def n(self) -> int:
        """Number N of oscillators, the length of every axis of nodes."""
        return len(self.z0)


def read_state(
    model: WignerLohe,
    state0: Any,
    *,
    allow_unphysical: bool = False,
    allow_non_hermitian: bool = False,
) -> InitialState:
    """Tell what `state0` is by its shape, check it, and factorise it where it has factors.

    Raises
    ------
    ValueError, TypeError
        Wrong shape or number, NaN, a mass of zero, blocks that are not Hermitian, correlations that
        no states have.
    """
    _refuse_masked(state0)
    grid = model.grid
    d, n, double = grid.ndim, grid.shape, tuple(2 * m for m in grid.shape)
    if isinstance(state0, qutip.Qobj):
        raise TypeError("state0 must be a list of kets, one an oscillator, not one Qobj")
    state0 = _fock_kets(state0, grid)
    pair = _ensemble(state0)
    if pair is not None:
        weights, members = pair
        state = _from_ensemble(model, weights, members)
    else:
        if isinstance(state0, (list, tuple)):
            shapes = {np.shape(s) for s in state0}
            if len(shapes) > 1:
                raise ValueError(
                    "state0 must hold arrays of one shape, not of "
                    f"{', '.join(map(str, sorted(shapes, key=str)))}"
                )
        raw = np.asarray(state0)
        if raw.dtype.kind not in "biufc":
            raise TypeError(f"state0 must hold arrays of numbers, not {state0!r:.60}")
        if raw.ndim and len(raw) == 0:
            raise ValueError("state0 must hold at least one oscillator")
        if raw.ndim == 1 + d and raw.shape[1:] == n:
            psi = check_array("state0", raw, dtype=complex)
            state = _factors("kets", psi.reshape(len(psi), 1, -1), None, np.ones(1), grid.weight)
        elif raw.ndim == 2 + 2 * d and raw.shape[2:] == n + n:
            state = _from_block(
                model, check_array("state0", _square(raw), dtype=complex), allow_non_hermitian
            )
        elif raw.ndim == 2 + 2 * d and raw.shape[2:] == double + double:
            state = _from_arrays(
                model, check_array("state0", _square(raw), dtype=complex), allow_non_hermitian
            )
        else:
            show = ", ".join(map(str, n))
            dshow = ", ".join(map(str, double))
            raise ValueError(
                f"state0 must be N kets (N, {show}), an ensemble (p, (A, N, {show})), a block "
                f"operator (N, N, {show}, {show}) "
                f"or phase-space arrays (N, N, {dshow}, {dshow}), not of shape {raw.shape}"
            )
    if model.n is not None and state.n != model.n:
        raise ValueError(
            f"state0 must hold {model.n} oscillators, as many as the model has, not {state.n}"
        )
    _check_correlations(state, allow_unphysical)
    _warn_unstable(model, state)
    return state


def _refuse_masked(state0: Any) -> None:
    if isinstance(state0, np.ma.MaskedArray):
        raise TypeError(
            "state0 must not hold masked arrays, whose masked entries would count; fill them"
        )
    if isinstance(state0, (list, tuple)):
        for part in state0:
            _refuse_masked(part)


def _fock_kets(state0: Any, grid: Grid) -> Any:
    """`state0` with kets of one mode, in the Fock basis of ½p²+½x², replaced by their arrays on the
    grid.
    """
    if isinstance(state0, np.ndarray) and state0.dtype == object:
        state0 = state0.tolist()
    if isinstance(state0, (list, tuple)):
        return type(state0)(_fock_kets(s, grid) for s in state0)
    if not isinstance(state0, qutip.Qobj):
        return state0
    if state0.isoper:
        raise TypeError(
            "state0 must hold kets, not operators: density matrices of the single oscillators do "
            "not determine w_ij; "
            "an ensemble (p, kets) or a block operator does"
        )
    check_qobj("state0", state0)
    judge(fock_diagnostics(state0, grid), "state0")
    return fock_to_grid(state0, grid)


def _square(raw: np.ndarray) -> np.ndarray:
    if raw.shape[0] != raw.shape[1] or raw.shape[0] == 0:
        raise ValueError(f"state0 must hold N×N blocks, not {raw.shape[0]}×{raw.shape[1]}")
    return raw


def _ensemble(state0: Any) -> tuple[Any, Any] | None:
    """(p, states) if `state0` is that, or a list of (p_α, states_α)."""
    if not isinstance(state0, (list, tuple)) or not state0:
        return None
    if all(isinstance(s, (list, tuple)) and len(s) == 2 and np.ndim(s[0]) == 0 for s in state0):
        shapes = {np.shape(s[1]) for s in state0}
        if len(shapes) > 1:
            raise ValueError(
                "state0: every member of an ensemble must hold the same number of kets, not "
                f"{shapes}"
            )
        return [s[0] for s in state0], [s[1] for s in state0]
    if (
        len(state0) == 2
        and np.ndim(state0[0]) == 1
        and np.ndim(state0[1]) >= np.ndim(state0[0]) + 2
    ):
        return state0[0], state0[1]
    return None


def _from_ensemble(model: WignerLohe, weights: Any, members: Any) -> InitialState:
    grid = model.grid
    p = check_array("state0: the probabilities", weights, shape=(None,))
    if np.any(p < 0):
        raise ValueError(
            f"state0: the probabilities must not be negative, as p[{int(np.argmin(p))}] = "
            f"{p.min():g} is"
        )
    if np.sum(p) == 0:
        raise ValueError("state0: the probabilities must not all be zero")
    psi = check_array("state0: the kets of the ensemble", members, dtype=complex)
    if (
        psi.ndim != 2 + grid.ndim
        or psi.shape[2:] != grid.shape
        or len(psi) != len(p)
        or psi.shape[1] == 0
    ):
        show = ", ".join(map(str, grid.shape))
        raise ValueError(
            f"state0: an ensemble must be {len(p)} probabilities and kets ({len(p)}, N, {show}), "
            f"not {psi.shape}"
        )
    psi = psi.reshape(*psi.shape[:2], -1)[p > 0]
    p = p[p > 0]
    left = np.ascontiguousarray((np.sqrt(p)[:, None, None] * psi).swapaxes(0, 1))
    return _factors("ensemble", left, None, np.ones(len(p)), grid.weight)


def _from_block(model: WignerLohe, block: np.ndarray, allow_non_hermitian: bool) -> InitialState:
    count, m = len(block), model.grid.size
    matrix = block.reshape(count, count, m, m).swapaxes(1, 2).reshape(count * m, count * m)
    check_memory(
        "factorising the block operator", 48.0 * matrix.size, advice="give an ensemble or kets"
    )
    off = float(np.max(np.abs(matrix - matrix.conj().T)))
    hermitian = off <= _ROUNDING * float(np.max(np.abs(matrix)))
    if not hermitian:
        _refuse_non_hermitian("the block operator", off, allow_non_hermitian)
    return _factors(
        "block operator",
        *_decompose(matrix, count, model.grid.weight, hermitian),
        model.grid.weight,
    )


def _decompose(
    matrix: np.ndarray, count: int, weight: float, hermitian: bool, rank: float = _RANK
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Factors left, right (None for Hermitian) and signs of a block operator (N·M, N·M), without
    what is below `rank`.
    """
    m = len(matrix) // count

    def rows(vectors: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(vectors.reshape(count, m, -1).swapaxes(1, 2))

    with linear_algebra_threads(1):
        if not hermitian:
            u, s, v = scipy.linalg.svd(matrix * weight, check_finite=False)
            keep = s > rank * s[0]
            root = np.sqrt(s[keep] / weight)
            return rows(u[:, keep] * root), rows(v[keep].conj().T * root), np.ones(int(keep.sum()))
        matrix = (0.5 * weight) * (matrix + matrix.conj().T)
        basis = _span(matrix, 10 * rank)
        if basis is not None:
            matrix = basis.conj().T @ matrix @ basis
        values, vectors = scipy.linalg.eigh(matrix, check_finite=False)
    keep = np.abs(values) > rank * np.max(np.abs(values))
    vectors = vectors[:, keep] * np.sqrt(np.abs(values[keep]) / weight)
    return rows(vectors if basis is None else basis @ vectors), None, np.sign(values[keep])


def _span(matrix: np.ndarray, tolerance: float) -> np.ndarray | None:
    """Orthonormal columns that hold those of a large matrix to `tolerance`, from products with
    random vectors.

    None for a small one, or one without a low rank: then a full decomposition costs no more.
    (N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53 (2011) 217, algorithm 4.2.)
    """
    size, probes = 64, 8
    random = np.random.default_rng(0)
    while 4 * size < len(matrix):
        image = matrix @ random.normal(size=(len(matrix), size + probes))
        basis = scipy.linalg.qr(image[:, :size], mode="economic", check_finite=False)[0]
        probe = image[:, size:]
        if np.linalg.norm(probe - basis @ (basis.conj().T @ probe)) <= tolerance * np.linalg.norm(
            probe
        ):
            return np.asarray(basis)
        size *= 2
    return None


def _from_arrays(model: WignerLohe, w: np.ndarray, allow_non_hermitian: bool) -> InitialState:
    space = model.phase_space
    top = float(np.max(np.abs(w)))
    off = max(
        float(np.max(np.abs(w[i, j] - w[j, i].conj()))) for i in range(len(w)) for j in range(i + 1)
    )
    hermitian = off <= _ROUNDING * top
    if not hermitian:
        _refuse_non_hermitian("the array", off, allow_non_hermitian)
    state = _factors_of_arrays(model, w, hermitian) if top > 0 else None
    if state is not None:
        return state
    z0 = space.integrate(w)
    if hermitian:
        z0 = 0.5 * (z0 + z0.conj().T)
    return InitialState("phase space", None, None, np.ones(1), w, z0, deviations_of(z0), hermitian)


def _factors_of_arrays(model: WignerLohe, w: np.ndarray, hermitian: bool) -> InitialState | None:
    """The block operator whose Weyl symbols the arrays are, factorised; None if on this grid there
    is none.

    An array on 2n×2n points is the symbol of an n×n kernel if, for every point x, separations y
    reach no further than to the edges of the box, and the like for momenta: so it is for whatever
    the grid resolves.
    """
    space, count, m = model.phase_space, len(w), model.grid.size
    if count * m > _LARGEST_BLOCK:
        return None
    blocks = np.array([[kernel_of(w[i, j], space) for j in range(count)] for i in range(count)])
    matrix = blocks.reshape(count, count, m, m).swapaxes(1, 2).reshape(count * m, count * m)
    left, right, signs = _decompose(matrix, count, model.grid.weight, hermitian, 10 * _RANK)
    found = FactorMatrix(space, left, right, signs)
    top = float(np.max(np.abs(w)))
    for i in range(count):
        for j in range(i if hermitian else 0, count):
            if not np.max(np.abs(found.wigner(i, j) - w[i, j])) <= _SYMBOL * top:
                return None
    return _factors("phase space", left, right, signs, model.grid.weight)


def _refuse_non_hermitian(what: str, off: float, allowed: bool) -> None:
    if not allowed:
        raise ValueError(
            f"state0: {what} must be Hermitian, w_ji = conj(w_ij); it is off by {off:.3g}. "
            "The option allow_non_hermitian=True takes it as it is"
        )


def _factors(
    kind: str, left: np.ndarray, right: np.ndarray | None, signs: np.ndarray, weight: float
) -> InitialState:
    n = len(left)
    check_memory(
        f"the correlations of {n} oscillators", 64.0 * n * n, advice="take fewer oscillators"
    )
    other = left if right is None else right
    signed = (left * signs[:, None]).reshape(n, -1)
    z0 = weight * signed @ other.reshape(n, -1).conj().T
    plain = right is None and bool(np.all(signs == 1))
    if right is None:
        z0 = 0.5 * (z0 + z0.conj().T)
    state = InitialState(kind, left, right, signs, None, z0, deviations_of(z0), right is None)
    masses = np.diag(z0).real
    if plain and np.all(masses > 0):
        # ½‖f−g‖² − i Im⟨g,f⟩ of normalised f, g, free of cancellation
        f = left.reshape(n, -1) / np.sqrt(masses)[:, None]
        for i in range(1, n):
            gap = f[i] - f[:i]
            size = 0.5 * weight * np.einsum("jm,jm->j", gap.conj(), gap).real
            turn = weight * np.einsum("jm,jm->j", f[:i].conj(), gap).imag
            state.deviations[i, :i] = size - 1j * turn
            state.deviations[:i, i] = state.deviations[i, :i].conj()
    return state


def deviations_of(z: np.ndarray) -> np.ndarray:
    """1−z_ij/√(z_ii z_jj) of matrices (..., N, N), with zeros on the diagonal."""
    diagonal = np.diagonal(z, axis1=-2, axis2=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = 1 - z / np.sqrt(diagonal[..., :, None] * diagonal[..., None, :] + 0j)
    index = np.arange(z.shape[-1])
    out[..., index, index] = 0
    return np.asarray(out)


def _check_correlations(state: InitialState, allow_unphysical: bool) -> None:
    z = state.z0
    scale = float(np.max(np.abs(z)))
    diagonal = np.diag(z)
    if scale == 0 or np.any(np.abs(diagonal) < 1e-12 * scale):
        i = int(np.argmin(np.abs(diagonal)))
        raise ValueError(
            f"state0: ∫w_ii must not be zero, as for oscillator {i} ({diagonal[i]:.3g}): the model "
            "divides by it"
        )
    if not state.hermitian:
        state.physical = False
    else:
        if np.any(diagonal.real < 0) and not allow_unphysical:
            i = int(np.argmin(diagonal.real))
            raise ValueError(
                f"state0: ∫w_ii must be positive; for oscillator {i} it is {diagonal[i].real:.6g}"
            )
        if np.all(diagonal.real > 0):
            root = np.sqrt(diagonal.real)
            unit = z / np.outer(root, root)
            np.fill_diagonal(unit, 1)
            state.physical = bool(np.linalg.eigvalsh(unit)[0] > -1e-9)
            if not state.physical and not allow_unphysical:
                size = np.abs(unit)
                i, j = np.unravel_index(int(np.argmax(size)), size.shape)
                why = (
                    f"|z_{i}{j}| = {abs(z[i, j]):.6g} > √(z_{i}{i} z_{j}{j})"
                    if size[i, j] > 1 + 1e-9
                    else f"z has a negative eigenvalue, {np.linalg.eigvalsh(unit)[0]:.3g}"
                )
                raise ValueError(
                    f"state0: no states have such correlations: {why}; the solution may blow up in "
                    "finite time. "
                    "The option allow_unphysical=True runs it all the same"
                )
        else:
            state.physical = False


def _warn_unstable(model: WignerLohe, state: InitialState) -> None:
    n = state.n
    if (
        n != 2
        or model.coupling == 0
        or model.graph(n) is not None
        or (model.common and np.ptp(model.rates(n)) > 0)
    ):
        return
    gap = abs(2 - state.deviations[0, 1])
    if gap < 1e-6:
        warn(
            f"z_12 is within {gap:.2g} of −1, an unstable equilibrium: rounding decides what the "
            "run tends to",
            UnstableSetWarning,
        )
