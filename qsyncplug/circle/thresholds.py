r"""More closed forms of many particles: growth rates, onsets and the end of locking."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import scipy.integrate
import scipy.optimize

from ..core.checks import check_number
from .interactions import Interaction

__all__ = [
    "bimodal_threshold",
    "inertia_growth",
    "noise_growth",
    "noise_threshold",
    "retrapping_drive",
]

#: damping below which a pendulum's orbit is the free one's and its first corrections, and from
#: where on every orbit is caught
_WEAK, _STRONG = 1e-3, 1.2
#: of I_h = 4α/π·(1 − cα²): π²/12 − 1/4 + (1 − 7ζ(3)/2)/π²
_BEND = 0.24750981824894520


def noise_growth(interaction: Interaction, noise: float, *, coupling: float = 1.0) -> np.ndarray:
    r"""Return the growth rates of density waves on the uniform state with noise, N→∞.

    Parameters
    ----------
    interaction : Interaction
        F, with a sine series :math:`F=\sum_kb_k\sin kx`.
    noise : float
        D ≥ 0.
    coupling : float
        K, of the mean field :math:`-\frac KN\sum_jF(x_i-x_j)`.

    Returns
    -------
    (modes,) array
        :math:`Kkb_k/2-Dk^2` of the wave with k=1, 2, ….

    Raises
    ------
    ValueError, TypeError
        Negative noise; an interaction without a sine series; rates beyond floating point.

    Examples
    --------
    >>> from qsyncplug.circle import noise_growth, sine
    >>> noise_growth(sine(), 0.25, coupling=2.0).tolist()
    [0.75]
    """
    d = check_number("noise", noise, minimum=0.0)
    strength = check_number("coupling", coupling)
    b = interaction.coefficients()
    k = np.arange(1, b.size + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        half = np.exp(0.5 * interaction.log_scale)  # twice: the whole may be beyond floating point
        growth = strength * half * k * b / 2 * half if strength else 0.0
        rates = growth - d * k**2
    if not np.all(np.isfinite(rates)):
        raise ValueError(
            f"coupling: with {strength!r} the rates of {interaction} are beyond floating point; "
            "give one of about exp(-|beta|)"
        )
    return np.asarray(rates)


def noise_threshold(interaction: Interaction, noise: float) -> float:
    r"""Return the critical coupling of identical noisy particles, any interaction, N→∞.

    Parameters
    ----------
    interaction : Interaction
        F, with a sine series.
    noise : float
        D > 0.

    Returns
    -------
    float
        :math:`K_c=\min_k2Dk/b_k` over the modes with :math:`b_k>0`, where the uniform state loses
        its stability; infinite if no mode attracts. For the sine 2D, for attention
        :math:`βD/I_1(β)`. A first-order transition may set in before.

    Raises
    ------
    ValueError, TypeError
        Noise that is not positive; an interaction without a sine series.

    Examples
    --------
    >>> from qsyncplug.circle import attention, noise_threshold
    >>> round(noise_threshold(attention(2.0), 1.0), 12)
    1.257358016174
    """
    d = check_number("noise", noise, minimum=0.0, strict=True)
    b = interaction.coefficients()
    k = np.arange(1, b.size + 1)
    attracts = b > 0
    half = math.exp(-0.5 * interaction.log_scale)  # twice: the whole may be beyond floating point
    least = float(np.min(2 * k[attracts] / b[attracts], initial=np.inf))
    return least * half * d * half


def inertia_growth(coupling: float, width: float, inertia: float) -> float:
    r"""Return the growth rate of incoherence with inertia, Lorentz frequencies, N→∞.

    Parameters
    ----------
    coupling : float
        K ≥ 0.
    width : float
        Half width γ ≥ 0.
    inertia : float
        m ≥ 0.

    Returns
    -------
    float
        :math:`(\sqrt{1+2mK}-1)/2m-γ`; positive above :math:`K_c=2γ(1+mγ)`.

    Examples
    --------
    >>> from qsyncplug.circle import inertia_growth, inertia_threshold
    >>> abs(inertia_growth(inertia_threshold(1.0, 0.3), 1.0, 0.3)) < 1e-15
    True
    """
    k = check_number("coupling", coupling, minimum=0.0)
    g = check_number("width", width, minimum=0.0)
    m = check_number("inertia", inertia, minimum=0.0)
    # (K−K_c)/(1+2mγ+√(1+2mK)): nothing cancels for small masses, nor at the threshold
    root = math.hypot(1.0, math.sqrt(2) * math.sqrt(m) * math.sqrt(k))
    exact = Fraction(m)
    past = Fraction(k) - 2 * Fraction(g) * (1 + exact * Fraction(g))
    return float(past / (1 + 2 * exact * Fraction(g) + Fraction(root)))


def bimodal_threshold(width: float, centre: float) -> tuple[float, str]:
    r"""Return where incoherence ends for two Lorentz distributions at ±ω₀, N→∞.

    Parameters
    ----------
    width : float
        Half width γ > 0 of each.
    centre : float
        ω₀ ≥ 0.

    Returns
    -------
    coupling : float
        :math:`2(γ^2+ω_0^2)/γ` for ω₀<γ, 4γ otherwise.
    kind : {"steady", "hopf"}
        What sets in: a steady order parameter, or one that beats.

    References
    ----------
    E. A. Martens et al., Phys. Rev. E 79, 026204 (2009).

    Examples
    --------
    >>> from qsyncplug.circle import bimodal_threshold
    >>> bimodal_threshold(1.0, 0.5), bimodal_threshold(1.0, 2.0)
    ((2.5, 'steady'), (4.0, 'hopf'))
    """
    g = check_number("width", width, minimum=0.0, strict=True)
    w = check_number("centre", centre, minimum=0.0)
    return (2 * (g + w * (w / g)), "steady") if w < g else (4 * g, "hopf")


def retrapping_drive(damping: float) -> float:
    r"""Return the least drive at which a damped pendulum keeps running.

    Parameters
    ----------
    damping : float
        α>0 of :math:`\ddotφ+α\dotφ+\sinφ=I`; a particle of inertia m at frequency ω in the mean
        field Kr has :math:`α=1/\sqrt{mKr}`, :math:`I=ω/Kr`.

    Returns
    -------
    float
        :math:`I_h`: locked states exist up to I=1, running ones down to :math:`I_h≈4α/π` (from the
        homoclinic orbit; 1 where the damping is too strong for both, from α=1.193 on, or where it
        is above 1−10⁻⁶). The history decides between them: hysteresis (H.-A. Tanaka, A. J.
        Lichtenberg, S. Oishi, Phys. Rev. Lett. 78, 2104 (1997)).

    Raises
    ------
    ValueError, TypeError
        Damping that is not positive.

    Notes
    -----
    For weak damping :math:`I_h=\frac{4α}π(1-cα^2+O(α^4))`,
    :math:`c=\frac{π^2}{12}-\frac14+\frac{1-7ζ(3)/2}{π^2}=0.24751`: Melnikov's method to third
    order. With u the distance from the saddle, :math:`v_0=2\sin(u/2)`,
    :math:`v_0v_1=\frac4π(u-\sin u)-4(1-\cos\frac u2)` and
    :math:`v_0v_2+v_1^2/2=-\frac8{π^2}(1-\cos u)-\int_0^uv_1`, it is
    :math:`-\frac18\int_0^{2π}v_2\,du`.

    Examples
    --------
    >>> from qsyncplug.circle import retrapping_drive
    >>> round(retrapping_drive(0.1), 8), round(retrapping_drive(0.5), 8)
    (0.12700886, 0.5973832)
    """
    a = check_number("damping", damping, minimum=0.0, strict=True)
    if a < _WEAK:
        return 4 * a / math.pi * (1 - _BEND * a * a)
    top = 1 - 1e-6  # beyond, the saddle is left too slowly
    if a > _STRONG or _missed(a, top) < 0:
        return 1.0
    drive = scipy.optimize.brentq(lambda i: _missed(a, i), 1e-9, top, xtol=1e-13, rtol=1e-13)
    return float(drive)


def _missed(a: float, drive: float) -> float:
    """By how much the orbit that leaves a saddle has more energy, half a turn later, than the one
    that just comes to the next saddle: the drive is right where they are one.
    """
    return _half_turn(a, drive, 1) - _half_turn(a, drive, -1)


def _half_turn(a: float, drive: float, sign: int) -> float:
    """½v² half a turn behind the saddle, or before it in reversed time (sign −1); if the orbit
    turns back, minus what it has missed of the half turn.
    """
    saddle = math.pi - math.asin(drive)
    rate = -0.5 * sign * a + math.sqrt(0.25 * a * a + math.sqrt(1 - drive * drive))
    small = 1e-4

    def motion(_: float, y: np.ndarray) -> list[float]:
        # y[0]: distance from the saddle
        return [y[1], sign * (drive - math.sin(saddle + sign * y[0]) - a * y[1])]

    def stops(_: float, y: np.ndarray) -> float:
        return float(y[1])

    def arrives(_: float, y: np.ndarray) -> float:
        return float(y[0] - math.pi)

    # the invariant manifold to second order: v = rate·u + bend·u²
    bend = 0.5 * sign * math.sin(saddle) / (3 * rate + sign * a)
    start = [small, rate * small + bend * small**2]
    for event, direction in ((stops, -1), (arrives, 1)):
        vars(event).update(terminal=True, direction=direction)
    run = scipy.integrate.solve_ivp(
        motion, (0, 1e6), start, method="DOP853", rtol=1e-12, atol=1e-13, events=(stops, arrives)
    )
    u, v = run.y[:, -1]
    return float(0.5 * v * v) if run.t_events[1].size else float(u - math.pi)
