"""How close motions come to the origin, past which noise carries an amplitude and its angle slips.

Along the ray from 0 an oscillator fluctuates by σ about its distance d from 0 (in quadratures). It
is past 0 with the probability Q(d/σ) of a normal variable. About a circle around 0 that changes
the diffusion of its angle by less than a tenth down to d=2σ (against exact linewidths). An orbit
that comes close to 0 on one side passes it on the other side in a share p of all periods, which
changes the angle by a whole turn though nothing happens to the phase along the orbit: the angle
diffuses faster, by the order of 4π²p(1−p) a period.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ..core.tangent import radial_variance

__all__ = ["flags_at_origin", "slips_at_origin"]

#: distances from 0, in σ, down to which the angle follows the phase; share of what slips may add
_LEAST, _SHARE = 2.0, 0.05
#: amplitudes below this share of the largest one are 0: they have no angle
_DARK = 1e-6


def _distances(beta: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """d/σ of each oscillator, (..., N); infinite where it has no angle or does not fluctuate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.sqrt(2) * np.abs(beta) / np.sqrt(radial_variance(beta, covariance))
    lit = np.abs(beta).max(axis=tuple(range(beta.ndim - 1))) > _DARK * np.abs(beta).max()
    return np.where(lit, np.nan_to_num(out, nan=0.0, posinf=np.inf), np.inf)


def flags_at_origin(beta: np.ndarray, covariance: np.ndarray) -> tuple[str, ...]:
    """Which oscillator does not keep its angle, if one comes within 2σ of 0.

    Parameters
    ----------
    beta : (..., N) complex array
    covariance : (..., 2N, 2N) array
        Vacuum ½, free phases projected out.

    Returns
    -------
    tuple of str
        Empty, or one reason with its number.
    """
    distances = _distances(beta, covariance)
    least = distances.reshape(-1, distances.shape[-1]).min(axis=0)
    j = int(np.argmin(least))
    if least[j] >= _LEAST:
        return ()
    return (
        f"noise carries oscillator {j + 1} past the origin, which is {least[j]:.3g} standard "
        "deviations away: its angle does not follow the phase whose diffusion this is",
    )


def slips_at_origin(
    beta: np.ndarray, covariance: np.ndarray, period: float, spread: np.ndarray
) -> tuple[str, ...]:
    """Which oscillator's angle diffuses faster than the phases of an orbit say.

    Parameters
    ----------
    beta : (K, N) complex array
        At equidistant times of the period.
    covariance : (K, 2N, 2N) array
        Vacuum ½, free phases projected out.
    period : float
    spread : (N,) array
        By what the angle of each diffuses with the phases of the orbit.

    Returns
    -------
    tuple of str
        Empty, or one reason with its numbers.
    """
    distances = _distances(beta, covariance)
    # about a circle no side is closer, and what passes 0 adds nothing
    p = ndtr(-distances.min(axis=0)) - ndtr(-distances.max(axis=0))
    added = 4 * np.pi**2 * p * (1 - p) / period
    j = int(np.argmax(added / np.maximum(spread, 1e-300)))
    if added[j] <= _SHARE * spread[j]:
        return flags_at_origin(beta, covariance)
    return (
        f"noise carries oscillator {j + 1} past the origin, which the orbit comes as close to as "
        f"{distances[:, j].min():.3g} standard deviations: its angle slips by whole turns and "
        f"diffuses faster, by the order of {added[j]:.1g} beside the {spread[j]:.2g} of the "
        "phases of the orbit",
    )
