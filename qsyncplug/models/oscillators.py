"""Self-sustained oscillators: pairs and rings of van der Pol oscillators, Kerr and squeezed ones,
optomechanics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..core.checks import check_array, check_integer, check_number, check_pair
from ..operators.expression import Expression
from ..operators.handle import Mode, modes
from ..operators.system import System
from .rates import ready, root

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "kerr_van_der_pol",
    "optomechanical_pair",
    "squeezed_van_der_pol",
    "van_der_pol_pair",
    "van_der_pol_ring",
]


@ready
def van_der_pol_pair(
    gain: ArrayLike = 1.0,
    loss: ArrayLike = 1.0,
    detuning: float = 0.5,
    coherent: float = 0.0,
    dissipative: float = 1.0,
) -> System:
    r"""Two quantum van der Pol oscillators.

    .. math:: H = \tfrac{Δ}{2}(n_1-n_2) + J(b_1^†b_2 + b_2^†b_1), \qquad
              L = \sqrt{g_1}\,b_j^†,\ \sqrt{g_2}\,b_j^2,\ \sqrt{V}(b_1-b_2).

    Parameters
    ----------
    gain : float or pair of float
        Rate g1 of the linear gain, of both oscillators or of each.
    loss : float or pair of float
        Rate g2 of the two-photon loss.
    detuning : float
        Δ.
    coherent : float
        Coherent coupling J.
    dissipative : float
        Rate V of the dissipative coupling.

    Raises
    ------
    ValueError
        A rate is negative or a number is not finite.

    Notes
    -----
    T. E. Lee, H. R. Sadeghpour, Phys. Rev. Lett. 111, 234101 (2013); S. Walter, A. Nunnenkamp,
    C. Bruder, Ann. Phys. 527, 131 (2015).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.van_der_pol_pair(loss=0.5, detuning=0.2).n
    2
    """
    gains, losses = check_pair("gain", gain, minimum=0.0), check_pair("loss", loss, minimum=0.0)
    detuning, coherent = check_number("detuning", detuning), check_number("coherent", coherent)
    dissipative = check_number("dissipative", dissipative, minimum=0.0)
    b1, b2 = modes(2)
    H = 0.5 * detuning * (b1.dag() * b1 - b2.dag() * b2) + coherent * (
        b1.dag() * b2 + b2.dag() * b1
    )
    jumps = [np.sqrt(g) * b.dag() for g, b in zip(gains, (b1, b2), strict=True) if g]
    jumps += [np.sqrt(g) * b**2 for g, b in zip(losses, (b1, b2), strict=True) if g]
    if dissipative:
        jumps.append(np.sqrt(dissipative) * (b1 - b2))
    return System(H, jumps, name="van der Pol pair")


@ready
def van_der_pol_ring(
    n: int,
    *,
    gain: float = 1.0,
    loss: float = 1.0,
    frequencies: float | Sequence[float] = 0.0,
    coherent: float = 0.0,
    dissipative: float = 1.0,
) -> System:
    r"""A ring of `n` quantum van der Pol oscillators.

    .. math:: H = \sum_j ω_j n_j + J(b_j^†b_{j+1} + h.c.), \qquad
              L = \sqrt{g_1} b_j^†,\ \sqrt{g_2} b_j^2,\ \sqrt V (b_j - b_{j+1}).

    Parameters
    ----------
    n : int
        Number of oscillators, at least 2; two are joined once.
    gain, loss : float
        Rates g1 and g2.
    frequencies : float or array_like of shape (n,)
        ω_j.
    coherent, dissipative : float
        J and V.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> ring = qsp.van_der_pol_ring(4, loss=0.1)
    >>> print(f"{qsp.limit_cycle(ring, [1, 1, 1, 1]).phase_diffusion:.4f}")
    0.0375
    """
    n = check_integer("n", n, minimum=2)
    omega = check_pair("frequencies", frequencies, n)
    coherent = check_number("coherent", coherent)
    gain, loss, dissipative = (
        root(*x) for x in (("gain", gain), ("loss", loss), ("dissipative", dissipative))
    )
    b = modes(n)
    H = 0 * b[0]
    jumps = []
    for j in range(n):
        H = H + omega[j] * b[j].dag() * b[j]
        jumps += [gain * b[j].dag(), loss * b[j] ** 2]
        if n > 2 or j == 0:
            hop = b[j].dag() * b[(j + 1) % n]
            H = H + coherent * (hop + hop.dag())
            jumps.append(dissipative * (b[j] - b[(j + 1) % n]))
    return System(H, jumps, name=f"ring of {n} van der Pol oscillators")


@ready
def kerr_van_der_pol(
    *,
    gain: float = 1.0,
    loss: float = 1.0,
    kerr: float = 1.0,
    detuning: float = 0.0,
    drive: float = 0.0,
) -> System:
    r"""A driven van der Pol oscillator with a Kerr nonlinearity, in the frame of the drive.

    .. math:: H = -Δ n + K b^{†2}b^2 + \tfrac{Ω}{2}(b + b^†), \qquad
              L = \sqrt{g_1} b^†,\ \sqrt{g_2} b^2.

    The transition n → n+1 is resonant at Δ=2Kn.

    Parameters
    ----------
    gain, loss : float
        g1 and g2.
    kerr, detuning, drive : float
        K, Δ and Ω.

    Notes
    -----
    N. Lörch, E. Amitai, A. Nunnenkamp, C. Bruder, Phys. Rev. Lett. 117, 073601 (2016).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> rho = qsp.steadystate(qsp.kerr_van_der_pol(loss=10, drive=0.2), cutoff=8)
    >>> rho.shape
    (8, 8)
    """
    (b,) = modes(1)
    n = b.dag() * b
    H = check_number("kerr", kerr) * b.dag() ** 2 * b**2 - check_number("detuning", detuning) * n
    return _driven("Kerr van der Pol", b, H, gain, loss, drive)


def _driven(name: str, b: Mode, own: Expression, gain: float, loss: float, drive: float) -> System:
    """One van der Pol oscillator with a Hamiltonian of its own and a drive ½Ω(b+b†)."""
    H = own + 0.5 * check_number("drive", drive) * (b + b.dag())
    return System(H, [root("gain", gain) * b.dag(), root("loss", loss) * b**2], name=name)


@ready
def squeezed_van_der_pol(
    *,
    gain: float = 1.0,
    loss: float = 1.0,
    detuning: float = 0.0,
    squeezing: float = 0.5,
    drive: float = 0.0,
) -> System:
    r"""A van der Pol oscillator entrained by a squeezing drive.

    .. math:: H = Δ n + iη(b^2 - b^{†2}) + \tfrac{Ω}{2}(b + b^†), \qquad
              L = \sqrt{g_1} b^†,\ \sqrt{g_2} b^2.

    Without Ω the parity of n is conserved, and the phases φ and φ+π are equally likely.

    Parameters
    ----------
    gain, loss : float
        g1 and g2.
    detuning, squeezing, drive : float
        Δ, η and Ω.

    Notes
    -----
    S. Sonar et al., Phys. Rev. Lett. 120, 163601 (2018).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> qsp.squeezed_van_der_pol().symmetries.common_phase
    False
    """
    (b,) = modes(1)
    H = check_number("detuning", detuning) * b.dag() * b
    H = H + 1j * check_number("squeezing", squeezing) * (b**2 - b.dag() ** 2)
    return _driven("squeezed van der Pol", b, H, gain, loss, drive)


@ready
def optomechanical_pair(
    *,
    frequencies: tuple[float, float] = (1.0, 1.005),
    coupling: float = 0.02,
    drive: float = 48.0,
    optomechanical: float = 0.005,
    cavity_loss: float = 0.3,
    damping: float = 0.01,
    thermal: float = 0.0,
) -> System:
    r"""Two optomechanical cells with coupled mechanics, driven on the blue side.

    .. math:: H = \sum_j [-Δ_j a_j^†a_j + ω_j b_j^†b_j - g a_j^†a_j(b_j + b_j^†)
              + iE(a_j^† - a_j)] - μ(b_1b_2^† + h.c.),\qquad Δ_j = ω_j

    with cavity loss κ and mechanical damping γ of the energies, √κ a and √γ b, at the thermal
    occupation n̄. Nodes in the order a1, a2, b1, b2. The default parameters are those of the
    reference, whose κ=.15 and γ=.005 are decay rates of amplitudes and whose E=320 is a multiple of
    its κ. With E=320 itself the mean field is chaotic, and linear fluctuations grow without bound.

    Parameters
    ----------
    frequencies : pair of float
        ω_j; the detunings are the same.
    coupling : float
        μ of the mechanical modes.
    drive, optomechanical : float
        E and g.
    cavity_loss, damping, thermal : float
        κ, γ and n̄.

    Notes
    -----
    A. Mari, A. Farace, N. Didier, V. Giovannetti, R. Fazio, Phys. Rev. Lett. 111, 103605 (2013).

    Examples
    --------
    >>> import numpy as np, qsyncplug as qsp
    >>> pair = qsp.optomechanical_pair()
    >>> run = qsp.mfsolve(pair, [0, 0, 0, 0], np.linspace(0, 20, 3), closure="none")
    >>> run.amplitudes.shape
    (3, 4)
    """
    omega = check_array("frequencies", frequencies, shape=(2,))
    a1, a2, b1, b2 = modes(4, ["a1", "a2", "b1", "b2"])
    mu, E = check_number("coupling", coupling), check_number("drive", drive)
    g = check_number("optomechanical", optomechanical)
    gamma, nbar = root("damping", damping), check_number("thermal", thermal, minimum=0.0)
    kappa = root("cavity_loss", cavity_loss)
    H = -mu * (b1 * b2.dag() + b1.dag() * b2)
    jumps = []
    for w, a, b in zip(omega, (a1, a2), (b1, b2), strict=True):
        light = a.dag() * a
        H = H - w * light + w * b.dag() * b - g * light * (b + b.dag())
        H = H + 1j * E * (a.dag() - a)
        jumps += [kappa * a, gamma * np.sqrt(nbar + 1) * b]
        if nbar:
            jumps.append(gamma * np.sqrt(nbar) * b.dag())
    return System(H, jumps, name="optomechanical pair")
