"""Moments of the phases of Gaussian states, from the angles of their Wigner or Husimi functions,
or canonical ones from their elements between Fock states.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import erfcx, ndtr

__all__ = [
    "canonical_of_gaussian",
    "canonical_of_gaussian_pair",
    "moments_of_gaussian",
    "moments_of_gaussian_pair",
]

#: what the last moments may be for the grid to be fine enough
_TAIL = 1e-13
_FIRST, _FINEST = 128, 2**17
#: nodes of an integral over a radius, standard deviations that it covers, values looked at
_NODES, _REACH, _MOST = 48, 9.0, 10**8
#: Fock levels that are tried, and what may be left beyond
_LEVELS, _BEYOND = (32, 64, 128, 256, 512, 1024, 2048), 1e-12
#: the same of pairs, whose elements are the fourth power of that
_PAIR_LEVELS = (16, 32, 48, 64)


def _angular(phi: np.ndarray, mean: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Density of the angle of a point of the plane that is normally distributed, at `phi` (n,),
    for means (…, 2) and one inverse covariance: shape (…, n).
    """
    u = np.stack([np.cos(phi), np.sin(phi)], axis=1)
    along = np.sum(u @ precision * u, axis=1)
    turned = mean @ precision
    distance = np.sum(turned * mean, axis=-1)[..., None]
    d = (turned @ u.T) / np.sqrt(along)
    # ∫ r exp(−(a r² − 2 b r + c)/2) dr, each form where it neither overflows nor cancels
    back = np.minimum(d, 0.0)
    forth = np.maximum(d, 0.0)
    value = np.exp(-0.5 * distance) * (1 + np.sqrt(np.pi / 2) * back * erfcx(-back / np.sqrt(2)))
    # d² less the distance: what cancels far out is taken out beforehand
    det = float(np.linalg.det(precision))
    across = mean[..., 1:] * u[:, 0] - mean[..., :1] * u[:, 1]
    peak = np.exp(-0.5 * det * across**2 / along)
    value = value + forth * np.sqrt(2 * np.pi) * peak * ndtr(forth)
    return np.asarray(value * np.sqrt(det) / (2 * np.pi * along))


def _trimmed(moments: np.ndarray) -> np.ndarray | None:
    """The moments of positive order without the last that vanish; None where none does."""
    half = moments[: len(moments) // 2]
    size = np.abs(half)
    if size[3 * len(half) // 4 :].max() > _TAIL:
        return None
    last = int(np.flatnonzero(size > 1e-16)[-1])
    return np.concatenate([[1.0], half[1 : last + 1]])


def _refined(density: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Moments of a density of angles, from grids that become finer until the last ones vanish."""
    n = _FIRST
    while n <= _FINEST:
        found = _trimmed(2 * np.pi * np.fft.ifft(density(2 * np.pi * np.arange(n) / n)))
        if found is not None:
            return found
        n *= 2
    raise _too_narrow()


def _too_narrow() -> ValueError:
    return ValueError(
        "covariance: the phase is too sharp for a distribution on a grid; its variance is that of "
        "the quadrature across the mean over the squared amplitude"
    )


def moments_of_gaussian(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    r"""⟨e^{ikφ}⟩, k=0, 1, …, of the angle of a normally distributed point.

    The density of the angle is known (K. V. Mardia, Statistics of Directional Data, 1972):
    :math:`p(φ)∝[1+D\sqrt{2π}e^{D²/2}Φ(D)]/A`, A=uᵀΣ⁻¹u, D=uᵀΣ⁻¹μ/√A, u=(cos φ, sin φ).

    Parameters
    ----------
    mean : (2,) array
    covariance : (2, 2) array

    Raises
    ------
    ValueError
        The angle is too sharp for a grid.
    """
    precision = np.linalg.inv(covariance)
    return _refined(lambda phi: _angular(phi, mean, precision))


def moments_of_gaussian_pair(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """⟨e^{ik(φ1−φ2)}⟩, k=0, 1, …, of two points of the plane that are jointly normal.

    For a given first point the second one is normal: its angle has a known density, and what is
    left is an integral over the radius of the first one.

    Parameters
    ----------
    mean : (4,) array
    covariance : (4, 4) array

    Raises
    ------
    ValueError
        The angles are too sharp for a grid.
    """
    own = np.linalg.inv(covariance[:2, :2])
    slope = covariance[2:, :2] @ own
    rest = np.linalg.inv(covariance[2:, 2:] - slope @ covariance[:2, 2:])

    def relative(phi: np.ndarray) -> np.ndarray:
        """Density of the difference of the angles."""
        n, density = len(phi), np.zeros(len(phi))
        first = _angular(phi, mean[:2], own)
        second = _angular(phi, mean[2:], np.linalg.inv(covariance[2:, 2:]))
        # where neither angle is ever found nothing is to be added
        rows = np.flatnonzero(first > 1e-17 * first.max())
        columns = np.flatnonzero(second > 1e-17 * second.max())
        if len(rows) * len(columns) * _NODES > _MOST:
            raise _too_narrow()
        for j in rows:
            points, weights = _along(phi[j], mean[:2], own)
            centres = mean[2:] + (points - mean[:2]) @ slope.T
            density[(j - columns) % n] += weights @ _angular(phi[columns], centres, rest)
        return density * (2 * np.pi / n)

    return _refined(relative)


def _along(phi: float, mean: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (m, 2) on the ray of an angle, and their weights r N(r u) dr."""
    u = np.array([np.cos(phi), np.sin(phi)])
    width = 1 / np.sqrt(u @ precision @ u)
    centre = (u @ precision @ mean) * width**2
    low = max(centre - _REACH * width, 0.0)
    high = max(centre, 0.0) + _REACH * width
    x, w = np.polynomial.legendre.leggauss(_NODES)
    r = 0.5 * (high - low) * x + 0.5 * (high + low)
    points = r[:, None] * u
    off = points - mean
    density = np.exp(-0.5 * np.sum(off @ precision * off, axis=1))
    scale = np.sqrt(np.linalg.det(precision)) / (2 * np.pi)
    return points, 0.5 * (high - low) * w * r * density * scale


def canonical_of_gaussian(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    r"""⟨e^{ikφ}⟩=Σ_n ρ_{n+k,n}, k=0, 1, …, of a Gaussian state of one mode.

    With a=⟨b⟩, N=⟨δb†δb⟩, M=⟨δb²⟩, D=(N+1)²−\|M\|², p=(N+1)/D and q=M/D the Husimi function is
    e^{−\|α\|²}/π times :math:`G=Σρ_{mn}\barα^mα^n/\sqrt{m!n!}`,
    :math:`\ln G = \ln ρ_{00} + \barα y + α\bar y + (1-p)|α|² + ½q\barα² + ½\bar qα²`, y=pa−qā,
    from which the elements follow one by one (V. V. Dodonov, V. I. Man'ko, 1994).

    Parameters
    ----------
    mean : (2,) array
    covariance : (2, 2) array
        Vacuum ½.

    Raises
    ------
    ValueError
        It is no state, or has more quanta than are served.
    """
    V = np.asarray(covariance, dtype=float)
    if np.linalg.det(V) < 0.25 * (1 - 1e-9):
        raise ValueError(
            f"covariance is that of no state: its determinant {np.linalg.det(V):.6g} is below 1/4"
        )
    a = complex(mean[0], mean[1]) / np.sqrt(2)
    more, M = 0.5 * (V[0, 0] + V[1, 1]) + 0.5, complex(0.5 * (V[0, 0] - V[1, 1]), V[0, 1])
    D = more**2 - abs(M) ** 2
    p, q = more / D, M / D
    y = p * a - q * a.conjugate()
    lowest = -p * abs(a) ** 2 + (q * a.conjugate() ** 2).real - 0.5 * np.log(D)
    for levels in _LEVELS if lowest > -600 else ():
        rho = _fock_elements(float(np.exp(lowest)), y, p, q, levels)
        if abs(1 - np.trace(rho).real) < _BEYOND:
            return np.array([np.trace(rho, -k) for k in range(levels)])
    raise ValueError(
        f"kind='canonical': {abs(a) ** 2 + more - 1:.4g} quanta are too many for the elements "
        "between Fock states; the angle of the Wigner function, kind='wigner', is close to it"
    )


def _fock_elements(lowest: float, y: complex, p: float, q: complex, levels: int) -> np.ndarray:
    """ρ (levels, levels), from √(m+1) ρ_{m+1,n} = yρ_{mn} + (1−p)√n ρ_{m,n−1} + q√m ρ_{m−1,n}."""
    root = np.sqrt(np.arange(levels + 1.0))
    rho = np.zeros((levels, levels), dtype=complex)
    rho[0, 0] = lowest
    for n in range(levels - 1):
        before = np.conj(q) * root[n] * rho[0, n - 1] if n else 0.0
        rho[0, n + 1] = (np.conj(y) * rho[0, n] + before) / root[n + 1]
    for m in range(levels - 1):
        row = y * rho[m]
        row[1:] += (1 - p) * root[1:levels] * rho[m, :-1]
        if m:
            row += q * root[m] * rho[m - 1]
        rho[m + 1] = row / root[m + 1]
    return rho


def canonical_of_gaussian_pair(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    r"""⟨e^{ik(φ1−φ2)}⟩=Σ ρ_{n+k m, n m+k}, k=0, 1, …, of a Gaussian state of two modes.

    With the covariance σ of ζ=(a_1, a_2, a_1†, a_2†), vacuum ½, Q=σ+½, and X that exchanges a and
    a†, the elements between Fock states follow one by one from A=(1−Q⁻¹)X and γ=Q⁻¹⟨ζ⟩, which are
    those of the exponent of e^{\|α\|²} times the Husimi function (N. Quesada et al., Phys. Rev. A
    100, 022341 (2019)).

    Parameters
    ----------
    mean : (4,) array
        q_1, p_1, q_2, p_2.
    covariance : (4, 4) array
        Vacuum ½.

    Raises
    ------
    ValueError
        It is no state, or has more quanta than are served.
    """
    one = np.array([[1, 1j, 0, 0], [0, 0, 1, 1j]]) / np.sqrt(2)
    W = np.concatenate([one, one.conj()])
    sigma, zeta = W @ covariance @ W.conj().T, W @ mean
    symplectic = np.diag([0.5, 0.5, -0.5, -0.5])
    # moments that were measured, or read off a cut state, may be a little off
    if np.linalg.eigvalsh(sigma + symplectic)[0] < -1e-6 * np.abs(sigma).max():
        raise ValueError("covariance is that of no state: it violates the uncertainty relation")
    inverse = np.linalg.inv(sigma + 0.5 * np.eye(4))
    A = (np.eye(4) - inverse)[:, [2, 3, 0, 1]]
    gamma = inverse @ zeta
    lowest = -0.5 * (zeta.conj() @ inverse @ zeta).real + 0.5 * np.linalg.slogdet(inverse)[1]
    for levels in _PAIR_LEVELS if lowest > -600 else ():
        rho = _pair_elements(float(np.exp(lowest)), gamma, A, levels)
        if abs(1 - np.einsum("abab->", rho).real) < _BEYOND:
            return np.array(
                [
                    np.einsum("abab->", rho[k:, : levels - k, : levels - k, k:])
                    for k in range(levels)
                ]
            )
    quanta = 0.5 * (np.trace(covariance) + mean @ mean) - 1
    raise ValueError(
        f"kind='canonical': {quanta:.4g} quanta are too many for the elements between Fock states "
        "of two modes; the angle of the Wigner function, kind='wigner', is close to it"
    )


def _pair_elements(lowest: float, gamma: np.ndarray, A: np.ndarray, levels: int) -> np.ndarray:
    """ρ (levels,)*4 of two modes, one quantum after the other: √(k_i+1) ρ_{k+e_i} = γ_i ρ_k +
    Σ_j A_ij √k_j ρ_{k−e_j}.
    """
    root = np.sqrt(np.arange(float(levels)))
    rho = np.zeros((levels,) * 4, dtype=complex)
    rho[0, 0, 0, 0] = lowest

    for axis in (3, 2, 1, 0):
        for k in range(levels - 1):
            # the axes before it are at 0, those behind it at all of their levels
            at = (0,) * axis + (k,)
            out = gamma[axis] * rho[at]
            if k:
                out = out + A[axis, axis] * root[k] * rho[(0,) * axis + (k - 1,)]
            for place in range(3 - axis):
                weight = root.reshape([-1 if i == place else 1 for i in range(3 - axis)])
                out = out + A[axis, axis + 1 + place] * weight * np.roll(rho[at], 1, axis=place)
            rho[(0,) * axis + (k + 1,)] = out / np.sqrt(k + 1.0)
    return rho
