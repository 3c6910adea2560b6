"""Closed forms of two oscillators."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..core.checks import check_array, check_choice, check_flag, check_number

__all__ = [
    "VARIANTS",
    "Locking",
    "LockingRegime",
    "blow_up_time",
    "effective_coupling",
    "locking_regime",
    "two_oscillator_correlation",
    "vanishing_time",
]

#: the models: θ=1; normalised coupling; coupling that normalises
VARIANTS = ("standard", "model1", "model2")


def two_oscillator_correlation(
    z0: complex,
    t: ArrayLike,
    coupling: float,
    detuning: float = 0.0,
    *,
    physical: bool = True,
) -> np.ndarray:
    r"""Return z=⟨φ₁,φ₂⟩ of two oscillators, :math:`\dot z = 2iΩz + \tfrac K2(1-z^2)`.

    With Ω=0 it is :math:`z=((1+z_0)e^{Kt}-(1-z_0))/((1+z_0)e^{Kt}+(1-z_0))`.

    Parameters
    ----------
    z0 : complex
        At t=0, in the unit disc.
    t : array_like
        Times since the start.
    coupling : float
        K; see :func:`effective_coupling`.
    detuning : float
        Ω=(Ω₁−Ω₂)/2, half the difference of the frequencies (or of the potentials).
    physical : bool
        Refuse a `z0` that no two states have. Correlations of phase-space functions that are no
        states
        follow the same equation with any `z0`.

    Returns
    -------
    ndarray of complex, of the shape of `t`

    Raises
    ------
    ValueError
        \|z0\|>1: no two states have this correlation; for real z0<−1 the formula even becomes
        infinite.

    Notes
    -----
    ∫w₁₂ of the Wigner–Lohe model is the conjugate: give the conjugate of its start, and conjugate.

    References
    ----------
    Antonelli, Reynolds, (52)–(60), with the denominator y₀+z̄₁ in (53); Antonelli, Ha, Kim,
    Marcati, Lemma 4.1.

    Examples
    --------
    >>> z = two_oscillator_correlation(0.5, [0.0, 1.0], coupling=2.0)
    >>> float(z[1].real.round(6))
    0.913671
    """
    z0 = complex(check_array("z0", z0, shape=(), dtype=complex))
    physical = check_flag("physical", physical)
    k = check_number("coupling", coupling)
    omega = check_number("detuning", detuning)
    times = check_array("t", t)
    if physical and not abs(z0) <= 1 + 1e-12:
        when = blow_up_time(z0, k) if omega == 0 and k > 0 else np.inf
        text = f"; the formula becomes infinite at t={when:.12g}" if np.isfinite(when) else ""
        raise ValueError(
            f"z0 must have modulus at most 1, as a correlation of two states, not {z0:.6g}{text}"
        )
    if omega == 0 and z0 in (1, -1):  # at rest, stable or not
        return np.full(times.shape, z0)
    size = max(abs(k) / 2, abs(omega))
    a, b = (k / 2 / size, omega / size) if size > 0 else (0.0, 0.0)
    root = size * np.sqrt(complex((a - b) * (a + b)))
    # cosh and sinh divided by e^{rt}/2, so that nothing overflows; Re r ≥ 0
    with np.errstate(over="ignore"):
        decay = np.exp(-2 * root * times)
        s = 2 * times if root == 0 else -np.expm1(-2 * root * times) / root
    c = 1 + decay
    return np.asarray((z0 * (c + 1j * omega * s) + k / 2 * s) / (c + (k / 2 * z0 - 1j * omega) * s))


def blow_up_time(z0: complex, coupling: float) -> float:
    r"""Return when z of two oscillators becomes infinite: :math:`K^{-1}\ln\frac{z_0-1}{z_0+1}` for
    real z₀<−1, else ∞.

    Parameters
    ----------
    z0 : complex
        At t=0. No two states have \|z₀\|>1.
    coupling : float
        K>0.

    Raises
    ------
    ValueError
        K is not positive, or `z0` not finite.

    References
    ----------
    Ha, Hwang, Kim, (14), which is printed for z₀>1 too and with a negative logarithm.

    Examples
    --------
    >>> round(blow_up_time(-1.5, coupling=2.0), 9)
    0.804718956
    """
    k = check_number("coupling", coupling, minimum=0.0, strict=True)
    z = complex(check_array("z0", z0, shape=(), dtype=complex))
    if z.imag != 0 or z.real >= -1:
        return float("inf")
    return float(np.log((z.real - 1) / (z.real + 1)) / k)


def effective_coupling(
    coupling: float,
    norms: ArrayLike,
    theta: ArrayLike = (1.0, 1.0),
    variant: str = "standard",
    phase_lag: float = 0.0,
) -> float:
    r"""Return K of two oscillators with constant norms and θ: :math:`\tfrac k2\cos
    α\,(θ_1λ_2/λ_1+θ_2λ_1/λ_2)`.

    For θ=1 it is k(λ₁²+λ₂²)/(2λ₁λ₂); for Model 2 in its limit λ²=θ it is k√(θ₁θ₂).

    Parameters
    ----------
    coupling : float
        k.
    norms : (2,) array
        λ_j=‖ψ_j‖>0; Model 2 has √θ_j in its limit, whatever is given.
    theta : (2,) array
        θ_j>0.
    variant : {"standard", "model1", "model2"}
        The standard model has θ=1.
    phase_lag : float
        α.

    Returns
    -------
    float
        K, a rate; negative for lags beyond a quarter turn.

    Raises
    ------
    ValueError
        An unknown variant, norms or θ that are not positive, θ≠1 for the standard model.

    Examples
    --------
    >>> effective_coupling(1.0, norms=[2.0, 1.0])
    1.25
    """
    variant = check_choice("variant", variant, VARIANTS)
    k = check_number("coupling", coupling) * np.cos(check_number("phase_lag", phase_lag))
    a, b = _positive("norms", norms)
    t1, t2 = _positive("theta", theta)
    if variant == "standard" and (t1, t2) != (1.0, 1.0):
        raise ValueError(f"theta must be 1 for the standard model, not ({t1:g}, {t2:g})")
    if variant == "model2":
        a, b = np.sqrt(t1), np.sqrt(t2)
    return float(k / 2 * (t1 * b / a + t2 * a / b))


def _positive(name: str, value: ArrayLike) -> tuple[float, float]:
    array = check_array(name, value, shape=(2,))
    if np.any(array <= 0):
        raise ValueError(f"{name} must be positive, not {tuple(array.tolist())}")
    return float(array[0]), float(array[1])


class Locking(StrEnum):
    """What becomes of two oscillators.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> [regime.name for regime in qsp.Locking]
    ['LOCKED', 'THRESHOLD', 'PERIODIC']
    """

    LOCKED = "locked"
    THRESHOLD = "threshold"
    PERIODIC = "periodic"


class LockingRegime(NamedTuple):
    """Regime of two oscillators; see :func:`locking_regime`.

    Attributes
    ----------
    regime : Locking
        ``"locked"``, ``"threshold"`` or ``"periodic"``.
    ratio : float
        Λ=2Ω/K.
    limit : complex or None
        √(1−Λ²)+iΛ if locked, ±i at the threshold.
    number : float or None
        Rate K√(1−Λ²) if locked, period 2π/√(4Ω²−K²) if periodic.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> found = qsp.locking_regime(0.5, 1.0)
    >>> found.regime, found.ratio
    (<Locking.PERIODIC: 'periodic'>, 4.0)
    """

    regime: Locking
    ratio: float
    limit: complex | None
    number: float | None


def locking_regime(coupling: float, detuning: float) -> LockingRegime:
    r"""Return what :math:`\dot z = 2iΩz+\tfrac K2(1-z^2)` tends to.

    Parameters
    ----------
    coupling : float
        K>0.
    detuning : float
        Ω, half the difference of the frequencies.

    Returns
    -------
    LockingRegime
        Named tuple (regime, ratio, limit, number).

    Raises
    ------
    ValueError, TypeError
        K is not positive, or a number is not finite.

    Notes
    -----
    \|z−limit\| falls at the rate K√(1−Λ²) and 1−\|z\| with it (Antonelli, Reynolds, Theorem 4.4);
    at the
    threshold \|z∓i\|~1/(\|Ω\|t) and 1−\|z\|~t⁻², where (49) prints 1/t; beyond it z turns about
    i(Λ−√(Λ²−1)).

    Examples
    --------
    >>> locking_regime(coupling=1.0, detuning=0.3).limit.conjugate()
    (0.8-0.6j)
    """
    k = check_number("coupling", coupling, minimum=0.0, strict=True)
    omega = check_number("detuning", detuning)
    ratio = (
        float(np.float64(omega) / (k / 2)) if abs(omega) < 1e300 * k else np.sign(omega) * np.inf
    )
    if abs(abs(ratio) - 1) < 1e-12:
        return LockingRegime(Locking.THRESHOLD, ratio, 1j * np.sign(ratio), None)
    root = float(np.sqrt(abs((1 - ratio) * (1 + ratio))))
    if abs(ratio) < 1:
        return LockingRegime(Locking.LOCKED, ratio, complex(root, ratio), k * root)
    period = np.pi / float(np.sqrt(abs(omega) - k / 2) * np.sqrt(abs(omega) + k / 2))
    return LockingRegime(Locking.PERIODIC, ratio, None, period)


def vanishing_time(coupling: float, norms: ArrayLike, theta2: float, alignment: float) -> float:
    r"""Return when the second of two parallel oscillators of Model 1 vanishes (h=1), or infinity.

    :math:`t^* = -\ln[1-4μλ_2/(k(λ_1+λ_2)(1-θ_2))]/μ`, and :math:`4λ_2/(k(λ_1+λ_2)(1-θ_2))` for μ=0.

    Parameters
    ----------
    coupling : float
        k>0.
    norms : (2,) array
        λ_j at the start.
    theta2 : float
        θ₂ at the start, positive; θ₁=2−θ₂.
    alignment : float
        μ≥0.

    Returns
    -------
    float
        t*, infinite where it never vanishes.

    Raises
    ------
    ValueError, TypeError
        A number out of its range.

    Examples
    --------
    >>> round(vanishing_time(1.0, [1.0, 0.3], theta2=0.5, alignment=0.5), 6)
    5.129899
    """
    k = check_number("coupling", coupling, minimum=0.0, strict=True)
    a, b = _positive("norms", norms)
    theta2 = check_number("theta2", theta2, minimum=0.0, maximum=2.0, strict=True)
    mu = check_number("alignment", alignment, minimum=0.0)
    if theta2 >= 1:
        return float("inf")
    largest = max(a, b)
    share = 4 * (b / largest / (a / largest + b / largest) / (1 - theta2)) / k
    if mu == 0:
        return float(share)
    return float(-np.log1p(-mu * share) / mu) if mu * share < 1 else float("inf")
