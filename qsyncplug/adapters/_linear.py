"""Fluctuations about a mean field, phase and amplitude apart, and where the linear closure ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.gaussian import uncertainty_margin
from ..core.tangent import (
    closure_flags,
    phase_diffusion,
    radial_variance,
    relative_phase_variance,
)

__all__ = ["exponents", "flags", "remaining", "turning"]


def turning(model: Any, beta: np.ndarray, t: float = 0.0) -> np.ndarray:
    """Phase velocities of the amplitudes, (N,).

    A mode with H=ω b†b turns its phase x (of e^{−ix}) at +ω.
    """
    size = np.abs(beta) ** 2
    return np.asarray(
        -np.imag(np.conj(beta) * model.drift(beta, t)) / np.where(size > 0, size, np.nan)
    )


def exponents(model: Any, beta: np.ndarray, *, symmetric: bool) -> np.ndarray | None:
    """Eigenvalues of the Jacobian.

    In the frame that turns with the amplitudes if a common phase is free.
    """
    values = np.linalg.eigvals(_turned(model, beta, symmetric)[0])
    return values if np.all(np.isfinite(values)) else None


def remaining(model: Any, beta: np.ndarray, *, symmetric: bool) -> float | None:
    """How far a Newton step to a state of rest goes: the largest change of a relative phase (of a
    phase, without a free common one) or of a logarithm |β|; None where a mode has no phase.
    """
    size = np.abs(beta) ** 2
    if not np.all(size > 1e-24 * max(1.0, float(size.max()))):
        return None
    M, v = _turned(model, beta, symmetric)
    scale = float(np.abs(M).max())
    if not 0 < scale < np.inf:
        return None
    A, b = M / scale, -_interleaved(v) / scale
    if symmetric:
        # up to a common phase, and a change of its frequency
        u = _interleaved(1j * beta)[:, None]
        A = np.block([[A, u], [u.T, np.zeros((1, 1))]])
        b = np.append(b, 0.0)
    step = np.linalg.lstsq(A, b, rcond=1e-10)[0]
    change = (step[0 : 2 * beta.size : 2] + 1j * step[1 : 2 * beta.size : 2]) / beta
    turn = np.ptp(change.imag) if symmetric else np.abs(change.imag).max()
    return float(max(turn, np.abs(change.real).max()))


def _interleaved(z: np.ndarray) -> np.ndarray:
    return np.stack([z.real, z.imag], axis=1).ravel()


def _turned(model: Any, beta: np.ndarray, symmetric: bool) -> tuple[np.ndarray, np.ndarray]:
    """Jacobian and velocities in the frame that turns with the amplitudes, or as they are."""
    M, v = np.array(model.jacobian(beta)), np.asarray(model.drift(beta), dtype=complex)
    total = float(np.vdot(beta, beta).real)
    if symmetric and total > 0:
        frequency = -float(np.imag(np.vdot(beta, v))) / total
        M = M + frequency * np.kron(np.eye(beta.size), np.array([[0.0, -1.0], [1.0, 0.0]]))
        v = v + 1j * frequency * beta
    return M, v


def flags(
    model: Any, times: np.ndarray, beta: np.ndarray, covariance: np.ndarray
) -> tuple[str, ...]:
    """Why the linear closure does not hold for this run, each with its number."""
    last, C = beta[-1], covariance[-1]
    alive = bool(np.all(np.abs(last) > 1e-6))
    out: list[str] = []
    if alive:
        out += closure_flags(last, radial_variance(last, C), relative_phase_variance(last, C))
        out += _diffusion(model, times, last)
    margin = float(uncertainty_margin(C))
    if margin < -1e-8 * max(1.0, float(np.abs(C).max())):
        out.append(f"linear closure not valid: C + iΩ/2 has the eigenvalue {margin:.2g} < 0")
    if not alive and float(np.linalg.eigvals(model.jacobian(last)).real.max()) > 0:
        out.append("linear closure not valid: the mean field is at rest, which is unstable")
    return tuple(out)


def _diffusion(model: Any, times: np.ndarray, beta: np.ndarray) -> list[str]:
    rate = phase_diffusion(model.drift(beta), model.jacobian(beta), model.diffusion(beta), beta)
    spread = None if rate is None else rate * float(times[-1] - times[0])
    if spread is None or spread <= 0.1:
        return []
    return [
        f"the common phase diffuses (D_φ = {rate:.4g}, variance {spread:.3g} by the end): S_c, "
        "S_p, Pearson and E_N of the run say nothing"
    ]
