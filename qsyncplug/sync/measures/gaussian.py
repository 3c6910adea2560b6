"""Gaussian states of one and two modes: symplectic eigenvalues, entropies, entanglement, discord;
vacuum ½.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

__all__ = [
    "discord",
    "entropy",
    "log_negativity",
    "mutual_information",
    "purity",
    "symplectic_eigenvalues",
]

#: A covariance is that of a state if its symplectic eigenvalues are ≥ ½ − PHYSICAL.
PHYSICAL = 1e-6


def _roots(covariance: np.ndarray, power: float) -> np.ndarray:
    """Real symmetric power of covariances (..., n, n); NaN where they are not positive."""
    w, v = np.linalg.eigh(covariance)
    w = np.where(w > 0, w, np.nan)
    return np.asarray((v * w[..., None, :] ** power) @ v.swapaxes(-1, -2))


def _form(n: int) -> np.ndarray:
    return np.kron(np.eye(n), np.array([[0.0, 1.0], [-1.0, 0.0]]))


def symplectic_eigenvalues(covariance: np.ndarray) -> np.ndarray:
    """Symplectic eigenvalues of (..., 2n, 2n), ascending (..., n); NaN where the matrix is not
    positive definite.
    """
    n = covariance.shape[-1] // 2
    root = _roots(covariance, 0.5)
    skew = root @ _form(n) @ root
    bad = np.any(np.isnan(skew), axis=(-1, -2))
    values = np.linalg.eigvalsh(1j * np.where(bad[..., None, None], 0, skew))[..., n:]
    return np.where(bad[..., None], np.nan, values)


def _physical(covariance: np.ndarray) -> np.ndarray:
    """Symplectic eigenvalues, at least ½; NaN where the covariance is not that of a state."""
    values = symplectic_eigenvalues(covariance)
    bad = ~np.all(values >= 0.5 - PHYSICAL, axis=-1)
    return np.where(bad[..., None], np.nan, np.maximum(values, 0.5))


def entropy(nu: np.ndarray) -> np.ndarray:
    """Von Neumann entropy of a mode with symplectic eigenvalue `nu`."""
    return np.asarray(xlogy(nu + 0.5, nu + 0.5) - xlogy(nu - 0.5, nu - 0.5))


def log_negativity(covariance: np.ndarray) -> np.ndarray:
    """Σ max(0, −ln 2ν̃) of the partial transpose of (..., 4, 4)."""
    flip = np.diag([1.0, 1.0, 1.0, -1.0])
    nu = symplectic_eigenvalues(flip @ covariance @ flip)
    value = np.sum(np.maximum(0.0, -np.log(2 * nu)), axis=-1)
    return np.where(np.isnan(_physical(covariance)[..., 0]), np.nan, value)


def mutual_information(covariance: np.ndarray) -> np.ndarray:
    """S_1 + S_2 − S_12 of (..., 4, 4)."""
    a, b = _physical(covariance[..., :2, :2])[..., 0], _physical(covariance[..., 2:, 2:])[..., 0]
    joint = _physical(covariance)
    return np.asarray(np.maximum(0.0, entropy(a) + entropy(b) - np.sum(entropy(joint), axis=-1)))


def purity(covariance: np.ndarray) -> np.ndarray:
    """Purity Tr ρ² = Π 1/(2ν) of (..., 2n, 2n)."""
    return np.asarray(np.prod(1 / (2 * _physical(covariance)), axis=-1))


def discord(covariance: np.ndarray) -> np.ndarray:
    """Gaussian discord of (..., 4, 4), Gaussian measurement on the second mode.

    In standard form (A=a·1, B=b·1, C=diag(c, d), vacuum variance 1) a measurement of squeezing λ
    leaves mode 1 with det = (aλ+P)(a+Qλ)/((λ+b)(1+bλ)), P=ab−c², Q=ab−d²; the least value is at
    λ=0, λ=∞ or a root of a quadratic.
    """
    nu = _physical(covariance)
    sigma = 2 * np.where(np.isnan(nu[..., :1, None]), np.eye(4), covariance)
    blocks, sizes = [], []
    for part in (slice(0, 2), slice(2, 4)):
        local = sigma[..., part, part]
        size = np.sqrt(np.linalg.det(local))
        sizes.append(size)
        blocks.append(_roots(local, -0.5) * np.sqrt(size)[..., None, None])
    a, b = np.maximum(sizes[0], 1.0), np.maximum(sizes[1], 1.0)
    c, d = np.moveaxis(
        np.linalg.svd(blocks[0] @ sigma[..., :2, 2:] @ blocks[1], compute_uv=False), -1, 0
    )
    p, q = np.maximum(a * b - c * c, 0.0), np.maximum(a * b - d * d, 0.0)
    n0, n1, n2 = a * p, a * a + p * q, a * q
    d0, d1, d2 = b, 1 + b * b, b
    least = np.minimum(p * a / b, q * a / b)
    k2, k1, k0 = n2 * d1 - n1 * d2, n2 * d0 - n0 * d2, n1 * d0 - n0 * d1
    root = np.sqrt(np.maximum(k1 * k1 - k2 * k0, 0.0))
    far = -(k1 + np.where(k1 >= 0, root, -root))
    with np.errstate(divide="ignore", invalid="ignore"):
        candidates = [np.ones_like(a), far / k2, k0 / far]
    for x in candidates:
        x = np.where(np.isfinite(x) & (x > 0), x, 1.0)
        least = np.minimum(least, (n2 * x * x + n1 * x + n0) / (d2 * x * x + d1 * x + d0))
    left = np.sqrt(np.maximum(least, 1.0)) / 2
    value = entropy(b / 2) - np.sum(entropy(nu), axis=-1) + entropy(left)
    return np.where(np.isnan(nu[..., 0]), np.nan, np.maximum(value, 0.0))
