"""States and operators on grids: upsampling, Hermite functions, and the correlation u(x,
y)=K(x+y/2, x−y/2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from .phase_space import MAX_FOCK, PhaseSpace

__all__ = [
    "correlate",
    "correlate_kernel",
    "from_correlation",
    "hermite_functions",
    "kernel_of",
    "to_momentum",
    "upsample",
]


def upsample(f: np.ndarray, axes: tuple[int, ...], factor: int = 2) -> np.ndarray:
    """Trigonometric interpolation of periodic samples to `factor` times as many points along
    `axes`.
    """
    f = np.asarray(f)
    real = not np.iscomplexobj(f)
    f = f.astype(complex)
    for axis in axes:
        f = np.moveaxis(f, axis, -1)
        n = f.shape[-1]
        half = n // 2
        c = scipy.fft.fft(f, axis=-1)
        wide = np.zeros((*f.shape[:-1], factor * n), dtype=complex)
        wide[..., :half] = c[..., :half]
        wide[..., factor * n - half + 1 :] = c[..., half + 1 :]
        # the highest mode is a cosine: half of it goes to each sign
        wide[..., half] = wide[..., factor * n - half] = c[..., half] / 2
        f = np.moveaxis(scipy.fft.ifft(wide, axis=-1, overwrite_x=True) * factor, -1, axis)
    return f.real if real else f


def hermite_functions(x: np.ndarray, levels: int) -> np.ndarray:
    """⟨x|n⟩ of ½p²+½x² for n=0 … levels−1, shape ``(levels, len(x))``: real, positive for large
    x.
    """
    if levels > MAX_FOCK:
        raise ValueError(f"Fock states up to {MAX_FOCK} levels can be put on a grid, not {levels}")
    h = np.empty((levels, x.size))
    h[0] = np.exp(-(x**2) / 2) / np.pi**0.25
    if levels > 1:
        h[1] = np.sqrt(2) * x * h[0]
    for n in range(1, levels - 1):
        h[n + 1] = np.sqrt(2 / (n + 1)) * x * h[n] - np.sqrt(n / (n + 1)) * h[n - 1]
    return h


def _windows(f: np.ndarray, reverse: bool) -> np.ndarray:
    """View A[J, m+n]=f[J±m], zero outside the box, for fine samples f (2n_1, …, 2n_d): J axes
    first, then m axes.
    """
    d = f.ndim
    padded = np.zeros(tuple(2 * s for s in f.shape), dtype=complex)
    half = tuple(s // 2 for s in f.shape)
    padded[tuple(slice(h, h + s) for h, s in zip(half, f.shape, strict=True))] = f
    if reverse:
        # f[J−m] at m'=m+n is padded[J+2n−m']; reversed windows starting one further
        shape = tuple(s + 1 for s in f.shape)
        view = sliding_window_view(padded, shape)
        return view[(slice(0, None),) * d + (slice(None, 0, -1),) * d][
            tuple(slice(0, s) for s in f.shape)
        ]
    return sliding_window_view(padded, f.shape)[tuple(slice(0, s) for s in f.shape)]


def correlate(psi: np.ndarray, phi: np.ndarray, rows: Any = slice(None)) -> np.ndarray:
    """u[J, m]=ψ[J+m] φ̄[J−m] of fine samples, zero outside the box; m ascending from −n; `rows`
    picks first indices J.
    """
    return np.asarray(_windows(psi, False)[rows] * _windows(phi, True)[rows].conj())


def correlate_kernel(kernel: np.ndarray, rows: Any = slice(None)) -> np.ndarray:
    """u[J, m]=K[J+m, J−m] of a fine kernel (2n_1, …, 2n_1, …), zero outside the box; arguments as
    in :func:`correlate`.
    """
    d = kernel.ndim // 2
    first: list[np.ndarray] = []
    second: list[np.ndarray] = []
    inside: Any = True
    for a, size in enumerate(kernel.shape[:d]):
        j = np.arange(size)
        j = (j[rows] if a == 0 else j).reshape((-1,) + (1,) * (2 * d - 1 - a))
        m = np.arange(-size // 2, size // 2).reshape((-1,) + (1,) * (d - 1 - a))
        plus, minus = j + m, j - m
        inside = inside & (plus >= 0) & (plus < size) & (minus >= 0) & (minus < size)
        first.append(plus % size)
        second.append(minus % size)
    return np.where(inside, kernel[(*first, *second)], 0)


def to_momentum(u: np.ndarray, space: PhaseSpace, hermitian: bool) -> np.ndarray:
    """(2π)^-d Σ_m u[…, m] e^{−ip·y_m} Π dx over the last d axes; real where u is `hermitian` in
    y.
    """
    d = space.ndim
    axes = tuple(range(-d, 0))
    scale = float(np.prod(space.grid.spacing)) / (2 * np.pi) ** d
    if hermitian and d == 1:
        # Hermitian in m: half of it is enough
        n = u.shape[-1] // 2
        part = np.zeros((*u.shape[:-1], n + 1), dtype=complex)
        part[..., :n] = u[..., n:]
        w = scipy.fft.fftshift(scipy.fft.hfft(part, 2 * n, axis=-1), axes=axes)
    else:
        c = scipy.fft.fftn(scipy.fft.ifftshift(u, axes=axes), axes=axes, overwrite_x=True)
        w = scipy.fft.fftshift(c.real if hermitian else c, axes=axes)
    w *= scale
    return np.asarray(w)


def from_correlation(w: np.ndarray, space: PhaseSpace) -> np.ndarray:
    """u[J, m] of a phase-space array, by the inverse transform over its last d axes."""
    d = space.ndim
    axes = tuple(range(-d, 0))
    u = scipy.fft.ifftn(scipy.fft.ifftshift(w, axes=axes), axes=axes)
    u *= (2 * np.pi) ** d / float(np.prod(space.grid.spacing))
    return np.asarray(scipy.fft.fftshift(u, axes=axes))


def kernel_of(w: np.ndarray, space: PhaseSpace) -> np.ndarray:
    """The kernel K[a, b]=u[a+b, a−b] on the grid of the states: the fine point of the coarse a is
    2a.
    """
    d = space.ndim
    index: list[np.ndarray] = []
    for sign in (1, -1):
        for axis, n in enumerate(space.grid.shape):
            a = np.arange(n).reshape((-1,) + (1,) * (2 * d - 1 - axis))
            b = np.arange(n).reshape((-1,) + (1,) * (d - 1 - axis))
            index.append(a + b if sign == 1 else a - b + n)
    return np.asarray(from_correlation(w, space)[tuple(index)])
