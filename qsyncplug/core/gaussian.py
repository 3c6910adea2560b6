"""Quadratures (q1, p1, q2, p2, …), q=(b+b†)/√2: the symplectic form, covariances, the uncertainty
relation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .checks import check_array

__all__ = [
    "check_covariance",
    "covariance_from_moments",
    "moments_from_covariance",
    "symplectic_form",
    "uncertainty_margin",
    "vacuum_covariance",
]


def vacuum_covariance(n: int) -> np.ndarray:
    """Covariance ½·1 of coherent states, shape (2n, 2n)."""
    return 0.5 * np.eye(2 * n)


@lru_cache(maxsize=32)
def symplectic_form(n: int) -> np.ndarray:
    """Ω = ⊕ [[0, 1], [−1, 0]], shape (2n, 2n); read only."""
    form = np.kron(np.eye(n), np.array([[0.0, 1.0], [-1.0, 0.0]]))
    form.flags.writeable = False
    return form


def uncertainty_margin(covariance: np.ndarray) -> np.ndarray:
    """Smallest eigenvalue of C + iΩ/2; negative where the uncertainty relation is broken."""
    n = covariance.shape[-1] // 2
    return np.linalg.eigvalsh(covariance + 0.5j * symplectic_form(n))[..., 0]


def check_covariance(name: str, value: Any, n: int) -> np.ndarray:
    """Return a symmetric covariance of shape (2n, 2n) that respects the uncertainty relation C +
    iΩ/2 ≥ 0.
    """
    C = check_array(name, value, shape=(2 * n, 2 * n))
    scale = max(1.0, float(np.abs(C).max()))
    if np.abs(C - C.T).max() > 1e-12 * scale:
        raise ValueError(
            f"{name} must be symmetric; it differs from its transpose by "
            f"{np.abs(C - C.T).max():.3g}"
        )
    C = 0.5 * (C + C.T)
    margin = float(uncertainty_margin(C))
    if margin < -1e-10 * scale:
        raise ValueError(
            f"{name} must respect the uncertainty relation C + iΩ/2 ≥ 0 (vacuum: ½·1); its "
            f"smallest eigenvalue is {margin:.3g}"
        )
    return np.asarray(C)


def covariance_from_moments(m: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Quadrature covariance (…, 2N, 2N) from m_jk=⟨δb_jδb_k⟩ and c_jk=⟨δb_j†δb_k⟩, both (…, N,
    N).
    """
    n = m.shape[-1]
    C = np.empty((*m.shape[:-2], 2 * n, 2 * n))
    half = 0.5 * np.eye(n)
    C[..., 0::2, 0::2] = (c + m).real + half
    C[..., 1::2, 1::2] = (c - m).real + half
    C[..., 0::2, 1::2] = (m + c).imag
    C[..., 1::2, 0::2] = np.swapaxes((m + c).imag, -1, -2)
    return C


def moments_from_covariance(C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of :func:`covariance_from_moments`."""
    qq, pp, qp, pq = C[..., 0::2, 0::2], C[..., 1::2, 1::2], C[..., 0::2, 1::2], C[..., 1::2, 0::2]
    n = qq.shape[-1]
    return 0.5 * (qq - pp + 1j * (qp + pq)), 0.5 * (qq + pp - np.eye(n) + 1j * (qp - pq))
