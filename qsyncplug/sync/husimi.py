"""The phase of a spin, or of one relative to another, in the Husimi function."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import qutip
from scipy.special import gammaln, xlogy

from ..core.checks import check_array, check_memory

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "spin_husimi",
    "spin_phase",
    "spin_phase_moments",
    "spin_phase_peak",
]


@lru_cache(maxsize=64)
def _overlaps(d: int) -> np.ndarray:
    """G_mn: the factor of ρ_mn in the phase distribution, ½(2J+1)∫ c_m c_n sinθ dθ over
    spin-coherent states.
    """
    m = np.arange(d)
    # index 0 is the state J, index d−1 the state −J
    log_binomial = gammaln(d) - gammaln(m + 1) - gammaln(d - m)
    mean = 0.5 * (m[:, None] + m[None, :])
    log = (
        0.5 * (log_binomial[:, None] + log_binomial[None, :])
        + gammaln(d - mean)
        + gammaln(mean + 1)
        - gammaln(d)
    )
    G = np.exp(log)
    G.setflags(write=False)
    return np.asarray(G)


def _density(state: Any, factors: int) -> tuple[np.ndarray, tuple[int, ...]]:
    if not isinstance(state, qutip.Qobj) or not (state.isket or state.isoper):
        raise TypeError(f"state must be a ket or density matrix, not {type(state).__name__}")
    dims = tuple(int(v) for v in state.dims[0])
    if len(dims) != factors or min(dims) < 2:
        what = (
            "two spins (relative=True)" if factors == 2 else "one spin (two spins: relative=True)"
        )
        raise ValueError(
            f"state must be of {what}, each of dimension 2J+1≥2, not of dims {list(dims)}"
        )
    check_memory(f"a density matrix of {state.shape[0]} levels", 80.0 * state.shape[0] ** 2)
    rho = qutip.ket2dm(state).full() if state.isket else state.full()
    if abs(np.trace(rho) - 1) > 1e-8:
        raise ValueError(f"state must be normalised; its trace is {np.trace(rho).real:g}")
    return rho, dims


def _check_points(count: int, state: qutip.Qobj) -> None:
    """Refuse more angles than memory holds, each with as many terms as the state has levels."""
    size = 64.0 * count * state.shape[0]
    check_memory(f"{count} angles of a spin", size, advice="ask for fewer at a time")


def spin_phase_moments(state: qutip.Qobj, *, relative: bool = False) -> np.ndarray:
    r"""Fourier moments M_k=⟨e^{ikφ}⟩, k=0 … 2J, of the phase of a spin in its Husimi function.

    Parameters
    ----------
    state : Qobj
        Ket or density matrix of a spin J (dimension 2J+1, m=J first); with `relative` of two spins.
    relative : bool
        The moments of φ=φ_1−φ_2 instead, k=0 … 2 min(J_1, J_2).

    Returns
    -------
    ndarray
        Complex; the distribution is :math:`P(φ)=\frac1{2π}Σ_{k} M_ke^{-ikφ}` with
        :math:`M_{-k}=M_k^*`.

    Notes
    -----
    :math:`M_k=Σ_m G_{m+k,m}\,ρ_{m,m+k}`,
    :math:`G_{mn}=\sqrt{\binom{2J}{J-m}\binom{2J}{J-n}}\,Γ(J+\tfrac{m+n}2+1)Γ(J-\tfrac{m+n}2+1)/(2J)!`;
    for spin 1, G_{10}=G_{0,−1}=3π/8√2 and G_{1,−1}=½. For two spins the products of both.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import qutip
    >>> qsp.spin_phase_moments(qutip.spin_state(1, 1)).shape
    (3,)
    """
    rho, dims = _density(state, 2 if relative else 1)
    if not relative:
        # row i, column i−k: ρ_{m, m+k} with m = J−i
        weighted = rho * _overlaps(dims[0])
        return np.array([np.trace(weighted, offset=-k) for k in range(dims[0])])
    d1, d2 = dims
    r = rho.reshape(d1, d2, d1, d2)
    weighted = r * _overlaps(d1)[:, None, :, None] * _overlaps(d2)[None, :, None, :]
    out = [np.einsum("abab->", weighted[k:, : d2 - k, : d1 - k, k:]) for k in range(min(d1, d2))]
    return np.array(out)


def spin_phase(state: qutip.Qobj, phi: ArrayLike, *, relative: bool = False) -> np.ndarray:
    r"""Spin phase measure S(φ)=P(φ)−1/2π: how far the phase of a spin is from uniform.

    :math:`S(φ)=∫_0^π Q(θ,φ)\sin θ\,dθ - 1/2π`, Q the Husimi function of spin-coherent states; for
    spin 1

    .. math:: S(φ)=\tfrac{3}{8\sqrt2}\mathrm{Re}[(ρ_{10}+ρ_{0,-1})e^{iφ}] +
    \tfrac1{2π}\mathrm{Re}[ρ_{1,-1}e^{2iφ}].

    With `relative` the same of φ=φ_1−φ_2, the other angles integrated out; for two spins 1

    .. math:: S(φ)=\tfrac{9π}{128}\mathrm{Re}\Big[e^{iφ}Σ_{a,b\in\{0,-1\}}⟨a{+}1,b|ρ|a,b{+}1⟩\Big]
              + \tfrac1{4π}\mathrm{Re}[e^{2iφ}⟨1,-1|ρ|{-1},1⟩].

    Parameters
    ----------
    state : Qobj
        Ket or density matrix of a spin J (m=J first), or of two with `relative`.
    phi : array_like
        Angles.
    relative : bool
        See above.

    Returns
    -------
    ndarray of the shape of `phi`

    Notes
    -----
    A. Roulet, C. Bruder, Phys. Rev. Lett. 121, 053601 and 063601 (2018).

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import qutip
    >>> qsp.spin_phase(qutip.spin_state(1, 1), [0.0]) + 0.0  # a pole has no phase
    array([0.])
    """
    angles = check_array("phi", phi)
    _check_points(angles.size, state)
    M = spin_phase_moments(state, relative=relative)[1:]
    k = np.arange(1, len(M) + 1)
    return np.asarray((M * np.exp(-1j * angles[..., None] * k)).sum(axis=-1).real / np.pi)


def spin_phase_peak(state: qutip.Qobj, *, relative: bool = False) -> tuple[float, float]:
    """Return the largest S(φ) and the angle in (−π, π] where it is; (0, nan) for a uniform phase.

    The angle is the root of a polynomial, exact to rounding.

    Parameters
    ----------
    state : Qobj
        Ket or density matrix of a spin J (m=J first), or of two with `relative`.
    relative : bool
        Whether the phase is φ_1−φ_2 of two spins.

    Returns
    -------
    height, angle : float
        S(φ) in units of 1/rad, and φ.

    Raises
    ------
    TypeError, ValueError
        `state` is no normalised Qobj of one spin, or of two with `relative`.

    Examples
    --------
    >>> import numpy as np
    >>> import qsyncplug as qsp
    >>> import qutip
    >>> height, angle = qsp.spin_phase_peak(qutip.spin_coherent(1, np.pi / 2, 0.5))
    >>> round(angle, 6)
    0.5
    """
    M = spin_phase_moments(state, relative=relative)[1:]
    if np.abs(M).max() < 1e-14:
        return 0.0, float("nan")
    k = np.arange(1, len(M) + 1)
    # dS/dφ = 0 as a polynomial of e^{iφ} of degree twice the highest moment
    coefficients = np.concatenate([(-1j * k * M)[::-1], [0], 1j * k * M.conj()])[::-1]
    scale = np.abs(coefficients).max()
    roots = np.roots(coefficients / scale)
    angles = np.angle(roots[np.abs(np.abs(roots) - 1) < 1e-3])
    if (
        angles.size == 0
    ):  # pragma: no cover - a real trigonometric polynomial without constant has critical points
        angles = np.linspace(-np.pi, np.pi, 721)

    def slopes(phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        e = M * np.exp(-1j * phi[:, None] * k)
        return (-1j * k * e).sum(axis=1).real, (-(k**2) * e).sum(axis=1).real

    for _ in range(3):
        first, second = slopes(angles)
        angles = angles - np.where(
            np.abs(second) > 1e-12, first / np.where(second == 0, 1, second), 0
        )
    values = (M * np.exp(-1j * angles[:, None] * k)).sum(axis=1).real / np.pi
    best = int(np.argmax(values))
    angle = float(np.angle(np.exp(1j * angles[best])))
    return float(values[best]), angle


def spin_husimi(state: qutip.Qobj, theta: ArrayLike, phi: ArrayLike) -> np.ndarray:
    """Husimi function Q(θ,φ)=(2J+1)/4π ⟨θ,φ|ρ|θ,φ⟩ of a spin J, which integrates to 1 over the
    sphere.

    Parameters
    ----------
    state : Qobj
        Ket or density matrix of a spin J, m=J first.
    theta, phi : array_like
        Angles that broadcast together; |θ,φ⟩ points along (sinθ cosφ, sinθ sinφ, cosθ).

    Returns
    -------
    ndarray of the shape that `theta` and `phi` broadcast to

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import qutip
    >>> round(float(qsp.spin_husimi(qutip.spin_coherent(0.5, 0.0, 0.0), 0.0, 0.0)), 6)  # 2/4π
    0.159155
    """
    rho, (d,) = _density(state, 1)
    t, p = np.broadcast_arrays(check_array("theta", theta), check_array("phi", phi))
    _check_points(t.size, state)
    i = np.arange(d)
    log_norm = 0.5 * (gammaln(d) - gammaln(i + 1) - gammaln(d - i))
    # powers and binomials together: apart they leave the range of numbers from 2J ≈ 1000 on
    log_size = log_norm + xlogy(d - 1 - i, np.abs(np.cos(t[..., None] / 2)))
    log_size = log_size + xlogy(i, np.abs(np.sin(t[..., None] / 2)))
    sign = np.sign(np.cos(t[..., None] / 2)) ** (d - 1 - i) * np.sign(np.sin(t[..., None] / 2)) ** i
    c = sign * np.exp(log_size + 1j * i * p[..., None])
    return np.asarray(d / (4 * np.pi) * np.einsum("...i,ij,...j->...", c.conj(), rho, c).real)
