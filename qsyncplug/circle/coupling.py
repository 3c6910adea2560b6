"""Kuramoto's critical coupling: for a distribution of frequencies, and exactly for a finite set of
them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.optimize

from ..core.checks import check_array, check_memory, check_number
from ..core.interrupts import whole_or_nothing
from ..core.saved import Saved
from ..core.types import Adjacency
from .densities import Density
from .graphs import follow_locked
from .integrals import integral
from .model import refuse_mask

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["LockedState", "critical_coupling", "locked_state", "stationary_order_parameter"]


@dataclass(frozen=True)
class LockedState(Saved):
    r"""The stable phase-locked state of Kuramoto's model with natural frequencies.

    Attributes
    ----------
    coupling : float
        K of :math:`\dot x_i=ω_i-(K/C)\sum_jc_j\sin(x_i-x_j)`, :math:`C=\sum_jc_j`.
    frequency : float
        Ω, at which all particles rotate: the weighted mean of the natural frequencies.
    order_parameter : float
        :math:`r=|\sum_jc_je^{ix_j}|/C`.
    positions : ndarray of shape (N,)
        Angles, with the mean field at angle 0.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> state = qsp.locked_state([0.5, -0.5], 2.0)
    >>> round(float(state.positions[0] - state.positions[1]), 4)  # arcsin(Δ/K)
    0.5236
    """

    _axes: ClassVar[dict[str, str]] = {
        "positions": "N",
    }

    coupling: float
    frequency: float
    order_parameter: float
    positions: np.ndarray


@whole_or_nothing
def critical_coupling(
    frequencies: ArrayLike | Callable[[float], float],
    *,
    weights: ArrayLike | None = None,
    adjacency: Adjacency | None = None,
    phase_lag: float = 0.0,
) -> float:
    r"""Return the coupling K at which Kuramoto's model :math:`\dot
    x_i=ω_i-(K/C)\sum_jc_j\sin(x_i-x_j)` synchronises.

    Parameters
    ----------
    frequencies : array_like of shape (N,), or distribution
        Natural frequencies: the exact threshold above which phase-locked states exist, one of them
        stable, with all particles in a half circle. Or a frozen ``scipy.stats`` distribution or a
        density :math:`g(ω)`: the onset for N→∞, at which the incoherent state loses its linear
        stability.
    weights : array_like of shape (N,), optional
        :math:`c_j>0`; 1 unless given. :math:`C=\sum_jc_j`. Only with an array of frequencies.

    adjacency : (N, N) array, sparse matrix or networkx graph, optional
        :math:`a_{ij}` of :math:`\dot x_i=ω_i-K\sum_ja_{ij}\sin(x_i-x_j+α)`: the K down to which
        the stable locked state of strong coupling can be followed. Without weights.
    phase_lag : float
        α; with an array of frequencies.

    Returns
    -------
    float
        In the units of the frequencies.

    Raises
    ------
    ValueError, TypeError
        Frequencies that are not finite, weights that are not positive, a density that is not one.

    Notes
    -----
    Finite N: a locked state with mean field :math:`R=Kr` has :math:`\sin x_i=(ω_i-Ω)/R` and
    :math:`r=\frac1C\sum_jc_j(±)_j\sqrt{1-(ω_j-Ω)^2/R^2}`, Ω the weighted mean; the least K=R/r has
    all signs positive, and its minimum over R is the unique zero of
    :math:`\sum_jc_j(2\sqrt{1-s_j^2}-1/\sqrt{1-s_j^2})`,
    :math:`s_j=(ω_j-Ω)/R`.

    Distribution: :math:`K_c=2/(πg(Ω))`, the least over the zeros Ω of :math:`\mathrm{PV}\int
    g(ω)/(ω-Ω)\,dω`; for a symmetric density with one maximum Kuramoto's :math:`2/(πg(0))`.

    References
    ----------
    Y. Kuramoto (1975); S. H. Strogatz and R. E. Mirollo, J. Stat. Phys. 63, 613 (1991); R. E.
    Mirollo and S. H. Strogatz, Physica D 205, 249 (2005); M. Verwoerd and O. Mason, SIAM J. Appl.
    Dyn. Syst. 7, 134 (2008).

    Examples
    --------
    >>> from qsyncplug.circle import critical_coupling
    >>> critical_coupling([-0.5, 0.5])
    1.0
    >>> import scipy.stats
    >>> round(critical_coupling(scipy.stats.cauchy(scale=0.5)), 9)
    1.0
    """
    phase_lag = check_number("phase_lag", phase_lag)
    if callable(frequencies) or hasattr(frequencies, "pdf"):
        if weights is not None:
            raise ValueError("weights can be given only with an array of frequencies")
        if adjacency is not None or phase_lag != 0:
            raise ValueError("adjacency and phase_lag need an array of frequencies")
        return _onset(Density(frequencies))
    matrix = _matrix(frequencies, weights, adjacency, phase_lag)
    if matrix is not None:
        return follow_locked(matrix, frequencies, phase_lag=phase_lag)[0]
    deviations, c = _deviations(frequencies, weights)[1:]
    largest = float(np.max(np.abs(deviations)))
    if largest == 0:
        return 0.0
    return largest * _threshold(deviations, c, largest)[1]


@whole_or_nothing
def locked_state(
    frequencies: ArrayLike,
    coupling: float,
    *,
    weights: ArrayLike | None = None,
    adjacency: Adjacency | None = None,
    phase_lag: float = 0.0,
) -> LockedState:
    r"""Return the stable locked state of Kuramoto's model at a coupling above the threshold.

    Parameters
    ----------
    frequencies : array_like of shape (N,)
        Natural frequencies.
    coupling : float
        K, at least ``critical_coupling(frequencies)``.
    weights : array_like of shape (N,), optional
        :math:`c_j>0`.

    adjacency : (N, N) array, sparse matrix or networkx graph, optional
        As in :func:`critical_coupling`; the state is then followed from strong coupling.
    phase_lag : float
        α.

    Returns
    -------
    LockedState

    Raises
    ------
    ValueError
        There is no locked state at this coupling.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> round(qsp.locked_state([0.5, -0.5], 2.0).order_parameter, 4)
    0.9659
    """
    coupling = check_number("coupling", coupling, minimum=0.0)
    matrix = _matrix(frequencies, weights, adjacency, phase_lag)
    if matrix is not None:
        k, frequency, x = follow_locked(matrix, frequencies, phase_lag=phase_lag, coupling=coupling)
        share = _deviations(frequencies, weights)[2]
        return LockedState(k, frequency, float(abs(np.sum(share * np.exp(1j * x)))), x)
    mean, deviations, c = _deviations(frequencies, weights)
    largest = float(np.max(np.abs(deviations)))
    if largest == 0:
        return LockedState(coupling, mean, 1.0, np.zeros(deviations.size))
    excess, threshold = _threshold(deviations, c, largest)
    if coupling < largest * threshold * (1 - 1e-14):
        raise ValueError(
            f"coupling must be at least {largest * threshold!r} for a locked state to exist, not "
            f"{coupling!r}"
        )
    scaled = coupling / largest
    distance = 1 - np.abs(deviations) / largest

    def balance(e: float) -> float:
        return (1 + e) - scaled * float(np.sum(c * _cosines(distance, e)))

    # R/K = r ≤ 1 bounds R from above; at the threshold's R the balance is ≤ 0
    if balance(excess) < 0:
        excess = float(
            scipy.optimize.brentq(balance, excess, max(scaled, excess), xtol=1e-300, rtol=1e-15)
        )
    field = largest * (1 + excess)
    # near ±π/2 the cosine is what is accurate
    positions = np.sign(deviations) * np.arctan2(
        np.abs(deviations) / field, _cosines(distance, excess)
    )
    return LockedState(coupling, mean, field / coupling, positions)


def stationary_order_parameter(distribution: Callable[[float], float], coupling: float) -> float:
    r"""Return r of the partially locked stationary state for N→∞, a symmetric density with one
    maximum.

    Parameters
    ----------
    distribution : frozen ``scipy.stats`` distribution or callable density
        Of the natural frequencies; symmetric, falling on both sides of its centre.
    coupling : float
        K.

    Returns
    -------
    float
        The solution of :math:`1=K\int_{-π/2}^{π/2}\cos^2θ\,g(Ω+Kr\sin θ)\,dθ`; 0 below the onset.

    Raises
    ------
    ValueError
        The density is not symmetric, or not falling from its centre.

    Examples
    --------
    >>> import qsyncplug as qsp
    >>> import scipy.stats
    >>> round(qsp.stationary_order_parameter(scipy.stats.cauchy(), 4.0), 6)  # √(1−2/K)
    0.707107
    """
    coupling = check_number("coupling", coupling, minimum=0.0)
    density = Density(distribution)
    if not density.symmetric or not density.unimodal:
        raise ValueError("distribution must be symmetric and fall on both sides of its centre")

    def consistency(r: float) -> float:
        field = coupling * r
        if r == 0:
            return coupling * np.pi / 2 * density(density.centre) - 1

        def integrand(s: float) -> float:
            return (
                2
                * math.sqrt(max(0.0, (1 - s / field) * (1 + s / field)))
                * density(density.centre + s)
            )

        # in the frequency s = Kr sin θ: the density may be a narrow peak of the range, with pieces
        # of its own
        quantiles = np.abs(density.points - density.centre)
        scales = density.width * np.array([1e-2, 0.1, 0.3, 1.0, 3.0, 10.0, *np.logspace(2, 12, 11)])
        inner = np.unique(
            np.concatenate(
                [quantiles[::8], scales, np.array(density.edges), [0.5 * field, 0.9 * field]]
            )
        )
        ends = np.concatenate([[0.0], inner[(inner > 0) & (inner < field)], [field]])
        pieces = [
            integral(integrand, low, high, absolute=1e-15 * r)
            for low, high in itertools.pairwise(ends[:-1])
        ]
        # the last piece in θ, where the root is smooth
        low = math.asin(min(1.0, ends[-2] / field))

        def last(theta: float) -> float:
            return (
                2 * field * math.cos(theta) ** 2 * density(density.centre + field * math.sin(theta))
            )

        pieces.append(integral(last, low, np.pi / 2, absolute=1e-15 * r))
        return math.fsum(pieces) / r - 1

    if coupling == 0 or consistency(0.0) <= 0:
        return 0.0
    return (
        float(scipy.optimize.brentq(consistency, 0.0, 1.0, xtol=1e-14, rtol=1e-14))
        if consistency(1.0) < 0
        else 1.0
    )


# ---------------------------------------------------------------------- finite N


def _deviations(frequencies: Any, weights: Any) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean frequency, deviations from it, weights that sum to 1."""
    refuse_mask("frequencies", frequencies)
    refuse_mask("weights", weights)
    omega = check_array("frequencies", frequencies, shape=(None,))
    if omega.size == 0:
        raise ValueError("frequencies must hold at least one number")
    if weights is None:
        c = np.full(omega.size, 1 / omega.size)
    else:
        c = check_array("weights", weights, shape=(omega.size,))
        if np.any(c <= 0):
            raise ValueError(f"weights must be positive; the smallest is {c.min():g}")
        c = c / np.sum(c)
    mean = float(np.sum(c * omega))
    deviations = omega - mean
    # rounding of the mean must not make equal frequencies differ
    deviations[np.abs(deviations) <= 4e-16 * np.max(np.abs(omega))] = 0.0
    return mean, deviations, c


def _matrix(frequencies: Any, weights: Any, adjacency: Any, phase_lag: float) -> Any:
    """Who acts on whom where the closed form of the mean field does not serve, else None."""
    check_number("phase_lag", phase_lag)
    if adjacency is not None:
        if weights is not None:
            raise ValueError("weights go into the adjacency: give one of the two")
        return adjacency
    if phase_lag == 0:
        return None
    share = _deviations(frequencies, weights)[2]
    check_memory("all pairs", 32.0 * share.size**2)
    return np.tile(share, (share.size, 1))


def _cosines(distance: np.ndarray, excess: float) -> np.ndarray:
    """√(1−s²) where s = (1−distance)/(1+excess)."""
    return np.sqrt((distance + excess) * (2 - distance + excess)) / (1 + excess)


def _threshold(deviations: np.ndarray, c: np.ndarray, largest: float) -> tuple[float, float]:
    """Least K, and where: R = largest·(1+excess), K = largest·threshold."""
    distance = 1 - np.abs(deviations) / largest

    def slope(log_excess: float) -> float:
        cosines = _cosines(distance, np.exp(log_excess))
        return float(np.sum(c * (2 * cosines - 1 / cosines)))

    # at R = 2·largest every term is positive; towards largest the last one goes to −∞
    low = -1.0
    while slope(low) > 0:
        low -= 4.0
    excess = float(np.exp(scipy.optimize.brentq(slope, low, 0.0, xtol=1e-14)))
    return excess, (1 + excess) / float(np.sum(c * _cosines(distance, excess)))


def _onset(density: Density) -> float:
    """Least 2/(πg(Ω)) over the zeros Ω of the Hilbert transform."""
    zeros = [density.centre] if density.symmetric else []
    points = density.points
    if density.symmetric:
        points = points[points > density.centre + 1e-3 * density.width]
    if not (density.symmetric and density.unimodal):
        signs = density.rough_hilbert(points) > 0
        for k in map(int, np.flatnonzero(signs[1:] != signs[:-1])):
            # the rough zero may lie in a neighbouring interval
            for a, b in ((k, k + 1), (max(k - 1, 0), min(k + 2, points.size - 1))):
                if density.hilbert(float(points[a])) * density.hilbert(float(points[b])) < 0:
                    zeros.append(
                        float(
                            scipy.optimize.brentq(
                                density.hilbert,
                                points[a],
                                points[b],
                                xtol=1e-13 * density.width,
                                rtol=1e-14,
                            )
                        )
                    )
                    break
    heights = [density(zero) for zero in zeros]
    if not heights or max(heights) <= 0:
        raise ValueError(
            "frequencies: no frequency was found at which the incoherent state loses its stability"
        )
    return 2 / (np.pi * max(heights))
