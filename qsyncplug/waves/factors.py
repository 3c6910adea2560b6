"""States as few orthonormal vectors times coefficients."""

from __future__ import annotations

import numpy as np
import scipy.linalg

__all__ = ["factorize", "factorize_blocks"]


def factorize(psi: np.ndarray, weight: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Write the rows of `psi` as X Q with rows of Q orthonormal, rank-revealing (QR, then SVD of
    the small factor).

    Parameters
    ----------
    psi : (N, M) complex array
    weight : float
        Of the inner product, weight·Σ.

    Returns
    -------
    x : (N, r) array
        r is the numerical rank.
    q : (r, M) array
    """
    n, m = psi.shape
    root = np.sqrt(weight)
    if n <= m:
        q, r = scipy.linalg.qr(psi.T, mode="economic", check_finite=False)
        u, s, v = np.linalg.svd(r.T)
        rank = max(1, int(np.count_nonzero(s > 4 * np.finfo(float).eps * s[0] * np.sqrt(n))))
        return np.ascontiguousarray(u[:, :rank] * s[:rank]) * root, np.ascontiguousarray(
            v[:rank] @ q.T
        ) / root
    q, r = scipy.linalg.qr(psi, mode="economic", check_finite=False)
    u, s, v = np.linalg.svd(r)
    rank = max(1, int(np.count_nonzero(s > 4 * np.finfo(float).eps * s[0] * np.sqrt(m))))
    return np.ascontiguousarray(q @ (u[:, :rank] * s[:rank])) * root, np.ascontiguousarray(
        v[:rank]
    ) / root


def factorize_blocks(
    psi: np.ndarray, signs: np.ndarray, weight: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""As :func:`factorize`, for vector-valued states with the (possibly indefinite) product
    :math:`\sum_α s_α∫\bar ψ^α φ^α`.

    Parameters
    ----------
    psi : (N, A, M) complex array
    signs : (A,) array
        s_α.
    weight : float
        Of the integral.

    Returns
    -------
    x : (N, r) array
    q : (r, A, M) array
    metric : (r, r) array
        Hermitian; the products of the states are x̄ metric xᵀ.
    """
    n, blocks, m = psi.shape
    x, q = factorize(psi.reshape(n, blocks * m), weight)
    q = q.reshape(-1, blocks, m)
    metric = (
        np.einsum("a,iam,jam->ij", np.asarray(signs, dtype=float), q.conj(), q, optimize=True)
        * weight
    )
    return x, q, metric
