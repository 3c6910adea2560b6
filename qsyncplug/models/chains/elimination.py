"""The central spin eliminated: detunings, jump operators for the kernel, a polynomial model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.checks import check_array, check_choice, check_integer, check_number
from ...operators.handle import modes
from ...operators.system import System
from .model import SpinChains
from .representations import series_coefficients

__all__ = ["elimination_detuning", "kernel_jumps", "mode_system"]

#: kinds of jump operators, as ``_ext.spins`` numbers them
_KINDS = {"boson": 0, "spin": 1, "boson2": 2, "spin2": 3, "nonlinear": 4}


def elimination_detuning(chains: SpinChains, sigma_z: float = -1.0) -> tuple[float, float]:
    """δ_j=ω0−ν_j of the effective Hamiltonian, ν_j=ω_j(λ²+1/N_j)+g_j⟨σz⟩/√N_j the frequency of a
    weakly excited chain.

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
        chains.omega0 - (w * (chains.exchange**2 + 1 / n) + g * sigma_z / np.sqrt(n))
        for w, n, g in zip(chains.omega, chains.n, chains.g, strict=True)
    ]
    return out[0], out[1]


def kernel_jumps(chains: SpinChains) -> list[tuple[int, bool, float, float, float, float]]:
    """(kind, conjugated, weights of the two chains, coefficients) of every jump operator, as the
    kernel takes them.
    """
    out: list[tuple[int, bool, float, float, float, float]] = []

    def add(
        name: str, j: int, weight: float, conjugated: bool = False, p: float = 0.0, q: float = 0.0
    ) -> None:
        weights = [0.0, 0.0]
        weights[j] = weight
        out.append((_KINDS[name], conjugated, weights[0], weights[1], p, q))

    for j, count in enumerate(chains.n):
        nbar, loss, nonlinear = chains.thermal[j], chains.loss[j], chains.nonlinear[j]
        if nonlinear:
            kind, weight, p, q = "nonlinear", 1.0, np.sqrt(loss), np.sqrt(nonlinear) / count
        else:
            kind, weight, p, q = chains.bath, np.sqrt(loss), 0.0, 0.0
        if loss or nonlinear:
            add(kind, j, weight * np.sqrt(nbar + 1), False, p, q)
            if nbar:
                add(kind, j, weight * np.sqrt(nbar), True, p, q)
        if chains.gain[j]:
            add(chains.bath, j, np.sqrt(chains.gain[j]), True)
        if chains.two_photon[j]:
            add(chains.engineered + "2", j, np.sqrt(chains.two_photon[j]))
    if chains.dissipative:
        v = np.sqrt(chains.dissipative)
        out.append((_KINDS[chains.engineered], False, v, -v, 0.0, 0.0))
    return out


def mode_system(
    chains: SpinChains,
    order: int = 2,
    *,
    expansion: str = "newton",
    sigma_z: float = -1.0,
    excitation: Any = (0.0, 0.0),
) -> System:
    r"""The chains with the central spin eliminated and the square root expanded: a polynomial boson
    model.

    .. math::
        H = Σ_j ω_j[(λ^2+\tfrac1{N_j})n_j - \tfrac{λ^2}{N_j}n_j^2] + \tfrac{g_j⟨σ_z⟩}{\sqrt{N_j}}n_j
            + \tfrac{⟨σ_z⟩}2Σ_{jk}\Big(\tfrac1{2X+δ_j}+\tfrac1{2X+δ_k}\Big)g_jg_kA_j^†A_k, \quad
            A_j=\sqrt{1-n_j/N_j}\,b_j

    Parameters
    ----------
    chains : SpinChains
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
    chains.require_symmetric("bosons")
    order = check_integer("order", order, minimum=0)
    check_choice("expansion", expansion, ("newton", "taylor"))
    sigma_z = check_number("sigma_z", sigma_z, minimum=-1.0, maximum=1.0)
    x = check_array("excitation", excitation, shape=(2,))
    b = modes(2)
    A, H = [], 0 * b[0]
    for j, count in enumerate(chains.n):
        coefficients = series_coefficients(count, order, expansion)
        number = b[j].dag() * b[j]
        root = 0 * number
        for k, c in enumerate(coefficients):
            root = root + c * (b[j].dag() ** k * b[j] ** k if expansion == "newton" else number**k)
        A.append(root * b[j])
        squared = chains.exchange**2
        H = H + chains.omega[j] * ((squared + 1 / count) * number - squared / count * number**2)
        if chains.central:
            H = H + chains.g[j] * sigma_z / np.sqrt(count) * number
    if chains.central:
        X = sum(
            g * np.sqrt(count) * (v - 0.5)
            for g, count, v in zip(chains.g, chains.n, x, strict=True)
        )
        w = [1 / (2 * X + d) for d in elimination_detuning(chains, sigma_z)]
        for j in range(2):
            for k in range(2):
                H = H + 0.5 * sigma_z * (w[j] + w[k]) * chains.g[j] * chains.g[k] * (
                    A[j].dag() * A[k]
                )
    if chains.coherent:
        H = H + chains.coherent * (A[0].dag() * A[1] + A[1].dag() * A[0])
    jumps = []
    for kind, conjugated, c1, c2, p, q in kernel_jumps(chains):
        L = 0 * b[0]
        for weight, mode, spin in zip((c1, c2), b, A, strict=True):
            if not weight:
                continue
            f = {
                0: mode,
                1: spin,
                2: mode * mode,
                3: spin * spin,
                4: p * mode + q * (mode.dag() * mode * mode),
            }[kind]
            L = L + weight * (f.dag() if conjugated else f)
        jumps.append(L)
    return System(
        H,
        jumps,
        name=f"two spin chains, root to order {order}"
        + (", central spin eliminated" if chains.central else ""),
    )
