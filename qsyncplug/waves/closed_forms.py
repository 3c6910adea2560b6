"""Closed forms of two oscillators."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.checks import check_array, check_number

__all__ = ["effective_coupling", "locking_regime", "two_oscillator_correlation", "vanishing_time"]


def two_oscillator_correlation(
    z0: complex, t: Any, coupling: float, detuning: float = 0.0
) -> np.ndarray:
    r"""Correlation z=⟨φ₁,φ₂⟩ of two oscillators, :math:`\dot z = 2iΩz + \tfrac K2(1-z^2)`.

    With Ω=0 it is :math:`z=((1+z_0)e^{Kt}-(1-z_0))/((1+z_0)e^{Kt}+(1-z_0))`.

    Parameters
    ----------
    z0 : complex
        At t=0, in the unit disc.
    t : array_like
    coupling : float
        K; see :func:`effective_coupling`.
    detuning : float
        Ω=(Ω₁−Ω₂)/2.

    Raises
    ------
    ValueError
        \|z0\|>1: no two states have this correlation; for real z0<−1 the formula even becomes
        infinite.
    """
    z0 = complex(z0)
    k = check_number("coupling", coupling)
    omega = check_number("detuning", detuning)
    times = check_array("t", t)
    if not abs(z0) <= 1 + 1e-12:
        when = ""
        if z0.imag == 0 and z0.real < -1 and omega == 0 and k > 0:
            when = (
                "; the formula becomes infinite at "
                f"t={np.log((z0.real - 1) / (z0.real + 1)) / k:.12g}"
            )
        raise ValueError(
            f"z0 must have modulus at most 1, as a correlation of two states, not {z0:.6g}{when}"
        )
    root = np.sqrt(complex((k / 2) ** 2 - omega**2))
    if root.real < 0:
        root = -root
    # cosh and sinh divided by e^{rt}/2, so that nothing overflows
    decay = np.exp(-2 * root * times)
    c = 1 + decay
    s = 2 * times if root == 0 else -np.expm1(-2 * root * times) / root
    return (z0 * (c + 1j * omega * s) + k / 2 * s) / (c + (k / 2 * z0 - 1j * omega) * s)


def effective_coupling(
    coupling: float,
    norms: Any,
    theta: Any = (1.0, 1.0),
    variant: str = "standard",
    phase_lag: float = 0.0,
) -> float:
    r"""K of two oscillators with constant norms and θ: :math:`\tfrac k2\cos
    α\,(θ_1λ_2/λ_1+θ_2λ_1/λ_2)`.

    For θ=1 it is k(λ₁²+λ₂²)/(2λ₁λ₂); for Model 2 in its limit λ²=θ it is k√(θ₁θ₂).
    """
    a, b = check_array("norms", norms, shape=(2,))
    t1, t2 = check_array("theta", theta, shape=(2,))
    if variant == "model2":
        a, b = np.sqrt(t1), np.sqrt(t2)
    return float(coupling * np.cos(phase_lag) / 2 * (t1 * b / a + t2 * a / b))


def locking_regime(
    coupling: float, detuning: float
) -> tuple[str, float, complex | None, float | None]:
    r"""What :math:`\dot z = 2iΩz+\tfrac K2(1-z^2)` tends to.

    Returns
    -------
    regime : {"locked", "threshold", "periodic"}
    ratio : float
        Λ=2Ω/K.
    limit : complex or None
        √(1−Λ²)+iΛ if locked, ±i at the threshold.
    number : float or None
        Rate K√(1−Λ²) if locked, period 2π/√(4Ω²−K²) if periodic.
    """
    ratio = 2 * detuning / coupling
    if abs(abs(ratio) - 1) < 1e-12:
        return "threshold", ratio, 1j * np.sign(ratio), None
    if abs(ratio) < 1:
        root = np.sqrt(1 - ratio**2)
        return "locked", ratio, complex(root, ratio), float(coupling * root)
    return "periodic", ratio, None, float(2 * np.pi / np.sqrt(4 * detuning**2 - coupling**2))


def vanishing_time(coupling: float, norms: Any, theta2: float, alignment: float) -> float:
    r"""Time at which the second of two parallel oscillators of Model 1 vanishes (h=1), or infinity.

    :math:`t^* = -\ln[1-4μλ_2/(k(λ_1+λ_2)(1-θ_2))]/μ`, and :math:`4λ_2/(k(λ_1+λ_2)(1-θ_2))` for μ=0.
    """
    a, b = check_array("norms", norms, shape=(2,))
    if theta2 >= 1:
        return float("inf")
    share = 4 * b / (coupling * (a + b) * (1 - theta2))
    if alignment == 0:
        return float(share)
    return (
        float(-np.log1p(-alignment * share) / alignment) if alignment * share < 1 else float("inf")
    )
