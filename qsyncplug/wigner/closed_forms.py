"""Closed forms and bounds of Wigner–Lohe runs; those of two oscillators are those of waves."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..core.checks import check_array, check_integer, check_number
from ..waves.closed_forms import locking_regime

__all__ = ["diameter_bound", "distance_ratio", "locked_correlation", "practical_bound"]


def locked_correlation(coupling: float, offset: float) -> complex | None:
    r"""Return the limit :math:`\sqrt{1-Λ^2/κ^2}+iΛ/κ` of z_12=⟨φ_1,φ_2⟩ for V_1−V_2=Λ.

    Parameters
    ----------
    coupling : float
        κ≥0.
    offset : float
        Λ.

    Returns
    -------
    complex or None
        None where \|Λ\|≥κ: nothing locks.

    Raises
    ------
    ValueError
        A number that is not finite, or κ<0.

    Examples
    --------
    >>> locked_correlation(1.0, 0.6)
    (0.8+0.6j)
    """
    coupling = check_number("coupling", coupling, minimum=0.0)
    offset = check_number("offset", offset)
    if abs(offset) >= coupling:
        return None
    return locking_regime(coupling, offset / 2).limit


def distance_ratio(z0: complex, times: ArrayLike, coupling: float) -> np.ndarray:
    r"""Return ‖w_1−w_2‖²(t)/‖w_1−w_2‖²(0) of two oscillators of equal mass.

    Parameters
    ----------
    z0 : complex
        ∫w_12 over the mass, at the start.
    times : array_like
        Since the start.
    coupling : float
        κ≥0.

    Returns
    -------
    ndarray of the shape of `times`

    Notes
    -----
    :math:`4e^{κt}/|(1+z_0)e^{κt}+1-z_0|^2` is exact, for pure and mixed states; what is printed as
    the bound :math:`e^{-κt}` in Theorem 4.2 of Antonelli et al. and Theorem 2.4 of Ha et al. lacks
    the constant :math:`4/|1+z_0|^2`.

    Examples
    --------
    >>> float(distance_ratio(0.5, 0.0, 1.0))
    1.0
    """
    z0 = complex(check_array("z0", z0, shape=(), dtype=complex))
    e = np.exp(-check_number("coupling", coupling, minimum=0.0) * check_array("times", times))
    return np.asarray(4 * e / np.abs((1 + z0) + (1 - z0) * e) ** 2)


def diameter_bound(
    diameter0: float, times: ArrayLike, coupling: float, n: int | None = None
) -> np.ndarray:
    r"""Return the bound :math:`D_0e^{-κt}/(cD_0e^{-κt}+1-cD_0)` of D(Z)=max\|1−z_ij\|.

    Parameters
    ----------
    diameter0 : float
        D_0≥0, below 1/c.
    times : array_like
        Since the start.
    coupling : float
        κ≥0.
    n : int, optional
        N: with it c=(N−1)/N, which is sharper than Corollary 1 of Ha et al. (c=1) and attained
        where all off-diagonal z are equal and real.

    Returns
    -------
    ndarray of the shape of `times`

    Raises
    ------
    ValueError
        D_0 is negative or not below 1/c.

    Examples
    --------
    >>> float(diameter_bound(0.5, 0.0, 1.0, n=2))
    0.5
    """
    coupling = check_number("coupling", coupling, minimum=0.0)
    n = None if n is None else check_integer("n", n, minimum=1)
    c = 1.0 if n is None else (n - 1) / n
    diameter0 = check_number("diameter0", diameter0, minimum=0.0)
    if not c * diameter0 < 1:
        raise ValueError(f"diameter0 must be below {1 / c:g}, not {diameter0:g}")
    e = diameter0 * np.exp(-coupling * check_array("times", times))
    return np.asarray(e / (c * e + 1 - c * diameter0))


def practical_bound(
    diameter0: float, times: ArrayLike, coupling: float, difference: float
) -> np.ndarray:
    r"""Return a bound of D=max‖ψ_i−ψ_j‖ for different potentials: practical synchronisation.

    The solution of :math:`\dot y=κy(y-\tfrac12)+W`, y(0)=D_0, with W=max‖V_i−V_j‖_∞.

    Parameters
    ----------
    diameter0 : float
        D_0≥0, below :math:`y_+=\frac14(1+\sqrt{1-16W/κ})`.
    times : array_like
        Since the start.
    coupling : float
        κ>0.
    difference : float
        W≥0, below κ/16.

    Returns
    -------
    ndarray of the shape of `times`
        It tends to :math:`y_-=\frac14(1-\sqrt{1-16W/κ})≈2W/κ`.

    Raises
    ------
    ValueError
        16W≥κ or D_0≥y_+, where nothing is said.

    Notes
    -----
    Of states of norm 1. W=0 is Theorem 2.3 of Antonelli, Ha, Kim and Marcati with 2D_0 in the
    denominator, D_0/(2D_0+(1−2D_0)e^{κt/2}).

    Examples
    --------
    >>> bound = practical_bound(0.4, [0.0, 1000.0], coupling=1.0, difference=0.01)
    >>> bound.round(4).tolist()
    [0.4, 0.0209]
    """
    kappa = check_number("coupling", coupling, minimum=0.0, strict=True)
    w = check_number("difference", difference, minimum=0.0)
    start = check_number("diameter0", diameter0, minimum=0.0)
    if not 16 * w < kappa:
        raise ValueError(f"difference must be below coupling/16={kappa / 16:g}, not {w:g}")
    root = float(np.sqrt(1 - 16 * w / kappa))
    upper = (1 + root) / 4
    # without cancellation
    lower = 4 * w / kappa / (1 + root)
    if not start < upper:
        raise ValueError(f"diameter0 must be below {upper:g}, not {start:g}")
    # (y−y₋)/(y₊−y) falls as e^{−κ(y₊−y₋)t}
    share = (start - lower) / (upper - start)
    with np.errstate(over="ignore"):  # then it has come to its end
        e = share * np.exp(-kappa * root / 2 * check_array("times", times))
    return np.asarray((lower + upper * e) / (1 + e))
