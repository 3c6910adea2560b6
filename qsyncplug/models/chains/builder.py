"""Two spin chains, and two spins that exchange excitations, as systems of the algebra."""

from __future__ import annotations

import numpy as np

from ...core.checks import check_number, check_pair
from ...operators.handle import spins
from ...operators.system import System
from .central import CentralChain
from .parameters import ChainParameters, check_sizes
from .statement import chain_system

__all__ = ["collective_pair", "spin_chains"]


def spin_chains(
    n: int | tuple[int, int] = (5, 5),
    g: float | tuple[float, float] | None = None,
    omega0: float | None = None,
    omega: float | tuple[float, float] = (1.0, 0.8),
    exchange: float = 0.2,
    loss: float | tuple[float, float] = 0.0,
    thermal: float | tuple[float, float] = 0.0,
    gain: float | tuple[float, float] = 0.0,
    two_photon: float | tuple[float, float] = 0.0,
    dissipative: float = 0.0,
    *,
    coherent: float = 0.0,
    nonlinear: float | tuple[float, float] = 0.0,
    local_loss: float | tuple[float, float] = 0.0,
    local_dephasing: float | tuple[float, float] = 0.0,
    bath: str = "spin",
    engineered: str = "spin",
    central: bool = True,
    geometry: str = "all",
    boundary: str = "open",
    central_chain: CentralChain | None = None,
    representation: str = "collective",
    order: int | None = None,
    expansion: str = "newton",
) -> System:
    r"""Two chains of spins ½ coupled through a central spin, as a system of any solver.

    .. math::
        H = \tfrac{ω_0}{2}σ_z + Σ_j \tfrac{g_j}{\sqrt{N_j}}(σ_+J_{j-} + σ_-J_{j+} + σ_zJ_{jz})
            + Σ_j ω_j\Big[λ^2\Big(\tfrac{J_{j+}J_{j-}}{N_j} - \tfrac12\Big) +
            (1-λ^2)\tfrac{J_{jz}}{N_j}\Big]

    Parameters
    ----------
    n, g, omega0, omega, exchange
        N_j, g_j, ω_0, ω_j and λ.
    loss, thermal, gain, two_photon, dissipative, coherent, nonlinear
        Rates of the collective jumps and the direct coupling; see :class:`SpinChains`.
    local_loss, local_dephasing
        Rates of every spin: only in the representation ``"spins"``.
    bath, engineered : {"spin", "boson"}
        Whether jumps act through J−/√N or through the Holstein–Primakoff boson b; bosons only in
        the representations ``"bosons"`` and ``"series"``.
    central, geometry, boundary, central_chain
        Whether there is a centre, and which spins are coupled; see :class:`SpinChains`.
    representation : {"collective", "bosons", "series", "spins"}
        Nodes: (σ, J1, J2) collective spins; (σ, b1, b2) Holstein–Primakoff modes, with the root
        exact on N_j+1 levels or to an `order`; all spins ½, the centre first.
    order, expansion
        For ``"series"``: of the root; see :meth:`SpinChains.hamiltonian`.

    Returns
    -------
    System

    Raises
    ------
    ValueError, TypeError
        A number is out of range, or the jumps are not those of the representation.

    Notes
    -----
    J. Ghildiyal, Manju, S. Dasgupta, A. Biswas, eqs (2) and (3).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> chains = qsp.spin_chains(n=(4, 3), loss=0.1)
    >>> chains.levels()
    [2, 5, 4]
    >>> run = qsp.mfsolve(chains, [(0, 0, -1), (2.0, 0.1), (1.5, 0.0)], [0.0, 1.0])
    >>> run.amplitudes.shape
    (2, 2)
    """
    parameters = dict(locals())
    how = [parameters.pop(name) for name in ("representation", "order", "expansion")]
    return chain_system(ChainParameters(**parameters), *how)


def collective_pair(
    n: int | tuple[int, int] = (8, 8),
    frequency: tuple[float, float] = (1.0, 0.8),
    nonlinearity: float = 0.2,
    coupling: float = 1.0,
    loss: float = 0.0,
) -> System:
    r"""Two collective spins with
    :math:`H=Σ_jw_j(n_j-λ^2n_j^2/N_j)+\frac{κ}{\sqrt{N_1N_2}}(J_{1+}J_{2-}+h.c.)`.

    Parameters
    ----------
    n : int or pair of int
        Spins, n_j=J_jz+N_j/2.
    frequency : pair of float
        w_j.
    nonlinearity, coupling : float
        λ and κ.
    loss : float
        γ of :math:`\sqrt{γ/N_j}\,J_{j-}`.

    Returns
    -------
    System

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.collective_pair(n=(4, 4)).levels()
    [5, 5]
    """
    sizes, w = check_sizes(n), check_pair("frequency", frequency)
    squared = check_number("nonlinearity", nonlinearity) ** 2
    loss = check_number("loss", loss, minimum=0.0)
    J = spins(*sizes, names=["J1", "J2"])
    H = (
        check_number("coupling", coupling)
        / np.sqrt(sizes[0] * sizes[1])
        * (J[0].p * J[1].m + J[1].p * J[0].m)
    )
    for x, N, frequency_j in zip(J, sizes, w, strict=True):
        number = x.z + N / 2
        H = H + frequency_j * (number - squared / N * number**2)
    jumps = [np.sqrt(loss / N) * x.m for x, N in zip(J, sizes, strict=True) if loss]
    return System(H, jumps, name="two collective spins")
