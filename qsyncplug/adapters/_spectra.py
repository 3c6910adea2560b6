r"""Where coupled oscillators radiate.

Peaks of S_j(ω)=Re∫₀^∞⟨b_j†(0)b_j(t)⟩e^{iωt}dt in the stationary state.

With a phase symmetry b_j lives on the coherence order 1 alone, S_j(ω)=Re Tr b_j(−iω−L₁)⁻¹ρb_j†, and
the few eigenvalues of L₁ give the whole function.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ..core.errors import SolverError
from ..exact.steady import solve_steady
from ..operators.system import System
from ..sync.dynamics import Spectra
from ._couplings import uncoupled

__all__ = ["enough_levels", "spectra_of_modes"]

#: elements of the order-1 block up to which its eigenvalues are worked out here
_LARGEST = 1200


def enough_levels(populations: np.ndarray) -> tuple[int, ...]:
    """Levels of each mode, of populations (N, levels), beyond which less than 1e-4 is left."""
    left = 1 - np.cumsum(populations, axis=1)
    return tuple(min(max(4, int(np.argmax(row < 1e-4)) + 2), len(row)) for row in left)


def spectra_of_modes(system: System, levels: tuple[int, ...]) -> Spectra | None:
    """Observed and bare frequencies of the modes.

    None where this model's spectra are not to be had.
    """
    if (
        system.n < 2
        or not system.isconstant
        or not system.symmetries.common_phase
        or not system.jumps
    ):
        return None
    if float(np.prod(levels)) > 400:
        return None
    observed = _peaks(system, levels)
    bare = _peaks(uncoupled(system), levels)
    if observed is None or bare is None:
        return None
    return Spectra(
        tuple(float(w) for w, _, _ in observed),
        tuple(float(w) for w, _, _ in bare),
        float(max(width for _, width, _ in observed)),
        float(max(error for _, _, error in observed)),
    )


def _peaks(system: System, levels: tuple[int, ...]) -> list[tuple[float, float, float]] | None:
    """Frequency, full width and uncertainty of the highest peak of every mode."""
    H, jumps = system.qutip(levels)
    charges = np.sum(np.indices(levels).reshape(len(levels), -1), axis=0)
    row, column = np.nonzero(charges[:, None] - charges[None, :] == 1)
    if row.size > _LARGEST:
        return None
    L1 = _block(H, jumps, row, column)
    rho = _steady(system, levels, H, jumps)
    if rho is None:
        return None
    values, vectors = np.linalg.eig(L1)
    if np.linalg.cond(vectors) > 1e10:
        return None
    out = []
    for b in system.operators:
        a = b.qutip(levels).full()
        start = (rho @ a.conj().T)[row, column]
        weights = (a[column, row] @ vectors) * np.linalg.solve(vectors, start)
        out.append(_highest(values, weights))
    return out


def _steady(system: System, levels: tuple[int, ...], H: Any, jumps: list[Any]) -> np.ndarray | None:
    number = np.indices(levels).reshape(system.n, -1).T
    charges = number @ system.symmetries.charges.T
    matrices = [jump.data_as("csr_matrix") for jump in jumps]
    try:
        rho = solve_steady(
            H.data_as("csr_matrix"), matrices, charges, number, f"the cut-off {levels}"
        )
    except SolverError:
        # several stationary states: none of them is "the" one
        return None
    return np.asarray(rho.toarray())


def _block(H: Any, jumps: list[Any], row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The Liouvillian on the elements |row⟩⟨column|."""
    d = H.shape[0]
    one = sp.identity(d, format="csr", dtype=complex)
    h = H.to("CSR").data_as("csr_matrix")
    kept = row * d + column
    decay = sp.csr_matrix((d, d), dtype=complex)
    total = sp.csr_matrix((row.size, row.size), dtype=complex)
    for jump in jumps:
        c = jump.to("CSR").data_as("csr_matrix")
        decay = decay + c.conj().T @ c
        total = total + sp.kron(c, c.conj(), format="csr")[kept][:, kept]
    left, right = -1j * h - decay / 2, (1j * h - decay / 2).T
    whole = sp.kron(left, one, format="csr") + sp.kron(one, right, format="csr")
    return np.asarray((total + whole[kept][:, kept]).toarray())


def _highest(values: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """Frequency of the highest maximum of Re Σ weight/(−iω−λ), its full width, its uncertainty."""
    strong = np.abs(weights) > 1e-6 * np.abs(weights).max()
    values, weights = values[strong], weights[strong]
    centres = -values.imag
    reach = float(np.ptp(centres)) + 4 * float(np.abs(values.real).max()) + 1e-12
    low, high = centres.min() - reach, centres.max() + reach

    def power(w: np.ndarray) -> np.ndarray:
        return np.real((weights / (-1j * w[:, None] - values)).sum(axis=1))

    grid = np.unique(np.concatenate([np.linspace(low, high, 4001), centres]))
    top = float(grid[int(np.argmax(power(grid)))])
    step = float(grid[-1] - grid[0]) / 4000
    fine = top + step * np.linspace(-2, 2, 801)
    top = float(fine[int(np.argmax(power(fine)))])
    half = float(power(np.array([top]))[0]) / 2
    above = power(grid) >= half
    k = int(np.searchsorted(grid, top))
    left = k - int(np.argmin(above[:k][::-1])) if k and not above[:k].all() else 0
    right = k + int(np.argmin(above[k:])) if not above[k:].all() else grid.size - 1
    return top, float(grid[min(right, grid.size - 1)] - grid[left]), 4 * step / 800
