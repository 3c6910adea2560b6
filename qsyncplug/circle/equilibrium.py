r"""Particles with noise in their stationary state: thresholds and order parameters.

The convention is :math:`\dot x_i=ω_i+\frac KN\sum_j\sin(x_j-x_i)+\sqrt{2D}\,ξ_i`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import scipy.optimize
import scipy.special

from ..core.checks import check_integer, check_number

__all__ = ["gaussian_noise_threshold", "mean_square_order", "noise_order_parameter"]

#: noise by coupling, below which its part in r is far below rounding
_NO_NOISE = 1e-300
#: relative width of a peak that is no more than its place
_SHARP = 1e-9


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
    The modes of the stationary density obey :math:`c_n/c_{n-1}=a/(nD+γ+a\,c_{n+1}/c_n)`, a=Kr/2,
    and :math:`r=c_1` (H. Sakaguchi, Prog. Theor. Phys. 79, 39 (1988), in the form for a Lorentz
    distribution). That is the recurrence of the modified Bessel functions:
    :math:`r=I_{1+ν}(Kr/D)/I_ν(Kr/D)` with ν=γ/D.

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
    if d < _NO_NOISE * k:
        return math.sqrt((k - 2 * width) / k)
    # c₁/c₀ = r, divided by r: what is left vanishes as r² at the onset, and nothing cancels
    onset = 2 * (Fraction(d) + Fraction(width))
    above, gain = float(Fraction(k) / onset - 1), float(Fraction(k) / onset)
    order = width / d

    def excess(r: float) -> float:
        return gain * r * _bessel_ratio(order + 1, k / d * r) - above

    if excess(1.0) <= 0:  # to rounding
        return 1.0
    return float(scipy.optimize.brentq(excess, 0.0, 1.0, xtol=1e-300, rtol=1e-15))


def _bessel_ratio(order: float, x: float) -> float:
    """I_{ν+1}(x)/I_ν(x), from Debye's expansion some orders higher and the recurrence down."""
    # the expansion is exact to R⁻³, R²=(ν+½)²+x²; a step down shrinks an error by the ratio squared
    steps = 0 if max(order, x) > 3e5 else 40 + int(math.sqrt(12 * x))
    m = order + steps + 0.5
    size = math.hypot(m, x)
    c, s = m / size, x / size
    first, second = -c / (2 * size), c * c / 4 - c * s * s / 2 - (s * c) ** 2 / (8 * (1 + c))
    ratio = s / (1 + c) * (1 + first + second / size / size)
    for k in range(steps, 0, -1):
        ratio = x / (2 * (order + k) + x * ratio)
    return ratio


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
    n = check_integer("n", n, minimum=1, maximum=10**300)
    k = check_number("coupling", coupling, minimum=0.0, strict=True)
    d = check_number("noise", noise, minimum=0.0, strict=True)

    # beyond, the answer is that of no or of full order
    exact = min(max(Fraction(k) / Fraction(d), Fraction(1, 10**50)), Fraction(10**50))
    size, most, past = float(n), float(exact), float(Fraction(1, 2) - 1 / exact)

    def slope(u: np.ndarray) -> np.ndarray:
        """Derivative of the logarithm of I₀(u)e^{−Du²/2K}."""
        # I₁/I₀ = u/2·(1 − I₂/I₀): at the onset u/2 cancels
        v = np.minimum(u, 1.0)
        near = v * (past - 0.5 * scipy.special.ive(2, v) / scipy.special.i0e(v))
        return np.asarray(np.where(u < 1, near, _mean(u) - u / most))

    def tilt(log_u: float) -> float:
        u = math.exp(log_u)
        return float(_mean(u) / u * most + most / u / size / u - 1)

    # the weight has one maximum, where this falls through 0
    low, high = math.log(most / size) / 2, math.log(most + math.sqrt(most / size))
    top = math.exp(scipy.optimize.brentq(tilt, low - 1e-3, high + 1e-3))
    left, right = _ends(lambda u: size * slope(u), top)
    if right - left < _SHARP * top:  # the square of its width is below rounding
        return 1 / n + (1 - 1 / n) * float(_mean(top)) ** 2
    edges = np.linspace(left, right, 129)
    # within a panel the logarithm changes by a few: sixteen nodes are exact to rounding
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = 0.5 * np.diff(edges)[:, None]
    u = edges[:-1, None] + half * (1 + nodes)
    # the logarithm from its slope: of many particles it is a difference of huge numbers
    rise = size * half * slope(u)
    level = np.concatenate([[0.0], np.cumsum(rise @ weights)[:-1]])
    log_weight = level[:, None] + rise @ _antiderivative(nodes) + np.log(u / top)
    mass = half * weights * np.exp(log_weight - np.max(log_weight))
    # in the field u the particles are independent, of mean I₁/I₀: nothing cancels, unlike in ⟨u²⟩
    order = float(np.sum(mass * _mean(u) ** 2) / np.sum(mass))
    return 1 / n + (1 - 1 / n) * order


def _mean(u: np.ndarray | float) -> np.ndarray:
    return np.asarray(scipy.special.i1e(u) / scipy.special.i0e(u))


def _antiderivative(nodes: np.ndarray) -> np.ndarray:
    """Integrals from −1 to the nodes, of a row of values there."""
    count = nodes.size
    values = np.polynomial.legendre.legvander(nodes, count - 1)
    integrals = np.array(
        [
            np.polynomial.legendre.legval(nodes, np.polynomial.legendre.legint(e, lbnd=-1))
            for e in np.eye(count)
        ]
    )
    return np.asarray(np.linalg.inv(values).T @ integrals)


def _ends(slope: Callable[[np.ndarray], np.ndarray], top: float) -> tuple[float, float]:
    """Where a weight with this logarithmic slope, times u, is e⁻⁸⁰ of that at `top`, roughly."""
    nodes, weights = np.polynomial.legendre.leggauss(32)

    def above(u: float) -> float:
        half = 0.5 * (u - top)
        return float(half * slope(top + half * (1 + nodes)) @ weights) + math.log(u / top) + 80

    step = top
    while above(top + step) > 0:
        step *= 2
    while above(top + 0.5 * step) < 0:
        step *= 0.5
    right = scipy.optimize.brentq(above, top, top + step, rtol=1e-6)
    return float(scipy.optimize.brentq(above, top * 1e-40, top, rtol=1e-6)), float(right)


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
    far = d / s
    if far > 1e9:  # erfcx(x) is 1/(x√π) to rounding
        return 2 * d
    return s * (math.sqrt(8 / math.pi) / float(scipy.special.erfcx(far / math.sqrt(2))))
