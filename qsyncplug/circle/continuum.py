r"""Many particles with inertia, delay, triads or a lag: thresholds and stationary states.

The convention throughout is :math:`\dot x_i=ω_i+\frac KN\sum_j\sin(x_j-x_i-α)+\sqrt{2D}\,ξ_i`, with
natural frequencies of a Lorentz distribution of half width γ where there is one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy.optimize

from ..core.checks import check_number
from ..core.interrupts import whole_or_nothing
from ..core.saved import Saved
from .turns import TURN, TURN_SCALE

__all__ = [
    "Chimera",
    "chimera_state",
    "delay_frequencies",
    "delay_threshold",
    "inertia_threshold",
    "lag_order_parameter",
    "triad_order_parameters",
]

#: real parts of eigenvalues of a chimera that may be 0: those of β=0 are
_NEUTRAL = 1e-9
#: size of Kτ up to which all states are listed
_MOST_STATES = 3e5
#: phases up to which 2π is known well enough to take out its multiples
_LARGEST_PHASE = 1e30


def inertia_threshold(width: float, inertia: float, *, noise: float = 0.0) -> float:
    r"""Return the critical coupling of :math:`m\ddot x+\dot x=…` for Lorentz frequencies, N→∞.

    Parameters
    ----------
    width : float
        Half width γ ≥ 0.
    inertia : float
        m ≥ 0.
    noise : float
        D; only with identical frequencies (γ=0), where :math:`K_c=2D` for every m.

    Returns
    -------
    float
        :math:`2γ(1+mγ)`.

    Raises
    ------
    ValueError
        Noise and a width together, for which there is no closed form here.

    Examples
    --------
    >>> from qsyncplug.circle import inertia_threshold
    >>> inertia_threshold(1.0, 1.0)
    4.0
    """
    g = check_number("width", width, minimum=0.0)
    m = check_number("inertia", inertia, minimum=0.0)
    d = check_number("noise", noise, minimum=0.0)
    if d > 0 and g > 0 and m > 0:
        raise ValueError("noise must be 0 with a width and inertia: no closed form is known here")
    return 2 * (d + g * (1 + m * g))


def lag_order_parameter(coupling: float, width: float, lag: float) -> tuple[float, float]:
    r"""Return r and the frequency of the synchronised state with a phase lag, Lorentz, N→∞.

    Parameters
    ----------
    coupling : float
        K.
    width : float
        Half width γ > 0, centred at 0.
    lag : float
        α, between −π/2 and π/2.

    Returns
    -------
    r, frequency : float
        :math:`r^2=1-2γ/(K\cosα)` and :math:`Ω=-\tanα\,(K\cosα-γ)`; (0, 0) below the onset.

    Examples
    --------
    >>> from qsyncplug.circle import lag_order_parameter
    >>> r, frequency = lag_order_parameter(3.0, 1.0, -0.3)
    >>> round(r, 12), round(frequency, 12)
    (0.549695915006, 0.577224370374)
    """
    k = check_number("coupling", coupling)
    g = check_number("width", width, minimum=0.0, strict=True)
    a = check_number("lag", lag, minimum=-math.pi / 2, maximum=math.pi / 2, strict=True)
    effective = k * math.cos(a)
    if effective <= 2 * g:
        return 0.0, 0.0
    return math.sqrt((effective - 2 * g) / effective), -math.tan(a) * (effective - g)


def triad_order_parameters(
    coupling: float, triads: float, *, width: float = 1.0
) -> tuple[float, ...]:
    r"""Return the order parameters of synchronised states with triadic interactions, Lorentz, N→∞.

    Parameters
    ----------
    coupling : float
        K₁, of pairs.
    triads : float
        K₂+K₃, of the forces :math:`\sin(2x_j-x_k-x_i)` and :math:`\sin(x_j+x_k-x_l-x_i)`.
    width : float
        Half width γ > 0.

    Returns
    -------
    tuple of float
        The stable one first, then the unstable one where both exist (at the fold they are equal);
        empty where there are none.

    Notes
    -----
    In units of γ: :math:`r^2=[K_{23}-K_1±\sqrt{(K_1+K_{23})^2-8K_{23}}]/2K_{23}`; the fold is at
    :math:`K_1=2\sqrt{2K_{23}}-K_{23}` for :math:`K_{23}>2` (P. S. Skardal, A. Arenas, Commun. Phys.
    3, 218 (2020)).

    Examples
    --------
    >>> from qsyncplug.circle import triad_order_parameters
    >>> [round(r, 12) for r in triad_order_parameters(1.0, 8.0)]
    [0.833783006304, 0.42403525608]
    """
    g = check_number("width", width, minimum=0.0, strict=True)
    k1 = check_number("coupling", coupling)
    k = check_number("triads", triads)
    # k u² + (k₁−k) u + 2γ−k₁ = 0 for u=r², which is 2γ>0 at u=1; signs decided without rounding
    a, c = Fraction(k), 2 * Fraction(g) - Fraction(k1)
    b = Fraction(k1) - a
    under = b * b - 4 * a * c
    ends = c > 0 and a > 0 and abs(k1) < k and under >= 0
    if not (c < 0 or (c == 0 and k > k1) or ends):
        return ()
    if k == 0:
        return (math.sqrt(-c / b),)
    scale = max(abs(b), abs(a), abs(c))
    root = Fraction(math.sqrt(under / scale**2)) * scale
    # without the difference of large numbers that a small k makes
    half = -(b + (root if b >= 0 else -root)) / 2
    squares = sorted([half / a, c / half], reverse=True) if half else [Fraction(0)] * 2
    inside = squares if ends else [q for q in squares if q > 0][-1:]
    return tuple(math.sqrt(min(float(q), 1.0)) for q in inside)


def delay_frequencies(
    frequency: float, coupling: float, delay: float, *, phase_lag: float = 0.0
) -> tuple[tuple[float, bool], ...]:
    r"""Return the frequencies of synchronised states with a delay, and which are stable.

    Parameters
    ----------
    frequency : float
        ω, of every particle.
    coupling : float
        K.
    delay : float
        τ ≥ 0.
    phase_lag : float
        α.

    Returns
    -------
    tuple of (float, bool)
        The solutions of :math:`Ω=ω-K\sin(Ωτ+α)`, increasing; stable if :math:`K\cos(Ωτ+α)>0`
        (all-to-all and every regular graph: M. G. Earl, S. H. Strogatz, Phys. Rev. E 67, 036204
        (2003)).

    Raises
    ------
    ValueError, TypeError
        Bad numbers; Kτ beyond 300000, where there are too many states to list; ωτ beyond 1e30.

    Examples
    --------
    >>> import math
    >>> from qsyncplug.circle import delay_frequencies
    >>> found = delay_frequencies(math.pi / 2, 1.5, 4.0)
    >>> [round(w, 9) for w, stable in found if stable]
    [0.264305444, 1.570796327, 2.877287209]
    """
    w = check_number("frequency", frequency)
    k = check_number("coupling", coupling)
    tau = check_number("delay", delay, minimum=0.0)
    lag = check_number("phase_lag", phase_lag)
    if k == 0 or tau == 0:
        return ((w - k * math.sin(lag), k * math.cos(lag) > 0),)
    # y + b sin y = c for y = Ωτ + α, up to whole turns
    b, c = k * tau, _reduced_phase(w, tau, lag)
    if abs(b) > _MOST_STATES:
        raise ValueError(
            f"coupling·delay must be at most {_MOST_STATES:g} in size, not {b:g}: there are about "
            "two thirds as many states"
        )
    y = _rests(b, c)
    shift = (y - c) / tau if abs(b) > 1 else -k * np.sin(y)
    stable = k * np.cos(y) > 0
    return tuple((float(x), bool(s)) for x, s in zip(w + shift, stable, strict=True))


def _rests(b: float, c: float) -> np.ndarray:
    """All y with y + b sin y = c, increasing."""
    reach = abs(b) * (1 + 1e-12)
    edges = np.array([c - reach, c + reach])
    if abs(b) > 1:
        # monotone between the zeros of 1 + b cos y
        turns = np.arange(math.floor(edges[0] / math.tau) - 1, math.ceil(edges[1] / math.tau) + 2)
        corners = (math.tau * turns[:, None] + math.acos(-1 / b) * np.array([-1, 1])).ravel()
        corners = corners[(corners > edges[0]) & (corners < edges[1])]
        edges = np.sort(np.concatenate([edges, corners]))

    def excess(y: np.ndarray) -> np.ndarray:
        return np.asarray(y - c + b * np.sin(y))

    at = excess(edges)
    at[0], at[-1] = min(at[0], 0.0), max(at[-1], 0.0)
    crossed = at[:-1] * at[1:] <= 0
    low, high, rises = edges[:-1][crossed], edges[1:][crossed], (at[:-1] <= 0)[crossed]
    for _ in range(64):
        middle = 0.5 * (low + high)
        before = (excess(middle) < 0) == rises
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    y = 0.5 * (low + high)
    # one at a corner is found from both sides
    return np.asarray(y[np.append(True, np.diff(y) > 1e-12 * np.maximum(1.0, np.abs(y[1:])))])


def _reduced_phase(frequency: float, delay: float, lag: float) -> float:
    """ωτ + α without its whole turns, in [−π, π], to the last digit."""
    phase, turn = Fraction(frequency) * Fraction(delay) + Fraction(lag), Fraction(TURN, TURN_SCALE)
    if abs(phase) > _LARGEST_PHASE:
        raise ValueError(
            f"frequency·delay must be at most {_LARGEST_PHASE:g}, where its phase is known"
        )
    return float(phase - turn * round(phase / turn))


def delay_threshold(
    width: float, frequency: float, delay: float, *, noise: float = 0.0, phase_lag: float = 0.0
) -> tuple[float, float]:
    r"""Return the critical coupling with a delay, Lorentz frequencies around ω₀, N→∞.

    Parameters
    ----------
    width : float
        Half width γ ≥ 0; γ+D > 0.
    frequency : float
        ω₀.
    delay : float
        τ ≥ 0.
    noise : float
        D ≥ 0.
    phase_lag : float
        α.

    Returns
    -------
    coupling, frequency : float
        The least K>0 for which :math:`iν-iω_0+γ+D=\frac K2e^{-i(ντ+α)}` has a real ν, and ν;
        infinite where there is none, which needs τ=0 and cos α ≤ 0.

    Raises
    ------
    ValueError, TypeError
        Bad numbers; width and noise both 0; ω₀τ beyond 1e30.

    Examples
    --------
    >>> from qsyncplug.circle import delay_threshold
    >>> k, nu = delay_threshold(0.1, 3.0, 1.0)
    >>> round(k, 12), round(nu, 12)
    (2.99858017508, 1.504048541364)
    """
    damping = check_number("width", width, minimum=0.0) + check_number("noise", noise, minimum=0.0)
    if damping == 0:
        raise ValueError("width and noise must not both be 0: the onset would be at no coupling")
    w = check_number("frequency", frequency)
    tau = check_number("delay", delay, minimum=0.0)
    lag = check_number("phase_lag", phase_lag)
    if tau == 0:
        if math.cos(lag) <= 0:
            return math.inf, w
        return 2 * damping / math.cos(lag), w - damping * math.tan(lag)

    # with y = ντ + α: −(ν−ω₀) cos y = damping·sin y and cos y > 0, one zero a branch of tan
    phase = _reduced_phase(w, tau, lag)

    def excess(y: float) -> float:
        return (y - phase) * math.cos(y) + damping * tau * math.sin(y)

    best = (math.inf, 0.0)  # |ν−ω₀| and ν−ω₀
    for m in (-1, 0, 1):  # the least K has the ν next to ω₀
        a, b = math.tau * m - math.pi / 2, math.tau * m + math.pi / 2
        y = float(scipy.optimize.brentq(excess, a, b, xtol=1e-300, rtol=1e-15))
        # the one of two expressions that rounding in y hurts less
        steep = damping * tau > math.cos(y) ** 2
        shift = (y - phase) / tau if steep else -damping * math.tan(y)
        best = min(best, (abs(shift), shift))
    return 2 * math.hypot(best[1], damping), w + best[1]


@dataclass(frozen=True)
class Chimera(Saved):
    """A stationary chimera of two populations, one of them synchronised.

    Attributes
    ----------
    order_parameter : float
        r of the other population.
    phase : float
        ψ, phase of the synchronised population minus that of the other.
    stable : bool
        Whether both eigenvalues of the reduced motion have negative real parts.

    Examples
    --------
    >>> from qsyncplug.circle import chimera_state
    >>> [chimera.stable for chimera in chimera_state(0.2, 0.05)][:2]
    [True, False]
    """

    order_parameter: float
    phase: float
    stable: bool


@whole_or_nothing
def chimera_state(asymmetry: float, beta: float) -> tuple[Chimera, ...]:
    r"""Return the stationary chimeras of two populations, N→∞.

    Parameters
    ----------
    asymmetry : float
        A=μ−ν, the coupling within less that between the populations, μ+ν=1.
    beta : float
        π/2−α, α being the phase lag.

    Returns
    -------
    tuple of Chimera
        Increasing r; the stable one has the smaller r.

    Notes
    -----
    D. M. Abrams, R. Mirollo, S. H. Strogatz, D. A. Wiley, Phys. Rev. Lett. 101, 084103 (2008):
    :math:`\dot r=\frac{1-r^2}2[μr\cosα+ν\cos(ψ-α)]`,
    :math:`\dotψ=\frac{1+r^2}{2r}[μr\sinα-ν\sin(ψ-α)]-μ\sinα-νr\sin(ψ+α)`.

    Examples
    --------
    >>> from qsyncplug.circle import chimera_state
    >>> first = chimera_state(0.2, 0.05)[0]
    >>> round(first.order_parameter, 9), round(first.phase, 9), first.stable
    (0.678073285, -0.100856228, True)
    """
    a = check_number("asymmetry", asymmetry, minimum=-1.0, maximum=1.0)
    beta = check_number("beta", beta)
    mu, nu, alpha = (1 + a) / 2, (1 - a) / 2, math.pi / 2 - beta

    def motion(y: np.ndarray) -> np.ndarray:
        r, psi = y
        pull = mu * r * math.cos(alpha) + nu * math.cos(psi - alpha)
        turn = mu * r * math.sin(alpha) - nu * math.sin(psi - alpha)
        return np.array(
            [
                0.5 * (1 - r * r) * pull,
                (1 + r * r) / (2 * r) * turn
                - mu * math.sin(alpha)
                - nu * r * math.sin(psi + alpha),
            ]
        )

    def slopes(y: np.ndarray) -> np.ndarray:
        h = 1e-6
        rows = [(motion(y + h * e) - motion(y - h * e)) / (2 * h) for e in np.eye(2)]
        return np.array(rows).T

    found: list[np.ndarray] = []
    for r in np.linspace(0.05, 0.99, 20):
        for psi in np.linspace(-math.pi, math.pi, 24, endpoint=False):
            answer = scipy.optimize.root(motion, [r, psi], jac=slopes, tol=1e-14)
            y = answer.x
            if not (np.max(np.abs(motion(y))) < 1e-12 and 0.01 < y[0] < 1 - 1e-6):
                continue
            y[1] = math.remainder(y[1], 2 * math.pi)
            if all(abs(y[0] - z[0]) + abs(np.exp(1j * (y[1] - z[1])) - 1) > 1e-7 for z in found):
                found.append(y)
    found.sort(key=lambda y: float(y[0]))
    return tuple(
        Chimera(
            float(y[0]), float(y[1]), bool(np.all(np.linalg.eigvals(slopes(y)).real < -_NEUTRAL))
        )
        for y in found
    )
