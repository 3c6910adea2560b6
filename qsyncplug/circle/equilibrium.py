r"""Particles with noise in their stationary state: thresholds and order parameters.

The convention is :math:`\dot x_i=ω_i+\frac KN\sum_j\sin(x_j-x_i)+\sqrt{2D}\,ξ_i`.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.optimize
import scipy.special

from ..core.checks import check_integer, check_number

__all__ = ["gaussian_noise_threshold", "mean_square_order", "noise_order_parameter"]


def noise_order_parameter(coupling: float, noise: float, *, width: float = 0.0) -> float:
    r"""Return the stationary order parameter of noisy particles, N→∞.

    Parameters
    ----------
    coupling : float
        K ≥ 0.
    noise : float
        D > 0.
    width : float
        Half width γ of a Lorentz distribution of the frequencies; 0 for identical particles.

    Returns
    -------
    float
        r; 0 up to :math:`K_c=2(γ+D)`.

    Raises
    ------
    ValueError, TypeError
        Negative or non-finite numbers.

    Notes
    -----
    γ=0: :math:`r=I_1(Kr/D)/I_0(Kr/D)`. Otherwise the modes of the stationary density obey
    :math:`c_n/c_{n-1}=a/(nD+γ+a\,c_{n+1}/c_n)`, a=Kr/2, and :math:`r=c_1` (H. Sakaguchi, Prog.
    Theor.
    Phys. 79, 39 (1988), in the form for a Lorentz distribution).

    Examples
    --------
    >>> from qsyncplug.circle import noise_order_parameter
    >>> round(noise_order_parameter(3.0, 1.0), 12)
    0.724158717626
    """
    k = check_number("coupling", coupling, minimum=0.0)
    d = check_number("noise", noise, minimum=0.0, strict=True)
    width = check_number("width", width, minimum=0.0)
    if k <= 2 * (d + width):
        return 0.0

    def excess(r: float) -> float:
        a = 0.5 * k * r
        # from far beyond where the modes have died out
        top = 40 + int(4 * a / d)
        ratio = 0.0
        for n in range(top, 0, -1):
            ratio = a / (n * d + width + a * ratio)
        return ratio / r - 1

    return float(scipy.optimize.brentq(excess, 1e-9, 1.0, xtol=1e-15, rtol=1e-15))


def mean_square_order(n: int, coupling: float, noise: float) -> float:
    r"""Return :math:`⟨r^2⟩` of N identical noisy particles in equilibrium, exact for every N.

    Parameters
    ----------
    n : int
        Number of particles.
    coupling, noise : float
        K and D, positive.

    Returns
    -------
    float

    Notes
    -----
    The density is that of Gibbs, :math:`e^{NKr^2/2D}`; with a Gaussian auxiliary field u,
    :math:`⟨r^2⟩=⟨u^2⟩D^2/K^2-2D/(NK)=\frac1N+\frac{N-1}N⟨I_1(u)^2/I_0(u)^2⟩`, u of weight
    :math:`u\,e^{-NDu^2/2K}I_0(u)^N`.

    Examples
    --------
    >>> from qsyncplug.circle import mean_square_order
    >>> round(mean_square_order(10, 1.0, 1.0), 12)
    0.171306327753
    """
    n = check_integer("n", n, minimum=1)
    k = check_number("coupling", coupling, minimum=0.0, strict=True)
    d = check_number("noise", noise, minimum=0.0, strict=True)

    def log_weight(u: np.ndarray) -> np.ndarray:
        return np.asarray(n * (np.log(scipy.special.ive(0, u)) + u - 0.5 * d * u * u / k))

    # the exponent's largest value: N(u − Du²/2K) and less
    grid = np.linspace(0.0, 4 * k / d + 10 * math.sqrt(k / (n * d)) + 1, 4001)[1:]
    values = log_weight(grid) + np.log(grid)
    top = float(np.max(values))
    keep = grid[values > top - 80]
    edges = np.linspace(max(0.0, keep[0] - grid[0]), keep[-1] + grid[0], 129)
    # within a panel the logarithm changes by a few: sixteen nodes are exact to rounding
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = 0.5 * np.diff(edges)[:, None]
    u = (edges[:-1, None] + half * (1 + nodes)).ravel()
    mass = (half * weights).ravel() * u * np.exp(log_weight(u) - top)
    # in the field u the particles are independent, of mean I₁/I₀: nothing cancels, unlike in ⟨u²⟩
    mean = scipy.special.ive(1, u) / scipy.special.ive(0, u)
    return 1 / n + (1 - 1 / n) * float(mass @ mean**2 / np.sum(mass))


def gaussian_noise_threshold(deviation: float, noise: float) -> float:
    r"""Return the critical coupling for Gaussian frequencies and noise, N→∞.

    Parameters
    ----------
    deviation : float
        Standard deviation σ > 0 of the frequencies.
    noise : float
        D ≥ 0.

    Returns
    -------
    float
        :math:`K_c=2σ\sqrt{2/π}/\mathrm{erfcx}(D/\sqrt2σ)`.

    Examples
    --------
    >>> from qsyncplug.circle import gaussian_noise_threshold
    >>> round(gaussian_noise_threshold(1.0, 0.5), 12)
    2.282155540736
    """
    s = check_number("deviation", deviation, minimum=0.0, strict=True)
    d = check_number("noise", noise, minimum=0.0)
    return 2 * s * math.sqrt(2 / math.pi) / float(scipy.special.erfcx(d / (math.sqrt(2) * s)))
