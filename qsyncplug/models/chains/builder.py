"""Two spin chains as a system of the algebra."""

from __future__ import annotations

from ...operators.system import System
from .central import CentralChain
from .parameters import ChainParameters
from .statement import chain_system

__all__ = ["spin_chains"]


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
    model = ChainParameters(
        n,
        g,
        omega0,
        omega,
        exchange,
        loss,
        thermal,
        gain,
        two_photon,
        dissipative,
        coherent=coherent,
        nonlinear=nonlinear,
        local_loss=local_loss,
        local_dephasing=local_dephasing,
        bath=bath,
        engineered=engineered,
        central=central,
        geometry=geometry,
        boundary=boundary,
        central_chain=central_chain,
    )
    return chain_system(model, representation, order, expansion)
