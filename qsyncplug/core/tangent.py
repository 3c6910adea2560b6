r"""Phase and amplitude of the fluctuations about a mean field, apart.

In the quadratures (q, p) of a mode, β=(q+ip)/√2, a turn moves it along v=(−p, q) and its phase
fluctuates by δθ=uᵀδ, u=v/|v|². Relative phases are u_k−u_j, in which the common phase cancels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "closure_flags",
    "mean_field_coherence",
    "phase_diffusion",
    "radial_variance",
    "relative_phase_variance",
]


def _blocks(beta: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """√2β as (…, N, 2) and the covariance as (…, N, 2, N, 2)."""
    n = beta.shape[-1]
    x = np.sqrt(2) * np.stack([beta.real, beta.imag], axis=-1)
    return x, covariance.reshape(*covariance.shape[:-2], n, 2, n, 2)


def relative_phase_variance(beta: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    r"""σ²_jk = (u_k−u_j)ᵀC(u_k−u_j), the variance of the relative phase in the linear closure.

    Parameters
    ----------
    beta : (..., N) complex array
    covariance : (..., 2N, 2N) array
        Vacuum ½.

    Returns
    -------
    (..., N, N) array
        Infinite where an amplitude is 0.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(relative_phase_variance(np.array([2.0, 2.0]), np.eye(4) / 2)[0, 1]), 9)
    0.125
    """
    x, C = _blocks(beta, covariance)
    size = np.sum(x**2, axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.stack([-x[..., 1], x[..., 0]], axis=-1) / size
        own = np.einsum("...ja,...jakb,...kb->...jk", u, C, u)
    diagonal = np.diagonal(own, axis1=-2, axis2=-1)
    out = diagonal[..., :, None] + diagonal[..., None, :] - own - np.swapaxes(own, -1, -2)
    return np.where(np.isfinite(out), np.maximum(out, 0), np.inf)


def mean_field_coherence(beta: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    r"""z_jk = e^{i(arg β_k−arg β_j)} e^{−σ²_jk/2}.

    The coherence of oscillators whose phases are Gaussian.

    It converges where they lock and goes to 0 where they drift, however far the common phase has
    diffused.

    Parameters
    ----------
    beta : (..., N) complex array
    covariance : (..., 2N, 2N) array

    Returns
    -------
    (..., N, N) complex array
        NaN where an amplitude is 0.
    """
    size = np.abs(beta)
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.where(size > 0, beta / size, np.nan)
    z = unit.conj()[..., :, None] * unit[..., None, :]
    return z * np.exp(-relative_phase_variance(beta, covariance) / 2)


def radial_variance(beta: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Variance of each mode along its amplitude, (..., N); ½ for a coherent state."""
    x, C = _blocks(beta, covariance)
    size = np.linalg.norm(x, axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        e = x / size
    return np.asarray(np.einsum("...ja,...jajb,...jb->...j", e, C, e))


def closure_flags(beta: np.ndarray, radial: np.ndarray, relative: np.ndarray) -> tuple[str, ...]:
    """Why the linear closure does not hold about amplitudes (N,), each reason with its number.

    Parameters
    ----------
    beta : (N,) complex array
    radial : (N,) array
        :func:`radial_variance`.
    relative : (N, N) array
        :func:`relative_phase_variance`.

    Returns
    -------
    tuple of str
        Empty where fluctuations are smaller than what they fluctuate about.
    """
    out = []
    if relative.max() > 1:
        out.append(
            f"linear closure not valid: the relative phase has the variance σ² = "
            f"{relative.max():.3g} > 1; the quantum state slips"
        )
    excess = radial - 0.5
    worst = int(np.argmax(excess / np.maximum(np.abs(beta) ** 2, 1e-300)))
    if excess[worst] > 0.5 * abs(beta[worst]) ** 2:
        out.append(
            f"linear closure not valid: radial variance {excess[worst]:.3g} beyond ½ at "
            f"|β|² = {abs(beta[worst]) ** 2:.3g}"
        )
    return tuple(out)


def phase_diffusion(
    drift: Any, jacobian: np.ndarray, diffusion: np.ndarray, beta: np.ndarray
) -> float | None:
    r"""D_φ = wᵀDw/(wᵀv)²: the variance of the common phase grows like D_φt.

    Parameters
    ----------
    drift : (N,) complex array
        β' at a point of the limit cycle β e^{−iΩt}.
    jacobian, diffusion : (2N, 2N) arrays
        M and D there.
    beta : (N,) complex array

    Returns
    -------
    float or None
        None if β is not on a limit cycle of constant radii, or the common phase is not free.

    Notes
    -----
    v=√2·iβ in (q, p) is the direction of the common phase, w the left null vector of M in the frame
    that turns with Ω.
    """
    total = float(np.vdot(beta, beta).real)
    frequency = -float(np.imag(np.vdot(beta, drift))) / total
    rest = np.abs(drift + 1j * frequency * beta).max()
    M = jacobian + frequency * np.kron(np.eye(beta.size), np.array([[0.0, -1.0], [1.0, 0.0]]))
    scale = float(np.abs(M).max())
    if rest > 1e-6 * scale * np.sqrt(total):
        return None
    v = np.sqrt(2) * np.ascontiguousarray(1j * beta).view(float)
    if np.abs(M @ v).max() > 1e-6 * scale * np.abs(v).max():
        return None
    w = np.linalg.svd(M.T)[2][-1]
    return float(w @ diffusion @ w / (w @ v) ** 2)
