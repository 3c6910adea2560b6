"""The central spin eliminated: detunings, effective energy, a polynomial model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.checks import check_array, check_choice, check_integer, check_number
from ...operators.system import System
from .parameters import ChainParameters
from .statement import boson_operators, chain_hamiltonian, chain_jumps

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["eliminated_energy", "elimination_detuning", "mode_system"]


def elimination_detuning(model: ChainParameters, sigma_z: float = -1.0) -> tuple[float, float]:
    """δ_j=ω0−ν_j of the effective Hamiltonian, ν_j=ω_j(λ²+1/N_j)+g_j⟨σz⟩/√N_j the frequency of a
    weakly excited chain.

    Parameters
    ----------
    model : SpinChains
        Its sizes, couplings and frequencies.
    sigma_z : float
        ⟨σz⟩ of the eliminated central spin, from −1 to 1.

    Returns
    -------
    pair of float
        δ_1 and δ_2; the elimination is good where they are large against g_j.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> np.round(qsp.elimination_detuning(chains), 4)
    array([1.46 , 1.968])
    """
    sigma_z = check_number("sigma_z", sigma_z, minimum=-1.0, maximum=1.0)
    out = [
        model.omega0 - (w * (model.exchange**2 + 1 / n) + g * sigma_z / np.sqrt(n))
        for w, n, g in zip(model.omega, model.n, model.g, strict=True)
    ]
    return out[0], out[1]


def eliminated_energy(
    model: ChainParameters, lowered: Sequence[Any], weights: Sequence[Any], sigma_z: Any
) -> Any:
    """½⟨σz⟩Σ_jk g_jg_k/√(N_jN_k) (w_j+w_k) J_j+J_k−, w_j=1/(2X+δ_j), of functions or operators."""
    scale = [g / np.sqrt(count) for g, count in zip(model.g, model.n, strict=True)]
    energy = 0 * lowered[0]
    for j in range(2):
        for k in range(2):
            flip = lowered[j].dag() * lowered[k]
            energy = energy + 0.5 * scale[j] * scale[k] * (flip * (weights[j] + weights[k]))
    return sigma_z * energy


def mode_system(
    model: ChainParameters,
    order: int = 2,
    *,
    expansion: str = "newton",
    sigma_z: float = -1.0,
    excitation: ArrayLike = (0.0, 0.0),
) -> System:
    r"""The chains with the central spin eliminated and the square root expanded: a polynomial boson
    model.

    .. math::
        H = Σ_j ω_j[(λ^2+\tfrac1{N_j})n_j - \tfrac{λ^2}{N_j}n_j^2] + \tfrac{g_j⟨σ_z⟩}{\sqrt{N_j}}n_j
            + \tfrac{⟨σ_z⟩}2Σ_{jk}\Big(\tfrac1{2X+δ_j}+\tfrac1{2X+δ_k}\Big)g_jg_kA_j^†A_k, \quad
            A_j=\sqrt{1-n_j/N_j}\,b_j

    Parameters
    ----------
    model : SpinChains
        The model; without a central spin the last two terms are absent.
    order : int
        K ≥ 1, of the expansion of the square root.
    expansion : {"newton", "taylor"}
        See :meth:`SpinChains.hamiltonian`.
    sigma_z : float
        ⟨σz⟩, constant.
    excitation : pair of float
        x_j at which X=Σ g_j√N_j(x_j−½) is frozen.

    Returns
    -------
    System
        For :func:`qsyncplug.mfsolve` with both closures, :func:`qsyncplug.exactsolve` and
        :func:`qsyncplug.steadystate`.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.SpinChains(n=(4, 4), g=(1.5, 2.4), omega=(1.0, 0.8), exchange=0.2)
    >>> start = chains.product_state(excitation=(0.3, 0.2))
    >>> qsp.mode_system(chains).n
    2
    """
    model.require_symmetric("bosons")
    order = check_integer("order", order, minimum=0)
    check_choice("expansion", expansion, ("newton", "taylor"))
    sigma_z = check_number("sigma_z", sigma_z, minimum=-1.0, maximum=1.0)
    x = check_array("excitation", excitation, shape=(2,))
    ops, _ = boson_operators(model, order, expansion)
    energy = 0 * ops.jz[0]
    if model.central:
        # ⟨σ−⟩=0 and ⟨σz⟩ are numbers here
        ops = replace(ops, sigma_minus=energy, sigma_z=sigma_z)
        X = sum(
            g * np.sqrt(count) * (v - 0.5) for g, count, v in zip(model.g, model.n, x, strict=True)
        )
        weights = [1 / (2 * X + d) for d in elimination_detuning(model, sigma_z)]
        energy = eliminated_energy(model, ops.lowering, weights, sigma_z)
    H = chain_hamiltonian(model, ops, flips=False) + energy
    return System(
        H,
        chain_jumps(model, ops),
        name=f"two spin chains, root to order {order}"
        + (", central spin eliminated" if model.central else ""),
    )
