"""What is read off a phase-space array: marginals, moments, overlaps, phase distribution,
negativity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft
from numpy.polynomial.legendre import leggauss

from ..core.checks import check_array, check_integer, check_number
from ..core.grid import Grid
from .phase_space import PhaseSpace, as_phase_space

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "interpolate",
    "marginals",
    "moments",
    "moyal_overlap",
    "phase_distribution",
    "phase_space_array",
    "real_array",
    "spectrum",
    "waves",
]


def phase_space_array(name: str, w: Any, space: PhaseSpace) -> np.ndarray:
    """Return `w` checked: finite numbers, float or complex, of the shape of its phase space."""
    raw = np.asarray(w)
    return check_array(name, w, shape=space.shape, dtype=complex if np.iscomplexobj(raw) else float)


def real_array(name: str, w: np.ndarray, what: str) -> np.ndarray:
    """Return the real part of `w`; refuse an imaginary part beyond rounding."""
    if np.iscomplexobj(w):
        if np.max(np.abs(w.imag)) > 1e-10 * np.max(np.abs(w)):
            raise ValueError(
                f"{name} must be real for {what}: it is the transform of a pair, or of a "
                "non-Hermitian operator"
            )
        return np.ascontiguousarray(w.real)
    return w


def marginals(w: Any, space: PhaseSpace | Grid) -> tuple[np.ndarray, np.ndarray]:
    """Marginals ∫w dp and ∫w dx.

    Parameters
    ----------
    w : array of shape ``space.shape``
        Real or complex.
    space : PhaseSpace or Grid

    Returns
    -------
    position : ndarray of shape ``space.x_shape``
        On ``space.x_axes``: |ψ(x)|², or ψ_iψ̄_j for a pair. Every second point lies on the grid of
        the states.
    momentum : ndarray of shape ``space.x_shape``
        On ``space.p_axes``.

    Examples
    --------
    >>> from qsyncplug.wigner import wigner_transform
    >>> grid = Grid(64, 16.0)
    >>> space = PhaseSpace(grid)
    >>> w = wigner_transform(grid.gaussian(1.0), grid=grid)
    >>> position, momentum = marginals(w, space)
    >>> bool(np.allclose(position[::2], np.abs(grid.gaussian(1.0)) ** 2, atol=1e-14))
    True
    """
    space = as_phase_space(space)
    w = phase_space_array("w", w, space)
    d = space.ndim
    return w.sum(axis=tuple(range(d, 2 * d))) * space.p_weight, w.sum(
        axis=tuple(range(d))
    ) * space.x_weight


def moments(w: Any, space: PhaseSpace | Grid) -> dict[str, np.ndarray]:
    """Local moments ∫w dp, ∫p w dp, ∫p⊗p w dp: density, current and momentum flux, of mixed states
    too, and of pairs.

    Parameters
    ----------
    w : array of shape ``space.shape``
        Real; or complex for a pair, where they are ρ_12−iσ_12, J_12−iG_12 and so on.
    space : PhaseSpace or Grid

    Returns
    -------
    dict
        ``"density"`` of shape ``space.x_shape``, ``"current"`` of shape ``(d, *space.x_shape)``,
        ``"stress"`` of shape ``(d, d, *space.x_shape)``, on ``space.x_axes``.

    Examples
    --------
    >>> from qsyncplug.wigner import wigner_transform
    >>> grid = Grid(64, 16.0)
    >>> space = PhaseSpace(grid)
    >>> w = wigner_transform(grid.gaussian(1.0), grid=grid)
    >>> found = moments(w, space)
    >>> round(float(np.sum(found["density"]) * space.x_weight), 12), found["current"].shape
    (1.0, (1, 128))
    """
    space = as_phase_space(space)
    w = phase_space_array("w", w, space)
    d = space.ndim
    axes = list(range(2 * d))

    def moment(*which: int) -> np.ndarray:
        args: list[Any] = [w, axes]
        for a in which:
            args += [space.p_axes[a], [d + a]]
        return np.asarray(np.einsum(*args, list(range(d))) * space.p_weight)

    stress = np.empty((d, d, *space.x_shape), dtype=w.dtype)
    for a in range(d):
        for b in range(a, d):
            stress[a, b] = stress[b, a] = moment(a, b)
    return {
        "density": moment(),
        "current": np.stack([moment(a) for a in range(d)]),
        "stress": stress,
    }


def moyal_overlap(w1: ArrayLike, w2: ArrayLike, space: PhaseSpace | Grid) -> float | complex:
    r""":math:`(2π)^d∫w_1\bar w_2\,dx\,dp = \mathrm{Tr}(O_1O_2^†)`: for pure states \|⟨ψ_1,ψ_2⟩\|²,
    for w_1=w_2 the purity.

    Parameters
    ----------
    w1, w2 : array of shape ``space.shape``
    space : PhaseSpace or Grid

    Returns
    -------
    float, or complex if either is

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> grid = qsp.Grid(points=64, length=16.0)
    >>> w = qsp.wigner_transform(grid.gaussian(0.0), grid=grid)
    >>> round(float(np.real(qsp.moyal_overlap(w, w, grid))), 6)  # |⟨ψ,ψ⟩|²
    1.0
    """
    space = as_phase_space(space)
    w1, w2 = phase_space_array("w1", w1, space), phase_space_array("w2", w2, space)
    value = np.vdot(w2, w1) * space.weight * (2 * np.pi) ** space.ndim
    return complex(value) if np.iscomplexobj(value) else float(value)


# ------------------------------------------------------------ values between the points


def spectrum(w: np.ndarray, axis: int) -> np.ndarray:
    """Fourier coefficients of `w` along `axis`, so that their sum is the first value."""
    return np.asarray(scipy.fft.fft(w, axis=axis) / w.shape[axis])


def _modes(n: int) -> np.ndarray:
    """Integer wave numbers in FFT order; the highest is a cosine and given its own treatment."""
    return np.asarray(scipy.fft.fftfreq(n, 1 / n))


def waves(points: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """e^{2πi k(x−x_0)/L} for each point and mode."""
    n = len(axis)
    k = _modes(n)
    phase = 2 * np.pi * (points - axis[0]) / (n * (axis[1] - axis[0]))
    out = np.exp(1j * np.outer(phase, k))
    out[:, n // 2] = np.cos(phase * (n // 2))
    return out


def interpolate(w: Any, space: PhaseSpace | Grid, x: Any, p: Any) -> np.ndarray:
    """Values of a phase-space array at any points, by its trigonometric interpolant (one
    dimension).

    Parameters
    ----------
    w : array of shape ``space.shape``
    space : PhaseSpace or Grid
        Of one dimension.
    x, p : arrays of the same shape
        Points inside the grid.

    Returns
    -------
    ndarray of the shape of `x`

    Examples
    --------
    >>> from qsyncplug.wigner import wigner_transform
    >>> grid = Grid(64, 16.0)
    >>> space = PhaseSpace(grid)
    >>> w = wigner_transform(grid.gaussian(1.0), grid=grid)
    >>> float(interpolate(w, space, 1.0, 0.0).round(12))     # 1/π at the centre
    0.318309886184
    """
    space = as_phase_space(space)
    _line(space, "interpolate")
    w = phase_space_array("w", w, space)
    x, p = np.broadcast_arrays(check_array("x", x), check_array("p", p))
    for name, points, axis in (("x", x, space.x), ("p", p, space.p)):
        if (
            not np.all(np.isfinite(points))
            or np.any(points < axis[0])
            or np.any(points > axis[-1] + (axis[1] - axis[0]))
        ):
            raise ValueError(f"{name} must lie between {axis[0]:g} and {axis[-1]:g}")
    c = spectrum(spectrum(w, 0), 1)
    # modes that hold nothing cost nothing
    strength = np.abs(c)
    top = strength.max()
    rows = np.nonzero(strength.max(axis=1) > 1e-17 * top)[0]
    columns = np.nonzero(strength.max(axis=0) > 1e-17 * top)[0]
    c = c[np.ix_(rows, columns)]
    flat_x, flat_p = x.ravel(), p.ravel()
    out = np.empty(flat_x.size, dtype=complex)
    for start in range(0, flat_x.size, 2048):
        part = slice(start, start + 2048)
        left = waves(flat_x[part], space.x)[:, rows] @ c
        out[part] = np.einsum("ik,ik->i", left, waves(flat_p[part], space.p)[:, columns])
    out = out.reshape(x.shape)
    return out if np.iscomplexobj(w) else out.real


def _line(space: PhaseSpace, what: str) -> None:
    if space.ndim != 1:
        raise ValueError(f"{what} needs a phase space of one dimension, not {space.ndim}")


def phase_distribution(
    w: Any, space: PhaseSpace | Grid, angles: Any = 64, *, centre: tuple[float, float] = (0.0, 0.0)
) -> tuple[np.ndarray, np.ndarray]:
    r"""Radially integrated Wigner function, P(θ)=∫w(r cos θ, r sin θ) r dr.

    Parameters
    ----------
    w : array of shape ``space.shape``
        Real, of one dimension.
    space : PhaseSpace or Grid
    angles : int or array
        Number of equidistant angles from 0, or the angles.
    centre : (float, float)
        Point (x, p) about which to integrate.

    Returns
    -------
    angles : ndarray of shape (A,)
    distribution : ndarray of shape (A,)
        ∫P dθ=∫w. It may be negative: it is no probability density.

    Raises
    ------
    ValueError
        Part of the array lies beyond the largest circle about the centre.

    Notes
    -----
    Gauss–Legendre panels in r over the trigonometric interpolant.

    Examples
    --------
    >>> from qsyncplug.wigner import wigner_transform
    >>> grid = Grid(64, 16.0)
    >>> space = PhaseSpace(grid)
    >>> w = wigner_transform(grid.gaussian(1.0), grid=grid)
    >>> angles, distribution = phase_distribution(w, space, 64)
    >>> round(float(np.sum(distribution) * 2 * np.pi / 64), 9)
    1.0
    """
    space = as_phase_space(space)
    _line(space, "phase_distribution")
    w = real_array("w", phase_space_array("w", w, space), "a phase distribution")
    if np.ndim(angles) == 0:
        theta = 2 * np.pi * np.arange(check_integer("angles", angles, minimum=1)) / angles
    else:
        theta = check_array("angles", angles, shape=(None,))
    x0, p0 = (check_number("centre", c) for c in centre)
    reach = min(space.x[-1] - x0, x0 - space.x[0], space.p[-1] - p0, p0 - space.p[0])
    distance = np.hypot(space.x[:, None] - x0, space.p - p0)
    beyond = np.max(np.abs(w[distance > reach])) / np.max(np.abs(w)) if reach > 0 else np.inf
    if beyond > 1e-6:
        raise ValueError(
            f"w must vanish beyond the largest circle about {(x0, p0)}, of radius {reach:g}; its "
            "largest value there is "
            f"{beyond:.1e} of that anywhere"
        )
    # the interpolant oscillates at most as fast as the grid allows
    finest = min(space.dx[0], space.dp[0])
    used = min(
        reach, float(np.max(distance[np.abs(w) > 1e-17 * np.max(np.abs(w))], initial=0.0)) + finest
    )
    panels = int(np.ceil(used / (8 * finest)))
    nodes, weights = leggauss(20)
    edges = np.linspace(0, used, panels + 1)
    half = np.diff(edges)[:, None] / 2
    r = (edges[:-1, None] + half * (nodes + 1)).ravel()
    weight = (half * weights).ravel() * r
    values = interpolate(w, space, x0 + np.cos(theta)[:, None] * r, p0 + np.sin(theta)[:, None] * r)
    return theta, values @ weight
